//! What a server needs to deal with the double of Stripe that lives in the test's process.

use std::net::SocketAddr;
use std::process::Command;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use sqlx::PgConnection;
use tests::stripe::{SECRET_KEY, WEBHOOK_SECRET};

/// Stripe is there, and carries payouts, too. What is logged can't say much of what is secret.
pub fn deals_with(command: &mut Command, base: &str) {
    command.env("STRIPE_API_BASE", base).env("STRIPE_SECRET_KEY", SECRET_KEY);
    command.env("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET).env("STRIPE_FINANCIAL_ACCOUNT", "fa_double");
    command.env("RABTA_LOG", "warn");
}

/// A door that passes on what is told at it to a server elsewhere, wherever that is by then.
pub fn door_to(server: impl Fn() -> SocketAddr + Clone + Send + Sync + 'static) -> Router {
    let http = reqwest::Client::new();
    Router::new().fallback(move |request: Request| {
        let (http, server) = (http.clone(), server());
        async move {
            let (parts, body) = request.into_parts();
            let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
            let mut headers: HeaderMap = parts.headers;
            headers.remove("host");
            let sent =
                http.post(format!("http://{server}{}", parts.uri.path())).headers(headers).body(body).send().await;
            sent.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
        }
    })
}

/// From now on nothing is held back for days. Time can't be let pass where Stripe is: it would not come along.
pub async fn is_in_a_hurry(db: &mut PgConnection) {
    let hurry = "insert into policy_versions (number, effective_from, note, terms)
        select number + 1, now(), 'In a hurry', terms || '{\"security_hold_days\": 0, \"risk_hold_days\": 0,
            \"payout_method_cooling_days\": 0, \"payout_poll_minutes\": 1}'
        from policy_versions order by number desc limit 1";
    sqlx::query(hurry).execute(db).await.unwrap();
}
