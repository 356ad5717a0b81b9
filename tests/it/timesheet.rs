//! Work by the hour: a week is written, submitted, approved, charged, held and paid; and all that may
//! go wrong on the way.

use chrono::{DateTime, Utc};
use domain::money::Money;
use futures_util::future::{join, join_all};
use infra::payments::{ProcessorEvent, ProcessorFact};
use serde_json::{Value, json};
use tests::{Hours, TestApp};

mod banks;

/// The clock is turned to an instant, and the worker does what is due.
async fn until(app: &TestApp, instant: &str) {
    let instant: DateTime<Utc> = instant.parse().unwrap();
    let ahead = instant - app.market.clock().now();
    assert!(ahead > chrono::TimeDelta::zero(), "time only passes forward");
    app.market.clock().advance(ahead);
    app.settles().await;
}

/// The week of Monday 1 June, worked, with the client from Monday noon.
async fn submitted(hours: &Hours<'_>) -> String {
    until(hours.client.app, "2026-06-03T17:00:00Z").await;
    let week = hours.worked("2026-06-01", 410).await;
    for _ in 0..3 {
        assert_eq!(hours.worked("2026-06-02", 10).await, week, "one week, one timesheet");
    }
    until(hours.client.app, "2026-06-08T12:00:00Z").await;
    assert_eq!(hours.status(&week).await, "SUBMITTED");
    week
}

/// The same, approved on Tuesday morning, and charged if the card works.
async fn approved(hours: &Hours<'_>) -> String {
    let week = submitted(hours).await;
    until(hours.client.app, "2026-06-09T09:00:00Z").await;
    hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { status }").await.ok();
    hours.client.app.settles().await;
    week
}

/// The last payment of a week: its id, status and failure code.
async fn payment(hours: &Hours<'_>, week: &str) -> (String, String, Value) {
    let query = "query($id: ID!) { timesheet(id: $id) { payment { id status failureCode timesheet { id } milestone { id } } } }";
    let reply = hours.client.asks(query, json!({ "id": week })).await;
    let payment = &reply.data()["timesheet"]["payment"];
    assert_eq!((&payment["timesheet"]["id"], &payment["milestone"]), (&json!(week), &Value::Null));
    let text = |field: &str| payment[field].as_str().unwrap().to_owned();
    (text("id"), text("status"), payment["failureCode"].clone())
}

async fn tells(app: &TestApp, id: &str, payment: &str, fact: ProcessorFact) {
    let (source, id, payment) = ("sandbox".to_owned(), id.to_owned(), payment.parse().unwrap());
    app.market.processor_event(&ProcessorEvent { source, id, payment, fact }).await.unwrap();
    app.settles().await;
}

fn succeeded() -> ProcessorFact {
    ProcessorFact::Succeeded { intent: "pi".to_owned(), received: Money::usd(25_175).unwrap() }
}

fn failed() -> ProcessorFact {
    ProcessorFact::Failed { code: "card_declined".to_owned() }
}

fn charged_back(reference: &str, cents: i64) -> ProcessorFact {
    ProcessorFact::ChargedBack { reference: reference.to_owned(), amount: Money::usd(cents).unwrap() }
}

#[tokio::test]
async fn a_week_is_worked_and_paid_on_wednesday_though_the_client_never_lifts_a_finger() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    until(&app, "2026-06-03T17:00:00Z").await;
    let week = hours.worked("2026-06-01", 410).await;
    for _ in 0..3 {
        hours.worked("2026-06-02", 10).await;
    }
    until(&app, "2026-06-08T11:59:59Z").await;
    assert_eq!(hours.status(&week).await, "OPEN");
    until(&app, "2026-06-08T12:00:00Z").await;
    let seen = hours.week(&week).await;
    assert_eq!((&seen["status"], &seen["approvesAt"]), (&json!("SUBMITTED"), &json!("2026-06-12T23:59:00+00:00")));
    // 7 h 20 min at 33.33, rounded once; the four entries rounded one by one would be two cents more.
    assert_eq!((&seen["minutes"], &seen["amount"]["minorUnits"]), (&json!(440), &json!(24_442)));
    until(&app, "2026-06-12T23:58:59Z").await;
    assert_eq!(hours.status(&week).await, "SUBMITTED");
    until(&app, "2026-06-12T23:59:00Z").await;
    let seen = hours.week(&week).await;
    assert_eq!((&seen["status"], &seen["paysAt"]), (&json!("HELD"), &json!("2026-06-17T12:00:00+00:00")));
    assert_eq!(hours.money(&week).await, [24_442, 24_442, 0, 0, 0, 0]);
    assert_eq!((hours.balances().await, hours.client_balances().await), ([24_442, 0, 0], [24_442, 0]));
    assert_eq!(hours.statement().await, ["fund"]);
    until(&app, "2026-06-17T11:59:59Z").await;
    assert_eq!(hours.status(&week).await, "HELD");
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.status(&week).await, "PAID");
    assert_eq!(hours.money(&week).await, [24_442, 0, 23_220, 1_222, 0, 0]);
    assert_eq!((hours.balances().await, hours.client_balances().await), ([0, 0, 23_220], [0, 0]));
    assert_eq!(hours.statement().await, ["fund", "release"]);
    assert_eq!(hours.contract_status().await, "ACTIVE");
    assert_eq!(payment(&hours, &week).await.1, "SUCCEEDED");
}

