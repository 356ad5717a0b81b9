//! Money back: asked for and agreed to, or given after release.

use super::{Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::bearer::make_up_itself;
use crate::change::Change;
use crate::event::Event;
use crate::id::DisputeId;
use crate::ledger::{LedgerAccount, Reason};
use crate::money::Money;
use crate::outage::Span;
use crate::policy::days;
use crate::refusal::Refusal;

impl Milestone {
    /// The client asks for held money back: all of it, or `amount`.
    pub fn request_refund(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        amount: Option<Money>,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRequestRefund)?;
        self.standing(actor, Verb::MilestoneRequestRefund, expected)?;
        let held = self.escrow.held();
        let amount = amount.unwrap_or(held);
        if amount.is_zero() {
            return Err(Refusal::field("amount", "OUT_OF_RANGE", "must be above zero"));
        }
        if !held.covers(amount)? {
            return Err(Refusal::Insufficient { available: held, asked: amount });
        }
        let resolves_at = now + days(self.terms.refund_request_days);
        let event = Event::MilestoneRefundRequested { milestone: self.id, amount, resolves_at };
        let resume = Box::new(self.state.clone());
        let stood_still = Vec::new();
        let state = State::RefundRequested { amount, requested_at: now, resolves_at, stood_still, resume };
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// The freelancer agrees to the refund.
    pub fn agree_refund(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneAgreeRefund)?;
        if matches!(self.state, State::Refunded { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneAgreeRefund, expected)?;
        let State::RefundRequested { amount, .. } = self.state else { return Err(self.wrong_state(actor)) };
        self.refund_asked_for(now, amount)
    }

    /// The freelancer does not agree: all is as it was before, its clocks as far as they were.
    pub fn refuse_refund(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRefuseRefund)?;
        self.standing(actor, Verb::MilestoneRefuseRefund, expected)?;
        let event = Event::MilestoneRefundRefused { milestone: self.id };
        Ok(self.refund_dropped(now).telling(event))
    }

    /// The client no longer asks for it.
    pub fn withdraw_refund(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneWithdrawRefund)?;
        self.standing(actor, Verb::MilestoneWithdrawRefund, expected)?;
        let event = Event::MilestoneRefundWithdrawn { milestone: self.id };
        Ok(self.refund_dropped(now).telling(event))
    }

    /// The freelancer was silent. If nothing was ever submitted the money goes back; else it is a
    /// matter for a dispute, which gets the id `dispute`. While the freelancer is `barred` from an answer nothing goes
    /// back: the deadline moves, for the `barred_days` of the terms at most. A dispute begins all the same, and hears of
    /// it for itself.
    pub fn resolve_refund(
        self,
        actor: &Actor,
        now: Timestamp,
        dispute: DisputeId,
        barred: bool,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneResolveRefund)?;
        let State::RefundRequested { amount, requested_at, resolves_at, stood_still, .. } = &self.state else {
            return Ok(Change::none(self));
        };
        let (amount, resolves_at) = (*amount, *resolves_at);
        let regular = *requested_at + days(self.terms.refund_request_days) + Span::together(stood_still);
        if resolves_at > now {
            return Ok(Change::none(self));
        }
        if self.submissions > 0 {
            return self.disputed(now, dispute);
        }
        if let Some(later) = self.unheard(barred, now, resolves_at, regular) {
            let mut next = self.clone();
            if let State::RefundRequested { resolves_at, .. } = &mut next.state {
                *resolves_at = later;
            }
            return Ok(self.becomes(next));
        }
        self.refund_asked_for(now, amount)
    }

    /// Until when released money can be given back, as far as there is some.
    pub fn gives_back_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Released { released_at } | State::RefundedAfter { released_at, .. } => {
                Some(released_at + days(self.terms.refund_after_days))
            }
            State::Proposed { .. }
            | State::Agreed { .. }
            | State::Funding { .. }
            | State::Funded { .. }
            | State::Submitted { .. }
            | State::ChangesRequested { .. }
            | State::Approved { .. }
            | State::RefundRequested { .. }
            | State::Refunded { .. }
            | State::Disputed { .. }
            | State::Split { .. }
            | State::Dormant { .. }
            | State::ChargedBack { .. }
            | State::Cancelled { .. } => None,
        }
    }

    /// The freelancer gives back `amount` of what was released, within the time the terms give, and
    /// no more than was paid net and is `available` in their balance. The version is not optional:
    /// a repeat would pay twice.
    pub fn refund_after(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: i64,
        amount: Money,
        available: Money,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRefundAfter)?;
        self.standing(actor, Verb::MilestoneRefundAfter, Some(expected))?;
        let (State::Released { released_at } | State::RefundedAfter { released_at, .. }) = self.state else {
            return Err(self.wrong_state(actor));
        };
        if self.gives_back_until().is_none_or(|until| now >= until) {
            let message = format!("released money can be given back within {} days", self.terms.refund_after_days);
            return Err(Refusal::rule("REFUND_TOO_LATE", message));
        }
        if amount.is_zero() {
            return Err(Refusal::field("amount", "OUT_OF_RANGE", "must be above zero"));
        }
        if !available.covers(amount)? {
            return Err(Refusal::Insufficient { available, asked: amount });
        }
        let entry = self.entry(Reason::RefundAfter);
        let from = LedgerAccount::Available(self.freelancer);
        let (escrow, entry) = self.escrow.refund_after(entry, from, self.credit_account(), amount)?;
        let event = Event::MilestoneRefundedAfter { milestone: self.id, amount };
        let mut next = Self { escrow, state: State::RefundedAfter { released_at, refunded_at: now }, ..self.clone() };
        let back = next.sources.give_back(amount)?;
        let entry = entry.came_with(self.credit_account(), &back)?;
        Ok(self.becomes(next).posting(entry).telling(event))
    }

    /// Held money goes back to the client, with its part of the fee as the terms have it. With none
    /// left the milestone is refunded; otherwise work on the rest goes on.
    pub(super) fn refund(self, now: Timestamp, amount: Money) -> Result<Change<Self>, Refusal> {
        let entry = self.entry(Reason::Refund);
        let with_fee = self.terms.client_fee_returned;
        let (escrow, entry, refunded) =
            self.escrow.refund(entry, self.escrow_account(), self.credit_account(), amount, with_fee)?;
        let state = if !escrow.held().is_zero() {
            match &self.state {
                State::RefundRequested { requested_at, resume, .. } => {
                    resume.later(Span { from: *requested_at, until: now })
                }
                other => other.clone(),
            }
        } else if let Some(releases_at) = self.last_hold_over() {
            State::Approved { approved_at: now, releases_at, automatic: false, settled: false, from: None }
        } else {
            State::Refunded { refunded_at: now }
        };
        let event = Event::MilestoneRefunded { milestone: self.id, amount: refunded.amount.plus(refunded.client_fee)? };
        let amount_left = self.amount.minus_or_zero(amount)?;
        let mut next = Self { escrow, state, amount: amount_left, ..self.clone() };
        let back = next.sources.refund(refunded.amount, refunded.client_fee)?;
        let entry = entry.came_with(self.credit_account(), &back)?;
        make_up_itself(self.becomes(next).posting(entry).telling(event))
    }

    /// What was asked for, as far as it is there: a bank may have taken some of it meanwhile.
    fn refund_asked_for(self, now: Timestamp, amount: Money) -> Result<Change<Self>, Refusal> {
        let amount = amount.min(self.escrow.held())?;
        self.refund(now, amount)
    }

    fn refund_dropped(self, now: Timestamp) -> Change<Self> {
        let State::RefundRequested { requested_at, resume, .. } = &self.state else { return Change::none(self) };
        let state = resume.later(Span { from: *requested_at, until: now });
        let next = Self { state, ..self.clone() };
        self.becomes(next)
    }
}
