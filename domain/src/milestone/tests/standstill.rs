//! When the clock does not decide: nobody of the client's may answer, or our people look at the contract.

use super::*;

#[test]
fn the_silence_of_a_client_that_may_not_answer_is_no_yes_for_the_days_of_the_terms() {
    assert_eq!(Terms::default().barred_days, 30);
    for barred_days in [30, 3] {
        is_no_yes_for(barred_days);
    }
}

fn is_no_yes_for(barred_days: u16) {
    let mut story = Story::submitted();
    story.milestone.terms.barred_days = barred_days;
    let due = |story: &Story| {
        let State::Submitted { approves_at, .. } = &story.milestone.state else { panic!("it waits for the client") };
        *approves_at
    };
    let first = due(&story);
    while due(&story) < first + days(barred_days) {
        let now = due(&story);
        story = story.on(|milestone| milestone.auto_approve(&Actor::System, now, true));
        assert_eq!(due(&story), now + days(1));
    }
    let now = due(&story);
    let story = story.on(|milestone| milestone.auto_approve(&Actor::System, now, true));
    assert_eq!(story.milestone.status(), Status::Approved, "the freelancer does not wait for good");
}

#[test]
fn the_silence_of_a_freelancer_who_may_not_answer_refunds_nothing_for_the_days_of_the_terms() {
    let due = |story: &Story| match story.milestone.state {
        State::RefundRequested { resolves_at, .. } => resolves_at,
        State::Dormant { refunds_at, .. } => refunds_at,
        ref other => panic!("{other:?}"),
    };
    let asked = || Story::funded().on(|milestone| milestone.request_refund(&ada(), day(1), None, None));
    let asleep = || {
        [76, 83, 90]
            .into_iter()
            .fold(Story::funded(), |story, at| story.on(|milestone| milestone.age(&Actor::System, day(at), true)))
    };
    type Told = fn(Milestone, Timestamp, bool) -> Result<Change<Milestone>, Refusal>;
    let resolve: Told = |milestone, now, barred| milestone.resolve_refund(&Actor::System, now, id(1), barred);
    let age: Told = |milestone, now, barred| milestone.age(&Actor::System, now, barred);
    for (story, silence, first) in [(asked as fn() -> Story, resolve, day(8)), (asleep as fn() -> Story, age, day(104))]
    {
        for barred_days in [30, 3] {
            let mut story = story();
            story.milestone.terms.barred_days = barred_days;
            assert_eq!(due(&story), first);
            while due(&story) < first + days(barred_days) {
                let now = due(&story);
                story = story.on(|milestone| silence(milestone, now, true));
                assert_eq!((due(&story), story.money()[0]), (now + days(1), 10_000));
            }
            let now = due(&story);
            let story = story.on(|milestone| silence(milestone, now, true));
            assert_eq!(story.status(), "refunded", "the client does not wait for good");
        }
        let story = story();
        let now = due(&story);
        assert_eq!(story.on(|milestone| silence(milestone, now, false)).status(), "refunded");
    }
}

#[test]
fn a_refund_asked_for_after_work_is_a_matter_for_a_dispute_whoever_may_answer() {
    let worked = Story::submitted()
        .on(|milestone| milestone.request_changes(&ada(), day(2), None, "No"))
        .on(|milestone| milestone.request_refund(&ada(), day(3), None, None))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(10), id(1), true));
    assert_eq!((worked.status(), worked.money()[0]), ("disputed", 10_000));
}

#[test]
fn a_dispute_does_not_use_up_the_days_that_a_sleeping_milestone_waits_for_those_who_may_not_answer() {
    let asleep = [76, 83, 90]
        .into_iter()
        .fold(Story::funded(), |story, at| story.on(|milestone| milestone.age(&Actor::System, day(at), false)));
    let story = asleep
        .on(|milestone| milestone.dispute(&lin(), day(91), None, id(1)))
        .on(|milestone| milestone.resume(&Actor::System, day(141), id(1)))
        .on(|milestone| milestone.age(&Actor::System, day(154), true));
    assert_eq!(story.status(), "dormant");
}

#[test]
fn nor_does_it_those_of_work_that_was_handed_in() {
    let story = Story::submitted()
        .on(|milestone| milestone.dispute(&ada(), day(2), None, id(1)))
        .on(|milestone| milestone.resume(&Actor::System, day(62), id(1)));
    // Thirteen of the fourteen days were left, and sixty passed in dispute.
    let first = day(75);
    assert!(matches!(story.milestone.state, State::Submitted { approves_at, .. } if approves_at == first));
    let asked = |now, barred| story.milestone.clone().auto_approve(&Actor::System, now, barred).unwrap().next.status();
    assert_eq!(asked(first, true), Status::Submitted, "silence is no yes, however long the dispute was");
    assert_eq!(asked(first, false), Status::Approved);
    let (mut story, mut waited) = (story, 0);
    while story.milestone.status() == Status::Submitted {
        let now = first + days(waited);
        story = story.on(|milestone| milestone.auto_approve(&Actor::System, now, true));
        waited += 1;
    }
    assert_eq!(waited - 1, Terms::default().barred_days);
}

#[test]
fn nor_do_the_days_in_which_our_people_looked_at_the_contract() {
    let mut story = Story::funded().on(|milestone| milestone.request_refund(&ada(), day(1), None, None));
    let due = |story: &Story| match story.milestone.state {
        State::RefundRequested { resolves_at, .. } => resolves_at,
        ref other => panic!("{other:?}"),
    };
    while due(&story) < day(60) {
        let now = due(&story);
        story = story.on(|milestone| milestone.put_off(&Actor::System, now));
    }
    let State::RefundRequested { stood_still, .. } = &story.milestone.state else { panic!("it was asked for") };
    assert_eq!(stood_still[..], [Span { from: day(8), until: day(60) }], "days that follow each other are one stretch");
    let silent = |barred| story.milestone.clone().resolve_refund(&Actor::System, day(60), id(1), barred).unwrap().next;
    assert_eq!(silent(true).status(), Status::RefundRequested);
    assert_eq!(silent(false).status(), Status::Refunded);
}

#[test]
fn what_is_due_of_a_contract_that_is_looked_at_waits_a_day() {
    let approved = Story::submitted().on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Whole));
    let releases_at = approved.milestone.holds[0].releases_at;
    let early = approved.milestone.clone().put_off(&Actor::System, releases_at - TimeDelta::seconds(1)).unwrap();
    assert!(!early.changed);
    let later = approved.milestone.clone().put_off(&Actor::System, releases_at).unwrap().next;
    assert_eq!(later.clocks(), [(Timer::ReleaseMilestone(later.id), releases_at + days(1))]);
    assert!(!later.release(&Actor::System, releases_at).unwrap().changed);

    let asked = Story::submitted().on(|milestone| milestone.put_off(&Actor::System, day(400)));
    assert_eq!(asked.milestone.status(), Status::Submitted, "approving moves nothing that is not held after");
}

#[test]
fn the_clock_of_idleness_of_a_contract_that_is_looked_at_is_not_lost() {
    let funded = Story::funded().milestone;
    let (timer, due) = funded.clocks()[0];
    let later = funded.put_off(&Actor::System, due + days(3)).unwrap().next;
    assert_eq!(later.clocks(), [(timer, due + days(4))]);
}
