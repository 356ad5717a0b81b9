//! What it takes to send a payout by hand. One of our people sends it, so one of them has it.

use domain::access::{self, Subject, Verb};
use domain::id::{Id, PayoutId, UserId};
use domain::payout::Payout;
use domain::refusal::Refusal;
use domain::wire::WireSlip;
use sea_orm::ConnectionTrait;

use super::line::{Fit, by_hand};
use super::must_have_taken;
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, run};

impl Market {
    /// One of our people takes what it takes to send a payout by hand, once two of them have approved it. Whoever takes
    /// it is noted, and sends it: another one gets it only to `take_over`.
    pub async fn wire_slip_take(&self, call: &Call, id: PayoutId, take_over: bool) -> Result<Payout, Failure> {
        access::check(&call.actor, Verb::WireSlipTake, &Subject::OURS)?;
        let list = self.screening().list().await?;
        let taken = run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::WireSlipTake, &payout.subject())?;
            let by = tx.actor().person()?.user;
            let line = tx.wire_by_hand(id).await?.ok_or_else(none)?;
            if let Fit::Stops(why) = line.fit(self.vault(), &list)? {
                tx.wire_recall(payout, &why).await?;
                return Ok(None);
            }
            let had_by = line.taken_by.map(UserId::from_uuid);
            if had_by == Some(by) {
                return Ok(Some(payout));
            }
            if had_by.is_some() && !take_over {
                let message = "another of our people has taken it, and may have sent it: ask them, and take it over with \
                               takeOver if they have not";
                return Err(Refusal::rule("WIRE_SLIP_TAKEN", message).into());
            }
            let take = "update wire_lines set taken_at = coalesce(taken_at, $2), taken_by = $3 where key = $1";
            tx.conn().execute_raw(sql(take, [line.key.into(), tx.now().into(), by.uuid().into()])).await?;
            tx.audit("wire_slip_take", id, serde_json::json!({ "from": had_by })).await?;
            Ok(Some(payout))
        })?;
        taken.ok_or_else(|| stopped().into())
    }

    /// What it takes to send a payout by hand, whole numbers and all, for whoever has taken it.
    pub async fn wire_slip(&self, call: &Call, id: PayoutId) -> Result<WireSlip, Failure> {
        access::check(&call.actor, Verb::WireSlipTake, &Subject::OURS)?;
        let list = self.screening().list().await?;
        let payout = self.payout_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        access::check(&call.actor, Verb::WireSlipTake, &payout.subject())?;
        let line = by_hand(self.db(), id).await?.ok_or_else(none)?;
        must_have_taken(call, line.taken_by.map(UserId::from_uuid), "wireSlipTake")?;
        match line.fit(self.vault(), &list)? {
            Fit::Goes(slip) => Ok(*slip),
            Fit::Stops(_) => Err(stopped().into()),
        }
    }
}

fn none() -> Refusal {
    let message = "this payout does not wait to be sent by hand; before it does, two of our people have to approve it";
    Refusal::rule("NO_WIRE", message)
}

fn stopped() -> Refusal {
    let message = "this payout must not go out: the account is suspended, or a name is on a list; see payoutQueue";
    Refusal::rule("WIRE_STOPPED", message)
}
