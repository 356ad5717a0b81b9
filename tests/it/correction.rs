//! Corrections of the books: two of our people set right what no other verb can.

use chrono::TimeDelta;
use domain::access::{Actor, Staff};
use infra::Call;
use serde_json::{Value, json};
use tests::books::{assert_books, books};
use tests::{Deal, Person, TestApp};

use crate::reconciliation::paid_with;

const IT: &str = "correction { id status version from to amount { amount } class about allowed }";

async fn proposes(admin: &Person<'_>, input: Value) -> String {
    let reply = admin.does("correctionPropose", input, IT).await;
    reply.ok();
    reply.text("correction.id")
}

fn moving(from: &str, to: &str, amount: &str) -> Value {
    json!({ "from": from, "to": to, "amount": { "amount": amount }, "reason": "It was counted twice" })
}

async fn approves(admin: &Person<'_>, id: &str) -> tests::Reply {
    admin.does("correctionApprove", json!({ "correctionId": id }), IT).await
}

async fn corrections(app: &TestApp) -> i64 {
    let count = "select count(*) from ledger_entries where reason = 'correction'";
    sqlx::query_scalar(count).fetch_one(app.pool()).await.unwrap()
}

/// The comparison of all there was, and how many differences it found.
async fn compared(admin: &Person<'_>) -> (String, Vec<(String, String)>) {
    let app = admin.app;
    // Comparisons of one instant come in any order.
    app.market.clock().advance(TimeDelta::seconds(1));
    let now = app.market.clock().now();
    app.market.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
    let latest = admin.asks("{ reconciliations(first: 1) { nodes { id report } } }", json!({})).await;
    let node = &latest.data()["reconciliations"]["nodes"][0];
    let found = node["report"]["differences"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&node["id"]), found.map(|one| (text(&one["class"]), text(&one["about"]))).collect())
}

async fn execute(app: &TestApp, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(app.pool()).await.unwrap();
}

#[tokio::test]
async fn two_of_our_people_settle_a_difference_for_good() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payment = paid_with(&deal, "pm_sandbox_visa", "100.00").await;
    execute(&app, &format!("update sandbox_balance set fee_minor = 329 where about = '{payment}'")).await;
    app.passes(TimeDelta::days(5)).await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let (of, found) = compared(&noor).await;
    assert_eq!(found, [("fee".to_owned(), payment.clone())]);
    let ask = json!({ "reconciliationId": of, "class": "FEE", "about": payment, "reason": "The fee was not told" });
    let reply = noor.does("correctionPropose", ask.clone(), IT).await;
    let id = reply.text("correction.id");
    let told = &reply.body["data"]["correctionPropose"]["correction"];
    assert_eq!(
        [&told["from"], &told["to"], &told["amount"]["amount"], &told["status"]],
        ["processor_fees", "processor_clearing", "3.29", "PROPOSED"]
    );
    assert_eq!(told["allowed"], json!(["CORRECTION_DECLINE"]), "who proposed it does not approve it");
    assert_eq!(approves(&noor, &id).await.refused(), ["SAME_APPROVER"]);
    assert_eq!(amna.does("correctionPropose", ask.clone(), IT).await.refused(), ["CORRECTION_EXISTS"]);
    assert_eq!(corrections(&app).await, 0);

    let seen =
        amna.asks("query($id: ID!) { node(id: $id) { ... on Correction { allowed } } }", json!({ "id": id })).await;
    assert_eq!(seen.data()["node"]["allowed"], json!(["CORRECTION_APPROVE", "CORRECTION_DECLINE"]));
    let posted = approves(&amna, &id).await;
    assert_eq!(posted.text("correction.status"), "POSTED");
    assert_eq!(posted.body["data"]["correctionApprove"]["correction"]["allowed"], json!([]));
    assert_eq!(corrections(&app).await, 1);
    assert_eq!(compared(&noor).await.1, [], "the books agree now");
    assert_eq!(amna.does("correctionPropose", ask, IT).await.refused(), ["CORRECTION_EXISTS"]);
    // A difference of last week is none of the day on which it was settled.
    app.passes(TimeDelta::days(2)).await;
    assert!(app.market.reconcile_when_due().await.unwrap());
    let daily = "select coalesce(sum(differences), 0)::bigint from reconciliations where daily";
    assert_eq!(sqlx::query_scalar::<_, i64>(daily).fetch_one(app.pool()).await.unwrap(), 0);
    assert_books(&books(app.pool()).await);
    let log = "{ auditLog(first: 20) { nodes { act subject } } }";
    let log = amna.asks(log, json!({})).await.body.to_string();
    assert!(log.contains("correction_propose") && log.contains("correction_approve"), "{log}");
}

