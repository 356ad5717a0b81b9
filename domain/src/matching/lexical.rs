//! Likeness of words and of letters: BM25 over stems, and the cosine of letter groups, which
//! forgives a slip of the keyboard and a plural.

use std::collections::HashMap;

use super::fixed::ln_micro;
use super::text::{fold, is_stop_word, stem};

/// The stems a text is searched by.
pub fn stems(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty() && !is_stop_word(word)).map(stem).collect()
}

/// Postings of something countable: for each term, which documents have it and how much it weighs there.
#[derive(Debug, Default)]
struct Postings {
    terms: HashMap<u64, u32>,
    lists: Vec<Vec<(u32, i32)>>,
}

impl Postings {
    fn add(&mut self, term: u64, document: u32, count: i32) {
        let next = self.lists.len() as u32;
        let list = *self.terms.entry(term).or_insert(next);
        if list == next {
            self.lists.push(Vec::new());
        }
        self.lists[list as usize].push((document, count));
    }

    fn list(&self, term: u64) -> Option<&[(u32, i32)]> {
        self.terms.get(&term).map(|&list| self.lists[list as usize].as_slice())
    }
}

/// FNV-1a: a term is known by its hash, which is the same on every machine.
fn hashed(term: &[u8]) -> u64 {
    term.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// How often each term occurs, in the order of first occurrence.
fn counted(terms: impl Iterator<Item = u64>) -> Vec<(u64, i32)> {
    let mut counts: Vec<(u64, i32)> = Vec::new();
    let mut places: HashMap<u64, usize> = HashMap::new();
    for term in terms {
        let place = *places.entry(term).or_insert(counts.len());
        if place == counts.len() {
            counts.push((term, 0));
        }
        counts[place].1 += 1;
    }
    counts
}

/// BM25 over stems, k1 = 1.2 and b = 0.75.
#[derive(Debug)]
pub struct Words {
    postings: Postings,
}

impl Words {
    /// Learn the documents, in order.
    pub fn of<'a>(documents: impl Iterator<Item = &'a str>) -> Self {
        let mut postings = Postings::default();
        let mut lengths: Vec<i64> = Vec::new();
        for (at, document) in documents.enumerate() {
            let stems = stems(document);
            lengths.push(stems.len() as i64);
            for (term, count) in counted(stems.iter().map(|stem| hashed(stem.as_bytes()))) {
                postings.add(term, at as u32, count);
            }
        }
        let documents = lengths.len() as i64;
        let total: i64 = lengths.iter().sum::<i64>().max(1);
        for list in &mut postings.lists {
            let rarity = rarity_milli(documents, list.len() as i64);
            for (document, count) in list {
                // Lengths in thousandths of the mean; the weight comes out in thousandths.
                let length = lengths[*document as usize] * 1000 * documents / total;
                let frequency = i64::from(*count) * 1000;
                *count = (rarity * frequency * 22 / 10 / (frequency + 1200 * (250 + length * 75 / 100) / 1000)) as i32;
            }
        }
        Self { postings }
    }

    /// Adds each document's score for the query, in thousandths.
    pub fn score(&self, query: &str, into: &mut [i64]) {
        for (term, count) in counted(stems(query).iter().map(|stem| hashed(stem.as_bytes()))) {
            for &(document, weight) in self.postings.list(term).unwrap_or_default() {
                into[document as usize] += i64::from(weight) * i64::from(count);
            }
        }
    }
}

/// `ln(1 + (all - some + 0.5) / (some + 0.5))` in thousandths.
fn rarity_milli(all: i64, some: i64) -> i64 {
    ln_micro((1_000_000 + (2 * (all - some) + 1) * 1_000_000 / (2 * some + 1)) as u64) / 1000
}

/// The cosine of letter groups, three to five letters long, over folded words.
#[derive(Debug)]
pub struct Letters {
    postings: Postings,
    rarity: Vec<i64>,
}

const SHORTEST_GROUP: usize = 3;
const LONGEST_GROUP: usize = 5;

/// What a vector of letter groups has for its length.
const UNIT: i64 = 1 << 15;

