//! Lists by pages: forward and back, while rows come and go, and with arguments that make no sense.
//! Every list of the schema is tried; one that is added tomorrow has to be.

mod counted;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lists::{Copies, GROUND, LISTS, List, SHORT, Who};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tests::{Person, TestApp, Visitor, World};

/// The world, and those of our people who look at lists of it.
struct Stage<'a> {
    app: &'a TestApp,
    world: World<'a>,
    admin: Person<'a>,
    mediator: Person<'a>,
    /// How many copies were made.
    copies: AtomicU32,
}

impl<'a> Stage<'a> {
    async fn set(app: &'a TestApp) -> Self {
        let world = app.world().await;
        let invite =
            json!({ "organizationId": world.ids()["organization"], "email": "new@example.com", "role": "VIEWER" });
        world.client().does("memberInvite", invite, "invitation { id }").await.ok();
        let (admin, mediator) = (app.admin("warden").await, app.mediator("marta").await);
        let stage = Self { app, world, admin, mediator, copies: AtomicU32::new(0) };
        let ground: Vec<String> = GROUND.iter().map(|sql| stage.named(sql)).collect();
        stage.behind_the_scenes("the ground", &ground).await;
        stage
    }

    async fn looks(&self, list: &List) -> Visitor<'_> {
        match list.who {
            Who::Client => self.world.client(),
            Who::Freelancer => self.world.freelancer(),
            Who::Admin => self.admin.visitor().await,
            Who::Mediator => self.mediator.visitor().await,
        }
    }

    /// SQL with the ids of the world in it.
    fn named(&self, sql: &str) -> String {
        let ids = self.world.ids().iter();
        ids.fold(sql.to_owned(), |sql, (name, id)| sql.replace(&format!("{{{name}}}"), id))
    }

    /// Run this without triggers and foreign keys, which are no matter of paging; but what gives
    /// events and notifications their places must run.
    async fn behind_the_scenes(&self, field: &str, statements: &[String]) {
        let mut connection = self.app.pool().acquire().await.unwrap();
        let before = [
            "set session_replication_role = replica",
            "alter table events enable always trigger events_place",
            "alter table notifications enable always trigger notifications_place",
        ];
        let after = ["set session_replication_role = origin"];
        let statements = statements.iter().map(String::as_str);
        for sql in before.into_iter().chain(statements).chain(after) {
            let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await;
            done.unwrap_or_else(|why| panic!("{field}: {why}\n{sql}"));
        }
    }

    /// Fill a list with so many copies of a row that is there.
    async fn fill(&self, list: &List, count: u32) {
        let Some(Copies { table, of, own, then, .. }) = &list.copies else { return };
        let columns: Vec<String> = sqlx::query_scalar(
            "select quote_ident(column_name) from information_schema.columns
             where table_name = $1 and table_schema = 'public' and is_generated = 'NEVER' and is_identity = 'NO'",
        )
        .bind(table)
        .fetch_all(self.app.pool())
        .await
        .unwrap();
        let columns = columns.join(", ");
        let from = self.copies.fetch_add(count, Ordering::Relaxed) + 1;
        let to = from + count - 1;
        let mut statements = vec![self.named(&format!(
            "insert into {table} ({columns}) select {columns} from (
                 select (jsonb_populate_record(t, jsonb_build_object({own}))).* from {table} t, generate_series({from}, {to}) n
                 where t.ctid = (select ctid from {table} where {of} order by ctid limit 1)) copies"
        ))];
        if !then.is_empty() {
            statements.push(self.named(then));
        }
        self.behind_the_scenes(list.field, &statements).await;
    }

    /// The row that a cursor names is gone.
    async fn remove(&self, list: &List, cursor: &str) {
        let Some(Copies { table, key, .. }) = &list.copies else { return };
        let gone = format!("delete from {table} where {key}::text = '{}'", row(cursor));
        self.behind_the_scenes(list.field, &[gone]).await;
    }

    async fn ask(&self, list: &List, arguments: Value) -> tests::Reply {
        let (ty, field) = list.field.split_once('.').unwrap();
        let (opens, closes) = match ty {
            "Query" => (String::new(), ""),
            "Viewer" => ("viewer {".to_owned(), "}"),
            _ => (format!("node(id: $id) {{ ... on {ty} {{"), "} }"),
        };
        let query = format!(
            "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{ used: node(id: $id) {{ id }}
             {opens} {field}({} first: $first, after: $after, last: $last, before: $before) {{
                 edges {{ cursor }} nodes {{ __typename }}
                 pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} {closes} }}",
            list.with
        );
        let mut variables = arguments;
        variables["id"] = json!(self.world.ids().get(list.on).map_or("", String::as_str));
        self.looks(list).await.asks(&query, variables).await
    }

    async fn page(&self, list: &List, arguments: Value) -> Page {
        let reply = self.ask(list, arguments).await;
        let found = connection(reply.data());
        let cursors: Vec<String> = found["edges"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|edge| edge["cursor"].as_str().unwrap_or_default().to_owned())
            .collect();
        let info = &found["pageInfo"];
        assert_eq!(info["startCursor"].as_str(), cursors.first().map(String::as_str), "{}", list.field);
        assert_eq!(info["endCursor"].as_str(), cursors.last().map(String::as_str), "{}", list.field);
        assert_eq!(found["nodes"].as_array().map(Vec::len), Some(cursors.len()), "{}", list.field);
        Page { cursors, next: info["hasNextPage"] == true, previous: info["hasPreviousPage"] == true }
    }

    /// All pages forward; `meanwhile` rows come after the second.
    async fn forward(&self, list: &List, meanwhile: u32) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for round in 0.. {
            let page = self.page(list, json!({ "first": list.rows / 5 - 3, "after": seen.last() })).await;
            assert_eq!(page.previous, round > 0, "{}: there is something before page {round}", list.field);
            seen.extend(page.cursors);
            if !page.next {
                break;
            }
            if round == 1 && meanwhile > 0 {
                self.fill(list, meanwhile).await;
            }
        }
        rows(list, &seen)
    }

    /// All pages back from the end; `meanwhile` rows come after the second.
    async fn backward(&self, list: &List, meanwhile: u32) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for round in 0.. {
            let page = self.page(list, json!({ "last": list.rows / 5 - 3, "before": seen.first() })).await;
            assert_eq!(page.next, round > 0, "{}: there is something after page {round}", list.field);
            seen.splice(0..0, page.cursors);
            if !page.previous {
                break;
            }
            if round == 1 && meanwhile > 0 {
                self.fill(list, meanwhile).await;
            }
        }
        rows(list, &seen)
    }
}

