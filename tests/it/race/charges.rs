//! A week's charge: the processor's word that it succeeded, against the clock that gives it up.

use domain::id::PaymentId;

use super::*;

/// The processor says fifty times at once that a payment succeeded: half of them the same event told
/// again, the others other events about the same fact.
async fn succeeds(app: &TestApp, payment: &str, minor: i64) -> Vec<Result<(), infra::Failure>> {
    let payment: PaymentId = payment.parse().unwrap();
    join_all((0..AT_ONCE).map(|place| {
        let fact = ProcessorFact::Succeeded { intent: "pi".to_owned(), received: Money::usd(minor).unwrap() };
        let id = format!("evt_{payment}_{}", if place.is_multiple_of(2) { 0 } else { place });
        let event = ProcessorEvent { source: "sandbox".to_owned(), id, payment, fact };
        let market = app.market.clone();
        async move { market.processor_event(&event).await }
    }))
    .await
}

#[tokio::test]
async fn a_charge_that_succeeds_against_its_expiry() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_silent").await;
        let week = hours.worked(&app.market.clock().now().date_naive().to_string(), 60).await;
        app.passes(TimeDelta::days(8)).await;
        let approve = json!({ "timesheetId": week });
        hours.client.does("timesheetApprove", approve, "timesheet { status }").await.ok();
        app.settles().await;
        assert_eq!(hours.status(&week).await, "CHARGING");
        let payment = sqlx::query_scalar("select id from payments").fetch_one(app.pool()).await.unwrap();
        let payment = PaymentId::from_uuid(payment).to_string();
        let total = count(&app, "select total_minor from payments").await;

        // The processor speaks at the very moment when it is given up.
        app.market.clock().advance(TimeDelta::days(1));
        let workers = join_all((0..8).map(|_| app.market.work_once()));
        let (heard, worked) = join(succeeds(&app, &payment, total), workers).await;
        assert!(heard.iter().all(Result::is_ok) && worked.iter().all(Result::is_ok), "{heard:?} {worked:?}");
        settled(&app).await;
        assert_eq!(hours.status(&week).await, "HELD");
        assert_eq!(hours.contract_status().await, "ACTIVE", "what it was on hold for is settled");
        assert_eq!(hours.money(&week).await, [3_333, 3_333, 0, 0, 0, 0]);
        assert_eq!(hours.statement().await, ["fund"]);
        assert_eq!(count(&app, "select count(*) from payments").await, 1, "nobody is asked again");
        assert_eq!(count(&app, "select count(*) from timers where kind = 'charge_timesheet'").await, 0);
    }
}

#[tokio::test]
async fn a_payment_that_succeeds_against_its_expiry() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let id = agreed(&deal).await;
        let card = json!({ "milestoneId": id, "paymentMethod": "pm_sandbox_silent" });
        let payment = deal.client.does("milestoneFund", card, "payment { id }").await.text("payment.id");
        app.settles().await;
        app.market.clock().advance(TimeDelta::days(1));
        let workers = join_all((0..8).map(|_| app.market.work_once()));
        let (heard, worked) = join(succeeds(&app, &payment, 103_000), workers).await;
        assert!(heard.iter().all(Result::is_ok) && worked.iter().all(Result::is_ok), "{heard:?} {worked:?}");
        settled(&app).await;
        assert_eq!((entries(&app, &id, "fund").await, status(&deal, &id).await.as_str()), (1, "FUNDED"));
        assert_eq!(deal.credit().await, 0);
        assert_eq!(count(&app, "select count(*) from timers where kind = 'expire_funding'").await, 0);
    }
}

#[tokio::test]
async fn one_week_that_many_pay() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_declined").await;
        let week = hours.worked(&app.market.clock().now().date_naive().to_string(), 60).await;
        app.passes(TimeDelta::days(30)).await;
        assert_eq!(hours.status(&week).await, "UNPAID");
        let failed = count(&app, "select count(*) from payments").await;

        let pay = json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" });
        let replies = crowd(|_| hours.client.does_once("timesheetPay", pay.clone(), "payment { id }")).await;
        let outcomes = Outcomes::of(&replies);
        outcomes.are(1, LATE);
        settled(&app).await;
        assert_eq!(hours.status(&week).await, "HELD");
        assert_eq!(hours.money(&week).await, [3_333, 3_333, 0, 0, 0, 0]);
        assert_eq!(count(&app, "select count(*) from payments where status = 'succeeded'").await, 1);
        assert_eq!(count(&app, "select count(*) from payments").await, failed + 1);
    }
}
