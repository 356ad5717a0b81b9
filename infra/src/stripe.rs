//! Stripe, seen from here: requests are async-stripe's typed ones, sent by a client of our own.
//!
//! Ours, because money wants three things of it. The key that makes a repeat harmless is given from
//! outside and stays the same however often a request is sent. An answer that never came is told apart
//! from a refusal ([`Trouble::Unknown`]): what was asked may have been done. And it never waits or tries
//! again by itself: it says from when on to try again, by the market's clock, and whoever asked keeps that.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest, VERSION};

use crate::Fault;

pub mod answer;
mod breaker;
mod making;
mod signature;
#[cfg(test)]
mod tests;

pub(crate) use making::Making;
pub use signature::{BadSignature, sign};

use breaker::Breaker;

/// Where Stripe is.
pub const API_BASE: &str = "https://api.stripe.com";
/// How long one request may take. Less than the worker's patience, so that what became of it is written down.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long until somebody is connected to.
const CONNECTING: Duration = Duration::from_secs(4);
/// The largest answer that is read.
const ANSWER_BYTES: usize = 4 << 20;
/// When to ask again, at the soonest, if we were told nothing else.
const SOON: TimeDelta = TimeDelta::seconds(1);
/// Says that an answer is the one that was given before, to the same key.
const REPEATED: &str = "idempotent-replayed";
/// We are never put off for longer than this at once.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// What the client is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The secret key, `sk_…` or `rk_…`.
    pub key: SecretString,
    /// What webhooks are signed with: the first is the one that is used, others are still taken.
    pub webhook_secrets: Vec<SecretString>,
    /// Where it is.
    pub base: String,
    /// How long one request may take.
    pub patience: Duration,
}

impl Settings {
    /// The real Stripe.
    pub fn new(key: SecretString, webhook_secrets: Vec<SecretString>) -> Self {
        Self { key, webhook_secrets, base: API_BASE.to_owned(), patience: PATIENCE }
    }

    /// Does the key move real money?
    pub fn is_live(&self) -> bool {
        ["sk_live_", "rk_live_"].iter().any(|live| self.key.expose_secret().starts_with(live))
    }
}

/// The client. Clones share their connections and what they know of Stripe's health.
#[derive(Clone)]
pub struct Stripe {
    inner: Arc<Inner>,
    lane: Lane,
}

/// What is asked for, as far as that matters when we are told to stay away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Money.
    Money,
    /// Cards that are set up to be charged later. Anybody with an organization can ask for many: that must keep
    /// nobody's money waiting.
    SetUps,
}

struct Inner {
    http: Client,
    base: String,
    webhook_secrets: Vec<SecretString>,
    breaker: Mutex<Breaker>,
    breaker_of_set_ups: Mutex<Breaker>,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stripe({})", self.inner.base)
    }
}

/// Why there is no answer that could be used.
#[derive(Debug)]
pub enum Trouble {
    /// Stripe says no. Nothing was done, and asking again would not change that.
    Refused(Box<Refused>),
    /// Not now: nothing was done. To be asked again, with the same key, from an instant on.
    Later {
        /// From when on.
        until: Timestamp,
        /// For the log.
        why: String,
    },
    /// An answer came to a question that changes nothing, and it can't be read. Asking again is of no use before
    /// somebody looks.
    Unreadable {
        /// For the log.
        why: String,
    },
    /// No answer came, or none that can be understood: it may have been done. To be asked about, or asked
    /// again with the same key, from an instant on; never with another key.
    Unknown {
        /// From when on.
        until: Timestamp,
        /// For the log.
        why: String,
    },
    /// The same, and asking again with this key is of no use: an error is kept with it, or it was used for something
    /// else.
    Spent {
        /// From when on to ask about it, or with another key, where a second one does no harm.
        until: Timestamp,
        /// For the log.
        why: String,
    },
}

/// What Stripe says when it says no.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Refused {
    /// The status of the answer.
    #[serde(skip)]
    pub status: u16,
    /// `card_error`, `invalid_request_error`…
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Like `card_declined`.
    pub code: Option<String>,
    /// What the bank said, like `insufficient_funds`.
    pub decline_code: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// For people. Stripe's own words.
    pub message: Option<String>,
    /// The payment it is about.
    pub payment_intent: Option<answer::PaymentIntent>,
}

impl Refused {
    /// The code that says most.
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(if self.kind.is_empty() { "refused" } else { &self.kind })
    }
}

impl Trouble {
    /// As a fault of ours, where there is nothing better to make of it.
    pub fn fault(self) -> Fault {
        match self {
            Self::Refused(refused) => Fault::Service {
                service: "stripe",
                why: format!("{} {} {:?}", refused.status, refused.code(), refused.param),
            },
            Self::Unreadable { why } => Fault::Service { service: "stripe", why },
            Self::Later { until, why } | Self::Unknown { until, why } | Self::Spent { until, why } => {
                Fault::Later { service: "stripe", why, until }
            }
        }
    }
}

