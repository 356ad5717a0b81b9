use uuid::Uuid;

use super::*;
use crate::access::{Denied, Person, Staff};
use crate::id::Id;
use crate::money::Currency;
use crate::wire::WireOutcome;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn at(hours: i64) -> Timestamp {
    "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::hours(hours)
}

fn person(user: u128, staff: Option<Staff>) -> Actor {
    Actor::Person(Person { user: id(user), suspended: false, second_factor: true, staff, memberships: vec![] })
}

fn lin() -> Actor {
    person(1, None)
}

fn admin(n: u128) -> Actor {
    person(n, Some(Staff::Admin))
}

const IBAN: &str = "PK36SCBL0000001123456702";

fn method() -> PayoutMethod {
    PayoutMethod::add(&lin(), at(0), id(1), id(1), IBAN, "Lin Khan", &Terms::default()).unwrap().next
}

fn ask(cents: i64) -> PayoutRequest {
    PayoutRequest {
        amount: usd(cents),
        purpose_code: "9184".into(),
        purpose: Some("Export of computer software".into()),
        written_purpose: None,
        quote: None,
        retention: None,
        recent: Recent::NOTHING,
        failed_rails: Vec::new(),
        reauthenticated: true,
    }
}

fn requested() -> Change<Payout> {
    Payout::request(&lin(), at(72), id(1), &method(), ask(5_000), usd(9_500), Terms::default()).unwrap()
}

fn queued() -> Payout {
    let payout = requested().next.screen(&Actor::System, at(72)).unwrap().next;
    payout.screened(&Actor::System, at(72), Screened::Clear).unwrap().next
}

fn sent() -> Payout {
    queued().send(&Actor::System, at(72)).unwrap().next
}

fn heard(payout: Payout, hours: i64, said: &Carried) -> Change<Payout> {
    let attempt = payout.attempt;
    payout.heard(&Actor::System, at(hours), attempt, said).unwrap()
}

fn accepted() -> Carried {
    Carried::Accepted("po_1".into())
}

fn refused() -> Carried {
    Carried::Refused("not supported".into())
}

#[test]
fn an_iban_is_read_as_people_write_it_and_one_wrong_character_is_noticed() {
    for text in [IBAN, "pk36 SCBL 0000 0011 2345 6702", "PK24SCBL0000001171495101"] {
        assert!(text.parse::<Iban>().is_ok(), "{text}");
    }
    let bytes = IBAN.as_bytes();
    for place in 2..24 {
        // A letter for a digit is another length of number, which the sum may miss; a wrong digit
        // or a wrong letter it never does.
        let same_class = *b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for other in same_class.into_iter().filter(|other| other.is_ascii_digit() == bytes[place].is_ascii_digit()) {
            let mut wrong = bytes.to_vec();
            wrong[place] = other;
            let text = String::from_utf8(wrong.clone()).unwrap();
            assert_eq!(text.parse::<Iban>().is_ok(), wrong == bytes, "{text}");
        }
    }
    for text in [
        "",
        "PK36SCBL000000112345670",
        "PK36SCBL00000011234567021",
        "DE89370400440532013000",
        "PK36SCBL00000011234567é",
    ] {
        assert_eq!(text.parse::<Iban>(), Err(BadIban::Shape), "{text}");
    }
    assert_eq!(format!("{:?}", IBAN.parse::<Iban>().unwrap()), "Iban(…6702)");
    let bic = |iban: &str| iban.parse::<Iban>().unwrap().bic();
    assert_eq!(
        (bic(IBAN).as_deref(), bic("PK24MUCB0646609971000177").as_deref()),
        (Some("SCBLPKKX"), Some("MUCBPKKA"))
    );
}

#[test]
fn a_new_method_waits_three_days() {
    let request =
        |hours| Payout::request(&lin(), at(hours), id(1), &method(), ask(5_000), usd(9_500), Terms::default());
    assert!(matches!(request(71).unwrap_err(), Refusal::Rule { code, .. } if code == "PAYOUT_METHOD_TOO_NEW"));
    assert!(request(72).is_ok());
}

#[test]
fn what_stands_against_a_payout() {
    let request = |actor: &Actor, ask: PayoutRequest, available| {
        Payout::request(actor, at(72), id(1), &method(), ask, usd(available), Terms::default()).unwrap_err()
    };
    assert_eq!(request(&person(2, None), ask(5_000), 9_500), Refusal::HIDDEN);
    assert_eq!(request(&admin(2), ask(5_000), 9_500), Denied::NotAllowed.into());
    let unproved = PayoutRequest { reauthenticated: false, ..ask(5_000) };
    assert_eq!(request(&lin(), unproved, 9_500), Refusal::REAUTHENTICATE);
    assert!(matches!(request(&lin(), ask(999), 9_500), Refusal::Invalid { .. }));
    assert_eq!(request(&lin(), ask(9_501), 9_500), Refusal::Insufficient { available: usd(9_500), asked: usd(9_501) });
    let removed = method().remove(&lin(), at(1)).unwrap().next;
    let refusal = Payout::request(&lin(), at(72), id(1), &removed, ask(5_000), usd(9_500), Terms::default());
    assert!(matches!(refusal.unwrap_err(), Refusal::Rule { code, .. } if code == "PAYOUT_METHOD_REMOVED"));
}

