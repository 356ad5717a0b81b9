//! The index beside the database: it says the same, is seldom behind, and is never believed about
//! who may be shown.

use std::path::PathBuf;

use chrono::TimeDelta;
use infra::matching::Follower;
use serde_json::{Value, json};
use tests::{Person, TestApp};

use super::{freelancer, gig, matches, skill};

pub const RECOMMENDED: &str =
    "{ viewer { recommendedGigs(first: 5) { foundBy indexLag eligible leftOut { reason count }
    edges { node { score sentence gig { id } } } } } }";

pub async fn index(app: &TestApp) -> Follower {
    Follower::begin(&app.market, None).await.expect("the index is built")
}

pub async fn catch_up(follower: &mut Follower) -> usize {
    follower.catch_up().await.expect("the index follows")
}

pub fn who(found: &Value) -> Vec<&str> {
    found["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["freelancer"]["id"].as_str().unwrap()).collect()
}

/// A file of this test alone.
fn file(app: &TestApp) -> PathBuf {
    let database = app.database_url();
    let name = database.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    std::env::temp_dir().join(format!("rabta-{}-{name}.index", std::process::id()))
}

async fn holds(person: &Person<'_>, skills: &[&str]) {
    let mut held = Vec::new();
    for words in skills {
        held.push(json!({ "skillId": skill(person.app, words).await, "level": "EXPERT", "years": 5 }));
    }
    person.does("profileUpdate", json!({ "skills": held }), "profile { id }").await.ok();
}

#[tokio::test]
async fn the_index_answers_what_the_database_answers_in_both_directions() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    freelancer(&app, "omar", "Back-end developer", &["postgresql", "python"]).await;
    freelancer(&app, "dina", "Logo designer", &["logo design"]).await;
    let hidden = freelancer(&app, "hiba", "Rust engineer", &["rust"]).await;
    hidden.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    // A client's own people are no match for its gigs, in the index or out of it.
    let input = json!({ "headline": "Rust engineer", "overview": "", "skills": [] });
    ada.does("profileUpdate", input, "profile { id }").await.ok();
    let id = gig(&app, &ada).await;

    let before = matches(&ada, &id, 10, None).await;
    let for_lin = lin.asks(RECOMMENDED, json!({})).await.data()["viewer"]["recommendedGigs"].clone();
    assert_eq!((before["foundBy"].as_str(), before["indexLag"].as_i64()), (Some("DATABASE"), Some(0)));
    // Who designs logos brings nothing of it.
    assert_eq!((before["edges"].as_array().unwrap().len(), before["eligible"].as_i64()), (2, Some(2)));
    assert!(app.market.index_vitals().is_none());

    let _index = index(&app).await;
    let vitals = app.market.index_vitals().expect("the index is there");
    assert_eq!((vitals.people, vitals.gigs, vitals.lag), (4, 1, TimeDelta::zero()));
    let after = matches(&ada, &id, 10, None).await;
    assert_eq!(after["foundBy"], "INDEX");
    for part in ["edges", "eligible", "leftOut", "modelVersion"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    let again = lin.asks(RECOMMENDED, json!({})).await.data()["viewer"]["recommendedGigs"].clone();
    assert_eq!((for_lin["foundBy"].as_str(), again["foundBy"].as_str()), (Some("DATABASE"), Some("INDEX")));
    assert_eq!((&again["edges"], &again["eligible"]), (&for_lin["edges"], &for_lin["eligible"]));
    assert_eq!(again["edges"][0]["node"]["gig"]["id"], id.as_str());
}

#[tokio::test]
async fn what_people_change_shows_in_the_next_answer_after_the_index_caught_up() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let omar = freelancer(&app, "omar", "Engineer", &["photoshop"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;
    assert_eq!(who(&matches(&ada, &id, 10, None).await)[0], lin.id);
    assert_eq!(catch_up(&mut index).await, 0, "nothing happened, so nothing is read again");

    // Somebody learns, somebody forgets, somebody comes.
    holds(&lin, &["photoshop"]).await;
    holds(&omar, &["rust", "postgresql"]).await;
    assert_eq!(who(&matches(&ada, &id, 10, None).await)[0], lin.id, "not yet");
    let noor = freelancer(&app, "noor", "Rust engineer", &["rust"]).await;
    assert_eq!(catch_up(&mut index).await, 3);
    let found = matches(&ada, &id, 10, None).await;
    let order = who(&found);
    // Who still calls themselves an engineer, and lists nothing of what is asked, is none of these.
    assert_eq!(order.len(), 2, "{found:#}");
    assert!(order.contains(&omar.id.as_str()) && order.contains(&noor.id.as_str()), "{found:#}");
    assert_eq!((found["foundBy"].as_str(), found["indexLag"].as_i64()), (Some("INDEX"), Some(0)));

    // A gig is closed, and another opened.
    ada.does("gigPause", json!({ "gigId": id }), "gig { state }").await.ok();
    let other = gig(&app, &ada).await;
    assert!(catch_up(&mut index).await >= 2);
    let gigs = noor.asks(RECOMMENDED, json!({})).await;
    let gigs = &gigs.data()["viewer"]["recommendedGigs"];
    assert_eq!((gigs["foundBy"].as_str(), gigs["edges"].as_array().map(Vec::len)), (Some("INDEX"), Some(1)));
    assert_eq!(gigs["edges"][0]["node"]["gig"]["id"], other.as_str());
}

#[tokio::test]
async fn changes_that_commit_out_of_order_are_all_seen() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let omar = freelancer(&app, "omar", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;

    // The first change is written first, and committed last.
    let hide = "update freelancer_profiles set visibility = 'hidden' where user_id = $1::uuid";
    let of = |person: &Person<'_>| {
        use domain::id::{Id, UserId};
        person.id.parse::<UserId>().unwrap().uuid()
    };
    let mut slow = app.pool().begin().await.unwrap();
    sqlx::query(hide).bind(of(&lin)).execute(&mut *slow).await.unwrap();
    sqlx::query(hide).bind(of(&omar)).execute(app.pool()).await.unwrap();
    assert_eq!(catch_up(&mut index).await, 1, "what is committed is seen, though something older still runs");
    assert_eq!(catch_up(&mut index).await, 0, "and not read again and again meanwhile");
    assert_eq!(app.market.index_vitals().unwrap().people, 1);
    slow.commit().await.unwrap();
    assert_eq!(catch_up(&mut index).await, 1);
    assert_eq!(app.market.index_vitals().unwrap().people, 0);
    assert_eq!(who(&matches(&ada, &id, 10, None).await), Vec::<&str>::new());
}

#[tokio::test]
async fn a_change_is_seen_that_was_written_before_the_newest_and_committed_after_it() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;

    // Three changes of the same person: the second is written before the third, and committed after it.
    let reword = "update freelancer_profiles set headline = $2 where public_id('usr', user_id) = $1";
    let rewords = async |headline: &str| {
        sqlx::query(reword).bind(&lin.id).bind(headline).execute(app.pool()).await.unwrap();
    };
    rewords("Rust developer").await;
    let mut slow = app.pool().begin().await.unwrap();
    let suspend = "update users set suspended_at = now() where public_id('usr', id) = $1";
    sqlx::query(suspend).bind(&lin.id).execute(&mut *slow).await.unwrap();
    rewords("Rust engineer").await;
    assert_eq!(catch_up(&mut index).await, 1);
    assert_eq!(app.market.index_vitals().unwrap().people, 1);
    slow.commit().await.unwrap();
    assert_eq!(catch_up(&mut index).await, 1, "as many lines as before, the newest the same, and one of them another");
    assert_eq!(app.market.index_vitals().unwrap().people, 0);
    assert_eq!(who(&matches(&ada, &id, 10, None).await), Vec::<&str>::new());
}

