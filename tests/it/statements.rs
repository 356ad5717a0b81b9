//! How many statements an operation sends to the database: a long page sends none of them more often than a page of the
//! one of its items that needs it most, give or take a batch. The schema is walked: every list is asked for with all that its items hold, and
//! every object that items lead to, with all that it holds, where there is more than one of everything. What it takes is
//! printed to `statements.table`, with what each operation of the journey takes, and reviewed like code.

mod crowd;
mod journey;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::{TestApp, Visitor};

use super::seen::{Types, named, needs_arguments, text};

const PRINTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/statements.table");

/// Fields that ask for each item anew, and why they may.
const EACH_ANEW: &[(&str, &str)] =
    &[("Gig.matches", "each gig is ranked by itself: its candidates are another list each")];

/// What is two steps from every list, and so is met along with what is one.
const FAR: &[&str] = &["PaymentRefund"];

/// How many items of a list are asked for where it stands within another.
const INNER: usize = 2;
/// How many items a long page has, and how many of them are looked at by themselves.
const LONG: usize = 16;
const ALONE: usize = 8;
/// What waits for different things may go in two batches where one would do, as it happens: whoever sends too much does
/// so each time.
const TRIES: usize = 5;
/// For the same reason: how often the journey is played at the most, each act of which is counted once in it.
const PLAYS: usize = 3;
/// Items get to the same by ways of different length, so that a page may need one batch more than the neediest of them.
const WAVES: usize = 1;

fn is_list(types: &Types, field: &Value) -> bool {
    types.fields(&named(&field["type"])).iter().any(|field| field["name"] == "edges")
}

fn is_excused(ty: &str, field: &Value) -> bool {
    EACH_ANEW.iter().any(|(excused, _)| *excused == format!("{ty}.{}", text(&field["name"])))
}

/// What can be selected of an object without saying more.
fn selectable(types: &Types, ty: &str) -> Vec<Value> {
    types.fields(ty).into_iter().filter(|field| !needs_arguments(field)).collect()
}

/// All that is in an object, with a page of each of its lists, and that other objects are there.
fn selection(types: &Types, ty: &str, depth: usize) -> String {
    let mut fields = vec!["__typename".to_owned()];
    for field in selectable(types, ty).into_iter().filter(|field| !is_excused(ty, field)) {
        let (name, of) = (text(&field["name"]), named(&field["type"]));
        let below = types.fields(&of);
        if is_list(types, &field) {
            fields.push(format!("{name}(first: {INNER}) {{ edges {{ node {{ __typename }} }} }}"));
        } else if types.is_leaf(&of) {
            fields.push(name);
        } else if below.is_empty() || types.is_node(&of) || depth >= 2 {
            fields.push(format!("{name} {{ __typename }}"));
        } else {
            fields.push(format!("{name} {{ {} }}", selection(types, &of, depth + 1)));
        }
    }
    fields.join(" ")
}

/// Of what a list of this field is.
fn item_of(types: &Types, field: &Value) -> String {
    let find = |ty: &str, name: &str| {
        types.fields(ty).into_iter().find(|field| field["name"] == name).map(|field| named(&field["type"]))
    };
    let edge = find(&named(&field["type"]), "edges").unwrap();
    find(&edge, "node").unwrap()
}

/// A list: who asks, the field, and what stands around it.
#[derive(Clone)]
struct List<'a> {
    who: Visitor<'a>,
    place: String,
    around: (String, String),
    field: String,
    item: String,
}

/// What came, and what was sent for it.
struct Page {
    statements: BTreeMap<String, usize>,
    cursors: Vec<String>,
    nodes: Vec<Value>,
    fault: Option<String>,
}

