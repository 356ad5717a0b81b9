//! Wires: payouts that go by our own bank, in a file or by hand.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use infra::Market;
use infra::clock::Clock;
use infra::market::Equipment;
use infra::rails::Rails;
use serde_json::{Value, json};
use tests::{Deal, PASSWORD, Person, TestApp, Visitor};

/// The same market with our own bank for its rails, as in production.
async fn by_our_bank(app: &TestApp) -> TestApp {
    let equipment = Equipment { rails: Rails::Bank, ..Equipment::throwaway().unwrap() };
    let db = infra::market::connect(&app.app_url(), 6).await.unwrap();
    TestApp::on(Market::new(db, Clock::manual(app.market.clock().now()), equipment))
}

async fn says_who_he_is(deal: &Deal<'_>) {
    let said = json!({ "latinName": "Faisal Mahmood Qureshi", "address": "=12 Mall Road; Lahore, \"Punjab\"",
        "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
}

async fn requested(deal: &Deal<'_>, amount: &str) -> String {
    let app = deal.client.app;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184",
        "writtenPurpose": "Website — für Ada", "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    payout
}

async fn status(person: &Person<'_>, id: &str) -> String {
    person.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await.text("status")
}

async fn fetch(visitor: &Visitor<'_>, path: &str) -> (StatusCode, String) {
    let token = visitor.token.clone().unwrap_or_default();
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let response = visitor.app.send(request.body(Body::empty()).unwrap()).await;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

const BATCH: &str = "wireBatch { id lines total { amount } valueDate path }";

#[tokio::test]
async fn a_payout_goes_by_wire_when_no_processor_is_there_and_is_paid_when_the_bank_says_so() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    let settle = |outcome: &str| json!({ "payoutId": id, "outcome": outcome, "reason": "Account closed" });
    let early = amna.does("wireSettle", settle("PAID"), "payout { status }").await;
    assert_eq!(early.refused(), ["NO_WIRE"], "it is in no file yet");
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!((made.text("wireBatch.total.amount").as_str(), &made.ok()["wireBatch"]["lines"]), ("900.00", &json!(1)));
    assert_eq!(omar.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"], "it is in a file");
    let path = made.text("wireBatch.path");
    let (code, file) = fetch(&amna.visitor().await, &path).await;
    assert_eq!(code, StatusCode::OK, "{file}");
    let date = made.text("wireBatch.valueDate");
    let line = format!(
        "\"{id}:2\",\"{date}\",\"USD\",\"900.00\",\"FAISAL MAHMOOD QURESHI\",\"12 Mall Road Lahore, Punjab\",\
         \"+923001234567\",\"CNIC 3520212345671\",\"PK36SCBL0000001123456702\",\"Standard Chartered Bank Pakistan\",\
         \"9184\",\"Website f r Ada\""
    );
    assert_eq!(file.lines().collect::<Vec<_>>()[1], line);
    for person in [&deal.client, &deal.freelancer] {
        assert_eq!(fetch(&person.visitor().await, &path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(person.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOT_FOUND"]);
        let refused = person.asks("{ wireBatches(first: 1) { nodes { id } } }", json!({})).await;
        assert!(refused.body["data"].is_null(), "{}", refused.body);
    }
    let log = "{ auditLog(first: 50) { nodes { act subject } } }";
    let log = omar.asks(log, json!({})).await;
    let taken = json!({ "act": "wire_file_take", "subject": made.text("wireBatch.id") });
    assert!(log.data()["auditLog"]["nodes"].as_array().unwrap().contains(&taken), "who took the file is noted");

    // Days pass, the bank is asked nothing, and nothing is sent twice.
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");
    assert_eq!(
        deal.freelancer.does("wireSettle", settle("PAID"), "payout { status }").await.refused(),
        ["NOT_ALLOWED"]
    );
    assert_eq!(deal.client.does("wireSettle", settle("PAID"), "payout { status }").await.refused(), ["NOT_FOUND"]);
    assert_eq!(omar.does("wireSettle", settle("PAID"), "payout { status }").await.text("payout.status"), "PAID");
    assert_eq!(deal.balances().await, [0, 0, 5_000]);
    // Banks send things back even after they had them.
    assert_eq!(
        omar.does("wireSettle", settle("RETURNED"), "payout { status }").await.text("payout.status"),
        "RETURNED"
    );
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    assert_eq!(omar.does("wireSettle", settle("PAID"), "payout { status }").await.refused(), ["NO_WIRE"]);
    // What went by our bank is no matter of the processor's.
    let now = app.market.clock().now();
    let found = app.market.reconcile(&infra::Call::system("test"), now - TimeDelta::days(60), now).await.unwrap();
    assert!(found.differences.is_empty(), "{:#?}", found.differences);
}

#[tokio::test]
async fn a_payee_that_banks_know_too_little_of_is_paid_by_hand_with_two_different_approvers() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    let id = requested(&deal, "900.00").await;
    assert_eq!(status(&deal.freelancer, &id).await, "QUEUED");
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    let approve = json!({ "payoutId": id });
    let settle: Value = json!({ "payoutId": id, "outcome": "PAID" });
    amna.does("payoutApprove", approve.clone(), "payout { status }").await.ok();
    app.passes(TimeDelta::hours(2)).await;
    assert_eq!(status(&deal.freelancer, &id).await, "QUEUED", "one is not enough");
    assert_eq!(
        amna.does_once("payoutApprove", approve.clone(), "payout { status }").await.refused(),
        ["SAME_APPROVER"]
    );
    assert_eq!(omar.does("wireSettle", settle.clone(), "payout { status }").await.refused(), ["NO_WIRE"]);
    omar.does("payoutApprove", approve, "payout { status }").await.ok();
    app.passes(TimeDelta::hours(2)).await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");
    assert_eq!(omar.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"], "it is sent by hand");
    assert_eq!(omar.does("wireSettle", settle, "payout { status }").await.text("payout.status"), "PAID");
}
