//! Blocks: who is not to be brought together with whom.

use async_graphql::{Context, InputObject, Object};
use domain::block::{Block, Side};
use domain::id::{OrganizationId, UserId};
use serde::Serialize;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::{UserKnown, load};
use crate::organization::Organization;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// A freelancer to be kept apart from your company.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct FreelancerBlockInput {
    /// Your company.
    pub client_id: Key<OrganizationId>,
    /// The freelancer's user.
    pub freelancer_id: Key<UserId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A freelancer not to be kept apart from your company any more.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct FreelancerUnblockInput {
    /// Your company.
    pub client_id: Key<OrganizationId>,
    /// The freelancer's user.
    pub freelancer_id: Key<UserId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A client to be kept apart from you.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ClientBlockInput {
    /// The client.
    pub client_id: Key<OrganizationId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A client not to be kept apart from you any more.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ClientUnblockInput {
    /// The client.
    pub client_id: Key<OrganizationId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `freelancerBlock`.
    FreelancerBlockPayload {
        /// Whether your block stands now: it does.
        blocked: bool
    }
}

payload! {
    /// The answer to `freelancerUnblock`.
    FreelancerUnblockPayload {
        /// Whether your block stands now: it does not.
        blocked: bool
    }
}

payload! {
    /// The answer to `clientBlock`.
    ClientBlockPayload {
        /// Whether your block stands now: it does.
        blocked: bool
    } and viewer
}

payload! {
    /// The answer to `clientUnblock`.
    ClientUnblockPayload {
        /// Whether your block stands now: it does not.
        blocked: bool
    } and viewer
}

/// Whom the signed-in person has blocked.
#[derive(Debug)]
pub struct BlockViewer;

#[Object]
impl BlockViewer {
    /// The clients you have blocked, the latest first; at most 200.
    async fn blocked_clients(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Organization>> {
        let blocked = ctx.market().blocked_clients(&ctx.call()).await.map_err(top_level)?;
        let mut clients = Vec::with_capacity(blocked.len());
        for client in futures_util::future::try_join_all(blocked.into_iter().map(|client| load(ctx, client))).await? {
            clients.extend(client.map(Organization));
        }
        Ok(clients)
    }
}

/// Whom a client has blocked.
#[derive(Debug, Default)]
pub struct BlockQuery;

#[Object]
impl BlockQuery {
    /// The freelancers your company has blocked, the latest first; at most 200. Whoever hid or was suspended since is
    /// left out until they are back, unless you have dealings with them; the block stands.
    async fn blocked_freelancers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Your company.")] client_id: Key<OrganizationId>,
    ) -> async_graphql::Result<Option<Vec<User>>> {
        let blocked = ctx.market().blocked_freelancers(&ctx.call(), client_id.0).await.map_err(top_level)?;
        let mut people = Vec::with_capacity(blocked.len());
        let known = blocked.into_iter().map(|person| load(ctx, UserKnown(person)));
        for person in futures_util::future::try_join_all(known).await? {
            people.extend(person.map(User));
        }
        Ok(Some(people))
    }
}

/// What can be done about blocks.
#[derive(Debug, Default)]
pub struct BlockMutation;

#[Object]
impl BlockMutation {
    /// Keep a freelancer apart from your company: neither is matched with the other, and neither can approach the
    /// other with bids, invitations, offers or messages. What else is under way goes on. They are not told. You can block
    /// 200.
    async fn freelancer_block(&self, ctx: &Context<'_>, input: FreelancerBlockInput) -> Answer<FreelancerBlockPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let block = Block { client: input.client_id.0, freelancer: input.freelancer_id.0, by: Side::Client };
            ctx.market().block_set(&call, block).await
        };
        answer(outcome.await.map(|_| true))
    }

    /// Lift your company's block. If the freelancer blocked you, too, you stay apart.
    async fn freelancer_unblock(
        &self,
        ctx: &Context<'_>,
        input: FreelancerUnblockInput,
    ) -> Answer<FreelancerUnblockPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let block = Block { client: input.client_id.0, freelancer: input.freelancer_id.0, by: Side::Client };
            ctx.market().block_lift(&call, block).await
        };
        answer(outcome.await.map(|_| false))
    }

    /// Keep a client apart from you: neither is matched with the other, and neither can approach the other with bids,
    /// invitations, offers or messages. What else is under way goes on. They are not told. You can block 200.
    async fn client_block(&self, ctx: &Context<'_>, input: ClientBlockInput) -> Answer<ClientBlockPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let freelancer = call.actor.person()?.user;
            let block = Block { client: input.client_id.0, freelancer, by: Side::Freelancer };
            ctx.market().block_set(&call, block).await
        };
        answer(outcome.await.map(|_| true))
    }

    /// Lift your block of a client. If the client blocked you, too, you stay apart.
    async fn client_unblock(&self, ctx: &Context<'_>, input: ClientUnblockInput) -> Answer<ClientUnblockPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let freelancer = call.actor.person()?.user;
            let block = Block { client: input.client_id.0, freelancer, by: Side::Freelancer };
            ctx.market().block_lift(&call, block).await
        };
        answer(outcome.await.map(|_| false))
    }
}
