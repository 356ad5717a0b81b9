//! A whole Rabta for one test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use api::backend::{key_pages, surface};
use api::http::{Closing, Settings};
use api::papers::paper_pages;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use chrono::{DateTime, TimeDelta, Utc};
use infra::Market;
use infra::clock::Clock;
use infra::mail::Mail;
use infra::market::Equipment;
use infra::payments::Payments;
use infra::rails::{Rails, StripeRails};
use infra::stripe::{Settings as StripeSettings, Stripe};
use infra::token::Keys;
use infra::webhook_endpoint::Hooks;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use tower::ServiceExt;

use crate::database::TestDatabase;
use crate::{Person, Reply, StripeDouble, leaks};

/// How long a connection is waited for, and an answer of Stripe's: longer than a busy machine keeps anybody waiting.
const PATIENT: Duration = Duration::from_secs(60);
/// The same, where one never comes: by then, what is answered has been heard on a busy machine, too.
const HASTY: Duration = Duration::from_secs(2);
/// The same, where dozens never come, and one more does no harm.
const VERY_HASTY: Duration = Duration::from_millis(400);

/// A whole Rabta: the real schema behind the real door, on a real PostgreSQL.
pub struct TestApp {
    /// The marketplace, for what no client can do: let time pass, look into the books.
    pub market: Market,
    router: Router,
    pool: sqlx::PgPool,
    pub(crate) stripe: Option<StripeDouble>,
    equipment: Option<Equipment>,
    statements: Statements,
    // Dropped last: the market's connections are gone by then.
    database: Option<TestDatabase>,
}

impl TestApp {
    /// A marketplace where nothing has happened yet. Its clock stands at a Monday morning.
    pub async fn new() -> Self {
        let equipment = Equipment::throwaway().expect("keys can be made");
        Self::at(Clock::manual(monday()), TestDatabase::new().await, equipment).await
    }

    /// A sandbox that runs by the machine's clock, and in which so much time was let pass.
    pub async fn ahead(by: TimeDelta) -> Self {
        let equipment = Equipment::throwaway().expect("keys can be made");
        Self::at(Clock::ahead(by), TestDatabase::new().await, equipment).await
    }

    /// The same, where webhooks go to programs on this machine.
    pub async fn with_webhooks() -> Self {
        Self::with_webhooks_within(PATIENT).await
    }

    /// The same, where none of them is waited for long.
    pub async fn with_hasty_webhooks() -> Self {
        Self::with_webhooks_within(HASTY).await
    }

    async fn with_webhooks_within(patience: Duration) -> Self {
        let hooks = Hooks::anywhere(patience).expect("webhooks can be sent");
        let equipment = Equipment { hooks, ..Equipment::throwaway().expect("keys can be made") };
        Self::at(Clock::manual(monday()), TestDatabase::new().await, equipment).await
    }

    /// The same, with a Stripe of our own to take the payments. It is waited for longer than a busy machine takes to
    /// answer, so that only what it does not answer goes unanswered.
    pub async fn on_stripe() -> Self {
        Self::on_stripe_within(PATIENT, |_| Rails::Sandbox).await
    }

    /// The same, where a silence is not waited for long: for a story in which one answer never comes.
    pub async fn on_hasty_stripe() -> Self {
        Self::on_stripe_within(HASTY, |_| Rails::Sandbox).await
    }

    /// The same, where nobody waits long at all: for stories in which many answers never come, and in which it does not
    /// matter how many.
    pub async fn on_very_hasty_stripe() -> Self {
        Self::on_stripe_within(VERY_HASTY, |_| Rails::Sandbox).await
    }

    /// The same, where Stripe carries payouts, too, on the rails that are named: Global Payouts, and transfers to
    /// people's own accounts.
    pub async fn on_stripe_rails(global: bool, recipients: bool) -> Self {
        Self::on_stripe_rails_within(PATIENT, global, recipients).await
    }

