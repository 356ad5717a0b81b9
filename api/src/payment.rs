//! Payments of clients, and what everything costs.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{ContractId, PaymentId};
use domain::payment::{Purpose, State};
use domain::policy::{Preview, Quote};
use infra::policy::PreviewAsk;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::milestone::{Milestone, MilestoneKind};
use crate::money::{Money, MoneyInput};
use crate::timesheet::Timesheet;
use crate::user_error::top_level;

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
            State::Processing { .. } => PaymentStatus::Processing,
            State::Succeeded { .. } => PaymentStatus::Succeeded,
            State::Failed { .. } => PaymentStatus::Failed,
        }
    }

    /// Lets your page go on with the processor; null while the processor has not answered, and
    /// when there is nothing left to do.
    async fn client_secret(&self) -> Option<&str> {
        match &self.0.state {
            State::Processing { client_secret, .. } => Some(client_secret),
            State::Starting | State::Succeeded { .. } | State::Failed { .. } => None,
        }
    }

    /// Why it failed, by the processor's code.
    async fn failure_code(&self) -> Option<&str> {
        match &self.0.state {
            State::Failed { code, .. } => Some(code),
            State::Starting | State::Processing { .. } | State::Succeeded { .. } => None,
        }
    }

    /// The milestone it is for, if it is for one.
    async fn milestone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Milestone>> {
        let Purpose::Milestone(id) = self.0.purpose else { return Ok(None) };
        Ok(ctx.market().milestone_find(&ctx.call(), id).await.map_err(top_level)?.map(Milestone))
    }

    /// The week of a contract by the hour it is for, if it is for one.
    async fn timesheet(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timesheet>> {
        let Purpose::Timesheet(id) = self.0.purpose else { return Ok(None) };
        Ok(ctx.market().timesheet_find(&ctx.call(), id).await.map_err(top_level)?.map(Timesheet))
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

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PaymentStatus {
    /// The processor is being asked.
    Starting,
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
    /// What the client's card is charged.
    pub client_pays: Money,
    /// Taken out of the amount when it is released, for us.
    pub freelancer_fee: Money,
    /// What the freelancer gets when all of it is released.
    pub freelancer_gets: Money,
}

impl From<Quote> for FeeQuote {
    fn from(quote: Quote) -> Self {
        let Quote { amount, client_fee, client_pays, freelancer_fee, freelancer_gets } = quote;
        Self {
            amount: amount.into(),
            client_fee: client_fee.into(),
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
        let FeeQuote { amount, client_fee, client_pays, freelancer_fee, freelancer_gets } = whole.into();
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
        Ok(ctx.market().payment_find(&ctx.call(), id.0).await.map_err(top_level)?.map(Payment))
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
    ) -> async_graphql::Result<FeePreview> {
        let amount = amount.parse("amount").map_err(|refusal| top_level(refusal.into()))?;
        let ask = PreviewAsk { amount, kind: kind.into(), at, contract: contract_id.map(|id| id.0), weights };
        Ok(ctx.market().fee_preview(&ctx.call(), ask).await.map_err(top_level)?.into())
    }
}
