//! Reputation: what is believed of someone's next piece of work, from how the last ones went.
//!
//! A beta distribution around the mean of all, and its lower side: few outcomes say little, and no
//! one rises by one happy client. Outcomes fade with age, count by value up to a cap, and one
//! client's count at most three times.

use std::collections::BTreeMap;

use chrono::{NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

use super::features::{Answers, Outcomes};
use super::fixed::{Value, exp_minus};
use super::model::Model;
use crate::Timestamp;
use crate::id::OrganizationId;

/// How one finished piece of work went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// For whom.
    pub client: OrganizationId,
    /// When it ended.
    pub at: Timestamp,
    /// What was paid, in US cents.
    pub paid_minor: i64,
    /// How much of it went well: on time, undisputed, rehired, the private answer.
    pub good: Value,
}

/// How well a finished contract went: as its client rated it, from 1 to 5; without a rating, like most.
pub fn went(rating: Option<u8>, model: &Model) -> Value {
    rating.map_or(model.reputation.mean, |rating| Value::ratio(i64::from(rating.clamp(1, 5)) - 1, 4))
}

/// The longest list of one client's outcomes that still counts.
const PER_CLIENT: usize = 3;

/// As of when the outcomes of everybody are weighed who is asked about at an instant: the midnight, UTC, that its week
/// began with. Whoever weighs them within that week, and however late, comes to the same; with the next one they are
/// weighed anew.
pub fn weighed_as_of(now: Timestamp) -> Timestamp {
    now.date_naive().week(Weekday::Mon).first_day().and_time(NaiveTime::MIN).and_utc()
}

/// Weigh outcomes into the sums that scoring uses: by age, by value, and at most three a client.
pub fn weigh(outcomes: &[Outcome], model: &Model, now: Timestamp) -> Outcomes {
    let mut by_client: BTreeMap<OrganizationId, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        by_client.entry(outcome.client).or_default().push(outcome);
    }
    let mut sums = Outcomes { finished: u32::try_from(outcomes.len()).unwrap_or(u32::MAX), ..Outcomes::default() };
    for mut theirs in by_client.into_values() {
        theirs.sort_by_key(|outcome| (std::cmp::Reverse(outcome.at), outcome.paid_minor, outcome.good));
        for outcome in theirs.into_iter().take(PER_CLIENT) {
            let weight = weight_milli(outcome, model, now);
            let good = weight * outcome.good.as_micro() / 1_000_000;
            sums.good_milli = sums.good_milli.saturating_add(u32::try_from(good).unwrap_or(0));
            sums.bad_milli = sums.bad_milli.saturating_add(u32::try_from(weight - good).unwrap_or(0));
        }
    }
    sums
}

fn weight_milli(outcome: &Outcome, model: &Model, now: Timestamp) -> i64 {
    let age_days = (now - outcome.at).num_days().max(0);
    // Half of it is left after the half-life: e^(-ln 2 * age / half-life).
    let faded = exp_minus(age_days * 693_147 / i64::from(model.reputation.half_life_days.max(1)));
    // From half an outcome for the smallest job to two for a large one.
    let sized =
        (500 + outcome.paid_minor.max(0) / i64::from(model.reputation.full_value_minor.max(1_000) / 1_000)).min(2_000);
    sized * faded.as_micro() / 1_000_000
}

/// The lower side of what is believed: the mean less one standard deviation.
pub fn believed(outcomes: Outcomes, model: &Model) -> Value {
    let prior = &model.reputation;
    lower_bound(outcomes.good_milli, outcomes.bad_milli, prior.mean, prior.prior_milli, prior.caution)
}

/// The share of answers that is expected to come within a day, believed as cautiously.
pub fn answering(answers: Answers, model: &Model) -> Value {
    let in_time = answers.in_time.min(answers.asked);
    let (good, bad) = (in_time.saturating_mul(1_000), (answers.asked - in_time).saturating_mul(1_000));
    lower_bound(good, bad, model.answering.mean, model.answering.prior_milli, Value::ZERO)
}

