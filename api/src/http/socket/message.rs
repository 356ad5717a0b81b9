//! The messages of `graphql-transport-ws`.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::http::answer::Outcome;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Hello; the token comes with it.
    ConnectionInit {
        /// Whatever the client wants to say about itself.
        payload: Option<Map<String, Json>>,
    },
    /// Are you there?
    Ping {
        /// To be sent back.
        payload: Option<Map<String, Json>>,
    },
    /// I am here.
    Pong {
        /// Not looked at.
        #[expect(dead_code, reason = "part of the message, so that it must be an object")]
        payload: Option<Map<String, Json>>,
    },
    /// Run an operation.
    Subscribe {
        /// The client's name for it.
        id: String,
        /// A GraphQL request.
        payload: Json,
    },
    /// End an operation.
    Complete {
        /// Which.
        id: String,
    },
}

/// What the server says.
pub enum ServerMessage<'a> {
    /// Hello yourself.
    ConnectionAck,
    /// I am here.
    Pong {
        /// What came with the ping.
        payload: Option<Map<String, Json>>,
    },
    /// A result.
    Next {
        /// Of which operation.
        id: &'a str,
        /// The result.
        outcome: &'a Outcome,
    },
    /// The operation was refused and is over.
    Error {
        /// Which operation.
        id: &'a str,
        /// Its errors.
        outcome: &'a Outcome,
    },
    /// The operation is over.
    Complete {
        /// Which.
        id: &'a str,
    },
}

impl ServerMessage<'_> {
    /// As JSON.
    pub fn to_text(&self) -> String {
        let quoted = |id: &str| Json::from(id).to_string();
        match self {
            Self::ConnectionAck => r#"{"type":"connection_ack"}"#.to_owned(),
            Self::Pong { payload: None } => r#"{"type":"pong"}"#.to_owned(),
            Self::Pong { payload: Some(payload) } => {
                serde_json::json!({ "type": "pong", "payload": payload }).to_string()
            }
            Self::Next { id, outcome } => {
                let payload = String::from_utf8_lossy(&outcome.to_json()).into_owned();
                format!(r#"{{"id":{},"type":"next","payload":{payload}}}"#, quoted(id))
            }
            Self::Error { id, outcome } => {
                format!(r#"{{"id":{},"type":"error","payload":{}}}"#, quoted(id), outcome.errors_json())
            }
            Self::Complete { id } => format!(r#"{{"id":{},"type":"complete"}}"#, quoted(id)),
        }
    }
}

/// The token in the payload of `connection_init`: as `authorization`, the way the header is
/// written, or bare as `token`. An error if there is something there that can't be a token.
pub fn token(payload: Option<&Map<String, Json>>) -> Option<Result<String, ()>> {
    let (name, value) = payload?.iter().find(|(name, value)| {
        (name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("token")) && !value.is_null()
    })?;
    let Some(text) = value.as_str() else { return Some(Err(())) };
    let bare = match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return Some(Err(())),
        None if name.eq_ignore_ascii_case("token") => text,
        None => return Some(Err(())),
    };
    Some(if bare.is_empty() || bare.len() > 4096 { Err(()) } else { Ok(bare.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_as_clients_write_it() {
        let token = |payload: Json| token(payload.as_object());
        use serde_json::json;
        assert_eq!(token(json!({ "authorization": "Bearer abc" })), Some(Ok("abc".to_owned())));
        assert_eq!(token(json!({ "Authorization": "bearer abc" })), Some(Ok("abc".to_owned())));
        assert_eq!(token(json!({ "token": "abc" })), Some(Ok("abc".to_owned())));
        assert_eq!(token(json!({ "authorization": null, "x": 1 })), None);
        assert_eq!(token(json!({})), None);
        for bad in [
            json!({ "authorization": "abc" }),
            json!({ "token": 1 }),
            json!({ "token": "" }),
            json!({ "authorization": "Basic x" }),
        ] {
            assert_eq!(token(bad), Some(Err(())));
        }
    }
}
