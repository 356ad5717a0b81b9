//! The account: what its person, our people and an operator do to it.

use domain::access::{Staff, Verb};
use domain::user::{SignUp, User, UserEdit};

use crate::cast::{admin, day, id};
use crate::room::{Command, Room, command};

fn states() -> Vec<(&'static str, User)> {
    let lin = || {
        let sign_up = SignUp::parse("lin@example.com", "Lin Khan", "tuba-gravel-ninety", None, None).unwrap();
        let user = sign_up.create(id(1), day(0)).next;
        let email = user.email.clone();
        user.verify_email(&email, day(0)).unwrap().next
    };
    let mediator = || lin().become_staff(&domain::access::Actor::System, Some(Staff::Mediator), true).unwrap().next;
    vec![
        ("a member", lin()),
        ("one of ours", mediator()),
        ("suspended", lin().suspend(&admin(20), day(1), "spam").unwrap().next),
    ]
}

pub fn commands() -> Vec<Command<User>> {
    vec![
        command("update", Verb::UserUpdate, |u, a| {
            u.update(a, UserEdit::parse(Some("Lin Akhtar"), None, None).unwrap())
        }),
        command("suspend", Verb::UserSuspend, |u, a| u.suspend(a, day(9), "spam")),
        command("suspend for no reason", Verb::UserSuspend, |u, a| u.suspend(a, day(9), " ")),
        command("reinstate", Verb::UserReinstate, |u, a| u.reinstate(a, day(9), "A mistake")),
        command("make a mediator", Verb::StaffGrant, |u, a| u.become_staff(a, Some(Staff::Mediator), true)),
        command("make nobody of ours", Verb::StaffGrant, |u, a| u.become_staff(a, None, false)),
    ]
}

#[test]
fn every_state_of_an_account_answers_every_verb_of_everybody() {
    let room = Room {
        name: "user",
        states: states(),
        commands: commands(),
        subject: User::subject,
        state: |u| {
            match (u.suspended_at, u.staff) {
                (Some(_), _) => "suspended",
                (None, Some(_)) => "ours",
                (None, None) => "member",
            }
            .to_owned()
        },
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[Verb::UserUpdate, Verb::UserSuspend, Verb::UserReinstate, Verb::StaffGrant],
    };
    room.check("user", 3);
}
