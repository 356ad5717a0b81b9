use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::access::{Denied, MemberRole, Person, Staff};
use crate::credit::Credit;
use crate::event::Event;
use crate::id::Id;
use crate::money::Currency;

mod chargeback;
mod hold;
mod standstill;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn day(n: i64) -> Timestamp {
    "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(n)
}

fn person(user: u128, memberships: Vec<(OrganizationId, MemberRole)>, staff: Option<Staff>) -> Actor {
    Actor::Person(Person { user: id(user), suspended: false, second_factor: true, staff, memberships })
}

fn lin() -> Actor {
    person(1, vec![], None)
}

fn ada() -> Actor {
    member(MemberRole::Owner)
}

fn member(role: MemberRole) -> Actor {
    person(2, vec![(id(1), role)], None)
}

fn stranger() -> Actor {
    person(9, vec![(id(9), MemberRole::Owner)], None)
}

fn deal() -> Deal {
    Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms: Terms::default() }
}

fn draft(cents: i64) -> MilestoneDraft {
    MilestoneDraft::parse("Landing page", "Two screens", usd(cents), None, &Terms::default()).unwrap()
}

fn award(to_freelancer: i64, of: i64, agreed: bool) -> Award {
    Award { to_freelancer: usd(to_freelancer), of: usd(of), agreed }
}

/// A milestone and what has happened to it so far, with the books beside it.
#[derive(Clone)]
struct Story {
    milestone: Milestone,
    entries: Vec<JournalEntry>,
    events: Vec<Event>,
    clocks: Vec<(Timer, Timestamp)>,
}

impl Story {
    fn begins(change: Change<Milestone>) -> Self {
        let story = Self { milestone: change.next.clone(), entries: vec![], events: vec![], clocks: vec![] };
        story.goes_on(change)
    }

    fn agreed() -> Self {
        Self::begins(Milestone::agreed(id(1), deal(), draft(10_000)))
    }

    fn funded() -> Self {
        Self::agreed()
            .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
            .on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_300), None))
    }

    fn submitted() -> Self {
        Self::funded().on(|milestone| milestone.submit(&lin(), day(1), None, id(1)))
    }

    fn approved() -> Self {
        Self::submitted().on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Whole))
    }

    fn disputed() -> Self {
        Self::submitted().on(|milestone| milestone.dispute(&ada(), day(2), None, id(1)))
    }

    fn on(self, verb: impl FnOnce(Milestone) -> Result<Change<Milestone>, Refusal>) -> Self {
        let change = verb(self.milestone.clone()).unwrap();
        self.goes_on(change)
    }

    fn goes_on(mut self, change: Change<Milestone>) -> Self {
        use crate::change::TimerChange;
        for timer in change.timers {
            match timer {
                TimerChange::Set(timer, at) => {
                    self.clocks.retain(|(running, _)| *running != timer);
                    self.clocks.push((timer, at));
                }
                TimerChange::Stop(timer) => self.clocks.retain(|(running, _)| *running != timer),
            }
        }
        self.milestone = change.next;
        self.entries.extend(change.entries);
        self.events.extend(change.events);
        let mut wanted = self.milestone.clocks();
        wanted.sort();
        self.clocks.sort();
        assert_eq!(self.clocks, wanted, "the timers that run are those the state wants");
        assert_eq!(self.balance(LedgerAccount::Escrow(id(1))), self.milestone.escrow.held().minor());
        self
    }

    fn refuses(self, verb: impl FnOnce(Milestone) -> Result<Change<Milestone>, Refusal>) -> Refusal {
        verb(self.milestone).unwrap_err()
    }

    fn balance(&self, account: LedgerAccount) -> i64 {
        self.entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
    }

    /// Escrow, pending, available, the client's credit, our fees, our losses.
    fn money(&self) -> [i64; 6] {
        [
            LedgerAccount::Escrow(id(1)),
            LedgerAccount::Pending(id(1)),
            LedgerAccount::Available(id(1)),
            LedgerAccount::ClientCredit(id(1)),
            LedgerAccount::FeeRevenue,
            LedgerAccount::Losses,
        ]
        .map(|account| self.balance(account))
    }

    fn status(&self) -> &'static str {
        self.milestone.status().as_str()
    }
}

#[test]
fn work_is_funded_submitted_approved_and_released_after_the_hold() {
    let story = Story::funded();
    assert_eq!((story.status(), story.money()), ("funded", [10_000, 0, 0, 0, 300, 0]));
    let story = story.on(|milestone| milestone.submit(&lin(), day(1), None, id(1)));
    let story = story.on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Whole));
    let story = story.on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Whole));
    assert_eq!((story.status(), story.money()), ("approved", [0, 9_500, 0, 0, 800, 0]));
    let story = story.on(|milestone| milestone.release(&Actor::System, day(6)));
    assert_eq!((story.status(), story.money()), ("approved", [0, 9_500, 0, 0, 800, 0]));
    let story = story.on(|milestone| milestone.release(&Actor::System, day(7)));
    let story = story.on(|milestone| milestone.release(&Actor::System, day(7)));
    assert_eq!((story.status(), story.money()), ("released", [0, 0, 9_500, 0, 800, 0]));
}

#[test]
fn a_part_is_approved_and_the_rest_stays_funded_and_no_cent_is_lost() {
    let story = Story::submitted()
        .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(3_333))))
        .on(|milestone| milestone.submit(&lin(), day(3), None, id(2)));
    assert_eq!((story.status(), story.money()), ("submitted", [6_667, 3_166, 0, 0, 467, 0]));
    let story = story
        .on(|milestone| milestone.approve(&ada(), day(4), None, Approval::Whole))
        .on(|milestone| milestone.release(&Actor::System, day(7)));
    assert_eq!((story.status(), story.money()), ("approved", [0, 6_334, 3_166, 0, 800, 0]));
    let story = story.on(|milestone| milestone.release(&Actor::System, day(9)));
    assert_eq!((story.status(), story.money()), ("released", [0, 0, 9_500, 0, 800, 0]));
}

