use uuid::Uuid;

use super::*;
use crate::access::{Denied, MemberRole, Person};
use crate::id::Id;
use crate::money::Currency;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

/// Monday 2 March 2026, and so many days and hours later.
fn at(days: i64, hours: i64) -> Timestamp {
    "2026-03-02T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(days) + TimeDelta::hours(hours)
}

fn lin() -> Actor {
    Actor::Person(Person { user: id(1), suspended: false, second_factor: true, staff: None, memberships: vec![] })
}

fn ada() -> Actor {
    Actor::Person(Person {
        user: id(2),
        suspended: false,
        second_factor: true,
        staff: None,
        memberships: vec![(id(1), MemberRole::Owner)],
    })
}

fn week() -> Timesheet {
    let hourly = Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(2_500),
        limit_minutes: Some(600),
    };
    Timesheet::open(id(1), hourly, at(2, 5)).next
}

fn entry(n: u128, day: i64, minutes: u32) -> TimeEntry {
    TimeEntry { id: id(n), date: at(day, 0).date_naive(), minutes, note: "Header".into(), manual: n == 2 }
}

fn worked() -> Timesheet {
    let week = week().add_entry(&lin(), at(3, 0), None, entry(1, 0, 100)).unwrap().next;
    week.add_entry(&lin(), at(3, 0), None, entry(2, 1, 200)).unwrap().next
}

fn submitted() -> Timesheet {
    worked().submit(&Actor::System, at(7, 12), None).unwrap().next
}

fn charging() -> Timesheet {
    let approved = submitted().approve(&ada(), at(8, 0), None).unwrap().next;
    approved.charge(&Actor::System, at(8, 0), id(1)).unwrap().next
}

fn held() -> Change<Timesheet> {
    charging().charged(&Actor::System, at(8, 1), id(1), usd(12_875)).unwrap()
}

#[test]
fn a_week_runs_from_work_to_money() {
    let week = week();
    assert_eq!((week.week, week.clocks()), (at(0, 0).date_naive(), vec![(Timer::SubmitTimesheet(id(1)), at(7, 12))]));
    let sheet = worked();
    assert_eq!(sheet.amount(), Ok(usd(12_500)));
    assert!(!sheet.clone().submit(&Actor::System, at(7, 11), None).unwrap().changed);
    let sheet = sheet.submit(&Actor::System, at(7, 12), None).unwrap().next;
    let friday = at(12, 0) - TimeDelta::minutes(1);
    assert_eq!(sheet.clocks(), [(Timer::AutoApproveTimesheet(id(1)), friday)]);
    assert!(!sheet.clone().auto_approve(&Actor::System, friday - TimeDelta::seconds(1), false).unwrap().changed);
    let sheet = sheet.auto_approve(&Actor::System, friday, false).unwrap().next;
    let sheet = sheet.charge(&Actor::System, friday, id(1)).unwrap().next;
    let change = sheet.charged(&Actor::System, friday, id(1), usd(12_875)).unwrap();
    assert_eq!(change.entries[0].effect_on(LedgerAccount::TimesheetEscrow(id(1)), Currency::Usd), 12_500);
    // The Wednesday after: 18 March.
    assert_eq!(change.next.clocks(), [(Timer::PayTimesheet(id(1)), at(16, 12))]);
    let paid = change.next.release(&Actor::System, at(16, 12)).unwrap();
    assert_eq!(paid.entries[0].effect_on(LedgerAccount::Available(id(1)), Currency::Usd), 11_875);
    assert_eq!(paid.next.state.as_str(), "paid");
    assert!(!paid.next.release(&Actor::System, at(17, 0)).unwrap().changed);
}

