//! `rabta work`: background work without a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::http::{Closing, ServerSettings, serve};
use api::operations::{self, Detail, Operations, Worker};
use infra::{Market, matching, worker};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Trouble;
use super::ground::Ground;
use super::serve::listen;
use super::stop::Stop;
use crate::config::Cli;

/// Work until asked to stop, and finish what was begun. How it goes can be looked at where `--metrics-listen` says.
pub async fn run(cli: Cli) -> Result<(), Trouble> {
    let mut stop = Stop::listen()?;
    let watched = match cli.serve.metrics_listen {
        Some(address) => Some(listen("--metrics-listen", address).await?),
        None => None,
    };
    let ground = tokio::select! {
        ground = Ground::find(&cli.common) => ground?,
        () = stop.wished() => return Ok(()),
    };
    let market = ground.market(&cli).await?;
    // The end of the switch is the end of whoever listens, so it is kept until then.
    let (_switch, closing) = Closing::pair();
    let counts = watched.as_ref().map(|_| operations::count()).transpose().map_err(anyhow::Error::from)?;
    let hand = Hand::start(market.clone(), true, None);
    let operations = Operations::new(market.clone(), Worker::Here(hand.working()));
    if let (Some(listener), Some(counts)) = (watched, counts) {
        let settings = cli.serve.settings(cli.common.production);
        let routes = operations.metrics(counts).merge(operations.probes(Detail::Everything, &settings));
        let address = listener.local_addr()?;
        tracing::info!(%address, "tells how it is");
        tokio::spawn(serve(listener, routes, ServerSettings::default(), closing));
    }
    tracing::info!("working; Ctrl-C stops");
    tokio::select! {
        () = stop.wished() => {}
        () = hand.ended() => {}
    }
    stop.insist();
    operations.stopping();
    hand.stop().await?;
    ground.leave(Some(market)).await
}

/// The background tasks of this process.
#[derive(Debug)]
pub struct Hand {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    working: Arc<AtomicBool>,
    market: Market,
}

/// The index of matching of this process.
#[derive(Debug)]
pub struct Index {
    /// Where its snapshot is kept.
    pub file: Option<PathBuf>,
}

impl Hand {
    /// Follow the events; carry out what is due, if `work`; and keep an index of whom and what may be
    /// matched, if somebody will ask it.
    pub fn start(market: Market, work: bool, index: Option<Index>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let working = Arc::new(AtomicBool::new(work));
        let mut tasks = vec![tokio::spawn(worker::follow(market.clone(), stopped.clone()))];
        if let Some(Index { file }) = index {
            tasks.push(tokio::spawn(matching::follow(market.clone(), file, stopped.clone())));
            tasks.push(tokio::spawn(matching::write_down(market.clone(), stopped.clone())));
        }
        if work {
            let (done, worked) = (Working(Arc::clone(&working)), market.clone());
            tasks.push(tokio::spawn(async move {
                let _done = done;
                worker::run(worked, stopped).await;
            }));
        }
        Self { stop, tasks, working, market }
    }

    /// True for as long as the worker runs.
    pub fn working(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.working)
    }

    /// Returns when the worker has ended, though nobody asked it to.
    async fn ended(&self) {
        while self.working.load(Ordering::Relaxed) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    /// Have the worker begin nothing more, while the others go on: what it took up is left to other nodes at once.
    pub fn rest(&self) {
        self.market.work_no_more();
    }

    /// Let them finish what they began.
    ///
    /// # Errors
    /// If one of them panicked.
    pub async fn stop(self) -> Result<(), Trouble> {
        self.rest();
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.map_err(|error| anyhow::anyhow!("background work: {error}"))?;
        }
        Ok(())
    }
}

/// Says that the worker has ended, however it did.
struct Working(Arc<AtomicBool>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
