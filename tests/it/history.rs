//! What happens on a contract: read afterwards, and followed as it happens.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tests::{Deal, Heard, Person, Socket, TestApp, Wire};

const FOLLOW: &str =
    "subscription($contract: ID!, $after: String) { contractEvents(contractId: $contract, after: $after) {
    kind cursor sentence subject { __typename ... on Milestone { status } ... on Contract { standing: status } } } }";

/// The kinds of what happened so far, as somebody reads them.
async fn history(person: &Person<'_>, contract: &str) -> Vec<String> {
    let query = "query($id: ID!) { contract(id: $id) { events(first: 100) { nodes { kind sentence } } } }";
    let reply = person.asks(query, json!({ "id": contract })).await;
    let nodes = reply.data()["contract"]["events"]["nodes"].as_array().cloned().unwrap_or_default();
    for node in &nodes {
        let said = node["sentence"].as_str().unwrap_or_default();
        assert!(said.ends_with('.') && !said.contains("Something happened"), "each says what it was: {node}");
    }
    nodes.iter().map(|node| node["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The cursor of the newest event that somebody may see.
async fn newest(person: &Person<'_>, contract: &str) -> String {
    let query = "query($id: ID!) { contract(id: $id) { events(last: 1) { edges { cursor } } } }";
    let reply = person.asks(query, json!({ "id": contract })).await;
    reply.data()["contract"]["events"]["edges"][0]["cursor"].as_str().expect("something happened").to_owned()
}

/// Somebody follows a contract, after a cursor or else after what they have seen so far.
async fn follows(wire: &Wire, person: &Person<'_>, contract: &str, after: Option<&str>) -> Socket {
    let after = match after {
        Some(after) => after.to_owned(),
        None => newest(person, contract).await,
    };
    let mut socket = wire.socket(&person.visitor().await).await;
    socket.subscribe("it", FOLLOW, json!({ "contract": contract, "after": after })).await;
    socket
}

/// The kind of the next event, and its cursor.
async fn next(socket: &mut Socket) -> (String, String) {
    let event = socket.data().await["contractEvents"].clone();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    (text("kind"), text("cursor"))
}

async fn pauses_and_resumes(deal: &Deal<'_>) {
    let contract = json!({ "contractId": deal.contract });
    deal.client.does("contractPause", contract.clone(), "contract { status }").await.ok();
    deal.freelancer.does("contractResume", contract, "contract { status }").await.ok();
}

async fn member_of<'a>(deal: &Deal<'a>, name: &str) -> Person<'a> {
    let person = deal.client.app.person(name).await;
    let input = json!({ "organizationId": deal.client.organization, "email": person.email, "role": "VIEWER" });
    deal.client.does("memberInvite", input, "invitation { id }").await.ok();
    person.app.settles().await;
    let letters = person.app.market.mail().letters_to(&person.email);
    let token = letters.last().unwrap().text.lines().find(|line| line.starts_with("min_")).unwrap().to_owned();
    person.does("memberInvitationAccept", json!({ "token": token }), "organization { id }").await.ok();
    person
}

#[tokio::test]
async fn each_side_reads_what_is_its_business() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let told =
        ["MILESTONE_AGREED", "MILESTONE_FUNDING_STARTED", "MILESTONE_FUNDED", "OFFER_ACCEPTED", "MILESTONE_SUBMITTED"];
    assert_eq!(history(&deal.client, &deal.contract).await, told);
    let told = ["MILESTONE_AGREED", "MILESTONE_FUNDED", "OFFER_ACCEPTED", "MILESTONE_SUBMITTED"];
    assert_eq!(history(&deal.freelancer, &deal.contract).await, told, "how the client pays is not told");

    let query = "query($id: ID!) { contract(id: $id) { events(first: 2) { nodes { id } } } }";
    let started = deal.client.asks(query, json!({ "id": deal.contract })).await;
    let id = started.data()["contract"]["events"]["nodes"][1]["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { ... on ContractEvent { kind subject { id } contract { id } } } }";
    let seen = deal.client.asks(node, json!({ "id": id })).await;
    let whole = json!({ "kind": "MILESTONE_FUNDING_STARTED", "subject": { "id": deal.milestone }, "contract": { "id": deal.contract } });
    assert_eq!(seen.data()["node"], whole);
    let stranger = app.client("eve").await;
    for other in [&deal.freelancer, &stranger] {
        assert_eq!(other.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    }
}

#[tokio::test]
async fn both_sides_hear_what_happens_and_how_things_are_then() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut clara = follows(&wire, &deal.client, &deal.contract, None).await;
    let mut faisal = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    let input = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    deal.freelancer.does("milestoneSubmit", input, "milestone { status }").await.ok();
    for socket in [&mut clara, &mut faisal] {
        let event = socket.data().await["contractEvents"].clone();
        assert_eq!(event["kind"], "MILESTONE_SUBMITTED");
        assert_eq!(event["subject"], json!({ "__typename": "Milestone", "status": "SUBMITTED" }));
    }
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    for socket in [&mut clara, &mut faisal] {
        assert_eq!(next(socket).await.0, "MILESTONE_APPROVED");
    }
}

#[tokio::test]
async fn a_failed_payment_is_heard_by_the_client_alone() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let propose = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "50.00" } });
    let more = deal.client.does("milestonePropose", propose, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": more }), "milestone { status }").await.ok();
    let mut clara = follows(&wire, &deal.client, &deal.contract, None).await;
    let mut faisal = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    deal.fund(&more, "pm_sandbox_declined").await;
    pauses_and_resumes(&deal).await;
    for kind in ["MILESTONE_FUNDING_STARTED", "MILESTONE_FUNDING_FAILED", "CONTRACT_PAUSED", "CONTRACT_RESUMED"] {
        assert_eq!(next(&mut clara).await.0, kind);
    }
    for kind in ["CONTRACT_PAUSED", "CONTRACT_RESUMED"] {
        assert_eq!(next(&mut faisal).await.0, kind);
    }
}

