//! Freelancers' profiles.

use domain::access::{Actor, Staff};
use domain::change::Change;
use domain::id::{FreelancerProfileId, Id, OrganizationId, PortfolioItemId, SkillId, UserId};
use domain::matching::features::Country;
use domain::profile::{FreelancerProfile, PortfolioDraft, PortfolioItem, ProfileInput, Visibility};
use domain::refusal::Refusal;
use domain::skill::SkillLevel;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use self::row::{whole, whole_page};
use crate::market::Market;
use crate::offer::SENT;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::sql::{ids, sql};
use crate::words::holds;
use crate::{Call, Failure, Tx, run};

pub(crate) mod along;
mod row;

pub use along::ProfilesWith;

/// Which freelancers are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct FreelancerFilter {
    /// Those who hold all of these skills.
    pub skills: Vec<SkillId>,
    /// Those whose headline or overview holds these words, the last perhaps only begun.
    pub text: Option<String>,
    /// Those who ask at least this for an hour, in US cents.
    pub rate_at_least: Option<i64>,
    /// Those who ask at most this for an hour, in US cents.
    pub rate_at_most: Option<i64>,
    /// Those with at least so many hours a week free.
    pub weekly_hours_at_least: Option<i32>,
    /// Those who speak this language, by its ISO 639 code.
    pub language: Option<String>,
    /// Those who work from this country.
    pub country: Option<Country>,
}

impl Market {
    /// Change the person's own profile, which is made by the first change.
    pub async fn profile_update(&self, call: &Call, input: ProfileInput) -> Result<FreelancerProfile, Failure> {
        let user = call.actor.person()?.user;
        let profile = run!(self, call, tx => {
            // The person's row is what two first changes at once queue up at.
            let person = tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let profile = tx.profile_for_update(user).await?;
            let profile =
                profile.unwrap_or_else(|| FreelancerProfile::blank(tx.id(), user, person.time_zone, tx.now()));
            let before = profile.country;
            let change = profile.update(tx.actor(), input.clone(), tx.now())?;
            if let Some(home) = change.next.country.filter(|home| Some(*home) != before) {
                tx.tax_form_heed_move(user, home).await?;
            }
            tx.profile_save(change).await
        })?;
        self.freelancer_changed(user).await;
        Ok(profile)
    }

