//! The skill taxonomy that ships with the product: what skills there are, what people call them,
//! and how free text finds them.
//!
//! "react js", "ReactJS" and "Raect" are one skill. A name is looked up as it is written, then
//! without spaces, without words that only say "developer of", in any word order, and last with a
//! slip of the keyboard; each step is less sure than the one before, and the answer says how sure.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::embedding::Table;
use super::text::{fold, singular};
use crate::id::{Id, SkillId};

static SHIPPED: LazyLock<Taxonomy> = LazyLock::new(|| Taxonomy::read(include_str!("../../data/skills.tsv")));

/// The longest name people give a skill, in words.
const LONGEST_NAME: usize = 6;

/// A name of so many letters is known with one of them wrong.
const LONG_WORD: usize = 7;
/// And no name of one word is longer than this.
const LONGEST_WORD: usize = 32;
/// And one of so many, with a letter changed for another.
const VERY_LONG_WORD: usize = 10;

/// Longer input than this names no skill.
const LONGEST_INPUT: usize = 120;

/// Words that name the person or the act, not the skill.
const AROUND: &[&str] = &[
    "api",
    "app",
    "apps",
    "building",
    "certified",
    "code",
    "coder",
    "coding",
    "design",
    "designer",
    "dev",
    "developer",
    "developers",
    "development",
    "engineer",
    "engineering",
    "expert",
    "experience",
    "framework",
    "freelancer",
    "js",
    "knowledge",
    "lang",
    "language",
    "library",
    "manager",
    "programmer",
    "programming",
    "senior",
    "junior",
    "service",
    "services",
    "skill",
    "skills",
    "software",
    "specialist",
    "tool",
    "tools",
    "work",
];

/// A skill of the trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// The same in every database: it is made from the slug.
    pub id: SkillId,
    /// The stable short name: `react-native`.
    pub slug: &'static str,
    /// What people call it: "React Native".
    pub name: &'static str,
    /// The trade it belongs to: "software", "design", "writing".
    pub category: &'static str,
    /// The skill it is a part or a kind of.
    pub parent: Option<SkillId>,
    /// What else people call it.
    pub aliases: Vec<&'static str>,
}

/// A skill that free text was found to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// The skill.
    pub skill: SkillId,
    /// How sure, in thousandths: 1000 is a known name, below 700 asks for a second look.
    pub confidence_milli: u16,
}

/// A skill that a text speaks of, offered to whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The skill.
    pub skill: SkillId,
    /// How sure, in thousandths.
    pub confidence_milli: u16,
    /// The words it was read from, folded.
    pub words: String,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    skill: u16,
    sense: Sense,
}

/// What else a name may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// Nothing.
    One,
    /// The word has an everyday sense: in running text it counts only when written as a name.
    Everyday,
    /// It means the skill where skills are listed, and in running text mostly something else: "Facebook" among
    /// clients is no advertising, and what renders templates is no 3D.
    Listed,
}

impl Sense {
    /// Of a name as the table writes it, and the name without the mark.
    fn of(written: &str) -> (Self, &str) {
        match (written.strip_prefix('?'), written.strip_prefix('~')) {
            (Some(name), _) => (Self::Everyday, name),
            (_, Some(name)) => (Self::Listed, name),
            (None, None) => (Self::One, written),
        }
    }
}

/// Skills, their names and their places.
#[derive(Debug)]
pub struct Taxonomy {
    skills: Vec<Skill>,
    by_id: HashMap<SkillId, u16>,
    by_slug: BTreeMap<&'static str, u16>,
    children: HashMap<SkillId, Vec<SkillId>>,
    names: BTreeMap<String, Name>,
    unspaced: HashMap<String, u16>,
    unordered: HashMap<String, u16>,
    spelled: Vec<(u32, String, u16)>,
    /// Long names of one word with a letter left out, and whole: for each, where they stand in `spelled`.
    nearly: HashMap<String, Vec<u16>>,
}

