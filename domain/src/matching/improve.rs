//! Counterfactuals: what would raise a match, and to which place.

use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, dollars};
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
    /// The place in the client's list now, from 1; `None` where there is none to be told.
    pub from_place: Option<u32>,
    /// The place then.
    pub to_place: Option<u32>,
}

/// The client's list, in which places are told.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The scores of those in it, the highest first.
    pub scores: &'a [Score],
    /// The place in which the person is shown, from 1; by their score where they are not shown.
    pub shown: Option<u32>,
    /// Whether others come after those in it: who would stand behind its last may stand anywhere.
    pub goes_on: bool,
}

impl Standing<'_> {
    /// The places of somebody of this score, now and with so much more.
    fn places(&self, now: Score, gain: Score) -> (Option<u32>, Option<u32>) {
        let listed = |place: &u32| !self.goes_on || usize::try_from(*place).is_ok_and(|at| at <= self.scores.len());
        let from = self.shown.or_else(|| Some(place(self.scores, now)).filter(listed));
        let to = place(self.scores, now.plus(gain));
        (from, Some(from.map_or(to, |from| to.min(from))).filter(listed))
    }
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
            Change::AskAtMost(minor) => format!("ask {} an hour", dollars(minor)),
        };
        match (self.from_place, self.to_place) {
            (Some(from), Some(to)) if to < from => format!("{change} → from {} to {}", ordinal(from), ordinal(to)),
            (Some(1), Some(_)) => format!("{change} → stays 1st, further ahead"),
            (Some(from), Some(_)) => format!("{change} → stays {}, closer to the next", ordinal(from)),
            (None, Some(to)) => format!("{change} → up to {}", ordinal(to)),
            (_, None) => format!("{change} → a better match"),
        }
    }
}

/// The changes that would raise this match most, the best first; with the places in the client's list, if it is one.
pub fn improvements(
    ask: &Ask<'_>,
    person: &PersonFeatures,
    factors: &[Factor],
    standing: Option<Standing<'_>>,
    weights: &Weights,
    model: &Model,
) -> Vec<Improvement> {
    let now: Score = factors.iter().map(Factor::contribution).sum();
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
            let (from_place, to_place) = standing.map_or((None, None), |standing| standing.places(now, gain));
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
    fn places_are_told_as_far_as_the_list_knows_them() {
        let scores = [9, 7, 7, 3].map(Score::nano);
        // Where they are shown, and whether the list goes on; what they have and what they gain; the places told.
        type Case = (Option<u32>, bool, (i64, i64), (Option<u32>, Option<u32>));
        let cases: &[Case] = &[
            (None, false, (3, 5), (Some(4), Some(2))),
            (None, false, (1, 1), (Some(5), Some(5))),
            (None, true, (1, 1), (None, None)),
            (None, true, (1, 3), (None, Some(4))),
            (None, true, (7, 3), (Some(2), Some(1))),
            // Whoever stands higher than their score does not fall for a better one.
            (Some(2), true, (1, 3), (Some(2), Some(2))),
            (Some(4), true, (7, 1), (Some(4), Some(2))),
        ];
        for (shown, goes_on, (now, gain), places) in cases {
            let standing = Standing { scores: &scores, shown: *shown, goes_on: *goes_on };
            assert_eq!(standing.places(Score::nano(*now), Score::nano(*gain)), *places, "{shown:?} {now} {gain}");
        }
    }

    #[test]
    fn what_is_promised_is_said_by_places_where_there_are_some() {
        struct Nothing;
        impl Knowledge for Nothing {
            fn related(&self, _: SkillId) -> Vec<crate::matching::knowledge::Related> {
                Vec::new()
            }
            fn rarity_milli(&self, _: SkillId) -> u32 {
                1_000
            }
            fn stand_in(&self, _: SkillId) -> Value {
                Value::ONE
            }
            fn name(&self, _: SkillId) -> &str {
                "Rust"
            }
        }
        let said = |from_place, to_place| {
            let change = Change::AskAtMost(4_050);
            Improvement { change, gain: Score::nano(1), from_place, to_place }.sentence(&Nothing)
        };
        let change = "ask $40.50 an hour → ";
        for (from, to, promise) in [
            (Some(31), Some(12), "from 31st to 12th"),
            (Some(2), Some(2), "stays 2nd, closer to the next"),
            (Some(1), Some(1), "stays 1st, further ahead"),
            (None, Some(99), "up to 99th"),
            (None, None, "a better match"),
        ] {
            assert_eq!(said(from, to), format!("{change}{promise}"));
        }
    }

    #[test]
    fn a_place_counts_those_strictly_above() {
        let scores = [9, 7, 7, 3].map(Score::nano);
        assert_eq!([10, 9, 7, 5, 1].map(|nano| place(&scores, Score::nano(nano))), [1, 1, 2, 4, 5]);
    }
}