fn lower_bound(good_milli: u32, bad_milli: u32, mean: Value, prior_milli: u32, caution: Value) -> Value {
    let prior_good = i64::from(prior_milli) * mean.as_micro() / 1_000_000;
    let alpha = prior_good + i64::from(good_milli);
    let total = i64::from(prior_milli) + i64::from(good_milli) + i64::from(bad_milli);
    let mean = Value::ratio(alpha, total);
    // Variance of a beta: m (1 - m) / (n + 1). In micro-units squared, so its root is in micro-units.
    let spread = mean.as_micro() * mean.complement().as_micro() * 1_000;
    let variance = spread / (total + 1_000);
    let deviation = i64::try_from(variance.unsigned_abs().isqrt()).unwrap_or(0);
    Value::micro(mean.as_micro() - deviation * caution.as_micro() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use chrono::{Days, TimeZone};

    fn outcome(client: u128, days_ago: u64, good: Value) -> Outcome {
        let at = now().checked_sub_days(Days::new(days_ago)).unwrap();
        Outcome { client: OrganizationId::from_uuid(uuid::Uuid::from_u128(client)), at, paid_minor: 100_000, good }
    }

    fn now() -> Timestamp {
        chrono::Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap()
    }

    #[test]
    fn one_happy_client_is_believed_less_than_twenty() {
        let model = Model::shipped();
        let one = weigh(&[outcome(1, 10, Value::ONE)], model, now());
        let many: Vec<_> = (0..20).map(|client| outcome(client, 10, Value::ONE)).collect();
        let many = weigh(&many, model, now());
        let nothing = believed(Outcomes::default(), model);
        assert!(nothing < believed(one, model));
        assert!(believed(one, model) < believed(many, model));
    }

    #[test]
    fn a_single_client_counts_three_times_at_most_and_old_work_half() {
        let model = Model::shipped();
        let three: Vec<_> = (0..3).map(|days| outcome(1, days, Value::ONE)).collect();
        let ten: Vec<_> = (0..10).map(|days| outcome(1, days, Value::ONE)).collect();
        assert_eq!(weigh(&three, model, now()).good_milli, weigh(&ten, model, now()).good_milli);
        assert_eq!(weigh(&ten, model, now()).finished, 10);
        let (fresh, old) =
            (outcome(1, 0, Value::ONE), outcome(1, u64::from(model.reputation.half_life_days), Value::ONE));
        let (fresh, old) = (weigh(&[fresh], model, now()), weigh(&[old], model, now()));
        assert!(fresh.good_milli.abs_diff(old.good_milli * 2) <= 2, "{fresh:?} {old:?}");
    }

    #[test]
    fn outcomes_weigh_the_same_all_week_and_less_from_one_week_to_the_next_until_nothing_is_left() {
        let model = Model::shipped();
        // A Monday.
        assert_eq!(weighed_as_of(now()), now());
        let ended = [outcome(1, 40, Value::milli(750))];
        let weighed = |after: chrono::TimeDelta| weigh(&ended, model, weighed_as_of(now() + after));
        let week = chrono::TimeDelta::weeks(1);
        let first = weighed(chrono::TimeDelta::zero());
        assert_eq!(weighed(week - chrono::TimeDelta::seconds(1)), first);
        let mut before = first;
        for weeks in 1..=52 {
            let then = weighed(week * weeks);
            assert!(then.good_milli < before.good_milli && then.bad_milli <= before.bad_milli, "{weeks}: {then:?}");
            before = then;
        }
        let long_gone = weighed(week * 52 * 20);
        assert_eq!((long_gone.good_milli, long_gone.bad_milli, long_gone.finished), (0, 0, 1));
        // What ended within the week is not older than new.
        assert_eq!(weigh(&[outcome(1, 0, Value::ONE)], model, now() - week).good_milli, 1_500);
    }

    #[test]
    fn failures_lower_what_is_believed() {
        let model = Model::shipped();
        let good: Vec<_> = (0..6).map(|client| outcome(client, 10, Value::ONE)).collect();
        let mixed: Vec<_> =
            (0..6).map(|client| outcome(client, 10, Value::milli(if client < 3 { 0 } else { 1_000 }))).collect();
        assert!(believed(weigh(&mixed, model, now()), model) < believed(weigh(&good, model, now()), model));
        assert!(answering(Answers { asked: 10, in_time: 2 }, model) < answering(Answers::default(), model));
    }
}
