//! What ranks is a version of the model: learned from the log, put to use by an operator, and undone.

use chrono::TimeDelta;
use domain::matching::Model;
use domain::matching::learn::{Choice, Direction};
use domain::refusal::Refusal;
use infra::matching::{Fitted, Follower};
use infra::{Call, Failure};
use serde_json::{Value, json};
use tests::TestApp;

use super::{freelancer, gig, matches};

fn operator() -> Call {
    Call::system("rabta model")
}

async fn learn(app: &TestApp, direction: Direction) -> Result<Fitted, Failure> {
    app.market.model_learn(&operator(), direction, app.market.days_ago(30), 1).await
}

/// A log as three hundred gigs leave it, each shown eight people: those were chosen whose
/// text was like the gig's, if their place was looked at. Places went by skills.
async fn log(app: &TestApp, gig: &str) {
    // All but what PostgreSQL makes of the others itself.
    let columns: String = sqlx::query_scalar(
        "select string_agg(quote_ident(attname), ', ') from pg_attribute
         where attrelid = 'gigs'::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    let rows = format!(
        "
        with many as (
            insert into gigs ({columns})
            select {columns} from (select (jsonb_populate_record(null::gigs, to_jsonb(g) || jsonb_build_object('id', md5('gig ' || n)::uuid))).*
            from gigs g, generate_series(1, 300) n where public_id('gig', g.id) = $1) copied
            returning id
        ),
        people as (select user_id, row_number() over (order by user_id) as nth from freelancer_profiles),
        drawn as (
            select many.id as gig, people.user_id as person, dice.*
            from many cross join people cross join lateral (
                select ('x' || substr(hash, 1, 7))::bit(28)::int % 1000001 as skills,
                       ('x' || substr(hash, 8, 7))::bit(28)::int % 1000001 as text,
                       ('x' || substr(hash, 15, 7))::bit(28)::int % 1000001 as luck,
                       ('x' || substr(hash, 22, 7))::bit(28)::int % 400001 as other
                from md5(many.id::text || people.nth) hash) dice
        ),
        placed as (select *, row_number() over (partition by gig order by skills + other desc)::int as place from drawn),
        shown as (
            insert into exposures (page, shown_at, viewer_id, direction, gig_id, freelancer_id, position, placement,
                model_version, score_nano, factor_micro)
            select md5('page ' || gig)::uuid, $2::timestamptz - interval '1 day', (select user_id from people limit 1), 'people', gig,
                person, place, 'merit', 1, 0, array[skills, 0, 500000, 500000, text, 500000, 500000, 0, 500000, 500000,
                500000, 500000, 500000, 0, 0, 0]
            from placed returning id, gig_id, freelancer_id, position, placement, model_version
        )
        insert into match_acts (at, kind, gig_id, freelancer_id, exposure_id, direction, position, placement, model_version)
        select $2, 'click', gig_id, freelancer_id, shown.id, 'people', position, shown.placement, shown.model_version
        from shown join placed on placed.gig = gig_id and placed.person = freelancer_id
        where text > 500000 and luck < 1000000 / (1 + position / 2)"
    );
    sqlx::query(sqlx::AssertSqlSafe(rows)).bind(gig).bind(app.market.clock().now()).execute(app.pool()).await.unwrap();
}

#[tokio::test]
async fn a_version_is_learned_put_to_use_and_undone() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        freelancer(&app, name, "Rust engineer", &["rust", "postgresql"]).await;
    }
    let id = gig(&app, &ada).await;
    let shipped = Model::shipped().version;
    let version = async || matches(&ada, &id, 10, None).await["modelVersion"].clone();

    let Err(Failure::Refused(little)) = learn(&app, Direction::People).await else { panic!("nothing was shown yet") };
    assert!(little.to_string().contains("0 choices about 0 gigs, and it takes at least 400 about 100"), "{little}");

    log(&app, &id).await;
    let fitted = learn(&app, Direction::People).await.expect("there is enough to learn from");
    let (before, after) = (Model::shipped().people, fitted.learned.weights);
    assert!(after.text > before.text && after.skills < before.skills, "{fitted:#?}");
    assert!(fitted.learned.judgement.is_better(), "{fitted:#?}");
    assert_eq!((fitted.version, after.load), (1_001, before.load));
    // Clients' choices teach nothing of what people choose.
    assert!(learn(&app, Direction::Gigs).await.is_err());
    // It is kept, and does not rank yet.
    assert_eq!(version().await, shipped);

    // Without an index answers go by what is in use at once; with one, when it has looked.
    assert!(app.market.model_use(&operator(), 1_001).await.unwrap());
    assert!(!app.market.model_use(&operator(), 1_001).await.unwrap());
    assert_eq!(version().await, 1_001);
    let mut index = Follower::begin(&app.market, None).await.unwrap();
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((&found["foundBy"], &found["modelVersion"]), (&json!("INDEX"), &json!(1_001)));
    let text = |found: &Value| {
        let factors = found["edges"][0]["node"]["factors"].as_array().unwrap().clone();
        factors.into_iter().find(|factor| factor["kind"] == "TEXT").unwrap()["weight"].as_f64().unwrap()
    };
    assert!((text(&found) - f64::from(after.text.as_milli()) / 1e3).abs() < 1e-9, "{found:#}");
    app.market.impressions_write().await.unwrap();
    let logged: i32 = sqlx::query_scalar("select model_version from exposures order by id desc limit 1")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(logged, 1_001);

    assert_eq!(app.market.model_undo(&operator()).await.unwrap(), shipped);
    assert_eq!(version().await, 1_001, "a server has not looked yet");
    index.catch_up().await.unwrap();
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((&found["foundBy"], &found["modelVersion"]), (&json!("INDEX"), &json!(shipped)));
    assert_eq!(app.market.model_undo(&operator()).await.unwrap(), 1_001, "what was undone is done again");
    index.catch_up().await.unwrap();
    assert_eq!(version().await, 1_001);

    let versions = app.market.model_versions().await.unwrap();
    let listed: Vec<(u32, bool)> = versions.iter().map(|version| (version.version, version.in_use)).collect();
    assert_eq!(listed, [(1_001, true), (shipped, false), (3, false)]);
    let admin = app.admin("root").await;
    let lines = "{ auditLog { nodes { actor act subject } } }";
    let log = admin.asks(lines, json!({})).await;
    let acts: Vec<&str> = log.data()["auditLog"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["act"].as_str())
        .filter(|act| act.starts_with("model_"))
        .collect();
    assert_eq!(acts, ["model_use", "model_use", "model_use", "model_learn"]);
}

