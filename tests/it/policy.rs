//! Policies: dated, public, never changed, and never reaching back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::{Deal, Person, TestApp};

const POLICY: &str = "policy { number effectiveFrom note inForce terms { freelancerFeeBp reviewDays securityHoldDays clientFeeBp milestoneMin { amount } } }";

/// From so many days from now on: ten percent of the work, three days to review, a hold of one.
fn steeper(app: &TestApp, days: i64) -> Value {
    json!({
        "effectiveFrom": app.market.clock().now() + TimeDelta::days(days), "note": "Shorter waits, at a price",
        "terms": { "freelancerFeeBp": 1000, "reviewDays": 3, "reviewNoticeDays": [1, 2], "securityHoldDays": 1 }
    })
}

async fn hires(client: &Person<'_>, freelancer: &Person<'_>) -> (String, String) {
    let offer = client
        .does(
            "offerCreate",
            json!({
                "organizationId": client.organization, "freelancerId": freelancer.id, "title": "Another website",
                "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }]
            }),
            "offer { id milestones { nodes { id } } }",
        )
        .await;
    let milestone = offer.text("offer.milestones.nodes.0.id");
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    client.does("milestoneFund", fund, "payment { status }").await.ok();
    client.app.settles().await;
    let accept = json!({ "offerId": offer.text("offer.id") });
    let contract = freelancer.does("offerAccept", accept, "contract { id }").await.text("contract.id");
    (contract, milestone)
}

/// Fee rate, freelancer's fee for what is to fund, and the day silence approves.
async fn worked(deal: &Deal<'_>, contract: &str, milestone: &str) -> (i64, i32, i64) {
    let submit = json!({ "milestoneId": milestone, "message": "Here it is" });
    let reply = deal.freelancer.does("milestoneSubmit", submit, "milestone { approvesAt }").await;
    let approves_at: DateTime<Utc> = reply.text("milestone.approvesAt").parse().unwrap();
    let days = (approves_at - deal.client.app.market.clock().now()).num_days();
    let query = "query($id: ID!) { contract(id: $id) { freelancerFeeBp policyVersion } }";
    let reply = deal.client.asks(query, json!({ "id": contract })).await;
    let contract = &reply.data()["contract"];
    let number = |name: &str| contract[name].as_i64().unwrap();
    (number("freelancerFeeBp"), i32::try_from(number("policyVersion")).unwrap(), days)
}

#[tokio::test]
async fn old_contracts_keep_their_terms_and_new_ones_get_the_new() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    let added = admin.does("policyVersionAdd", steeper(&app, 1), POLICY).await;
    assert_eq!(
        added.ok()["policy"]["terms"],
        json!({
            "freelancerFeeBp": 1000, "reviewDays": 3, "securityHoldDays": 1, "clientFeeBp": 300, "milestoneMin": { "amount": "1.00" }
        })
    );
    assert_eq!(
        (&added.data()["policyVersionAdd"]["policy"]["number"], &added.data()["policyVersionAdd"]["policy"]["inForce"]),
        (&json!(2), &json!(false))
    );

    // Offered before it begins, accepted after: the terms are those of the offer.
    let between = deal
        .client
        .does(
            "offerCreate",
            json!({
                "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id, "title": "In between",
                "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }]
            }),
            "offer { id milestones { nodes { id } } }",
        )
        .await;
    app.passes(TimeDelta::days(2)).await;
    deal.fund(&between.text("offer.milestones.nodes.0.id"), "pm_sandbox_visa").await;
    let accept = json!({ "offerId": between.text("offer.id") });
    let accepted = deal.freelancer.does("offerAccept", accept, "contract { policyVersion freelancerFeeBp }").await;
    assert_eq!(accepted.ok()["contract"], json!({ "policyVersion": 1, "freelancerFeeBp": 500 }));

    let (new_contract, new_milestone) = hires(&deal.client, &deal.freelancer).await;
    assert_eq!(worked(&deal, &deal.contract, &deal.milestone).await, (500, 1, 14));
    assert_eq!(worked(&deal, &new_contract, &new_milestone).await, (1000, 2, 3));

    // The same amount, approved on the same day: another fee, another hold.
    for milestone in [&deal.milestone, &new_milestone] {
        deal.client.does("milestoneApprove", json!({ "milestoneId": milestone }), "milestone { id }").await.ok();
    }
    assert_eq!(deal.balances().await[1], 95_000 + 90_000);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await[2], 90_000);
    app.passes(TimeDelta::days(4)).await;
    assert_eq!(deal.balances().await[2], 95_000 + 90_000);

    // More work and a bonus on the old contract are by the old terms too.
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "100.00" } });
    let more = deal.client.does("milestonePropose", more, "milestone { quote { freelancerGets { amount } } }").await;
    assert_eq!(more.text("milestone.quote.freelancerGets.amount"), "95.00");
    let bonus =
        json!({ "contractId": deal.contract, "amount": { "amount": "100.00" }, "paymentMethod": "pm_sandbox_visa" });
    let bonus = deal.client.does("bonusGive", bonus, "payment { quote { freelancerGets { amount } } }").await;
    assert_eq!(bonus.text("payment.quote.freelancerGets.amount"), "95.00");
}

