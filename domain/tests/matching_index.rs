//! The index finds whom ranking everyone would find, follows changes, and survives as a snapshot.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, in its helpers too")]

use std::collections::BTreeSet;

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use domain::Timestamp;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::{
    Answers, AskedSkill, Budget, Exposure, Fluency, HeldSkill, Known, Language, Level, Load, Need, Outcomes, Standing,
    Text,
};
use domain::matching::index::{BadSnapshot, Builder, Gigs, Index, Limits, Without};
use domain::matching::overlap::WorkDay;
use domain::matching::role::Role;
use domain::matching::shipped::Holders;
use domain::matching::{
    GigFeatures, Knowledge, Matcher, Model, PersonFeatures, Placement, Ranking, Taxonomy, Value, Weight,
};
use uuid::Uuid;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn now() -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap()
}

fn work_day(dice: &mut Dice, zone: Tz) -> WorkDay {
    let at = |hour: u64| NaiveTime::from_hms_opt(u32::try_from(hour % 24).unwrap(), 0, 0).unwrap();
    let starts = dice.below(24);
    WorkDay { zone, starts: at(starts), ends: at(starts + 9) }
}

fn person(dice: &mut Dice, number: u64) -> PersonFeatures {
    let skills = Taxonomy::shipped().skills();
    let roles: Vec<Role> = Role::all().take(8).collect();
    let mut person = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(u128::from(number * 7919 % 1_000_003))));
    let levels = [Level::Beginner, Level::Claimed, Level::Verified];
    for _ in 0..dice.below(9) {
        let skill = skills[usize::try_from(dice.below(40)).unwrap()].id;
        if person.skills.iter().all(|held| held.skill != skill) {
            person.skills.push(HeldSkill { skill, level: levels[usize::try_from(dice.below(3)).unwrap()] });
        }
    }
    person.wants = (0..dice.below(3)).map(|_| skills[usize::try_from(dice.below(40)).unwrap()].id).collect();
    person.roles = (0..dice.below(3)).map(|_| roles[usize::try_from(dice.below(8)).unwrap()]).collect();
    person.roles.dedup();
    person.experience_months = (dice.below(4) > 0).then(|| u16::try_from(dice.below(200)).unwrap());
    person.text = Text((0..16).map(|_| i8::try_from(dice.below(200)).unwrap_or(-50)).collect());
    person.rate_minor = (dice.below(4) > 0).then(|| 1_000 + i64::try_from(dice.below(5_000)).unwrap());
    person.floor_minor = Some(500 + i64::try_from(dice.below(4_000)).unwrap());
    person.free_hours = (dice.below(4) > 0).then(|| u16::try_from(dice.below(41)).unwrap());
    person.work_day = (dice.below(4) > 0).then(|| work_day(dice, Tz::Asia__Karachi));
    person.country = Some(["PK", "IN", "US"][usize::try_from(dice.below(3)).unwrap()].parse().unwrap());
    let fluency = [Fluency::Basic, Fluency::Fluent][usize::try_from(dice.below(2)).unwrap()];
    person.languages = vec![Language { code: "en".to_owned(), fluency }];
    person.standing = if dice.below(10) > 0 {
        Standing::Active
    } else {
        [Standing::Away, Standing::Screened][usize::try_from(dice.below(2)).unwrap()]
    };
    let finished = u32::try_from(dice.below(12)).unwrap();
    person.outcomes = Outcomes { good_milli: finished * 900, bad_milli: finished * 100, finished };
    person.answers = Answers { asked: 9, in_time: u32::try_from(dice.below(10)).unwrap() };
    person.load = Load {
        active_contracts: u32::try_from(dice.below(3)).unwrap(),
        capacity: 2,
        pending_milli: u32::try_from(dice.below(6_000)).unwrap(),
    };
    person.exposure = Exposure { attention_milli: dice.below(900), merit_milli: dice.below(900), unanswered: 3 };
    person.team = (dice.below(9) == 0).then(|| dice.below(4));
    person.known = [Known::Not, Known::ByMail, Known::ByAccount][usize::try_from(dice.below(3)).unwrap()];
    if dice.below(12) == 0 {
        person.blocked.insert(OrganizationId::from_uuid(Uuid::from_u128(u128::from(dice.below(4)))));
    }
    person
}

