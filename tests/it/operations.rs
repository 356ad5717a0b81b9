//! What those who run it can look at: readiness that tells the truth, and money that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::http::Settings;
use api::operations::{Detail, Operations, Worker};
use chrono::TimeDelta;
use infra::vitals::PayoutsOpen;
use serde_json::{Value, json};
use tests::{PASSWORD, TestApp};

async fn ready(node: &TestApp, worker: Worker) -> Value {
    loop {
        let operations = Operations::new(node.market.clone(), worker.clone());
        let probes = operations.probes(Detail::Everything, &Settings::default());
        let seen: Value = serde_json::from_str(&tests::get(&probes, "/readyz").await).unwrap();
        // On a busy machine a database may take longer to answer than a probe waits.
        if seen["database"] != "silent" {
            return seen;
        }
    }
}

#[tokio::test]
async fn a_database_that_takes_nothing_is_not_ready() {
    let app = TestApp::new().await;
    let seen = ready(&app, Worker::Elsewhere).await;
    assert_eq!((&seen["ready"], &seen["database"]), (&json!(true), &json!("ok")), "{seen}");
    // As after a failover to a standby, or when somebody keeps a full disk from being filled.
    let stop = "do $$ begin
        execute format('alter database %I set default_transaction_read_only = on', current_database());
    end $$";
    sqlx::raw_sql(stop).execute(app.pool()).await.unwrap();
    let seen = ready(&app.second_node().await, Worker::Elsewhere).await;
    let told = (&seen["ready"], &seen["database"], &seen["migrations"]);
    assert_eq!(told, (&json!(false), &json!("read only"), &json!("ok")), "{seen}");
}

#[tokio::test]
async fn a_standby_is_none_to_connect_to_but_to_look() {
    let app = TestApp::new().await;
    let url = app.app_url();
    infra::market::connect(&url, 1).await.unwrap();
    // Whoever connects from now on is told that it is one.
    let standby = "create schema standby;
        grant usage on schema standby to public;
        create function standby.pg_is_in_recovery() returns boolean language plpgsql as $$ begin return true; end $$;
        do $$ begin
            execute format('alter database %I set search_path = standby, public, pg_catalog', current_database());
        end $$";
    sqlx::raw_sql(standby).execute(app.pool()).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(1_500), infra::market::connect(&url, 1)).await;
    assert!(!waits.is_ok_and(|connected| connected.is_ok()), "it waits for another");
    assert!(infra::market::connect_to_look(&app.app_url(), 1).await.is_ok());
}

#[tokio::test]
async fn a_worker_that_ended_is_told_and_one_that_rests_with_its_reason() {
    let app = TestApp::new().await;
    let running = Arc::new(AtomicBool::new(true));
    let seen = ready(&app, Worker::Here(Arc::clone(&running))).await;
    assert_eq!((&seen["ready"], &seen["worker"]), (&json!(true), &json!("ok")), "{seen}");

    running.store(false, Ordering::Relaxed);
    let seen = ready(&app, Worker::Here(Arc::clone(&running))).await;
    assert_eq!((&seen["ready"], &seen["worker"]), (&json!(false), &json!("ended")), "{seen}");
}

#[tokio::test]
async fn money_that_waits_is_counted_by_where_it_waits() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Person, sandbox SANCTIONED" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let open = async || app.market.payouts_open().await.unwrap();
    assert!(open().await.iter().all(|open| open.payouts == 0));
    let ask = json!({
        "payoutMethodId": method, "amount": { "amount": "950.00" }, "purposeCode": "9186", "password": PASSWORD,
    });
    deal.freelancer.does("payoutRequest", ask, "payout { id }").await.ok();
    app.settles().await;
    app.market.clock().advance(TimeDelta::minutes(90));
    let waiting: Vec<PayoutsOpen> = open().await.into_iter().filter(|open| open.payouts > 0).collect();
    assert_eq!(waiting, [PayoutsOpen { status: "blocked", payouts: 1, oldest_seconds: 5_400 }]);
    assert_eq!(open().await.len(), 7, "where none waits is told, too");
}

#[tokio::test]
async fn what_the_last_comparison_found_is_known_on_every_node() {
    let app = TestApp::new().await;
    app.released().await;
    let found = async || {
        let vitals = app.second_node().await.market.vitals().await.unwrap();
        (vitals.differences, vitals.uncovered_minor)
    };
    assert_eq!(found().await, (None, None), "nobody looked");
    assert!(app.market.reconcile_when_due().await.unwrap());
    assert_eq!(found().await, (Some(0), Some(0)));
    let worse = "update reconciliations set differences = 2, uncovered_minor = 300 where daily";
    sqlx::raw_sql(worse).execute(app.pool()).await.unwrap();
    assert_eq!(found().await, (Some(2), Some(300)));
}
