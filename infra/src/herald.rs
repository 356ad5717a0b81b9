//! Announcing what was committed. PostgreSQL lets only one transaction that announces something end
//! at a time, on the whole cluster, its wait for the disk included. So no transaction that moves
//! money announces anything itself: once it is committed, its node does, for as many as have come
//! together meanwhile, the first at once and a busy node's others every ten milliseconds.
//!
//! An announcement only wakes those who listen, and may be lost with the process: the worker and the
//! subscriptions look again by themselves before long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::market::Market;
use crate::outbox::HAPPENED;
use crate::sql::sql;

/// How long others are waited for after an announcement: each takes a transaction.
const GATHERS: Duration = Duration::from_millis(10);

/// What is to be announced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Herald {
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Uuid>,
    /// Is somebody at it?
    at_work: bool,
}

impl Herald {
    /// Hand over events of a transaction that is committed; is there nobody who announces them yet?
    fn hand_over(&self, events: Vec<Uuid>) -> bool {
        let mut waiting = self.lock();
        waiting.events.extend(events);
        !std::mem::replace(&mut waiting.at_work, true)
    }

    /// What has come together, to announce; with nothing there, the work is over.
    fn next(&self) -> Option<Vec<Uuid>> {
        let mut waiting = self.lock();
        waiting.at_work = !waiting.events.is_empty();
        waiting.at_work.then(|| std::mem::take(&mut waiting.events))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Market {
    /// Announce events of a transaction that is committed, without waiting for it.
    pub(crate) fn events_announce(&self, events: Vec<Uuid>) {
        if events.is_empty() || !self.herald().hand_over(events) {
            return;
        }
        let market = self.clone();
        tokio::spawn(async move {
            while let Some(events) = market.herald().next() {
                let announce = sql(
                    "select pg_notify($1, id::text) from unnest($2::uuid[]) as id",
                    [HAPPENED.into(), events.into()],
                );
                if let Err(error) = market.db().execute_raw(announce).await {
                    tracing::warn!(error = %error, "could not announce events; listeners will look by themselves");
                }
                tokio::time::sleep(GATHERS).await;
            }
        });
    }
}
