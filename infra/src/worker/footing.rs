//! Whether this node should work as it is. A worker whose schema is not the database's would carry out deadlines by
//! rules that no longer hold, or not yet; one whose clock is wrong would carry them out before their time, and what was
//! approved or released by mistake does not come back.

use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use sea_orm::FromQueryResult;
use tokio::time::Instant;

use crate::market::Market;
use crate::migrate::{self, SchemaError};
use crate::sql::sql;
use crate::{Failure, Fault};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How far this machine's clock may be from the database's, before or behind.
const ASTRAY: TimeDelta = TimeDelta::seconds(30);

/// What was seen the last time.
#[derive(Debug, Default)]
pub(super) struct Footing {
    looked_at: Option<Instant>,
    unfit: Option<String>,
}

impl Footing {
    /// Should this node work? A database that does not answer is no reason why not: that is found out soon enough.
    /// But before it was looked once nothing is begun: a machine that starts with its database may have a wrong clock.
    pub(super) async fn holds(&mut self, market: &Market) -> bool {
        if self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            let unfit = match market.unfit_to_work().await {
                Ok(unfit) => unfit,
                Err(failure) => {
                    tracing::warn!(error = %failure, "the worker could not look whether this node should work");
                    if self.looked_at.is_none() {
                        return false;
                    }
                    self.unfit.clone()
                }
            };
            match (&self.unfit, &unfit) {
                (before, Some(why)) if before.as_ref() != Some(why) => {
                    tracing::error!(why, "the worker takes nothing up on this node");
                }
                (Some(_), None) => tracing::info!("the worker takes up work again"),
                (Some(_) | None, _) => {}
            }
            market.pulse().rests(unfit.clone());
            (self.unfit, self.looked_at) = (unfit, Some(Instant::now()));
        }
        self.unfit.is_none()
    }
}

#[derive(FromQueryResult)]
struct Now {
    at: Timestamp,
}

impl Market {
    /// Why this node should take no work up, if there is a reason.
    ///
    /// # Errors
    /// [`Fault::Database`] if the database does not answer.
    pub async fn unfit_to_work(&self) -> Result<Option<String>, Failure> {
        match migrate::check(self.db()).await {
            Ok(()) => {}
            Err(SchemaError::Failed(error)) => return Err(Fault::from(error).into()),
            Err(other) => return Ok(Some(format!("{other}: {}", other.remedy()))),
        }
        // A clock that can be moved is a sandbox's, and its own.
        if self.clock().can_be_moved() {
            return Ok(None);
        }
        let before = self.clock().now();
        let now = Now::find_by_statement(sql("select clock_timestamp() as at", [])).one(self.db()).await?;
        let after = self.clock().now();
        let ahead = now.map_or(TimeDelta::zero(), |now| ahead(before, now.at, after));
        Ok((ahead.abs() > ASTRAY).then(|| {
            let (seconds, side) =
                (ahead.num_seconds().abs(), if ahead > TimeDelta::zero() { "ahead of" } else { "behind" });
            format!("this machine's clock is {seconds} seconds {side} the database's: set both by the same time server")
        }))
    }
}

/// How far a clock is ahead of another at the least, which said its time after `before` and before `after`; below zero
/// if it is behind.
fn ahead(before: Timestamp, said: Timestamp, after: Timestamp) -> TimeDelta {
    if said < before {
        before - said
    } else if said > after {
        after - said
    } else {
        TimeDelta::zero()
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DatabaseConnection;

    use super::*;
    use crate::clock::Clock;
    use crate::market::Equipment;

    #[tokio::test]
    async fn a_database_that_does_not_answer_keeps_nobody_from_work_but_who_never_looked() {
        let away = DatabaseConnection::default();
        let market = Market::new(away, Clock::System, Equipment::throwaway().unwrap());
        assert!(!Footing::default().holds(&market).await);
        for (unfit, holds) in [(None, true), (Some("the clock is wrong".to_owned()), false)] {
            let mut looked = Footing { looked_at: Instant::now().checked_sub(LOOK_EVERY), unfit };
            assert_eq!(looked.holds(&market).await, holds);
        }
    }

    #[test]
    fn the_time_that_an_answer_takes_is_no_difference_of_clocks() {
        let at = |seconds: i64| Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds);
        for (before, said, after, seconds) in
            [(100, 100, 100, 0), (100, 109, 110, 0), (100, 40, 101, 60), (100, 171, 101, -70), (100, 99, 160, 1)]
        {
            assert_eq!(ahead(at(before), at(said), at(after)), TimeDelta::seconds(seconds), "{before} {said} {after}");
        }
    }
}
