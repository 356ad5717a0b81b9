//! Who belongs to an organization.

use chrono::TimeDelta;
use domain::access::{self, MemberRole, Subject, Verb};
use domain::change::Change;
use domain::id::{Id, MemberId, MemberInvitationId, OrganizationId, UserId};
use domain::organization::{
    Entry, InvitationState, Member, MemberInvitation, Organization, OrganizationDraft, Succession,
};
use domain::refusal::Refusal;
use domain::user::User;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};

use super::{Count, member_row, row};
use crate::mail::Letter;
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, Tx, run};

/// What the code of a letter invites to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenedInvitation {
    /// The invitation.
    pub invitation: MemberInvitation,
    /// The organization it is to.
    pub organization: Organization,
}

/// What the links of these invitations are sealed for.
const PURPOSE: &str = "member invitation";
/// Invitations of one person that go to one mailbox, and those of one organization. Revoked ones count: their letters went.
const TO_MAILBOX_BY_INVITER: Allowance = Allowance { attempts: 3, within: TimeDelta::hours(24) };
const TO_MAILBOX_BY_ORGANIZATION: Allowance = Allowance { attempts: 5, within: TimeDelta::hours(24) };
/// Invitations that go to one mailbox, whoever sends them: so many that nobody keeps others from inviting somebody by
/// doing it a few times themselves.
const TO_MAILBOX: i64 = 50;
/// Invitations that one organization sends.
const OF_ORGANIZATION: Allowance = Allowance { attempts: 100, within: TimeDelta::hours(24) };
/// Invitations that one person sends, for whichever organization.
const OF_INVITER: Allowance = Allowance { attempts: 100, within: TimeDelta::hours(24) };

