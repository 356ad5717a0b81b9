//! The audit log: our people look things up in it, and nobody else does.

use serde_json::{Value, json};
use tests::{PASSWORD, TOKENS, TestApp};

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

/// The acts that the log has of a subject, the newest first.
async fn acts(admin: &tests::Person<'_>, subject: &str) -> Vec<String> {
    let log = admin.asks(LOG, json!({ "subject": subject })).await;
    let nodes = log.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|line| line["act"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_our_people_do_and_look_for_and_what_opens_a_door_to_money_leaves_a_line() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let admin = app.admin("noor").await;
    let client = &deal.client;

    let sessions = client.asks("{ viewer { sessions { nodes { id } } } }", json!({})).await;
    let session = sessions.data()["viewer"]["sessions"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    admin.does("sessionRevoke", json!({ "sessionId": session }), "session { id }").await.ok();
    assert_eq!(acts(&admin, &session).await, ["session_revoke"]);
    app.market.clock().advance(chrono::TimeDelta::minutes(16));

    let number = "query($n: String!) { payeesByNumber(number: $n) { id } }";
    admin.asks(number, json!({ "n": "PK36SCBL0000001123456702" })).await.data();
    assert_eq!(acts(&admin, "payees").await, ["payee_search"]);
    let address = "query($email: String!) { userByEmail(email: $email) { id } }";
    admin.asks(address, json!({ "email": client.email })).await.data();
    assert_eq!(acts(&admin, "users").await, ["user_search"]);

    let set_up = json!({ "organizationId": client.organization });
    let secret = client.does("paymentMethodSetUp", set_up, "clientSecret").await.text("clientSecret");
    app.stripe().does(|books, now| books.sets_up(&secret, "pm_sandbox_visa", now));
    app.settles().await;
    assert_eq!(acts(&admin, &client.organization).await[..2], ["payment_method_saved", "payment_method_set_up"]);

    let invite = json!({ "organizationId": client.organization, "email": "bo@example.com", "role": "VIEWER" });
    let invitation = client.does("memberInvite", invite, "invitation { id }").await.text("invitation.id");
    let revoke = json!({ "invitationId": invitation });
    client.does("memberInvitationRevoke", revoke, "invitation { state }").await.ok();
    assert_eq!(acts(&admin, &invitation).await, ["member_invitation_revoke", "member_invite"]);

    let fund = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_3ds" });
    client.does("milestoneFund", fund, "payment { id }").await.ok();
    client.does("milestoneStopFunding", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    assert_eq!(acts(&admin, &deal.milestone).await[0], "milestone_stop_funding");
}

#[tokio::test]
async fn whose_mail_is_read_who_has_another_name_and_ended_all_sessions_leaves_a_line() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.newcomer("ada").await, app.admin("noor").await);
    let code = json!({ "code": crate::account::mailed_code(&app, &ada.email).await });
    for _ in 0..2 {
        ada.does_once("emailVerify", code.clone(), "email").await.ok();
    }
    app.visitor().does("signIn", json!({ "email": ada.email, "password": PASSWORD }), TOKENS).await.ok();
    for _ in 0..2 {
        ada.does_once("sessionRevokeAll", json!({}), "revokedCount").await.ok();
    }
    // The legal name is what banks are told.
    for edit in [json!({ "name": "Ada Lovelace" }), json!({ "name": "Ada Lovelace" }), json!({ "locale": "ur-PK" })] {
        ada.does_once("userUpdate", edit, "viewer { email }").await.ok();
    }
    ada.does_once("signOut", json!({ "everywhere": true }), "session { id }").await.ok();
    let lines = ["sign_out_everywhere", "user_rename", "session_revoke_all", "email_verify"];
    assert_eq!(acts(&admin, &ada.id).await, lines);
}

#[tokio::test]
async fn our_people_end_somebody_elses_session_only_with_a_fresh_proof() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.person("ada").await, app.admin("noor").await);
    let mine = async || {
        let sessions = ada.asks("{ viewer { sessions { nodes { id } } } }", json!({})).await;
        let nodes = sessions.data()["viewer"]["sessions"]["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_admin = crate::account::refreshed(&app, &admin).await;
    let revoke = json!({ "sessionId": mine().await[0] });
    let refused = of_admin.does("sessionRevoke", revoke.clone(), "session { id }").await;
    assert_eq!(refused.refused(), ["REAUTHENTICATE"]);
    // Of one's own, at once: it may be a thief's.
    let of_ada = crate::account::refreshed(&app, &ada).await;
    of_ada.does("sessionRevoke", revoke, "session { id }").await.ok();
}
