//! Payments: the processor decides later, and says it late, twice and out of order.

use chrono::TimeDelta;
use domain::money::Money;
use infra::payments::{ProcessorEvent, ProcessorFact};
use serde_json::{Value, json};
use tests::books::{assert_books, books};
use tests::{Deal, Person, TestApp};

async fn payment_id(deal: &Deal<'_>, method: &str) -> String {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": method });
    let reply = deal
        .client
        .does("milestoneFund", input, "payment { id status clientSecret quote { clientPays { amount } } }")
        .await;
    reply.ok();
    assert_eq!(reply.text("payment.status"), "PROCESSING");
    assert!(reply.text("payment.clientSecret").starts_with("pi_sandbox_"));
    assert_eq!(reply.text("payment.quote.clientPays.amount"), "1030.00");
    reply.text("payment.id")
}

fn event(id: &str, payment: &str, fact: ProcessorFact) -> ProcessorEvent {
    ProcessorEvent { source: "sandbox".to_owned(), id: id.to_owned(), payment: payment.parse().unwrap(), fact }
}

fn succeeded() -> ProcessorFact {
    ProcessorFact::Succeeded { intent: "pi".to_owned(), received: Money::usd(103_000).unwrap() }
}

#[tokio::test]
async fn fee_preview_is_right_to_the_cent() {
    let app = TestApp::new().await;
    let query = "query($a: MoneyInput!) { feePreview(amount: $a) { clientFee { amount } clientPays { amount } freelancerFee { amount } freelancerGets { amount } } }";
    let reply = app.visitor().asks(query, json!({ "a": { "amount": "333.33" } })).await;
    let amounts = ["clientFee", "clientPays", "freelancerFee", "freelancerGets"]
        .map(|part| reply.text(&format!("{part}.amount")));
    assert_eq!(amounts, ["10.00", "343.33", "16.67", "316.66"]);
    for bad in ["0", "-1", "1e3", "970000.01", "12.345"] {
        assert_eq!(
            app.visitor().asks(query, json!({ "a": { "amount": bad } })).await.failed(),
            ["BAD_USER_INPUT"],
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_success_told_three_times_funds_once() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let payment = payment_id(&deal, "pm_sandbox_silent").await;
    for id in ["evt_1", "evt_1", "evt_2"] {
        app.market.processor_event(&event(id, &payment, succeeded())).await.unwrap();
    }
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    assert_eq!(deal.credit().await, 0);
    for sql in [
        "select count(*) from audit_log where act = 'processor_event'",
        "select count(*) from processor_events where kind = 'succeeded'",
    ] {
        let acted: i64 = sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap();
        assert_eq!(acted, 2, "an event that is told again is not acted on again: {sql}");
    }
}

#[tokio::test]
async fn a_failure_told_after_the_success_changes_nothing() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let payment = payment_id(&deal, "pm_sandbox_silent").await;
    let failed = || ProcessorFact::Failed { code: "card_declined".to_owned() };
    app.market.processor_event(&event("evt_1", &payment, succeeded())).await.unwrap();
    app.market.processor_event(&event("evt_2", &payment, failed())).await.unwrap();
    assert_eq!(deal.status().await, "FUNDED");
    let query = "query($id: ID!) { payment(id: $id) { status } }";
    assert_eq!(deal.client.asks(query, json!({ "id": payment })).await.text("status"), "SUCCEEDED");
    assert!(
        deal.freelancer.asks(query, json!({ "id": payment })).await.data()["payment"].is_null(),
        "the client's alone"
    );
}

#[tokio::test]
async fn money_that_comes_when_nothing_waits_for_it_is_credit() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let payment = payment_id(&deal, "pm_sandbox_silent").await;
    deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), "offer { status }").await.ok();
    app.market.processor_event(&event("evt_1", &payment, succeeded())).await.unwrap();
    assert_eq!(deal.credit().await, 103_000);
    assert_eq!(deal.money().await, [0; 6]);
}

#[tokio::test]
async fn a_payment_nobody_hears_of_is_given_up_after_a_day() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    payment_id(&deal, "pm_sandbox_silent").await;
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(deal.status().await, "AGREED");
}

#[tokio::test]
async fn a_late_success_funds_when_it_comes() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_late").await;
    assert_eq!(deal.status().await, "FUNDING");
    app.market.clock().advance(TimeDelta::minutes(10));
    app.settles().await;
    assert_eq!(deal.status().await, "FUNDED");
}

