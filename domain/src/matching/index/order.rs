//! The order of rows: those stand together who are alike in what scores are bounded by, so that what is told of a
//! block at once is nearly true of each of its rows.

use std::cmp::Reverse;

use super::super::features::Standing;
use super::row::Row;
use super::statics::{BLOCK, rate_step};

/// What the order of a row depends on.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Which row it was.
    pub row: u32,
    /// Whose.
    pub id: u128,
    /// What no gig changes of its score, in billionths.
    pub alone: i32,
    /// That, and what experience is worth to a gig that wants some.
    worth: i64,
    closed: bool,
    length: u8,
    day: u16,
    hours: u8,
    rate: u8,
}

impl Place {
    /// Of a row of somebody who lists so many skills.
    pub fn of(row: u32, id: u128, numbers: &Row, listed: usize, alone: i32, worth: i64) -> Self {
        Self {
            row,
            id,
            alone,
            worth,
            closed: numbers.standing() != Standing::Active || numbers.active >= numbers.capacity,
            length: profile_length(listed),
            day: numbers.work_day,
            hours: numbers.free_hours / HOURS,
            rate: rate_step(numbers.rate),
        }
    }
}

/// Free hours are told apart by so many.
const HOURS: u8 = 10;
/// One in so many people, of those who are worth about as much, stand together by what else blocks tell.
const GROUPS: usize = 4;

fn profile_length(listed: usize) -> u8 {
    match listed {
        0..4 => 0,
        4..7 => 1,
        7.. => 2,
    }
}

/// Brings rows in their order: those who can't be matched last; those who list few skills together; among them those
/// who are worth most first, in groups; and in a group by working day, free hours and rate.
pub fn in_order(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_unstable_by_key(|place| (place.closed, place.length, Reverse(place.worth), place.id));
    let group = (places.len() / GROUPS).max(BLOCK);
    for alike in places.chunk_by_mut(|one, other| (one.closed, one.length) == (other.closed, other.length)) {
        for together in alike.chunks_mut(group) {
            together.sort_unstable_by_key(|place| (place.day, place.hours, place.rate, Reverse(place.worth), place.id));
        }
    }
    places
}
