//! The ways of ranking that are compared: Rabta's own, which is the very code of the server, with
//! parts of it switched off; and simpler ones, each with one thing more than the one before.

use super::dice::Dice;
use super::market::Posted;
use super::world::{Worker, willing};
use crate::Timestamp;
use crate::matching::fairness;
use crate::matching::features::Outcomes;
use crate::matching::fixed::{Value, exp_minus};
use crate::matching::rank::{Matcher, Placement};
use crate::matching::reputation;
use crate::matching::shipped::Holders;
use crate::matching::{Model, Weight};

/// A way to choose whom to show for a gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Anyone of those who are relevant.
    Random,
    /// Relevance times the mean of the stars.
    RawRating,
    /// Relevance times the lower bound of what is believed of their work.
    LowerBound,
    /// That times how likely they say yes.
    Reciprocal,
    /// That, less for those who have been asked much; and nobody who is busy.
    Congestion,
    /// That, with two places of ten for newcomers.
    Slots,
    /// What the server does.
    Ours,
    /// The same, as if being asked much did not matter and nobody were known to be busy.
    OursWithoutLoad,
    /// The same, without newcomers' places.
    OursWithoutSlots,
}

impl Policy {
    /// All of them, the simplest first.
    pub const ALL: [Self; 9] = [
        Self::Random,
        Self::RawRating,
        Self::LowerBound,
        Self::Reciprocal,
        Self::Congestion,
        Self::Slots,
        Self::OursWithoutLoad,
        Self::OursWithoutSlots,
        Self::Ours,
    ];

    /// What it is, in a few words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Random => "random among relevant",
            Self::RawRating => "relevance x raw rating",
            Self::LowerBound => "relevance x lower bound",
            Self::Reciprocal => "+ reciprocal",
            Self::Congestion => "+ capacity and congestion",
            Self::Slots => "+ two reserved places",
            Self::Ours => "Rabta",
            Self::OursWithoutLoad => "Rabta, load and capacity unseen",
            Self::OursWithoutSlots => "Rabta, no newcomers' places",
        }
    }

    fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursWithoutLoad | Self::OursWithoutSlots)
    }

    /// The model that ours ranks by: the shipped one, with a part of it switched off.
    fn model(self) -> Model {
        let mut model = Model::shipped().clone();
        match self {
            Self::OursWithoutLoad => model.people.load = Weight::default(),
            // No newcomer has the patience of being shown once.
            Self::OursWithoutSlots => model.fairness.newcomer_patience = 0,
            _ => {}
        }
        model
    }
}

/// Ours scores so many, of those who are relevant and fit the hard constraints: as the index does.
const SCORED: usize = 120;
/// Who has this share of the best relevance is relevant.
const RELEVANT: f64 = 0.75;
/// What the simpler policies take the usual share of good work to be: that of the world.
const USUAL: Value = Value::micro(727_273);

/// A policy, ready to be asked many times.
pub struct Ranker<'a> {
    policy: Policy,
    model: Model,
    prior: Model,
    knowledge: &'a Holders<'a>,
}

/// Whom it shows, in which place and why.
pub type Page = Vec<(usize, Placement)>;

impl<'a> Ranker<'a> {
    /// Ready to rank by this policy.
    pub fn new(policy: Policy, knowledge: &'a Holders<'a>) -> Self {
        let mut prior = Model::shipped().clone();
        prior.reputation.mean = USUAL;
        Self { policy, model: policy.model(), prior, knowledge }
    }

    /// The people for a gig, so many of them.
    pub fn page(
        &self,
        posted: &Posted,
        workers: &[Worker],
        shown: usize,
        now: Timestamp,
        dice: &mut Dice,
    ) -> (Page, Vec<i64>) {
        if self.policy.is_ours() {
            self.ours(posted, workers, shown, now)
        } else {
            self.simpler(posted, workers, shown, dice)
        }
    }