#[tokio::test]
async fn strangers_and_visitors_follow_nothing_and_learn_nothing() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let eve = app.client("eve").await;
    let nothing = "con_00000000000000000000000007";
    for (who, contract, code) in [
        (eve.visitor().await, deal.contract.as_str(), "NOT_FOUND"),
        (eve.visitor().await, nothing, "NOT_FOUND"),
        (eve.visitor().await, deal.milestone.as_str(), "NOT_FOUND"),
        (app.visitor(), deal.contract.as_str(), "UNAUTHENTICATED"),
        (app.visitor(), nothing, "UNAUTHENTICATED"),
    ] {
        let mut socket = wire.socket(&who).await;
        socket.subscribe("it", FOLLOW, json!({ "contract": contract })).await;
        assert_eq!(socket.hears().await, Heard::Failed(vec![code.to_owned()]), "{contract}");
    }
    let mut socket = wire.socket(&deal.client.visitor().await).await;
    for after in ["nonsense", "", "WyJub3RpZmljYXRpb25zX3RvbGQiLFt7ImludCI6MX1dXQ"] {
        socket.subscribe("it", FOLLOW, json!({ "contract": deal.contract, "after": after })).await;
        assert_eq!(socket.hears().await, Heard::Failed(vec!["BAD_USER_INPUT".to_owned()]), "{after}");
        assert_eq!(socket.hears().await, Heard::Complete);
    }
}

#[tokio::test]
async fn whoever_was_cut_off_is_told_what_they_missed_once_and_in_order() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    pauses_and_resumes(&deal).await;
    assert_eq!(next(&mut socket).await.0, "CONTRACT_PAUSED");
    let (kind, cursor) = next(&mut socket).await;
    assert_eq!(kind, "CONTRACT_RESUMED");
    drop(socket);
    pauses_and_resumes(&deal).await;
    let input = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    deal.freelancer.does("milestoneSubmit", input, "milestone { status }").await.ok();

    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, Some(&cursor)).await;
    for kind in ["CONTRACT_PAUSED", "CONTRACT_RESUMED", "MILESTONE_SUBMITTED"] {
        assert_eq!(next(&mut socket).await.0, kind);
    }
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    assert_eq!(next(&mut socket).await.0, "MILESTONE_APPROVED", "and goes on from there");
}

