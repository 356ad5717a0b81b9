//! The index: everyone who may be matched, in memory, ready to be asked.
//!
//! An immutable [`Base`] holds all but the latest changes in compact columns with posting lists; a
//! small delta holds whoever changed since, and hides their old rows. An [`Index`] is a value: a
//! change gives a new one that shares the base, so readers keep the one they have and never wait.
//! It finds candidates; scores, reasons and places come from [`Matcher`], the same as without it.
//!
//! It is a cache: what is acted on is read again from the database first.

mod base;
mod candidates;
mod row;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use base::{Base, Builder};
pub use candidates::Limits;
pub use snapshot::BadSnapshot;

use super::constraint::{Barrier, LeftOut};
use super::features::{GigFeatures, PersonFeatures};
use super::knowledge::Knowledge;
use super::model::Model;
use super::rank::{Matcher, Ranking};
use super::shipped::Holders;
use super::taxonomy::Taxonomy;
use crate::id::UserId;

/// Everyone who may be matched, as of some point in the stream of changes.
#[derive(Debug, Clone)]
pub struct Index {
    base: Arc<Base>,
    changed: BTreeMap<UserId, Arc<PersonFeatures>>,
    hidden: BTreeSet<u32>,
    position: u64,
}

/// When so many people changed since the base was built, it is time for a new base.
const LARGEST_DELTA: usize = 4_096;

impl Index {
    /// An index of a base that was built at this position of the stream of changes.
    pub fn new(base: Base, position: u64) -> Self {
        Self { base: Arc::new(base), changed: BTreeMap::new(), hidden: BTreeSet::new(), position }
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
        let mut next = self.without(person.id, position);
        next.changed.insert(person.id, Arc::new(person));
        next
    }

    /// The index after someone left.
    #[must_use]
    pub fn without(&self, person: UserId, position: u64) -> Self {
        let mut next = self.clone();
        next.changed.remove(&person);
        next.hidden.extend(next.base.find(person));
        next.position = next.position.max(position);
        next
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

    /// How many hold which skill.
    pub fn holders<'t>(&self, taxonomy: &'t Taxonomy, model: &Model) -> Holders<'t> {
        let mut holders = Holders::new(taxonomy, model);
        holders.count_many(self.base.len() as u64, self.base.holders());
        for person in self.changed.values() {
            holders.count(person.skills.iter().map(|held| held.skill));
        }
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
        let found = candidates::find(&self.base, &self.hidden, matcher, gig, limits);
        let people: Vec<PersonFeatures> = found.rows.iter().map(|row| self.base.person(*row)).collect();
        let changed = self.changed.values().map(AsRef::as_ref);
        let mut ranking = matcher.people(gig, people.iter().chain(changed), first);
        ranking.eligible += found.passed - u32::try_from(people.len()).unwrap_or(0);
        for (barrier, count) in found.left_out {
            let left_out: &mut LeftOut = ranking.left_out.entry(barrier).or_default();
            left_out.all += count.all;
            left_out.by_this_alone += count.by_this_alone;
        }
        ranking
    }

    /// The bytes of a snapshot of the base, and the position it stands at. Changes since are not in
    /// it: they are read again from the stream.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        (self.changed.is_empty() && self.hidden.is_empty()).then(|| snapshot::write(&self.base, self.position))
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

/// Counts of whom each barrier left out.
type Counts = BTreeMap<Barrier, LeftOut>;
