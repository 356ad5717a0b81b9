//! Payments by Stripe: PaymentIntents on the platform's own account. The money is the platform's to hold
//! and to hand on; nothing is charged on behalf of anybody else.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::{Id, OrganizationId, PaymentId, PaymentRefundId};
use domain::money::{Currency, Money};
use domain::payment::PROCESSOR_SILENT;
use sea_orm::{ConnectionTrait, FromQueryResult};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::PaymentIntentSetupFutureUsage;
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::{CreateCustomer, RetrievePaymentMethodCustomer};
use stripe_core::dispute::RetrieveDispute;
use stripe_core::payment_intent::{
    CancelPaymentIntent, CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects, CreatePaymentIntentMandateData,
    CreatePaymentIntentMandateDataCustomerAcceptance, CreatePaymentIntentMandateDataCustomerAcceptanceType,
    CreatePaymentIntentOffSession, ListPaymentIntent, OnlineParam, RetrievePaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund, RetrieveRefund};
use stripe_core::setup_intent::{
    CreateSetupIntent, CreateSetupIntentAutomaticPaymentMethods,
    CreateSetupIntentAutomaticPaymentMethodsAllowRedirects, CreateSetupIntentUsage, RetrieveSetupIntent,
};
use stripe_types::RangeQueryTs;

use super::{Asked, Intent, IntentRequest, Mandate, ProcessorFact, RefundRequest, Refunded, SetUp};
use crate::market::Market;
use crate::sql::sql;
use crate::stripe::answer::{self, List, Named};
use crate::stripe::{Making, Refused, Stripe, Trouble};
use crate::{Failure, Fault};

/// How many payments are on a page when one is looked for, and how many pages are turned.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// Ask for an intent, and charge it at once.
pub(super) async fn ask(stripe: &Stripe, market: &Market, request: &IntentRequest) -> Result<Asked, Fault> {
    let now = market.clock().now();
    let customer = customer(stripe, market, request.client).await?;
    if request.unanswered {
        match find(stripe, now, &customer, request).await {
            Ok(Some(intent)) => return Ok(said(&intent)),
            // It never got there. By now the key may be forgotten, so it is not asked for again.
            Ok(None) if request.too_late => {
                return Ok(Asked::Failed { intent: None, code: PROCESSOR_SILENT.to_owned() });
            }
            // It never got there, or not yet. The key sees to it that it is made once.
            Ok(None) => {}
            Err(trouble) => return Err(trouble.fault()),
        }
    }
    match stripe.send::<answer::PaymentIntent>(now, &create(&customer, request), Some(&request.key)).await {
        Ok(intent) => Ok(said(&intent)),
        Err(Trouble::Refused(refused)) => Ok(refusal(*refused)),
        // Under another key it might be paid twice: it is asked about, and given up in time.
        Err(Trouble::Unknown { until, why } | Trouble::Spent { until, why }) => Ok(Asked::Unknown { until, why }),
        Err(trouble @ (Trouble::Later { .. } | Trouble::Unreadable { .. })) => Err(trouble.fault()),
    }
}

fn create(customer: &str, request: &IntentRequest) -> CreatePaymentIntent {
    let currency = match request.total.currency() {
        Currency::Usd => stripe_types::Currency::USD,
        Currency::Pkr => stripe_types::Currency::PKR,
    };
    // The client's page goes on by itself where the bank wants to see them; nobody is sent elsewhere.
    let ways = CreatePaymentIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    };
    let intent = CreatePaymentIntent::new(request.total.minor(), currency)
        .customer(customer)
        .payment_method(request.method.as_str())
        .automatic_payment_methods(ways)
        .confirm(true)
        .metadata(HashMap::from([("payment".to_owned(), request.payment.to_string())]))
        .transfer_group(request.payment.to_string());
    if request.off_session {
        // The mandate of a bank account is the one that was given when it was set up, or first paid.
        return intent.off_session(CreatePaymentIntentOffSession::Bool(true));
    }
    // Once it was used, it is the organization's to use again.
    let intent = intent.setup_future_usage(PaymentIntentSetupFutureUsage::OffSession).use_stripe_sdk(true);
    match &request.mandate {
        // Whoever confirms a payment says who accepted the mandate, and we do. A card's bank makes nothing of it.
        Some(given) => intent.mandate_data(mandate(given)),
        None => intent,
    }
}

