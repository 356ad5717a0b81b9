use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::access::{Denied, MemberRole, Person, Staff};
use crate::bearer::{self, Bearer};
use crate::credit::Credit;
use crate::id::{Id, TimeEntryId};
use crate::milestone::{Deal, MilestoneDraft, Status};
use crate::money::Currency;
use crate::timesheet::{Hourly, TimeEntry};

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

/// Monday 5 January 2026, and so many days later.
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
    person(2, vec![(id(1), MemberRole::Owner)], None)
}

fn mediator(n: u128) -> Actor {
    person(n, vec![], Some(Staff::Mediator))
}

fn submitted(cents: i64) -> Milestone {
    let terms = Terms::default();
    let draft = MilestoneDraft::parse("Landing page", "", usd(cents), None, &terms).unwrap();
    let deal = Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms };
    let milestone = Milestone::agreed(id(1), deal, draft).next;
    let milestone = milestone.start_funding(&ada(), day(0), None, id(1)).unwrap().next;
    let paid = milestone.quote().unwrap().client_pays;
    let milestone = milestone.funded(&Actor::System, day(0), id(1), paid, None).unwrap().next;
    milestone.submit(&lin(), day(0), None, id(1)).unwrap().next
}

fn claim(cents: Option<i64>) -> Claim {
    Claim { reason: "It does not work on a phone".into(), amount: cents.map(usd) }
}

fn verdict(cents: i64) -> Verdict {
    Verdict { to_freelancer: usd(cents), reason: "Half of the pages work".into() }
}

fn told(by: Option<Side>) -> OfDispute {
    OfDispute { dispute: id(1), contract: Some(id(1)), milestone: Some(id(1)), by }
}

/// The client claims 600 of 1,000 dollars back: the freelancer would get 400.
fn opened() -> (Dispute, Case) {
    let change = open(submitted(100_000), &ada(), day(1), None, id(1), claim(Some(60_000))).unwrap();
    let (dispute, milestone) = change.next;
    (dispute, Case::Milestone(milestone))
}

fn answered() -> (Dispute, Case) {
    let (dispute, case) = opened();
    (dispute.answer(&lin(), day(2), None, "It does").unwrap().next, case)
}

fn recommended() -> (Dispute, Case) {
    let (dispute, case) = answered();
    (dispute.recommend(&mediator(7), day(3), None, verdict(70_000), false).unwrap().next, case)
}

fn arbitration() -> (Dispute, Case) {
    let (dispute, case) = recommended();
    (dispute.refuse(&ada(), day(4), None).unwrap().next, case)
}

/// How it was decided, what the freelancer got, and what one entry moved to freelancer, client and fees.
fn ending(change: Disputed) -> (Outcome, i64, [i64; 3]) {
    let DisputeState::Executed { outcome, to_freelancer, .. } = change.next.0.state else {
        panic!("{:?}", change.next.0.state)
    };
    assert!(change.next.0.clocks().is_empty());
    assert_eq!(change.entries.len(), 1, "the award is one entry");
    let entry = &change.entries[0];
    assert_eq!(entry.effect_on(LedgerAccount::Escrow(id(1)), Currency::Usd), -100_000);
    let effect = |account| entry.effect_on(account, Currency::Usd);
    let paid = [LedgerAccount::Available(id(1)), LedgerAccount::Pending(id(1))].map(effect);
    // What they agreed on, by words or by silence, is held as what was approved is; what our people decided is
    // available at once.
    let agreed = matches!(outcome, Outcome::Conceded | Outcome::Settled | Outcome::Silence | Outcome::OneSidePaid);
    let decided = matches!(outcome, Outcome::Awarded);
    assert!(!(agreed && paid[0] > 0 || decided && paid[1] > 0), "{outcome:?}: {paid:?}");
    let moved = [paid[0] + paid[1], effect(LedgerAccount::ClientCredit(id(1))), effect(LedgerAccount::FeeRevenue)];
    (outcome, to_freelancer.minor(), moved)
}

#[test]
fn silence_concedes_the_claim_after_five_business_days() {
    let (dispute, case) = opened();
    assert_eq!(dispute.clocks(), [(Timer::AdvanceDispute(id(1)), day(8))]);
    assert!(!dispute.clone().advance(case.clone(), &Actor::System, day(7), Both::default()).unwrap().changed);
    let change = dispute.advance(case, &Actor::System, day(8), Both::default()).unwrap();
    assert_eq!(ending(change), (Outcome::Silence, 40_000, [38_000, 61_800, 200]));
}

