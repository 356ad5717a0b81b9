//! What a text means, as 128 small whole numbers: near texts point the same way.
//!
//! A static table: every known word and some phrases have a row, a text is the sum of its rows.
//! Microseconds a text, no network, no model to load, and the same numbers on every node, because
//! nothing in it is a float. `domain/data/DATA.md` says how the table was made and from what.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::fixed::Value;
use super::text::{singular, tokens};

/// How many numbers an embedding has.
pub const DIMENSIONS: usize = 128;

/// A row of the table: how much the word counts, then its direction.
const ROW: usize = 2 + DIMENSIONS;

/// The longest phrase that has a row of its own, in words.
const LONGEST_PHRASE: usize = 3;

/// Words of a title that say how high somebody stands, and not what they do.
const RANKS: &[&str] = &[
    "senior",
    "junior",
    "sr",
    "jr",
    "principal",
    "head",
    "chief",
    "deputy",
    "vice",
    "intern",
    "trainee",
    "graduate",
    "assistant",
    "associate",
    "manager",
    "director",
    "supervisor",
    "coordinator",
    "specialist",
    "officer",
    "administrator",
    "leader",
];

/// How many times as much a word for the work counts as one for the rank.
const WORK_TO_RANK: i64 = 5;

/// Of a longer text only the beginning is read.
const LONGEST_TEXT: usize = 20_000;

static SHIPPED: LazyLock<Table> = LazyLock::new(|| {
    Table::read(include_str!("../../data/embedding_words.txt"), include_bytes!("../../data/embedding.bin"))
});

/// The direction of a text, and how long the arrow is, so that two of them can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedding {
    numbers: [i8; DIMENSIONS],
    /// `2^24 / length`, 0 for a text without known words.
    inverse_length: u32,
}

impl Embedding {
    /// Of a text that says nothing.
    pub const NOTHING: Self = Self { numbers: [0; DIMENSIONS], inverse_length: 0 };

    /// The numbers, for an index that keeps millions of them.
    pub const fn numbers(&self) -> &[i8; DIMENSIONS] {
        &self.numbers
    }

    /// The same embedding from numbers that were kept.
    pub fn from_numbers(numbers: [i8; DIMENSIONS]) -> Self {
        let square: u64 = numbers.iter().map(|&n| i64::from(n).unsigned_abs().pow(2)).sum();
        // The root is taken of a square 2^16 times as large, which leaves it 8 more bits.
        let length = (square << 16).isqrt();
        let inverse_length = (1u64 << 32).checked_div(length).unwrap_or(0) as u32;
        Self { numbers, inverse_length }
    }

    fn from_sums(sums: &[i64; DIMENSIONS]) -> Self {
        let largest = sums.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or(0) as i64;
        if largest == 0 {
            return Self::NOTHING;
        }
        let mut numbers = [0; DIMENSIONS];
        for (number, sum) in numbers.iter_mut().zip(sums) {
            let doubled = sum * 254 / largest;
            *number = ((doubled + doubled.signum()) / 2) as i8;
        }
        Self::from_numbers(numbers)
    }

    /// The middle of several, each of them counting alike.
    pub fn middle(embeddings: impl Iterator<Item = Self>) -> Self {
        let mut sums = [0i64; DIMENSIONS];
        for embedding in embeddings {
            for (sum, &number) in sums.iter_mut().zip(&embedding.numbers) {
                *sum += i64::from(number) * i64::from(embedding.inverse_length);
            }
        }
        Self::from_sums(&sums)
    }

    /// Whether the text had no known word.
    pub const fn is_nothing(&self) -> bool {
        self.inverse_length == 0
    }

    /// The cosine of the angle to another, in millionths: 1,000,000 is the same direction, 0 unrelated.
    pub fn cosine_micro(&self, other: &Self) -> i32 {
        let dot: i32 = self.numbers.iter().zip(&other.numbers).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        let scaled = i64::from(dot) * i64::from(self.inverse_length) / 16;
        let cosine = ((scaled * i64::from(other.inverse_length)) >> 14).saturating_mul(1_000_000) >> 30;
        cosine.clamp(-1_000_000, 1_000_000) as i32
    }

    /// How alike the meanings are: the cosine, with everything below unrelated counted as unrelated.
    pub fn likeness(&self, other: &Self) -> Value {
        Value::micro(self.cosine_micro(other).into())
    }
}

/// The rows of words and phrases.
#[derive(Debug)]
pub struct Table {
    rows: HashMap<&'static str, u32>,
    ranks: HashSet<u32>,
    numbers: &'static [u8],
}

