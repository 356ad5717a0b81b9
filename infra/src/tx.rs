//! One transaction, one place. A use case is `run!(self, call, tx => { lock; decide; save })`:
//! [`run!`](crate::run) alone begins, answers a repeated idempotency key with its first answer,
//! tries again when two transactions got into each other's way, and commits.
//!
//! It is a macro because a generic function that takes an async closure yields a future that the
//! compiler can't see to be `Send`, and every resolver needs one that is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::access::Actor;
use domain::change::Change;
use domain::id::{Id, SessionId};
use domain::ledger::Reason;
use domain::money::Money;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::audit::actor_name;
use crate::idempotency::{self, Once};
use crate::market::Market;
use crate::sql::sql;
use crate::timer::timer_facts;
use crate::{Failure, ids};

/// One request to do something: who asks, and how often it may take effect.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// The session the actor is signed in with.
    pub session: Option<SessionId>,
    /// Follows the request through logs, events and answers.
    pub trace: String,
    /// With an idempotency key: what makes a repeat of the request recognizable.
    pub once: Option<Once>,
}

impl Call {
    /// Rabta acting by itself: a due timer, a processor's event, an operator's command.
    pub fn system(trace: impl Into<String>) -> Self {
        Self { actor: Actor::System, session: None, trace: trace.into(), once: None }
    }
}

/// An open transaction, and what the domain is handed in it.
#[derive(Debug)]
pub struct Tx {
    conn: DatabaseTransaction,
    now: Timestamp,
    actor: Actor,
    trace: String,
    /// What moved in it: counted once it is committed.
    moved: Mutex<Vec<(Reason, Money)>>,
    /// Lines of the audit log that go along with the next write.
    noted: Mutex<Vec<Value>>,
}

impl Tx {
    /// The connection of the transaction.
    pub fn conn(&self) -> &impl ConnectionTrait {
        &self.conn
    }

    /// The time of this transaction: one instant for all that happens in it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The trace of the request.
    pub fn trace(&self) -> &str {
        &self.trace
    }

    /// A fresh id.
    pub fn id<I: Id>(&self) -> I {
        ids::fresh(self.now)
    }

    /// Save what a decision comes with: its entries, events and timers, in one round trip. The room
    /// saves the next state itself, and gets it back from here. Nothing is written for a repeat.
    pub async fn settle<T>(&self, change: Change<T>) -> Result<T, Failure> {
        let Change { next, changed, entries, events, timers } = change;
        let mut facts = Map::new();
        if changed {
            let postings =
                entries.iter().flat_map(|entry| entry.postings().iter().map(|posting| (entry.reason, posting.amount)));
            held(&self.moved).extend(postings);
            tell(&mut facts, "entries", self.ledger_facts(&entries));
            tell(&mut facts, "events", self.event_facts(&events)?);
        }
        // A timer that fired too early sets itself again, though nothing has changed.
        let (set, stopped) = timer_facts(&timers);
        tell(&mut facts, "set", set);
        tell(&mut facts, "stopped", stopped);
        self.write(facts).await?;
        Ok(next)
    }

    /// A line of the audit log, to go along with the next write.
    pub(crate) fn note(&self, line: Value) {
        held(&self.noted).push(line);
    }

    /// Write facts, with what was noted meanwhile: one call of the database's `settle`. An entry that
    /// would take a guarded account below zero is refused.
    async fn write(&self, mut facts: Map<String, Value>) -> Result<(), Failure> {
        tell(&mut facts, "audit", std::mem::take(&mut *held(&self.noted)));
        if facts.is_empty() {
            return Ok(());
        }
        facts.insert("at".to_owned(), serde_json::to_value(self.now)?);
        facts.insert("actor".to_owned(), actor_name(&self.actor).into());
        facts.insert("staff".to_owned(), matches!(&self.actor, Actor::Person(person) if person.staff.is_some()).into());
        facts.insert("trace".to_owned(), self.trace.clone().into());
        let settle = sql("select settle($1)", [Value::Object(facts).into()]);
        self.conn.execute_raw(settle).await.map_err(|error| {
            Failure::from(error).when_violated("ledger_balances_never_negative", || {
                Refusal::rule("INSUFFICIENT_FUNDS", "there is not enough money in the account to move")
            })
        })?;
        Ok(())
    }
}

/// Add facts of a kind, if there are any.
fn tell(facts: &mut Map<String, Value>, kind: &str, those: Vec<Value>) {
    if !those.is_empty() {
        facts.insert(kind.to_owned(), Value::Array(those));
    }
}

