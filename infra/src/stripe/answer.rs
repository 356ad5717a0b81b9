//! What Stripe answers, as far as we need it. Read leniently: a field that was added or left out is no
//! reason not to understand that money moved.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::Timestamp;
use domain::money::{Currency, Money};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::Fault;

/// What is told as nothing is as good as not told: most of what an object has may be null.
pub fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(told: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(told)?.unwrap_or_default())
}

/// What can't be read is as good as not told, where nothing of what is told beside it depends on it.
fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(told: D) -> Result<Option<T>, D::Error> {
    let told = serde_json::Value::deserialize(told)?;
    Ok(serde_json::from_value(told).ok())
}

/// An object of which only the name matters.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// Its name.
    pub id: String,
}

/// A list.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// What is on this page.
    pub data: Vec<T>,
    /// Is there more?
    #[serde(default, deserialize_with = "null_as_default")]
    pub has_more: bool,
}

/// A payment.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentIntent {
    /// Its name, `pi_…`.
    pub id: String,
    /// Where it stands.
    pub status: String,
    /// How much came, in minor units.
    #[serde(default, deserialize_with = "null_as_default")]
    pub amount_received: i64,
    /// Of which currency, in lower case.
    pub currency: String,
    /// Lets the client's page go on with it.
    pub client_secret: Option<String>,
    /// What we wrote on it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
    /// Why the last attempt failed.
    pub last_payment_error: Option<PaymentError>,
    /// Why it was cancelled.
    pub cancellation_reason: Option<String>,
    /// What was charged, whole where it was asked for.
    pub latest_charge: Option<Expandable<Charge>>,
    /// Whose it is.
    #[serde(default, deserialize_with = "if_readable")]
    pub customer: Option<Expandable<Named>>,
    /// What it is paid with.
    #[serde(default, deserialize_with = "if_readable")]
    pub payment_method: Option<Expandable<Named>>,
}

/// An object, or only its name, as it was asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    /// The object.
    Whole(Box<T>),
    /// Its name.
    Name(String),
}

impl<T> Expandable<T> {
    /// The object, if it is there.
    pub fn whole(&self) -> Option<&T> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Name(_) => None,
        }
    }
}

impl Expandable<Named> {
    /// The name, however it was told.
    pub fn name(&self) -> &str {
        match self {
            Self::Whole(whole) => &whole.id,
            Self::Name(name) => name,
        }
    }
}

/// What was charged.
#[derive(Debug, Clone, Deserialize)]
pub struct Charge {
    /// Of which payment.
    pub payment_intent: Option<String>,
    /// What it did to our balance. Some take a while until that is known.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
}

/// What moved on our balance.
#[derive(Debug, Clone, Deserialize)]
pub struct BalanceTransaction {
    /// Its name, `txn_…`.
    pub id: String,
    /// How much, in minor units: above zero onto it, below off it.
    pub amount: i64,
    /// What Stripe kept of that for itself, in minor units.
    #[serde(default, deserialize_with = "null_as_default")]
    pub fee: i64,
    /// Of which currency, in lower case.
    pub currency: String,
    /// When, in seconds.
    pub created: i64,
    /// `pending`, or `available`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
    /// What kind it is, for book-keeping.
    #[serde(default, deserialize_with = "null_as_default")]
    pub reporting_category: String,
    /// What caused it, if it was asked for.
    #[serde(default)]
    pub source: Option<Expandable<Source>>,
}

/// What caused a movement.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: String,
    /// Of which payment, if it is of one.
    pub payment_intent: Option<Expandable<Named>>,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// Why an attempt to pay failed.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentError {
    /// Like `card_declined`.
    pub code: Option<String>,
    /// `card_error`, …
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    pub kind: String,
}

