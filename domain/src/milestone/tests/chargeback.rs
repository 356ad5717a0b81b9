//! Money that was at a bank while something else was decided about it, and comes back.

use super::*;
use crate::bearer::{self, Bearer};
use crate::outage::Span;

/// The bank takes 40 of the 100 dollars, with the fee that was paid for them.
fn taken(milestone: Milestone) -> Result<Change<Milestone>, Refusal> {
    milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(4_000))
}

fn back(milestone: Milestone) -> Result<Change<Milestone>, Refusal> {
    milestone.charge_back_won(&Actor::System, day(40), id(1), "dp", false)
}

fn disputed(milestone: Milestone) -> Result<Change<Milestone>, Refusal> {
    milestone.dispute(&ada(), day(3), None, id(1))
}

/// Of the 60 dollars that are in dispute then.
fn awarded(to: i64) -> impl Fn(Milestone) -> Result<Change<Milestone>, Refusal> {
    move |milestone| milestone.settle(&Actor::System, day(9), id(1), award(to, 6_000, false))
}

#[test]
fn what_a_bank_had_before_a_dispute_is_divided_as_the_dispute_was_whenever_it_comes_back() {
    for (to, available, credit) in
        [(6_000, 9_500, 0), (0, 0, 10_300), (3_000, 4_750, 5_150), (1, 2, 10_298), (5_999, 9_499, 1)]
    {
        let after = Story::submitted().on(taken).on(disputed).on(awarded(to)).on(back);
        let during = Story::submitted().on(taken).on(disputed).on(back).on(awarded(to));
        for (when, story) in [("after", after), ("during", during)] {
            let [escrow, pending, got, returned, fees, lost] = story.money();
            assert_eq!([escrow, pending, lost], [0, 0, 0], "{to} {when}");
            assert!((got - available).abs() <= 1 && (returned - credit).abs() <= 1, "{to} {when}: {got} {returned}");
            assert_eq!(got + returned + fees, 10_300, "{to} {when}");
        }
    }
}

#[test]
fn what_was_approved_while_a_bank_had_the_rest_and_is_disputed_in_its_hold_is_divided_whole() {
    let approved = |milestone: Milestone| milestone.approve(&ada(), day(2), None, Approval::Whole);
    for (to, available) in [(6_000, 9_500), (0, 0)] {
        let story = Story::submitted().on(taken).on(approved).on(disputed).on(awarded(to)).on(back);
        assert_eq!(story.money()[2], available, "{to}");
        assert_eq!(story.money().iter().sum::<i64>(), 10_300);
    }
}

#[test]
fn what_a_bank_took_of_pending_money_is_in_dispute_with_the_rest_of_it() {
    let terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    let approved = || {
        let mut story = Story::approved();
        story.milestone.terms = terms.clone();
        story.on(taken)
    };
    assert_eq!(approved().money()[1], 5_500);
    for (to, available) in [(6_000, 9_500), (0, 0)] {
        let after = approved().on(disputed).on(awarded(to)).on(back);
        let during = approved().on(disputed).on(back).on(awarded(to));
        for (when, story) in [("after", after), ("during", during)] {
            assert_eq!(story.money()[2], available, "{to} {when}");
            assert_eq!(story.money().iter().sum::<i64>(), 10_300, "{to} {when}");
        }
    }
}

#[test]
fn of_what_a_bank_has_nothing_was_approved_with_a_part() {
    let next = Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let story = Story::submitted().on(taken);
    let both = story.milestone.clone().approve_and_hand_over(next, &ada(), day(3), None, usd(2_000)).unwrap();
    let handed_on = Change { next: both.next.0, entries: both.entries, ..Change::none(story.milestone.clone()) };
    let mut story = story;
    story.milestone = handed_on.next.clone();
    story.clocks = handed_on.next.clocks();
    story.entries.extend(handed_on.entries);
    let story = story.on(|milestone| milestone.release(&Actor::System, day(8)));
    assert_eq!(story.money()[2], 1_900);
    let story = story.on(back);
    assert_eq!((story.money()[2], story.money()[3] > 0), (1_900, true), "it is the client's credit");
}

