//! The double's books: who paid what, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::Timestamp;
use serde_json::{Value, json};

use super::balance::{Moved, charge_of, expands};
use super::event;
use super::rails::Carrying;

/// The bank account: it is debited on a mandate alone, and takes four days.
const BANK_ACCOUNT: &str = "pm_sandbox_debit";

/// An answer: a status and a body.
pub type Said = (u16, Value);

/// A payment at the double.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its name.
    pub id: String,
    /// How much, in cents.
    pub amount: i64,
    /// Where it stands.
    pub status: &'static str,
    /// The card.
    pub method: String,
    /// Whose.
    pub customer: Option<String>,
    /// What was written on it.
    pub metadata: BTreeMap<String, String>,
    /// Why it failed.
    pub error: Option<Value>,
    /// When it was made.
    pub created: Timestamp,
    /// When its money came.
    pub came: Option<Timestamp>,
    /// Is what it is paid with kept for its customer, once it has paid?
    pub keeps: bool,
    /// The client's word that it may be taken: when they gave it, from which address, and what with.
    pub mandate: Option<(i64, String, String)>,
}

impl Intent {
    /// Our name for it.
    pub fn payment(&self) -> &str {
        self.metadata.get("payment").map_or("", String::as_str)
    }

    /// As it is told.
    pub fn body(&self) -> Value {
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "currency": "usd",
            "amount_received": if self.came.is_some() { self.amount } else { 0 }, "status": self.status,
            "client_secret": format!("{}_secret_double", self.id), "customer": self.customer,
            "payment_method": self.method, "metadata": noted(&self.metadata), "created": self.created.timestamp(),
            "livemode": false, "last_payment_error": self.error, "capture_method": "automatic",
            "cancellation_reason": (self.status == "canceled").then_some("requested_by_customer")
        })
    }
}

/// Money on its way back to a card.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its name.
    pub id: String,
    /// Of which payment.
    pub intent: String,
    /// How much, in cents.
    pub amount: i64,
    /// Where it stands.
    pub status: &'static str,
    /// What was written on it.
    pub metadata: BTreeMap<String, String>,
}

impl Refund {
    /// As it is told.
    pub fn body(&self) -> Value {
        json!({
            "id": self.id, "object": "refund", "amount": self.amount, "currency": "usd", "status": self.status,
            "payment_intent": self.intent, "metadata": noted(&self.metadata),
            "failure_reason": (self.status == "failed").then_some("expired_or_canceled_card")
        })
    }
}

/// A chargeback.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// Its name.
    pub id: String,
    /// Of which payment.
    pub intent: String,
    /// How much, in cents.
    pub amount: i64,
    /// Where it stands.
    pub status: &'static str,
}

impl Dispute {
    /// As it is told.
    pub fn body(&self) -> Value {
        json!({
            "id": self.id, "object": "dispute", "amount": self.amount, "currency": "usd", "status": self.status,
            "payment_intent": self.intent, "reason": "fraudulent"
        })
    }
}

/// A card that is being set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name.
    pub id: String,
    /// Whose.
    pub customer: String,
    /// What was set up, once it was.
    pub method: Option<String>,
}

impl Setup {
    /// As it is told.
    pub fn body(&self) -> Value {
        json!({
            "id": self.id, "object": "setup_intent", "customer": self.customer, "payment_method": self.method,
            "status": if self.method.is_some() { "succeeded" } else { "requires_payment_method" },
            "client_secret": format!("{}_secret_double", self.id)
        })
    }
}

