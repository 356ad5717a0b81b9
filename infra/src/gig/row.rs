//! Gigs as rows.

use std::collections::{BTreeSet, HashMap};

use domain::access::{Actor, Staff};
use domain::gig::{BudgetRange, Gig, GigBrief, GigKind, GigSkill, GigState, GigStatus, ScreeningQuestion, Visibility};
use domain::id::{GigId, Id};
use domain::matching::features::{Country, Language, Seniority};
use domain::matching::overlap::WorkDay;
use domain::money::{Currency, Money};
use domain::organization::Organization;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, OnConflict};
use sea_orm::{
    Condition, DbBackend, FromQueryResult, Iterable, JoinType, QueryResult, QuerySelect, QueryTrait, Statement,
};

use super::GigFilter;
use crate::doc::Doc;
use crate::organization::row as organization;
use crate::sql::{along, is_one_of};
use crate::words::holds;
use crate::{Failure, Fault};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gigs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub client_id: Uuid,
    pub created_by: Uuid,
    pub title: String,
    pub description: String,
    pub kind: String,
    pub low_minor: i64,
    pub high_minor: i64,
    pub currency: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub questions: Doc<Vec<ScreeningQuestion>>,
    pub experience: Option<String>,
    pub time_zone: Option<String>,
    pub work_starts: Option<Time>,
    pub work_ends: Option<Time>,
    pub overlap_minutes: Option<i32>,
    #[sea_orm(column_type = "JsonBinary")]
    pub languages: Doc<Vec<Language>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub countries: Doc<BTreeSet<Country>>,
    pub weekly_hours: Option<i32>,
    pub visibility: String,
    pub state: String,
    pub state_at: Option<DateTimeUtc>,
    pub reopen_until: Option<DateTimeUtc>,
    pub removed_reason: Option<String>,
    pub published_at: Option<DateTimeUtc>,
    pub active_at: DateTimeUtc,
    pub version: i64,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// What is written when a gig that is there is written again.
pub(super) fn rewrite() -> OnConflict {
    let changing = Column::iter().filter(|column| {
        !matches!(column, Column::Id | Column::ClientId | Column::CreatedBy | Column::Currency | Column::CreatedAt)
    });
    OnConflict::column(Column::Id).update_columns(changing).to_owned()
}

/// The gigs an actor may see. The same rule as [`Gig::visible_to`], for lists.
pub(super) fn visible_to(actor: &Actor) -> Select<Entity> {
    let public = Condition::all()
        .add(Column::State.eq(GigStatus::Open.as_str()))
        .add(Column::Visibility.eq(Visibility::Public.as_str()));
    let scope = match actor {
        Actor::System => Condition::all(),
        Actor::Person(person) if person.suspended => public,
        Actor::Person(person) if person.acts_for_us() == Some(Staff::Admin) => Condition::all(),
        Actor::Person(person) => {
            let clients: Vec<Uuid> = person.memberships.iter().map(|(client, _)| client.uuid()).collect();
            Condition::any()
                .add(public)
                .add(Expr::cust_with_values("gigs.client_id = any($1)", [clients]))
                .add(crate::proposal::tied_to_gig(person.user))
        }
        Actor::Nobody => public,
    };
    Entity::find().filter(scope)
}

/// Those of a selection that a filter asks for.
pub(super) fn matching(select: Select<Entity>, filter: &GigFilter) -> Select<Entity> {
    let GigFilter {
        skills,
        kind,
        budget_at_least,
        budget_at_most,
        text,
        client,
        experience,
        country,
        weekly_hours_at_most,
        published_since,
        states,
    } = filter;
    let mut select = select;
    if !skills.is_empty() {
        let asks_one = "gigs.id in (select gig_id from gig_skills where $1)";
        select = select.filter(Expr::cust_with_exprs(asks_one, [is_one_of(Expr::cust("skill_id"), skills)]));
    }
    if let Some(kind) = kind {
        select = select.filter(Column::Kind.eq(kind.as_str()));
    }
    if let Some(minor) = budget_at_least {
        select = select.filter(Column::HighMinor.gte(*minor));
    }
    if let Some(minor) = budget_at_most {
        select = select.filter(Column::LowMinor.lte(*minor));
    }
    if let Some(words) = text.as_deref().and_then(|text| holds("gigs.search", text)) {
        select = select.filter(words);
    }
    if let Some(client) = client {
        select = select.filter(Column::ClientId.eq(client.uuid()));
    }
    if let Some(wanted) = experience {
        let unsaid = Condition::any().add(Column::Experience.is_null());
        select = select.filter(unsaid.add(Column::Experience.eq(seniority_name(*wanted))));
    }
    if let Some(country) = country {
        let named = Expr::cust_with_values("gigs.countries @> $1", [serde_json::json!([country.as_str()])]);
        select = select.filter(Condition::any().add(Expr::cust("gigs.countries = '[]'")).add(named));
    }
    if let Some(hours) = weekly_hours_at_most {
        let unsaid = Condition::any().add(Column::WeeklyHours.is_null());
        select = select.filter(unsaid.add(Column::WeeklyHours.lte(*hours)));
    }
    if let Some(since) = published_since {
        select = select.filter(Column::PublishedAt.gte(*since));
    }
    if !states.is_empty() {
        let states: Vec<String> = states.iter().map(|state| state.as_str().to_owned()).collect();
        select = select.filter(Expr::cust_with_values("gigs.state = any($1)", [states]));
    }
    select
}

