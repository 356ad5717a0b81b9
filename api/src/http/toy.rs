//! A small schema and house for the tests of this layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::{Context, Enum, InputObject, Object, Request, Schema, SimpleObject};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use domain::access::{Actor, Person};
use domain::id::{Id, UserId};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use serde_json::Value as Json;
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Backend, CloseSwitch, Closing, Described, Identity, Settings, Surface, TokenError, Visitor, router};

pub(crate) struct Query;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Colour {
    Red,
    Green,
}

#[derive(InputObject)]
pub(crate) struct Wish {
    text: String,
    count: Option<i32>,
    colours: Option<Vec<Colour>>,
}

pub(crate) struct Person_;

/// Someone with friends.
#[Object(name = "Person")]
impl Person_ {
    async fn name(&self) -> &str {
        "Ada"
    }

    async fn friends(&self, first: Option<i32>) -> PersonConnection {
        let count = first.unwrap_or(1).clamp(0, 3);
        PersonConnection { nodes: (0..count).map(|_| Person_).collect() }
    }
}

#[derive(SimpleObject)]
pub(crate) struct PersonConnection {
    nodes: Vec<Person_>,
}

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello {}", name.unwrap_or_else(|| "world".to_owned()))
    }

    async fn add(&self, a: i32, b: Option<i32>) -> i32 {
        a.saturating_add(b.unwrap_or(0))
    }

    async fn wish(&self, wish: Wish) -> String {
        format!("{} {:?} {}", wish.text, wish.count, wish.colours.map_or(0, |colours| colours.len()))
    }

    async fn person(&self) -> Person_ {
        Person_
    }

    async fn viewer(&self, context: &Context<'_>) -> Option<String> {
        context.data_opt::<Visitor>().and_then(|visitor| visitor.actor.user()).map(|user| user.to_string())
    }

    async fn broken(&self) -> async_graphql::Result<i32> {
        Err(std::io::Error::other("password of the database: hunter2").into())
    }

    async fn panics(&self) -> usize {
        let nothing: Option<&str> = std::hint::black_box(None);
        nothing.expect("hunter2").len()
    }

    async fn slow(&self) -> i32 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        1
    }

    async fn long(&self) -> String {
        "0123456789".repeat(10_000)
    }
}

pub(crate) struct Mutation(pub(crate) Arc<AtomicUsize>);

#[Object]
impl Mutation {
    async fn bump(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub(crate) struct Subscription(Arc<Notify>);

/// Says when it is dropped.
struct Held(Arc<Notify>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_graphql::Subscription]
impl Subscription {
    /// More than anybody takes, until it is ended.
    async fn flood(&self) -> impl Stream<Item = String> {
        let held = Held(Arc::clone(&self.0));
        futures_util::stream::repeat_with(move || {
            let _held = &held;
            "0123456789".repeat(10_000)
        })
    }

    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        futures_util::stream::iter(0..to)
    }

    async fn never(&self) -> impl Stream<Item = i32> {
        futures_util::stream::pending()
    }

    async fn whoami(&self, context: &Context<'_>) -> impl Stream<Item = Option<String>> {
        let user = context.data_opt::<Visitor>().and_then(|visitor| visitor.actor.user());
        futures_util::stream::iter([user.map(|user| user.to_string())])
    }

    async fn fails(&self) -> impl Stream<Item = async_graphql::Result<i32>> {
        futures_util::stream::iter([Ok(1), Err(std::io::Error::other("hunter2").into())])
    }

    async fn panics(&self) -> impl Stream<Item = usize> {
        let nothing: Option<&'static str> = std::hint::black_box(None);
        futures_util::stream::iter([1]).map(move |_| nothing.expect("hunter2").len())
    }
}

/// Knows the tokens `ada`; `brief`, which is good for a moment; `fickle`, which is good twice; `fired`, which is good
/// until somebody says; and some that are not.
#[derive(Default)]
pub(crate) struct Toy {
    asked: AtomicUsize,
    fired: Arc<AtomicBool>,
}

impl Backend for Toy {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, TokenError>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = match token {
            "fickle" if asked > 1 => Err(TokenError::Revoked),
            "fired" if self.fired.load(Ordering::SeqCst) => Err(TokenError::Revoked),
            "ada" | "brief" | "fickle" | "fired" => Ok(Identity {
                actor: Actor::Person(Person {
                    user: UserId::from_uuid(Uuid::from_u128(1)),
                    suspended: false,
                    second_factor: true,
                    staff: None,
                    memberships: vec![],
                }),
                session: None,
                proved_at: None,
                valid_for: Duration::from_millis(if token == "brief" { 50 } else { 900_000 }),
            }),
            "expired" => Err(TokenError::Expired),
            "revoked" => Err(TokenError::Revoked),
            "down" => Err(TokenError::Unavailable),
            _ => Err(TokenError::Invalid),
        };
        async move { answer }.boxed()
    }

    fn furnish(&self, request: Request, visitor: &Visitor) -> Request {
        request.data(visitor.clone())
    }
}

/// The toy behind the real router.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) bumps: Arc<AtomicUsize>,
    /// Set, the token `fired` is good no longer.
    pub(crate) fired: Arc<AtomicBool>,
    /// Rings when a `flood` has ended.
    pub(crate) ended: Arc<Notify>,
    pub(crate) switch: CloseSwitch,
    pub(crate) closing: Closing,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: usize,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let bumps = Arc::new(AtomicUsize::new(0));
        let toy = Toy::default();
        let fired = Arc::clone(&toy.fired);
        let ended = Arc::new(Notify::new());
        let build = || Schema::build(Query, Mutation(Arc::clone(&bumps)), Subscription(Arc::clone(&ended)));
        let (switch, closing) = Closing::pair();
        let surface = Surface::new(Described::new(build), Arc::new(toy), settings).until(closing.clone());
        Self { router: router(surface), bumps, fired, ended, switch, closing }
    }

    pub(crate) async fn send(&self, request: axum::http::Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
            bytes: body.len(),
        }
    }

    /// POST a body with headers written as `name: value`.
    pub(crate) async fn post(&self, headers: &[&str], body: impl Into<Body>) -> Reply {
        let mut request = axum::http::Request::post("/graphql");
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// POST a document as a modern client would.
    pub(crate) async fn query(&self, document: &str) -> Reply {
        self.query_with(document, serde_json::json!({})).await
    }

    /// The same, with variables.
    pub(crate) async fn query_with(&self, document: &str, variables: Json) -> Reply {
        let body = serde_json::json!({ "query": document, "variables": variables }).to_string();
        self.post(&["content-type: application/json", "accept: application/graphql-response+json"], body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(axum::http::Request::get(path).body(Body::empty()).unwrap()).await
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
