//! After the database was restored to an earlier moment: Stripe knows what the books have forgotten. It is looked for
//! where our key may look.

use chrono::TimeDelta;
use domain::payout::Rail;
use infra::Call;
use serde_json::json;
use tests::TestApp;
use tests::stripe::{Books, Fault, Faults};

use super::{OUTBOUND, SETTLED, asks, execute, hold, method, posts, ready, stands, word};

/// The database is as it was before a payout that is on its way was handed over, and perhaps before the person's account
/// was made; our clock is not.
async fn forgets(app: &TestApp, rail: &str, the_account_too: bool) {
    // The first attempt is at the first rail.
    let attempt = if rail == "global_payouts" { "0" } else { "attempt" };
    let mut connection = app.pool().acquire().await.unwrap();
    for sql in [
        "set session_replication_role = replica".to_owned(),
        "delete from stripe_transfers where payout_id in (select id from payouts where status = 'in_transit')".to_owned(),
        format!("delete from stripe_payees where {the_account_too}"),
        format!("delete from stripe_makings where {the_account_too}"),
        "delete from events where name in ('payout_sent', 'payout_in_transit')".to_owned(),
        format!(
            "update payouts set status = 'queued', attempt = {attempt}, state = jsonb_build_object('status', 'queued', 'rail', '{rail}',
                'since', requested_at, 'approvals', '[]'::jsonb)
            where status = 'in_transit'"
        ),
        "set session_replication_role = origin".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn after_a_restore_to_an_earlier_moment_what_stripe_was_asked_for_does_not_go_out_twice() {
    for (global, hours, the_account_too) in
        [(true, 1, false), (true, 30, false), (false, 1, false), (false, 30, false), (false, 30, true)]
    {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT");
        let (path, rail) = if global { (OUTBOUND, "global_payouts") } else { ("/v1/transfers", "recipient_account") };
        let asked = || posts(&app).iter().filter(|asked| *asked == path).count();
        assert_eq!((app.stripe().look(Books::carried), asked()), (5_000, 1));
        forgets(&app, rail, the_account_too).await;
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

#[tokio::test]
async fn what_was_asked_for_before_a_restore_is_found_though_no_answer_came_after_it() {
    for (global, the_account_too) in [(true, false), (false, false), (false, true)] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        let (path, rail) = if global { (OUTBOUND, "global_payouts") } else { ("/v1/transfers", "recipient_account") };
        let asked = || posts(&app).iter().filter(|asked| *asked == path).count();
        assert_eq!((app.stripe().look(Books::carried), asked()), (5_000, 1));
        forgets(&app, rail, the_account_too).await;
        app.market.clock().advance(TimeDelta::hours(20));
        // It is asked for once more, under its key. In the second account of the person it would not be found.
        app.stripe().fails(Faults::at(path, Fault::LostAnswer));
        app.settles().await;
        assert_eq!(asked(), 2, "{rail}");
        app.stripe().fails(Faults::default());
        app.market.clock().advance(TimeDelta::hours(5));
        app.settles().await;
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(asked(), 2, "{rail}: its key is forgotten by now, and it is found by its name");
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "{rail}");
        assert_eq!(app.stripe().look(Books::carried), 5_000, "{rail}: once");
        if the_account_too {
            // The person has a second account there by now, to which the key does not fit.
            assert!(app.stripe().sins().iter().all(|said| said.contains("idempotency_error")));
        } else {
            hold(&app).await;
        }
    }
}

#[tokio::test]
async fn after_a_restore_the_rail_that_refused_is_not_asked_again_for_what_the_next_one_has_paid() {
    // It was restored to before the rail was asked, or to before its answer came.
    for (hours, was_asked) in [(1, false), (30, false), (1, true)] {
        let app = TestApp::on_stripe_rails(true, true).await;
        app.stripe().does(|books, _| (books.carrying.global, books.carrying.approved) = (false, true));
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
        assert_eq!(app.stripe().look(Books::carried), 5_000);
        forgets(&app, "global_payouts", false).await;
        let asked = "insert into stripe_transfers
                (key, payout_id, method_id, attempt, rail, idempotency_key, amount_minor, asked_at)
            select public_id('pyo', id) || ':0', id, method_id, 0, 'global_payouts', public_id('pyo', id) || ':0',
                amount_minor, requested_at
            from payouts where $1";
        sqlx::query(asked).bind(was_asked).execute(app.pool()).await.unwrap();
        // By now the first rail would take it.
        app.stripe().does(|books, _| books.carrying.global = true);
        assert!(app.market.rail_open(&Call::system("test"), Rail::GlobalPayouts).await.unwrap());
        app.market.clock().advance(TimeDelta::hours(hours));
        app.settles().await;
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(posts(&app).iter().filter(|asked| *asked == OUTBOUND).count(), 0, "after {hours} hours");
        assert_eq!(app.stripe().look(Books::carried), 5_000, "after {hours} hours: once");
        let stuck = "select count(*) from payouts where status = 'unknown' and (state ->> 'stuck')::boolean";
        let stuck: i64 = sqlx::query_scalar(stuck).fetch_one(app.pool()).await.unwrap();
        assert_eq!(stuck, 1, "after {hours} hours: two of our people say what became of it");
    }
}

#[tokio::test]
async fn where_our_key_may_not_even_look_a_payout_waits_on_its_rail_and_goes_by_the_next_one_after_two_days() {
    for (global, path, rail) in [(true, OUTBOUND, "GLOBAL_PAYOUTS"), (false, "/v1/transfers", "RECIPIENT_ACCOUNT")] {
        let app = TestApp::on_stripe_rails_as_time_goes_by(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::forbids(path));
        let payout = asks(&deal, &method, "50.00").await;
        for hours in 0..47 {
            assert_eq!(stands(&deal, &payout).await, ("QUEUED".to_owned(), rail.to_owned()), "{path}, {hours} hours");
            app.passes(TimeDelta::hours(1)).await;
        }
        app.passes(TimeDelta::hours(3)).await;
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned()), "{path}");
        assert_eq!(app.stripe().look(Books::carried), 0, "{path}");
        hold(&app).await;
    }
}