#[test]
fn more_than_is_held_is_not_approved() {
    let asked = |cents| {
        Story::submitted().refuses(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(cents))))
    };
    assert_eq!(asked(10_001), Refusal::Insufficient { available: usd(10_000), asked: usd(10_001) });
    assert!(matches!(asked(0), Refusal::Invalid { .. }));
}

#[test]
fn the_rest_moves_on_to_the_next_milestone_which_is_worth_more() {
    let next = Milestone::agreed(id(2), deal(), draft(5_000)).next;
    let current = Story::submitted().milestone;
    let change = current.approve_and_hand_over(next, &ada(), day(2), None, usd(6_000)).unwrap();
    let (current, next) = change.next;
    assert_eq!(
        (current.status(), current.amount, current.escrow.funded().unwrap()),
        (Status::Approved, usd(6_000), usd(6_000))
    );
    assert_eq!((next.amount, next.escrow.held(), next.quote().unwrap().amount), (usd(9_000), usd(4_000), usd(5_000)));
    let paid: i64 = [&current, &next]
        .map(|milestone| milestone.escrow.parts())
        .iter()
        .map(|parts| parts.client_fee_open.minor() + parts.client_fee_kept.minor())
        .sum();
    assert_eq!(paid, 300);
}

#[test]
fn silence_is_reminded_of_three_times_and_then_approves() {
    let mut story = Story::submitted();
    for (on, due) in [(7, 8), (12, 13), (13, 14)] {
        story = story.on(|milestone| milestone.remind(&Actor::System, day(on)));
        story = story.on(|milestone| milestone.remind(&Actor::System, day(due)));
    }
    let reminders = story.events.iter().filter(|event| matches!(event, Event::MilestoneReviewWaits { .. })).count();
    assert_eq!(reminders, 3);
    let story = story.on(|milestone| milestone.auto_approve(&Actor::System, day(14), false));
    assert_eq!(story.status(), "submitted");
    let story = story.on(|milestone| milestone.auto_approve(&Actor::System, day(15), false));
    assert_eq!((story.status(), story.money()[1]), ("approved", 9_500));
}

#[test]
fn changes_need_a_note_and_stop_the_clock_and_a_third_round_may_be_disputed() {
    let refusal = Story::submitted().refuses(|milestone| milestone.request_changes(&ada(), day(2), None, "  "));
    assert!(matches!(refusal, Refusal::Invalid { .. }));
    let mut story = Story::submitted();
    for round in 1..=3u8 {
        story = story.on(|milestone| milestone.request_changes(&ada(), day(2), None, "The header is off"));
        let idle = (Timer::DormancyMilestone(id(1)), day(78));
        assert_eq!(story.clocks, [idle], "only the clock of idleness runs");
        let may = story.milestone.allowed(&lin()).contains(&Verb::MilestoneDispute);
        assert_eq!(may, round == 3);
        if round < 3 {
            let refusal = Story { milestone: story.milestone.clone(), ..Story::submitted() }
                .refuses(|milestone| milestone.dispute(&lin(), day(2), None, id(1)));
            assert!(matches!(refusal, Refusal::WrongState { .. }));
            story = story.on(|milestone| milestone.submit(&lin(), day(3), None, id(2 + u128::from(round))));
            assert!(matches!(story.milestone.state, State::Submitted { approves_at, .. } if approves_at == day(17)));
        }
    }
}

#[test]
fn processor_events_may_come_twice_late_and_out_of_order() {
    let start = || Story::agreed().on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)));
    let arrives = |milestone: Milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_300), None);
    let fails = |milestone: Milestone| milestone.funding_failed(&Actor::System, id(1));
    for (story, what) in [
        (start().on(arrives).on(arrives), "twice"),
        (start().on(fails).on(arrives).on(fails), "failed, then succeeded"),
        (start().on(arrives).on(fails), "failure told late"),
        (
            start().on(|milestone| milestone.expire_funding(&Actor::System, day(1), false)).on(arrives),
            "given up, then came",
        ),
        (start().on(|milestone| milestone.stop_funding(&ada(), None)).on(arrives), "stopped, then came"),
    ] {
        assert_eq!((story.status(), story.money()), ("funded", [10_000, 0, 0, 0, 300, 0]), "{what}");
    }
    // Called off, or paid with a wrong amount: the money is the client's credit.
    let gone = start()
        .on(|milestone| milestone.stop_funding(&ada(), None))
        .on(|milestone| milestone.cancel(&ada(), day(0), None))
        .on(arrives)
        .on(arrives);
    assert_eq!((gone.status(), gone.money()), ("cancelled", [0, 0, 0, 10_300, 0, 0]));
    let odd = start().on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_299), None));
    assert_eq!((odd.status(), odd.money()), ("agreed", [0, 0, 0, 10_299, 0, 0]));
}

#[test]
fn a_second_payment_for_what_is_funded_already_becomes_credit_which_can_fund_the_next() {
    let story = Story::agreed()
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(|milestone| milestone.funding_failed(&Actor::System, id(1)))
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(2)))
        .on(|milestone| milestone.funded(&Actor::System, day(0), id(2), usd(10_300), None))
        .on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_300), None));
    assert_eq!((story.status(), story.money()), ("funded", [10_000, 0, 0, 10_300, 300, 0]));
    let next = || Milestone::agreed(id(2), deal(), draft(10_000)).next;
    let short = next().fund_from_credit(&ada(), day(0), None, &Credit::of_none(usd(10_299)), None).unwrap_err();
    assert_eq!(short, Refusal::Insufficient { available: usd(10_299), asked: usd(10_300) });
    let funded = next().fund_from_credit(&ada(), day(0), None, &Credit::of_none(usd(10_300)), None).unwrap();
    assert_eq!(funded.next.status(), Status::Funded);
    assert_eq!(funded.entries[0].effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd), -10_300);
}

