//! Properties of money: whatever the amounts, the rates and the order, every cent has one owner.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use chrono::{Datelike, TimeDelta, Weekday};
use domain::Timestamp;
use domain::access::{Actor, MemberRole, Person};
use domain::change::Change;
use domain::dispute::{self, Case, Claim};
use domain::id::Id;
use domain::ledger::LedgerAccount;
use domain::milestone::{Approval, Deal, Milestone, MilestoneDraft};
use domain::money::{Currency, Money, Rate};
use domain::policy::{Quote, Terms, business_days_after};
use domain::refusal::Refusal;
use domain::timesheet::{Hourly, TimeEntry, Timesheet};
use proptest::prelude::*;
use uuid::Uuid;

fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn rate(bp: u16) -> Rate {
    Rate::basis_points_of(bp).unwrap()
}

fn day(n: i64) -> Timestamp {
    "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(n)
}

fn ada() -> Actor {
    let memberships = vec![(id(1), MemberRole::Owner)];
    Actor::Person(Person { user: id(2), suspended: false, second_factor: true, staff: None, memberships })
}

fn lin() -> Actor {
    Actor::Person(Person { user: id(1), suspended: false, second_factor: true, staff: None, memberships: vec![] })
}

/// A milestone with its books beside it.
struct Story {
    milestone: Milestone,
    balances: std::collections::BTreeMap<LedgerAccount, i64>,
}

impl Story {
    fn submitted(n: u128, cents: i64, terms: Terms) -> Self {
        let draft = MilestoneDraft::parse("Work", "", usd(cents), None, &terms).unwrap();
        let deal = Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms };
        let milestone = Milestone::agreed(id(n), deal, draft).next;
        let pays = milestone.quote().unwrap().client_pays;
        Self { milestone, balances: std::collections::BTreeMap::new() }
            .on(|m| m.start_funding(&ada(), day(0), None, id(1)))
            .on(|m| m.funded(&Actor::System, day(0), id(1), pays, None))
            .submits(1)
    }

    fn submits(self, n: u128) -> Self {
        self.on(|m| m.submit(&lin(), day(0), None, id(n)))
    }

    fn on(mut self, verb: impl FnOnce(Milestone) -> Result<Change<Milestone>, Refusal>) -> Self {
        let change = verb(self.milestone.clone()).unwrap();
        self.milestone = self.books(change);
        self
    }

    fn books<T>(&mut self, change: Change<T>) -> T {
        for posting in change.entries.iter().flat_map(|entry| entry.postings()) {
            *self.balances.entry(posting.from).or_default() -= posting.amount.minor();
            *self.balances.entry(posting.to).or_default() += posting.amount.minor();
        }
        change.next
    }

    fn balance(&self, account: LedgerAccount) -> i64 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    /// What the freelancer has or will have, what went back to the client, what we earned.
    fn money(&self) -> (i64, i64, i64) {
        let freelancer = self.balance(LedgerAccount::Pending(id(1))) + self.balance(LedgerAccount::Available(id(1)));
        let client = self.balance(LedgerAccount::ClientCredit(id(1)));
        (freelancer, client, self.balance(LedgerAccount::FeeRevenue))
    }
}