    /// The same, where a silence is not waited for long.
    pub async fn on_hasty_stripe_rails(global: bool, recipients: bool) -> Self {
        Self::on_stripe_rails_within(HASTY, global, recipients).await
    }

    /// The same, where nobody waits long at all, as with `on_very_hasty_stripe`.
    pub async fn on_very_hasty_stripe_rails(global: bool, recipients: bool) -> Self {
        Self::on_stripe_rails_within(VERY_HASTY, global, recipients).await
    }

    /// The same, by a clock that does not stand still while somebody waits for an answer.
    pub async fn on_stripe_rails_as_time_goes_by(global: bool, recipients: bool) -> Self {
        let clock = Clock::ahead(monday() - Clock::System.now());
        Self::on_stripe_rails_by(clock, PATIENT, global, recipients).await
    }

    async fn on_stripe_rails_within(patience: Duration, global: bool, recipients: bool) -> Self {
        Self::on_stripe_rails_by(Clock::manual(monday()), patience, global, recipients).await
    }

    async fn on_stripe_rails_by(clock: Clock, patience: Duration, global: bool, recipients: bool) -> Self {
        let rails = move |stripe: Stripe| {
            let financial_account = global.then(|| "fa_double".to_owned());
            Rails::Stripe(StripeRails { stripe, financial_account, recipient_accounts: recipients })
        };
        let app = Self::on_stripe_by(clock, patience, rails).await;
        app.stripe().does(|books, _| (books.carrying.global, books.carrying.approved) = (true, true));
        app
    }

    async fn on_stripe_within(patience: Duration, rails: impl FnOnce(Stripe) -> Rails) -> Self {
        Self::on_stripe_by(Clock::manual(monday()), patience, rails).await
    }

    async fn on_stripe_by(clock: Clock, patience: Duration, rails: impl FnOnce(Stripe) -> Rails) -> Self {
        let stripe = StripeDouble::start(clock.clone()).await;
        let client = Stripe::new(StripeSettings { patience, ..stripe.settings() }).expect("settings are right");
        let (rails, payments) = (rails(client.clone()), Payments::Stripe(client));
        let equipment = Equipment { payments, rails, ..Equipment::throwaway().expect("keys can be made") };
        let app = Self::at(clock, TestDatabase::new().await, equipment).await;
        Self { stripe: Some(stripe), ..app }
    }

