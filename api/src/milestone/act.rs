//! What can be done to milestones: one mutation an act.

use async_graphql::{Context, InputObject, Object};
use domain::Timestamp;
use domain::dispute::Claim;
use domain::id::{ContractId, MilestoneId};
use domain::milestone::Approval;
use domain::refusal::Refusal;
use infra::payment::FundWith;
use serde::Serialize;

use super::Milestone;
use crate::context::RabtaContext;
use crate::dispute::Dispute;
use crate::key::Key;
use crate::money::MoneyInput;
use crate::payment::Payment;
use crate::user_error::{Answer, Payload, UserError, answer, payload};

/// A milestone to propose.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneProposeInput {
    /// The contract.
    pub contract_id: Key<ContractId>,
    /// What it is called, 1 to 120 characters.
    pub title: String,
    /// What is to be done, up to 5,000 characters.
    #[graphql(default)]
    pub description: String,
    /// What it is worth.
    pub amount: MoneyInput,
    /// When it is wanted.
    pub due_at: Option<Timestamp>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestonePropose`.
    MilestoneProposePayload {
        /// The new milestone.
        milestone: Milestone
    }
}

/// What to fund, and with what.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneFundInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The processor's token of a card or a bank account. Leave it out to pay with the organization's credit. With a
    /// bank account this request is the client's word that it may be debited: show the mandate's text beside the
    /// button.
    pub payment_method: Option<String>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The answer to `milestoneFund`.
#[derive(Debug, async_graphql::SimpleObject)]
pub struct MilestoneFundPayload {
    /// The milestone, as it is now.
    pub milestone: Option<Milestone>,
    /// The payment to watch; null when paid with credit.
    pub payment: Option<Payment>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for MilestoneFundPayload {
    type Object = (Milestone, Option<Payment>);
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
        let (milestone, payment) = object.unzip();
        Self { milestone, payment: payment.flatten(), errors }
    }
}

/// What to approve.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneApproveInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// How much of what is held; all of it if left out.
    pub amount: Option<MoneyInput>,
    /// Where the rest goes when only part is approved: another milestone of the contract. If left
    /// out it stays here, and work on it goes on.
    pub rest_to_milestone_id: Option<Key<MilestoneId>>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneApprove`.
    MilestoneApprovePayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// What to give back.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneRefundAfterInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// How much.
    pub amount: MoneyInput,
    /// The version you saw; another one is refused. Needed here: doing it twice would pay twice.
    pub expected_version: i64,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneRefundAfter`.
    MilestoneRefundAfterPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    } and viewer
}

/// Which milestone to agree to.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneAgreeInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneAgree`.
    MilestoneAgreePayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which milestone to call off.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneCancelInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneCancel`.
    MilestoneCancelPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which milestone's payment to give up.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneStopFundingInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneStopFunding`.
    MilestoneStopFundingPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Work to hand in.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneSubmitInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// What you say about it, 1 to 5,000 characters.
    pub message: String,
    /// Where the work is: up to 20 addresses that start with `https://`.
    #[graphql(default)]
    pub links: Vec<String>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneSubmit`.
    MilestoneSubmitPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// What should change.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneRequestChangesInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// What should change, 1 to 5,000 characters.
    pub note: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneRequestChanges`.
    MilestoneRequestChangesPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// What to ask back.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneRequestRefundInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// How much; all that is held if left out.
    pub amount: Option<MoneyInput>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneRequestRefund`.
    MilestoneRequestRefundPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which refund to agree to.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneAgreeRefundInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneAgreeRefund`.
    MilestoneAgreeRefundPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which refund to refuse.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneRefuseRefundInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneRefuseRefund`.
    MilestoneRefuseRefundPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which request to take back.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneWithdrawRefundInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneWithdrawRefund`.
    MilestoneWithdrawRefundPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// Which milestone goes on.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneKeepInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `milestoneKeep`.
    MilestoneKeepPayload {
        /// The milestone, as it is now.
        milestone: Milestone
    }
}

/// What to dispute.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MilestoneDisputeInput {
    /// The milestone.
    pub milestone_id: Key<MilestoneId>,
    /// Why, for the other side and the mediators to read, 1 to 5,000 characters.
    pub reason: String,
    /// How much of what is in dispute you want for your side; all of it if left out.
    pub amount: Option<MoneyInput>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The answer to `milestoneDispute`.
#[derive(Debug, async_graphql::SimpleObject)]
pub struct MilestoneDisputePayload {
    /// The milestone, as it is now.
    pub milestone: Option<Milestone>,
    /// The new dispute.
    pub dispute: Option<Dispute>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for MilestoneDisputePayload {
    type Object = (Milestone, Dispute);
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
        let (milestone, dispute) = object.unzip();
        Self { milestone, dispute, errors }
    }
}

fn amount(typed: &Option<MoneyInput>) -> Result<Option<domain::money::Money>, Refusal> {
    typed.as_ref().map(|typed| typed.parse("amount")).transpose()
}

/// What can be done to milestones.
#[derive(Debug, Default)]
pub struct MilestoneMutation;