#[test]
fn an_offer_that_comes_to_nothing_gives_the_funding_back_whole() {
    let deal = Deal { contract: None, offer: Some(id(1)), ..deal() };
    let funded = Story::begins(Milestone::agreed(id(1), deal, draft(10_000)))
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_300), None));
    assert!(funded.clocks.is_empty() && funded.milestone.allowed(&lin()).is_empty());
    let joined = funded.milestone.clone().joins(id(7), day(5)).next;
    assert!(joined.allowed(&lin()).contains(&Verb::MilestoneSubmit));
    assert!(!joined.clone().unwind(&Actor::System, day(6)).unwrap().changed);
    let unwound = funded
        .on(|milestone| milestone.unwind(&Actor::System, day(7)))
        .on(|milestone| milestone.unwind(&Actor::System, day(7)));
    assert_eq!((unwound.status(), unwound.money()), ("refunded", [0, 0, 0, 10_300, 0, 0]));
}

#[test]
fn a_refund_is_agreed_to_refused_or_decided_by_silence() {
    let asked = || Story::funded().on(|milestone| milestone.request_refund(&ada(), day(1), None, None));
    let agreed = asked().on(|milestone| milestone.agree_refund(&lin(), day(2), None));
    assert_eq!((agreed.status(), agreed.money()), ("refunded", [0, 0, 0, 10_300, 0, 0]));
    let refused = asked().on(|milestone| milestone.refuse_refund(&lin(), day(3), None));
    assert!(matches!(refused.milestone.state, State::Funded { idle_since, .. } if idle_since == day(2)));
    let early = asked().on(|milestone| milestone.resolve_refund(&Actor::System, day(7), id(1), false));
    assert_eq!(early.status(), "refund_requested");
    let silent = asked().on(|milestone| milestone.resolve_refund(&Actor::System, day(8), id(1), false));
    assert_eq!((silent.status(), silent.money()[3]), ("refunded", 10_300));
    // Something was submitted once: silence is no consent.
    let worked = Story::submitted()
        .on(|milestone| milestone.request_changes(&ada(), day(2), None, "No"))
        .on(|milestone| milestone.request_refund(&ada(), day(3), None, None))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(10), id(1), false));
    assert_eq!((worked.status(), worked.money()[0]), ("disputed", 10_000));
}

#[test]
fn silence_is_no_consent_to_a_refund_where_work_was_submitted_even_if_no_changes_were_asked_for() {
    let story = Story::submitted()
        .on(|milestone| milestone.approve(&ada(), day(2), None, Approval::Part(usd(4_000))))
        .on(|milestone| milestone.request_refund(&ada(), day(3), None, None))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(10), id(1), false));
    assert_eq!((story.status(), story.money()[0]), ("disputed", 6_000));
}

#[test]
fn a_client_fee_that_is_not_returned_stays_ours() {
    let kept = Terms { client_fee_returned: false, ..Terms::default() };
    let deal = Deal { terms: kept, ..deal() };
    let story = Story::begins(Milestone::agreed(id(1), deal, draft(10_000)))
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(10_300), None))
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, None))
        .on(|milestone| milestone.agree_refund(&lin(), day(2), None));
    assert_eq!((story.status(), story.money()), ("refunded", [0, 0, 0, 10_000, 300, 0]));
}

#[test]
fn what_is_handed_over_is_neither_all_nor_nothing() {
    for (cents, taken) in [(0, false), (1, true), (9_999, true), (10_000, false), (10_001, false)] {
        let next = Milestone::agreed(id(2), deal(), draft(5_000)).next;
        let change = Story::submitted().milestone.approve_and_hand_over(next, &ada(), day(2), None, usd(cents));
        assert_eq!(change.is_ok(), taken, "{cents}: {change:?}");
    }
}

#[test]
fn a_refund_request_resumed_after_a_chargeback_asks_for_what_is_left() {
    let story = Story::funded()
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, None))
        .on(|milestone| milestone.dispute(&lin(), day(2), None, id(1)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(3), id(1), "dp_1", usd(4_000)))
        .on(|milestone| milestone.resume(&Actor::System, day(4), id(1)))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(10), id(2), false));
    assert_eq!((story.status(), story.money()[0]), ("refunded", 0));
}

#[test]
fn part_of_the_money_is_refunded_and_work_goes_on_with_the_rest() {
    let story = Story::funded()
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, Some(usd(2_500))))
        .on(|milestone| milestone.agree_refund(&lin(), day(2), None));
    assert_eq!((story.status(), story.money()), ("funded", [7_500, 0, 0, 2_575, 225, 0]));
}

#[test]
fn a_dispute_in_the_hold_takes_the_money_back_into_escrow_and_can_be_withdrawn() {
    let story = Story::approved().on(|milestone| milestone.dispute(&ada(), day(4), None, id(1)));
    assert_eq!((story.status(), story.money()), ("disputed", [10_000, 0, 0, 0, 300, 0]));
    assert!(story.clocks.is_empty());
    let released = story.milestone.clone().release(&Actor::System, day(30)).unwrap();
    assert!(!released.changed);
    let resumed = story
        .on(|milestone| milestone.resume(&Actor::System, day(14), id(1)))
        .on(|milestone| milestone.release(&Actor::System, day(16)));
    assert_eq!((resumed.status(), resumed.money()), ("approved", [0, 9_500, 0, 0, 800, 0]));
    let released = resumed.on(|milestone| milestone.release(&Actor::System, day(17)));
    assert_eq!(released.status(), "released");
}

#[test]
fn a_dispute_is_settled_once_and_every_cent_finds_an_owner() {
    for (to, status, money) in [
        (10_000, "released", [0, 0, 9_500, 0, 800, 0]),
        (99_999, "released", [0, 0, 9_500, 0, 800, 0]),
        (0, "refunded", [0, 0, 0, 10_300, 0, 0]),
        (3_333, "split", [0, 0, 3_166, 6_867, 267, 0]),
    ] {
        let settle = |milestone: Milestone| milestone.settle(&Actor::System, day(9), id(1), award(to, 10_000, false));
        let story = Story::disputed().on(settle).on(settle);
        assert_eq!((story.status(), story.money()), (status, money), "{to}");
        assert_eq!(story.entries.iter().filter(|entry| entry.reason == Reason::Award).count(), 1);
    }
}

