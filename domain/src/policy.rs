//! Policy: fees and time limits as data. A [`PolicyVersion`] is a dated row of a table; a contract
//! keeps a snapshot of the [`Terms`] it was made under, so a new policy never changes an old deal.

use chrono::{Datelike, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::compliance::Wording;
use crate::milestone::Kind;
use crate::money::{Currency, Money, MoneyError, Rate};
use crate::refusal::{Invalid, Refusal};

/// Terms that hold for contracts made from an instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Counts up; named on statements.
    pub number: i32,
    /// Contracts made from this instant on get these terms.
    pub effective_from: Timestamp,
    /// Why it was introduced.
    pub note: String,
    /// What it says.
    pub terms: Terms,
}

/// The version in force at an instant: the latest that has begun, by its date and then its number.
pub fn in_force(versions: &[PolicyVersion], now: Timestamp) -> Option<&PolicyVersion> {
    let begun = versions.iter().filter(|version| version.effective_from <= now);
    begun.max_by_key(|version| (version.effective_from, version.number))
}

/// The figures that decisions are made by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// What the freelancer pays, out of the amount released.
    pub freelancer_fee: Rate,
    /// What the client pays, on top of the amount funded.
    pub client_fee: Rate,
    /// What the freelancer pays out of a tip.
    pub tip_fee: Rate,
    /// Is the client's fee given back with the part of the money that is refunded?
    pub client_fee_returned: bool,
    /// The smallest amount of a milestone, bonus or tip.
    pub milestone_min: Money,
    /// The largest amount of a milestone, bonus or tip.
    pub milestone_max: Money,
    /// A tip can be given for so many days after the end of a contract.
    pub tip_days: u16,

    /// An offer nobody answered expires after so many days.
    pub offer_expiry_days: u16,
    /// A payment the processor says nothing about is given up after so many hours.
    pub funding_expiry_hours: u16,
    /// Submitted work nobody answered is approved after so many days.
    pub review_days: u16,
    /// While nobody on a client's side may answer, silence is not taken for a yes for so many days more, at most. Beyond,
    /// the freelancer would wait for good for work that was done.
    pub barred_days: u16,
    /// The client is reminded of it on these days after the submission.
    pub review_notice_days: Vec<u16>,
    /// From this round of requested changes on, either side may open a dispute.
    pub dispute_from_round: u16,
    /// Approved money is pending for so many days (0 to 14, by risk).
    pub security_hold_days: u16,
    /// And for so many instead, no fewer, where a bank took money of the client's back not long ago. A deal made before
    /// there was such a rule knows nothing of it.
    #[serde(default = "none_more")]
    pub risk_hold_days: u16,
    /// For so many days a bank's taking back counts, unless it gives the money back.
    pub risk_days: u16,
    /// A refund request waits so many days for the freelancer.
    pub refund_request_days: u16,
    /// Both sides are reminded of a funded milestone without activity on these days.
    pub dormancy_notice_days: Vec<u16>,
    /// A funded milestone without activity is dormant after so many days.
    pub dormancy_days: u16,
    /// A dormant milestone is refunded when both sides are silent for so many days more.
    pub dormancy_answer_days: u16,
    /// A freelancer can give released money back within so many days.
    pub refund_after_days: u16,
    /// Does a chargeback take a milestone's money out of the freelancer's pending balance?
    pub chargeback_takes_pending: bool,
    /// Outage grace extends the deadlines of one milestone by no more than so many hours.
    pub grace_cap_hours: u16,

    /// The longest week of an hourly contract, in minutes, where the contract names no limit.
    pub weekly_limit_minutes: u32,
    /// A week goes to the client by itself so many hours after it is over, which is on Monday at 0:00, UTC.
    pub timesheet_submit_hours: u16,
    /// What came by then is approved by silence so many minutes after the week was over; what comes later gets as long
    /// as that leaves.
    pub timesheet_approve_minutes: u32,
    /// What is charged by then is paid so many hours after the week was over; what is charged later, as many whole
    /// weeks later.
    pub timesheet_pay_hours: u16,
    /// A failed charge of a week is tried again after so many days each.
    pub charge_retry_days: Vec<u16>,
    /// A week whose every charge failed waits for the client for so many days. What the client owes for it is not given up
    /// by that: it is owed outside of what is kept here.
    pub write_off_days: u16,
    /// And both sides are told so many days before it is over.
    pub write_off_notice_days: u16,

    /// The other side of a dispute answers within so many business days.
    pub dispute_answer_business_days: u16,
    /// The mediators are reminded of a dispute that waits for them every so many days.
    pub dispute_reminder_days: u16,
    /// Both sides take or refuse a recommendation, and pay for arbitration, within so many days.
    pub arbitration_days: u16,
    /// What each side pays for arbitration.
    pub arbitration_fee: Money,
    /// Disputes over less than this are heard without a fee.
    pub small_claims_under: Money,

    /// The smallest payout.
    pub payout_min: Money,
    /// What a person pays out within 24 hours is no more than this.
    pub payout_day_max: Money,
    /// And is asked for no more often than so.
    pub payout_day_count: u16,
    /// In a month this much may be kept in dollars, or the share below if that is more.
    pub retention_month_max: Money,
    /// The share of a month's payouts that may be kept in dollars.
    pub retention_share: Rate,
    /// What banks in Pakistan withhold from exporters of services who are registered with the software export board, by
    /// law of the day: not ours to take, only to estimate.
    pub withheld_registered: Rate,
    /// The same, of those who are not.
    pub withheld_others: Rate,
    /// A new payout method waits so many days before its first payout.
    pub payout_method_cooling_days: u16,
    /// A payout whose outcome is unknown is asked about again after so many minutes.
    pub payout_poll_minutes: u16,

    /// Who moved to another country certifies their tax form anew within so many days, or their contracts are held.
    pub tax_form_move_days: u16,

    /// After a contract's end its reviews can be written for so many days.
    pub review_writing_days: u16,
    /// A contract is reviewed once its freelancer got this much out of it.
    pub review_paid_min: Money,

    /// Which version of the clauses of [`crate::compliance::Wording`] the deal is made under: where the work is done, and
    /// whose it is. None in a deal made before there were any.
    #[serde(default = "none_more")]
    pub clauses: u16,
}