/// What the double knows.
#[derive(Debug, Default)]
pub struct Books {
    /// What is being set up, or was.
    pub setups: Vec<Setup>,
    /// The cards that were let go of.
    pub detached: Vec<String>,
    /// What is kept for customers: whose, and which.
    pub attached: BTreeSet<(String, String)>,
    /// The bank accounts that may be debited: whose, and which.
    pub mandates: BTreeSet<(String, String)>,
    /// Who pays, and what was written on them.
    pub customers: BTreeMap<String, BTreeMap<String, String>>,
    /// What they paid.
    pub intents: Vec<Intent>,
    /// What went back.
    pub refunds: Vec<Refund>,
    /// What was taken back.
    pub disputes: Vec<Dispute>,
    /// What moved on our balance.
    pub moved: Vec<Moved>,
    /// What it keeps of each charge: basis points, and cents.
    pub charge_fees: (i64, i64),
    /// What it takes for each dispute, in cents.
    pub dispute_fee: i64,
    /// What it gives back of that for each that is won, in cents.
    pub dispute_fee_back: i64,
    /// Does it take a while until it knows what a charge costs?
    pub fees_held_back: bool,
    /// What it carries to banks.
    pub carrying: Carrying,
    /// What is to be told.
    pub news: Vec<Value>,
    count: u32,
}

impl Books {
    /// The payment with our name.
    pub fn of_payment(&self, payment: &str) -> Option<&Intent> {
        self.intents.iter().find(|intent| intent.payment() == payment)
    }

    /// The client's bank has seen them, or would not have them.
    pub fn bank_answers(&mut self, payment: &str, passes: bool, now: Timestamp) {
        let place = self.intents.iter().position(|intent| intent.payment() == payment).expect("such a payment");
        assert_eq!(self.intents[place].status, "requires_action", "the bank has nothing to see");
        if passes {
            self.comes(place, now);
        } else {
            let code = "payment_intent_authentication_failure";
            self.intents[place].status = "requires_payment_method";
            self.intents[place].error = Some(json!({ "type": "invalid_request_error", "code": code }));
            self.tell("payment_intent.payment_failed", &self.intents[place].body(), now);
        }
    }

    /// A client's bank takes a payment back.
    pub fn disputes(&mut self, payment: &str, amount: i64, status: &'static str, now: Timestamp) -> String {
        let intent = self.of_payment(payment).expect("such a payment").id.clone();
        let dispute = Dispute { id: self.name("dp"), intent, amount, status };
        let (id, body) = (dispute.id.clone(), dispute.body());
        if !status.starts_with("warning") {
            self.moves("dispute", -amount, &id, (Some(&dispute.intent), BTreeMap::new()), now);
        }
        self.disputes.push(dispute);
        self.tell("charge.dispute.created", &body, now);
        id
    }

    /// A dispute is lost, and so much of it is given back all the same.
    pub fn decides_in_part(&mut self, dispute: &str, back: i64, now: Timestamp) {
        let found = self.disputes.iter().find(|known| known.id == dispute).expect("such a dispute");
        let intent = found.intent.clone();
        self.moves("dispute_reversal", back, dispute, (Some(&intent), BTreeMap::new()), now);
        self.decides(dispute, "lost", now);
    }

    /// A dispute that was lost, but for what its bank gave `back` of it, is won after all: the rest comes back, too.
    pub fn turns(&mut self, dispute: &str, back: i64, now: Timestamp) {
        let found = self.disputes.iter_mut().find(|known| known.id == dispute).expect("such a dispute");
        found.status = "won";
        let (body, rest, intent) = (found.body(), found.amount - back, found.intent.clone());
        self.moves("dispute_reversal", rest, dispute, (Some(&intent), BTreeMap::new()), now);
        self.tell("charge.dispute.closed", &body, now);
    }

    /// A dispute that was won is lost after all: its bank takes the money again.
    pub fn takes_again(&mut self, dispute: &str, now: Timestamp) {
        let found = self.disputes.iter_mut().find(|known| known.id == dispute).expect("such a dispute");
        found.status = "lost";
        let (body, amount, intent) = (found.body(), found.amount, found.intent.clone());
        self.moves("dispute", -amount, dispute, (Some(&intent), BTreeMap::new()), now);
        self.tell("charge.dispute.closed", &body, now);
    }

    /// A dispute is decided.
    pub fn decides(&mut self, dispute: &str, status: &'static str, now: Timestamp) {
        let found = self.disputes.iter_mut().find(|known| known.id == dispute).expect("such a dispute");
        found.status = status;
        let (body, amount, intent) = (found.body(), found.amount, found.intent.clone());
        if status == "won" {
            self.moves("dispute_reversal", amount, dispute, (Some(&intent), BTreeMap::new()), now);
        }
        self.tell("charge.dispute.closed", &body, now);
    }

