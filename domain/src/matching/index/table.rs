//! What is worth how much to one gig at most, reckoned once and then looked up.

use super::super::features::{Budget, GigFeatures, Seniority};
use super::super::fixed::{Value, Weight};
use super::super::model::Model;
use super::super::score::rate_value;
use super::exact::Exact;
use super::row::NO_ROLE;
use super::statics::{Block, Brief, Cell, NO_RATE, OTHER_DAY, least_rate, most, steps};

/// What the parts of a row's score are worth at most that its brief tells of, in billionths.
pub struct Table {
    /// What the gig wants.
    pub seniority: Option<Seniority>,
    /// Of all that no brief tells of, apart from skills: the text, wishes, and what is the gig's alone.
    pub rest: i64,
    /// What a text contributes at most.
    pub text: i64,
    /// The largest that roles contribute, and overlaps.
    pub role: i64,
    overlap: i64,
    /// What the first role of a brief contributes, and the second.
    first_roles: [i64; BYTES],
    second_roles: [i64; BYTES],
    rates: [i64; BYTES],
    /// The largest contribution of a rate's step or of any below it, and of it or any above.
    rates_up_to: [i64; BYTES],
    rates_from: [i64; BYTES],
    /// What working days contribute, each reckoned when first met; [`APART`] where they don't overlap enough.
    days: [Option<i64>; BYTES],
    weekly_hours: u8,
    overlap_minutes: u16,
    /// What skills contribute where none are asked.
    pub skills: i64,
    /// What rates and overlaps contribute at most, by cells, in steps; very little, where something keeps all of a cell
    /// apart.
    cells: Vec<i32>,
}

/// As many as a byte can tell apart.
const BYTES: usize = 1 << u8::BITS;

/// What keeps a row apart from a gig is worth this much: so little that nothing makes up for it.
pub const APART: i64 = i64::MIN / 4;
/// The same, in steps.
const APART_STEPS: i32 = i32::MIN / 4;

impl Table {
    /// For a gig.
    pub fn of(gig: &GigFeatures, model: &Model, exact: &Exact<'_>) -> Self {
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
            rates_up_to: running_most(rates),
            rates_from: reversed(running_most(reversed(rates))),
            overlap,
            first_roles,
            second_roles,
            rates,
            days,
            cells: Vec::new(),
            weekly_hours: gig.weekly_hours.map_or(0, |hours| u8::try_from(hours).unwrap_or(u8::MAX)),
            overlap_minutes: gig.overlap_minutes.unwrap_or(0),
            skills: if gig.skills.is_empty() { unknown(weights.skills) } else { 0 },
        }
    }

    /// Reckons what each cell is worth.
    pub fn reckon_cells(&mut self, told: &[Cell], exact: &mut Exact<'_>) {
        let other = self.overlap + self.rates.iter().copied().max().unwrap_or(0);
        let worth = |cell: &Cell| {
            let (first, last) = cell.rates();
            let rate = self.rates[usize::from(first)].max(self.rates[usize::from(last)]);
            let open = cell.open && cell.most_hours() >= self.weekly_hours;
            if open { rate + self.day(cell.day, exact) } else { APART }
        };
        let of_cells = told.iter().map(worth).chain([other]);
        self.cells = of_cells.map(|worth| steps(worth).clamp(APART_STEPS.into(), i32::MAX.into()) as i32).collect();
    }

    /// What rate and overlap of a row in this cell contribute at most, in steps; very little, where something keeps it
    /// apart.
    pub fn of_cell(&self, cell: u16) -> i32 {
        // Behind all others comes what is worth most: it stands for cells that there was no room for.
        self.cells.get(usize::from(cell)).or(self.cells.last()).copied().unwrap_or(0)
    }

    /// What a row of a block without any of the asked skills and roles is worth at most; very little, if something
    /// keeps all of them apart.
    pub fn around(&mut self, block: &Block, exact: &mut Exact<'_>) -> i64 {
        let day = match block.days() {
            Some(days) => days.iter().map(|day| self.day(*day, exact)).max().unwrap_or(APART),
            None => self.overlap,
        };
        let unknown = if block.no_rate { self.rates[usize::from(NO_RATE)] } else { i64::MIN };
        let rate = block.rates.map_or(unknown, |(low, high)| unknown.max(self.most_of_rates(low, high)));
        let open = block.open && block.most_hours >= self.weekly_hours;
        let apart = if open { 0 } else { APART };
        block.bound(self.seniority) + self.rest + rate + day + self.skills + apart
    }

    /// What rates between these steps contribute at most: no more than any up to the one, nor than any from the
    /// other on.
    fn most_of_rates(&self, low: u8, high: u8) -> i64 {
        self.rates_up_to[usize::from(high)].min(self.rates_from[usize::from(low)])
    }

    fn day(&mut self, day: u8, exact: &mut Exact<'_>) -> i64 {
        match self.days[usize::from(day)] {
            Some(worth) => worth,
            None => self.reckon_day(day, exact),
        }
    }

    /// What a row is worth at most beside its skills and what no gig changes, by its brief; very little, if that keeps
    /// it apart.
    pub fn beside_skills(&mut self, brief: &Brief, exact: &mut Exact<'_>) -> i64 {
        let open = brief.open && brief.free_hours >= self.weekly_hours;
        let [first, second] = brief.roles.map(usize::from);
        let day = self.day(brief.day, exact);
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

/// The largest of all up to each known rate.
fn running_most(mut all: [i64; BYTES]) -> [i64; BYTES] {
    let mut most = i64::MIN;
    for one in &mut all[..usize::from(NO_RATE)] {
        most = most.max(*one);
        *one = most;
    }
    all
}

fn reversed(mut all: [i64; BYTES]) -> [i64; BYTES] {
    all[..usize::from(NO_RATE)].reverse();
    all
}
