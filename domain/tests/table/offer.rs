//! The offer, whose freelancer is a stranger to it until it is sent.

use domain::access::{Actor, Verb};
use domain::contract::Engagement;
use domain::milestone::{Deal, Milestone, MilestoneDraft};
use domain::offer::{Basis, MilestoneInput, Offer, OfferDraft};
use domain::policy::{PolicyVersion, Terms};

use crate::cast::{ada, day, id, lin, usd};
use crate::room::{Command, Room, command};

fn draft(engagement: Engagement) -> Offer {
    let terms = Terms::default();
    let policy = PolicyVersion { number: 1, effective_from: day(-9), note: String::new(), terms: terms.clone() };
    let basis = Basis { gig: None, proposal: None, client: id(1), freelancer: id(1), is_member: false, policy };
    let work = MilestoneInput { title: "Work".into(), description: String::new(), amount: usd(10_000), due: None };
    let work = if engagement == Engagement::Fixed { vec![work] } else { vec![] };
    let first = (engagement == Engagement::Fixed).then(|| id(1));
    let draft = OfferDraft::parse("Landing page", "", engagement, &work, &terms).unwrap();
    draft.create(&ada(), day(0), (id(1), id(1)), first, basis).unwrap().next
}

/// Its milestones, the first of which holds what it is worth, less what the bank took.
fn milestones(taken: i64) -> Vec<Milestone> {
    let terms = Terms::default();
    let deal = Deal { client: id(1), freelancer: id(1), contract: None, offer: Some(id(1)), terms: terms.clone() };
    let draft = MilestoneDraft::parse("Work", "", usd(10_000), None, &terms).unwrap();
    let agreed = Milestone::agreed(id(1), deal, draft).next.meant().next;
    let funding = agreed.start_funding(&ada(), day(0), None, id(1)).unwrap().next;
    let funded = funding.funded(&Actor::System, day(1), id(1), usd(10_300), None).unwrap().next;
    match taken {
        0 => vec![funded],
        _ => vec![funded.charge_back(&Actor::System, day(1), id(1), "dp", usd(taken)).unwrap().next],
    }
}

/// An offer in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Offer)> {
    let system = Actor::System;
    let fixed = || draft(Engagement::Fixed);
    let pending = || fixed().send(&ada(), day(0), None).unwrap().next;
    let sent = || pending().first_milestone_funded(&system, day(1)).unwrap().next;
    let hourly = || draft(Engagement::Hourly { rate: usd(6_000), weekly_limit_minutes: 2_400 });
    vec![
        ("draft", fixed()),
        ("draft by the hour", hourly()),
        ("pending funding", pending()),
        ("sent", sent()),
        ("sent by the hour", hourly().send(&ada(), day(1), None).unwrap().next),
        ("accepted", sent().accept(&lin(), day(2), None, &milestones(0)).unwrap().next.0),
        ("declined", sent().decline(&lin(), day(2), None, "").unwrap().next),
        ("withdrawn before it was sent", fixed().withdraw(&ada(), day(2), None).unwrap().next),
        ("withdrawn", sent().withdraw(&ada(), day(2), None).unwrap().next),
        ("expired without money", pending().expire(&system, day(7)).unwrap().next),
        ("expired", sent().expire(&system, day(8)).unwrap().next),
    ]
}

pub fn commands() -> Vec<Command<Offer>> {
    vec![
        command("send", Verb::OfferSend, |o, a| o.send(a, day(3), None)),
        command("withdraw", Verb::OfferWithdraw, |o, a| o.withdraw(a, day(3), None)),
        command("accept", Verb::OfferAccept, |o, a| {
            Ok(o.accept(a, day(3), None, &milestones(0))?.map(|(offer, _)| offer))
        }),
        command("accept what the bank took a cent of", Verb::OfferAccept, |o, a| {
            Ok(o.accept(a, day(3), None, &milestones(1))?.map(|(offer, _)| offer))
        }),
        command("accept too late", Verb::OfferAccept, |o, a| {
            Ok(o.accept(a, day(9), None, &milestones(0))?.map(|(offer, _)| offer))
        }),
        command("overtaken", Verb::OfferConfirmFunding, |o, a| o.overtaken(a, day(3))),
        command("decline", Verb::OfferDecline, |o, a| o.decline(a, day(3), None, "Too far")),
        command("first_milestone_funded", Verb::OfferConfirmFunding, |o, a| o.first_milestone_funded(a, day(3))),
        command("expire", Verb::OfferExpire, |o, a| o.expire(a, day(400))),
    ]
}

#[test]
fn every_state_of_an_offer_answers_every_verb_of_everybody() {
    let room = Room {
        name: "offer",
        states: states(),
        commands: commands(),
        subject: Offer::subject,
        state: |o| o.status().as_str().to_owned(),
        allowed: Offer::allowed,
        elsewhere: &[],
        apart: &[],
    };
    room.check("offer", 7);
}
