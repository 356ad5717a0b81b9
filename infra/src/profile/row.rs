//! Profiles as rows.

use domain::id::Id;
use domain::matching::features::{Country, Language};
use domain::money::{Currency, Money};
use domain::profile::{Credential, FreelancerProfile, PortfolioItem};
use domain::skill::ProfileSkill;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use super::{level, visibility};
use crate::doc::Doc;
use crate::page::Slice;
use crate::sql::sql;
use crate::{Failure, Fault};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "freelancer_profiles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub headline: String,
    pub overview: String,
    pub rate_minor: Option<i64>,
    pub least_rate_minor: Option<i64>,
    pub least_price_minor: Option<i64>,
    pub country: Option<String>,
    pub currency: String,
    pub time_zone: String,
    pub work_starts: Option<Time>,
    pub work_ends: Option<Time>,
    pub weekly_hours: Option<i32>,
    pub languages: Doc<Vec<Language>>,
    pub credentials: Doc<Vec<Credential>>,
    pub visibility: String,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

#[derive(FromQueryResult)]
struct SkillRow {
    profile_id: Uuid,
    skill_id: Uuid,
    level: String,
    years: i32,
}

#[derive(FromQueryResult)]
struct ItemRow {
    id: Uuid,
    profile_id: Uuid,
    title: String,
    description: String,
    link: Option<String>,
}

/// The profiles of some rows, in their order, with skills and portfolios: two statements, however
/// many there are.
pub(super) async fn whole(conn: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<FreelancerProfile>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let skills = SkillRow::find_by_statement(sql(
        "select profile_id, skill_id, level, years from profile_skills where profile_id = any($1)
         order by profile_id, position",
        [ids.clone().into()],
    ));
    let skills = skills.all(conn).await?;
    let items = ItemRow::find_by_statement(sql(
        "select id, profile_id, title, description, link from portfolio_items where profile_id = any($1)
         order by profile_id, position",
        [ids.into()],
    ));
    let items = items.all(conn).await?;
    let profile = |row: Model| {
        let skills = skills.iter().filter(|skill| skill.profile_id == row.id).map(skill).collect::<Result<_, _>>()?;
        let items = items.iter().filter(|item| item.profile_id == row.id).map(item).collect();
        read(row, skills, items)
    };
    Ok(rows.into_iter().map(profile).collect::<Result<_, Fault>>()?)
}

/// A page of rows as a page of profiles.
pub(super) async fn whole_page(
    conn: &impl ConnectionTrait,
    page: Slice<Model>,
) -> Result<Slice<FreelancerProfile>, Failure> {
    let Slice { items, has_next, has_previous, total } = page;
    let (cursors, rows): (Vec<String>, Vec<Model>) = items.into_iter().unzip();
    let profiles = whole(conn, rows).await?;
    Ok(Slice { items: cursors.into_iter().zip(profiles).collect(), has_next, has_previous, total })
}

/// The row of a profile.
pub(super) fn of(profile: &FreelancerProfile) -> Result<Model, Fault> {
    Ok(Model {
        id: profile.id.uuid(),
        user_id: profile.user.uuid(),
        headline: profile.headline.clone(),
        overview: profile.overview.clone(),
        rate_minor: profile.hourly_rate.map(|rate| rate.minor()),
        least_rate_minor: profile.least_rate.map(|rate| rate.minor()),
        least_price_minor: profile.least_price.map(|price| price.minor()),
        country: profile.country.map(String::from),
        currency: profile.hourly_rate.map_or(Currency::Usd, |rate| rate.currency()).code().to_owned(),
        time_zone: profile.time_zone.to_string(),
        work_starts: profile.hours.map(|(starts, _)| starts),
        work_ends: profile.hours.map(|(_, ends)| ends),
        weekly_hours: profile.weekly_hours.map(i32::from),
        languages: profile.languages.clone().into(),
        credentials: profile.credentials.clone().into(),
        visibility: profile.visibility.as_str().to_owned(),
        version: profile.version,
        created_at: profile.created_at,
        updated_at: profile.updated_at,
    })
}

/// What the row itself says: without skills and portfolio.
pub(super) fn bare(row: Model) -> Result<FreelancerProfile, Fault> {
    read(row, Vec::new(), Vec::new())
}

/// A profile of its row and of what was read along with it.
pub(super) fn put_together(
    row: Model,
    skills: Vec<(Uuid, String, i32)>,
    items: Vec<(Uuid, String, String, Option<String>)>,
) -> Result<FreelancerProfile, Fault> {
    let held =
        skills.into_iter().map(|(skill_id, level, years)| SkillRow { profile_id: row.id, skill_id, level, years });
    let made = items.into_iter().map(|(id, title, description, link)| PortfolioItem {
        id: Id::from_uuid(id),
        title,
        description,
        link,
    });
    let skills = held.map(|held| skill(&held)).collect::<Result<_, _>>()?;
    let portfolio = made.collect();
    read(row, skills, portfolio)
}

fn read(row: Model, skills: Vec<ProfileSkill>, portfolio: Vec<PortfolioItem>) -> Result<FreelancerProfile, Fault> {
    let bad = |why: &str| Fault::bad_row("freelancer_profiles", why);
    let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("currency"))?;
    let money = |minor: Option<i64>| {
        let money = minor.map(|minor| Money::new(minor, currency)).transpose();
        money.map_err(|error| Fault::bad_row("freelancer_profiles", error))
    };
    let country = row.country.map(Country::try_from).transpose();
    let weekly_hours = row.weekly_hours.map(u16::try_from).transpose();
    Ok(FreelancerProfile {
        id: Id::from_uuid(row.id),
        user: Id::from_uuid(row.user_id),
        headline: row.headline,
        overview: row.overview,
        skills,
        hourly_rate: money(row.rate_minor)?,
        least_rate: money(row.least_rate_minor)?,
        least_price: money(row.least_price_minor)?,
        country: country.map_err(|error| Fault::bad_row("freelancer_profiles", error))?,
        time_zone: row.time_zone.parse().map_err(|_| bad("time zone"))?,
        hours: row.work_starts.zip(row.work_ends),
        weekly_hours: weekly_hours.map_err(|error| Fault::bad_row("freelancer_profiles", error))?,
        languages: row.languages.0,
        credentials: row.credentials.0,
        visibility: visibility(&row.visibility).ok_or_else(|| bad("visibility"))?,
        portfolio,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn skill(row: &SkillRow) -> Result<ProfileSkill, Fault> {
    let bad = || Fault::bad_row("profile_skills", "level or years");
    let years = u8::try_from(row.years).map_err(|_| bad())?;
    Ok(ProfileSkill { skill: Id::from_uuid(row.skill_id), level: level(&row.level).ok_or_else(bad)?, years })
}

fn item(row: &ItemRow) -> PortfolioItem {
    let ItemRow { id, profile_id: _, title, description, link } = row;
    PortfolioItem { id: Id::from_uuid(*id), title: title.clone(), description: description.clone(), link: link.clone() }
}
