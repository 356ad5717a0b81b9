//! Matching over what is in the database: candidates are found by SQL, the domain ranks them and
//! says why, and what is shown is logged.
//!
//! The way in is narrow on purpose: [`Market::gig_matches`] and [`Market::gigs_recommended`] hand
//! candidates to the domain's `Matcher`. Where they come from, these statements or an index in
//! memory or another machine, is nobody else's business.

use std::collections::HashMap;

use domain::access::{self, Verb};
use domain::gig::Gig;
use domain::id::{GigId, Id, SkillId, UserId};
use domain::matching::features::Load;
use domain::matching::knowledge::Knowledge;
use domain::matching::rank::Explanation;
use domain::matching::shipped::Holders;
use domain::matching::{GigFeatures, Match, Matcher, Model, PersonFeatures, Placement, Ranking, Taxonomy};
use domain::profile::FreelancerProfile;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::gig::GigFilter;
use crate::market::Market;
use crate::page::{Key, Page, PageRequest, Slice};
use crate::sql::{ids, sql};
use crate::{Call, Failure};

/// At most so many candidates are ranked; those who hold the most of what is asked come first.
const CANDIDATES: i64 = 2_000;
/// At most so many matches can be paged through.
const LONGEST: usize = 200;
/// The list of gigs by how well they match, in cursors.
const BEST_FIRST: &str = "gigs_best_first";
/// How many contracts a freelancer is taken to work on at once.
const CAPACITY: u32 = 4;

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
    id: Uuid,
    count: i64,
}

impl Market {
    /// The people for a gig, the best first, each with reasons. Only those who may hire for it see
    /// them.
    pub async fn gig_matches(&self, call: &Call, gig: &Gig) -> Result<Ranking<UserId>, Failure> {
        access::check(&call.actor, Verb::GigMatches, &gig.subject())?;
        let features = self.gig_features(vec![gig.clone()]).await?.pop().ok_or(Refusal::HIDDEN)?;
        let holders = self.holders().await?;
        let wanted: Vec<SkillId> = asked_and_related(&features, &holders);
        let found = Found::find_by_statement(sql(
            "select u.id from freelancer_profiles p join users u on u.id = p.user_id
             left join lateral (
                 select count(*) as held from profile_skills s where s.profile_id = p.id and s.skill_id = any($1)
             ) skills on true
             where p.visibility = 'public' and u.suspended_at is null and p.user_id <> all (
                 select m.user_id from members m where m.organization_id = $2)
             order by skills.held desc, p.user_id limit $3",
            [ids(&wanted), gig.client.uuid().into(), CANDIDATES.into()],
        ))
        .all(self.db())
        .await?;
        let people: Vec<UserId> = found.into_iter().map(|found| UserId::from_uuid(found.id)).collect();
        let people = self.people_features(call, &people).await?;
        Ok(self.matcher(&holders).people(&features, &people, LONGEST))
    }

    /// The gigs for the signed-in person, the best first, each with reasons.
    pub async fn gigs_recommended(&self, call: &Call) -> Result<Ranking<GigId>, Failure> {
        let user = call.actor.person()?.user;
        let Some(person) = self.people_features(call, &[user]).await?.pop() else {
            return Ok(nothing());
        };
        let held: Vec<SkillId> = person.skills.iter().map(|held| held.skill).collect();
        let found = Found::find_by_statement(sql(
            "select g.id from gigs g
             left join lateral (
                 select count(*) as held from gig_skills s where s.gig_id = g.id and s.skill_id = any($1)
             ) skills on true
             where g.state = 'open' and g.visibility = 'public'
               and not exists (select 1 from members m where m.organization_id = g.client_id and m.user_id = $2)
             order by skills.held desc, g.published_at desc, g.id limit $3",
            [ids(&held), user.uuid().into(), CANDIDATES.into()],
        ))
        .all(self.db())
        .await?;
        let gigs: Vec<GigId> = found.into_iter().map(|found| GigId::from_uuid(found.id)).collect();
        let gigs = self.gigs_by_id(call, &gigs).await?;
        let gigs = self.gig_features(gigs).await?;
        let holders = self.holders().await?;
        Ok(self.matcher(&holders).gigs(&person, &gigs, LONGEST))
    }