impl List<'_> {
    async fn page(&self, size: usize, after: Option<&String>, inner: &str) -> Page {
        let (name, (before, behind)) = (&self.field, &self.around);
        let after = after.map(|cursor| format!(", after: \"{cursor}\"")).unwrap_or_default();
        let query =
            format!("{{ {before} {name}(first: {size}{after}) {{ edges {{ cursor node {{ {inner} }} }} }} {behind} }}");
        self.who.app.statements();
        let reply = self.who.asks(&query, json!({})).await;
        let sent = self.who.app.statements();
        let edges = edges(&reply.body["data"], name).unwrap_or_default();
        Page {
            statements: sent.iter().fold(BTreeMap::new(), |mut counts, sql| {
                *counts.entry(shape(sql)).or_default() += 1;
                counts
            }),
            cursors: edges.iter().map(|edge| text(&edge["cursor"])).collect(),
            nodes: edges.into_iter().map(|mut edge| edge["node"].take()).collect(),
            fault: (!reply.body["errors"].is_null()).then(|| format!("{query}: {}", reply.body["errors"])),
        }
    }

    /// A long page, and what is sent more often for it than for any of its items.
    async fn compare(&self, inner: &str) -> (Page, BTreeMap<String, (usize, usize)>) {
        // Once before it counts, so that nothing is looked up for the first time.
        let mut many = self.page(LONG, None, inner).await;
        if let Some(fault) = many.fault.take() {
            return (many, BTreeMap::from([(fault, (0, 0))]));
        }
        let mut grown = BTreeMap::new();
        for _ in 0..TRIES {
            many = self.page(LONG, None, inner).await;
            let mut most: BTreeMap<String, usize> = BTreeMap::new();
            let alone = if many.nodes.len() < 2 { 0 } else { many.nodes.len().min(ALONE) };
            for at in 0..alone {
                let after = at.checked_sub(1).map(|before| &many.cursors[before]);
                for (sql, times) in self.page(1, after, inner).await.statements {
                    let most = most.entry(sql).or_default();
                    *most = times.max(*most);
                }
            }
            // What none of these needed may be sent once.
            let pairs = many.statements.iter().map(|(sql, many)| (sql, *many, most.get(sql).map_or(1, |one| *one)));
            grown = pairs
                .filter(|(_, many, one)| *many > one + WAVES)
                .map(|(sql, many, one)| (sql.clone(), (one, many)))
                .collect();
            if alone == 0 || grown.is_empty() {
                return (many, BTreeMap::new());
            }
        }
        (many, grown)
    }
}

/// A statement without its layout, and with every list of parameters alike.
fn shape(sql: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for word in sql.split_whitespace() {
        let plain = word.trim_matches(|c| c == ',' || c == '(' || c == ')');
        let is_parameter = plain.strip_prefix('$').is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
        if is_parameter && out.last().is_some_and(|last| last == "$") {
            continue;
        }
        out.push(if is_parameter { "$".to_owned() } else { word.to_owned() });
    }
    out.join(" ")
}

/// The edges of a list, wherever in the answer it is.
fn edges(value: &Value, name: &str) -> Option<Vec<Value>> {
    let Value::Object(fields) = value else { return None };
    match fields.get(name).and_then(|list| list["edges"].as_array()) {
        Some(edges) => Some(edges.clone()),
        None => fields.values().find_map(|value| edges(value, name)),
    }
}

/// Every list there is, as those see it who see something in it.
async fn lists<'a>(types: &Types, people: &[(&str, Visitor<'a>)], ids: &BTreeSet<&String>) -> Vec<List<'a>> {
    let mut lists = Vec::new();
    let mut add = |who: &Visitor<'a>, place: String, around: (&str, &str), field: &Value| {
        let around = (around.0.to_owned(), around.1.to_owned());
        lists.push(List { who: who.clone(), place, around, field: text(&field["name"]), item: item_of(types, field) });
    };
    let of = |ty: &str| selectable(types, ty).into_iter().filter(|field| is_list(types, field)).collect::<Vec<_>>();
    for (name, who) in people {
        for field in of("Query") {
            let ours = [
                "auditLog",
                "payoutQueue",
                "disputeQueue",
                "reconciliations",
                "corrections",
                "screeningHits",
                "wireBatches",
            ];
            if *name == "admin" || !ours.contains(&field["name"].as_str().unwrap()) {
                add(who, format!("Query.{} by the {name}", text(&field["name"])), ("", ""), &field);
            }
        }
        for field in of("Viewer") {
            add(who, format!("Viewer.{} of the {name}", text(&field["name"])), ("viewer {", "}"), &field);
        }
    }
    for id in ids {
        for (name, who) in people {
            let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
            let ty = text(&reply.data()["node"]["__typename"]);
            if ty.is_empty() {
                continue;
            }
            for field in of(&ty) {
                let around = format!("node(id: \"{id}\") {{ ... on {ty} {{");
                add(who, format!("{ty}.{} by the {name}", text(&field["name"])), (&around, "} }"), &field);
            }
            break;
        }
    }
    lists
}

/// Of each field that leads to other objects, of how many objects at once it led to something.
#[derive(Default)]
struct Met(BTreeMap<(String, String), usize>);

impl Met {
    fn note(&mut self, types: &Types, ty: &str, objects: &[&Value]) {
        for field in selectable(types, ty).iter().filter(|field| !types.is_leaf(&named(&field["type"]))) {
            let name = text(&field["name"]);
            let there = objects.iter().filter(|object| is_something(&object[&name])).count();
            let most = self.0.entry((ty.to_owned(), name)).or_default();
            *most = there.max(*most);
        }
    }

