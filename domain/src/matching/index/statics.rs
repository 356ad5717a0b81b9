//! Statics: what of a person's score no gig changes, reckoned once for everyone, and bounds on it that
//! are quick to read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::features::{Answers, Load, Outcomes, Seniority, Standing};
use super::super::fixed::Score;
use super::super::model::Model;
use super::super::score::{enough_months, experience, needed_months, of_person_alone};
use super::base::Base;
use super::row::{NO_ROLE, Row};

/// Rows are looked at so many at a time: few enough for what is added up of them to stay in a processor's
/// nearest memory.
pub const BLOCK: usize = 1_024;

/// Bounds are kept in steps of so many billionths, always rounded up.
pub const STEP: i64 = 1 << 15;

/// A score in steps, rounded up.
pub fn steps(nano: i64) -> i64 {
    -(-nano).div_euclid(STEP)
}

/// What is reckoned of everyone, for one model.
#[derive(Debug)]
pub struct Statics {
    model: Model,
    /// Of each row: what no gig changes.
    alone: Vec<i32>,
    /// For each kind of gig, of each row: what no gig changes, and what experience is worth there, in steps, rounded
    /// up. Kept apart from the briefs, for most rows are looked at no further.
    bounds: [Vec<i16>; KINDS],
    briefs: Vec<Brief>,
    /// Of each row: whether it may be placed beyond a crowd of newcomers.
    stands_out: Vec<bool>,
    /// Of each row: how many skills it lists, as its brief tells, and its cell. Looked at first of all.
    listed: Vec<u8>,
    cells: Vec<u16>,
    told: Vec<Cell>,
    blocks: Vec<Block>,
}

/// What of a row's brief can keep it apart or rests on its rate, roughly: few are told apart, so that what each is worth
/// to a gig can be reckoned beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// See [`Brief`].
    pub open: bool,
    /// See [`Brief`].
    pub day: u8,
    hours: u8,
    rate: u8,
}

impl Cell {
    /// So many hours, and so many steps of rates, are not told apart.
    const HOURS: u8 = 4;
    const RATES: u8 = 2;

    fn of(brief: &Brief) -> Self {
        match brief.open {
            true => Self {
                open: true,
                day: brief.day,
                hours: brief.free_hours / Self::HOURS,
                rate: brief.rate / Self::RATES,
            },
            false => Self { open: false, day: 0, hours: 0, rate: 0 },
        }
    }

    /// None of its rows has more free hours, as a brief tells them.
    pub fn most_hours(&self) -> u8 {
        self.hours * Self::HOURS + (Self::HOURS - 1)
    }

    /// The steps of its rows' rates, the first and the last.
    pub fn rates(&self) -> (u8, u8) {
        (self.rate * Self::RATES, self.rate * Self::RATES + (Self::RATES - 1))
    }
}

/// The cell of rows for which there is no room among those told apart.
pub const OTHER_CELL: u16 = u16::MAX;

/// What is looked at of a row before all else that is kept of it.
#[derive(Debug, Clone, Copy)]
#[repr(align(8))]
pub struct Brief {
    /// Its roles, the last of them [`MANY_ROLES`] where there are more.
    pub roles: [u8; 2],
    /// How many skills it lists, up to [`MOST_LISTED`].
    pub listed: u8,
    /// Its rate's step, see [`rate_step`].
    pub rate: u8,
    /// Its working day's number, if that is below [`OTHER_DAY`].
    pub day: u8,
    /// Its free hours a week, as a row keeps them.
    pub free_hours: u8,
    /// Whether it may be matched at all: active, not held, with room for a contract.
    pub open: bool,
}

/// What all rows of a block have in common, of those that may be matched at all.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    largest: [i16; KINDS],
    /// So many skills are listed by each of them, at least.
    pub least_listed: u8,
    /// None has more free hours a week than this.
    pub most_hours: u8,
    /// The steps that known rates lie between.
    pub rates: Option<(u8, u8)>,
    /// Whether somebody's rate is not known.
    pub no_rate: bool,
    /// Their working days, each once; nothing, if there are more than [`DAYS`].
    days: Option<([u8; DAYS], u8)>,
    /// Whether there is anybody who may be matched.
    pub open: bool,
    /// Whether somebody may be placed beyond a crowd of newcomers.
    pub stands_out: bool,
}

