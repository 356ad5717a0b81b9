//! What is told at our door, by whom, how often and in which order.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use infra::Market;
use infra::market::Equipment;
use infra::payments::Payments;
use infra::stripe::{Settings, Stripe, sign};
use infra::webhook::Replay;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::stripe::{Fault, Faults, WEBHOOK_SECRET, event};
use tests::{Deal, TestApp};

async fn waits_for(app: &TestApp) -> (Deal<'_>, String, Value) {
    let deal = app.offered().await;
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_visa" });
    let payment = deal.client.does("milestoneFund", input, "payment { id }").await.text("payment.id");
    app.market.work_until_idle().await.unwrap();
    let mut news = app.stripe().news();
    let succeeded = news.iter().position(|news| news["type"] == "payment_intent.succeeded").unwrap();
    let succeeded = news.remove(succeeded);
    assert_eq!(deal.status().await, "FUNDING", "nothing was told yet");
    (deal, payment, succeeded)
}

async fn kept(app: &TestApp) -> Vec<(String, Option<String>, i32)> {
    let select = "select id, outcome, times from webhook_events order by received_at, id";
    sqlx::query_as(select).fetch_all(app.pool()).await.unwrap()
}

fn now(app: &TestApp) -> domain::Timestamp {
    app.market.clock().now()
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

#[tokio::test]
async fn what_is_not_signed_right_is_not_taken_and_not_kept() {
    let app = TestApp::on_stripe().await;
    let (deal, _, news) = waits_for(&app).await;
    let (stripe, door, body) = (app.stripe(), app.router(), news.to_string().into_bytes());
    let right = sign(&secret(WEBHOOK_SECRET), now(&app), &body);
    let mut tampered = body.clone();
    *tampered.last_mut().unwrap() = b' ';
    let old = sign(&secret(WEBHOOK_SECRET), now(&app) - TimeDelta::seconds(301), &body);
    let wrong = sign(&secret("whsec_somebody_elses"), now(&app), &body);
    for (what, body, signature) in [
        ("tampered", &tampered, right.as_str()),
        ("stale", &body, &old),
        ("signed with another secret", &body, &wrong),
        ("not signed", &body, ""),
        ("signed by another scheme", &body, &right.replace("v1=", "v0=")),
    ] {
        let (status, said) = stripe.tells(&door, body.clone(), Some(signature)).await;
        assert_eq!((status, said.as_str()), (StatusCode::BAD_REQUEST, ""), "{what}: it says nothing of why");
    }
    let (status, _) = stripe.tells(&door, b"{\"id\":\"evt_1\"}".to_vec(), None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "signed, and no event");
    assert_eq!(kept(&app).await, []);
    assert_eq!(deal.status().await, "FUNDING");
    let (status, _) = stripe.tells(&door, body, Some(&right)).await;
    app.settles().await;
    assert_eq!((status, deal.status().await.as_str()), (StatusCode::OK, "FUNDED"));
}

#[tokio::test]
async fn what_is_told_again_is_acted_on_once() {
    let app = TestApp::on_stripe().await;
    let (deal, _, news) = waits_for(&app).await;
    for _ in 0..3 {
        assert_eq!(app.stripe().tell(&app.router(), vec![news.clone()]).await, 1);
        app.settles().await;
    }
    // The same fact under another name, too.
    let mut other = news.clone();
    other["id"] = json!("evt_other");
    app.stripe().tell(&app.router(), vec![other]).await;
    app.settles().await;
    let kept = kept(&app).await;
    let id = news["id"].as_str().unwrap().to_owned();
    assert!(kept.contains(&(id, Some("acted".to_owned()), 3)), "{kept:?}");
    assert_eq!((deal.money().await, deal.credit().await), ([100_000, 100_000, 0, 0, 0, 0], 0));
    let acted = "select count(*) from processor_events where kind = 'succeeded'";
    assert_eq!(sqlx::query_scalar::<_, i64>(acted).fetch_one(app.pool()).await.unwrap(), 1);
}

#[tokio::test]
async fn both_secrets_are_taken_while_they_change() {
    let app = TestApp::on_stripe().await;
    let settings = app.stripe().settings();
    let both = vec![secret("whsec_the_new_one"), secret(WEBHOOK_SECRET)];
    let stripe = Stripe::new(Settings { webhook_secrets: both, ..settings }).unwrap();
    let equipment = Equipment { payments: Payments::Stripe(stripe), ..Equipment::throwaway().unwrap() };
    let market = Market::new(app.market.db().clone(), app.market.clock().clone(), equipment);
    let door = api::webhook::routes(&market, &api::http::Settings::default());
    for (id, secret_used, expected) in [
        ("evt_old", WEBHOOK_SECRET, StatusCode::OK),
        ("evt_new", "whsec_the_new_one", StatusCode::OK),
        ("evt_no", "whsec_neither", StatusCode::BAD_REQUEST),
    ] {
        let body = event(id, "charge.updated", &json!({ "id": "ch_1" }), now(&app)).to_string().into_bytes();
        let signature = sign(&secret(secret_used), now(&app), &body);
        assert_eq!(app.stripe().tells(&door, body, Some(&signature)).await.0, expected, "{id}");
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let app = TestApp::on_stripe().await;
    for bytes in [256 << 10, (256 << 10) + 1] {
        let (status, _) = app.stripe().tells(&app.router(), vec![b' '; bytes], None).await;
        let expected = if bytes > 256 << 10 { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        assert_eq!(status, expected, "{bytes}");
    }
}

#[tokio::test]
async fn what_is_of_no_concern_to_us_is_taken_kept_and_left_alone() {
    let app = TestApp::on_stripe().await;
    let before = app.stripe().heard().len();
    let about = json!({ "id": "thing_1", "client_secret": "thing_1_secret_abc" });
    let news = vec![
        event("evt_1", "a.type.of.tomorrow", &about, now(&app)),
        event("evt_2", "balance.available", &json!({}), now(&app)),
        // An invoice that is to come has no name yet, and some things happen to nothing.
        event("evt_3", "payment_intent.of_tomorrow", &json!({ "id": null }), now(&app)),
        json!({ "id": "evt_4", "type": "v2.core.event_destination.ping", "created": "2026-06-01T08:00:00Z",
                "related_object": null }),
        json!({ "id": "evt_5", "type": "refund.updated", "created": 1_780_000_000, "data": {} }),
    ];
    assert_eq!(app.stripe().tell(&app.router(), news).await, 5);
    app.settles().await;
    let ignored = |id: &str| (id.to_owned(), Some("ignored".to_owned()), 1);
    assert_eq!(kept(&app).await, ["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"].map(ignored));
    assert_eq!(app.stripe().heard().len(), before, "nothing was asked");
}

#[tokio::test]
async fn order_does_not_matter() {
    let app = TestApp::on_stripe().await;
    let (deal, payment, succeeded) = waits_for(&app).await;
    let stripe = app.stripe();
    let dispute = stripe.does(|books, now| books.disputes(&payment, 103_000, "needs_response", now));
    stripe.does(|books, now| books.decides(&dispute, "won", now));
    let mut news = stripe.news();
    news.push(succeeded);
    // The end is told first, and how it began last.
    for told in ["charge.dispute.closed", "charge.dispute.created", "payment_intent.succeeded"] {
        let place = news.iter().position(|news| news["type"] == told).unwrap();
        stripe.tell(&app.router(), vec![news.remove(place)]).await;
        app.settles().await;
    }
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    assert_eq!(stripe.look(tests::stripe::Books::balance), 103_000);
}

#[tokio::test]
async fn what_is_told_of_a_payment_that_came_tells_that_it_came() {
    let app = TestApp::on_stripe().await;
    let (deal, payment, _) = waits_for(&app).await;
    let stripe = app.stripe();
    stripe.does(|books, now| books.disputes(&payment, 103_000, "needs_response", now));
    let news = stripe.news().into_iter().filter(|news| news["type"] == "charge.dispute.created").collect();
    // That it came is never told.
    stripe.tell(&app.router(), news).await;
    app.market.work_until_idle().await.unwrap();
    assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000]);
    let status = "select status from payments";
    let status: String = sqlx::query_scalar(status).fetch_one(app.pool()).await.unwrap();
    assert_eq!(status, "succeeded");
}

#[tokio::test]
async fn an_inquiry_takes_nothing_and_a_chargeback_is_found_by_its_payment() {
    let app = TestApp::on_stripe().await;
    let (deal, payment, succeeded) = waits_for(&app).await;
    let stripe = app.stripe();
    stripe.tell(&app.router(), vec![succeeded]).await;
    app.settles().await;
    let inquiry = stripe.does(|books, now| books.disputes(&payment, 103_000, "warning_needs_response", now));
    app.settles().await;
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    stripe.does(|books, now| books.decides(&inquiry, "needs_response", now));
    app.settles().await;
    assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000]);
}

