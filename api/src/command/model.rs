//! `rabta model`: what ranks matches, and learning it from use.

use std::fmt::Write as _;

use clap::{Subcommand, ValueEnum};
use domain::matching::learn::{self, Direction, Interval};
use infra::matching::{Fitted, ModelVersion};
use infra::{Call, Failure, Market};

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::Cli;

/// What to do with the scoring model. Learning and switching are written to the audit log.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// List the versions, and which one ranks.
    List,
    /// Fit weights to what was chosen of what was shown, and keep them as a new version. It does not rank yet.
    Learn {
        /// Whose choices: clients' among people, or people's among gigs.
        #[arg(long, value_enum, default_value_t = Of::People)]
        of: Of,
        /// Of so many days.
        #[arg(long, value_name = "N", default_value_t = 180, value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: u16,
        /// The seed of the draws that intervals come from.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
    /// Rank by this version. Running servers do within a second.
    Use {
        /// A version of the list.
        #[arg(value_name = "VERSION")]
        version: u32,
    },
    /// Rank by what ranked before the last switch.
    Undo,
}

/// Whose choices are learned from.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Of {
    /// Those of clients, among people.
    People,
    /// Those of people, among gigs.
    Gigs,
}

/// Do it.
pub async fn run(cli: Cli, what: What) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let outcome = act(&market, what).await;
    ground.leave(Some(market)).await?;
    say(&outcome?)
}

async fn act(market: &Market, what: What) -> Result<String, Trouble> {
    let call = Call::system("rabta model");
    match what {
        What::List => Ok(list(&market.model_versions().await.map_err(told)?)),
        What::Learn { of, days, seed } => {
            let direction = match of {
                Of::People => Direction::People,
                Of::Gigs => Direction::Gigs,
            };
            let fitted = market.model_learn(&call, direction, market.days_ago(days), seed).await;
            Ok(report(&fitted.map_err(told)?, direction))
        }
        What::Use { version } => Ok(match market.model_use(&call, version).await.map_err(told)? {
            true => format!("version {version} ranks from now on\n"),
            false => format!("version {version} ranks already\n"),
        }),
        What::Undo => Ok(format!("version {} ranks again\n", market.model_undo(&call).await.map_err(told)?)),
    }
}

fn told(failure: Failure) -> Trouble {
    match failure {
        Failure::Refused(refusal) => Trouble::fixable(refusal.to_string(), "rabta model list shows what there is"),
        broken => anyhow::Error::from(broken).into(),
    }
}

fn list(versions: &[ModelVersion]) -> String {
    let line = |version: &ModelVersion| {
        let ranks = if version.in_use { "ranks" } else { "" };
        let origin = match (&version.fitted_at, &version.evidence) {
            (Some(at), Some(evidence)) => {
                let gain = &evidence["judged"]["gain"];
                let part = |name: &str| gain[name].as_f64().unwrap_or(0.0);
                let of = evidence["direction"].as_str().unwrap_or("");
                format!(
                    "{of}, fitted {}, gain {:+.4} [{:+.4}, {:+.4}]",
                    at.format("%F %R"),
                    part("mean"),
                    part("low"),
                    part("high")
                )
            }
            _ => "ships with the program".to_owned(),
        };
        format!("{:>6}  {ranks:<5}  {origin}\n", version.version)
    };
    versions.iter().map(line).collect()
}

fn report(fitted: &Fitted, direction: Direction) -> String {
    let learned = &fitted.learned;
    let mut text = format!(
        "learned from {} choices about {} subjects\n\n  factor       before  after   (thousandths)\n",
        learned.choices, learned.subjects
    );
    let before = learn::weights_of(&fitted.before, direction);
    for (kind, old, new) in learn::compared(before, &learned.weights).into_iter().filter(|(_, old, _)| *old != 0) {
        let _ = writeln!(text, "  {:<12} {old:>6} {new:>6}", format!("{kind:?}"));
    }
    let places: Vec<String> = learned.places.iter().map(|look| format!("{look:.2}")).collect();
    let judged = &learned.judgement;
    let interval = |of: Interval| format!("{:.4} [{:.4}, {:.4}]", of.mean, of.low, of.high);
    let _ = writeln!(
        text,
        "\nplaces are looked at, beside the first: {} (the last three: to 20, to 50, beyond)",
        places.join(" ")
    );
    let _ = writeln!(
        text,
        "judged by {} choices about {} subjects that came last: before {}, after {}, gain {}{}",
        judged.choices,
        judged.subjects,
        interval(judged.old),
        interval(judged.new),
        interval(judged.gain),
        if judged.is_better() { "" } else { ": not shown to be better" }
    );
    let _ = writeln!(text, "\nkept as version {0}; it ranks after: rabta model use {0}", fitted.version);
    text
}
