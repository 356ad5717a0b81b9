//! Paying, as a client meets it: the same stories on the sandbox and on Stripe.

use chrono::TimeDelta;
use infra::payments::{ProcessorEvent, ProcessorFact};
use infra::webhook::Replay;
use serde_json::json;
use tests::books::{assert_books, books};
use tests::{Deal, Hours, TestApp};

mod again;

const PAYMENT: &str = "payment { id status clientSecret failureCode }";

/// Play a story on either processor.
macro_rules! on_both {
    ($($story:ident)*) => {
        mod on_the_sandbox {
            $(#[tokio::test]
            async fn $story() {
                super::$story(tests::TestApp::new().await).await;
            })*
        }
        mod on_stripe {
            $(#[tokio::test]
            async fn $story() {
                let app = tests::TestApp::on_stripe().await;
                let app = super::$story(app).await;
                assert_eq!(app.stripe().sins(), Vec::<String>::new());
            })*
        }
    };
}

on_both! {
    a_declined_card_fails_and_another_one_pays
    a_bank_that_wants_to_see_the_client_is_shown_them_and_then_pays
    a_client_whose_bank_would_not_have_them_pays_nothing
    a_bank_debit_comes_late_and_may_be_taken_back
    a_chargeback_that_is_won_puts_the_money_back
    credit_goes_back_to_the_card_in_parts_and_whole
    what_does_not_get_back_to_the_card_is_credit_again
    what_came_with_one_card_goes_back_to_no_other
    a_week_is_charged_without_the_client_there
    a_week_whose_bank_takes_its_time_is_waited_for_and_may_be_taken_back
}

async fn hold(app: &TestApp) {
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
}

async fn pays(deal: &Deal<'_>, method: &str) -> tests::Reply {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": method });
    deal.client.does("milestoneFund", input, PAYMENT).await
}

async fn payment(deal: &Deal<'_>, id: &str) -> tests::Reply {
    let query = "query($id: ID!) { payment(id: $id) { status clientSecret failureCode } }";
    deal.client.asks(query, json!({ "id": id })).await
}

async fn a_declined_card_fails_and_another_one_pays(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        let id = pays(&deal, "pm_sandbox_declined").await.text("payment.id");
        app.settles().await;
        let declined = payment(&deal, &id).await;
        assert_eq!(
            (declined.text("status"), declined.text("failureCode")),
            ("FAILED".to_owned(), "card_declined".to_owned())
        );
        assert!(declined.data()["payment"]["clientSecret"].is_null(), "there is nothing to go on with");
        assert_eq!(deal.status().await, "AGREED");
        let id = pays(&deal, "pm_sandbox_visa").await.text("payment.id");
        app.settles().await;
        assert_eq!(payment(&deal, &id).await.text("status"), "SUCCEEDED");
        assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
        hold(&app).await;
    }
    app
}

async fn a_bank_that_wants_to_see_the_client_is_shown_them_and_then_pays(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        let reply = pays(&deal, "pm_sandbox_3ds").await;
        assert_eq!(reply.text("payment.status"), "REQUIRES_ACTION");
        let secret = reply.text("payment.clientSecret");
        assert!(secret.starts_with("pi_"), "the page can go on: {secret}");
        let id = reply.text("payment.id");
        app.settles().await;
        let waits = payment(&deal, &id).await;
        assert_eq!((waits.text("status"), waits.text("clientSecret")), ("REQUIRES_ACTION".to_owned(), secret));
        assert_eq!(deal.status().await, "FUNDING");
        let foreign =
            deal.freelancer.asks("query($id: ID!) { payment(id: $id) { clientSecret } }", json!({ "id": id }));
        assert!(foreign.await.data()["payment"].is_null(), "the secret is the client's alone");
        app.bank_answers(&deal.client, &id, true).await;
        let came = payment(&deal, &id).await;
        assert_eq!(came.text("status"), "SUCCEEDED");
        assert!(came.data()["payment"]["clientSecret"].is_null(), "there is nothing to go on with");
        assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
        let kept: i64 = sqlx::query_scalar("select count(*) from payment_secrets").fetch_one(app.pool()).await.unwrap();
        assert_eq!(kept, 0, "a secret is not kept for longer than it is of use");
    }
    app
}

async fn a_client_whose_bank_would_not_have_them_pays_nothing(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        let id = pays(&deal, "pm_sandbox_3ds").await.text("payment.id");
        app.bank_answers(&deal.client, &id, false).await;
        let refused = payment(&deal, &id).await;
        assert_eq!(refused.text("status"), "FAILED");
        assert_eq!(refused.text("failureCode"), "payment_intent_authentication_failure");
        assert_eq!((deal.status().await.as_str(), deal.credit().await), ("AGREED", 0));
    }
    app
}

async fn a_bank_debit_comes_late_and_may_be_taken_back(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        let id = pays(&deal, "pm_sandbox_late").await.text("payment.id");
        app.settles().await;
        assert_eq!(payment(&deal, &id).await.text("status"), "PROCESSING");
        assert_eq!(deal.status().await, "FUNDING");
        app.market.clock().advance(TimeDelta::minutes(10));
        app.settles().await;
        assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
        if let Some(stripe) = app.on_stripe_only() {
            stripe.does(|books, now| books.disputes(&id, 103_000, "lost", now));
            app.settles().await;
            assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000]);
        }
        hold(&app).await;
    }
    app
}

