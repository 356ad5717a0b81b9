//! Stripe's rails: payouts by Global Payouts and by people's own accounts there, against the double.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::id::{Id, PayoutId};
use domain::payout::{Carried, Rail};
use domain::reconciliation::{Class, Kind};
use infra::Call;
use infra::rails::{RailEvent, Rails};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tests::books::{assert_books, books};
use tests::stripe::{Books, Fault, Faults, Transfer};
use tests::{Deal, PASSWORD, TestApp};

use crate::reconciliation::iban;

mod agreement;
mod onward;
mod restored;
mod slept;

/// What the rails are called in requests.
const OUTBOUND: &str = "/v2/money_management/outbound_payments";

/// Work was paid, and its freelancer has said who they are.
pub(super) async fn ready(app: &TestApp) -> Deal<'_> {
    let deal = app.released().await;
    let said = json!({ "latinName": "Faisal Mahmood Qureshi", "address": "12 Mall Road, Lahore",
        "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
    deal
}

pub(super) async fn method(deal: &Deal<'_>, last4: &str) -> String {
    let method = json!({ "iban": iban(last4), "accountTitle": "Faisal Mahmood" });
    let added = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await;
    deal.client.app.passes(TimeDelta::days(3)).await;
    added.text("payoutMethod.id")
}

async fn other_method(deal: &Deal<'_>) -> String {
    method(deal, "0001").await
}

pub(super) async fn asks(deal: &Deal<'_>, method: &str, amount: &str) -> String {
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184",
        "password": PASSWORD });
    let payout = deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await;
    deal.client.app.settles().await;
    payout.text("payout.id")
}

pub(super) async fn stands(deal: &Deal<'_>, payout: &str) -> (String, String) {
    let id: PayoutId = payout.parse().unwrap();
    let select = "select upper(status), upper(coalesce(state ->> 'rail', '')) from payouts where id = $1";
    sqlx::query_as(select).bind(id.uuid()).fetch_one(deal.client.app.pool()).await.unwrap()
}

/// What was asked for by POST, path by path.
fn posts(app: &TestApp) -> Vec<String> {
    app.stripe().heard().into_iter().filter(|(method, ..)| method == "POST").map(|(_, path, _)| path).collect()
}

async fn differences(app: &TestApp) -> Vec<domain::reconciliation::Difference> {
    let now = app.market.clock().now();
    let report = app.market.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
    report.differences
}

async fn hold(app: &TestApp) {
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
    let out =
        "select coalesce(sum(case when to_account = 'paid_out' then amount_minor else -amount_minor end), 0)::bigint
        from ledger_postings where 'paid_out' in (from_account, to_account)";
    let out: i64 = sqlx::query_scalar(out).fetch_one(app.pool()).await.unwrap();
    assert_eq!(out, app.stripe().look(Books::carried), "the ledger and Stripe agree to the cent");
}

#[tokio::test]
async fn a_global_payout_arrives_fails_is_called_off_or_comes_back_told_or_asked_about() {
    for told in [true, false] {
        let app = TestApp::on_stripe_rails(true, false).await;
        let deal = ready(&app).await;
        for (last4, after_a_while, in_the_end) in [
            ("6702", "PAID", "PAID"),
            ("0002", "PAID", "RETURNED"),
            ("0006", "RETURNED", "RETURNED"),
            ("0007", "RETURNED", "RETURNED"),
        ] {
            let before = deal.balances().await[2];
            let method = method(&deal, last4).await;
            let payout = asks(&deal, &method, "50.00").await;
            assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
            // News come at once; asked about it is after a quarter of an hour.
            app.market.clock().advance(TimeDelta::minutes(if told { 11 } else { 16 }));
            if told {
                app.settles().await;
            } else {
                drop(app.stripe().news());
                app.market.work_until_idle().await.unwrap();
            }
            assert_eq!(stands(&deal, &payout).await.0, after_a_while, "{last4}, told: {told}");
            // What comes back after it arrived is told, or seen the next day.
            app.passes(TimeDelta::days(2)).await;
            assert_eq!(stands(&deal, &payout).await.0, in_the_end, "{last4}, told: {told}");
            let gone = if in_the_end == "PAID" { 5_000 } else { 0 };
            assert_eq!(deal.balances().await[2], before - gone, "{last4}: what came back is available again");
        }
        assert_eq!(posts(&app).iter().filter(|path| *path == OUTBOUND).count(), 4);
        hold(&app).await;
        assert_eq!(differences(&app).await, []);
    }
}

#[tokio::test]
async fn a_transfer_to_a_persons_own_account_goes_on_to_their_bank_and_comes_back_if_that_does_not_take_it() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    for (last4, after_a_while, in_the_end) in [
        ("6702", "PAID", "PAID"),
        ("0002", "PAID", "RETURNED"),
        ("0006", "RETURNED", "RETURNED"),
        ("0007", "RETURNED", "RETURNED"),
    ] {
        let before = deal.balances().await[2];
        let method = method(&deal, last4).await;
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
        app.passes(TimeDelta::hours(12)).await;
        assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT", "it rests there for a day");
        app.passes(TimeDelta::hours(13)).await;
        app.passes(TimeDelta::hours(1)).await;
        assert_eq!(stands(&deal, &payout).await.0, after_a_while, "{last4}");
        app.passes(TimeDelta::days(2)).await;
        assert_eq!(stands(&deal, &payout).await.0, in_the_end, "{last4}");
        let gone = if in_the_end == "PAID" { 5_000 } else { 0 };
        assert_eq!(deal.balances().await[2], before - gone, "{last4}");
    }
    assert_eq!(posts(&app).iter().filter(|path| *path == "/v1/transfers").count(), 4);
    hold(&app).await;
    assert_eq!(differences(&app).await, []);
}

