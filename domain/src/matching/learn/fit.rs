//! Weights that put what was chosen before what was shown beside it: a logistic loss over pairs, each
//! choice counting by how far it went and by how little its place is looked at.

use super::places;
use super::{Choice, Direction, KINDS, ORDER, Page, features, is_learned, listed, unlisted};
use crate::matching::model::Weights;

/// Steps of the fit: more change nothing that shows.
const STEPS: usize = 300;
/// How much a choice may count beside one in the first place.
const MOST: f64 = 20.0;
/// How strongly weights are held to what they were, in choices: with many more, the log decides.
const HOLD: f64 = 20.0;
/// How curved the loss of one choice is in one weight, about.
const CURVED: f64 = 0.02;
/// A weight stays within this many times of what it was, and one over it.
const LEASH: f64 = 4.0;

/// What a choice counts for how far it went.
pub(super) fn grade(choice: Choice) -> f64 {
    match choice {
        Choice::None => 0.0,
        Choice::Opened => 1.0,
        Choice::Asked => 2.0,
        Choice::Shortlisted => 3.0,
        Choice::Hired => 4.0,
    }
}

/// What a choice in a place counts: more, the less the place is looked at.
pub(super) fn counts(looked_at: &[f64], place: u32, choice: Choice) -> f64 {
    grade(choice) * (1.0 / places::of(looked_at, place)).min(MOST)
}

/// Fitted weights, within what the module allows.
pub(super) fn fit(pages: &[&Page], looked_at: &[f64], old: &Weights, direction: Direction) -> Weights {
    let before = listed(old);
    let free: [bool; KINDS] = std::array::from_fn(|at| before[at] != 0 && is_learned(ORDER[at], direction));
    let sign = before.map(|weight| f64::from(weight.signum()));
    let mut pairs: Vec<(f64, [f64; KINDS])> = Vec::new();
    let mut chosen = 0_usize;
    for page in pages {
        for of in page.shown.iter().filter(|shown| shown.choice > Choice::None) {
            chosen += 1;
            let others: Vec<_> = page.shown.iter().filter(|other| other.choice < of.choice).collect();
            let weight = counts(looked_at, of.place, of.choice) / others.len().max(1) as f64;
            let values = features(of);
            pairs.extend(others.into_iter().map(|other| {
                let other = features(other);
                // Turned so that every weight that is fitted is above nothing.
                (weight, std::array::from_fn(|at| if free[at] { sign[at] * (values[at] - other[at]) } else { 0.0 }))
            }));
        }
    }
    let all: f64 = pairs.iter().map(|(weight, _)| weight).sum();
    if all <= 0.0 {
        return *old;
    }
    let start: [f64; KINDS] = std::array::from_fn(|at| if free[at] { f64::from(before[at]).abs() / 1e3 } else { 0.0 });
    let scale = scale_of(&pairs, &start);
    let mut curved = Curved::<KINDS>::new(std::iter::empty(), HOLD * CURVED * all / chosen.max(1) as f64);
    pairs.iter().for_each(|(weight, values)| curved.add(*weight, values));
    let held = start.map(|weight| weight * scale);
    let mut weights = held;
    for _ in 0..STEPS {
        let mut gradient = [0.0; KINDS];
        for (weight, values) in &pairs {
            let ahead: f64 = values.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
            let pull = weight * logistic(-ahead);
            gradient.iter_mut().zip(values).for_each(|(sum, value)| *sum += pull * value);
        }
        // Held to what they were, not to nothing.
        gradient.iter_mut().zip(held).for_each(|(sum, held)| *sum += curved.hold * held);
        curved.step(&mut weights, &gradient, |_| 0.0);
    }
    leashed(&weights, &before, &free)
}

/// How steep the old weights would have to be to tell choices best: the only thing that is fitted first.
fn scale_of(pairs: &[(f64, [f64; KINDS])], start: &[f64; KINDS]) -> f64 {
    let ahead: Vec<(f64, f64)> = pairs
        .iter()
        .map(|(weight, values)| (*weight, values.iter().zip(start).map(|(value, weight)| value * weight).sum()))
        .collect();
    let bound = ahead.iter().map(|(weight, ahead)| weight * ahead * ahead / 4.0).sum::<f64>().max(1e-9);
    (0..200).fold(1.0_f64, |scale, _| {
        let slope: f64 = ahead.iter().map(|(weight, ahead)| weight * ahead * logistic(-scale * ahead)).sum();
        (scale + slope / bound).clamp(0.5, 100.0)
    })
}

