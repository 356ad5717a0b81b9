//! The audit log, for our people.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, Json, Object};
use domain::Timestamp;

use crate::connection::{connect, page};
use crate::context::RabtaContext;

/// A line of the audit log.
#[derive(Debug, Clone)]
pub struct AuditEntry(pub domain::audit::AuditEntry);

/// Who did what to which object. Lines are written with the act itself, and never change.
#[Object]
impl AuditEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Who: the id of a person, or `system`.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// What, like `payout_reject`.
    async fn act(&self) -> &str {
        &self.0.act
    }

    /// To what: the id of the object.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Plain facts about it, as they differ from act to act.
    async fn detail(&self) -> Json<serde_json::Value> {
        Json(self.0.detail.clone())
    }

    /// The trace of the request it was done by.
    async fn trace(&self) -> &str {
        &self.0.trace
    }
}

/// Looking into the audit log.
#[derive(Debug, Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log, newest first. Only admins see it.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection, and two filters")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only lines about the object with this id.")] subject: Option<String>,
        #[graphql(desc = "Only what the person with this id did, or `system`.")] actor: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, AuditEntry>>> {
        let page = page(first, after, last, before);
        let found = ctx.market().audit_log(&ctx.call(), subject.as_deref(), actor.as_deref(), &page).await;
        connect(found, AuditEntry).map(Some)
    }
}
