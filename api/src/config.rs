//! Every setting, with its environment variable and its default. `rabta --help` prints this file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::http::TrustedDocuments;
use axum::http::HeaderValue;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::id::ContractId;
use secrecy::SecretString;

/// Rabta, the backend of a marketplace for freelancers and clients.
#[derive(Debug, Parser)]
#[command(name = "rabta", version, after_help = SECRETS, max_term_width = 110)]
pub struct Cli {
    /// What to do. Without it: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of every command.
    #[command(flatten)]
    pub common: Common,
    /// Settings of the server.
    #[command(flatten)]
    pub serve: Serve,
}

const SECRETS: &str = "\
Secrets are not taken as arguments, which others on the machine can read:
  RABTA_SIGNING_KEYS      the keys that sign access tokens: 32 random bytes each, base64url, separated by commas;
                          the first signs, all are accepted. Or RABTA_SIGNING_KEYS_FILE, a file with the same.
                          [development: made once and kept in the data folder]
  RABTA_VAULT_KEY         the keys that account and identity numbers are encrypted with: 32 bytes each, base64url,
                          separated by commas; the first encrypts, all decrypt (to rotate, add the new one as the second
                          on all nodes, make it the first on all, and run `rabta vault reseal`). Or RABTA_VAULT_KEY_FILE.
                          [development: made once and kept in the data folder]
  RABTA_SMTP_URL          the mail server, like smtps://user:password@host or smtp://user:password@host:587?tls=required. Or
                          RABTA_SMTP_URL_FILE. smtp://host:1025 is not encrypted; in production it is refused but for this machine.
                          [default: letters are written into the folder mail of the data folder]
  STRIPE_SECRET_KEY       Stripe's key, sk_… or rk_…. Or STRIPE_SECRET_KEY_FILE. [default: a sandbox takes payments; in production:
                          refused, unless --sandbox-money says so]
  STRIPE_WEBHOOK_SECRETS  what Stripe signs its webhooks with, whsec_…; during a change both, separated by a comma. Or
                          STRIPE_WEBHOOK_SECRETS_FILE.
  DATABASE_URL_FILE       a file with the DATABASE_URL.
  DATABASE_OWNER_URL      the address of the role that owns the tables, for migrations; the role of DATABASE_URL is then
                          given only what the marketplace needs. Or DATABASE_OWNER_URL_FILE.

With nothing set, rabta finds or fetches PostgreSQL, keeps its data in the data folder, and serves on 127.0.0.1:8080.";

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API (the default).
    Serve,
    /// Do background work only: timers, and what follows from events. Any number may run.
    Work,
    /// Look after the database's schema.
    Migrate {
        /// What to do with it.
        #[command(subcommand)]
        what: Migrate,
    },
    /// Say who of those who signed up are our people: mediators and admins.
    Staff {
        /// What to do.
        #[command(subcommand)]
        what: Staff,
    },
    /// Look after the books.
    Audit {
        /// What to do with them.
        #[command(subcommand)]
        what: Audit,
    },
    /// Compare what the processor moved with the books, line by line. Exit code 1 if something differs. Proposes entries, and
    /// posts none.
    Reconcile(Reconcile),
    /// Look after what is kept encrypted.
    Vault {
        /// What to do.
        #[command(subcommand)]
        what: Vault,
    },
    /// What the processor of payments told, and what became of it.
    Webhooks {
        /// What to do.
        #[command(subcommand)]
        what: Webhooks,
    },
    /// What happened and could not be told: letters, notices, calls to the processor.
    Events {
        /// What to do.
        #[command(subcommand)]
        what: Events,
    },
    /// Ways to pay out that the processor wants to approve first.
    Rails {
        /// What to do.
        #[command(subcommand)]
        what: Rails,
    },
    /// Rank documents for queries from files, to measure matching on judged data.
    Rank(crate::command::rank::Files),
    /// Look after what ranks matches: learn from what was chosen, and switch between versions.
    Model {
        /// What to do.
        #[command(subcommand)]
        what: crate::command::model::What,
    },
    /// Play a market in memory, and print what ways of ranking do to it: Rabta's own, and simpler ones.
    Simulate(crate::command::simulate::Markets),
    /// Play the whole journey over the API as two people would, and check every step.
    Demo {
        /// A running sandbox, like http://127.0.0.1:8080. [default: one of its own, on a throw-away database]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Print the GraphQL schema.
    Schema,
}

