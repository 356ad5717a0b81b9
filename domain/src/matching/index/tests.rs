//! No bound is less than what it bounds: one that is a little too low loses people whom no other test may miss.

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use uuid::Uuid;

use super::super::constraint::Barrier;
use super::super::features::{Answers, AskedSkill, Budget, HeldSkill, Level, Load, Need, Outcomes, Text};
use super::super::overlap::WorkDay;
use super::super::rank::Overlaps;
use super::super::role::Role;
use super::super::score::FactorKind;
use super::exact::Exact;
use super::lists::{Lists, Near, Sums, sum};
use super::statics::{BLOCK, STEP};
use super::table::{APART, Table};
use super::*;
use crate::id::{GigId, Id, OrganizationId};

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn work_day(&mut self, zone: Tz) -> WorkDay {
        let starts = self.below(24) as u32;
        let at = |hour: u32| NaiveTime::from_hms_opt(hour % 24, 0, 0).unwrap();
        WorkDay { zone, starts: at(starts), ends: at(starts + 8) }
    }

    fn text(&mut self) -> Text {
        Text((0..16).map(|_| i8::try_from(self.below(200)).unwrap_or(-50)).collect())
    }
}

fn person(dice: &mut Dice, number: u128, skills: &[SkillId]) -> PersonFeatures {
    let mut person = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(number)));
    for _ in 0..dice.below(14) {
        let skill = dice.of(skills);
        if person.skills.iter().all(|held| held.skill != skill) {
            let level = dice.of(&[Level::Beginner, Level::Claimed, Level::Verified, Level::Verified]);
            person.skills.push(HeldSkill { skill, level });
        }
    }
    let roles: Vec<Role> = Role::all().take(8).collect();
    person.roles = (0..dice.below(4)).map(|_| dice.of(&roles)).collect();
    person.roles.dedup();
    person.wants = (0..dice.below(3)).map(|_| dice.of(skills)).collect();
    person.experience_months = (dice.below(5) > 0).then(|| dice.below(300) as u16);
    person.text = if dice.below(9) > 0 { dice.text() } else { Text::default() };
    person.rate_minor = (dice.below(5) > 0).then(|| 500 + dice.below(8_000) as i64);
    person.free_hours = (dice.below(5) > 0).then(|| dice.below(45) as u16);
    person.work_day = (dice.below(5) > 0).then(|| dice.work_day(Tz::Asia__Karachi));
    let finished = dice.below(12) as u32;
    person.outcomes = Outcomes { good_milli: finished * 900, bad_milli: finished * 100, finished };
    person.answers = Answers { asked: 9, in_time: dice.below(10) as u32 };
    let active_contracts = dice.below(3) as u32;
    person.load = Load { active_contracts, capacity: 2, pending_milli: dice.below(6_000) as u32 };
    person
}

fn gig(dice: &mut Dice, number: u128, skills: &[SkillId]) -> GigFeatures {
    let client = OrganizationId::from_uuid(Uuid::from_u128(1));
    let mut gig = GigFeatures::new(GigId::from_uuid(Uuid::from_u128(number)), client);
    for _ in 0..1 + dice.below(9) {
        let need = dice.of(&[Need::Nice, Need::Useful, Need::Core, Need::Must]);
        gig.skills.push(AskedSkill { skill: dice.of(skills), need });
    }
    gig.roles = Role::all().skip(dice.below(8) as usize).take(1).collect();
    gig.text = dice.text();
    if dice.below(3) > 0 {
        let low_minor = 1_000 + dice.below(1_000) as i64;
        gig.budget = Budget::Hourly { low_minor, high_minor: low_minor + 2_500, firm: dice.below(2) == 0 };
    }
    gig.weekly_hours = (dice.below(2) == 0).then(|| dice.below(40) as u16);
    gig.work_day = (dice.below(4) > 0).then(|| dice.work_day(Tz::America__New_York));
    gig.overlap_minutes = (dice.below(2) == 0).then_some(120);
    gig
}

/// What somebody's score for a gig is made of, reckoned without any index.
struct Parts(Vec<(FactorKind, i64)>);

impl Parts {
    fn of(&self, kinds: &[FactorKind]) -> i64 {
        self.0.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, nano)| nano).sum()
    }

    fn all(&self) -> i64 {
        self.0.iter().map(|(_, nano)| nano).sum()
    }
}

const ALONE: [FactorKind; 6] = [
    FactorKind::Seniority,
    FactorKind::Experience,
    FactorKind::Breadth,
    FactorKind::Reputation,
    FactorKind::Answers,
    FactorKind::Load,
];