/// One page: the cursors, and whether there is more.
struct Page {
    cursors: Vec<String>,
    next: bool,
    previous: bool,
}

fn connection(data: &Value) -> &Value {
    match data {
        Value::Object(fields) if fields.contains_key("edges") => data,
        Value::Object(fields) => {
            let inner = fields.iter().filter(|(name, _)| *name != "used").map(|(_, value)| value).next();
            connection(inner.unwrap_or_else(|| panic!("no list: {data}")))
        }
        _ => panic!("no list: {data}"),
    }
}

/// What names the row in a cursor: the last of its keys.
fn row(cursor: &str) -> String {
    let place: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
    let key = place[1].as_array().and_then(|keys| keys.last()).and_then(Value::as_object).unwrap();
    match key.values().next().unwrap() {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The rows of cursors, each once.
fn rows(list: &List, cursors: &[String]) -> Vec<String> {
    let rows: Vec<String> = cursors.iter().map(|cursor| row(cursor)).collect();
    let distinct: BTreeSet<&String> = rows.iter().collect();
    assert_eq!(distinct.len(), rows.len(), "{} repeats something", list.field);
    rows
}

#[tokio::test]
async fn lists_of_250_lose_and_repeat_nothing_while_rows_come_and_go() {
    let app = TestApp::new().await;
    let stage = Stage::set(&app).await;
    for list in LISTS {
        let name = format!("{} {}", list.field, list.with);
        stage.fill(list, list.rows).await;
        let all = stage.forward(list, 0).await;
        assert!(all.len() >= list.rows as usize, "{name} has only {}", all.len());
        assert_eq!(stage.backward(list, 0).await, all, "{name} is another list backwards");

        for grown in [stage.forward(list, 9).await, stage.backward(list, 9).await] {
            let grown: BTreeSet<String> = grown.into_iter().collect();
            assert!(all.iter().all(|row| grown.contains(row)), "{name} loses something while it grows");
        }

        // The row at a cursor goes: the list goes on after the place it had, and before it.
        let all = stage.forward(list, 0).await;
        let page = stage.page(list, json!({ "first": 20 })).await;
        let gone = page.cursors.last().unwrap();
        stage.remove(list, gone).await;
        let after = stage.page(list, json!({ "first": 30, "after": gone })).await;
        let before = stage.page(list, json!({ "last": 30, "before": gone })).await;
        assert_eq!(rows(list, &before.cursors), all[..19], "{name}, before a row that is gone");
        assert_eq!(rows(list, &after.cursors), all[20..50], "{name}, after a row that is gone");
    }
}

#[tokio::test]
async fn page_arguments_that_make_no_sense_are_refused_by_every_list() {
    let app = TestApp::new().await;
    let stage = Stage::set(&app).await;
    let mut cursors = Vec::new();
    for list in LISTS {
        stage.fill(list, 1).await;
        let none = stage.page(list, json!({ "first": 0 })).await;
        assert!(none.cursors.is_empty() && none.next, "{}: a page of none, and there is more", list.field);
        cursors.push(stage.page(list, json!({ "first": 1 })).await.cursors.remove(0));
    }
    for (place, list) in LISTS.iter().enumerate() {
        let foreign = &cursors[(place + 1) % cursors.len()];
        for arguments in [
            json!({ "first": -1 }),
            json!({ "last": -1 }),
            json!({ "first": 1_000_000_000 }),
            json!({ "first": 101 }),
            json!({ "first": 1, "last": 1 }),
            json!({ "after": "nonsense" }),
            json!({ "before": "" }),
            json!({ "after": foreign }),
            json!({ "last": 5, "before": foreign }),
        ] {
            let reply = stage.ask(list, arguments.clone()).await;
            // A page of a billion is too dear before it is looked at.
            let expected = if arguments["first"] == 1_000_000_000 { "TOO_EXPENSIVE" } else { "BAD_USER_INPUT" };
            assert_eq!(reply.failed(), [expected], "{} {} {arguments}: {:#}", list.field, list.with, reply.body);
        }
    }
}

/// The fields of the schema's objects that are lists: by pages or whole.
async fn listed() -> BTreeMap<String, bool> {
    let query = "{ __schema { types { kind name interfaces { name } fields { name type {
        kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";
    let answer = api::schema::bare().execute(query).await.into_result().unwrap().data.into_json().unwrap();
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = BTreeMap::new();
    for ty in items(&answer["__schema"]["types"]) {
        let name = ty["name"].as_str().unwrap_or_default();
        if ty["kind"] != "OBJECT" || name.starts_with("__") {
            continue;
        }
        for field in items(&ty["fields"]) {
            let path = format!("{name}.{}", field["name"].as_str().unwrap_or_default());
            let mut of = &field["type"];
            let mut whole = false;
            while !of["ofType"].is_null() {
                whole |= of["kind"] == "LIST";
                of = &of["ofType"];
            }
            let pages = of["name"].as_str().unwrap_or_default().ends_with("Connection");
            // A page's own parts; what an act was refused for; where in an input; what may be done.
            let part = name.ends_with("Connection") && ["edges", "nodes"].contains(&field["name"].as_str().unwrap());
            let manner = ["errors", "path", "allowed"].contains(&field["name"].as_str().unwrap());
            if pages || (whole && !part && !manner) {
                found.insert(path, pages);
            }
        }
    }
    found
}

#[tokio::test]
async fn every_list_of_the_schema_is_paged_here_or_known_to_be_short() {
    let listed = listed().await;
    assert!(listed.len() > 60, "the test reads the schema wrongly: {listed:?}");
    let paged: BTreeSet<&str> = LISTS.iter().map(|list| list.field).collect();
    let short: BTreeSet<&str> = SHORT.iter().map(|(field, _)| *field).collect();
    for (field, pages) in &listed {
        let known = if *pages { paged.contains(field.as_str()) } else { short.contains(field.as_str()) };
        assert!(
            known,
            "{field} is a list: page through it in LISTS, or if it has no pages, say in SHORT what keeps it short"
        );
    }
    for field in paged.iter().chain(&short) {
        assert!(listed.contains_key(*field), "{field} is no list of the schema any more");
    }
}

#[tokio::test]
async fn a_cursor_that_was_made_up_is_refused_like_any_other_that_makes_no_sense() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let query = "query($after: String!) { viewer { sessions(first: 1, after: $after) { nodes { id } } } }";
    let ask = async |key: Value| {
        let after = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&json!(["sessions", [key]])).unwrap());
        ada.asks(query, json!({ "after": after })).await
    };
    for key in [
        json!({ "text": "x" }),
        json!({ "text": "\u{0}" }),
        json!({ "int": 1 }),
        json!({ "time": "2026-06-01T08:00:00Z" }),
        json!({ "time": "-200000-06-01T08:00:00Z" }),
    ] {
        assert_eq!(ask(key.clone()).await.failed(), ["BAD_USER_INPUT"], "{key}");
    }
    assert!(ask(json!({ "uuid": "00000000-0000-0000-0000-000000000000" })).await.body["errors"].is_null());
}

