//! How the worker of a process is, for those who look from outside; and the wish that it begin nothing more.
//!
//! It works in lanes, so that what waits for somebody outside holds up nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What shows nothing for so long is cut off: it waits for what never comes, like the answer of a database that is gone
/// without a word. Longer than anything may take by itself.
const SILENCE: Duration = Duration::from_secs(120);
/// What was not cut off by then is stuck.
const STUCK: Duration = Duration::from_secs(180);

/// What a worker does beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Carries out deadlines.
    Timers,
    /// Delivers events.
    Events,
    /// Acts on what others told, and looks for what they did not tell.
    Outside,
    /// Tells programs of others, who may take their time.
    Webhooks,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Timers, Self::Events, Self::Outside, Self::Webhooks];
}

/// Shows whether the worker of this process goes on. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    beat: Arc<Mutex<Beat>>,
}

#[derive(Debug)]
struct Beat {
    at: [Instant; Lane::ALL.len()],
    rests: Option<String>,
    stopping: bool,
}

impl Default for Beat {
    fn default() -> Self {
        Self { at: [Instant::now(); Lane::ALL.len()], rests: None, stopping: false }
    }
}

/// How the worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It goes on.
    Works,
    /// It takes nothing up, because this node should not work as it is.
    Rests {
        /// Why, for the operator.
        why: String,
    },
    /// Nothing was heard of it for so long that something must be wrong.
    Stuck,
}

impl Pulse {
    /// How the worker is, as far as is known from what it showed.
    pub fn health(&self) -> Health {
        let beat = self.held();
        match &beat.rests {
            _ if beat.at.iter().any(|at| at.elapsed() >= STUCK) => Health::Stuck,
            Some(why) => Health::Rests { why: why.clone() },
            None => Health::Works,
        }
    }

    /// It goes on in this lane.
    pub(crate) fn beats(&self, lane: Lane) {
        if let Some(at) = self.held().at.get_mut(lane as usize) {
            *at = Instant::now();
        }
    }

    /// It takes nothing up for this reason, or does again.
    pub(super) fn rests(&self, why: Option<String>) {
        self.held().rests = why;
    }

    pub(super) fn stop(&self) {
        self.held().stopping = true;
    }

    /// Should nothing more be begun?
    pub(crate) fn is_stopping(&self) -> bool {
        self.held().stopping
    }

    /// Returns when it has shown nothing in this lane for too long.
    pub(super) async fn falls_silent(&self, lane: Lane) {
        loop {
            let silence = self.held().at.get(lane as usize).map_or(Duration::ZERO, Instant::elapsed);
            let left = SILENCE.saturating_sub(silence);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(pulse: &Pulse) {
        Lane::ALL.into_iter().for_each(|lane| pulse.beats(lane));
    }

    #[tokio::test(start_paused = true)]
    async fn what_shows_nothing_for_long_is_stuck_and_what_beats_or_rests_is_not() {
        let pulse = Pulse::default();
        tokio::time::advance(Duration::from_secs(179)).await;
        assert_eq!(pulse.health(), Health::Works);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pulse.health(), Health::Stuck);
        beats(&pulse);
        pulse.rests(Some("the clock is wrong".into()));
        assert_eq!(pulse.health(), Health::Rests { why: "the clock is wrong".into() });
        tokio::time::advance(Duration::from_secs(180)).await;
        assert_eq!(pulse.health(), Health::Stuck, "it does not even rest any more");
        beats(&pulse);
        pulse.rests(None);
        assert_eq!(pulse.health(), Health::Works);
        tokio::time::advance(Duration::from_secs(100)).await;
        pulse.beats(Lane::Events);
        pulse.beats(Lane::Outside);
        pulse.beats(Lane::Webhooks);
        tokio::time::advance(Duration::from_secs(80)).await;
        assert_eq!(pulse.health(), Health::Stuck, "one lane is");
    }
}
