//! A market in memory, to see what ways of ranking do to it: who gets hired, who is asked in vain,
//! who is never seen. Rabta's own way is played by the very functions that serve clients.
//!
//! 800 people with one contract at a time, of whom 41 in a hundred come new; 240 days; for each gig
//! ten people are shown and asked; they say yes with a chance of .15 to .9, by how much of it they
//! want to do, if they are free; the client takes the one who seems best. Work takes 5 to 20 days
//! and goes well as often as its hidden quality says. These rules are assumptions: they put policies
//! in an order, and say nothing of absolute numbers.

mod bids;
mod dice;
mod market;
mod ways;
mod world;

use std::fmt;

pub use bids::{Advice, Spread};
pub use dice::Dice;
pub use market::{Ground, Outcome};
pub use ways::Policy;
pub use world::Trades;

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// The first run's seed; each run has the next.
    pub seed: u64,
    /// So many runs, over which results are averaged.
    pub runs: u32,
    /// So many people.
    pub people: usize,
    /// So many days.
    pub days: usize,
    /// So many gigs come up a day.
    pub gigs_a_day: usize,
    /// So many people are shown for each.
    pub shown: usize,
    /// So many of the days are played again from the other side, where people bid.
    pub bidding_days: usize,
}

impl Default for Scenario {
    fn default() -> Self {
        Self { seed: 1, runs: 6, people: 800, days: 240, gigs_a_day: 25, shown: 10, bidding_days: 40 }
    }
}

/// How a scenario went, policy by policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was played.
    pub scenario: Scenario,
    /// How each policy fared, run by run.
    pub policies: Vec<(Policy, Vec<Outcome>)>,
    /// How proposals fell, run by run.
    pub advice: Vec<(Advice, Vec<Spread>)>,
}

/// Play these policies, all on the same people, gigs and luck.
pub fn play(scenario: &Scenario, policies: &[Policy], advice: &[Advice]) -> Report {
    let trades = Trades::shipped();
    let mut report = Report {
        scenario: *scenario,
        policies: policies.iter().map(|policy| (*policy, Vec::new())).collect(),
        advice: advice.iter().map(|advice| (*advice, Vec::new())).collect(),
    };
    for run in 0..scenario.runs {
        let ground = Ground::new(scenario, scenario.seed + u64::from(run), &trades);
        for (policy, outcomes) in &mut report.policies {
            outcomes.push(market::play(scenario, &ground, *policy));
        }
        for (advice, spreads) in &mut report.advice {
            spreads.push(bids::play(&ground, scenario.bidding_days, *advice));
        }
    }
    report
}

impl Report {
    /// The mean over the runs of one part of a policy's outcome, and how sure it is: two standard errors.
    pub fn mean(&self, policy: Policy, part: impl Fn(&Outcome) -> f64) -> (f64, f64) {
        let found = self.policies.iter().find(|(other, _)| *other == policy);
        spread(&found.map(|(_, outcomes)| outcomes.iter().map(part).collect::<Vec<_>>()).unwrap_or_default())
    }
}

/// The mean, and two standard errors of it.
fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, 2.0 * (squares / (n - 1.0).max(1.0) / n).sqrt())
}

type Part = (&'static str, fn(&Outcome) -> f64);
const PARTS: [Part; 10] = [
    ("utility", |outcome| outcome.utility),
    ("fill", |outcome| outcome.fill),
    ("declined", |outcome| outcome.declined),
    ("exposure Gini", |outcome| outcome.gini),
    ("newcomers' hires", |outcome| outcome.new_hires),
    ("newcomers ever hired", |outcome| outcome.new_ever),
    ("newcomers' places", |outcome| outcome.new_places),
    ("newcomers shown", |outcome| outcome.new_shown),
    ("of those relevant", |outcome| outcome.new_relevant),
    ("top hundredth's attention", |outcome| outcome.top_share),
];

type SpreadPart = (&'static str, fn(&Spread) -> f64);
const SPREAD_PARTS: [SpreadPart; 6] = [
    ("proposals' Gini", |spread| spread.gini),
    ("gigs with none", |spread| spread.none),
    ("with over 20", |spread| spread.flooded),
    ("fill", |spread| spread.fill),
    ("days to hire", |spread| spread.days),
    ("utility", |spread| spread.utility),
];

/// Tables, in Markdown: means over the runs, with two standard errors.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.scenario;
        writeln!(
            f,
            "{} people, {} gigs a day, {} days, {} shown; means of {} runs from seed {} and two standard errors",
            of.people, of.gigs_a_day, of.days, of.shown, of.runs, of.seed
        )?;
        let cell = |(mean, error): (f64, f64)| format!(" {mean:.3} ±{error:.3} |");
        if !self.policies.is_empty() {
            let head: String = PARTS.iter().map(|(name, _)| format!(" {name} |")).collect();
            writeln!(f, "\n| policy |{head}\n|---|{}", "---|".repeat(PARTS.len()))?;
            for (policy, _) in &self.policies {
                let row: String = PARTS.iter().map(|(_, part)| cell(self.mean(*policy, part))).collect();
                writeln!(f, "| {} |{row}", policy.label())?;
            }
        }
        if !self.advice.is_empty() && of.bidding_days > 0 {
            let head: String = SPREAD_PARTS.iter().map(|(name, _)| format!(" {name} |")).collect();
            writeln!(
                f,
                "\n| gigs shown to people, {} days |{head}\n|---|{}",
                of.bidding_days,
                "---|".repeat(SPREAD_PARTS.len())
            )?;
            for (advice, spreads) in &self.advice {
                let part = |of: fn(&Spread) -> f64| cell(spread(&spreads.iter().map(of).collect::<Vec<_>>()));
                let row: String = SPREAD_PARTS.iter().map(|(_, of)| part(*of)).collect();
                writeln!(f, "| {} |{row}", advice.label())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