#[tokio::test]
async fn a_chargeback_takes_escrow_first_and_the_books_still_add_up() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback").await;
    assert_eq!(deal.status().await, "FUNDED");
    deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await.ok();
    app.passes(TimeDelta::days(1)).await;
    let [funded, held, released, fee, refunded, charged_back] = deal.money().await;
    assert_eq!((held, charged_back), (0, 100_000));
    assert_eq!(funded, held + released + fee + refunded + charged_back);
}

#[tokio::test]
async fn what_was_released_stays_so_when_a_bank_takes_a_dollar_of_it() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let query = "query($id: ID!) { milestone(id: $id) { status version allowed payment { id } } }";
    let seen = deal.client.asks(query, json!({ "id": deal.milestone })).await;
    let payment = seen.text("payment.id");
    let taken = ProcessorFact::ChargedBack { reference: "dp_1".to_owned(), amount: Money::usd(100).unwrap() };
    app.market.processor_event(&event("evt_1", &payment, taken)).await.unwrap();
    let seen = deal.freelancer.asks(query, json!({ "id": deal.milestone })).await;
    let milestone = &seen.data()["milestone"];
    assert_eq!((&milestone["status"], &milestone["allowed"]), (&json!("RELEASED"), &json!(["MILESTONE_REFUND_AFTER"])));
    let give = json!({
        "milestoneId": deal.milestone, "expectedVersion": milestone["version"], "amount": { "amount": "50.00" }
    });
    deal.freelancer.does("milestoneRefundAfter", give, "milestone { status }").await.ok();
    assert_eq!((deal.status().await.as_str(), deal.credit().await), ("REFUNDED_AFTER", 4_900), "less our loss");
    // With all of it, and until the bank gives it back.
    let rest = ProcessorFact::ChargedBack { reference: "dp_2".to_owned(), amount: Money::usd(102_900).unwrap() };
    app.market.processor_event(&event("evt_2", &payment, rest)).await.unwrap();
    assert_eq!(deal.status().await, "CHARGED_BACK");
    let won = ProcessorFact::ChargebackWon { reference: "dp_2".to_owned() };
    app.market.processor_event(&event("evt_3", &payment, won)).await.unwrap();
    assert_eq!(deal.status().await, "REFUNDED_AFTER");
    app.books_agree().await;
}

/// The payment that a milestone was paid with.
async fn paid_with(deal: &Deal<'_>) -> String {
    let query = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    deal.client.asks(query, json!({ "id": deal.milestone })).await.text("payment.id")
}

#[tokio::test]
async fn a_chargeback_that_is_told_after_it_was_won_holds_no_money_for_longer() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let payment = paid_with(&deal).await;
    let holds = async || {
        let milestone = another(&deal, &deal.contract, "100.00").await;
        deal.fund(&milestone, "pm_sandbox_visa").await;
        let query = "query($id: ID!) { milestone(id: $id) { holdDays } }";
        deal.client.asks(query, json!({ "id": milestone })).await.data()["milestone"]["holdDays"].clone()
    };
    let taken = |reference: &str, cents| ProcessorFact::ChargedBack {
        reference: reference.to_owned(),
        amount: Money::usd(cents).unwrap(),
    };
    let won = ProcessorFact::ChargebackWon { reference: "dp_1".to_owned() };
    for (id, fact) in [("evt_1", won), ("evt_2", taken("dp_1", 103_000))] {
        app.market.processor_event(&event(id, &payment, fact)).await.unwrap();
    }
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0], "it took nothing");
    assert_eq!(holds().await, 5);
    app.market.processor_event(&event("evt_3", &payment, taken("dp_2", 100))).await.unwrap();
    assert_eq!(holds().await, 14, "one that stands does");
}

#[tokio::test]
async fn a_payment_goes_back_in_a_hundred_parts_at_most() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    let payment = paid_with(&deal).await;
    deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), "offer { status }").await.ok();
    let part = json!({ "paymentId": payment, "amount": { "amount": "1.00" } });
    let refunds = async || deal.client.does("paymentRefund", part.clone(), "refund { id }").await;
    refunds().await.ok();
    app.settles().await;
    let failed = "insert into payment_refunds (id, payment_id, organization_id, amount, status, state, created_at)
        select gen_random_uuid(), payment_id, organization_id, amount, 'failed',
            jsonb_build_object('status', 'failed', 'failed_at', created_at, 'code', 'expired_or_canceled_card'), created_at
        from payment_refunds, generate_series(1, 98)";
    sqlx::query(failed).execute(app.pool()).await.unwrap();
    refunds().await.ok();
    assert_eq!(refunds().await.refused(), ["PAYMENT_REFUNDS"]);
    assert_eq!(deal.credit().await, 102_800);
}

