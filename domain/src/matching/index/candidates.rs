//! Candidates: the few hundred rows worth a full score, found without looking at everyone.
//!
//! The lists of the asked skills, their neighbours and the asked roles are added up; the few
//! thousand people with the largest sums are tried against the hard constraints and given a rough
//! score from their row; the best of those go on to the full one.

use std::collections::BTreeSet;

use super::super::bring::asks_nothing;
use super::super::constraint::Barrier;
use super::super::features::{Budget, GigFeatures, PersonFeatures, Standing};
use super::super::fixed::{Value, Weight, exp_minus};
use super::super::knowledge::Knowledge;
use super::super::overlap::Overlap;
use super::super::rank::Matcher;
use super::super::role::Role;
use super::super::score::{Ask, enough_months, grown, needed_months, spread};
use super::Counts;
use super::base::{BELIEF_STEP, Base, unpacked_level};
use super::row::{NO_ROLE, ROLES, Row};

/// How far candidate generation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many people, those whose lists add up to most, are tried against constraints and roughly scored.
    pub met: usize,
    /// Of so many who bring something of what is asked, all are counted whom constraints leave out; of
    /// more, those met.
    pub counted: usize,
    /// So many of them have their texts compared.
    pub compared: usize,
    /// So many of those are scored in full.
    pub scored: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { met: 5_000, counted: 20_000, compared: 500, scored: 120 }
    }
}

/// What was found.
pub struct Found {
    /// The rows to score in full.
    pub rows: Vec<u32>,
    /// How many of those counted passed every hard constraint.
    pub passed: u32,
    /// Whom the constraints left out, of those counted.
    pub left_out: Counts,
    /// Whether everyone who brings something of what is asked was counted.
    pub counted_all: bool,
}

/// Find candidates for a gig.
pub fn find<K: Knowledge + ?Sized>(
    base: &Base,
    hidden: &BTreeSet<u32>,
    matcher: &Matcher<'_, K>,
    gig: &GigFeatures,
    limits: Limits,
) -> Found {
    let ask = Ask::new(gig, matcher.model, matcher.knowledge);
    let rough = Rough::new(base, &ask, matcher);
    let mut gate = Gate::new(base, gig, matcher);
    let met = met(base, &ask, matcher, limits);
    let mut found = Found { rows: Vec::new(), passed: 0, left_out: Counts::new(), counted_all: met.all };
    let mut scored: Vec<(i64, u32)> = Vec::with_capacity(limits.met);
    for row in met.rows {
        if hidden.contains(&row) {
            continue;
        }
        let barriers = gate.barriers(row);
        if barriers == 0 {
            scored.push((-rough.score(base, row), row));
        } else {
            count(&mut found.left_out, barriers);
        }
    }
    found.passed = u32::try_from(scored.len()).unwrap_or(u32::MAX);
    for row in met.beyond.into_iter().filter(|row| !hidden.contains(row)) {
        let barriers = gate.barriers(row);
        found.passed += u32::from(barriers == 0);
        count(&mut found.left_out, barriers);
    }
    keep(&mut scored, limits.compared.max(limits.scored));
    if !gig.text.0.is_empty() && gig.text.0.len() == base.text_width && scored.len() > limits.scored {
        let weight = i64::from(matcher.model.people.text.as_milli());
        let length = lengths(&gig.text.0);
        for (score, row) in &mut scored {
            *score -= weight * likeness(&gig.text.0, base.text_of(*row as usize), length);
        }
    }
    keep(&mut scored, limits.scored);
    found.rows = scored.into_iter().map(|(_, row)| row).collect();
    found
}

/// Keep so many of the smallest.
fn keep(scored: &mut Vec<(i64, u32)>, most: usize) {
    if scored.len() > most {
        scored.select_nth_unstable(most);
        scored.truncate(most);
    }
}

/// The rows met, and what is known of the others.
struct Met {
    /// Those that are roughly scored.
    rows: Vec<u32>,
    /// Those on any of the lists that are not, if they are few enough to be counted.
    beyond: Vec<u32>,
    /// Whether this is everyone on any of the lists.
    all: bool,
}