#[tokio::test]
async fn a_rail_that_wants_to_approve_us_first_is_left_alone_until_an_operator_opens_it() {
    let app = TestApp::on_stripe_rails(true, true).await;
    app.stripe().does(|books, _| (books.carrying.global, books.carrying.approved) = (false, false));
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    for _ in 0..2 {
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned()), "the next rail");
    }
    let tried: Vec<String> = posts(&app).into_iter().filter(|path| path.ends_with("/accounts")).collect();
    assert_eq!(tried, ["/v2/core/accounts", "/v1/accounts"], "each was asked once");
    let closed = app.market.rails_closed().await.unwrap();
    let rails: Vec<&str> = closed.iter().map(|closed| closed.rail.as_str()).collect();
    assert_eq!(rails, ["global_payouts", "recipient_account"]);
    assert!(closed[1].reason.contains("Your platform needs approval"), "{closed:?}");

    app.stripe().does(|books, _| books.carrying.approved = true);
    let call = Call::system("test");
    assert!(app.market.rail_open(&call, Rail::RecipientAccount).await.unwrap());
    assert!(!app.market.rail_open(&call, Rail::RecipientAccount).await.unwrap(), "it is open already");
    let payout = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "RECIPIENT_ACCOUNT".to_owned()));
    // A refusal that is about one account closes nothing.
    let refused = other_method(&deal).await;
    let payout = asks(&deal, &refused, "50.00").await;
    assert_eq!(stands(&deal, &payout).await.1, "BANK_WIRE");
    assert_eq!(app.market.rails_closed().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_our_own_balance_is_too_small_for_waits_for_money_and_goes_out_once_by_the_same_rail() {
    for (global, path, rail) in [(true, OUTBOUND, "GLOBAL_PAYOUTS"), (false, "/v1/transfers", "RECIPIENT_ACCOUNT")] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        app.stripe().does(|books, _| books.carrying.funds = Some(4_000));
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payouts = [asks(&deal, &method, "50.00").await, asks(&deal, &method, "60.00").await];
        for hours in 0..3 {
            for payout in &payouts {
                assert_eq!(stands(&deal, payout).await, ("QUEUED".to_owned(), rail.to_owned()), "after {hours} hours");
            }
            app.passes(TimeDelta::hours(1)).await;
        }
        let query = "query($id: ID!) { payout(id: $id) { explanation } }";
        let told = deal.freelancer.asks(query, json!({ "id": payouts[0] })).await.text("explanation");
        assert!(told.contains("waits for our own money"), "{told}");
        assert_eq!(app.stripe().look(Books::carried), 0);
        app.stripe().does(|books, _| books.carrying.funds = Some(11_000));
        app.passes(TimeDelta::hours(1)).await;
        for _ in 0..4 {
            app.passes(TimeDelta::hours(12)).await;
        }
        for payout in &payouts {
            assert_eq!(stands(&deal, payout).await, ("PAID".to_owned(), rail.to_owned()));
        }
        let lines: i64 = sqlx::query_scalar("select count(*) from wire_lines").fetch_one(app.pool()).await.unwrap();
        assert_eq!((lines, app.stripe().look(Books::carried)), (0, 11_000), "each went out once");
        let asked = app.stripe().heard().into_iter().filter(|(m, p, _)| m == "POST" && p == path);
        let keys: Vec<String> = asked.map(|(.., key)| key).collect();
        let once: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert!(keys.len() > 6 && once.len() == keys.len(), "each time under a key of its own: {keys:?}");
        hold(&app).await;
        assert_eq!(differences(&app).await, []);
    }
}

#[tokio::test]
async fn what_moves_on_the_financial_account_and_is_no_payout_is_told() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    asks(&deal, &method, "50.00").await;
    app.passes(TimeDelta::hours(1)).await;
    let [fee, taken] = app.stripe().does(|books, now| {
        for (category, amount) in [("inbound_transfer", 9_000), ("outbound_transfer", -4_000)] {
            books.moves_there(category, amount, None, now);
        }
        [("stripe_fee", -150), ("received_debit", -700)]
            .map(|(category, amount)| books.moves_there(category, amount, None, now))
    });
    let euros = app.stripe().does(|books, now| {
        let name = books.moves_there("received_credit", 2_000, None, now);
        books.carrying.moved.last_mut().unwrap().currency = "eur";
        name
    });
    app.passes(TimeDelta::hours(3)).await;
    let now = app.market.clock().now();
    let report = app.market.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
    let told: Vec<_> = report.differences.iter().map(|one| (one.kind, one.about.to_string())).collect();
    assert_eq!(told, [(Kind::FeeNotBooked, fee), (Kind::Unknown, taken), (Kind::Currency, euros)]);
    let proposed: Vec<bool> = report.differences.iter().map(|one| one.proposal.is_some()).collect();
    assert_eq!(proposed, [true, false, false], "a fee is booked, and what nobody knows is looked into");
    // 1,030.00 came from the client; of the rest 50.00 went to the freelancer.
    let there = 103_000 - 5_000 + 9_000 - 4_000 - 150 - 700;
    assert_eq!(app.market.payments().balance(&app.market).await.unwrap(), there, "on both accounts");
    let own = report.totals.iter().filter(|total| total.class == Class::Own).map(|total| total.processor.minor());
    assert_eq!(own.collect::<Vec<_>>(), [9_000, 4_000], "what is ours on both sides is in the sums");
}

