//! The house behind the door: how a token becomes a caller, and what resolvers find in a request.

use std::sync::Arc;

use async_graphql::Request;
use axum::http::header::CACHE_CONTROL;
use axum::routing::get;
use axum::{Json, Router};
use domain::event::Event;
use domain::id::SessionId;
use domain::session::Device;
use futures_util::future::BoxFuture;
use infra::Market;
use infra::session::{Authenticated, NotAuthenticated};
use infra::token::BadToken;
use tokio::sync::broadcast::error::RecvError;

use crate::context::Caller;
use crate::http::{
    Backend, Closing, Identity, Settings, Surface, TokenError, Untaken, Visitor, around, counted, for_every_origin,
    router,
};
use crate::loader::loader;
use crate::schema::described;

/// The routes of the API of a market, until its server is going to stop, and the room in which its answers wait to be
/// taken. All that the schema is made of is compiled along with this, once: who put it together elsewhere would compile
/// it there again.
pub fn surface(market: &Market, settings: Settings, closing: Closing) -> (Router, Arc<Untaken>) {
    let surface = Surface::new(described(), Arc::new(House { market: market.clone() }), settings).until(closing);
    let untaken = surface.untaken();
    (router(surface), untaken)
}

/// The marketplace, as the surface sees it.
#[derive(Debug)]
struct House {
    market: Market,
}

impl Backend for House {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        Box::pin(async move {
            let Authenticated { actor, session, proved_at, expires_at } =
                self.market.authenticate(token).await.map_err(not_taken)?;
            let valid_for = (expires_at - self.market.clock().now()).to_std().unwrap_or_default();
            Ok(Identity { actor, session: Some(session), proved_at: Some(proved_at), valid_for })
        })
    }

    fn stirred(&self, session: SessionId) -> BoxFuture<'static, ()> {
        let mut events = self.market.bus().listen();
        Box::pin(async move {
            loop {
                match events.recv().await {
                    Ok(occurrence) => match occurrence.event {
                        Event::SessionEnded { session: ended, .. } if ended == session => return,
                        _ => {}
                    },
                    // Too much came by to have heard it all.
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => return std::future::pending().await,
                }
            }
        })
    }

    fn furnish(&self, request: Request, visitor: &Visitor) -> Request {
        let Visitor { actor, session, proved_at, address, user_agent, trace } = visitor;
        let device = Device { agent: user_agent.clone(), address: Some(address.0) };
        let caller = Caller::new(actor.clone(), *session, *proved_at, device, trace.to_string());
        request.data(self.market.clone()).data(loader(&self.market, caller.clone())).data(caller)
    }
}

/// Why a token is not taken, as the surface says it.
pub(crate) fn not_taken(why: NotAuthenticated) -> TokenError {
    match why {
        NotAuthenticated::Token(BadToken::Invalid) => TokenError::Invalid,
        NotAuthenticated::Token(BadToken::Expired) => TokenError::Expired,
        NotAuthenticated::Ended => TokenError::Revoked,
        NotAuthenticated::Unavailable(failure) => {
            tracing::error!(error = %failure, "an access token could not be checked");
            TokenError::Unavailable
        }
    }
}

/// The public halves of the keys that sign access tokens, at the well-known place. They change
/// seldom, and a new one is published well before it signs.
///
/// Pages of any origin may read them, for they are nobody's secret.
pub fn key_pages(market: &Market, settings: &Settings) -> Router {
    let keys = market.keys().published();
    let answer = move || async move { ([(CACHE_CONTROL, "public, max-age=300")], Json(keys)) };
    let router = for_every_origin(Router::new().route("/.well-known/jwks.json", get(answer)));
    around(counted(router, settings), &Settings { origins: Vec::new(), ..settings.clone() })
}
