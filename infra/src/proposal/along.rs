//! Proposals that are read along with who made them, in one statement.

use domain::id::{GigId, UserId};
use domain::profile::FreelancerProfile;
use domain::proposal::Proposal;
use domain::user::User;
use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, JoinType, QueryFilter};

use super::{OF_GIG, newest_first, row};
use crate::market::Market;
use crate::page::{PageRequest, Pages, try_map_pages};
use crate::profile::{ProfilesWith, along as profiles};
use crate::sql::along;
use crate::user::row as user;
use crate::{Call, Failure};

/// What is read along with proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProposalsWith {
    /// The profiles of the freelancers, if they are wanted.
    pub profiles: Option<ProfilesWith>,
}

/// Proposals for gigs, and who made them, each with the profile that the caller may see.
#[derive(Debug)]
pub struct ProposalsFound {
    /// A page for each gig.
    pub pages: Pages<GigId, Proposal>,
    /// The freelancers.
    pub people: Vec<User>,
    /// Their profiles, or that there is none; empty if they were not wanted.
    pub profiles: Vec<(UserId, Option<FreelancerProfile>)>,
}

impl Market {
    /// The proposals for gigs, the newest first, with their freelancers. The members of the gigs' clients see
    /// them, which is for the caller to have found out.
    pub async fn proposals_of_gigs_with(
        &self,
        call: &Call,
        gigs: &[GigId],
        page: &PageRequest,
        with: ProposalsWith,
    ) -> Result<ProposalsFound, Failure> {
        let order = newest_first(OF_GIG);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::SubmittedAt.is_not_null());
        let page = order.parse(page)?;
        let counts = order.counts(self.db(), &select, row::Column::GigId, gigs, &page).await?;
        let mut query = order.of_owners(select, row::Column::GigId, gigs, &page);
        let theirs = Expr::cust("users.id = theirs.freelancer_id");
        query.join(JoinType::InnerJoin, Alias::new("users"), theirs);
        along::<user::Entity>(&mut query, "users", "user_");
        if let Some(with) = with.profiles {
            profiles::join(&mut query, &call.actor, with);
        }
        let (mut proposals, mut people, mut found_profiles) = (Vec::new(), Vec::new(), Vec::new());
        for found in self.db().query_all_raw(DbBackend::Postgres.build(&query)).await? {
            proposals.push(row::Model::from_query_result(&found, "")?);
            let person: User = user::Model::from_query_result(&found, "user_")?.try_into()?;
            if with.profiles.is_some() {
                found_profiles.push((person.id, profiles::read(&found)?));
            }
            people.push(person);
        }
        let pages = order.deal(proposals, row::Column::GigId, gigs, &page, &counts);
        Ok(ProposalsFound { pages: try_map_pages(pages, Proposal::try_from)?, people, profiles: found_profiles })
    }
}