#[test]
fn what_the_two_sides_agree_on_in_a_dispute_is_held_as_what_was_approved_is() {
    let agreed =
        |to| move |milestone: Milestone| milestone.settle(&Actor::System, day(9), id(1), award(to, 10_000, true));
    for (award, over, money) in
        [(10_000, "released", [0, 0, 9_500, 0, 800, 0]), (3_333, "split", [0, 0, 3_166, 6_867, 267, 0])]
    {
        let story = Story::disputed().on(agreed(award));
        assert_eq!((story.status(), story.money()[1]), ("approved", money[2]), "{award}: it is pending");
        let again = story.milestone.clone().dispute(&ada(), day(10), None, id(2));
        assert!(matches!(again.unwrap_err(), Refusal::WrongState { .. }), "there is nothing to dispute any more");
        let release = |at: i64| move |milestone: Milestone| milestone.release(&Actor::System, day(at));
        let story = story.on(release(13));
        assert_eq!(story.status(), "approved");
        let story = story.on(release(14));
        assert_eq!((story.status(), story.money()), (over, money), "{award}");
    }
    let nothing = Story::disputed().on(agreed(0));
    assert_eq!(nothing.status(), "refunded");
}

#[test]
fn clocks_stand_still_in_a_dispute() {
    let story = Story::disputed().on(|milestone| milestone.auto_approve(&Actor::System, day(40), false));
    assert_eq!(story.status(), "disputed");
    let story = story.on(|milestone| milestone.resume(&Actor::System, day(12), id(1)));
    assert!(matches!(story.milestone.state, State::Submitted { approves_at, .. } if approves_at == day(25)));
}

#[test]
fn what_ran_before_a_refund_was_asked_for_stands_still_in_a_dispute_over_that_too() {
    let age = |at: i64| move |milestone: Milestone| milestone.age(&Actor::System, day(at), false);
    let story = Story::funded()
        .on(age(76))
        .on(age(83))
        .on(age(90))
        .on(|milestone| milestone.request_refund(&ada(), day(98), None, None))
        .on(|milestone| milestone.dispute(&lin(), day(99), None, id(1)))
        .on(|milestone| milestone.resume(&Actor::System, day(105), id(1)))
        .on(|milestone| milestone.refuse_refund(&lin(), day(105), None));
    let State::Dormant { refunds_at, .. } = story.milestone.state else { panic!("{:?}", story.milestone.state) };
    assert_eq!(refunds_at, day(111), "it would have been six days later, and stood still for seven");
}

#[test]
fn a_dispute_that_silence_opened_can_be_withdrawn_and_is_not_opened_again() {
    let story = Story::submitted()
        .on(|milestone| milestone.request_changes(&ada(), day(1), None, "No"))
        .on(|milestone| milestone.request_refund(&ada(), day(2), None, None))
        .on(|milestone| milestone.resolve_refund(&Actor::System, day(9), id(1), false));
    assert_eq!(story.status(), "disputed");
    let story = story.on(|milestone| milestone.resume(&Actor::System, day(10), id(1)));
    assert_eq!(story.status(), "changes_requested");
    assert!(!story.clocks.iter().any(|(timer, _)| matches!(timer, Timer::ResolveRefundRequest(_))));
}

#[test]
fn an_idle_milestone_goes_dormant_and_silence_refunds_it() {
    let age = |at: i64| move |milestone: Milestone| milestone.age(&Actor::System, day(at), false);
    let story = Story::funded().on(age(75)).on(age(76)).on(age(83)).on(age(90));
    assert_eq!(story.status(), "dormant");
    let notices = story.events.iter().filter(|event| matches!(event, Event::MilestoneIdle { .. })).count();
    assert_eq!(notices, 2);
    let kept = Story {
        milestone: story.milestone.clone(),
        clocks: story.clocks.clone(),
        entries: story.entries.clone(),
        events: vec![],
    }
    .on(|milestone| milestone.keep(&lin(), day(95), None));
    assert!(matches!(kept.milestone.state, State::Funded { idle_since, .. } if idle_since == day(95)));
    let silent = story.on(age(103)).on(age(104));
    assert_eq!((silent.status(), silent.money()[3]), ("refunded", 10_300));
}

/// One that waits for money, and was handed 40 dollars.
fn handed_over() -> Milestone {
    let other = Milestone::agreed(id(2), deal(), draft(10_000)).next;
    let other = other.start_funding(&ada(), day(0), None, id(9)).unwrap().next;
    let other = other.funded(&Actor::System, day(0), id(9), usd(10_300), None).unwrap().next;
    let other = other.submit(&lin(), day(1), None, id(1)).unwrap().next;
    let waiting = Milestone::agreed(id(1), deal(), draft(10_000)).next;
    other.approve_and_hand_over(waiting, &ada(), day(2), None, usd(6_000)).unwrap().next.1
}

#[test]
fn money_handed_to_what_waits_for_more_is_in_reach_of_both_sides_and_of_silence() {
    let system = Actor::System;
    let waiting = handed_over();
    for side in [ada(), lin()] {
        let allowed = waiting.allowed(&side);
        assert!(allowed.contains(&Verb::MilestoneDispute) && !allowed.contains(&Verb::MilestoneSubmit), "{allowed:?}");
        let disputed = waiting.clone().dispute(&side, day(3), None, id(5)).unwrap().next;
        assert!(disputed.clocks().is_empty());
        let resumed = disputed.clone().resume(&system, day(13), id(5)).unwrap().next;
        assert_eq!(resumed.clocks(), [(Timer::DormancyMilestone(id(1)), day(88))], "and goes on where it stood");
        let settled = disputed.settle(&system, day(13), id(5), award(1_000, 4_000, false)).unwrap().next;
        assert_eq!((settled.status(), settled.escrow.held()), (Status::Split, usd(0)));
    }
    let age = |milestone: Milestone, at| milestone.age(&system, day(at), false).unwrap();
    let silent = [77, 78, 85].into_iter().fold(waiting, |milestone, at| age(milestone, at).next);
    let asked = age(silent, 92);
    assert!(matches!(asked.events[..], [Event::MilestoneDormant { refunds_at, .. }] if refunds_at == day(99)));
    assert_eq!(asked.next.status(), Status::RefundRequested);
    let refused = asked.next.clone().refuse_refund(&lin(), day(95), None).unwrap().next;
    assert_eq!(refused.clocks(), [(Timer::DormancyMilestone(id(1)), day(95 + 76))], "the time counts anew");
    let refunded = asked.next.resolve_refund(&system, day(99), id(6), false).unwrap().next;
    assert_eq!((refunded.status(), refunded.escrow.held()), (Status::Refunded, usd(0)));
}

