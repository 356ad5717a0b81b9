//! The milestone: the product's table, by hand and by trial.

use domain::access::{Actor, Verb};
use domain::credit::Credit;
use domain::milestone::{Approval, Award, Deal, Kind, Milestone, MilestoneDraft, Status};
use domain::policy::Terms;

use crate::cast::{ada, day, id, lin, usd};
use crate::room::{Command, Outcome, Room, command};

fn deal() -> Deal {
    Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms: Terms::default() }
}

fn award(to_freelancer: i64, of: i64, agreed: bool) -> Award {
    Award { to_freelancer: usd(to_freelancer), of: usd(of), agreed }
}

fn draft() -> MilestoneDraft {
    MilestoneDraft::parse("Work", "", usd(10_000), None, &Terms::default()).unwrap()
}

/// A milestone in each of its states, and in each kind of them, reached by its verbs.
fn states() -> Vec<(&'static str, Milestone)> {
    let system = Actor::System;
    let owed = |m: &Milestone| m.quote().unwrap().client_pays;
    let pays = |m: Milestone| {
        let paid = owed(&m);
        let funding = m.start_funding(&ada(), day(0), None, id(1)).unwrap().next;
        funding.funded(&Actor::System, day(0), id(1), paid, None).unwrap().next
    };
    let agreed = || Milestone::agreed(id(1), deal(), draft()).next;
    let for_offer = || Milestone::agreed(id(1), Deal { contract: None, offer: Some(id(1)), ..deal() }, draft()).next;
    let funding = || agreed().start_funding(&ada(), day(0), None, id(1)).unwrap().next;
    let funded = || pays(agreed());
    let submitted = || funded().submit(&lin(), day(1), None, id(1)).unwrap().next;
    let changes = |m: Milestone| m.request_changes(&ada(), day(2), None, "No").unwrap().next;
    let again = |m: Milestone, n| changes(m.submit(&lin(), day(2), None, id(n)).unwrap().next);
    let approved = || submitted().approve(&ada(), day(2), None, Approval::Whole).unwrap().next;
    let part = || submitted().approve(&ada(), day(2), None, Approval::Part(usd(4_000))).unwrap().next;
    let given = |kind| pays(Milestone::give(&ada(), id(1), deal(), draft(), kind).unwrap().next);
    let released = || approved().release(&system, day(7)).unwrap().next;
    let disputed = |m: Milestone| m.dispute(&lin(), day(2), None, id(1)).unwrap().next;
    let asked = |m: Milestone, cents| m.request_refund(&ada(), day(2), None, cents).unwrap().next;
    let idle = || funded().age(&system, day(76), false).unwrap().next.age(&system, day(83), false).unwrap().next;
    let gives_back = |cents| {
        let released = released();
        let version = released.version;
        released.refund_after(&lin(), day(8), version, usd(cents), usd(9_500)).unwrap().next
    };
    let with_money = || {
        let other = Milestone::agreed(id(2), deal(), draft()).next;
        let other = pays(other).submit(&lin(), day(1), None, id(1)).unwrap().next;
        other.approve_and_hand_over(agreed(), &ada(), day(2), None, usd(6_000)).unwrap().next.1
    };
    let back = |m: Milestone, cents| m.charge_back(&system, day(2), id(1), "dp", usd(cents)).unwrap().next;
    vec![
        ("proposed by the freelancer", Milestone::propose(&lin(), id(1), deal(), draft()).unwrap().next),
        ("proposed by the client", Milestone::propose(&ada(), id(1), deal(), draft()).unwrap().next),
        ("agreed", agreed()),
        ("agreed, a payment failed", funding().funding_failed(&system, id(1)).unwrap().next),
        ("agreed, with money handed over", with_money()),
        ("agreed in an offer", for_offer()),
        ("funding", funding()),
        ("funded", funded()),
        ("funded in an offer", pays(for_offer())),
        ("funded, reminded twice", idle()),
        ("funded, a part is approved", part()),
        ("submitted", submitted()),
        ("submitted, partly charged back", back(submitted(), 4_000)),
        ("changes requested", changes(submitted())),
        ("changes requested thrice", again(again(changes(submitted()), 2), 3)),
        ("approved", approved()),
        ("approved by silence", submitted().auto_approve(&system, day(15), false).unwrap().next),
        ("approved bonus", given(Kind::Bonus)),
        ("approved tip", given(Kind::Tip)),
        ("released", released()),
        ("refund requested", asked(funded(), None)),
        ("refund requested, of a part", asked(funded(), Some(usd(2_500)))),
        ("refund requested after work", asked(changes(submitted()), None)),
        ("refunded", asked(funded(), None).agree_refund(&lin(), day(2), None).unwrap().next),
        ("disputed", disputed(submitted())),
        ("disputed in its hold", disputed(approved())),
        ("split", disputed(submitted()).settle(&system, day(3), id(1), award(5_000, 10_000, false)).unwrap().next),
        ("dormant", idle().age(&system, day(90), false).unwrap().next),
        ("refunded after, in part", gives_back(100)),
        ("refunded after, whole", gives_back(9_500)),
        ("charged back", back(submitted(), 10_300)),
        ("cancelled", agreed().cancel(&ada(), day(0), None).unwrap().next),
    ]
}

