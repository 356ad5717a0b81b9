//! Candidates: the people of the highest scores, found without scoring everyone.
//!
//! Rows stand in the order of what no gig changes of their scores. They are gone through block by block, those first
//! where that is most: the lists of the asked skills, of those like them and of the roles are added up to a rough bound
//! on each row's score; what else is quick to read makes it a better one; and a row is scored only where that comes up
//! to the last of the best so far. A list that by itself can't lift a row that far is not read at all. Nobody is lost
//! by any of this: those found are those whom scoring everyone would find, which a test holds against it.
//!
//! Most of the time goes into waiting for memory, so what will be read of many rows is asked for all at once.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hint::black_box;

use super::super::bring::asks_nothing;
use super::super::features::{Budget, GigFeatures, Seniority};
use super::super::fixed::{Score, Value, Weight};
use super::super::knowledge::Knowledge;
use super::super::model::Model;
use super::super::rank::Matcher;
use super::super::score::{Ask, rate_value};
use super::Counts;
use super::base::Base;
use super::exact::Exact;
use super::gate::{Gate, count};
use super::lists::{List, Lists, Sums, sum};
use super::row::NO_ROLE;
use super::statics::{BLOCK, Block, Brief, NO_RATE, OTHER_DAY, STEP, least_rate, most};

/// How far candidate generation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Where so many people bring something of what is asked, or fewer, all are counted whom constraints leave
    /// out.
    pub counted: usize,
    /// Where more do, so many at least.
    pub met: usize,
    /// So many of the best are found, or what a page needs.
    pub scored: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { counted: 20_000, met: 3_000, scored: 64 }
    }
}

/// Of a list of people this much longer than a page some may be put back: one team's, and near ties.
const BEYOND_A_PAGE: usize = 20;

impl Limits {
    /// So many of the best are found for a page of so many.
    pub fn found_for(&self, page: usize) -> usize {
        self.scored.max(page.saturating_add(BEYOND_A_PAGE))
    }
}

/// The best so far, of all bases.
#[derive(Debug)]
pub struct Best {
    most: usize,
    heap: BinaryHeap<Reverse<Place>>,
}

/// A row among the best: the highest score first, and of equal ones the smallest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its score.
    pub score: Score,
    id: Reverse<u128>,
    /// Which base it is of.
    pub base: usize,
    /// Its row there.
    pub row: u32,
}

impl Best {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), heap: BinaryHeap::new() }
    }

    /// What a score must come up to.
    fn least(&self) -> i64 {
        match self.heap.peek() {
            Some(Reverse(last)) if self.heap.len() >= self.most => last.score.as_nano(),
            _ => i64::MIN,
        }
    }

    fn add(&mut self, place: Place) {
        self.heap.push(Reverse(place));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// All of them, the best first.
    pub fn sorted(self) -> Vec<Place> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(place)| place).collect()
    }
}

/// Who was met.
#[derive(Debug)]
pub struct Met {
    /// How many of those looked at passed every hard constraint.
    pub passed: u32,
    /// Whom the constraints left out, of those looked at.
    pub left_out: Counts,
    /// Whether everyone who brings something of what is asked was looked at.
    pub all: bool,
}

/// So many blocks in a row are read by the same lists.
const STRIDE: usize = 8;
/// A list with fewer than one row in so many is read in any case.
const SHORT: usize = 1_024;
/// Lists that are this many times longer, together, than what is counted are taken to name more people.
const OVERLAPPING: usize = 4;

/// Find candidates for a gig in one of the bases.
pub fn find<'a, K: Knowledge + ?Sized>(
    (number, base): (usize, &'a Base),
    hidden: &BTreeSet<u32>,
    matcher: &Matcher<'a, K>,
    ask: &Ask<'a>,
    limits: Limits,
    best: &mut Best,
) -> Met {
    if base.is_empty() {
        return Met { passed: 0, left_out: Counts::new(), all: true };
    }
    let statics = base.statics(matcher.model);
    let exact = Exact::new(base, ask, matcher, std::sync::Arc::clone(&statics));
    let lists = if asks_nothing(ask.gig) { None } else { Lists::of(base, ask, matcher, exact.roles()) };
    let table = Table::of(ask.gig, matcher.model, &exact);
    let mut search = Search {
        number,
        base,
        hidden,
        gate: Gate::new(base, ask.gig),
        exact,
        bounds: statics.bounds(ask.gig.seniority),
        briefs: statics.briefs(),
        table,
        met: Met { passed: 0, left_out: Counts::new(), all: true },
        looked_at: 0,
        limits,
        best,
    };
    match lists {
        Some(lists) => search.along(lists, statics.blocks()),
        None => search.everyone(ask, statics.blocks()),
    }
    search.met
}

