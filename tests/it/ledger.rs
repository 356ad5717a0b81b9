//! The books themselves: an audit that finds every bend.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use infra::books::{self, BadHead, Finding, Head, Kept};
use infra::token::Keys;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::{PASSWORD, TestApp};

fn broken(found: &[Finding]) -> Vec<&'static str> {
    found.iter().filter(|finding| !finding.holds()).map(|finding| finding.check).collect()
}

#[tokio::test]
async fn an_audit_of_the_whole_journey_finds_nothing_wrong() {
    let (app, quarrelled) = (TestApp::new().await, TestApp::new().await);
    app.world().await.money_goes_back().await;
    let quarrel = quarrelled.disputed("600.00").await;
    assert_eq!(quarrel.freelancer_does("disputeConcede", json!({})).await, "EXECUTED");
    corrected(&quarrelled).await;
    let mut looked_at = BTreeMap::new();
    for app in [&app, &quarrelled] {
        let found = books::audit(app.market.db(), None).await.unwrap();
        assert_eq!(broken(&found), Vec::<&str>::new(), "{found:#?}");
        for finding in &found {
            *looked_at.entry(finding.check).or_insert(0) += finding.rows;
        }
    }
    assert!(looked_at.values().all(|rows| *rows > 0), "something was not looked at: {looked_at:?}");
}

