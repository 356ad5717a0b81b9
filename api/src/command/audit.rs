//! `rabta audit`: the books, recomputed from their rows.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use domain::id::ContractId;
use infra::books::{self, Finding, Kept};
use infra::{market, migrate};
use serde_json::json;

use super::equipment::keys;
use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Audit, Cli, Common};

/// Do what was asked.
pub async fn run(cli: Cli, what: Audit) -> Result<(), Trouble> {
    match what {
        Audit::Heads => print_heads(&cli).await,
        Audit::Verify { contract, heads, json } => verify(&cli, contract, heads, json).await,
    }
}

/// Print how far the books have come.
async fn print_heads(cli: &Cli) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    migrate::reach(ground.owner_url()).await?;
    let db = market::connect_to_look(ground.owner_url(), 1).await.map_err(anyhow::Error::from)?;
    migrate::check(&db).await?;
    let kept = Kept::now(&db).await.map_err(anyhow::Error::from)?;
    let _ = db.close().await;
    ground.leave(None).await?;
    say(&kept.to_string())
}

/// What a file says that was kept elsewhere.
fn kept(common: &Common, file: &Path) -> Result<Kept, Trouble> {
    let unreadable = |error: std::io::Error| {
        Trouble::fixable(format!("{}: {error}", file.display()), "name a file that `rabta audit heads` was written to")
    };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let keys = if Kept::is_signed(&text) { Some(keys(common)?) } else { None };
    Kept::read(&text, keys.as_ref()).map_err(|(line, why)| {
        let how = "write what `rabta audit heads` prints, or set RABTA_SIGNING_KEYS to the keys that signed it";
        Trouble::fixable(format!("{}, line {line}: {why}", file.display()), how)
    })
}

/// Audit, print what was found, and fail if something is broken.
async fn verify(cli: &Cli, contract: Option<ContractId>, heads: Option<PathBuf>, json: bool) -> Result<(), Trouble> {
    let heads = heads.map(|file| kept(&cli.common, &file)).transpose()?;
    let ground = Ground::find(&cli.common).await?;
    migrate::reach(ground.owner_url()).await?;
    let db = market::connect_to_look(ground.owner_url(), 1).await.map_err(anyhow::Error::from)?;
    migrate::check(&db).await?;
    let found = books::audit_against(&db, contract, heads.as_ref()).await.map_err(anyhow::Error::from)?;
    let _ = db.close().await;
    ground.leave(None).await?;

    if let (Some(contract), true) = (contract, found.iter().all(|finding| finding.rows == 0)) {
        let what = format!("{contract} has no entries here");
        return Err(Trouble::fixable(what, "look at the id, and at which database this is"));
    }
    let hold = found.iter().all(Finding::holds);
    say(&if json { format!("{}\n", json!({ "ok": hold, "checks": found })) } else { table(&found) })?;
    match found.iter().find(|finding| !finding.holds()) {
        None => Ok(()),
        Some(Finding { check, first, .. }) => {
            let first = first.as_deref().unwrap_or_default();
            Err(anyhow::anyhow!("the books do not hold: {check}: {first}").into())
        }
    }
}

fn table(found: &[Finding]) -> String {
    let mut text = String::from("check            rows   broken  what must be true\n");
    for Finding { check, rule, rows, broken, first } in found {
        // Writing into a text does not fail.
        let _ = writeln!(text, "{check:<12}{rows:>9}{broken:>9}  {rule}");
        if let Some(first) = first {
            let _ = writeln!(text, "{:>32}{first}", "first: ");
        }
    }
    text
}