    /// Add something to the person's own portfolio.
    pub async fn portfolio_item_add(&self, call: &Call, draft: PortfolioDraft) -> Result<FreelancerProfile, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let profile = tx.profile_for_update(user).await?.ok_or_else(no_profile)?;
            tx.profile_save(profile.add_item(tx.actor(), tx.id(), draft.clone(), tx.now())?).await
        })
    }

    /// Correct something in the person's own portfolio.
    pub async fn portfolio_item_update(
        &self,
        call: &Call,
        id: PortfolioItemId,
        draft: PortfolioDraft,
    ) -> Result<FreelancerProfile, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let profile = tx.profile_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            tx.profile_save(profile.update_item(tx.actor(), id, draft.clone(), tx.now())?).await
        })
    }

    /// Take something from the person's own portfolio.
    pub async fn portfolio_item_remove(&self, call: &Call, id: PortfolioItemId) -> Result<FreelancerProfile, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            let profile = tx.profile_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            tx.profile_save(profile.remove_item(tx.actor(), id, tx.now())?).await
        })
    }

    /// A profile, if the caller may see it.
    pub async fn profile_find(
        &self,
        call: &Call,
        id: FreelancerProfileId,
    ) -> Result<Option<FreelancerProfile>, Failure> {
        let rows = visible_to(&call.actor).filter(row::Column::Id.eq(id.uuid())).all(self.db()).await?;
        Ok(whole(self.db(), rows).await?.pop())
    }

    /// Something a freelancer has made, if the caller may see their profile.
    pub async fn portfolio_item_find(
        &self,
        call: &Call,
        id: PortfolioItemId,
    ) -> Result<Option<PortfolioItem>, Failure> {
        let with_it = Expr::cust_with_values(
            "freelancer_profiles.id = (select profile_id from portfolio_items where id = $1)",
            [id.uuid()],
        );
        let rows = visible_to(&call.actor).filter(with_it).all(self.db()).await?;
        let profile = whole(self.db(), rows).await?.pop();
        Ok(profile.and_then(|profile| profile.portfolio.into_iter().find(|item| item.id == id)))
    }

    /// The profiles of people, those that there are and the caller may see.
    pub async fn profiles_of_users(&self, call: &Call, users: &[UserId]) -> Result<Vec<FreelancerProfile>, Failure> {
        let of_users = Expr::cust_with_values("freelancer_profiles.user_id = any($1)", [ids(users)]);
        let rows = visible_to(&call.actor).filter(of_users).all(self.db()).await?;
        whole(self.db(), rows).await
    }

    /// The profiles of those of these people who may be matched: public ones of people in good standing.
    pub(crate) async fn profiles_matchable(&self, users: &[UserId]) -> Result<Vec<FreelancerProfile>, Failure> {
        let rows = matchable(users).all(self.db()).await?;
        whole(self.db(), rows).await
    }

    /// The same without what they hold and have made: what hard constraints look at.
    pub(crate) async fn profiles_matchable_bare(&self, users: &[UserId]) -> Result<Vec<FreelancerProfile>, Failure> {
        let rows = matchable(users).all(self.db()).await?;
        Ok(rows.into_iter().map(row::bare).collect::<Result<_, _>>()?)
    }

    /// The same of all of these people, those who hide too.
    pub(crate) async fn profiles_bare(&self, users: &[UserId]) -> Result<Vec<FreelancerProfile>, Failure> {
        let of_users = Expr::cust_with_values("freelancer_profiles.user_id = any($1)", [ids(users)]);
        let rows = visible_to(&Actor::System).filter(of_users).all(self.db()).await?;
        Ok(rows.into_iter().map(row::bare).collect::<Result<_, _>>()?)
    }

    /// Freelancers who can be found, newest first.
    pub async fn freelancers_page(
        &self,
        call: &Call,
        filter: &FreelancerFilter,
        page: &PageRequest,
    ) -> Result<Slice<FreelancerProfile>, Failure> {
        let order = Keyset::<row::Entity> {
            list: "freelancers",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let _turn = self.turn_for_words(filter.text.as_deref()).await?;
        // Who deals with somebody sees their profile; found is who wants to be.
        let by = if is_admin(&call.actor) { &call.actor } else { &Actor::Nobody };
        let found = matching(visible_to(by).filter(row::Column::Visibility.eq(PUBLIC)), filter);
        whole_page(self.db(), order.page(self.db(), found, &page.clone().of_filter(filter)).await?).await
    }
}

const PUBLIC: &str = "public";

fn no_profile() -> Refusal {
    Refusal::rule("NO_PROFILE", "Write your profile first.")
}

/// The profiles that an actor may see: public ones of people in good standing, their own, and those of whoever bid to
/// their company or works for it.
fn visible_to(actor: &Actor) -> Select<row::Entity> {
    row::Entity::find().filter(seen_by(actor))
}

fn is_admin(actor: &Actor) -> bool {
    matches!(actor, Actor::Person(person) if person.acts_for_us() == Some(Staff::Admin))
}

/// The condition that an actor may see a profile.
fn seen_by(actor: &Actor) -> sea_orm::Condition {
    let public = Expr::cust(
        "freelancer_profiles.visibility = 'public' and not exists (
             select 1 from users u where u.id = freelancer_profiles.user_id
                 and (u.suspended_at is not null or u.erased_at is not null))",
    );
    let person = match actor {
        Actor::System => return sea_orm::Condition::all(),
        Actor::Nobody => return sea_orm::Condition::any().add(public),
        Actor::Person(_) if is_admin(actor) => return sea_orm::Condition::all(),
        Actor::Person(person) => person,
    };
    let seen = sea_orm::Condition::any().add(public).add(row::Column::UserId.eq(person.user.uuid()));
    if person.memberships.is_empty() || person.suspended {
        return seen;
    }
    let mine: Vec<OrganizationId> = person.memberships.iter().map(|(organization, _)| *organization).collect();
    seen.add(Expr::cust_with_values(
        format!(
            "exists (select 1 from (
                 select freelancer_id, organization_id as client_id from contracts
                 union all select freelancer_id, organization_id from offers where {SENT}
                 union all select freelancer_id, client_id from proposals where submitted_at is not null) dealings
             where dealings.freelancer_id = freelancer_profiles.user_id and dealings.client_id = any($1))"
        ),
        [ids(&mine)],
    ))
}

/// The public profiles of those of these people who are in good standing.
fn matchable(users: &[UserId]) -> Select<row::Entity> {
    visible_to(&Actor::Nobody).filter(Expr::cust_with_values("freelancer_profiles.user_id = any($1)", [ids(users)]))
}