#[test]
fn a_week_goes_its_way_by_the_terms_of_its_contract() {
    let terms = Terms {
        timesheet_submit_hours: 6,
        timesheet_approve_minutes: 36 * 60,
        timesheet_pay_hours: 3 * 24,
        write_off_days: 10,
        write_off_notice_days: 4,
        charge_retry_days: vec![],
        ..Terms::default()
    };
    assert_eq!(terms.check(), Ok(()));
    let sheet = Timesheet { terms, ..worked() };
    assert_eq!(sheet.clocks(), [(Timer::SubmitTimesheet(id(1)), at(7, 6))]);
    for (submitted, approves) in [(at(7, 1), at(8, 12)), (at(7, 6), at(8, 12)), (at(8, 6), at(9, 12))] {
        let sheet = sheet.clone().submit(&lin(), submitted, None).unwrap().next;
        assert_eq!(sheet.clocks(), [(Timer::AutoApproveTimesheet(id(1)), approves)], "{submitted}");
    }
    let approved = sheet.submit(&Actor::System, at(7, 6), None).unwrap().next;
    let approved = approved.auto_approve(&Actor::System, at(8, 12), false).unwrap().next;
    let charging = approved.charge(&Actor::System, at(8, 12), id(1)).unwrap().next;
    // A Thursday at midnight; charged on a Thursday or later, the next one.
    for (charged, pays) in
        [(at(8, 13), at(10, 0)), (at(10, 0), at(17, 0)), (at(16, 23), at(17, 0)), (at(17, 1), at(24, 0))]
    {
        let held = charging.clone().charged(&Actor::System, charged, id(1), usd(12_875)).unwrap().next;
        assert_eq!(held.clocks(), [(Timer::PayTimesheet(id(1)), pays)], "{charged}");
    }
    let unpaid = charging.charge_failed(&Actor::System, at(8, 13), id(1)).unwrap().next;
    assert_eq!(unpaid.clocks(), [(Timer::WriteOffTimesheet(id(1)), at(14, 13))]);
    let told = unpaid.write_off(&Actor::System, at(14, 13), None).unwrap();
    assert_eq!(told.events, [Event::TimesheetUnpaid { timesheet: id(1), writes_off_at: at(18, 13) }]);
}

#[test]
fn entries_lie_in_the_week_the_day_and_the_limit() {
    let refusal = |entry| worked().add_entry(&lin(), at(3, 0), None, entry).unwrap_err();
    for (bad, path) in [
        (entry(3, -1, 60), "date"),
        (entry(3, 7, 60), "date"),
        (entry(3, 4, 60), "date"),
        (entry(3, 0, 0), "minutes"),
        (entry(1, 0, 60), "id"),
        (TimeEntry { note: " ".into(), ..entry(3, 0, 60) }, "note"),
    ] {
        let Refusal::Invalid { fields } = refusal(bad) else { panic!() };
        assert_eq!(fields[0].path, path);
    }
    assert!(matches!(refusal(entry(3, 0, 301)), Refusal::Limit { limit: 600, .. }));
    assert!(worked().add_entry(&lin(), at(3, 0), None, entry(3, 0, 300)).is_ok());
    assert_eq!(worked().add_entry(&ada(), at(3, 0), None, entry(3, 0, 60)).unwrap_err(), Denied::NotAllowed.into());
    assert!(matches!(
        submitted().add_entry(&lin(), at(7, 13), None, entry(3, 0, 60)).unwrap_err(),
        Refusal::WrongState { .. }
    ));
    assert_eq!(worked().remove_entry(&lin(), None, id(2)).unwrap().next.minutes(), 100);
}

#[test]
fn a_week_is_submitted_when_it_is_over_and_an_empty_one_is_void() {
    let refusal = worked().submit(&lin(), at(6, 23), None).unwrap_err();
    assert!(matches!(refusal, Refusal::Rule { code, .. } if code == "WEEK_NOT_OVER"));
    assert_eq!(worked().submit(&lin(), at(7, 0), None).unwrap().next.state.as_str(), "submitted");
    let void = week().submit(&Actor::System, at(7, 12), None).unwrap().next;
    assert_eq!((void.state.as_str(), void.clocks()), ("void", vec![]));
}

