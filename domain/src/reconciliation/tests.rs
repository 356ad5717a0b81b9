//! Each way in which two sides can differ, and that nothing else is told.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::Id;

fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    start + TimeDelta::hours(hours)
}

fn day() -> Period {
    Period { from: at(0), until: at(24), asked_at: at(27) }
}

fn payment(n: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(n))
}

fn payout(n: u128) -> PayoutId {
    PayoutId::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn client() -> LedgerAccount {
    LedgerAccount::ClientCredit(Id::from_uuid(Uuid::from_u128(7)))
}

/// The processor moved something, five hours into the day.
fn moved(n: u128, class: Class, flow: Flow, cents: i64) -> BalanceTransaction {
    let about = if class == Class::Payout { payout(n).to_string() } else { payment(n).to_string() };
    let id = format!("txn_{n}_{}_{flow:?}", class.as_str());
    BalanceTransaction { id, about: Some(about), class, flow, amount: usd(cents), fee: usd(0), at: at(5) }
}

/// The books have it, a minute later.
fn posted(n: u128, reason: Reason, from: LedgerAccount, to: LedgerAccount, cents: i64) -> Posted {
    let (name, payment) = match reason {
        Reason::PayoutArrive | Reason::PayoutReturn => (payout(n).to_string(), None),
        _ => (format!("mil_{n}"), Some(payment(n))),
    };
    let key = format!("{name}:2:{}", reason.as_str());
    let postings = vec![Posting { from, to, amount: usd(cents), came_with: None }];
    Posted { id: format!("ent_{key}"), reason, key, payment, at: at(5) + TimeDelta::minutes(1), postings }
}

fn funded(n: u128, cents: i64) -> Posted {
    posted(n, Reason::Fund, LedgerAccount::ProcessorClearing, client(), cents)
}

fn charged_back(n: u128, cents: i64) -> Posted {
    posted(n, Reason::Chargeback, client(), LedgerAccount::ProcessorClearing, cents)
}

fn paid_out(n: u128, cents: i64) -> Posted {
    posted(n, Reason::PayoutArrive, LedgerAccount::InTransit(payout(n)), LedgerAccount::PaidOut, cents)
}

fn compare(ours: &[Posted], theirs: &[BalanceTransaction]) -> Report {
    let mut background = Background::default();
    for n in 0..20 {
        background.owners.insert(About::Payment(payment(n)), client());
    }
    let ours = ours.iter().flat_map(Posted::lines);
    reconcile(day(), ours, theirs.iter().flat_map(BalanceTransaction::lines), &background).unwrap()
}

/// How they differ, both sides, and the cents of the entry that is proposed.
type Case = (Kind, Vec<Posted>, Vec<BalanceTransaction>, Option<i64>);

#[test]
fn each_kind_of_difference_is_told_apart() {
    use Class::{Dispute, Payment, Payout, Refund};
    use Flow::{In, Out};
    let charge = moved(1, Payment, In, 10_300);
    let with = |edit: fn(&mut BalanceTransaction)| {
        let mut changed = charge.clone();
        edit(&mut changed);
        changed
    };
    let again = with(|txn| txn.id = "txn_again".into());
    let second = Posted { id: "ent_again".into(), ..funded(1, 10_300) };
    let table: Vec<Case> = vec![
        (Kind::NotInLedger, vec![], vec![charge.clone()], Some(10_300)),
        (Kind::NotAtProcessor, vec![funded(1, 10_300)], vec![], Some(10_300)),
        (Kind::Amount, vec![funded(1, 10_300)], vec![moved(1, Payment, In, 10_299)], Some(1)),
        (
            Kind::Currency,
            vec![funded(1, 10_300)],
            vec![with(|txn| txn.amount = Money::new(10_300, Currency::Pkr).unwrap())],
            None,
        ),
        (Kind::Direction, vec![funded(1, 10_300)], vec![moved(1, Payment, Out, 10_300)], None),
        (Kind::BookedTwice, vec![funded(1, 10_300), second], vec![charge.clone()], Some(10_300)),
        (Kind::MovedTwice, vec![funded(1, 10_300)], vec![charge.clone(), again], Some(10_300)),
        (
            Kind::Class,
            vec![funded(1, 10_300), charged_back(1, 500)],
            vec![charge.clone(), moved(1, Refund, Out, 500)],
            None,
        ),
        (Kind::FeeNotBooked, vec![funded(1, 10_300)], vec![with(|txn| txn.fee = usd(329))], Some(329)),
        (Kind::Unknown, vec![], vec![with(|txn| txn.about = None)], None),
        (Kind::Late, vec![funded(1, 10_300)], vec![with(|txn| txn.at = at(5) - TimeDelta::days(2))], None),
        (Kind::NotInLedger, vec![], vec![moved(1, Dispute, Out, 500)], Some(500)),
        (Kind::Amount, vec![paid_out(1, 9_000)], vec![moved(1, Payout, Out, 9_100)], Some(100)),
    ];
    for (kind, ours, theirs, proposed) in table {
        let report = compare(&ours, &theirs);
        assert_eq!(report.differences.len(), 1, "{kind:?}: {report:#?}");
        let found = &report.differences[0];
        assert_eq!((found.kind, found.advice), (kind, kind.advice()));
        let amount = found.proposal.as_ref().map(|entry| entry.postings()[0].amount.minor());
        assert_eq!(amount, proposed, "{kind:?}: {:?}", found.proposal);
    }
}

#[test]
fn a_proposed_entry_once_posted_settles_the_difference() {
    let theirs = [
        moved(1, Class::Payment, Flow::In, 10_300),
        moved(2, Class::Dispute, Flow::Out, 700),
        BalanceTransaction { fee: usd(40), ..moved(3, Class::Payment, Flow::In, 5_000) },
        moved(4, Class::Payout, Flow::Out, 900),
    ];
    let ours = vec![funded(3, 5_000), paid_out(4, 800)];
    let first = compare(&ours, &theirs);
    assert_eq!(first.differences.len(), 4, "{first:#?}");
    let corrections = first.differences.iter().filter_map(|found| found.proposal.clone()).map(|entry| Posted {
        id: entry.key.clone(),
        reason: entry.reason,
        payment: None,
        at: at(6),
        postings: entry.postings().to_vec(),
        key: entry.key,
    });
    let corrected: Vec<Posted> = ours.iter().cloned().chain(corrections).collect();
    let second = compare(&corrected, &theirs);
    assert!(second.differences.is_empty(), "{second:#?}");
    let keys = |report: &Report| -> Vec<String> {
        report.differences.iter().filter_map(|found| Some(found.proposal.as_ref()?.key.clone())).collect()
    };
    assert_eq!(keys(&first), keys(&compare(&ours, &theirs)), "found again, it is the same entry");
}

#[test]
fn what_may_still_come_is_no_difference() {
    let young = |n| BalanceTransaction { at: at(26), ..moved(n, Class::Payment, Flow::In, 100) };
    let on_its_way = moved(2, Class::Payout, Flow::Out, 100);
    let period = Period { until: at(27), ..day() };
    let under_way = Background { under_way: [About::Payout(payout(2))].into(), ..Background::default() };
    let theirs: Vec<Line> = [young(1), on_its_way].iter().flat_map(|txn| txn.lines().collect::<Vec<_>>()).collect();
    let report = reconcile(period, [], theirs, &under_way).unwrap();
    assert_eq!((report.differences.len(), report.settling.len()), (0, 2), "{report:#?}");
}

#[test]
fn a_refund_is_on_its_way_as_long_as_the_processor_has_it_and_one_that_came_back_is_nothing() {
    let refund = PaymentRefundId::from_uuid(Uuid::from_u128(3));
    let client = LedgerAccount::ClientCredit(Id::from_uuid(Uuid::from_u128(1)));
    let posted = |reason, key: String, from, to| Posted {
        id: key.clone(),
        reason,
        payment: None,
        at: at(3),
        postings: JournalEntry::new(reason, key.as_str()).moving(from, to, usd(500)).postings().to_vec(),
        key,
    };
    let clearing = LedgerAccount::ProcessorClearing;
    let gone = posted(Reason::CardRefund, format!("refund:{refund}"), client, clearing);
    let back = posted(Reason::CardRefundFailed, format!("refund:{refund}:failed"), clearing, client);
    let moved = BalanceTransaction { about: Some(refund.to_string()), ..moved(1, Class::Refund, Flow::Out, 500) };
    let known =
        |under_way: &[About]| Background { under_way: under_way.iter().cloned().collect(), ..Default::default() };
    let asked = |ours: &[&Posted], theirs: &[&BalanceTransaction], known: &Background| {
        let ours: Vec<Line> = ours.iter().flat_map(|posted| posted.lines()).collect();
        let theirs: Vec<Line> = theirs.iter().flat_map(|moved| moved.lines()).collect();
        let report = reconcile(day(), ours, theirs, known).unwrap();
        (report.agree, report.settling.len(), report.differences.iter().map(|found| found.kind).collect::<Vec<_>>())
    };
    let (idle, busy) = (known(&[]), known(&[About::Refund(refund)]));
    assert_eq!(asked(&[&gone], &[&moved], &idle), (1, 0, vec![]));
    assert_eq!(asked(&[&gone], &[], &busy), (0, 1, vec![]));
    assert_eq!(asked(&[&gone], &[], &idle), (0, 0, vec![Kind::NotAtProcessor]));
    assert_eq!(asked(&[&gone, &back], &[], &idle), (1, 0, vec![]));
    assert_eq!(asked(&[], &[&moved], &busy), (0, 0, vec![Kind::NotInLedger]));
}

#[test]
fn a_chargeback_that_was_won_before_it_was_heard_of_leaves_nothing() {
    let theirs = [moved(1, Class::Dispute, Flow::Out, 500), moved(1, Class::Dispute, Flow::In, 500)];
    assert!(compare(&[], &theirs).differences.is_empty());
}

#[test]
fn what_moved_in_a_currency_that_the_books_do_not_know_is_told_and_proposes_nothing() {
    let foreign = |n: u128, class: Class, hours: i64| Foreign {
        id: format!("txn_{n}"),
        about: About::Payment(payment(n)),
        class,
        minor: 10_300,
        currency: "EUR".to_owned(),
        at: at(hours),
    };
    let all = vec![
        foreign(1, Class::Payment, 5),
        foreign(2, Class::Payment, 5),
        foreign(3, Class::Own, 5),
        foreign(4, Class::Payment, -1),
    ];
    let known = Background { foreign: all.clone(), ..Background::default() };
    let ours: Vec<Line> = [funded(1, 10_300), funded(5, 700)].iter().flat_map(Posted::lines).collect();
    let theirs: Vec<Line> = moved(5, Class::Payment, Flow::In, 700).lines().collect();
    let report = reconcile(day(), ours, theirs, &known).unwrap();
    assert_eq!(report.agree, 1, "the others are compared as ever: {report:#?}");
    let told: Vec<_> =
        report.differences.iter().map(|one| (one.kind, one.ledger.len(), one.foreign.as_slice())).collect();
    let expected: Vec<_> = [1, 0, 0].into_iter().zip(all.chunks(1)).map(|(n, of)| (Kind::Currency, n, of)).collect();
    assert_eq!(told, expected);
    assert!(report.differences.iter().all(|one| one.proposal.is_none() && one.processor_has.is_none()));
}

#[test]
fn lines_beyond_the_period_are_only_counterparts() {
    let before = |txn: BalanceTransaction| BalanceTransaction { at: at(-1), ..txn };
    let at_the_edge = [before(moved(1, Class::Payment, Flow::In, 100)), before(moved(2, Class::Payment, Flow::In, 9))];
    let report = compare(&[funded(1, 100)], &at_the_edge);
    assert!(report.differences.is_empty(), "{report:#?}");
    assert_eq!(report.agree, 1, "what lies wholly outside is another period's");
    let total = report.totals[0];
    assert_eq!((total.ledger, total.processor), (usd(100), usd(0)));
}

/// What is read of both sides, and compared.
fn read_and_compare(ours: &[Posted], theirs: &[BalanceTransaction]) -> Report {
    let span = Span::around(day());
    let ours = ours.iter().flat_map(Posted::lines).filter(|line| span.holds(line));
    let theirs = theirs.iter().flat_map(BalanceTransaction::lines).filter(|line| span.holds(line));
    reconcile(day(), ours, theirs, &Background::default()).unwrap()
}

#[test]
fn what_lies_across_an_edge_of_what_is_read_is_another_days_and_no_difference() {
    let (second, minute) = (TimeDelta::seconds(1), TimeDelta::minutes(1));
    let span = Span::around(day());
    let taken = |at| BalanceTransaction { at, ..moved(1, Class::Dispute, Flow::Out, 500) };
    let won = |at, cents| BalanceTransaction { at, ..moved(1, Class::Dispute, Flow::In, cents) };
    let booked_taken = |at| Posted { at, ..charged_back(1, 500) };
    let booked_won = |at| {
        let won = posted(1, Reason::ChargebackWon, LedgerAccount::ProcessorClearing, client(), 500);
        Posted { at, ..won }
    };
    for off in [-second, TimeDelta::zero(), second] {
        // Either side may have noted it first.
        for later in [minute, -minute] {
            let (begins, ends) = (span.from + off, span.until + off);
            let before =
                read_and_compare(&[booked_taken(begins + later), booked_won(at(5))], &[taken(begins), won(at(5), 500)]);
            let after =
                read_and_compare(&[booked_taken(at(5)), booked_won(ends + later)], &[taken(at(5)), won(ends, 500)]);
            for report in [before, after] {
                assert_eq!((report.agree, report.differences.as_slice()), (1, &[][..]), "{off} {later}");
            }
            // What the edge does not explain is told.
            let short =
                read_and_compare(&[booked_taken(begins + later), booked_won(at(5))], &[taken(begins), won(at(5), 499)]);
            assert_eq!(short.differences.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Amount]);
        }
    }
    // What both have near the edge explains nothing: one of two is lacking here.
    let near = span.from + minute;
    let lost = read_and_compare(&[booked_taken(near)], &[taken(near), won(at(5), 500)]);
    assert_eq!(lost.differences.len(), 1);
    // Nor is it explained by what lies within what is read.
    let inside = read_and_compare(&[booked_taken(span.from + Period::LATE), booked_won(at(5))], &[won(at(5), 500)]);
    assert_eq!(inside.differences.len(), 1);
}

