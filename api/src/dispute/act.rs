//! What can be done to disputes: one mutation a rung.

use async_graphql::{Context, InputObject, Object};
use domain::dispute::Verdict;
use domain::id::DisputeId;
use serde::Serialize;

use super::Dispute;
use crate::context::RabtaContext;
use crate::key::Key;
use crate::money::MoneyInput;
use crate::user_error::{Answer, answer, payload};

macro_rules! dispute_acts {
    ($($(#[$doc:meta])* $input:ident, $payload:ident, $answer:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $input {
                /// The dispute.
                pub dispute_id: Key<DisputeId>,
                /// The version you saw; another one is refused.
                pub expected_version: Option<i64>,
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }

            payload! {
                #[doc = $answer]
                $payload {
                    /// The dispute, as it is now.
                    dispute: Dispute
                }
            }
        )*
    };
}

dispute_acts! {
    /// Which claim to give in to.
    DisputeConcedeInput, DisputeConcedePayload, "The answer to `disputeConcede`.";
    /// Which dispute to withdraw.
    DisputeWithdrawInput, DisputeWithdrawPayload, "The answer to `disputeWithdraw`.";
    /// Which recommendation to take.
    DisputeAcceptInput, DisputeAcceptPayload, "The answer to `disputeAccept`.";
    /// Which recommendation not to take.
    DisputeRefuseInput, DisputeRefusePayload, "The answer to `disputeRefuse`.";
}

/// What to answer to a claim.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct DisputeAnswerInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// What you say to it, 1 to 5,000 characters. It stays as it was said.
    pub answer: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `disputeAnswer`.
    DisputeAnswerPayload {
        /// The dispute, as it is now.
        dispute: Dispute
    }
}

/// What to offer.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct DisputeOfferInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// What the freelancer should get, between nothing and the total.
    pub amount: MoneyInput,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `disputeOffer`.
    DisputeOfferPayload {
        /// The dispute, as it is now.
        dispute: Dispute
    }
}

/// What to pay for.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct DisputePayFeeInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// The version you saw; another one is refused. Needed here: you pay to go on from what you saw.
    pub expected_version: i64,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `disputePayFee`.
    DisputePayFeePayload {
        /// The dispute, as it is now.
        dispute: Dispute
    } and viewer
}

/// What to recommend.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct DisputeRecommendInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// What the freelancer should get, between nothing and the total.
    pub amount: MoneyInput,
    /// Why, for both sides to read, 1 to 5,000 characters.
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `disputeRecommend`.
    DisputeRecommendPayload {
        /// The dispute, as it is now.
        dispute: Dispute
    }
}

/// What to decide.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct DisputeAwardInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// What the freelancer gets, between nothing and the total.
    pub amount: MoneyInput,
    /// Why, for both sides to read, 1 to 5,000 characters.
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `disputeAward`.
    DisputeAwardPayload {
        /// The dispute, as it is now.
        dispute: Dispute
    }
}

/// What can be done to disputes.
#[derive(Debug, Default)]
pub struct DisputeMutation;

#[Object]
impl DisputeMutation {
    /// Answer a claim, and disagree. Offers can be made from then on, and a mediator can step in.
    async fn dispute_answer(&self, ctx: &Context<'_>, input: DisputeAnswerInput) -> Answer<DisputeAnswerPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.dispute_id.0, input.expected_version);
            ctx.market().dispute_answer(&call, id, expected, &input.answer).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Give in to the other side's claim: it is carried out at once.
    async fn dispute_concede(&self, ctx: &Context<'_>, input: DisputeConcedeInput) -> Answer<DisputeConcedePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().dispute_concede(&call, input.dispute_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Withdraw your own claim: the work goes on where it stood, its clocks as far as they were.
    async fn dispute_withdraw(&self, ctx: &Context<'_>, input: DisputeWithdrawInput) -> Answer<DisputeWithdrawPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().dispute_withdraw(&call, input.dispute_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Offer what the freelancer should get. When the client offers as much as the freelancer asks, or
    /// more, it is settled at once: where they meet, or halfway between, the odd cent to the freelancer.
    async fn dispute_offer(&self, ctx: &Context<'_>, input: DisputeOfferInput) -> Answer<DisputeOfferPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let amount = input.amount.parse("amount")?;
            ctx.market().dispute_offer(&call, input.dispute_id.0, input.expected_version, amount).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Take the mediator's recommendation. When both sides have, it is carried out.
    async fn dispute_accept(&self, ctx: &Context<'_>, input: DisputeAcceptInput) -> Answer<DisputeAcceptPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().dispute_accept(&call, input.dispute_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Do not take the mediator's recommendation. A small claim is heard for free; else each side has
    /// some days to pay for arbitration.
    async fn dispute_refuse(&self, ctx: &Context<'_>, input: DisputeRefuseInput) -> Answer<DisputeRefusePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().dispute_refuse(&call, input.dispute_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// Pay for arbitration, out of your available balance or your organization's credit. When both
    /// sides have paid it is heard; when only one has in time, that side has its way. What a freelancer lacks of the fee
    /// is owed out of the award.
    async fn dispute_pay_fee(&self, ctx: &Context<'_>, input: DisputePayFeeInput) -> Answer<DisputePayFeePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().dispute_pay_fee(&call, input.dispute_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// As a mediator without dealings with a side, recommend an outcome.
    async fn dispute_recommend(
        &self,
        ctx: &Context<'_>,
        input: DisputeRecommendInput,
    ) -> Answer<DisputeRecommendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let verdict = Verdict { to_freelancer: input.amount.parse("amount")?, reason: input.reason.clone() };
            ctx.market().dispute_recommend(&call, input.dispute_id.0, input.expected_version, verdict).await
        };
        answer(outcome.await.map(Dispute))
    }

    /// As an arbiter without dealings with a side, who did not recommend in it, decide a dispute. The
    /// award is carried out at once.
    async fn dispute_award(&self, ctx: &Context<'_>, input: DisputeAwardInput) -> Answer<DisputeAwardPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let verdict = Verdict { to_freelancer: input.amount.parse("amount")?, reason: input.reason.clone() };
            ctx.market().dispute_award(&call, input.dispute_id.0, input.expected_version, verdict).await
        };
        answer(outcome.await.map(Dispute))
    }
}
