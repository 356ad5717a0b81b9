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
}

/// What a list adds to the sums of its rows, by level: to what is added up exactly, and to what is roughly.
type Adds = [(u64, u16); LEVELS_KEPT];

/// A row of a posting list is kept with the level in so many bits.
pub const LEVEL_BITS: u32 = 2;
/// So many levels can be told by them.
const LEVELS_KEPT: usize = 1 << LEVEL_BITS;

impl<'b> List<'b> {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has fewer than one row to a block: it is read in any case.
    fn is_short(&self) -> bool {
        self.starts.is_empty()
    }

    fn row(&self, at: usize) -> u32 {
        if self.role.is_some() { self.rows[at] } else { self.rows[at] >> LEVEL_BITS }
    }

    /// Its rows.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.rows.len()).map(|at| self.row(at))
    }

    /// Its rows, each with the level it is held at.
    fn levels(&self) -> impl Iterator<Item = (u32, usize)> {
        let level = |packed: &u32| if self.role.is_some() { 0 } else { *packed as usize % LEVELS_KEPT };
        self.rows().zip(self.rows.iter().map(level))
    }

    /// Adds what it has of the rows of a block to their sums.
    fn add_to(&self, block: usize, adds: &Adds, sums: &mut Sums) {
        match self.role {
            None => self.add_rows::<LEVEL_BITS>(block, adds, sums),
            Some(_) => self.add_rows::<0>(block, adds, sums),
        }
    }

    fn add_rows<const LEVEL_BITS: u32>(&self, block: usize, adds: &Adds, sums: &mut Sums) {
        let Some([start, end]) = self.starts.get(block..block + 2) else { return };
        let levels = (1 << LEVEL_BITS) - 1;
        for packed in &self.rows[*start as usize..*end as usize] {
            sums.add(packed >> LEVEL_BITS, adds[(packed & levels) as usize % LEVELS_KEPT]);
        }
    }
}

/// What all short lists have, block by block: most of them have nothing of most blocks.
struct Short {
    /// Places in a block, each with the number of a list and a level.
    parts: Vec<u32>,
    /// Where those of each block end.
    ends: Vec<u32>,
}

/// The number of a list and a level take so many bits.
const PART_BITS: u32 = sum::MOST_LISTS.ilog2() + 1 + LEVEL_BITS;

impl Short {
    fn of(lists: &[List<'_>], blocks: usize) -> Self {
        let parts = || {
            let short = lists.iter().enumerate().filter(|(_, list)| list.is_short());
            short.flat_map(|(at, list)| list.levels().map(move |(row, level)| (row, at * LEVELS_KEPT + level)))
        };
        let mut ends = vec![0; blocks];
        parts().for_each(|(row, _)| ends[row as usize / BLOCK] += 1);
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut all = vec![0; sum as usize];
        for (row, part) in parts() {
            let next = &mut ends[row as usize / BLOCK];
            all[*next as usize] = (row % BLOCK as u32) << PART_BITS | part as u32;
            *next += 1;
        }
        Self { parts: all, ends }
    }

    fn of_block(&self, block: usize) -> &[u32] {
        let start = if block == 0 { 0 } else { self.ends[block - 1] };
        &self.parts[start as usize..self.ends[block] as usize]
    }
}

/// The sums of a block's rows, each at its place in the block.
pub struct Sums {
    of: [u64; BLOCK],
    /// What all that was added is worth at most, in steps, where nothing that makes it less is looked at: so that most
    /// rows can be passed over many at a time. The largest number stands for any that is no less.
    rough: [u16; BLOCK],
}

/// So many rows are told apart by one word's bytes.
const WORD: usize = size_of::<u64>();

impl Sums {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { of: [0; BLOCK], rough: [0; BLOCK] }
    }

    /// Rows of one block are told apart by their places in it.
    fn add(&mut self, row: u32, (part, rough): (u64, u16)) {
        let at = row as usize % BLOCK;
        self.of[at] += part;
        self.rough[at] = self.rough[at].saturating_add(rough);
    }

    /// Forget a row.
    pub fn hide(&mut self, at: u32) {
        self.of[at as usize] = 0;
    }

    /// What was added for a row, roughly.
    #[cfg(test)]
    pub fn rough(&self, at: usize) -> i64 {
        i64::from(most_of(self.rough[at]))
    }

