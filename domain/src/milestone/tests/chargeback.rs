//! Money that was at a bank while something else was decided about it, and comes back.

use super::*;

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
    let funded = funding.funded(&Actor::System, day(4), id(10), owed).unwrap().next;
    assert_eq!(funded.escrow.held(), worth);
    let won = won(&funded, 1, true);
    assert_eq!((won.next.escrow.held(), won.next.status()), (worth, Status::Funded));
    let credit: i64 = won.entries.iter().map(|e| e.effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd)).sum();
    assert!(credit >= 4_000, "{credit}: with the fee that was paid for it");
    let held = |payment: u128| won.next.sources.of(Some(id(payment))).map(|source| source.held);
    assert_eq!((held(1), held(10)), (Some(usd(0)), Some(worth)));
}
