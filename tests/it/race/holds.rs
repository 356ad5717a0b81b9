//! Our people begin to look at a contract while money of it is about to be had.

use super::*;

async fn review(admin: &Person<'_>, verb: &str, contract: &str) {
    let input = json!({ "contractId": contract, "reason": "COMPLIANCE_REVIEW", "note": "A name to look at" });
    admin.does(verb, input, "contract { status }").await.ok();
}

/// Our people hold the contract: what can be had once they are answered.
async fn held(deal: &Deal<'_>, admin: &Person<'_>) -> ([i64; 3], i64) {
    review(admin, "contractHold", &deal.contract).await;
    (deal.balances().await, deal.credit().await)
}

#[tokio::test]
async fn a_hold_that_comes_between_the_look_and_the_write_of_a_release() {
    let app = TestApp::new().await;
    let (deal, admin) = (app.submitted().await, app.admin("noor").await);
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), STATUS).await.ok();
    app.market.clock().advance(TimeDelta::days(5));
    assert_eq!(deal.balances().await, [0, 95_000, 0]);
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut first = other.begin().await.unwrap();
    sqlx::query("select from milestones for update").execute(&mut *first).await.unwrap();
    let release = async {
        // The hold waits for the milestone, and is nobody's to see; the release is behind it.
        stand_in_line(&app, 1).await;
        app.market.work_once().await.unwrap();
    };
    let both = async {
        stand_in_line(&app, 2).await;
        first.rollback().await.unwrap();
    };
    let (there, ((), ())) = join(held(&deal, &admin), join(release, both)).await;
    assert_eq!(there.0, [0, 95_000, 0], "who comes second knows of the first");
    app.passes(TimeDelta::days(9)).await;
    assert_eq!(deal.balances().await, there.0, "it is put off from day to day");
    assert_eq!(count(&app, "select count(*) from timers where last_error is not null").await, 0);
    review(&admin, "contractLiftHold", &deal.contract).await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    settled(&app).await;
}

#[tokio::test]
async fn a_hold_that_comes_between_the_look_and_the_write_of_a_refund() {
    let app = TestApp::new().await;
    let (deal, admin) = (app.contracted().await, app.admin("noor").await);
    let back = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", back.clone(), STATUS).await.ok();
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut first = other.begin().await.unwrap();
    sqlx::query("select from milestones for update").execute(&mut *first).await.unwrap();
    let agree = async {
        stand_in_line(&app, 1).await;
        deal.freelancer.does_once("milestoneAgreeRefund", back.clone(), STATUS).await
    };
    let both = async {
        stand_in_line(&app, 2).await;
        first.rollback().await.unwrap();
    };
    let (there, (agreed, ())) = join(held(&deal, &admin), join(agree, both)).await;
    assert_eq!(agreed.refused(), ["COMPLIANCE_REVIEW"]);
    assert_eq!((there.1, deal.credit().await), (0, 0));
    settled(&app).await;
}

#[tokio::test]
async fn holding_against_releasing_and_refunding() {
    let app = TestApp::new().await;
    let (deal, admin) = (app.contracted().await, app.admin("noor").await);
    for _ in 0..rounds() {
        let (released, _) = submitted(&deal).await;
        deal.client.does("milestoneApprove", json!({ "milestoneId": released }), STATUS).await.ok();
        app.market.clock().advance(TimeDelta::days(5));
        let workers = join_all((0..AT_ONCE).map(|_| app.market.work_once()));
        let (there, worked) = join(held(&deal, &admin), workers).await;
        assert!(worked.iter().all(Result::is_ok), "{worked:?}");
        assert_eq!(deal.balances().await, there.0, "once they are answered, nothing moves");
        review(&admin, "contractLiftHold", &deal.contract).await;
        app.passes(TimeDelta::days(1)).await;

        let back = json!({ "milestoneId": funded(&deal).await });
        deal.client.does("milestoneRequestRefund", back.clone(), STATUS).await.ok();
        let replies = crowd(|_| deal.freelancer.does_once("milestoneAgreeRefund", back.clone(), STATUS));
        let (there, replies) = join(held(&deal, &admin), replies).await;
        Outcomes::of(&replies).refused_only(&["COMPLIANCE_REVIEW"]);
        assert_eq!(deal.credit().await, there.1, "once they are answered, nothing moves");
        review(&admin, "contractLiftHold", &deal.contract).await;
        settled(&app).await;
    }
}