/// What terms say of a longer hold, and of clauses, that were agreed on before there was one.
const fn none_more() -> u16 {
    0
}

impl Default for Terms {
    fn default() -> Self {
        const fn bp(basis_points: u16) -> Rate {
            match Rate::basis_points_of(basis_points) {
                Ok(rate) => rate,
                Err(_) => Rate::ZERO,
            }
        }
        const fn dollars(amount: i64) -> Money {
            match Money::new(amount * 100, Currency::Usd) {
                Ok(money) => money,
                Err(_) => Money::zero(Currency::Usd),
            }
        }
        Self {
            freelancer_fee: bp(500),
            client_fee: bp(300),
            tip_fee: Rate::ZERO,
            client_fee_returned: true,
            milestone_min: dollars(1),
            milestone_max: dollars(970_000),
            tip_days: 30,
            offer_expiry_days: 7,
            funding_expiry_hours: 24,
            review_days: 14,
            barred_days: 30,
            review_notice_days: vec![7, 12, 13],
            dispute_from_round: 3,
            security_hold_days: 5,
            risk_hold_days: 14,
            risk_days: 180,
            refund_request_days: 7,
            dormancy_notice_days: vec![76, 83],
            dormancy_days: 90,
            dormancy_answer_days: 14,
            refund_after_days: 180,
            chargeback_takes_pending: true,
            grace_cap_hours: 72,
            weekly_limit_minutes: 40 * 60,
            // Monday at 12:00, Friday at 23:59, and Wednesday at 12:00 of the week after.
            timesheet_submit_hours: 12,
            timesheet_approve_minutes: 5 * 24 * 60 - 1,
            timesheet_pay_hours: 9 * 24 + 12,
            charge_retry_days: vec![1, 3, 5],
            write_off_days: 60,
            write_off_notice_days: 7,
            dispute_answer_business_days: 5,
            dispute_reminder_days: 3,
            arbitration_days: 7,
            arbitration_fee: dollars(150),
            small_claims_under: dollars(500),
            payout_min: dollars(10),
            payout_day_max: dollars(100_000),
            payout_day_count: 20,
            retention_month_max: dollars(5_000),
            retention_share: bp(5_000),
            withheld_registered: bp(25),
            withheld_others: bp(100),
            payout_method_cooling_days: 3,
            payout_poll_minutes: 15,
            tax_form_move_days: 30,
            review_writing_days: 14,
            review_paid_min: dollars(1),
            clauses: Wording::latest().version,
        }
    }
}