#[test]
fn a_payment_that_fails_leaves_what_was_handed_over_with_a_clock() {
    let funding = handed_over().start_funding(&ada(), day(5), None, id(1)).unwrap().next;
    let State::Funding { expires_at, .. } = funding.state else { panic!("{:?}", funding.state) };
    let due = [(Timer::DormancyMilestone(id(1)), expires_at + TimeDelta::days(76))];
    assert_eq!(funding.clone().funding_failed(&Actor::System, id(1)).unwrap().next.clocks(), due);
    let short = funding.funded(&Actor::System, day(6), id(1), usd(1), None).unwrap().next;
    assert_eq!((short.status(), short.clocks()), (Status::Agreed, due.to_vec()), "what does not fit is credit");
}

#[test]
fn changes_nobody_makes_come_to_a_refund_request_and_then_to_a_dispute() {
    let age = |at: i64| move |milestone: Milestone| milestone.age(&Actor::System, day(at), false);
    let waiting = || Story::submitted().on(|milestone| milestone.request_changes(&ada(), day(2), None, "No"));
    assert_eq!(waiting().clocks, [(Timer::DormancyMilestone(id(1)), day(78))]);
    let kept = waiting().on(age(78)).on(|milestone| milestone.keep(&lin(), day(80), None));
    assert_eq!(
        (kept.status(), &kept.clocks[..]),
        ("changes_requested", &[(Timer::DormancyMilestone(id(1)), day(156))][..])
    );
    let asked = waiting().on(age(78)).on(age(85)).on(age(92));
    assert_eq!(asked.status(), "refund_requested");
    let disputed = asked.on(|milestone| milestone.resolve_refund(&Actor::System, day(99), id(3), false));
    assert_eq!(disputed.status(), "disputed", "something was handed in, so silence alone takes nothing");
    // A row of before said nothing of how long it waits.
    let mut before = waiting().milestone;
    if let State::ChangesRequested { idle, .. } = &mut before.state {
        *idle = None;
    }
    assert_eq!(before.clocks(), [(Timer::DormancyMilestone(id(1)), day(78))]);
}

#[test]
fn a_freelancer_gives_back_no_more_than_was_paid_and_is_there_and_in_time() {
    let released = || Story::approved().on(|milestone| milestone.release(&Actor::System, day(7)));
    let version = released().milestone.version;
    let give =
        |on, cents, available| released().milestone.refund_after(&lin(), day(on), version, usd(cents), usd(available));
    assert_eq!(give(8, 501, 500).unwrap_err(), Refusal::Insufficient { available: usd(500), asked: usd(501) });
    assert_eq!(give(8, 9_501, 99_999).unwrap_err(), Refusal::Insufficient { available: usd(9_500), asked: usd(9_501) });
    assert!(matches!(give(187, 1, 9_500).unwrap_err(), Refusal::Rule { .. }));
    assert!(matches!(give(8, 0, 9_500).unwrap_err(), Refusal::Invalid { .. }));
    let story = released().on(|milestone| milestone.refund_after(&lin(), day(186), version, usd(500), usd(500)));
    assert_eq!((story.status(), story.money()), ("refunded_after", [0, 0, 9_000, 500, 800, 0]));
    let again = story.refuses(|milestone| milestone.refund_after(&lin(), day(8), version, usd(500), usd(9_000)));
    assert_eq!(again, Refusal::Stale { expected: version, actual: version + 1 });
}

#[test]
fn a_chargeback_takes_what_there_is_and_we_bear_the_rest() {
    let back = |milestone: Milestone| milestone.charge_back(&Actor::System, day(5), id(1), "dp_1", usd(10_300));
    for (story, money, what) in [
        (Story::submitted(), [0, 0, 0, 0, 300, -300], "from escrow"),
        (Story::disputed(), [0, 0, 0, 0, 300, -300], "while disputed"),
        (Story::approved(), [0, 0, 0, 0, 800, -800], "from pending"),
        (
            Story::approved().on(|milestone| milestone.release(&Actor::System, day(7))),
            [0, 0, 9_500, 0, 800, -10_300],
            "after release",
        ),
    ] {
        let story = story.on(back).on(back);
        assert_eq!((story.status(), story.money()), ("charged_back", money), "{what}");
        assert!(story.clocks.is_empty());
    }
    let early = Story::agreed()
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(back)
        .on(back)
        .on(|milestone| milestone.funded(&Actor::System, day(6), id(1), usd(10_300), None))
        .on(back);
    assert_eq!((early.status(), early.money()), ("charged_back", [0, 0, 0, 0, 300, -300]));
    // A payment that only becomes credit takes its early chargeback out of that credit, not out of
    // the escrow that another payment filled, and not out of a dispute.
    let credited = Story::disputed()
        .on(|milestone| milestone.charge_back(&Actor::System, day(5), id(9), "dp_9", usd(4_000)))
        .on(|milestone| milestone.funded(&Actor::System, day(6), id(9), usd(5_000), None))
        .on(|milestone| milestone.funded(&Actor::System, day(6), id(9), usd(5_000), None))
        .on(|milestone| milestone.charge_back(&Actor::System, day(7), id(9), "dp_9", usd(4_000)));
    assert_eq!((credited.status(), credited.money()), ("disputed", [10_000, 0, 0, 1_000, 300, 0]));
    // Two of them, both before the payment: both count when it comes.
    let part = |reference: &'static str, cents| {
        move |milestone: Milestone| milestone.charge_back(&Actor::System, day(5), id(1), reference, usd(cents))
    };
    let both = Story::agreed()
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(part("dp_1", 4_000))
        .on(part("dp_2", 5_000))
        .on(|milestone| milestone.funded(&Actor::System, day(6), id(1), usd(10_300), None));
    assert_eq!((both.status(), both.money()[0]), ("funded", 1_000));
}

