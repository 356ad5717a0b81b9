//! What is made at Stripe once: the key it is asked for under is kept, so that an answer that was lost is had later,
//! and nobody is made twice.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;
use tests::stripe::{Fault, Faults};
use tests::{Deal, TestApp};

use super::rails::{asks, method, ready, stands};

const CUSTOMERS: &str = "/v1/customers";
const SET_UPS: &str = "/v1/setup_intents";

async fn pays(deal: &Deal<'_>) {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_visa" });
    deal.client.does_once("milestoneFund", input, "payment { id }").await.ok();
}

/// The keys under which something was asked for, in order.
fn keys(app: &TestApp, path: &str) -> Vec<String> {
    let asked = app.stripe().heard().into_iter().filter(|(method, at, _)| method == "POST" && at == path);
    asked.map(|(.., key)| key).collect()
}

/// Stripe answers again, and the worker has had time enough.
async fn goes_on(app: &TestApp) {
    app.stripe().fails(Faults::default());
    for _ in 0..4 {
        app.settles().await;
        app.market.clock().advance(TimeDelta::minutes(1));
    }
    app.settles().await;
}

#[tokio::test]
async fn a_customer_whose_answer_was_lost_is_one_customer_hours_later() {
    for fault in [Fault::LostAnswer, Fault::ErrorAfter] {
        let app = TestApp::on_stripe().await;
        let deal = app.offered().await;
        app.stripe().fails(Faults::at(CUSTOMERS, fault));
        pays(&deal).await;
        assert_eq!(app.stripe().look(|books| (books.customers.len(), books.intents.len())), (1, 0), "{fault:?}");
        app.market.clock().advance(TimeDelta::hours(2));
        goes_on(&app).await;
        assert_eq!(deal.status().await, "FUNDED", "{fault:?}");
        assert_eq!(app.stripe().look(|books| (books.customers.len(), books.intents.len())), (1, 1), "{fault:?}");
        let keys = keys(&app, CUSTOMERS);
        assert!(keys.len() == 2 && keys[0] == keys[1], "{fault:?}: {keys:?}");
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_customer_who_was_lost_for_longer_than_keys_are_remembered_is_made_anew_and_pays_once() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::at(CUSTOMERS, Fault::LostAnswer));
    pays(&deal).await;
    app.market.clock().advance(TimeDelta::hours(25));
    goes_on(&app).await;
    assert_eq!(app.stripe().look(|books| books.intents.len()), 0, "a payment of yesterday is not asked for any more");
    pays(&deal).await;
    goes_on(&app).await;
    assert_eq!(deal.status().await, "FUNDED");
    let made = app.stripe().look(|books| (books.customers.len(), books.intents.len(), books.balance()));
    assert_eq!(made, (2, 1, 103_000));
    let keys = keys(&app, CUSTOMERS);
    assert!(keys.len() == 2 && keys[0] == keys[1], "under one key, which is forgotten in between: {keys:?}");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn an_error_that_is_kept_with_a_customers_key_keeps_nobody_from_paying() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::at(CUSTOMERS, Fault::ErrorKept));
    pays(&deal).await;
    app.market.clock().advance(TimeDelta::minutes(1));
    goes_on(&app).await;
    assert_eq!(deal.status().await, "FUNDED");
    let keys = keys(&app, CUSTOMERS);
    assert!(keys.len() == 3 && keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(app.stripe().look(|books| books.customers.len()), 1);
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_card_is_set_up_with_is_had_once_its_answer_was_lost_and_is_another_the_next_time() {
    let app = TestApp::on_stripe().await;
    let ada = app.client("ada").await;
    let input = json!({ "organizationId": ada.organization });
    let set_up = async || ada.does_once("paymentMethodSetUp", input.clone(), "clientSecret").await;
    app.stripe().fails(Faults::at(SET_UPS, Fault::LostAnswer));
    assert!(set_up().await.body["data"]["paymentMethodSetUp"].is_null(), "nobody knows what became of it");
    app.stripe().fails(Faults::default());
    app.market.clock().advance(TimeDelta::hours(2));
    let secret = set_up().await.text("clientSecret");
    assert_eq!(app.stripe().look(|books| (books.customers.len(), books.setups.len())), (1, 1));
    // Gone on with, it is over, and what is set up then is another.
    app.stripe().does(|books, now| books.sets_up(&secret, "pm_sandbox_visa", now));
    app.settles().await;
    assert_ne!(set_up().await.text("clientSecret"), secret);
    let keys = keys(&app, SET_UPS);
    assert!(keys.len() == 3 && keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(app.stripe().look(|books| books.setups.len()), 2);
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn a_payee_whose_answer_was_lost_is_one_payee_hours_later() {
    for (global, path) in
        [(true, "/v2/core/accounts"), (true, "/v2/money_management/outbound_setup_intents"), (false, "/v1/accounts")]
    {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::at(path, Fault::LostAnswer));
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "{path}");
        // Each time it is asked for again it is lost again, in one hour and in the next.
        for _ in 0..3 {
            app.market.clock().advance(TimeDelta::minutes(50));
            app.settles().await;
            assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "{path}");
        }
        app.stripe().fails(Faults::default());
        app.market.clock().advance(TimeDelta::minutes(16));
        app.settles().await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT", "{path}");
        let made = app.stripe().look(|books| (books.carrying.accounts.len(), books.carrying.payout_methods.len()));
        assert_eq!(made, (1, usize::from(global)), "{path}");
        let keys = keys(&app, path);
        assert!(keys.len() > 3 && keys.iter().collect::<BTreeSet<_>>().len() == 1, "{path}: {keys:?}");
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}