/// So many working days of a block are told apart.
const DAYS: usize = 4;

impl Block {
    fn of(bounds: [&[i16]; KINDS], briefs: &[Brief], stands_out: &[bool]) -> Self {
        let rate = briefs.iter().map(|brief| brief.rate).filter(|rate| *rate != NO_RATE);
        let mut days = Some(([NO_DAY; DAYS], 0_u8));
        for brief in briefs {
            days = days.and_then(|(told, count)| add_day(told, count, brief.day));
        }
        Self {
            largest: bounds.map(|bounds| bounds.iter().copied().max().unwrap_or(i16::MIN)),
            least_listed: briefs.iter().map(|brief| brief.listed).min().unwrap_or(0),
            most_hours: briefs.iter().map(|brief| brief.free_hours).max().unwrap_or(0),
            rates: rate.clone().min().zip(rate.max()),
            no_rate: briefs.iter().any(|brief| brief.rate == NO_RATE),
            days,
            open: briefs.iter().any(|brief| brief.open),
            stands_out: stands_out.contains(&true),
        }
    }

    /// The largest of the rows' bounds.
    pub fn bound(&self, seniority: Option<Seniority>) -> i64 {
        i64::from(self.largest[kind(seniority)]) * STEP
    }

    /// The working days of its rows, if they are few.
    pub fn days(&self) -> Option<&[u8]> {
        self.days.as_ref().map(|(days, count)| &days[..usize::from(*count)])
    }
}

fn add_day(mut told: [u8; DAYS], count: u8, day: u8) -> Option<([u8; DAYS], u8)> {
    if told[..usize::from(count)].contains(&day) {
        return Some((told, count));
    }
    *told.get_mut(usize::from(count))? = day;
    Some((told, count + 1))
}

/// Stands for the roles after the first, where there are more than two.
pub const MANY_ROLES: u8 = NO_ROLE - 1;
/// As many skills listed, or more, are not told apart.
pub const MOST_LISTED: u8 = u8::MAX;
/// A working day with another number.
pub const OTHER_DAY: u8 = u8::MAX - 1;
/// No working day.
pub const NO_DAY: u8 = u8::MAX;
/// A rate that is not known.
pub const NO_RATE: u8 = u8::MAX;

/// Steps of rates: sixteen to each doubling, from a dollar an hour.
const RATES: u32 = 16;
const FIRST_RATE: u32 = 100;

/// The lowest rate of a step, in US cents; that of one after the last is above all.
pub fn least_rate(step: u8) -> u32 {
    let (doublings, sixteenths) = (u32::from(step) / RATES, u32::from(step) % RATES);
    match step {
        0 => 0,
        NO_RATE => u32::MAX,
        _ => (FIRST_RATE * (RATES + sixteenths) / RATES) << doublings,
    }
}

/// The step of a rate: the last one that does not begin above it.
pub fn rate_step(rate: u32) -> u8 {
    if rate == u32::MAX {
        return NO_RATE;
    }
    let (mut low, mut high) = (0, NO_RATE);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if least_rate(middle) <= rate { low = middle } else { high = middle }
    }
    low
}

/// Kinds of gigs by the experience they need.
const KINDS: usize = 3;

fn kind(seniority: Option<Seniority>) -> usize {
    match seniority {
        Some(Seniority::Junior) => 0,
        Some(Seniority::Mid) | None => 1,
        Some(Seniority::Senior) => 2,
    }
}

const OF_KINDS: [Seniority; KINDS] = [Seniority::Junior, Seniority::Mid, Seniority::Senior];

/// What experience is worth for a gig of a kind, by months.
#[derive(Debug)]
pub struct Experience {
    by_months: Vec<i64>,
    unknown: i64,
}