const LATE: i64 = 400;

/// Each verb, with input that would be good in some state.
pub fn commands() -> Vec<Command<Milestone>> {
    vec![
        command("agree", Verb::MilestoneAgree, |m, a| m.agree(a, None)),
        command("cancel", Verb::MilestoneCancel, |m, a| m.cancel(a, day(9), None)),
        command("start_funding", Verb::MilestoneFund, |m, a| m.start_funding(a, day(9), None, id(7))),
        command("fund_from_credit", Verb::MilestoneFund, |m, a| {
            m.fund_from_credit(a, day(9), None, &Credit::of_none(usd(99_999)), None)
        }),
        command("stop_funding", Verb::MilestoneStopFunding, |m, a| m.stop_funding(a, None)),
        command("submit", Verb::MilestoneSubmit, |m, a| m.submit(a, day(9), None, id(7))),
        command("request_changes", Verb::MilestoneRequestChanges, |m, a| m.request_changes(a, day(9), None, "No")),
        command("approve the whole", Verb::MilestoneApprove, |m, a| m.approve(a, day(9), None, Approval::Whole)),
        command("approve a part", Verb::MilestoneApprove, |m, a| m.approve(a, day(9), None, Approval::Part(usd(100)))),
        command("approve_and_hand_over", Verb::MilestoneApprove, |m, a| {
            let next = Milestone::agreed(id(3), deal(), draft()).next;
            Ok(m.approve_and_hand_over(next, a, day(9), None, usd(100))?.map(|(approved, _)| approved))
        }),
        command("request_refund", Verb::MilestoneRequestRefund, |m, a| {
            m.request_refund(a, day(9), None, Some(usd(100)))
        }),
        command("agree_refund", Verb::MilestoneAgreeRefund, |m, a| m.agree_refund(a, day(9), None)),
        command("refuse_refund", Verb::MilestoneRefuseRefund, |m, a| m.refuse_refund(a, day(9), None)),
        command("withdraw_refund", Verb::MilestoneWithdrawRefund, |m, a| m.withdraw_refund(a, day(9), None)),
        command("refund_after", Verb::MilestoneRefundAfter, |m, a| {
            let version = m.version;
            m.refund_after(a, day(9), version, usd(100), usd(9_000))
        }),
        command("dispute", Verb::MilestoneDispute, |m, a| m.dispute(a, day(6), None, id(7))),
        command("keep", Verb::MilestoneKeep, |m, a| m.keep(a, day(9), None)),
        command("extend", Verb::MilestoneExtend, |m, a| m.extend(a, 24)),
        command("funded", Verb::MilestoneConfirmFunding, |m, a| m.funded(a, day(9), id(1), usd(10_300), None)),
        command("funded out of the blue", Verb::MilestoneConfirmFunding, |m, a| {
            m.funded(a, day(9), id(50), usd(777), None)
        }),
        command("funding_failed", Verb::MilestoneFailFunding, |m, a| m.funding_failed(a, id(1))),
        command("expire_funding", Verb::MilestoneFailFunding, |m, a| m.expire_funding(a, day(LATE), false)),
        command("remind", Verb::MilestoneRemind, |m, a| m.remind(a, day(LATE))),
        command("auto_approve", Verb::MilestoneAutoApprove, |m, a| m.auto_approve(a, day(LATE), false)),
        command("auto_approve, the client barred", Verb::MilestoneAutoApprove, |m, a| {
            m.auto_approve(a, day(LATE), true)
        }),
        command("put off", Verb::MilestoneExtend, |m, a| m.put_off(a, day(LATE))),
        command("release", Verb::MilestoneRelease, |m, a| m.release(a, day(LATE))),
        command("age", Verb::MilestoneAge, |m, a| m.age(a, day(LATE), false)),
        command("resolve_refund", Verb::MilestoneResolveRefund, |m, a| m.resolve_refund(a, day(LATE), id(7), false)),
        command("unwind", Verb::MilestoneUnwind, |m, a| m.unwind(a, day(9))),
        command("charge_back_won", Verb::MilestoneChargeBack, |m, a| m.charge_back_won(a, day(9), id(1), "dp", true)),
        command("charge_back", Verb::MilestoneChargeBack, |m, a| m.charge_back(a, day(9), id(1), "dp_2", usd(10_300))),
        command("settle", Verb::MilestoneSettle, |m, a| m.settle(a, day(9), id(1), award(5_000, 10_000, false))),
        command("settle as agreed", Verb::MilestoneSettle, |m, a| {
            m.settle(a, day(9), id(1), award(5_000, 10_000, true))
        }),
        command("resume", Verb::MilestoneSettle, |m, a| m.resume(a, day(9), id(1))),
    ]
}