#[tokio::test]
async fn an_account_that_a_rail_did_not_reach_is_tried_by_the_next_one() {
    for recipients in [true, false] {
        let app = TestApp::on_stripe_rails(true, recipients).await;
        let deal = ready(&app).await;
        let (method, other) = (method(&deal, "0006").await, method(&deal, "6702").await);
        let next: &[&str] = if recipients { &["RECIPIENT_ACCOUNT", "BANK_WIRE"] } else { &["BANK_WIRE"] };
        for rail in ["GLOBAL_PAYOUTS"].iter().chain(next) {
            let payout = asks(&deal, &method, "50.00").await;
            assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), (*rail).to_owned()));
            app.passes(TimeDelta::days(3)).await;
            let end = if *rail == "BANK_WIRE" { "IN_TRANSIT" } else { "RETURNED" };
            assert_eq!(stands(&deal, &payout).await, (end.to_owned(), (*rail).to_owned()));
        }
        let payout = asks(&deal, &other, "50.00").await;
        app.passes(TimeDelta::hours(1)).await;
        let stands = stands(&deal, &payout).await;
        assert_eq!(stands, ("PAID".to_owned(), "GLOBAL_PAYOUTS".to_owned()), "that is about the one account");
        hold(&app).await;
        // The database knows the rails, too.
        let wrong = "update payouts set failed_rails = '[\"pigeon\"]'";
        assert!(sqlx::query(wrong).execute(app.pool()).await.unwrap_err().to_string().contains("payouts_failed_rails"));
    }
}

#[tokio::test]
async fn a_payout_whose_answer_never_came_is_asked_about_and_goes_out_once() {
    for (global, path, fault, asked) in [
        // It was done, and is found.
        (true, OUTBOUND, Fault::LostAnswer, 1),
        (true, OUTBOUND, Fault::Hang, 1),
        (true, OUTBOUND, Fault::ErrorAfter, 1),
        (false, "/v1/transfers", Fault::LostAnswer, 1),
        (false, "/v1/transfers", Fault::ErrorAfter, 1),
        // It was not, and is asked for again, under the same key.
        (true, OUTBOUND, Fault::Error, 2),
        (true, OUTBOUND, Fault::TooMany, 2),
        (false, "/v1/transfers", Fault::Conflict, 2),
    ] {
        let app = match fault {
            Fault::Hang => TestApp::on_hasty_stripe_rails(global, !global).await,
            _ => TestApp::on_stripe_rails(global, !global).await,
        };
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        // The person's accounts are made before.
        app.stripe().fails(Faults::later(if global { 2 } else { 1 }, fault));
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "{fault:?} at {path}");
        app.market.clock().advance(TimeDelta::minutes(16));
        app.settles().await;
        assert_eq!(
            stands(&deal, &payout).await.0,
            if global && asked == 1 { "PAID" } else { "IN_TRANSIT" },
            "{fault:?}"
        );
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "{fault:?} at {path}");
        let keys: Vec<String> = app
            .stripe()
            .heard()
            .into_iter()
            .filter(|(m, p, _)| m == "POST" && p == path)
            .map(|(.., key)| key)
            .collect();
        assert_eq!(keys.len(), asked, "{fault:?} at {path}");
        assert!(
            keys.iter().all(|key| key == &keys[0] && *key == format!("{payout}:{}", u32::from(!global))),
            "{keys:?}"
        );
        hold(&app).await;
    }
}

fn word(payout: &str, outcome: &str) -> serde_json::Value {
    json!({ "payoutId": payout, "outcome": outcome, "reason": "Stripe's people told us" })
}

const SETTLED: &str = "payout { status returnReason word { outcome by { id } } }";

