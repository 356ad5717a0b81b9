//! The books: statements that add up, and rows that can't be changed.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tests::{Deal, TestApp};

async fn statement(deal: &Deal<'_>) -> Vec<Value> {
    let query = "query($id: ID!) { contract(id: $id) { statement(first: 100) { nodes { number reason seal
        inEscrow { minorUnits } postings { from to amount { minorUnits } } } } } }";
    let reply = deal.freelancer.asks(query, json!({ "id": deal.contract })).await;
    reply.data()["contract"]["statement"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_statement_begins_with_the_first_cent_and_adds_up() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let entries = statement(&deal).await;
    let reasons: Vec<&str> = entries.iter().map(|entry| entry["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["fund", "release", "hold_over"]);
    let mut in_escrow = 0;
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry["number"], json!(place + 1));
        for posting in entry["postings"].as_array().unwrap() {
            let cents = posting["amount"]["minorUnits"].as_i64().unwrap();
            let is_escrow = |side: &str| posting[side].as_str().unwrap().starts_with("escrow:");
            in_escrow += i64::from(is_escrow("to")) * cents - i64::from(is_escrow("from")) * cents;
        }
        assert_eq!(entry["inEscrow"]["minorUnits"], json!(in_escrow));
    }
    assert_eq!(in_escrow, 0);
    let stranger = app.client("otto").await;
    let hidden = stranger.asks("query($id: ID!) { contract(id: $id) { id } }", json!({ "id": deal.contract })).await;
    assert!(hidden.data()["contract"].is_null());
}

#[tokio::test]
async fn seals_chain_and_can_be_recomputed() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    let wrong: i64 = sqlx::query_scalar(
        "with chain as (select e.*, lag(seal) over (partition by contract_id order by number) as previous,
                (select jsonb_agg(jsonb_build_object('from_account', from_account, 'to_account', to_account,
                    'currency', currency, 'amount_minor', amount_minor) order by id) from ledger_postings where entry_id = e.id) as legs
             from ledger_entries e where contract_id is not null)
         select count(*) from chain
         where seal <> sha256(convert_to(ledger_canonical(coalesce(previous, ''), number, reason, key, posted_at, legs), 'UTF8'))",
    )
    .fetch_one(&mut db)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
    assert_eq!(statement(&deal).await.len(), 3);
}

#[tokio::test]
async fn the_database_refuses_to_bend_the_books() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    let refused = [
        "update ledger_postings set amount_minor = amount_minor + 1",
        "update ledger_entries set reason = 'release'",
        "delete from ledger_postings",
        "delete from ledger_entries",
        "truncate ledger_postings cascade",
        "update ledger_balances set balance_minor = balance_minor + 1",
        "delete from ledger_balances",
        "update policy_versions set terms = '{}'",
        "update milestones set held_minor = held_minor + 1",
        "update audit_log set act = 'x'",
        // More than there is.
        "select ledger_post(gen_random_uuid(), 'correction', 'k1', null, null, 'x', 'x', now(),
            (select jsonb_build_array(jsonb_build_object('from_account', account, 'to_account', 'losses', 'currency', 'USD', 'amount_minor', balance_minor + 1))
             from ledger_balances where account like 'available:%'))",
        // Nothing, from an account to itself, and out of an account that never was.
        "select ledger_post(gen_random_uuid(), 'correction', 'k2', null, null, 'x', 'x', now(), '[]')",
        "select ledger_post(gen_random_uuid(), 'correction', 'k3', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"losses\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
        "select ledger_post(gen_random_uuid(), 'correction', 'k4', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"available:usr_nobody\", \"to_account\": \"losses\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
        "select ledger_post(gen_random_uuid(), 'correction', 'k5', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"paid_out\", \"currency\": \"USD\", \"amount_minor\": -1}]')",
        // A key that was used.
        "select ledger_post(gen_random_uuid(), 'correction', (select min(key) from ledger_entries), null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"paid_out\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
    ];
    for sql in refused {
        assert!(sqlx::query(sql).execute(&mut db).await.is_err(), "it was taken: {sql}");
    }
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
}

#[tokio::test]
async fn everything_that_came_in_is_somewhere() {
    let app = TestApp::new().await;
    app.released().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    let off: i64 = sqlx::query_scalar(
        "select count(*) from ledger_balances b where balance_minor <>
            (select coalesce(sum(case when to_account = b.account then amount_minor else -amount_minor end), 0)
             from ledger_postings p where b.account in (p.to_account, p.from_account) and p.currency = b.currency)",
    )
    .fetch_one(&mut db)
    .await
    .unwrap();
    assert_eq!(off, 0, "balances are the sums of their postings");
}
