//! People, as they see themselves and as others see them.

use serde_json::{Value, json};
use tests::TestApp;

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
