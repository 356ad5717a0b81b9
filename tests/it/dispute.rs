//! Disputes: every way from a disagreement to the money, and what stands in the way.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{DISPUTE, Deal, Quarrel, TestApp};

mod judging;
mod races;
mod sight;
mod ways;

fn offer(amount: &str) -> Value {
    json!({ "amount": { "amount": amount } })
}

fn verdict(amount: &str) -> Value {
    json!({ "amount": { "amount": amount }, "reason": "Half of the pages work" })
}

/// A dispute over 1,000.00 USD before a mediator, between sides who can pay for arbitration.
async fn before_arbitration<'a>(app: &'a TestApp, recommended: &str) -> Quarrel<'a> {
    let deal = app.contracted().await;
    deal.fills_purses().await;
    let work = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    deal.freelancer.does("milestoneSubmit", work, "milestone { status }").await.ok();
    let quarrel = deal.disputed("600.00").await;
    quarrel.answers().await;
    quarrel.is_recommended(&app.mediator("marta").await, recommended).await;
    assert_eq!(quarrel.client_does("disputeRefuse", json!({})).await, "ARBITRATION");
    quarrel
}
