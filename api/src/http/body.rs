//! Reading a request's body, within a size and a time.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};

use super::Problem;

/// The whole body, or why it was not taken.
pub async fn read(headers: &HeaderMap, body: Body, most: usize, within: Duration) -> Result<Bytes, Problem> {
    let announced: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(length) = announced
        && length > most as u64
    {
        return Err(too_large(most, length));
    }
    match tokio::time::timeout(within, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_over_limit(&error) => Err(too_large(most, most as u64 + 1)),
        Ok(Err(_)) => Err(Problem::bad_request("the body broke off")),
        Err(_) => Err(Problem::http(
            StatusCode::REQUEST_TIMEOUT,
            "BODY_TIMEOUT",
            format!("the body took longer than {} s to arrive", within.as_secs()),
        )),
    }
}

/// Of a body that did not say how long it is, `length` is what is known of it by then.
fn too_large(most: usize, length: u64) -> Problem {
    let message = format!("the body may have {most} bytes at most");
    Problem::http(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
        .with("limit", most as u64)
        .with("value", length)
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}
