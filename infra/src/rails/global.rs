//! Global Payouts: from our financial account at Stripe to a bank account that somebody else owns. It is the second
//! API: JSON, and a version of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::Timestamp;
use domain::id::{Id, PayoutId, PayoutMethodId};
use domain::money::{Currency, Money};
use domain::payout::{Carried, Lack, Rail};
use domain::reconciliation::{About, BalanceTransaction, Class, Flow, Foreign};
use sea_orm::FromQueryResult;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Transfer;
use super::stripe::{Kept, StripePayee, StripeRails, answered, asking, payee, payee_keep, split_name};
use crate::market::Market;
use crate::sql::sql;
use crate::stripe::answer::{Named, money};
use crate::stripe::{Making, Refused, Trouble, V2};
use crate::{Failure, Fault};

const ACCOUNTS: &str = "/v2/core/accounts";
const SETUPS: &str = "/v2/money_management/outbound_setup_intents";
const PAYMENTS: &str = "/v2/money_management/outbound_payments";
const FINANCIAL_ACCOUNTS: &str = "/v2/money_management/financial_accounts";
const TRANSACTIONS: &str = "/v2/money_management/transactions";

/// An amount, as the second API writes it.
#[derive(Debug, Deserialize)]
struct Amount {
    value: i64,
    currency: String,
}

#[derive(Debug, Deserialize)]
struct Setup {
    payout_method: Named,
}

#[derive(Debug, Deserialize)]
struct Outbound {
    id: String,
    status: String,
    #[serde(default)]
    status_details: Option<Value>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_page_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    id: String,
    amount: Amount,
    created: DateTime<Utc>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    flow: Option<TransactionFlow>,
}

impl Transaction {
    /// The payout's transfer that it belongs to, by Stripe's name.
    fn transfer(&self) -> Option<&String> {
        self.flow.as_ref()?.outbound_payment.as_ref()
    }

    /// What kind of movement it is. Whatever is not known here is none that we ever ask for: it shows as something that
    /// is none of ours.
    fn class(&self) -> Class {
        match self.category.as_str() {
            "stripe_fee" | "stripe_fee_tax" | "network_cost" => Class::Fee,
            _ if self.transfer().is_some() => Class::Payout,
            "inbound_transfer"
            | "inbound_transfer_reversal"
            | "outbound_transfer"
            | "outbound_transfer_reversal"
            | "received_credit"
            | "received_credit_reversal"
            | "balance_transfer" => Class::Own,
            _ => Class::Payment,
        }
    }

    /// Of what it is; `known` are our payouts by Stripe's names for their transfers.
    fn about(&self, known: &BTreeMap<String, PayoutId>) -> Option<String> {
        self.transfer().map(|name| known.get(name).map_or_else(|| name.clone(), PayoutId::to_string))
    }

    /// What moved in a currency that the books don't know; none if they do.
    fn as_stripe_says(&self, known: &BTreeMap<String, PayoutId>) -> Option<Foreign> {
        let currency = self.amount.currency.to_ascii_uppercase();
        if Currency::from_code(&currency).is_some() {
            return None;
        }
        let about = About::read(self.about(known).as_deref().unwrap_or(&self.id));
        let (id, class, minor, at) = (self.id.clone(), self.class(), self.amount.value, self.created);
        Some(Foreign { id, about, class, minor, currency, at })
    }

    /// In our words.
    fn in_our_words(&self, known: &BTreeMap<String, PayoutId>) -> Result<BalanceTransaction, Fault> {
        let amount = money(self.amount.value.saturating_abs(), &self.amount.currency)?;
        Ok(BalanceTransaction {
            id: self.id.clone(),
            class: self.class(),
            about: self.about(known),
            flow: if self.amount.value < 0 { Flow::Out } else { Flow::In },
            amount,
            fee: Money::zero(amount.currency()),
            at: self.created,
        })
    }
}

#[derive(Debug, Deserialize)]
struct TransactionFlow {
    #[serde(default)]
    outbound_payment: Option<String>,
}

