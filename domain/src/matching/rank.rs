//! Ranking: people for a gig, gigs for a person, and one pair explained.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::bring::Brings;
use super::constraint::{self, Barrier, LeftOut};
use super::evidence::{self, Evidence};
use super::fairness::{self, Candidate};
use super::features::{GigFeatures, PersonFeatures, Standing};
use super::fixed::{Score, Value};
use super::improve::{self, Improvement, Standing as Place};
use super::knowledge::Knowledge;
use super::model::{Model, Weights};
use super::overlap::{Dates, Overlap, Telling, WorkDay};
use super::score::{Ask, Factor};
use crate::Timestamp;
use crate::id::{GigId, SkillId, UserId};

/// What ranks: a model and a taxonomy, at a time.
pub struct Matcher<'a, K: Knowledge + ?Sized> {
    /// The numbers.
    pub model: &'a Model,
    /// The taxonomy.
    pub knowledge: &'a K,
    /// The time.
    pub now: Timestamp,
}

/// A ranking: who matches, how well and why; and who does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking<I> {
    /// By which version of the model.
    pub model_version: u32,
    /// The matches, the first to be shown first.
    pub matches: Vec<Match<I>>,
    /// How many passed every hard constraint, of those who bring something of what is asked.
    pub eligible: u32,
    /// Whom each hard constraint left out.
    pub left_out: BTreeMap<Barrier, LeftOut>,
    /// Whether everyone concerned was counted; if not, these are the least there can be.
    pub counted_all: bool,
}

/// One match. `I` is who or what matched: a [`UserId`] for a gig, a [`GigId`] for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match<I> {
    /// Who or what.
    pub of: I,
    /// The sum of the factors' contributions, exactly.
    pub score: Score,
    /// Why it stands where it stands.
    pub placement: Placement,
    /// What the score is made of.
    pub factors: Vec<Factor>,
    /// The reasons, as a person would say them.
    pub sentence: String,
    /// What would raise it.
    pub improvements: Vec<Improvement>,
}

/// Why a match stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Placement {
    /// By its score.
    Merit,
    /// Before others of nearly the same score: owed attention, or unlike those above.
    NearTie,
    /// In a place that waits for newcomers.
    Newcomer,
}

/// One pair, explained: also when something keeps them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// By which version of the model.
    pub model_version: u32,
    /// What keeps them apart; empty when nothing does.
    pub barriers: Vec<Barrier>,
    /// The score they have or would have.
    pub score: Score,
    /// What it is made of.
    pub factors: Vec<Factor>,
    /// The reasons, as a person would say them.
    pub sentence: String,
    /// What would raise the match in the client's list.
    pub improvements: Vec<Improvement>,
}

impl<I> Match<I> {
    /// The score as a rough chance, for a badge: a view, not what is ranked by.
    pub fn chance(&self) -> Value {
        self.score.chance()
    }
}

/// Somebody with their score for a gig.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'p> {
    /// The sum of all factors' contributions.
    pub score: Score,
    /// Who.
    pub person: &'p PersonFeatures,
}

/// A sentence gives at most so many reasons.
const REASONS: usize = 4;

