//! Payments of clients, and what everything costs.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{ContractId, OrganizationId, PaymentId};
use domain::payment::{Purpose, RefundState, State};
use domain::policy::{Preview, Quote};
use domain::refusal::Refusal;
use infra::payment::SavedMethod;
use infra::policy::PreviewAsk;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::{ClientSecretOf, CreditOf, RefundsOf, load};
use crate::milestone::{Milestone, MilestoneKind};
use crate::money::{Money, MoneyInput};
use crate::organization::Organization;
use crate::timesheet::Timesheet;
use crate::user_error::{Answer, answer, payload, top_level};

/// A payment.
#[derive(Debug, Clone)]
pub struct Payment(pub domain::payment::Payment);

/// One attempt of a client to pay by card. The processor decides later, by its events.
#[Object]
impl Payment {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> PaymentStatus {
        match &self.0.state {
            State::Starting => PaymentStatus::Starting,
            State::Unknown { .. } => PaymentStatus::Unknown,
            State::RequiresAction { .. } => PaymentStatus::RequiresAction,
            State::Processing { .. } => PaymentStatus::Processing,
            State::Succeeded { .. } => PaymentStatus::Succeeded,
            State::Failed { .. } => PaymentStatus::Failed,
        }
    }

    /// Lets your page go on with the processor; null while the processor has not answered, and
    /// when there is nothing left to do, and for those who may not pay. It is nobody's but yours: keep it out
    /// of logs and addresses.
    async fn client_secret(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let secret = load(ctx, ClientSecretOf((&self.0).into())).await?;
        Ok(secret.map(|secret| secret.expose_secret().to_owned()))
    }

    /// Why it failed, by the processor's code.
    async fn failure_code(&self) -> Option<&str> {
        match &self.0.state {
            State::Failed { code, .. } => Some(code),
            State::Starting
            | State::Unknown { .. }
            | State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. } => None,
        }
    }

    /// What to do about it if it failed, in an English sentence to show as it is; of codes that your page does not know,
    /// too.
    async fn failure_advice(&self) -> Option<&'static str> {
        self.0.advice()
    }

    /// What of it went back to its card, or is on the way there, oldest first; a hundred at most.
    async fn refunds(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<PaymentRefund>> {
        let refunds = load(ctx, RefundsOf(self.0.id)).await?.unwrap_or_default();
        Ok(refunds.into_iter().map(PaymentRefund).collect())
    }

    /// How much of it can go back to its card now: what is left of it in your organization's credit.
    async fn refundable(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        let (credit, refunds) = tokio::try_join!(load(ctx, CreditOf(self.0.id)), load(ctx, RefundsOf(self.0.id)))?;
        let nothing = domain::money::Money::zero(self.0.quote.client_pays.currency());
        let refundable = self.0.refundable(credit.unwrap_or(nothing), &refunds.unwrap_or_default());
        Ok(refundable.map_err(|error| top_level(Refusal::from(error).into()))?.into())
    }

    /// The processor's token of the card or bank account that is charged, as in `organization.paymentMethods`; null if none
    /// had been named.
    async fn method(&self) -> Option<&str> {
        self.0.method.as_ref().map(domain::payment::PaymentMethod::as_str)
    }

    /// Who pays.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// The milestone it is for, if it is for one.
    async fn milestone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Milestone>> {
        let Purpose::Milestone(id) = self.0.purpose else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Milestone::from))
    }

    /// The week of a contract by the hour it is for, if it is for one.
    async fn timesheet(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timesheet>> {
        let Purpose::Timesheet(id) = self.0.purpose else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Timesheet))
    }

    /// Where its invoice is, to be fetched with your access token as `Authorization: Bearer`; with `.json` instead of
    /// `.pdf` for programs. Null until the money came.
    async fn invoice_path(&self) -> Option<String> {
        matches!(self.0.state, State::Succeeded { .. }).then(|| format!("/papers/payments/{}.pdf", self.0.id))
    }

    /// What was fixed before the processor was asked.
    async fn quote(&self) -> FeeQuote {
        self.0.quote.into()
    }

    /// When you set out to pay.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// Money of a payment that goes back to its card.
#[derive(Debug, Clone)]
pub struct PaymentRefund(pub domain::payment::Refund);

/// Money of a payment that goes back to its card, out of your organization's credit.
#[Object]
impl PaymentRefund {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> PaymentRefundStatus {
        match &self.0.state {
            RefundState::Started => PaymentRefundStatus::Started,
            RefundState::Pending { .. } => PaymentRefundStatus::Pending,
            RefundState::Succeeded { .. } => PaymentRefundStatus::Succeeded,
            RefundState::Failed { .. } => PaymentRefundStatus::Failed,
        }
    }