#[tokio::test]
async fn an_index_that_is_behind_shows_nobody_who_may_no_longer_be_shown() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let admin = app.admin("root").await;
    let suspended = freelancer(&app, "sami", "Rust engineer", &["rust", "postgresql"]).await;
    let hidden = freelancer(&app, "hiba", "Rust engineer", &["rust", "postgresql"]).await;
    let booked = freelancer(&app, "bano", "Rust engineer", &["rust", "postgresql"]).await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let noor = freelancer(&app, "noor", "Rust engineer", &["rust"]).await;
    let input = json!({ "clientId": ada.organization, "title": "Rust engineer for a ledger", "description": "Double entry on PostgreSQL, tested.",
        "kind": "HOURLY", "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } }, "weeklyHours": 20,
        "requiredSkills": [skill(&app, "rust").await] });
    let id = ada.does("gigCreate", input, "gig { id }").await.text("gig.id");
    ada.does("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
    let _behind = index(&app).await;
    assert_eq!(who(&matches(&ada, &id, 10, None).await).len(), 5);

    let input = json!({ "userId": suspended.id, "reason": "Asked clients to pay elsewhere." });
    admin.does("userSuspend", input, "user { id }").await.ok();
    hidden.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    booked.does("profileUpdate", json!({ "weeklyHours": 5 }), "profile { id }").await.ok();

    let found = matches(&ada, &id, 10, None).await;
    assert_eq!(found["foundBy"], "INDEX");
    let mut shown = who(&found);
    shown.sort_unstable();
    let mut expected = [lin.id.as_str(), noor.id.as_str()];
    expected.sort_unstable();
    assert_eq!(shown, expected, "{found:#}");
    // A page that lost some is filled up with those who come next.
    assert_eq!(who(&matches(&ada, &id, 2, None).await).len(), 2);

    // Gigs the same: one that was paused is recommended to nobody.
    ada.does("gigPause", json!({ "gigId": id }), "gig { state }").await.ok();
    let gigs = lin.asks(RECOMMENDED, json!({})).await;
    let gigs = &gigs.data()["viewer"]["recommendedGigs"];
    assert_eq!((&gigs["foundBy"], &gigs["edges"]), (&json!("INDEX"), &json!([])));
}

