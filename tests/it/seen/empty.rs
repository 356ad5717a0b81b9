//! What nobody is shown anything in. It stands here with its reason; anything else that nobody is shown, and that nobody
//! would therefore notice to be shown to everybody tomorrow, fails.

use std::collections::BTreeMap;

/// Fields that are empty on a marketplace where everything has happened, and why they may be.
const EMPTY: &[(&str, &str)] = &[];

/// The printed list.
pub fn table(shown: &BTreeMap<String, bool>) -> String {
    let excused = |field: &str| EMPTY.iter().any(|(empty, _)| *empty == field);
    let unseen: Vec<&String> =
        shown.iter().filter(|(field, seen)| !**seen && !excused(field)).map(|(field, _)| field).collect();
    assert!(unseen.is_empty(), "nobody is shown anything in these, so nothing is known of who may be: {unseen:#?}");
    let needless: Vec<&str> =
        EMPTY.iter().map(|(field, _)| *field).filter(|field| shown.get(*field) != Some(&false)).collect();
    assert!(needless.is_empty(), "these are shown to somebody, or are no fields: {needless:#?}");
    let mut table = String::from("\n# What nobody is shown anything in, and why\n");
    if EMPTY.is_empty() {
        table.push_str("  nothing: there is no such field\n");
    }
    for (field, why) in EMPTY {
        table.push_str(&format!("  {field:<62} {why}\n"));
    }
    table
}
