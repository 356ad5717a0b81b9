//! Every mutation of the schema is tried by somebody who may not: a visitor, and a stranger with the
//! ids of other people's things. A mutation added tomorrow is tried tomorrow, with nothing to be
//! added here unless everybody may use it.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::TestApp;
use tests::fingerprint::fingerprint;
use tests::introspect::Inputs;

/// What a visitor may do: get in.
const FOR_VISITORS: &[&str] =
    &["signUp", "signIn", "sessionRefresh", "passwordResetRequest", "passwordReset", "passkeyBegin", "passkeySignIn"];

/// What any signed-in person may do for themselves: there is nobody else's thing in it.
const FOR_ONESELF: &[&str] = &[
    "organizationCreate",
    "profileUpdate",
    "portfolioItemAdd",
    "userUpdate",
    "signOut",
    "sessionRevokeAll",
    "sandboxTimePass",
    "sandboxEmailVerify",
    "passwordChange",
    "reauthenticate",
    "emailVerify",
    "emailVerifyRequest",
    "emailChangeRequest",
    "emailChange",
    "secondFactorEnroll",
    "secondFactorConfirm",
    "secondFactorRemove",
    "recoveryCodesRenew",
    "passkeyAdd",
    "passkeyProve",
    "accountExport",
    "accountErase",
    "notificationsRead",
    "savedSearchCreate",
    "clientBlock",
    "clientUnblock",
    "payoutMethodAdd",
    "payeeUpdate",
    "portfolioItemAdd",
    // Anybody may bid on a public gig.
    "proposalSubmit",
    "proposalDraftSave",
];

/// The answers to somebody who may not: there is nothing to learn from them.
const REFUSALS: &[&str] = &["NOT_FOUND", "NOT_ALLOWED"];

#[tokio::test]
async fn every_mutation_refuses_a_visitor_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let inputs = Inputs::read().await;
    let before = fingerprint(app.pool()).await;
    let mut wrong = BTreeMap::new();
    for mutation in inputs.mutations.iter().filter(|mutation| !FOR_VISITORS.contains(&mutation.name.as_str())) {
        for full in [false, true] {
            let input = inputs.sample(mutation, world.ids(), full);
            let reply = app.visitor().does(&mutation.name, input, "").await;
            let codes = codes(&reply.body, &mutation.name);
            if codes != ["UNAUTHENTICATED"] {
                wrong.insert(mutation.name.clone(), reply.body);
            }
        }
    }
    assert!(wrong.is_empty(), "not refused to a visitor: {wrong:#?}");
    assert_eq!(fingerprint(app.pool()).await, before, "a refusal wrote something");
}

#[tokio::test]
async fn every_mutation_hides_other_peoples_things_from_a_stranger_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let stranger = app.person("stranger").await;
    let inputs = Inputs::read().await;
    let before = fingerprint(app.pool()).await;
    let mut wrong = BTreeMap::new();
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        if FOR_VISITORS.contains(&name) || FOR_ONESELF.contains(&name) {
            continue;
        }
        // Where one names a thing in one way or another, all of them are named.
        let full = name == "offerCreate";
        let reply = stranger.does(name, inputs.sample(mutation, world.ids(), full), "").await;
        let codes = codes(&reply.body, name);
        if codes.len() != 1 || !REFUSALS.contains(&codes[0].as_str()) {
            wrong.insert(name.to_owned(), reply.body);
        }
    }
    assert!(wrong.is_empty(), "not refused to a stranger: {wrong:#?}");
    assert_eq!(fingerprint(app.pool()).await, before, "a refusal wrote something");
}

#[tokio::test]
async fn a_stranger_sees_nothing_private_by_its_id() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let stranger = app.person("stranger").await;
    let public = ["gig", "skill", "user", "organization", "profile", "review", "freelancer", "portfolioItem"];
    for (name, id) in world.ids() {
        let reply =
            stranger.asks("query($id: ID!) { node(id: $id) { __typename id } }", serde_json::json!({ "id": id })).await;
        let found = !reply.data()["node"].is_null();
        assert!(!found || public.contains(&name.as_str()), "a stranger sees the {name}");
    }
}

fn codes(body: &Value, mutation: &str) -> Vec<String> {
    let errors = body["data"][mutation]["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
}
