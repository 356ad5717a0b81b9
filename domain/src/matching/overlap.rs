//! Overlap: how long two working days run side by side, on a date.
//!
//! Working days are wall-clock times in a named zone. Offsets are looked up for each date, so a
//! change to or from summer time in either zone shows on the day it happens.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// When someone works on a working day. One that ends at or before its start runs past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkDay {
    /// The zone the times are read in.
    #[serde(with = "zone_name")]
    pub zone: Tz,
    /// The wall-clock start.
    pub starts: NaiveTime,
    /// The wall-clock end.
    pub ends: NaiveTime,
}

/// The least and the most that two working days overlap on the dates of a contract, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Overlap {
    /// On the worst date.
    pub least_minutes: u16,
    /// On the best date.
    pub most_minutes: u16,
}

/// The dates a contract is expected to run, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dates {
    /// The first date.
    pub from: NaiveDate,
    /// The last date.
    pub until: NaiveDate,
}

/// A window is looked at for at most this long: a year holds every regime there is.
const LONGEST_DAYS: u64 = 366;
/// No zone changes its offset twice within this many days and means it.
const STRIDE_DAYS: u64 = 14;

impl WorkDay {
    /// The minutes during which `other` works too, within our working day that starts on `date`.
    pub fn overlap_on(&self, other: &Self, date: NaiveDate) -> u16 {
        let Some((start, end)) = self.instants(date) else { return 0 };
        let minutes: i64 = [date.pred_opt(), Some(date), date.succ_opt()]
            .into_iter()
            .flatten()
            .filter_map(|day| other.instants(day))
            .map(|(other_start, other_end)| (end.min(other_end) - start.max(other_start)).num_minutes().max(0))
            .sum();
        u16::try_from(minutes).unwrap_or(0)
    }

    /// The least and the most overlap over all of the dates: one look per regime of offsets met.
    pub fn overlap_over(&self, other: &Self, dates: Dates) -> Overlap {
        self.overlap_on_any(other, &self.telling_dates(other, dates))
    }

    fn overlap_on_any(&self, other: &Self, dates: &[NaiveDate]) -> Overlap {
        let mut worst_and_best: Option<Overlap> = None;
        for date in dates {
            let minutes = self.overlap_on(other, *date);
            worst_and_best = Some(match worst_and_best {
                None => Overlap { least_minutes: minutes, most_minutes: minutes },
                Some(seen) => Overlap {
                    least_minutes: seen.least_minutes.min(minutes),
                    most_minutes: seen.most_minutes.max(minutes),
                },
            });
        }
        worst_and_best.unwrap_or(Overlap { least_minutes: 0, most_minutes: 0 })
    }

    /// The first date, and the dates around each change of offset in either zone.
    fn telling_dates(&self, other: &Self, dates: Dates) -> Vec<NaiveDate> {
        let last = dates.until.min(dates.from.checked_add_days(Days::new(LONGEST_DAYS)).unwrap_or(dates.until));
        let mut telling = vec![dates.from];
        let mut from = dates.from;
        while from < last {
            let until = from.checked_add_days(Days::new(STRIDE_DAYS)).unwrap_or(last).min(last);
            if self.offsets(other, from) != self.offsets(other, until) {
                telling.extend(from.iter_days().skip(1).take_while(|date| *date <= until));
            }
            from = until;
        }
        telling
    }

    fn offsets(&self, other: &Self, date: NaiveDate) -> (i32, i32) {
        let noon = NaiveDateTime::new(date, NaiveTime::MIN + TimeDelta::hours(12));
        let offset = |zone: Tz| zone.offset_from_utc_datetime(&noon).fix().local_minus_utc();
        (offset(self.zone), offset(other.zone))
    }

    /// When the working day that starts on this date begins and ends.
    fn instants(&self, date: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        let end_date = if self.ends > self.starts { date } else { date.succ_opt()? };
        Some((instant(self.zone, date.and_time(self.starts))?, instant(self.zone, end_date.and_time(self.ends))?))
    }
}

/// The dates that tell all others' overlaps, as they were found last: they are the same for all days in the same zones.
#[derive(Debug, Default)]
pub(super) struct Telling {
    of: Option<(Tz, Tz, Dates)>,
    dates: Vec<NaiveDate>,
}

impl Telling {
    /// The same as [`WorkDay::overlap_over`].
    pub fn overlap_over(&mut self, one: &WorkDay, other: &WorkDay, dates: Dates) -> Overlap {
        let of = Some((one.zone, other.zone, dates));
        if self.of != of {
            (self.of, self.dates) = (of, one.telling_dates(other, dates));
        }
        one.overlap_on_any(other, &self.dates)
    }
}

impl Dates {
    /// From one date to another; turned round when they come in the wrong order.
    pub fn new(from: NaiveDate, until: NaiveDate) -> Self {
        Self { from: from.min(until), until: from.max(until) }
    }

    /// The dates of the next so many days.
    pub fn next(now: Timestamp, days: u16) -> Self {
        let from = NaiveDate::from_ymd_opt(now.year(), now.month(), now.day()).unwrap_or_default();
        Self { from, until: from.checked_add_days(Days::new(u64::from(days))).unwrap_or(from) }
    }
}

