//! The score of a row, to the last digit the one that [`Ask::factors`] adds up to, without gathering the
//! person it stands for. A test holds the two against each other.

use std::hint::black_box;
use std::sync::Arc;

use super::super::bring::near_work;
use super::super::features::{Budget, GigFeatures, cosine, dot};
use super::super::fixed::Value;
use super::super::knowledge::Knowledge;
use super::super::model::{Model, Weights};
use super::super::overlap::{Dates, Overlap, Telling};
use super::super::rank::Matcher;
use super::super::role::Role;
use super::super::score::{
    Ask, answered, focus, level_value, of_gig_alone, overlap_value, rate_value, restraint, share_of,
};
use super::base::{Base, unpacked_level};
use super::row::Row;
use super::statics::{Experience, NO_DAY, Statics};
use super::texts::LINE;

/// What a gig asks, in the numbers of one base.
pub struct Exact<'a> {
    base: &'a Base,
    gig: &'a GigFeatures,
    model: &'a Model,
    weights: &'a Weights,
    statics: Arc<Statics>,
    /// For each skill: which of `answers` are its own.
    ranges: Vec<(u32, u32)>,
    /// The skills that concern whoever holds them.
    concerning: Vec<u16>,
    /// Of each role: whether it is near enough to what the gig is for.
    near_roles: Vec<bool>,
    answers: Vec<Answer>,
    asked: Vec<Asked>,
    total_weight: i64,
    required: i64,
    /// What each role contributes.
    roles: Vec<i64>,
    no_role: i64,
    experience: Experience,
    of_gig: i64,
    square: i64,
    days: Days,
    /// The best answer to each asked skill, used again for each row.
    best: Vec<u64>,
    wished: Vec<i64>,
}

/// What holding a skill answers of one that is asked.
struct Answer {
    asked: u32,
    likeness: i64,
    worth: i64,
    /// For each level: how much it is worth, and then how alike, so that the larger is the better.
    keys: [u64; LEVELS],
}

/// Levels a skill may be held at.
pub const LEVELS: usize = 3;

struct Asked {
    weight: i64,
    required: bool,
}

/// A likeness has so many bits below the worth it makes.
const LIKENESS_BITS: u32 = 20;

fn key(worth: Value, likeness: Value) -> u64 {
    worth.as_micro().unsigned_abs() << LIKENESS_BITS | likeness.as_micro().unsigned_abs()
}

fn worth_of(key: u64) -> Value {
    Value::micro(i64::try_from(key >> LIKENESS_BITS).unwrap_or(0))
}

fn likeness_of(key: u64) -> Value {
    Value::micro(i64::try_from(key & ((1 << LIKENESS_BITS) - 1)).unwrap_or(0))
}

/// The overlaps of the working days that people keep with the client's, each reckoned when first met.
pub struct Days {
    of: Vec<Option<Overlap>>,
    dates: Dates,
    telling: Telling,
}

impl Days {
    /// The overlap of the day of this number with the client's, if both are known.
    pub fn overlap(&mut self, base: &Base, gig: &GigFeatures, at: usize) -> Option<Overlap> {
        let client = gig.work_day?;
        let day = base.side.work_days.get(at)?;
        Some(*self.of[at].get_or_insert_with(|| self.telling.overlap_over(&client, day, self.dates)))
    }
}

impl<'a> Exact<'a> {
    /// Make an ask ready for one base.
    pub fn new<K: Knowledge + ?Sized>(
        base: &'a Base,
        ask: &Ask<'a>,
        matcher: &Matcher<'a, K>,
        statics: Arc<Statics>,
    ) -> Self {
        let (model, gig, rules) = (matcher.model, ask.gig, &matcher.model.skills);
        let weights = &model.people;
        let mut ranges = vec![(0, 0); base.side.skills.len()];
        let near = rules.must_likeness;
        let (mut answers, mut concerning) = (Vec::new(), Vec::new());
        for (skill, own) in ask.answers() {
            let Some(number) = base.skill_numbers.get(&skill) else { continue };
            let start = answers.len() as u32;
            answers.extend(own.iter().map(|answer| {
                let worth = |level| answer.worth.and(level_value(unpacked_level(level), rules));
                Answer {
                    asked: answer.asked as u32,
                    likeness: answer.likeness.as_micro(),
                    worth: answer.worth.as_micro(),
                    keys: [0, 1, 2].map(|level| key(worth(level), answer.likeness)),
                }
            }));
            ranges[usize::from(*number)] = (start, answers.len() as u32);
            concerning.extend(ask.concerns_holders(own, near).then_some(*number));
        }
        concerning.sort_unstable();
        let near = near_work(gig, near);
        let near_role = |held: Role| gig.roles.iter().any(|asked| held.stands_in_for(*asked) >= near);
        let asked: Vec<Asked> = ask.weights().map(|(weight, required)| Asked { weight, required }).collect();
        let roles = Role::all().map(|held| {
            let best = gig.roles.iter().map(|asked| held.stands_in_for(*asked)).max();
            weights.role.of(best.unwrap_or(model.unknown)).as_nano()
        });
        Self {
            ranges,
            concerning,
            near_roles: Role::all().map(near_role).collect(),
            answers,
            total_weight: ask.total_weight(),
            required: asked.iter().map(|asked| i64::from(asked.required)).sum(),
            best: vec![0; asked.len()],
            wished: vec![0; asked.len()],
            asked,
            roles: roles.collect(),
            no_role: weights.role.of(model.unknown).as_nano(),
            experience: Experience::of(gig.seniority, model),
            of_gig: of_gig_alone(gig, weights, model).as_nano(),
            square: dot(&gig.text.0, &gig.text.0),
            days: Days {
                of: vec![None; base.side.work_days.len()],
                dates: matcher.dates(gig),
                telling: Telling::default(),
            },
            base,
            gig,
            model,
            weights,
            statics,
        }
    }