fn gig(dice: &mut Dice, number: u64) -> GigFeatures {
    let skills = Taxonomy::shipped().skills();
    let id = GigId::from_uuid(Uuid::from_u128(u128::from(number)));
    let mut gig = GigFeatures::new(id, OrganizationId::from_uuid(Uuid::from_u128(u128::from(number % 4))));
    let needs = [Need::Nice, Need::Useful, Need::Core, Need::Must];
    for _ in 0..1 + dice.below(6) {
        let need = needs[usize::try_from(dice.below(4)).unwrap()];
        gig.skills.push(AskedSkill { skill: skills[usize::try_from(dice.below(40)).unwrap()].id, need });
    }
    gig.roles = Role::all().skip(usize::try_from(dice.below(8)).unwrap()).take(1).collect();
    gig.text = Text((0..16).map(|_| i8::try_from(dice.below(200)).unwrap_or(-50)).collect());
    if dice.below(2) == 0 {
        gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 4_000, firm: dice.below(2) == 0 };
    }
    gig.weekly_hours = (dice.below(2) == 0).then_some(15);
    gig.work_day = Some(work_day(dice, Tz::America__New_York));
    gig.overlap_minutes = (dice.below(2) == 0).then_some(60);
    gig.languages = vec![Language { code: "en".to_owned(), fluency: Fluency::Basic }];
    if dice.below(3) == 0 {
        gig.countries.insert("PK".parse().unwrap());
    }
    gig
}

/// Limits that leave no one unread: the index then has to agree with ranking everyone.
fn everyone() -> Limits {
    Limits { met: 10_000, scored: 10_000, ..Limits::default() }
}

fn crowd(count: u64) -> (Vec<PersonFeatures>, Vec<GigFeatures>) {
    let mut dice = Dice(11);
    let people = (1..=count).map(|number| person(&mut dice, number)).collect();
    (people, (0..40).map(|number| gig(&mut dice, number)).collect())
}

fn indexed(people: &[PersonFeatures]) -> Index {
    let mut builder = Builder::default();
    people.iter().for_each(|person| builder.add(person));
    Index::new(builder.build(Model::shipped()), 1)
}

#[test]
fn the_index_answers_what_ranking_everyone_answers() {
    let (people, gigs) = crowd(300);
    let index = indexed(&people);
    let model = Model::shipped();
    let holders: Holders<'_> = index.holders(Taxonomy::shipped(), model);
    let matcher = Matcher { model, knowledge: &holders, now: now() };
    for gig in &gigs {
        let (with, without) = (index.rank(&matcher, gig, 20, everyone()), matcher.people(gig, &people, 20));
        assert_eq!(with, without, "{}", gig.id);
    }
}

#[test]
fn who_holds_what_everybody_must_and_what_few_would_be_nice_to_is_found_among_many() {
    let all: Vec<SkillId> = Taxonomy::shipped().skills().iter().map(|skill| skill.id).collect();
    let (hot, nice, others) = (all[0], &all[600..603], &all[1_000..1_006]);
    let mut dice = Dice(7);
    let people: Vec<PersonFeatures> = (1..=9_000_u32)
        .map(|number| {
            let few = if number % 8 == 0 { nice } else { &[] };
            let held = [&[hot], others, few].concat();
            PersonFeatures {
                skills: held.into_iter().map(|skill| HeldSkill { skill, level: Level::Claimed }).collect(),
                experience_months: Some(u16::try_from(60 + dice.below(12)).unwrap()),
                ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(u128::from(number))))
            }
        })
        .collect();
    let index = indexed(&people);
    let holders = index.holders(Taxonomy::shipped(), Model::shipped());
    let matcher = Matcher { model: Model::shipped(), knowledge: &holders, now: now() };
    let id = GigId::from_uuid(Uuid::from_u128(1));
    let mut gig = GigFeatures::new(id, OrganizationId::from_uuid(Uuid::from_u128(1)));
    gig.skills = vec![AskedSkill { skill: hot, need: Need::Must }];
    gig.skills.extend(nice.iter().map(|skill| AskedSkill { skill: *skill, need: Need::Nice }));
    let few = Limits { counted: 100, met: 100, ..Limits::default() };
    let shown = |ranking: Ranking<UserId>| ranking.matches.into_iter().map(|found| found.of).collect::<Vec<_>>();
    assert_eq!(shown(index.rank(&matcher, &gig, 100, few)), shown(matcher.people(&gig, &people, 100)));
}

