//! The market's clock. Time is asked for here and nowhere else, so that a test can turn the hands.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DurationRound, TimeDelta};
use domain::Timestamp;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// The machine's, some microseconds ahead: a sandbox's, where time can be let pass.
    Ahead(Arc<AtomicI64>),
    /// Stands still until it is moved.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// The time, to the microsecond: PostgreSQL keeps no more, and what is read back should equal
    /// what was written.
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => system_now(),
            Self::Ahead(micros) => system_now() + TimeDelta::microseconds(micros.load(Ordering::Relaxed)),
            Self::Manual(hands) => *hands.lock().unwrap_or_else(PoisonError::into_inner),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// The time that people's devices show, like authenticator apps: they don't go ahead with a sandbox.
    pub fn of_devices(&self) -> Timestamp {
        match self {
            Self::System | Self::Ahead(_) => system_now(),
            Self::Manual(_) => self.now(),
        }
    }

    /// A sandbox's clock, so far ahead of the machine's.
    pub fn ahead(by: TimeDelta) -> Self {
        Self::Ahead(Arc::new(AtomicI64::new(by.num_microseconds().unwrap_or(0))))
    }

    /// Can time be let pass?
    pub fn can_be_moved(&self) -> bool {
        match self {
            Self::System => false,
            Self::Ahead(_) | Self::Manual(_) => true,
        }
    }

    /// Move the clock forward to an instant, unless it is there already. The machine's own can't be
    /// moved, and isn't.
    pub fn advance_to(&self, to: Timestamp) {
        match self {
            Self::System => {}
            Self::Ahead(micros) => {
                micros.fetch_max((to - system_now()).num_microseconds().unwrap_or(0), Ordering::Relaxed);
            }
            Self::Manual(hands) => {
                let mut hands = hands.lock().unwrap_or_else(PoisonError::into_inner);
                *hands = to.max(*hands);
            }
        }
    }

    /// Move the clock forward. The machine's own can't be moved, and isn't.
    pub fn advance(&self, by: TimeDelta) {
        match self {
            Self::System => {}
            Self::Ahead(micros) => {
                micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
            }
            Self::Manual(hands) => *hands.lock().unwrap_or_else(PoisonError::into_inner) += by,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn system_now() -> Timestamp {
    chrono::Utc::now()
}
