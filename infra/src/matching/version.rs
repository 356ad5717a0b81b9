//! Versions of the scoring model: which one ranks, how another is learned from the log of what was
//! shown, and how an operator switches between them.
//!
//! A version is a row that never changes. The last line of `model_uses` says which one ranks; every
//! server follows that line with its index, and reads it with each answer while it has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::matching::Model;
use domain::matching::learn::{self, Choice, Direction, Interval, KINDS, Learned, Page, Shown};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::follow::aside;
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// At most so many impressions are learned from, the newest.
const MOST: i64 = 400_000;
/// Versions up to this one ship with the program.
const SHIPPED: i32 = 1_000;

/// A version that can rank.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Its number.
    pub version: u32,
    /// When it was fitted; those that ship were not fitted here.
    pub fitted_at: Option<Timestamp>,
    /// What it was fitted to and how it fared.
    pub evidence: Option<Value>,
    /// Whether it ranks now.
    pub in_use: bool,
}

/// A version that was just fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Its number. It does not rank before an operator says so.
    pub version: u32,
    /// The model it was fitted from, which ranks now.
    pub before: Arc<Model>,
    /// What was learned.
    pub learned: Learned,
}

#[derive(FromQueryResult)]
struct InUse {
    version: i32,
    model: Option<Value>,
}

#[derive(FromQueryResult)]
struct Version {
    version: i32,
    fitted_at: Timestamp,
    evidence: Value,
}

#[derive(FromQueryResult)]
struct Kept {
    model: Value,
}

#[derive(FromQueryResult)]
struct Number {
    version: i32,
}

#[derive(FromQueryResult)]
struct Line {
    page: Uuid,
    about: Uuid,
    shown_at: Timestamp,
    position: i32,
    factor_micro: Vec<i32>,
    choice: i32,
}

/// What was shown, each line with the furthest it came. A pair is chosen once, where it was first acted on: all that
/// became of it later counts there, from whatever page it was done, and what was shown of it later is no longer a choice,
/// and is left out.
const LOG: &str = "
    select e.page, case when e.direction = 'people' then e.gig_id else e.viewer_id end as about, e.shown_at, e.position,
        e.factor_micro,
        coalesce((select max(case a.kind when 'hire' then 4 when 'shortlist' then 3 when 'click' then 1 else 2 end)
                  from match_acts a
                  where a.gig_id = e.gig_id and a.freelancer_id = e.freelancer_id and a.direction = e.direction
                    and a.exposure_id >= e.id
                  having bool_or(a.exposure_id = e.id)), 0) as choice
    from exposures e
    where e.direction = $1 and e.shown_at >= $2 and e.factor_micro is not null
      and not exists (select 1 from match_acts before
                      where before.gig_id = e.gig_id and before.freelancer_id = e.freelancer_id
                        and before.direction = e.direction and before.exposure_id < e.id)
    order by e.id desc limit $3";

impl Market {
    /// The model that ranks now.
    pub(crate) async fn model_in_use(&self) -> Result<Arc<Model>, Failure> {
        let found = InUse::find_by_statement(sql(
            "select used.version, kept.model from (select version from model_uses order by id desc limit 1) used
             left join model_versions kept using (version)",
            [],
        ));
        Ok(Arc::new(match found.one(self.db()).await? {
            Some(InUse { model: Some(model), version }) => read(&model).unwrap_or_else(|why| {
                tracing::error!(
                    version,
                    why,
                    "a model was fitted for another version of the program; the shipped one ranks"
                );
                Model::shipped().clone()
            }),
            // One that no longer ships gives way to the one that ships with this program.
            Some(InUse { model: None, version }) => {
                Model::shipped_as(number(version)?).unwrap_or_else(Model::shipped).clone()
            }
            None => Model::shipped().clone(),
        }))
    }

    /// The versions there are, the newest first.
    pub async fn model_versions(&self) -> Result<Vec<ModelVersion>, Failure> {
        let in_use = self.model_in_use().await?.version;
        let fitted = Version::find_by_statement(sql(
            "select version, fitted_at, evidence from model_versions order by version desc",
            [],
        ));
        let mut versions = Vec::new();
        for row in fitted.all(self.db()).await? {
            let version = number(row.version)?;
            let (fitted_at, evidence) = (Some(row.fitted_at), Some(row.evidence));
            versions.push(ModelVersion { version, fitted_at, evidence, in_use: version == in_use });
        }
        for Model { version, .. } in Model::all_shipped() {
            let in_use = *version == in_use;
            versions.push(ModelVersion { version: *version, fitted_at: None, evidence: None, in_use });
        }
        Ok(versions)
    }

