//! A client's bank takes money back, and may give it back again.
//!
//! What is taken is the money of the payment in question: what is held of it first, here or where it was
//! handed on to; then, as far as it became the client's credit, what is left of that credit, and what is
//! held of the work that was paid out of it; then what of it is still pending for the freelancer, if the
//! terms have it so; and then our own. What another payment paid for is left alone.

use serde::{Deserialize, Serialize};

use super::{EarlyChargeback, Hold, Kind, Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::change::Change;
use crate::escrow::{ChargedBack, Regained};
use crate::event::Event;
use crate::id::PaymentId;
use crate::ledger::{LedgerAccount, Reason};
use crate::money::{Currency, Money, MoneyError};
use crate::refusal::Refusal;

/// What a client's bank takes back.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// Of which payment.
    pub payment: PaymentId,
    /// The processor's name for it; it makes a repeat harmless.
    pub reference: &'a str,
    /// How much.
    pub amount: Money,
}

/// A chargeback that was acted on, and what it took here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chargeback {
    /// The processor's name for it.
    pub reference: String,
    /// The payment it takes back.
    pub payment: PaymentId,
    /// What it took, and from whom.
    pub bore: ChargedBack,
    /// Did the bank give it back?
    pub won: bool,
}

/// What a chargeback may reach beside the thing its payment was for.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The client's unspent credit.
    pub credit: Money,
    /// The client's milestones that may hold money of the payment, or money that was the client's credit.
    pub milestones: Vec<Milestone>,
}

/// How a chargeback falls.
pub(crate) struct Spread {
    /// For each of the milestones: of the payment's own money, and of what was credit.
    pub parts: Vec<(Money, Money)>,
    /// Out of the unspent credit.
    pub from_credit: Money,
    /// What none of this covers.
    pub left: Money,
}

impl Reach {
    /// Nothing but the thing itself.
    pub fn nothing(currency: Currency) -> Self {
        Self { credit: Money::zero(currency), milestones: Vec::new() }
    }
}

impl Spread {
    /// Let a chargeback fall on these milestones and on the credit. `all_credit` if all the payment's money
    /// became credit when it came.
    pub(crate) fn over(
        milestones: &[Milestone],
        credit: Money,
        taken: &Taken<'_>,
        all_credit: bool,
    ) -> Result<Self, MoneyError> {
        let (currency, mut left) = (taken.amount.currency(), taken.amount);
        let mut parts = Vec::new();
        let mut became_credit = if all_credit { left } else { Money::zero(currency) };
        for milestone in milestones {
            let part = left.min(milestone.sources.held_of(Some(taken.payment), currency))?;
            left = left.minus(part)?;
            parts.push((part, Money::zero(currency)));
            became_credit = became_credit.plus(milestone.sources.refunded_of(taken.payment, currency))?;
        }
        became_credit = became_credit.min(left)?;
        let from_credit = became_credit.min(credit)?;
        left = left.minus(from_credit)?;
        became_credit = became_credit.minus(from_credit)?;
        // What was paid for last is taken first.
        for (milestone, part) in milestones.iter().zip(&mut parts).rev() {
            part.1 = became_credit.min(milestone.sources.held_of(None, currency))?;
            became_credit = became_credit.minus(part.1)?;
            left = left.minus(part.1)?;
        }
        Ok(Self { parts, from_credit, left })
    }

    /// How much of it was credit, spent or not.
    pub(crate) fn of_credit(&self) -> Result<Money, MoneyError> {
        Money::sum(self.left.currency(), self.parts.iter().map(|part| part.1).chain([self.from_credit]))
    }
}

/// Was this chargeback acted on? One whose payment has not come is known once it waits for that.
pub(crate) fn is_known(reference: &str, came: bool, acted_on: &[Chargeback], early: &[EarlyChargeback]) -> bool {
    let waits = !came && early.iter().any(|known| known.reference == reference);
    waits || acted_on.iter().any(|known| known.reference == reference)
}

impl Milestone {
    /// The client's bank takes back `amount` of `payment`, and nothing else of the client's is reached.
    pub fn charge_back(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
        amount: Money,
    ) -> Result<Change<Self>, Refusal> {
        let taken = Taken { payment, reference, amount };
        let change = self.clone().charge_back_reaching(Reach::nothing(amount.currency()), actor, now, &taken)?;
        Ok(change.map(|mut milestones| if milestones.is_empty() { self } else { milestones.remove(0) }))
    }

