//! Offers: what a client proposes to a freelancer, and the freelancer's answer.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::access::Verb;
use domain::contract::Engagement;
use domain::id::{OfferId, OrganizationId, ProposalId, UserId};
use domain::refusal::Refusal;
use infra::offer::OfferTo;
use serde::Serialize;

use crate::act::{Act, acts};
use crate::compliance::ContractClauses;
use crate::connection::{Counted, counted, named};
use crate::context::RabtaContext;
use crate::contract::{Contract, EngagementKind};
use crate::gig::Gig;
use crate::key::Key;
use crate::loader::{OfferMilestones, TaxFormLapsed, list, load};
use crate::milestone::{Milestone, MilestoneStatus};
use crate::money::{Money, MoneyInput};
use crate::organization::Organization;
use crate::proposal::Proposal;
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// An offer.
#[derive(Debug, Clone)]
pub struct Offer(pub domain::offer::Offer);

/// An offer of a client to a freelancer. A fixed-price offer is sent once its first milestone is
/// funded; accepting it makes the contract.
#[Object]
impl Offer {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What the contract will be called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What the client has to say about it.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it stands.
    async fn status(&self) -> OfferStatus {
        self.0.status().into()
    }

    /// How the work will be paid.
    async fn engagement(&self) -> EngagementKind {
        self.0.engagement.into()
    }

    /// For an hour, if it is paid by the hour.
    async fn hourly_rate(&self) -> Option<Money> {
        match self.0.engagement {
            Engagement::Hourly { rate, .. } => Some(rate.into()),
            Engagement::Fixed => None,
        }
    }

    /// The longest week in minutes, if it is paid by the hour.
    async fn weekly_limit_minutes(&self) -> Option<u32> {
        match self.0.engagement {
            Engagement::Hourly { weekly_limit_minutes, .. } => Some(weekly_limit_minutes),
            Engagement::Fixed => None,
        }
    }

    /// The clauses that its contract is made under: where the work is done, and whose it is. Null in what was offered before
    /// there were any.
    async fn clauses(&self) -> Option<ContractClauses> {
        ContractClauses::of_version(self.0.terms.clauses)
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it expires, while it is open.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at()
    }

