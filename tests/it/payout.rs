//! Payouts: from the available balance to a bank, once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use infra::Market;
use infra::market::Equipment;
use infra::screening::Screening;
use serde_json::{Value, json};
use sqlx::Connection;
use tests::{Deal, PASSWORD, TestApp};

mod endings;

/// Pakistani IBANs with right check digits, by how they end.
fn iban(last4: &str) -> String {
    let rest = format!("SCBL000000112345{last4}");
    let number: String = format!("{rest}PK00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let remainder = number.bytes().fold(0u32, |remainder, digit| (remainder * 10 + u32::from(digit - b'0')) % 97);
    format!("PK{:02}{rest}", 98 - remainder)
}

async fn method(deal: &Deal<'_>, last4: &str) -> String {
    method_of(deal, last4, "Faisal").await
}

async fn method_of(deal: &Deal<'_>, last4: &str, title: &str) -> String {
    let input = json!({ "iban": iban(last4), "accountTitle": title });
    let reply = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id last4 bank }").await;
    reply.ok();
    assert_eq!((reply.text("payoutMethod.last4").as_str(), reply.text("payoutMethod.bank").as_str()), (last4, "SCBL"));
    reply.text("payoutMethod.id")
}

fn ask(method: &str, amount: &str) -> Value {
    json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9186", "password": PASSWORD })
}

async fn status(deal: &Deal<'_>, id: &str) -> String {
    deal.freelancer.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await.text("status")
}

#[tokio::test]
async fn a_payout_reaches_the_bank() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    let early = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await;
    assert_eq!(early.refused(), ["PAYOUT_METHOD_TOO_NEW"]);
    app.passes(TimeDelta::days(3)).await;
    let quoted = "{ viewer { balances { quote { rate rupees { amount currency } } } } }";
    let quoted = deal.freelancer.asks(quoted, json!({})).await.data()["viewer"]["balances"]["quote"].clone();
    assert_eq!(quoted, json!({ "rate": "278.45", "rupees": { "amount": "264527.50", "currency": "PKR" } }));
    let left = "payout { id status } viewer { balances { available { amount } } }";
    let refused = deal.freelancer.does("payoutRequest", ask(&method, "951.00"), left).await;
    assert_eq!(refused.refused(), ["INSUFFICIENT_FUNDS"]);
    assert!(refused.body["data"]["payoutRequest"]["viewer"].is_null(), "nothing else is in a refusal");
    let requested = deal.freelancer.does("payoutRequest", ask(&method, "900.00"), left).await;
    let id = requested.text("payout.id");
    assert_eq!(requested.text("viewer.balances.available.amount"), "50.00", "what is left comes with the answer");
    assert_eq!(deal.balances().await, [0, 0, 5_000], "it leaves the balance at once");
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "IN_TRANSIT");
    app.market.clock().advance(TimeDelta::minutes(15));
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "PAID");
    assert_eq!(deal.balances().await, [0, 0, 5_000]);
    let list = deal.freelancer.asks("{ viewer { payouts { nodes { id status } } } }", json!({})).await;
    assert_eq!(list.data()["viewer"]["payouts"]["nodes"], json!([{ "id": id, "status": "PAID" }]));
    let hidden = deal.client.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await;
    assert!(hidden.data()["payout"].is_null());
}

#[tokio::test]
async fn what_rails_refuse_return_or_lose_is_never_lost() {
    for (last4, end, left) in [("0002", "RETURNED", 95_000), ("0003", "PAID", 0)] {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let method = method(&deal, last4).await;
        app.passes(TimeDelta::days(3)).await;
        let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
        app.settles().await;
        app.market.clock().advance(TimeDelta::minutes(15));
        app.settles().await;
        assert_eq!(status(&deal, &id).await, end, "{last4}");
        assert_eq!(deal.balances().await, [0, 0, left], "{last4}");
    }
}

