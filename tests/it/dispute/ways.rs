//! The ways out of a dispute.

use super::*;

#[tokio::test]
async fn milestone_dispute_stops_the_clocks_and_says_what_it_is_about() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let shown = quarrel.shown(&quarrel.deal.freelancer).await;
    assert_eq!(shown["reason"], "It does not work on a phone");
    assert_eq!(shown["answer"], Value::Null);
    assert_eq!(
        (shown["total"]["minorUnits"].clone(), shown["claim"]["minorUnits"].clone()),
        (json!(100_000), json!(40_000))
    );
    assert_eq!((shown["claimant"].clone(), shown["viewerSide"].clone()), (json!("CLIENT"), json!("FREELANCER")));
    assert_eq!(shown["milestone"]["id"], quarrel.deal.milestone);
    assert_eq!(shown["contract"]["id"], quarrel.deal.contract);
    assert_eq!(shown["client"]["id"], quarrel.deal.client.organization);
    assert_eq!(shown["freelancer"]["id"], quarrel.deal.freelancer.id);
    assert_eq!(shown["allowed"], json!(["DISPUTE_ANSWER", "DISPUTE_CONCEDE", "EVIDENCE_ADD"]));
    let claimant = quarrel.shown(&quarrel.deal.client).await;
    assert_eq!(claimant["allowed"], json!(["DISPUTE_WITHDRAW", "EVIDENCE_ADD"]));
    // Silence would have approved the work after fourteen days; the claim is answered meanwhile.
    quarrel.answers().await;
    app.passes(TimeDelta::days(30)).await;
    assert_eq!(quarrel.deal.status().await, "DISPUTED");
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_claim_needs_a_reason_an_amount_within_the_total_and_a_milestone_that_can_be_disputed() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let claims = |reason: &str, amount: &str| json!({ "milestoneId": deal.milestone, "reason": reason, "amount": { "amount": amount } });
    for (claim, fault) in [
        (claims(" ", "1.00"), "reason: REQUIRED"),
        (claims("It is late", "1000.01"), "amount: OUT_OF_RANGE"),
        (claims("It is late", "0.00"), "amount: OUT_OF_RANGE"),
        (claims("It is late", "ten"), "amount.amount: MALFORMED"),
        (claims(&"x".repeat(5_001), "1.00"), "reason: TOO_LONG"),
    ] {
        let reply = deal.client.does("milestoneDispute", claim, DISPUTE).await;
        assert_eq!(reply.faults(), [fault]);
    }
    assert_eq!(deal.status().await, "SUBMITTED");
    let mut stale = claims("It is late", "1.00");
    stale["expectedVersion"] = json!(1);
    assert_eq!(deal.client.does("milestoneDispute", stale, DISPUTE).await.refused(), ["STALE_VERSION"]);
    let quarrel = deal.disputed("1000.00").await;
    let again = json!({ "milestoneId": quarrel.deal.milestone, "reason": "Me too" });
    let again = quarrel.deal.freelancer.does("milestoneDispute", again, DISPUTE).await;
    assert_eq!(again.refused(), ["ALREADY_DISPUTED"]);
}

#[tokio::test]
async fn dispute_concede_carries_out_the_claim() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let own = quarrel.does(&quarrel.deal.client, "disputeConcede", json!({})).await;
    assert_eq!(own.refused(), ["WRONG_STATE"], "one does not concede to oneself");
    assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
    assert_eq!(quarrel.outcome().await, ("CONCEDED".to_owned(), 40_000));
    assert_eq!(quarrel.adds_up().await, [0, 38_000, 2_000, 60_000, 0]);
    assert_eq!(quarrel.deal.balances().await, [0, 38_000, 0], "what they agreed on is held as what was approved is");
    assert_eq!(quarrel.deal.credit().await, 61_800, "with its part of the fee");
    assert_eq!(quarrel.deal.status().await, "APPROVED");
    let again = json!({ "milestoneId": quarrel.deal.milestone, "reason": "Once more" });
    let again = quarrel.deal.client.does("milestoneDispute", again, "dispute { id }").await;
    assert_eq!(again.refused(), ["WRONG_STATE"], "there is nothing to dispute any more");
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(quarrel.deal.balances().await, [0, 0, 38_000]);
    assert_eq!(quarrel.deal.status().await, "SPLIT");
}