#[test]
fn a_claim_is_conceded_by_the_other_side_alone() {
    let (dispute, case) = opened();
    let refusal = dispute.clone().concede(case.clone(), &ada(), day(2), None).unwrap_err();
    assert_eq!(refusal, Refusal::wrong_state("dispute", "opened", vec![Verb::DisputeWithdraw, Verb::EvidenceAdd]));
    let stranger = dispute.clone().concede(case.clone(), &person(9, vec![], None), day(2), None).unwrap_err();
    assert_eq!(stranger, Refusal::HIDDEN);
    assert_eq!(ending(dispute.concede(case, &lin(), day(2), None).unwrap()).0, Outcome::Conceded);
}

#[test]
fn equal_and_crossing_offers_settle_at_once() {
    for (client, freelancer, settled) in [(50_000, 50_000, 50_000), (60_001, 50_000, 55_001), (100_000, 0, 50_000)] {
        for client_first in [true, false] {
            let (mut dispute, mut case) = answered();
            let mut offers = [(ada(), client), (lin(), freelancer)];
            if !client_first {
                offers.reverse();
            }
            let [(first, first_amount), (second, second_amount)] = offers;
            let change = dispute.offer(case, &first, day(3), None, usd(first_amount)).unwrap();
            assert_eq!(change.next.0.state.as_str(), "negotiating");
            (dispute, case) = change.next;
            let (outcome, got, _) = ending(dispute.offer(case, &second, day(3), None, usd(second_amount)).unwrap());
            assert_eq!((outcome, got), (Outcome::Settled, settled));
        }
    }
}

#[test]
fn offers_that_do_not_meet_and_offers_out_of_range() {
    let (dispute, case) = answered();
    let (dispute, case) = dispute.offer(case, &ada(), day(3), None, usd(30_000)).unwrap().next;
    let (dispute, case) = dispute.offer(case, &lin(), day(3), None, usd(80_000)).unwrap().next;
    assert_eq!(dispute.state.as_str(), "negotiating");
    let refusal = dispute.clone().offer(case.clone(), &lin(), day(3), None, usd(100_001)).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { .. }));
    let (outcome, got, _) = ending(dispute.offer(case, &lin(), day(4), None, usd(30_000)).unwrap());
    assert_eq!((outcome, got), (Outcome::Settled, 30_000));
}

#[test]
fn a_recommendation_is_carried_out_when_both_take_it_or_both_are_silent() {
    let (dispute, case) = recommended();
    let (dispute, case) = dispute.accept(case, &ada(), day(4), None).unwrap().next;
    assert!(matches!(
        dispute.clone().accept(case.clone(), &ada(), day(4), None).unwrap_err(),
        Refusal::WrongState { .. }
    ));
    let (outcome, got, _) = ending(dispute.accept(case, &lin(), day(4), None).unwrap());
    assert_eq!((outcome, got), (Outcome::Recommended, 70_000));
    let (dispute, case) = recommended();
    assert!(!dispute.clone().advance(case.clone(), &Actor::System, day(9), Both::default()).unwrap().changed);
    assert_eq!(ending(dispute.advance(case, &Actor::System, day(10), Both::default()).unwrap()).1, 70_000);
}

#[test]
fn whoever_has_a_stake_neither_recommends_nor_awards() {
    let (dispute, _) = answered();
    let partial = dispute.clone().recommend(&mediator(7), day(3), None, verdict(1), true).unwrap_err();
    assert!(matches!(partial, Refusal::Rule { code, .. } if code == "CONFLICT_OF_INTEREST"));
    // A mediator who is the freelancer, or works for the client, is a party and no mediator.
    let freelancer = person(1, vec![], Some(Staff::Mediator));
    let client = person(7, vec![(id(1), MemberRole::Viewer)], Some(Staff::Mediator));
    for actor in [freelancer, client, lin(), ada()] {
        let refusal = dispute.clone().recommend(&actor, day(3), None, verdict(1), false).unwrap_err();
        assert_eq!(refusal, Denied::NotAllowed.into());
    }
    let (dispute, case) = arbitration();
    let dispute = dispute.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
    let dispute = dispute.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
    let own = dispute.clone().award(case.clone(), &mediator(7), day(6), None, verdict(55_500), false).unwrap_err();
    assert!(matches!(own, Refusal::Rule { code, .. } if code == "CONFLICT_OF_INTEREST"));
    let (outcome, got, moved) =
        ending(dispute.award(case, &mediator(8), day(6), None, verdict(55_500), false).unwrap());
    assert_eq!((outcome, got, moved), (Outcome::Awarded, 55_500, [52_725, 45_835, 1_440]));
}

