//! What a decision amounts to: the next state, and all that has to be saved with it.
//!
//! The database and the simulated marketplace apply the same [`Change`]. Its parts come apart only
//! where they are saved together.

use crate::Timestamp;
use crate::event::Event;
use crate::ledger::JournalEntry;
use crate::timer::Timer;

/// The outcome of a verb that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a change that is not saved never happened"]
pub struct Change<T> {
    /// The state to save.
    pub next: T,
    /// False for a repeat: everything is already as it was asked to be.
    pub changed: bool,
    /// Money to move.
    pub entries: Vec<JournalEntry>,
    /// Facts to tell.
    pub events: Vec<Event>,
    /// Timers to set or to stop.
    pub timers: Vec<TimerChange>,
}

/// What happens to a timer. There is at most one timer of a kind for one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerChange {
    /// Due at this instant; replaces the one that stood.
    Set(Timer, Timestamp),
    /// No longer wanted.
    Stop(Timer),
}

impl<T> Change<T> {
    /// The next state.
    pub fn to(next: T) -> Self {
        Self { next, changed: true, entries: Vec::new(), events: Vec::new(), timers: Vec::new() }
    }

    /// A repeat of what was already done.
    pub fn none(same: T) -> Self {
        Self { changed: false, ..Self::to(same) }
    }

    /// With money moved. An entry that moves nothing says nothing, and is dropped.
    pub fn posting(mut self, entry: JournalEntry) -> Self {
        if !entry.postings().is_empty() {
            self.entries.push(entry);
        }
        self
    }

    /// With a fact told.
    pub fn telling(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// With a timer set, replacing the one of the same kind for the same object.
    pub fn timing(mut self, timer: Timer, due: Timestamp) -> Self {
        self.timers.push(TimerChange::Set(timer, due));
        self
    }

    /// With a timer stopped, if it runs.
    pub fn stopping(mut self, timer: Timer) -> Self {
        self.timers.push(TimerChange::Stop(timer));
        self
    }

    /// With the timers brought from those that ran before to those that should run after. One that
    /// stays as it was is set again: it may be the very one that fired, which the worker removes
    /// unless it was set anew.
    pub fn clocked(mut self, before: &[(Timer, Timestamp)], after: &[(Timer, Timestamp)]) -> Self {
        let gone = before.iter().filter(|(timer, _)| !after.iter().any(|(other, _)| other == timer));
        self.timers.extend(gone.map(|&(timer, _)| TimerChange::Stop(timer)));
        self.timers.extend(after.iter().map(|&(timer, due)| TimerChange::Set(timer, due)));
        self
    }

    /// The same change, with another view of the next state.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        let Self { next, changed, entries, events, timers } = self;
        Change { next: f(next), changed, entries, events, timers }
    }

    /// This change, and then the one that `verb` makes of its outcome, as one.
    pub fn then<E>(self, verb: impl FnOnce(T) -> Result<Self, E>) -> Result<Self, E> {
        let Self { next, changed, mut entries, mut events, mut timers } = self;
        let second = verb(next)?;
        entries.extend(second.entries);
        events.extend(second.events);
        timers.extend(second.timers);
        Ok(Self { next: second.next, changed: changed || second.changed, entries, events, timers })
    }

    /// Two changes as one, to be saved together.
    pub fn and<U>(self, other: Change<U>) -> Change<(T, U)> {
        let mut both = Change {
            next: (self.next, other.next),
            changed: self.changed || other.changed,
            entries: self.entries,
            events: self.events,
            timers: self.timers,
        };
        both.entries.extend(other.entries);
        both.events.extend(other.events);
        both.timers.extend(other.timers);
        both
    }
}
