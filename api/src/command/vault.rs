//! `rabta vault`: what is kept encrypted, and the keys it is encrypted with.

use anyhow::Context;

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Vault};

/// Do it, and say how much there was to do.
pub async fn run(cli: Cli, what: Vault) -> Result<(), Trouble> {
    let Vault::Reseal = what;
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let outcome = market.vault_reseal().await;
    ground.leave(Some(market)).await?;
    let count = outcome.context("sealing anew; what was done stays done, so run it again")?;
    say(&format!("sealed anew with the first key: {count}\n"))
}