#[tokio::test]
async fn what_became_of_somebody_counts_on_the_page_that_they_were_first_chosen_on() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    freelancer(&app, "omar", "Back-end developer", &["postgresql", "python"]).await;
    let id = gig(&app, &ada).await;
    let shown = async || {
        app.market.clock().advance(TimeDelta::seconds(1));
        matches(&ada, &id, 10, None).await;
        app.market.impressions_write().await.unwrap();
    };
    // Shown, and passed over; shown, and opened; shown again, and invited, shortlisted and hired from there.
    shown().await;
    shown().await;
    let pair = json!({ "gigId": id, "freelancerId": lin.id });
    ada.does("matchOpen", pair.clone(), "noted").await.ok();
    shown().await;
    ada.does("invitationSend", pair, "invitation { id }").await.ok();
    let bid = json!({ "gigId": id, "coverLetter": "I built two ledgers that auditors liked.",
        "hourlyRate": { "amount": "40" } });
    let proposal = lin.does("proposalSubmit", bid, "proposal { id }").await.text("proposal.id");
    app.settles().await;
    shown().await;
    let which = json!({ "proposalId": proposal });
    ada.does("proposalView", which.clone(), "proposal { id }").await.ok();
    ada.does("proposalShortlist", which, "proposal { id }").await.ok();
    let offer = json!({ "proposalId": proposal, "title": "Ledger", "hourlyRate": { "amount": "40" } });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    lin.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    app.settles().await;
    app.settles().await;

    let (since, people) = (app.market.days_ago(1), Direction::People);
    let mut pages = app.market.model_pages(&operator(), people, since).await.unwrap();
    pages.sort_by_key(|page| page.at);
    let choices: Vec<Vec<Choice>> =
        pages.iter().map(|page| page.shown.iter().map(|shown| shown.choice).collect()).collect();
    let (passed, hired) = (Choice::None, Choice::Hired);
    assert_eq!(choices, [vec![passed, passed], vec![hired, passed], vec![passed], vec![passed]]);
}

