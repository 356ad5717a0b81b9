//! Candidates: the people of the highest scores, found without scoring everyone.
//!
//! Rows stand together that are alike in what no gig changes of their scores, in working days, free hours and rates.
//! They are gone through block by block, those first of which most may be hoped for; a block all of whose rows are kept
//! apart from the gig is passed over. The lists of the asked skills, of those like them and of the roles are added up
//! to a rough bound on each row's score; what else is quick to read makes it a better one; and a row is scored only
//! where that comes up to the last of the best so far. Lists that by themselves can't lift a row that far are not read
//! at all. Nobody is lost by any of this: those found are those whom scoring everyone would find, which a test holds
//! against it, and another that no bound is less than what it bounds.
//!
//! Most of the time goes into waiting for memory, so what will be read of many rows is asked for all at once.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::hint::black_box;

use super::super::bring::asks_nothing;
use super::super::fairness::POOL;
use super::super::fixed::Score;
use super::super::knowledge::Knowledge;
use super::super::rank::Matcher;
use super::super::score::Ask;
use super::Counts;
use super::base::Base;
use super::exact::Exact;
use super::gate::{Gate, count};
use super::lists::{List, Lists, Near, Plan, Sums};
use super::statics::{BLOCK, Block, Brief, STEP, most, steps};
use super::table::{APART, Table};

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
        Self { counted: 20_000, met: 3_000, scored: POOL }
    }
}

/// Of a list of people this much longer than a page some may be put back: one team's, and near ties.
const BEYOND_A_PAGE: usize = 20;

impl Limits {
    /// Nobody is counted: that was done before.
    pub const UNCOUNTED: Self = Self { counted: 0, met: 0, scored: 0 };

    /// So many of the best are found for a page of so many.
    pub fn found_for(&self, page: usize) -> usize {
        self.scored.max(page.saturating_add(BEYOND_A_PAGE))
    }
}

