//! Bonuses and tips: money on top of the work, given and not asked for. There is nothing to submit
//! or to approve: what was paid in is approved on the spot, and available after the security hold.
//! One that could not be paid for never came to be.

use crate::Timestamp;
use crate::access::{self, Actor, Verb};
use crate::change::Change;
use crate::contract::{Contract, State};
use crate::id::MilestoneId;
use crate::milestone::{Kind, Milestone, MilestoneDraft};
use crate::money::Money;
use crate::refusal::{Invalid, Refusal};

/// The client gives a bonus or a tip on a contract, under its terms; it only waits for the money.
/// Either can be given while the engagement goes on, a tip for some days after its end too. Nothing
/// is given while something outside has to be settled first.
pub fn give(
    actor: &Actor,
    now: Timestamp,
    id: MilestoneId,
    contract: &Contract,
    kind: Kind,
    amount: Money,
    message: &str,
) -> Result<Change<Milestone>, Refusal> {
    let (verb, title) = match kind {
        Kind::Bonus => (Verb::BonusGive, "Bonus"),
        Kind::Tip => (Verb::TipGive, "Tip"),
        Kind::Work => return Err(Refusal::field("kind", "OUT_OF_RANGE", "work is proposed, not given")),
    };
    access::check(actor, verb, &contract.subject())?;
    match (contract.state, kind) {
        (State::Active | State::Paused { .. } | State::Ending { .. }, _) => (),
        (State::Ended { .. }, Kind::Tip) => {
            if contract.tips_close_at().is_some_and(|at| now > at) {
                let message = format!("a tip can be given until {} days after the end", contract.terms.tip_days);
                return Err(Refusal::rule("TIP_TOO_LATE", message));
            }
        }
        (State::Ended { .. } | State::OnHold { .. }, _) => return Err(contract.wrong_state(actor, now)),
    }
    let mut invalid = Invalid::default();
    let message = invalid.text("message", message, 0..=500);
    contract.terms.check_amount(&mut invalid, "amount", amount);
    invalid.finish()?;
    let draft = MilestoneDraft { title: title.to_owned(), description: message, amount, due: None };
    Milestone::give(actor, id, contract.deal(), draft, kind)
}

