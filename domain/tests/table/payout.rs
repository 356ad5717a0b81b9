//! The payout.

use domain::access::{Actor, Verb};
use domain::payout::{Payout, PayoutMethod, PayoutRequest, Screened};
use domain::policy::Terms;

use crate::cast::{admin, day, id, lin, usd};
use crate::room::{Command, Room, command};

/// A payout in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Payout)> {
    let system = Actor::System;
    let requested = || {
        let iban = "PK36SCBL0000001123456702";
        let terms = Terms::default();
        let method = PayoutMethod::add(&lin(), day(0), id(1), id(1), iban, "Lin Khan", &terms).unwrap().next;
        let request = PayoutRequest { amount: usd(5_000), purpose_code: "9471".into(), reauthenticated: true };
        Payout::request(&lin(), day(3), id(1), &method, request, usd(9_500), terms).unwrap().next
    };
    let screening = || requested().screen(&system, day(3)).unwrap().next;
    let queued = || screening().screened(&system, day(3), Screened::Clear).unwrap().next;
    let sent = || queued().send(&system, day(3)).unwrap().next;
    let refused = |payout: Payout| {
        let attempt = payout.attempt;
        payout.refused(&system, day(3), attempt, "no").unwrap().next
    };
    let by_hand = || {
        let third = (0..2).fold(refused(sent()), |payout, _| refused(payout.send(&system, day(3)).unwrap().next));
        assert!(third.clocks().is_empty());
        third
    };
    let approved = |payout: Payout, by| payout.approve(&admin(by), day(3), None).unwrap().next;
    let in_transit = || sent().accepted(&system, day(3), "po_1").unwrap().next;
    vec![
        ("requested", requested()),
        ("screening", screening()),
        ("blocked", screening().screened(&system, day(3), Screened::Hit("list 7".into())).unwrap().next),
        ("queued", queued()),
        ("queued for the next rail", refused(sent())),
        ("queued by hand", by_hand()),
        ("queued by hand, approved once", approved(by_hand(), 70)),
        ("queued by hand, approved by this admin", approved(by_hand(), 20)),
        ("queued by hand, approved twice", approved(approved(by_hand(), 70), 71)),
        ("sent", sent()),
        ("in transit", in_transit()),
        ("unknown", sent().lost_sight(&system, day(4)).unwrap().next),
        ("paid", in_transit().paid(&system, day(4)).unwrap().next),
        ("returned", in_transit().returned(&system, day(4), "closed").unwrap().next),
        ("cancelled", requested().cancel(&lin(), day(3), None).unwrap().next),
    ]
}

fn commands() -> Vec<Command<Payout>> {
    vec![
        command("cancel", Verb::PayoutCancel, |p, a| p.cancel(a, day(9), None)),
        command("approve", Verb::PayoutApprove, |p, a| p.approve(a, day(9), None)),
        command("unblock", Verb::PayoutUnblock, |p, a| p.unblock(a, day(9), None)),
        command("reject", Verb::PayoutReject, |p, a| p.reject(a, day(9), None, "Not this name")),
        command("screen", Verb::PayoutAdvance, |p, a| p.screen(a, day(9))),
        command("screened: clear", Verb::PayoutAdvance, |p, a| p.screened(a, day(9), Screened::Clear)),
        command("screened: hit", Verb::PayoutAdvance, |p, a| p.screened(a, day(9), Screened::Hit("list".into()))),
        command("send", Verb::PayoutAdvance, |p, a| p.send(a, day(9))),
        command("accepted", Verb::PayoutAdvance, |p, a| p.accepted(a, day(9), "po_2")),
        command("refused", Verb::PayoutAdvance, |p, a| {
            let attempt = p.attempt;
            p.refused(a, day(9), attempt, "no")
        }),
        command("refused, told late", Verb::PayoutAdvance, |p, a| p.refused(a, day(9), 99, "no")),
        command("paid", Verb::PayoutAdvance, |p, a| p.paid(a, day(9))),
        command("returned", Verb::PayoutAdvance, |p, a| p.returned(a, day(9), "closed")),
        command("lost_sight", Verb::PayoutAdvance, |p, a| p.lost_sight(a, day(9))),
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
