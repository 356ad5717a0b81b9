//! Whom a token stands for, and for how long.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use domain::id::SessionId;
use tokio::time::{Instant, sleep, sleep_until};

use super::params::decode;
use super::surface::Shared;
use super::{Closing, Identity, Problem, TokenError};

/// A token that was good when it was looked at.
#[derive(Clone)]
pub struct Credential {
    token: Arc<str>,
    session: Option<SessionId>,
    until: Instant,
}

/// Why a connection that was opened with a token must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The token's time is over.
    Expired,
    /// The session or the account was ended.
    Revoked,
    /// The server is going to stop.
    Closing,
}

/// Whom a token stands for.
pub async fn sign_in(shared: &Shared, token: &str) -> Result<(Identity, Credential), Problem> {
    let identity = shared.backend.authenticate(token).await?;
    let (session, until) = (identity.session, Instant::now() + identity.valid_for);
    Ok((identity, Credential { token: token.into(), session, until }))
}

/// Whom a token that was good before stands for by now, if it is good still.
pub async fn still_stands(shared: &Shared, credential: &Credential) -> Result<Identity, TokenError> {
    shared.backend.authenticate(&credential.token).await
}

/// Returns when a connection must end. A session that was ended meanwhile is noticed as soon as word
/// of it gets here, and by asking again now and then, so nothing hangs on that word.
pub async fn lifetime(shared: Arc<Shared>, credential: Option<Credential>, mut closing: Closing) -> Ending {
    let token_ends = async {
        let Some(Credential { token, session, until }) = credential else { return std::future::pending().await };
        let revoked = async {
            let listen = || match session {
                Some(session) => shared.backend.stirred(session),
                None => Box::pin(std::future::pending()),
            };
            // Listened from before it is asked: what happens in between is heard.
            let mut stirred = listen();
            loop {
                match shared.backend.authenticate(&token).await {
                    // Not being able to ask is not an answer.
                    Ok(_) | Err(TokenError::Unavailable) => {}
                    Err(TokenError::Expired) => return Ending::Expired,
                    Err(TokenError::Invalid | TokenError::Revoked) => return Ending::Revoked,
                }
                tokio::select! {
                    () = sleep(shared.settings.sockets.recheck) => {}
                    () = &mut stirred => {}
                }
                stirred = listen();
            }
        };
        tokio::select! {
            () = sleep_until(until) => Ending::Expired,
            ending = revoked => ending,
        }
    };
    tokio::select! {
        () = closing.closed() => Ending::Closing,
        ending = token_ends => ending,
    }
}

/// The bearer token of a request, if it brings one.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty() && token.len() <= 4096);
    let malformed =
        || Problem::http(StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "send the token as Authorization: Bearer <token>");
    token.map(Some).ok_or_else(malformed)
}

/// A token in a URL ends up in logs and histories, so it is not taken there, and its owner is told.
pub fn refuse_token_in_url(query_string: &str) -> Result<(), Problem> {
    let names = query_string.split('&').filter_map(|pair| pair.split('=').next());
    // Written in whatever way: what can't be read is no name.
    let names = names.filter_map(|name| decode(name).ok().map(|name| name.to_ascii_lowercase()));
    let mut secrets = names.filter(|name| matches!(&**name, "access_token" | "token" | "authorization" | "jwt"));
    match secrets.next() {
        None => Ok(()),
        Some(_) => Err(Problem::http(
            StatusCode::UNAUTHORIZED,
            "TOKEN_IN_URL",
            "a token in a URL ends up in logs: send it as Authorization: Bearer <token>, and replace this one",
        )),
    }
}
