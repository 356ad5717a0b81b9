//! Clients' gigs, as those who post and those who look for them meet them.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn gig_create_asks_a_visitor_to_sign_in() {
    let app = TestApp::new().await;
    let budget = json!({ "low": { "amount": "100" }, "high": { "amount": "200" } });
    let input = json!({ "clientId": "org_nobody", "title": "A gig of some kind", "kind": "FIXED", "budget": budget });
    let reply = app.visitor().does("gigCreate", input, "gig { id }").await;
    assert_eq!(reply.refused(), ["UNAUTHENTICATED"]);
}