    async fn at(clock: Clock, database: TestDatabase, equipment: Equipment) -> Self {
        leaks::watch_logs();
        let (market, statements) = counted(&database.app_url(), 8, clock, equipment.clone()).await;
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&database.url()).expect("an address");
        Self { database: Some(database), pool, equipment: Some(equipment), statements, ..Self::on(market) }
    }

    /// Another node of the same marketplace, which signs with other keys.
    pub fn node_with(&self, keys: Keys) -> Self {
        let equipment = Equipment { keys, ..self.equipment.clone().expect("equipment of its own") };
        Self::on(Market::new(self.market.db().clone(), self.market.clock().clone(), equipment))
    }

    /// The same marketplace over one connection: one statement after the other, in the order in which they are asked.
    pub async fn in_single_file(&self) -> Self {
        self.node_over(1).await
    }

    /// A second node of the same marketplace, with nothing in common but the database and the equipment.
    pub async fn second_node(&self) -> Self {
        self.node_over(4).await
    }

    async fn node_over(&self, connections: u32) -> Self {
        let equipment = self.equipment.clone().expect("equipment of its own");
        let (market, statements) = counted(&self.app_url(), connections, self.market.clock().clone(), equipment).await;
        Self { statements, ..Self::on(market) }
    }

    /// The same marketplace after its operator has set up other rails: the processor and the keys are what they were.
    pub fn with_rails(&self, rails: Rails) -> Self {
        let equipment = Equipment { rails, ..self.equipment.clone().expect("equipment of its own") };
        Self::on(Market::new(self.market.db().clone(), self.market.clock().clone(), equipment))
    }

    /// The same marketplace, whose letters leave by another way.
    pub fn with_mail(&self, mail: Mail) -> Self {
        let equipment = Equipment { mail, ..self.equipment.clone().expect("equipment of its own") };
        Self::on(Market::new(self.market.db().clone(), self.market.clock().clone(), equipment))
    }

    /// The same marketplace, which waits long for whatever it asks Stripe.
    pub fn patient(&self) -> Self {
        let settings = StripeSettings { patience: PATIENT, ..self.stripe().settings() };
        let payments = Payments::Stripe(Stripe::new(settings).expect("settings are right"));
        let equipment = Equipment { payments, ..self.equipment.clone().expect("equipment of its own") };
        Self::on(Market::new(self.market.db().clone(), self.market.clock().clone(), equipment))
    }

    /// The statements that were sent to the database since this was last asked.
    pub fn statements(&self) -> Vec<String> {
        self.statements.take()
    }

    /// What counts the statements, for whoever counts beside the one who asks.
    pub fn counter(&self) -> Statements {
        self.statements.clone()
    }

    /// Stop here, to go on from this moment as often as one likes.
    pub async fn freeze(mut self) -> Frozen {
        self.market.db().clone().close().await.expect("the market lets go");
        self.pool.close().await;
        Frozen {
            now: self.market.clock().now(),
            database: self.database.take().expect("a database of its own"),
            equipment: self.equipment.take().expect("keys of its own"),
        }
    }

    /// The door to a market on a database that somebody else looks after.
    pub fn on(market: Market) -> Self {
        // Stories are told faster than people act, and everything in them is sent more than once.
        let settings = Settings {
            requests_per_minute_by_address: None,
            messages_per_minute_by_address: None,
            requests_per_minute_by_account: None,
            cost_per_minute: None,
            operations_per_minute: Vec::new(),
            ..Settings::default()
        };
        let (router, untaken) = surface(&market, settings.clone(), Closing::never());
        let router = router
            .merge(key_pages(&market, &settings))
            .merge(paper_pages(&market, &Settings::default(), untaken))
            .merge(api::webhook::routes(&market, &settings));
        let pool = market.db().get_postgres_connection_pool().clone();
        Self { market, router, pool, stripe: None, equipment: None, database: None, statements: Statements::default() }
    }

    /// The Stripe that takes the payments.
    pub fn stripe(&self) -> &StripeDouble {
        self.stripe.as_ref().expect("a marketplace on Stripe")
    }

    /// The same, where there is one.
    pub fn on_stripe_only(&self) -> Option<&StripeDouble> {
        self.stripe.as_ref()
    }

    /// Where its database is, for a second look from outside by somebody who may do anything.
    pub fn database_url(&self) -> String {
        self.database.as_ref().expect("a database of its own").url()
    }

    /// The same, as the marketplace itself sees it.
    pub fn app_url(&self) -> String {
        self.database.as_ref().expect("a database of its own").app_url()
    }

    /// Connections of somebody who may do anything, for a second look at what is in the tables.
    pub fn pool(&self) -> &sqlx::PgPool {
        &self.pool
    }

    /// The door, for whoever brings requests of their own.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Somebody who has not signed in.
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor { app: self, token: None, agent: None }
    }

    /// Somebody with an access token.
    pub fn bearer(&self, token: &str) -> Visitor<'_> {
        Visitor { app: self, token: Some(token.to_owned()), agent: None }
    }

    /// Time passes, and the worker does everything that comes due on the way, day by day.
    pub async fn passes(&self, time: TimeDelta) {
        let mut left = time;
        while left > TimeDelta::zero() {
            let step = left.min(TimeDelta::hours(12));
            self.market.clock().advance(step);
            left -= step;
            self.settles().await;
        }
    }

    /// The worker does everything that is due now, and hears what there is to hear.
    pub async fn settles(&self) {
        loop {
            self.market.work_until_idle().await.expect("the worker works");
            let told = match &self.stripe {
                Some(stripe) => stripe.tell(&self.router, stripe.news()).await,
                None => 0,
            };
            if told == 0 {
                return;
            }
        }
    }

    /// The client's bank has seen them for a payment that requires it, or would not have them.
    pub async fn bank_answers(&self, client: &Person<'_>, payment: &str, passes: bool) {
        match &self.stripe {
            Some(stripe) => stripe.bank_answers(payment, passes),
            None => {
                let input = json!({ "paymentId": payment, "passes": passes });
                client.does("sandboxBankAnswer", input, "payment { id }").await.ok();
            }
        }
        self.settles().await;
    }

    /// Send any request to the door.
    pub async fn send(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

/// A marketplace whose statements are counted.
async fn counted(url: &str, connections: u32, clock: Clock, equipment: Equipment) -> (Market, Statements) {
    // A crowd that acts at once shares a few connections, and a busy machine takes its time with each.
    let db = infra::market::connect_with_patience(url, connections, PATIENT).await;
    let mut db = db.expect("the test database answers");
    let statements = Statements::default();
    let sent = Arc::clone(&statements.sent);
    db.set_metric_callback(move |info| note(&sent, &info.statement.sql));
    let market = Market::new(db, clock, equipment);
    statements.market.set(market.clone()).expect("it is not set yet");
    (market, statements)
}

/// The statements that go to the database, in order: those that whoever asks waits for.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    sent: Arc<Mutex<Vec<String>>>,
    /// Which sends the groups of writes; and how many of them are counted.
    market: Arc<OnceLock<Market>>,
    groups: Arc<AtomicUsize>,
}

