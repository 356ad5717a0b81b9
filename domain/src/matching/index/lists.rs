//! The lists that a gig's candidates are found by, and how much being on them can be worth at most.

use std::hint::black_box;

use super::super::bring::near_work;
use super::super::fixed::Value;
use super::super::knowledge::Knowledge;
use super::super::rank::Matcher;
use super::super::role::Role;
use super::super::score::{Answer, Ask, answered, level_value};
use super::base::{Base, unpacked_level};
use super::statics::{BLOCK, MOST_LISTED, STEP, most, steps};

/// What is added up for a row, from the lowest bits: how much of what it holds was asked for, what its
/// skills are worth in steps, on how many skills' lists it is, what its roles are worth in shares of the best role,
/// on how many lists that make it a candidate.
pub mod sum {
    use super::super::row::ROLES;

    /// What of a skill was asked for is added up in so many millionths, rounded up.
    pub const MASS_STEP: i64 = 4_096;
    const MASS_BITS: u32 = 16;
    const WORTH_BITS: u32 = 22;
    const COUNT_BITS: u32 = 8;
    const ROLE_BITS: u32 = 9;
    const WORTH_AT: u32 = MASS_BITS;
    const COUNT_AT: u32 = WORTH_AT + WORTH_BITS;
    const ROLE_AT: u32 = COUNT_AT + COUNT_BITS;
    const MEMBER_AT: u32 = ROLE_AT + ROLE_BITS;
    /// So many lists can be added up, however much each is worth.
    pub const MOST_LISTS: usize = (1 << COUNT_BITS) - 1;
    /// A single list's worth, at most.
    pub const MOST_WORTH: u64 = (1 << WORTH_BITS) / (MOST_LISTS as u64 + 1) - 1;
    /// The best role is worth so many shares; a row has [`ROLES`] at most.
    pub const ROLE_SHARES: i64 = ((1 << ROLE_BITS) - 1) / ROLES as i64;

    /// What a skill's list adds.
    pub fn of_skill(mass: u64, worth: u64, member: bool) -> u64 {
        mass | worth << WORTH_AT | 1 << COUNT_AT | u64::from(member) << MEMBER_AT
    }

    /// What a role's list adds.
    pub fn of_role(shares: u64, member: bool) -> u64 {
        shares << ROLE_AT | u64::from(member) << MEMBER_AT
    }

    fn field(sum: u64, at: u32, bits: u32) -> i64 {
        i64::try_from(sum >> at & ((1 << bits) - 1)).unwrap_or(0)
    }

    /// How much was asked for, in steps.
    pub fn mass(sum: u64) -> i64 {
        field(sum, 0, MASS_BITS)
    }

    /// What skills are worth, in steps of the score.
    pub fn worth(sum: u64) -> i64 {
        field(sum, WORTH_AT, WORTH_BITS)
    }

    /// On how many skills' lists.
    pub fn count(sum: u64) -> i64 {
        field(sum, COUNT_AT, COUNT_BITS)
    }

    /// What its roles are worth, in shares of the best.
    pub fn role(sum: u64) -> i64 {
        field(sum, ROLE_AT, ROLE_BITS)
    }

    /// Whether it is a candidate.
    pub fn is_member(sum: u64) -> bool {
        sum >> MEMBER_AT > 0
    }
}

/// A list of rows.
pub struct List<'b> {
    /// The rows, each with the level the skill is held at; of roles, without.
    rows: &'b [u32],
    /// What is added to a row's sum, by level.
    add: [u64; LEVELS_KEPT],
    /// Which asked skills it answers, and what of the score that is worth at most, in billionths.
    worths: Vec<(usize, i64)>,
    /// How much of any one ask a skill on it answers at most, in millionths.
    most_worth: i64,
    /// Of a role: what it contributes.
    role: Option<i64>,
    /// Whether being on it makes a candidate.
    pub member: bool,
    /// Where the rows of each block start, and behind them their end; nothing, where the list is short.
    starts: &'b [u32],
    /// How far it is read, where that is not told.
    next: usize,
}

/// What all lists add, and a bound with it, is no more than can be counted.
const MOST_ADDED: i32 = i32::MAX / (sum::MOST_LISTS as i32 + 1);

/// What a list adds to the sums of its rows, by level: to what is added up exactly, and to what is roughly.
pub type Adds = [(u64, i32); LEVELS_KEPT];