#[test]
fn arbitration_is_lost_by_the_side_that_does_not_pay() {
    let decided = |payers: &[Actor]| {
        let (mut dispute, case) = arbitration();
        assert_eq!(dispute.clocks(), [(Timer::AdvanceDispute(id(1)), day(11))]);
        for payer in payers {
            dispute = dispute.pay_fee(payer, day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
        }
        let (outcome, got, _) = ending(dispute.advance(case, &Actor::System, day(11), Both::default()).unwrap());
        (outcome, got)
    };
    assert_eq!(decided(&[]), (Outcome::Recommended, 70_000));
    assert_eq!(decided(&[ada()]), (Outcome::OneSidePaid, 40_000));
    assert_eq!(decided(&[lin()]), (Outcome::OneSidePaid, 100_000));
}

#[test]
fn a_fee_that_is_only_owed_gets_a_side_heard_but_wins_nothing_by_silence() {
    for (payer, account) in [(ada(), LedgerAccount::ClientCredit(id(1))), (lin(), LedgerAccount::Available(id(1)))] {
        for there in [0, 14_999] {
            let (dispute, case) = arbitration();
            let owing = dispute.pay_fee(&payer, day(5), None, &Credit::of_none(usd(there))).unwrap();
            let paid: i64 = owing.entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum();
            assert_eq!(paid, -there);
            let over = owing.next.advance(case, &Actor::System, day(11), Both::default()).unwrap();
            let DisputeState::Executed { outcome, to_freelancer, .. } = over.next.0.state else { panic!("executed") };
            assert_eq!((outcome, to_freelancer), (Outcome::Recommended, usd(70_000)));
            let fees = over.entries.iter().filter(|entry| entry.reason == Reason::ArbitrationFee);
            let back: i64 = fees.map(|entry| entry.effect_on(account, Currency::Usd)).sum();
            assert_eq!(back, there, "what was paid of it goes back, and nothing is owed");
        }
    }
    let (dispute, case) = arbitration();
    let owing = dispute.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(0))).unwrap().next;
    let heard = owing.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
    assert_eq!(heard.state.as_str(), "hearing");
    let award = heard.award(case, &mediator(9), day(9), None, verdict(60_000), false).unwrap();
    let credit: i64 =
        award.entries.iter().map(|entry| entry.effect_on(LedgerAccount::ClientCredit(id(1)), Currency::Usd)).sum();
    assert_eq!(credit, 40_000 + 1_200 - 15_000, "out of what goes back, with its part of the client's fee");
}

#[test]
fn the_silence_of_a_side_that_may_not_speak_decides_nothing() {
    let barred = |client, freelancer| Both { client, freelancer };
    let to = |(dispute, case): (Dispute, Case), barred, by: i64| {
        let change = dispute.advance(case.clone(), &Actor::System, day(by), barred).unwrap();
        assert_eq!((change.entries.len(), change.next.1 == case), (0, true), "no money moves");
        let told = change.next.0.told(None);
        let events = [Event::DisputeEscalated { told }, Event::DisputeWaits { told }];
        assert_eq!(change.events, events, "both sides hear that it goes on, and our people that it waits for them");
        change.next.0
    };
    let unheard = to(opened(), barred(false, true), 8);
    assert_eq!((unheard.state.as_str(), unheard.answer.as_ref()), ("answered", None), "a mediator looks at it");
    assert!(unheard.allowed(&mediator(9)).contains(&Verb::DisputeRecommend));
    let (dispute, case) = opened();
    let silent = dispute.advance(case, &Actor::System, day(8), barred(true, false)).unwrap().next.0;
    assert_eq!(silent.state.as_str(), "executed", "it is not the claimant who is waited for");
    for either in [barred(true, false), barred(false, true)] {
        assert_eq!(to(recommended(), either, 10).state.as_str(), "hearing");
        let (dispute, case) = arbitration();
        let paid = dispute.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
        assert_eq!(to((paid, case), either, 11).state.as_str(), "hearing");
    }
}