#[test]
fn the_money_leaves_when_requested_and_arrives_once() {
    let change = requested();
    assert_eq!(change.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), -5_000);
    let arrived = heard(heard(sent(), 73, &accepted()).next, 80, &Carried::Paid);
    assert_eq!(arrived.entries[0].effect_on(LedgerAccount::InTransit(id(1)), Currency::Usd), -5_000);
    let again = heard(arrived.next, 81, &Carried::Paid);
    assert!(!again.changed && again.entries.is_empty());
}

#[test]
fn a_payout_can_be_cancelled_until_it_is_sent() {
    for payout in [requested().next, queued()] {
        let change = payout.cancel(&lin(), at(73), None).unwrap();
        assert_eq!(change.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), 5_000);
        assert!(change.next.clocks().is_empty());
        assert!(!change.next.cancel(&lin(), at(73), None).unwrap().changed);
    }
    let refusal = sent().cancel(&lin(), at(73), None).unwrap_err();
    assert_eq!(refusal, Refusal::wrong_state("payout", "sent", vec![]));
}

#[test]
fn a_refusal_tries_the_next_rail_under_a_new_key_and_the_last_gives_the_money_back() {
    let mut payout = sent();
    let mut keys = vec![payout.rail_key()];
    for rail in [Rail::RecipientAccount, Rail::BankWire, Rail::Manual] {
        let attempt = payout.attempt;
        payout = heard(payout, 73, &refused()).next;
        assert!(matches!(payout.state, PayoutState::Queued { rail: next, .. } if next == rail));
        // The same refusal told twice does not skip a rail, nor does anything else told of that attempt.
        for late in [refused(), accepted(), Carried::Paid, Carried::Silent] {
            assert!(!payout.clone().heard(&Actor::System, at(73), attempt, &late).unwrap().changed, "{late:?}");
        }
        if rail == Rail::Manual {
            assert!(!payout.clone().send(&Actor::System, at(73)).unwrap().changed, "two approvals first");
            payout = payout.approve(&admin(8), at(74), None).unwrap().next;
            assert!(payout.clone().approve(&admin(8), at(74), None).is_err(), "by two people");
            payout = payout.approve(&admin(9), at(74), None).unwrap().next;
        }
        payout = payout.send(&Actor::System, at(74)).unwrap().next;
        let late = payout.clone().heard(&Actor::System, at(74), attempt, &accepted()).unwrap();
        assert!(!late.changed, "a new attempt is not in transit because the one before was");
        keys.push(payout.rail_key());
    }
    let back = heard(payout, 75, &refused());
    assert_eq!(back.next.state.as_str(), "returned");
    assert_eq!(back.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), 5_000);
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[test]
fn too_little_of_our_own_money_puts_it_off_on_the_same_rail_under_a_new_key() {
    let short = || Carried::WithoutFunds("balance_insufficient".into());
    for payout in [sent(), heard(sent(), 73, &Carried::Silent).next] {
        let later = heard(payout, 74, &short());
        assert!(matches!(&later.next.state, PayoutState::Queued { rail: Rail::GlobalPayouts, .. }), "{later:?}");
        assert_eq!(later.next.clocks(), [(Timer::AdvancePayout(id(1)), at(75))]);
        assert_eq!((later.next.attempt, later.entries.len()), (1, 0));
        assert!(!later.next.waits_for_staff() && later.next.explanation().is_some());
        assert!(later.next.clone().cancel(&lin(), at(74), None).is_ok());
        assert!(!later.next.clone().heard(&Actor::System, at(74), 0, &short()).unwrap().changed, "told twice");
        let again = later.next.send(&Actor::System, at(75)).unwrap().next;
        assert_eq!(again.state.rail(), Some(Rail::GlobalPayouts));
        assert_ne!(again.rail_key(), sent().rail_key());
    }
    // What was taken is not made anew because of it.
    let lost = heard(heard(sent(), 73, &accepted()).next, 80, &short()).next;
    assert_eq!((lost.state.as_str(), lost.attempt), ("unknown", 0));
}