#[test]
fn a_failed_charge_is_tried_again_after_one_three_and_five_days_and_then_waits() {
    let mut sheet = charging();
    let mut now = at(8, 0);
    for (attempt, day) in [(1, 1), (2, 3), (3, 5)] {
        let change = sheet.charge_failed(&Actor::System, now, id(attempt)).unwrap();
        assert!(matches!(change.events[0], Event::TimesheetChargeFailed { retry_at: Some(_), .. }));
        now += TimeDelta::days(day);
        assert_eq!(change.next.clocks(), [(Timer::ChargeTimesheet(id(1)), now)]);
        sheet = change.next.charge(&Actor::System, now, id(attempt + 1)).unwrap().next;
    }
    let mut sooner = sheet.clone();
    sooner.terms.write_off_days = 7;
    let sooner = sooner.charge_failed(&Actor::System, now, id(4)).unwrap().next;
    assert_eq!(sooner.clocks(), [(Timer::WriteOffTimesheet(id(1)), now + TimeDelta::days(7))]);
    let unpaid = sheet.charge_failed(&Actor::System, now, id(4)).unwrap().next;
    let written_off_at = now + TimeDelta::days(60);
    let near = written_off_at - TimeDelta::days(7);
    let waits = vec![(Timer::WriteOffTimesheet(id(1)), near)];
    assert_eq!((unpaid.state.as_str(), unpaid.clocks()), ("unpaid", waits));
    // Both sides are told a week before, once.
    assert!(!unpaid.clone().write_off(&Actor::System, near - TimeDelta::seconds(1), None).unwrap().changed);
    let reminded = unpaid.clone().write_off(&Actor::System, near, None).unwrap();
    assert_eq!(reminded.events, [Event::TimesheetUnpaid { timesheet: id(1), writes_off_at: written_off_at }]);
    assert_eq!(reminded.next.clocks(), [(Timer::WriteOffTimesheet(id(1)), written_off_at)]);
    assert!(!reminded.next.clone().write_off(&Actor::System, near, None).unwrap().changed);
    // Who could not be told in time is told all the same, and has the week.
    let late = written_off_at + TimeDelta::days(3);
    let told = unpaid.write_off(&Actor::System, late, None).unwrap();
    let moved = late + TimeDelta::days(7);
    assert_eq!(told.events, [Event::TimesheetUnpaid { timesheet: id(1), writes_off_at: moved }]);
    assert_eq!(told.next.clocks(), [(Timer::WriteOffTimesheet(id(1)), moved)]);
    assert_eq!(told.next.write_off(&Actor::System, moved, None).unwrap().next.state.as_str(), "void");
    let unpaid = reminded.next;
    assert!(!unpaid.clone().write_off(&Actor::System, written_off_at - TimeDelta::seconds(1), None).unwrap().changed);
    for gone in [
        unpaid.clone().write_off(&Actor::System, written_off_at, None).unwrap(),
        unpaid.clone().write_off(&lin(), now, None).unwrap(),
    ] {
        assert_eq!((gone.next.state.as_str(), gone.next.clocks(), gone.entries.len()), ("void", vec![], 0));
        assert!(matches!(gone.events[..], [Event::TimesheetWrittenOff { amount, .. }] if amount == usd(12_500)));
        let late = gone.next.charged(&Actor::System, now, id(4), usd(12_875)).unwrap();
        assert!(matches!(late.events[..], [Event::PaymentCredited { .. }]), "what comes late is the client's");
        assert_eq!(late.next.state.as_str(), "void");
    }
    assert!(unpaid.clone().write_off(&ada(), now, None).is_err(), "it is the freelancer's to give up");
    let paying = unpaid.pay(&ada(), now, None, id(5)).unwrap().next;
    assert_eq!(paying.charged(&Actor::System, now, id(5), usd(12_875)).unwrap().next.state.as_str(), "held");
}