#[tokio::test]
async fn what_weighs_on_people_fades_for_all_of_them_however_few_are_read_at_a_time() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (id, other) = (gig(&app, &ada).await, gig(&app, &ada).await);
    for name in ["lin", "omar", "noor"] {
        let person = freelancer(&app, name, "Rust engineer", &["rust"]).await;
        let invitation = json!({ "gigId": other, "freelancerId": person.id });
        ada.does("invitationSend", invitation, "invitation { id }").await.ok();
    }
    let mut index = index(&app).await.fading_by(2);
    let scores = async |source: &str| {
        let found = matches(&ada, &id, 10, None).await;
        assert_eq!(found["foundBy"], source);
        let edges = found["edges"].as_array().unwrap().clone();
        let scores = edges.iter().map(|edge| edge["node"]["score"].as_f64().unwrap());
        scores.collect::<Vec<f64>>()
    };
    let before = scores("INDEX").await;
    app.market.clock().advance(TimeDelta::hours(25));
    let read = [catch_up(&mut index).await, catch_up(&mut index).await, catch_up(&mut index).await];
    assert_eq!(read, [2, 1, 0], "those who are left at the next look");
    let after = scores("INDEX").await;
    assert_eq!(after.len(), 3);
    for (before, after) in before.iter().zip(&after) {
        assert!(after > before, "{before} {after}");
    }
    app.market.clock().advance(TimeDelta::seconds(31));
    assert_eq!(scores("DATABASE").await, after);
}

