//! When the clock must not decide: somebody can't speak, or our people look at a contract.

use chrono::TimeDelta;
use serde_json::json;
use tests::{Deal, Person, TestApp};

/// Where the milestone stands, as the freelancer sees it: whose client is suspended asks nobody else.
async fn stands(deal: &Deal<'_>) -> String {
    let query = "query($id: ID!) { milestone(id: $id) { status } }";
    deal.freelancer.asks(query, json!({ "id": deal.milestone })).await.text("status")
}

async fn does_to(admin: &Person<'_>, verb: &str, user: &str) {
    let input = json!({ "userId": user, "reason": "A letter from the bank" });
    admin.does(verb, input, "user { id }").await.ok();
}

async fn review(admin: &Person<'_>, verb: &str, contract: &str) {
    let input = json!({ "contractId": contract, "reason": "COMPLIANCE_REVIEW", "note": "A name to look at" });
    admin.does(verb, input, "contract { status }").await.ok();
}

#[tokio::test]
async fn the_silence_of_a_suspended_client_is_no_yes() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    does_to(&admin, "userSuspend", &deal.client.id).await;
    app.passes(TimeDelta::days(20)).await;
    assert_eq!(stands(&deal).await, "SUBMITTED");
    does_to(&admin, "userReinstate", &deal.client.id).await;
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(stands(&deal).await, "SUBMITTED", "there is time to catch up");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(stands(&deal).await, "APPROVED", "and then silence counts again");
    app.books_agree().await;
}

#[tokio::test]
async fn work_that_nobody_may_accept_is_paid_in_the_end() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    does_to(&app.admin("noor").await, "userSuspend", &deal.client.id).await;
    app.passes(TimeDelta::days(43)).await;
    assert_eq!(stands(&deal).await, "SUBMITTED");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(stands(&deal).await, "APPROVED", "thirty days after it would have been");
}

#[tokio::test]
async fn a_long_dispute_uses_up_none_of_the_days_in_which_silence_is_no_yes() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    let claim = json!({ "milestoneId": deal.milestone, "reason": "It is not what we agreed on" });
    let dispute = deal.client.does("milestoneDispute", claim, "dispute { id }").await.text("dispute.id");
    review(&admin, "contractHold", &deal.contract).await;
    app.passes(TimeDelta::days(40)).await;
    review(&admin, "contractLiftHold", &deal.contract).await;
    deal.client.does("disputeWithdraw", json!({ "disputeId": dispute }), "dispute { status }").await.ok();
    does_to(&admin, "userSuspend", &deal.client.id).await;
    app.passes(TimeDelta::days(43)).await;
    assert_eq!(stands(&deal).await, "SUBMITTED", "fourteen days for an answer, and thirty more");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(stands(&deal).await, "APPROVED");
    app.books_agree().await;
}

#[tokio::test]
async fn the_silence_of_a_suspended_freelancer_refunds_nothing() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask, "milestone { status }").await.ok();
    does_to(&admin, "userSuspend", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(20)).await;
    assert_eq!((deal.status().await.as_str(), deal.money().await[1]), ("REFUND_REQUESTED", 100_000));
    does_to(&admin, "userReinstate", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED", "there is time to catch up");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!((deal.status().await.as_str(), deal.money().await[1]), ("REFUNDED", 0), "and then silence counts again");
    app.books_agree().await;
}

#[tokio::test]
async fn a_freelancer_who_may_act_again_the_day_before_has_time_to_refuse_a_refund() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask, "milestone { status }").await.ok();
    does_to(&admin, "userSuspend", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(6)).await;
    does_to(&admin, "userReinstate", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED", "the seven days are over, and three to catch up are not");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.status().await, "REFUNDED");
    app.books_agree().await;
}

#[tokio::test]
async fn a_refund_that_nobody_may_refuse_is_given_in_the_end() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask, "milestone { status }").await.ok();
    does_to(&app.admin("noor").await, "userSuspend", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(36)).await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.status().await, "REFUNDED", "thirty days after it would have been");
    app.books_agree().await;
}

#[tokio::test]
async fn a_milestone_that_sleeps_while_a_side_is_suspended_is_not_refunded() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    app.passes(TimeDelta::days(91)).await;
    assert_eq!(deal.status().await, "DORMANT");
    let admin = app.admin("noor").await;
    does_to(&admin, "userSuspend", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(20)).await;
    assert_eq!((deal.status().await.as_str(), deal.money().await[1]), ("DORMANT", 100_000));
    does_to(&admin, "userReinstate", &deal.freelancer.id).await;
    app.passes(TimeDelta::days(4)).await;
    assert_eq!((deal.status().await.as_str(), deal.money().await[1]), ("REFUNDED", 0));
    app.books_agree().await;
}

