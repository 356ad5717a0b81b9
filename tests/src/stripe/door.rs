//! The double's door: who may come in, what may be asked, and what is answered to the same key, for as long as keys are
//! remembered: a day, or thirty by the second API. After that the same key does what it asks for once more.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use chrono::TimeDelta;
use domain::Timestamp;
use infra::clock::Clock;
use serde_json::{Value, json};

use super::books::{Said, refuse};
use super::fault::Fault;
use super::form::{self, Parameter};
use super::rails;
use super::{Inner, SECRET_KEY};

/// The version of the second API that this double speaks.
const SECOND_VERSION: &str = "2026-10-28.endive";

/// How long the first API remembers keys, at the least, and how long the second does.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);
const REMEMBERED_BY_SECOND: TimeDelta = TimeDelta::days(30);

type Here = (Arc<Mutex<Inner>>, Clock);

/// What was answered to a key.
pub(crate) struct Kept {
    asked: String,
    said: Said,
    until: Timestamp,
}

impl Kept {
    /// An answer, kept for as long as the API of its path remembers keys.
    fn new(asked: String, said: Said, path: &str, now: Timestamp) -> Self {
        Self { asked, said, until: now + if is_second(path) { REMEMBERED_BY_SECOND } else { REMEMBERED } }
    }
}

/// Is it a path of the second API?
fn is_second(path: &str) -> bool {
    path.starts_with("/v2/")
}

pub(super) fn router(inner: Arc<Mutex<Inner>>, clock: Clock) -> Router {
    Router::new().fallback(answer).with_state((inner, clock))
}

async fn answer(
    State((inner, clock)): State<Here>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let said = {
        let mut inner = super::lock(&inner);
        let said = inner.hears(&clock, &method, &uri, &headers, &body);
        inner.bell.notify_one();
        said
    };
    let begun = |status: u16| Response::builder().status(status).header("content-type", "application/json");
    match said {
        Told::Said((status, body), wait) => {
            let mut response = begun(status);
            if let Some(seconds) = wait {
                response = response.header("retry-after", seconds);
            }
            response.body(Body::from(body.to_string())).expect("an answer")
        }
        Told::Again((status, body)) => {
            let response = begun(status).header("idempotent-replayed", "true");
            response.body(Body::from(body.to_string())).expect("an answer")
        }
        Told::Half => half(),
        Told::Nothing => {
            let mut silence = super::lock(&inner).silence.subscribe();
            let _over = silence.wait_for(|is_over| *is_over).await;
            half()
        }
    }
}

/// An answer that breaks off.
fn half() -> Response<Body> {
    let broken = futures_util::stream::iter([
        Ok(Bytes::from_static(b"{\"id\":\"")),
        Err(std::io::Error::other("the line broke")),
    ]);
    Response::builder().status(StatusCode::OK).body(Body::from_stream(broken)).expect("half an answer")
}

enum Told {
    Said(Said, Option<u32>),
    /// What was said before to the same key.
    Again(Said),
    Half,
    Nothing,
}

