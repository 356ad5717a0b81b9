//! Roles: lines of work, how they are called, and which can stand in for which.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::fixed::Value;
use super::taxonomy::{self, Skill, Taxonomy};
use super::text::fold;
use crate::id::SkillId;

/// A line of work, like "Front-end developer". Stored by its slug.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role(u16);

/// A slug that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a role")]
pub struct BadRole;

struct Row {
    slug: &'static str,
    label: &'static str,
    family: &'static str,
}

struct Table {
    rows: Vec<Row>,
    by_slug: HashMap<&'static str, Role>,
    by_name: HashMap<String, Role>,
    longest_name: usize,
    stands_in: HashMap<(Role, Role), Value>,
    signs: HashMap<SkillId, Vec<Role>>,
}

/// A skill that says which developer or engineer is meant has at most so many words.
const LONGEST_SKILL: usize = 3;

/// Signs that set the parts of a title off from each other.
const PARTS: [char; 8] = ['|', '(', ')', '[', ']', ';', ':', '\n'];

/// What someone of one family is worth where another of it is asked.
const SAME_FAMILY: Value = Value::milli(300);

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../data/roles.tsv")));

impl Table {
    fn read(text: &'static str) -> Self {
        let lines: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| line.split('\t').collect())
            .collect();
        let mut table = Self {
            rows: Vec::new(),
            by_slug: HashMap::new(),
            by_name: HashMap::new(),
            longest_name: 1,
            stands_in: HashMap::new(),
            signs: HashMap::new(),
        };
        for (line, index) in lines.iter().zip(0..) {
            let [slug, label, family, names, ..] = line[..] else { continue };
            let role = Role(index);
            table.rows.push(Row { slug, label, family });
            table.by_slug.insert(slug, role);
            for name in [label].into_iter().chain(names.split('|')) {
                let words = words(name);
                table.longest_name = table.longest_name.max(words.len());
                table.by_name.entry(words.join(" ")).or_insert(role);
            }
        }
        for (line, index) in lines.iter().zip(0..) {
            for pair in line.get(4).unwrap_or(&"").split('|') {
                let Some((slug, percent)) = pair.split_once('=') else { continue };
                let (Some(role), Ok(percent)) = (table.by_slug.get(slug), percent.trim().parse::<i64>()) else {
                    continue;
                };
                table.stands_in.insert((Role(index), *role), Value::milli(percent * 10));
            }
            for slug in line.get(5).unwrap_or(&"").split('|').filter(|slug| !slug.is_empty()) {
                table.signs.entry(taxonomy::id_of(slug)).or_default().push(Role(index));
            }
        }
        table
    }
}

