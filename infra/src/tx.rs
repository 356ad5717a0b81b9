//! One transaction, one place. A use case is `run!(self, call, tx => { lock; decide; save })`:
//! [`run!`](crate::run) alone begins, answers a repeated idempotency key with its first answer,
//! tries again when two transactions got into each other's way, and commits.
//!
//! It is a macro because a generic function that takes an async closure yields a future that the
//! compiler can't see to be `Send`, and every resolver needs one that is.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::access::{self, Actor, Subject};
use domain::change::Change;
use domain::contract::brings_out;
use domain::id::{Id, SessionId};
use domain::ledger::JournalEntry;
use domain::refusal::Refusal;
use domain::session::Device;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionTrait,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;
use crate::facts::{Aftermath, Facts, Scene};
use crate::idempotency::{self, Once};
use crate::market::Market;
use crate::sql::sql;

/// One request to do something: who asks, and how often it may take effect.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// The session the actor is signed in with.
    pub session: Option<SessionId>,
    /// What the request was sent from, as far as that is known.
    pub device: Device,
    /// Follows the request through logs, events and answers.
    pub trace: String,
    /// With an idempotency key: what makes a repeat of the request recognizable.
    pub once: Option<Once>,
}

impl Call {
    /// Rabta acting by itself: a due timer, a processor's event, an operator's command.
    pub fn system(trace: impl Into<String>) -> Self {
        Self { actor: Actor::System, session: None, device: Device::default(), trace: trace.into(), once: None }
    }
}

/// An open transaction, and what the domain is handed in it.
#[derive(Debug)]
pub struct Tx {
    conn: DatabaseTransaction,
    scene: Scene,
    /// Lines of the audit log that go along with the next write.
    noted: Mutex<Vec<Value>>,
    /// What is settled and not written yet: it goes ahead of the next statement, or along with the
    /// answer when the transaction ends.
    settled: Mutex<Facts>,
    /// What moved to and from clients' credit: it may make up for what we bore, once all is written.
    credited: Mutex<Vec<JournalEntry>>,
    /// What follows once it is committed.
    aftermath: Mutex<Aftermath>,
}

impl Tx {
    /// The connection of the transaction. A statement through it sees all that was settled before.
    pub fn conn(&self) -> &impl ConnectionTrait {
        self
    }

    /// What decisions in this transaction are made with.
    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The time of this transaction: one instant for all that happens in it.
    pub fn now(&self) -> Timestamp {
        self.scene.now()
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        self.scene.actor()
    }

    /// What was found, if whoever acts may see it. Else it is refused as what does not exist is, and before more is looked
    /// at or locked for it: so it takes no more either, and nobody tells one from the other by the work it makes.
    pub(crate) fn shown<T>(&self, found: Option<T>, subject: impl Fn(&T) -> Subject) -> Result<T, Refusal> {
        let Some(found) = found else {
            // Who is suspended, or not signed in, is told that of what is not there, too.
            access::see(self.actor(), &Subject::OURS)?;
            return Err(Refusal::HIDDEN);
        };
        access::see(self.actor(), &subject(&found))?;
        Ok(found)
    }

    /// What whoever acts may not see, and what is not there, is nothing. Who is suspended, or not signed in, is told that
    /// first, of either.
    pub(crate) fn is_nothing<T>(&self) -> Result<Option<T>, Failure> {
        match self.actor() {
            Actor::System => Ok(None),
            actor => actor.person().map(|_| None).map_err(Failure::from),
        }
    }

    /// The trace of the request.
    pub fn trace(&self) -> &str {
        self.scene.trace()
    }

    /// A fresh id.
    pub fn id<I: Id>(&self) -> I {
        self.scene.id()
    }

    /// Save what a decision comes with: its entries, events and timers, in one round trip, at the
    /// latest when the transaction ends. The room saves the next state itself, and gets it back from
    /// here. Nothing is written for a repeat. Nobody brings money out of a contract that our people look at.
    pub async fn settle<T>(&self, change: Change<T>) -> Result<T, Failure> {
        let brought_out = change.entries.iter().filter_map(|entry| brings_out(self.actor(), entry));
        for contract in brought_out.collect::<BTreeSet<_>>() {
            self.must_move_money(Some(contract)).await?;
        }
        held(&self.credited).extend(change.entries.iter().filter(|entry| entry.touches_credit()).cloned());
        let facts = Facts::of(&self.scene, &change)?;
        self.write_settled().await?;
        *held(&self.settled) = facts;
        Ok(change.next)
    }

