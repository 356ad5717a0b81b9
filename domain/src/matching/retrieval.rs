//! Search by text: a catalogue of titles, skills or profiles, ranked for what someone wrote.
//!
//! Five kinds of likeness are added up: words (BM25), letters (groups of three to five), meaning
//! (the embedding), the occupations that two titles are near, and whether the text names the entry outright. Each is taken relative to the
//! best entry for this query. Short queries trust meaning, long ones trust words: the weights move
//! with the number of words and with nothing else.
//!
//! An entry is known by every name it has: its title, what the thesaurus calls it otherwise, and
//! for letters and meaning the nearest name counts.

use std::collections::HashMap;

use super::embedding::{Embedding, Table};
use super::fixed::{Score, Value, Weight, ln_micro};
use super::lexical::{Letters, Words};
use super::occupation::{Occupations, Place};
use super::role::names_a_person;
use super::taxonomy::Taxonomy;
use super::text::fold;
use super::thesaurus::Thesaurus;

/// Names longer than this are not looked for word by word in a text.
const LONGEST_NAME: usize = 6;

/// Up to so many words a query is short, from the other number on it is long.
const SHORT_QUERY: i64 = 8;
const LONG_QUERY: i64 = 40;

/// Something that can be found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry<'a> {
    /// What it is called: "Recording engineer".
    pub title: &'a str,
    /// What is said about it, if anything.
    pub body: &'a str,
}

/// How much each likeness counts, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// Words in common, in the title.
    pub words: Weight,
    /// Groups of letters in common.
    pub letters: Weight,
    /// The meaning of the nearest name.
    pub meaning: Weight,
    /// The same occupations near, if there are no bodies: these say more.
    pub occupation: Weight,
    /// The text names the entry outright.
    pub named: Weight,
    /// Words in common with any name or with the body, if there are bodies.
    pub body_words: Weight,
    /// The meaning of the body, if there are bodies.
    pub body_meaning: Weight,
}

impl Weights {
    /// For a query of so many words.
    pub fn for_words(count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(LONG_QUERY).clamp(SHORT_QUERY, LONG_QUERY);
        let long = count - SHORT_QUERY;
        let between =
            |short: i64, end: i64| Weight::milli((short + (end - short) * long / (LONG_QUERY - SHORT_QUERY)) as i32);
        Self {
            words: between(150, 300),
            letters: between(250, 300),
            meaning: between(600, 300),
            occupation: between(400, 0),
            named: between(150, 300),
            body_words: between(300, 300),
            body_meaning: between(200, 200),
        }
    }
}

/// An entry that was found, and why: the contributions add up to the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it stands in the catalogue.
    pub entry: usize,
    /// The sum.
    pub score: Score,
    /// Each likeness by name, and what it contributes.
    pub factors: Vec<(&'static str, Score)>,
}

/// Entries, ready to be searched.
#[derive(Debug)]
pub struct Catalogue {
    entries: usize,
    titles: Words,
    /// Which entry each name belongs to.
    owners: Vec<u32>,
    letters: Letters,
    meanings: Vec<Embedding>,
    /// For each occupation: the entries near it, and how near.
    occupations: Vec<Vec<(u32, i64)>>,
    named: HashMap<String, Vec<u32>>,
    bodies: Option<Bodies>,
}

#[derive(Debug)]
struct Bodies {
    words: Words,
    meanings: Vec<Embedding>,
}