/// What to do with the schema.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Migrate {
    /// Apply what is missing.
    Up,
    /// List the migrations, and which of them the database has had.
    Status,
}

/// What to do about our people. It is written to the audit log, and takes effect with the next
/// request of whoever it is about.
#[derive(Debug, Clone, Subcommand)]
pub enum Staff {
    /// Make somebody a mediator or an admin.
    Grant {
        /// The email they signed up with.
        #[arg(value_name = "EMAIL")]
        email: String,
        /// What they do for the platform.
        #[arg(value_name = "ROLE")]
        role: StaffRole,
    },
    /// Make somebody no longer one of our people.
    Revoke {
        /// The email they signed up with.
        #[arg(value_name = "EMAIL")]
        email: String,
    },
    /// List our people.
    List,
}

/// What somebody does for the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StaffRole {
    /// Recommends and awards in disputes.
    Mediator,
    /// Moderates, and watches the books.
    Admin,
}

/// What to do with the books.
#[derive(Debug, Clone, Subcommand)]
pub enum Audit {
    /// Print how far the books have come: of each statement a line with its contract, its entries and the seal of the
    /// last, and one of what is in no statement. Keep it where nobody who looks after the database can change it, for
    /// `rabta audit verify --heads`.
    Heads,
    /// Recompute from the rows all that must be true: seals, numbers, balances, the parts of every milestone. Exit
    /// code 1 if something is broken.
    Verify {
        /// Only this contract, like con_01k….
        #[arg(long, value_name = "ID")]
        contract: Option<ContractId>,
        /// A file of what `rabta audit heads` once printed, or of signatures of statements' heads as the API answers them,
        /// a line each: statements must go on from there. Signatures are checked with the keys of RABTA_SIGNING_KEYS.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with what is kept encrypted.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Vault {
    /// Encrypt anew, with the first key of RABTA_VAULT_KEY, what is encrypted with another. After it the others can go.
    Reseal,
}

/// What to compare with the processor's account, and where to write what was found.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// From this instant on, like 2026-06-01T00:00:00Z. [default: 31 days before --until]
    #[arg(long, value_name = "TIME")]
    pub from: Option<domain::Timestamp>,
    /// Before this one. [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<domain::Timestamp>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Write the report into this folder as well, as JSON and as a table.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// What to do with what the processor told.
#[derive(Debug, Clone, Subcommand)]
pub enum Webhooks {
    /// List what was told and is not done with.
    List,
    /// Have it acted on again by the worker. What follows from an event follows once, so it does no harm.
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Replay {
        /// This one, like evt_1….
        #[arg(value_name = "EVENT", group = "which")]
        event: Option<String>,
        /// All that are parked.
        #[arg(long, group = "which")]
        parked: bool,
        /// All that came since a time, like 2026-06-01T08:00:00Z.
        #[arg(long, value_name = "TIME", group = "which")]
        since: Option<domain::Timestamp>,
    },
}

/// What to do with events whose delivery failed for good.
#[derive(Debug, Clone, Subcommand)]
pub enum Events {
    /// List them, and why.
    List,
    /// Have them delivered again by the worker. What follows from an event follows once, so it does no harm.
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Replay {
        /// This one, as it is listed.
        #[arg(value_name = "EVENT", group = "which")]
        event: Option<domain::id::EventId>,
        /// All that are parked.
        #[arg(long, group = "which")]
        parked: bool,
    },
}

/// What to do with rails.
#[derive(Debug, Clone, Subcommand)]
pub enum Rails {
    /// List those that are closed, since when, and what the processor said.
    List,
    /// Open one again, once the processor has approved it: payouts try it from then on.
    Open {
        /// Which.
        rail: ProcessorRail,
    },
}

/// A rail of the processor's.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ProcessorRail {
    /// Global Payouts.
    GlobalPayouts,
    /// Transfers to a freelancer's own account there.
    RecipientAccount,
}

impl From<ProcessorRail> for domain::payout::Rail {
    fn from(rail: ProcessorRail) -> Self {
        match rail {
            ProcessorRail::GlobalPayouts => Self::GlobalPayouts,
            ProcessorRail::RecipientAccount => Self::RecipientAccount,
        }
    }
}

