//! Timers as rows. A due timer becomes the domain verb it stands for.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::change::TimerChange;
use domain::timer::Timer;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::market::Market;
use crate::{Failure, Fault};

/// A timer that is due, and that this worker alone may carry out until its lease is over.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Due {
    pub kind: String,
    pub subject: Uuid,
    due_at: Timestamp,
    /// Together with the attempts: which taking up this was.
    pub leased_until: Timestamp,
    attempts: i32,
}

impl Due {
    /// What it stands for. A kind that this version does not know is a fault of its own, and no
    /// reason to leave the others alone.
    pub fn timer(&self) -> Result<Timer, Fault> {
        Timer::from_parts(&self.kind, self.subject)
            .ok_or_else(|| Fault::bad_row("timers", format!("unknown kind {}", self.kind)))
    }
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

/// How often an outage is tried before deadlines that it may move no longer wait for it.
const OUTAGE_ATTEMPTS: i32 = 8;

/// How long a verb may take before another worker may take up its timer.
const LEASE_SECONDS: i64 = 60;

/// The row is still as this worker took it up: it was neither set anew nor taken up by another.
const STILL_OURS: &str = "kind = $1 and subject = $2 and due_at = $3 and leased_until = $4 and attempts = $5";

impl Market {
    /// Take up to `limit` due deadlines, so that no other worker does, those that are due longest first. What silence
    /// decides waits for outages that have hours to give: where nobody worked for a day, both are due, and the
    /// deadlines longer. Letters are no deadlines ([`Self::letters_claim`]).
    pub(crate) async fn timers_claim(&self, limit: i64) -> Result<Vec<Due>, Failure> {
        let now = self.clock().now();
        let lease = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        // Those that are due at one instant, as all weeks are, come in any order: to sort them takes longer than the
        // rest.
        let mut due = Due::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with due as materialized (
                 select kind, subject from timers
                 where due_at <= $1 and (leased_until is null or leased_until <= $1) and kind <> $7
                     and not (kind = any($4) and exists (
                         select from timers outage
                         where outage.kind = $5 and outage.due_at <= $1 and outage.attempts < $6))
                 order by due_at limit $3 for update skip locked)
             update timers set leased_until = $2, attempts = attempts + 1
             from due where timers.kind = due.kind and timers.subject = due.subject
             returning timers.kind, timers.subject, timers.due_at, timers.leased_until, timers.attempts",
            [
                now.into(),
                lease.into(),
                limit.into(),
                Timer::BY_SILENCE.map(str::to_owned).to_vec().into(),
                Timer::OUTAGE.into(),
                OUTAGE_ATTEMPTS.into(),
                Timer::LETTERS.into(),
            ],
        ))
        .all(self.db())
        .await?;
        due.sort_by(|a, b| (a.due_at, &a.kind, a.subject).cmp(&(b.due_at, &b.kind, b.subject)));
        Ok(due)
    }

    /// Take up to `limit` timers of letters that are due, so that no other worker does.
    pub(crate) async fn letters_claim(&self, limit: i64) -> Result<Vec<Due>, Failure> {
        let now = self.clock().now();
        let lease = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        let claim = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with due as materialized (
                 select kind, subject from timers
                 where kind = $4 and due_at <= $1 and (leased_until is null or leased_until <= $1)
                 order by due_at limit $3 for update skip locked)
             update timers set leased_until = $2, attempts = attempts + 1
             from due where timers.kind = due.kind and timers.subject = due.subject
             returning timers.kind, timers.subject, timers.due_at, timers.leased_until, timers.attempts",
            [now.into(), lease.into(), limit.into(), Timer::LETTERS.into()],
        );
        Ok(Due::find_by_statement(claim).all(self.db()).await?)
    }

    /// Take this timer, if it is due and nobody has it.
    pub(crate) async fn timer_claim(&self, timer: Timer) -> Result<Option<Due>, Failure> {
        let now = self.clock().now();
        let lease = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        let claim = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update timers set leased_until = $2, attempts = attempts + 1
             where kind = $3 and subject = $4 and due_at <= $1 and (leased_until is null or leased_until <= $1)
             returning kind, subject, due_at, leased_until, attempts",
            [now.into(), lease.into(), timer.kind().into(), timer.subject().into()],
        );
        Ok(Due::find_by_statement(claim).one(self.db()).await?)
    }

    /// The verb was carried out: the timer is gone, unless the verb set it anew.
    pub(crate) async fn timer_done(&self, due: &Due) -> Result<(), Failure> {
        self.timer_end(due, format!("delete from timers where {STILL_OURS}"), []).await
    }

    /// The verb could not be carried out: it is taken up again later, and never given up, since
    /// money may hang on it. How many fail shows in the metrics, and why in the row.
    pub(crate) async fn timer_failed(&self, due: &Due, why: &str) -> Result<(), Failure> {
        let later = self.clock().now() + chrono::TimeDelta::seconds(1 << due.attempts.clamp(0, 10));
        let failed = format!("update timers set leased_until = $6, last_error = left($7, 500) where {STILL_OURS}");
        self.timer_end(due, failed, [later.into(), why.into()]).await
    }

    /// Nobody got round to it while its lease was long enough: whoever is next may.
    pub(crate) async fn timer_let_go(&self, due: &Due) -> Result<(), Failure> {
        let let_go = format!("update timers set leased_until = null, attempts = attempts - 1 where {STILL_OURS}");
        self.timer_end(due, let_go, []).await
    }

    async fn timer_end<const N: usize>(&self, due: &Due, text: String, more: [Value; N]) -> Result<(), Failure> {
        let ours: [Value; 5] = [
            due.kind.clone().into(),
            due.subject.into(),
            due.due_at.into(),
            due.leased_until.into(),
            due.attempts.into(),
        ];
        let values = ours.into_iter().chain(more);
        self.db().execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, text, values)).await?;
        Ok(())
    }
}