#[tokio::test]
async fn without_a_cursor_one_is_told_from_now_on() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = wire.socket(&deal.freelancer.visitor().await).await;
    socket.subscribe("it", FOLLOW, json!({ "contract": deal.contract })).await;
    // A subscription is not acknowledged, so things happen until one of them is heard.
    let first = loop {
        pauses_and_resumes(&deal).await;
        if let Ok((kind, _)) = tokio::time::timeout(std::time::Duration::from_secs(1), next(&mut socket)).await {
            break kind;
        }
    };
    assert!(["CONTRACT_PAUSED", "CONTRACT_RESUMED"].contains(&first.as_str()), "{first} was long ago");
}

#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    // More at once than the bus remembers, as after an import.
    let contract: domain::id::ContractId = deal.contract.parse().unwrap();
    let many = "insert into events (id, name, body, trace, occurred_at, due_at, done_at, contract_id, for_client, for_freelancer)
        select gen_random_uuid(), 'contract_paused', jsonb_build_object('type', 'contract_paused', 'contract', $1::text),
            n::text, now(), now(), now(), $2, true, true from generate_series(1, 1500) n";
    let uuid = domain::id::Id::uuid(contract);
    sqlx::query(many).bind(&deal.contract).bind(uuid).execute(app.pool()).await.unwrap();
    let mut cursors = std::collections::BTreeSet::new();
    for _ in 0..1500 {
        assert!(cursors.insert(next(&mut socket).await.1), "told twice");
    }
    pauses_and_resumes(&deal).await;
    assert!(cursors.insert(next(&mut socket).await.1), "told twice");
    assert_eq!(next(&mut socket).await.0, "CONTRACT_RESUMED");
}

#[tokio::test]
async fn what_a_newer_server_wrote_down_spoils_no_history_of_an_older_one() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    pauses_and_resumes(&deal).await;
    for kind in ["CONTRACT_PAUSED", "CONTRACT_RESUMED"] {
        assert_eq!(next(&mut socket).await.0, kind);
    }
    let contract: domain::id::ContractId = deal.contract.parse().unwrap();
    let newer = "with newer as (
            insert into events
                (id, name, body, trace, occurred_at, due_at, done_at, contract_id, for_client, for_freelancer)
            values (gen_random_uuid(), 'contract_painted_blue',
                jsonb_build_object('type', 'contract_painted_blue', 'contract', $1::text, 'shade', 'navy'),
                '', now(), now(), now(), $2, true, true) returning id)
        select pg_notify('rabta_events', id::text) from newer";
    let uuid = domain::id::Id::uuid(contract);
    sqlx::query(newer).bind(&deal.contract).bind(uuid).execute(app.pool()).await.unwrap();
    let soon = tokio::time::timeout(std::time::Duration::from_secs(8), next(&mut socket)).await;
    let (kind, cursor) = soon.expect("it is told, and as soon as others");
    assert_eq!(kind, "SOMETHING_ELSE");
    pauses_and_resumes(&deal).await;
    for kind in ["CONTRACT_PAUSED", "CONTRACT_RESUMED"] {
        assert_eq!(next(&mut socket).await.0, kind, "and what comes after it");
    }

    let fields = "id kind sentence subject { __typename } contract { id }";
    let edges = format!("edges {{ cursor node {{ {fields} }} }}");
    let query = format!("query($id: ID!) {{ contract(id: $id) {{ events(last: 3) {{ {edges} }} }} }}");
    let page = deal.client.asks(&query, json!({ "id": deal.contract })).await;
    let newer = page.data()["contract"]["events"]["edges"][0].clone();
    let id = newer["node"]["id"].clone();
    let told = json!({ "id": id, "kind": "SOMETHING_ELSE", "sentence": "Something happened that concerns you.",
        "subject": null, "contract": { "id": deal.contract } });
    assert_eq!(newer, json!({ "cursor": cursor, "node": told }));
    let node = format!("query($id: ID!) {{ node(id: $id) {{ ... on ContractEvent {{ {fields} }} }} }}");
    assert_eq!(deal.freelancer.asks(&node, json!({ "id": id })).await.data()["node"], told);
    let stranger = app.client("eve").await;
    assert_eq!(stranger.asks(&node, json!({ "id": id })).await.data()["node"], Value::Null);
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_hears_no_more() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    deal.freelancer.does("signOut", json!({}), "session { id }").await.ok();
    let contract = json!({ "contractId": deal.contract });
    deal.client.does("contractPause", contract, "contract { status }").await.ok();
    socket.is_turned_away().await;
}