impl Market {
    /// Change what the organization says of itself.
    pub async fn organization_update(
        &self,
        call: &Call,
        id: OrganizationId,
        expected_version: Option<i64>,
        draft: OrganizationDraft,
    ) -> Result<Organization, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let organization = tx.organization_for_update(id).await?;
            let change = organization.update(tx.actor(), expected_version, draft.clone())?;
            let changed = change.changed;
            let organization = tx.settle(change).await?;
            if changed {
                save_row(tx.conn(), row_of(&organization)).await?;
            }
            Ok(organization)
        })
    }

    /// The owner passes the organization on, or one of our people for an owner who is suspended.
    pub async fn organization_transfer(
        &self,
        call: &Call,
        id: OrganizationId,
        to: MemberId,
        reason: Option<&str>,
    ) -> Result<Organization, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let organization = tx.organization_for_update(id).await?;
            access::check(tx.actor(), Verb::OrganizationTransfer, &organization.subject())?;
            let owner = tx.owner_for_update(id).await?;
            let heir = tx.member_for_update(to).await?.filter(|heir| heir.organization == id).ok_or(Refusal::HIDDEN)?;
            let succession = Succession {
                owner_is_gone: tx.is_gone(owner.user).await?,
                heir_is_gone: tx.is_gone(heir.user).await?,
                owned: tx.organizations_owned(heir.user).await?,
            };
            let change = organization.transfer(tx.actor(), owner, heir, succession, reason)?;
            let changed = change.changed;
            tx.must_be_proved(call).await?;
            let (owner, heir) = tx.settle(change).await?;
            if changed {
                // In this order there are never two owners.
                tx.member_write(&owner).await?;
                tx.member_write(&heir).await?;
                let detail = serde_json::json!({ "from": owner.user, "to": heir.user, "reason": reason.map(str::trim) });
                tx.audit("organization_transfer", id, detail).await?;
            }
            Ok(organization)
        })
    }

    /// Invite somebody to join. The letter with the link follows.
    pub async fn member_invite(
        &self,
        call: &Call,
        organization: OrganizationId,
        email: &str,
        role: MemberRole,
    ) -> Result<MemberInvitation, Failure> {
        let inviter = call.actor.person()?.user;
        run!(self, call, tx => {
            let inviter = tx.user_for_update(inviter).await?.ok_or(Refusal::HIDDEN)?;
            let organization = tx.organization_for_update(organization).await?;
            access::check(tx.actor(), Verb::MemberInvite, &organization.subject())?;
            // Asked behind the person's row: who is out meanwhile invites nobody.
            tx.must_be_proved(call).await?;
            let waiting = tx.invitations_waiting(organization.id).await?;
            let invited = organization.invite(tx.actor(), &inviter, tx.id(), (email, role), waiting, tx.now())?;
            tx.invitations_count(&invited.next).await?;
            let invitation = tx.settle(invited).await?;
            tx.invitation_write(&invitation).await.map_err(|failure| {
                failure.when_violated("member_invitations_once", || {
                    Refusal::rule("ALREADY_INVITED", "An invitation to this address waits for an answer already.")
                })
            })?;
            tx.audit("member_invite", invitation.id, serde_json::json!({ "role": role })).await?;
            Ok(invitation)
        })
    }

    /// What the link of a letter invites the caller to, if it went to them and can be answered.
    pub async fn member_invitation_open(&self, call: &Call, token: &str) -> Result<Option<OpenedInvitation>, Failure> {
        let reader = call.actor.person()?.user;
        let Ok(id) = self.invitation_of(token) else { return Ok(None) };
        run!(self, call, tx => {
            let row = invitation_row::Entity::find_by_id(id.uuid()).one(tx.conn()).await?;
            let Some(invitation) = row.map(MemberInvitation::try_from).transpose()? else { return Ok(None) };
            let Some(reader) = tx.user_find(reader).await? else { return Ok(None) };
            if !invitation.opens_to(tx.entry_of(&invitation, &reader, None).await?, tx.now()) {
                return Ok(None);
            }
            let organization = tx.organization_row(invitation.organization).await?;
            Ok(Some(OpenedInvitation { invitation, organization }))
        })
    }

    /// Join the organization that the link of a letter invites to.
    pub async fn member_invitation_accept(&self, call: &Call, token: &str) -> Result<Organization, Failure> {
        call.actor.person()?;
        let id = self.invitation_of(token)?;
        run!(self, call, tx => {
            let reader = tx.user_for_update(tx.actor().person()?.user).await?.ok_or(Refusal::HIDDEN)?;
            let row = invitation_row::Entity::find_by_id(id.uuid()).one(tx.conn()).await?.ok_or(Refusal::HIDDEN)?;
            // Nobody joins while its owner is erased: there would be nobody to run it.
            let organization = tx.organization_for_update(Id::from_uuid(row.organization_id)).await?;
            let invitation = tx.invitation_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let already = tx.membership(invitation.organization, reader.id).await?;
            let entry = tx.entry_of(&invitation, &reader, already.as_ref()).await?;
            let change = invitation.accept(tx.actor(), tx.id(), entry, tx.now())?;
            let changed = change.changed;
            let (invitation, member) = tx.settle(change).await?;
            if !changed {
                return Ok(organization);
            }
            tx.invitation_write(&invitation).await?;
            tx.member_insert(&member).await.map_err(|failure| {
                failure.when_violated("members_once", || {
                    Refusal::rule("ALREADY_MEMBER", "You belong to this organization already.")
                })
            })?;
            tx.audit("member_join", member.id, serde_json::json!({ "role": member.role })).await?;
            Ok(organization)
        })
    }

    /// Say no to the invitation of a letter.
    pub async fn member_invitation_decline(&self, call: &Call, token: &str) -> Result<MemberInvitation, Failure> {
        call.actor.person()?;
        let id = self.invitation_of(token)?;
        run!(self, call, tx => {
            let invitation = tx.invitation_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.member_invitation_save("member_invitation_decline", invitation.decline(tx.now())?).await
        })
    }

    /// Take an invitation back.
    pub async fn member_invitation_revoke(
        &self,
        call: &Call,
        id: MemberInvitationId,
    ) -> Result<MemberInvitation, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let invitation = tx.invitation_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.member_invitation_save("member_invitation_revoke", invitation.revoke(tx.actor(), tx.now())?).await
        })
    }

    /// Give a member another role.
    pub async fn member_update(&self, call: &Call, id: MemberId, role: MemberRole) -> Result<Member, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let member = tx.member_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let had = member.role;
            let change = member.update(tx.actor(), role)?;
            let changed = change.changed;
            let member = tx.settle(change).await?;
            if changed {
                tx.member_write(&member).await?;
                tx.webhook_endpoints_outlive(member.organization, had).await?;
                if !member.role.invites() {
                    tx.invitations_withdraw(&member).await?;
                }
                tx.audit("member_update", id, serde_json::json!({ "role": role })).await?;
            }
            Ok(member)
        })
    }

    /// Remove a member, or leave.
    pub async fn member_remove(&self, call: &Call, id: MemberId) -> Result<Member, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let member = tx.member_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let member = tx.settle(member.remove(tx.actor())?).await?;
            member_row::Entity::delete_by_id(id.uuid()).exec(tx.conn()).await?;
            tx.invitations_withdraw(&member).await?;
            tx.webhook_endpoints_outlive(member.organization, member.role).await?;
            tx.audit("member_remove", id, serde_json::json!({ "user": member.user })).await?;
            Ok(member)
        })
    }

    /// The organizations the person belongs to, in the order they were created.
    pub async fn organizations_page(&self, call: &Call, page: &PageRequest) -> Result<Slice<Organization>, Failure> {
        let mine: Vec<OrganizationId> = call.actor.person()?.memberships.iter().map(|(id, _)| *id).collect();
        let select =
            row::Entity::find().filter(sea_orm::sea_query::Expr::cust_with_values("id = any($1)", [ids(&mine)]));
        let order = Keyset::<row::Entity> {
            list: "organizations",
            columns: vec![row::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), select, page).await?.try_map(Organization::try_from)?)
    }

    /// The invitations of organizations, newest first, for those who may invite.
    pub async fn member_invitations_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, MemberInvitation>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::MemberInvite, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let order = Keyset::<invitation_row::Entity> {
            list: "member_invitations",
            columns: vec![invitation_row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let (select, column) = (invitation_row::Entity::find(), invitation_row::Column::OrganizationId);
        Ok(try_map_pages(order.pages(self.db(), select, column, &seen, page).await?, MemberInvitation::try_from)?)
    }

    /// An invitation, for those who may invite.
    pub async fn member_invitation_find(
        &self,
        call: &Call,
        id: MemberInvitationId,
    ) -> Result<Option<MemberInvitation>, Failure> {
        let row = invitation_row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let Some(invitation) = row.map(MemberInvitation::try_from).transpose()? else { return Ok(None) };
        let subject = Subject::of_client(invitation.organization);
        Ok(access::allows(&call.actor, Verb::MemberInvite, &subject).then_some(invitation))
    }

    /// Write to whoever was invited, unless it was answered or taken back meanwhile.
    pub(crate) async fn member_invitation_mail(
        &self,
        occurrence: &Occurrence,
        id: MemberInvitationId,
    ) -> Result<(), Failure> {
        let row = invitation_row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let Some(invitation) = row.map(MemberInvitation::try_from).transpose()? else { return Ok(()) };
        let InvitationState::Pending { expires_at } = invitation.state else { return Ok(()) };
        let organization = row::Entity::find_by_id(invitation.organization.uuid()).one(self.db()).await?;
        let name = organization.map(|row| row.name).unwrap_or_default();
        let token = self.keys().seal(PURPOSE, &id.to_string());
        let until = expires_at.format("%Y-%m-%d");
        let text = format!(
            "You are invited to join an organization on Rabta:\r\n\r\n{name}\r\n\r\n\
             To answer, sign in (or sign up) and use this code until {until}:\r\n\r\n{token}\r\n\r\n\
             If you don't know why you got this letter, do nothing."
        );
        let subject = "An invitation to join an organization on Rabta".to_owned();
        let letter = Letter { id: occurrence.id, to: invitation.email.to_string(), subject, text };
        Ok(self.mail().send(letter, self.clock().now()).await?)
    }

    /// A code that we did not write names nothing, and most likely was not copied whole.
    fn invitation_of(&self, token: &str) -> Result<MemberInvitationId, Refusal> {
        let id = self.keys().unseal(PURPOSE, token.trim()).and_then(|id| id.parse().ok());
        id.ok_or_else(|| {
            let message = "This is no code of ours. Copy all of it from the letter, or ask to be invited anew.";
            Refusal::rule("CODE_INVALID", message)
        })
    }
}

