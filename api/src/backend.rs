//! The house behind the door: how a token becomes a caller, and what resolvers find in a request.

use async_graphql::Request;
use futures_util::future::BoxFuture;
use infra::Market;

use crate::context::Caller;
use crate::http::{Backend, Identity, TokenError, Visitor};

/// The marketplace, as the surface sees it.
#[derive(Debug, Clone)]
pub struct House {
    market: Market,
}

impl House {
    /// The house of this market.
    pub fn new(market: Market) -> Self {
        Self { market }
    }

    /// The market behind it.
    pub fn market(&self) -> &Market {
        &self.market
    }
}

impl Backend for House {
    fn authenticate<'a>(&'a self, _token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async { Err(TokenError::Invalid) })
    }

    fn furnish(&self, request: Request, visitor: &Visitor) -> Request {
        let Visitor { actor, session, trace, .. } = visitor;
        request.data(Caller { actor: actor.clone(), session: *session, trace: trace.to_string() })
    }
}
