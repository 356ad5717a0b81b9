//! The books: statements that add up, and rows that can't be changed.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
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

/// The block of VERIFYING.md in this language.
fn block(language: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../VERIFYING.md")).unwrap();
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// The answers to the page's query, until there is no more.
async fn fetch(deal: &Deal<'_>, page_size: usize) -> Vec<Value> {
    let query = block("graphql").replace("first: 100", &format!("first: {page_size}"));
    let mut answers: Vec<Value> = Vec::new();
    let mut after = Value::Null;
    loop {
        let reply = deal.client.asks(&query, json!({ "id": deal.contract, "after": after })).await;
        let info = reply.data()["contract"]["statement"]["pageInfo"].clone();
        answers.push(reply.body);
        if info["hasNextPage"] == json!(false) {
            return answers;
        }
        after = info["endCursor"].clone();
    }
}

/// Run the page's script on the answers, if there is a Python here.
fn python(answers: &[Value]) -> Option<Result<String, String>> {
    let folder = std::env::temp_dir().join(format!("rabta-verify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("verify.py");
    std::fs::write(&script, block("python")).unwrap();
    let mut command = std::process::Command::new("python3");
    command.arg(&script);
    for (place, answer) in answers.iter().enumerate() {
        let file = folder.join(format!("{}.json", place + 1));
        std::fs::write(&file, answer.to_string()).unwrap();
        command.arg(file);
    }
    let output = command.output().ok();
    std::fs::remove_dir_all(&folder).unwrap();
    let output = output?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) })
}

/// What the page says, once more in Rust, with the signature.
fn check(answers: &[Value], keys: &JwkSet) -> Result<usize, String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("no text: {value}"));
    let time = |value: &Value| text(value)?.parse::<DateTime<Utc>>().map_err(|error| error.to_string());
    let sha = |text: &str| -> String { Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
    let contract = text(&answers[0]["data"]["contract"]["id"])?;
    let mut seal = sha(&format!("rabta statement of {contract}\n"));
    let (mut number, mut in_escrow) = (0, 0);
    for entry in answers.iter().flat_map(|answer| answer["data"]["contract"]["statement"]["nodes"].as_array().unwrap())
    {
        number += 1;
        let milestone = if entry["milestoneId"].is_null() { String::new() } else { text(&entry["milestoneId"])? };
        let at = time(&entry["postedAt"])?.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        let (reason, key, party) =
            (text(&entry["reason"])?, text(&entry["key"])?, text(&entry["party"])?.to_lowercase());
        let mut lines = format!("{seal}\n{number}\n{reason}\n{key}\n{milestone}\n{party}\n{at}\n");
        for posting in entry["postings"].as_array().unwrap() {
            let (from, to) = (text(&posting["from"])?, text(&posting["to"])?);
            let minor = posting["amount"]["minorUnits"].as_i64().unwrap();
            let pot =
                |account: &str| i64::from(account.starts_with("escrow:") || account.starts_with("timesheet_escrow:"));
            in_escrow += minor * (pot(&to) - pot(&from));
            lines += &format!("{from} {to} {} {minor}\n", text(&posting["amount"]["currency"])?);
        }
        seal = sha(&lines);
        let said = (&entry["form"], &entry["number"], &entry["seal"], &entry["inEscrow"]["minorUnits"]);
        if said != (&json!(2), &json!(number), &json!(seal), &json!(in_escrow)) {
            return Err(format!("entry {number} is not what was sealed"));
        }
    }
    let head = &answers[answers.len() - 1]["data"]["contract"]["statementHead"];
    if head["entries"] != json!(number) || head["seal"] != json!(seal) {
        return Err("the head is not that of these entries".to_owned());
    }
    let (jws, key_id) = (text(&head["signature"])?, text(&head["keyId"])?);
    let header = decode_header(&jws).map_err(|error| error.to_string())?;
    if header.typ.as_deref() != Some("rabta-statement+jwt") || header.kid.as_ref() != Some(&key_id) {
        return Err("not the signature of a statement".to_owned());
    }
    let key = keys.find(&key_id).ok_or("no such key")?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let claims = decode::<Value>(&jws, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .map_err(|error| error.to_string())?
        .claims;
    let at = time(&head["signedAt"])?;
    if at.timestamp_subsec_nanos() != 0
        || claims
            != json!({ "iss": "https://rabta.example", "sub": contract, "entries": number, "seal": seal, "iat": at.timestamp() })
    {
        return Err("something else was signed".to_owned());
    }
    Ok(number)
}

async fn published_keys(app: &TestApp) -> JwkSet {
    let request = Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap();
    let body = to_bytes(app.send(request).await.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A copy of `value` for each thing in it, with that one changed.
fn tampered(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "pageInfo");
            let change = |(name, field): (&String, &Value)| {
                let whole = value.clone();
                let name = name.clone();
                tampered(field).into_iter().map(move |(path, field)| {
                    let mut whole = whole.clone();
                    whole[&name] = field;
                    (format!("{name}.{path}"), whole)
                })
            };
            fields.flat_map(change).collect()
        }
        Value::Array(items) => {
            let mut all: Vec<(String, Value)> = Vec::new();
            for (place, item) in items.iter().enumerate() {
                for (path, item) in tampered(item) {
                    let mut whole = items.clone();
                    whole[place] = item;
                    all.push((format!("{place}.{path}"), Value::Array(whole)));
                }
                let mut fewer = items.clone();
                fewer.remove(place);
                all.push((format!("{place} gone"), Value::Array(fewer)));
            }
            if items.len() > 1 {
                let mut turned = items.clone();
                turned.swap(0, 1);
                all.push(("turned".to_owned(), Value::Array(turned)));
            }
            all
        }
        Value::Number(number) => vec![(String::new(), json!(number.as_i64().unwrap() + 1))],
        Value::String(text) => vec![(String::new(), Value::String(otherwise(text)))],
        Value::Null => vec![(String::new(), json!("mil_00000000000000000000000001"))],
        Value::Bool(_) => vec![],
    }
}

