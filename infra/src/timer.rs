//! Timers as rows. A due timer becomes the domain verb it stands for.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::change::TimerChange;
use domain::timer::Timer;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use uuid::Uuid;

use crate::market::Market;
use crate::{Failure, Fault};

/// A timer that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub timer: Timer,
    pub due_at: Timestamp,
    pub attempts: i32,
}

#[derive(FromQueryResult)]
struct Row {
    kind: String,
    subject: Uuid,
    due_at: Timestamp,
    attempts: i32,
}

/// Timers to set and timers to stop, as the database's `settle` takes them: of several changes to
/// one timer the last counts. They come in order, so that two transactions that change the same
/// timers queue up instead of deadlocking.
pub(crate) fn timer_facts(changes: &[TimerChange]) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let mut last: BTreeMap<Timer, Option<Timestamp>> = BTreeMap::new();
    last.extend(changes.iter().map(|change| match change {
        TimerChange::Set(timer, due) => (*timer, Some(*due)),
        TimerChange::Stop(timer) => (*timer, None),
    }));
    let (mut set, mut stopped) = (Vec::new(), Vec::new());
    for (timer, due) in last {
        let (kind, subject) = (timer.kind(), timer.subject());
        match due {
            Some(due) => set.push(serde_json::json!({ "kind": kind, "subject": subject, "due_at": due })),
            None => stopped.push(serde_json::json!({ "kind": kind, "subject": subject })),
        }
    }
    (set, stopped)
}

/// How long a verb may take before another worker may take up its timer.
const LEASE_SECONDS: i64 = 60;

impl Market {
    /// Take up to `limit` due timers, so that no other worker does.
    pub(crate) async fn timers_claim(&self, limit: i64) -> Result<Vec<Due>, Failure> {
        let now = self.clock().now();
        let lease = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        let rows = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update timers set leased_until = $2, attempts = attempts + 1
             where (kind, subject) in (
                 select kind, subject from timers
                 where due_at <= $1 and (leased_until is null or leased_until <= $1)
                 order by due_at limit $3 for update skip locked)
             returning kind, subject, due_at, attempts",
            [now.into(), lease.into(), limit.into()],
        ))
        .all(self.db())
        .await?;
        let mut due = rows.into_iter().map(from_row).collect::<Result<Vec<_>, Fault>>()?;
        due.sort_by_key(|due| (due.due_at, due.timer));
        Ok(due)
    }

    /// Take this timer, if it is due and nobody has it.
    pub(crate) async fn timer_claim(&self, timer: Timer) -> Result<Option<Due>, Failure> {
        let now = self.clock().now();
        let lease = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        let row = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update timers set leased_until = $2, attempts = attempts + 1
             where kind = $3 and subject = $4 and due_at <= $1 and (leased_until is null or leased_until <= $1)
             returning kind, subject, due_at, attempts",
            [now.into(), lease.into(), timer.kind().into(), timer.subject().into()],
        ))
        .one(self.db())
        .await?;
        Ok(row.map(from_row).transpose()?)
    }

    /// The verb was carried out: the timer is gone, unless the verb set it anew.
    pub(crate) async fn timer_done(&self, due: Due) -> Result<(), Failure> {
        let done = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "delete from timers where kind = $1 and subject = $2 and due_at = $3 and leased_until is not null",
            [due.timer.kind().into(), due.timer.subject().into(), due.due_at.into()],
        );
        self.db().execute_raw(done).await?;
        Ok(())
    }

    /// The verb could not be carried out: it is taken up again later, and never given up, since
    /// money may hang on it. The lag shows in the metrics.
    pub(crate) async fn timer_failed(&self, due: Due, why: &str) -> Result<(), Failure> {
        let later = self.clock().now() + chrono::TimeDelta::seconds(1 << due.attempts.clamp(0, 10));
        let failed = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update timers set leased_until = $3, last_error = left($4, 500) where kind = $1 and subject = $2",
            [due.timer.kind().into(), due.timer.subject().into(), later.into(), why.into()],
        );
        self.db().execute_raw(failed).await?;
        Ok(())
    }
}

fn from_row(row: Row) -> Result<Due, Fault> {
    let timer = Timer::from_parts(&row.kind, row.subject)
        .ok_or_else(|| Fault::bad_row("timers", format!("unknown kind {}", row.kind)))?;
    Ok(Due { timer, due_at: row.due_at, attempts: row.attempts })
}
