//! Where processors tell us things: `POST /webhooks/stripe`. Nobody is signed in here; who speaks is known
//! by the signature over the raw body. What is taken is kept before it is answered, and acted on later.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use infra::Market;
use infra::webhook::NotTaken;

use crate::http::{Settings, around};

/// The path that is told to Stripe.
pub const STRIPE_PATH: &str = "/webhooks/stripe";
/// The largest body: several times the largest event.
const BODY_BYTES: usize = 256 << 10;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The doors of processors. Without one that is real, nothing is taken.
pub fn routes(market: &Market, settings: &Settings) -> Router {
    around(Router::new().route(STRIPE_PATH, post(stripe)).with_state(market.clone()), settings)
}

async fn stripe(State(market): State<Market>, headers: HeaderMap, body: Body) -> Response {
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Why it is not taken is for our log alone.
    match market.webhook_receive(signature, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(NotTaken::NobodyExpected) => StatusCode::NOT_FOUND.into_response(),
        Err(why @ (NotTaken::Unsigned(_) | NotTaken::Unreadable)) => {
            tracing::warn!(%why, "a webhook was not taken");
            metrics::counter!("rabta_webhooks_refused_total").increment(1);
            StatusCode::BAD_REQUEST.into_response()
        }
        Err(NotTaken::Broken(failure)) => {
            tracing::error!(error = %failure, "a webhook could not be kept");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
