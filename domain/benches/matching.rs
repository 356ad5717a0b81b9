//! How fast the index answers, how large it is and how long it takes to build, at 10 thousand, 100
//! thousand and 1 million freelancers whose skills are as unevenly spread as in a real market.
//!
//!     cargo bench -p domain --bench matching [-- PEOPLE ...]
//!
//! A query's time is the shortest of three runs, so that a busy machine shows less in it.

use std::hint::black_box;
use std::time::Instant;
use std::{env, fs};

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::{
    Answers, AskedSkill, Budget, HeldSkill, Level, Load, Need, Outcomes, Seniority, Text,
};
use domain::matching::index::{Builder, Index, Limits};
use domain::matching::overlap::WorkDay;
use domain::matching::role::Role;
use domain::matching::{GigFeatures, Match, Matcher, Model, PersonFeatures, Taxonomy};
use uuid::Uuid;

/// A small generator of numbers that look random: the same ones in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }
}

/// How many of a thousand people hold each of the commonest skills, as a survey of 19,000
/// developers found; the rest follow one over their rank.
const COMMON: [u64; 20] =
    [511, 419, 324, 290, 274, 269, 238, 225, 208, 207, 195, 189, 184, 179, 160, 146, 146, 132, 120, 110];

struct World {
    skills: Vec<SkillId>,
    /// Running sums of how often each skill is held.
    sums: Vec<u64>,
    roles: Vec<Role>,
    dice: Dice,
}

impl World {
    fn new() -> Self {
        let mut skills: Vec<SkillId> = Taxonomy::shipped().skills().iter().map(|skill| skill.id).collect();
        skills.sort_unstable();
        let mut sum = 0;
        let sums = (0..skills.len())
            .map(|rank| {
                sum += COMMON.get(rank).copied().unwrap_or(2_000 / (rank as u64 + 1)).max(1) * 100;
                sum
            })
            .collect();
        Self { skills, sums, roles: Role::all().collect(), dice: Dice(7) }
    }

    fn skill(&mut self) -> SkillId {
        let drawn = self.dice.below(self.sums[self.sums.len() - 1]);
        self.skills[self.sums.partition_point(|sum| *sum <= drawn)]
    }

    /// A skill of someone in this role: two in three are of the role's own thirty.
    fn skill_for(&mut self, role: usize) -> SkillId {
        if self.dice.below(3) == 0 {
            return self.skill();
        }
        let own = Dice((role as u64 * 31 + self.dice.below(30).min(self.dice.below(30))) * 7_919)
            .below(self.sums[self.sums.len() - 1]);
        self.skills[self.sums.partition_point(|sum| *sum <= own)]
    }

    fn role(&mut self) -> usize {
        // Some lines of work have many more people than others.
        self.dice.below(self.roles.len() as u64).min(self.dice.below(self.roles.len() as u64)) as usize
    }

    fn text(&mut self) -> Text {
        Text((0..128).map(|_| (self.dice.below(61) as i8) - 30).collect())
    }

    fn person(&mut self, number: u128) -> PersonFeatures {
        let id = u128::from(self.dice.roll()) << 64 | number;
        let mut person = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(id)));
        let role = self.role();
        for _ in 0..3 + self.dice.below(9) {
            let skill = self.skill_for(role);
            if person.skills.iter().all(|held| held.skill != skill) {
                let level =
                    [Level::Beginner, Level::Claimed, Level::Claimed, Level::Verified][self.dice.below(4) as usize];
                person.skills.push(HeldSkill { skill, level });
            }
        }
        person.wants = (0..self.dice.below(4)).map(|_| self.skill_for(role)).collect();
        person.roles = vec![self.roles[role]];
        if self.dice.below(2) == 0 {
            let other = self.role();
            person.roles.push(self.roles[other]);
        }
        person.experience_months = Some(self.dice.below(200) as u16);
        person.text = self.text();
        person.rate_minor = Some(800 + self.dice.below(6_000) as i64);
        person.floor_minor = Some(500 + self.dice.below(2_000) as i64);
        person.free_hours = Some(10 + self.dice.below(35) as u16);
        let starts = self.dice.below(24) as u32;
        person.work_day = NaiveTime::from_hms_opt(starts, 0, 0)
            .zip(NaiveTime::from_hms_opt((starts + 9) % 24, 0, 0))
            .map(|(starts, ends)| WorkDay { zone: Tz::Asia__Karachi, starts, ends });
        let finished = if self.dice.below(100) < 41 { 0 } else { self.dice.below(30) as u32 };
        person.outcomes = Outcomes { good_milli: finished * 900, bad_milli: finished * 100, finished };
        person.answers = Answers { asked: 10, in_time: self.dice.below(11) as u32 };
        person.load = Load {
            active_contracts: self.dice.below(2) as u32,
            capacity: 2,
            pending_milli: self.dice.below(4_000) as u32,
        };
        person
    }

    fn gig(&mut self, number: u128, hot: bool) -> GigFeatures {
        let ids = (GigId::from_uuid(Uuid::from_u128(number)), OrganizationId::from_uuid(Uuid::from_u128(number)));
        let mut gig = GigFeatures::new(ids.0, ids.1);
        let hottest = if hot { 3 } else { 0 };
        let mut asked: Vec<SkillId> = self.skills[..hottest].to_vec();
        let role = self.role();
        asked.extend((0..2 + self.dice.below(9)).map(|_| self.skill_for(role)));
        gig.skills = asked.into_iter().map(|skill| AskedSkill { skill, need: Need::Useful }).collect();
        gig.roles = vec![self.roles[role]];
        gig.seniority = Some(Seniority::Mid);
        gig.text = self.text();
        gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 4_000, firm: false };
        gig.weekly_hours = Some(20);
        gig.work_day = NaiveTime::from_hms_opt(9, 0, 0)
            .zip(NaiveTime::from_hms_opt(17, 0, 0))
            .map(|(starts, ends)| WorkDay { zone: Tz::America__New_York, starts, ends });
        gig.overlap_minutes = Some(60);
        gig
    }
}

