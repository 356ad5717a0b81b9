//! Matches, as both sides see them.

mod acts;
mod constraints;
mod fallback;
mod index;
mod newcomers;
mod version;

use serde_json::{Value, json};
use tests::{Person, TestApp};

async fn skill(app: &TestApp, query: &str) -> String {
    let query = json!({ "q": query });
    let found =
        app.visitor().asks("query($q: String) { skills(query: $q, first: 1) { edges { node { id } } } }", query).await;
    found.data()["skills"]["edges"][0]["node"]["id"].as_str().expect("a skill of that name").to_owned()
}

/// A freelancer with these skills.
async fn freelancer<'a>(app: &'a TestApp, name: &str, headline: &str, skills: &[&str]) -> Person<'a> {
    let person = app.freelancer(name).await;
    let mut held = Vec::new();
    for words in skills {
        held.push(json!({ "skillId": skill(app, words).await, "level": "EXPERT", "years": 5 }));
    }
    let input = json!({ "headline": headline, "overview": "", "skills": held, "hourlyRate": { "amount": "40" } });
    person.does("profileUpdate", input, "profile { id }").await.ok();
    person
}

/// An open gig for a Rust engineer.
async fn gig(app: &TestApp, client: &Person<'_>) -> String {
    let input = json!({
        "clientId": client.organization, "title": "Rust engineer for a ledger", "description": "Double entry on PostgreSQL, tested.",
        "kind": "HOURLY", "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(app, "rust").await, skill(app, "postgresql").await],
    });
    let id = client.does("gigCreate", input, "gig { id }").await.text("gig.id");
    client.does("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
    id
}

const MATCHES: &str =
    "query($id: ID!, $first: Int, $after: String) { gig(id: $id) { matches(first: $first, after: $after) {
    modelVersion eligible foundBy asOf indexLag leftOut { reason count }
    pageInfo { hasNextPage endCursor }
    edges { node { score sentence placement freelancer { id } profile { headline }
        factors { kind weight value contribution evidence } improvements { sentence gain } } } } } }";

async fn matches(client: &Person<'_>, gig: &str, first: i32, after: Option<&str>) -> Value {
    let reply = client.asks(MATCHES, json!({ "id": gig, "first": first, "after": after })).await;
    reply.data()["gig"]["matches"].clone()
}

