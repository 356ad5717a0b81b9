//! From a proposal to an agreement, and out again while there is no money in it.

use super::{Deal, Kind, Milestone, MilestoneDraft, Side, Sources, State};
use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::bearer::make_up_itself;
use crate::change::Change;
use crate::escrow::Escrow;
use crate::event::Event;
use crate::id::{ContractId, MilestoneId};
use crate::ledger::Reason;
use crate::refusal::Refusal;

impl Milestone {
    /// One side proposes more work on a contract.
    pub fn propose(actor: &Actor, id: MilestoneId, deal: Deal, draft: MilestoneDraft) -> Result<Change<Self>, Refusal> {
        let subject = Subject::between(deal.client, deal.freelancer);
        let role = access::check(actor, Verb::MilestonePropose, &subject)?;
        let by = Side::of(role).unwrap_or(Side::Client);
        let milestone = Self::new(id, deal, draft, Kind::Work, State::Proposed { by });
        Ok(Change::to(milestone).telling(Event::MilestoneProposed { milestone: id }))
    }

    /// Part of an offer or of an accepted contract, where agreeing to that is agreeing to this. The
    /// caller has checked who may make the offer.
    pub fn agreed(id: MilestoneId, deal: Deal, draft: MilestoneDraft) -> Change<Self> {
        Self::drafted(id, deal, draft).next.meant()
    }

    /// The same, of an offer that is still a draft: nobody is told of it before the client means it.
    pub fn drafted(id: MilestoneId, deal: Deal, draft: MilestoneDraft) -> Change<Self> {
        Change::to(Self::new(id, deal, draft, Kind::Work, State::Agreed { last_attempt: None, idle: None }))
    }

    /// The client means the offer that it is part of: what was drafted is told.
    pub fn meant(self) -> Change<Self> {
        let milestone = self.id;
        Change::to(self).telling(Event::MilestoneAgreed { milestone })
    }

    /// The client wants to give a bonus or a tip: nothing to agree on, it only waits for the money.
    pub fn give(
        actor: &Actor,
        id: MilestoneId,
        deal: Deal,
        draft: MilestoneDraft,
        kind: Kind,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::MilestoneFund, &Subject::between(deal.client, deal.freelancer))?;
        if kind == Kind::Work {
            return Err(Refusal::field("kind", "OUT_OF_RANGE", "work is proposed, not given"));
        }
        let milestone = Self::new(id, deal, draft, kind, State::Agreed { last_attempt: None, idle: None });
        Ok(Change::to(milestone).telling(Event::MilestoneAgreed { milestone: id }))
    }

    /// The other side agrees to what was proposed.
    pub fn agree(self, actor: &Actor, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneAgree)?;
        if matches!(self.state, State::Agreed { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneAgree, expected)?;
        let milestone = self.id;
        let next = Self { state: State::Agreed { last_attempt: None, idle: None }, ..self.clone() };
        Ok(self.becomes(next).telling(Event::MilestoneAgreed { milestone }))
    }

    /// Either side calls it off, while there is no money in it.
    pub fn cancel(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneCancel)?;
        if matches!(self.state, State::Cancelled { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneCancel, expected)?;
        Ok(self.cancelled(now))
    }

    /// Its contract is ending: it is called off if there is no money in it, nor on its way. What was on its way when the
    /// contract was ended, and did not come, is called off then.
    pub fn called_off(self, now: Timestamp) -> Change<Self> {
        match &self.state {
            State::Proposed { .. } | State::Agreed { .. } if self.escrow.held().is_zero() => self.cancelled(now),
            _ => Change::none(self),
        }
    }

    /// The contract it was waiting for exists: its offer was accepted. The clock of idleness starts.
    pub fn joins(self, contract: ContractId, now: Timestamp) -> Change<Self> {
        if self.contract == Some(contract) {
            return Change::none(self);
        }
        let mut next = Self { contract: Some(contract), ..self.clone() };
        if let State::Funded { idle_since, .. } = &mut next.state {
            *idle_since = now;
        }
        self.becomes(next)
    }

    /// Its offer was declined, withdrawn or has expired: what was funded goes back whole, with the
    /// fee. A payment still under way will become the client's credit when it comes.
    pub fn unwind(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneUnwind)?;
        if self.contract.is_some() || self.status().is_terminal() {
            return Ok(Change::none(self));
        }
        if self.escrow.held().is_zero() {
            return Ok(self.cancelled(now));
        }
        let entry = self.entry(Reason::Refund);
        let (escrow, entry, refunded) =
            self.escrow.refund(entry, self.escrow_account(), self.credit_account(), self.escrow.held(), true)?;
        let event = Event::MilestoneRefunded { milestone: self.id, amount: refunded.amount.plus(refunded.client_fee)? };
        let mut next = Self { escrow, state: State::Refunded { refunded_at: now }, ..self.clone() };
        let back = next.sources.refund(refunded.amount, refunded.client_fee)?;
        let entry = entry.came_with(self.credit_account(), &back)?;
        make_up_itself(self.becomes(next).posting(entry).telling(event))
    }

    fn cancelled(self, now: Timestamp) -> Change<Self> {
        let last_attempt = match &self.state {
            State::Agreed { last_attempt, .. } => *last_attempt,
            State::Funding { attempt, .. } => Some(*attempt),
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
        let milestone = self.id;
        let next = Self { state: State::Cancelled { cancelled_at: now, last_attempt }, ..self.clone() };
        self.becomes(next).telling(Event::MilestoneCancelled { milestone })
    }

    fn new(id: MilestoneId, deal: Deal, draft: MilestoneDraft, kind: Kind, state: State) -> Self {
        let currency = draft.amount.currency();
        Self {
            id,
            contract: deal.contract,
            offer: deal.offer,
            client: deal.client,
            freelancer: deal.freelancer,
            terms: deal.terms,
            kind,
            title: draft.title,
            description: draft.description,
            due: draft.due,
            amount: draft.amount,
            version: 1,
            state,
            escrow: Escrow::empty(currency),
            hold_days: None,
            holds: Vec::new(),
            submissions: 0,
            rounds: 0,
            grace_hours: 0,
            payments: Vec::new(),
            sources: Sources::default(),
            chargebacks: Vec::new(),
            early_chargebacks: Vec::new(),
        }
    }
}
