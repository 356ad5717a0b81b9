//! The books, as the parties read them: statements and balances.

use async_graphql::{Context, Enum, ID, Lookahead, Object, SelectionField, SimpleObject, Value};
use domain::Timestamp;
use infra::milestone::{Outline, Seen};
use infra::page::{PageRequest, Slice};

use crate::connection::{Counted, connect, counted, named};
use crate::context::RabtaContext;
use crate::contract::{Contract, ContractStatus};
use crate::loader::{ContractMilestones, PageOf, items, may_prime, prime};
use crate::milestone::{Milestone, MilestoneStatus, OUTLINED};
use crate::money::Money;
use crate::offer::{Offer, OfferStatus};
use crate::payout::FxQuote;
use crate::user_error::top_level;

/// A line of a statement.
#[derive(Debug, Clone)]
pub struct StatementEntry(pub infra::statement::StatementEntry);

/// A line of a contract's statement: money that moved, all of it or none. Entries are never changed.
#[Object]
impl StatementEntry {
    /// Counts from 1 without gaps.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// Why money moved, like `fund`, `release` or `refund`.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When.
    async fn posted_at(&self) -> Timestamp {
        self.0.posted_at
    }

    /// The milestone it concerns.
    async fn milestone_id(&self) -> Option<ID> {
        self.0.milestone.map(|id| id.to_string().into())
    }

    /// Who acted; null for an entry of form 1.
    async fn party(&self) -> Option<StatementParty> {
        self.0.party.map(Into::into)
    }

    /// What moved, from where to where.
    async fn postings(&self) -> Vec<StatementPosting> {
        let line = |posting: &domain::ledger::Posting| StatementPosting {
            from: posting.from.to_string(),
            to: posting.to.to_string(),
            amount: posting.amount.into(),
        };
        self.0.postings.iter().map(line).collect()
    }

    /// What the contract has in escrow after it.
    async fn in_escrow(&self) -> Money {
        self.0.in_escrow.into()
    }

    /// The key that keeps the same fact from being booked twice; part of what is sealed.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// SHA-256 over the entry and the seal before it, in hexadecimal. Who keeps one seal can tell
    /// whether anything before it was changed. VERIFYING.md says how it is made.
    async fn seal(&self) -> &str {
        &self.0.seal
    }

    /// Which form of the entry is sealed: 2, or 1 for entries from before milestone and party were.
    async fn form(&self) -> i16 {
        self.0.form
    }
}

/// Who acted, as far as both sides may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "infra::statement::StatementParty")]
pub enum StatementParty {
    /// Rabta itself: the clock, or the processor.
    System,
    /// Somebody on the client's side.
    Client,
    /// The freelancer.
    Freelancer,
    /// Somebody who works for Rabta.
    Staff,
}

/// How far a statement has come, signed by the server when it was asked for. Keep one, and the
/// server can't change anything before it without your noticing.
#[derive(Debug, Clone, SimpleObject)]
pub struct StatementHead {
    /// How many entries there are.
    pub entries: i64,
    /// The seal of the last entry, in hexadecimal.
    pub seal: String,
    /// When it was signed, to the second.
    pub signed_at: Timestamp,
    /// A compact JWS (EdDSA) of type `rabta-statement+jwt`. Its payload says the contract (`sub`), `entries`,
    /// `seal`, when (`iat`) and who (`iss`).
    pub signature: String,
    /// Which key of `/.well-known/jwks.json` signed it.
    pub key_id: String,
}

impl From<infra::statement::StatementHead> for StatementHead {
    fn from(head: infra::statement::StatementHead) -> Self {
        let infra::statement::StatementHead { entries, seal, signed_at, signature, key_id } = head;
        Self { entries, seal, signed_at, signature, key_id }
    }
}

/// An amount moved from one account to another.
#[derive(Debug, Clone, SimpleObject)]
pub struct StatementPosting {
    /// The account it left.
    pub from: String,
    /// The account it reached.
    pub to: String,
    /// How much.
    pub amount: Money,
}

/// What one of the platform's own accounts has.
#[derive(Debug, Clone, SimpleObject)]
pub struct PlatformBalance {
    /// The account, like `fee_revenue`.
    pub account: String,
    /// How much, above zero or below.
    pub balance: Money,
    /// Is it below zero? Money from outside comes out of such accounts, like `processor_clearing`.
    pub negative: bool,
}

/// Looking into the platform's own books.
#[derive(Debug, Default)]
pub struct BooksQuery;

