//! From what came out of a request to what goes over the wire.

use async_graphql::{Response as GraphQlResponse, ServerError, Value};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;

use super::media::Media;
use super::{Problem, TraceId};

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
        /// The result, `null` if a field that can't be null failed.
        data: Value,
        /// What failed.
        errors: Vec<ServerError>,
        /// What the server adds: costs and limits.
        extensions: BTreeMap<String, Value>,
    },
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
    /// What a schema's response means, with every error given a code and the trace id.
    pub fn of(response: GraphQlResponse, trace: &TraceId) -> Self {
        let GraphQlResponse { data, mut errors, extensions, .. } = response;
        let executed = errors.is_empty() || data != Value::Null || errors.iter().any(|error| !error.path.is_empty());
        for error in &mut errors {
            tidy(error, executed, trace);
        }
        if executed {
            Self::Executed { data, errors, extensions }
        } else {
            Self::Refused { errors, status: None, retry_after: None }
        }
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

    /// The body, as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let envelope = match self {
            Self::Refused { errors, .. } => Envelope { errors, data: None, extensions: None },
            Self::Executed { data, errors, extensions } => {
                Envelope { errors, data: Some(data), extensions: (!extensions.is_empty()).then_some(extensions) }
            }
        };
        serde_json::to_vec(&envelope).unwrap_or_else(|error| {
            tracing::error!(%error, "an answer could not be written as JSON");
            br#"{"errors":[{"message":"the answer could not be written","extensions":{"code":"INTERNAL"}}]}"#.to_vec()
        })
    }

    /// The status under a media type.
    pub fn status(&self, media: Media) -> StatusCode {
        match self {
            Self::Executed { .. } => StatusCode::OK,
            Self::Refused { status: Some(status), .. } => *status,
            Self::Refused { status: None, .. } => match media {
                Media::Json => StatusCode::OK,
                Media::GraphQl | Media::Events => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// The HTTP response.
    pub fn into_response(self, media: Media) -> Response {
        let status = self.status(media);
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = status;
        // An error before a stream begins is told as JSON: there is no stream yet to tell it in.
        let media = if media == Media::Events { Media::Json } else { media };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media.content_type());
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
        if let Self::Refused { retry_after: Some(seconds), .. } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
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
        String::from_utf8(Outcome::of(response, &trace).to_json()).unwrap()
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
