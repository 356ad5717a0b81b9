//! The lines: what our bank was handed, or is to be, each with what it is told, sealed for its key. They are locked by
//! their payout's row.

use domain::Timestamp;
use domain::access::Actor;
use domain::change::Change;
use domain::id::{Id, PayoutId, UserId, WireBatchId};
use domain::money::Money;
use domain::payout::{Carried, Known, Payout, PayoutMethod, Rail, Retention};
use domain::wire::{
    Fit, Means, NOT_BY_FILE, RETURN_WINDOW, Wire, WireAccount, WirePart, WireSlip, WireState, reference,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, TransactionTrait, Value};
use uuid::Uuid;

use crate::market::Market;
use crate::rails::Transfer;
use crate::screening::{Listed, Particulars};
use crate::sql::{ids, sql};
use crate::vault::Vault;
use crate::{Failure, Fault, Tx};

/// The most lines of one file.
const LINES: i64 = 500;

/// A wire as it is kept.
#[derive(FromQueryResult)]
struct Line {
    key: String,
    payout_id: Uuid,
    user_id: Uuid,
    rail: String,
    batch_id: Option<Uuid>,
    outcome: Option<String>,
    reason: Option<String>,
    settled_at: Option<Timestamp>,
    settled_by: Option<Uuid>,
    return_said_by: Option<Uuid>,
    /// Who has it, or its file.
    taken_by: Option<Uuid>,
    /// Has somebody it, or its file?
    is_out: bool,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Sealed {
    key: String,
    sealed: Vec<u8>,
}

/// A line that our bank was not told of yet.
#[derive(FromQueryResult)]
pub(super) struct Waiting {
    key: String,
    pub payout_id: Uuid,
    user_id: Uuid,
    rail: String,
    /// Who of our people has what it takes to send it by hand.
    pub taken_by: Option<Uuid>,
    return_said_by: Option<Uuid>,
    sealed: Option<Vec<u8>>,
    suspended: bool,
    cleared: Vec<String>,
}

impl Waiting {
    /// The wire, which is in no file, and of which nobody said what became.
    pub fn wire(&self) -> Result<Wire, Fault> {
        let taken_by = self.taken_by.map(UserId::from_uuid);
        let return_said_by = self.return_said_by.map(UserId::from_uuid);
        Ok(Wire {
            key: self.key.clone(),
            payout: PayoutId::from_uuid(self.payout_id),
            user: UserId::from_uuid(self.user_id),
            means: means(&self.rail)?,
            state: match taken_by {
                Some(_) => WireState::Out { batch: None, taken_by, return_said_by },
                None => WireState::Waiting,
            },
        })
    }

