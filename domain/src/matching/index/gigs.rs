//! The gigs that may be recommended, in memory: far fewer than people, so each is kept whole, with
//! lists of who asks for which skill and which role.
//!
//! Like the people's index it is a value: a change gives another that shares all but what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::bring::Brings;
use super::super::constraint::{self, Barrier, LeftOut};
use super::super::features::{GigFeatures, PersonFeatures};
use super::super::knowledge::Knowledge;
use super::super::overlap::Overlap;
use super::super::rank::{Matcher, Ranking};
use super::super::role::Role;
use crate::id::{GigId, OrganizationId, SkillId};

/// Open gigs, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Gigs {
    all: BTreeMap<GigId, Arc<GigFeatures>>,
    by_skill: HashMap<SkillId, Arc<Vec<GigId>>>,
    by_role: HashMap<Role, Arc<Vec<GigId>>>,
}

/// Gigs that are left out of what is found for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Without {
    /// All of these clients: the person's own, and those whom a block keeps them from.
    pub clients: Vec<OrganizationId>,
    /// These: the person knows them already.
    pub gigs: BTreeSet<GigId>,
}

impl Without {
    fn holds(&self, gig: &GigFeatures) -> bool {
        self.clients.contains(&gig.client) || self.gigs.contains(&gig.id)
    }
}

/// So many gigs, those whose lists add up to most, are scored in full.
const SCORED: usize = 400;
/// So many are tried against the hard constraints, and counted when one leaves them out.
const MET: usize = 5_000;
/// What being for one's line of work is worth beside the skills, in thousandths of a usual skill.
const ROLE_WORTH: u64 = 2_000;

impl Gigs {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is known of a gig.
    pub fn find(&self, gig: GigId) -> Option<&Arc<GigFeatures>> {
        self.all.get(&gig)
    }

    /// Those of any of these clients, however many they are in one pass.
    pub fn of(&self, clients: &BTreeSet<OrganizationId>) -> impl Iterator<Item = GigId> {
        let listed = if clients.is_empty() { None } else { Some(self.all.values()) };
        listed.into_iter().flatten().filter(move |gig| clients.contains(&gig.client)).map(|gig| gig.id)
    }

    /// The gigs after many things happened at once: those that changed, as they are now; `None` for
    /// those that are no longer open.
    #[must_use]
    pub fn after(&self, changes: impl IntoIterator<Item = (GigId, Option<GigFeatures>)>) -> Self {
        let mut next = self.clone();
        for (id, now) in changes {
            if let Some(before) = next.all.remove(&id) {
                next.unlist(&before);
            }
            if let Some(now) = now {
                next.list(&now);
                next.all.insert(id, Arc::new(now));
            }
        }
        next
    }

    fn list(&mut self, gig: &GigFeatures) {
        for asked in &gig.skills {
            enter(self.by_skill.entry(asked.skill).or_default(), gig.id);
        }
        for role in &gig.roles {
            enter(self.by_role.entry(*role).or_default(), gig.id);
        }
    }

    fn unlist(&mut self, gig: &GigFeatures) {
        for asked in &gig.skills {
            if let Some(list) = self.by_skill.get_mut(&asked.skill) {
                strike(list, gig.id);
            }
        }
        for role in &gig.roles {
            if let Some(list) = self.by_role.get_mut(role) {
                strike(list, gig.id);
            }
        }
    }