#[tokio::test]
async fn silence_concedes_after_five_business_days_over_a_weekend() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    // From Monday to Thursday; five business days on it is Thursday again.
    app.passes(TimeDelta::days(3)).await;
    let quarrel = deal.disputed("1000.00").await;
    assert_eq!(quarrel.shown(&quarrel.deal.client).await["deadline"], "2026-06-11T08:00:00+00:00");
    app.passes(TimeDelta::hours(24 * 7 - 12)).await;
    assert_eq!(quarrel.status().await, "OPENED");
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!(quarrel.outcome().await, ("SILENCE".to_owned(), 0));
    assert_eq!(quarrel.deal.status().await, "REFUNDED");
    assert_eq!(quarrel.adds_up().await, [0, 0, 0, 100_000, 0]);
    assert_eq!(quarrel.deal.credit().await, 103_000);
}

#[tokio::test]
async fn a_freelancers_claim_is_carried_out_the_other_way() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let claim = json!({ "milestoneId": deal.milestone, "reason": "It is done, and nobody looks" });
    let opened = deal.freelancer.does("milestoneDispute", claim, DISPUTE).await;
    let quarrel = Quarrel { dispute: opened.text("dispute.id"), deal };
    app.passes(TimeDelta::days(7)).await;
    assert_eq!(quarrel.outcome().await, ("SILENCE".to_owned(), 100_000));
    assert_eq!(quarrel.deal.status().await, "APPROVED", "held as what was approved is, by silence too");
    assert_eq!(quarrel.adds_up().await, [0, 95_000, 5_000, 0, 0]);
    assert_eq!(quarrel.deal.balances().await, [0, 95_000, 0]);
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(quarrel.deal.balances().await, [0, 0, 95_000]);
    assert_eq!(quarrel.deal.status().await, "RELEASED");
}

#[tokio::test]
async fn offers_settle_when_they_are_equal_or_cross_and_the_odd_cent_is_the_freelancers() {
    for (client, freelancer, settled, moved) in [
        ("500.00", "500.00", 50_000, [0, 47_500, 2_500, 50_000, 0]),
        ("600.01", "500.00", 55_001, [0, 52_251, 2_750, 44_999, 0]),
        ("1000.00", "0.00", 50_000, [0, 47_500, 2_500, 50_000, 0]),
    ] {
        for client_first in [true, false] {
            let app = TestApp::new().await;
            let quarrel = app.answered("600.00").await;
            let (first, then) = if client_first {
                (
                    quarrel.client_does("disputeOffer", offer(client)).await,
                    quarrel.freelancer_does("disputeOffer", offer(freelancer)).await,
                )
            } else {
                (
                    quarrel.freelancer_does("disputeOffer", offer(freelancer)).await,
                    quarrel.client_does("disputeOffer", offer(client)).await,
                )
            };
            assert_eq!((first.as_str(), then.as_str()), ("NEGOTIATING", "EXECUTED"));
            assert_eq!(quarrel.outcome().await, ("SETTLED".to_owned(), settled));
            assert_eq!(quarrel.adds_up().await, moved);
        }
    }
}

#[tokio::test]
async fn offers_that_do_not_meet_stay_on_the_table() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    assert_eq!(quarrel.client_does("disputeOffer", offer("300.00")).await, "NEGOTIATING");
    assert_eq!(quarrel.freelancer_does("disputeOffer", offer("800.00")).await, "NEGOTIATING");
    let shown = quarrel.shown(&quarrel.deal.client).await;
    assert_eq!(shown["offers"], json!({ "client": { "minorUnits": 30_000 }, "freelancer": { "minorUnits": 80_000 } }));
    let above = quarrel.does(&quarrel.deal.client, "disputeOffer", offer("1000.01")).await;
    assert_eq!(above.faults(), ["amount: OUT_OF_RANGE"]);
    assert_eq!(quarrel.deal.status().await, "DISPUTED");
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
    // Nobody is in a hurry: it waits for them, or for a mediator.
    app.passes(TimeDelta::days(60)).await;
    assert_eq!(quarrel.status().await, "NEGOTIATING");
    assert_eq!(quarrel.freelancer_does("disputeOffer", offer("300.00")).await, "EXECUTED");
    assert_eq!(quarrel.outcome().await, ("SETTLED".to_owned(), 30_000));
}

