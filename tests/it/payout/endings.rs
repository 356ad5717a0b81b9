//! Each way in which a payout can end in the sandbox: the books are right afterwards, and nothing is left that waits.

use domain::id::{Id, PayoutId};
use domain::payout::Rail;
use infra::Call;
use tests::books::{assert_books, books};
use tests::{Person, Reply};

use super::*;

/// How the accounts end that decide how a payout ends.
const ENDINGS: [&str; 12] =
    ["6702", "0001", "0002", "0003", "0004", "0005", "0008", "0009", "0010", "0011", "0012", "0013"];

/// Where a payout stands, and the rail that has it or had it.
async fn stands(app: &TestApp, payout: &str) -> (String, String) {
    let id: PayoutId = payout.parse().unwrap();
    let select = "select upper(status), upper(coalesce(state ->> 'rail', '')) from payouts where id = $1";
    sqlx::query_as(select).bind(id.uuid()).fetch_one(app.pool()).await.unwrap()
}

fn is(status: &str, rail: &str) -> (String, String) {
    (status.to_owned(), rail.to_owned())
}

/// A payout to an account that can be used already, as far as it goes by itself.
async fn sent(deal: &Deal<'_>, method: &str, amount: &str) -> String {
    let ask = ask(method, amount);
    let id = deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await.text("payout.id");
    deal.client.app.settles().await;
    id
}

async fn count(app: &TestApp, select: &'static str) -> i64 {
    sqlx::query_scalar(select).fetch_one(app.pool()).await.unwrap()
}

/// Somebody says what became of a payout.
async fn settles(who: &Person<'_>, payout: &str, outcome: &str) -> Reply {
    let word = json!({ "payoutId": payout, "outcome": outcome, "reason": "The bank told us" });
    who.does_once("payoutSettle", word, "payout { status }").await
}

/// The books are right, the processor agrees with them, and no payout waits, for anybody or anything.
async fn all_is_well(app: &TestApp) {
    app.passes(TimeDelta::hours(3)).await;
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
    let now = app.market.clock().now();
    let report = app.market.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
    assert_eq!((report.differences, report.settling), (vec![], vec![]));
    let vitals = app.market.vitals().await.unwrap();
    assert_eq!((vitals.events_waiting, vitals.events_parked, vitals.timers_due), (0, 0, 0));
    let waiting = "select count(*) from payouts
        where waits_for_staff or status not in ('paid', 'returned', 'cancelled')";
    let untold = "select count(*) from sandbox_transfers where tells_at is not null and told_at is null";
    assert_eq!((count(app, waiting).await, count(app, untold).await), (0, 0));
}

#[test]
fn the_page_for_clients_has_an_account_for_each_ending() {
    let page = include_str!("../../../CLIENTS.md");
    for last4 in ENDINGS {
        assert!(page.contains(&format!("| `{}`", iban(last4))), "{last4}");
    }
}

#[tokio::test]
async fn what_a_bank_sends_back_days_after_it_was_paid_is_available_again() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "0009", "Faisal").await;
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!((status(&deal, &id).await.as_str(), deal.balances().await), ("PAID", [0, 0, 0]));
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(status(&deal, &id).await, "PAID", "nobody knows yet");
    app.passes(TimeDelta::days(1)).await;
    let query = "query($id: ID!) { payout(id: $id) { status returnReason explanation method { id } } }";
    let back = deal.freelancer.asks(query, json!({ "id": id })).await;
    assert_eq!((back.text("status").as_str(), back.text("returnReason").as_str()), ("RETURNED", "account_closed"));
    assert!(back.text("explanation").contains("in your available balance again"));
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    // The rail that did not get it there is not tried first again.
    let next = sent(&deal, &back.text("method.id"), "100.00").await;
    assert_eq!(stands(&app, &next).await, is("IN_TRANSIT", "RECIPIENT_ACCOUNT"));
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(stands(&app, &next).await, is("RETURNED", "RECIPIENT_ACCOUNT"));
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    all_is_well(&app).await;
}

#[tokio::test]
async fn a_rail_by_which_money_came_back_from_one_account_is_tried_first_for_another() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (closed, other) = (method(&deal, "0002").await, method(&deal, "6702").await);
    app.passes(TimeDelta::days(3)).await;
    let returned = sent(&deal, &closed, "50.00").await;
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(stands(&app, &returned).await, is("RETURNED", "GLOBAL_PAYOUTS"));
    let payout = sent(&deal, &other, "50.00").await;
    assert_eq!(stands(&app, &payout).await, is("IN_TRANSIT", "GLOBAL_PAYOUTS"));
    all_is_well(&app).await;
}