/// The rows met: those whose skills and roles, by their lists, add up to most. Nobody else brings anything
/// of what is asked; where nothing is, the first of everyone are met.
fn met<K: Knowledge + ?Sized>(base: &Base, ask: &Ask<'_>, matcher: &Matcher<'_, K>, limits: Limits) -> Met {
    if asks_nothing(ask.gig) {
        let rows = (0..base.len_rows()).take(limits.met).collect();
        let beyond = (0..base.len_rows()).skip(limits.met).take(limits.counted.saturating_sub(limits.met)).collect();
        return Met { rows, beyond, all: base.len() <= limits.counted };
    }
    let mut lists = lists(base, ask, matcher);
    // A list of so many says little of each; it is left out as long as the others meet enough.
    let telling: usize = lists.iter().map(|(list, _)| list.len()).filter(|length| !is_hot(*length, base)).sum();
    let many = telling >= 2 * limits.met && lists.iter().any(|(list, _)| is_hot(list.len(), base));
    if many {
        lists.retain(|(list, _)| !is_hot(list.len(), base));
    }
    let mut sums = vec![0_u16; base.len()];
    for (list, weight) in &lists {
        for row in *list {
            let sum = &mut sums[*row as usize];
            *sum = sum.saturating_add(*weight);
        }
    }
    let (rows, on_lists) = largest(&sums, limits.met);
    let on_lists = if many { usize::MAX } else { on_lists };
    let mut beyond = Vec::new();
    if on_lists <= limits.counted && on_lists > rows.len() {
        rows.iter().for_each(|row| sums[*row as usize] = 0);
        beyond.extend((0..base.len_rows()).filter(|row| sums[*row as usize] > 0));
    }
    Met { rows, beyond, all: on_lists <= limits.counted }
}

fn is_hot(length: usize, base: &Base) -> bool {
    length > base.len() / 6
}

/// The lists to read, each with what being on it is worth.
fn lists<'b, K: Knowledge + ?Sized>(base: &'b Base, ask: &Ask<'_>, matcher: &Matcher<'_, K>) -> Vec<(&'b [u32], u16)> {
    let (weights, near) = (&matcher.model.people, matcher.model.skills.must_likeness);
    let worth = |weight: i32, micro: i64| u16::try_from(i64::from(weight) * micro * 4 / 1_000_000).unwrap_or(0).max(1);
    let skills = ask.answers_in_full().filter_map(|(skill, own)| {
        let number = base.skill_numbers.get(&skill)?;
        let answered = own.filter(|(_, likeness, _)| *likeness >= near);
        let micro = answered.map(|(_, likeness, share)| likeness.as_micro() * share / 1_000_000).max()?;
        Some((base.posting(*number), worth(weights.skills.as_milli(), micro)))
    });
    let roles = Role::all().filter_map(|held| {
        let best = ask.gig.roles.iter().map(|asked| held.stands_in_for(*asked)).max().filter(|best| *best >= near)?;
        Some((base.role_posting(held), worth(weights.role.as_milli(), best.as_micro())))
    });
    let mut lists: Vec<_> = skills.chain(roles).filter(|(list, _)| !list.is_empty()).collect();
    lists.sort_unstable_by_key(|(list, worth)| (list.len(), list[0], *worth));
    lists
}

/// The rows of the largest sums, so many of them; among equals, the first ones. And how many sums
/// there are.
fn largest(sums: &[u16], most: usize) -> (Vec<u32>, usize) {
    let mut counts = vec![0_usize; usize::from(u16::MAX) + 1];
    let mut highest = 0;
    for chunk in sums.chunks(CHUNK).filter(|chunk| has_any(chunk)) {
        for sum in chunk {
            counts[usize::from(*sum)] += 1;
            highest = highest.max(usize::from(*sum));
        }
    }
    counts[0] = 0;
    let all = counts[..=highest].iter().sum();
    let mut above = 0;
    let mut least = highest + 1;
    while least > 1 && above + counts[least - 1] <= most {
        least -= 1;
        above += counts[least];
    }
    // Of those one below the line, as many as there is room for.
    let mut room = if least > 1 { most - above } else { 0 };
    let mut rows = Vec::with_capacity(most);
    for (first, chunk) in (0..).step_by(CHUNK).zip(sums.chunks(CHUNK)).filter(|(_, chunk)| has_any(chunk)) {
        for (row, sum) in (first..).zip(chunk) {
            let sum = usize::from(*sum);
            if sum >= least {
                rows.push(row);
            } else if sum + 1 == least && room > 0 {
                room -= 1;
                rows.push(row);
            }
        }
    }
    (rows, all)
}