#[tokio::test]
async fn a_recommendation_is_carried_out_when_both_take_it_or_both_are_silent() {
    for silent in [false, true] {
        let app = TestApp::new().await;
        let quarrel = app.answered("600.00").await;
        quarrel.is_recommended(&app.mediator("marta").await, "700.00").await;
        let shown = quarrel.shown(&quarrel.deal.client).await;
        assert_eq!(shown["recommendation"]["toFreelancer"]["minorUnits"], 70_000);
        assert_eq!(shown["recommendation"]["reason"], "Half of the pages work");
        if silent {
            app.passes(TimeDelta::hours(24 * 7 - 12)).await;
            assert_eq!(quarrel.status().await, "RECOMMENDED");
            app.passes(TimeDelta::hours(12)).await;
        } else {
            assert_eq!(quarrel.client_does("disputeAccept", json!({})).await, "RECOMMENDED");
            let twice = quarrel.does(&quarrel.deal.client, "disputeAccept", json!({})).await;
            assert_eq!(twice.refused(), ["WRONG_STATE"], "one side does not take it for both");
            assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
            let shown = quarrel.shown(&quarrel.deal.client).await;
            assert_eq!(shown["accepted"], json!({ "client": true, "freelancer": false }));
            assert_eq!(quarrel.freelancer_does("disputeAccept", json!({})).await, "EXECUTED");
        }
        assert_eq!(quarrel.outcome().await, ("RECOMMENDED".to_owned(), 70_000));
        assert_eq!(quarrel.adds_up().await, [0, 66_500, 3_500, 30_000, 0]);
    }
}

#[tokio::test]
async fn arbitration_is_left_to_the_side_that_pays() {
    for (payers, how, to_freelancer) in
        [(0, "RECOMMENDED", 70_000), (1, "ONE_SIDE_PAID", 40_000), (2, "ONE_SIDE_PAID", 100_000)]
    {
        let app = TestApp::new().await;
        let quarrel = before_arbitration(&app, "700.00").await;
        let Deal { client, freelancer, .. } = &quarrel.deal;
        let payer = match payers {
            0 => None,
            1 => Some(client),
            _ => Some(freelancer),
        };
        if let Some(payer) = payer {
            quarrel.pays(payer).await.ok();
            assert_eq!(quarrel.pays(payer).await.refused(), ["WRONG_STATE"], "once is enough");
        }
        let (available, credit) = (quarrel.deal.balances().await[2], quarrel.deal.credit().await);
        assert_eq!(credit, if payers == 1 { 5_600 } else { 20_600 }, "out of the client's credit");
        assert_eq!(available, if payers == 2 { 4_000 } else { 19_000 }, "out of the freelancer's balance");
        app.passes(TimeDelta::hours(24 * 7 - 12)).await;
        assert_eq!(quarrel.status().await, "ARBITRATION");
        app.passes(TimeDelta::hours(12)).await;
        assert_eq!(quarrel.outcome().await, (how.to_owned(), to_freelancer));
        let fee = to_freelancer * 5 / 100;
        assert_eq!(quarrel.adds_up().await, [0, to_freelancer - fee, fee, 100_000 - to_freelancer, 0]);
    }
}