#[test]
fn what_was_paid_for_anew_and_comes_back_is_credit() {
    let given = Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let both = Story::submitted().milestone.approve_and_hand_over(given, &ada(), day(2), None, usd(6_000)).unwrap();
    let (first, second) = both.next;
    let worth = second.amount;
    assert_eq!((worth, second.escrow.held()), (usd(9_000), usd(4_000)));
    // A bank takes what was handed on; it is paid for whole with another card, and the bank gives back.
    let taken = reaching(&first, 1, 4_000, 0, &[&second]).next.remove(1);
    let owed = taken.quote().unwrap().client_pays;
    let funding = taken.start_funding(&ada(), day(4), None, id(10)).unwrap().next;
    let funded = funding.funded(&Actor::System, day(4), id(10), owed, None).unwrap().next;
    assert_eq!(funded.escrow.held(), worth);
    let won = won(&funded, 1, true);
    assert_eq!((won.next.escrow.held(), won.next.status()), (worth, Status::Funded));
    let credit: i64 = won.entries.iter().map(|e| e.effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd)).sum();
    assert!(credit >= 4_000, "{credit}: with the fee that was paid for it");
    let held = |payment: u128| won.next.sources.of(Some(id(payment))).map(|source| source.held);
    assert_eq!((held(1), held(10)), (Some(usd(0)), Some(worth)));
}

#[test]
fn what_we_bore_for_what_was_handed_on_is_not_all_that_came_here() {
    // Of a hundred dollars sixty are handed on, and all of it is the freelancer's for good.
    let other = Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let part = Story::submitted().milestone.approve_and_hand_over(other, &ada(), day(2), None, usd(4_000)).unwrap();
    let (first, second) = part.next;
    let first = first.release(&Actor::System, day(7)).unwrap().next;
    let paying = second.start_funding(&ada(), day(2), None, id(2)).unwrap().next;
    let paid = paying.funded(&Actor::System, day(2), id(2), usd(5_150), None).unwrap().next;
    let submitted = paid.submit(&lin(), day(3), None, id(3)).unwrap().next;
    let approved = submitted.approve(&ada(), day(3), None, Approval::Whole).unwrap().next;
    let second = approved.clone().release(&Actor::System, day(8)).unwrap().next;
    let took = |own: &Milestone, reference, cents| {
        let taken = Taken { payment: id(1), reference, amount: usd(cents) };
        let reach = Reach { credit: usd(0), milestones: vec![second.clone()] };
        own.clone().charge_back_reaching(reach, &Actor::System, day(9), &taken).unwrap().next[0].clone()
    };
    let some = took(&first, "dp", 4_000);
    assert_eq!(some.status(), Status::Released, "as much as stayed here, and it may be of what did not");
    let all = took(&some, "dp_2", 6_000);
    assert_eq!(all.status(), Status::ChargedBack);
    assert_eq!(won(&all, 1, false).next.status(), Status::Released);
    // What it took there is no more in doubt.
    let reach = Reach { credit: usd(0), milestones: vec![approved] };
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(10_000) };
    let both = first.charge_back_reaching(reach, &Actor::System, day(4), &taken).unwrap().next;
    assert_eq!(both[0].chargebacks[0].elsewhere, Some(usd(5_700)), "what is pending, less our fee");
    assert_eq!(both[0].status(), Status::ChargedBack);
}

