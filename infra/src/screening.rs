//! Screening of names. The list is a file's lines; a hit puts money on hold for our people to look
//! at, and is never shown to the person. A list that can't be read lets nobody through: what was to be
//! screened is tried again later.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use domain::payout::Screened;
use sha2::{Digest, Sha256};

use crate::Fault;

mod client;

/// Names that nobody is paid under, for trying things out.
const SANDBOX_LIST: &str = "sandbox sanctioned person";
/// How much of a listed name is shown.
const SHOWN: usize = 200;
/// The largest file that is read.
const FILE_BYTES: u64 = 64 << 20;

/// Screens names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Screening {
    /// Against a made-up list.
    #[default]
    Sandbox,
    /// Against a file of names, one a line; lines that begin with `#` are comments. It is read anew for each
    /// screening, so that a changed list counts at once.
    File(PathBuf),
}

/// The names of a list.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    names: HashMap<Vec<String>, String>,
}

impl Screening {
    /// Screening against this file, which is read once to see that there are names in it.
    pub fn from_file(path: &Path) -> Result<Self, Fault> {
        Listed::read(path)?;
        Ok(Self::File(path.to_owned()))
    }

    /// The list as it is now.
    pub async fn list(&self) -> Result<Listed, Fault> {
        match self {
            Self::Sandbox => Listed::of(SANDBOX_LIST),
            Self::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || Listed::read(&path)).await;
                read.map_err(|error| unreadable(&error))?
            }
        }
    }
}

impl Listed {
    fn read(path: &Path) -> Result<Self, Fault> {
        if std::fs::metadata(path)?.len() > FILE_BYTES {
            return Err(unreadable(&"the list of names is too large"));
        }
        Self::of(&std::fs::read_to_string(path)?)
    }

    fn of(text: &str) -> Result<Self, Fault> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let names: HashMap<_, _> = lines
            .map(|line| (normal(line), line.chars().take(SHOWN).collect::<String>()))
            .filter(|(words, _)| !words.is_empty())
            .collect();
        if names.is_empty() {
            return Err(unreadable(&"the list of names is empty"));
        }
        Ok(Self { names })
    }

    /// What tells one list from another.
    fn fingerprint(&self) -> String {
        let mut lines: Vec<&str> = self.names.values().map(String::as_str).collect();
        lines.sort_unstable();
        let hash = Sha256::digest(lines.join("\n"));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What the list says of these names, but for what our people found to be nothing already. Case, punctuation
    /// and the order of words don't matter.
    pub fn screen<'a>(&self, names: impl IntoIterator<Item = &'a str>, cleared: &[String]) -> Screened {
        let found = names.into_iter().filter_map(|name| self.names.get(&normal(name)));
        let mut hits = found.map(|listed| format!("on the list as {listed}")).filter(|hit| !cleared.contains(hit));
        hits.next().map_or(Screened::Clear, Screened::Hit)
    }
}

fn unreadable(why: &impl std::fmt::Display) -> Fault {
    Fault::Service { service: "screening", why: why.to_string() }
}

fn normal(name: &str) -> Vec<String> {
    let mut words: Vec<String> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_lines_and_one_without_names_is_none() {
        let list = Listed::of("# of a Tuesday\n\nMr. Bad, Guy\r\n  somebody else \n").unwrap();
        let says = |name: &'static str, cleared: &[String]| list.screen(["Faisal", name], cleared);
        let hit = "on the list as Mr. Bad, Guy".to_owned();
        assert_eq!(says("GUY bad mr", &[]), Screened::Hit(hit.clone()));
        assert_eq!(says("GUY bad mr", &[hit]), Screened::Clear, "our people looked at it");
        assert_eq!(says("Else, Somebody", &["another".into()]), Screened::Hit("on the list as somebody else".into()));
        assert_eq!(says("of a Tuesday", &[]), Screened::Clear);
        for text in ["", "\n \n", "# nobody", "---"] {
            assert!(Listed::of(text).is_err(), "{text:?}");
        }
        assert!(Screening::from_file(Path::new("/there/is/no/such/list")).is_err());
    }
}
