//! Lists by pages: forward and back, while rows are added, and with arguments that make no sense.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tests::{TestApp, Visitor};

/// A list of the schema, and how rows get into it.
struct List {
    /// Its name, for whoever reads a failure.
    name: &'static str,
    /// Everything around `(first…)`: `node(id: $id) { … on Contract { events`, with `$id` where an id goes.
    field: &'static str,
    /// Closes what `field` opened.
    closes: &'static str,
    /// Does the client look, or the freelancer?
    client: bool,
    /// The table the rows are in, and what a copy of the row has of its own, as SQL over `n`.
    copies: (&'static str, &'static str),
}

const LISTS: &[List] = &[
    List {
        name: "gigs",
        field: "gigs(filter: { states: [OPEN, FILLED] } ",
        closes: "",
        client: true,
        copies: ("gigs", "'published_at', now() - n * interval '1 second'"),
    },
    List {
        name: "gigs, the best first",
        field: "gigs(orderBy: BEST_MATCH filter: { states: [OPEN, FILLED] } ",
        closes: "",
        client: false,
        copies: ("gigs", "'state', 'open', 'state_at', null, 'published_at', now() - n * interval '1 second'"),
    },
    List {
        name: "organization.gigs",
        field: "node(id: $id) { ... on Organization { gigs(",
        closes: "} }",
        client: true,
        copies: ("gigs", "'version', 1"),
    },
    List {
        name: "milestone.submissions",
        field: "node(id: $id) { ... on Milestone { submissions(",
        closes: "} }",
        client: true,
        copies: ("submissions", "'message', 'Work'"),
    },
    List {
        name: "contract.milestones",
        field: "node(id: $id) { ... on Contract { milestones(",
        closes: "} }",
        client: true,
        copies: ("milestones", "'title', 'More'"),
    },
    List {
        name: "contract.events",
        field: "node(id: $id) { ... on Contract { events(",
        closes: "} }",
        client: true,
        copies: ("events", "'trace', 'a copy'"),
    },
    List {
        name: "organization.offers",
        field: "node(id: $id) { ... on Organization { offers(",
        closes: "} }",
        client: true,
        copies: ("offers", "'contract_id', gen_random_uuid()"),
    },
    List {
        name: "viewer.contracts",
        field: "viewer { contracts(",
        closes: "}",
        client: false,
        copies: ("contracts", "'offer_id', gen_random_uuid()"),
    },
    List {
        name: "viewer.notifications",
        field: "viewer { notifications(",
        closes: "}",
        client: false,
        copies: ("notifications", "'event_id', gen_random_uuid()"),
    },
    List {
        name: "viewer.sessions",
        field: "viewer { sessions(",
        closes: "}",
        client: false,
        copies: ("sessions", "'agent', 'a browser'"),
    },
    List {
        name: "viewer.payouts",
        field: "viewer { payouts(",
        closes: "}",
        client: false,
        copies: ("payouts", "'version', 1"),
    },
];

/// Which object a list hangs on, where it hangs on one.
fn anchor(list: &List) -> &'static str {
    match list.name.split('.').next() {
        Some("organization") => "organization",
        Some("milestone") => "milestone",
        Some("contract") => "contract",
        _ => "gig",
    }
}

/// Copy a row so many times. Foreign keys and triggers are no matter of paging; but what gives
/// events and notifications their places must run.
async fn copy(app: &TestApp, list: &List, n: u32) {
    let (table, own) = list.copies;
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns
         where table_name = $1 and table_schema = 'public' and is_generated = 'NEVER' and is_identity = 'NO'",
    )
    .bind(table)
    .fetch_all(app.pool())
    .await
    .unwrap();
    let columns = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let of = match list.name {
        "contract.events" => "where contract_id is not null and for_client",
        "viewer.notifications" => "where user_id = (select freelancer_id from contracts limit 1)",
        "viewer.sessions" => "where ended_at is null and user_id = (select freelancer_id from contracts limit 1)",
        _ => "",
    };
    let insert = format!(
        "insert into {table} ({columns}) select {columns} from (
             select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), {own}))).*
             from {table} t, generate_series(1, {n}) n where t.id = (select id from {table} {of} order by id limit 1)) copies"
    );
    let mut connection = app.pool().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica".to_owned(),
        "alter table events enable always trigger events_place".to_owned(),
        "alter table notifications enable always trigger notifications_place".to_owned(),
        insert,
        "set session_replication_role = origin".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .unwrap_or_else(|why| panic!("{}: {why}", list.name));
    }
}

