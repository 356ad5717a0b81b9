//! An offer: the client names the work and the price; the freelancer takes it or leaves it.
//!
//! A fixed-price offer is sent once its first milestone is funded, so whoever accepts it knows that
//! the money is there. While it is open the freelancer decides; when it ends any other way than by
//! acceptance, what was funded goes back whole.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::contract::{self, Contract, Engagement};
use crate::event::Event;
use crate::gig::TradeTerms;
use crate::id::{ContractId, GigId, MilestoneId, OfferId, OrganizationId, OutageId, ProposalId, UserId};
use crate::milestone::{Deal, Milestone, MilestoneDraft, Side};
use crate::money::Money;
use crate::outage::Span;
use crate::policy::{PolicyVersion, Terms, days, hours};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

/// The most milestones an offer names.
pub const MILESTONES_MAX: usize = 20;

/// An offer of a client to a freelancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The id its contract will have. Money that is paid before the contract exists is booked for
    /// it, so that its statement begins with the first cent.
    pub contract: ContractId,
    /// The gig it is about; none for an offer made without one.
    pub gig: Option<GigId>,
    /// The proposal it answers; none when the freelancer was approached directly.
    pub proposal: Option<ProposalId>,
    /// Who offers.
    pub client: OrganizationId,
    /// Who is asked.
    pub freelancer: UserId,
    /// What the contract will be called.
    pub title: String,
    /// What the client has to say about it.
    pub message: String,
    /// How the work will be paid.
    pub engagement: Engagement,
    /// The milestone to be funded before it is sent; none when paid by the hour.
    pub first_milestone: Option<MilestoneId>,
    /// The version of the policy in force when it was made.
    pub policy: i32,
    /// The terms of that policy, and of the contract.
    pub terms: Terms,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where an offer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Not meant to be seen yet.
    Draft,
    /// It waits for the money of its first milestone.
    PendingFunding {
        /// When it expires, funded or not.
        expires_at: Timestamp,
        /// What outages gave the client.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        grace: Vec<Grace>,
    },
    /// The freelancer decides.
    Sent {
        /// When it was sent.
        sent_at: Timestamp,
        /// When it expires.
        expires_at: Timestamp,
        /// What outages gave the freelancer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        grace: Vec<Grace>,
        /// How many hours they had given the client before, while it waited for money.
        #[serde(default, skip_serializing_if = "is_none")]
        given_before: u16,
    },
    /// The contract exists.
    Accepted {
        /// Since when.
        accepted_at: Timestamp,
    },
    /// The freelancer said no.
    Declined {
        /// When.
        declined_at: Timestamp,
        /// In the freelancer's words.
        reason: String,
    },
    /// The client took it back.
    Withdrawn {
        /// When.
        withdrawn_at: Timestamp,
        /// Had the freelancer seen it?
        was_sent: bool,
    },
    /// Nobody answered.
    Expired {
        /// When.
        expired_at: Timestamp,
        /// Had the freelancer seen it?
        was_sent: bool,
    },
}

fn is_none(hours: &u16) -> bool {
    *hours == 0
}

/// What an outage gave to whoever an offer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace {
    /// Which.
    pub outage: OutageId,
    /// So many hours.
    pub hours: u16,
    /// For this time.
    pub span: Span,
}

/// The flat view of a [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// See [`State::Draft`].
    Draft,
    /// See [`State::PendingFunding`].
    PendingFunding,
    /// See [`State::Sent`].
    Sent,
    /// See [`State::Accepted`].
    Accepted,
    /// See [`State::Declined`].
    Declined,
    /// See [`State::Withdrawn`].
    Withdrawn,
    /// See [`State::Expired`].
    Expired,
}

impl Status {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingFunding => "pending_funding",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl State {
    /// The flat view.
    pub fn status(&self) -> Status {
        match self {
            Self::Draft => Status::Draft,
            Self::PendingFunding { .. } => Status::PendingFunding,
            Self::Sent { .. } => Status::Sent,
            Self::Accepted { .. } => Status::Accepted,
            Self::Declined { .. } => Status::Declined,
            Self::Withdrawn { .. } => Status::Withdrawn,
            Self::Expired { .. } => Status::Expired,
        }
    }
}

/// What the client said, found to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferDraft {
    title: String,
    message: String,
    engagement: Engagement,
    milestones: Vec<MilestoneDraft>,
}