/// What the parts of a row's score are worth at most that its brief tells of, in billionths.
struct Table {
    seniority: Option<Seniority>,
    /// Of all that no brief tells of, apart from skills: the text, wishes, and what is the gig's alone.
    rest: i64,
    text: i64,
    /// The largest that roles, rates and overlaps contribute.
    role: i64,
    rate: i64,
    overlap: i64,
    /// What the first role of a brief contributes, and the second.
    first_roles: [i64; BYTES],
    second_roles: [i64; BYTES],
    rates: [i64; BYTES],
    /// What working days contribute, each reckoned when first met; [`APART`] where they don't overlap enough.
    days: [Option<i64>; BYTES],
    weekly_hours: u8,
    overlap_minutes: u16,
    skills: i64,
}

/// As many as a byte can tell apart.
const BYTES: usize = 1 << u8::BITS;

/// What keeps a row apart from a gig is worth this much: so little that nothing makes up for it.
const APART: i64 = i64::MIN / 4;

impl Table {
    fn of(gig: &GigFeatures, model: &Model, exact: &Exact<'_>) -> Self {
        let weights = &model.people;
        let unknown = |weight: Weight| weight.of(model.unknown).as_nano();
        let text = if exact.compares_texts() { most(weights.text) } else { unknown(weights.text) };
        let mut rates = [unknown(weights.rate); BYTES];
        if let Budget::Hourly { low_minor, high_minor, .. } = gig.budget {
            for (worth, step) in rates.iter_mut().zip(0..NO_RATE) {
                let (from, to) = (i64::from(least_rate(step)), i64::from(least_rate(step + 1)));
                let value = |rate: i64| rate_value(rate, low_minor, high_minor, model);
                let best = if from <= high_minor && to >= low_minor { Value::ONE } else { value(from).max(value(to)) };
                *worth = weights.rate.of(best).as_nano().max(0);
            }
        }
        let (roles, no_role) = exact.roles();
        let role = roles.iter().copied().max().unwrap_or(no_role).max(no_role);
        // Roles past the second are not told: any of them may be the largest.
        let mut first_roles = [role; BYTES];
        first_roles[..roles.len()].copy_from_slice(roles);
        let mut second_roles = first_roles;
        (first_roles[usize::from(NO_ROLE)], second_roles[usize::from(NO_ROLE)]) = (no_role, APART);
        let overlap = if gig.work_day.is_some() { most(weights.overlap) } else { unknown(weights.overlap) };
        let mut days = [None; BYTES];
        days[usize::from(OTHER_DAY)] = Some(overlap);
        Self {
            seniority: gig.seniority,
            rest: exact.of_gig() + text + most(weights.interest) + most(weights.must_haves),
            text,
            role,
            rate: rates.iter().copied().max().unwrap_or(0),
            overlap,
            first_roles,
            second_roles,
            rates,
            days,
            weekly_hours: gig.weekly_hours.map_or(0, |hours| u8::try_from(hours).unwrap_or(u8::MAX)),
            overlap_minutes: gig.overlap_minutes.unwrap_or(0),
            skills: if gig.skills.is_empty() { unknown(weights.skills) } else { 0 },
        }
    }

    /// What a row without any of the asked skills and roles is worth at most, where what no gig changes of it is
    /// no more than this.
    fn around(&self, bound: i64) -> i64 {
        bound + self.rest + self.rate + self.overlap + self.skills
    }

    /// What a row is worth at most beside its skills and what no gig changes, by its brief; very little, if that keeps
    /// it apart.
    fn beside_skills(&mut self, brief: &Brief, exact: &mut Exact<'_>) -> i64 {
        let open = brief.open && brief.free_hours >= self.weekly_hours;
        let [first, second] = brief.roles.map(usize::from);
        let day = match self.days[usize::from(brief.day)] {
            Some(worth) => worth,
            None => self.reckon_day(brief.day, exact),
        };
        self.rest
            + self.skills
            + self.first_roles[first].max(self.second_roles[second])
            + self.rates[usize::from(brief.rate)]
            + day
            + if open { 0 } else { APART }
    }