#[test]
fn people_who_change_come_or_leave_are_seen_at_once_and_after_a_rebuild() {
    let (mut people, gigs) = crowd(200);
    let mut index = indexed(&people);
    let before = index.clone();
    let mut dice = Dice(99);
    for (at, position) in [3_usize, 77, 150].into_iter().zip(2..) {
        let id = people[at].id;
        people[at] = PersonFeatures { id, ..person(&mut dice, 1) };
        index = index.with(people[at].clone(), position);
    }
    let newcomer = person(&mut dice, 900);
    index = index.with(newcomer.clone(), 5).without(people[10].id, 6);
    people.push(newcomer);
    people.remove(10);
    assert_eq!((index.len(), index.position(), before.len()), (200, 6, 200));

    let model = Model::shipped();
    let rebuilt = index.rebuilt(model);
    let holders = rebuilt.holders(Taxonomy::shipped(), model);
    let as_changed = index.holders(Taxonomy::shipped(), model);
    for skill in Taxonomy::shipped().skills() {
        let rarity = (as_changed.rarity_milli(skill.id), holders.rarity_milli(skill.id));
        assert_eq!(rarity.0, rarity.1, "how rare {} is does not depend on when the base was built", skill.name);
    }
    let matcher = Matcher { model, knowledge: &holders, now: now() };
    for gig in &gigs {
        let expected = matcher.people(gig, &people, 20);
        assert_eq!(index.rank(&matcher, gig, 20, everyone()), expected);
        assert_eq!(rebuilt.rank(&matcher, gig, 20, everyone()), expected);
    }
    assert_eq!(index.snapshot(), None, "changes are not in a snapshot");
    assert!(rebuilt.snapshot().is_some());
}

#[test]
fn a_text_that_is_not_known_stays_unknown_and_costs_nobody_theirs() {
    let (mut people, gigs) = crowd(40);
    // Whoever comes first says nothing.
    people[0].text = Text::default();
    people[7].text = Text::default();
    let index = indexed(&people);
    let model = Model::shipped();
    let holders = index.holders(Taxonomy::shipped(), model);
    let matcher = Matcher { model, knowledge: &holders, now: now() };
    for gig in &gigs {
        assert_eq!(index.rank(&matcher, gig, 20, everyone()), matcher.people(gig, &people, 20));
    }
}

