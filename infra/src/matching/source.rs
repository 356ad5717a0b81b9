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
/// At most so many are looked through for them by SQL, however large the market: entries of skills, the rarest first,
/// and gigs, the newest first. What is beyond is not seen.
const LOOKED_THROUGH: i64 = 10_000;
/// How rare which skill is, SQL counts among so many people at most.
const COUNTED: i64 = 10_000;

/// Of each wanted skill ($1) its first holders; and, since a line of work may bring people together too, the first of
/// all. Those who hold most of what is asked itself ($2) come first.
const PEOPLE_HOLDING: &str = "
    with listed as (
        select holder.profile_id
        from unnest($1::uuid[]) with ordinality as wanted (skill, place)
        cross join lateral (select s.profile_id from profile_skills s where s.skill_id = wanted.skill
                            order by s.profile_id limit $4) holder
        limit $5
    ), near as (
        select p.user_id, p.id from (select distinct profile_id from listed) one
        join freelancer_profiles p on p.id = one.profile_id
        join users u on u.id = p.user_id
        where p.visibility = 'public' and u.suspended_at is null and p.user_id <> all ($3)
    ), others as (
        select p.user_id, p.id from freelancer_profiles p join users u on u.id = p.user_id
        where p.visibility = 'public' and u.suspended_at is null and p.user_id <> all ($3)
        order by p.user_id limit $4
    )
    select found.user_id as id
    from (select * from near union select * from others) found
    left join lateral (
        select count(*) filter (where s.skill_id = any ($2)) as asked, count(*) as wanted
        from profile_skills s where s.profile_id = found.id and s.skill_id = any ($1)
    ) held on true
    order by held.asked desc, held.wanted desc, found.user_id limit $4";

/// Of the newest open gigs those that ask for most of what somebody holds ($1).
const GIGS_ASKING: &str = "
    select g.id from (
        select id, published_at from gigs
        where state = 'open' and visibility = 'public' and client_id <> all ($2) and id <> all ($3)
        order by published_at desc, id desc limit $5
    ) g
    left join lateral (
        select count(*) as held from gig_skills s where s.gig_id = g.id and s.skill_id = any($1)
    ) skills on true
    order by skills.held desc, g.published_at desc, g.id limit $4";

/// So many ($1) of those who may be matched, as `few`.
macro_rules! few_people {
    ($select:literal) => {
        concat!(
            "with few as (
                 select p.id from freelancer_profiles p join users u on u.id = p.user_id
                 where p.visibility = 'public' and u.suspended_at is null order by p.user_id limit $1
             ) ",
            $select
        )
    };
}

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
                let wanted = Wanted::of(&gig, rarity.matcher(now).knowledge);
                let found = market.people_holding(&wanted, except).await?;
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
    /// Those who hold most of what is asked, or something near it: the first `CANDIDATES` of those looked through.
    async fn people_holding(
        &self,
        Wanted { asked, wanted }: &Wanted,
        except: &BTreeSet<UserId>,
    ) -> Result<Vec<UserId>, Failure> {
        let except: Vec<UserId> = except.iter().copied().collect();
        let found = Found::find_by_statement(sql(
            PEOPLE_HOLDING,
            [ids(wanted), ids(asked), ids(&except), CANDIDATES.into(), LOOKED_THROUGH.into()],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|found| UserId::from_uuid(found.id)).collect())
    }

    async fn gigs_asking(&self, person: &PersonFeatures, without: &Without) -> Result<Vec<GigId>, Failure> {
        let known: Vec<GigId> = without.gigs.iter().copied().collect();
        let held: Vec<SkillId> = person.skills.iter().map(|held| held.skill).collect();
        let found = Found::find_by_statement(sql(
            GIGS_ASKING,
            [ids(&held), ids(&without.clients), ids(&known), CANDIDATES.into(), LOOKED_THROUGH.into()],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|found| GigId::from_uuid(found.id)).collect())
    }

    /// How many of those who may be matched hold which skill; in a large market, of some of them.
    async fn holders(&self, model: &Model) -> Result<Holders<'static>, Failure> {
        let held = Held::find_by_statement(sql(
            few_people!(
                "select s.skill_id, count(*) as holders
                 from few join profile_skills s on s.profile_id = few.id group by 1"
            ),
            [COUNTED.into()],
        ));
        let held = held.all(self.db()).await?;
        let people =
            Counted::find_by_statement(sql(few_people!("select count(*) as count from few"), [COUNTED.into()]));
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let people = people.one(self.db()).await?.map_or(0, |people| count(people.count));
        let mut holders = Holders::new(Taxonomy::shipped(), model);
        holders
            .count_many(people, held.into_iter().map(|held| (SkillId::from_uuid(held.skill_id), count(held.holders))));
        Ok(holders)
    }
}

/// What is looked for by SQL.
struct Wanted {
    /// What is asked itself.
    asked: Vec<SkillId>,
    /// That, the rarest first, and then what comes near it.
    wanted: Vec<SkillId>,
}

impl Wanted {
    fn of(gig: &GigFeatures, knowledge: &impl Knowledge) -> Self {
        let mut asked: Vec<SkillId> = gig.skills.iter().map(|asked| asked.skill).collect();
        asked.sort_unstable_by_key(|skill| (std::cmp::Reverse(knowledge.rarity_milli(*skill)), *skill));
        let mut wanted = asked.clone();
        wanted.extend(asked.iter().flat_map(|skill| knowledge.related(*skill)).map(|related| related.skill));
        let mut met = BTreeSet::new();
        wanted.retain(|skill| met.insert(*skill));
        Self { asked, wanted }
    }
}
