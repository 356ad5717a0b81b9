//! What a payment becomes by what the processor says, in any order.

use uuid::Uuid;

use super::*;
use crate::credit::{Credit, Part};
use crate::id::{Id, PaymentRefundId};
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
    Actor::Person(access::Person { user, suspended: false, second_factor: true, staff: None, memberships })
}

fn came() -> Payment {
    payment(State::Succeeded { intent: "pi_1".to_owned(), succeeded_at: now() })
}

fn refund_of(amount: i64, credit: i64, before: &[Refund]) -> Result<Change<Refund>, Refusal> {
    let id = PaymentRefundId::from_uuid(Uuid::from_u128(50 + before.len() as u128));
    came().refund(&finance(), now(), id, usd(amount), usd(credit), before)
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
    let failed = part.clone().failed(&Actor::System, now(), "expired".to_owned(), usd(0)).unwrap();
    assert_eq!(failed.entries[0].effect_on(clearing, usd(0).currency()), -100_000, "it is credit again");
    assert!(refund_of(103_000, 200_000, &[failed.next]).is_ok());
    assert!(matches!(refund_of(0, 500, &[]).unwrap_err(), Refusal::Invalid { .. }));
    for state in states().into_iter().filter(|state| state.as_str() != "succeeded") {
        let id = part.id;
        let refused = payment(state).refund(&finance(), now(), id, usd(1), usd(1), &[]).unwrap_err();
        assert!(matches!(refused, Refusal::WrongState { .. }), "{refused}");
    }
    let stranger = Actor::Person(access::Person {
        user: crate::id::UserId::from_uuid(Uuid::from_u128(10)),
        suspended: false,
        second_factor: true,
        staff: None,
        memberships: Vec::new(),
    });
    let hidden = came().refund(&stranger, now(), part.id, usd(1), usd(1), &[]).unwrap_err();
    assert_eq!(hidden, Refusal::HIDDEN);
}

/// A milestone of the client's that nobody has paid for.
fn milestone(n: u128, cents: i64) -> Milestone {
    let deal = Deal {
        client: came().client,
        freelancer: Id::from_uuid(Uuid::from_u128(5)),
        terms: Terms::default(),
        offer: None,
        contract: Some(Id::from_uuid(Uuid::from_u128(4))),
    };
    let draft = MilestoneDraft { title: "All of it".into(), description: String::new(), amount: usd(cents), due: None };
    Milestone::agreed(Id::from_uuid(Uuid::from_u128(n)), deal, draft).next
}

/// The client's credit, as entries tell it.
#[derive(Default)]
struct Told(Vec<Part>);

impl Told {
    fn hears<T>(&mut self, change: Change<T>) -> T {
        let account = LedgerAccount::ClientCredit(came().client);
        for posting in change.entries.iter().flat_map(|entry| entry.postings()) {
            let cents = posting.amount.minor();
            let delta = if posting.to == account {
                cents
            } else if posting.from == account {
                -cents
            } else {
                continue;
            };
            let place = self.0.iter().position(|(of, _)| *of == posting.came_with).unwrap_or_else(|| {
                self.0.push((posting.came_with, usd(0)));
                self.0.len() - 1
            });
            self.0[place].1 = usd(self.0[place].1.minor() + delta);
        }
        change.next
    }

    fn credit(&self) -> Credit {
        Credit::of_parts(usd(0).currency(), self.0.clone())
    }

    fn of(&self, payment: PaymentId) -> i64 {
        self.credit().of(payment).unwrap().minor()
    }
}

fn paid(milestone: Milestone, payment: PaymentId) -> Milestone {
    let total = milestone.quote().unwrap().client_pays;
    let change = milestone.start_funding(&owner(), now(), None, payment).unwrap();
    change.next.funded(&Actor::System, now(), payment, total, None).unwrap().next
}

fn returned(milestone: Milestone, cents: i64) -> Change<Milestone> {
    let asked = milestone.request_refund(&owner(), now(), None, Some(usd(cents))).unwrap().next;
    asked.agree_refund(&freelancer(), now(), None).unwrap()
}

#[test]
fn what_came_with_one_card_goes_back_to_no_other_wherever_it_was_meanwhile() {
    let (own, other) = (came().id, PaymentId::from_uuid(Uuid::from_u128(77)));
    let mut told = Told::default();
    told.hears(returned(paid(milestone(1, 100_000), own), 20_000));
    assert_eq!((told.of(own), told.of(other)), (20_600, 0), "with its part of the fee");
    // It is spent, and another card's money becomes credit: that is not this card's.
    let spent = milestone(2, 20_000).fund_from_credit(&owner(), now(), None, &told.credit(), None).unwrap();
    let spent = told.hears(spent);
    told.hears(returned(paid(milestone(3, 50_000), other), 50_000));
    assert_eq!((told.of(own), told.of(other)), (0, 51_500));
    let refund = |told: &Told, payment: PaymentId, cents| {
        let id = PaymentRefundId::from_uuid(Uuid::from_u128(50));
        let credit = told.credit().of(payment).unwrap();
        Payment { id: payment, ..came() }.refund(&finance(), now(), id, usd(cents), credit, &[])
    };
    assert!(matches!(refund(&told, own, 1), Err(Refusal::Insufficient { available, .. }) if available == usd(0)));
    // What comes back of the work it paid for is its own again.
    told.hears(returned(spent, 20_000));
    assert_eq!((told.of(own), told.of(other)), (20_600, 51_500));
    // Work that is paid with both gives each its own back, to the cent.
    let both = milestone(4, 60_000).fund_from_credit(&owner(), now(), None, &told.credit(), None).unwrap();
    let both = told.hears(both);
    assert_eq!((told.of(own), told.of(other)), (0, 10_300), "the oldest is spent first");
    told.hears(returned(both, 60_000));
    assert_eq!((told.of(own), told.of(other)), (20_600, 51_500));
    let went = refund(&told, own, 20_600).unwrap();
    told.hears(went);
    assert_eq!((told.of(own), told.of(other)), (0, 51_500));
}

