//! Events: every fact that others may react to. An event is saved in the transaction that made it
//! true and told at least once: to the worker, to subscriptions, to notifications.

use serde::{Deserialize, Serialize};

use crate::id::{OrganizationId, UserId};

/// What happened. Past tense; only ids and facts, never private text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Somebody signed up.
    UserSignedUp {
        /// Who.
        user: UserId,
    },
    /// A client company came to be.
    OrganizationCreated {
        /// Which.
        organization: OrganizationId,
    },
}

impl Event {
    /// The name in the event stream, like `user_signed_up`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserSignedUp { .. } => "user_signed_up",
            Self::OrganizationCreated { .. } => "organization_created",
        }
    }
}