    /// What our bank is told, unless something stands against it: who is paid is suspended by now, or on a list.
    pub fn fit(&self, vault: &Vault, list: &Listed) -> Result<Fit, Failure> {
        let slip = match &self.sealed {
            Some(sealed) if !self.suspended => Some(open(vault, &self.key, sealed)?),
            Some(_) | None => None,
        };
        Ok(Fit::of(self.suspended, slip, |slip| {
            let names: Vec<String> = slip.names().map(str::to_owned).collect();
            list.screen(Particulars { names: &names, countries: &[], cleared: &self.cleared })
        }))
    }
}

/// What a line was told, for whoever may know it.
pub(super) fn open(vault: &Vault, key: &str, sealed: &[u8]) -> Result<WireSlip, Failure> {
    Ok(serde_json::from_str(&vault.open(&purpose(key), sealed)?).map_err(Fault::from)?)
}

/// What a line is sealed for: it can't be opened as another's.
fn purpose(key: &str) -> String {
    format!("wire:{key}")
}

/// A payout is handed to our bank: it waits for the next file, or for our people. Without what banks need to know
/// of its payee it can't go by file.
pub(crate) async fn send(market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
    let id: PayoutId = transfer.payout().ok_or_else(|| Fault::bad_row("payouts", "its key names no payout"))?;
    if transfer.rail == Rail::BankWire && !transfer.missing.is_empty() {
        return Ok(Carried::Refused(format!("a wire needs more of the payee: {}", transfer.missing.join(", "))));
    }
    let slip = slip(market, id, &transfer.key).await.map_err(|failure| match failure {
        Failure::Broken(fault) => fault,
        Failure::Refused(refusal) => Fault::bad_row("payouts", refusal),
    })?;
    if transfer.rail == Rail::BankWire && slip.lines(market.clock().now().date_naive()).is_none() {
        return Ok(Carried::Refused(NOT_BY_FILE.to_owned()));
    }
    let sealed = market.vault().seal(&purpose(&transfer.key), &serde_json::to_string(&slip)?)?;
    let keep = sql(
        "insert into wire_lines (key, payout_id, rail, queued_at, sealed) values ($1, $2, $3, $4, $5)
         on conflict (key) do nothing",
        [
            transfer.key.clone().into(),
            id.uuid().into(),
            transfer.rail.as_str().into(),
            market.clock().now().into(),
            sealed.into(),
        ],
    );
    market.db().execute_raw(keep).await?;
    Ok(Carried::Accepted(reference(&transfer.key)))
}

/// What our bank is told of a payout, as things are.
async fn slip(market: &Market, id: PayoutId, key: &str) -> Result<WireSlip, Failure> {
    let (payout, method, name, payee) = market.payout_for_wire(id).await?;
    let mut parts = vec![part(WireAccount::Rupees, method, payout.changed()?)];
    if let Some(Retention { method, amount }) = payout.retention {
        parts.push(part(WireAccount::Retention, market.payout_account(method).await?, amount));
    }
    parts.retain(|part| !part.amount.is_zero());
    Ok(WireSlip::of(key, &payout, parts, &name, &payee))
}

fn part(account: WireAccount, method: PayoutMethod, amount: Money) -> WirePart {
    WirePart { account, iban: method.iban, title: method.account_title, amount }
}

/// What became of a payout that was handed to our bank.
pub(crate) async fn ask(market: &Market, key: &str) -> Result<Known, Fault> {
    Ok(find(market.db(), key).await?.map_or(Known::Absent, |wire| Known::Told(wire.tells())))
}

/// The wire of this key.
async fn find<C: ConnectionTrait>(conn: &C, key: &str) -> Result<Option<Wire>, Fault> {
    let select = sql(
        "select line.key, line.payout_id, payout.user_id, line.rail, line.batch_id, line.outcome, line.reason,
            line.settled_at, line.settled_by, line.return_said_by, coalesce(line.taken_by, batch.taken_by) as taken_by,
            line.taken_by is not null or line.taken_at is not null or batch.taken_at is not null as is_out
         from wire_lines line join payouts payout on payout.id = line.payout_id
             left join wire_batches batch on batch.id = line.batch_id
         where line.key = $1",
        [key.into()],
    );
    Line::find_by_statement(select).one(conn).await?.map(Wire::try_from).transpose()
}

/// How a wire on a rail of our bank's gets there.
fn means(rail: &str) -> Result<Means, Fault> {
    let found = Rail::ALL.into_iter().find(|known| known.as_str() == rail).and_then(Means::of);
    found.ok_or_else(|| Fault::bad_row("wire_lines", "its rail is none of our bank's"))
}

impl TryFrom<Line> for Wire {
    type Error = Fault;
    fn try_from(line: Line) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("wire_lines", why);
        let at = line.settled_at.ok_or_else(|| bad("it was settled nobody knows when"));
        let by = line.settled_by.map(UserId::from_uuid);
        let somebody = by.ok_or_else(|| bad("it was settled by nobody"));
        let (batch, reason) = (line.batch_id.map(WireBatchId::from_uuid), line.reason);
        let state = match (line.outcome.as_deref(), batch) {
            (None, _) if line.is_out => WireState::Out {
                batch,
                taken_by: line.taken_by.map(UserId::from_uuid),
                return_said_by: line.return_said_by.map(UserId::from_uuid),
            },
            (None, Some(batch)) => WireState::Filed { batch },
            (None, None) => WireState::Waiting,
            (Some("paid"), _) => WireState::Paid { at: at?, by: somebody?, batch },
            (Some("returned"), _) => {
                let reason = reason.unwrap_or_else(|| "returned".to_owned());
                WireState::Returned { at: at?, by: somebody?, reason, batch }
            }
            (Some("recalled"), _) => WireState::Recalled { at: at?, by, reason: reason.unwrap_or_default() },
            (Some(_), _) => return Err(bad("nobody knows what became of it")),
        };
        Ok(Self {
            means: means(&line.rail)?,
            payout: PayoutId::from_uuid(line.payout_id),
            user: UserId::from_uuid(line.user_id),
            state,
            key: line.key,
        })
    }
}

