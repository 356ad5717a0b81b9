//! After the worker slept for longer than Stripe remembers keys: what was asked for before is found, and goes out once.

use chrono::TimeDelta;
use tests::TestApp;
use tests::stripe::{Books, Fault, Faults};

use super::{OUTBOUND, asks, hold, method, posts, ready, stands};

#[tokio::test]
async fn a_payout_that_the_worker_slept_on_for_longer_than_its_key_is_remembered_is_not_asked_for_anew() {
    for (global, path) in [(true, OUTBOUND), (false, "/v1/transfers")] {
        // What never got there is for our people to find out.
        for (fault, end, carried) in [(Fault::LostAnswer, "PAID", 5_000), (Fault::Error, "UNKNOWN", 0)] {
            let app = TestApp::on_stripe_rails(global, !global).await;
            let deal = ready(&app).await;
            let method = method(&deal, "6702").await;
            // The person's accounts are made before.
            app.stripe().fails(Faults::later(if global { 2 } else { 1 }, fault));
            let payout = asks(&deal, &method, "50.00").await;
            assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "{fault:?} at {path}");
            app.market.clock().advance(TimeDelta::hours(25));
            app.settles().await;
            app.passes(TimeDelta::days(3)).await;
            assert_eq!(stands(&deal, &payout).await.0, end, "{fault:?} at {path}");
            assert_eq!(posts(&app).iter().filter(|asked| *asked == path).count(), 1, "{fault:?} at {path}");
            assert_eq!(app.stripe().look(Books::carried), carried, "{fault:?} at {path}");
            hold(&app).await;
        }
    }
}