#[tokio::test]
async fn when_both_pay_it_is_heard_and_the_award_is_one_entry_on_the_statement() {
    let app = TestApp::new().await;
    let quarrel = before_arbitration(&app, "700.00").await;
    let Deal { client, freelancer, contract, milestone, .. } = &quarrel.deal;
    quarrel.pays(client).await.ok();
    assert_eq!(quarrel.pays(freelancer).await.text("dispute.status"), "HEARING");
    app.passes(TimeDelta::days(30)).await;
    assert_eq!(quarrel.status().await, "HEARING", "no clock runs against the sides");
    let arbiter = app.mediator("omar").await;
    let awarded = quarrel.does(&arbiter, "disputeAward", verdict("555.00")).await;
    assert_eq!(awarded.text("dispute.status"), "EXECUTED");
    assert_eq!(quarrel.outcome().await, ("AWARDED".to_owned(), 55_500));
    let shown = quarrel.shown(client).await;
    assert_eq!(
        (shown["award"]["by"]["id"].clone(), shown["award"]["reason"].clone()),
        (json!(arbiter.id), json!("Half of the pages work"))
    );
    assert_eq!(quarrel.adds_up().await, [0, 52_725, 2_775, 44_500, 0]);
    assert_eq!((quarrel.deal.balances().await[2], quarrel.deal.credit().await), (4_000 + 52_725, 5_600 + 45_835));

    let query = "query($id: ID!) { contract(id: $id) { statement(last: 3) { nodes {
        reason milestoneId inEscrow { minorUnits } postings { from to amount { minorUnits } } } } } }";
    let reply = freelancer.asks(query, json!({ "id": contract })).await;
    let entries = reply.data()["contract"]["statement"]["nodes"].as_array().unwrap().clone();
    let reasons: Vec<&str> = entries.iter().filter_map(|entry| entry["reason"].as_str()).collect();
    assert_eq!(reasons, ["arbitration_fee", "arbitration_fee", "award"]);
    let award = &entries[2];
    assert_eq!((award["milestoneId"].clone(), award["inEscrow"]["minorUnits"].clone()), (json!(milestone), json!(0)));
    let moved = award["postings"].as_array().unwrap().iter();
    let moved: Vec<(&str, i64)> = moved
        .map(|leg| {
            (leg["to"].as_str().unwrap().split(':').next().unwrap(), leg["amount"]["minorUnits"].as_i64().unwrap())
        })
        .collect();
    let to = |account| moved.iter().filter(|(name, _)| *name == account).map(|(_, cents)| cents).sum::<i64>();
    assert_eq!((to("available"), to("client_credit")), (52_725, 45_835));
}

#[tokio::test]
async fn who_has_no_money_for_the_fee_owes_it_and_wins_nothing_by_silence() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    quarrel.is_recommended(&app.mediator("marta").await, "0.00").await;
    quarrel.freelancer_does("disputeRefuse", json!({})).await;
    let version = quarrel.shown(&quarrel.deal.client).await["version"].as_i64().unwrap();
    let stale = json!({ "expectedVersion": version - 1 });
    let stale = quarrel.does(&quarrel.deal.client, "disputePayFee", stale).await;
    assert_eq!(stale.refused(), ["STALE_VERSION"]);
    quarrel.pays(&quarrel.deal.freelancer).await.ok();
    assert_eq!(quarrel.deal.balances().await, [100_000, 0, 0], "there was nothing available");
    app.passes(TimeDelta::days(7)).await;
    assert_eq!(quarrel.outcome().await, ("RECOMMENDED".to_owned(), 0), "a promise outbids nobody");
    assert_eq!(quarrel.deal.balances().await, [0, 0, 0]);
    app.books_agree().await;
}

