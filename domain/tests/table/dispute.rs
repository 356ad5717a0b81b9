//! The dispute, over a milestone and over hours.

use domain::access::{Actor, Verb};
use domain::credit::Credit;
use domain::dispute::{self, Both, Case, Claim, Dispute, Verdict};
use domain::milestone::{Approval, Deal, Milestone, MilestoneDraft, Taken};
use domain::policy::Terms;
use domain::timesheet::{Hourly, TimeEntry, Timesheet};

use crate::cast::{ada, day, id, lin, mediator, usd};
use crate::room::{Command, Room, command};

type Contest = (Dispute, Case);

fn verdict(cents: i64) -> Verdict {
    Verdict { to_freelancer: usd(cents), reason: "Half of it works".into() }
}

fn submitted(cents: i64) -> Milestone {
    let terms = Terms::default();
    let draft = MilestoneDraft::parse("Work", "", usd(cents), None, &terms).unwrap();
    let deal = Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms };
    let milestone = Milestone::agreed(id(1), deal, draft).next;
    let paid = milestone.quote().unwrap().client_pays;
    let milestone = milestone.start_funding(&ada(), day(0), None, id(1)).unwrap().next;
    let milestone = milestone.funded(&Actor::System, day(0), id(1), paid, None).unwrap().next;
    milestone.submit(&lin(), day(0), None, id(1)).unwrap().next
}

fn opened_by(actor: &Actor, milestone: Milestone) -> Contest {
    let claim = Claim { reason: "It does not work".into(), amount: None };
    let (dispute, milestone) = dispute::open(milestone, actor, day(1), None, id(1), claim).unwrap().next;
    (dispute, Case::Milestone(milestone))
}

fn over_hours() -> Contest {
    let hourly = Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(6_000),
        limit_minutes: None,
    };
    let entry = TimeEntry { id: id(1), date: day(0).date_naive(), minutes: 90, note: "Work".into(), manual: true };
    let week = Timesheet::open(id(1), hourly, day(0)).next.add_entry(&lin(), day(1), None, entry).unwrap().next;
    let week = week.submit(&lin(), day(7), None).unwrap().next;
    let claim = Claim { reason: "Too long".into(), amount: None };
    let ids = (id(1), id(2));
    let change = dispute::open_timesheet(week, &ada(), day(8), None, &[id(1)], ids, claim).unwrap();
    let (dispute, (_, apart)) = change.next;
    (dispute, Case::Timesheet(apart))
}

/// A dispute in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Contest)> {
    let system = Actor::System;
    let opened = || opened_by(&ada(), submitted(100_000));
    let small = || opened_by(&ada(), submitted(10_000));
    let answered = |(d, c): Contest| (d.answer(&lin(), day(2), None, "It does").unwrap().next, c);
    let offered = |(d, c): Contest| d.offer(c, &ada(), day(2), None, usd(10)).unwrap().next;
    let recommended = |(d, c): Contest| (d.recommend(&mediator(80), day(3), None, verdict(50), false).unwrap().next, c);
    let refused = |(d, c): Contest| (d.refuse(&lin(), day(4), None).unwrap().next, c);
    let pays = |(d, c): Contest, actor: &Actor| {
        (d.pay_fee(actor, day(5), None, &Credit::of_none(usd(15_000))).unwrap().next, c)
    };
    let accepts = |(d, c): Contest, actor: &Actor| d.accept(c, actor, day(4), None).unwrap().next;
    let arbitration = || refused(recommended(answered(opened())));
    let recommended_by_ours = |(d, c): Contest| {
        let recommended = d.recommend(&mediator(8), day(3), None, verdict(50), false).unwrap().next;
        (recommended, c)
    };
    let closed = || {
        let (dispute, Case::Milestone(milestone)) = opened() else { panic!() };
        let taken = Taken { payment: id(1), reference: "dp", amount: usd(103_000) };
        let change = dispute::charge_back((milestone, Some(dispute)), vec![], usd(0), &system, day(2), &taken).unwrap();
        let (milestone, dispute) = change.next.into_iter().next().unwrap();
        (dispute.unwrap(), Case::Milestone(milestone))
    };
    let in_hold = || {
        let approved = submitted(100_000).approve(&ada(), day(1), None, Approval::Whole).unwrap().next;
        opened_by(&ada(), approved)
    };
    vec![
        ("opened by the client", opened()),
        ("opened by the freelancer", opened_by(&lin(), submitted(100_000))),
        ("opened in the hold", in_hold()),
        ("opened over hours", over_hours()),
        ("answered", answered(opened())),
        ("negotiating, the client offered", offered(answered(opened()))),
        ("recommended", recommended(answered(opened()))),
        ("recommended, the client accepts", accepts(recommended(answered(opened())), &ada())),
        ("recommended, the freelancer accepts", accepts(recommended(answered(opened())), &lin())),
        ("arbitration", arbitration()),
        ("arbitration, the client paid", pays(arbitration(), &ada())),
        ("arbitration, the freelancer paid", pays(arbitration(), &lin())),
        ("hearing", pays(pays(arbitration(), &ada()), &lin())),
        ("hearing of a small claim", refused(recommended(answered(small())))),
        ("hearing, recommended by a mediator", refused(recommended_by_ours(answered(small())))),
        ("executed", {
            let (d, c) = opened();
            d.concede(c, &lin(), day(2), None).unwrap().next
        }),
        ("executed, by the award", {
            let (d, c) = refused(recommended(answered(small())));
            d.award(c, &mediator(8), day(9), None, verdict(70), false).unwrap().next
        }),
        ("withdrawn", {
            let (d, c) = opened();
            d.withdraw(c, &ada(), day(2), None).unwrap().next
        }),
        ("closed by a chargeback", closed()),
    ]
}