#[tokio::test]
async fn a_declined_card_is_tried_after_one_three_and_five_days_and_the_contract_waits_for_another() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    let week = approved(&hours).await;
    let tries = [
        (1, "2026-06-10T09:00:00+00:00", "2026-06-10T08:59:59Z"),
        (2, "2026-06-13T09:00:00+00:00", "2026-06-13T08:59:59Z"),
        (3, "2026-06-18T09:00:00+00:00", "2026-06-18T08:59:59Z"),
    ];
    for (failures, again_at, before) in tries {
        let stands = |seen: Value| (seen["status"].clone(), seen["failedCharges"].clone(), seen["chargesAt"].clone());
        let expected = (json!("APPROVED"), json!(failures), json!(again_at));
        assert_eq!(stands(hours.week(&week).await), expected);
        assert_eq!(hours.contract_status().await, "ON_HOLD");
        until(&app, before).await;
        assert_eq!(stands(hours.week(&week).await), expected, "not a second early");
        until(&app, &again_at.replace("+00:00", "Z")).await;
    }
    let seen = hours.week(&week).await;
    assert_eq!((&seen["status"], &seen["failedCharges"]), (&json!("UNPAID"), &json!(4)));
    assert_eq!(payment(&hours, &week).await.2, "card_declined");
    assert_eq!(hours.adds("2026-06-18", 60).await.refused(), ["WRONG_STATE"], "no work on credit");

    let pay = |input: Value| hours.client.does("timesheetPay", input, "timesheet { status } payment { status }");
    let reply = pay(json!({ "timesheetId": week })).await;
    assert_eq!(
        (reply.text("timesheet.status"), reply.text("payment.status")),
        ("CHARGING".into(), "PROCESSING".into())
    );
    app.settles().await;
    assert_eq!(hours.status(&week).await, "UNPAID", "the contract's card is what it was");
    assert_eq!(hours.contract_status().await, "ON_HOLD");
    pay(json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" })).await.ok();
    app.settles().await;
    assert_eq!(hours.status(&week).await, "HELD");
    assert_eq!(hours.contract_status().await, "ACTIVE");
    hours.adds("2026-06-18", 60).await.ok();
    assert_eq!(pay(json!({ "timesheetId": week })).await.refused(), ["WRONG_STATE"], "paid is paid");
    // Charged on Thursday the 18th, after its Wednesday: paid on the next one.
    until(&app, "2026-06-24T12:00:00Z").await;
    assert_eq!(hours.money(&week).await, [24_442, 0, 23_220, 1_222, 0, 0]);
    assert_eq!(hours.statement().await, ["fund", "release"]);
}

#[tokio::test]
async fn no_work_is_written_down_before_there_is_a_card_to_charge() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    let refused = hours.adds("2026-06-01", 60).await;
    assert_eq!(refused.refused(), ["NO_PAYMENT_METHOD"]);
    let can = async || {
        let query = "query($id: ID!) { contract(id: $id) { allowed viewerCanAddTime } }";
        let contract = hours.freelancer.asks(query, json!({ "id": hours.contract })).await.data()["contract"].clone();
        let allowed = contract["allowed"].as_array().is_some_and(|acts| acts.contains(&json!("TIME_ENTRY_ADD")));
        (allowed, contract["viewerCanAddTime"] == true)
    };
    assert_eq!(can().await, (false, false), "no button that is refused");
    assert_eq!(hours.weeks().await.len(), 0);
    hours.names_card("pm_sandbox_visa").await;
    assert_eq!(can().await, (true, true));
    hours.adds("2026-06-01", 60).await.ok();
}

#[tokio::test]
async fn a_new_card_is_charged_at_once_for_what_the_old_one_did_not_pay() {
    for tries in [1, 4] {
        let app = TestApp::new().await;
        let hours = app.hourly().await;
        hours.names_card("pm_sandbox_declined").await;
        let week = submitted(&hours).await;
        // The client is silent, and the card declines: on Friday night, and one, three and five days later.
        let nights = ["2026-06-12", "2026-06-13", "2026-06-16", "2026-06-21"];
        for night in &nights[..tries] {
            until(&app, &format!("{night}T23:59:00Z")).await;
        }
        let seen = async || {
            let query = "query($id: ID!) { timesheet(id: $id) { status approvedBySilence } }";
            hours.client.asks(query, json!({ "id": week })).await.data()["timesheet"].clone()
        };
        let stands = if tries == 4 { "UNPAID" } else { "APPROVED" };
        assert_eq!(seen().await, json!({ "status": stands, "approvedBySilence": true }));
        assert_eq!(hours.contract_status().await, "ON_HOLD");
        hours.names_card("pm_sandbox_visa").await;
        app.settles().await;
        assert_eq!(seen().await, json!({ "status": "HELD", "approvedBySilence": true }), "after {tries} tries");
        assert_eq!(hours.contract_status().await, "ACTIVE");
        assert_eq!(hours.statement().await, ["fund"], "once");
    }
}

#[tokio::test]
async fn a_hold_of_our_people_outlives_the_weeks() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    until(&app, "2026-06-03T17:00:00Z").await;
    let week = hours.worked("2026-06-01", 60).await;
    let admin = app.admin("noor").await;
    let hold = json!({ "contractId": hours.contract, "reason": "PAYMENT_FAILED", "note": "The bank called" });
    admin.does("contractHold", hold.clone(), "contract { status }").await.ok();
    until(&app, "2026-06-08T12:00:00Z").await;
    until(&app, "2026-06-12T23:59:00Z").await;
    assert_eq!(hours.status(&week).await, "HELD", "what was worked is paid");
    assert_eq!(hours.contract_status().await, "ON_HOLD", "and the hold is theirs to lift");
    admin.does("contractLiftHold", hold, "contract { status }").await.ok();
    assert_eq!(hours.contract_status().await, "ACTIVE");
}

