//! The invitation.

use domain::access::Verb;
use domain::invitation::{Invitation, InvitationState};

use crate::cast::{day, id, lin};
use crate::room::{Command, Room, command};

fn states() -> Vec<(&'static str, Invitation)> {
    let sent = || Invitation {
        id: id(1),
        gig: id(1),
        client: id(1),
        freelancer: id(1),
        invited_by: id(2),
        message: String::new(),
        state: InvitationState::Sent,
        created_at: day(0),
    };
    let declined = || sent().decline(&lin(), day(1)).unwrap().next;
    vec![
        ("sent", sent()),
        ("declined", declined()),
        ("accepted", sent().accepted(day(1)).next),
        ("accepted after all", declined().accepted(day(2)).next),
    ]
}

pub fn commands() -> Vec<Command<Invitation>> {
    vec![command("decline", Verb::InvitationDecline, |i, a| i.decline(a, day(9)))]
}

#[test]
fn every_state_of_an_invitation_answers_every_verb_of_everybody() {
    let room = Room {
        name: "invitation",
        states: states(),
        commands: commands(),
        subject: Invitation::subject,
        state: |i| i.status().as_str().to_owned(),
        // Who has bid on it is pointed at the bid, which may be taken back as long as its own state lets it.
        allowed: |i, a| match i.state {
            InvitationState::Accepted { .. } => vec![Verb::ProposalWithdraw],
            InvitationState::Sent | InvitationState::Declined { .. } => i.allowed(a),
        },
        elsewhere: &[Verb::ProposalWithdraw],
        apart: &[],
    };
    room.check("invitation", 3);
}