/// Sums are looked at so many at a time: most often there is nothing among them.
const CHUNK: usize = 64;

fn has_any(sums: &[u16]) -> bool {
    sums.iter().fold(0, |any, sum| any | sum) != 0
}

/// The rough score: skills, role, experience and load, from the row alone.
struct Rough {
    /// For each skill: which of `answers` are its own.
    ranges: Vec<(u16, u16)>,
    /// An asked skill, and how much of the ask for it is answered, in micro-units of its weight.
    answers: Vec<(u8, u32, i64)>,
    asked: usize,
    roles: Vec<i64>,
    skills_weight: i64,
    focus_weight: i64,
    /// What so many roles count.
    breadth: Vec<i64>,
    seniority: Vec<i64>,
    unasked_limit: i64,
    work_days: Vec<i64>,
    unknown_overlap: i64,
    loads: Vec<i64>,
    reputation_weight: i64,
    answers_weight: i64,
    rate: Option<(i64, i64, i64)>,
}

/// Loads are told apart by this much, in thousandths.
const LOAD_STEP: u32 = 100;
/// Heavier loads count as this many steps.
const LOAD_STEPS: u32 = 160;

/// More asked skills than this are not looked at roughly.
const MOST_ASKED: usize = 32;

impl Rough {
    fn new<K: Knowledge + ?Sized>(base: &Base, ask: &Ask<'_>, matcher: &Matcher<'_, K>) -> Self {
        let (model, gig) = (matcher.model, ask.gig);
        let mut ranges = vec![(0, 0); base.side.skills.len()];
        let mut answers = Vec::new();
        for (skill, own) in ask.answers_in_full() {
            let Some(number) = base.skill_numbers.get(&skill) else { continue };
            let start = answers.len() as u16;
            answers.extend(own.filter(|(index, ..)| *index < MOST_ASKED).map(|(index, likeness, share)| {
                let likeness = likeness.as_micro();
                (index as u8, likeness as u32, likeness * share / 1_000_000)
            }));
            ranges[usize::from(*number)] = (start, answers.len() as u16);
        }
        let roles = Role::all()
            .map(|held| {
                let best = gig.roles.iter().map(|asked| held.stands_in_for(*asked)).max();
                i64::from(model.people.role.as_milli()) * best.unwrap_or(model.unknown).as_micro()
            })
            .collect();
        let needed = needed_months(gig, model);
        let enough = enough_months(gig, model);
        let experience = |weight: Weight, months: u16, whole: u16| {
            i64::from(weight.as_milli()) * Value::ratio(grown(months), grown(whole)).as_micro()
        };
        let seniority = (0..=enough)
            .map(|months| {
                experience(model.people.seniority, months, needed) + experience(model.people.experience, months, enough)
            })
            .collect();
        let breadth = (0..=ROLES as u32)
            .map(|roles| i64::from(model.people.breadth.as_milli()) * spread(roles, &model.skills).as_micro())
            .collect();
        Self {
            ranges,
            answers,
            asked: ask.skills().count().min(MOST_ASKED),
            roles,
            skills_weight: i64::from(model.people.skills.as_milli()),
            focus_weight: i64::from(model.people.focus.as_milli()),
            breadth,
            seniority,
            unasked_limit: i64::from(model.skills.unasked_limit) * 1_000_000,
            work_days: work_days(base, matcher, gig),
            unknown_overlap: i64::from(model.people.overlap.as_milli()) * model.unknown.as_micro(),
            loads: (0..=LOAD_STEPS)
                .map(|step| {
                    let filled = i64::from(step * LOAD_STEP) * model.load.steepness.as_micro() / 1_000;
                    i64::from(model.people.load.as_milli()) * exp_minus(filled).complement().as_micro()
                })
                .collect(),
            reputation_weight: i64::from(model.people.reputation.as_milli()),
            answers_weight: i64::from(model.people.answers.as_milli()),
            rate: match gig.budget {
                Budget::Hourly { high_minor, .. } => {
                    let slack = (high_minor * model.rate.slack.as_micro() / 1_000_000).max(1);
                    Some((i64::from(model.people.rate.as_milli()), high_minor, slack))
                }
                Budget::Open | Budget::Fixed { .. } => None,
            },
        }
    }

