//! Wires: what goes by our own bank. A payout on such a rail is a line that waits; our people put lines into a file,
//! give it to the bank, and say of each payout what became of it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{Id, PayoutId, UserId, WireBatchId};
use domain::money::{Currency, Money};
use domain::payout::{Carried, Known, Payout, Rail};
use domain::refusal::{Invalid, Refusal};
use domain::wire::{WireLine, WireOutcome, total, value_date};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::rails::Transfer;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

/// The most lines of one file.
const LINES: i64 = 500;

/// A file for the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireBatch {
    /// Its id.
    pub id: WireBatchId,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: UserId,
    /// The day the bank can act on it.
    pub value_date: NaiveDate,
    /// How many payouts are in it.
    pub lines: i32,
    /// What they add up to.
    pub total: Money,
}

#[derive(FromQueryResult)]
struct Waiting {
    key: String,
    amount_minor: i64,
}

#[derive(FromQueryResult)]
struct Holiday {
    day: NaiveDate,
}

#[derive(FromQueryResult)]
struct Kept {
    key: String,
    outcome: Option<String>,
    reason: Option<String>,
}

#[derive(FromQueryResult)]
struct OfBatch {
    payout_id: Uuid,
    key: String,
}

/// A payout is handed to our bank: it waits for the next file, or for our people. Without what banks need to know
/// of its payee it can't go by file.
pub(crate) async fn send(market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
    let id: PayoutId = transfer.payout().ok_or_else(|| Fault::bad_row("payouts", "its key names no payout"))?;
    if transfer.rail == Rail::BankWire && !transfer.missing.is_empty() {
        return Ok(Carried::Refused(format!("a wire needs more of the payee: {}", transfer.missing.join(", "))));
    }
    let keep = sql(
        "insert into wire_lines (key, payout_id, rail, queued_at) values ($1, $2, $3, $4) on conflict (key) do nothing",
        [transfer.key.clone().into(), id.uuid().into(), transfer.rail.as_str().into(), market.clock().now().into()],
    );
    market.db().execute_raw(keep).await?;
    Ok(Carried::Accepted(reference(&transfer.key)))
}

/// What became of a payout that was handed to our bank.
pub(crate) async fn ask(market: &Market, key: &str) -> Result<Known, Fault> {
    let select = sql("select key, outcome, reason from wire_lines where key = $1", [key.into()]);
    let Some(line) = Kept::find_by_statement(select).one(market.db()).await? else { return Ok(Known::Absent) };
    Ok(Known::Told(match line.outcome.as_deref() {
        Some("paid") => Carried::Paid,
        Some(_) => Carried::Returned(line.reason.unwrap_or_else(|| "returned".to_owned())),
        None => Carried::Accepted(reference(&line.key)),
    }))
}

fn reference(key: &str) -> String {
    format!("wire_{}", key.replace(':', "_"))
}