#[tokio::test]
async fn a_hand_over_that_comes_late_is_no_second_transfer() {
    // The hand-over takes twenty minutes to get there, and the rail is asked after fifteen.
    for asked_after in [15, 20, 45] {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let id = requested(&deal, "0005", "Faisal").await;
        assert_eq!(status(&deal, &id).await, "UNKNOWN");
        app.market.clock().advance(TimeDelta::minutes(asked_after));
        app.settles().await;
        if asked_after == 15 {
            let history = "select count(*) from events where name = 'payout_sent'";
            let handed: i64 = sqlx::query_scalar(history).fetch_one(app.pool()).await.unwrap();
            assert_eq!(handed, 2, "the rail had not got it yet, and was handed it again");
        }
        app.passes(TimeDelta::hours(3)).await;
        assert_eq!(status(&deal, &id).await, "PAID", "asked after {asked_after} minutes");
        assert_eq!(deal.balances().await, [0, 0, 0]);
        let carried: Vec<(String, i64)> =
            sqlx::query_as("select key, amount_minor from sandbox_transfers").fetch_all(app.pool()).await.unwrap();
        assert_eq!(carried, [(format!("{id}:0"), 95_000)], "one transfer, by one rail, under one key");
    }
}

#[tokio::test]
async fn payout_request_refuses_in_order() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let mut wrong = ask(&method, "10.00");
    wrong["password"] = json!("not it at all");
    assert_eq!(deal.freelancer.does("payoutRequest", wrong, "payout { id }").await.refused(), ["WRONG"]);
    for (amount, code) in
        [("9.99", "OUT_OF_RANGE"), ("950.01", "INSUFFICIENT_FUNDS"), ("-5", "MALFORMED"), ("1e2", "MALFORMED")]
    {
        assert_eq!(
            deal.freelancer.does("payoutRequest", ask(&method, amount), "payout { id }").await.refused(),
            [code],
            "{amount}"
        );
    }
    assert_eq!(
        deal.client.does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["NOT_FOUND"]
    );
    assert_eq!(
        app.visitor().does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["UNAUTHENTICATED"]
    );
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    deal.freelancer.does("payoutMethodRemove", json!({ "payoutMethodId": method }), "payoutMethod { id }").await.ok();
    assert_eq!(
        deal.freelancer.does("payoutRequest", ask(&method, "10.00"), "payout { id }").await.refused(),
        ["PAYOUT_METHOD_REMOVED"]
    );
}

/// Banks change what they take: each code is in force from one day to another.
#[tokio::test]
async fn a_purpose_code_is_taken_as_long_as_it_is_in_force_and_stands_for_what_it_does_then() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let tomorrow = app.market.clock().now() + TimeDelta::days(1);
    for change in [
        "update purpose_codes set valid_to = $1 where code in ('9184', '9186')",
        "insert into purpose_codes (code, title, valid_from) values ('9186', 'Work from home', $1)",
    ] {
        sqlx::query(change).bind(tomorrow).execute(app.pool()).await.unwrap();
    }
    let asks = async |code: &str| {
        let mut ask = ask(&method, "50.00");
        ask["purposeCode"] = json!(code);
        deal.freelancer.does("payoutRequest", ask, "payout { id purpose }").await
    };
    let listed = async || {
        let list = deal.freelancer.asks("{ payoutPurposes { code title } }", json!({})).await;
        let of = |code: &str| {
            let all = list.data()["payoutPurposes"].as_array().unwrap().iter();
            all.filter(|one| one["code"] == code).map(|one| one["title"].clone()).collect::<Vec<_>>()
        };
        (of("9184"), of("9186"))
    };
    let (export, freelance) = ("Export of computer software", "Freelance computer and information services");
    assert_eq!(listed().await, (vec![json!(export)], vec![json!(freelance)]));
    assert_eq!(asks("9184").await.text("payout.purpose"), export);
    assert_eq!(asks("9186").await.text("payout.purpose"), freelance);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(listed().await, (vec![], vec![json!("Work from home")]));
    assert_eq!(asks("9184").await.faults(), ["purposeCode: UNKNOWN"]);
    assert_eq!(asks("9186").await.text("payout.purpose"), "Work from home");
}

#[tokio::test]
async fn a_payout_is_called_off_before_it_is_sent() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
    deal.freelancer.does("payoutCancel", json!({ "payoutId": id }), "payout { status }").await.ok();
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "CANCELLED");
}

#[tokio::test]
async fn one_balance_is_paid_out_once() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let request = |_| deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }");
    let replies = join_all((0..10).map(request)).await;
    let won = replies.iter().filter(|reply| reply.data()["payoutRequest"]["errors"] == json!([])).count();
    assert_eq!(won, 1);
    for reply in replies.iter().filter(|reply| reply.data()["payoutRequest"]["errors"] != json!([])) {
        assert_eq!(reply.refused(), ["INSUFFICIENT_FUNDS"]);
    }
    assert_eq!(deal.balances().await, [0, 0, 0]);
}

