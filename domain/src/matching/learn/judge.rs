//! Old weights against new, on what neither has seen: how far up each puts what was chosen, every
//! choice counting by how little its place was looked at; with intervals by drawing gigs again.

use std::collections::BTreeMap;

use super::fit::counts;
use super::{Choice, KINDS, Page, Shown, listed};
use crate::matching::fairness::attention_milli;
use crate::matching::model::Weights;
use crate::matching::simulation::Dice;

/// A figure, and where it lies with 95 % of certainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The figure.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How old and new weights fare: the attention that what was chosen would get, where 1 is a first
/// place each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The old weights.
    pub old: Interval,
    /// The new ones.
    pub new: Interval,
    /// The new ones less the old.
    pub gain: Interval,
    /// Judged by so many choices.
    pub choices: usize,
    /// About so many gigs or people.
    pub subjects: usize,
}

impl Judgement {
    /// Whether the new weights are better beyond doubt.
    pub fn is_better(&self) -> bool {
        self.gain.low > 0.0
    }
}

/// So many times gigs are drawn again.
const DRAWS: usize = 1_000;

#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    old: f64,
    new: f64,
}

pub(super) fn judge(pages: &[&Page], looked_at: &[f64], old: &Weights, new: &Weights, seed: u64) -> Judgement {
    let (old, new) = (listed(old), listed(new));
    let mut sums: BTreeMap<u128, Sum> = BTreeMap::new();
    let mut choices = 0;
    for page in pages {
        for chosen in page.shown.iter().filter(|shown| shown.choice > Choice::None) {
            let weight = counts(looked_at, chosen.place, chosen.choice);
            let sum = sums.entry(page.about).or_default();
            sum.weight += weight;
            sum.old += weight * gain(page, chosen, &old);
            sum.new += weight * gain(page, chosen, &new);
            choices += 1;
        }
    }
    let sums: Vec<Sum> = sums.into_values().collect();
    let mean = |sums: &[Sum]| {
        let all = sums.iter().fold(Sum::default(), |all, sum| Sum {
            weight: all.weight + sum.weight,
            old: all.old + sum.old,
            new: all.new + sum.new,
        });
        let weight = all.weight.max(1e-12);
        [all.old / weight, all.new / weight, (all.new - all.old) / weight]
    };
    let mut dice = Dice::new(seed);
    let mut drawn: [Vec<f64>; 3] = [const { Vec::new() }; 3];
    for _ in 0..DRAWS {
        let again: Vec<Sum> = sums.iter().map(|_| sums[dice.place(sums.len())]).collect();
        drawn.iter_mut().zip(mean(&again)).for_each(|(drawn, mean)| drawn.push(mean));
    }
    let whole = mean(&sums);
    let [old, new, gain] = std::array::from_fn(|at| {
        drawn[at].sort_by(f64::total_cmp);
        Interval { mean: whole[at], low: drawn[at][DRAWS * 25 / 1_000], high: drawn[at][DRAWS * 975 / 1_000 - 1] }
    });
    Judgement { old, new, gain, choices, subjects: sums.len() }
}

/// The attention that something chosen gets when its page is put in order by these weights; of equals it
/// comes last.
fn gain(page: &Page, chosen: &Shown, weights: &[i32; KINDS]) -> f64 {
    let score = |shown: &Shown| -> i64 {
        shown.values.iter().zip(weights).map(|(value, weight)| i64::from(*value) * i64::from(*weight)).sum()
    };
    let own = score(chosen);
    let rank = page.shown.iter().filter(|other| score(other) >= own).count();
    attention_milli(u32::try_from(rank.max(1)).unwrap_or(u32::MAX)) as f64 / 1e3
}