#[Object]
impl BooksQuery {
    /// What the platform's own accounts have: revenue, losses, what came from the processor and what
    /// has left. One line an account and currency. Only admins see it.
    async fn platform_balances(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vec<PlatformBalance>>> {
        let found = ctx.market().platform_balances(&ctx.call()).await.map_err(top_level)?;
        let line = |found: infra::ledger::PlatformBalance| PlatformBalance {
            account: found.account.to_string(),
            balance: found.balance.into(),
            negative: found.negative,
        };
        Ok(Some(found.into_iter().map(line).collect()))
    }
}

/// What a freelancer has with us.
#[derive(Debug, Clone)]
pub struct FreelancerBalances(infra::statement::FreelancerBalances);

/// What a freelancer has with us.
#[Object]
impl FreelancerBalances {
    /// Held for your work.
    async fn in_escrow(&self) -> Money {
        self.0.in_escrow.into()
    }

    /// Released, in its security hold.
    async fn pending(&self) -> Money {
        self.0.pending.into()
    }

    /// Can be paid out.
    async fn available(&self) -> Money {
        self.0.available.into()
    }

    /// What is available, in rupees as somebody quotes them now; null while nobody does, or what they quoted last is out of
    /// date. It promises nothing: a payout has a quote of its own, if there is one then, and your bank may change the
    /// money at another rate.
    async fn quote(&self, ctx: &Context<'_>) -> Option<FxQuote> {
        let market = ctx.market();
        FxQuote::of(market.fx().quote(market.clock().now()).await?, self.0.available)
    }
}

/// What an organization has with us.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClientBalances {
    /// Held for work.
    pub in_escrow: Money,
    /// Came back, and can be spent on other milestones.
    pub credit: Money,
}

/// Is only asked of milestones what an outline of them says, in this field of a list of theirs?
fn is_outlined(field: SelectionField<'_>) -> bool {
    let outlined = |milestone: SelectionField<'_>| milestone.selection_set().all(|it| OUTLINED.contains(&it.name()));
    match field.name() {
        "nodes" => outlined(field),
        "edges" => field.selection_set().all(|part| part.name() != "node" || outlined(part)),
        _ => true,
    }
}

/// Which milestones of each contract of a list are asked for, if those are the first ones, of one size, and an outline of
/// them is enough.
fn first_milestones(ctx: &Context<'_>) -> Option<PageRequest> {
    let asked = items(ctx, "milestones");
    if asked.iter().any(|milestones| milestones.field("totalCount").exists()) {
        return None;
    }
    let asked: Vec<_> = asked.iter().flat_map(Lookahead::selection_fields).collect();
    let (true, [field]) = (may_prime(ctx), asked.as_slice()) else { return None };
    if !field.selection_set().all(is_outlined) {
        return None;
    }
    match field.arguments().ok()?.as_slice() {
        [] => Some(PageRequest::default()),
        [(name, Value::Number(first))] if name.as_str() == "first" => {
            let first = i32::try_from(first.as_i64()?).ok().filter(|first| (0..=100).contains(first))?;
            Some(PageRequest { first: Some(first), ..PageRequest::default() })
        }
        _ => None,
    }
}

/// What of their deals the signed-in person sees.
#[derive(Debug, Default)]
pub struct DealViewer;

#[Object]
impl DealViewer {
    /// What you have with us as a freelancer.
    async fn balances(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FreelancerBalances>> {
        let call = ctx.call();
        let Some(user) = call.actor.user() else { return Ok(None) };
        let found = ctx.market().balances_of_freelancer(&call, user).await.map_err(top_level)?;
        Ok(found.map(FreelancerBalances))
    }

    /// The contracts you work on, newest first.
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
        let (call, page) = (ctx.call(), counted(ctx, first, after, last, before).of_states(named(states)));
        let Some(milestones) = first_milestones(ctx) else {
            return connect(ctx.market().contracts_of_viewer(&call, &page).await, Contract);
        };
        let found = ctx.market().contracts_of_viewer_with_milestones(&call, &page, &milestones).await;
        let (contracts, parts) = found.map_err(top_level)?;
        let of = |(contract, slice): (_, Slice<Outline>)| {
            let seen = slice.try_map(|outline| Ok(Seen::Outline(outline)));
            (PageOf::new(ContractMilestones(contract), milestones.clone()), Some(seen))
        };
        prime(ctx, parts.into_iter().map(of));
        connect(Ok(contracts), Contract)
    }

    /// The milestones of all contracts you work on, newest first: those to be done are `FUNDED` and `CHANGES_REQUESTED`,
    /// those whose money comes soon `APPROVED`.
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
        connect(ctx.market().milestones_of_viewer(&ctx.call(), &page).await, Milestone::from)
    }

    /// The offers made to you, newest first.
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
        connect(
            ctx.market()
                .offers_of_viewer(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
                .await,
            Offer,
        )
    }
}
