//! What screening found of clients and freelancers, for our people.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::ScreeningHitId;
use domain::screening::{Hit, HitState, Party};
use serde::Serialize;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::{OrganizationHeld, load};
use crate::organization::Organization;
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// A name or a country on a list.
#[derive(Debug, Clone)]
pub struct ScreeningHit(pub Hit);

/// A name, or the country somebody lives in, that was found on a list. While it is open, no money of theirs moves.
#[Object]
impl ScreeningHit {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> ScreeningHitStatus {
        match self.0.state {
            HitState::Open => ScreeningHitStatus::Open,
            HitState::Cleared { .. } => ScreeningHitStatus::Cleared,
        }
    }

    /// Counts up with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The client, if it is a client's.
    async fn organization(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        match self.0.party {
            Party::Client(client) => Ok(load(ctx, OrganizationHeld(client)).await?.map(Organization)),
            Party::Freelancer(_) => Ok(None),
        }
    }

    /// The freelancer, if it is a freelancer's.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        match self.0.party {
            Party::Freelancer(freelancer) => Ok(load(ctx, freelancer).await?.map(User)),
            Party::Client(_) => Ok(None),
        }
    }

    /// What is on the list: the organization's name or an owner's, a name the freelancer goes by with us or with a bank,
    /// or the two letters of the country they live in.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What the list has it as.
    async fn listed(&self) -> &str {
        &self.0.listed
    }

    /// When it was found.
    async fn found_at(&self) -> Timestamp {
        self.0.found_at
    }

    /// When it was cleared.
    async fn cleared_at(&self) -> Option<Timestamp> {
        match self.0.state {
            HitState::Open => None,
            HitState::Cleared { at, .. } => Some(at),
        }
    }

    /// Who cleared it.
    async fn cleared_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        match self.0.state {
            HitState::Open => Ok(None),
            HitState::Cleared { by, .. } => Ok(load(ctx, by).await?.map(User)),
        }
    }

    /// Why it was cleared.
    async fn reason(&self) -> Option<&str> {
        match &self.0.state {
            HitState::Open => None,
            HitState::Cleared { reason, .. } => Some(reason),
        }
    }

    /// What you can do to it now.
    async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        acts(&self.0.allowed(&ctx.actor()))
    }
}

/// Where a hit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ScreeningHitStatus {
    /// Our people are to look at it.
    Open,
    /// It was nothing.
    Cleared,
}

/// Which hit is nothing.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ScreeningHitClearInput {
    /// The hit.
    pub screening_hit_id: Key<ScreeningHitId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `screeningHitClear`.
    ScreeningHitClearPayload {
        /// The hit, as it is now.
        screening_hit: ScreeningHit
    }
}

/// Looking at what screening found.
#[derive(Debug, Default)]
pub struct ScreeningQuery;

#[Object]
impl ScreeningQuery {
    /// Names and countries that were found on lists, newest first. Only admins see them.
    async fn screening_hits(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<ScreeningHitStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<ScreeningHit>>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        connect(ctx.market().screening_hits(&ctx.call(), &page).await, ScreeningHit).map(Some)
    }
}

/// What can be done about what screening found.
#[derive(Debug, Default)]
pub struct ScreeningMutation;

#[Object]
impl ScreeningMutation {
    /// For admins: what was found is nothing. Once no hit of either side of a contract is open, its money moves again;
    /// the same name is not found again for the same entry of a list.
    async fn screening_hit_clear(
        &self,
        ctx: &Context<'_>,
        input: ScreeningHitClearInput,
    ) -> Answer<ScreeningHitClearPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.screening_hit_id.0, input.expected_version);
            ctx.market().screening_hit_clear(&call, id, expected, &input.reason).await
        };
        answer(outcome.await.map(ScreeningHit))
    }
}