/// Settings of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings of every command")]
pub struct Common {
    /// The database, like postgres://user:password@host:5432/rabta. [default: a private PostgreSQL]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    pub database_url: Option<String>,
    /// Where the private PostgreSQL and development keys are kept. [default: /var/lib/rabta for root, else
    /// ~/.local/share/rabta]
    #[arg(long, env = "RABTA_DATA_DIR", value_name = "FOLDER", global = true)]
    pub data_dir: Option<PathBuf>,
    /// The folder of the private PostgreSQL's programs, initdb and postgres. [default: looked for, else fetched]
    #[arg(long, env = "RABTA_PG_BIN", value_name = "FOLDER", global = true)]
    pub pg_bin: Option<PathBuf>,
    /// Connections to the database, at most.
    #[arg(
        long, env = "RABTA_DB_CONNECTIONS", value_name = "N", default_value_t = 16, global = true,
        value_parser = clap::value_parser!(u32).range(4..=1000)
    )]
    pub db_connections: u32,
    /// Do not migrate at the start; refuse a database with an older schema.
    #[arg(long, env = "RABTA_NO_MIGRATE", value_parser = FalseyValueParser::new(), global = true)]
    pub no_migrate: bool,
    /// Load no demo data. Otherwise a private database without people gets some to look around among.
    #[arg(long, env = "RABTA_NO_DEMO_DATA", value_parser = FalseyValueParser::new(), global = true)]
    pub no_demo_data: bool,
    /// Refuse everything that is only fit for development: a private PostgreSQL, keys made up at the start.
    #[arg(long, env = "RABTA_PRODUCTION", value_parser = FalseyValueParser::new(), global = true)]
    pub production: bool,
    /// Take no money, also in production: payments are the sandbox's, and so are payouts, never the bank's. For a stack
    /// that only looks like production.
    #[arg(long, env = "RABTA_SANDBOX_MONEY", value_parser = FalseyValueParser::new(), global = true)]
    pub sandbox_money: bool,
    /// The legal name of who runs this marketplace: the remitter of payouts, on papers. [default: that of a sandbox]
    #[arg(long, env = "RABTA_OPERATOR_NAME", value_name = "NAME", global = true)]
    pub operator_name: Option<String>,
    /// Their address, in one line.
    #[arg(long, env = "RABTA_OPERATOR_ADDRESS", value_name = "ADDRESS", global = true)]
    pub operator_address: Option<String>,
    /// Their registration or tax number.
    #[arg(long, env = "RABTA_OPERATOR_REGISTRATION", value_name = "NUMBER", global = true)]
    pub operator_registration: Option<String>,
    /// A file with what a dollar is in rupees: {"rate": "278.45", "provider": "…", "quoted_at": "…", "expires_at": "…"}.
    /// It is read anew for each payout. [default: a fixed rate; in production: payouts go without a quote]
    #[arg(long, env = "RABTA_FX_FILE", value_name = "FILE", global = true)]
    pub fx_file: Option<PathBuf>,
    /// A file with the names that nobody may be paid under or pay under, one a line (lines that begin with # are
    /// comments), and the countries that nobody may be paid in (`country: KP`): what the sanctions lists that bind you
    /// forbid, such as OFAC's. It is read anew for each payout and each wire file, before clients pay in and freelancers
    /// begin, and for all of them once a day and when it is another one. [default: one made-up name; in production
    /// there must be a file]
    #[arg(long, env = "RABTA_SCREENING_FILE", value_name = "FILE", global = true)]
    pub screening_file: Option<PathBuf>,
    /// The domain that passkeys are made for; those of another sign nobody in. [default: the host of the first web
    /// origin that is set here or with --origins, else localhost]
    #[arg(long, env = "RABTA_PASSKEY_DOMAIN", value_name = "DOMAIN", global = true)]
    pub passkey_domain: Option<String>,
    /// Web origins of that domain whose pages may ask for passkeys, separated by commas; an Android app's is
    /// android:apk-key-hash:…. [default: those of --origins under the domain, and http://localhost with the server's
    /// port if that is the domain]
    #[arg(long, env = "RABTA_PASSKEY_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', global = true)]
    pub passkey_origins: Vec<String>,
    /// Let webhooks of organizations go anywhere, to this machine, too, and without encryption. For development.
    #[arg(long, env = "RABTA_WEBHOOKS_ANYWHERE", value_parser = FalseyValueParser::new(), global = true)]
    pub webhooks_anywhere: bool,
    /// Whom letters are from. People are asked to answer some of them, so somebody should read there.
    #[arg(long, env = "RABTA_MAIL_FROM", value_name = "MAILBOX", default_value = infra::mail::FROM, global = true)]
    pub mail_from: String,
    /// Where Stripe is, for a double of it.
    #[arg(
        long, env = "STRIPE_API_BASE", value_name = "URL", default_value = infra::stripe::API_BASE, global = true
    )]
    pub stripe_api_base: String,
    /// The financial account at Stripe that Global Payouts are paid from, fa_…. [default: no Global Payouts]
    #[arg(long, env = "STRIPE_FINANCIAL_ACCOUNT", value_name = "ACCOUNT", global = true)]
    pub stripe_financial_account: Option<String>,
    /// Pay out by transfers to freelancers' own accounts at Stripe, which it has to approve first.
    #[arg(long, env = "STRIPE_RECIPIENT_ACCOUNTS", value_parser = FalseyValueParser::new(), global = true)]
    pub stripe_recipient_accounts: bool,
    /// What to log: a level, or levels by module like info,infra=debug.
    #[arg(
        long,
        env = "RABTA_LOG",
        value_name = "FILTER",
        default_value = "info,sqlx=warn,sea_orm_migration=warn",
        global = true
    )]
    pub log: String,
    /// How to write logs. [default: json in production, else text]
    #[arg(long, env = "RABTA_LOG_FORMAT", value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
    /// Where to send traces (OTLP over HTTP), like http://127.0.0.1:4318/v1/traces. [default: nowhere]
    #[cfg(feature = "otel")]
    #[arg(long, env = "RABTA_OTEL_ENDPOINT", value_name = "URL", global = true)]
    pub otel_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings of the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings of the server")]
