//! Milestones: the work, and the way of its money.

mod act;

use std::borrow::Cow;

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::Timestamp;
use domain::access::Verb;
use domain::contract::Contract as Deal;
use domain::id::MilestoneId;
use domain::milestone::{Milestone as Known, State};
use domain::refusal::Refusal;
use infra::milestone::{Outline, Seen};

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

/// A milestone, as far as it was read: what lists do not show is read when it is asked for.
#[derive(Debug, Clone)]
pub struct Milestone(pub Seen);

/// The fields of a milestone for which an outline of it is enough.
pub const OUTLINED: [&str; 9] =
    ["id", "kind", "title", "description", "dueAt", "amount", "status", "version", "__typename"];

/// A piece of work with a price. The money is held for it before work begins, and released for it.
#[Object]
impl Milestone {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.key().to_string().into()
    }

    /// Work, or something given on top.
    async fn kind(&self) -> MilestoneKind {
        self.each(|outline| outline.kind, |milestone| milestone.kind).into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        self.each(|outline| &outline.title, |milestone| &milestone.title)
    }

    /// What is to be done.
    async fn description(&self) -> &str {
        self.each(|outline| &outline.description, |milestone| &milestone.description)
    }

    /// When it is wanted.
    async fn due_at(&self) -> Option<Timestamp> {
        self.each(|outline| outline.due, |milestone| milestone.due)
    }

    /// What it is worth.
    async fn amount(&self) -> Money {
        self.each(|outline| outline.amount, |milestone| milestone.amount).into()
    }

    /// Where it stands.
    async fn status(&self) -> MilestoneStatus {
        self.each(|outline| outline.status, |milestone| milestone.status()).into()
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.each(|outline| outline.version, |milestone| milestone.version)
    }

    /// When silence approves the submitted work.
    async fn approves_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(match &self.whole(ctx).await?.state {
            State::Submitted { approves_at, .. } => Some(*approves_at),
            _ => None,
        })
    }

    /// When approved money becomes available to the freelancer.
    async fn releases_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(self.whole(ctx).await?.holds.iter().map(|hold| hold.releases_at).max())
    }

    /// When it goes dormant, if nothing happens on it until then; null while no money is held for work to come.
    async fn dormant_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(self.whole(ctx).await?.dormant_at())
    }

    /// When the money of a dormant one goes back to the client, unless a side goes on with it before: `milestoneKeep`.
    async fn refunds_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(self.whole(ctx).await?.refunds_at())
    }

    /// For how many days what is approved is held before it is available. While no money has come it is what the terms
    /// say; when it comes it is settled, before work begins, and stays. It is more, up to the `riskHoldDays` of the terms,
    /// if a bank took back a payment of this client's within their `riskDays` before, and did not give it back: a payment
    /// for this may be taken back, too, and is noticed meanwhile.
    async fn hold_days(&self, ctx: &Context<'_>) -> async_graphql::Result<u16> {
        Ok(self.whole(ctx).await?.held_days())
    }

    /// What the client wants changed.
    async fn change_note(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(match &self.whole(ctx).await?.state {
            State::ChangesRequested { note, .. } => Some(note.clone()),
            _ => None,
        })
    }

    /// How much the client asks back, and when silence decides.
    async fn refund_request(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<RefundRequest>> {
        Ok(match &self.whole(ctx).await?.state {
            State::RefundRequested { amount, resolves_at, .. } => {
                Some(RefundRequest { amount: (*amount).into(), resolves_at: *resolves_at })
            }
            _ => None,
        })
    }

    /// How often changes were requested.
    async fn rounds(&self, ctx: &Context<'_>) -> async_graphql::Result<u16> {
        Ok(self.whole(ctx).await?.rounds)
    }

    /// By how many hours outages have moved its deadlines so far.
    async fn grace_hours(&self, ctx: &Context<'_>) -> async_graphql::Result<u16> {
        Ok(self.whole(ctx).await?.grace_hours)
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
        list(ctx, MilestoneGrants(self.key()), page(first, after, last, before), OutageGrant).await
    }

    /// Where its money is: funded = held + released + fee + refunded + charged back.
    async fn money(&self, ctx: &Context<'_>) -> async_graphql::Result<MilestoneMoney> {
        let escrow = self.whole(ctx).await?.escrow;
        let parts = escrow.parts();
        let funded = escrow.funded().map_err(|error| top_level(error.into()))?;
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
    async fn quote(&self, ctx: &Context<'_>) -> async_graphql::Result<FeeQuote> {
        Ok(self.whole(ctx).await?.quote().map_err(|error| top_level(error.into()))?.into())
    }

    /// The last payment for it; only the client sees payments.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        Ok(load(ctx, PaymentOf::Milestone(self.key())).await?.map(Payment))
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
        list(ctx, MilestoneSubmissions(self.key()), page(first, after, last, before), Submission::from).await
    }

    /// The dispute over it, or the last one if none is on.
    async fn dispute(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Dispute>> {
        Ok(load(ctx, DisputeOf(self.key())).await?.map(Dispute))
    }

    /// The contract it belongs to; null while its offer is not accepted.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        let contract = self.each(|outline| Some(outline.contract), |milestone| milestone.contract);
        let Some(id) = contract else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Contract))
    }

    /// The offer that names it; null for one that was agreed on later. With the money of the first of them it is sent.
    async fn offer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Offer>> {
        let Some(id) = self.whole(ctx).await?.offer else { return Ok(None) };
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
    async fn viewer_can_submit(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.whole(ctx).await?.allowed(&ctx.actor()).contains(&Verb::MilestoneSubmit))
    }

    /// Can you approve it now?
    async fn viewer_can_approve(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.whole(ctx).await?.allowed(&ctx.actor()).contains(&Verb::MilestoneApprove))
    }
}

impl From<Known> for Milestone {
    fn from(milestone: Known) -> Self {
        Self(milestone.into())
    }
}

impl Milestone {
    /// What an outline of it says, too, out of either.
    fn each<'a, T>(&'a self, outlined: impl FnOnce(&'a Outline) -> T, known: impl FnOnce(&'a Known) -> T) -> T {
        match &self.0 {
            Seen::Outline(outline) => outlined(outline),
            Seen::Whole(milestone) => known(milestone),
        }
    }

    fn key(&self) -> MilestoneId {
        self.each(|outline| outline.id, |milestone| milestone.id)
    }

    /// All of it: where only an outline was read, the others of its list are read along with it.
    async fn whole(&self, ctx: &Context<'_>) -> async_graphql::Result<Cow<'_, Known>> {
        match &self.0 {
            Seen::Whole(milestone) => Ok(Cow::Borrowed(milestone)),
            Seen::Outline(outline) => {
                let milestone = load(ctx, outline.id).await?;
                milestone.map(Cow::Owned).ok_or_else(|| top_level(Refusal::HIDDEN.into()))
            }
        }
    }

    /// What the viewer can do to it now: its contract, or its offer, may stand against it.
    async fn can(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Verb>> {
        let (milestone, actor) = (self.whole(ctx).await?, ctx.actor());
        let milestone = milestone.as_ref();
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
        Ok(load(ctx, self.0.milestone).await?.map(Milestone::from))
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
        Ok(load(ctx, id.0).await?.map(Milestone::from))
    }
}