#[derive(FromQueryResult)]
struct SkillRow {
    gig_id: Uuid,
    skill_id: Uuid,
    required: bool,
}

/// The gigs of some rows, in their order, with their skills: one statement however many there are.
pub(super) async fn with_skills(conn: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Gig>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let asked = SkillRow::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select gig_id, skill_id, required from gig_skills where gig_id = any($1) order by gig_id, position",
        [ids.into()],
    ));
    let mut skills: HashMap<Uuid, Vec<GigSkill>> = HashMap::new();
    for SkillRow { gig_id, skill_id, required } in asked.all(conn).await? {
        skills.entry(gig_id).or_default().push(GigSkill { skill: Id::from_uuid(skill_id), required });
    }
    let whole = |row: Model| gig(skills.remove(&row.id).unwrap_or_default(), row);
    Ok(rows.into_iter().map(whole).collect::<Result<_, Fault>>()?)
}

/// What is read along with gigs, or left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct GigsWith {
    /// Their clients.
    pub clients: bool,
    /// All but their descriptions, which are empty then: for lists that don't show them.
    pub brief: bool,
    /// All but the skills they ask for, which are none then: for lists that don't show them.
    pub skill_less: bool,
}

/// A gig, with what was read along with it.
pub(super) struct Whole {
    pub row: Model,
    pub skills: Vec<GigSkill>,
    pub client: Option<Organization>,
}

impl Whole {
    pub(super) fn gig(self) -> Result<Gig, Fault> {
        gig(self.skills, self.row)
    }
}

/// The gigs of a selection with their skills, and what else is wanted: one statement for all of it.
pub(super) async fn whole(
    conn: &impl ConnectionTrait,
    select: Select<Entity>,
    with: GigsWith,
) -> Result<Vec<Whole>, Failure> {
    let select = if with.brief {
        let shown = Column::iter().filter(|column| !matches!(column, Column::Description));
        select.select_only().columns(shown).expr_as(Expr::cust("''::text"), "description")
    } else {
        select
    };
    let mut query = select.into_query();
    if !with.skill_less {
        query.expr_as(Expr::cust(ASKED_SKILLS), Alias::new("asked_skills"));
    }
    if with.clients {
        let on = Expr::cust("organizations.id = gigs.client_id");
        query.join(JoinType::InnerJoin, Alias::new("organizations"), on);
        along::<organization::Entity>(&mut query, "organizations", "org_");
    }
    let rows = conn.query_all_raw(DbBackend::Postgres.build(&query)).await?;
    let read = |row: &QueryResult| {
        let client = match with.clients {
            true => Some(organization::Model::from_query_result(row, "org_")?.try_into()?),
            false => None,
        };
        let skills = if with.skill_less { vec![] } else { asked_skills(row)? };
        Ok(Whole { row: Model::from_query_result(row, "")?, skills, client })
    };
    rows.iter().map(read).collect()
}

/// What a row of gigs asks for, in one column: `asked_skills`.
pub(crate) const ASKED_SKILLS: &str =
    "(select coalesce(jsonb_agg(jsonb_build_array(s.skill_id, s.required) order by s.position), '[]'::jsonb)
                   from gig_skills s where s.gig_id = gigs.id)";

fn asked_skills(row: &QueryResult) -> Result<Vec<GigSkill>, Failure> {
    let skills: Doc<Vec<(Uuid, bool)>> = row.try_get("", "asked_skills")?;
    Ok(skills.0.into_iter().map(|(skill, required)| GigSkill { skill: Id::from_uuid(skill), required }).collect())
}

/// The gig of a row that was read with what it asks for, if there is one.
pub(crate) fn read(row: &QueryResult) -> Result<Option<Gig>, Failure> {
    let Some(found) = Model::from_query_result_optional(row, "")? else { return Ok(None) };
    Ok(Some(gig(asked_skills(row)?, found)?))
}