#[tokio::test]
async fn a_payout_that_stripe_says_nothing_of_is_for_our_people_once_its_key_is_forgotten() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let before = deal.balances().await[2];
    app.stripe().fails(Faults::later(2, Fault::ErrorKept));
    let payout = asks(&deal, &method, "50.00").await;
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    for _ in 0..23 {
        app.passes(TimeDelta::hours(1)).await;
        assert_eq!(stands(&deal, &payout).await, ("UNKNOWN".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
    }
    let early = amna.does("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    assert_eq!(early.refused(), ["PAYOUT_UNDER_WAY"], "what was asked for may still get there");
    let asked = posts(&app).len();
    app.passes(TimeDelta::hours(2)).await;
    app.passes(TimeDelta::days(3)).await;
    assert_eq!(stands(&deal, &payout).await, ("UNKNOWN".to_owned(), "GLOBAL_PAYOUTS".to_owned()), "never by itself");
    assert_eq!(posts(&app).len(), asked, "nor is it asked for again");
    let keys: Vec<_> = app.stripe().heard().into_iter().filter(|(m, p, _)| m == "POST" && p == OUTBOUND).collect();
    assert!(keys.len() > 1 && keys.iter().all(|asked| asked == &keys[0]), "under one key");
    assert_eq!(app.stripe().look(Books::carried), 0);

    let queue = "{ payoutQueue(first: 5) { nodes { id status allowed } } }";
    let waits = json!([{ "id": payout, "status": "UNKNOWN", "allowed": ["PAYOUT_SETTLE"] }]);
    assert_eq!(amna.asks(queue, json!({})).await.data()["payoutQueue"]["nodes"], waits);
    for (who, code) in [(&deal.freelancer, "NOT_ALLOWED"), (&deal.client, "NOT_FOUND")] {
        assert_eq!(who.does("payoutSettle", word(&payout, "PAID"), SETTLED).await.refused(), [code]);
    }
    let stale = crate::account::refreshed(&app, &amna).await;
    let refused = stale.does("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    assert_eq!(refused.refused(), ["REAUTHENTICATE"]);
    let first = amna.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    let said = json!({ "outcome": "RETURNED", "by": { "id": amna.id } });
    assert_eq!(first.ok()["payout"], json!({ "status": "UNKNOWN", "returnReason": null, "word": said }));
    assert_eq!(
        amna.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await.refused(),
        ["SAME_APPROVER"],
        "it takes two"
    );
    let hidden = "query($id: ID!) { payout(id: $id) { word { outcome } } }";
    let hidden = deal.freelancer.asks(hidden, json!({ "id": payout })).await;
    assert!(hidden.data()["payout"]["word"].is_null(), "only our people see it");
    // Who finds out something else begins anew.
    let other = omar.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await;
    assert_eq!(other.text("payout.status"), "UNKNOWN");
    let anew = amna.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    assert_eq!(anew.text("payout.status"), "UNKNOWN");
    assert_eq!(deal.balances().await[2], before - 5_000);
    let settled = omar.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await;
    assert_eq!(settled.text("payout.status"), "RETURNED");
    assert_eq!(deal.balances().await[2], before);
    let noted = "select count(*) from audit_log where act = 'payout_settle' and subject = $1";
    let noted: i64 = sqlx::query_scalar(noted).bind(&payout).fetch_one(app.pool()).await.unwrap();
    assert_eq!(noted, 4);
    hold(&app).await;
}

#[tokio::test]
async fn a_payout_that_only_gets_errors_is_settled_by_two_of_our_people() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    let payout = asks(&deal, &method, "50.00").await;
    assert_eq!(stands(&deal, &payout).await.0, "IN_TRANSIT");
    let (amna, omar) = (app.admin("amna").await, app.admin("omar").await);
    let early = amna.does("payoutSettle", word(&payout, "PAID"), SETTLED).await;
    assert_eq!(early.refused(), ["PAYOUT_UNDER_WAY"]);
    app.stripe().fails(Faults::next(std::iter::repeat_n(Fault::Error, 10_000)));
    for _ in 0..26 {
        app.market.clock().advance(TimeDelta::hours(1));
        app.market.work_until_idle().await.unwrap();
    }
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
    amna.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await.ok();
    let alone = amna.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await;
    assert_eq!(alone.refused(), ["SAME_APPROVER"]);
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "one word moves nothing");
    let settled = omar.does_once("payoutSettle", word(&payout, "PAID"), SETTLED).await;
    assert_eq!(settled.text("payout.status"), "PAID");
    app.stripe().fails(Faults::default());
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(stands(&deal, &payout).await.0, "PAID");
    hold(&app).await;
}

async fn suspends(app: &TestApp, deal: &Deal<'_>, act: &str) {
    let reason = json!({ "userId": deal.freelancer.id, "reason": "A complaint" });
    app.admin(&act.to_lowercase()).await.does(act, reason, "user { id }").await.ok();
}

#[tokio::test]
async fn nothing_of_a_suspended_persons_leaves_by_stripe_and_what_may_have_left_is_asked_about() {
    for (fault, found) in [(Fault::Error, false), (Fault::LostAnswer, true)] {
        let app = TestApp::on_stripe_rails(true, false).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::later(2, fault));
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
        suspends(&app, &deal, "userSuspend").await;
        for _ in 0..6 {
            app.market.clock().advance(TimeDelta::minutes(16));
            app.settles().await;
            assert_eq!(posts(&app).iter().filter(|path| *path == OUTBOUND).count(), 1, "it is not asked for again");
        }
        // What Stripe was asked for may still get there, so it keeps its key: nobody lets it go under another one.
        let end = if found { "PAID" } else { "UNKNOWN" };
        assert_eq!(stands(&deal, &payout).await.0, end, "{fault:?}");
        if found {
            continue;
        }
        let unblock = json!({ "payoutId": payout, "reason": "Nothing in it" });
        let refused = app.admin("omar").await.does("payoutUnblock", unblock, "payout { status }").await;
        assert_eq!(refused.refused(), ["WRONG_STATE"]);
        suspends(&app, &deal, "userReinstate").await;
        app.passes(TimeDelta::hours(1)).await;
        app.passes(TimeDelta::hours(1)).await;
        assert_eq!(stands(&deal, &payout).await, ("PAID".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
        let keys: i64 =
            sqlx::query_scalar("select count(*) from stripe_transfers").fetch_one(app.pool()).await.unwrap();
        assert_eq!(keys, 1, "under the same key");
        hold(&app).await;
    }
}

#[tokio::test]
async fn what_two_said_never_got_there_and_then_did_is_told_in_the_books() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    app.stripe().fails(Faults::later(2, Fault::Error));
    let payout = asks(&deal, &method, "50.00").await;
    suspends(&app, &deal, "userSuspend").await;
    app.passes(TimeDelta::hours(25)).await;
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
    let before = balance_of(&app, &deal).await;
    for name in ["amna", "omar"] {
        app.admin(name).await.does_once("payoutSettle", word(&payout, "RETURNED"), SETTLED).await.ok();
    }
    assert_eq!(balance_of(&app, &deal).await, before + 5_000);
    // It was under way all the while. The freelancer has spent 10 dollars of it meanwhile, as far as the books know.
    execute(
        &app,
        &format!(
            "select ledger_post(gen_random_uuid(), 'refund_after', 'spent', null, null, 'system', 'test', now(),
        jsonb_build_array(jsonb_build_object('from_account', 'available:{}', 'to_account', 'losses', 'currency', 'USD',
            'amount_minor', {})), false)",
            deal.freelancer.id,
            before + 1_000
        ),
    )
    .await;
    let id = payout.parse().unwrap();
    let told = RailEvent { payout: id, attempt: 0, said: Carried::Paid };
    for _ in 0..2 {
        app.market.rail_event(&told).await.unwrap();
    }
    assert_eq!(balance_of(&app, &deal).await, 0, "what is there is taken once more");
    let lost = "select sum(amount_minor)::bigint from ledger_postings where from_account = 'losses' and to_account = 'paid_out'";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(lost).fetch_one(app.pool()).await.unwrap(),
        1_000,
        "and the rest is our loss"
    );
    let back = RailEvent { said: Carried::Returned("closed".to_owned()), ..told };
    app.market.rail_event(&back).await.unwrap();
    assert_eq!(balance_of(&app, &deal).await, 4_000, "sent back after all, it makes up for our loss first");
    assert_books(&books(app.pool()).await);
}

