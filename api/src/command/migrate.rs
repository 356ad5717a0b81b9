//! `rabta migrate`: the database's schema.

use infra::{market, migrate};

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Migrate};

/// Apply what is missing, or list what there is.
pub async fn run(cli: Cli, what: Migrate) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let text = match what {
        Migrate::Up => {
            let applied = ground.migrate().await?;
            match applied.len() {
                0 => "nothing to apply: the database is up to date\n".to_owned(),
                _ => applied.iter().map(|name| format!("applied {name}\n")).collect(),
            }
        }
        Migrate::Status => {
            migrate::reach(ground.owner_url()).await?;
            let db = market::connect_to_look(ground.owner_url(), 1).await.map_err(anyhow::Error::from)?;
            let steps = migrate::status(&db).await?;
            let _ = db.close().await;
            steps
                .iter()
                .map(|step| format!("{}  {}\n", if step.applied { "applied" } else { "missing" }, step.name))
                .collect()
        }
    };
    say(&text)?;
    ground.leave(None).await
}