#[test]
fn what_a_bank_took_of_one_hold_is_in_dispute_though_another_part_was_released_for_good() {
    let terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    let approved = || {
        let mut story = Story::submitted();
        story.milestone.terms = terms.clone();
        // Twenty dollars are the freelancer's for good; of the other eighty forty are taken.
        let part = |milestone: Milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(2_000)));
        let rest = |milestone: Milestone| milestone.approve(&ada(), day(6), None, Approval::Whole);
        story
            .on(part)
            .on(|milestone| milestone.submit(&lin(), day(5), None, id(2)))
            .on(rest)
            .on(|milestone| milestone.release(&Actor::System, day(7)))
            .on(|milestone| milestone.charge_back(&Actor::System, day(7), id(1), "dp", usd(4_000)))
            .on(|milestone| milestone.dispute(&ada(), day(8), None, id(1)))
    };
    let back = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(40), id(1), "dp", false);
    for (all, available) in [(true, 9_500), (false, 1_900)] {
        let held = approved().milestone.escrow.held().minor();
        let awarded = |milestone: Milestone| {
            let to = if all { held } else { 0 };
            milestone.settle(&Actor::System, day(9), id(1), award(to, held, false))
        };
        for (when, story) in [("after", approved().on(awarded).on(back)), ("during", approved().on(back).on(awarded))] {
            let money = story.money();
            assert!((money[2] - available).abs() <= 1, "{all} {when}: {money:?}");
            assert_eq!(money.iter().sum::<i64>(), 10_300, "{all} {when}");
        }
    }
}

#[test]
fn what_a_bank_took_of_a_hold_that_was_over_before_the_dispute_is_no_part_of_it() {
    let mut story = Story::submitted();
    story.milestone.terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    let story = story
        .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(4_000))))
        .on(|milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp", usd(6_000 + 1_000)))
        .on(|milestone| milestone.release(&Actor::System, day(7)));
    assert_eq!(story.money()[2], 2_800);
    assert_eq!(story.status(), "charged_back", "nothing is left to work for");
}

/// Forty dollars are approved, and on their way; with the other sixty it stands in each state in turn.
fn with_a_part_on_its_way() -> Vec<(&'static str, Story)> {
    let part = |milestone: Milestone| milestone.approve(&ada(), day(1), None, Approval::Part(usd(4_000)));
    let again = |milestone: Milestone| milestone.submit(&lin(), day(1), None, id(2));
    let back = |milestone: Milestone| milestone.request_changes(&ada(), day(1), None, "Bigger");
    let refund = |milestone: Milestone| milestone.request_refund(&ada(), day(1), None, None);
    let dispute = |milestone: Milestone| milestone.dispute(&lin(), day(1), None, id(7));
    let asleep = |mut milestone: Milestone| {
        milestone.state = State::Dormant { since: day(1), refunds_at: day(8), stood_still: vec![] };
        Ok(Change::to(milestone.clone()).clocked(&[], &milestone.clocks()))
    };
    let story = || {
        let mut story = Story::submitted();
        story.milestone.terms = Terms { chargeback_takes_pending: false, ..Terms::default() };
        story.on(part)
    };
    vec![
        ("funded", story()),
        ("submitted", story().on(again)),
        ("changes_requested", story().on(again).on(back)),
        ("refund_requested", story().on(refund)),
        ("dormant", {
            let mut story = story();
            story.clocks.retain(|(timer, _)| !matches!(timer, Timer::DormancyMilestone(_)));
            story.on(asleep)
        }),
        ("disputed", story().on(again).on(dispute)),
    ]
}