#[tokio::test]
async fn a_version_that_shipped_before_ranks_again_if_an_operator_says_so() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let shipped = Model::shipped().version;
    let version = async || matches(&ada, &id, 10, None).await["modelVersion"].clone();
    assert_eq!(version().await, shipped);
    assert!(app.market.model_use(&operator(), 3).await.unwrap());
    assert_eq!(version().await, 3);
    assert!(app.market.model_use(&operator(), shipped).await.unwrap());
    assert_eq!(version().await, shipped);
    assert_eq!(app.market.model_undo(&operator()).await.unwrap(), 3);
    let mut index = Follower::begin(&app.market, None).await.unwrap();
    assert_eq!(version().await, 3);
    assert_eq!(app.market.model_undo(&operator()).await.unwrap(), shipped);
    index.catch_up().await.unwrap();
    assert_eq!(version().await, shipped);
    // One that shipped long ago is no longer in the program.
    assert!(app.market.model_use(&operator(), 2).await.is_err());
}

#[tokio::test]
async fn a_version_that_is_not_there_or_not_for_this_program_does_not_rank() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let refused = async |version| match app.market.model_use(&operator(), version).await {
        Err(Failure::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(77).await.contains("no version 77"));
    sqlx::query("insert into model_versions (version, model, evidence, fitted_at) values (1001, '{\"version\": 1001}', '{}', now())")
        .execute(app.pool())
        .await
        .unwrap();
    assert!(refused(1_001).await.contains("can't be read"));
    // Put in use by a program that could read it, it gives way to the one that ships with this.
    sqlx::query("insert into model_uses (version, used_at) values (1001, now())").execute(app.pool()).await.unwrap();
    let shipped = json!(Model::shipped().version);
    assert_eq!(matches(&ada, &id, 10, None).await["modelVersion"], shipped);
    let _index = Follower::begin(&app.market, None).await.unwrap();
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((&found["foundBy"], &found["modelVersion"]), (&json!("INDEX"), &shipped));

    let person = domain::access::Actor::Nobody;
    let nobody = Call { actor: person, ..operator() };
    // Denied, and not refused for another reason: that too little was logged, or that it ranks already.
    assert!(matches!(
        app.market.model_use(&nobody, Model::shipped().version).await,
        Err(Failure::Refused(Refusal::Denied { .. }))
    ));
    assert!(matches!(
        app.market.model_learn(&nobody, Direction::People, app.market.days_ago(1), 1).await,
        Err(Failure::Refused(Refusal::Denied { .. }))
    ));
}

#[tokio::test]
async fn what_was_shown_is_logged_with_the_values_that_its_score_was_made_of() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    freelancer(&app, "omar", "Back-end developer", &["postgresql", "python"]).await;
    let id = gig(&app, &ada).await;
    matches(&ada, &id, 10, None).await;
    lin.asks("{ viewer { recommendedGigs(first: 5) { edges { node { score } } } } }", json!({})).await.data();
    app.market.impressions_write().await.unwrap();
    let logged: Vec<(String, i64, Vec<i32>)> =
        sqlx::query_as("select direction, score_nano, factor_micro from exposures")
            .fetch_all(app.pool())
            .await
            .unwrap();
    assert_eq!(logged.len(), 3);
    for (direction, score, values) in logged {
        let model = Model::shipped();
        let weights = if direction == "people" { &model.people } else { &model.gigs };
        let sum: i64 = domain::matching::learn::compared(weights, weights)
            .iter()
            .zip(values)
            .map(|((_, weight, _), value)| i64::from(*weight) * i64::from(value))
            .sum();
        assert_eq!(sum, score, "{direction}");
    }
}
