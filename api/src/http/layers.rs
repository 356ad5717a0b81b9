//! What stands around every route: names, panics, security headers, CORS, compression.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::FutureExt;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};

use super::answer::Outcome;
use super::media::Media;
use super::rates::Rates;
use super::trace::name_requests;
use super::{ClientAddress, Problem, Settings, TraceId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Put the layers around a router, the last one outermost.
pub fn around(router: Router, settings: &Settings) -> Router {
    let router = router.layer(from_fn(turn_away)).layer(CompressionLayer::new());
    let router = match settings.origins.as_slice() {
        [] => router,
        origins => router.layer(cors(origins)),
    };
    router.layer(from_fn(survive_panics)).layer(from_fn(secure_headers)).layer(from_fn(name_requests))
}

/// Count each request of these routes by its address, as those to GraphQL are counted, each place for itself. Handlers find
/// the address in the request.
pub fn counted(router: Router, settings: &Settings) -> Router {
    let (rates, proxies) = (Arc::new(Rates::new(settings)), settings.trusted_proxies);
    router.layer(from_fn(move |mut request: Request, next: Next| {
        let rates = Arc::clone(&rates);
        async move {
            let address = ClientAddress::of(request.extensions(), request.headers(), proxies);
            match address.and_then(|address| rates.check_address(address).map(|()| address)) {
                Ok(address) => {
                    request.extensions_mut().insert(address);
                    next.run(request).await
                }
                Err(problem) => problem.into_page(&trace_of(&request)),
            }
        }
    }))
}

/// What anybody's page may read, and nobody's secret is in.
pub fn for_every_origin(router: Router) -> Router {
    router.layer(CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]).max_age(Duration::from_secs(3600)))
}

/// Put into a request that is one too many of its address, which may have so many: it is answered like any other, only not with what it asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneTooMany(pub usize);

/// Put into a request that does not say for which host it is, or says it in two ways.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostUnclear;

async fn turn_away(request: Request, next: Next) -> Response {
    if request.extensions().get::<HostUnclear>().is_some() {
        let problem = Problem::bad_request("a request names the host that it is for, once");
        return Outcome::refused(problem, &trace_of(&request)).into_response(Media::Json);
    }
    let Some(OneTooMany(most)) = request.extensions().get::<OneTooMany>().copied() else {
        return next.run(request).await;
    };
    metrics::counter!("rabta_http_connections_refused_total").increment(1);
    let message = "as many requests of your address are under way as one address may have";
    let mut problem = Problem::http(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_CONNECTIONS", message)
        .with("limit", most as u64)
        .with("value", most as u64 + 1);
    problem.retry_after = Some(1);
    Outcome::refused(problem, &trace_of(&request)).into_response(Media::Json)
}

fn trace_of(request: &Request) -> TraceId {
    request.extensions().get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh)
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, ACCEPT, IF_NONE_MATCH, REQUEST_ID])
        .expose_headers([REQUEST_ID, RETRY_AFTER, CONTENT_DISPOSITION, ETAG])
        .max_age(Duration::from_secs(3600))
}

/// A panic is our fault: it is logged, told without details, and hurts nobody else.
async fn survive_panics(request: Request, next: Next) -> Response {
    let trace = trace_of(&request);
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
