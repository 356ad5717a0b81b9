//! The books, as the parties read them: statements and balances.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, Object, SimpleObject};
use domain::Timestamp;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::money::Money;
use crate::offer::Offer;
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
    /// whether anything before it was changed.
    async fn seal(&self) -> &str {
        &self.0.seal
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

/// What a freelancer has with us.
#[derive(Debug, Clone, SimpleObject)]
pub struct FreelancerBalances {
    /// Held for your work.
    pub in_escrow: Money,
    /// Released, in its security hold.
    pub pending: Money,
    /// Can be paid out.
    pub available: Money,
}

/// What an organization has with us.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClientBalances {
    /// Held for work.
    pub in_escrow: Money,
    /// Came back, and can be spent on other milestones.
    pub credit: Money,
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
        Ok(found.map(|found| FreelancerBalances {
            in_escrow: found.in_escrow.into(),
            pending: found.pending.into(),
            available: found.available.into(),
        }))
    }

    /// The contracts you work on, newest first.
    async fn contracts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Contract>> {
        connect(ctx.market().contracts_of_viewer(&ctx.call(), &page(first, after, last, before)).await, Contract)
    }

    /// The offers made to you, newest first.
    async fn offers(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Offer>> {
        connect(ctx.market().offers_of_viewer(&ctx.call(), &page(first, after, last, before)).await, Offer)
    }
}