#[tokio::test]
async fn cards_are_named_by_those_who_see_to_money_and_remembered() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    hours.names_card("pm_sandbox_visa").await;
    hours.names_card("pm_sandbox_visa").await;
    let query =
        "query($id: ID!) { contract(id: $id) { hasPaymentMethod paymentMethods { nodes { token setBy { id } } } } }";
    let seen = hours.client.asks(query, json!({ "id": hours.contract })).await;
    let by = json!({ "id": hours.client.id });
    assert_eq!(
        seen.data()["contract"]["paymentMethods"]["nodes"],
        json!([{ "token": "pm_sandbox_visa", "setBy": by }, { "token": "pm_sandbox_declined", "setBy": by }])
    );
    let seen = hours.freelancer.asks(query, json!({ "id": hours.contract })).await;
    assert_eq!(seen.data()["contract"], json!({ "hasPaymentMethod": true, "paymentMethods": { "nodes": [] } }));

    let input = json!({ "contractId": hours.contract, "paymentMethod": "pm_sandbox_visa" });
    let fields = "contract { id }";
    assert_eq!(
        hours.freelancer.does("contractPaymentMethodSet", input.clone(), fields).await.refused(),
        ["NOT_ALLOWED"]
    );
    let stranger = app.client("otto").await;
    assert_eq!(stranger.does("contractPaymentMethodSet", input, fields).await.refused(), ["NOT_FOUND"]);
    for bad in ["", "4242424242424242", "pm_a b"] {
        let input = json!({ "contractId": hours.contract, "paymentMethod": bad });
        assert_eq!(
            hours.client.does("contractPaymentMethodSet", input, fields).await.refused(),
            ["MALFORMED"],
            "{bad}"
        );
    }
    let fixed = app.fixed_beside(&hours).await;
    let input = json!({ "contractId": fixed, "paymentMethod": "pm_sandbox_visa" });
    assert_eq!(hours.client.does("contractPaymentMethodSet", input, fields).await.refused(), ["NOT_HOURLY"]);
    let input = json!({ "contractId": fixed, "date": "2026-06-01", "minutes": 60, "note": "Work" });
    assert_eq!(hours.freelancer.does("timeEntryAdd", input, "timeEntry { id }").await.refused(), ["NOT_HOURLY"]);
}

#[tokio::test]
async fn two_entries_at_once_never_pass_the_limit_and_open_one_week() {
    for _ in 0..6 {
        let app = TestApp::new().await;
        let hours = app.hourly_of("20.00", 600).await;
        hours.names_card("pm_sandbox_visa").await;
        let replies = join_all((0..6).map(|_| hours.adds("2026-06-01", 250))).await;
        let taken = replies.iter().filter(|reply| reply.body["data"]["timeEntryAdd"]["errors"] == json!([])).count();
        assert_eq!(taken, 2);
        for refused in replies.iter().filter(|reply| reply.body["data"]["timeEntryAdd"]["errors"] != json!([])) {
            assert_eq!(refused.refused(), ["WEEKLY_LIMIT"]);
        }
        let weeks = hours.weeks().await;
        assert_eq!((weeks.len(), &weeks[0]["minutes"]), (1, &json!(500)));
    }
}

#[tokio::test]
async fn the_limit_is_the_contracts_and_an_offer_above_the_terms_is_refused() {
    let app = TestApp::new().await;
    let hours = app.hourly_of("20.00", 600).await;
    hours.names_card("pm_sandbox_visa").await;
    hours.adds("2026-06-01", 600).await.ok();
    let refused = hours.adds("2026-06-01", 1).await;
    assert_eq!(refused.refused(), ["WEEKLY_LIMIT"]);
    // The week after has its own.
    until(&app, "2026-06-08T08:00:00Z").await;
    hours.adds("2026-06-08", 600).await.ok();
    let input = json!({
        "organizationId": hours.client.organization, "freelancerId": hours.freelancer.id, "title": "Upkeep",
        "hourlyRate": { "amount": "20.00" }, "weeklyLimitMinutes": 2_401
    });
    assert_eq!(
        hours.client.does("offerCreate", input, "offer { id }").await.faults(),
        ["weeklyLimitMinutes: OUT_OF_RANGE"]
    );
}

#[tokio::test]
async fn entries_say_all_that_is_wrong_with_them() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let adds = |date: &str, minutes: i64, note: &str| {
        let input = json!({ "contractId": hours.contract, "date": date, "minutes": minutes, "note": note });
        let freelancer = &hours.freelancer;
        async move { freelancer.does("timeEntryAdd", input, "timeEntry { id }").await }
    };
    assert_eq!(adds("2026-06-02", 60, "Work").await.faults(), ["date: OUT_OF_RANGE"], "tomorrow");
    assert_eq!(adds("2026-05-31", 60, "Work").await.faults(), ["date: OUT_OF_RANGE"], "before the contract");
    assert_eq!(adds("2026-06-01", 0, " ").await.faults(), ["note: REQUIRED", "minutes: OUT_OF_RANGE"]);
    assert_eq!(adds("2026-06-01", 1_441, "Work").await.refused(), ["OUT_OF_RANGE", "OUT_OF_RANGE"]);
    assert!(hours.weeks().await.is_empty(), "a refused entry opens no week");
    // The week before can be written until Monday noon, though nothing was written in it yet.
    until(&app, "2026-06-08T11:00:00Z").await;
    adds("2026-06-07", 60, "Work").await.ok();
    until(&app, "2026-06-15T12:00:00Z").await;
    assert_eq!(adds("2026-06-14", 60, "Work").await.faults(), ["date: OUT_OF_RANGE"]);
    assert_eq!(adds("2026-06-07", 60, "Work").await.refused(), ["WRONG_STATE"], "that week is with the client");
}

