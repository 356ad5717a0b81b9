//! Invitations of freelancers to gigs.

use std::collections::HashMap;

use domain::access::{self, Verb};
use domain::change::Change;
use domain::gig::Gig;
use domain::id::{GigId, Id, InvitationId, UserId};
use domain::invitation::{Asking, Invitation, InvitationState};
use domain::refusal::Refusal;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Statement,
};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

impl Market {
    /// Invite a freelancer to a gig.
    pub async fn invitation_send(
        &self,
        call: &Call,
        gig: GigId,
        freelancer: UserId,
        message: &str,
    ) -> Result<Invitation, Failure> {
        run!(self, call, tx => {
            // Locked, so that the invitations of a gig are counted one after the other.
            let gig = tx.gig_for_update(gig).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::InvitationSend, &gig.subject())?;
            let terms = tx.trade_terms().await?;
            let sent = tx.invitations_sent(&gig, freelancer).await?;
            let asking = Asking {
                gig: &gig,
                freelancer,
                // Read again here, whatever a ranking knew of them.
                is_known: tx.knows(freelancer).await?
                    && !tx.is_gone(freelancer).await?
                    && !tx.is_blocked(gig.client, freelancer).await?,
                is_member: tx.is_member(gig.client, freelancer).await?,
                sent_before: sent.before.as_ref(),
                sent_today: sent.today,
                sent_for_gig: sent.for_gig,
            };
            let change = asking.send(tx.actor(), message, tx.id(), &terms, tx.now())?;
            tx.must_read_mail().await?;
            tx.invitation_save(change).await.map_err(|failure| {
                failure.when_violated("invitations_freelancer_id_fkey", || {
                    Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer")
                })
            })
        })
    }

    /// The freelancer does not want to.
    pub async fn invitation_decline(&self, call: &Call, id: InvitationId) -> Result<Invitation, Failure> {
        run!(self, call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let invitation = row.map(Invitation::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            tx.invitation_save(invitation.decline(tx.actor(), tx.now())?).await
        })
    }

    /// The invitation, if the caller may see it.
    pub async fn invitation_find(&self, call: &Call, id: InvitationId) -> Result<Option<Invitation>, Failure> {
        Ok(self.invitations_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Invitations by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn invitations_by_id(&self, call: &Call, wanted: &[InvitationId]) -> Result<Vec<Invitation>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Invitation::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|invitation| invitation.visible_to(&call.actor)).collect())
    }

    /// The invitations to gigs, the newest first. The members of their clients see them, which is for
    /// the caller to have found out.
    pub async fn invitations_of_gigs(
        &self,
        _call: &Call,
        gigs: &[GigId],
        page: &PageRequest,
    ) -> Result<Pages<GigId, Invitation>, Failure> {
        let (order, column) = (newest_first("gig_invitations"), row::Column::GigId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, column, gigs, page).await?;
        Ok(try_map_pages(pages, Invitation::try_from)?)
    }

    /// The caller's own invitations, the newest first.
    pub async fn invitations_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Invitation>, Failure> {
        let user = call.actor.person()?.user;
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid()));
        Ok(newest_first("viewer_invitations").page(self.db(), select, page).await?.try_map(Invitation::try_from)?)
    }

    /// The caller's own invitation to each of these gigs: there is one at most.
    pub async fn invitations_of_viewer_to(
        &self,
        call: &Call,
        gigs: &[GigId],
    ) -> Result<HashMap<GigId, Invitation>, Failure> {
        let Ok(person) = call.actor.person() else { return Ok(HashMap::new()) };
        let theirs = "select * from invitations where gig_id = any($1) and freelancer_id = $2";
        let theirs = sql(theirs, [ids(gigs), person.user.uuid().into()]);
        let rows = row::Entity::find().from_raw_sql(theirs).all(self.db()).await?;
        let read = rows.into_iter().map(|row| Invitation::try_from(row).map(|invitation| (invitation.gig, invitation)));
        Ok(read.collect::<Result<_, _>>()?)
    }
}