/// Something else of the same kind.
fn otherwise(text: &str) -> String {
    match text.parse::<DateTime<Utc>>() {
        Ok(time) => (time + TimeDelta::seconds(1)).to_rfc3339(),
        Err(_) if text == "USD" => "PKR".to_owned(),
        Err(_) if ["CLIENT", "FREELANCER"].contains(&text) => "STAFF".to_owned(),
        Err(_) => {
            let mut letters: Vec<char> = text.chars().collect();
            let middle = letters.len() / 2;
            letters[middle] = if letters[middle] == 'a' { 'b' } else { 'a' };
            letters.into_iter().collect()
        }
    }
}

#[tokio::test]
async fn one_of_our_people_who_acts_for_a_client_is_sealed_as_the_client() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let noor = app.admin("noor").await;
    let joins = "insert into members (id, organization_id, user_id, role, created_at)
        select gen_random_uuid(), o.id, u.id, 'admin', now() from organizations o, users u
        where public_id('org', o.id) = $1 and public_id('usr', u.id) = $2";
    sqlx::query(joins).bind(&deal.client.organization).bind(&noor.id).execute(app.pool()).await.unwrap();
    noor.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    let party = "select party from ledger_entries where reason = 'release'";
    let party: String = sqlx::query_scalar(party).fetch_one(app.pool()).await.unwrap();
    assert_eq!(party, "client");
    // As one of us they are sealed as that.
    let app = TestApp::new().await;
    let quarrel = app.answered("400.00").await;
    quarrel.is_recommended(&app.mediator("marta").await, "500.00").await;
    assert_eq!(quarrel.client_does("disputeRefuse", json!({})).await, "ARBITRATION");
    quarrel.pays(&quarrel.deal.client).await.ok();
    quarrel.pays(&quarrel.deal.freelancer).await.ok();
    let award = json!({ "amount": { "amount": "600.00" }, "reason": "As I see it" });
    quarrel.does(&app.mediator("omar").await, "disputeAward", award).await.ok();
    let party = "select party from ledger_entries where reason = 'award'";
    let party: String = sqlx::query_scalar(party).fetch_one(app.pool()).await.unwrap();
    assert_eq!(party, "staff");
}