impl Inner {
    fn hears(&mut self, clock: &Clock, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Told {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (path, key) = (uri.path().to_owned(), header("idempotency-key").to_owned());
        self.heard.push((method.to_string(), path.clone(), key.clone()));
        if header("authorization") != format!("Bearer {SECRET_KEY}") {
            return Told::Said(refuse(401, "api_key_invalid", ""), None);
        }
        let whose = [header("stripe-account"), header("stripe-context")].concat();
        let fault = self.faults.draw(method.as_str(), uri.path());
        match fault {
            Some(Fault::Error) => return Told::Said(error(), None),
            Some(Fault::TooMany) => return Told::Said(refuse(429, "rate_limit", ""), Some(3)),
            Some(Fault::Forbidden) => return Told::Said(refuse(403, "permission_missing", ""), None),
            Some(Fault::Conflict) => return Told::Said(refuse(409, "idempotency_key_in_use", ""), None),
            Some(Fault::ErrorAfter | Fault::ErrorKept | Fault::LostAnswer | Fault::Hang) | None => {}
        }
        let asked = format!("{method} {path} {whose} {}", sorted(body));
        let now = clock.now();
        if self.keys.get(&key).is_some_and(|kept| kept.until <= now) {
            self.keys.remove(&key);
        }
        let again = *method == Method::POST && self.keys.get(&key).is_some_and(|kept| kept.asked == asked);
        let said = if *method == Method::POST && fault == Some(Fault::ErrorKept) && !self.keys.contains_key(&key) {
            self.keys.insert(key, Kept::new(asked, error(), &path, now));
            error()
        } else {
            self.says(clock, method, uri, (&key, &whose), header("stripe-version"), body)
        };
        match fault {
            Some(Fault::ErrorAfter) => Told::Said(error(), None),
            Some(Fault::LostAnswer) => Told::Half,
            Some(Fault::Hang) => Told::Nothing,
            Some(_) | None if again => Told::Again(said),
            Some(Fault::Error | Fault::ErrorKept | Fault::TooMany | Fault::Forbidden | Fault::Conflict) | None => {
                Told::Said(said, None)
            }
        }
    }

    /// What is said without faults: the same to the same key.
    fn says(
        &mut self,
        clock: &Clock,
        method: &Method,
        uri: &Uri,
        (key, whose): (&str, &str),
        version: &str,
        body: &[u8],
    ) -> Said {
        let is_second = is_second(uri.path());
        if version != (if is_second { SECOND_VERSION } else { stripe_version() }) {
            return self.sin(refuse(400, "api_version_invalid", version));
        }
        if *method == Method::GET {
            let said = self.acts(clock, method, uri.path(), whose, uri.query().unwrap_or_default());
            return said.unwrap_or_else(|refused| self.sin(refused));
        }
        if key.is_empty() {
            return self.sin(refuse(400, "idempotency_key_missing", uri.path()));
        }
        let asked = format!("{method} {} {whose} {}", uri.path(), sorted(body));
        if let Some(Kept { asked: before, said, .. }) = self.keys.get(key) {
            if *before == asked {
                return said.clone();
            }
            let why = json!({ "error": { "type": "idempotency_error", "message": format!("Another request had this key: {before}, and now {asked}.") } });
            return self.sin((400, why));
        }
        let text = match serde_json::from_slice(body) {
            Ok(json) if is_second => rails::flat(&json),
            Ok(_) | Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        match self.acts(clock, method, uri.path(), whose, &text) {
            Ok(said) => {
                self.keys.insert(key.to_owned(), Kept::new(asked, said.clone(), uri.path(), clock.now()));
                said
            }
            Err(refused) => self.sin(refused),
        }
    }

    /// Do what was asked. What can't be asked like that is an error of its own.
    fn acts(&mut self, clock: &Clock, method: &Method, path: &str, whose: &str, form: &str) -> Result<Said, Said> {
        let now = clock.now();
        let read = |allowed: &[Parameter]| {
            form::read(form, allowed).map_err(|(code, parameter)| refuse(400, code, &format!("{parameter} of {path}")))
        };
        let books = &mut self.books;
        let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        Ok(match (method.as_str(), steps.as_slice()) {
            ("POST", ["v1", "customers"]) => books.customer_create(&read(form::CUSTOMER_CREATE)?),
            ("POST", ["v1", "payment_intents"]) => books.intent_create(&read(form::INTENT_CREATE)?, now),
            ("GET", ["v1", "payment_intents"]) => books.intent_list(&read(form::INTENT_LIST)?),
            ("GET", ["v1", "payment_intents", id]) => books.intent(id, &read(form::INTENT)?),
            ("GET", ["v1", "charges", id]) if !whose.is_empty() => {
                read(form::CHARGE).map(|_| books.arrived(id, whose, now))?
            }
            ("GET", ["v1", "charges", id]) => books.charge(id, &read(form::CHARGE)?),
            ("GET", ["v1", "balance_transactions"]) => books.balance_list(&read(form::BALANCE_LIST)?),
            ("POST", ["v1", "payment_intents", id, "cancel"]) => {
                read(form::INTENT_CANCEL)?;
                books.intent_cancel(id, now)
            }
            ("GET", ["v1", "customers", customer, "payment_methods", method]) => {
                read(form::NOTHING).map(|_| books.attached(customer, method))?
            }
            ("POST", ["v1", "payment_methods", method, "detach"]) => {
                read(form::NOTHING)?;
                books.detach(method)
            }
            ("POST", ["v1", "setup_intents"]) => books.setup_create(&read(form::SETUP_CREATE)?),
            ("GET", ["v1", "setup_intents", id]) => read(form::NOTHING).map(|_| books.setup(id))?,
            ("POST", ["v1", "refunds"]) => books.refund_create(&read(form::REFUND_CREATE)?, now),
            ("GET", ["v1", "refunds"]) => books.refund_list(&read(form::REFUND_LIST)?),
            ("GET", ["v1", "refunds", id]) => read(form::NOTHING).map(|_| books.refund(id))?,
            ("GET", ["v1", "disputes", id]) => read(form::NOTHING).map(|_| books.dispute(id))?,
            ("POST", ["v2", "core", "accounts"]) => read(form::RECIPIENT_CREATE).map(|_| books.recipient_create())?,
            ("POST", ["v2", "money_management", "outbound_setup_intents"]) => {
                books.bank_account_create(whose, &read(form::BANK_ACCOUNT_CREATE)?)
            }
            ("POST", ["v2", "money_management", "outbound_payments"]) => {
                books.outbound_create(&read(form::OUTBOUND_CREATE)?, now)
            }
            ("GET", ["v2", "money_management", "outbound_payments"]) => {
                books.outbound_list(&read(form::OUTBOUND_LIST)?)
            }
            ("GET", ["v2", "money_management", "outbound_payments", id]) => {
                read(form::NOTHING).map(|_| books.outbound(id))?
            }
            ("GET", ["v2", "money_management", "financial_accounts", id]) => {
                read(form::NOTHING).map(|_| books.financial_account(id))?
            }
            ("GET", ["v1", "balance"]) => read(form::NOTHING).map(|_| books.balance_now())?,
            ("GET", ["v2", "money_management", "transactions"]) => books.financial_list(&read(form::FINANCIAL_LIST)?),
            ("POST", ["v1", "accounts"]) => books.account_create(&read(form::ACCOUNT_CREATE)?),
            ("POST", ["v1", "transfers"]) => books.transfer_create(&read(form::TRANSFER_CREATE)?, now),
            ("GET", ["v1", "transfers"]) => books.transfer_list(&read(form::TRANSFER_LIST)?),
            ("GET", ["v1", "transfers", id]) => read(form::NOTHING).map(|_| books.transfer(id))?,
            ("POST", ["v1", "transfers", id, "reversals"]) => {
                books.reversal_create(id, &read(form::REVERSAL_CREATE)?, now)
            }
            ("POST", ["v1", "payouts"]) if !whose.is_empty() => {
                books.onward_create(whose, &read(form::ONWARD_CREATE)?, now)
            }
            ("GET", ["v1", "payouts"]) if !whose.is_empty() => {
                read(form::ONWARD_LIST).map(|_| books.onward_list(whose))?
            }
            ("GET", ["v1", "payouts", id]) if !whose.is_empty() => {
                read(form::NOTHING).map(|_| books.onward(whose, id))?
            }
            _ => return Err(refuse(404, "url_unknown", path)),
        })
    }

    fn sin(&mut self, said: Said) -> Said {
        self.sins.push(said.1.to_string());
        said
    }
}

/// The version of the API that our library speaks.
fn stripe_version() -> &'static str {
    "2026-09-30.endive"
}

fn error() -> Said {
    (500, json!({ "error": { "type": "api_error", "message": "We are sorry." } }))
}

/// The parameters in one order: a map is written in any.
fn sorted(body: &[u8]) -> String {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    pairs.sort();
    Value::from_iter(pairs).to_string()
}
