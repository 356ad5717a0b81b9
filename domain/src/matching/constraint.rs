//! Hard constraints: what leaves a person out of a ranking, whatever their score would be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{Budget, GigFeatures, PersonFeatures, Standing};
use super::overlap::Overlap;

/// Why a person and a gig are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Barrier {
    /// The gig takes no proposals.
    GigClosed,
    /// The person is away or suspended.
    NotActive,
    /// A screening hit holds them.
    Screened,
    /// One blocked the other; which one is not told.
    Blocked,
    /// The client wants people from other countries.
    Country,
    /// A required language is missing or not fluent enough.
    Language,
    /// They have as many contracts as they take.
    Capacity,
    /// They have fewer hours a week than the gig needs.
    WeeklyHours,
    /// The pay is below the least they take, or their rate above a firm budget.
    Budget,
    /// Their day meets too little of the client's.
    OverlapHours,
}

/// How many one barrier left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// All whom it stops.
    pub all: u32,
    /// Of those, whom nothing else stops: how many more there would be without it.
    pub by_this_alone: u32,
}

impl Barrier {
    /// All of them, in the order they are checked.
    pub const ALL: [Self; 10] = [
        Self::GigClosed,
        Self::NotActive,
        Self::Screened,
        Self::Blocked,
        Self::Country,
        Self::Language,
        Self::Capacity,
        Self::WeeklyHours,
        Self::Budget,
        Self::OverlapHours,
    ];

    /// What it is, in a few words: "41 left out: rate or budget".
    pub fn label(self) -> &'static str {
        match self {
            Self::GigClosed => "the gig is closed",
            Self::NotActive => "not active",
            Self::Screened => "held by screening",
            Self::Blocked => "blocked",
            Self::Country => "country",
            Self::Language => "language",
            Self::Capacity => "no free capacity",
            Self::WeeklyHours => "too few hours a week",
            Self::Budget => "rate or budget",
            Self::OverlapHours => "too little overlap",
        }
    }

    /// As what it is told. That screening holds somebody is for our people alone, and whether it is a block or something
    /// of theirs alone is not told either: else who set none would know who did. Of both it is told that they are not
    /// active, as those are who are away.
    pub fn told(self) -> Self {
        match self {
            Self::Screened | Self::Blocked => Self::NotActive,
            Self::GigClosed
            | Self::NotActive
            | Self::Country
            | Self::Language
            | Self::Capacity
            | Self::WeeklyHours
            | Self::Budget
            | Self::OverlapHours => self,
        }
    }

    /// All that keep this person and this gig apart, in order. Something unknown is no barrier.
    pub fn between(gig: &GigFeatures, person: &PersonFeatures, overlap: Option<Overlap>) -> Vec<Self> {
        Self::ALL.into_iter().filter(|barrier| barrier.stands(gig, person, overlap)).collect()
    }

    fn stands(self, gig: &GigFeatures, person: &PersonFeatures, overlap: Option<Overlap>) -> bool {
        match self {
            Self::GigClosed => !gig.open,
            Self::NotActive => match person.standing {
                Standing::Active | Standing::Screened => false,
                Standing::Away | Standing::Suspended => true,
            },
            Self::Screened => person.standing == Standing::Screened,
            Self::Blocked => person.blocked.contains(&gig.client),
            Self::Country => {
                !gig.countries.is_empty() && person.country.is_some_and(|country| !gig.countries.contains(&country))
            }
            Self::Language => {
                !person.languages.is_empty()
                    && !gig.languages.iter().all(|asked| {
                        person.languages.iter().any(|held| held.code == asked.code && held.fluency >= asked.fluency)
                    })
            }
            Self::Capacity => person.load.active_contracts >= person.load.capacity,
            Self::WeeklyHours => {
                matches!((gig.weekly_hours, person.free_hours), (Some(asked), Some(free)) if free < asked)
            }
            Self::Budget => outside_budget(gig.budget, person),
            Self::OverlapHours => {
                matches!((gig.overlap_minutes, overlap), (Some(asked), Some(overlap)) if overlap.least_minutes < asked)
            }
        }
    }
}

fn outside_budget(budget: Budget, person: &PersonFeatures) -> bool {
    match budget {
        Budget::Open => false,
        Budget::Hourly { high_minor, firm, .. } => {
            person.floor_minor.is_some_and(|floor| floor > high_minor)
                || (firm && person.rate_minor.is_some_and(|rate| rate > high_minor))
        }
        Budget::Fixed { total_minor } => person.fixed_floor_minor.is_some_and(|floor| floor > total_minor),
    }
}

/// Count whom each barrier left out.
pub fn count<'a>(stopped: impl IntoIterator<Item = &'a [Barrier]>) -> BTreeMap<Barrier, LeftOut> {
    let mut counts: BTreeMap<Barrier, LeftOut> = BTreeMap::new();
    for barriers in stopped {
        for barrier in barriers {
            let left_out = counts.entry(*barrier).or_default();
            left_out.all += 1;
            left_out.by_this_alone += u32::from(barriers.len() == 1);
        }
    }
    counts
}

