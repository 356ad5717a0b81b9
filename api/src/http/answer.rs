//! From what came out of a request to what goes over the wire.

use async_graphql::{Response as GraphQlResponse, ServerError, Value};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use super::media::Media;
use super::untaken::{Outgoing, Share};
use super::{BUSY, Problem, TraceId};

/// What is said of an error that is our fault. The details are in the logs, under the trace id.
const OUR_FAULT: &str = "something went wrong on our side; it has been logged under this trace id";

/// What came out of a request.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing was executed: there are errors and no data.
    Refused {
        /// Why.
        errors: Vec<ServerError>,
        /// The status, if the HTTP request was at fault rather than the document.
        status: Option<StatusCode>,
        /// Seconds after which to try again.
        retry_after: Option<u64>,
    },
    /// It was executed; some fields may have failed.
    Executed {
        /// The result and what failed, as JSON.
        json: Outgoing,
        /// What failed.
        errors: Vec<ServerError>,
        /// Was nothing of it done, because too many wanted it at once?
        busy: bool,
        /// Seconds after which to try again what failed.
        retry_after: Option<u64>,
    },
}

/// Takes what is written up to so many bytes, and only counts what is beyond.
struct Capped {
    taken: Vec<u8>,
    most: usize,
    written: usize,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written = self.written.saturating_add(bytes.len());
        if self.written <= self.most {
            self.taken.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The envelope of GraphQL's response format: errors first, and `data` only if something ran.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "<[ServerError]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

impl Outcome {
    /// What a schema's response means, with every error given a code and the trace id. An answer of more than `most`
    /// bytes is not given, and neither is one for which there is no `room`: that it is so is said instead, for what was
    /// asked for may have been done.
    pub fn of(
        response: GraphQlResponse,
        most: usize,
        room: impl FnOnce(usize) -> Result<Share, Problem>,
        trace: &TraceId,
    ) -> Self {
        let GraphQlResponse { data, mut errors, extensions, .. } = response;
        let executed = errors.is_empty() || data != Value::Null || errors.iter().any(|error| !error.path.is_empty());
        for error in &mut errors {
            tidy(error, executed, trace);
        }
        if !executed {
            return Self::Refused { errors, status: None, retry_after: None };
        }
        let mut written = Capped { taken: Vec::new(), most, written: 0 };
        let extensions = (!extensions.is_empty()).then_some(&extensions);
        let envelope = Envelope { errors: &errors, data: Some(&data), extensions };
        if let Err(error) = serde_json::to_writer(&mut written, &envelope) {
            tracing::error!(%error, "an answer could not be written as JSON");
            return Self::without_data(Problem::document("INTERNAL", "the answer could not be written"), trace);
        }
        if written.written > most {
            let (limit, value) = (most as u64, written.written as u64);
            let problem = Problem::limit("ANSWER_TOO_LARGE", "bytes of the answer", limit, value);
            return Self::without_data(problem, trace);
        }
        let json = match room(written.taken.len()) {
            Ok(share) => Outgoing::with_share(written.taken, share),
            Err(problem) => return Self::without_data(problem, trace),
        };
        let busy = !errors.is_empty() && errors.iter().all(|error| fact(error, "code") == Some(&Value::from(BUSY)));
        let busy = busy && is_nothing(&data);
        let retry_after = errors.iter().filter_map(|error| match fact(error, "retryAfterSeconds") {
            Some(Value::Number(seconds)) => seconds.as_u64(),
            _ => None,
        });
        let retry_after = retry_after.max();
        Self::Executed { json, errors, busy, retry_after }
    }

    /// What was executed, and can't be told.
    fn without_data(problem: Problem, trace: &TraceId) -> Self {
        let retry_after = problem.retry_after;
        let mut error = problem.into_error();
        tidy(&mut error, true, trace);
        let errors = vec![error];
        let json = written(&Envelope { errors: &errors, data: Some(&Value::Null), extensions: None });
        Self::Executed { json: Outgoing::small(json), errors, busy: false, retry_after }
    }

    /// A request that was turned away.
    pub fn refused(problem: Problem, trace: &TraceId) -> Self {
        let (status, retry_after) = (problem.status, problem.retry_after);
        let mut error = problem.into_error();
        tidy(&mut error, false, trace);
        Self::Refused { errors: vec![error], status, retry_after }
    }

    /// How it came out, in a word for statistics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Executed { errors, .. } if errors.is_empty() => "ok",
            Self::Executed { .. } => "failed",
        }
    }