#[tokio::test]
async fn what_comes_back_of_a_chargeback_that_is_not_known_yet_waits_for_it() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payment = paid_with(&deal).await;
    let losses = async || {
        let losses =
            "select coalesce(sum(case when from_account = 'losses' then amount_minor else -amount_minor end), 0)::bigint
             from ledger_postings where 'losses' in (from_account, to_account)";
        sqlx::query_scalar::<_, i64>(losses).fetch_one(app.pool()).await.unwrap()
    };
    let (reference, usd) = (|| "dp_1".to_owned(), |cents| Money::usd(cents).unwrap());
    let back = || event("evt_2", &payment, ProcessorFact::GivenBack { reference: reference(), amount: usd(4_000) });
    assert!(app.market.processor_event(&back()).await.is_err(), "it is told again");
    let taken = ProcessorFact::ChargedBack { reference: reference(), amount: usd(10_000) };
    app.market.processor_event(&event("evt_1", &payment, taken)).await.unwrap();
    assert_eq!(losses().await, 10_000, "what was paid out is not the freelancer's to give");
    for _ in 0..2 {
        app.market.processor_event(&back()).await.unwrap();
        assert_eq!(losses().await, 6_000);
    }
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
}

#[tokio::test]
async fn a_chargeback_of_refunded_money_takes_the_credit_and_what_it_paid_for_until_it_is_won() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback_won").await;
    let reply = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let contract = reply.text("contract.id");
    let first = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", first.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", first, "milestone { id }").await.ok();
    assert_eq!((deal.status().await.as_str(), deal.credit().await), ("REFUNDED", 103_000));
    // Some of the credit pays for more work, and a card for the rest of it.
    let mut others = Vec::new();
    for _ in 0..2 {
        let more = json!({ "contractId": contract, "title": "More", "amount": { "amount": "400.00" } });
        let id = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
        deal.freelancer.does("milestoneAgree", json!({ "milestoneId": id }), "milestone { id }").await.ok();
        others.push(id);
    }
    deal.client.does("milestoneFund", json!({ "milestoneId": others[0] }), "milestone { status }").await.ok();
    deal.fund(&others[1], "pm_sandbox_visa").await;
    assert_eq!(deal.credit().await, 61_800);
    let stand = async || {
        let query = "query($id: ID!) { milestone(id: $id) { status money { held { minorUnits } } } }";
        let mut stand = Vec::new();
        for id in &others {
            let reply = deal.client.asks(query, json!({ "id": id })).await;
            let held = reply.data()["milestone"]["money"]["held"]["minorUnits"].as_i64().unwrap();
            stand.push((reply.text("status"), held));
        }
        stand
    };
    let losses = async || {
        let losses =
            "select coalesce(sum(case when to_account = 'losses' then amount_minor else -amount_minor end), 0)::bigint
                      from ledger_postings where 'losses' in (from_account, to_account)";
        sqlx::query_scalar::<_, i64>(losses).fetch_one(app.pool()).await.unwrap()
    };
    app.passes(TimeDelta::days(1)).await;
    // The bank has all that ever came to it, though some was another's by then.
    assert_eq!((deal.status().await.as_str(), deal.credit().await, losses().await), ("CHARGED_BACK", 0, -1_200));
    let lost = [("CHARGED_BACK".to_owned(), 0), ("FUNDED".to_owned(), 40_000)];
    assert_eq!(stand().await, lost, "what the other card paid for is left alone");
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
    app.passes(TimeDelta::days(7)).await;
    assert_eq!((deal.credit().await, losses().await), (61_800, 0));
    assert_eq!(stand().await, [("FUNDED".to_owned(), 40_000), ("FUNDED".to_owned(), 40_000)]);
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
}