impl Experience {
    /// For gigs that want someone this experienced.
    pub fn of(seniority: Option<Seniority>, model: &Model) -> Self {
        let (needed, enough) = (needed_months(seniority, model), enough_months(seniority, model));
        let weights = &model.people;
        let worth = |months: u16| {
            weights.seniority.of(experience(months, needed)).plus(weights.experience.of(experience(months, enough)))
        };
        Self {
            by_months: (0..=needed.max(enough)).map(|months| worth(months).as_nano()).collect(),
            unknown: weights.seniority.of(model.unknown).plus(weights.experience.of(model.unknown)).as_nano(),
        }
    }

    /// Of so many months, as a row keeps them.
    pub fn worth(&self, months: u16) -> i64 {
        match self.by_months.get(usize::from(months)).or(self.by_months.last()) {
            Some(worth) if months != u16::MAX => *worth,
            _ => self.unknown,
        }
    }
}

/// What no gig changes of the score of a row, in billionths: weights add up to a few thousand, so it is far
/// within 32 bits.
pub fn alone(row: &Row, model: &Model) -> i32 {
    let outcomes = Outcomes { good_milli: row.good, bad_milli: row.bad, finished: u32::from(row.finished) };
    let answers = Answers { asked: u32::from(row.asked), in_time: u32::from(row.in_time) };
    let load =
        Load { active_contracts: u32::from(row.active), capacity: u32::from(row.capacity), pending_milli: row.pending };
    let roles = u32::try_from(row.roles().count()).unwrap_or(u32::MAX);
    let nano = of_person_alone(roles, outcomes, answers, load, &model.people, model).as_nano();
    i32::try_from(nano).unwrap_or(if nano < 0 { i32::MIN } else { i32::MAX })
}

impl Statics {
    /// Reckon everyone's.
    fn of(base: &Base, model: &Model) -> Self {
        Self::with(base, model, base.rows.iter().map(|row| alone(row, model)).collect())
    }

    /// The rest of it, where what no gig changes is known of each row.
    fn with(base: &Base, model: &Model, alone: Vec<i32>) -> Self {
        let experience = OF_KINDS.map(|seniority| Experience::of(Some(seniority), model));
        let bounds = experience.each_ref().map(|experience| {
            let of = |(alone, row): (&i32, &Row)| narrow_steps(i64::from(*alone) + experience.worth(row.months));
            alone.iter().zip(&base.rows).map(of).collect::<Vec<i16>>()
        });
        let brief = |(at, row): (usize, &Row)| Brief {
            roles: match row.roles {
                [one, other, NO_ROLE, ..] => [one, other],
                [one, ..] => [one, MANY_ROLES],
            },
            listed: u8::try_from(base.held_of(at).len()).unwrap_or(MOST_LISTED),
            rate: rate_step(row.rate),
            day: match (u8::try_from(row.work_day), row.work_day) {
                (_, u16::MAX) => NO_DAY,
                (Ok(day), _) if day < OTHER_DAY => day,
                _ => OTHER_DAY,
            },
            free_hours: row.free_hours,
            open: row.standing() == Standing::Active && row.active < row.capacity,
        };
        let briefs: Vec<Brief> = base.rows.iter().enumerate().map(brief).collect();
        let stands_out: Vec<bool> = base.rows.iter().map(|row| row.stands_out(&model.fairness)).collect();
        let block = |(at, briefs): (usize, &[Brief])| {
            let of_block = at * BLOCK..at * BLOCK + briefs.len();
            let of_rows = bounds.each_ref().map(|bounds| &bounds[of_block.clone()]);
            Block::of(of_rows, briefs, &stands_out[of_block])
        };
        let blocks = briefs.chunks(BLOCK).enumerate().map(block).collect();
        let (mut told, mut numbers) = (Vec::new(), HashMap::new());
        let cell = |brief: &Brief| {
            let cell = Cell::of(brief);
            *numbers.entry(cell).or_insert_with(|| match u16::try_from(told.len()) {
                Ok(number) if number < OTHER_CELL => {
                    told.push(cell);
                    number
                }
                _ => OTHER_CELL,
            })
        };
        let cells = briefs.iter().map(cell).collect();
        let listed = briefs.iter().map(|brief| brief.listed).collect();
        Self { model: model.clone(), blocks, alone, bounds, stands_out, cells, told, listed, briefs }
    }