/// The instant of a wall-clock time: the first of two when clocks go back over it, and the first
/// moment after the gap when they jump across it.
fn instant(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    (0..=4)
        .filter_map(|half_hours| local.checked_add_signed(TimeDelta::minutes(30 * half_hours)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map(|instant| instant.to_utc())
}

/// Zones are stored by their IANA names.
mod zone_name {
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(zone: &Tz, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(zone.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Tz, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(d)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(zone: Tz, starts: u32, ends: u32) -> WorkDay {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        WorkDay { zone, starts: at(starts), ends: at(ends) }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_plain_karachi_day_never_meets_a_us_day_and_an_evening_one_meets_all_of_it() {
        let (plain, evening) = (day(Tz::Asia__Karachi, 9, 18), day(Tz::Asia__Karachi, 18, 3));
        let year = Dates::new(date("2026-01-01"), date("2026-12-31"));
        for zone in [Tz::America__New_York, Tz::America__Chicago, Tz::America__Denver, Tz::America__Los_Angeles] {
            let worst_and_best = day(zone, 9, 17).overlap_over(&plain, year);
            assert_eq!(worst_and_best, Overlap { least_minutes: 0, most_minutes: 0 }, "{zone}");
        }
        let new_york = day(Tz::America__New_York, 9, 17).overlap_over(&evening, year);
        assert_eq!(new_york, Overlap { least_minutes: 480, most_minutes: 480 });
    }

    #[test]
    fn the_weeks_in_which_clocks_change_show_the_change() {
        // A Karachi day until 20:00 meets New York 9-17 for two hours in summer, one in winter.
        let late = day(Tz::Asia__Karachi, 11, 20);
        let new_york = day(Tz::America__New_York, 9, 17);
        for (on, minutes) in [
            ("2026-03-06", 60),
            ("2026-03-07", 60),
            ("2026-03-08", 120),
            ("2026-03-09", 120),
            ("2026-10-30", 120),
            ("2026-10-31", 120),
            ("2026-11-01", 60),
            ("2026-11-02", 60),
        ] {
            assert_eq!(new_york.overlap_on(&late, date(on)), minutes, "{on}");
        }
        let both = new_york.overlap_over(&late, Dates::new(date("2026-10-01"), date("2026-12-01")));
        assert_eq!(both, Overlap { least_minutes: 60, most_minutes: 120 });
        let winter = new_york.overlap_over(&late, Dates::new(date("2026-11-02"), date("2027-03-01")));
        assert_eq!(winter, Overlap { least_minutes: 60, most_minutes: 60 });
    }

    #[test]
    fn europe_and_the_us_change_in_different_weeks() {
        // London is five hours ahead of New York, but four in the weeks between the two changes.
        let london = day(Tz::Europe__London, 9, 17);
        let new_york = day(Tz::America__New_York, 9, 17);
        for (on, minutes) in [
            ("2026-03-07", 180),
            ("2026-03-08", 240),
            ("2026-03-28", 240),
            ("2026-03-29", 180),
            ("2026-10-24", 180),
            ("2026-10-25", 240),
            ("2026-10-31", 240),
            ("2026-11-01", 180),
        ] {
            assert_eq!(new_york.overlap_on(&london, date(on)), minutes, "{on}");
        }
        // Karachi and Berlin: four hours apart in winter, three in summer.
        let (karachi, berlin) = (day(Tz::Asia__Karachi, 9, 18), day(Tz::Europe__Berlin, 9, 17));
        for (on, minutes) in [("2026-03-28", 300), ("2026-03-29", 360), ("2026-10-24", 360), ("2026-10-25", 300)] {
            assert_eq!(berlin.overlap_on(&karachi, date(on)), minutes, "{on}");
        }
    }

    #[test]
    fn a_night_in_which_clocks_change_is_as_long_as_it_was() {
        let night = day(Tz::America__New_York, 22, 6);
        assert_eq!(night.overlap_on(&night, date("2026-03-07")), 7 * 60);
        assert_eq!(night.overlap_on(&night, date("2026-10-31")), 9 * 60);
        // 02:30 does not exist on the night clocks go forward: the day starts when they have.
        let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let gap = WorkDay { zone: Tz::America__New_York, starts: at(2, 30), ends: at(5, 0) };
        assert_eq!(gap.overlap_on(&gap, date("2026-03-08")), 120);
    }

    #[test]
    fn the_short_look_agrees_with_a_look_at_every_date() {
        let karachi = day(Tz::Asia__Karachi, 12, 21);
        let dates = Dates::new(date("2026-01-15"), date("2026-12-15"));
        let mut telling = Telling::default();
        for zone in [Tz::America__New_York, Tz::Europe__London, Tz::Africa__Casablanca, Tz::Australia__Lord_Howe] {
            let client = day(zone, 9, 17);
            let every: Vec<_> = dates
                .from
                .iter_days()
                .take_while(|date| *date <= dates.until)
                .map(|date| client.overlap_on(&karachi, date))
                .collect();
            let looked = client.overlap_over(&karachi, dates);
            assert_eq!(telling.overlap_over(&client, &karachi, dates), looked, "{zone}");
            assert_eq!(Some(&looked.least_minutes), every.iter().min(), "{zone}");
            assert_eq!(Some(&looked.most_minutes), every.iter().max(), "{zone}");
        }
    }
}