fn mandate(given: &Mandate) -> CreatePaymentIntentMandateData {
    let online = CreatePaymentIntentMandateDataCustomerAcceptanceType::Online;
    CreatePaymentIntentMandateData::new(CreatePaymentIntentMandateDataCustomerAcceptance {
        accepted_at: Some(given.given_at.timestamp()),
        online: Some(OnlineParam::new(given.address.as_str(), given.agent.as_str())),
        ..CreatePaymentIntentMandateDataCustomerAcceptance::new(online)
    })
}

/// The name of the intent of a payment, if it has come to one.
pub(super) async fn intent_of(
    stripe: &Stripe,
    market: &Market,
    request: &IntentRequest,
) -> Result<Option<String>, Fault> {
    let now = market.clock().now();
    let customer = customer(stripe, market, request.client).await?;
    let found = find(stripe, now, &customer, request).await.map_err(Trouble::fault)?;
    Ok(found.map(|intent| intent.id))
}

/// Look for the intent of a payment whose answer never came.
async fn find(
    stripe: &Stripe,
    now: Timestamp,
    customer: &str,
    request: &IntentRequest,
) -> Result<Option<answer::PaymentIntent>, Trouble> {
    let name = request.payment.to_string();
    // Their clock need not be ours.
    let since = RangeQueryTs::gte((request.since - TimeDelta::hours(1)).timestamp());
    let mut list = ListPaymentIntent::new().customer(customer).created(since).limit(i64::try_from(PAGE).unwrap_or(100));
    for _ in 0..PAGES {
        let page: List<answer::PaymentIntent> = stripe.send(now, &list, None).await?;
        let last = page.data.last().map(|intent| intent.id.clone());
        let full = page.data.len() == PAGE;
        if let Some(found) = page.data.into_iter().find(|intent| intent.metadata.get("payment") == Some(&name)) {
            return Ok(Some(found));
        }
        match last.filter(|_| full) {
            Some(last) => list = list.starting_after(last),
            None => return Ok(None),
        }
    }
    let why = "more payments than can be looked through".to_owned();
    Err(Trouble::Unknown { until: now + TimeDelta::hours(1), why })
}

/// What an intent that was just made amounts to. That its money came is told by an event.
fn said(intent: &answer::PaymentIntent) -> Asked {
    let known = Intent { id: intent.id.clone(), client_secret: intent.client_secret.clone().map(SecretString::from) };
    match intent.status.as_str() {
        "requires_action" | "requires_confirmation" => Asked::SeeTheBank(known),
        "requires_payment_method" | "canceled" => Asked::Failed { intent: Some(known), code: failure_code(intent) },
        _ => Asked::TakenUp(known),
    }
}

fn refusal(refused: Refused) -> Asked {
    let code = refused.code().to_owned();
    let intent = refused.payment_intent.map(|intent| Intent { id: intent.id, client_secret: None });
    Asked::Failed { intent, code }
}

fn failure_code(intent: &answer::PaymentIntent) -> String {
    match (&intent.last_payment_error, intent.status.as_str()) {
        (_, "canceled") => intent.cancellation_reason.clone().unwrap_or_else(|| "canceled".to_owned()),
        (Some(error), _) => error.code.clone().unwrap_or_else(|| error.kind.clone()),
        (None, _) => "payment_failed".to_owned(),
    }
}

/// Give an intent up.
pub(super) async fn give_up(stripe: &Stripe, now: Timestamp, intent: &str, key: &str) -> Result<(), Fault> {
    match stripe.send::<Named>(now, &CancelPaymentIntent::new(intent), Some(key)).await {
        // Its money came, or is on its way, or it was given up before.
        Ok(_) | Err(Trouble::Refused(_)) => Ok(()),
        Err(trouble) => Err(trouble.fault()),
    }
}

#[derive(FromQueryResult)]
struct Customer {
    customer: String,
}