#[tokio::test]
async fn an_account_number_is_checked_and_kept_under_lock_and_key() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    for bad in ["", "PK", "GB33BUKB20201555555555", "PK00SCBL0000001123456702", "PK36SCBL0000001123456703"] {
        let input = json!({ "iban": bad, "accountTitle": "Faisal" });
        assert_eq!(
            deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.refused(),
            ["MALFORMED"],
            "{bad}"
        );
    }
    method(&deal, "6702").await;
    let twice = json!({ "iban": iban("6702"), "accountTitle": "Faisal", "idempotencyKey": "k" });
    assert_eq!(
        deal.freelancer.does("payoutMethodAdd", twice, "payoutMethod { id }").await.refused(),
        ["PAYOUT_METHOD_EXISTS"]
    );
    let mut db = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let tables = ["payout_methods", "events", "audit_log", "idempotency", "timers"];
    for table in tables {
        let sql = format!("select count(*) from {table} t where t::text like '%SCBL000000112345%' or t::text like $1");
        let bytes: String = iban("6702").bytes().map(|byte| format!("{byte:02x}")).collect();
        let found: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(format!("%{bytes}%")).fetch_one(&mut db).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
}

/// A payout of all there is, as far as it goes by itself.
async fn requested(deal: &Deal<'_>, last4: &str, title: &str) -> String {
    let method = method_of(deal, last4, title).await;
    deal.client.app.passes(TimeDelta::days(3)).await;
    let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
    deal.client.app.settles().await;
    id
}

const LISTED: &str = "Person, sandbox SANCTIONED";
const QUEUE: &str = "query($first: Int, $after: String) { payoutQueue(first: $first, after: $after) {
    nodes { id status blockReason approvals { id } user { id } method { accountTitle } allowed }
    pageInfo { hasNextPage endCursor } } }";

#[tokio::test]
async fn a_stopped_payout_waits_for_our_people_and_its_owner_is_told_no_details() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "6702", LISTED).await;
    let query = "query($id: ID!) { payout(id: $id) { status explanation blockReason allowed approvals { id } } }";
    let seen = deal.freelancer.asks(query, json!({ "id": id })).await;
    assert_eq!((seen.text("status").as_str(), &seen.data()["payout"]["blockReason"]), ("BLOCKED", &Value::Null));
    assert!(seen.text("explanation").contains("The money is safe"));
    assert!(!seen.body.to_string().contains("list"), "{:#}", seen.body);
    assert_eq!(seen.data()["payout"]["allowed"], json!([]));

    let admin = app.admin("noor").await;
    let queue = admin.asks(QUEUE, json!({})).await;
    let node = &queue.data()["payoutQueue"]["nodes"][0];
    assert_eq!(
        (&node["id"], &node["user"]["id"], &node["method"]["accountTitle"], &node["allowed"]),
        (&json!(id), &json!(deal.freelancer.id), &json!(LISTED), &json!(["PAYOUT_UNBLOCK", "PAYOUT_REJECT"]))
    );
    assert!(node["blockReason"].as_str().unwrap().contains("sandbox sanctioned person"));
    for (who, code) in [(&deal.client, "NOT_FOUND"), (&deal.freelancer, "NOT_FOUND")] {
        assert_eq!(who.asks(QUEUE, json!({})).await.failed(), [code]);
    }
    assert_eq!(app.visitor().asks(QUEUE, json!({})).await.failed(), ["UNAUTHENTICATED"]);

    let unblock = json!({ "payoutId": id, "reason": "another person of that name" });
    for who in [&deal.client, &deal.freelancer] {
        assert!(
            ["NOT_FOUND", "NOT_ALLOWED"]
                .contains(&who.does("payoutUnblock", unblock.clone(), "payout { id }").await.refused()[0])
        );
    }
    let stale = json!({ "payoutId": id, "reason": "x", "expectedVersion": 1 });
    assert_eq!(admin.does("payoutUnblock", stale, "payout { id }").await.refused(), ["STALE_VERSION"]);
    let silent = json!({ "payoutId": id, "reason": " " });
    assert_eq!(admin.does("payoutUnblock", silent, "payout { id }").await.faults(), ["reason: REQUIRED"]);
    assert_eq!(status(&deal, &id).await, "BLOCKED");

    let unblocked = admin.does("payoutUnblock", unblock.clone(), "payout { status blockReason }").await;
    assert_eq!(unblocked.text("payout.status"), "QUEUED");
    assert_eq!(admin.does("payoutUnblock", unblock, "payout { id }").await.refused(), ["WRONG_STATE"]);
    assert_eq!(admin.asks(QUEUE, json!({})).await.data()["payoutQueue"]["nodes"], json!([]));
    app.settles().await;
    app.market.clock().advance(TimeDelta::minutes(15));
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "PAID");
    assert_eq!(deal.balances().await, [0, 0, 0]);
}

