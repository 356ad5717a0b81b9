//! `rabta webhooks`: what the processor told, for operators.

use std::fmt::Write as _;

use infra::webhook::{Replay, Told};

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Webhooks};

/// How many are listed.
const LISTED: i64 = 1_000;

/// List, or have events acted on again.
pub async fn run(cli: Cli, what: Webhooks) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let said = match what {
        Webhooks::List => table(&market.webhooks_open(LISTED).await.map_err(anyhow::Error::from)?),
        Webhooks::Replay { event, parked: _, since } => {
            let which = match (event, since) {
                (Some(event), _) => Replay::One(event),
                (None, Some(since)) => Replay::Since(since),
                (None, None) => Replay::Parked,
            };
            let again = market.webhooks_replay(&which).await.map_err(anyhow::Error::from)?;
            match (&which, again) {
                (Replay::One(event), 0) => {
                    ground.leave(Some(market)).await?;
                    let what = format!("{event} was never told here");
                    return Err(Trouble::fixable(what, "look at the id, and at which database this is"));
                }
                (Replay::One(_) | Replay::Parked | Replay::Since(_), again) => {
                    format!("{again} will be acted on again\n")
                }
            }
        }
    };
    ground.leave(Some(market)).await?;
    say(&said)
}

fn table(told: &[Told]) -> String {
    if told.is_empty() {
        return "nothing waits\n".to_owned();
    }
    let mut text = String::from("received              tries  parked  event  what  about  why\n");
    for Told { id, kind, object, received_at, attempts, parked_at, last_error, .. } in told {
        let parked = if parked_at.is_some() { "yes" } else { "no" };
        let why = last_error.as_deref().unwrap_or("-");
        // Writing into a text does not fail.
        let _ = writeln!(
            text,
            "{}  {attempts:>5}  {parked:<6}  {id}  {kind}  {object}  {why}",
            received_at.format("%Y-%m-%dT%H:%M:%SZ")
        );
    }
    text
}