async fn a_chargeback_that_is_won_puts_the_money_back(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        pays(&deal, "pm_sandbox_chargeback_won").await;
        app.settles().await;
        deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await.ok();
        app.passes(TimeDelta::days(1)).await;
        assert_eq!(deal.money().await, [100_000, 0, 0, 0, 0, 100_000]);
        hold(&app).await;
        app.passes(TimeDelta::days(7)).await;
        assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
        hold(&app).await;
    }
    app
}

/// Money that came when nothing waited for it any more: it is credit.
async fn credited<'a>(app: &'a TestApp, method: &str) -> (Deal<'a>, String) {
    let deal = app.offered().await;
    let id = pays(&deal, method).await.text("payment.id");
    app.settles().await;
    let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let deal = Deal { contract: accepted.text("contract.id"), ..deal };
    let milestone = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", milestone.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", milestone, "milestone { id }").await.ok();
    assert_eq!((deal.credit().await, deal.status().await.as_str()), (103_000, "REFUNDED"));
    (deal, id)
}

async fn refund(deal: &Deal<'_>, payment: &str, amount: &str) -> tests::Reply {
    let input = json!({ "paymentId": payment, "amount": { "amount": amount } });
    deal.client.does("paymentRefund", input, "refund { id status amount { amount } failureCode }").await
}

async fn refunds(deal: &Deal<'_>, payment: &str) -> Vec<String> {
    let query = "query($id: ID!) { payment(id: $id) { refunds { status amount { amount } failureCode } } }";
    let reply = deal.client.asks(query, json!({ "id": payment })).await;
    let refunds = reply.data()["payment"]["refunds"].as_array().unwrap().clone();
    let line = |refund: serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text(&refund["status"]), text(&refund["amount"]["amount"]), text(&refund["failureCode"]))
    };
    refunds.into_iter().map(line).collect()
}

async fn credit_goes_back_to_the_card_in_parts_and_whole(app: TestApp) -> TestApp {
    {
        let (deal, id) = credited(&app, "pm_sandbox_visa").await;
        let first = refund(&deal, &id, "30.00").await;
        assert_eq!(first.text("refund.status"), "STARTED");
        assert_eq!(deal.credit().await, 100_000, "it is no longer credit at once");
        app.settles().await;
        app.market.clock().advance(TimeDelta::seconds(1));
        assert_eq!(refund(&deal, &id, "1000.01").await.refused(), ["INSUFFICIENT_FUNDS"]);
        refund(&deal, &id, "1000.00").await.ok();
        app.settles().await;
        assert_eq!(refunds(&deal, &id).await, ["SUCCEEDED 30.00 -", "SUCCEEDED 1000.00 -"]);
        assert_eq!(deal.credit().await, 0);
        let node = "query($id: ID!) { node(id: $id) { ... on PaymentRefund { status } } }";
        let one = json!({ "id": first.text("refund.id") });
        assert_eq!(deal.client.asks(node, one.clone()).await.data()["node"]["status"], "SUCCEEDED");
        let stranger = app.client("stranger").await;
        assert!(stranger.asks(node, one).await.data()["node"].is_null());
        let foreign = json!({ "paymentId": id, "amount": { "amount": "1.00" } });
        let foreign = stranger.does("paymentRefund", foreign, "refund { id }").await;
        assert_eq!(foreign.refused(), ["NOT_FOUND"]);
        if let Some(stripe) = app.on_stripe_only() {
            assert_eq!(stripe.look(tests::stripe::Books::balance), 0);
        }
        hold(&app).await;
    }
    app
}

async fn what_does_not_get_back_to_the_card_is_credit_again(app: TestApp) -> TestApp {
    {
        let (deal, id) = credited(&app, "pm_sandbox_refund_fails").await;
        refund(&deal, &id, "1030.00").await.ok();
        app.settles().await;
        assert_eq!(refunds(&deal, &id).await, ["FAILED 1030.00 expired_or_canceled_card"]);
        assert_eq!(deal.credit().await, 103_000);
        hold(&app).await;
    }
    app
}

