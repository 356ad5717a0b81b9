//! `rabta events`: what happened and could not be told, for operators.

use std::fmt::Write as _;

use infra::outbox::Parked;

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Events};

/// How many are listed.
const LISTED: i64 = 1_000;

/// List, or have events delivered again.
pub async fn run(cli: Cli, what: Events) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let said = match what {
        Events::List => table(&market.events_parked(LISTED).await.map_err(anyhow::Error::from)?),
        Events::Replay { event, parked: _ } => {
            let again = market.events_replay(event).await.map_err(anyhow::Error::from)?;
            if let (Some(event), 0) = (event, again) {
                ground.leave(Some(market)).await?;
                let what = format!("{event} is not parked here");
                return Err(Trouble::fixable(what, "`rabta events list` says what is"));
            }
            format!("{again} will be delivered again\n")
        }
    };
    ground.leave(Some(market)).await?;
    say(&said)
}

fn table(parked: &[Parked]) -> String {
    if parked.is_empty() {
        return "nothing is parked\n".to_owned();
    }
    let mut text = String::from("happened              parked                event  what  why\n");
    for Parked { id, name, occurred_at, parked_at, last_error } in parked {
        let time = "%Y-%m-%dT%H:%M:%SZ";
        let why = last_error.as_deref().unwrap_or("-");
        // Writing into a text does not fail.
        let _ = writeln!(text, "{}  {}  {id}  {name}  {why}", occurred_at.format(time), parked_at.format(time));
    }
    text
}
