//! The payout.

use domain::access::{Actor, Verb};
use domain::payout::{Carried, Known, Payout, PayoutMethod, PayoutRequest, Rail, Recent, Screened};
use domain::policy::Terms;
use domain::wire::WireOutcome;

use crate::cast::{admin, day, id, lin, usd};
use crate::room::{Command, Outcome, Room, command};

/// A payout in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Payout)> {
    let system = Actor::System;
    let requested = || {
        let iban = "PK36SCBL0000001123456702";
        let terms = Terms::default();
        let method = PayoutMethod::add(&lin(), day(0), id(1), id(1), iban, "Lin Khan", &terms).unwrap().next;
        let request = PayoutRequest {
            amount: usd(5_000),
            purpose_code: "9184".into(),
            purpose: Some("Export of computer software".into()),
            written_purpose: None,
            quote: None,
            retention: None,
            recent: Recent::NOTHING,
            failed_rails: Vec::new(),
            reauthenticated: true,
        };
        Payout::request(&lin(), day(3), id(1), &method, request, usd(9_500), terms).unwrap().next
    };
    let screening = || requested().screen(&system, day(3)).unwrap().next;
    let queued = || screening().screened(&system, day(3), Screened::Clear).unwrap().next;
    let sent = || queued().send(&system, day(3)).unwrap().next;
    let heard = |payout: Payout, said| {
        let attempt = payout.attempt;
        payout.heard(&system, day(4), attempt, &said).unwrap().next
    };
    let refused = |payout| heard(payout, Carried::Refused("no".into()));
    let not_now = |payout| heard(payout, Carried::NotNow("not for this person".into()));
    let by_wire = || {
        let third = (0..2).fold(sent(), |payout, _| refused(payout).send(&system, day(3)).unwrap().next);
        assert_eq!(third.state.rail(), Some(Rail::BankWire));
        third
    };
    let by_hand = || {
        let third = (0..2).fold(refused(sent()), |payout, _| refused(payout.send(&system, day(3)).unwrap().next));
        assert!(third.clocks().is_empty());
        third
    };
    let approved = |payout: Payout, by| payout.approve(&admin(by), day(3), None).unwrap().next;
    let in_transit = || heard(sent(), Carried::Accepted("po_1".into()));
    let stuck = || sent().asked(&system, day(4), 0, &Known::Forgotten).unwrap().next;
    let settled = |payout: Payout, by| {
        payout.settle(&admin(by), day(4), None, WireOutcome::Paid, "It says so", false).unwrap().next
    };
    let rests = || {
        let there = heard(refused(sent()).send(&system, day(3)).unwrap().next, Carried::Accepted("tr_1".into()));
        let kept = heard(there, Carried::HeldBack("on a list".into()));
        kept.heard(&system, day(6), 1, &Carried::HeldBack("on a list".into())).unwrap().next
    };
    vec![
        ("requested", requested()),
        ("screening", screening()),
        ("blocked, its owner suspended", screening().withhold(&system, day(3)).unwrap().next),
        ("blocked", screening().screened(&system, day(3), Screened::Hit("list 7".into())).unwrap().next),
        ("queued", queued()),
        ("queued for the next rail", refused(sent())),
        ("queued until its rail takes it", not_now(sent())),
        ("queued until there is money", heard(sent(), Carried::WithoutFunds("no money".into()))),
        ("queued by hand", by_hand()),
        ("queued by hand, approved once", approved(by_hand(), 70)),
        ("queued by hand, approved by this admin", approved(by_hand(), 20)),
        ("queued by hand, approved twice", approved(approved(by_hand(), 70), 71)),
        ("sent", sent()),
        ("sent again, and was not taken before", not_now(sent()).send(&system, day(5)).unwrap().next),
        ("in transit", in_transit()),
        ("in transit by our bank", heard(by_wire(), Carried::Accepted("wire_1".into()))),
        ("unknown", heard(sent(), Carried::Silent)),
        ("unknown, and was in transit", heard(in_transit(), Carried::Silent)),
        ("unknown, and our people have to find out", stuck()),
        ("unknown, and nobody can look who else may have paid it", {
            heard(by_wire(), Carried::Silent).heard(&system, day(6), 2, &Carried::Silent).unwrap().next
        }),
        ("unknown, and one of our people has found out", settled(stuck(), 70)),
        ("unknown, and this admin has found out", settled(stuck(), 20)),
        ("unknown, and rests in the person's own account", rests()),
        ("returned, say two of our people", {
            let no = |payout: Payout, by| {
                payout.settle(&admin(by), day(4), None, WireOutcome::Returned, "No", false).unwrap().next
            };
            no(no(stuck(), 70), 71)
        }),
        ("paid", heard(in_transit(), Carried::Paid)),
        ("returned", heard(in_transit(), Carried::Returned("closed".into()))),
        ("cancelled", requested().cancel(&lin(), day(3), None).unwrap().next),
    ]
}

