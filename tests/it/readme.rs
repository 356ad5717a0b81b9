//! What the README tells people to type is there, and its two commands are what continuous integration runs.

use std::fs;
use std::path::{Path, PathBuf};

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
fn every_command_of_the_readme_names_what_is_there() {
    let mut tried = 0;
    let config = read("api/src/config.rs");
    for words in commands("README.md") {
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

/// Is a word one of the program's commands?
fn has_command(config: &str, word: &str) -> bool {
    let variant: String =
        word.chars().enumerate().map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c }).collect();
    let commands =
        config.split("pub enum Command {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or_default();
    [",", "(", " {"].iter().any(|end| commands.contains(&format!("\n    {variant}{end}")))
}
