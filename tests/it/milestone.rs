//! Milestones: work, its review, and the way of its money.

use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tests::{Person, TestApp};

const STATUS: &str = "milestone { status version }";

#[tokio::test]
async fn milestone_approve_moves_the_money_to_pending_and_after_the_hold_to_available() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    assert_eq!(deal.balances().await, [100_000, 0, 0]);
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), STATUS).await.ok();
    assert_eq!(deal.balances().await, [0, 95_000, 0]);
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(deal.balances().await, [0, 95_000, 0]);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    assert_eq!(deal.status().await, "RELEASED");
    assert_eq!(deal.money().await, [100_000, 0, 95_000, 5_000, 0, 0]);
}

#[tokio::test]
async fn silence_approves_after_fourteen_days() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    app.passes(TimeDelta::days(13)).await;
    assert_eq!(deal.status().await, "SUBMITTED");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.status().await, "APPROVED");
}

/// How often somebody was told this.
async fn told(who: &Person<'_>, kind: &str) -> usize {
    let query = "{ viewer { notifications(first: 100) { nodes { kind } } } }";
    let reply = who.asks(query, json!({})).await;
    let nodes = reply.data()["viewer"]["notifications"]["nodes"].as_array().cloned().unwrap_or_default();
    nodes.iter().filter(|node| node["kind"] == kind).count()
}

#[tokio::test]
async fn whoever_is_to_review_is_reminded_on_days_seven_twelve_and_thirteen() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let (mut reminded, mut times) = (Vec::new(), 0);
    for day in 1..=14 {
        app.passes(TimeDelta::days(1)).await;
        let now = told(&deal.client, "MILESTONE_REVIEW_WAITS").await;
        if now > times {
            reminded.push(day);
        }
        times = now;
    }
    assert_eq!((reminded, times), (vec![7, 12, 13], 3));
    assert_eq!(told(&deal.freelancer, "MILESTONE_REVIEW_WAITS").await, 0);
    assert_eq!(deal.status().await, "APPROVED");
}

#[tokio::test]
async fn both_sides_are_reminded_of_work_that_sleeps_and_either_keeps_it_awake() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let both = async |kind: &str| (told(&deal.client, kind).await, told(&deal.freelancer, kind).await);
    for (days, idle) in [(75, 0), (1, 1), (6, 1), (1, 2)] {
        app.passes(TimeDelta::days(days)).await;
        assert_eq!(both("MILESTONE_IDLE").await, (idle, idle), "{days} days later");
    }
    let keep = json!({ "milestoneId": deal.milestone });
    deal.freelancer.does("milestoneKeep", keep, STATUS).await.ok();
    for (days, idle, dormant, status) in [
        (75, 2, 0, "FUNDED"),
        (1, 3, 0, "FUNDED"),
        (7, 4, 0, "FUNDED"),
        (6, 4, 0, "FUNDED"),
        (1, 4, 1, "DORMANT"),
        (13, 4, 1, "DORMANT"),
        (1, 4, 1, "REFUNDED"),
    ] {
        app.passes(TimeDelta::days(days)).await;
        assert_eq!(both("MILESTONE_IDLE").await, (idle, idle), "{days} days later");
        assert_eq!(both("MILESTONE_DORMANT").await, (dormant, dormant), "{days} days later");
        assert_eq!(deal.status().await, status, "{days} days later");
    }
}

#[tokio::test]
async fn requested_changes_stop_the_clock_and_a_new_submission_starts_it_anew() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    app.passes(TimeDelta::days(10)).await;
    let note = json!({ "milestoneId": deal.milestone, "note": "Bigger logo" });
    deal.client.does("milestoneRequestChanges", note, STATUS).await.ok();
    app.passes(TimeDelta::days(20)).await;
    assert_eq!(deal.status().await, "CHANGES_REQUESTED");
    let work = json!({ "milestoneId": deal.milestone, "message": "Bigger", "links": ["https://example.com/logo"] });
    deal.freelancer.does("milestoneSubmit", work, STATUS).await.ok();
    app.passes(TimeDelta::days(13)).await;
    assert_eq!(deal.status().await, "SUBMITTED");
}

