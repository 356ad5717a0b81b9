//! Which companies somebody may know of by their id alone: those they belong to or look after, those with a gig that
//! they may see, those they have dealings with, and those whose reviews are published. Of any other an id tells no more
//! than one that was made up.

use domain::access::{self, Subject, Verb};
use domain::id::{Id, OrganizationId};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row;
use crate::offer::SENT;
use crate::{Failure, Tx};

impl Tx {
    /// May whoever acts know of this company? If not, there is none.
    pub(crate) async fn knows_client(&self, id: OrganizationId) -> Result<bool, Failure> {
        let held = access::allows(self.actor(), Verb::OrganizationRead, &Subject::of_client(id));
        // Dealings as between people (`infra/src/user/known.rs`).
        let dealings = format!(
            "exists (select 1 from (
                 select freelancer_id, organization_id as client_id from contracts
                 union all select freelancer_id, organization_id from offers where {SENT}
                 union all select freelancer_id, client_id from proposals where submitted_at is not null
                 union all select freelancer_id, client_id from invitations) dealings
             where dealings.client_id = organizations.id and dealings.freelancer_id = $1)"
        );
        let seen = Condition::any()
            .add(Expr::val(held))
            .add(row::Column::Id.in_subquery(crate::gig::clients_seen(self.actor())))
            .add(Expr::cust_with_values(dealings, [self.actor().user().map(Id::uuid)]))
            .add(Expr::cust(
                "exists (select 1 from reviews r
                         where r.organization_id = organizations.id and r.side = 'client' and r.published_at is not null)",
            ));
        let found = row::Entity::find_by_id(id.uuid()).filter(seen).one(self.conn()).await?;
        Ok(found.is_some())
    }
}
