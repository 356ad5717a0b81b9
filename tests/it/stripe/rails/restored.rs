//! After the database was restored to an earlier moment: Stripe knows what the books have forgotten.

use chrono::TimeDelta;
use tests::TestApp;
use tests::stripe::Books;

use super::{OUTBOUND, asks, hold, method, posts, ready, stands};

/// The database is as it was before a payout was handed over; our clock is not.
async fn forgets(app: &TestApp, rail: &str) {
    let mut connection = app.pool().acquire().await.unwrap();
    for sql in [
        "set session_replication_role = replica".to_owned(),
        "delete from stripe_transfers".to_owned(),
        "delete from events where name in ('payout_sent', 'payout_in_transit')".to_owned(),
        format!(
            "update payouts set status = 'queued', state = jsonb_build_object('status', 'queued', 'rail', '{rail}',
                'since', requested_at, 'approvals', '[]'::jsonb)"
        ),
        "set session_replication_role = origin".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn after_a_restore_to_an_earlier_moment_what_stripe_was_asked_for_does_not_go_out_twice() {
    for (global, hours) in [(true, 1), (true, 30), (false, 1), (false, 30)] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT");
        let (path, rail) = if global { (OUTBOUND, "global_payouts") } else { ("/v1/transfers", "recipient_account") };
        let asked = || posts(&app).iter().filter(|asked| *asked == path).count();
        assert_eq!((app.stripe().look(Books::carried), asked()), (5_000, 1));
        forgets(&app, rail).await;
        app.market.clock().advance(TimeDelta::hours(hours));
        app.settles().await;
        // By then its key may be forgotten: it is found by its name.
        assert_eq!(asked(), if hours < 24 { 2 } else { 1 }, "{rail} after {hours} hours");
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "{rail} after {hours} hours");
        assert_eq!(app.stripe().look(Books::carried), 5_000, "{rail} after {hours} hours: once");
        hold(&app).await;
    }
}
