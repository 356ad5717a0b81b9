//! The main journey through the real binary, with a double of Stripe where `STRIPE_API_BASE` points: signed up, verified by
//! letter, posted, won, a card that is declined and one that pays, delivered, approved. What Stripe tells comes back as
//! signed webhooks over HTTP. In the end the books, and what the double says it moved, agree to the cent.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

#[path = "abuse/server.rs"]
#[expect(dead_code, reason = "it serves others, too")]
mod server;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use infra::clock::Clock;
use infra::embedded::{Embedded, Purpose};
use serde_json::{Value, json};
use tests::StripeDouble;
use tests::stripe::{SECRET_KEY, WEBHOOK_SECRET};

use crate::server::{PATIENCE, Server};

/// A door that passes on what is told at it to a server elsewhere.
fn door_to(server: std::net::SocketAddr) -> Router {
    let http = reqwest::Client::new();
    Router::new().fallback(move |request: Request| {
        let http = http.clone();
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

/// Somebody with an account.
struct Player<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Player<'a> {
    /// Sign up, and read the letter that comes.
    async fn new(server: &'a Server, name: &str) -> Self {
        let (token, _, email) = server.somebody(name).await;
        let player = Self { server, token };
        let code = until(async || letter_code(server, &email)).await;
        player.does("emailVerify", json!({ "code": code }), "email").await;
        player
    }

    async fn asks(&self, query: &str, variables: Value) -> Value {
        let bearer = format!("authorization: Bearer {}", self.token);
        let answer = self.server.ask_with(query, variables, &[&bearer]).await;
        assert!(answer.body["errors"].is_null(), "{}", answer.body);
        answer.body["data"].clone()
    }

    async fn does(&self, mutation: &str, input: Value, fields: &str) -> Value {
        let head = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
        let query = format!(
            "mutation($i: {head}Input!) {{ {mutation}(input: $i) {{ {fields} errors {{ code message path }} }} }}"
        );
        let payload = self.asks(&query, json!({ "i": input })).await[mutation].clone();
        assert_eq!(payload["errors"], json!([]), "{mutation}");
        payload
    }
}

/// What comes of something, as soon as something does.
async fn until<T>(mut something: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(done) = something().await {
            return done;
        }
        assert!(began.elapsed() < PATIENCE, "nothing came of it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The code in the letter to an address, when it has come.
fn letter_code(server: &Server, email: &str) -> Option<String> {
    let files = fs::read_dir(server.folder().join("mail")).ok()?.flatten();
    let letters = files.filter_map(|file| fs::read_to_string(file.path()).ok()).filter(|text| text.contains(email));
    letters.last()?.lines().find(|line| line.starts_with("mco_")).map(str::to_owned)
}

fn text(value: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    value.pointer(&pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_journey_is_paid_through_stripe_by_the_real_binary() {
    let double = StripeDouble::start(Clock::System).await;
    let base = double.settings().base;
    let set = |command: &mut Command| {
        command.env("STRIPE_API_BASE", &base).env("STRIPE_SECRET_KEY", SECRET_KEY);
        command.env("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET).env("RABTA_LOG", "warn");
    };
    let server = Server::start_with("stripe", set);
    let telling = tokio::spawn(double.tell_at_once(door_to(server.address)));
    let client = Player::new(&server, "sam").await;
    let freelancer = Player::new(&server, "ayesha").await;

    let skill = client.asks("{ skills(query: \"rust\", first: 1) { nodes { id } } }", json!({})).await;
    let skill = text(&skill, "skills.nodes.0.id");
    let profile = json!({ "headline": "Rust engineer for payments", "overview": "Eight years of ledgers.",
        "skills": [{ "skillId": skill, "level": "EXPERT", "years": 6 }], "hourlyRate": { "amount": "45.00" }, "weeklyHours": 40 });
    freelancer.does("profileUpdate", profile, "profile { id }").await;
    let organization = client.does("organizationCreate", json!({ "name": "Ledgerline" }), "organization { id }").await;
    let gig = json!({
        "clientId": text(&organization, "organization.id"), "title": "Rust engineer for a payments ledger",
        "description": "We are rewriting our ledger in Rust on PostgreSQL: double entry, tested against races.", "kind": "FIXED",
        "budget": { "low": { "amount": "1000.00" }, "high": { "amount": "3000.00" } }, "requiredSkills": [skill]
    });
    let gig = text(&client.does("gigCreate", gig, "gig { id }").await, "gig.id");
    client.does("gigPublish", json!({ "gigId": gig }), "gig { state }").await;
    let milestones = json!([{ "title": "Posting engine", "amount": { "amount": "1200.00" } }]);
    let bid = json!({ "gigId": gig, "coverLetter": "I have built two of these, with their tests.", "milestones": milestones });
    let proposal = text(&freelancer.does("proposalSubmit", bid, "proposal { id }").await, "proposal.id");
    let offer = json!({ "proposalId": proposal, "title": "Payments ledger in Rust", "milestones": milestones });
    let offer = client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let (offer, milestone) = (text(&offer, "offer.id"), text(&offer, "offer.milestones.nodes.0.id"));

    let stands = async |wanted: &str| {
        until(async || {
            let seen = client
                .asks("query($id: ID!) { milestone(id: $id) { status version } }", json!({ "id": milestone }))
                .await;
            (seen["milestone"]["status"] == wanted).then(|| seen["milestone"]["version"].clone())
        })
        .await
    };
    let card = |token: &str| json!({ "milestoneId": milestone, "paymentMethod": token });
    client.does("milestoneFund", card("pm_sandbox_declined"), "payment { id status }").await;
    stands("AGREED").await;
    let payment = client.does("milestoneFund", card("pm_sandbox_visa"), "payment { id status }").await;
    stands("FUNDED").await;
    until(async || {
        let seen = freelancer.asks("query($id: ID!) { offer(id: $id) { status } }", json!({ "id": offer })).await;
        (seen["offer"]["status"] == "SENT").then_some(())
    })
    .await;
    let contract = freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id status }").await;
    let contract = text(&contract, "contract.id");
    let work = json!({ "milestoneId": milestone, "message": "The posting engine, with tests." });
    freelancer.does("milestoneSubmit", work, "milestone { status }").await;
    let seen = stands("SUBMITTED").await;
    client
        .does("milestoneApprove", json!({ "milestoneId": milestone, "expectedVersion": seen }), "milestone { status }")
        .await;
    let balances =
        freelancer.asks("{ viewer { balances { pending { amount } available { amount } } } }", json!({})).await;
    assert_eq!(
        balances["viewer"]["balances"],
        json!({ "pending": { "amount": "1140.00" }, "available": { "amount": "0.00" } })
    );
    let statement = client
        .asks(
            "query($id: ID!) { contract(id: $id) { statement(first: 10) { nodes { reason } } } }",
            json!({ "id": contract }),
        )
        .await;
    let reasons: Vec<&str> = statement["contract"]["statement"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["fund", "release"]);
    let paid = client
        .asks("query($id: ID!) { payment(id: $id) { status } }", json!({ "id": text(&payment, "payment.id") }))
        .await;
    assert_eq!(paid["payment"]["status"], "SUCCEEDED");

    // Stripe was asked as it wants to be, each act under a key of its own; and everything adds up on both sides.
    assert_eq!(double.sins(), Vec::<String>::new());
    let acts: Vec<_> = double
        .heard()
        .into_iter()
        .filter(|(method, path, _)| method == "POST" && path == "/v1/payment_intents")
        .collect();
    let keys: std::collections::BTreeSet<&str> = acts.iter().map(|(_, _, key)| key.as_str()).collect();
    assert!(acts.len() >= 2 && keys.len() == 2 && !keys.contains(""), "{acts:?}");
    let database = Embedded::start(server.folder(), Purpose::Data, None).await.unwrap();
    for arguments in [["audit", "verify"].as_slice(), &["reconcile"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabta"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(arguments);
        command.env("DATABASE_URL", database.url("rabta")).env("RABTA_DATA_DIR", server.folder());
        set(&mut command);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    telling.abort();
}
