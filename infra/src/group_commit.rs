//! Group commit: what is written in one statement, and comes while others are written, is written together with what
//! else has come meanwhile, in one call of the database's `write_group`, with one commit and one wait for the disk.
//!
//! Most of what this saves is not the commit. A backend that writes the same things one after another has all at hand that
//! it takes, and one of many, each of which writes now and then, fetches most of it anew: a bid written among sixteen by one
//! backend takes a quarter of what it takes by itself in one of sixteen.
//!
//! A group waits for nobody. What meets a lock, or fails, is left out of it, and is written alone by whoever sent it, in the
//! ordinary way: there it may wait, and there its error is seen. So nobody stands in line behind a stranger's lock, and no
//! two groups wait for each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DbErr, RuntimeErr};
use serde_json::Value;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::market::Market;
use crate::sql::sql;

/// So many are written together, at most: below the 64 subtransactions that PostgreSQL keeps at hand for each transaction.
const TOGETHER: usize = 32;
/// So long is waited for a group that is written: then its connection is given up, for all behind it wait, too.
const PATIENCE: Duration = Duration::from_secs(20);
/// One group is written at a time for so many connections to the database.
const CONNECTIONS_A_LANE: u32 = 16;

/// Something to be written in one statement, with the facts that come with it.
#[derive(Debug)]
pub(crate) struct Write {
    /// The id of what it is about: what is about the same is written one after the other.
    place: Uuid,
    /// What, as the database's `write_one` reads it.
    what: String,
    /// As its `settle` reads them.
    facts: String,
}

impl Write {
    pub(crate) fn new(place: Uuid, what: &Value, facts: String) -> Self {
        Self { place, what: what.to_string(), facts }
    }
}

/// What waits to be written.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    lanes: Vec<Lane>,
    /// How many groups were sent.
    groups: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lane {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: Vec<Sent>,
    /// Is somebody writing?
    at_work: bool,
}

#[derive(Debug)]
struct Sent {
    write: Write,
    answer: oneshot::Sender<Answer>,
}

/// What became of something that was to be written.
#[derive(Debug)]
enum Answer {
    /// It is written; or not, and nothing of it, because what it was decided on is no more.
    Known(bool),
    /// It has to be written alone.
    Alone(Write),
    /// The group failed, and whether it was written before is not known.
    Failed(DbErr),
}

impl GroupCommit {
    /// For the connections to a database that there may be.
    pub(crate) fn of(db: &DatabaseConnection) -> Self {
        let lanes = match &db.inner {
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                let connections = db.get_postgres_connection_pool().options().get_max_connections();
                (connections / CONNECTIONS_A_LANE).max(1)
            }
            // There is nothing to write to, and whoever tries to hears of it.
            DatabaseConnectionType::Disconnected => 0,
        };
        Self { lanes: (0..lanes).map(|_| Lane::default()).collect(), groups: AtomicUsize::new(0) }
    }

    /// The number of the lane for what is about `place`.
    fn lane_of(&self, place: Uuid) -> usize {
        let (_, low) = place.as_u64_pair();
        usize::try_from(low % self.lanes.len().max(1) as u64).unwrap_or_default()
    }
}

impl Lane {
    /// Stand in line; is there nobody who writes yet?
    fn hand_over(&self, sent: Sent) -> bool {
        let mut line = self.lock();
        line.waiting.push(sent);
        !std::mem::replace(&mut line.at_work, true)
    }

    /// Who has come, to be written together; with nobody there, the work is over.
    fn next(&self) -> Option<Vec<Sent>> {
        let mut line = self.lock();
        line.at_work = !line.waiting.is_empty();
        let together = line.waiting.len().min(TOGETHER);
        line.at_work.then(|| line.waiting.drain(..together).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's work at a lane. However it ends, the next to come finds nobody at work; and who still stands in line hears
/// that nothing was done.
struct Shift<'a>(&'a Lane);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        let mut line = self.0.lock();
        if std::thread::panicking() {
            line.at_work = false;
            for Sent { write, answer } in line.waiting.drain(..) {
                // Who has gone need not hear it.
                let _ = answer.send(Answer::Alone(write));
            }
        }
    }
}

impl Market {
    /// How many groups of writes were sent to the database so far, for whoever counts what is sent.
    pub fn groups_written(&self) -> usize {
        self.group_commit().groups.load(Ordering::Relaxed)
    }

    /// Write something, if what it was decided on is still there; is it written?
    pub(crate) async fn write(&self, write: Write) -> Result<bool, DbErr> {
        let (answer, answered) = oneshot::channel();
        let number = self.group_commit().lane_of(write.place);
        let lane = self.group_commit().lanes.get(number);
        let Some(lane) = lane else { return self.write_alone(write).await };
        if lane.hand_over(Sent { write, answer }) {
            let market = self.clone();
            tokio::spawn(async move { market.write_groups(number).await });
        }
        match answered.await {
            Ok(Answer::Known(written)) => Ok(written),
            Ok(Answer::Alone(write)) => self.write_alone(write).await,
            Ok(Answer::Failed(error)) => Err(error),
            Err(_) => Err(DbErr::Conn(RuntimeErr::Internal("whoever wrote it is gone".to_owned()))),
        }
    }