    /// The client's bank takes money of a payment for this milestone back. Answers this milestone and then
    /// those that were in reach. A chargeback that comes before its payment waits for it.
    ///
    /// While some of its money is left the work goes on with that; a milestone that lost all of it ends.
    pub fn charge_back_reaching(
        self,
        reach: Reach,
        actor: &Actor,
        now: Timestamp,
        taken: &Taken<'_>,
    ) -> Result<Change<Vec<Self>>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        let Reach { credit, mut milestones } = reach;
        let Taken { payment, reference, amount } = *taken;
        let came = self.payments.contains(&payment);
        let known = is_known(reference, came, &self.chargebacks, &self.early_chargebacks);
        let all_credit = self.credited.contains(&payment);
        milestones.insert(0, self);
        let Some(own) = milestones.first().filter(|_| !known) else { return Ok(Change::none(milestones)) };
        if !came {
            let mut next = own.clone();
            next.early_chargebacks.push(EarlyChargeback { payment, reference: reference.to_owned(), amount });
            let waits = own.becomes(next);
            return Ok(waits.map(|own| {
                milestones[0] = own;
                milestones
            }));
        }
        let spread = Spread::over(&milestones, credit, taken, all_credit)?;
        let pending = own.pending_of(payment)?.min(spread.left)?;
        let lost = spread.left.minus(pending)?;
        let (from_credit, nothing) = (spread.from_credit, ChargedBack::nothing(amount.currency()));
        let own_bore = |from_escrow| ChargedBack { from_escrow, from_credit, from_pending: pending, lost, ..nothing };
        let mut was_credit = spread.of_credit()?;
        let mut all = Change::none(Vec::new());
        for (place, (milestone, part)) in milestones.into_iter().zip(&spread.parts).enumerate() {
            let from_escrow = part.0.plus(part.1)?;
            let bore = match place {
                0 => own_bore(from_escrow),
                _ => ChargedBack { from_escrow, ..nothing },
            };
            let told = if place == 0 { amount } else { from_escrow };
            let change = milestone.loses(now, taken, *part, bore, told, &mut was_credit)?;
            all = all.and(change).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        Ok(all)
    }

    /// Its part of a chargeback: of the payment's own money, and of what was credit.
    pub(crate) fn loses(
        self,
        now: Timestamp,
        taken: &Taken<'_>,
        part: (Money, Money),
        bore: ChargedBack,
        told: Money,
        was_credit: &mut Money,
    ) -> Result<Change<Self>, Refusal> {
        let mut next = self.clone();
        next.sources.lose_held(Some(taken.payment), part.0)?;
        next.sources.lose_held(None, part.1)?;
        next.sources.lose_released(taken.payment, bore.from_pending)?;
        *was_credit = was_credit.minus(next.sources.lose_refunded(taken.payment, *was_credit)?)?;
        if told.is_zero() {
            // Nothing is taken here; at most it is noted that less of its money is credit.
            return Ok(if next == self { Change::none(self) } else { self.becomes(next) });
        }
        let accounts = (self.escrow_account(), self.pending_account(), self.credit_account());
        let (escrow, entry, bore) = self.escrow.charge_back(self.entry(Reason::Chargeback), accounts, bore)?;
        next.early_chargebacks.retain(|early| early.reference != taken.reference);
        next.chargebacks.push(Chargeback {
            reference: taken.reference.to_owned(),
            payment: taken.payment,
            bore,
            won: false,
        });
        next.escrow = escrow;
        next.holds = shrink(&self.holds, taken.payment, bore.from_pending)?;
        let hit = !(bore.from_escrow.is_zero() && bore.from_pending.is_zero() && bore.lost.is_zero());
        // Money that was credit from the beginning was never this milestone's to lose.
        let its_own = next.sources.of(Some(taken.payment)).is_some() || !bore.from_escrow.is_zero();
        if hit && its_own && next.escrow.held().is_zero() && next.holds.is_empty() {
            match &next.state {
                // These wait for money anew.
                State::Proposed { .. } | State::Agreed { .. } | State::Funding { .. } | State::Cancelled { .. } => (),
                State::Funded { .. }
                | State::Submitted { .. }
                | State::ChangesRequested { .. }
                | State::Approved { .. }
                | State::Released { .. }
                | State::RefundRequested { .. }
                | State::Refunded { .. }
                | State::Disputed { .. }
                | State::Split { .. }
                | State::Dormant { .. }
                | State::RefundedAfter { .. }
                | State::ChargedBack { .. } => next.state = State::ChargedBack { charged_back_at: now },
            }
        }
        if let State::RefundRequested { amount, .. } = &mut next.state {
            *amount = amount.min(next.escrow.held())?;
        }
        let event = Event::MilestoneChargedBack { milestone: self.id, amount: told, lost: bore.lost };
        Ok(self.becomes(next).posting(entry).telling(event))
    }