    /// The gigs for a person, the best `first` of them with reasons, as if those `without` were not there.
    /// Those left out are counted among the gigs that ask for something the person brings.
    pub fn rank<K: Knowledge + ?Sized>(
        &self,
        matcher: &Matcher<'_, K>,
        person: &PersonFeatures,
        first: usize,
        without: &Without,
    ) -> Ranking<GigId> {
        let mut overlaps: HashMap<_, Overlap> = HashMap::new();
        let mut brings = Brings::of(person, matcher.model, matcher.knowledge);
        let (mut fit, mut beyond, mut stopped, mut met) = (Vec::new(), 0_u32, Vec::new(), 0);
        for gig in self.met(matcher, person) {
            met += 1;
            if without.holds(gig) || !brings.meets(gig) {
                continue;
            }
            let overlap = gig.work_day.zip(person.work_day).map(|(client, theirs)| {
                let dates = gig.dates_from(matcher.now, matcher.model.usual_days);
                *overlaps.entry((client, dates)).or_insert_with(|| client.overlap_over(&theirs, dates))
            });
            let barriers = Barrier::between(gig, person, overlap);
            if !barriers.is_empty() {
                stopped.push(barriers);
            } else if fit.len() < SCORED {
                fit.push(gig.as_ref());
            } else {
                beyond += 1;
            }
        }
        let mut ranking = matcher.gigs(person, fit, first);
        ranking.eligible += beyond;
        ranking.counted_all = met < MET;
        for (barrier, count) in constraint::count(stopped.iter().map(Vec::as_slice)) {
            let left_out: &mut LeftOut = ranking.left_out.entry(barrier).or_default();
            left_out.all += count.all;
            left_out.by_this_alone += count.by_this_alone;
        }
        ranking
    }

    /// So many of the gigs that ask for most of what a person brings, as if those `without` were not there.
    pub fn near<K: Knowledge + ?Sized>(
        &self,
        matcher: &Matcher<'_, K>,
        person: &PersonFeatures,
        without: &Without,
        most: usize,
    ) -> Vec<Arc<GigFeatures>> {
        self.met(matcher, person).filter(|gig| !without.holds(gig)).take(most).cloned().collect()
    }

    /// The gigs that ask for most of what a person brings, those that ask for more of it first; the
    /// newest of the others fill up.
    fn met<K: Knowledge + ?Sized>(
        &self,
        matcher: &Matcher<'_, K>,
        person: &PersonFeatures,
    ) -> impl Iterator<Item = &Arc<GigFeatures>> {
        let mut worth: BTreeMap<SkillId, u64> = BTreeMap::new();
        for held in &person.skills {
            let likest = |skill, likeness: u64, worth: &mut BTreeMap<SkillId, u64>| {
                let here = u64::from(matcher.knowledge.rarity_milli(skill)) * likeness / 1_000_000;
                let kept = worth.entry(skill).or_default();
                *kept = here.max(*kept);
            };
            likest(held.skill, 1_000_000, &mut worth);
            for related in matcher.knowledge.related(held.skill) {
                likest(related.skill, related.likeness.as_micro().unsigned_abs(), &mut worth);
            }
        }
        let mut sums: HashMap<GigId, u64> = HashMap::new();
        for (skill, worth) in worth {
            for gig in self.by_skill.get(&skill).into_iter().flat_map(|list| list.iter()) {
                *sums.entry(*gig).or_default() += worth;
            }
        }
        for (role, list) in &self.by_role {
            let likeness = person.roles.iter().map(|held| held.stands_in_for(*role).as_micro()).max().unwrap_or(0);
            for gig in list.iter().filter(|_| likeness > 0) {
                *sums.entry(*gig).or_default() += ROLE_WORTH * likeness.unsigned_abs() / 1_000_000;
            }
        }
        let mut met: Vec<(std::cmp::Reverse<u64>, std::cmp::Reverse<GigId>)> =
            sums.iter().map(|(gig, sum)| (std::cmp::Reverse(*sum), std::cmp::Reverse(*gig))).collect();
        if met.len() > MET {
            met.select_nth_unstable(MET);
            met.truncate(MET);
        }
        met.sort_unstable();
        let room = SCORED.saturating_sub(met.len());
        let newest = self.all.iter().rev().filter(move |(gig, _)| !sums.contains_key(gig)).map(|(_, gig)| gig);
        met.into_iter().filter_map(|(_, std::cmp::Reverse(gig))| self.all.get(&gig)).chain(newest.take(room))
    }
}

fn enter(list: &mut Arc<Vec<GigId>>, gig: GigId) {
    if let Err(place) = list.binary_search(&gig) {
        Arc::make_mut(list).insert(place, gig);
    }
}

fn strike(list: &mut Arc<Vec<GigId>>, gig: GigId) {
    if let Ok(place) = list.binary_search(&gig) {
        Arc::make_mut(list).remove(place);
    }
}
