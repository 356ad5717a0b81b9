//! Who is served at once, and who has to wait for whom.

use chrono::TimeDelta;
use tests::TestApp;
use tests::receiver::{Answer, Receiver};

use super::hooks;

#[tokio::test]
async fn sixteen_that_are_not_known_to_be_slow_are_served_at_once() {
    let app = TestApp::with_webhooks().await;
    let hanging = Receiver::start(Answer::Never).await;
    for name in ["bea", "cem", "dan", "eva"] {
        let client = app.client(name).await;
        for _ in 0..5 {
            hooks(&client, &hanging.url(), &["OFFER_ACCEPTED"]).await.pings(&client).await;
        }
    }
    let one_is_over = async || {
        let tried = "select exists (select from webhook_deliveries where attempts > 0)";
        while !sqlx::query_scalar::<_, bool>(tried).fetch_one(app.pool()).await.unwrap() {
            tests::moment().await;
        }
    };
    tokio::select! {
        () = app.settles() => panic!("it ended before all had heard"),
        () = one_is_over() => panic!("one waits for another"),
        () = hanging.has_heard(17) => panic!("there are more than there are places for"),
        () = hanging.has_heard(16) => {}
    }
    let taken_up = "select count(*) from webhook_endpoints where leased_until is not null";
    let taken_up: i64 = sqlx::query_scalar(taken_up).fetch_one(app.pool()).await.unwrap();
    assert_eq!(taken_up, 16, "there are more than there are places for");
}

#[tokio::test]
async fn one_that_is_slow_stays_so_where_there_is_nothing_to_send_it() {
    let app = TestApp::with_hasty_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Never).await;
    hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await.pings(&ada).await;
    app.settles().await;
    // What waited for it is forgotten before it is looked at again.
    app.market.clock().advance(TimeDelta::days(30));
    app.market.tidy().await.unwrap();
    app.settles().await;
    assert_eq!(receiver.told().len(), 1);
    let stands = "select due_at is null, slow from webhook_endpoints";
    let stands: (bool, bool) = sqlx::query_as(stands).fetch_one(app.pool()).await.unwrap();
    assert_eq!(stands, (true, true), "it was looked at, and is slow");
}

#[tokio::test]
async fn what_waits_for_one_that_is_slow_or_takes_nothing_is_no_sign_that_workers_are_missing() {
    let app = TestApp::with_webhooks().await;
    let (ada, bea) = (app.client("ada").await, app.client("bea").await);
    let (well, not) = (Receiver::start(Answer::Status(200)).await, Receiver::start(Answer::Status(503)).await);
    hooks(&bea, &not.url(), &["OFFER_ACCEPTED"]).await.pings(&bea).await;
    app.settles().await;
    let waits = async || {
        let vitals = app.market.vitals().await.unwrap();
        (vitals.webhook_deliveries_waiting, vitals.webhook_deliveries_lag_seconds)
    };
    app.market.clock().advance(TimeDelta::minutes(10));
    assert_eq!(waits().await, (1, 0));
    hooks(&ada, &well.url(), &["OFFER_ACCEPTED"]).await.pings(&ada).await;
    app.market.clock().advance(TimeDelta::minutes(10));
    assert_eq!(waits().await, (2, 600));
    let slow = "update webhook_endpoints set slow = true where failing_since is null";
    assert_eq!(sqlx::query(slow).execute(app.pool()).await.unwrap().rows_affected(), 1);
    assert_eq!(waits().await, (2, 0));
}
