//! Matching: people for a gig, gigs for a person, and why.
//!
//! A `Source` finds candidates, in memory or by SQL; the domain ranks them and says why. Whoever is
//! about to be shown is read again first, so that nobody is shown who may no longer be, however old
//! what the source knows. What is shown is logged.

mod act;
mod exposure;
mod features;
mod follow;
mod shelves;
mod snapshot;
mod source;
mod version;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use domain::access::{self, Verb};
use domain::gig::{Gig, Visibility};
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::ClientRecord;
use domain::matching::index::Without;
use domain::matching::rank::Explanation;
use domain::matching::shipped::Holders;
use domain::matching::{
    Barrier, GigFeatures, LeftOut, Match, Matcher, Model, PersonFeatures, Ranking, Score, Taxonomy, Value,
};
use domain::refusal::Refusal;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use self::source::CANDIDATES;
use crate::bench::Bench;
use crate::gig::{GigFilter, Published};
use crate::market::Market;
use crate::page::{Key, Page, PageRequest, Slice};
use crate::sql::sql;
use crate::{Call, Failure};

pub(crate) use self::exposure::Impressions;
pub use self::exposure::write_down;
pub use self::follow::{Follower, follow};
pub use self::shelves::IndexVitals;
pub(crate) use self::shelves::Shelves;
pub use self::source::{FoundBy, Freshness};
pub use self::version::{Fitted, ModelVersion};

/// The lists, as their cursors name them.
const PEOPLE: &str = "matches";
const GIGS: &str = "recommended_gigs";
/// The list of gigs by how well they match.
const BEST_FIRST: &str = "gigs_best_first";
/// Of the gigs that are not in the index, at most so many are read to be ranked with the others.
const READ: usize = 500;
/// Ranking takes a processor.
static RANKERS: LazyLock<Bench> = LazyLock::new(|| Bench::new("matching", 2, 60));
/// At most so many matches can be paged through.
const LONGEST: usize = 200;
/// So many more than a page shows are ranked, to move up when others fall out.
const RESERVE: usize = 10;
/// How often a page is filled up again after some of it turned out to be out of date.
const FILLINGS: usize = 3;

/// A match and its place, from 1.
pub type Placed<I> = (u32, Match<I>);

/// A page of a ranking, and what is true of the whole.
#[derive(Debug, Clone)]
pub struct MatchPage<I> {
    /// The page.
    pub slice: Slice<Placed<I>>,
    /// By which version of the model.
    pub model_version: u32,
    /// How many passed every hard constraint.
    pub eligible: u32,
    /// Whom each hard constraint left out.
    pub left_out: BTreeMap<Barrier, LeftOut>,
    /// Whether everyone concerned was counted; if not, these are the least there can be.
    pub counted_all: bool,
    /// What it came from.
    pub freshness: Freshness,
}

#[derive(FromQueryResult)]
struct Known {
    id: Uuid,
}

impl Market {
    /// The people for a gig, the best first, each with reasons. Only those who may hire for it see
    /// them.
    pub async fn gig_matches(
        &self,
        call: &Call,
        gig: &Gig,
        request: &PageRequest,
    ) -> Result<MatchPage<UserId>, Failure> {
        access::check(&call.actor, Verb::GigMatches, &gig.subject())?;
        let page = Page::parse(request, PEOPLE, 2)?;
        let known = self.people_known_for(gig).await?;
        let source = self.source();
        let rarity = source.holders(self).await?;
        let now = self.clock().now();
        let matcher = rarity.matcher(now);
        let mut ranking = source.people(self, (&rarity, now), &GigFeatures::of(gig), &known, depth(&page)).await?;
        let constraints = GigFeatures::constraints_of(gig);
        let mut slice = cut(&page, &ranking.matches);
        for filling in 1..=FILLINGS {
            let shown: Vec<UserId> = slice.items.iter().map(|(_, (_, found))| found.of).collect();
            if source.found_by() == FoundBy::Database || shown.is_empty() {
                break;
            }
            let people = self.people_constraints(&shown).await?;
            let people = people.into_iter().map(PersonFeatures::seen_by_clients);
            let fit = people.filter(|person| matcher.barriers(&constraints, person).is_empty());
            let fit: HashSet<UserId> = fit.map(|person| person.id).collect();
            if !fall_out(&page, &mut ranking, &mut slice, &shown, &fit, filling) {
                break;
            }
        }
        Ok(self.page_of(slice, ranking, source.freshness(matcher.now)))
    }

