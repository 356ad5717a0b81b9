//! SQL by hand, always with parameters.

use domain::id::Id;
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

/// A statement with its values in place of `$1`, `$2`…
pub(crate) fn sql<const N: usize>(text: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}

/// Ids as one array, for `= any($1)`: one statement text serves any number of them.
pub(crate) fn ids<I: Id>(ids: &[I]) -> Value {
    ids.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>().into()
}
