//! What every command stands on: a database at the right schema, and the market on it.

use anyhow::Context;
use infra::clock::Clock;
use infra::embedded::{self, Embedded, Purpose};
use infra::market::Equipment;
use infra::{Market, market, migrate, sandbox};
use secrecy::ExposeSecret;

use super::Trouble;
use super::equipment::{equipment, takes_payments_by_stripe};
use crate::config::{Cli, Common, secret};

/// The name of the database on a private server.
const DATABASE: &str = "rabta";

/// A database, and the private server under it, if it is one.
#[derive(Debug)]
pub struct Ground {
    /// Where the marketplace runs.
    pub url: String,
    /// Where its owner migrates, if that is another role's address.
    owner: Option<String>,
    server: Option<Embedded>,
}

impl Ground {
    /// The database that was named, or a private one.
    pub async fn find(common: &Common) -> Result<Self, Trouble> {
        let unreadable = |(file, error): (std::path::PathBuf, std::io::Error)| {
            Trouble::fixable(format!("{}: {error}", file.display()), "correct DATABASE_URL_FILE, or unset it")
        };
        let named = match &common.database_url {
            Some(url) if !url.trim().is_empty() => Some(url.trim().to_owned()),
            Some(_) | None => secret("DATABASE_URL").map_err(unreadable)?.map(|url| url.expose_secret().to_owned()),
        };
        if let Some(url) = named {
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                return Err(Trouble::fixable(
                    "DATABASE_URL is not the address of a PostgreSQL database",
                    "write it like postgres://user:password@host:5432/rabta, or unset it for a private PostgreSQL",
                ));
            }
            let unreadable = |(file, error): (std::path::PathBuf, std::io::Error)| {
                Trouble::fixable(format!("{}: {error}", file.display()), "correct DATABASE_OWNER_URL_FILE, or unset it")
            };
            let owner = secret("DATABASE_OWNER_URL").map_err(unreadable)?;
            return Ok(Self { url, owner: owner.map(|url| url.expose_secret().trim().to_owned()), server: None });
        }
        if common.production {
            return Err(Trouble::fixable(
                "in production the database is not a private one of this program",
                "set DATABASE_URL (or DATABASE_URL_FILE), or leave --production out",
            ));
        }
        let folder = common.data_dir.clone().or_else(embedded::default_folder).ok_or_else(|| {
            Trouble::fixable("there is no HOME to keep data in", "choose a folder with --data-dir (RABTA_DATA_DIR)")
        })?;
        tracing::debug!(folder = %folder.display(), "starting a private PostgreSQL");
        let server = Embedded::start(&folder, Purpose::Data, common.pg_bin.as_deref()).await?;
        tracing::info!(folder = %server.folder().display(), version = server.major(), "private PostgreSQL is up");
        server.ensure_database(DATABASE).await?;
        let ground = Self::within(&server, DATABASE);
        Ok(Self { server: Some(server), ..ground })
    }

    /// A database of a private server that somebody else looks after.
    pub fn within(server: &Embedded, database: &str) -> Self {
        let (url, owner) = (server.url_as(migrate::APP_ROLE, database), server.url(database));
        Self { url, owner: Some(owner), server: None }
    }

    /// Where migrations run.
    pub fn owner_url(&self) -> &str {
        self.owner.as_deref().unwrap_or(&self.url)
    }

    /// Apply what is missing, and give the role that runs the marketplace its rights; the names of
    /// what was applied.
    pub async fn migrate(&self) -> Result<Vec<String>, Trouble> {
        let applied = migrate::up(self.owner_url()).await?;
        if let (Some(owner), Some(role)) = (&self.owner, migrate::role_of(&self.url)) {
            migrate::grant(owner, &role).await?;
        }
        Ok(applied)
    }

    /// Bring the database to our schema, or see that it is there, once all settings are known to be right: a migration
    /// has no way back.
    pub async fn market(&self, cli: &Cli) -> Result<Market, Trouble> {
        self.reach().await?;
        self.market_with(cli, equipment(cli)?).await
    }

    /// See that there is a database.
    pub async fn reach(&self) -> Result<(), Trouble> {
        Ok(migrate::reach(self.owner_url()).await?)
    }

    /// The same, with what was gathered from the settings already.
    pub async fn market_with(&self, cli: &Cli, equipment: Equipment) -> Result<Market, Trouble> {
        let common = &cli.common;
        if common.no_migrate {
            // The role that runs the marketplace comes with the schema, so the owner looks first.
            migrate::reach(self.owner_url()).await?;
            if self.owner.is_some() {
                let owner = market::connect(self.owner_url(), 1).await.context("connecting to the database")?;
                migrate::check(&owner).await?;
            }
        } else {
            let applied = self.migrate().await?;
            if !applied.is_empty() {
                tracing::info!(migrations = applied.len(), "the database was migrated");
            }
        }
        let db = market::connect(&self.url, common.db_connections).await.context("connecting to the database")?;
        migrate::check(&db).await?;
        if migrate::owns_the_books(&db).await? {
            tracing::warn!(
                "the database role of the server owns its tables, so it could switch off what guards the books: \
                 give it a role of its own, and the owner's address as DATABASE_OWNER_URL to `rabta migrate up`"
            );
        }
        if common.production && migrate::is_open_on_the_way(&self.url) {
            tracing::warn!(
                "whoever is on the way to the database can read along, or answer in its place: unless that is a network \
                 of yours alone, end DATABASE_URL with ?sslmode=verify-full&sslrootcert=FILE"
            );
        }
        // Only a sandbox's clock can be moved: Stripe would not come along.
        let clock = if common.production || takes_payments_by_stripe() {
            Clock::System
        } else {
            sandbox::clock(&db).await.context("reading the sandbox clock")?
        };
        Ok(Market::new(db, clock, equipment))
    }

    /// Is the database our own?
    pub fn private(&self) -> Option<&Embedded> {
        self.server.as_ref()
    }

    /// Let go of the database, and end a private server cleanly.
    pub async fn leave(self, market: Option<Market>) -> Result<(), Trouble> {
        if let Some(market) = market {
            let _ = market.db().clone().close().await;
        }
        match self.server {
            Some(server) => Ok(server.stop().await?),
            None => Ok(()),
        }
    }
}
