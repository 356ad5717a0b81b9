//! Where processors tell us things: `POST /webhooks/stripe`. Nobody is signed in here; who speaks is known
//! by the signature over the raw body. What is taken is kept before it is answered, and acted on later.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use infra::Market;
use infra::webhook::NotTaken;

use crate::http::{Bodies, ClientAddress, Settings, around, counted};

/// The path that is told to Stripe.
pub const STRIPE_PATH: &str = "/webhooks/stripe";
/// The largest body: several times the largest event.
const BODY_BYTES: usize = 256 << 10;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The doors of processors. Without one that is real, nothing is taken.
pub fn routes(market: &Market, settings: &Settings) -> Router {
    let (bodies, trusted_proxies) = (Bodies::new(BODY_BYTES, PATIENCE), settings.trusted_proxies);
    let door = Door { market: market.clone(), bodies, trusted_proxies, warned_in: Arc::default() };
    let router = Router::new().route(STRIPE_PATH, post(stripe)).with_state(door);
    around(counted(router, settings), settings)
}

#[derive(Debug, Clone)]
struct Door {
    market: Market,
    bodies: Bodies,
    trusted_proxies: usize,
    /// The minute in which the log was last told that something was not taken.
    warned_in: Arc<AtomicI64>,
}

impl Door {
    /// Something was not taken. Anybody can send what is not, so the log hears of the first of a minute alone.
    fn refused(&self, why: &NotTaken) {
        metrics::counter!("rabta_webhooks_refused_total").increment(1);
        let minute = self.market.clock().now().timestamp() / 60;
        if self.warned_in.swap(minute, Ordering::Relaxed) == minute {
            tracing::debug!(%why, "a webhook was not taken");
        } else {
            tracing::warn!(%why, "a webhook was not taken; others of this minute are only counted");
        }
    }
}

async fn stripe(State(door): State<Door>, request: Request) -> Response {
    let market = &door.market;
    let (Parts { headers, extensions, .. }, body) = request.into_parts();
    let address = ClientAddress::of(&extensions, &headers, door.trusted_proxies);
    let read = async { door.bodies.read(address?, &headers, body).await };
    let body = match read.await {
        Ok(body) => body,
        Err(problem) => return problem.status.unwrap_or(StatusCode::BAD_REQUEST).into_response(),
    };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Why it is not taken is for our log alone.
    match market.webhook_receive(signature, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(NotTaken::NobodyExpected) => StatusCode::NOT_FOUND.into_response(),
        Err(why @ (NotTaken::Unsigned(_) | NotTaken::Unreadable)) => {
            door.refused(&why);
            StatusCode::BAD_REQUEST.into_response()
        }
        Err(NotTaken::Broken(failure)) => {
            tracing::error!(error = %failure, "a webhook could not be kept");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