#[tokio::test]
async fn an_audit_names_what_was_bent_by_somebody_who_may_do_anything() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let contract = deal.contract.parse().unwrap();
    roll_up(&app, 5).await;
    let superuser = infra::market::connect(&app.database_url(), 1).await.unwrap();
    // What a superuser does to the books behind the guards' back, and who notices.
    let bends = [
        ("update ledger_entries set reason = 'bonus' where number = 2", &["statements"][..]),
        ("update ledger_entries set key = key || 'x' where number = 1", &["statements"]),
        ("update ledger_entries set posted_at = posted_at + interval '1 us' where number = 3", &["statements"]),
        ("update ledger_entries set party = 'freelancer' where number = 2", &["statements"]),
        ("update ledger_entries set milestone_id = null where number = 3", &["statements"]),
        ("update ledger_entries set milestone_id = gen_random_uuid() where number = 3", &["statements", "orphans"]),
        ("update ledger_entries set in_escrow_minor = 1 where number = 3", &["statements"]),
        ("update ledger_entries set seal = sha256('x') where number = 3", &["statements"]),
        ("update ledger_entries set number = 4 where number = 3", &["statements", "orphans"]),
        ("delete from ledger_entries where number = 1", &["statements", "milestones", "orphans"]),
        ("delete from ledger_entries where number = 3", &["statements", "orphans"]),
        (
            "delete from ledger_postings where to_account = 'fee_revenue'",
            &["statements", "milestones", "balances", "platform"],
        ),
        (
            "delete from ledger_postings where to_account like 'available:%'",
            &["entries", "statements", "balances", "holds"],
        ),
        (
            "update ledger_postings set amount_minor = amount_minor + 1 where to_account like 'pending:%'",
            &["statements", "milestones", "balances", "holds"],
        ),
        (
            "alter table ledger_postings drop constraint ledger_postings_amount_minor_check;
             update ledger_postings set amount_minor = -1 where to_account like 'available:%'",
            &["entries", "statements", "balances", "holds", "guards"],
        ),
        (
            "update ledger_postings set from_account = 'losses' where from_account = 'processor_clearing'",
            &["statements", "platform"],
        ),
        (
            "update ledger_postings set from_account = 'thin_air' where from_account = 'processor_clearing'",
            &["entries", "statements", "platform"],
        ),
        (
            "update ledger_postings set entry_id = gen_random_uuid() where to_account like 'available:%'",
            &["entries", "statements", "orphans"],
        ),
        (
            "update ledger_balances set balance_minor = balance_minor + 1 where account like 'available:%'",
            &["balances", "currencies"],
        ),
        ("delete from ledger_balances where account like 'pending:%'", &["balances"]),
        ("insert into ledger_balances values ('available:usr_x', 'USD', 5)", &["balances", "currencies"]),
        (
            "insert into ledger_credits (account, currency, balance_minor) values ('client_credit:org_x', 'USD', 5)",
            &["credits"],
        ),
        (
            "update ledger_rollups set balance_minor = balance_minor + 1 where account = 'fee_revenue'",
            &["platform", "currencies"],
        ),
        ("delete from ledger_cut", &["platform"]),
        ("update ledger_statements set seal = sha256('x')", &["statements"]),
        ("update ledger_statements set entries = 4", &["statements", "orphans"]),
        ("update ledger_statements set in_escrow_minor = 4", &["statements", "escrow"]),
        ("update ledger_statements set contract_id = gen_random_uuid()", &["statements", "orphans"]),
        (
            "update milestones set fee_minor = fee_minor - 1, released_net_minor = released_net_minor + 1",
            &["milestones"],
        ),
        (
            r#"update milestones set held_minor = 1, sources = '[{"payment": null, "held": {"minor": 1}}]'"#,
            &["milestones", "escrow"],
        ),
        ("delete from milestones", &["milestones", "movements", "orphans"]),
        ("alter table ledger_postings disable trigger ledger_postings_append_only", &["guards"]),
        ("drop trigger ledger_balances_guard on ledger_balances", &["guards"]),
        ("drop trigger ledger_credits_guard on ledger_credits", &["guards"]),
        ("alter table ledger_credits drop constraint ledger_credits_never_negative", &["guards"]),
        ("alter table ledger_balances drop constraint ledger_balances_never_negative", &["guards"]),
        ("alter table ledger_postings drop constraint ledger_postings_in_dollars", &["guards"]),
        // By name all of these stand.
        (
            "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
            &["guards"],
        ),
        (
            "create or replace trigger milestones_stay before update of freelancer_id on milestones for each row
                 when (false) execute function whose_it_is_stays()",
            &["guards"],
        ),
        (
            "alter table ledger_postings drop constraint ledger_postings_amount_minor_check,
                 add constraint ledger_postings_amount_minor_check check (amount_minor <> 0)",
            &["guards"],
        ),
        (
            "alter function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb, boolean)
                 security invoker",
            &["guards"],
        ),
        (
            "create or replace view ledger_platform_balances as
                 select account, currency, balance_minor from ledger_rollups",
            &["guards"],
        ),
        ("alter table ledger_postings alter column xact drop not null", &["guards"]),
        ("alter table ledger_balances enable row level security", &["guards"]),
        ("alter table disputes disable trigger disputes_keep", &["guards"]),
        ("drop trigger milestones_keep_hold on milestones", &["guards"]),
        ("drop index ledger_entries_statement", &["guards"]),
        ("create rule mine as on insert to ledger_postings do instead nothing", &["guards"]),
        (
            "create trigger mine before insert on ledger_postings for each row execute function refuse_change()",
            &["guards"],
        ),
        ("create function mine() returns void language sql as 'select'", &["guards"]),
        ("grant update on ledger_postings to rabta_app", &["guards"]),
        ("grant update (amount_minor) on ledger_postings to rabta_app", &["guards"]),
        ("grant insert on ledger_balances to public", &["guards"]),
        ("grant create on schema public to rabta_app", &["guards"]),
        ("alter table ledger_postings owner to rabta_app", &["guards"]),
        (
            "do $$ begin execute format('alter database %I set session_replication_role = replica',
                 current_database()); end $$",
            &["guards"],
        ),
    ];
    for (bend, noticed) in bends {
        let tx = superuser.begin().await.unwrap();
        tx.execute_unprepared("set local session_replication_role = replica").await.unwrap();
        assert!(
            tx.execute_unprepared(bend).await.unwrap().rows_affected() > 0 || noticed == ["guards"],
            "{bend} did nothing"
        );
        let found = books::audit_in(&tx, None).await.unwrap();
        assert_eq!(broken(&found), noticed, "{bend}: {found:#?}");
        for finding in found.iter().filter(|finding| !finding.holds()) {
            assert!(finding.first.as_deref().is_some_and(|first| !first.is_empty()), "{finding:?}");
        }
        if noticed.contains(&"milestones") && noticed.contains(&"balances") {
            let alone = books::audit_in(&tx, Some(contract)).await.unwrap();
            assert!(broken(&alone).contains(&"statements"), "{alone:?}");
        }
        tx.rollback().await.unwrap();
    }
    assert!(books::audit(app.market.db(), Some(contract)).await.unwrap().iter().all(Finding::holds));
}

#[tokio::test]
async fn what_guards_the_books_is_what_ships() {
    let app = TestApp::new().await;
    let standing = books::standing(app.market.db()).await.unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/src/books/guards.sums");
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(path, &standing).unwrap();
    }
    let shipped = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        standing, shipped,
        "run UPDATE_FILES=1 cargo test -p tests --test it guards_the_books, and read the diff"
    );
}