fn hears(payout: Payout, actor: &Actor, said: &Carried) -> Outcome<Payout> {
    let attempt = payout.attempt;
    payout.heard(actor, day(9), attempt, said)
}

pub fn commands() -> Vec<Command<Payout>> {
    vec![
        command("cancel", Verb::PayoutCancel, |p, a| p.cancel(a, day(9), None)),
        command("approve", Verb::PayoutApprove, |p, a| p.approve(a, day(9), None)),
        command("settle: paid", Verb::PayoutSettle, |p, a| {
            p.settle(a, day(9), None, WireOutcome::Paid, "Seen there", false)
        }),
        command("settle: paid, and it rests", Verb::PayoutSettle, |p, a| {
            p.settle(a, day(9), None, WireOutcome::Paid, "Seen there", true)
        }),
        command("settle: returned", Verb::PayoutSettle, |p, a| {
            p.settle(a, day(9), None, WireOutcome::Returned, "It never got there", false)
        }),
        command("unblock", Verb::PayoutUnblock, |p, a| p.unblock(a, day(9), None)),
        command("reject", Verb::PayoutReject, |p, a| p.reject(a, day(9), None, "Not this name")),
        command("attach the e-PRC", Verb::PayoutEPrcAttach, |p, a| p.attach_e_prc(a, None, "EPRC-2026/17")),
        command("requote", Verb::PayoutAdvance, |p, a| p.requote(a, day(9), None)),
        command("screen", Verb::PayoutAdvance, |p, a| p.screen(a, day(9))),
        command("screened: clear", Verb::PayoutAdvance, |p, a| p.screened(a, day(9), Screened::Clear)),
        command("screened: hit", Verb::PayoutAdvance, |p, a| p.screened(a, day(9), Screened::Hit("list".into()))),
        command("send", Verb::PayoutAdvance, |p, a| p.send(a, day(9))),
        command("accepted", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::Accepted("po_2".into()))),
        command("refused", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::Refused("no".into()))),
        command("without funds", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::WithoutFunds("no money".into()))),
        command("not now", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::NotNow("not for this person".into()))),
        command("refused, of another attempt", Verb::PayoutAdvance, |p, a| {
            p.heard(a, day(9), 99, &Carried::Refused("no".into()))
        }),
        command("paid", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::Paid)),
        command("returned", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::Returned("closed".into()))),
        command("held back by its rail", Verb::PayoutAdvance, |p, a| {
            hears(p, a, &Carried::HeldBack("on a list".into()))
        }),
        command("silent", Verb::PayoutAdvance, |p, a| hears(p, a, &Carried::Silent)),
        command("recalled", Verb::PayoutAdvance, |p, a| p.recall(a, day(9), "on a list")),
        command("asked: absent", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.asked(a, day(9), attempt, &Known::Absent)
        }),
        command("asked: forgotten", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.asked(a, day(9), attempt, &Known::Forgotten)
        }),
        command("held back", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.hold_back(a, day(9), attempt, "on a list")
        }),
        command("asked and held back: absent", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.asked_and_held_back(a, day(9), attempt, (&Known::Absent, false), "on a list")
        }),
        command("asked for and held back: absent", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.asked_and_held_back(a, day(9), attempt, (&Known::Absent, true), "on a list")
        }),
        command("looked after: still there", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.looked_after(a, day(9), attempt, &Known::Told(Carried::Paid))
        }),
        command("looked after: returned", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.looked_after(a, day(9), attempt, &Known::Told(Carried::Returned("closed".into())))
        }),
        command("turned up", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.turned_up(a, day(9), attempt, usd(1_000))
        }),
    ]
}

#[test]
fn every_state_of_a_payout_answers_every_verb_of_everybody() {
    let room = Room {
        name: "payout",
        states: states(),
        commands: commands(),
        subject: Payout::subject,
        state: |p| p.state.as_str().to_owned(),
        allowed: Payout::allowed,
        elsewhere: &[],
        apart: &[],
    };
    room.check("payout", 10);
}