impl<K: Knowledge + ?Sized> Matcher<'_, K> {
    /// The people for a gig, the best `first` of them with reasons. Who brings nothing of what is asked is
    /// neither ranked nor counted.
    pub fn people<'p>(
        &self,
        gig: &GigFeatures,
        people: impl IntoIterator<Item = &'p PersonFeatures>,
        first: usize,
    ) -> Ranking<UserId> {
        let ask = Ask::new(gig, self.model, self.knowledge);
        let mut overlaps = Overlaps::default();
        let mut stopped = Vec::new();
        let mut scored = Vec::new();
        for person in people.into_iter().filter(|person| ask.is_met_by(person, self.model)) {
            let overlap = overlaps.between(gig, person, self.dates(gig));
            let barriers = Barrier::between(gig, person, overlap);
            if barriers.is_empty() {
                let score = total(&ask.factors(person, overlap, &self.model.people, self.model));
                scored.push(Scored { score, person });
            } else {
                stopped.push(barriers);
            }
        }
        scored.sort_by_key(|scored| (std::cmp::Reverse(scored.score), scored.person.id));
        scored.dedup_by_key(|scored| scored.person.id);
        let eligible = u32::try_from(scored.len()).unwrap_or(u32::MAX);
        let matches = self.page(&ask, &scored, first.min(usize::from(self.model.longest_page)));
        let left_out = constraint::count(stopped.iter().map(Vec::as_slice));
        Ranking { model_version: self.model.version, matches, eligible, left_out, counted_all: true }
    }

    /// The first page of those scored, who come by score, the highest first, ties by id: placed, and with
    /// reasons.
    pub(super) fn page(&self, ask: &Ask<'_>, scored: &[Scored<'_>], first: usize) -> Vec<Match<UserId>> {
        let (gig, weights) = (ask.gig, &self.model.people);
        let scores: Vec<Score> = scored.iter().map(|scored| scored.score).collect();
        let candidates: Vec<_> =
            scored.iter().map(|scored| Candidate { person: scored.person, score: scored.score }).collect();
        let order = fairness::arrange(&candidates, gig.id, first, self.model, self.now);
        let mut overlaps = Overlaps::default();
        // Those above, each with how many of the skills they hold.
        let mut above: Vec<(usize, Vec<Factor>)> = Vec::new();
        let mut matches = Vec::with_capacity(first);
        for ((index, placement), shown) in order.into_iter().take(first).zip(1..) {
            let Scored { score, person } = scored[index];
            let overlap = overlaps.between(gig, person, self.dates(gig));
            let factors = ask.factors(person, overlap, weights, self.model);
            let held = skills_held(&factors);
            // The best of those above who holds fewer of the skills, if there is one.
            let fewer = above.iter().find(|(theirs, _)| *theirs < held);
            let behind = fewer.and_then(|(_, other)| evidence::behind(&factors, other));
            let sentence = self.sentence(&factors, placement, behind);
            let place = Place { scores: &scores, shown: Some(shown), goes_on: false };
            let improvements = improve::improvements(ask, person, &factors, Some(place), weights, self.model);
            if placement == Placement::Merit && above.iter().all(|(theirs, _)| held < *theirs) {
                above.push((held, factors.clone()));
            }
            matches.push(Match { of: person.id, score, placement, factors, sentence, improvements });
        }
        matches
    }

    /// The gigs for a person, the best `first` of them with reasons. One that asks for nothing the person
    /// brings is neither ranked nor counted.
    pub fn gigs<'g>(
        &self,
        person: &PersonFeatures,
        gigs: impl IntoIterator<Item = &'g GigFeatures>,
        first: usize,
    ) -> Ranking<GigId> {
        let weights = &self.model.gigs;
        let mut overlaps = Overlaps::default();
        let mut stopped = Vec::new();
        let mut scored = Vec::new();
        let mut brings = Brings::of(person, self.model, self.knowledge);
        for gig in gigs.into_iter().filter(|gig| brings.meets(gig)) {
            let overlap = overlaps.between(gig, person, self.dates(gig));
            let barriers = Barrier::between(gig, person, overlap);
            if barriers.is_empty() {
                let ask = Ask::new(gig, self.model, self.knowledge);
                let factors = ask.factors(person, overlap, weights, self.model);
                scored.push((total(&factors), ask, factors));
            } else {
                stopped.push(barriers);
            }
        }
        scored.sort_by_key(|(score, ask, ..)| (std::cmp::Reverse(*score), ask.gig.id));
        scored.dedup_by_key(|(_, ask, ..)| ask.gig.id);
        let eligible = u32::try_from(scored.len()).unwrap_or(u32::MAX);
        let matches = scored
            .into_iter()
            .take(first.min(usize::from(self.model.longest_page)))
            .map(|(score, ask, factors)| Match {
                of: ask.gig.id,
                score,
                placement: Placement::Merit,
                sentence: self.sentence(&factors, Placement::Merit, None),
                // No place is told: that of the gig among others would say nothing of the person's among others.
                improvements: improve::improvements(&ask, person, &factors, None, weights, self.model),
                factors,
            })
            .collect();
        let left_out = constraint::count(stopped.iter().map(Vec::as_slice));
        Ranking { model_version: self.model.version, matches, eligible, left_out, counted_all: true }
    }

    /// How well each of these people fits a gig, without reasons, whatever keeps them apart: they have bid on it, and
    /// how well they fit does not depend on whether they can be found, or on the least they take. Only whoever was
    /// suspended is absent: nobody can hire them.
    pub fn scores_of_people<'p>(
        &self,
        gig: &GigFeatures,
        people: impl IntoIterator<Item = &'p PersonFeatures>,
    ) -> HashMap<UserId, Score> {
        let ask = Ask::new(gig, self.model, self.knowledge);
        let mut overlaps = Overlaps::default();
        let score = |person: &PersonFeatures| {
            let overlap = overlaps.between(gig, person, self.dates(gig));
            (person.id, total(&ask.factors(person, overlap, &self.model.people, self.model)))
        };
        people.into_iter().filter(|person| person.standing != Standing::Suspended).map(score).collect()
    }

    /// How well each of these gigs fits a person, without reasons. What something keeps apart from
    /// them is absent.
    pub fn scores_of_gigs<'g>(
        &self,
        person: &PersonFeatures,
        gigs: impl IntoIterator<Item = &'g GigFeatures>,
    ) -> HashMap<GigId, Score> {
        let mut overlaps = Overlaps::default();
        let score = |gig: &GigFeatures| {
            let overlap = overlaps.between(gig, person, self.dates(gig));
            let fits = Barrier::between(gig, person, overlap).is_empty();
            let ask = || Ask::new(gig, self.model, self.knowledge);
            fits.then(|| (gig.id, total(&ask().factors(person, overlap, &self.model.gigs, self.model))))
        };
        gigs.into_iter().filter_map(score).collect()
    }

    /// What keeps a person and a gig apart now.
    pub fn barriers(&self, gig: &GigFeatures, person: &PersonFeatures) -> Vec<Barrier> {
        Barrier::between(gig, person, Overlaps::default().between(gig, person, self.dates(gig)))
    }

    /// Why this person does or does not match this gig, as the client's ranking sees it.
    pub fn explain(&self, gig: &GigFeatures, person: &PersonFeatures) -> Explanation {
        self.explain_by(gig, person, &self.model.people, None)
    }

    /// The same, with what would raise them in the client's list, which is this as it is shown. Whom something keeps
    /// apart from the gig has no place in it.
    pub fn explain_among(&self, gig: &GigFeatures, person: &PersonFeatures, listed: &[(UserId, Score)]) -> Explanation {
        self.explain_by(gig, person, &self.model.people, Some(listed))
    }

    /// The same, as the person's own ranking of gigs sees it; what would raise them is told of the
    /// client's.
    pub fn explain_to_person(
        &self,
        gig: &GigFeatures,
        person: &PersonFeatures,
        listed: &[(UserId, Score)],
    ) -> Explanation {
        self.explain_by(gig, person, &self.model.gigs, Some(listed))
    }

    fn explain_by(
        &self,
        gig: &GigFeatures,
        person: &PersonFeatures,
        weights: &Weights,
        listed: Option<&[(UserId, Score)]>,
    ) -> Explanation {
        let overlap = Overlaps::default().between(gig, person, self.dates(gig));
        let ask = Ask::new(gig, self.model, self.knowledge);
        let factors = ask.factors(person, overlap, weights, self.model);
        let barriers = Barrier::between(gig, person, overlap);
        let by_clients = &self.model.people;
        let improvements = listed.map(|listed| {
            let mut scores: Vec<Score> = listed.iter().map(|(_, score)| *score).collect();
            scores.sort_unstable_by_key(|score| std::cmp::Reverse(*score));
            let place = Place {
                scores: &scores,
                shown: listed.iter().zip(1..).find(|((other, _), _)| *other == person.id).map(|(_, place)| place),
                goes_on: scores.len() >= usize::from(self.model.longest_page),
            };
            let as_listed = ask.factors(person, overlap, by_clients, self.model);
            let place = barriers.is_empty().then_some(place);
            improve::improvements(&ask, person, &as_listed, place, by_clients, self.model)
        });
        Explanation {
            model_version: self.model.version,
            barriers,
            score: total(&factors),
            sentence: self.sentence(&factors, Placement::Merit, None),
            improvements: improvements.unwrap_or_default(),
            factors,
        }
    }

    pub(super) fn dates(&self, gig: &GigFeatures) -> Dates {
        gig.dates_from(self.now, self.model.usual_days)
    }

    /// The reasons that weigh most, in the order people think of them; what speaks against somebody whatever it weighs.
    fn sentence(&self, factors: &[Factor], placement: Placement, behind: Option<String>) -> String {
        let mut weighty: Vec<(usize, &Factor)> = factors
            .iter()
            .enumerate()
            .filter(|(_, factor)| factor.value != Value::ZERO || factor.weight.as_milli() > 0)
            .collect();
        weighty.sort_by_key(|(order, factor)| {
            (!factor.evidence.is_warning(), std::cmp::Reverse(factor.weight.as_milli().abs()), *order)
        });
        let lacks: Vec<SkillId> =
            factors.iter().flat_map(|factor| factor.evidence.required_and_missing()).copied().collect();
        let mut told: Vec<(usize, String)> = Vec::with_capacity(REASONS);
        for (order, factor) in weighty {
            if told.len() == REASONS {
                break;
            }
            let phrase = factor.evidence.phrase_beside(self.knowledge, &lacks);
            // Two factors may rest on one fact, as both of experience do.
            told.extend(
                phrase.filter(|phrase| told.iter().all(|(_, other)| other != phrase)).map(|phrase| (order, phrase)),
            );
        }
        told.sort_by_key(|(order, _)| *order);
        let slot = match placement {
            Placement::Merit | Placement::NearTie => None,
            Placement::Newcomer => Some("shown in a newcomer's place".to_owned()),
        };
        let reasons: Vec<String> = told.into_iter().map(|(_, phrase)| phrase).chain(behind).chain(slot).collect();
        let mut sentence = reasons.join("; ");
        if let Some(initial) = sentence.get(..1).map(str::to_uppercase) {
            sentence.replace_range(..1, &initial);
            sentence.push('.');
        }
        sentence
    }
}

/// How many of the asked skills a person holds themselves.
fn skills_held(factors: &[Factor]) -> usize {
    let held = factors.iter().find_map(|factor| match &factor.evidence {
        Evidence::Skills { held, .. } => Some(held.len()),
        _ => None,
    });
    held.unwrap_or(0)
}

/// The sum of all contributions.
pub fn total(factors: &[Factor]) -> Score {
    factors.iter().map(Factor::contribution).sum()
}

/// Overlaps met in one ranking: many people keep the same hours.
#[derive(Default)]
pub(super) struct Overlaps {
    of: HashMap<(WorkDay, WorkDay, Dates), Overlap>,
    telling: Telling,
}

impl Overlaps {
    pub(super) fn between(&mut self, gig: &GigFeatures, person: &PersonFeatures, dates: Dates) -> Option<Overlap> {
        let (client, theirs) = (gig.work_day?, person.work_day?);
        let reckoned = || self.telling.overlap_over(&client, &theirs, dates);
        Some(*self.of.entry((client, theirs, dates)).or_insert_with(reckoned))
    }
}