    /// The gigs for the signed-in person, the best first, each with reasons.
    pub async fn gigs_recommended(&self, call: &Call, request: &PageRequest) -> Result<MatchPage<GigId>, Failure> {
        let person = call.actor.person()?;
        let page = Page::parse(request, GIGS, 2)?;
        let own: Vec<OrganizationId> = person.memberships.iter().map(|(client, _)| *client).collect();
        let source = self.source();
        let freshness = source.freshness(self.clock().now());
        let rarity = source.holders(self).await?;
        let Some(person) = self.oneself_as_matched(call, person.user).await? else {
            return Ok(self.page_of(Slice::empty(), nothing(rarity.version()), freshness));
        };
        // A client whom a block keeps them from is as if it were not there: counted as left out, it would be told of.
        let clients = own.into_iter().chain(person.blocked.iter().copied()).collect();
        let without = Without { clients, gigs: self.gigs_known_to(person.id).await? };
        let now = self.clock().now();
        let matcher = rarity.matcher(now);
        let mut ranking = source.gigs(self, (&rarity, now), &person, &without, depth(&page)).await?;
        let mut slice = cut(&page, &ranking.matches);
        for filling in 1..=FILLINGS {
            let shown: Vec<GigId> = slice.items.iter().map(|(_, (_, found))| found.of).collect();
            if source.found_by() == FoundBy::Database || shown.is_empty() {
                break;
            }
            let gigs = self.gigs_by_id(call, &shown).await?;
            let fit = gigs.iter().filter(|gig| {
                gig.brief.visibility == Visibility::Public
                    && matcher.barriers(&GigFeatures::constraints_of(gig), &person).is_empty()
            });
            let fit: HashSet<GigId> = fit.map(|gig| gig.id).collect();
            if !fall_out(&page, &mut ranking, &mut slice, &shown, &fit, filling) {
                break;
            }
        }
        Ok(self.page_of(slice, ranking, freshness))
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
        let page = Page::parse(&request.clone().of_filter(filter), BEST_FIRST, 2)?;
        let person = self.oneself_as_matched(call, user).await?;
        let held: Vec<SkillId> = person.iter().flat_map(|person| &person.skills).map(|held| held.skill).collect();
        let gigs = self.gigs_for_ranking(call, filter, &held, CANDIDATES.unsigned_abs()).await?;
        let scores: HashMap<GigId, i64> = match person {
            None => HashMap::new(),
            Some(person) => {
                let source = self.source();
                let which: Vec<GigId> = gigs.iter().map(Published::gig).collect();
                let features = self.gigs_as_written(call, &source, &which).await?;
                let (rarity, now) = (source.holders(self).await?, self.clock().now());
                RANKERS
                    .at(move || {
                        let written = features.into_iter().map(as_written).collect::<Vec<_>>();
                        let scores = rarity.matcher(now).scores_of_gigs(&person, &written);
                        scores.into_iter().map(|(gig, score)| (gig, score.as_nano())).collect()
                    })
                    .await?
            }
        };
        // The best first, then the newest; what does not match comes last.
        let order = |gig: &Published| {
            let score = scores.get(&gig.gig());
            (score.is_none(), score.map(|score| -score), -gig.published_at.timestamp_millis(), gig.id)
        };
        let slice = page.cut_sorted(gigs, order, |gig| Key::Uuid(gig.id));
        let shown: Vec<GigId> = slice.items.iter().map(|(_, gig)| gig.gig()).collect();
        let mut whole: HashMap<GigId, Gig> =
            self.gigs_by_id(call, &shown).await?.into_iter().map(|gig| (gig.id, gig)).collect();
        // Who is gone meanwhile leaves a gap, and the cursors stay what they were.
        let items = slice.items.into_iter().filter_map(|(cursor, gig)| Some((cursor, whole.remove(&gig.gig())?)));
        let Slice { has_next, has_previous, total, .. } = slice;
        Ok(Slice { items: items.collect(), has_next, has_previous, total })
    }

    /// How well those who bid on a gig fit it, in billionths; those without a profile are absent.
    pub(crate) async fn people_scores(
        &self,
        call: &Call,
        gig: &Gig,
        people: &[UserId],
    ) -> Result<HashMap<UserId, i64>, Failure> {
        let bids: Vec<(GigId, UserId)> = people.iter().map(|person| (gig.id, *person)).collect();
        let scores = self.bidders_scores(call, vec![gig.clone()], &bids).await?;
        Ok(scores.into_iter().map(|((_, person), score)| (person, score.as_nano())).collect())
    }