#[tokio::test]
async fn an_event_that_comes_before_what_it_is_about_waits_for_it_and_one_that_never_fits_is_parked() {
    let app = TestApp::on_stripe().await;
    let (deal, payment, succeeded) = waits_for(&app).await;
    // As if the payment were not written down here yet.
    let hide = "update processor_intents set intent = 'pi_hidden'";
    sqlx::query(hide).execute(app.pool()).await.unwrap();
    let stripe = app.stripe();
    stripe.does(|books, _| {
        books.intents[0].metadata.insert("payment".to_owned(), "pay_00000000000000000000000000".to_owned())
    });
    stripe.tell(&app.router(), vec![succeeded.clone()]).await;
    app.settles().await;
    let open = app.market.webhooks_open(10).await.unwrap();
    assert_eq!((open.len(), open[0].attempts, open[0].parked_at), (1, 1, None));
    assert_eq!(deal.status().await, "FUNDING");
    // Told of it for an hour and more, nobody knows it: an operator has to look.
    for _ in 0..12 {
        app.market.clock().advance(TimeDelta::hours(2));
        app.market.work_until_idle().await.unwrap();
    }
    let open = app.market.webhooks_open(10).await.unwrap();
    assert_eq!((open.len(), open[0].attempts), (1, 12));
    assert!(open[0].parked_at.is_some() && open[0].last_error.is_some(), "{open:?}");
    assert_eq!(app.market.vitals().await.unwrap().webhooks_parked, 1);
    // The operator sees to it and has it acted on again.
    stripe.does(|books, _| books.intents[0].metadata.insert("payment".to_owned(), payment.clone()));
    assert_eq!(app.market.webhooks_replay(&Replay::One("evt_nobody".to_owned())).await.unwrap(), 0);
    assert_eq!(app.market.webhooks_replay(&Replay::Parked).await.unwrap(), 1);
    app.settles().await;
    assert_eq!(app.market.vitals().await.unwrap().webhooks_parked, 0);
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    // Again, to no effect.
    let id = succeeded["id"].as_str().unwrap().to_owned();
    assert_eq!(app.market.webhooks_replay(&Replay::One(id)).await.unwrap(), 1);
    app.settles().await;
    assert_eq!((deal.money().await, deal.credit().await), ([100_000, 100_000, 0, 0, 0, 0], 0));
}

