//! What is written with a decision, as the database's `settle` takes it: entries, events, timers,
//! lines of the audit log, and the answer that is kept with an idempotency key.

use domain::Timestamp;
use domain::access::Actor;
use domain::change::Change;
use domain::id::{ContractId, Id, MilestoneId};
use domain::ledger::Reason;
use domain::money::Money;
use sea_orm::DbErr;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::audit::actor_name;
use crate::market::Market;
use crate::timer::timer_facts;
use crate::{Call, Failure, ids};

/// What a decision is made with: who asks, when, and what the request is called.
#[derive(Debug, Clone)]
pub struct Scene {
    now: Timestamp,
    actor: Actor,
    trace: String,
}

impl Scene {
    /// An instant, and who acts in it.
    pub(crate) fn new(now: Timestamp, actor: Actor, trace: String) -> Self {
        Self { now, actor, trace }
    }

    /// The time: one instant for all that is decided.
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
}

/// Facts to be written in one call.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    kinds: Map<String, Value>,
    moved: Vec<(Reason, Money)>,
    told: Vec<Uuid>,
    kept: Option<Kept>,
}

/// An answer that is kept: for whom, and how many bytes that takes.
#[derive(Debug)]
struct Kept {
    caller: String,
    bytes: usize,
}

impl Facts {
    /// What comes with a decision. Of a repeat, at most a timer that fired too early and sets itself
    /// again.
    pub(crate) fn of<T>(scene: &Scene, change: &Change<T>) -> Result<Self, Failure> {
        let mut facts = Self::default();
        if change.changed {
            let legs = change.entries.iter().flat_map(|entry| entry.postings().iter().map(|leg| (entry.reason, leg)));
            facts.moved.extend(legs.map(|(reason, leg)| (reason, leg.amount)));
            facts.tell("entries", scene.ledger_facts(&change.entries));
            let (told, events) = scene.event_facts(&change.events)?.into_iter().unzip();
            facts.told = told;
            facts.tell("events", events);
        }
        let (set, stopped) = timer_facts(&change.timers);
        facts.tell("set", set);
        facts.tell("stopped", stopped);
        Ok(facts)
    }

    /// Say on whose contract a milestone is, so that it need not be looked up for its events.
    pub(crate) fn place(&mut self, milestone: MilestoneId, contract: Option<ContractId>) {
        let (Some(contract), Some(Value::Array(events))) = (contract, self.kinds.get_mut("events")) else { return };
        let milestone = serde_json::json!(milestone.uuid());
        for event in events.iter_mut().filter(|event| event["contract"].is_null() && event["milestone"] == milestone) {
            event["contract"] = serde_json::json!(contract.uuid());
        }
    }

    /// Add lines of the audit log.
    pub(crate) fn note(&mut self, lines: Vec<Value>) {
        self.tell("audit", lines);
    }

    /// Keep an answer with the call's idempotency key, if it has one.
    pub(crate) fn keep(&mut self, call: &Call, answer: &impl Serialize) -> Result<(), Failure> {
        let Some(once) = &call.once else { return Ok(()) };
        let answer = serde_json::to_value(answer)?;
        let mut bytes = Bytes::default();
        serde_json::to_writer(&mut bytes, &answer)?;
        self.kept = Some(Kept { caller: once.caller().to_owned(), bytes: bytes.0 });
        self.kinds.insert("kept".to_owned(), once.kept(answer));
        Ok(())
    }

    /// Is there nothing to write?
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The text of the JSON that `settle` takes, and what is left to do once they are committed. It is handed on as text,
    /// for a tree of values would be copied once more on its way.
    pub(crate) fn into_text(self, scene: &Scene) -> Result<(String, Aftermath), DbErr> {
        let mut kinds = self.kinds;
        let failed = |error: serde_json::Error| DbErr::Json(error.to_string());
        let now = serde_json::to_value(scene.now).map_err(failed)?;
        let staff = matches!(&scene.actor, Actor::Person(person) if person.acts_for_us().is_some());
        kinds.insert("at".to_owned(), now);
        kinds.insert("actor".to_owned(), actor_name(&scene.actor).into());
        kinds.insert("staff".to_owned(), staff.into());
        kinds.insert("trace".to_owned(), scene.trace.clone().into());
        let text = serde_json::to_string(&kinds).map_err(failed)?;
        Ok((text, Aftermath { moved: self.moved, told: self.told, kept: self.kept }))
    }

    fn tell(&mut self, kind: &str, those: Vec<Value>) {
        if !those.is_empty() {
            self.kinds.insert(kind.to_owned(), Value::Array(those));
        }
    }
}

/// What follows once facts are committed, and only then.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    moved: Vec<(Reason, Money)>,
    told: Vec<Uuid>,
    kept: Option<Kept>,
}

impl Aftermath {
    /// Add what follows from other facts of the same transaction.
    pub(crate) fn and(&mut self, other: Self) {
        self.moved.extend(other.moved);
        self.told.extend(other.told);
        self.kept = other.kept.or(self.kept.take());
    }

    /// Count the money that moved and the answer that was kept, and announce the events.
    pub(crate) fn follow(self, market: &Market) {
        if let Some(Kept { caller, bytes }) = &self.kept {
            market.keeping().note(caller, *bytes, market.clock().now());
        }
        market.events_announce(self.told);
        for (reason, amount) in self.moved {
            let (reason, currency) = (reason.as_str(), amount.currency().code());
            let minor = u64::try_from(amount.minor()).unwrap_or_default();
            metrics::counter!("rabta_money_moved_minor_total", "reason" => reason, "currency" => currency)
                .increment(minor);
        }
    }
}

/// Counts what is written, and keeps none of it.
#[derive(Default)]
struct Bytes(usize);

impl std::io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
