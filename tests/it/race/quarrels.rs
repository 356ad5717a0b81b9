//! Disputes, when both sides move at once.

use super::*;

const DISPUTE: &str = "dispute { status version }";

/// One more milestone, its work submitted and in dispute; and the dispute.
async fn disputed(deal: &Deal<'_>) -> (String, String) {
    let (milestone, _) = submitted(deal).await;
    let claim = json!({ "milestoneId": milestone, "reason": "There is more to it", "amount": { "amount": "600.00" } });
    let dispute = deal.client.does("milestoneDispute", claim, "dispute { id }").await.text("dispute.id");
    (milestone, dispute)
}

#[tokio::test]
async fn conceding_against_withdrawing_a_dispute() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let (milestone, dispute) = disputed(&deal).await;
        let input = json!({ "disputeId": dispute });
        let replies = crowd(|place| match place % 2 {
            0 => deal.freelancer.does_once("disputeConcede", input.clone(), DISPUTE),
            _ => deal.client.does_once("disputeWithdraw", input.clone(), DISPUTE),
        });
        Outcomes::one_of_two(&replies.await, LATE);
        settled(&app).await;
        let (awards, status) = (entries(&app, &milestone, "award").await, status(&deal, &milestone).await);
        assert!(matches!((awards, status.as_str()), (1, "APPROVED") | (0, "SUBMITTED")), "{awards} awards, {status}");
    }
}

#[tokio::test]
async fn offers_that_cross() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let (milestone, dispute) = disputed(&deal).await;
        let answer = json!({ "disputeId": dispute, "answer": "It is all there" });
        deal.freelancer.does("disputeAnswer", answer, DISPUTE).await.ok();
        let offer = |amount: &str| json!({ "disputeId": dispute, "amount": { "amount": amount } });
        let replies = crowd(|place| match place % 2 {
            0 => deal.client.does_once("disputeOffer", offer("600.00"), DISPUTE),
            _ => deal.freelancer.does_once("disputeOffer", offer("500.00"), DISPUTE),
        });
        Outcomes::of(&replies.await).refused_only(LATE);
        settled(&app).await;
        assert_eq!(
            (entries(&app, &milestone, "award").await, status(&deal, &milestone).await.as_str()),
            (1, "APPROVED")
        );
        let halfway =
            "select count(*) from milestones where status = 'approved' and released_net_minor + fee_minor = 55000";
        let split = "select count(*) from milestones where status = 'approved'";
        assert_eq!(count(&app, halfway).await, count(&app, split).await);
    }
}
