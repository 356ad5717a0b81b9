//! The gate: hard constraints, read from rows. What many share is looked at once.

use std::collections::BTreeSet;

use super::super::constraint::Barrier;
use super::super::features::{Budget, GigFeatures, PersonFeatures, Standing};
use super::Counts;
use super::base::Base;
use super::exact::Days;

/// What keeps rows apart from one gig.
pub struct Gate<'a> {
    base: &'a Base,
    gig: &'a GigFeatures,
    /// The barriers of a person from this country, one bit each, when they were looked at.
    countries: Vec<Option<u16>>,
    /// Those of a person who speaks these languages.
    languages: Vec<Option<u16>>,
    always: u16,
    blocked_rows: BTreeSet<u32>,
}

impl<'a> Gate<'a> {
    /// The gate of a gig, for one base.
    pub fn new(base: &'a Base, gig: &'a GigFeatures) -> Self {
        let blocking = base.side.blocked.iter().filter(|(_, clients)| clients.contains(&gig.client));
        Self {
            countries: vec![None; base.side.countries.len()],
            languages: vec![None; base.side.languages.len()],
            always: bits(gig, &anyone()),
            blocked_rows: blocking.map(|(row, _)| *row).collect(),
            base,
            gig,
        }
    }

    /// The barriers of a row, one bit each.
    pub fn barriers(&mut self, at: u32, days: &mut Days) -> u16 {
        let (base, gig) = (self.base, self.gig);
        let row = &base.rows[at as usize];
        let mut barriers = self.always;
        if let Some(country) = base.side.countries.get(usize::from(row.country)) {
            let of = || bits(gig, &PersonFeatures { country: Some(*country), ..anyone() });
            barriers |= *self.countries[usize::from(row.country)].get_or_insert_with(of);
        }
        if let Some(languages) = base.side.languages.get(usize::from(row.languages)) {
            let of = || bits(gig, &PersonFeatures { languages: languages.clone(), ..anyone() });
            barriers |= *self.languages[usize::from(row.languages)].get_or_insert_with(of);
        }
        match row.standing() {
            Standing::Active => (),
            Standing::Away | Standing::Suspended => barriers |= bit(Barrier::NotActive),
            Standing::Screened => barriers |= bit(Barrier::Screened),
        }
        if row.active >= row.capacity {
            barriers |= bit(Barrier::Capacity);
        }
        if gig.weekly_hours.is_some_and(|asked| row.free_hours != u8::MAX && u16::from(row.free_hours) < asked) {
            barriers |= bit(Barrier::WeeklyHours);
        }
        let above = |minor: u32, limit: i64| minor != u32::MAX && i64::from(minor) > limit;
        let outside = match gig.budget {
            Budget::Open => false,
            Budget::Hourly { high_minor, firm, .. } => {
                above(row.floor, high_minor) || (firm && above(row.rate, high_minor))
            }
            Budget::Fixed { total_minor } => above(row.fixed_floor, total_minor),
        };
        if outside {
            barriers |= bit(Barrier::Budget);
        }
        if !self.blocked_rows.is_empty() && self.blocked_rows.contains(&at) {
            barriers |= bit(Barrier::Blocked);
        }
        // Only a required overlap keeps anyone out; without one there is nothing to reckon.
        if let Some(asked) = gig.overlap_minutes
            && days.overlap(base, gig, usize::from(row.work_day)).is_some_and(|overlap| overlap.least_minutes < asked)
        {
            barriers |= bit(Barrier::OverlapHours);
        }
        barriers
    }
}

fn anyone() -> PersonFeatures {
    PersonFeatures::new(crate::id::Id::from_uuid(uuid::Uuid::nil()))
}

/// The barriers of a person whose hours are not looked at.
fn bits(gig: &GigFeatures, person: &PersonFeatures) -> u16 {
    Barrier::between(gig, person, None).iter().fold(0, |mask, barrier| mask | bit(*barrier))
}

fn bit(barrier: Barrier) -> u16 {
    1 << (barrier as u16)
}

/// Count one whom these barriers leave out.
pub fn count(counts: &mut Counts, barriers: u16) {
    for barrier in Barrier::ALL {
        if barriers & bit(barrier) != 0 {
            let left_out = counts.entry(barrier).or_default();
            left_out.all += 1;
            left_out.by_this_alone += u32::from(barriers.count_ones() == 1);
        }
    }
}