impl Taxonomy {
    /// The taxonomy that ships with the product. Read once.
    pub fn shipped() -> &'static Taxonomy {
        &SHIPPED
    }

    fn read(table: &'static str) -> Taxonomy {
        let mut skills = Vec::new();
        let mut said: Vec<(String, u16, Sense)> = Vec::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            let (slug, name, category, parent, others) = (field(), field(), field(), field(), field());
            let at = skills.len() as u16;
            let aliases: Vec<&'static str> = others.split('|').filter(|alias| !alias.is_empty()).collect();
            for called in std::iter::once(&name).chain(&aliases) {
                let (sense, called) = Sense::of(called);
                said.push((fold(called), at, sense));
            }
            skills.push(Skill {
                id: id_of(slug),
                slug,
                name: Sense::of(name).1,
                category,
                parent: (!parent.is_empty()).then(|| id_of(parent)),
                aliases: aliases.into_iter().map(|alias| Sense::of(alias).1).collect(),
            });
        }
        let mut names = BTreeMap::new();
        let mut unspaced = HashMap::new();
        let mut unordered = HashMap::new();
        let mut spelled = Vec::with_capacity(said.len());
        let mut nearly: HashMap<String, Vec<u16>> = HashMap::new();
        for (name, skill, sense) in said {
            unspaced.entry(name.replace(' ', "")).or_insert(skill);
            unordered.entry(in_any_order(&name)).or_insert(skill);
            if sense == Sense::One && is_long_word(&name) {
                let at = u16::try_from(spelled.len()).unwrap_or(u16::MAX);
                shortened(&name).chain([name.clone()]).for_each(|near| nearly.entry(near).or_default().push(at));
            }
            spelled.push((letters(&name), name.clone(), skill));
            names.entry(name).or_insert(Name { skill, sense });
        }
        let mut children: HashMap<SkillId, Vec<SkillId>> = HashMap::new();
        for skill in &skills {
            if let Some(parent) = skill.parent {
                children.entry(parent).or_default().push(skill.id);
            }
        }
        Taxonomy {
            by_id: skills.iter().enumerate().map(|(at, skill)| (skill.id, at as u16)).collect(),
            by_slug: skills.iter().enumerate().map(|(at, skill)| (skill.slug, at as u16)).collect(),
            skills,
            children,
            names,
            unspaced,
            unordered,
            spelled,
            nearly,
        }
    }

    /// All skills, general ones before their parts.
    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    /// The skill of this id.
    pub fn find(&self, id: SkillId) -> Option<&Skill> {
        self.by_id.get(&id).map(|&at| &self.skills[usize::from(at)])
    }

    /// The skill of this slug.
    pub fn find_slug(&self, slug: &str) -> Option<&Skill> {
        self.by_slug.get(slug).map(|&at| &self.skills[usize::from(at)])
    }

    /// The skill that answers to this folded name.
    pub fn named(&self, folded: &str) -> Option<&Skill> {
        self.names.get(folded).map(|known| &self.skills[usize::from(known.skill)])
    }

    /// Where a skill stands in [`Taxonomy::skills`].
    pub fn position(&self, id: SkillId) -> Option<usize> {
        self.by_id.get(&id).map(|&at| usize::from(at))
    }

    /// The skills that are parts or kinds of this one.
    pub fn children(&self, id: SkillId) -> &[SkillId] {
        self.children.get(&id).map_or(&[], Vec::as_slice)
    }

    /// What this skill is a part of, nearest first.
    pub fn ancestors(&self, id: SkillId) -> impl Iterator<Item = &Skill> {
        std::iter::successors(self.find(id), |skill| skill.parent.and_then(|parent| self.find(parent))).skip(1)
    }

    /// Whether one is a direct part of the other.
    pub fn is_parent_and_child(&self, one: SkillId, other: SkillId) -> bool {
        let parent = |id| self.find(id).and_then(|skill| skill.parent);
        parent(one) == Some(other) || parent(other) == Some(one)
    }

    /// Whether both are parts of the same skill.
    pub fn are_siblings(&self, one: SkillId, other: SkillId) -> bool {
        let parent = |id| self.find(id).and_then(|skill| skill.parent);
        one != other && parent(one).is_some() && parent(one) == parent(other)
    }

    /// The skill that someone who typed this meant, and how sure that is.
    pub fn resolve(&self, text: &str) -> Option<Resolved> {
        if text.len() > LONGEST_INPUT {
            return None;
        }
        let name = fold(text);
        if name.is_empty() {
            return None;
        }
        let sure = |skill: u16, confidence_milli| {
            Some(Resolved { skill: self.skills[usize::from(skill)].id, confidence_milli })
        };
        if let Some(known) = self.names.get(&name) {
            return sure(known.skill, if known.sense == Sense::Listed { 690 } else { 1000 });
        }
        if let Some(&skill) = self.unspaced.get(&name.replace(' ', "")) {
            return sure(skill, 970);
        }
        let single = name.split(' ').map(singular).collect::<Vec<_>>().join(" ");
        if let Some(known) = self.names.get(&single) {
            return sure(known.skill, 950);
        }
        if let Some(&skill) = self.unordered.get(&in_any_order(&name)) {
            return sure(skill, 930);
        }
        let bare: Vec<&str> = name.split(' ').filter(|word| !AROUND.contains(word)).collect();
        let bare = bare.join(" ");
        if let Some(known) = self.names.get(&bare).filter(|_| bare != name) {
            return sure(known.skill, 900);
        }
        if let Some((skill, slips)) = self.misspelled(&name) {
            return sure(skill, 860 - 90 * slips as u16);
        }
        // "Senior React and TypeScript person": the one that is named first.
        let inside = self.extract(text).into_iter().next()?;
        Some(Resolved { skill: inside.skill, confidence_milli: inside.confidence_milli.min(650) })
    }

    /// The name that is one slip away, or two when it is long, if there is one nearest.
    fn misspelled(&self, name: &str) -> Option<(u16, usize)> {
        let allowed = match name.len() {
            0..=3 => return None,
            4..=7 => 1,
            _ => 2,
        };
        let mask = letters(name);
        let mut best: Option<(usize, &str, u16)> = None;
        for (other_mask, other, skill) in &self.spelled {
            if other.len().abs_diff(name.len()) > allowed
                || (mask ^ other_mask).count_ones() as usize > 2 * allowed
                || other.len() < 4
                || !other.starts_with(&name[..1])
            {
                continue;
            }
            let slips = slips(name.as_bytes(), other.as_bytes());
            if slips <= allowed && best.is_none_or(|(least, at, _)| (slips, other.as_str()) < (least, at)) {
                best = Some((slips, other, *skill));
            }
        }
        best.map(|(slips, _, skill)| (skill, slips))
    }

    /// Skills with a name that starts like this, shortest name first: for a field that completes while one types.
    pub fn search(&self, start: &str, limit: usize) -> Vec<&Skill> {
        let start = fold(&start.chars().take(LONGEST_INPUT).collect::<String>());
        if start.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(bool, usize, u16)> = Vec::new();
        for (name, known) in self.names.range(start.clone()..).take_while(|(name, _)| name.starts_with(&start)) {
            let own = fold(self.skills[usize::from(known.skill)].name) == *name;
            found.push((!own, name.len(), known.skill));
        }
        found.sort_unstable();
        let mut seen = Vec::new();
        for (_, _, skill) in found {
            if !seen.contains(&skill) {
                seen.push(skill);
            }
        }
        seen.into_iter().take(limit).map(|skill| &self.skills[usize::from(skill)]).collect()
    }

    /// The skills that a text speaks of, surest first, then in the order of the text.
    pub fn extract(&self, text: &str) -> Vec<Suggestion> {
        let mut found: Vec<(u16, usize, Suggestion)> = Vec::new();
        let mut place = 0;
        for phrase in phrases(text) {
            let mut at = 0;
            while at < phrase.len() {
                place += 1;
                let Some((known, length, words)) = self.longest_name(&phrase[at..]) else {
                    at += 1;
                    continue;
                };
                let denied = at > 0 && matches!(phrase[at - 1].folded.as_str(), "no" | "not" | "without" | "never");
                let spoken_as_name = phrase[at].capital && !phrase[at].opens;
                // The C of "H.P.C." is not the language, and the Phoenix of "Phoenix, AZ" no framework.
                let elsewhere = phrase[at].place || (length == 1 && phrase[at].initial);
                let meant = match known.sense {
                    Sense::One => true,
                    Sense::Everyday => spoken_as_name,
                    Sense::Listed => false,
                };
                if !denied && !elsewhere && meant {
                    let confidence_milli = match (known.sense, length, words.len()) {
                        (Sense::Everyday | Sense::Listed, ..) => 600,
                        (Sense::One, 2.., _) => 950,
                        (Sense::One, _, 4..) => 900,
                        (Sense::One, ..) => 800,
                    };
                    let skill = self.skills[usize::from(known.skill)].id;
                    match found.iter_mut().find(|(_, _, suggestion)| suggestion.skill == skill) {
                        Some((_, _, earlier)) => {
                            earlier.confidence_milli =
                                earlier.confidence_milli.max(confidence_milli).saturating_add(10).min(990);
                        }
                        None => found.push((known.skill, place, Suggestion { skill, confidence_milli, words })),
                    }
                }
                at += length;
            }
        }
        found.sort_by_key(|(_, place, suggestion)| (std::cmp::Reverse(suggestion.confidence_milli), *place));
        found.into_iter().map(|(_, _, suggestion)| suggestion).collect()
    }

    fn longest_name(&self, phrase: &[Word]) -> Option<(Name, usize, String)> {
        (1..=phrase.len().min(LONGEST_NAME)).rev().find_map(|length| {
            let said = phrase[..length].iter().map(|word| word.folded.as_str()).collect::<Vec<_>>().join(" ");
            if let Some(known) = self.names.get(&said) {
                return Some((*known, length, said));
            }
            let last = singular(&phrase[length - 1].folded);
            let single = format!("{}{last}", &said[..said.len() - phrase[length - 1].folded.len()]);
            if let Some(known) = self.names.get(&single).filter(|_| single != said) {
                return Some((*known, length, single));
            }
            // "EmberJS", which is written apart as well; and then "PostgresSQL", which nobody writes right.
            let together = self.unspaced.get(&said).filter(|_| length == 1 && said.len() > 3).copied();
            let skill = together.or_else(|| self.nearly(&said).filter(|_| length == 1))?;
            Some((Name { skill, sense: Sense::One }, length, said))
        })
    }

    /// The skill with the long name that a word is one slip away from, if it is no word of its own.
    fn nearly(&self, word: &str) -> Option<u16> {
        if !is_long_word(word) || Table::shipped().knows(word) {
            return None;
        }
        let near = shortened(word).chain([word.to_owned()]).filter_map(|near| self.nearly.get(&near)).flatten();
        let names = near.map(|at| &self.spelled[usize::from(*at)]);
        let slipped = names.filter(|(_, name, _)| {
            // A letter changed for another makes other words of short ones: a treasure of treasury.
            let changed = name.len() == word.len() && in_order(name) != in_order(word);
            name[..1] == word[..1]
                && (!changed || word.len() >= VERY_LONG_WORD)
                && slips(name.as_bytes(), word.as_bytes()) == 1
        });
        slipped.min_by_key(|(_, name, _)| name).map(|(.., skill)| *skill)
    }
}

