//! Contracts, with their milestones, their statement and their reviews.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::access::Verb;
use domain::contract::{Engagement, HoldReason, State};
use domain::id::ContractId;
use serde::Serialize;

use crate::act::{Act, acts};
use crate::compliance::CompliancePack;
use crate::connection::{Counted, counted, named, page};
use crate::context::RabtaContext;
use crate::conversation::Conversation;
use crate::dispute::{Dispute, DisputeStatus};
use crate::gig::Gig;
use crate::history::ContractEvent;
use crate::key::Key;
use crate::loader::{
    ComplianceOf, ContractCards, ContractDisputes, ContractHistory, ContractMilestones, ContractStatement,
    ContractTimesheets, ConversationBetween, HasCard, HeadOf, MoneyOf, Reviewable, ReviewsOf, SeesStatement, list,
    load,
};
use crate::milestone::{Milestone, MilestoneStatus};
use crate::money::Money;
use crate::offer::Offer;
use crate::organization::Organization;
use crate::proposal::Proposal;
use crate::review::Review;
use crate::statement::{StatementEntry, StatementHead};
use crate::timesheet::{ContractPaymentMethod, Timesheet, TimesheetStatus};
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// A contract.
#[derive(Debug, Clone)]
pub struct Contract(pub domain::contract::Contract);

/// A contract between a client and a freelancer, under the terms in force when it was made.
#[Object]
impl Contract {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Where it stands.
    async fn status(&self) -> ContractStatus {
        self.0.status().into()
    }

    /// How the work is paid.
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

    /// The version of the policy it was made under.
    async fn policy_version(&self) -> i32 {
        self.0.policy
    }

    /// What the freelancer pays us out of released money, in basis points (500 is 5 %).
    async fn freelancer_fee_bp(&self) -> u16 {
        self.0.terms.freelancer_fee.basis_points()
    }

