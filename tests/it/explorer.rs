//! The explorer page's examples, run by those whom they are for, on a marketplace where everything
//! has happened.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tests::{TestApp, Visitor};

pub async fn examples(app: &TestApp) -> Vec<String> {
    let request = Request::get("/explorer/examples.json").body(Body::empty()).unwrap();
    let body = to_bytes(app.send(request).await.into_body(), 1 << 20).await.unwrap();
    let tabs: Vec<Value> = serde_json::from_slice(&body).unwrap();
    tabs.iter().map(|tab| tab["query"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The example with the ids of things that exist, by the prefixes of its own.
pub fn filled(example: &str, ids: &BTreeMap<String, String>) -> String {
    ids.values().fold(example.to_owned(), |text, id| {
        let prefix = id.split('_').next().unwrap_or_default();
        text.replace(&format!("{prefix}_00000000000000000000000000"), id)
    })
}

/// The codes of what went wrong, from wherever they stand.
async fn codes(who: &Visitor<'_>, example: &str) -> Vec<String> {
    let body = who.asks(example, json!({})).await.body;
    let top = body["errors"].as_array().cloned().unwrap_or_default();
    let inner = body["data"].as_object().into_iter().flat_map(|data| data.values());
    let inner = inner.flat_map(|payload| payload["errors"].as_array().cloned().unwrap_or_default());
    let code = |error: &Value| {
        let code = error["code"].as_str().or(error["extensions"]["code"].as_str());
        code.unwrap_or("NO CODE").to_owned()
    };
    // A field at fault is a fault of the example.
    let inner = inner.map(|error| if error["path"].is_null() { code(&error) } else { "BAD_USER_INPUT".to_owned() });
    top.iter().map(code).chain(inner).collect()
}

#[tokio::test]
async fn each_example_of_the_explorer_page_runs_for_one_of_the_two_people() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let examples = examples(&app).await;
    let mut tried = 0;
    for example in examples.iter().filter(|example| !example.contains("\nsubscription ")) {
        let example = filled(example, world.ids());
        let mut answers = Vec::new();
        for who in [world.client(), world.freelancer()] {
            answers.push(codes(&who, &example).await);
        }
        // What has happened can't happen again; but that is said by its state or its rule, of things that are there.
        let fine = |codes: &Vec<String>| {
            let wrong = ["NOT_FOUND", "NOT_ALLOWED", "INTERNAL", "NO CODE", "BAD_USER_INPUT", "UNAUTHENTICATED"];
            !codes.iter().any(|code| wrong.contains(&code.as_str()) || code.starts_with("GRAPHQL_"))
        };
        assert!(answers.iter().any(fine), "{answers:?}: {example}");
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} examples were found");
}

#[tokio::test]
async fn the_examples_tell_the_whole_journey() {
    let app = TestApp::new().await;
    let all = examples(&app).await.join("\n");
    for step in [
        "signUp(",
        "sandboxEmailVerify(",
        "signIn(",
        "organizationCreate(",
        "gigCreate(",
        "gigPublish(",
        "profileUpdate(",
        "gigs(",
        "recommendedGigs(",
        "matches(",
        "invitationSend(",
        "messageSend(",
        "conversations(",
        "proposalSubmit(",
        "proposals(",
        "feePreview(",
        "offerCreate(",
        "milestoneFund(",
        "offerAccept(",
        "contractEvents(",
        "notificationReceived",
        "milestoneSubmit(",
        "milestoneApprove(",
        "payoutMethodAdd(",
        "payoutRequest(",
        "statement(",
        "contractEnd(",
        "reviewSubmit(",
    ] {
        assert!(all.contains(step), "no example of {step}");
    }
}
