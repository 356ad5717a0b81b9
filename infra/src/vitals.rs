//! How the marketplace is, for those who watch over it.

use domain::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::sql::sql;
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
    /// What waits to be sent to programs of organizations.
    pub webhook_deliveries_waiting: i64,
    /// How long the one of them that can take something has waited for it that has waited longest, in seconds.
    pub webhook_deliveries_lag_seconds: i64,
    /// Payments that the processor was asked for and has not answered.
    pub payments_unknown: i64,
    /// Timers that are due.
    pub timers_due: i64,
    /// How long the longest of them has been due, in seconds.
    pub timers_lag_seconds: i64,
    /// Timers whose verb was not carried out when it was last tried. They are tried again.
    pub timers_failing: i64,
    /// Refunds to cards that were begun and are not over.
    pub refunds_open: i64,
    /// How long ago the oldest of them was begun, in seconds.
    pub refunds_open_seconds: i64,
    /// Names of clients and freelancers on the list that our people have not looked at: their money stands still.
    pub screening_hits_open: i64,
    /// Payouts that wait for our people: to let them go or not, to approve them, or to say what became of them.
    pub payouts_for_staff: i64,
    /// Ways to pay out that the processor has closed.
    pub rails_closed: i64,
    /// In how many things the processor and the books differed in the last daily comparison; none before the first.
    pub differences: Option<i32>,
    /// What of the money of others was nowhere in it, in cents; none where that could not be looked for.
    pub uncovered_minor: Option<i64>,
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
    webhook_deliveries_waiting: i64,
    webhook_deliveries_since: Option<Timestamp>,
    payments_unknown: i64,
    timers_due: i64,
    timers_since: Option<Timestamp>,
    timers_failing: i64,
    refunds_open: i64,
    refunds_since: Option<Timestamp>,
    screening_hits_open: i64,
    payouts_for_staff: i64,
    rails_closed: i64,
    reconciled_until: Option<Timestamp>,
    differences: Option<i32>,
    uncovered_minor: Option<i64>,
}

/// What payouts go through before they are over, in order.
const OPEN: [&str; 7] = ["requested", "screening", "blocked", "queued", "sent", "in_transit", "unknown"];

/// The payouts that are in some state on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutsOpen {
    /// The state.
    pub status: &'static str,
    /// How many there are.
    pub payouts: i64,
    /// How long the one has been there that is there longest, in seconds; 0 without any.
    pub oldest_seconds: i64,
}

#[derive(FromQueryResult)]
struct OpenRow {
    status: String,
    payouts: i64,
    since: Option<Timestamp>,
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
                 (select count(*) from webhook_deliveries where status = 'waiting') as webhook_deliveries_waiting,
                 (select min(due_at) from webhook_endpoints where status = 'enabled' and due_at <= $1
                      and failing_since is null and not slow) as webhook_deliveries_since,
                 (select count(*) from payments where status = 'unknown') as payments_unknown,
                 (select count(*) from timers where due_at <= $1) as timers_due,
                 (select min(due_at) from timers where due_at <= $1) as timers_since,
                 (select count(*) from timers where due_at <= $1 and last_error is not null) as timers_failing,
                 (select count(*) from payment_refunds where status in ('started', 'pending')) as refunds_open,
                 (select min(created_at) from payment_refunds where status in ('started', 'pending')) as refunds_since,
                 (select count(*) from screening_hits where status = 'open') as screening_hits_open,
                 (select count(*) from payouts where waits_for_staff) as payouts_for_staff,
                 (select count(*) from rail_closures) as rails_closed,
                 last.until_at as reconciled_until, last.differences, last.uncovered_minor
             from (select 1) as one left join lateral (
                 select until_at, differences, uncovered_minor from reconciliations
                 where daily and source = $2 order by until_at desc limit 1) last on true",
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
            webhook_deliveries_waiting: row.webhook_deliveries_waiting,
            webhook_deliveries_lag_seconds: lag(row.webhook_deliveries_since),
            payments_unknown: row.payments_unknown,
            timers_due: row.timers_due,
            timers_lag_seconds: lag(row.timers_since),
            timers_failing: row.timers_failing,
            refunds_open: row.refunds_open,
            refunds_open_seconds: lag(row.refunds_since),
            screening_hits_open: row.screening_hits_open,
            payouts_for_staff: row.payouts_for_staff,
            rails_closed: row.rails_closed,
            differences: row.differences,
            uncovered_minor: row.uncovered_minor,
            reconciled_lag_seconds: row.reconciled_until.map(|until| lag(Some(until))),
            connections: (pool.size(), pool.num_idle()),
        })
    }

    /// The payouts that are on their way, by their state: each of them is told, those that no payout is in, too.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn payouts_open(&self) -> Result<Vec<PayoutsOpen>, Failure> {
        let now = self.clock().now();
        // As the index has it: those that are over are far more, and are not counted.
        let select = sql(
            "select status, count(*) as payouts,
                 min(coalesce(state ->> 'since', state ->> 'at')::timestamptz) as since
             from payouts where status not in ('paid', 'returned', 'cancelled') group by status",
            [],
        );
        let rows = OpenRow::find_by_statement(select).all(self.db()).await?;
        let open = |status: &'static str| {
            let found = rows.iter().find(|row| row.status == status);
            let oldest_seconds = found.and_then(|row| row.since).map_or(0, |since| (now - since).num_seconds().max(0));
            PayoutsOpen { status, payouts: found.map_or(0, |row| row.payouts), oldest_seconds }
        };
        Ok(OPEN.into_iter().map(open).collect())
    }

    /// Can the database be written to, as it can't where it is a standby, or was told to take nothing more?
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn can_write(&self) -> Result<bool, Failure> {
        let setting = sql("select current_setting('transaction_read_only') = 'off' as yes", []);
        let found = self.db().query_one_raw(setting).await?;
        Ok(found.map_or(Ok(false), |row| row.try_get("", "yes"))?)
    }
}
