//! The audit log: our people look things up in it, and nobody else does.

use serde_json::{Value, json};
use tests::TestApp;

const LOG: &str = "query($subject: String, $actor: String, $first: Int, $after: String) {
    auditLog(subject: $subject, actor: $actor, first: $first, after: $after) {
        nodes { id at actor act subject detail trace } pageInfo { hasNextPage endCursor } } }";

#[tokio::test]
async fn admins_look_up_who_did_what_and_members_of_a_party_can_not() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let approve = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneApprove", approve, "milestone { id }").await.ok();
    let (admin, mediator) = (app.admin("noor").await, app.person("morgan").await);
    app.grant(&mediator.email, Some(domain::access::Staff::Mediator)).await;

    let log = admin.asks(LOG, json!({ "subject": deal.milestone })).await;
    let lines = log.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    assert_eq!((&lines[0]["act"], &lines[0]["actor"]), (&json!("milestone_approve"), &json!(deal.client.id)));
    assert!(lines.iter().all(|line| line["subject"] == json!(deal.milestone) && line["at"].is_string()));
    assert!(lines.len() >= 2, "funding and approving: {lines:?}");
    let by = admin.asks(LOG, json!({ "actor": deal.client.id })).await;
    let of_client = by.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    assert!(!of_client.is_empty() && of_client.iter().all(|line| line["actor"] == json!(deal.client.id)));
    let both = admin.asks(LOG, json!({ "subject": deal.milestone, "actor": admin.id })).await;
    assert_eq!(both.data()["auditLog"]["nodes"], json!([]));

    let node = "query($id: ID!) { node(id: $id) { id ... on AuditEntry { act } } }";
    let line = json!({ "id": lines[0]["id"] });
    assert_eq!(admin.asks(node, line.clone()).await.data()["node"]["act"], "milestone_approve");
    for who in [&deal.client, &deal.freelancer, &mediator] {
        assert_eq!(who.asks(LOG, json!({ "subject": deal.milestone })).await.failed(), ["NOT_FOUND"]);
        assert_eq!(who.asks(node, line.clone()).await.data()["node"], Value::Null);
    }
    assert_eq!(app.visitor().asks(LOG, json!({})).await.failed(), ["UNAUTHENTICATED"]);
    assert_eq!(admin.asks(LOG, json!({ "subject": "" })).await.failed(), ["BAD_USER_INPUT"]);
    assert_eq!(admin.asks(LOG, json!({ "after": "nonsense" })).await.failed(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn the_log_has_the_newest_first_and_pages_without_gaps() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    for (hold, note) in [("contractHold", "one"), ("contractLiftHold", "two"), ("contractHold", "three")] {
        let input = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": note });
        admin.does(hold, input, "contract { id }").await.ok();
    }
    let (mut notes, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = admin.asks(LOG, json!({ "subject": deal.contract, "first": 1, "after": after })).await;
        let log = &page.data()["auditLog"];
        notes.extend(log["nodes"].as_array().unwrap().iter().map(|line| line["detail"]["note"].clone()));
        after = log["pageInfo"]["endCursor"].clone();
        if log["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(notes[..3], [json!("three"), json!("two"), json!("one")]);
}