    /// Why it was declined, in the freelancer's words.
    async fn decline_reason(&self) -> Option<&str> {
        match &self.0.state {
            domain::offer::State::Declined { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Who offers.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// Who is asked.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// The milestones it names, in order.
    async fn milestones(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<MilestoneStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Milestone>> {
        list(
            ctx,
            OfferMilestones(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Milestone::from,
        )
        .await
    }

    /// The proposal it takes up; null for an offer made without one, and for those who may not see it.
    async fn proposal(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Proposal>> {
        let Some(proposal) = self.0.proposal else { return Ok(None) };
        Ok(load(ctx, proposal).await?.map(Proposal))
    }

    /// The gig it is about, if it is about one that you may see.
    async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        let Some(gig) = self.0.gig else { return Ok(None) };
        Ok(load(ctx, gig).await?.map(Gig))
    }

    /// The contract it became.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        Ok(load(ctx, self.0.contract).await?.map(Contract))
    }

    /// What you can do to it now, by the names of the mutations.
    async fn allowed(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Act>> {
        Ok(acts(&self.can(ctx).await?))
    }

    /// Can you accept it now?
    async fn viewer_can_accept(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::OfferAccept))
    }

    /// Can you withdraw it now?
    async fn viewer_can_withdraw(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::OfferWithdraw))
    }
}

impl Offer {
    /// What the viewer can do to it now.
    async fn can(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Verb>> {
        let (actor, now) = (ctx.actor(), ctx.market().clock().now());
        let can = self.0.allowed_at(&actor, now, false);
        if !can.contains(&Verb::OfferAccept) {
            return Ok(can);
        }
        let lapsed = load(ctx, TaxFormLapsed(self.0.freelancer)).await?.unwrap_or(false);
        Ok(self.0.allowed_at(&actor, now, lapsed))
    }
}

/// Where an offer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::offer::Status")]
pub enum OfferStatus {
    /// Only the client sees it.
    Draft,
    /// It waits for the money of its first milestone.
    PendingFunding,
    /// The freelancer decides.
    Sent,
    /// The contract exists.
    Accepted,
    /// The freelancer said no.
    Declined,
    /// The client took it back.
    Withdrawn,
    /// Nobody answered in time.
    Expired,
}

/// A milestone of an offer.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferMilestoneInput {
    /// What it is called, 1 to 120 characters.
    pub title: String,
    /// What is to be done, up to 5,000 characters.
    #[graphql(default)]
    pub description: String,
    /// What it is worth.
    pub amount: MoneyInput,
    /// When it is wanted.
    pub due_at: Option<Timestamp>,
}

/// An offer to a freelancer.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferCreateInput {
    /// Who offers.
    pub organization_id: Option<Key<OrganizationId>>,
    /// Who is asked.
    pub freelancer_id: Option<Key<UserId>>,
    /// The proposal you take up. Or else name the freelancer and your organization.
    pub proposal_id: Option<Key<ProposalId>>,
    /// What the contract will be called, 3 to 120 characters.
    pub title: String,
    /// What you have to say about it, up to 5,000 characters.
    #[graphql(default)]
    pub message: String,
    /// The milestones of a fixed price, 1 to 20. The first is funded before the offer is sent.
    #[graphql(default)]
    pub milestones: Vec<OfferMilestoneInput>,
    /// For an hour: makes it an offer by the hour, without milestones.
    pub hourly_rate: Option<MoneyInput>,
    /// The longest week in minutes, for work by the hour: no more than the terms allow.
    #[graphql(default = 2400)]
    pub weekly_limit_minutes: u32,
    /// Keep it as a draft for now; `offerSend` sends it.
    #[graphql(default)]
    pub draft: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which offer, and which version of it was seen.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferSendInput {
    /// The offer.
    pub offer_id: Key<OfferId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which offer, and which version of it was seen.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferWithdrawInput {
    /// The offer.
    pub offer_id: Key<OfferId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which offer, and which version of it was seen.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferAcceptInput {
    /// The offer.
    pub offer_id: Key<OfferId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which offer, which version of it was seen, and why not.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OfferDeclineInput {
    /// The offer.
    pub offer_id: Key<OfferId>,
    /// Why, for the client to read; up to 2,000 characters.
    #[graphql(default)]
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `offerCreate`.
    OfferCreatePayload {
        /// The new offer.
        offer: Offer
    }
}
payload! {
    /// The answer to `offerSend`.
    OfferSendPayload {
        /// The offer, as it is now.
        offer: Offer
    }
}
payload! {
    /// The answer to `offerWithdraw`.
    OfferWithdrawPayload {
        /// The offer, as it is now.
        offer: Offer
    }
}
payload! {
    /// The answer to `offerAccept`.
    OfferAcceptPayload {
        /// The contract that began.
        contract: Contract
    }
}
payload! {
    /// The answer to `offerDecline`.
    OfferDeclinePayload {
        /// The offer, as it is now.
        offer: Offer
    }
}

/// Looking at offers.
#[derive(Debug, Default)]
pub struct OfferQuery;

#[Object]
impl OfferQuery {
    /// The offer with this id, if you are a party to it.
    async fn offer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the offer.")] id: Key<OfferId>,
    ) -> async_graphql::Result<Option<Offer>> {
        Ok(load(ctx, id.0).await?.map(Offer))
    }
}

/// What can be done to offers.
#[derive(Debug, Default)]
pub struct OfferMutation;

#[Object]
impl OfferMutation {
    /// Make an offer to a freelancer. At a fixed price it waits for its first milestone to be funded
    /// (`milestoneFund`) and is sent then; by the hour it is sent at once.
    async fn offer_create(&self, ctx: &Context<'_>, input: OfferCreateInput) -> Answer<OfferCreatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let engagement = match &input.hourly_rate {
                None => Engagement::Fixed,
                Some(rate) => Engagement::Hourly {
                    rate: rate.parse("hourlyRate")?,
                    weekly_limit_minutes: input.weekly_limit_minutes,
                },
            };
            let mut milestones = Vec::new();
            for (place, typed) in input.milestones.iter().enumerate() {
                milestones.push(domain::offer::MilestoneInput {
                    title: typed.title.clone(),
                    description: typed.description.clone(),
                    amount: typed.amount.parse(&format!("milestones.{place}.amount"))?,
                    due: typed.due_at,
                });
            }
            let to = match (input.proposal_id, input.organization_id, input.freelancer_id) {
                (Some(proposal), ..) => OfferTo::Proposal(proposal.0),
                (None, Some(client), Some(freelancer)) => {
                    OfferTo::Freelancer { client: client.0, freelancer: freelancer.0 }
                }
                (None, ..) => {
                    let message = "name the proposal you take up, or else organizationId and freelancerId";
                    return Err(Refusal::field("proposalId", "REQUIRED", message).into());
                }
            };
            let input = infra::offer::OfferInput {
                to,
                title: input.title.clone(),
                message: input.message.clone(),
                engagement,
                milestones,
                draft: input.draft,
            };
            ctx.market().offer_create(&call, input).await
        };
        answer(outcome.await.map(Offer))
    }

    /// Send a draft.
    async fn offer_send(&self, ctx: &Context<'_>, input: OfferSendInput) -> Answer<OfferSendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().offer_send(&call, input.offer_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Offer))
    }

    /// Take an offer back before it is answered. What was funded comes back whole, as credit.
    async fn offer_withdraw(&self, ctx: &Context<'_>, input: OfferWithdrawInput) -> Answer<OfferWithdrawPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().offer_withdraw(&call, input.offer_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Offer))
    }

    /// Accept an offer. The contract begins.
    async fn offer_accept(&self, ctx: &Context<'_>, input: OfferAcceptInput) -> Answer<OfferAcceptPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().offer_accept(&call, input.offer_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Contract))
    }

    /// Decline an offer. The client gets back what was funded.
    async fn offer_decline(&self, ctx: &Context<'_>, input: OfferDeclineInput) -> Answer<OfferDeclinePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().offer_decline(&call, input.offer_id.0, input.expected_version, &input.reason).await
        };
        answer(outcome.await.map(Offer))
    }
}
