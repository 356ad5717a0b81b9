//! The days of the market: gigs come, people are shown for them and asked, some say yes, the client
//! takes one, work ends, and what was learned of it counts from then on.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::Scenario;
use super::dice::Dice;
use super::ways::{Page, Policy, Ranker};
use super::world::{Trades, Worker, fit, willing};
use crate::Timestamp;
use crate::matching::exposure;
use crate::matching::fairness::attention_milli;
use crate::matching::model::Weights;
use crate::matching::rank::{Placement, total};
use crate::matching::score::Ask;
use crate::matching::shipped::Holders;
use crate::matching::{GigFeatures, Model, Score, Taxonomy, Weight};

/// A gig that came up, and how relevant everybody is to it.
pub struct Posted {
    /// The gig.
    pub gig: GigFeatures,
    /// Of everybody, from 0 to about 1: what is asked against what is held, and nothing else.
    pub relevance: Vec<f64>,
    /// The most relevant, the most relevant first.
    pub by_relevance: Vec<usize>,
}

/// The people and the gigs of one run: the same for all policies.
pub struct Ground<'a> {
    pub(super) workers: Vec<Worker>,
    pub(super) days: Vec<Vec<Posted>>,
    pub(super) knowledge: Holders<'a>,
    start: Timestamp,
    seed: u64,
}

/// How a market fared under a policy. All parts are shares, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// What the work was worth, of all that was asked for: how well it fitted times how good it was.
    pub utility: f64,
    /// Gigs that hired.
    pub fill: f64,
    /// Requests that were declined, of all.
    pub declined: f64,
    /// How unevenly attention fell on people.
    pub gini: f64,
    /// The attention of the hundredth of people who got most, of all.
    pub top_share: f64,
    /// Hires of those who came new, of all hires.
    pub new_hires: f64,
    /// Those who came new and were ever hired, of all who did.
    pub new_ever: f64,
    /// Places given to newcomers that their scores had not given them.
    pub new_places: f64,
    /// Places of those who came new, of all.
    pub new_shown: f64,
    /// Those who came new, of all who were relevant: what the former stands beside.
    pub new_relevant: f64,
}

/// So many of the most relevant are kept for each gig.
const RELEVANT: usize = 400;
/// How unsure a client's eye is.
const NOISE: f64 = 0.12;

/// What is asked against what is held, and nothing that is a matter of the market.
fn relevance_weights() -> Weights {
    let none = Weight::default();
    Weights {
        rate: none,
        overlap: none,
        reputation: none,
        answers: none,
        interest: none,
        client: none,
        load: none,
        crowd: none,
        text: none,
        ..Model::shipped().people
    }
}

impl<'a> Ground<'a> {
    /// People and gigs of a seed.
    pub fn new(scenario: &Scenario, seed: u64, trades: &Trades) -> Self {
        let start = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut dice = Dice::new(seed);
        let workers: Vec<Worker> = (0..scenario.people).map(|number| trades.worker(number, start, &mut dice)).collect();
        let mut knowledge = Holders::new(Taxonomy::shipped(), Model::shipped());
        for worker in &workers {
            knowledge.count(worker.features.skills.iter().map(|held| held.skill));
        }
        let weights = relevance_weights();
        let mut number = 0;
        let mut post = || {
            number += 1;
            let gig = trades.gig(number, &mut dice);
            let ask = Ask::new(&gig, Model::shipped(), &knowledge);
            let of = |worker: &Worker| {
                let factors = ask.factors(&worker.features, None, &weights, Model::shipped());
                (total(&factors).as_nano() as f64 / 1e9).max(0.0)
            };
            let relevance: Vec<f64> = workers.iter().map(of).collect();
            let mut by_relevance: Vec<usize> = (0..workers.len()).collect();
            by_relevance.sort_by(|one, other| relevance[*other].total_cmp(&relevance[*one]).then(one.cmp(other)));
            by_relevance.truncate(RELEVANT);
            Posted { gig, relevance, by_relevance }
        };
        let days = (0..scenario.days).map(|_| (0..scenario.gigs_a_day).map(|_| post()).collect()).collect();
        Self { workers, days, knowledge, start, seed }
    }

    pub(super) fn at(&self, day: usize) -> Timestamp {
        self.start + TimeDelta::days(i64::try_from(day).unwrap_or(0))
    }

    /// Dice of a pair: alike under every policy.
    pub(super) fn luck(&self, posted: &Posted, worker: usize, of: u64) -> Dice {
        use crate::id::Id;
        let gig = (posted.gig.id.uuid().as_u128() & u128::from(u64::MAX)) as u64;
        Dice::of(self.seed, &[gig, worker as u64, of])
    }

    /// What a client makes of somebody's work: what it is worth, and what it seems.
    pub(super) fn worth(&self, posted: &Posted, worker: usize) -> (f64, f64) {
        let who = &self.workers[worker];
        let worth = fit(&posted.gig, &who.features) * who.quality;
        (worth, worth + NOISE * self.luck(posted, worker, 1).normal())
    }
}

