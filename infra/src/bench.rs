//! Work that takes a processor for a while: done on threads of their own, so much of it at once, with so many waiting.
//! One more is told at once to come back, instead of waiting longer than anybody would.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::Fault;

/// The longest that a turn is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A bench with so many places at it.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    work: &'static str,
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// A place at a bench, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _queued: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Bench {
    /// A bench for some kind of work, with `places` for those who are at it and room for `waiting` more.
    pub(crate) fn new(work: &'static str, places: usize, waiting: usize) -> Self {
        let places = places.max(1);
        let queue = Arc::new(Semaphore::new(places.saturating_add(waiting).min(Semaphore::MAX_PERMITS)));
        Self { work, places: Arc::new(Semaphore::new(places)), queue }
    }

    /// Do something when it is its turn. It is done to its end, and its place is not given away before that, even if
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many wait, or the wait is too long.
    pub(crate) async fn at<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let turn = self.place().await?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| Fault::Service { service: self.work, why: error.to_string() })
    }

    /// A place, when it is one's turn, for work that somebody else does for us.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many wait, or the wait is too long.
    pub(crate) async fn place(&self) -> Result<Place, Fault> {
        self.turn().await.ok_or_else(|| {
            metrics::counter!("rabta_benches_full_total", "work" => self.work).increment(1);
            Fault::Busy { work: self.work }
        })
    }

    async fn turn(&self) -> Option<Place> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().ok()?;
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()?;
        Some(Place { _queued: queued, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn one_more_than_can_wait_is_told_to_come_back_and_who_left_still_has_the_place() {
        let bench = Bench::new("work", 1, 1);
        let (begin, began) = tokio::sync::oneshot::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let bench = bench.clone();
            async move {
                bench
                    .at(move || {
                        let _ = begin.send(());
                        let _ = wait.recv();
                    })
                    .await
            }
        });
        began.await.unwrap();
        // Whoever asked is gone; the work is not, and is in nobody's way twice.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let mut second = Box::pin(bench.at(|| 2));
        assert!(futures_util::poll!(second.as_mut()).is_pending(), "it waits");
        assert!(matches!(bench.at(|| 3).await, Err(Fault::Busy { work: "work" })));
        go_on.send(()).unwrap();
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(bench.at(|| 3).await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_not_waited_for_without_end() {
        let bench = Bench::new("work", 1, 1);
        let _place = Arc::clone(&bench.places).acquire_owned().await.unwrap();
        assert!(matches!(bench.at(|| ()).await, Err(Fault::Busy { .. })));
    }
}