    /// How much.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// The payment that it is of: with what can still go back of it, and what already did.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        Ok(load(ctx, self.0.payment).await?.map(Payment))
    }

    /// Why it failed, by the processor's code.
    async fn failure_code(&self) -> Option<&str> {
        match &self.0.state {
            RefundState::Failed { code, .. } => Some(code),
            RefundState::Started | RefundState::Pending { .. } | RefundState::Succeeded { .. } => None,
        }
    }

    /// Where its credit note is, to be fetched with your access token as `Authorization: Bearer`; with `.json` instead of
    /// `.pdf` for programs. Null until the money went back. One that came back after that keeps its note, which says so.
    async fn credit_note_path(&self) -> Option<String> {
        matches!(self.0.state, RefundState::Succeeded { .. }).then(|| format!("/papers/refunds/{}.pdf", self.0.id))
    }

    /// When you asked for it.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// Where a refund to a card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PaymentRefundStatus {
    /// The processor is being asked. The money is no longer credit.
    Started,
    /// It is on its way. Banks take up to ten days.
    Pending,
    /// It has gone back.
    Succeeded,
    /// It did not get there, and is your credit again.
    Failed,
}

/// What goes back to a card.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PaymentRefundInput {
    /// The payment: its card is where the money goes.
    pub payment_id: Key<PaymentId>,
    /// How much: no more than of the payment has not gone back, and than your organization's credit.
    pub amount: MoneyInput,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `paymentRefund`.
    PaymentRefundPayload {
        /// The refund to watch.
        refund: PaymentRefund
    }
}

/// Which card or bank account is offered first.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PaymentMethodPreferInput {
    /// The organization whose it is.
    pub organization_id: Key<OrganizationId>,
    /// Its token, as in `organization.paymentMethods`.
    pub token: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which card or bank account is removed.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PaymentMethodRemoveInput {
    /// The organization whose it is.
    pub organization_id: Key<OrganizationId>,
    /// Its token, as in `organization.paymentMethods`.
    pub token: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `paymentMethodPrefer`.
    PaymentMethodPreferPayload {
        /// The organization, with its `paymentMethods`.
        organization: Organization
    }
}

payload! {
    /// The answer to `paymentMethodRemove`.
    PaymentMethodRemovePayload {
        /// The organization, with the `paymentMethods` that are left.
        organization: Organization
    }
}

/// Whose card or bank account is set up.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PaymentMethodSetUpInput {
    /// The organization that is to be charged with it.
    pub organization_id: Key<OrganizationId>,
}

payload! {
    /// The answer to `paymentMethodSetUp`.
    PaymentMethodSetUpPayload {
        /// Lets the processor's page take a card or a bank account. It is nobody's but yours.
        client_secret: String
    }
}

/// A card or a bank account that an organization may be charged with.
#[derive(Debug, Clone, SimpleObject)]
pub struct SavedPaymentMethod {
    /// The processor's token, to be named as a `paymentMethod`.
    pub token: String,
    /// What it is, in the processor's words: `card`, `us_bank_account`.
    pub kind: String,
    /// The card's brand, or the bank's name.
    pub label: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// If it is a card: the last month it is good for, from 1.
    pub expires_month: Option<i32>,
    /// The year of that month.
    pub expires_year: Option<i32>,
    /// Is it the one to offer first? One is, as long as there are any: the one that was named with `paymentMethodPrefer`,
    /// or else the first that there was.
    pub is_default: bool,
    /// Since when it is there.
    pub saved_at: Timestamp,
}

impl From<SavedMethod> for SavedPaymentMethod {
    fn from(saved: SavedMethod) -> Self {
        let SavedMethod { method, kind, label, last4, expires, is_default, saved_at } = saved;
        let (expires_month, expires_year) = expires.map(|(month, year)| (month.into(), year.into())).unzip();
        Self {
            token: method.as_str().to_owned(),
            kind,
            label,
            last4,
            expires_month,
            expires_year,
            is_default,
            saved_at,
        }
    }
}

/// What can be done with payments.
#[derive(Debug, Default)]
pub struct PaymentMutation;

#[Object]
impl PaymentMutation {
    /// Begin to set up a card or a bank account that your organization can be charged with later, when nobody
    /// is there: hand `clientSecret` to the processor's page, and find it in `organization.paymentMethods`
    /// when that is done. Asked again within the hour, what was not gone on with is gone on with. It takes a verified
    /// address.
    async fn payment_method_set_up(
        &self,
        ctx: &Context<'_>,
        input: PaymentMethodSetUpInput,
    ) -> Answer<PaymentMethodSetUpPayload> {
        let secret = async { ctx.market().payment_method_set_up(&ctx.call_to_act()?, input.organization_id.0).await };
        answer(secret.await.map(|secret| secret.expose_secret().to_owned()))
    }

