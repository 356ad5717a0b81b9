//! Writes that are safe to repeat. Whatever a person of these tests does goes out twice (see
//! `Person::does`); here the whole schema is asked for it, and the database for a second effect.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::TestApp;
use tests::fingerprint::fingerprint;
use tests::introspect::Inputs;

/// Mutations without a key, and why repeating them does no harm.
const WITHOUT_KEY: &[(&str, &str)] = &[
    ("signUp", "an address has one account, and tokens are never kept as an answer: who lost them signs in"),
    ("signIn", "each is a session of its own, and tokens are never kept as an answer"),
    ("sessionRefresh", "a refresh token works once; used again too late it ends its session: that is what it is for"),
    ("paymentMethodSetUp", "what is begun and not gone on with is gone on with, and is nothing until then"),
    ("signOut", "a session that has ended has ended"),
    ("reauthenticate", "what is proved is proved, and a later time of it harms nobody"),
    ("accountExport", "it changes nothing, and what it says of somebody is not kept a second time"),
    ("accountErase", "who is erased is erased, and nobody is signed in to it"),
    ("emailVerify", "an address that is verified is verified"),
    ("passwordResetRequest", "it changes nothing: another letter, as often as is counted"),
    ("passwordReset", "a code works once"),
    ("secondFactorEnroll", "a secret is never kept as an answer, and the last one asked for is the one that counts"),
    ("secondFactorConfirm", "codes are never kept as an answer; who lost them asks for new ones"),
    ("recoveryCodesRenew", "codes are never kept as an answer; who lost them asks for new ones"),
    ("passkeyBegin", "each is a challenge of its own, and one that is not answered is nothing"),
    ("passkeySignIn", "a challenge is answered once, and tokens are never kept as an answer"),
    ("passkeyProve", "a challenge is answered once"),
    (
        "webhookEndpointCreate",
        "secrets are never kept as an answer; who lost one deletes the endpoint, or gets another secret for it",
    ),
    ("webhookEndpointRotateSecret", "secrets are never kept as an answer, and the ones before sign on for a day"),
    ("sessionRevoke", "a session that has ended has ended"),
    ("sessionRevokeAll", "a session that has ended has ended"),
];

#[tokio::test]
async fn every_mutation_takes_a_key_or_needs_none() {
    let inputs = Inputs::read().await;
    for mutation in &inputs.mutations {
        let excused = WITHOUT_KEY.iter().any(|(name, _)| *name == mutation.name);
        let takes = inputs.leaves(mutation).iter().any(|leaf| leaf.path == ["idempotencyKey"]);
        assert!(takes != excused, "{} takes no idempotencyKey, or need not be excused", mutation.name);
    }
}

#[tokio::test]
async fn whatever_succeeds_is_repeated_with_one_answer_and_one_effect() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let inputs = Inputs::read().await;
    let (mut repeated, mut wrong) = (BTreeSet::new(), BTreeMap::new());
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        if WITHOUT_KEY.iter().any(|(excused, _)| *excused == name) || name == "sandboxTimePass" {
            continue;
        }
        for (who, visitor) in [("client", world.client()), ("freelancer", world.freelancer())] {
            for full in [false, true] {
                let mut input = inputs.sample(mutation, world.ids(), full);
                // The version is right only by chance.
                input.as_object_mut().map(|input| input.remove("expectedVersion"));
                input["idempotencyKey"] = json!(format!("{name} {full}"));
                let first = visitor.does(name, input.clone(), "__typename").await;
                if first.body["data"][name]["errors"] != json!([]) {
                    continue;
                }
                app.settles().await;
                let before = fingerprint(app.pool()).await;
                let again = visitor.does(name, input.clone(), "__typename").await;
                // The same key for another act: what it is for is part of what is compared.
                let act = if name == "userUpdate" { "profileUpdate" } else { "userUpdate" };
                let other = visitor.does(act, json!({ "idempotencyKey": input["idempotencyKey"] }), "").await;
                let code = other.body["data"][act]["errors"][0]["code"].clone();
                app.settles().await;
                let place = format!("{name} by the {who}");
                if again.body != first.body {
                    wrong.insert(place.clone(), json!([first.body, again.body]));
                }
                if code != "IDEMPOTENCY_CONFLICT" {
                    wrong.insert(format!("{place}, another act"), other.body);
                }
                if fingerprint(app.pool()).await != before {
                    wrong.insert(format!("{place} had a second effect"), Value::Null);
                }
                repeated.insert(name.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "not safe to repeat: {wrong:#?}");
    assert!(repeated.len() >= 12, "only {repeated:?} could be repeated");
}

#[tokio::test]
async fn letting_time_pass_twice_with_one_key_lets_it_pass_once() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let pass = |hours: i64| json!({ "hours": hours, "idempotencyKey": "k" });
    let before = app.market.clock().now();
    let clock = async || app.visitor().asks("{ clock { now isSandbox } }", json!({})).await;
    assert_eq!(clock().await.data()["clock"]["isSandbox"], true);
    assert_eq!(clock().await.text("now").parse::<chrono::DateTime<chrono::Utc>>().unwrap(), before);
    let first = ada.does_once("sandboxTimePass", pass(1), "now").await;
    assert_eq!(
        first.text("now").parse::<chrono::DateTime<chrono::Utc>>().unwrap() - before,
        chrono::TimeDelta::hours(1)
    );
    assert_eq!(clock().await.text("now"), first.text("now"), "what is counted down from went on");
    let bea = app.person("bea").await;
    let other = bea.does_once("sandboxTimePass", pass(1), "now").await;
    assert_eq!(app.market.clock().now() - before, chrono::TimeDelta::hours(2));
    let again = bea.does_once("sandboxTimePass", pass(1), "now").await;
    assert_eq!(again.text("now"), other.text("now"));
    assert_eq!(app.market.clock().now() - before, chrono::TimeDelta::hours(2));
    assert_eq!(bea.does_once("sandboxTimePass", pass(2), "now").await.refused(), ["IDEMPOTENCY_CONFLICT"]);
}