#[derive(FromQueryResult)]
struct Email {
    email: String,
}

/// Ask for a transfer. Answers of its name.
pub(super) async fn send(
    rails: &StripeRails,
    market: &Market,
    transfer: &Transfer,
) -> Result<Result<String, Trouble>, Fault> {
    let Some(from) = &rails.financial_account else { return Ok(Err(refused("not_set_up"))) };
    let StripePayee { account, payout_method } = match recipient(rails, market, transfer).await? {
        Ok(payee) => payee,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let currency = transfer.amount.currency().code().to_lowercase();
    let body = json!({
        "from": { "financial_account": from, "currency": currency },
        "to": { "recipient": account, "payout_method": payout_method, "currency": "pkr" },
        "amount": { "value": transfer.amount.minor(), "currency": currency },
        "recipient_notification": { "setting": "none" },
        "metadata": { "payout": transfer.payout().map(|id| id.to_string()), "transfer": transfer.key },
    });
    let key = asking(market, transfer).await?;
    let request = V2 { path: PAYMENTS, body: Some(body), key: Some(&key), context: None };
    let made = rails.stripe.send_v2::<Named>(market.clock().now(), &request).await;
    answered(market, transfer, made).await
}

/// The person as a recipient, and the account they are paid to. Both are made when they are first paid.
async fn recipient(
    rails: &StripeRails,
    market: &Market,
    transfer: &Transfer,
) -> Result<Result<StripePayee, Trouble>, Fault> {
    let (method, rail, now) = (transfer.method, Rail::GlobalPayouts, market.clock().now());
    let known = payee(market, method, rail).await?;
    if let Some(known) = known.as_ref().filter(|known| known.payout_method.is_some()) {
        return Ok(Ok(known.clone()));
    }
    let Some(bic) = transfer.iban.bic() else { return Ok(Err(refused("bank_unknown"))) };
    let account = match known {
        Some(known) => known.account,
        None => {
            let Some(name) = &transfer.name else { return Ok(Err(refused(Lack::LatinName.as_str()))) };
            let making = Making::Recipient(method);
            let key = making.key(market).await?;
            let body = person(&email_of(market, method).await?, name, method);
            let request = V2 { path: ACCOUNTS, body: Some(body), key: Some(&key), context: None };
            let made = rails.stripe.send_v2::<Named>(now, &request).await;
            match making.heard(market, &key, made).await? {
                Ok(made) => made.id,
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
    };
    let made = StripePayee { account, payout_method: None };
    payee_keep(market, method, rail, &made).await?;
    let StripePayee { account, .. } = payee(market, method, rail).await?.unwrap_or(made);
    let body = json!({
        "usage_intent": "payment",
        "payout_method_data": { "type": "bank_account", "bank_account": {
            "country": "PK", "account_number": transfer.iban.reveal(), "swift_code": bic, "currency": "pkr" } },
    });
    let making = Making::BankAccount(method);
    let key = making.key(market).await?;
    let request = V2 { path: SETUPS, body: Some(body), key: Some(&key), context: Some(&account) };
    let made = rails.stripe.send_v2::<Setup>(now, &request).await;
    match making.heard(market, &key, made).await? {
        Ok(made) => {
            let payee = StripePayee { account, payout_method: Some(made.payout_method.id) };
            payee_keep(market, method, rail, &payee).await?;
            Ok(Ok(payee))
        }
        Err(trouble) => Ok(Err(trouble)),
    }
}

/// What is told of a person: what it takes to be paid, and no more.
fn person(email: &str, name: &str, method: PayoutMethodId) -> Value {
    let (given_name, surname) = split_name(name);
    let mut individual = json!({ "given_name": given_name });
    if let Some(surname) = surname {
        individual["surname"] = json!(surname);
    }
    let capabilities = json!({ "bank_accounts": { "wire": { "requested": true } } });
    json!({
        "contact_email": email,
        "display_name": name,
        "identity": { "country": "pk", "entity_type": "individual", "individual": individual },
        "configuration": { "recipient": { "capabilities": capabilities } },
        "metadata": { "payout_method": method.to_string() },
    })
}

async fn email_of(market: &Market, method: PayoutMethodId) -> Result<String, Fault> {
    let select = "select users.email from users join payout_methods method on method.user_id = users.id
        where method.id = $1";
    let found = Email::find_by_statement(sql(select, [method.uuid().into()])).one(market.db()).await?;
    Ok(found.ok_or_else(|| Fault::bad_row("payout_methods", "it is nobody's"))?.email)
}

/// Our names for whatever is there of a payout, whichever attempt at it that was.
pub(super) async fn attempts(rails: &StripeRails, market: &Market, kept: &Kept) -> Result<Vec<String>, Trouble> {
    let since = written(kept.since());
    let mut path = Some(format!("{PAYMENTS}?created_gte={since}&limit=100"));
    let mut found = Vec::new();
    while let Some(next) = path {
        let page: Page<Outbound> = look(rails, market.clock().now(), &next).await?;
        found.extend(page.data.iter().filter_map(|made| kept.same_payout(made.metadata.as_ref())));
        path = page.next_page_url.filter(|_| !page.data.is_empty()).map(relative);
    }
    Ok(found)
}

/// Look for a transfer whose answer never came.
pub(super) async fn find(rails: &StripeRails, market: &Market, kept: &Kept) -> Result<Option<String>, Trouble> {
    let since = written(kept.since());
    let mut path = Some(format!("{PAYMENTS}?created_gte={since}&limit=100"));
    while let Some(next) = path {
        let page: Page<Outbound> = look(rails, market.clock().now(), &next).await?;
        let name = |found: &Outbound| found.metadata.as_ref().and_then(|metadata| metadata.get("transfer").cloned());
        if let Some(found) = page.data.iter().find(|found| name(found).as_ref() == Some(&kept.key)) {
            return Ok(Some(found.id.clone()));
        }
        path = page.next_page_url.filter(|_| !page.data.is_empty()).map(relative);
    }
    Ok(None)
}

/// What became of a transfer.
pub(super) async fn fate(rails: &StripeRails, market: &Market, reference: &str) -> Result<Carried, Trouble> {
    let found: Outbound = look(rails, market.clock().now(), &format!("{PAYMENTS}/{reference}")).await?;
    let details = found.status_details.as_ref().and_then(|details| details[found.status.as_str()]["reason"].as_str());
    let why = details.unwrap_or(&found.status).to_owned();
    Ok(match found.status.as_str() {
        "posted" => Carried::Paid,
        // Whatever of it did not get there is back on our account.
        "failed" | "canceled" | "returned" => Carried::Returned(why),
        _ => Carried::Accepted(found.id),
    })
}

/// Our name for a transfer, if it is one of ours.
pub(super) async fn key_of(rails: &StripeRails, market: &Market, name: &str) -> Result<Option<String>, Trouble> {
    if !name.starts_with("obp_") {
        return Ok(None);
    }
    let found: Outbound = look(rails, market.clock().now(), &format!("{PAYMENTS}/{name}")).await?;
    Ok(found.metadata.and_then(|metadata| metadata.get("transfer").cloned()))
}

/// What moved on the financial account.
pub(crate) async fn transactions(
    rails: &StripeRails,
    market: &Market,
    from: Timestamp,
    until: Timestamp,
) -> Result<(Vec<BalanceTransaction>, Vec<Foreign>), Failure> {
    let Some(account) = &rails.financial_account else { return Ok((Vec::new(), Vec::new())) };
    let (since, before) = (written(from), written(until));
    let first = format!("{TRANSACTIONS}?financial_account={account}&created_gte={since}&created_lt={before}&limit=100");
    let mut path = Some(first);
    let mut found: Vec<Transaction> = Vec::new();
    while let Some(next) = path {
        let page: Page<Transaction> = look(rails, market.clock().now(), &next).await.map_err(Trouble::fault)?;
        path = page.next_page_url.filter(|_| !page.data.is_empty()).map(relative);
        found.extend(page.data);
    }
    let names: Vec<String> = found.iter().filter_map(Transaction::transfer).cloned().collect();
    let known: BTreeMap<_, _> = market.stripe_transfers_named(&names).await?.into_iter().collect();
    // What was made void has moved nothing.
    let (mut told, mut foreign) = (Vec::new(), Vec::new());
    for moved in found.iter().rev().filter(|moved| moved.status != "void") {
        match moved.as_stripe_says(&known) {
            Some(moved) => foreign.push(moved),
            None => told.push(moved.in_our_words(&known)?),
        }
    }
    Ok((told, foreign))
}

#[derive(Debug, Deserialize)]
struct Account {
    balance: Balance,
}

/// By currency. What is on its way out is with its payouts.
#[derive(Debug, Deserialize)]
struct Balance {
    available: BTreeMap<String, Amount>,
    #[serde(default)]
    inbound_pending: BTreeMap<String, Amount>,
}

/// What is on the financial account now, or on its way there, in cents.
pub(crate) async fn sum(rails: &StripeRails, market: &Market) -> Result<i64, Failure> {
    let Some(account) = &rails.financial_account else { return Ok(0) };
    let path = format!("{FINANCIAL_ACCOUNTS}/{account}");
    let Account { balance } = look(rails, market.clock().now(), &path).await.map_err(Trouble::fault)?;
    let cents = |of: &BTreeMap<String, Amount>| of.get("usd").map_or(0, |amount| amount.value);
    Ok(cents(&balance.available).saturating_add(cents(&balance.inbound_pending)))
}

async fn look<T: DeserializeOwned>(rails: &StripeRails, now: Timestamp, path: &str) -> Result<T, Trouble> {
    rails.stripe.send_v2(now, &V2 { path, body: None, key: None, context: None }).await
}

/// The next page is named by a path, or by a whole address.
fn relative(url: String) -> String {
    url.find("/v2/").map_or(url.clone(), |place| url[place..].to_owned())
}

fn written(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// It can't go by this rail, as we know without asking.
pub(super) fn refused(code: &str) -> Trouble {
    Trouble::Refused(Box::new(Refused { code: Some(code.to_owned()), ..Refused::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_on_the_financial_account_and_is_no_payout_is_named_for_what_it_is() {
        let payout = PayoutId::from_uuid(uuid::Uuid::from_u128(7));
        let known = BTreeMap::from([("obp_1".to_owned(), payout)]);
        let told = |category: &str, value: i64, transfer: Option<&str>| {
            let json = json!({ "id": "trxn_1", "amount": { "value": value, "currency": "usd" }, "category": category,
                "created": "2026-06-01T08:00:00Z", "status": "posted", "flow": { "outbound_payment": transfer } });
            let moved: Transaction = serde_json::from_value(json).unwrap();
            let told = moved.in_our_words(&known).unwrap();
            (told.class, told.flow, told.about)
        };
        let ours = Some(payout.to_string());
        assert_eq!(told("outbound_payment", -5_000, Some("obp_1")), (Class::Payout, Flow::Out, ours.clone()));
        assert_eq!(told("return", 5_000, Some("obp_1")), (Class::Payout, Flow::In, ours.clone()));
        assert_eq!(told("outbound_payment", -1, Some("obp_2")), (Class::Payout, Flow::Out, Some("obp_2".to_owned())));
        assert_eq!(told("stripe_fee", -150, None), (Class::Fee, Flow::Out, None));
        assert_eq!(told("network_cost", -150, Some("obp_1")), (Class::Fee, Flow::Out, ours));
        assert_eq!(told("inbound_transfer", 9_000, None), (Class::Own, Flow::In, None));
        assert_eq!(told("outbound_transfer", -9_000, None), (Class::Own, Flow::Out, None));
        for unknown in ["adjustment", "received_debit", "outbound_payment", "of_tomorrow", ""] {
            assert_eq!(told(unknown, -1, None), (Class::Payment, Flow::Out, None), "{unknown}");
        }
    }
}
