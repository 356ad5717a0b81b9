//! `rabta simulate`: what ways of ranking do to a market.

use clap::Args;
use domain::matching::simulation::{self, Advice, Policy, Scenario};

use super::say;
use super::trouble::Trouble;

/// Which markets are played. The same seed plays the same markets.
#[derive(Debug, Args)]
pub struct Markets {
    /// Gigs a day: once for each market.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [25, 6], value_parser = clap::value_parser!(u16).range(1..=1_000))]
    gigs_a_day: Vec<u16>,
    /// The first run's seed; each run has the next.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Runs of each market.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// People in each.
    #[arg(long, value_name = "N", default_value_t = 800, value_parser = clap::value_parser!(u16).range(20..=20_000))]
    people: u16,
    /// Days of each.
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    days: u16,
    /// Of those, days that are played once more with people who bid.
    #[arg(long, value_name = "N", default_value_t = 40)]
    bidding_days: u16,
}

/// Play them, and print how they fared.
pub fn run(markets: &Markets) -> Result<(), Trouble> {
    for gigs_a_day in &markets.gigs_a_day {
        let scenario = Scenario {
            seed: markets.seed,
            runs: markets.runs,
            people: usize::from(markets.people),
            days: usize::from(markets.days),
            gigs_a_day: usize::from(*gigs_a_day),
            bidding_days: usize::from(markets.bidding_days.min(markets.days)),
            ..Scenario::default()
        };
        say(&format!("{}\n", simulation::play(&scenario, &Policy::ALL, &Advice::ALL)))?;
    }
    Ok(())
}