#[tokio::test]
async fn the_sides_can_agree_while_it_is_heard_and_have_their_fees_back() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    deal.fills_purses().await;
    let quarrel = deal.disputed("600.00").await;
    quarrel.answers().await;
    quarrel.is_recommended(&app.mediator("marta").await, "700.00").await;
    assert_eq!(quarrel.client_does("disputeRefuse", json!({})).await, "ARBITRATION");
    quarrel.pays(&quarrel.deal.client).await.ok();
    assert_eq!(quarrel.pays(&quarrel.deal.freelancer).await.text("dispute.status"), "HEARING");
    let paid = (quarrel.deal.balances().await[2], quarrel.deal.credit().await);
    assert_eq!(paid, (4_000, 5_600), "150 dollars each");
    let offer = |amount: &str| json!({ "amount": { "amount": amount } });
    assert_eq!(quarrel.client_does("disputeOffer", offer("500.00")).await, "HEARING", "it goes on being heard");
    assert_eq!(quarrel.freelancer_does("disputeOffer", offer("500.00")).await, "EXECUTED");
    assert_eq!(quarrel.outcome().await, ("SETTLED".to_owned(), 50_000));
    let [_, pending, available] = quarrel.deal.balances().await;
    assert_eq!((pending, available), (47_500, 19_000), "what they agreed on is held, and the fee is back");
    assert_eq!(quarrel.deal.credit().await, 20_600 + 51_500);
    app.books_agree().await;
}

#[tokio::test]
async fn both_who_have_nothing_are_heard_and_owe_the_fee_out_of_the_award() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    quarrel.is_recommended(&app.mediator("marta").await, "700.00").await;
    quarrel.freelancer_does("disputeRefuse", json!({})).await;
    quarrel.pays(&quarrel.deal.freelancer).await.ok();
    quarrel.pays(&quarrel.deal.client).await.ok();
    assert_eq!(quarrel.status().await, "HEARING");
    let credit = quarrel.deal.credit().await;
    quarrel.does(&app.mediator("omar").await, "disputeAward", verdict("500.00")).await.ok();
    app.settles().await;
    assert_eq!(quarrel.deal.balances().await, [0, 0, 47_500 - 15_000], "less the fee");
    assert_eq!(quarrel.deal.credit().await, credit + 51_500 - 15_000, "less the fee, with its part of ours");
    app.books_agree().await;
}

#[tokio::test]
async fn a_claim_under_five_hundred_dollars_is_heard_for_free() {
    for (amount, small, status) in [("499.99", true, "HEARING"), ("500.00", false, "ARBITRATION")] {
        let app = TestApp::new().await;
        let deal = app.contracted().await;
        let deal = Deal { milestone: deal.another(amount).await, ..deal };
        let quarrel = deal.disputed("1.00").await;
        quarrel.answers().await;
        assert_eq!(quarrel.shown(&quarrel.deal.client).await["isSmallClaim"], small);
        quarrel.is_recommended(&app.mediator("marta").await, "100.00").await;
        assert_eq!(quarrel.freelancer_does("disputeRefuse", json!({})).await, status);
        if small {
            let arbiter = app.mediator("omar").await;
            quarrel.does(&arbiter, "disputeAward", verdict("499.99")).await.ok();
            assert_eq!(quarrel.adds_up().await, [0, 47_499, 2_500, 0, 0]);
            assert_eq!(quarrel.deal.status().await, "RELEASED");
        }
    }
}

#[tokio::test]
async fn a_withdrawn_dispute_gives_the_clocks_back_where_they_stood() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    app.passes(TimeDelta::days(10)).await;
    let quarrel = deal.disputed("600.00").await;
    app.passes(TimeDelta::days(4)).await;
    let other = quarrel.does(&quarrel.deal.freelancer, "disputeWithdraw", json!({})).await;
    assert_eq!(other.refused(), ["WRONG_STATE"], "it is the claimant's to withdraw");
    assert_eq!(quarrel.client_does("disputeWithdraw", json!({})).await, "WITHDRAWN");
    assert_eq!(quarrel.deal.status().await, "SUBMITTED");
    app.passes(TimeDelta::hours(84)).await;
    assert_eq!(quarrel.deal.status().await, "SUBMITTED", "ten days and a half had not quite run");
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!(quarrel.deal.status().await, "APPROVED", "fourteen days of review in all");
    assert_eq!(quarrel.adds_up().await, [0, 95_000, 5_000, 0, 0]);
    // What was withdrawn once can be disputed again: a new dispute, and the old one stays as it was.
    let first = quarrel.dispute.clone();
    let second = quarrel.deal.disputed("600.00").await;
    assert_ne!(second.dispute, first);
    let query = "query($id: ID!) { contract(id: $id) { disputes { nodes { id status } } } }";
    let reply = second.deal.client.asks(query, json!({ "id": second.deal.contract })).await;
    let listed = json!([{ "id": second.dispute, "status": "OPENED" }, { "id": first, "status": "WITHDRAWN" }]);
    assert_eq!(reply.data()["contract"]["disputes"]["nodes"], listed);
}

