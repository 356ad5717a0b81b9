//! What it takes to send a payout by hand. One of our people sends it, so one of them has it.

use domain::access::{self, Subject, Verb};
use domain::id::{Id, PayoutId, UserId};
use domain::payout::Payout;
use domain::refusal::Refusal;
use domain::wire::{Fit, WireSlip, none_by_hand};

use super::line::by_hand;
use crate::market::Market;
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
            let line = tx.wire_by_hand(id).await?.ok_or_else(none_by_hand)?;
            if let Fit::Stops(why) = line.fit(self.vault(), &list)? {
                tx.wire_recall(payout, &why).await?;
                return Ok(None);
            }
            let wire = line.wire()?;
            let change = wire.clone().take(tx.actor(), take_over)?;
            if change.changed {
                tx.wire_save(&wire, change, payout.amount).await?;
                let had_by = line.taken_by.map(UserId::from_uuid);
                tx.audit("wire_slip_take", id, serde_json::json!({ "from": had_by })).await?;
            }
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
        let line = by_hand(self.db(), id).await?.ok_or_else(none_by_hand)?;
        line.wire()?.must_be_had_by(&call.actor)?;
        match line.fit(self.vault(), &list)? {
            Fit::Goes(slip) => Ok(*slip),
            Fit::Stops(_) => Err(stopped().into()),
        }
    }
}

fn stopped() -> Refusal {
    let message = "this payout must not go out: the account is suspended, or a name is on a list; see payoutQueue";
    Refusal::rule("WIRE_STOPPED", message)
}
