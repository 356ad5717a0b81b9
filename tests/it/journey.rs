//! The whole journey: posted, matched, won, funded, delivered and paid.

use tests::TestApp;

#[tokio::test]
async fn a_gig_is_posted_matched_won_funded_delivered_and_paid() {
    let app = TestApp::new().await;
    let world = app.world().await;
    for thing in ["gig", "proposal", "offer", "contract", "milestone", "payment", "payout", "review"] {
        assert!(world.ids().contains_key(thing), "the journey made no {thing}");
    }
}
