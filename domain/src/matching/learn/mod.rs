//! Learning from use: weights fitted to what people chose of what they were shown.
//!
//! Who stands first is looked at most, so what is chosen says as much of the place as of the match.
//! How much a place is looked at is estimated from the log itself (`places`); each choice then counts
//! as much more as its place is looked at less, and weights are fitted so that what was chosen comes
//! before what was shown beside it (`fit`). Old and new weights are compared on the gigs that came
//! last, which the fit has not seen (`judge`).
//!
//! A fit is kept on a leash. A weight keeps its sign and stays within a quarter and four times of what
//! it was, so a skill that is asked for can't come to speak against anybody. What tells of the other
//! side or of the market, like load and crowding, is policy: no choice of one side teaches it. A
//! weight of nothing stays nothing. What counts for a match adds up to as much as before, so that all
//! that is measured against scores keeps its meaning.
//!
//! Nothing here rolls real dice: the same log gives the same weights.

mod fit;
mod judge;
mod places;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use judge::{Interval, Judgement};
pub use places::looked_at;

use super::model::{Model, Weights};
use super::rank::Match;
use super::score::{Factor, FactorKind};
use crate::Timestamp;
use crate::id::GigId;
use crate::matching::Weight;

/// How many kinds of factors there are.
pub const KINDS: usize = 16;

/// All kinds of factors, in the order in which values are logged.
pub const ORDER: [FactorKind; KINDS] = [
    FactorKind::Skills,
    FactorKind::MustHaves,
    FactorKind::Role,
    FactorKind::Focus,
    FactorKind::Text,
    FactorKind::Seniority,
    FactorKind::Experience,
    FactorKind::Breadth,
    FactorKind::Rate,
    FactorKind::Overlap,
    FactorKind::Reputation,
    FactorKind::Answers,
    FactorKind::Interest,
    FactorKind::Client,
    FactorKind::Load,
    FactorKind::Crowd,
];

/// Whose ranking is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// That of people for a gig, from what clients chose.
    People,
    /// That of gigs for a person, from what people chose.
    Gigs,
}

/// What became of something that was shown, the furthest it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// Nothing.
    None,
    /// It was opened.
    Opened,
    /// It was acted on: an invitation, a bid.
    Asked,
    /// It was shortlisted.
    Shortlisted,
    /// It was hired.
    Hired,
}

/// Something that was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// In which place, from 1.
    pub place: u32,
    /// The values of its factors, in millionths, in the order of [`ORDER`].
    pub values: [i32; KINDS],
    /// What became of it.
    pub choice: Choice,
}

/// What was shown together.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// For which gig; in the other direction, which gig stands for the page.
    pub about: u128,
    /// When.
    pub at: Timestamp,
    /// What.
    pub shown: Vec<Shown>,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// The new weights of the direction that was learned.
    pub weights: Weights,
    /// How much each place is looked at, from the first on, beside the first.
    pub places: Vec<f64>,
    /// How old and new fare on what the fit has not seen.
    pub judgement: Judgement,
    /// So many choices were learned from.
    pub choices: usize,
    /// Of so many gigs or people.
    pub subjects: usize,
}

/// The log says too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log says too little to learn from: {choices} choices about {subjects} {of}, and it takes at least {} about {}",
    CHOICES,
    SUBJECTS
)]
pub struct TooLittle {
    /// What was chosen, all together.
    pub choices: usize,
    /// Of so many gigs or people.
    pub subjects: usize,
    /// What they are about.
    pub of: &'static str,
}

/// It takes so many choices to learn from.
pub const CHOICES: usize = 400;
/// About so many gigs, or by so many people.
pub const SUBJECTS: usize = 100;
/// One in so many of them, those that came last, is kept to judge by.
const KEPT_BACK: usize = 4;

/// What an impression keeps of a match: the values of its factors, in the order of [`ORDER`].
pub fn values_of<I>(found: &Match<I>) -> [i32; KINDS] {
    values(&found.factors)
}

/// The values of factors, in the order of [`ORDER`]; of a kind that weighs nothing, 0.
pub fn values(factors: &[Factor]) -> [i32; KINDS] {
    let of = |kind| factors.iter().find(|factor| factor.kind == kind);
    ORDER.map(|kind| of(kind).map_or(0, |factor| i32::try_from(factor.value.as_micro()).unwrap_or(0)))
}