#[tokio::test]
async fn only_the_freelancer_writes_a_week_and_once_submitted_nobody_does() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let reply = hours.adds("2026-06-01", 60).await;
    let (week, entry) = (reply.text("timesheet.id"), reply.text("timeEntry.id"));
    let add =
        json!({ "contractId": hours.contract, "date": "2026-06-01", "minutes": 1, "note": "More", "manual": true });
    let remove = json!({ "timesheetId": week, "timeEntryId": entry });
    let fields = "timesheet { status minutes version }";
    assert_eq!(hours.client.does("timeEntryAdd", add.clone(), fields).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(hours.client.does("timeEntryRemove", remove.clone(), fields).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(
        hours.client.does("timesheetSubmit", json!({ "timesheetId": week }), fields).await.refused(),
        ["NOT_ALLOWED"]
    );
    let early = hours.freelancer.does("timesheetSubmit", json!({ "timesheetId": week }), fields).await;
    assert_eq!(early.refused(), ["WEEK_NOT_OVER"]);
    for verb in ["timesheetApprove", "timesheetPay"] {
        assert_eq!(
            hours.freelancer.does(verb, json!({ "timesheetId": week }), fields).await.refused(),
            ["NOT_ALLOWED"]
        );
        assert_eq!(hours.client.does(verb, json!({ "timesheetId": week }), fields).await.refused(), ["WRONG_STATE"]);
    }
    let stale = json!({ "timesheetId": week, "timeEntryId": entry, "expectedVersion": 7 });
    assert_eq!(hours.freelancer.does("timeEntryRemove", stale, fields).await.refused(), ["STALE_VERSION"]);
    let mut stale = add.clone();
    stale["expectedVersion"] = json!(1);
    assert_eq!(hours.freelancer.does("timeEntryAdd", stale, fields).await.refused(), ["STALE_VERSION"]);

    // A phone on a bad network says it twice.
    let mut once = add;
    once["idempotencyKey"] = json!("one more minute");
    let first =
        hours.freelancer.does("timeEntryAdd", once.clone(), "timesheet { version } timeEntry { id manual }").await;
    let again = hours.freelancer.does("timeEntryAdd", once, "timesheet { version } timeEntry { id manual }").await;
    assert_eq!(first.ok(), again.ok());
    assert_eq!(first.ok()["timeEntry"]["manual"], true);
    assert_eq!(hours.week(&week).await["minutes"], 61);
    let removed = hours.freelancer.does("timeEntryRemove", remove.clone(), fields).await;
    assert_eq!(removed.ok()["timesheet"]["minutes"], 1);
    let version = removed.ok()["timesheet"]["version"].clone();
    let again = hours.freelancer.does("timeEntryRemove", remove, fields).await;
    assert_eq!(again.ok()["timesheet"]["version"], version, "gone is gone");

    let seen = "query($id: ID!) { timesheet(id: $id) { allowed viewerCanApprove viewerCanRemoveEntries
        entries { nodes { id date minutes note manual } } } }";
    let of_client = hours.client.asks(seen, json!({ "id": week })).await;
    let entries = of_client.data()["timesheet"]["entries"]["nodes"].clone();
    let kept = first.ok()["timeEntry"]["id"].clone();
    assert_eq!(entries, json!([{ "id": kept, "date": "2026-06-01", "minutes": 1, "note": "More", "manual": true }]));

    until(&app, "2026-06-08T08:00:00Z").await;
    let submitted = hours.freelancer.does("timesheetSubmit", json!({ "timesheetId": week }), fields).await;
    assert_eq!(submitted.text("timesheet.status"), "SUBMITTED", "on Monday, before noon");
    let remove = json!({ "timesheetId": week, "timeEntryId": kept });
    assert_eq!(hours.freelancer.does("timeEntryRemove", remove, fields).await.refused(), ["WRONG_STATE"]);
    assert_eq!(hours.adds("2026-06-07", 5).await.refused(), ["WRONG_STATE"]);
    let of_client = hours.client.asks(seen, json!({ "id": week })).await;
    assert_eq!(of_client.data()["timesheet"]["viewerCanApprove"], true);
    let of_freelancer = hours.freelancer.asks(seen, json!({ "id": week })).await;
    assert_eq!(of_freelancer.data()["timesheet"]["allowed"], json!([]));
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_a_week() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let reply = hours.adds("2026-06-01", 60).await;
    let (week, entry) = (reply.text("timesheet.id"), reply.text("timeEntry.id"));
    let otto = app.client("otto").await;
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    for id in [&week, &entry] {
        assert!(!hours.client.asks(node, json!({ "id": id })).await.data()["node"].is_null());
        assert!(otto.asks(node, json!({ "id": id })).await.data()["node"].is_null());
        assert!(app.visitor().asks(node, json!({ "id": id })).await.data()["node"].is_null());
    }
    let query = "query($id: ID!) { timesheet(id: $id) { id } }";
    assert!(otto.asks(query, json!({ "id": week })).await.data()["timesheet"].is_null());
    let remove = json!({ "timesheetId": week, "timeEntryId": entry });
    for (verb, input) in [
        ("timeEntryAdd", json!({ "contractId": hours.contract, "date": "2026-06-01", "minutes": 1, "note": "Mine" })),
        ("timeEntryRemove", remove),
        ("timesheetSubmit", json!({ "timesheetId": week })),
        ("timesheetApprove", json!({ "timesheetId": week })),
        ("timesheetPay", json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" })),
    ] {
        assert_eq!(otto.does(verb, input, "timesheet { id }").await.refused(), ["NOT_FOUND"], "{verb}");
    }
    let mine = "{ viewer { timesheets { nodes { id } } } }";
    assert_eq!(otto.asks(mine, json!({})).await.data()["viewer"]["timesheets"]["nodes"], json!([]));
    let theirs = hours.freelancer.asks(mine, json!({})).await;
    assert_eq!(theirs.data()["viewer"]["timesheets"]["nodes"], json!([{ "id": week }]));
}