    /// Published gigs, those first that match the signed-in person best; those that don't match at
    /// all come last, the newest first.
    pub async fn gigs_best_first(
        &self,
        call: &Call,
        filter: &GigFilter,
        request: &PageRequest,
    ) -> Result<Slice<Gig>, Failure> {
        let user = call.actor.person()?.user;
        let page = Page::parse(request, BEST_FIRST, 3)?;
        let person = self.people_features(call, &[user]).await?.pop();
        let held: Vec<SkillId> = person.iter().flat_map(|person| &person.skills).map(|held| held.skill).collect();
        let gigs = self.gigs_for_ranking(call, filter, &held, CANDIDATES.unsigned_abs()).await?;
        let scores: HashMap<GigId, i64> = match person {
            None => HashMap::new(),
            Some(person) => {
                let features = self.gig_features(gigs.clone()).await?;
                let holders = self.holders().await?;
                let scores = self.matcher(&holders).scores_of_gigs(&person, &features);
                scores.into_iter().map(|(gig, score)| (gig, score.as_nano())).collect()
            }
        };
        // Larger keys come later: scores and times are turned around.
        Ok(page.cut_sorted(BEST_FIRST, gigs, |gig| {
            let score = scores.get(&gig.id).map_or(1, |score| -score);
            let published = gig.published_at.unwrap_or(gig.created_at).timestamp_millis();
            vec![Key::Int(score), Key::Int(-published), Key::Uuid(gig.id.uuid())]
        }))
    }

    /// How well people fit a gig, in billionths; those who fit not at all are absent.
    pub(crate) async fn people_scores(
        &self,
        call: &Call,
        gig: &Gig,
        people: &[UserId],
    ) -> Result<HashMap<UserId, i64>, Failure> {
        let features = self.gig_features(vec![gig.clone()]).await?.pop().ok_or(Refusal::HIDDEN)?;
        let people = self.people_features(call, people).await?;
        let holders = self.holders().await?;
        let scores = self.matcher(&holders).scores_of_people(&features, &people);
        Ok(scores.into_iter().map(|(person, score)| (person, score.as_nano())).collect())
    }

    /// Why a freelancer does or does not match a gig. The client's side sees it for any freelancer
    /// it may see, a freelancer for themselves.
    pub async fn match_explain(&self, call: &Call, gig: GigId, freelancer: UserId) -> Result<Explanation, Failure> {
        let gig = self.gig_find(call, gig).await?.ok_or(Refusal::HIDDEN)?;
        let oneself = call.actor.user() == Some(freelancer);
        if !oneself {
            access::check(&call.actor, Verb::GigMatches, &gig.subject())?;
        }
        let features = self.gig_features(vec![gig]).await?.pop().ok_or(Refusal::HIDDEN)?;
        let person = self.people_features(call, &[freelancer]).await?.pop().ok_or(Refusal::HIDDEN)?;
        let holders = self.holders().await?;
        let matcher = self.matcher(&holders);
        Ok(if oneself { matcher.explain_to_person(&features, &person) } else { matcher.explain(&features, &person) })
    }

    /// Note which people were shown for a gig, and in which places (from 1).
    pub async fn exposures_of_people(
        &self,
        call: &Call,
        gig: GigId,
        version: u32,
        shown: &[(u32, &Match<UserId>)],
    ) -> Result<(), Failure> {
        let rows =
            shown.iter().map(|(position, found)| (gig, found.of, *position, found.placement, found.score.as_nano()));
        self.exposures_log(call, "people", version, rows).await
    }

    /// Note which gigs were shown to the signed-in person, and in which places (from 1).
    pub async fn exposures_of_gigs(
        &self,
        call: &Call,
        version: u32,
        shown: &[(u32, &Match<GigId>)],
    ) -> Result<(), Failure> {
        let Some(user) = call.actor.user() else { return Ok(()) };
        let rows =
            shown.iter().map(|(position, found)| (found.of, user, *position, found.placement, found.score.as_nano()));
        self.exposures_log(call, "gigs", version, rows).await
    }

