//! A market in miniature, played day by day under several policies of who is shown to whom.
//!
//!     cargo run --release -p domain --example market [-- RUNS]
//!
//! Everything comes from a seed: the same table each time. The people and gigs are made up, so the
//! table orders policies; its numbers are not forecasts. Every day gigs come in; each shows ten
//! people and invites them; those who are free accept by how much they want such work, as far as the
//! others they were invited to leave them; the client hires whom they think best. Work takes five to
//! twenty days, and how it goes depends on a quality nobody sees.

use std::env;
use std::io::{self, Write as _};

use chrono::{TimeDelta, TimeZone};
use domain::Timestamp;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::{AskedSkill, HeldSkill, Level, Need, Outcomes};
use domain::matching::role::Role;
use domain::matching::score::{Ask, FactorKind};
use domain::matching::shipped::Holders;
use domain::matching::{GigFeatures, Matcher, Model, PersonFeatures, Taxonomy, reputation};
use uuid::Uuid;

const PEOPLE: usize = 800;
const DAYS: usize = 240;
const SHOWN: usize = 10;

/// Who is shown for a gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Random,
    RawRating,
    BelievedRating,
    Reciprocal,
    Model,
    ModelWithNewcomers,
}

const POLICIES: [(Policy, &str); 6] = [
    (Policy::Random, "random among relevant"),
    (Policy::RawRating, "relevance x raw rating"),
    (Policy::BelievedRating, "relevance x believed rating"),
    (Policy::Reciprocal, "+ reciprocal product"),
    (Policy::Model, "the model: + capacity and congestion"),
    (Policy::ModelWithNewcomers, "the model with newcomers' places"),
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Beta(8, 3): the eighth smallest of ten.
    fn quality(&mut self) -> f64 {
        let mut draws: Vec<f64> = (0..10).map(|_| self.unit()).collect();
        draws.sort_by(f64::total_cmp);
        draws[7]
    }
}

/// A person with what nobody sees.
struct Freelancer {
    features: PersonFeatures,
    quality: f64,
    newcomer: bool,
    busy_until: usize,
    shown: usize,
    hires: usize,
}

#[derive(Default)]
struct Tally {
    gigs: f64,
    filled: f64,
    utility: f64,
    invited: f64,
    declined: f64,
    hires: f64,
    newcomer_hires: f64,
    gini: f64,
    newcomers_ever: f64,
}

struct World {
    dice: Dice,
    roles: Vec<Role>,
    trades: Vec<Vec<SkillId>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let skills: Vec<SkillId> = Taxonomy::shipped().skills().iter().map(|skill| skill.id).collect();
        let roles: Vec<Role> = Role::all().take(12).collect();
        // Each line of work has twelve skills, the first ones far commoner; some are shared.
        let trades = roles.iter().map(|_| (0..12).map(|_| skills[dice.below(120)]).collect()).collect();
        Self { dice, roles, trades }
    }

    fn skills(&mut self, trade: usize, count: usize) -> Vec<SkillId> {
        let mut skills = Vec::new();
        for _ in 0..count * 3 {
            let at = self.dice.below(12).min(self.dice.below(12));
            let skill = self.trades[trade][at];
            if skills.len() < count && !skills.contains(&skill) {
                skills.push(skill);
            }
        }
        skills
    }

    fn freelancer(&mut self, number: usize) -> Freelancer {
        let trade = self.dice.below(self.roles.len());
        let quality = self.dice.quality();
        let newcomer = self.dice.unit() < 0.41;
        let mut features = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(number as u128 + 1)));
        let held = 3 + self.dice.below(6);
        let levelled = |skill| HeldSkill { skill, level: Level::Claimed };
        features.skills = self.skills(trade, held).into_iter().map(levelled).collect();
        let wished = 2 + self.dice.below(5);
        features.wants = self.skills(trade, wished);
        features.roles = vec![self.roles[trade]];
        features.experience_months = Some(6 + self.dice.below(150) as u16);
        if !newcomer {
            for _ in 0..2 + self.dice.below(18) {
                let good = self.dice.unit() < quality;
                note(&mut features.outcomes, good);
            }
        }
        Freelancer { features, quality, newcomer, busy_until: 0, shown: 0, hires: 0 }
    }

    fn gig(&mut self, number: usize) -> GigFeatures {
        let trade = self.dice.below(self.roles.len());
        let ids = (
            GigId::from_uuid(Uuid::from_u128(number as u128)),
            OrganizationId::from_uuid(Uuid::from_u128(number as u128)),
        );
        let asked = 2 + self.dice.below(4);
        let skills =
            self.skills(trade, asked).into_iter().map(|skill| AskedSkill { skill, need: Need::Useful }).collect();
        GigFeatures { skills, roles: vec![self.roles[trade]], ..GigFeatures::new(ids.0, ids.1) }
    }
}

