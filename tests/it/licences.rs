//! What we build on: only licences that bind nobody, only one cryptography library, only the
//! registry. The lists are those of deny.toml.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).arg("--locked").current_dir(root()).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo answers in UTF-8")
}

/// Every package that is in the lock file.
fn packages() -> Vec<Value> {
    let mut metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1"])).expect("JSON");
    serde_json::from_value(metadata["packages"].take()).expect("a list of packages")
}

/// The strings in quotes between `from` and the next closing bracket at the start of a line.
fn listed(text: &str, from: &str) -> BTreeSet<String> {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("deny.toml has no {from}"));
    let (list, _) = rest.split_once("\n]").expect("the list ends");
    let items = list.lines().filter(|line| !line.trim_start().starts_with('#'));
    items.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

fn deny() -> String {
    std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there")
}

/// Can the expression be met with what is allowed? `OR` binds weaker than `AND`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allowed);
    assert_eq!(at, words.len(), "can't read {expression}");
    met
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    if words[*at] == "(" {
        *at += 1;
        let met = either(words, at, allowed);
        *at += 1;
        return met;
    }
    let mut licence = words[*at].to_owned();
    *at += 1;
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words[*at + 1]);
        *at += 2;
    }
    allowed.contains(&licence)
}

#[test]
fn every_dependency_has_a_licence_that_binds_nobody() {
    let allowed = listed(&deny(), "allow = [");
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages?", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| is_met(licence, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn nothing_that_is_built_is_banned() {
    let banned = listed(&deny(), "deny = [");
    assert!(banned.contains("ring"), "{banned:?}");
    // The lock file also names what no feature of ours switches on; the tree does not.
    let tree = cargo(&["tree", "--workspace", "--target=all", "--edges=all", "--prefix=none", "--format={p}"]);
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(built.contains("aws-lc-rs"), "the tree is read wrongly");
    let found: Vec<_> = built.iter().filter(|name| banned.contains(**name)).collect();
    assert!(found.is_empty(), "{found:?}: see deny.toml");
}

#[test]
fn dependencies_come_from_the_registry() {
    for package in packages() {
        let source = package["source"].as_str();
        assert!(
            source.is_none_or(|source| source.starts_with("registry+")),
            "{} comes from {source:?}, and not from the registry",
            package["name"]
        );
    }
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into_iter().collect();
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0 AND ISC OR MIT", true),
        ("GPL-3.0 AND (ISC OR MIT)", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}
