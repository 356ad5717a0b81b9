//! Comparisons of the books with what the processor moved, for our people.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, Json, Object};
use domain::Timestamp;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::money::Money;

/// A comparison that was made.
#[derive(Debug, Clone)]
pub struct Reconciliation(pub infra::reconciliation::Reconciliation);

/// A comparison of the books with the processor's own account of our balance. It proposes entries; none is
/// posted by it.
#[Object]
impl Reconciliation {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What moved from this instant on was compared.
    async fn from(&self) -> Timestamp {
        self.0.from
    }

    /// And before this one.
    async fn until(&self) -> Timestamp {
        self.0.until
    }

    /// When it was made.
    async fn made_at(&self) -> Timestamp {
        self.0.made_at
    }

    /// Was it made by itself, for a day that was over?
    async fn daily(&self) -> bool {
        self.0.daily
    }

    /// About how many payments, payouts and fees both sides agree.
    async fn agree(&self) -> i64 {
        self.0.agree
    }

    /// About how many they don't.
    async fn difference_count(&self) -> i32 {
        self.0.differences
    }

    /// What of the money of others was neither at the processor nor at our own bank: more than nothing has to be looked
    /// into at once. It is looked for once a day; null where it was not, or the processor did not say what it has.
    async fn uncovered(&self) -> Option<Money> {
        self.0.uncovered.map(Into::into)
    }

    /// All that was found, as `rabta reconcile --json` prints it: sums of both sides, and each difference with its
    /// lines, what to do about it, and the entry that would set it right.
    async fn report(&self) -> Json<serde_json::Value> {
        Json(self.0.report.clone())
    }
}

/// Looking at comparisons.
#[derive(Debug, Default)]
pub struct ReconciliationQuery;

#[Object]
impl ReconciliationQuery {
    /// The comparisons of the books with what the processor moved, newest first. Only admins see them.
    async fn reconciliations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, Reconciliation>>> {
        let found = ctx.market().reconciliations(&ctx.call(), &page(first, after, last, before)).await;
        connect(found, Reconciliation).map(Some)
    }
}
