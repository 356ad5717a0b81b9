//! Client companies, as their members meet them.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn organization_create_asks_a_visitor_to_sign_in() {
    let app = TestApp::new().await;
    let reply = app.visitor().does("organizationCreate", json!({ "name": "Acme" }), "organization { id }").await;
    assert_eq!(reply.refused(), ["UNAUTHENTICATED"]);
}
