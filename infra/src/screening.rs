//! Screening of names and countries. The list is a file's lines; a hit puts money on hold for our people to look
//! at, and is never shown to the person. A list that can't be read lets nobody through: what was to be
//! screened is tried again later.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use domain::payout::Screened;
use sha2::{Digest, Sha256};

use self::normal::{COMPARED, normal};
use crate::Fault;

mod hit;
mod normal;
mod party;

/// A name that nobody is paid under, and a country that nobody is paid in, for trying things out.
const SANDBOX_LIST: &str = "sandbox sanctioned person\ncountry: KP";
/// What a line begins with that names a country, by its two letters of ISO 3166-1, and no person.
const COUNTRY: &str = "country:";
/// How much of a listed name is shown.
const SHOWN: usize = 200;
/// The largest file that is read.
const FILE_BYTES: u64 = 64 << 20;

/// Screens names and countries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Screening {
    /// Against a made-up list.
    #[default]
    Sandbox,
    /// Against a file of names, one a line; lines that begin with `#` are comments, and `country: KP` is a country. It
    /// is read anew for each screening, so that a changed list counts at once.
    File(PathBuf),
}

/// The names and the countries of a list.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    names: HashMap<Vec<String>, String>,
    countries: BTreeSet<String>,
}

/// What is known of somebody that a list could have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Particulars<'a> {
    /// Every name of theirs.
    pub names: &'a [String],
    /// Where they live or are paid, by two letters.
    pub countries: &'a [String],
    /// What our people found to be nothing, as [`Listed::screen`] says it.
    pub cleared: &'a [String],
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
        let mut listed = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(country) = country_of(line) {
                let country = country.to_ascii_uppercase();
                if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
                    return Err(unreadable(&format!("\"{line}\" names no country by two letters")));
                }
                listed.countries.insert(country);
                continue;
            }
            let words = normal(line);
            if !words.is_empty() {
                listed.names.insert(words, line.chars().take(SHOWN).collect());
            }
        }
        // A list of countries alone is most likely one whose names were lost on the way.
        if listed.names.is_empty() {
            return Err(unreadable(&"the list of names is empty"));
        }
        Ok(listed)
    }

    /// What tells one list from another, or the same read in another way.
    fn fingerprint(&self) -> String {
        let countries = self.countries.iter().map(|country| format!("{COUNTRY} {country}"));
        let mut lines: Vec<String> = self.names.values().cloned().chain(countries).collect();
        lines.sort_unstable();
        let hash = Sha256::digest(format!("{COMPARED}\n{}", lines.join("\n")));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What of these names and countries is listed, and as what. Neither case, accents and punctuation matter nor the
    /// order of words, and letters that look alike are alike.
    fn found<'a>(&self, names: &'a [String], countries: &'a [String]) -> Vec<(&'a str, String)> {
        let named = names.iter().filter_map(|name| Some((name.as_str(), self.names.get(&normal(name))?.clone())));
        let placed = countries.iter().filter(|country| self.countries.contains(*country));
        named.chain(placed.map(|country| (country.as_str(), format!("{COUNTRY} {country}")))).collect()
    }

    /// What the list says of somebody, but for what our people found to be nothing already.
    pub fn screen(&self, known: Particulars<'_>) -> Screened {
        let found = self.found(known.names, known.countries).into_iter().map(|(_, listed)| as_listed(&listed));
        found.into_iter().find(|hit| !known.cleared.contains(hit)).map_or(Screened::Clear, Screened::Hit)
    }
}

/// How a hit of a payout is said.
fn as_listed(listed: &str) -> String {
    format!("on the list as {listed}")
}

/// The country that a line names, if that is what it does.
fn country_of(line: &str) -> Option<&str> {
    let (label, rest) = line.split_at_checked(COUNTRY.len())?;
    label.eq_ignore_ascii_case(COUNTRY).then(|| rest.trim())
}

fn unreadable(why: &impl std::fmt::Display) -> Fault {
    Fault::Service { service: "screening", why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_written_to_read_alike() {
        let list = Listed::of("sandbox sanctioned person\n\u{418}\u{432}\u{430}\u{43D} \u{422}\u{43E}\u{43C}\n\u{639}\u{644}\u{6CC} \u{62E}\u{627}\u{646}").unwrap();
        let says = |name: &str| {
            let names = [name.to_owned()];
            list.screen(Particulars { names: &names, ..Particulars::default() })
        };
        let alike = [
            "Person, Sandbox SANCTIONED",
            "Sandbox Sanc\u{200B}tioned Person",
            "Sandbox Sanc\u{200C}tioned Per\u{AD}son\u{2060}",
            "Sand\u{3164}box Sanctioned\u{E0041} Person\u{FE0F}",
            "\u{FF33}andbox \u{FF33}\u{FF41}nctioned Person",
            "\u{405}andb\u{43E}\u{445} S\u{430}n\u{441}tioned P\u{435}rson",
            "S\u{391}NDB\u{39F}\u{3A7} S\u{391}NCTI\u{39F}NED PERS\u{39F}N",
            "Sandb\u{F6}x Sa\u{301}nct\u{131}oned P\u{E9}rson",
        ];
        for name in alike {
            assert_eq!(says(name), Screened::Hit("on the list as sandbox sanctioned person".into()), "{name:?}");
        }
        for (name, is_listed) in [
            ("\u{418}\u{412}\u{410}\u{41D} \u{422}\u{41E}\u{41C}", true),
            ("\u{62E}\u{627}\u{646} \u{639}\u{644}\u{6CC}", true),
            ("\u{639}\u{644}\u{6CC}", false),
            ("Sandbox Sanctioned", false),
            ("Sandboxsanctioned Person", false),
            ("\u{200B}", false),
        ] {
            assert_eq!(matches!(says(name), Screened::Hit(_)), is_listed, "{name:?}");
        }
    }

    #[test]
    fn a_list_is_lines_and_one_without_names_is_none() {
        let list = Listed::of("# of a Tuesday\n\nMr. Bad, Guy\r\n  somebody else \nCountry: ir\n").unwrap();
        let says = |name: &str, country: &str, cleared: &[String]| {
            let (names, countries) = (["Faisal".to_owned(), name.to_owned()], [country.to_owned()]);
            list.screen(Particulars { names: &names, countries: &countries, cleared })
        };
        let hit = "on the list as Mr. Bad, Guy".to_owned();
        assert_eq!(says("GUY bad mr", "PK", &[]), Screened::Hit(hit.clone()));
        assert_eq!(says("GUY bad mr", "PK", std::slice::from_ref(&hit)), Screened::Clear, "our people looked at it");
        let place = Screened::Hit("on the list as country: IR".into());
        assert_eq!(says("GUY bad mr", "IR", &[hit]), place, "and at nothing else");
        assert_eq!(says("Else, Somebody", "PK", &["x".into()]), Screened::Hit("on the list as somebody else".into()));
        assert_eq!([says("of a Tuesday", "PK", &[]), says("IR", "PK", &[])], [Screened::Clear, Screened::Clear]);
        for text in ["", "\n \n", "# nobody", "---", "country: IR", "Mr. Bad\ncountry: Iran", "Mr. Bad\ncountry:"] {
            assert!(Listed::of(text).is_err(), "{text:?}");
        }
        let other = Listed::of("Mr. Bad, Guy\nsomebody else\ncountry: IQ").unwrap();
        assert_ne!(list.fingerprint(), other.fingerprint());
        assert!(Screening::from_file(Path::new("/there/is/no/such/list")).is_err());
    }
}