    /// Forgets all rows but those that are wanted.
    pub fn keep(&mut self, wanted: &[bool]) {
        for ((sum, rough), wanted) in self.of.iter_mut().zip(&mut self.rough).zip(wanted) {
            *sum *= u64::from(*wanted);
            *rough *= u16::from(*wanted);
        }
    }

    /// Takes the rows that by their bounds and what was roughly added come up to this many steps, in their order, each
    /// with its sum: first of all those that, by what they come up to, may be near, and of these those that are kept.
    /// Nothing is left of the others.
    pub fn take_into(
        &mut self,
        near: &mut Near,
        bounds: &[i16],
        least: i32,
        may_be_near: impl Fn(usize, i32) -> bool,
        is_kept: impl Fn(usize, u64) -> bool,
    ) {
        let mut comes_up = [0; BLOCK];
        // Where more is missing than such a number can tell, that is told: rows that come up to it are looked at again.
        let least_told = least.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        for ((comes_up, rough), bound) in comes_up.iter_mut().zip(&self.rough).zip(bounds) {
            *comes_up = u8::from(*rough >= least_told.saturating_sub(*bound).max(0).cast_unsigned());
        }
        let mut places = [0_u16; BLOCK];
        let mut count = 0;
        for (first, comes_up) in (0..BLOCK).step_by(MASK).zip(comes_up.as_chunks::<MASK>().0) {
            let mut left = mask(comes_up);
            while left != 0 {
                let at = first + left.trailing_zeros() as usize;
                // Whether one may be near can't be foreseen: it is written in any case, and then counted or not.
                places[count % BLOCK] = at as u16;
                let comes_to = most_of(self.rough[at]) + bounds.get(at).map_or(0, |bound| i32::from(*bound));
                count += usize::from(may_be_near(at, comes_to));
                left &= left - 1;
            }
        }
        near.count = 0;
        for at in &places[..count] {
            let sum = self.of[usize::from(*at) % BLOCK];
            near.rows[near.count % BLOCK] = (u32::from(*at), sum);
            near.count += usize::from(is_kept(usize::from(*at), sum));
        }
        self.of.fill(0);
        self.rough.fill(0);
    }
}

/// What was roughly added, at most.
fn most_of(rough: u16) -> i32 {
    if rough == u16::MAX { i32::MAX / 2 } else { rough.into() }
}

/// So many rows are told apart by the bits of one number.
const MASK: usize = u64::BITS as usize;