#[test]
fn every_state_of_a_milestone_answers_every_verb_of_everybody() {
    let room = Room {
        name: "milestone",
        states: states(),
        commands: commands(),
        subject: Milestone::subject,
        state: |m| m.status().as_str().to_owned(),
        allowed: Milestone::allowed,
        elsewhere: &[],
        apart: &[Verb::MilestoneExtend],
    };
    room.check("milestone", Status::ALL.len());
}

fn in_state(status: Status) -> Milestone {
    states().into_iter().map(|(_, milestone)| milestone).find(|milestone| milestone.status() == status).unwrap()
}

/// What each side can do in each state, written down by hand from the product's table.
#[test]
fn the_table_of_the_product() {
    use Verb::*;
    let both = |status: Status| {
        let milestone = in_state(status);
        (milestone.allowed(&ada()), milestone.allowed(&lin()))
    };
    let rows: [(Status, &[Verb], &[Verb]); 16] = [
        (Status::Proposed, &[MilestoneAgree, MilestoneCancel], &[MilestoneCancel]),
        (Status::Agreed, &[MilestoneFund, MilestoneCancel], &[MilestoneCancel]),
        (Status::Funding, &[MilestoneStopFunding], &[]),
        (
            Status::Funded,
            &[MilestoneKeep, MilestoneRequestRefund, MilestoneDispute],
            &[MilestoneSubmit, MilestoneKeep, MilestoneDispute],
        ),
        (Status::Submitted, &[MilestoneRequestChanges, MilestoneApprove, MilestoneDispute], &[MilestoneDispute]),
        (Status::ChangesRequested, &[MilestoneKeep, MilestoneRequestRefund], &[MilestoneSubmit, MilestoneKeep]),
        (Status::Approved, &[MilestoneDispute], &[MilestoneDispute]),
        (Status::Released, &[], &[MilestoneRefundAfter]),
        (
            Status::RefundRequested,
            &[MilestoneWithdrawRefund, MilestoneDispute],
            &[MilestoneAgreeRefund, MilestoneRefuseRefund, MilestoneDispute],
        ),
        (Status::Refunded, &[], &[]),
        (Status::Disputed, &[], &[]),
        (Status::Split, &[], &[]),
        (
            Status::Dormant,
            &[MilestoneKeep, MilestoneRequestRefund, MilestoneDispute],
            &[MilestoneSubmit, MilestoneKeep, MilestoneDispute],
        ),
        (Status::RefundedAfter, &[], &[MilestoneRefundAfter]),
        (Status::ChargedBack, &[], &[]),
        (Status::Cancelled, &[], &[]),
    ];
    for (status, client, freelancer) in rows {
        assert_eq!(both(status), (client.to_vec(), freelancer.to_vec()), "{status:?}");
    }
}

#[test]
fn timers_and_late_events_are_no_refusals_in_any_state() {
    let system = Actor::System;
    for &status in Status::ALL {
        let before = in_state(status);
        let verbs: [(&str, Outcome<Milestone>); 8] = [
            ("expire_funding", before.clone().expire_funding(&system, day(0), false)),
            ("funding_failed", before.clone().funding_failed(&system, id(99))),
            ("auto_approve", before.clone().auto_approve(&system, day(0), false)),
            ("remind", before.clone().remind(&system, day(0))),
            ("release", before.clone().release(&system, day(0))),
            ("age", before.clone().age(&system, day(0), false)),
            ("resolve_refund", before.clone().resolve_refund(&system, day(0), id(99), false)),
            ("settle", before.clone().settle(&system, day(0), id(99), award(1, 10_000, false))),
        ];
        for (verb, outcome) in verbs {
            let change = outcome.unwrap_or_else(|refusal| panic!("{status:?} {verb}: {refusal:?}"));
            assert!(!change.changed && change.next == before, "{status:?} {verb}");
        }
        // A payment nobody waits for is credit in whatever state, and counts once.
        if status != Status::Funding {
            let credited = before.clone().funded(&system, day(9), id(50), usd(777), None).unwrap();
            assert_eq!((credited.entries.len(), credited.next.status()), (1, status));
            assert!(!credited.next.funded(&system, day(9), id(50), usd(777), None).unwrap().changed);
        }
    }
}
