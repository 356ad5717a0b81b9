//! Screening of names. The list is a file's lines; a hit puts money on hold for our people to look
//! at, and is never shown to the person.

use domain::payout::Screened;

/// Names that nobody is paid under, for trying things out.
const SANDBOX_LIST: &[&str] = &["sandbox sanctioned person"];

/// Screens names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Screening {
    /// Against a made-up list.
    #[default]
    Sandbox,
}

impl Screening {
    /// Is this name on a list? Case, punctuation and the order of words don't matter.
    pub fn screen(self, name: &str) -> Screened {
        let list = match self {
            Self::Sandbox => SANDBOX_LIST,
        };
        match list.iter().find(|listed| normal(listed) == normal(name)) {
            Some(listed) => Screened::Hit(format!("on the list as {listed}")),
            None => Screened::Clear,
        }
    }
}

fn normal(name: &str) -> Vec<String> {
    let mut words: Vec<String> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable();
    words
}
