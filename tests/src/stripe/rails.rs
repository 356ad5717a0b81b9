//! What the double carries to banks: Global Payouts, and transfers to recipients' own accounts.
//!
//! The last four characters of the account decide: `…0001` is refused, `…0002` arrives and comes back a day later,
//! `…0006` fails on the way, `…0007` is called off, and any other arrives after ten minutes.

use std::collections::BTreeMap;

use chrono::{SecondsFormat, TimeDelta};
use domain::Timestamp;
use serde_json::{Value, json};

use super::books::{Books, Said, metadata, missing, refuse};

/// How long a transfer takes.
const CARRYING: TimeDelta = TimeDelta::minutes(10);
/// How long until money can go on from a recipient's own account.
const RESTING: TimeDelta = TimeDelta::hours(24);
/// A dollar, in rupees.
const RATE: i64 = 280;

/// What the double knows of payouts.
#[derive(Debug, Default)]
pub struct Carrying {
    /// Does it carry Global Payouts for us?
    pub global: bool,
    /// Has it approved us for accounts that can only take transfers?
    pub approved: bool,
    /// Accounts of people: of recipients, and of their own. Their bank accounts, where they have one.
    pub accounts: BTreeMap<String, Option<String>>,
    /// When the owners of accounts of their own accepted the agreement for recipients, and from where.
    pub accepted: Vec<(i64, String)>,
    /// Bank accounts of recipients: whose, and which.
    pub payout_methods: BTreeMap<String, (String, String)>,
    /// Global Payouts.
    pub outbound: Vec<Transfer>,
    /// Transfers to people's own accounts.
    pub transfers: Vec<Transfer>,
    /// What went on from there.
    pub onward: Vec<Transfer>,
    /// How much of our own money is there for payouts, in cents. Else there is always enough.
    pub funds: Option<i64>,
    /// Does what a bank sent back take a while until it can come back to us?
    pub back_held: bool,
    /// Does what went on from people's own accounts show only later where it is listed?
    pub onward_unlisted: bool,
    /// What moved on the financial account.
    pub moved: Vec<Line>,
}

/// A line of the financial account.
#[derive(Debug, Clone)]
pub struct Line {
    id: String,
    category: &'static str,
    /// In cents; below zero if it left.
    amount: i64,
    /// In which currency, in lower case.
    pub currency: &'static str,
    /// Of which of the Global Payouts, if it is of one.
    of: Option<String>,
    at: Timestamp,
}

impl Line {
    fn body(&self) -> Value {
        let kind = self.of.as_ref().map_or(self.category, |_| "outbound_payment");
        json!({
            "id": self.id, "object": "v2.money_management.transaction", "created": written(self.at),
            "amount": { "value": self.amount, "currency": self.currency }, "status": "posted", "category": self.category,
            "flow": { "type": kind, "outbound_payment": self.of }
        })
    }
}

/// Money that is carried.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Its name.
    pub id: String,
    /// How much, in minor units.
    pub amount: i64,
    /// How much of it came back to us.
    pub reversed: i64,
    /// To whom: the person's account.
    pub to: String,
    /// To which bank account.
    pub iban: String,
    /// What was written on it.
    pub metadata: BTreeMap<String, String>,
    /// Where it stands.
    pub status: &'static str,
    /// When it was made.
    pub created: Timestamp,
}

impl Transfer {
    /// Our name for it.
    pub fn key(&self) -> &str {
        self.metadata.get("transfer").map_or("", String::as_str)
    }

    /// What was written on it: nothing, if it was made by hand.
    fn written_on(&self) -> Value {
        if self.metadata.is_empty() { Value::Null } else { json!(self.metadata) }
    }

    fn outbound_body(&self) -> Value {
        let mut details = json!({});
        details[self.status] = json!({ "reason": "payout_method_declined" });
        json!({
            "id": self.id, "object": "v2.money_management.outbound_payment", "status": self.status,
            "amount": { "value": self.amount, "currency": "usd" }, "metadata": self.metadata,
            "status_details": if ["failed", "returned"].contains(&self.status) { details } else { Value::Null },
            "created": written(self.created)
        })
    }

    fn transfer_body(&self) -> Value {
        json!({
            "id": self.id, "object": "transfer", "amount": self.amount, "amount_reversed": self.reversed,
            "currency": "usd", "destination": self.to, "destination_payment": self.id.replacen("tr_", "py_", 1),
            "metadata": self.written_on(), "created": self.created.timestamp(), "reversed": self.reversed == self.amount
        })
    }

    fn onward_body(&self) -> Value {
        let failure = (self.status == "failed").then_some("account_closed");
        json!({
            "id": self.id, "object": "payout", "amount": self.amount, "currency": "pkr", "status": self.status,
            "failure_code": failure, "metadata": self.written_on(), "created": self.created.timestamp()
        })
    }
}