#[tokio::test]
async fn what_is_put_off_for_a_day_is_parked_until_an_operator_has_it_acted_on_again() {
    for fault in [Fault::Forbidden, Fault::Error] {
        let app = TestApp::on_stripe().await;
        let (deal, payment, succeeded) = waits_for(&app).await;
        let stripe = app.stripe();
        stripe.tell(&app.router(), vec![succeeded]).await;
        app.settles().await;
        stripe.does(|books, now| books.disputes(&payment, 103_000, "needs_response", now));
        let news = stripe.news().into_iter().filter(|news| news["type"] == "charge.dispute.created").collect();
        stripe.fails(Faults::next(std::iter::repeat_n(fault, 10_000)));
        assert_eq!(stripe.tell(&app.router(), news).await, 1);
        let passes = async |hours: i64| {
            for _ in 0..hours {
                app.market.clock().advance(TimeDelta::hours(1));
                app.market.work_until_idle().await.unwrap();
            }
            let open = app.market.webhooks_open(10).await.unwrap();
            assert_eq!(open.len(), 1, "{fault:?}: {open:?}");
            open[0].clone()
        };
        let waits = passes(24).await;
        assert_eq!((waits.attempts, waits.parked_at), (0, None), "{fault:?}: it is tried again");
        let parked = passes(1).await;
        assert!(parked.parked_at.is_some(), "{fault:?}: after a day somebody has to look");
        assert!(parked.last_error.is_some(), "and is told why");
        assert_eq!(app.market.vitals().await.unwrap().webhooks_parked, 1);
        assert_eq!(passes(3).await.parked_at, parked.parked_at, "it rests");
        // Replayed too early it waits as long again.
        assert_eq!(app.market.webhooks_replay(&Replay::Parked).await.unwrap(), 1);
        assert_eq!(passes(3).await.parked_at, None, "{fault:?}");
        assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
        stripe.fails(Faults::default());
        app.market.clock().advance(TimeDelta::hours(1));
        app.settles().await;
        assert_eq!(app.market.webhooks_open(10).await.unwrap(), []);
        assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000], "{fault:?}: it was acted on");
    }
}

