//! Recipient accounts: a transfer to the freelancer's own account at Stripe, which can do nothing but take transfers,
//! and from there on to their bank. Stripe has to approve a platform for that, and a country.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::payout::{Carried, Lack, Rail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::Transfer;
use super::agreement::{Acceptance, acceptance};
use super::global::refused;
use super::stripe::{
    Kept, StripePayee, StripeRails, answered, asking, fault_of, lacks_funds, note_onward, onward_key,
    onward_on_its_way, payee, payee_before, payee_found, payee_keep, split_name,
};
use crate::Fault;
use crate::market::Market;
use crate::stripe::answer::{BalanceTransaction, Expandable, List, Named};
use crate::stripe::{Making, Trouble};

#[derive(Debug, Deserialize)]
struct Moved {
    id: String,
    amount: i64,
    #[serde(default)]
    amount_reversed: i64,
    destination: Option<String>,
    destination_payment: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Arrived {
    balance_transaction: Option<Expandable<BalanceTransaction>>,
}

#[derive(Debug, Deserialize)]
struct Onward {
    id: String,
    status: String,
    failure_code: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

impl Kept {
    /// Is this what an object at Stripe says of it? One that was made by hand may say nothing.
    fn is_named_in(&self, metadata: Option<&BTreeMap<String, String>>) -> bool {
        metadata.and_then(|metadata| metadata.get("transfer")) == Some(&self.key)
    }
}

/// Parameters by their whole names.
type Form<'a> = BTreeMap<&'a str, String>;

fn post(path: &str, form: &Form<'_>) -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Post, path).form(form)
}

fn get(path: &str, query: &Form<'_>) -> RequestBuilder {
    let request = RequestBuilder::new(StripeMethod::Get, path);
    // No parameters would be written as one without a name.
    if query.is_empty() { request } else { request.query(query) }
}

/// Ask for a transfer. Answers of its name.
pub(super) async fn send(
    rails: &StripeRails,
    market: &Market,
    transfer: &Transfer,
) -> Result<Result<String, Trouble>, Fault> {
    let account = match account(rails, market, transfer).await? {
        Ok(account) => account,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let form = Form::from([
        ("amount", transfer.amount.minor().to_string()),
        ("currency", transfer.amount.currency().code().to_lowercase()),
        ("destination", account),
        ("metadata[payout]", transfer.payout().map(|id| id.to_string()).unwrap_or_default()),
        ("metadata[transfer]", transfer.key.clone()),
    ]);
    let key = asking(market, transfer).await?;
    let (now, request) = (market.clock().now(), post("/transfers", &form));
    let made = rails.stripe.send_for::<Named>(now, request, Some(&key), None).await;
    answered(market, transfer, made).await
}

/// The person's own account, made when they are first paid this way.
async fn account(rails: &StripeRails, market: &Market, transfer: &Transfer) -> Result<Result<String, Trouble>, Fault> {
    let (method, rail) = (transfer.method, Rail::RecipientAccount);
    if let Some(known) = payee(market, method, rail).await? {
        return Ok(Ok(known.account));
    }
    let Some(name) = &transfer.name else { return Ok(Err(refused(Lack::LatinName.as_str()))) };
    let Some(Acceptance { accepted_at, address, agent }) = acceptance(market, method).await? else {
        return Ok(Err(refused(Lack::Agreement.as_str())));
    };
    let Some(bic) = transfer.iban.bic() else { return Ok(Err(refused("bank_unknown"))) };
    let (given, surname) = split_name(name);
    let mut form = Form::from([
        ("type", "custom".to_owned()),
        ("country", "PK".to_owned()),
        ("business_type", "individual".to_owned()),
        ("capabilities[transfers][requested]", "true".to_owned()),
        ("tos_acceptance[service_agreement]", "recipient".to_owned()),
        ("tos_acceptance[date]", accepted_at.timestamp().to_string()),
        ("tos_acceptance[ip]", address),
        ("settings[payouts][schedule][interval]", "manual".to_owned()),
        ("individual[first_name]", given),
        ("external_account[object]", "bank_account".to_owned()),
        ("external_account[country]", "PK".to_owned()),
        ("external_account[currency]", "pkr".to_owned()),
        ("external_account[account_holder_name]", transfer.account_title.clone()),
        ("external_account[account_number]", transfer.iban.reveal().to_owned()),
        ("external_account[routing_number]", bic),
        ("metadata[payout_method]", method.to_string()),
    ]);
    if let Some(surname) = surname {
        form.insert("individual[last_name]", surname);
    }
    if let Some(agent) = agent {
        form.insert("tos_acceptance[user_agent]", agent);
    }
    let making = Making::Account(method);
    let (now, key) = (market.clock().now(), making.key(market).await?);
    let made = rails.stripe.send_for::<Named>(now, post("/accounts", &form), Some(&key), None).await;
    let made = match making.heard(market, &key, made).await? {
        Ok(made) => made,
        Err(trouble) => return Ok(Err(trouble)),
    };
    payee_keep(market, method, rail, &StripePayee { account: made.id.clone(), payout_method: None }).await?;
    Ok(Ok(payee(market, method, rail).await?.map_or(made.id, |known| known.account)))
}

/// Look for a transfer whose answer never came.
pub(super) async fn find(
    rails: &StripeRails,
    market: &Market,
    kept: &Kept,
) -> Result<Result<Option<String>, Trouble>, Fault> {
    let mut query = Form::from([("created[gte]", kept.since().timestamp().to_string()), ("limit", "100".to_owned())]);
    // Where the books forgot the transfer they may have forgotten the account, too.
    if let Some(known) = payee_before(market, kept, Rail::RecipientAccount).await? {
        query.insert("destination", known.account);
    }
    loop {
        let request = get("/transfers", &query);
        let page: List<Moved> = match rails.stripe.send_for(market.clock().now(), request, None, None).await {
            Ok(page) => page,
            Err(trouble) => return Ok(Err(trouble)),
        };
        if let Some(found) = page.data.iter().find(|found| kept.is_named_in(found.metadata.as_ref())) {
            if let Some(account) = &found.destination {
                payee_found(market, kept, Rail::RecipientAccount, account).await?;
            }
            return Ok(Ok(Some(found.id.clone())));
        }
        match page.data.last().filter(|_| page.has_more) {
            Some(last) => drop(query.insert("starting_after", last.id.clone())),
            None => return Ok(Ok(None)),
        }
    }
}

/// Our names for whatever is there of a payout, whichever attempt at it that was, and whichever account it went to.
pub(super) async fn attempts(rails: &StripeRails, market: &Market, kept: &Kept) -> Result<Vec<String>, Trouble> {
    let mut query = Form::from([("created[gte]", kept.since().timestamp().to_string()), ("limit", "100".to_owned())]);
    let mut found = Vec::new();
    loop {
        let request = get("/transfers", &query);
        let page: List<Moved> = rails.stripe.send_for(market.clock().now(), request, None, None).await?;
        found.extend(page.data.iter().filter_map(|made| kept.same_payout(made.metadata.as_ref())));
        match page.data.last().filter(|_| page.has_more) {
            Some(last) => drop(query.insert("starting_after", last.id.clone())),
            None => return Ok(found),
        }
    }
}

/// What became of a transfer: it arrives in the person's account, goes on to their bank once it can, and comes back to
/// us if their bank does not take it.
pub(super) async fn fate(rails: &StripeRails, market: &Market, kept: &Kept, reference: &str) -> Result<Carried, Fault> {
    let Some(StripePayee { account, .. }) = payee(market, kept.method(), Rail::RecipientAccount).await? else {
        return Err(Fault::bad_row("stripe_payees", "a transfer went to an account that is not known"));
    };
    let request = get(&format!("/transfers/{reference}"), &Form::new());
    let moved: Moved = ask(rails, market, request, None, None).await?;
    if moved.amount_reversed >= moved.amount {
        // Of what our people settled it says nothing, nor of the account.
        let is_over = market.payout_is_over(kept.payout(), kept.attempt()?).await.map_err(fault_of)?;
        let reversed = Carried::Returned("reversed".to_owned());
        return Ok(if is_over { Carried::Accepted(moved.id) } else { reversed });
    }
    let onward = match &kept.onward {
        Some(known) => known.clone(),
        None => match onward(rails, market, kept, &moved, &account).await? {
            Steps::On(onward) => {
                note_onward(market, &kept.key, &onward).await?;
                onward
            }
            Steps::Over(said) => return Ok(said),
        },
    };
    arrival(rails, market, kept, (reference, &onward), &account).await
}

/// Ask Stripe, where there is nothing better to make of trouble than a fault.
async fn ask<T: DeserializeOwned>(
    rails: &StripeRails,
    market: &Market,
    request: RequestBuilder,
    key: Option<&str>,
    account: Option<&str>,
) -> Result<T, Fault> {
    rails.stripe.send_for(market.clock().now(), request, key, account).await.map_err(Trouble::fault)
}

/// How far a transfer has come.
enum Steps {
    /// It has gone on to the bank, under this name.
    On(String),
    /// That is all there is to say now.
    Over(Carried),
}

/// What goes on to the bank: asked for as soon as it can be, if nothing stands against who is paid by then. Once it is
/// over with the payout, what has not gone on comes back to us.
async fn onward(
    rails: &StripeRails,
    market: &Market,
    kept: &Kept,
    moved: &Moved,
    account: &str,
) -> Result<Steps, Fault> {
    let there = Some(account);
    let is_over = market.payout_is_over(kept.payout(), kept.attempt()?).await.map_err(fault_of)?;
    let balance = if is_over { None } else { rested(rails, market, moved, account).await? };
    if balance.is_none() && !is_over {
        return Ok(Steps::Over(Carried::Accepted(moved.id.clone())));
    }
    // What somebody else just asks to go on must not come back at the same time.
    if is_over && let Some(until) = onward_on_its_way(market, &kept.key).await? {
        let why = "what was asked to go on to the bank may still be on its way".to_owned();
        return Err(Fault::Later { service: "stripe", why, until });
    }
    // One that was asked for without an answer is found, whether its key is remembered or not.
    let looked_at = market.clock().now();
    let page = Form::from([("limit", "100".to_owned())]);
    let sent: List<Onward> = ask(rails, market, get("/payouts", &page), None, there).await?;
    if let Some(sent) = sent.data.into_iter().find(|sent| kept.is_named_in(sent.metadata.as_ref())) {
        return Ok(Steps::On(sent.id));
    }
    let Some(balance) = balance else {
        come_back(rails, market, kept, &moved.id).await?;
        return Ok(Steps::Over(Carried::Accepted(moved.id.clone())));
    };
    if let Some(held) = stays(market, kept).await? {
        return Ok(held);
    }
    let form = Form::from([
        ("amount", (balance.amount - balance.fee).to_string()),
        ("currency", balance.currency),
        ("metadata[transfer]", kept.key.clone()),
    ]);
    // Somebody else has seen it go on meanwhile.
    let Some(key) = onward_key(market, kept, looked_at).await? else {
        return Ok(Steps::Over(Carried::Accepted(moved.id.clone())));
    };
    // Now that it is written down that it is asked for, nothing that comes up later brings it back.
    if let Some(held) = stays(market, kept).await? {
        return Ok(held);
    }
    let made: Named = ask(rails, market, post("/payouts", &form), Some(&key), there).await?;
    Ok(Steps::On(made.id))
}

/// What is told of a transfer that must not go on now, if it must not.
async fn stays(market: &Market, kept: &Kept) -> Result<Option<Steps>, Fault> {
    let held = market.payout_stays_where_it_is(kept.payout(), kept.attempt()?).await.map_err(fault_of)?;
    Ok(held.map(|why| {
        tracing::warn!(payout = %kept.payout(), why, "a transfer stays in the person's own account at Stripe");
        // Out of sight for a day it is for our people: it goes on once nothing stands against it, or comes back.
        Steps::Over(Carried::HeldBack(why))
    }))
}

/// What of a transfer lies in the person's own account and can go on from there, if it has rested for long enough.
async fn rested(
    rails: &StripeRails,
    market: &Market,
    moved: &Moved,
    account: &str,
) -> Result<Option<BalanceTransaction>, Fault> {
    let Some(arrived) = &moved.destination_payment else { return Ok(None) };
    let expand = Form::from([("expand[0]", "balance_transaction".to_owned())]);
    let request = get(&format!("/charges/{arrived}"), &expand);
    let arrived: Arrived = ask(rails, market, request, None, Some(account)).await?;
    let balance = arrived.balance_transaction.as_ref().and_then(Expandable::whole);
    Ok(balance.filter(|balance| balance.status == "available").cloned())
}

/// What became of what went on to the bank.
async fn arrival(
    rails: &StripeRails,
    market: &Market,
    kept: &Kept,
    (reference, onward): (&str, &str),
    account: &str,
) -> Result<Carried, Fault> {
    let request = get(&format!("/payouts/{onward}"), &Form::new());
    let found: Onward = ask(rails, market, request, None, Some(account)).await?;
    match found.status.as_str() {
        "paid" => Ok(Carried::Paid),
        "failed" | "canceled" => {
            come_back(rails, market, kept, reference).await?;
            Ok(Carried::Returned(found.failure_code.unwrap_or(found.status)))
        }
        _ => Ok(Carried::Accepted(reference.to_owned())),
    }
}

/// What lies in the person's account there, who can do nothing with it, comes back to us.
async fn come_back(rails: &StripeRails, market: &Market, kept: &Kept, reference: &str) -> Result<(), Fault> {
    let now = market.clock().now();
    let form = Form::from([("metadata[payout]", kept.payout().to_string())]);
    let key = kept.key_back(now);
    let back = post(&format!("/transfers/{reference}/reversals"), &form);
    match rails.stripe.send_for::<Named>(now, back, Some(&key), None).await {
        Ok(_) => Ok(()),
        // What their bank sent back need not be in their account yet.
        Err(Trouble::Refused(refused)) if lacks_funds(&refused) => {
            let why = format!("it does not come back yet: {}", refused.code());
            Err(Fault::Later { service: "stripe", why, until: now + TimeDelta::hours(1) })
        }
        Err(trouble) => Err(trouble.fault()),
    }
}
