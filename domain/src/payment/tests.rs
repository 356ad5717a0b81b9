//! What a payment becomes by what the processor says, in any order.

use uuid::Uuid;

use super::*;
use crate::id::Id;
use crate::milestone::{Deal, Milestone, MilestoneDraft, Reach, Taken};
use crate::money::Money;
use crate::policy::Terms;

fn now() -> Timestamp {
    "2026-06-01T08:00:00Z".parse().unwrap()
}

fn payment(state: State) -> Payment {
    let quote = Terms::default().quote(Money::usd(100_000).unwrap()).unwrap();
    let method = Some(PaymentMethod::parse("pm_card").unwrap());
    let purpose = Purpose::Milestone(MilestoneId::from_uuid(Uuid::from_u128(2)));
    let (id, client) = (PaymentId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(3)));
    Payment { id, client, purpose, method, quote, state, created_at: now() }
}

fn states() -> [State; 6] {
    let intent = || "pi_1".to_owned();
    [
        State::Starting,
        State::Unknown { since: now() },
        State::RequiresAction { intent: intent() },
        State::Processing { intent: intent() },
        State::Succeeded { intent: intent(), succeeded_at: now() },
        State::Failed { failed_at: now(), code: "card_declined".to_owned() },
    ]
}

#[test]
fn what_the_processor_says_of_a_payment_in_every_state() {
    type Says = fn(Payment) -> Result<Change<Payment>, Refusal>;
    let says: [(&str, Says); 5] = [
        ("nothing", |payment| payment.unanswered(&Actor::System, now())),
        ("see the bank", |payment| payment.waits_for_client(&Actor::System, "pi_1".to_owned())),
        ("taken up", |payment| payment.taken_up(&Actor::System, "pi_1".to_owned())),
        ("succeeded", |payment| payment.succeeded(&Actor::System, now(), "pi_1".to_owned())),
        ("failed", |payment| payment.failed(&Actor::System, now(), "late".to_owned())),
    ];
    let expected = [
        ["unknown", "requires_action", "processing", "succeeded", "failed"],
        ["-", "requires_action", "processing", "succeeded", "failed"],
        ["-", "-", "processing", "succeeded", "failed"],
        ["-", "-", "-", "succeeded", "failed"],
        ["-", "-", "-", "-", "-"],
        ["-", "-", "-", "succeeded", "-"],
    ];
    for (state, expected) in states().into_iter().zip(expected) {
        for ((said, say), expected) in says.iter().zip(expected) {
            let change = say(payment(state.clone())).unwrap();
            let became = if change.changed { change.next.state.as_str() } else { "-" };
            assert_eq!(became, expected, "{} hears {said}", state.as_str());
        }
    }
}

#[test]
fn a_payment_is_asked_for_while_the_processor_remembers_its_key() {
    let asked = |state: &State, hours| payment(state.clone()).is_to_be_asked(now() + TimeDelta::hours(hours));
    for state in states() {
        let open = matches!(state, State::Starting | State::Unknown { .. });
        assert_eq!(asked(&state, 0), open, "{}", state.as_str());
        assert_eq!(asked(&state, 22), open, "{}", state.as_str());
        assert!(!asked(&state, 23), "{}", state.as_str());
    }
}