    /// How well those who bid on gigs fit them, as rough chances; for those who see the matches of a gig. Those without a
    /// profile that the caller may see are absent.
    pub async fn bidders_chances(
        &self,
        call: &Call,
        bids: &[(GigId, UserId)],
    ) -> Result<HashMap<(GigId, UserId), Value>, Failure> {
        let gigs: BTreeSet<GigId> = bids.iter().map(|(gig, _)| *gig).collect();
        let mut gigs = self.gigs_by_id(call, &Vec::from_iter(gigs)).await?;
        gigs.retain(|gig| access::allows(&call.actor, Verb::GigMatches, &gig.subject()));
        let scores = self.bidders_scores(call, gigs, bids).await?;
        Ok(scores.into_iter().map(|(bid, score)| (bid, score.chance())).collect())
    }

    /// The scores of those who bid on these gigs.
    async fn bidders_scores(
        &self,
        call: &Call,
        gigs: Vec<Gig>,
        bids: &[(GigId, UserId)],
    ) -> Result<HashMap<(GigId, UserId), Score>, Failure> {
        let people: BTreeSet<UserId> = bids.iter().map(|(_, person)| *person).collect();
        let people = self.people_as_matched(call, &Vec::from_iter(people)).await?;
        let people: HashMap<UserId, PersonFeatures> = people.into_iter().map(|person| (person.id, person)).collect();
        let (rarity, now, bids) = (self.source().holders(self).await?, self.clock().now(), bids.to_vec());
        let scores = RANKERS.at(move || {
            let (matcher, mut all) = (rarity.matcher(now), HashMap::new());
            for gig in &gigs {
                let bidders = bids.iter().filter(|(of, _)| *of == gig.id).filter_map(|(_, person)| people.get(person));
                let scores = matcher.scores_of_people(&GigFeatures::of(gig), bidders);
                all.extend(scores.into_iter().map(|(person, score)| ((gig.id, person), score)));
            }
            all
        });
        Ok(scores.await?)
    }

    /// Why a freelancer does or does not match a gig. The client's side sees it for any freelancer
    /// it may see, a freelancer for themselves.
    pub async fn match_explain(&self, call: &Call, gig: GigId, freelancer: UserId) -> Result<Explanation, Failure> {
        let gig = self.gig_find(call, gig).await?.ok_or(Refusal::HIDDEN)?;
        let oneself = call.actor.user() == Some(freelancer);
        if !oneself {
            access::check(&call.actor, Verb::GigMatches, &gig.subject())?;
        }
        let person = if oneself {
            self.people_features(call, &[freelancer]).await?
        } else {
            self.people_as_matched(call, &[freelancer]).await?
        };
        let person = person.into_iter().next().ok_or(Refusal::HIDDEN)?;
        let features = self.gig_features(std::slice::from_ref(&gig)).await?.pop().ok_or(Refusal::HIDDEN)?;
        let source = self.source();
        let rarity = source.holders(self).await?;
        let now = self.clock().now();
        let known = self.people_known_for(&gig).await?;
        let ranking = source.people(self, (&rarity, now), &features, &known, LONGEST).await?;
        let explain = move || {
            let matcher = rarity.matcher(now);
            let listed: Vec<_> = ranking.matches.iter().map(|found| (found.of, found.score)).collect();
            if oneself {
                matcher.explain_to_person(&features, &person, &listed)
            } else {
                matcher.explain_among(&features, &person, &listed)
            }
        };
        Ok(RANKERS.at(explain).await?)
    }

    /// What keeps a person and a gig apart now.
    pub(crate) fn barriers_between(&self, gig: &GigFeatures, person: &PersonFeatures) -> Vec<Barrier> {
        let nothing_held = Holders::new(Taxonomy::shipped(), Model::shipped());
        let matcher = Matcher { model: Model::shipped(), knowledge: &nothing_held, now: self.clock().now() };
        matcher.barriers(gig, person)
    }

    /// How the index is; `None` as long as there is none.
    pub fn index_vitals(&self) -> Option<IndexVitals> {
        self.shelves().vitals(self.clock().now())
    }

    /// What gigs say of themselves, from the index where it is kept there. Of the others, which are closed or just
    /// published, so many are read.
    async fn gigs_as_written(
        &self,
        call: &Call,
        source: &source::Source,
        gigs: &[GigId],
    ) -> Result<Vec<Written>, Failure> {
        let kept = |gig: GigId| match source {
            source::Source::Index(shelf, _) => shelf.gigs.find(gig).map(Arc::clone),
            source::Source::Database => None,
        };
        let (mut written, mut others) = (Vec::with_capacity(gigs.len()), Vec::new());
        for gig in gigs {
            match kept(*gig) {
                Some(features) => written.push(Written::Kept(features)),
                None => others.push(*gig),
            }
        }
        others.truncate(READ);
        written.extend(self.gigs_by_id(call, &others).await?.into_iter().map(|gig| Written::Read(Box::new(gig))));
        Ok(written)
    }