impl Market {
    /// One of our people puts the payouts that wait for a wire into a file, the longest waiting first.
    pub async fn wire_batch_make(&self, call: &Call) -> Result<WireBatch, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::WireBatchMake, &Subject::OURS)?;
            let by = tx.actor().person()?.user;
            let select = sql(
                "select line.key, payout.amount_minor from wire_lines line join payouts payout on payout.id = line.payout_id
                 where line.batch_id is null and line.outcome is null and line.rail = 'bank_wire'
                   and payout.status = 'in_transit' and payout.user_id <> $2
                 order by line.queued_at, line.key limit $1 for update of line",
                [LINES.into(), by.uuid().into()],
            );
            let waiting = Waiting::find_by_statement(select).all(tx.conn()).await?;
            if waiting.is_empty() {
                return Err(Refusal::rule("NOTHING_WAITS", "no payout waits for a wire").into());
            }
            let amounts = waiting.iter().map(|line| Money::new(line.amount_minor, Currency::Usd));
            let batch = WireBatch {
                id: tx.id(),
                made_at: tx.now(),
                made_by: by,
                value_date: value_date(tx.now(), &tx.bank_holidays().await?),
                lines: i32::try_from(waiting.len()).unwrap_or(i32::MAX),
                total: total(amounts.collect::<Result<Vec<_>, _>>()?)?,
            };
            crate::save::save_row(tx.conn(), row::Model::from(&batch)).await?;
            let keys: Vec<String> = waiting.into_iter().map(|line| line.key).collect();
            let put = sql("update wire_lines set batch_id = $1 where key = any($2)", [batch.id.uuid().into(), keys.into()]);
            tx.conn().execute_raw(put).await?;
            tx.audit("wire_batch_make", batch.id, serde_json::json!({ "lines": batch.lines, "total": batch.total })).await?;
            Ok(batch)
        })
    }

    /// The files that were made, newest first, for our people.
    pub async fn wire_batches(&self, call: &Call, page: &PageRequest) -> Result<Slice<WireBatch>, Failure> {
        access::check(&call.actor, Verb::WireBatchRead, &Subject::OURS)?;
        let order = Keyset::<row::Entity> {
            list: "wire_batches",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), row::Entity::find(), page).await?.try_map(WireBatch::try_from)?)
    }

    /// The file, if the caller may read it.
    pub async fn wire_batch_find(&self, call: &Call, id: WireBatchId) -> Result<Option<WireBatch>, Failure> {
        if !access::allows(&call.actor, Verb::WireBatchRead, &Subject::OURS) {
            return Ok(None);
        }
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(WireBatch::try_from).transpose()?)
    }

    /// The text of a file, whole numbers and all, if the caller may have it. Whoever takes one is noted.
    pub async fn wire_file(&self, call: &Call, id: WireBatchId) -> Result<Option<String>, Failure> {
        let Some(batch) = self.wire_batch_find(call, id).await? else { return Ok(None) };
        run!(self, call, tx => {
            tx.audit("wire_file_take", id, serde_json::json!({})).await?;
            Ok(())
        })?;
        let select = sql(
            "select payout_id, key from wire_lines where batch_id = $1 order by queued_at, key",
            [id.uuid().into()],
        );
        let mut lines = Vec::new();
        for row in OfBatch::find_by_statement(select).all(self.db()).await? {
            let (payout, method, name, payee) = self.payout_for_wire(PayoutId::from_uuid(row.payout_id)).await?;
            if payout.rail_key() != row.key {
                continue;
            }
            let line = WireLine::of(&payout, &method.iban, &name, &payee, batch.value_date);
            lines
                .push(line.ok_or_else(|| Fault::bad_row("payees", "a wire that was taken lacks its payee's details"))?);
        }
        Ok(Some(WireLine::file(&lines)))
    }

    /// One of our people says what became of a payout that went by our bank.
    pub async fn wire_settle(
        &self,
        call: &Call,
        id: PayoutId,
        outcome: WireOutcome,
        reason: Option<&str>,
    ) -> Result<Payout, Failure> {
        let said = run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::WireSettle, &payout.subject())?;
            let by = tx.actor().person()?.user;
            let mut invalid = Invalid::default();
            let reason = match (outcome, reason) {
                (WireOutcome::Paid, _) => None,
                (WireOutcome::Returned, reason) => Some(invalid.text("reason", reason.unwrap_or_default(), 1..=500)),
            };
            invalid.finish()?;
            let settle = sql(
                "update wire_lines set outcome = $2, reason = $3, settled_at = $4, settled_by = $5
                 where key = $1 and (rail = 'manual' or batch_id is not null)
                   and (outcome is null or (outcome = 'paid' and $2 = 'returned'))",
                [
                    payout.rail_key().into(),
                    outcome.as_str().into(),
                    reason.clone().into(),
                    tx.now().into(),
                    by.uuid().into(),
                ],
            );
            if tx.conn().execute_raw(settle).await?.rows_affected() != 1 {
                return Err(Refusal::rule("NO_WIRE", "no wire of this payout waits to be settled").into());
            }
            tx.audit("wire_settle", id, serde_json::json!({ "outcome": outcome, "reason": reason })).await?;
            Ok((payout.attempt, reason))
        })?;
        let (attempt, reason) = said;
        let said = match outcome {
            WireOutcome::Paid => Carried::Paid,
            WireOutcome::Returned => Carried::Returned(reason.unwrap_or_default()),
        };
        self.rail_event(&crate::rails::RailEvent { payout: id, attempt, said }).await?;
        self.payout_find(call, id).await?.ok_or_else(|| Refusal::HIDDEN.into())
    }
}

impl Tx {
    async fn bank_holidays(&self) -> Result<BTreeSet<NaiveDate>, Failure> {
        let select = sql("select distinct day from bank_holidays where day >= $1", [self.now().date_naive().into()]);
        Ok(Holiday::find_by_statement(select).all(self.conn()).await?.into_iter().map(|row| row.day).collect())
    }
}

impl From<&WireBatch> for row::Model {
    fn from(batch: &WireBatch) -> Self {
        Self {
            id: batch.id.uuid(),
            made_at: batch.made_at,
            made_by: batch.made_by.uuid(),
            value_date: batch.value_date,
            lines: batch.lines,
            total_minor: batch.total.minor(),
        }
    }
}

impl TryFrom<row::Model> for WireBatch {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            made_at: row.made_at,
            made_by: Id::from_uuid(row.made_by),
            value_date: row.value_date,
            lines: row.lines,
            total: Money::new(row.total_minor, Currency::Usd).map_err(|error| Fault::bad_row("wire_batches", error))?,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "wire_batches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub made_at: DateTimeUtc,
        pub made_by: Uuid,
        pub value_date: Date,
        pub lines: i32,
        pub total_minor: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