impl Catalogue {
    /// Learn the entries, in order, and what the thesaurus and the taxonomy call them besides.
    pub fn of<'a>(entries: &[Entry<'a>], thesaurus: &Thesaurus) -> Self {
        let taxonomy = Taxonomy::shipped();
        let table = Table::shipped();
        let mut owners = Vec::new();
        let mut names: Vec<&'a str> = Vec::new();
        let mut named: HashMap<String, Vec<u32>> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let folded = fold(entry.title);
            // Only its own name: "web developer" is an alias of a skill, but the title of a person.
            let known = taxonomy.named(&folded).filter(|skill| fold(skill.name) == folded);
            let own =
                known.into_iter().flat_map(|skill| std::iter::once(skill.name).chain(skill.aliases.iter().copied()));
            for name in std::iter::once(entry.title).chain(own).chain(thesaurus.others(&folded).iter().copied()) {
                owners.push(at as u32);
                names.push(name);
                let owners = named.entry(fold(name)).or_default();
                if owners.last() != Some(&(at as u32)) {
                    owners.push(at as u32);
                }
            }
        }
        let bodies = entries.iter().any(|entry| !entry.body.is_empty()).then(|| {
            let mut whole: Vec<String> =
                entries.iter().map(|entry| format!("{} {}", entry.title, entry.body)).collect();
            for (owner, name) in owners.iter().zip(&names) {
                let text = &mut whole[*owner as usize];
                text.push(' ');
                text.push_str(name);
            }
            Bodies {
                words: Words::of(whole.iter().map(String::as_str)),
                meanings: entries.iter().map(|entry| table.embed(entry.body)).collect(),
            }
        });
        Self {
            entries: entries.len(),
            titles: Words::of(entries.iter().map(|entry| entry.title)),
            letters: Letters::of(names.iter().copied()),
            meanings: names.iter().map(|name| table.embed_work(name)).collect(),
            occupations: by_occupation(entries.iter().map(|entry| place(entry.title))),
            owners,
            named,
            bodies,
        }
    }

    /// The best entries for a text, best first; entries alike to the last digit in the order of the catalogue.
    pub fn rank(&self, query: &str, limit: usize) -> Vec<Hit> {
        let folded = fold(query);
        let weights = Weights::for_words(folded.split(' ').count());
        let asked = Table::shipped().embed_work(query);
        let mut parts: Vec<(&'static str, Weight, Vec<i64>)> = Vec::with_capacity(6);

        let mut words = vec![0; self.entries];
        self.titles.score(query, &mut words);
        parts.push(("words", weights.words, words));

        let mut by_name = vec![0; self.owners.len()];
        self.letters.score(query, &mut by_name);
        parts.push(("letters", weights.letters, self.nearest(by_name.into_iter())));

        let by_name = self.meanings.iter().map(|meaning| i64::from(meaning.cosine_micro(&asked)));
        parts.push(("meaning", weights.meaning, self.nearest(by_name)));

        if let Some(bodies) = &self.bodies {
            let asked = Table::shipped().embed(query);
            let mut words = vec![0; self.entries];
            bodies.words.score(query, &mut words);
            parts.push(("body words", weights.body_words, words));
            let meanings = bodies.meanings.iter().map(|meaning| i64::from(meaning.cosine_micro(&asked))).collect();
            parts.push(("body meaning", weights.body_meaning, meanings));
        } else {
            parts.push(("occupation", weights.occupation, self.near(&place(query))));
        }

        let mut factors: Vec<(&'static str, Vec<Score>)> = parts
            .into_iter()
            .map(|(name, weight, raw)| {
                let best = raw.iter().copied().max().unwrap_or(0);
                (name, raw.into_iter().map(|one| weight.of(Value::ratio(one, best))).collect())
            })
            .collect();
        factors.push(("named", self.names_in(&folded, weights.named)));

        let total = |at: usize| factors.iter().map(|(_, scores)| scores[at]).sum::<Score>();
        let mut order: Vec<(Score, usize)> = (0..self.entries).map(|at| (total(at), at)).collect();
        order.sort_unstable_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        order
            .into_iter()
            .take(limit)
            .map(|(score, entry)| Hit {
                entry,
                score,
                factors: factors.iter().map(|(name, scores)| (*name, scores[entry])).collect(),
            })
            .collect()
    }

    /// How near each entry stands to this place among occupations.
    fn near(&self, place: &[(u16, i64)]) -> Vec<i64> {
        let mut near = vec![0; self.entries];
        for (occupation, weight) in place {
            for &(entry, other) in self.occupations.get(usize::from(*occupation)).map_or(&[][..], Vec::as_slice) {
                near[entry as usize] += weight * other / 1_000_000;
            }
        }
        near
    }

    /// Of the names of each entry, the one that is most like it.
    fn nearest(&self, by_name: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut best = vec![0; self.entries];
        for (owner, likeness) in self.owners.iter().zip(by_name) {
            let best: &mut i64 = &mut best[*owner as usize];
            *best = (*best).max(likeness);
        }
        best
    }

    /// What it adds to be named outright: more for a longer name, and for being named often.
    fn names_in(&self, query: &str, weight: Weight) -> Vec<Score> {
        let words: Vec<&str> = query.split(' ').collect();
        let mut times: HashMap<(u32, usize), i64> = HashMap::new();
        for start in 0..words.len() {
            for length in 1..=LONGEST_NAME.min(words.len() - start) {
                for &owner in self.named.get(&words[start..start + length].join(" ")).map_or(&[][..], Vec::as_slice) {
                    *times.entry((owner, length)).or_default() += 1;
                }
            }
        }
        let mut scores = vec![Score::ZERO; self.entries];
        for ((owner, length), times) in times {
            let longer_milli = 200 * (length as i64 - 1).min(3);
            let often_milli = ln_micro(times.unsigned_abs() * 1_000_000) * 3 / 10_000;
            let score = Score::nano(weight.of(Value::ONE).as_nano() / 1000 * (1000 + longer_milli + often_milli));
            let best = &mut scores[owner as usize];
            *best = (*best).max(score);
        }
        scores
    }
}

/// Where a title stands among occupations. What is not the name of a person stands nowhere.
fn place(text: &str) -> Place {
    if !names_a_person(text) {
        return Vec::new();
    }
    Occupations::shipped().place(&Table::shipped().embed_work(text))
}

/// The other way round: for each occupation, which of these stand near it.
fn by_occupation(places: impl Iterator<Item = Place>) -> Vec<Vec<(u32, i64)>> {
    let mut near = vec![Vec::new(); Occupations::shipped().len()];
    for (entry, place) in places.enumerate() {
        for (occupation, weight) in place {
            near[usize::from(occupation)].push((entry as u32, weight));
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(titles: &[&'static str], query: &str) -> Vec<&'static str> {
        let entries: Vec<Entry<'_>> = titles.iter().map(|title| Entry { title, body: "" }).collect();
        let catalogue = Catalogue::of(&entries, Thesaurus::shipped());
        catalogue.rank(query, 3).into_iter().map(|hit| titles[hit.entry]).collect()
    }

    const TITLES: [&str; 6] = [
        "recording engineer",
        "director of taxation",
        "web developer",
        "bookkeeper",
        "kindergarten teacher",
        "graphic designer",
    ];

    #[test]
    fn a_title_is_found_by_its_meaning_without_a_word_in_common() {
        assert_eq!(found(&TITLES, "audio technician")[0], "recording engineer");
        assert_eq!(found(&TITLES, "accounts ledger clerk")[0], "bookkeeper");
        assert_eq!(found(&TITLES, "web devloper")[0], "web developer");
    }

    #[test]
    fn an_entry_is_found_by_its_other_names() {
        assert_eq!(found(&["Kubernetes", "Docker", "Terraform"], "k8s")[0], "Kubernetes");
    }

    #[test]
    fn a_long_text_finds_what_it_names() {
        let post = "We run a small shop and need somebody patient who answers customers every day, keeps the orders tidy in a sheet, \
                    and does some data entry as well; experience with Shopify is a must and Canva would be lovely to have too.";
        let tags = ["Shopify", "Canva", "Data Entry", "Embedded C", "Music Composition", "Solidity"];
        let mut best = found(&tags, post);
        best.sort_unstable();
        assert_eq!(best, ["Canva", "Data Entry", "Shopify"]);
    }

    #[test]
    fn factors_add_up_and_the_order_of_entries_does_not_matter() {
        let entries: Vec<Entry<'_>> = TITLES.iter().map(|title| Entry { title, body: "works with people" }).collect();
        let turned: Vec<Entry<'_>> = entries.iter().rev().copied().collect();
        let one = Catalogue::of(&entries, Thesaurus::shipped()).rank("senior front-end web developer", 6);
        let other = Catalogue::of(&turned, Thesaurus::shipped()).rank("senior front-end web developer", 6);
        for hit in &one {
            assert_eq!(hit.factors.iter().map(|(_, part)| *part).sum::<Score>(), hit.score);
        }
        let names = |hits: &[Hit], from: &[Entry<'_>]| {
            hits.iter().map(|hit| (from[hit.entry].title.to_owned(), hit.score)).collect::<Vec<_>>()
        };
        let (mut one, mut other) = (names(&one, &entries), names(&other, &turned));
        one.sort();
        other.sort();
        assert_eq!(one, other);
    }
}
