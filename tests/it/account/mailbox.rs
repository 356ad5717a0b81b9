//! What strangers can have sent to a mailbox.

use chrono::TimeDelta;
use serde_json::json;
use tests::{PASSWORD, Person, TestApp};

use super::{OTHER, asks_reset, letters, mailed_code, resets, sends_from, sign_in};

#[tokio::test]
async fn a_mailbox_gets_five_letters_an_hour_whoever_wants_it_for_their_account() {
    let app = TestApp::new().await;
    let wants = async |who: &Person<'_>, email: &str| {
        who.does("emailChangeRequest", json!({ "email": email }), "expiresAt").await.ok().clone()
    };
    let mut people = Vec::new();
    for name in ["ada", "bo", "cy", "dee", "eve", "fay"] {
        people.push(app.person(name).await);
    }
    let mut answers = Vec::new();
    for person in &people {
        answers.push(wants(person, "Victim@example.com").await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody is told: {answers:?}");
    app.settles().await;
    assert_eq!(letters(&app, "victim@example.com"), ["Your new address at Rabta"; 5]);
    wants(&people[0], "other@example.com").await;
    app.settles().await;
    assert_eq!(letters(&app, "other@example.com").len(), 1, "another mailbox");

    app.passes(TimeDelta::hours(1)).await;
    let greta = app.person("greta").await;
    wants(&greta, "victim@example.com").await;
    app.settles().await;
    assert_eq!(letters(&app, "victim@example.com").len(), 6);
    let code = mailed_code(&app, "victim@example.com").await;
    greta.does("emailChange", json!({ "code": code }), "viewer { email }").await.ok();
}

#[tokio::test]
async fn strangers_who_use_up_a_mailboxs_letters_leave_its_owner_one_that_works() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let asks = async |address: &str| {
        let body = json!({
            "query": "mutation($i: PasswordResetRequestInput!) { passwordResetRequest(input: $i) { errors { code message } } }",
            "variables": { "i": { "email": ada.email } }
        });
        sends_from(&app, address, body).await["data"]["passwordResetRequest"]["errors"].clone()
    };
    let use_up = async |network: u8| {
        for nth in 1..=5 {
            assert_eq!(asks(&format!("198.51.{network}.{nth}")).await, json!([]));
        }
        mailed_code(&app, &ada.email).await
    };
    // As long as she is sent none, the newest that somebody else asked for works, and she is told to use it.
    let code = use_up(100).await;
    app.market.clock().advance(TimeDelta::minutes(29));
    let refused = asks("203.0.113.7").await;
    assert_eq!(refused[0]["code"], "TOO_MANY_ATTEMPTS");
    assert!(refused[0]["message"].as_str().unwrap().contains("the code of the newest works"), "{refused}");
    resets(&app, &code, OTHER).await.ok();
    // With it the others are over, and she may have another.
    assert_eq!(asks("203.0.113.7").await, json!([]));
    app.passes(TimeDelta::hours(1)).await;

    // Once none works any more, she is sent one.
    let code = use_up(101).await;
    app.market.clock().advance(TimeDelta::minutes(30));
    assert_eq!(resets(&app, &code, OTHER).await.refused(), ["CODE_INVALID"]);
    assert_eq!(asks("203.0.113.7").await, json!([]));
    let code = mailed_code(&app, &ada.email).await;
    resets(&app, &code, OTHER).await.ok();
}

/// Somebody signed up with a stranger's address, and asks for letters without end.
#[tokio::test]
async fn a_mailbox_gets_fifteen_letters_a_day_from_whoever_signed_up_with_its_address() {
    let app = TestApp::new().await;
    let eve = app.newcomer("victim").await;
    let asks = async || eve.does_once("emailVerifyRequest", json!({}), "viewer { email }").await;
    let mut sent = 1;
    for hour in 0..5 {
        while asks().await.faults().is_empty() {
            sent += 1;
        }
        assert_eq!(asks().await.refused(), ["TOO_MANY_ATTEMPTS"], "hour {hour}");
        app.passes(TimeDelta::hours(1)).await;
    }
    assert_eq!(sent, 15);
    assert_eq!(letters(&app, &eve.email).len(), 15);
    app.passes(TimeDelta::hours(20)).await;
    asks().await.ok();
}

/// An account costs nothing, and can be left again.
#[tokio::test]
async fn a_mailbox_gets_fifteen_letters_a_day_however_often_somebody_signs_up_with_its_address() {
    let app = TestApp::new().await;
    for _ in 0..17 {
        let eve = app.newcomer("victim").await;
        app.settles().await;
        eve.does_once("accountErase", json!({ "confirmEmail": eve.email }), "erasedAt").await.ok();
    }
    let eve = app.newcomer("victim").await;
    app.settles().await;
    assert_eq!(letters(&app, &eve.email).len(), 15);
    let asked = eve.does_once("emailVerifyRequest", json!({}), "viewer { email }").await;
    assert_eq!(asked.refused(), ["TOO_MANY_ATTEMPTS"]);
    // Whose mailbox it is gets in all the same.
    asks_reset(&app, &eve.email).await.ok();
    resets(&app, &mailed_code(&app, &eve.email).await, OTHER).await.ok();
    sign_in(&app, &eve.email, OTHER).await.ok();
}

#[tokio::test]
async fn a_mailbox_that_nobody_has_shown_to_read_is_not_told_of_another_password_without_end() {
    let app = TestApp::new().await;
    let eve = app.newcomer("victim").await;
    let mut passwords = [PASSWORD, OTHER];
    for _ in 0..20 {
        let change = json!({ "currentPassword": passwords[0], "newPassword": passwords[1] });
        eve.does_once("passwordChange", change, "viewer { email }").await.ok();
        passwords.swap(0, 1);
    }
    app.settles().await;
    assert_eq!(letters(&app, &eve.email).len(), 15, "with the one of signing up");
}

/// Half a town is behind one address of its mobile network.
#[tokio::test]
async fn guesses_of_somebody_behind_the_same_address_keep_nobody_out_who_reads_the_mail() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let from = async |address: &str, password: &str| {
        let body = json!({
            "query": "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }",
            "variables": { "i": { "email": ada.email, "password": password } }
        });
        sends_from(&app, address, body).await["data"]["signIn"]["errors"].clone()
    };
    for _ in 0..10 {
        from("203.0.113.7", "not it at all").await;
    }
    let too_many = json!([{ "code": "TOO_MANY_ATTEMPTS" }]);
    assert_eq!(from("203.0.113.7", PASSWORD).await, too_many);
    asks_reset(&app, &ada.email).await.ok();
    let body = json!({
        "query": "mutation($i: PasswordResetInput!) { passwordReset(input: $i) { errors { code } } }",
        "variables": { "i": { "code": mailed_code(&app, &ada.email).await, "newPassword": OTHER } }
    });
    assert_eq!(sends_from(&app, "203.0.113.7", body).await["data"]["passwordReset"]["errors"], json!([]));
    assert_eq!(from("203.0.113.7", OTHER).await, json!([]));
}
