//! The ways from one thing to another. What is seen of a thing does not hang on how one came to it: whoever is shown
//! something of it by way of another is shown the same by its id. Where that is not so, the printed table says it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::Visitor;

use super::{Types, Viewers, is_there, named, needs_arguments, text};

/// From one kind of thing to another.
struct Way {
    from: String,
    field: String,
    to: String,
    is_list: bool,
}

impl Way {
    /// All there are, from things of these kinds.
    fn all(types: &Types, kinds: &BTreeSet<String>) -> Vec<Self> {
        let mut ways = Vec::new();
        for from in kinds {
            for field in types.fields(from).iter().filter(|field| !needs_arguments(field)) {
                let of = named(&field["type"]);
                let edges = types.fields(&of).into_iter().find(|field| field["name"] == "edges");
                let node = edges.map(|edges| named(&edges["type"])).and_then(|edge| {
                    types
                        .fields(&edge)
                        .into_iter()
                        .find(|field| field["name"] == "node")
                        .map(|node| named(&node["type"]))
                });
                let (to, is_list) = node.map_or((of, false), |node| (node, true));
                if types.is_node(&to) && !types.selection(&to, 0).1.is_empty() {
                    ways.push(Self { from: from.clone(), field: text(&field["name"]), to, is_list });
                }
            }
        }
        ways
    }

    /// What is found of the other thing, or of each of them.
    fn found(&self, node: &Value) -> Vec<Value> {
        let found = &node[self.field.as_str()];
        match (self.is_list, found) {
            (true, list) => {
                let edges = list["edges"].as_array().into_iter().flatten();
                edges.map(|edge| edge["node"].clone()).filter(|node| !node.is_null()).collect()
            }
            (false, Value::Array(items)) => items.clone(),
            (false, Value::Null) => vec![],
            (false, one) => vec![one.clone()],
        }
    }
}

/// What is shown by way of something else and not by its own id, by whom: the lines of it, and how many cases were looked
/// at.
pub async fn more_is_shown(types: &Types, viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> (String, usize) {
    let mut kinds: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    let (_, staff) = viewers.last().expect("there are some");
    for id in ids.values() {
        for who in [staff, &viewers[3].1, &viewers[4].1] {
            let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
            if let Some(ty) = reply.data()["node"]["__typename"].as_str() {
                kinds.entry(ty.to_owned()).or_default().insert(id);
            }
        }
    }
    let mut more: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let (mut cases, mut taken) = (0, 0);
    let known: BTreeSet<String> = kinds.keys().cloned().collect();
    for way in Way::all(types, &known) {
        let Way { from, field, to, is_list } = &way;
        let (selection, paths) = types.selection(to, 0);
        let whole = format!("__typename id ... on {to} {{ {selection} }}");
        let inner = if *is_list {
            format!("(first: 2) {{ edges {{ node {{ {whole} }} }} }}")
        } else {
            format!("{{ {whole} }}")
        };
        let by_way = format!("query($id: ID!) {{ node(id: $id) {{ ... on {from} {{ {field} {inner} }} }} }}");
        let by_id = format!("query($id: ID!) {{ node(id: $id) {{ {whole} }} }}");
        for id in &kinds[from] {
            for (name, who) in viewers {
                for found in way.found(&asked(who, &by_way, id).await["node"]) {
                    taken += 1;
                    let own = asked(who, &by_id, found["id"].as_str().unwrap_or_default()).await["node"].clone();
                    for path in &paths {
                        cases += 1;
                        if is_there(&found, path) && !is_there(&own, path) {
                            more.entry(format!("{from}.{field}.{}", path.join("."))).or_default().insert(name);
                        }
                    }
                }
            }
        }
    }
    assert!(taken > 300, "only {taken} things were come to");
    let mut table = String::from("\n# What is shown by way of something else, and not by its own id\n");
    for (path, who) in more {
        table.push_str(&format!("  {path:<62} {}\n", who.into_iter().collect::<Vec<_>>().join(" ")));
    }
    (table, cases)
}

async fn asked(who: &Visitor<'_>, query: &str, id: &str) -> Value {
    let reply = who.asks(query, json!({ "id": id })).await;
    let errors = reply.body["errors"].as_array().into_iter().flatten();
    let codes: Vec<&str> = errors.filter_map(|error| error["extensions"]["code"].as_str()).collect();
    assert!(!codes.iter().any(|code| code.starts_with("GRAPHQL") || code.starts_with("TOO")), "{query}: {codes:?}");
    reply.body["data"].clone()
}