    async fn exposures_log(
        &self,
        call: &Call,
        direction: &str,
        version: u32,
        shown: impl Iterator<Item = (GigId, UserId, u32, Placement, i64)>,
    ) -> Result<(), Failure> {
        let Some(viewer) = call.actor.user() else { return Ok(()) };
        let rows: Vec<serde_json::Value> = shown
            .map(|(gig, person, position, placement, score)| {
                serde_json::json!({
                    "gig_id": gig.uuid(), "freelancer_id": person.uuid(), "position": position,
                    "placement": placement_name(placement), "score_nano": score,
                })
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let insert = sql(
            "insert into exposures
                 (shown_at, viewer_id, direction, gig_id, freelancer_id, position, placement, model_version, score_nano)
             select $1, $2, $3, s.gig_id, s.freelancer_id, s.position, s.placement, $4, s.score_nano
             from jsonb_to_recordset($5)
                 as s (gig_id uuid, freelancer_id uuid, position integer, placement text, score_nano bigint)",
            [
                self.clock().now().into(),
                viewer.uuid().into(),
                direction.into(),
                i64::from(version).into(),
                serde_json::Value::Array(rows).into(),
            ],
        );
        self.db().execute_raw(insert).await?;
        Ok(())
    }

    fn matcher<'a>(&self, holders: &'a Holders<'a>) -> Matcher<'a, Holders<'a>> {
        Matcher { model: Model::shipped(), knowledge: holders, now: self.clock().now() }
    }

    /// What is known of gigs: what they say, and how many proposals they have.
    async fn gig_features(&self, gigs: Vec<Gig>) -> Result<Vec<GigFeatures>, Failure> {
        Ok(gigs.iter().map(GigFeatures::of).collect())
    }

    /// What is known of people: what they say, and what they have on their hands.
    async fn people_features(&self, call: &Call, people: &[UserId]) -> Result<Vec<PersonFeatures>, Failure> {
        let busy = Counted::find_by_statement(sql(
            "select freelancer_id as id, count(*) as count from contracts
             where freelancer_id = any($1) and status in ('active', 'paused', 'on_hold') group by 1",
            [ids(people)],
        ))
        .all(self.db())
        .await?;
        let busy: HashMap<Uuid, i64> = busy.into_iter().map(|counted| (counted.id, counted.count)).collect();
        let profiles: Vec<FreelancerProfile> = self.profiles_of_users(call, people).await?;
        let features = profiles.iter().map(|profile| {
            let active = busy.get(&profile.user.uuid()).copied().unwrap_or(0);
            let load = Load {
                active_contracts: u32::try_from(active).unwrap_or(u32::MAX),
                capacity: CAPACITY,
                ..Load::default()
            };
            PersonFeatures { load, ..PersonFeatures::of(profile) }
        });
        Ok(features.collect())
    }

    /// How many people hold which skill.
    async fn holders(&self) -> Result<Holders<'static>, Failure> {
        let held = Held::find_by_statement(sql(
            "select skill_id, count(*) as holders from profile_skills group by skill_id",
            [],
        ))
        .all(self.db())
        .await?;
        let people = Counted::find_by_statement(sql(
            "select '00000000-0000-0000-0000-000000000000'::uuid as id, count(*) as count from freelancer_profiles",
            [],
        ))
        .one(self.db())
        .await?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let held = held.into_iter().map(|held| (SkillId::from_uuid(held.skill_id), count(held.holders)));
        let people = people.map_or(0, |people| count(people.count));
        let mut holders = Holders::new(Taxonomy::shipped(), Model::shipped());
        holders.count_many(people, held);
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

fn placement_name(placement: Placement) -> &'static str {
    match placement {
        Placement::Merit => "merit",
        Placement::NearTie => "near_tie",
        Placement::Newcomer => "newcomer",
    }
}

fn nothing() -> Ranking<GigId> {
    Ranking { model_version: Model::shipped().version, matches: Vec::new(), eligible: 0, left_out: Default::default() }
}
