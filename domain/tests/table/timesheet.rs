//! The week of an hourly contract.

use domain::access::{Actor, Verb};
use domain::policy::Terms;
use domain::timesheet::{Hourly, TimeEntry, Timesheet};

use crate::cast::{ada, day, id, lin, usd};
use crate::room::{Command, Room, command};

fn entry(n: u128, on: i64) -> TimeEntry {
    TimeEntry { id: id(n), date: day(on).date_naive(), minutes: 100, note: "Work".into(), manual: n == 2 }
}

fn empty() -> Timesheet {
    let hourly = Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(6_000),
        limit_minutes: None,
    };
    Timesheet::open(id(1), hourly, day(0)).next
}

/// A week in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Timesheet)> {
    let system = Actor::System;
    let open = || {
        let week = empty().add_entry(&lin(), day(1), None, entry(1, 0)).unwrap().next;
        week.add_entry(&lin(), day(1), None, entry(2, 1)).unwrap().next
    };
    let submitted = || open().submit(&lin(), day(7), None).unwrap().next;
    let disputed = || submitted().dispute(&ada(), day(8), None, &[id(2)], id(2), id(1)).unwrap().next;
    let approved = || submitted().approve(&ada(), day(8), None).unwrap().next;
    let charging = || approved().charge(&system, day(8), id(1)).unwrap().next;
    let failed = |week: Timesheet, n| week.charge_failed(&system, day(8), id(n)).unwrap().next;
    let tried_again = |week: Timesheet, n| week.charge(&system, day(20), id(n)).unwrap().next;
    let unpaid = || {
        let thrice = (2..=4).fold(failed(charging(), 1), |week, n| failed(tried_again(week, n), n));
        assert_eq!(thrice.state.as_str(), "unpaid");
        thrice
    };
    let held = || charging().charged(&system, day(8), id(1), usd(20_600)).unwrap().next;
    let charged_back = || held().charge_back(&system, day(9), id(1), "dp", usd(20_600)).unwrap().next;
    vec![
        ("open", open()),
        ("submitted", submitted()),
        ("disputed", disputed().1),
        ("approved", approved()),
        ("approved, the rest of a dispute", disputed().0),
        ("approved by silence", submitted().auto_approve(&system, day(12), false).unwrap().next),
        ("approved, a charge failed", failed(charging(), 1)),
        ("charging", charging()),
        ("charging again", tried_again(failed(charging(), 1), 2)),
        ("unpaid", unpaid()),
        ("unpaid, and both were told", unpaid().write_off(&system, day(300), None).unwrap().next),
        ("held", held()),
        ("paid", held().release(&system, day(30)).unwrap().next),
        ("void", empty().submit(&lin(), day(7), None).unwrap().next),
        ("charged back", charged_back()),
    ]
}

pub fn commands() -> Vec<Command<Timesheet>> {
    vec![
        command("add_entry", Verb::TimeEntryAdd, |t, a| t.add_entry(a, day(9), None, entry(3, 2))),
        command("remove_entry", Verb::TimeEntryRemove, |t, a| t.remove_entry(a, None, id(1))),
        command("submit", Verb::TimesheetSubmit, |t, a| t.submit(a, day(9), None)),
        command("submit before it is over", Verb::TimesheetSubmit, |t, a| t.submit(a, day(6), None)),
        command("approve", Verb::TimesheetApprove, |t, a| t.approve(a, day(9), None)),
        command("dispute", Verb::TimesheetDispute, |t, a| {
            Ok(t.dispute(a, day(9), None, &[id(1)], id(3), id(3))?.map(|(rest, _)| rest))
        }),
        command("pay", Verb::TimesheetPay, |t, a| t.pay(a, day(9), None, id(9))),
        command("auto_approve", Verb::TimesheetAdvance, |t, a| t.auto_approve(a, day(400), false)),
        command("auto_approve, the client barred", Verb::TimesheetAdvance, |t, a| t.auto_approve(a, day(400), true)),
        command("write_off", Verb::TimesheetWriteOff, |t, a| t.write_off(a, day(9), None)),
        command("write_off, by the clock", Verb::TimesheetWriteOff, |t, a| t.write_off(a, day(400), None)),
        command("put off", Verb::TimesheetAdvance, |t, a| t.put_off(a, day(400))),
        command("charge", Verb::TimesheetAdvance, |t, a| t.charge(a, day(400), id(9))),
        command("charged", Verb::TimesheetAdvance, |t, a| t.charged(a, day(9), id(1), usd(20_600))),
        command("charged out of the blue", Verb::TimesheetAdvance, |t, a| t.charged(a, day(9), id(50), usd(777))),
        command("charge_failed", Verb::TimesheetAdvance, |t, a| t.charge_failed(a, day(9), id(1))),
        command("release", Verb::TimesheetAdvance, |t, a| t.release(a, day(400))),
        command("charge_back_won", Verb::TimesheetAdvance, |t, a| t.charge_back_won(a, day(9), id(1), "dp")),
        command("charge_back", Verb::TimesheetAdvance, |t, a| t.charge_back(a, day(9), id(1), "dp_2", usd(20_600))),
        command("waits_for_bank", Verb::TimesheetAdvance, |t, a| t.waits_for_bank(a, day(400))),
        command("card_named", Verb::TimesheetAdvance, |t, a| t.card_named(a, day(9))),
        command("extend", Verb::TimesheetAdvance, |t, a| t.extend(a, 24)),
        command("settle", Verb::TimesheetAdvance, |t, a| t.settle(a, day(9), id(1), usd(50))),
        command("settle for nothing", Verb::TimesheetAdvance, |t, a| t.settle(a, day(9), id(1), usd(0))),
        command("resume", Verb::TimesheetAdvance, |t, a| t.resume(a, day(9), id(1))),
    ]
}

#[test]
fn every_state_of_a_timesheet_answers_every_verb_of_everybody() {
    let room = Room {
        name: "timesheet",
        states: states(),
        commands: commands(),
        subject: Timesheet::subject,
        state: |t| t.state.as_str().to_owned(),
        allowed: Timesheet::allowed,
        elsewhere: &[],
        apart: &[],
    };
    room.check("timesheet", 10);
}