/// The name of an organization at Stripe. It is made when the organization first pays.
pub(crate) async fn customer(stripe: &Stripe, market: &Market, of: OrganizationId) -> Result<String, Fault> {
    let known = "select customer from processor_customers where organization_id = $1";
    let known = || Customer::find_by_statement(sql(known, [of.uuid().into()]));
    if let Some(Customer { customer }) = known().one(market.db()).await? {
        return Ok(customer);
    }
    let now = market.clock().now();
    // Nothing but our own id: who they are is nobody's business who need not know.
    let create = CreateCustomer::new().metadata(HashMap::from([("organization".to_owned(), of.to_string())]));
    // Two payments that set out at once make one customer.
    let making = Making::Customer(of);
    let key = making.key(market).await?;
    let made = stripe.send::<Named>(now, &create, Some(&key)).await;
    let made = making.heard(market, &key, made).await?.map_err(Trouble::fault)?;
    let keep = "insert into processor_customers (organization_id, customer, created_at) values ($1, $2, $3)
        on conflict (organization_id) do nothing";
    market.db().execute_raw(sql(keep, [of.uuid().into(), made.id.into(), now.into()])).await?;
    let kept = known().one(market.db()).await?;
    Ok(kept.ok_or_else(|| Fault::bad_row("processor_customers", "a customer that was just kept is gone"))?.customer)
}

/// How a payment stands, and whose it is.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Our payment, if it is one of ours.
    pub payment: Option<PaymentId>,
    /// What there is to tell of it.
    pub news: News,
    /// What Stripe kept for itself, as far as that is known.
    pub costs: Vec<Cost>,
    /// What it is paid with, once it is.
    pub paid_with: Option<PaidWith>,
}

/// What a payment is paid with, by its names at Stripe.
#[derive(Debug)]
pub(crate) struct PaidWith {
    /// Whose.
    pub customer: String,
    /// Which card or bank account.
    pub method: String,
}

/// What Stripe kept for itself, or gave back of that.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Of which movement: the name is the same however often it is told.
    pub name: String,
    /// What.
    pub fact: ProcessorFact,
}

impl Cost {
    fn of(moved: &answer::BalanceTransaction) -> Result<Option<Self>, Fault> {
        let fee = answer::money(moved.fee.saturating_abs(), &moved.currency)?;
        let fact = match moved.fee.signum() {
            0 => return Ok(None),
            // It gives back of what it had kept.
            -1 => ProcessorFact::CostBack { fee },
            _ => ProcessorFact::Cost { fee },
        };
        Ok(Some(Self { name: format!("{}:fee", moved.id), fact }))
    }
}

