//! Which companies somebody may know of by their id alone: those they belong to or look after, those whose gigs everybody
//! sees or saw, those they have dealings with, and those whose reviews are published. Of any other an id tells no more
//! than one that was made up.

use domain::access::{self, Subject, Verb};
use domain::id::{Id, OrganizationId};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{EntityTrait, QueryFilter};

use super::row;
use crate::offer::SENT;
use crate::{Failure, Tx};

/// Everybody may have seen this gig: whoever closes it does not become a stranger by that. What our people took down
/// counts no longer.
const SEEN: &str = "exists (select 1 from gigs g
                           where g.client_id = $1 and g.published_at is not null
                               and g.visibility = 'public' and g.state <> 'removed')";

/// A review that this company wrote stands on the page of whom it is about.
const REVIEWED: &str = "exists (select 1 from reviews r
                         where r.organization_id = $1 and r.side = 'client' and r.published_at is not null)";

impl Tx {
    /// May whoever acts know of this company? If not, there is none. Each part names the company by its id, so that an index
    /// answers it: where it is compared with a row, the database may read the gigs of everybody first.
    pub(crate) async fn knows_client(&self, id: OrganizationId) -> Result<bool, Failure> {
        let held = access::allows(self.actor(), Verb::OrganizationRead, &Subject::of_client(id));
        // Dealings as between people (`infra/src/user/known.rs`).
        let dealings = format!(
            "exists (select 1 from (
                 select freelancer_id, organization_id as client_id from contracts
                 union all select freelancer_id, organization_id from offers where {SENT}
                 union all select freelancer_id, client_id from proposals where submitted_at is not null
                 union all select freelancer_id, client_id from invitations) dealings
             where dealings.client_id = $1 and dealings.freelancer_id = $2)"
        );
        let known = Condition::any()
            .add(Expr::val(held))
            .add(Expr::cust_with_values(SEEN, [id.uuid()]))
            .add(Expr::cust_with_values(dealings, [Some(id.uuid()), self.actor().user().map(Id::uuid)]))
            .add(Expr::cust_with_values(REVIEWED, [id.uuid()]));
        let found = row::Entity::find_by_id(id.uuid()).filter(known).one(self.conn()).await?;
        Ok(found.is_some())
    }
}