/// Make triggers and checks anew from what PostgreSQL says of them: that is what a dump holds, and a restore reads.
const RESTORED: &str = "do $$
    declare
        one record;
    begin
        for one in
            select trigger.tgname, trigger.tgrelid::regclass as home, pg_get_triggerdef(trigger.oid) as said
            from pg_trigger trigger join pg_class class on class.oid = trigger.tgrelid
            where not trigger.tgisinternal and class.relnamespace = 'public'::regnamespace
        loop
            execute format('drop trigger %I on %s', one.tgname, one.home);
            execute one.said;
        end loop;
        for one in
            select conname, conrelid::regclass as home, pg_get_constraintdef(oid) as said from pg_constraint
            where contype = 'c' and conrelid <> 0 and connamespace = 'public'::regnamespace
        loop
            execute format('alter table %s drop constraint %I, add constraint %I %s',
                one.home, one.conname, one.conname, one.said);
        end loop;
    end $$";

#[tokio::test]
async fn what_guards_the_books_is_found_whole_after_a_restore() {
    let app = TestApp::new().await;
    let before = books::standing(app.market.db()).await.unwrap();
    sqlx::raw_sql(RESTORED).execute(app.pool()).await.unwrap();
    let after = books::standing(app.market.db()).await.unwrap();
    let bent: Vec<&str> = after.lines().filter(|guard| !before.lines().any(|was| was == *guard)).collect();
    assert_eq!(bent, Vec::<&str>::new(), "a restore reads these in another way than they were written");
}

#[tokio::test]
async fn who_may_only_read_the_books_is_nothing_to_be_told() {
    let app = TestApp::new().await;
    let superuser = infra::market::connect(&app.database_url(), 1).await.unwrap();
    let tx = superuser.begin().await.unwrap();
    tx.execute_unprepared("grant select on ledger_postings, milestones to public").await.unwrap();
    assert_eq!(broken(&books::audit_in(&tx, None).await.unwrap()), Vec::<&str>::new());
    tx.rollback().await.unwrap();
}

/// The last entry an hour later, sealed anew as if it had always been so.
const REWRITTEN: &str = "
    with forged as (
        select last.id, sha256(convert_to(ledger_canonical(before.seal, last.number, last.reason, last.key, last.milestone_id,
            last.party, last.posted_at + interval '1 hour',
            (select jsonb_agg(jsonb_build_object('from_account', from_account, 'to_account', to_account,
                 'currency', currency, 'amount_minor', amount_minor) order by id)
             from ledger_postings where entry_id = last.id)), 'UTF8')) as seal
        from ledger_entries last join ledger_entries before on before.number = last.number - 1 where last.number = 3
    )
    update ledger_entries set posted_at = posted_at + interval '1 hour', seal = forged.seal
    from forged where ledger_entries.id = forged.id;
    update ledger_statements set seal = (select seal from ledger_entries where number = 3)";

/// A correction that never was.
const FORGOTTEN: &str = "
    delete from ledger_postings where entry_id in (select id from ledger_entries where reason = 'correction');
    delete from ledger_entries where reason = 'correction';
    delete from corrections";

#[tokio::test]
async fn a_chain_that_was_written_anew_is_found_by_a_head_that_somebody_kept() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let superuser = infra::market::connect(&app.database_url(), 1).await.unwrap();
    corrected(&app).await;
    // Transactions of other tests may hold it up.
    let now = loop {
        let now = Kept::now(&superuser).await.unwrap();
        if now.outside[0].last > 0 {
            break now;
        }
    };
    let query = "query($id: ID!) { contract(id: $id) { statementHead { signature } } }";
    let answer = deal.client.asks(query, json!({ "id": deal.contract })).await;
    let signed = answer.data()["contract"]["statementHead"]["signature"].as_str().unwrap().to_owned();
    let read = Kept::read(&signed, Some(app.market.keys())).unwrap();
    assert_eq!((now.heads.len(), &read.heads), (1, &now.heads));
    assert_eq!((read.heads[0].contract.to_string(), read.heads[0].entries), (deal.contract.clone(), 3));
    assert_eq!(Kept::read(&format!("# of today\n\n{now}"), None).unwrap(), now);
    assert_eq!(Kept::read(&signed, Some(&Keys::fresh().unwrap())), Err((1, BadHead::NotOurs)));
    assert_eq!(Kept::read(&signed, None), Err((1, BadHead::NotOurs)));
    for line in ["con_1 2", "con_1 2 3", "outside 1 2 3", &format!("{signed} 3 {}", read.heads[0].seal)] {
        assert_eq!(Kept::read(&format!("\n{line}"), None), Err((2, BadHead::Malformed)), "{line}");
    }

    // What comes afterwards changes nothing of it.
    let kept = Kept { heads: [now.heads.clone(), read.heads].concat(), outside: now.outside };
    let contract = kept.heads[0].contract;
    fee(&mut PgConnection::connect(&app.database_url()).await.unwrap(), "later", 1).await;
    let found = books::audit_against(&superuser, None, Some(&kept)).await.unwrap();
    assert_eq!(broken(&found), Vec::<&str>::new(), "{found:#?}");
    assert_eq!(found.last().map(|finding| finding.rows), Some(3));
    let ahead = Kept { heads: vec![Head { entries: 4, ..kept.heads[0].clone() }], ..Kept::default() };
    assert_eq!(broken(&books::audit_against(&superuser, None, Some(&ahead)).await.unwrap()), ["heads"]);

    for (bend, gone) in [(FORGOTTEN, 1), (REWRITTEN, 3)] {
        let tx = superuser.begin().await.unwrap();
        tx.execute_unprepared("set local session_replication_role = replica").await.unwrap();
        tx.execute_unprepared(bend).await.unwrap();
        tx.commit().await.unwrap();
        let found = books::audit(&superuser, None).await.unwrap();
        assert_eq!(broken(&found), Vec::<&str>::new(), "by itself it is whole: {found:#?}");
        let found = books::audit_against(&superuser, None, Some(&kept)).await.unwrap();
        assert_eq!(broken(&found), ["heads"]);
        assert_eq!(found.last().map(|finding| finding.broken), Some(gone), "{found:#?}");
    }
    let of_one = books::audit_against(&superuser, Some(contract), Some(&kept)).await.unwrap();
    assert_eq!(of_one.last().map(|finding| (finding.rows, finding.broken)), Some((2, 2)));
}

