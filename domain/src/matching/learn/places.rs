//! How much each place is looked at, from the log: a match is chosen when its place was looked at
//! and it was worth choosing. The two are told apart because places are not given by worth alone:
//! pages differ, near ties change places, newcomers have places of their own. Expectation and
//! maximization take turns; the worth of a match is a logistic function of its factors.

use super::fit::{Curved, logistic};
use super::{Choice, KINDS, Page, features};

/// Places past the tenth share what is known of them.
const GROUPS: usize = 13;
/// Turns of estimation: more change nothing that shows.
const TURNS: usize = 80;
/// A place is taken to be looked at this much at least, so that one choice there does not drown all others.
pub(super) const LEAST: f64 = 0.02;

/// The group of a place: the first ten stand alone, then to the 20th, to the 50th, and the rest.
fn group(place: u32) -> usize {
    match place {
        0..=10 => (place.max(1) - 1) as usize,
        11..=20 => 10,
        21..=50 => 11,
        _ => 12,
    }
}

/// How much a place is looked at, beside the first.
pub(super) fn of(places: &[f64], place: u32) -> f64 {
    places.get(group(place)).copied().unwrap_or(1.0).max(LEAST)
}

/// How much places are looked at, beside the first: the first ten, then to the 20th, to the 50th,
/// and the rest. Never more further down.
pub fn looked_at(pages: &[&Page]) -> Vec<f64> {
    let rows: Vec<(usize, bool, [f64; KINDS])> = pages
        .iter()
        .flat_map(|page| &page.shown)
        .map(|shown| (group(shown.place), shown.choice > Choice::None, features(shown)))
        .collect();
    let mut counts = [0.0; GROUPS];
    rows.iter().for_each(|(group, ..)| counts[*group] += 1.0);
    let mut looked: [f64; GROUPS] = std::array::from_fn(|at| 0.9 / (at + 1) as f64);
    // The last of the weights is for a value of 1: how often anything is worth choosing.
    let curved = Curved::new(rows.iter().map(|(.., values)| with_one(values)), 1e-3 * rows.len() as f64);
    let mut weights = [0.0; KINDS + 1];
    weights[KINDS] = -1.0;
    for _ in 0..TURNS {
        let mut sums = [0.0; GROUPS];
        let mut gradient = [0.0; KINDS + 1];
        for (group, chosen, values) in &rows {
            let values = with_one(values);
            let worth = logistic(values.iter().zip(&weights).map(|(value, weight)| value * weight).sum());
            let look = looked[*group];
            let neither = (1.0 - look * worth).max(1e-9);
            let (was_looked_at, was_worth) =
                if *chosen { (1.0, 1.0) } else { (look * (1.0 - worth) / neither, (1.0 - look) * worth / neither) };
            sums[*group] += was_looked_at;
            for (sum, value) in gradient.iter_mut().zip(&values) {
                *sum += (was_worth - worth) * value;
            }
        }
        for ((look, sum), count) in looked.iter_mut().zip(sums).zip(counts) {
            // A few imagined views keep a place that is seldom shown from running away.
            *look = ((sum + 0.5) / (count + 1.0)).clamp(LEAST / 2.0, 1.0);
        }
        fall(&mut looked, &counts);
        curved.step(&mut weights, &gradient, |_| f64::NEG_INFINITY);
    }
    let first = looked[0].max(LEAST);
    looked.iter().map(|look| (look / first).clamp(LEAST, 1.0)).collect()
}

fn with_one(values: &[f64; KINDS]) -> [f64; KINDS + 1] {
    let mut with_one = [1.0; KINDS + 1];
    with_one[..KINDS].copy_from_slice(values);
    with_one
}

/// Nothing further down is looked at more: neighbours that say otherwise share their mean, each as it
/// was seen. A place that was never shown takes that of the one above.
fn fall(looked: &mut [f64; GROUPS], counts: &[f64; GROUPS]) {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (look, count) in looked.iter().zip(counts) {
        let mut block = match blocks.last() {
            Some((above, ..)) if *count == 0.0 => (*above, 1e-9, 1),
            _ => (*look, count.max(1e-9), 1),
        };
        while let Some((above, weight, places)) = blocks.last().copied() {
            if above >= block.0 {
                break;
            }
            blocks.pop();
            let all = weight + block.1;
            block = ((above * weight + block.0 * block.1) / all, all, places + block.2);
        }
        blocks.push(block);
    }
    let levels = blocks.into_iter().flat_map(|(look, _, places)| std::iter::repeat_n(look, places));
    looked.iter_mut().zip(levels).for_each(|(look, level)| *look = level);
}
