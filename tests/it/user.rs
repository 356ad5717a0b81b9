//! People, as they see themselves and as others see them.

use domain::access::Staff;
use serde_json::{Value, json};
use tests::{PASSWORD, TOKENS, TestApp};

#[tokio::test]
async fn user_update_changes_what_is_given_and_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let fields = "viewer { user { name timeZone } locale email }";
    let reply = ada.does("userUpdate", json!({ "timeZone": "Asia/Karachi", "locale": "ur-PK" }), fields).await;
    let after =
        json!({ "user": { "name": "Ada", "timeZone": "Asia/Karachi" }, "locale": "ur-PK", "email": "ada@example.com" });
    assert_eq!(reply.ok()["viewer"], after);

    let bad = json!({ "name": "", "timeZone": "Asia/Nowhere", "locale": "x" });
    let faults = ada.does("userUpdate", bad, fields).await.faults();
    assert_eq!(faults, ["name: REQUIRED", "timeZone: UNKNOWN", "locale: MALFORMED"]);
    assert_eq!(ada.does("userUpdate", json!({}), fields).await.ok()["viewer"], after);
    assert_eq!(app.visitor().does("userUpdate", json!({}), fields).await.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn user_update_with_a_key_is_safe_to_repeat() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let input = json!({ "name": "Ada Lovelace", "idempotencyKey": "k-1" });
    let fields = "viewer { user { name } }";
    for _ in 0..2 {
        assert_eq!(ada.does("userUpdate", input.clone(), fields).await.text("viewer.user.name"), "Ada Lovelace");
    }
    let other = json!({ "name": "Someone Else", "idempotencyKey": "k-1" });
    assert_eq!(ada.does("userUpdate", other, fields).await.refused(), ["IDEMPOTENCY_CONFLICT"]);
}

#[tokio::test]
async fn strangers_see_a_name_and_no_address() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let node = "query($id: ID!) { node(id: $id) { id ... on User { name email } } }";
    let seen = json!({ "id": ada.id, "name": "Ada", "email": Value::Null });
    assert_eq!(lin.asks(node, json!({ "id": ada.id })).await.data()["node"], seen);
    assert_eq!(app.visitor().asks(node, json!({ "id": ada.id })).await.data()["node"], seen);
    assert_eq!(ada.asks(node, json!({ "id": ada.id })).await.data()["node"]["email"], "ada@example.com");
}

const ME: &str = "{ viewer { email staff } }";

#[tokio::test]
async fn an_operator_makes_somebody_staff_and_signed_in_sessions_see_it_at_once() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let staff = async || ada.asks(ME, json!({})).await.data()["viewer"]["staff"].clone();
    assert_eq!(staff().await, Value::Null);
    for (role, shown) in
        [(Some(Staff::Mediator), json!("MEDIATOR")), (Some(Staff::Admin), json!("ADMIN")), (None, Value::Null)]
    {
        app.grant("ada@example.com", role).await;
        assert_eq!(staff().await, shown);
    }
    let lines = "query($id: String) { auditLog(subject: $id) { nodes { actor act detail } } }";
    let admin = app.admin("noor").await;
    let log = admin.asks(lines, json!({ "id": ada.id })).await;
    let granted: Vec<Value> = log.data()["auditLog"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["actor"], line["act"], line["detail"]["staff"]]))
        .collect();
    let line = |staff: Value| json!(["system", "staff_grant", staff]);
    assert_eq!(granted, [line(Value::Null), line(json!("admin")), line(json!("mediator"))]);
}