/// One page: the cursors, and whether there is more.
struct Page {
    cursors: Vec<String>,
    next: bool,
    previous: bool,
}

async fn ask(who: &Visitor<'_>, list: &List, id: &str, arguments: Value) -> tests::Reply {
    let query = format!(
        "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{ used: node(id: $id) {{ id }} {}\
         first: $first, after: $after, last: $last, before: $before) {{ edges {{ cursor }} \
         pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} {} }}",
        list.field, list.closes
    );
    let mut variables = arguments;
    variables["id"] = json!(id);
    who.asks(&query, variables).await
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

async fn page(who: &Visitor<'_>, list: &List, id: &str, arguments: Value) -> Page {
    let reply = ask(who, list, id, arguments).await;
    let found = connection(reply.data());
    let cursors: Vec<String> = found["edges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|edge| edge["cursor"].as_str().unwrap_or_default().to_owned())
        .collect();
    let info = &found["pageInfo"];
    assert_eq!(info["startCursor"].as_str(), cursors.first().map(String::as_str), "{}", list.name);
    assert_eq!(info["endCursor"].as_str(), cursors.last().map(String::as_str), "{}", list.name);
    Page { cursors, next: info["hasNextPage"] == true, previous: info["hasPreviousPage"] == true }
}

/// All pages forward; `meanwhile` rows are added after the second.
async fn forward(app: &TestApp, who: &Visitor<'_>, list: &List, id: &str, meanwhile: u32) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for round in 0.. {
        let page = page(who, list, id, json!({ "first": 47, "after": seen.last() })).await;
        assert_eq!(page.previous, round > 0, "{}: there is something before page {round}", list.name);
        seen.extend(page.cursors);
        if !page.next {
            return seen;
        }
        if round == 1 && meanwhile > 0 {
            copy(app, list, meanwhile).await;
        }
    }
    seen
}

async fn backward(who: &Visitor<'_>, list: &List, id: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = page(who, list, id, json!({ "last": 47, "before": seen.first() })).await;
        seen.splice(0..0, page.cursors);
        if !page.previous {
            return seen;
        }
    }
}

#[tokio::test]
async fn lists_of_250_lose_and_repeat_nothing_while_they_grow() {
    let app = TestApp::new().await;
    let world = app.world().await;
    for list in LISTS {
        let who = if list.client { world.client() } else { world.freelancer() };
        let id = &world.ids()[anchor(list)];
        copy(&app, list, 250).await;
        let all = forward(&app, &who, list, id, 0).await;
        assert!(all.len() >= 250, "{} has only {}", list.name, all.len());
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{} repeats something", list.name);
        assert_eq!(backward(&who, list, id).await, all, "{} is another list backwards", list.name);

        let grown = forward(&app, &who, list, id, 9).await;
        let distinct: std::collections::BTreeSet<&String> = grown.iter().collect();
        assert_eq!(distinct.len(), grown.len(), "{} repeats something while it grows", list.name);
        assert!(all.iter().all(|cursor| distinct.contains(cursor)), "{} loses something while it grows", list.name);
    }
}

#[tokio::test]
async fn page_arguments_that_make_no_sense_are_refused_by_every_list() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let mut cursors = Vec::new();
    for list in LISTS {
        let who = if list.client { world.client() } else { world.freelancer() };
        let id = &world.ids()[anchor(list)];
        let none = page(&who, list, id, json!({ "first": 0 })).await;
        assert!(none.cursors.is_empty() && none.next, "{}: a page of none, and there is more", list.name);
        cursors.push(page(&who, list, id, json!({ "first": 1 })).await.cursors.remove(0));
    }
    for (place, list) in LISTS.iter().enumerate() {
        let who = if list.client { world.client() } else { world.freelancer() };
        let id = &world.ids()[anchor(list)];
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
            let reply = ask(&who, list, id, arguments.clone()).await;
            // A page of a billion is too dear before it is looked at.
            let expected = if arguments["first"] == 1_000_000_000 { "TOO_EXPENSIVE" } else { "BAD_USER_INPUT" };
            assert_eq!(reply.failed(), [expected], "{} {arguments}: {:#}", list.name, reply.body);
        }
    }
}
