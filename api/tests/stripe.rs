//! The main journey through the real binary, with a double of Stripe where `STRIPE_API_BASE` points: signed up, verified by
//! letter, posted, won, a card that is declined and one that pays, delivered, approved, and paid out by Global Payouts
//! until the bank has it. What Stripe tells comes back as signed webhooks over HTTP. In the end the books, and what the
//! double says it moved, agree to the cent. Time can't be let pass where Stripe is, so a policy is in force that holds
//! nothing back for days.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod double;
#[path = "abuse/server.rs"]
#[expect(dead_code, reason = "it serves others, too")]
mod server;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use infra::clock::Clock;
use infra::embedded::{Embedded, Purpose};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tests::StripeDouble;
use tests::stripe::Books;

use crate::server::{PASSWORD, PATIENCE, Server};

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
    let stripe = StripeDouble::start(Clock::System).await;
    stripe.does(|books, _| books.carrying.global = true);
    let base = stripe.settings().base;
    let set = |command: &mut Command| double::deals_with(command, &base);
    let server = Server::start_with("stripe", set);
    let address = server.address;
    let door = double::door_to(move || address);
    let telling = tokio::spawn(stripe.tell_at_once(door.clone()));
    let database = Embedded::start(server.folder(), Purpose::Data, None).await.unwrap();
    let mut db = PgConnection::connect(&database.url("rabta")).await.unwrap();
    double::is_in_a_hurry(&mut db).await;
    db.close().await.unwrap();
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
    let available = "{ viewer { balances { pending { amount } available { amount } } } }";
    let balances = async || freelancer.asks(available, json!({})).await["viewer"]["balances"].clone();
    let all = json!({ "pending": { "amount": "0.00" }, "available": { "amount": "1140.00" } });
    until(async || (balances().await == all).then_some(())).await;
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
    assert_eq!(reasons, ["fund", "release", "hold_over"]);
    let paid = client
        .asks("query($id: ID!) { payment(id: $id) { status } }", json!({ "id": text(&payment, "payment.id") }))
        .await;
    assert_eq!(paid["payment"]["status"], "SUCCEEDED");

    // The money goes home.
    let said = json!({ "latinName": "Ayesha Malik", "address": "12 Mall Road, Lahore", "phone": "+923001234567",
        "cnic": "35202-1234567-1" });
    freelancer.does("payeeUpdate", said, "payee { version }").await;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Ayesha Malik" });
    let method = freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await;
    let ask = json!({ "payoutMethodId": text(&method, "payoutMethod.id"), "amount": { "amount": "1000.00" },
        "purposeCode": "9186", "password": PASSWORD });
    let payout = text(&freelancer.does("payoutRequest", ask, "payout { id }").await, "payout.id");
    let query = "query($id: ID!) { payout(id: $id) { status } }";
    let goes = async |wanted: &str| {
        until(async || {
            let seen = freelancer.asks(query, json!({ "id": payout })).await;
            (seen["payout"]["status"] == wanted).then_some(())
        })
        .await;
    };
    goes("IN_TRANSIT").await;
    stripe.does(|books, now| books.pass_time(now + TimeDelta::minutes(11)));
    stripe.tell(&door, stripe.news()).await;
    goes("PAID").await;
    assert_eq!(stripe.look(Books::carried), 100_000, "the bank has it");
    assert_eq!(balances().await["available"]["amount"], "140.00");

    // Stripe was asked as it wants to be, each act under a key of its own; and everything adds up on both sides.
    assert_eq!(stripe.sins(), Vec::<String>::new());
    let acts: Vec<_> = stripe
        .heard()
        .into_iter()
        .filter(|(method, path, _)| method == "POST" && path == "/v1/payment_intents")
        .collect();
    let keys: std::collections::BTreeSet<&str> = acts.iter().map(|(_, _, key)| key.as_str()).collect();
    assert!(acts.len() >= 2 && keys.len() == 2 && !keys.contains(""), "{acts:?}");
    for arguments in [["audit", "verify"].as_slice(), &["reconcile"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabta"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(arguments);
        command.env("DATABASE_URL", database.url("rabta")).env("RABTA_DATA_DIR", server.folder());
        set(&mut command);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    assert_eq!(tests::leaks::in_log(&server.logged()), Vec::<String>::new());
    telling.abort();
}
