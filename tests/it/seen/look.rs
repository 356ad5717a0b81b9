//! Everything is looked at as everybody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::states::InState;
use super::{Kinds, Path, Types, Viewers, is_there, miscounted, named, needs_arguments, text};

/// The table, how many cases it took, and for each field whether anybody is shown anything in it.
#[derive(Default)]
pub struct Seen {
    pub table: String,
    pub cases: usize,
    pub shown: BTreeMap<String, bool>,
}

/// Look at everything as everybody.
pub async fn look(types: &Types, viewers: &Viewers<'_>, kinds: &Kinds, states: &[InState]) -> Seen {
    let mut seen = Seen::default();
    let unmet: Vec<&String> = types.nodes().into_iter().filter(|ty| !kinds.contains_key(*ty)).collect();
    assert!(unmet.is_empty(), "nothing of these kinds was looked at: {unmet:?}");
    for (ty, ids) in kinds {
        seen.at(types, viewers, ty, None, ids).await;
        for state in states.iter().filter(|state| state.ty == ty) {
            seen.at(types, viewers, ty, Some(state.how), std::slice::from_ref(&state.id)).await;
        }
    }
    for (root, around) in [("Query", ["{ ", " }"]), ("Viewer", ["{ viewer { ", " } }"])] {
        seen.at_root(types, viewers, root, around).await;
    }
    let lines: Vec<&str> = seen.table.lines().map(str::trim_end).collect();
    seen.table = lines.join("\n") + "\n";
    seen
}

impl Seen {
    /// What is shown of some things of a kind, together: of all that there are in no state of their own, or of one that is.
    async fn at(&mut self, types: &Types, viewers: &Viewers<'_>, ty: &str, how: Option<&str>, ids: &[String]) {
        let (selection, paths) = types.selection(ty, 0);
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on {ty} {{ {selection} }} }} }}");
        let mut shown: BTreeMap<&Path, BTreeSet<usize>> = paths.iter().map(|path| (path, BTreeSet::new())).collect();
        let mut sees = BTreeSet::new();
        for id in ids {
            let (prefix, _) = id.split_once('_').unwrap_or_default();
            let made_up = json!({ "id": format!("{prefix}_00000000000000000000000000") });
            for (at, (name, who)) in viewers.iter().enumerate() {
                let reply = who.asks(&query, json!({ "id": id })).await;
                self.cases += paths.len();
                let node = &reply.data()["node"];
                if node.is_null() {
                    // It can't be told from what does not exist.
                    let nothing = who.asks(&query, made_up.clone()).await;
                    assert_eq!((reply.status, &reply.body), (nothing.status, &nothing.body), "{ty} as {name}");
                    continue;
                }
                sees.insert(at);
                assert_eq!(miscounted(node), None, "{ty} as {name}");
                for path in paths.iter().filter(|path| is_there(node, path)) {
                    shown.entry(path).or_default().insert(at);
                }
            }
        }
        let names = |who: &BTreeSet<usize>| who.iter().map(|at| viewers[*at].0).collect::<Vec<_>>().join(" ");
        let head = how.map_or_else(|| ty.to_owned(), |how| format!("{ty}, {how}"));
        self.table.push_str(&format!("\n{head:<44} {}\n", names(&sees)));
        for path in &paths {
            let (who, field) = (&shown[path], path.join("."));
            *self.shown.entry(format!("{ty}.{field}")).or_default() |= !who.is_empty();
            if how.is_none() || !who.is_empty() {
                let who = if *who == sees { "all of them".to_owned() } else { names(who) };
                self.table.push_str(&format!("  {field:<42} {who}\n"));
            }
        }
    }

    /// What everybody is shown of what stands at the root.
    async fn at_root(&mut self, types: &Types, viewers: &Viewers<'_>, root: &str, around: [&str; 2]) {
        self.table.push_str(&format!("\n{root}\n"));
        for field in types.fields(root).iter().filter(|field| !needs_arguments(field) && field["name"] != "viewer") {
            let (name, of) = (text(&field["name"]), named(&field["type"]));
            let (selection, paths) = types.selection(&of, 1);
            let has_edges = types.fields(&of).iter().any(|field| field["name"] == "edges");
            let (inner, paths) = match selection.as_str() {
                "" => (String::new(), vec![vec![name.clone()]]),
                _ if has_edges => {
                    ("{ edges { node { __typename } } }".to_owned(), vec![vec![name.clone(), "edges".to_owned()]])
                }
                _ if types.is_node(&of) => ("{ __typename }".to_owned(), vec![vec![name.clone()]]),
                all => {
                    let below = paths.into_iter().map(|path| std::iter::once(name.clone()).chain(path).collect());
                    (format!("{{ {all} }}"), below.collect())
                }
            };
            let query = format!("{}{name} {inner}{}", around[0], around[1]);
            let mut told: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
            for (viewer, who) in viewers {
                let reply = who.asks(&query, json!({})).await;
                self.cases += paths.len();
                let data = if root == "Viewer" { &reply.body["data"]["viewer"] } else { &reply.body["data"] };
                let code = reply.body["errors"][0]["extensions"]["code"].as_str();
                assert_ne!(code, Some("INTERNAL"), "{query} as {viewer}");
                for path in &paths {
                    match code {
                        Some(code) => told.entry(path).or_default().push(format!("{viewer}!{code}")),
                        None if is_there(data, path) => {
                            *self.shown.entry(format!("{root}.{}", path.join("."))).or_default() = true;
                            told.entry(path).or_default().push((*viewer).to_owned());
                        }
                        None => {}
                    }
                }
            }
            for path in &paths {
                let field = path.join(".");
                self.shown.entry(format!("{root}.{field}")).or_default();
                let who = told.get(path).cloned().unwrap_or_default();
                self.table.push_str(&format!("  {field:<42} {}\n", who.join(" ")));
            }
        }
    }
}
