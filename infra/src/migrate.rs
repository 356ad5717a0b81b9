//! Bringing a database to the schema this program was built for, and refusing one that is not.
//!
//! Any number of servers may start at once: migrations run under a lock, on the one connection that
//! holds it.

use std::net::IpAddr;
use std::time::Duration;

use migrations::{ALL, Migrator};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, FromQueryResult};
use sea_orm_migration::MigratorTrait;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};

use crate::embedded::quoted;
use crate::failure::sqlstate;
use crate::sql::sql;

/// "rabta", as a number.
const LOCK: i64 = 0x72_61_62_74_61;

/// One migration and whether a database has had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, like `0001_foundation`.
    pub name: String,
    /// Has the database had it?
    pub applied: bool,
}

/// Apply what is missing; the names of what was applied.
///
/// # Errors
/// Every [`SchemaError`] but [`SchemaError::Older`].
pub async fn up(url: &str) -> Result<Vec<String>, SchemaError> {
    let db = pinned(url).await?;
    // Most starts find nothing to do, and need not queue up for it.
    let applied = match check(&db).await {
        Err(SchemaError::Older { .. }) => up_under_lock(&db).await,
        found => found.map(|()| Vec::new()),
    };
    // Closing ends the session, and with it the lock, whatever happened.
    let _ = db.close().await;
    applied
}

async fn up_under_lock(db: &DatabaseConnection) -> Result<Vec<String>, SchemaError> {
    db.execute_unprepared(&format!("SELECT pg_advisory_lock({LOCK})")).await.map_err(SchemaError::Failed)?;
    let before = status(db).await?;
    refuse_newer(&before)?;
    Migrator::up(db, None).await.map_err(SchemaError::Failed)?;
    Ok(before.into_iter().filter(|step| !step.applied).map(|step| step.name).collect())
}

/// Every migration this program knows and every one the database has had, in order.
///
/// # Errors
/// [`SchemaError::Failed`].
pub async fn status(db: &DatabaseConnection) -> Result<Vec<Step>, SchemaError> {
    let had = applied(db).await.map_err(SchemaError::Failed)?;
    let mut steps: Vec<Step> = ALL
        .iter()
        .map(|known| Step { name: known.name.to_owned(), applied: had.iter().any(|had| had == known.name) })
        .collect();
    steps.extend(
        (had.into_iter().filter(|had| ALL.iter().all(|known| known.name != had)))
            .map(|name| Step { name, applied: true }),
    );
    Ok(steps)
}

/// Is the database exactly at this program's schema?
///
/// # Errors
/// [`SchemaError::Newer`] before [`SchemaError::Older`], or [`SchemaError::Failed`].
pub async fn check(db: &DatabaseConnection) -> Result<(), SchemaError> {
    let steps = status(db).await?;
    refuse_newer(&steps)?;
    let missing: Vec<String> = steps.into_iter().filter(|step| !step.applied).map(|step| step.name).collect();
    if missing.is_empty() { Ok(()) } else { Err(SchemaError::Older { missing }) }
}

fn refuse_newer(steps: &[Step]) -> Result<(), SchemaError> {
    let unknown: Vec<String> = (steps.iter().map(|step| &step.name))
        .filter(|name| ALL.iter().all(|known| known.name != name.as_str()))
        .cloned()
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(SchemaError::Newer { unknown }) }
}

async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        version: String,
    }
    let table = db.query_one_raw(sql("SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL", [])).await?;
    if table.is_none() {
        return Ok(Vec::new());
    }
    let rows = Row::find_by_statement(sql("SELECT version FROM seaql_migrations ORDER BY version", [])).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Try the address once. A pool would go on trying for a while, where somebody waits for an answer.
///
/// # Errors
/// [`SchemaError::Unreachable`].
pub async fn reach(url: &str) -> Result<(), SchemaError> {
    let connection = tokio::time::timeout(Duration::from_secs(10), PgConnection::connect(url)).await;
    match connection {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(error)) => Err(SchemaError::unreachable(&error)),
        Err(_) => Err(SchemaError::Unreachable { why: "no answer within 10 seconds".into(), code: None }),
    }
}

/// The role that runs the marketplace on a private server.
pub const APP_ROLE: &str = "rabta_app";

/// Give `role` what the marketplace needs, and take everything else from it. A role that is not
/// there is made, without a password. `url` is the owner's.
///
/// # Errors
/// [`SchemaError::Unreachable`], or [`SchemaError::Failed`] if `url` is not the owner's.
pub async fn grant(url: &str, role: &str) -> Result<(), SchemaError> {
    let db = pinned(url).await?;
    let granted = grant_under_lock(&db, role).await.map_err(SchemaError::Failed);
    let _ = db.close().await;
    granted
}