/// A row of a posting list is kept with the level in so many bits.
pub const LEVEL_BITS: u32 = 2;
/// So many levels can be told by them.
const LEVELS_KEPT: usize = 1 << LEVEL_BITS;

impl<'b> List<'b> {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, at: usize) -> u32 {
        if self.role.is_some() { self.rows[at] } else { self.rows[at] >> LEVEL_BITS }
    }

    /// Whether a row is on it.
    fn holds(&self, row: u32) -> bool {
        let bits = if self.role.is_some() { 0 } else { LEVEL_BITS };
        self.rows.binary_search_by_key(&row, |packed| packed >> bits).is_ok()
    }

    /// Its rows.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.rows.len()).map(|at| self.row(at))
    }

    /// Adds what it has of the rows of a block to their sums.
    pub fn add_to(&mut self, block: usize, adds: &Adds, sums: &mut Sums) {
        match self.role {
            None => self.add_rows::<LEVEL_BITS>(block, adds, sums),
            Some(_) => self.add_rows::<0>(block, adds, sums),
        }
    }

    fn add_rows<const LEVEL_BITS: u32>(&mut self, block: usize, adds: &Adds, sums: &mut Sums) {
        let levels = (1 << LEVEL_BITS) - 1;
        for packed in self.of_block::<LEVEL_BITS>(block) {
            sums.add(packed >> LEVEL_BITS, adds[(packed & levels) as usize % LEVELS_KEPT]);
        }
    }

    /// Its rows of a block.
    fn of_block<const LEVEL_BITS: u32>(&mut self, block: usize) -> &'b [u32] {
        if let Some([start, end]) = self.starts.get(block..block + 2) {
            return &self.rows[*start as usize..*end as usize];
        }
        self.go_to(((block * BLOCK) as u32) << LEVEL_BITS);
        let (from, end) = (self.next, (((block + 1) * BLOCK) as u64) << LEVEL_BITS);
        self.next += self.rows[from..].iter().take_while(|packed| u64::from(**packed) < end).count();
        &self.rows[from..self.next]
    }

    /// Reading goes on with the first row that is no less than this one. Mostly it is one of the next.
    fn go_to(&mut self, row: u32) {
        let before = |packed: &u32| *packed < row;
        let starts_after = self.next == 0 || before(&self.rows[self.next - 1]);
        if starts_after && self.rows.get(self.next).is_none_or(|packed| !before(packed)) {
            return;
        }
        if !starts_after {
            self.next = self.rows[..self.next].partition_point(before);
            return;
        }
        let rest = &self.rows[self.next..];
        let mut step = 1;
        while rest.get(step - 1).is_some_and(before) {
            step *= 2;
        }
        let (from, to) = (step / 2, step.min(rest.len()));
        self.next += from + rest[from..to].partition_point(before);
    }
}

/// The sums of a block's rows, each at its place in the block.
pub struct Sums {
    of: [u64; BLOCK],
    /// What all that was added is worth at most, in steps, where nothing that makes it less is looked at: so that most
    /// rows can be passed over many at a time.
    rough: [i32; BLOCK],
}

/// So many rows are told apart by one word's bytes.
const WORD: usize = size_of::<u64>();

impl Sums {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { of: [0; BLOCK], rough: [0; BLOCK] }
    }

    /// Rows of one block are told apart by their places in it.
    fn add(&mut self, row: u32, (part, rough): (u64, i32)) {
        let at = row as usize % BLOCK;
        self.of[at] += part;
        self.rough[at] += rough;
    }

    /// Forget a row.
    pub fn hide(&mut self, at: u32) {
        self.of[at as usize] = 0;
    }

    /// What was added for a row, roughly.
    #[cfg(test)]
    pub fn rough(&self, at: usize) -> i64 {
        i64::from(self.rough[at])
    }

    /// Takes the rows that by their bounds and what was roughly added come up to this many steps, in their order, each
    /// with its sum, and keeps those that `is_kept` in `near`. Nothing is left of the others.
    pub fn take_into(&mut self, near: &mut Near, bounds: &[i16], least: i32, is_kept: impl Fn(usize, u64) -> bool) {
        let mut comes_up = [0; BLOCK];
        for ((comes_up, rough), bound) in comes_up.iter_mut().zip(&self.rough).zip(bounds) {
            *comes_up = u8::from(rough + i32::from(*bound) >= least);
        }
        near.count = 0;
        for (word, comes_up) in comes_up.as_chunks::<WORD>().0.iter().enumerate() {
            let mut left = u64::from_le_bytes(*comes_up);
            while left != 0 {
                let at = word * WORD + left.trailing_zeros() as usize / WORD;
                let sum = self.of[at];
                // Whether one is kept can't be foreseen: it is written in any case, and then counted or not.
                near.rows[near.count % BLOCK] = (at as u32, sum);
                near.count += usize::from(is_kept(at, sum));
                left &= left - 1;
            }
        }
        self.of.fill(0);
        self.rough.fill(0);
    }
}