#[test]
fn gigs_in_memory_are_ranked_as_all_of_them_are_and_follow_changes() {
    let (people, mut listed) = crowd(12);
    let mut gigs = Gigs::default().after(listed.iter().map(|gig| (gig.id, Some(gig.clone()))));
    let model = Model::shipped();
    let holders = indexed(&people).holders(Taxonomy::shipped(), model);
    let matcher = Matcher { model, knowledge: &holders, now: now() };
    let agree = |gigs: &Gigs, listed: &[GigFeatures]| {
        for person in &people {
            assert_eq!(
                gigs.rank(&matcher, person, 20, &Without::default()),
                matcher.gigs(person, listed, 20),
                "{}",
                person.id
            );
        }
    };
    agree(&gigs, &listed);
    // One closes, one changes, one comes.
    let before = gigs.clone();
    let mut dice = Dice(5);
    let closed = listed.remove(3);
    listed[5] = GigFeatures { id: listed[5].id, ..gig(&mut dice, 77) };
    listed.push(gig(&mut dice, 900));
    let changed = [listed[5].clone(), listed[listed.len() - 1].clone()];
    gigs = gigs.after(changed.into_iter().map(|gig| (gig.id, Some(gig))).chain([(closed.id, None)]));
    agree(&gigs, &listed);
    assert_eq!((gigs.len(), before.len(), before.find(closed.id).is_some()), (listed.len(), 40, true));
    // One's own gigs are nobody's recommendation.
    let own = listed[0].client;
    let mut of_own: Vec<GigId> = listed.iter().filter(|gig| gig.client == own).map(|gig| gig.id).collect();
    of_own.sort_unstable();
    assert_eq!(gigs.of(&[own].into()).collect::<Vec<_>>(), of_own);
    let anothers = listed.iter().map(|gig| gig.client).find(|client| *client != own).unwrap();
    let mut of_both: Vec<GigId> =
        listed.iter().filter(|gig| [own, anothers].contains(&gig.client)).map(|gig| gig.id).collect();
    of_both.sort_unstable();
    assert_eq!(gigs.of(&[own, anothers].into()).collect::<Vec<_>>(), of_both);
    assert_eq!(gigs.of(&BTreeSet::new()).count(), 0);
    let others: Vec<GigFeatures> = listed.iter().filter(|gig| gig.client != own).cloned().collect();
    let without = Without { clients: vec![own], ..Without::default() };
    assert_eq!(gigs.rank(&matcher, &people[0], 20, &without), matcher.gigs(&people[0], &others, 20));
    // Nor are those that somebody knows.
    let known = others[0].id;
    let without = Without { gigs: [known].into(), ..without };
    assert_eq!(gigs.rank(&matcher, &people[0], 20, &without), matcher.gigs(&people[0], &others[1..], 20));
    let near = gigs.near(&matcher, &people[0], &without, 1_000);
    assert!(near.iter().all(|gig| gig.client != own && gig.id != known));
    assert_eq!(near.len(), others.len() - 1);
}

#[test]
fn a_snapshot_comes_back_whole_or_not_at_all() {
    let (people, _) = crowd(120);
    let index = indexed(&people);
    let bytes = index.snapshot().unwrap();
    let back = Index::from_snapshot(&bytes).unwrap();
    assert_eq!(back.position(), 1);
    assert!(back.people().eq(index.people()));

    assert_eq!(Index::from_snapshot(b"something else").unwrap_err(), BadSnapshot::OtherFormat);
    assert_eq!(Index::from_snapshot(&bytes[..bytes.len() - 1]).unwrap_err(), BadSnapshot::Damaged);
    for at in [60, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(Index::from_snapshot(&damaged).unwrap_err(), BadSnapshot::Damaged, "byte {at}");
    }
}

/// No gig asks for much of the time: as few are scored as the index can do with.
fn narrow() -> Limits {
    Limits { met: 40, counted: 100, scored: 10 }
}

#[test]
fn the_fifty_best_are_those_that_scoring_everyone_finds() {
    let (people, mut gigs) = crowd(9_000);
    gigs.truncate(8);
    // One that asks for nothing, one that only says whom it is for, one that does not.
    (gigs[0].skills, gigs[0].roles) = (Vec::new(), Vec::new());
    gigs[1].skills = Vec::new();
    gigs[2].roles = Vec::new();
    // Where texts, hours and pay are not known, bounds have nothing to spare: one that is a little too low loses people.
    let bare =
        |gig: &GigFeatures| GigFeatures { text: Text::default(), budget: Budget::Open, work_day: None, ..gig.clone() };
    gigs.extend(gigs.clone().iter().map(bare));
    let index = indexed(&people);
    // Without newcomers' places and near ties nothing but scores decides who is on the page.
    let mut model = Model::shipped().clone();
    model.fairness.newcomer_patience = 0;
    model.fairness.near_tie = Value::ZERO;
    model.fairness.team_limit = u16::MAX;
    // Another model than the one that the order of rows was made for.
    let mut other = model.clone();
    other.people.load = Weight::milli(-20);
    other.people.experience = Weight::milli(5);
    other.people.skills = Weight::milli(420);
    let holders = index.holders(Taxonomy::shipped(), &model);
    for model in [&model, &other] {
        let matcher = Matcher { model, knowledge: &holders, now: now() };
        for gig in &gigs {
            let everyone = matcher.people(gig, &people, 50);
            assert_eq!(everyone.matches.len(), 50);
            for limits in [narrow(), Limits::default()] {
                let found = index.rank(&matcher, gig, 50, limits);
                assert_eq!(found.matches, everyone.matches, "{}", gig.id);
                assert!(found.eligible <= everyone.eligible);
            }
        }
    }
}