/// The line of a payout that our people carry by hand and have not settled.
pub(super) async fn by_hand<C: ConnectionTrait>(conn: &C, payout: PayoutId) -> Result<Option<Waiting>, Failure> {
    let text = format!("{WAITING} and line.rail = 'manual'");
    Ok(Waiting::find_by_statement(sql(&text, [ids(&[payout])])).one(conn).await?)
}

const WAITING: &str =
    "select line.key, line.payout_id, payout.user_id, line.rail, line.taken_by, line.return_said_by, line.sealed,
        owner.suspended_at is not null as suspended, array(select cleared_of(payout.id, payout.user_id)) as cleared
    from wire_lines line join payouts payout on payout.id = line.payout_id join users owner on owner.id = payout.user_id
    where line.payout_id = any($1) and line.outcome is null and payout.status = 'in_transit'
      and split_part(line.key, ':', 2) = payout.attempt::text";

impl Tx {
    /// The lines that wait for a file, the longest waiting first; nobody's own. They are locked, and as they are
    /// under the lock.
    pub(super) async fn wires_waiting(&self, by: UserId) -> Result<Vec<Waiting>, Failure> {
        let select = sql(
            "select payout.id from wire_lines line join payouts payout on payout.id = line.payout_id
             where line.batch_id is null and line.outcome is null and line.rail = 'bank_wire'
               and payout.status = 'in_transit' and payout.user_id <> $2
             order by line.queued_at, line.key limit $1",
            [LINES.into(), by.uuid().into()],
        );
        let found = Candidate::find_by_statement(select).all(self.conn()).await?;
        let found: Vec<PayoutId> = found.into_iter().map(|row| Id::from_uuid(row.id)).collect();
        let lock = sql("select id from payouts where id = any($1) order by id for update", [ids(&found)]);
        self.conn().execute_raw(lock).await?;
        let text = format!(
            "{WAITING} and line.rail = 'bank_wire' and line.batch_id is null order by line.queued_at, line.key"
        );
        Ok(Waiting::find_by_statement(sql(&text, [ids(&found)])).all(self.conn()).await?)
    }

    /// The line of a payout, locked, that our people carry by hand and have not settled.
    pub(super) async fn wire_by_hand(&self, payout: PayoutId) -> Result<Option<Waiting>, Failure> {
        by_hand(self.conn(), payout).await
    }

    /// The wire of a key, locked: by its payout, which the caller has locked, and by its file as long as nobody has
    /// taken that.
    pub(super) async fn wire_for_update(&self, key: &str) -> Result<Option<Wire>, Failure> {
        let lock = "select id from wire_batches
            where id = (select batch_id from wire_lines where key = $1 and outcome is null) and taken_at is null for update";
        self.conn().execute_raw(sql(lock, [key.into()])).await?;
        Ok(find(self.conn(), key).await?)
    }

