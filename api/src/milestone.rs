//! Milestones: the work, and the way of its money.

mod act;

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::Timestamp;
use domain::access::Verb;
use domain::contract::Contract as Deal;
use domain::id::MilestoneId;
use domain::milestone::State;

use crate::act::{Act, acts};
use crate::connection::page;
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::dispute::Dispute;
use crate::key::Key;
use crate::loader::{DisputeOf, MilestoneGrants, MilestoneSubmissions, PaymentOf, list, load};
use crate::money::Money;
use crate::offer::Offer;
use crate::outage::OutageGrant;
use crate::payment::{FeeQuote, Payment};
use crate::user::User;
use crate::user_error::top_level;

pub use act::MilestoneMutation;

/// A milestone.
#[derive(Debug, Clone)]
pub struct Milestone(pub domain::milestone::Milestone);

/// A piece of work with a price. The money is held for it before work begins, and released for it.
#[Object]
impl Milestone {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Work, or something given on top.
    async fn kind(&self) -> MilestoneKind {
        self.0.kind.into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What is to be done.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// When it is wanted.
    async fn due_at(&self) -> Option<Timestamp> {
        self.0.due
    }

    /// What it is worth.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// Where it stands.
    async fn status(&self) -> MilestoneStatus {
        self.0.status().into()
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// When silence approves the submitted work.
    async fn approves_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            State::Submitted { approves_at, .. } => Some(*approves_at),
            _ => None,
        }
    }

    /// When approved money becomes available to the freelancer.
    async fn releases_at(&self) -> Option<Timestamp> {
        self.0.holds.iter().map(|hold| hold.releases_at).max()
    }

    /// When it goes dormant, if nothing happens on it until then; null while no money is held for work to come.
    async fn dormant_at(&self) -> Option<Timestamp> {
        self.0.dormant_at()
    }

    /// When the money of a dormant one goes back to the client, unless a side goes on with it before: `milestoneKeep`.
    async fn refunds_at(&self) -> Option<Timestamp> {
        self.0.refunds_at()
    }

    /// For how many days what is approved is held before it is available. While no money has come it is what the terms
    /// say; when it comes it is settled, before work begins, and stays. It is more, up to the `riskHoldDays` of the terms,
    /// if a bank took back a payment of this client's within their `riskDays` before, and did not give it back: a payment
    /// for this may be taken back, too, and is noticed meanwhile.
    async fn hold_days(&self) -> u16 {
        self.0.held_days()
    }

    /// What the client wants changed.
    async fn change_note(&self) -> Option<&str> {
        match &self.0.state {
            State::ChangesRequested { note, .. } => Some(note),
            _ => None,
        }
    }

    /// How much the client asks back, and when silence decides.
    async fn refund_request(&self) -> Option<RefundRequest> {
        match &self.0.state {
            State::RefundRequested { amount, resolves_at, .. } => {
                Some(RefundRequest { amount: (*amount).into(), resolves_at: *resolves_at })
            }
            _ => None,
        }
    }

    /// How often changes were requested.
    async fn rounds(&self) -> u16 {
        self.0.rounds
    }

    /// By how many hours outages have moved its deadlines so far.
    async fn grace_hours(&self) -> u16 {
        self.0.grace_hours
    }

    /// The outages that gave it time, the latest declared first.
    async fn outage_grants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, OutageGrant>> {
        list(ctx, MilestoneGrants(self.0.id), page(first, after, last, before), OutageGrant).await
    }

    /// Where its money is: funded = held + released + fee + refunded + charged back.
    async fn money(&self) -> async_graphql::Result<MilestoneMoney> {
        let parts = self.0.escrow.parts();
        let funded = self.0.escrow.funded().map_err(|error| top_level(error.into()))?;
        Ok(MilestoneMoney {
            funded: funded.into(),
            held: parts.held.into(),
            released: parts.released_net.into(),
            fee: parts.fee.into(),
            refunded: parts.refunded.into(),
            charged_back: parts.charged_back.into(),
        })
    }

    /// What each side would pay and get for what is still to be funded.
    async fn quote(&self) -> async_graphql::Result<FeeQuote> {
        Ok(self.0.quote().map_err(|error| top_level(error.into()))?.into())
    }

