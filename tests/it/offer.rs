//! Offers: sent once funded, and whole money back when nothing comes of them.

use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::json;
use tests::TestApp;

const STATUS: &str = "offer { status }";

#[tokio::test]
async fn an_offer_is_sent_once_its_first_milestone_is_funded() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let seen = "query($id: ID!) { offer(id: $id) { status } }";
    assert_eq!(deal.client.asks(seen, json!({ "id": deal.offer })).await.text("status"), "PENDING_FUNDING");
    let hidden = deal.freelancer.asks(seen, json!({ "id": deal.offer })).await;
    assert!(hidden.data()["offer"].is_null(), "not sent yet, so not there");
    let early = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(early.refused(), ["NOT_FOUND"]);

    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    assert_eq!(deal.freelancer.asks(seen, json!({ "id": deal.offer })).await.text("status"), "SENT");
}

#[tokio::test]
async fn a_declined_card_leaves_the_offer_waiting() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_declined").await;
    assert_eq!(deal.status().await, "AGREED");
    let query = "query($id: ID!) { milestone(id: $id) { payment { status failureCode clientSecret } } }";
    let reply = deal.client.asks(query, json!({ "id": deal.milestone })).await;
    assert_eq!(reply.text("payment.status"), "FAILED");
    assert_eq!(reply.text("payment.failureCode"), "card_declined");
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    assert_eq!(deal.status().await, "FUNDED");
}

#[tokio::test]
async fn an_offer_that_comes_to_nothing_gives_the_money_back_whole() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    deal.freelancer.does("offerDecline", json!({ "offerId": deal.offer, "reason": "No time" }), STATUS).await.ok();
    assert_eq!(deal.credit().await, 103_000, "with the fee");
    assert_eq!(deal.money().await, [100_000, 0, 0, 0, 100_000, 0]);
    let again = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(again.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn an_offer_expires_after_seven_days() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    app.passes(TimeDelta::days(6)).await;
    assert_eq!(deal.credit().await, 0);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.credit().await, 103_000);
    let seen = "query($id: ID!) { offer(id: $id) { status } }";
    assert_eq!(deal.freelancer.asks(seen, json!({ "id": deal.offer })).await.text("status"), "EXPIRED");
}

#[tokio::test]
async fn offer_create_says_all_that_is_wrong_with_it() {
    let app = TestApp::new().await;
    let (client, freelancer) = (app.client("clara").await, app.freelancer("faisal").await);
    let input = |milestones: serde_json::Value| json!({ "organizationId": client.organization, "freelancerId": freelancer.id, "title": "A website", "milestones": milestones });
    let bad = json!([{ "title": "", "amount": { "amount": "0.99" } }, { "title": "B", "amount": { "amount": "1000000.01" } }]);
    let reply = client.does("offerCreate", input(bad), "offer { id }").await;
    assert_eq!(
        reply.faults(),
        ["milestones.0.title: REQUIRED", "milestones.0.amount: OUT_OF_RANGE", "milestones.1.amount: OUT_OF_RANGE"]
    );
    let none = client.does("offerCreate", input(json!([])), "offer { id }").await;
    assert_eq!(none.refused(), ["OUT_OF_RANGE"]);
    let rupees = json!([{ "title": "A", "amount": { "amount": "5.00", "currency": "PKR" } }]);
    assert_eq!(client.does("offerCreate", input(rupees), "offer { id }").await.refused(), ["CURRENCY"]);
    let stranger = app.client("otto").await;
    let good = json!([{ "title": "A", "amount": { "amount": "5.00" } }]);
    assert_eq!(stranger.does("offerCreate", input(good.clone()), "offer { id }").await.refused(), ["NOT_FOUND"]);
    let mut own = input(good);
    own["freelancerId"] = json!(client.id);
    assert_eq!(client.does("offerCreate", own, "offer { id }").await.refused(), ["SELF_DEALING"]);
}

#[tokio::test]
async fn accepting_and_withdrawing_at_once_have_one_outcome() {
    for _ in 0..8 {
        let app = TestApp::new().await;
        let deal = app.sent().await;
        let (accepted, withdrawn) = join(
            deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }"),
            deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), STATUS),
        )
        .await;
        app.settles().await;
        let won = |reply: &tests::Reply, field: &str| {
            !reply.data()[field].is_null() && reply.data()[field]["errors"] == json!([])
        };
        let (accepted, withdrawn) = (won(&accepted, "offerAccept"), won(&withdrawn, "offerWithdraw"));
        assert!(accepted != withdrawn, "one of them: {accepted} {withdrawn}");
        assert_eq!(deal.credit().await, if withdrawn { 103_000 } else { 0 });
    }
}
