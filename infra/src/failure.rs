//! Two ways not to succeed: the domain says no ([`Failure::Refused`]), or we fail
//! ([`Failure::Broken`]). The first is an answer; the second is logged once, at the edge, and the
//! caller learns only that it happened.

use domain::Timestamp;
use domain::access::Denied;
use domain::money::MoneyError;
use domain::refusal::Refusal;
use sea_orm::{DbErr, RuntimeErr};

/// Why a use case has no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The domain said no. Nothing was written.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// We failed. Nothing was written.
    #[error(transparent)]
    Broken(#[from] Fault),
}

/// What can break on our side.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database did not do as it was told.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// A row contradicts itself or the rules of the domain.
    #[error("row of {table} can't be read: {why}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A row is no longer what was decided about.
    #[error("a row of {table} was overtaken by another write")]
    Overtaken {
        /// The table.
        table: &'static str,
    },
    /// A value can't be written as JSON or read from it.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    /// A key can't be used, a password can't be hashed.
    #[error("cryptography: {0}")]
    Crypto(String),
    /// Files and sockets.
    #[error("input or output: {0}")]
    Io(#[from] std::io::Error),
    /// Another service did not answer, or not in a way that can be understood.
    #[error("{service}: {why}")]
    Service {
        /// Which.
        service: &'static str,
        /// What went wrong.
        why: String,
    },
    /// Too many wait for the same work already: to be tried again in a moment.
    #[error("too many wait for {work}")]
    Busy {
        /// For what.
        work: &'static str,
    },
    /// Another service is not there, or did not answer. To be tried again from an instant on; that it has
    /// to be is nobody's fault here.
    #[error("{service}: {why}")]
    Later {
        /// Which.
        service: &'static str,
        /// What went wrong.
        why: String,
        /// From when on.
        until: Timestamp,
    },
}

impl Fault {
    /// A row that contradicts itself.
    pub fn bad_row(table: &'static str, why: impl std::fmt::Display) -> Self {
        Self::BadRow { table, why: why.to_string() }
    }

    /// A letter that can't be sent, or a way to send it that is none.
    pub fn mail(why: &impl std::fmt::Display) -> Self {
        Self::Service { service: "mail", why: why.to_string() }
    }

    /// Two transactions got into each other's way, and this one may simply be tried again: the
    /// second time it sees what the other did, be it the answer to the same idempotency key.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Overtaken { .. } => true,
            // 40001 serialization_failure, 40P01 deadlock_detected.
            Self::Database(error) => {
                matches!(sqlstate(error).as_deref(), Some("40001" | "40P01"))
                    || constraint(error).as_deref() == Some("idempotency_pkey")
            }
            Self::BadRow { .. }
            | Self::Json(_)
            | Self::Crypto(_)
            | Self::Io(_)
            | Self::Service { .. }
            | Self::Busy { .. }
            | Self::Later { .. } => false,
        }
    }

    /// Too many want the same at once, be it a connection to the database: nothing was begun, and it may be tried again
    /// in a moment.
    pub fn is_crowding(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Database(DbErr::ConnectionAcquire(_)))
    }

    /// The name of the constraint that was violated, if that is what happened.
    pub fn constraint(&self) -> Option<String> {
        match self {
            Self::Database(error) => constraint(error),
            _ => None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl From<MoneyError> for Failure {
    fn from(error: MoneyError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<DbErr> for Failure {
    /// An entry that would take somebody's account below zero is refused, wherever it is written.
    fn from(error: DbErr) -> Self {
        Self::Broken(error.into()).when_violated("ledger_balances_never_negative", || {
            Refusal::rule("INSUFFICIENT_FUNDS", "there is not enough money in the account to move")
        })
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl Failure {
    /// Read the violation of the unique or check constraint `name` as a refusal.
    #[must_use]
    pub fn when_violated(self, name: &str, refusal: impl FnOnce() -> Refusal) -> Self {
        match self {
            Self::Broken(fault) if fault.constraint().as_deref() == Some(name) => Self::Refused(refusal()),
            other => other,
        }
    }
}

/// The five-character code PostgreSQL gave the error.
pub fn sqlstate(error: &DbErr) -> Option<String> {
    database_error(error)?.code().map(|code| code.into_owned())
}

fn constraint(error: &DbErr) -> Option<String> {
    database_error(error)?.constraint().map(str::to_owned)
}

fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnAcquireErr;

    use super::*;

    #[test]
    fn who_finds_no_connection_may_come_back_and_what_failed_in_one_is_a_fault() {
        let taken = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert!(Fault::from(taken).is_crowding());
        assert!(Fault::Busy { work: "passwords" }.is_crowding());
        assert!(!Fault::from(DbErr::Custom("it broke".to_owned())).is_crowding());
    }
}
