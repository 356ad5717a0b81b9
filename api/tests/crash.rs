//! `kill -9`, under load: of the server, of PostgreSQL, and of both. Several people do business over
//! HTTP, at fixed prices and by the hour, and quarrel, with the keys that make it safe to repeat, and
//! repeat whatever they got no answer to. In the end everything they were told is still so, nothing
//! has happened twice, and all that was waiting to be done was done. Where Stripe takes the money (a
//! double of it, which lives on in the test's process), the server is killed when Stripe has done
//! what it was asked for and we have not written that down.
//!
//! `CRASH_SEED` chooses who is killed and when, `CRASH_KILLS` how often.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod double;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use infra::clock::Clock;
use infra::embedded::{Embedded, Purpose, test_folder};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use tests::StripeDouble;
use tests::stripe::{Books, Fault, Faults, Transfer};
use tokio::time::sleep;

const PASSWORD: &str = "tuba-gravel-ninety";
/// How many pairs of a client and a freelancer do business at once.
const PAIRS: usize = 3;
/// The one query that finds whatever is wrong with the books.
const BOOKS: &str = include_str!("../../tests/src/books.sql");
/// How long anybody tries to get an answer, and everything that waits may take.
const PATIENCE: Duration = Duration::from_secs(180);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Choices that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) % n
    }
}

/// PostgreSQL with durable settings, and `rabta serve` on it, both ours to kill.
struct Rig {
    folder: PathBuf,
    /// We keep it ourselves, or the server keeps a private one.
    database: Option<Embedded>,
    private: bool,
    url: String,
    /// Where Stripe is, if it takes the money.
    stripe: Option<String>,
    server: Option<Child>,
    /// Where the server is: another port each time it is started.
    address: Arc<Mutex<SocketAddr>>,
}

impl Rig {
    async fn start() -> Self {
        Self::start_with("rabta-crash", None).await
    }

