//! Accounts that somebody took over, and that are given back.

use serde_json::json;
use tests::authenticator::Manner;
use tests::{PASSWORD, Person, TOKENS, TestApp};

use super::{ME, OTHER, asks_reset, letters, mailed_code, resets, sends_from, sign_in};
use crate::passkey;

/// Somebody who knows the password makes the account theirs.
async fn is_taken_over(app: &TestApp, person: &Person<'_>, address: &str) -> String {
    let token = sign_in(app, &person.email, PASSWORD).await.text("tokens.accessToken");
    let thief = app.bearer(&token);
    thief.does("emailChangeRequest", json!({ "email": address }), "expiresAt").await.ok();
    let code = mailed_code(app, address).await;
    thief.does("emailChange", json!({ "code": code }), "viewer { email }").await.ok();
    let change = json!({ "currentPassword": PASSWORD, "newPassword": OTHER });
    thief.does("passwordChange", change, "viewer { email }").await.ok();
    token
}

#[tokio::test]
async fn an_account_whose_address_a_thief_changed_is_given_back() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.person("ada").await, app.person("lin").await, app.admin("noor").await);
    let token = is_taken_over(&app, &ada, "thief@example.com").await;
    app.settles().await;
    let letter = app.market.mail().letters_to(&ada.email).last().unwrap().text.clone();
    assert!(letter.contains("answer this letter at once"), "{letter}");

    let restore = |email: &str, reason: &str| json!({ "userId": ada.id, "email": email, "reason": reason });
    let (why, fields) = ("She answered from her old mailbox, and on the phone", "user { id }");
    let hers = restore("ADA@example.com", why);
    assert_eq!(lin.does("emailRestore", hers.clone(), fields).await.refused(), ["NOT_FOUND"]);
    let silent = noor.does("emailRestore", restore(&ada.email, ""), fields).await;
    assert_eq!(silent.faults(), ["reason: REQUIRED"]);
    let another = noor.does("emailRestore", restore("another@example.com", why), fields).await;
    assert_eq!(another.faults(), ["email: UNKNOWN"], "it goes back to an address that it had, and to no other");
    for _ in 0..2 {
        noor.does("emailRestore", hers.clone(), fields).await.ok();
    }

    // Nothing of the thief's opens it, and nothing that the thief knows.
    assert_eq!(app.bearer(&token).asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    let hers = ada.email.as_str();
    for (email, password) in [("thief@example.com", OTHER), (hers, OTHER), (hers, PASSWORD)] {
        assert_eq!(sign_in(&app, email, password).await.refused(), ["INVALID_CREDENTIALS"], "{email}");
    }
    asks_reset(&app, &ada.email).await.ok();
    app.settles().await;
    let letters = app.market.mail().letters_to(&ada.email);
    let told = letters.iter().filter(|letter| letter.text.contains("changed back to this one by our people")).count();
    assert_eq!(told, 1, "{letters:?}");
    resets(&app, &mailed_code(&app, &ada.email).await, "moss-lantern-quiet").await.ok();
    let back = sign_in(&app, &ada.email, "moss-lantern-quiet").await.text("tokens.accessToken");
    let me = app.bearer(&back).asks(ME, json!({})).await;
    assert_eq!(me.data()["viewer"], json!({ "email": "ada@example.com", "emailVerified": true }));

    let log = "query($id: String) { auditLog(subject: $id) { nodes { act actor detail } } }";
    let log = noor.asks(log, json!({ "id": ada.id })).await;
    let lines = log.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    let lines: Vec<_> = lines.iter().filter(|line| line["act"] == "email_restore").collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(json!([lines[0]["actor"], lines[0]["detail"]["reason"]]), json!([noor.id, why]));
}

#[tokio::test]
async fn a_passkey_that_a_thief_added_does_not_open_an_account_that_was_given_back() {
    let app = TestApp::new().await;
    let (ada, noor) = (app.person("ada").await, app.admin("noor").await);
    let token = is_taken_over(&app, &ada, "thief@example.com").await;
    let (device, _) = passkey::adds(&app.bearer(&token), "The thief's phone").await;
    passkey::signs_in(&app, &device, &Manner::default()).await.ok();

    let restore = json!({ "userId": ada.id, "email": ada.email, "reason": "She answered from her old mailbox" });
    noor.does("emailRestore", restore, "user { id }").await.ok();
    assert!(!passkey::signs_in(&app, &device, &Manner::default()).await.refused().is_empty());
    let log = "query($id: String) { auditLog(subject: $id) { nodes { act detail } } }";
    let log = noor.asks(log, json!({ "id": ada.id })).await;
    let lines = log.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    let line = lines.iter().find(|line| line["act"] == "email_restore").unwrap();
    assert_eq!(line["detail"]["passkeys_removed"], 1);
}

