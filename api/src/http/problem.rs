//! Top-level errors that we make ourselves: each has a stable code, a status, and the facts.

use async_graphql::{Pos, ServerError, Value};
use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{TokenError, TraceId};

/// Why a request was not executed, or not as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status where the request itself was at fault. `None` for a fault of the document:
    /// there the media type that the client accepts decides, as GraphQL over HTTP says.
    pub status: Option<StatusCode>,
    /// A stable code for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Where in the document.
    pub at: Vec<Pos>,
    /// Facts: a limit and the value that went over it, say.
    pub facts: Vec<(&'static str, Value)>,
    /// Seconds after which it makes sense to try again.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A fault of the HTTP request.
    pub fn http(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: Some(status), ..Self::document(code, message) }
    }

    /// A request whose parts are not what they should be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::http(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// A fault of the GraphQL document or its variables.
    pub fn document(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: None, code, message: message.into(), at: Vec::new(), facts: Vec::new(), retry_after: None }
    }

    /// The same, at a place in the document.
    #[must_use]
    pub fn at(mut self, pos: Pos) -> Self {
        self.at.push(pos);
        self
    }

    /// The same, with a fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// A limit that was gone over: says the limit, and by what.
    pub fn limit(code: &'static str, what: &str, limit: u64, value: u64) -> Self {
        Self::document(code, format!("{what}: {value}, at most {limit} are taken"))
            .with("limit", limit)
            .with("value", value)
    }

    /// As the answer of a page that is not GraphQL: `{ "code", "message", "traceId" }` and the facts.
    pub fn into_page(self, trace: &TraceId) -> Response {
        let status = self.status.unwrap_or(StatusCode::BAD_REQUEST);
        let mut body = serde_json::Map::new();
        body.insert("code".to_owned(), self.code.into());
        body.insert("message".to_owned(), self.message.into());
        body.insert("traceId".to_owned(), trace.as_str().into());
        for (name, value) in self.facts {
            body.insert(name.to_owned(), value.into_json().unwrap_or_default());
        }
        if let Some(seconds) = self.retry_after {
            body.insert("retryAfterSeconds".to_owned(), seconds.into());
        }
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let how = if self.code == "UNAUTHENTICATED" { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(how));
        }
        response
    }

    /// As GraphQL says it.
    pub fn into_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        error.locations = self.at;
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code);
        for (name, value) in self.facts {
            extensions.set(name, value);
        }
        if let Some(seconds) = self.retry_after {
            extensions.set("retryAfterSeconds", seconds);
        }
        error
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let (status, code) = match error {
            TokenError::Invalid => (StatusCode::UNAUTHORIZED, "TOKEN_INVALID"),
            TokenError::Expired => (StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED"),
            TokenError::Revoked => (StatusCode::UNAUTHORIZED, "SESSION_ENDED"),
            TokenError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        };
        Self::http(status, code, error.to_string())
    }
}