    /// Save what became of a wire that moves so much, and was `before`. A file that it was in and is in no more is
    /// smaller by it.
    pub(super) async fn wire_save(&self, before: &Wire, change: Change<Wire>, amount: Money) -> Result<Wire, Failure> {
        let wire = &change.next;
        let key: Value = wire.key.clone().into();
        let batch = wire.batch().map(Id::uuid);
        let who = |user: &Option<UserId>| -> Value { user.map(Id::uuid).into() };
        let settle = "update wire_lines set outcome = $2, reason = $3, settled_at = $4, settled_by = $5, batch_id = $6
            where key = $1";
        let save = match (&wire.state, wire.means) {
            (WireState::Waiting | WireState::Filed { .. }, _) => {
                sql("update wire_lines set batch_id = $2 where key = $1", [key, batch.into()])
            }
            (WireState::Out { return_said_by, .. }, Means::File) => {
                sql("update wire_lines set return_said_by = $2 where key = $1", [key, who(return_said_by)])
            }
            (WireState::Out { taken_by, return_said_by, .. }, Means::Hand) => {
                let take = "update wire_lines set taken_at = coalesce(taken_at, $2), taken_by = $3, return_said_by = $4
                    where key = $1";
                sql(take, [key, self.now().into(), who(taken_by), who(return_said_by)])
            }
            (WireState::Paid { at, by, .. }, _) => {
                let reason: Option<String> = None;
                sql(settle, [key, "paid".into(), reason.into(), (*at).into(), by.uuid().into(), batch.into()])
            }
            (WireState::Returned { at, by, reason, .. }, _) => {
                let reason = reason.clone();
                sql(settle, [key, "returned".into(), reason.into(), (*at).into(), by.uuid().into(), batch.into()])
            }
            (WireState::Recalled { at, by, reason }, _) => {
                let recall =
                    "update wire_lines set outcome = 'recalled', reason = $2, settled_at = $3, settled_by = $4,
                    batch_id = null, sealed = null where key = $1";
                sql(recall, [key, reason.clone().into(), (*at).into(), who(by)])
            }
        };
        self.conn().execute_raw(save).await?;
        if let Some(left) = before.batch().filter(|_| batch.is_none()) {
            let lower = "update wire_batches set lines = lines - 1, total_minor = total_minor - $2 where id = $1";
            self.conn().execute_raw(sql(lower, [left.uuid().into(), amount.minor().into()])).await?;
        }
        self.settle(change).await
    }

    /// A payout, locked, goes no further before our people have looked at it, if our bank was not told of it yet; was
    /// it so?
    pub(crate) async fn wire_recall(&self, payout: Payout, reason: &str) -> Result<bool, Failure> {
        let (id, key, amount) = (payout.id, payout.rail_key(), payout.amount);
        let change = payout.recall(&Actor::System, self.now(), reason)?;
        if !change.changed {
            return Ok(false);
        }
        let Some(wire) = self.wire_for_update(&key).await? else { return Ok(false) };
        let recalled = wire.clone().recall(&Actor::System, self.now(), self.actor().user(), reason)?;
        if !recalled.changed {
            return Ok(false);
        }
        self.wire_save(&wire, recalled, amount).await?;
        self.audit("wire_recall", id, serde_json::json!({ "reason": reason, "left_file": wire.batch() })).await?;
        self.payout_save(change).await?;
        Ok(true)
    }
}

impl Market {
    /// Forget what our bank was told of up to `limit` payouts that no bank can send back any more; how many there
    /// were.
    pub(crate) async fn wire_slips_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = sql(
            "with over as materialized (
                 select key from wire_lines where sealed is not null and settled_at <= $1
                 order by settled_at limit $2 for update skip locked)
             update wire_lines set sealed = null from over where wire_lines.key = over.key",
            [(self.clock().now() - RETURN_WINDOW).into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}

/// Seal anew what was not sealed with the first key; where to go on, and how many rows there were.
pub(crate) async fn reseal(
    db: &DatabaseConnection,
    vault: &Vault,
    after: &str,
    limit: i64,
) -> Result<(Option<String>, u64), Failure> {
    let tx = db.begin().await?;
    let select = sql(
        "select key, sealed from wire_lines where sealed is not null and key > $1 order by key limit $2 for update",
        [after.into(), limit.into()],
    );
    let rows = Sealed::find_by_statement(select).all(&tx).await?;
    let (last, mut count) = (rows.last().map(|row| row.key.clone()), 0);
    for Sealed { key, sealed } in rows {
        let owner = purpose(&key);
        if !vault.is_sealed_with_first(&owner, &sealed) {
            let anew = vault.seal(&owner, &vault.open(&owner, &sealed)?)?;
            tx.execute_raw(sql("update wire_lines set sealed = $2 where key = $1", [key.into(), anew.into()])).await?;
            count += 1;
        }
    }
    tx.commit().await?;
    Ok((last, count))
}
