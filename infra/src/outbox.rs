//! The outbox: what happened, waiting to be told. A row is written in the transaction that made it
//! true and delivered at least once, so whoever hears it must not mind hearing it again.
//!
//! Two kinds of listeners hear of an event: the worker's reactions (mail, notifications, calls to
//! processors; see [`crate::worker`]), with retries until they succeed, and the subscriptions of
//! this node, which get what comes while they listen.

mod parked;

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::event::{About, Event};
use domain::history::Sides;
use domain::id::{ContractId, EventId, Id, UserId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use uuid::Uuid;

pub use self::parked::Parked;
use crate::facts::Scene;
use crate::market::Market;
use crate::{Failure, Fault};

/// An event with its circumstances.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Also the idempotency key of whatever the event causes outside.
    pub id: EventId,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// The trace of the request that made it happen.
    pub trace: String,
    /// How many times it was delivered before.
    pub attempts: i32,
    /// The contract in whose history it is, if it is in one.
    pub contract: Option<ContractId>,
}

/// Where the events of all nodes pass by on this one.
#[derive(Debug, Clone)]
pub struct Bus {
    sender: broadcast::Sender<Arc<Occurrence>>,
    told: broadcast::Sender<UserId>,
    newer: broadcast::Sender<ContractId>,
}

/// Where PostgreSQL says that an event was written.
pub(crate) const HAPPENED: &str = "rabta_events";
/// Where PostgreSQL says that a person is told something.
const TOLD: &str = "rabta_told";

/// When nothing was heard for so long, it is listened anew: a database that is gone without a word says nothing,
/// either.
const QUIET: Duration = Duration::from_secs(300);

/// How many events a slow listener may lag behind before it misses some.
const BUS_CAPACITY: usize = 1_024;

impl Default for Bus {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(BUS_CAPACITY).0,
            told: broadcast::channel(BUS_CAPACITY).0,
            newer: broadcast::channel(BUS_CAPACITY).0,
        }
    }
}

impl Bus {
    /// Everything that happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Occurrence>> {
        self.sender.subscribe()
    }

    /// Who is told something, from now on.
    pub fn listen_told(&self) -> broadcast::Receiver<UserId> {
        self.told.subscribe()
    }

    /// On which contracts something happens that only a newer version can read, from now on.
    pub fn listen_newer(&self) -> broadcast::Receiver<ContractId> {
        self.newer.subscribe()
    }

    pub(crate) fn pass(&self, occurrence: Occurrence) {
        // Nobody listening is no fault.
        let _ = self.sender.send(Arc::new(occurrence));
    }

    fn pass_told(&self, user: UserId) {
        let _ = self.told.send(user);
    }

    fn pass_newer(&self, contract: ContractId) {
        let _ = self.newer.send(contract);
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    body: serde_json::Value,
    occurred_at: Timestamp,
    trace: String,
    attempts: i32,
    contract_id: Option<Uuid>,
    sequence: i64,
}

/// An event that waits to be delivered, and that this worker alone may deliver until its lease is
/// over.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub id: Uuid,
    /// What happened. What this version can't read is a fault of its own, and no reason to leave
    /// the others alone.
    pub occurrence: Result<Occurrence, Fault>,
    pub leased_until: Timestamp,
    /// How many times it was taken up, this time among them.
    attempts: i32,
}

impl TryFrom<Row> for Occurrence {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        Ok(Self {
            id: EventId::from_uuid(row.id),
            event: serde_json::from_value(row.body)?,
            at: row.occurred_at,
            trace: row.trace,
            attempts: row.attempts,
            contract: row.contract_id.map(Id::from_uuid),
        })
    }
}

impl Scene {
    /// Events as the database's `settle` takes them, to be told once this transaction is committed,
    /// and their ids: each with the sides that may see it, and with what tells whose contract it happened on.
    pub(crate) fn event_facts(&self, events: &[Event]) -> Result<Vec<(Uuid, serde_json::Value)>, Failure> {
        let fact = |event: &Event| {
            let sides = Sides::seeing(event);
            let about = if sides == Sides::NEITHER { About::default() } else { event.about() };
            let id = self.id::<EventId>().uuid();
            let fact = serde_json::json!({
                "id": id,
                "name": event.name(),
                "body": serde_json::to_value(event)?,
                "for_client": sides.client,
                "for_freelancer": sides.freelancer,
                "contract": about.contract.map(Id::uuid),
                "milestone": about.milestone.map(Id::uuid),
                "timesheet": about.timesheet.map(Id::uuid),
                "dispute": about.dispute.map(Id::uuid),
                "review": about.review.map(Id::uuid),
            });
            Ok((id, fact))
        };
        events.iter().map(fact).collect()
    }
}

/// How many times a delivery is tried before the event is parked for an operator to look at.
const ATTEMPTS: i32 = 12;
/// How long a delivery may take before another worker may try it.
const LEASE_SECONDS: i64 = 60;