async fn what_came_with_one_card_goes_back_to_no_other(app: TestApp) -> TestApp {
    {
        let deal = app.offered().await;
        let own = pays(&deal, "pm_sandbox_visa").await.text("payment.id");
        app.settles().await;
        let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
        // Another card pays for more work, and all of that comes back.
        let more =
            json!({ "contractId": accepted.text("contract.id"), "title": "More", "amount": { "amount": "400.00" } });
        let more = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
        deal.freelancer.does("milestoneAgree", json!({ "milestoneId": more }), "milestone { id }").await.ok();
        let other = json!({ "milestoneId": more, "paymentMethod": "pm_sandbox_visa" });
        let other = deal.client.does("milestoneFund", other, PAYMENT).await.text("payment.id");
        app.settles().await;
        let returned = async |milestone: &str, amount: &str| {
            let ask = json!({ "milestoneId": milestone, "amount": { "amount": amount } });
            deal.client.does("milestoneRequestRefund", ask, "milestone { id }").await.ok();
            let agree = json!({ "milestoneId": milestone });
            deal.freelancer.does("milestoneAgreeRefund", agree, "milestone { id }").await.ok();
        };
        returned(&more, "400.00").await;
        assert_eq!(deal.credit().await, 41_200);
        assert_eq!(
            refund(&deal, &own, "0.01").await.refused(),
            ["INSUFFICIENT_FUNDS"],
            "none of it came with this card"
        );
        returned(&deal.milestone, "100.00").await;
        let refundable = async |payment: &str| {
            let query = "query($id: ID!) { payment(id: $id) { refundable { amount } } }";
            deal.client.asks(query, json!({ "id": payment })).await.text("refundable.amount")
        };
        assert_eq!((refundable(&own).await, refundable(&other).await), ("103.00".to_owned(), "412.00".to_owned()));
        assert_eq!(refund(&deal, &own, "103.01").await.refused(), ["INSUFFICIENT_FUNDS"]);
        refund(&deal, &own, "100.00").await.ok();
        app.settles().await;
        app.market.clock().advance(TimeDelta::seconds(1));
        assert_eq!(refund(&deal, &own, "3.01").await.refused(), ["INSUFFICIENT_FUNDS"]);
        refund(&deal, &own, "3.00").await.ok();
        // What is spent is gone from its card, though another card's money lies there: what comes back is its own again.
        let contract = accepted.text("contract.id");
        let spend = async |title: &str, amount: &str| {
            let input = json!({ "contractId": contract, "title": title, "amount": { "amount": amount } });
            let spent = deal.client.does("milestonePropose", input, "milestone { id }").await.text("milestone.id");
            deal.freelancer.does("milestoneAgree", json!({ "milestoneId": spent }), "milestone { id }").await.ok();
            deal.client.does("milestoneFund", json!({ "milestoneId": spent }), "milestone { status }").await.ok();
            spent
        };
        returned(&deal.milestone, "100.00").await;
        assert_eq!(deal.credit().await, 51_500);
        let spent = spend("Out of the older", "400.00").await;
        assert_eq!(deal.credit().await, 10_300);
        assert_eq!((refundable(&own).await, refundable(&other).await), ("103.00".to_owned(), "0.00".to_owned()));
        assert_eq!(refund(&deal, &other, "0.01").await.refused(), ["INSUFFICIENT_FUNDS"], "the oldest was spent first");
        returned(&spent, "400.00").await;
        assert_eq!(deal.credit().await, 51_500);
        refund(&deal, &other, "412.00").await.ok();
        refund(&deal, &own, "103.00").await.ok();
        app.settles().await;
        assert_eq!(deal.credit().await, 0);
        hold(&app).await;
    }
    app
}

/// A week of 440 minutes at 33.33, approved on the Tuesday after: 244.42, of which the client pays 251.75.
pub(super) async fn approved_week(hours: &Hours<'_>) -> String {
    let app = hours.client.app;
    app.passes(TimeDelta::hours(57)).await;
    let week = hours.worked("2026-06-01", 440).await;
    app.passes(TimeDelta::hours(115)).await;
    assert_eq!(hours.status(&week).await, "SUBMITTED");
    app.passes(TimeDelta::hours(21)).await;
    hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { id }").await.ok();
    app.settles().await;
    week
}

/// The last payment of a week: its id, status and failure code.
pub(super) async fn paid_for(hours: &Hours<'_>, week: &str) -> (String, String, String) {
    let query = "query($id: ID!) { timesheet(id: $id) { payment { id status failureCode } } }";
    let reply = hours.client.asks(query, json!({ "id": week })).await;
    let text = |field: &str| reply.data()["timesheet"]["payment"][field].as_str().unwrap_or("-").to_owned();
    (text("id"), text("status"), text("failureCode"))
}

/// The intents of a marketplace on Stripe, and the keys under which they were asked for.
fn asked_for(app: &TestApp) -> Option<(usize, std::collections::BTreeSet<String>)> {
    let stripe = app.on_stripe_only()?;
    let heard = stripe.heard().into_iter().filter(|(m, path, _)| m == "POST" && path == "/v1/payment_intents");
    Some((stripe.look(|books| books.intents.len()), heard.map(|(.., key)| key).collect()))
}

async fn a_week_is_charged_without_the_client_there(app: TestApp) -> TestApp {
    {
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_3ds").await;
        let week = approved_week(&hours).await;
        // The bank wants to see somebody, and nobody is there: it is asked again after one, three and five days.
        for (failures, days) in [(1, 1), (2, 3), (3, 5)] {
            let (_, status, code) = paid_for(&hours, &week).await;
            assert_eq!((status.as_str(), code.as_str()), ("FAILED", "authentication_required"));
            let seen = hours.week(&week).await;
            assert_eq!((&seen["status"], &seen["failedCharges"]), (&json!("APPROVED"), &json!(failures)));
            assert_eq!(hours.contract_status().await, "ON_HOLD");
            app.passes(TimeDelta::days(days)).await;
        }
        assert_eq!(hours.status(&week).await, "UNPAID");
        if let Some((intents, keys)) = asked_for(&app) {
            assert_eq!((intents, keys.len()), (4, 4), "each charge is a payment of its own, under a key of its own");
        }
        app.market.clock().advance(TimeDelta::minutes(1));
        hours.names_card("pm_sandbox_visa").await;
        app.settles().await;
        assert_eq!(hours.status(&week).await, "HELD");
        assert_eq!(hours.contract_status().await, "ACTIVE");
        assert_eq!(paid_for(&hours, &week).await.1, "SUCCEEDED");
        if let Some((intents, keys)) = asked_for(&app) {
            assert_eq!((intents, keys.len()), (5, 5));
            assert_eq!(app.stripe().look(tests::stripe::Books::balance), 25_175);
        }
        app.passes(TimeDelta::days(7)).await;
        assert_eq!(hours.status(&week).await, "PAID");
        assert_eq!(hours.money(&week).await, [24_442, 0, 23_220, 1_222, 0, 0]);
        hold(&app).await;
    }
    app
}

