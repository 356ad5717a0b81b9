//! What must never be found lying about: whole account and identity numbers, passwords and tokens, neither in what
//! is logged nor in what a copy of the database holds.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use chrono::TimeDelta;
use serde_json::json;
use sqlx::AssertSqlSafe;
use tests::{PASSWORD, TOKENS, TestApp};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Logged {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// All rows of all tables, as text.
async fn dump(app: &TestApp) -> String {
    let names = "select tablename from pg_tables where schemaname = 'public' order by tablename";
    let tables: Vec<String> = sqlx::query_scalar(names).fetch_all(app.pool()).await.unwrap();
    assert!(tables.len() > 40, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = format!("select coalesce(string_agg(t::text, E'\\n'), '') from \"{table}\" t");
        let text: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(app.pool()).await.unwrap();
        all.push_str(&format!("== {table}\n{text}\n"));
    }
    all
}

#[tokio::test]
async fn no_log_and_no_copy_of_the_database_holds_a_whole_number_a_password_or_a_token() {
    let logged = Logged::default();
    // As long as there are two, what is logged where is asked of both: with one, a thread that has none would
    // switch off for all what it meets first.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(logged.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let app = TestApp::new().await;
    let deal = app.released().await;
    let (iban, other, wrong) = ("PK36SCBL0000001123456702", "PK24MUCB0646609971000177", "PK37SCBL0000001123456702");
    let (cnic, ntn) = ("3520287654329", "73918462");
    // Journeys: those that go well, and those in which something is wrong with what was sent.
    let said = json!({ "address": "12 Mall Road, Lahore", "phone": "+923001234567", "cnic": "35202-8765432-9",
        "ntn": "7391846-2", "urduName": "فیصل" });
    deal.freelancer.does("payeeUpdate", said, "payee { cnicLast4 ntnLast4 }").await.ok();
    let add = |iban: &str| json!({ "iban": iban, "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", add(iban), "payoutMethod { id }").await;
    let method = method.text("payoutMethod.id");
    let second = deal.freelancer.does("payoutMethodAdd", add(other), "payoutMethod { id }").await;
    let removed = json!({ "payoutMethodId": second.text("payoutMethod.id") });
    deal.freelancer.does("payoutMethodRemove", removed, "payoutMethod { id }").await.ok();
    assert_eq!(
        deal.freelancer.does("payoutMethodAdd", add(wrong), "payoutMethod { id }").await.faults(),
        ["iban: MALFORMED"]
    );
    let again = deal.freelancer.does_once("payoutMethodAdd", add(iban), "payoutMethod { id }").await;
    assert_eq!(again.refused(), ["PAYOUT_METHOD_EXISTS"]);
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "100.00" }, "purposeCode": "9184", "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.passes(TimeDelta::hours(3)).await;
    let admin = app.admin("amna").await;
    let search = "query($number: String!) { payeesByNumber(number: $number) { id } }";
    for number in [iban, cnic, ntn] {
        let found = admin.asks(search, json!({ "number": number })).await;
        assert_eq!(found.data()["payeesByNumber"], json!([{ "id": deal.freelancer.id }]), "{number}");
    }
    // An access token and a refresh token, and a session that ends.
    let sign_in = json!({ "email": deal.freelancer.email, "password": PASSWORD });
    let tokens = app.visitor().does("signIn", sign_in, TOKENS).await;
    let (access, refresh) = (tokens.text("tokens.accessToken"), tokens.text("tokens.refreshToken"));
    for path in [format!("/papers/payouts/{payout}.json"), format!("/papers/payouts/{payout}.pdf")] {
        let request = Request::get(&path).header(header::AUTHORIZATION, format!("Bearer {access}"));
        let response = app.send(request.body(Body::empty()).unwrap()).await;
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let paper = String::from_utf8_lossy(&bytes);
        assert!(!bytes.is_empty() && !paper.contains(iban) && !paper.contains(cnic), "{path}");
    }
    let refreshed = app.visitor().does("sessionRefresh", json!({ "refreshToken": refresh }), TOKENS).await;
    // It was not lost: what it gave was used.
    let next = json!({ "refreshToken": refreshed.text("tokens.refreshToken") });
    app.visitor().does("sessionRefresh", next, TOKENS).await.ok();
    assert!(
        !app.visitor().does("sessionRefresh", json!({ "refreshToken": refresh }), TOKENS).await.refused().is_empty()
    );
    app.market.reconcile_when_due().await.unwrap();

    let (logs, database) = (logged.text(), dump(&app).await);
    assert!(logs.len() > 1_000, "something was logged: {} bytes", logs.len());
    assert!(database.contains("Mall Road") && database.contains("6702"), "the copy holds what was said");
    let dashed = "35202-8765432-9";
    for secret in [iban, other, wrong, cnic, dashed, ntn, "7391846-2", PASSWORD, &access, &refresh] {
        let hidden: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (place, text) in [("the logs", &logs), ("the database", &database)] {
            for form in [secret, &hidden] {
                let line = text.lines().find(|line| line.contains(form));
                assert!(line.is_none(), "{secret} stands in {place}: {line:?}");
            }
        }
    }
}

#[tokio::test]
async fn after_a_rotation_everything_is_sealed_with_the_new_key_and_found_by_it() {
    use infra::Market;
    use infra::clock::Clock;
    use infra::market::Equipment;
    use infra::vault::Vault;

    let app = TestApp::new().await;
    let old = || Vault::new(&[7; 32]).unwrap();
    let market = |vault| {
        let equipment = Equipment { vault, ..Equipment::throwaway().unwrap() };
        let clock = Clock::manual(app.market.clock().now());
        let url = app.app_url();
        async move { Market::new(infra::market::connect(&url, 2).await.unwrap(), clock, equipment) }
    };
    let before = TestApp::on(market(old()).await);
    let lin = before.freelancer("lin").await;
    let iban = "PK36SCBL0000001123456702";
    let add = json!({ "iban": iban, "accountTitle": "Lin", "idempotencyKey": "k-1" });
    let added = lin.does_once("payoutMethodAdd", add.clone(), "payoutMethod { id }").await.text("payoutMethod.id");
    lin.does("payeeUpdate", json!({ "cnic": "35202-8765432-9" }), "payee { version }").await.ok();
    let gone = before.freelancer("gone").await;
    gone.does("payoutMethodAdd", json!({ "iban": iban, "accountTitle": "Gone" }), "payoutMethod { id }").await.ok();
    gone.does("accountErase", json!({ "confirmEmail": gone.email }), "erasedAt").await.ok();
    let ada = before.client("ada").await;
    let hook = json!({ "organizationId": ada.organization, "url": "https://hooks.example/", "events": ["PING"] });
    let signs = ada.does("webhookEndpointCreate", hook, "issued { secret }").await.text("issued.secret");
    let secret = ada.does("secondFactorEnroll", json!({}), "enrollment { secret }").await.text("enrollment.secret");
    let code = json!({ "code": code_of_app(&before, &secret) });
    ada.does("secondFactorConfirm", code, "recoveryCodes").await.ok();

    // The new key comes first, the old one stays: all is found, and nothing twice.
    let both = TestApp::on(market(Vault::of(&[[8; 32], [7; 32]]).unwrap()).await);
    let in_between = |app: &TestApp| {
        let (router, email) = (TestApp::on(app.market.clone()), lin.email.clone());
        async move {
            let sign_in = json!({ "email": email, "password": PASSWORD });
            let token = router.visitor().does("signIn", sign_in, TOKENS).await.text("tokens.accessToken");
            (router, token)
        }
    };
    let (door, token) = in_between(&both).await;
    let repeated = door.bearer(&token).does("payoutMethodAdd", add.clone(), "payoutMethod { id }").await;
    assert_eq!(repeated.text("payoutMethod.id"), added, "a repeat is known by the old key");
    let twice = json!({ "iban": iban, "accountTitle": "Lin" });
    assert_eq!(
        door.bearer(&token).does("payoutMethodAdd", twice, "payoutMethod { id }").await.refused(),
        ["PAYOUT_METHOD_EXISTS"]
    );
    assert_eq!(both.market.vault_reseal().await.unwrap(), 4, "an account, an identity, an app, a webhook");
    assert_eq!(both.market.vault_reseal().await.unwrap(), 0, "done already");

    // Then the old one goes.
    let after = TestApp::on(market(Vault::new(&[8; 32]).unwrap()).await);
    let kept = "select id, sealed from webhook_secrets";
    let (id, sealed): (uuid::Uuid, Vec<u8>) = sqlx::query_as(kept).fetch_one(app.pool()).await.unwrap();
    assert_eq!(after.market.vault().open(&format!("webhook secret {id}"), &sealed).unwrap(), signs);
    let (door, token) = in_between(&after).await;
    let shown = door
        .bearer(&token)
        .asks("{ viewer { payee { cnicLast4 } payoutMethods { nodes { last4 } } } }", json!({}))
        .await;
    assert_eq!(shown.data()["viewer"]["payee"]["cnicLast4"], "4329");
    let twice = json!({ "iban": iban, "accountTitle": "Lin" });
    assert_eq!(
        door.bearer(&token).does("payoutMethodAdd", twice, "payoutMethod { id }").await.refused(),
        ["PAYOUT_METHOD_EXISTS"]
    );
    door.market.clock().advance(TimeDelta::minutes(1));
    let code = code_of_app(&door, &secret);
    let sign_in = json!({ "email": ada.email, "password": PASSWORD, "code": code });
    door.visitor().does("signIn", sign_in, TOKENS).await.ok();
}

/// What an authenticator app with this secret would show now.
fn code_of_app(app: &TestApp, secret: &str) -> String {
    let now = u64::try_from(app.market.clock().now().timestamp()).unwrap();
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    totp_rs::Builder::new().with_secret(secret).build().unwrap().generate(now).to_string()
}