/// The version of the second API that we speak, pinned like that of the first.
pub const V2_VERSION: &str = "2026-10-28.endive";

/// A request of the second API.
pub struct V2<'a> {
    /// From the root on, with its query.
    pub path: &'a str,
    /// What is asked for; nothing, if it only looks.
    pub body: Option<serde_json::Value>,
    /// Makes asking again harmless.
    pub key: Option<&'a str>,
    /// On behalf of which account.
    pub context: Option<&'a str>,
}

impl fmt::Debug for V2<'_> {
    /// Bodies hold account numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V2({})", self.path)
    }
}

#[derive(Deserialize)]
struct Problem {
    error: Refused,
}

impl Stripe {
    /// A client that keeps its connections.
    pub fn new(settings: Settings) -> Result<Self, Fault> {
        let fault = |why: String| Fault::Service { service: "stripe", why };
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", settings.key.expose_secret().trim()))
            .map_err(|_| fault("the secret key has characters that no key has".to_owned()))?;
        bearer.set_sensitive(true);
        // Pinned with the version of the library, whatever the account's default is.
        let version = HeaderValue::from_str(VERSION.as_str()).map_err(|error| fault(error.to_string()))?;
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (reqwest::header::HeaderName::from_static("stripe-version"), version),
        ]);
        let http = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("rabta/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECTING.min(settings.patience))
            .timeout(settings.patience)
            .build()
            .map_err(|error| fault(error.to_string()))?;
        let Settings { base, webhook_secrets, .. } = settings;
        let base = base.trim_end_matches('/').to_owned();
        let (breaker, breaker_of_set_ups) = (Mutex::default(), Mutex::default());
        let inner = Inner { http, base, webhook_secrets, breaker, breaker_of_set_ups };
        Ok(Self { inner: Arc::new(inner), lane: Lane::Money })
    }

    /// The same, for setting up cards: that it is to stay away with these keeps no money waiting.
    pub(crate) fn for_set_ups(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), lane: Lane::SetUps }
    }

    /// Send a request and read its answer. A request that changes something takes the `key` that makes
    /// sending it again harmless; one that only looks needs none.
    pub async fn send<T: DeserializeOwned>(
        &self,
        now: Timestamp,
        request: &impl StripeRequest,
        key: Option<&str>,
    ) -> Result<T, Trouble> {
        self.send_for(now, request.build(), key, None).await
    }

    /// The same, for one of the accounts that hang on ours, if it is named.
    pub async fn send_for<T: DeserializeOwned>(
        &self,
        now: Timestamp,
        request: RequestBuilder,
        key: Option<&str>,
        account: Option<&str>,
    ) -> Result<T, Trouble> {
        let (path, looks) = (request.path.clone(), matches!(request.method, StripeMethod::Get));
        let mut sent = self.request(request, key);
        if let Some(account) = account {
            sent = sent.header("stripe-account", account);
        }
        self.asks(now, &path, sent, looks).await
    }

    /// Send a request of the second API, which is written in JSON and has a version of its own.
    pub async fn send_v2<T: DeserializeOwned>(&self, now: Timestamp, request: &V2<'_>) -> Result<T, Trouble> {
        let url = format!("{}{}", self.inner.base, request.path);
        let sent = match &request.body {
            Some(body) => self.inner.http.post(url).header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => self.inner.http.get(url),
        };
        let mut sent = sent.header("stripe-version", V2_VERSION);
        if let Some(key) = request.key {
            sent = sent.header("idempotency-key", key);
        }
        if let Some(context) = request.context {
            sent = sent.header("stripe-context", context);
        }
        self.asks(now, request.path, sent, request.body.is_none()).await
    }

    async fn asks<T: DeserializeOwned>(
        &self,
        now: Timestamp,
        path: &str,
        sent: reqwest::RequestBuilder,
        looks: bool,
    ) -> Result<T, Trouble> {
        if let Err(until) = self.breaker().may_ask(now) {
            return Err(Trouble::Later { until, why: "it has not answered lately".to_owned() });
        }
        let heard = hear(now, sent).await;
        match &heard {
            // Whatever it says.
            Ok(heard) if heard.status < 500 => self.breaker().answered(),
            Ok(_) | Err(_) => self.breaker().silent(now),
        }
        let outcome = heard.and_then(|heard| self.understand(now, heard, looks));
        let said = match &outcome {
            Ok(_) => "done",
            Err(Trouble::Refused(_)) => "refused",
            Err(Trouble::Later { .. }) => "later",
            Err(Trouble::Unknown { .. } | Trouble::Spent { .. }) => "unknown",
            Err(Trouble::Unreadable { .. }) => "unreadable",
        };
        metrics::counter!("rabta_stripe_requests_total", "outcome" => said).increment(1);
        tracing::debug!(path = path.split('/').nth(1).unwrap_or_default(), said, "asked stripe");
        outcome
    }

    fn understand<T: DeserializeOwned>(&self, now: Timestamp, heard: Heard, looks: bool) -> Result<T, Trouble> {
        let Heard { status, put_off, is_repeat, body } = heard;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(|error| {
                let why = format!("an answer we can't read: {error}");
                // What it did is to be found out; what it only told will be no clearer the next time.
                if looks { Trouble::Unreadable { why } } else { Trouble::Unknown { until: now + SOON, why } }
            });
        }
        let problem = serde_json::from_slice::<Problem>(&body).ok();
        let named = problem.as_ref().map_or("", |problem| problem.error.code()).to_owned();
        match (status, problem) {
            (429, _) => {
                self.breaker().stay_away(put_off);
                Err(Trouble::Later { until: put_off, why: format!("too many requests: {named}") })
            }
            // The same request is under way, or the key was used for another: either way one was made.
            (409, _) => Err(Trouble::Unknown { until: put_off, why: format!("conflict: {named}") }),
            (400, Some(problem)) if problem.error.kind == "idempotency_error" => {
                let why = "the key was used before, for something else".to_owned();
                Err(Trouble::Spent { until: now + SOON, why })
            }
            // Our key is no good, or may not do this. An operator can mend that, and nothing was done.
            (401 | 403, _) => Err(Trouble::Later { until: now + LONGEST, why: format!("{status}: {named}") }),
            (400..500, Some(problem)) => Err(Trouble::Refused(Box::new(Refused { status, ..problem.error }))),
            _ if is_repeat => {
                Err(Trouble::Spent { until: put_off, why: format!("status {status} {named}, kept with the key") })
            }
            _ => Err(Trouble::Unknown { until: put_off, why: format!("status {status} {named}") }),
        }
    }

    fn request(&self, request: RequestBuilder, key: Option<&str>) -> reqwest::RequestBuilder {
        let RequestBuilder { query, body, path, method } = request;
        let query = query.filter(|query| !query.is_empty()).map_or(String::new(), |query| format!("?{query}"));
        let url = format!("{}/v1{path}{query}", self.inner.base);
        let method = match method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut sent = self.inner.http.request(method, url);
        if let Some(body) = body {
            sent = sent.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        match key {
            Some(key) => sent.header("idempotency-key", key),
            None => sent,
        }
    }

    /// Is this body from Stripe, and was it signed not long ago?
    ///
    /// # Errors
    /// What is wrong with the signature; it is not told to whoever sent it.
    pub fn verify(&self, now: Timestamp, header: &str, body: &[u8]) -> Result<(), BadSignature> {
        signature::verify(&self.inner.webhook_secrets, now, header, body)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        let breaker = match self.lane {
            Lane::Money => &self.inner.breaker,
            Lane::SetUps => &self.inner.breaker_of_set_ups,
        };
        breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came back.
struct Heard {
    status: u16,
    /// From when on it may be asked again, should that be wanted.
    put_off: Timestamp,
    /// Is it what was answered before, and kept with the key?
    is_repeat: bool,
    body: Vec<u8>,
}

/// Send a request, and hear its answer to the end.
async fn hear(now: Timestamp, sent: reqwest::RequestBuilder) -> Result<Heard, Trouble> {
    let unknown = |why: String| Trouble::Unknown { until: now + SOON, why };
    let response = sent.send().await.map_err(|error| {
        let why = without_address(error);
        // Nobody was there to hear it.
        if why.1 { Trouble::Later { until: now + SOON, why: why.0 } } else { unknown(why.0) }
    })?;
    let status = response.status().as_u16();
    let put_off = retry_after(&response).map_or(now + SOON, |wait| now + wait.clamp(SOON, LONGEST));
    let is_repeat = response.headers().get(REPEATED).is_some_and(|said| said == "true");
    Ok(Heard { status, put_off, is_repeat, body: whole(response).await.map_err(unknown)? })
}

/// What went wrong on the way, without the address, which may hold ids; and was nobody there?
fn without_address(error: reqwest::Error) -> (String, bool) {
    let nobody = error.is_connect();
    let what = if error.is_timeout() {
        "no answer in time"
    } else if nobody {
        "it can't be reached"
    } else {
        "the connection broke off"
    };
    (what.to_owned(), nobody)
}

/// How long we are asked to wait.
fn retry_after(response: &Response) -> Option<TimeDelta> {
    let seconds: i64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (seconds >= 0).then(|| TimeDelta::try_seconds(seconds).unwrap_or(LONGEST))
}

async fn whole(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| without_address(error).0)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err("its answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
