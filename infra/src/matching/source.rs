//! Where candidates come from: the seam behind which another source can be put.
//!
//! A source is asked for the best of those who may match and for counts of whom each hard constraint
//! left out. It may be a little behind: what is shown of it is read again first. Scores, reasons and
//! places always come from the domain's `Matcher`, so an answer does not depend on who found it. What
//! ranks does so at its bench, on threads of its own, and never on those that answer requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::{GigId, Id, SkillId, UserId};
use domain::matching::index::{Limits, Without};
use domain::matching::knowledge::Knowledge;
use domain::matching::shipped::Holders;
use domain::matching::{GigFeatures, Matcher, Model, PersonFeatures, Ranking, Taxonomy};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::RANKERS;
use super::shelves::{PATIENCE, Shelf};
use crate::market::Market;
use crate::sql::{ids, sql};
use crate::{Call, Failure};

/// At most so many candidates are ranked that SQL has found.
pub(super) const CANDIDATES: i64 = 2_000;
const LIMIT: usize = CANDIDATES.unsigned_abs() as usize;
/// So many gigs are counted over when it is asked what a person lacks.
const NEAR: usize = 1_000;

/// What finds candidates.
#[derive(Clone)]
pub(super) enum Source {
    /// The index in memory, as of some instant.
    Index(Arc<Shelf>, Timestamp),
    /// The tables, as they are.
    Database,
}

/// What an answer came from, and how fresh it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// What found the candidates.
    pub found_by: FoundBy,
    /// Everything that was committed before this instant was looked at.
    pub as_of: Timestamp,
    /// How long ago that was.
    pub lag: TimeDelta,
}

/// What finds candidates, as it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// The index in memory.
    Index,
    /// The tables.
    Database,
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Held {
    skill_id: Uuid,
    holders: i64,
}

#[derive(FromQueryResult)]
struct Counted {
    count: i64,
}

impl Market {
    /// What to ask now.
    pub(super) fn source(&self) -> Source {
        let source = match self.shelves().look(self.clock().now(), PATIENCE) {
            Some((shelf, as_of)) => Source::Index(shelf, as_of),
            None => Source::Database,
        };
        let name = match source.found_by() {
            FoundBy::Index => "index",
            FoundBy::Database => "database",
        };
        metrics::counter!("rabta_matching_answers_total", "source" => name).increment(1);
        source
    }
}

impl Source {
    pub(super) fn found_by(&self) -> FoundBy {
        match self {
            Self::Index(..) => FoundBy::Index,
            Self::Database => FoundBy::Database,
        }
    }

    pub(super) fn freshness(&self, now: Timestamp) -> Freshness {
        let as_of = match self {
            Self::Index(_, as_of) => *as_of,
            Self::Database => now,
        };
        Freshness { found_by: self.found_by(), as_of, lag: now - as_of }
    }

    /// How rare which skill is, and what ranks.
    pub(super) async fn holders(&self, market: &Market) -> Result<Rarity, Failure> {
        match self {
            Self::Index(shelf, _) => Ok(Rarity::Index(Arc::clone(shelf))),
            Self::Database => {
                let model = market.model_in_use().await?;
                Ok(Rarity::Database(Arc::new(market.holders(&model).await?), model))
            }
        }
    }

    /// The best `first` people for a gig, without these: those whom its client knows.
    pub(super) async fn people(
        &self,
        market: &Market,
        (rarity, now): (&Rarity, Timestamp),
        gig: &GigFeatures,
        except: &BTreeSet<UserId>,
        first: usize,
    ) -> Result<Ranking<UserId>, Failure> {
        let (rarity, gig) = (rarity.clone(), gig.clone());
        match self {
            Self::Index(shelf, _) => {
                let (shelf, except) = (Arc::clone(shelf), except.clone());
                let rank =
                    move || shelf.people.rank_except(&rarity.matcher(now), &gig, first, Limits::default(), &except);
                Ok(RANKERS.at(rank).await?)
            }
            Self::Database => {
                let asked = asked_and_related(&gig, rarity.matcher(now).knowledge);
                let found = market.people_holding(&asked, except).await?;
                let people = market.people_matchable(&found).await?;
                let ranking = RANKERS.at(move || rarity.matcher(now).people(&gig, &people, first)).await?;
                Ok(Ranking { counted_all: found.len() < LIMIT, ..ranking })
            }
        }
    }

    /// The best `first` gigs for a person, without their own and those that they know.
    pub(super) async fn gigs(
        &self,
        market: &Market,
        (rarity, now): (&Rarity, Timestamp),
        person: &PersonFeatures,
        without: &Without,
        first: usize,
    ) -> Result<Ranking<GigId>, Failure> {
        let rarity = rarity.clone();
        match self {
            Self::Index(shelf, _) => {
                let (shelf, person, without) = (Arc::clone(shelf), person.clone(), without.clone());
                Ok(RANKERS.at(move || shelf.gigs.rank(&rarity.matcher(now), &person, first, &without)).await?)
            }
            Self::Database => {
                let found = market.gigs_asking(person, without).await?;
                // As everybody sees them: that one bid on a gig does not put it among those for one.
                let gigs = market.gigs_by_id(&Call::system("matching"), &found).await?;
                let (gigs, person) = (market.gig_features(&gigs).await?, person.clone());
                let ranking = RANKERS.at(move || rarity.matcher(now).gigs(&person, &gigs, first)).await?;
                Ok(Ranking { counted_all: found.len() < LIMIT, ..ranking })
            }
        }
    }
}

