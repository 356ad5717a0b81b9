//! The index: everyone who may be matched, in memory, ready to be asked.
//!
//! An immutable [`Base`] holds all but the latest changes in compact columns with posting lists; a
//! small one holds whoever changed since, and hides their old rows. An [`Index`] is a value: a
//! change gives a new one that shares the base, so readers keep the one they have and never wait.
//! It finds those of the highest scores, exactly; reasons and places come from [`Matcher`], the same as
//! without it.
//!
//! It is a cache: what is acted on is read again from the database first.

mod base;
mod candidates;
mod exact;
mod gate;
mod gigs;
mod lists;
mod order;
mod row;
mod snapshot;
mod statics;
mod table;
mod texts;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use base::{Base, Builder};
pub use candidates::Limits;
use candidates::{Best, Place};
pub use gigs::{Gigs, Without};
pub use snapshot::BadSnapshot;

use super::constraint::{Barrier, LeftOut};
use super::fairness;
use super::features::{GigFeatures, PersonFeatures};
use super::knowledge::Knowledge;
use super::model::Model;
use super::rank::{Matcher, Ranking, Scored};
use super::score::Ask;
use super::shipped::Holders;
use super::taxonomy::Taxonomy;
use crate::id::{SkillId, UserId};

/// Everyone who may be matched, as of some point in the stream of changes.
#[derive(Debug, Clone)]
pub struct Index {
    base: Arc<Base>,
    /// Those who changed, in columns too: few enough to be built again with each change.
    fresh: Arc<Base>,
    changed: BTreeMap<UserId, Arc<PersonFeatures>>,
    hidden: BTreeSet<u32>,
    position: u64,
}

/// When so many people changed since the base was built, it is time for a new base.
const LARGEST_DELTA: usize = 2_048;

impl Index {
    /// An index of a base that was built at this position of the stream of changes.
    pub fn new(base: Base, position: u64) -> Self {
        let fresh = Arc::default();
        Self { base: Arc::new(base), fresh, changed: BTreeMap::new(), hidden: BTreeSet::new(), position }
    }

    /// How far in the stream of changes this index has read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many people it holds.
    pub fn len(&self) -> usize {
        self.base.len() - self.hidden.len() + self.changed.len()
    }

    /// Whether it holds no one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether so much changed that a new base should be built.
    pub fn is_worn(&self) -> bool {
        self.changed.len() + self.hidden.len() > LARGEST_DELTA
    }

    /// The index after someone came or changed.
    #[must_use]
    pub fn with(&self, person: PersonFeatures, position: u64) -> Self {
        self.after([(person.id, Some(person))], position)
    }

    /// The index after someone left.
    #[must_use]
    pub fn without(&self, person: UserId, position: u64) -> Self {
        self.after([(person, None)], position)
    }

    /// The index after many things happened at once: who changed, as they are now; `None` for those
    /// who left.
    #[must_use]
    pub fn after(&self, changes: impl IntoIterator<Item = (UserId, Option<PersonFeatures>)>, position: u64) -> Self {
        let mut next = self.clone();
        let mut anything = false;
        for (person, now) in changes {
            anything = true;
            next.hidden.extend(next.base.find(person));
            match now {
                Some(now) => next.changed.insert(person, Arc::new(now)),
                None => next.changed.remove(&person),
            };
        }
        if anything {
            let mut fresh = Builder::default();
            next.changed.values().for_each(|person| fresh.add(person));
            next.fresh = Arc::new(fresh.build(Model::shipped()));
        }
        next.position = next.position.max(position);
        next
    }

    /// Whether it holds this person.
    pub fn holds(&self, person: UserId) -> bool {
        self.changed.contains_key(&person) || self.base.find(person).is_some_and(|row| !self.hidden.contains(&row))
    }

    /// Whether nothing changed since the base was built.
    pub fn is_settled(&self) -> bool {
        self.changed.is_empty() && self.hidden.is_empty()
    }

    /// Everyone, as they are now: what a new base is built from.
    pub fn people(&self) -> impl Iterator<Item = PersonFeatures> {
        let kept = (0..self.base.len_rows()).filter(|row| !self.hidden.contains(row));
        kept.map(|row| self.base.person(row)).chain(self.changed.values().map(|person| PersonFeatures::clone(person)))
    }

    /// A new base of everyone, and the index on it. Work for the background: the old one goes on answering.
    pub fn rebuilt(&self, model: &Model) -> Self {
        let mut builder = Builder::default();
        for person in self.people() {
            builder.add(&person);
        }
        Self::new(builder.build(model), self.position)
    }

    /// Whether all that no gig changes of scores by this model is reckoned, but for the few who changed since the base was
    /// built.
    pub fn is_reckoned(&self, model: &Model) -> bool {
        self.base.reckoned.find(model).is_some()
    }

