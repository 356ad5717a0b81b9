//! When to stop: on Ctrl-C and on SIGTERM.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the wish that we stop.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Listen from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Returns when somebody wishes it.
    pub async fn wished(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// From now on a second wish ends the program at once, whatever is unfinished.
    pub fn insist(mut self) {
        tokio::spawn(async move {
            self.wished().await;
            tracing::warn!("asked twice: ending at once");
            process::exit(130);
        });
    }
}
