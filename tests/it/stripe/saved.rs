//! What an organization may be charged with again: what it has set up, and what has paid once.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::stripe::{Faults, event};
use tests::{Deal, Person, TestApp, Visitor};

const FIELDS: &str = "organization { paymentMethods { token kind label last4 isDefault } }";

async fn pays(deal: &Deal<'_>, method: &str) -> String {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": method });
    let browser = Visitor { agent: Some("Mozilla/5.0".to_owned()), ..deal.client.visitor().await };
    browser.does("milestoneFund", input, "payment { id }").await.text("payment.id")
}

/// What is listed of an organization, as somebody sees it.
async fn listed(who: &Person<'_>, organization: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Organization {
        paymentMethods { token kind label last4 isDefault } } } }";
    who.asks(query, json!({ "id": organization })).await.data()["node"]["paymentMethods"].clone()
}

fn card(token: &str, is_default: bool) -> Value {
    json!({ "token": token, "kind": "card", "label": "visa", "last4": "4242", "isDefault": is_default })
}

fn bank_account(is_default: bool) -> Value {
    json!({ "token": "pm_sandbox_debit", "kind": "us_bank_account", "label": "STRIPE TEST BANK", "last4": "6789",
        "isDefault": is_default })
}

#[tokio::test]
async fn a_card_that_paid_is_listed_preferred_and_removed_like_one_that_was_set_up() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let ours = deal.client.organization.clone();
    // One that does not pay is nobody's to be charged with again.
    pays(&deal, "pm_sandbox_declined").await;
    app.settles().await;
    let id = pays(&deal, "pm_sandbox_3ds").await;
    app.settles().await;
    assert_eq!(listed(&deal.client, &ours).await, json!([]), "its bank has not seen the client");
    app.bank_answers(&deal.client, &id, true).await;
    assert_eq!(listed(&deal.client, &ours).await, json!([card("pm_sandbox_3ds", true)]));
    assert!(!listed(&deal.freelancer, &ours).await.to_string().contains("pm_"), "it is nobody else's business");

    // It stands beside one that is set up, and the first is the default until another is named.
    app.market.clock().advance(TimeDelta::minutes(1));
    let input = json!({ "organizationId": ours });
    let secret = deal.client.does("paymentMethodSetUp", input, "clientSecret").await.text("clientSecret");
    app.stripe().does(|books, now| books.sets_up(&secret, "pm_sandbox_visa", now));
    app.settles().await;
    let with = |token: &str| json!({ "organizationId": ours, "token": token });
    let both = json!({ "paymentMethods": [card("pm_sandbox_visa", false), card("pm_sandbox_3ds", true)] });
    let named = deal.client.does("paymentMethodPrefer", with("pm_sandbox_3ds"), FIELDS).await;
    assert_eq!(named.ok()["organization"], both);
    for act in ["paymentMethodPrefer", "paymentMethodRemove"] {
        let foreign = deal.freelancer.does(act, with("pm_sandbox_3ds"), FIELDS).await;
        assert_eq!(foreign.refused(), ["NOT_FOUND"], "{act}");
    }
    let left = deal.client.does("paymentMethodRemove", with("pm_sandbox_3ds"), FIELDS).await;
    assert_eq!(left.ok()["organization"], json!({ "paymentMethods": [card("pm_sandbox_visa", true)] }));
    assert_eq!(app.stripe().look(|books| books.detached.clone()), ["pm_sandbox_3ds"], "Stripe has let go of it");

    // What is told of its payment later brings nothing back.
    let (paid, now) = (app.stripe().look(|books| books.of_payment(&id).unwrap().body()), app.market.clock().now());
    app.stripe().tell(&app.router(), vec![event("evt_again", "payment_intent.succeeded", &paid, now)]).await;
    app.settles().await;
    assert_eq!(listed(&deal.client, &ours).await, json!([card("pm_sandbox_visa", true)]));
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bank_account_is_listed_from_the_payment_on_that_its_client_gave_their_word_with() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    pays(&deal, "pm_sandbox_debit").await;
    app.settles().await;
    assert_eq!(listed(&deal.client, &deal.client.organization).await, json!([bank_account(true)]));
    assert_eq!(deal.status().await, "FUNDING", "though its money takes days");
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(listed(&deal.client, &deal.client.organization).await, json!([bank_account(true)]), "once");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn a_payment_of_which_nothing_is_told_is_looked_at_with_what_it_was_paid_with() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    pays(&deal, "pm_sandbox_visa").await;
    drop(app.stripe().news());
    app.market.work_until_idle().await.unwrap();
    assert_eq!(listed(&deal.client, &deal.client.organization).await, json!([]));
    app.market.clock().advance(TimeDelta::minutes(10));
    app.market.work_until_idle().await.unwrap();
    assert_eq!(deal.status().await, "FUNDED");
    assert_eq!(listed(&deal.client, &deal.client.organization).await, json!([card("pm_sandbox_visa", true)]));
}