    /// The errors alone, as JSON.
    pub fn errors_json(&self) -> String {
        let (Self::Refused { errors, .. } | Self::Executed { errors, .. }) = self;
        serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_owned())
    }

    /// The body, as JSON, to be read.
    pub fn to_json(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Refused { errors, .. } => Cow::Owned(written(&Envelope { errors, data: None, extensions: None })),
            Self::Executed { json, .. } => Cow::Borrowed(json.as_ref()),
        }
    }

    /// The body, as JSON, to be sent.
    pub fn into_json(self) -> Outgoing {
        match self {
            Self::Refused { errors, .. } => {
                Outgoing::small(written(&Envelope { errors: &errors, data: None, extensions: None }))
            }
            Self::Executed { json, .. } => json,
        }
    }

    /// The status under a media type.
    pub fn status(&self, media: Media) -> StatusCode {
        match self {
            Self::Executed { busy: true, .. } if media == Media::GraphQl => StatusCode::SERVICE_UNAVAILABLE,
            Self::Executed { .. } => StatusCode::OK,
            Self::Refused { status: Some(status), .. } => *status,
            Self::Refused { status: None, .. } => match media {
                Media::Json => StatusCode::OK,
                Media::GraphQl | Media::Events => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// The HTTP response to who may come back and ask whether it has changed: with a tag of its content, and
    /// without a body if it is the one they hold, by `If-None-Match`. A refusal is told anew each time.
    pub fn into_tagged(self, media: Media, held: Option<&HeaderValue>) -> Response {
        if !matches!(&self, Self::Executed { errors, .. } if errors.is_empty()) {
            return self.into_response(media);
        }
        let body = self.into_json();
        // Weak: what stands between may pack it, and it says the same then.
        let digest =
            Sha256::digest(body.as_ref()).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
        let tag = format!("W/\"{digest}\"");
        let held = held.and_then(|held| held.to_str().ok()).unwrap_or_default();
        let is_held = held.split(',').any(|one| one.trim().trim_start_matches("W/") == tag.trim_start_matches("W/"));
        let mut response = Response::new(if is_held { Body::empty() } else { Body::from(body.into_bytes()) });
        if is_held {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media.content_type());
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(ETAG, tag);
        }
        // To be kept by the one who asked, and asked about each time.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("authorization, accept"));
        response
    }

    /// The HTTP response.
    pub fn into_response(self, media: Media) -> Response {
        let status = self.status(media);
        let (Self::Refused { retry_after, .. } | Self::Executed { retry_after, .. }) = &self;
        let retry_after = *retry_after;
        let mut response = Response::new(Body::from(self.into_json().into_bytes()));
        *response.status_mut() = status;
        // An error before a stream begins is told as JSON: there is no stream yet to tell it in.
        let media = if media == Media::Events { Media::Json } else { media };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media.content_type());
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn written(envelope: &Envelope<'_>) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        br#"{"errors":[{"message":"the answer could not be written","extensions":{"code":"INTERNAL"}}]}"#.to_vec()
    })
}

fn fact<'a>(error: &'a ServerError, name: &str) -> Option<&'a Value> {
    error.extensions.as_ref()?.get(name)
}

/// Is there nothing in an answer?
fn is_nothing(data: &Value) -> bool {
    match data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        _ => false,
    }
}

/// Give an error a code and the trace id; of our own faults tell nothing else.
fn tidy(error: &mut ServerError, executed: bool, trace: &TraceId) {
    let coded = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
    let code = match coded {
        Some(code) => code,
        None if !executed => Value::from("GRAPHQL_VALIDATION_FAILED"),
        None if error.source.is_none() && is_about_input(&error.message) => Value::from("BAD_USER_INPUT"),
        None => Value::from("INTERNAL"),
    };
    if code == Value::from("INTERNAL") {
        tracing::error!(trace_id = %trace, path = ?error.path, message = %error.message, "a field failed");
        OUR_FAULT.clone_into(&mut error.message);
        error.extensions = None;
    }
    error.source = None;
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code);
    extensions.set("traceId", trace.as_str());
}