#[tokio::test]
async fn a_party_verifies_its_statement_as_the_page_says() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let give = json!({ "milestoneId": deal.milestone, "amount": { "amount": "50.00" }, "expectedVersion": 100 });
    let stale = deal.freelancer.does("milestoneRefundAfter", give.clone(), "milestone { version }").await;
    assert_eq!(stale.refused(), ["STALE_VERSION"]);
    let version = deal
        .freelancer
        .asks("query($id: ID!) { milestone(id: $id) { version } }", json!({ "id": deal.milestone }))
        .await;
    let mut give = give;
    give["expectedVersion"] = version.data()["milestone"]["version"].clone();
    deal.freelancer.does("milestoneRefundAfter", give, "milestone { status }").await.ok();

    let keys = published_keys(&app).await;
    let pages = fetch(&deal, 3).await;
    assert_eq!(pages.len(), 2);
    assert_eq!(check(&pages, &keys), Ok(4));
    let whole = fetch(&deal, 100).await;
    assert_eq!(check(&whole, &keys), Ok(4));
    let entries = whole[0]["data"]["contract"]["statement"]["nodes"].as_array().unwrap();
    let parties: Vec<&str> = entries.iter().map(|entry| entry["party"].as_str().unwrap()).collect();
    assert_eq!(parties, ["SYSTEM", "CLIENT", "SYSTEM", "FREELANCER"]);
    if let Some(said) = python(&pages) {
        assert!(said.unwrap().starts_with("4 entries, 0 minor units in escrow"));
    }

    let variants = tampered(&json!({ "data": whole[0]["data"] }));
    assert!(variants.len() > 70, "{}", variants.len());
    for (path, variant) in variants {
        let variant = [variant];
        assert!(check(&variant, &keys).is_err(), "not noticed: {path}");
        // The script leaves the signature itself to a library.
        if !path.contains("signature")
            && let Some(said) = python(&variant)
        {
            assert!(said.is_err(), "not noticed by the script: {path}");
        }
    }
    // Signed by somebody else.
    let others = published_keys(&TestApp::new().await).await;
    assert!(check(&whole, &others).is_err());
}

#[tokio::test]
async fn a_contract_without_money_has_a_signed_head_too_and_others_see_none() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    let query = "query($id: ID!) { contract(id: $id) { statementHead { entries seal signature } statement { nodes { number } } } }";
    // A viewer of the client's sees the contract, and not its books.
    let viewer = app.person("vera").await;
    let joined = "insert into members select gen_random_uuid(), organization.id, person.id, 'viewer', now()
        from organizations organization, users person
        where person.email = 'vera@example.com' and organization.name like 'clara%'";
    assert_eq!(sqlx::query(joined).execute(&mut db).await.unwrap().rows_affected(), 1);
    let seen = viewer.asks(query, json!({ "id": deal.contract })).await;
    assert!(seen.data()["contract"]["statementHead"].is_null(), "{}", seen.body);
    assert_eq!(seen.data()["contract"]["statement"]["nodes"], json!([]));
    assert!(
        !deal.client.asks(query, json!({ "id": deal.contract })).await.data()["contract"]["statementHead"].is_null()
    );
    assert!(app.client("otto").await.asks(query, json!({ "id": deal.contract })).await.data()["contract"].is_null());
}