async fn a_week_whose_bank_takes_its_time_is_waited_for_and_may_be_taken_back(app: TestApp) -> TestApp {
    {
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_late").await;
        let week = approved_week(&hours).await;
        assert_eq!(hours.status(&week).await, "CHARGING");
        let (payment, status, _) = paid_for(&hours, &week).await;
        assert_eq!(status, "PROCESSING");
        app.market.clock().advance(TimeDelta::minutes(10));
        app.settles().await;
        assert_eq!(hours.status(&week).await, "HELD");
        assert_eq!(hours.money(&week).await, [24_442, 24_442, 0, 0, 0, 0]);
        if let Some(stripe) = app.on_stripe_only() {
            stripe.does(|books, now| books.disputes(&payment, 25_175, "lost", now));
            app.settles().await;
            assert_eq!(hours.status(&week).await, "CHARGED_BACK");
            assert_eq!(hours.money(&week).await, [24_442, 0, 0, 0, 0, 24_442]);
            assert_eq!(stripe.look(tests::stripe::Books::balance), 0);
        }
        hold(&app).await;
    }
    app
}

#[tokio::test]
async fn a_refund_that_gets_there_after_it_was_given_up_takes_its_money_again() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    app.stripe().fails(tests::stripe::Faults::later(1, tests::stripe::Fault::ErrorKept));
    let asked = refund(&deal, &id, "1030.00").await.text("refund.id");
    app.passes(TimeDelta::hours(36)).await;
    assert_eq!(refunds(&deal, &id).await, ["FAILED 1030.00 processor_silent"]);
    assert_eq!(deal.credit().await, 103_000);
    // Some of it is spent by then.
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "400.00" } });
    let more = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": more }), "milestone { id }").await.ok();
    deal.client.does("milestoneFund", json!({ "milestoneId": more }), "milestone { status }").await.ok();
    assert_eq!(deal.credit().await, 61_800);
    let lost = async || losses(&app).await;
    app.stripe().does(|books, now| books.refund_gets_there(&id, &asked, 103_000, now));
    app.settles().await;
    assert_eq!(refunds(&deal, &id).await, ["SUCCEEDED 1030.00 -"]);
    assert_eq!((deal.credit().await, lost().await), (0, 41_200), "the rest is our loss");
    hold(&app).await;
    let there = app.stripe().look(|books| books.refunds[0].id.clone());
    app.stripe().does(|books, now| books.refund_fails(&there, now));
    app.settles().await;
    assert_eq!((deal.credit().await, lost().await), (61_800, 0), "it came back");
    hold(&app).await;
    // The database knows the sum, too.
    let copy = "insert into payment_refunds (id, payment_id, organization_id, amount, status, state, created_at)
        select gen_random_uuid(), payment_id, organization_id, amount, 'started', '{\"status\": \"started\"}', created_at
        from payment_refunds";
    sqlx::query(copy).execute(app.pool()).await.unwrap();
    let refused = sqlx::query(copy).execute(app.pool()).await.unwrap_err();
    assert!(refused.to_string().contains("more goes back of a payment"), "{refused}");
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_looked_for_and_made_once() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    app.stripe().fails(tests::stripe::Faults::later(1, tests::stripe::Fault::LostAnswer));
    refund(&deal, &id, "1030.00").await.ok();
    app.market.clock().advance(TimeDelta::seconds(5));
    app.settles().await;
    app.market.clock().advance(TimeDelta::seconds(5));
    app.settles().await;
    assert_eq!(refunds(&deal, &id).await, ["SUCCEEDED 1030.00 -"]);
    assert_eq!(app.stripe().look(|books| (books.refunds.len(), books.balance())), (1, 0));
    let asked = app.stripe().heard().into_iter().filter(|(method, path, _)| method == "POST" && path == "/v1/refunds");
    assert_eq!(asked.count(), 1, "it was found, not asked for again");
}

#[tokio::test]
async fn a_refund_that_the_worker_slept_on_for_longer_than_its_key_is_remembered_is_not_asked_for_anew() {
    use tests::stripe::{Fault, Faults};
    for (fault, end, credit) in
        [(Fault::LostAnswer, "SUCCEEDED 1030.00 -", 0), (Fault::Error, "FAILED 1030.00 processor_silent", 103_000)]
    {
        let app = TestApp::on_stripe().await;
        let (deal, id) = credited(&app, "pm_sandbox_visa").await;
        app.stripe().fails(Faults::later(1, fault));
        refund(&deal, &id, "1030.00").await.ok();
        app.market.work_until_idle().await.unwrap();
        // Nothing is told of it either.
        drop(app.stripe().news());
        app.market.clock().advance(TimeDelta::hours(25));
        for _ in 0..3 {
            app.settles().await;
            app.market.clock().advance(TimeDelta::minutes(1));
        }
        assert_eq!(refunds(&deal, &id).await, [end], "{fault:?}");
        assert_eq!(deal.credit().await, credit, "{fault:?}");
        let heard = app.stripe().heard().into_iter();
        let asked = heard.filter(|(method, path, _)| method == "POST" && path == "/v1/refunds");
        assert_eq!(asked.count(), 1, "{fault:?}");
        hold(&app).await;
    }
}

