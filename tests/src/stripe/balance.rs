//! The double's account of our balance: what moved on it, line by line, and what it kept for itself.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde_json::{Value, json};

use super::books::{Books, Said, refuse};

/// A line of the account.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Its name.
    pub id: String,
    /// What kind it is, as the real one's categories go.
    pub category: &'static str,
    /// How much, in cents: above zero onto the balance.
    pub amount: i64,
    /// What was kept of that.
    pub fee: i64,
    /// In which currency.
    pub currency: &'static str,
    /// What caused it.
    pub source: String,
    /// Of which payment.
    pub intent: Option<String>,
    /// What was written on what caused it.
    pub metadata: BTreeMap<String, String>,
    /// When.
    pub at: Timestamp,
}

impl Moved {
    /// As it is told, with what caused it, or only its name.
    pub fn body(&self, whole: bool) -> Value {
        let source = json!({ "id": self.source, "payment_intent": self.intent, "metadata": self.metadata });
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount, "fee": self.fee,
            "net": self.amount - self.fee, "currency": self.currency, "reporting_category": self.category,
            "type": self.kind(), "created": self.at.timestamp(), "status": "available",
            "source": if whole { source } else { json!(self.source) }
        })
    }

    /// Its type, as far as lists are asked for by one: the real one has several types to a category.
    fn kind(&self) -> &'static str {
        match self.category {
            "transfer" => "transfer",
            "transfer_reversal" => "transfer_refund",
            _ => "adjustment",
        }
    }
}

/// The name of what is charged for a payment.
pub fn charge_of(intent: &str) -> String {
    intent.replacen("pi_", "ch_", 1)
}

impl Books {
    /// What is there now, in cents: all that moved, less what was kept of it.
    pub fn balance(&self) -> i64 {
        self.moved.iter().map(|moved| moved.amount - moved.fee).sum()
    }

    /// The same, as it is told: what came last is not settled yet.
    pub(super) fn balance_now(&self) -> Said {
        let pending = self.moved.last().map_or(0, |moved| moved.amount - moved.fee);
        let dollars = |cents: i64| json!([{ "amount": cents, "currency": "usd" }]);
        let available = dollars(self.balance() - pending);
        (200, json!({ "object": "balance", "available": available, "pending": dollars(pending), "livemode": false }))
    }

    /// Something moves.
    pub(super) fn moves(
        &mut self,
        category: &'static str,
        amount: i64,
        source: &str,
        about: (Option<&str>, BTreeMap<String, String>),
        at: Timestamp,
    ) {
        let fee = match category {
            "charge" => self.charge_fee(amount),
            "dispute" => self.dispute_fee,
            "dispute_reversal" => -self.dispute_fee_back,
            _ => 0,
        };
        let (intent, metadata) = (about.0.map(str::to_owned), about.1);
        let id = self.name("txn");
        let source = source.to_owned();
        self.moved.push(Moved { id, category, amount, fee, currency: "usd", source, intent, metadata, at });
    }

    fn charge_fee(&self, amount: i64) -> i64 {
        let (basis_points, fixed) = self.charge_fees;
        amount * basis_points / 10_000 + fixed
    }

    /// A charge, with what it did to the balance if that is known by now.
    pub(super) fn charge_body(&self, intent: &str, whole: bool) -> Value {
        let id = charge_of(intent);
        let moved = self.moved.iter().find(|moved| moved.source == id && moved.category == "charge");
        let known = moved.filter(|_| !self.fees_held_back);
        let transaction = known.map_or(Value::Null, |moved| if whole { moved.body(false) } else { json!(moved.id) });
        json!({ "id": id, "object": "charge", "payment_intent": intent, "balance_transaction": transaction })
    }

    pub(super) fn charge(&self, id: &str, asked: &BTreeMap<String, String>) -> Said {
        let intent = id.replacen("ch_", "pi_", 1);
        match self.intents.iter().find(|known| known.id == intent && known.came.is_some()) {
            Some(_) => (200, self.charge_body(&intent, expands(asked, "balance_transaction"))),
            None => refuse(404, "resource_missing", "charge"),
        }
    }

    /// From now on it is known at once what charges cost, and told of those before.
    pub fn tells_fees(&mut self, now: Timestamp) {
        self.fees_held_back = false;
        let came: Vec<String> =
            self.intents.iter().filter(|intent| intent.came.is_some()).map(|intent| intent.id.clone()).collect();
        for intent in came {
            let body = self.charge_body(&intent, false);
            self.tell("charge.updated", &body, now);
        }
    }

    /// Our own money goes to our own bank.
    pub fn to_our_bank(&mut self, amount: i64, now: Timestamp) {
        let name = self.name("po");
        self.moves("payout", -amount, &name, (None, BTreeMap::new()), now);
    }

    pub(super) fn balance_list(&self, asked: &BTreeMap<String, String>) -> Said {
        let number = |name: &str| asked.get(name).and_then(|value| value.parse::<i64>().ok());
        let (since, before) = (number("created[gte]").unwrap_or(0), number("created[lt]").unwrap_or(i64::MAX));
        let limit = number("limit").unwrap_or(10);
        if limit > 100 {
            return refuse(400, "parameter_invalid", "limit");
        }
        let mut found: Vec<&Moved> = self.moved.iter().collect();
        found.sort_by_key(|moved| moved.at);
        found.reverse();
        found.retain(|moved| asked.get("type").is_none_or(|kind| moved.kind() == kind));
        found.retain(|moved| (since..before).contains(&moved.at.timestamp()));
        if let Some(after) = asked.get("starting_after") {
            let Some(place) = found.iter().position(|moved| moved.id == *after) else {
                return refuse(404, "resource_missing", "starting_after");
            };
            found.drain(..=place);
        }
        let (limit, whole) = (usize::try_from(limit).expect("a page"), expands(asked, "data.source"));
        let data: Vec<Value> = found.iter().take(limit).map(|moved| moved.body(whole)).collect();
        let more = found.len() > limit;
        (200, json!({ "object": "list", "url": "/v1/balance_transactions", "has_more": more, "data": data }))
    }
}

/// Is this to be told whole?
pub(super) fn expands(asked: &BTreeMap<String, String>, what: &str) -> bool {
    asked.iter().any(|(name, value)| name.starts_with("expand[") && value == what)
}
