//! Every object by its global id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::{TestApp, Visitor};

/// Objects that are looked at as a part of another, and go with it.
const PARTS: &[&str] = &["ScreeningQuestion"];

/// The object types of the schema that have an id, and whether each is a node.
async fn with_ids() -> BTreeMap<String, bool> {
    let query = "{ __schema { types { kind name interfaces { name } fields { name } } } }";
    let answer = api::schema::bare().execute(query).await.into_result().unwrap().data.into_json().unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&answer["__schema"]["types"])
        .iter()
        .filter(|ty| ty["kind"] == "OBJECT" && list(&ty["fields"]).iter().any(|field| field["name"] == "id"))
        .map(|ty| {
            let is_node = list(&ty["interfaces"]).iter().any(|interface| interface["name"] == "Node");
            (ty["name"].as_str().unwrap_or_default().to_owned(), is_node)
        })
        .collect()
}

#[tokio::test]
async fn whatever_has_an_id_is_a_node() {
    let types = with_ids().await;
    assert!(types.len() > 15, "the test reads the schema wrongly: {types:?}");
    let missing: Vec<&String> = types
        .iter()
        .filter(|(name, is_node)| !**is_node && !PARTS.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "with an id, and no nodes: {missing:?}");
}

/// The ids of everything that somebody can reach from themselves.
async fn ids(who: &Visitor<'_>, contract: &str) -> BTreeSet<String> {
    let queries = [
        "query($contract: ID!) { contract(id: $contract) { id events(first: 20) { nodes { id } } reviews { id }
            milestones(first: 5) { nodes { id submissions(first: 5) { nodes { id } } } } } }",
        "query($contract: ID!) { contract(id: $contract) { id } viewer { user { id } sessions(first: 5) { nodes { id } }
            notifications(first: 20) { nodes { id subject { id } } } payoutMethods(first: 5) { nodes { id } }
            payouts(first: 5) { nodes { id } } proposals(first: 5) { nodes { id } } invitations(first: 5) { nodes { id } }
            savedSearches(first: 5) { nodes { id } } profile { id portfolio { id } skills { skill { id } } } } }",
        "query($contract: ID!) { contract(id: $contract) { id } viewer { organizations(first: 2) { nodes { id
            gigs(first: 3) { nodes { id } } members(first: 5) { nodes { id } } invitations(first: 5) { nodes { id } } } } } }",
        "query($contract: ID!) { contract(id: $contract) { id } viewer { disputes(first: 2) { nodes { id
            evidence(first: 2) { nodes { id } } } } timesheets(first: 2) { nodes { id entries(first: 2) { nodes { id } } } } } }",
        "query($contract: ID!) { contract(id: $contract) { id } outages(first: 2) { nodes { id } }
            viewer { passkeys(first: 2) { nodes { id } } } }",
    ];
    let mut found = BTreeSet::new();
    for query in queries {
        let reply = who.asks(query, json!({ "contract": contract })).await;
        collect(reply.data(), &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(id) = fields.get("id").and_then(Value::as_str) {
                found.insert(id.to_owned());
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn node_finds_every_kind_of_object_for_whom_it_is_and_no_private_one_for_others() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let contract = world.ids()["contract"].clone();
    let invite = json!({ "organizationId": world.ids()["organization"], "email": "new@example.com", "role": "VIEWER" });
    world.client().does("memberInvite", invite, "invitation { id }").await.ok();
    let item = json!({ "title": "A ledger", "description": "Double entry, from the ground up.", "link": "https://example.com/" });
    world.freelancer().does("portfolioItemAdd", item, "profile { id }").await.ok();
    let admin = app.admin("warden").await;
    let now = app.market.clock().now();
    let until = now + chrono::TimeDelta::hours(1);
    let outage = json!({ "zones": ["Asia/Karachi"], "from": now, "until": until, "note": "Power" });
    admin.does("outageDeclare", outage, "outage { id }").await.ok();
    let search = json!({ "name": "Ledgers", "text": "ledger" });
    world.freelancer().does("savedSearchCreate", search, "savedSearch { id }").await.ok();
    super::passkey::adds(&world.client(), "Phone").await;
    let refund = world.money_goes_back().await;
    let correct =
        json!({ "from": "losses", "to": "fee_revenue", "amount": { "amount": "1.00" }, "reason": "Rounding" });
    admin.does("correctionPropose", correct, "correction { id }").await.ok();

    let stranger = app.person("stranger").await;
    app.market.reconcile_when_due().await.unwrap();
    let log = "{ auditLog(first: 5) { nodes { id } } reconciliations(first: 1) { nodes { id } }
        wireBatches(first: 1) { nodes { id } } corrections(first: 1) { nodes { id } }
        screeningHits(first: 1) { nodes { id } } }";
    let batch = "insert into wire_batches select gen_random_uuid(), now(), id, now()::date, 1, 100 from users limit 1";
    sqlx::query(batch).execute(app.pool()).await.unwrap();
    let hit = "insert into screening_hits (id, organization_id, name, words, listed, found_at, status, state, version)
        select gen_random_uuid(), id, name, 'a', name, now(), 'open', '{\"status\": \"open\"}', 1 from organizations limit 1";
    sqlx::query(hit).execute(app.pool()).await.unwrap();
    let mut logged = BTreeSet::new();
    collect(admin.asks(log, json!({})).await.data(), &mut logged);

    let mut kinds = BTreeSet::new();
    for who in [world.client(), world.freelancer(), admin.visitor().await] {
        let mut all = ids(&who, &contract).await;
        all.extend(world.ids().values().cloned());
        all.extend(logged.iter().cloned());
        all.insert(refund.clone());
        for id in all {
            let query = "query($id: ID!) { node(id: $id) { __typename id } }";
            let reply = who.asks(query, json!({ "id": id })).await;
            let node = &reply.data()["node"];
            if let Some(kind) = node["__typename"].as_str() {
                assert_eq!(node["id"], json!(id), "{kind}");
                kinds.insert(kind.to_owned());
                let other = stranger.asks(query, json!({ "id": id })).await;
                let public =
                    ["Gig", "Skill", "User", "Organization", "FreelancerProfile", "Review", "PortfolioItem", "Outage"];
                assert!(other.data()["node"].is_null() || public.contains(&kind), "a stranger sees the {kind}");
            }
        }
    }
    let nodes: BTreeSet<String> =
        with_ids().await.into_iter().filter(|(_, is_node)| *is_node).map(|(name, _)| name).collect();
    let missing: Vec<&String> = nodes.difference(&kinds).collect();
    assert!(missing.is_empty(), "never found by its id: {missing:?}");
}

#[tokio::test]
async fn ids_of_nothing_are_answered_with_nothing() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    for id in
        ["", "_", "gig_", "nonsense", "gig_00000000000000000000000007", "evt_00000000000000000000000007", "\u{202e}"]
    {
        let reply = ada.asks("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(reply.data()["node"], Value::Null, "{id}");
    }
}