async fn balance_of(app: &TestApp, deal: &Deal<'_>) -> i64 {
    let available = "select balance_minor from ledger_balances where account = $1";
    let account = format!("available:{}", deal.freelancer.id);
    sqlx::query_scalar(available).bind(account).fetch_one(app.pool()).await.unwrap()
}

async fn execute(app: &TestApp, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(app.pool()).await.unwrap();
}

#[tokio::test]
async fn who_is_suspended_or_listed_at_the_last_moment_is_not_sent() {
    for listed in [false, true] {
        let app = TestApp::on_stripe_rails(true, false).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let becomes = match listed {
            true => "update payees set latin_name = 'Sandbox Sanctioned Person' where user_id = new.user_id",
            false => "update users set suspended_at = now() where id = new.user_id",
        };
        let slips = format!(
            "create function slips() returns trigger language plpgsql as $$ begin {becomes}; return null; end $$"
        );
        let when = "create trigger slips after update on payouts for each row when (new.status = 'sent')
            execute function slips()";
        for statement in [slips.as_str(), when] {
            sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(app.pool()).await.unwrap();
        }
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "BLOCKED", "listed: {listed}");
        assert!(!posts(&app).iter().any(|path| path.starts_with("/v2")), "{:?}", posts(&app));
        let why: String =
            sqlx::query_scalar("select state ->> 'reason' from payouts").fetch_one(app.pool()).await.unwrap();
        assert_eq!(why.contains("on the list"), listed, "{why}");
    }
}

#[tokio::test]
async fn what_our_key_may_not_ask_for_waits_on_its_rail_and_is_nothing_that_may_have_left() {
    for (global, path, rail) in [
        (true, OUTBOUND, "GLOBAL_PAYOUTS"),
        (true, "/v2/core/accounts", "GLOBAL_PAYOUTS"),
        (false, "/v1/transfers", "RECIPIENT_ACCOUNT"),
        (false, "/v1/accounts", "RECIPIENT_ACCOUNT"),
    ] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::at(path, Fault::Forbidden));
        let payout = asks(&deal, &method, "50.00").await;
        for hours in 0..26 {
            assert_eq!(stands(&deal, &payout).await, ("QUEUED".to_owned(), rail.to_owned()), "{path}, {hours} hours");
            app.passes(TimeDelta::hours(1)).await;
        }
        assert!(posts(&app).iter().filter(|asked| *asked == path).count() > 20, "{path}: it is tried each hour");
        assert_eq!(app.stripe().look(Books::carried), 0);
        app.stripe().fails(Faults::default());
        for _ in 0..5 {
            app.passes(TimeDelta::hours(12)).await;
        }
        assert_eq!(stands(&deal, &payout).await, ("PAID".to_owned(), rail.to_owned()), "{path}");
        assert_eq!(app.stripe().look(Books::carried), 5_000, "{path}: it went out once");
        hold(&app).await;
    }
}