#[tokio::test]
async fn finished_work_fades_in_the_index_as_in_the_database_though_nothing_happens() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    deal.freelancer.does("profileUpdate", json!({ "headline": "Rust engineer" }), "profile { id }").await.ok();
    holds(&deal.freelancer, &["rust", "postgresql"]).await;
    let ada = app.client("ada").await;
    let id = gig(&app, &ada).await;
    let file = file(&app);
    let begin = async || Follower::begin(&app.market, Some(file.clone())).await.expect("the index is there");
    let believed = async |source: &str| {
        let found = matches(&ada, &id, 10, None).await;
        assert_eq!((found["foundBy"].as_str(), who(&found)), (Some(source), vec![deal.freelancer.id.as_str()]));
        let factors = found["edges"][0]["node"]["factors"].as_array().unwrap().clone();
        factors.into_iter().find(|factor| factor["kind"] == "REPUTATION").unwrap()["value"].as_f64().unwrap()
    };

    let mut index = begin().await;
    let fresh = believed("INDEX").await;
    app.market.clock().advance(TimeDelta::days(14));
    let later = believed("DATABASE").await;
    assert!(later < fresh, "{later} {fresh}");
    assert_eq!(catch_up(&mut index).await, 1, "whose work is over");
    assert_eq!(believed("INDEX").await, later);
    app.market.clock().advance(TimeDelta::minutes(1));
    assert_eq!(believed("DATABASE").await, later, "another minute of the same week is nothing");
    index.rest().await.unwrap();

    // Nor does a snapshot keep what was, however long it lay there.
    app.market.clock().advance(TimeDelta::days(14));
    let last = believed("DATABASE").await;
    assert!(last < later, "{last} {later}");
    let index = begin().await;
    assert!(index.began_with_snapshot());
    assert_eq!(believed("INDEX").await, last);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn what_would_raise_a_match_is_told_from_the_place_that_is_left_when_others_fall_out() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let hiba = freelancer(&app, "hiba", "Rust engineer", &["rust", "postgresql"]).await;
    freelancer(&app, "noor", "Rust engineer", &["rust", "postgresql"]).await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let _behind = index(&app).await;
    let told = async || {
        let found = matches(&ada, &id, 10, None).await;
        let last = found["edges"].as_array().unwrap().last().unwrap().clone();
        last["node"]["improvements"][0]["sentence"].as_str().unwrap().to_owned()
    };
    assert_eq!(told().await, "+ PostgreSQL → from 3rd to 1st");
    hiba.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    assert_eq!(told().await, "+ PostgreSQL → from 2nd to 1st");
}

#[tokio::test]
async fn who_was_shown_is_read_again_however_late_that_was_written() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;
    app.market.clock().advance(TimeDelta::minutes(59));
    assert_eq!(who(&matches(&ada, &id, 10, None).await).len(), 1);
    app.market.clock().advance(TimeDelta::minutes(1));
    assert_eq!(catch_up(&mut index).await, 0, "nothing is written yet");
    app.market.impressions_write().await.unwrap();
    app.market.clock().advance(TimeDelta::minutes(60));
    assert_eq!(catch_up(&mut index).await, 1);
}

#[tokio::test]
async fn what_becomes_of_a_clients_other_gigs_and_money_shows_in_all_of_its_gigs() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let (id, other) = (gig(&app, &deal.client).await, gig(&app, &deal.client).await);
    let mut index = index(&app).await;
    let client = async || {
        let query =
            "{ viewer { recommendedGigs(first: 5) { foundBy nodes { gig { id } factors { kind evidence } } } } }";
        let found = lin.asks(query, json!({})).await.data()["viewer"]["recommendedGigs"].clone();
        assert_eq!(found["foundBy"], "INDEX");
        let node = found["nodes"].as_array().unwrap().iter().find(|node| node["gig"]["id"] == id.as_str()).cloned();
        let factors = node.unwrap()["factors"].as_array().unwrap().clone();
        let of_client = factors.into_iter().find(|factor| factor["kind"] == "CLIENT").unwrap();
        of_client["evidence"].as_str().unwrap().to_owned()
    };
    assert_eq!(client().await, "the client's payment is not verified, no gig of theirs is over yet");
    deal.client.does("gigCancel", json!({ "gigId": other }), "gig { state }").await.ok();
    assert!(catch_up(&mut index).await > 0);
    assert_eq!(client().await, "the client's payment is not verified, 0 of 1 gigs hired");
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    assert!(catch_up(&mut index).await > 0);
    assert_eq!(client().await, "the client's payment is verified, 0 of 1 gigs hired");
    deal.client.does("gigReopen", json!({ "gigId": other }), "gig { state }").await.ok();
    assert!(catch_up(&mut index).await > 0);
    assert_eq!(client().await, "the client's payment is verified, no gig of theirs is over yet");
}

#[tokio::test]
async fn an_index_too_far_behind_is_not_asked() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;
    app.market.clock().advance(TimeDelta::seconds(30));
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((found["foundBy"].as_str(), found["indexLag"].as_i64()), (Some("INDEX"), Some(30_000)));
    app.market.clock().advance(TimeDelta::seconds(1));
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((found["foundBy"].as_str(), found["indexLag"].as_i64()), (Some("DATABASE"), Some(0)));
    assert_eq!(found["edges"].as_array().map(Vec::len), Some(1));
    catch_up(&mut index).await;
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((found["foundBy"].as_str(), found["indexLag"].as_i64()), (Some("INDEX"), Some(0)));
}