/// These counts, under what each barrier is told as.
pub fn told(counts: &BTreeMap<Barrier, LeftOut>) -> BTreeMap<Barrier, LeftOut> {
    let mut told: BTreeMap<Barrier, LeftOut> = BTreeMap::new();
    for (barrier, count) in counts {
        let left_out = told.entry(barrier.told()).or_default();
        left_out.all += count.all;
        left_out.by_this_alone += count.by_this_alone;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::features::{Fluency, Language};
    use super::*;
    use crate::id::{GigId, Id, OrganizationId, UserId};
    use uuid::Uuid;

    fn gig() -> GigFeatures {
        GigFeatures::new(GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)))
    }

    fn person() -> PersonFeatures {
        PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(3)))
    }

    fn language(code: &str, fluency: Fluency) -> Language {
        Language { code: code.to_owned(), fluency }
    }

    type Case = (&'static str, fn(&mut GigFeatures, &mut PersonFeatures), &'static [Barrier]);

    #[test]
    fn each_barrier_stands_where_it_should_and_only_there() {
        let cases: &[Case] = &[
            ("nothing known", |_, _| (), &[]),
            ("closed", |gig, _| gig.open = false, &[Barrier::GigClosed]),
            ("away", |_, person| person.standing = Standing::Away, &[Barrier::NotActive]),
            ("suspended", |_, person| person.standing = Standing::Suspended, &[Barrier::NotActive]),
            ("screened", |_, person| person.standing = Standing::Screened, &[Barrier::Screened]),
            ("blocked", |gig, person| person.blocked = [gig.client].into(), &[Barrier::Blocked]),
            ("full", |_, person| person.load.active_contracts = 1, &[Barrier::Capacity]),
            (
                "from elsewhere",
                |gig, person| {
                    gig.countries.insert("US".parse().unwrap());
                    person.country = Some("PK".parse().unwrap());
                },
                &[Barrier::Country],
            ),
            (
                "from there",
                |gig, person| {
                    gig.countries.insert("PK".parse().unwrap());
                    person.country = Some("PK".parse().unwrap());
                },
                &[],
            ),
            (
                "speaks too little",
                |gig, person| {
                    gig.languages = vec![language("en", Fluency::Fluent)];
                    person.languages = vec![language("en", Fluency::Basic), language("ur", Fluency::Native)];
                },
                &[Barrier::Language],
            ),
            (
                "speaks enough",
                |gig, person| {
                    gig.languages = vec![language("en", Fluency::Conversational)];
                    person.languages = vec![language("en", Fluency::Fluent)];
                },
                &[],
            ),
            (
                "too few hours",
                |gig, person| (gig.weekly_hours, person.free_hours) = (Some(30), Some(29)),
                &[Barrier::WeeklyHours],
            ),
            ("just enough hours", |gig, person| (gig.weekly_hours, person.free_hours) = (Some(30), Some(30)), &[]),
            (
                "below the floor",
                |gig, person| {
                    gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 2_000, firm: false };
                    person.floor_minor = Some(2_001);
                },
                &[Barrier::Budget],
            ),
            (
                "above a soft budget",
                |gig, person| {
                    gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 2_000, firm: false };
                    person.rate_minor = Some(2_500);
                },
                &[],
            ),
            (
                "above a firm budget",
                |gig, person| {
                    gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 2_000, firm: true };
                    person.rate_minor = Some(2_500);
                },
                &[Barrier::Budget],
            ),
            (
                "below the fixed floor",
                |gig, person| {
                    gig.budget = Budget::Fixed { total_minor: 9_999 };
                    person.fixed_floor_minor = Some(10_000);
                },
                &[Barrier::Budget],
            ),
        ];
        for (name, arrange, expected) in cases {
            let (mut gig, mut person) = (gig(), person());
            arrange(&mut gig, &mut person);
            assert_eq!(Barrier::between(&gig, &person, None), *expected, "{name}");
        }
    }

    #[test]
    fn the_overlap_that_counts_is_that_of_the_worst_date() {
        let gig = GigFeatures { overlap_minutes: Some(120), ..gig() };
        let overlap = |least_minutes| Some(Overlap { least_minutes, most_minutes: 180 });
        assert_eq!(Barrier::between(&gig, &person(), overlap(119)), [Barrier::OverlapHours]);
        assert_eq!(Barrier::between(&gig, &person(), overlap(120)), []);
        assert_eq!(Barrier::between(&gig, &person(), None), []);
    }

    #[test]
    fn counts_say_how_many_more_there_would_be() {
        let counts = count([&[Barrier::Budget][..], &[Barrier::Budget, Barrier::Language], &[]]);
        assert_eq!(counts[&Barrier::Budget], LeftOut { all: 2, by_this_alone: 1 });
        assert_eq!(counts[&Barrier::Language], LeftOut { all: 1, by_this_alone: 0 });
        assert_eq!(counts.len(), 2);
    }

    #[test]
    fn neither_screening_nor_a_block_is_told() {
        let left_out = |all, by_this_alone| LeftOut { all, by_this_alone };
        let counts = BTreeMap::from([
            (Barrier::NotActive, left_out(3, 2)),
            (Barrier::Screened, left_out(2, 1)),
            (Barrier::Blocked, left_out(4, 3)),
            (Barrier::Language, left_out(5, 4)),
        ]);
        let told = told(&counts);
        assert_eq!(told, BTreeMap::from([(Barrier::NotActive, left_out(9, 6)), (Barrier::Language, left_out(5, 4))]));
        for barrier in Barrier::ALL {
            let is_secret = [Barrier::Screened, Barrier::Blocked].contains(&barrier);
            assert_eq!(barrier.told(), if is_secret { Barrier::NotActive } else { barrier }, "{barrier:?}");
        }
    }
}
