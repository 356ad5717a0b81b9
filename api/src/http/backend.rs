//! What the surface asks of the house behind it.

use std::time::Duration;

use async_graphql::Request;
use domain::Timestamp;
use domain::access::Actor;
use domain::id::SessionId;
use futures_util::future::BoxFuture;

use super::{ClientAddress, TraceId};

/// The house behind the surface.
pub trait Backend: Send + Sync + 'static {
    /// Who a bearer token stands for.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>>;

    /// Returns when something was heard, since this was called, that makes it worth asking at once whether
    /// a session still stands. A house that hears nothing leaves it to be asked now and then.
    fn stirred(&self, _session: SessionId) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    /// Put into the request what resolvers expect to find in their context: the caller, loaders.
    fn furnish(&self, request: Request, visitor: &Visitor) -> Request;
}

/// Whom a token stands for.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The person.
    pub actor: Actor,
    /// The session the token was issued in.
    pub session: Option<SessionId>,
    /// When the person last proved who they are in that session.
    pub proved_at: Option<Timestamp>,
    /// For how long the token stays good.
    pub valid_for: Duration,
}

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not one of ours, was tampered with, or is not meant for this server.
    #[error("the access token is not valid: get another with sessionRefresh or signIn, sent without this one")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired: get the next with sessionRefresh or signIn, sent without this one")]
    Expired,
    /// Its session, or the account, was ended.
    #[error("the session has ended: sign in again")]
    Revoked,
    /// It could not be checked, through no fault of the caller.
    #[error("the access token could not be checked, try again in a moment")]
    Unavailable,
}

/// Who a request comes from, as far as it is known.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The person, or nobody.
    pub actor: Actor,
    /// The session of the person.
    pub session: Option<SessionId>,
    /// When the person last proved who they are in that session.
    pub proved_at: Option<Timestamp>,
    /// The address the request came from.
    pub address: ClientAddress,
    /// What the client calls itself, at most 200 characters of it.
    pub user_agent: Option<String>,
    /// What the request is called in our logs.
    pub trace: TraceId,
}

impl Visitor {
    /// The same request, of somebody whose token was looked at.
    #[must_use]
    pub(super) fn known_as(self, identity: Identity) -> Self {
        let Identity { actor, session, proved_at, valid_for: _ } = identity;
        Self { actor, session, proved_at, ..self }
    }
}
