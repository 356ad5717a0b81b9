//! Freelancers' proposals.

mod input;

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::ProposalId;
use infra::proposal::RevisionBody;
use serde::Serialize;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named, page};
use crate::context::RabtaContext;
use crate::conversation::Conversation;
use crate::gig::Gig;
use crate::invitation::{Invitation, InvitationState};
use crate::key::Key;
use crate::loader::{ConversationBetween, FitOf, OfferOn, ProposalRevisions, list, load};
use crate::matching::micro;
use crate::money::Money;
use crate::offer::Offer;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

pub use self::input::*;

/// A freelancer's proposal.
#[derive(Debug, Clone)]
pub struct Proposal(pub domain::proposal::Proposal);

/// A freelancer's proposal for a gig. The client's members and the freelancer see it; a draft only
/// the freelancer.
#[Object]
impl Proposal {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The gig it is for.
    pub async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        Ok(load(ctx, self.0.gig).await?.map(Gig))
    }

    /// Who proposes.
    pub async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// What its freelancer and the client write to each other, if they have written; for the two of them alone.
    pub async fn conversation(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Conversation>> {
        Ok(load(ctx, ConversationBetween((self.0.client, self.0.freelancer))).await?.map(Conversation))
    }

    /// The letter to the client.
    pub async fn cover_letter(&self) -> &str {
        &self.0.terms.cover_letter
    }

    /// What the work would cost, as the freelancer proposed it last. What the client countered with is
    /// the latest of `revisions`.
    pub async fn price(&self) -> ProposedPrice {
        ProposedPrice::of(&self.0.terms.price)
    }

    /// The answers to the screening questions; at most 10.
    pub async fn answers(&self) -> Vec<ScreeningAnswer> {
        self.0.terms.answers.iter().map(ScreeningAnswer::of).collect()
    }

    /// Where it stands.
    pub async fn state(&self) -> ProposalState {
        self.0.status().into()
    }

    /// What the client proposes instead, while that waits for an answer.
    pub async fn counter_offer(&self) -> Option<CounterOffer> {
        match &self.0.state {
            domain::proposal::ProposalState::Countered { counter, .. } => Some(CounterOffer::of(counter)),
            _ => None,
        }
    }

    /// Why the client declined it, if they did.
    pub async fn decline_reason(&self) -> Option<ProposalDeclineReason> {
        match &self.0.state {
            domain::proposal::ProposalState::Declined { reason, .. } => Some((*reason).into()),
            _ => None,
        }
    }

    /// A word of the client with it, if there is one.
    pub async fn decline_note(&self) -> Option<&str> {
        match &self.0.state {
            domain::proposal::ProposalState::Declined { note, .. } if !note.is_empty() => Some(note),
            _ => None,
        }
    }

    /// The latest offer on it that you may see: its freelancer sees what was sent.
    pub async fn offer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Offer>> {
        Ok(load(ctx, OfferOn(self.0.id)).await?.map(Offer))
    }

    /// How well its freelancer fits the gig, as a rough chance between 0 and 1, for a badge: what `orderBy: FIT` goes by,
    /// and `explainMatch` explains. Only those who see the gig's `matches` see it; null for who has no profile that they
    /// may see.
    pub async fn fit(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<f64>> {
        if !access::allows(&ctx.actor(), Verb::GigMatches, &Subject::of_client(self.0.client)) {
            return Ok(None);
        }
        Ok(load(ctx, FitOf((self.0.gig, self.0.freelancer))).await?.map(|chance| micro(chance.as_micro())))
    }

    /// What each side proposed, the latest first.
    pub async fn revisions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Revision>> {
        list(ctx, ProposalRevisions(self.0.id), page(first, after, last, before), Revision).await
    }

    /// Counts the changes: send it back, so that you don't answer what you did not see.
    pub async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it was submitted.
    pub async fn submitted_at(&self) -> Option<Timestamp> {
        self.0.submitted_at
    }

    /// When the client first opened it.
    pub async fn viewed_at(&self) -> Option<Timestamp> {
        self.0.viewed_at
    }

    /// What you can do to it now, by the names of the mutations.
    pub async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        let verbs = self.0.allowed(&ctx.actor());
        acts(&verbs)
    }
}

/// What the work would cost: milestones, or a rate.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedPrice {
    /// The milestones of a fixed price, in their order; at most 20.
    pub milestones: Vec<ProposedMilestone>,
    /// The rate for an hour.
    pub hourly_rate: Option<Money>,
}

/// A part of the work with a price of its own.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedMilestone {
    /// What it delivers.
    pub title: String,
    /// What it costs.
    pub amount: Money,
    /// When it would be done.
    pub due_on: Option<chrono::NaiveDate>,
}

/// An answer to a screening question.
#[derive(Debug, Clone, SimpleObject)]
pub struct ScreeningAnswer {
    /// The id of the question.
    pub question_id: ID,
    /// The question as it was asked.
    pub asked: String,
    /// The answer.
    pub text: String,
}