#[test]
fn what_lost_all_of_its_money_is_nobodys_to_work_on_or_to_judge_until_a_bank_gives_it_back() {
    let taken = |milestone: Milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(6_000));
    let rest = |milestone: Milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp_2", usd(300));
    let won = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(9), id(1), "dp", true);
    for (status, story) in with_a_part_on_its_way() {
        assert_eq!(story.status(), status);
        let goes_on = if status == "disputed" { "submitted" } else { status };
        let due = |story: &Story| {
            let resumed = match &story.milestone.state {
                State::Disputed { since, resume, .. } => {
                    Milestone { state: resume.later(Span { from: *since, until: day(2) }), ..story.milestone.clone() }
                }
                _ => story.milestone.clone(),
            };
            let clocks = resumed.clocks().into_iter();
            clocks.filter(|(timer, _)| !matches!(timer, Timer::ReleaseMilestone(_))).collect::<Vec<_>>()
        };
        let before = due(&story);
        let story = story.on(taken);
        // The part that was approved goes its way, and that is all.
        assert_eq!((story.status(), &story.money()[..2]), ("approved", &[0, 3_800][..]), "{status}");
        assert_eq!(story.clocks, [(Timer::ReleaseMilestone(id(1)), day(6))], "{status}");
        for actor in [ada(), lin()] {
            assert_eq!(story.milestone.allowed(&actor), [], "{status}");
        }
        let silence = story.milestone.clone().auto_approve(&Actor::System, day(400), false).unwrap();
        assert!(!silence.changed, "{status}");
        for over in [false, true] {
            // A second chargeback, of the fee, makes no difference to where it stood.
            let mut story = story.clone().on(rest);
            if over {
                story = story.on(|milestone| milestone.release(&Actor::System, day(6)));
                assert_eq!((story.status(), story.money()[2]), ("charged_back", 3_800), "{status}");
                assert!(story.milestone.status().is_terminal(), "its contract can end");
            }
            let won = story.on(won);
            assert_eq!((won.status(), won.money()[0]), (goes_on, 6_000), "{status}");
            // Its clocks stood still for the seven days.
            let later: Vec<_> = before.iter().map(|(timer, at)| (*timer, *at + days(7))).collect();
            assert_eq!(due(&won), later, "{status}");
        }
    }
}

#[test]
fn what_is_pending_and_then_taken_as_well_ends_it_where_it_stood() {
    let mut story = Story::submitted();
    story.milestone.terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    let back = |reference: &'static str| {
        move |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(9), id(1), reference, true)
    };
    let story = story
        .on(|milestone| milestone.approve(&ada(), day(1), None, Approval::Part(usd(4_000))))
        .on(|milestone| milestone.submit(&lin(), day(1), None, id(2)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(6_000)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp_2", usd(4_300)));
    assert_eq!((story.status(), story.money()), ("charged_back", [0, 0, 0, 0, 500, -500]));
    let story = story.on(back("dp_2")).on(back("dp"));
    assert_eq!((story.status(), story.money()), ("submitted", [6_000, 0, 3_800, 0, 500, 0]));
    let State::Submitted { approves_at, .. } = story.milestone.state else { panic!("it waits for the client") };
    assert_eq!(approves_at, day(1 + 14 + 7));
}

#[test]
fn a_second_chargeback_does_not_forget_where_work_stood() {
    let story = Story::submitted()
        .on(|milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(10_000)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp_2", usd(300)))
        .on(|milestone| milestone.charge_back_won(&Actor::System, day(9), id(1), "dp", true));
    assert_eq!((story.status(), story.money()), ("submitted", [10_000, 0, 0, 0, 300, -300]));
}

#[test]
fn what_a_bank_gives_back_to_credit_alone_lets_nothing_go_on_that_ended_without_its_money() {
    // Two payments came: one paid for it, and the other one is the client's credit.
    for in_dispute in [false, true] {
        let approved = |milestone: Milestone| milestone.approve(&ada(), day(1), None, Approval::Whole);
        let disputed = |milestone: Milestone| milestone.dispute(&lin(), day(2), None, id(7));
        let mut story =
            Story::submitted().on(|milestone| milestone.funded(&Actor::System, day(1), id(9), usd(10_300), None));
        if in_dispute {
            story = story.on(approved).on(disputed);
        }
        let story = story.on(|milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp", usd(10_300)));
        assert_eq!(story.status(), "charged_back");
        let taken = Taken { payment: id(9), reference: "dp_9", amount: usd(10_300) };
        let reach = Reach { credit: usd(10_300), milestones: vec![] };
        let change = story.milestone.clone().charge_back_reaching(reach, &Actor::System, day(4), &taken).unwrap();
        let won = change.next[0].clone().charge_back_won(&Actor::System, day(5), id(9), "dp_9", true).unwrap();
        assert_eq!(won.entries[0].effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd), 10_300);
        assert_eq!((won.next.status().as_str(), won.next.escrow.held()), ("charged_back", usd(0)));
        // Its own money brings it back.
        let won = won.next.charge_back_won(&Actor::System, day(6), id(1), "dp", true).unwrap();
        let (status, held) = if in_dispute { ("approved", 0) } else { ("submitted", 10_000) };
        assert_eq!((won.next.status().as_str(), won.next.escrow.held()), (status, usd(held)));
        assert_eq!(won.next.holds.is_empty(), !in_dispute);
    }
}

#[test]
fn a_refund_that_was_asked_for_is_as_large_as_it_was_when_a_bank_gives_back() {
    let story = Story::funded()
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, None))
        .on(|milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(4_000)))
        .on(|milestone| milestone.charge_back_won(&Actor::System, day(4), id(1), "dp", true))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(8), id(2), false));
    assert_eq!((story.status(), story.money()), ("refunded", [0, 0, 0, 10_300, 0, 0]));
}