/// A version that one of our people wants to introduce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDraft {
    /// From when on it holds.
    pub effective_from: Timestamp,
    /// Why it is introduced.
    pub note: String,
}

impl PolicyDraft {
    /// One of our people introduces the next version: `edit` makes its terms out of those that would
    /// else be in force then. It never reaches back: what was agreed on before it begins stays.
    pub fn introduce(
        self,
        actor: &Actor,
        now: Timestamp,
        standing: &[PolicyVersion],
        edit: impl FnOnce(Terms) -> Result<Terms, Refusal>,
    ) -> Result<Change<PolicyVersion>, Refusal> {
        access::check(actor, Verb::PolicyVersionAdd, &Subject::OURS)?;
        let mut invalid = Invalid::default();
        if self.effective_from < now {
            invalid.add("effectiveFrom", "OUT_OF_RANGE", "can't be in the past");
        } else if self.effective_from > now + TimeDelta::days(3_650) {
            invalid.add("effectiveFrom", "OUT_OF_RANGE", "must be within ten years");
        }
        let note = invalid.text("note", &self.note, 1..=500);
        let base = in_force(standing, self.effective_from).map(|version| version.terms.clone()).unwrap_or_default();
        let terms = match edit(base) {
            Ok(terms) => {
                if let Err(refusal) = terms.check() {
                    invalid.nest("terms", refusal);
                }
                terms
            }
            Err(refusal) => {
                invalid.take(refusal);
                Terms::default()
            }
        };
        invalid.finish()?;
        let number = standing.iter().map(|version| version.number).max().unwrap_or_default() + 1;
        Ok(Change::to(PolicyVersion { number, effective_from: self.effective_from, note, terms }))
    }
}

/// What an amount would cost, and by which version of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The version.
    pub version: i32,
    /// The time whose policy it is.
    pub as_of: Timestamp,
    /// For what.
    pub kind: Kind,
    /// All of it, as one.
    pub whole: Quote,
    /// Split, each part by itself. The amounts add up to the whole; the fees, each rounded to the
    /// cent, may differ from the fee of the whole by a cent a part.
    pub parts: Vec<Quote>,
}

/// What can be charged at once at most, in cents: the processor takes eight digits.
const CHARGE_MAX: i64 = 99_999_999;
/// What can be charged at once at least, in cents: the processor refuses anything below.
const CHARGE_MIN: i64 = 50;
/// Notices are given, and charges are tried again, on so many days at most.
pub const NOTICES_MAX: usize = 20;
/// A preview is split into so many parts, at most.
pub const PARTS_MAX: usize = 100;

impl PolicyVersion {
    /// What each side would pay and get for an amount of this kind, and for its parts if it is split
    /// in proportion to `weights`.
    pub fn preview(&self, kind: Kind, amount: Money, weights: &[u32]) -> Result<Preview, Refusal> {
        let mut invalid = Invalid::default();
        self.terms.check_amount(&mut invalid, "amount", amount);
        if weights.len() > PARTS_MAX {
            invalid.add("weights", "TOO_MANY", format!("at most {PARTS_MAX} parts"));
        }
        if !weights.is_empty() && weights.iter().all(|&weight| weight == 0) {
            invalid.add("weights", "OUT_OF_RANGE", "one of them must be above zero");
        }
        invalid.finish()?;
        let quote = |amount| self.terms.quote_of(kind, amount);
        Ok(Preview {
            version: self.number,
            as_of: self.effective_from,
            kind,
            whole: quote(amount)?,
            parts: amount.split(weights).into_iter().map(quote).collect::<Result<_, _>>()?,
        })
    }
}

