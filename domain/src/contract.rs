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
use crate::milestone::{Deal, Side};
use crate::money::Money;
use crate::policy::{Terms, days};
use crate::refusal::{Refusal, expect_version};
use crate::timer::Timer;

mod weeks;

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

/// What puts a contract on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The client's payment failed.
    PaymentFailed,
    /// A proof of identity lapsed.
    IdentityLapsed,
    /// A name was found on a sanctions list.
    SanctionsHit,
    /// Hours are disputed.
    HourlyDispute,
}

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HoldReasons {
    payment_failed: bool,
    identity_lapsed: bool,
    sanctions_hit: bool,
    hourly_dispute: bool,
}

impl HoldReasons {
    /// Is this one of them?
    pub fn contains(mut self, reason: HoldReason) -> bool {
        *self.of(reason)
    }

    /// The gravest of them, if there is one.
    pub fn first(self) -> Option<HoldReason> {
        HoldReason::ALL.into_iter().find(|&reason| self.contains(reason))
    }

    #[must_use]
    fn with(mut self, reason: HoldReason, stands: bool) -> Self {
        *self.of(reason) = stands;
        self
    }

    fn of(&mut self, reason: HoldReason) -> &mut bool {
        match reason {
            HoldReason::PaymentFailed => &mut self.payment_failed,
            HoldReason::IdentityLapsed => &mut self.identity_lapsed,
            HoldReason::SanctionsHit => &mut self.sanctions_hit,
            HoldReason::HourlyDispute => &mut self.hourly_dispute,
        }
    }
}

impl HoldReason {
    /// All of them, the gravest first.
    pub const ALL: [Self; 4] = [Self::SanctionsHit, Self::IdentityLapsed, Self::PaymentFailed, Self::HourlyDispute];
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

    /// New work can be agreed on only while the engagement goes on.
    pub fn takes_work(&self, actor: &Actor, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            State::Active => Ok(()),
            State::Paused { .. } | State::OnHold { .. } | State::Ending { .. } | State::Ended { .. } => {
                Err(self.wrong_state(actor, now))
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

    /// Something outside stands against it. What stands against it already goes on doing so.
    pub fn put_on_hold(self, actor: &Actor, now: Timestamp, reason: HoldReason) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        Ok(self.held(now, reason, false))
    }

    fn held(self, now: Timestamp, reason: HoldReason, staff: bool) -> Change<Self> {
        let none = HoldReasons::default();
        let began = |paused, ending| {
            let by_staff = none.with(reason, staff);
            State::OnHold { since: now, reason, also: none, by_staff, paused, ending }
        };
        let state = match self.state {
            State::Active => began(None, None),
            State::Paused { since } => began(Some(since), None),
            // What is carried through while it ends stands still only for a look at who it is.
            State::Ending { since } if reason == HoldReason::SanctionsHit => began(None, Some(since)),
            State::OnHold { since, reason: first, also, by_staff, paused, ending } => {
                let stands = first == reason || also.contains(reason);
                if stands && (by_staff.contains(reason) || !staff) {
                    return Change::none(self);
                }
                let also = if first == reason { also } else { also.with(reason, true) };
                let by_staff = by_staff.with(reason, staff);
                return self.becomes(State::OnHold { since, reason: first, also, by_staff, paused, ending });
            }
            State::Ending { .. } | State::Ended { .. } => return Change::none(self),
        };
        let contract = self.id;
        self.becomes(state).telling(Event::ContractPutOnHold { contract })
    }

    /// One thing that stood against it is settled. It goes on when nothing else stands against it, or is
    /// paused again if it was. What our people set is theirs to lift.
    pub fn lift_hold(self, actor: &Actor, settled: HoldReason) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        match self.state {
            State::OnHold { by_staff, .. } if by_staff.contains(settled) => Ok(Change::none(self)),
            _ => Ok(self.lifted(settled)),
        }
    }

    fn lifted(self, settled: HoldReason) -> Change<Self> {
        let State::OnHold { since, reason, also, by_staff, paused, ending } = self.state else {
            return Change::none(self);
        };
        let by_staff = by_staff.with(settled, false);
        let next = if reason == settled { also.first() } else { Some(reason) };
        let Some(reason) = next else {
            let contract = self.id;
            return match (paused, ending) {
                (_, Some(since)) => self.becomes(State::Ending { since }).telling(Event::ContractEnding { contract }),
                (Some(since), None) => {
                    self.becomes(State::Paused { since }).telling(Event::ContractPaused { contract })
                }
                (None, None) => self.becomes(State::Active).telling(Event::ContractResumed { contract }),
            };
        };
        let also = also.with(settled, false).with(reason, false);
        let left = State::OnHold { since, reason, also, by_staff, paused, ending };
        if left == self.state { Change::none(self) } else { self.becomes(left) }
    }