#[test]
fn a_refund_and_a_chargeback_of_the_same_money_end_alike_in_either_order() {
    let payment = came().id;
    let taken = Taken { payment, reference: "dp", amount: usd(103_000) };
    let fails = |refund: Refund, milestone: Milestone| {
        let makes_up = refund.makes_up_for(milestone.lost_by(payment).unwrap()).unwrap();
        let failed = refund.failed(&Actor::System, now(), "charge_disputed".to_owned(), makes_up).unwrap();
        (failed, milestone.made_up(&Actor::System, payment, makes_up).unwrap())
    };
    let mut outcomes = Vec::new();
    for chargeback_first in [true, false] {
        let (mut told, mut entries) = (Told::default(), Vec::new());
        let mut milestone = told.hears(returned(paid(milestone(1, 100_000), payment), 40_000));
        let refund = refund_of(41_200, 41_200, &[]).unwrap();
        let refund = told.hears(refund);
        let charged_back = |told: &mut Told, entries: &mut Vec<JournalEntry>, milestone: Milestone| {
            let credit = told.credit().of(payment).unwrap();
            let reach = Reach { credit, milestones: vec![] };
            let change = milestone.charge_back_reaching(reach, &Actor::System, now(), &taken).unwrap();
            entries.extend(change.entries.clone());
            told.hears(change).remove(0)
        };
        if chargeback_first {
            milestone = charged_back(&mut told, &mut entries, milestone);
        }
        let (failed, made_up) = fails(refund, milestone);
        entries.extend(failed.entries.clone());
        told.hears(failed);
        milestone = told.hears(made_up);
        if !chargeback_first {
            milestone = charged_back(&mut told, &mut entries, milestone);
        }
        let losses = entries.iter().map(|entry| entry.effect_on(LedgerAccount::Losses, usd(0).currency()));
        let state = (told.of(payment), losses.sum::<i64>(), milestone.chargebacks.clone());
        told.hears(milestone.charge_back_won(&Actor::System, now(), payment, "dp", true).unwrap());
        outcomes.push((state, told.of(payment)));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    let ((credit, losses, _), credit_when_won) = &outcomes[0];
    assert_eq!((*credit, *losses, *credit_when_won), (0, -1_800, 41_200), "the fee of what was held is lost");
}

#[test]
fn what_nothing_waited_for_is_credit_of_its_own_payment() {
    let mut told = Told::default();
    let funded = paid(milestone(1, 100_000), came().id);
    let late = PaymentId::from_uuid(Uuid::from_u128(77));
    let credited = told.hears(funded.funded(&Actor::System, now(), late, usd(103_000), None).unwrap());
    assert_eq!((told.of(late), told.of(came().id)), (103_000, 0));
    let taken = Taken { payment: late, reference: "dp", amount: usd(3_000) };
    let reach = Reach { credit: usd(103_000), milestones: vec![] };
    let lost = told.hears(credited.charge_back_reaching(reach, &Actor::System, now(), &taken).unwrap());
    assert_eq!(told.of(late), 100_000);
    told.hears(lost[0].clone().charge_back_won(&Actor::System, now(), late, "dp", true).unwrap());
    assert_eq!(told.of(late), 103_000);
}

fn owner() -> Actor {
    let memberships = vec![(OrganizationId::from_uuid(Uuid::from_u128(3)), access::MemberRole::Owner)];
    let user = crate::id::UserId::from_uuid(Uuid::from_u128(9));
    Actor::Person(access::Person { user, suspended: false, second_factor: true, staff: None, memberships })
}

fn freelancer() -> Actor {
    let user = crate::id::UserId::from_uuid(Uuid::from_u128(5));
    Actor::Person(access::Person { user, suspended: false, second_factor: true, staff: None, memberships: Vec::new() })
}

#[test]
fn a_refund_that_was_thought_lost_takes_what_is_left_of_the_credit_and_the_rest_from_us() {
    let silent = || {
        refund_of(50_000, 50_000, &[]).unwrap().next.failed(&Actor::System, now(), PROCESSOR_SILENT.to_owned(), usd(0))
    };
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
            let back = change.next.failed(&Actor::System, now(), "expired".to_owned(), usd(0)).unwrap();
            assert_eq!((effect(&back, credit), effect(&back, LedgerAccount::Losses)), (50_000 - lost, lost));
            assert!(!back.entries.is_empty() && back.entries[0].key != change.entries[0].key);
        }
    }
    let pending = silent().taken_up(&Actor::System, "re_1".to_owned(), usd(20_000)).unwrap().next;
    let went = pending.succeeded(&Actor::System, now(), "re_1".to_owned(), usd(20_000)).unwrap();
    assert!(went.entries.is_empty(), "its money has left already");
    let back = went.next.failed(&Actor::System, now(), "expired".to_owned(), usd(0)).unwrap();
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
            refund().failed(&Actor::System, now(), "expired".to_owned(), usd(0)),
        ];
        for (change, (became, entries)) in says.into_iter().zip(expected) {
            let change = change.unwrap();
            let is = if change.changed { change.next.state.as_str() } else { "-" };
            assert_eq!((is, change.entries.len()), (became, entries), "{}", state.as_str());
        }
    }
}