#[tokio::test]
async fn a_rail_that_wants_to_approve_the_platform_is_left_alone_until_it_is_opened() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (unapproved, other) = (method(&deal, "0010").await, method(&deal, "0002").await);
    app.passes(TimeDelta::days(3)).await;
    let first = sent(&deal, &unapproved, "50.00").await;
    assert_eq!(stands(&app, &first).await, is("IN_TRANSIT", "BANK_WIRE"), "the next rail takes it");
    let closed = app.market.rails_closed().await.unwrap();
    assert_eq!(closed.iter().map(|closed| closed.rail.as_str()).collect::<Vec<_>>(), ["recipient_account"]);
    assert!(closed[0].reason.contains("Your platform needs approval"), "{closed:?}");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(status(&deal, &first).await, "PAID");

    // Global Payouts fail for another account; so it is the closed rail's turn, and nobody asks that.
    let returned = sent(&deal, &other, "50.00").await;
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(stands(&app, &returned).await, is("RETURNED", "GLOBAL_PAYOUTS"));
    let passed_over = sent(&deal, &other, "50.00").await;
    assert_eq!(stands(&app, &passed_over).await, is("IN_TRANSIT", "BANK_WIRE"));
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(stands(&app, &passed_over).await, is("RETURNED", "BANK_WIRE"));

    let call = Call::system("test");
    assert!(app.market.rail_open(&call, Rail::RecipientAccount).await.unwrap());
    assert!(!app.market.rail_open(&call, Rail::RecipientAccount).await.unwrap(), "it is open already");
    let opened = sent(&deal, &other, "50.00").await;
    assert_eq!(stands(&app, &opened).await, is("IN_TRANSIT", "RECIPIENT_ACCOUNT"));
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(status(&deal, &opened).await, "RETURNED");
    assert_eq!(deal.balances().await, [0, 0, 90_000]);
    all_is_well(&app).await;
}

#[tokio::test]
async fn what_a_rail_was_handed_before_it_was_closed_is_handed_to_no_other() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "0005", "Faisal").await;
    assert_eq!(stands(&app, &id).await, is("UNKNOWN", "GLOBAL_PAYOUTS"), "it is on its way there");
    let close = "insert into rail_closures values ('global_payouts', 'for a change', now())";
    sqlx::query(close).execute(app.pool()).await.unwrap();
    app.market.clock().advance(TimeDelta::minutes(15));
    app.settles().await;
    assert_eq!(count(&app, "select count(*) from events where name = 'payout_sent'").await, 2, "once more");
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(stands(&app, &id).await, is("PAID", "GLOBAL_PAYOUTS"));
    assert_eq!(count(&app, "select count(*) from sandbox_transfers").await, 1);
    assert_eq!(deal.balances().await, [0, 0, 0]);
    all_is_well(&app).await;
}

#[tokio::test]
async fn a_payout_that_its_rail_has_forgotten_is_for_two_of_our_people() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "0011", "Faisal").await;
    let (noor, zara) = (app.admin("noor").await, app.admin("zara").await);
    assert_eq!(status(&deal, &id).await, "UNKNOWN");
    assert_eq!(noor.asks(QUEUE, json!({})).await.data()["payoutQueue"]["nodes"], json!([]), "it was not asked yet");
    assert_eq!(settles(&noor, &id, "RETURNED").await.refused(), ["PAYOUT_UNDER_WAY"]);
    app.market.clock().advance(TimeDelta::minutes(15));
    app.settles().await;
    let queue = noor.asks(QUEUE, json!({})).await;
    let node = &queue.data()["payoutQueue"]["nodes"][0];
    assert_eq!((&node["id"], &node["status"]), (&json!(id), &json!("UNKNOWN")));
    assert_eq!(node["allowed"], json!(["PAYOUT_SETTLE"]));

    app.passes(TimeDelta::days(3)).await;
    assert_eq!(stands(&app, &id).await, is("UNKNOWN", "GLOBAL_PAYOUTS"), "never by itself, nor by another rail");
    assert_eq!(count(&app, "select count(*) from events where name = 'payout_sent'").await, 1, "nor once more");
    let query = "query($id: ID!) { payout(id: $id) { status explanation } }";
    let seen = deal.freelancer.asks(query, json!({ "id": id })).await;
    assert!(seen.text("explanation").contains("nothing is sent twice"));
    for (who, code) in [(&deal.freelancer, "NOT_ALLOWED"), (&deal.client, "NOT_FOUND")] {
        assert_eq!(settles(who, &id, "RETURNED").await.refused(), [code]);
    }
    assert_eq!(settles(&noor, &id, "RETURNED").await.text("payout.status"), "UNKNOWN");
    assert_eq!(settles(&noor, &id, "RETURNED").await.refused(), ["SAME_APPROVER"]);
    assert_eq!(deal.balances().await, [0, 0, 0], "one word moves nothing");
    assert_eq!(settles(&zara, &id, "RETURNED").await.text("payout.status"), "RETURNED");
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    all_is_well(&app).await;
}