#[tokio::test]
async fn a_payout_whose_account_became_anothers_never_leaves_whoever_unblocks_it() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let account = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let requested = deal.freelancer.does("payoutRequest", ask(&account, "950.00"), "payout { id }").await;
    let id = requested.text("payout.id");
    // By somebody whom the database refuses nothing.
    let mut writing = app.pool().begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica").execute(&mut *writing).await.unwrap();
    let bend = "update payout_methods set user_id = (select min(id::text)::uuid from users where id <> user_id)";
    assert_eq!(sqlx::query(bend).execute(&mut *writing).await.unwrap().rows_affected(), 1);
    writing.commit().await.unwrap();

    let admin = app.admin("noor").await;
    for round in 0..2 {
        app.settles().await;
        assert_eq!(status(&deal, &id).await, "BLOCKED", "{round}");
        let queue = admin.asks(QUEUE, json!({})).await;
        let why = queue.data()["payoutQueue"]["nodes"][0]["blockReason"].as_str().unwrap().to_owned();
        assert_eq!(why, "its account is not that of the person who is paid");
        let unblock = json!({ "payoutId": id, "reason": format!("Nothing is wrong with it, {round}") });
        admin.does("payoutUnblock", unblock, "payout { id }").await.ok();
    }
    app.settles().await;
    let reject = json!({ "payoutId": id, "reason": "This account is not yours." });
    admin.does("payoutReject", reject, "payout { id }").await.ok();
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
}

#[tokio::test]
async fn a_rejected_payout_gives_the_money_back_once() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "6702", LISTED).await;
    assert_eq!(deal.balances().await, [0, 0, 0]);
    let admin = app.admin("noor").await;
    let reject = json!({ "payoutId": id, "reason": "We can't pay to this account.", "idempotencyKey": "r-1" });
    for _ in 0..2 {
        let rejected = admin.does("payoutReject", reject.clone(), "payout { status returnReason }").await;
        assert_eq!(rejected.text("payout.status"), "RETURNED");
        assert_eq!(rejected.text("payout.returnReason"), "We can't pay to this account.");
    }
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    let anew = json!({ "payoutId": id, "reason": "again" });
    assert_eq!(admin.does("payoutReject", anew, "payout { id }").await.refused(), ["WRONG_STATE"]);
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    let told = "query($id: String) { auditLog(subject: $id) { nodes { actor act detail } } }";
    let log = admin.asks(told, json!({ "id": id })).await;
    let line = &log.data()["auditLog"]["nodes"][0];
    assert_eq!((&line["act"], &line["actor"]), (&json!("payout_reject"), &json!(admin.id)));
    assert_eq!(line["detail"]["reason"], "We can't pay to this account.");
}

#[tokio::test]
async fn a_payout_by_hand_takes_two_people_and_none_of_them_its_owner() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "0004", "Faisal").await;
    let query = "query($id: ID!) { payout(id: $id) { status explanation } }";
    let seen = deal.freelancer.asks(query, json!({ "id": id })).await;
    assert_eq!(seen.text("status"), "QUEUED");
    assert!(seen.text("explanation").contains("by hand"));

    let (noor, zara) = (app.admin("noor").await, app.admin("zara").await);
    app.grant(&deal.freelancer.email, Some(domain::access::Staff::Admin)).await;
    let approve = json!({ "payoutId": id });
    let own = deal.freelancer.does("payoutApprove", approve.clone(), "payout { id }").await;
    assert_eq!(own.refused(), ["NOT_ALLOWED"]);
    let approvals = "payout { status approvals { id } }";
    let first = noor.does("payoutApprove", approve.clone(), approvals).await;
    assert_eq!(first.ok()["payout"], json!({ "status": "QUEUED", "approvals": [{ "id": noor.id }] }));
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "QUEUED", "one approval sends nothing");
    assert_eq!(noor.does("payoutApprove", approve.clone(), approvals).await.refused(), ["SAME_APPROVER"]);
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(status(&deal, &id).await, "QUEUED");
    assert_eq!(noor.asks(QUEUE, json!({})).await.data()["payoutQueue"]["nodes"][0]["id"], json!(id));

    zara.does("payoutApprove", approve.clone(), approvals).await.ok();
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "IN_TRANSIT");
    assert_eq!(zara.does("payoutApprove", approve, approvals).await.refused(), ["WRONG_STATE"]);
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(status(&deal, &id).await, "PAID");
}

