//! Bank accounts: they are debited on their owner's word alone, which the processor is told by whoever confirms: by us
//! what a client pays, by its own page what a client sets up.

use chrono::TimeDelta;
use serde_json::json;
use tests::stripe::{Fault, Faults};
use tests::{Deal, Person, Reply, TestApp, Visitor};

use super::story::{approved_week, paid_for};

/// What a client's browser says it is.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)";

async fn pays(deal: &Deal<'_>, agent: Option<&str>) -> Reply {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_debit" });
    let browser = Visitor { agent: agent.map(str::to_owned), ..deal.client.visitor().await };
    browser.does("milestoneFund", input, "payment { id status failureCode }").await
}

#[tokio::test]
async fn a_bank_account_is_debited_on_the_word_that_its_client_gave_with_the_payment() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let given_at = app.market.clock().now().timestamp();
    let paid = pays(&deal, Some(BROWSER)).await;
    assert_eq!(paid.text("payment.status"), "PROCESSING");
    let id = paid.text("payment.id");
    let mandate = app.stripe().look(|books| books.of_payment(&id).unwrap().mandate.clone());
    assert_eq!(mandate, Some((given_at, "127.0.0.1".to_owned(), BROWSER.to_owned())));
    for _ in 0..4 {
        assert_eq!(deal.status().await, "FUNDING", "its money takes days");
        app.passes(TimeDelta::days(1)).await;
    }
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    let export = async |who: &Person<'_>| who.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    let given = export(&deal.client).await["paymentMandates"].clone();
    assert_eq!(
        (given.as_array().map(Vec::len), &given[0]["payment_id"]),
        (Some(1), &json!(id)),
        "it is theirs to know"
    );
    assert_eq!(export(&deal.freelancer).await["paymentMandates"], json!([]));
    // It is what a bank is shown that is told otherwise later.
    for change in ["update payment_mandates set agent = 'another'", "delete from payment_mandates"] {
        assert!(sqlx::query(change).execute(app.pool()).await.is_err(), "{change}");
    }
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_asks_for_a_debit_later_tells_of_the_same_word() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let given_at = app.market.clock().now().timestamp();
    app.stripe().fails(Faults::later(1, Fault::ErrorAfter));
    let id = pays(&deal, Some(BROWSER)).await.text("payment.id");
    app.market.clock().advance(TimeDelta::minutes(1));
    app.settles().await;
    let mandate = app.stripe().look(|books| books.of_payment(&id).unwrap().mandate.clone());
    assert_eq!(mandate, Some((given_at, "127.0.0.1".to_owned(), BROWSER.to_owned())));

    // One that never got there is asked for by the worker, who is no browser.
    let other = TestApp::on_stripe().await;
    let deal = other.offered().await;
    let given_at = other.market.clock().now().timestamp();
    other.stripe().fails(Faults::later(1, Fault::TooMany));
    let id = pays(&deal, Some(BROWSER)).await.text("payment.id");
    assert_eq!(other.stripe().look(|books| books.intents.len()), 0);
    other.market.clock().advance(TimeDelta::minutes(1));
    other.settles().await;
    let mandate = other.stripe().look(|books| books.of_payment(&id).unwrap().mandate.clone());
    assert_eq!(mandate, Some((given_at, "127.0.0.1".to_owned(), BROWSER.to_owned())));
    for app in [&app, &other] {
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_bank_account_is_not_debited_on_nobodys_word() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    // What does not say what it is gives nobody's word.
    for agent in [None, Some(" ")] {
        let refused = pays(&deal, agent).await;
        let said = (refused.text("payment.status"), refused.text("payment.failureCode"));
        assert_eq!(said, ("FAILED".to_owned(), "parameter_missing".to_owned()), "{agent:?}");
        app.settles().await;
        assert_eq!(deal.status().await, "AGREED");
    }
    assert_eq!(app.stripe().look(|books| books.intents.len()), 0);
    let kept: i64 = sqlx::query_scalar("select count(*) from payment_mandates").fetch_one(app.pool()).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_week_is_debited_from_a_bank_account_once_that_was_set_up_or_has_paid() {
    for set_up in [false, true] {
        let app = TestApp::on_stripe().await;
        let hours = app.hourly().await;
        if set_up {
            let input = json!({ "organizationId": hours.client.organization });
            let secret = hours.client.does("paymentMethodSetUp", input, "clientSecret").await.text("clientSecret");
            app.stripe().does(|books, now| books.sets_up(&secret, "pm_sandbox_debit", now));
            app.settles().await;
        }
        hours.names_card("pm_sandbox_debit").await;
        let week = approved_week(&hours).await;
        let (_, status, code) = paid_for(&hours, &week).await;
        let said = if set_up { ("PROCESSING", "-") } else { ("FAILED", "payment_intent_mandate_invalid") };
        assert_eq!((status.as_str(), code.as_str()), said, "set up: {set_up}");
        if set_up {
            app.passes(TimeDelta::days(4)).await;
            assert_eq!(paid_for(&hours, &week).await.1, "SUCCEEDED");
        }
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}
