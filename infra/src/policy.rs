//! Policy versions: fees and time limits by date.

use domain::Timestamp;
use domain::policy::PolicyVersion;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::market::Market;
use crate::{Failure, Fault, Tx};

#[derive(FromQueryResult)]
struct Row {
    number: i32,
    effective_from: Timestamp,
    note: String,
    terms: serde_json::Value,
}

impl Market {
    /// The policy in force now: what a contract made now is made under.
    pub async fn policy_in_force(&self) -> Result<PolicyVersion, Failure> {
        in_force(self.db(), self.clock().now()).await
    }
}

impl Tx {
    /// The policy in force at the time of this transaction.
    pub async fn policy_in_force(&self) -> Result<PolicyVersion, Failure> {
        in_force(self.conn(), self.now()).await
    }
}

async fn in_force(conn: &impl ConnectionTrait, now: Timestamp) -> Result<PolicyVersion, Failure> {
    let row = Row::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select number, effective_from, note, terms from policy_versions
         where effective_from <= $1 order by effective_from desc, number desc limit 1",
        [now.into()],
    ))
    .one(conn)
    .await?
    .ok_or_else(|| Fault::bad_row("policy_versions", "no policy is in force"))?;
    let Row { number, effective_from, note, terms } = row;
    Ok(PolicyVersion { number, effective_from, note, terms: serde_json::from_value(terms)? })
}