    /// Somebody sends money back from the dashboard.
    pub fn refund_by_hand(&mut self, payment: &str, amount: i64, now: Timestamp) {
        let intent = self.of_payment(payment).expect("such a payment").id.clone();
        let refund = Refund { id: self.name("re"), intent, amount, status: "succeeded", metadata: BTreeMap::new() };
        self.goes_back(&refund, now);
        self.tell("refund.created", &refund.body(), now);
        self.refunds.push(refund);
    }

    /// The client's page sets a card up.
    pub fn sets_up(&mut self, client_secret: &str, method: &str, now: Timestamp) {
        let id = client_secret.strip_suffix("_secret_double").expect("a secret of ours");
        let setup = self.setups.iter_mut().find(|setup| setup.id == id).expect("such a setup");
        setup.method = Some(method.to_owned());
        let body = setup.body();
        // It is the page that confirms it, and that tells of the mandate.
        let theirs = (setup.customer.clone(), method.to_owned());
        self.mandates.insert(theirs.clone());
        self.attached.insert(theirs);
        self.tell("setup_intent.succeeded", &body, now);
    }

    /// The bank has taken all refunds that it took its time over, and nothing tells of it.
    pub fn refunds_arrive_untold(&mut self) {
        self.refunds
            .iter_mut()
            .filter(|refund| refund.status == "pending")
            .for_each(|refund| refund.status = "succeeded");
    }

    /// A refund that was thought to be done comes back.
    pub fn refund_fails(&mut self, refund: &str, now: Timestamp) {
        let found = self.refunds.iter_mut().find(|known| known.id == refund).expect("such a refund");
        found.status = "failed";
        let (body, back) = (found.body(), found.clone());
        self.moves("refund_failure", back.amount, refund, (Some(&back.intent), back.metadata), now);
        self.tell("refund.failed", &body, now);
    }

    /// What happens by itself, by now.
    pub fn pass_time(&mut self, now: Timestamp) {
        self.carry(now);
        for place in 0..self.intents.len() {
            let Intent { status, created, came, ref method, amount, .. } = self.intents[place];
            let payment = self.intents[place].payment().to_owned();
            let (method, after) = (method.clone(), |at: Timestamp, time: TimeDelta| at + time <= now);
            if status == "processing" && method == "pm_sandbox_late" && after(created, TimeDelta::minutes(10)) {
                self.comes(place, now);
            }
            if status == "processing" && method == BANK_ACCOUNT && after(created, TimeDelta::days(4)) {
                self.comes(place, now);
            }
            let Some(came) = came.filter(|_| method.starts_with("pm_sandbox_chargeback")) else { continue };
            let known = self.disputes.iter().find(|dispute| dispute.intent == self.intents[place].id).cloned();
            match known {
                None if after(came, TimeDelta::days(1)) => {
                    self.disputes(&payment, amount, "needs_response", now);
                }
                Some(Dispute { id, status: "needs_response", .. })
                    if method == "pm_sandbox_chargeback_won" && after(came, TimeDelta::days(8)) =>
                {
                    self.decides(&id, "won", now);
                }
                Some(_) | None => {}
            }
        }
    }

    /// Something is to be told.
    pub fn tell(&mut self, kind: &str, object: &Value, now: Timestamp) {
        let id = self.name("evt");
        self.news.push(event(&id, kind, object, now));
    }

    /// A refund that was asked for, and whose answer was lost, gets there after all.
    pub fn refund_gets_there(&mut self, payment: &str, refund: &str, amount: i64, now: Timestamp) {
        let intent = self.of_payment(payment).expect("such a payment").id.clone();
        let metadata = BTreeMap::from([("refund".to_owned(), refund.to_owned())]);
        let refund = Refund { id: self.name("re"), intent, amount, status: "succeeded", metadata };
        self.goes_back(&refund, now);
        self.tell("refund.created", &refund.body(), now);
        self.refunds.push(refund);
    }