#[test]
fn no_bound_is_less_than_what_it_bounds() {
    let now = chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap();
    let skills: Vec<SkillId> = Taxonomy::shipped().skills().iter().take(40).map(|skill| skill.id).collect();
    let model = Model::shipped();
    let mut dice = Dice(3);
    let mut builder = Builder::default();
    for number in 1..=2_500 {
        builder.add(&person(&mut dice, number, &skills));
    }
    let index = Index::new(builder.build(model), 1);
    let (base, statics) = (&index.base, index.base.statics(model));
    let holders = index.holders(Taxonomy::shipped(), model);
    let matcher = Matcher { model, knowledge: &holders, now };
    let (mut sums, mut near) = (Box::new(Sums::new()), Box::new(Near::new()));
    let (mut without, mut no, mut by_left) = (0, 0, 0);
    for number in 0..24 {
        let gig = gig(&mut dice, number, &skills);
        let ask = Ask::new(&gig, model, &holders);
        let mut exact = Exact::new(base, &ask, &matcher, Arc::clone(&statics));
        let lists = Lists::of(base, &ask, &matcher, exact.roles()).unwrap();
        let mut table = Table::of(&gig, model, &exact);
        table.reckon_cells(statics.told(), &mut exact);
        let mut overlaps = Overlaps::default();
        let people: Vec<PersonFeatures> = (0..base.len_rows()).map(|row| base.person(row)).collect();
        let mut known: Vec<(Parts, bool)> = Vec::new();
        for person in &people {
            let overlap = overlaps.between(&gig, person, matcher.dates(&gig));
            let factors = ask.factors(person, overlap, &model.people, model);
            let parts = factors.iter().map(|factor| (factor.kind, factor.contribution().as_nano())).collect();
            known.push((Parts(parts), Barrier::between(&gig, person, overlap).is_empty()));
        }
        // Of each row, and of all rows of a block.
        for (row, (parts, passes)) in (0..).zip(&known) {
            let at = row as usize;
            let (text, alone) = (parts.of(&[FactorKind::Text]), parts.of(&ALONE));
            let of_cell = parts.of(&[FactorKind::Rate, FactorKind::Overlap]);
            let brought = parts.of(&[FactorKind::Skills, FactorKind::Focus, FactorKind::Role]);
            assert_eq!(exact.beside_text(row) + exact.text(row, exact.product(row)), parts.all());
            assert!(exact.text_may_be(row, exact.product(row), text) && table.text >= text);
            assert_eq!(exact.is_met_by(row), ask.is_met_by(&people[at], model), "{row}");
            no += u32::from(!exact.text_may_be(row, exact.product(row), text + 1_000_000));
            assert!(i64::from(statics.bounds(gig.seniority)[at]) * STEP >= alone);
            if *passes {
                assert!(i64::from(table.of_cell(statics.cells()[at])) * STEP >= of_cell, "{row}");
                assert!(table.around(&statics.blocks()[at / BLOCK], &mut exact) >= parts.all() - brought);
                let beside = parts.all() - parts.of(&[FactorKind::Skills, FactorKind::Focus]) - alone;
                assert!(table.beside_skills(&statics.briefs()[at], &mut exact) >= beside);
            }
        }
        // Of each row by the lists it is on, however many are read.
        for missing in [APART, 0, 40_000_000, 90_000_000, 150_000_000, 250_000_000, 400_000_000] {
            for (number, block) in statics.blocks().iter().enumerate() {
                let start = (number * BLOCK) as u32;
                let end = base.len_rows().min(start + BLOCK as u32);
                let plan = lists.plan(missing, block.least_listed);
                lists.add_up(number, &plan, &mut sums);
                let rough: Vec<i64> = (0..BLOCK).map(|at| sums.rough(at) * STEP + plan.around).collect();
                let of_block = &statics.bounds(gig.seniority)[start as usize..end as usize];
                sums.take_into(&mut near, of_block, i32::MIN, |_, _| true, |_, _| true);
                let mut of_rows = vec![0; BLOCK];
                near.rows().iter().for_each(|(at, sum)| of_rows[*at as usize] = *sum);
                let bounds = lists.bounds(&plan.unread);
                for ((row, sum), rough) in (start..end).zip(of_rows).zip(rough) {
                    let parts = &known[row as usize].0;
                    let [skills, focus, role] =
                        [FactorKind::Skills, FactorKind::Focus, FactorKind::Role].map(|kind| parts.of(&[kind]));
                    let listed = statics.listed()[row as usize];
                    assert!(bounds.answers(sum) >= skills, "{row}: {} < {skills}", bounds.answers(sum));
                    assert!(bounds.focus(sum, listed) >= focus, "{row}: {} < {focus}", bounds.focus(sum, listed));
                    assert!(bounds.role(sum) >= role, "{row}: {} < {role}", bounds.role(sum));
                    assert!(rough >= skills + focus + role, "{row}: {rough} < {skills} + {focus} + {role}");
                    assert!(lists.most() >= skills + focus + role);
                    // Who is no candidate by the lists that are read may be one by the others.
                    let met = exact.is_met_by(row);
                    assert!(!lists.is_candidate(sum, listed) || met, "{row}");
                    assert!(!plan.is_whole || lists.is_candidate(sum, listed) == met, "{row}");
                    by_left += u32::from(met && sum > 0 && !lists.is_candidate(sum, listed));
                    if !plan.is_whole && !sum::is_member(sum) && sum == 0 {
                        without += 1;
                        assert!(skills + focus + role < missing);
                    }
                }
            }
        }
    }
    assert!(by_left > 1_000, "some are candidates by lists that are left alone: {by_left}");
    assert!(without > 10_000 && no > 10_000, "lists were left unread, and texts found too far: {without} {no}");
}
