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