#[test]
fn a_charge_counts_once_in_whatever_order_it_is_told() {
    let late = charging().charge_failed(&Actor::System, at(8, 1), id(1)).unwrap().next;
    let held_late = late.charged(&Actor::System, at(8, 2), id(1), usd(12_875)).unwrap().next;
    assert_eq!(held_late.state.as_str(), "held");
    let twice = held().next.charged(&Actor::System, at(8, 2), id(1), usd(12_875)).unwrap();
    assert!(!twice.changed);
    let other = held().next.charged(&Actor::System, at(8, 2), id(7), usd(12_875)).unwrap();
    assert_eq!(other.entries[0].effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd), 12_875);
    let silent = charging().charge(&Actor::System, at(9, 0), id(2)).unwrap().next;
    assert_eq!(silent.state.as_str(), "approved");
}

#[test]
fn disputed_entries_go_apart_and_the_rest_proceeds() {
    let dispute = |listed: &[TimeEntryId]| submitted().dispute(&ada(), at(8, 0), None, listed, id(2), id(1));
    assert!(matches!(dispute(&[]).unwrap_err(), Refusal::Invalid { .. }));
    assert!(matches!(dispute(&[id(9)]).unwrap_err(), Refusal::Invalid { .. }));
    let (rest, apart) = dispute(&[id(2)]).unwrap().next;
    assert_eq!(
        (rest.state.as_str(), rest.minutes(), apart.state.as_str(), apart.minutes()),
        ("approved", 100, "disputed", 200)
    );
    let settled = apart.clone().settle(&Actor::System, at(9, 0), id(1), usd(3_000)).unwrap().next;
    assert_eq!((settled.state.as_str(), settled.amount()), ("approved", Ok(usd(3_000))));
    let nothing = apart.clone().settle(&Actor::System, at(9, 0), id(1), usd(0)).unwrap().next;
    assert_eq!(nothing.state.as_str(), "void");
    assert!(!apart.settle(&Actor::System, at(9, 0), id(5), usd(0)).unwrap().changed);
}

#[test]
fn what_a_dispute_takes_apart_is_worth_together_what_it_was_as_one() {
    for (rate, minutes) in [(1_830, [1, 1]), (1_830, [1, 2]), (2_999, [7, 7]), (3_333, [1, 59]), (2_500, [100, 200])] {
        let sheet = Timesheet { hourly_rate: usd(rate), ..week() };
        let sheet = sheet.add_entry(&lin(), at(3, 0), None, entry(1, 0, minutes[0])).unwrap().next;
        let sheet = sheet.add_entry(&lin(), at(3, 0), None, entry(2, 1, minutes[1])).unwrap().next;
        let sheet = sheet.submit(&Actor::System, at(7, 12), None).unwrap().next;
        let whole = sheet.amount().unwrap();
        for listed in [vec![id(1)], vec![id(2)], vec![id(1), id(2)]] {
            let split = sheet.clone().dispute(&ada(), at(8, 0), None, &listed, id(2), id(1)).unwrap().next;
            let (rest, apart) = (split.0, split.1.resume(&Actor::System, at(9, 0), id(1)).unwrap().next);
            let both = rest.amount().unwrap().plus(apart.amount().unwrap());
            assert_eq!(both, Ok(whole), "{minutes:?} at {rate}, {listed:?}");
        }
    }
}

#[test]
fn a_chargeback_takes_a_held_week_and_a_paid_one_is_our_loss() {
    let back = |sheet: Timesheet| sheet.charge_back(&Actor::System, at(9, 0), id(1), "dp", usd(12_875)).unwrap();
    let change = back(held().next);
    assert_eq!(change.entries[0].effect_on(LedgerAccount::Losses, Currency::Usd), -375);
    assert_eq!((change.next.state.as_str(), change.next.clocks()), ("charged_back", vec![]));
    assert!(!back(change.next).changed);
    let paid = held().next.release(&Actor::System, at(16, 12)).unwrap().next;
    assert_eq!(back(paid).entries[0].effect_on(LedgerAccount::Losses, Currency::Usd), -12_875);
    let early = back(charging()).next.charged(&Actor::System, at(9, 1), id(1), usd(12_875)).unwrap().next;
    assert_eq!(early.state.as_str(), "charged_back");
}