/// What there is to tell of a payment.
#[derive(Debug)]
pub(crate) enum News {
    /// It came, or does not come. The name is the same however often it is told.
    Over(&'static str, ProcessorFact),
    /// The bank wants to see the client.
    SeeTheBank,
    /// It is on its way.
    OnItsWay,
}

/// Ask how a payment stands. Of what it is paid with only the name is asked for: a key that may not see cards sees how
/// payments stand.
pub(crate) async fn look(stripe: &Stripe, now: Timestamp, intent: &str) -> Result<Seen, Failure> {
    let request = RetrievePaymentIntent::new(intent).expand(vec!["latest_charge.balance_transaction".to_owned()]);
    let found: answer::PaymentIntent = stripe.send(now, &request, None).await.map_err(Trouble::fault)?;
    let payment = found.metadata.get("payment").and_then(|name| name.parse().ok());
    let charge = found.latest_charge.as_ref().and_then(answer::Expandable::whole);
    let moved = charge.and_then(|charge| charge.balance_transaction.as_ref()).and_then(answer::Expandable::whole);
    let costs = moved.map(Cost::of).transpose()?.flatten().into_iter().collect();
    let is_paid = matches!(found.status.as_str(), "succeeded" | "processing");
    let names = found.customer.as_ref().zip(found.payment_method.as_ref()).filter(|_| is_paid);
    let paid_with = names
        .map(|(customer, method)| PaidWith { customer: customer.name().to_owned(), method: method.name().to_owned() });
    let news = match found.status.as_str() {
        "succeeded" => {
            let received: Money = answer::money(found.amount_received, &found.currency)?;
            News::Over("succeeded", ProcessorFact::Succeeded { intent: found.id, received })
        }
        "canceled" | "requires_payment_method" => {
            News::Over("failed", ProcessorFact::Failed { code: failure_code(&found) })
        }
        "requires_action" | "requires_confirmation" => News::SeeTheBank,
        _ => News::OnItsWay,
    };
    Ok(Seen { payment, news, costs, paid_with })
}

/// Ask for what a payment is paid with, if it is kept there for its customer to be charged with again.
pub(crate) async fn look_at_method(stripe: &Stripe, now: Timestamp, with: &PaidWith) -> Result<Option<SetUp>, Failure> {
    let look = RetrievePaymentMethodCustomer::new(with.customer.as_str(), with.method.as_str());
    match stripe.send::<answer::PaymentMethod>(now, &look, None).await {
        Ok(kept) => Ok(kept_for(&kept)),
        // It is nobody's, or was let go of.
        Err(Trouble::Refused(_)) => Ok(None),
        Err(trouble) => Err(trouble.fault().into()),
    }
}

/// A card or a bank account that is kept for somebody to be charged with again, if it is. What pays once is kept from
/// then on, until it is let go of.
fn kept_for(method: &answer::PaymentMethod) -> Option<SetUp> {
    let customer = method.customer.as_ref()?.name().to_owned();
    let expires = method.card.as_ref().and_then(|card| card.exp_month.zip(card.exp_year));
    let card = method.card.as_ref().map(|card| (card.brand.clone(), card.last4.clone()));
    let bank = method.us_bank_account.as_ref().map(|bank| (bank.bank_name.clone(), bank.last4.clone()));
    let (label, last4) = card.or(bank).unwrap_or_default();
    Some(SetUp { customer, method: method.id.clone(), kind: method.kind.clone(), label, last4, expires })
}

/// Ask what a charge cost us. Answers of which payment it is, if it is known by now.
pub(crate) async fn look_at_charge(
    stripe: &Stripe,
    now: Timestamp,
    charge: &str,
) -> Result<Option<(String, Cost)>, Failure> {
    let request = RetrieveCharge::new(charge).expand(vec!["balance_transaction".to_owned()]);
    let found: answer::Charge = stripe.send(now, &request, None).await.map_err(Trouble::fault)?;
    let moved = found.balance_transaction.as_ref().and_then(answer::Expandable::whole);
    Ok(found.payment_intent.zip(moved.map(Cost::of).transpose()?.flatten()))
}

/// What there is to tell of a chargeback.
#[derive(Debug)]
pub(crate) struct Disputed {
    /// Of which payment.
    pub intent: String,
    /// What, in order. Each name is the same however often it is told.
    pub told: Vec<(String, ProcessorFact)>,
    /// What it is about.
    pub amount: Money,
    /// What Stripe kept for itself.
    pub costs: Vec<Cost>,
}

/// Ask how a chargeback stands. None while no money has moved: a bank that only inquires takes nothing.
pub(crate) async fn look_at_dispute(
    stripe: &Stripe,
    now: Timestamp,
    dispute: &str,
) -> Result<Option<Disputed>, Failure> {
    let found: answer::Dispute =
        stripe.send(now, &RetrieveDispute::new(dispute), None).await.map_err(Trouble::fault)?;
    let back = given_back(&found)?;
    let Some(intent) = found.payment_intent else { return Ok(None) };
    let costs: Vec<Option<Cost>> = found.balance_transactions.iter().map(Cost::of).collect::<Result<_, _>>()?;
    let costs = costs.into_iter().flatten().collect();
    let reference = found.id;
    let told = match found.status.as_str() {
        "warning_needs_response" | "warning_under_review" | "warning_closed" | "prevented" => return Ok(None),
        "won" => vec![(format!("{reference}:won"), ProcessorFact::ChargebackWon { reference })],
        _ => {
            let amount = answer::money(found.amount, &found.currency)?;
            let back = back.map(|amount| {
                let fact = ProcessorFact::GivenBack { reference: reference.clone(), amount };
                (format!("{reference}:given_back"), fact)
            });
            let taken = (format!("{reference}:charged_back"), ProcessorFact::ChargedBack { reference, amount });
            [Some(taken), back].into_iter().flatten().collect()
        }
    };
    Ok(Some(Disputed { intent, told, amount: answer::money(found.amount, &found.currency)?, costs }))
}

/// What is not gone of a chargeback that was lost: where a part had gone back to the card before, the bank gives that
/// part back, or Stripe does not take it, and both call it lost. Known once it is over.
fn given_back(dispute: &answer::Dispute) -> Result<Option<Money>, Fault> {
    let moved = &dispute.balance_transactions;
    let is_known = !moved.is_empty() && moved.iter().all(|moved| moved.currency == dispute.currency);
    if dispute.status != "lost" || !is_known {
        return Ok(None);
    }
    let back = moved.iter().fold(dispute.amount, |left, moved| left.saturating_add(moved.amount));
    (back > 0).then(|| answer::money(back, &dispute.currency)).transpose()
}

/// Ask for money to go back to a card.
pub(super) async fn refund(stripe: &Stripe, now: Timestamp, request: &RefundRequest) -> Result<Refunded, Fault> {
    let name = request.refund.to_string();
    // A payment has few refunds, so it is always looked first whether this one is there: its answer may have been lost.
    let list = ListRefund::new().payment_intent(request.intent.as_str()).limit(100);
    let there: List<answer::Refund> = stripe.send(now, &list, None).await.map_err(Trouble::fault)?;
    if let Some(found) = there.data.into_iter().find(|refund| refund.metadata.get("refund") == Some(&name)) {
        return Ok(refunded(found));
    }
    if request.too_late {
        return Ok(Refunded::Failed(PROCESSOR_SILENT.to_owned()));
    }
    let create = CreateRefund::new()
        .payment_intent(request.intent.as_str())
        .amount(request.amount.minor())
        .metadata(HashMap::from([("refund".to_owned(), name)]));
    match stripe.send::<answer::Refund>(now, &create, Some(&request.key)).await {
        Ok(made) => Ok(refunded(made)),
        Err(Trouble::Refused(refused)) => Ok(Refunded::Failed(refused.code().to_owned())),
        Err(trouble) => Err(trouble.fault()),
    }
}

fn refunded(refund: answer::Refund) -> Refunded {
    match refund.status.as_deref() {
        Some("succeeded") => Refunded::Succeeded(refund.id),
        Some(status @ ("failed" | "canceled")) => {
            Refunded::Failed(refund.failure_reason.unwrap_or_else(|| status.to_owned()))
        }
        Some(_) | None => Refunded::Pending(refund.id),
    }
}

/// A refund, as Stripe has it.
pub(crate) enum RefundSeen {
    /// One that was asked for here, and what is said of it.
    Ours(PaymentRefundId, Refunded),
    /// One that somebody made there by hand. It takes the money of a payment back as a bank does.
    ByHand {
        /// Of which intent.
        intent: String,
        /// What this news of it is called.
        name: String,
        /// What it comes to.
        fact: ProcessorFact,
    },
    /// One that moved nothing, or is no concern of ours.
    Nothing,
}

/// Ask how a refund stands.
pub(crate) async fn look_at_refund(stripe: &Stripe, now: Timestamp, refund: &str) -> Result<RefundSeen, Failure> {
    let found: answer::Refund = stripe.send(now, &RetrieveRefund::new(refund), None).await.map_err(Trouble::fault)?;
    if let Some(id) = found.metadata.get("refund").and_then(|name| name.parse().ok()) {
        return Ok(RefundSeen::Ours(id, refunded(found)));
    }
    let Some(intent) = found.payment_intent.clone() else { return Ok(RefundSeen::Nothing) };
    let (reference, amount) = (found.id.clone(), answer::money(found.amount, &found.currency)?);
    Ok(match refunded(found) {
        // It has left our balance by then, though it may come back.
        Refunded::Succeeded(_) | Refunded::Pending(_) => {
            let name = format!("{reference}:charged_back");
            RefundSeen::ByHand { intent, name, fact: ProcessorFact::ChargedBack { reference, amount } }
        }
        Refunded::Failed(_) => {
            let name = format!("{reference}:won");
            RefundSeen::ByHand { intent, name, fact: ProcessorFact::ChargebackWon { reference } }
        }
    })
}

/// Begin to set up a card or a bank account, to be charged when nobody is there. What was begun lately and not gone on
/// with is gone on with now.
pub(super) async fn set_up(stripe: &Stripe, market: &Market, client: OrganizationId) -> Result<SecretString, Fault> {
    let now = market.clock().now();
    let stripe = &stripe.for_set_ups();
    if let Some(open) = open_set_up(stripe, market, client).await? {
        return Ok(open);
    }
    let customer = customer(stripe, market, client).await?;
    let ways = CreateSetupIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreateSetupIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    };
    let create = CreateSetupIntent::new()
        .customer(customer)
        .automatic_payment_methods(ways)
        .usage(CreateSetupIntentUsage::OffSession)
        .metadata(HashMap::from([("organization".to_owned(), client.to_string())]));
    let making = Making::SetUp(client);
    let key = making.key(market).await?;
    let made = stripe.send::<answer::SetupIntent>(now, &create, Some(&key)).await;
    let made = making.heard(market, &key, made).await?.map_err(Trouble::fault)?;
    let keep = "insert into processor_set_ups (organization_id, intent, begun_at) values ($1, $2, $3)
        on conflict (organization_id) do update set intent = excluded.intent, begun_at = excluded.begun_at";
    // Written first: asked for under the same key again, what is used up by then would be had once more.
    making.is_over(market, &key).await?;
    market.db().execute_raw(sql(keep, [client.uuid().into(), made.id.into(), now.into()])).await?;
    let unreadable = || Fault::Service { service: "stripe", why: "it set up nothing to go on with".to_owned() };
    Ok(SecretString::from(made.client_secret.ok_or_else(unreadable)?))
}