/// Lead the market through its days.
pub fn play(scenario: &Scenario, ground: &Ground<'_>, policy: Policy) -> Outcome {
    let ranker = Ranker::new(policy, &ground.knowledge);
    let mut workers = ground.workers.clone();
    let mut dice = Dice::of(ground.seed, &[policy as u64]);
    // Who ends which work on which day.
    let mut ends: BTreeMap<usize, Vec<(usize, usize, usize)>> = BTreeMap::new();
    let mut tally = Tally::new(workers.len());
    for (day, gigs) in ground.days.iter().enumerate() {
        let now = ground.at(day);
        for worker in &mut workers {
            worker.features.load.pending_milli = worker.features.load.pending_milli * 8 / 10;
        }
        for (at, of_day, nth) in ends.remove(&day).unwrap_or_default() {
            let posted = &ground.days[of_day][nth];
            workers[at].features.load.active_contracts = 0;
            workers[at].finished(posted.gig.client, now, &mut ground.luck(posted, at, 2));
        }
        for (nth, posted) in gigs.iter().enumerate() {
            let (page, scores) = ranker.page(posted, &workers, scenario.shown, now, &mut dice);
            tally.relevant(posted.by_relevance.iter().map(|at| &workers[*at]));
            tally.shown(&mut workers, &page, &scores);
            let mut best: Option<(f64, f64, usize)> = None;
            for (at, _) in &page {
                let worker = &mut workers[*at];
                let yes = worker.features.load.active_contracts == 0
                    && ground.luck(posted, *at, 0).chance() < willing(&posted.gig, &worker.features);
                worker.features.load.pending_milli += 1_000;
                tally.asked(yes);
                if yes {
                    worker.features.exposure.unanswered = 0;
                    let (worth, seems) = ground.worth(posted, *at);
                    if best.is_none_or(|(_, other, _)| seems > other) {
                        best = Some((worth, seems, *at));
                    }
                }
            }
            if let Some((worth, _, at)) = best {
                tally.hired(worth, at, workers[at].came_new);
                workers[at].features.load.active_contracts = 1;
                let days = 5 + ground.luck(posted, at, 3).place(16);
                ends.entry(day + days).or_default().push((at, day, nth));
            }
            tally.gigs += 1;
        }
    }
    tally.outcome(&workers)
}

struct Tally {
    attention: Vec<u64>,
    hired: Vec<u32>,
    worth: f64,
    gigs: u32,
    hires: u32,
    new_hires: u32,
    asked: u32,
    declined: u32,
    places: u32,
    new_places: u32,
    new_shown: u32,
    relevant: u32,
    new_relevant: u32,
}

impl Tally {
    fn new(people: usize) -> Self {
        Self {
            attention: vec![0; people],
            hired: vec![0; people],
            worth: 0.0,
            gigs: 0,
            hires: 0,
            new_hires: 0,
            asked: 0,
            declined: 0,
            places: 0,
            new_places: 0,
            new_shown: 0,
            relevant: 0,
            new_relevant: 0,
        }
    }

    fn relevant<'w>(&mut self, workers: impl Iterator<Item = &'w Worker>) {
        for worker in workers {
            self.relevant += 1;
            self.new_relevant += u32::from(worker.came_new);
        }
    }

    /// Attention is counted, and what each was owed, as the log of the server counts it.
    fn shown(&mut self, workers: &mut [Worker], page: &Page, scores: &[i64]) {
        let places: Vec<(u32, Score)> = (1..).zip(scores).map(|(place, nano)| (place, Score::nano(*nano))).collect();
        for (((at, placement), (got, merit)), place) in page.iter().zip(exposure::shares(&places)).zip(1..) {
            let seen = &mut workers[*at].features.exposure;
            seen.attention_milli += got;
            seen.merit_milli += merit;
            let newcomer = *placement == Placement::Newcomer;
            seen.unanswered += u32::from(newcomer);
            self.attention[*at] += attention_milli(place);
            self.places += 1;
            self.new_places += u32::from(newcomer);
            self.new_shown += u32::from(workers[*at].came_new);
        }
    }

    fn asked(&mut self, yes: bool) {
        self.asked += 1;
        self.declined += u32::from(!yes);
    }

    fn hired(&mut self, worth: f64, at: usize, came_new: bool) {
        self.worth += worth;
        self.hires += 1;
        self.new_hires += u32::from(came_new);
        self.hired[at] += 1;
    }

    fn outcome(mut self, workers: &[Worker]) -> Outcome {
        let share = |part: u32, of: u32| f64::from(part) / f64::from(of.max(1));
        let new: Vec<bool> =
            workers.iter().zip(&self.hired).filter(|(who, _)| who.came_new).map(|(_, hired)| *hired > 0).collect();
        self.attention.sort_unstable();
        let attention = |of: &[u64]| of.iter().sum::<u64>() as f64;
        let top = &self.attention[self.attention.len() - self.attention.len().div_ceil(100)..];
        Outcome {
            utility: self.worth / f64::from(self.gigs.max(1)),
            fill: share(self.hires, self.gigs),
            declined: share(self.declined, self.asked),
            gini: exposure::gini(&self.attention).as_micro() as f64 / 1e6,
            new_hires: share(self.new_hires, self.hires),
            new_ever: new.iter().filter(|hired| **hired).count() as f64 / new.len().max(1) as f64,
            new_places: share(self.new_places, self.places),
            top_share: attention(top) / attention(&self.attention).max(1.0),
            new_shown: share(self.new_shown, self.places),
            new_relevant: share(self.new_relevant, self.relevant),
        }
    }
}
