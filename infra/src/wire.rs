//! Wires: what goes by our own bank. A payout on such a rail is a line that waits; our people put lines into a file,
//! give it to the bank, and say of each payout what became of it.

use domain::access::{self, Subject, Verb};
use domain::id::{Id, PayoutId, WireBatchId};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
pub use domain::wire::WireBatch;
use domain::wire::{Fit, Kept, Wire, WireLine, value_date};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::sql;
use crate::vault::Vault;
use crate::{Call, Failure, Fault, run};

mod hand;
mod holiday;
mod line;
mod settle;

use line::open;
pub(crate) use line::{ask, reseal, send};

#[derive(FromQueryResult)]
struct OfBatch {
    key: String,
    outcome: Option<String>,
    sealed: Option<Vec<u8>>,
}

impl Market {
    /// One of our people puts the payouts that wait for a wire into a file, the longest waiting first. What may not
    /// go, because who is paid is suspended by now or on a list, waits for our people instead.
    pub async fn wire_batch_make(&self, call: &Call) -> Result<WireBatch, Failure> {
        access::check(&call.actor, Verb::WireBatchMake, &Subject::OURS)?;
        let list = self.screening().list().await?;
        let made = run!(self, call, tx => {
            let by = tx.actor().person()?.user;
            let value_date = value_date(tx.now(), &tx.bank_holidays().await?);
            let (mut wires, mut amounts, mut stopped) = (Vec::new(), Vec::new(), Vec::new());
            for line in tx.wires_waiting(by).await? {
                let why = match line.fit(self.vault(), &list)?.by_file(value_date) {
                    Fit::Goes(slip) => {
                        amounts.push(slip.total()?);
                        wires.push(line.wire()?);
                        continue;
                    }
                    Fit::Stops(why) => why,
                };
                let id = PayoutId::from_uuid(line.payout_id);
                let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
                if tx.wire_recall(payout, &why).await? {
                    stopped.push(id);
                }
            }
            let Some(batch) = WireBatch::make(tx.actor(), tx.now(), tx.id(), value_date, &amounts)? else {
                return Ok(None);
            };
            let filed = |wire: Wire| -> Result<String, Refusal> { Ok(wire.file(tx.actor(), batch.id)?.next.key) };
            let keys = wires.into_iter().map(filed).collect::<Result<Vec<String>, Refusal>>()?;
            crate::save::save_row(tx.conn(), row::Model::from(&batch)).await?;
            let put = sql("update wire_lines set batch_id = $1 where key = any($2)", [batch.id.uuid().into(), keys.into()]);
            tx.conn().execute_raw(put).await?;
            let detail = serde_json::json!({ "lines": batch.lines, "total": batch.total, "stopped": stopped });
            tx.audit("wire_batch_make", batch.id, detail).await?;
            Ok(Some(batch))
        })?;
        let nothing = "no payout waits for a wire that may go; what was stopped is in the payoutQueue";
        made.ok_or_else(|| Refusal::rule("NOTHING_WAITS", nothing).into())
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

    /// One of our people takes a file, to give it to the bank: from then on nothing of it is taken out any more. Whoever
    /// takes it is noted; another one gets it only to `take_over`. Its value date is that of the moment it is first taken.
    pub async fn wire_file_take(&self, call: &Call, id: WireBatchId, take_over: bool) -> Result<WireBatch, Failure> {
        access::check(&call.actor, Verb::WireFileTake, &Subject::OURS)?;
        run!(self, call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let batch = row.map(WireBatch::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            // It may have lain here for days: the bank acts on it from now on. Once it may have been given to the bank, it
            // says the same for ever.
            let value_date = match batch.taken_at {
                Some(_) => batch.value_date,
                None => value_date(tx.now(), &tx.bank_holidays().await?),
            };
            let batch = WireBatch { value_date, ..batch };
            // What can't be printed is not taken.
            printed(tx.conn(), self.vault(), &batch).await?;
            let detail = serde_json::json!({ "from": batch.taken_by, "value_date": batch.value_date });
            let change = batch.take(tx.actor(), tx.now(), take_over)?;
            if change.changed {
                crate::save::save_row(tx.conn(), row::Model::from(&change.next)).await?;
                tx.audit("wire_file_take", id, detail).await?;
            }
            tx.settle(change).await
        })
    }

    /// The text of a file, whole numbers and all, for whoever has taken it. It is printed from what was known when its
    /// payouts were handed over; once our people have settled one of them, the bank has acted on the file, and must not
    /// be given it again.
    pub async fn wire_file(&self, call: &Call, id: WireBatchId) -> Result<Option<String>, Failure> {
        let Some(batch) = self.wire_batch_find(call, id).await? else { return Ok(None) };
        access::check(&call.actor, Verb::WireFileTake, &Subject::OURS)?;
        let lines = printed(self.db(), self.vault(), &batch).await?;
        batch.must_be_had_by(&call.actor)?;
        Ok(Some(WireLine::file(&lines)))
    }
}

/// What a file says, if it may still be given to the bank.
async fn printed<C: ConnectionTrait>(conn: &C, vault: &Vault, batch: &WireBatch) -> Result<Vec<WireLine>, Failure> {
    let select = sql(
        "select key, outcome, sealed from wire_lines where batch_id = $1 order by queued_at, key",
        [batch.id.uuid().into()],
    );
    let rows = OfBatch::find_by_statement(select).all(conn).await?;
    let kept = |row: OfBatch| -> Result<Kept, Failure> {
        let slip = match (&row.outcome, &row.sealed) {
            (None, Some(sealed)) => Some(open(vault, &row.key, sealed)?),
            (Some(_), _) | (None, None) => None,
        };
        Ok(Kept { key: row.key, outcome: row.outcome, slip })
    };
    let wires = rows.into_iter().map(kept).collect::<Result<Vec<Kept>, Failure>>()?;
    Ok(batch.print(&wires)?)
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
            taken_at: batch.taken_at,
            taken_by: batch.taken_by.map(Id::uuid),
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
            taken_at: row.taken_at,
            taken_by: row.taken_by.map(Id::from_uuid),
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
        pub taken_at: Option<DateTimeUtc>,
        pub taken_by: Option<Uuid>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
