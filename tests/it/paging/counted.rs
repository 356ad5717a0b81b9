//! How long lists say they are, and lists of some states.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::TestApp;

use super::lists::{LISTS, List};
use super::{Stage, connection};
use crate::seen::{Types, named, text};

/// What a list of the schema can be asked.
struct Manner {
    /// The states it can be narrowed to, and the field of an item that says which it is in.
    states: Option<(Vec<String>, &'static str)>,
    /// Does it say how long it is?
    counts: bool,
}

impl Manner {
    fn of(types: &Types, list: &List) -> Self {
        let (ty, name) = list.field.split_once('.').unwrap();
        let field = types.fields(ty).into_iter().find(|field| field["name"] == name).unwrap();
        let fields = types.fields(&named(&field["type"]));
        let edge = named(&fields.iter().find(|field| field["name"] == "edges").unwrap()["type"]);
        let node = named(&types.fields(&edge).into_iter().find(|field| field["name"] == "node").unwrap()["type"]);
        let states = field["args"].as_array().into_iter().flatten().find(|argument| argument["name"] == "states");
        let states = states.map(|argument| {
            let says = ["status", "state"];
            let says = says.into_iter().find(|says| types.fields(&node).iter().any(|field| field["name"] == *says));
            (types.values(&named(&argument["type"])), says.unwrap())
        });
        Self { states, counts: fields.iter().any(|field| field["name"] == "totalCount") }
    }
}

impl Stage<'_> {
    /// The list in some states, or in any: how long it says it is, the state of each item, and the cursors.
    async fn narrowed(&self, list: &List, manner: &Manner, arguments: &str) -> (Value, Vec<String>, Vec<String>) {
        let reply = self.ask_of(list, manner, arguments).await;
        let found = connection(reply.data());
        let edges = found["edges"].as_array().unwrap();
        let states = edges.iter().map(|edge| text(&edge["node"]["says"])).collect();
        (found["totalCount"].clone(), states, edges.iter().map(|edge| text(&edge["cursor"])).collect())
    }

    async fn ask_of(&self, list: &List, manner: &Manner, arguments: &str) -> tests::Reply {
        let (ty, field) = list.field.split_once('.').unwrap();
        let (opens, closes) = match ty {
            "Query" => (String::new(), ""),
            "Viewer" => ("viewer {".to_owned(), "}"),
            _ => (format!("node(id: $id) {{ ... on {ty} {{"), "} }"),
        };
        let says = manner.states.as_ref().map(|(_, says)| format!("says: {says}")).unwrap_or_default();
        let query = format!(
            "query($id: ID!) {{ used: node(id: $id) {{ id }} {opens} {field}({} {arguments} first: 100) {{
                 totalCount edges {{ cursor node {{ __typename {says} }} }} }} {closes} }}",
            list.with
        );
        let id = self.world.ids().get(list.on).map_or("", String::as_str);
        self.looks(list).await.asks(&query, json!({ "id": id })).await
    }
}