#[test]
fn what_makes_up_for_a_loss_by_itself_and_with_others_of_its_transaction_is_booked_twice() {
    let story = Story::funded()
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, Some(usd(1_000))))
        .on(|milestone| milestone.agree_refund(&lin(), day(1), None))
        .on(|milestone| milestone.submit(&lin(), day(1), None, id(1)));
    let next = Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let (first, second) = story.milestone.approve_and_hand_over(next, &ada(), day(2), None, usd(3_000)).unwrap().next;
    let first = first.release(&Actor::System, day(7)).unwrap().next;
    // One bank takes what was handed on and the credit; and then the rest, which the freelancer has.
    let [first, second] = reaching(&first, 1, 7_030, 1_030, &[&second]).next.try_into().unwrap();
    let taken = first.charge_back(&Actor::System, day(8), id(1), "dp_2", usd(3_270)).unwrap();
    assert_eq!(effects(&taken.entries)[5], -3_270);
    let (first, second) = (won(&taken.next, 1, false), won(&second, 1, false));
    assert_eq!((effects(&first.entries)[4], effects(&first.entries)[5]), (0, 1_030), "by itself");
    let entries = [first.entries, second.entries].concat();
    let with_others = bearer::make_up(&entries, vec![Bearer::Milestone(first.next)]).unwrap();
    assert_eq!(effects(&with_others.entries)[5], 3_270 - 1_030);
    assert_eq!(with_others.next[0].lost_by(id(1)).unwrap(), usd(0));
    let entries = [entries, with_others.entries].concat();
    let keys: std::collections::BTreeSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys.len(), entries.len(), "{keys:?}");
}

#[test]
fn what_ended_otherwise_stands_as_long_as_banks_have_not_all_of_its_money_and_again_after() {
    fn released() -> Story {
        Story::approved().on(|milestone| milestone.release(&Actor::System, day(7)))
    }
    let after = || {
        released().on(|milestone| {
            let version = milestone.version;
            milestone.refund_after(&lin(), day(8), version, usd(1_000), usd(9_500))
        })
    };
    let split = || {
        Story::disputed().on(|milestone| milestone.settle(&Actor::System, day(9), id(1), award(4_000, 10_000, false)))
    };
    let refunded = || {
        Story::funded()
            .on(|milestone| milestone.request_refund(&ada(), day(1), None, None))
            .on(|milestone| milestone.agree_refund(&lin(), day(1), None))
    };
    let took = |reference: &'static str, cents| {
        move |milestone: Milestone| milestone.charge_back(&Actor::System, day(10), id(1), reference, usd(cents))
    };
    let gives = |reference: &'static str| {
        move |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(20), id(1), reference, true)
    };
    type Ended = (&'static str, fn() -> Story);
    let stories: [Ended; 4] =
        [("released", released), ("refunded_after", after), ("split", split), ("refunded", refunded)];
    for (ended, story) in stories {
        let part = story().on(took("dp_1", 5_000));
        assert_eq!(part.status(), ended, "half of it");
        assert_eq!(part.milestone.allowed(&lin()), story().milestone.allowed(&lin()), "{ended}");
        let whole = part.on(took("dp_2", 5_300));
        assert_eq!(whole.status(), "charged_back", "{ended}");
        let state = story().milestone.state;
        for back in [["dp_1", "dp_2"], ["dp_2", "dp_1"]] {
            let story = Story { milestone: whole.milestone.clone(), entries: vec![], events: vec![], clocks: vec![] };
            let given = back.into_iter().fold(story.milestone, |milestone, reference| {
                let change = gives(reference)(milestone).unwrap();
                assert_eq!(change.next.state, state, "{ended}, after {reference}");
                change.next
            });
            assert!(given.chargebacks.iter().all(|known| known.won));
        }
    }
}

