//! Clients' gigs, as those who post and those who look for them meet them.

use domain::matching::taxonomy::Taxonomy;
use serde_json::{Value, json};
use tests::people::Person;
use tests::{TestApp, Visitor};

const GIG: &str = "gig { id title state version questions { id } allowed }";

fn draft(client: &Person<'_>, more: Value) -> Value {
    let rust = Taxonomy::shipped().find_slug("rust").unwrap().id;
    let mut input = json!({
        "clientId": client.organization,
        "title": "A ledger in Rust",
        "description": "Build a ledger that auditors like, with tests and a runbook.",
        "kind": "FIXED",
        "budget": { "low": { "amount": "1000" }, "high": { "amount": "2000" } },
        "requiredSkills": [rust.to_string()],
        "questions": [{ "text": "How many ledgers did you build?" }],
    });
    for (field, value) in more.as_object().unwrap() {
        input[field] = value.clone();
    }
    input
}

/// A gig of this client that takes proposals, with `more` of the input of `gigCreate`.
pub async fn open_gig(client: &Person<'_>, more: Value) -> Value {
    let id = client.does("gigCreate", draft(client, more), GIG).await.text("gig.id");
    client.does("gigPublish", json!({ "gigId": id }), GIG).await.ok()["gig"].clone()
}

#[tokio::test]
async fn gig_create_asks_a_visitor_to_sign_in() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let reply = app.visitor().does("gigCreate", draft(&ada, json!({})), GIG).await;
    assert_eq!(reply.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn gig_lives_from_draft_to_reopened() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = ada.does("gigCreate", draft(&ada, json!({})), GIG).await.ok()["gig"].clone();
    let id = json!({ "gigId": gig["id"] });
    let look = "query($gigId: ID!) { gig(id: $gigId) { state } }";

    assert_eq!(lin.asks(look, id.clone()).await.data()["gig"], Value::Null);
    assert_eq!(lin.does("gigPublish", id.clone(), GIG).await.refused(), ["NOT_FOUND"]);
    assert_eq!(ada.does("gigPublish", id.clone(), GIG).await.text("gig.state"), "OPEN");
    assert_eq!(lin.asks(look, id.clone()).await.data()["gig"]["state"], "OPEN");
    assert_eq!(lin.does("gigPause", id.clone(), GIG).await.refused(), ["NOT_ALLOWED"]);

    let stale = json!({ "gigId": gig["id"], "title": "Two ledgers in Rust", "expectedVersion": 1 });
    assert_eq!(ada.does("gigUpdate", stale, GIG).await.refused(), ["STALE_VERSION"]);
    let update = json!({ "gigId": gig["id"], "title": "Two ledgers in Rust", "expectedVersion": 2 });
    assert_eq!(ada.does("gigUpdate", update, GIG).await.text("gig.title"), "Two ledgers in Rust");

    assert_eq!(ada.does("gigPause", id.clone(), GIG).await.text("gig.state"), "PAUSED");
    assert_eq!(ada.does("gigResume", id.clone(), GIG).await.text("gig.state"), "OPEN");
    app.passes(chrono::TimeDelta::days(31)).await;
    assert_eq!(ada.asks(look, id.clone()).await.data()["gig"]["state"], "EXPIRED");
    assert_eq!(ada.does("gigCancel", id.clone(), GIG).await.refused(), ["WRONG_STATE"]);
    assert_eq!(ada.does("gigReopen", id.clone(), GIG).await.text("gig.state"), "OPEN");
    assert_eq!(ada.does("gigCancel", id, GIG).await.text("gig.state"), "CANCELLED");
}

#[tokio::test]
async fn gigs_are_found_by_what_they_say() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.client("eve").await);
    open_gig(&ada, json!({})).await;
    // Newest first: the second one is newer.
    app.market.clock().advance(chrono::TimeDelta::seconds(1));
    let hourly = json!({ "title": "Paint a mural", "kind": "HOURLY",
        "budget": { "low": { "amount": "20" }, "high": { "amount": "40" } } });
    open_gig(&eve, hourly).await;

    let titles = async |filter: Value| {
        let query = "query($filter: GigFilterInput) { gigs(filter: $filter) { edges { node { title } } } }";
        let reply = app.visitor().asks(query, json!({ "filter": filter })).await;
        let edges = reply.data()["gigs"]["edges"].as_array().unwrap().clone();
        edges.iter().map(|edge| edge["node"]["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rust = Taxonomy::shipped().find_slug("rust").unwrap().id.to_string();
    let kotlin = Taxonomy::shipped().find_slug("kotlin").unwrap().id.to_string();
    assert_eq!(titles(json!({})).await, ["Paint a mural", "A ledger in Rust"]);
    assert_eq!(titles(json!({ "text": "ledg" })).await, ["Paint a mural", "A ledger in Rust"]);
    assert_eq!(titles(json!({ "text": "mur" })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "text": "sculpture" })).await, [""; 0]);
    assert_eq!(titles(json!({ "kind": "FIXED" })).await, ["A ledger in Rust"]);
    assert_eq!(titles(json!({ "client": eve.organization })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "budgetAtLeast": { "amount": "1500" } })).await, ["A ledger in Rust"]);
    assert_eq!(titles(json!({ "budgetAtMost": { "amount": "100" } })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "skills": [rust] })).await.len(), 2);
    assert_eq!(titles(json!({ "skills": [kotlin] })).await, [""; 0]);
    assert_eq!(titles(json!({ "states": ["DRAFT"] })).await, [""; 0]);
}

async fn page(app: &TestApp, arguments: &str) -> (Vec<String>, Value) {
    let query = format!(
        "{{ gigs({arguments}) {{ edges {{ node {{ id }} }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
    );
    let visitor: Visitor<'_> = app.visitor();
    let reply = visitor.asks(&query, json!({})).await;
    let gigs = &reply.data()["gigs"];
    let ids = gigs["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned());
    (ids.collect(), gigs["pageInfo"].clone())
}

#[tokio::test]
async fn gigs_page_forward_and_back_while_others_are_posted() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let mut posted = Vec::new();
    for n in 0..250 {
        // Some share an instant, so that the id has to break the tie.
        app.market.clock().advance(chrono::TimeDelta::milliseconds(n % 3));
        posted.push(open_gig(&ada, json!({})).await["id"].as_str().unwrap().to_owned());
    }

    let (mut forward, mut info) = page(&app, "first: 30").await;
    while info["hasNextPage"] == true {
        app.market.clock().advance(chrono::TimeDelta::milliseconds(1));
        open_gig(&ada, json!({})).await;
        let (ids, next) = page(&app, &format!("first: 30, after: {}", info["endCursor"])).await;
        forward.extend(ids);
        info = next;
    }
    let mut sorted = forward.clone();
    sorted.sort();
    let mut expected = posted.clone();
    expected.sort();
    assert_eq!(sorted, expected, "each once, none lost");

    let (mut back, mut info) = page(&app, "last: 40").await;
    while info["hasPreviousPage"] == true {
        let (ids, previous) = page(&app, &format!("last: 40, before: {}", info["startCursor"])).await;
        back.splice(0..0, ids);
        info = previous;
    }
    assert!(back.ends_with(&forward), "the same order from the other end");
}