    /// What the client pays us on top of funded money, in basis points (300 is 3 %).
    async fn client_fee_bp(&self) -> u16 {
        self.0.terms.client_fee.basis_points()
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Where the money of all its milestones and weeks is: funded = held + released + fee + refunded + charged back.
    async fn money(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ContractMoney>> {
        Ok(load(ctx, MoneyOf(self.0.id)).await?.map(ContractMoney::from))
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it ended; null while it has not.
    async fn ended_at(&self) -> Option<Timestamp> {
        match self.0.state {
            State::Ended { ended_at } => Some(ended_at),
            State::Active | State::Paused { .. } | State::OnHold { .. } | State::Ending { .. } => None,
        }
    }

    /// What has to be settled first, the gravest first; empty unless it is on hold.
    async fn hold_reasons(&self) -> Vec<ContractHoldReason> {
        self.0.holds().into_iter().map(ContractHoldReason::from).collect()
    }

    /// Until when its reviews can be written; null while it has not ended.
    async fn reviews_close_at(&self) -> Option<Timestamp> {
        self.0.reviews_close_at()
    }

    /// Who pays.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// Who works.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// What the two write to each other, if they have written; for the two of them alone.
    async fn conversation(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Conversation>> {
        Ok(load(ctx, ConversationBetween((self.0.client, self.0.freelancer))).await?.map(Conversation))
    }

    /// Its milestones, oldest first.
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
            ContractMilestones(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Milestone,
        )
        .await
    }

    /// The disputes over it, newest first.
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
        list(
            ctx,
            ContractDisputes(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Dispute,
        )
        .await
    }

    /// Its weeks, if it is paid by the hour, newest first. Entries that were disputed stand in a week
    /// of their own.
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
        list(
            ctx,
            ContractTimesheets(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Timesheet,
        )
        .await
    }

    /// The gig it came from, if it came from one that you may see.
    async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        let Some(gig) = self.0.gig else { return Ok(None) };
        Ok(load(ctx, gig).await?.map(Gig))
    }

    /// The offer it came from.
    async fn offer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Offer>> {
        Ok(load(ctx, self.0.offer).await?.map(Offer))
    }

    /// The proposal that the offer took up, if there was one.
    async fn proposal(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Proposal>> {
        let Some(proposal) = self.0.proposal else { return Ok(None) };
        Ok(load(ctx, proposal).await?.map(Proposal))
    }

    /// Has the client named a card for its weeks (`contractPaymentMethodSet`)? Until then nobody can write down hours.
    async fn has_payment_method(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(load(ctx, HasCard(self.0.id)).await?.unwrap_or_default())
    }

    /// The cards its weeks are charged to, newest first: the first is charged now, the others were
    /// before it. Only for those who see the client's payments; for others the list is empty.
    async fn payment_methods(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, ContractPaymentMethod>> {
        list(ctx, ContractCards((&self.0).into()), page(first, after, last, before), ContractPaymentMethod).await
    }

    /// Every movement of its money from the first cent, numbered and sealed, with what is in escrow
    /// after each. Only for those who may see the books; for others the list is empty.
    async fn statement(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, StatementEntry>> {
        list(ctx, ContractStatement((&self.0).into()), page(first, after, last, before), StatementEntry).await
    }

    /// What happened on it, as far as your side may see it, oldest first. To hear of what comes next,
    /// subscribe to `contractEvents` after the cursor of the last edge.
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, ContractEvent>> {
        let event = |happening| ContractEvent { cursor: String::new(), happening };
        let page = page(first, after, last, before);
        let mut connection = list(ctx, ContractHistory((&self.0).into()), page, event).await?;
        for edge in &mut connection.edges {
            edge.node.cursor.clone_from(&edge.cursor);
        }
        Ok(connection)
    }

    /// How far its statement has come, signed. Null for those who may not see the books.
    async fn statement_head(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<StatementHead>> {
        Ok(load(ctx, HeadOf((&self.0).into())).await?.map(StatementHead::from))
    }

    /// Where its statement is as a paper, to be fetched with your access token as `Authorization: Bearer`; with `.json`
    /// instead of `.pdf` for programs. Null for those who may not see the books.
    async fn statement_path(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let seen = load(ctx, SeesStatement((&self.0).into())).await?;
        Ok(seen.map(|_| format!("/papers/contracts/{}.pdf", self.0.id)))
    }

    /// What a client in the United States keeps of whom it works with: the freelancer's tax form, where the work is done,
    /// whose it is, how the invoices divide, what screening came to, and how well the freelancer's identity is known. For
    /// the freelancer, and for those on the client's side who may see its payments; for others it is null.
    async fn compliance_pack(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CompliancePack>> {
        Ok(load(ctx, ComplianceOf((&self.0).into())).await?.map(CompliancePack::from))
    }

    /// Its reviews, as far as you may read them: before publication only your own side's. At most one of each side.
    async fn reviews(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Review>> {
        let reviews = load(ctx, ReviewsOf(self.0.id)).await?.unwrap_or_default();
        Ok(reviews.into_iter().map(Review).collect())
    }

    /// What you can do to it now, by the names of the mutations.
    async fn allowed(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Act>> {
        let mut verbs = self.0.allowed(&ctx.actor(), ctx.market().clock().now());
        if verbs.contains(&Verb::ReviewSubmit) && !self.viewer_can_review(ctx).await? {
            verbs.retain(|verb| *verb != Verb::ReviewSubmit);
        }
        // Nothing is written down that nobody could be charged for.
        if verbs.contains(&Verb::TimeEntryAdd) && !self.has_payment_method(ctx).await? {
            verbs.retain(|verb| *verb != Verb::TimeEntryAdd);
        }
        Ok(acts(&verbs))
    }

    /// Can you write your review now, or write it anew? Whether the other side wrote one does not show in it.
    async fn viewer_can_review(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(load(ctx, Reviewable((&self.0).into())).await?.unwrap_or_default())
    }

    /// Can you end it now?
    async fn viewer_can_end(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor(), ctx.market().clock().now()).contains(&Verb::ContractEnd)
    }

    /// Can you write down work now?
    async fn viewer_can_add_time(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        let may = self.0.allowed(&ctx.actor(), ctx.market().clock().now()).contains(&Verb::TimeEntryAdd);
        Ok(may && self.has_payment_method(ctx).await?)
    }

    /// Can you propose a milestone now?
    async fn viewer_can_propose_milestone(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor(), ctx.market().clock().now()).contains(&Verb::MilestonePropose)
    }
}

/// Where the money of a contract is, of all its milestones and weeks together.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContractMoney {
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

impl From<infra::contract::ContractMoney> for ContractMoney {
    fn from(money: infra::contract::ContractMoney) -> Self {
        let infra::contract::ContractMoney { funded, held, released, fee, refunded, charged_back } = money;
        Self {
            funded: funded.into(),
            held: held.into(),
            released: released.into(),
            fee: fee.into(),
            refunded: refunded.into(),
            charged_back: charged_back.into(),
        }
    }
}

/// Where a contract stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::contract::Status")]
pub enum ContractStatus {
    /// Work goes on.
    Active,
    /// One side asked for a break.
    Paused,
    /// Something outside has to be settled first.
    OnHold,
    /// No new work; what is under way is carried through.
    Ending,
    /// Over; its reviews can be written for a while.
    Ended,
}

/// What puts a contract on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
pub enum ContractHoldReason {
    /// The client's payment failed.
    PaymentFailed,
    /// The freelancer's tax form lapsed, which `taxFormCertify` mends, or our people found that another proof did.
    IdentityLapsed,
    /// Our people check something, as the law asks us to.
    ComplianceReview,
    /// Hours are disputed.
    HourlyDispute,
}

impl From<HoldReason> for ContractHoldReason {
    fn from(reason: HoldReason) -> Self {
        match reason {
            HoldReason::PaymentFailed => Self::PaymentFailed,
            HoldReason::IdentityLapsed => Self::IdentityLapsed,
            // What a screening found is not for the parties to know.
            HoldReason::SanctionsHit => Self::ComplianceReview,
            HoldReason::HourlyDispute => Self::HourlyDispute,
        }
    }
}

impl From<ContractHoldReason> for HoldReason {
    fn from(reason: ContractHoldReason) -> Self {
        match reason {
            ContractHoldReason::PaymentFailed => Self::PaymentFailed,
            ContractHoldReason::IdentityLapsed => Self::IdentityLapsed,
            ContractHoldReason::ComplianceReview => Self::SanctionsHit,
            ContractHoldReason::HourlyDispute => Self::HourlyDispute,
        }
    }
}

/// How work is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EngagementKind {
    /// By milestones, each with its price.
    Fixed,
    /// By the hour, week by week.
    Hourly,
}

impl From<Engagement> for EngagementKind {
    fn from(engagement: Engagement) -> Self {
        match engagement {
            Engagement::Fixed => Self::Fixed,
            Engagement::Hourly { .. } => Self::Hourly,
        }
    }
}

macro_rules! contract_acts {
    ($($(#[$doc:meta])* $input:ident, $payload:ident, $answer:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $input {
                /// The contract.
                pub contract_id: Key<ContractId>,
                /// The version you saw; another one is refused.
                pub expected_version: Option<i64>,
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }

            payload! {
                #[doc = $answer]
                $payload {
                    /// The contract, as it is now.
                    contract: Contract
                }
            }
        )*
    };
}

contract_acts! {
    /// Which contract to pause.
    ContractPauseInput, ContractPausePayload, "The answer to `contractPause`.";
    /// Which contract to go on with.
    ContractResumeInput, ContractResumePayload, "The answer to `contractResume`.";
    /// Which contract to end.
    ContractEndInput, ContractEndPayload, "The answer to `contractEnd`.";
}

/// Which contract to put on hold.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ContractHoldInput {
    /// The contract.
    pub contract_id: Key<ContractId>,
    /// What has to be settled first; the parties see it.
    pub reason: ContractHoldReason,
    /// Why, 1 to 500 characters; kept in the audit log.
    pub note: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which contract's hold to end.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ContractLiftHoldInput {
    /// The contract.
    pub contract_id: Key<ContractId>,
    /// What is settled.
    pub reason: ContractHoldReason,
    /// Why, 1 to 500 characters; kept in the audit log.
    pub note: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `contractHold`.
    ContractHoldPayload {
        /// The contract, as it is now.
        contract: Contract
    }
}
payload! {
    /// The answer to `contractLiftHold`.
    ContractLiftHoldPayload {
        /// The contract, as it is now.
        contract: Contract
    }
}

/// Looking at contracts.
#[derive(Debug, Default)]
pub struct ContractQuery;

#[Object]
impl ContractQuery {
    /// The contract with this id, if you are a party to it.
    async fn contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the contract.")] id: Key<ContractId>,
    ) -> async_graphql::Result<Option<Contract>> {
        Ok(load(ctx, id.0).await?.map(Contract))
    }
}

/// What can be done to contracts.
#[derive(Debug, Default)]
pub struct ContractMutation;

#[Object]
impl ContractMutation {
    /// Take a break. What is under way goes on; no new work is agreed on.
    async fn contract_pause(&self, ctx: &Context<'_>, input: ContractPauseInput) -> Answer<ContractPausePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_pause(&call, input.contract_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Contract))
    }

    /// End the break.
    async fn contract_resume(&self, ctx: &Context<'_>, input: ContractResumeInput) -> Answer<ContractResumePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_resume(&call, input.contract_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Contract))
    }

    /// End the contract. Milestones without money are called off, those with money carried through; an
    /// open week goes to the client. It has ended when the last milestone is over and the last week is
    /// settled, and its reviews can be written then.
    async fn contract_end(&self, ctx: &Context<'_>, input: ContractEndInput) -> Answer<ContractEndPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_end(&call, input.contract_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Contract))
    }

    /// For admins: put a contract on hold. What is under way goes on; no new work is agreed on.
    async fn contract_hold(&self, ctx: &Context<'_>, input: ContractHoldInput) -> Answer<ContractHoldPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, reason) = (input.contract_id.0, input.reason.into());
            ctx.market().contract_hold(&call, id, input.expected_version, reason, &input.note).await
        };
        answer(outcome.await.map(Contract))
    }

    /// For admins: something no longer stands against the contract. It goes on when nothing else does.
    async fn contract_lift_hold(
        &self,
        ctx: &Context<'_>,
        input: ContractLiftHoldInput,
    ) -> Answer<ContractLiftHoldPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, reason) = (input.contract_id.0, input.reason.into());
            ctx.market().contract_lift_hold(&call, id, input.expected_version, reason, &input.note).await
        };
        answer(outcome.await.map(Contract))
    }
}
