//! Reviews: nobody learns anything before both are out.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Deal, Person, TestApp};

const FIELDS: &str = "review { id rating publishedAt }";

fn review(deal: &Deal<'_>, rating: i32) -> Value {
    json!({ "contractId": deal.contract, "rating": rating, "text": "It was a pleasure to work together." })
}

async fn ended(app: &TestApp) -> Deal<'_> {
    let deal = app.released().await;
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    deal
}

/// All that the other side, and everybody, could learn of reviews.
async fn what_leaks(deal: &Deal<'_>) -> Value {
    let query = "query($c: ID!, $f: ID!) { contract(id: $c) { allowed reviewsCloseAt reviews { id } }
        node(id: $f) { ... on User { rating { count average } reviews { nodes { id } } } } }";
    deal.freelancer.asks(query, json!({ "c": deal.contract, "f": deal.freelancer.id })).await.data().clone()
}

#[tokio::test]
async fn a_review_is_hidden_until_both_are_written() {
    let app = TestApp::new().await;
    let deal = ended(&app).await;
    let before = what_leaks(&deal).await;
    let written = deal.client.does("reviewSubmit", review(&deal, 2), FIELDS).await;
    let id = written.text("review.id");
    assert_eq!(what_leaks(&deal).await, before, "nothing can be told apart");
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert!(deal.freelancer.asks(node, json!({ "id": id })).await.data()["node"].is_null());
    let reply = deal.freelancer.does("reviewReply", json!({ "reviewId": id, "text": "No!" }), FIELDS).await;
    assert_eq!(reply.refused(), ["NOT_FOUND"]);

    deal.client.does("reviewSubmit", review(&deal, 4), FIELDS).await.ok();
    deal.freelancer.does("reviewSubmit", review(&deal, 5), FIELDS).await.ok();
    let after = what_leaks(&deal).await;
    assert_eq!(after["contract"]["reviews"].as_array().unwrap().len(), 2);
    assert_eq!(after["node"]["rating"], json!({ "count": 1, "average": "4.0" }));
    let late = deal.client.does("reviewSubmit", review(&deal, 1), FIELDS).await;
    assert_eq!(late.refused(), ["REVIEW_CLOSED"]);

    deal.freelancer.does("reviewReply", json!({ "reviewId": id, "text": "Thank you" }), "review { reply }").await.ok();
    let twice = deal.freelancer.does("reviewReply", json!({ "reviewId": id, "text": "Thanks again" }), FIELDS).await;
    assert_eq!(twice.refused(), ["REVIEW_REPLIED"]);
    let own = deal.client.does("reviewReply", json!({ "reviewId": id, "text": "Me too" }), FIELDS).await;
    assert_eq!(own.refused(), ["NOT_ALLOWED"]);
}

/// Is somebody shown that they can write their review? The button and the list of acts say the same.
async fn can_review(who: &Person<'_>, contract: &str) -> bool {
    let query = "query($id: ID!) { contract(id: $id) { viewerCanReview allowed } }";
    let seen = who.asks(query, json!({ "id": contract })).await.data()["contract"].clone();
    let listed = seen["allowed"].as_array().unwrap().contains(&json!("REVIEW_SUBMIT"));
    assert_eq!(seen["viewerCanReview"], json!(listed));
    listed
}

#[tokio::test]
async fn a_contract_says_when_its_review_can_be_written_and_nothing_of_the_other_sides() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let can =
        async || (can_review(&deal.client, &deal.contract).await, can_review(&deal.freelancer, &deal.contract).await);
    assert_eq!(can().await, (false, false), "it goes on");
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    assert_eq!(can().await, (true, true));
    deal.client.does("reviewSubmit", review(&deal, 2), FIELDS).await.ok();
    assert_eq!(can().await, (true, true), "it can be written anew, and the other side is told nothing");
    deal.freelancer.does("reviewSubmit", review(&deal, 5), FIELDS).await.ok();
    assert_eq!(can().await, (false, false), "what is out stays as it is");

    // A contract that nothing was paid out of.
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let whole = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", whole.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", whole, "milestone { id }").await.ok();
    let ended = deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
    assert!(!can_review(&deal.client, &deal.contract).await);
    assert!(!can_review(&deal.freelancer, &deal.contract).await);
    assert_eq!(deal.client.does("reviewSubmit", review(&deal, 1), FIELDS).await.refused(), ["REVIEW_NOTHING_PAID"]);
}

#[tokio::test]
async fn one_review_is_published_when_time_is_over() {
    let app = TestApp::new().await;
    let deal = ended(&app).await;
    deal.client.does("reviewSubmit", review(&deal, 3), FIELDS).await.ok();
    app.passes(TimeDelta::days(13)).await;
    assert_eq!(what_leaks(&deal).await["contract"]["reviews"], json!([]));
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(what_leaks(&deal).await["contract"]["reviews"].as_array().unwrap().len(), 1);
    let late = deal.freelancer.does("reviewSubmit", review(&deal, 1), FIELDS).await;
    assert_eq!(late.refused(), ["REVIEW_CLOSED"]);
}