#[test]
fn after_a_partial_chargeback_work_goes_on_with_what_is_left() {
    let story =
        Story::submitted().on(|milestone| milestone.charge_back(&Actor::System, day(5), id(1), "dp_1", usd(4_000)));
    assert_eq!((story.status(), story.money()), ("submitted", [6_000, 0, 0, 0, 300, 0]));
    let kept = Milestone {
        terms: Terms { chargeback_takes_pending: false, ..Terms::default() },
        ..Story::approved().milestone
    };
    let change = kept.charge_back(&Actor::System, day(5), id(1), "dp_1", usd(10_300)).unwrap();
    assert_eq!(change.entries[0].effect_on(LedgerAccount::Losses, Currency::Usd), -10_300);
    assert_eq!(change.next.status(), Status::Approved);
}

/// A chargeback of a payment of `own` with this much credit and these milestones in reach.
fn reaching(own: &Milestone, payment: u128, cents: i64, credit: i64, others: &[&Milestone]) -> Change<Vec<Milestone>> {
    let reach = Reach { credit: usd(credit), milestones: others.iter().map(|&other| other.clone()).collect() };
    let taken = Taken { payment: id(payment), reference: "dp", amount: usd(cents) };
    own.clone().charge_back_reaching(reach, &Actor::System, day(3), &taken).unwrap()
}

/// What entries do to: escrow of the first and the second milestone, pending, available, credit, our losses.
fn effects(entries: &[JournalEntry]) -> [i64; 6] {
    [
        LedgerAccount::Escrow(id(1)),
        LedgerAccount::Escrow(id(2)),
        LedgerAccount::Pending(id(1)),
        LedgerAccount::Available(id(1)),
        LedgerAccount::ClientCredit(id(1)),
        LedgerAccount::Losses,
    ]
    .map(|account| entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum())
}

/// A milestone that was paid for out of credit, which had come with this payment.
fn paid_with(payment: u128, cents: i64, at: Timestamp) -> Change<Milestone> {
    let credit = Credit::of_parts(Currency::Usd, vec![(Some(id(payment)), usd(50_000))]);
    Milestone::agreed(id(2), deal(), draft(cents)).next.fund_from_credit(&ada(), at, None, &credit, None).unwrap()
}

fn won(milestone: &Milestone, payment: u128, goes_on: bool) -> Change<Milestone> {
    milestone.clone().charge_back_won(&Actor::System, day(9), id(payment), "dp", goes_on).unwrap()
}

#[test]
fn a_chargeback_follows_its_own_money_to_where_it_was_handed_on_and_takes_no_other() {
    let other =
        Milestone::agreed(id(2), deal(), draft(5_000)).next.start_funding(&ada(), day(0), None, id(2)).unwrap().next;
    let other = other.funded(&Actor::System, day(0), id(2), usd(5_150), None).unwrap().next;
    let part = Story::submitted().milestone.approve_and_hand_over(other, &ada(), day(2), None, usd(4_000)).unwrap();
    let (first, second) = part.next;
    assert_eq!((first.escrow.held(), second.escrow.held()), (usd(0), usd(11_000)));
    let change = reaching(&first, 1, 10_300, 0, &[&second]);
    assert_eq!(effects(&change.entries), [0, -6_000, -3_800, 0, 0, -500]);
    let (first, second) = (&change.next[0], &change.next[1]);
    assert_eq!(
        (first.status(), second.status(), second.escrow.held()),
        (Status::ChargedBack, Status::Funded, usd(5_000))
    );
    assert!(!reaching(first, 1, 10_300, 0, &[second]).changed, "told twice");
    // The bank gives it back: it is where it was, and what was pending need not wait any more.
    let (first, second) = (won(first, 1, true), won(second, 1, true));
    let entries = [first.entries, second.entries].concat();
    assert_eq!(effects(&entries), [0, 6_000, 0, 3_800, 0, 500]);
    assert_eq!((first.next.status(), second.next.escrow.held()), (Status::Released, usd(11_000)));
    assert!(!won(&first.next, 1, true).changed && !won(&second.next, 1, true).changed, "told twice");
    // And could be taken again, from the same place.
    let again = Taken { payment: id(1), reference: "dp_2", amount: usd(6_000) };
    let reach = Reach { credit: usd(0), milestones: vec![second.next] };
    let again = first.next.charge_back_reaching(reach, &Actor::System, day(9), &again).unwrap();
    assert_eq!(effects(&again.entries), [0, -6_000, 0, 0, 0, 0]);
}

#[test]
fn a_chargeback_of_what_became_credit_takes_that_then_what_it_paid_for_and_then_our_own() {
    let own =
        Story::funded().on(|milestone| milestone.funded(&Actor::System, day(1), id(9), usd(5_000), None)).milestone;
    let paid = paid_with(9, 3_000, day(1)).next;
    let change = reaching(&own, 9, 5_000, 1_910, &[&paid]);
    assert_eq!(effects(&change.entries), [0, -3_000, 0, 0, -1_910, -90], "not what the first payment paid for");
    let (own, paid) = (&change.next[0], &change.next[1]);
    assert_eq!((own.status(), paid.status()), (Status::Funded, Status::ChargedBack));
    for (goes_on, status, expected) in
        [(true, Status::Funded, [0, 3_000, 0, 0, 1_910, 90]), (false, Status::ChargedBack, [0, 0, 0, 0, 5_000, 90])]
    {
        let (own, paid) = (won(own, 9, goes_on), won(paid, 9, goes_on));
        assert_eq!(effects(&[own.entries, paid.entries].concat()), expected);
        assert_eq!((own.next.status(), paid.next.status()), (Status::Funded, status));
    }
    // A payment that did its work does not reach what another one's credit paid for.
    let paid = paid_with(9, 3_000, day(1)).next;
    let change = reaching(&Story::funded().milestone, 1, 10_300, 0, &[&paid]);
    assert_eq!(effects(&change.entries), [-10_000, 0, 0, 0, 0, -300]);
    // What was released of it can be taken while it is pending.
    let paid = paid.submit(&lin(), day(1), None, id(1)).unwrap().next;
    let approved = paid.approve(&ada(), day(2), None, Approval::Whole).unwrap().next;
    let own =
        Story::funded().on(|milestone| milestone.funded(&Actor::System, day(1), id(9), usd(5_000), None)).milestone;
    let change = reaching(&own, 9, 5_000, 0, &[&approved]);
    assert_eq!(effects(&change.entries), [0, 0, -2_850, 0, 0, -2_150], "less our fee, which we bear");
    let back: Vec<_> = change.next.iter().flat_map(|milestone| won(milestone, 9, true).entries).collect();
    assert_eq!(effects(&back), [0, 0, 0, 2_850, 0, 2_150]);
}