/// What the client proposes instead.
#[derive(Debug, Clone, SimpleObject)]
pub struct CounterOffer {
    /// The price.
    pub price: ProposedPrice,
    /// A word to the freelancer.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
}

impl ProposedPrice {
    fn of(price: &domain::proposal::Price) -> Self {
        match price {
            domain::proposal::Price::Hourly { rate } => {
                Self { milestones: Vec::new(), hourly_rate: (!rate.is_zero()).then(|| (*rate).into()) }
            }
            domain::proposal::Price::Fixed { milestones } => {
                let milestone = |milestone: &domain::proposal::ProposedMilestone| ProposedMilestone {
                    title: milestone.title.clone(),
                    amount: milestone.amount.into(),
                    due_on: milestone.due_on,
                };
                Self { milestones: milestones.iter().map(milestone).collect(), hourly_rate: None }
            }
        }
    }
}

impl ScreeningAnswer {
    fn of(answer: &domain::proposal::Answer) -> Self {
        let domain::proposal::Answer { question, asked, text } = answer;
        Self { question_id: question.to_string().into(), asked: asked.clone(), text: text.clone() }
    }
}

impl CounterOffer {
    fn of(counter: &domain::proposal::Counter) -> Self {
        let domain::proposal::Counter { price, message, at } = counter;
        Self { price: ProposedPrice::of(price), message: message.clone(), created_at: *at }
    }
}

/// How many proposals are free to send, and how many were sent.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposalQuota {
    /// So many can be sent in so many `days`.
    pub limit: u32,
    /// The days, up to now, in which they are counted.
    pub days: u16,
    /// So many were sent, not counting those that were given back.
    pub used: u32,
    /// So many more can be sent now.
    pub left: u32,
}

impl From<domain::gig::BidQuota> for ProposalQuota {
    fn from(quota: domain::gig::BidQuota) -> Self {
        let domain::gig::BidQuota { limit, days, used } = quota;
        Self { limit, days, used, left: quota.left() }
    }
}

/// What one side proposed at a time.
#[derive(Debug, Clone)]
pub struct Revision(pub infra::proposal::Revision);

/// What one side of a proposal proposed at a time.
#[Object]
impl Revision {
    /// Counts up from 1.
    pub async fn number(&self) -> i32 {
        self.0.number
    }

    /// Did the client propose this, as a counter-offer?
    pub async fn by_client(&self) -> bool {
        matches!(self.0.body, RevisionBody::Client { .. })
    }

    /// What the work would cost.
    pub async fn price(&self) -> ProposedPrice {
        match &self.0.body {
            RevisionBody::Client { counter } => ProposedPrice::of(&counter.price),
            RevisionBody::Freelancer { terms } => ProposedPrice::of(&terms.price),
        }
    }

    /// The letter or the message that came with it.
    pub async fn text(&self) -> &str {
        match &self.0.body {
            RevisionBody::Client { counter } => &counter.message,
            RevisionBody::Freelancer { terms } => &terms.cover_letter,
        }
    }

    /// When.
    pub async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::proposal::ProposalStatus")]
pub enum ProposalState {
    /// Being written; only the freelancer sees it.
    Draft,
    /// Before the client.
    Submitted,
    /// The client opened it.
    Viewed,
    /// The client keeps it in mind.
    Shortlisted,
    /// The client talks with the freelancer.
    Interviewing,
    /// The client proposes another price.
    Countered,
    /// The client made an offer.
    Offered,
    /// The freelancer was hired.
    Hired,
    /// The freelancer took it back.
    Withdrawn,
    /// The client does not want it.
    Declined,
    /// Someone else was hired.
    NotSelected,
    /// The gig closed unfilled.
    Expired,
    /// The gig was taken down.
    Removed,
}

/// Why a client declined a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::proposal::DeclineReason")]
pub enum ProposalDeclineReason {
    /// The skills don't fit.
    Skills,
    /// Too dear.
    Price,
    /// The hours don't meet.
    Availability,
    /// The proposal does not speak to the gig.
    OffTopic,
    /// Another reason.
    Other,
}

/// Looking at proposals.
#[derive(Debug, Default)]
pub struct ProposalQuery;

#[Object]
impl ProposalQuery {
    /// The proposal with this id, if there is one and you may see it.
    async fn proposal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of the proposal.")] id: ID,
    ) -> async_graphql::Result<Option<Proposal>> {
        Ok(load(ctx, Key::<ProposalId>::read(&id).0).await?.map(Proposal))
    }
}

/// The viewer's side of the trade.
#[derive(Debug)]
pub struct TradeViewer;

#[Object]
impl TradeViewer {
    /// Your proposals, drafts among them, the newest first.
    async fn proposals(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<ProposalState>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Proposal>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        connect(ctx.market().proposals_of_viewer(&ctx.call(), &page).await, Proposal)
    }

