//! Evidence in disputes.

use async_graphql::{Context, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::DisputeId;
use serde::Serialize;

use super::{Dispute, Side};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::load;
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// A piece of evidence.
#[derive(Debug, Clone)]
pub struct Evidence(pub domain::dispute::Evidence);

/// What a side of a dispute brought forward, for the other side and the mediators to read. It is never
/// changed or taken back.
#[Object]
impl Evidence {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// For which side.
    async fn side(&self) -> Side {
        self.0.side.into()
    }

    /// Counts the side's pieces from 1.
    async fn number(&self) -> u16 {
        self.0.number
    }

    /// What it shows.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// Where it is; at most 20 addresses.
    async fn links(&self) -> &[String] {
        &self.0.links
    }

    /// When it was brought forward.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// Who brought it forward.
    async fn author(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.author).await?.map(User))
    }

    /// The dispute it is in.
    async fn dispute(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Dispute>> {
        Ok(load(ctx, self.0.dispute).await?.map(Dispute))
    }
}

/// What to bring forward.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct EvidenceAddInput {
    /// The dispute.
    pub dispute_id: Key<DisputeId>,
    /// What it shows, 1 to 5,000 characters.
    pub text: String,
    /// Where it is: up to 20 addresses that start with `https://`.
    #[graphql(default)]
    pub links: Vec<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `evidenceAdd`.
    EvidenceAddPayload {
        /// The new piece of evidence.
        evidence: Evidence
    }
}

/// What can be done with evidence.
#[derive(Debug, Default)]
pub struct EvidenceMutation;

#[Object]
impl EvidenceMutation {
    /// Bring evidence forward in a dispute of yours, until it is over: up to 50 pieces for each side.
    async fn evidence_add(&self, ctx: &Context<'_>, input: EvidenceAddInput) -> Answer<EvidenceAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().evidence_add(&call, input.dispute_id.0, &input.text, &input.links).await
        };
        answer(outcome.await.map(Evidence))
    }
}
