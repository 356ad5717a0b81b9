//! What must not lie about: after a whole journey, neither the log nor any table holds a secret that would
//! let somebody in, or go on with a payment, or an account number in full.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use sqlx::AssertSqlSafe;
use tests::stripe::{Fault, Faults, SECRET_KEY, WEBHOOK_SECRET};
use tests::{PASSWORD, TestApp};

/// The account number of the journey.
const IBAN: &str = "PK36SCBL0000001123456702";

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that is in the tables, as text.
async fn tables(app: &TestApp) -> String {
    let each = "select string_agg(format('select t::text from %I t', tablename), ' union all ' order by tablename)
        from pg_tables where schemaname = 'public'";
    let each: String = sqlx::query_scalar(each).fetch_one(app.pool()).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(each)).fetch_all(app.pool()).await.unwrap();
    rows.join("\n")
}

#[tokio::test]
async fn neither_the_log_nor_the_tables_hold_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);

    let app = TestApp::on_stripe().await;
    let world = app.world().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::next([Fault::ErrorAfter, Fault::LostAnswer, Fault::TooMany]));
    let fund = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_3ds" });
    let payment = deal.client.does_once("milestoneFund", fund, "payment { id }").await.text("payment.id");
    for _ in 0..5 {
        app.market.clock().advance(chrono::TimeDelta::seconds(30));
        app.settles().await;
    }
    let query = "query($id: ID!) { payment(id: $id) { status clientSecret } }";
    let secret = deal.client.asks(query, json!({ "id": payment })).await.text("clientSecret");
    app.stripe().tells(&app.router(), b"{}".to_vec(), Some("t=1,v1=00")).await;
    let token = deal.client.visitor().await.token.unwrap();

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    let kept = tables(&app).await;
    drop(logging);
    assert!(logged.contains("a webhook was not taken") && logged.contains("asked stripe"), "what is logged is read");
    assert!(kept.contains(&payment) && kept.contains("Rust engineer for a payments ledger"), "what is kept is read");
    for (what, secret) in [
        ("Stripe's key", SECRET_KEY),
        ("what webhooks are signed with", WEBHOOK_SECRET),
        ("a client secret", secret.as_str()),
        ("an access token", token.as_str()),
        ("another access token", world.journey.client.token()),
        ("a password", PASSWORD),
        ("the password of the demo", infra::demo::PASSWORD),
        ("an account number", IBAN),
    ] {
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        assert!(!logged.contains(secret), "{what} is in the log");
        assert!(!kept.contains(secret), "{what} is in a table");
    }
    assert!(!kept.contains("_secret_"), "a client secret is in a table");
}