/// A milestone as the client typed it.
#[derive(Debug, Clone)]
pub struct MilestoneInput {
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// What it is worth.
    pub amount: Money,
    /// When it is wanted.
    pub due: Option<Timestamp>,
}

/// Whom an offer is made to, about what, and under which policy.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The gig, if it is about one.
    pub gig: Option<GigId>,
    /// The proposal, if it answers one.
    pub proposal: Option<ProposalId>,
    /// Who offers.
    pub client: OrganizationId,
    /// Who is asked.
    pub freelancer: UserId,
    /// Does that person belong to the client?
    pub is_member: bool,
    /// The policy in force.
    pub policy: PolicyVersion,
}

impl OfferDraft {
    /// Check what was said: a title of 3 to 120 characters, a message of up to 5,000; 1 to 20
    /// milestones for a fixed price and none for work by the hour, whose rate is above zero and
    /// whose longest week is an hour at least, and no longer than the terms allow.
    pub fn parse(
        title: &str,
        message: &str,
        engagement: Engagement,
        milestones: &[MilestoneInput],
        terms: &Terms,
    ) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let title = invalid.line("title", title, 3..=120);
        let message = invalid.text("message", message, 0..=5_000);
        match engagement {
            Engagement::Fixed if milestones.is_empty() || milestones.len() > MILESTONES_MAX => {
                let rule = format!("a fixed-price offer names 1 to {MILESTONES_MAX} milestones");
                invalid.add("milestones", "OUT_OF_RANGE", rule);
            }
            Engagement::Fixed => {}
            Engagement::Hourly { rate, weekly_limit_minutes } => {
                terms.check_amount(&mut invalid, "hourlyRate", rate);
                invalid.range("weeklyLimitMinutes", weekly_limit_minutes, 60..=terms.weekly_limit_minutes);
                if !milestones.is_empty() {
                    invalid.add("milestones", "CONFLICT", "work by the hour has no milestones");
                }
            }
        }
        let mut drafts = Vec::new();
        for (place, typed) in milestones.iter().take(MILESTONES_MAX).enumerate() {
            match MilestoneDraft::parse(&typed.title, &typed.description, typed.amount, typed.due, terms) {
                Ok(draft) => drafts.push(draft),
                Err(refusal) => invalid.nest(&format!("milestones.{place}"), refusal),
            }
        }
        invalid.finish()?;
        Ok(Self { title, message, engagement, milestones: drafts })
    }

    /// The milestones it names, in order.
    pub fn milestones(&self) -> &[MilestoneDraft] {
        &self.milestones
    }

    /// Make the offer, as a draft.
    pub fn create(
        self,
        actor: &Actor,
        now: Timestamp,
        ids: (OfferId, ContractId),
        first_milestone: Option<MilestoneId>,
        basis: Basis,
    ) -> Result<Change<Offer>, Refusal> {
        access::check(actor, Verb::OfferCreate, &Subject::of_client(basis.client))?;
        if basis.is_member {
            return Err(Refusal::rule("SELF_DEALING", "an organization can't hire one of its own members"));
        }
        let offer = Offer {
            id: ids.0,
            contract: ids.1,
            gig: basis.gig,
            proposal: basis.proposal,
            client: basis.client,
            freelancer: basis.freelancer,
            title: self.title,
            message: self.message,
            engagement: self.engagement,
            first_milestone,
            policy: basis.policy.number,
            terms: basis.policy.terms,
            version: 1,
            state: State::Draft,
            created_at: now,
        };
        Ok(Change::to(offer))
    }
}

/// May a client who approached so many people in the last day, who had not bid, approach one more? As many as it may invite.
pub fn may_approach(lately: i64, terms: &TradeTerms) -> Result<(), Refusal> {
    let limit = i64::from(terms.invitations_per_day);
    if lately < limit {
        return Ok(());
    }
    Err(Refusal::Limit {
        code: "OFFERS_PER_DAY".to_owned(),
        limit,
        value: lately + 1,
        message: format!("a client can make {limit} offers a day to people who have not bid"),
    })
}