    /// Reckon that, so that nobody who asks waits for it. Work for the background where a model is new.
    pub fn reckon(&self, model: &Model) {
        self.base.statics(model);
        self.fresh.statics(model);
    }

    /// How many hold which skill.
    pub fn holders<'t>(&self, taxonomy: &'t Taxonomy, model: &Model) -> Holders<'t> {
        // Rows that are hidden don't count: how rare a skill is may not depend on when a base was built.
        let mut counts: HashMap<SkillId, u64> = self.base.holders().collect();
        for skill in self.hidden.iter().flat_map(|row| self.base.skills_of(*row)) {
            counts.entry(skill).and_modify(|count| *count -= 1);
        }
        for (skill, count) in self.fresh.holders() {
            *counts.entry(skill).or_default() += count;
        }
        counts.retain(|_, count| *count > 0);
        let mut holders = Holders::new(taxonomy, model);
        holders.count_many(self.len() as u64, counts);
        holders
    }

    /// The people for a gig, the best `first` of them with reasons. Those left out are counted among
    /// the people who hold something of what is asked.
    pub fn rank<K: Knowledge + ?Sized>(
        &self,
        matcher: &Matcher<'_, K>,
        gig: &GigFeatures,
        first: usize,
        limits: Limits,
    ) -> Ranking<UserId> {
        self.rank_except(matcher, gig, first, limits, &BTreeSet::new())
    }

    /// The same, as if these people were not there: the client's own.
    pub fn rank_except<K: Knowledge + ?Sized>(
        &self,
        matcher: &Matcher<'_, K>,
        gig: &GigFeatures,
        first: usize,
        limits: Limits,
        except: &BTreeSet<UserId>,
    ) -> Ranking<UserId> {
        let nobody = BTreeSet::new();
        let first = first.min(usize::from(matcher.model.longest_page));
        let ask = Ask::new(gig, matcher.model, matcher.knowledge);
        let mut best = Best::new(limits.found_for(first));
        let (mut eligible, mut left_out, mut counted_all) = (0, Counts::new(), true);
        let bases = [(&self.base, &self.hidden), (&self.fresh, &nobody)].map(|(base, hidden)| {
            let mut hidden = Cow::Borrowed(hidden);
            for row in except.iter().filter_map(|person| base.find(*person)) {
                hidden.to_mut().insert(row);
            }
            (base, hidden)
        });
        for (number, (base, hidden)) in bases.iter().enumerate() {
            let met = candidates::find((number, base), hidden, matcher, &ask, limits, &mut best);
            eligible += met.passed;
            counted_all &= met.all;
            for (barrier, count) in met.left_out {
                add(left_out.entry(barrier).or_default(), count);
            }
        }
        let person = |place: &Place| bases[place.base].0.person(place.row);
        let mut found = best.sorted();
        let mut people: Vec<PersonFeatures> = found.iter().map(person).collect();
        let rules = &matcher.model.fairness;
        if fairness::is_crowded(people.iter(), rules)
            && let Some(yardstick) = found.get(fairness::yardstick_at(rules))
        {
            let among = people.iter().filter(|person| fairness::stands_out(person, rules)).count();
            let least = fairness::least_of_newcomers(yardstick.score, rules);
            let mut beyond = Best::beyond_a_crowd(fairness::BEYOND_A_CROWD + among, least);
            for (number, (base, hidden)) in bases.iter().enumerate() {
                candidates::find((number, base), hidden, matcher, &ask, Limits::UNCOUNTED, &mut beyond);
            }
            let beyond: Vec<Place> = beyond.sorted().into_iter().filter(|place| !found.contains(place)).collect();
            people.extend(beyond.iter().map(person));
            found.extend(beyond);
        }
        let scored: Vec<Scored<'_>> =
            found.iter().zip(&people).map(|(place, person)| Scored { score: place.score, person }).collect();
        let matches = matcher.page(&ask, &scored, first);
        Ranking { model_version: matcher.model.version, matches, eligible, left_out, counted_all }
    }

    /// The bytes of a snapshot of the base, and the position it stands at. Changes since are not in
    /// it: they are read again from the stream.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        self.is_settled().then(|| snapshot::write(&self.base, self.position))
    }

    /// An index from the bytes of a snapshot.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, BadSnapshot> {
        let (base, position) = snapshot::read(bytes)?;
        Ok(Self::new(base, position))
    }

    /// How much memory the base takes, in bytes.
    pub fn base_bytes(&self) -> usize {
        self.base.bytes()
    }
}

fn add(sum: &mut LeftOut, count: LeftOut) {
    sum.all += count.all;
    sum.by_this_alone += count.by_this_alone;
}

/// Counts of whom each barrier left out.
type Counts = BTreeMap<Barrier, LeftOut>;
