//! Our people say what became of a payout that went by our bank.

use domain::access::{self, Actor, Verb};
use domain::id::PayoutId;
use domain::payout::Payout;
use domain::refusal::Refusal;
use domain::wire::{Said, WireOutcome, none_to_settle};

use crate::market::Market;
use crate::{Call, Failure, run};

impl Market {
    /// One of our people says what became of a payout that went by our bank. That what the bank may have came back is
    /// said with a fresh proof, and by two.
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
            let said = Said::parse(outcome, reason)?;
            let wire = tx.wire_for_update(&payout.rail_key()).await?.ok_or_else(none_to_settle)?;
            if wire.takes_proof(&said) {
                tx.must_be_proved(call).await?;
            }
            let change = wire.clone().settle(tx.actor(), tx.now(), &said)?;
            let left_file = wire.batch().filter(|_| change.next.batch().is_none());
            let detail = serde_json::json!({
                "outcome": outcome, "reason": said.reason(), "left_file": left_file,
                "waits_for_another": !change.next.is_settled(),
            });
            tx.audit("wire_settle", id, detail).await?;
            let wire = tx.wire_save(&wire, change, payout.amount).await?;
            if !wire.is_settled() {
                return Ok(payout);
            }
            // What our people say is the bank's news of it, and moves the money in the same transaction.
            let attempt = payout.attempt;
            tx.payout_save(payout.heard(&Actor::System, tx.now(), attempt, &wire.tells())?).await
        })
    }
}