impl Role {
    /// All roles, by family.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(TABLE.rows.len())
    }

    /// A mark of the roles and their order: where it differs, their numbers mean other roles.
    pub fn mark() -> u64 {
        TABLE
            .rows
            .iter()
            .flat_map(|row| row.slug.bytes())
            .fold(0xcbf2_9ce4_8422_2325, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    /// Where it stands among all roles: for as long as a process lives, not longer.
    pub fn number(self) -> u8 {
        u8::try_from(self.0).unwrap_or(u8::MAX)
    }

    /// The role that stands there.
    pub fn from_number(number: u8) -> Option<Self> {
        (usize::from(number) < TABLE.rows.len()).then_some(Self(u16::from(number)))
    }

    /// The lasting name, like `front-end-developer`.
    pub fn slug(self) -> &'static str {
        TABLE.rows.get(usize::from(self.0)).map_or("", |row| row.slug)
    }

    /// What people call it, like "Front-end developer".
    pub fn label(self) -> &'static str {
        TABLE.rows.get(usize::from(self.0)).map_or("", |row| row.label)
    }

    /// The trade it belongs to, like `software` or `design`.
    pub fn family(self) -> &'static str {
        TABLE.rows.get(usize::from(self.0)).map_or("", |row| row.family)
    }

    /// How far someone in this role can stand in where `asked` is wanted.
    pub fn stands_in_for(self, asked: Self) -> Value {
        if self == asked {
            return Value::ONE;
        }
        let family = if self.family() == asked.family() { SAME_FAMILY } else { Value::ZERO };
        TABLE.stands_in.get(&(self, asked)).copied().unwrap_or(family)
    }

    /// The roles that a title or a list of roles names, in the order it names them, each once. Longer
    /// names win over the shorter ones in them; plurals and hyphens do not matter.
    pub fn named_in(text: &str) -> Vec<Self> {
        Self::named(text, |_| true)
    }

    /// The roles that running text names by what a person is called: "a back-end developer", but not
    /// the "mobile" of "mobile-friendly".
    pub fn people_named_in(text: &str) -> Vec<Self> {
        Self::named(text, is_a_person)
    }

    /// The roles that these skills are a sign of, the most signs first.
    pub fn signed_by(skills: impl IntoIterator<Item = SkillId>) -> Vec<(Self, u32)> {
        Self::most_signs(skills.into_iter().filter_map(|skill| TABLE.signs.get(&skill)))
    }

    /// The same, where a skill that is no sign itself stands for what it is a part of: Playwright tells of who
    /// automates tests.
    pub fn told_by(skills: impl IntoIterator<Item = SkillId>) -> Vec<(Self, u32)> {
        let of_whole = |skill| Taxonomy::shipped().ancestors(skill).find_map(|whole| TABLE.signs.get(&whole.id));
        Self::most_signs(skills.into_iter().filter_map(|skill| TABLE.signs.get(&skill).or_else(|| of_whole(skill))))
    }

    fn most_signs(signs: impl Iterator<Item = &'static Vec<Self>>) -> Vec<(Self, u32)> {
        let mut counts: BTreeMap<Self, u32> = BTreeMap::new();
        for role in signs.flatten() {
            *counts.entry(*role).or_default() += 1;
        }
        let mut roles: Vec<_> = counts.into_iter().collect();
        roles.sort_by_key(|(role, signs)| (std::cmp::Reverse(*signs), *role));
        roles
    }

    /// Whether it names a whole trade rather than a line of work in it.
    pub fn is_general(self) -> bool {
        self.slug() == "software-engineer"
    }

    /// Whether it is to lead a company rather than to do a line of work.
    pub fn founds(self) -> bool {
        self.slug() == "executive"
    }

    /// A general role after the name of a skill is the line of work that the skill, or what it is a part of,
    /// is a sign of: a PHP engineer is a back-end developer.
    fn made_specific(self, before: &[String]) -> Self {
        let longest = LONGEST_SKILL.min(before.len());
        let of_last = |length| self.made_specific_by(&before[before.len() - length..]);
        (1..=longest).rev().find_map(of_last).unwrap_or(self)
    }

    /// The same, of a skill with exactly this name.
    fn made_specific_by(self, name: &[String]) -> Option<Self> {
        if !self.is_general() {
            return Some(self);
        }
        let (taxonomy, own) = (Taxonomy::shipped(), self.family());
        // Words came here without the s of a plural, which some names end in.
        let named = |said: &str| taxonomy.named(&fold(said)).or_else(|| taxonomy.named(&fold(&format!("{said}s"))));
        let builds = |role: &&Self| matches!(role.family(), "data" | "operations") || role.family() == own;
        let signs = |of: &Skill| TABLE.signs.get(&of.id)?.iter().find(builds).copied();
        let skill = named(&name.join(" "))?;
        Some(signs(skill).or_else(|| taxonomy.ancestors(skill.id).find_map(signs)).unwrap_or(self))
    }

    fn named(text: &str, counts: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut found = Vec::new();
        let text = with_asides(text);
        // What stands in another part says nothing of a role: "Acme Monitoring | Engineer" asks for an engineer.
        for part in text.split(PARTS) {
            let (words, apart): (Vec<String>, Vec<bool>) = words_apart(part).unzip();
            let mut at = 0;
            while at < words.len() {
                let Some((length, role)) = Self::longest_name(&words[at..]) else {
                    at += 1;
                    continue;
                };
                let last = &words[at + length - 1];
                let role = role.made_specific(&words[..at]);
                if counts(last) {
                    let listed = if is_a_builder(last) { Self::listed_before(at, &words, &apart) } else { Vec::new() };
                    for role in listed.into_iter().rev().chain([role]) {
                        if !found.contains(&role) {
                            found.push(role);
                        }
                    }
                }
                at += length;
            }
        }
        found
    }

    /// The longest name that words begin with, and its length.
    fn longest_name(words: &[String]) -> Option<(usize, Self)> {
        (1..=TABLE.longest_name.min(words.len()))
            .rev()
            .find_map(|length| Some((length, *TABLE.by_name.get(&words[..length].join(" "))?)))
    }

    /// The roles that share one word for a person, the last first: of "Rails, front-end and iOS developers", where the
    /// name found begins at "iOS", front-end and back-end developers; and a line of work named right before them, as in
    /// "full-stack React and Rails developer".
    fn listed_before(at: usize, words: &[String], apart: &[bool]) -> Vec<Self> {
        let mut roles = Vec::new();
        let mut end = at;
        // "Developers" alone are what stands right before them; with nothing there, they share their name with none.
        if is_a_builder(&words[at]) {
            let Some((length, _)) = Self::ends_with_item(&words[..at], apart) else { return roles };
            end -= length;
        }
        while end > 0 {
            let joined = matches!(words[end - 1].as_str(), "and" | "or" | "&");
            let before = &words[..end - usize::from(joined)];
            let listed = joined || apart.get(end).is_some_and(|apart| *apart);
            let item = if listed { Self::ends_with_item(before, apart) } else { Self::ends_with_name(before, apart) };
            let Some((length, role)) = item else { break };
            roles.push(role);
            end = before.len() - length;
        }
        roles
    }

    /// What developer the last words mean that stand before "developer" in a list, and how many words they are.
    fn ends_with_item(words: &[String], apart: &[bool]) -> Option<(usize, Self)> {
        let developer = ["developer".to_owned()];
        Self::ends_with(words, apart, |name| {
            let called = || TABLE.by_name.get(&[name, &developer].concat().join(" ")).copied();
            let by_skill = || TABLE.by_name.get(&developer[0])?.made_specific_by(name);
            TABLE.by_name.get(&name.join(" ")).copied().or_else(called).or_else(by_skill)
        })
    }

    /// The line of work that the last words name, and how many words they are.
    fn ends_with_name(words: &[String], apart: &[bool]) -> Option<(usize, Self)> {
        Self::ends_with(words, apart, |name| TABLE.by_name.get(&name.join(" ")).copied())
    }

    fn ends_with(words: &[String], apart: &[bool], means: impl Fn(&[String]) -> Option<Self>) -> Option<(usize, Self)> {
        (1..=LONGEST_SKILL.min(words.len())).rev().find_map(|length| {
            let begin = words.len() - length;
            let whole = apart[begin + 1..words.len()].iter().all(|apart| !apart);
            let role = means(&words[begin..]).filter(|role| whole && !role.is_general() && role.is_built())?;
            Some((length, role))
        })
    }

    /// Whether developers and engineers do it.
    fn is_built(self) -> bool {
        matches!(self.family(), "software" | "data" | "operations")
    }
}

