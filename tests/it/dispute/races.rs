//! Two at once: one of them has an effect, or both, one after the other. Never half of it.

use futures_util::future::{join, join_all};

use super::*;

#[tokio::test]
async fn a_request_sent_again_has_one_effect_and_a_stale_one_none() {
    let app = TestApp::new().await;
    let quarrel = before_arbitration(&app, "700.00").await;
    let Deal { client, freelancer, .. } = &quarrel.deal;
    let version = quarrel.shown(client).await["version"].clone();
    let pay = |key: &str| json!({ "expectedVersion": version, "idempotencyKey": key });
    let first = quarrel.does(client, "disputePayFee", pay("k")).await;
    let again = quarrel.does(client, "disputePayFee", pay("k")).await;
    assert_eq!(first.ok(), again.ok());
    assert_eq!(quarrel.deal.credit().await, 5_600, "paid once");
    assert_eq!(quarrel.does(client, "disputePayFee", pay("l")).await.refused(), ["STALE_VERSION"]);
    assert_eq!(quarrel.does(freelancer, "disputePayFee", pay("k")).await.refused(), ["STALE_VERSION"]);
    let other = json!({ "expectedVersion": 1, "idempotencyKey": "k" });
    assert_eq!(quarrel.does(client, "disputePayFee", other).await.refused(), ["IDEMPOTENCY_CONFLICT"]);
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
    for (mutation, more) in [
        ("disputeAnswer", json!({ "answer": "No", "expectedVersion": 1 })),
        ("disputeConcede", json!({ "expectedVersion": 1 })),
        ("disputeOffer", json!({ "amount": { "amount": "1.00" }, "expectedVersion": 1 })),
        ("disputeAccept", json!({ "expectedVersion": 1 })),
        ("disputeRefuse", json!({ "expectedVersion": 1 })),
        ("disputeWithdraw", json!({ "expectedVersion": 1 })),
    ] {
        assert_eq!(quarrel.does(freelancer, mutation, more).await.refused(), ["STALE_VERSION"], "{mutation}");
    }
}

#[tokio::test]
async fn two_crossing_offers_at_once_settle_once() {
    for _ in 0..6 {
        let app = TestApp::new().await;
        let quarrel = app.answered("600.00").await;
        let Deal { client, freelancer, .. } = &quarrel.deal;
        let (one, other) = join(
            quarrel.does(client, "disputeOffer", offer("600.00")),
            quarrel.does(freelancer, "disputeOffer", offer("500.00")),
        )
        .await;
        let mut statuses = [one.text("dispute.status"), other.text("dispute.status")];
        statuses.sort_unstable();
        assert_eq!(statuses, ["EXECUTED", "NEGOTIATING"]);
        assert_eq!(quarrel.outcome().await, ("SETTLED".to_owned(), 55_000));
        assert_eq!(quarrel.adds_up().await, [0, 52_250, 2_750, 45_000, 0]);
    }
}

#[tokio::test]
async fn conceding_and_withdrawing_at_once_is_one_of_them() {
    for _ in 0..6 {
        let app = TestApp::new().await;
        let quarrel = app.disputed("600.00").await;
        let Deal { client, freelancer, .. } = &quarrel.deal;
        let (withdrawn, conceded) = join(
            quarrel.does(client, "disputeWithdraw", json!({})),
            quarrel.does(freelancer, "disputeConcede", json!({})),
        )
        .await;
        let refused = [&withdrawn, &conceded]
            .iter()
            .filter(|reply| reply.body["data"].to_string().contains("WRONG_STATE"))
            .count();
        assert_eq!(refused, 1, "{:#} {:#}", withdrawn.body, conceded.body);
        match quarrel.status().await.as_str() {
            "WITHDRAWN" => assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]),
            "EXECUTED" => assert_eq!(quarrel.adds_up().await, [0, 38_000, 2_000, 60_000, 0]),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn both_sides_pay_at_once_and_twenty_requests_pay_once() {
    let app = TestApp::new().await;
    let quarrel = before_arbitration(&app, "700.00").await;
    let Deal { client, freelancer, .. } = &quarrel.deal;
    let version = quarrel.shown(client).await["version"].clone();
    let pay = |place: usize| {
        let who = if place.is_multiple_of(2) { client } else { freelancer };
        let input = json!({ "expectedVersion": version, "idempotencyKey": format!("k{}", place / 4) });
        let quarrel = &quarrel;
        async move { quarrel.does(who, "disputePayFee", input).await }
    };
    for reply in join_all((0..20).map(pay)).await {
        reply.data();
    }
    // Whoever came second had seen the version before the first, and looks again.
    let paid = quarrel.shown(client).await["feePaid"].clone();
    assert!(paid["client"] != paid["freelancer"], "one of them was first: {paid}");
    let second = if paid["client"] == true { freelancer } else { client };
    assert_eq!(quarrel.pays(second).await.text("dispute.status"), "HEARING");
    assert_eq!((quarrel.deal.balances().await[2], quarrel.deal.credit().await), (4_000, 5_600), "each of them once");
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
}

#[tokio::test]
async fn two_disputes_opened_at_once_are_one_and_silence_meets_an_answer() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let deal = app.submitted().await;
        let claim = json!({ "milestoneId": deal.milestone, "reason": "It is not what we agreed on" });
        let (one, other) = join(
            deal.client.does("milestoneDispute", claim.clone(), DISPUTE),
            deal.freelancer.does("milestoneDispute", claim.clone(), DISPUTE),
        )
        .await;
        let opened: Vec<&str> = [&one, &other]
            .iter()
            .filter_map(|reply| reply.data()["milestoneDispute"]["dispute"]["id"].as_str())
            .collect();
        let [dispute] = opened[..] else { panic!("{opened:?}") };
        let quarrel = Quarrel { dispute: dispute.to_owned(), deal };
        let claimant = quarrel.shown(&quarrel.deal.client).await["claimant"].clone();
        let answering = if claimant == "CLIENT" { &quarrel.deal.freelancer } else { &quarrel.deal.client };
        // The worker concedes by silence at the very moment the answer comes.
        app.market.clock().advance(TimeDelta::days(7));
        answering.visitor().await;
        let (answer, ()) =
            join(quarrel.does(answering, "disputeAnswer", json!({ "answer": "It is" })), app.settles()).await;
        answer.data();
        app.settles().await;
        let [held, ..] = quarrel.adds_up().await;
        match quarrel.status().await.as_str() {
            "ANSWERED" => assert_eq!(held, 100_000),
            "EXECUTED" => assert_eq!(held, 0),
            other => panic!("{other}"),
        }
    }
}