#[tokio::test]
async fn a_suspended_person_is_out_at_once_and_their_money_stays_theirs() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let admin = app.admin("noor").await;
    let token = deal.freelancer.visitor().await;
    let (id, fields) = (deal.freelancer.id.clone(), "user { id suspendedAt }");
    let suspend = json!({ "userId": id, "reason": "Took over another person's account" });
    for who in [&deal.client, &deal.freelancer] {
        let refused = who.does("userSuspend", suspend.clone(), fields).await;
        assert!(["NOT_FOUND", "NOT_ALLOWED"].contains(&refused.refused()[0]));
    }
    let silent = json!({ "userId": id, "reason": "" });
    assert_eq!(admin.does("userSuspend", silent, fields).await.faults(), ["reason: REQUIRED"]);
    assert_eq!(
        admin.does("userSuspend", json!({ "userId": admin.id, "reason": "x" }), fields).await.refused(),
        ["NOT_ALLOWED"]
    );

    let before = deal.balances().await;
    let suspended = admin.does("userSuspend", suspend.clone(), fields).await;
    assert!(suspended.ok()["user"]["suspendedAt"].is_string());
    admin.does("userSuspend", suspend, fields).await.ok();
    let out = token.asks(ME, json!({})).await;
    assert_eq!(out.status, 401, "{:#}", out.body);
    let sign_in = json!({ "email": deal.freelancer.email, "password": PASSWORD });
    assert_eq!(app.visitor().does("signIn", sign_in.clone(), TOKENS).await.refused(), ["SUSPENDED"]);
    let seen = "query($id: ID!) { node(id: $id) { ... on User { name suspendedAt } } }";
    let hidden = deal.client.asks(seen, json!({ "id": id })).await;
    assert_eq!(hidden.data()["node"], json!({ "name": "Faisal", "suspendedAt": null }));

    let reinstate = json!({ "userId": id, "reason": "It was them after all" });
    assert_eq!(deal.client.does("userReinstate", reinstate.clone(), fields).await.refused(), ["NOT_FOUND"]);
    let back = admin.does("userReinstate", reinstate, fields).await;
    assert_eq!(back.ok()["user"], json!({ "id": id, "suspendedAt": null }));
    assert_eq!(token.asks(ME, json!({})).await.status, 401, "an ended session stays ended");
    let anew = app.visitor().does("signIn", sign_in, TOKENS).await.text("tokens.accessToken");
    let balances = "{ viewer { balances { available { minorUnits } } } }";
    let left = app.bearer(&anew).asks(balances, json!({})).await;
    assert_eq!(left.data()["viewer"]["balances"]["available"]["minorUnits"], json!(before[2]));
}

#[tokio::test]
async fn payouts_of_a_suspended_person_are_held_until_somebody_looks() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let admin = app.admin("noor").await;
    let input = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(chrono::TimeDelta::days(3)).await;
    let request = async |amount: &str| {
        let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9186", "password": PASSWORD });
        deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id")
    };
    let sent = request("100.00").await;
    app.settles().await;
    let waits = request("200.00").await;
    let reason = json!({ "userId": deal.freelancer.id, "reason": "We look into something" });
    admin.does("userSuspend", reason.clone(), "user { id }").await.ok();
    let status = async |id: &str| {
        let query = "query($id: ID!) { payout(id: $id) { status blockReason } }";
        let reply = admin.asks(query, json!({ "id": id })).await;
        (reply.text("status"), reply.data()["payout"]["blockReason"].clone())
    };
    assert_eq!(status(&waits).await, ("BLOCKED".to_owned(), json!("the account is suspended")));
    app.passes(chrono::TimeDelta::days(1)).await;
    assert_eq!(status(&sent).await.0, "PAID", "what had left is not called back");
    assert_eq!(status(&waits).await.0, "BLOCKED");

    // Somebody lets it go too early: it is held again before it leaves.
    let unblock = json!({ "payoutId": waits, "reason": "Looked at it" });
    admin.does("payoutUnblock", unblock.clone(), "payout { status }").await.ok();
    app.settles().await;
    assert_eq!(status(&waits).await.0, "BLOCKED");
    admin.does("userReinstate", reason, "user { id }").await.ok();
    app.passes(chrono::TimeDelta::days(1)).await;
    assert_eq!(status(&waits).await.0, "BLOCKED", "it takes a person to let it go");
    admin.does("payoutUnblock", unblock, "payout { status }").await.ok();
    app.passes(chrono::TimeDelta::days(1)).await;
    assert_eq!(status(&waits).await.0, "PAID");
}
