//! Invitations of freelancers to gigs.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::{GigId, InvitationId, UserId};
use serde::Serialize;

use crate::act::{Act, acts};
use crate::context::RabtaContext;
use crate::conversation::Conversation;
use crate::gig::Gig;
use crate::key::Key;
use crate::loader::{ConversationBetween, load};
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// An invitation to a gig.
#[derive(Debug, Clone)]
pub struct Invitation(pub domain::invitation::Invitation);

/// An invitation of a freelancer to a gig. Whoever is invited sees the gig, and accepts by
/// proposing.
#[Object]
impl Invitation {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The gig.
    pub async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        Ok(load(ctx, self.0.gig).await?.map(Gig))
    }

    /// Who is invited.
    pub async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// A word to the freelancer.
    pub async fn message(&self) -> &str {
        &self.0.message
    }

    /// What the freelancer and the client write to each other, if they have written; for the two of them alone.
    pub async fn conversation(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Conversation>> {
        Ok(load(ctx, ConversationBetween((self.0.client, self.0.freelancer))).await?.map(Conversation))
    }

    /// Where it stands.
    pub async fn state(&self) -> InvitationState {
        self.0.status().into()
    }

    /// When it was sent.
    pub async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// What you can do to it now, by the names of the mutations. It is accepted with `proposalSubmit`, as long as its gig
    /// takes proposals.
    pub async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        acts(&self.0.allowed(&ctx.actor()))
    }
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::invitation::InvitationStatus")]
pub enum InvitationState {
    /// Waits for an answer.
    Sent,
    /// The freelancer does not want to.
    Declined,
    /// The freelancer proposed.
    Accepted,
}

/// A freelancer to invite to a gig.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct InvitationSendInput {
    /// The gig.
    pub gig_id: Key<GigId>,
    /// Whom you invite.
    pub freelancer_id: Key<UserId>,
    /// A word to the freelancer, in up to 2,000 characters.
    #[graphql(default)]
    pub message: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// An invitation to decline.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct InvitationDeclineInput {
    /// The invitation.
    pub invitation_id: Key<InvitationId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `invitationSend`.
    InvitationSendPayload {
        /// The invitation; the one that was sent before, if one was.
        invitation: Invitation
    }
}

payload! {
    /// The answer to `invitationDecline`.
    InvitationDeclinePayload {
        /// The invitation as it is now.
        invitation: Invitation
    }
}

/// What can be done to invitations.
#[derive(Debug, Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invite a freelancer to an open gig. Inviting somebody twice changes nothing. It takes a
    /// verified address.
    async fn invitation_send(&self, ctx: &Context<'_>, input: InvitationSendInput) -> Answer<InvitationSendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let InvitationSendInput { gig_id, freelancer_id, message, .. } = input;
            ctx.market().invitation_send(&call, gig_id.0, freelancer_id.0, &message).await
        };
        answer(outcome.await.map(Invitation))
    }

    /// Decline an invitation. You can still propose later.
    async fn invitation_decline(
        &self,
        ctx: &Context<'_>,
        input: InvitationDeclineInput,
    ) -> Answer<InvitationDeclinePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().invitation_decline(&call, input.invitation_id.0).await
        };
        answer(outcome.await.map(Invitation))
    }
}