    /// What never led to something of two objects at once.
    fn seldom(&self) -> Vec<String> {
        let seldom = self.0.iter().filter(|(_, most)| **most < 2);
        let seldom = seldom.map(|((ty, field), _)| format!("{ty}.{field}"));
        seldom.filter(|field| EACH_ANEW.iter().all(|(excused, _)| excused != field)).collect()
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(fields) => fields.get("edges").is_none_or(is_something),
        _ => true,
    }
}

/// The objects that a field of several leads to.
fn led_to<'a>(nodes: &'a [Value], name: &str) -> Vec<&'a Value> {
    let values = nodes.iter().flat_map(|node| match &node[name] {
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    });
    values.filter(|value| !value.is_null()).collect()
}

#[tokio::test]
async fn a_long_page_sends_no_statement_more_often_than_a_page_of_one() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let crowd = crowd::gather(&world).await;
    let types = Types::read().await;
    let alone = app.in_single_file().await;
    let people: Vec<(&str, Visitor<'_>)> =
        crowd.people.iter().map(|(name, token)| (*name, alone.bearer(token))).collect();
    let mut lists = lists(&types, &people, &crowd.ids.values().collect()).await;
    // In an order that is not that of ids, which are others each time.
    lists.sort_by(|a, b| a.place.cmp(&b.place));

    let mut lines = BTreeMap::new();
    let (mut grown, mut compared, mut led, mut met) =
        (BTreeMap::new(), BTreeSet::new(), BTreeMap::new(), Met::default());
    for list in &lists {
        let (many, growth) = list.compare(&selection(&types, &list.item, 0)).await;
        if !growth.is_empty() {
            grown.insert(list.place.clone(), growth);
        }
        let items: Vec<&Value> = many.nodes.iter().collect();
        met.note(&types, &list.item, &items);
        // Of several lists of a kind, that of which there is most to be said.
        let said = lines.entry(list.place.clone()).or_insert((0, 0));
        *said = (items.len().min(LONG), many.statements.len()).max(*said);
        if items.len() < 2 {
            continue;
        }
        compared.insert(list.item.clone());
        for field in selectable(&types, &list.item) {
            let (name, of) = (text(&field["name"]), named(&field["type"]));
            let place = format!("{}.{name}: {of}", list.item);
            let there = led_to(&many.nodes, &name).len();
            if !types.is_node(&of) || is_list(&types, &field) || led.get(&place).is_some_and(|most| *most >= there) {
                continue;
            }
            let (many, growth) = list.compare(&format!("{name} {{ {} }}", selection(&types, &of, 0))).await;
            let objects = led_to(&many.nodes, &name);
            if !growth.is_empty() {
                grown.insert(format!("{place}, in {}", list.place), growth);
            }
            if objects.len() >= 2 {
                met.note(&types, &of, &objects);
                compared.insert(of.clone());
                led.insert(place, objects.len());
            }
        }
    }
    assert!(grown.is_empty(), "these failed, or more items send these more often (most for one, for many): {grown:#?}");
    let unmet: Vec<&String> =
        types.nodes().into_iter().filter(|ty| !compared.contains(*ty) && !FAR.contains(&ty.as_str())).collect();
    assert!(unmet.is_empty(), "there were never two of these at once: {unmet:?}");

    let mut table = String::from(
        "# How many different statements a page of each list takes, with all that its items hold and a page of each of their\n\
         # own lists, and how many items it has. A test walks the schema, prints this, and fails where more items send one of\n\
         # them more often than the one item that needs it most. Signing in is one of them.\n",
    );
    for (place, (items, statements)) in lines {
        table.push_str(&format!("{place:<56}{statements:>3} for {items}\n"));
    }
    table.push_str(&format!(
        "\n# So were these held against each other, as what items lead to:\n{}\n",
        wrapped(led.keys())
    ));
    table.push_str(&format!("\n# These led to nothing of two objects at once:\n{}\n", wrapped(met.seldom().iter())));
    for (field, why) in EACH_ANEW {
        table.push_str(&format!("\n# Left out: {field}, because {why}.\n"));
    }
    let (mut printed, mut seen) = (String::new(), String::new());
    for _ in 0..PLAYS {
        let whole = table.clone() + &journey::table().await;
        let lines: Vec<&str> = whole.lines().map(str::trim_end).collect();
        seen = lines.join("\n") + "\n";
        if std::env::var_os("UPDATE_FILES").is_some() {
            std::fs::write(PRINTED, &seen).unwrap();
        }
        printed = std::fs::read_to_string(PRINTED).unwrap_or_default();
        if printed == seen {
            break;
        }
    }
    assert_eq!(printed, seen, "run UPDATE_FILES=1 cargo test -p tests --test it statements, and read the diff");
}

fn wrapped<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("  {name}")).collect::<Vec<_>>().join("\n")
}