const THEM: &str = "corrections { id status from to amount { amount } class about reconciliationId reason }";

/// Payments of which the processor kept these cents, and nobody was told.
async fn with_fees(app: &TestApp, deal: &Deal<'_>, fees: &[i64]) -> Vec<String> {
    let mut payments = Vec::new();
    for cents in fees {
        let payment = paid_with(deal, "pm_sandbox_visa", "100.00").await;
        execute(app, &format!("update sandbox_balance set fee_minor = {cents} where about = '{payment}'")).await;
        payments.push(payment);
    }
    app.passes(TimeDelta::hours(3)).await;
    payments
}

#[tokio::test]
async fn the_fees_of_a_comparison_are_proposed_in_one_act_and_approved_in_one_and_each_is_an_entry_of_its_own() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payments = with_fees(&app, &deal, &[329, 330, 331, 0]).await;
    // Beside the fees there is a difference that somebody has to look into.
    let other = &payments[3];
    execute(&app, &format!("update sandbox_balance set amount_minor = amount_minor - 1 where about = '{other}'")).await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let (of, found) = compared(&noor).await;
    assert_eq!(found.len(), 4, "{found:?}");

    let ask = json!({ "reconciliationId": of, "reason": "What the processor kept" });
    let proposed = noor.does("feeCorrectionsPropose", ask.clone(), THEM).await;
    let them = proposed.ok()["corrections"].as_array().unwrap().clone();
    let mut told: Vec<(&str, &str)> =
        them.iter().map(|one| (one["about"].as_str().unwrap(), one["amount"]["amount"].as_str().unwrap())).collect();
    told.sort_unstable();
    let mut expected: Vec<(&str, &str)> = payments.iter().map(String::as_str).zip(["3.29", "3.30", "3.31"]).collect();
    expected.sort_unstable();
    assert_eq!(told, expected, "each fee, and nothing else");
    for one in &them {
        assert_eq!(
            [&one["status"], &one["from"], &one["to"], &one["class"], &one["reconciliationId"], &one["reason"]],
            ["PROPOSED", "processor_fees", "processor_clearing", "FEE", of.as_str(), "What the processor kept"]
        );
    }
    assert_eq!(corrections(&app).await, 0, "nothing is posted by one");
    assert_eq!(amna.does("feeCorrectionsPropose", ask.clone(), THEM).await.refused(), ["FEES_PROPOSED"]);
    let mut named = ask.clone();
    named["abouts"] = json!([payments[0]]);
    assert_eq!(amna.does("feeCorrectionsPropose", named.clone(), THEM).await.refused(), ["CORRECTION_EXISTS"]);
    named["abouts"] = json!([payments[0], other]);
    let unknown = amna.does("feeCorrectionsPropose", named, THEM).await;
    assert_eq!(unknown.faults(), ["abouts.1: UNKNOWN"], "a payment that differs is no fee");

    let ids: Vec<String> = them.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let all = json!({ "correctionIds": ids });
    assert_eq!(noor.does("feeCorrectionsApprove", all.clone(), THEM).await.refused(), ["SAME_APPROVER"]);
    let plain = proposes(&noor, moving("losses", "fee_revenue", "1.00")).await;
    let mixed = json!({ "correctionIds": [ids[0], plain] });
    assert_eq!(amna.does("feeCorrectionsApprove", mixed, THEM).await.refused(), ["NOT_A_FEE"]);
    let nobodys = json!({ "correctionIds": [ids[0], "cor_00000000000000000000000007"] });
    assert_eq!(amna.does("feeCorrectionsApprove", nobodys, THEM).await.refused(), ["NOT_FOUND"]);
    assert_eq!(corrections(&app).await, 0);

    let posted = amna.does("feeCorrectionsApprove", all.clone(), THEM).await;
    let posted = posted.ok()["corrections"].as_array().unwrap().clone();
    assert!(posted.len() == 3 && posted.iter().all(|one| one["status"] == "POSTED"), "{posted:?}");
    let keys = "select key from ledger_entries where reason = 'correction'";
    let keys: Vec<String> = sqlx::query_scalar(keys).fetch_all(app.pool()).await.unwrap();
    assert_eq!(keys.len(), 3);
    for payment in &payments[..3] {
        let own = format!("reconcile:fee:{payment}@");
        assert_eq!(keys.iter().filter(|key| key.starts_with(&own)).count(), 1, "{payment} in {keys:?}");
    }
    let noted = "select count(*) from audit_log where act = $1 and subject = any($2)";
    for act in ["correction_propose", "correction_approve"] {
        let noted: i64 = sqlx::query_scalar(noted).bind(act).bind(&ids).fetch_one(app.pool()).await.unwrap();
        assert_eq!(noted, 3, "{act}");
    }
    assert_eq!(compared(&noor).await.1, [("payment".to_owned(), other.clone())], "the books have the fees now");
    app.admin("sana").await.does("feeCorrectionsApprove", all, THEM).await.ok();
    assert_eq!(corrections(&app).await, 3, "once");
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn fees_that_one_alone_or_nobody_fresh_books_or_that_came_by_themselves_are_not_posted() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payments = with_fees(&app, &deal, &[329, 330]).await;
    let (noor, amna, marta) = (app.admin("noor").await, app.admin("amna").await, app.mediator("marta").await);
    let (of, _) = compared(&noor).await;
    let ask = json!({ "reconciliationId": of, "reason": "What the processor kept" });
    for person in [&deal.client, &deal.freelancer, &marta] {
        assert_eq!(person.does("feeCorrectionsPropose", ask.clone(), THEM).await.refused(), ["NOT_FOUND"]);
    }
    let mut silent = ask.clone();
    silent["reason"] = json!(" ");
    assert_eq!(noor.does("feeCorrectionsPropose", silent, THEM).await.refused(), ["REQUIRED"]);
    let mut none = ask.clone();
    none["abouts"] = json!([]);
    assert_eq!(noor.does("feeCorrectionsPropose", none, THEM).await.refused(), ["REQUIRED"]);
    let proposed = noor.does("feeCorrectionsPropose", ask, THEM).await;
    let ids = |of: &Value| -> Vec<String> {
        of["corrections"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let ids = ids(proposed.ok());
    let all = json!({ "correctionIds": ids });
    for person in [&deal.client, &marta] {
        assert_eq!(person.does("feeCorrectionsApprove", all.clone(), THEM).await.refused(), ["NOT_FOUND"]);
    }
    let nothing = json!({ "correctionIds": [] });
    assert_eq!(amna.does("feeCorrectionsApprove", nothing, THEM).await.refused(), ["REQUIRED"]);
    let many = json!({ "correctionIds": vec![ids[0].as_str(); 201] });
    let too_many = json!({ "reconciliationId": of, "reason": "What the processor kept", "abouts": vec!["y"; 201] });
    let refused = amna.does("feeCorrectionsPropose", too_many, THEM).await;
    assert!(refused.refused().contains(&"TOO_MANY"), "{}", refused.body);
    // One of them came by itself meanwhile: none is posted before that one is gone.
    execute(&app, &format!("update sandbox_balance set fee_minor = 0 where about = '{}'", payments[1])).await;
    let settled = amna.does("feeCorrectionsApprove", all.clone(), THEM).await;
    assert_eq!(settled.refused(), ["CORRECTION_SETTLED"]);
    assert!(settled.body.to_string().contains(&payments[1]), "it says which: {}", settled.body);
    execute(&app, "update sessions set proved_at = proved_at - interval '16 minutes'").await;
    execute(&app, &format!("update sandbox_balance set fee_minor = 330 where about = '{}'", payments[1])).await;
    assert_eq!(amna.does("feeCorrectionsApprove", all, THEM).await.refused(), ["REAUTHENTICATE"]);
    assert_eq!(corrections(&app).await, 0);
    // Named twice, or two hundred times, it is one.
    let fresh = app.admin("sana").await;
    fresh.does("feeCorrectionsApprove", many, THEM).await.ok();
    assert_eq!(corrections(&app).await, 1);
}

#[tokio::test]
async fn the_other_admins_are_told_what_waits_for_one_of_them() {
    let app = TestApp::new().await;
    let (noor, amna, marta) = (app.admin("noor").await, app.admin("amna").await, app.mediator("marta").await);
    let clara = app.client("clara").await;
    proposes(&noor, moving("losses", "fee_revenue", "1.00")).await;
    for (person, told) in [(&amna, 1), (&noor, 0), (&marta, 0), (&clara, 0)] {
        let kinds = crate::notification::told(person).await;
        let waits = ("CORRECTION_PROPOSED".to_owned(), "Correction".to_owned());
        assert_eq!(kinds.iter().filter(|kind| **kind == waits).count(), told, "{kinds:?}");
    }
}

#[tokio::test]
async fn what_came_late_and_settled_a_difference_is_not_posted_twice() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payment = paid_with(&deal, "pm_sandbox_visa", "100.00").await;
    execute(&app, &format!("update sandbox_balance set fee_minor = 329 where about = '{payment}'")).await;
    app.passes(TimeDelta::hours(3)).await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let (of, _) = compared(&noor).await;
    let difference = json!({ "reconciliationId": of, "class": "FEE", "about": payment, "reason": "It was not told" });
    let mut by_hand = difference.clone();
    by_hand["from"] = json!("processor_fees");
    by_hand["to"] = json!("processor_clearing");
    by_hand["amount"] = json!({ "amount": "3.29" });
    let ids = [proposes(&noor, difference).await, proposes(&noor, by_hand.clone()).await];
    execute(&app, &format!("update sandbox_balance set fee_minor = 0 where about = '{payment}'")).await;
    for id in &ids {
        assert_eq!(approves(&amna, id).await.refused(), ["CORRECTION_SETTLED"]);
    }
    by_hand["about"] = json!("txn_of_nobody");
    let unknown = noor.does("correctionPropose", by_hand, IT).await;
    assert_eq!(unknown.refused(), ["UNKNOWN"], "the comparison found no such thing");
    assert_eq!(corrections(&app).await, 0);
    // What was proposed is declined by the other, or withdrawn.
    let no = |id: &str| json!({ "correctionId": id, "reason": "It came by itself" });
    assert_eq!(amna.does("correctionDecline", no(&ids[0]), IT).await.text("correction.status"), "DECLINED");
    assert_eq!(noor.does("correctionDecline", no(&ids[1]), IT).await.text("correction.status"), "WITHDRAWN");
    for id in &ids {
        assert_eq!(approves(&amna, id).await.refused(), ["WRONG_STATE"]);
    }
    let list = "{ corrections(states: [DECLINED]) { totalCount nodes { id closedBy { id } closingReason } } }";
    let list = noor.asks(list, json!({})).await;
    let closed = json!({ "id": ids[0], "closedBy": { "id": amna.id }, "closingReason": "It came by itself" });
    assert_eq!(list.data()["corrections"], json!({ "totalCount": 1, "nodes": [closed] }));
}