#[Object]
impl MilestoneMutation {
    /// Propose more work on a contract. The other side agrees with `milestoneAgree`.
    async fn milestone_propose(
        &self,
        ctx: &Context<'_>,
        input: MilestoneProposeInput,
    ) -> Answer<MilestoneProposePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let typed = domain::offer::MilestoneInput {
                title: input.title.clone(),
                description: input.description.clone(),
                amount: input.amount.parse("amount")?,
                due: input.due_at,
            };
            ctx.market().milestone_propose(&call, input.contract_id.0, typed).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Fund a milestone. Paid by card, the processor decides later: watch `payment` until it
    /// succeeded or failed. Paid with credit, the money is held at once.
    async fn milestone_fund(&self, ctx: &Context<'_>, input: MilestoneFundInput) -> Answer<MilestoneFundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let with = match &input.payment_method {
                Some(token) => FundWith::Card(domain::payment::PaymentMethod::parse(token)?),
                None => FundWith::Credit,
            };
            ctx.market().milestone_fund(&call, input.milestone_id.0, input.expected_version, with).await
        };
        answer(outcome.await.map(|(milestone, payment)| (Milestone::from(milestone), payment.map(Payment))))
    }

    /// Accept the submitted work, whole or in part. The money is available to the freelancer after
    /// the security hold.
    async fn milestone_approve(
        &self,
        ctx: &Context<'_>,
        input: MilestoneApproveInput,
    ) -> Answer<MilestoneApprovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            match (amount(&input.amount)?, input.rest_to_milestone_id) {
                (Some(part), Some(next)) => {
                    ctx.market().milestone_approve_and_hand_over(&call, id, next.0, expected, part).await
                }
                (Some(part), None) => ctx.market().milestone_approve(&call, id, expected, Approval::Part(part)).await,
                (None, Some(_)) => {
                    let message = "say how much is approved; the rest moves on";
                    Err(Refusal::field("amount", "REQUIRED", message).into())
                }
                (None, None) => ctx.market().milestone_approve(&call, id, expected, Approval::Whole).await,
            }
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Give released money back to the client, out of your available balance.
    async fn milestone_refund_after(
        &self,
        ctx: &Context<'_>,
        input: MilestoneRefundAfterInput,
    ) -> Answer<MilestoneRefundAfterPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let amount = input.amount.parse("amount")?;
            ctx.market().milestone_refund_after(&call, input.milestone_id.0, input.expected_version, amount).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Agree to a milestone the other side proposed.
    async fn milestone_agree(&self, ctx: &Context<'_>, input: MilestoneAgreeInput) -> Answer<MilestoneAgreePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_agree(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Call a milestone off, while there is no money in it.
    async fn milestone_cancel(&self, ctx: &Context<'_>, input: MilestoneCancelInput) -> Answer<MilestoneCancelPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_cancel(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Give up a payment that is under way. Should its money come all the same, nothing is lost.
    async fn milestone_stop_funding(
        &self,
        ctx: &Context<'_>,
        input: MilestoneStopFundingInput,
    ) -> Answer<MilestoneStopFundingPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_stop_funding(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Hand in work. The client has the time of the terms to answer; silence approves it.
    async fn milestone_submit(&self, ctx: &Context<'_>, input: MilestoneSubmitInput) -> Answer<MilestoneSubmitPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_submit(&call, id, expected, &input.message, &input.links).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Ask for changes to the submitted work. The clock stops.
    async fn milestone_request_changes(
        &self,
        ctx: &Context<'_>,
        input: MilestoneRequestChangesInput,
    ) -> Answer<MilestoneRequestChangesPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_request_changes(&call, id, expected, &input.note).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Ask for held money back. The freelancer has the time of the terms to answer.
    async fn milestone_request_refund(
        &self,
        ctx: &Context<'_>,
        input: MilestoneRequestRefundInput,
    ) -> Answer<MilestoneRequestRefundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_request_refund(&call, id, expected, amount(&input.amount)?).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Agree to a refund the client asks for.
    async fn milestone_agree_refund(
        &self,
        ctx: &Context<'_>,
        input: MilestoneAgreeRefundInput,
    ) -> Answer<MilestoneAgreeRefundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_agree_refund(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Refuse a refund the client asks for. Work goes on where it stood.
    async fn milestone_refuse_refund(
        &self,
        ctx: &Context<'_>,
        input: MilestoneRefuseRefundInput,
    ) -> Answer<MilestoneRefuseRefundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_refuse_refund(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Take a refund request back.
    async fn milestone_withdraw_refund(
        &self,
        ctx: &Context<'_>,
        input: MilestoneWithdrawRefundInput,
    ) -> Answer<MilestoneWithdrawRefundPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_withdraw_refund(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Say that the work on a quiet milestone goes on.
    async fn milestone_keep(&self, ctx: &Context<'_>, input: MilestoneKeepInput) -> Answer<MilestoneKeepPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            ctx.market().milestone_keep(&call, id, expected).await
        };
        answer(outcome.await.map(Milestone::from))
    }

    /// Dispute a milestone: what is held for it, or approved and still pending. All its clocks stand
    /// still until it is settled. The other side has some business days to answer; silence concedes.
    async fn milestone_dispute(
        &self,
        ctx: &Context<'_>,
        input: MilestoneDisputeInput,
    ) -> Answer<MilestoneDisputePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.milestone_id.0, input.expected_version);
            let claim = Claim { reason: input.reason.clone(), amount: amount(&input.amount)? };
            ctx.market().milestone_dispute(&call, id, expected, claim).await
        };
        answer(outcome.await.map(|(milestone, dispute)| (Milestone::from(milestone), Dispute(dispute))))
    }
}