    /// The server's own functions, on those that an index would have found.
    fn ours(&self, posted: &Posted, workers: &[Worker], shown: usize, now: Timestamp) -> (Page, Vec<i64>) {
        let blind = self.policy == Policy::OursWithoutLoad;
        let free = |at: &usize| blind || workers[*at].features.load.active_contracts == 0;
        let found: Vec<usize> = posted.by_relevance.iter().copied().filter(free).take(SCORED).collect();
        let mut people: Vec<_> = found.iter().map(|at| workers[*at].features.clone()).collect();
        if blind {
            people.iter_mut().for_each(|person| person.load.active_contracts = 0);
        }
        let matcher = Matcher { model: &self.model, knowledge: self.knowledge, now };
        let ranking = matcher.people(&posted.gig, &people, shown);
        let place = |id| found.iter().copied().find(|at| workers[*at].features.id == id).unwrap_or(0);
        let page = ranking.matches.iter().map(|found| (place(found.of), found.placement)).collect();
        (page, ranking.matches.iter().map(|found| found.score.as_nano()).collect())
    }

    fn simpler(&self, posted: &Posted, workers: &[Worker], shown: usize, dice: &mut Dice) -> (Page, Vec<i64>) {
        let best = posted.relevance.iter().copied().fold(0.0, f64::max);
        let relevant = (0..workers.len()).filter(|at| posted.relevance[*at] >= best * RELEVANT);
        let mut scored: Vec<(f64, usize)> = match self.policy {
            Policy::Random => relevant.map(|at| (dice.chance(), at)).collect(),
            _ => (0..workers.len()).map(|at| (self.score(posted, at, &workers[at]), at)).collect(),
        };
        scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut page: Page = scored.iter().take(shown).map(|(_, at)| (*at, Placement::Merit)).collect();
        if self.policy == Policy::Slots {
            self.reserve(&mut page, &scored, workers, dice);
        }
        let scores: Vec<i64> = page.iter().map(|(at, _)| (posted.relevance[*at] * 1e9) as i64).collect();
        (page, scores)
    }

    fn score(&self, posted: &Posted, at: usize, worker: &Worker) -> f64 {
        let relevance = posted.relevance[at];
        let believed = |outcomes: Outcomes| reputation::believed(outcomes, &self.prior).as_micro() as f64 / 1e6;
        let features = &worker.features;
        match self.policy {
            Policy::RawRating => relevance * worker.raw_rating(),
            Policy::LowerBound => relevance * believed(features.outcomes),
            Policy::Reciprocal => relevance * believed(features.outcomes) * willing(&posted.gig, features),
            _ if features.load.active_contracts > 0 => 0.0,
            _ => {
                let crowded = exp_minus(i64::from(features.load.pending_milli) * 350).as_micro() as f64 / 1e6;
                relevance * believed(features.outcomes) * willing(&posted.gig, features) * crowded
            }
        }
    }

    /// Two places for newcomers who have seven tenths of the fifth's score, drawn by what may be
    /// hoped of them.
    fn reserve(&self, page: &mut Page, scored: &[(f64, usize)], workers: &[Worker], dice: &mut Dice) {
        let rules = &self.model.fairness;
        let new = |at: usize| fairness::is_newcomer(&workers[at].features, rules);
        let Some((fifth, _)) = scored.get(4) else { return };
        for place in rules.newcomer_places {
            let at = usize::from(place.saturating_sub(1));
            if at >= page.len() || page.iter().filter(|(at, _)| new(*at)).count() >= rules.newcomer_places.len() {
                continue;
            }
            let hoped = scored
                .iter()
                .take_while(|(score, _)| *score >= fifth * 0.7 && *score > 0.0)
                .filter(|(_, at)| new(*at) && page.iter().all(|(other, _)| other != at))
                .map(|(score, at)| (score * (0.5 + dice.chance()), *at))
                .max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
            if let Some((_, drawn)) = hoped {
                page.pop();
                page.insert(at, (drawn, Placement::Newcomer));
            }
        }
    }
}
