//! Wires: payouts that go by our own bank, in a file or by hand.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use domain::wire::value_date;
use infra::Market;
use infra::clock::Clock;
use infra::market::Equipment;
use infra::rails::Rails;
use infra::screening::Screening;
use infra::vault::Vault;
use serde_json::{Value, json};
use tests::{Deal, PASSWORD, Person, Reply, TestApp, Visitor};

/// The same market with our own bank for its rails, as in production.
async fn by_our_bank(app: &TestApp) -> TestApp {
    by_our_bank_with(app, Equipment::throwaway().unwrap()).await
}

async fn by_our_bank_with(app: &TestApp, equipment: Equipment) -> TestApp {
    let equipment = Equipment { rails: Rails::Bank, ..equipment };
    let db = infra::market::connect(&app.app_url(), 6).await.unwrap();
    TestApp::on(Market::new(db, Clock::manual(app.market.clock().now()), equipment))
}

async fn says_who_he_is(deal: &Deal<'_>) {
    let said = json!({ "latinName": "Faisal Mahmood Qureshi", "address": "=12 Mall Road; Lahore, \"Punjab\"",
        "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
}

async fn requested(deal: &Deal<'_>, amount: &str) -> String {
    let method = method(deal).await;
    asked(deal, &method, amount).await
}

/// A bank account that can be used.
async fn method(deal: &Deal<'_>) -> String {
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    deal.client.app.passes(TimeDelta::days(3)).await;
    method
}

async fn asked(deal: &Deal<'_>, method: &str, amount: &str) -> String {
    let app = deal.client.app;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184",
        "writtenPurpose": "Website — für Ada", "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    assert!(["IN_TRANSIT", "QUEUED"].contains(&status(&deal.freelancer, &payout).await.as_str()));
    payout
}

fn settle(payout: &str, outcome: &str) -> Value {
    json!({ "payoutId": payout, "outcome": outcome, "reason": "Account closed" })
}

/// How often something was done to an object.
async fn noted(app: &TestApp, subject: &str, act: &str) -> i64 {
    let select = "select count(*) from audit_log where subject = $1 and act = $2";
    sqlx::query_scalar(select).bind(subject).bind(act).fetch_one(app.pool()).await.unwrap()
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

/// Somebody asks to have a file or a slip, by where it is: to give it to the bank, or to send it.
async fn asks_for(who: &Person<'_>, path: &str, take_over: bool) -> Reply {
    let name = path.trim_start_matches("/papers/wires/");
    match (name.strip_suffix(".csv"), name.strip_suffix(".json")) {
        (Some(batch), _) => {
            let input = json!({ "wireBatchId": batch, "takeOver": take_over });
            who.does("wireFileTake", input, "wireBatch { takenAt takenBy { id } }").await
        }
        (None, Some(payout)) => {
            let input = json!({ "payoutId": payout, "takeOver": take_over });
            who.does("wireSlipTake", input, "payout { id }").await
        }
        (None, None) => panic!("{path} is neither"),
    }
}

/// Somebody takes a file or a slip, and fetches it.
async fn takes(who: &Person<'_>, path: &str) -> (StatusCode, String) {
    asks_for(who, path, false).await.ok();
    fetch(&who.visitor().await, path).await
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
    let untaken = fetch(&amna.visitor().await, &path).await;
    assert!(untaken.0 == StatusCode::CONFLICT && untaken.1.contains("WIRE_NOT_TAKEN"), "{}", untaken.1);
    let at = "{ wireBatches(first: 1) { nodes { takenAt } } }";
    let at = amna.asks(at, json!({})).await.data()["wireBatches"]["nodes"][0]["takenAt"].clone();
    assert_eq!(at, Value::Null, "looking takes nothing");
    let (code, file) = takes(&amna, &path).await;
    assert_eq!(code, StatusCode::OK, "{file}");
    let date = made.text("wireBatch.valueDate");
    let line = format!(
        "\"{id}:2\",\"{date}\",\"PKR\",\"USD\",\"900.00\",\"FAISAL MAHMOOD QURESHI\",\"12 Mall Road Lahore, Punjab\",\
         \"+923001234567\",\"CNIC 3520212345671\",\"PK36SCBL0000001123456702\",\"Standard Chartered Bank Pakistan\",\
         \"SCBLPKKX\",\"9184\",\"Website f r Ada\""
    );
    assert_eq!(file.lines().collect::<Vec<_>>()[1], line);
    for person in [&deal.client, &deal.freelancer] {
        assert_eq!(fetch(&person.visitor().await, &path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(asks_for(person, &path, false).await.refused(), ["NOT_FOUND"]);
        assert_eq!(person.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOT_FOUND"]);
        let refused = person.asks("{ wireBatches(first: 1) { nodes { id } } }", json!({})).await;
        assert!(refused.body["data"]["wireBatches"].is_null() && !refused.failed().is_empty(), "{}", refused.body);
    }
    let log = "{ auditLog(first: 50) { nodes { act subject } } }";
    let log = omar.asks(log, json!({})).await;
    let taken = json!({ "act": "wire_file_take", "subject": made.text("wireBatch.id") });
    assert!(log.data()["auditLog"]["nodes"].as_array().unwrap().contains(&taken), "who took the file is noted");
    // It is given to the bank once: one of them has it, and gets it again.
    let batch = made.text("wireBatch.id");
    asks_for(&amna, &path, false).await.ok();
    assert_eq!(noted(&base, &batch, "wire_file_take").await, 1, "whoever has it takes nothing");
    assert_eq!(asks_for(&omar, &path, false).await.refused(), ["WIRE_FILE_TAKEN"]);
    assert!(fetch(&omar.visitor().await, &path).await.1.contains("WIRE_NOT_TAKEN"));
    let stale = super::account::refreshed(&app, &omar).await;
    let input = json!({ "wireBatchId": batch, "takeOver": true });
    assert_eq!(stale.does("wireFileTake", input, "wireBatch { id }").await.refused(), ["REAUTHENTICATE"]);
    let over = asks_for(&omar, &path, true).await;
    assert_eq!(over.ok()["wireBatch"]["takenBy"]["id"], json!(omar.id));
    assert_eq!(fetch(&omar.visitor().await, &path).await, (StatusCode::OK, file));
    assert!(fetch(&amna.visitor().await, &path).await.1.contains("WIRE_NOT_TAKEN"), "now he has it");
    assert_eq!(noted(&base, &batch, "wire_file_take").await, 2);

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
    // Banks send things back even after they had them: another one says so, who proves who they are.
    let own = omar.does_once("wireSettle", settle("RETURNED"), "payout { status }").await;
    assert_eq!(own.refused(), ["SAME_APPROVER"], "who said that it arrived");
    let stale = super::account::refreshed(&app, &amna).await;
    assert_eq!(stale.does("wireSettle", settle("RETURNED"), "payout { status }").await.refused(), ["REAUTHENTICATE"]);
    assert_eq!(
        amna.does("wireSettle", settle("RETURNED"), "payout { status }").await.text("payout.status"),
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
    let slip = format!("/papers/wires/{id}.json");
    assert_eq!(asks_for(&amna, &slip, false).await.refused(), ["NO_WIRE"], "one is not enough");
    let early = fetch(&amna.visitor().await, &slip).await;
    assert!(early.0 == StatusCode::CONFLICT && early.1.contains("NO_WIRE"), "one is not enough: {}", early.1);
    omar.does("payoutApprove", approve, "payout { status }").await.ok();
    app.passes(TimeDelta::hours(2)).await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");

    // Where to send it is for admins, with a fresh proof, and who looks is noted.
    let path = "query($id: ID!) { payout(id: $id) { wireSlipPath } }";
    assert_eq!(amna.asks(path, json!({ "id": id })).await.text("wireSlipPath"), slip);
    assert!(deal.freelancer.asks(path, json!({ "id": id })).await.data()["payout"]["wireSlipPath"].is_null());
    assert_eq!(fetch(&app.visitor(), &slip).await.0, StatusCode::UNAUTHORIZED);
    let mediator = app.mediator("morgan").await;
    for person in [&deal.client, &deal.freelancer, &mediator] {
        assert_eq!(fetch(&person.visitor().await, &slip).await.0, StatusCode::NOT_FOUND, "{}", person.email);
        assert_eq!(asks_for(person, &slip, false).await.refused(), ["NOT_FOUND"], "{}", person.email);
    }
    app.grant(&deal.freelancer.email, Some(domain::access::Staff::Admin)).await;
    assert_eq!(fetch(&deal.freelancer.visitor().await, &slip).await.0, StatusCode::FORBIDDEN, "nobody's own");
    assert_eq!(asks_for(&deal.freelancer, &slip, false).await.refused(), ["NOT_ALLOWED"], "nobody's own");
    app.grant(&deal.freelancer.email, None).await;
    let stale = fetch(&super::account::refreshed(&app, &omar).await, &slip).await;
    assert!(stale.0 == StatusCode::FORBIDDEN && stale.1.contains("REAUTHENTICATE"), "{}", stale.1);
    let untaken = fetch(&amna.visitor().await, &slip).await;
    assert!(untaken.0 == StatusCode::CONFLICT && untaken.1.contains("WIRE_NOT_TAKEN"), "{}", untaken.1);
    let kept = "select taken_at is null from wire_lines";
    assert!(sqlx::query_scalar::<_, bool>(kept).fetch_one(base.pool()).await.unwrap(), "looking takes nothing");
    assert_eq!(noted(&base, &id, "wire_slip_take").await, 0);
    let (code, told) = takes(&amna, &slip).await;
    assert_eq!(code, StatusCode::OK, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["reference"], json!(format!("{id}:3")));
    assert_eq!((&told["legal_name"], &told["beneficiary_address"]), (&json!("Faisal"), &Value::Null));
    let account = json!({ "account": "PK36SCBL0000001123456702", "bank": "Standard Chartered Bank Pakistan",
        "account_title": "Faisal Mahmood", "currency": "USD", "amount": "900.00" });
    assert_eq!(told["accounts"], json!([account]));
    assert_eq!(noted(&base, &id, "wire_slip_take").await, 1);
    // One of them sends it: another gets it only by taking it over.
    assert_eq!(asks_for(&omar, &slip, false).await.refused(), ["WIRE_SLIP_TAKEN"]);
    assert!(fetch(&omar.visitor().await, &slip).await.1.contains("WIRE_NOT_TAKEN"));
    assert_eq!(takes(&amna, &slip).await.0, StatusCode::OK, "who has it gets it again");
    assert_eq!(noted(&base, &id, "wire_slip_take").await, 1, "and takes nothing");
    asks_for(&omar, &slip, true).await.ok();
    assert_eq!(fetch(&omar.visitor().await, &slip).await.0, StatusCode::OK);
    assert!(fetch(&amna.visitor().await, &slip).await.1.contains("WIRE_NOT_TAKEN"), "now he has it");
    assert_eq!(asks_for(&amna, &slip, false).await.refused(), ["WIRE_SLIP_TAKEN"]);
    let over = "select count(*) from audit_log where act = 'wire_slip_take' and detail ->> 'from' = $1";
    let over: i64 = sqlx::query_scalar(over).bind(&amna.id).fetch_one(base.pool()).await.unwrap();
    assert_eq!(over, 1);
    assert_eq!(omar.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"], "it is sent by hand");
    // What our people may be sending at this moment is not called back, and goes out once.
    let reason = json!({ "userId": deal.freelancer.id, "reason": "A complaint" });
    omar.does("userSuspend", reason, "user { id }").await.ok();
    assert_eq!(status(&omar, &id).await, "IN_TRANSIT");
    assert!(fetch(&omar.visitor().await, &slip).await.1.contains("WIRE_STOPPED"));
    assert_eq!(asks_for(&omar, &slip, false).await.refused(), ["WIRE_STOPPED"]);
    assert_eq!(omar.does("wireSettle", settle, "payout { status }").await.text("payout.status"), "PAID");
    assert!(fetch(&amna.visitor().await, &slip).await.1.contains("NO_WIRE"), "it was sent");
}

#[tokio::test]
async fn a_file_that_the_bank_has_acted_on_is_not_given_again() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let account = method(&deal).await;
    let (first, second) = (asked(&deal, &account, "400.00").await, asked(&deal, &account, "500.00").await);
    let amna = app.admin("amna").await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    let path = made.text("wireBatch.path");
    let (_, once) = takes(&amna, &path).await;
    assert_eq!(once.lines().count(), 3, "{once}");
    assert_eq!(fetch(&amna.visitor().await, &path).await.1, once, "as long as nothing came of it it is the same");
    let omar = app.admin("omar").await;
    for (payout, outcome) in [(&first, "RETURNED"), (&second, "PAID")] {
        let said = amna.does("wireSettle", settle(payout, outcome), "payout { status }").await;
        if outcome == "RETURNED" {
            assert_eq!(said.text("payout.status"), "IN_TRANSIT", "the bank may have it: another one says so too");
            assert_eq!(noted(&base, payout, "wire_settle").await, 1);
            let again = amna.does_once("wireSettle", settle(payout, outcome), "payout { status }").await;
            assert_eq!(again.refused(), ["SAME_APPROVER"]);
            let both = omar.does("wireSettle", settle(payout, outcome), "payout { status }").await;
            assert_eq!(both.text("payout.status"), "RETURNED");
        }
        let (code, text) = fetch(&amna.visitor().await, &path).await;
        assert_eq!(code, StatusCode::CONFLICT, "{text}");
        assert!(text.contains("WIRE_BATCH_SETTLED") && text.contains(payout.as_str()), "{text}");
        assert!(!text.contains("PK36SCBL"), "{text}");
        assert_eq!(asks_for(&omar, &path, true).await.refused(), ["WIRE_BATCH_SETTLED"], "nor taken over");
    }
    // What came back and is asked for again is in a file of its own.
    let anew = asked(&deal, &account, "400.00").await;
    let again = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(again.text("wireBatch.total.amount"), "400.00");
    let (_, text) = takes(&amna, &again.text("wireBatch.path")).await;
    assert!(text.contains(&anew) && !text.contains(&first) && !text.contains(&second), "{text}");

    // Once no bank can send it back any more, it is forgotten what was told of it.
    let kept = "select count(*) from wire_lines where sealed is not null";
    app.passes(TimeDelta::days(29)).await;
    app.market.tidy().await.unwrap();
    let before: i64 = sqlx::query_scalar(kept).fetch_one(base.pool()).await.unwrap();
    app.passes(TimeDelta::days(2)).await;
    app.market.tidy().await.unwrap();
    let after: i64 = sqlx::query_scalar(kept).fetch_one(base.pool()).await.unwrap();
    assert_eq!((before, after), (3, 1), "the one that is on its way is kept");
    assert_eq!(fetch(&amna.visitor().await, &again.text("wireBatch.path")).await.1, text);
}

#[tokio::test]
async fn a_file_has_the_value_date_of_the_day_it_is_first_taken() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    requested(&deal, "400.00").await;
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    let (path, first) = (made.text("wireBatch.path"), made.text("wireBatch.valueDate"));
    app.market.clock().advance(TimeDelta::days(3));
    // Banks of one side don't work on the day it would be.
    let due = value_date(app.market.clock().now(), &BTreeSet::new());
    let holiday = json!({ "country": "PAKISTAN", "day": due, "name": "Eid al-Fitr" });
    amna.does("bankHolidayAdd", holiday, "bankHoliday { day }").await.ok();
    let take = json!({ "wireBatchId": made.text("wireBatch.id"), "takeOver": true });
    let taken = amna.does_once("wireFileTake", take.clone(), "wireBatch { valueDate }").await;
    let date = taken.text("wireBatch.valueDate");
    assert!(first < due.to_string() && due.to_string() < date, "{first}, {due}, {date}");
    let (_, file) = fetch(&amna.visitor().await, &path).await;
    assert!(file.contains(&format!("\"{date}\"")) && !file.contains(&first), "{file}");
    // Once the bank may have it, it says the same for ever.
    app.market.clock().advance(TimeDelta::days(5));
    let over = omar.does_once("wireFileTake", take, "wireBatch { valueDate }").await;
    assert_eq!(over.text("wireBatch.valueDate"), date);
    assert_eq!(fetch(&omar.visitor().await, &path).await.1, file);
}

#[tokio::test]
async fn a_payee_at_a_bank_without_a_known_code_is_paid_by_hand() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let rest = "ZZZZ0000001123456702";
    let number: String = format!("{rest}PK00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let remainder = number.bytes().fold(0u32, |remainder, digit| (remainder * 10 + u32::from(digit - b'0')) % 97);
    let iban = format!("PK{:02}{rest}", 98 - remainder);
    let method = json!({ "iban": iban, "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let payout = asked(&deal, &method, "400.00").await;
    assert_eq!(status(&deal.freelancer, &payout).await, "QUEUED");
    let rail: String = sqlx::query_scalar("select state ->> 'rail' from payouts").fetch_one(base.pool()).await.unwrap();
    assert_eq!(rail, "manual");
}

#[tokio::test]
async fn what_a_person_changes_later_changes_nothing_of_what_is_on_its_way() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    let said = json!({ "address": "12 Mall Road, Lahore", "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
    let account = method(&deal).await;
    let (early, late) = (asked(&deal, &account, "400.00").await, asked(&deal, &account, "500.00").await);
    let amna = app.admin("amna").await;
    // A name that no wire carries, other words for the rest, and no account any more.
    deal.freelancer.does("userUpdate", json!({ "name": "فیصل محمود" }), "viewer { user { name } }").await.ok();
    let other = json!({ "address": "مال روڈ، لاہور", "phone": "+923009999999", "cnic": "35202-8765432-9" });
    deal.freelancer.does("payeeUpdate", other, "payee { version }").await.ok();
    deal.freelancer.does("payoutMethodRemove", json!({ "payoutMethodId": account }), "payoutMethod { id }").await.ok();
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(made.text("wireBatch.total.amount"), "900.00");
    let (code, file) = takes(&amna, &made.text("wireBatch.path")).await;
    assert_eq!(code, StatusCode::OK, "{file}");
    let told =
        "\"FAISAL\",\"12 Mall Road, Lahore\",\"+923001234567\",\"CNIC 3520212345671\",\"PK36SCBL0000001123456702\"";
    for payout in [&early, &late] {
        let line = file.lines().find(|line| line.contains(payout.as_str())).unwrap();
        assert!(line.contains(told), "{line}");
    }
}

#[tokio::test]
async fn a_suspended_persons_wire_is_called_back_as_long_as_it_is_in_no_file() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let account = method(&deal).await;
    let in_a_file = asked(&deal, &account, "200.00").await;
    let amna = app.admin("amna").await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(takes(&amna, &made.text("wireBatch.path")).await.0, StatusCode::OK);
    let stopped = asked(&deal, &account, "300.00").await;
    let beside = asked(&deal, &account, "400.00").await;
    let reason = json!({ "userId": deal.freelancer.id, "reason": "A complaint" });
    amna.does("userSuspend", reason, "user { id }").await.ok();
    assert_eq!(status(&amna, &in_a_file).await, "IN_TRANSIT", "the bank may have it");
    assert_eq!([status(&amna, &stopped).await, status(&amna, &beside).await], ["BLOCKED", "BLOCKED"]);
    assert_eq!(amna.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"]);

    // Let go while the person is suspended it is stopped again; afterwards it goes, once.
    let why = |payout: &str| json!({ "payoutId": payout, "reason": "Nothing in it" });
    amna.does("payoutUnblock", why(&beside), "payout { status }").await.ok();
    app.settles().await;
    assert_eq!(status(&amna, &beside).await, "BLOCKED");
    let reason = json!({ "userId": deal.freelancer.id, "reason": "Nothing in it" });
    amna.does("userReinstate", reason, "user { id }").await.ok();
    app.passes(TimeDelta::hours(1)).await;
    amna.does("payoutUnblock", why(&beside), "payout { status }").await.ok();
    app.settles().await;
    assert_eq!(amna.does("payoutReject", why(&stopped), "payout { status }").await.text("payout.status"), "RETURNED");
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(made.text("wireBatch.total.amount"), "400.00");
    assert_eq!(deal.balances().await, [0, 0, 35_000], "950.00 less 200.00 and 400.00 that are on their way");

    // One that slipped in beside the suspension stops at the file.
    let slipped = asked(&deal, &account, "100.00").await;
    let suspend = "update users set suspended_at = now() where name = 'Faisal'";
    sqlx::query(suspend).execute(base.pool()).await.unwrap();
    assert_eq!(amna.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"]);
    assert_eq!(status(&amna, &slipped).await, "BLOCKED");
    assert_eq!(noted(&base, &slipped, "wire_recall").await, 1);
}

#[tokio::test]
async fn what_is_in_a_file_that_nobody_has_taken_is_taken_out_and_the_rest_goes() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let account = method(&deal).await;
    let (first, second) = (asked(&deal, &account, "200.00").await, asked(&deal, &account, "300.00").await);
    let third = asked(&deal, &account, "400.00").await;
    let amna = app.admin("amna").await;
    let made = amna.does("wireBatchMake", json!({}), "wireBatch { id path takenAt }").await;
    assert!(made.ok()["wireBatch"]["takenAt"].is_null());
    amna.does("wireSettle", settle(&first, "RETURNED"), "payout { status }").await.ok();
    let list = async || {
        let query = "{ wireBatches(first: 1) { nodes { lines total { amount } } } }";
        amna.asks(query, json!({})).await.data()["wireBatches"]["nodes"][0].clone()
    };
    assert_eq!(list().await, json!({ "lines": 2, "total": { "amount": "700.00" } }));
    let path = made.text("wireBatch.path");
    assert!(fetch(&amna.visitor().await, &path).await.1.contains("WIRE_NOT_TAKEN"));
    let (code, file) = takes(&amna, &path).await;
    assert!(code == StatusCode::OK && file.lines().count() == 3 && !file.contains(&first), "{file}");
    // From then on the bank may have it.
    let query = "{ wireBatches(first: 1) { nodes { takenAt } } }";
    assert!(!amna.asks(query, json!({})).await.data()["wireBatches"]["nodes"][0]["takenAt"].is_null());
    let reason = json!({ "userId": deal.freelancer.id, "reason": "A complaint" });
    amna.does("userSuspend", reason.clone(), "user { id }").await.ok();
    assert_eq!([status(&amna, &second).await, status(&amna, &third).await], ["IN_TRANSIT", "IN_TRANSIT"]);
    amna.does("wireSettle", settle(&second, "RETURNED"), "payout { status }").await.ok();
    app.admin("omar").await.does("wireSettle", settle(&second, "RETURNED"), "payout { status }").await.ok();
    assert_eq!(
        list().await,
        json!({ "lines": 2, "total": { "amount": "700.00" } }),
        "it stays what the bank was given"
    );
    assert_eq!(fetch(&amna.visitor().await, &path).await.0, StatusCode::CONFLICT);
    amna.does("userReinstate", reason.clone(), "user { id }").await.ok();

    // Who is suspended is taken out, too; a file that is empty by then is none.
    app.passes(TimeDelta::hours(1)).await;
    let fourth = asked(&deal, &account, "250.00").await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    amna.does("userSuspend", reason, "user { id }").await.ok();
    assert_eq!(status(&amna, &fourth).await, "BLOCKED");
    assert_eq!(list().await, json!({ "lines": 0, "total": { "amount": "0.00" } }));
    let (code, text) = fetch(&amna.visitor().await, &made.text("wireBatch.path")).await;
    assert!(code == StatusCode::CONFLICT && text.contains("WIRE_BATCH_EMPTY"), "{text}");
    assert_eq!(asks_for(&amna, &made.text("wireBatch.path"), false).await.refused(), ["WIRE_BATCH_EMPTY"]);
}

#[tokio::test]
async fn a_wire_that_arrived_is_money_again_only_while_a_bank_can_send_it_back() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    amna.does("wireBatchMake", json!({}), BATCH).await.ok();
    amna.does("wireSettle", settle(&id, "PAID"), "payout { status }").await.ok();
    let alone = amna.does("wireSettle", settle(&id, "RETURNED"), "payout { status }").await;
    assert_eq!(alone.refused(), ["SAME_APPROVER"]);
    assert_eq!(deal.balances().await, [0, 0, 5_000], "one person makes no money of it");
    app.passes(TimeDelta::days(30)).await;
    let late = omar.does("wireSettle", settle(&id, "RETURNED"), "payout { status }").await;
    assert_eq!(late.refused(), ["WIRE_RETURN_TOO_LATE"]);
    assert_eq!(deal.balances().await, [0, 0, 5_000]);
}

#[tokio::test]
async fn our_people_take_a_wire_back_that_is_in_no_file_yet() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let amna = app.admin("amna").await;
    assert_eq!(amna.does("wireSettle", settle(&id, "PAID"), "payout { id }").await.refused(), ["NO_WIRE"]);
    let back = amna.does("wireSettle", settle(&id, "RETURNED"), "payout { status returnReason }").await;
    assert_eq!(back.ok()["payout"], json!({ "status": "RETURNED", "returnReason": "Account closed" }));
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    assert_eq!(amna.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"]);
}

#[tokio::test]
async fn who_is_listed_by_now_is_in_no_file_and_one_that_was_cleared_is() {
    let base = TestApp::new().await;
    let file = std::env::temp_dir().join(format!("rabta-listed-{}", std::process::id()));
    std::fs::write(&file, "Somebody Else\n").unwrap();
    let screening = Screening::from_file(&file).unwrap();
    let app = by_our_bank_with(&base, Equipment { screening, ..Equipment::throwaway().unwrap() }).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let amna = app.admin("amna").await;
    // The name that is wired, not that of the account.
    std::fs::write(&file, "Somebody Else\nQureshi, Faisal Mahmood\n").unwrap();
    assert_eq!(amna.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"]);
    let queue = amna.asks("{ payoutQueue(first: 5) { nodes { id blockReason } } }", json!({})).await;
    let reason = "on the list as Qureshi, Faisal Mahmood";
    assert_eq!(queue.data()["payoutQueue"]["nodes"], json!([{ "id": id, "blockReason": reason }]));
    let clear = json!({ "payoutId": id, "reason": "Another Faisal" });
    amna.does("payoutUnblock", clear.clone(), "payout { status }").await.ok();
    app.settles().await;
    // A list that can't be read lets nobody through.
    std::fs::write(&file, "").unwrap();
    let unread = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert!(unread.body["data"]["wireBatchMake"].is_null(), "{:#}", unread.body);
    // Who was looked at goes; listed by another name, is looked at again.
    std::fs::write(&file, "Faisal Mahmood\nFaisal Mahmood Qureshi\nQureshi, Faisal Mahmood\n").unwrap();
    assert_eq!(amna.does("wireBatchMake", json!({}), BATCH).await.refused(), ["NOTHING_WAITS"]);
    std::fs::write(&file, "Qureshi, Faisal Mahmood\n").unwrap();
    amna.does("payoutUnblock", clear, "payout { status }").await.ok();
    app.settles().await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(made.text("wireBatch.total.amount"), "900.00");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn what_our_people_say_of_a_wire_and_its_money_come_together() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let amna = app.admin("amna").await;
    amna.does("wireBatchMake", json!({}), BATCH).await.ok();
    amna.does("wireSettle", settle(&id, "PAID"), "payout { status }").await.ok();
    let omar = app.admin("omar").await;
    // The database has no room for what the payout becomes.
    let full = "create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$";
    for statement in [full, "create trigger full_disk before update on payouts execute function full_disk()"] {
        sqlx::query(statement).execute(base.pool()).await.unwrap();
    }
    let failed = omar.does("wireSettle", settle(&id, "RETURNED"), "payout { status }").await;
    assert!(failed.body["data"]["wireSettle"].is_null(), "{:#}", failed.body);
    let outcome: String = sqlx::query_scalar("select outcome from wire_lines").fetch_one(base.pool()).await.unwrap();
    assert_eq!(outcome, "paid", "nothing of it was kept");
    sqlx::query("drop trigger full_disk on payouts").execute(base.pool()).await.unwrap();
    omar.does("wireSettle", settle(&id, "RETURNED"), "payout { status }").await.ok();
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
}

#[tokio::test]
async fn a_wire_that_waits_writes_nothing() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let version = "query($id: ID!) { payout(id: $id) { version } }";
    let seen = async || deal.freelancer.asks(version, json!({ "id": id })).await.data()["payout"]["version"].clone();
    let (before, notes) = (seen().await, noted(&base, &id, "payout_advance").await);
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");
    assert_eq!((seen().await, noted(&base, &id, "payout_advance").await), (before, notes));
    let due = "select min(due_at) from timers where kind = 'advance_payout'";
    let due: Option<chrono::DateTime<chrono::Utc>> = sqlx::query_scalar(due).fetch_one(base.pool()).await.unwrap();
    assert!(due.unwrap() > app.market.clock().now(), "it is asked about again");
}

#[tokio::test]
async fn what_our_bank_is_told_is_sealed_anew_with_a_new_key() {
    let base = TestApp::new().await;
    let with = async |keys: &[[u8; 32]]| {
        by_our_bank_with(&base, Equipment { vault: Vault::of(keys).unwrap(), ..Equipment::throwaway().unwrap() }).await
    };
    let old = with(&[[7; 32]]).await;
    let deal = old.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "900.00").await;
    let now = old.market.clock().now();
    let both = with(&[[8; 32], [7; 32]]).await;
    assert_eq!(both.market.vault_reseal().await.unwrap(), 3, "an account, an identity, a wire");
    assert_eq!(both.market.vault_reseal().await.unwrap(), 0);
    let new = with(&[[8; 32]]).await;
    new.market.clock().advance(now - new.market.clock().now());
    let amna = new.admin("amna").await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    let (code, file) = takes(&amna, &made.text("wireBatch.path")).await;
    assert!(code == StatusCode::OK && file.contains(&id) && file.contains("PK36SCBL0000001123456702"), "{file}");
    let kept =
        "select count(*) from wire_lines t where t::text like '%PK36%' or encode(sealed, 'escape') like '%PK36%'";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(base.pool()).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_holiday_that_hangs_on_the_moon_is_noted_and_counts() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let juneteenth = "select count(*) from bank_holidays where country = 'US' and day = '2027-06-18'";
    assert_eq!(sqlx::query_scalar::<_, i64>(juneteenth).fetch_one(base.pool()).await.unwrap(), 0, "a Saturday's");
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let account = method(&deal).await;
    asked(&deal, &account, "400.00").await;
    let (amna, today) = (app.admin("amna").await, app.market.clock().now().date_naive());
    let day = |ahead: i64| json!((today + TimeDelta::days(ahead)).to_string());
    let holiday = |day: Value| json!({ "country": "PAKISTAN", "day": day, "name": "Eid al-Fitr" });
    for (who, code) in [(&deal.freelancer, "NOT_FOUND"), (&deal.client, "NOT_FOUND")] {
        let refused = who.does("bankHolidayAdd", holiday(day(1)), "bankHoliday { day }").await;
        assert_eq!(refused.refused(), [code]);
    }
    let past = amna.does("bankHolidayAdd", holiday(day(-1)), "bankHoliday { day }").await;
    assert_eq!(past.faults(), ["day: OUT_OF_RANGE"]);
    for ahead in 0..7 {
        let added = amna.does("bankHolidayAdd", holiday(day(ahead)), "bankHoliday { country day name }").await;
        assert_eq!(added.ok()["bankHoliday"]["day"], day(ahead));
    }
    assert_eq!(noted(&base, "bank_holidays", "bank_holiday_add").await, 7);
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert!(made.text("wireBatch.valueDate").as_str() >= day(7).as_str().unwrap(), "{:#}", made.body);

    let noted_days = "{ bankCalendars { country knownUntil } bankHolidays { country day name } }";
    let calendar = amna.asks(noted_days, json!({})).await;
    let first = json!({ "country": "PAKISTAN", "day": day(0), "name": "Eid al-Fitr" });
    assert_eq!(calendar.data()["bankHolidays"][0], first, "those to come, the next first");
    assert_eq!(calendar.data()["bankCalendars"].as_array().map(Vec::len), Some(2));
    for who in [&deal.freelancer, &deal.client] {
        assert_eq!(who.asks(noted_days, json!({})).await.failed(), ["NOT_FOUND", "NOT_FOUND"]);
    }

    // Nobody has noted those to come.
    asked(&deal, &account, "500.00").await;
    let until = |day: Value| json!({ "country": "PAKISTAN", "knownUntil": day });
    for (who, code) in [(&deal.freelancer, "NOT_FOUND"), (&deal.client, "NOT_FOUND")] {
        let refused = who.does("bankCalendarExtend", until(day(90)), "bankCalendar { knownUntil }").await;
        assert_eq!(refused.refused(), [code]);
        let remove = json!({ "country": "PAKISTAN", "day": day(6) });
        assert_eq!(who.does("bankHolidayRemove", remove, "bankHoliday { day }").await.refused(), [code]);
    }
    amna.does("bankCalendarExtend", until(day(59)), "bankCalendar { knownUntil }").await.ok();
    // One far ahead says nothing of those before it.
    amna.does("bankHolidayAdd", holiday(day(400)), "bankHoliday { day }").await.ok();
    let unknown = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(unknown.refused(), ["BANK_HOLIDAYS_END"]);
    assert!(unknown.body.to_string().contains("PK") && unknown.body.to_string().contains("bankCalendarExtend"));
    let far = amna.does("bankCalendarExtend", until(day(1_200)), "bankCalendar { knownUntil }").await;
    assert_eq!(far.faults(), ["knownUntil: OUT_OF_RANGE"]);
    amna.does("bankCalendarExtend", until(day(60)), "bankCalendar { country knownUntil }").await.ok();
    // The moon was seen another day.
    for ahead in 0..7 {
        let remove = json!({ "country": "PAKISTAN", "day": day(ahead) });
        let removed = amna.does("bankHolidayRemove", remove, "bankHoliday { day name }").await;
        assert_eq!(removed.ok()["bankHoliday"], json!({ "day": day(ahead), "name": "Eid al-Fitr" }));
    }
    for (ahead, fault) in [(3, "day: UNKNOWN"), (-1, "day: OUT_OF_RANGE")] {
        let remove = json!({ "country": "PAKISTAN", "day": day(ahead) });
        assert_eq!(amna.does("bankHolidayRemove", remove, "bankHoliday { day }").await.faults(), [fault]);
    }
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert!(made.text("wireBatch.valueDate").as_str() < day(7).as_str().unwrap(), "{:#}", made.body);
}

#[tokio::test]
async fn a_part_is_kept_in_dollars_within_what_the_policy_allows_and_the_wire_divides_it() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let add = async |iban: &str, in_dollars: bool| {
        let input = json!({ "iban": iban, "accountTitle": "Faisal Mahmood", "inDollars": in_dollars });
        let added = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id inDollars }").await;
        assert_eq!(added.ok()["payoutMethod"]["inDollars"], json!(in_dollars));
        added.text("payoutMethod.id")
    };
    let (rupees, dollars) = (add("PK36SCBL0000001123456702", false).await, add("PK24MUCB0646609971000177", true).await);
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Less may be kept",
        "terms": { "retentionMonthMax": { "amount": "100.00" } } });
    let amna = app.admin("amna").await;
    amna.does("policyVersionAdd", terms, "policy { number }").await.ok();
    app.passes(TimeDelta::days(3)).await;
    let ask = |amount: &str, method: &str, kept_at: &str, kept: &str| {
        json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184", "password": PASSWORD,
            "retention": { "payoutMethodId": kept_at, "amount": { "amount": kept } } })
    };
    let fields = "payout { id status retention { amount { amount } method { last4 } } }";
    for (input, code) in [
        (ask("400.00", &rupees, &rupees, "1.00"), "RETENTION_ACCOUNT"),
        (ask("400.00", &dollars, &dollars, "1.00"), "RETENTION_ACCOUNT"),
        (ask("400.00", &rupees, &dollars, "200.01"), "OUT_OF_RANGE"),
        (ask("400.00", &rupees, &dollars, "0.00"), "OUT_OF_RANGE"),
        (ask("150.00", &rupees, &dollars, "100.01"), "OUT_OF_RANGE"),
    ] {
        assert_eq!(deal.freelancer.does("payoutRequest", input, fields).await.refused(), [code]);
    }
    // What is asked for and not sent yet may still be called off: it makes no room.
    let plain = json!({ "payoutMethodId": rupees, "amount": { "amount": "500.00" }, "purposeCode": "9184",
        "password": PASSWORD });
    let decoy = deal.freelancer.does("payoutRequest", plain, "payout { id }").await.text("payout.id");
    let beside = deal.freelancer.does("payoutRequest", ask("300.00", &rupees, &dollars, "150.01"), fields).await;
    assert_eq!(beside.refused(), ["OUT_OF_RANGE"]);
    deal.freelancer.does("payoutCancel", json!({ "payoutId": decoy }), "payout { id }").await.ok();
    let asked = deal.freelancer.does("payoutRequest", ask("400.00", &rupees, &dollars, "200.00"), fields).await;
    let (id, kept) = (asked.text("payout.id"), &asked.ok()["payout"]["retention"]);
    assert_eq!(kept, &json!({ "amount": { "amount": "200.00" }, "method": { "last4": "0177" } }));
    // Half of 500.00 less what was kept already.
    let more = deal.freelancer.does("payoutRequest", ask("100.00", &rupees, &dollars, "50.01"), fields).await;
    assert_eq!(more.refused(), ["OUT_OF_RANGE"]);
    app.settles().await;
    assert_eq!(status(&deal.freelancer, &id).await, "IN_TRANSIT");
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    assert_eq!(made.text("wireBatch.total.amount"), "400.00");
    let (_, file) = takes(&amna, &made.text("wireBatch.path")).await;
    let lines: Vec<&str> = file.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{file}");
    for (line, parts) in lines.iter().zip([
        ["\"PKR\",\"USD\",\"200.00\"", "PK36SCBL0000001123456702"],
        ["\"USD_RETENTION\",\"USD\",\"200.00\"", "PK24MUCB0646609971000177"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)) && line.contains(&format!("{id}:0")), "{line}");
    }
    let (_, pack) = fetch(&deal.freelancer.visitor().await, &format!("/papers/payouts/{id}.json")).await;
    let pack: Value = serde_json::from_str(&pack).unwrap();
    let parts = pack["parts"].as_array().unwrap();
    let cents: Vec<_> =
        parts.iter().map(|part| (part["amount"]["minor"].as_i64(), part["rupees"]["minor"].as_i64())).collect();
    assert_eq!(cents, [(Some(20_000), None), (Some(20_000), Some(5_569_000))], "only what is changed has rupees");
}