#[tokio::test]
async fn a_sandbox_is_not_led_so_far_ahead_that_it_never_starts_again() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    ada.does_once("sandboxTimePass", json!({ "hours": 1 }), "now").await.ok();
    let far = chrono::TimeDelta::days(20 * 366) - chrono::TimeDelta::hours(1);
    let kept = sqlx::query("update sandbox_clock set ahead_micros = $1").bind(far.num_microseconds());
    kept.execute(app.pool()).await.unwrap();
    let before = app.market.clock().now();
    assert_eq!(ada.does_once("sandboxTimePass", json!({ "hours": 2 }), "now").await.refused(), ["SANDBOX_TOO_FAR"]);
    assert_eq!(app.market.clock().now(), before);
    let ahead: i64 = sqlx::query_scalar("select ahead_micros from sandbox_clock").fetch_one(app.pool()).await.unwrap();
    assert_eq!(Some(ahead), far.num_microseconds(), "nothing was kept of it");
    ada.does_once("sandboxTimePass", json!({ "hours": 1 }), "now").await.ok();
}

#[tokio::test]
async fn a_repeat_tells_only_what_the_caller_may_still_see() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let bo = app.person("bo").await;
    super::organization::joins(&deal.client, &bo, "ADMIN").await;
    let pause = json!({ "contractId": deal.contract, "idempotencyKey": "k-1" });
    let fields = "contract { title milestones { nodes { title } } }";
    bo.does_once("contractPause", pause.clone(), fields).await.ok();
    bo.does_once("contractPause", pause.clone(), fields).await.ok();
    deal.client.does("contractResume", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    // An act of one milestone alone takes another way through the house.
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" }, "idempotencyKey": "k-2" });
    let more_fields = "milestone { id title }";
    let milestone = bo.does_once("milestonePropose", more.clone(), more_fields).await.text("milestone.id");
    let cancel = json!({ "milestoneId": milestone, "idempotencyKey": "k-3" });
    bo.does_once("milestoneCancel", cancel.clone(), more_fields).await.ok();
    bo.does_once("milestoneCancel", cancel.clone(), more_fields).await.ok();

    let members = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id role } } } } }";
    let found = bo.asks(members, json!({ "id": deal.client.organization })).await;
    let nodes = found.data()["node"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let own = nodes.iter().find(|member| member["role"] == "ADMIN").expect("bo has joined")["id"].clone();
    let leave = json!({ "memberId": own, "idempotencyKey": "k-4" });
    bo.does_once("memberRemove", leave.clone(), "member { id }").await.ok();
    bo.does_once("memberRemove", leave, "member { id }").await.ok();
    for (act, input, fields) in [
        ("contractPause", pause, fields),
        ("milestonePropose", more, more_fields),
        ("milestoneCancel", cancel, more_fields),
    ] {
        let reply = bo.does_once(act, input, fields).await;
        assert_eq!(reply.refused(), ["NOT_FOUND"], "{act}");
        assert!(!reply.body.to_string().contains("All of it"), "{act}: {:#}", reply.body);
    }
}

#[tokio::test]
async fn nobody_has_more_answers_kept_than_a_day_allows_however_little_they_change() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let lin = &deal.freelancer;
    let overview = "An overview that goes on. ".repeat(190);
    let profile = json!({ "headline": "Rust engineer", "overview": overview });
    lin.does("profileUpdate", profile.clone(), "profile { id }").await.ok();
    for nth in 0..20 {
        let item = json!({ "title": format!("Item {nth}"), "description": "What I did. ".repeat(160) });
        lin.does("portfolioItemAdd", item, "profile { id }").await.ok();
    }
    let asks = async |nth: usize| {
        let mut input = profile.clone();
        input["idempotencyKey"] = json!(format!("fresh-{nth}"));
        lin.does_once("profileUpdate", input, "profile { id }").await
    };
    let mut kept = 0;
    while asks(kept).await.body["data"]["profileUpdate"]["errors"] == json!([]) {
        kept += 1;
        assert!(kept < 400, "each keeps the whole profile");
    }
    assert_eq!(asks(kept).await.refused(), ["TOO_MANY_ATTEMPTS"]);
    asks(0).await.ok();
    let bytes = "select sum(length(answer::text)) from idempotency where caller = $1";
    let bytes: i64 = sqlx::query_scalar(bytes).bind(&lin.id).fetch_one(app.pool()).await.unwrap();
    assert!((10 << 20..12 << 20).contains(&bytes), "{bytes}");
    // An act of one milestone alone takes another way through the house.
    let submit = json!({ "milestoneId": deal.milestone, "message": "Done.", "idempotencyKey": "another" });
    let refused = lin.does_once("milestoneSubmit", submit, "milestone { status }").await;
    assert_eq!(refused.refused(), ["TOO_MANY_ATTEMPTS"]);
    app.market.clock().advance(chrono::TimeDelta::days(1));
    asks(kept).await.ok();
}
