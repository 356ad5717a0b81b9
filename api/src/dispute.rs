//! Disputes: what both sides and the mediators need to see.

mod act;
mod evidence;

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::Timestamp;
use domain::access::Verb;
use domain::dispute::{CaseId, DisputeState};
use domain::id::DisputeId;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named, page};
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::key::Key;
use crate::loader::{DisputeEvidence, VerbsOf, list, load};
use crate::milestone::Milestone;
use crate::money::Money;
use crate::organization::Organization;
use crate::timesheet::Timesheet;
use crate::user::User;
use crate::user_error::top_level;

pub use act::DisputeMutation;
pub use evidence::{Evidence, EvidenceMutation};

/// A dispute.
#[derive(Debug, Clone)]
pub struct Dispute(pub domain::dispute::Dispute);

/// A disagreement over money that is held. Every amount in it is what the freelancer gets, before our
/// fee; the rest of the total goes back to the client.
#[Object]
impl Dispute {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> DisputeStatus {
        (&self.0.state).into()
    }

    /// Counts up with every step; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Who opened it.
    async fn claimant(&self) -> Side {
        self.0.claimant.into()
    }

    /// Why, in the claimant's words.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What the other side says to it; null until it has answered.
    async fn answer(&self) -> Option<&str> {
        self.0.answer.as_deref()
    }

    /// How much is in dispute: what was held when it was opened. What a bank had taken before, and gives back, is divided in the
    /// same proportion as this is.
    async fn total(&self) -> Money {
        self.0.total.into()
    }

    /// What the freelancer gets if the claimant has its way.
    async fn claim(&self) -> Money {
        self.0.claim.into()
    }

    /// The last offer of each side. When the client offers as much as the freelancer asks, or more,
    /// it is settled at once.
    async fn offers(&self) -> DisputeOffers {
        DisputeOffers {
            client: self.0.offers.client.map(Money::from),
            freelancer: self.0.offers.freelancer.map(Money::from),
        }
    }

    /// What a mediator recommended.
    async fn recommendation(&self) -> Option<DisputeFinding> {
        self.0.recommendation().cloned().map(DisputeFinding)
    }

    /// What the arbiter decided.
    async fn award(&self) -> Option<DisputeFinding> {
        self.0.award_given().cloned().map(DisputeFinding)
    }

    /// Which sides have taken the recommendation; null when there is none to take.
    async fn accepted(&self) -> Option<DisputeSides> {
        match &self.0.state {
            DisputeState::Recommended { accepted, .. } => Some((*accepted).into()),
            _ => None,
        }
    }

    /// Which sides have paid for arbitration; null when nothing is to be paid.
    async fn fee_paid(&self) -> Option<DisputeSides> {
        match &self.0.state {
            DisputeState::Arbitration { paid, .. } => Some((*paid).into()),
            _ => None,
        }
    }

    /// What each side pays for arbitration, out of its credit or available balance.
    async fn arbitration_fee(&self) -> Money {
        self.0.terms.arbitration_fee.into()
    }

    /// Is it small enough to be heard without a fee?
    async fn is_small_claim(&self) -> async_graphql::Result<bool> {
        self.0.is_small_claim().map_err(|error| top_level(error.into()))
    }

    /// When silence decides: the claim stands unanswered, the recommendation stands, or arbitration
    /// is left to the side that paid. Null while nobody is waited for, or a mediator is.
    async fn deadline(&self) -> Option<Timestamp> {
        self.0.deadline()
    }

    /// How it was decided; null while it is not.
    async fn outcome(&self) -> Option<DisputeOutcome> {
        match &self.0.state {
            DisputeState::Executed { outcome, to_freelancer, executed_at } => Some(DisputeOutcome {
                how: (*outcome).into(),
                to_freelancer: (*to_freelancer).into(),
                executed_at: *executed_at,
            }),
            _ => None,
        }
    }

    /// When it was opened.
    async fn opened_at(&self) -> Timestamp {
        self.0.opened_at
    }

    /// The milestone it is about, if it is about one.
    async fn milestone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Milestone>> {
        let CaseId::Milestone(id) = self.0.case else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Milestone::from))
    }

    /// The week of disputed entries it is about, if it is about one.
    async fn timesheet(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timesheet>> {
        let CaseId::Timesheet(id) = self.0.case else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Timesheet))
    }

    /// The contract it is about.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        let Some(id) = self.0.contract else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Contract))
    }

    /// The side that pays.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// The side that works.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// What both sides brought forward, oldest first.
    async fn evidence(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Evidence>> {
        list(ctx, DisputeEvidence(self.0.id), page(first, after, last, before), Evidence).await
    }

    /// What you can do to it now, by the names of the mutations.
    async fn allowed(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Act>> {
        Ok(acts(&self.can(ctx).await?))
    }

    /// Which side you are on; null for mediators.
    async fn viewer_side(&self, ctx: &Context<'_>) -> Option<Side> {
        self.0.side(&ctx.actor()).map(Side::from)
    }

    /// Can you answer it now?
    async fn viewer_can_answer(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::DisputeAnswer)
    }

    /// Can you make an offer now?
    async fn viewer_can_offer(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::DisputeOffer)
    }

    /// Can you bring evidence forward now?
    async fn viewer_can_add_evidence(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::EvidenceAdd)
    }

    /// Can you recommend an outcome now?
    async fn viewer_can_recommend(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::DisputeRecommend))
    }

    /// Can you decide it now?
    async fn viewer_can_award(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::DisputeAward))
    }
}

