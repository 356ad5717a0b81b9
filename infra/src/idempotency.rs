//! Writes that are safe to repeat: the same key with the same body gets the first answer for
//! thirty days; the same key with another body is refused.
//!
//! A request with a key waits until no other with the same key is under way, and then looks for
//! the answer; the key's row is written with its answer in the transaction that acts on it. A
//! refusal rolls the row back with everything else: nothing happened, and the key is still free.
//! The worker forgets answers that were kept long enough, and with them their keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::refusal::{Refusal, is_unprintable};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;

use crate::market::Market;
use crate::sql::sql;
use crate::vault::Vault;
use crate::{Failure, Tx};

/// How long an answer is kept.
pub const KEPT_FOR_DAYS: i64 = 30;

/// The longest key that is taken, in characters.
pub const KEY_LENGTH: usize = 128;

/// What makes a repeat of a request recognizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    caller: String,
    key: String,
    operation: String,
    /// The first is kept; any tells a repeat, also after the keys were rotated.
    body_hashes: Vec<Vec<u8>>,
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
        let body_hashes = vault.repeats(&serde_json::to_vec(&body)?);
        Ok(Self { caller: caller.to_owned(), key: key.to_owned(), operation: operation.to_owned(), body_hashes })
    }

    /// Whose key it is, and the key.
    pub(crate) fn name(&self) -> (String, String) {
        (self.caller.clone(), self.key.clone())
    }

    /// The answer that was kept with the key, if it was given to this request.
    pub(crate) fn answer(&self, kept: Kept) -> Result<serde_json::Value, Failure> {
        if kept.operation == self.operation && self.body_hashes.contains(&kept.body_hash) {
            Ok(kept.answer)
        } else {
            Err(Refusal::KeyReused.into())
        }
    }

    /// The key with its answer, to be kept when the transaction ends.
    pub(crate) fn kept(&self, answer: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "caller": self.caller, "key": self.key, "operation": self.operation,
            "body_hash": STANDARD.encode(self.body_hashes.first().map_or(&[][..], Vec::as_slice)), "answer": answer,
        })
    }
}

/// What was kept with a key.
#[derive(FromQueryResult)]
pub(crate) struct Kept {
    operation: String,
    body_hash: Vec<u8>,
    answer: serde_json::Value,
}

/// Take the key for this transaction, or get the answer it was given before.
pub(crate) async fn claim(tx: &Tx, once: &Once) -> Result<Option<serde_json::Value>, Failure> {
    let claim = sql(
        "select operation, body_hash, answer from idempotency_claim($1, $2)",
        [once.caller.clone().into(), once.key.clone().into()],
    );
    let kept = Kept::find_by_statement(claim).one(tx.conn()).await?;
    kept.map(|kept| once.answer(kept)).transpose()
}

impl Market {
    /// Forget up to `limit` answers that were kept long enough, the oldest first; how many there
    /// were. Several workers may be at it: each takes those that no other has.
    pub(crate) async fn answers_forget(&self, limit: i64) -> Result<u64, Failure> {
        let until = self.clock().now() - chrono::TimeDelta::days(KEPT_FOR_DAYS);
        let forget = sql(
            "with old as materialized (
                 select caller, key from idempotency where created_at < $1
                 order by created_at limit $2 for update skip locked)
             delete from idempotency using old where idempotency.caller = old.caller and idempotency.key = old.key",
            [until.into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}