#[tokio::test]
async fn a_preview_says_by_which_policy_and_for_when() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let admin = app.admin("noor").await;
    admin.does("policyVersionAdd", steeper(&app, 10), POLICY).await.ok();
    let query = "query($kind: MilestoneKind! = WORK, $at: DateTime, $contract: ID, $weights: [Int!]! = []) {
        feePreview(amount: { amount: \"100.00\" }, kind: $kind, at: $at, contractId: $contract, weights: $weights) {
            policyVersion asOf kind clientPays { amount } freelancerGets { amount }
            parts { amount { minorUnits } freelancerFee { minorUnits } } } }";
    let seen = async |variables: Value| {
        let reply = app.visitor().asks(query, variables).await;
        let preview = &reply.data()["feePreview"];
        (preview["policyVersion"].as_i64().unwrap(), reply.text("freelancerGets.amount"), preview["asOf"].clone())
    };
    let now = app.market.clock().now();
    let later = now + TimeDelta::days(11);
    let text = |at: DateTime<Utc>| json!(at.to_rfc3339());
    let (version, gets, as_of) = seen(json!({})).await;
    assert_eq!((version, gets.as_str(), as_of), (1, "95.00", text(now)));
    let (version, gets, as_of) = seen(json!({ "at": later })).await;
    assert_eq!((version, gets.as_str(), as_of), (2, "90.00", text(later)));
    assert_eq!(seen(json!({ "kind": "TIP" })).await.1, "100.00");
    assert_eq!(seen(json!({ "kind": "BONUS" })).await.1, "95.00");
    let before = app.visitor().asks(query, json!({ "at": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(before.failed(), ["BAD_USER_INPUT"]);

    let split = app.visitor().asks(query, json!({ "weights": [1, 1, 1] })).await;
    let parts = split.data()["feePreview"]["parts"].as_array().unwrap().clone();
    let amounts: Vec<i64> = parts.iter().map(|part| part["amount"]["minorUnits"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [3_334, 3_333, 3_333]);
    for weights in [json!([0, 0]), json!(vec![1; 101])] {
        assert_eq!(app.visitor().asks(query, json!({ "weights": weights })).await.failed(), ["BAD_USER_INPUT"]);
    }

    app.passes(TimeDelta::days(11)).await;
    assert_eq!(seen(json!({})).await.0, 2);
    let of_contract = json!({ "contract": deal.contract });
    let reply = deal.freelancer.asks(query, of_contract.clone()).await;
    assert_eq!(
        (&reply.data()["feePreview"]["policyVersion"], reply.text("freelancerGets.amount").as_str()),
        (&json!(1), "95.00")
    );
    let stranger = app.client("otto").await;
    assert_eq!(stranger.asks(query, of_contract).await.failed(), ["NOT_FOUND"]);
}

#[tokio::test]
async fn everybody_reads_the_history_and_an_admin_adds_to_it() {
    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    let stranger = app.client("otto").await;
    assert_eq!(stranger.does("policyVersionAdd", steeper(&app, 1), POLICY).await.refused(), ["NOT_FOUND"]);
    let mut keyed = steeper(&app, 1);
    keyed["idempotencyKey"] = json!("p-1");
    for _ in 0..2 {
        assert_eq!(admin.does("policyVersionAdd", keyed.clone(), POLICY).await.ok()["policy"]["number"], 2);
    }
    let adding = (0..5).map(|day| admin.does("policyVersionAdd", steeper(&app, 10 + day), POLICY));
    let added = futures_util::future::join_all(adding).await;
    let mut numbers: Vec<i64> = added.iter().map(|reply| reply.ok()["policy"]["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4, 5, 6, 7], "at once, and none is lost");

    let list = "query($after: String) { policies(first: 4, after: $after) { nodes { number inForce effectiveFrom } pageInfo { endCursor } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    for _ in 0..2 {
        let page = app.visitor().asks(list, json!({ "after": after })).await;
        let policies = &page.data()["policies"];
        seen.extend(policies["nodes"].as_array().unwrap().clone());
        after = policies["pageInfo"]["endCursor"].clone();
    }
    let dates: Vec<&str> = seen.iter().map(|policy| policy["effectiveFrom"].as_str().unwrap()).collect();
    assert!(dates.len() == 7 && dates.is_sorted_by(|a, b| a > b), "{dates:?}");
    let in_force: Vec<&Value> = seen.iter().filter(|policy| policy["inForce"] == json!(true)).collect();
    assert_eq!(in_force[0]["number"], 1);
    let at = "query($at: DateTime) { policy(at: $at) { number } }";
    assert_eq!(app.visitor().asks(at, json!({})).await.data()["policy"]["number"], 1);
    let tomorrow = json!({ "at": app.market.clock().now() + TimeDelta::days(2) });
    assert_eq!(app.visitor().asks(at, tomorrow).await.data()["policy"]["number"], 2);
    assert_eq!(app.visitor().asks(at, json!({ "at": "2020-01-01T00:00:00Z" })).await.data()["policy"], Value::Null);
}

#[tokio::test]
async fn terms_nobody_could_work_by_and_dates_gone_by_are_refused_and_nothing_is_ever_edited() {
    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    let with = |terms: Value| json!({ "effectiveFrom": "2026-07-01T00:00:00Z", "note": "Try", "terms": terms });
    for (terms, fault) in [
        (json!({ "securityHoldDays": 15 }), "terms.securityHoldDays: OUT_OF_RANGE"),
        (json!({ "riskHoldDays": 15 }), "terms.riskHoldDays: OUT_OF_RANGE"),
        (json!({ "securityHoldDays": 9, "riskHoldDays": 8 }), "terms.riskHoldDays: OUT_OF_RANGE"),
        (json!({ "barredDays": 366 }), "terms.barredDays: OUT_OF_RANGE"),
        (json!({ "writeOffDays": 0 }), "terms.writeOffDays: OUT_OF_RANGE"),
        (json!({ "writeOffNoticeDays": 91 }), "terms.writeOffNoticeDays: OUT_OF_RANGE"),
        (json!({ "timesheetSubmitHours": 73 }), "terms.timesheetSubmitHours: OUT_OF_RANGE"),
        (json!({ "timesheetApproveMinutes": 2159 }), "terms.timesheetApproveMinutes: OUT_OF_RANGE"),
        (json!({ "timesheetPayHours": 119 }), "terms.timesheetPayHours: OUT_OF_RANGE"),
        (json!({ "taxFormMoveDays": 0 }), "terms.taxFormMoveDays: OUT_OF_RANGE"),
        (json!({ "withheldRegisteredBp": 10001 }), "terms.withheldRegisteredBp: OUT_OF_RANGE"),
        (json!({ "withheldOthersBp": 5001 }), "terms.withheldOthersBp: OUT_OF_RANGE"),
        (json!({ "riskDays": 3651 }), "terms.riskDays: OUT_OF_RANGE"),
        (json!({ "freelancerFeeBp": 5001 }), "terms.freelancerFeeBp: OUT_OF_RANGE"),
        (json!({ "freelancerFeeBp": 10001 }), "terms.freelancerFeeBp: OUT_OF_RANGE"),
        (json!({ "reviewDays": 5 }), "terms.reviewNoticeDays: OUT_OF_RANGE"),
        (json!({ "milestoneMin": { "amount": "0.00" } }), "terms.milestoneMin: OUT_OF_RANGE"),
        (json!({ "payoutMin": { "amount": "0.00" } }), "terms.payoutMin: OUT_OF_RANGE"),
        (json!({ "payoutMin": { "amount": "x" } }), "terms.payoutMin.amount: MALFORMED"),
        (json!({ "payoutMin": { "amount": "5", "currency": "PKR" } }), "terms.milestoneMin: CURRENCY"),
    ] {
        assert_eq!(admin.does("policyVersionAdd", with(terms.clone()), POLICY).await.faults(), [fault], "{terms}");
    }
    let mut past = steeper(&app, -1);
    past["note"] = json!(" ");
    let faults = admin.does("policyVersionAdd", past, POLICY).await.faults();
    assert_eq!(faults, ["effectiveFrom: OUT_OF_RANGE", "note: REQUIRED"]);
    for sql in [
        "update policy_versions set note = 'x'",
        "delete from policy_versions",
        "truncate policy_versions cascade",
        "insert into policy_versions values (9, now(), 'x', '{\"security_hold_days\": 15}')",
        "insert into policy_versions values (9, now(), 'x', '{\"security_hold_days\": 5, \"risk_hold_days\": 4}')",
    ] {
        assert!(sqlx::query(sql).execute(app.pool()).await.is_err(), "{sql}");
    }
    let count: i64 = sqlx::query_scalar("select count(*) from policy_versions").fetch_one(app.pool()).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_week_goes_its_way_by_the_policy_that_its_contract_was_made_under() {
    let app = TestApp::new().await;
    let until = async |instant: &str| {
        let instant: DateTime<Utc> = instant.parse().unwrap();
        app.passes(instant - app.market.clock().now()).await;
    };
    let noor = app.admin("noor").await;
    let terms = json!({ "timesheetSubmitHours": 6, "timesheetApproveMinutes": 2160, "timesheetPayHours": 72,
        "writeOffNoticeDays": 9, "taxFormMoveDays": 45 });
    let policy = json!({ "effectiveFrom": app.market.clock().now(), "note": "Money sooner", "terms": terms });
    let said = "policy { terms { timesheetSubmitHours timesheetApproveMinutes timesheetPayHours writeOffNoticeDays
        taxFormMoveDays } }";
    let added = noor.does("policyVersionAdd", policy, said).await.ok()["policy"]["terms"].clone();
    let standing = json!({ "timesheetSubmitHours": 6, "timesheetApproveMinutes": 2160, "timesheetPayHours": 72,
        "writeOffNoticeDays": 9, "taxFormMoveDays": 45 });
    assert_eq!(added, standing);
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    // A later policy changes nothing of what was agreed on.
    let slower = json!({ "timesheetSubmitHours": 72, "timesheetApproveMinutes": 20_160, "timesheetPayHours": 840 });
    let slower = json!({ "effectiveFrom": app.market.clock().now(), "note": "Money later", "terms": slower });
    noor.does("policyVersionAdd", slower, said).await.ok();
    // And what the next one does not name stays as it was.
    let next =
        json!({ "effectiveFrom": app.market.clock().now(), "note": "One thing", "terms": { "taxFormMoveDays": 46 } });
    let next = noor.does("policyVersionAdd", next, said).await.ok()["policy"]["terms"].clone();
    let standing = json!({ "timesheetSubmitHours": 72, "timesheetApproveMinutes": 20_160, "timesheetPayHours": 840,
        "writeOffNoticeDays": 9, "taxFormMoveDays": 46 });
    assert_eq!(next, standing);

    until("2026-06-03T17:00:00Z").await;
    let week = hours.worked("2026-06-01", 410).await;
    until("2026-06-08T05:59:59Z").await;
    assert_eq!(hours.status(&week).await, "OPEN");
    until("2026-06-08T06:00:00Z").await;
    let seen = hours.week(&week).await;
    assert_eq!((&seen["status"], &seen["approvesAt"]), (&json!("SUBMITTED"), &json!("2026-06-09T12:00:00+00:00")));
    until("2026-06-09T12:00:00Z").await;
    let seen = hours.week(&week).await;
    assert_eq!((&seen["status"], &seen["paysAt"]), (&json!("HELD"), &json!("2026-06-11T00:00:00+00:00")));
    until("2026-06-11T00:00:00Z").await;
    assert_eq!(hours.status(&week).await, "PAID");
    app.books_agree().await;
}
