//! What screening of the two sides of a contract came to, as both may know it: days and outcomes. Whose name it was
//! and what a list has it as are not for the parties, nor on which side of them it was.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The latest lines are told, so many at most.
const LINES: usize = 100;

/// What screening came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Our people began to look at something.
    UnderReview,
    /// They found that it is nothing.
    Cleared,
    /// Both sides were screened, and nothing stands against either.
    Clear,
}

/// A line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Screening {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
}

/// When our people began to look at something, and when they found that it is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// When it was found.
    pub found_at: Timestamp,
    /// When it was cleared, if it is.
    pub cleared_at: Option<Timestamp>,
}

/// The log of a contract that was made at `since`: `sides` is when each side was screened last. What was over by then is
/// of other deals, and not told.
pub fn screening_log(since: Timestamp, sides: [Option<Timestamp>; 2], reviews: &[Review]) -> Vec<Screening> {
    let ours = || reviews.iter().filter(|review| review.cleared_at.is_none_or(|at| at >= since));
    let began = ours().map(|review| Screening { at: review.found_at, outcome: Outcome::UnderReview });
    let over = ours().filter_map(|review| Some(Screening { at: review.cleared_at?, outcome: Outcome::Cleared }));
    let mut log: Vec<Screening> = began.chain(over).collect();
    // While one side is looked at, that the other is clear would tell which it is.
    let is_looked_at = ours().any(|review| review.cleared_at.is_none());
    if let [Some(one), Some(other)] = sides
        && !is_looked_at
    {
        log.push(Screening { at: one.min(other), outcome: Outcome::Clear });
    }
    log.sort_unstable();
    log.dedup();
    log.split_off(log.len().saturating_sub(LINES))
}

impl Outcome {
    /// In words, on paper.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::UnderReview => "under review",
            Self::Cleared => "reviewed, and cleared",
            Self::Clear => "both sides screened, and clear",
        }
    }
}