/// The best so far, of all bases.
#[derive(Debug)]
pub struct Best {
    most: usize,
    /// Who does not come up to this is none of them.
    floor: i64,
    /// Only newcomers are wanted who may be placed beyond a crowd.
    stand_out: bool,
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
        Self { most: most.max(1), floor: APART / 2, stand_out: false, heap: BinaryHeap::new() }
    }

    /// Room for so many newcomers who may be placed beyond a crowd, and whose scores come up to this.
    pub fn beyond_a_crowd(most: usize, least: Score) -> Self {
        Self { floor: least.as_nano(), stand_out: true, ..Self::new(most) }
    }

    /// What a score must come up to.
    fn least(&self) -> i64 {
        match self.heap.peek() {
            Some(Reverse(last)) if self.heap.len() >= self.most => last.score.as_nano(),
            _ => self.floor,
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

/// So many blocks, those that most may be hoped for, are read before all others, which are read in their order.
const FIRST: usize = 48;
/// Which lists are read is reckoned once for all blocks whose bounds lie within so many billionths.
const ALIKE: i64 = 1 << 21;
/// So many rows are scored at once: what one waits for from memory the next needn't.
const TOGETHER: usize = 48;
/// Of so many rows that wait for being scored those of whom most is hoped for are: the more they come to, the fewer of
/// the others need be.
const WAITING: usize = 512;
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
    if best.stand_out && statics.blocks().iter().all(|block| !block.stands_out) {
        return Met { passed: 0, left_out: Counts::new(), all: true };
    }
    let mut exact = Exact::new(base, ask, matcher, std::sync::Arc::clone(&statics));
    let lists = if asks_nothing(ask.gig) { None } else { Lists::of(base, ask, matcher, exact.roles()) };
    let mut table = Table::of(ask.gig, matcher.model, &exact);
    table.reckon_cells(statics.told(), &mut exact);
    let mut search = Search {
        number,
        base,
        hidden,
        gate: Gate::new(base, ask.gig),
        exact,
        bounds: statics.bounds(ask.gig.seniority),
        briefs: statics.briefs(),
        cells: statics.cells(),
        listed: statics.listed(),
        stands_out: statics.stands_out(),
        table,
        met: Met { passed: 0, left_out: Counts::new(), all: true },
        looked_at: 0,
        limits,
        waiting: Vec::with_capacity(WAITING + BLOCK),
        best,
    };
    match lists {
        Some(lists) => search.along(&lists, statics.blocks()),
        None => search.everyone(ask, statics.blocks()),
    }
    search.met
}

/// What reading goes on with from block to block.
struct Reading {
    sums: Box<Sums>,
    near: Box<Near>,
    /// All lists are read.
    all: Plan,
    plans: Vec<Plan>,
    plan_of: HashMap<(i64, u8), usize>,
}

impl Reading {
    fn new(lists: &Lists<'_>) -> Self {
        Self {
            sums: Box::new(Sums::new()),
            near: Box::new(Near::new()),
            all: lists.plan_of_all(),
            plans: Vec::new(),
            plan_of: HashMap::new(),
        }
    }

    /// Which lists are read of a block, where all else is worth so much at most.
    fn plan(&mut self, lists: &Lists<'_>, around: i64, enough: i64, least_listed: u8) -> usize {
        let missing = (enough - around).div_euclid(ALIKE);
        *self.plan_of.entry((missing, least_listed)).or_insert_with(|| {
            self.plans.push(lists.plan(missing * ALIKE, least_listed));
            self.plans.len() - 1
        })
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
    cells: &'s [u16],
    listed: &'s [u8],
    stands_out: &'s [bool],
    table: Table,
    met: Met,
    looked_at: usize,
    limits: Limits,
    waiting: Vec<Hoped>,
    best: &'s mut Best,
}

/// What rows have to come to in steps, where so much is missing.
fn steps_to(missing: i64) -> i32 {
    let missing = steps(missing);
    i32::try_from(missing).unwrap_or(if missing < 0 { i32::MIN } else { i32::MAX })
}

/// What is known of a row that waits for being scored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing: by lists that were not read it may be a candidate.
    Nothing,
    /// It is a candidate.
    Candidate,
    /// It passed the gate, too, and is counted.
    Passed,
}

/// A row that waits for being scored.
#[derive(Clone, Copy)]
struct Hoped {
    row: u32,
    /// What is known of it.
    known: Known,
    /// What it comes to at most.
    most: i64,
    /// What its text has in common with the gig's, once they were compared.
    product: i64,
}

impl Search<'_, '_> {
    /// Along the lists, block by block: some blocks of those who are worth most to any gig, until enough people are
    /// counted; then those that most may be hoped for, so that soon little is hoped for of the others.
    fn along(&mut self, lists: &Lists<'_>, blocks: &[Block]) {
        let members = lists.members();
        let counting = members <= self.limits.counted
            || (members <= self.limits.counted.saturating_mul(OVERLAPPING) && self.union_is_counted(lists));
        self.met.all = counting;
        let mut reading = Reading::new(lists);
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        if !counting {
            let worth = |block: &usize| (Reverse(blocks[*block].bound(self.table.seniority)), *block);
            order.sort_unstable_by_key(worth);
        }
        let mut counted = 0;
        while counted < order.len() && (counting || self.looked_at < self.limits.met) {
            self.count_block(lists, order[counted], counting, &mut reading);
            counted += 1;
        }
        let mut rest: Vec<(i64, usize)> = order[counted..]
            .iter()
            .filter(|block| !self.best.stand_out || blocks[**block].stands_out)
            .map(|block| (self.table.around(&blocks[*block], &mut self.exact), *block))
            .filter(|(around, _)| *around > APART / 2)
            .collect();
        let first = FIRST.min(rest.len());
        if first < rest.len() {
            rest.select_nth_unstable_by_key(first, |(around, block)| (Reverse(*around), *block));
        }
        rest[..first].sort_unstable_by_key(|(around, block)| (Reverse(*around), *block));
        rest[first..].sort_unstable_by_key(|(_, block)| *block);
        for (around, block) in rest {
            if around + lists.most() >= self.best.least() {
                self.read_block(lists, block, (around, &blocks[block]), &mut reading);
            }
        }
        self.score_waiting(0);
    }

    /// Adds what lists have of the rows of a block, and tells the first of them.
    fn add_up(&self, lists: &Lists<'_>, block: usize, plan: &Plan, sums: &mut Sums) -> u32 {
        let start = (block * BLOCK) as u32;
        let end = start + BLOCK.min(self.base.len() - block * BLOCK) as u32;
        lists.add_up(block, plan, sums);
        for row in self.hidden.range(start..end) {
            sums.hide(row - start);
        }
        start
    }

    /// Looks at everyone of a block who is on a list that makes candidates.
    fn count_block(&mut self, lists: &Lists<'_>, block: usize, counting: bool, reading: &mut Reading) {
        let Reading { sums, near, all, .. } = reading;
        let start = self.add_up(lists, block, all, sums);
        let of_block = start as usize..self.base.len().min(start as usize + BLOCK);
        let listed = &self.listed[of_block.clone()];
        let is_kept = |at: usize, sum| lists.is_candidate(sum, listed[at]);
        sums.take_into(near, &self.bounds[of_block], i32::MIN, |_, _| true, is_kept);
        let of_lists = lists.bounds(&all.unread);
        self.exact.fetch_rows(near.rows().iter().map(|(at, _)| start + at));
        for (at, sum) in near.rows() {
            let row = start + at;
            let skills = of_lists.answers(*sum) + of_lists.focus(*sum, self.listed[row as usize]);
            let hope = self.hope(row, skills);
            self.look_at(row, hope, counting);
        }
        self.score_waiting(WAITING);
    }

    /// Scores whom so much may be hoped for, of a block where what is beside skills and role is worth this much at
    /// most.
    fn read_block(&mut self, lists: &Lists<'_>, block: usize, (around, told): (i64, &Block), reading: &mut Reading) {
        let enough = self.best.least();
        let plan = reading.plan(lists, around, enough, told.least_listed);
        let Reading { sums, near, plans, .. } = reading;
        let plan = &plans[plan];
        if lists.reads_nothing(block, plan) {
            return;
        }
        let start = self.add_up(lists, block, plan, sums);
        let of_block = start as usize..self.base.len().min(start as usize + BLOCK);
        if self.best.stand_out {
            sums.keep(&self.stands_out[of_block.clone()]);
        }
        let (bounds, cells) = (&self.bounds[of_block.clone()], &self.cells[of_block.clone()]);
        let listed = &self.listed[of_block];
        let of_lists = lists.bounds(&plan.unread);
        let rest = self.table.rest + self.table.skills;
        // What is told of the block at once, beside bounds, is enough for most; what their cells tell, for most others.
        let least = steps_to(enough - (around - told.bound(self.table.seniority)) - plan.around);
        let least_in_cell = i64::from(steps_to(enough - rest - plan.around));
        let may_be_near =
            |at: usize, comes_to| i64::from(comes_to) + i64::from(self.table.of_cell(cells[at])) >= least_in_cell;
        sums.take_into(near, bounds, least, may_be_near, |at, sum| {
            let around = rest + (i64::from(self.table.of_cell(cells[at])) + i64::from(bounds[at])) * STEP;
            let brought = of_lists.answers(sum) + of_lists.role(sum) + of_lists.focus(sum, listed[at]);
            (lists.is_candidate(sum, listed[at]) | !plan.is_whole) & (sum > 0) & (around + brought >= enough)
        });
        // All at once, so that what one waits for from memory the next needn't.
        black_box(near.rows().iter().fold(0, |sum, (at, _)| sum ^ self.briefs[(start + at) as usize].rate));
        for (at, sum) in near.rows() {
            let row = start + at;
            let skills = of_lists.answers(*sum) + of_lists.focus(*sum, self.listed[row as usize]);
            let hope = self.hope(row, skills);
            let is_candidate = plan.is_whole || lists.is_candidate(*sum, self.listed[row as usize]);
            let known = if is_candidate { Known::Candidate } else { Known::Nothing };
            self.waiting.extend(hope.map(|most| Hoped { row, known, most, product: 0 }));
        }
        self.score_waiting(WAITING);
    }

    /// What a row whose skills are worth this much at most may come to, by what its brief tells; nothing, if
    /// that is not enough, or keeps it apart, or it is not of those who are wanted.
    fn hope(&mut self, row: u32, skills: i64) -> Option<i64> {
        if self.best.stand_out && !self.stands_out[row as usize] {
            return None;
        }
        let alone = i64::from(self.bounds[row as usize]) * STEP;
        let most = skills + alone + self.table.beside_skills(&self.briefs[row as usize], &mut self.exact);
        (most >= self.best.least()).then_some(most)
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
            let bound = self.table.around(block, &mut self.exact) + skills + self.table.role;
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
            self.score_waiting(WAITING);
        }
        self.score_waiting(0);
    }

    /// Has a row scored, if what is hoped for it comes up to it and nothing keeps it apart. Counts it, as long as rows
    /// are counted.
    fn look_at(&mut self, row: u32, hope: Option<i64>, counting: bool) {
        if counting || self.looked_at < self.limits.met {
            let barriers = self.count(row);
            if let (0, Some(hope)) = (barriers, hope) {
                self.waiting.push(Hoped { row, known: Known::Passed, most: hope, product: 0 });
            }
        } else if let Some(hope) = hope {
            self.waiting.push(Hoped { row, known: Known::Candidate, most: hope, product: 0 });
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

    /// Where more than so many wait, scores those of whom most is hoped for, until no more than three fourths as many
    /// wait: those chosen at once needn't be chosen again and again.
    fn score_waiting(&mut self, most: usize) {
        if self.waiting.len() <= most {
            return;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let least = self.best.least();
        waiting.retain(|hoped| hoped.most >= least);
        let others = if waiting.len() <= most { waiting.len() } else { most * 3 / 4 };
        let by_hope = |hoped: &Hoped| (Reverse(hoped.most), hoped.row);
        let chosen = match waiting.len() - others {
            0 => &mut [],
            chosen => {
                waiting.select_nth_unstable_by_key(chosen - 1, by_hope);
                &mut waiting[..chosen]
            }
        };
        chosen.sort_unstable_by_key(by_hope);
        for together in chosen.chunks_mut(TOGETHER) {
            if together[0].most >= self.best.least() {
                self.score_together(together);
            }
        }
        waiting.drain(..waiting.len() - others);
        self.waiting = waiting;
    }

    /// Scores these rows, all their texts first: what one waits for from memory the next needn't.
    fn score_together(&mut self, hoped: &mut [Hoped]) {
        self.exact.fetch_texts(hoped.iter().map(|hoped| hoped.row));
        let beside = self.best.least() + self.table.text;
        let mut near = 0;
        for at in 0..hoped.len() {
            let one = Hoped { product: self.exact.product(hoped[at].row), ..hoped[at] };
            hoped[near] = one;
            near += usize::from(self.exact.text_may_be(one.row, one.product, beside - one.most));
        }
        let near = &hoped[..near];
        self.exact.fetch_rows(near.iter().map(|hoped| hoped.row));
        for hoped in near {
            self.score(*hoped);
        }
    }

    /// Scores a row that is hoped to come to so much, unless something keeps it apart.
    fn score(&mut self, Hoped { row, known, most, product }: Hoped) {
        // Its text first: that is where most hopes fail.
        let text = self.exact.text(row, product);
        if most - self.table.text + text < self.best.least()
            || (known == Known::Nothing && !self.exact.is_met_by(row))
            || (known != Known::Passed && self.count(row) != 0)
        {
            return;
        }
        let score = self.exact.beside_text(row) + text;
        if score >= self.best.least() {
            let id = Reverse(self.base.ids[row as usize]);
            self.best.add(Place { score: Score::nano(score), id, base: self.number, row });
        }
    }
}