/// A dispute of a payment, which we call a chargeback.
#[derive(Debug, Clone, Deserialize)]
pub struct Dispute {
    /// Its name, `dp_…` or `du_…`.
    pub id: String,
    /// How much, in minor units.
    pub amount: i64,
    /// Of which currency, in lower case.
    pub currency: String,
    /// Where it stands.
    pub status: String,
    /// Of which payment.
    pub payment_intent: Option<String>,
    /// What it did to our balance.
    #[serde(default, deserialize_with = "null_as_default")]
    pub balance_transactions: Vec<BalanceTransaction>,
}

/// Money on its way back to a card.
#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    /// Its name, `re_…`.
    pub id: String,
    /// How much, in the currency's smallest unit.
    pub amount: i64,
    /// In which currency.
    pub currency: String,
    /// Where it stands.
    pub status: Option<String>,
    /// Of which payment.
    pub payment_intent: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// What we wrote on it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

/// A card or an account that is being set up.
#[derive(Debug, Clone, Deserialize)]
pub struct SetupIntent {
    /// Its name.
    pub id: String,
    /// Where it stands.
    pub status: String,
    /// Lets the client's page go on with it.
    pub client_secret: Option<String>,
    /// Whose.
    pub customer: Option<String>,
    /// What was set up.
    pub payment_method: Option<String>,
}

/// A card or an account.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentMethod {
    /// Its name, `pm_…`.
    pub id: String,
    /// Whose it is, as long as it is kept for them.
    pub customer: Option<Expandable<Named>>,
    /// `card`, `us_bank_account`…
    #[serde(rename = "type")]
    pub kind: String,
    /// If it is a card.
    pub card: Option<Card>,
    /// If it is an account at a bank of the United States.
    pub us_bank_account: Option<BankAccount>,
}

/// What is told of a card.
#[derive(Debug, Clone, Deserialize)]
pub struct Card {
    /// Like `visa`.
    pub brand: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// The last month it is good for, from 1.
    pub exp_month: Option<i16>,
    /// Its year, of four digits.
    pub exp_year: Option<i16>,
}

/// What is told of a bank account.
#[derive(Debug, Clone, Deserialize)]
pub struct BankAccount {
    /// The bank's name.
    pub bank_name: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
}

/// What is told at our door: what happened to what. The object is asked for again, so of what the event
/// says of it only its name is read.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its name, `evt_…`.
    pub id: String,
    /// What happened, like `payment_intent.succeeded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub created: EventTime,
    /// To what, as the first API tells it.
    pub data: Option<EventData>,
    /// To what, as the second API tells it.
    pub related_object: Option<EventObject>,
}

impl Event {
    /// When it happened, if that is a time.
    pub fn at(&self) -> Option<Timestamp> {
        match &self.created {
            EventTime::Seconds(seconds) => DateTime::from_timestamp(*seconds, 0),
            EventTime::Written(text) => text.parse().ok(),
        }
    }

    /// The name of what it happened to: empty if that has none, or if it happened to nothing that is told.
    pub fn object(&self) -> &str {
        let told = self.data.as_ref().and_then(|data| data.object.as_ref());
        told.or(self.related_object.as_ref()).map_or("", |object| &object.id)
    }
}

/// A time: in seconds in the first API, written out in the second.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum EventTime {
    /// In seconds.
    Seconds(i64),
    /// As RFC 3339 has it.
    Written(String),
}

/// What an event is about.
#[derive(Debug, Clone, Deserialize)]
pub struct EventData {
    /// The object.
    pub object: Option<EventObject>,
}

/// The object of an event.
#[derive(Debug, Clone, Deserialize)]
pub struct EventObject {
    /// Its name. Some have none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: String,
}

/// An amount as Stripe writes it.
pub fn money(minor: i64, currency: &str) -> Result<Money, Fault> {
    let unreadable = |why: String| Fault::Service { service: "stripe", why };
    let currency = Currency::from_code(&currency.to_ascii_uppercase())
        .ok_or_else(|| unreadable(format!("a currency we don't know: {currency}")))?;
    Money::new(minor, currency).map_err(|error| unreadable(error.to_string()))
}
