//! The ways from one thing to another. What is seen of a thing does not hang on how one came to it: whoever is shown
//! something of it by way of another is shown the same by its id. Where that is not so, the printed table says it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::Visitor;

use super::{Kinds, Types, Viewers, is_there, named, needs_arguments, text};

/// From one kind of thing to another.
struct Way {
    from: String,
    field: String,
    to: String,
    is_list: bool,
}

impl Way {
    /// All there are, from things of a kind.
    fn from(types: &Types, from: &str) -> Vec<Self> {
        let mut ways = Vec::new();
        for field in types.fields(from).iter().filter(|field| !needs_arguments(field)) {
            let of = named(&field["type"]);
            let (to, is_list) = item(types, &of).map_or((of, false), |node| (node, true));
            if types.is_node(&to) && !types.selection(&to, 0).1.is_empty() {
                ways.push(Self { from: from.to_owned(), field: text(&field["name"]), to, is_list });
            }
        }
        ways
    }

    /// Its selection, with what is looked at where it leads to; of lists, so many.
    fn selection(&self, count: usize, inner: &str) -> String {
        if self.is_list {
            format!("{}(first: {count}) {{ edges {{ node {{ {inner} }} }} }}", self.field)
        } else {
            format!("{} {{ {inner} }}", self.field)
        }
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

/// Of what a type is a list, if it is one.
fn item(types: &Types, ty: &str) -> Option<String> {
    let find = |ty: &str, name: &str| {
        types.fields(ty).into_iter().find(|field| field["name"] == name).map(|field| named(&field["type"]))
    };
    find(ty, "edges").and_then(|edge| find(&edge, "node"))
}

/// Is it a list of what has an id?
pub fn is_list_of_nodes(types: &Types, field: &Value) -> bool {
    !needs_arguments(field) && item(types, &named(&field["type"])).is_some_and(|item| types.is_node(&item))
}

/// For each way from things of a kind, what stands at the end of all ways from there: the name of it, and how it is asked.
pub fn two_steps(types: &Types, from: &str) -> Vec<(String, String)> {
    let ways = Way::from(types, from).into_iter();
    let whole = |way: Way| {
        let further: Vec<String> = Way::from(types, &way.to).iter().map(|way| way.selection(20, "id")).collect();
        let selection = way.selection(5, &format!("id {}", further.join(" ")));
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on {from} {{ {selection} }} }} }}");
        (format!("{from}.{}", way.field), query)
    };
    ways.map(whole).collect()
}

/// What is shown by way of something else and not by its own id, by whom: the lines of it, and how many cases were looked
/// at.
pub async fn more_is_shown(types: &Types, viewers: &Viewers<'_>, kinds: &Kinds) -> (String, usize) {
    let mut more: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // What somebody sees of a thing by its id.
    let mut by_ids: BTreeMap<(&str, String), Value> = BTreeMap::new();
    let (mut cases, mut taken) = (0, 0);
    for way in kinds.keys().flat_map(|from| Way::from(types, from)) {
        let Way { from, field, to, .. } = &way;
        let (selection, paths) = types.selection(to, 0);
        let whole = format!("__typename id ... on {to} {{ {selection} }}");
        let by_way = way.selection(2, &whole);
        let by_way = format!("query($id: ID!) {{ node(id: $id) {{ ... on {from} {{ {by_way} }} }} }}");
        let by_id = format!("query($id: ID!) {{ node(id: $id) {{ {whole} }} }}");
        for id in &kinds[from] {
            for (name, who) in viewers {
                for found in way.found(&asked(who, &by_way, id).await["node"]) {
                    taken += 1;
                    let key = (*name, text(&found["id"]));
                    if !by_ids.contains_key(&key) {
                        let own = asked(who, &by_id, &key.1).await["node"].take();
                        by_ids.insert(key.clone(), own);
                    }
                    let own = &by_ids[&key];
                    for path in &paths {
                        cases += 1;
                        if is_there(&found, path) && !is_there(own, path) {
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

pub async fn asked(who: &Visitor<'_>, query: &str, id: &str) -> Value {
    let reply = who.asks(query, json!({ "id": id })).await;
    let errors = reply.body["errors"].as_array().into_iter().flatten();
    let codes: Vec<&str> = errors.filter_map(|error| error["extensions"]["code"].as_str()).collect();
    assert!(!codes.iter().any(|code| code.starts_with("GRAPHQL") || code.starts_with("TOO")), "{query}: {codes:?}");
    reply.body["data"].clone()
}
