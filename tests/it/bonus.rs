//! Bonuses and tips.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Deal, TestApp};

const GIVEN: &str = "milestone { id kind title description status amount { amount } } payment { status }";

fn gift(deal: &Deal<'_>, amount: &str, card: &str) -> Value {
    json!({ "contractId": deal.contract, "amount": { "amount": amount }, "message": "Thank you!", "paymentMethod": card })
}

async fn kinds(deal: &Deal<'_>) -> Vec<(String, String)> {
    let query = "query($id: ID!) { contract(id: $id) { milestones { nodes { kind status } } } }";
    let reply = deal.freelancer.asks(query, json!({ "id": deal.contract })).await;
    let nodes = reply.data()["contract"]["milestones"]["nodes"].as_array().unwrap().clone();
    let list = "{ viewer { contracts { nodes { milestones { nodes { kind status } } } } } }";
    let list = deal.freelancer.asks(list, json!({})).await;
    let listed = &list.data()["viewer"]["contracts"]["nodes"][0]["milestones"]["nodes"];
    assert_eq!(listed.as_array(), Some(&nodes), "a list of contracts shows the same");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut kinds: Vec<_> = nodes.iter().map(|node| (text(&node["kind"]), text(&node["status"]))).collect();
    kinds.sort();
    kinds
}

fn pair(kind: &str, status: &str) -> (String, String) {
    (kind.to_owned(), status.to_owned())
}

#[tokio::test]
async fn a_bonus_is_the_freelancers_after_the_hold_less_the_fee() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let given = deal.client.does("bonusGive", gift(&deal, "100.00", "pm_sandbox_visa"), GIVEN).await;
    let milestone = &given.ok()["milestone"];
    assert_eq!(
        (&milestone["kind"], &milestone["title"], &milestone["description"], &milestone["status"]),
        (&json!("BONUS"), &json!("Bonus"), &json!("Thank you!"), &json!("FUNDING"))
    );
    assert_eq!(given.text("payment.status"), "PROCESSING");
    app.settles().await;
    assert_eq!(kinds(&deal).await, [pair("BONUS", "APPROVED"), pair("WORK", "FUNDED")]);
    assert_eq!(deal.balances().await, [100_000, 9_500, 0]);
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(deal.balances().await, [100_000, 0, 9_500]);

    let statement = "query($id: ID!) { contract(id: $id) { statement { nodes { reason milestoneId } } } }";
    let reply = deal.client.asks(statement, json!({ "id": deal.contract })).await;
    let lines = reply.data()["contract"]["statement"]["nodes"].as_array().unwrap().clone();
    let of_gift = lines.iter().filter(|line| line["milestoneId"] == milestone["id"]);
    let reasons: Vec<&str> = of_gift.map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons[..2], ["fund", "bonus"], "{lines:?}");
    let told = "query($id: ID!) { viewer { notifications { nodes { kind sentence milestoneId } } }
        contract(id: $id) { events(first: 100) { nodes { kind sentence subject { id } } } } }";
    let told = deal.freelancer.asks(told, json!({ "id": deal.contract })).await;
    let kinds_of_gift = |nodes: &Value, subject: &str| -> Vec<String> {
        let nodes = nodes.as_array().unwrap().iter().filter(|node| node.pointer(subject) == Some(&milestone["id"]));
        nodes
            .map(|node| {
                let said = node["sentence"].as_str().unwrap();
                assert!(said.contains("bonus or a tip"), "nobody agrees on a gift, nor works for it: {said}");
                node["kind"].as_str().unwrap().to_owned()
            })
            .collect()
    };
    let notified = kinds_of_gift(&told.data()["viewer"]["notifications"]["nodes"], "/milestoneId");
    assert!(notified.contains(&"MILESTONE_APPROVED".to_owned()), "{notified:?}");
    let happened = kinds_of_gift(&told.data()["contract"]["events"]["nodes"], "/subject/id");
    assert_eq!(happened, ["MILESTONE_AGREED", "MILESTONE_FUNDED", "MILESTONE_APPROVED", "MILESTONE_RELEASED"]);
}

#[tokio::test]
async fn a_tip_is_given_out_of_credit_without_a_fee_for_the_freelancer() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut tip = gift(&deal, "50.00", "");
    tip.as_object_mut().unwrap().remove("paymentMethod");
    assert_eq!(deal.client.does("tipGive", tip.clone(), GIVEN).await.refused(), ["INSUFFICIENT_FUNDS"]);
    assert_eq!(kinds(&deal).await, [pair("WORK", "FUNDED")], "a refusal leaves nothing behind");
    let refund = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", refund.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", refund, "milestone { id }").await.ok();
    let credit = deal.credit().await;
    let given = deal.client.does("tipGive", tip, GIVEN).await;
    assert_eq!(given.ok()["payment"], Value::Null);
    assert_eq!(given.text("milestone.status"), "APPROVED");
    assert_eq!(credit - deal.credit().await, 5_150);
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(deal.balances().await, [0, 0, 5_000]);
}

