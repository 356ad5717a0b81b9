//! Client companies and their members.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::organization::OrganizationDraft;
use infra::review::Reviewed;
use serde::Serialize;

use crate::connection::{Counted, counted, named};
use crate::context::{RabtaContext, look_again};
use crate::contract::{Contract, ContractStatus};
use crate::conversation::Conversation;
use crate::gig::{Gig, GigState};
use crate::loader::{
    BalancesOf, ClientGigs, ClientReviews, OrganizationContracts, OrganizationConversations, OrganizationInvitations,
    OrganizationMembers, OrganizationMilestones, OrganizationOffers, OrganizationPayments, OrganizationTimesheets,
    RecordOf, SavedMethodsOf, ViewerBlocks, WebhookEndpointsOf, ZoneOf, list, load, rating,
};
use crate::milestone::{Milestone, MilestoneStatus};
use crate::offer::{Offer, OfferStatus};
use crate::payment::{Payment, PaymentStatus, SavedPaymentMethod};
use crate::review::{Rating, Review};
use crate::statement::ClientBalances;
use crate::timesheet::{Timesheet, TimesheetStatus};
use crate::user::User;
use crate::user_error::{Answer, answer, payload};
use crate::webhook_endpoint::WebhookEndpoint;

mod membership;

pub use membership::{MemberInvitation, MemberMutation, OrganizationViewer};

/// How a client has dealt with people so far.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClientRecord {
    /// Whether a payment of theirs ever succeeded.
    pub has_paid: bool,
    /// How many gigs of theirs are over: filled, expired, or cancelled after they were published.
    pub gigs_over: u32,
    /// For how many of these somebody was hired.
    pub gigs_hired: u32,
}

impl From<domain::matching::features::ClientRecord> for ClientRecord {
    fn from(record: domain::matching::features::ClientRecord) -> Self {
        Self { has_paid: record.verified, gigs_over: record.posted, gigs_hired: record.hired }
    }
}

/// A client company.
#[derive(Debug, Clone)]
pub struct Organization(pub domain::organization::Organization);

/// A client company that posts gigs and pays for work.
#[Object]
impl Organization {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The name it goes by.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its website.
    async fn website(&self) -> Option<&str> {
        self.0.website.as_deref()
    }

    /// What it does, in its own words.
    async fn about(&self) -> &str {
        &self.0.about
    }