#[tokio::test]
async fn whom_stripe_takes_no_payout_for_is_paid_by_the_next_rail_after_two_days() {
    for (global, path, rail) in [
        (true, OUTBOUND, "GLOBAL_PAYOUTS"),
        (true, "/v2/money_management/outbound_setup_intents", "GLOBAL_PAYOUTS"),
        (false, "/v1/transfers", "RECIPIENT_ACCOUNT"),
        (false, "/v1/accounts", "RECIPIENT_ACCOUNT"),
    ] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::at(path, Fault::Forbidden));
        let payout = asks(&deal, &method, "50.00").await;
        for hours in 0..48 {
            assert_eq!(stands(&deal, &payout).await, ("QUEUED".to_owned(), rail.to_owned()), "{path}, {hours} hours");
            if hours == 30 {
                let query = "query($id: ID!) { payout(id: $id) { explanation } }";
                let told = deal.freelancer.asks(query, json!({ "id": payout })).await.text("explanation");
                assert!(told.contains("do not take it right now"), "{told}");
            }
            app.passes(TimeDelta::hours(1)).await;
        }
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned()), "{path}");
        let asked = posts(&app).len();
        app.stripe().fails(Faults::default());
        for _ in 0..4 {
            app.passes(TimeDelta::hours(12)).await;
        }
        assert_eq!(stands(&deal, &payout).await, ("IN_TRANSIT".to_owned(), "BANK_WIRE".to_owned()), "{path}");
        assert_eq!((posts(&app).len(), app.stripe().look(Books::carried)), (asked, 0), "{path}: by no other");
        let lines: i64 = sqlx::query_scalar("select count(*) from wire_lines").fetch_one(app.pool()).await.unwrap();
        assert_eq!(lines, 1);
        hold(&app).await;
    }
}

#[tokio::test]
async fn what_was_put_off_for_longer_than_a_key_is_remembered_was_not_asked_for_and_goes_out_in_the_end() {
    for suspended in [false, true] {
        let app = TestApp::on_stripe_rails(true, false).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::at(OUTBOUND, Fault::TooMany));
        let payout = asks(&deal, &method, "50.00").await;
        for _ in 0..26 {
            assert_eq!(stands(&deal, &payout).await, ("UNKNOWN".to_owned(), "GLOBAL_PAYOUTS".to_owned()));
            app.passes(TimeDelta::hours(1)).await;
        }
        let heard = app.stripe().heard().into_iter().filter(|(method, path, _)| method == "POST" && path == OUTBOUND);
        let keys: Vec<String> = heard.map(|(.., key)| key).collect();
        assert!(keys.len() > 20 && keys.iter().all(|key| key == &keys[0]), "under one key: {keys:?}");
        if suspended {
            suspends(&app, &deal, "userSuspend").await;
        }
        app.stripe().fails(Faults::default());
        for _ in 0..3 {
            app.passes(TimeDelta::hours(1)).await;
        }
        // What was surely never asked for is stopped, and our people look at it.
        let (end, carried) = if suspended { ("BLOCKED", 0) } else { ("PAID", 5_000) };
        assert_eq!(stands(&deal, &payout).await.0, end);
        assert_eq!(app.stripe().look(Books::carried), carried);
        hold(&app).await;
    }
}

#[tokio::test]
async fn whose_account_can_not_be_made_at_stripe_is_for_our_people_after_a_day() {
    for (global, path) in [(true, "/v2/core/accounts"), (false, "/v1/accounts")] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::at(path, Fault::Error));
        let payout = asks(&deal, &method, "50.00").await;
        let stuck = async || {
            let select = "select count(*) from payouts where (state ->> 'stuck')::boolean";
            sqlx::query_scalar::<_, i64>(select).fetch_one(app.pool()).await.unwrap()
        };
        for hours in 0..22 {
            assert_eq!(
                (stands(&deal, &payout).await.0.as_str(), stuck().await),
                ("UNKNOWN", 0),
                "{path}, {hours} hours"
            );
            app.passes(TimeDelta::hours(1)).await;
        }
        for _ in 0..3 {
            app.passes(TimeDelta::hours(1)).await;
        }
        assert_eq!((stands(&deal, &payout).await.0.as_str(), stuck().await), ("UNKNOWN", 1), "{path}");
        assert_eq!(app.stripe().look(Books::carried), 0);
        hold(&app).await;
    }
}

#[tokio::test]
async fn a_hand_over_that_may_have_been_carried_out_before_is_not_taken_for_one_that_was_not() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = ready(&app).await;
    let method = method(&deal, "6702").await;
    // As if a worker had asked Stripe and died, and the person were suspended before the next one came by.
    let dies = "create function dies() returns trigger language plpgsql as $$ begin
            insert into stripe_transfers (key, payout_id, method_id, attempt, rail, idempotency_key, amount_minor, asked_at)
            values (public_id('pyo', new.id) || ':0', new.id, new.method_id, 0, 'global_payouts', 'k', new.amount_minor,
                new.requested_at)
            on conflict do nothing;
            update users set suspended_at = now() where id = new.user_id;
            return null;
        end $$";
    let when =
        "create trigger dies after update on payouts for each row when (new.status = 'sent') execute function dies()";
    for statement in [dies, when] {
        sqlx::query(statement).execute(app.pool()).await.unwrap();
    }
    let payout = asks(&deal, &method, "50.00").await;
    // Called off now and let go later, it would go out a second time under another key.
    assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
    let keys: Vec<String> = sqlx::query_scalar("select key from stripe_transfers").fetch_all(app.pool()).await.unwrap();
    assert_eq!(keys, [format!("{payout}:0")]);
}