async fn grant_under_lock(db: &DatabaseConnection, role: &str) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    if db.query_one_raw(sql("SELECT 1 FROM pg_roles WHERE rolname = $1", [role.into()])).await?.is_none() {
        let made = db.execute_unprepared(&format!("CREATE ROLE {} LOGIN", quoted(role))).await;
        // Roles belong to the whole server, where somebody else may have been faster.
        if let Err(error) = made
            && !matches!(sqlstate(&error).as_deref(), Some("42710" | "23505"))
        {
            return Err(error);
        }
    }
    db.execute_raw(sql("SELECT grant_to_app($1::name)", [role.into()])).await?;
    Ok(())
}

/// The role that an address signs in with.
pub fn role_of(url: &str) -> Option<String> {
    url.parse::<PgConnectOptions>().ok().map(|options| options.get_username().to_owned())
}

/// Could others on the way to this database read along, or answer in its place? On the machine itself there is no way.
pub fn is_open_on_the_way(url: &str) -> bool {
    // What is no address is for whoever uses it to say.
    let Ok(options) = url.parse::<PgConnectOptions>() else { return false };
    let host = options.get_host().trim_matches(['[', ']']);
    let is_here = options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback());
    let is_checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    !is_here && !is_checked
}

/// Could this connection switch off the guards of the books, because the tables are its own?
///
/// # Errors
/// [`SchemaError::Failed`].
pub async fn owns_the_books(db: &DatabaseConnection) -> Result<bool, SchemaError> {
    let own = "SELECT 1 FROM pg_class WHERE oid = 'ledger_entries'::regclass AND pg_has_role(current_user, relowner, 'MEMBER')";
    Ok(db.query_one_raw(sql(own, [])).await.map_err(SchemaError::Failed)?.is_some())
}

/// A pool of one connection that is never replaced, so that it keeps the lock.
async fn pinned(url: &str) -> Result<DatabaseConnection, SchemaError> {
    reach(url).await?;
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .min_connections(1)
        .sqlx_logging(false)
        .connect_timeout(Duration::from_secs(10))
        .map_sqlx_postgres_opts(|options| options.application_name("rabta migrate"))
        .map_sqlx_postgres_pool_opts(|options| options.idle_timeout(None).max_lifetime(None));
    Database::connect(options).await.map_err(SchemaError::Failed)
}

/// Why a database can't be used as it is. [`SchemaError::remedy`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database lacks migrations that this program counts on.
    #[error("the database is older than this program: it lacks {}", missing.join(", "))]
    Older {
        /// What it lacks.
        missing: Vec<String>,
    },
    /// The database has had migrations that this program does not know.
    #[error("the database is newer than this program: it has had {}", unknown.join(", "))]
    Newer {
        /// What this program does not know.
        unknown: Vec<String>,
    },
    /// There is no connection.
    #[error("can't connect to the database: {why}")]
    Unreachable {
        /// What the other side or the network says.
        why: String,
        /// PostgreSQL's code for it, if it was PostgreSQL that said no.
        code: Option<String>,
    },
    /// The database refused.
    #[error("the migration failed and changed nothing: {0}")]
    Failed(DbErr),
}

impl SchemaError {
    fn unreachable(error: &sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(refusal) => {
                Self::Unreachable { why: refusal.message().to_owned(), code: refusal.code().map(Into::into) }
            }
            None => Self::Unreachable { why: error.to_string(), code: None },
        }
    }

    /// What to do next.
    pub fn remedy(&self) -> String {
        match self {
            Self::Older { .. } => "run `rabta migrate up`, or start without --no-migrate".into(),
            Self::Newer { .. } => {
                "run a newer rabta, or restore the backup that was made before the newer one migrated".into()
            }
            Self::Unreachable { code: Some(code), .. } => match code.as_str() {
                "28P01" | "28000" => "check the user and the password in DATABASE_URL".into(),
                "3D000" => "create that database, or correct its name at the end of DATABASE_URL".into(),
                "53300" => "the server is out of connections: lower --db-connections, or raise max_connections".into(),
                _ => "check DATABASE_URL: postgres://user:password@host:5432/database".into(),
            },
            Self::Unreachable { code: None, .. } => "check the host and the port in DATABASE_URL, and that PostgreSQL \
                runs there; unset DATABASE_URL to let rabta start a private one"
                .into(),
            Self::Failed(_) => "nothing was changed; the user in DATABASE_URL must own the database, or name its owner in DATABASE_OWNER_URL".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_to_the_database_that_others_can_read_along_is_known() {
        for (url, open) in [
            ("postgres://rabta:secret@db:5432/rabta", true),
            ("postgres://rabta@10.0.0.5/rabta?sslmode=require", true),
            ("postgres://rabta@db.example/rabta?sslmode=verify-full", false),
            ("postgres://rabta@db.example/rabta?sslmode=verify-ca", false),
            ("postgres://rabta@localhost/rabta", false),
            ("postgres://rabta@127.0.0.1:5433/rabta", false),
            ("postgres://rabta@[::1]/rabta", false),
            ("postgres://rabta@localhost/rabta?host=/run/postgresql", false),
            ("no address", false),
        ] {
            assert_eq!(is_open_on_the_way(url), open, "{url}");
        }
    }
}