#[tokio::test]
async fn a_rail_that_says_nothing_for_days_says_in_the_end_what_became_of_it() {
    for (last4, end, left) in [("0012", "PAID", 0), ("0013", "RETURNED", 95_000)] {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let id = requested(&deal, last4, "Faisal").await;
        app.passes(TimeDelta::hours(12)).await;
        let noor = app.admin("noor").await;
        assert_eq!(settles(&noor, &id, "PAID").await.refused(), ["PAYOUT_UNDER_WAY"], "it may still tell");
        assert_eq!(noor.asks(QUEUE, json!({})).await.data()["payoutQueue"]["nodes"], json!([]));
        app.passes(TimeDelta::hours(12)).await;
        assert_eq!(stands(&app, &id).await, is("UNKNOWN", "GLOBAL_PAYOUTS"), "{last4}");
        let queue = noor.asks(QUEUE, json!({})).await;
        assert_eq!(queue.data()["payoutQueue"]["nodes"][0]["id"], json!(id), "our people are told after a day");
        assert_eq!(deal.balances().await, [0, 0, 0]);
        app.passes(TimeDelta::days(1)).await;
        assert_eq!(stands(&app, &id).await, is(end, "GLOBAL_PAYOUTS"), "{last4}");
        assert_eq!(deal.balances().await, [0, 0, left], "{last4}");
        assert_eq!(count(&app, "select count(*) from sandbox_transfers").await, 1);
        all_is_well(&app).await;
    }
}

#[tokio::test]
async fn what_two_of_our_people_settled_wrongly_is_set_right_once_the_rail_speaks() {
    for (last4, said, meanwhile, end, left) in
        [("0012", "RETURNED", 95_000, "PAID", 0), ("0013", "PAID", 0, "RETURNED", 95_000)]
    {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let id = requested(&deal, last4, "Faisal").await;
        app.passes(TimeDelta::days(1)).await;
        for who in [app.admin("noor").await, app.admin("zara").await] {
            settles(&who, &id, said).await.ok();
        }
        assert_eq!(stands(&app, &id).await, is(said, "GLOBAL_PAYOUTS"), "{last4}");
        assert_eq!(deal.balances().await, [0, 0, meanwhile], "{last4}");
        app.passes(TimeDelta::days(1)).await;
        assert_eq!(stands(&app, &id).await, is(end, "GLOBAL_PAYOUTS"), "{last4}");
        assert_eq!(deal.balances().await, [0, 0, left], "{last4}: what was given back is taken again, and no more");
        all_is_well(&app).await;
    }
}

#[tokio::test]
async fn what_is_refused_lost_late_or_without_money_ends_and_leaves_nothing_behind() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let endings = [
        ("6702", is("PAID", "GLOBAL_PAYOUTS")),
        ("0001", is("RETURNED", "MANUAL")),
        ("0002", is("RETURNED", "GLOBAL_PAYOUTS")),
        ("0003", is("PAID", "GLOBAL_PAYOUTS")),
        ("0004", is("PAID", "MANUAL")),
        ("0005", is("PAID", "GLOBAL_PAYOUTS")),
        ("0008", is("PAID", "GLOBAL_PAYOUTS")),
    ];
    let mut methods = Vec::new();
    for (last4, _) in &endings {
        methods.push(method(&deal, last4).await);
    }
    app.passes(TimeDelta::days(3)).await;
    let mut payouts = Vec::new();
    for method in &methods {
        payouts.push(sent(&deal, method, "50.00").await);
    }
    let (by_hand, refused) = (&payouts[4], &payouts[1]);
    for who in [app.admin("noor").await, app.admin("zara").await] {
        for payout in [by_hand, refused] {
            assert_eq!(stands(&app, payout).await, is("QUEUED", "MANUAL"));
            who.does("payoutApprove", json!({ "payoutId": payout }), "payout { status }").await.ok();
        }
    }
    app.passes(TimeDelta::days(2)).await;
    for ((last4, end), payout) in endings.iter().zip(&payouts) {
        assert_eq!(stands(&app, payout).await, *end, "{last4}");
    }
    assert_eq!(deal.balances().await, [0, 0, 70_000], "five of seven arrived");
    all_is_well(&app).await;
}
