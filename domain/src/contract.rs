//! A contract: what an accepted offer became. It keeps the terms and the version of the policy it
//! was made under, so later policies never change it.
//!
//! Its milestones and weeks carry the work and the money; the contract itself only says whether the
//! engagement goes on. A contract that is ending takes no new work, and has ended once all its
//! milestones are over and its weeks are settled. That opens its reviews.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{ContractId, GigId, OfferId, OrganizationId, ProposalId, UserId};
use crate::milestone::{Deal, Milestone, Side};
use crate::money::Money;
use crate::policy::{Terms, days};
use crate::refusal::{Refusal, expect_version};
use crate::timer::Timer;
use crate::timesheet::Timesheet;

mod hold;
mod weeks;

pub use hold::{HoldReason, HoldReasons, brings_out};

/// A contract between a client and a freelancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Its id.
    pub id: ContractId,
    /// The offer it was made by.
    pub offer: OfferId,
    /// The gig it is about, if it came from one.
    pub gig: Option<GigId>,
    /// The proposal that won it, if one did.
    pub proposal: Option<ProposalId>,
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// What it is called.
    pub title: String,
    /// How the work is paid.
    pub engagement: Engagement,
    /// The version of the policy in force when it was made.
    pub policy: i32,
    /// The terms of that policy.
    pub terms: Terms,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How work is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Engagement {
    /// By milestones, each with its price.
    Fixed,
    /// By the hour, week by week.
    Hourly {
        /// For an hour.
        rate: Money,
        /// The longest week, in minutes.
        weekly_limit_minutes: u32,
    },
}

impl Engagement {
    /// The name of the kind, as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Hourly { .. } => "hourly",
        }
    }
}

/// Where a contract stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Work goes on.
    Active,
    /// One side asked for a break; either may end it.
    Paused {
        /// Since when.
        since: Timestamp,
    },
    /// Something outside has to be settled first.
    OnHold {
        /// Since when.
        since: Timestamp,
        /// What came first, and still stands.
        reason: HoldReason,
        /// What stands against it besides.
        #[serde(default)]
        also: HoldReasons,
        /// Which of these our people set: no week lifts them.
        #[serde(default)]
        by_staff: HoldReasons,
        /// Since when it was paused, if it was: it is again when nothing stands against it.
        #[serde(default)]
        paused: Option<Timestamp>,
        /// Since when it was ending, if it was: it is again when nothing stands against it.
        #[serde(default)]
        ending: Option<Timestamp>,
    },
    /// No new work; what is under way is carried through.
    Ending {
        /// Since when.
        since: Timestamp,
    },
    /// Over.
    Ended {
        /// Since when.
        ended_at: Timestamp,
    },
}

/// The flat view of a [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// See [`State::Active`].
    Active,
    /// See [`State::Paused`].
    Paused,
    /// See [`State::OnHold`].
    OnHold,
    /// See [`State::Ending`].
    Ending,
    /// See [`State::Ended`].
    Ended,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Active, Self::Paused, Self::OnHold, Self::Ending, Self::Ended];

    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::OnHold => "on_hold",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

impl State {
    /// The flat view.
    pub fn status(self) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::Paused { .. } => Status::Paused,
            Self::OnHold { .. } => Status::OnHold,
            Self::Ending { .. } => Status::Ending,
            Self::Ended { .. } => Status::Ended,
        }
    }
}

