//! Contracts: paused, resumed and ended.

use serde_json::json;
use tests::TestApp;

const STATUS: &str = "contract { status }";

#[tokio::test]
async fn a_contract_keeps_its_terms_and_is_seen_by_its_parties_only() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let query = "query($id: ID!) { contract(id: $id) { title status policyVersion freelancerFeeBp clientFeeBp client { name } freelancer { name } } }";
    let reply = deal.freelancer.asks(query, json!({ "id": deal.contract })).await;
    assert_eq!(
        reply.data()["contract"],
        json!({ "title": "A website", "status": "ACTIVE", "policyVersion": 1, "freelancerFeeBp": 500, "clientFeeBp": 300,
                "client": { "name": "clara & Company" }, "freelancer": { "name": "Faisal" } })
    );
    let stranger = app.client("otto").await;
    for reply in [
        stranger.asks(query, json!({ "id": deal.contract })).await,
        app.visitor().asks(query, json!({ "id": deal.contract })).await,
    ] {
        assert!(reply.data()["contract"].is_null());
    }
    let lists = "query($org: ID!) { viewer { contracts { nodes { id } } } node(id: $org) { ... on Organization { contracts { nodes { id } } } } }";
    let of_client = deal.client.asks(lists, json!({ "org": deal.client.organization })).await;
    assert_eq!(of_client.data()["node"]["contracts"]["nodes"][0]["id"], json!(deal.contract));
    let of_freelancer = deal.freelancer.asks(lists, json!({ "org": deal.client.organization })).await;
    assert_eq!(of_freelancer.data()["viewer"]["contracts"]["nodes"][0]["id"], json!(deal.contract));
    assert!(of_freelancer.data()["node"].is_null() || of_freelancer.data()["node"]["contracts"]["nodes"] == json!([]));
}

#[tokio::test]
async fn each_side_of_a_contract_knows_where_the_others_clock_is() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    deal.freelancer.does("userUpdate", json!({ "timeZone": "Asia/Karachi" }), "viewer { email }").await.ok();
    deal.client.does("userUpdate", json!({ "timeZone": "America/New_York" }), "viewer { email }").await.ok();
    let query = "query($id: ID!) { contract(id: $id) { client { timeZone } freelancer { timeZone } } }";
    let both = json!({ "client": { "timeZone": "America/New_York" }, "freelancer": { "timeZone": "Asia/Karachi" } });
    for side in [&deal.client, &deal.freelancer] {
        assert_eq!(side.asks(query, json!({ "id": deal.contract })).await.data()["contract"], both);
    }
}

#[tokio::test]
async fn a_paused_contract_takes_no_new_work() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let id = json!({ "contractId": deal.contract });
    deal.freelancer.does("contractPause", id.clone(), STATUS).await.ok();
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
    assert_eq!(deal.client.does("milestonePropose", more.clone(), "milestone { id }").await.refused(), ["WRONG_STATE"]);
    deal.client.does("contractResume", id, STATUS).await.ok();
    deal.client.does("milestonePropose", more, "milestone { id }").await.ok();
}

#[tokio::test]
async fn a_contract_has_ended_when_its_last_milestone_is_over() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let id = json!({ "contractId": deal.contract });
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
    deal.client.does("milestonePropose", more, "milestone { id }").await.ok();
    let ended = deal.client.does("contractEnd", id.clone(), STATUS).await;
    assert_eq!(ended.text("contract.status"), "ENDING");
    let query = "query($id: ID!) { contract(id: $id) { endedAt } }";
    let under_way = deal.client.asks(query, json!({ "id": deal.contract })).await;
    assert!(under_way.data()["contract"]["endedAt"].is_null());
    let again = deal.freelancer.does("contractEnd", id, STATUS).await;
    assert_eq!(again.text("contract.status"), "ENDING", "a repeat");
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    app.passes(chrono::TimeDelta::days(5)).await;
    let query = "query($id: ID!) { contract(id: $id) { status endedAt reviewsCloseAt money {
        funded { amount } held { amount } released { amount } fee { amount } refunded { amount } chargedBack { amount } } } }";
    let over = deal.client.asks(query, json!({ "id": deal.contract })).await;
    assert_eq!(over.text("status"), "ENDED");
    let money = over.data()["contract"]["money"].clone();
    let parts =
        ["funded", "held", "released", "fee", "refunded", "chargedBack"].map(|part| money[part]["amount"].clone());
    assert_eq!(parts, ["1000.00", "0.00", "950.00", "50.00", "0.00", "0.00"]);
    let at = |name: &str| over.text(name).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(at("reviewsCloseAt") - at("endedAt"), chrono::TimeDelta::days(14));
}

