//! Payouts: from the available balance to a bank, once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Connection;
use tests::{Deal, PASSWORD, TestApp};

/// Pakistani IBANs with right check digits, by how they end.
fn iban(last4: &str) -> String {
    let rest = format!("SCBL000000112345{last4}");
    let number: String = format!("{rest}PK00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let remainder = number.bytes().fold(0u32, |remainder, digit| (remainder * 10 + u32::from(digit - b'0')) % 97);
    format!("PK{:02}{rest}", 98 - remainder)
}

async fn method(deal: &Deal<'_>, last4: &str) -> String {
    let input = json!({ "iban": iban(last4), "accountTitle": "Faisal" });
    let reply = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id last4 bank }").await;
    reply.ok();
    assert_eq!((reply.text("payoutMethod.last4").as_str(), reply.text("payoutMethod.bank").as_str()), (last4, "SCBL"));
    reply.text("payoutMethod.id")
}

fn ask(method: &str, amount: &str) -> Value {
    json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9186", "password": PASSWORD })
}

async fn status(deal: &Deal<'_>, id: &str) -> String {
    deal.freelancer.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await.text("status")
}

#[tokio::test]
async fn a_payout_reaches_the_bank() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    let early = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await;
    assert_eq!(early.refused(), ["PAYOUT_METHOD_TOO_NEW"]);
    app.passes(TimeDelta::days(3)).await;
    let requested = deal.freelancer.does("payoutRequest", ask(&method, "900.00"), "payout { id status }").await;
    let id = requested.text("payout.id");
    assert_eq!(deal.balances().await, [0, 0, 5_000], "it leaves the balance at once");
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "IN_TRANSIT");
    app.market.clock().advance(TimeDelta::minutes(15));
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "PAID");
    assert_eq!(deal.balances().await, [0, 0, 5_000]);
    let list = deal.freelancer.asks("{ viewer { payouts { nodes { id status } } } }", json!({})).await;
    assert_eq!(list.data()["viewer"]["payouts"]["nodes"], json!([{ "id": id, "status": "PAID" }]));
    let hidden = deal.client.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await;
    assert!(hidden.data()["payout"].is_null());
}

#[tokio::test]
async fn what_rails_refuse_return_or_lose_is_never_lost() {
    for (last4, end, left) in [("0002", "RETURNED", 95_000), ("0003", "PAID", 0)] {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let method = method(&deal, last4).await;
        app.passes(TimeDelta::days(3)).await;
        let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
        app.settles().await;
        app.market.clock().advance(TimeDelta::minutes(15));
        app.settles().await;
        assert_eq!(status(&deal, &id).await, end, "{last4}");
        assert_eq!(deal.balances().await, [0, 0, left], "{last4}");
    }
}

#[tokio::test]
async fn payout_request_refuses_in_order() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let mut wrong = ask(&method, "10.00");
    wrong["password"] = json!("not it at all");
    assert_eq!(deal.freelancer.does("payoutRequest", wrong, "payout { id }").await.refused(), ["REAUTHENTICATE"]);
    for (amount, code) in
        [("9.99", "OUT_OF_RANGE"), ("950.01", "INSUFFICIENT_FUNDS"), ("-5", "MALFORMED"), ("1e2", "MALFORMED")]
    {
        assert_eq!(
            deal.freelancer.does("payoutRequest", ask(&method, amount), "payout { id }").await.refused(),
            [code],
            "{amount}"
        );
    }
    assert_eq!(
        deal.client.does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["NOT_FOUND"]
    );
    assert_eq!(
        app.visitor().does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["UNAUTHENTICATED"]
    );
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    deal.freelancer.does("payoutMethodRemove", json!({ "payoutMethodId": method }), "payoutMethod { id }").await.ok();
    assert_eq!(
        deal.freelancer.does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["PAYOUT_METHOD_REMOVED"]
    );
}

#[tokio::test]
async fn a_payout_is_called_off_before_it_is_sent() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
    deal.freelancer.does("payoutCancel", json!({ "payoutId": id }), "payout { status }").await.ok();
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "CANCELLED");
}

#[tokio::test]
async fn one_balance_is_paid_out_once() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let request = |_| deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }");
    let replies = join_all((0..10).map(request)).await;
    let won = replies.iter().filter(|reply| reply.data()["payoutRequest"]["errors"] == json!([])).count();
    assert_eq!(won, 1);
    for reply in replies.iter().filter(|reply| reply.data()["payoutRequest"]["errors"] != json!([])) {
        assert_eq!(reply.refused(), ["INSUFFICIENT_FUNDS"]);
    }
    assert_eq!(deal.balances().await, [0, 0, 0]);
}

#[tokio::test]
async fn an_account_number_is_checked_and_kept_under_lock_and_key() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    for bad in ["", "PK", "GB33BUKB20201555555555", "PK00SCBL0000001123456702", "PK36SCBL0000001123456703"] {
        let input = json!({ "iban": bad, "accountTitle": "Faisal" });
        assert_eq!(
            deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.refused(),
            ["MALFORMED"],
            "{bad}"
        );
    }
    method(&deal, "6702").await;
    let twice = json!({ "iban": iban("6702"), "accountTitle": "Faisal", "idempotencyKey": "k" });
    assert_eq!(
        deal.freelancer.does("payoutMethodAdd", twice, "payoutMethod { id }").await.refused(),
        ["PAYOUT_METHOD_EXISTS"]
    );
    let mut db = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let tables = ["payout_methods", "events", "audit_log", "idempotency", "timers"];
    for table in tables {
        let sql = format!("select count(*) from {table} t where t::text like '%SCBL000000112345%' or t::text like $1");
        let bytes: String = iban("6702").bytes().map(|byte| format!("{byte:02x}")).collect();
        let found: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(format!("%{bytes}%")).fetch_one(&mut db).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
}