#[tokio::test]
async fn whoever_leaves_the_company_hears_no_more() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let bo = member_of(&deal, "bo").await;
    let mut socket = follows(&wire, &bo, &deal.contract, None).await;
    pauses_and_resumes(&deal).await;
    assert_eq!(next(&mut socket).await.0, "CONTRACT_PAUSED");
    assert_eq!(next(&mut socket).await.0, "CONTRACT_RESUMED");

    let query = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id user { id } } } } } }";
    let members = deal.client.asks(query, json!({ "id": deal.client.organization })).await;
    let nodes = members.data()["node"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let member = nodes.iter().find(|member| member["user"]["id"] == json!(bo.id)).unwrap()["id"].clone();
    deal.client.does("memberRemove", json!({ "memberId": member }), "member { id }").await.ok();
    pauses_and_resumes(&deal).await;
    assert_eq!(socket.hears().await, Heard::Failed(vec!["NOT_FOUND".to_owned()]));
    assert_eq!(socket.hears().await, Heard::Complete);
    socket.is_at_ease().await;
    socket.subscribe("it", FOLLOW, json!({ "contract": deal.contract })).await;
    assert_eq!(socket.hears().await, Heard::Failed(vec!["NOT_FOUND".to_owned()]), "on the same socket, too");
}

#[tokio::test]
async fn whoever_is_suspended_hears_no_more() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    let mut socket = follows(&wire, &deal.freelancer, &deal.contract, None).await;
    let user: domain::id::UserId = deal.freelancer.id.parse().unwrap();
    let suspend = sqlx::query("update users set suspended_at = now() where id = $1").bind(domain::id::Id::uuid(user));
    suspend.execute(app.pool()).await.unwrap();
    let contract = json!({ "contractId": deal.contract });
    deal.client.does("contractPause", contract, "contract { status }").await.ok();
    assert_eq!(socket.hears().await, Heard::Failed(vec!["SUSPENDED".to_owned()]));
}

#[tokio::test]
async fn events_come_as_server_sent_events_too() {
    let app = TestApp::new().await;
    let (_wire, deal) = (app.wire().await, app.contracted().await);
    let mut lines = stream(&deal.freelancer, &deal.contract).await;
    pauses_and_resumes(&deal).await;
    for kind in ["CONTRACT_PAUSED", "CONTRACT_RESUMED"] {
        let event = read(&mut lines).await;
        assert!(event.starts_with("event: next\n") && event.contains(&format!("\"kind\":\"{kind}\"")), "{event}");
    }
    deal.freelancer.does("signOut", json!({}), "session { id }").await.ok();
    let last = read(&mut lines).await;
    // The stream and the events on it look by themselves who is there; either may be first.
    let over = ["UNAUTHENTICATED", "SESSION_ENDED"].iter().any(|code| last.contains(code));
    assert!(over && !last.contains("\"kind\""), "{last}");
}

async fn stream(person: &Person<'_>, contract: &str) -> BodyDataStream {
    let visitor = person.visitor().await;
    let variables = json!({ "contract": contract, "after": newest(person, contract).await });
    let body = json!({ "query": FOLLOW, "variables": variables }).to_string();
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .header("authorization", format!("Bearer {}", visitor.token.unwrap()));
    let response = person.app.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    response.into_body().into_data_stream()
}

async fn read(lines: &mut BodyDataStream) -> String {
    String::from_utf8(lines.next().await.unwrap().unwrap().to_vec()).unwrap()
}