    /// Those who are no match for a gig because its client knows them: its own people, and those whom it invited to it,
    /// who bid on it or were hired for it, however that went. They are found among its invitations and proposals. Those
    /// whom a block keeps from it are as if they were not there: counted as left out, they would be told of.
    async fn people_known_for(&self, gig: &Gig) -> Result<BTreeSet<UserId>, Failure> {
        let known = Known::find_by_statement(sql(
            "select user_id as id from members where organization_id = $1
             union select freelancer_id from invitations where gig_id = $2
             union select freelancer_id from proposals where gig_id = $2 and submitted_at is not null
             union select freelancer_id from contracts where gig_id = $2
             union select freelancer_id from blocks where client_id = $1",
            [gig.client.uuid().into(), gig.id.uuid().into()],
        ));
        Ok(known.all(self.db()).await?.into_iter().map(|known| UserId::from_uuid(known.id)).collect())
    }

    /// The gigs that a person was invited to, bid on or was hired for, however that went: they know them.
    async fn gigs_known_to(&self, person: UserId) -> Result<BTreeSet<GigId>, Failure> {
        let known = Known::find_by_statement(sql(
            "select gig_id as id from invitations where freelancer_id = $1
             union select gig_id from proposals where freelancer_id = $1 and submitted_at is not null
             union select gig_id from contracts where freelancer_id = $1 and gig_id is not null",
            [person.uuid().into()],
        ));
        Ok(known.all(self.db()).await?.into_iter().map(|known| GigId::from_uuid(known.id)).collect())
    }

    fn page_of<I>(&self, slice: Slice<Placed<I>>, ranking: Ranking<I>, freshness: Freshness) -> MatchPage<I> {
        let Ranking { model_version, eligible, left_out, counted_all, .. } = ranking;
        MatchPage { slice, model_version, eligible, left_out, counted_all, freshness }
    }
}

/// What a gig says of itself, as it was found.
enum Written {
    Kept(Arc<GigFeatures>),
    Read(Box<Gig>),
}

/// How many proposals a gig has and how its client hires is left out: it would change from one page to the next, and
/// move gigs between pages.
fn as_written(written: Written) -> GigFeatures {
    let features = match written {
        Written::Kept(features) => Arc::unwrap_or_clone(features),
        Written::Read(gig) => GigFeatures::of(&gig),
    };
    GigFeatures { proposals: 0, client_record: ClientRecord::default(), ..features }
}

/// How many of a ranking need their reasons for a page: those up to its end, and some to move up when
/// others fall out.
fn depth(page: &Page) -> usize {
    page.reach().map_or(LONGEST, |reach| usize::try_from(reach).unwrap_or(LONGEST).saturating_add(RESERVE).min(LONGEST))
}

/// A page of a ranking, each match with its place. What would raise it is told from there: others may have fallen out
/// above it since it was ranked.
fn cut<I: Id>(page: &Page, matches: &[Match<I>]) -> Slice<Placed<I>> {
    let mut slice = page.cut_ranked(matches.to_vec(), |found| Key::Uuid(found.of.uuid()));
    for (_, (place, found)) in &mut slice.items {
        for told in found.improvements.iter_mut().filter(|told| told.from_place.is_some()) {
            told.from_place = Some(*place);
            told.to_place = told.to_place.map(|to| to.min(*place));
        }
    }
    slice
}

/// Of those that are about to be shown, those that no longer fit fall out, and others move up;
/// whether any did, so that the page is to be looked at again. The last time none moves up.
fn fall_out<I: Id + Hash>(
    page: &Page,
    ranking: &mut Ranking<I>,
    slice: &mut Slice<Placed<I>>,
    shown: &[I],
    fit: &HashSet<I>,
    filling: usize,
) -> bool {
    if shown.iter().all(|shown| fit.contains(shown)) {
        return false;
    }
    let before = ranking.matches.len();
    ranking.matches.retain(|found| fit.contains(&found.of) || !shown.contains(&found.of));
    let gone = before - ranking.matches.len();
    ranking.eligible = ranking.eligible.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
    if filling == FILLINGS {
        slice.items.retain(|(_, (_, found))| fit.contains(&found.of));
        return false;
    }
    *slice = cut(page, &ranking.matches);
    true
}

fn nothing(model_version: u32) -> Ranking<GigId> {
    Ranking { model_version, matches: Vec::new(), eligible: 0, left_out: BTreeMap::new(), counted_all: true }
}