#[tokio::test]
async fn a_refund_that_nobody_tells_of_is_looked_at() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_refund_slow").await;
    refund(&deal, &id, "1030.00").await.ok();
    app.settles().await;
    assert_eq!(refunds(&deal, &id).await, ["PENDING 1030.00 -"]);
    let end = json!({ "contractId": deal.contract });
    deal.client.does("contractEnd", end, "contract { status }").await.ok();
    app.settles().await;
    let leave = json!({ "confirmEmail": deal.client.email });
    let leaves = deal.client.does_once("accountErase", leave, "erasedAt").await;
    assert_eq!(leaves.refused(), ["ACCOUNT_HAS_MONEY_UNDER_WAY"], "should it fail, there must be somebody to have it");
    app.stripe().does(|books, _| books.refunds_arrive_untold());
    app.market.clock().advance(TimeDelta::minutes(9));
    app.settles().await;
    assert_eq!(refunds(&deal, &id).await, ["PENDING 1030.00 -"], "not all the time");
    app.market.clock().advance(TimeDelta::minutes(1));
    app.settles().await;
    assert_eq!(refunds(&deal, &id).await, ["SUCCEEDED 1030.00 -"]);
}

/// The client's bank takes back all of a payment of which 300.00 had gone back to the card: the payment, and Stripe's name
/// for that.
async fn disputed_after_refund(app: &TestApp) -> (Deal<'_>, String, String) {
    let (deal, id) = credited(app, "pm_sandbox_visa").await;
    refund(&deal, &id, "300.00").await.ok();
    app.settles().await;
    let dispute = app.stripe().does(|books, now| books.disputes(&id, 103_000, "needs_response", now));
    app.settles().await;
    (deal, id, dispute)
}

/// What we have lost so far.
pub async fn losses(app: &TestApp) -> i64 {
    let lost =
        "select coalesce(sum(case when from_account = 'losses' then amount_minor else -amount_minor end), 0)::bigint
        from ledger_postings where 'losses' in (from_account, to_account)";
    sqlx::query_scalar(lost).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn a_chargeback_that_is_lost_but_for_what_had_gone_back_to_the_card_gives_that_back() {
    let app = TestApp::on_stripe().await;
    let (deal, _, dispute) = disputed_after_refund(&app).await;
    assert_eq!((deal.credit().await, losses(&app).await), (0, 30_000), "the bank takes what went back once more");
    app.stripe().does(|books, now| books.decides_in_part(&dispute, 30_000, now));
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await), (0, 0), "and gives that part back, though it is lost");
    app.market.webhooks_replay(&Replay::Since(app.market.clock().now() - TimeDelta::days(1))).await.unwrap();
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await), (0, 0), "once");
    app.market.clock().advance(TimeDelta::hours(3));
    let now = app.market.clock().now();
    let report = app.market.reconcile(&infra::Call::system("test"), now - TimeDelta::days(30), now).await.unwrap();
    assert_eq!(report.differences, []);
    hold(&app).await;
}

/// What the comparison with Stripe finds, once all has settled.
async fn differences(app: &TestApp) -> Vec<domain::reconciliation::Difference> {
    app.market.clock().advance(TimeDelta::hours(3));
    let now = app.market.clock().now();
    let report = app.market.reconcile(&infra::Call::system("test"), now - TimeDelta::days(30), now).await;
    report.unwrap().differences
}

#[tokio::test]
async fn a_chargeback_that_was_lost_in_part_and_is_won_after_all_gives_back_what_is_missing() {
    // Told of each step, or only of the last.
    for is_told in [true, false] {
        let app = TestApp::on_stripe().await;
        let (deal, id, dispute) = disputed_after_refund(&app).await;
        app.stripe().does(|books, now| books.decides_in_part(&dispute, 30_000, now));
        if is_told {
            app.settles().await;
            assert_eq!((deal.credit().await, losses(&app).await), (0, 0));
        }
        app.stripe().does(|books, now| books.turns(&dispute, 30_000, now));
        app.settles().await;
        assert_eq!((deal.credit().await, losses(&app).await), (73_000, 0), "the client has had the rest on the card");
        // A part that is told of when all has come back is part of that.
        let late = ProcessorEvent {
            source: "stripe".to_owned(),
            id: format!("{dispute}:told_late"),
            payment: id.parse().unwrap(),
            fact: ProcessorFact::GivenBack { reference: dispute, amount: domain::money::Money::usd(30_000).unwrap() },
        };
        app.market.processor_event(&late).await.unwrap();
        app.market.webhooks_replay(&Replay::Since(app.market.clock().now() - TimeDelta::days(1))).await.unwrap();
        app.settles().await;
        assert_eq!((deal.credit().await, losses(&app).await), (73_000, 0));
        assert_eq!(differences(&app).await, []);
        hold(&app).await;
    }
}