#[tokio::test]
async fn a_list_says_how_long_it_is_and_shows_the_states_that_are_asked_for() {
    let (app, types) = (TestApp::new().await, Types::read().await);
    let stage = Stage::set(&app).await;
    let (mut counted, mut narrowed) = (0, 0);
    for list in LISTS {
        let (manner, name) = (Manner::of(&types, list), format!("{} {}", list.field, list.with));
        if !manner.counts {
            continue;
        }
        counted += 1;
        stage.fill(list, 3).await;
        let (length, all, cursors) = stage.narrowed(list, &manner, "").await;
        assert_eq!(length, json!(cursors.len()), "{name}");
        let Some((states, _)) = &manner.states else { continue };
        narrowed += 1;
        if list.with.contains("states") {
            continue;
        }
        let columns: Vec<String> = sqlx::query_scalar(
            "select pg_get_constraintdef(oid) from pg_constraint where contype = 'c' and conrelid = $1::text::regclass",
        )
        .bind(list.copies.as_ref().unwrap().table)
        .fetch_all(app.pool())
        .await
        .unwrap();
        for state in states {
            // A name that no row can have would find nothing, and seem to work.
            let in_rows = format!("'{}'", state.to_lowercase());
            assert!(
                columns.iter().any(|check| check.contains(&in_rows)),
                "{name}: no row can be {in_rows}: {columns:?}"
            );
            let of_it = all.iter().filter(|other| *other == state).count();
            let (length, shown, its) = stage.narrowed(list, &manner, &format!("states: [{state}]")).await;
            assert_eq!((length, shown), (json!(of_it), vec![state.clone(); of_it]), "{name}, of {state}");
            let others =
                states.iter().filter(|other| *other != state).map(String::as_str).collect::<Vec<_>>().join(", ");
            let (length, shown, _) = stage.narrowed(list, &manner, &format!("states: [{others}]")).await;
            assert_eq!(length, json!(all.len() - of_it), "{name}, of all but {state}");
            assert!(!shown.contains(state), "{name}");
            // A cursor of some states is none of others.
            if let (Some(one), Some(any)) = (its.first(), cursors.first()) {
                for (cursor, of) in
                    [(one, String::new()), (one, format!("states: [{others}]")), (any, format!("states: [{state}]"))]
                {
                    let reply = stage.ask_of(list, &manner, &format!("{of} after: \"{cursor}\"")).await;
                    assert_eq!(reply.failed(), ["BAD_USER_INPUT"], "{name}, of {state}");
                }
                let again = stage.ask_of(list, &manner, &format!("states: [{state}, {state}] after: \"{one}\"")).await;
                let rest = connection(again.data())["edges"].as_array().map(Vec::len);
                assert_eq!(rest, Some(of_it - 1), "{name}, of {state}, after the first");
            }
        }
    }
    assert!(counted > 20 && narrowed > 15, "{counted} count, {narrowed} can be narrowed");
}

#[tokio::test]
async fn a_list_is_counted_up_to_a_thousand_and_only_when_that_is_asked() {
    let app = TestApp::new().await;
    let stage = Stage::set(&app).await;
    let list = LISTS.iter().find(|list| list.field == "Viewer.proposals").unwrap();
    stage.fill(list, 1_010).await;
    let freelancer = stage.world.freelancer();
    let ask = async |what: &str| {
        app.statements();
        let reply = freelancer.asks(&format!("{{ viewer {{ proposals(first: 2) {{ {what} }} }} }}"), json!({})).await;
        let counts = app.statements().iter().filter(|sql| sql.contains("count(*)")).count();
        (reply.data()["viewer"]["proposals"].clone(), counts)
    };
    let (found, counts) = ask("totalCount nodes { __typename }").await;
    assert_eq!((&found["totalCount"], found["nodes"].as_array().map(Vec::len)), (&json!(1_000), Some(2)));
    assert_eq!(counts, 1);
    assert_eq!(ask("nodes { __typename }").await.1, 0);
    let through_a_fragment = "... on ProposalConnection { ... { how: totalCount } }";
    assert_eq!(ask(through_a_fragment).await.0, json!({ "how": 1_000 }));
}

#[tokio::test]
async fn the_lists_of_many_are_counted_in_one_statement() {
    let app = TestApp::new().await;
    let stage = Stage::set(&app).await;
    let contracts = LISTS.iter().find(|list| list.field == "Viewer.contracts").unwrap();
    stage.fill(contracts, 5).await;
    app.statements();
    let query = "{ viewer { contracts(first: 5) { totalCount nodes { milestones { totalCount nodes { id } } } } } }";
    let reply = stage.world.freelancer().asks(query, json!({})).await;
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for sql in app.statements().into_iter().filter(|sql| sql.contains("count(*)")) {
        *sent.entry(sql).or_default() += 1;
    }
    assert_eq!(sent.values().collect::<Vec<_>>(), [&1, &1], "one for the contracts, one for all milestones: {sent:?}");
    for contract in reply.data()["viewer"]["contracts"]["nodes"].as_array().unwrap() {
        let milestones = &contract["milestones"];
        assert_eq!(milestones["totalCount"].as_u64(), milestones["nodes"].as_array().map(|all| all.len() as u64));
    }
}