#[tokio::test]
async fn our_people_hold_a_contract_and_end_the_hold() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    let fields = "contract { status holdReasons version }";
    let hold = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "A name to check" });
    for who in [&deal.client, &deal.freelancer] {
        assert_eq!(who.does("contractHold", hold.clone(), fields).await.refused(), ["NOT_ALLOWED"]);
    }
    let mut stale = hold.clone();
    stale["expectedVersion"] = json!(9);
    assert_eq!(admin.does("contractHold", stale, fields).await.refused(), ["STALE_VERSION"]);
    let held = admin.does("contractHold", hold.clone(), fields).await;
    assert_eq!(
        held.ok()["contract"],
        json!({ "status": "ON_HOLD", "holdReasons": ["COMPLIANCE_REVIEW"], "version": 2 })
    );
    assert_eq!(admin.does("contractHold", hold.clone(), fields).await.ok()["contract"]["version"], 2, "a repeat");
    let mut other = hold.clone();
    other["reason"] = json!("IDENTITY_LAPSED");
    let both = admin.does("contractHold", other.clone(), fields).await;
    assert_eq!(both.ok()["contract"]["holdReasons"], json!(["COMPLIANCE_REVIEW", "IDENTITY_LAPSED"]));

    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
    assert_eq!(deal.client.does("milestonePropose", more.clone(), "milestone { id }").await.refused(), ["WRONG_STATE"]);
    let resume = json!({ "contractId": deal.contract });
    assert_eq!(deal.client.does("contractResume", resume, fields).await.refused(), ["WRONG_STATE"]);
    let lift = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "It was another person" });
    assert_eq!(deal.client.does("contractLiftHold", lift.clone(), fields).await.refused(), ["NOT_ALLOWED"]);
    let lifted = admin.does("contractLiftHold", lift, fields).await;
    assert_eq!(
        lifted.ok()["contract"],
        json!({ "status": "ON_HOLD", "holdReasons": ["IDENTITY_LAPSED"], "version": 4 })
    );
    other["note"] = json!("Renewed");
    let lifted = admin.does("contractLiftHold", other, fields).await;
    assert_eq!(lifted.ok()["contract"], json!({ "status": "ACTIVE", "holdReasons": [], "version": 5 }));
    deal.client.does("milestonePropose", more, "milestone { id }").await.ok();
}

#[tokio::test]
async fn a_paused_contract_can_be_held_and_is_paused_again_when_that_is_over() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    let fields = "contract { status holdReasons }";
    let id = json!({ "contractId": deal.contract });
    deal.freelancer.does("contractPause", id.clone(), fields).await.ok();
    let hold = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "A name to check" });
    let held = admin.does("contractHold", hold.clone(), fields).await;
    assert_eq!(held.ok()["contract"], json!({ "status": "ON_HOLD", "holdReasons": ["COMPLIANCE_REVIEW"] }));
    assert_eq!(deal.freelancer.does("contractResume", id.clone(), fields).await.refused(), ["WRONG_STATE"]);
    let lifted = admin.does("contractLiftHold", hold, fields).await;
    assert_eq!(lifted.ok()["contract"], json!({ "status": "PAUSED", "holdReasons": [] }));
    let resumed = deal.client.does("contractResume", id, fields).await;
    assert_eq!(resumed.ok()["contract"]["status"], "ACTIVE");
}

#[tokio::test]
async fn what_was_being_paid_for_when_a_contract_was_ended_and_gets_no_money_is_called_off() {
    for stopped in [true, false] {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
        let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
        let its = json!({ "milestoneId": second });
        deal.freelancer.does("milestoneAgree", its.clone(), "milestone { id }").await.ok();
        deal.fund(&second, "pm_sandbox_silent").await;
        let ending = deal.client.does("contractEnd", json!({ "contractId": deal.contract }), STATUS).await;
        assert_eq!(ending.text("contract.status"), "ENDING", "its money may still come");
        if stopped {
            deal.client.does("milestoneStopFunding", its, "milestone { status }").await.ok();
            let anew = json!({ "milestoneId": second, "paymentMethod": "pm_sandbox_visa" });
            assert_eq!(deal.client.does("milestoneFund", anew, "payment { id }").await.refused(), ["WRONG_STATE"]);
            app.settles().await;
        } else {
            app.passes(chrono::TimeDelta::hours(24)).await;
        }
        let query = "query($contract: ID!, $second: ID!) {
            contract(id: $contract) { status } milestone(id: $second) { status } }";
        let found = deal.client.asks(query, json!({ "contract": deal.contract, "second": second })).await;
        let stand = json!({ "contract": { "status": "ENDED" }, "milestone": { "status": "CANCELLED" } });
        assert_eq!(*found.data(), stand, "stopped by hand: {stopped}");
        app.books_agree().await;
    }
}

#[tokio::test]
async fn what_is_paid_for_after_its_contract_was_ended_is_carried_through() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
    let second = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": second }), "milestone { id }").await.ok();
    deal.fund(&second, "pm_sandbox_late").await;
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), STATUS).await.ok();
    app.passes(chrono::TimeDelta::minutes(10)).await;
    let query = "query($contract: ID!, $second: ID!) {
        contract(id: $contract) { status } milestone(id: $second) { status } }";
    let found = deal.client.asks(query, json!({ "contract": deal.contract, "second": second })).await;
    assert_eq!(*found.data(), json!({ "contract": { "status": "ENDING" }, "milestone": { "status": "FUNDED" } }));
}