/// How long what was begun is gone on with.
const SET_UP_OPEN: TimeDelta = TimeDelta::hours(1);

#[derive(FromQueryResult)]
struct Begun {
    intent: String,
}

/// What lets the page go on with what an organization began lately, if that waits for a card still.
async fn open_set_up(stripe: &Stripe, market: &Market, client: OrganizationId) -> Result<Option<SecretString>, Fault> {
    let now = market.clock().now();
    let begun = "select intent from processor_set_ups where organization_id = $1 and begun_at > $2";
    let begun = sql(begun, [client.uuid().into(), (now - SET_UP_OPEN).into()]);
    let Some(Begun { intent }) = Begun::find_by_statement(begun).one(market.db()).await? else { return Ok(None) };
    let found: answer::SetupIntent = match stripe.send(now, &RetrieveSetupIntent::new(intent.as_str()), None).await {
        Ok(found) => found,
        Err(Trouble::Refused(_)) => return Ok(None),
        Err(trouble) => return Err(trouble.fault()),
    };
    let is_open = found.status == "requires_payment_method";
    Ok(found.client_secret.filter(|_| is_open).map(SecretString::from))
}

/// Ask what was set up, if it was done.
pub(crate) async fn look_at_set_up(stripe: &Stripe, now: Timestamp, setup: &str) -> Result<Option<SetUp>, Failure> {
    let found: answer::SetupIntent =
        stripe.send(now, &RetrieveSetupIntent::new(setup), None).await.map_err(Trouble::fault)?;
    let (Some(customer), Some(method), "succeeded") = (found.customer, found.payment_method, found.status.as_str())
    else {
        return Ok(None);
    };
    let look = RetrievePaymentMethodCustomer::new(customer.as_str(), method.as_str());
    let kept: answer::PaymentMethod = stripe.send(now, &look, None).await.map_err(Trouble::fault)?;
    Ok(kept_for(&kept))
}

/// Let go of a card or a bank account. One that Stripe does not know any more is let go of.
pub(super) async fn detach(stripe: &Stripe, now: Timestamp, method: &str) -> Result<(), Fault> {
    let request = RequestBuilder::new(StripeMethod::Post, format!("/payment_methods/{method}/detach"));
    let key = format!("detach:{method}");
    match stripe.send_for::<IgnoredAny>(now, request, Some(&key), None).await {
        Ok(_) | Err(Trouble::Refused(_)) => Ok(()),
        Err(trouble) => Err(trouble.fault()),
    }
}
