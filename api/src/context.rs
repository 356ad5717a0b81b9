//! What a resolver finds in its context: the market, who asks, and what makes a repeat of the
//! request recognizable.

use std::sync::{Arc, PoisonError, RwLock};

use async_graphql::Context;
use domain::Timestamp;
use domain::access::{self, Actor, Freshness, Verb};
use domain::id::SessionId;
use domain::refusal::Refusal;
use domain::session::Device;
use infra::idempotency::Once;
use infra::{Call, Failure, Market};
use serde::Serialize;

use crate::user_error::mutation_name;

/// Who sent this request. Clones share what they know of the caller.
#[derive(Debug, Clone)]
pub struct Caller {
    who: Arc<RwLock<Who>>,
    /// What the request was sent from.
    pub device: Device,
    /// Follows the request through logs, events and answers.
    pub trace: String,
}

/// Who it is, as far as we have heard.
#[derive(Debug)]
struct Who {
    actor: Actor,
    session: Option<SessionId>,
    proved_at: Option<Timestamp>,
}

impl Caller {
    /// Somebody who sends a request, and in their session has last proved who they are at `proved_at`.
    pub fn new(
        actor: Actor,
        session: Option<SessionId>,
        proved_at: Option<Timestamp>,
        device: Device,
        trace: String,
    ) -> Self {
        Self { who: Arc::new(RwLock::new(Who { actor, session, proved_at })), device, trace }
    }

    /// Who it is, as far as we have heard.
    pub fn actor(&self) -> Actor {
        self.who.read().unwrap_or_else(PoisonError::into_inner).actor.clone()
    }

    /// The session they are in.
    pub fn session(&self) -> Option<SessionId> {
        self.who.read().unwrap_or_else(PoisonError::into_inner).session
    }

    /// When they last proved who they are in that session.
    fn proved_at(&self) -> Option<Timestamp> {
        self.who.read().unwrap_or_else(PoisonError::into_inner).proved_at
    }

    /// The caller turned out to be this by now: what is answered from here on is answered to them.
    pub fn is_now(&self, actor: Actor) {
        self.who.write().unwrap_or_else(PoisonError::into_inner).actor = actor;
    }

    /// The session of the caller has ended: what is answered from here on is answered to nobody.
    pub fn is_out(&self) {
        self.is_now(Actor::Nobody);
    }

    /// The caller has proved who they are once more.
    pub fn has_proved(&self, at: Timestamp) {
        self.who.write().unwrap_or_else(PoisonError::into_inner).proved_at = Some(at);
    }

    /// The caller has signed in: what is answered from here on is answered to who they are now.
    pub fn is_in(&self, actor: Actor, session: SessionId, proved_at: Timestamp) {
        let who = Who { actor, session: Some(session), proved_at: Some(proved_at) };
        *self.who.write().unwrap_or_else(PoisonError::into_inner) = who;
    }

    /// A request of this caller to look at something.
    pub fn call(&self) -> Call {
        let (device, trace) = (self.device.clone(), self.trace.clone());
        Call { actor: self.actor(), session: self.session(), device, trace, once: None }
    }
}

/// Short ways to what every resolver needs.
pub trait RabtaContext {
    /// The running marketplace.
    fn market(&self) -> &Market;
    /// Who asks.
    fn caller(&self) -> &Caller;
    /// Who asks, for the access table.
    fn actor(&self) -> Actor;
    /// A request to look at something.
    fn call(&self) -> Call;
    /// A request to do what the mutation is called by. The one place that sees to it that whoever does
    /// what takes a proof of who they are has given one.
    fn call_to_act(&self) -> Result<Call, Failure>;
    /// The same: with a key, repeating it has no further effect.
    fn call_once(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure>;
    /// The same, for a request that brings its proof, or is to be asked for it, where it is carried out.
    fn call_once_with_proof(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure>;
}

impl RabtaContext for Context<'_> {
    fn market(&self) -> &Market {
        self.data_unchecked::<Market>()
    }

    fn caller(&self) -> &Caller {
        self.data_unchecked::<Caller>()
    }

    fn actor(&self) -> Actor {
        self.caller().actor()
    }

    fn call(&self) -> Call {
        self.caller().call()
    }

    fn call_to_act(&self) -> Result<Call, Failure> {
        let call = self.call();
        call.actor.person()?;
        let mutation = self.field().name();
        if let Some(verb) = verb_of(mutation) {
            access::must_be_ours(&call.actor, verb)?;
        }
        let needed = proof_for(mutation);
        match needed.within() {
            Some(within) if !needed.is_met(self.caller().proved_at(), self.market().clock().now()) => {
                Err(Refusal::Reauthenticate { within_seconds: within.num_seconds() }.into())
            }
            Some(_) | None => Ok(call),
        }
    }

    fn call_once(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure> {
        self.call_to_act()?;
        self.call_once_with_proof(key, input)
    }

    fn call_once_with_proof(&self, key: Option<&str>, input: &impl Serialize) -> Result<Call, Failure> {
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

/// How fresh a proof a mutation takes: what the access table says of its verb.
pub fn proof_for(mutation: &str) -> Freshness {
    verb_of(mutation).map_or(Freshness::Any, Verb::needs_proof)
}

/// What of the access table a mutation does, if it does one thing of it.
fn verb_of(mutation: &str) -> Option<Verb> {
    match mutation {
        "emailChangeRequest" => Some(Verb::EmailChange),
        "secondFactorEnroll" | "secondFactorConfirm" | "secondFactorRemove" | "recoveryCodesRenew" => {
            Some(Verb::SecondFactorSet)
        }
        "feeCorrectionsPropose" => Some(Verb::CorrectionPropose),
        "feeCorrectionsApprove" => Some(Verb::CorrectionApprove),
        _ => Verb::ALL.iter().copied().find(|verb| mutation_name(verb.name()) == mutation),
    }
}

/// The caller was just let in: answer what follows, like their organizations, to who they are now.
pub async fn let_in(ctx: &Context<'_>, access_token: &str) {
    match ctx.market().authenticate(access_token).await {
        Ok(now) => ctx.caller().is_in(now.actor, now.session, now.proved_at),
        // They have their tokens. That we don't know them yet may only hide something.
        Err(error) => tracing::warn!(%error, "could not look who the caller is by now"),
    }
}

/// The caller has just joined an organization or left one, or their session may have ended: answer what follows to who
/// they are now.
pub async fn look_again(ctx: &Context<'_>) {
    match ctx.market().actor_now(&ctx.call()).await {
        Ok(actor) => ctx.caller().is_now(actor),
        Err(Failure::Refused(_)) => ctx.caller().is_out(),
        // What was asked for is done. That we know the caller as they were may only hide something.
        Err(failure) => tracing::warn!(error = %failure, "could not look again who the caller is"),
    }
}