    /// Name the card or bank account of your organization that is offered first.
    async fn payment_method_prefer(
        &self,
        ctx: &Context<'_>,
        input: PaymentMethodPreferInput,
    ) -> Answer<PaymentMethodPreferPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payment_method_prefer(&call, input.organization_id.0, &input.token).await
        };
        answer(outcome.await.map(Organization))
    }

    /// Remove a card or a bank account of your organization: it is charged no more. One that the weeks of a contract are
    /// charged to stays until another is named there (`PAYMENT_METHOD_NEEDED`).
    async fn payment_method_remove(
        &self,
        ctx: &Context<'_>,
        input: PaymentMethodRemoveInput,
    ) -> Answer<PaymentMethodRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payment_method_remove(&call, input.organization_id.0, &input.token).await
        };
        answer(outcome.await.map(Organization))
    }

    /// Have unspent credit of your organization go back to the card of a payment. It is no longer credit
    /// from then on, and is again if it does not get there.
    async fn payment_refund(&self, ctx: &Context<'_>, input: PaymentRefundInput) -> Answer<PaymentRefundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let amount = input.amount.parse("amount")?;
            ctx.market().payment_refund(&call, input.payment_id.0, amount).await.map(PaymentRefund)
        };
        answer(outcome.await)
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PaymentStatus {
    /// The processor is being asked.
    Starting,
    /// The processor was asked, and has not answered. It is asked how it stands; you need not do anything.
    Unknown,
    /// Your bank wants to see you first (3-D Secure): let the processor's page go on with `clientSecret`.
    RequiresAction,
    /// The processor has taken it up.
    Processing,
    /// The money came.
    Succeeded,
    /// The money did not come.
    Failed,
}

/// What each side of a payment pays and gets, to the cent.
#[derive(Debug, Clone, SimpleObject)]
pub struct FeeQuote {
    /// What goes into escrow.
    pub amount: Money,
    /// On top of it, for us.
    pub client_fee: Money,
    /// What of the payment is the client's credit: a card can't be charged less than 0.50 dollars, and a week of hours
    /// may be worth less. Nothing, mostly.
    pub to_credit: Money,
    /// What the client's card is charged.
    pub client_pays: Money,
    /// Taken out of the amount when it is released, for us.
    pub freelancer_fee: Money,
    /// What the freelancer gets when all of it is released.
    pub freelancer_gets: Money,
}

impl From<Quote> for FeeQuote {
    fn from(quote: Quote) -> Self {
        let Quote { amount, client_fee, to_credit, client_pays, freelancer_fee, freelancer_gets } = quote;
        let nothing = domain::money::Money::zero(amount.currency());
        Self {
            amount: amount.into(),
            client_fee: client_fee.into(),
            to_credit: to_credit.unwrap_or(nothing).into(),
            client_pays: client_pays.into(),
            freelancer_fee: freelancer_fee.into(),
            freelancer_gets: freelancer_gets.into(),
        }
    }
}

/// What an amount would cost each side, to the cent, and by which version of the policy.
#[derive(Debug, Clone, SimpleObject)]
pub struct FeePreview {
    /// The version of the policy.
    pub policy_version: i32,
    /// The time whose policy it is; for a contract, when it was made.
    pub as_of: Timestamp,
    /// What it is for.
    pub kind: MilestoneKind,
    /// What goes into escrow.
    pub amount: Money,
    /// On top of it, for us.
    pub client_fee: Money,
    /// What the client's card is charged.
    pub client_pays: Money,
    /// Taken out of the amount when it is released, for us.
    pub freelancer_fee: Money,
    /// What the freelancer gets when all of it is released.
    pub freelancer_gets: Money,
    /// Each part by itself, in the order of the weights. The amounts add up to the whole to the cent.
    pub parts: Vec<FeeQuote>,
}

impl From<Preview> for FeePreview {
    fn from(preview: Preview) -> Self {
        let Preview { version, as_of, kind, whole, parts } = preview;
        let FeeQuote { amount, client_fee, client_pays, freelancer_fee, freelancer_gets, .. } = whole.into();
        Self {
            policy_version: version,
            as_of,
            kind: kind.into(),
            amount,
            client_fee,
            client_pays,
            freelancer_fee,
            freelancer_gets,
            parts: parts.into_iter().map(FeeQuote::from).collect(),
        }
    }
}

/// Looking at payments and fees.
#[derive(Debug, Default)]
pub struct PaymentQuery;

#[Object]
impl PaymentQuery {
    /// The payment with this id, if it is your organization's.
    async fn payment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the payment.")] id: Key<PaymentId>,
    ) -> async_graphql::Result<Option<Payment>> {
        Ok(load(ctx, id.0).await?.map(Payment))
    }

    /// What each side would pay and get for an amount, and by which version of the policy: the one in
    /// force now or at another time, or that of a contract of yours.
    async fn fee_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the work is worth, or how much is given.")] amount: MoneyInput,
        #[graphql(desc = "Work, a bonus or a tip.", default_with = "MilestoneKind::Work")] kind: MilestoneKind,
        #[graphql(desc = "The time whose policy it is; now, if left out.")] at: Option<Timestamp>,
        #[graphql(desc = "A contract whose terms count, whatever policy is in force.")] contract_id: Option<
            Key<ContractId>,
        >,
        #[graphql(desc = "Split the amount in these proportions, to the cent.", default)] weights: Vec<u32>,
    ) -> async_graphql::Result<Option<FeePreview>> {
        let amount = amount.parse("amount").map_err(|refusal| top_level(refusal.into()))?;
        let ask = PreviewAsk { amount, kind: kind.into(), at, contract: contract_id.map(|id| id.0), weights };
        Ok(Some(ctx.market().fee_preview(&ctx.call(), ask).await.map_err(top_level)?.into()))
    }
}
