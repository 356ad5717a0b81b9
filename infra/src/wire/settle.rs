//! Our people say what became of a payout that went by our bank.

use domain::Timestamp;
use domain::access::{self, Actor, Verb};
use domain::id::{Id, PayoutId, UserId};
use domain::payout::{Carried, Payout};
use domain::refusal::{Invalid, Refusal};
use domain::wire::{RETURN_WINDOW, WireOutcome};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, run};

/// A line, as far as it matters to who settles it.
#[derive(FromQueryResult)]
struct Standing {
    outcome: Option<String>,
    settled_at: Option<Timestamp>,
    settled_by: Option<Uuid>,
    return_said_by: Option<Uuid>,
    is_out: bool,
}

impl Market {
    /// One of our people says what became of a payout that went by our bank. That it came back after the bank had it is
    /// said by another one than who said that, with a fresh proof, while a bank can still send it back. Where nobody said
    /// that, and what the bank takes is out of our hands, two say that it came back before its money moves.
    pub async fn wire_settle(
        &self,
        call: &Call,
        id: PayoutId,
        outcome: WireOutcome,
        reason: Option<&str>,
    ) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::WireSettle, &payout.subject())?;
            let by = tx.actor().person()?.user;
            let mut invalid = Invalid::default();
            let reason = match (outcome, reason) {
                (WireOutcome::Paid, _) => None,
                (WireOutcome::Returned, reason) => Some(invalid.text("reason", reason.unwrap_or_default(), 1..=500)),
            };
            invalid.finish()?;
            let left_file = match outcome {
                WireOutcome::Returned => tx.wire_leaves_file(&payout).await?,
                WireOutcome::Paid => None,
            };
            let select = "select outcome, settled_at, settled_by, return_said_by,
                    taken_at is not null or exists (
                        select from wire_batches where id = batch_id and wire_batches.taken_at is not null) as is_out
                from wire_lines where key = $1 and (rail = 'manual' or batch_id is not null or $2 = 'returned')";
            let values = [payout.rail_key().into(), outcome.as_str().into()];
            let line = Standing::find_by_statement(sql(select, values)).one(tx.conn()).await?;
            let waits = |line: &Standing| match (line.outcome.as_deref(), outcome) {
                (None, _) | (Some("paid"), WireOutcome::Returned) => true,
                (Some(_), _) => false,
            };
            let none = || Refusal::rule("NO_WIRE", "no wire of this payout waits to be settled");
            let line = line.filter(waits).ok_or_else(none)?;
            let mut waits_for_another = false;
            if line.outcome.is_none() && line.is_out && outcome == WireOutcome::Returned {
                tx.must_be_proved(call).await?;
                if line.return_said_by.map(UserId::from_uuid) == Some(by) {
                    let message = "you said so already: once another of our people says it too, the money is theirs again";
                    return Err(Refusal::rule("SAME_APPROVER", message).into());
                }
                waits_for_another = line.return_said_by.is_none();
            } else if line.outcome.is_some() {
                tx.must_be_proved(call).await?;
                if line.settled_by.map(UserId::from_uuid) == Some(by) {
                    let message = "who said that the bank has it is not who says that it came back: another of our people does";
                    return Err(Refusal::rule("SAME_APPROVER", message).into());
                }
                if line.settled_at.is_none_or(|settled_at| settled_at + RETURN_WINDOW <= tx.now()) {
                    let message = "no bank sends it back any more by now: what came back all the same is a correction of the books";
                    return Err(Refusal::rule("WIRE_RETURN_TOO_LATE", message).into());
                }
            }
            let detail = serde_json::json!({
                "outcome": outcome, "reason": reason, "left_file": left_file, "waits_for_another": waits_for_another,
            });
            tx.audit("wire_settle", id, detail).await?;
            if waits_for_another {
                let say = "update wire_lines set return_said_by = $2 where key = $1";
                tx.conn().execute_raw(sql(say, [payout.rail_key().into(), by.uuid().into()])).await?;
                return Ok(payout);
            }
            let settle = sql(
                "update wire_lines set outcome = $2, reason = $3, settled_at = $4, settled_by = $5 where key = $1",
                [
                    payout.rail_key().into(),
                    outcome.as_str().into(),
                    reason.clone().into(),
                    tx.now().into(),
                    by.uuid().into(),
                ],
            );
            tx.conn().execute_raw(settle).await?;
            let (attempt, said) = (payout.attempt, match outcome {
                WireOutcome::Paid => Carried::Paid,
                WireOutcome::Returned => Carried::Returned(reason.unwrap_or_default()),
            });
            // What our people say is the bank's news of it, and moves the money in the same transaction.
            tx.payout_save(payout.heard(&Actor::System, tx.now(), attempt, &said)?).await
        })
    }
}
