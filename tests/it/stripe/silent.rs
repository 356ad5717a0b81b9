//! Weeks that Stripe says nothing of: that is nothing against the client's card.

use chrono::TimeDelta;
use tests::TestApp;
use tests::stripe::{Books, Fault, Faults};

use super::story::{approved_week, paid_for};

#[tokio::test]
async fn a_charge_that_stripe_says_nothing_of_is_none_of_the_cards_tries_and_comes_again_the_next_day() {
    let app = TestApp::on_stripe().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    app.stripe().fails(Faults::at("/v1/payment_intents", Fault::Error));
    let week = approved_week(&hours).await;
    assert_eq!(hours.status(&week).await, "CHARGING");
    app.passes(TimeDelta::hours(24)).await;
    let (first, status, _) = paid_for(&hours, &week).await;
    assert_eq!(status, "FAILED", "it is given up before its key is forgotten");
    let seen = hours.week(&week).await;
    assert_eq!((seen["status"].as_str(), seen["failedCharges"].as_i64()), (Some("APPROVED"), Some(0)));
    assert_eq!(hours.contract_status().await, "ACTIVE", "nothing is wrong with the client's card");
    app.stripe().fails(Faults::default());
    app.passes(TimeDelta::hours(25)).await;
    let (second, status, _) = paid_for(&hours, &week).await;
    assert_eq!(status, "SUCCEEDED");
    assert_ne!(second, first);
    assert_eq!(app.stripe().look(|books| books.intents.len()), 1, "it is paid once");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn while_stripe_says_nothing_for_weeks_the_tries_for_a_week_come_to_an_end() {
    let app = TestApp::on_stripe().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    app.stripe().fails(Faults::at("/v1/payment_intents", Fault::Error));
    let week = approved_week(&hours).await;
    app.passes(TimeDelta::days(8)).await;
    assert_eq!(hours.contract_status().await, "ON_HOLD", "a fourth silence counts");
    app.passes(TimeDelta::days(16)).await;
    assert_eq!(hours.status(&week).await, "UNPAID");
    let tries = "select count(*) from payments where timesheet_id is not null";
    let tries: i64 = sqlx::query_scalar(tries).fetch_one(app.pool()).await.unwrap();
    assert_eq!(tries, 7, "three silences, and the four tries of a card");
    assert_eq!(app.stripe().look(Books::balance), 0);
}
