//! A dispute, from its opening to the money. All amounts are what the freelancer gets before our
//! fee, between nothing and what is in dispute; the rest goes back to the client.
//!
//! Whatever ends it, what was decided is carried out in the same change: the dispute and its
//! [`Case`] are handed in and come out together, with the award as one balanced entry.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::bearer::makes_up;
use crate::change::Change;
use crate::event::{Event, OfDispute};
use crate::id::{ContractId, DisputeId, MilestoneId, OrganizationId, TimesheetId, UserId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::milestone::{Milestone, Reach, Side, State, Taken};
use crate::money::{Money, MoneyError};
use crate::policy::{Terms, business_days_after, days, hours};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;
use crate::timesheet::{Timesheet, TimesheetState};

mod evidence;
mod fees;
mod ladder;
#[cfg(test)]
mod tests;

pub use evidence::{EVIDENCE_MAX, Evidence};
pub use fees::Fees;

/// A dispute, and the timesheet in two: what is paid as usual, and what is disputed.
pub type Contested = (Dispute, (Timesheet, Timesheet));

/// What a dispute is about, handed to its verbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// The money of a milestone.
    Milestone(Milestone),
    /// Entries of a timesheet.
    Timesheet(Timesheet),
}

/// What a dispute is about, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum CaseId {
    /// A milestone.
    Milestone(MilestoneId),
    /// A timesheet.
    Timesheet(TimesheetId),
}

/// Something for each of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Both<T> {
    /// The client's.
    pub client: T,
    /// The freelancer's.
    pub freelancer: T,
}

impl Case {
    /// Its name.
    pub fn id(&self) -> CaseId {
        match self {
            Self::Milestone(milestone) => CaseId::Milestone(milestone.id),
            Self::Timesheet(timesheet) => CaseId::Timesheet(timesheet.id),
        }
    }

    /// The dispute that is on over it, if one is.
    pub fn dispute(&self) -> Option<DisputeId> {
        match self {
            Self::Milestone(Milestone { state: State::Disputed { dispute, .. }, .. })
            | Self::Timesheet(Timesheet { state: TimesheetState::Disputed { dispute }, .. }) => Some(*dispute),
            Self::Milestone(_) | Self::Timesheet(_) => None,
        }
    }

    /// So much of a fee for arbitration what was decided did not bring the freelancer. Hours are charged after that, so no
    /// bank has any of it.
    fn owing_fee(mut self, lacking: Money) -> Self {
        match &mut self {
            Self::Milestone(milestone) => milestone.owes_fee(lacking),
            Self::Timesheet(_) => (),
        }
        self
    }

    /// How many hours of outage grace it can still be given.
    pub fn grace_left(&self) -> u16 {
        match self {
            Self::Milestone(milestone) => milestone.grace_left(),
            Self::Timesheet(timesheet) => timesheet.grace_left(),
        }
    }
}

impl<T: Copy> Both<T> {
    /// One side's.
    pub fn of(&self, side: Side) -> T {
        match side {
            Side::Client => self.client,
            Side::Freelancer => self.freelancer,
        }
    }

    /// With one side's set.
    #[must_use]
    pub fn with(mut self, side: Side, value: T) -> Self {
        match side {
            Side::Client => self.client = value,
            Side::Freelancer => self.freelancer = value,
        }
        self
    }
}

/// A disagreement over money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// What it is about.
    pub case: CaseId,
    /// The contract.
    pub contract: Option<ContractId>,
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// The terms of the contract.
    pub terms: Terms,
    /// Who opened it.
    pub claimant: Side,
    /// Why, in the claimant's words.
    pub reason: String,
    /// What the other side says to it, once it has answered.
    pub answer: Option<String>,
    /// How much is in dispute.
    pub total: Money,
    /// What the claimant says the freelancer should get.
    pub claim: Money,
    /// The last offer of each side.
    pub offers: Both<Option<Money>>,
    /// What mediators found, with their reasons: the recommendation, and then the award.
    pub findings: Vec<Finding>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: DisputeState,
}

