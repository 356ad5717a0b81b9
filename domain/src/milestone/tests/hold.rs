//! For how long money is held once it is approved, and how that is settled before work begins.

use super::*;

#[test]
fn money_of_a_client_whose_bank_took_some_back_is_held_for_longer_once_approved() {
    let terms = Terms { security_hold_days: 3, risk_hold_days: 10, risk_days: 30, ..Terms::default() };
    let paid = |taken_back_at: Option<Timestamp>| {
        let deal = Deal { terms: terms.clone(), ..deal() };
        let agreed = Milestone::agreed(id(1), deal, draft(10_000)).next;
        assert_eq!((agreed.hold_days, agreed.held_days()), (None, 3));
        let funding = agreed.start_funding(&ada(), day(0), None, id(1)).unwrap().next;
        funding.funded(&Actor::System, day(40), id(1), usd(10_300), taken_back_at).unwrap().next
    };
    // The thirtieth day is the first that counts no more.
    for (taken_back_at, held) in [(None, 3), (Some(day(10)), 3), (Some(day(11)), 10), (Some(day(40)), 10)] {
        let funded = paid(taken_back_at);
        assert_eq!((funded.hold_days, funded.held_days()), (Some(held), held), "{taken_back_at:?}");
        let over = day(41 + i64::from(held));
        let submitted = funded.submit(&lin(), day(41), None, id(1)).unwrap().next;
        let approved = submitted.clone().approve(&ada(), day(41), None, Approval::Whole).unwrap().next;
        assert_eq!(approved.holds[0].releases_at, over);
        let part = submitted.clone().approve(&ada(), day(41), None, Approval::Part(usd(1_000))).unwrap().next;
        assert_eq!(part.holds[0].releases_at, over);
        let disputed = submitted.dispute(&lin(), day(41), None, id(1)).unwrap().next;
        let settled = disputed.settle(&Actor::System, day(41), id(1), award(5_000, 10_000, true)).unwrap().next;
        assert_eq!(settled.holds[0].releases_at, over);
    }
    // Terms of before that rule know of no longer hold.
    let before: Terms = serde_json::from_str(r#"{"security_hold_days":3}"#).unwrap();
    assert_eq!(before.hold_days(Some(day(40)), day(40)), 3);
    assert_eq!(Terms { risk_hold_days: 2, ..terms }.hold_days(Some(day(40)), day(40)), 3, "never shorter");
}

#[test]
fn what_is_handed_on_is_held_for_as_long_as_it_was_to_be() {
    let other = || Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let risky = |milestone: Milestone, taken_back_at| {
        let paid = milestone.quote().unwrap().client_pays;
        let funding = milestone.start_funding(&ada(), day(0), None, id(9)).unwrap().next;
        funding.funded(&Actor::System, day(0), id(9), paid, taken_back_at).unwrap().next
    };
    let first = risky(Story::agreed().milestone, Some(day(0))).submit(&lin(), day(0), None, id(1)).unwrap().next;
    let hand = |next: Milestone| first.clone().approve_and_hand_over(next, &ada(), day(1), None, usd(4_000));
    let Err(Refusal::Invalid { fields }) = hand(risky(other(), None)) else { panic!("held for less") };
    assert_eq!(fields[0].code, "HELD_FOR_LESS");
    assert_eq!(hand(risky(other(), Some(day(0)))).unwrap().next.1.hold_days, Some(14));
    let (_, waits) = hand(other()).unwrap().next;
    assert_eq!((waits.status(), waits.hold_days), (Status::Agreed, Some(14)));
    // The rest of its money comes when nothing is known any more that speaks against the client.
    assert_eq!(risky(waits, None).hold_days, Some(14));
}

#[test]
fn what_is_over_in_its_hold_is_not_in_dispute_though_nobody_came_round_to_releasing_it() {
    let refused = Story::approved().refuses(|milestone| milestone.dispute(&ada(), day(7), None, id(1)));
    assert!(matches!(refused, Refusal::WrongState { .. }), "{refused:?}");
    let in_time = Story::approved().on(|milestone| milestone.dispute(&ada(), day(6), None, id(1)));
    assert_eq!(in_time.money()[..3], [10_000, 0, 0]);
    // Of two parts one is over.
    let story = Story::submitted()
        .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(2_000))))
        .on(|milestone| milestone.submit(&lin(), day(5), None, id(2)))
        .on(|milestone| milestone.approve(&ada(), day(6), None, Approval::Whole))
        .on(|milestone| milestone.dispute(&ada(), day(8), None, id(1)));
    assert_eq!(story.money()[..3], [8_000, 0, 1_900]);
}

#[test]
fn what_is_disputed_in_its_hold_is_held_again_as_it_was_before_its_fee() {
    // Our fee for the part that is the freelancer's for good is 51 cents; 50 would be right beside its 9.59 dollars, too.
    let story = Story::submitted()
        .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(1_010))))
        .on(|milestone| milestone.submit(&lin(), day(5), None, id(2)))
        .on(|milestone| milestone.approve(&ada(), day(6), None, Approval::Whole))
        .on(|milestone| milestone.release(&Actor::System, day(7)))
        .on(|milestone| milestone.dispute(&ada(), day(8), None, id(1)));
    assert_eq!(story.money()[..3], [8_990, 0, 959]);
    assert_eq!(story.milestone.escrow.parts().fee, usd(51));
}