fn matching(select: Select<row::Entity>, filter: &FreelancerFilter) -> Select<row::Entity> {
    let FreelancerFilter { skills, text, rate_at_least, rate_at_most, weekly_hours_at_least, language, country } =
        filter;
    let mut select = select;
    for skill in skills {
        select = select.filter(Expr::cust_with_values(
            "freelancer_profiles.id in (select profile_id from profile_skills where skill_id = $1)",
            [skill.uuid()],
        ));
    }
    if let Some(words) = text.as_deref().and_then(|text| holds("freelancer_profiles.search", text)) {
        select = select.filter(words);
    }
    if let Some(minor) = rate_at_least {
        select = select.filter(row::Column::RateMinor.gte(*minor));
    }
    if let Some(minor) = rate_at_most {
        select = select.filter(row::Column::RateMinor.lte(*minor));
    }
    if let Some(hours) = weekly_hours_at_least {
        select = select.filter(row::Column::WeeklyHours.gte(*hours));
    }
    if let Some(code) = language {
        let spoken = serde_json::json!([{ "code": code }]);
        select = select.filter(Expr::cust_with_values("freelancer_profiles.languages @> $1", [spoken]));
    }
    if let Some(country) = country {
        select = select.filter(row::Column::Country.eq(country.as_str()));
    }
    select
}

impl Tx {
    async fn profile_for_update(&self, user: UserId) -> Result<Option<FreelancerProfile>, Failure> {
        let rows = row::Entity::find().filter(row::Column::UserId.eq(user.uuid())).lock_exclusive();
        Ok(whole(self.conn(), rows.all(self.conn()).await?).await?.pop())
    }

    async fn profile_save(&self, change: Change<FreelancerProfile>) -> Result<FreelancerProfile, Failure> {
        let changed = change.changed;
        let profile = self.settle(change).await?;
        if changed {
            save_row(self.conn(), row::of(&profile)?).await?;
            self.profile_skills_write(&profile).await?;
            self.portfolio_write(&profile).await?;
        }
        Ok(profile)
    }

    async fn profile_skills_write(&self, profile: &FreelancerProfile) -> Result<(), Failure> {
        let skills: Vec<Uuid> = profile.skills.iter().map(|held| held.skill.uuid()).collect();
        let levels: Vec<String> = profile.skills.iter().map(|held| held.level.as_str().to_owned()).collect();
        let years: Vec<i32> = profile.skills.iter().map(|held| i32::from(held.years)).collect();
        let forget = sql(
            "delete from profile_skills where profile_id = $1 and skill_id <> all($2)",
            [profile.id.uuid().into(), skills.clone().into()],
        );
        self.conn().execute_raw(forget).await?;
        let write = sql(
            "insert into profile_skills (profile_id, skill_id, level, years, position)
             select $1, skill, level, years, place
             from unnest($2::uuid[], $3::text[], $4::int[]) with ordinality as held (skill, level, years, place)
             on conflict (profile_id, skill_id)
             do update set level = excluded.level, years = excluded.years, position = excluded.position",
            [profile.id.uuid().into(), skills.into(), levels.into(), years.into()],
        );
        self.conn().execute_raw(write).await?;
        Ok(())
    }

    async fn portfolio_write(&self, profile: &FreelancerProfile) -> Result<(), Failure> {
        let items: Vec<PortfolioItemId> = profile.portfolio.iter().map(|item| item.id).collect();
        let forget = sql(
            "delete from portfolio_items where profile_id = $1 and id <> all($2)",
            [profile.id.uuid().into(), ids(&items)],
        );
        self.conn().execute_raw(forget).await?;
        for (place, PortfolioItem { id, title, description, link }) in (0_i32..).zip(&profile.portfolio) {
            let write = sql(
                "insert into portfolio_items (id, profile_id, title, description, link, position)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (id) do update set title = excluded.title, description = excluded.description,
                     link = excluded.link, position = excluded.position",
                [
                    id.uuid().into(),
                    profile.id.uuid().into(),
                    title.as_str().into(),
                    description.as_str().into(),
                    link.clone().into(),
                    place.into(),
                ],
            );
            self.conn().execute_raw(write).await?;
        }
        Ok(())
    }
}

fn level(text: &str) -> Option<SkillLevel> {
    SkillLevel::ALL.into_iter().find(|level| level.as_str() == text)
}

fn visibility(text: &str) -> Option<Visibility> {
    Visibility::ALL.into_iter().find(|visibility| visibility.as_str() == text)
}