#[test]
fn what_a_new_model_makes_of_everyone_is_reckoned_before_anybody_asks() {
    let (people, gigs) = crowd(300);
    let index = indexed(&people);
    let mut learned = Model::shipped().clone();
    (learned.version, learned.people.experience) = (1_001, Weight::milli(40));
    assert!(index.is_reckoned(Model::shipped()) && !index.is_reckoned(&learned));
    index.reckon(&learned);
    assert!(index.is_reckoned(Model::shipped()) && index.is_reckoned(&learned), "the one before still answers");
    // A new base is built for the model that ranks.
    assert!(index.rebuilt(&learned).is_reckoned(&learned));
    // It is the same index to both.
    for model in [Model::shipped(), &learned] {
        let holders = index.holders(Taxonomy::shipped(), model);
        let matcher = Matcher { model, knowledge: &holders, now: now() };
        for gig in &gigs[..8] {
            let found = index.rebuilt(&learned).rank(&matcher, gig, 20, everyone());
            assert_eq!(found, matcher.people(gig, &people, 20));
            assert_eq!(found, index.rank(&matcher, gig, 20, everyone()));
        }
    }
}

#[test]
fn every_page_of_a_list_is_of_the_same_list_whoever_found_its_people() {
    let mut dice = Dice(5);
    let skills = Taxonomy::shipped().skills()[..3].iter();
    let held: Vec<HeldSkill> = skills.map(|skill| HeldSkill { skill: skill.id, level: Level::Claimed }).collect();
    // Nearly alike: two of three are known for good work, and somewhat before the others, who are new.
    let mut people = Vec::new();
    for number in 1..=300_u32 {
        let finished = if number % 3 == 0 { 0 } else { 30 };
        people.push(PersonFeatures {
            skills: held.clone(),
            experience_months: Some(u16::try_from(dice.below(200)).unwrap()),
            outcomes: Outcomes { good_milli: finished * 990, bad_milli: finished * 10, finished },
            known: if number % 2 == 0 { Known::ByAccount } else { Known::ByMail },
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(u128::from(number))))
        });
    }
    let index = indexed(&people);
    let holders = index.holders(Taxonomy::shipped(), Model::shipped());
    let matcher = Matcher { model: Model::shipped(), knowledge: &holders, now: now() };
    let mut newcomers = BTreeSet::new();
    for number in 1..=40 {
        let gig = GigId::from_uuid(Uuid::from_u128(number));
        let mut gig = GigFeatures::new(gig, OrganizationId::from_uuid(Uuid::from_u128(1)));
        gig.skills = held.iter().map(|held| AskedSkill { skill: held.skill, need: Need::Core }).collect();
        let shown = |ranking: Ranking<UserId>| -> Vec<(UserId, Placement)> {
            ranking.matches.into_iter().map(|found| (found.of, found.placement)).collect()
        };
        let whole = shown(matcher.people(&gig, &people, 100));
        newcomers.extend(whole.iter().filter(|(_, placement)| *placement == Placement::Newcomer).map(|(id, _)| *id));
        // As much as pages of twenty and their reserve take, one after the other.
        for first in [12, 31, 51, 71, 91, 100] {
            assert_eq!(shown(matcher.people(&gig, &people, first)), whole[..first], "{number}: {first}");
            assert_eq!(
                shown(index.rank(&matcher, &gig, first, Limits::default())),
                whole[..first],
                "{number}: {first}"
            );
        }
    }
    assert!(newcomers.len() > 2, "{newcomers:?}");
}