    fn score(&self, base: &Base, row: u32) -> i64 {
        let numbers = &base.rows[row as usize];
        let held = base.held_of(row as usize);
        let mut best = [0_i64; MOST_ASKED];
        let mut mass = 0_i64;
        for packed in held {
            let Some((start, end)) = self.ranges.get(usize::from(packed / 4)) else { continue };
            let mut likest = 0;
            for (asked, likeness, worth) in &self.answers[usize::from(*start)..usize::from(*end)] {
                let worth = match unpacked_level(*packed) {
                    super::super::features::Level::Beginner => worth * 6 / 10,
                    super::super::features::Level::Claimed => worth * 8 / 10,
                    super::super::features::Level::Verified => *worth,
                };
                let at = &mut best[usize::from(*asked)];
                *at = (*at).max(worth);
                likest = likest.max(i64::from(*likeness));
            }
            mass += likest;
        }
        let covered: i64 = best[..self.asked].iter().sum();
        let listed = held.len() as i64 * 1_000_000;
        let restraint = (self.unasked_limit * 1_000 / (listed - mass).max(1)).min(1_000);
        let focus = if listed == 0 { 0 } else { mass * 1_000_000 / listed };
        let role =
            numbers.roles.iter().filter_map(|role| self.roles.get(usize::from(*role))).max().copied().unwrap_or(0);
        let roles = numbers.roles.iter().filter(|role| **role != NO_ROLE).count();
        let months = usize::from(numbers.months).min(self.seniority.len() - 1);
        let seniority = if numbers.months == u16::MAX { 0 } else { self.seniority[months] };
        let breadth = self.breadth[roles];
        let overlap = self.work_days.get(usize::from(numbers.work_day)).copied().unwrap_or(self.unknown_overlap);
        let load = self.loads[(numbers.pending / LOAD_STEP).min(LOAD_STEPS) as usize];
        let reputation = self.reputation_weight * i64::from(base.beliefs[row as usize]) * BELIEF_STEP;
        // Near enough: the mean of answers, and 1 / (1 + x^2) for how far a rate is over the budget.
        let answers =
            self.answers_weight * (i64::from(numbers.in_time) + 4) * 1_000_000 / (i64::from(numbers.asked) + 6);
        let rate = self.rate.filter(|_| numbers.rate != u32::MAX).map_or(0, |(weight, high, slack)| {
            let beyond = (i64::from(numbers.rate) - high).max(0) * 1_000 / slack;
            weight * 1_000_000_000_000 / (1_000_000 + beyond * beyond)
        });
        (self.skills_weight * covered + self.focus_weight * focus) / 1_000 * restraint
            + role
            + seniority
            + breadth
            + overlap
            + load
            + reputation
            + answers
            + rate
    }
}

/// What the overlap of each working day that people keep is worth.
fn work_days<K: Knowledge + ?Sized>(base: &Base, matcher: &Matcher<'_, K>, gig: &GigFeatures) -> Vec<i64> {
    let dates = gig.dates_from(matcher.now, matcher.model.usual_days);
    let enough = i64::from(gig.overlap_minutes.unwrap_or(0).max(matcher.model.overlap.enough_minutes));
    let Some(client) = gig.work_day else { return Vec::new() };
    let worth = |least: u16| Value::ratio(i64::from(least), enough).as_micro();
    let days = base.side.work_days.iter();
    days.map(|day| {
        i64::from(matcher.model.people.overlap.as_milli()) * worth(client.overlap_over(day, dates).least_minutes)
    })
    .collect()
}

/// The hard constraints, read from rows: what many share is looked up once.
struct Gate<'a> {
    base: &'a Base,
    gig: &'a GigFeatures,
    /// The barriers of a person of this standing, country and so on, one bit each.
    work_days: Vec<u16>,
    countries: Vec<u16>,
    languages: Vec<u16>,
    always: u16,
    blocked_rows: BTreeSet<u32>,
}

