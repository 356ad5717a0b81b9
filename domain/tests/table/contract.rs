//! The contract.

use domain::access::{self, Actor, Verb};
use domain::bonus;
use domain::change::Change;
use domain::contract::{Contract, Engagement, HoldReason, Status};
use domain::milestone::{Kind, Milestone, MilestoneDraft};
use domain::offer::{Basis, OfferDraft};
use domain::payment::PaymentMethod;
use domain::policy::{PolicyVersion, Terms};
use domain::review::{ReviewDraft, Reviews};

use crate::cast::{ada, admin, day, id, lin, usd};
use crate::room::{Command, Room, command};

/// A contract as an accepted offer makes it.
pub fn active() -> Contract {
    let terms = Terms::default();
    let engagement = Engagement::Hourly { rate: usd(6_000), weekly_limit_minutes: 2_400 };
    let policy = PolicyVersion { number: 1, effective_from: day(-9), note: String::new(), terms: terms.clone() };
    let basis = Basis { gig: None, proposal: None, client: id(1), freelancer: id(1), is_member: false, policy };
    let draft = OfferDraft::parse("Landing page", "", engagement, &[], &terms).unwrap();
    let offer = draft.create(&ada(), day(0), (id(1), id(1)), None, basis).unwrap().next;
    offer.send(&ada(), day(0), None).unwrap().next.accept(&lin(), day(0), None, &[]).unwrap().next.1
}

pub fn ended() -> Contract {
    let ending = active().end(&ada(), day(1), None).unwrap().next;
    ending.finish(&Actor::System, day(2), true).unwrap().next
}

/// A contract in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Contract)> {
    let held = |contract: Contract, reason| contract.put_on_hold(&Actor::System, day(1), reason).unwrap().next;
    vec![
        ("active", active()),
        ("paused", active().pause(&lin(), day(1), None).unwrap().next),
        ("on hold for a payment", held(active(), HoldReason::PaymentFailed)),
        ("on hold for a tax form", held(active(), HoldReason::IdentityLapsed)),
        ("on hold for two reasons", held(held(active(), HoldReason::PaymentFailed), HoldReason::SanctionsHit)),
        (
            "on hold, and was paused",
            held(active().pause(&lin(), day(1), None).unwrap().next, HoldReason::PaymentFailed),
        ),
        ("on hold by our people", active().hold(&admin(20), day(1), None, HoldReason::PaymentFailed).unwrap().next),
        (
            "ending, and looked at by our people",
            held(active().end(&ada(), day(1), None).unwrap().next, HoldReason::SanctionsHit),
        ),
        ("ending", active().end(&ada(), day(1), None).unwrap().next),
        ("ended", ended()),
    ]
}

pub fn commands() -> Vec<Command<Contract>> {
    vec![
        command("pause", Verb::ContractPause, |c, a| c.pause(a, day(9), None)),
        command("resume", Verb::ContractResume, |c, a| c.resume(a, day(9), None)),
        command("end", Verb::ContractEnd, |c, a| c.end(a, day(9), None)),
        command("propose a milestone", Verb::MilestonePropose, |c, a| {
            access::check(a, Verb::MilestonePropose, &c.subject())?;
            c.takes_work(a, day(9))?;
            let draft = MilestoneDraft::parse("More", "", usd(5_000), None, &c.terms)?;
            Ok(Milestone::propose(a, id(9), c.deal(), draft)?.map(|_| c))
        }),
        command("write down work", Verb::TimeEntryAdd, |c, a| {
            let card = PaymentMethod::parse("pm_sandbox_visa")?;
            let hourly = c.hour_on(a, day(9), day(1).date_naive(), Some(&card))?;
            Ok(Change::to(Contract { client: hourly.client, ..c }))
        }),
        command("write down work, no card named", Verb::TimeEntryAdd, |c, a| {
            let hourly = c.hour_on(a, day(9), day(1).date_naive(), None)?;
            Ok(Change::to(Contract { client: hourly.client, ..c }))
        }),
        command("name a card", Verb::ContractPaymentMethodSet, |c, a| {
            Ok(c.set_payment_method(a, day(9), None, "pm_sandbox_visa")?.map(|_| c))
        }),
        command("give a bonus", Verb::BonusGive, |c, a| {
            Ok(bonus::give(a, day(9), id(9), &c, Kind::Bonus, usd(2_000), "Well done")?.map(|_| c))
        }),
        command("give a tip", Verb::TipGive, |c, a| {
            Ok(bonus::give(a, day(9), id(9), &c, Kind::Tip, usd(2_000), "Well done")?.map(|_| c))
        }),
        command("give a tip long after", Verb::TipGive, |c, a| {
            Ok(bonus::give(a, day(90), id(9), &c, Kind::Tip, usd(2_000), "Well done")?.map(|_| c))
        }),
        command("write a review", Verb::ReviewSubmit, |c, a| {
            let draft = ReviewDraft::parse(5, "Clear and kind")?;
            Ok(Reviews::default().submit(a, day(9), &c, usd(9_500), id(1), draft)?.map(|_| c))
        }),
        command("hold", Verb::ContractHold, |c, a| c.hold(a, day(9), None, HoldReason::HourlyDispute)),
        command("lift the review", Verb::ContractLiftHold, |c, a| c.lift(a, day(9), None, HoldReason::SanctionsHit)),
        command("lift", Verb::ContractLiftHold, |c, a| c.lift(a, day(9), None, HoldReason::PaymentFailed)),
        command("lift what does not stand", Verb::ContractLiftHold, |c, a| {
            c.lift(a, day(9), None, HoldReason::IdentityLapsed)
        }),
        command("put_on_hold", Verb::ContractHold, |c, a| c.put_on_hold(a, day(9), HoldReason::SanctionsHit)),
        command("lift_hold", Verb::ContractHold, |c, a| c.lift_hold(a, HoldReason::PaymentFailed)),
        command("finish", Verb::ContractFinish, |c, a| c.finish(a, day(9), true)),
        command("finish, with work under way", Verb::ContractFinish, |c, a| c.finish(a, day(9), false)),
    ]
}

#[test]
fn every_state_of_a_contract_answers_every_verb_of_everybody() {
    let room = Room {
        name: "contract",
        states: states(),
        commands: commands(),
        subject: Contract::subject,
        state: |c| c.status().as_str().to_owned(),
        allowed: |c, a| c.allowed(a, day(9)),
        elsewhere: &[],
        apart: &[],
    };
    room.check("contract", Status::ALL.len());
}
