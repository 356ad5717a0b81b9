//! What a resolver finds in its context: the market, who asks, and what makes a repeat of the
//! request recognizable.

use async_graphql::Context;
use domain::access::Actor;
use domain::id::SessionId;
use domain::session::Device;
use infra::idempotency::Once;
use infra::{Call, Failure, Market};
use serde::Serialize;

/// Who sent this request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is, as far as the token says.
    pub actor: Actor,
    /// The session of the token.
    pub session: Option<SessionId>,
    /// What the request was sent from.
    pub device: Device,
    /// Follows the request through logs, events and answers.
    pub trace: String,
}

impl Caller {
    /// A request of this caller to look at something.
    pub fn call(&self) -> Call {
        let Self { actor, session, device: _, trace } = self.clone();
        Call { actor, session, trace, once: None }
    }
}

/// Short ways to what every resolver needs.
pub trait RabtaContext {
    /// The running marketplace.
    fn market(&self) -> &Market;
    /// Who asks.
    fn caller(&self) -> &Caller;
    /// A request to look at something.
    fn call(&self) -> Call;
    /// A request to change something: with a key, repeating it has no further effect.
    fn call_once(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure>;
}

impl RabtaContext for Context<'_> {
    fn market(&self) -> &Market {
        self.data_unchecked::<Market>()
    }

    fn caller(&self) -> &Caller {
        self.data_unchecked::<Caller>()
    }

    fn call(&self) -> Call {
        self.caller().call()
    }

    fn call_once(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure> {
        let call = self.call();
        // A visitor learns that one must sign in, and nothing of what else is wrong with the request.
        call.actor.person()?;
        // Keys belong to whoever sends them. A visitor has none that others could not guess.
        let once = match (key, call.actor.user()) {
            (Some(key), Some(user)) => {
                Some(Once::new(self.market().vault(), &user.to_string(), key, self.field().name(), input)?)
            }
            (Some(_), None) | (None, _) => None,
        };
        Ok(Call { once, ..call })
    }
}