impl<'a> Gate<'a> {
    fn new<K: Knowledge + ?Sized>(base: &'a Base, gig: &'a GigFeatures, matcher: &Matcher<'_, K>) -> Self {
        let dates = gig.dates_from(matcher.now, matcher.model.usual_days);
        let anyone = || PersonFeatures::new(crate::id::Id::from_uuid(uuid::Uuid::nil()));
        let bits = |person: &PersonFeatures, overlap: Option<Overlap>| mask(&Barrier::between(gig, person, overlap));
        let overlap_of = |work_day: &super::super::overlap::WorkDay| {
            // Only a required overlap keeps anyone out; without one there is nothing to compute.
            gig.overlap_minutes.and(gig.work_day).map(|client| client.overlap_over(work_day, dates))
        };
        Self {
            work_days: base.side.work_days.iter().map(|day| bits(&anyone(), overlap_of(day))).collect(),
            countries: base
                .side
                .countries
                .iter()
                .map(|country| bits(&PersonFeatures { country: Some(*country), ..anyone() }, None))
                .collect(),
            languages: base
                .side
                .languages
                .iter()
                .map(|languages| bits(&PersonFeatures { languages: languages.clone(), ..anyone() }, None))
                .collect(),
            always: bits(&anyone(), None),
            blocked_rows: gig
                .blocked
                .iter()
                .filter_map(|person| base.find(*person))
                .chain(
                    base.side.blocked.iter().filter(|(_, clients)| clients.contains(&gig.client)).map(|(row, _)| *row),
                )
                .collect(),
            base,
            gig,
        }
    }

    /// The barriers of a row, one bit each.
    fn barriers(&mut self, row: u32) -> u16 {
        let numbers: &Row = &self.base.rows[row as usize];
        let shared = |table: &[u16], at: u16| table.get(usize::from(at)).copied().unwrap_or(0);
        let mut barriers = self.always
            | shared(&self.work_days, numbers.work_day)
            | shared(&self.countries, numbers.country)
            | shared(&self.languages, numbers.languages);
        match numbers.standing() {
            Standing::Active => (),
            Standing::Away | Standing::Suspended => barriers |= bit(Barrier::NotActive),
            Standing::Screened => barriers |= bit(Barrier::Screened),
        }
        if numbers.active >= numbers.capacity {
            barriers |= bit(Barrier::Capacity);
        }
        if self
            .gig
            .weekly_hours
            .is_some_and(|asked| numbers.free_hours != u8::MAX && u16::from(numbers.free_hours) < asked)
        {
            barriers |= bit(Barrier::WeeklyHours);
        }
        let above = |minor: u32, limit: i64| minor != u32::MAX && i64::from(minor) > limit;
        let outside = match self.gig.budget {
            Budget::Open => false,
            Budget::Hourly { high_minor, firm, .. } => {
                above(numbers.floor, high_minor) || (firm && above(numbers.rate, high_minor))
            }
            Budget::Fixed { total_minor } => above(numbers.fixed_floor, total_minor),
        };
        if outside {
            barriers |= bit(Barrier::Budget);
        }
        if !self.blocked_rows.is_empty() && self.blocked_rows.contains(&row) {
            barriers |= bit(Barrier::Blocked);
        }
        barriers
    }
}

fn bit(barrier: Barrier) -> u16 {
    1 << (barrier as u16)
}

fn mask(barriers: &[Barrier]) -> u16 {
    barriers.iter().fold(0, |mask, barrier| mask | bit(*barrier))
}

fn count(counts: &mut Counts, barriers: u16) {
    for barrier in Barrier::ALL {
        if barriers & bit(barrier) != 0 {
            let left_out = counts.entry(barrier).or_default();
            left_out.all += 1;
            left_out.by_this_alone += u32::from(barriers.count_ones() == 1);
        }
    }
}

fn lengths(text: &[i8]) -> i64 {
    let square: i64 = text.iter().map(|part| i64::from(*part) * i64::from(*part)).sum();
    i64::try_from(square.unsigned_abs().isqrt()).unwrap_or(1).max(1)
}

/// The cosine of two texts in micro-units, near enough for a rough score.
fn likeness(one: &[i8], other: &[i8], length: i64) -> i64 {
    let (mut dot, mut square) = (0_i32, 0_i32);
    for (one, other) in one.iter().zip(other) {
        dot += i32::from(*one) * i32::from(*other);
        square += i32::from(*other) * i32::from(*other);
    }
    let other_length = i64::from(square.unsigned_abs().isqrt()).max(1);
    i64::from(dot.max(0)) * 1_000_000 / (length * other_length)
}