/// Weights in thousandths that add up to what they did, each with its sign and on its leash.
fn leashed(fitted: &[f64; KINDS], before: &[i32; KINDS], free: &[bool; KINDS]) -> Weights {
    let merits = |at: &usize| free[*at] && before[*at] > 0;
    let total: f64 = (0..KINDS).filter(merits).map(|at| f64::from(before[at])).sum();
    let fitted_total: f64 = (0..KINDS).filter(merits).map(|at| fitted[at]).sum();
    if fitted_total <= 0.0 {
        return unlisted(*before);
    }
    let within = |at: usize, weight: f64| {
        let old = f64::from(before[at].abs());
        weight.clamp(old / LEASH, old * LEASH)
    };
    // One factor for all, so found that they add up after those that reach the end of the leash stay there.
    let sum = |factor: f64| (0..KINDS).filter(merits).map(|at| within(at, fitted[at] * factor)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1e9);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if sum(middle) < total { low = middle } else { high = middle }
    }
    let mut after = *before;
    let mut rest: Vec<(f64, usize)> = Vec::new();
    for at in (0..KINDS).filter(|at| free[*at]) {
        let weight = within(at, fitted[at] * high);
        after[at] = before[at].signum() * weight.floor() as i32;
        if before[at] > 0 {
            rest.push((weight - weight.floor(), at));
        }
    }
    // What rounding down left goes to those it took most from.
    rest.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let missing = total as i32 - (0..KINDS).filter(merits).map(|at| after[at]).sum::<i32>();
    for (_, at) in rest.into_iter().take(usize::try_from(missing).unwrap_or(0)) {
        after[at] += 1;
    }
    unlisted(after)
}

/// A bound on how curved a logistic loss is, wherever it is stood on: each step along it goes down.
pub(super) struct Curved<const N: usize> {
    bound: [[f64; N]; N],
    /// How strongly weights are held back.
    pub(super) hold: f64,
}

impl<const N: usize> Curved<N> {
    pub(super) fn new(rows: impl Iterator<Item = [f64; N]>, hold: f64) -> Self {
        let mut curved = Self { bound: [[0.0; N]; N], hold };
        rows.for_each(|row| curved.add(1.0, &row));
        curved
    }

    pub(super) fn add(&mut self, weight: f64, row: &[f64; N]) {
        for (line, one) in self.bound.iter_mut().zip(row) {
            for (sum, other) in line.iter_mut().zip(row) {
                *sum += weight * one * other / 4.0;
            }
        }
    }

    /// Go to the lowest point of the bound, with no weight below its least.
    pub(super) fn step(&self, weights: &mut [f64; N], gradient: &[f64; N], least: impl Fn(usize) -> f64) {
        let from = *weights;
        let slope: [f64; N] = std::array::from_fn(|at| gradient[at] - self.hold * from[at]);
        for _ in 0..30 {
            for at in 0..N {
                let moved: f64 = (0..N).map(|other| self.bound[at][other] * (weights[other] - from[other])).sum();
                let pull = slope[at] - moved - self.hold * (weights[at] - from[at]);
                weights[at] = (weights[at] + pull / (self.bound[at][at] + self.hold).max(1e-12)).max(least(at));
            }
        }
    }
}

/// The logistic function, by additions and multiplications alone: the same on every machine.
pub(super) fn logistic(x: f64) -> f64 {
    let x = x.clamp(-30.0, 30.0);
    // e^-x = (e^(-x/1024))^1024, with a short series.
    let small = -x / 1024.0;
    let series = 1.0 + small * (1.0 + small / 2.0 * (1.0 + small / 3.0 * (1.0 + small / 4.0)));
    let power = (0..10).fold(series, |power, _| power * power);
    1.0 / (1.0 + power)
}