#[tokio::test]
async fn changes_nobody_makes_hold_no_money_for_good() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let note = json!({ "milestoneId": deal.milestone, "note": "Bigger logo" });
    deal.client.does("milestoneRequestChanges", note, STATUS).await.ok();
    app.passes(TimeDelta::days(89)).await;
    assert_eq!(deal.status().await, "CHANGES_REQUESTED");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED");
    app.passes(TimeDelta::days(7)).await;
    assert_eq!(deal.status().await, "DISPUTED", "something was handed in");
    app.passes(TimeDelta::days(12)).await;
    assert_eq!(deal.status().await, "REFUNDED", "both had every chance to say something");
}

#[tokio::test]
async fn money_handed_to_a_milestone_that_waits_for_more_is_not_out_of_the_freelancers_reach() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "500.00" } });
    let next = deal.freelancer.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.client.does("milestoneAgree", json!({ "milestoneId": next }), STATUS).await.ok();
    let cent = json!({ "milestoneId": deal.milestone, "amount": { "amount": "0.01" }, "restToMilestoneId": next });
    deal.client.does("milestoneApprove", cent, STATUS).await.ok();
    let claim = json!({ "milestoneId": next, "reason": "It was approved for a cent" });
    deal.freelancer.does("milestoneDispute", claim, STATUS).await.ok();
    app.passes(TimeDelta::days(12)).await;
    let seen = deal.freelancer.asks("query($id: ID!) { milestone(id: $id) { status } }", json!({ "id": next })).await;
    assert_eq!(seen.data()["milestone"]["status"], "RELEASED", "silence concedes it");
}

#[tokio::test]
async fn what_waits_for_each_side_is_listed_over_all_of_its_contracts() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    app.market.clock().advance(TimeDelta::seconds(1));
    let part = json!([{ "title": "All of it", "amount": { "amount": "200.00" } }]);
    let offer = json!({ "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id,
        "title": "Another", "milestones": part });
    let offered = deal.client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let (offer, another) = (offered.text("offer.id"), offered.text("offer.milestones.nodes.0.id"));
    let fund = json!({ "milestoneId": another, "paymentMethod": "pm_sandbox_visa" });
    deal.client.does("milestoneFund", fund, STATUS).await.ok();
    app.settles().await;

    let mine = async |states: &str| {
        let query = format!("{{ viewer {{ milestones{states} {{ totalCount nodes {{ id }} }} }} }}");
        deal.freelancer.asks(&query, json!({})).await.data()["viewer"]["milestones"].clone()
    };
    let one = |id: &str| json!({ "totalCount": 1, "nodes": [{ "id": id }] });
    assert_eq!(mine("").await, one(&deal.milestone), "what is only offered is no work yet");
    deal.freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    assert_eq!(mine("(states: [FUNDED])").await, one(&another));
    assert_eq!(mine("").await["nodes"], json!([{ "id": another }, { "id": deal.milestone }]), "the newest first");

    let list = "query($id: ID!) { node(id: $id) { ... on Organization {
        milestones(states: [SUBMITTED]) { totalCount nodes { id contract { title } } } } } }";
    let organization = json!({ "id": deal.client.organization });
    let waits = deal.client.asks(list, organization.clone()).await;
    let handed_in = json!([{ "id": deal.milestone, "contract": { "title": "A website" } }]);
    assert_eq!(waits.data()["node"]["milestones"], json!({ "totalCount": 1, "nodes": handed_in }));
    for who in [&deal.freelancer, &app.client("otto").await] {
        let node = who.asks(list, organization.clone()).await.data()["node"].clone();
        assert!(node.is_null() || node["milestones"]["nodes"] == json!([]), "{}: {node}", who.email);
    }
}

#[tokio::test]
async fn part_is_approved_and_the_rest_stays_funded() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let part = json!({ "milestoneId": deal.milestone, "amount": { "amount": "333.33" } });
    deal.client.does("milestoneApprove", part, STATUS).await.ok();
    assert_eq!(deal.status().await, "FUNDED");
    assert_eq!(deal.money().await, [100_000, 66_667, 31_666, 1_667, 0, 0]);
}

