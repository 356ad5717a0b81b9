//! A program of somebody's that hears webhooks: it keeps what it hears, and answers as a story wants it to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use domain::Timestamp;
use infra::stripe::{Settings, Stripe};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::stripe::SECRET_KEY;

/// An address where nobody answers: its port is taken for as long as the process lives, and nobody listens at it.
pub fn nowhere() -> String {
    let socket = Box::leak(Box::new(TcpSocket::new_v4().expect("a socket")));
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    format!("http://{}/", socket.local_addr().expect("an address"))
}

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// By sending whoever asks elsewhere, to itself.
    Elsewhere,
    /// With this status once, and never after that.
    Once(u16),
    /// Never.
    Never,
}

/// What it heard once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// At which path.
    pub path: String,
    /// The id of the delivery.
    pub delivery: String,
    /// The signature.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Told {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }

    /// Was it signed with this secret, about now? Looked at as anybody looks who knows webhooks.
    pub fn is_signed_with(&self, secret: &str, now: Timestamp) -> bool {
        let settings = Settings::new(SECRET_KEY.to_owned().into(), vec![secret.to_owned().into()]);
        let looks = Stripe::new(settings).expect("settings are right");
        looks.verify(now, &self.signature, &self.body).is_ok()
    }
}

/// It listens on this machine.
pub struct Receiver {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
    count: watch::Receiver<usize>,
    answer: Arc<Mutex<Answer>>,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn held<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Open its door.
    pub async fn start(answer: Answer) -> Self {
        let (told, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(answer)));
        let (counter, count) = watch::channel(0);
        let (hears, answers, counter) = (Arc::clone(&told), Arc::clone(&answer), Arc::new(counter));
        let door = move |request: axum::extract::Request| {
            let (hears, answers, counter) = (Arc::clone(&hears), Arc::clone(&answers), Arc::clone(&counter));
            async move {
                let path = request.uri().path().to_owned();
                let headers = request.headers().clone();
                let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a whole body");
                held(&hears).push(heard(path, &headers, &body));
                counter.send_modify(|count| *count += 1);
                let answer = {
                    let mut next = held(&answers);
                    let answer = *next;
                    if matches!(answer, Answer::Once(_)) {
                        *next = Answer::Never;
                    }
                    answer
                };
                match answer {
                    Answer::Status(status) | Answer::Once(status) => {
                        (StatusCode::from_u16(status).expect("a status"), HeaderMap::new(), "Thank you, or not")
                    }
                    Answer::Elsewhere => {
                        let there = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/moved"))]);
                        (StatusCode::TEMPORARY_REDIRECT, there, "")
                    }
                    Answer::Never => std::future::pending().await,
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(door);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, told, count, answer, serving }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// From now on it answers like this.
    pub fn answers(&self, answer: Answer) {
        *held(&self.answer) = answer;
    }

    /// What it heard so far.
    pub fn told(&self) -> Vec<Told> {
        held(&self.told).clone()
    }

    /// Returns once it has heard so much.
    pub async fn has_heard(&self, wanted: usize) {
        let mut count = self.count.clone();
        count.wait_for(|count| *count >= wanted).await.expect("it listens");
    }
}

fn heard(path: String, headers: &HeaderMap, body: &Bytes) -> Told {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Told { path, delivery: text("rabta-delivery"), signature: text("rabta-signature"), body: body.to_vec() }
}