impl Market {
    /// Take up to `limit` events that wait for delivery, so that no other worker does, in the order
    /// in which they were written down.
    pub(crate) async fn events_claim(&self, limit: i64) -> Result<Vec<Waiting>, Failure> {
        let now = self.clock().now();
        let leased_until = now + chrono::TimeDelta::seconds(LEASE_SECONDS);
        let mut rows = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with waiting as materialized (
                 select id from events where done_at is null and parked_at is null and due_at <= $1
                 order by due_at, sequence limit $3 for update skip locked)
             update events set due_at = $2, attempts = attempts + 1
             from waiting where events.id = waiting.id
             returning events.id, body, occurred_at, trace, attempts - 1 as attempts, sequence, contract_id",
            [now.into(), leased_until.into(), limit.into()],
        ))
        .all(self.db())
        .await?;
        rows.sort_by_key(|row| row.sequence);
        let waiting = |row: Row| {
            let (id, attempts) = (row.id, row.attempts + 1);
            Waiting { id, occurrence: Occurrence::try_from(row), leased_until, attempts }
        };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// Delivered: it need not be told again, whoever else is telling it at the moment.
    pub(crate) async fn event_done(&self, waiting: &Waiting) -> Result<(), Failure> {
        let done = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update events set done_at = $2, last_error = null where id = $1 and done_at is null",
            [waiting.id.into(), self.clock().now().into()],
        );
        self.db().execute_raw(done).await?;
        Ok(())
    }

    /// Not delivered: try again later, each time twice as late, and in the end park it. If another
    /// worker has taken it up since, that one has the word.
    pub(crate) async fn event_failed(&self, waiting: &Waiting, why: &str) -> Result<(), Failure> {
        let now = self.clock().now();
        let parked = waiting.attempts >= ATTEMPTS;
        let later = now + chrono::TimeDelta::seconds(1 << (waiting.attempts - 1).clamp(0, 12));
        let failed = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update events set due_at = $3, last_error = left($4, 500), parked_at = case when $5 then $6::timestamptz end
             where id = $1 and attempts = $2 and done_at is null",
            [waiting.id.into(), waiting.attempts.into(), later.into(), why.into(), parked.into(), now.into()],
        );
        self.db().execute_raw(failed).await?;
        Ok(())
    }

    /// Somebody outside was not there: to be told again from an instant on, and each time later. That does
    /// not count as a failure, however often it happens.
    pub(crate) async fn event_put_off(&self, waiting: &Waiting, until: Timestamp, why: &str) -> Result<(), Failure> {
        let put_off = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update events set attempts = attempts - 1, postponed = postponed + 1, last_error = left($5, 500),
                 due_at = greatest($3, $4::timestamptz + make_interval(secs => least(power(2, least(postponed, 12)), 900)))
             where id = $1 and attempts = $2 and done_at is null",
            [waiting.id.into(), waiting.attempts.into(), until.into(), self.clock().now().into(), why.into()],
        );
        self.db().execute_raw(put_off).await?;
        Ok(())
    }

    /// Nobody got round to it while its lease was long enough: whoever is next may.
    pub(crate) async fn event_let_go(&self, waiting: &Waiting) -> Result<(), Failure> {
        let let_go = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "update events set due_at = $3, attempts = attempts - 1
             where id = $1 and attempts = $2 and done_at is null",
            [waiting.id.into(), waiting.attempts.into(), self.clock().now().into()],
        );
        self.db().execute_raw(let_go).await?;
        Ok(())
    }

    /// Hear of the events of all nodes as they are committed, and pass them to this node's
    /// listeners, until the connection ends, or nothing was heard for long.
    pub async fn events_follow(&self) -> Result<(), Failure> {
        let pool = self.db().get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await.map_err(listen_fault)?;
        listener.listen_all([HAPPENED, TOLD]).await.map_err(listen_fault)?;
        loop {
            let Ok(heard) = tokio::time::timeout(QUIET, listener.recv()).await else { return Ok(()) };
            let heard = heard.map_err(listen_fault)?;
            let Ok(id) = heard.payload().parse::<Uuid>() else { continue };
            if heard.channel() == TOLD {
                self.bus().pass_told(UserId::from_uuid(id));
            } else if let Some(row) = self.event_row(id).await? {
                let contract = row.contract_id.map(ContractId::from_uuid);
                match Occurrence::try_from(row) {
                    Ok(occurrence) => self.bus().pass(occurrence),
                    // A newer version wrote it, perhaps: that is no reason to hear nothing else.
                    Err(fault) => {
                        tracing::warn!(error = %fault, event = %id, "an event that can't be read");
                        if let Some(contract) = contract {
                            self.bus().pass_newer(contract);
                        }
                    }
                }
            }
        }
    }

    async fn event_row(&self, id: Uuid) -> Result<Option<Row>, Failure> {
        let row = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select id, body, occurred_at, trace, attempts, sequence, contract_id from events where id = $1",
            [id.into()],
        ))
        .one(self.db())
        .await?;
        Ok(row)
    }
}

fn listen_fault(error: sqlx::Error) -> Failure {
    Failure::Broken(Fault::Service { service: "event listener", why: error.to_string() })
}