impl Contract {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer)
    }

    /// May this actor see it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::ContractRead, &self.subject())
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
            contract: Some(self.id),
            offer: None,
            terms: self.terms.clone(),
        }
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor, now: Timestamp) -> Vec<Verb> {
        let subject = self.subject();
        let role = Role::of(actor, &subject);
        let in_time = |verb: &Verb| match verb {
            Verb::TipGive => self.tips_close_at().is_none_or(|at| now <= at),
            Verb::ReviewSubmit => self.reviews_close_at().is_none_or(|at| now < at),
            _ => true,
        };
        self.verbs().into_iter().filter(|verb| verb.allowed_to().contains(&role)).filter(in_time).collect()
    }

    /// What this actor can do to one of its milestones now: what the milestone itself allows, unless the contract stands
    /// against it.
    pub fn allowed_on(&self, milestone: &Milestone, actor: &Actor, now: Timestamp) -> Vec<Verb> {
        let stands = |verb: &Verb| match verb {
            Verb::MilestoneFund => self.moves_money().is_ok() && self.takes_money_for(milestone, actor, now).is_ok(),
            // These bring money of it to where it can be had.
            Verb::MilestoneAgreeRefund => self.moves_money().is_ok(),
            Verb::MilestoneRefundAfter => {
                self.moves_money().is_ok() && milestone.gives_back_until().is_some_and(|until| now < until)
            }
            _ => true,
        };
        milestone.allowed(actor).into_iter().filter(stands).collect()
    }

    /// The same of one of its weeks.
    pub fn allowed_on_week(&self, week: &Timesheet, actor: &Actor) -> Vec<Verb> {
        let stands = |verb: &Verb| *verb != Verb::TimesheetPay || self.moves_money().is_ok();
        week.allowed(actor).into_iter().filter(stands).collect()
    }

    /// Does a contract have a say in whether this is done to what belongs to it?
    pub fn has_a_say_in(verb: Verb) -> bool {
        matches!(
            verb,
            Verb::MilestoneFund | Verb::MilestoneAgreeRefund | Verb::MilestoneRefundAfter | Verb::TimesheetPay
        )
    }

    /// New work can be agreed on only while the engagement goes on.
    pub fn takes_work(&self, actor: &Actor, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            State::Active => Ok(()),
            State::Paused { .. } | State::OnHold { .. } | State::Ending { .. } | State::Ended { .. } => {
                Err(self.wrong_state(actor, now))
            }
        }
    }

    /// Work that was agreed on is paid for until the contract is ending, which calls it off. What holds money by then is
    /// carried through, and may be paid for whole.
    pub fn takes_money_for(&self, milestone: &Milestone, actor: &Actor, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            State::Active | State::Paused { .. } | State::OnHold { ending: None, .. } => Ok(()),
            State::OnHold { ending: Some(_), .. } | State::Ending { .. } | State::Ended { .. } => {
                let waits = milestone.clone().called_off(now).changed;
                if waits { Err(self.wrong_state(actor, now)) } else { Ok(()) }
            }
        }
    }

    /// Either side asks for a break.
    pub fn pause(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractPause, &self.subject())?;
        if matches!(self.state, State::Paused { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractPause, expected)?;
        let contract = self.id;
        Ok(self.becomes(State::Paused { since: now }).telling(Event::ContractPaused { contract }))
    }

    /// Either side ends the break.
    pub fn resume(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractResume, &self.subject())?;
        if matches!(self.state, State::Active) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractResume, expected)?;
        let contract = self.id;
        Ok(self.becomes(State::Active).telling(Event::ContractResumed { contract }))
    }

    /// Either side ends it: it takes no new work, and is ending until all of its work is over.
    pub fn end(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractEnd, &self.subject())?;
        if matches!(self.state, State::Ending { .. } | State::Ended { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractEnd, expected)?;
        let contract = self.id;
        Ok(self.becomes(State::Ending { since: now }).telling(Event::ContractEnding { contract }))
    }

    /// An ending contract whose work is over (`settled`) has ended; its reviews can be written.
    pub fn finish(self, actor: &Actor, now: Timestamp, settled: bool) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractFinish, &self.subject())?;
        match self.state {
            State::Ending { .. } if settled => {
                let contract = self.id;
                let reviews_close_at = now + days(self.terms.review_writing_days);
                Ok(self
                    .becomes(State::Ended { ended_at: now })
                    .telling(Event::ContractEnded { contract, reviews_close_at })
                    .timing(Timer::PublishReviews(contract), reviews_close_at))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// Until when reviews can be written; none while it has not ended.
    pub fn reviews_close_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended { ended_at } => Some(ended_at + days(self.terms.review_writing_days)),
            State::Active | State::Paused { .. } | State::OnHold { .. } | State::Ending { .. } => None,
        }
    }

    /// Until when a tip can be given; none while it has not ended.
    pub fn tips_close_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended { ended_at } => Some(ended_at + days(self.terms.tip_days)),
            State::Active | State::Paused { .. } | State::OnHold { .. } | State::Ending { .. } => None,
        }
    }

    /// The side this actor is on, if on any.
    pub fn side(&self, actor: &Actor) -> Option<Side> {
        Side::of(Role::of(actor, &self.subject()))
    }

    /// The refusal that names its state.
    pub fn wrong_state(&self, actor: &Actor, now: Timestamp) -> Refusal {
        Refusal::wrong_state("contract", self.status().as_str(), self.allowed(actor, now))
    }

    fn verbs(&self) -> Vec<Verb> {
        let mut verbs = match self.state {
            State::Active => vec![
                Verb::ContractPause,
                Verb::ContractEnd,
                Verb::ContractHold,
                Verb::MilestonePropose,
                Verb::BonusGive,
                Verb::TipGive,
            ],
            State::Paused { .. } => {
                vec![Verb::ContractResume, Verb::ContractEnd, Verb::ContractHold, Verb::BonusGive, Verb::TipGive]
            }
            State::OnHold { .. } if self.can_end_held() => {
                vec![Verb::ContractEnd, Verb::ContractHold, Verb::ContractLiftHold]
            }
            State::OnHold { .. } => vec![Verb::ContractHold, Verb::ContractLiftHold],
            State::Ending { .. } => vec![Verb::ContractHold, Verb::BonusGive, Verb::TipGive],
            State::Ended { .. } => vec![Verb::ReviewSubmit, Verb::TipGive],
        };
        if let Engagement::Hourly { .. } = self.engagement {
            if matches!(self.state, State::Active) {
                verbs.push(Verb::TimeEntryAdd);
            }
            // Weeks of a contract that is ending are still charged.
            if !matches!(self.state, State::Ended { .. }) {
                verbs.push(Verb::ContractPaymentMethodSet);
            }
        }
        verbs
    }

    fn standing(&self, actor: &Actor, now: Timestamp, verb: Verb, expected: Option<i64>) -> Result<(), Refusal> {
        expect_version(expected, self.version)?;
        if self.verbs().contains(&verb) { Ok(()) } else { Err(self.wrong_state(actor, now)) }
    }

    fn becomes(self, state: State) -> Change<Self> {
        Change::to(Self { state, version: self.version + 1, ..self })
    }
}

#[cfg(test)]
mod tests;