#[tokio::test]
async fn while_nobody_tried_no_day_passes_for_what_is_put_off() {
    let app = TestApp::on_stripe().await;
    let (deal, payment, succeeded) = waits_for(&app).await;
    let stripe = app.stripe();
    stripe.tell(&app.router(), vec![succeeded]).await;
    app.settles().await;
    stripe.does(|books, now| books.disputes(&payment, 103_000, "needs_response", now));
    let news = stripe.news().into_iter().filter(|news| news["type"] == "charge.dispute.created").collect();
    stripe.fails(Faults::next(std::iter::repeat_n(Fault::Error, 10_000)));
    assert_eq!(stripe.tell(&app.router(), news).await, 1);
    let after = async |hours: i64| {
        app.market.clock().advance(TimeDelta::hours(hours));
        app.market.work_until_idle().await.unwrap();
        let open = app.market.webhooks_open(10).await.unwrap();
        assert_eq!(open.len(), 1, "{open:?}");
        open[0].parked_at
    };
    assert_eq!(after(1).await, None);
    // We stand still for two days, and Stripe for a moment more.
    assert_eq!(after(48).await, None, "it was tried twice");
    for hour in 1..24 {
        assert_eq!(after(1).await, None, "hour {hour}");
    }
    assert!(after(1).await.is_some(), "after a day of tries somebody has to look");
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_payment_of_somebody_else_on_the_same_account_is_left_alone() {
    let app = TestApp::on_stripe().await;
    let (_, _, mut succeeded) = waits_for(&app).await;
    app.stripe().does(|books, _| books.intents[0].metadata.clear());
    succeeded["id"] = json!("evt_foreign");
    app.stripe().tell(&app.router(), vec![succeeded]).await;
    app.settles().await;
    assert_eq!(kept(&app).await, [("evt_foreign".to_owned(), Some("ignored".to_owned()), 1)]);
}

#[tokio::test]
async fn a_success_that_is_never_told_is_seen_all_the_same() {
    let app = TestApp::on_stripe().await;
    let (deal, ..) = waits_for(&app).await;
    app.market.clock().advance(TimeDelta::minutes(10));
    app.market.work_until_idle().await.unwrap();
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    assert_eq!(kept(&app).await, [], "nobody told it");
}

#[tokio::test]
async fn a_sandbox_takes_no_webhooks() {
    let app = TestApp::new().await;
    let request = Request::post(api::webhook::STRIPE_PATH).body(Body::from("{}")).unwrap();
    assert_eq!(app.send(request).await.status(), StatusCode::NOT_FOUND);
    let request = Request::get(api::webhook::STRIPE_PATH).body(Body::empty()).unwrap();
    assert_eq!(app.send(request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}