    fn goes_back(&mut self, refund: &Refund, now: Timestamp) {
        self.moves("refund", -refund.amount, &refund.id, (Some(&refund.intent), refund.metadata.clone()), now);
    }

    fn comes(&mut self, place: usize, now: Timestamp) {
        self.intents[place].status = "succeeded";
        self.intents[place].came = Some(now);
        let Intent { id, amount, metadata, customer, method, keeps, .. } = self.intents[place].clone();
        self.attached.extend(customer.filter(|_| keeps).map(|customer| (customer, method)));
        self.moves("charge", amount, &charge_of(&id), (Some(&id), metadata), now);
        self.tell("payment_intent.succeeded", &self.intents[place].body(), now);
    }

    pub(super) fn name(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_double{:06}", self.count)
    }

    pub(super) fn customer_create(&mut self, asked: &BTreeMap<String, String>) -> Said {
        let id = self.name("cus");
        self.customers.insert(id.clone(), metadata(asked));
        (200, json!({ "id": id, "object": "customer", "livemode": false }))
    }

    pub(super) fn intent_create(&mut self, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let given = |name: &str| asked.get(name).cloned();
        let is = |name: &str| asked.get(name).is_some_and(|value| value == "true");
        if let Some(customer) = given("customer").filter(|customer| !self.customers.contains_key(customer)) {
            return missing("customer", &customer);
        }
        let off_session = is("off_session");
        if off_session && asked.contains_key("setup_future_usage") {
            return invalid("setup_future_usage");
        }
        let Some(method) = given("payment_method").filter(|_| is("confirm")) else { return invalid("confirm") };
        let mandate = match mandate(asked) {
            Ok(mandate) => mandate,
            Err(refused) => return refused,
        };
        if method == BANK_ACCOUNT {
            let of = (given("customer").unwrap_or_default(), method.clone());
            match off_session {
                true if !self.mandates.contains(&of) => {
                    return refuse(400, "payment_intent_mandate_invalid", "payment_method");
                }
                false if mandate.is_none() => return refuse(400, "parameter_missing", "mandate_data"),
                false if asked.contains_key("setup_future_usage") => {
                    self.mandates.insert(of.clone());
                    self.attached.insert(of);
                }
                true | false => {}
            }
        }
        let created = Intent {
            id: self.name("pi"),
            amount: asked["amount"].parse().expect("it was looked at"),
            status: "processing",
            method: method.clone(),
            customer: given("customer"),
            metadata: metadata(asked),
            error: None,
            created: now,
            came: None,
            keeps: asked.contains_key("setup_future_usage"),
            mandate,
        };
        let (place, status, code) = (self.intents.len(), "requires_payment_method", "card_declined");
        let refused = |code: &str| json!({ "type": "card_error", "code": code, "decline_code": "generic_decline" });
        match method.as_str() {
            "pm_sandbox_visa"
            | "pm_sandbox_refund_fails"
            | "pm_sandbox_refund_slow"
            | "pm_sandbox_chargeback"
            | "pm_sandbox_chargeback_won" => {
                self.intents.push(created);
                self.comes(place, now);
            }
            "pm_sandbox_late" | "pm_sandbox_silent" | BANK_ACCOUNT => {
                self.intents.push(created);
                self.tell("payment_intent.processing", &self.intents[place].body(), now);
            }
            "pm_sandbox_3ds" if off_session => {
                let error = Some(refused("authentication_required"));
                self.intents.push(Intent { status, error, ..created });
            }
            "pm_sandbox_3ds" => {
                self.intents.push(Intent { status: "requires_action", ..created });
                self.tell("payment_intent.requires_action", &self.intents[place].body(), now);
            }
            "pm_sandbox_declined" => self.intents.push(Intent { status, error: Some(refused(code)), ..created }),
            _ => return missing("payment_method", &method),
        }
        let made = &self.intents[place];
        let body = made.body();
        let Some(mut error) = made.error.clone() else { return (200, body) };
        self.tell("payment_intent.payment_failed", &body, now);
        error["payment_intent"] = body;
        (402, json!({ "error": error }))
    }