#[tokio::test]
async fn what_a_freelancer_gives_back_of_a_payment_its_bank_took_makes_up_for_our_loss() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback_won").await;
    let reply = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let contract = reply.text("contract.id");
    let first = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", first.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", first, "milestone { id }").await.ok();
    // Its credit pays for more work.
    let more = json!({ "contractId": contract, "title": "More", "amount": { "amount": "400.00" } });
    let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    let its = json!({ "milestoneId": second });
    deal.freelancer.does("milestoneAgree", its.clone(), "milestone { id }").await.ok();
    deal.client.does("milestoneFund", its.clone(), "milestone { status }").await.ok();
    deal.freelancer
        .does("milestoneSubmit", json!({ "milestoneId": second, "message": "Done" }), "milestone { id }")
        .await
        .ok();
    // It is released on the spot, by an award, before the bank moves.
    let deal = Deal { milestone: second.clone(), contract, ..deal };
    let quarrel = deal.disputed("400.00").await;
    quarrel.answers().await;
    quarrel.is_recommended(&app.mediator("marta").await, "400.00").await;
    assert_eq!(quarrel.client_does("disputeRefuse", json!({})).await, "HEARING");
    let award = json!({ "amount": { "amount": "400.00" }, "reason": "It is what was asked for" });
    quarrel.does(&app.mediator("omar").await, "disputeAward", award).await.ok();
    let deal = quarrel.deal;
    assert_eq!((deal.credit().await, deal.balances().await), (61_800, [0, 0, 38_000]));
    let losses = async || {
        let losses =
            "select coalesce(sum(case when to_account = 'losses' then amount_minor else -amount_minor end), 0)::bigint
                      from ledger_postings where 'losses' in (from_account, to_account)";
        sqlx::query_scalar::<_, i64>(losses).fetch_one(app.pool()).await.unwrap()
    };
    app.passes(TimeDelta::days(1)).await;
    assert_eq!((deal.credit().await, losses().await), (0, -41_200));
    let query = "query($id: ID!) { milestone(id: $id) { version } }";
    let version = deal.freelancer.asks(query, json!({ "id": second })).await.data()["milestone"]["version"].clone();
    let give = json!({ "milestoneId": second, "expectedVersion": version, "amount": { "amount": "380.00" } });
    deal.freelancer.does("milestoneRefundAfter", give, "milestone { status }").await.ok();
    assert_eq!((deal.credit().await, losses().await), (0, -3_200), "the client has had it from the bank");
    assert_books(&books(app.pool()).await);
    app.passes(TimeDelta::days(7)).await;
    assert_eq!((deal.credit().await, losses().await), (61_800 + 38_000, 0), "and has it when the bank gives it back");
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
}

#[tokio::test]
async fn a_refund_of_what_was_handed_on_makes_up_for_what_we_bore_of_its_payment() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let second = another(&deal, &deal.contract, "100.00").await;
    deal.fund(&second, "pm_sandbox_visa").await;
    let part = json!({
        "milestoneId": deal.milestone, "amount": { "amount": "400.00" }, "restToMilestoneId": second
    });
    deal.client.does("milestoneApprove", part, "milestone { id }").await.ok();
    app.passes(TimeDelta::days(5)).await;
    let query = "query($id: ID!) { milestone(id: $id) { status payment { id } } }";
    let payment = deal.client.asks(query, json!({ "id": deal.milestone })).await.text("payment.id");
    let taken = |reference: &str, cents| ProcessorFact::ChargedBack {
        reference: reference.to_owned(),
        amount: Money::usd(cents).unwrap(),
    };
    let won = ProcessorFact::ChargebackWon { reference: "dp_1".to_owned() };
    for (place, fact) in [taken("dp_1", 60_000), taken("dp_2", 43_000), won].into_iter().enumerate() {
        app.market.processor_event(&event(&format!("evt_{place}"), &payment, fact)).await.unwrap();
    }
    let losses = async || {
        let losses =
            "select coalesce(sum(case when to_account = 'losses' then amount_minor else -amount_minor end), 0)::bigint
                      from ledger_postings where 'losses' in (from_account, to_account)";
        sqlx::query_scalar::<_, i64>(losses).fetch_one(app.pool()).await.unwrap()
    };
    assert_eq!((losses().await, deal.credit().await), (-43_000, 0));
    let its = json!({ "milestoneId": second });
    deal.client.does("milestoneRequestRefund", its.clone(), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", its, "milestone { id }").await.ok();
    let status = deal.client.asks(query, json!({ "id": second })).await.text("status");
    assert_eq!((status.as_str(), losses().await), ("REFUNDED", 0), "the client has had it from the bank");
    assert_books(&books(app.pool()).await);
    app.assert_audited().await;
}