#[tokio::test]
async fn what_was_answered_is_not_taken_back_and_opened_again_for_ever() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let quarrel = deal.disputed("600.00").await;
    quarrel.answers().await;
    let refused = quarrel.does(&quarrel.deal.client, "disputeWithdraw", json!({})).await;
    assert_eq!(refused.refused(), ["WRONG_STATE"]);
    let shown = quarrel.shown(&quarrel.deal.client).await;
    assert_eq!(shown["allowed"], json!(["DISPUTE_OFFER", "EVIDENCE_ADD"]), "an offer ends it");
}

#[tokio::test]
async fn a_dispute_during_the_security_hold_reclaims_what_is_pending() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.balances().await, [0, 95_000, 0]);
    let quarrel = deal.disputed("250.00").await;
    assert_eq!(quarrel.deal.balances().await, [100_000, 0, 0], "back in escrow, fee and all");
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(quarrel.deal.status().await, "DISPUTED", "the hold does not end");
    // Withdrawn, the hold goes on for the three days that were left of it.
    assert_eq!(quarrel.client_does("disputeWithdraw", json!({})).await, "WITHDRAWN");
    assert_eq!(quarrel.deal.balances().await, [0, 95_000, 0]);
    app.passes(TimeDelta::hours(60)).await;
    assert_eq!(quarrel.deal.balances().await, [0, 95_000, 0]);
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!(quarrel.deal.balances().await, [0, 0, 95_000]);
    assert_eq!(quarrel.adds_up().await, [0, 95_000, 5_000, 0, 0]);
}

#[tokio::test]
async fn a_refund_request_nobody_answers_becomes_a_dispute_that_exists() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let note = json!({ "milestoneId": deal.milestone, "note": "No" });
    deal.client.does("milestoneRequestChanges", note, "milestone { status }").await.ok();
    let ask = json!({ "milestoneId": deal.milestone, "amount": { "amount": "250.00" } });
    deal.client.does("milestoneRequestRefund", ask, "milestone { status }").await.ok();
    app.passes(TimeDelta::days(7)).await;
    assert_eq!(deal.status().await, "DISPUTED");
    let query = "query($id: ID!) { milestone(id: $id) { dispute { id status claimant claim { minorUnits } total { minorUnits } } } }";
    let reply = deal.freelancer.asks(query, json!({ "id": deal.milestone })).await;
    let dispute = &reply.data()["milestone"]["dispute"];
    assert_eq!((dispute["status"].clone(), dispute["claimant"].clone()), (json!("OPENED"), json!("CLIENT")));
    assert_eq!(
        (dispute["claim"]["minorUnits"].clone(), dispute["total"]["minorUnits"].clone()),
        (json!(75_000), json!(100_000))
    );
    let quarrel = Quarrel { dispute: dispute["id"].as_str().unwrap().to_owned(), deal };
    quarrel.answers().await;
    assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
    assert_eq!(quarrel.adds_up().await, [0, 71_250, 3_750, 25_000, 0]);
}

#[tokio::test]
async fn a_refund_request_nobody_answers_is_refunded_when_nothing_was_ever_submitted() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    deal.client
        .does("milestoneRequestRefund", json!({ "milestoneId": deal.milestone }), "milestone { status }")
        .await
        .ok();
    app.passes(TimeDelta::days(7)).await;
    assert_eq!(deal.status().await, "REFUNDED");
    let query = "query($id: ID!) { milestone(id: $id) { dispute { id } } }";
    assert_eq!(
        deal.client.asks(query, json!({ "id": deal.milestone })).await.data()["milestone"]["dispute"],
        Value::Null
    );
}

