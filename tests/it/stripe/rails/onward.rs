//! From people's own accounts at Stripe to their banks: once, and only while nothing stands against it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;
use tests::TestApp;
use tests::stripe::{Books, Fault, Faults, Transfer, event};

use super::{SETTLED, asks, balance_of, execute, hold, method, posts, ready, stands, suspends, word};

/// What a person's own account is told to send on to their bank.
const ONWARD: &str = "/v1/payouts";

#[tokio::test]
async fn who_is_suspended_or_listed_while_a_transfer_rests_in_their_account_gets_none_of_it_until_that_is_over() {
    for listed in [false, true] {
        let app = TestApp::on_stripe_rails(false, true).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        app.passes(TimeDelta::hours(12)).await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT");
        match listed {
            true => execute(&app, "update payees set latin_name = 'Sandbox Sanctioned Person'").await,
            false => suspends(&app, &deal, "userSuspend").await,
        }
        app.passes(TimeDelta::hours(13)).await;
        for _ in 0..25 {
            app.passes(TimeDelta::hours(1)).await;
            assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "it rests where it is, listed: {listed}");
        }
        assert!(!posts(&app).iter().any(|path| path == ONWARD), "listed: {listed}");
        let queue = "{ payoutQueue(first: 5) { nodes { id allowed blockReason } } }";
        let amna = app.admin("amna").await;
        let seen = amna.asks(queue, json!({})).await;
        let nodes = seen.data()["payoutQueue"]["nodes"].as_array().unwrap().clone();
        assert_eq!(nodes.len(), 1, "our people see it after a day");
        assert_eq!((&nodes[0]["id"], &nodes[0]["allowed"]), (&json!(payout), &json!(["PAYOUT_SETTLE"])));
        let why = nodes[0]["blockReason"].as_str().unwrap();
        assert_eq!((why.contains("on the list"), why == "the account is suspended"), (listed, !listed), "{why}");
        if listed {
            let query = "query($id: ID!) { payout(id: $id) { explanation blockReason } }";
            let own = deal.freelancer.asks(query, json!({ "id": payout })).await;
            assert_eq!(
                own.data()["payout"]["blockReason"],
                json!(null),
                "what a screening found is not theirs to know"
            );
            assert!(own.text("explanation").contains("Our people are checking"));
        }
        // Nothing was sent on from there, so no bank can have it.
        let settled = amna.does("payoutSettle", word(&payout, "PAID"), SETTLED).await;
        assert_eq!(settled.refused(), ["PAYOUT_RESTS"], "listed: {listed}");
        match listed {
            true => execute(&app, "update payees set latin_name = 'Faisal Mahmood Qureshi'").await,
            false => suspends(&app, &deal, "userReinstate").await,
        }
        for _ in 0..3 {
            app.passes(TimeDelta::hours(1)).await;
        }
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "listed: {listed}");
        assert_eq!(posts(&app).iter().filter(|path| *path == ONWARD).count(), 1, "it went on once");
        let query = "query($id: ID!) { payout(id: $id) { blockReason } }";
        let over = amna.asks(query, json!({ "id": payout })).await;
        assert_eq!(over.data()["payout"]["blockReason"], json!(null));
        hold(&app).await;
    }
}

#[tokio::test]
async fn what_two_said_came_back_is_fetched_from_the_persons_own_account_and_never_goes_on_from_there() {
    for (suspended, told) in [(false, true), (false, false), (true, true)] {
        let app = TestApp::on_stripe_rails(false, true).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let before = balance_of(&app, &deal).await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT");
        match suspended {
            true => suspends(&app, &deal, "userSuspend").await,
            false => app.stripe().fails(Faults::next(std::iter::repeat_n(Fault::Error, 10_000))),
        }
        for _ in 0..51 {
            app.market.clock().advance(TimeDelta::hours(1));
            app.market.work_until_idle().await.unwrap();
        }
        assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "suspended: {suspended}");
        for name in ["amna", "omar"] {
            app.admin(name).await.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await.ok();
        }
        assert_eq!(balance_of(&app, &deal).await, before);
        app.stripe().fails(Faults::default());
        if suspended {
            suspends(&app, &deal, "userReinstate").await;
        }
        if told {
            let transfer = app.stripe().look(|books| books.carrying.transfers[0].id.clone());
            let now = app.market.clock().now();
            let late = event("evt_late", "transfer.updated", &json!({ "id": transfer }), now);
            assert_eq!(app.stripe().tell(&app.router(), vec![late]).await, 1);
        }
        for _ in 0..3 {
            app.passes(TimeDelta::hours(1)).await;
        }
        assert!(!posts(&app).iter().any(|path| path == ONWARD), "its money was given back to the freelancer");
        assert_eq!(app.stripe().look(Books::carried), 0, "what lay there is with us again");
        assert_eq!(stands(&deal, &payout).await.0, "RETURNED");
        assert_eq!(balance_of(&app, &deal).await, before);
        hold(&app).await;
    }
}