struct Sent {
    before: Option<Invitation>,
    today: u32,
    for_gig: u32,
}

#[derive(FromQueryResult)]
struct Counts {
    today: i64,
    for_gig: i64,
}

impl Tx {
    /// Is this person invited to the gig?
    pub(crate) async fn is_invited(&self, gig: GigId, freelancer: UserId) -> Result<bool, Failure> {
        Ok(self.invitation_between(gig, freelancer).await?.is_some())
    }

    async fn invitation_between(&self, gig: GigId, freelancer: UserId) -> Result<Option<Invitation>, Failure> {
        let row = between(gig, freelancer).one(self.conn()).await?;
        Ok(row.map(Invitation::try_from).transpose()?)
    }

    async fn invitations_sent(&self, gig: &Gig, freelancer: UserId) -> Result<Sent, Failure> {
        let counts = Counts::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select (select count(*) from invitations where client_id = $1 and created_at > $2) as today,
                    (select count(*) from invitations where gig_id = $3) as for_gig",
            [gig.client.uuid().into(), (self.now() - chrono::TimeDelta::days(1)).into(), gig.id.uuid().into()],
        ));
        let (today, for_gig) = counts.one(self.conn()).await?.map_or((0, 0), |row| (row.today, row.for_gig));
        Ok(Sent {
            before: self.invitation_between(gig.id, freelancer).await?,
            today: u32::try_from(today).unwrap_or(u32::MAX),
            for_gig: u32::try_from(for_gig).unwrap_or(u32::MAX),
        })
    }

    async fn invitation_save(&self, change: Change<Invitation>) -> Result<Invitation, Failure> {
        if change.changed {
            crate::save::save_row(self.conn(), row::active(&change.next)).await?;
        }
        self.settle(change).await
    }
}

/// The invitation of a freelancer to a gig.
fn between(gig: GigId, freelancer: UserId) -> sea_orm::Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::GigId.eq(gig.uuid()))
        .filter(row::Column::FreelancerId.eq(freelancer.uuid()))
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

impl TryFrom<row::Model> for Invitation {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state = match (row.status.as_str(), row.answered_at) {
            ("sent", None) => InvitationState::Sent,
            ("declined", Some(at)) => InvitationState::Declined { at },
            ("accepted", Some(at)) => InvitationState::Accepted { at },
            (status, _) => return Err(Fault::bad_row("invitations", format!("status {status}"))),
        };
        Ok(Self {
            id: InvitationId::from_uuid(row.id),
            gig: Id::from_uuid(row.gig_id),
            client: Id::from_uuid(row.client_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            invited_by: Id::from_uuid(row.invited_by),
            message: row.message,
            state,
            created_at: row.created_at,
        })
    }
}

pub(crate) mod row {
    use domain::id::Id;
    use domain::invitation::{Invitation, InvitationState};
    use sea_orm::entity::prelude::*;

    use super::Set;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub gig_id: Uuid,
        pub client_id: Uuid,
        pub freelancer_id: Uuid,
        pub invited_by: Uuid,
        pub message: String,
        pub status: String,
        pub answered_at: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}

    pub fn active(invitation: &Invitation) -> ActiveModel {
        let answered_at = match invitation.state {
            InvitationState::Sent => None,
            InvitationState::Declined { at } | InvitationState::Accepted { at } => Some(at),
        };
        ActiveModel {
            id: Set(invitation.id.uuid()),
            gig_id: Set(invitation.gig.uuid()),
            client_id: Set(invitation.client.uuid()),
            freelancer_id: Set(invitation.freelancer.uuid()),
            invited_by: Set(invitation.invited_by.uuid()),
            message: Set(invitation.message.clone()),
            status: Set(invitation.status().as_str().to_owned()),
            answered_at: Set(answered_at),
            created_at: Set(invitation.created_at),
        }
    }
}