/// Two of our people set the books right by a dollar.
async fn corrected(app: &TestApp) {
    let input = json!({ "from": "losses", "to": "fee_revenue", "amount": { "amount": "1.00" }, "reason": "Rounding" });
    let proposed = app.admin("noor").await.does("correctionPropose", input, "correction { id }").await;
    let approve = json!({ "correctionId": proposed.text("correction.id") });
    app.admin("amna").await.does("correctionApprove", approve, "correction { status }").await.ok();
}

/// Somebody who has nothing to get.
const THIEF: &str = "(select max(user_id::text)::uuid from members)";

/// An entry that no statement has.
const ENTRY: &str = "insert into ledger_entries (id, reason, key, actor, trace, posted_at)
    values ('00000000-0000-0000-0000-000000000001', $reason, 'system', 'x', now());
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select '00000000-0000-0000-0000-000000000001'";

#[tokio::test]
async fn an_audit_asks_who_got_the_money_and_on_what_ground() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let account = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let account = deal.freelancer.does("payoutMethodAdd", account, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": account, "amount": { "amount": "900.00" }, "purposeCode": "9186", "password": PASSWORD });
    deal.freelancer.does("payoutRequest", ask, "payout { id }").await.ok();
    app.settles().await;
    app.passes(TimeDelta::minutes(15)).await;
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
    let back = json!({ "paymentId": payment, "amount": { "amount": "50.00" } });
    deal.client.does("paymentRefund", back, "refund { id }").await.ok();
    app.settles().await;
    corrected(&app).await;
    deal.another("200.00").await;
    let approved = deal.another("100.00").await;
    let work = json!({ "milestoneId": approved, "message": "Done" });
    deal.freelancer.does("milestoneSubmit", work, "milestone { status }").await.ok();
    deal.client.does("milestoneApprove", json!({ "milestoneId": approved }), "milestone { status }").await.ok();

    let thief = format!("public_id('usr', {THIEF})");
    let fee = "jsonb_set(terms::jsonb, '{freelancer_fee}', '0')::json";
    let unasked = format!("; insert into ledger_balances values ('available:' || {thief}, 'USD', 500)");
    let entry = |reason: &str, key: &str| ENTRY.replace("$reason", &format!("'{reason}', '{key}'"));
    let to_thief = |reason: &str, key: &str| {
        format!("{}, 'losses', 'available:' || {thief}, 'USD', 500{unasked}", entry(reason, key))
    };
    let bends = [
        (format!("update milestones set freelancer_id = {THIEF} where held_minor > 0"), &["deals"][..]),
        ("update milestones set organization_id = gen_random_uuid() where held_minor > 0".to_owned(), &["deals"]),
        (format!("update contracts set freelancer_id = {THIEF}"), &["deals"]),
        (format!("update milestones set terms = {fee}"), &["deals"]),
        (
            format!(
                "update offers set terms = {fee}; update contracts set terms = {fee}; update milestones set terms = {fee}"
            ),
            &["deals"],
        ),
        (
            format!(
                "update offers set freelancer_id = {THIEF}; update contracts set freelancer_id = {THIEF};
                 update milestones set freelancer_id = {THIEF} where holds = '[]'"
            ),
            &["deals", "movements"],
        ),
        // What the books themselves say is whole, and a party's statement still has the money in escrow.
        (
            format!(
                "{}, escrow_account, 'available:' || {thief}, 'USD', held_minor from milestones where held_minor > 0;
                 insert into ledger_balances
                 select 'available:' || {thief}, 'USD', held_minor from milestones where held_minor > 0;
                 update ledger_balances set balance_minor = 0 where account like 'escrow:%';
                 update milestones set released_net_minor = held_minor, held_minor = 0, sources = '[]' where held_minor > 0",
                entry("release", "mine")
            ),
            &["movements", "escrow"],
        ),
        (to_thief("credit", "mine"), &["movements"]),
        (to_thief("correction", "correction:mine"), &["corrections"]),
        (to_thief("payout_return", "pyo_00000000000000000000000001:2:payout_return"), &["payouts"]),
        (format!("update payout_methods set user_id = {THIEF}"), &["payouts"]),
        (r#"update payouts set status = 'returned', state = '{"status": "returned"}'"#.to_owned(), &["payouts"]),
        (
            "delete from ledger_postings where entry_id in (select id from ledger_entries where reason like 'payout_%');
             delete from ledger_entries where reason like 'payout_%';
             update ledger_balances set balance_minor = balance_minor + 90000 where account like 'available:%'"
                .to_owned(),
            &["payouts"],
        ),
        ("update corrections set amount_minor = 1".to_owned(), &["corrections"]),
        ("update corrections set entry_key = 'correction:other'".to_owned(), &["corrections"]),
        (r#"update payment_refunds set status = 'failed', state = '{"status": "failed"}'"#.to_owned(), &["refunds"]),
        ("update payment_refunds set organization_id = gen_random_uuid()".to_owned(), &["refunds"]),
        (
            "update ledger_credits set payment_id = '00000000-0000-0000-0000-000000000001' where payment_id is not null;
             update ledger_postings set payment_id = '00000000-0000-0000-0000-000000000001' where payment_id is not null"
                .to_owned(),
            &["movements", "refunds"],
        ),
        ("update milestones set holds = '[]'".to_owned(), &["holds"]),
    ];
    let superuser = infra::market::connect(&app.database_url(), 1).await.unwrap();
    let before = books::audit(&superuser, None).await.unwrap();
    assert_eq!(broken(&before), Vec::<&str>::new(), "{before:#?}");
    for (bend, noticed) in bends {
        let tx = superuser.begin().await.unwrap();
        tx.execute_unprepared("set local session_replication_role = replica").await.unwrap();
        assert!(tx.execute_unprepared(&bend).await.unwrap().rows_affected() > 0, "{bend} did nothing");
        let found = books::audit_in(&tx, None).await.unwrap();
        assert_eq!(broken(&found), noticed, "{bend}: {found:#?}");
        tx.rollback().await.unwrap();
    }
}

/// Roll up until so many postings were taken in: transactions of other tests may hold it up.
async fn roll_up(app: &TestApp, postings: i64) {
    let mut taken = 0;
    while taken < postings {
        taken += app.market.ledger_roll_up().await.unwrap();
    }
    assert_eq!(taken, postings);
}

async fn platform(app: &TestApp) -> Vec<(String, i64)> {
    sqlx::query_as("select account, balance_minor from ledger_platform_balances order by 1")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

/// Our fee of so many cents, posted by this connection.
async fn fee(db: &mut PgConnection, key: &str, cents: i64) {
    sqlx::query(
        "select ledger_post(gen_random_uuid(), 'credit', $1, null, null, 'system', 'x', now(),
            jsonb_build_array(jsonb_build_object('from_account', 'processor_clearing', 'to_account', 'fee_revenue',
                'currency', 'USD', 'amount_minor', $2::bigint)))",
    )
    .bind(key)
    .bind(cents)
    .execute(db)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_roll_up_loses_nothing_of_what_is_committed_late() {
    let app = TestApp::new().await;
    let mut early = PgConnection::connect(&app.database_url()).await.unwrap();
    let mut late = PgConnection::connect(&app.database_url()).await.unwrap();
    let now = |fees: i64| vec![("fee_revenue".to_owned(), fees), ("processor_clearing".to_owned(), -fees)];
    fee(&mut early, "one", 1).await;
    roll_up(&app, 1).await;
    assert_eq!(platform(&app).await, now(1));
    // The first to get an id is the last to commit.
    sqlx::query("begin").execute(&mut late).await.unwrap();
    fee(&mut late, "two", 10).await;
    fee(&mut early, "three", 100).await;
    assert_eq!(platform(&app).await, now(101));
    assert_eq!(
        app.market.ledger_roll_up().await.unwrap(),
        0,
        "nothing is taken in while something before it may turn up"
    );
    assert_eq!(platform(&app).await, now(101));
    sqlx::query("commit").execute(&mut late).await.unwrap();
    assert_eq!(platform(&app).await, now(111));
    roll_up(&app, 2).await;
    assert_eq!(platform(&app).await, now(111));
    assert_eq!(app.market.ledger_roll_up().await.unwrap(), 0);
    assert_eq!(broken(&books::audit(app.market.db(), None).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn many_post_while_others_roll_up_and_the_sum_is_right() {
    let app = TestApp::new().await;
    let posting = futures_util::future::join_all((0..8).map(|who| {
        let url = app.database_url();
        async move {
            let mut db = PgConnection::connect(&url).await.unwrap();
            for n in 0..25 {
                sqlx::query("begin").execute(&mut db).await.unwrap();
                fee(&mut db, &format!("{who}:{n}"), 1).await;
                let end = if n % 5 == 4 { "rollback" } else { "commit" };
                sqlx::query(end).execute(&mut db).await.unwrap();
            }
        }
    }));
    let rolling = async {
        let mut taken = 0;
        for _ in 0..60 {
            let (one, two) = tokio::join!(app.market.ledger_roll_up(), app.market.ledger_roll_up());
            taken += one.unwrap() + two.unwrap();
        }
        taken
    };
    let (_, taken) = tokio::join!(posting, rolling);
    roll_up(&app, 160 - taken).await;
    assert_eq!(platform(&app).await[0], ("fee_revenue".to_owned(), 160));
    assert_eq!(broken(&books::audit(app.market.db(), None).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn books_that_came_from_another_cluster_are_counted_anew() {
    let app = TestApp::new().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    fee(&mut db, "one", 1).await;
    roll_up(&app, 1).await;
    // There, transactions had higher numbers than they have here.
    sqlx::query("update ledger_cut set xact = xact + 1000000").execute(&mut db).await.unwrap();
    fee(&mut db, "two", 10).await;
    assert_eq!(app.market.ledger_roll_up().await.unwrap(), 2);
    assert_eq!(platform(&app).await[0], ("fee_revenue".to_owned(), 11));
    fee(&mut db, "three", 100).await;
    assert_eq!(platform(&app).await[0], ("fee_revenue".to_owned(), 111));
    roll_up(&app, 1).await;
    assert_eq!(platform(&app).await[0], ("fee_revenue".to_owned(), 111));
    assert_eq!(broken(&books::audit(app.market.db(), None).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn our_people_see_the_platforms_accounts_and_nobody_else_does() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let query = "{ platformBalances { account balance { amount currency } negative } }";
    let admin = app.admin("root").await;
    let seen = admin.asks(query, json!({})).await;
    assert_eq!(
        seen.data()["platformBalances"],
        json!([
            { "account": "fee_revenue", "balance": { "amount": "80.00", "currency": "USD" }, "negative": false },
            { "account": "processor_clearing", "balance": { "amount": "1030.00", "currency": "USD" }, "negative": true }
        ])
    );
    assert_eq!(deal.client.asks(query, json!({})).await.failed(), ["NOT_FOUND"]);
    assert_eq!(app.visitor().asks(query, json!({})).await.failed(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn the_role_that_runs_the_marketplace_can_not_bend_the_books_nor_switch_off_a_guard() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let mut db = PgConnection::connect(&app.app_url()).await.unwrap();
    let refused = [
        "update ledger_entries set reason = 'fund'",
        "delete from ledger_entries",
        "truncate ledger_entries cascade",
        "insert into ledger_entries select * from ledger_entries",
        "update ledger_postings set amount_minor = 1",
        "delete from ledger_postings",
        "truncate ledger_postings",
        "insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
            select entry_id, from_account, to_account, currency, amount_minor from ledger_postings",
        "update ledger_balances set balance_minor = 1",
        "delete from ledger_balances",
        "insert into ledger_balances values ('available:usr_1', 'USD', 5)",
        "update ledger_statements set seal = ''",
        "delete from ledger_statements",
        "update ledger_rollups set balance_minor = 0",
        "update ledger_cut set xact = 0",
        "update audit_log set act = 'x'",
        "delete from audit_log",
        "truncate audit_log",
        "update policy_versions set terms = '{}'",
        "delete from processor_events",
        "delete from seaql_migrations",
        "alter table ledger_postings disable trigger ledger_postings_append_only",
        "alter table ledger_postings disable trigger all",
        "drop trigger ledger_apply on ledger_postings",
        "drop trigger milestone_held_agrees on milestones",
        "alter table ledger_balances drop constraint ledger_balances_never_negative",
        "set session_replication_role = replica",
        "create or replace function ledger_apply() returns trigger language plpgsql as 'begin return null; end'",
        "create or replace function refuse_change() returns trigger language plpgsql as 'begin return null; end'",
        "drop function ledger_apply() cascade",
        "alter function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb, boolean) security invoker",
        "create rule r as on insert to ledger_postings do instead nothing",
        "create trigger t before insert on ledger_postings for each row execute function refuse_change()",
        "create index i on ledger_postings (currency)",
        "drop table ledger_postings cascade",
        "alter table ledger_postings owner to current_user",
        "grant all on ledger_postings to current_user",
        "select grant_to_app('rabta_app')",
        "create table mine ()",
        "create function f() returns integer language sql as 'select 1'",
        "set role app",
        "alter role current_user superuser",
    ];
    for sql in refused {
        let mut tx = db.begin().await.unwrap();
        let done = sqlx::query(sql).execute(&mut *tx).await;
        let code =
            done.err().and_then(|error| error.as_database_error().and_then(|error| error.code().map(String::from)));
        // 42501 insufficient_privilege; a grant of what one does not have only warns.
        assert!(code.as_deref() == Some("42501") || sql.starts_with("grant"), "{sql}: {code:?}");
        tx.rollback().await.unwrap();
    }
    assert!(!infra::migrate::owns_the_books(app.market.db()).await.unwrap());
    let superuser = infra::market::connect(&app.database_url(), 1).await.unwrap();
    assert!(infra::migrate::owns_the_books(&superuser).await.unwrap());
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
    assert_eq!(broken(&books::audit(app.market.db(), None).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn what_a_decision_comes_with_is_all_written_and_what_it_stops_is_stopped() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let texts =
        async |sql: &'static str| -> Vec<String> { sqlx::query_scalar(sql).fetch_all(app.pool()).await.unwrap() };
    const TIMERS: &str = "select kind from timers where subject = (select id from milestones) order by kind";
    const AUDIT: &str = "select act from audit_log order by sequence desc limit 1";
    const EVENT: &str = "select name from events order by sequence desc limit 1";
    assert_eq!(texts(TIMERS).await, ["auto_approve_milestone", "remind_review"]);
    let approve = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneApprove", approve, "milestone { status }").await.ok();
    assert_eq!(texts(TIMERS).await, ["release_milestone"]);
    assert_eq!(texts(AUDIT).await, ["milestone_approve"]);
    assert_eq!(texts(EVENT).await, ["milestone_approved"]);
}

#[tokio::test]
async fn no_posting_alone_moves_what_a_milestone_or_a_week_holds() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let week = "timesheet_escrow:tsh_00000000000000000000000001".to_owned();
    let (escrow, available) = (format!("escrow:{}", deal.milestone), format!("available:{}", deal.freelancer.id));
    let of_contract = [
        (escrow.clone(), available, "escrow_balance_agrees"),
        ("processor_clearing".to_owned(), escrow, "escrow_balance_agrees"),
        ("losses".to_owned(), week, "ledger_pot_of_contract"),
    ];
    for (from, to, says) in of_contract {
        let alone = sqlx::query(
            "select ledger_post(gen_random_uuid(), 'release', 'alone', (select contract_id from milestones), null, 'system',
                'x', now(), jsonb_build_array(jsonb_build_object('from_account', $1::text, 'to_account', $2::text,
                    'currency', 'USD', 'amount_minor', 1)))",
        );
        let refused = alone.bind(&from).bind(&to).execute(app.pool()).await.unwrap_err();
        let constraint = refused.as_database_error().and_then(|error| error.constraint());
        assert_eq!(constraint, Some(says), "{from} to {to}");
    }
    assert_eq!(deal.balances().await, [100_000, 0, 0]);
}

/// Which rule of the database refuses this, if any does.
async fn refused_by(db: &mut PgConnection, sql: &str) -> Option<String> {
    let mut tx = db.begin().await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await;
    tx.rollback().await.unwrap();
    let rule = |error: sqlx::Error| {
        error.as_database_error().and_then(|error| error.constraint()).map_or_else(|| error.to_string(), str::to_owned)
    };
    done.err().map(rule)
}

#[tokio::test]
async fn what_a_pot_has_moves_by_an_entry_of_its_contract_alone() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut db = PgConnection::connect(&app.app_url()).await.unwrap();
    let post = |contract: &str, milestone: &str, to: &str| {
        format!(
            "with emptied as (
                update milestones set held_minor = 0, sources = '[]', released_net_minor = held_minor
                returning id, escrow_account, released_net_minor)
            select ledger_post(gen_random_uuid(), 'release', 'mine', {contract}, {milestone}, 'system', 'x', now(),
                jsonb_build_array(jsonb_build_object('from_account', escrow_account, 'to_account', 'available:{to}',
                    'currency', 'USD', 'amount_minor', released_net_minor))) from emptied"
        )
    };
    for (contract, milestone) in [("null", "null"), ("gen_random_uuid()", "null"), ("gen_random_uuid()", "id")] {
        let refused = refused_by(&mut db, &post(contract, milestone, &deal.freelancer.id)).await;
        assert_eq!(refused.as_deref(), Some("ledger_pot_of_contract"), "{contract} {milestone}");
    }
    // One of its own is sealed, shows in the statement that both sides have, and pays nobody but who does the work.
    let refused = refused_by(&mut db, &post("null", "id", &deal.client.id)).await;
    assert_eq!(refused.as_deref(), Some("ledger_person_of_contract"));
    assert_eq!(refused_by(&mut db, &post("null", "id", &deal.freelancer.id)).await, None);
}

#[tokio::test]
async fn whose_money_it_is_and_what_was_agreed_stays_whoever_writes() {
    let (app, offered, hourly) = (TestApp::new().await, TestApp::new().await, TestApp::new().await);
    let deal = app.released().await;
    let account = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let account = deal.freelancer.does("payoutMethodAdd", account, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": account, "amount": { "amount": "900.00" }, "purposeCode": "9186", "password": PASSWORD });
    deal.freelancer.does("payoutRequest", ask, "payout { id }").await.ok();
    offered.offered().await;
    let hours = hourly.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    hours.worked("2026-06-01", 60).await;
    let whose = [
        (&app, "offers", &["freelancer_id", "organization_id", "contract_id"][..]),
        (&app, "contracts", &["freelancer_id", "organization_id", "offer_id"]),
        (&app, "milestones", &["freelancer_id", "organization_id", "offer_id", "contract_id"]),
        (&offered, "milestones", &["freelancer_id", "contract_id"]),
        (&hourly, "timesheets", &["freelancer_id", "organization_id", "contract_id", "split_from"]),
        (&app, "payouts", &["method_id", "user_id", "retention_method_id"]),
        (&app, "payout_methods", &["user_id"]),
    ];
    for (app, table, columns) in whose {
        let mut db = PgConnection::connect(&app.app_url()).await.unwrap();
        for column in columns {
            let sql = format!("update {table} set {column} = gen_random_uuid()");
            assert_eq!(refused_by(&mut db, &sql).await.as_deref(), Some("whose_it_is_stays"), "{sql}");
        }
    }
    for (app, table) in
        [(&app, "offers"), (&app, "contracts"), (&app, "milestones"), (&hourly, "timesheets"), (&app, "payouts")]
    {
        let mut db = PgConnection::connect(&app.app_url()).await.unwrap();
        let terms = format!("select terms::text from {table} limit 1");
        let agreed: String = sqlx::query_scalar(AssertSqlSafe(terms.clone())).fetch_one(&mut db).await.unwrap();
        let cheaper = format!("update {table} set terms = jsonb_set(terms::jsonb, '{{freelancer_fee}}', '0')::json");
        assert_eq!(refused_by(&mut db, &cheaper).await.as_deref(), Some("terms_stay"), "{cheaper}");
        // A later program says the same in other words, and more; what was written is kept.
        let other =
            format!("update {table} set terms = (terms::jsonb - 'freelancer_fee' || '{{\"of_later\": 1}}')::json");
        assert!(sqlx::query(AssertSqlSafe(other)).execute(&mut db).await.unwrap().rows_affected() > 0);
        let kept: String = sqlx::query_scalar(AssertSqlSafe(terms)).fetch_one(&mut db).await.unwrap();
        assert_eq!(kept, agreed, "{table}");
    }
}

#[tokio::test]
async fn what_a_milestone_holds_is_what_the_payments_it_came_from_have_left_in_it() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let cents = "jsonb_set(sources, '{0,held,minor}', to_jsonb((sources #>> '{0,held,minor}')::bigint + $2))";
    for (sources, change) in [("'[]'", 0_i64), ("sources || sources", 0), (cents, 1), (cents, -1)] {
        let bend = format!("update milestones set sources = {sources} where public_id('mil', id) = $1 and $2 = $2");
        let bend = sqlx::query(AssertSqlSafe(bend)).bind(&deal.milestone).bind(change);
        let refused = bend.execute(app.pool()).await.unwrap_err();
        let constraint = refused.as_database_error().and_then(|error| error.constraint());
        assert_eq!(constraint, Some("milestones_sources_agree"), "{sources} {change}");
    }
    let same = format!("update milestones set sources = {cents} where public_id('mil', id) = $1");
    let same = sqlx::query(AssertSqlSafe(same)).bind(&deal.milestone).bind(0_i64).execute(app.pool()).await.unwrap();
    assert_eq!(same.rows_affected(), 1, "what agrees is taken");
}