#[tokio::test]
async fn the_name_that_a_bank_is_told_is_screened_too() {
    // Without a name for wires, the legal name is the one that goes there.
    let app = TestApp::new().await;
    let deal = app.released().await;
    deal.freelancer.does("userUpdate", json!({ "name": LISTED }), "viewer { user { name } }").await.ok();
    let id = requested(&deal, "6702", "Faisal").await;
    assert_eq!(status(&deal, &id).await, "BLOCKED");
}

#[tokio::test]
async fn the_account_that_keeps_a_part_and_the_name_in_urdu_are_screened_too() {
    let file = std::env::temp_dir().join(format!("rabta-listed-in-urdu-{}", std::process::id()));
    std::fs::write(&file, "Sandbox Sanctioned Person\nمحمود فیصل\n").unwrap();
    let screening = Screening::from_file(&file).unwrap();
    for (title, urdu, stands) in
        [("Faisal", "فیصل", "IN_TRANSIT"), (LISTED, "فیصل", "BLOCKED"), ("Faisal", "فیصل محمود", "BLOCKED")]
    {
        let base = TestApp::new().await;
        let deal = base.released().await;
        let said = json!({ "latinName": "Faisal Qureshi", "urduName": urdu, "address": "12 Mall Road, Lahore",
            "phone": "+923001234567", "cnic": "35202-1234567-1" });
        deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
        let method = method(&deal, "6702").await;
        let dollars = json!({ "iban": "PK24MUCB0646609971000177", "accountTitle": title, "inDollars": true });
        let dollars = deal.freelancer.does("payoutMethodAdd", dollars, "payoutMethod { id }").await;
        base.passes(TimeDelta::days(3)).await;
        let mut ask = ask(&method, "100.00");
        ask["retention"] =
            json!({ "payoutMethodId": dollars.text("payoutMethod.id"), "amount": { "amount": "50.00" } });
        let id = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
        let equipment = Equipment { screening: screening.clone(), ..Equipment::throwaway().unwrap() };
        let same = Equipment { vault: base.market.vault().clone(), ..equipment };
        Market::new(base.market.db().clone(), base.market.clock().clone(), same).work_until_idle().await.unwrap();
        assert_eq!(status(&deal, &id).await, stands, "{title}, {urdu}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_payout_that_was_stopped_before_it_was_screened_is_screened_when_it_is_let_go() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method_of(&deal, "6702", LISTED).await;
    app.passes(TimeDelta::days(3)).await;
    let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
    let admin = app.admin("noor").await;
    let reason = json!({ "userId": deal.freelancer.id, "reason": "A complaint" });
    admin.does("userSuspend", reason.clone(), "user { id }").await.ok();
    let stopped =
        || async { admin.asks(QUEUE, json!({})).await.data()["payoutQueue"]["nodes"][0]["blockReason"].clone() };
    assert_eq!(stopped().await, json!("the account is suspended"));
    admin.does("userReinstate", reason, "user { id }").await.ok();
    let unblock = json!({ "payoutId": id, "reason": "Nothing in it" });
    let let_go = admin.does("payoutUnblock", unblock.clone(), "payout { status }").await;
    assert_eq!(let_go.text("payout.status"), "SCREENING");
    app.settles().await;
    assert_eq!(stopped().await, json!("on the list as sandbox sanctioned person"));
    // Our people look at the name, too, and it stops the payout no more.
    admin.does("payoutUnblock", unblock, "payout { status }").await.ok();
    app.settles().await;
    let seen = admin.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": id })).await;
    assert_eq!(seen.text("status"), "IN_TRANSIT");
}

#[tokio::test]
async fn a_payout_whose_quote_ran_out_while_it_was_stopped_goes_with_a_new_one() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "6702", LISTED).await;
    let quoted = async || {
        let query = "query($id: ID!) { payout(id: $id) { status quote { quotedAt expiresAt } } }";
        let seen = deal.freelancer.asks(query, json!({ "id": id })).await;
        let at = |place: &str| seen.text(place).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        (seen.text("status"), at("quote.quotedAt"), at("quote.expiresAt"))
    };
    let (status, first, over) = quoted().await;
    assert_eq!(status, "BLOCKED");
    app.passes(TimeDelta::days(1)).await;
    let now = app.market.clock().now();
    assert!(over < now && quoted().await.1 == first, "nobody changes what is stopped");
    let unblock = json!({ "payoutId": id, "reason": "Another person of that name" });
    app.admin("noor").await.does("payoutUnblock", unblock, "payout { status }").await.ok();
    app.settles().await;
    let (status, second, over) = quoted().await;
    assert_eq!((status.as_str(), second), ("IN_TRANSIT", now));
    assert!(over > now);
}