/// Another milestone of a contract, agreed on; `amount` in dollars.
async fn another(deal: &Deal<'_>, contract: &str, amount: &str) -> String {
    let more = json!({ "contractId": contract, "title": "More", "amount": { "amount": amount } });
    let id = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": id }), "milestone { id }").await.ok();
    id
}

#[tokio::test]
async fn money_of_a_client_whose_bank_took_some_back_is_held_for_longer_and_both_sides_see_it_before_work_begins() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback_won").await;
    let reply = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let contract = reply.text("contract.id");
    let held_for = async |id: &str| {
        let query = "query($id: ID!) { milestone(id: $id) { holdDays } }";
        let (client, freelancer) = (
            deal.client.asks(query, json!({ "id": id })).await,
            deal.freelancer.asks(query, json!({ "id": id })).await,
        );
        assert_eq!(client.data(), freelancer.data());
        client.data()["milestone"]["holdDays"].as_i64().unwrap()
    };
    let (before, waits) = (another(&deal, &contract, "100.00").await, another(&deal, &contract, "200.00").await);
    deal.fund(&before, "pm_sandbox_visa").await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.status().await, "CHARGED_BACK");
    assert_eq!((held_for(&before).await, held_for(&waits).await), (5, 5), "its money came before; none has come");
    deal.fund(&waits, "pm_sandbox_visa").await;
    assert_eq!(held_for(&waits).await, 14);
    let gift = json!({ "contractId": contract, "amount": { "amount": "10.00" }, "message": "Thanks",
        "paymentMethod": "pm_sandbox_visa" });
    let bonus = deal.client.does("bonusGive", gift, "milestone { id }").await.text("milestone.id");
    app.settles().await;
    assert_eq!(held_for(&bonus).await, 14);
    // What is paid out of credit, be it of a card that is as good as any, is no other.
    let refunded = another(&deal, &contract, "300.00").await;
    deal.fund(&refunded, "pm_sandbox_visa").await;
    deal.client.does("milestoneRequestRefund", json!({ "milestoneId": refunded }), "milestone { id }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", json!({ "milestoneId": refunded }), "milestone { id }").await.ok();
    let of_credit = another(&deal, &contract, "20.00").await;
    deal.client.does("milestoneFund", json!({ "milestoneId": of_credit }), "milestone { id }").await.ok();
    let tip = json!({ "contractId": contract, "amount": { "amount": "10.00" }, "message": "Thanks" });
    let tip = deal.client.does("bonusGive", tip, "milestone { id }").await.text("milestone.id");
    assert_eq!((held_for(&of_credit).await, held_for(&tip).await), (14, 14));

    for id in [&before, &waits] {
        deal.freelancer
            .does("milestoneSubmit", json!({ "milestoneId": id, "message": "Done" }), "milestone { id }")
            .await
            .ok();
        deal.client.does("milestoneApprove", json!({ "milestoneId": id }), "milestone { id }").await.ok();
    }
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(deal.balances().await[2], 9_500);
    // The bank gives it back two days later. What is settled stays; what comes now is held as it was.
    app.passes(TimeDelta::days(3)).await;
    let after = another(&deal, &contract, "100.00").await;
    deal.fund(&after, "pm_sandbox_visa").await;
    assert_eq!((held_for(&after).await, held_for(&waits).await), (5, 14));
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(deal.balances().await[2], 9_500);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await[2], 9_500 + 19_000 + 950 + 950);
    for change in ["hold_days = 6 where hold_days = 5", "hold_days = null where hold_days = 14"] {
        let changed =
            sqlx::query(sqlx::AssertSqlSafe(format!("update milestones set {change}"))).execute(app.pool()).await;
        assert!(changed.unwrap_err().to_string().contains("is held is settled"), "{change}");
    }
}

#[tokio::test]
async fn only_tokens_of_the_processor_are_taken() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    for bad in ["4242424242424242", "", "pm_a b", "pm_'; drop table payments"] {
        let input = json!({ "milestoneId": deal.milestone, "paymentMethod": bad });
        assert_eq!(deal.client.does("milestoneFund", input, "payment { id }").await.refused(), ["MALFORMED"], "{bad}");
    }
    let credit = deal.client.does("milestoneFund", json!({ "milestoneId": deal.milestone }), "payment { id }").await;
    assert_eq!(credit.refused(), ["INSUFFICIENT_FUNDS"]);
}