    /// Rank by this version from now on; whether that is news. Every server does within a second.
    pub async fn model_use(&self, call: &Call, version: u32) -> Result<bool, Failure> {
        let before = self.model_in_use().await?.version;
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::ModelUse, &Subject::OURS)?;
            let wanted = i32::try_from(version).unwrap_or(i32::MAX);
            if Model::shipped_as(version).is_none() {
                let kept = Kept::find_by_statement(sql("select model from model_versions where version = $1", [wanted.into()]));
                let Some(kept) = kept.one(tx.conn()).await? else {
                    return Err(Refusal::rule("NO_SUCH_MODEL", format!("there is no version {version} of the model")).into());
                };
                if let Err(why) = read(&kept.model) {
                    let message = format!("version {version} can't be read by this version of the program: {why}");
                    return Err(Refusal::rule("MODEL_OF_ANOTHER_PROGRAM", message).into());
                }
            }
            if version == before {
                return Ok(false);
            }
            let used = sql("insert into model_uses (version, used_at) values ($1, $2)", [wanted.into(), tx.now().into()]);
            tx.conn().execute_raw(used).await?;
            tx.audit("model_use", version, json!({ "from": before, "to": version })).await?;
            Ok(true)
        })
    }

    /// Rank by what ranked before the last switch; which version that is. Done twice, all is as it was.
    pub async fn model_undo(&self, call: &Call) -> Result<u32, Failure> {
        let before =
            Number::find_by_statement(sql("select version from model_uses order by id desc offset 1 limit 1", []));
        let version = match before.one(self.db()).await? {
            Some(before) if before.version > SHIPPED => number(before.version)?,
            Some(before) => Model::shipped_as(number(before.version)?).unwrap_or_else(Model::shipped).version,
            None => Model::shipped().version,
        };
        self.model_use(call, version).await?;
        Ok(version)
    }

    /// Fit the weights of one direction to the log since an instant, and keep them as a new version,
    /// which does not rank yet.
    pub async fn model_learn(
        &self,
        call: &Call,
        direction: Direction,
        since: Timestamp,
        seed: u64,
    ) -> Result<Fitted, Failure> {
        let pages = self.model_pages(call, direction, since).await?;
        let before = self.model_in_use().await?;
        let model = Arc::clone(&before);
        let learned = aside(move || learn::learn(&pages, &model, direction, seed))
            .await?
            .map_err(|too_little| Refusal::rule("TOO_LITTLE_LOGGED", too_little.to_string()))?;
        let evidence = evidence(&learned, direction, &before, since, seed);
        let version = run!(self, call, tx => {
            let next = Number::find_by_statement(sql(
                "select greatest(coalesce(max(version), 0), $1) + 1 as version from model_versions",
                [SHIPPED.into()],
            ));
            let next = next.one(tx.conn()).await?.map_or(SHIPPED + 1, |next| next.version);
            let version = number(next)?;
            let model = learn::version(&before, direction, learned.weights, version);
            let model = serde_json::to_value(&model).map_err(Fault::from)?;
            let keep = sql(
                "insert into model_versions (version, model, evidence, fitted_at) values ($1, $2, $3, $4)",
                [next.into(), model.into(), evidence.clone().into(), tx.now().into()],
            );
            tx.conn().execute_raw(keep).await?;
            tx.audit("model_learn", version, evidence.clone()).await?;
            Ok(version)
        })?;
        Ok(Fitted { version, before, learned })
    }

    /// What is learned from: what was shown since an instant, page by page, and what became of it.
    pub async fn model_pages(&self, call: &Call, direction: Direction, since: Timestamp) -> Result<Vec<Page>, Failure> {
        access::check(&call.actor, Verb::ModelUse, &Subject::OURS)?;
        let name = match direction {
            Direction::People => "people",
            Direction::Gigs => "gigs",
        };
        let lines = Line::find_by_statement(sql(LOG, [name.into(), since.into(), MOST.into()]));
        pages(lines.all(self.db()).await?)
    }

    /// The beginning of the time that so many days are learned from.
    pub fn days_ago(&self, days: u16) -> Timestamp {
        self.clock().now() - TimeDelta::days(i64::from(days))
    }
}

fn read(model: &Value) -> Result<Model, String> {
    Model::parse(&model.to_string()).map_err(|error| error.to_string())
}

fn number(version: i32) -> Result<u32, Fault> {
    u32::try_from(version).map_err(|_| Fault::bad_row("model_versions", "the version is below nothing"))
}

fn pages(lines: Vec<Line>) -> Result<Vec<Page>, Failure> {
    let mut pages: BTreeMap<Uuid, Page> = BTreeMap::new();
    for line in lines {
        let bad = |why: &str| Fault::bad_row("exposures", why);
        let values: [i32; KINDS] = line.factor_micro.try_into().map_err(|_| bad("factor_micro"))?;
        let place = u32::try_from(line.position).map_err(|_| bad("position"))?;
        let choice = match line.choice {
            0 => Choice::None,
            1 => Choice::Opened,
            2 => Choice::Asked,
            3 => Choice::Shortlisted,
            _ => Choice::Hired,
        };
        let page = Page { about: line.about.as_u128(), at: line.shown_at, shown: Vec::new() };
        pages.entry(line.page).or_insert(page).shown.push(Shown { place, values, choice });
    }
    // Lines come the newest first; what is on a page is told in the order of its places.
    for page in pages.values_mut() {
        page.shown.sort_by_key(|shown| (shown.place, shown.values));
    }
    Ok(pages.into_values().collect())
}

fn evidence(learned: &Learned, direction: Direction, before: &Model, since: Timestamp, seed: u64) -> Value {
    let interval = |of: Interval| json!({ "mean": of.mean, "low": of.low, "high": of.high });
    let judged = &learned.judgement;
    json!({
        "direction": direction, "from_version": before.version, "since": since, "seed": seed,
        "choices": learned.choices, "subjects": learned.subjects, "places": learned.places,
        "judged": {
            "choices": judged.choices, "subjects": judged.subjects,
            "old": interval(judged.old), "new": interval(judged.new), "gain": interval(judged.gain),
        },
    })
}