/// Rows of a block that were kept, by their places in it, each with its sum.
pub struct Near {
    rows: [(u32, u64); BLOCK],
    count: usize,
}

impl Near {
    /// Nobody yet.
    pub fn new() -> Self {
        Self { rows: [(0, 0); BLOCK], count: 0 }
    }

    /// Those kept.
    pub fn rows(&self) -> &[(u32, u64)] {
        &self.rows[..self.count]
    }
}

/// The lists of an ask, and bounds on what being on them is worth.
pub struct Lists<'b> {
    /// All of them.
    pub all: Vec<List<'b>>,
    asked: usize,
    /// What is contributed at most by a role whose list does not count, and by the best.
    far_role: i64,
    best_role: i64,
    /// What a share of the best role is worth beyond that, rounded up.
    role_share: i64,
    most_skills: i64,
    most_focus: i64,
    /// What a step of what was asked for is worth at most in focus, by how many skills are listed.
    focus: Box<[i64; MOST_LISTED as usize + 1]>,
}

impl<'b> Lists<'b> {
    /// The lists of the skills that answer something and of the roles that can stand in. `None` where there are
    /// too many, or one is worth too much, to be added up.
    pub fn of<K: Knowledge + ?Sized>(
        base: &'b Base,
        ask: &Ask<'_>,
        matcher: &Matcher<'_, K>,
        roles: (&[i64], i64),
    ) -> Option<Self> {
        let (weights, rules) = (&matcher.model.people, &matcher.model.skills);
        let (near, total) = (rules.must_likeness, ask.total_weight().max(1));
        let asked: Vec<i64> = ask.weights().map(|(weight, _)| weight).collect();
        let skills_weight = i64::from(weights.skills.as_milli()).max(0);
        // What this much of the whole ask is worth, rounded up.
        let worth = |weight: i64, value: Value| {
            let sum = answered(weight, value);
            i64::try_from(-(-i128::from(sum) * i128::from(skills_weight) * 1_000).div_euclid(i128::from(total)))
                .unwrap_or(i64::MAX)
        };
        let (mut all, mut fits) = (Vec::new(), true);
        for (skill, own) in ask.answers() {
            let Some(number) = base.skill_numbers.get(&skill) else { continue };
            let (rows, starts) = (base.posting(*number), base.skill_starts(*number));
            if rows.is_empty() {
                continue;
            }
            let most_worth = own.iter().map(|answer| answer.worth).max().unwrap_or_default();
            let mass = (most_worth.as_micro() + sum::MASS_STEP - 1) / sum::MASS_STEP;
            let member = ask.concerns_holders(own, near);
            let add = [0, 1, 2, 3].map(|level| {
                let value = |answer: &Answer| answer.worth.and(level_value(unpacked_level(level), rules));
                let worth: i64 = own.iter().map(|answer| worth(asked[answer.asked], value(answer))).sum();
                let worth = steps(worth).unsigned_abs();
                fits &= worth <= sum::MOST_WORTH;
                sum::of_skill(mass.unsigned_abs(), worth, member)
            });
            let best = [rules.beginner, rules.claimed, rules.verified].into_iter().max().unwrap_or_default();
            all.push(List {
                rows,
                add,
                worths: own
                    .iter()
                    .map(|answer| (answer.asked, worth(asked[answer.asked], answer.worth.and(best))))
                    .collect(),
                most_worth: most_worth.as_micro(),
                role: None,
                member,
                starts,
                next: 0,
            });
        }
        let stands_in = |role: Role, near: Value| {
            let best = ask.gig.roles.iter().map(|asked| role.stands_in_for(*asked)).max();
            best.is_some_and(|best| best >= near)
        };
        let near_work = near_work(ask.gig, near);
        let (standing, others): (Vec<_>, Vec<_>) =
            Role::all().zip(roles.0).partition(|(role, _)| stands_in(*role, near));
        let far_role = others.iter().map(|(_, contributed)| **contributed).fold(roles.1, i64::max);
        let best_role = standing.iter().map(|(_, contributed)| **contributed).fold(far_role, i64::max);
        let role_share = ((best_role - far_role) / sum::ROLE_SHARES + 1).max(1);
        for (role, contributed) in standing {
            let rows = base.role_posting(role);
            if !rows.is_empty() {
                let shares = ((contributed - far_role).max(0) + role_share - 1) / role_share;
                let member = stands_in(role, near_work);
                let add = [sum::of_role(shares.unsigned_abs(), member); LEVELS_KEPT];
                let (worths, most_worth, starts) = (Vec::new(), 0, base.role_starts(role));
                let role = Some(*contributed);
                all.push(List { rows, add, worths, most_worth, role, member, starts, next: 0 });
            }
        }
        // In an order that does not depend on how a table of hashes falls.
        all.sort_unstable_by_key(|list| (list.len(), list.rows[0], list.role, list.add));
        let focus_weight = i64::from(weights.focus.as_milli()).max(0);
        let focus = |listed: i64| match listed {
            0 => 0,
            listed => (focus_weight * sum::MASS_STEP + listed - 1) / listed,
        };
        (fits && all.len() <= sum::MOST_LISTS).then(|| Self {
            all,
            asked: asked.len(),
            far_role,
            best_role,
            role_share,
            most_skills: if asked.is_empty() { 0 } else { most(weights.skills) },
            most_focus: most(weights.focus),
            focus: Box::new(std::array::from_fn(|listed| focus(listed as i64))),
        })
    }