#[tokio::test]
async fn what_our_people_booked_of_a_chargeback_themselves_is_not_booked_once_more() {
    // What they booked: all of it, and something else.
    for (corrected, is_right) in [("300.00", true), ("200.00", false)] {
        let app = TestApp::on_stripe().await;
        let (deal, id, dispute) = disputed_after_refund(&app).await;
        assert_eq!((deal.credit().await, losses(&app).await), (0, 30_000));
        let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
        let ask = json!({ "from": "processor_clearing", "to": "losses", "amount": { "amount": corrected },
            "class": "DISPUTE", "about": id, "reason": "The bank gave a part of it back" });
        let proposed = noor.does("correctionPropose", ask, "correction { id }").await.text("correction.id");
        let approve = json!({ "correctionId": proposed });
        amna.does("correctionApprove", approve, "correction { id }").await.ok();
        let by_hand = losses(&app).await;
        app.stripe().does(|books, now| books.decides_in_part(&dispute, 30_000, now));
        app.settles().await;
        assert_eq!(losses(&app).await, by_hand, "{corrected}: it is in the books already, or for them to look at");
        let open = app.market.webhooks_open(10).await.unwrap();
        if is_right {
            assert!(open.is_empty(), "{open:?}");
            assert_eq!(differences(&app).await, []);
            app.stripe().does(|books, now| books.turns(&dispute, 30_000, now));
            app.settles().await;
            assert_eq!((deal.credit().await, losses(&app).await), (73_000, 0));
            assert_eq!(differences(&app).await, []);
            // Taken again it is all of it that they book: what they did before was about what came back since.
            app.stripe().does(|books, now| books.takes_again(&dispute, now));
            app.settles().await;
            assert!(!app.market.webhooks_open(10).await.unwrap().is_empty());
            let ask = json!({ "from": "losses", "to": "processor_clearing", "amount": { "amount": "1030.00" },
                "class": "DISPUTE", "about": id, "reason": "The bank took it once more" });
            let proposed = noor.does("correctionPropose", ask, "correction { id }").await.text("correction.id");
            amna.does("correctionApprove", json!({ "correctionId": proposed }), "correction { id }").await.ok();
            app.market.clock().advance(TimeDelta::hours(1));
            app.settles().await;
            let open = app.market.webhooks_open(10).await.unwrap();
            assert!(open.is_empty(), "{open:?}");
            assert_eq!(differences(&app).await, []);
        } else {
            let why = open.iter().filter_map(|told| told.last_error.as_deref()).collect::<String>();
            assert!(why.contains("correction"), "{open:?}");
        }
        hold(&app).await;
    }
}

#[tokio::test]
async fn what_a_bank_takes_again_after_it_gave_it_back_is_for_our_people() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    let dispute = app.stripe().does(|books, now| books.disputes(&id, 103_000, "needs_response", now));
    app.settles().await;
    app.stripe().does(|books, now| books.decides(&dispute, "won", now));
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await), (103_000, 0));
    // Money that the client brings is held for longer while one stands.
    let standing = async || {
        let standing = "select count(*) from chargebacks where won_at is null";
        sqlx::query_scalar::<_, i64>(standing).fetch_one(app.pool()).await.unwrap()
    };
    assert_eq!(standing().await, 0);
    app.market.clock().advance(TimeDelta::hours(1));
    let again = app.market.clock().now().timestamp();
    let opened = async || {
        let opened = "select extract(epoch from opened_at)::bigint from chargebacks";
        sqlx::query_scalar::<_, i64>(opened).fetch_one(app.pool()).await.unwrap()
    };
    app.stripe().does(|books, now| books.takes_again(&dispute, now));
    app.settles().await;
    assert_eq!((deal.credit().await, standing().await), (103_000, 1), "it may be somebody else's by then");
    assert_eq!(opened().await, again, "that counts from now on");
    let open = app.market.webhooks_open(10).await.unwrap();
    let why = open.iter().filter_map(|told| told.last_error.as_deref()).collect::<String>();
    assert!(why.contains("taken again"), "{open:?}");
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let ask = json!({ "from": "losses", "to": "processor_clearing", "amount": { "amount": "1030.00" },
        "class": "DISPUTE", "about": id, "reason": "The bank took it once more" });
    let proposed = noor.does("correctionPropose", ask, "correction { id }").await.text("correction.id");
    amna.does("correctionApprove", json!({ "correctionId": proposed }), "correction { id }").await.ok();
    app.market.clock().advance(TimeDelta::hours(1));
    app.settles().await;
    let open = app.market.webhooks_open(10).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
    assert_eq!((losses(&app).await, opened().await), (103_000, again), "and not from when it was booked");
    assert_eq!(differences(&app).await, []);
    // And once more it thinks better of it.
    app.stripe().does(|books, now| books.decides(&dispute, "won", now));
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await, standing().await), (103_000, 103_000, 0));
    let open = app.market.webhooks_open(10).await.unwrap();
    let why = open.iter().filter_map(|told| told.last_error.as_deref()).collect::<String>();
    assert!(why.contains("given back again"), "{open:?}");
    let ask = json!({ "from": "processor_clearing", "to": "losses", "amount": { "amount": "1030.00" },
        "class": "DISPUTE", "about": id, "reason": "The bank gave it back once more" });
    let proposed = noor.does("correctionPropose", ask, "correction { id }").await.text("correction.id");
    amna.does("correctionApprove", json!({ "correctionId": proposed }), "correction { id }").await.ok();
    app.market.clock().advance(TimeDelta::hours(1));
    app.settles().await;
    let open = app.market.webhooks_open(10).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
    assert_eq!((deal.credit().await, losses(&app).await), (103_000, 0));
    assert_eq!(differences(&app).await, []);
    hold(&app).await;
}