#[tokio::test]
async fn mediators_see_the_signed_head_of_what_is_before_them_as_long_as_it_is() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let marta = app.mediator("marta").await;
    let query = "query($id: ID!) { contract(id: $id) { statementHead { entries seal signature } statement(first: 20) { nodes { number seal } } } }";
    let contract = json!({ "id": quarrel.deal.contract });
    let seen = marta.asks(query, contract.clone()).await.data()["contract"].clone();
    let entries = seen["statement"]["nodes"].as_array().unwrap();
    let (last, head) = (entries.last().unwrap(), &seen["statementHead"]);
    assert_eq!((&head["entries"], &head["seal"]), (&last["number"], &last["seal"]), "{seen}");
    assert!(head["signature"].as_str().unwrap().split('.').count() == 3);

    quarrel.client_does("disputeWithdraw", json!({})).await;
    let over = marta.asks(query, contract).await;
    assert!(over.body["data"]["contract"].is_null(), "{}", over.body);
}

#[tokio::test]
async fn the_database_seals_what_the_page_says() {
    let app = TestApp::new().await;
    app.released().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    let wrong: i64 = sqlx::query_scalar(
        "with chain as (select e.*, lag(seal) over (partition by contract_id order by number) as previous,
                (select jsonb_agg(jsonb_build_object('from_account', from_account, 'to_account', to_account,
                    'currency', currency, 'amount_minor', amount_minor) order by id) from ledger_postings where entry_id = e.id) as legs
             from ledger_entries e where contract_id is not null)
         select count(*) from chain
         where seal <> sha256(convert_to(ledger_canonical(coalesce(previous, ledger_genesis(contract_id)), number, reason, key,
             milestone_id, party, posted_at, legs), 'UTF8'))",
    )
    .fetch_one(&mut db)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
}

/// Money going in and out of escrow.
/// So many entries more than the first.
pub async fn statement_of(app: &TestApp, more: i64) -> Deal<'_> {
    let deal = app.contracted().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    // The milestone does not say so.
    let alone = "alter table ledger_balances disable trigger escrow_balance_agrees";
    sqlx::query(alone).execute(&mut db).await.unwrap();
    sqlx::query("select count(ledger_post(gen_random_uuid(), 'bonus', 'more:' || n, statement.contract_id, null, 'system', 'x', now(),
            jsonb_build_array(jsonb_build_object('currency', 'USD', 'amount_minor', case when n % 3 = 0 then 20 else 10 + n % 7 end,
                'from_account', case when n % 3 = 0 then milestone.escrow_account else 'processor_clearing' end,
                'to_account', case when n % 3 = 0 then 'losses' else milestone.escrow_account end))))
         from generate_series(1::bigint, $1) n, ledger_statements statement
         join milestones milestone on milestone.contract_id = statement.contract_id")
        .bind(more)
        .execute(&mut db).await.unwrap();
    let guarded = "alter table ledger_balances enable trigger escrow_balance_agrees";
    sqlx::query(guarded).execute(&mut db).await.unwrap();
    deal
}