    /// The same, in a folder of this name, where Stripe takes the money.
    async fn start_with(name: &str, stripe: Option<String>) -> Self {
        let folder = test_folder().with_file_name(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let database = Embedded::start(&folder, Purpose::Data, None).await.unwrap();
        database.ensure_database("rabta").await.unwrap();
        let url = database.url("rabta");
        let address = Arc::new(Mutex::new(SocketAddr::from(([127, 0, 0, 1], 0))));
        let mut rig = Self { folder, database: Some(database), private: false, url, stripe, server: None, address };
        rig.start_server();
        rig
    }

    /// A server with a private PostgreSQL.
    async fn start_private() -> Self {
        let folder = test_folder().with_file_name(format!("rabta-crash-private-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let address = Arc::new(Mutex::new(SocketAddr::from(([127, 0, 0, 1], 0))));
        let url = String::new();
        let mut rig = Self { folder, database: None, private: true, url, stripe: None, server: None, address };
        rig.start_server();
        // From now on it has two users.
        rig.start_database().await;
        rig.url = rig.database.as_ref().unwrap().url("rabta");
        rig
    }

    fn start_server(&mut self) {
        let keys = self.folder.with_added_extension("keys");
        fs::create_dir_all(&keys).unwrap();
        let log = File::options().append(true).create(true).open(keys.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabta"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).arg("serve");
        if self.private {
            command.arg("--no-demo-data").env("RABTA_DATA_DIR", &self.folder);
        } else {
            command.env("DATABASE_URL", &self.url).env("RABTA_DATA_DIR", &keys);
        }
        command.env("RABTA_LISTEN", "127.0.0.1:0");
        if let Some(base) = &self.stripe {
            double::deals_with(&mut command, base);
        }
        // Everybody has an address of their own, as far as limits are concerned.
        command.env("RABTA_TRUSTED_PROXIES", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("Ctrl-C stops") {
            assert_ne!(output.read_line(&mut banner).unwrap(), 0, "it ended at once: see {}", keys.display());
        }
        let after = banner.split("ready at http://").nth(1).unwrap();
        *self.address.lock().unwrap() = after.split_whitespace().next().unwrap().parse().unwrap();
        self.server = Some(child);
    }

    fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    fn postmaster(&self) -> String {
        let postmaster = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        postmaster.lines().next().unwrap().trim().to_owned()
    }

    /// PostgreSQL's first process alone: its children have to notice by themselves.
    fn kill_postmaster(&self, postmaster: &str) {
        assert!(Command::new("kill").args(["-9", postmaster]).status().unwrap().success());
    }

    /// What the server says of itself: is it ready, and how is its database?
    async fn ready(&self) -> (bool, String) {
        let address = *self.address.lock().unwrap();
        let answer = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["ready"] == true, status == 200, "{status} {body}");
        (status == 200, body["database"].as_str().unwrap().to_owned())
    }

    async fn until_ready(&self, wanted: bool) -> String {
        let began = Instant::now();
        loop {
            let (ready, database) = self.ready().await;
            if ready == wanted {
                return database;
            }
            assert!(began.elapsed() < PATIENCE, "ready is still {ready}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every process of PostgreSQL at once.
    fn kill_database(&self) {
        let postmaster = self.postmaster();
        let all = Command::new("ps").args(["-eo", "pid=,ppid="]).output().unwrap();
        let all = String::from_utf8(all.stdout).unwrap();
        let children = all.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
        let children = children.filter(|(_, parent)| parent.trim() == postmaster).map(|(pid, _)| pid);
        // Some may be gone by the time they are named.
        let _ = Command::new("kill").arg("-9").arg(&postmaster).args(children).stderr(Stdio::null()).status().unwrap();
    }

    async fn start_database(&mut self) {
        drop(self.database.take());
        self.database = Some(Embedded::start(&self.folder, Purpose::Data, None).await.unwrap());
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

impl Rig {
    /// End it all, and leave nothing behind. When a test fails, what is there is worth a look.
    async fn end(mut self) {
        self.kill_server();
        let logged = fs::read_to_string(self.folder.with_added_extension("keys").join("log")).unwrap();
        assert_eq!(tests::leaks::in_log(&logged), Vec::<String>::new());
        self.database.take().unwrap().stop().await.unwrap();
        assert!(!self.folder.join("data/postmaster.pid").exists(), "nobody is left behind");
        fs::remove_dir_all(self.folder.with_added_extension("keys")).unwrap();
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Something that was done, and what was said of it.
struct Act {
    mutation: &'static str,
    input: Value,
    fields: &'static str,
    told: Value,
}

/// Somebody with a phone that does not give up.
struct Person {
    http: reqwest::Client,
    address: Arc<Mutex<SocketAddr>>,
    email: String,
    from: String,
    token: String,
    /// What this person was told was done.
    acts: Vec<Act>,
}

/// An answer, as far as one came.
enum Answer {
    Payload(Value),
    SignInAgain,
    Nothing,
}

/// Numbers of acts: their keys.
static ACTS: AtomicU64 = AtomicU64::new(0);

impl Person {
    async fn sign_up(rig: &Rig, name: &str, number: u64) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let email = format!("{name}@example.com");
        let address = Arc::clone(&rig.address);
        let from = format!("10.0.0.{number}");
        let mut person = Self { http, address, email, from, token: String::new(), acts: Vec::new() };
        let input = json!({ "email": person.email, "name": name, "password": PASSWORD });
        let payload = person.insists("signUp", &input, "tokens { accessToken viewer { user { id } } }").await;
        person.token = payload["tokens"]["accessToken"].as_str().unwrap().to_owned();
        if rig.stripe.is_none() {
            person.does("sandboxEmailVerify", json!({}), "viewer { emailVerified }").await.unwrap();
        } else {
            let verify = "update users set email_verified_at = created_at where email = $1";
            sqlx::query(verify).bind(&person.email).execute(&mut rig.connect().await).await.unwrap();
        }
        person
    }

    /// Do something, and keep at it until there is an answer.
    ///
    /// # Errors
    ///
    /// What was said against it.
    async fn does(&mut self, mutation: &'static str, mut input: Value, fields: &'static str) -> Result<Value, String> {
        input["idempotencyKey"] = json!(format!("act-{}", ACTS.fetch_add(1, Ordering::Relaxed)));
        let told = self.insists(mutation, &input, fields).await;
        if told["errors"] != json!([]) {
            return Err(format!("{mutation}: {}", told["errors"]));
        }
        self.acts.push(Act { mutation, input, fields, told: told.clone() });
        Ok(told)
    }

    async fn insists(&mut self, mutation: &str, input: &Value, fields: &str) -> Value {
        let mut letters = mutation.chars();
        let head = letters.next().unwrap().to_uppercase();
        let query = format!(
            "mutation($input: {head}{}Input!) {{ {mutation}(input: $input) {{ {fields} errors {{ code message }} }} }}",
            letters.as_str()
        );
        self.until_told(&query, json!({ "input": input }), mutation).await
    }

    async fn asks(&mut self, query: &str, variables: Value, field: &str) -> Value {
        self.until_told(query, variables, field).await
    }

    async fn until_told(&mut self, query: &str, variables: Value, field: &str) -> Value {
        let began = Instant::now();
        let body = json!({ "query": query, "variables": variables });
        loop {
            match self.tries(&body, field).await {
                Answer::Payload(payload) => return payload,
                Answer::SignInAgain => self.signs_in().await,
                Answer::Nothing => (),
            }
            sleep(Duration::from_millis(50)).await;
            assert!(began.elapsed() < PATIENCE, "no answer to {body}");
        }
    }

    async fn signs_in(&mut self) {
        let query =
            "mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } errors { code } } }";
        let input = json!({ "input": { "email": self.email, "password": PASSWORD } });
        self.token.clear();
        if let Answer::Payload(payload) = self.tries(&json!({ "query": query, "variables": input }), "signIn").await
            && let Some(token) = payload["tokens"]["accessToken"].as_str()
        {
            self.token = token.to_owned();
        }
    }

    async fn tries(&self, body: &Value, field: &str) -> Answer {
        // Who is not signed in is answered, too, but with what a visitor may see.
        if self.token.is_empty() && !["signUp", "signIn"].contains(&field) {
            return Answer::SignInAgain;
        }
        let address = *self.address.lock().unwrap();
        let mut request = self.http.post(format!("http://{address}/graphql")).header("X-Forwarded-For", &self.from);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let Ok(response) = request.json(body).send().await else { return Answer::Nothing };
        if response.status() == 401 {
            return Answer::SignInAgain;
        }
        let Ok(answer) = response.json::<Value>().await else { return Answer::Nothing };
        // A fault of the server's own is no answer: the database may be away.
        if !answer["errors"].is_null() || answer["data"][field].is_null() {
            return Answer::Nothing;
        }
        let payload = answer["data"][field].clone();
        // Days may pass between the check of a token and the act, and then the proof is too old as well.
        match payload["errors"][0]["code"].as_str() {
            Some("UNAUTHENTICATED" | "REAUTHENTICATE") => Answer::SignInAgain,
            _ => Answer::Payload(payload),
        }
    }
}

/// A client founds a company; its id, and the freelancer's.
async fn company(client: &mut Person, freelancer: &mut Person) -> (Value, Value) {
    let me = freelancer.asks("{ viewer { user { id } } }", json!({}), "viewer").await;
    let input = json!({ "name": "Acme" });
    let organization = client.does("organizationCreate", input, "organization { id }").await.unwrap();
    (organization["organization"]["id"].clone(), me["user"]["id"].clone())
}

/// An offer of one milestone; its id, and the milestone's.
async fn offered(client: &mut Person, organization: &Value, freelancer: &Value) -> (Value, Value) {
    let offer = json!({
        "organizationId": organization, "freelancerId": freelancer, "title": "A website",
        "milestones": [{ "title": "All of it", "amount": { "amount": "100.00" } }]
    });
    let made = client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await.unwrap();
    (made["offer"]["id"].clone(), made["offer"]["milestones"]["nodes"][0]["id"].clone())
}

/// A client and a freelancer do business until `stop`; then they finish what they are at.
async fn business(mut client: Person, mut freelancer: Person, stop: Arc<AtomicBool>) -> [Person; 2] {
    let (organization, me) = company(&mut client, &mut freelancer).await;
    let said = json!({ "latinName": "Faisal Mahmood", "address": "12 Mall Road, Lahore", "phone": "+923001234567",
        "cnic": "35202-1234567-1" });
    freelancer.does("payeeUpdate", said, "payee { version }").await.unwrap();
    let input = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.unwrap();
    while !stop.load(Ordering::Relaxed) {
        let (offer, milestone) = offered(&mut client, &organization, &me).await;
        // Time may have passed it by.
        let _ = deal(&mut client, &mut freelancer, &offer, &milestone).await;
        let query = "{ viewer { balances { available { minorUnits } } } }";
        let viewer = freelancer.asks(query, json!({}), "viewer").await;
        if viewer["balances"]["available"]["minorUnits"].as_i64().unwrap() >= 1_000 {
            let input = json!({
                "payoutMethodId": method["payoutMethod"]["id"], "amount": { "amount": "10.00" }, "purposeCode": "9186",
                "password": PASSWORD
            });
            // What there is may have been asked for already.
            let _ = freelancer.does("payoutRequest", input, "payout { id amount { amount } }").await;
        }
    }
    [client, freelancer]
}

/// One deal, from its payment to its approval; or as far as it gets, if time passed it by.
async fn deal(client: &mut Person, freelancer: &mut Person, offer: &Value, milestone: &Value) -> Result<(), String> {
    hands_in(client, freelancer, offer, milestone).await?;
    client.does("milestoneApprove", json!({ "milestoneId": milestone }), "milestone { id status }").await.map(|_| ())
}

/// The client pays, the freelancer accepts, and hands the work in.
async fn hands_in(
    client: &mut Person,
    freelancer: &mut Person,
    offer: &Value,
    milestone: &Value,
) -> Result<(), String> {
    let card = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    client.does("milestoneFund", card, "milestone { id status }").await?;
    let query = "query($id: ID!) { offer(id: $id) { status } }";
    let began = Instant::now();
    while client.asks(query, json!({ "id": offer }), "offer").await["status"] == "PENDING_FUNDING" {
        assert!(began.elapsed() < PATIENCE + PATIENCE, "{milestone} is not funded");
        sleep(Duration::from_millis(20)).await;
    }
    freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await?;
    let work = json!({ "milestoneId": milestone, "message": "Here it is" });
    freelancer.does("milestoneSubmit", work, "milestone { id status version }").await.map(|_| ())
}

/// A client finds fault with whatever a freelancer hands in, until `stop`.
async fn quarrels(mut client: Person, mut freelancer: Person, stop: Arc<AtomicBool>) -> [Person; 2] {
    let (organization, me) = company(&mut client, &mut freelancer).await;
    while !stop.load(Ordering::Relaxed) {
        let (offer, milestone) = offered(&mut client, &organization, &me).await;
        // Time may have passed it by: then silence has conceded what was claimed.
        let _ = quarrel(&mut client, &mut freelancer, &offer, &milestone).await;
    }
    [client, freelancer]
}

/// One dispute, from the claim to the offers that meet.
async fn quarrel(client: &mut Person, freelancer: &mut Person, offer: &Value, milestone: &Value) -> Result<(), String> {
    hands_in(client, freelancer, offer, milestone).await?;
    let claim =
        json!({ "milestoneId": milestone, "reason": "It does not work on a phone", "amount": { "amount": "60.00" } });
    let claimed = client.does("milestoneDispute", claim, "dispute { id status }").await?;
    let dispute = &claimed["dispute"]["id"];
    let answer = json!({ "disputeId": dispute, "answer": "It does on mine" });
    freelancer.does("disputeAnswer", answer, "dispute { id status }").await?;
    let half = json!({ "disputeId": dispute, "amount": { "amount": "50.00" } });
    freelancer.does("disputeOffer", half.clone(), "dispute { id status }").await?;
    client.does("disputeOffer", half, "dispute { id status }").await.map(|_| ())
}

/// A client has hired a freelancer by the hour, and the first week has begun: the contract.
async fn hired_by_the_hour(client: &mut Person, freelancer: &mut Person) -> Value {
    let (organization, me) = company(client, freelancer).await;
    let offer = json!({ "organizationId": organization, "freelancerId": me, "title": "Upkeep of a website",
        "hourlyRate": { "amount": "33.33" }, "weeklyLimitMinutes": 2_400 });
    let made = client.does("offerCreate", offer, "offer { id }").await.unwrap();
    let accept = json!({ "offerId": made["offer"]["id"] });
    let accepted = freelancer.does("offerAccept", accept, "contract { id }").await.unwrap();
    let contract = accepted["contract"]["id"].clone();
    let card = json!({ "contractId": contract, "paymentMethod": "pm_sandbox_visa" });
    client.does("contractPaymentMethodSet", card, "contract { id }").await.unwrap();
    works(freelancer, &contract).await.unwrap();
    contract
}

/// The freelancer writes down some work of today.
async fn works(freelancer: &mut Person, contract: &Value) -> Result<(), String> {
    let clock = freelancer.asks("{ clock { now } }", json!({}), "clock").await;
    let (today, _) = clock["now"].as_str().unwrap().split_once('T').unwrap();
    let work = json!({ "contractId": contract, "date": today, "minutes": 7, "note": "Upkeep" });
    freelancer.does("timeEntryAdd", work, "timeEntry { id minutes } timesheet { id }").await.map(|_| ())
}

/// Week after week is written until `stop`. The clock submits them, and approves what the client does not come to.
async fn weeks(mut client: Person, mut freelancer: Person, contract: Value, stop: Arc<AtomicBool>) -> [Person; 2] {
    while !stop.load(Ordering::Relaxed) {
        // The day may be over by then, or full.
        let _ = works(&mut freelancer, &contract).await;
        let query = "query($id: ID!) { contract(id: $id) { timesheets(first: 5) { nodes { id status } } } }";
        let seen = client.asks(query, json!({ "id": contract }), "contract").await;
        for week in seen["timesheets"]["nodes"].as_array().unwrap() {
            if week["status"] == "SUBMITTED" {
                // It may be approved by silence meanwhile.
                let approve = json!({ "timesheetId": week["id"] });
                let _ = client.does("timesheetApprove", approve, "timesheet { id status }").await;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    [client, freelancer]
}

/// So much time passes at once: longer than money is held back.
const HOURS: u64 = 121;
/// How often it passes over a run: altogether fewer than thirty days, for which answers are kept.
const PASSES: u64 = 5;

/// Time passes again and again while some are killed, and once less than it may.
async fn time(mut keeper: Person, kills: u64) -> Person {
    for _ in 1..PASSES {
        keeper.does("sandboxTimePass", json!({ "hours": HOURS }), "now").await.unwrap();
        sleep(Duration::from_millis(500 + 250 * kills)).await;
    }
    keeper
}

/// However slow it all is, somebody's work is approved, and money asked for that was held back until then.
async fn comes_to_something(keeper: &mut Person, db: &mut PgConnection) {
    until(db, "select count(*) from milestones where status in ('approved', 'released')").await;
    keeper.does("sandboxTimePass", json!({ "hours": HOURS }), "now").await.unwrap();
    until(db, "select count(*) from payouts").await;
}

/// Look until there is one.
async fn until(db: &mut PgConnection, sql: &'static str) {
    let began = Instant::now();
    while one::<i64>(db, sql).await == 0 {
        assert!(began.elapsed() < PATIENCE, "never any: {sql}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn one<T>(db: &mut PgConnection, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

/// Everything they were told is still so, nothing has happened twice, nothing is left to be done, and
/// the books add up. Answers what was done, and how often.
async fn verify(people: &mut [Person], db: &mut PgConnection) -> std::collections::BTreeMap<&'static str, i64> {
    // Whoever was killed had taken things up. An hour later nobody waits for that any more.
    people[0].does("sandboxTimePass", json!({ "hours": 1 }), "now").await.unwrap();
    let waiting = "select (select count(*) from events where done_at is null)
        + (select count(*) from timers where due_at <= now() + (select ahead_micros from sandbox_clock) * interval '1 microsecond')
        + (select count(*) from sandbox_events where told_at is null)";
    let began = Instant::now();
    while one::<i64>(db, waiting).await > 0 {
        assert!(began.elapsed() < PATIENCE, "timers or events are left over");
        sleep(Duration::from_millis(100)).await;
    }

    is_as_told(people, db).await
}

/// All they were told is still so: the same request gets the same answer, and each act had one effect.
async fn is_as_told(people: &mut [Person], db: &mut PgConnection) -> std::collections::BTreeMap<&'static str, i64> {
    let mut acts = 0;
    let mut counts = std::collections::BTreeMap::<&str, i64>::new();
    let mut hours = 0;
    for person in people {
        for act in std::mem::take(&mut person.acts) {
            let again = person.insists(act.mutation, &act.input, act.fields).await;
            assert_eq!(again, act.told, "{} {}", act.mutation, act.input);
            acts += 1;
            *counts.entry(act.mutation).or_default() += 1;
            hours += act.input["hours"].as_i64().unwrap_or(0);
        }
    }
    // And nothing is there that they were not told: each act had one effect.
    for (mutation, effects) in [
        ("organizationCreate", "select count(*) from organizations"),
        ("payoutMethodAdd", "select count(*) from payout_methods"),
        ("offerCreate", "select count(*) from offers"),
        ("milestoneFund", "select count(*) from payments where milestone_id is not null"),
        ("milestoneFund", "select count(*) from ledger_entries where reason = 'fund' and milestone_id is not null"),
        ("offerAccept", "select count(*) from contracts"),
        ("milestoneSubmit", "select count(*) from submissions"),
        ("milestoneDispute", "select count(*) from disputes"),
        ("contractPaymentMethodSet", "select count(*) from contract_payment_methods"),
        ("timeEntryAdd", "select count(*) from time_entries"),
        ("payoutRequest", "select count(*) from payouts"),
    ] {
        assert_eq!(one::<i64>(db, effects).await, counts.get(mutation).copied().unwrap_or(0), "{mutation}: {effects}");
    }
    let keys = "select count(*) from idempotency where key like 'act-%'";
    assert_eq!(one::<i64>(db, keys).await, acts);
    let ahead = "select coalesce(sum(ahead_micros), 0)::bigint / 3600000000 from sandbox_clock";
    assert_eq!(one::<i64>(db, ahead).await, hours, "time passed as often as it was told to");
    // What was approved, and what was decided of a dispute, was carried out, and once.
    for (effects, causes) in [
        (
            "select count(distinct entry.milestone_id) from ledger_entries entry
             join milestones on milestones.id = entry.milestone_id
             where entry.reason in ('release', 'award') and milestones.status <> 'disputed'",
            "select count(*) from milestones where status in ('approved', 'released', 'split')",
        ),
        (
            "select count(*) from ledger_entries where reason = 'award'",
            "select count(*) from disputes where status = 'executed'",
        ),
        (
            "select count(*) from ledger_entries where reason = 'release' and milestone_id is null",
            "select count(*) from timesheets where status = 'paid'",
        ),
    ] {
        assert_eq!(one::<i64>(db, effects).await, one::<i64>(&mut *db, causes).await, "{effects}");
    }
    for twice in [
        "select count(*) from (select from ledger_entries
             where reason in ('release', 'award') and milestone_id is not null
             group by milestone_id, reason having count(*) > 1) twice",
        "select count(*) from (select from ledger_postings posting join ledger_entries entry on entry.id = entry_id
             where to_account like 'timesheet_escrow:%' and entry.reason = 'fund'
             group by to_account having count(*) > 1) twice",
    ] {
        assert_eq!(one::<i64>(db, twice).await, 0, "{twice}");
    }
    let parked = "select count(*) from events where parked_at is not null";
    assert_eq!(one::<i64>(db, parked).await, 0);
    let wrong = sqlx::query(BOOKS).fetch_all(&mut *db).await.unwrap();
    let wrong: Vec<(String, String)> = wrong.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(wrong.is_empty(), "the books are wrong: {wrong:#?}");
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    let (seed, kills) = (setting("CRASH_SEED", 1), setting("CRASH_KILLS", 6));
    let mut dice = Dice(seed);
    let mut rig = Rig::start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut working = Vec::new();
    for pair in 0..PAIRS {
        let number = pair as u64 * 2;
        let client = Person::sign_up(&rig, &format!("clara{pair}"), number).await;
        let freelancer = Person::sign_up(&rig, &format!("faisal{pair}"), number + 1).await;
        working.push(tokio::spawn(business(client, freelancer, Arc::clone(&stop))));
    }
    let client = Person::sign_up(&rig, "cora", 100).await;
    let freelancer = Person::sign_up(&rig, "fatima", 101).await;
    working.push(tokio::spawn(quarrels(client, freelancer, Arc::clone(&stop))));
    let mut client = Person::sign_up(&rig, "celia", 102).await;
    let mut freelancer = Person::sign_up(&rig, "farid", 103).await;
    let contract = hired_by_the_hour(&mut client, &mut freelancer).await;
    working.push(tokio::spawn(weeks(client, freelancer, contract, Arc::clone(&stop))));
    let keeper = Person::sign_up(&rig, "khalid", 200).await;
    let keeping = tokio::spawn(time(keeper, kills));

    for kill in 0..kills {
        sleep(Duration::from_millis(400 + dice.below(1_600))).await;
        // Each kind in turn, so that a short run has them all.
        let (server, database) = [(true, false), (false, true), (true, true)][(kill % 3) as usize];
        if dice.below(2) == 0 && server {
            rig.kill_server();
        }
        if database {
            rig.kill_database();
        }
        if server {
            rig.kill_server();
        }
        sleep(Duration::from_millis(dice.below(400))).await;
        if database {
            rig.start_database().await;
        }
        if server {
            rig.start_server();
        }
    }
    let (mut keeper, mut db) = (keeping.await.unwrap(), rig.connect().await);
    comes_to_something(&mut keeper, &mut db).await;
    until(&mut db, "select count(*) from disputes where status = 'executed'").await;
    until(&mut db, "select count(*) from timesheets where status = 'paid'").await;
    stop.store(true, Ordering::Relaxed);
    let mut people = vec![keeper];
    for pair in working {
        people.extend(pair.await.unwrap());
    }

    let counts = verify(&mut people, &mut db).await;
    for mutation in ["milestoneApprove", "payoutRequest", "disputeOffer", "timeEntryAdd"] {
        assert!(counts.contains_key(mutation), "the load was too light: {counts:?}");
    }
    let log = fs::read_to_string(rig.folder.join("log")).unwrap();
    assert!(log.contains("not properly shut down"), "PostgreSQL was never recovered");
    db.close().await.unwrap();
    rig.end().await;
    eprintln!(
        "seed {seed}: {kills} kills, {} acts, every answer found again: {counts:?}",
        counts.values().sum::<i64>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_private_postgresql_that_is_killed_alone_comes_back_under_the_server() {
    let (seed, kills) = (setting("CRASH_SEED", 1), setting("CRASH_KILLS", 6).div_ceil(2));
    let mut dice = Dice(seed);
    let rig = Rig::start_private().await;
    let stop = Arc::new(AtomicBool::new(false));
    let client = Person::sign_up(&rig, "clara", 0).await;
    let freelancer = Person::sign_up(&rig, "faisal", 1).await;
    let working = tokio::spawn(business(client, freelancer, Arc::clone(&stop)));
    let keeper = Person::sign_up(&rig, "khalid", 200).await;
    let keeping = tokio::spawn(time(keeper, kills));
    for kill in 0..kills {
        sleep(Duration::from_millis(400 + dice.below(1_600))).await;
        let (data, away, postmaster) = (rig.folder.join("data"), rig.folder.join("data.away"), rig.postmaster());
        // Once it can't be started again for a while, and the server has to say so.
        let held_back = kill == 0;
        if held_back {
            fs::rename(&data, &away).unwrap();
        }
        rig.kill_postmaster(&postmaster);
        if held_back {
            assert_ne!(rig.until_ready(false).await, "ok");
            fs::rename(&away, &data).unwrap();
        }
        let began = Instant::now();
        while fs::read_to_string(rig.folder.join("server.pid")).is_ok_and(|pid| pid.trim() == postmaster) {
            assert!(began.elapsed() < PATIENCE, "nobody starts it again");
            sleep(Duration::from_millis(20)).await;
        }
        rig.until_ready(true).await;
    }
    let (mut keeper, mut db) = (keeping.await.unwrap(), rig.connect().await);
    comes_to_something(&mut keeper, &mut db).await;
    stop.store(true, Ordering::Relaxed);
    let mut people = vec![keeper];
    people.extend(working.await.unwrap());
    let counts = verify(&mut people, &mut db).await;
    assert!(counts.contains_key("milestoneApprove"), "the load was too light: {counts:?}");
    db.close().await.unwrap();
    let log = fs::read_to_string(rig.folder.with_added_extension("keys").join("log")).unwrap();
    for told in ["the private PostgreSQL ended by itself", "the private PostgreSQL has recovered"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    rig.end().await;
    eprintln!(
        "seed {seed}: {kills} kills of the private PostgreSQL, {} acts: {counts:?}",
        counts.values().sum::<i64>()
    );
}

/// What Stripe is asked for that moves money: to take some, and to carry some to a bank.
const MOVES: [&str; 2] = ["/v1/payment_intents", "/v2/money_management/outbound_payments"];

/// How often it was asked for something by POST.
fn asked(stripe: &StripeDouble, path: &str) -> usize {
    stripe.heard().iter().filter(|(method, at, _)| method == "POST" && at == path).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_stripe_did_and_we_did_not_write_down_is_found_out_and_not_done_again() {
    let (seed, kills) = (setting("CRASH_SEED", 1), setting("CRASH_KILLS", 6));
    let mut dice = Dice(seed);
    let stripe = StripeDouble::start(Clock::System).await;
    stripe.does(|books, _| books.carrying.global = true);
    let mut rig = Rig::start_with("rabta-crash-stripe", Some(stripe.settings().base)).await;
    double::is_in_a_hurry(&mut rig.connect().await).await;
    let address = Arc::clone(&rig.address);
    let door = double::door_to(move || *address.lock().unwrap());
    let telling = tokio::spawn(stripe.tell_at_once(door.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut working = Vec::new();
    for pair in 0..PAIRS {
        let number = pair as u64 * 2;
        let client = Person::sign_up(&rig, &format!("clara{pair}"), number).await;
        let freelancer = Person::sign_up(&rig, &format!("faisal{pair}"), number + 1).await;
        working.push(tokio::spawn(business(client, freelancer, Arc::clone(&stop))));
    }
    for kill in 0..kills {
        let path = MOVES[(kill % 2) as usize];
        sleep(Duration::from_millis(dice.below(800))).await;
        let before = asked(&stripe, path);
        // It does what it is asked for, and nobody is told so by the time we die.
        stripe.fails(Faults::at(path, Fault::Hang));
        let began = Instant::now();
        while asked(&stripe, path) == before {
            assert!(began.elapsed() < PATIENCE + PATIENCE, "nobody asks for {path}");
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(dice.below(30))).await;
        rig.kill_server();
        stripe.fails(Faults::default());
        rig.start_server();
    }
    stop.store(true, Ordering::Relaxed);
    let mut people = Vec::new();
    for pair in working {
        people.extend(pair.await.unwrap());
    }

    // Nothing is stuck, once nobody waits any more for whoever was killed, and money that is carried has arrived.
    let mut db = rig.connect().await;
    let open = "select (select count(*) from events where done_at is null)
        + (select count(*) from webhook_events where done_at is null)
        + (select count(*) from timers where due_at <= now())
        + (select count(*) from payments where status not in ('succeeded', 'failed'))
        + (select count(*) from payouts where status <> 'paid')";
    let began = Instant::now();
    while one::<i64>(&mut db, open).await > 0 {
        assert!(began.elapsed() < PATIENCE * 4, "timers, events, payments or payouts are left over");
        stripe.does(|books, now| books.pass_time(now + TimeDelta::minutes(11)));
        stripe.tell(&door, stripe.news()).await;
        sleep(Duration::from_millis(500)).await;
    }
    let counts = is_as_told(&mut people, &mut db).await;
    telling.abort();

    // Stripe has each of them once, and not a cent more or less than we say.
    assert_eq!(stripe.sins(), Vec::<String>::new());
    let mut paid: Vec<String> = stripe.look(|books| books.intents.iter().map(|it| it.payment().to_owned()).collect());
    paid.sort();
    let payments = "select array_agg(public_id('pay', id) order by public_id('pay', id)) from payments";
    assert_eq!(paid, one::<Vec<String>>(&mut db, payments).await, "one intent for each payment");
    let carried: Vec<i64> = stripe.look(|books| books.carrying.outbound.iter().map(|it| it.amount).collect());
    let keys = stripe.look(|books| {
        let keys = books.carrying.outbound.iter().map(Transfer::key).map(str::to_owned);
        keys.collect::<std::collections::BTreeSet<_>>()
    });
    let payouts = one::<i64>(&mut db, "select count(*) from payouts").await;
    assert_eq!((carried.len(), keys.len()), (payouts as usize, payouts as usize), "one transfer for each payout");
    assert!(carried.iter().all(|amount| *amount == 1_000), "{carried:?}");
    let clearing = "select coalesce(sum(case when from_account = 'processor_clearing' then amount_minor
            else -amount_minor end), 0)::bigint
        from ledger_postings where 'processor_clearing' in (from_account, to_account)";
    let gone =
        "select coalesce(sum(case when to_account = 'paid_out' then amount_minor else -amount_minor end), 0)::bigint
        from ledger_postings where 'paid_out' in (from_account, to_account)";
    assert_eq!(one::<i64>(&mut db, clearing).await, stripe.look(Books::balance), "what came in");
    assert_eq!(one::<i64>(&mut db, gone).await, stripe.look(Books::carried), "what went out");
    assert!(payouts >= kills as i64 / 2, "only {payouts} payouts");
    db.close().await.unwrap();
    rig.end().await;
    eprintln!("seed {seed}: {kills} kills while Stripe was asked, {payouts} payouts: {counts:?}");
}
