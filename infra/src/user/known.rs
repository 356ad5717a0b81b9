//! Whom somebody may know of by their id alone. Whoever hid, was suspended or was erased is nobody to those who have
//! no dealings with them: an id that one kept tells no more than an id that was made up.

use domain::access::{Actor, Staff};
use domain::id::{Id, OrganizationId, UserId};
use domain::user::User;
use sea_orm::{ConnectionTrait, EntityTrait};

use super::row;
use crate::market::Market;
use crate::offer::SENT;
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault, Tx};

/// People by their ids, those of them whom the actor may know of, read with `conn`.
async fn known<C: ConnectionTrait>(conn: &C, actor: &Actor, wanted: &[UserId]) -> Result<Vec<User>, Failure> {
    let (viewer, mine, everybody) = match actor {
        Actor::System => (None, Vec::new(), true),
        Actor::Nobody => (None, Vec::new(), false),
        Actor::Person(person) => {
            let mine: Vec<OrganizationId> = person.memberships.iter().map(|(organization, _)| *organization).collect();
            (Some(person.user.uuid()), mine, person.acts_for_us() == Some(Staff::Admin))
        }
    };
    // In the open is who is neither suspended nor erased, and whose profile, if there is one, is not hidden. Dealings are
    // contracts, offers and bids that were sent, and invitations; members of a company have those of the company.
    let select = format!(
        "with dealings as not materialized (
             select freelancer_id, organization_id as client_id from contracts
             union all select freelancer_id, organization_id from offers where {SENT}
             union all select freelancer_id, client_id from proposals where submitted_at is not null
             union all select freelancer_id, client_id from invitations)
         select u.* from users u
         where u.id = any($1) and (
             $4 or u.id = $2
             or (u.suspended_at is null and u.erased_at is null and not exists (
                 select 1 from freelancer_profiles p where p.user_id = u.id and p.visibility = 'hidden'))
             or exists (select 1 from members m where m.user_id = u.id and m.organization_id = any($3))
             or exists (select 1 from dealings d where d.freelancer_id = u.id and d.client_id = any($3))
             or exists (select 1 from members m join dealings d on d.client_id = m.organization_id
                        where m.user_id = u.id and d.freelancer_id = $2))"
    );
    let select = sql(&select, [ids(wanted), viewer.into(), ids(&mine), everybody.into()]);
    let rows = row::Entity::find().from_raw_sql(select).all(conn).await?;
    Ok(rows.into_iter().map(User::try_from).collect::<Result<_, Fault>>()?)
}

impl Market {
    /// People by their ids, as far as the caller may know of them.
    pub async fn users_known(&self, call: &Call, wanted: &[UserId]) -> Result<Vec<User>, Failure> {
        known(self.db(), &call.actor, wanted).await
    }
}

impl Tx {
    /// May whoever acts know of this person? If not, there is nobody.
    pub(crate) async fn knows(&self, id: UserId) -> Result<bool, Failure> {
        Ok(!known(self.conn(), self.actor(), &[id]).await?.is_empty())
    }
}
