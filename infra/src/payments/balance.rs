//! What moved on our balance at Stripe, as Stripe accounts for it: read whole, page by page, and said in our own
//! words, so that it can be held against the books.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::Timestamp;
use domain::id::{Id, PaymentId};
use domain::money::{Currency, Money};
use domain::reconciliation::{About, BalanceTransaction, Class, Flow, Foreign, Span};
use sea_orm::FromQueryResult;
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_types::{RangeBoundsTs, RangeQueryTs};
use uuid::Uuid;

use crate::market::Market;
use crate::rails::global_transactions;
use crate::sql::sql;
use crate::stripe::answer::{self, Expandable, List};
use crate::stripe::{Stripe, Trouble};
use crate::{Failure, Fault};

/// How many are on a page.
const PAGE: usize = 100;
/// How often a page is asked for whose answer did not come. Looking does no harm.
const TRIES: usize = 4;
/// What Stripe calls what leaves for people's own accounts, and what comes back from there.
const TRANSFERS: [&str; 4] = ["transfer", "transfer_cancel", "transfer_failure", "transfer_refund"];

#[derive(FromQueryResult)]
struct Known {
    intent: String,
    payment_id: Uuid,
}

/// What moved within a span of time, oldest first. And, by itself, what moved in a currency that the books don't know.
pub(super) async fn transactions(
    stripe: &Stripe,
    market: &Market,
    span: Span,
) -> Result<(Vec<BalanceTransaction>, Vec<Foreign>), Failure> {
    // Stripe knows whole seconds. What falls out again is left out by whoever compares.
    let list = |gte: i64, lt: i64| {
        let span = RangeBoundsTs { gte: Some(gte), lt: Some(lt), ..RangeBoundsTs::default() };
        ListBalanceTransaction::new().created(RangeQueryTs::Bounds(span))
    };
    let (since, before) = (span.from.timestamp(), second_after(span.until));
    let mut found = read(stripe, market, list(since, before)).await?;
    let (mut told, mut foreign) = (Vec::with_capacity(found.len()), Vec::new());
    if let Some(rails) = market.rails().stripe() {
        // A payout leaves Stripe long before it arrives at a bank, where the books have it; and what a bank sends back
        // may come long after that.
        let mut around = vec![(span.payouts_from.timestamp(), since)];
        if span.until < market.clock().now() {
            around.push((before, second_after(span.payouts_until)));
        }
        for (gte, lt) in around {
            for kind in TRANSFERS {
                found.extend(read(stripe, market, list(gte, lt).type_(kind)).await?);
            }
        }
        let there = global_transactions(rails, market, span.payouts_from, span.payouts_until).await?;
        told.extend(there.0);
        foreign.extend(there.1);
    }
    let payments = payments(market, &found).await?;
    for moved in found.iter().rev() {
        if Currency::from_code(&moved.currency.to_ascii_uppercase()).is_some() {
            told.extend(in_our_words(moved, &payments)?);
        } else {
            foreign.extend(as_stripe_says(moved, &payments)?);
        }
    }
    told.sort_by_key(|moved| moved.at);
    Ok((told, foreign))
}

/// The first whole second that does not lie before an instant.
fn second_after(at: Timestamp) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}

#[derive(Deserialize)]
struct Balance {
    available: Vec<Part>,
    #[serde(default)]
    pending: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    amount: i64,
    currency: String,
}

/// What is on our balance now, in cents: what can be paid out, and what is not settled yet.
pub(super) async fn sum(stripe: &Stripe, market: &Market) -> Result<i64, Failure> {
    let request = RequestBuilder::new(StripeMethod::Get, "/balance");
    let found: Balance = stripe.send_for(market.clock().now(), request, None, None).await.map_err(Trouble::fault)?;
    let dollars = found.available.iter().chain(&found.pending).filter(|part| part.currency == "usd");
    Ok(dollars.fold(0, |sum: i64, part| sum.saturating_add(part.amount)))
}

