//! The outage, which our people declare and end.

use domain::access::{Actor, Verb};
use domain::outage::{Outage, OutageDraft, Span, Status};

use crate::cast::{admin, day, id};
use crate::room::{Command, Room, command};

fn draft(from: i64, until: i64) -> OutageDraft {
    let span = Span { from: day(from), until: day(until) };
    OutageDraft { zones: vec!["Asia/Karachi".into()], span, note: "The cables are cut".into() }
}

/// An outage as it stands on the ninth day.
fn states() -> Vec<(&'static str, Outage)> {
    let declared = |from, until| Outage::declare(&admin(20), day(0), id(1), draft(from, until)).unwrap().next;
    let ended = |outage: Outage, on| outage.end(&admin(20), day(on)).unwrap().next;
    vec![
        ("planned", declared(11, 12)),
        ("ongoing", declared(8, 10)),
        ("over", declared(1, 2)),
        ("over, ended early", ended(declared(1, 20), 3)),
        ("withdrawn", ended(declared(5, 6), 3)),
    ]
}

pub fn commands() -> Vec<Command<Outage>> {
    vec![
        command("declare another", Verb::OutageDeclare, |_, a| Outage::declare(a, day(9), id(2), draft(9, 10))),
        command("declare what has no length", Verb::OutageDeclare, |_, a| {
            Outage::declare(a, day(9), id(2), draft(10, 10))
        }),
        command("end", Verb::OutageEnd, |o, a| o.end(a, day(9))),
    ]
}

#[test]
fn every_state_of_an_outage_answers_every_verb_of_everybody() {
    let room = Room {
        name: "outage",
        states: states(),
        commands: commands(),
        subject: |_| domain::access::Subject::OURS,
        state: |o| {
            match o.status(day(9)) {
                Status::Planned => "planned",
                Status::Ongoing => "ongoing",
                Status::Over => "over",
                Status::Withdrawn => "withdrawn",
            }
            .to_owned()
        },
        // It lists nothing: our people see all of them, and end what is to be ended.
        allowed: |_, _: &Actor| vec![],
        elsewhere: &[],
        apart: &[Verb::OutageDeclare, Verb::OutageEnd],
    };
    room.check("outage", 4);
}
