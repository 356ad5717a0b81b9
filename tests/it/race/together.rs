//! What is written in groups: one that has to wait, or fails, holds nobody up and takes nothing with it.

use super::*;

/// Who waits for a lock.
const WAITING: &str =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// A write as the database's `write_one` reads it: the deal's milestone, but for this.
async fn next(app: &TestApp, but: Value) -> String {
    let what = "select jsonb_build_object('kind', 'milestone', 'seen', version, 'brings_out', false,
                    'next', to_jsonb(m) || $1)::text from milestones m";
    sqlx::query_scalar(what).bind(but).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn who_waits_for_a_lock_holds_nobody_up_whose_bid_comes_after() {
    let app = TestApp::new().await;
    let (ada, lin, mia) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("mia").await);
    let bid = plain_bid(&ada).await;
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let lock = "select 1 from users where email like 'lin@%' for update";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    let passes = async {
        stand_in_line(&app, 1).await;
        mia.does("proposalSubmit", bid.clone(), "proposal { id }").await.ok();
        // Left out of its group, it waits for the lock by itself, and does not come again and again.
        stand_in_line(&app, 1).await;
        for _ in 0..20 {
            assert_eq!(count(&app, WAITING).await, 1);
        }
        held.commit().await.unwrap();
    };
    let (waited, ()) = join(lin.does("proposalSubmit", bid.clone(), "proposal { id }"), passes).await;
    waited.ok();
    assert_eq!(count(&app, "select count(*) from proposals where status = 'submitted'").await, 2);
}

#[tokio::test]
async fn fifty_bids_at_once_are_written_in_fewer_groups_and_each_is_there_once() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let bid = plain_bid(&ada).await;
    let mut people = Vec::new();
    for place in 0..AT_ONCE {
        people.push(app.freelancer(&format!("f{place}")).await);
    }
    let before = app.market.groups_written();
    let replies = crowd(|place| people[place].does_once("proposalSubmit", bid.clone(), "proposal { id }")).await;
    Outcomes::of(&replies).are(AT_ONCE, &[]);
    let groups = app.market.groups_written() - before;
    assert!((1..AT_ONCE).contains(&groups), "{groups} groups");
    assert_eq!(count(&app, "select count(distinct freelancer_id) from proposals").await, AT_ONCE as i64);
    assert_eq!(count(&app, "select count(*) from events where name = 'proposal_submitted'").await, AT_ONCE as i64);
}

/// Among what is written together: one whose row is another by now, one whose rules are asked at the end of a transaction
/// and broken, one that can't be read, and two that are right.
#[tokio::test]
async fn in_a_group_each_is_written_or_not_as_if_it_came_alone() {
    let app = TestApp::new().await;
    app.submitted().await;
    let version: i64 = sqlx::query_scalar("select version from milestones").fetch_one(app.pool()).await.unwrap();
    let renamed = next(&app, json!({ "title": "Renamed", "version": version + 1 })).await;
    let disputed = json!({ "status": "disputed", "state": { "status": "disputed" }, "version": version + 2 });
    let after = |what: String| what.replace(&format!("\"seen\": {version}"), &format!("\"seen\": {}", version + 1));
    let undisputed = after(next(&app, disputed).await);
    let again = after(next(&app, json!({ "title": "Renamed again", "version": version + 2 })).await);
    let whats = vec![renamed.clone(), renamed, undisputed.clone(), "{".to_owned(), again];
    let facts = vec!["{}".to_owned(); whats.len()];
    let pool = app.market.db().get_postgres_connection_pool();
    let group = "select write_group($1, $2)";
    let written: Vec<Option<bool>> = sqlx::query_scalar(group).bind(&whats).bind(&facts).fetch_one(pool).await.unwrap();
    assert_eq!(written, [Some(true), Some(false), None, None, Some(true)]);
    let titles: Vec<String> = sqlx::query_scalar("select title from milestones").fetch_all(app.pool()).await.unwrap();
    assert_eq!(titles, ["Renamed again"]);
    // Alone, it says why.
    let undisputed = undisputed.replace(&format!("\"seen\": {}", version + 1), &format!("\"seen\": {}", version + 2));
    let alone = "select write_one($1::jsonb, '{}')";
    let error = sqlx::query(alone).bind(undisputed).execute(pool).await.unwrap_err().to_string();
    assert!(error.contains("dispute"), "{error}");
}