#[tokio::test]
async fn milestones_in_a_list_of_contracts_are_the_same_however_much_of_them_is_asked() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    for number in 1..=2 {
        app.market.clock().advance(chrono::TimeDelta::minutes(1));
        let more = json!({ "contractId": deal.contract, "title": format!("More {number}"), "description": "Much of it",
            "amount": { "amount": "10.00" }, "dueAt": "2027-01-01T00:00:00Z" });
        deal.freelancer.does("milestonePropose", more, "milestone { id }").await.ok();
    }
    const OUTLINE: &str = "id kind title description dueAt amount { amount currency } status version";
    const WHOLE: &str = "approvesAt releasesAt dormantAt refundsAt holdDays changeNote refundRequest { resolvesAt } rounds
        graceHours money { funded { amount } held { amount } } quote { clientPays { amount } } contract { id } offer { id }
        submissions(first: 1) { nodes { message } } allowed viewerCanFund viewerCanSubmit viewerCanApprove";
    let query = format!(
        "query($contract: ID!, $milestone: ID!) {{
            viewer {{
                outlined: contracts {{ nodes {{ milestones(first: 2) {{
                    nodes {{ {OUTLINE} }} edges {{ cursor node {{ title }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}
                whole: contracts {{ nodes {{ milestones(first: 2) {{ nodes {{ {OUTLINE} {WHOLE} }} }} }} }}
            }}
            contract(id: $contract) {{ milestones(first: 2) {{
                nodes {{ {OUTLINE} {WHOLE} }} edges {{ cursor node {{ title }} }} pageInfo {{ hasNextPage endCursor }} }} }}
            milestone(id: $milestone) {{ {OUTLINE} {WHOLE} }}
        }}"
    );
    let variables = json!({ "contract": deal.contract, "milestone": deal.milestone });
    let seen = deal.freelancer.asks(&query, variables).await;
    let (viewer, single) = (&seen.data()["viewer"], &seen.data()["contract"]["milestones"]);
    let outlined = &viewer["outlined"]["nodes"][0]["milestones"];
    let whole = &viewer["whole"]["nodes"][0]["milestones"];
    assert_eq!(whole["nodes"], single["nodes"]);
    assert_eq!(whole["nodes"][0], seen.data()["milestone"]);
    assert_eq!(whole["nodes"][0]["viewerCanSubmit"], json!(false));
    assert!(whole["nodes"][0]["approvesAt"].is_string());
    assert_eq!((&outlined["edges"], &outlined["pageInfo"]), (&single["edges"], &single["pageInfo"]));
    assert_eq!(outlined["pageInfo"]["hasNextPage"], json!(true));
    for (outline, whole) in outlined["nodes"].as_array().unwrap().iter().zip(whole["nodes"].as_array().unwrap()) {
        for (field, value) in outline.as_object().unwrap() {
            assert_eq!(value, &whole[field], "{field}");
        }
    }
    assert_eq!(outlined["nodes"].as_array().unwrap().len(), 2);

    let next = "query($after: String) { viewer { contracts { nodes { milestones(first: 2, after: $after) { nodes { title } } } } } }";
    let next = deal.freelancer.asks(next, json!({ "after": outlined["pageInfo"]["endCursor"] })).await;
    let next = &next.data()["viewer"]["contracts"]["nodes"][0]["milestones"]["nodes"];
    assert_eq!(*next, json!([{ "title": "More 2" }]));
}