/// Of so many bytes that are one or nothing, a bit each.
fn mask(bytes: &[u8; MASK]) -> u64 {
    // Multiplied so, the lowest bits of eight bytes come to stand in the highest byte, in their order.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    let bits = |word: &[u8; WORD]| u64::from_le_bytes(*word).wrapping_mul(TOGETHER) >> (u64::BITS - u8::BITS);
    bytes.as_chunks::<WORD>().0.iter().rev().fold(0, |mask, word| mask << WORD | bits(word))
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
    short: Short,
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
                all.push(List { rows, add, worths, most_worth, role, member, starts });
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
            short: Short::of(&all, base.len().div_ceil(BLOCK)),
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

    /// Adds what the lists have of the rows of a block to their sums.
    pub fn add_up(&self, block: usize, plan: &Plan, sums: &mut Sums) {
        self.fetch(block, plan);
        for (at, adds) in &plan.read {
            self.all[*at].add_to(block, adds, sums);
        }
        for part in self.short.of_block(block) {
            let (at, part) = (part >> PART_BITS, part & ((1 << PART_BITS) - 1));
            sums.add(at, plan.short[part as usize]);
        }
    }

    /// Whether a plan has nothing read of a block.
    pub fn reads_nothing(&self, block: usize, plan: &Plan) -> bool {
        plan.read.is_empty() && self.short.of_block(block).is_empty()
    }

    /// Asks memory for what the lists have of a block, all at once: read one after the other, each would wait by itself.
    fn fetch(&self, block: usize, plan: &Plan) {
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

    /// All lists are read.
    pub fn plan_of_all(&self) -> Plan {
        self.plan(i64::MIN, 0)
    }

    /// Leaves the longest lists unread, as long as a row that is on no other can't come to as much as is `missing` to
    /// all else. Each row lists so many skills at least.
    pub fn plan(&self, missing: i64, least_listed: u8) -> Plan {
        let mut unread_worth = vec![0; self.asked];
        let mut unread = Unread { skills: 0, worth_of_one: 0, lists: 0, role: self.far_role };
        let mut read = Vec::with_capacity(self.all.len());
        let (mut short, mut is_whole) = (vec![Default::default(); self.all.len() * LEVELS_KEPT], true);
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
            if !list.is_short() && bound < missing {
                for (asked, worth) in &list.worths {
                    let unread = &mut unread_worth[*asked];
                    *unread = (*unread).max(*worth);
                }
                (unread, is_whole) = (with, false);
            } else if list.is_short() {
                short[at * LEVELS_KEPT..][..LEVELS_KEPT].copy_from_slice(&self.adds(at, least_listed));
            } else {
                read.push((at, self.adds(at, least_listed)));
            }
        }
        read.reverse();
        Plan { read, short, is_whole, unread, around: self.most_unread(&unread, least_listed) }
    }

    /// Whether a row is a candidate by the lists that are read: on one that makes candidates and on a skill's, unless
    /// it lists no skills or none are asked for.
    pub fn is_candidate(&self, sum: u64, listed: u8) -> bool {
        sum::is_member(sum) & ((sum::count(sum) > 0) | (listed == 0) | (self.asked == 0))
    }

    /// What a list adds to sums, where each row lists so many skills at least.
    fn adds(&self, at: usize, least_listed: u8) -> Adds {
        let focus = self.focus[usize::from(least_listed.max(1))];
        self.all[at].add.map(|add| {
            let worth = sum::worth(add) * STEP + sum::mass(add) * focus + sum::role(add) * self.role_share;
            (add, u16::try_from(steps(worth)).unwrap_or(u16::MAX))
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
    /// The places of those that are read, each with what it adds, but for short ones.
    read: Vec<(usize, Adds)>,
    /// What short ones add, by their places and by levels: all of them are read.
    short: Vec<(u64, u16)>,
    /// Whether there are no others.
    pub is_whole: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_come_up_are_taken_in_their_order_however_much_was_added() {
        let (mut sums, mut near, mut dice) = (Sums::new(), Near::new(), 7_u32);
        let mut roll = |limit: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 8) % limit
        };
        for least in [i32::MIN, -40_000, -300, 0, 5, 9_000, 33_000, 70_000, i32::MAX / 4] {
            // The last block may have fewer rows.
            let rows = BLOCK - roll(90) as usize;
            let bounds: Vec<i16> = (0..rows).map(|_| roll(12_000) as i16 - 6_000).collect();
            let mut added = vec![0_u32; BLOCK];
            for _ in 0..600 {
                let (at, rough) = (roll(rows as u32), [5, 3_000, 9_000, 30_000, 65_535][roll(5) as usize]);
                sums.add(at, (1, rough));
                added[at as usize] += u32::from(rough);
            }
            // More than can be told comes up to anything.
            let comes_to = |at: usize| match i32::try_from(added[at]).unwrap() {
                told if told < i32::from(u16::MAX) => told + i32::from(bounds[at]),
                _ => i32::MAX,
            };
            let expected: Vec<u32> = (0..rows as u32).filter(|at| comes_to(*at as usize) >= least).collect();
            sums.take_into(&mut near, &bounds, least, |_, comes_to| comes_to >= least, |_, _| true);
            assert_eq!(near.rows().iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected, "{least}");
            assert!(sums.of.iter().all(|sum| *sum == 0) && sums.rough.iter().all(|rough| *rough == 0));
        }
    }

    #[test]
    fn rows_that_are_not_wanted_are_forgotten() {
        let (mut sums, mut near) = (Sums::new(), Near::new());
        (0..BLOCK as u32).for_each(|row| sums.add(row, (3, 9)));
        sums.keep(&std::array::from_fn::<bool, BLOCK, _>(|at| at % 3 == 0));
        sums.take_into(&mut near, &[0; BLOCK], 0, |_, _| true, |_, sum| sum > 0);
        assert!(near.rows().iter().map(|(at, _)| *at).eq((0..BLOCK as u32).step_by(3)));
    }
}