#[tokio::test]
async fn what_a_bank_sends_back_late_comes_back_as_soon_as_it_can() {
    let app = TestApp::on_stripe_rails(false, true).await;
    let deal = ready(&app).await;
    let method = method(&deal, "0002").await;
    let before = deal.balances().await[2];
    let payout = asks(&deal, &method, "50.00").await;
    for _ in 0..3 {
        app.passes(TimeDelta::hours(12)).await;
    }
    assert_eq!(stands(&deal, &payout).await.0, "PAID");
    app.stripe().does(|books, _| books.carrying.back_held = true);
    for _ in 0..30 {
        app.passes(TimeDelta::hours(1)).await;
    }
    assert_eq!(stands(&deal, &payout).await.0, "PAID", "its money is not there yet");
    let open = app.market.webhooks_open(10).await.unwrap();
    assert!(!open.is_empty() && open.iter().all(|told| told.parked_at.is_none()), "{open:?}");
    app.stripe().does(|books, _| books.carrying.back_held = false);
    app.passes(TimeDelta::hours(2)).await;
    assert_eq!(stands(&deal, &payout).await.0, "RETURNED");
    assert_eq!(deal.balances().await[2], before);
    hold(&app).await;
}

/// Time passes by the hour, and whatever Stripe tells is lost.
async fn passes_unheard(app: &TestApp, hours: i64) {
    for _ in 0..hours {
        app.market.clock().advance(TimeDelta::hours(1));
        drop(app.stripe().news());
        app.market.work_until_idle().await.unwrap();
    }
}

/// How often it was asked for what is there at paths that begin so.
fn looks_at(app: &TestApp, paths: &[&str]) -> usize {
    let heard = app.stripe().heard().into_iter().filter(|(method, ..)| method == "GET");
    heard.filter(|(_, path, _)| paths.iter().any(|begins| path.starts_with(begins))).count()
}

#[tokio::test]
async fn what_a_bank_sends_back_is_found_though_the_news_of_it_are_lost() {
    for (global, hours) in [(true, 2), (false, 27)] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "0002").await;
        let before = balance_of(&app, &deal).await;
        let payout = asks(&deal, &method, "50.00").await;
        passes_unheard(&app, hours).await;
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "global: {global}");
        passes_unheard(&app, 12).await;
        assert_eq!((stands(&deal, &payout).await.0.as_str(), balance_of(&app, &deal).await), ("PAID", before - 5_000));
        // Its bank sends it back a day after it had it. Nobody tells.
        passes_unheard(&app, 38).await;
        assert_eq!(stands(&deal, &payout).await.0, "RETURNED", "global: {global}");
        assert_eq!(balance_of(&app, &deal).await, before, "it is available again, once");
        let told = "select count(*) from webhook_events where type like 'payout.%' or type like 'v2.%'";
        let told: i64 = sqlx::query_scalar(told).fetch_one(app.pool()).await.unwrap();
        assert_eq!(told, 0, "nobody told it");
        hold(&app).await;
        assert_eq!(differences(&app).await, []);
    }
}

