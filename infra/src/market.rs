//! The running marketplace: the database, the clock, and what else a use case needs at hand.

use std::sync::Arc;

use domain::papers::Operator;
use domain::passkey::party::RelyingParty;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use crate::bench::Bench;
use crate::clock::Clock;
use crate::fx::FxRates;
use crate::group_commit::GroupCommit;
use crate::herald::Herald;
use crate::idempotency::Keeping;
use crate::mail::Mail;
use crate::matching::{Impressions, Shelves};
use crate::outbox::Bus;
use crate::password::{Hardness, Passwords};
use crate::payments::Payments;
use crate::rails::Rails;
use crate::screening::Screening;
use crate::token::{Keys, Tokens};
use crate::vault::Vault;
use crate::webhook_endpoint::Hooks;
use crate::worker::Pulse;
use crate::{Fault, words};

/// Every use case is a method of this, spread over the rooms' files.
#[derive(Debug, Clone)]
pub struct Market {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: DatabaseConnection,
    clock: Clock,
    bus: Bus,
    group_commit: GroupCommit,
    herald: Herald,
    tokens: Tokens,
    passwords: Passwords,
    vault: Vault,
    mail: Mail,
    payments: Payments,
    fx: FxRates,
    rails: Rails,
    screening: Screening,
    operator: Operator,
    relying_party: RelyingParty,
    hooks: Hooks,
    shelves: Shelves,
    impressions: Impressions,
    keeping: Keeping,
    searches: Bench,
    pulse: Pulse,
}

/// What a market works with besides its database and its clock.
#[derive(Debug, Clone)]
pub struct Equipment {
    /// The keys that sign access tokens and links.
    pub keys: Keys,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Encrypts account numbers.
    pub vault: Vault,
    /// Where letters go.
    pub mail: Mail,
    /// Who takes the clients' payments.
    pub payments: Payments,
    /// Who quotes rates.
    pub fx: FxRates,
    /// Who carries money to banks.
    pub rails: Rails,
    /// Whom nobody is paid under the name of.
    pub screening: Screening,
    /// Who runs the marketplace, for papers.
    pub operator: Operator,
    /// Whom passkeys are made for.
    pub relying_party: RelyingParty,
    /// Sends webhooks.
    pub hooks: Hooks,
}

impl Equipment {
    /// For tests and throw-away databases: keys nobody has seen, and passwords that are quick to hash.
    pub fn throwaway() -> Result<Self, Fault> {
        Ok(Self {
            keys: Keys::fresh()?,
            passwords: Passwords::new(Hardness::Light, 2),
            vault: Vault::fresh()?,
            mail: Mail::kept(),
            payments: Payments::default(),
            fx: FxRates::default(),
            rails: Rails::default(),
            screening: Screening::default(),
            operator: Operator::default(),
            relying_party: RelyingParty::default(),
            hooks: Hooks::nowhere(),
        })
    }
}

impl Market {
    /// A market on a database whose schema is up to date.
    pub fn new(db: DatabaseConnection, clock: Clock, equipment: Equipment) -> Self {
        let Equipment { keys, passwords, vault, mail, payments, fx, rails, screening, operator, relying_party, hooks } =
            equipment;
        let tokens = Tokens::new(keys);
        let (bus, herald) = (Bus::default(), Herald::default());
        let group_commit = GroupCommit::of(&db);
        let (shelves, impressions) = (Shelves::default(), Impressions::default());
        let inner = Inner {
            db,
            clock,
            bus,
            group_commit,
            herald,
            tokens,
            passwords,
            vault,
            mail,
            payments,
            fx,
            rails,
            screening,
            operator,
            relying_party,
            hooks,
            shelves,
            impressions,
            keeping: Keeping::default(),
            searches: words::bench(),
            pulse: Pulse::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The database, for reads outside a transaction.
    pub fn db(&self) -> &DatabaseConnection {
        &self.inner.db
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The keys that sign access tokens.
    pub fn keys(&self) -> &Keys {
        self.inner.tokens.keys()
    }

    pub(crate) fn group_commit(&self) -> &GroupCommit {
        &self.inner.group_commit
    }

    pub(crate) fn herald(&self) -> &Herald {
        &self.inner.herald
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// Keeps secrets, and recognizes them.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    /// Who quotes rates.
    pub fn fx(&self) -> &FxRates {
        &self.inner.fx
    }

    /// Who carries money to banks.
    pub fn rails(&self) -> &Rails {
        &self.inner.rails
    }

    /// Whom nobody is paid under the name of.
    pub fn screening(&self) -> &Screening {
        &self.inner.screening
    }

    /// Who runs the marketplace.
    pub fn operator(&self) -> &Operator {
        &self.inner.operator
    }

    /// Whom passkeys are made for.
    pub fn relying_party(&self) -> &RelyingParty {
        &self.inner.relying_party
    }

    /// Sends webhooks.
    pub(crate) fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    /// Where letters go.
    pub fn mail(&self) -> &Mail {
        &self.inner.mail
    }

    /// Who takes the clients' payments.
    pub fn payments(&self) -> &Payments {
        &self.inner.payments
    }

    /// Where searches for words take their turn.
    pub(crate) fn searches(&self) -> &Bench {
        &self.inner.searches
    }

    /// What was kept for whom of answers lately.
    pub(crate) fn keeping(&self) -> &Keeping {
        &self.inner.keeping
    }

    /// Who and what may be matched, in memory, once it is there.
    pub(crate) fn shelves(&self) -> &Shelves {
        &self.inner.shelves
    }

    /// What was shown and waits to be written down.
    pub(crate) fn impressions(&self) -> &Impressions {
        &self.inner.impressions
    }

    /// How the worker of this process is.
    pub fn pulse(&self) -> &Pulse {
        &self.inner.pulse
    }

    /// Where what happens can be listened to.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }
}

/// A connection that has rested for this long may have lost its server, and is tried before it is used.
const RESTED: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a connection that is free is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Connect to PostgreSQL with the settings all of Rabta uses. A standby is none to connect to: who reached one while
/// another server took over would stay with it, and all that is written would fail.
pub async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    connect_with_patience(url, connections, PATIENCE).await
}

/// The same, where a connection that is free is waited for as long as this.
///
/// # Errors
/// [`DbErr::Conn`] if nobody answers there, or only a standby.
pub async fn connect_with_patience(
    url: &str,
    connections: u32,
    patience: std::time::Duration,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = options(url, connections, patience);
    options.map_sqlx_postgres_pool_opts(|options| {
        options.after_connect(|connection, _| {
            Box::pin(async move {
                let standby: bool = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(connection).await?;
                if standby {
                    return Err(sqlx::Error::Protocol("this PostgreSQL is a standby of another".to_owned()));
                }
                Ok(())
            })
        })
    });
    Database::connect(options).await
}

/// The same to look only, for which a standby will do.
pub async fn connect_to_look(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    Database::connect(options(url, connections, PATIENCE)).await
}

fn options(url: &str, connections: u32, patience: std::time::Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .sqlx_logging(false)
        .test_before_acquire_if_idle_for(RESTED)
        .acquire_timeout(patience)
        .map_sqlx_postgres_opts(|options| {
            options.application_name("rabta").statement_cache_capacity(500).options([
                ("statement_timeout", "15s"),
                ("idle_in_transaction_session_timeout", "30s"),
                ("timezone", "UTC"),
            ])
        });
    options
}