#[tokio::test]
async fn approvals_at_once_count_each_person_once() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let id = requested(&deal, "0004", "Faisal").await;
    let noor = app.admin("noor").await;
    let approve = |_| noor.does("payoutApprove", json!({ "payoutId": id }), "payout { id }");
    let replies = join_all((0..8).map(approve)).await;
    let won = replies.iter().filter(|reply| reply.data()["payoutApprove"]["errors"] == json!([])).count();
    assert_eq!(won, 1);
    app.settles().await;
    assert_eq!(status(&deal, &id).await, "QUEUED");
}

#[tokio::test]
async fn the_queue_has_the_oldest_first_and_pages() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method_of(&deal, "6702", LISTED).await;
    app.passes(TimeDelta::days(3)).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        app.market.clock().advance(TimeDelta::minutes(1));
        let reply = deal.freelancer.does("payoutRequest", ask(&method, "10.00"), "payout { id }").await;
        ids.push(reply.text("payout.id"));
    }
    app.settles().await;
    let admin = app.admin("noor").await;
    let mut seen: Vec<String> = Vec::new();
    let mut after = Value::Null;
    for last in [false, true] {
        let page = admin.asks(QUEUE, json!({ "first": 2, "after": after })).await;
        let queue = &page.data()["payoutQueue"];
        seen.extend(queue["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        assert_eq!(queue["pageInfo"]["hasNextPage"], json!(!last));
        after = queue["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn calling_off_and_sending_at_once_has_one_outcome() {
    for round in 0..6 {
        let app = TestApp::new().await;
        let deal = app.released().await;
        let method = method(&deal, "6702").await;
        app.passes(TimeDelta::days(3)).await;
        let id = deal.freelancer.does("payoutRequest", ask(&method, "950.00"), "payout { id }").await.text("payout.id");
        // Some rounds begin nearer to the sending than others.
        for _ in 0..round {
            app.market.work_once().await.unwrap();
        }
        let cancel = deal.freelancer.does("payoutCancel", json!({ "payoutId": id }), "payout { status }");
        let (cancelled, ..) = tokio::join!(cancel, app.settles(), app.settles());
        app.passes(TimeDelta::hours(1)).await;
        let cancelled = cancelled.data()["payoutCancel"]["errors"] == json!([]);
        let (end, left) = if cancelled { ("CANCELLED", 95_000) } else { ("PAID", 0) };
        assert_eq!((status(&deal, &id).await.as_str(), deal.balances().await), (end, [0, 0, left]), "round {round}");
        let carried: i64 =
            sqlx::query_scalar("select count(*) from sandbox_transfers").fetch_one(app.pool()).await.unwrap();
        assert_eq!(carried, i64::from(!cancelled), "round {round}");
    }
}

#[tokio::test]
async fn guesses_at_a_password_are_counted() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = method(&deal, "6702").await;
    app.passes(TimeDelta::days(3)).await;
    let guess = |password: &str| {
        let mut guess = ask(&method, "10.00");
        guess["password"] = json!(password);
        guess
    };
    let request = async |input: Value| deal.freelancer.does("payoutRequest", input, "payout { id }").await;
    // A right one in between forgives those before it.
    for _ in 0..9 {
        assert_eq!(request(guess("not it")).await.refused(), ["WRONG"]);
    }
    request(guess(PASSWORD)).await.ok();
    for _ in 0..10 {
        assert_eq!(request(guess("not it")).await.refused(), ["WRONG"]);
    }
    for password in ["not it", PASSWORD] {
        let limited = deal.freelancer.does("payoutRequest", guess(password), "payout { id }").await;
        assert_eq!(limited.refused(), ["TOO_MANY_ATTEMPTS"]);
        assert_eq!(limited.data()["payoutRequest"]["errors"][0]["__typename"], "LimitReachedError");
    }
    let other = deal.client.does("payoutRequest", guess("not it"), "payout { id }").await;
    assert_eq!(other.refused(), ["NOT_FOUND"], "each account has its own count");
    app.market.clock().advance(TimeDelta::minutes(15));
    request(guess(PASSWORD)).await.ok();
}

#[tokio::test]
async fn a_key_used_with_another_account_number_or_password_is_a_conflict() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let add = |last4: &str| json!({ "iban": iban(last4), "accountTitle": "Faisal", "idempotencyKey": "k-1" });
    let first = deal.freelancer.does("payoutMethodAdd", add("6702"), "payoutMethod { id }").await;
    let same = deal.freelancer.does("payoutMethodAdd", add("6702"), "payoutMethod { id }").await;
    assert_eq!(first.text("payoutMethod.id"), same.text("payoutMethod.id"));
    let other = deal.freelancer.does("payoutMethodAdd", add("6703"), "payoutMethod { id }").await;
    assert_eq!(other.refused(), ["IDEMPOTENCY_CONFLICT"]);

    app.passes(TimeDelta::days(3)).await;
    let mut request = ask(&first.text("payoutMethod.id"), "10.00");
    request["idempotencyKey"] = json!("k-2");
    let id = deal.freelancer.does("payoutRequest", request.clone(), "payout { id }").await.text("payout.id");
    assert_eq!(deal.freelancer.does("payoutRequest", request.clone(), "payout { id }").await.text("payout.id"), id);
    request["password"] = json!("not it");
    let wrong = deal.freelancer.does("payoutRequest", request.clone(), "payout { id }").await;
    assert_eq!(wrong.refused(), ["IDEMPOTENCY_CONFLICT"]);
    // What is kept is no hash that anybody could make without our key, to try passwords against it.
    request["password"] = json!(PASSWORD);
    let body = serde_json::to_vec(&request).unwrap();
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("select body_hash from idempotency").fetch_all(app.pool()).await.unwrap();
    let plain: Vec<u8> = sqlx::query_scalar("select sha256($1)").bind(body).fetch_one(app.pool()).await.unwrap();
    assert!(!kept.is_empty() && !kept.contains(&plain));
}

#[tokio::test]
async fn what_is_paid_out_in_a_day_has_a_limit() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Slower",
        "terms": { "payoutDayMax": { "amount": "300.00" }, "payoutDayCount": 3 } });
    app.admin("amna").await.does("policyVersionAdd", terms, "policy { number }").await.ok();
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = |amount: &str| json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184", "password": PASSWORD });
    let asks = async |amount: &str| deal.freelancer.does("payoutRequest", ask(amount), "payout { id }").await;
    let told = async |amount: &str| {
        let query = "mutation($input: PayoutRequestInput!) { payoutRequest(input: $input) {
            errors { code message ... on LimitReachedError { limit } } } }";
        deal.freelancer.asks(query, json!({ "input": ask(amount) })).await.data()["payoutRequest"]["errors"].clone()
    };
    asks("200.00").await.ok();
    assert_eq!(asks("100.01").await.refused(), ["PAYOUT_DAY_AMOUNT"]);
    let message =
        "within 24 hours 300.00 USD at most are paid out; 200.00 USD are by now, 100.01 USD more were asked for";
    assert_eq!(told("100.01").await, json!([{ "code": "PAYOUT_DAY_AMOUNT", "message": message, "limit": 30_000 }]));
    // What was called off does not count.
    let called_off = asks("100.00").await.text("payout.id");
    deal.freelancer.does("payoutCancel", json!({ "payoutId": called_off }), "payout { status }").await.ok();
    asks("50.00").await.ok();
    asks("50.00").await.ok();
    assert_eq!(asks("10.00").await.refused(), ["PAYOUT_DAY_COUNT"]);
    assert_eq!(told("10.00").await[0]["limit"], json!(3));
    // The database holds the same limit from the other side.
    let slip = "insert into payouts (id, user_id, method_id, currency, amount_minor, purpose_code, purpose,
            written_purpose, terms, version, attempt, requested_at, status, waits_for_staff, state)
        select gen_random_uuid(), user_id, method_id, currency, 1000, purpose_code, purpose, written_purpose, terms, 1,
            0, requested_at, 'requested', false, jsonb_build_object('status', 'requested', 'at', requested_at)
        from payouts order by requested_at desc limit 1";
    let refused = sqlx::query(slip).execute(app.pool()).await.unwrap_err();
    assert!(refused.to_string().contains("beyond its limit"), "{refused}");
    app.passes(TimeDelta::hours(25)).await;
    asks("300.00").await.ok();
}

