//! What strangers can have sent to a mailbox.

use chrono::TimeDelta;
use serde_json::json;
use tests::{Person, TestApp};

use super::{letters, mailed_code};

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