fn gig(skills: Vec<GigSkill>, row: Model) -> Result<Gig, Fault> {
    let bad = |why: &str| Fault::bad_row("gigs", why);
    let money = |minor| {
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("currency"))?;
        Money::new(minor, currency).map_err(|error| Fault::bad_row("gigs", error))
    };
    let small = |n: Option<i32>| n.map(u16::try_from).transpose().map_err(|error| Fault::bad_row("gigs", error));
    let state = state(&row)?;
    let work_day = match (&row.time_zone, row.work_starts, row.work_ends) {
        (None, None, None) => None,
        (Some(zone), Some(starts), Some(ends)) => {
            Some(WorkDay { zone: zone.parse().map_err(|error| Fault::bad_row("gigs", error))?, starts, ends })
        }
        _ => return Err(bad("half a working day")),
    };
    let brief = GigBrief {
        kind: GigKind::ALL.into_iter().find(|kind| kind.as_str() == row.kind).ok_or_else(|| bad("kind"))?,
        budget: BudgetRange { low: money(row.low_minor)?, high: money(row.high_minor)? },
        skills,
        questions: row.questions.0,
        experience: row.experience.as_deref().map(seniority).transpose()?,
        work_day,
        overlap_minutes: small(row.overlap_minutes)?,
        languages: row.languages.0,
        countries: row.countries.0,
        weekly_hours: small(row.weekly_hours)?,
        visibility: Visibility::ALL
            .into_iter()
            .find(|visibility| visibility.as_str() == row.visibility)
            .ok_or_else(|| bad("visibility"))?,
        title: row.title,
        description: row.description,
    };
    Ok(Gig {
        id: GigId::from_uuid(row.id),
        client: Id::from_uuid(row.client_id),
        created_by: Id::from_uuid(row.created_by),
        brief,
        state,
        published_at: row.published_at,
        active_at: row.active_at,
        version: row.version,
        created_at: row.created_at,
    })
}

fn state(row: &Model) -> Result<GigState, Fault> {
    let status = GigStatus::ALL.into_iter().find(|status| status.as_str() == row.state);
    let status = status.ok_or_else(|| Fault::bad_row("gigs", format!("state {}", row.state)))?;
    let at = || row.state_at.ok_or_else(|| Fault::bad_row("gigs", "no state_at"));
    let reopen_until = || row.reopen_until.ok_or_else(|| Fault::bad_row("gigs", "no reopen_until"));
    Ok(match status {
        GigStatus::Draft => GigState::Draft,
        GigStatus::Open => GigState::Open,
        GigStatus::Paused => GigState::Paused { at: at()? },
        GigStatus::Filled => GigState::Filled { at: at()? },
        GigStatus::Expired => GigState::Expired { at: at()?, reopen_until: reopen_until()? },
        GigStatus::Cancelled => GigState::Cancelled { at: at()?, reopen_until: reopen_until()? },
        GigStatus::Removed => GigState::Removed {
            at: at()?,
            reason: row.removed_reason.clone().ok_or_else(|| Fault::bad_row("gigs", "no removed_reason"))?,
        },
    })
}

impl TryFrom<&Gig> for ActiveModel {
    type Error = Fault;
    fn try_from(gig: &Gig) -> Result<Self, Fault> {
        let brief = &gig.brief;
        let (state_at, reopen_until, removed_reason) = match &gig.state {
            GigState::Draft | GigState::Open => (None, None, None),
            GigState::Paused { at } | GigState::Filled { at } => (Some(*at), None, None),
            GigState::Expired { at, reopen_until } | GigState::Cancelled { at, reopen_until } => {
                (Some(*at), Some(*reopen_until), None)
            }
            GigState::Removed { at, reason } => (Some(*at), None, Some(reason.clone())),
        };
        Ok(Self {
            id: Set(gig.id.uuid()),
            client_id: Set(gig.client.uuid()),
            created_by: Set(gig.created_by.uuid()),
            title: Set(brief.title.clone()),
            description: Set(brief.description.clone()),
            kind: Set(brief.kind.as_str().to_owned()),
            low_minor: Set(brief.budget.low.minor()),
            high_minor: Set(brief.budget.high.minor()),
            currency: Set(brief.budget.low.currency().code().to_owned()),
            questions: Set(brief.questions.clone().into()),
            experience: Set(brief.experience.map(|seniority| seniority_name(seniority).to_owned())),
            time_zone: Set(brief.work_day.map(|day| day.zone.name().to_owned())),
            work_starts: Set(brief.work_day.map(|day| day.starts)),
            work_ends: Set(brief.work_day.map(|day| day.ends)),
            overlap_minutes: Set(brief.overlap_minutes.map(i32::from)),
            languages: Set(brief.languages.clone().into()),
            countries: Set(brief.countries.clone().into()),
            weekly_hours: Set(brief.weekly_hours.map(i32::from)),
            visibility: Set(brief.visibility.as_str().to_owned()),
            state: Set(gig.status().as_str().to_owned()),
            state_at: Set(state_at),
            reopen_until: Set(reopen_until),
            removed_reason: Set(removed_reason),
            published_at: Set(gig.published_at),
            active_at: Set(gig.active_at),
            version: Set(gig.version),
            created_at: Set(gig.created_at),
        })
    }
}

fn seniority_name(seniority: Seniority) -> &'static str {
    match seniority {
        Seniority::Junior => "junior",
        Seniority::Mid => "mid",
        Seniority::Senior => "senior",
    }
}

fn seniority(name: &str) -> Result<Seniority, Fault> {
    [Seniority::Junior, Seniority::Mid, Seniority::Senior]
        .into_iter()
        .find(|seniority| seniority_name(*seniority) == name)
        .ok_or_else(|| Fault::bad_row("gigs", format!("experience {name}")))
}
