//! What must not lie about: a server that logs everything it can, through the whole journey and much that goes wrong;
//! then its logs, those of its database, its metrics, and a copy of every table are looked through.

use std::fs;
use std::path::Path;

use api::demo::{Door, play};
use infra::embedded::{Embedded, Purpose};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::server::{PASSWORD, Server};
use crate::sockets::Line;

/// What is said, and must not be found again: by what it is.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() > 5, "{what}: {secret}");
        self.0.push((what, secret.to_owned()));
    }

    /// Those that stand in a text, as they are or as bytes are shown.
    fn found_in(&self, text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let stands = |(_, secret): &&(&'static str, String)| {
            let bytes: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            text.contains(secret.as_str()) || lower.contains(&bytes)
        };
        let told = |(what, secret): &(&'static str, String)| {
            let line = text.lines().find(|line| line.contains(secret.as_str())).unwrap_or_default();
            format!("{what}: {}", line.chars().take(400).collect::<String>())
        };
        self.0.iter().filter(stands).map(told).collect()
    }
}

/// The letters that came to an address, newest last.
fn letters(folder: &Path, email: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join("mail")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort_by_key(|file| fs::metadata(file).and_then(|data| data.modified()).ok());
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).filter(|text| text.contains(email)).collect()
}

/// The newest code that was mailed to an address, when one more letter than `before` has come.
async fn code(folder: &Path, email: &str, before: usize) -> String {
    loop {
        let letters = letters(folder, email);
        if letters.len() > before {
            let code = letters.last().unwrap().lines().find(|line| line.starts_with("mco_"));
            return code.unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// All rows of all tables, as text.
async fn dump(folder: &Path) -> String {
    let server = Embedded::start(folder, Purpose::Data, None).await.unwrap();
    let mut connection = PgConnection::connect(&server.url("rabta")).await.unwrap();
    let names = "select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema') order by 1";
    let tables: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut connection).await.unwrap();
    assert!(tables.len() > 40, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = format!("select coalesce(string_agg(t::text, E'\\n'), '') from {table} t");
        let text: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut connection).await.unwrap();
        all.push_str(&format!("== {table}\n{text}\n"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_secret_lies_about_after_a_whole_journey_with_everything_logged() {
    let server = Server::start_with("leak", |command| {
        command.env("RABTA_LOG", "trace");
    });
    let folder = server.folder().to_owned();
    let mut secrets = Secrets(Vec::new());
    for (what, file) in [("a signing key", "signing.keys"), ("a vault key", "vault.key")] {
        secrets.add(what, fs::read_to_string(folder.join(file)).unwrap().trim());
    }
    let journey = play(&Door::far(&format!("http://{}", server.address)), &mut |_| {}).await.unwrap();
    secrets.add("a password", PASSWORD);
    secrets.add("an account number of the journey", "PK36SCBL0000001123456702");
    secrets.add("an access token of the journey", journey.client.token());

    // Somebody with an address, a second factor, numbers and accounts; and much that is mistaken.
    let (access, refresh, email) = server.somebody("leila").await;
    let does = async |token: Option<&str>, mutation: &str, input: Value, fields: &str| {
        let head: String =
            mutation.chars().enumerate().map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c }).collect();
        let query =
            format!("mutation($i: {head}Input!) {{ {mutation}(input: $i) {{ {fields} errors {{ code path }} }} }}");
        let bearer = token.map(|token| format!("authorization: Bearer {token}"));
        let headers: Vec<&str> = bearer.iter().map(String::as_str).collect();
        server.ask_with(&query, json!({ "i": input }), &headers).await.body
    };
    let mailed = code(&folder, &email, 0).await;
    secrets.add("a mailed code", &mailed);
    let verified = does(Some(&access), "emailVerify", json!({ "code": mailed }), "email").await;
    assert_eq!(verified["data"]["emailVerify"]["errors"], json!([]), "{verified}");
    does(None, "emailVerify", json!({ "code": format!("{mailed}x") }), "email").await;

    let before = letters(&folder, &email).len();
    does(None, "passwordResetRequest", json!({ "email": email }), "expiresAt").await;
    let mailed = code(&folder, &email, before).await;
    let (new, wrong) = ("quiet-harbor-seventy-one", "mistaken-lantern-forty");
    secrets.add("a mailed code", &mailed);
    secrets.add("a new password", new);
    secrets.add("a mistaken password", wrong);
    let reset = does(None, "passwordReset", json!({ "code": mailed, "newPassword": new }), "endedCount").await;
    assert_eq!(reset["data"]["passwordReset"]["errors"], json!([]), "{reset}");
    does(None, "signIn", json!({ "email": email, "password": wrong }), "tokens { accessToken }").await;
    let tokens =
        does(None, "signIn", json!({ "email": email, "password": new }), "tokens { accessToken refreshToken }").await;
    let token = |body: &Value, verb: &str, name: &str| body["data"][verb]["tokens"][name].as_str().unwrap().to_owned();
    let (second, second_refresh) = (token(&tokens, "signIn", "accessToken"), token(&tokens, "signIn", "refreshToken"));
    let refreshed =
        does(None, "sessionRefresh", json!({ "refreshToken": second_refresh }), "tokens { accessToken refreshToken }")
            .await;
    for (what, secret) in [
        ("an access token", &access),
        ("a refresh token", &refresh),
        ("an access token", &second),
        ("a refresh token", &second_refresh),
        ("a refresh token", &token(&refreshed, "sessionRefresh", "refreshToken")),
    ] {
        secrets.add(what, secret);
    }
    let enrolled = does(Some(&second), "secondFactorEnroll", json!({}), "enrollment { secret }").await;
    let secret = enrolled["data"]["secondFactorEnroll"]["enrollment"]["secret"]
        .as_str()
        .unwrap_or_else(|| panic!("{enrolled}"))
        .to_owned();
    secrets.add("the secret of an authenticator app", &secret);

    let (iban, wrong_iban) = ("PK24MUCB0646609971000177", "PK25MUCB0646609971000177");
    let numbers = json!({ "address": "12 Mall Road, Lahore", "phone": "+923001234567", "cnic": "35202-8765432-9", "ntn": "7391846-2" });
    let payee = does(Some(&second), "payeeUpdate", numbers, "payee { cnicLast4 }").await;
    assert_eq!(payee["data"]["payeeUpdate"]["payee"]["cnicLast4"], "4329", "{payee}");
    for (number, title) in [(iban, "Leila"), (wrong_iban, "Leila"), (iban, "Leila again")] {
        does(Some(&second), "payoutMethodAdd", json!({ "iban": number, "accountTitle": title }), "payoutMethod { id }")
            .await;
    }
    for number in [iban, wrong_iban, "35202-8765432-9", "3520287654329", "7391846-2", "73918462"] {
        secrets.add("a number", number);
    }
    // Numbers of cards, where tokens of cards belong; of a contract that is there, and of one that is not.
    for card in ["4242424242424242", "4000 0566 5566 5556", "5555-5555-5555-4444"] {
        secrets.add("the number of a card", card);
        for contract in [journey.ids["contract"].as_str(), "con_00000000000000000000000000"] {
            let input = json!({ "contractId": contract, "paymentMethod": card });
            let said = journey.client.asks("mutation($i: ContractPaymentMethodSetInput!) { contractPaymentMethodSet(input: $i) { errors { code } } }", json!({ "i": input })).await.unwrap();
            assert_ne!(said["contractPaymentMethodSet"]["errors"], json!([]), "{card} was taken");
        }
        let input = json!({ "milestoneId": journey.ids["milestone"], "paymentMethod": card });
        journey
            .client
            .asks(
                "mutation($i: MilestoneFundInput!) { milestoneFund(input: $i) { errors { code } } }",
                json!({ "i": input }),
            )
            .await
            .unwrap();
    }
    // Tokens where they do not belong, and over a socket.
    for path in [
        format!("/graphql?query=%7B__typename%7D&access_token={second}"),
        format!("/papers/earnings/2026.pdf?token={second}"),
        format!("/{second}"),
    ] {
        server.get(&path, &[]).await;
    }
    server.ask_with("{ __typename }", json!({}), &[&format!("authorization: Basic {second}")]).await;
    server
        .ask_with("{ __typename }", json!({ "password": new, "token": second }), &[&format!("cookie: token={second}")])
        .await;
    server.ask(&format!("{{ payeesByNumber(number: \"{iban}\") {{ id }} }}")).await;
    server
        .ask(&format!(
            "mutation {{ signIn(input: {{ email: \"{email}\", password: \"{new}\" }}) {{ tokens {{ nothing }} }} }}"
        ))
        .await;
    let mut line = Line::greeted(server.address, &server.fresh_address(), Some(&second)).await;
    line.subscribe("1", "subscription { notificationReceived { cursor } }").await;
    line.say(json!({ "type": "ping", "payload": { "password": new } })).await;
    assert_eq!(line.hears().await, "pong");
    drop(line);

    let metrics = server.get("/metrics", &[]).await.body;
    let database = dump(&folder).await;
    let logs = server.logged();
    assert!(logs.len() > 10_000 && logs.contains("TRACE"), "everything was logged: {} bytes", logs.len());
    assert!(database.contains("Mall Road") && database.contains("4329"), "the copy holds what was said");
    let mut found = Vec::new();
    for (place, text) in [
        ("the logs", logs.as_str()),
        ("the metrics", metrics.as_str().unwrap_or_default()),
        ("the database", &database),
    ] {
        found.extend(secrets.found_in(text).into_iter().map(|told| format!("in {place}, {told}")));
    }
    for log in of_postgres(&folder) {
        found.extend(secrets.found_in(&log).into_iter().map(|told| format!("in PostgreSQL's log, {told}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// What its database logged.
fn of_postgres(folder: &Path) -> Vec<String> {
    let mut logs = Vec::new();
    for place in [folder.to_owned(), folder.join("data"), folder.join("data/log")] {
        let files = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
        let named = files.filter(|file| file.to_string_lossy().contains("log") && file.is_file());
        logs.extend(
            named.filter_map(|file| fs::read(file).ok()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        );
    }
    logs
}
