//! Counterfactuals: what would raise a match, and to which place.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::features::{Budget, PersonFeatures};
use super::fixed::{Score, Value};
use super::knowledge::Knowledge;
use super::model::{Model, Weights};
use super::score::{Ask, Factor, FactorKind};
use crate::id::SkillId;

/// Something that would raise a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    /// What would have to change.
    pub change: Change,
    /// How much the score would rise.
    pub gain: Score,
    /// The place by score now, from 1.
    pub from_place: u32,
    /// The place by score then.
    pub to_place: u32,
}

/// What would have to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Change {
    /// Hold this skill too.
    Learn(SkillId),
    /// Ask no more than the budget's top, in US cents an hour.
    AskAtMost(i64),
}

/// So many improvements are told.
const TOLD: usize = 3;

impl Improvement {
    /// In a few words: "+ Terraform → from 31st to 12th".
    pub fn sentence<K: Knowledge + ?Sized>(&self, knowledge: &K) -> String {
        let change = match self.change {
            Change::Learn(skill) => format!("+ {}", knowledge.name(skill)),
            Change::AskAtMost(minor) => format!("ask ${}.{:02} an hour", minor / 100, minor % 100),
        };
        if self.to_place < self.from_place {
            format!("{change} → from {} to {}", ordinal(self.from_place), ordinal(self.to_place))
        } else {
            format!("{change} → stays {}, closer to the next", ordinal(self.from_place))
        }
    }
}

/// The changes that would raise this match most, the best first. `scores` are those of everyone
/// ranked, the highest first.
pub fn improvements(
    ask: &Ask<'_>,
    person: &PersonFeatures,
    factors: &[Factor],
    scores: &[Score],
    weights: &Weights,
    model: &Model,
) -> Vec<Improvement> {
    let now: Score = factors.iter().map(Factor::contribution).sum();
    let from_place = place(scores, now);
    let absent = factors.iter().find_map(|factor| match &factor.evidence {
        Evidence::Skills { related, missing, .. } => {
            Some(missing.iter().copied().chain(related.iter().map(|instead| instead.asked)))
        }
        _ => None,
    });
    let learned = ask.gains(absent.into_iter().flatten(), person, weights, model);
    let learned = learned.into_iter().map(|(skill, gain)| (Change::Learn(skill), gain));
    let cheaper = match (ask.gig.budget, person.rate_minor) {
        (Budget::Hourly { high_minor, .. }, Some(rate)) if rate > high_minor => {
            // All else stays as it is.
            let of_rate = factors.iter().filter(|factor| factor.kind == FactorKind::Rate);
            let gain = of_rate.map(|factor| factor.weight.of(Value::ONE).minus(factor.contribution())).sum();
            Some((Change::AskAtMost(high_minor), gain))
        }
        _ => None,
    };
    let mut improvements: Vec<_> = learned
        .chain(cheaper)
        .filter(|(_, gain)| *gain > Score::ZERO)
        .map(|(change, gain)| {
            let to_place = place(scores, now.plus(gain)).min(from_place);
            Improvement { change, gain, from_place, to_place }
        })
        .collect();
    improvements.sort_by_key(|improvement| (std::cmp::Reverse(improvement.gain), improvement.change));
    improvements.truncate(TOLD);
    improvements
}

/// The place, from 1, of a score among others sorted from the highest.
pub fn place(scores: &[Score], score: Score) -> u32 {
    u32::try_from(scores.partition_point(|other| *other > score) + 1).unwrap_or(u32::MAX)
}

fn ordinal(place: u32) -> String {
    let ending = match (place % 10, place % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_people_say_them() {
        let read = [1, 2, 3, 4, 11, 12, 13, 21, 112, 123].map(ordinal);
        assert_eq!(read, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th", "123rd"]);
    }

    #[test]
    fn a_place_counts_those_strictly_above() {
        let scores = [9, 7, 7, 3].map(Score::nano);
        assert_eq!([10, 9, 7, 5, 1].map(|nano| place(&scores, Score::nano(nano))), [1, 1, 2, 4, 5]);
    }
}