/// What a mediator says the outcome should be, or the arbiter that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the freelancer should get.
    pub to_freelancer: Money,
    /// Why, for both sides to read.
    pub reason: String,
}

/// A verdict that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whose.
    pub by: UserId,
    /// What the freelancer should get.
    pub to_freelancer: Money,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A mediator's recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Whose.
    pub by: UserId,
    /// What the freelancer should get.
    pub to_freelancer: Money,
}

/// Where a dispute stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DisputeState {
    /// It waits for the other side's answer.
    Opened {
        /// Until then; silence concedes.
        answer_by: Timestamp,
    },
    /// The other side answered; offers can be made, and a mediator can step in.
    Answered {
        /// When.
        answered_at: Timestamp,
        /// When the mediators are reminded that it waits for them.
        remind_at: Timestamp,
    },
    /// Offers are on the table.
    Negotiating {
        /// Since when.
        since: Timestamp,
        /// When the mediators are reminded, should nothing move.
        remind_at: Timestamp,
    },
    /// A mediator recommended an outcome.
    Recommended {
        /// What.
        recommendation: Recommendation,
        /// Who accepted it.
        accepted: Both<bool>,
        /// Until then; silence lets the recommendation stand.
        decide_by: Timestamp,
    },
    /// A side did not take the recommendation; each may pay for arbitration.
    Arbitration {
        /// What stands if neither pays.
        recommendation: Recommendation,
        /// Who paid.
        paid: Both<bool>,
        /// And what.
        #[serde(default)]
        fees: Fees,
        /// Until then.
        pay_by: Timestamp,
    },
    /// Before the arbiter: both paid, or the amount is small enough to be heard for free.
    Hearing {
        /// What had been recommended, and by whom: nobody awards what they recommended.
        recommendation: Recommendation,
        /// Without a fee?
        small_claims: bool,
        /// What was paid for it.
        #[serde(default)]
        fees: Fees,
        /// Since when.
        since: Timestamp,
        /// When the arbiters are reminded that it waits for them.
        remind_at: Timestamp,
    },
    /// Decided, and carried out.
    Executed {
        /// How it was decided.
        outcome: Outcome,
        /// What the freelancer got, before our fee.
        to_freelancer: Money,
        /// When.
        executed_at: Timestamp,
    },
    /// The claimant withdrew it.
    Withdrawn {
        /// When.
        withdrawn_at: Timestamp,
    },
    /// The client's bank took the money, and there was nothing left to decide.
    Closed {
        /// When.
        closed_at: Timestamp,
    },
}

/// How a dispute was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The other side agreed to the claim.
    Conceded,
    /// The other side was silent.
    Silence,
    /// The two sides' offers met.
    Settled,
    /// Both took the recommendation, or let it stand.
    Recommended,
    /// Only one side paid for arbitration.
    OneSidePaid,
    /// The arbiter decided.
    Awarded,
}

impl DisputeState {
    /// The name of the state, for columns, filters and the schema.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Answered { .. } => "answered",
            Self::Negotiating { .. } => "negotiating",
            Self::Recommended { .. } => "recommended",
            Self::Arbitration { .. } => "arbitration",
            Self::Hearing { .. } => "hearing",
            Self::Executed { .. } => "executed",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Closed { .. } => "closed",
        }
    }

    /// Is it over?
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Executed { .. } | Self::Withdrawn { .. } | Self::Closed { .. } => true,
            Self::Opened { .. }
            | Self::Answered { .. }
            | Self::Negotiating { .. }
            | Self::Recommended { .. }
            | Self::Arbitration { .. }
            | Self::Hearing { .. } => false,
        }
    }
}

/// What a side says when it opens a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Why.
    pub reason: String,
    /// How much of what is in dispute it wants for itself; all of it, if it does not say.
    pub amount: Option<Money>,
}

/// A dispute and what it is about, saved together.
pub type Disputed = Change<(Dispute, Case)>;