fn note(outcomes: &mut Outcomes, good: bool) {
    outcomes.finished += 1;
    if good {
        outcomes.good_milli += 1_000;
    } else {
        outcomes.bad_milli += 1_000;
    }
}

/// How well someone's skills answer the gig, and how much they want it: between 0 and 1.
fn relevance_and_wish(ask: &Ask<'_>, person: &PersonFeatures, model: &Model) -> (f64, f64) {
    let mut found = (0.0, 0.0);
    for factor in ask.factors(person, None, &model.people, model) {
        let value = factor.value.as_micro() as f64 / 1e6;
        match factor.kind {
            // A claimed skill is worth less than a verified one; here all are claimed.
            FactorKind::Skills => found.0 = (value * 1e6 / model.skills.claimed.as_micro() as f64).min(1.0),
            FactorKind::Interest => found.1 = value,
            _ => (),
        }
    }
    found
}

fn play(policy: Policy, gigs_a_day: usize, seed: u64, tally: &mut Tally) {
    let mut world = World::new(seed);
    let mut people: Vec<Freelancer> = (0..PEOPLE).map(|number| world.freelancer(number)).collect();
    let mut model = Model::shipped().clone();
    if policy == Policy::Model {
        model.fairness.newcomer_until = 0;
    }
    let mut holders = Holders::new(Taxonomy::shipped(), &model);
    for person in &people {
        holders.count(person.features.skills.iter().map(|held| held.skill));
    }
    let Some(start) = chrono::Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single() else { return };
    let mut number = 0;
    for day in 0..DAYS {
        let now: Timestamp = start + TimeDelta::days(day as i64);
        for person in &mut people {
            person.features.load.pending_milli = person.features.load.pending_milli * 4 / 5;
            person.features.load.active_contracts = u32::from(person.busy_until > day);
        }
        for _ in 0..gigs_a_day {
            number += 1;
            let gig = world.gig(number);
            let ask = Ask::new(&gig, &model, &holders);
            let matches: Vec<(usize, f64, f64)> = people
                .iter()
                .enumerate()
                .filter(|(_, person)| person.features.roles == gig.roles)
                .map(|(at, person)| (at, relevance_and_wish(&ask, &person.features, &model)))
                .filter(|(_, (relevance, _))| *relevance >= 0.3)
                .map(|(at, (relevance, wish))| (at, relevance, wish))
                .collect();
            let matcher = Matcher { model: &model, knowledge: &holders, now };
            let shown = shown(policy, &matcher, &gig, &matches, &people, &mut world.dice);
            let mut best: Option<(f64, usize, f64)> = None;
            for (at, relevance, wish) in matches.iter().filter(|(at, ..)| shown.contains(at)).copied() {
                let person = &mut people[at];
                person.shown += 1;
                // Invitations that wait already take attention from this one.
                let attention = 1.0 / (1.0 + f64::from(person.features.load.pending_milli) / 4_000.0);
                person.features.load.pending_milli += 1_000;
                tally.invited += 1.0;
                let accepts = person.busy_until <= day && world.dice.unit() < (0.15 + 0.75 * wish) * attention;
                if !accepts {
                    tally.declined += 1.0;
                    continue;
                }
                let noise = (world.dice.unit() + world.dice.unit() - 1.0) * 0.12 * 2.45;
                let liked = relevance * person.quality + noise;
                if best.is_none_or(|(most, ..)| liked > most) {
                    best = Some((liked, at, relevance));
                }
            }
            tally.gigs += 1.0;
            if let Some((_, at, relevance)) = best {
                let person = &mut people[at];
                tally.filled += 1.0;
                tally.utility += relevance * person.quality;
                tally.hires += 1.0;
                tally.newcomer_hires += f64::from(u8::from(person.newcomer));
                person.hires += 1;
                person.busy_until = day + 5 + world.dice.below(16);
                person.features.load.active_contracts = 1;
                let good = world.dice.unit() < person.quality;
                note(&mut person.features.outcomes, good);
            }
        }
    }
    tally.gini += gini(people.iter().map(|person| person.shown as f64).collect());
    let newcomers = people.iter().filter(|person| person.newcomer);
    let ever = newcomers.clone().filter(|person| person.hires > 0).count();
    tally.newcomers_ever += ever as f64 / newcomers.count().max(1) as f64;
}

