//! What people are told of.

use serde_json::{Value, json};
use tests::{Person, TestApp};

const TOLD: &str =
    "{ viewer { unreadNotificationCount notifications { edges { node { id kind contractId readAt } } } } }";

/// A contract between two people, and word that it ended. It is written straight into the
/// database, for what is told here does not depend on how it came about.
async fn a_contract_ends(app: &TestApp, client: &Person<'_>, freelancer: &Person<'_>) {
    use domain::id::{ContractId, Id, OrganizationId, UserId};
    let contract = ContractId::from_uuid("019a0000-0000-7000-8000-000000000001".parse().unwrap());
    let organization: OrganizationId = client.organization.parse().unwrap();
    let user: UserId = freelancer.id.parse().unwrap();
    let mut connection = app.pool().acquire().await.unwrap();
    for sql in [
        "set session_replication_role = replica".to_owned(),
        format!(
            "insert into contracts (id, offer_id, organization_id, freelancer_id, title, engagement, policy, terms, version, status, state, created_at)
             values ('{0}', '{0}', '{1}', '{2}', 'A shop', '{{}}', 1, '{{}}', 1, 'ended', '{{\"status\": \"ended\"}}', now())",
            contract.uuid(), organization.uuid(), user.uuid()
        ),
        "set session_replication_role = origin".to_owned(),
        format!(
            "insert into events (id, name, body, trace, occurred_at, due_at)
             values ('{}', 'contract_ended', '{}', 'test', '2026-06-01T08:00:00Z', '2026-06-01T08:00:00Z')",
            contract.uuid(),
            json!({ "type": "contract_ended", "contract": contract, "reviews_close_at": "2026-06-15T08:00:00Z" })
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn both_sides_are_told_once_that_a_contract_ended_and_nobody_else() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    a_contract_ends(&app, &ada, &lin).await;
    app.settles().await;
    let again = sqlx::query("update events set done_at = null, due_at = occurred_at where name = 'contract_ended'");
    again.execute(app.pool()).await.unwrap();
    app.settles().await;

    for person in [&ada, &lin] {
        let told = person.asks(TOLD, json!({})).await;
        let viewer = &told.data()["viewer"];
        assert_eq!(viewer["unreadNotificationCount"], 1);
        assert_eq!(viewer["notifications"]["edges"].as_array().map(Vec::len), Some(1));
        assert_eq!(viewer["notifications"]["edges"][0]["node"]["kind"], "contract_ended");
    }
    let nothing = eve.asks(TOLD, json!({})).await;
    assert_eq!(nothing.data()["viewer"], json!({ "unreadNotificationCount": 0, "notifications": { "edges": [] } }));

    let id = lin.asks(TOLD, json!({})).await.data()["viewer"]["notifications"]["edges"][0]["node"]["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(eve.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    let read = json!({ "ids": [id] });
    assert_eq!(eve.does("notificationsRead", read.clone(), "readCount").await.ok()["readCount"], 0, "not hers");
    assert_eq!(lin.does("notificationsRead", read.clone(), "readCount").await.ok()["readCount"], 1);
    assert_eq!(lin.does("notificationsRead", read, "readCount").await.ok()["readCount"], 0, "a repeat");
    assert_eq!(ada.does("notificationsRead", json!({}), "readCount").await.ok()["readCount"], 1);
    assert_eq!(ada.asks(TOLD, json!({})).await.data()["viewer"]["unreadNotificationCount"], 0);
}