/// A side of a milestone opens a dispute over it.
pub fn open(
    milestone: Milestone,
    actor: &Actor,
    now: Timestamp,
    expected: Option<i64>,
    id: DisputeId,
    claim: Claim,
) -> Result<Change<(Dispute, Milestone)>, Refusal> {
    let claimant = milestone.side(actor);
    let change = milestone.dispute(actor, now, expected, id)?;
    let (true, Some(claimant)) = (change.changed, claimant) else {
        return Err(Refusal::rule("ALREADY_DISPUTED", "a dispute over this milestone is on already"));
    };
    let mut invalid = Invalid::default();
    let reason = invalid.text("reason", &claim.reason, 1..=5_000);
    let total = change.next.escrow.held();
    let wants = claim.amount.unwrap_or(total);
    if !total.covers(wants)? || wants.is_zero() {
        invalid.add("amount", "OUT_OF_RANGE", format!("must be above zero and no more than {total}"));
    }
    invalid.finish()?;
    let dispute = Dispute::of_milestone(id, &change.next, claimant, reason, wants, now)?;
    Ok(dispute.opened(Some(claimant)).and(change))
}

/// A refund request nobody answered: the money goes back, or a dispute begins in the client's name. Nothing goes back by
/// the silence of a freelancer who is `barred` from an answer.
pub fn resolve_refund(
    milestone: Milestone,
    actor: &Actor,
    now: Timestamp,
    id: DisputeId,
    barred: bool,
) -> Result<Change<(Option<Dispute>, Milestone)>, Refusal> {
    let asked = match &milestone.state {
        State::RefundRequested { amount, .. } => amount.min(milestone.escrow.held())?,
        _ => milestone.escrow.held(),
    };
    let change = milestone.resolve_refund(actor, now, id, barred)?;
    if !(change.changed && change.next.is_disputed()) {
        return Ok(change.map(|milestone| (None, milestone)));
    }
    let reason = "The refund that was asked for was not answered.".to_owned();
    let dispute = Dispute::of_milestone(id, &change.next, Side::Client, reason, asked, now)?;
    Ok(dispute.opened(None).and(change).map(|(dispute, milestone)| (Some(dispute), milestone)))
}

/// A client disputes entries of a timesheet. Answers the rest of the timesheet along with them.
pub fn open_timesheet(
    timesheet: Timesheet,
    actor: &Actor,
    now: Timestamp,
    expected: Option<i64>,
    listed: &[crate::id::TimeEntryId],
    ids: (DisputeId, TimesheetId),
    claim: Claim,
) -> Result<Change<Contested>, Refusal> {
    let (id, apart) = ids;
    let change = timesheet.dispute(actor, now, expected, listed, apart, id)?;
    let disputed = &change.next.1;
    let mut invalid = Invalid::default();
    let reason = invalid.text("reason", &claim.reason, 1..=5_000);
    let total = disputed.amount()?;
    let wants = claim.amount.unwrap_or(total);
    if !total.covers(wants)? || wants.is_zero() {
        invalid.add("amount", "OUT_OF_RANGE", format!("must be above zero and no more than {total}"));
    }
    invalid.finish()?;
    let dispute = Dispute {
        id,
        case: CaseId::Timesheet(disputed.id),
        contract: Some(disputed.contract),
        client: disputed.client,
        freelancer: disputed.freelancer,
        terms: disputed.terms.clone(),
        claimant: Side::Client,
        reason,
        total,
        answer: None,
        claim: total.minus(wants)?,
        offers: Both::default(),
        findings: Vec::new(),
        opened_at: now,
        version: 1,
        state: DisputeState::Opened { answer_by: answer_by(&disputed.terms, now) },
    };
    Ok(dispute.opened(Some(Side::Client)).and(change))
}

/// A milestone, and the dispute over it if one is on.
pub type WithDispute = (Milestone, Option<Dispute>);