fn held<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a transaction that met another is tried before the caller hears of it.
const ATTEMPTS: u32 = 10;
/// The longest pause before the second attempt; each further one may be twice as long.
const FIRST_PAUSE_MILLIS: u64 = 8;
/// How often the longest pause doubles.
const DOUBLINGS: u32 = 5;

/// A transaction that was begun for a call, or the answer the call was given before.
#[derive(Debug)]
pub enum Opening<T> {
    /// Go on.
    Fresh(Box<Tx>),
    /// Nothing to do: the call is a repeat.
    Repeat(T),
}

/// A transaction that was ended.
#[derive(Debug)]
pub enum Closing<T> {
    /// With this outcome.
    Done(Result<T, Failure>),
    /// It met another transaction: try again.
    Again,
}

impl Market {
    /// Begin a transaction for `call`, unless it is a repeat.
    pub async fn open<T: DeserializeOwned>(&self, call: &Call) -> Result<Opening<T>, Failure> {
        let tx = self.begin(call).await?;
        if let Some(once) = &call.once
            && let Some(answer) = idempotency::claim(&tx, once).await?
        {
            tx.conn.rollback().await?;
            return Ok(Opening::Repeat(serde_json::from_value(answer)?));
        }
        Ok(Opening::Fresh(Box::new(tx)))
    }

    /// End a transaction: commit an answer, after keeping it with the call's idempotency key, or
    /// roll back.
    pub async fn close<T: Serialize>(
        &self,
        call: &Call,
        tx: Box<Tx>,
        outcome: Result<T, Failure>,
        attempt: u32,
    ) -> Closing<T> {
        let outcome = match outcome {
            Ok(answer) => tx.keep_and_commit(call, answer).await,
            Err(failure) => match tx.conn.rollback().await {
                Ok(()) => Err(failure),
                Err(error) => Err(error.into()),
            },
        };
        match outcome {
            Err(Failure::Broken(fault)) if fault.is_conflict() && attempt < ATTEMPTS => {
                metrics::counter!("rabta_transaction_retries_total").increment(1);
                tokio::time::sleep(pause(attempt)).await;
                Closing::Again
            }
            outcome => Closing::Done(outcome),
        }
    }

    /// A transaction to look at things in, at one instant. Dropping it ends it.
    pub async fn begin(&self, call: &Call) -> Result<Tx, Failure> {
        let conn = self.db().begin().await?;
        Ok(Tx {
            conn,
            now: self.clock().now(),
            actor: call.actor.clone(),
            trace: call.trace.clone(),
            moved: Mutex::default(),
            noted: Mutex::default(),
        })
    }
}

/// How long to wait after an attempt. Two that met wait for different times, so that they don't meet
/// again.
fn pause(attempt: u32) -> Duration {
    let longest = FIRST_PAUSE_MILLIS << attempt.saturating_sub(1).min(DOUBLINGS);
    Duration::from_millis(rand::random_range(longest / 4..=longest))
}

impl Tx {
    async fn keep_and_commit<T: Serialize>(self, call: &Call, answer: T) -> Result<T, Failure> {
        let mut last = Map::new();
        if let Some(once) = &call.once {
            last.insert("kept".to_owned(), once.kept(serde_json::to_value(&answer)?));
        }
        self.write(last).await?;
        self.conn.commit().await?;
        for (reason, amount) in self.moved.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let (reason, currency) = (reason.as_str(), amount.currency().code());
            let minor = u64::try_from(amount.minor()).unwrap_or_default();
            metrics::counter!("rabta_money_moved_minor_total", "reason" => reason, "currency" => currency)
                .increment(minor);
        }
        Ok(answer)
    }
}

/// Run a use case in one transaction: `run!(self, call, tx => { … Ok(answer) })`.
///
/// The body may run more than once, so it must do nothing that a rollback doesn't undo. It holds a
/// connection, so it must not ask for a second one: all it does goes through `tx`. Rows are locked
/// in the order that ARCHITECTURE.md gives. With an
/// idempotency key, the first answer that was not a refusal is kept and given again.
#[macro_export]
macro_rules! run {
    ($market:expr, $call:expr, $tx:ident => $body:block) => {{
        let mut attempt = 1;
        loop {
            let tx = match $market.open($call).await? {
                $crate::tx::Opening::Repeat(answer) => break Ok(answer),
                $crate::tx::Opening::Fresh(tx) => tx,
            };
            let outcome: Result<_, $crate::Failure> = async {
                let $tx: &$crate::Tx = &tx;
                $body
            }
            .await;
            match $market.close($call, tx, outcome, attempt).await {
                $crate::tx::Closing::Done(outcome) => break outcome,
                $crate::tx::Closing::Again => attempt += 1,
            }
        }
    }};
}
