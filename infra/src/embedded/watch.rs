//! A look at the server from time to time, so that the log says when it ended and came back.

use std::time::Duration;

use super::cluster::wait_until_ready;
use super::folder::Folder;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(250);

/// Sees how a private server fares. Its keeper starts it again when it was killed; this only tells.
#[derive(Debug)]
pub struct Watch {
    pub(super) folder: Folder,
}

impl Watch {
    /// Look until the server has ended for good.
    pub async fn run(self) {
        let mut known = self.folder.server_pid();
        while !self.folder.exited().exists() {
            tokio::time::sleep(EVERY).await;
            let now = self.folder.server_pid();
            if now.is_none() || now == known {
                continue;
            }
            tracing::warn!(log = %self.folder.log().display(), "the private PostgreSQL ended by itself; its keeper starts it again");
            let folder = self.folder.clone();
            let ready = tokio::task::spawn_blocking(move || wait_until_ready(&folder)).await;
            if matches!(ready, Ok(Ok(()))) {
                tracing::info!("the private PostgreSQL has recovered, and takes connections");
            }
            known = self.folder.server_pid();
        }
        tracing::error!(log = %self.folder.log().display(), "the private PostgreSQL has ended, and could not be started again");
    }
}