fn terms(client_bp: u16, freelancer_bp: u16) -> Terms {
    Terms { client_fee: rate(client_bp), freelancer_fee: rate(freelancer_bp), ..Terms::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn work_approved_in_parts_pays_to_the_cent_what_it_pays_approved_at_once(
        cents in 100i64..3_000_000,
        parts in prop::collection::vec(1i64..200_000, 0..8),
        client_bp in 0u16..2_000,
        freelancer_bp in 0u16..=10_000,
    ) {
        let terms = terms(client_bp, freelancer_bp);
        let whole = Story::submitted(1, cents, terms.clone()).on(|m| m.approve(&ada(), day(1), None, Approval::Whole));
        let mut story = Story::submitted(1, cents, terms);
        for (n, part) in parts.into_iter().enumerate() {
            if part < story.milestone.escrow.held().minor() {
                story = story
                    .on(|m| m.approve(&ada(), day(1), None, Approval::Part(usd(part))))
                    .submits(10 + n as u128);
            }
        }
        let story = story.on(|m| m.approve(&ada(), day(1), None, Approval::Whole));
        prop_assert_eq!(story.money(), whole.money());
        prop_assert!(story.milestone.escrow.held().is_zero());
        let quote = Quote::at(usd(cents), rate(client_bp), rate(freelancer_bp)).unwrap();
        let fees = quote.client_fee.plus(quote.freelancer_fee).unwrap();
        prop_assert_eq!(story.money(), (quote.freelancer_gets.minor(), 0, fees.minor()));
    }

    #[test]
    fn what_is_refunded_in_parts_comes_back_to_the_cent_with_its_fee(
        cents in 100i64..3_000_000, parts in prop::collection::vec(1i64..200_000, 0..8), client_bp in 0u16..2_000,
    ) {
        let mut story = Story::submitted(1, cents, terms(client_bp, 500));
        story = story.on(|m| m.request_changes(&ada(), day(1), None, "No"));
        let pays = story.milestone.terms.quote(usd(cents)).unwrap().client_pays.minor();
        for part in parts {
            if part < story.milestone.escrow.held().minor() {
                story = story
                    .on(|m| m.request_refund(&ada(), day(1), None, Some(usd(part))))
                    .on(|m| m.agree_refund(&lin(), day(1), None));
            }
        }
        let story = story
            .on(|m| m.request_refund(&ada(), day(1), None, None))
            .on(|m| m.agree_refund(&lin(), day(1), None));
        prop_assert_eq!(story.money(), (0, pays, 0));
    }

    #[test]
    fn an_award_gives_every_cent_to_one_of_the_two_sides_or_to_the_fee(
        cents in 100i64..3_000_000, share in 0u32..=1_000, client_bp in 0u16..2_000, freelancer_bp in 0u16..=10_000,
    ) {
        let mut story = Story::submitted(1, cents, terms(client_bp, freelancer_bp));
        let claim = Claim { reason: "No".to_owned(), amount: None };
        let opened = dispute::open(story.milestone.clone(), &ada(), day(1), None, id(1), claim).unwrap();
        let (dispute, milestone) = story.books(opened);
        let awarded = usd(cents).split(&[share, 1_000 - share])[0];
        let dispute = dispute.answer(&lin(), day(1), None, "Yes").unwrap().next;
        let case = Case::Milestone(milestone);
        let (dispute, case) = dispute.offer(case, &ada(), day(1), None, awarded).unwrap().next;
        let settled = dispute.offer(case, &lin(), day(1), None, awarded).unwrap();
        prop_assert!(settled.entries.len() == 1, "the award is one entry");
        story.books(settled);
        let (freelancer, client, fees) = story.money();
        let pays = Quote::at(usd(cents), rate(client_bp), rate(freelancer_bp)).unwrap().client_pays.minor();
        prop_assert_eq!(freelancer + client + fees, pays);
        prop_assert_eq!(freelancer, awarded.minor() - awarded.share(rate(freelancer_bp)).minor());
        prop_assert!(client >= cents - awarded.minor());
    }

    #[test]
    fn money_handed_over_is_worth_the_same_in_two_milestones_as_in_one(
        cents in 200i64..3_000_000, part in 1i64..3_000_000, client_bp in 0u16..2_000,
    ) {
        let part = part % (cents - 1) + 1;
        let mut story = Story::submitted(1, cents, terms(client_bp, 500));
        let terms = story.milestone.terms.clone();
        let draft = MilestoneDraft::parse("More", "", usd(5_000), None, &terms).unwrap();
        let deal = Deal { client: id(1), freelancer: id(1), contract: Some(id(1)), offer: None, terms };
        let next = Milestone::agreed(id(2), deal, draft).next;
        let change = story.milestone.clone().approve_and_hand_over(next, &ada(), day(1), None, usd(part));
        if part == cents {
            prop_assert!(change.is_err(), "nothing would be left to hand over");
            return Ok(());
        }
        let (first, second) = story.books(change.unwrap());
        let (kept, moved) = (first.escrow.parts(), second.escrow.parts());
        prop_assert_eq!(moved.held.minor(), cents - part);
        prop_assert_eq!(story.balance(LedgerAccount::Escrow(id(2))), cents - part);
        prop_assert_eq!(second.amount, usd(5_000 + cents - part));
        // The client's fee went along with the money it was paid for.
        let fee = kept.client_fee_kept.plus(kept.client_fee_open).unwrap().plus(moved.client_fee_open).unwrap();
        prop_assert_eq!(fee, usd(cents).share(rate(client_bp)));
    }

    #[test]
    fn a_share_is_the_nearest_cent_and_grows_with_the_amount_and_the_rate(
        cents in 0..=Money::MAX_MINOR, more in 0i64..1_000_000, bp in 0u16..=10_000, more_bp in 0u16..=10_000,
    ) {
        let share = usd(cents).share(rate(bp)).minor();
        let exact = i128::from(cents) * i128::from(bp);
        prop_assert!((i128::from(share) * 10_000 - exact).abs() <= 5_000);
        let larger = usd((cents + more).min(Money::MAX_MINOR)).share(rate(bp)).minor();
        prop_assert!(share <= larger && share <= cents);
        prop_assert!(share <= usd(cents).share(rate(bp.max(more_bp))).minor());
        prop_assert!((share + usd(cents).share(rate(10_000 - bp)).minor() - cents).abs() <= 1);
    }

    #[test]
    fn a_proportion_taken_bit_by_bit_is_used_up_with_the_last_cent(
        whole in 1i64..10_000_000, of in 0i64..10_000_000, bits in prop::collection::vec(1i64..1_000_000, 1..20),
    ) {
        let (mut left, mut of_left) = (usd(whole), usd(of));
        for bit in bits.into_iter().chain([i64::MAX]) {
            let bit = usd(bit.min(left.minor()));
            let taken = of_left.in_proportion(bit, left);
            of_left = of_left.minus(taken).unwrap();
            left = left.minus(bit).unwrap();
        }
        prop_assert!(left.is_zero() && of_left.is_zero());
    }

    #[test]
    fn a_week_is_worth_its_minutes_however_they_are_written_down(
        hourly in 100i64..50_000, minutes in prop::collection::vec(1u32..300, 1..7),
    ) {
        let week = |entries: &[u32]| {
            let hourly = Hourly {
                contract: id(1),
                client: id(1),
                freelancer: id(1),
                terms: Terms::default(),
                hourly_rate: usd(hourly),
                limit_minutes: None,
            };
            let empty = Timesheet::open(id(1), hourly, day(0)).next;
            entries.iter().enumerate().fold(empty, |week, (n, &minutes)| {
                let (date, note) = (day(n as i64).date_naive(), "Work".to_owned());
                let entry = TimeEntry { id: id(n as u128), date, minutes, note, manual: false };
                week.add_entry(&lin(), day(6), None, entry).unwrap().next
            })
        };
        let total: u32 = minutes.iter().sum();
        let amount = week(&minutes).amount().unwrap();
        prop_assert_eq!(amount, week(&[total.min(1_440), total - total.min(1_440)][..if total > 1_440 { 2 } else { 1 }]).amount().unwrap());
        let exact = i128::from(hourly) * i128::from(total);
        prop_assert!((i128::from(amount.minor()) * 60 - exact).abs() <= 30);
    }

    #[test]
    fn business_days_are_counted_one_by_one(start in 0i64..3_000, hour in 0i64..24, count in 0u16..40) {
        let from = day(start) + TimeDelta::hours(hour);
        let to = business_days_after(from, count);
        let weekend = |at: Timestamp| matches!(at.weekday(), Weekday::Sat | Weekday::Sun);
        prop_assert_eq!(to.time(), from.time());
        let days = (to - from).num_days();
        let worked = (1..=days).filter(|&n| !weekend(from + TimeDelta::days(n))).count();
        prop_assert_eq!(worked, usize::from(count));
        prop_assert!(count == 0 && to == from || !weekend(to));
        prop_assert!(business_days_after(from, count + 1) > to);
    }
}

#[test]
fn a_quote_is_in_one_currency_and_says_what_each_side_pays_and_gets() {
    let quote = Terms::default().quote(usd(100_001)).unwrap();
    let said = [quote.amount, quote.client_fee, quote.client_pays, quote.freelancer_fee, quote.freelancer_gets];
    assert_eq!(said.map(Money::minor), [100_001, 3_000, 103_001, 5_000, 95_001]);
    assert!(said.iter().all(|amount| amount.currency() == Currency::Usd));
}