#[test]
fn who_was_refunded_and_goes_to_the_bank_as_well_is_not_paid_twice() {
    let refunded = Story::funded()
        .on(|milestone| milestone.request_refund(&ada(), day(1), None, Some(usd(4_000))))
        .on(|milestone| milestone.agree_refund(&lin(), day(1), None))
        .milestone;
    let change = reaching(&refunded, 1, 10_300, 4_120, &[]);
    assert_eq!(effects(&change.entries), [-6_000, 0, 0, 0, -4_120, -180]);
    // What was spent of it is not there any more.
    let change = reaching(&refunded, 1, 10_300, 1_000, &[]);
    assert_eq!(effects(&change.entries), [-6_000, 0, 0, 0, -1_000, -3_300]);
    let again = Taken { payment: id(1), reference: "dp_2", amount: usd(100) };
    let reach = Reach { credit: usd(0), milestones: vec![] };
    let again = change.next[0].clone().charge_back_reaching(reach, &Actor::System, day(4), &again).unwrap();
    assert_eq!(effects(&again.entries), [0, 0, 0, 0, 0, -100]);
}

#[test]
fn what_was_handed_in_is_judged_when_a_bank_gives_its_money_back_though_the_contract_has_ended() {
    let taken = |milestone: Milestone| milestone.charge_back(&Actor::System, day(5), id(1), "dp", usd(10_300));
    let back = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(40), id(1), "dp", false);
    for (story, status) in [(Story::submitted(), "submitted"), (Story::disputed(), "submitted")] {
        let lost = story.on(taken);
        assert_eq!(lost.status(), "charged_back");
        let won = lost.on(back);
        assert_eq!((won.status(), won.money()[0]), (status, 10_000), "no client has both the work and the money");
        let State::Submitted { approves_at, .. } = won.milestone.state else { panic!() };
        assert!(approves_at > day(40), "the time for looking at it goes on where it stood");
        let approved = won.on(|milestone| milestone.auto_approve(&Actor::System, approves_at, false));
        assert_eq!(approved.status(), "approved");
    }
    let disputed = Story::approved().on(|milestone| milestone.dispute(&ada(), day(3), None, id(1)));
    let won = disputed.on(taken).on(back);
    assert_eq!((won.status(), won.money()[..2].to_vec()), ("approved", vec![0, 9_500]), "it is held as it was");
    // What nobody worked on by then goes back to the client.
    let won = Story::funded().on(taken).on(back);
    assert_eq!((won.status(), won.money()), ("charged_back", [0, 0, 0, 10_300, 0, 0]));
}

#[test]
fn what_was_approved_or_awarded_while_a_bank_had_it_is_the_freelancers_when_it_comes_back() {
    let taken = |milestone: Milestone| milestone.charge_back(&Actor::System, day(5), id(1), "dp", usd(6_000));
    let back = |milestone: Milestone| milestone.charge_back_won(&Actor::System, day(40), id(1), "dp", false);
    let approved = Story::submitted()
        .on(taken)
        .on(|milestone| milestone.approve(&ada(), day(6), None, Approval::Whole))
        .on(|milestone| milestone.release(&Actor::System, day(11)));
    assert_eq!((approved.status(), approved.money()[2]), ("released", 3_800));
    assert_eq!(approved.on(back).money(), [0, 0, 9_500, 0, 800, 0]);
    // Of an award of 8,000 the bank had left 4,000; what is over goes to the client.
    let settle = |milestone: Milestone| milestone.settle(&Actor::System, day(9), id(1), award(8_000, 10_000, false));
    let awarded = Story::disputed().on(taken).on(settle);
    assert_eq!(awarded.money()[2], 3_800);
    assert_eq!(awarded.on(back).money(), [0, 0, 7_600, 2_060, 640, 0]);
}

#[test]
fn a_chargeback_that_is_won_before_it_is_heard_of_does_nothing() {
    let early = won(&Story::funded().milestone, 1, true);
    assert!(early.entries.is_empty() && early.events.is_empty());
    let late = early.next.charge_back(&Actor::System, day(9), id(1), "dp", usd(10_300)).unwrap();
    assert!(!late.changed && late.next.escrow.held() == usd(10_000));
    let waiting = Story::agreed()
        .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
        .on(|milestone| milestone.charge_back(&Actor::System, day(1), id(1), "dp", usd(10_300)));
    let funded =
        won(&waiting.milestone, 1, true).next.funded(&Actor::System, day(9), id(1), usd(10_300), None).unwrap();
    assert_eq!((funded.next.status(), funded.next.escrow.held()), (Status::Funded, usd(10_000)));
}

#[test]
fn a_bonus_is_released_without_work_and_a_tip_without_a_fee() {
    for (kind, pending) in [(Kind::Bonus, 1_900), (Kind::Tip, 2_000)] {
        let given = Milestone::give(&ada(), id(1), deal(), draft(2_000), kind).unwrap();
        let story = Story::begins(given)
            .on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1)))
            .on(|milestone| milestone.funded(&Actor::System, day(0), id(1), usd(2_060), None));
        assert_eq!((story.status(), story.money()[1]), ("approved", pending), "{kind:?}");
        let by_silence = |event: &Event| matches!(event, Event::MilestoneApproved { automatic: true, .. });
        assert!(!story.events.iter().any(by_silence), "giving is a yes: {kind:?}");
    }
    assert_eq!(
        Milestone::give(&lin(), id(1), deal(), draft(2_000), Kind::Bonus).unwrap_err(),
        Denied::NotAllowed.into()
    );
}