#[tokio::test]
async fn an_address_that_is_somebody_elses_by_now_is_given_back_to_nobody() {
    let app = TestApp::new().await;
    let (ada, noor) = (app.person("ada").await, app.admin("noor").await);
    is_taken_over(&app, &ada, "thief@example.com").await;
    let anew = json!({ "email": ada.email, "name": "Ada", "password": PASSWORD });
    app.visitor().does("signUp", anew, TOKENS).await.ok();
    let hers = json!({ "userId": ada.id, "email": ada.email, "reason": "She asked" });
    assert_eq!(noor.does("emailRestore", hers.clone(), "user { id }").await.refused(), ["EMAIL_TAKEN"]);
    sign_in(&app, "thief@example.com", OTHER).await.ok();
    // It may have been the thief who signed up: whoever reads the mail there has that account, and lets its address go.
    asks_reset(&app, &ada.email).await.ok();
    resets(&app, &mailed_code(&app, &ada.email).await, "moss-lantern-quiet").await.ok();
    let token = sign_in(&app, &ada.email, "moss-lantern-quiet").await.text("tokens.accessToken");
    let erase = json!({ "confirmEmail": ada.email });
    app.bearer(&token).does("accountErase", erase, "erasedAt").await.ok();
    noor.does("emailRestore", hers, "user { id }").await.ok();
    // Our own people's addresses are an operator's business.
    let omar = app.admin("omar").await;
    let his = json!({ "userId": omar.id, "email": omar.email, "reason": "He asked" });
    assert_eq!(noor.does("emailRestore", his, "user { id }").await.refused(), ["ACCOUNT_IS_STAFF"]);
}

/// Whoever persuades our people that an account is theirs has not robbed its owner for good.
#[tokio::test]
async fn an_address_that_was_left_by_mistake_is_told_and_can_be_had_back() {
    let app = TestApp::new().await;
    let (ada, noor) = (app.person("ada").await, app.admin("noor").await);
    // She moved to another mailbox herself. Somebody else reads the old one by now.
    let new = "ada.new@example.com";
    is_taken_over(&app, &ada, new).await;
    let restore = async |email: &str| {
        let input = json!({ "userId": ada.id, "email": email, "reason": "They asked" });
        noor.does("emailRestore", input, "user { id }").await
    };
    restore(&ada.email).await.ok();
    app.settles().await;
    let letters = app.market.mail().letters_to(new);
    assert!(letters.last().unwrap().text.contains("has another address from now on"), "{letters:?}");
    restore(new).await.ok();
    asks_reset(&app, new).await.ok();
    resets(&app, &mailed_code(&app, new).await, "moss-lantern-quiet").await.ok();
    sign_in(&app, new, "moss-lantern-quiet").await.ok();
}

#[tokio::test]
async fn where_a_thief_was_is_not_where_the_person_of_the_account_was() {
    let app = TestApp::new().await;
    let (ada, noor) = (app.person("ada").await, app.admin("noor").await);
    is_taken_over(&app, &ada, "thief@example.com").await;
    let from = async |address: &str, email: &str, password: &str| {
        let body = json!({
            "query": "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }",
            "variables": { "i": { "email": email, "password": password } }
        });
        sends_from(&app, address, body).await["data"]["signIn"]["errors"].clone()
    };
    assert_eq!(from("203.0.113.7", "thief@example.com", OTHER).await, json!([]));
    let hers = json!({ "userId": ada.id, "email": ada.email, "reason": "She asked" });
    noor.does("emailRestore", hers, "user { id }").await.ok();
    asks_reset(&app, &ada.email).await.ok();
    resets(&app, &mailed_code(&app, &ada.email).await, "moss-lantern-quiet").await.ok();
    for nth in 0..60 {
        from(&format!("198.51.100.{nth}"), &ada.email, "not it at all").await;
    }
    // Strangers wait, however well they guess; and the thief is one.
    let too_many = json!([{ "code": "TOO_MANY_ATTEMPTS" }]);
    assert_eq!(from("203.0.113.7", &ada.email, "moss-lantern-quiet").await, too_many);
}

/// Anybody can sign up with anybody's address.
#[tokio::test]
async fn an_address_at_which_nobody_read_mail_is_not_told_and_given_back_to_nobody() {
    let app = TestApp::new().await;
    let (eve, noor) = (app.newcomer("victim").await, app.admin("noor").await);
    eve.does("emailChangeRequest", json!({ "email": "eve@example.com" }), "expiresAt").await.ok();
    let code = mailed_code(&app, "eve@example.com").await;
    eve.does("emailChange", json!({ "code": code }), "viewer { email }").await.ok();
    app.settles().await;
    assert_eq!(letters(&app, &eve.email), ["Is this your address?"]);
    let hers = json!({ "userId": eve.id, "email": eve.email, "reason": "She asked" });
    assert_eq!(noor.does("emailRestore", hers, "user { id }").await.faults(), ["email: UNKNOWN"]);
}