/// All pages of a list.
async fn read(
    stripe: &Stripe,
    market: &Market,
    list: ListBalanceTransaction,
) -> Result<Vec<answer::BalanceTransaction>, Failure> {
    let mut list = list.limit(i64::try_from(PAGE).unwrap_or(100)).expand(vec!["data.source".to_owned()]);
    let mut found: Vec<answer::BalanceTransaction> = Vec::new();
    loop {
        let page = page(stripe, market.clock().now(), &list).await?;
        let last = page.data.last().map(|moved| moved.id.clone());
        found.extend(page.data);
        match (page.has_more, last) {
            (true, Some(last)) => list = list.starting_after(last),
            (true, None) => return Err(unreadable("a page that is empty, and not the last").into()),
            (false, _) => return Ok(found),
        }
    }
}

async fn page(
    stripe: &Stripe,
    now: Timestamp,
    list: &ListBalanceTransaction,
) -> Result<List<answer::BalanceTransaction>, Fault> {
    let mut left = TRIES;
    loop {
        left -= 1;
        match stripe.send(now, list, None).await {
            Err(Trouble::Unknown { .. }) if left > 0 => (),
            answer => return answer.map_err(Trouble::fault),
        }
    }
}

/// Our names for the payments that movements are about. What was charged carries ours; a dispute only Stripe's.
async fn payments(
    market: &Market,
    found: &[answer::BalanceTransaction],
) -> Result<BTreeMap<String, PaymentId>, Failure> {
    let intents: Vec<String> = found.iter().filter_map(intent).map(str::to_owned).collect();
    let select = sql("select intent, payment_id from processor_intents where intent = any($1)", [intents.into()]);
    let known = Known::find_by_statement(select).all(market.db()).await?;
    Ok(known.into_iter().map(|known| (known.intent, PaymentId::from_uuid(known.payment_id))).collect())
}

fn intent(moved: &answer::BalanceTransaction) -> Option<&str> {
    match moved.source.as_ref()?.whole()?.payment_intent.as_ref()? {
        Expandable::Whole(named) => Some(&named.id),
        Expandable::Name(name) => Some(name),
    }
}

fn in_our_words(
    moved: &answer::BalanceTransaction,
    payments: &BTreeMap<String, PaymentId>,
) -> Result<Vec<BalanceTransaction>, Fault> {
    let class = class(moved);
    let flow = |minor: i64| if minor < 0 { Flow::Out } else { Flow::In };
    let amount = |minor: i64| {
        let minor = minor.checked_abs().ok_or_else(|| unreadable("an amount beyond all bounds"))?;
        answer::money(minor, &moved.currency)
    };
    let at = time(moved)?;
    let (about, currency) = (about(moved, class, payments), amount(moved.amount)?.currency());
    let line = |id: String, class, minor, fee| -> Result<_, Fault> {
        Ok(BalanceTransaction { id, about: about.clone(), class, flow: flow(minor), amount: amount(minor)?, fee, at })
    };
    let nothing = Money::zero(currency);
    let mut lines = vec![line(moved.id.clone(), class, moved.amount, amount(moved.fee.max(0))?)?];
    if moved.fee < 0 {
        // It gives back of what it had kept.
        lines.push(line(format!("{}:fee", moved.id), Class::Fee, -moved.fee, nothing)?);
    }
    Ok(lines)
}

/// What moved in a currency that the books don't know: that is no reason not to compare the rest.
fn as_stripe_says(
    moved: &answer::BalanceTransaction,
    payments: &BTreeMap<String, PaymentId>,
) -> Result<Vec<Foreign>, Fault> {
    let (class, at) = (class(moved), time(moved)?);
    let about = About::read(about(moved, class, payments).as_deref().unwrap_or(&moved.id));
    let currency = moved.currency.to_ascii_uppercase();
    let line = |class: Class, minor: i64| Foreign {
        id: moved.id.clone(),
        about: about.clone(),
        class,
        minor,
        currency: currency.clone(),
        at,
    };
    let lines = [line(class, moved.amount), line(Class::Fee, moved.fee.saturating_neg())];
    Ok(lines.into_iter().filter(|line| line.minor != 0).collect())
}