#[tokio::test]
async fn a_rail_that_is_not_for_us_says_nothing_of_what_waits_for_money_on_the_next_one() {
    let app = TestApp::on_stripe_rails(true, true).await;
    app.stripe().does(|books, _| {
        let carrying = &mut books.carrying;
        (carrying.global, carrying.approved, carrying.funds) = (false, true, Some(4_000));
    });
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let payout = asks(&deal, &method, "50.00").await;
    for hours in 0..3 {
        let waits = ("QUEUED".to_owned(), "RECIPIENT_ACCOUNT".to_owned());
        assert_eq!(stands(&deal, &payout).await, waits, "after {hours} hours");
        app.passes(TimeDelta::hours(1)).await;
    }
    app.stripe().does(|books, _| books.carrying.funds = Some(5_000));
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
    // It was looked for wherever it might have gone, and the rail that we may not use would not let us look.
    assert!(app.stripe().heard().iter().any(|(verb, path, _)| verb == "GET" && path == OUTBOUND));
    for _ in 0..4 {
        app.passes(TimeDelta::hours(12)).await;
    }
    assert_eq!(stands(&deal, &payout).await.0, "PAID");
    assert_eq!(app.stripe().look(Books::carried), 5_000, "once");
    hold(&app).await;
}

#[tokio::test]
async fn what_stripe_has_paid_and_the_books_forgot_goes_by_no_other_rail_and_no_wire() {
    // The first rail is closed on the books as they were, and the next is our bank; or it is a rail at which attempts,
    // counted anew, have come to the number that Stripe has paid on another.
    for (recipients, at_rail, then) in
        [(false, "global_payouts", "BANK_WIRE"), (true, "recipient_account", "RECIPIENT_ACCOUNT")]
    {
        let app = TestApp::on_stripe_rails(true, recipients).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
        forgets(&app, at_rail, false).await;
        execute(
            &app,
            "insert into rail_closures (rail, reason, closed_at) values ('global_payouts', 'not yet', now())",
        )
        .await;
        app.market.clock().advance(TimeDelta::hours(1));
        app.settles().await;
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(stands(&deal, &payout).await, ("UNKNOWN".to_owned(), then.to_owned()));
        let lines: i64 = sqlx::query_scalar("select count(*) from wire_lines").fetch_one(app.pool()).await.unwrap();
        assert_eq!((lines, app.stripe().look(Books::carried)), (0, 5_000), "{then}: once");
        // Two of our people look at Stripe, and say what became of it.
        for name in ["amna", "omar"] {
            app.admin(name).await.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await.ok();
        }
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "{then}");
        app.passes(TimeDelta::days(2)).await;
        hold(&app).await;
    }
}

async fn lines(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from wire_lines").fetch_one(app.pool()).await.unwrap()
}

async fn for_our_people(app: &TestApp) -> i64 {
    app.market.vitals().await.unwrap().payouts_for_staff
}

