//! How the marketplace is, for those who watch over it.

use domain::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::{Failure, Fault, Market};

/// What waits, and what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// Events that wait to be delivered.
    pub events_waiting: i64,
    /// How long the longest of them has waited, in seconds.
    pub events_lag_seconds: i64,
    /// Events that failed too often and wait for an operator.
    pub events_parked: i64,
    /// What the processor told and could not be acted on, and waits for an operator.
    pub webhooks_parked: i64,
    /// Payments that the processor was asked for and has not answered.
    pub payments_unknown: i64,
    /// Timers that are due.
    pub timers_due: i64,
    /// How long the longest of them has been due, in seconds.
    pub timers_lag_seconds: i64,
    /// Timers whose verb was not carried out when it was last tried. They are tried again.
    pub timers_failing: i64,
    /// How long ago the last day ended that was held against the processor's account, in seconds; none before the first.
    pub reconciled_lag_seconds: Option<i64>,
    /// Connections to the database, and how many of them are idle.
    pub connections: (u32, usize),
}

#[derive(FromQueryResult)]
struct Row {
    events_waiting: i64,
    events_since: Option<Timestamp>,
    events_parked: i64,
    webhooks_parked: i64,
    payments_unknown: i64,
    timers_due: i64,
    timers_since: Option<Timestamp>,
    timers_failing: i64,
    reconciled_until: Option<Timestamp>,
}

impl Market {
    /// Look at what waits.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn vitals(&self) -> Result<Vitals, Failure> {
        let now = self.clock().now();
        let row = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select
                 (select count(*) from events where done_at is null and parked_at is null) as events_waiting,
                 (select min(occurred_at) from events where done_at is null and parked_at is null) as events_since,
                 (select count(*) from events where done_at is null and parked_at is not null) as events_parked,
                 (select count(*) from webhook_events where parked_at is not null) as webhooks_parked,
                 (select count(*) from payments where status = 'unknown') as payments_unknown,
                 (select count(*) from timers where due_at <= $1) as timers_due,
                 (select min(due_at) from timers where due_at <= $1) as timers_since,
                 (select count(*) from timers where due_at <= $1 and last_error is not null) as timers_failing,
                 (select max(until_at) from reconciliations where daily and source = $2) as reconciled_until",
            [now.into(), self.payments().source().into()],
        ))
        .one(self.db())
        .await?
        .ok_or(Fault::BadRow { table: "events", why: "a count of nothing".into() })?;
        let lag = |since: Option<Timestamp>| since.map_or(0, |since| (now - since).num_seconds().max(0));
        let pool = self.db().get_postgres_connection_pool();
        Ok(Vitals {
            events_waiting: row.events_waiting,
            events_lag_seconds: lag(row.events_since),
            events_parked: row.events_parked,
            webhooks_parked: row.webhooks_parked,
            payments_unknown: row.payments_unknown,
            timers_due: row.timers_due,
            timers_lag_seconds: lag(row.timers_since),
            timers_failing: row.timers_failing,
            reconciled_lag_seconds: row.reconciled_until.map(|until| lag(Some(until))),
            connections: (pool.size(), pool.num_idle()),
        })
    }

    /// Does the database answer?
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn ping(&self) -> Result<(), Failure> {
        self.db().execute_unprepared("select 1").await?;
        Ok(())
    }
}