    /// The bank gives a chargeback back. What it took is put where it is right: into escrow again if the
    /// work goes on (`goes_on` if its contract does) or can, and otherwise to the client's credit; what was
    /// pending is available to the freelancer; and what we bore is ours. One that is told before the
    /// chargeback itself makes that harmless.
    pub fn charge_back_won(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
        goes_on: bool,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        let Some(place) = self.chargebacks.iter().position(|known| known.reference == reference) else {
            let mut next = self.clone();
            next.early_chargebacks.retain(|early| early.reference != reference);
            next.chargebacks.push(Chargeback::undone(reference, payment, self.amount.currency()));
            return Ok(self.becomes(next));
        };
        let bore = self.chargebacks[place].bore;
        if self.chargebacks[place].won {
            return Ok(Change::none(self));
        }
        let mut next = self.clone();
        next.chargebacks[place].won = true;
        let holds = self.takes_back(goes_on);
        let (escrow, entry) = self.escrow.charge_back_won(
            self.entry(Reason::ChargebackWon),
            (self.escrow_account(), LedgerAccount::Available(self.freelancer), self.credit_account()),
            bore,
            if holds { Regained::Held } else { Regained::Credit { with_fee: self.terms.client_fee_returned } },
        )?;
        next.escrow = escrow;
        let zero = Money::zero(self.amount.currency());
        let fee_back = escrow.parts().client_fee_returned.minus(self.escrow.parts().client_fee_returned)?;
        let (held, refunded) = if holds { (bore.from_escrow, zero) } else { (zero, bore.from_escrow.plus(fee_back)?) };
        next.sources.regain(payment, (held, bore.from_pending, refunded.plus(self.regains(payment, bore))?))?;
        match &next.state {
            State::ChargedBack { .. } if !next.escrow.held().is_zero() => {
                next.state = State::Funded { idle_since: now, notices: 0 };
            }
            State::ChargedBack { .. } if !next.escrow.parts().released_net.is_zero() => {
                next.state = State::Released { released_at: now };
            }
            _ => (),
        }
        let amount = bore.total()?;
        let event = Event::MilestoneChargebackWon { milestone: self.id, amount };
        Ok(self.becomes(next).posting(entry).telling(event))
    }

    /// Did this chargeback take something here that was not given back?
    pub fn lost_to(&self, reference: &str) -> bool {
        self.chargebacks.iter().any(|known| known.reference == reference && !known.won)
    }

    /// What of a payment's own money is credit again, if it was taken out of that.
    fn regains(&self, payment: PaymentId, bore: ChargedBack) -> Money {
        if self.credited.contains(&payment) { Money::zero(bore.from_credit.currency()) } else { bore.from_credit }
    }

    /// Can money come back into escrow in this state?
    fn takes_back(&self, goes_on: bool) -> bool {
        match &self.state {
            State::Funded { .. }
            | State::Submitted { .. }
            | State::ChangesRequested { .. }
            | State::RefundRequested { .. }
            | State::Disputed { .. }
            | State::Dormant { .. } => true,
            // It begins anew.
            State::ChargedBack { .. } => goes_on && self.contract.is_some() && self.kind == Kind::Work,
            State::Proposed { .. }
            | State::Agreed { .. }
            | State::Funding { .. }
            | State::Approved { .. }
            | State::Released { .. }
            | State::Refunded { .. }
            | State::Split { .. }
            | State::RefundedAfter { .. }
            | State::Cancelled { .. } => false,
        }
    }

    /// How much of what came with this payment is pending, and may be taken.
    fn pending_of(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        let currency = self.amount.currency();
        if !self.terms.chargeback_takes_pending {
            return Ok(Money::zero(currency));
        }
        let released = self.sources.of(Some(payment)).map_or(Money::zero(currency), |source| source.released);
        let came_with = self.holds.iter().flat_map(|hold| &hold.came_with);
        let pending = came_with.filter(|(with, _)| *with == Some(payment)).map(|(_, part)| *part);
        Money::sum(currency, pending)?.min(released)?.min(self.escrow.parts().released_net)
    }
}

impl Chargeback {
    /// Those that came before their payment, all of which became the client's credit: what they take of
    /// that together, and each.
    pub(crate) fn of_credit(
        payment: PaymentId,
        received: Money,
        early: &[EarlyChargeback],
    ) -> Result<(ChargedBack, Vec<Self>), MoneyError> {
        let mut all = ChargedBack::nothing(received.currency());
        let mut each = Vec::new();
        let mut left = received;
        for EarlyChargeback { reference, amount, .. } in early {
            let from_credit = left.min(*amount)?;
            let bore = ChargedBack {
                from_credit,
                lost: amount.minus(from_credit)?,
                ..ChargedBack::nothing(received.currency())
            };
            left = left.minus(from_credit)?;
            all.from_credit = all.from_credit.plus(bore.from_credit)?;
            all.lost = all.lost.plus(bore.lost)?;
            each.push(Self { reference: reference.clone(), payment, bore, won: false });
        }
        Ok((all, each))
    }

    /// One that was given back before it was heard of.
    pub(crate) fn undone(reference: &str, payment: PaymentId, currency: Currency) -> Self {
        let bore = ChargedBack::nothing(currency);
        Self { reference: reference.to_owned(), payment, bore, won: true }
    }
}

/// What is left of the holds when a bank takes `amount` out of what came with a payment, from the last of them.
fn shrink(holds: &[Hold], payment: PaymentId, amount: Money) -> Result<Vec<Hold>, Refusal> {
    let mut left = amount;
    let mut kept = Vec::new();
    for hold in holds.iter().rev() {
        let mut hold = hold.clone();
        let before = hold.share.net;
        for (_, part) in hold.came_with.iter_mut().filter(|(with, _)| *with == Some(payment)) {
            let taken = left.min(*part)?;
            (left, *part) = (left.minus(taken)?, part.minus(taken)?);
            hold.share.net = hold.share.net.minus(taken)?;
        }
        if hold.share.net == before || !hold.share.net.is_zero() {
            kept.push(hold);
        }
    }
    kept.reverse();
    Ok(kept)
}