#[tokio::test]
async fn a_dispute_with_a_suspended_side_goes_to_our_people() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("1000.00").await;
    let admin = app.admin("noor").await;
    does_to(&admin, "userSuspend", &quarrel.deal.freelancer.id).await;
    app.passes(TimeDelta::days(10)).await;
    assert_eq!(quarrel.status().await, "ANSWERED", "its silence concedes nothing");
    quarrel.is_recommended(&app.mediator("marta").await, "700.00").await;
    app.passes(TimeDelta::days(10)).await;
    assert_eq!(quarrel.status().await, "HEARING", "nor does it take a recommendation");
    does_to(&admin, "userReinstate", &quarrel.deal.freelancer.id).await;
    let award = json!({ "amount": { "amount": "600.00" }, "reason": "As I see it" });
    quarrel.does(&app.mediator("omar").await, "disputeAward", award).await.ok();
    assert_eq!(quarrel.adds_up().await, [0, 57_000, 3_000, 40_000, 0]);
    app.books_agree().await;
}

#[tokio::test]
async fn no_money_moves_while_our_people_look_at_a_contract() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "200.00" } });
    let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": second }), "milestone { status }").await.ok();
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    review(&admin, "contractHold", &deal.contract).await;
    let fund = json!({ "milestoneId": second, "paymentMethod": "pm_sandbox_visa" });
    let refused = deal.client.does("milestoneFund", fund.clone(), "payment { id }").await;
    assert_eq!(refused.refused(), ["COMPLIANCE_REVIEW"]);
    let bonus = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" }, "message": "Thanks", "paymentMethod": "pm_sandbox_visa" });
    assert_eq!(deal.client.does("bonusGive", bonus, "milestone { id }").await.refused(), ["WRONG_STATE"]);
    app.passes(TimeDelta::days(9)).await;
    assert_eq!(deal.balances().await, [0, 95_000, 0], "the hold of five days is over, and nothing moved");
    review(&admin, "contractLiftHold", &deal.contract).await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    app.books_agree().await;
}

#[tokio::test]
async fn what_is_offered_while_our_people_look_at_an_ending_contract_is_not_refused() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "200.00" } });
    let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    let of = json!({ "milestoneId": second });
    deal.freelancer.does("milestoneAgree", of.clone(), "milestone { status }").await.ok();
    let offered = async || {
        let query = "query($id: ID!) { milestone(id: $id) { status allowed viewerCanFund } }";
        deal.client.asks(query, json!({ "id": second })).await.data()["milestone"].clone()
    };
    let can = json!({ "status": "AGREED", "allowed": ["MILESTONE_FUND", "MILESTONE_CANCEL"], "viewerCanFund": true });
    assert_eq!(offered().await, can);
    // It is being paid for when the contract is ended, and is not in the end.
    let fund = json!({ "milestoneId": second, "paymentMethod": "pm_sandbox_silent" });
    deal.client.does("milestoneFund", fund.clone(), "payment { id }").await.ok();
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    review(&admin, "contractHold", &deal.contract).await;
    deal.client.does("milestoneStopFunding", of, "milestone { status }").await.ok();
    app.settles().await;
    let cannot = json!({ "status": "AGREED", "allowed": ["MILESTONE_CANCEL"], "viewerCanFund": false });
    assert_eq!(offered().await, cannot);
    assert_eq!(deal.client.does("milestoneFund", fund, "payment { id }").await.refused(), ["COMPLIANCE_REVIEW"]);
    review(&admin, "contractLiftHold", &deal.contract).await;
    assert_eq!(offered().await["status"], "CANCELLED", "the contract is ending");
}

#[tokio::test]
async fn an_ending_contract_can_be_looked_at_and_ends_when_that_is_over() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    review(&admin, "contractHold", &deal.contract).await;
    app.passes(TimeDelta::days(9)).await;
    let status = async || {
        let query = "query($id: ID!) { contract(id: $id) { status } }";
        let reply = deal.client.asks(query, json!({ "id": deal.contract })).await;
        reply.data()["contract"]["status"].as_str().map(str::to_owned)
    };
    assert_eq!((status().await.as_deref(), deal.balances().await), (Some("ON_HOLD"), [0, 95_000, 0]));
    review(&admin, "contractLiftHold", &deal.contract).await;
    assert_eq!(status().await.as_deref(), Some("ENDING"));
    app.passes(TimeDelta::days(1)).await;
    assert_eq!((status().await.as_deref(), deal.balances().await), (Some("ENDED"), [0, 0, 95_000]));
}