#[tokio::test]
async fn a_success_told_three_times_and_failures_told_late_charge_once() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_silent").await;
    let week = approved(&hours).await;
    let (id, status, _) = payment(&hours, &week).await;
    assert_eq!((hours.status(&week).await.as_str(), status.as_str()), ("CHARGING", "PROCESSING"));
    for event in ["evt_1", "evt_1", "evt_2"] {
        tells(&app, event, &id, succeeded()).await;
    }
    tells(&app, "evt_3", &id, failed()).await;
    assert_eq!(hours.money(&week).await, [24_442, 24_442, 0, 0, 0, 0]);
    assert_eq!(hours.client_balances().await, [24_442, 0]);
    assert_eq!(payment(&hours, &week).await.1, "SUCCEEDED");
    assert_eq!(hours.contract_status().await, "ACTIVE");
    assert_eq!(hours.statement().await, ["fund"]);
}

#[tokio::test]
async fn a_charge_nobody_answers_has_failed_after_a_day_and_its_money_still_counts_when_it_comes() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_silent").await;
    let week = approved(&hours).await;
    let (first, ..) = payment(&hours, &week).await;
    until(&app, "2026-06-10T09:00:00Z").await;
    assert_eq!(hours.status(&week).await, "APPROVED");
    assert_eq!(hours.contract_status().await, "ON_HOLD");
    tells(&app, "evt_1", &first, failed()).await;
    assert_eq!(hours.week(&week).await["failedCharges"], 1, "it had failed already");
    tells(&app, "evt_2", &first, succeeded()).await;
    assert_eq!(hours.status(&week).await, "HELD");
    assert_eq!(hours.contract_status().await, "ACTIVE");
    let (again, ..) = payment(&hours, &week).await;
    assert_eq!(again, first);
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.statement().await, ["fund", "release"]);
    assert_eq!(hours.client_balances().await, [0, 0]);
}

#[tokio::test]
async fn money_that_comes_twice_for_a_week_is_credit() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_silent").await;
    let week = approved(&hours).await;
    let (first, ..) = payment(&hours, &week).await;
    tells(&app, "evt_1", &first, failed()).await;
    let input = json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" });
    hours.client.does("timesheetPay", input, "payment { id }").await.ok();
    app.settles().await;
    assert_eq!(hours.status(&week).await, "HELD");
    tells(&app, "evt_2", &first, succeeded()).await;
    assert_eq!(hours.client_balances().await, [24_442, 25_175]);
    tells(&app, "evt_3", &first, charged_back("dp_1", 25_175)).await;
    assert_eq!(hours.money(&week).await, [24_442, 24_442, 0, 0, 0, 0], "that money never was this week's");
    assert_eq!(hours.statement().await, ["fund", "credit", "chargeback"]);
}

#[tokio::test]
async fn a_chargeback_before_the_wednesday_leaves_nothing_to_pay() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_chargeback").await;
    let week = approved(&hours).await;
    assert_eq!(hours.status(&week).await, "HELD");
    until(&app, "2026-06-10T09:00:00Z").await;
    assert_eq!(hours.status(&week).await, "CHARGED_BACK");
    assert_eq!(hours.money(&week).await, [24_442, 0, 0, 0, 0, 24_442]);
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.balances().await, [0, 0, 0]);
    assert_eq!(hours.statement().await, ["fund", "chargeback"]);
}

#[tokio::test]
async fn a_chargeback_after_the_money_was_paid_is_our_loss_and_counts_once() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = approved(&hours).await;
    let (id, ..) = payment(&hours, &week).await;
    tells(&app, "evt_1", &id, charged_back("dp_1", 4_442)).await;
    assert_eq!(hours.money(&week).await, [24_442, 20_000, 0, 0, 0, 4_442], "the rest is still held");
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.balances().await, [0, 0, 19_000]);
    for event in ["evt_2", "evt_3"] {
        tells(&app, event, &id, charged_back("dp_2", 20_000)).await;
    }
    assert_eq!(hours.balances().await, [0, 0, 19_000]);
    assert_eq!(hours.money(&week).await, [24_442, 0, 19_000, 1_000, 0, 4_442]);
    assert_eq!(hours.statement().await, ["fund", "chargeback", "release", "chargeback"]);
    let lost: i64 = sqlx::query_scalar(
        "select coalesce(sum(amount_minor), 0)::bigint from ledger_postings where from_account = 'losses'",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(lost, 20_000);
}

#[tokio::test]
async fn a_chargeback_told_before_its_payment_waits_for_it() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_silent").await;
    let week = approved(&hours).await;
    let (id, ..) = payment(&hours, &week).await;
    tells(&app, "evt_1", &id, charged_back("dp_1", 25_175)).await;
    assert_eq!(hours.status(&week).await, "CHARGING");
    tells(&app, "evt_2", &id, succeeded()).await;
    assert_eq!(hours.status(&week).await, "CHARGED_BACK");
    assert_eq!(hours.money(&week).await, [24_442, 0, 0, 0, 0, 24_442]);
    assert_eq!(hours.statement().await, ["fund", "chargeback"]);
}

