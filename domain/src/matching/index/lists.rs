//! The lists that a gig's candidates are found by, and how much being on them can be worth at most.

use super::super::fixed::Value;
use super::super::knowledge::Knowledge;
use super::super::rank::Matcher;
use super::super::role::Role;
use super::super::score::{Answer, Ask, answered, level_value};
use super::base::{Base, unpacked_level};
use super::exact::LEVELS;
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
    pub fn of_role(shares: u64) -> u64 {
        shares << ROLE_AT | 1 << MEMBER_AT
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
    add: [u64; LEVELS],
    /// Which asked skills it answers, and what of the score that is worth at most, in billionths.
    worths: Vec<(usize, i64)>,
    /// How much of any one ask a skill on it answers at most, in millionths.
    most_worth: i64,
    /// Of a role: what it contributes.
    role: Option<i64>,
    /// Whether being on it makes a candidate.
    pub member: bool,
    /// How far it is read.
    next: usize,
    /// Whether it is read: if not, all it can be worth is taken for granted.
    pub read: bool,
}

/// A row of a posting list is kept with the level in so many bits.
pub const LEVEL_BITS: u32 = 2;

impl<'b> List<'b> {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, at: usize) -> u32 {
        if self.role.is_some() { self.rows[at] } else { self.rows[at] >> LEVEL_BITS }
    }

    /// Its rows.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.rows.len()).map(|at| self.row(at))
    }

    /// Adds what it has of the rows from `start` up to `end` to their sums, and marks those rows.
    pub fn add_to(&mut self, start: u32, end: u32, sums: &mut Sums) {
        let shift = if self.role.is_some() { 0 } else { LEVEL_BITS };
        // Mostly the rows that come after those read last; else those are looked for.
        let before = |packed: &u32| packed >> shift < start;
        let goes_on = self.rows.get(self.next).is_none_or(|packed| !before(packed))
            && (self.next == 0 || before(&self.rows[self.next - 1]));
        if !goes_on {
            self.next = self.rows.partition_point(before);
        }
        let rest = &self.rows[self.next..];
        let mut read = 0;
        if self.role.is_some() {
            for row in rest.iter().take_while(|row| **row < end) {
                sums.add(row - start, self.add[0]);
                read += 1;
            }
        } else {
            for packed in rest.iter().take_while(|packed| **packed >> LEVEL_BITS < end) {
                let level = (packed & ((1 << LEVEL_BITS) - 1)) as usize;
                sums.add((packed >> LEVEL_BITS) - start, self.add[level.min(LEVELS - 1)]);
                read += 1;
            }
        }
        self.next += read;
    }
}

/// The sums of a block's rows, and a bit for each that was added to: rows are gone through in their order, so
/// that what is read of them lies in memory one after the other.
pub struct Sums {
    of: [u64; BLOCK],
    marks: [u64; BLOCK / WORD],
}

const WORD: usize = u64::BITS as usize;

impl Sums {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { of: [0; BLOCK], marks: [0; BLOCK / WORD] }
    }

    fn add(&mut self, at: u32, part: u64) {
        let at = at as usize;
        self.of[at] += part;
        self.marks[at / WORD] |= 1 << (at % WORD);
    }

    /// Forget a row.
    pub fn hide(&mut self, at: u32) {
        self.of[at as usize] = 0;
    }

    /// Takes the rows that were added to, in their order, each with its sum.
    pub fn take(&mut self, mut each: impl FnMut(u32, u64)) {
        for (word, marks) in self.marks.iter_mut().enumerate() {
            let mut left = std::mem::take(marks);
            while left != 0 {
                let at = word * WORD + left.trailing_zeros() as usize;
                each(at as u32, std::mem::take(&mut self.of[at]));
                left &= left - 1;
            }
        }
    }
}