    pub(super) fn intent(&self, id: &str, asked: &BTreeMap<String, String>) -> Said {
        let Some(found) = self.intents.iter().find(|intent| intent.id == id) else { return missing("intent", id) };
        let mut body = found.body();
        if found.came.is_some() {
            let whole = expands(asked, "latest_charge.balance_transaction");
            body["latest_charge"] = if whole { self.charge_body(id, true) } else { json!(charge_of(id)) };
        }
        (200, body)
    }

    pub(super) fn intent_cancel(&mut self, id: &str, now: Timestamp) -> Said {
        let Some(place) = self.intents.iter().position(|intent| intent.id == id) else { return missing("intent", id) };
        if ["succeeded", "canceled", "processing"].contains(&self.intents[place].status) {
            return refuse(400, "payment_intent_unexpected_state", "intent");
        }
        self.intents[place].status = "canceled";
        let body = self.intents[place].body();
        self.tell("payment_intent.canceled", &body, now);
        (200, body)
    }

    pub(super) fn intent_list(&self, asked: &BTreeMap<String, String>) -> Said {
        let number = |name: &str| asked.get(name).and_then(|value| value.parse::<i64>().ok());
        let (limit, since) = (number("limit").unwrap_or(10), number("created[gte]").unwrap_or(0));
        if limit > 100 {
            return invalid("limit");
        }
        let newest_first = self.intents.iter().rev();
        let mut found: Vec<&Intent> = newest_first
            .filter(|intent| asked.get("customer").is_none_or(|customer| intent.customer.as_ref() == Some(customer)))
            .filter(|intent| intent.created.timestamp() >= since)
            .collect();
        if let Some(after) = asked.get("starting_after") {
            let Some(place) = found.iter().position(|intent| intent.id == *after) else {
                return missing("intent", after);
            };
            found.drain(..=place);
        }
        let limit = usize::try_from(limit).expect("a page");
        let data: Vec<Value> = found.iter().take(limit).map(|intent| intent.body()).collect();
        (200, json!({ "object": "list", "url": "/v1/payment_intents", "has_more": found.len() > limit, "data": data }))
    }

    pub(super) fn refund_create(&mut self, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let id = &asked["payment_intent"];
        let Some(intent) = self.intents.iter().find(|intent| intent.id == *id) else { return missing("intent", id) };
        if intent.came.is_none() {
            return refuse(400, "charge_not_refundable", "payment_intent");
        }
        if self.disputes.iter().any(|dispute| dispute.intent == *id && dispute.status != "won") {
            return refuse(400, "charge_disputed", "payment_intent");
        }
        let gone: i64 = self
            .refunds
            .iter()
            .filter(|refund| refund.intent == *id && refund.status != "failed")
            .map(|refund| refund.amount)
            .sum();
        let left = intent.amount - gone;
        let amount = asked.get("amount").and_then(|amount| amount.parse().ok()).unwrap_or(left);
        if amount > left {
            return refuse(400, "charge_already_refunded", "amount");
        }
        let fails = intent.method == "pm_sandbox_refund_fails";
        let status = if intent.method == "pm_sandbox_refund_slow" { "pending" } else { "succeeded" };
        let (intent, metadata) = (id.clone(), metadata(asked));
        let refund = Refund { id: self.name("re"), intent, amount, status, metadata };
        let (id, body) = (refund.id.clone(), refund.body());
        self.goes_back(&refund, now);
        self.refunds.push(refund);
        self.tell("refund.created", &body, now);
        if fails {
            self.refund_fails(&id, now);
        }
        (200, body)
    }

    pub(super) fn setup_create(&mut self, asked: &BTreeMap<String, String>) -> Said {
        let customer = asked["customer"].clone();
        if !self.customers.contains_key(&customer) {
            return missing("customer", &customer);
        }
        let setup = Setup { id: self.name("seti"), customer, method: None };
        let body = setup.body();
        self.setups.push(setup);
        (200, body)
    }