#[tokio::test]
async fn a_long_statement_is_read_page_by_page_with_what_is_in_escrow_on_each() {
    let app = TestApp::new().await;
    let deal = statement_of(&app, 249).await;
    let fields = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        nodes { number inEscrow { minorUnits } postings { from to amount { minorUnits } } }";
    let numbers = |nodes: &[Value]| nodes.iter().map(|node| node["number"].as_i64().unwrap()).collect::<Vec<_>>();

    let forward = format!(
        "query($id: ID!, $at: String) {{ contract(id: $id) {{ statement(first: 33, after: $at) {{ {fields} }} }} }}"
    );
    let (mut all, mut at) = (Vec::new(), Value::Null);
    loop {
        let reply = deal.client.asks(&forward, json!({ "id": deal.contract, "at": at })).await;
        let page = &reply.data()["contract"]["statement"];
        assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!all.is_empty()));
        all.extend(page["nodes"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        at = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(numbers(&all), (1..=250).collect::<Vec<_>>());
    let mut in_escrow = 0;
    for entry in &all {
        let posting = &entry["postings"][0];
        let pot = |side: &str| i64::from(posting[side].as_str().unwrap().contains("escrow:"));
        in_escrow += posting["amount"]["minorUnits"].as_i64().unwrap() * (pot("to") - pot("from"));
        assert_eq!(entry["inEscrow"]["minorUnits"], json!(in_escrow), "after entry {}", entry["number"]);
    }

    let backward = format!(
        "query($id: ID!, $at: String) {{ contract(id: $id) {{ statement(last: 100, before: $at) {{ {fields} }} }} }}"
    );
    let (mut back, mut at) = (Vec::new(), Value::Null);
    loop {
        let reply = deal.client.asks(&backward, json!({ "id": deal.contract, "at": at })).await;
        let page = &reply.data()["contract"]["statement"];
        back.splice(0..0, page["nodes"].as_array().unwrap().clone());
        if page["pageInfo"]["hasPreviousPage"] == json!(false) {
            break;
        }
        at = page["pageInfo"]["startCursor"].clone();
    }
    assert_eq!(back, all);
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
        "select ledger_post(gen_random_uuid(), 'credit', 'k1', null, null, 'x', 'x', now(),
            (select jsonb_build_array(jsonb_build_object('from_account', account, 'to_account', 'losses', 'currency', 'USD', 'amount_minor', balance_minor + 1))
             from ledger_balances where account like 'available:%'))",
        // Nothing, from an account to itself, and out of an account that never was.
        "select ledger_post(gen_random_uuid(), 'credit', 'k2', null, null, 'x', 'x', now(), '[]')",
        "select ledger_post(gen_random_uuid(), 'credit', 'k3', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"losses\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
        "select ledger_post(gen_random_uuid(), 'credit', 'k4', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"available:usr_nobody\", \"to_account\": \"losses\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
        "select ledger_post(gen_random_uuid(), 'credit', 'k5', null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"paid_out\", \"currency\": \"USD\", \"amount_minor\": -1}]')",
        // A key that was used.
        "select ledger_post(gen_random_uuid(), 'credit', (select min(key) from ledger_entries), null, null, 'x', 'x', now(),
            '[{\"from_account\": \"losses\", \"to_account\": \"paid_out\", \"currency\": \"USD\", \"amount_minor\": 1}]')",
    ];
    for sql in refused {
        assert!(sqlx::query(sql).execute(&mut db).await.is_err(), "it was taken: {sql}");
    }
    assert_eq!(deal.balances().await, [0, 0, 95_000]);
}

#[tokio::test]
async fn the_database_keeps_the_books_in_dollars() {
    let app = TestApp::new().await;
    app.released().await;
    let mut db = PgConnection::connect(&app.database_url()).await.unwrap();
    for (sql, rule) in [
        (
            "select ledger_post(gen_random_uuid(), 'credit', 'k1', null, null, 'x', 'x', now(),
                '[{\"from_account\": \"losses\", \"to_account\": \"paid_out\", \"currency\": \"PKR\", \"amount_minor\": 1}]')",
            "ledger_postings_in_dollars",
        ),
        // What was agreed on stays as it was anyhow.
        (
            "insert into milestones select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(),
                'escrow_account', 'escrow:none', 'currency', 'PKR'))).* from milestones m",
            "milestones_in_dollars",
        ),
    ] {
        let refused = sqlx::query(sql).execute(&mut db).await.unwrap_err().to_string();
        assert!(refused.contains(rule), "{sql}: {refused}");
    }
    // Of what was there before it is known, too.
    let holds = "select conrelid::regclass::text from pg_constraint
        where conname like '%\\_in\\_dollars' and convalidated order by 1";
    let holds: Vec<String> = sqlx::query_scalar(holds).fetch_all(&mut db).await.unwrap();
    assert_eq!(holds, ["disputes", "ledger_postings", "milestones", "payouts", "timesheets"]);
    let rupees = "select conrelid::regclass::text from pg_constraint
        where contype = 'c' and pg_get_constraintdef(oid) like '%PKR%'";
    let rupees: Vec<String> = sqlx::query_scalar(rupees).fetch_all(&mut db).await.unwrap();
    assert_eq!(rupees, ["payout_methods"], "rupees are what a bank account is kept in");
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
