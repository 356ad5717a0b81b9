use uuid::Uuid;

use super::*;
use crate::access::{Denied, MemberRole, Person, Staff};
use crate::id::Id;
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::milestone::MilestoneDraft;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn now() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

fn lin() -> Actor {
    Actor::Person(Person { user: id(1), suspended: false, second_factor: true, staff: None, memberships: vec![] })
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
    reasons.iter().fold(contract, |contract, &reason| contract.put_on_hold(&Actor::System, now(), reason).unwrap().next)
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
    Actor::Person(Person {
        user: id(7),
        suspended: false,
        second_factor: true,
        staff: Some(Staff::Admin),
        memberships: vec![],
    })
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
    assert_eq!((cleared.next.state, cleared.events), (ending.state, vec![Event::ContractEnding { contract: id(1) }]));
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
fn what_is_for_one_side_to_mend_keeps_nobody_in_a_contract() {
    use HoldReason::{HourlyDispute, IdentityLapsed, PaymentFailed, SanctionsHit};
    for (reasons, ends) in [
        (&[PaymentFailed][..], true),
        (&[IdentityLapsed], true),
        (&[PaymentFailed, IdentityLapsed], true),
        (&[IdentityLapsed, HourlyDispute], false),
        (&[IdentityLapsed, SanctionsHit], false),
    ] {
        let ended = held(active(), reasons).end(&lin(), now(), None);
        assert_eq!(ended.is_ok_and(|change| change.next.status() == Status::Ending), ends, "{reasons:?}");
    }
    let ending = held(active().end(&lin(), now(), None).unwrap().next, &[SanctionsHit, IdentityLapsed]);
    assert_eq!(lifted(ending.clone(), &[SanctionsHit]).status(), Status::Ending, "it goes on ending");
    let ending = ending.hold(&admin(), now(), None, IdentityLapsed).unwrap().next;
    assert_eq!(lifted(ending, &[SanctionsHit]).holds(), [IdentityLapsed], "unless our people have something else");
    let by_staff = active().hold(&admin(), now(), None, IdentityLapsed).unwrap().next;
    assert!(by_staff.end(&lin(), now(), None).is_err(), "what our people set is theirs to lift");
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
        second_factor: true,
        staff: None,
        memberships: vec![(id(1), MemberRole::Owner)],
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

#[test]
fn neither_anybody_nor_the_clock_brings_out_what_is_looked_at() {
    let (escrow, pending) = (LedgerAccount::Escrow(id(1)), LedgerAccount::Pending(id(1)));
    let (available, credit) = (LedgerAccount::Available(id(1)), LedgerAccount::ClientCredit(id(1)));
    let clearing = LedgerAccount::ProcessorClearing;
    for (reason, from, to, by_somebody, by_clock) in [
        (Reason::Release, escrow, pending, false, false),
        (Reason::Release, escrow, available, true, true),
        (Reason::HoldOver, pending, available, true, true),
        (Reason::Refund, escrow, credit, true, true),
        (Reason::Award, escrow, credit, true, true),
        (Reason::RefundAfter, available, credit, true, false),
        (Reason::ChargebackWon, clearing, available, true, false),
        (Reason::Credit, clearing, credit, true, false),
        (Reason::Correction, LedgerAccount::Losses, available, false, false),
    ] {
        let entry = JournalEntry::new(reason, "key").moving(from, to, Money::usd(1).unwrap());
        for contract in [Some(id(7)), None] {
            let entry = entry.clone().of_contract(contract);
            let told = [lin(), Actor::System, Actor::Nobody].map(|actor| brings_out(&actor, &entry));
            assert_eq!(told, [by_somebody, by_clock, false].map(|brings| contract.filter(|_| brings)), "{reason:?}");
        }
    }
}

#[test]
fn work_that_holds_no_money_gets_none_once_the_contract_is_ending() {
    let draft = MilestoneDraft::parse("More", "", Money::usd(10_000).unwrap(), None, &Terms::default()).unwrap();
    let waits = Milestone::agreed(id(1), active().deal(), draft).next;
    let mut partly = waits.clone();
    let entry = JournalEntry::new(Reason::Fund, "a".to_owned());
    let from = LedgerAccount::ClientCredit(id(1));
    let (amount, fee) = (Money::usd(4_000).unwrap(), Money::usd(120).unwrap());
    (partly.escrow, _) = partly.escrow.fund(entry, LedgerAccount::Escrow(id(1)), from, amount, fee).unwrap();
    let paused = Contract { state: State::Paused { since: now() }, ..active() };
    let ending = Contract { state: State::Ending { since: now() }, ..active() };
    let ended = Contract { state: State::Ended { ended_at: now() }, ..active() };
    for (contract, takes) in [
        (active(), true),
        (paused, true),
        (held(active(), &[HoldReason::PaymentFailed]), true),
        (held(ending.clone(), &[HoldReason::SanctionsHit]), false),
        (ending, false),
        (ended, false),
    ] {
        let refused = contract.takes_money_for(&waits, &ada(), now());
        assert_eq!(refused.is_ok(), takes, "{:?}", contract.state);
        assert!(refused.is_ok() || matches!(refused, Err(Refusal::WrongState { .. })));
        assert!(contract.takes_money_for(&partly, &ada(), now()).is_ok(), "it is carried through");
    }
}

#[test]
fn what_is_offered_of_its_milestones_and_weeks_is_what_is_not_refused() {
    use Verb::{MilestoneAgreeRefund, MilestoneFund, MilestoneRefundAfter};
    let draft = MilestoneDraft::parse("More", "", Money::usd(10_000).unwrap(), None, &Terms::default()).unwrap();
    let agreed = Milestone::agreed(id(1), active().deal(), draft).next;
    let paid = agreed.clone().start_funding(&ada(), now(), None, id(1)).unwrap().next;
    let funded = paid.funded(&Actor::System, now(), id(1), Money::usd(10_300).unwrap(), None).unwrap().next;
    let asked = funded.clone().request_refund(&ada(), now(), None, None).unwrap().next;
    let submitted = funded.submit(&lin(), now(), None, id(1)).unwrap().next;
    let approved = submitted.approve(&ada(), now(), None, crate::milestone::Approval::Whole).unwrap().next;
    let released = approved.release(&Actor::System, now() + days(5)).unwrap().next;
    let ending = Contract { state: State::Ending { since: now() }, ..active() };
    let looked_at = |contract| held(contract, &[HoldReason::SanctionsHit]);
    for (contract, fund, others) in [
        (active(), true, true),
        (held(active(), &[HoldReason::PaymentFailed]), true, true),
        (looked_at(active()), false, false),
        (looked_at(ending.clone()), false, false),
        (ending, false, true),
    ] {
        for (milestone, actor, verb, offered) in [
            (&agreed, ada(), MilestoneFund, fund),
            (&asked, lin(), MilestoneAgreeRefund, others),
            (&released, lin(), MilestoneRefundAfter, others),
        ] {
            assert!(milestone.allowed(&actor).contains(&verb) && Contract::has_a_say_in(verb));
            let can = contract.allowed_on(milestone, &actor, now() + days(6));
            assert_eq!(can.contains(&verb), offered, "{verb:?}: {:?}", contract.state);
            let rest = |verbs: Vec<Verb>| verbs.into_iter().filter(|one| *one != verb).collect::<Vec<_>>();
            assert_eq!(rest(can), rest(milestone.allowed(&actor)), "nothing else depends on it");
        }
    }
    let last = now() + days(5) + days(Terms::default().refund_after_days);
    let can = |at| active().allowed_on(&released, &lin(), at).contains(&MilestoneRefundAfter);
    assert_eq!([last - chrono::TimeDelta::seconds(1), last].map(can), [true, false]);
}

fn ada() -> Actor {
    let memberships = vec![(id(1), MemberRole::Owner)];
    Actor::Person(Person { user: id(2), suspended: false, second_factor: true, staff: None, memberships })
}