#[tokio::test]
async fn a_chargeback_of_everything_closes_the_dispute() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback").await;
    let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let deal = Deal { contract: accepted.text("contract.id"), ..deal };
    let quarrel = deal.disputed("600.00").await;
    quarrel.answers().await;
    app.passes(TimeDelta::days(1)).await;
    assert_eq!((quarrel.status().await.as_str(), quarrel.deal.status().await.as_str()), ("CLOSED", "CHARGED_BACK"));
    assert_eq!(quarrel.adds_up().await, [0, 0, 0, 0, 100_000]);
    let late = quarrel.does(&quarrel.deal.freelancer, "disputeOffer", offer("1.00")).await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn a_chargeback_of_a_part_leaves_the_rest_to_be_decided() {
    use infra::payments::{ProcessorEvent, ProcessorFact};
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let query = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let paid = deal.client.asks(query, json!({ "id": deal.milestone })).await;
    let payment = paid.data()["milestone"]["payment"]["id"].as_str().unwrap().parse().unwrap();
    let quarrel = deal.disputed("600.00").await;
    let amount = domain::money::Money::usd(70_000).unwrap();
    let fact = ProcessorFact::ChargedBack { reference: "dp_1".to_owned(), amount };
    let event = ProcessorEvent { source: "sandbox".to_owned(), id: "evt_cb".to_owned(), payment, fact };
    for _ in 0..2 {
        app.market.processor_event(&event).await.unwrap();
    }
    assert_eq!(quarrel.status().await, "OPENED");
    assert_eq!(quarrel.adds_up().await, [30_000, 0, 0, 0, 70_000]);
    // Of the 400.00 the freelancer would have had there are 300.00 left: the bank took the client's part first.
    assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
    assert_eq!(quarrel.adds_up().await, [0, 28_500, 1_500, 0, 70_000]);
}

#[tokio::test]
async fn what_a_bank_had_before_a_dispute_is_divided_as_the_dispute_was() {
    use infra::payments::{ProcessorEvent, ProcessorFact};
    for during in [true, false] {
        let app = TestApp::new().await;
        let deal = app.submitted().await;
        let query = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
        let paid = deal.client.asks(query, json!({ "id": deal.milestone })).await;
        let payment = paid.data()["milestone"]["payment"]["id"].as_str().unwrap().parse().unwrap();
        let says = async |id: &str, fact| {
            let event = ProcessorEvent { source: "sandbox".to_owned(), id: id.to_owned(), payment, fact };
            app.market.processor_event(&event).await.unwrap();
        };
        let (reference, amount) = ("dp_1".to_owned(), domain::money::Money::usd(40_000).unwrap());
        says("evt_taken", ProcessorFact::ChargedBack { reference: reference.clone(), amount }).await;
        let quarrel = deal.disputed("150.00").await;
        let won = ProcessorFact::ChargebackWon { reference };
        if during {
            says("evt_back", won.clone()).await;
            assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
        }
        // The freelancer has three quarters of what was in dispute, and so of all of it.
        assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
        if !during {
            assert_eq!(quarrel.adds_up().await, [0, 42_750, 2_250, 15_000, 40_000]);
            says("evt_back", won).await;
        }
        assert_eq!(quarrel.adds_up().await, [0, 71_250, 3_750, 25_000, 0], "{during}");
        app.books_agree().await;
    }
}

#[tokio::test]
async fn an_ending_contract_ends_when_its_dispute_does() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    let Deal { client, contract, .. } = &quarrel.deal;
    let ending = client.does("contractEnd", json!({ "contractId": contract }), "contract { status }").await;
    assert_eq!(ending.text("contract.status"), "ENDING");
    assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
    app.settles().await;
    let query = "query($id: ID!) { contract(id: $id) { status } }";
    let status = async || client.asks(query, json!({ "id": contract })).await.text("status");
    assert_eq!(status().await, "ENDING", "what they agreed on is held first");
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(status().await, "ENDED");
}