#[tokio::test]
async fn a_paused_contract_takes_no_hours_and_a_break_does_not_pay_what_is_owed() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    let week = submitted(&hours).await;
    let id = json!({ "contractId": hours.contract });
    hours.client.does("contractPause", id.clone(), "contract { status }").await.ok();
    assert_eq!(hours.adds("2026-06-08", 60).await.refused(), ["WRONG_STATE"]);
    hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { status }").await.ok();
    app.settles().await;
    assert_eq!(
        (hours.week(&week).await["failedCharges"].clone(), hours.contract_status().await),
        (json!(1), "ON_HOLD".into())
    );
    let resume = hours.freelancer.does("contractResume", id.clone(), "contract { status }").await;
    assert_eq!(resume.refused(), ["WRONG_STATE"]);
    let can = "query($id: ID!) { contract(id: $id) { viewerCanAddTime } }";
    assert_eq!(
        hours.freelancer.asks(can, json!({ "id": hours.contract })).await.data()["contract"]["viewerCanAddTime"],
        false
    );
    let input = json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" });
    hours.client.does("timesheetPay", input, "payment { id }").await.ok();
    app.settles().await;
    assert_eq!(hours.contract_status().await, "PAUSED", "the break goes on");
    hours.freelancer.does("contractResume", id, "contract { status }").await.ok();
    assert_eq!(
        hours.freelancer.asks(can, json!({ "id": hours.contract })).await.data()["contract"]["viewerCanAddTime"],
        true
    );
}

#[tokio::test]
async fn a_hold_lifts_when_the_last_unpaid_week_is_paid() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    let first = submitted(&hours).await;
    let second = hours.worked("2026-06-08", 60).await;
    until(&app, "2026-06-15T12:00:00Z").await;
    for week in [&first, &second] {
        let seen = hours.status(week).await;
        if seen == "SUBMITTED" {
            hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { status }").await.ok();
        }
    }
    app.settles().await;
    let pay = |week: &str| json!({ "timesheetId": week, "paymentMethod": "pm_sandbox_visa" });
    hours.client.does("timesheetPay", pay(&first), "payment { id }").await.ok();
    app.settles().await;
    assert_eq!((hours.status(&first).await.as_str(), hours.contract_status().await.as_str()), ("HELD", "ON_HOLD"));
    hours.client.does("timesheetPay", pay(&second), "payment { id }").await.ok();
    app.settles().await;
    assert_eq!((hours.status(&second).await.as_str(), hours.contract_status().await.as_str()), ("HELD", "ACTIVE"));
}

#[tokio::test]
async fn ending_a_contract_submits_what_was_worked_and_waits_until_it_is_paid() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    until(&app, "2026-06-03T17:00:00Z").await;
    let week = hours.worked("2026-06-01", 60).await;
    let id = json!({ "contractId": hours.contract });
    let ended = hours.freelancer.does("contractEnd", id, "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDING");
    assert_eq!(hours.week(&week).await["approvesAt"], "2026-06-12T23:59:00+00:00", "as long as ever");
    assert_eq!(hours.adds("2026-06-03", 60).await.refused(), ["WRONG_STATE"]);
    hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { status }").await.ok();
    app.settles().await;
    assert_eq!((hours.status(&week).await.as_str(), hours.contract_status().await.as_str()), ("HELD", "ENDING"));
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!((hours.status(&week).await.as_str(), hours.contract_status().await.as_str()), ("PAID", "ENDED"));
    let review = json!({ "contractId": hours.contract, "rating": 5, "text": "Pays by the hour, on time." });
    hours.freelancer.does("reviewSubmit", review, "review { id }").await.ok();
    assert_eq!(hours.statement().await, ["fund", "release"]);
}

#[tokio::test]
async fn a_contract_without_work_ends_at_once_and_an_empty_week_is_void() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let reply = hours.adds("2026-06-01", 60).await;
    let (week, entry) = (reply.text("timesheet.id"), reply.text("timeEntry.id"));
    let remove = json!({ "timesheetId": week, "timeEntryId": entry });
    hours.freelancer.does("timeEntryRemove", remove, "timesheet { minutes }").await.ok();
    let ended = hours.client.does("contractEnd", json!({ "contractId": hours.contract }), "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
    assert_eq!(hours.status(&week).await, "VOID");
    let card = json!({ "contractId": hours.contract, "paymentMethod": "pm_sandbox_visa" });
    assert_eq!(hours.client.does("contractPaymentMethodSet", card, "contract { id }").await.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn approving_and_paying_twice_at_once_charges_once() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let approve = || hours.client.does("timesheetApprove", json!({ "timesheetId": week }), "timesheet { status }");
    let (one, other) = join(approve(), approve()).await;
    one.ok();
    other.ok();
    // Two workers at one timer.
    let (one, other) = join(app.market.work_until_idle(), app.market.work_until_idle()).await;
    one.unwrap();
    other.unwrap();
    assert_eq!(hours.money(&week).await, [24_442, 24_442, 0, 0, 0, 0]);
    let payments: i64 = sqlx::query_scalar("select count(*) from payments where timesheet_id is not null")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!((payments, hours.client_balances().await), (1, [24_442, 0]));
}

#[tokio::test]
async fn weeks_and_entries_are_paged() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let mut weeks = Vec::new();
    for monday in ["2026-06-01", "2026-06-08", "2026-06-15"] {
        weeks.push(hours.worked(monday, 10).await);
        until(&app, &format!("2026-06-{:02}T12:00:00Z", monday[8..].parse::<u32>().unwrap() + 7)).await;
    }
    weeks.reverse();
    let query = "query($id: ID!, $after: String) { contract(id: $id) { timesheets(first: 2, after: $after) {
        pageInfo { hasNextPage endCursor } nodes { id minutes } } } }";
    let page = hours.client.asks(query, json!({ "id": hours.contract })).await;
    let list = &page.data()["contract"]["timesheets"];
    let ids = |list: &Value| -> Vec<String> {
        list["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(list), &list["pageInfo"]["hasNextPage"]), (weeks[..2].to_vec(), &json!(true)));
    assert!(list["nodes"].as_array().unwrap().iter().all(|week| week["minutes"] == 10), "each has its own entries");
    let after = json!({ "id": hours.contract, "after": list["pageInfo"]["endCursor"] });
    let page = hours.client.asks(query, after).await;
    let list = &page.data()["contract"]["timesheets"];
    assert_eq!((ids(list), &list["pageInfo"]["hasNextPage"]), (weeks[2..].to_vec(), &json!(false)));
}

#[tokio::test]
async fn the_database_refuses_to_bend_a_week() {
    let app = TestApp::new().await;
    let hours = app.hourly_of("20.00", 600).await;
    hours.names_card("pm_sandbox_visa").await;
    let week = approved(&hours).await;
    assert_eq!(hours.status(&week).await, "HELD");
    until(&app, "2026-06-10T09:00:00Z").await;
    hours.worked("2026-06-10", 60).await;
    for sql in [
        "update timesheets set held_minor = held_minor + 1 where status = 'held'",
        "update timesheets set status = 'paid' where status = 'held'",
        "update timesheets set week = week + 1",
        "insert into timesheets select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()))).* from timesheets t where status = 'open'",
        "update time_entries set minutes = minutes + 1",
        "update time_entries set timesheet_id = (select id from timesheets where status = 'open')",
        "delete from time_entries where timesheet_id = (select id from timesheets where status = 'held')",
        "insert into time_entries select gen_random_uuid(), id, week, 1, 'More', false from timesheets where status = 'held'",
        "insert into time_entries select gen_random_uuid(), id, week, 541, 'More', false from timesheets where status = 'open'",
        "insert into time_entries select gen_random_uuid(), id, week + 7, 1, 'More', false from timesheets where status = 'open'",
        "update payments set milestone_id = null, timesheet_id = null",
        "update payments set method = null",
        "update contract_payment_methods set method = 'pm_other'",
        "delete from contract_payment_methods",
    ] {
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(app.pool()).await.is_err(), "it was taken: {sql}");
    }
    let fits = "insert into time_entries select gen_random_uuid(), id, week, 540, 'More', false from timesheets where status = 'open'";
    sqlx::query(fits).execute(app.pool()).await.unwrap();
}

