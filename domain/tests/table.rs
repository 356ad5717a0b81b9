//! Every state × every verb × every role, generated from the domain: what is allowed is what the
//! access table and the state together say, and everything else is a typed refusal that names what
//! is allowed. The printed table is reviewed like code.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, Denied, MemberRole, Person, Role, Staff, Verb};
use domain::change::Change;
use domain::id::{Id, OrganizationId};
use domain::milestone::{Approval, Deal, Milestone, MilestoneDraft, State, Status};
use domain::money::Money;
use domain::policy::Terms;
use domain::refusal::Refusal;
use uuid::Uuid;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn day(n: i64) -> Timestamp {
    "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(n)
}

fn actor(role: Role) -> Actor {
    let client: OrganizationId = id(1);
    let person =
        |user, memberships, staff, suspended| Actor::Person(Person { user: id(user), suspended, staff, memberships });
    match role {
        Role::Nobody => Actor::Nobody,
        Role::System => Actor::System,
        Role::Suspended => person(1, vec![(client, MemberRole::Owner)], Some(Staff::Admin), true),
        Role::Stranger => person(9, vec![(id(2), MemberRole::Owner)], None, false),
        Role::Oneself => person(1, vec![], None, false),
        Role::Member(role) => person(2, vec![(client, role)], None, false),
        Role::Mediator => person(8, vec![], Some(Staff::Mediator), false),
        Role::Admin => person(7, vec![], Some(Staff::Admin), false),
    }
}

fn ada() -> Actor {
    actor(Role::Member(MemberRole::Owner))
}

fn lin() -> Actor {
    actor(Role::Oneself)
}

/// A milestone in each of its states, reached by its verbs.
fn in_state(status: Status) -> Milestone {
    let system = Actor::System;
    let terms = Terms::default();
    let deal = || Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms: terms.clone() };
    let draft = || MilestoneDraft::parse("Work", "", usd(10_000), None, &Terms::default()).unwrap();
    let agreed = || Milestone::agreed(id(1), deal(), draft()).next;
    let funding = || agreed().start_funding(&ada(), day(0), None, id(1)).unwrap().next;
    let funded = || funding().funded(&system, day(0), id(1), usd(10_300)).unwrap().next;
    let submitted = || funded().submit(&lin(), day(1), None, id(1)).unwrap().next;
    let approved = || submitted().approve(&ada(), day(2), None, Approval::Whole).unwrap().next;
    let released = || approved().release(&system, day(7)).unwrap().next;
    let disputed = || submitted().dispute(&lin(), day(2), None, id(1)).unwrap().next;
    let refund_requested = || funded().request_refund(&ada(), day(1), None, None).unwrap().next;
    match status {
        Status::Proposed => Milestone::propose(&lin(), id(1), deal(), draft()).unwrap().next,
        Status::Agreed => agreed(),
        Status::Funding => funding(),
        Status::Funded => funded(),
        Status::Submitted => submitted(),
        Status::ChangesRequested => submitted().request_changes(&ada(), day(2), None, "No").unwrap().next,
        Status::Approved => approved(),
        Status::Released => released(),
        Status::RefundRequested => refund_requested(),
        Status::Refunded => refund_requested().agree_refund(&lin(), day(2), None).unwrap().next,
        Status::Disputed => disputed(),
        Status::Split => disputed().settle(&system, day(3), id(1), usd(5_000)).unwrap().next,
        Status::Dormant => {
            let idle = funded().age(&system, day(76)).unwrap().next.age(&system, day(83)).unwrap().next;
            idle.age(&system, day(90)).unwrap().next
        }
        Status::RefundedAfter => {
            let version = released().version;
            released().refund_after(&lin(), day(8), version, usd(100), usd(9_500)).unwrap().next
        }
        Status::ChargedBack => submitted().charge_back(&system, day(2), id(1), "dp", usd(10_300)).unwrap().next,
        Status::Cancelled => agreed().cancel(&ada(), day(0), None).unwrap().next,
    }
}

type Outcome = Result<Change<Milestone>, Refusal>;

/// A verb, carried out by an actor.
type Command = fn(Milestone, &Actor) -> Outcome;

/// Each verb that a person commands, with input that would be good in some state.
const COMMANDS: [(Verb, Command); 14] = [
    (Verb::MilestoneAgree, |m, a| m.agree(a, None)),
    (Verb::MilestoneCancel, |m, a| m.cancel(a, day(9), None)),
    (Verb::MilestoneFund, |m, a| m.start_funding(a, day(9), None, id(7))),
    (Verb::MilestoneStopFunding, |m, a| m.stop_funding(a, None)),
    (Verb::MilestoneSubmit, |m, a| m.submit(a, day(9), None, id(7))),
    (Verb::MilestoneRequestChanges, |m, a| m.request_changes(a, day(9), None, "No")),
    (Verb::MilestoneApprove, |m, a| m.approve(a, day(9), None, Approval::Part(usd(100)))),
    (Verb::MilestoneRequestRefund, |m, a| m.request_refund(a, day(9), None, Some(usd(100)))),
    (Verb::MilestoneAgreeRefund, |m, a| m.agree_refund(a, day(9), None)),
    (Verb::MilestoneRefuseRefund, |m, a| m.refuse_refund(a, day(9), None)),
    (Verb::MilestoneWithdrawRefund, |m, a| m.withdraw_refund(a, day(9), None)),
    (Verb::MilestoneRefundAfter, |m, a| {
        let version = m.version;
        m.refund_after(a, day(9), version, usd(100), usd(9_000))
    }),
    (Verb::MilestoneDispute, |m, a| m.dispute(a, day(9), None, id(7))),
    (Verb::MilestoneKeep, |m, a| m.keep(a, day(9), None)),
];

