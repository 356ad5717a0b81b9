//! The cards that weeks are charged to: the contract's, or another one the client names.

use super::*;
use crate::payment::{Payment, PaymentMethod, Purpose};

impl Timesheet {
    /// The charge is due: a payment with the contract's card sets out. Where the client has named no
    /// card, it has failed before the processor could be asked.
    pub fn charge_to(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        card: Option<PaymentMethod>,
    ) -> Result<Change<(Self, Option<Payment>)>, Refusal> {
        let (client, purpose) = (self.client, Purpose::Timesheet(self.id));
        let charging = self.charge(actor, now, payment)?;
        let quote = match &charging.next.state {
            TimesheetState::Charging { attempt, .. } if attempt.payment == payment => attempt.quote,
            // Nothing was due, or an earlier charge was given up.
            _ => return Ok(charging.map(|timesheet| (timesheet, None))),
        };
        match card {
            Some(card) => {
                let started = Payment::start(payment, client, purpose, card, quote, now);
                Ok(charging.and(started).map(|(timesheet, payment)| (timesheet, Some(payment))))
            }
            None => {
                let failed = charging.next.attempt_failed(now);
                let payment = Payment::without_method(payment, client, purpose, quote, now);
                Ok(failed.and(payment).map(|(timesheet, payment)| (timesheet, Some(payment))))
            }
        }
    }

    /// The client pays a week whose charge failed, with `card`.
    pub fn pay_by(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        payment: PaymentId,
        card: Option<PaymentMethod>,
    ) -> Result<Change<(Self, Payment)>, Refusal> {
        let (client, purpose) = (self.client, Purpose::Timesheet(self.id));
        let charging = self.pay(actor, now, expected, payment)?;
        let card = card.ok_or_else(|| {
            Refusal::field("paymentMethod", "REQUIRED", "name a card: the contract has none to charge")
        })?;
        let quote = charging.next.quote()?;
        Ok(charging.and(Payment::start(payment, client, purpose, card, quote, now)))
    }
}
