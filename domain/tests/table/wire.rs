//! The wire, and the file that it is in.

use domain::access::{Actor, Subject, Verb};
use domain::wire::{Means, Said, Wire, WireBatch, WireState};

use crate::cast::{admin, day, id, usd};
use crate::room::{Command, Room, command};

fn waiting(means: Means) -> Wire {
    Wire { key: "pyo_1:2".into(), payout: id(1), user: id(1), means, state: WireState::Waiting }
}

fn returned() -> Said {
    Said::Returned("Account closed".into())
}

/// A wire in each of its states on the ninth day.
fn states() -> Vec<(&'static str, Wire)> {
    let system = Actor::System;
    let filed = || waiting(Means::File).file(&admin(70), id(5)).unwrap().next;
    // That its file was taken is the file's to know.
    let at_bank = || {
        let taken_by = Some(id(70));
        Wire { state: WireState::Out { batch: Some(id(5)), taken_by, return_said_by: None }, ..filed() }
    };
    let by_hand = |by| waiting(Means::Hand).take(&admin(by), false).unwrap().next;
    let settled = |wire: Wire, by, on, said: &Said| wire.settle(&admin(by), day(on), said).unwrap().next;
    let recalled = |wire: Wire| wire.recall(&system, day(8), None, "on a list").unwrap().next;
    vec![
        ("waiting for a file", waiting(Means::File)),
        ("waiting to be sent by hand", waiting(Means::Hand)),
        ("in a file that nobody has taken", filed()),
        ("out in a file", at_bank()),
        ("out in a file, and came back, says one", settled(at_bank(), 70, 8, &returned())),
        ("out in a file, and came back, says this admin", settled(at_bank(), 20, 8, &returned())),
        ("out by hand", by_hand(70)),
        ("out by this admin's hand", by_hand(20)),
        ("out by hand, and came back, says one", settled(by_hand(70), 71, 8, &returned())),
        ("paid", settled(at_bank(), 70, 8, &Said::Paid)),
        ("paid, says this admin", settled(at_bank(), 20, 8, &Said::Paid)),
        ("paid by hand", settled(by_hand(70), 70, 8, &Said::Paid)),
        ("paid too long ago to come back", settled(at_bank(), 70, -21, &Said::Paid)),
        ("returned", settled(filed(), 70, 8, &returned())),
        ("returned, say two", settled(settled(at_bank(), 70, 8, &returned()), 71, 8, &returned())),
        ("recalled", recalled(waiting(Means::File))),
        ("recalled out of a file", recalled(filed())),
    ]
}

pub fn commands() -> Vec<Command<Wire>> {
    vec![
        command("file", Verb::WireBatchMake, |w, a| w.file(a, id(6))),
        command("take", Verb::WireSlipTake, |w, a| w.take(a, false)),
        command("take over", Verb::WireSlipTake, |w, a| w.take(a, true)),
        command("settle: paid", Verb::WireSettle, |w, a| w.settle(a, day(9), &Said::Paid)),
        command("settle: returned", Verb::WireSettle, |w, a| w.settle(a, day(9), &returned())),
        command("recall", Verb::PayoutAdvance, |w, a| w.recall(a, day(9), None, "on a list")),
    ]
}

/// A file in each of its states.
fn files() -> Vec<(&'static str, WireBatch)> {
    let made = || {
        let value = day(9).date_naive();
        WireBatch::make(&admin(70), day(8), id(5), value, &[usd(40_000), usd(50_000)]).unwrap().unwrap()
    };
    let taken = |by| made().take(&admin(by), day(8), false).unwrap().next;
    vec![
        ("made", made()),
        ("taken", taken(70)),
        ("taken by this admin", taken(20)),
        ("taken over", taken(20).take(&admin(70), day(8), true).unwrap().next),
    ]
}

pub fn file_commands() -> Vec<Command<WireBatch>> {
    vec![
        command("take", Verb::WireFileTake, |b, a| b.take(a, day(9), false)),
        command("take over", Verb::WireFileTake, |b, a| b.take(a, day(9), true)),
    ]
}

#[test]
fn every_state_of_a_wire_answers_every_verb_of_everybody() {
    let room = Room {
        name: "wire",
        states: states(),
        commands: commands(),
        subject: Wire::subject,
        state: |w| w.state.as_str().to_owned(),
        // It lists nothing: what stands against it is told by rules, each with its code.
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[Verb::WireBatchMake, Verb::WireSlipTake, Verb::WireSettle],
    };
    room.check("wire", 6);
}

#[test]
fn every_state_of_a_file_of_wires_answers_every_verb_of_everybody() {
    let room = Room {
        name: "file of wires",
        states: files(),
        commands: file_commands(),
        subject: |_| Subject::OURS,
        state: |b| if b.taken_at.is_some() { "taken".to_owned() } else { "made".to_owned() },
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[Verb::WireFileTake],
    };
    room.check("wire_batch", 2);
}