/// The client's bank takes back a payment of a milestone: out of that, and out of what else is in reach; of the
/// client's credit, `credit` came with it.
/// Each may be in dispute; a dispute with nothing left to decide is closed. Answers them in their order.
pub fn charge_back(
    own: WithDispute,
    others: Vec<WithDispute>,
    credit: Money,
    actor: &Actor,
    now: Timestamp,
    taken: &Taken<'_>,
) -> Result<Change<Vec<WithDispute>>, Refusal> {
    let (own, dispute) = own;
    let (milestones, disputes): (Vec<_>, Vec<_>) = others.into_iter().unzip();
    let client = own.client;
    let change = own.charge_back_reaching(Reach { credit, milestones }, actor, now, taken)?;
    let mut change = closing(change, [dispute].into_iter().chain(disputes), now)?;
    let Some((own, _)) = change.next.first_mut() else { return Ok(change) };
    let credit = LedgerAccount::ClientCredit(client);
    let (lost, leads_to) = (own.lost_by(taken.payment)?, own.version + 1);
    let Some((amount, entry)) = makes_up(&change.entries, credit, taken.payment, lost, leads_to)? else {
        return Ok(change);
    };
    *own = own.clone().made_up(actor, taken.payment, amount)?.next;
    Ok(change.posting(entry))
}

/// The same, of a payment of a week.
pub fn charge_back_week(
    week: Timesheet,
    others: Vec<WithDispute>,
    credit: Money,
    actor: &Actor,
    now: Timestamp,
    taken: &Taken<'_>,
) -> Result<Change<(Timesheet, Vec<WithDispute>)>, Refusal> {
    let (milestones, disputes): (Vec<_>, Vec<_>) = others.into_iter().unzip();
    let Change { next: (week, milestones), changed, entries, events, timers } =
        week.charge_back_reaching(Reach { credit, milestones }, actor, now, taken)?;
    let change = Change { next: milestones, changed, entries, events, timers };
    let change = closing(change, disputes.into_iter(), now)?;
    let credit = LedgerAccount::ClientCredit(week.client);
    let (lost, leads_to) = (week.lost_by(taken.payment)?, week.version + 1);
    let Some((amount, entry)) = makes_up(&change.entries, credit, taken.payment, lost, leads_to)? else {
        return Ok(change.map(|others| (week, others)));
    };
    let week = week.made_up(actor, taken.payment, amount)?.next;
    Ok(change.posting(entry).map(|others| (week, others)))
}

/// Close the disputes over milestones that a chargeback left nothing in. Fees of what nobody will hear go back.
fn closing(
    change: Change<Vec<Milestone>>,
    disputes: impl Iterator<Item = Option<Dispute>>,
    now: Timestamp,
) -> Result<Change<Vec<WithDispute>>, Refusal> {
    let Change { next: milestones, changed, entries, events, timers } = change;
    let start = Change { next: Vec::new(), changed, entries, events, timers };
    milestones.into_iter().zip(disputes).try_fold(start, |all, (milestone, dispute)| {
        let dispute = match dispute {
            Some(dispute) if !milestone.is_disputed() && !dispute.state.is_terminal() => {
                let event = Event::DisputeClosed { told: dispute.told(None) };
                let back = dispute.fees_back()?;
                let closed = dispute.becomes(DisputeState::Closed { closed_at: now }).telling(event).map(Some);
                back.into_iter().fold(closed, Change::posting)
            }
            dispute => Change::none(dispute),
        };
        Ok(all.and(dispute).map(|(mut all, dispute)| {
            all.push((milestone, dispute));
            all
        }))
    })
}

/// An outage took time away from a side of a dispute: the deadline that runs moves by so many hours,
/// out of the grace that the milestone or the week it is about still has.
pub fn extend(dispute: Dispute, case: Case, actor: &Actor, by_hours: u16) -> Result<Disputed, Refusal> {
    dispute.access(actor, Verb::MilestoneExtend)?;
    dispute.is_about(case.id())?;
    let (granted, extended) = match case.clone() {
        Case::Milestone(milestone) => {
            let (granted, extended) = milestone.granted(by_hours);
            (granted, extended.map(Case::Milestone))
        }
        Case::Timesheet(timesheet) => {
            let (granted, extended) = timesheet.granted(by_hours);
            (granted, extended.map(Case::Timesheet))
        }
    };
    let mut state = dispute.state.clone();
    match &mut state {
        _ if granted == 0 => return Ok(Change::none((dispute, case))),
        DisputeState::Opened { answer_by } => *answer_by += hours(granted),
        DisputeState::Recommended { decide_by, .. } => *decide_by += hours(granted),
        DisputeState::Arbitration { pay_by, .. } => *pay_by += hours(granted),
        DisputeState::Answered { .. }
        | DisputeState::Negotiating { .. }
        | DisputeState::Hearing { .. }
        | DisputeState::Executed { .. }
        | DisputeState::Withdrawn { .. }
        | DisputeState::Closed { .. } => return Ok(Change::none((dispute, case))),
    }
    Ok(dispute.becomes(state).and(extended))
}