/// Whether a word is what those are called who build something with a skill.
fn is_a_builder(word: &str) -> bool {
    matches!(word, "developer" | "engineer" | "programmer")
}

/// A text in which an aside before "developer" is a part of the sentence: "a back-end Python (Flask) developer".
fn with_asides(text: &str) -> String {
    let (mut said, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('(')
        && let Some((aside, next)) = after.split_once(')')
    {
        let builder =
            next.split_whitespace().next().is_some_and(|word| words(word).iter().any(|word| is_a_builder(word)));
        let (open, close) = if builder { (' ', ' ') } else { ('(', ')') };
        said.push_str(before);
        said.push(open);
        said.push_str(aside);
        said.push(close);
        rest = next;
    }
    said.push_str(rest);
    said
}

/// Whether a word ends as words for people do.
fn is_a_person(word: &str) -> bool {
    ["er", "or", "ist", "ian", "yst", "ant", "admin", "dev", "accountant", "artist"]
        .iter()
        .any(|ending| word.ends_with(ending))
}

/// Whether a name is what a person is called, and not a thing or a deed: its main word, before any
/// "of", ends as words for people do.
pub fn names_a_person(name: &str) -> bool {
    let words = words(name);
    let main = words.iter().take_while(|word| !matches!(word.as_str(), "of" | "for" | "in" | "at" | "to" | "with"));
    main.last().is_some_and(|word| is_a_person(word))
}

/// Lower-case words, without the plural's s. Signs that are part of a name (`c#`, `c++`, `.net`) stay.
fn words(text: &str) -> Vec<String> {
    words_apart(text).map(|(word, _)| word).collect()
}

/// The same, each with whether a comma or a slash sets it off from the one before it.
fn words_apart(text: &str) -> impl Iterator<Item = (String, bool)> {
    let mut apart = false;
    text.split_inclusive(|c: char| !(c.is_alphanumeric() || matches!(c, '+' | '#' | '.' | '&'))).filter_map(
        move |said| {
            let end = said.char_indices().next_back().filter(|(_, c)| !(c.is_alphanumeric() || "+#.&".contains(*c)));
            let word = end.map_or(said, |(at, _)| &said[..at]).trim_end_matches('.').to_lowercase();
            let named = (!word.is_empty()).then(|| (without_plural(word), std::mem::take(&mut apart)));
            apart |= end.is_some_and(|(_, c)| matches!(c, ',' | '/'));
            named
        },
    )
}

fn without_plural(word: String) -> String {
    match word.strip_suffix('s') {
        Some("dev") => "developer".to_owned(),
        Some(singular) if singular.len() > 3 && !singular.ends_with(['s', 'u', 'i', 'p']) => singular.to_owned(),
        None if word == "dev" => "developer".to_owned(),
        Some(_) | None => word,
    }
}

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(slug: &str) -> Result<Self, BadRole> {
        TABLE.by_slug.get(slug).copied().ok_or(BadRole)
    }
}

