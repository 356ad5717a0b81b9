//! The word that the server is going to stop, heard by whoever holds a connection.

use tokio::sync::watch;

/// Says when the server is going to stop. Clones hear the same word.
#[derive(Debug, Clone)]
pub struct Closing(Option<watch::Receiver<bool>>);

/// The other end: whoever holds it decides. Dropping it is deciding, too.
#[derive(Debug)]
pub struct CloseSwitch(watch::Sender<bool>);

impl Closing {
    /// A switch, and what listens to it.
    pub fn pair() -> (CloseSwitch, Self) {
        let (sender, receiver) = watch::channel(false);
        (CloseSwitch(sender), Self(Some(receiver)))
    }

    /// For a server that is never told to stop.
    pub fn never() -> Self {
        Self(None)
    }

    /// Returns when the server is going to stop, at once if that was decided already.
    pub async fn closed(&mut self) {
        match &mut self.0 {
            // An error means that the switch is gone, and then there is nothing left to wait for.
            Some(word) => drop(word.wait_for(|closing| *closing).await),
            None => std::future::pending().await,
        }
    }
}

impl CloseSwitch {
    /// Let everybody finish what they began, and take nothing new.
    pub fn close(&self) {
        self.0.send_replace(true);
    }
}
