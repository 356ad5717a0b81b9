//! The name a request has in the logs, which the client is told too.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// A request's name: what the client sent as `x-request-id` if that is usable, else 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// A name for a request that brought none.
    pub fn fresh() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The name the client gave, if it is one that can stand in a log line.
    pub fn given(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("x-request-id")?.to_str().ok()?;
        let usable = (8..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        usable.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names each request, runs it in a span of that name, and says the name in the answer.
pub(super) async fn name_requests(mut request: Request, next: Next) -> Response {
    let trace = TraceId::given(request.headers()).unwrap_or_else(TraceId::fresh);
    request.extensions_mut().insert(trace.clone());
    let span =
        tracing::info_span!("request", trace_id = %trace, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(trace.as_str()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
