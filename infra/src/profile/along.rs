//! Profiles that are read along with their people, in the same statement.

use domain::access::Actor;
use domain::profile::FreelancerProfile;
use sea_orm::sea_query::{Alias, Condition, Expr, SelectStatement};
use sea_orm::{FromQueryResult, JoinType, QueryResult};
use serde_json::Value;
use uuid::Uuid;

use super::{row, seen_by};
use crate::sql::along;
use crate::{Failure, Fault};

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
    let list = |column: &str| -> Result<Value, Fault> {
        Ok(found.try_get::<Option<Value>>("profile_", column)?.unwrap_or_else(|| Value::Array(Vec::new())))
    };
    let skills: Vec<(Uuid, String, i32)> = serde_json::from_value(list("skills")?)?;
    let items: Vec<(Uuid, String, String, Option<String>)> = serde_json::from_value(list("portfolio")?)?;
    let profile = row::Model::from_query_result(found, "profile_")?;
    Ok(Some(row::put_together(profile, skills, items)?))
}