#[tokio::test]
async fn what_was_sent_by_wire_stays_listed_when_its_payee_is_erased_and_no_file_tells_of_them() {
    let base = TestApp::new().await;
    let app = by_our_bank(&base).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = requested(&deal, "950.00").await;
    let amna = app.admin("amna").await;
    let made = amna.does("wireBatchMake", json!({}), BATCH).await;
    let path = made.text("wireBatch.path");
    assert!(takes(&amna, &path).await.1.contains(&id));
    amna.does("wireSettle", json!({ "payoutId": id, "outcome": "PAID" }), "payout { status }").await.ok();
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    app.passes(TimeDelta::days(30)).await;
    let confirm = json!({ "confirmEmail": deal.freelancer.email });
    deal.freelancer.does("accountErase", confirm, "erasedAt").await.ok();
    let (code, file) = fetch(&amna.visitor().await, &path).await;
    assert_eq!(code, StatusCode::CONFLICT, "{file}");
    assert!(!file.contains("FAISAL") && !file.contains("PK36SCBL0000001123456702"), "{file}");
    let shown = amna.asks("{ wireBatches(first: 1) { nodes { lines total { amount } } } }", json!({})).await;
    assert_eq!(shown.data()["wireBatches"]["nodes"], json!([{ "lines": 1, "total": { "amount": "950.00" } }]));
}