/// The client disputes the longest entry of a submitted week: the rest, what went apart, the dispute.
async fn quarrel(hours: &Hours<'_>, week: &str) -> (String, String, String) {
    let query = "query($id: ID!) { timesheet(id: $id) { entries { nodes { id minutes } } } }";
    let seen = hours.client.asks(query, json!({ "id": week })).await;
    let entries = seen.data()["timesheet"]["entries"]["nodes"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["minutes"] == 410).unwrap();
    let input = json!({ "timesheetId": week, "timeEntryIds": [entry["id"]], "reason": "Nobody was there" });
    let fields =
        "timesheet { id status minutes } disputed { id status minutes splitFrom { id } } dispute { id status }";
    let reply = hours.client.does("timesheetDispute", input, fields).await;
    reply.ok();
    assert_eq!((reply.text("timesheet.id"), reply.text("disputed.splitFrom.id")), (week.to_owned(), week.to_owned()));
    assert_eq!((reply.text("timesheet.status"), reply.text("disputed.status")), ("APPROVED".into(), "DISPUTED".into()));
    assert_eq!(reply.ok()["disputed"]["minutes"], 410);
    hours.client.app.settles().await;
    (reply.text("timesheet.id"), reply.text("disputed.id"), reply.text("dispute.id"))
}

#[tokio::test]
async fn a_mediator_reads_each_week_of_a_contract_in_dispute_by_its_id_as_in_the_list() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let marta = app.mediator("marta").await;
    let by_id = "query($id: ID!) { timesheet(id: $id) { id } }";
    assert_eq!(
        marta.asks(by_id, json!({ "id": week })).await.data()["timesheet"],
        Value::Null,
        "nothing is disputed yet"
    );
    let (rest, apart, _) = quarrel(&hours, &week).await;
    let listed = "query($id: ID!) { contract(id: $id) { timesheets { nodes { id } } } }";
    let listed = marta.asks(listed, json!({ "id": hours.contract })).await;
    let listed = listed.data()["contract"]["timesheets"]["nodes"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2);
    for week in [rest, apart] {
        assert!(listed.contains(&json!({ "id": week })));
        assert_eq!(marta.asks(by_id, json!({ "id": week })).await.text("id"), week);
    }
}

#[tokio::test]
async fn disputed_entries_go_apart_and_the_rest_is_paid() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let (rest, apart, dispute) = quarrel(&hours, &week).await;
    // 30 minutes at 33.33 are 16.665: half a cent goes up.
    assert_eq!((hours.status(&rest).await, hours.money(&rest).await), ("HELD".into(), [1_667, 1_667, 0, 0, 0, 0]));
    assert_eq!((hours.status(&apart).await, hours.money(&apart).await), ("DISPUTED".into(), [0; 6]));
    assert_eq!(hours.contract_status().await, "ON_HOLD");
    assert_eq!(hours.adds("2026-06-08", 60).await.refused(), ["WRONG_STATE"]);
    // The freelancer concedes half of it by taking the client's word in part: both offers meet.
    let id = json!({ "disputeId": dispute, "answer": "I was there, from ten" });
    hours.freelancer.does("disputeAnswer", id, "dispute { status }").await.ok();
    for who in [&hours.client, &hours.freelancer] {
        let offer = json!({ "disputeId": dispute, "amount": { "amount": "100.00" } });
        who.does("disputeOffer", offer, "dispute { status }").await.ok();
    }
    app.settles().await;
    assert_eq!((hours.status(&apart).await, hours.money(&apart).await), ("HELD".into(), [10_000, 10_000, 0, 0, 0, 0]));
    assert_eq!(hours.contract_status().await, "ACTIVE");
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.balances().await, [0, 0, 1_584 + 9_500]);
    assert_eq!(hours.statement().await, ["fund", "fund", "release", "release"]);
    assert_eq!(hours.weeks().await.len(), 2);
}