    /// How many proposals you can still send. None is ever sold: one counts no more when its gig closed unfilled, or
    /// when it ended before the client opened it.
    async fn proposal_quota(&self, ctx: &Context<'_>) -> async_graphql::Result<ProposalQuota> {
        Ok(ctx.market().bid_quota(&ctx.call()).await.map_err(top_level)?.into())
    }

    /// The invitations to gigs that you got, the newest first.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<InvitationState>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Invitation>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        connect(ctx.market().invitations_of_viewer(&ctx.call(), &page).await, Invitation)
    }
}

macro_rules! proposal_payloads {
    ($($(#[$doc:meta])* $payload:ident;)*) => {
        $(
            payload! {
                $(#[$doc])*
                $payload {
                    /// The proposal as it is now.
                    proposal: Proposal
                }
            }
        )*
    };
}

proposal_payloads! {
    /// The answer to `proposalDraftSave`.
    ProposalDraftSavePayload;
    /// The answer to `proposalSubmit`.
    ProposalSubmitPayload;
    /// The answer to `proposalView`.
    ProposalViewPayload;
    /// The answer to `proposalShortlist`.
    ProposalShortlistPayload;
    /// The answer to `proposalInterview`.
    ProposalInterviewPayload;
    /// The answer to `proposalDecline`.
    ProposalDeclinePayload;
    /// The answer to `proposalCounter`.
    ProposalCounterPayload;
    /// The answer to `proposalCounterAccept`.
    ProposalCounterAcceptPayload;
    /// The answer to `proposalRevise`.
    ProposalRevisePayload;
    /// The answer to `proposalWithdraw`.
    ProposalWithdrawPayload;
}

/// What can be done to proposals.
#[derive(Debug, Default)]
pub struct ProposalMutation;

#[Object]
impl ProposalMutation {
    /// Keep a draft of a proposal. There is one for each gig: saving again replaces what it says.
    async fn proposal_draft_save(
        &self,
        ctx: &Context<'_>,
        input: ProposalDraftSaveInput,
    ) -> Answer<ProposalDraftSavePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_draft_save(&call, input.gig_id.0, input.read()?).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Put a proposal before the client. A draft that you kept for the gig becomes it. One live
    /// proposal for a gig; none for gigs of clients you belong to.
    async fn proposal_submit(&self, ctx: &Context<'_>, input: ProposalSubmitInput) -> Answer<ProposalSubmitPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_submit(&call, input.gig_id.0, input.read()?).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Propose something else. That also answers a counter-offer.
    async fn proposal_revise(&self, ctx: &Context<'_>, input: ProposalReviseInput) -> Answer<ProposalRevisePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected_version) = (input.proposal_id.0, input.expected_version);
            ctx.market().proposal_revise(&call, id, input.read()?, expected_version).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Take a proposal back. One with an offer is answered by declining the offer.
    async fn proposal_withdraw(
        &self,
        ctx: &Context<'_>,
        input: ProposalWithdrawInput,
    ) -> Answer<ProposalWithdrawPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_withdraw(&call, input.proposal_id.0).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Note that the client opened a proposal.
    async fn proposal_view(&self, ctx: &Context<'_>, input: ProposalViewInput) -> Answer<ProposalViewPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_view(&call, input.proposal_id.0).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Keep a proposal in mind.
    async fn proposal_shortlist(
        &self,
        ctx: &Context<'_>,
        input: ProposalShortlistInput,
    ) -> Answer<ProposalShortlistPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_shortlist(&call, input.proposal_id.0).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Begin to talk with the freelancer.
    async fn proposal_interview(
        &self,
        ctx: &Context<'_>,
        input: ProposalInterviewInput,
    ) -> Answer<ProposalInterviewPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_interview(&call, input.proposal_id.0).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Decline a proposal, and say why.
    async fn proposal_decline(&self, ctx: &Context<'_>, input: ProposalDeclineInput) -> Answer<ProposalDeclinePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let reason = input.reason.into();
            ctx.market().proposal_decline(&call, input.proposal_id.0, reason, &input.note).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Propose another price. A later counter-offer replaces an earlier one.
    async fn proposal_counter(&self, ctx: &Context<'_>, input: ProposalCounterInput) -> Answer<ProposalCounterPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected_version) = (input.proposal_id.0, input.expected_version);
            let (price, message) = input.read()?;
            ctx.market().proposal_counter(&call, id, price, &message, expected_version).await
        };
        answer(outcome.await.map(Proposal))
    }

    /// Take the price that the client proposed.
    async fn proposal_counter_accept(
        &self,
        ctx: &Context<'_>,
        input: ProposalCounterAcceptInput,
    ) -> Answer<ProposalCounterAcceptPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().proposal_counter_accept(&call, input.proposal_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Proposal))
    }
}
