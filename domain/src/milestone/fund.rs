//! Paying into escrow. The client sets out, the processor's events decide; they come late, twice
//! and out of order, and no order of them loses or doubles a cent: a payment counts once, and one
//! that nothing waits for any more becomes the client's credit.

use super::{Attempt, Chargeback, EarlyChargeback, Kind, Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::change::Change;
use crate::credit::{Credit, Part, divide};
use crate::escrow::Escrow;
use crate::event::Event;
use crate::id::PaymentId;
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Money, MoneyError};
use crate::policy::hours;
use crate::refusal::Refusal;

impl Milestone {
    /// The client pays by card: the quote is fixed, and the processor will be asked for `payment`.
    /// Asking again while that is under way changes nothing.
    pub fn start_funding(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        payment: PaymentId,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneFund)?;
        if matches!(self.state, State::Funding { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneFund, expected)?;
        let quote = self.quote()?;
        let attempt = Attempt { payment, quote };
        let expires_at = now + hours(self.terms.funding_expiry_hours);
        let event = Event::MilestoneFundingStarted { milestone: self.id, payment, total: quote.client_pays };
        let next = Self { state: State::Funding { attempt, expires_at }, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// The client pays out of the organization's credit. A bank took money of the client's back at `taken_back_at`, last.
    pub fn fund_from_credit(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        credit: &Credit,
        taken_back_at: Option<Timestamp>,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneFund)?;
        self.standing(actor, Verb::MilestoneFund, expected)?;
        let quote = self.quote()?;
        let spent = credit.spend(quote.client_pays)?;
        let amounts = divide(quote.amount, &spent)?;
        let fees = spent.iter().zip(&amounts).map(|((of, all), (_, amount))| Ok((*of, all.minus(*amount)?)));
        let all = amounts.iter().copied().map(Ok).chain(fees).collect::<Result<Vec<Part>, MoneyError>>()?;
        let (account, entry) = (self.credit_account(), self.entry(Reason::Fund));
        let (escrow, entry) =
            self.escrow.fund(entry, self.escrow_account(), account, quote.amount, quote.client_fee)?;
        let hold_days = self.terms.hold_days(taken_back_at, now);
        self.with_money(now, escrow, entry.came_with(account, &all)?, &amounts, hold_days)
    }

    /// The client gives the payment up. Should its money come all the same, it still funds the
    /// milestone if that waits for it.
    pub fn stop_funding(self, actor: &Actor, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneStopFunding)?;
        self.standing(actor, Verb::MilestoneStopFunding, expected)?;
        Ok(self.attempt_failed())
    }

