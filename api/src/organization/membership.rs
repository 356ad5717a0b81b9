//! Who belongs to an organization: inviting, joining, roles, leaving, passing it on.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::{MemberId, MemberInvitationId, OrganizationId};
use domain::organization::OrganizationDraft;
use serde::Serialize;

use super::{Member, MemberRole, Organization};
use crate::connection::{connect, page};
use crate::context::{RabtaContext, look_again};
use crate::key::Key;
use crate::loader::load;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// An invitation by mail to join an organization.
#[derive(Debug, Clone)]
pub struct MemberInvitation(pub domain::organization::MemberInvitation);

/// An invitation by mail to join an organization. Only those who may invite see it.
#[Object]
impl MemberInvitation {
    /// The id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose mailbox it went to.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// What the person would do.
    async fn role(&self) -> MemberRole {
        self.0.role.into()
    }

    /// Where it stands.
    async fn state(&self) -> MemberInvitationState {
        self.0.state.status().into()
    }

    /// Until when it may be answered, while nobody has.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at()
    }

    /// Since when.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// Where an invitation by mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::organization::InvitationStatus")]
pub enum MemberInvitationState {
    /// It may be answered.
    Pending,
    /// Somebody joined.
    Accepted,
    /// Nobody will.
    Declined,
    /// It was taken back.
    Revoked,
}

/// What a letter invites you to, before you answer.
#[derive(Debug)]
pub struct InvitationToJoin(infra::organization::OpenedInvitation);

/// What a letter invites you to, before you answer. Only whoever it went to sees it.
#[Object]
impl InvitationToJoin {
    /// The organization you would belong to.
    async fn organization(&self) -> Organization {
        Organization(self.0.organization.clone())
    }

    /// What you would do for it.
    async fn role(&self) -> MemberRole {
        self.0.invitation.role.into()
    }

    /// Who invites you.
    async fn invited_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.invitation.invited_by).await?.map(User))
    }

    /// Until when you may answer.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.invitation.expires_at()
    }
}

/// What the signed-in person belongs to.
#[derive(Debug)]
pub struct OrganizationViewer;

#[Object]
impl OrganizationViewer {
    /// What a letter with this code invites you to. Null if it did not go to your address, and once it can't be answered
    /// with yes any more: that is all the same to whoever asks.
    async fn invitation_to_join(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the letter.")] token: String,
    ) -> async_graphql::Result<Option<InvitationToJoin>> {
        let opened = ctx.market().member_invitation_open(&ctx.call(), &token).await.map_err(top_level)?;
        Ok(opened.map(InvitationToJoin))
    }

    /// The organizations you belong to, in the order they were created.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Organization>> {
        let page = page(first, after, last, before);
        connect(ctx.market().organizations_page(&ctx.call(), &page).await, Organization)
    }
}

macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $ty,)*
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }
        )*
    };
}

inputs! {
    /// What an organization says of itself from now on.
    OrganizationUpdateInput {
        /// The organization.
        organization_id: Key<OrganizationId>,
        /// The version you saw, so that you don't overwrite what you did not see.
        expected_version: Option<i64>,
        /// The name it goes by, 2 to 120 characters.
        name: String,
        /// Its website, starting with `https://`.
        website: Option<String>,
        /// What it does, in its own words; up to 5,000 characters.
        about: Option<String>,
    }
    /// To whom an organization is passed on.
    OrganizationTransferInput {
        /// An organization you own; of an admin, one whose owner is suspended.
        organization_id: Key<OrganizationId>,
        /// The member who will own it.
        member_id: Key<MemberId>,
        /// Why, 1 to 500 characters; kept in the audit log. Only admins have to say it.
        reason: Option<String>,
    }
    /// Whom to invite.
    MemberInviteInput {
        /// The organization.
        organization_id: Key<OrganizationId>,
        /// Where the letter goes.
        email: String,
        /// What the person will do; not `OWNER`.
        role: MemberRole,
    }
    /// The answer to an invitation.
    MemberInvitationAcceptInput {
        /// The code from the letter.
        token: String,
    }
    /// The answer to an invitation.
    MemberInvitationDeclineInput {
        /// The code from the letter.
        token: String,
    }
    /// Which invitation to take back.
    MemberInvitationRevokeInput {
        /// The invitation.
        invitation_id: Key<MemberInvitationId>,
    }
    /// What a member does from now on.
    MemberUpdateInput {
        /// The member.
        member_id: Key<MemberId>,
        /// Not `OWNER`: ownership is passed on with `organizationTransfer`.
        role: MemberRole,
    }
    /// Who no longer belongs.
    MemberRemoveInput {
        /// The member: another, or yourself.
        member_id: Key<MemberId>,
    }
}