#[test]
fn a_dispute_that_was_answered_is_not_taken_back() {
    let (dispute, case) = opened();
    let dispute = dispute.answer(&lin(), day(2), None, "It is done").unwrap().next;
    let refusal = dispute.clone().withdraw(case.clone(), &ada(), day(2), None).unwrap_err();
    assert!(matches!(refusal, Refusal::WrongState { ref allowed, .. } if allowed.contains(&Verb::DisputeOffer)));
    let offering = dispute.offer(case, &lin(), day(3), None, usd(100_000)).unwrap().next;
    let settled = offering.0.offer(offering.1, &ada(), day(3), None, usd(100_000)).unwrap().next.0;
    assert_eq!(settled.state.as_str(), "executed", "the claimant gives in by offering what is asked");
}

#[test]
fn whose_work_is_in_dispute_owes_the_fee_out_of_the_award() {
    let effect = |entries: &[JournalEntry], account| -> i64 {
        entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
    };
    for (there, award, pays_now, brought) in [
        (0, 100_000, 0, 95_000 - 15_000),
        (6_000, 100_000, 6_000, 95_000 - 9_000),
        (0, 10_000, 0, 0),
        (0, 0, 0, 0),
        (20_000, 100_000, 15_000, 95_000),
    ] {
        let (dispute, case) = arbitration();
        let paid = dispute.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(there))).unwrap();
        assert_eq!(effect(&paid.entries, LedgerAccount::Available(id(1))), -pays_now);
        assert_eq!(paid.next.state.as_str(), "arbitration");
        let heard = paid.next.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
        assert_eq!(heard.state.as_str(), "hearing");
        let verdict = Verdict { to_freelancer: usd(award), reason: "All of it works".into() };
        let change = heard.award(case, &mediator(8), day(6), None, verdict, false).unwrap();
        assert_eq!(effect(&change.entries, LedgerAccount::Available(id(1))), brought, "{there} and {award}");
    }
}

#[test]
fn fees_of_what_nobody_hears_go_back_to_who_paid_them() {
    let (dispute, Case::Milestone(milestone)) = arbitration() else { panic!() };
    let credit = Credit::of_parts(Currency::Usd, vec![(Some(id(7)), usd(10_000)), (Some(id(8)), usd(10_000))]);
    let dispute = dispute.pay_fee(&ada(), day(5), None, &credit).unwrap().next;
    let dispute = dispute.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(6_000))).unwrap().next;
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(103_000) };
    let change = charge_back((milestone, Some(dispute)), vec![], usd(0), &Actor::System, day(6), &taken).unwrap();
    assert_eq!(change.next[0].1.as_ref().unwrap().state.as_str(), "closed");
    let back: Vec<_> = change.entries.iter().flat_map(|entry| entry.postings()).collect();
    let back = back.iter().filter(|posting| posting.from == LedgerAccount::FeeRevenue);
    let back: Vec<_> = back.map(|posting| (posting.to, posting.came_with, posting.amount)).collect();
    let (client, freelancer) = (LedgerAccount::ClientCredit(id(1)), LedgerAccount::Available(id(1)));
    let expected =
        [(client, Some(id(7)), usd(10_000)), (client, Some(id(8)), usd(5_000)), (freelancer, None, usd(6_000))];
    assert_eq!(back, expected);
}

#[test]
fn a_fee_that_came_with_what_a_bank_takes_makes_up_for_our_loss_before_it_is_credit_again() {
    // Of the payment of 1,030 dollars 150 went into the fee, from credit; the bank takes all of it.
    let (dispute, Case::Milestone(milestone)) = arbitration() else { panic!() };
    let credit = Credit::of_parts(Currency::Usd, vec![(Some(id(1)), usd(15_000))]);
    let dispute = dispute.pay_fee(&ada(), day(5), None, &credit).unwrap().next;
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(118_000) };
    let change = charge_back((milestone, Some(dispute)), vec![], usd(0), &Actor::System, day(6), &taken).unwrap();
    let effect = |entries: &[JournalEntry], account| -> i64 {
        entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
    };
    let client = LedgerAccount::ClientCredit(id(1));
    assert_eq!(effect(&change.entries, client), 0, "the client has it from the bank");
    assert_eq!(effect(&change.entries, LedgerAccount::Losses), -3_000);
    let (own, _) = change.next.into_iter().next().unwrap();
    assert_eq!(own.lost_by(id(1)).unwrap(), usd(3_000));
    let won = own.charge_back_won(&Actor::System, day(40), id(1), "dp", true).unwrap();
    assert_eq!(effect(&won.entries, client), 15_000, "and it is credit when the bank gives that back");
    assert_eq!(effect(&won.entries, LedgerAccount::Losses), 3_000);
}