#[test]
fn of_a_payout_everything_is_read_and_of_the_rest_what_lies_around_the_period() {
    let second = TimeDelta::seconds(1);
    let usual = Span::around(day());
    assert_eq!((usual.from, usual.until), (at(-72), at(96)));
    assert_eq!((usual.payouts_from, usual.payouts_until), (at(-33 * 24), at(34 * 24)));
    // Asked for, and over, as long ago and as late as is read in any case.
    let (first, last) = (usual.payouts_from + Period::SLACK, usual.payouts_until - Period::SLACK);
    assert_eq!(usual.with_payouts(first, Some(last)), usual);
    assert_eq!(usual.with_payouts(first + second, None), usual);
    let wider = usual.with_payouts(first - second, Some(last + second));
    assert_eq!((wider.payouts_from, wider.payouts_until), (usual.payouts_from - second, usual.payouts_until + second));
    assert_eq!((wider.from, wider.until), (usual.from, usual.until));
    let line = |class, at| BalanceTransaction { at, ..moved(1, class, Flow::Out, 500) }.lines().next().unwrap();
    for (class, from, until) in [
        (Class::Payment, usual.from, usual.until),
        (Class::Dispute, usual.from, usual.until),
        (Class::Payout, usual.payouts_from, usual.payouts_until),
    ] {
        let held = [from - second, from, until - second, until].map(|at| usual.holds(&line(class, at)));
        assert_eq!(held, [false, true, true, false], "{class:?}");
    }
    let lines = [
        line(Class::Payout, at(0)),
        line(Class::Payment, at(1)),
        Line { about: About::Payout(payout(2)), ..line(Class::Payout, at(24)) },
    ];
    assert_eq!(payouts_within(day(), &lines), BTreeSet::from([payout(1)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Ten thousand clean operations show nothing, in any order; with one of them changed, that one shows.
    #[test]
    fn one_changed_line_among_many_is_the_one_that_is_told(seed in 0_usize..1_000, cents in 1_i64..5_000) {
        let all = 10_000_u128;
        let ours: Vec<Posted> = (1..=all).map(|n| funded(n, 5_000 + i64::try_from(n).unwrap())).collect();
        let mut theirs: Vec<BalanceTransaction> =
            (1..=all).map(|n| moved(n, Class::Payment, Flow::In, 5_000 + i64::try_from(n).unwrap())).collect();
        theirs.rotate_left(seed);
        let clean = compare(&ours, &theirs);
        prop_assert_eq!((clean.agree, clean.differences.len()), (10_000, 0));
        theirs[seed].amount = theirs[seed].amount.minus(usd(cents)).unwrap();
        let found = compare(&ours, &theirs).differences;
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].about.to_string(), theirs[seed].about.clone().unwrap());
        prop_assert_eq!(found[0].processor_has, Some((Flow::Out, usd(cents))));
    }
}

#[test]
fn what_is_held_for_people_is_at_the_processor_on_its_way_or_at_our_bank() {
    let cover = Cover { held: 100_000, leaving: 5_000, balance: 70_000, swept: 40_000, by_bank: 15_000 };
    assert_eq!(cover.uncovered(), 0, "70,000 there and 25,000 at our bank");
    assert_eq!(Cover { balance: 69_999, ..cover }.uncovered(), 1);
    assert_eq!(Cover { swept: 39_999, ..cover }.uncovered(), 1);
    assert_eq!(Cover { leaving: 4_999, ..cover }.uncovered(), 1);
    assert_eq!(Cover { held: 100_001, ..cover }.uncovered(), 1);
    // What our bank paid out of its own is still at the processor, and makes up for nothing else.
    assert_eq!(Cover { by_bank: 50_000, ..cover }.uncovered(), 25_000);
    assert_eq!(Cover { by_bank: 90_000, ..cover }.uncovered(), 25_000);
    assert_eq!(Cover { balance: -500, swept: 0, by_bank: 0, ..cover }.uncovered(), 95_500);
}

#[test]
fn what_went_to_our_own_bank_is_counted_from_an_instant_on() {
    let at: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let line = |class, flow, cents, hours| Line {
        id: "x".to_owned(),
        about: About::Other("x".to_owned()),
        class,
        flow,
        amount: Money::usd(cents).unwrap(),
        at: at + TimeDelta::hours(hours),
    };
    let lines = [
        line(Class::Own, Flow::Out, 900, -1),
        line(Class::Own, Flow::Out, 500, 0),
        line(Class::Own, Flow::In, 200, 30),
        line(Class::Payout, Flow::Out, 7_000, 1),
    ];
    assert_eq!(swept(&lines, at), 300);
}
