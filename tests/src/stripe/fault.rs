//! How the double fails.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Status 500; nothing was done, and the same key is answered anew.
    Error,
    /// Status 500, and it was done all the same. The same key gets what was done.
    ErrorAfter,
    /// Status 500, nothing was done, and the same key gets the same error for as long as it is remembered.
    ErrorKept,
    /// Status 429, with a time to wait.
    TooMany,
    /// Status 403: we may not ask for that. Nothing was done.
    Forbidden,
    /// Status 409: the same key is being worked on.
    Conflict,
    /// It was done, and the answer breaks off.
    LostAnswer,
    /// It was done, and nothing is answered, until the double breaks its silence.
    Hang,
}

/// What is drawn from. Hanging takes time, so it is seldom.
const ALL: [(Fault, u32); 7] = [
    (Fault::Error, 4),
    (Fault::ErrorAfter, 4),
    (Fault::ErrorKept, 2),
    (Fault::TooMany, 3),
    (Fault::Conflict, 3),
    (Fault::LostAnswer, 5),
    (Fault::Hang, 1),
];

/// When it fails, and how.
#[derive(Debug, Default)]
pub struct Faults {
    next: VecDeque<Option<Fault>>,
    dice: Option<(StdRng, u32)>,
    /// What is done there by POST fails like this.
    at: Option<(&'static str, Fault)>,
    /// What has this in its path may not be asked for.
    forbidden: Option<&'static str>,
    /// Whatever is asked for or done there is answered with an error, and nothing is done.
    broken: Option<&'static str>,
}

impl Faults {
    /// The next requests fail like this, one after the other.
    pub fn next(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { next: faults.into_iter().map(Some).collect(), ..Self::default() }
    }

    /// Whatever is asked for at this path by POST fails like this.
    pub fn at(path: &'static str, fault: Fault) -> Self {
        Self { at: Some((path, fault)), ..Self::default() }
    }

    /// The key may not ask for anything that has this in its path.
    pub fn forbids(part: &'static str) -> Self {
        Self { forbidden: Some(part), ..Self::default() }
    }

    /// Whatever is asked for at this path, or done there, is answered with an error.
    pub fn breaks(path: &'static str) -> Self {
        Self { broken: Some(path), ..Self::default() }
    }

    /// So many requests go well, and the one after them fails.
    pub fn later(well: usize, fault: Fault) -> Self {
        Self { next: std::iter::repeat_n(None, well).chain([Some(fault)]).collect(), ..Self::default() }
    }

    /// Each request fails with this chance in a hundred, in any way.
    pub fn often(seed: u64, percent: u32) -> Self {
        Self { dice: Some((StdRng::seed_from_u64(seed), percent)), ..Self::default() }
    }

    pub(crate) fn draw(&mut self, method: &str, path: &str) -> Option<Fault> {
        if self.forbidden.is_some_and(|part| path.contains(part)) {
            return Some(Fault::Forbidden);
        }
        if self.broken == Some(path) {
            return Some(Fault::Error);
        }
        if let Some((at, fault)) = self.at {
            return (method == "POST" && path == at).then_some(fault);
        }
        if let Some(fault) = self.next.pop_front() {
            return fault;
        }
        let (dice, percent) = self.dice.as_mut()?;
        if dice.random_range(0..100) >= *percent {
            return None;
        }
        let mut drawn = dice.random_range(0..ALL.iter().map(|(_, weight)| weight).sum());
        let found = ALL.iter().find(|(_, weight)| match drawn.checked_sub(*weight) {
            Some(left) => {
                drawn = left;
                false
            }
            None => true,
        });
        found.map(|(fault, _)| *fault)
    }
}