#[test]
fn every_state_answers_every_verb_of_every_role() {
    let mut seen = 0;
    for &status in Status::ALL {
        let milestone = in_state(status);
        assert_eq!(milestone.status(), status);
        for (verb, command) in COMMANDS {
            for role in Role::ALL {
                let actor = actor(role);
                let here = Role::of(&actor, &milestone.subject());
                let allowed = milestone.allowed(&actor);
                let outcome = command(milestone.clone(), &actor);
                let case = format!("{status:?} {verb:?} {role:?}: {outcome:?}");
                seen += 1;
                if !verb.allowed_to().contains(&here) {
                    let expected = match here {
                        Role::Nobody => Denied::SignIn,
                        Role::Suspended => Denied::Suspended,
                        Role::Stranger => Denied::Hidden,
                        _ => Denied::NotAllowed,
                    };
                    assert_eq!(outcome.unwrap_err(), expected.into(), "{case}");
                    assert!(!allowed.contains(&verb), "{case}");
                } else if allowed.contains(&verb) {
                    assert!(outcome.unwrap().changed, "{case}");
                } else {
                    match outcome {
                        // Done already.
                        Ok(change) => assert!(!change.changed && change.entries.is_empty(), "{case}"),
                        Err(refusal) => {
                            let named = Refusal::wrong_state("milestone", status.as_str(), allowed);
                            assert_eq!(refusal, named, "{case}");
                        }
                    }
                }
            }
        }
    }
    assert_eq!(seen, Status::ALL.len() * COMMANDS.len() * Role::ALL.len());
}

/// What each side can do in each state, written down by hand from the product's table.
#[test]
fn the_table_of_the_product() {
    use Verb::*;
    let both = |status: Status| {
        let milestone = in_state(status);
        (milestone.allowed(&ada()), milestone.allowed(&lin()))
    };
    let rows: [(Status, &[Verb], &[Verb]); 16] = [
        (Status::Proposed, &[MilestoneAgree, MilestoneCancel], &[MilestoneCancel]),
        (Status::Agreed, &[MilestoneFund, MilestoneCancel], &[MilestoneCancel]),
        (Status::Funding, &[MilestoneStopFunding], &[]),
        (
            Status::Funded,
            &[MilestoneKeep, MilestoneRequestRefund, MilestoneDispute],
            &[MilestoneSubmit, MilestoneKeep, MilestoneDispute],
        ),
        (Status::Submitted, &[MilestoneRequestChanges, MilestoneApprove, MilestoneDispute], &[MilestoneDispute]),
        (Status::ChangesRequested, &[MilestoneRequestRefund], &[MilestoneSubmit]),
        (Status::Approved, &[MilestoneDispute], &[MilestoneDispute]),
        (Status::Released, &[], &[MilestoneRefundAfter]),
        (
            Status::RefundRequested,
            &[MilestoneWithdrawRefund, MilestoneDispute],
            &[MilestoneAgreeRefund, MilestoneRefuseRefund, MilestoneDispute],
        ),
        (Status::Refunded, &[], &[]),
        (Status::Disputed, &[], &[]),
        (Status::Split, &[], &[]),
        (
            Status::Dormant,
            &[MilestoneKeep, MilestoneRequestRefund, MilestoneDispute],
            &[MilestoneSubmit, MilestoneKeep, MilestoneDispute],
        ),
        (Status::RefundedAfter, &[], &[MilestoneRefundAfter]),
        (Status::ChargedBack, &[], &[]),
        (Status::Cancelled, &[], &[]),
    ];
    for (status, client, freelancer) in rows {
        assert_eq!(both(status), (client.to_vec(), freelancer.to_vec()), "{status:?}");
    }
}

#[test]
fn timers_and_late_events_are_no_refusals_in_any_state() {
    let system = Actor::System;
    for &status in Status::ALL {
        let before = in_state(status);
        let verbs: [(&str, Outcome); 8] = [
            ("expire_funding", before.clone().expire_funding(&system, day(0))),
            ("funding_failed", before.clone().funding_failed(&system, id(99))),
            ("auto_approve", before.clone().auto_approve(&system, day(0))),
            ("remind", before.clone().remind(&system, day(0))),
            ("release", before.clone().release(&system, day(0))),
            ("age", before.clone().age(&system, day(0))),
            ("resolve_refund", before.clone().resolve_refund(&system, day(0), id(99))),
            ("settle", before.clone().settle(&system, day(0), id(99), usd(1))),
        ];
        for (verb, outcome) in verbs {
            let change = outcome.unwrap_or_else(|refusal| panic!("{status:?} {verb}: {refusal:?}"));
            assert!(!change.changed && change.next == before, "{status:?} {verb}");
        }
        // A payment nobody waits for is credit in whatever state, and counts once.
        if !matches!(before.state, State::Funding { .. }) {
            let credited = before.clone().funded(&system, day(9), id(50), usd(777)).unwrap();
            assert_eq!((credited.entries.len(), credited.next.status()), (1, status));
            assert!(!credited.next.funded(&system, day(9), id(50), usd(777)).unwrap().changed);
        }
    }
}