#[test]
fn only_the_system_moves_a_payment_on() {
    for state in states() {
        let refused = payment(state).succeeded(&Actor::Nobody, now(), "pi_1".to_owned());
        assert!(matches!(refused.unwrap_err(), Refusal::Denied { .. }));
    }
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn finance() -> Actor {
    let memberships = vec![(OrganizationId::from_uuid(Uuid::from_u128(3)), access::MemberRole::Finance)];
    let user = crate::id::UserId::from_uuid(Uuid::from_u128(9));
    Actor::Person(access::Person { user, suspended: false, staff: None, memberships })
}

fn came() -> Payment {
    payment(State::Succeeded { intent: "pi_1".to_owned(), succeeded_at: now() })
}

fn refund_of(amount: i64, credit: i64, before: &[Refund]) -> Result<Change<Refund>, Refusal> {
    let id = crate::id::PaymentRefundId::from_uuid(Uuid::from_u128(50 + before.len() as u128));
    came().refund(&finance(), now(), id, usd(amount), (usd(credit), usd(200_000)), before)
}

#[test]
fn what_goes_back_is_no_more_than_came_and_than_there_is_of_credit() {
    assert_eq!(came().quote.client_pays, usd(103_000));
    let whole = refund_of(103_000, 200_000, &[]).unwrap();
    let clearing = LedgerAccount::ProcessorClearing;
    assert_eq!(whole.entries[0].effect_on(clearing, usd(0).currency()), 103_000);
    let insufficient = |refused: Result<Change<Refund>, Refusal>, left: i64| {
        assert!(matches!(refused.unwrap_err(), Refusal::Insufficient { available, .. } if available == usd(left)));
    };
    insufficient(refund_of(103_001, 200_000, &[]), 103_000);
    insufficient(refund_of(501, 500, &[]), 500);
    let part = refund_of(100_000, 200_000, &[]).unwrap().next;
    insufficient(refund_of(3_001, 200_000, std::slice::from_ref(&part)), 3_000);
    let failed = part.clone().failed(&Actor::System, now(), "expired".to_owned()).unwrap();
    assert_eq!(failed.entries[0].effect_on(clearing, usd(0).currency()), -100_000, "it is credit again");
    assert!(refund_of(103_000, 200_000, &[failed.next]).is_ok());
    assert!(matches!(refund_of(0, 500, &[]).unwrap_err(), Refusal::Invalid { .. }));
    for state in states().into_iter().filter(|state| state.as_str() != "succeeded") {
        let id = part.id;
        let refused = payment(state).refund(&finance(), now(), id, usd(1), (usd(1), usd(1)), &[]).unwrap_err();
        assert!(matches!(refused, Refusal::WrongState { .. }), "{refused}");
    }
    let stranger = Actor::Person(access::Person {
        user: crate::id::UserId::from_uuid(Uuid::from_u128(10)),
        suspended: false,
        staff: None,
        memberships: Vec::new(),
    });
    let hidden = came().refund(&stranger, now(), part.id, usd(1), (usd(1), usd(1)), &[]).unwrap_err();
    assert_eq!(hidden, Refusal::HIDDEN);
}

/// A milestone of the client's, as the payment left it.
fn milestone(n: u128) -> Milestone {
    let uuid = Uuid::from_u128(n);
    let deal = Deal {
        client: OrganizationId::from_uuid(Uuid::from_u128(3)),
        freelancer: Id::from_uuid(Uuid::from_u128(5)),
        terms: Terms::default(),
        offer: None,
        contract: Some(Id::from_uuid(Uuid::from_u128(4))),
    };
    let draft =
        MilestoneDraft { title: "All of it".into(), description: String::new(), amount: usd(100_000), due: None };
    Milestone::agreed(Id::from_uuid(uuid), deal, draft).next
}

#[test]
fn what_goes_back_to_a_card_is_what_of_its_own_payment_became_credit() {
    let (id, other) = (came().id, PaymentId::from_uuid(Uuid::from_u128(77)));
    let start = |milestone: Milestone, payment| {
        let change = milestone.start_funding(&owner(), now(), None, payment).unwrap();
        change.next.funded(&Actor::System, now(), payment, usd(103_000)).unwrap().next
    };
    let back = |milestone: Milestone, cents| {
        let asked = milestone.request_refund(&owner(), now(), None, Some(usd(cents))).unwrap().next;
        asked.agree_refund(&freelancer(), now(), None).unwrap().next
    };
    let became = |milestones: &[Milestone]| came().became_credit(milestones, None).unwrap();
    let (own, others) = (start(milestone(1), id), start(milestone(2), other));
    assert_eq!(
        became(&[own.clone(), back(others.clone(), 100_000)]),
        usd(0),
        "another card's money is none of its own"
    );
    let part = back(own.clone(), 20_000);
    assert_eq!(became(&[part.clone(), back(others, 100_000)]), usd(20_600), "with its part of the fee");
    // A bank takes what it became.
    let taken = Taken { payment: id, reference: "dp", amount: usd(103_000) };
    let reach = Reach { credit: usd(20_600), milestones: vec![] };
    let lost = part.charge_back_reaching(reach, &Actor::System, now(), &taken).unwrap().next;
    assert_eq!(became(&lost), usd(0));
    let won = lost[0].clone().charge_back_won(&Actor::System, now(), id, "dp", false).unwrap().next;
    assert_eq!(became(&[won]), usd(103_000), "and gives it back: what was held is credit now, too");
    // What nothing waited for is credit from the beginning, less what a bank took of it.
    let credited = own.funded(&Actor::System, now(), other, usd(103_000)).unwrap().next;
    let late = Payment { id: other, ..came() };
    assert_eq!(late.became_credit(std::slice::from_ref(&credited), None).unwrap(), usd(103_000));
    let taken = Taken { payment: other, reference: "dp", amount: usd(3_000) };
    let reach = Reach { credit: usd(103_000), milestones: vec![] };
    let lost = credited.charge_back_reaching(reach, &Actor::System, now(), &taken).unwrap().next;
    assert_eq!(late.became_credit(&lost, None).unwrap(), usd(100_000));
    assert!(matches!(
        came().refund(&finance(), now(), refund_of(1, 1, &[]).unwrap().next.id, usd(2), (usd(9), usd(1)), &[]),
        Err(Refusal::Insufficient { available, .. }) if available == usd(1)
    ));
}

fn owner() -> Actor {
    let memberships = vec![(OrganizationId::from_uuid(Uuid::from_u128(3)), access::MemberRole::Owner)];
    let user = crate::id::UserId::from_uuid(Uuid::from_u128(9));
    Actor::Person(access::Person { user, suspended: false, staff: None, memberships })
}

fn freelancer() -> Actor {
    let user = crate::id::UserId::from_uuid(Uuid::from_u128(5));
    Actor::Person(access::Person { user, suspended: false, staff: None, memberships: Vec::new() })
}

#[test]
fn a_refund_that_was_thought_lost_takes_what_is_left_of_the_credit_and_the_rest_from_us() {
    let silent =
        || refund_of(50_000, 50_000, &[]).unwrap().next.failed(&Actor::System, now(), PROCESSOR_SILENT.to_owned());
    let silent = || silent().unwrap().next;
    let effect = |change: &Change<Refund>, account| -> i64 {
        change.entries.iter().map(|entry| entry.effect_on(account, usd(0).currency())).sum()
    };
    let credit = LedgerAccount::ClientCredit(silent().client);
    for (left, lost) in [(60_000, 0), (50_000, 0), (20_000, 30_000), (0, 50_000)] {
        let went = silent().succeeded(&Actor::System, now(), "re_1".to_owned(), usd(left)).unwrap();
        let pending = silent().taken_up(&Actor::System, "re_1".to_owned(), usd(left)).unwrap();
        for (change, state) in [(went, "succeeded"), (pending, "pending")] {
            assert_eq!(change.next.state.as_str(), state);
            assert_eq!((effect(&change, credit), effect(&change, LedgerAccount::Losses)), (lost - 50_000, -lost));
            let back = change.next.failed(&Actor::System, now(), "expired".to_owned()).unwrap();
            assert_eq!((effect(&back, credit), effect(&back, LedgerAccount::Losses)), (50_000 - lost, lost));
            assert!(!back.entries.is_empty() && back.entries[0].key != change.entries[0].key);
        }
    }
    let pending = silent().taken_up(&Actor::System, "re_1".to_owned(), usd(20_000)).unwrap().next;
    let went = pending.succeeded(&Actor::System, now(), "re_1".to_owned(), usd(20_000)).unwrap();
    assert!(went.entries.is_empty(), "its money has left already");
    let back = went.next.failed(&Actor::System, now(), "expired".to_owned()).unwrap();
    assert_eq!(effect(&back, LedgerAccount::Losses), 30_000);
}

#[test]
fn what_the_processor_says_of_a_refund_in_every_state() {
    let reference = || "re_1".to_owned();
    let states = [
        RefundState::Started,
        RefundState::Pending { reference: reference(), lost: None },
        RefundState::Succeeded { reference: reference(), succeeded_at: now(), lost: None },
        RefundState::Failed { failed_at: now(), code: "expired".to_owned() },
    ];
    // Also a refund that went back can still come back, and its money is credit again, once.
    let expected = [
        [("pending", 0), ("succeeded", 0), ("failed", 1)],
        [("-", 0), ("succeeded", 0), ("failed", 1)],
        [("-", 0), ("-", 0), ("failed", 1)],
        [("-", 0), ("-", 0), ("-", 0)],
    ];
    let started = refund_of(500, 500, &[]).unwrap().next;
    for (state, expected) in states.into_iter().zip(expected) {
        let refund = || Refund { state: state.clone(), ..started.clone() };
        let says = [
            refund().taken_up(&Actor::System, reference(), usd(500)),
            refund().succeeded(&Actor::System, now(), reference(), usd(500)),
            refund().failed(&Actor::System, now(), "expired".to_owned()),
        ];
        for (change, (became, entries)) in says.into_iter().zip(expected) {
            let change = change.unwrap();
            let is = if change.changed { change.next.state.as_str() } else { "-" };
            assert_eq!((is, change.entries.len()), (became, entries), "{}", state.as_str());
        }
    }
}