#[test]
fn a_late_charge_is_paid_on_the_wednesday_after_it() {
    let paid_on =
        |days, hours| match charging().charged(&Actor::System, at(days, hours), id(1), usd(12_875)).unwrap().next.state
        {
            TimesheetState::Held { pays_at, .. } => pays_at,
            other => panic!("{other:?}"),
        };
    assert_eq!(paid_on(15, 0), at(16, 12));
    assert_eq!(paid_on(16, 13), at(23, 12));
    assert_eq!(paid_on(17, 0), at(23, 12));
}

#[test]
fn a_week_is_rounded_half_up_to_the_cent_once() {
    let hourly = |cents| Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(cents),
        limit_minutes: None,
    };
    for (cents, minutes, worth) in [
        (3_333, vec![10, 10, 10], 1_667),
        (3_333, vec![10, 10, 10, 410], 24_442),
        (3_333, vec![90], 5_000),
        (100, vec![1], 2),
        (100, vec![29], 48),
        (120, vec![1, 1, 1], 6),
    ] {
        let mut week = Timesheet::open(id(1), hourly(cents), at(2, 5)).next;
        for (n, minutes) in minutes.into_iter().enumerate() {
            week = week.add_entry(&lin(), at(3, 0), None, entry(10 + n as u128, 0, minutes)).unwrap().next;
        }
        assert_eq!(week.amount(), Ok(usd(worth)));
    }
}

#[test]
fn a_week_can_be_begun_until_it_would_have_gone_to_the_client() {
    let hourly = || Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(2_500),
        limit_minutes: None,
    };
    let open = |now| Timesheet::open_on(id(1), hourly(), at(3, 0).date_naive(), now);
    for now in [at(3, 0), at(6, 23), at(7, 11)] {
        let week = open(now).unwrap().next;
        assert_eq!((week.week, week.limit_minutes), (at(0, 0).date_naive(), 2_400));
    }
    for now in [at(7, 12), at(30, 0)] {
        assert!(matches!(open(now).unwrap_err(), Refusal::Invalid { fields } if fields[0].path == "date"));
    }
}

#[test]
fn a_contract_that_ends_sends_what_was_worked_to_the_client_who_has_as_long_as_ever() {
    let wound = worked().wind_up(&Actor::System, at(3, 0)).unwrap().next;
    let friday = at(12, 0) - TimeDelta::minutes(1);
    assert_eq!(wound.clocks(), [(Timer::AutoApproveTimesheet(id(1)), friday)]);
    assert!(!wound.wind_up(&Actor::System, at(3, 0)).unwrap().changed);
    assert_eq!(week().wind_up(&Actor::System, at(3, 0)).unwrap().next.state.as_str(), "void");
    assert_eq!(worked().wind_up(&lin(), at(3, 0)).unwrap_err(), Denied::NotAllowed.into());
}

#[test]
fn without_a_card_a_charge_fails_like_one_that_was_declined() {
    let approved = || submitted().approve(&ada(), at(8, 0), None).unwrap().next;
    let change = approved().charge_to(&Actor::System, at(8, 0), id(1), None).unwrap();
    assert!(matches!(change.events[..], [Event::TimesheetChargeFailed { retry_at: Some(_), .. }]), "nobody is asked");
    let (sheet, payment) = change.next;
    assert_eq!(sheet.clocks(), [(Timer::ChargeTimesheet(id(1)), at(9, 0))]);
    assert_eq!(sheet.holds_up(), Some(HoldReason::PaymentFailed));
    let payment = payment.unwrap();
    assert_eq!((payment.state.as_str(), payment.method), ("failed", None));

    let card = crate::payment::PaymentMethod::parse("pm_sandbox_visa").unwrap();
    let (sheet, payment) = approved().charge_to(&Actor::System, at(8, 0), id(1), Some(card.clone())).unwrap().next;
    assert_eq!((sheet.state.as_str(), payment.unwrap().method), ("charging", Some(card.clone())));
    let early = approved().charge_to(&Actor::System, at(7, 0), id(1), Some(card)).unwrap();
    assert!(!early.changed && early.next.1.is_none());
}

