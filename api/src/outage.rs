//! Outages, and the grace they give.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::OutageId;
use domain::outage::{OutageDraft, Span, Status};
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::load;
use crate::user_error::{Answer, answer, payload};

/// An outage.
#[derive(Debug, Clone)]
pub struct Outage(pub domain::outage::Outage);

/// Power or network that is down in a region. The deadlines of its people move by the time it takes
/// from them; nobody's reliability suffers.
#[Object]
impl Outage {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where: people whose clock is in one of these IANA zones are affected; at most 20.
    async fn zones(&self) -> Vec<String> {
        self.0.zones.iter().map(ToString::to_string).collect()
    }

    /// When it began, or begins.
    async fn from(&self) -> Timestamp {
        self.0.span.from
    }

    /// When it ended, or is expected to.
    async fn until(&self) -> Timestamp {
        self.0.span.until
    }

    /// What is down.
    async fn note(&self) -> &str {
        &self.0.note
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> OutageStatus {
        match self.0.status(ctx.market().clock().now()) {
            Status::Planned => OutageStatus::Planned,
            Status::Ongoing => OutageStatus::Ongoing,
            Status::Over => OutageStatus::Over,
            Status::Withdrawn => OutageStatus::Withdrawn,
        }
    }

    /// When it was declared.
    async fn declared_at(&self) -> Timestamp {
        self.0.declared_at
    }
}

/// Where an outage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OutageStatus {
    /// It has not begun.
    Planned,
    /// It goes on.
    Ongoing,
    /// It is over.
    Over,
    /// It was called off before it began.
    Withdrawn,
}

/// What an outage gave to a milestone or a week.
#[derive(Debug, Clone)]
pub struct OutageGrant(pub domain::outage::Grant);

/// Hours that an outage gave to a milestone or a week of hours. Given once, and never taken back.
#[Object]
impl OutageGrant {
    /// By so many hours the deadline moved.
    async fn hours(&self) -> u16 {
        self.0.hours
    }

    /// When it was given.
    async fn granted_at(&self) -> Timestamp {
        self.0.granted_at
    }

    /// The outage.
    async fn outage(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Outage>> {
        Ok(load(ctx, self.0.outage).await?.map(Outage))
    }
}

/// An outage to declare.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OutageDeclareInput {
    /// Where: 1 to 20 IANA zones, like `Asia/Karachi`.
    pub zones: Vec<String>,
    /// When it began or begins, within 30 days of now.
    pub from: Timestamp,
    /// When it ended or is expected to, at most 30 days later.
    pub until: Timestamp,
    /// What is down, 1 to 500 characters; everybody reads it.
    pub note: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which outage is over.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct OutageEndInput {
    /// The outage.
    pub outage_id: Key<OutageId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `outageDeclare`.
    OutageDeclarePayload {
        /// The new outage.
        outage: Outage
    }
}
payload! {
    /// The answer to `outageEnd`.
    OutageEndPayload {
        /// The outage, as it is now.
        outage: Outage
    }
}

/// Looking at outages.
#[derive(Debug, Default)]
pub struct OutageQuery;

#[Object]
impl OutageQuery {
    /// Outages, the latest declared first.
    async fn outages(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, Outage>>> {
        connect(ctx.market().outages_page(&page(first, after, last, before)).await, Outage).map(Some)
    }
}

/// What can be done about outages.
#[derive(Debug, Default)]
pub struct OutageMutation;

#[Object]
impl OutageMutation {
    /// For admins: declare an outage. Deadlines of those who are affected move by the time it takes
    /// from them, each milestone's within the cap of its terms.
    async fn outage_declare(&self, ctx: &Context<'_>, input: OutageDeclareInput) -> Answer<OutageDeclarePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let OutageDeclareInput { zones, from, until, note, .. } = input.clone();
            ctx.market().outage_declare(&call, OutageDraft { zones, span: Span { from, until }, note }).await
        };
        answer(outcome.await.map(Outage))
    }

    /// For admins: an outage is over, or one that has not begun is called off. What was given stays
    /// given.
    async fn outage_end(&self, ctx: &Context<'_>, input: OutageEndInput) -> Answer<OutageEndPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().outage_end(&call, input.outage_id.0).await
        };
        answer(outcome.await.map(Outage))
    }
}