fn groups(text: &str) -> Vec<(u64, i32)> {
    let folded = fold(text);
    let mut terms = Vec::new();
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        let edged = format!(" {word} ");
        let bytes = edged.as_bytes();
        for length in SHORTEST_GROUP..=LONGEST_GROUP {
            terms.extend(bytes.windows(length).map(hashed));
        }
    }
    counted(terms.into_iter())
}

/// `1 + ln(count)` in thousandths.
fn dampened_milli(count: i32) -> i64 {
    1000 + ln_micro(i64::from(count).unsigned_abs() * 1_000_000) / 1000
}

impl Letters {
    /// Learn the documents, in order.
    pub fn of<'a>(documents: impl Iterator<Item = &'a str>) -> Self {
        let mut postings = Postings::default();
        let mut squares: Vec<i64> = Vec::new();
        for (at, document) in documents.enumerate() {
            squares.push(0);
            for (term, count) in groups(document) {
                postings.add(term, at as u32, count);
            }
        }
        let documents = squares.len() as i64;
        let rarity: Vec<i64> = postings
            .lists
            .iter()
            .map(|list| 1000 + ln_micro(((1 + documents) * 1_000_000 / (1 + list.len() as i64)) as u64) / 1000)
            .collect();
        for (list, rarity) in postings.lists.iter_mut().zip(&rarity) {
            for (document, weight) in list {
                *weight = (dampened_milli(*weight) * rarity / 1000) as i32;
                squares[*document as usize] += i64::from(*weight).pow(2);
            }
        }
        let lengths: Vec<i64> = squares.iter().map(|square| square.isqrt().max(1)).collect();
        for list in &mut postings.lists {
            for (document, weight) in list {
                *weight = (i64::from(*weight) * UNIT / lengths[*document as usize]) as i32;
            }
        }
        Self { postings, rarity }
    }

    /// Adds each document's cosine with the query, in units of 2^-30.
    pub fn score(&self, query: &str, into: &mut [i64]) {
        let known: Vec<(u32, i64)> = groups(query)
            .into_iter()
            .filter_map(|(term, count)| self.postings.terms.get(&term).map(|&list| (list, count)))
            .map(|(list, count)| (list, dampened_milli(count) * self.rarity[list as usize] / 1000))
            .collect();
        let length = known.iter().map(|(_, weight)| weight.pow(2)).sum::<i64>().isqrt().max(1);
        for (list, weight) in known {
            let weight = weight * UNIT / length;
            for &(document, there) in &self.postings.lists[list as usize] {
                into[document as usize] += weight * i64::from(there);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'a>(documents: &[&'a str], score: impl Fn(&mut [i64])) -> Vec<&'a str> {
        let mut scores = vec![0; documents.len()];
        score(&mut scores);
        let mut order: Vec<usize> = (0..documents.len()).filter(|&at| scores[at] > 0).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(scores[at]), at));
        order.into_iter().map(|at| documents[at]).collect()
    }

    const TRADES: [&str; 5] = [
        "web designer",
        "web developer",
        "designing logos for a brand",
        "accountant",
        "tools for the web that every developer needs",
    ];

    #[test]
    fn rare_words_count_more_and_long_documents_less() {
        let words = Words::of(TRADES.into_iter());
        assert_eq!(
            best(&TRADES, |into| words.score("developers", into)),
            ["web developer", "tools for the web that every developer needs"]
        );
        assert_eq!(best(&TRADES, |into| words.score("logo for the web", into))[0], "designing logos for a brand");
        assert!(best(&TRADES, |into| words.score("of the", into)).is_empty());
    }

    #[test]
    fn letters_forgive_a_slip() {
        let letters = Letters::of(TRADES.into_iter());
        assert_eq!(best(&TRADES, |into| letters.score("acountants", into))[0], "accountant");
        let mut whole = vec![0; TRADES.len()];
        letters.score("web designer", &mut whole);
        assert!((whole[0] - (1 << 30)).abs() < 1 << 22, "a text is wholly like itself: {}", whole[0]);
    }
}