#[test]
fn an_outage_moves_deadlines_later_up_to_the_cap() {
    let story = Story::submitted()
        .on(|milestone| milestone.extend(&Actor::System, 48))
        .on(|milestone| milestone.extend(&Actor::System, 48))
        .on(|milestone| milestone.extend(&Actor::System, 48));
    assert!(matches!(story.milestone.state, State::Submitted { approves_at, .. } if approves_at == day(15 + 3)));
}

#[test]
fn proposals_are_agreed_to_by_the_other_side() {
    let proposed = || Story::begins(Milestone::propose(&lin(), id(1), deal(), draft(500)).unwrap());
    let refusal = proposed().refuses(|milestone| milestone.agree(&lin(), None));
    assert_eq!(refusal, Refusal::wrong_state("milestone", "proposed", vec![Verb::MilestoneCancel]));
    assert_eq!(proposed().on(|milestone| milestone.agree(&ada(), None)).status(), "agreed");
    assert_eq!(proposed().on(|milestone| milestone.cancel(&ada(), day(0), None)).status(), "cancelled");
    let hidden = Milestone::propose(&stranger(), id(1), deal(), draft(500)).unwrap_err();
    assert_eq!(hidden, Refusal::HIDDEN);
}

#[test]
fn a_refusal_says_who_what_version_and_state_in_that_order() {
    let stale = Some(1);
    let submit = |story: Story, actor: &Actor| story.refuses(|milestone| milestone.submit(actor, day(1), stale, id(9)));
    assert_eq!(submit(Story::approved(), &stranger()), Refusal::HIDDEN);
    assert_eq!(submit(Story::approved(), &Actor::Nobody), Denied::SignIn.into());
    assert_eq!(submit(Story::approved(), &ada()), Denied::NotAllowed.into());
    assert!(matches!(submit(Story::approved(), &lin()), Refusal::Stale { expected: 1, .. }));
    let refusal = Story::approved().refuses(|milestone| milestone.submit(&lin(), day(1), None, id(9)));
    assert_eq!(refusal, Refusal::wrong_state("milestone", "approved", vec![Verb::MilestoneDispute]));
    let viewer = member(MemberRole::Viewer);
    assert!(Story::submitted().milestone.allowed(&viewer).is_empty());
}

#[test]
fn a_milestone_survives_the_round_trip_through_json() {
    for story in [Story::approved(), Story::disputed(), Story::agreed()] {
        let json = serde_json::to_string(&story.milestone).unwrap();
        assert_eq!(serde_json::from_str::<Milestone>(&json).unwrap(), story.milestone);
    }
}

#[test]
fn a_draft_tells_all_its_faults_at_once() {
    let refusal = MilestoneDraft::parse("", &"x".repeat(5_001), usd(99), None, &Terms::default()).unwrap_err();
    let Refusal::Invalid { fields } = refusal else { panic!("{refusal:?}") };
    let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["title", "description", "amount"]);
}

#[test]
fn a_chargeback_takes_nothing_pending_that_another_payment_paid_for() {
    let other =
        Milestone::agreed(id(2), deal(), draft(5_000)).next.start_funding(&ada(), day(0), None, id(2)).unwrap().next;
    let other = other.funded(&Actor::System, day(0), id(2), usd(5_150), None).unwrap().next;
    let part = Story::submitted().milestone.approve_and_hand_over(other, &ada(), day(2), None, usd(4_000)).unwrap();
    // The second payment's 5,000 came first, so it is released first; then the 6,000 of the first payment.
    let own = part.next.1.submit(&lin(), day(2), None, id(9)).unwrap().next;
    let own = own.approve(&ada(), day(3), None, Approval::Part(usd(5_000))).unwrap().next;
    let waits = reaching(&own, 2, 5_150, 0, &[]);
    assert_eq!(effects(&waits.entries), [0, 0, -4_750, 0, 0, -400], "its own is taken while it is pending");
    let own = own.release(&Actor::System, day(40)).unwrap().next;
    let own = own.submit(&lin(), day(40), None, id(10)).unwrap().next;
    let own = own.approve(&ada(), day(41), None, Approval::Whole).unwrap().next;
    assert_eq!(own.holds.iter().map(|hold| hold.share.net).collect::<Vec<_>>(), [usd(5_700)]);
    let late = reaching(&own, 2, 5_150, 0, &[]);
    assert_eq!(effects(&late.entries), [0, 0, 0, 0, 0, -5_150], "what is pending now came with another payment");
    assert_eq!(late.next[0].holds, own.holds);
}

#[test]
fn what_a_bank_gave_back_can_be_refunded_with_the_fee() {
    let own = reaching(&Story::funded().milestone, 1, 10_300, 0, &[]).next.remove(0);
    let own = won(&own, 1, true).next;
    let asked = own.request_refund(&ada(), day(10), None, None).unwrap().next;
    let refunded = asked.agree_refund(&lin(), day(10), None).unwrap();
    assert_eq!(effects(&refunded.entries)[4], 10_300);
}

#[test]
fn a_payment_that_is_with_the_bank_is_waited_for() {
    let funding = Story::agreed().on(|milestone| milestone.start_funding(&ada(), day(0), None, id(1))).milestone;
    assert!(!funding.clone().expire_funding(&Actor::System, day(0), true).unwrap().changed);
    let waits = funding.expire_funding(&Actor::System, day(1), true).unwrap();
    assert!(waits.events.is_empty(), "nothing has failed");
    assert_eq!(waits.next.clocks(), [(Timer::ExpireFunding(id(1)), day(2))]);
    let came = waits.next.funded(&Actor::System, day(4), id(1), usd(10_300), None).unwrap().next;
    assert_eq!(came.status(), Status::Funded);
}