/// The id of the skill with this slug: the first half of a hash, marked as a UUID of our own making.
pub fn id_of(slug: &str) -> SkillId {
    let digest = Sha256::new().chain_update("rabta skill ").chain_update(slug).finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half[6] = (half[6] & 0x0f) | 0x80;
    half[8] = (half[8] & 0x3f) | 0x80;
    SkillId::from_uuid(Uuid::from_bytes(half))
}

/// Whether a folded name is one word, so long that another with one letter wrong is hardly another word; but no longer than
/// any name is, since trying a word with each of its letters left out takes time that grows with its square.
fn is_long_word(name: &str) -> bool {
    (LONG_WORD..=LONGEST_WORD).contains(&name.len()) && name.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// The name with each of its letters left out.
fn shortened(name: &str) -> impl Iterator<Item = String> {
    (0..name.len()).map(|at| format!("{}{}", &name[..at], &name[at + 1..]))
}

/// The letters of a word, in the order of the alphabet.
fn in_order(word: &str) -> Vec<u8> {
    let mut letters = word.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

fn in_any_order(name: &str) -> String {
    let mut words: Vec<&str> =
        name.split(' ').map(singular).filter(|word| !matches!(*word, "and" | "of" | "for" | "in" | "the")).collect();
    words.sort_unstable();
    words.join(" ")
}

/// Which letters a name has, one bit each.
fn letters(name: &str) -> u32 {
    name.bytes().fold(0, |mask, byte| match byte {
        b'a'..=b'z' => mask | 1 << (byte - b'a'),
        b'0'..=b'9' => mask | 1 << 26,
        b' ' => mask,
        _ => mask | 1 << 27,
    })
}

/// How many letters were left out, added, changed or swapped with their neighbour.
fn slips(one: &[u8], other: &[u8]) -> usize {
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=other.len()).collect());
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

struct Word {
    folded: String,
    capital: bool,
    /// It stands first in its sentence, where a capital says nothing.
    opens: bool,
    /// It is one letter of an abbreviation, as in "H.P.C." or "R&D".
    initial: bool,
    /// It belongs to the name of a place, as in "Palo Alto, CA".
    place: bool,
}

/// What is written after a town and a comma. Those that are short for something else in a trade are
/// left out: AR, MS and the like.
const STATES: &[&str] = &[
    "AL", "AK", "AZ", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "IA", "ID", "IL", "KS", "KY", "LA", "MA", "MD", "MI",
    "MN", "MO", "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY", "OH", "OR", "PA", "RI", "SC", "SD", "TN", "TX",
    "UT", "VA", "VT", "WA", "WI", "WV", "WY", "UK", "USA", "UAE",
];

/// A town's name has at most so many words.
const TOWN: usize = 3;

/// Mark the capital words that end this phrase: what follows the comma after them is a state.
fn mark_town(phrase: &mut [Word]) {
    phrase.iter_mut().rev().take(TOWN).take_while(|word| word.capital).for_each(|word| word.place = true);
}

/// A text cut where no name can reach across: at commas, stops, brackets and line ends.
fn phrases(text: &str) -> Vec<Vec<Word>> {
    let mut cut = vec![Vec::new()];
    let mut opens = true;
    let mut comma = false;
    for piece in text.split_whitespace() {
        let breaks = |letter: char| {
            matches!(letter, ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '|' | '"' | '•' | '*' | '–' | '—')
        };
        let closes = piece.ends_with(['.', '!', '?', ':']);
        if piece.starts_with(['(', '[', '"', '•', '*']) || matches!(piece, "-" | "&") {
            cut.push(Vec::new());
        }
        for part in piece.split(breaks) {
            let capital = part.chars().find(|letter| letter.is_alphabetic()).is_some_and(char::is_uppercase);
            if comma && STATES.contains(&part.trim_end_matches('.')) {
                cut.iter_mut().rev().find(|phrase| !phrase.is_empty()).into_iter().for_each(|town| mark_town(town));
            }
            comma &= part.is_empty();
            let abbreviates = part.trim_end_matches('.').contains(['.', '&']);
            for folded in fold(part).split(' ').filter(|word| !word.is_empty()) {
                if let Some(phrase) = cut.last_mut() {
                    let initial = abbreviates && folded.len() == 1;
                    phrase.push(Word { folded: folded.to_owned(), capital, opens, initial, place: false });
                }
                opens = false;
            }
            if part.len() != piece.len() {
                cut.push(Vec::new());
            }
        }
        comma |= piece.ends_with(',');
        if closes {
            cut.push(Vec::new());
            opens = !piece.ends_with(':');
        }
    }
    cut.retain(|phrase| !phrase.is_empty());
    cut
}

#[cfg(test)]
mod tests;
