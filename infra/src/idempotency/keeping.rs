//! How much of answers is kept for one caller: answers lie for thirty days, so whoever has many kept, or large
//! ones, fills the disk. Counted by each node for itself, as requests are, and by whoever sends them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::refusal::Refusal;

/// So many answers are kept for one caller within an hour.
const ANSWERS_AN_HOUR: u64 = 2_000;
/// So many bytes of answers are kept for one caller within a day.
const BYTES_A_DAY: u64 = 10 << 20;

/// After so many answers those callers are forgotten of whom nothing counts any more.
const SWEEP: u64 = 4_096;

/// What was kept for whom lately.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    of: HashMap<String, Lately>,
    answers: u64,
}

/// What was kept for one caller in the hour and the day that began with the first of it.
#[derive(Debug, Clone, Copy)]
struct Lately {
    answers: u64,
    hour_ends: Timestamp,
    bytes: u64,
    day_ends: Timestamp,
}

impl Lately {
    fn at(now: Timestamp) -> Self {
        Self { answers: 0, hour_ends: now + TimeDelta::hours(1), bytes: 0, day_ends: now + TimeDelta::days(1) }
    }

    /// As it counts at an instant.
    fn seen(self, now: Timestamp) -> Self {
        let fresh = Self::at(now);
        let Self { answers, hour_ends, bytes, day_ends } = self;
        let (answers, hour_ends) = if hour_ends <= now { (0, fresh.hour_ends) } else { (answers, hour_ends) };
        let (bytes, day_ends) = if day_ends <= now { (0, fresh.day_ends) } else { (bytes, day_ends) };
        Self { answers, hour_ends, bytes, day_ends }
    }
}

impl Keeping {
    /// May another answer be kept for a caller?
    ///
    /// # Errors
    /// [`Refusal::Throttled`] when enough of them, or of their bytes, are kept already.
    pub(crate) fn allows(&self, caller: &str, now: Timestamp) -> Result<(), Refusal> {
        let lately = self.held().of.get(caller).map_or_else(|| Lately::at(now), |lately| lately.seen(now));
        let refused = |limit: u64, until: Timestamp, what: &str| {
            metrics::counter!("rabta_throttled_total").increment(1);
            Refusal::Throttled {
                limit: i64::try_from(limit).unwrap_or(i64::MAX),
                retry_after_seconds: (until - now).num_seconds().max(0) + 1,
                message: format!("Too much is kept for your idempotency keys: {limit} {what}. Try again later."),
            }
        };
        if lately.answers >= ANSWERS_AN_HOUR {
            return Err(refused(ANSWERS_AN_HOUR, lately.hour_ends, "answers within an hour"));
        }
        if lately.bytes >= BYTES_A_DAY {
            return Err(refused(BYTES_A_DAY, lately.day_ends, "bytes within a day"));
        }
        Ok(())
    }

    /// An answer of so many bytes was kept.
    pub(crate) fn note(&self, caller: &str, bytes: usize, now: Timestamp) {
        let mut held = self.held();
        held.answers += 1;
        if held.answers.is_multiple_of(SWEEP) {
            held.of.retain(|_, lately| lately.hour_ends.max(lately.day_ends) > now);
        }
        let lately = held.of.entry(caller.to_owned()).or_insert_with(|| Lately::at(now));
        *lately = lately.seen(now);
        lately.answers += 1;
        lately.bytes += u64::try_from(bytes).unwrap_or(u64::MAX / 2);
    }

    fn held(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// The limit that is told, and the seconds to wait.
    fn told(outcome: Result<(), Refusal>) -> Option<(i64, i64)> {
        match outcome {
            Ok(()) => None,
            Err(Refusal::Throttled { limit, retry_after_seconds, .. }) => Some((limit, retry_after_seconds)),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_thousand_answers_are_kept_in_an_hour() {
        let keeping = Keeping::default();
        for _ in 0..2_000 {
            assert_eq!(told(keeping.allows("ada", at(0))), None);
            keeping.note("ada", 100, at(0));
        }
        assert_eq!(told(keeping.allows("ada", at(59))), Some((2_000, 61)));
        assert_eq!(told(keeping.allows("lin", at(59))), None, "another caller");
        assert_eq!(told(keeping.allows("ada", at(60))), None);
    }

    #[test]
    fn ten_megabytes_of_answers_are_kept_in_a_day() {
        let keeping = Keeping::default();
        for nth in 0..10 {
            assert_eq!(told(keeping.allows("ada", at(nth * 60))), None);
            keeping.note("ada", 1 << 20, at(nth * 60));
        }
        assert_eq!(told(keeping.allows("ada", at(24 * 60 - 1))), Some((10 << 20, 61)));
        assert_eq!(told(keeping.allows("ada", at(24 * 60))), None);
    }

    #[test]
    fn callers_of_whom_nothing_counts_any_more_are_forgotten() {
        let keeping = Keeping::default();
        for nth in 1..SWEEP {
            keeping.note(&nth.to_string(), 1, at(0));
        }
        keeping.note("ada", 1, at(24 * 60));
        assert_eq!(keeping.held().of.keys().collect::<Vec<_>>(), ["ada"]);
    }
}