fn note(sent: &Mutex<Vec<String>>, sql: &str) {
    // What has happened is announced after the answer, whenever there is time.
    if sql.contains("pg_notify") {
        return;
    }
    sent.lock().unwrap_or_else(PoisonError::into_inner).push(sql.to_owned());
}

impl Statements {
    /// Those since this was last asked; at the end, the groups of writes.
    pub fn take(&self) -> Vec<String> {
        let mut sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        let written = self.market.get().map_or(0, Market::groups_written);
        let groups = written - self.groups.swap(written, Ordering::Relaxed);
        sent.extend(std::iter::repeat_n("select write_group($1, $2)".to_owned(), groups));
        sent
    }
}

/// What a router answers to whoever gets this path.
pub async fn get(router: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).expect("a path");
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn monday() -> DateTime<Utc> {
    "2026-06-01T08:00:00Z".parse().expect("a time")
}

/// A moment of a Rabta, with all that had happened by then.
pub struct Frozen {
    now: DateTime<Utc>,
    database: TestDatabase,
    equipment: Equipment,
}

impl Frozen {
    /// Go on from there: tokens, ids and the time are what they were.
    pub async fn again(&self) -> TestApp {
        TestApp::at(Clock::manual(self.now), self.database.copy().await, self.equipment.clone()).await
    }
}

/// Somebody who sends GraphQL operations, with or without a token.
#[derive(Clone)]
pub struct Visitor<'a> {
    /// Where.
    pub app: &'a TestApp,
    /// The access token, if there is one.
    pub token: Option<String>,
    /// What they send it with, if that says what it is.
    pub agent: Option<String>,
}

impl Visitor<'_> {
    /// Send one operation.
    pub async fn asks(&self, query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(agent) = &self.agent {
            request = request.header(header::USER_AGENT, agent);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.app.send(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 16 << 20).await.expect("a whole answer");
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("not JSON ({status}): {}", String::from_utf8_lossy(&bytes)));
        Reply { status, body }
    }

    /// Send a mutation that takes one `input`, and select `fields` of the payload beside its errors.
    pub async fn does(&self, mutation: &str, input: Value, fields: &str) -> Reply {
        let mut letters = mutation.chars();
        let head = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let query = format!(
            "mutation($input: {head}{}Input!) {{ {mutation}(input: $input) {{ {fields} errors {{ __typename code message path }} }} }}",
            letters.as_str()
        );
        self.asks(&query, json!({ "input": input })).await
    }
}