#[test]
fn the_clients_fee_for_what_a_bank_took_of_pending_money_is_not_given_back_with_the_rest_of_it() {
    let mut story = Story::approved();
    story.milestone.terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    // Of the 100 dollars 95 are pending, and the bank takes 40 of them; the fee for those was 1.20.
    let disputed = || story.clone().on(taken).on(disputed);
    let open = |story: &Story| story.milestone.escrow.parts().client_fee_open.minor();
    assert_eq!((disputed().milestone.escrow.held(), open(&disputed())), (usd(6_000), 180));
    let refunded = disputed().on(awarded(0));
    assert_eq!(refunded.money()[3], 6_000 + 180);
    // What the bank gives back comes with its fee, before and after.
    assert_eq!(open(&disputed().on(back)), 300);
    for story in [disputed().on(back).on(awarded(0)), refunded.on(back)] {
        assert_eq!(story.money(), [0, 0, 0, 10_300, 0, 0]);
    }
}

#[test]
fn a_payment_that_was_credit_from_the_beginning_is_none_of_what_banks_have_of_a_milestone() {
    let took = |payment: u128, reference: &'static str, cents| {
        move |milestone: Milestone| milestone.charge_back(&Actor::System, day(10), id(payment), reference, usd(cents))
    };
    let story = || {
        Story::approved()
            .on(|milestone| milestone.release(&Actor::System, day(7)))
            .on(|milestone| milestone.funded(&Actor::System, day(8), id(9), usd(10_300), None))
            .on(took(9, "dp_9", 10_300))
    };
    assert_eq!(story().status(), "released");
    assert_eq!(story().on(took(1, "dp", 100)).status(), "released", "a dollar of what came here");
    let won = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(20), id(1), "dp", true);
    let whole = story().on(took(1, "dp", 10_300));
    assert_eq!((whole.status(), whole.on(won).status()), ("charged_back", "released"));
}

#[test]
fn what_a_dispute_divided_stays_divided_whatever_a_bank_takes_of_its_hold() {
    let divided = || {
        Story::disputed().on(|milestone| milestone.settle(&Actor::System, day(9), id(1), award(4_000, 10_000, true)))
    };
    assert_eq!(divided().status(), "approved", "what was agreed on is held");
    let took = |milestone: Milestone| milestone.charge_back(&Actor::System, day(10), id(1), "dp", usd(10_300));
    let taken = divided().on(took);
    assert_eq!(taken.status(), "charged_back");
    let back = taken.on(|milestone| milestone.charge_back_won(&Actor::System, day(20), id(1), "dp", true));
    assert_eq!(back.status(), "split");
}

#[test]
fn whoever_approves_what_is_at_a_bank_is_told_that_it_can_not_be_approved() {
    let mut story = Story::submitted();
    story.milestone.terms = Terms { chargeback_takes_pending: false, ..Terms::default() };
    let story = story
        .on(|milestone| milestone.approve(&ada(), day(1), None, Approval::Part(usd(4_000))))
        .on(|milestone| milestone.submit(&lin(), day(1), None, id(2)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(6_000)));
    assert_eq!(story.status(), "approved");
    let refused = story.milestone.approve(&ada(), day(3), None, Approval::Whole).unwrap_err();
    assert!(matches!(refused, Refusal::WrongState { .. }), "{refused:?}");
}