impl Source {
    /// So many of the gigs that are nearest to a person, without these.
    pub(super) async fn gigs_near(
        &self,
        market: &Market,
        (rarity, now): (&Rarity, Timestamp),
        person: &PersonFeatures,
        without: &Without,
    ) -> Result<Vec<Arc<GigFeatures>>, Failure> {
        match self {
            Self::Index(shelf, _) => {
                let (shelf, rarity) = (Arc::clone(shelf), rarity.clone());
                let (person, without) = (person.clone(), without.clone());
                Ok(RANKERS.at(move || shelf.gigs.near(&rarity.matcher(now), &person, &without, NEAR)).await?)
            }
            Self::Database => {
                let mut found = market.gigs_asking(person, without).await?;
                found.truncate(NEAR);
                let gigs = market.gigs_by_id(&Call::system("matching"), &found).await?;
                Ok(market.gig_features(&gigs).await?.into_iter().map(Arc::new).collect())
            }
        }
    }
}

/// How rare which skill is, wherever that was counted, and by what is ranked.
#[derive(Clone)]
pub(super) enum Rarity {
    Index(Arc<Shelf>),
    Database(Arc<Holders<'static>>, Arc<Model>),
}

impl Rarity {
    pub(super) fn matcher(&self, now: Timestamp) -> Matcher<'_, Holders<'static>> {
        let (knowledge, model) = match self {
            Self::Index(shelf) => (&shelf.holders, &*shelf.model),
            Self::Database(holders, model) => (&**holders, &**model),
        };
        Matcher { model, knowledge, now }
    }

    /// The version of what ranks.
    pub(super) fn version(&self) -> u32 {
        match self {
            Self::Index(shelf) => shelf.model.version,
            Self::Database(_, model) => model.version,
        }
    }
}

impl Market {
    async fn people_holding(&self, skills: &[SkillId], except: &BTreeSet<UserId>) -> Result<Vec<UserId>, Failure> {
        let except: Vec<UserId> = except.iter().copied().collect();
        let found = Found::find_by_statement(sql(
            "select u.id from freelancer_profiles p join users u on u.id = p.user_id
             left join lateral (
                 select count(*) as held from profile_skills s where s.profile_id = p.id and s.skill_id = any($1)
             ) skills on true
             where p.visibility = 'public' and u.suspended_at is null and p.user_id <> all ($2)
             order by skills.held desc, p.user_id limit $3",
            [ids(skills), ids(&except), CANDIDATES.into()],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|found| UserId::from_uuid(found.id)).collect())
    }

    async fn gigs_asking(&self, person: &PersonFeatures, without: &Without) -> Result<Vec<GigId>, Failure> {
        let known: Vec<GigId> = without.gigs.iter().copied().collect();
        let held: Vec<SkillId> = person.skills.iter().map(|held| held.skill).collect();
        let found = Found::find_by_statement(sql(
            "select g.id from gigs g
             left join lateral (
                 select count(*) as held from gig_skills s where s.gig_id = g.id and s.skill_id = any($1)
             ) skills on true
             where g.state = 'open' and g.visibility = 'public' and g.client_id <> all ($2) and g.id <> all ($4)
             order by skills.held desc, g.published_at desc, g.id limit $3",
            [ids(&held), ids(&without.clients), CANDIDATES.into(), ids(&known)],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|found| GigId::from_uuid(found.id)).collect())
    }

    /// How many of those who may be matched hold which skill.
    async fn holders(&self, model: &Model) -> Result<Holders<'static>, Failure> {
        let held = Held::find_by_statement(sql(
            "select s.skill_id, count(*) as holders from profile_skills s join freelancer_profiles p on p.id = s.profile_id
             join users u on u.id = p.user_id where p.visibility = 'public' and u.suspended_at is null group by 1",
            [],
        ));
        let held = held.all(self.db()).await?;
        let people = Counted::find_by_statement(sql(
            "select count(*) as count from freelancer_profiles p join users u on u.id = p.user_id
             where p.visibility = 'public' and u.suspended_at is null",
            [],
        ));
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let people = people.one(self.db()).await?.map_or(0, |people| count(people.count));
        let mut holders = Holders::new(Taxonomy::shipped(), model);
        holders
            .count_many(people, held.into_iter().map(|held| (SkillId::from_uuid(held.skill_id), count(held.holders))));
        Ok(holders)
    }
}

fn asked_and_related(gig: &GigFeatures, knowledge: &impl Knowledge) -> Vec<SkillId> {
    let mut wanted: Vec<SkillId> = gig
        .skills
        .iter()
        .flat_map(|asked| {
            let related = knowledge.related(asked.skill).into_iter().map(|related| related.skill);
            std::iter::once(asked.skill).chain(related)
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}