    /// The working days met.
    pub fn days(&mut self) -> &mut Days {
        &mut self.days
    }

    /// What every row's score holds alike.
    pub fn of_gig(&self) -> i64 {
        self.of_gig
    }

    /// The model it scores by.
    pub fn model(&self) -> &'a Model {
        self.model
    }

    /// Whether texts are compared at all.
    pub fn compares_texts(&self) -> bool {
        !self.gig.text.0.is_empty() && self.gig.text.0.len() == self.base.text_width
    }

    /// The overlap of a working day, as briefs tell it, with the client's, if both are known, and what it
    /// contributes.
    pub fn overlap_of_day(&mut self, day: u8) -> (Option<Overlap>, i64) {
        let known = (day != NO_DAY).then_some(usize::from(day));
        let overlap = known.and_then(|day| self.days.overlap(self.base, self.gig, day));
        (overlap, self.worth_of_overlap(overlap))
    }

    fn worth_of_overlap(&self, overlap: Option<Overlap>) -> i64 {
        let value = overlap.map_or(self.model.unknown, |overlap| overlap_value(overlap, self.gig, self.model));
        self.weights.overlap.of(value).as_nano()
    }

    /// What each role contributes, and having none.
    pub fn roles(&self) -> (&[i64], i64) {
        (&self.roles, self.no_role)
    }

    /// Whether a row brings something of what is asked: the same as [`Ask::is_met_by`] tells of a person, where
    /// anything is asked.
    pub fn is_met_by(&self, at: u32) -> bool {
        let held = self.base.held_of(at as usize);
        let concerns = |packed: &u16| self.concerning.binary_search(&(packed / 4)).is_ok();
        let answers = |packed: &u16| self.ranges.get(usize::from(packed / 4)).is_some_and(|(start, end)| start < end);
        let is_near = |role: &u8| self.near_roles.get(usize::from(*role)).is_some_and(|near| *near);
        held.iter().any(concerns)
            || ((self.asked.is_empty() || held.is_empty() || held.iter().any(answers))
                && self.base.rows[at as usize].roles.iter().any(is_near))
    }

    /// The score of a row but for its text, in billionths.
    pub fn beside_text(&mut self, at: u32) -> i64 {
        let row = &self.base.rows[at as usize];
        let roles = row.roles.iter().filter_map(|role| self.roles.get(usize::from(*role))).max();
        let role = roles.copied().unwrap_or(self.no_role);
        self.skills(at)
            + self.interest(at)
            + role
            + self.experience.worth(row.months)
            + self.statics.alone(at)
            + self.rate(row)
            + self.overlap(row)
            + self.of_gig
    }

    fn skills(&mut self, at: u32) -> i64 {
        let (model, weights) = (self.model, self.weights);
        if self.asked.is_empty() {
            return weights.skills.of(model.unknown).as_nano();
        }
        self.best.fill(0);
        let held = self.base.held_of(at as usize);
        let mut mass = 0;
        for packed in held {
            let (start, end) = self.ranges.get(usize::from(packed / 4)).copied().unwrap_or((0, 0));
            let mut most = 0;
            let level = usize::from(packed % 4).min(LEVELS - 1);
            for answer in &self.answers[start as usize..end as usize] {
                let best = &mut self.best[answer.asked as usize];
                *best = (*best).max(answer.keys[level]);
                most = most.max(answer.worth);
            }
            mass += most;
        }
        let listed = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let (mut sum, mut missing) = (0, 0);
        for (asked, best) in self.asked.iter().zip(&self.best) {
            sum += answered(asked.weight, worth_of(*best));
            let near = *best > 0 && likeness_of(*best) >= model.skills.must_likeness;
            missing += i64::from(asked.required && !near);
        }
        let covered = share_of(sum, self.total_weight).and(restraint(listed, mass, &model.skills));
        weights.skills.of(covered).as_nano()
            + weights.must_haves.of(Value::ratio(missing, self.required)).as_nano()
            + weights.focus.of(focus(listed, mass, &model.skills)).as_nano()
    }

    fn interest(&mut self, at: u32) -> i64 {
        let wants = self.base.wants_of(at as usize);
        if wants.is_empty() || self.asked.is_empty() {
            return self.weights.interest.of(self.model.unknown_interest).as_nano();
        }
        self.wished.fill(0);
        for want in wants {
            let (start, end) = self.ranges.get(usize::from(*want)).copied().unwrap_or((0, 0));
            for answer in &self.answers[start as usize..end as usize] {
                let wish = &mut self.wished[answer.asked as usize];
                *wish = (*wish).max(answer.likeness);
            }
        }
        let sum = self.asked.iter().zip(&self.wished).map(|(asked, wish)| answered(asked.weight, Value::micro(*wish)));
        self.weights.interest.of(share_of(sum.sum(), self.total_weight)).as_nano()
    }

    fn rate(&self, row: &Row) -> i64 {
        let value = match self.gig.budget {
            Budget::Hourly { low_minor, high_minor, .. } if row.rate != u32::MAX => {
                rate_value(i64::from(row.rate), low_minor, high_minor, self.model)
            }
            Budget::Open | Budget::Hourly { .. } | Budget::Fixed { .. } => self.model.unknown,
        };
        self.weights.rate.of(value).as_nano()
    }

    fn overlap(&mut self, row: &Row) -> i64 {
        let overlap = self.days.overlap(self.base, self.gig, usize::from(row.work_day));
        self.worth_of_overlap(overlap)
    }

    /// Asks memory for the texts of these rows and their lengths, all at once: reckoned one after the other, each would
    /// wait by itself.
    pub fn fetch_texts(&self, rows: impl Iterator<Item = u32>) {
        let lines = |row: u32| self.base.text_of(row as usize).as_chunks::<LINE>().0;
        let asked_for = rows.fold(0, |sum, row| {
            let square = self.base.squares[row as usize];
            lines(row).iter().fold(sum ^ square, |sum, line| sum ^ u32::from(line[0].cast_unsigned()))
        });
        black_box(asked_for);
    }

    /// The same, of all else that their scores are made of.
    pub fn fetch_rows(&self, rows: impl Iterator<Item = u32> + Clone) {
        let numbers = rows.clone().fold(0, |sum, row| {
            let (own, before) = (row as usize, row.saturating_sub(1) as usize);
            sum ^ self.base.rows[own].held_end ^ self.base.rows[before].held_end ^ self.statics.alone(row) as u32
        });
        let lists = rows.fold(numbers, |sum, row| {
            let (held, wants) = (self.base.held_of(row as usize), self.base.wants_of(row as usize));
            held.first().into_iter().chain(wants.first()).fold(sum, |sum, skill| sum ^ u32::from(*skill))
        });
        black_box(lists);
    }

    /// What the text of a row has in common with the gig's: the sum of their numbers' products.
    pub fn product(&self, at: u32) -> i64 {
        if self.compares_texts() { dot(&self.gig.text.0, self.base.text_of(at as usize)) } else { 0 }
    }

    /// Whether the text of a row, of this product, can contribute so much: quicker than what it does. Never no, where
    /// it does.
    pub fn text_may_be(&self, at: u32, product: i64, least: i64) -> bool {
        // Values are rounded: two millionths are more than that can be.
        let weight = i64::from(self.weights.text.as_milli());
        let value = if weight > 0 { least / weight - 2 } else { 0 };
        if value <= 0 || !self.compares_texts() {
            return true;
        }
        let (square, product) = (i64::from(self.base.squares[at as usize]), product.max(0).unsigned_abs());
        if square == 0 {
            return true;
        }
        let (value, squares) = (value.unsigned_abs(), (self.square * square).unsigned_abs());
        let millions = 1_000_000 * 1_000_000;
        u128::from(product * product) * millions >= u128::from(value.saturating_mul(value)) * u128::from(squares)
    }

    /// What the text of a row, of this product, contributes.
    pub fn text(&self, at: u32, product: i64) -> i64 {
        let square = i64::from(self.base.squares[at as usize]);
        let known = self.compares_texts() && square > 0;
        let value = if known { cosine(product, self.square, square) } else { self.model.unknown };
        self.weights.text.of(value).as_nano()
    }
}
