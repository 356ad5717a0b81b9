//! People, as they see themselves and as others see them.

use domain::access::Staff;
use serde_json::{Value, json};
use tests::{PASSWORD, Person, TOKENS, TestApp};

use crate::gig::open_gig;

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
    let find = "query($email: String!) { userByEmail(email: $email) { id email } }";
    let theirs = json!({ "email": deal.freelancer.email.to_uppercase() });
    let found = admin.asks(find, theirs.clone()).await;
    assert_eq!(found.data()["userByEmail"], json!({ "id": id, "email": deal.freelancer.email }));
    let nobody = admin.asks(find, json!({ "email": "nobody@example.com" })).await;
    assert!(nobody.data()["userByEmail"].is_null());
    for who in [&deal.client, &deal.freelancer] {
        assert_eq!(who.asks(find, theirs.clone()).await.failed(), ["NOT_FOUND"], "{}", who.email);
    }
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
async fn a_suspended_person_is_told_by_mail_and_when_it_is_over_too() {
    let app = TestApp::new().await;
    let (ada, noor) = (app.person("ada").await, app.admin("noor").await);
    let subjects = [
        ("userSuspend", "Your account at Rabta is suspended"),
        ("userReinstate", "Your account at Rabta is open again"),
    ];
    for (how, subject) in subjects {
        let input = json!({ "userId": ada.id, "reason": "Lin told us in confidence" });
        for _ in 0..2 {
            noor.does(how, input.clone(), "user { id }").await.ok();
        }
        app.settles().await;
        let letters = app.market.mail().letters_to(&ada.email);
        let told: Vec<_> = letters.iter().filter(|letter| letter.subject == subject).collect();
        assert_eq!(told.len(), 1, "{how}: {letters:?}");
        assert!(!told[0].text.contains("confidence"), "why is our people's business");
    }
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

/// What is answered to an id that somebody kept must be what is answered to one that was made up.
#[tokio::test]
async fn whoever_hides_was_suspended_or_erased_is_nobody_to_those_without_dealings() {
    let app = TestApp::new().await;
    let (ada, bo, warden) = (app.client("ada").await, app.client("bo").await, app.admin("warden").await);
    let cy = app.person("cy").await;
    super::organization::joins(&ada, &cy, "VIEWER").await;
    let node = "query($id: ID!) { node(id: $id) { id ... on User { name createdAt rating { count } reviews { totalCount } } } }";
    let sees =
        async |who: &Person<'_>, id: &str| who.asks(node, json!({ "id": id })).await.data()["node"]["id"].clone();
    let gig = open_gig(&ada, json!({})).await["id"].clone();
    let of_bo = open_gig(&bo, json!({})).await["id"].clone();
    let another = open_gig(&ada, json!({})).await["id"].clone();
    let nobody = format!("{}_00000000000000000000000007", bo.id.split('_').next().unwrap());
    let asks_in = |gig: &Value, id: &str| json!({ "gigId": gig, "freelancerId": id });
    let offers = |id: &str| {
        let milestones = json!([{ "title": "All of it", "amount": { "amount": "100.00" } }]);
        json!({ "organizationId": bo.organization, "freelancerId": id, "title": "Straight away", "milestones": milestones })
    };
    let unknown = bo.does_once("invitationSend", asks_in(&of_bo, &nobody), "invitation { id }").await.body;
    let (di, blocks) = (app.client("di").await, "query($id: ID!) { blockedFreelancers(clientId: $id) { id name } }");
    let blocked = async |who: &Person<'_>| {
        who.asks(blocks, json!({ "id": who.organization })).await.data()["blockedFreelancers"].clone()
    };
    let pair = |who: &Person<'_>, id: &str| json!({ "clientId": who.organization, "freelancerId": id });
    let unblocked = bo.does_once("freelancerBlock", pair(&bo, &nobody), "blocked").await.body;
    let unwanted = bo.does_once("offerCreate", offers(&nobody), "offer { id }").await.body;

    for how in ["hidden", "suspended", "erased"] {
        let lin = app.freelancer(how).await;
        let profile = json!({ "headline": format!("Rust developer, {how}") });
        lin.does("profileUpdate", profile, "profile { id }").await.ok();
        ada.does("invitationSend", asks_in(&gig, &lin.id), "invitation { id }").await.ok();
        assert_eq!(sees(&bo, &lin.id).await, json!(lin.id), "{how}: in the open before");
        di.does("freelancerBlock", pair(&di, &lin.id), "blocked").await.ok();
        assert_eq!(blocked(&di).await[0]["id"], json!(lin.id), "{how}");
        match how {
            "hidden" => {
                lin.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
                assert_eq!(sees(&lin, &lin.id).await, json!(lin.id), "they see themselves");
                // Who works for a company, or was asked to, knows its people.
                ada.does("profileUpdate", json!({ "headline": "Client", "visibility": "HIDDEN" }), "profile { id }")
                    .await
                    .ok();
                assert_eq!(sees(&lin, &ada.id).await, json!(ada.id));
                assert_eq!(sees(&bo, &ada.id).await, Value::Null);
            }
            "suspended" => {
                let input = json!({ "userId": lin.id, "reason": "A complaint" });
                warden.does("userSuspend", input, "user { id }").await.ok();
            }
            _ => {
                let invitations = "{ viewer { invitations(first: 5) { nodes { id } } } }";
                let invitation =
                    lin.asks(invitations, json!({})).await.data()["viewer"]["invitations"]["nodes"][0]["id"].clone();
                lin.does("invitationDecline", json!({ "invitationId": invitation }), "invitation { id }").await.ok();
                lin.does("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
            }
        }
        for who in [&ada, &cy, &warden] {
            assert_eq!(sees(who, &lin.id).await, json!(lin.id), "{how}: {} deals with them", who.email);
        }
        for made_up in
            [bo.asks(node, json!({ "id": nobody })).await, app.visitor().asks(node, json!({ "id": nobody })).await]
        {
            assert_eq!(bo.asks(node, json!({ "id": lin.id })).await.body, made_up.body, "{how}");
            assert_eq!(app.visitor().asks(node, json!({ "id": lin.id })).await.body, made_up.body, "{how}");
        }
        // Whoever dealt with them asks those who hide, and nobody who is not there to answer.
        let asked = ada.does_once("invitationSend", asks_in(&another, &lin.id), "invitation { id }").await;
        let unanswered: &[&str] = if how == "hidden" { &[] } else { &["freelancerId: UNKNOWN"] };
        assert_eq!(asked.faults(), unanswered, "{how}, by who dealt with them");
        let asked = bo.does_once("invitationSend", asks_in(&of_bo, &lin.id), "invitation { id }").await;
        assert_eq!((asked.faults(), &asked.body), (vec!["freelancerId: UNKNOWN".to_owned()], &unknown), "{how}");
        let offered = bo.does_once("offerCreate", offers(&lin.id), "offer { id }").await;
        assert_eq!((offered.faults(), &offered.body), (vec!["freelancerId: UNKNOWN".to_owned()], &unwanted), "{how}");
        let kept_apart = bo.does_once("freelancerBlock", pair(&bo, &lin.id), "blocked").await;
        assert_eq!(
            (kept_apart.faults(), &kept_apart.body),
            (vec!["freelancerId: UNKNOWN".to_owned()], &unblocked),
            "{how}"
        );
        assert_eq!((blocked(&bo).await, blocked(&di).await), (json!([]), json!([])), "{how}: a block shows nobody");
        assert_eq!(sees(&bo, &lin.id).await, Value::Null, "{how}: asking makes no dealings");
        let found = bo.asks("{ freelancers(first: 5) { totalCount nodes { id } } }", json!({})).await;
        assert_eq!(found.data()["freelancers"], json!({ "totalCount": 0, "nodes": [] }), "{how}");
    }
}