#[test]
fn our_fee_for_what_a_bank_took_of_pending_money_and_gave_back_is_not_given_back_with_the_rest_of_it() {
    let mut story = Story::approved();
    story.milestone.terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
    let returned = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(2), id(1), "dp", true);
    // Of the 95 dollars that are pending 40 are the freelancer's for good, before the dispute and after it: with our fee
    // that is 42.11. The other 57.89 are in dispute, and what was paid on top of them.
    let rest = 5_789;
    let returned = story.on(taken).on(returned);
    // So it is with a hold that was kept when fees were not divided yet.
    let mut undivided = returned.clone();
    let share = &mut undivided.milestone.holds[0].share;
    assert_eq!((share.net, share.fee, share.client_fee), (usd(5_500), usd(289), usd(174)));
    (share.fee, share.client_fee) = (usd(500), usd(180));
    for story in [&returned, &undivided] {
        let parts = *story.clone().on(disputed).milestone.escrow.parts();
        assert_eq!((parts.held, parts.fee, parts.client_fee_open), (usd(rest), usd(211), usd(174)));
    }
    let settled = |to: i64| {
        let settle = |milestone: Milestone| milestone.settle(&Actor::System, day(9), id(1), award(to, rest, false));
        returned.clone().on(disputed).on(settle).money()
    };
    assert_eq!(settled(0), [0, 0, 4_000, rest + 174, 211 + 126, 0]);
    assert_eq!(settled(rest), [0, 0, 9_500, 0, 800, 0]);
}

#[test]
fn fees_for_a_hold_that_a_bank_took_whole_are_in_dispute_with_the_rest_of_it() {
    let story = || {
        let mut story = Story::submitted();
        story.milestone.terms = Terms { chargeback_takes_pending: true, ..Terms::default() };
        // The bank takes the 57 dollars that are left of the last 60, and the other 38 stay pending.
        let part = |milestone: Milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(4_000)));
        story
            .on(part)
            .on(|milestone| milestone.submit(&lin(), day(2), None, id(2)))
            .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Whole))
            .on(|milestone| milestone.charge_back(&Actor::System, day(2), id(1), "dp", usd(5_700)))
            .on(disputed)
    };
    let parts = *story().milestone.escrow.parts();
    assert_eq!((parts.held, parts.fee, parts.fee_base), (usd(4_300), usd(0), usd(0)));
    assert_eq!(parts.client_fee_open, usd(129));
    let settled = |milestone: Milestone| milestone.settle(&Actor::System, day(9), id(1), award(0, 4_300, false));
    for story in [story().on(back).on(settled), story().on(settled).on(back)] {
        assert_eq!(story.money(), [0, 0, 0, 10_300, 0, 0]);
    }
}

#[test]
fn what_a_bank_gave_back_in_part_is_not_the_clients_once_more_when_all_of_it_comes_back() {
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(2_000) };
    let in_part = |by_hand| move |milestone: Milestone| milestone.given_in_part(&Actor::System, &taken, by_hand);
    let released = |milestone: Milestone| milestone.release(&Actor::System, day(7));
    // The freelancer has it, so it is our loss.
    let lost = || Story::approved().on(released).on(taken_whole);
    for by_hand in [false, true] {
        let story = lost().on(in_part(by_hand));
        let known = &story.milestone.chargebacks[0];
        assert_eq!(known.in_part, Some(InPart { amount: usd(2_000), made_up: usd(if by_hand { 0 } else { 2_000 }) }));
        let again = story.milestone.clone().given_in_part(&Actor::System, &taken, by_hand).unwrap();
        assert!(!again.changed, "once");
        // Of what the bank took, 20 dollars are back already: their entry is the payment's, or our people's.
        let story = story.on(back);
        assert_eq!(story.money()[5], -2_000, "all comes back, and those are no more than a part of it");
        assert_eq!(story.money()[3], 0, "none of it was the client's");
        let late = story.milestone.clone().given_in_part(&Actor::System, &taken, by_hand).unwrap();
        assert!(!late.changed, "nor is a part of what came back whole");
    }
}

/// The bank takes all that was paid.
fn taken_whole(milestone: Milestone) -> Result<Change<Milestone>, Refusal> {
    milestone.charge_back(&Actor::System, day(8), id(1), "dp", usd(10_300))
}
