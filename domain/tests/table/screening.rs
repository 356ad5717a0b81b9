//! A name on a list, which our people look at.

use domain::access::{Actor, Subject, Verb};
use domain::screening::{Hit, Party};

use crate::cast::{admin, day, id};
use crate::room::{Command, Room, command};

fn states() -> Vec<(&'static str, Hit)> {
    let name = || "Sanctioned & Company".to_owned();
    let open = || Hit::found(&Actor::System, day(1), id(1), Party::Client(id(1)), name(), name()).unwrap().next;
    vec![("open", open()), ("cleared", open().clear(&admin(70), day(2), None, "Another company").unwrap().next)]
}

pub fn commands() -> Vec<Command<Hit>> {
    vec![
        command("find another", Verb::ScreeningHitNote, |h, a| Hit::found(a, day(9), id(2), h.party, h.name, h.listed)),
        command("clear", Verb::ScreeningHitClear, |h, a| h.clear(a, day(9), None, "Nothing in it")),
    ]
}

#[test]
fn every_state_of_a_hit_answers_every_verb_of_everybody() {
    let room = Room {
        name: "hit",
        states: states(),
        commands: commands(),
        subject: |_| Subject::OURS,
        state: |h| h.state.as_str().to_owned(),
        allowed: Hit::allowed,
        elsewhere: &[],
        apart: &[Verb::ScreeningHitNote],
    };
    room.check("hit", 2);
}