#[test]
fn what_its_rail_does_not_take_for_two_days_goes_by_the_next() {
    let no = || Carried::NotNow("403: account_invalid".into());
    let rail = |payout: &Payout| (payout.state.as_str(), payout.state.rail());
    let (mut payout, mut keys) = (sent(), Vec::new());
    for hours in 72..120 {
        keys.push(payout.rail_key());
        // An answer that got lost meanwhile begins nothing anew.
        if hours == 90 {
            let lost = heard(payout, hours, &Carried::Silent).next;
            let attempt = lost.attempt;
            payout = lost.asked(&Actor::System, at(hours), attempt, &Known::Absent).unwrap().next;
        }
        let put_off = heard(payout, hours, &no());
        assert_eq!(rail(&put_off.next), ("queued", Some(Rail::GlobalPayouts)), "after {} hours", hours - 72);
        assert_eq!(put_off.next.clocks(), [(Timer::AdvancePayout(id(1)), at(hours + 1))]);
        assert!(put_off.entries.is_empty() && !put_off.next.waits_for_staff());
        assert!(put_off.next.explanation().is_some_and(|told| told.contains("another way")));
        payout = put_off.next.send(&Actor::System, at(hours + 1)).unwrap().next;
    }
    keys.dedup();
    assert_eq!(keys.len(), 48, "each time under another key");
    // Too little of our own money is another matter: this rail takes it, once there is some.
    let short = heard(payout.clone(), 120, &Carried::WithoutFunds("balance_insufficient".into())).next;
    let anew = heard(short.send(&Actor::System, at(121)).unwrap().next, 121, &no()).next;
    assert_eq!(rail(&anew), ("queued", Some(Rail::GlobalPayouts)));
    let next = heard(payout, 120, &no());
    assert_eq!(rail(&next.next), ("queued", Some(Rail::RecipientAccount)));
    assert_eq!(next.next.clocks(), [(Timer::AdvancePayout(id(1)), at(120))]);
    let there = heard(next.next.send(&Actor::System, at(120)).unwrap().next, 120, &no()).next;
    assert_eq!(rail(&there), ("queued", Some(Rail::RecipientAccount)), "which has two days of its own");
    // What was taken is not made anew because of it.
    let lost = heard(heard(sent(), 73, &accepted()).next, 200, &no()).next;
    assert_eq!((lost.state.as_str(), lost.attempt), ("unknown", 0));
}

#[test]
fn a_rail_by_which_payouts_to_an_account_came_back_is_passed_over_for_a_while() {
    use Rail::{BankWire, GlobalPayouts, Manual, RecipientAccount};
    let back = |rail, days: i64| {
        let state = PayoutState::Returned { at: at(days * 24), reason: "closed".into(), rail: Some(rail) };
        Payout { state, ..sent() }
    };
    let earlier = [back(BankWire, 99), back(GlobalPayouts, 11), back(GlobalPayouts, 12), back(RecipientAccount, 10)];
    assert_eq!(Rail::that_failed(&earlier, at(100 * 24)), [GlobalPayouts], "90 days ago is long ago");
    let word = Word { by: id(9), outcome: WireOutcome::Returned, at: at(1), attempt: 0, lost: None };
    let settled = Payout { word: Some(word), ..back(GlobalPayouts, 99) };
    assert_eq!(Rail::that_failed([&settled, &sent()], at(100 * 24)), [], "what our people said is about no account");
    let begins = |failed: &[Rail]| {
        let ask = PayoutRequest { failed_rails: failed.to_vec(), ..ask(5_000) };
        let change = Payout::request(&lin(), at(72), id(1), &method(), ask, usd(9_500), Terms::default()).unwrap();
        let payout = change.next.screen(&Actor::System, at(72)).unwrap().next;
        payout.screened(&Actor::System, at(72), Screened::Clear).unwrap().next
    };
    for (failed, first, next) in [
        (&[][..], GlobalPayouts, RecipientAccount),
        (&[GlobalPayouts], RecipientAccount, BankWire),
        (&[RecipientAccount], GlobalPayouts, BankWire),
        (&[GlobalPayouts, RecipientAccount, BankWire], Manual, Manual),
        (&Rail::ALL, Manual, Manual),
    ] {
        let payout = begins(failed);
        assert_eq!(payout.state.rail(), Some(first), "{failed:?}");
        if first != Manual {
            let refused = heard(payout.send(&Actor::System, at(72)).unwrap().next, 73, &refused()).next;
            assert_eq!(refused.state.rail(), Some(next), "{failed:?}");
        }
    }
}

#[test]
fn an_unknown_outcome_is_asked_about_under_the_same_key() {
    let key = sent().rail_key();
    let unknown = heard(heard(sent(), 73, &Carried::Silent).next, 74, &Carried::Silent).next;
    assert_eq!(unknown.rail_key(), key);
    assert_eq!(unknown.clocks(), [(Timer::AdvancePayout(id(1)), at(74) + TimeDelta::minutes(15))]);
    assert_eq!(heard(unknown, 75, &Carried::Paid).next.state.as_str(), "paid");
}

#[test]
fn a_bank_may_send_it_back_even_after_it_had_it() {
    let paid = heard(sent(), 80, &Carried::Paid).next;
    let back = heard(paid, 200, &Carried::Returned("account closed".into()));
    assert_eq!(back.entries[0].effect_on(LedgerAccount::PaidOut, Currency::Usd), -5_000);
    assert_eq!(back.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), 5_000);
    assert!(!heard(back.next, 201, &Carried::Paid).changed);
}