#[tokio::test]
async fn a_week_of_a_contract_that_is_looked_at_is_neither_charged_nor_paid() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    let admin = app.admin("noor").await;
    app.passes(TimeDelta::days(2)).await;
    let week = hours.worked("2026-06-01", 60).await;
    review(&admin, "contractHold", &hours.contract).await;
    app.passes(TimeDelta::days(18)).await;
    assert_eq!(hours.status(&week).await, "APPROVED", "its review goes on, and its charge waits");
    assert_eq!(hours.week(&week).await["failedCharges"], 0);
    review(&admin, "contractLiftHold", &hours.contract).await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(hours.week(&week).await["failedCharges"], 1);
    let can_pay = async || {
        let query = "query($id: ID!) { timesheet(id: $id) { allowed viewerCanPay } }";
        hours.client.asks(query, json!({ "id": week })).await.data()["timesheet"].clone()
    };
    assert_eq!(can_pay().await, json!({ "allowed": ["TIMESHEET_PAY"], "viewerCanPay": true }));
    review(&admin, "contractHold", &hours.contract).await;
    assert_eq!(can_pay().await, json!({ "allowed": [], "viewerCanPay": false }));
    let pay = json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" });
    let refused = hours.client.does("timesheetPay", pay, "payment { id }").await;
    assert_eq!(refused.refused(), ["COMPLIANCE_REVIEW"]);
}

#[tokio::test]
async fn nothing_is_sent_back_to_a_card_while_our_people_look_at_the_client() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let admin = app.admin("noor").await;
    let offer = json!({
        "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id, "title": "More",
        "milestones": [{ "title": "All of it", "amount": { "amount": "250.00" } }]
    });
    let offered = deal.client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let fund =
        json!({ "milestoneId": offered.text("offer.milestones.nodes.0.id"), "paymentMethod": "pm_sandbox_visa" });
    let payment = deal.client.does("milestoneFund", fund, "payment { id }").await.text("payment.id");
    app.settles().await;
    deal.client.does("offerWithdraw", json!({ "offerId": offered.text("offer.id") }), "offer { id }").await.ok();
    review(&admin, "contractHold", &deal.contract).await;
    let back = json!({ "paymentId": payment, "amount": { "amount": "50.00" } });
    let refused = deal.client.does("paymentRefund", back.clone(), "refund { id }").await;
    assert_eq!(refused.refused(), ["COMPLIANCE_REVIEW"], "the credit stays until they are done, whatever it came from");
    review(&admin, "contractLiftHold", &deal.contract).await;
    deal.client.does("paymentRefund", back, "refund { id }").await.ok();
    app.settles().await;
    app.books_agree().await;
}

#[tokio::test]
async fn a_refund_that_was_asked_for_before_waits_until_our_people_are_done() {
    for (days, status, left) in [(0, "SUCCEEDED", "7.50"), (2, "FAILED", "257.50")] {
        let app = TestApp::new().await;
        let deal = app.submitted().await;
        let admin = app.admin("noor").await;
        let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "250.00" } });
        let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
        deal.freelancer.does("milestoneAgree", json!({ "milestoneId": second }), "milestone { status }").await.ok();
        let fund = json!({ "milestoneId": second, "paymentMethod": "pm_sandbox_visa" });
        let paid = deal.client.does("milestoneFund", fund, "payment { id }").await;
        let payment = paid.text("payment.id");
        app.settles().await;
        let of = json!({ "milestoneId": second });
        deal.client.does("milestoneRequestRefund", of.clone(), "milestone { status }").await.ok();
        deal.freelancer.does("milestoneAgreeRefund", of, "milestone { status }").await.ok();
        let back = json!({ "paymentId": payment, "amount": { "amount": "250.00" } });
        let fields = "refund { payment { id refundable { amount } method client { id } } }";
        let asked = deal.client.does("paymentRefund", back, fields).await;
        assert_eq!(
            asked.ok()["refund"]["payment"],
            json!({
                "id": payment, "refundable": { "amount": "7.50" }, "method": "pm_sandbox_visa",
                "client": { "id": deal.client.organization }
            }),
            "what is left of it comes with the answer"
        );
        review(&admin, "contractHold", &deal.contract).await;
        app.settles().await;
        let stands = async || {
            let query = "query($id: ID!) { payment(id: $id) { refunds { status } refundable { amount } } }";
            let reply = deal.client.asks(query, json!({ "id": payment })).await;
            let payment = reply.data()["payment"].clone();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&payment["refunds"][0]["status"]), text(&payment["refundable"]["amount"]))
        };
        assert_eq!(stands().await, ("STARTED".into(), "7.50".into()), "it does not set out");
        app.passes(TimeDelta::days(days)).await;
        review(&admin, "contractLiftHold", &deal.contract).await;
        app.passes(TimeDelta::hours(3)).await;
        assert_eq!(stands().await, (status.into(), left.into()), "after {days} days");
        app.books_agree().await;
    }
}

