//! `rabta audit`: the books, recomputed from their rows.

use std::fmt::Write as _;

use infra::books::{self, Finding};
use infra::{market, migrate};
use serde_json::json;

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Audit, Cli};

/// Audit, print what was found, and fail if something is broken.
pub async fn run(cli: Cli, what: Audit) -> Result<(), Trouble> {
    let Audit::Verify { contract, json } = what;
    let ground = Ground::find(&cli.common).await?;
    migrate::reach(ground.owner_url()).await?;
    let db = market::connect(ground.owner_url(), 1).await.map_err(anyhow::Error::from)?;
    migrate::check(&db).await?;
    let found = books::audit(&db, contract).await.map_err(anyhow::Error::from)?;
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