#[test]
fn what_the_bank_has_is_looked_at_each_day_for_two_weeks_and_no_longer() {
    let looks =
        |payout: Payout, hours, known: &Known| payout.looked_after(&Actor::System, at(hours), 0, known).unwrap();
    let paid = heard(sent(), 80, &Carried::Paid).next;
    let still = Known::Told(Carried::Paid);
    assert!(!looks(paid.clone(), 103, &still).changed, "it is too early");
    let (mut payout, mut times) = (paid.clone(), 0);
    while let [(timer, due)] = payout.clocks()[..] {
        assert_eq!(timer, Timer::AdvancePayout(id(1)));
        let looked = payout.looked_after(&Actor::System, due, 0, &still).unwrap();
        assert!(looked.events.is_empty() && looked.entries.is_empty());
        (payout, times) = (looked.next, times + 1);
        assert!(times < 99, "it never ends");
    }
    assert_eq!((times, payout.version), (14, paid.version), "nothing is new about it");
    assert!(!looks(payout, 2_000, &Known::Told(Carried::Returned("closed".into()))).changed, "it is only told");
    // Who does not answer is asked sooner, and what is not known there is no news.
    let silent = looks(paid.clone(), 104, &Known::Told(Carried::Silent)).next;
    assert_eq!(silent.clocks(), [(Timer::AdvancePayout(id(1)), at(105))]);
    for known in [Known::Absent, Known::Forgotten, Known::Told(accepted()), Known::Told(refused())] {
        let looked = looks(paid.clone(), 104, &known);
        assert_eq!(looked.next.clocks(), [(Timer::AdvancePayout(id(1)), at(128))], "{known:?}");
        assert_eq!((looked.next.state.as_str(), looked.events.len()), ("paid", 0), "{known:?}");
    }
    let back = looks(paid.clone(), 104, &Known::Told(Carried::Returned("closed".into())));
    assert_eq!(back.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), 5_000);
    assert!(back.next.clocks().is_empty() && back.next.state.as_str() == "returned");
    let told_too = heard(back.next, 105, &Carried::Returned("closed".into()));
    assert!(!told_too.changed, "and it came back once");
    assert!(paid.clone().looked_after(&lin(), at(104), 0, &still).is_err());
    // What our bank carried is not asked about.
    let by_wire = PayoutState::Sent { rail: Rail::BankWire, at: at(72), poll_at: at(96), put_off_since: None };
    assert!(heard(Payout { state: by_wire, ..sent() }, 80, &Carried::Paid).next.clocks().is_empty());
}

#[test]
fn a_hit_blocks_and_our_people_decide() {
    let blocked = || {
        let payout = requested().next.screen(&Actor::System, at(72)).unwrap().next;
        payout.screened(&Actor::System, at(72), Screened::Hit("list 7".into())).unwrap().next
    };
    assert!(blocked().clocks().is_empty());
    assert!(matches!(blocked().cancel(&lin(), at(73), None).unwrap_err(), Refusal::WrongState { .. }));
    assert_eq!(blocked().unblock(&lin(), at(73), None).unwrap_err(), Denied::NotAllowed.into());
    assert_eq!(blocked().unblock(&admin(8), at(73), None).unwrap().next.state.as_str(), "queued");
    assert_eq!(blocked().reject(&admin(8), at(73), None, "sanctioned").unwrap().next.state.as_str(), "returned");
    assert!(matches!(blocked().reject(&admin(8), at(73), None, " ").unwrap_err(), Refusal::Invalid { .. }));
}

#[test]
fn a_payout_on_its_way_is_asked_about_again_whatever_the_rail_says() {
    let later = at(73) + TimeDelta::minutes(15);
    let on_its_way = || heard(sent(), 73, &accepted()).next;
    assert!(!heard(on_its_way(), 73, &accepted()).changed, "told twice");
    let ask = |payout: Payout, attempt, said| payout.asked(&Actor::System, later, attempt, &Known::Told(said)).unwrap();
    let still = ask(on_its_way(), 0, accepted()).next;
    assert_eq!(still.clocks(), [(Timer::AdvancePayout(id(1)), later + TimeDelta::minutes(15))]);
    // A refusal told late means nothing; one that is the answer to our question is looked into.
    assert!(!heard(on_its_way(), 73, &refused()).changed);
    assert!(!ask(on_its_way(), 7, refused()).changed);
    let lost = ask(on_its_way(), 0, refused()).next;
    assert_eq!(lost.state.as_str(), "unknown");
    assert_eq!(lost.rail_key(), sent().rail_key(), "and not sent twice");
    assert_eq!(lost.clocks(), [(Timer::AdvancePayout(id(1)), later + TimeDelta::minutes(15))]);
}