#[tokio::test]
async fn a_silent_freelancer_concedes_and_nothing_is_charged_for_what_was_disputed() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let (_, apart, _) = quarrel(&hours, &week).await;
    until(&app, "2026-06-15T12:00:00Z").await;
    assert_eq!((hours.status(&apart).await, hours.money(&apart).await), ("VOID".into(), [0; 6]));
    assert_eq!(hours.contract_status().await, "ACTIVE");
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!(hours.statement().await, ["fund", "release"]);
}

#[tokio::test]
async fn a_week_of_a_minute_is_charged_for_what_a_card_can_be_and_paid() {
    let app = TestApp::new().await;
    let hours = app.hourly_of("20.00", 2_400).await;
    hours.names_card("pm_sandbox_visa").await;
    let week = hours.worked("2026-06-01", 1).await;
    until(&app, "2026-06-08T12:00:00Z").await;
    until(&app, "2026-06-13T00:00:00Z").await;
    assert_eq!((hours.status(&week).await, hours.money(&week).await), ("HELD".into(), [33, 33, 0, 0, 0, 0]));
    let query = "query($id: ID!) { timesheet(id: $id) { quote { clientFee { minorUnits } toCredit { minorUnits }
        clientPays { minorUnits } } } }";
    let quote = hours.client.asks(query, json!({ "id": week })).await.data()["timesheet"]["quote"].clone();
    let parts = ["clientFee", "toCredit", "clientPays"].map(|part| quote[part]["minorUnits"].as_i64().unwrap());
    assert_eq!(parts, [1, 16, 50]);
    let payment = "select public_id('pay', id) from payments where status = 'succeeded'";
    let payment: String = sqlx::query_scalar(payment).fetch_one(app.pool()).await.unwrap();
    let visitor = hours.client.visitor().await;
    let invoice = super::papers::fetch(&visitor, &format!("/papers/payments/{payment}.json")).await.json();
    let parts = ["amount", "fee", "to_credit", "total"].map(|part| invoice[part]["minor"].as_i64().unwrap());
    assert_eq!(parts, [33, 1, 16, 50], "the invoice is of what the card was charged");
    let credit: i64 =
        sqlx::query_scalar("select balance_minor from ledger_balances where account like 'client_credit:%'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(credit, 16, "the client's, for other work or to go back to the card");
    until(&app, "2026-06-17T12:00:00Z").await;
    assert_eq!((hours.status(&week).await, hours.money(&week).await), ("PAID".into(), [33, 0, 31, 2, 0, 0]));
    assert_eq!(hours.contract_status().await, "ACTIVE");
    app.books_agree().await;
}

#[tokio::test]
async fn a_withdrawn_dispute_pays_the_entries_as_they_are() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let (_, apart, dispute) = quarrel(&hours, &week).await;
    hours.client.does("disputeWithdraw", json!({ "disputeId": dispute }), "dispute { status }").await.ok();
    app.settles().await;
    assert_eq!((hours.status(&apart).await, hours.contract_status().await), ("HELD".into(), "ACTIVE".into()));
    // 440 minutes at 33.33 are 244.42, of which 30 were 16.67.
    assert_eq!(hours.money(&apart).await, [22_775, 22_775, 0, 0, 0, 0]);
    assert_eq!(hours.statement().await, ["fund", "fund"]);
}

#[tokio::test]
async fn only_the_client_disputes_and_only_entries_of_the_week() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    let week = submitted(&hours).await;
    let other = hours.adds("2026-06-08", 30).await.text("timeEntry.id");
    let list = "query($id: ID!) { node(id: $id) { ... on Organization {
        timesheets(states: [SUBMITTED]) { totalCount nodes { id } } } } }";
    let waits = hours.client.asks(list, json!({ "id": hours.client.organization })).await;
    assert_eq!(waits.data()["node"]["timesheets"], json!({ "totalCount": 1, "nodes": [{ "id": week }] }));
    let input = |entries: Value| json!({ "timesheetId": week, "timeEntryIds": entries, "reason": "No" });
    let fields = "dispute { id }";
    for entries in [json!([]), json!([other]), json!(["nothing"])] {
        let refused = hours.client.does("timesheetDispute", input(entries), fields).await;
        assert_eq!(refused.faults(), ["timeEntryIds: UNKNOWN"]);
    }
    let refused = hours.freelancer.does("timesheetDispute", input(json!([other])), fields).await;
    assert_eq!(refused.refused(), ["NOT_ALLOWED"]);
    let otto = app.client("otto").await;
    assert_eq!(otto.does("timesheetDispute", input(json!([other])), fields).await.refused(), ["NOT_FOUND"]);
    assert_eq!(hours.status(&week).await, "SUBMITTED");
}

#[tokio::test]
async fn a_week_that_is_with_the_bank_is_not_charged_again() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_debit").await;
    let week = approved(&hours).await;
    for day in ["2026-06-10T10:00:00Z", "2026-06-12T10:00:00Z"] {
        until(&app, day).await;
        hours.names_card("pm_sandbox_visa").await;
        app.settles().await;
        assert_eq!(
            (hours.status(&week).await.as_str(), hours.contract_status().await.as_str()),
            ("CHARGING", "ACTIVE")
        );
    }
    until(&app, "2026-06-13T10:00:00Z").await;
    assert_eq!(hours.status(&week).await, "HELD");
    let asked: i64 = sqlx::query_scalar("select count(*) from payments").fetch_one(app.pool()).await.unwrap();
    assert_eq!(asked, 1, "one debit for one week");
}