impl Table {
    /// The table that ships with the product. Read once.
    pub fn shipped() -> &'static Table {
        &SHIPPED
    }

    fn read(words: &'static str, numbers: &'static [u8]) -> Table {
        let rows: HashMap<&'static str, u32> =
            words.lines().enumerate().map(|(row, word)| (word, row as u32)).collect();
        let ranks = RANKS.iter().filter_map(|word| rows.get(word)).copied().collect();
        Table { rows, ranks, numbers }
    }

    /// The embedding of a text in any language of the table, of any length.
    pub fn embed(&self, text: &str) -> Embedding {
        let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
        let mut sums = [0i64; DIMENSIONS];
        for row in self.rows_of(&text[..end]) {
            self.add(row, 1, &mut sums);
        }
        Embedding::from_sums(&sums)
    }

    /// The same of a title or a name, by the work more than by the rank: what a "senior tax manager"
    /// and a "tax assistant" do is taxes.
    pub fn embed_work(&self, text: &str) -> Embedding {
        let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
        let mut sums = [0i64; DIMENSIONS];
        for row in self.rows_of(&text[..end]) {
            self.add(row, if self.ranks.contains(&row) { 1 } else { WORK_TO_RANK }, &mut sums);
        }
        Embedding::from_sums(&sums)
    }

    fn rows_of(&self, text: &str) -> Vec<u32> {
        let tokens = tokens(text);
        let mut rows = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            let phrase = (2..=LONGEST_PHRASE.min(tokens.len() - at))
                .rev()
                .find_map(|length| self.rows.get(tokens[at..at + length].join(" ").as_str()).map(|&row| (row, length)));
            if let Some((row, length)) = phrase {
                rows.push(row);
                at += length;
                continue;
            }
            match self.rows.get(tokens[at].as_str()) {
                Some(&row) => rows.push(row),
                None => {
                    rows.extend(tokens[at].split(['.', '-', '/', '&', '\'']).filter_map(|part| self.row_of_part(part)))
                }
            }
            at += 1;
        }
        rows
    }

    /// Whether it has a row for this word, in lower case.
    pub fn knows(&self, word: &str) -> bool {
        self.rows.contains_key(word) || self.rows.contains_key(singular(word))
    }

    fn row_of_part(&self, part: &str) -> Option<u32> {
        self.rows.get(part).or_else(|| self.rows.get(part.strip_suffix('s')?)).copied()
    }

    fn add(&self, row: u32, times: i64, sums: &mut [i64; DIMENSIONS]) {
        let start = row as usize * ROW;
        let Some(row) = self.numbers.get(start..start + ROW) else { return };
        let weight = times * i64::from(u16::from_le_bytes([row[0], row[1]]));
        for (sum, &number) in sums.iter_mut().zip(&row[2..]) {
            *sum += weight * i64::from(number as i8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> i32 {
        let table = Table::shipped();
        table.embed(one).cosine_micro(&table.embed(other))
    }

    #[test]
    fn every_word_has_a_row() {
        let table = Table::shipped();
        assert_eq!(table.numbers.len(), table.rows.len() * ROW, "a word listed twice, or a row missing");
        assert!(table.rows.len() > 20_000);
    }

    #[test]
    fn near_meanings_point_the_same_way() {
        for (text, near, far) in [
            ("software engineer", "programmer", "nurse"),
            ("bookkeeping", "accounting ledgers", "video editing"),
            ("logo design", "brand identity", "database administration"),
            ("copywriting for landing pages", "sales copy writer", "network security"),
            ("customer support by chat", "help desk", "3d animation"),
        ] {
            assert!(
                alike(text, near) > alike(text, far) + 150_000,
                "{text}: {near} {} {far} {}",
                alike(text, near),
                alike(text, far)
            );
        }
    }

    #[test]
    fn a_text_is_most_like_itself_whatever_the_case() {
        assert!(alike("React developer", "REACT Developer") > 999_000);
        assert_eq!(alike("react", "vue"), alike("vue", "react"));
    }

    #[test]
    fn a_text_without_known_words_is_like_nothing() {
        assert!(Table::shipped().embed("").is_nothing());
        assert!(Table::shipped().embed("رابطہ").is_nothing());
        assert_eq!(alike("", "react"), 0);
    }

    #[test]
    fn kept_numbers_are_the_same_embedding() {
        let made = Table::shipped().embed("data entry and web research");
        assert_eq!(Embedding::from_numbers(*made.numbers()), made);
    }
}