#[tokio::test]
async fn a_snapshot_is_begun_with_and_what_changed_since_is_read_again() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let omar = freelancer(&app, "omar", "Engineer", &["photoshop"]).await;
    let id = gig(&app, &ada).await;
    let file = file(&app);
    let begin = async || Follower::begin(&app.market, Some(file.clone())).await.expect("the index is there");

    let first = begin().await;
    assert!(!first.began_with_snapshot());
    first.rest().await.unwrap();
    holds(&lin, &["photoshop"]).await;
    holds(&omar, &["rust", "postgresql"]).await;
    let second = begin().await;
    assert!(second.began_with_snapshot());
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((found["foundBy"].as_str(), who(&found)[0]), (Some("INDEX"), omar.id.as_str()));
    second.rest().await.unwrap();

    // What changed is only kept for so long: a snapshot older than that does not help.
    holds(&omar, &["rust"]).await;
    holds(&omar, &["rust", "postgresql"]).await;
    sqlx::query("select matching_changes_trim(1)").execute(app.pool()).await.unwrap();
    let third = begin().await;
    assert!(!third.began_with_snapshot());
    assert_eq!(who(&matches(&ada, &id, 10, None).await)[0], omar.id);
    third.rest().await.unwrap();

    // Nor does one that was damaged, or cut short, or is another database's.
    let whole = std::fs::read(&file).unwrap();
    let middle = whole.len() / 2;
    let mut damaged = whole.clone();
    damaged[middle] ^= 1;
    let label_ends = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let label: Value = serde_json::from_slice(&whole[..label_ends]).unwrap();
    let mut foreign = label.clone();
    foreign["database"] = json!(1);
    let foreign = [serde_json::to_vec(&foreign).unwrap(), whole[label_ends..].to_vec()].concat();
    for bytes in [&damaged, &whole[..middle].to_vec(), &foreign, &Vec::new()] {
        std::fs::write(&file, bytes).unwrap();
        let anew = begin().await;
        assert!(!anew.began_with_snapshot());
        anew.rest().await.unwrap();
    }
    std::fs::write(&file, &whole).unwrap();
    assert!(begin().await.began_with_snapshot());
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn an_index_that_was_left_behind_for_too_long_is_built_anew() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let omar = freelancer(&app, "omar", "Engineer", &["photoshop"]).await;
    let id = gig(&app, &ada).await;
    let mut index = index(&app).await;
    holds(&lin, &["photoshop"]).await;
    holds(&omar, &["rust", "postgresql"]).await;
    // Their lines are gone before they were read.
    sqlx::query("select matching_changes_trim(0)").execute(app.pool()).await.unwrap();
    catch_up(&mut index).await;
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!((found["foundBy"].as_str(), who(&found)[0]), (Some("INDEX"), omar.id.as_str()));
}