#[test]
fn a_card_that_is_named_while_another_is_tried_is_tried_as_soon_as_that_fails() {
    let mut sheet = charging();
    for attempt in 1..=3 {
        let failed = sheet.charge_failed(&Actor::System, at(8, 1), id(attempt)).unwrap().next;
        let TimesheetState::Approved { charge_at, .. } = failed.state else { panic!("{:?}", failed.state) };
        assert!(charge_at > at(8, 1));
        sheet = failed.charge(&Actor::System, charge_at, id(attempt + 1)).unwrap().next;
    }
    let last = sheet.clone().charge_failed(&Actor::System, at(20, 0), id(4)).unwrap().next;
    assert_eq!(last.state.as_str(), "unpaid", "without another card that was the last try");
    let named = sheet.card_named(&Actor::System, at(19, 0)).unwrap();
    assert!(named.changed && !named.next.clone().card_named(&Actor::System, at(19, 0)).unwrap().changed);
    let waits = named.next.clone().waits_for_bank(&Actor::System, at(29, 0)).unwrap();
    for sheet in [named.next, waits.next] {
        let failed = sheet.charge_failed(&Actor::System, at(20, 0), id(4)).unwrap();
        assert!(
            matches!(failed.events[..], [Event::TimesheetChargeFailed { retry_at: Some(now), .. }] if now == at(20, 0))
        );
        assert_eq!(failed.next.clocks(), [(Timer::ChargeTimesheet(id(1)), at(20, 0))]);
        let again = failed.next.charge(&Actor::System, at(20, 0), id(5)).unwrap().next;
        let failed = again.charge_failed(&Actor::System, at(20, 1), id(5)).unwrap().next;
        assert_eq!(failed.state.as_str(), "unpaid", "that one is tried once");
    }
}

#[test]
fn the_client_need_not_wait_for_the_next_try() {
    let failed = charging().charge_failed(&Actor::System, at(8, 1), id(1)).unwrap().next;
    let card = crate::payment::PaymentMethod::parse("pm_sandbox_visa").unwrap();
    let (paying, payment) = failed.clone().pay_by(&ada(), at(8, 2), None, id(2), Some(card)).unwrap().next;
    assert_eq!((paying.state.as_str(), paying.holds_up()), ("charging", Some(HoldReason::PaymentFailed)));
    assert_eq!(payment.quote.client_pays, usd(12_875));
    let held = paying.charged(&Actor::System, at(8, 3), id(2), usd(12_875)).unwrap().next;
    assert_eq!((held.state.as_str(), held.holds_up()), ("held", None));
    let refusal = failed.clone().pay_by(&ada(), at(8, 2), None, id(2), None).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { fields } if fields[0].path == "paymentMethod"));
    assert_eq!(failed.pay(&lin(), at(8, 2), None, id(2)).unwrap_err(), Denied::NotAllowed.into());
    let never_failed = submitted().approve(&ada(), at(8, 0), None).unwrap().next;
    assert!(matches!(never_failed.pay(&ada(), at(8, 2), None, id(2)).unwrap_err(), Refusal::WrongState { .. }));
}

#[test]
fn a_payment_that_became_credit_is_never_charged_back_out_of_the_week() {
    let other = held().next.charged(&Actor::System, at(8, 2), id(7), usd(12_875)).unwrap().next;
    let back = other.charge_back(&Actor::System, at(9, 0), id(7), "dp_7", usd(12_875)).unwrap();
    assert_eq!(back.entries[0].effect_on(LedgerAccount::Losses, Currency::Usd), -12_875);
    assert_eq!((back.next.state.as_str(), back.next.escrow.held()), ("held", usd(12_500)));
    let early = held().next.charge_back(&Actor::System, at(9, 0), id(8), "dp_8", usd(5_000)).unwrap().next;
    let credited = early.charged(&Actor::System, at(9, 1), id(8), usd(12_875)).unwrap();
    let credit = |entry: &JournalEntry| entry.effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd);
    assert_eq!(credited.entries.iter().map(credit).sum::<i64>(), 7_875);
    assert_eq!((credited.next.state.as_str(), credited.next.escrow.held()), ("held", usd(12_500)));
}