    /// What no gig changes of the score of a row, exactly.
    pub fn alone(&self, row: u32) -> i64 {
        i64::from(self.alone[row as usize])
    }

    /// Of all rows, for a gig that wants someone this experienced, in steps: what no gig changes, and what experience
    /// is worth; never less than in fact.
    pub fn bounds(&self, seniority: Option<Seniority>) -> &[i16] {
        &self.bounds[kind(seniority)]
    }

    /// Whether each row may be placed beyond a crowd of newcomers.
    pub fn stands_out(&self) -> &[bool] {
        &self.stands_out
    }

    /// How many skills each row lists, up to [`MOST_LISTED`].
    pub fn listed(&self) -> &[u8] {
        &self.listed
    }

    /// The cell of each row.
    pub fn cells(&self) -> &[u16] {
        &self.cells
    }

    /// The cells, each at the place that is its number.
    pub fn told(&self) -> &[Cell] {
        &self.told
    }

    /// What is looked at next, of all rows.
    pub fn briefs(&self) -> &[Brief] {
        &self.briefs
    }

    /// What the rows of each block have in common.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The memory it takes.
    pub fn bytes(&self) -> usize {
        self.alone.len()
            * (size_of::<i32>()
                + KINDS * size_of::<i16>()
                + size_of::<Brief>()
                + size_of::<bool>()
                + size_of::<u8>()
                + size_of::<u16>())
    }
}

fn narrow_steps(nano: i64) -> i16 {
    i16::try_from(steps(nano)).unwrap_or(if nano < 0 { i16::MIN } else { i16::MAX })
}

/// The statics of the models that were asked for last. Where a model is new whoever asks for it reckons them, and whoever
/// asks for another meanwhile does not wait.
#[derive(Debug, Default)]
pub struct Reckoned(Mutex<Vec<Arc<Statics>>>);

/// So many models are kept: the one in use, and the one before it while they change.
const KEPT: usize = 2;

impl Reckoned {
    /// Those of this model.
    pub fn of(&self, base: &Base, model: &Model) -> Arc<Statics> {
        if let Some(statics) = self.find(model) {
            return statics;
        }
        let statics = Arc::new(Statics::of(base, model));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.model != *model);
        kept.truncate(KEPT - 1);
        kept.insert(0, Arc::clone(&statics));
        statics
    }

    /// Those of this model, if they are reckoned.
    pub fn find(&self, model: &Model) -> Option<Arc<Statics>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|statics| statics.model == *model).map(Arc::clone)
    }

    /// Keep those of a model of whom what no gig changes is known.
    pub fn keep(&self, base: &Base, model: &Model, alone: Vec<i32>) {
        let statics = Arc::new(Statics::with(base, model, alone));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(0, statics);
    }

    /// The memory they take.
    pub fn bytes(&self) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|statics| statics.bytes()).sum()
    }
}

impl Clone for Reckoned {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

/// They follow from the rows: nothing that could differ.
impl PartialEq for Reckoned {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The largest that weights which speak for a match can contribute.
pub fn most(weight: super::super::fixed::Weight) -> i64 {
    weight.of(super::super::fixed::Value::ONE).as_nano().max(Score::ZERO.as_nano())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lies_within_its_step() {
        for rate in (0..70_000).chain([1 << 20, 1 << 24, u32::MAX - 1]) {
            let step = rate_step(rate);
            assert!(step < NO_RATE && least_rate(step) <= rate && rate < least_rate(step + 1), "{rate}: {step}");
        }
        assert_eq!(rate_step(u32::MAX), NO_RATE);
    }
}