/// A bank in Lahore counts by its own calendar: a month is over there five hours sooner than in UTC.
#[tokio::test]
async fn what_is_kept_in_dollars_is_counted_by_the_months_of_karachi() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Less may be kept",
        "terms": { "retentionMonthMax": { "amount": "100.00" } } });
    app.admin("amna").await.does("policyVersionAdd", terms, "policy { number }").await.ok();
    let method = method(&deal, "6702").await;
    let dollars = json!({ "iban": "PK24MUCB0646609971000177", "accountTitle": "Faisal", "inDollars": true });
    let dollars = deal.freelancer.does("payoutMethodAdd", dollars, "payoutMethod { id }").await.text("payoutMethod.id");
    let asks = async |at: &str, amount: &str, kept: &str| {
        let at: chrono::DateTime<chrono::Utc> = at.parse().unwrap();
        app.passes(at - app.market.clock().now()).await;
        let mut ask = ask(&method, amount);
        ask["retention"] = json!({ "payoutMethodId": dollars, "amount": { "amount": kept } });
        let reply = deal.freelancer.does("payoutRequest", ask, "payout { id }").await;
        app.settles().await;
        reply
    };
    asks("2026-06-30T12:00:00Z", "400.00", "200.00").await.ok();
    // Half of what has left in this month, less what was kept already.
    assert_eq!(asks("2026-06-30T18:59:00Z", "100.00", "50.01").await.refused(), ["OUT_OF_RANGE"]);
    asks("2026-06-30T19:30:00Z", "150.00", "100.00").await.ok();
    assert_eq!(asks("2026-06-30T20:30:00Z", "60.00", "5.01").await.refused(), ["OUT_OF_RANGE"], "it is July there");
    asks("2026-06-30T20:30:00Z", "60.00", "5.00").await.ok();
}