    /// The processor says that a payment succeeded, and how much came. A bank took money of the client's back at
    /// `taken_back_at`, last.
    pub fn funded(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        received: Money,
        taken_back_at: Option<Timestamp>,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneConfirmFunding)?;
        if self.payments.contains(&payment) {
            return Ok(Change::none(self));
        }
        let waiting = match &self.state {
            State::Funding { attempt, .. } => Some(*attempt),
            State::Agreed { last_attempt, .. } => *last_attempt,
            State::Proposed { .. }
            | State::Funded { .. }
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
            | State::ChargedBack { .. }
            | State::Cancelled { .. } => None,
        };
        // A milestone that grew meanwhile is not funded by a payment for less.
        let quote = self.quote()?;
        let fits = |attempt: &Attempt| {
            attempt.payment == payment && attempt.quote.client_pays == received && attempt.quote == quote
        };
        let Some(Attempt { quote, .. }) = waiting.filter(fits) else {
            return self.credited(payment, received);
        };
        let mut paid = self.clone();
        paid.payments.push(payment);
        let (clearing, entry) = (LedgerAccount::ProcessorClearing, self.entry(Reason::Fund));
        let (escrow, entry) =
            self.escrow.fund(entry, self.escrow_account(), clearing, quote.amount, quote.client_fee)?;
        let hold_days = self.terms.hold_days(taken_back_at, now);
        let change = paid.with_money(now, escrow, entry, &[(Some(payment), quote.amount)], hold_days)?;
        let mut early = change.next.early_chargebacks.clone().into_iter().filter(|early| early.payment == payment);
        early.try_fold(change, |change, EarlyChargeback { reference, amount, .. }| {
            change.then(|milestone| milestone.charge_back(actor, now, payment, &reference, amount))
        })
    }

    /// The processor says that a payment failed.
    pub fn funding_failed(self, actor: &Actor, payment: PaymentId) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneFailFunding)?;
        match &self.state {
            State::Funding { attempt, .. } if attempt.payment == payment => Ok(self.attempt_failed()),
            // A failure told after the success, after a newer attempt, or twice.
            _ => Ok(Change::none(self)),
        }
    }

    /// The time for the money to come is over. A bank that has taken the payment up and takes its days over
    /// it (`with_the_bank`) is waited for: what can't be called back must not be asked for again.
    pub fn expire_funding(self, actor: &Actor, now: Timestamp, with_the_bank: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneFailFunding)?;
        match &self.state {
            State::Funding { attempt, expires_at } if *expires_at <= now && with_the_bank => {
                let expires_at = now + hours(self.terms.funding_expiry_hours);
                let next = Self { state: State::Funding { attempt: *attempt, expires_at }, ..self.clone() };
                Ok(self.becomes(next))
            }
            State::Funding { expires_at, .. } if *expires_at <= now => Ok(self.attempt_failed()),
            _ => Ok(Change::none(self)),
        }
    }

    fn attempt_failed(self) -> Change<Self> {
        let State::Funding { attempt, expires_at } = &self.state else { return Change::none(self) };
        let event = Event::MilestoneFundingFailed { milestone: self.id, payment: attempt.payment };
        let state = State::Agreed { last_attempt: Some(*attempt), idle: None };
        let mut next = Self { state, ..self.clone() };
        next.waits_anew(*expires_at);
        self.becomes(next).telling(event)
    }

    /// A payment that nothing waits for: all of it is the client's credit. What was charged back of
    /// it before it came is taken out of that credit again; it never was this milestone's money.
    fn credited(self, payment: PaymentId, received: Money) -> Result<Change<Self>, Refusal> {
        let (clearing, credit) = (LedgerAccount::ProcessorClearing, self.credit_account());
        let entry = self.entry(Reason::Credit).moving(clearing, credit, received).all_came_with(credit, payment);
        let mut next = self.clone();
        next.payments.push(payment);
        if let State::Funding { attempt, expires_at } = self.state
            && attempt.payment == payment
        {
            next.state = State::Agreed { last_attempt: None, idle: None };
            next.waits_anew(expires_at);
        }
        let (early, kept): (Vec<_>, Vec<_>) =
            self.early_chargebacks.iter().cloned().partition(|early| early.payment == payment);
        next.early_chargebacks = kept;
        let (bore, chargebacks) = Chargeback::of_credit(payment, received, &early)?;
        next.chargebacks.extend(chargebacks);
        let (amount, lost) = (bore.total()?, bore.lost);
        let back = self.entry(Reason::Chargeback).moving(credit, clearing, bore.from_credit);
        let back = back.moving(LedgerAccount::Losses, clearing, lost).all_came_with(credit, payment);
        let event = Event::PaymentCredited { organization: self.client, payment, amount: received };
        let change = self.becomes(next).posting(entry).posting(back).telling(event);
        if amount.is_zero() {
            return Ok(change);
        }
        Ok(change.telling(Event::MilestoneChargedBack { milestone: self.id, amount, lost }))
    }

    /// Money comes into escrow, to be held for so many days once it is approved. Work can begin; a gift is approved on the
    /// spot.
    fn with_money(
        self,
        now: Timestamp,
        escrow: Escrow,
        entry: JournalEntry,
        came_with: &[Part],
        hold_days: u16,
    ) -> Result<Change<Self>, Refusal> {
        let mut next = Self { escrow, state: State::Funded { idle_since: now, notices: 0 }, ..self.clone() };
        // What it was handed on from another one may be held for longer.
        next.hold_days = self.hold_days.max(Some(hold_days));
        for (payment, part) in came_with {
            next.sources.come(*payment, *part)?;
        }
        let amount = escrow.held().minus(self.escrow.held())?;
        let event = Event::MilestoneFunded { milestone: self.id, amount };
        let change = self.becomes(next).posting(entry).telling(event);
        match change.next.kind {
            Kind::Work => Ok(change),
            Kind::Bonus | Kind::Tip => change.then(|milestone| {
                let all = milestone.escrow.held();
                milestone.release_to_pending(now, all, false)
            }),
        }
    }
}
