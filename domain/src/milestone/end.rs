//! A dispute: it stops the clocks, and either hands the milestone back as it was or divides the
//! money. The dispute itself is a room of its own; these are the steps it asks the milestone to take.

use super::{Hold, Idle, Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::bearer::make_up_itself;
use crate::change::Change;
use crate::credit::divide;
use crate::event::Event;
use crate::id::DisputeId;
use crate::ledger::{LedgerAccount, Reason};
use crate::money::Money;
use crate::outage::Span;
use crate::policy::days;
use crate::refusal::Refusal;

/// What was decided about a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Award {
    /// What the freelancer gets, before our fee, of what was in dispute.
    pub to_freelancer: Money,
    /// What was in dispute. What banks had taken before that, and gave back meanwhile or give back later, is divided
    /// in the same proportion.
    pub of: Money,
    /// Did the two sides decide it themselves, by words or by silence, and nobody of ours?
    pub agreed: bool,
}

impl Award {
    /// So much of money that was not in dispute is the freelancer's.
    fn share_of(&self, amount: Money) -> Money {
        amount.in_proportion(self.to_freelancer, self.of)
    }
}

impl State {
    /// The same state after its clocks stood still. Since when a clock of silence runs stays as it was: that is what it is
    /// known by ([`crate::outage`]).
    pub(super) fn later(&self, still: Span) -> Self {
        let (mut state, by) = (self.clone(), still.length());
        match &mut state {
            Self::Funded { .. } | Self::Agreed { .. } | Self::ChangesRequested { .. } => {
                if let Some(idle) = state.idle() {
                    return state.idling(Idle { since: idle.since + by, ..idle });
                }
            }
            Self::Approved { releases_at, .. } => *releases_at += by,
            // What it goes back to stands still from the request on, whatever happens to that.
            Self::Submitted { approves_at: at, stood_still, .. }
            | Self::Dormant { refunds_at: at, stood_still, .. }
            | Self::RefundRequested { resolves_at: at, stood_still, .. } => {
                *at += by;
                still.joins(stood_still);
            }
            Self::Proposed { .. }
            | Self::Funding { .. }
            | Self::Released { .. }
            | Self::Refunded { .. }
            | Self::Disputed { .. }
            | Self::Split { .. }
            | Self::RefundedAfter { .. }
            | Self::ChargedBack { .. }
            | Self::Cancelled { .. } => (),
        }
        state
    }
}

impl Milestone {
    /// Either side disputes. Whatever is held, or approved and still in its hold, is what it is about. What is over in its
    /// hold is the freelancer's, though nobody came round to releasing it.
    pub fn dispute(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        dispute: DisputeId,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneDispute)?;
        if matches!(self.state, State::Disputed { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::MilestoneDispute, expected)?;
        let released = self.release(&Actor::System, now)?;
        released.next.standing(actor, Verb::MilestoneDispute, None)?;
        released.then(|milestone| milestone.disputed(now, dispute))
    }

    pub(super) fn disputed(self, now: Timestamp, dispute: DisputeId) -> Result<Change<Self>, Refusal> {
        let mut next = self.clone();
        let mut entry = self.entry(Reason::Reclaim);
        if matches!(self.state, State::Approved { .. }) {
            let mut share = next.holds_again(now)?;
            for hold in std::mem::take(&mut next.holds) {
                share = share.plus(&hold.share)?;
            }
            let (account, pending) = (self.escrow_account(), self.pending_account());
            (next.escrow, entry, share) = next.escrow.reclaim(entry, account, pending, share, self.fee_rate())?;
            next.sources.reclaim(share.gross()?)?;
        }
        next.state = State::Disputed { dispute, since: now, resume: Box::new(self.state.clone()) };
        Ok(self.becomes(next).posting(entry).telling(Event::MilestoneDisputed { milestone: self.id, dispute }))
    }

