//! The lines: what our bank was handed, or is to be, each with what it is told, sealed for its key. They are locked by
//! their payout's row.

use domain::access::Actor;
use domain::id::{Id, PayoutId, UserId, WireBatchId};
use domain::money::Money;
use domain::payout::{Carried, Known, Payout, PayoutMethod, Rail, Retention, SUSPENDED, Screened};
use domain::wire::{RETURN_WINDOW, WireAccount, WirePart, WireSlip};
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, TransactionTrait};
use uuid::Uuid;

use crate::market::Market;
use crate::rails::Transfer;
use crate::screening::{Listed, Particulars};
use crate::sql::{ids, sql};
use crate::vault::Vault;
use crate::{Failure, Fault, Tx};

/// Why our people send a payout by hand whose payee, or whose bank, no file can name.
pub(super) const NOT_BY_FILE: &str = "a wire has no letters for what is known of the payee, or no code for their bank";

/// The most lines of one file.
const LINES: i64 = 500;

#[derive(FromQueryResult)]
struct Kept {
    key: String,
    outcome: Option<String>,
    reason: Option<String>,
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
    pub key: String,
    pub payout_id: Uuid,
    /// Who of our people has what it takes to send it by hand.
    pub taken_by: Option<Uuid>,
    sealed: Option<Vec<u8>>,
    suspended: bool,
    cleared: Vec<String>,
}

/// What a line is printed from, or why it may not go out.
pub(super) enum Fit {
    Goes(Box<WireSlip>),
    Stops(String),
}

impl Waiting {
    /// What our bank is told, unless something stands against it: who is paid is suspended by now, or on a list.
    pub fn fit(&self, vault: &Vault, list: &Listed) -> Result<Fit, Failure> {
        if self.suspended {
            return Ok(Fit::Stops(SUSPENDED.to_owned()));
        }
        let Some(sealed) = &self.sealed else {
            return Ok(Fit::Stops("what our bank has to be told of it was not kept".to_owned()));
        };
        let slip = open(vault, &self.key, sealed)?;
        let names: Vec<String> = slip.names().map(str::to_owned).collect();
        Ok(match list.screen(Particulars { names: &names, countries: &[], cleared: &self.cleared }) {
            Screened::Hit(why) => Fit::Stops(why),
            Screened::Clear => Fit::Goes(Box::new(slip)),
        })
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
    let select = sql("select key, outcome, reason from wire_lines where key = $1", [key.into()]);
    let Some(line) = Kept::find_by_statement(select).one(market.db()).await? else { return Ok(Known::Absent) };
    Ok(Known::Told(match line.outcome.as_deref() {
        Some("paid") => Carried::Paid,
        Some("returned") => Carried::Returned(line.reason.unwrap_or_else(|| "returned".to_owned())),
        // Taken back before our bank knew of it: the payout is at another attempt by now.
        Some(_) => Carried::Silent,
        None => Carried::Accepted(reference(&line.key)),
    }))
}

fn reference(key: &str) -> String {
    format!("wire_{}", key.replace(':', "_"))
}

/// The line of a payout that our people carry by hand and have not settled.
pub(super) async fn by_hand<C: ConnectionTrait>(conn: &C, payout: PayoutId) -> Result<Option<Waiting>, Failure> {
    let text = format!("{WAITING} and line.rail = 'manual'");
    Ok(Waiting::find_by_statement(sql(&text, [ids(&[payout])])).one(conn).await?)
}

const WAITING: &str =
    "select line.key, line.payout_id, line.taken_by, line.sealed, owner.suspended_at is not null as suspended,
        array(select cleared_of(payout.id, payout.user_id)) as cleared
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

    /// A payout's line, locked, is taken out of its file as long as nobody has taken the file; which file that was.
    pub(super) async fn wire_leaves_file(&self, payout: &Payout) -> Result<Option<WireBatchId>, Failure> {
        let lock = "select id from wire_batches
            where id = (select batch_id from wire_lines where key = $1 and outcome is null) and taken_at is null for update";
        let key: sea_orm::Value = payout.rail_key().into();
        let Some(Candidate { id }) = Candidate::find_by_statement(sql(lock, [key.clone()])).one(self.conn()).await?
        else {
            return Ok(None);
        };
        self.conn().execute_raw(sql("update wire_lines set batch_id = null where key = $1", [key])).await?;
        let lower = "update wire_batches set lines = lines - 1, total_minor = total_minor - $2 where id = $1";
        self.conn().execute_raw(sql(lower, [id.into(), payout.amount.minor().into()])).await?;
        Ok(Some(WireBatchId::from_uuid(id)))
    }

    /// A payout, locked, goes no further before our people have looked at it, if our bank was not told of it yet; was
    /// it so?
    pub(crate) async fn wire_recall(&self, payout: Payout, reason: &str) -> Result<bool, Failure> {
        let (id, key, before) = (payout.id, payout.rail_key(), payout.clone());
        let change = payout.recall(&Actor::System, self.now(), reason)?;
        if !change.changed {
            return Ok(false);
        }
        let left_file = self.wire_leaves_file(&before).await?;
        let recall = sql(
            "update wire_lines set outcome = 'recalled', reason = $2, settled_at = $3, settled_by = $4, sealed = null
             where key = $1 and batch_id is null and taken_at is null and outcome is null",
            [key.into(), reason.into(), self.now().into(), self.actor().user().map(|user| user.uuid()).into()],
        );
        if self.conn().execute_raw(recall).await?.rows_affected() != 1 {
            return Ok(false);
        }
        self.audit("wire_recall", id, serde_json::json!({ "reason": reason, "left_file": left_file })).await?;
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
