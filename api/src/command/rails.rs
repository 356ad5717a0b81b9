//! `rabta rails`: rails that the processor wants to approve first, for operators.

use std::fmt::Write as _;

use domain::payout::{Disabled, Rail, STABLECOIN};
use infra::Call;
use infra::rails::Closure;

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Rails};

/// List, or open one again.
pub async fn run(cli: Cli, what: Rails) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let said = match what {
        Rails::List => market.rails_closed().await.map(|closed| table(&closed)),
        Rails::Open { rail } => {
            let rail: Rail = rail.into();
            let opened = market.rail_open(&Call::system("rabta rails open"), rail).await;
            opened.map(|opened| format!("{} {}\n", rail.as_str(), if opened { "is open again" } else { "was open" }))
        }
    };
    ground.leave(Some(market)).await?;
    say(&said.map_err(anyhow::Error::from)?)
}

fn table(closed: &[Closure]) -> String {
    let mut text = if closed.is_empty() { "no rail is closed\n".to_owned() } else { String::new() };
    for Closure { rail, reason, closed_at } in closed {
        // Writing into a text does not fail.
        let _ = writeln!(text, "{rail} since {}: {reason}", closed_at.format("%Y-%m-%dT%H:%M:%SZ"));
    }
    let Disabled { name, licence, reference } = STABLECOIN;
    let _ = writeln!(text, "{name} is disabled: it takes {licence}. Reference held: {}", reference.unwrap_or("none"));
    text
}