    pub(super) fn setup(&self, id: &str) -> Said {
        let found = self.setups.iter().find(|setup| setup.id == id);
        found.map_or_else(|| missing("setup_intent", id), |setup| (200, setup.body()))
    }

    pub(super) fn attached(&self, customer: &str, method: &str) -> Said {
        if !self.attached.contains(&(customer.to_owned(), method.to_owned())) {
            return missing("payment_method", method);
        }
        (200, method_body(method, customer))
    }

    pub(super) fn detach(&mut self, method: &str) -> Said {
        let before = self.attached.len();
        self.attached.retain(|(_, kept)| kept != method);
        if self.attached.len() == before {
            return missing("payment_method", method);
        }
        self.detached.push(method.to_owned());
        (200, json!({ "id": method, "object": "payment_method", "type": "card", "customer": null }))
    }

    pub(super) fn refund_list(&self, asked: &BTreeMap<String, String>) -> Said {
        let of = |refund: &&Refund| asked.get("payment_intent").is_none_or(|intent| refund.intent == *intent);
        let data: Vec<Value> = self.refunds.iter().filter(of).map(Refund::body).collect();
        (200, json!({ "object": "list", "url": "/v1/refunds", "has_more": false, "data": data }))
    }

    pub(super) fn refund(&self, id: &str) -> Said {
        let found = self.refunds.iter().find(|refund| refund.id == id);
        found.map_or_else(|| missing("refund", id), |refund| (200, refund.body()))
    }

    pub(super) fn dispute(&self, id: &str) -> Said {
        let found = self.disputes.iter().find(|dispute| dispute.id == id);
        let Some(found) = found else { return missing("dispute", id) };
        let mut body = found.body();
        let moved = self.moved.iter().filter(|moved| moved.source == id);
        body["balance_transactions"] = moved.map(|moved| moved.body(false)).collect();
        (200, body)
    }
}

/// A card or a bank account, as it is told.
fn method_body(method: &str, customer: &str) -> Value {
    if method == BANK_ACCOUNT {
        let bank = json!({ "bank_name": "STRIPE TEST BANK", "last4": "6789", "account_holder_type": "company" });
        return json!({ "id": method, "object": "payment_method", "type": "us_bank_account", "us_bank_account": bank,
            "customer": customer });
    }
    let card = json!({ "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2031 });
    json!({ "id": method, "object": "payment_method", "type": "card", "card": card, "customer": customer })
}

/// Who accepted the mandate of a payment that is confirmed as it is made. Online it takes an address, and what it was
/// accepted with.
fn mandate(asked: &BTreeMap<String, String>) -> Result<Option<(i64, String, String)>, Said> {
    let part = |name: &str| asked.get(&format!("mandate_data[customer_acceptance]{name}")).cloned();
    if part("[type]").is_none() {
        return if asked.keys().any(|name| name.starts_with("mandate_data")) {
            Err(refuse(400, "parameter_missing", "mandate_data[customer_acceptance][type]"))
        } else {
            Ok(None)
        };
    }
    let at = part("[accepted_at]").and_then(|at| at.parse().ok()).unwrap_or_default();
    match (part("[online][ip_address]"), part("[online][user_agent]")) {
        (Some(address), Some(agent)) => Ok(Some((at, address, agent))),
        (_, _) => Err(refuse(400, "parameter_missing", "mandate_data[customer_acceptance][online]")),
    }
}

/// What was written on an object, as it is told: null, if nothing was.
pub(super) fn noted(metadata: &BTreeMap<String, String>) -> Value {
    if metadata.is_empty() { Value::Null } else { json!(metadata) }
}

pub(super) fn metadata(asked: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let inner = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    asked.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone()))).collect()
}

/// A refusal.
pub fn refuse(status: u16, code: &str, param: &str) -> Said {
    let error = json!({ "type": "invalid_request_error", "code": code, "param": param, "message": "No." });
    (status, json!({ "error": error }))
}

pub(super) fn missing(param: &str, _name: &str) -> Said {
    refuse(404, "resource_missing", param)
}

fn invalid(param: &str) -> Said {
    refuse(400, "parameter_invalid", param)
}