/// The library's words for an argument that is not of its type, found while executing.
fn is_about_input(message: &str) -> bool {
    ["Failed to parse \"", "Expected input type \"", "Invalid value for argument "]
        .iter()
        .any(|beginning| message.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use async_graphql::PathSegment;

    use super::*;
    use crate::http::ClientAddress;
    use crate::http::untaken::Untaken;

    fn room(bytes: usize) -> Result<Share, Problem> {
        Untaken::new(usize::MAX, usize::MAX).take(ClientAddress([192, 0, 2, 1].into()), bytes)
    }

    fn error(message: &str, path: &[&str]) -> ServerError {
        ServerError::new(message, None).with_path(path.iter().map(|s| PathSegment::Field((*s).to_owned())).collect())
    }

    fn told(data: Value, error: ServerError) -> String {
        let trace = TraceId::given(&[("x-request-id", "trace-1234")].into_iter().fold(
            axum::http::HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.insert(name, HeaderValue::from_static(value));
                headers
            },
        ))
        .unwrap();
        let mut response = GraphQlResponse::from_errors(vec![error]);
        response.data = data;
        String::from_utf8(Outcome::of(response, 1_000, room, &trace).to_json().into_owned()).unwrap()
    }

    #[test]
    fn an_error_without_a_code_is_ours_and_its_words_stay_here() {
        let text = told(Value::Null, error("relation \"users\" does not exist", &["viewer"]));
        assert!(!text.contains("users"), "{text}");
        assert!(text.contains("\"code\":\"INTERNAL\"") && text.contains("\"traceId\":\"trace-1234\""), "{text}");
        assert!(text.contains("\"data\":null"), "{text}");
    }

    #[test]
    fn an_internal_error_with_a_code_is_not_told_in_more_detail() {
        let mut error = error("pool timed out", &["viewer"]);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", "INTERNAL");
        extensions.set("sql", "select 1");
        let text = told(Value::Null, error);
        assert!(!text.contains("pool") && !text.contains("select"), "{text}");
    }

    #[test]
    fn an_answer_that_is_too_large_says_how_large_it_is() {
        let told = |most| {
            let response = GraphQlResponse::new(Value::from("x".repeat(990)));
            String::from_utf8(Outcome::of(response, most, room, &TraceId::fresh()).to_json().into_owned()).unwrap()
        };
        assert_eq!(told(1_001).len(), 1_001);
        let refused: serde_json::Value = serde_json::from_str(&told(1_000)).unwrap();
        assert_eq!(refused["data"], serde_json::Value::Null);
        let extensions = &refused["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "ANSWER_TOO_LARGE");
        assert_eq!((&extensions["limit"], &extensions["value"]), (&1_000.into(), &1_001.into()));
    }

    #[test]
    fn what_was_not_done_because_too_many_wanted_it_says_when_to_come_back() {
        let answer = |data: Value, code: &str| {
            let mut error = error("Too many want this", &["signIn"]);
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("code", code);
            extensions.set("retryAfterSeconds", 3);
            let mut response = GraphQlResponse::from_errors(vec![error]);
            response.data = data;
            let answer = Outcome::of(response, 1_000, room, &TraceId::fresh()).into_response(Media::GraphQl);
            (answer.status().as_u16(), answer.headers().get(RETRY_AFTER).is_some())
        };
        let nothing = || async_graphql::value!({ "signIn": null });
        assert_eq!(answer(nothing(), BUSY), (503, true));
        assert_eq!(answer(async_graphql::value!({ "signIn": null, "hello": 1 }), BUSY), (200, true));
        assert_eq!(answer(nothing(), "TOO_MANY_ATTEMPTS"), (200, true));
    }

    #[test]
    fn nothing_executed_means_no_data() {
        let text = told(Value::Null, error("Unknown field \"x\"", &[]));
        assert!(!text.contains("\"data\""), "{text}");
        assert!(text.contains("Unknown field") && text.contains("GRAPHQL_VALIDATION_FAILED"), "{text}");
    }

    #[test]
    fn input_that_a_scalar_refuses_is_the_callers() {
        let text = told(Value::Null, error("Failed to parse \"Money\": no amount", &["x"]));
        assert!(text.contains("BAD_USER_INPUT") && text.contains("no amount"), "{text}");
    }
}