/// What was to be given could not be paid for, or its giver thought better of it: it never came to
/// be, and keeps no contract from ending. Should its money come all the same, it is the client's
/// credit. Work goes on waiting for its money.
pub fn lapse(milestone: Milestone, now: Timestamp) -> Result<Change<Milestone>, Refusal> {
    match milestone.kind {
        Kind::Work => Ok(Change::none(milestone)),
        Kind::Bonus | Kind::Tip => Ok(milestone.called_off(now)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person};
    use crate::contract::{Engagement, HoldReason, HoldReasons};
    use crate::id::{Id, OrganizationId, PaymentId, UserId};
    use crate::milestone::Status;
    use crate::policy::Terms;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn contract(state: State) -> Contract {
        let uuid = Uuid::from_u128(1);
        Contract {
            id: Id::from_uuid(uuid),
            offer: Id::from_uuid(uuid),
            gig: None,
            proposal: None,
            client: OrganizationId::from_uuid(uuid),
            freelancer: UserId::from_uuid(uuid),
            title: "A website".to_owned(),
            engagement: Engagement::Fixed,
            policy: 1,
            terms: Terms::default(),
            version: 1,
            state,
            created_at: NOW,
        }
    }

    fn member(role: MemberRole) -> Actor {
        let memberships = vec![(OrganizationId::from_uuid(Uuid::from_u128(1)), role)];
        Actor::Person(Person {
            user: UserId::from_uuid(Uuid::from_u128(9)),
            suspended: false,
            second_factor: true,
            staff: None,
            memberships,
        })
    }

    fn give_on(actor: &Actor, state: State, kind: Kind, cents: i64) -> Result<Change<Milestone>, Refusal> {
        let amount = Money::usd(cents).unwrap();
        give(actor, NOW, Id::from_uuid(Uuid::from_u128(2)), &contract(state), kind, amount, "Thank you")
    }

    #[test]
    fn who_gives_what_and_when() {
        let day = |n| NOW - TimeDelta::days(n);
        let last = i64::from(Terms::default().tip_days);
        let owner = member(MemberRole::Owner);
        for (state, kind, ok) in [
            (State::Active, Kind::Bonus, true),
            (State::Active, Kind::Tip, true),
            (State::Active, Kind::Work, false),
            (State::Paused { since: NOW }, Kind::Bonus, true),
            (State::Ending { since: NOW }, Kind::Bonus, true),
            (
                State::OnHold {
                    since: NOW,
                    reason: HoldReason::SanctionsHit,
                    also: HoldReasons::default(),
                    by_staff: HoldReasons::default(),
                    paused: None,
                    ending: None,
                },
                Kind::Bonus,
                false,
            ),
            (
                State::OnHold {
                    since: NOW,
                    reason: HoldReason::SanctionsHit,
                    also: HoldReasons::default(),
                    by_staff: HoldReasons::default(),
                    paused: None,
                    ending: None,
                },
                Kind::Tip,
                false,
            ),
            (State::Ended { ended_at: day(1) }, Kind::Bonus, false),
            (State::Ended { ended_at: day(last) }, Kind::Tip, true),
            (State::Ended { ended_at: day(last) - TimeDelta::seconds(1) }, Kind::Tip, false),
        ] {
            assert_eq!(give_on(&owner, state, kind, 500).is_ok(), ok, "{state:?} {kind:?}");
        }
        for (role, ok) in [
            (MemberRole::Admin, true),
            (MemberRole::Finance, true),
            (MemberRole::HiringManager, false),
            (MemberRole::Viewer, false),
        ] {
            assert_eq!(give_on(&member(role), State::Active, Kind::Tip, 500).is_ok(), ok, "{role:?}");
        }
        let freelancer = Actor::Person(Person {
            user: UserId::from_uuid(Uuid::from_u128(1)),
            suspended: false,
            second_factor: true,
            staff: None,
            memberships: vec![],
        });
        assert_eq!(give_on(&freelancer, State::Active, Kind::Tip, 500), Err(Denied::NotAllowed.into()));
        for (cents, ok) in [(99, false), (100, true), (97_000_000, true), (97_000_001, false)] {
            assert_eq!(give_on(&owner, State::Active, Kind::Bonus, cents).is_ok(), ok, "{cents}");
        }
    }

    #[test]
    fn one_that_can_not_be_paid_for_never_came_to_be() {
        let owner = member(MemberRole::Owner);
        let payment = PaymentId::from_uuid(Uuid::from_u128(3));
        let given = give_on(&owner, State::Active, Kind::Bonus, 500).unwrap();
        let funding = given.then(|gift| gift.start_funding(&owner, NOW, None, payment)).unwrap().next;
        let paid = funding.clone().funded(&Actor::System, NOW, payment, Money::usd(515).unwrap(), None).unwrap().next;
        assert_eq!(paid.status(), Status::Approved);
        let lapses = |change: Change<Milestone>| change.then(|gift| lapse(gift, NOW)).unwrap().next;
        let failed = lapses(funding.clone().funding_failed(&Actor::System, payment).unwrap());
        assert_eq!(failed.status(), Status::Cancelled);
        let stopped = lapses(funding.clone().stop_funding(&owner, None).unwrap());
        assert_eq!(stopped.status(), Status::Cancelled);
        let told_late = paid.clone().funding_failed(&Actor::System, payment).unwrap();
        assert_eq!(lapses(told_late).status(), Status::Approved, "a failure told after the success");
        // Its money may still come: it is the client's credit then.
        let late = failed.funded(&Actor::System, NOW, payment, Money::usd(515).unwrap(), None).unwrap();
        assert_eq!((late.next.status(), late.next.escrow.held().minor()), (Status::Cancelled, 0));
    }
}