#[tokio::test]
async fn gig_matches_ranks_people_says_why_and_notes_what_was_shown() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let designer = freelancer(&app, "dina", "Logo designer", &["logo design", "adobe illustrator"]).await;
    let rust = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let partly = freelancer(&app, "omar", "Back-end developer", &["postgresql", "python"]).await;
    let gig = gig(&app, &ada).await;

    let found = matches(&ada, &gig, 10, None).await;
    let order: Vec<&str> = found["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| edge["node"]["freelancer"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(order[0], rust.id, "{found:#}");
    let place = |id: &str| order.iter().position(|found| *found == id);
    assert!(place(&partly.id) < place(&designer.id) || place(&designer.id).is_none(), "{found:#}");
    for edge in found["edges"].as_array().unwrap() {
        let node = &edge["node"];
        let factors = node["factors"].as_array().unwrap();
        let sum: f64 = factors.iter().map(|factor| factor["contribution"].as_f64().unwrap()).sum();
        assert!((sum - node["score"].as_f64().unwrap()).abs() < 1e-9, "contributions add up: {node:#}");
        for factor in factors {
            let product = factor["weight"].as_f64().unwrap() * factor["value"].as_f64().unwrap();
            assert!((product - factor["contribution"].as_f64().unwrap()).abs() < 1e-9, "{factor}");
        }
        assert!(!node["sentence"].as_str().unwrap().is_empty());
    }
    assert_eq!(found, matches(&ada, &gig, 10, None).await, "the same question has the same answer");

    app.market.impressions_write().await.unwrap();
    let shown: (i64, i64) =
        sqlx::query_as("select count(*), max(position)::bigint from exposures where direction = 'people'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(shown, (2 * order.len() as i64, order.len() as i64));
}

#[tokio::test]
async fn gig_matches_pages_without_a_gap() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    for name in ["a1", "b2", "c3", "d4", "e5"] {
        freelancer(&app, name, "Rust engineer", &["rust"]).await;
    }
    let gig = gig(&app, &ada).await;
    let all = matches(&ada, &gig, 10, None).await;
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = matches(&ada, &gig, 2, after.as_deref()).await;
        paged.extend(page["edges"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(Value::Array(paged), all["edges"]);
    assert_eq!(all["edges"].as_array().unwrap().len(), 5);
    let cursor = ada.asks(MATCHES, json!({ "id": gig, "first": 2, "after": "bm9uc2Vuc2U" })).await;
    assert_eq!(cursor.failed(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn gig_matches_are_nothing_to_strangers_and_visitors() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let gig = gig(&app, &ada).await;
    for reply in
        [lin.asks(MATCHES, json!({ "id": gig })).await, app.visitor().asks(MATCHES, json!({ "id": gig })).await]
    {
        assert_eq!(reply.data()["gig"], json!({ "matches": null }));
    }
    // Nor for whoever asks the marketplace itself.
    let system = infra::Call::system("test");
    let found = app.market.gig_find(&system, gig.parse().unwrap()).await.unwrap().unwrap();
    let nobody = infra::Call { actor: domain::access::Actor::Nobody, ..system };
    let asked = app.market.gig_matches(&nobody, &found, &infra::page::PageRequest::default()).await;
    let denied = domain::refusal::Refusal::Denied { reason: domain::access::Denied::SignIn };
    assert!(matches!(&asked, Err(infra::Failure::Refused(refusal)) if *refusal == denied), "{asked:?}");
}

#[tokio::test]
async fn recommended_gigs_say_why_and_leave_out_ones_own() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let gig = gig(&app, &ada).await;
    let query = "{ viewer { recommendedGigs(first: 5) { eligible edges { node { score sentence gig { id title } factors { contribution } } } } } }";

    let found = lin.asks(query, json!({})).await;
    let edges = &found.data()["viewer"]["recommendedGigs"]["edges"];
    assert_eq!(edges[0]["node"]["gig"]["id"], gig.as_str(), "{:#}", found.body);

    let without_profile = app.freelancer("noor").await.asks(query, json!({})).await;
    assert_eq!(without_profile.data()["viewer"]["recommendedGigs"]["edges"], json!([]));

    freelancer_profile(&app, &ada).await;
    let own = ada.asks(query, json!({})).await;
    assert_eq!(own.data()["viewer"]["recommendedGigs"]["edges"], json!([]), "one's own gig is no recommendation");
}

#[tokio::test]
async fn a_client_is_known_by_gigs_that_are_over() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let omar = freelancer(&app, "omar", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let query =
        "query($gig: ID!, $who: ID!) { explainMatch(gigId: $gig, freelancerId: $who) { factors { kind evidence } } }";
    let record = async || {
        let reply = lin.asks(query, json!({ "gig": id, "who": lin.id })).await;
        let factors = reply.data()["explainMatch"]["factors"].as_array().unwrap().clone();
        let client = factors.into_iter().find(|factor| factor["kind"] == "CLIENT").expect("the client counts");
        client["evidence"].as_str().unwrap().to_owned()
    };
    let (cancelled, hires) = (gig(&app, &ada).await, gig(&app, &ada).await);
    assert!(record().await.ends_with("no gig of theirs is over yet"), "three are open, and say nothing of anybody");
    ada.does("gigCancel", json!({ "gigId": cancelled }), "gig { state }").await.ok();
    assert!(record().await.ends_with("0 of 1 gigs hired"), "{}", record().await);
    let bid = json!({ "gigId": hires, "coverLetter": "I built two ledgers that auditors liked.",
        "hourlyRate": { "amount": "40" } });
    let bid = omar.does("proposalSubmit", bid, "proposal { id }").await.text("proposal.id");
    let offer = json!({ "proposalId": bid, "title": "Ledger", "hourlyRate": { "amount": "40" } });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    omar.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    assert!(record().await.ends_with("1 of 2 gigs hired"), "{}", record().await);
    ada.does("gigReopen", json!({ "gigId": cancelled }), "gig { state }").await.ok();
    assert!(record().await.ends_with("1 of 1 gigs hired"), "{}", record().await);
}

#[tokio::test]
async fn what_would_raise_a_match_is_told_by_the_place_in_which_it_is_shown() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    for name in ["a1", "b2", "c3"] {
        freelancer(&app, name, "Rust engineer", &["rust", "postgresql"]).await;
    }
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let gig = gig(&app, &ada).await;
    let found = matches(&ada, &gig, 10, None).await;
    let edges = found["edges"].as_array().unwrap();
    assert_eq!(edges[3]["node"]["freelancer"]["id"], lin.id.as_str());
    assert_eq!(edges[3]["node"]["improvements"][0]["sentence"], "+ PostgreSQL → from 4th to 1st");
    let query = "query($gig: ID!, $who: ID!) { explainMatch(gigId: $gig, freelancerId: $who) {
        barriers improvements { sentence fromPlace toPlace } } }";
    let explained = async || {
        let reply = ada.asks(query, json!({ "gig": gig, "who": lin.id })).await;
        reply.data()["explainMatch"].clone()
    };
    assert_eq!(explained().await["improvements"][0]["sentence"], "+ PostgreSQL → from 4th to 1st");
    // Kept from the gig, learning brings them no place in the list.
    lin.does(
        "profileUpdate",
        json!({ "leastHourlyRate": { "amount": "61" }, "hourlyRate": { "amount": "70" } }),
        "profile { id }",
    )
    .await
    .ok();
    let kept = explained().await;
    assert_eq!(kept["barriers"], json!(["BUDGET"]));
    let first = kept["improvements"]
        .as_array()
        .unwrap()
        .iter()
        .find(|told| told["sentence"].as_str().unwrap().starts_with('+'));
    let nowhere = json!({ "sentence": "+ PostgreSQL → a better match", "fromPlace": null, "toPlace": null });
    assert_eq!(first, Some(&nowhere));
    // Of gigs that are recommended no place among people is known.
    let query = "{ viewer { recommendedGigs(first: 1) { nodes { improvements { sentence fromPlace toPlace } } } } }";
    lin.does("profileUpdate", json!({ "leastHourlyRate": { "amount": "20" } }), "profile { id }").await.ok();
    let own = lin.asks(query, json!({})).await.data()["viewer"]["recommendedGigs"]["nodes"][0].clone();
    let learn =
        own["improvements"].as_array().unwrap().iter().find(|told| told["sentence"].as_str().unwrap().starts_with('+'));
    assert_eq!(learn, Some(&nowhere));
}

async fn freelancer_profile(app: &TestApp, person: &Person<'_>) {
    let held = json!([{ "skillId": skill(app, "rust").await, "level": "EXPERT", "years": 5 }]);
    person
        .does("profileUpdate", json!({ "headline": "Rust engineer", "overview": "", "skills": held }), "profile { id }")
        .await
        .ok();
}

#[tokio::test]
async fn explain_match_is_for_the_client_and_for_oneself() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let omar = freelancer(&app, "omar", "Rust engineer", &["rust"]).await;
    let gig = gig(&app, &ada).await;
    let query = "query($gig: ID!, $who: ID!) { explainMatch(gigId: $gig, freelancerId: $who) { modelVersion barriers score sentence factors { contribution } } }";
    let ask = |who: &Person<'_>| json!({ "gig": gig, "who": who.id });

    let explained = ada.asks(query, ask(&lin)).await.data()["explainMatch"].clone();
    assert!(explained["score"].is_number());
    assert_eq!(explained["modelVersion"], domain::matching::Model::shipped().version);
    assert!(lin.asks(query, ask(&lin)).await.data()["explainMatch"]["score"].is_number());
    assert_eq!(omar.asks(query, ask(&lin)).await.failed(), ["NOT_ALLOWED"]);
    assert_eq!(app.visitor().asks(query, ask(&lin)).await.failed(), ["UNAUTHENTICATED"]);
}
