//! Answers are of the form that the specification gives them, so that typed clients find what they were promised.

use serde_json::{Value, json};
use tests::{TestApp, Visitor};

async fn data(who: &Visitor<'_>, query: &str) -> Value {
    let mut body = who.asks(query, json!({ "yes": true })).await.body;
    body["data"].take()
}

#[tokio::test]
async fn what_failed_is_null_and_takes_along_only_what_can_not_be_without_it() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let lin = lin.visitor().await;
    let failed = "{ a: auditLog { nodes { id } } skills(first: 0) { nodes { id } } b: auditLog { nodes { id } } }";
    assert_eq!(data(&lin, failed).await, json!({ "a": null, "skills": { "nodes": [] }, "b": null }));
    assert_eq!(data(&lin, "{ auditLog { nodes { id } } }").await, json!({ "auditLog": null }));
    // A list of contracts can't be null, so the viewer is.
    assert_eq!(
        data(&lin, "{ viewer { email contracts(first: -5) { nodes { id } } } }").await,
        json!({ "viewer": null })
    );
    assert_eq!(data(&lin, "{ viewer { contracts(first: -5) { nodes { id } } } }").await, json!({ "viewer": null }));
    // Nor the answer to a mutation that asks for it.
    let deep = "mutation { userUpdate(input: {}) { viewer { user { reviews(first: -1) { nodes { id } } } } errors { code } } }";
    assert_eq!(data(&lin, deep).await, json!({ "userUpdate": { "viewer": null, "errors": [] } }));
}

#[tokio::test]
async fn an_object_of_which_nothing_was_selected_is_there() {
    let app = TestApp::new().await;
    let (ada, nobody) = (app.person("ada").await, app.visitor());
    let id = &ada.id;
    let rows = [
        ("mutation { signOut(input: {}) { errors { ... on WrongStateError { state } } } }".to_owned(),
            json!({ "signOut": { "errors": [{}] } })),
        ("mutation { signOut(input: {}) { errors { ...E } } } fragment E on UserError { ... on NotFoundError { code } ... on UnauthenticatedError { code } }".to_owned(),
            json!({ "signOut": { "errors": [{ "code": "UNAUTHENTICATED" }] } })),
        (format!("{{ node(id: \"{id}\") {{ ... on Gig {{ id }} }} }}"), json!({ "node": {} })),
        (format!("{{ node(id: \"{id}\") {{ ... on User {{ id }} ... on Gig {{ title }} }} }}"), json!({ "node": { "id": id } })),
        (format!("{{ node(id: \"{id}\") {{ ... on Node {{ id }} }} }}"), json!({ "node": { "id": id } })),
        ("{ skills(first: 1) @skip(if: true) { nodes { id } } }".to_owned(), json!({})),
        ("{ node(id: \"usr_00000000000000000000000000\") { ... on Gig { id } } }".to_owned(), json!({ "node": null })),
        ("query($yes: Boolean!) { skills(first: 1) { pageInfo { hasNextPage @skip(if: $yes) } } }".to_owned(),
            json!({ "skills": { "pageInfo": {} } })),
        ("query($yes: Boolean = true) { skills(first: 1) { nodes @include(if: $yes) { name @skip(if: true) } } }".to_owned(),
            json!({ "skills": { "nodes": [{}] } })),
    ];
    for (query, expected) in rows {
        let who = if query.contains("signOut") { nobody.clone() } else { ada.visitor().await };
        assert_eq!(data(&who, &query).await, expected, "{query}");
    }
    // What it costs to know is not the client's matter, nor is how we know.
    let plain = nobody.asks("{ node(id: \"usr_00000000000000000000000000\") { ... on Gig { id } } }", json!({})).await;
    assert_eq!(plain.body["extensions"]["cost"]["requested"], 2);
}