pub fn commands() -> Vec<Command<Contest>> {
    vec![
        command("answer", Verb::DisputeAnswer, |(d, c), a| Ok(with(c, d.answer(a, day(9), None, "It does")?))),
        command("concede", Verb::DisputeConcede, |(d, c), a| d.concede(c, a, day(9), None)),
        command("withdraw", Verb::DisputeWithdraw, |(d, c), a| d.withdraw(c, a, day(9), None)),
        command("offer", Verb::DisputeOffer, |(d, c), a| d.offer(c, a, day(9), None, usd(5))),
        command("recommend", Verb::DisputeRecommend, |(d, c), a| {
            Ok(with(c, d.recommend(a, day(9), None, verdict(70), false)?))
        }),
        command("recommend, with dealings", Verb::DisputeRecommend, |(d, c), a| {
            Ok(with(c, d.recommend(a, day(9), None, verdict(70), true)?))
        }),
        command("accept", Verb::DisputeAccept, |(d, c), a| d.accept(c, a, day(9), None)),
        command("refuse", Verb::DisputeRefuse, |(d, c), a| Ok(with(c, d.refuse(a, day(9), None)?))),
        command("pay_fee", Verb::DisputePayFee, |(d, c), a| {
            Ok(with(c, d.pay_fee(a, day(9), None, &Credit::of_none(usd(15_000)))?))
        }),
        command("award", Verb::DisputeAward, |(d, c), a| d.award(c, a, day(9), None, verdict(70), false)),
        command("award, with dealings", Verb::DisputeAward, |(d, c), a| d.award(c, a, day(9), None, verdict(70), true)),
        command("add evidence", Verb::EvidenceAdd, |(d, c), a| {
            Ok(d.add_evidence(a, day(9), id(9), 0, "A picture of it", &[])?.map(|_| (d, c)))
        }),
        command("add more evidence than one may", Verb::EvidenceAdd, |(d, c), a| {
            Ok(d.add_evidence(a, day(9), id(9), dispute::EVIDENCE_MAX, "Another", &[])?.map(|_| (d, c)))
        }),
        command("advance", Verb::DisputeAdvance, |(d, c), a| d.advance(c, a, day(400), Both::default())),
        command("advance, the client barred", Verb::DisputeAdvance, |(d, c), a| {
            d.advance(c, a, day(400), Both { client: true, freelancer: false })
        }),
        command("advance, the freelancer barred", Verb::DisputeAdvance, |(d, c), a| {
            d.advance(c, a, day(400), Both { client: false, freelancer: true })
        }),
        command("put off", Verb::DisputeAdvance, |(d, c), a| Ok(with(c, d.put_off(a, day(400))?))),
        command("advance too early", Verb::DisputeAdvance, |(d, c), a| d.advance(c, a, day(1), Both::default())),
        command("extend", Verb::MilestoneExtend, |(d, c), a| dispute::extend(d, c, a, 24)),
    ]
}

fn with(case: Case, change: domain::change::Change<Dispute>) -> domain::change::Change<Contest> {
    change.map(|dispute| (dispute, case))
}

#[test]
fn every_state_of_a_dispute_answers_every_verb_of_everybody() {
    let room = Room {
        name: "dispute",
        states: states(),
        commands: commands(),
        subject: |(dispute, _)| dispute.subject(),
        state: |(dispute, _)| dispute.state.as_str().to_owned(),
        allowed: |(dispute, _), actor| dispute.allowed(actor),
        elsewhere: &[],
        apart: &[Verb::MilestoneExtend],
    };
    room.check("dispute", 9);
}
