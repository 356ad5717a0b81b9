//! How often something may be tried. Attempts are counted before they are made, in rows of their
//! own, so that a hundred at once are a hundred, and what fails afterwards still counts.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use sha2::{Digest, Sha256};

use crate::{Failure, Market, Tx};

/// So many attempts in so much time.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// How many.
    pub attempts: i64,
    /// In which time, counted from the first.
    pub within: TimeDelta,
}

impl Allowance {
    /// Refuse the attempt that is one too many; another may be made after `wait`.
    pub(crate) fn refuse_over(self, attempts: i64, wait: TimeDelta) -> Result<(), Failure> {
        if attempts <= self.attempts {
            return Ok(());
        }
        metrics::counter!("rabta_throttled_total").increment(1);
        let (limit, minutes) = (self.attempts, self.within.num_minutes());
        Err(Refusal::Throttled {
            limit,
            retry_after_seconds: wait.num_seconds().max(0) + 1,
            message: format!("Too many attempts: {limit} are taken within {minutes} minutes. Try again later."),
        }
        .into())
    }
}

/// What somebody typed, as a part of a bucket's name: always short, and not to be read back.
pub(crate) fn name_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[derive(FromQueryResult)]
struct Counted {
    attempts: i64,
    resets_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Room {
    is_left: bool,
}

/// Count an attempt.
async fn count(
    conn: &impl ConnectionTrait,
    bucket: &str,
    allowance: Allowance,
    now: Timestamp,
) -> Result<Option<Counted>, Failure> {
    let counted = Counted::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into throttles (bucket, attempts, resets_at) values ($1, 1, $2)
         on conflict (bucket) do update set
             attempts = case when throttles.resets_at <= $3 then 1 else least(throttles.attempts + 1, 1000000) end,
             resets_at = case when throttles.resets_at <= $3 then excluded.resets_at else throttles.resets_at end
         returning attempts, resets_at",
        [bucket.into(), (now + allowance.within).into(), now.into()],
    ));
    Ok(counted.one(conn).await?)
}

impl Tx {
    /// Count an attempt at whatever `bucket` names as a part of what is done here: what is undone, or was done already,
    /// does not count. Is it among those that are allowed?
    pub(crate) async fn throttle_admits(&self, bucket: &str, allowance: Allowance) -> Result<bool, Failure> {
        let counted = count(self.conn(), bucket, allowance, self.now()).await?;
        let is_over = counted.is_some_and(|counted| counted.attempts > allowance.attempts);
        if is_over {
            metrics::counter!("rabta_throttled_total").increment(1);
        }
        Ok(!is_over)
    }

    /// The same, and one that is not among those that are allowed is refused.
    pub(crate) async fn throttle_must_admit(&self, bucket: &str, allowance: Allowance) -> Result<(), Failure> {
        let counted = count(self.conn(), bucket, allowance, self.now()).await?;
        counted.map_or(Ok(()), |counted| allowance.refuse_over(counted.attempts, counted.resets_at - self.now()))
    }

    /// Count an attempt in the same way. Is it the last of those that are allowed?
    pub(crate) async fn throttle_fills(&self, bucket: &str, allowance: Allowance) -> Result<bool, Failure> {
        let counted = count(self.conn(), bucket, allowance, self.now()).await?;
        Ok(counted.is_some_and(|counted| counted.attempts == allowance.attempts))
    }
}

impl Market {
    /// Would an attempt at whatever `bucket` names be among those that are allowed? It does not count.
    pub(crate) async fn throttle_has_room(&self, bucket: &str, allowance: Allowance) -> Result<bool, Failure> {
        let look = Room::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select coalesce((select attempts < $2 from throttles where bucket = $1 and resets_at > $3), true)
                 as is_left",
            [bucket.into(), allowance.attempts.into(), self.clock().now().into()],
        ));
        Ok(look.one(self.db()).await?.is_none_or(|room| room.is_left))
    }

    /// Count an attempt at whatever `bucket` names; more than allowed is refused.
    pub(crate) async fn throttle(&self, bucket: &str, allowance: Allowance) -> Result<(), Failure> {
        let now = self.clock().now();
        let counted = count(self.db(), bucket, allowance, now).await?;
        counted.map_or(Ok(()), |counted| allowance.refuse_over(counted.attempts, counted.resets_at - now))
    }

    /// What `bucket` names went well: its attempts no longer count.
    pub(crate) async fn throttle_forget(&self, bucket: &str) -> Result<(), Failure> {
        let forget = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "delete from throttles where bucket = $1",
            [bucket.into()],
        );
        self.db().execute_raw(forget).await?;
        Ok(())
    }

    /// The same, and the attempt was none as far as `other` counts.
    pub(crate) async fn throttle_forgive(&self, bucket: &str, other: Option<&str>) -> Result<(), Failure> {
        let forgive = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with forgotten as (delete from throttles where bucket = $1)
             update throttles set attempts = attempts - 1 where bucket = $2 and attempts > 0",
            [bucket.into(), other.map(str::to_owned).into()],
        );
        self.db().execute_raw(forgive).await?;
        Ok(())
    }

    /// Forget up to `limit` counts whose time is over, the oldest first; how many there were. Several
    /// workers may be at it: each takes those that no other has.
    pub(crate) async fn throttles_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with over as materialized (
                 select bucket from throttles where resets_at <= $1
                 order by resets_at limit $2 for update skip locked)
             delete from throttles using over where throttles.bucket = over.bucket",
            [self.clock().now().into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}