#[test]
fn a_rail_that_has_not_got_it_yet_is_handed_it_again_under_the_same_key() {
    let absent = |payout: Payout| {
        let attempt = payout.attempt;
        payout.asked(&Actor::System, at(74), attempt, &Known::Absent).unwrap()
    };
    let lost = heard(sent(), 73, &Carried::Silent).next;
    for payout in [sent(), lost.clone()] {
        let (key, before) = (payout.rail_key(), payout.clone());
        let again = absent(payout);
        assert_eq!((again.next.rail_key(), again.next.attempt), (key, 0));
        assert!(matches!(again.next.state, PayoutState::Sent { rail: Rail::GlobalPayouts, .. }), "{:?}", again.next);
        assert_eq!(again.events, [Event::PayoutSent { payout: id(1), attempt: 0 }]);
        assert!(again.entries.is_empty() && again.next.version == before.version + 1);
    }
    // One that took it, and denies it now, is not handed it again: it is asked until it knows.
    let denied = absent(heard(sent(), 73, &accepted()).next).next;
    assert!(matches!(&denied.state, PayoutState::Unknown { reference: Some(name), .. } if name == "po_1"));
    let denied = absent(denied);
    assert_eq!((denied.next.state.as_str(), denied.next.attempt), ("unknown", 0));
    assert!(!denied.events.contains(&Event::PayoutSent { payout: id(1), attempt: 0 }));
    // Only a refusal of what it was handed moves on; and an answer about another attempt is none.
    assert_eq!(heard(lost.clone(), 74, &refused()).next.attempt, 1);
    assert!(!lost.clone().asked(&Actor::System, at(74), 3, &Known::Absent).unwrap().changed);
    assert!(lost.asked(&lin(), at(74), 0, &Known::Absent).is_err());
}

#[test]
fn what_our_bank_carries_is_asked_about_daily_and_that_changes_nothing_of_it() {
    let accepted = |payout: Payout, hours| {
        let attempt = payout.attempt;
        payout.heard(&Actor::System, at(hours), attempt, &Carried::Accepted("x".into())).unwrap()
    };
    for (rail, minutes) in [(Rail::GlobalPayouts, 15), (Rail::BankWire, 1_440), (Rail::Manual, 1_440)] {
        let sent = sent();
        let PayoutState::Sent { at: when, poll_at, .. } = sent.state else { panic!("{:?}", sent.state) };
        let sent = Payout { state: PayoutState::Sent { rail, at: when, poll_at, put_off_since: None }, ..sent };
        let taken = accepted(sent, 72).next;
        let due = |payout: &Payout| payout.clocks().first().map(|(_, due)| *due);
        assert_eq!(due(&taken), Some(at(72) + TimeDelta::minutes(minutes)), "{rail:?}");
        let early = accepted(taken.clone(), 72);
        assert!(!early.changed, "nobody asked");
        let asked = accepted(taken.clone(), 96);
        assert_eq!(due(&asked.next), Some(at(96) + TimeDelta::minutes(minutes)));
        assert_eq!((asked.next.version, asked.events.len()), (taken.version, 0), "nothing is new about it");
    }
}

#[test]
fn only_what_our_bank_has_is_called_back_and_goes_on_under_another_key() {
    let taken = |rail| {
        let state = PayoutState::InTransit { rail, at: at(72), reference: "x".into(), poll_at: at(96) };
        Payout { state, ..sent() }
    };
    for rail in Rail::ALL {
        let ours = matches!(rail, Rail::BankWire | Rail::Manual);
        let change = taken(rail).recall(&Actor::System, at(80), "on a list").unwrap();
        assert_eq!(change.changed, ours, "{rail:?}");
        assert_eq!(change.next.rail_key() != taken(rail).rail_key(), ours);
        assert_eq!(change.next.waits_for_staff(), ours);
        assert!(change.entries.is_empty(), "the money stays where it was");
    }
    assert!(taken(Rail::BankWire).recall(&admin(20), at(80), "x").is_err());
    assert!(!sent().recall(&Actor::System, at(80), "x").unwrap().changed);
}

#[test]
fn what_may_be_kept_in_dollars_is_the_larger_of_a_sum_and_a_share_of_the_month() {
    let terms = Terms::default();
    let recent =
        |month, month_retained| Recent { month: usd(month), month_retained: usd(month_retained), ..Recent::NOTHING };
    for (before, amount, most) in [
        // 5,000 a month, as long as that is more than half; and never more than the payout.
        (recent(0, 0), 100_000, 100_000),
        (recent(0, 0), 900_000, 500_000),
        (recent(300_000, 300_000), 900_000, 300_000),
        (recent(0, 0), 1_200_000, 600_000),
        (recent(1_200_000, 600_000), 100_001, 50_001),
        (recent(0, 600_000), 1_000, 0),
    ] {
        assert_eq!(before.retainable(usd(amount), &terms).unwrap(), usd(most), "{before:?} {amount}");
    }
}