    /// One of our people puts it on hold. What is under way goes on; no new work is agreed on.
    pub fn hold(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: HoldReason,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        if matches!(self.state, State::OnHold { by_staff, .. } if by_staff.contains(reason)) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractHold, expected)?;
        if matches!(self.state, State::Ending { .. }) && reason != HoldReason::SanctionsHit {
            return Err(Refusal::rule(
                "CONTRACT_IS_ENDING",
                "a contract that is ending takes no new work; only a compliance review holds what is under way",
            ));
        }
        Ok(self.held(now, reason, true))
    }

    /// One of our people finds that something no longer stands against it. It goes on when nothing
    /// else does.
    pub fn lift(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        settled: HoldReason,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractLiftHold, &self.subject())?;
        if !self.holds().contains(&settled) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractLiftHold, expected)?;
        Ok(self.lifted(settled))
    }

    /// What stands against it, the gravest first.
    pub fn holds(&self) -> Vec<HoldReason> {
        match self.state {
            State::OnHold { reason, also, .. } => {
                HoldReason::ALL.into_iter().filter(|&one| one == reason || also.contains(one)).collect()
            }
            State::Active | State::Paused { .. } | State::Ending { .. } | State::Ended { .. } => Vec::new(),
        }
    }

    /// Money goes on moving, unless our people look at who is paying or paid.
    pub fn moves_money(&self) -> Result<(), Refusal> {
        if self.holds().contains(&HoldReason::SanctionsHit) {
            let message = "our people are looking at this contract, and no money of it moves until they are done";
            return Err(Refusal::rule("COMPLIANCE_REVIEW", message));
        }
        Ok(())
    }

    /// A payment that failed is all that stands against it: nobody has to wait for it to end the contract.
    fn can_end_unpaid(&self) -> bool {
        match self.state {
            State::OnHold { by_staff, ending: None, .. } => {
                self.holds() == [HoldReason::PaymentFailed] && !by_staff.contains(HoldReason::PaymentFailed)
            }
            State::OnHold { .. }
            | State::Active
            | State::Paused { .. }
            | State::Ending { .. }
            | State::Ended { .. } => false,
        }
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
            State::OnHold { .. } if self.can_end_unpaid() => {
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
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::id::Id;

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn now() -> Timestamp {
        "2026-01-05T09:00:00Z".parse().unwrap()
    }

    fn lin() -> Actor {
        Actor::Person(Person { user: id(1), suspended: false, staff: None, memberships: vec![] })
    }

    fn active() -> Contract {
        Contract {
            id: id(1),
            offer: id(1),
            gig: None,
            proposal: None,
            client: id(1),
            freelancer: id(1),
            title: "Landing page".into(),
            engagement: Engagement::Fixed,
            policy: 1,
            terms: Terms::default(),
            version: 1,
            state: State::Active,
            created_at: now(),
        }
    }

    fn held(contract: Contract, reasons: &[HoldReason]) -> Contract {
        reasons
            .iter()
            .fold(contract, |contract, &reason| contract.put_on_hold(&Actor::System, now(), reason).unwrap().next)
    }

    fn lifted(contract: Contract, reasons: &[HoldReason]) -> Contract {
        reasons.iter().fold(contract, |contract, &reason| contract.lift_hold(&Actor::System, reason).unwrap().next)
    }

    #[test]
    fn a_contract_goes_on_when_nothing_stands_against_it_any_more_in_whatever_order_it_is_settled() {
        use HoldReason::{HourlyDispute, PaymentFailed, SanctionsHit};
        let all = [PaymentFailed, SanctionsHit, HourlyDispute];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut contract = held(active(), &all);
            for (place, settled) in order.into_iter().enumerate() {
                contract = lifted(contract, &[all[settled], all[settled]]);
                let expected = if place == 2 { Status::Active } else { Status::OnHold };
                assert_eq!(contract.status(), expected, "{order:?} {place}");
            }
        }
    }

    #[test]
    fn a_hold_is_told_once_and_what_does_not_stand_is_not_lifted() {
        use HoldReason::{IdentityLapsed, PaymentFailed, SanctionsHit};
        let first = active().put_on_hold(&Actor::System, now(), PaymentFailed).unwrap();
        assert_eq!(first.events, [Event::ContractPutOnHold { contract: id(1) }]);
        let second = first.next.put_on_hold(&Actor::System, now(), SanctionsHit).unwrap();
        assert_eq!((second.changed, second.events.len()), (true, 0));
        for again in [PaymentFailed, SanctionsHit] {
            assert!(!second.next.clone().put_on_hold(&Actor::System, now(), again).unwrap().changed);
        }
        assert!(!second.next.clone().lift_hold(&Actor::System, IdentityLapsed).unwrap().changed);
        let goes_on = lifted(second.next, &[SanctionsHit]).lift_hold(&Actor::System, PaymentFailed).unwrap();
        assert_eq!(goes_on.events, [Event::ContractResumed { contract: id(1) }]);
    }

    #[test]
    fn on_hold_a_contract_neither_takes_work_nor_ends() {
        let contract = held(active(), &[HoldReason::HourlyDispute]);
        let refusal = Refusal::wrong_state("contract", "on_hold", vec![]);
        assert_eq!(contract.takes_work(&lin(), now()), Err(refusal.clone()));
        assert_eq!(contract.clone().end(&lin(), now(), None).unwrap_err(), refusal);
        assert_eq!(contract.resume(&lin(), now(), None).unwrap_err(), refusal);
    }

    fn admin() -> Actor {
        Actor::Person(Person { user: id(7), suspended: false, staff: Some(Staff::Admin), memberships: vec![] })
    }

    #[test]
    fn nobody_waits_for_a_payment_that_failed_to_end_it() {
        use HoldReason::{HourlyDispute, PaymentFailed, SanctionsHit};
        let unpaid = held(active(), &[PaymentFailed]);
        let ending = unpaid.clone().end(&lin(), now(), None).unwrap().next;
        assert!(matches!(ending.state, State::Ending { .. }));
        for more in [HourlyDispute, SanctionsHit] {
            assert!(held(unpaid.clone(), &[more]).end(&lin(), now(), None).is_err(), "{more:?}");
        }
        let by_staff = active().hold(&admin(), now(), None, PaymentFailed).unwrap().next;
        assert!(by_staff.end(&lin(), now(), None).is_err(), "what our people set is theirs to lift");
    }

    #[test]
    fn a_look_at_who_it_is_holds_what_is_ending_too() {
        use HoldReason::{PaymentFailed, SanctionsHit};
        let ending = active().end(&lin(), now(), None).unwrap().next;
        assert!(ending.moves_money().is_ok());
        assert!(!ending.clone().put_on_hold(&Actor::System, now(), PaymentFailed).unwrap().changed);
        assert!(matches!(
            ending.clone().hold(&admin(), now(), None, PaymentFailed).unwrap_err(),
            Refusal::Rule { code, .. } if code == "CONTRACT_IS_ENDING"
        ));
        let looked_at = held(ending.clone(), &[SanctionsHit]);
        assert_eq!(looked_at.holds(), [SanctionsHit]);
        assert!(matches!(looked_at.moves_money(), Err(Refusal::Rule { code, .. }) if code == "COMPLIANCE_REVIEW"));
        assert!(!looked_at.clone().finish(&Actor::System, now(), true).unwrap().changed);
        let cleared = looked_at.lift_hold(&Actor::System, SanctionsHit).unwrap();
        assert_eq!(
            (cleared.next.state, cleared.events),
            (ending.state, vec![Event::ContractEnding { contract: id(1) }])
        );
    }

    #[test]
    fn only_our_people_hold_it_and_lift_what_stands() {
        use HoldReason::{IdentityLapsed, PaymentFailed, SanctionsHit};
        let admin = admin();
        assert_eq!(active().hold(&lin(), now(), None, SanctionsHit), Err(Denied::NotAllowed.into()));
        assert_eq!(active().lift(&lin(), now(), None, SanctionsHit), Err(Denied::NotAllowed.into()));
        assert!(matches!(active().hold(&admin, now(), Some(9), SanctionsHit), Err(Refusal::Stale { .. })));
        let one = active().hold(&admin, now(), Some(1), IdentityLapsed).unwrap().next;
        let both = one.hold(&admin, now(), Some(2), SanctionsHit).unwrap().next;
        assert_eq!(both.holds(), [SanctionsHit, IdentityLapsed]);
        assert!(!both.clone().hold(&admin, now(), Some(9), SanctionsHit).unwrap().changed, "a repeat");
        assert!(!both.clone().lift(&admin, now(), None, PaymentFailed).unwrap().changed, "it does not stand");
        let left = both.lift(&admin, now(), None, IdentityLapsed).unwrap().next;
        assert_eq!((left.status(), left.holds()), (Status::OnHold, vec![SanctionsHit]));
        assert_eq!(left.lift(&admin, now(), None, SanctionsHit).unwrap().next.status(), Status::Active);
    }

    #[test]
    fn what_our_people_set_no_week_lifts() {
        use HoldReason::PaymentFailed;
        let admin = admin();
        let by_staff = active().hold(&admin, now(), None, PaymentFailed).unwrap().next;
        assert!(!by_staff.clone().lift_hold(&Actor::System, PaymentFailed).unwrap().changed);
        assert!(!held(by_staff.clone(), &[PaymentFailed]).lift_hold(&Actor::System, PaymentFailed).unwrap().changed);
        assert_eq!(by_staff.lift(&admin, now(), None, PaymentFailed).unwrap().next.status(), Status::Active);
        // One that stands for a week already is theirs too from now on, and nobody is told again.
        let both = held(active(), &[PaymentFailed]).hold(&admin, now(), None, PaymentFailed).unwrap();
        assert!(both.changed && both.events.is_empty());
        assert!(!both.next.clone().hold(&admin, now(), None, PaymentFailed).unwrap().changed, "a repeat");
        assert!(!both.next.lift_hold(&Actor::System, PaymentFailed).unwrap().changed);
        // What a week sets besides, it lifts.
        let sanctioned = active().hold(&admin, now(), None, HoldReason::SanctionsHit).unwrap().next;
        let more = held(sanctioned, &[PaymentFailed]);
        assert_eq!(lifted(more, &[PaymentFailed]).holds(), [HoldReason::SanctionsHit]);
    }

    #[test]
    fn a_hold_on_a_paused_contract_is_heeded_and_leaves_it_paused() {
        use HoldReason::{PaymentFailed, SanctionsHit};
        let paused = active().pause(&lin(), now(), None).unwrap().next;
        let held_up = held(paused.clone(), &[SanctionsHit, PaymentFailed]);
        assert_eq!(held_up.holds(), [SanctionsHit, PaymentFailed]);
        let refusal = Refusal::wrong_state("contract", "on_hold", vec![]);
        assert_eq!(held_up.clone().resume(&lin(), now(), None), Err(refusal), "a break does not end a hold");
        let lifted = lifted(held_up, &[PaymentFailed]).lift_hold(&Actor::System, SanctionsHit).unwrap();
        assert_eq!(
            (lifted.next.state, &lifted.events[..]),
            (paused.state, &[Event::ContractPaused { contract: id(1) }][..])
        );
    }

    #[test]
    fn what_is_allowed_ends_with_its_time() {
        let ended = active().end(&lin(), now(), None).unwrap().next.finish(&Actor::System, now(), true).unwrap().next;
        let owner = Actor::Person(Person {
            user: id(2),
            suspended: false,
            staff: None,
            memberships: vec![(id(1), access::MemberRole::Owner)],
        });
        let day = |days| now() + chrono::TimeDelta::days(days);
        for (at, allowed) in [
            (day(13), vec![Verb::ReviewSubmit, Verb::TipGive]),
            (day(14), vec![Verb::TipGive]),
            (day(30), vec![Verb::TipGive]),
            (day(30) + chrono::TimeDelta::seconds(1), vec![]),
        ] {
            assert_eq!(ended.allowed(&owner, at), allowed, "{at}");
        }
    }

    #[test]
    fn a_hold_kept_before_it_could_have_several_reasons_can_be_read() {
        let kept = r#"{"status":"on_hold","since":"2026-01-05T09:00:00Z","reason":"payment_failed"}"#;
        let state: State = serde_json::from_str(kept).unwrap();
        assert_eq!(state, held(active(), &[HoldReason::PaymentFailed]).state);
    }

    #[test]
    fn it_ends_when_it_is_settled_and_that_opens_its_reviews_for_two_weeks() {
        let ending = active().end(&lin(), now(), None).unwrap().next;
        assert!(!ending.clone().finish(&Actor::System, now(), false).unwrap().changed);
        let ended = ending.finish(&Actor::System, now(), true).unwrap();
        let closes = now() + chrono::TimeDelta::days(14);
        assert_eq!(ended.timers, [crate::change::TimerChange::Set(Timer::PublishReviews(id(1)), closes)]);
        assert_eq!(ended.next.reviews_close_at(), Some(closes));
        assert!(!active().finish(&Actor::System, now(), true).unwrap().changed);
    }
}
