//! A person's own account at Stripe is made under its agreement for recipients, and we say when they accepted it.

use chrono::TimeDelta;
use infra::rails::Rails;
use serde_json::{Value, json};
use tests::{TestApp, Visitor};

use super::{asks, hold, method, posts, ready, stands};
use crate::reconciliation::iban;

const WHO: &str = "payee { version }";

/// Who a person is, as they say it to banks.
fn said() -> Value {
    json!({ "latinName": "Faisal Mahmood Qureshi", "address": "12 Mall Road, Lahore", "phone": "+923001234567",
        "cnic": "35202-1234567-1" })
}

#[tokio::test]
async fn stripe_is_told_when_and_from_where_a_person_first_accepted_its_agreement() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    let accepted_at = app.market.clock().now().timestamp();
    app.market.clock().advance(TimeDelta::minutes(1));
    let method = method(&deal, "6702").await;
    let payout = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
    let accepted = app.stripe().look(|books| books.carrying.accepted.clone());
    assert_eq!(accepted, [(accepted_at, "127.0.0.1".to_owned())]);
    let export = deal.freelancer.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    let told = export["recipientAcceptances"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["address"]), (2, &json!("127.0.0.1")), "each time is theirs to know");
    for change in ["update recipient_acceptances set address = '::'", "delete from recipient_acceptances"] {
        assert!(sqlx::query(change).execute(app.pool()).await.is_err(), "{change}");
    }
    for _ in 0..5 {
        app.passes(TimeDelta::hours(12)).await;
    }
    hold(&app).await;
}

#[tokio::test]
async fn who_never_accepted_it_is_paid_by_another_rail_and_told_what_to_do() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = app.released().await;
    // They have said everything before such accounts were set up, so nobody showed them the agreement.
    let before = app.with_rails(Rails::Bank);
    let earlier = Visitor { app: &before, token: deal.freelancer.visitor().await.token, agent: None };
    earlier.does("payeeUpdate", said(), WHO).await.ok();
    let added = json!({ "iban": iban("6702"), "accountTitle": "Faisal Mahmood" });
    let method = earlier.does("payoutMethodAdd", added, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;

    let payout = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned()));
    let query = "query($id: ID!) { payout(id: $id) { explanation } }";
    let told = deal.freelancer.asks(query, json!({ "id": payout })).await.text("explanation");
    assert!(told.contains("Stripe's agreement for recipients"), "{told}");
    assert!(!posts(&app).iter().any(|path| path == "/v1/accounts"), "Stripe was not asked");

    // They do so by saying the same once more.
    deal.freelancer.does("payeeUpdate", said(), WHO).await.ok();
    let payout = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
    let told = deal.freelancer.asks(query, json!({ "id": payout })).await;
    assert!(told.data()["payout"]["explanation"].is_null(), "nothing is missing");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn where_no_such_accounts_are_made_nobody_is_said_to_have_accepted_anything() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    method(&deal, "6702").await;
    let kept: i64 =
        sqlx::query_scalar("select count(*) from recipient_acceptances").fetch_one(app.pool()).await.unwrap();
    assert_eq!(kept, 0);
}