#[test]
fn what_is_kept_in_dollars_goes_to_an_account_in_dollars_of_ones_own_and_by_wire() {
    let dollars = |user: u128| PayoutMethod { id: id(2), user: id(user), ..method() }.in_dollars();
    let request = |method: &PayoutMethod, kept_at: PayoutMethod, cents| {
        let ask = PayoutRequest { retention: Some((kept_at, usd(cents))), ..ask(5_000) };
        Payout::request(&lin(), at(72), id(1), method, ask, usd(9_500), Terms::default())
    };
    for (method, kept_at, cents, expected) in [
        (method(), method(), 100, "RETENTION_ACCOUNT"),
        (dollars(1), dollars(1), 100, "RETENTION_ACCOUNT"),
        (method(), dollars(1).remove(&lin(), at(71)).unwrap().next, 100, "PAYOUT_METHOD_REMOVED"),
        (method(), PayoutMethod { usable_from: at(73), ..dollars(1) }, 100, "PAYOUT_METHOD_TOO_NEW"),
    ] {
        let refused = request(&method, kept_at, cents).map(drop);
        assert!(matches!(&refused, Err(Refusal::Rule { code, .. }) if code == expected), "{expected}: {refused:?}");
    }
    assert_eq!(request(&method(), dollars(7), 100).unwrap_err(), Refusal::HIDDEN);
    for cents in [0, 5_001] {
        assert!(matches!(request(&method(), dollars(1), cents).unwrap_err(), Refusal::Invalid { .. }), "{cents}");
    }
    let payout = request(&method(), dollars(1), 2_000).unwrap().next;
    assert_eq!(payout.changed().unwrap(), usd(3_000));
    let payout = payout.screen(&Actor::System, at(72)).unwrap().next;
    let payout = payout.screened(&Actor::System, at(72), Screened::Clear).unwrap().next;
    assert!(matches!(payout.state, PayoutState::Queued { rail: Rail::BankWire, .. }), "only a bank divides it");
}