    fn reckon_day(&mut self, day: u8, exact: &mut Exact<'_>) -> i64 {
        let (overlap, worth) = exact.overlap_of_day(day);
        let meets = overlap.is_none_or(|overlap| overlap.least_minutes >= self.overlap_minutes);
        *self.days[usize::from(day)].insert(if meets { worth } else { APART })
    }
}

struct Search<'s, 'a> {
    number: usize,
    base: &'a Base,
    hidden: &'s BTreeSet<u32>,
    gate: Gate<'a>,
    exact: Exact<'a>,
    bounds: &'s [i16],
    briefs: &'s [Brief],
    table: Table,
    met: Met,
    looked_at: usize,
    limits: Limits,
    best: &'s mut Best,
}

impl Search<'_, '_> {
    /// Along the lists, block by block.
    fn along(&mut self, mut lists: Lists<'_>, blocks: &[Block]) {
        let members = lists.members();
        let counting = members <= self.limits.counted
            || (members <= self.limits.counted.saturating_mul(OVERLAPPING) && self.union_is_counted(&lists));
        self.met.all = counting;
        let shortest = self.base.len() / SHORT;
        let around = self.table.around(0);
        let mut sums = Box::new(Sums::new());
        let (mut near, mut hoped) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        let most_alone = |together: &[Block]| together.iter().map(|block| block.bound(self.table.seniority)).max();
        let mut strides: Vec<(i64, usize, &[Block])> = (0..)
            .zip(blocks.chunks(STRIDE))
            .map(|(at, blocks)| (most_alone(blocks).unwrap_or(0), at, blocks))
            .collect();
        strides.sort_unstable_by_key(|(bound, at, _)| (Reverse(*bound), *at));
        for (bound, stride, together) in strides {
            if !counting && self.looked_at >= self.limits.met {
                let listed = together.iter().map(|block| block.least_listed).min().unwrap_or(0);
                lists.leave_out(self.table.around(bound), self.best.least(), listed, shortest);
                if lists.all.iter().all(|list| !list.read || !list.member) {
                    continue;
                }
            }
            let unread = lists.unread();
            for (block, of_block) in (stride * STRIDE..).zip(together) {
                let start = (block * BLOCK) as u32;
                let end = start + (BLOCK.min(self.base.len() - block * BLOCK)) as u32;
                for list in lists.all.iter_mut().filter(|list| list.read) {
                    list.add_to(start, end, &mut sums);
                }
                for row in self.hidden.range(start..end) {
                    sums.hide(row - start);
                }
                let everyone = counting || self.looked_at < self.limits.met;
                let bounds = &self.bounds[start as usize..end as usize];
                let enough = self.best.least();
                sums.take(|at, sum| {
                    let rough = || lists.rough_bound(sum, of_block.least_listed, &unread) + around;
                    let near_enough = || rough() + i64::from(bounds[at as usize]) * STEP >= enough;
                    if sum::is_member(sum) && (everyone || near_enough()) {
                        near.push((start + at, sum));
                    }
                });
                self.fetch(&near, everyone);
                for (row, sum) in near.drain(..) {
                    let skills = lists.bound(sum, self.briefs[row as usize].listed, &unread);
                    let hope = self.hope(row, skills);
                    if counting || self.looked_at < self.limits.met {
                        self.look_at(row, hope, counting);
                    } else {
                        hoped.extend(hope.map(|hope| (row, hope)));
                    }
                }
                self.score_hoped(&mut hoped);
            }
        }
    }

    /// Asks memory for the briefs of these rows, all at once; and for all of them, where everyone is looked at.
    fn fetch(&self, near: &[(u32, u64)], everyone: bool) {
        let listed = near.iter().fold(0, |sum, (row, _)| sum ^ self.briefs[*row as usize].listed);
        black_box(listed);
        if everyone {
            let rows = near.iter().map(|(row, _)| *row);
            self.exact.fetch_rows(rows.clone());
            self.exact.fetch_texts(rows);
        }
    }