    /// The last payment for it; only the client sees payments.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        Ok(load(ctx, PaymentOf::Milestone(self.0.id)).await?.map(Payment))
    }

    /// The work that was handed in, newest first.
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Submission>> {
        list(ctx, MilestoneSubmissions(self.0.id), page(first, after, last, before), Submission::from).await
    }

    /// The dispute over it, or the last one if none is on.
    async fn dispute(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Dispute>> {
        Ok(load(ctx, DisputeOf(self.0.id)).await?.map(Dispute))
    }

    /// The contract it belongs to; null while its offer is not accepted.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        let Some(id) = self.0.contract else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Contract))
    }

    /// The offer that names it; null for one that was agreed on later. With the money of the first of them it is sent.
    async fn offer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Offer>> {
        let Some(id) = self.0.offer else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Offer))
    }

    /// What you can do to it now, by the names of the mutations.
    async fn allowed(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Act>> {
        Ok(acts(&self.can(ctx).await?))
    }

    /// Can you fund it now?
    async fn viewer_can_fund(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::MilestoneFund))
    }

    /// Can you hand in work now?
    async fn viewer_can_submit(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::MilestoneSubmit)
    }

    /// Can you approve it now?
    async fn viewer_can_approve(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::MilestoneApprove)
    }
}

impl Milestone {
    /// What the viewer can do to it now: its contract, or its offer, may stand against it.
    async fn can(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Verb>> {
        let (milestone, actor) = (&self.0, ctx.actor());
        let allowed = milestone.allowed(&actor);
        if !allowed.iter().copied().any(Deal::has_a_say_in) {
            return Ok(allowed);
        }
        let now = ctx.market().clock().now();
        let can = match (milestone.contract, milestone.offer) {
            (Some(contract), _) => load(ctx, contract).await?.map(|deal| deal.allowed_on(milestone, &actor, now)),
            (None, Some(offer)) => load(ctx, offer).await?.map(|offer| offer.allowed_on(milestone, &actor)),
            (None, None) => None,
        };
        Ok(can.unwrap_or(allowed))
    }
}

/// Where the money of a milestone is.
#[derive(Debug, Clone, SimpleObject)]
pub struct MilestoneMoney {
    /// All that was put in.
    pub funded: Money,
    /// In escrow now.
    pub held: Money,
    /// Gone to the freelancer, after the fee.
    pub released: Money,
    /// Gone to us out of what was released.
    pub fee: Money,
    /// Gone back to the client.
    pub refunded: Money,
    /// Taken back by the client's bank.
    pub charged_back: Money,
}

/// A client's request for money back.
#[derive(Debug, Clone, SimpleObject)]
pub struct RefundRequest {
    /// How much.
    pub amount: Money,
    /// When silence decides.
    pub resolves_at: Timestamp,
}

/// Work that was handed in.
#[derive(Debug, Clone)]
pub struct Submission(domain::submission::Submission);

/// Work that was handed in.
#[Object]
impl Submission {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The milestone it is for.
    async fn milestone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Milestone>> {
        Ok(load(ctx, self.0.milestone).await?.map(Milestone))
    }

    /// Who handed it in.
    async fn author(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.author).await?.map(User))
    }

    /// What the freelancer says about it.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Where the work is; at most 20 addresses.
    async fn links(&self) -> &[String] {
        &self.0.links
    }

    /// When it was handed in.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

impl From<domain::submission::Submission> for Submission {
    fn from(submission: domain::submission::Submission) -> Self {
        Self(submission)
    }
}

/// What a milestone pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::milestone::Kind")]
pub enum MilestoneKind {
    /// Work that is submitted and approved.
    Work,
    /// A bonus on top: approved as soon as it is paid.
    Bonus,
    /// A tip: the same, at the rate for tips.
    Tip,
}

/// Where a milestone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::milestone::Status")]
pub enum MilestoneStatus {
    /// One side proposed it.
    Proposed,
    /// Both sides agree; it waits for money.
    Agreed,
    /// The processor was asked for the money.
    Funding,
    /// The money is held, and work can begin.
    Funded,
    /// Work waits for the client.
    Submitted,
    /// The client asked for changes.
    ChangesRequested,
    /// Accepted, and in its security hold.
    Approved,
    /// The freelancer has the money.
    Released,
    /// The client asks for money back.
    RefundRequested,
    /// The client has the money back.
    Refunded,
    /// A dispute is on; clocks stand still.
    Disputed,
    /// A dispute divided the money.
    Split,
    /// Nothing happened for long; each side is asked whether it goes on.
    Dormant,
    /// The freelancer gave back money that had been released.
    RefundedAfter,
    /// The client's bank took the money back.
    ChargedBack,
    /// Called off before there was money in it.
    Cancelled,
}

/// Looking at milestones.
#[derive(Debug, Default)]
pub struct MilestoneQuery;

#[Object]
impl MilestoneQuery {
    /// The milestone with this id, if you are a party to it.
    async fn milestone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the milestone.")] id: Key<MilestoneId>,
    ) -> async_graphql::Result<Option<Milestone>> {
        Ok(load(ctx, id.0).await?.map(Milestone))
    }
}