#[test]
fn a_day_of_payouts_has_a_limit_in_money_and_in_number() {
    let terms = Terms { payout_day_max: usd(10_000), payout_day_count: 3, ..Terms::default() };
    let request = |day, day_count| {
        let ask = PayoutRequest { recent: Recent { day: usd(day), day_count, ..Recent::NOTHING }, ..ask(5_000) };
        let asked = Payout::request(&lin(), at(72), id(1), &method(), ask, usd(9_500), terms.clone());
        asked.map(drop).map_err(|refusal| match refusal {
            Refusal::Limit { code, limit, value, .. } => (code, limit, value),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(request(5_000, 2), Ok(()));
    assert_eq!(request(5_001, 2), Err(("PAYOUT_DAY_AMOUNT".to_owned(), 10_000, 10_001)));
    assert_eq!(request(0, 3), Err(("PAYOUT_DAY_COUNT".to_owned(), 3, 4)));
}

#[test]
fn what_a_rail_was_asked_for_keeps_its_key_whatever_stands_against_its_owner() {
    let lost = heard(sent(), 73, &Carried::Silent).next;
    let held_back = |payout: Payout, hours, known: &Known, was_asked| {
        payout.asked_and_held_back(&Actor::System, at(hours), 0, (known, was_asked), SUSPENDED).unwrap().next
    };
    let never_asked = held_back(lost.clone(), 75, &Known::Absent, false);
    assert_eq!((never_asked.state.as_str(), never_asked.attempt), ("blocked", 1));
    for hours in [75, 96] {
        let asked = held_back(lost.clone(), hours, &Known::Absent, true);
        assert_eq!((asked.state.as_str(), asked.rail_key()), ("unknown", lost.rail_key()));
    }
    for was_asked in [false, true] {
        let forgotten = held_back(lost.clone(), 98, &Known::Forgotten, was_asked);
        assert!(matches!(forgotten.state, PayoutState::Unknown { stuck: true, .. }), "{:?}", forgotten.state);
        assert_eq!(forgotten.rail_key(), lost.rail_key());
        assert!(forgotten.allowed(&admin(8)).contains(&Verb::PayoutSettle), "two of our people find out");
    }
}

#[test]
fn a_rail_key_names_its_payout_and_attempt_and_nothing_else_does() {
    let payout = Payout { attempt: 3, ..sent() };
    assert_eq!(Payout::named_by(&payout.rail_key()), Some((payout.id, 3)));
    for other in
        [payout.id.to_string(), format!("{}:", payout.id), format!("{}:x", payout.id), "x:1".to_owned(), String::new()]
    {
        assert_eq!(Payout::named_by(&other), None, "{other:?}");
    }
}

#[test]
fn what_our_bank_was_never_given_because_it_may_be_paid_already_two_of_our_people_settle() {
    let by_wire = PayoutState::Sent { rail: Rail::BankWire, at: at(72), poll_at: at(73), put_off_since: None };
    let lost = heard(Payout { state: by_wire, ..sent() }, 72, &Carried::Silent).next;
    assert!(!lost.allowed(&admin(8)).contains(&Verb::PayoutSettle), "its line may still be written");
    let found = lost.asked(&Actor::System, at(73), 0, &Known::Forgotten).unwrap().next;
    assert!(found.waits_for_staff() && found.allowed(&admin(8)).contains(&Verb::PayoutSettle));
    // That it is seen no more, as with a key that may not look, is no reason to give it to our bank after all; nor is it
    // stopped and begun anew.
    let unseen = found.clone().asked(&Actor::System, at(74), 0, &Known::Absent).unwrap().next;
    let stopped = found.clone().asked_and_held_back(&Actor::System, at(80), 0, (&Known::Absent, false), SUSPENDED);
    for still in [unseen, stopped.unwrap().next] {
        assert!(matches!(still.state, PayoutState::Unknown { stuck: true, .. }), "{:?}", still.state);
        assert_eq!(still.rail_key(), found.rail_key());
    }
    let says = |payout: Payout, by| payout.settle(&admin(by), at(74), None, WireOutcome::Paid, "Seen", false);
    let paid = says(says(found, 8).unwrap().next, 9).unwrap();
    assert_eq!(paid.next.state.as_str(), "paid");
    assert_eq!(paid.entries[0].effect_on(LedgerAccount::PaidOut, Currency::Usd), 5_000);
}

#[test]
fn what_our_bank_is_not_given_because_nobody_can_look_is_for_our_people_after_a_day_and_goes_on_once_that_is_seen() {
    let by_wire = PayoutState::Sent { rail: Rail::BankWire, at: at(72), poll_at: at(73), put_off_since: None };
    let lost = heard(Payout { state: by_wire, ..sent() }, 72, &Carried::Silent).next;
    let silent =
        |payout: Payout, hours| payout.asked(&Actor::System, at(hours), 0, &Known::Told(Carried::Silent)).unwrap();
    let early = silent(lost, 95).next;
    assert!(!early.waits_for_staff() && !early.allowed(&admin(8)).contains(&Verb::PayoutSettle), "not a day yet");
    let unseen = silent(silent(early, 96).next, 120).next;
    assert!(unseen.waits_for_staff() && unseen.allowed(&admin(8)).contains(&Verb::PayoutSettle));
    // Two of them look there, and say what became of it.
    let says = |outcome, by| {
        move |payout: Payout| payout.settle(&admin(by), at(121), None, outcome, "Seen there", false).unwrap()
    };
    for (outcome, ends) in [(WireOutcome::Paid, "paid"), (WireOutcome::Returned, "returned")] {
        let first = says(outcome, 8)(unseen.clone());
        assert!(first.entries.is_empty() && first.next.state.as_str() == "unknown", "one is not enough");
        assert_eq!(says(outcome, 9)(first.next).next.state.as_str(), ends);
    }
    // Seen, and nothing is there: our bank is given it under the same key, and nobody settles it any more.
    let on = unseen.clone().asked(&Actor::System, at(122), 0, &Known::Absent).unwrap().next;
    assert_eq!((on.state.as_str(), on.rail_key()), ("sent", unseen.rail_key()));
    assert!(!on.waits_for_staff() && !on.allowed(&admin(8)).contains(&Verb::PayoutSettle));
    // Seen, and something is there: from then on it is kept from our bank, though that is seen no more.
    let found = unseen.clone().asked(&Actor::System, at(122), 0, &Known::Forgotten).unwrap().next;
    let hidden = silent(found, 150).next;
    let kept = hidden.asked(&Actor::System, at(151), 0, &Known::Absent).unwrap().next;
    assert!(matches!(kept.state, PayoutState::Unknown { stuck: true, unseen: false, .. }), "{:?}", kept.state);
    // Seen, nothing is there, and its owner was suspended meanwhile: our people look at it first.
    let against = unseen.asked_and_held_back(&Actor::System, at(122), 0, (&Known::Absent, false), SUSPENDED);
    assert_eq!(against.unwrap().next.state.as_str(), "blocked");
    // What our bank has is waited for, however long nobody tells of it.
    let in_transit =
        PayoutState::InTransit { rail: Rail::BankWire, at: at(72), reference: "wire_1".into(), poll_at: at(73) };
    let out = silent(silent(Payout { state: in_transit, ..sent() }, 73).next, 200).next;
    assert!(!out.waits_for_staff(), "{:?}", out.state);
}

#[test]
fn what_rests_in_a_persons_own_account_says_why_and_is_not_paid() {
    let rests = |why: &str| Carried::HeldBack(why.into());
    let state =
        PayoutState::InTransit { rail: Rail::RecipientAccount, at: at(72), reference: "tr_1".into(), poll_at: at(73) };
    let kept = heard(Payout { state, ..sent() }, 73, &rests(SUSPENDED)).next;
    let why = |payout: &Payout| match &payout.state {
        PayoutState::Unknown { rests, reference, .. } => (rests.clone(), reference.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&kept), (Some(SUSPENDED.to_owned()), Some("tr_1".to_owned())));
    assert!(kept.explanation().is_some_and(|told| told.contains("Our people are checking")), "what its owner is told");
    let listed = heard(kept, 98, &rests("on the list"));
    assert_eq!(why(&listed.next).0.as_deref(), Some("on the list"), "as of the last look");
    assert!(listed.entries.is_empty() && listed.next.waits_for_staff());
    let settle = |outcome, rests| listed.next.clone().settle(&admin(8), at(99), None, outcome, "Seen", rests);
    let refused = settle(WireOutcome::Paid, true).unwrap_err();
    assert!(matches!(&refused, Refusal::Rule { code, .. } if code == "PAYOUT_RESTS"), "{refused:?}");
    assert!(refused.to_string().contains("RETURNED"), "it says what is allowed: {refused}");
    for (outcome, rests) in [(WireOutcome::Returned, true), (WireOutcome::Paid, false)] {
        assert!(settle(outcome, rests).unwrap().changed, "{outcome:?}");
    }
    // Nothing is known of why any more, and then it goes on.
    assert_eq!(why(&heard(listed.next.clone(), 99, &Carried::Silent).next).0, None);
    assert_eq!(heard(listed.next, 99, &accepted()).next.state.as_str(), "in_transit");
    // Older news of it change nothing of what is over.
    let paid = heard(sent(), 80, &Carried::Paid).next;
    assert!(!heard(paid, 81, &rests("on the list")).changed);
}

#[test]
fn what_two_said_had_come_back_and_the_bank_has_is_taken_again_or_our_loss() {
    let stuck = heard(sent(), 73, &Carried::Silent).next.asked(&Actor::System, at(98), 0, &Known::Forgotten);
    let no = |payout: Payout, by| payout.settle(&admin(by), at(99), None, WireOutcome::Returned, "No", false).unwrap();
    let back = no(no(stuck.unwrap().next, 8).next, 9);
    assert_eq!(back.next.state.as_str(), "returned");
    for (available, taken) in [(0, 0), (1_200, 1_200), (9_500, 5_000)] {
        let up = back.next.clone().turned_up(&Actor::System, at(120), 0, usd(available)).unwrap();
        let effect = |account| up.entries[0].effect_on(account, Currency::Usd);
        assert_eq!(effect(LedgerAccount::PaidOut), 5_000);
        assert_eq!(effect(LedgerAccount::Available(id(1))), -taken);
        assert_eq!(effect(LedgerAccount::Losses), taken - 5_000);
        assert_eq!(up.next.state.as_str(), "paid");
        assert!(!up.next.clone().turned_up(&Actor::System, at(121), 0, usd(9_500)).unwrap().changed, "once");
        // Sent back after all, it makes up for our loss first.
        let again = heard(up.next, 200, &Carried::Returned("closed".into()));
        assert_eq!(again.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), taken);
        assert_eq!(again.entries[0].effect_on(LedgerAccount::Losses, Currency::Usd), 5_000 - taken);
        let told_again = again.next.turned_up(&Actor::System, at(201), 0, usd(9_500)).unwrap();
        assert!(!told_again.changed, "the rail's own word stands over theirs");
    }
    assert!(!back.next.clone().turned_up(&Actor::System, at(120), 1, usd(0)).unwrap().changed, "of another attempt");
    let rail_too = heard(back.next.clone(), 110, &Carried::Returned("closed".into()));
    assert!(rail_too.entries.is_empty(), "the money was theirs again already");
    assert!(!rail_too.next.turned_up(&Actor::System, at(120), 0, usd(0)).unwrap().changed, "news that come too late");
    let by_itself = heard(sent(), 80, &Carried::Returned("closed".into())).next;
    assert!(!by_itself.turned_up(&Actor::System, at(120), 0, usd(0)).unwrap().changed, "its rail said so itself");
}

#[test]
fn a_rail_that_took_it_and_denies_it_makes_no_room_for_the_next() {
    let taken = heard(sent(), 73, &accepted()).next;
    let denied =
        |payout: Payout, hours| payout.asked(&Actor::System, at(hours), 0, &Known::Told(refused())).unwrap().next;
    let twice = denied(denied(taken, 74), 75);
    assert!(matches!(twice.state, PayoutState::Unknown { reference: Some(_), .. }), "{:?}", twice.state);
    assert_eq!(twice.attempt, 0);
}

#[test]
fn only_a_quote_that_stands_is_taken_and_only_where_none_does_while_nothing_was_sent() {
    let quote = |from: i64, until: i64| FxQuote {
        rate: "278.45".parse().unwrap(),
        provider: "A bank".into(),
        quoted_at: at(from),
        expires_at: at(until),
    };
    let with = |payout: Payout, held: Option<FxQuote>| Payout { quote: held, ..payout };
    let (first, second) = (quote(72, 73), quote(90, 91));
    for (payout, held, offered, then) in [
        (queued(), Some(first.clone()), Some(second.clone()), Some(second.clone())),
        (queued(), Some(first.clone()), None, None),
        (queued(), Some(first.clone()), Some(quote(80, 89)), None),
        (queued(), Some(quote(72, 99)), Some(second.clone()), Some(quote(72, 99))),
        (queued(), None, Some(second.clone()), Some(second.clone())),
        (queued(), None, Some(quote(80, 89)), None),
        (queued(), None, None, None),
        (sent(), Some(first.clone()), Some(second.clone()), Some(first.clone())),
    ] {
        let before = with(payout, held);
        let change = before.clone().requote(&Actor::System, at(90), offered).unwrap();
        assert_eq!((change.changed, &change.next.quote), (before.quote != then, &then), "{before:?}");
    }
}
