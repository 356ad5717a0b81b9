//! Every code that an error of ours can have is in one table, which is printed to `ERRORS.md` for those who write
//! clients. The codes are read from the sources, so one that is made up tomorrow is asked for tomorrow.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use table::{CODES, Where};

const PRINTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ERRORS.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where words in capitals are no codes: settings, banks, the program's own demo.
const ELSEWHERE: &[&str] = &[
    "api/src/command",
    "api/src/config.rs",
    "api/src/demo",
    "api/src/http/toy.rs",
    "domain/src/matching",
    "domain/src/payout/banks.rs",
    "infra/src/demo",
    "infra/src/embedded",
];

/// Words in capitals that are something else.
const OTHERS: &[&str] = &[
    "BEST_MATCH",
    "CARGO_PKG_VERSION",
    "CITI",
    "CNIC",
    "DENY",
    "FIT",
    "INV",
    "JSON",
    "NTN",
    "PKR",
    "POST",
    "SCBL",
    "USD",
    "USD_RETENTION",
    "UTC",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
        let tests = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
        if ELSEWHERE.iter().any(|elsewhere| name.starts_with(elsewhere)) || tests {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The words in capitals that stand in the sources, and where one stands.
fn words() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    for floor in ["domain/src", "infra/src", "api/src"] {
        sources(&Path::new(ROOT).join(floor), &mut files);
    }
    let mut words = BTreeMap::new();
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (line, text) in source.lines().enumerate().filter(|(_, text)| !text.trim_start().starts_with("//")) {
            for word in text.split('"').skip(1).step_by(2) {
                let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                let is_code =
                    word.len() > 2 && word.chars().all(capital) && word.starts_with(|c: char| c.is_ascii_uppercase());
                if is_code && !OTHERS.contains(&word) {
                    words.insert(word.to_owned(), format!("{}:{}", path.display(), line + 1));
                }
            }
        }
    }
    words
}

#[test]
fn every_code_of_an_error_says_what_it_means_and_what_to_do() {
    let words = words();
    assert!(words.len() > 100, "the test reads the sources wrongly: {words:?}");
    let codes: BTreeSet<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes.len(), CODES.len(), "a code stands there twice");
    let untold: BTreeMap<_, _> = words.iter().filter(|(word, _)| !codes.contains(word.as_str())).collect();
    assert!(
        untold.is_empty(),
        "say in errors/table.rs what these mean, or in OTHERS that they are no codes: {untold:#?}"
    );
    let gone: Vec<_> = codes.iter().filter(|code| !words.contains_key(**code)).collect();
    assert!(gone.is_empty(), "nothing says these any more: {gone:?}");
    for other in OTHERS {
        assert!(!codes.contains(other), "{other} is a code");
    }
}

const HEADINGS: &[(Where, &str, &str)] = &[
    (
        Where::Payload,
        "Refusals",
        "In `errors` of a mutation's payload, each as a type of its own with the facts (`WrongStateError`, `NotFoundError`…). \
         A query that is refused has the same code and facts in `errors[].extensions`.",
    ),
    (
        Where::Field,
        "Fields of an input",
        "`InvalidInputError` in a payload, one for each field at fault; `path` says which.",
    ),
    (Where::Limit, "Limits of the business", "`LimitReachedError` in a payload, with `limit` and `value`."),
    (Where::Rule, "Rules of the business", "`RuleError` in a payload."),
    (
        Where::Request,
        "Requests",
        "`errors[].extensions.code` with a status that says as much; on pages that are not GraphQL, `code`. What is a limit says \
         `limit` and `value`, and what passes says `retryAfterSeconds`.",
    ),
    (
        Where::Document,
        "Documents",
        "`errors[].extensions.code`; nothing was executed. What is a limit says `limit` and `value`.",
    ),
    (Where::House, "The house", "Told on the command line."),
];

#[test]
fn errors_md_is_fresh() {
    let mut page = String::from(
        "# Errors\n\nEvery code that an error can have, what it means, and what a client does about it. Codes are stable; messages\n\
         are for people, and may change. Printed by a test, from `tests/it/errors/table.rs`.\n",
    );
    for (place, title, how) in HEADINGS {
        page.push_str(&format!("\n## {title}\n\n{how}\n\n| code | what it means | what to do |\n|---|---|---|\n"));
        let mut codes: Vec<_> = CODES.iter().filter(|(_, of, ..)| of == place).collect();
        codes.sort();
        for (code, _, means, to_do) in codes {
            page.push_str(&format!("| `{code}` | {means} | {to_do} |\n"));
        }
    }
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(PRINTED, &page).unwrap();
    }
    let printed = std::fs::read_to_string(PRINTED).unwrap_or_default();
    assert_eq!(printed, page, "run UPDATE_FILES=1 cargo test -p tests --test it errors, and read the diff");
}