fn time(moved: &answer::BalanceTransaction) -> Result<Timestamp, Fault> {
    DateTime::from_timestamp(moved.created, 0).ok_or_else(|| unreadable("a time that is none"))
}

/// What kind of movement one is, by Stripe's category for book-keeping. Whatever is not known here is no movement that
/// we ever ask for: it shows as something that is none of ours.
fn class(moved: &answer::BalanceTransaction) -> Class {
    match moved.reporting_category.as_str() {
        "charge" => Class::Payment,
        // It takes the money of a payment back as a bank does, and so do the books have it.
        "refund" | "refund_failure" if is_by_hand(moved) => Class::Dispute,
        "refund" | "refund_failure" | "partial_capture_reversal" | "charge_failure" => Class::Refund,
        "dispute" | "dispute_reversal" => Class::Dispute,
        "transfer" | "transfer_reversal" => Class::Payout,
        "payout" | "payout_reversal" | "topup" | "topup_reversal" => Class::Own,
        "fee" | "network_cost" | "tax" => Class::Fee,
        _ => Class::Payment,
    }
}

/// Was a refund of a payment made there by hand, and not asked for here?
fn is_by_hand(moved: &answer::BalanceTransaction) -> bool {
    let written = |source: &answer::Source| source.metadata.as_ref().is_some_and(|all| all.contains_key("refund"));
    intent(moved).is_some() && !moved.source.as_ref().and_then(Expandable::whole).is_some_and(written)
}

/// What a movement is about: by the name that we gave it, by the payment it belongs to, or else by Stripe's name.
fn about(moved: &answer::BalanceTransaction, class: Class, payments: &BTreeMap<String, PaymentId>) -> Option<String> {
    let Some(source) = moved.source.as_ref()?.whole() else {
        return match moved.source.as_ref()? {
            Expandable::Name(name) => Some(name.clone()),
            Expandable::Whole(_) => None,
        };
    };
    let written = match class {
        Class::Payment => "payment",
        Class::Refund => "refund",
        Class::Payout => "payout",
        Class::Dispute | Class::Fee | Class::Own => "",
    };
    let named = source.metadata.as_ref().and_then(|metadata| metadata.get(written)).cloned();
    // A refund that was not asked for here is nothing of ours, even if its payment is.
    let of_payment = || match class {
        Class::Payment | Class::Dispute => payments.get(intent(moved)?).map(PaymentId::to_string),
        Class::Refund | Class::Payout | Class::Fee | Class::Own => None,
    };
    named.or_else(of_payment).or_else(|| (!source.id.is_empty()).then(|| source.id.clone()))
}

fn unreadable(what: &str) -> Fault {
    Fault::Service { service: "stripe", why: format!("its account of our balance has {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_never_ask_for_is_about_nothing_of_ours() {
        let moved = |category: &str, amount: i64, fee: i64| {
            let json = serde_json::json!({ "id": "txn_1", "amount": amount, "fee": fee, "currency": "usd",
                "created": 1_780_000_000, "reporting_category": category, "source": "xx_1" });
            in_our_words(&serde_json::from_value(json).unwrap(), &BTreeMap::new()).unwrap()
        };
        let lines = |told: &[BalanceTransaction]| -> Vec<(Class, Flow, i64)> {
            told.iter().flat_map(BalanceTransaction::lines).map(|l| (l.class, l.flow, l.amount.minor())).collect()
        };
        let held = moved("risk_reserved_funds", -500, 0);
        assert_eq!(lines(&held), [(Class::Payment, Flow::Out, 500)]);
        assert_eq!(held[0].about.as_deref(), Some("xx_1"));
        assert_eq!(lines(&moved("payout", -500, 25)), [(Class::Own, Flow::Out, 500), (Class::Fee, Flow::Out, 25)]);
        assert_eq!(lines(&moved("fee", -30, 0)), [(Class::Fee, Flow::Out, 30)]);
        assert_eq!(
            lines(&moved("dispute_reversal", 900, -1_500)),
            [(Class::Dispute, Flow::In, 900), (Class::Fee, Flow::In, 1_500)]
        );
    }
}