#[test]
fn a_chargeback_that_is_won_pays_the_week_after_all() {
    let effect = |change: &Change<Timesheet>, account| -> i64 {
        change.entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
    };
    let available = LedgerAccount::Available(id(1));
    let won =
        |week: Timesheet, payment: u128| week.charge_back_won(&Actor::System, at(20, 0), id(payment), "dp").unwrap();
    let lost = held().next.charge_back(&Actor::System, at(9, 0), id(1), "dp", usd(12_875)).unwrap().next;
    assert_eq!(lost.state.as_str(), "charged_back");
    let back = won(lost, 1);
    assert_eq!((back.next.state.as_str(), effect(&back, available)), ("paid", 11_875));
    assert_eq!(effect(&back, LedgerAccount::Losses), 375);
    assert!(!won(back.next, 1).changed, "told twice");
    // What is still held is held again, and paid on its Wednesday.
    let part = held().next.charge_back(&Actor::System, at(9, 0), id(1), "dp", usd(5_000)).unwrap().next;
    let back = won(part, 1);
    assert_eq!((back.next.state.as_str(), back.next.escrow.held(), effect(&back, available)), ("held", usd(12_500), 0));
    // One that had been paid by then was our loss alone, and is paid as before.
    let paid = held().next.release(&Actor::System, at(30, 0)).unwrap().next;
    let lost = paid.charge_back(&Actor::System, at(31, 0), id(1), "dp", usd(12_875)).unwrap();
    assert_eq!((lost.next.state.as_str(), effect(&lost, LedgerAccount::Losses)), ("charged_back", -12_875));
    let back = won(lost.next, 1);
    assert_eq!((back.next.state.as_str(), effect(&back, available)), ("paid", 0));
    assert_eq!(effect(&back, LedgerAccount::Losses), 12_875);
    // One that became credit takes the credit there is, and gives it back.
    let other = held().next.charged(&Actor::System, at(8, 2), id(7), usd(12_875)).unwrap().next;
    let reach = Reach { credit: usd(12_000), milestones: vec![] };
    let taken = Taken { payment: id(7), reference: "dp", amount: usd(12_875) };
    let lost = other.charge_back_reaching(reach, &Actor::System, at(9, 0), &taken).unwrap().map(|(week, _)| week);
    let credit = LedgerAccount::ClientCredit(id(1));
    assert_eq!((effect(&lost, credit), effect(&lost, LedgerAccount::Losses)), (-12_000, -875));
    let back = won(lost.next, 7);
    assert_eq!((effect(&back, credit), back.next.state.as_str()), (12_000, "held"));
}

#[test]
fn a_charge_that_is_with_the_bank_is_waited_for() {
    let early = charging().waits_for_bank(&Actor::System, at(8, 0)).unwrap();
    assert!(!early.changed);
    let waits = charging().waits_for_bank(&Actor::System, at(20, 0)).unwrap();
    assert!(waits.events.is_empty(), "nothing has failed");
    assert_eq!(waits.next.clocks(), [(Timer::ChargeTimesheet(id(1)), at(21, 0))]);
    let named = waits.next.clone().card_named(&Actor::System, at(20, 1)).unwrap();
    assert_eq!((named.next.state.as_str(), named.events.len()), ("charging", 0), "nor is it asked for again");
    assert_eq!(named.next.clocks(), waits.next.clocks());
    let came = waits.next.charged(&Actor::System, at(20, 2), id(1), usd(12_875)).unwrap().next;
    assert_eq!(came.state.as_str(), "held");
}

#[test]
fn the_silence_of_a_client_that_may_not_answer_is_no_yes_for_the_days_of_the_terms() {
    for barred_days in [30, 3] {
        is_no_yes_for(barred_days);
    }
}