/// What each side of a payment pays and gets, fixed before funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The amount that goes into escrow.
    pub amount: Money,
    /// On top of it.
    pub client_fee: Money,
    /// What of the payment is the client's credit, since less than the whole of it can't be charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_credit: Option<Money>,
    /// What the client's card is charged: amount and fee, and what becomes credit.
    pub client_pays: Money,
    /// Taken out of the amount when it is released.
    pub freelancer_fee: Money,
    /// What the freelancer gets when all of it is released.
    pub freelancer_gets: Money,
}

impl Quote {
    /// The quote of an amount at two rates.
    pub fn at(amount: Money, client: Rate, freelancer: Rate) -> Result<Self, MoneyError> {
        let client_fee = amount.share(client);
        let freelancer_fee = amount.share(freelancer);
        Ok(Self {
            amount,
            client_fee,
            to_credit: None,
            client_pays: amount.plus(client_fee)?,
            freelancer_fee,
            freelancer_gets: amount.minus(freelancer_fee)?,
        })
    }

    /// The same, for what is owed however little it is: a card is charged the least that can be, and what that is more
    /// is the client's credit.
    pub fn charged_at_least(self) -> Result<Self, MoneyError> {
        let least = Money::new(CHARGE_MIN, self.amount.currency())?;
        let more = least.minus_or_zero(self.client_pays)?;
        if self.amount.is_zero() || more.is_zero() {
            return Ok(self);
        }
        Ok(Self { to_credit: Some(more), client_pays: least, ..self })
    }
}

impl Terms {
    /// What each side pays and gets for an amount of work: the preview, and what funding is fixed to.
    pub fn quote(&self, amount: Money) -> Result<Quote, MoneyError> {
        self.quote_of(Kind::Work, amount)
    }

    /// The same, for what is given too.
    pub fn quote_of(&self, kind: Kind, amount: Money) -> Result<Quote, MoneyError> {
        Quote::at(amount, self.client_fee, self.freelancer_fee_of(kind))
    }

    /// What the freelancer pays out of money of this kind.
    pub fn freelancer_fee_of(&self, kind: Kind) -> Rate {
        match kind {
            Kind::Work | Kind::Bonus => self.freelancer_fee,
            Kind::Tip => self.tip_fee,
        }
    }

    /// For how many days money that comes `now` is held once it is approved. A bank took money of the client's back at
    /// `taken_back_at`, last, and has not given it back.
    pub fn hold_days(&self, taken_back_at: Option<Timestamp>, now: Timestamp) -> u16 {
        if taken_back_at.is_some_and(|at| now < at + days(self.risk_days)) {
            self.security_hold_days.max(self.risk_hold_days)
        } else {
            self.security_hold_days
        }
    }

    /// Check an amount of a milestone against the limits.
    pub fn check_amount(&self, invalid: &mut Invalid, path: &str, amount: Money) {
        if amount.currency() != self.milestone_min.currency() {
            invalid.add(path, "CURRENCY", format!("must be in {}", self.milestone_min.currency()));
        } else if amount.minor() < self.milestone_min.minor() || amount.minor() > self.milestone_max.minor() {
            let message = format!("must be between {} and {}", self.milestone_min, self.milestone_max);
            invalid.add(path, "OUT_OF_RANGE", message);
        } else if !self.can_be_charged(amount) {
            let message = "no more than 999,999.99 can be charged at once, the client's fee included";
            invalid.add(path, "OUT_OF_RANGE", message);
        }
    }

    /// Can so much be charged at once, with the client's fee?
    pub(crate) fn can_be_charged(&self, amount: Money) -> bool {
        self.quote_of(Kind::Work, amount).is_ok_and(|quote| quote.client_pays.minor() <= CHARGE_MAX)
    }