#[tokio::test]
async fn somebodys_money_is_moved_as_far_as_it_is_there() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let available = format!("available:{}", deal.freelancer.id);
    let credit = format!("client_credit:{}", deal.client.organization);
    let there = deal.balances().await[2];
    for (from, to, amount) in [("losses", available.as_str(), "5.00"), ("fee_revenue", &credit, "7.00")] {
        let id = proposes(&noor, moving(from, to, amount)).await;
        approves(&amna, &id).await.ok();
    }
    assert_eq!((deal.balances().await[2], deal.credit().await), (there + 500, 700));
    app.settles().await;
    for person in [&deal.client, &deal.freelancer] {
        let told = person.asks("{ viewer { notifications { nodes { kind } } } }", json!({})).await;
        assert!(told.body.to_string().contains("CORRECTION_POSTED"), "{}", told.body);
    }
    for (from, too_much, all) in [(&available, "955.01", "955.00"), (&credit, "7.01", "7.00")] {
        let id = proposes(&noor, moving(from, "losses", too_much)).await;
        assert_eq!(approves(&amna, &id).await.refused(), ["INSUFFICIENT_FUNDS"]);
        let id = proposes(&noor, moving(from, "losses", all)).await;
        approves(&amna, &id).await.ok();
    }
    assert_eq!((deal.balances().await[2], deal.credit().await), (0, 0));
    assert_eq!(corrections(&app).await, 4);
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn what_may_not_be_corrected_or_not_by_them_is_refused() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let available = format!("available:{}", deal.freelancer.id);
    let credit = format!("client_credit:{}", deal.client.organization);
    let escrow = format!("escrow:{}", deal.milestone);
    let pending = format!("pending:{}", deal.freelancer.id);
    for (from, to, code) in [
        (escrow.as_str(), "losses", "NOT_CORRECTED"),
        ("losses", &escrow, "NOT_CORRECTED"),
        (&pending, "losses", "NOT_CORRECTED"),
        (&available, &credit, "NOT_CORRECTED"),
        ("losses", "losses", "DUPLICATE"),
        ("losses", "the moon", "MALFORMED"),
        ("losses", "paid_out", "REQUIRED"),
        ("losses", "available:usr_00000000000000000000000007", "UNKNOWN"),
    ] {
        assert_eq!(noor.does("correctionPropose", moving(from, to, "1.00"), IT).await.refused(), [code], "{from} {to}");
    }
    let nothing = json!({ "reason": "I do not know" });
    assert_eq!(noor.does("correctionPropose", nothing, IT).await.refused(), ["REQUIRED"; 3]);
    let mut silent = moving("losses", "fee_revenue", "1.00");
    silent["reason"] = json!(" ");
    assert_eq!(noor.does("correctionPropose", silent, IT).await.refused(), ["REQUIRED"]);
    let none = moving("losses", "fee_revenue", "0.00");
    assert_eq!(noor.does("correctionPropose", none, IT).await.refused(), ["OUT_OF_RANGE"]);

    // One of our people who works on the side has no say in what they get.
    app.grant(&deal.freelancer.email, Some(Staff::Admin)).await;
    let to_oneself = moving("losses", &available, "1.00");
    assert_eq!(deal.freelancer.does("correctionPropose", to_oneself.clone(), IT).await.refused(), ["NOT_ALLOWED"]);
    let id = proposes(&noor, to_oneself).await;
    assert_eq!(approves(&deal.freelancer, &id).await.refused(), ["NOT_ALLOWED"]);
    let mediator = app.mediator("marta").await;
    for person in [&deal.client, &mediator] {
        assert_eq!(approves(person, &id).await.refused(), ["NOT_FOUND"]);
        let decline = json!({ "correctionId": id, "reason": "No" });
        assert_eq!(person.does("correctionDecline", decline, IT).await.refused(), ["NOT_FOUND"]);
        let ask = moving("losses", "fee_revenue", "1.00");
        assert_eq!(person.does("correctionPropose", ask, IT).await.refused(), ["NOT_FOUND"]);
    }
    let stale = json!({ "correctionId": id, "expectedVersion": 9 });
    assert_eq!(amna.does("correctionApprove", stale, IT).await.refused(), ["STALE_VERSION"]);
    // Being signed in is not enough.
    execute(&app, "update sessions set proved_at = proved_at - interval '16 minutes'").await;
    assert_eq!(approves(&amna, &id).await.refused(), ["REAUTHENTICATE"]);
    let ask = moving("losses", "fee_revenue", "1.00");
    assert_eq!(amna.does("correctionPropose", ask, IT).await.refused(), ["REAUTHENTICATE"]);
    // Nobody approves within a week.
    app.passes(TimeDelta::days(7)).await;
    let late = approves(&amna, &id).await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
    let query = "query($id: ID!) { node(id: $id) { ... on Correction { status } } }";
    assert_eq!(amna.asks(query, json!({ "id": id })).await.data()["node"]["status"], "EXPIRED");
    assert_eq!(corrections(&app).await, 0);
}