#[tokio::test]
async fn what_a_rail_that_was_closed_since_may_have_paid_is_no_wire_before_that_can_be_seen() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let earlier = asks(&deal, &method, "50.00").await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(stands(&deal, &earlier).await, ("PAID".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
    let payout = asks(&deal, &method, "60.00").await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
    // On the books as they were it is about to be a wire. Stripe takes no more payouts by now, and does not even say any
    // more which ones there were.
    forgets(&app, "bank_wire", false).await;
    app.stripe().does(|books, _| books.carrying.global = false);
    app.market.clock().advance(TimeDelta::hours(1));
    app.settles().await;
    let kept = ("UNKNOWN".to_owned(), "BANK_WIRE".to_owned());
    assert_eq!(stands(&deal, &payout).await, kept);
    app.passes(TimeDelta::hours(26)).await;
    assert_eq!((stands(&deal, &payout).await, lines(&app).await, for_our_people(&app).await), (kept.clone(), 0, 1));
    // It was there. From then on it is for our people, whether it can be seen or not.
    for global in [true, false] {
        app.stripe().does(|books, _| books.carrying.global = global);
        app.passes(TimeDelta::hours(2)).await;
        assert_eq!((stands(&deal, &payout).await, lines(&app).await), (kept.clone(), 0), "{global}");
    }
    for name in ["amna", "omar"] {
        app.admin(name).await.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await.ok();
    }
    assert_eq!((stands(&deal, &payout).await.0.as_str(), for_our_people(&app).await), ("PAID", 0));
    assert_eq!(app.stripe().look(Books::carried), 11_000, "once each");
    hold(&app).await;
}

/// Stripe has carried nothing after all.
fn has_nothing(app: &TestApp) {
    app.stripe().does(|books, _| {
        books.carrying.outbound.clear();
        books.carrying.moved.clear();
    });
}

#[tokio::test]
async fn a_wire_that_waits_for_stripes_lists_is_for_our_people_after_a_day_and_goes_on_once_they_are_seen() {
    for paid_there in [false, true] {
        let app = TestApp::on_stripe_rails(true, false).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        forgets(&app, "bank_wire", false).await;
        if !paid_there {
            has_nothing(&app);
        }
        app.stripe().fails(Faults::breaks(OUTBOUND));
        app.market.clock().advance(TimeDelta::hours(1));
        app.settles().await;
        let kept = ("UNKNOWN".to_owned(), "BANK_WIRE".to_owned());
        assert_eq!((stands(&deal, &payout).await, for_our_people(&app).await), (kept.clone(), 0));
        app.passes(TimeDelta::hours(26)).await;
        assert_eq!((stands(&deal, &payout).await, lines(&app).await, for_our_people(&app).await), (kept.clone(), 0, 1));
        let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
        let queue = amna.asks("{ payoutQueue(first: 5) { nodes { id } } }", json!({})).await;
        assert_eq!(queue.data()["payoutQueue"]["nodes"], json!([{ "id": payout }]));
        app.stripe().fails(Faults::default());
        app.passes(TimeDelta::hours(1)).await;
        if paid_there {
            assert_eq!((stands(&deal, &payout).await, lines(&app).await), (kept, 0));
            for admin in [&amna, &omar] {
                admin.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await.ok();
            }
            assert_eq!(stands(&deal, &payout).await.0, "PAID");
        } else {
            let goes = ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned());
            assert_eq!((stands(&deal, &payout).await, lines(&app).await), (goes, 1), "nothing of it is there");
        }
        assert_eq!(
            (for_our_people(&app).await, app.stripe().look(Books::carried)),
            (0, if paid_there { 5_000 } else { 0 })
        );
        hold(&app).await;
    }
}

#[tokio::test]
async fn two_of_our_people_settle_a_wire_that_waits_for_stripes_lists() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let before = deal.balances().await[2];
    let payout = asks(&deal, &method, "50.00").await;
    forgets(&app, "bank_wire", false).await;
    has_nothing(&app);
    app.stripe().fails(Faults::breaks(OUTBOUND));
    app.market.clock().advance(TimeDelta::hours(1));
    app.settles().await;
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    let early = amna.does("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    assert_eq!(early.refused(), ["WRONG_STATE"], "its line may still be written");
    app.passes(TimeDelta::hours(26)).await;
    amna.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await.ok();
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "one is not enough");
    omar.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await.ok();
    assert_eq!((stands(&deal, &payout).await.0.as_str(), deal.balances().await[2]), ("RETURNED", before));
    // It is asked for anew, and is too young to have been forgotten.
    app.stripe().fails(Faults::default());
    app.passes(TimeDelta::days(1)).await;
    assert_eq!((stands(&deal, &payout).await.0.as_str(), lines(&app).await), ("RETURNED", 0));
    hold(&app).await;
}
