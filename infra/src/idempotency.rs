//! Writes that are safe to repeat: the same key with the same body gets the first answer for
//! thirty days; the same key with another body is refused.
//!
//! The row of a key is inserted in the transaction that acts on it, so two requests with one key
//! at the same time queue up behind the unique index, and the second finds the first's answer. A
//! refusal rolls the row back with everything else: nothing happened, and the key is still free.
//! The worker forgets answers that were kept long enough, and with them their keys.

use domain::refusal::{Refusal, is_unprintable};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use serde::Serialize;

use crate::market::Market;
use crate::vault::Vault;
use crate::{Failure, Fault, Tx};

/// How long an answer is kept.
pub const KEPT_FOR_DAYS: i64 = 30;

/// How often a key is asked for that is forgotten just as we look at its answer.
const LOOKS: usize = 3;

/// The longest key that is taken, in characters.
pub const KEY_LENGTH: usize = 128;

/// What makes a repeat of a request recognizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    caller: String,
    key: String,
    operation: String,
    body_hash: Vec<u8>,
}

impl Once {
    /// A request of `caller` for `operation` with `input`, under the caller's own `key`. All of the
    /// input counts, secrets too: what is kept of it is a hash under a key of the vault.
    pub fn new(
        vault: &Vault,
        caller: &str,
        key: &str,
        operation: &str,
        input: &impl Serialize,
    ) -> Result<Self, Failure> {
        let length = key.chars().count();
        if length == 0 || length > KEY_LENGTH || key.chars().any(is_unprintable) {
            let message =
                format!("must be 1 to {KEY_LENGTH} printable characters: a fresh UUID for each intended act will do");
            return Err(Refusal::field("idempotencyKey", "MALFORMED", message).into());
        }
        // serde_json keeps maps sorted, so the same input always has the same bytes.
        let body = serde_json::to_value((caller, key, operation, input))?;
        let body_hash = vault.repeat(&serde_json::to_vec(&body)?);
        Ok(Self { caller: caller.to_owned(), key: key.to_owned(), operation: operation.to_owned(), body_hash })
    }

    /// The answer, to be kept with the key when the transaction ends.
    pub(crate) fn kept(&self, answer: serde_json::Value) -> serde_json::Value {
        serde_json::json!({ "caller": self.caller, "key": self.key, "answer": answer })
    }
}

#[derive(FromQueryResult)]
struct Kept {
    operation: String,
    body_hash: Vec<u8>,
    answer: Option<serde_json::Value>,
}

/// Take the key for this transaction, or get the answer it was given before.
pub(crate) async fn claim(tx: &Tx, once: &Once) -> Result<Option<serde_json::Value>, Failure> {
    for _ in 0..LOOKS {
        if take(tx, once).await? {
            return Ok(None);
        }
        let Some(kept) = find(tx, once).await? else { continue };
        if kept.operation != once.operation || kept.body_hash != once.body_hash {
            return Err(Refusal::KeyReused.into());
        }
        let answer = kept.answer.ok_or_else(|| Fault::bad_row("idempotency", "a finished request kept no answer"))?;
        return Ok(Some(answer));
    }
    Err(Fault::bad_row("idempotency", "a taken key has no row").into())
}

/// Take the key, if it is free. Whoever has it in a transaction that is not over is waited for.
async fn take(tx: &Tx, once: &Once) -> Result<bool, Failure> {
    let taken = tx
        .conn()
        .execute_raw(statement(
            "insert into idempotency (caller, key, operation, body_hash, created_at) values ($1, $2, $3, $4, $5)
             on conflict (caller, key) do nothing",
            [
                once.caller.clone().into(),
                once.key.clone().into(),
                once.operation.clone().into(),
                once.body_hash.clone().into(),
                tx.now().into(),
            ],
        ))
        .await?;
    Ok(taken.rows_affected() == 1)
}

async fn find(tx: &Tx, once: &Once) -> Result<Option<Kept>, Failure> {
    let kept = Kept::find_by_statement(statement(
        "select operation, body_hash, answer from idempotency where caller = $1 and key = $2",
        [once.caller.clone().into(), once.key.clone().into()],
    ));
    Ok(kept.one(tx.conn()).await?)
}

impl Market {
    /// Forget up to `limit` answers that were kept long enough, the oldest first; how many there
    /// were. Several workers may be at it: each takes those that no other has.
    pub(crate) async fn answers_forget(&self, limit: i64) -> Result<u64, Failure> {
        let until = self.clock().now() - chrono::TimeDelta::days(KEPT_FOR_DAYS);
        let forget = statement(
            "with old as materialized (
                 select caller, key from idempotency where created_at < $1
                 order by created_at limit $2 for update skip locked)
             delete from idempotency using old where idempotency.caller = old.caller and idempotency.key = old.key",
            [until.into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, sql, values)
}
