//! Following a list as it grows. The bus only wakes: what is new is read from the tables, so that
//! a listener who was too slow, or a lost notice, costs a moment and never an item.

use std::sync::Arc;
use std::time::Duration;

use domain::event::Event;
use domain::id::{ContractId, ConversationId, UserId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::market::Market;
use crate::outbox::Occurrence;

/// How long nothing may be heard before it is looked again all the same: notices are lost while
/// the connection that brings them is down, and not every change of a person's standing has one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// The history of a contract.
    Contract(ContractId),
    /// What is said in a conversation.
    Conversation(ConversationId),
    /// What the person is told.
    Notifications,
}

/// Hears when there may be something new.
#[derive(Debug)]
pub(crate) struct Watch {
    followed: Followed,
    user: UserId,
    events: Receiver<Arc<Occurrence>>,
    told: Receiver<UserId>,
    newer: Receiver<ContractId>,
}

impl Watch {
    /// Listen from now on, for this person.
    pub(crate) fn new(market: &Market, followed: Followed, user: UserId) -> Self {
        let (events, told, newer) = (market.bus().listen(), market.bus().listen_told(), market.bus().listen_newer());
        Self { followed, user, events, told, newer }
    }

    /// Returns when there may be something new, or the person may be somebody else by now.
    pub(crate) async fn changed(&mut self) {
        let quiet = tokio::time::sleep(LOOK_AGAIN);
        tokio::pin!(quiet);
        loop {
            let matters = tokio::select! {
                heard = self.events.recv() => matters(heard, |event| concerns(self.followed, self.user, event)),
                told = self.told.recv() => {
                    matters(told, |user| self.followed == Followed::Notifications && *user == self.user)
                }
                newer = self.newer.recv() => matters(newer, |contract| self.followed == Followed::Contract(*contract)),
                () = &mut quiet => true,
            };
            if matters {
                return;
            }
        }
    }
}

/// Whoever heard too much to keep up may have missed what mattered.
fn matters<T>(heard: Result<T, RecvError>, is_it: impl Fn(&T) -> bool) -> bool {
    match heard {
        Ok(heard) => is_it(&heard),
        Err(RecvError::Lagged(_) | RecvError::Closed) => true,
    }
}

fn concerns(followed: Followed, person: UserId, occurrence: &Occurrence) -> bool {
    let about_contract = occurrence.contract.is_some_and(|contract| followed == Followed::Contract(contract));
    let about_conversation = match &occurrence.event {
        Event::MessageSent { told } => followed == Followed::Conversation(told.conversation),
        _ => false,
    };
    let about_standing = match occurrence.event {
        Event::SessionEnded { user, .. }
        | Event::MemberJoined { user, .. }
        | Event::MemberLeft { user, .. }
        | Event::UserSuspended { user, .. } => user == person,
        _ => false,
    };
    about_contract || about_conversation || about_standing
}
