//! Reading requests' bodies: each within a size and a time, and all that are on their way within a room.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};

use super::room::{Full, Room};
use super::{BUSY, ClientAddress, Problem};

/// So many bytes of bodies are on their way at once, in all and of one address. A body counts whole from its beginning.
const ROOM: (usize, usize) = (64 << 20, 8 << 20);
/// After so many seconds it makes sense to try again.
const RETRY_AFTER: u64 = 1;

/// Reads bodies.
#[derive(Debug, Clone)]
pub struct Bodies {
    room: Arc<Room>,
    most: usize,
    within: Duration,
}

impl Bodies {
    /// Each may have so many bytes, and take so long to arrive.
    pub fn new(most: usize, within: Duration) -> Self {
        Self { room: Room::new(ROOM.0, ROOM.1, "rabta_bodies_arriving_bytes"), most, within }
    }

    /// The whole body of a request from an address, or why it was not taken.
    pub async fn read(&self, address: ClientAddress, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        let &Self { ref room, most, within } = self;
        let announced: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if let Some(length) = announced
            && length > most as u64
        {
            return Err(too_large(most, length));
        }
        let bytes = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(most);
        let _part = room.take(address, bytes, 1).map_err(crowded)?;
        match tokio::time::timeout(within, to_bytes(body, most)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) if is_over_limit(&error) => Err(too_large(most, most as u64 + 1)),
            Ok(Err(_)) => Err(Problem::bad_request("the body broke off")),
            Err(_) => {
                let seconds = within.as_secs();
                let message = format!("the body took longer than {seconds} s to arrive");
                Err(Problem::http(StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT", message).with("limit", seconds))
            }
        }
    }
}

fn crowded(Full { whose, limit, value }: Full) -> Problem {
    let what = format!("bytes of requests of {whose} that are on their way");
    let mut problem = Problem::limit(BUSY, &what, limit as u64, value as u64);
    problem.status = Some(StatusCode::TOO_MANY_REQUESTS);
    problem.retry_after = Some(RETRY_AFTER);
    problem
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

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_that_do_not_come_take_no_more_than_their_room() {
        let bodies = Bodies::new(256 << 10, Duration::from_secs(10));
        let (here, there) = (ClientAddress([192, 0, 2, 1].into()), ClientAddress([192, 0, 2, 2].into()));
        let read = |address, body: Body| {
            let bodies = bodies.clone();
            tokio::spawn(async move { bodies.read(address, &HeaderMap::new(), body).await })
        };
        let stuck = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let waiting: Vec<_> = (0..32).map(|_| read(here, stuck())).collect();
        tokio::task::yield_now().await;
        let refused = read(here, Body::from("x")).await.unwrap().unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (BUSY, Some(RETRY_AFTER)));
        assert_eq!(refused.facts, [("limit", (8_u64 << 20).into()), ("value", (33_u64 << 18).into())]);
        assert_eq!(read(there, Body::from("x")).await.unwrap().unwrap(), "x", "others are read");
        for one in waiting {
            assert_eq!(one.await.unwrap().unwrap_err().code, "BODY_TIMEOUT");
        }
        assert_eq!(read(here, Body::from("x")).await.unwrap().unwrap(), "x", "and the room is given back");
    }
}