#[tokio::test]
async fn a_month_of_what_may_be_kept_in_dollars_begins_at_midnight_in_karachi() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let add = async |iban: &str, in_dollars: bool| {
        let input = json!({ "iban": iban, "accountTitle": "Faisal Mahmood", "inDollars": in_dollars });
        deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.text("payoutMethod.id")
    };
    let (rupees, dollars) = (add("PK36SCBL0000001123456702", false).await, add("PK24MUCB0646609971000177", true).await);
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Less may be kept",
        "terms": { "retentionMonthMax": { "amount": "100.00" } } });
    app.admin("amna").await.does("policyVersionAdd", terms, "policy { number }").await.ok();
    let asks_at = async |time: &str, kept: &str| {
        let time: chrono::DateTime<chrono::Utc> = time.parse().unwrap();
        let clock = app.market.clock();
        clock.advance(time - clock.now());
        let ask = json!({ "payoutMethodId": rupees, "amount": { "amount": "150.00" }, "purposeCode": "9184",
            "password": PASSWORD, "retention": { "payoutMethodId": dollars, "amount": { "amount": kept } } });
        deal.freelancer.does("payoutRequest", ask, "payout { id }").await
    };
    // Midnight in Karachi is 19:00 UTC of the day before.
    asks_at("2026-06-30T18:59:00Z", "100.00").await.ok();
    assert_eq!(asks_at("2026-06-30T18:59:59Z", "0.01").await.refused(), ["OUT_OF_RANGE"], "June has had its own");
    asks_at("2026-06-30T19:01:00Z", "100.00").await.ok();
    assert_eq!(asks_at("2026-06-30T23:59:00Z", "0.01").await.refused(), ["OUT_OF_RANGE"], "and so has July");
    assert_eq!(asks_at("2026-07-31T18:59:00Z", "0.01").await.refused(), ["OUT_OF_RANGE"], "to its end");
    asks_at("2026-07-31T19:00:00Z", "100.00").await.ok();
}