#[tokio::test]
async fn payouts_asked_for_at_once_by_two_accounts_count_together() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let terms = json!({ "effectiveFrom": app.market.clock().now(), "note": "Slower",
        "terms": { "payoutDayMax": { "amount": "300.00" } } });
    app.admin("amna").await.does("policyVersionAdd", terms, "policy { number }").await.ok();
    let mut methods = Vec::new();
    for iban in ["PK36SCBL0000001123456702", "PK24MUCB0646609971000177"] {
        let method = json!({ "iban": iban, "accountTitle": "Faisal" });
        let added = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await;
        methods.push(added.text("payoutMethod.id"));
    }
    app.passes(TimeDelta::days(3)).await;
    let asks = async |method: &String| {
        let ask = json!({ "payoutMethodId": method, "amount": { "amount": "200.00" }, "purposeCode": "9184",
            "password": PASSWORD });
        deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await
    };
    let (one, other) = tokio::join!(asks(&methods[0]), asks(&methods[1]));
    let refused: Vec<_> =
        [one, other].into_iter().filter(|reply| reply.body["data"]["payoutRequest"]["payout"].is_null()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].refused(), ["PAYOUT_DAY_AMOUNT"]);
}

#[tokio::test]
async fn payout_method_add_is_told_by_mail_before_anything_is_paid_there() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let add = async |iban: &str| {
        let input = json!({ "iban": iban, "accountTitle": "Lin" });
        lin.does("payoutMethodAdd", input, "payoutMethod { id }").await.text("payoutMethod.id")
    };
    let told = || {
        let letters = app.market.mail().letters_to(&lin.email);
        let of_banks = letters.into_iter().filter(|letter| letter.text.starts_with("The bank account"));
        of_banks.map(|letter| letter.text).collect::<Vec<_>>()
    };
    add("PK36SCBL0000001123456702").await;
    app.settles().await;
    assert_eq!(told().len(), 1);
    let usable = (app.market.clock().now() + TimeDelta::days(3)).format("%Y-%m-%d %H:%M").to_string();
    for word in ["…6702", &usable, "remove it before then"] {
        assert!(told()[0].contains(word), "{word}: {:?}", told());
    }
    assert!(!told()[0].contains("SCBL"), "no more of it than tells it apart");
}