fn answer_by(terms: &Terms, now: Timestamp) -> Timestamp {
    business_days_after(now, terms.dispute_answer_business_days)
}

impl Dispute {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer).disputed_if(true)
    }

    /// The side an actor is on, if on any.
    pub fn side(&self, actor: &Actor) -> Option<Side> {
        Side::of(Role::of(actor, &self.subject()))
    }

    /// What this actor can do to it now, as far as dealings don't stand against it.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let role = Role::of(actor, &self.subject());
        self.verbs(Side::of(role)).into_iter().filter(|verb| verb.allowed_to().contains(&role)).collect()
    }

    /// The same for somebody who has, or does not have, dealings with a side.
    pub fn allowed_with(&self, actor: &Actor, has_dealings: bool) -> Vec<Verb> {
        let mut allowed = self.allowed(actor);
        if actor.user().is_some_and(|user| self.is_partial(user, has_dealings)) {
            allowed.retain(|verb| !matches!(verb, Verb::DisputeRecommend | Verb::DisputeAward));
        }
        allowed
    }

    /// What a mediator recommended, if one has.
    pub fn recommendation(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// What the arbiter decided, if it came to that.
    pub fn award_given(&self) -> Option<&Finding> {
        self.findings.get(1)
    }

    /// Is it small enough to be heard without a fee?
    pub fn is_small_claim(&self) -> Result<bool, Refusal> {
        Ok(!self.total.covers(self.terms.small_claims_under)?)
    }

    /// Is whoever recommended in it, or has dealings with a side, kept from judging it now?
    fn is_partial(&self, user: UserId, has_dealings: bool) -> bool {
        let recommended = self.recommendation().is_some_and(|finding| finding.by == user);
        has_dealings || recommended
    }

    /// The timers that run in this state, and when they are due.
    pub fn clocks(&self) -> Vec<(Timer, Timestamp)> {
        let at = match &self.state {
            DisputeState::Opened { answer_by } => *answer_by,
            DisputeState::Recommended { decide_by, .. } => *decide_by,
            DisputeState::Arbitration { pay_by, .. } => *pay_by,
            // Nothing is decided by these; they keep a dispute from being forgotten.
            DisputeState::Answered { remind_at, .. }
            | DisputeState::Negotiating { remind_at, .. }
            | DisputeState::Hearing { remind_at, .. } => *remind_at,
            DisputeState::Executed { .. } | DisputeState::Withdrawn { .. } | DisputeState::Closed { .. } => {
                return Vec::new();
            }
        };
        vec![(Timer::AdvanceDispute(self.id), at)]
    }

    /// When silence decides, if it does in this state.
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            DisputeState::Opened { answer_by } => Some(*answer_by),
            DisputeState::Recommended { decide_by, .. } => Some(*decide_by),
            DisputeState::Arbitration { pay_by, .. } => Some(*pay_by),
            DisputeState::Answered { .. }
            | DisputeState::Negotiating { .. }
            | DisputeState::Hearing { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. } => None,
        }
    }

    /// What the freelancer gets if this side gets its way.
    fn position(&self, side: Side) -> Money {
        if side == self.claimant {
            return self.claim;
        }
        match side {
            Side::Client => Money::zero(self.total.currency()),
            Side::Freelancer => self.total,
        }
    }

    fn of_milestone(
        id: DisputeId,
        milestone: &Milestone,
        claimant: Side,
        reason: String,
        wants: Money,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let total = milestone.escrow.held();
        let claim = match claimant {
            Side::Freelancer => wants,
            Side::Client => total.minus_or_zero(wants)?,
        };
        Ok(Self {
            id,
            case: CaseId::Milestone(milestone.id),
            contract: milestone.contract,
            client: milestone.client,
            freelancer: milestone.freelancer,
            terms: milestone.terms.clone(),
            claimant,
            reason,
            answer: None,
            total,
            claim,
            offers: Both::default(),
            findings: Vec::new(),
            opened_at: now,
            version: 1,
            state: DisputeState::Opened { answer_by: answer_by(&milestone.terms, now) },
        })
    }

    /// It begins; the other side is told, and both are when it began by itself.
    fn opened(self, by: Option<Side>) -> Change<Self> {
        let event = Event::DisputeOpened { told: self.told(by) };
        let clocks = self.clocks();
        Change::to(self).telling(event).clocked(&[], &clocks)
    }

    /// What an event tells of it: which it is, and which side did it.
    fn told(&self, by: Option<Side>) -> OfDispute {
        let milestone = match self.case {
            CaseId::Milestone(milestone) => Some(milestone),
            CaseId::Timesheet(_) => None,
        };
        OfDispute { dispute: self.id, contract: self.contract, milestone, by }
    }

    fn verbs(&self, side: Option<Side>) -> Vec<Verb> {
        let claims = side == Some(self.claimant);
        // Who opened it and no longer wants it offers what the other side asks. Taking it back would let it be opened
        // again, and the money be held for as long as one likes.
        let agreeing = [Verb::DisputeOffer].into_iter().chain((!claims).then_some(Verb::DisputeConcede));
        let mut verbs = Vec::new();
        match &self.state {
            DisputeState::Opened { .. } => {
                verbs.push(if claims { Verb::DisputeWithdraw } else { Verb::DisputeAnswer });
                if side.is_some() && !claims {
                    verbs.push(Verb::DisputeConcede);
                }
            }
            DisputeState::Answered { .. } | DisputeState::Negotiating { .. } => {
                verbs.push(Verb::DisputeRecommend);
                verbs.extend(agreeing);
            }
            DisputeState::Recommended { accepted, .. } => {
                if side.is_none_or(|side| !accepted.of(side)) {
                    verbs.extend([Verb::DisputeAccept, Verb::DisputeRefuse]);
                }
                verbs.extend(agreeing);
            }
            DisputeState::Arbitration { paid, .. } => {
                if side.is_none_or(|side| !paid.of(side)) {
                    verbs.push(Verb::DisputePayFee);
                }
                verbs.extend(agreeing);
            }
            DisputeState::Hearing { .. } => {
                verbs.push(Verb::DisputeAward);
                verbs.extend(agreeing);
            }
            DisputeState::Executed { .. } | DisputeState::Withdrawn { .. } | DisputeState::Closed { .. } => (),
        }
        if side.is_some() && !self.state.is_terminal() {
            verbs.push(Verb::EvidenceAdd);
        }
        verbs
    }

    fn access(&self, actor: &Actor, verb: Verb) -> Result<Role, Refusal> {
        Ok(access::check(actor, verb, &self.subject())?)
    }

    /// The checks all commands of people share, after access: the version they meant, and the
    /// state. Answers the side they are on.
    fn standing(&self, actor: &Actor, verb: Verb, expected: Option<i64>) -> Result<Option<Side>, Refusal> {
        expect_version(expected, self.version)?;
        let side = self.side(actor);
        if self.verbs(side).contains(&verb) {
            Ok(side)
        } else {
            Err(Refusal::wrong_state("dispute", self.state.as_str(), self.allowed(actor)))
        }
    }

    fn is_about(&self, case: CaseId) -> Result<(), Refusal> {
        if case == self.case { Ok(()) } else { Err(Refusal::HIDDEN) }
    }

    fn remind_at(&self, now: Timestamp) -> Timestamp {
        now + days(self.terms.dispute_reminder_days)
    }

    fn becomes(self, state: DisputeState) -> Change<Self> {
        let before = self.clocks();
        let next = Self { version: self.version + 1, state, ..self };
        let after = next.clocks();
        Change::to(next).clocked(&before, &after)
    }
}