#[tokio::test]
async fn a_refund_is_agreed_to_or_refused() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let ask = json!({ "milestoneId": deal.milestone, "amount": { "amount": "400.00" } });
    deal.client.does("milestoneRequestRefund", ask.clone(), STATUS).await.ok();
    deal.freelancer.does("milestoneRefuseRefund", json!({ "milestoneId": deal.milestone }), STATUS).await.ok();
    assert_eq!(deal.status().await, "FUNDED");
    deal.client.does("milestoneRequestRefund", ask, STATUS).await.ok();
    let own = deal.client.does("milestoneAgreeRefund", json!({ "milestoneId": deal.milestone }), STATUS).await;
    assert_eq!(own.refused(), ["NOT_ALLOWED"]);
    deal.freelancer.does("milestoneAgreeRefund", json!({ "milestoneId": deal.milestone }), STATUS).await.ok();
    assert_eq!(deal.money().await, [100_000, 60_000, 0, 0, 40_000, 0]);
    assert_eq!(deal.credit().await, 41_200, "with its part of the fee");
}

#[tokio::test]
async fn a_refund_that_is_no_longer_asked_for_leaves_the_work_where_it_was() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let it = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", it.clone(), STATUS).await.ok();
    assert_eq!(deal.status().await, "REFUND_REQUESTED");
    let not_theirs = deal.freelancer.does("milestoneWithdrawRefund", it.clone(), STATUS).await;
    assert_eq!(not_theirs.refused(), ["NOT_ALLOWED"]);
    deal.client.does("milestoneWithdrawRefund", it.clone(), STATUS).await.ok();
    app.passes(TimeDelta::days(8)).await;
    assert_eq!((deal.status().await.as_str(), deal.money().await[1]), ("FUNDED", 100_000));
    let again = deal.client.does("milestoneWithdrawRefund", it, STATUS).await;
    assert_eq!(again.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn each_act_is_for_its_side_in_its_state_and_on_the_version_that_was_seen() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let stranger = app.client("otto").await;
    let id = json!({ "milestoneId": deal.milestone });
    assert_eq!(stranger.does("milestoneApprove", id.clone(), STATUS).await.refused(), ["NOT_FOUND"]);
    assert_eq!(app.visitor().does("milestoneApprove", id.clone(), STATUS).await.refused(), ["UNAUTHENTICATED"]);
    assert_eq!(deal.freelancer.does("milestoneApprove", id.clone(), STATUS).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(deal.client.does("milestoneApprove", id.clone(), STATUS).await.refused(), ["WRONG_STATE"]);
    let work = json!({ "milestoneId": deal.milestone, "message": "Here" });
    assert_eq!(deal.client.does("milestoneSubmit", work, STATUS).await.refused(), ["NOT_ALLOWED"]);
    let stale = json!({ "milestoneId": deal.milestone, "message": "Here", "expectedVersion": 1 });
    assert_eq!(deal.freelancer.does("milestoneSubmit", stale, STATUS).await.refused(), ["STALE_VERSION"]);
    let bad = json!({ "milestoneId": deal.milestone, "message": "", "links": ["http://example.com/x"] });
    let bad = deal.freelancer.does("milestoneSubmit", bad, STATUS).await;
    assert_eq!(bad.faults(), ["message: REQUIRED", "links.0: MALFORMED"]);
    assert_eq!(deal.status().await, "FUNDED");
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
}

#[tokio::test]
async fn more_work_is_proposed_and_agreed_to_and_paid_with_credit() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask.clone(), STATUS).await.ok();
    deal.freelancer.does("milestoneAgreeRefund", ask, STATUS).await.ok();
    assert_eq!(deal.credit().await, 103_000);
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "1000.00" } });
    let proposed = deal.freelancer.does("milestonePropose", more, "milestone { id status }").await;
    let more = json!({ "milestoneId": proposed.text("milestone.id") });
    assert_eq!(deal.freelancer.does("milestoneAgree", more.clone(), STATUS).await.refused(), ["WRONG_STATE"]);
    deal.client.does("milestoneAgree", more.clone(), STATUS).await.ok();
    deal.client.does("milestoneFund", more.clone(), STATUS).await.ok();
    assert_eq!(deal.credit().await, 0);
    assert_eq!(deal.balances().await, [100_000, 0, 0]);
    assert_eq!(deal.client.does("milestoneFund", more, STATUS).await.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn approving_and_disputing_at_once_leave_the_books_in_balance() {
    for _ in 0..8 {
        let app = TestApp::new().await;
        let deal = app.submitted().await;
        let id = json!({ "milestoneId": deal.milestone });
        let claim = json!({ "milestoneId": deal.milestone, "reason": "There is more to it" });
        let (approved, disputed) = join(
            deal.client.does("milestoneApprove", id.clone(), STATUS),
            deal.freelancer.does("milestoneDispute", claim, STATUS),
        )
        .await;
        approved.data();
        disputed.data();
        let [funded, held, released, fee, refunded, charged_back] = deal.money().await;
        assert_eq!(funded, held + released + fee + refunded + charged_back);
        let [_, pending, _] = deal.balances().await;
        match deal.status().await.as_str() {
            "APPROVED" => assert_eq!((held, pending), (0, 95_000)),
            "DISPUTED" => assert_eq!((held, pending), (100_000, 0)),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn twenty_approvals_at_once_release_once() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let approve = |place: usize| {
        let key = if place.is_multiple_of(2) { "the same".to_owned() } else { format!("own {place}") };
        let input = json!({ "milestoneId": deal.milestone, "idempotencyKey": key });
        let client = &deal.client;
        async move { client.does("milestoneApprove", input, STATUS).await }
    };
    for reply in join_all((0..20).map(approve)).await {
        reply.ok();
    }
    assert_eq!(deal.balances().await, [0, 95_000, 0]);
    assert_eq!(deal.money().await, [100_000, 0, 95_000, 5_000, 0, 0]);
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let part =
        |amount: &str| json!({ "milestoneId": deal.milestone, "amount": { "amount": amount }, "idempotencyKey": "k" });
    let first = deal.client.does("milestoneApprove", part("100.00"), STATUS).await;
    let again = deal.client.does("milestoneApprove", part("100.00"), STATUS).await;
    assert_eq!(first.ok(), again.ok());
    assert_eq!(deal.money().await[1], 90_000);
    let other = deal.client.does("milestoneApprove", part("200.00"), STATUS).await;
    assert_eq!(other.refused(), ["IDEMPOTENCY_CONFLICT"]);
}

#[tokio::test]
async fn work_that_was_handed_in_says_for_what_and_by_whom() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let of = "query($id: ID!) { milestone(id: $id) { submissions { nodes { id } } } }";
    let listed = deal.client.asks(of, json!({ "id": deal.milestone })).await;
    let submission = listed.data()["milestone"]["submissions"]["nodes"][0]["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { ... on Submission { milestone { id } author { id } } } }";
    for side in [&deal.client, &deal.freelancer] {
        let seen = side.asks(node, json!({ "id": submission })).await;
        let told = json!({ "milestone": { "id": deal.milestone }, "author": { "id": deal.freelancer.id } });
        assert_eq!(seen.data()["node"], told);
    }
    assert_eq!(app.person("stranger").await.asks(node, json!({ "id": submission })).await.data()["node"], Value::Null);
}

#[tokio::test]
async fn a_milestone_says_when_it_goes_dormant_and_a_dormant_one_when_its_money_goes_back() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let query = "query($id: ID!) { milestone(id: $id) { status dormantAt refundsAt } }";
    let seen = async || {
        let seen = deal.freelancer.asks(query, json!({ "id": deal.milestone })).await.data()["milestone"].clone();
        let left = |field: &str| -> Option<TimeDelta> {
            let at: domain::Timestamp = seen[field].as_str()?.parse().unwrap();
            Some(at - app.market.clock().now())
        };
        (seen["status"].as_str().unwrap().to_owned(), left("dormantAt"), left("refundsAt"))
    };
    let second = TimeDelta::seconds(1);
    let (_, dormant_in, refunded_in) = seen().await;
    assert_eq!(refunded_in, None, "it is awake");
    app.passes(dormant_in.unwrap() - second).await;
    assert_eq!(seen().await, ("FUNDED".to_owned(), Some(second), None));
    app.passes(second).await;
    assert_eq!(seen().await, ("DORMANT".to_owned(), None, Some(TimeDelta::days(14))));
    app.passes(TimeDelta::days(14) - second).await;
    assert_eq!(seen().await.0, "DORMANT");
    app.passes(second).await;
    assert_eq!(seen().await, ("REFUNDED".to_owned(), None, None));
}
