//! Occupations: which lines of work a title is near, by the titles that people of each have.
//!
//! "Attorney" and "judge" share no word and little meaning, but both are near the same occupations.

use std::sync::LazyLock;

use super::embedding::{Embedding, Table};
use super::fixed::exp_minus;

static SHIPPED: LazyLock<Occupations> =
    LazyLock::new(|| Occupations::read(include_str!("../../data/occupations.tsv"), Table::shipped()));

/// A text is placed among so many occupations, the nearest.
const NEAREST: usize = 10;
/// An occupation this much less alike than the nearest, in millionths of a cosine, counts 1/e of it.
const FALL: i64 = 120_000;

/// The middle of all titles of each occupation.
#[derive(Debug)]
pub struct Occupations {
    middles: Vec<Embedding>,
}

/// Where a text stands among occupations: the nearest, and how near, as a vector of length a million.
pub type Place = Vec<(u16, i64)>;

impl Occupations {
    /// The occupations that ship with the product. Read once.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// A name a line, a tab, and its other titles split by `|`.
    fn read(table: &str, embeddings: &Table) -> Self {
        let titles = |line: &str| {
            let (name, others) = line.split_once('\t')?;
            let all = std::iter::once(name).chain(others.split('|'));
            Some(Embedding::middle(all.map(|title| embeddings.embed_work(title))))
        };
        Self { middles: table.lines().filter(|line| !line.starts_with('#')).filter_map(titles).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.middles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.middles.is_empty()
    }

    /// Where a text of this meaning stands. Nowhere, if it says nothing.
    pub fn place(&self, meaning: &Embedding) -> Place {
        if meaning.is_nothing() {
            return Vec::new();
        }
        let mut near: Vec<(i32, u16)> =
            self.middles.iter().zip(0..).map(|(middle, number)| (-middle.cosine_micro(meaning), number)).collect();
        if near.len() > NEAREST {
            near.select_nth_unstable(NEAREST);
            near.truncate(NEAREST);
        }
        let best = near.iter().map(|(less, _)| *less).min().unwrap_or(0);
        let weighed = near
            .iter()
            .map(|(less, number)| (*number, exp_minus(i64::from(less - best) * 1_000_000 / FALL).as_micro()));
        let mut place: Place = weighed.collect();
        place.sort_unstable();
        let length = place.iter().map(|(_, weight)| weight * weight).sum::<i64>().isqrt().max(1);
        place.iter_mut().for_each(|(_, weight)| *weight = *weight * 1_000_000 / length);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> i64 {
        let place = |text: &str| Occupations::shipped().place(&Table::shipped().embed_work(text));
        let (one, other) = (place(one), place(other));
        let shared = one.iter().flat_map(|(at, weight)| {
            other.iter().filter(move |(there, _)| there == at).map(move |(_, other)| weight * other / 1_000_000)
        });
        shared.sum()
    }

    #[test]
    fn titles_of_one_line_of_work_stand_near_each_other() {
        assert!(Occupations::shipped().len() > 800);
        for (title, near, far) in [("attorney", "judge", "plumber"), ("chef", "caterer", "web developer")] {
            assert!(
                alike(title, near) > alike(title, far),
                "{title}: {near} {} {far} {}",
                alike(title, near),
                alike(title, far)
            );
        }
        assert!((990_000..=1_000_010).contains(&alike("cashier", "cashier")));
        assert_eq!(Occupations::shipped().place(&Embedding::NOTHING), []);
    }
}