/// Learn one direction's weights from a log, in whatever order it comes.
pub fn learn(log: &[Page], model: &Model, direction: Direction, seed: u64) -> Result<Learned, TooLittle> {
    let mut pages: Vec<&Page> = log.iter().filter(|page| page.shown.len() > 1).collect();
    pages.sort_by_key(|page| (page.at, page.about));
    let chosen = |page: &&&Page| page.shown.iter().any(|shown| shown.choice > Choice::None);
    let subjects: BTreeSet<u128> = pages.iter().filter(chosen).map(|page| page.about).collect();
    let choices = pages.iter().flat_map(|page| &page.shown).filter(|shown| shown.choice > Choice::None).count();
    if choices < CHOICES || subjects.len() < SUBJECTS {
        let of = match direction {
            Direction::People => "gigs",
            Direction::Gigs => "people",
        };
        return Err(TooLittle { choices, subjects: subjects.len(), of });
    }
    let (seen, unseen) = split(&pages);
    let places = looked_at(&seen);
    let old = weights_of(model, direction);
    let weights = fit::fit(&seen, &places, old, direction);
    let judgement = judge::judge(&unseen, &places, old, &weights, seed);
    Ok(Learned { weights, places, judgement, choices, subjects: subjects.len() })
}

/// Those that came last, by when they were first shown, and the others. No subject is on both sides.
fn split<'a>(pages: &[&'a Page]) -> (Vec<&'a Page>, Vec<&'a Page>) {
    let mut known = BTreeSet::new();
    // Pages come by time, so this is the order in which subjects were first met.
    let met: Vec<u128> = pages.iter().map(|page| page.about).filter(|about| known.insert(*about)).collect();
    let last: BTreeSet<u128> = met.into_iter().rev().take(known.len().div_ceil(KEPT_BACK)).collect();
    pages.iter().partition(|page| !last.contains(&page.about))
}

/// The weights of one direction.
pub fn weights_of(model: &Model, direction: Direction) -> &Weights {
    match direction {
        Direction::People => &model.people,
        Direction::Gigs => &model.gigs,
    }
}

/// The next version: a model with other weights for one direction, and all else as it is.
pub fn version(model: &Model, direction: Direction, weights: Weights, version: u32) -> Model {
    let mut next = Model { version, ..model.clone() };
    match direction {
        Direction::People => next.people = weights,
        Direction::Gigs => next.gigs = weights,
    }
    next
}

/// Whether a choice of one side teaches how much this counts.
fn is_learned(kind: FactorKind, direction: Direction) -> bool {
    match direction {
        // How likely and how soon somebody answers, and how busy they are, clients don't choose by.
        Direction::People => {
            !matches!(kind, FactorKind::Answers | FactorKind::Interest | FactorKind::Load | FactorKind::Crowd)
        }
        // Nor do people choose by how many others there are, or by what a client would miss in them.
        Direction::Gigs => !matches!(kind, FactorKind::MustHaves | FactorKind::Load | FactorKind::Crowd),
    }
}

/// The weights in the order of [`ORDER`].
fn listed(weights: &Weights) -> [i32; KINDS] {
    [
        weights.skills,
        weights.must_haves,
        weights.role,
        weights.focus,
        weights.text,
        weights.seniority,
        weights.experience,
        weights.breadth,
        weights.rate,
        weights.overlap,
        weights.reputation,
        weights.answers,
        weights.interest,
        weights.client,
        weights.load,
        weights.crowd,
    ]
    .map(Weight::as_milli)
}

/// Weights from the order of [`ORDER`].
fn unlisted(listed: [i32; KINDS]) -> Weights {
    let [
        skills,
        must_haves,
        role,
        focus,
        text,
        seniority,
        experience,
        breadth,
        rate,
        overlap,
        reputation,
        answers,
        interest,
        client,
        load,
        crowd,
    ] = listed.map(Weight::milli);
    Weights {
        skills,
        must_haves,
        role,
        focus,
        text,
        seniority,
        experience,
        breadth,
        rate,
        overlap,
        reputation,
        answers,
        interest,
        client,
        load,
        crowd,
    }
}

/// Each kind of factor with what it weighs before and after, in thousandths.
pub fn compared(old: &Weights, new: &Weights) -> Vec<(FactorKind, i32, i32)> {
    ORDER.into_iter().zip(listed(old)).zip(listed(new)).map(|((kind, old), new)| (kind, old, new)).collect()
}

/// The values of something shown, from 0 to 1.
fn features(shown: &Shown) -> [f64; KINDS] {
    shown.values.map(|micro| f64::from(micro) / 1e6)
}

/// The gig as what a page is about.
pub fn about(gig: GigId) -> u128 {
    use crate::id::Id;
    gig.uuid().as_u128()
}

#[cfg(test)]
mod tests;