impl TryFrom<String> for Role {
    type Error = BadRole;
    fn try_from(slug: String) -> Result<Self, BadRole> {
        slug.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.slug().to_owned()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slugs(text: &str) -> Vec<&'static str> {
        Role::named_in(text).into_iter().map(Role::slug).collect()
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("../../data/roles.tsv").lines().filter(|line| !line.starts_with('#'));
        let (mut rows, mut pairs) = (0, 0);
        for line in lines {
            let columns: Vec<_> = line.split('\t').collect();
            assert_eq!(columns.len(), 6, "{line}");
            for slug in columns[5].split('|').filter(|slug| !slug.is_empty()) {
                assert!(Taxonomy::shipped().find_slug(slug).is_some(), "{slug}");
            }
            rows += 1;
            pairs += columns[4].split('|').filter(|pair| !pair.is_empty()).count();
        }
        assert_eq!(Role::all().count(), rows);
        assert_eq!(TABLE.by_slug.len(), rows);
        assert_eq!(TABLE.stands_in.len(), pairs);
    }

    #[test]
    fn roles_are_found_by_any_of_their_names() {
        assert_eq!(slugs("Senior Front End Developers wanted"), ["front-end-developer"]);
        assert_eq!(slugs("Back-end / Full-stack developer"), ["back-end-developer", "full-stack-developer"]);
        assert_eq!(slugs("UNIX Sys Admin"), ["systems-administrator"]);
        assert_eq!(slugs("C# developer or SEO experts"), ["back-end-developer", "seo-specialist"]);
        assert_eq!(slugs("Embedded applications/devices developer"), ["embedded-developer"]);
        assert_eq!(slugs("Product engineer, solutions architect"), ["software-engineer"]);
        assert_eq!(slugs("Web app developer; security consultants"), ["web-developer", "security-engineer"]);
        assert_eq!(slugs("nothing of the kind"), [""; 0]);
        // A company's name beside a title is not what the engineer works with.
        assert_eq!(slugs("Watchman Monitoring | Software engineers (Jr and Sr)"), ["software-engineer"]);
        assert_eq!(slugs("Monitoring engineer"), ["devops-engineer"]);
    }

    #[test]
    fn a_developer_of_something_is_what_that_is_a_sign_of() {
        for (title, role) in [
            ("PHP engineer", "back-end-developer"),
            ("Shopify developer", "web-developer"),
            ("Shopify Liquid engineers", "web-developer"),
            ("Django REST framework programmer", "back-end-developer"),
            ("Vue software engineer", "front-end-developer"),
            ("Kubernetes developer", "devops-engineer"),
            ("Software engineer", "software-engineer"),
            ("Senior developer", "software-engineer"),
            ("Photoshop developer", "software-engineer"),
        ] {
            assert_eq!(slugs(title), [role], "{title}");
        }
    }

    #[test]
    fn a_list_shares_its_word_for_a_person() {
        let people = |text: &str| Role::people_named_in(text).into_iter().map(Role::slug).collect::<Vec<_>>();
        for (text, roles) in [
            ("good Rails, Python, and iOS developers", &["back-end-developer", "mobile-developer"][..]),
            ("Ruby/AngularJS engineers", &["back-end-developer", "front-end-developer"]),
            ("JavaScript/React engineer", &["front-end-developer"]),
            (
                "a full-stack React & Rails developer",
                &["full-stack-developer", "front-end-developer", "back-end-developer"],
            ),
            ("an iOS developer and a backend Python (Flask) developer", &["mobile-developer", "back-end-developer"]),
            ("an iOS (Objective-C) developer", &["mobile-developer"]),
            ("front-end (React/Redux) developers", &["front-end-developer"]),
            ("engineers (Rails, iOS)", &["software-engineer"]),
            // Neither what is merely said before, nor what is no developer's, shares it.
            ("our iOS app needs a PHP developer", &["back-end-developer"]),
            ("an iOS app, and developers", &["software-engineer"]),
            ("a UX/UI developer", &["front-end-developer"]),
            ("and developers", &["software-engineer"]),
            ("developers", &["software-engineer"]),
        ] {
            assert_eq!(people(text), roles, "{text}");
        }
    }

    #[test]
    fn a_role_stands_in_for_its_neighbours_and_not_for_strangers() {
        let role = |slug: &str| slug.parse::<Role>().unwrap();
        let (full, back, lawyer) = (role("full-stack-developer"), role("back-end-developer"), role("lawyer"));
        assert_eq!(full.stands_in_for(full), Value::ONE);
        assert!(full.stands_in_for(back) > back.stands_in_for(full));
        assert_eq!(full.stands_in_for(lawyer), Value::ZERO);
        assert_eq!("pilot".parse::<Role>(), Err(BadRole));
    }
}
