//! Profiles that are read along with their people, in the same statement.

use domain::access::Actor;
use domain::profile::FreelancerProfile;
use sea_orm::sea_query::{Alias, Condition, Expr, SelectStatement};
use sea_orm::{FromQueryResult, JoinType, QueryResult};
use uuid::Uuid;

use super::{row, seen_by};
use crate::Failure;
use crate::doc::Doc;
use crate::sql::along;

/// What of profiles is wanted. What is left out is empty in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfilesWith {
    /// What they hold.
    pub skills: bool,
    /// What they have made.
    pub portfolio: bool,
}

const SKILLS: &str = "(select jsonb_agg(jsonb_build_array(s.skill_id, s.level, s.years) order by s.position)
    from profile_skills s where s.profile_id = freelancer_profiles.id)";
const PORTFOLIO: &str = "(select jsonb_agg(jsonb_build_array(i.id, i.title, i.description, i.link) order by i.position)
    from portfolio_items i where i.profile_id = freelancer_profiles.id)";

/// What somebody has made, as it is read: its id, title, description and link.
type Item = (Uuid, String, String, Option<String>);

/// Add to what is selected of `users` the profile of each of them that the actor may see.
pub(crate) fn join(query: &mut SelectStatement, actor: &Actor, with: ProfilesWith) {
    let theirs = Expr::cust("freelancer_profiles.user_id = users.id");
    let on = Condition::all().add(theirs).add(seen_by(actor));
    query.join(JoinType::LeftJoin, Alias::new("freelancer_profiles"), on);
    along::<row::Entity>(query, "freelancer_profiles", "profile_");
    let or_nothing = |wanted: bool, some: &'static str| if wanted { some } else { "null::jsonb" };
    query.expr_as(Expr::cust(or_nothing(with.skills, SKILLS)), Alias::new("profile_skills"));
    query.expr_as(Expr::cust(or_nothing(with.portfolio, PORTFOLIO)), Alias::new("profile_portfolio"));
}

/// The profile in a row, if there is one that may be seen.
pub(crate) fn read(found: &QueryResult) -> Result<Option<FreelancerProfile>, Failure> {
    if found.try_get::<Option<Uuid>>("profile_", "id")?.is_none() {
        return Ok(None);
    }
    let skills: Option<Doc<Vec<(Uuid, String, i32)>>> = found.try_get("profile_", "skills")?;
    let items: Option<Doc<Vec<Item>>> = found.try_get("profile_", "portfolio")?;
    let profile = row::Model::from_query_result(found, "profile_")?;
    let (skills, items) = (skills.map_or_else(Vec::new, |list| list.0), items.map_or_else(Vec::new, |list| list.0));
    Ok(Some(row::put_together(profile, skills, items)?))
}
