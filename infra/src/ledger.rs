//! The books in PostgreSQL. Posting is one call of the database's own function, which holds the
//! rules from the other side: balanced, append-only, never below zero where it is someone's money.

use domain::id::{EntryId, Id};
use domain::ledger::{JournalEntry, LedgerAccount};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::audit::actor_name;
use crate::{Failure, Fault, Tx};

#[derive(FromQueryResult)]
struct Balance {
    balance_minor: i64,
}

impl Tx {
    /// Post entries, all or none. An entry that would take a guarded account below zero is refused.
    pub(crate) async fn ledger_post(&self, entries: &[JournalEntry]) -> Result<(), Failure> {
        for entry in entries.iter().filter(|entry| !entry.postings().is_empty()) {
            let legs: Vec<serde_json::Value> = entry
                .postings()
                .iter()
                .map(|posting| {
                    serde_json::json!({
                        "from_account": posting.from.to_string(),
                        "to_account": posting.to.to_string(),
                        "currency": posting.amount.currency().code(),
                        "amount_minor": posting.amount.minor(),
                    })
                })
                .collect();
            let post = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "select ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                [
                    self.id::<EntryId>().uuid().into(),
                    entry.reason.as_str().into(),
                    entry.key.clone().into(),
                    entry.contract.map(Id::uuid).into(),
                    entry.milestone.map(Id::uuid).into(),
                    actor_name(self.actor()).into(),
                    self.trace().into(),
                    self.now().into(),
                    serde_json::Value::Array(legs).into(),
                ],
            );
            self.conn().execute_raw(post).await.map_err(|error| {
                Failure::from(error).when_violated("ledger_balances_never_negative", || {
                    Refusal::rule("INSUFFICIENT_FUNDS", "there is not enough money in the account to move")
                })
            })?;
        }
        Ok(())
    }

    /// What is in a guarded account.
    pub async fn balance(&self, account: LedgerAccount, currency: Currency) -> Result<Money, Failure> {
        let found = Balance::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select balance_minor from ledger_balances where account = $1 and currency = $2",
            [account.to_string().into(), currency.code().into()],
        ))
        .one(self.conn())
        .await?;
        let minor = found.map_or(0, |balance| balance.balance_minor);
        Money::new(minor, currency).map_err(|error| Fault::bad_row("ledger_balances", error).into())
    }
}