fn shown(
    policy: Policy,
    matcher: &Matcher<'_, Holders<'_>>,
    gig: &GigFeatures,
    matches: &[(usize, f64, f64)],
    people: &[Freelancer],
    dice: &mut Dice,
) -> Vec<usize> {
    let raw = |outcomes: Outcomes| match outcomes.good_milli + outcomes.bad_milli {
        0 => 0.0,
        all => f64::from(outcomes.good_milli) / f64::from(all),
    };
    let believed = |outcomes: Outcomes| reputation::believed(outcomes, matcher.model).as_micro() as f64 / 1e6;
    let mut ranked: Vec<(f64, usize)> = match policy {
        Policy::Model | Policy::ModelWithNewcomers => {
            let candidates = matches.iter().map(|(at, ..)| &people[*at].features);
            let ranking = matcher.people(gig, candidates, SHOWN);
            let number = |id: UserId| id.uuid().as_u128() as usize - 1;
            return ranking.matches.iter().map(|found| number(found.of)).collect();
        }
        Policy::Random => matches.iter().map(|(at, ..)| (dice.unit(), *at)).collect(),
        Policy::RawRating => {
            matches.iter().map(|(at, relevance, _)| (relevance * raw(people[*at].features.outcomes), *at)).collect()
        }
        Policy::BelievedRating => matches
            .iter()
            .map(|(at, relevance, _)| (relevance * believed(people[*at].features.outcomes), *at))
            .collect(),
        Policy::Reciprocal => matches
            .iter()
            .map(|(at, relevance, wish)| {
                (relevance * believed(people[*at].features.outcomes) * (0.15 + 0.75 * wish), *at)
            })
            .collect(),
    };
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    ranked.into_iter().take(SHOWN).map(|(_, at)| at).collect()
}

/// How unevenly something is spread: 0 when all have the same, near 1 when one has all.
fn gini(mut amounts: Vec<f64>) -> f64 {
    amounts.sort_by(f64::total_cmp);
    let (count, sum) = (amounts.len() as f64, amounts.iter().sum::<f64>());
    let ranked: f64 = amounts.iter().enumerate().map(|(at, amount)| (at as f64 + 1.0) * amount).sum();
    if sum == 0.0 { 0.0 } else { 2.0 * ranked / (count * sum) - (count + 1.0) / count }
}

fn main() -> io::Result<()> {
    let runs: u64 = env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(6);
    let mut out = io::stdout().lock();
    for (market, gigs_a_day) in [("tight", 25), ("slack", 6)] {
        writeln!(out, "{market} market: {gigs_a_day} gigs a day, {PEOPLE} people, {DAYS} days, {runs} runs")?;
        writeln!(
            out,
            "| policy | utility | fill | declined | exposure Gini | newcomers' hires | newcomers ever hired |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
        for (policy, name) in POLICIES {
            let mut tally = Tally::default();
            (0..runs).for_each(|run| play(policy, gigs_a_day, run + 1, &mut tally));
            writeln!(
                out,
                "| {name} | {:.3} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                tally.utility / tally.gigs,
                tally.filled / tally.gigs,
                tally.declined / tally.invited,
                tally.gini / runs as f64,
                tally.newcomer_hires / tally.hires.max(1.0),
                tally.newcomers_ever / runs as f64,
            )?;
        }
    }
    Ok(())
}