#[tokio::test]
async fn a_payment_that_is_with_the_bank_is_waited_for() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_debit").await;
    for _ in 0..3 {
        app.market.clock().advance(TimeDelta::hours(25));
        app.settles().await;
        assert_eq!(deal.status().await, "FUNDING");
    }
    app.market.clock().advance(TimeDelta::hours(25));
    app.settles().await;
    assert_eq!(deal.status().await, "FUNDED");
    let asked: i64 = sqlx::query_scalar("select count(*) from payments").fetch_one(app.pool()).await.unwrap();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_lets_a_page_pay_is_told_only_to_those_who_may_pay() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let payment = payment_id(&deal, "pm_sandbox_silent").await;
    let query = "query($id: ID!) { payment(id: $id) { status clientSecret } }";
    let secret = async |who: &Person<'_>| {
        let reply = who.asks(query, json!({ "id": payment })).await;
        (reply.data()["payment"]["status"].clone(), reply.data()["payment"]["clientSecret"].is_string())
    };
    assert_eq!(secret(&deal.client).await, (json!("PROCESSING"), true));
    assert_eq!(
        secret(&app.admin("noor").await).await,
        (json!("PROCESSING"), false),
        "our people see it, and can't pay"
    );
}

#[tokio::test]
async fn all_payments_of_a_client_are_listed_for_those_who_may_see_its_money() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    app.market.clock().advance(TimeDelta::seconds(1));
    let fails = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" },
        "paymentMethod": "pm_sandbox_declined", "message": "Well done" });
    deal.client.does("bonusGive", fails, "milestone { id }").await.ok();
    app.settles().await;
    let query = "query($id: ID!, $states: [PaymentStatus!], $first: Int, $after: String) { node(id: $id) { ... on Organization {
        payments(states: $states, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
            nodes { id status invoicePath milestone { id } refundable { amount } } } } } }";
    let ask = async |who: &Person<'_>, more: Value| {
        let mut input = json!({ "id": deal.client.organization });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        who.asks(query, input).await.data()["node"]["payments"].clone()
    };
    let all = ask(&deal.client, json!({})).await;
    let status = |list: &Value| -> Vec<String> {
        let nodes = list["nodes"].as_array().unwrap().iter();
        nodes.map(|payment| payment["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((status(&all), &all["totalCount"]), (vec!["FAILED".to_owned(), "SUCCEEDED".to_owned()], &json!(2)));
    let (failed, paid) = (&all["nodes"][0], &all["nodes"][1]);
    assert_eq!((&failed["invoicePath"], &paid["milestone"]["id"]), (&Value::Null, &json!(deal.milestone)));
    assert_eq!(paid["invoicePath"], json!(format!("/papers/payments/{}.pdf", paid["id"].as_str().unwrap())));

    let first = ask(&deal.client, json!({ "first": 1 })).await;
    assert_eq!((status(&first), &first["pageInfo"]["hasNextPage"]), (vec!["FAILED".to_owned()], &json!(true)));
    let rest = ask(&deal.client, json!({ "first": 5, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!((&rest["nodes"][0], &rest["pageInfo"]["hasNextPage"]), (paid, &json!(false)));
    let some = ask(&deal.client, json!({ "states": ["SUCCEEDED", "PROCESSING"] })).await;
    assert_eq!((status(&some), &some["totalCount"]), (vec!["SUCCEEDED".to_owned()], &json!(1)));

    // Those who look after its money, and none of its other members.
    for (name, role, seen) in [("finn", "FINANCE", 2), ("rhea", "RECRUITER", 0), ("vera", "VIEWER", 0)] {
        let member = app.person(name).await;
        super::organization::joins(&deal.client, &member, role).await;
        assert_eq!(ask(&member, json!({})).await["nodes"].as_array().unwrap().len(), seen, "{role}");
    }
    let seen = "query($id: ID!) { contract(id: $id) { client { payments { totalCount nodes { id } } } } }";
    let seen = deal.freelancer.asks(seen, json!({ "id": deal.contract })).await;
    assert_eq!(seen.data()["contract"]["client"]["payments"], json!({ "totalCount": 0, "nodes": [] }));
}