#[tokio::test]
async fn two_who_approve_at_once_post_it_once() {
    let app = TestApp::new().await;
    let (noor, amna, sana) = (app.admin("noor").await, app.admin("amna").await, app.admin("sana").await);
    let id = proposes(&noor, moving("losses", "fee_revenue", "1.00")).await;
    let (one, other) = tokio::join!(approves(&amna, &id), approves(&sana, &id));
    one.ok();
    other.ok();
    assert_eq!(corrections(&app).await, 1);
}

/// What posts a correction of a dollar, past everybody.
fn post(key: &str) -> String {
    format!(
        "select ledger_post(gen_random_uuid(), 'correction', '{key}', null, null, 'system', 'test', now(),
             jsonb_build_array(jsonb_build_object('from_account', 'losses', 'to_account', 'fee_revenue',
                 'currency', 'USD', 'amount_minor', 100)), false)"
    )
}

#[tokio::test]
async fn the_database_takes_no_correction_whose_two_are_not_admins_who_said_so() {
    let app = TestApp::new().await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let (marta, lin) = (app.mediator("marta").await, app.freelancer("lin").await);
    let user = |person: &Person<'_>| format!("(select id from users where public_id('usr', id) = '{}')", person.id);
    let refuses = async |sql: &str, why: &str| {
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(app.pool()).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{sql}: {refused}");
    };
    for (by, status, approved_by) in [
        (&lin, "proposed", "null".to_owned()),
        (&marta, "proposed", "null".to_owned()),
        // Nor one that is there as a whole, whoever they are.
        (&noor, "posted", user(&amna)),
    ] {
        let whole = format!(
            "insert into corrections (id, from_account, to_account, currency, amount_minor, reason, entry_key,
                 proposed_by, proposed_at, status, approved_by, state, version)
             values (gen_random_uuid(), 'losses', 'fee_revenue', 'USD', 100, 'Mine', 'correction:mine',
                 {}, now(), '{status}', {approved_by}, jsonb_build_object('status', '{status}'), 1)",
            user(by)
        );
        refuses(&whole, "was not proposed by an admin").await;
    }
    let id = proposes(&noor, moving("losses", "fee_revenue", "1.00")).await;
    for (by, why) in [
        (&lin, "was not approved by an admin"),
        (&marta, "was not approved by an admin"),
        (&amna, "the audit log does not say"),
    ] {
        let approve = format!(
            "update corrections set status = 'posted', approved_by = {}, version = 2,
                 state = jsonb_build_object('status', 'posted', 'at', now(), 'by', '{}')
             where public_id('cor', id) = '{id}'",
            user(by),
            by.id
        );
        let mut forging = app.pool().begin().await.unwrap();
        for sql in [approve, post(&format!("correction:{id}"))] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *forging).await.unwrap();
        }
        let refused = forging.commit().await.unwrap_err().to_string();
        assert!(refused.contains(why), "{}: {refused}", by.id);
    }
    assert_eq!(corrections(&app).await, 0);
    let stays = "stays as it was proposed";
    refuses("update corrections set amount_minor = 1", stays).await;
    refuses(&format!("update corrections set proposed_by = {}", user(&amna)), stays).await;
    refuses("delete from corrections", stays).await;
    approves(&amna, &id).await.ok();
    assert_eq!(corrections(&app).await, 1);
    refuses("update corrections set status = 'expired', approved_by = null", stays).await;
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn the_database_takes_no_correction_that_one_alone_made() {
    let app = TestApp::new().await;
    let noor = app.admin("noor").await;
    let id = proposes(&noor, moving("losses", "fee_revenue", "1.00")).await;
    let key = format!("correction:{id}");
    for key in [key.as_str(), "correction:nobody"] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(post(key))).execute(app.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("was not approved by two"), "{refused}");
    }
    let alone = "update corrections set status = 'posted', approved_by = proposed_by";
    let refused = sqlx::query(alone).execute(app.pool()).await.unwrap_err();
    assert!(refused.to_string().contains("corrections_by_another"), "{refused}");
    assert_eq!(corrections(&app).await, 0);
    let system = Call { actor: Actor::System, ..Call::system("test") };
    let id = id.parse().unwrap();
    assert!(app.market.correction_approve(&system, id, None).await.is_err(), "nor one that nobody made");
}
