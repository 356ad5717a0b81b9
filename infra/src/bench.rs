//! Work that takes a processor for a while: done on threads of their own, so much of it at once, with so many waiting.
//! One more is told at once to come back, instead of waiting longer than anybody would.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    size: usize,
    crowds: Arc<Mutex<HashMap<String, usize>>>,
}

/// Those of whom many may come at once, and how many quarters of a bench and its queue they may have together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// Who they are.
    pub(crate) name: String,
    /// What they may have.
    pub(crate) quarters: usize,
}

/// One of each of some crowds, at a bench or in its queue for as long as this is held.
#[derive(Debug)]
struct Member {
    names: Vec<String>,
    crowds: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut crowds = lock(&self.crowds);
        for name in &self.names {
            if let Some(count) = crowds.get_mut(name) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    crowds.remove(name);
                }
            }
        }
    }
}

fn lock(crowds: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    crowds.lock().unwrap_or_else(PoisonError::into_inner)
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
        let size = places.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        let (places, queue) = (Arc::new(Semaphore::new(places)), Arc::new(Semaphore::new(size)));
        Self { work, places, queue, size, crowds: Arc::default() }
    }

    /// Do something when it is its turn. It is done to its end, and its place is not given away before that, even if
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many wait, or the wait is too long.
    pub(crate) async fn at<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        self.at_among(&[], work).await
    }

    /// The same for somebody of these crowds, none of which takes up all of it.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many wait, or too many of a crowd, or the wait is too long.
    pub(crate) async fn at_among<T: Send + 'static>(
        &self,
        crowds: &[Crowd],
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let member = self.join(crowds).ok_or_else(|| self.full())?;
        let turn = self.place().await?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (turn, member);
            work()
        });
        done.await.map_err(|error| Fault::Service { service: self.work, why: error.to_string() })
    }

    /// A place, when it is one's turn, for work that somebody else does for us.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many wait, or the wait is too long.
    pub(crate) async fn place(&self) -> Result<Place, Fault> {
        self.turn().await.ok_or_else(|| self.full())
    }

    fn full(&self) -> Fault {
        metrics::counter!("rabta_benches_full_total", "work" => self.work).increment(1);
        Fault::Busy { work: self.work }
    }

    fn join(&self, of: &[Crowd]) -> Option<Member> {
        let mut crowds = lock(&self.crowds);
        let most = |crowd: &Crowd| (self.size.saturating_mul(crowd.quarters) / 4).max(1);
        if of.iter().any(|crowd| crowds.get(&crowd.name).is_some_and(|count| *count >= most(crowd))) {
            return None;
        }
        let names: Vec<String> = of.iter().map(|crowd| crowd.name.clone()).collect();
        for name in &names {
            *crowds.entry(name.clone()).or_default() += 1;
        }
        Some(Member { names, crowds: Arc::clone(&self.crowds) })
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
    use std::task::Poll;

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

    #[tokio::test]
    async fn one_network_has_a_quarter_of_a_bench_and_its_queue_and_a_site_of_networks_a_half() {
        let bench = Bench::new("work", 1, 7);
        let (go_on, wait) = mpsc::channel::<()>();
        let crowds = |network: &str, site: &str| {
            [(network, 1), (site, 2)].map(|(name, quarters)| Crowd { name: name.to_owned(), quarters })
        };
        let (here, there, yonder) = (crowds("here", "site"), crowds("there", "site"), crowds("yonder", "site"));
        let elsewhere = crowds("elsewhere", "another site");
        let mut first = Box::pin(bench.at_among(&here, move || {
            let _ = wait.recv();
        }));
        assert!(futures_util::poll!(first.as_mut()).is_pending(), "it is at work");
        let mut waiting = Vec::new();
        for (crowds, fits) in
            [(&here, true), (&here, false), (&there, true), (&there, true), (&yonder, false), (&elsewhere, true)]
        {
            let mut one = Box::pin(bench.at_among(crowds, || ()));
            match futures_util::poll!(one.as_mut()) {
                Poll::Pending => {
                    assert!(fits, "{crowds:?}");
                    waiting.push(one);
                }
                Poll::Ready(told) => assert!(!fits && matches!(told, Err(Fault::Busy { .. })), "{crowds:?}"),
            }
        }
        // Whoever leaves the queue leaves it to the next of the same network.
        drop(waiting.remove(0));
        let mut next = Box::pin(bench.at_among(&here, || ()));
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        go_on.send(()).unwrap();
        first.await.unwrap();
        for one in waiting {
            one.await.unwrap();
        }
        next.await.unwrap();
        assert!(lock(&bench.crowds).is_empty(), "nothing is kept of who left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_not_waited_for_without_end() {
        let bench = Bench::new("work", 1, 1);
        let _place = Arc::clone(&bench.places).acquire_owned().await.unwrap();
        assert!(matches!(bench.at(|| ()).await, Err(Fault::Busy { .. })));
    }
}