/// The lists of an ask, and bounds on what being on them is worth.
pub struct Lists<'b> {
    /// All of them.
    pub all: Vec<List<'b>>,
    /// What the best answer to each asked skill can be worth, of lists that are not read.
    unread_worth: Vec<i64>,
    unread_worth_of_one: i64,
    unread_role: i64,
    unread_lists: i64,
    /// What is contributed at most by a role whose list does not count, and by the best.
    far_role: i64,
    best_role: i64,
    /// What a share of the best role is worth beyond that, rounded up.
    role_share: i64,
    most_skills: i64,
    most_focus: i64,
    /// What a step of what was asked for is worth at most in focus, by how many skills are listed.
    focus: Vec<i64>,
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
            let rows = base.posting(*number);
            if rows.is_empty() {
                continue;
            }
            let most_worth = own.iter().map(|answer| answer.worth).max().unwrap_or_default();
            let mass = (most_worth.as_micro() + sum::MASS_STEP - 1) / sum::MASS_STEP;
            let member = own.iter().any(|answer| answer.likeness >= near);
            let add = [0, 1, 2].map(|level| {
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
                next: 0,
                read: true,
            });
        }
        let stands_in = |role: Role| {
            let best = ask.gig.roles.iter().map(|asked| role.stands_in_for(*asked)).max();
            best.is_some_and(|best| best >= near)
        };
        let (standing, others): (Vec<_>, Vec<_>) = Role::all().zip(roles.0).partition(|(role, _)| stands_in(*role));
        let far_role = others.iter().map(|(_, contributed)| **contributed).fold(roles.1, i64::max);
        let best_role = standing.iter().map(|(_, contributed)| **contributed).fold(far_role, i64::max);
        let role_share = ((best_role - far_role) / sum::ROLE_SHARES + 1).max(1);
        for (role, contributed) in standing {
            let rows = base.role_posting(role);
            if !rows.is_empty() {
                let shares = ((contributed - far_role).max(0) + role_share - 1) / role_share;
                let add = [sum::of_role(shares.unsigned_abs()); LEVELS];
                let role = Some(*contributed);
                let (worths, most_worth) = (Vec::new(), 0);
                all.push(List { rows, add, worths, most_worth, role, member: true, next: 0, read: true });
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
            unread_worth: vec![0; asked.len()],
            unread_worth_of_one: 0,
            unread_role: far_role,
            unread_lists: 0,
            far_role,
            best_role,
            role_share,
            most_skills: if asked.is_empty() { 0 } else { most(weights.skills) },
            most_focus: most(weights.focus),
            focus: (0..=i64::from(MOST_LISTED)).map(focus).collect(),
        })
    }

    /// How many rows the lists that make candidates have together.
    pub fn members(&self) -> usize {
        self.all.iter().filter(|list| list.member).map(List::len).sum()
    }

    /// Leave the longest lists unread, as long as a row that is on no other can't come up to `enough`, where
    /// all else is worth `rest` at most.
    /// Each row lists so many skills at least.
    pub fn leave_out(&mut self, rest: i64, enough: i64, least_listed: u8, shortest: usize) {
        self.unread_worth.fill(0);
        (self.unread_worth_of_one, self.unread_role) = (0, self.far_role);
        self.unread_lists = 0;
        let mut unread_skills = 0;
        for at in (0..self.all.len()).rev() {
            let list = &self.all[at];
            let (mut skills, of_one) = (unread_skills, self.unread_worth_of_one.max(list.most_worth));
            for (asked, worth) in &list.worths {
                skills += (worth - self.unread_worth[*asked]).max(0);
            }
            let role = self.unread_role.max(list.role.unwrap_or(self.far_role));
            let lists = self.unread_lists + i64::from(list.role.is_none());
            // Of so many listed, no more than these are asked for.
            let share = (lists * 1_000_000 / i64::from(least_listed).max(1) + 1).min(1_000_000);
            let focus = self.most_focus * of_one / 1_000_000 * share / 1_000_000 + 2;
            let bound = rest + skills.min(self.most_skills) + focus.min(self.most_focus) + role;
            let left_out = list.len() >= shortest && bound < enough;
            if left_out {
                for (asked, worth) in &list.worths {
                    let unread = &mut self.unread_worth[*asked];
                    *unread = (*unread).max(*worth);
                }
                (unread_skills, self.unread_lists) = (skills, lists);
                (self.unread_worth_of_one, self.unread_role) = (of_one, role);
            }
            self.all[at].read = !left_out;
        }
    }

    /// What of the score comes at most from lists that are not read.
    pub fn unread(&self) -> Unread {
        let skills: i64 = self.unread_worth.iter().sum();
        Unread {
            skills: skills.min(self.most_skills),
            mass: (self.unread_worth_of_one + sum::MASS_STEP - 1) / sum::MASS_STEP,
            lists: self.unread_lists,
            role: self.unread_role,
        }
    }

    /// What skills, focus and role of a row are worth at most, of those who each list so many skills at least.
    pub fn rough_bound(&self, sum: u64, least_listed: u8, unread: &Unread) -> i64 {
        let skills = (sum::worth(sum) * STEP + unread.skills).min(self.most_skills);
        let mass = sum::mass(sum) + unread.lists * unread.mass;
        let focus = (mass * self.focus[usize::from(least_listed.max(1))]).min(self.most_focus);
        let role = (self.far_role + sum::role(sum) * self.role_share).min(self.best_role).max(unread.role);
        skills + focus + role
    }

    /// What skills and focus of a row are worth at most.
    pub fn bound(&self, sum: u64, listed: u8, unread: &Unread) -> i64 {
        let skills = (sum::worth(sum) * STEP + unread.skills).min(self.most_skills);
        // Of skills on lists that were not read, no more than there are such lists, and no more than are listed.
        let others = if listed == MOST_LISTED { i64::MAX } else { i64::from(listed) - sum::count(sum) };
        let others = others.clamp(0, unread.lists);
        let mass = sum::mass(sum) + others * unread.mass;
        skills + (mass * self.focus[usize::from(listed)]).min(self.most_focus)
    }
}

/// What lists that are not read are worth at most.
#[derive(Debug, Clone, Copy)]
pub struct Unread {
    skills: i64,
    mass: i64,
    lists: i64,
    role: i64,
}