impl Carrying {
    /// Take an amount out of what is there, if that is enough.
    fn affords(&mut self, amount: i64) -> bool {
        match &mut self.funds {
            Some(funds) if *funds < amount => false,
            Some(funds) => {
                *funds -= amount;
                true
            }
            None => true,
        }
    }
}

fn written(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn last4(iban: &str) -> &str {
    &iban[iban.len().saturating_sub(4)..]
}

impl Books {
    /// What went out for good by its rails, in cents.
    pub fn carried(&self) -> i64 {
        let of_payouts = self.carrying.moved.iter().filter(|line| line.of.is_some());
        let outbound: i64 = of_payouts.map(|line| -line.amount).sum();
        outbound + self.carrying.transfers.iter().map(|transfer| transfer.amount - transfer.reversed).sum::<i64>()
    }

    /// Something moves on the financial account: of a payout, or by itself. Its name.
    pub fn moves_there(&mut self, category: &'static str, amount: i64, of: Option<String>, at: Timestamp) -> String {
        let id = self.name("trxn");
        self.carrying.moved.push(Line { id: id.clone(), category, amount, currency: "usd", of, at });
        id
    }

    /// Somebody takes back what was under way to their bank, or their bank sends it back.
    pub(super) fn carry(&mut self, now: Timestamp) {
        for place in 0..self.carrying.outbound.len() {
            let Transfer { id, amount, iban, status, created, .. } = self.carrying.outbound[place].clone();
            let next = match (status, last4(&iban)) {
                ("processing", "0006") if created + CARRYING <= now => "failed",
                ("processing", "0007") if created + CARRYING <= now => "canceled",
                ("processing", _) if created + CARRYING <= now => "posted",
                ("posted", "0002") if created + TimeDelta::days(1) <= now => "returned",
                _ => continue,
            };
            self.carrying.outbound[place].status = next;
            if next != "posted" {
                self.moves_there("return", amount, Some(id.clone()), now);
            }
            let kind = format!("v2.money_management.outbound_payment.{next}");
            let name = self.name("evt");
            let related = json!({ "id": id, "type": "v2.money_management.outbound_payment" });
            self.news.push(json!({ "id": name, "object": "v2.core.event", "type": kind, "created": written(now),
                "livemode": false, "related_object": related }));
        }
        for place in 0..self.carrying.onward.len() {
            let Transfer { iban, status, created, .. } = self.carrying.onward[place].clone();
            let next = match (status, last4(&iban)) {
                ("in_transit", "0006") if created + CARRYING <= now => "failed",
                ("in_transit", "0007") if created + CARRYING <= now => "canceled",
                ("in_transit", _) if created + CARRYING <= now => "paid",
                ("paid", "0002") if created + TimeDelta::days(1) <= now => "failed",
                _ => continue,
            };
            self.carrying.onward[place].status = next;
            let body = self.carrying.onward[place].onward_body();
            self.tell(&format!("payout.{next}"), &body, now);
        }
    }

    pub(super) fn recipient_create(&mut self) -> Said {
        if !self.carrying.global {
            return not_enabled();
        }
        let id = self.name("acct");
        self.carrying.accounts.insert(id.clone(), None);
        (200, json!({ "id": id, "object": "v2.core.account" }))
    }

    pub(super) fn bank_account_create(&mut self, whose: &str, asked: &BTreeMap<String, String>) -> Said {
        if !self.carrying.accounts.contains_key(whose) {
            return missing("stripe-context", whose);
        }
        let id = self.name("pkba");
        let iban = asked["payout_method_data[bank_account][account_number]"].clone();
        self.carrying.payout_methods.insert(id.clone(), (whose.to_owned(), iban));
        let method = json!({ "id": id, "object": "v2.money_management.payout_method" });
        (200, json!({ "id": self.name("osi"), "status": "succeeded", "payout_method": method }))
    }

    pub(super) fn outbound_create(&mut self, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let (to, method) = (asked["to[recipient]"].clone(), &asked["to[payout_method]"]);
        let Some((_, iban)) = self.carrying.payout_methods.get(method).filter(|(whose, _)| *whose == to).cloned()
        else {
            return missing("to.payout_method", method);
        };
        if last4(&iban) == "0001" {
            return refuse(400, "payout_method_not_supported", "to.payout_method");
        }
        let amount: i64 = asked["amount[value]"].parse().expect("it was looked at");
        if !self.carrying.affords(amount) {
            return (
                400,
                json!({ "error": { "type": "insufficient_funds", "code": "insufficient_funds",
                "message": "The financial account holds too little." } }),
            );
        }
        let id = self.name("obp");
        let (metadata, status) = (metadata(asked), "processing");
        let made = Transfer { id: id.clone(), amount, reversed: 0, to, iban, metadata, status, created: now };
        let body = made.outbound_body();
        self.carrying.outbound.push(made);
        self.moves_there("outbound_payment", -amount, Some(id), now);
        (200, body)
    }

    pub(super) fn outbound(&self, id: &str) -> Said {
        let found = self.carrying.outbound.iter().find(|known| known.id == id);
        found.map_or_else(|| missing("id", id), |known| (200, known.outbound_body()))
    }

    pub(super) fn outbound_list(&self, asked: &BTreeMap<String, String>) -> Said {
        if !self.carrying.global {
            return not_enabled();
        }
        let since: Timestamp = asked["created_gte"].parse().expect("a time");
        let found = self.carrying.outbound.iter().rev().filter(|known| known.created >= since);
        let bodies: Vec<Value> = found.map(Transfer::outbound_body).collect();
        pages("/v2/money_management/outbound_payments", asked, bodies)
    }

    pub(super) fn financial_list(&self, asked: &BTreeMap<String, String>) -> Said {
        let time = |name: &str| asked[name].parse::<Timestamp>().expect("a time");
        let (since, before) = (time("created_gte"), time("created_lt"));
        let found = self.carrying.moved.iter().rev().filter(|line| (since..before).contains(&line.at));
        pages("/v2/money_management/transactions", asked, found.map(Line::body).collect())
    }

    pub(super) fn financial_account(&self, id: &str) -> Said {
        let there = self.carrying.moved.iter().filter(|line| line.currency == "usd");
        let there: i64 = there.map(|line| line.amount).sum();
        let dollars = |cents: i64| json!({ "usd": { "value": cents, "currency": "usd" } });
        let balance = json!({ "available": dollars(there), "inbound_pending": dollars(0), "outbound_pending": {} });
        (200, json!({ "id": id, "object": "v2.money_management.financial_account", "balance": balance }))
    }

    pub(super) fn account_create(&mut self, asked: &BTreeMap<String, String>) -> Said {
        if !self.carrying.approved {
            let message = "Your platform needs approval for accounts to have requested the `transfers` capability \
                           without the `card_payments` capability. If you would like to request transfers without \
                           card_payments, please contact us.";
            return (400, json!({ "error": { "type": "invalid_request_error", "message": message } }));
        }
        let iban = asked["external_account[account_number]"].clone();
        if last4(&iban) == "0001" {
            return refuse(400, "account_number_invalid", "external_account");
        }
        let id = self.name("acct");
        self.carrying.accounts.insert(id.clone(), Some(iban));
        let at = asked["tos_acceptance[date]"].parse().expect("it was looked at");
        self.carrying.accepted.push((at, asked["tos_acceptance[ip]"].clone()));
        (200, json!({ "id": id, "object": "account", "type": "custom" }))
    }

    pub(super) fn transfer_create(&mut self, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let to = asked["destination"].clone();
        let Some(Some(iban)) = self.carrying.accounts.get(&to).cloned() else { return missing("destination", &to) };
        let amount: i64 = asked["amount"].parse().expect("it was looked at");
        if !self.carrying.affords(amount) {
            return refuse(400, "balance_insufficient", "amount");
        }
        let (id, metadata) = (self.name("tr"), metadata(asked));
        self.moves("transfer", -amount, &id, (None, metadata.clone()), now);
        let made = Transfer { id, amount, reversed: 0, to, iban, metadata, status: "paid", created: now };
        let body = made.transfer_body();
        self.carrying.transfers.push(made);
        (200, body)
    }

    pub(super) fn transfer(&self, id: &str) -> Said {
        let found = self.carrying.transfers.iter().find(|known| known.id == id);
        found.map_or_else(|| missing("id", id), |known| (200, known.transfer_body()))
    }

    pub(super) fn transfer_list(&self, asked: &BTreeMap<String, String>) -> Said {
        let since: i64 = asked.get("created[gte]").and_then(|text| text.parse().ok()).unwrap_or(0);
        let of = |known: &&Transfer| asked.get("destination").is_none_or(|to| known.to == *to);
        let found = self.carrying.transfers.iter().rev().filter(of).filter(|known| known.created.timestamp() >= since);
        let found: Vec<&Transfer> = found.collect();
        let skip = asked.get("starting_after").map_or(0, |after| {
            found.iter().position(|known| known.id == *after).map_or(found.len(), |place| place + 1)
        });
        let limit = asked.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
        let data: Vec<Value> = found.iter().skip(skip).take(limit).map(|known| known.transfer_body()).collect();
        (200, json!({ "object": "list", "has_more": found.len() > skip + data.len(), "data": data }))
    }

    pub(super) fn reversal_create(&mut self, id: &str, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let Some(place) = self.carrying.transfers.iter().position(|known| known.id == id) else {
            return missing("id", id);
        };
        let Transfer { amount, reversed, .. } = self.carrying.transfers[place];
        if reversed == amount {
            return refuse(400, "transfer_already_reversed", "id");
        }
        if self.carrying.back_held {
            return refuse(400, "balance_insufficient", "id");
        }
        let mut onward =
            self.carrying.onward.iter().filter(|known| known.key() == self.carrying.transfers[place].key());
        if onward.any(|known| !["failed", "canceled"].contains(&known.status)) {
            return refuse(400, "balance_insufficient", "id");
        }
        self.carrying.transfers[place].reversed = amount;
        let name = self.name("trr");
        self.moves("transfer_reversal", amount, &name, (None, metadata(asked)), now);
        (200, json!({ "id": name, "object": "transfer_reversal", "amount": amount }))
    }

    /// What arrived in a person's own account, in their money.
    pub(super) fn arrived(&self, payment: &str, whose: &str, now: Timestamp) -> Said {
        let id = payment.replacen("py_", "tr_", 1);
        let Some(known) = self.carrying.transfers.iter().find(|known| known.id == id && known.to == whose) else {
            return missing("charge", payment);
        };
        let status = if known.created + RESTING <= now { "available" } else { "pending" };
        let balance = json!({ "id": payment.replacen("py_", "txn_", 1), "amount": known.amount * RATE, "fee": 0,
            "currency": "pkr", "created": known.created.timestamp(), "status": status });
        (200, json!({ "id": payment, "object": "charge", "balance_transaction": balance }))
    }

    pub(super) fn onward_create(&mut self, whose: &str, asked: &BTreeMap<String, String>, now: Timestamp) -> Said {
        let Some(Some(iban)) = self.carrying.accounts.get(whose).cloned() else { return missing("account", whose) };
        let amount: i64 = asked["amount"].parse().expect("it was looked at");
        let of = |known: &&Transfer| known.to == whose;
        let rested = self.carrying.transfers.iter().filter(of).filter(|known| known.created + RESTING <= now);
        let there: i64 = rested.map(|known| (known.amount - known.reversed) * RATE).sum();
        let stays = |known: &&Transfer| of(known) && !["failed", "canceled"].contains(&known.status);
        let gone: i64 = self.carrying.onward.iter().filter(stays).map(|known| known.amount).sum();
        if amount > there - gone {
            return refuse(400, "balance_insufficient", "amount");
        }
        let (id, to, metadata) = (self.name("po"), whose.to_owned(), metadata(asked));
        let made = Transfer { id, amount, reversed: 0, to, iban, metadata, status: "in_transit", created: now };
        let body = made.onward_body();
        self.carrying.onward.push(made);
        (200, body)
    }

    pub(super) fn onward(&self, whose: &str, id: &str) -> Said {
        let found = self.carrying.onward.iter().find(|known| known.id == id && known.to == whose);
        found.map_or_else(|| missing("payout", id), |known| (200, known.onward_body()))
    }

    pub(super) fn onward_list(&self, whose: &str) -> Said {
        let shows = |known: &&Transfer| known.to == whose && !self.carrying.onward_unlisted;
        let found = self.carrying.onward.iter().rev().filter(shows);
        let data: Vec<Value> = found.take(100).map(Transfer::onward_body).collect();
        (200, json!({ "object": "list", "has_more": false, "data": data }))
    }
}

/// Whoever may not use Global Payouts may not look at any, either.
fn not_enabled() -> Said {
    let why = json!({ "type": "feature_not_enabled", "code": "global_payouts_not_enabled",
        "message": "Global Payouts are not enabled for this account." });
    (400, json!({ "error": why }))
}

/// A page, and where the next one is.
fn pages(path: &str, asked: &BTreeMap<String, String>, bodies: Vec<Value>) -> Said {
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<usize>().ok());
    let (from, limit) = (number("page").unwrap_or(0), number("limit").unwrap_or(10));
    let to = from + limit;
    let next = (to < bodies.len()).then(|| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(asked.iter().filter(|(name, _)| *name != "page"));
        query.append_pair("page", &to.to_string());
        format!("{path}?{}", query.finish())
    });
    let data: Vec<Value> = bodies.into_iter().skip(from).take(limit).collect();
    (200, json!({ "data": data, "next_page_url": next, "previous_page_url": null }))
}

/// JSON as the parameters of a form would be named, so that both are read alike.
pub(super) fn flat(body: &Value) -> String {
    fn walk(name: &str, value: &Value, into: &mut form_urlencoded::Serializer<'_, String>) {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    let inner = if name.is_empty() { field.clone() } else { format!("{name}[{field}]") };
                    walk(&inner, value, into);
                }
            }
            Value::String(text) => {
                into.append_pair(name, text);
            }
            other => {
                into.append_pair(name, &other.to_string());
            }
        }
    }
    let mut into = form_urlencoded::Serializer::new(String::new());
    walk("", body, &mut into);
    into.finish()
}