    /// Are these terms that decisions can be made by? Asked before a policy version is introduced.
    pub fn check(&self) -> Result<(), Refusal> {
        let mut invalid = Invalid::default();
        // Whoever mistypes a rate shall not take everything.
        for (path, rate) in [
            ("freelancerFeeBp", self.freelancer_fee),
            ("clientFeeBp", self.client_fee),
            ("tipFeeBp", self.tip_fee),
            ("withheldRegisteredBp", self.withheld_registered),
            ("withheldOthersBp", self.withheld_others),
        ] {
            invalid.range(path, rate.basis_points(), 0..=5_000);
        }
        invalid.range("tipDays", self.tip_days, 0..=365);
        invalid.range("refundAfterDays", self.refund_after_days, 0..=3650);
        invalid.range("graceCapHours", self.grace_cap_hours, 0..=720);
        if matches!(self.payout_day_max.covers(self.payout_min), Ok(false)) {
            invalid.add("payoutDayMax", "OUT_OF_RANGE", "can't be less than the smallest payout");
        }
        if self.payout_min.is_zero() {
            invalid.add("payoutMin", "OUT_OF_RANGE", "must be above zero: nothing can't be paid out");
        }
        if self.retention_month_max.currency() != Currency::Usd {
            invalid.add("retentionMonthMax", "CURRENCY", "must be in USD");
        }
        invalid.range("payoutDayCount", self.payout_day_count, 1..=1_000);
        invalid.range("payoutMethodCoolingDays", self.payout_method_cooling_days, 0..=60);
        invalid.range("securityHoldDays", self.security_hold_days, 0..=14);
        invalid.range("riskHoldDays", self.risk_hold_days, self.security_hold_days.min(14)..=14);
        invalid.range("riskDays", self.risk_days, 0..=3650);
        invalid.range("reviewDays", self.review_days, 1..=90);
        invalid.range("barredDays", self.barred_days, 0..=365);
        invalid.range("writeOffDays", self.write_off_days, 1..=365);
        invalid.range("writeOffNoticeDays", self.write_off_notice_days, 1..=90);
        invalid.range("timesheetSubmitHours", self.timesheet_submit_hours, 1..=72);
        // A day at the least to look at it, and no money before that is over.
        let looked_at = (u32::from(self.timesheet_submit_hours.min(72)) + 24) * 60;
        invalid.range("timesheetApproveMinutes", self.timesheet_approve_minutes, looked_at..=14 * 24 * 60);
        let approved = u16::try_from(self.timesheet_approve_minutes.div_ceil(60)).unwrap_or(u16::MAX).min(35 * 24);
        invalid.range("timesheetPayHours", self.timesheet_pay_hours, approved..=35 * 24);
        invalid.range("refundRequestDays", self.refund_request_days, 1..=90);
        invalid.range("fundingExpiryHours", self.funding_expiry_hours, 1..=720);
        invalid.range("offerExpiryDays", self.offer_expiry_days, 1..=90);
        invalid.range("dormancyDays", self.dormancy_days, 1..=3650);
        invalid.range("dormancyAnswerDays", self.dormancy_answer_days, 1..=3650);
        invalid.range("disputeAnswerBusinessDays", self.dispute_answer_business_days, 1..=60);
        invalid.range("disputeReminderDays", self.dispute_reminder_days, 1..=60);
        invalid.range("disputeFromRound", self.dispute_from_round, 1..=100);
        invalid.range("arbitrationDays", self.arbitration_days, 1..=90);
        invalid.range("reviewWritingDays", self.review_writing_days, 1..=90);
        invalid.range("taxFormMoveDays", self.tax_form_move_days, 1..=365);
        invalid.range("payoutPollMinutes", self.payout_poll_minutes, 1..=1440);
        invalid.range("clauses", self.clauses, 1..=Wording::latest().version);
        invalid.range("weeklyLimitMinutes", self.weekly_limit_minutes, 1..=7 * 24 * 60);
        let within = |days: &[u16], end: u16| days.is_sorted_by(|a, b| a < b) && days.iter().all(|&day| day < end);
        if !within(&self.review_notice_days, self.review_days) {
            invalid.add("reviewNoticeDays", "OUT_OF_RANGE", "must rise, and lie before the review ends");
        }
        if !within(&self.dormancy_notice_days, self.dormancy_days) {
            invalid.add("dormancyNoticeDays", "OUT_OF_RANGE", "must rise, and lie before dormancy");
        }
        if self.charge_retry_days.iter().any(|&day| !(1..=30).contains(&day)) {
            invalid.add("chargeRetryDays", "OUT_OF_RANGE", "must each be between 1 and 30");
        }
        for (path, days) in [
            ("reviewNoticeDays", &self.review_notice_days),
            ("dormancyNoticeDays", &self.dormancy_notice_days),
            ("chargeRetryDays", &self.charge_retry_days),
        ] {
            if days.len() > NOTICES_MAX {
                invalid.add(path, "TOO_MANY", format!("at most {NOTICES_MAX} days"));
            }
        }
        let currency = self.milestone_min.currency();
        let amounts =
            [self.milestone_max, self.arbitration_fee, self.small_claims_under, self.payout_min, self.review_paid_min];
        if amounts.iter().any(|amount| amount.currency() != currency) {
            invalid.add("milestoneMin", "CURRENCY", "all amounts of one policy are in one currency");
        }
        if self.milestone_min.is_zero() || self.milestone_max.minor() < self.milestone_min.minor() {
            invalid.add("milestoneMin", "OUT_OF_RANGE", "must be above zero and no larger than the largest");
        }
        invalid.finish()
    }
}