#[tokio::test]
async fn nobody_brings_money_out_of_a_contract_that_our_people_look_at() {
    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    // What a dispute ends with, the yes to a refund, and what a freelancer gives back afterwards.
    let quarrel = app.disputed("1000.00").await;
    let before = quarrel.adds_up().await;
    review(&admin, "contractHold", &quarrel.deal.contract).await;
    let concede = async || quarrel.does(&quarrel.deal.freelancer, "disputeConcede", json!({})).await;
    assert_eq!(concede().await.refused(), ["COMPLIANCE_REVIEW"]);
    assert_eq!((quarrel.adds_up().await, quarrel.status().await), (before, "OPENED".to_owned()), "nothing moved");
    review(&admin, "contractLiftHold", &quarrel.deal.contract).await;
    concede().await.ok();

    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    let deal = app.contracted().await;
    let milestone = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", milestone.clone(), "milestone { id }").await.ok();
    review(&admin, "contractHold", &deal.contract).await;
    let agreed = deal.freelancer.does("milestoneAgreeRefund", milestone.clone(), "milestone { id }").await;
    assert_eq!(agreed.refused(), ["COMPLIANCE_REVIEW"]);
    review(&admin, "contractLiftHold", &deal.contract).await;
    deal.freelancer.does("milestoneAgreeRefund", milestone, "milestone { id }").await.ok();

    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    let deal = app.released().await;
    review(&admin, "contractHold", &deal.contract).await;
    let version = deal
        .freelancer
        .asks("query($id: ID!) { milestone(id: $id) { version } }", json!({ "id": deal.milestone }))
        .await;
    let back = json!({
        "milestoneId": deal.milestone, "amount": { "amount": "100.00" },
        "expectedVersion": version.data()["milestone"]["version"]
    });
    let given = deal.freelancer.does("milestoneRefundAfter", back.clone(), "milestone { id }").await;
    assert_eq!(given.refused(), ["COMPLIANCE_REVIEW"]);
    review(&admin, "contractLiftHold", &deal.contract).await;
    deal.freelancer.does("milestoneRefundAfter", back, "milestone { id }").await.ok();
    app.books_agree().await;
}

#[tokio::test]
async fn a_week_nobody_can_be_charged_for_is_written_off_by_the_freelancer_or_the_clock() {
    for by_hand in [true, false] {
        let app = TestApp::new().await;
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_declined").await;
        app.passes(TimeDelta::days(2)).await;
        let week = hours.worked("2026-06-01", 60).await;
        app.passes(TimeDelta::days(23)).await;
        assert_eq!(hours.status(&week).await, "UNPAID");
        let other = hours.client.does("timesheetWriteOff", json!({ "timesheetId": week }), "timesheet { id }").await;
        assert_eq!(other.refused(), ["NOT_ALLOWED"]);
        // Neither side waits for the other to end the contract.
        let end = json!({ "contractId": hours.contract });
        let ending = hours.client.does("contractEnd", end, "contract { status }").await;
        assert_eq!(ending.text("contract.status"), "ENDING");
        if by_hand {
            let off = json!({ "timesheetId": week });
            let off = hours.freelancer.does("timesheetWriteOff", off, "timesheet { status }").await;
            assert_eq!(off.text("timesheet.status"), "VOID");
            app.settles().await;
        } else {
            app.passes(TimeDelta::days(50)).await;
            assert_eq!(hours.status(&week).await, "UNPAID");
            app.passes(TimeDelta::days(11)).await;
            assert_eq!(hours.status(&week).await, "VOID");
        }
        assert_eq!(hours.contract_status().await, "ENDED");
        app.books_agree().await;
    }
}