/// What all entries do to an account.
fn effect(entries: &[JournalEntry], account: LedgerAccount) -> i64 {
    entries.iter().map(|entry| entry.effect_on(account, Currency::Usd)).sum()
}

#[test]
fn a_fee_is_owed_out_of_what_is_left_once_our_loss_is_made_up_for() {
    let terms = Terms { chargeback_takes_pending: false, ..Terms::default() };
    let milestone = Milestone { terms, ..submitted(100_000) };
    let approved = milestone.approve(&ada(), day(1), None, crate::milestone::Approval::Whole).unwrap().next;
    let lost = approved.charge_back(&Actor::System, day(2), id(1), "dp", usd(103_000)).unwrap().next;
    assert_eq!(lost.lost_by(id(1)).unwrap(), usd(103_000));
    let (dispute, milestone) = open(lost, &ada(), day(2), None, id(1), claim(None)).unwrap().next;
    let dispute = dispute.answer(&lin(), day(2), None, "It does").unwrap().next;
    let dispute = dispute.recommend(&mediator(7), day(3), None, verdict(70_000), false).unwrap().next;
    let dispute = dispute.refuse(&ada(), day(4), None).unwrap().next;
    let dispute = dispute.pay_fee(&ada(), day(4), None, &Credit::of_none(usd(0))).unwrap().next;
    let dispute = dispute.pay_fee(&lin(), day(4), None, &Credit::of_none(usd(15_000))).unwrap().next;
    let case = Case::Milestone(milestone);
    let award = dispute.award(case, &mediator(9), day(6), None, verdict(0), false).unwrap();
    assert_eq!(effect(&award.entries, LedgerAccount::ClientCredit(id(1))), 0, "the bank gave the client all of it");
    assert_eq!(effect(&award.entries, LedgerAccount::Losses), 103_000);
}

#[test]
fn a_fee_owed_out_of_an_award_that_is_at_the_bank_is_taken_when_the_bank_gives_it_back() {
    let freelancer = LedgerAccount::Available(id(1));
    // What a bank took of the 1,000 dollars, in two parts, what the freelancer had for the fee of 150, and what the
    // award and then each of the two brings in the end.
    for (taken, there, award, brought) in [
        ([99_900, 0], 0, 100_000, [0, 94_905 - 14_905, 0]),
        ([99_900, 0], 15_000, 100_000, [95, 94_905, 0]),
        ([99_900, 0], 14_000, 100_000, [0, 94_905 - 905, 0]),
        ([10_000, 89_900], 0, 100_000, [0, 9_500 - 9_500, 95_000 - 15_000]),
        ([99_900, 0], 0, 0, [0, 0, 0]),
    ] {
        let (dispute, Case::Milestone(milestone)) = arbitration() else { panic!() };
        let dispute = dispute.pay_fee(&lin(), day(4), None, &Credit::of_none(usd(there))).unwrap().next;
        let dispute = dispute.pay_fee(&ada(), day(4), None, &Credit::of_none(usd(15_000))).unwrap().next;
        let mut own = (milestone, Some(dispute));
        for (reference, cents) in [("first", taken[0]), ("second", taken[1])] {
            let taken = Taken { payment: id(1), reference, amount: usd(cents) };
            own = charge_back(own, vec![], usd(0), &Actor::System, day(5), &taken).unwrap().next.remove(0);
        }
        let (milestone, Some(dispute)) = own else { panic!() };
        let case = Case::Milestone(milestone);
        let decided = dispute.award(case, &mediator(8), day(6), None, verdict(award), false).unwrap();
        let mut got = vec![effect(&decided.entries, freelancer)];
        let (_, Case::Milestone(mut milestone)) = decided.next else { panic!() };
        for reference in ["first", "second"] {
            let won = milestone.charge_back_won(&Actor::System, day(40), id(1), reference, true).unwrap();
            got.push(effect(&won.entries, freelancer));
            milestone = won.next;
        }
        assert_eq!(got, brought, "{taken:?} {there} {award}");
    }
}