/// So many days, as a length of time.
pub fn days(days: u16) -> TimeDelta {
    TimeDelta::days(i64::from(days))
}

/// So many hours, as a length of time.
pub fn hours(hours: u16) -> TimeDelta {
    TimeDelta::hours(i64::from(hours))
}

/// The same time of day so many business days (Monday to Friday, UTC) later. From a weekend the
/// count begins on Monday.
pub fn business_days_after(from: Timestamp, count: u16) -> Timestamp {
    let mut at = from;
    let mut left = count;
    while left > 0 {
        at += TimeDelta::days(1);
        if !matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
            left -= 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_preview_to_the_cent() {
        let quote = Terms::default().quote(Money::usd(33_333).unwrap()).unwrap();
        let minor =
            [quote.client_fee, quote.client_pays, quote.freelancer_fee, quote.freelancer_gets].map(Money::minor);
        assert_eq!(minor, [1_000, 34_333, 1_667, 31_666]);
    }

    #[test]
    fn no_amount_is_beyond_what_can_be_charged_with_the_fee() {
        let refused = |terms: &Terms, cents| {
            let mut invalid = Invalid::default();
            terms.check_amount(&mut invalid, "amount", Money::usd(cents).unwrap());
            invalid.finish().is_err()
        };
        let usual = Terms::default();
        assert!(!refused(&usual, usual.milestone_max.minor()), "the largest by default");
        // With 3 % these are 999,999.99 and a cent more.
        let larger = Terms { milestone_max: Money::usd(200_000_000).unwrap(), ..usual };
        assert!(!refused(&larger, 97_087_378) && refused(&larger, 97_087_379));
        let dearer = Terms { client_fee: Rate::basis_points_of(1_000).unwrap(), ..larger };
        assert!(!refused(&dearer, 90_909_090) && refused(&dearer, 97_000_000));
    }

    #[test]
    fn the_latest_version_that_has_begun_is_in_force() {
        let version = |number, from| PolicyVersion {
            number,
            effective_from: at(from),
            note: String::new(),
            terms: Terms::default(),
        };
        let versions = [version(2, "2026-03-01T00:00:00Z"), version(1, "2026-01-01T00:00:00Z")];
        let number = |now| in_force(&versions, at(now)).map(|version| version.number);
        assert_eq!(number("2025-12-31T23:59:59Z"), None);
        assert_eq!(number("2026-01-01T00:00:00Z"), Some(1));
        assert_eq!(number("2026-03-01T00:00:00Z"), Some(2));
    }

    #[test]
    fn only_an_admin_introduces_a_version_and_never_back_in_time() {
        use crate::access::{Denied, Person, Staff};
        use crate::id::{Id, UserId};
        let person = |staff| {
            let user = UserId::from_uuid(uuid::Uuid::from_u128(1));
            Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
        };
        let first = PolicyVersion {
            number: 1,
            effective_from: at("2026-01-01T00:00:00Z"),
            note: "The first".to_owned(),
            terms: Terms { review_days: 20, ..Terms::default() },
        };
        let now = at("2026-06-01T08:00:00Z");
        let introduce = |actor: &Actor, from: &str, hold: u16| {
            let draft = PolicyDraft { effective_from: at(from), note: "Less to wait".to_owned() };
            let edit = |terms| Ok(Terms { security_hold_days: hold, ..terms });
            draft.introduce(actor, now, std::slice::from_ref(&first), edit)
        };
        let admin = person(Some(Staff::Admin));
        let second = introduce(&admin, "2026-06-01T08:00:00Z", 3).unwrap().next;
        assert_eq!((second.number, second.terms.security_hold_days, second.terms.review_days), (2, 3, 20));
        for actor in [person(None), person(Some(Staff::Mediator))] {
            assert_eq!(introduce(&actor, "2026-01-01T00:00:00Z", 99), Err(Denied::Hidden.into()));
        }
        for (from, hold, path) in [
            ("2026-06-01T07:59:59Z", 3, "effectiveFrom"),
            ("2040-06-01T00:00:00Z", 3, "effectiveFrom"),
            ("2026-07-01T00:00:00Z", 15, "terms.securityHoldDays"),
        ] {
            let Err(Refusal::Invalid { fields }) = introduce(&admin, from, hold) else { panic!("{from} {hold}") };
            assert_eq!(fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), [path]);
        }
    }

    #[test]
    fn a_preview_of_parts_adds_up_to_the_cent() {
        let version = PolicyVersion {
            number: 7,
            effective_from: at("2026-01-01T00:00:00Z"),
            note: String::new(),
            terms: Terms::default(),
        };
        let preview = version.preview(Kind::Work, Money::usd(100).unwrap(), &[1, 1, 1]).unwrap();
        assert_eq!(preview.parts.iter().map(|part| part.amount.minor()).collect::<Vec<_>>(), [34, 33, 33]);
        assert_eq!((preview.version, preview.whole.freelancer_gets.minor()), (7, 95));
        let tip = version.preview(Kind::Tip, Money::usd(10_000).unwrap(), &[]).unwrap();
        assert_eq!((tip.whole.freelancer_gets.minor(), tip.whole.client_pays.minor()), (10_000, 10_300));
        for (cents, weights) in [(99, vec![]), (100, vec![0, 0]), (100, vec![1; 101])] {
            assert!(version.preview(Kind::Work, Money::usd(cents).unwrap(), &weights).is_err(), "{cents} {weights:?}");
        }
    }

    #[test]
    fn business_days_skip_weekends() {
        // 2026-11-20 is a Friday.
        assert_eq!(business_days_after(at("2026-11-20T10:00:00Z"), 1), at("2026-11-23T10:00:00Z"));
        assert_eq!(business_days_after(at("2026-11-20T10:00:00Z"), 5), at("2026-11-27T10:00:00Z"));
        assert_eq!(business_days_after(at("2026-11-21T10:00:00Z"), 1), at("2026-11-23T10:00:00Z"));
    }

    #[test]
    fn terms_nobody_could_work_by_are_refused() {
        assert_eq!(Terms::default().check(), Ok(()));
        let bad: [fn(&mut Terms); 39] = [
            |terms| terms.clauses = 0,
            |terms| terms.clauses = Wording::latest().version + 1,
            |terms| terms.payout_day_count = 0,
            |terms| terms.payout_day_max = Money::zero(Currency::Usd),
            |terms| terms.retention_month_max = Money::zero(Currency::Pkr),
            |terms| terms.charge_retry_days = vec![1; 21],
            |terms| terms.dormancy_notice_days = (1..=21).collect(),
            |terms| terms.dispute_reminder_days = 0,
            |terms| terms.dispute_from_round = 0,
            |terms| terms.review_writing_days = 0,
            |terms| terms.charge_retry_days = vec![1, 0],
            |terms| terms.review_paid_min = Money::zero(Currency::Pkr),
            |terms| terms.security_hold_days = 15,
            |terms| terms.risk_hold_days = 15,
            |terms| terms.risk_hold_days = 4,
            |terms| terms.risk_days = 3_651,
            |terms| terms.tip_days = 366,
            |terms| terms.barred_days = 366,
            |terms| terms.write_off_days = 0,
            |terms| terms.write_off_notice_days = 0,
            |terms| terms.timesheet_submit_hours = 0,
            |terms| terms.timesheet_submit_hours = 73,
            |terms| terms.timesheet_approve_minutes = 36 * 60 - 1,
            |terms| terms.timesheet_approve_minutes = 14 * 24 * 60 + 1,
            |terms| (terms.timesheet_submit_hours, terms.timesheet_approve_minutes) = (48, 72 * 60 - 1),
            |terms| terms.timesheet_pay_hours = 119,
            |terms| terms.timesheet_pay_hours = 35 * 24 + 1,
            |terms| terms.tax_form_move_days = 0,
            |terms| terms.tax_form_move_days = 366,
            |terms| terms.withheld_registered = Rate::basis_points_of(5_001).unwrap(),
            |terms| terms.withheld_others = Rate::basis_points_of(5_001).unwrap(),
            |terms| terms.client_fee = Rate::basis_points_of(5_001).unwrap(),
            |terms| terms.grace_cap_hours = 721,
            |terms| terms.payout_method_cooling_days = 61,
            |terms| terms.review_days = 0,
            |terms| terms.review_notice_days = vec![7, 14],
            |terms| terms.dormancy_notice_days = vec![83, 76],
            |terms| terms.milestone_min = Money::zero(Currency::Usd),
            |terms| terms.payout_min = Money::zero(Currency::Usd),
        ];
        for spoil in bad {
            let mut terms = Terms::default();
            spoil(&mut terms);
            assert!(matches!(terms.check(), Err(Refusal::Invalid { .. })), "{terms:?}");
        }
    }

    #[test]
    fn terms_survive_the_round_trip_and_old_snapshots_can_be_read() {
        let terms = Terms { freelancer_fee: Rate::basis_points_of(700).unwrap(), ..Terms::default() };
        let json = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<Terms>(&json).unwrap(), terms);
        // What was agreed on before there was a longer hold is held as it was, and before there were clauses has none.
        let before = Terms { risk_hold_days: 0, clauses: 0, ..terms };
        assert_eq!(serde_json::from_str::<Terms>(r#"{"freelancer_fee":700}"#).unwrap(), before);
    }

    proptest! {
        #[test]
        fn a_quote_adds_up(cents in 0..=Money::MAX_MINOR / 2, client in 0u16..=10_000, freelancer in 0u16..=10_000) {
            let rate = |bp| Rate::basis_points_of(bp).unwrap();
            let quote = Quote::at(Money::usd(cents).unwrap(), rate(client), rate(freelancer)).unwrap();
            prop_assert_eq!(quote.amount.plus(quote.client_fee), Ok(quote.client_pays));
            prop_assert_eq!(quote.freelancer_gets.plus(quote.freelancer_fee), Ok(quote.amount));
            let charged = quote.charged_at_least().unwrap();
            let more = charged.to_credit.map_or(0, Money::minor);
            prop_assert_eq!(quote.client_pays.minor() + more, charged.client_pays.minor());
            prop_assert!(cents == 0 || charged.client_pays.minor() >= CHARGE_MIN);
            prop_assert!(more == 0 || charged.client_pays.minor() == CHARGE_MIN);
        }
    }
}