/// The shortest of three runs, in microseconds: what it takes when nothing else runs in between.
fn quickest(run: impl Fn()) -> u64 {
    let time = || {
        let start = Instant::now();
        run();
        start.elapsed().as_micros() as u64
    };
    (0..3).map(|_| time()).min().unwrap_or(0)
}

/// CPU time of this thread, in microseconds, as coarse as the system's clock tick.
fn cpu_micros() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0) / 1_000
}

fn told(name: &str, mut micros: Vec<u64>) {
    micros.sort_unstable();
    let at = |share: usize| micros[(micros.len() * share / 100).min(micros.len() - 1)] as f64 / 1_000.0;
    eprintln!("  {name:<34} p50 {:>8.3} ms   p99 {:>8.3} ms   ({} times)", at(50), at(99), micros.len());
}

fn main() {
    let sizes: Vec<u64> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let model = Model::shipped();
    let Some(now) = chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).single() else { return };
    for size in sizes {
        let mut world = World::new();
        let start = Instant::now();
        let mut builder = Builder::default();
        for number in 0..size {
            let person = world.person(u128::from(number));
            builder.add(&person);
        }
        let generated = start.elapsed();
        let before = (Instant::now(), cpu_micros());
        let index = Index::new(builder.build(model), 0);
        let built = (before.0.elapsed(), cpu_micros() - before.1);
        eprintln!(
            "{size} people: {} MB; build {:.2} s wall, {:.2} s CPU, after {:.1} s of making people up and adding them",
            index.base_bytes() / 1_000_000,
            built.0.as_secs_f64(),
            built.1 as f64 / 1e6,
            generated.as_secs_f64(),
        );
        let holders = index.holders(Taxonomy::shipped(), model);
        let matcher = Matcher { model, knowledge: &holders, now };
        for (name, hot) in [("ordinary gigs, top 50 explained", false), ("three hot skills in every gig", true)] {
            let gigs: Vec<GigFeatures> = (0..400).map(|number| world.gig(number, hot)).collect();
            let mut times = Vec::new();
            for gig in &gigs {
                times.push(quickest(|| {
                    black_box(index.rank(&matcher, gig, 50, Limits::default()));
                }));
            }
            told(name, times);
            recall(&index, &matcher, &gigs[..gigs.len().min(if size > 200_000 { 3 } else { 12 })]);
        }
        let mut changing = index.clone();
        let mut times = Vec::new();
        for number in 0..2_000 {
            let person = world.person(u128::from(number));
            let before = Instant::now();
            changing = changing.with(person, number + 1);
            times.push(before.elapsed().as_micros() as u64);
        }
        told("one change", times);
        let before = Instant::now();
        let bytes = index.snapshot().unwrap_or_default();
        let written = before.elapsed();
        let before = Instant::now();
        let read = Index::from_snapshot(&bytes).map(|index| index.len());
        eprintln!(
            "  snapshot of {} MB: written in {:.2} s, read in {:.2} s ({:?} people)",
            bytes.len() / 1_000_000,
            written.as_secs_f64(),
            before.elapsed().as_secs_f64(),
            read.unwrap_or(0)
        );
    }
}

/// How many of the ten best of everyone, scored one by one, are among the fifty that the index shows.
fn recall<K: domain::matching::Knowledge>(index: &Index, matcher: &Matcher<'_, K>, gigs: &[GigFeatures]) {
    let everyone: Vec<PersonFeatures> = index.people().collect();
    let (mut found, mut of, mut lost) = (0, 0, 0.0);
    for gig in gigs {
        let best = by_score(matcher.people(gig, &everyone, 100).matches);
        let shown = by_score(index.rank(matcher, gig, 50, Limits::default()).matches);
        let sum =
            |matches: &[Match<UserId>]| matches.iter().take(10).map(|found| found.score.as_nano() as f64).sum::<f64>();
        lost += 1.0 - sum(&shown) / sum(&best);
        of += best.len().min(10);
        found += best.iter().take(10).filter(|best| shown.iter().any(|shown| shown.of == best.of)).count();
    }
    let lost = lost * 100.0 / gigs.len() as f64;
    eprintln!("  {:<34} {found} of {of} of the exact ten best are in its fifty; its ten score {lost:.2} % less", "");
}

fn by_score(mut matches: Vec<Match<UserId>>) -> Vec<Match<UserId>> {
    matches.sort_by_key(|found| (std::cmp::Reverse(found.score), found.of));
    matches
}
