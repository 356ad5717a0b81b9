//! What the index holds at a moment, and who looks at it: whoever asks takes the shelf as it is and
//! keeps it for as long as they need; whoever has news puts another in its place. Nobody waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta};
use domain::Timestamp;
use domain::matching::Model;
use domain::matching::index::{Gigs, Index};
use domain::matching::shipped::Holders;

/// An index that is further behind is not asked: rather a slow answer than a wrong one.
pub(super) const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// Who and what may be matched, as of some instant.
pub(crate) struct Shelf {
    /// People.
    pub people: Index,
    /// Gigs.
    pub gigs: Gigs,
    /// How rare which skill is among the people.
    pub holders: Holders<'static>,
    /// What ranks them.
    pub model: Arc<Model>,
}

/// The place of the shelf that is looked at now.
#[derive(Default)]
pub struct Shelves {
    // Locked to take a reference or to put one, never to read or to build.
    now: RwLock<Option<Arc<Shelf>>>,
    /// Everything committed before this instant is in it, in microseconds since 1970.
    as_of: AtomicI64,
}

impl std::fmt::Debug for Shelves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelves").field("as_of", &self.as_of()).finish_non_exhaustive()
    }
}

impl Shelves {
    /// The shelf, if there is one that lags behind no more than `patience`; and as of when it is.
    pub(super) fn look(&self, now: Timestamp, patience: TimeDelta) -> Option<(Arc<Shelf>, Timestamp)> {
        let shelf = self.now.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let as_of = self.as_of();
        (now - as_of <= patience).then_some((shelf, as_of))
    }

    /// Another shelf from now on.
    pub(super) fn put(&self, shelf: Shelf) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shelf));
    }

    /// All that was committed before this instant is on the shelf.
    pub(super) fn is_of(&self, instant: Timestamp) {
        self.as_of.fetch_max(instant.timestamp_micros(), Ordering::Relaxed);
    }

    fn as_of(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.as_of.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// How it is, for those who watch over it; `None` as long as there is none.
    pub(super) fn vitals(&self, now: Timestamp) -> Option<IndexVitals> {
        let shelf = self.now.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let lag = now - self.as_of();
        Some(IndexVitals { people: shelf.people.len(), gigs: shelf.gigs.len(), bytes: shelf.people.base_bytes(), lag })
    }
}

impl IndexVitals {
    /// Whether it is fresh enough to be asked; else the tables are.
    pub fn is_asked(&self) -> bool {
        self.lag <= PATIENCE
    }
}

/// How the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexVitals {
    /// How many people it holds.
    pub people: usize,
    /// How many gigs.
    pub gigs: usize,
    /// The memory that people take in it, in bytes.
    pub bytes: usize,
    /// How far it is behind the database.
    pub lag: TimeDelta,
}
