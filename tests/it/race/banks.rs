//! A client's bank takes a payment back while its money is on the way elsewhere: what got away before the bank's news
//! was acted on is looked for where it went.

use domain::money::Money;
use futures_util::future::join3;
use infra::payments::{ProcessorEvent, ProcessorFact};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tests::books::{assert_books, books};
use tests::{Deal, TestApp};

use super::{STATUS, agreed, funded, status, submitted};
use crate::worker::stand_in_line;

async fn taken_back(deal: &Deal<'_>, milestone: &str) -> ProcessorEvent {
    let query = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(query, json!({ "id": milestone })).await.text("payment.id").parse().unwrap();
    let fact = ProcessorFact::ChargedBack { reference: "dp".to_owned(), amount: Money::usd(103_000).unwrap() };
    ProcessorEvent { source: "sandbox".to_owned(), id: "evt_dp".to_owned(), payment, fact }
}

async fn lost(app: &TestApp) -> i64 {
    let lost = "select coalesce(sum(amount_minor), 0)::bigint from ledger_postings where from_account = 'losses'";
    sqlx::query_scalar(lost).fetch_one(app.pool()).await.unwrap()
}

async fn held(app: &TestApp, milestone: &str) -> i64 {
    let held = "select balance_minor from ledger_balances where account = 'escrow:' || $1";
    sqlx::query_scalar(held).bind(milestone).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn what_is_handed_on_while_the_bank_waits_is_taken_where_it_went() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let ((first, _), second) = (submitted(&deal).await, funded(&deal).await);
    let event = taken_back(&deal, &first).await;
    let mut other = PgConnection::connect(&app.database_url()).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    // What both of them want, whichever of the two milestones has the lower id.
    let wanted = "select 1 from milestones where public_id('mil', id) = $1 for update";
    sqlx::query(wanted).bind(&first).execute(&mut *lock).await.unwrap();
    let rest = json!({ "milestoneId": first, "amount": { "amount": "1.00" }, "restToMilestoneId": second });
    let hands_on = deal.client.does_once("milestoneApprove", rest, STATUS);
    let bank = async {
        stand_in_line(&app, 1).await;
        app.market.processor_event(&event).await
    };
    let lets_go = async {
        stand_in_line(&app, 2).await;
        lock.rollback().await.unwrap();
    };
    let (handed_on, heard, ()) = join3(hands_on, bank, lets_go).await;
    handed_on.ok();
    heard.unwrap();
    assert_eq!(held(&app, &second).await, 100_000, "its own, and not what was handed to it");
    assert_eq!(lost(&app).await, 3_000 + 5, "our fees, and nothing of what is left");
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn credit_that_is_spent_while_the_bank_waits_is_taken_from_what_it_paid_for() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let (first, second) = (funded(&deal).await, agreed(&deal).await);
    let event = taken_back(&deal, &first).await;
    let asked = json!({ "milestoneId": first });
    deal.client.does("milestoneRequestRefund", asked.clone(), STATUS).await.ok();
    deal.freelancer.does("milestoneAgreeRefund", asked, STATUS).await.ok();
    assert_eq!(deal.credit().await, 103_000);
    let mut other = PgConnection::connect(&app.database_url()).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    let credit = "select 1 from ledger_balances where account like 'client_credit:%' for update";
    sqlx::query(credit).execute(&mut *lock).await.unwrap();
    let spends = deal.client.does_once("milestoneFund", json!({ "milestoneId": second }), STATUS);
    let bank = async {
        stand_in_line(&app, 1).await;
        app.market.processor_event(&event).await
    };
    let lets_go = async {
        stand_in_line(&app, 2).await;
        lock.rollback().await.unwrap();
    };
    let (spent, heard, ()) = join3(spends, bank, lets_go).await;
    assert_eq!(spent.text("milestone.status"), "FUNDED");
    heard.unwrap();
    assert_eq!((status(&deal, &second).await.as_str(), held(&app, &second).await), ("CHARGED_BACK", 0));
    assert_eq!(lost(&app).await, 3_000, "our fee");
    assert_books(&books(app.pool()).await);
}