payload! {
    /// The answer to `organizationUpdate`.
    OrganizationUpdatePayload {
        /// The organization, as it is now.
        organization: Organization
    }
}

payload! {
    /// The answer to `organizationTransfer`.
    OrganizationTransferPayload {
        /// The organization.
        organization: Organization
    }
}

payload! {
    /// The answer to `memberInvite`.
    MemberInvitePayload {
        /// The invitation.
        invitation: MemberInvitation
    }
}

payload! {
    /// The answer to `memberInvitationAccept`.
    MemberInvitationAcceptPayload {
        /// The organization you now belong to.
        organization: Organization
    }
}

payload! {
    /// The answer to `memberInvitationDecline`.
    MemberInvitationDeclinePayload {
        /// Was it declined?
        declined: bool
    }
}

payload! {
    /// The answer to `memberInvitationRevoke`.
    MemberInvitationRevokePayload {
        /// The invitation.
        invitation: MemberInvitation
    }
}

payload! {
    /// The answer to `memberUpdate`.
    MemberUpdatePayload {
        /// The member, as they are now.
        member: Member
    }
}

payload! {
    /// The answer to `memberRemove`.
    MemberRemovePayload {
        /// Who belonged until now.
        member: Member
    }
}

/// What can be done about who belongs to an organization.
#[derive(Debug, Default)]
pub struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Change what your organization says of itself.
    async fn organization_update(
        &self,
        ctx: &Context<'_>,
        input: OrganizationUpdateInput,
    ) -> Answer<OrganizationUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            call.actor.person()?;
            let draft = OrganizationDraft::parse(&input.name, input.website.as_deref(), input.about.as_deref())?;
            ctx.market().organization_update(&call, input.organization_id.0, input.expected_version, draft).await
        };
        answer(outcome.await.map(Organization))
    }

    /// Pass your organization on to another member. You stay as an admin. For admins: pass on an organization whose owner
    /// is suspended, so that somebody can run it.
    async fn organization_transfer(
        &self,
        ctx: &Context<'_>,
        input: OrganizationTransferInput,
    ) -> Answer<OrganizationTransferPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, to) = (input.organization_id.0, input.member_id.0);
            let organization = ctx.market().organization_transfer(&call, id, to, input.reason.as_deref()).await?;
            look_again(ctx).await;
            Ok(organization)
        };
        answer(outcome.await.map(Organization))
    }

    /// Invite somebody by mail to join your organization. It takes a verified address.
    async fn member_invite(&self, ctx: &Context<'_>, input: MemberInviteInput) -> Answer<MemberInvitePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let role = input.role.into();
            ctx.market().member_invite(&call, input.organization_id.0, &input.email, role).await
        };
        answer(outcome.await.map(MemberInvitation))
    }

    /// Join the organization that a letter invites you to.
    async fn member_invitation_accept(
        &self,
        ctx: &Context<'_>,
        input: MemberInvitationAcceptInput,
    ) -> Answer<MemberInvitationAcceptPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let organization = ctx.market().member_invitation_accept(&call, &input.token).await?;
            look_again(ctx).await;
            Ok(organization)
        };
        answer(outcome.await.map(Organization))
    }

    /// Say no to the invitation of a letter.
    async fn member_invitation_decline(
        &self,
        ctx: &Context<'_>,
        input: MemberInvitationDeclineInput,
    ) -> Answer<MemberInvitationDeclinePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().member_invitation_decline(&call, &input.token).await
        };
        answer(outcome.await.map(|_| true))
    }

    /// Take an invitation back.
    async fn member_invitation_revoke(
        &self,
        ctx: &Context<'_>,
        input: MemberInvitationRevokeInput,
    ) -> Answer<MemberInvitationRevokePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().member_invitation_revoke(&call, input.invitation_id.0).await
        };
        answer(outcome.await.map(MemberInvitation))
    }

    /// Give a member of your organization another role.
    async fn member_update(&self, ctx: &Context<'_>, input: MemberUpdateInput) -> Answer<MemberUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let member = ctx.market().member_update(&call, input.member_id.0, input.role.into()).await?;
            look_again(ctx).await;
            Ok(member)
        };
        answer(outcome.await.map(Member))
    }

    /// Remove a member from your organization, or leave it yourself.
    async fn member_remove(&self, ctx: &Context<'_>, input: MemberRemoveInput) -> Answer<MemberRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let member = ctx.market().member_remove(&call, input.member_id.0).await?;
            look_again(ctx).await;
            Ok(member)
        };
        answer(outcome.await.map(Member))
    }
}
