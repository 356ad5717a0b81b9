//! The house stays tidy: floors point down, rooms have their namesakes, and what we agreed not to
//! write is not written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names under `[dependencies]` of a crate's manifest.
fn dependencies(krate: &str) -> BTreeSet<String> {
    read(&format!("{krate}/Cargo.toml"))
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn floors_point_down() {
    let banned: [(&str, &[&str]); 3] = [
        (
            "domain",
            &[
                "infra",
                "api",
                "migrations",
                "axum",
                "tokio",
                "sea-orm",
                "sqlx",
                "async-graphql",
                "reqwest",
                "rand",
                "tracing",
            ],
        ),
        ("infra", &["api", "axum", "async-graphql"]),
        ("api", &["migrations", "sea-orm", "sqlx"]),
    ];
    for (krate, banned) in banned {
        let found = dependencies(krate);
        assert!(!found.is_empty(), "{krate} has no dependencies? The test reads its manifest wrongly.");
        for name in banned {
            assert!(!found.contains(*name), "{krate} may not depend on {name}");
        }
    }
}

#[test]
fn the_domain_has_no_clock_and_no_dice() {
    let manifest = read("Cargo.toml");
    let line = |name: &str| {
        let wanted = format!("{name} = ");
        manifest
            .lines()
            .find(|line| line.starts_with(&wanted))
            .unwrap_or_else(|| panic!("{name} is not in the workspace"))
    };
    assert!(!line("chrono").contains("\"clock\"") && !line("chrono").contains("\"now\""), "{}", line("chrono"));
    assert!(!line("uuid").contains("\"v4\"") && !line("uuid").contains("\"v7\""), "{}", line("uuid"));
}

/// Files of `api/src` that are no rooms: what the rooms are built with.
const API_PLUMBING: &[&str] = &[
    "lib",
    "main",
    "schema",
    "context",
    "user_error",
    "act",
    "event_kind",
    "key",
    "node",
    "connection",
    "money",
    "http",
    "limits",
    "backend",
    "loader",
    "config",
    "webhook",
    "operations",
    "command",
    "demo",
    "sandbox",
];

/// Rooms that decide nothing: they show what the ledger holds.
const ONLY_SHOWN: &[&str] = &["statement"];

/// The rooms: what `api/src` has besides plumbing.
fn rooms() -> BTreeSet<String> {
    files("api/src")
        .into_iter()
        .filter(|path| path.parent().is_some_and(|folder| folder.ends_with("api/src")))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .filter(|name| !API_PLUMBING.contains(&name.as_str()))
        .collect()
}

#[test]
fn every_room_has_its_namesake_on_every_floor() {
    let rooms = rooms();
    assert!(rooms.contains("organization"), "the test finds no rooms: {rooms:?}");
    for room in rooms {
        for floor in ["domain/src", "infra/src", "tests/it"] {
            if floor == "domain/src" && ONLY_SHOWN.contains(&room.as_str()) {
                continue;
            }
            let file = root().join(floor).join(format!("{room}.rs"));
            let folder = root().join(floor).join(&room);
            assert!(file.exists() || folder.is_dir(), "{room} is in api/src, but not in {floor}");
        }
    }
}

#[test]
fn nothing_is_left_undone_or_said_that_should_not_be() {
    // Assembled here, so that this file does not find itself.
    let banned: Vec<String> = [
        ("to", "do!"),
        ("unimpl", "emented!"),
        ("db", "g!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("dangerous", "::"),
        ("#[ig", "nore"),
    ]
    .iter()
    .map(|(head, tail)| format!("{head}{tail}"))
    .collect();
    for folder in ["domain", "infra", "api", "migrations", "tests"] {
        for path in files(folder) {
            let text = fs::read_to_string(&path).expect("source is text");
            for word in &banned {
                assert!(!text.contains(word.as_str()), "{} says {word}", path.display());
            }
        }
    }
}

#[test]
fn no_float_comes_near_money() {
    let all: Vec<PathBuf> = FLOORS.iter().flat_map(|floor| files(floor)).collect();
    // Only what a file is called within the house counts, not where the house stands.
    let name = |path: &Path| path.strip_prefix(root()).expect("a file of ours").display().to_string();
    let about_money: Vec<&PathBuf> =
        all.iter().filter(|path| ABOUT_MONEY.iter().any(|word| name(path).contains(word))).collect();
    for word in ABOUT_MONEY {
        assert!(about_money.iter().any(|path| name(path).contains(word)), "nothing is about {word} any more");
    }
    for path in about_money {
        let text = fs::read_to_string(path).expect("source is text");
        for float in ["f64", "f32"] {
            assert!(!text.contains(float), "{} uses {float}", name(path));
        }
    }
}

/// Where code of the product is.
const FLOORS: &[&str] = &["domain/src", "infra/src", "api/src"];

/// Files and folders whose names hold one of these are about money.
const ABOUT_MONEY: &[&str] = &[
    "money",
    "ledger",
    "escrow",
    "milestone",
    "payout",
    "payment",
    "timesheet",
    "policy",
    "statement",
    "offer",
    "bonus",
    "dispute",
    "books",
    "rails",
    "contract",
    "reconciliation",
    "correction",
    "wire",
    "payee",
    "fx",
];

#[test]
fn rooms_stay_small_enough_to_read() {
    for folder in ["domain/src", "infra/src", "api/src", "tests/it"] {
        for path in files(folder) {
            let lines = fs::read_to_string(&path).expect("source is text").lines().count();
            assert!(lines <= 900, "{} has {lines} lines: it asks to be two rooms", path.display());
        }
    }
}

/// All Rust files under a folder.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