#[tokio::test]
async fn the_index_is_kept_while_people_work_and_written_down_when_it_ends() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let file = file(&app).with_extension("kept");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let following = tokio::spawn(infra::matching::follow(app.market.clone(), Some(file.clone()), stopped.clone()));
    let writing = tokio::spawn(infra::matching::write_down(app.market.clone(), stopped));
    let until = async |people: usize| {
        while app.market.index_vitals().is_none_or(|vitals| vitals.people != people) {
            tests::moment().await;
        }
    };
    until(1).await;
    freelancer(&app, "omar", "Rust engineer", &["rust"]).await;
    until(2).await;
    assert_eq!(who(&matches(&ada, &id, 10, None).await).len(), 2);
    stop.send_replace(true);
    following.await.unwrap();
    writing.await.unwrap();
    let shown: i64 = sqlx::query_scalar("select count(*) from exposures").fetch_one(app.pool()).await.unwrap();
    assert_eq!(shown, 2, "what was shown is written down before it ends");
    assert!(Follower::begin(&app.market, Some(file.clone())).await.unwrap().began_with_snapshot());
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn the_lag_of_the_index_shows_in_the_metrics_and_its_state_in_the_readiness() {
    use api::operations::{self, Detail, Operations, Worker};
    let app = TestApp::new().await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let operations = Operations::new(app.market.clone(), Worker::Elsewhere);
    // No other test of this program counts, so the gauges are this one's.
    let probes = operations.probes(Detail::Everything, &api::http::Settings::default());
    let router = probes.merge(operations.metrics(operations::count().unwrap()));
    let get = async |path: &str| tests::get(&router, path).await;
    let state = async || {
        let ready = loop {
            let ready: Value = serde_json::from_str(&get("/readyz").await).unwrap();
            // On a busy machine a database may take longer to answer than a probe waits.
            if ready["database"] != "silent" {
                break ready;
            }
        };
        assert_eq!(ready["ready"], true, "matching answers without its index, too: {ready}");
        ready["index"].as_str().unwrap().to_owned()
    };
    let gauge = async |name: &str| {
        let metrics = get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} "))).map(str::to_owned);
        line.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
    };
    assert_eq!((state().await.as_str(), gauge("rabta_matching_index_up").await), ("not yet", Some(0.0)));
    assert_eq!(gauge("rabta_matching_lag_seconds").await, None);

    let mut index = index(&app).await;
    assert_eq!((state().await.as_str(), gauge("rabta_matching_index_up").await), ("ok", Some(1.0)));
    assert_eq!(gauge("rabta_matching_lag_seconds").await, Some(0.0));
    assert_eq!((gauge("rabta_matching_people").await, gauge("rabta_matching_gigs").await), (Some(1.0), Some(0.0)));
    assert!(gauge("rabta_matching_bytes").await.unwrap() > 0.0);
    app.market.clock().advance(TimeDelta::milliseconds(12_500));
    assert_eq!((state().await.as_str(), gauge("rabta_matching_lag_seconds").await), ("ok", Some(12.5)));
    app.market.clock().advance(TimeDelta::seconds(20));
    assert_eq!((state().await.as_str(), gauge("rabta_matching_lag_seconds").await), ("behind", Some(32.5)));
    catch_up(&mut index).await;
    assert_eq!((state().await.as_str(), gauge("rabta_matching_lag_seconds").await), ("ok", Some(0.0)));
}

#[test]
fn what_changes_while_a_new_base_is_built_is_in_it() {
    // One thread for what takes long, so that a base waits until it is let.
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let app = TestApp::new().await;
        let ada = app.client("ada").await;
        let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
        let omar = freelancer(&app, "omar", "Engineer", &["photoshop"]).await;
        let id = gig(&app, &ada).await;
        let mut index = index(&app).await;
        let settled = async || tokio::task::spawn_blocking(|| ()).await.unwrap();
        settled().await;
        catch_up(&mut index).await;

        // A base is due, and has to wait its turn.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        app.market.clock().advance(TimeDelta::minutes(11));
        holds(&lin, &["rust"]).await;
        catch_up(&mut index).await;
        holds(&lin, &["photoshop"]).await;
        holds(&omar, &["rust", "postgresql"]).await;
        assert_eq!(catch_up(&mut index).await, 2);
        go.send(()).unwrap();
        busy.await.unwrap().unwrap();
        settled().await;
        catch_up(&mut index).await;
        let found = matches(&ada, &id, 10, None).await;
        assert_eq!((found["foundBy"].as_str(), who(&found)[0]), (Some("INDEX"), omar.id.as_str()));
    });
}

#[tokio::test]
async fn a_gig_that_was_closed_to_the_public_is_recommended_to_nobody_however_old_the_index() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let _behind = index(&app).await;
    let edges = async || lin.asks(RECOMMENDED, json!({})).await.data()["viewer"]["recommendedGigs"]["edges"].clone();
    assert_eq!(edges().await.as_array().map(Vec::len), Some(1));
    app.market.impressions_write().await.unwrap();
    ada.does("gigUpdate", json!({ "gigId": id, "visibility": "INVITE_ONLY" }), "gig { id }").await.ok();
    assert_eq!(edges().await, json!([]));
    // Nor can it be opened any more from a page that still shows it.
    let open = json!({ "gigId": id, "freelancerId": lin.id });
    assert_eq!(lin.does("matchOpen", open, "noted").await.refused(), ["NOT_FOUND"]);
    // Whoever is invited to it sees it, and it is no recommendation all the same.
    let invitation = json!({ "gigId": id, "freelancerId": lin.id });
    ada.does("invitationSend", invitation, "invitation { id }").await.ok();
    assert_eq!(edges().await, json!([]));
}