    /// Asks memory for what the lists have of a block, all at once: read one after the other, each would wait by itself.
    pub fn fetch(&self, block: usize, plan: &Plan) {
        let first = |(at, _): &(usize, Adds)| {
            let list = &self.all[*at];
            list.starts.get(block).and_then(|start| list.rows.get(*start as usize)).copied().unwrap_or(0)
        };
        black_box(plan.read.iter().fold(0, |sum, read| sum ^ first(read)));
    }

    /// How many rows the lists that make candidates have together.
    pub fn members(&self) -> usize {
        self.all.iter().filter(|list| list.member).map(List::len).sum()
    }

    /// What skills, focus and role are worth at most, of any row.
    pub fn most(&self) -> i64 {
        self.most_skills + self.most_focus + self.best_role
    }

    /// Leaves the longest lists unread, as long as a row that is on no other can't come to as much as is `missing` to
    /// all else. Each row lists so many skills at least.
    pub fn plan(&self, missing: i64, least_listed: u8, shortest: usize) -> Plan {
        let mut unread_worth = vec![0; self.asked];
        let mut unread = Unread { skills: 0, worth_of_one: 0, lists: 0, role: self.far_role };
        let mut read = Vec::with_capacity(self.all.len());
        for (at, list) in self.all.iter().enumerate().rev() {
            let mut with = Unread {
                skills: unread.skills,
                worth_of_one: unread.worth_of_one.max(list.most_worth),
                lists: unread.lists + i64::from(list.role.is_none()),
                role: unread.role.max(list.role.unwrap_or(self.far_role)),
            };
            for (asked, worth) in &list.worths {
                with.skills += (worth - unread_worth[*asked]).max(0);
            }
            // Of so many listed, no more than these are asked for.
            let share = (with.lists * 1_000_000 / i64::from(least_listed).max(1) + 1).min(1_000_000);
            let focus = self.most_focus * with.worth_of_one / 1_000_000 * share / 1_000_000 + 2;
            let bound = with.skills.min(self.most_skills) + focus.min(self.most_focus) + with.role;
            if list.len() >= shortest && bound < missing {
                for (asked, worth) in &list.worths {
                    let unread = &mut unread_worth[*asked];
                    *unread = (*unread).max(*worth);
                }
                unread = with;
            } else {
                read.push(at);
            }
        }
        read.reverse();
        let left = (0..self.all.len()).filter(|at| read.binary_search(at).is_err()).collect();
        let read = read.into_iter().map(|at| (at, self.adds(at, least_listed))).collect();
        Plan { read, left, unread, around: self.most_unread(&unread, least_listed) }
    }