#[test]
fn what_a_dispute_brings_of_another_works_payment_makes_up_for_our_loss() {
    // Payment 7 was for other work, of which we bore 150 dollars; its credit had paid the fee here.
    let other = Milestone { id: id(2), payments: vec![id(7)], sources: submitted(1_000).sources, ..submitted(100_000) };
    let other = other.charge_back(&Actor::System, day(3), id(7), "dp_7", usd(15_000)).unwrap().next;
    assert_eq!(other.lost_by(id(7)).unwrap(), usd(15_000));
    let (dispute, Case::Milestone(milestone)) = arbitration() else { panic!() };
    let credit = Credit::of_parts(Currency::Usd, vec![(Some(id(7)), usd(15_000))]);
    let dispute = dispute.pay_fee(&ada(), day(5), None, &credit).unwrap().next;
    let taken = Taken { payment: id(1), reference: "dp", amount: usd(103_000) };
    let closed = charge_back((milestone, Some(dispute)), vec![], usd(0), &Actor::System, day(6), &taken).unwrap();
    let client = LedgerAccount::ClientCredit(id(1));
    assert_eq!(effect(&closed.entries, client), 15_000);
    assert!(bearer::came_back(&closed.entries).contains(&id(7)));
    let made_up = bearer::make_up(&closed.entries, vec![Bearer::Milestone(other)]).unwrap();
    assert_eq!(effect(&made_up.entries, client), -15_000, "the client has it from the bank");
    assert_eq!(effect(&made_up.entries, LedgerAccount::Losses), 15_000);
    let entries = [closed.entries, made_up.entries].concat();
    let again = bearer::make_up(&entries, made_up.next.clone()).unwrap();
    assert!(!again.changed && again.entries.is_empty(), "once");
    let Some(Bearer::Milestone(other)) = made_up.next.into_iter().next() else { panic!() };
    let won = other.charge_back_won(&Actor::System, day(40), id(7), "dp_7", true).unwrap();
    assert_eq!(effect(&won.entries, client), 15_000, "and it is credit when the bank gives that back");
}

#[test]
fn a_dispute_that_waits_for_a_mediator_is_not_forgotten() {
    let hearing = || {
        let dispute = arbitration().0.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next;
        (dispute.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(15_000))).unwrap().next, arbitration().1)
    };
    let negotiating = || {
        let (dispute, case) = answered();
        dispute.offer(case, &ada(), day(5), None, usd(1)).unwrap().next
    };
    for (dispute, case) in [(answered().0.clone(), answered().1), negotiating(), hearing()] {
        let state = dispute.state.as_str();
        let [(Timer::AdvanceDispute(_), due)] = dispute.clocks()[..] else { panic!("{state}") };
        let early = dispute
            .clone()
            .advance(case.clone(), &Actor::System, due - TimeDelta::seconds(1), Both::default())
            .unwrap();
        assert!(!early.changed, "{state}");
        let change = dispute.advance(case.clone(), &Actor::System, due, Both::default()).unwrap();
        assert_eq!(
            (change.events.as_slice(), change.entries.len()),
            (&[Event::DisputeWaits { told: told(None) }][..], 0)
        );
        assert_eq!((change.next.0.state.as_str(), &change.next.1), (state, &case));
        assert_eq!(change.next.0.clocks(), [(Timer::AdvanceDispute(id(1)), due + TimeDelta::days(3))], "{state}");
    }
}

#[test]
fn an_offer_puts_the_reminder_off() {
    let (dispute, case) = answered();
    let (dispute, case) = dispute.offer(case, &ada(), day(2), None, usd(1)).unwrap().next;
    let (dispute, _) = dispute.offer(case, &lin(), day(4), None, usd(90_000)).unwrap().next;
    assert_eq!(dispute.clocks(), [(Timer::AdvanceDispute(id(1)), day(7))]);
}

#[test]
fn an_outage_moves_the_deadlines_of_a_dispute_within_the_grace_of_its_milestone() {
    let (dispute, case) = opened();
    let [(_, due)] = dispute.clocks()[..] else { panic!() };
    assert_eq!(extend(dispute.clone(), case.clone(), &lin(), 5).unwrap_err(), Denied::NotAllowed.into());
    let change = extend(dispute, case, &Actor::System, 48).unwrap();
    assert_eq!(change.events, [Event::MilestoneExtended { milestone: id(1), hours: 48 }]);
    let (dispute, case) = change.next;
    let (dispute, case) = extend(dispute, case, &Actor::System, 48).unwrap().next;
    assert_eq!((dispute.clocks()[0].1, case.grace_left()), (due + TimeDelta::hours(72), 0));
    assert!(!extend(dispute.clone(), case.clone(), &Actor::System, 48).unwrap().changed);
    // The milestone's own deadlines have no more grace left either, once it goes on.
    let (_, Case::Milestone(milestone)) = dispute.withdraw(case, &ada(), day(3), None).unwrap().next else { panic!() };
    assert!(!milestone.extend(&Actor::System, 1).unwrap().changed);
    // Where nobody's silence decides anything there is nothing to extend.
    let (dispute, case) = answered();
    assert!(!extend(dispute, case, &Actor::System, 5).unwrap().changed);
}

