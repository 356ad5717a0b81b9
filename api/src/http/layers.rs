//! What stands around every route: names, panics, security headers, CORS, compression.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::FutureExt;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;

use super::answer::Outcome;
use super::media::Media;
use super::trace::name_requests;
use super::{Problem, Settings, TraceId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Put the layers around a router, the last one outermost.
pub fn around(router: Router, settings: &Settings) -> Router {
    let router = router.layer(CompressionLayer::new());
    let router = match settings.origins.as_slice() {
        [] => router,
        origins => router.layer(cors(origins)),
    };
    router.layer(from_fn(survive_panics)).layer(from_fn(secure_headers)).layer(from_fn(name_requests))
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, ACCEPT, REQUEST_ID])
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .max_age(Duration::from_secs(3600))
}

/// A panic is our fault: it is logged, told without details, and hurts nobody else.
async fn survive_panics(request: Request, next: Next) -> Response {
    let trace = request.extensions().get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(trace_id = %trace, "a request panicked");
        let problem = Problem::http(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "");
        Outcome::refused(problem, &trace).into_response(Media::Json)
    })
}

/// Headers that tell browsers to be careful. A page that needs more says so itself.
async fn secure_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let defaults = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
    ];
    for (name, value) in defaults {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