/// The keys under which people's own accounts were told to send on.
fn onward_keys(app: &TestApp) -> Vec<String> {
    let asked = app.stripe().heard().into_iter().filter(|(method, path, _)| method == "POST" && path == ONWARD);
    asked.map(|(.., key)| key).collect()
}

/// Stripe tells of the first transfer to a person's own account, and the worker hears it.
async fn tells_of_transfer(app: &TestApp, name: &str) {
    let transfer = app.stripe().look(|books| books.carrying.transfers[0].id.clone());
    let now = app.market.clock().now();
    let told = event(name, "transfer.updated", &json!({ "id": transfer }), now);
    assert_eq!(app.stripe().tell(&app.router(), vec![told]).await, 1);
    app.market.work_until_idle().await.unwrap();
}

#[tokio::test]
async fn two_who_send_a_transfer_on_at_the_same_time_send_it_once_though_more_of_the_persons_money_is_there() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let payout = asks(&deal, &method, "50.00").await;
    app.passes(TimeDelta::hours(12)).await;
    // Another transfer to the same person rests there, and what one has sent on the other does not see yet.
    app.stripe().does(|books, _| {
        let other =
            Transfer { id: "tr_other".to_owned(), metadata: BTreeMap::new(), ..books.carrying.transfers[0].clone() };
        books.carrying.transfers.push(other);
        books.carrying.onward_unlisted = true;
    });
    app.stripe().fails(Faults::at(ONWARD, Fault::LostAnswer));
    app.market.clock().advance(TimeDelta::hours(12) + TimeDelta::minutes(59));
    app.market.work_until_idle().await.unwrap();
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
    app.stripe().fails(Faults::default());
    // An hour more has passed since the transfer, and a minute since it was sent on.
    app.market.clock().advance(TimeDelta::minutes(1));
    tells_of_transfer(&app, "evt_meanwhile").await;
    let keys = onward_keys(&app);
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    app.stripe().does(|books, _| books.carrying.onward_unlisted = false);
    for _ in 0..2 {
        app.passes(TimeDelta::hours(1)).await;
    }
    assert_eq!(stands(&deal, &payout).await.0, "PAID");
    assert_eq!(app.stripe().look(|books| books.carrying.onward.len()), 1, "it went on once");
    app.stripe().does(|books, _| books.carrying.transfers.retain(|transfer| transfer.id != "tr_other"));
    hold(&app).await;
}

#[tokio::test]
async fn what_was_sent_by_hand_and_has_nothing_written_on_it_keeps_nothing_from_being_found() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let first = asks(&deal, &method, "50.00").await;
    for _ in 0..5 {
        app.passes(TimeDelta::hours(12)).await;
    }
    assert_eq!(stands(&deal, &first).await.0, "PAID");
    app.stripe().does(|books, now| {
        let carrying = &mut books.carrying;
        let sent = Transfer { id: "po_by_hand".to_owned(), amount: 0, ..carrying.onward[0].clone() };
        let moved = Transfer { id: "tr_by_hand".to_owned(), reversed: 5_000, ..carrying.transfers[0].clone() };
        carrying.onward.push(Transfer { metadata: BTreeMap::new(), created: now, ..sent });
        carrying.transfers.push(Transfer { metadata: BTreeMap::new(), created: now, ..moved });
    });
    app.stripe().fails(Faults::at("/v1/transfers", Fault::LostAnswer));
    let second = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &second).await.0, "UNKNOWN");
    app.stripe().fails(Faults::default());
    for _ in 0..5 {
        app.passes(TimeDelta::hours(12)).await;
    }
    assert_eq!(stands(&deal, &second).await.0, "PAID");
    hold(&app).await;
}

#[tokio::test]
async fn an_error_that_is_kept_with_a_key_keeps_nothing_from_going_on_to_a_bank() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let payout = asks(&deal, &method, "50.00").await;
    app.stripe().fails(Faults::at(ONWARD, Fault::ErrorKept));
    app.market.clock().advance(TimeDelta::hours(25));
    app.market.work_until_idle().await.unwrap();
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
    app.stripe().fails(Faults::default());
    // It is asked for again under the same key for some minutes, then not at all for as long.
    for (minutes, asked) in [(1, 2), (6, 2)] {
        app.market.clock().advance(TimeDelta::minutes(minutes));
        tells_of_transfer(&app, &format!("evt_after_{minutes}")).await;
        assert_eq!(onward_keys(&app).len(), asked, "after {minutes} more minutes");
    }
    app.market.clock().advance(TimeDelta::minutes(9));
    app.market.work_until_idle().await.unwrap();
    let keys = onward_keys(&app);
    assert!(keys.len() == 3 && keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    for _ in 0..2 {
        app.passes(TimeDelta::hours(1)).await;
    }
    assert_eq!(stands(&deal, &payout).await.0, "PAID");
    assert_eq!(app.stripe().look(|books| books.carrying.onward.len()), 1, "it went on once");
    hold(&app).await;
}