    /// A line of the audit log, to go along with the next write.
    pub(crate) fn note(&self, line: Value) {
        held(&self.noted).push(line);
    }

    /// Write what is settled, if anything is.
    async fn write_settled(&self) -> Result<(), DbErr> {
        let facts = std::mem::take(&mut *held(&self.settled));
        if facts.is_empty() { Ok(()) } else { self.write(facts).await }
    }

    /// Write facts, with what was noted meanwhile: one call of the database's `settle`.
    async fn write(&self, mut facts: Facts) -> Result<(), DbErr> {
        facts.note(std::mem::take(&mut *held(&self.noted)));
        if facts.is_empty() {
            return Ok(());
        }
        let (facts, aftermath) = facts.into_text(&self.scene)?;
        self.conn.execute_raw(sql("select settle($1::jsonb)", [facts.into()])).await?;
        held(&self.aftermath).and(aftermath);
        Ok(())
    }
}

/// A statement in the transaction, after what was settled before it.
#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.write_settled().await?;
        self.conn.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.write_settled().await?;
        self.conn.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.write_settled().await?;
        self.conn.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.write_settled().await?;
        self.conn.query_all_raw(statement).await
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
    /// What a decision is made with, now.
    pub(crate) fn scene(&self, call: &Call) -> Scene {
        Scene::new(self.clock().now(), call.actor.clone(), call.trace.clone())
    }

    /// Begin a transaction for `call`, unless it is a repeat.
    pub async fn open<T: DeserializeOwned>(&self, call: &Call) -> Result<Opening<T>, Failure> {
        let tx = self.begin(call).await?;
        if let Some(once) = &call.once {
            if let Some(answer) = idempotency::claim(&tx, once).await? {
                tx.conn.rollback().await?;
                self.must_still_see(call, once, &answer).await?;
                return Ok(Opening::Repeat(serde_json::from_value(answer)?));
            }
            self.may_keep(once)?;
        }
        Ok(Opening::Fresh(Box::new(tx)))
    }

    /// What the call was answered before, if it is a repeat: for what has to be done before a transaction is
    /// begun, and only once.
    pub(crate) async fn answered<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, Failure> {
        if call.once.is_none() {
            return Ok(None);
        }
        match self.open(call).await? {
            Opening::Repeat(answer) => Ok(Some(answer)),
            Opening::Fresh(_) => Ok(None),
        }
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
            Ok(answer) => tx.keep_and_commit(self, call, answer).await,
            Err(failure) => match tx.conn.rollback().await {
                Ok(()) => Err(failure),
                Err(error) => Err(error.into()),
            },
        };
        match outcome {
            Err(Failure::Broken(fault)) if fault.is_conflict() && attempt < ATTEMPTS => {
                step_aside(attempt).await;
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
            scene: self.scene(call),
            noted: Mutex::default(),
            settled: Mutex::default(),
            credited: Mutex::default(),
            aftermath: Mutex::default(),
        })
    }
}

/// Try something again as long as it meets other transactions, up to [`ATTEMPTS`] times.
pub(crate) async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(Failure::Broken(fault)) if fault.is_conflict() && attempts < ATTEMPTS => step_aside(attempts).await,
            outcome => return outcome,
        }
        attempts += 1;
    }
}

/// Wait a little after an attempt that met another. Two that met wait for different times, so that
/// they don't meet again.
async fn step_aside(attempt: u32) {
    metrics::counter!("rabta_transaction_retries_total").increment(1);
    let longest = FIRST_PAUSE_MILLIS << attempt.saturating_sub(1).min(DOUBLINGS);
    tokio::time::sleep(Duration::from_millis(rand::random_range(longest / 4..=longest))).await;
}

impl Tx {
    /// Write what is left, with the answer if the call may be repeated, and commit.
    async fn keep_and_commit<T: Serialize>(self, market: &Market, call: &Call, answer: T) -> Result<T, Failure> {
        let credited = std::mem::take(&mut *held(&self.credited));
        self.made_up_by(&credited).await?;
        let mut last = std::mem::take(&mut *held(&self.settled));
        last.keep(call, &answer)?;
        self.write(last).await?;
        self.conn.commit().await?;
        self.aftermath.into_inner().unwrap_or_else(PoisonError::into_inner).follow(market);
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