/// So many offers on one proposal may reach its freelancer in a day: each lies on their desk, and is told.
const OF_A_PROPOSAL_PER_DAY: i64 = 10;

/// May a client of whom so many offers on a proposal were sent in the last day make one more?
pub fn may_offer_again(lately: i64) -> Result<(), Refusal> {
    if lately < OF_A_PROPOSAL_PER_DAY {
        return Ok(());
    }
    Err(Refusal::Limit {
        code: "OFFERS_PER_PROPOSAL".to_owned(),
        limit: OF_A_PROPOSAL_PER_DAY,
        value: lately + 1,
        message: format!("a client can make {OF_A_PROPOSAL_PER_DAY} offers a day on one proposal"),
    })
}

impl Offer {
    /// Whose it is, for the access table: the freelancer is a party once it was sent.
    pub fn subject(&self) -> Subject {
        if self.was_sent() { Subject::between(self.client, self.freelancer) } else { Subject::of_client(self.client) }
    }

    /// May this actor see it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::OfferRead, &self.subject())
    }

    /// Has the freelancer had it before their eyes?
    pub fn was_sent(&self) -> bool {
        match &self.state {
            State::Draft | State::PendingFunding { .. } => false,
            State::Sent { .. } | State::Accepted { .. } | State::Declined { .. } => true,
            State::Withdrawn { was_sent, .. } | State::Expired { was_sent, .. } => *was_sent,
        }
    }

    /// When it expires, while it is open.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::PendingFunding { expires_at, .. } | State::Sent { expires_at, .. } => Some(*expires_at),
            State::Draft
            | State::Accepted { .. }
            | State::Declined { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. } => None,
        }
    }

    /// Since when it waits, for whom, and what outages gave them already; nobody's time runs if it is not open.
    pub fn waits(&self) -> Option<(Timestamp, Side, &[Grace])> {
        let (side, expires_at, grace) = match &self.state {
            State::PendingFunding { expires_at, grace } => (Side::Client, *expires_at, grace),
            State::Sent { expires_at, grace, .. } => (Side::Freelancer, *expires_at, grace),
            State::Draft
            | State::Accepted { .. }
            | State::Declined { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. } => return None,
        };
        let given = grace.iter().fold(days(self.terms.offer_expiry_days), |all, one| all + hours(one.hours));
        Some((expires_at - given, side, grace))
    }

    /// How many hours outages may still give it, whomever it waits for.
    pub(crate) fn grace_left(&self) -> u16 {
        self.terms.grace_cap_hours.saturating_sub(self.grace_given())
    }

    /// How many hours outages gave it, whomever it waited for.
    fn grace_given(&self) -> u16 {
        let (before, grace) = match &self.state {
            State::PendingFunding { grace, .. } => (0, grace),
            State::Sent { grace, given_before, .. } => (*given_before, grace),
            State::Draft
            | State::Accepted { .. }
            | State::Declined { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. } => return 0,
        };
        grace.iter().fold(before, |all, one| all.saturating_add(one.hours))
    }

    /// An outage took time from whoever it waits for: it expires so much later.
    pub fn extend(mut self, actor: &Actor, given: Grace) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferExpire, &self.subject())?;
        match &mut self.state {
            State::PendingFunding { expires_at, grace } | State::Sent { expires_at, grace, .. } => {
                *expires_at += hours(given.hours);
                grace.push(given);
                let (timer, at, state) = (Timer::ExpireOffer(self.id), *expires_at, self.state.clone());
                Ok(self.becomes(state).timing(timer, at))
            }
            State::Draft
            | State::Accepted { .. }
            | State::Declined { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. } => Ok(Change::none(self)),
        }
    }

    /// The flat view of its state.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// Between whom, and under which terms, its milestones are made.
    pub fn deal(&self) -> Deal {
        Deal {
            client: self.client,
            freelancer: self.freelancer,
            contract: None,
            offer: Some(self.id),
            terms: self.terms.clone(),
        }
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let role = Role::of(actor, &self.subject());
        self.verbs().iter().copied().filter(|verb| verb.allowed_to().contains(&role)).collect()
    }

    /// The same at `now`: nobody accepts what has run out, though the clock has not come to close it yet, nor anything
    /// once their tax form has lapsed (`form_lapsed`).
    pub fn allowed_at(&self, actor: &Actor, now: Timestamp, form_lapsed: bool) -> Vec<Verb> {
        let stands = |verb: &Verb| *verb != Verb::OfferAccept || !(form_lapsed || self.has_run_out(now));
        self.allowed(actor).into_iter().filter(stands).collect()
    }

    fn has_run_out(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at <= now)
    }

    /// The client means it. Paid by the hour it is sent at once; at a fixed price it waits for the
    /// money of its first milestone.
    pub fn send(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferSend, &self.subject())?;
        if matches!(self.state, State::PendingFunding { .. } | State::Sent { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::OfferSend, expected)?;
        match self.engagement {
            Engagement::Fixed => {
                let expires_at = now + days(self.terms.offer_expiry_days);
                let timer = Timer::ExpireOffer(self.id);
                Ok(self.becomes(State::PendingFunding { expires_at, grace: Vec::new() }).timing(timer, expires_at))
            }
            Engagement::Hourly { .. } => Ok(self.sent(now)),
        }
    }

    /// Money is paid into its milestones once the client means it: a draft has no clock, so nothing would give the money
    /// back.
    pub fn takes_money(&self) -> Result<(), Refusal> {
        match self.state {
            State::Draft => Err(Refusal::rule("OFFER_IS_DRAFT", "the offer is a draft: send it, and then fund it")),
            State::PendingFunding { .. }
            | State::Sent { .. }
            | State::Accepted { .. }
            | State::Declined { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. } => Ok(()),
        }
    }

    /// What this actor can do to one of its milestones now, while there is no contract.
    pub fn allowed_on(&self, milestone: &Milestone, actor: &Actor) -> Vec<Verb> {
        let stands = |verb: &Verb| *verb != Verb::MilestoneFund || self.takes_money().is_ok();
        milestone.allowed(actor).into_iter().filter(stands).collect()
    }

    /// The money of its first milestone is there: the freelancer hears of it.
    pub fn first_milestone_funded(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferConfirmFunding, &self.subject())?;
        match self.state {
            State::PendingFunding { .. } => Ok(self.sent(now)),
            _ => Ok(Change::none(self)),
        }
    }

    /// The money that was promised with it is there: of its milestones, the first holds what it is worth. A bank may
    /// have taken it back since the offer was sent.
    pub fn is_covered(&self, milestones: &[Milestone]) -> bool {
        let holds = |milestone: &Milestone| milestone.escrow.held().covers(milestone.amount).unwrap_or(false);
        self.first_milestone.is_none_or(|first| milestones.iter().any(|one| one.id == first && holds(one)))
    }

    /// The freelancer takes it: there is a contract now.
    pub fn accept(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        milestones: &[Milestone],
    ) -> Result<Change<(Self, Contract)>, Refusal> {
        access::check(actor, Verb::OfferAccept, &self.subject())?;
        self.standing(actor, Verb::OfferAccept, expected)?;
        if !self.is_covered(milestones) {
            let message = "the client's bank took back what was paid into this offer: ask for another";
            return Err(Refusal::rule("OFFER_NOT_COVERED", message));
        }
        if self.has_run_out(now) {
            return Err(Refusal::rule("OFFER_EXPIRED", "this offer has expired"));
        }
        let contract = Contract {
            id: self.contract,
            offer: self.id,
            gig: self.gig,
            proposal: self.proposal,
            client: self.client,
            freelancer: self.freelancer,
            title: self.title.clone(),
            engagement: self.engagement,
            policy: self.policy,
            terms: self.terms.clone(),
            version: 1,
            state: contract::State::Active,
            created_at: now,
        };
        let event = Event::OfferAccepted { offer: self.id, contract: contract.id };
        let timer = Timer::ExpireOffer(self.id);
        let accepted = self.becomes(State::Accepted { accepted_at: now }).telling(event).stopping(timer);
        Ok(accepted.map(|offer| (offer, contract)))
    }

    /// The contract that came of it, if the freelancer has taken it already: then nothing is left to do.
    pub fn accepted(&self, actor: &Actor) -> Result<Option<ContractId>, Refusal> {
        access::check(actor, Verb::OfferAccept, &self.subject())?;
        Ok(matches!(self.state, State::Accepted { .. }).then_some(self.contract))
    }

    /// The freelancer leaves it, and may say why (up to 2,000 characters).
    pub fn decline(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferDecline, &self.subject())?;
        if matches!(self.state, State::Declined { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::OfferDecline, expected)?;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 0..=2_000);
        invalid.finish()?;
        let (offer, timer) = (self.id, Timer::ExpireOffer(self.id));
        let state = State::Declined { declined_at: now, reason };
        Ok(self.becomes(state).telling(Event::OfferDeclined { offer }).stopping(timer))
    }

    /// The client takes it back.
    pub fn withdraw(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferWithdraw, &self.subject())?;
        if matches!(self.state, State::Withdrawn { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::OfferWithdraw, expected)?;
        let (offer, timer, was_sent) = (self.id, Timer::ExpireOffer(self.id), self.was_sent());
        let state = State::Withdrawn { withdrawn_at: now, was_sent };
        Ok(self.becomes(state).telling(Event::OfferWithdrawn { offer }).stopping(timer))
    }

    /// Nobody answered in time.
    pub fn expire(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferExpire, &self.subject())?;
        match self.expires_at() {
            Some(expires_at) if expires_at <= now => {
                let (offer, was_sent) = (self.id, self.was_sent());
                Ok(self.becomes(State::Expired { expired_at: now, was_sent }).telling(Event::OfferExpired { offer }))
            }
            Some(expires_at) => {
                let timer = Timer::ExpireOffer(self.id);
                Ok(Change::none(self).timing(timer, expires_at))
            }
            None => Ok(Change::none(self)),
        }
    }

    /// The money of its first milestone came, and the proposal that it takes up has ended meanwhile; or a bank took
    /// that money back. There is nothing to decide on any more.
    pub fn overtaken(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OfferConfirmFunding, &self.subject())?;
        match self.state {
            State::PendingFunding { .. } | State::Sent { .. } => {
                let (offer, timer) = (self.id, Timer::ExpireOffer(self.id));
                let was_sent = matches!(self.state, State::Sent { .. });
                let state = State::Expired { expired_at: now, was_sent };
                Ok(self.becomes(state).telling(Event::OfferExpired { offer }).stopping(timer))
            }
            _ => Ok(Change::none(self)),
        }
    }

    fn verbs(&self) -> &'static [Verb] {
        match &self.state {
            State::Draft => &[Verb::OfferSend, Verb::OfferWithdraw],
            State::PendingFunding { .. } => &[Verb::OfferWithdraw],
            State::Sent { .. } => &[Verb::OfferWithdraw, Verb::OfferAccept, Verb::OfferDecline],
            State::Accepted { .. } | State::Declined { .. } | State::Withdrawn { .. } | State::Expired { .. } => &[],
        }
    }

    fn standing(&self, actor: &Actor, verb: Verb, expected: Option<i64>) -> Result<(), Refusal> {
        expect_version(expected, self.version)?;
        if self.verbs().contains(&verb) {
            Ok(())
        } else {
            Err(Refusal::wrong_state("offer", self.status().as_str(), self.allowed(actor)))
        }
    }

    fn sent(self, now: Timestamp) -> Change<Self> {
        let (offer, timer) = (self.id, Timer::ExpireOffer(self.id));
        let expires_at = now + days(self.terms.offer_expiry_days);
        let state = State::Sent { sent_at: now, expires_at, grace: Vec::new(), given_before: self.grace_given() };
        self.becomes(state).telling(Event::OfferSent { offer }).timing(timer, expires_at)
    }

    fn becomes(self, state: State) -> Change<Self> {
        Change::to(Self { state, version: self.version + 1, ..self })
    }
}