#[test]
fn a_small_claim_is_heard_for_free() {
    for (cents, state) in [(49_999, "hearing"), (50_000, "arbitration")] {
        let change = open(submitted(cents), &lin(), day(1), None, id(1), claim(None)).unwrap();
        let dispute = change.next.0.answer(&ada(), day(2), None, "No").unwrap().next;
        let dispute = dispute.recommend(&mediator(7), day(3), None, verdict(0), false).unwrap().next;
        assert_eq!(dispute.refuse(&lin(), day(3), None).unwrap().next.state.as_str(), state);
    }
}

#[test]
fn who_may_hear_it_is_told_as_soon_as_it_waits_for_them() {
    let waits = Event::DisputeWaits { told: told(None) };
    let first = arbitration().0.pay_fee(&ada(), day(5), None, &Credit::of_none(usd(15_000))).unwrap();
    assert!(!first.events.contains(&waits));
    let heard = first.next.pay_fee(&lin(), day(5), None, &Credit::of_none(usd(15_000))).unwrap();
    assert!(heard.next.state.as_str() == "hearing" && heard.events.contains(&waits));
    let small = open(submitted(49_999), &lin(), day(1), None, id(1), claim(None)).unwrap().next.0;
    let small = small.answer(&ada(), day(2), None, "No").unwrap().next;
    let small = small.recommend(&mediator(7), day(3), None, verdict(0), false).unwrap().next;
    assert!(small.refuse(&lin(), day(3), None).unwrap().events.contains(&waits));
    assert!(!recommended().0.refuse(&ada(), day(4), None).unwrap().events.contains(&waits), "the sides have to pay");
}

#[test]
fn the_sides_can_agree_on_every_rung_and_have_back_what_nobody_was_heard_for() {
    let pays = |dispute: Dispute, side: &Actor| {
        dispute.pay_fee(side, day(5), None, &Credit::of_none(usd(15_000))).unwrap().next
    };
    let half = || (pays(arbitration().0, &ada()), arbitration().1);
    let heard = || (pays(half().0, &lin()), half().1);
    for (rung, (dispute, case), fees) in
        [("recommended", recommended(), 0), ("arbitration", half(), 15_000), ("hearing", heard(), 30_000)]
    {
        assert_eq!(dispute.state.as_str(), rung);
        assert!(!dispute.allowed(&ada()).contains(&Verb::DisputeConcede), "who claims offers");
        let conceded = dispute.clone().concede(case.clone(), &lin(), day(6), None).unwrap();
        let apart = dispute.clone().offer(case.clone(), &ada(), day(6), None, usd(10_000)).unwrap();
        assert_eq!((apart.next.0.state.clone(), apart.next.0.clocks()), (dispute.state.clone(), dispute.clocks()));
        let (dispute, case) = apart.next;
        let met = dispute.offer(case, &lin(), day(6), None, usd(10_000)).unwrap();
        for (how, change, to) in [(Outcome::Conceded, conceded, 40_000), (Outcome::Settled, met, 10_000)] {
            let DisputeState::Executed { outcome, to_freelancer, .. } = change.next.0.state else { panic!("{rung}") };
            assert_eq!((outcome, to_freelancer), (how, usd(to)), "{rung}");
            let of_fees = change.entries.iter().filter(|entry| entry.reason == Reason::ArbitrationFee);
            let back: i64 = of_fees.map(|entry| entry.effect_on(LedgerAccount::FeeRevenue, Currency::Usd)).sum();
            assert_eq!(back, -fees, "{rung}");
        }
    }
}

#[test]
fn a_withdrawn_dispute_gives_the_milestone_its_clocks_back() {
    let (dispute, case) = opened();
    let change = dispute.withdraw(case, &ada(), day(5), None).unwrap();
    let (dispute, Case::Milestone(milestone)) = change.next else { panic!() };
    assert_eq!((dispute.state.as_str(), milestone.status()), ("withdrawn", Status::Submitted));
    assert!(milestone.clocks().contains(&(Timer::AutoApproveMilestone(id(1)), day(18))));
}