#[tokio::test]
async fn a_refund_made_by_hand_takes_the_money_of_its_payment_back() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    app.stripe().does(|books, now| books.refund_by_hand(&id, 5_000, now));
    app.settles().await;
    assert_eq!(deal.credit().await, 98_000);
    assert_eq!(differences(&app).await, [], "both sides have it as what a bank takes back");
    let by_hand = app.stripe().look(|books| books.refunds[0].id.clone());
    app.stripe().does(|books, now| books.refund_fails(&by_hand, now));
    app.settles().await;
    assert_eq!(deal.credit().await, 103_000, "it came back");
    assert_eq!(differences(&app).await, []);
    assert!(app.market.webhooks_open(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_paid_out_of_what_was_refunded_by_hand() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let id = pays(&deal, "pm_sandbox_visa").await.text("payment.id");
    app.settles().await;
    app.stripe().does(|books, now| books.refund_by_hand(&id, 103_000, now));
    app.settles().await;
    assert_eq!((deal.status().await.as_str(), deal.credit().await), ("CHARGED_BACK", 0));
}

#[tokio::test]
async fn a_card_that_is_set_up_is_the_organizations_to_be_charged_with() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let set_up = async || {
        let input = json!({ "organizationId": deal.client.organization });
        deal.client.does("paymentMethodSetUp", input, "clientSecret").await.text("clientSecret")
    };
    let secret = set_up().await;
    assert!(secret.starts_with("seti_"));
    assert_eq!(set_up().await, secret, "what waits is gone on with");
    app.market.clock().advance(TimeDelta::hours(1));
    let secret = set_up().await;
    assert_eq!(app.stripe().look(|books| books.setups.len()), 2, "for an hour");
    let listed = async |who: &tests::Person<'_>| {
        let query = "query($id: ID!) { node(id: $id) { ... on Organization {
            paymentMethods { token kind label last4 expiresMonth expiresYear isDefault } } } }";
        who.asks(query, json!({ "id": deal.client.organization })).await.data()["node"]["paymentMethods"].clone()
    };
    app.settles().await;
    assert_eq!(listed(&deal.client).await, json!([]), "it was only begun");
    app.stripe().does(|books, now| books.sets_up(&secret, "pm_sandbox_visa", now));
    app.settles().await;
    let card = json!({ "token": "pm_sandbox_visa", "kind": "card", "label": "visa", "last4": "4242",
        "expiresMonth": 12, "expiresYear": 2031, "isDefault": true });
    assert_eq!(listed(&deal.client).await, json!([card]));
    assert!(!listed(&deal.freelancer).await.to_string().contains("pm_"), "it is nobody else's business");
    pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    assert_eq!(deal.status().await, "FUNDED");
    assert_eq!(app.stripe().look(|books| books.customers.len()), 1, "it is one customer");
    assert_ne!(set_up().await, secret, "what was gone on with is over");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn the_whole_journey_is_played_on_stripe() {
    let app = TestApp::on_stripe().await;
    let world = app.world().await;
    for thing in ["gig", "proposal", "offer", "contract", "milestone", "payment", "payout", "review"] {
        assert!(world.ids().contains_key(thing), "the journey made no {thing}");
    }
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn the_largest_milestone_is_one_that_can_be_charged() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let largest = domain::policy::Terms::default().milestone_max.amount();
    let id = crate::reconciliation::paid_with(&deal, "pm_sandbox_visa", &largest).await;
    assert_eq!(payment(&deal, &id).await.text("status"), "SUCCEEDED", "{largest}");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn the_whole_journey_is_played_with_stripe_on_both_ends() {
    let app = TestApp::on_stripe_rails(true, true).await;
    let world = app.world().await;
    let stands = "select status, state ->> 'rail' from payouts";
    let stands: Vec<(String, String)> = sqlx::query_as(stands).fetch_all(app.pool()).await.unwrap();
    assert_eq!(stands, [("paid".to_owned(), "global_payouts".to_owned())]);
    assert!(world.ids().contains_key("review"), "it was played to its end");
    let (outbound, carried) = app.stripe().look(|books| (books.carrying.outbound.len(), books.carried()));
    assert_eq!((outbound, carried), (1, 100_000), "to the cent, and once");
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
    hold(&app).await;
    let now = app.market.clock().now();
    let report = app.market.reconcile(&infra::Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
    assert_eq!(report.differences, []);
}

#[tokio::test]
async fn what_a_client_gives_up_is_given_up_at_stripe_too() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let id = pays(&deal, "pm_sandbox_3ds").await.text("payment.id");
    let input = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneStopFunding", input, "milestone { status }").await.ok();
    app.settles().await;
    assert_eq!(app.stripe().look(|books| books.of_payment(&id).unwrap().status), "canceled");
    assert_eq!(payment(&deal, &id).await.text("status"), "FAILED");
    // A debit that is on its way can't be: its money comes, and the milestone still waits for it.
    let late = pays(&deal, "pm_sandbox_late").await.text("payment.id");
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(app.stripe().look(|books| books.of_payment(&late).unwrap().status), "succeeded");
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_given_up_and_still_waits_for_its_client_is_given_up_again() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let id = pays(&deal, "pm_sandbox_3ds").await.text("payment.id");
    let intent = app.stripe().look(|books| books.of_payment(&id).unwrap().clone());
    assert_eq!(intent.status, "requires_action");
    // It fails here, and is given up at Stripe.
    let fact = ProcessorFact::Failed { code: "given_up".to_owned() };
    let told = ProcessorEvent {
        source: "stripe".to_owned(),
        id: format!("{id}:given_up"),
        payment: id.parse().unwrap(),
        fact,
    };
    app.market.processor_event(&told).await.unwrap();
    app.market.work_until_idle().await.unwrap();
    assert_eq!(payment(&deal, &id).await.text("status"), "FAILED");
    assert_eq!(app.stripe().look(|books| books.of_payment(&id).unwrap().status), "canceled");
    // As if it had been made only after that.
    app.stripe().does(|books, _| books.intents[0].status = "requires_action");
    let now = app.market.clock().now();
    let news = tests::stripe::event("evt_late", "payment_intent.requires_action", &intent.body(), now);
    app.stripe().tell(&app.router(), vec![news]).await;
    app.settles().await;
    assert_eq!(app.stripe().look(|books| books.of_payment(&id).unwrap().status), "canceled");
    assert_eq!((deal.status().await.as_str(), deal.credit().await), ("AGREED", 0));
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn each_request_carries_the_id_of_the_event_that_asks_for_it() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    let events: Vec<uuid::Uuid> = sqlx::query_scalar("select id from events where name = 'milestone_funding_started'")
        .fetch_all(app.pool())
        .await
        .unwrap();
    let [event] = events.as_slice() else { panic!("one payment sets out: {events:?}") };
    let event = <domain::id::EventId as domain::id::Id>::from_uuid(*event).to_string();
    let asked: Vec<_> = app.stripe().heard().into_iter().filter(|(method, ..)| method == "POST").collect();
    let made = ("POST".to_owned(), "/v1/payment_intents".to_owned(), event);
    assert!(asked.contains(&made), "{asked:?}");
    assert!(asked.iter().all(|(.., key)| !key.is_empty()), "{asked:?}");
}

#[tokio::test]
async fn a_card_that_stripe_does_not_know_fails_the_payment() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let reply = pays(&deal, "pm_nobody_has_this").await;
    assert_eq!(reply.text("payment.failureCode"), "resource_missing");
    app.settles().await;
    assert_eq!(deal.status().await, "AGREED");
}