pub struct Serve {
    /// The address to serve on.
    #[arg(long, env = "RABTA_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,
    /// Another address, for /metrics, of `rabta work` too. [default: the server's own; in production, and of `rabta
    /// work`: nowhere]
    #[arg(long, env = "RABTA_METRICS_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub metrics_listen: Option<SocketAddr>,
    /// Web origins whose pages may call the API, separated by commas. [default: only the server's own]
    #[arg(long, env = "RABTA_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', global = true)]
    pub origins: Vec<HeaderValue>,
    /// May clients ask for the schema, and is the explorer page served? [default: true; in production: false]
    #[arg(long, env = "RABTA_INTROSPECTION", value_name = "BOOL", global = true)]
    pub introspection: Option<bool>,
    /// A JSON file of documents by their names, as front ends write it when they are built: only these
    /// are answered. [default: any]
    #[arg(long, env = "RABTA_TRUSTED_DOCUMENTS", value_name = "FILE", value_parser = trusted_documents, global = true)]
    pub trusted_documents: Option<TrustedDocuments>,
    /// The largest request body, in bytes.
    #[arg(long, env = "RABTA_BODY_BYTES", value_name = "N", default_value_t = 262_144, global = true)]
    pub body_bytes: usize,
    /// How long a request's head may take to arrive, and how long an idle connection is kept, in seconds.
    #[arg(long, env = "RABTA_HEADER_SECONDS", value_name = "N", default_value_t = 15, global = true, value_parser = seconds())]
    pub header_seconds: u64,
    /// How long a request's body may take to arrive, in seconds.
    #[arg(long, env = "RABTA_BODY_SECONDS", value_name = "N", default_value_t = 10, global = true, value_parser = seconds())]
    pub body_seconds: u64,
    /// How long a client may take nothing of an answer that is ready for it, in seconds.
    #[arg(long, env = "RABTA_WRITE_SECONDS", value_name = "N", default_value_t = 20, global = true, value_parser = seconds())]
    pub write_seconds: u64,
    /// When so many bytes of answers wait to be taken by their clients, nothing more is begun.
    #[arg(long, env = "RABTA_UNTAKEN_BYTES", value_name = "N", default_value_t = 33_554_432, global = true)]
    pub untaken_bytes: usize,
    /// The same, for the clients at one address.
    #[arg(long, env = "RABTA_UNTAKEN_BYTES_BY_ADDRESS", value_name = "N", default_value_t = 8_388_608, global = true)]
    pub untaken_bytes_by_address: usize,
    /// How long a socket's client may take to say hello (connection_init), in seconds.
    #[arg(long, env = "RABTA_INIT_SECONDS", value_name = "N", default_value_t = 10, global = true, value_parser = seconds())]
    pub init_seconds: u64,
    /// How long an operation may run, in seconds.
    #[arg(long, env = "RABTA_OPERATION_SECONDS", value_name = "N", default_value_t = 30, global = true)]
    pub operation_seconds: u64,
    /// How many proxies in front of the server are believed about the address of a client. Limits are counted by that
    /// address, so in production it has to be said. [default: 0; in production: none]
    #[arg(long, env = "RABTA_TRUSTED_PROXIES", value_name = "N", global = true)]
    pub trusted_proxies: Option<usize>,
    /// Connections from clients held at once, at most.
    #[arg(long, env = "RABTA_CONNECTIONS", value_name = "N", default_value_t = 10_000, global = true)]
    pub connections: usize,
    /// Connections from one address held at once, at most.
    #[arg(long, env = "RABTA_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 256, global = true)]
    pub connections_per_address: usize,
    /// How long running requests may go on after the server was asked to stop, in seconds.
    #[arg(long, env = "RABTA_GRACE_SECONDS", value_name = "N", default_value_t = 20, global = true)]
    pub grace_seconds: u64,
    /// How long the server goes on taking requests after it was asked to stop, while /readyz says that it is not ready,
    /// in seconds: as long as balancers may take to look. [default: 0; in production: 10]
    #[arg(
        long, env = "RABTA_DRAIN_SECONDS", value_name = "N", global = true,
        value_parser = clap::value_parser!(u64).range(..=3600)
    )]
    pub drain_seconds: Option<u64>,
    /// Leave background work to others (rabta work).
    #[arg(long, env = "RABTA_NO_WORKER", value_parser = FalseyValueParser::new(), global = true)]
    pub no_worker: bool,
}