    /// Where its clock is, which is where its owner's is: an IANA time zone, like `America/New_York`. Deadlines are
    /// instants: with it and the freelancer's they can be shown on both clocks.
    async fn time_zone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(load(ctx, ZoneOf(self.0.id)).await?.map(|zone| zone.to_string()))
    }

    /// When it was created.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// Counts the changes; give it back as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// What you are in it; null if you don't belong to it.
    async fn viewer_role(&self, ctx: &Context<'_>) -> Option<MemberRole> {
        let actor = ctx.actor();
        let memberships = actor.person().map(|person| person.memberships.as_slice()).unwrap_or_default();
        memberships.iter().find(|(organization, _)| *organization == self.0.id).map(|(_, role)| (*role).into())
    }

    /// The invitations to join it, newest first. Only those who may invite see them: for others
    /// the list is empty.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<MemberInvitation>> {
        list(ctx, OrganizationInvitations(self.0.id), counted(ctx, first, after, last, before), MemberInvitation).await
    }

    /// The people who act for it, in the order they joined. Only members see them: for others the
    /// list is empty.
    async fn members(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Member>> {
        list(ctx, OrganizationMembers(self.0.id), counted(ctx, first, after, last, before), Member).await
    }

    /// Its gigs that you may see, those that were drafted last first: all of them for its members,
    /// drafts too; for others those that are open to everybody.
    async fn gigs(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<GigState>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Gig>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        list(ctx, ClientGigs(self.0.id), page, Gig).await
    }

    /// The contracts it pays for, newest first. Only members see them.
    async fn contracts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<ContractStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Contract>> {
        list(
            ctx,
            OrganizationContracts(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Contract,
        )
        .await
    }

    /// The milestones of all contracts it pays for, newest first: what waits for you is in some of the states, like work
    /// that was handed in (`SUBMITTED`). Only members see them.
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
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        list(ctx, OrganizationMilestones(self.0.id), page, Milestone::from).await
    }

    /// The weeks of all contracts by the hour it pays for, newest first; those that wait for you are `SUBMITTED` and
    /// `UNPAID`. Only members see them.
    async fn timesheets(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<TimesheetStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Timesheet>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        list(ctx, OrganizationTimesheets(self.0.id), page, Timesheet).await
    }

    /// What it and freelancers write to each other, those with the latest messages first. Only members see them.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Conversation>> {
        list(ctx, OrganizationConversations(self.0.id), counted(ctx, first, after, last, before), Conversation).await
    }

    /// The offers it has made, newest first. Only members see them.
    async fn offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<OfferStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Offer>> {
        list(
            ctx,
            OrganizationOffers(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Offer,
        )
        .await
    }

    /// What it paid, or set out to pay, by card or bank account, newest first: each attempt by itself. Only those who may
    /// see its money do; for others the list is empty.
    async fn payments(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<PaymentStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Payment>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        list(ctx, OrganizationPayments(self.0.id), page, Payment).await
    }

    /// How it has dealt with people so far.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<ClientRecord> {
        Ok(load(ctx, RecordOf(self.0.id)).await?.unwrap_or_default().into())
    }

    /// Have you blocked it? That it has blocked you is not told.
    async fn viewer_blocks(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(load(ctx, ViewerBlocks(self.0.id)).await?.unwrap_or_default())
    }

    /// What it has with us; null for those who may not know.
    async fn balances(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ClientBalances>> {
        let found = load(ctx, BalancesOf(self.0.id)).await?;
        Ok(found.map(|found| ClientBalances { in_escrow: found.in_escrow.into(), credit: found.credit.into() }))
    }

    /// The cards and bank accounts it may be charged with, the newest fifty; none for those who may not know.
    async fn payment_methods(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SavedPaymentMethod>> {
        let found = load(ctx, SavedMethodsOf(self.0.id)).await?.unwrap_or_default();
        Ok(found.into_iter().map(SavedPaymentMethod::from).collect())
    }

    /// Where its own programs are told of what happens to its things, oldest first; none for those who are not its owner
    /// or an admin.
    async fn webhook_endpoints(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WebhookEndpoint>> {
        let found = load(ctx, WebhookEndpointsOf(self.0.id)).await?.unwrap_or_default();
        Ok(found.into_iter().map(WebhookEndpoint).collect())
    }

    /// What freelancers said of it, newest first: published reviews only.
    async fn reviews(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Review>> {
        list(ctx, ClientReviews(self.0.id), counted(ctx, first, after, last, before), Review).await
    }

    /// How freelancers rated it.
    async fn rating(&self, ctx: &Context<'_>) -> async_graphql::Result<Rating> {
        Ok(rating(ctx, Reviewed::Client(self.0.id)).await?.into())
    }
}

/// A person's membership of an organization.
#[derive(Debug, Clone)]
pub struct Member(pub domain::organization::Member);

/// A person's membership of an organization, with what the person may do for it.
#[Object]
impl Member {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The person.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.user).await?.map(User))
    }

    /// What the person may do for the organization.
    async fn role(&self) -> MemberRole {
        self.0.role.into()
    }

    /// Since when.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// What a member may do for an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::access::MemberRole")]
pub enum MemberRole {
    /// Everything, including giving the organization away.
    Owner,
    /// Everything but ownership.
    Admin,
    /// Money: funding, approving, invoices.
    Finance,
    /// Gigs, invitations and proposals.
    Recruiter,
    /// Gigs, proposals, offers, and accepting work.
    HiringManager,
    /// Looking.
    Viewer,
}

/// What a new organization says of itself.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OrganizationCreateInput {
    /// The name it goes by, 2 to 120 characters.
    pub name: String,
    /// Its website, starting with `https://`.
    pub website: Option<String>,
    /// What it does, in its own words; up to 5,000 characters.
    pub about: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `organizationCreate`.
    OrganizationCreatePayload {
        /// The new organization.
        organization: Organization
    }
}

/// What can be done to organizations.
#[derive(Debug, Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Create a client company. You become its owner.
    async fn organization_create(
        &self,
        ctx: &Context<'_>,
        input: OrganizationCreateInput,
    ) -> Answer<OrganizationCreatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let draft = OrganizationDraft::parse(&input.name, input.website.as_deref(), input.about.as_deref())?;
            let organization = ctx.market().organization_create(&call, draft).await?;
            look_again(ctx).await;
            Ok(organization)
        };
        answer(outcome.await.map(Organization))
    }
}
