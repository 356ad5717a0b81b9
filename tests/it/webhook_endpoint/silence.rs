//! What is made of it when an endpoint does not answer: it may be gone, or our own network is down.

use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, Row};
use tests::receiver::{Answer, Receiver, nowhere};
use tests::{Person, TestApp};

use super::{Hook, hooks};

/// An endpoint that something waits for.
async fn told(client: &Person<'_>, url: &str) -> Hook {
    let hook = hooks(client, url, &["OFFER_ACCEPTED"]).await;
    hook.pings(client).await;
    hook
}

async fn status(hook: &Hook, client: &Person<'_>) -> String {
    hook.look(client).await["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_answer_of_long_ago_says_nothing_of_the_network_now() {
    let app = TestApp::with_webhooks().await;
    let (ada, bea, cem) = (app.client("ada").await, app.client("bea").await, app.client("cem").await);
    let well = Receiver::start(Answer::Status(200)).await;
    told(&cem, &well.url()).await;
    app.settles().await;
    assert_eq!(well.told().len(), 1);
    app.passes(TimeDelta::hours(1)).await;
    let url = nowhere();
    let (one, other) = (told(&ada, &url).await, told(&bea, &url).await);
    app.settles().await;
    app.passes(TimeDelta::days(4)).await;
    assert_eq!([status(&one, &ada).await, status(&other, &bea).await], ["ENABLED", "ENABLED"]);
}

#[tokio::test]
async fn whoever_answered_since_has_shown_that_the_network_is_well_whatever_they_said_and_did_after_it() {
    for answer in [Answer::Status(200), Answer::Status(500), Answer::Once(200)] {
        let app = TestApp::with_hasty_webhooks().await;
        let (ada, bea, cem) = (app.client("ada").await, app.client("bea").await, app.client("cem").await);
        let url = nowhere();
        let (one, other) = (told(&ada, &url).await, told(&bea, &url).await);
        app.settles().await;
        app.passes(TimeDelta::hours(12)).await;
        let receiver = Receiver::start(answer).await;
        let third = told(&cem, &receiver.url()).await;
        third.pings(&cem).await;
        app.settles().await;
        let heard = receiver.told().len();
        assert_eq!(heard, if answer == Answer::Status(500) { 1 } else { 2 }, "{answer:?}");
        // Then it is gone, too.
        sqlx::query("update webhook_endpoints set url = $1").bind(&url).execute(app.pool()).await.unwrap();
        third.pings(&cem).await;
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(receiver.told().len(), heard, "{answer:?}");
        assert_eq!([status(&one, &ada).await, status(&other, &bea).await], ["FAILED", "FAILED"], "{answer:?}");
    }
}

#[tokio::test]
async fn what_nobody_else_is_sent_in_vain_just_now_is_held_against_an_endpoint_that_does_not_answer() {
    let app = TestApp::with_webhooks().await;
    let (ada, bea) = (app.client("ada").await, app.client("bea").await);
    let url = nowhere();
    let (one, another) = (told(&bea, &url).await, told(&bea, &url).await);
    app.settles().await;
    app.passes(TimeDelta::days(3)).await;
    let both = [status(&one, &bea).await, status(&another, &bea).await];
    assert_eq!(both, ["FAILED", "FAILED"], "an organization does not vouch for itself");
    let other = told(&ada, &url).await;
    app.settles().await;
    app.passes(TimeDelta::days(3)).await;
    assert_eq!(status(&other, &ada).await, "FAILED", "nor does one that is switched off");
}

#[tokio::test]
async fn an_address_that_leads_inside_by_now_is_held_against_an_endpoint_whoever_else_is_silent() {
    // Nobody is reached from here.
    let app = TestApp::new().await;
    let (ada, bea) = (app.client("ada").await, app.client("bea").await);
    let (one, _) = (told(&ada, "https://a.example/").await, told(&bea, "https://b.example/").await);
    let inside = "update webhook_endpoints set url = 'https://10.0.0.1/' where url = 'https://a.example/'";
    assert_eq!(sqlx::query(inside).execute(app.pool()).await.unwrap().rows_affected(), 1);
    app.settles().await;
    assert_eq!(one.deliveries(&ada).await[0]["lastTrouble"], "NOT_PUBLIC");
    app.passes(TimeDelta::days(3)).await;
    assert_eq!(status(&one, &ada).await, "FAILED");
}

/// It is asked at every silence of each of them: an outage has all of them silent, and would read all of them for each.
#[tokio::test]
async fn whether_anybody_answers_is_asked_of_two_indexes_however_many_endpoints_there_are() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    told(&ada, &nowhere()).await;
    app.settles().await;
    app.statements();
    app.passes(TimeDelta::hours(1)).await;
    let asked = app.statements().into_iter().find(|statement| statement.contains("as nobody")).unwrap();
    // Of a table as small as this all would be read; that is left out, so that what an index can answer it does.
    let explain = format!(
        "begin; set local enable_seqscan = off; set local enable_bitmapscan = off;
         set local plan_cache_mode = force_generic_plan;
         prepare asked as {asked}; explain (costs off) execute asked (null, null, null); deallocate asked; rollback"
    );
    let plan = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(app.pool()).await.unwrap();
    let plan = plan.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n");
    assert!(plan.contains("using webhook_endpoints_failing on"), "{plan}");
    let since = plan.lines().skip_while(|line| !line.contains("using webhook_endpoints_answered on")).nth(1);
    assert!(since.is_some_and(|line| line.contains("Index Cond: (answered_at > $")), "{plan}");
}