fn is_no_yes_for(barred_days: u16) {
    let TimesheetState::Submitted { approves_at, .. } = submitted().state else { panic!("it is submitted") };
    let mut sheet = submitted();
    sheet.terms.barred_days = barred_days;
    for _ in 0..barred_days {
        let due = sheet.clocks()[0].1;
        let later = sheet.auto_approve(&Actor::System, due, true).unwrap().next;
        assert_eq!((later.state.as_str(), later.clocks()[0].1), ("submitted", due + TimeDelta::days(1)));
        sheet = later;
    }
    let due = sheet.clocks()[0].1;
    assert_eq!(due, approves_at + days(barred_days));
    assert_eq!(sheet.auto_approve(&Actor::System, due, true).unwrap().next.state.as_str(), "approved");
}

#[test]
fn what_is_due_of_a_contract_that_is_looked_at_waits_a_day() {
    let due = TimesheetState::Held { charged_at: at(8, 0), pays_at: at(9, 0) };
    let held = Timesheet { state: due, ..charging() };
    assert!(!held.clone().put_off(&Actor::System, at(8, 0)).unwrap().changed);
    let later = held.put_off(&Actor::System, at(9, 0)).unwrap().next;
    assert_eq!(later.clocks(), [(Timer::PayTimesheet(id(1)), at(10, 0))]);
    let open = submitted();
    assert!(!open.put_off(&Actor::System, at(400, 0)).unwrap().changed, "no money of it moves");
}

#[test]
fn a_week_below_what_a_card_can_be_charged_is_paid_and_the_rest_is_credit() {
    let sheet = Timesheet { hourly_rate: usd(2_000), ..week() };
    let sheet = sheet.add_entry(&lin(), at(3, 0), None, entry(1, 0, 1)).unwrap().next;
    let sheet = sheet.submit(&Actor::System, at(7, 12), None).unwrap().next;
    let charging = sheet.approve(&ada(), at(8, 0), None).unwrap().next.charge(&Actor::System, at(8, 0), id(1)).unwrap();
    let asked = Event::TimesheetChargeStarted { timesheet: id(1), payment: id(1), total: usd(50) };
    assert_eq!(charging.events, [asked]);
    let effect = |entries: &[JournalEntry], account| -> i64 {
        entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
    };
    let credit = LedgerAccount::ClientCredit(id(1));
    let charged = charging.next.clone().charged(&Actor::System, at(8, 1), id(1), usd(50)).unwrap();
    let held = effect(&charged.entries, LedgerAccount::TimesheetEscrow(id(1)));
    let fee = effect(&charged.entries, LedgerAccount::FeeRevenue);
    assert_eq!((held, fee, effect(&charged.entries, credit)), (33, 1, 16));
    let told = Event::PaymentCredited { organization: id(1), payment: id(1), amount: usd(16) };
    assert!(charged.events.contains(&told), "{:?}", charged.events);
    let paid = charged.next.clone().release(&Actor::System, at(16, 12)).unwrap();
    assert_eq!(effect(&paid.entries, LedgerAccount::Available(id(1))), 31);
    // Its bank takes all of it back: what is held, and the credit; the fee is our loss.
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(50) };
    let reach = Reach { credit: usd(16), milestones: vec![] };
    let back = charged.next.charge_back_reaching(reach, &Actor::System, at(9, 0), &taken).unwrap();
    assert_eq!((effect(&back.entries, credit), effect(&back.entries, LedgerAccount::Losses)), (-16, -1));
    // And what came in another sum is credit whole, as ever.
    let other = charging.next.charged(&Actor::System, at(8, 1), id(1), usd(34)).unwrap();
    assert_eq!((other.next.state.as_str(), effect(&other.entries, credit)), ("charging", 34));
}

#[test]
fn no_more_is_worked_in_a_week_than_can_be_charged() {
    let sheet = Timesheet { hourly_rate: usd(97_000_000), limit_minutes: 600, ..week() };
    let sheet = sheet.add_entry(&lin(), at(3, 0), None, entry(1, 0, 60)).unwrap().next;
    let refusal = sheet.add_entry(&lin(), at(3, 0), None, entry(2, 0, 5)).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { .. }), "{refusal:?}");
}