impl Common {
    /// How to write logs.
    pub fn log_format(&self) -> LogFormat {
        self.log_format.unwrap_or(if self.production { LogFormat::Json } else { LogFormat::Text })
    }
}

impl Serve {
    /// May clients ask for the schema?
    pub fn introspection(&self, production: bool) -> bool {
        self.introspection.unwrap_or(!production)
    }

    /// How long requests are still taken after the wish to stop.
    pub fn draining(&self, production: bool) -> Duration {
        Duration::from_secs(self.drain_seconds.unwrap_or(if production { 10 } else { 0 }))
    }

    /// What the surface is told.
    pub fn settings(&self, production: bool) -> api::http::Settings {
        let introspection = self.introspection(production);
        api::http::Settings {
            introspection,
            // The page is of no use to those who can't ask for the schema.
            explorer: introspection,
            origins: self.origins.clone(),
            trusted_documents: self.trusted_documents.clone(),
            body_bytes: self.body_bytes,
            body_timeout: Duration::from_secs(self.body_seconds),
            untaken_bytes: self.untaken_bytes,
            untaken_bytes_by_address: self.untaken_bytes_by_address,
            operation_timeout: Duration::from_secs(self.operation_seconds),
            trusted_proxies: self.trusted_proxies.unwrap_or(0),
            sockets: api::http::SocketSettings {
                init_timeout: Duration::from_secs(self.init_seconds),
                ..api::http::SocketSettings::default()
            },
            ..api::http::Settings::default()
        }
    }

    /// What the server under the surface is told.
    pub fn server_settings(&self) -> api::http::ServerSettings {
        api::http::ServerSettings {
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            trusted_proxies: self.trusted_proxies.unwrap_or(0),
            header_timeout: Duration::from_secs(self.header_seconds),
            write_timeout: Duration::from_secs(self.write_seconds),
            grace: Duration::from_secs(self.grace_seconds),
            ..api::http::ServerSettings::default()
        }
    }
}

/// Seconds to wait: some, and no more than an hour.
fn seconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=3600)
}

/// Read a list of trusted documents.
fn trusted_documents(file: &str) -> std::io::Result<TrustedDocuments> {
    TrustedDocuments::from_file(Path::new(file))
}

/// A secret from the environment, or from the file that `NAME_FILE` names. Empty counts as absent.
///
/// # Errors
/// What the system says about a file that can't be read, with its name.
pub fn secret(name: &str) -> Result<Option<SecretString>, (PathBuf, std::io::Error)> {
    let text = match std::env::var_os(format!("{name}_FILE")).map(PathBuf::from) {
        Some(file) => Some(std::fs::read_to_string(&file).map_err(|error| (file, error))?),
        None => std::env::var(name).ok(),
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).map(SecretString::from))
}