#[tokio::test]
async fn what_a_bank_has_is_looked_at_for_two_weeks_and_then_left_alone() {
    for (global, paths, hours) in
        [(true, &["/v2/money_management/outbound_payments/"][..], 2), (false, &["/v1/transfers/", "/v1/payouts/"], 27)]
    {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        let payout = asks(&deal, &method, "50.00").await;
        passes_unheard(&app, hours).await;
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "global: {global}");
        let query = "query($id: ID!) { payout(id: $id) { version } }";
        let version =
            async || deal.freelancer.asks(query, json!({ "id": payout })).await.data()["payout"]["version"].clone();
        let (before, seen) = (looks_at(&app, paths), version().await);
        for days in 1..=14 {
            passes_unheard(&app, 24).await;
            let asked = looks_at(&app, paths) - before;
            let least = paths.len() * (days - 1);
            assert!((least..=least + paths.len()).contains(&asked), "global: {global}, {days} days: {asked}");
        }
        let all = looks_at(&app, paths);
        passes_unheard(&app, 72).await;
        assert_eq!(looks_at(&app, paths), all, "global: {global}: it is left alone");
        assert_eq!(version().await, seen, "nothing was new about it");
        assert_eq!(stands(&deal, &payout).await.0, "PAID");
        let timers = "select count(*) from timers where kind = 'advance_payout'";
        assert_eq!(sqlx::query_scalar::<_, i64>(timers).fetch_one(app.pool()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_stripe_was_asked_for_goes_out_by_nobody_else_when_its_rails_are_switched_off() {
    for (rails, global) in [(Rails::Bank, true), (Rails::Sandbox, true), (Rails::Bank, false)] {
        let app = TestApp::on_stripe_rails(global, !global).await;
        let deal = ready(&app).await;
        let method = method(&deal, "6702").await;
        app.stripe().fails(Faults::later(if global { 2 } else { 1 }, Fault::LostAnswer));
        let payout = asks(&deal, &method, "50.00").await;
        assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN");
        let other = app.with_rails(rails);
        for _ in 0..5 {
            app.market.clock().advance(TimeDelta::minutes(16));
            other.market.work_until_idle().await.unwrap();
            assert_eq!(stands(&deal, &payout).await.0, "UNKNOWN", "only Stripe knows what became of it");
        }
        // What is told meanwhile waits for somebody who can look at it.
        app.stripe().tell(&other.router(), app.stripe().news()).await;
        other.market.work_until_idle().await.unwrap();
        app.passes(TimeDelta::days(3)).await;
        assert_eq!(stands(&deal, &payout).await.0, "PAID", "its rails are set up again");
        let lines: i64 = sqlx::query_scalar("select count(*) from wire_lines").fetch_one(app.pool()).await.unwrap();
        let tried: i64 =
            sqlx::query_scalar("select count(*) from sandbox_transfers").fetch_one(app.pool()).await.unwrap();
        assert_eq!((lines, tried), (0, 0));
        hold(&app).await;
    }
}

/// How many payouts, unless the environment says otherwise, and how many of them are asked for at once.
const PAYOUTS: usize = 200;
const AT_ONCE: usize = 5;

#[tokio::test]
async fn with_every_fifth_request_failing_each_payout_goes_out_once_and_the_books_agree() {
    let app = TestApp::on_very_hasty_stripe_rails(true, true).await;
    let deal = ready(&app).await;
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let payouts = given("STRIPE_FAULT_PAYOUTS").map_or(PAYOUTS, |count| usize::try_from(count).unwrap());
    // Enough for all of them, and nothing against so many in a day.
    let gift = json!({ "contractId": deal.contract, "amount": { "amount": format!("{}.00", 14 * payouts) },
        "message": "For all of it", "paymentMethod": "pm_sandbox_visa" });
    deal.client.does_once("bonusGive", gift, "milestone { id }").await.ok();
    app.settles().await;
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Many a day",
        "terms": { "payoutDayCount": 1_000 } });
    app.admin("zara").await.does("policyVersionAdd", terms, "policy { number }").await.ok();
    let mut methods = Vec::new();
    for last4 in ["6702", "6710", "0002", "0006", "0007", "0001"] {
        methods.push(method(&deal, last4).await);
    }
    let mut dice = StdRng::seed_from_u64(given("STRIPE_FAULT_SEED").unwrap_or(23));
    app.stripe().fails(Faults::often(dice.random(), 20));
    let mut asked = 0;
    for number in 0..payouts {
        // Half of them by the one rail, half by the other.
        if number == payouts / 2 {
            let close = "insert into rail_closures values ('global_payouts', 'for a change', $1)";
            sqlx::query(close).bind(app.market.clock().now()).execute(app.pool()).await.unwrap();
        }
        // Six of ten go to the two accounts that every rail reaches: others go by our bank once both have failed.
        let method = &methods[[0_usize, 0, 0, 1, 1, 1, 2, 3, 4, 5][dice.random_range(0..10_usize)]];
        let amount = format!("{}.{:02}", dice.random_range(10..14), dice.random_range(0..100));
        let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184",
            "password": PASSWORD });
        let reply = deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await;
        asked += usize::from(!reply.body["data"]["payoutRequest"]["payout"].is_null());
        if number % AT_ONCE != AT_ONCE - 1 {
            continue;
        }
        for _ in 0..dice.random_range(1..6) {
            app.market.clock().advance(TimeDelta::minutes(dice.random_range(10..60)));
            app.market.work_until_idle().await.unwrap();
            let news = app.stripe().news();
            // Some news get lost, and all others are told twice.
            let kept: Vec<_> = news.into_iter().filter(|_| dice.random_range(0..5) > 0).collect();
            app.stripe().tell(&app.router(), kept.clone()).await;
            app.stripe().tell(&app.router(), kept).await;
        }
    }
    app.stripe().fails(Faults::default());
    for _ in 0..16 {
        app.passes(TimeDelta::hours(6)).await;
    }
    assert!(asked * 10 > payouts * 9, "{asked} of {payouts}");
    let mut carried: BTreeMap<String, usize> = BTreeMap::new();
    let all = |books: &Books| -> Vec<Transfer> {
        let carrying = &books.carrying;
        carrying.outbound.iter().chain(&carrying.transfers).cloned().collect()
    };
    for transfer in app.stripe().look(all) {
        *carried.entry(transfer.key().to_owned()).or_default() += 1;
    }
    assert!(carried.len() * 2 > asked && carried.values().all(|times| *times == 1), "{asked}: {carried:?}");
    // What an error is kept of with its key is never told of. Two of our people find out that nothing came of it.
    let stuck = "select public_id('pyo', id) from payouts where status = 'unknown' and (state ->> 'stuck')::boolean";
    let stuck: Vec<String> = sqlx::query_scalar(stuck).fetch_all(app.pool()).await.unwrap();
    assert!(stuck.len() < asked / 10, "{stuck:?} of {asked}");
    let people = [app.admin("amna").await, app.admin("omar").await];
    for payout in &stuck {
        for person in &people {
            person.does_once("payoutSettle", word(payout, "RETURNED"), SETTLED).await.ok();
        }
    }
    let open = "select state::text from payouts where status in ('sent', 'unknown')
        or (status = 'in_transit' and state ->> 'rail' not in ('bank_wire', 'manual'))";
    let open: Vec<String> = sqlx::query_scalar(open).fetch_all(app.pool()).await.unwrap();
    assert_eq!(open, Vec::<String>::new(), "everything was heard of");
    let ends: Vec<(String, i64)> =
        sqlx::query_as("select status, count(*) from payouts group by status").fetch_all(app.pool()).await.unwrap();
    assert!(ends.len() >= 3, "{ends:?}");
    hold(&app).await;
    assert_eq!(differences(&app).await, []);
}