#[derive(FromQueryResult)]
struct Lately {
    to_mailbox: i64,
    by_inviter: i64,
    by_organization: i64,
    of_organization: i64,
    of_inviter: i64,
}

impl Tx {
    /// The organization, locked.
    pub(crate) async fn organization_for_update(&self, id: OrganizationId) -> Result<Organization, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Organization::try_from).transpose()?.ok_or(Refusal::HIDDEN)?)
    }

    /// The organization, as it is just now.
    pub(crate) async fn organization_of(&self, id: OrganizationId) -> Result<Organization, Failure> {
        self.organization_row(id).await
    }

    async fn organization_row(&self, id: OrganizationId) -> Result<Organization, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(Organization::try_from).transpose()?.ok_or(Refusal::HIDDEN)?)
    }

    async fn owner_for_update(&self, organization: OrganizationId) -> Result<Member, Failure> {
        let row = member_row::Entity::find()
            .filter(member_row::Column::OrganizationId.eq(organization.uuid()))
            .filter(member_row::Column::Role.eq(MemberRole::Owner.as_str()))
            .lock_exclusive()
            .one(self.conn())
            .await?;
        let row = row.ok_or_else(|| Fault::bad_row("members", "an organization has no owner"))?;
        Ok(Member::try_from(row)?)
    }

    async fn membership(&self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, Failure> {
        let member = member_row::Entity::find()
            .filter(member_row::Column::OrganizationId.eq(organization.uuid()))
            .filter(member_row::Column::UserId.eq(user.uuid()));
        Ok(member.one(self.conn()).await?.map(Member::try_from).transpose()?)
    }

    /// Whoever stands at the door with an invitation, and whether it still stands.
    async fn entry_of<'a>(
        &self,
        invitation: &MemberInvitation,
        reader: &'a User,
        already: Option<&'a Member>,
    ) -> Result<Entry<'a>, Failure> {
        let inviter = self.membership(invitation.organization, invitation.invited_by).await?;
        // Who is suspended lets nobody in: it may not have been them who invited.
        let inviter = if self.is_gone(invitation.invited_by).await? { None } else { inviter };
        let has_owner = self.has_owner(invitation.organization).await?;
        Ok(Entry { reader, already, inviter: inviter.map(|inviter| inviter.role), has_owner })
    }

    async fn member_for_update(&self, id: MemberId) -> Result<Option<Member>, Failure> {
        let row = member_row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Member::try_from).transpose()?)
    }

    async fn member_write(&self, member: &Member) -> Result<(), Failure> {
        let write =
            sql("update members set role = $2 where id = $1", [member.id.uuid().into(), member.role.as_str().into()]);
        self.conn().execute_raw(write).await?;
        Ok(())
    }

    async fn invitations_waiting(&self, organization: OrganizationId) -> Result<i64, Failure> {
        // Those that are over no longer stand in the way of new ones.
        let over = sql(
            "update member_invitations set state = 'declined' where organization_id = $1 and state = 'pending' and state_at <= $2",
            [organization.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(over).await?;
        let count = Count::find_by_statement(sql(
            "select count(*) as count from member_invitations where organization_id = $1 and state = 'pending'",
            [organization.uuid().into()],
        ));
        Ok(count.one(self.conn()).await?.map_or(0, |found| found.count))
    }

    /// Refuse one more letter to a mailbox, or of an organization or a person, if there were enough of them lately. The
    /// rows of both are locked.
    async fn invitations_count(&self, invitation: &MemberInvitation) -> Result<(), Failure> {
        let lately = Lately::find_by_statement(sql(
            "select count(*) filter (where email = $1) as to_mailbox,
                    count(*) filter (where email = $1 and invited_by = $4) as by_inviter,
                    count(*) filter (where email = $1 and organization_id = $2) as by_organization,
                    count(*) filter (where organization_id = $2) as of_organization,
                    count(*) filter (where invited_by = $4) as of_inviter
             from member_invitations
             where created_at > $3 and (email = $1 or organization_id = $2 or invited_by = $4)",
            [
                invitation.email.to_string().into(),
                invitation.organization.uuid().into(),
                (self.now() - OF_ORGANIZATION.within.max(OF_INVITER.within)).into(),
                invitation.invited_by.uuid().into(),
            ],
        ));
        let Some(lately) = lately.one(self.conn()).await? else { return Ok(()) };
        // That others ask the same person is nobody's business: it is answered as if one had asked too often oneself.
        let by_inviter = if lately.to_mailbox < TO_MAILBOX { lately.by_inviter } else { i64::MAX - 1 };
        TO_MAILBOX_BY_INVITER.refuse_over(by_inviter + 1, TO_MAILBOX_BY_INVITER.within)?;
        TO_MAILBOX_BY_ORGANIZATION.refuse_over(lately.by_organization + 1, TO_MAILBOX_BY_ORGANIZATION.within)?;
        OF_ORGANIZATION.refuse_over(lately.of_organization + 1, OF_ORGANIZATION.within)?;
        OF_INVITER.refuse_over(lately.of_inviter + 1, OF_INVITER.within)
    }

    /// Whom somebody let into their organizations, and whom they asked in, before they had shown that the address of
    /// their account is theirs: all of it may have been another's doing.
    pub(crate) async fn members_withdraw(&self, owner: UserId) -> Result<u64, Failure> {
        let revoke = sql(
            "update member_invitations set state = 'revoked', state_at = $2
             where state = 'pending' and (invited_by = $1
                or organization_id in (select organization_id from members where user_id = $1 and role = 'owner'))",
            [owner.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(revoke).await?;
        self.webhook_endpoints_withdraw(owner).await?;
        let remove = sql(
            "delete from members where user_id <> $1
                and organization_id in (select organization_id from members where user_id = $1 and role = 'owner')",
            [owner.uuid().into()],
        );
        Ok(self.conn().execute_raw(remove).await?.rows_affected())
    }

    /// What somebody gave away while they might goes with their right to.
    async fn invitations_withdraw(&self, member: &Member) -> Result<(), Failure> {
        let withdraw = sql(
            "update member_invitations set state = 'revoked', state_at = $3
             where organization_id = $1 and invited_by = $2 and state = 'pending'",
            [member.organization.uuid().into(), member.user.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(withdraw).await?;
        Ok(())
    }

    /// Is the owner of an organization still somebody? One who was erased goes on owning it, for the books.
    async fn has_owner(&self, organization: OrganizationId) -> Result<bool, Failure> {
        let count = Count::find_by_statement(sql(
            "select count(*) as count from members m join users u on u.id = m.user_id
             where m.organization_id = $1 and m.role = 'owner' and u.erased_at is null",
            [organization.uuid().into()],
        ));
        Ok(count.one(self.conn()).await?.is_some_and(|found| found.count > 0))
    }

    async fn invitation_for_update(&self, id: MemberInvitationId) -> Result<Option<MemberInvitation>, Failure> {
        let row = invitation_row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(MemberInvitation::try_from).transpose()?)
    }

    async fn member_invitation_save(
        &self,
        act: &str,
        change: Change<MemberInvitation>,
    ) -> Result<MemberInvitation, Failure> {
        if change.changed {
            self.audit(act, change.next.id, serde_json::json!({ "role": change.next.role })).await?;
        }
        let invitation = self.settle(change).await?;
        self.invitation_write(&invitation).await?;
        Ok(invitation)
    }

    async fn invitation_write(&self, invitation: &MemberInvitation) -> Result<(), Failure> {
        let MemberInvitation { id, organization, email, role, invited_by, state, created_at } = invitation;
        let state_at = match state {
            InvitationState::Pending { expires_at } => *expires_at,
            InvitationState::Accepted { at } | InvitationState::Declined { at } | InvitationState::Revoked { at } => {
                *at
            }
        };
        let row = invitation_row::Model {
            id: id.uuid(),
            organization_id: organization.uuid(),
            email: email.to_string(),
            role: role.as_str().to_owned(),
            invited_by: invited_by.uuid(),
            state: state.status().as_str().to_owned(),
            state_at,
            created_at: *created_at,
        };
        save_row(self.conn(), row).await
    }
}

fn row_of(organization: &Organization) -> row::Model {
    let Organization { id, name, website, about, version, created_at } = organization.clone();
    row::Model { id: id.uuid(), name, website, about, version, created_at }
}

impl TryFrom<invitation_row::Model> for MemberInvitation {
    type Error = Fault;
    fn try_from(row: invitation_row::Model) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("member_invitations", why);
        let at = row.state_at;
        let state = match row.state.as_str() {
            "pending" => InvitationState::Pending { expires_at: at },
            "accepted" => InvitationState::Accepted { at },
            "declined" => InvitationState::Declined { at },
            "revoked" => InvitationState::Revoked { at },
            _ => return Err(bad("state")),
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            organization: Id::from_uuid(row.organization_id),
            email: row.email.parse().map_err(|_| bad("email"))?,
            role: row.role.parse().map_err(|_| bad("role"))?,
            invited_by: Id::from_uuid(row.invited_by),
            state,
            created_at: row.created_at,
        })
    }
}

mod invitation_row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_invitations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Uuid,
        pub email: String,
        pub role: String,
        pub invited_by: Uuid,
        pub state: String,
        pub state_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