    async fn write_alone(&self, write: Write) -> Result<bool, DbErr> {
        metrics::counter!("rabta_writes_alone_total").increment(1);
        let alone = sql("select write_one($1::jsonb, $2::jsonb)", [write.what.into(), write.facts.into()]);
        let written = self.db().query_one_raw(alone).await?;
        Ok(written.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
    }

    /// Write all who stand in line, group by group, on one connection.
    async fn write_groups(&self, number: usize) {
        let Some(lane) = self.group_commit().lanes.get(number) else { return };
        let _shift = Shift(lane);
        let mut connection = None;
        while let Some(group) = lane.next() {
            let (writes, answers): (Vec<_>, Vec<_>) =
                group.into_iter().map(|Sent { write, answer }| (write, answer)).unzip();
            let written = self.write_group(&mut connection, &writes).await;
            let mut known = written.as_deref().unwrap_or_default().iter();
            for (write, answer) in writes.into_iter().zip(answers) {
                let outcome = match (&written, known.next()) {
                    (Ok(_), Some(&Some(written))) => Answer::Known(written),
                    (Ok(_), _) => Answer::Alone(write),
                    // The database said no to all of them, and has written nothing.
                    (Err(sqlx::Error::Database(_)), _) => Answer::Alone(write),
                    (Err(error), _) => Answer::Failed(failed(error)),
                };
                // Who has gone need not hear it.
                let _ = answer.send(outcome);
            }
        }
    }

    /// For each, whether it is written; nothing for what has to be written alone.
    async fn write_group(
        &self,
        connection: &mut Option<PoolConnection<Postgres>>,
        writes: &[Write],
    ) -> Result<Vec<Option<bool>>, sqlx::Error> {
        let mut at_hand = match connection.take() {
            Some(connection) => connection,
            None => self.db().get_postgres_connection_pool().acquire().await?,
        };
        let (whats, facts): (Vec<&str>, Vec<&str>) =
            writes.iter().map(|write| (write.what.as_str(), write.facts.as_str())).unzip();
        self.group_commit().groups.fetch_add(1, Ordering::Relaxed);
        let sent = sqlx::query_scalar("select write_group($1, $2)").bind(whats).bind(facts).fetch_one(&mut *at_hand);
        let Ok(written) = timeout(PATIENCE, sent).await else {
            // Nobody else is to wait for what it was asked.
            drop(at_hand.detach());
            return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        };
        let written = written?;
        *connection = Some(at_hand);
        Ok(written)
    }
}

/// The same error for each of a group.
fn failed(error: &sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::Internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(what: usize) -> (Sent, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let write = Write::new(Uuid::nil(), &Value::from(what), String::new());
        (Sent { write, answer }, answered)
    }

    fn whats(group: Option<Vec<Sent>>) -> Option<Vec<String>> {
        group.map(|group| group.into_iter().map(|sent| sent.write.what).collect())
    }

    fn numbers(those: std::ops::Range<usize>) -> Option<Vec<String>> {
        Some(those.map(|n| n.to_string()).collect())
    }

    #[test]
    fn one_of_those_in_line_goes_to_work_and_takes_so_many_at_a_time_in_their_order() {
        let lane = Lane::default();
        assert!(lane.hand_over(sent(0).0), "nobody was at work");
        for n in 1..=TOGETHER {
            assert!(!lane.hand_over(sent(n).0), "somebody was");
        }
        assert_eq!(whats(lane.next()), numbers(0..TOGETHER));
        assert_eq!(whats(lane.next()), numbers(TOGETHER..TOGETHER + 1));
        assert!(!lane.hand_over(sent(7).0), "it is not over yet");
        assert_eq!(whats(lane.next()), numbers(7..8));
        assert_eq!(whats(lane.next()), None);
        assert!(lane.hand_over(sent(8).0), "the work was over");
    }

    #[test]
    fn where_whoever_writes_falls_over_the_next_goes_to_work_and_who_waits_goes_alone() {
        let lane = Lane::default();
        assert!(lane.hand_over(sent(0).0));
        let (waits, mut answered) = sent(1);
        assert!(!lane.hand_over(waits));
        let fell = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _shift = Shift(&lane);
            panic!("a bug");
        }));
        assert!(fell.is_err());
        assert!(matches!(answered.try_recv(), Ok(Answer::Alone(Write { what, .. })) if what == "1"));
        assert!(lane.hand_over(sent(2).0));
    }
}