#[tokio::test]
async fn with_a_key_that_may_not_see_cards_money_is_booked_and_they_are_listed_once_it_may() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let ours = deal.client.organization.clone();
    app.stripe().fails(Faults::forbids("/payment_methods/"));
    let id = pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    assert_eq!(deal.status().await, "FUNDED");
    assert_eq!(listed(&deal.client, &ours).await, json!([]));
    let waits = app.market.webhooks_open(10).await.unwrap();
    let why: Vec<&str> = waits.iter().filter_map(|told| told.last_error.as_deref()).collect();
    assert!(!why.is_empty() && why.iter().all(|why| why.contains("403")), "an operator can see why: {waits:?}");
    // What a bank takes waits for nothing either.
    app.stripe().does(|books, now| books.disputes(&id, 103_000, "needs_response", now));
    app.settles().await;
    assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000]);
    app.stripe().fails(Faults::default());
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(listed(&deal.client, &ours).await, json!([card("pm_sandbox_visa", true)]));
    assert_eq!(app.market.webhooks_open(10).await.unwrap(), []);
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn in_the_sandbox_what_has_paid_is_listed_preferred_and_removed_too() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let ours = deal.client.organization.clone();
    pays(&deal, "pm_sandbox_declined").await;
    app.settles().await;
    assert_eq!(listed(&deal.client, &ours).await, json!([]));
    pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    assert_eq!(listed(&deal.client, &ours).await, json!([card("pm_sandbox_visa", true)]));
    let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let more = json!({ "contractId": accepted.text("contract.id"), "title": "More", "amount": { "amount": "10.00" } });
    let more = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": more }), "milestone { id }").await.ok();
    let debit = json!({ "milestoneId": more, "paymentMethod": "pm_sandbox_debit" });
    deal.client.does("milestoneFund", debit, "payment { id }").await.ok();
    app.passes(TimeDelta::days(4)).await;

    let with = |token: &str| json!({ "organizationId": ours, "token": token });
    let account = json!({ "token": "pm_sandbox_debit", "kind": "us_bank_account", "label": "Sandbox Bank",
        "last4": "6789", "isDefault": true });
    let named = deal.client.does("paymentMethodPrefer", with("pm_sandbox_debit"), FIELDS).await;
    let both = json!({ "paymentMethods": [account, card("pm_sandbox_visa", false)] });
    assert_eq!(named.ok()["organization"], both);
    let left = deal.client.does("paymentMethodRemove", with("pm_sandbox_visa"), FIELDS).await;
    assert_eq!(left.ok()["organization"], json!({ "paymentMethods": [account] }));
}

#[tokio::test]
async fn a_card_that_a_contract_is_charged_to_stays_until_that_contract_has_ended() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    app.fixed_beside(&hours).await;
    let ours = hours.client.organization.clone();
    assert_eq!(listed(&hours.client, &ours).await, json!([card("pm_sandbox_visa", true)]), "it has paid");
    let remove = json!({ "organizationId": ours, "token": "pm_sandbox_visa" });
    let removes = async || hours.client.does("paymentMethodRemove", remove.clone(), FIELDS).await;
    let contract = json!({ "contractId": hours.contract });
    for (act, status) in [("contractPause", "PAUSED"), ("contractResume", "ACTIVE")] {
        let done = hours.client.does(act, contract.clone(), "contract { status }").await;
        assert_eq!(done.text("contract.status"), status);
        assert_eq!(removes().await.refused(), ["PAYMENT_METHOD_NEEDED"], "{status}");
    }
    let ended = hours.client.does("contractEnd", contract, "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
    assert_eq!(removes().await.ok()["organization"], json!({ "paymentMethods": [] }));
}
