//! What becomes of a week whose money a bank took, and gives back.

use tests::books::{assert_books, books};

use super::*;
use crate::stripe::story::losses;

fn won(reference: &str) -> ProcessorFact {
    ProcessorFact::ChargebackWon { reference: reference.to_owned() }
}

#[tokio::test]
async fn a_week_whose_bank_gives_its_money_back_is_paid_once() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = approved(&hours).await;
    let (id, ..) = payment(&hours, &week).await;
    tells(&app, "evt_1", &id, charged_back("dp_1", 25_175)).await;
    assert_eq!((hours.status(&week).await.as_str(), losses(&app).await), ("CHARGED_BACK", 733));
    for event in ["evt_2", "evt_3"] {
        tells(&app, event, &id, won("dp_1")).await;
        let [funded, held, released, fee, refunded, charged_back] = hours.money(&week).await;
        assert_eq!((funded, held, released + fee, refunded, charged_back), (24_442, 0, 24_442, 0, 0));
        assert_eq!((hours.status(&week).await.as_str(), hours.balances().await), ("PAID", [0, 0, released]));
        assert_eq!((losses(&app).await, hours.client_balances().await), (0, [0, 0]), "none of it is credit");
    }
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn what_a_bank_gives_back_in_part_of_a_week_that_was_paid_makes_up_for_our_loss_once() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = approved(&hours).await;
    let (id, ..) = payment(&hours, &week).await;
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.status(&week).await, "PAID");
    let paid = hours.balances().await;
    tells(&app, "evt_1", &id, charged_back("dp_1", 20_000)).await;
    assert_eq!(losses(&app).await, 20_000);
    for event in ["evt_2", "evt_3"] {
        let back = ProcessorFact::GivenBack { reference: "dp_1".to_owned(), amount: Money::usd(5_000).unwrap() };
        tells(&app, event, &id, back).await;
        assert_eq!(losses(&app).await, 15_000);
    }
    tells(&app, "evt_4", &id, won("dp_1")).await;
    assert_eq!((losses(&app).await, hours.balances().await), (0, paid));
    assert_books(&books(app.pool()).await);
}
