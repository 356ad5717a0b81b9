//! Our people say what became of a payout that the processor's rails don't tell of.

use domain::access::{self, Verb};
use domain::id::PayoutId;
use domain::payout::Payout;
use domain::refusal::Refusal;
use domain::wire::WireOutcome;

use crate::market::Market;
use crate::{Call, Failure, run};

impl Market {
    /// One of our people says what became of a payout; once two have said the same, its money moves.
    pub async fn payout_settle(
        &self,
        call: &Call,
        id: PayoutId,
        expected: Option<i64>,
        outcome: WireOutcome,
        reason: &str,
    ) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::PayoutSettle, &payout.subject())?;
            tx.must_be_proved(call).await?;
            let rests = tx.stripe_transfer_rests(&payout.rail_key()).await?;
            let change = payout.settle(tx.actor(), tx.now(), expected, outcome, reason, rests)?;
            let detail = serde_json::json!({ "outcome": outcome, "reason": reason, "settled": change.next.state.is_terminal() });
            tx.audit("payout_settle", id, detail).await?;
            tx.payout_save(change).await
        })
    }
}