#[test]
fn a_chargeback_closes_a_dispute_that_has_nothing_left_to_decide() {
    let (dispute, Case::Milestone(milestone)) = opened() else { panic!() };
    let back = |cents| {
        let taken = Taken { payment: id(1), reference: "dp", amount: usd(cents) };
        let own = (milestone.clone(), Some(dispute.clone()));
        charge_back(own, vec![], usd(0), &Actor::System, day(2), &taken).unwrap().next.remove(0)
    };
    let (milestone, closed) = back(103_000);
    assert_eq!((closed.unwrap().state.as_str(), milestone.status()), ("closed", Status::ChargedBack));
    // Part of it is left: the freelancer's part of the outcome comes first.
    let (milestone, dispute) = back(30_000);
    let change = dispute.unwrap().concede(Case::Milestone(milestone), &lin(), day(3), None).unwrap();
    assert_eq!(change.entries[0].effect_on(LedgerAccount::Pending(id(1)), Currency::Usd), 38_000);
}

#[test]
fn a_claim_needs_a_reason_and_a_possible_amount() {
    for bad in [claim(Some(0)), claim(Some(100_001)), Claim { reason: " ".into(), amount: None }] {
        let refusal = open(submitted(100_000), &ada(), day(1), None, id(1), bad).unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid { .. }));
    }
}

#[test]
fn a_silent_freelancer_who_had_submitted_meets_a_dispute_not_a_refund() {
    let milestone = submitted(100_000).request_changes(&ada(), day(1), None, "No").unwrap().next;
    let milestone = milestone.request_refund(&ada(), day(2), None, Some(usd(25_000))).unwrap().next;
    let early = resolve_refund(milestone.clone(), &Actor::System, day(8), id(1), false).unwrap();
    assert_eq!((early.changed, early.next.0), (false, None));
    let (dispute, milestone) = resolve_refund(milestone, &Actor::System, day(9), id(1), false).unwrap().next;
    let dispute = dispute.unwrap();
    assert_eq!((dispute.claimant, dispute.claim, milestone.status()), (Side::Client, usd(75_000), Status::Disputed));
}

#[test]
fn a_dispute_over_hours_decides_what_is_charged() {
    let hourly = Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(6_000),
        limit_minutes: None,
    };
    let mut sheet = Timesheet::open(id(1), hourly, day(0)).next;
    for (n, minutes) in [(1, 60), (2, 120)] {
        let entry = TimeEntry { id: id(n), date: day(0).date_naive(), minutes, note: "x".into(), manual: true };
        sheet = sheet.add_entry(&lin(), day(1), None, entry).unwrap().next;
    }
    let sheet = sheet.submit(&lin(), day(7), None).unwrap().next;
    let listed: [TimeEntryId; 1] = [id(2)];
    let change = open_timesheet(sheet, &ada(), day(8), None, &listed, (id(1), id(2)), claim(None)).unwrap();
    let (dispute, (rest, apart)) = change.next;
    assert_eq!((rest.amount(), dispute.total), (Ok(usd(6_000)), usd(12_000)));
    let dispute = dispute.answer(&lin(), day(9), None, "I was there").unwrap().next;
    let dispute = dispute.recommend(&mediator(7), day(9), None, verdict(9_000), false).unwrap().next;
    let (_, case) = dispute.advance(Case::Timesheet(apart), &Actor::System, day(16), Both::default()).unwrap().next;
    let Case::Timesheet(apart) = case else { panic!() };
    assert_eq!((apart.state.as_str(), apart.amount()), ("approved", Ok(usd(9_000))));
}

#[test]
fn a_client_who_disputes_a_part_of_the_hours_concedes_the_rest_of_them() {
    let hourly = Hourly {
        contract: id(1),
        client: id(1),
        freelancer: id(1),
        terms: Terms::default(),
        hourly_rate: usd(6_000),
        limit_minutes: None,
    };
    let entry = TimeEntry { id: id(1), date: day(0).date_naive(), minutes: 120, note: "x".into(), manual: true };
    let sheet = Timesheet::open(id(1), hourly, day(0)).next.add_entry(&lin(), day(1), None, entry).unwrap().next;
    let sheet = sheet.submit(&lin(), day(7), None).unwrap().next;
    let listed: [TimeEntryId; 1] = [id(1)];
    let claim = claim(Some(4_000));
    let (dispute, (_, apart)) =
        open_timesheet(sheet, &ada(), day(8), None, &listed, (id(1), id(2)), claim).unwrap().next;
    assert_eq!((dispute.total, dispute.claim), (usd(12_000), usd(8_000)));
    let (_, Case::Timesheet(apart)) = dispute.concede(Case::Timesheet(apart), &lin(), day(9), None).unwrap().next
    else {
        panic!()
    };
    assert_eq!(apart.amount(), Ok(usd(8_000)));
}
