//! Ours: the server as it runs, for people who are signed in.

use api::backend::surface;
use api::http::{Closing, ServerSettings, Settings};
use infra::Market;
use infra::clock::Clock;
use infra::market::{Equipment, connect};
use serde_json::json;
use sqlx::Row;
use tokio::net::TcpListener;

/// Serve, after saying where, and with which tokens: one for each who is in `bench_people`, in its order.
pub async fn serve(url: &str) {
    let db = connect(url, 16).await.expect("the database answers");
    let market = Market::new(db, Clock::System, Equipment::throwaway().expect("keys can be made"));
    let people = sqlx::query("select user_id, session_id from bench_people order by n")
        .fetch_all(market.db().get_postgres_connection_pool())
        .await
        .expect("people");
    let now = market.clock().now();
    let token = |row: &sqlx::postgres::PgRow| {
        let (user, session): (uuid::Uuid, uuid::Uuid) = (row.get(0), row.get(1));
        let user = domain::id::Id::from_uuid(user);
        market.keys().issue(user, domain::id::Id::from_uuid(session), now).expect("a token").0
    };
    let tokens: Vec<String> = people.iter().map(token).collect();
    // All of its clients are at one address.
    let settings = Settings {
        requests_per_minute_by_address: None,
        messages_per_minute_by_address: None,
        requests_per_minute_by_account: None,
        cost_per_minute: None,
        operations_per_minute: Vec::new(),
        ..Settings::default()
    };
    let (routes, _) = surface(&market, settings, Closing::never());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    println!("{}", json!({ "port": port, "tokens": tokens }));
    api::http::serve(listener, routes, ServerSettings::default(), Closing::never()).await.expect("it serves");
}
