//! What the pages tell people to type is there, the two commands of the README are what continuous integration runs, and
//! its fees and deadlines are those of the first policy.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use domain::money::{Money, Rate};
use domain::policy::Terms;

/// The pages that people read.
const PAGES: [&str; 9] = [
    "README.md",
    "CLIENTS.md",
    "OPERATING.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "ERRORS.md",
    "SECURITY.md",
    "VERIFYING.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The commands of a page: indented lines, without what they set in the environment and without their comments.
fn commands(page: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let lines =
        text.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| line.split(" #").next().unwrap_or(line));
    let words = |line: &str| -> Vec<String> {
        let words = line.split_whitespace().skip_while(|word| word.split('=').next().is_some_and(is_variable));
        words.map(str::to_owned).collect()
    };
    lines.map(words).filter(|words| matches!(words.first().map(String::as_str), Some("cargo" | "rabta"))).collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// What follows an option.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).map(String::as_str)
}

#[test]
fn two_commands_are_enough_and_continuous_integration_runs_them() {
    for page in ["README.md", "CONTRIBUTING.md"] {
        let commands = commands(page);
        let has = |wanted: &str| commands.iter().any(|words| words.join(" ") == wanted);
        assert!(has("cargo run") && has("cargo test"), "{page} says how to run and how to test");
    }
    // Without members that are left out by default, `cargo test` is a test of the workspace, and there is one program to run.
    let ci = read(".ci/run");
    assert!(ci.lines().any(|line| line.trim().starts_with("cargo test --workspace ")), "{ci}");
    assert!(!read("Cargo.toml").contains("default-members"));
    let manifests =
        ["domain", "infra", "api", "migrations", "tests"].map(|member| read(&format!("{member}/Cargo.toml")));
    assert_eq!(manifests.iter().map(|text| text.matches("[[bin]]").count()).sum::<usize>(), 1);
    assert!(manifests[2].contains("default-run = \"rabta\""));
    for member in ["domain", "infra", "migrations", "tests"] {
        assert!(!root().join(member).join("src/main.rs").exists(), "{member} would be a second program");
    }
}

#[test]
fn every_command_of_the_pages_names_what_is_there() {
    let mut tried = 0;
    let config = read("api/src/config.rs");
    for words in PAGES.into_iter().flat_map(commands) {
        let line = words.join(" ");
        let package = option(&words, "-p");
        if let Some(package) = package {
            assert!(root().join(package).join("Cargo.toml").exists(), "{line}: there is no package {package}");
        }
        for (kind, folder) in [("--test", "tests"), ("--bench", "benches")] {
            if let Some(name) = option(&words, kind) {
                let place = root().join(package.unwrap_or_default()).join(folder);
                let is_there = place.join(format!("{name}.rs")).exists() || place.join(name).join("main.rs").exists();
                assert!(is_there, "{line}: there is no {name} in {}", place.display());
                tried += 1;
            }
        }
        if let Some(manifest) = option(&words, "--manifest-path") {
            assert!(root().join(manifest).exists(), "{line}");
        }
        let mut after = words.iter().skip_while(|word| *word != "--").skip(1);
        match (words[0].as_str(), words.get(1).map(String::as_str)) {
            // What follows narrows the tests: each word has to find one.
            ("cargo", Some("test")) if package == Some("tests") => {
                for filter in after {
                    let room = filter.trim_end_matches(':');
                    assert!(root().join("tests/it").join(format!("{room}.rs")).exists(), "{line}: no tests of {room}");
                    tried += 1;
                }
            }
            ("cargo", Some("run")) => {
                if let Some(command) = after.next() {
                    assert!(has_command(&config, command), "{line}: there is no command {command}");
                    tried += 1;
                }
            }
            ("rabta", Some(command)) => {
                assert!(has_command(&config, command), "{line}: there is no command {command}");
                tried += 1;
            }
            _ => {}
        }
    }
    assert!(tried > 15, "only {tried} things were looked for");
}

/// The Rust files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn operators_are_told_of_each_metric_and_of_none_that_is_not_there() {
    let page = read("OPERATING.md");
    let told: BTreeSet<&str> = page
        .split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
        .filter(|word| word.starts_with("rabta_"))
        .collect();
    let mut there = BTreeSet::new();
    for path in ["infra/src", "api/src"].into_iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("source is text");
        // What is rendered is named where it is counted, or beside it as a constant.
        let words = text.split('"').filter(|word| word.starts_with("rabta_")).map(str::to_owned);
        there.extend(words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
    for word in &told {
        assert!(there.contains(*word), "OPERATING.md tells of {word}, which nothing counts");
    }
    let not_counted = ["rabta_events", "rabta_told", "rabta_app"];
    for word in there.iter().filter(|word| !not_counted.contains(&word.as_str())) {
        assert!(told.contains(word.as_str()), "OPERATING.md does not tell of {word}");
    }
}

#[test]
fn what_the_pages_link_to_is_there_and_the_readme_leads_to_each_of_them() {
    let mut led_to = Vec::new();
    for page in PAGES {
        let text = read(page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or(link);
            assert!(root().join(file).exists(), "{page}: there is no {link}");
            if page == "README.md" {
                led_to.push(file.to_owned());
            }
        }
    }
    for page in PAGES.into_iter().skip(1) {
        assert!(led_to.iter().any(|file| file == page), "README.md does not lead to {page}");
    }
}