#[tokio::test]
async fn what_the_card_does_not_pay_was_never_given_and_late_money_is_credit() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    deal.client.does("bonusGive", gift(&deal, "100.00", "pm_sandbox_declined"), GIVEN).await.ok();
    app.settles().await;
    assert_eq!(kinds(&deal).await, [pair("BONUS", "CANCELLED"), pair("WORK", "FUNDED")]);
    assert_eq!(deal.balances().await, [100_000, 0, 0]);

    // The client gives up waiting for a slow card; its money comes all the same.
    let late = deal.client.does("bonusGive", gift(&deal, "100.00", "pm_sandbox_late"), GIVEN).await;
    let stop = json!({ "milestoneId": late.text("milestone.id") });
    let stopped = deal.client.does("milestoneStopFunding", stop, "milestone { status }").await;
    assert_eq!(stopped.text("milestone.status"), "CANCELLED");
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!((deal.balances().await, deal.credit().await), ([100_000, 0, 0], 10_300));
    // Neither keeps the contract from ending.
    deal.client.does("milestoneRequestRefund", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    deal.freelancer
        .does("milestoneAgreeRefund", json!({ "milestoneId": deal.milestone }), "milestone { id }")
        .await
        .ok();
    let ended = deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
}

#[tokio::test]
async fn a_tip_can_be_given_for_a_while_after_the_end_and_a_bonus_can_not() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let ended = deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
    let bonus = deal.client.does("bonusGive", gift(&deal, "10.00", "pm_sandbox_visa"), GIVEN).await;
    assert_eq!(bonus.refused(), ["WRONG_STATE"]);
    app.passes(TimeDelta::days(30)).await;
    deal.client.does("tipGive", gift(&deal, "10.00", "pm_sandbox_visa"), GIVEN).await.ok();
    app.passes(TimeDelta::days(6)).await;
    assert_eq!(deal.balances().await, [0, 0, 96_000]);
    let query = "query($id: ID!) { contract(id: $id) { status } }";
    assert_eq!(deal.client.asks(query, json!({ "id": deal.contract })).await.text("status"), "ENDED");
    let late = deal.client.does("tipGive", gift(&deal, "10.00", "pm_sandbox_visa"), GIVEN).await;
    assert_eq!(late.refused(), ["TIP_TOO_LATE"]);
}

#[tokio::test]
async fn the_same_key_gives_once_even_at_the_same_time() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut tip = gift(&deal, "20.00", "pm_sandbox_visa");
    tip["idempotencyKey"] = json!("tip-1");
    let replies = futures_util::future::join_all((0..6).map(|_| deal.client.does("tipGive", tip.clone(), GIVEN))).await;
    let ids: std::collections::BTreeSet<String> = replies.iter().map(|reply| reply.text("milestone.id")).collect();
    assert_eq!(ids.len(), 1);
    app.settles().await;
    assert_eq!(kinds(&deal).await, [pair("TIP", "APPROVED"), pair("WORK", "FUNDED")]);
    tip["amount"] = json!({ "amount": "21.00" });
    assert_eq!(deal.client.does("tipGive", tip, GIVEN).await.refused(), ["IDEMPOTENCY_CONFLICT"]);
    assert_eq!(deal.balances().await, [100_000, 2_000, 0]);
}

#[tokio::test]
async fn who_may_not_give_and_what_can_not_be_given() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let visa = |amount: &str| gift(&deal, amount, "pm_sandbox_visa");
    assert_eq!(deal.freelancer.does("bonusGive", visa("10.00"), GIVEN).await.refused(), ["NOT_ALLOWED"]);
    let stranger = app.client("otto").await;
    assert_eq!(stranger.does("tipGive", visa("10.00"), GIVEN).await.refused(), ["NOT_FOUND"]);
    for (amount, fault) in
        [("0.99", "amount: OUT_OF_RANGE"), ("970000.01", "amount: OUT_OF_RANGE"), ("ten", "amount.amount: MALFORMED")]
    {
        assert_eq!(deal.client.does("tipGive", visa(amount), GIVEN).await.faults(), [fault], "{amount}");
    }
    let mut long = visa("10.00");
    long["message"] = json!("x".repeat(501));
    assert_eq!(deal.client.does("tipGive", long, GIVEN).await.faults(), ["message: TOO_LONG"]);
    let card = gift(&deal, "10.00", "4242424242424242");
    assert_eq!(deal.client.does("tipGive", card, GIVEN).await.faults(), ["paymentMethod: MALFORMED"]);

    let admin = app.admin("noor").await;
    let hold = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "A name to check" });
    admin.does("contractHold", hold, "contract { id }").await.ok();
    assert_eq!(deal.client.does("tipGive", visa("10.00"), GIVEN).await.refused(), ["WRONG_STATE"]);
    assert_eq!(kinds(&deal).await, [pair("WORK", "FUNDED")]);
}