    /// Whether a row is a candidate by the lists that are read: on one that makes candidates and on a skill's, unless
    /// it lists no skills or none are asked for.
    pub fn is_candidate(&self, sum: u64, listed: u8) -> bool {
        sum::is_member(sum) & ((sum::count(sum) > 0) | (listed == 0) | (self.asked == 0))
    }

    /// Whether a row is a candidate by all lists.
    pub fn makes_candidate(&self, plan: &Plan, (row, sum): (u32, u64), listed: u8) -> bool {
        let on_one_left =
            |of: fn(&List<'_>) -> bool| plan.left.iter().any(|at| of(&self.all[*at]) && self.all[*at].holds(row));
        let by_skills =
            || sum::count(sum) > 0 || listed == 0 || self.asked == 0 || on_one_left(|list| list.role.is_none());
        (sum::is_member(sum) || on_one_left(|list| list.member)) && by_skills()
    }

    /// What a list adds to sums, where each row lists so many skills at least.
    fn adds(&self, at: usize, least_listed: u8) -> Adds {
        let focus = self.focus[usize::from(least_listed.max(1))];
        self.all[at].add.map(|add| {
            let worth = sum::worth(add) * STEP + sum::mass(add) * focus + sum::role(add) * self.role_share;
            (add, i32::try_from(steps(worth)).unwrap_or(MOST_ADDED).min(MOST_ADDED))
        })
    }

    /// What lists that are not read are worth at most, with what role a row has that is on no other.
    fn most_unread(&self, unread: &Unread, least_listed: u8) -> i64 {
        let focus = unread.lists * unread.mass() * self.focus[usize::from(least_listed.max(1))];
        unread.skills.min(self.most_skills) + focus.min(self.most_focus) + unread.role
    }

    /// Bounds on rows, where these lists are not read.
    pub fn bounds(&self, unread: &Unread) -> Bounds<'_> {
        Bounds {
            unread_skills: unread.skills,
            most_skills: self.most_skills,
            unread_lists: unread.lists,
            unread_mass: unread.mass(),
            focus: &self.focus,
            most_focus: self.most_focus,
            far_role: self.far_role,
            role_share: self.role_share,
            best_role: self.best_role,
            unread_role: unread.role,
        }
    }
}

/// Which lists are read, and what the others are worth at most.
#[derive(Debug)]
pub struct Plan {
    /// The places of those that are read, each with what it adds.
    pub read: Vec<(usize, Adds)>,
    /// The places of the others.
    pub left: Vec<usize>,
    /// The others.
    pub unread: Unread,
    /// What the others are worth at most, of any row.
    pub around: i64,
}

/// What lists that are not read are worth at most.
#[derive(Debug, Clone, Copy)]
pub struct Unread {
    skills: i64,
    worth_of_one: i64,
    lists: i64,
    role: i64,
}

impl Unread {
    fn mass(&self) -> i64 {
        (self.worth_of_one + sum::MASS_STEP - 1) / sum::MASS_STEP
    }
}

/// What bounds on rows are made of, apart from their sums.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'l> {
    unread_skills: i64,
    most_skills: i64,
    unread_lists: i64,
    unread_mass: i64,
    focus: &'l [i64; MOST_LISTED as usize + 1],
    most_focus: i64,
    far_role: i64,
    role_share: i64,
    best_role: i64,
    unread_role: i64,
}

impl Bounds<'_> {
    /// What the skills of a row with this sum are worth at most.
    pub fn answers(&self, sum: u64) -> i64 {
        (sum::worth(sum) * STEP + self.unread_skills).min(self.most_skills)
    }

    /// What its focus is worth at most, where it lists so many skills.
    pub fn focus(&self, sum: u64, listed: u8) -> i64 {
        // Of skills on lists that were not read, no more than there are such lists, and no more than are listed.
        let others = if listed == MOST_LISTED { i64::MAX } else { i64::from(listed) - sum::count(sum) };
        let mass = sum::mass(sum) + others.max(0).min(self.unread_lists) * self.unread_mass;
        (mass * self.focus[usize::from(listed)]).min(self.most_focus)
    }

    /// What its role is worth at most.
    pub fn role(&self, sum: u64) -> i64 {
        (self.far_role + sum::role(sum) * self.role_share).min(self.best_role).max(self.unread_role)
    }
}