impl Dispute {
    async fn can(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Verb>> {
        Ok(load(ctx, VerbsOf((&self.0).into())).await?.unwrap_or_default())
    }
}

/// A verdict of somebody who judges: what the freelancer should get, and why.
#[derive(Debug, Clone)]
pub struct DisputeFinding(domain::dispute::Finding);

/// What somebody who judges found.
#[Object]
impl DisputeFinding {
    /// What the freelancer should get, before our fee.
    async fn to_freelancer(&self) -> Money {
        self.0.to_freelancer.into()
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Who.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.by).await?.map(User))
    }
}

/// The last offer of each side of a dispute.
#[derive(Debug, Clone, SimpleObject)]
pub struct DisputeOffers {
    /// What the client offers that the freelancer gets.
    pub client: Option<Money>,
    /// What the freelancer asks to get.
    pub freelancer: Option<Money>,
}

/// A yes or no of each side of a dispute.
#[derive(Debug, Clone, SimpleObject)]
pub struct DisputeSides {
    /// The client.
    pub client: bool,
    /// The freelancer.
    pub freelancer: bool,
}

impl From<domain::dispute::Both<bool>> for DisputeSides {
    fn from(both: domain::dispute::Both<bool>) -> Self {
        Self { client: both.client, freelancer: both.freelancer }
    }
}

/// How a dispute ended.
#[derive(Debug, Clone, SimpleObject)]
pub struct DisputeOutcome {
    /// By what.
    pub how: DisputeOutcomeKind,
    /// What the freelancer gets, before our fee.
    pub to_freelancer: Money,
    /// When it was carried out.
    pub executed_at: Timestamp,
}

/// By what a dispute was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::dispute::Outcome")]
pub enum DisputeOutcomeKind {
    /// The other side agreed to the claim.
    Conceded,
    /// The other side was silent.
    Silence,
    /// The two sides' offers met.
    Settled,
    /// Both took the recommendation, or let it stand.
    Recommended,
    /// Only one side paid for arbitration.
    OneSidePaid,
    /// The arbiter decided.
    Awarded,
}

/// A side of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::milestone::Side")]
pub enum Side {
    /// Who pays.
    Client,
    /// Who works.
    Freelancer,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum DisputeStatus {
    /// It waits for the other side's answer; silence concedes.
    Opened,
    /// The other side answered; offers can be made, and a mediator can step in.
    Answered,
    /// Offers are on the table.
    Negotiating,
    /// A mediator recommended an outcome; silence lets it stand.
    Recommended,
    /// The recommendation was refused; each side may pay for arbitration.
    Arbitration,
    /// It waits for the arbiter.
    Hearing,
    /// Decided, and carried out.
    Executed,
    /// The claimant withdrew it.
    Withdrawn,
    /// The client's bank took the money, and there was nothing left to decide.
    Closed,
}

impl From<&DisputeState> for DisputeStatus {
    fn from(state: &DisputeState) -> Self {
        match state {
            DisputeState::Opened { .. } => Self::Opened,
            DisputeState::Answered { .. } => Self::Answered,
            DisputeState::Negotiating { .. } => Self::Negotiating,
            DisputeState::Recommended { .. } => Self::Recommended,
            DisputeState::Arbitration { .. } => Self::Arbitration,
            DisputeState::Hearing { .. } => Self::Hearing,
            DisputeState::Executed { .. } => Self::Executed,
            DisputeState::Withdrawn { .. } => Self::Withdrawn,
            DisputeState::Closed { .. } => Self::Closed,
        }
    }
}

/// The disputes of the signed-in person.
#[derive(Debug)]
pub struct DisputeViewer;

#[Object]
impl DisputeViewer {
    /// The disputes you are a side of, as a freelancer or for an organization of yours, newest first.
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<DisputeStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Dispute>> {
        connect(
            ctx.market()
                .disputes_of_viewer(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
                .await,
            Dispute,
        )
    }
}

/// Looking at disputes.
#[derive(Debug, Default)]
pub struct DisputeQuery;

#[Object]
impl DisputeQuery {
    /// The dispute with this id, if you are a side of it, or judge disputes.
    async fn dispute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the dispute.")] id: Key<DisputeId>,
    ) -> async_graphql::Result<Option<Dispute>> {
        Ok(load(ctx, id.0).await?.map(Dispute))
    }

    /// For mediators and admins: the disputes that wait for one of them, oldest first, without those
    /// you can't judge. Null for everybody else.
    async fn dispute_queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<DisputeStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<Dispute>>> {
        let queue = ctx
            .market()
            .dispute_queue(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
            .await;
        queue.transpose().map(|queue| connect(queue, Dispute)).transpose()
    }
}