#[test]
fn newcomers_beyond_a_crowd_are_the_same_whoever_found_them() {
    let mut dice = Dice(3);
    let skills = &Taxonomy::shipped().skills()[..3];
    let held = |many: usize| -> Vec<HeldSkill> {
        skills[..many].iter().map(|skill| HeldSkill { skill: skill.id, level: Level::Claimed }).collect()
    };
    // A crowd of newcomers who hold all that is asked, and honest ones below, a few of whom are in vain by now.
    let mut people = Vec::new();
    for number in 1..=400_u32 {
        let honest = number % 4 == 0;
        people.push(PersonFeatures {
            skills: held(if honest { 2 } else { 3 }),
            experience_months: Some(u16::try_from(dice.below(200)).unwrap()),
            known: if honest { Known::ByAccount } else { Known::ByMail },
            exposure: Exposure { unanswered: if number % 20 == 0 { 200 } else { 0 }, ..Exposure::default() },
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(u128::from(number))))
        });
    }
    let index = indexed(&people);
    let holders = index.holders(Taxonomy::shipped(), Model::shipped());
    let matcher = Matcher { model: Model::shipped(), knowledge: &holders, now: now() };
    let mut newcomers = BTreeSet::new();
    for number in 1..=20 {
        let gig = GigId::from_uuid(Uuid::from_u128(number));
        let mut gig = GigFeatures::new(gig, OrganizationId::from_uuid(Uuid::from_u128(1)));
        gig.skills = held(3).iter().map(|held| AskedSkill { skill: held.skill, need: Need::Core }).collect();
        let shown = |ranking: Ranking<UserId>| -> Vec<(UserId, Placement)> {
            ranking.matches.into_iter().map(|found| (found.of, found.placement)).collect()
        };
        let whole = shown(matcher.people(&gig, &people, 100));
        newcomers.extend(whole.iter().filter(|(_, placement)| *placement == Placement::Newcomer).map(|(id, _)| *id));
        for first in [12, 51, 100] {
            let found = shown(index.rank(&matcher, &gig, first, Limits::default()));
            assert_eq!(found, whole[..first], "{number}: {first}");
        }
    }
    let is_honest =
        |person: &UserId| person.uuid().as_u128().is_multiple_of(4) && !person.uuid().as_u128().is_multiple_of(20);
    assert!(newcomers.len() > 2 && newcomers.iter().all(is_honest), "{newcomers:?}");
}

#[test]
fn whom_the_constraints_leave_out_is_counted_whole_or_said_to_be_at_least_so_many() {
    let (people, gigs) = crowd(600);
    let index = indexed(&people);
    let holders = index.holders(Taxonomy::shipped(), Model::shipped());
    let matcher = Matcher { model: Model::shipped(), knowledge: &holders, now: now() };
    let (mut beyond, mut at_least) = (0, 0);
    for gig in &gigs {
        let limits = Limits { met: 10_000, scored: 100, ..Limits::default() };
        let whole = index.rank(&matcher, gig, 10, limits);
        assert!(whole.counted_all);
        // Fewer are roughly scored than are counted.
        let few = index.rank(&matcher, gig, 10, Limits { met: 150, ..limits });
        beyond += u32::from(whole.eligible > 150);
        assert_eq!((few.counted_all, few.eligible, &few.left_out), (true, whole.eligible, &whole.left_out));
        // Where that would be too many, it is said.
        let fewest = index.rank(&matcher, gig, 10, Limits { met: 150, counted: 200, ..limits });
        if !fewest.counted_all {
            at_least += 1;
            assert!(fewest.eligible <= whole.eligible);
            for (barrier, count) in &fewest.left_out {
                assert!(count.all <= whole.left_out[barrier].all, "{barrier:?}");
            }
        }
    }
    assert!(beyond > 0 && at_least > 0, "{beyond} {at_least}");
}