#[tokio::test]
async fn an_organizations_cards_are_named_and_removed_unless_weeks_are_charged_to_them() {
    let app = TestApp::on_stripe().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let with = |token: &str| json!({ "organizationId": ada.organization, "token": token });
    let fields = "organization { paymentMethods { token isDefault } }";
    for token in ["pm_sandbox_visa", "pm_sandbox_late"] {
        let input = json!({ "organizationId": ada.organization });
        let secret = ada.does("paymentMethodSetUp", input, "clientSecret").await.text("clientSecret");
        app.stripe().does(|books, now| books.sets_up(&secret, token, now));
        app.settles().await;
        app.market.clock().advance(TimeDelta::minutes(1));
    }
    let shown = |list: &[(&str, bool)]| {
        let list = list.iter().map(|(token, is_default)| json!({ "token": token, "isDefault": is_default }));
        json!({ "paymentMethods": list.collect::<Vec<_>>() })
    };
    let prefers = async |token: &str| ada.does("paymentMethodPrefer", with(token), fields).await;
    let both = prefers("pm_sandbox_late").await;
    assert_eq!(both.ok()["organization"], shown(&[("pm_sandbox_late", true), ("pm_sandbox_visa", false)]));
    assert_eq!(prefers("pm_sandbox_gold").await.faults(), ["token: UNKNOWN"]);
    for act in ["paymentMethodPrefer", "paymentMethodRemove"] {
        assert_eq!(lin.does(act, with("pm_sandbox_visa"), fields).await.refused(), ["NOT_FOUND"], "{act}");
    }

    // A contract by the hour is charged to one of them.
    let offer = json!({ "organizationId": ada.organization, "freelancerId": lin.id, "title": "By the hour",
        "hourlyRate": { "amount": "50.00" }, "weeklyLimitMinutes": 2_400 });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    let contract = lin.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.text("contract.id");
    let names = |token: &str| json!({ "contractId": contract, "paymentMethod": token });
    ada.does("contractPaymentMethodSet", names("pm_sandbox_late"), "contract { id }").await.ok();
    let removes = async |token: &str| ada.does("paymentMethodRemove", with(token), fields).await;
    let needed = removes("pm_sandbox_late").await;
    assert_eq!(needed.refused(), ["PAYMENT_METHOD_NEEDED"]);
    let said = needed.body.to_string();
    assert!(said.contains("By the hour") && said.contains("contractPaymentMethodSet"), "{said}");
    assert!(app.stripe().look(|books| books.detached.is_empty()), "nothing was let go of");

    ada.does("contractPaymentMethodSet", names("pm_sandbox_visa"), "contract { id }").await.ok();
    assert_eq!(removes("pm_sandbox_late").await.ok()["organization"], shown(&[("pm_sandbox_visa", true)]));
    assert_eq!(app.stripe().look(|books| books.detached.clone()), ["pm_sandbox_late"]);
    removes("pm_sandbox_late").await.ok();
    assert_eq!(app.stripe().look(|books| books.detached.len()), 1, "what is gone is gone");
    // It is gone for good, and named nowhere any more.
    assert_eq!(prefers("pm_sandbox_late").await.faults(), ["token: UNKNOWN"]);
    let named = ada.does("contractPaymentMethodSet", names("pm_sandbox_late"), "contract { id }").await;
    assert_eq!(named.faults(), ["paymentMethod: UNKNOWN"]);
}