#[test]
fn the_fees_and_deadlines_of_the_readme_are_those_of_the_first_policy() {
    let terms = Terms::default();
    let percent = |rate: Rate| format!("{} %", rate.basis_points() / 100);
    let dollars = |money: Money| {
        let whole = (money.minor() / money.currency().minor_per_major()).to_string();
        let thousands: Vec<&str> =
            whole.as_bytes().rchunks(3).rev().filter_map(|digits| std::str::from_utf8(digits).ok()).collect();
        thousands.join(",")
    };
    let listed = |days: &[u16]| {
        let days: Vec<String> = days.iter().map(u16::to_string).collect();
        match days.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            Some(_) | None => days.concat(),
        }
    };
    let after_a_sunday = |time: TimeDelta| {
        let monday = NaiveDate::from_ymd_opt(2026, 6, 8).expect("a Monday").and_time(NaiveTime::MIN);
        (monday + time).format("%A %H:%M").to_string()
    };
    let rows = [
        ("Fee of the freelancer", vec![percent(terms.freelancer_fee)]),
        ("Fee of the client", vec![percent(terms.client_fee)]),
        ("Fee on a tip", vec![percent(terms.tip_fee), format!("{} days", terms.tip_days)]),
        (
            "Milestone, bonus or tip",
            vec![format!("{} to {} dollars", dollars(terms.milestone_min), dollars(terms.milestone_max))],
        ),
        ("Offer", vec![format!("{} days", terms.offer_expiry_days)]),
        ("Funding", vec![format!("{} hours", terms.funding_expiry_hours)]),
        ("Work handed in", vec![format!("{} days", terms.review_days), listed(&terms.review_notice_days)]),
        ("Requested changes", vec![format!("round {} on", terms.dispute_from_round)]),
        ("Security hold", vec![format!("{} days", terms.security_hold_days)]),
        ("Refund request", vec![format!("{} days", terms.refund_request_days)]),
        (
            "Milestone without activity",
            vec![
                format!("days {};", listed(&terms.dormancy_notice_days)),
                format!("after {} days;", terms.dormancy_days),
                format!("{} more days", terms.dormancy_answer_days),
            ],
        ),
        ("Giving released money back", vec![format!("{} days", terms.refund_after_days)]),
        ("Outage", vec![format!("{} hours", terms.grace_cap_hours)]),
        (
            "Week of hours",
            vec![
                format!("{} hours", terms.weekly_limit_minutes / 60),
                format!("after {} days", listed(&terms.charge_retry_days)),
            ],
        ),
        (
            "Week handed in",
            vec![
                after_a_sunday(TimeDelta::hours(terms.timesheet_submit_hours.into())),
                after_a_sunday(TimeDelta::minutes(terms.timesheet_approve_minutes.into())),
            ],
        ),
        (
            "Week paid",
            vec![
                format!("{} of the week after", after_a_sunday(TimeDelta::hours(terms.timesheet_pay_hours.into()))),
                format!("after {} days", terms.write_off_days),
                format!("{} days after a notice", terms.write_off_notice_days),
            ],
        ),
        (
            "Dispute",
            vec![
                format!("{} business days", terms.dispute_answer_business_days),
                format!("; {} days", terms.arbitration_days),
            ],
        ),
        (
            "Arbitration",
            vec![
                format!("| {} dollars", dollars(terms.arbitration_fee)),
                format!("under {} dollars", dollars(terms.small_claims_under)),
            ],
        ),
        (
            "Payout",
            vec![
                format!("from {} dollars", dollars(terms.payout_min)),
                format!("; {} dollars", dollars(terms.payout_day_max)),
                format!("{} payouts", terms.payout_day_count),
            ],
        ),
        ("New bank account", vec![format!("{} days", terms.payout_method_cooling_days)]),
        (
            "Kept in dollars",
            vec![format!("{} dollars", dollars(terms.retention_month_max)), percent(terms.retention_share)],
        ),
        ("Tax form", vec![format!("{} days after a move", terms.tax_form_move_days)]),
        (
            "Reviews",
            vec![
                format!("{} days", terms.review_writing_days),
                format!("from {} dollar", dollars(terms.review_paid_min)),
            ],
        ),
    ];
    let page = read("README.md");
    for (what, figures) in rows {
        let begin = format!("| {what} | ");
        let row = page.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("no row {what}"));
        for figure in figures {
            assert!(row.contains(&figure), "{row} lacks {figure}");
        }
    }
}

#[test]
fn as_much_is_tried_as_the_pages_say() {
    let printed = fs::read_dir(root().join("domain/tests/table")).expect("the folder of the tables");
    let printed = printed.map(|entry| entry.expect("a readable folder").path());
    let printed = printed.filter(|path| path.extension().is_some_and(|extension| extension == "matrix"));
    let tried: Vec<usize> = printed
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a table is text");
            let count = text.split(" tried.").next().and_then(|head| head.rsplit(' ').next());
            count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{}: no count", path.display()))
        })
        .collect();
    let thousands = (tried.iter().sum::<usize>() + 500) / 1_000;
    let planted = read("domain/tests/sim/planted.rs");
    let planted = planted.split("pub enum Planted {").nth(1).and_then(|rest| rest.split("\n}").next());
    let planted = planted.expect("what is planted").lines().filter(|line| line.ends_with(',')).count();
    let page = read("ARCHITECTURE.md");
    let tables = tried.len();
    for said in [
        format!("{planted} bugs planted on purpose"),
        format!("in {tables} tables"),
        format!("{tables} tables, {thousands} thousand tries"),
    ] {
        assert!(page.contains(&said), "ARCHITECTURE.md does not say: {said}");
    }
}

/// Is a word one of the program's commands?
fn has_command(config: &str, word: &str) -> bool {
    let variant: String =
        word.chars().enumerate().map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c }).collect();
    let commands =
        config.split("pub enum Command {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or_default();
    [",", "(", " {"].iter().any(|end| commands.contains(&format!("\n    {variant}{end}")))
}
