//! The payment, and what goes back of it to its card.

use domain::access::{Actor, Verb};
use domain::change::Change;
use domain::money::Money;
use domain::payment::{PROCESSOR_SILENT, Payment, PaymentMethod, Purpose, Refund};
use domain::policy::Terms;

use crate::cast::{ada, day, id, usd};
use crate::room::{Command, Room, command};

const SYSTEM: Actor = Actor::System;

/// A payment in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Payment)> {
    let quote = || Terms::default().quote(usd(100_000)).unwrap();
    let purpose = Purpose::Milestone(id(1));
    let card = || PaymentMethod::parse("pm_card").unwrap();
    let starting = || Payment::start(id(1), id(1), purpose, card(), quote(), day(0)).next;
    let waits = || starting().waits_for_client(&SYSTEM, "pi_1".into()).unwrap().next;
    let processing = || starting().taken_up(&SYSTEM, "pi_1".into()).unwrap().next;
    vec![
        ("starting", starting()),
        ("unknown", starting().unanswered(&SYSTEM, day(0)).unwrap().next),
        ("requires action", waits()),
        ("processing", processing()),
        ("succeeded", processing().succeeded(&SYSTEM, day(1), "pi_1".into()).unwrap().next),
        ("failed", processing().failed(&SYSTEM, day(1), "card_declined".into()).unwrap().next),
        ("failed for want of a card", Payment::without_method(id(1), id(1), purpose, quote(), day(0)).next),
    ]
}

/// Some of it goes back, of so much of it that is credit.
fn back(
    payment: &Payment,
    actor: &Actor,
    cents: i64,
    credit: Money,
) -> Result<Change<Refund>, domain::refusal::Refusal> {
    payment.refund(actor, day(9), id(9), usd(cents), credit, &[])
}

pub fn commands() -> Vec<Command<Payment>> {
    vec![
        command("refund", Verb::PaymentRefund, |p, a| Ok(back(&p, a, 500, usd(1_000))?.map(|_| p))),
        command("refund nothing", Verb::PaymentRefund, |p, a| Ok(back(&p, a, 0, usd(1_000))?.map(|_| p))),
        command("refund more than is credit", Verb::PaymentRefund, |p, a| {
            Ok(back(&p, a, 1_001, usd(1_000))?.map(|_| p))
        }),
        command("refund more than it was", Verb::PaymentRefund, |p, a| {
            Ok(back(&p, a, 103_001, usd(200_000))?.map(|_| p))
        }),
        command("refund what went back already", Verb::PaymentRefund, |p, a| {
            let before = back(&p, &ada(), 103_000, usd(103_000)).map(|change| vec![change.next]).unwrap_or_default();
            Ok(p.refund(a, day(9), id(9), usd(1), usd(200_000), &before)?.map(|_| p))
        }),
        command("unanswered", Verb::PaymentAdvance, |p, a| p.unanswered(a, day(9))),
        command("waits for the client", Verb::PaymentAdvance, |p, a| p.waits_for_client(a, "pi_1".into())),
        command("taken up", Verb::PaymentAdvance, |p, a| p.taken_up(a, "pi_1".into())),
        command("succeeded", Verb::PaymentAdvance, |p, a| p.succeeded(a, day(9), "pi_1".into())),
        command("failed", Verb::PaymentAdvance, |p, a| p.failed(a, day(9), "late".into())),
        command("costs", Verb::PaymentAdvance, |p, a| {
            let entry = p.costs(a, "txn_1", usd(30))?;
            Ok(Change::to(p).posting(entry))
        }),
        command("costs back", Verb::PaymentAdvance, |p, a| {
            let entry = p.costs_back(a, "txn_2", usd(15))?;
            Ok(Change::to(p).posting(entry))
        }),
    ]
}

/// A refund of 5.00 in each of its states, reached by its verbs.
fn refunds() -> Vec<(&'static str, Refund)> {
    let (_, paid) = states().swap_remove(4);
    let started = || back(&paid, &ada(), 500, usd(1_000)).unwrap().next;
    let pending = || started().taken_up(&SYSTEM, "re_1".into(), usd(0)).unwrap().next;
    let succeeded = |refund: Refund| refund.succeeded(&SYSTEM, day(10), "re_1".into(), usd(200)).unwrap().next;
    let failed = |refund: Refund, code: &str| refund.failed(&SYSTEM, day(10), code.into(), usd(0)).unwrap().next;
    let late = || failed(started(), PROCESSOR_SILENT).taken_up(&SYSTEM, "re_1".into(), usd(200)).unwrap().next;
    vec![
        ("started", started()),
        ("pending", pending()),
        ("pending, after it was given up", late()),
        ("succeeded", succeeded(pending())),
        ("succeeded, after it was given up", succeeded(late())),
        ("failed", failed(pending(), "expired_or_canceled_card")),
        ("failed, given up", failed(started(), PROCESSOR_SILENT)),
        ("failed, after it was given up and taken up", failed(late(), "expired_or_canceled_card")),
    ]
}

pub fn refund_commands() -> Vec<Command<Refund>> {
    vec![
        command("taken up, its credit there", Verb::PaymentAdvance, |r, a| r.taken_up(a, "re_2".into(), usd(500))),
        command("taken up, its credit spent", Verb::PaymentAdvance, |r, a| r.taken_up(a, "re_2".into(), usd(0))),
        command("succeeded, its credit there", Verb::PaymentAdvance, |r, a| {
            r.succeeded(a, day(11), "re_2".into(), usd(500))
        }),
        command("succeeded, its credit spent", Verb::PaymentAdvance, |r, a| {
            r.succeeded(a, day(11), "re_2".into(), usd(0))
        }),
        command("failed", Verb::PaymentAdvance, |r, a| r.failed(a, day(11), "lost".into(), usd(0))),
        command("failed, and a loss is made up for", Verb::PaymentAdvance, |r, a| {
            let makes_up = r.makes_up_for(usd(300))?;
            r.failed(a, day(11), "lost".into(), makes_up)
        }),
    ]
}

#[test]
fn every_state_of_a_payment_answers_every_verb_of_everybody() {
    let room = Room {
        name: "payment",
        states: states(),
        commands: commands(),
        subject: Payment::subject,
        state: |p| p.state.as_str().to_owned(),
        // It lists nothing: how much may go back is told beside it.
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[Verb::PaymentRefund],
    };
    room.check("payment", 6);
}

#[test]
fn every_state_of_a_refund_answers_every_word_of_the_processor() {
    let room = Room {
        name: "refund",
        states: refunds(),
        commands: refund_commands(),
        subject: Refund::subject,
        state: |r| r.state.as_str().to_owned(),
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[],
    };
    room.check("refund", 4);
}
