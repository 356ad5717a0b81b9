//! The other side of the market: people look for gigs and bid, and gigs get more proposals than
//! they can read, or none.

use super::dice::Dice;
use super::market::Ground;
use crate::matching::exposure;
use crate::matching::rank::Matcher;
use crate::matching::{GigFeatures, Model, Weight};

/// A way to choose which gigs to show to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The newest first, of those that ask for anything they hold: a board.
    Newest,
    /// The server's ranking of gigs, as if proposals did not crowd.
    OursWithoutCrowd,
    /// The server's ranking of gigs.
    Ours,
}

impl Advice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Newest, Self::OursWithoutCrowd, Self::Ours];

    /// What it is, in a few words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Newest => "newest relevant first",
            Self::OursWithoutCrowd => "Rabta, proposals unseen",
            Self::Ours => "Rabta",
        }
    }
}

/// How proposals fell on gigs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// How unevenly: 0 when all gigs got as many.
    pub gini: f64,
    /// The share of gigs that got none.
    pub none: f64,
    /// The share that got more than twenty.
    pub flooded: f64,
    /// The share that hired.
    pub fill: f64,
    /// Days until they hired, in the mean.
    pub days: f64,
    /// What the work was worth, of all that was asked for.
    pub utility: f64,
}

/// A person looks for work on one of so many days.
const LOOKS_EVERY: u64 = 4;
/// And bids on so many gigs then.
const BIDS: usize = 2;
/// A client chooses when there are so many proposals to choose from,
const ENOUGH: usize = 3;
/// at the end of this day or of a later one;
const SOONEST: usize = 1;
/// or, on this day, from what there is.
const LATEST: usize = 9;

struct Open {
    day: usize,
    nth: usize,
    features: GigFeatures,
    bidders: Vec<usize>,
}

/// Lead the market through so many days of bidding.
pub fn play(ground: &Ground<'_>, days: usize, advice: Advice) -> Spread {
    let mut model = Model::shipped().clone();
    if advice == Advice::OursWithoutCrowd {
        model.gigs.crowd = Weight::default();
    }
    let mut busy_until = vec![0; ground.workers.len()];
    let mut open: Vec<Open> = Vec::new();
    let (mut counts, mut waited, mut worth) = (Vec::new(), Vec::new(), 0.0);
    for (day, gigs) in ground.days.iter().enumerate().take(days) {
        let matcher = Matcher { model: &model, knowledge: &ground.knowledge, now: ground.at(day) };
        open.extend(gigs.iter().enumerate().map(|(nth, posted)| Open {
            day,
            nth,
            features: posted.gig.clone(),
            bidders: Vec::new(),
        }));
        for (at, worker) in ground.workers.iter().enumerate() {
            let mut dice = Dice::of(at as u64, &[day as u64]);
            if busy_until[at] > day || dice.below(LOOKS_EVERY) != 0 {
                continue;
            }
            let posted = |gig: &Open| &ground.days[gig.day][gig.nth];
            let fresh: Vec<usize> = (0..open.len())
                .filter(|nth| !open[*nth].bidders.contains(&at) && posted(&open[*nth]).by_relevance.contains(&at))
                .collect();
            let chosen: Vec<usize> = if advice == Advice::Newest {
                fresh.into_iter().rev().take(BIDS).collect()
            } else {
                let scores = matcher.scores_of_gigs(&worker.features, fresh.iter().map(|nth| &open[*nth].features));
                let mut fresh: Vec<usize> =
                    fresh.into_iter().filter(|nth| scores.contains_key(&open[*nth].features.id)).collect();
                fresh.sort_by_key(|nth| (std::cmp::Reverse(scores.get(&open[*nth].features.id).copied()), *nth));
                fresh.into_iter().take(BIDS).collect()
            };
            for nth in chosen {
                open[nth].bidders.push(at);
                open[nth].features.proposals += 1;
            }
        }
        open.retain(|gig| {
            let age = day - gig.day;
            if age < LATEST && (age < SOONEST || gig.bidders.len() < ENOUGH) {
                return true;
            }
            counts.push(gig.bidders.len() as u64);
            let posted = &ground.days[gig.day][gig.nth];
            let free = gig.bidders.iter().filter(|at| busy_until[**at] <= day);
            let seen = free.map(|at| (ground.worth(posted, *at), *at));
            if let Some(((true_worth, _), at)) = seen.max_by(|one, other| one.0.1.total_cmp(&other.0.1)) {
                busy_until[at] = day + 5 + ground.luck(posted, at, 3).place(16);
                waited.push((age + 1) as f64);
                worth += true_worth;
            }
            false
        });
    }
    counts.sort_unstable();
    let all = counts.len().max(1) as f64;
    let share = |which: fn(u64) -> bool| counts.iter().filter(|count| which(**count)).count() as f64 / all;
    Spread {
        gini: exposure::gini(&counts).as_micro() as f64 / 1e6,
        none: share(|count| count == 0),
        flooded: share(|count| count > 20),
        fill: waited.len() as f64 / all,
        days: waited.iter().sum::<f64>() / waited.len().max(1) as f64,
        utility: worth / all,
    }
}