    /// What a row whose skills are worth this much at most may come to, by what its brief tells; nothing, if
    /// that is not enough, or keeps it apart.
    fn hope(&mut self, row: u32, skills: i64) -> Option<i64> {
        let alone = i64::from(self.bounds[row as usize]) * STEP;
        let most = skills + alone + self.table.beside_skills(&self.briefs[row as usize], &mut self.exact);
        (most >= self.best.least().max(APART / 2)).then_some(most)
    }

    /// Whether the lists name few enough people for all of them to be counted.
    fn union_is_counted(&self, lists: &Lists<'_>) -> bool {
        let mut named = vec![false; self.base.len()];
        let mut people = 0;
        for row in lists.all.iter().filter(|list| list.member).flat_map(List::rows) {
            people += usize::from(!std::mem::replace(&mut named[row as usize], true));
        }
        people <= self.limits.counted
    }

    /// Where lists don't help: everyone whose bound comes up to it.
    fn everyone(&mut self, ask: &Ask<'_>, blocks: &[Block]) {
        let counting = self.base.len() <= self.limits.counted;
        self.met.all = counting;
        let brings = (!asks_nothing(ask.gig)).then_some(ask);
        let weights = &self.exact.model().people;
        let skills = most(weights.skills).max(self.table.skills) + most(weights.focus) - self.table.skills;
        for (number, block) in blocks.iter().enumerate() {
            let bound = self.table.around(block.bound(self.table.seniority)) + skills + self.table.role;
            if !counting && self.looked_at >= self.limits.met && bound < self.best.least() {
                continue;
            }
            for at in number * BLOCK..self.base.len().min((number + 1) * BLOCK) {
                let row = at as u32;
                let hope = self.hope(row, skills);
                if (hope.is_some() || counting || self.looked_at < self.limits.met)
                    && !self.hidden.contains(&row)
                    && brings.is_none_or(|ask| ask.is_met_by(&self.base.person(row), self.exact.model()))
                {
                    self.look_at(row, hope, counting);
                }
            }
        }
    }

    /// Score a row, if what is hoped for it comes up to it and nothing keeps it apart. Count it, as long as rows
    /// are counted.
    fn look_at(&mut self, row: u32, hope: Option<i64>, counting: bool) {
        if counting || self.looked_at < self.limits.met {
            let barriers = self.count(row);
            if let (0, Some(hope)) = (barriers, hope) {
                self.score(row, hope, true);
            }
        } else if let Some(hope) = hope {
            self.score(row, hope, false);
        }
    }

    /// The barriers of a row, counted.
    fn count(&mut self, row: u32) -> u16 {
        self.looked_at += 1;
        let barriers = self.gate.barriers(row, self.exact.days());
        if barriers == 0 {
            self.met.passed += 1;
        } else {
            count(&mut self.met.left_out, barriers);
        }
        barriers
    }

    /// Score rows that are hoped to come to so much each, all their texts first: what one waits for from memory
    /// the next needn't.
    fn score_hoped(&mut self, hoped: &mut Vec<(u32, i64)>) {
        self.exact.fetch_texts(hoped.iter().map(|(row, _)| *row));
        let least = self.best.least();
        hoped.retain_mut(|(row, hope)| {
            *hope += self.exact.text(*row) - self.table.text;
            *hope >= least
        });
        self.exact.fetch_rows(hoped.iter().map(|(row, _)| *row));
        for (row, hope) in hoped.drain(..) {
            if hope >= self.best.least() && self.count(row) == 0 {
                self.place(row);
            }
        }
    }

    /// Score a row that is hoped to come to so much, unless something keeps it apart.
    fn score(&mut self, row: u32, hope: i64, passed: bool) {
        // Its text first: that is where most hopes fail.
        let text = self.exact.text(row);
        if hope - self.table.text + text < self.best.least() || (!passed && self.count(row) != 0) {
            return;
        }
        self.place(row);
    }

    /// Score a row, and place it if it is among the best.
    fn place(&mut self, row: u32) {
        let score = self.exact.beside_text(row) + self.exact.text(row);
        if score >= self.best.least() {
            let id = Reverse(self.base.ids[row as usize]);
            self.best.add(Place { score: Score::nano(score), id, base: self.number, row });
        }
    }
}
