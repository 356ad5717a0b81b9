//! Submitting, reviewing, approving; the security hold; and what silence does.

use serde::{Deserialize, Serialize};

use super::{Hold, Idle, Kind, Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::change::Change;
use crate::credit::divide;
use crate::event::Event;
use crate::id::SubmissionId;
use crate::ledger::{LedgerAccount, Reason};
use crate::money::Money;
use crate::outage::Span;
use crate::policy::{days, hours};
use crate::refusal::{Invalid, Refusal};
use crate::timer::Timer;

/// How much of the held money a client approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// All of it.
    Whole,
    /// This much; the rest stays funded, and work goes on.
    Part(Money),
}

impl Milestone {
    /// The freelancer hands in work. The review clock starts anew.
    pub fn submit(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        submission: SubmissionId,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneSubmit)?;
        if matches!(&self.state, State::Submitted { submission: same, .. } if *same == submission) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneSubmit, expected)?;
        let approves_at = now + days(self.terms.review_days);
        let event = Event::MilestoneSubmitted { milestone: self.id, submission, approves_at };
        let state =
            State::Submitted { submission, submitted_at: now, approves_at, notices: 0, stood_still: Vec::new() };
        let next = Self { state, submissions: self.submissions.saturating_add(1), ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// The client asks for changes, and says which (1 to 5,000 characters). The clock stops.
    pub fn request_changes(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        note: &str,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRequestChanges)?;
        self.standing(actor, Verb::MilestoneRequestChanges, expected)?;
        let mut invalid = Invalid::default();
        let note = invalid.text("note", note, 1..=5_000);
        invalid.finish()?;
        let round = self.rounds.saturating_add(1);
        let event = Event::MilestoneChangesRequested { milestone: self.id, round };
        let state = State::ChangesRequested { note, requested_at: now, idle: Some(Idle::since(now)) };
        let next = Self { state, rounds: round, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// The client accepts the work, whole or in part. What is approved is pending for the
    /// freelancer, and available when the security hold is over.
    pub fn approve(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        approval: Approval,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneApprove)?;
        if approval == Approval::Whole
            && matches!(self.state, State::Approved { from: None, .. } | State::Released { .. })
        {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneApprove, expected)?;
        let amount = match approval {
            Approval::Whole => self.escrow.held(),
            Approval::Part(amount) => amount,
        };
        if amount.is_zero() {
            return Err(Refusal::field("amount", "OUT_OF_RANGE", "must be above zero"));
        }
        self.release_to_pending(now, amount, false)
    }

    /// The client accepts part of the work, and what is left of the money moves on to the next
    /// milestone, which is worth that much more.
    pub fn approve_and_hand_over(
        self,
        next: Self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        amount: Money,
    ) -> Result<Change<(Self, Self)>, Refusal> {
        self.access(actor, Verb::MilestoneApprove)?;
        next.access(actor, Verb::MilestoneApprove)?;
        self.standing(actor, Verb::MilestoneApprove, expected)?;
        if next.id == self.id || next.contract != self.contract || next.contract.is_none() {
            return Err(Refusal::field(
                "restToMilestoneId",
                "UNKNOWN",
                "must be another milestone of the same contract",
            ));
        }
        match &next.state {
            State::Agreed { .. } => (),
            // How long its money is held is settled, and what is handed on shall not be available any sooner.
            State::Funded { .. } if next.held_days() < self.held_days() => {
                let message = "its money is held for fewer days than this; choose one that waits for money";
                return Err(Refusal::field("restToMilestoneId", "HELD_FOR_LESS", message));
            }
            State::Funded { .. } => (),
            State::Proposed { .. }
            | State::Funding { .. }
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
            | State::Cancelled { .. } => return Err(next.wrong_state(actor)),
        }
        let rest = self.escrow.held().minus_or_zero(amount)?;
        if amount.is_zero() || rest.is_zero() {
            let message = format!("must be above zero and below {}", self.escrow.held());
            return Err(Refusal::field("amount", "OUT_OF_RANGE", message));
        }
        let entry = self.entry(Reason::HandOver);
        let (escrow, next_escrow, entry) =
            self.escrow.hand_over(next.escrow, entry, self.escrow_account(), next.escrow_account(), rest)?;
        let mut smaller = Self { escrow, amount: self.amount.minus_or_zero(rest)?, ..self.clone() };
        let mut larger = Self { escrow: next_escrow, amount: next.amount.plus(rest)?, ..next.clone() };
        for (payment, part) in smaller.sources.hand_on(rest)? {
            larger.sources.come(payment, part)?;
        }
        if matches!(larger.state, State::Agreed { .. }) {
            larger.hold_days = larger.hold_days.max(Some(self.held_days()));
        }
        larger.waits_anew(now);
        let receiving = next.becomes(larger);
        let mut approving =
            self.becomes(smaller).posting(entry).then(|milestone| milestone.release_to_pending(now, amount, false))?;
        // What banks have of it was not approved: only `amount` was.
        approving.next.owes(Some(Money::zero(amount.currency())))?;
        Ok(approving.and(receiving))
    }

    /// Nobody answered a submission in time. While none of the client's people can, since all of them are `barred`,
    /// silence is not taken for a yes: the deadline moves, for the `barred_days` of the terms at most.
    pub fn auto_approve(self, actor: &Actor, now: Timestamp, barred: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneAutoApprove)?;
        match &self.state {
            State::Submitted { submitted_at, approves_at, stood_still, .. } if *approves_at <= now => {
                let regular = *submitted_at + days(self.terms.review_days) + Span::together(stood_still);
                if let Some(later) = self.unheard(barred, now, *approves_at, regular) {
                    let mut next = self.clone();
                    if let State::Submitted { approves_at, .. } = &mut next.state {
                        *approves_at = later;
                    }
                    return Ok(self.becomes(next));
                }
                let all = self.escrow.held();
                self.release_to_pending(now, all, true)
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// Whoever's silence would decide now is `barred` from an answer: when it is looked at again, if it waits for them.
    /// It does until `barred_days` after it would have been decided `regular`ly: but for outages, and with the time in
    /// which its clock stood still, when nobody could have answered.
    pub(super) fn unheard(
        &self,
        barred: bool,
        now: Timestamp,
        due: Timestamp,
        regular: Timestamp,
    ) -> Option<Timestamp> {
        let waits_until = regular + hours(self.grace_hours) + days(self.terms.barred_days);
        (barred && due < waits_until).then(|| now + days(1))
    }

    /// The client is reminded that a submission waits.
    pub fn remind(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRemind)?;
        let due = self.is_due(Timer::RemindReview(self.id), now);
        let mut next = self.clone();
        match &mut next.state {
            State::Submitted { notices, approves_at, .. } if due => {
                *notices += 1;
                let event = Event::MilestoneReviewWaits { milestone: self.id, approves_at: *approves_at };
                Ok(self.becomes(next).telling(event))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// Security holds that are over: pending money becomes available.
    pub fn release(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneRelease)?;
        let (over, holds): (Vec<Hold>, Vec<Hold>) =
            self.holds.iter().cloned().partition(|hold| hold.releases_at <= now);
        if over.is_empty() {
            return Ok(Change::none(self));
        }
        let amount = Money::sum(self.amount.currency(), over.iter().map(|hold| hold.share.net))?;
        let available = LedgerAccount::Available(self.freelancer);
        let entry = self.entry(Reason::HoldOver).moving(self.pending_account(), available, amount);
        let last = holds.is_empty();
        let state = match &self.state {
            State::Approved { settled: true, .. } if last && !self.escrow.parts().refunded.is_zero() => {
                State::Split { settled_at: now }
            }
            State::Approved { from: None, .. } if last => State::Released { released_at: now },
            // Banks have nothing of the rest any more, and nothing of that is left to work for.
            State::Approved { from: Some(_), .. } if last && self.at_banks()?.is_zero() => {
                State::Released { released_at: now }
            }
            other => other.clone(),
        };
        let event = Event::MilestoneReleased { milestone: self.id, amount };
        let mut next = Self { holds, state, ..self.clone() };
        let goes_on = !next.status().is_terminal() && !next.is_disputed();
        if last && goes_on && !self.at_banks()?.is_zero() {
            next.ends_without_money(now)?;
        }
        Ok(self.becomes(next).posting(entry).telling(event))
    }

    /// Its contract is looked at by our people, and no money of it moves by itself: what is due is put off to the
    /// next day.
    pub fn put_off(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneExtend)?;
        let (mut next, later) = (self.clone(), now + days(1));
        let put_off: Vec<Timestamp> = self.holds.iter().map(|hold| hold.releases_at).filter(|at| *at <= now).collect();
        let of_banks =
            next.chargebacks.iter_mut().flat_map(|known| &mut known.of_holds).map(|part| &mut part.releases_at);
        let of_holds = next.holds.iter_mut().map(|hold| &mut hold.releases_at);
        of_holds.chain(of_banks).filter(|at| put_off.contains(at)).for_each(|at| *at = later);
        if let State::RefundRequested { resolves_at: at, stood_still, .. }
        | State::Dormant { refunds_at: at, stood_still, .. } = &mut next.state
            && *at <= now
        {
            Span { from: *at, until: later }.joins(stood_still);
            *at = later;
        }
        if let (Some(Idle { since, notices }), Some(due)) = (self.state.idle(), self.goes_dormant_by())
            && due <= now
        {
            next.state = next.state.idling(Idle { since: since + (later - due), notices });
        }
        Ok(if next == self { Change::none(self) } else { self.becomes(next) })
    }

    /// An outage took time away: the deadline that runs moves by so many hours, within the cap.
    /// Deadlines only ever move later.
    pub fn extend(self, actor: &Actor, by_hours: u16) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneExtend)?;
        let granted = self.grace_left().min(by_hours);
        let mut next = Self { grace_hours: self.grace_hours + granted, ..self.clone() };
        match &mut next.state {
            _ if granted == 0 => return Ok(Change::none(self)),
            State::Submitted { approves_at, .. } => *approves_at += hours(granted),
            State::RefundRequested { resolves_at, .. } => *resolves_at += hours(granted),
            State::Dormant { refunds_at, .. } => *refunds_at += hours(granted),
            _ => return Ok(Change::none(self)),
        }
        let event = Event::MilestoneExtended { milestone: self.id, hours: granted };
        Ok(self.becomes(next).telling(event))
    }

    /// Grace for a deadline that runs elsewhere, in its dispute, counted here: so many hours of what
    /// was asked for.
    pub(crate) fn granted(self, by_hours: u16) -> (u16, Change<Self>) {
        let granted = self.grace_left().min(by_hours);
        if granted == 0 {
            return (0, Change::none(self));
        }
        let event = Event::MilestoneExtended { milestone: self.id, hours: granted };
        let next = Self { grace_hours: self.grace_hours + granted, ..self.clone() };
        (granted, self.becomes(next).telling(event))
    }

    pub(crate) fn grace_left(&self) -> u16 {
        self.terms.grace_cap_hours.saturating_sub(self.grace_hours)
    }

    /// `amount` leaves escrow for the freelancer's pending balance. With all of it gone the
    /// milestone is approved; otherwise work on the rest goes on.
    pub(super) fn release_to_pending(
        self,
        now: Timestamp,
        amount: Money,
        automatic: bool,
    ) -> Result<Change<Self>, Refusal> {
        let releases_at = now + days(self.held_days());
        self.release_until(now, amount, releases_at, automatic)
    }

    /// The same, available at a given time.
    pub(super) fn release_until(
        self,
        now: Timestamp,
        amount: Money,
        releases_at: Timestamp,
        automatic: bool,
    ) -> Result<Change<Self>, Refusal> {
        let entry = self.entry(match self.kind {
            Kind::Work => Reason::Release,
            Kind::Bonus | Kind::Tip => Reason::Bonus,
        });
        let (escrow, entry, share) =
            self.escrow.release(entry, self.escrow_account(), self.pending_account(), amount, self.fee_rate())?;
        let state = if escrow.held().is_zero() {
            State::Approved { approved_at: now, releases_at, automatic, settled: false, from: None }
        } else {
            State::Funded { idle_since: now, notices: 0 }
        };
        let event = Event::MilestoneApproved { milestone: self.id, amount: share.net, releases_at, automatic };
        let mut next = Self { escrow, state, ..self.clone() };
        let came_with = divide(share.net, &next.sources.release(amount)?)?;
        next.holds.push(Hold { share, releases_at, came_with });
        if escrow.held().is_zero() {
            next.owes(None)?;
        }
        Ok(self.becomes(next).posting(entry).telling(event))
    }
}
