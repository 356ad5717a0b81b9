//! The correction of the books, which two of our people make.

use domain::access::{Actor, Verb};
use domain::correction::{Correction, CorrectionDraft, Source};
use domain::id::CorrectionId;
use domain::ledger::LedgerAccount;

use crate::cast::{admin, day, id, usd};
use crate::room::{Command, Outcome, Room, command};

/// What is taken back of what the freelancer got.
fn proposes(actor: &Actor, correction: CorrectionId, on: i64) -> Outcome<Correction> {
    let draft = CorrectionDraft {
        from: LedgerAccount::Available(id(1)),
        to: LedgerAccount::Losses,
        amount: usd(500),
        reason: "It was paid twice".into(),
        cause: None,
        settles: None,
        came_with: None,
        chargeback: None,
    };
    Correction::propose(actor, day(on), correction, draft)
}

fn source() -> Source {
    Source::Available(usd(500))
}

/// A correction in each of its states on the ninth day.
fn states() -> Vec<(&'static str, Correction)> {
    let proposed = |by, on| proposes(&admin(by), id(1), on).unwrap().next;
    let declined = |by| proposed(70, 8).decline(&admin(by), day(8), None, "It was not").unwrap().next;
    vec![
        ("proposed", proposed(70, 8)),
        ("proposed by this admin", proposed(20, 8)),
        ("posted", proposed(70, 8).approve(&admin(71), day(8), None, &source()).unwrap().next),
        ("declined", declined(71)),
        ("declined by this admin", declined(20)),
        ("withdrawn", declined(70)),
        ("expired", proposed(70, 1).expire(&Actor::System, day(8)).unwrap().next),
    ]
}

pub fn commands() -> Vec<Command<Correction>> {
    vec![
        command("propose another", Verb::CorrectionPropose, |_, a| proposes(a, id(2), 9)),
        command("approve", Verb::CorrectionApprove, |c, a| c.approve(a, day(9), None, &source())),
        command("decline", Verb::CorrectionDecline, |c, a| c.decline(a, day(9), None, "Look again")),
        command("expire", Verb::CorrectionExpire, |c, a| c.expire(a, day(15))),
    ]
}

#[test]
fn every_state_of_a_correction_answers_every_verb_of_everybody() {
    let room = Room {
        name: "correction",
        states: states(),
        commands: commands(),
        subject: Correction::subject,
        state: |c| c.state.as_str().to_owned(),
        allowed: Correction::allowed,
        elsewhere: &[],
        apart: &[Verb::CorrectionPropose, Verb::CorrectionExpire],
    };
    room.check("correction", 5);
}