    /// The dispute was withdrawn: the milestone goes on, its clocks as far as they were.
    pub fn resume(self, actor: &Actor, now: Timestamp, dispute: DisputeId) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneSettle)?;
        let (since, resume) = match &self.state {
            State::Disputed { dispute: same, since, resume } if *same == dispute => (*since, resume.clone()),
            _ => return Ok(Change::none(self)),
        };
        let event = Event::MilestoneResumed { milestone: self.id };
        let state = match resume.later(Span { from: since, until: now }) {
            // Silence had opened it, in the client's name: what was asked for is over, too.
            State::RefundRequested { resolves_at, requested_at, resume, .. } if resolves_at <= now => {
                resume.later(Span { from: requested_at, until: now })
            }
            state => state,
        };
        let releases_at = match &state {
            State::Approved { releases_at, .. } => Some(*releases_at),
            _ => None,
        };
        let next = Self { state, ..self.clone() };
        let change = self.becomes(next).telling(event);
        match releases_at {
            Some(releases_at) => change.then(|milestone| {
                let all = milestone.escrow.held();
                milestone.release_until(now, all, releases_at, false)
            }),
            None => Ok(change),
        }
    }

    /// The dispute's outcome is carried out, as one balanced entry: of what is held, the freelancer's part of the
    /// `award` is released, less our fee, and the rest goes back to the client. What somebody else has decided is
    /// available at once. What the two sides agreed on may be a stranger's money that they share: it is held as what was
    /// approved is, as far as it was not before the dispute.
    pub fn settle(
        self,
        actor: &Actor,
        now: Timestamp,
        dispute: DisputeId,
        award: Award,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneSettle)?;
        let releases_at = match &self.state {
            State::Disputed { dispute: same, since, resume } if *same == dispute => {
                match resume.later(Span { from: *since, until: now }) {
                    State::Approved { releases_at, .. } => releases_at,
                    _ => now + days(self.held_days()),
                }
            }
            _ => return Ok(Change::none(self)),
        };
        let is_held = award.agreed && releases_at > now;
        // A chargeback may have taken some of it meanwhile: that is the client's side, and comes off the client's part.
        let held = self.escrow.held();
        let came_back = award.share_of(held.minus_or_zero(award.of)?);
        let gross = award.to_freelancer.plus(came_back)?.min(held)?;
        let beside = award.share_of(held.plus(self.at_banks()?)?.minus_or_zero(award.of)?);
        let missing = award.to_freelancer.plus(beside)?.minus_or_zero(gross)?;
        let to = if is_held { self.pending_account() } else { LedgerAccount::Available(self.freelancer) };
        let entry = self.entry(Reason::Award);
        let account = self.escrow_account();
        let (escrow, entry, share) = self.escrow.release(entry, account, to, gross, self.fee_rate())?;
        let rest = escrow.held();
        let with_fee = self.terms.client_fee_returned;
        let (escrow, entry, refunded) = escrow.refund(entry, account, self.credit_account(), rest, with_fee)?;
        let mut next = self.clone();
        let came_with = divide(share.net, &next.sources.release(gross)?)?;
        let back = next.sources.refund(refunded.amount, refunded.client_fee)?;
        let entry = entry.came_with(self.credit_account(), &back)?;
        if is_held && !gross.is_zero() {
            next.holds.push(Hold { share, releases_at, came_with });
        }
        next.state = match (next.last_hold_over(), gross.is_zero(), rest.is_zero()) {
            (Some(releases_at), ..) => {
                State::Approved { approved_at: now, releases_at, automatic: false, settled: true, from: None }
            }
            (None, false, true) => State::Released { released_at: now },
            (None, true, _) => State::Refunded { refunded_at: now },
            (None, false, false) => State::Split { settled_at: now },
        };
        next.escrow = escrow;
        next.owes(Some(missing))?;
        let event = Event::MilestoneSettled {
            milestone: self.id,
            to_freelancer: share.net,
            to_client: refunded.amount.plus(refunded.client_fee)?,
        };
        make_up_itself(self.becomes(next).posting(entry).telling(event))
    }
}
