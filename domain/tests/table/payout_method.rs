//! The way to be paid out, and asking for money by it.

use domain::access::{Actor, Verb};
use domain::payout::{Payout, PayoutMethod, PayoutRequest, Recent};
use domain::policy::Terms;

use crate::cast::{day, id, lin, usd};
use crate::room::{Command, Outcome, Room, command};

const IBAN: &str = "PK36SCBL0000001123456702";

fn added(on: i64) -> PayoutMethod {
    PayoutMethod::add(&lin(), day(on), id(1), id(1), IBAN, "Lin Khan", &Terms::default()).unwrap().next
}

/// Asking for so much of 95.00.
fn asks(method: PayoutMethod, actor: &Actor, cents: i64, reauthenticated: bool) -> Outcome<PayoutMethod> {
    let request = PayoutRequest {
        amount: usd(cents),
        purpose_code: "9184".into(),
        purpose: Some("Export of computer software".into()),
        written_purpose: None,
        quote: None,
        retention: None,
        recent: Recent::NOTHING,
        failed_rails: Vec::new(),
        reauthenticated,
    };
    let asked = Payout::request(actor, day(9), id(9), &method, request, usd(9_500), Terms::default())?;
    Ok(asked.map(|_| method))
}

pub fn commands() -> Vec<Command<PayoutMethod>> {
    vec![
        command("add another", Verb::PayoutMethodAdd, |_, a| {
            PayoutMethod::add(a, day(9), id(9), id(1), IBAN, "Lin Khan", &Terms::default())
        }),
        command("add a wrong number", Verb::PayoutMethodAdd, |_, a| {
            PayoutMethod::add(a, day(9), id(9), id(1), "PK00SCBL0000001123456702", "Lin Khan", &Terms::default())
        }),
        command("remove", Verb::PayoutMethodRemove, |m, a| m.remove(a, day(9))),
        command("request", Verb::PayoutRequest, |m, a| asks(m, a, 9_500, true)),
        command("request without a password", Verb::PayoutRequest, |m, a| asks(m, a, 9_500, false)),
        command("request more than there is", Verb::PayoutRequest, |m, a| asks(m, a, 9_501, true)),
        command("request too little", Verb::PayoutRequest, |m, a| asks(m, a, 999, true)),
    ]
}

#[test]
fn every_state_of_a_payout_method_answers_every_verb_of_everybody() {
    let room = Room {
        name: "payout method",
        states: vec![
            ("usable", added(0)),
            ("too new", added(8)),
            ("removed", added(0).remove(&lin(), day(1)).unwrap().next),
        ],
        commands: commands(),
        subject: PayoutMethod::subject,
        state: |m| match (m.removed_at, m.usable_from > day(9)) {
            (Some(_), _) => "removed".to_owned(),
            (None, true) => "new".to_owned(),
            (None, false) => "usable".to_owned(),
        },
        // It lists nothing: what stands against it is told by rules, each with its code.
        allowed: |_, _| vec![],
        elsewhere: &[],
        apart: &[Verb::PayoutMethodAdd, Verb::PayoutMethodRemove, Verb::PayoutRequest],
    };
    room.check("payout_method", 3);
}