#[tokio::test]
async fn review_submit_refuses_what_it_must() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    assert_eq!(deal.client.does("reviewSubmit", review(&deal, 5), FIELDS).await.refused(), ["WRONG_STATE"]);
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    assert_eq!(deal.client.does("reviewSubmit", review(&deal, 0), FIELDS).await.refused(), ["OUT_OF_RANGE"]);
    assert_eq!(deal.client.does("reviewSubmit", review(&deal, 6), FIELDS).await.refused(), ["OUT_OF_RANGE"]);
    let stranger = app.client("otto").await;
    assert_eq!(stranger.does("reviewSubmit", review(&deal, 1), FIELDS).await.refused(), ["NOT_FOUND"]);
    assert_eq!(app.visitor().does("reviewSubmit", review(&deal, 1), FIELDS).await.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn a_review_shows_what_work_it_is_about_to_those_who_may_see_that() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let (review, gig) = (world.ids()["review"].clone(), world.ids()["gig"].clone());
    let query = "query($r: ID!, $g: ID!) { gig: node(id: $g) { ... on Gig { id title skills { skillId name } } }
        review: node(id: $r) { ... on Review { workTitle workSkills { id name } workBeganAt workEndedAt client { id } freelancer { id } contract { id title } gig { id title skills { skillId name } } } } }";
    let stranger = app.person("stranger").await;
    let sees = async |who: &tests::Visitor<'_>| who.asks(query, json!({ "r": review, "g": gig })).await.data().clone();
    for party in [world.client(), world.freelancer()] {
        let seen = sees(&party).await;
        assert_eq!(seen["review"]["contract"]["id"], json!(world.ids()["contract"]));
        assert_eq!(seen["review"]["client"]["id"], json!(world.ids()["organization"]));
        assert_eq!(seen["review"]["freelancer"]["id"], json!(world.journey.freelancer.user));
        assert_eq!((&seen["review"]["gig"], &seen["gig"]["id"]), (&seen["gig"], &json!(gig)));
    }
    let seen = sees(&stranger.visitor().await).await;
    let work = &seen["review"];
    assert!(work["workBeganAt"].as_str() < work["workEndedAt"].as_str(), "{work:#}");
    assert_eq!((&work["contract"], &work["gig"]), (&Value::Null, &seen["gig"]), "as much of the gig as anybody sees");
    assert_eq!(work["client"]["id"], json!(world.ids()["organization"]));
    assert_eq!(work["freelancer"]["id"], json!(world.journey.freelancer.user));
    // What was in the open before somebody was hired stays so; what never was, or was removed, is not told.
    let asked = world.client().asks(query, json!({ "r": review, "g": gig })).await.data()["gig"].clone();
    assert_eq!(work["workTitle"], asked["title"], "{work:#}");
    let of = |list: &Value, name: &str| {
        let ids = list.as_array().unwrap().iter().map(|skill| skill[name].as_str().unwrap().to_owned());
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(of(&work["workSkills"], "id"), of(&asked["skills"], "skillId"));
    sqlx::query("update gigs set visibility = 'invite_only'").execute(app.pool()).await.unwrap();
    let work = sees(&stranger.visitor().await).await["review"].clone();
    assert_eq!((&work["workTitle"], &work["workSkills"]), (&Value::Null, &json!([])));
    // A client that hired unseen is named where it was judged, and not where it judged; to the parties it is, always.
    let both = "select public_id('rev', id), side from reviews
        where contract_id = (select contract_id from reviews where public_id('rev', id) = $1)";
    let both: Vec<(String, String)> = sqlx::query_as(both).bind(&review).fetch_all(app.pool()).await.unwrap();
    assert_eq!(both.len(), 2);
    for (id, side) in both {
        let ask = json!({ "r": id, "g": gig });
        let seen = stranger.asks(query, ask.clone()).await.data()["review"]["client"].clone();
        assert_eq!(!seen.is_null(), side == "freelancer", "by the {side}");
        let seen = world.freelancer().asks(query, ask).await.data()["review"]["client"].clone();
        assert!(!seen.is_null(), "by the {side}");
    }
    // Who hides is nobody to strangers, here too.
    sqlx::query("update freelancer_profiles set visibility = 'hidden'").execute(app.pool()).await.unwrap();
    assert_eq!(sees(&stranger.visitor().await).await["review"]["freelancer"], Value::Null);
    assert!(!sees(&world.client()).await["review"]["freelancer"].is_null());
}
