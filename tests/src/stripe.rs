//! A Stripe of our own: it keeps books, takes nothing but what the real one would take, and speaks HTTP,
//! so that the real adapter runs against it. What it has to tell is told when a test says so, in whatever
//! order, and it fails on demand.
//!
//! The token of a card decides what becomes of a payment. It knows the sandbox's, so that one story can be
//! played on both: `pm_sandbox_visa`, `…_late` (ten minutes), `…_debit` (a bank account, which is debited on a mandate
//! alone: four days), `…_declined`, `…_3ds`, `…_chargeback` and `…_chargeback_won` (a day, and a week after it),
//! `…_silent`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use infra::clock::Clock;
use infra::stripe::{Settings, sign};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;

mod balance;
mod books;
mod door;
mod fault;
mod form;
mod rails;

pub use balance::Moved;
pub use books::{Books, Intent};
pub use fault::{Fault, Faults};
pub use rails::{Carrying, Transfer};

/// What it signs with.
pub const WEBHOOK_SECRET: &str = "whsec_doubledoubledoubledouble";
/// The key it takes.
pub const SECRET_KEY: &str = "sk_test_doubledoubledoubledouble";

/// The double.
pub struct StripeDouble {
    address: std::net::SocketAddr,
    clock: Clock,
    inner: Arc<Mutex<Inner>>,
    serving: JoinHandle<()>,
}

/// What it keeps.
pub(crate) struct Inner {
    pub(crate) books: Books,
    pub(crate) faults: Faults,
    /// What was answered, by idempotency key.
    pub(crate) keys: BTreeMap<String, door::Kept>,
    /// What was asked that the real one would not take, or that we never want to ask.
    pub(crate) sins: Vec<String>,
    /// Every request: method, path, key.
    pub(crate) heard: Vec<(String, String, String)>,
    /// Rings when there may be something to tell.
    pub(crate) bell: Arc<Notify>,
    /// Is it over that some are left without an answer?
    pub(crate) silence: watch::Sender<bool>,
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl StripeDouble {
    /// Open its door. It lives by the same clock as the marketplace.
    pub async fn start(clock: Clock) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            books: Books::default(),
            faults: Faults::default(),
            keys: BTreeMap::new(),
            sins: Vec::new(),
            heard: Vec::new(),
            bell: Arc::default(),
            silence: watch::Sender::new(false),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = door::router(Arc::clone(&inner), clock.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, clock, inner, serving }
    }

    /// What a client of it is told.
    pub fn settings(&self) -> Settings {
        let settings = Settings::new(SECRET_KEY.to_owned().into(), vec![WEBHOOK_SECRET.to_owned().into()]);
        Settings { base: format!("http://{}", self.address), ..settings }
    }

    /// Look into its books.
    pub fn look<T>(&self, at: impl FnOnce(&Books) -> T) -> T {
        at(&self.inner().books)
    }

    /// Do something at it that no request does.
    pub fn does<T>(&self, what: impl FnOnce(&mut Books, domain::Timestamp) -> T) -> T {
        let now = self.clock.now();
        what(&mut self.inner().books, now)
    }

    /// From now on it fails like this.
    pub fn fails(&self, faults: Faults) {
        self.inner().faults = faults;
    }

    /// It breaks its silence: whoever waits for an answer gets a broken one, and so does whoever would have to wait.
    pub fn breaks_its_silence(&self) {
        self.inner().silence.send_replace(true);
    }

    /// The requests that came: method, path, key.
    pub fn heard(&self) -> Vec<(String, String, String)> {
        self.inner().heard.clone()
    }

    /// What was asked that should not have been. Empty, if all is well.
    pub fn sins(&self) -> Vec<String> {
        self.inner().sins.clone()
    }

    /// The client's bank has seen them, or would not have them.
    pub fn bank_answers(&self, payment: &str, passes: bool) {
        self.does(|books, now| books.bank_answers(payment, passes, now));
    }

    /// Take what is there to be told by now.
    pub fn news(&self) -> Vec<Value> {
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.books.pass_time(now);
        std::mem::take(&mut inner.books.news)
    }

    /// Tell events at a door, each signed now. Those that are not taken are told again the next time.
    pub async fn tell(&self, door: &Router, events: Vec<Value>) -> usize {
        tell(&self.inner, &self.clock, door, events).await
    }

    /// Tell whatever there is to tell at a door, as soon as there is.
    pub fn tell_at_once(&self, door: Router) -> impl Future<Output = ()> + Send + 'static {
        let (inner, clock) = (Arc::clone(&self.inner), self.clock.clone());
        let bell = Arc::clone(&self.inner().bell);
        async move {
            loop {
                bell.notified().await;
                let news = {
                    let mut inner = lock(&inner);
                    inner.books.pass_time(clock.now());
                    std::mem::take(&mut inner.books.news)
                };
                tell(&inner, &clock, &door, news).await;
            }
        }
    }

    /// Tell one body, with another signature if need be.
    pub async fn tells(&self, door: &Router, body: Vec<u8>, signature: Option<&str>) -> (StatusCode, String) {
        post(&self.clock, door, body, signature).await
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("nobody panicked")
}

async fn tell(inner: &Mutex<Inner>, clock: &Clock, door: &Router, events: Vec<Value>) -> usize {
    let mut told = 0;
    for event in events {
        let (status, _) = post(clock, door, event.to_string().into_bytes(), None).await;
        if status == StatusCode::OK {
            told += 1;
        } else {
            lock(inner).books.news.push(event);
        }
    }
    told
}

async fn post(clock: &Clock, door: &Router, body: Vec<u8>, signature: Option<&str>) -> (StatusCode, String) {
    let right = sign(&WEBHOOK_SECRET.to_owned().into(), clock.now(), &body);
    let request = Request::post(api::webhook::STRIPE_PATH)
        .header("stripe-signature", signature.unwrap_or(&right))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("a request");
    let response = door.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a whole answer");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// An event about an object.
pub fn event(id: &str, kind: &str, object: &Value, at: domain::Timestamp) -> Value {
    json!({
        "id": id, "object": "event", "api_version": "2026-09-30.endive", "created": at.timestamp(),
        "livemode": false, "pending_webhooks": 1, "type": kind, "data": { "object": object }
    })
}
