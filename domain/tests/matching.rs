//! What must be true of every match, over random gigs and people.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, in its helpers too")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use domain::Timestamp;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::{
    Answers, AskedSkill, Budget, ClientRecord, Exposure, HeldSkill, Known, Level, Load, Need, Outcomes, Seniority,
    Standing, Text,
};
use domain::matching::knowledge::Related;
use domain::matching::overlap::WorkDay;
use domain::matching::role::Role;
use domain::matching::score::Ask;
use domain::matching::{
    Barrier, Factor, FactorKind, GigFeatures, Knowledge, LeftOut, Match, Matcher, Model, PersonFeatures, Placement,
    Score, Value,
};
use proptest::prelude::*;
use uuid::Uuid;

/// A taxonomy of skills in a row, where neighbours answer half of an ask for each other.
struct Row;

const SKILLS: u128 = 40;
const NAMES: [&str; 6] = ["React", "TypeScript", "Node.js", "Terraform", "Ansible", "PostgreSQL"];

impl Knowledge for Row {
    fn related(&self, asked: SkillId) -> Vec<Related> {
        let number = asked.uuid().as_u128();
        [number.wrapping_sub(1), number + 1]
            .into_iter()
            .filter(|number| *number < SKILLS)
            .map(|number| Related { skill: skill(number), likeness: Value::milli(550) })
            .collect()
    }

    fn rarity_milli(&self, skill: SkillId) -> u32 {
        1_000 + u32::try_from(skill.uuid().as_u128() * 37 % 2_000).unwrap()
    }

    /// Every other skill is one that people list.
    fn stand_in(&self, asked: SkillId) -> Value {
        if asked.uuid().as_u128().is_multiple_of(2) { Value::ONE } else { Value::milli(500) }
    }

    fn name(&self, skill: SkillId) -> &str {
        NAMES.get(usize::try_from(skill.uuid().as_u128()).unwrap()).copied().unwrap_or("another skill")
    }
}

fn skill(number: u128) -> SkillId {
    SkillId::from_uuid(Uuid::from_u128(number))
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn now() -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 1, 12, 0, 0).unwrap()
}

fn matcher() -> Matcher<'static, Row> {
    Matcher { model: Model::shipped(), knowledge: &Row, now: now() }
}

fn gig_asking(skills: &[(u128, Need)]) -> GigFeatures {
    let mut gig = GigFeatures::new(GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
    gig.skills = skills.iter().map(|(number, need)| AskedSkill { skill: skill(*number), need: *need }).collect();
    gig
}

fn person_holding(number: u128, skills: &[u128]) -> PersonFeatures {
    let mut person = PersonFeatures::new(user(number));
    person.skills = skills.iter().map(|number| HeldSkill { skill: skill(*number), level: Level::Claimed }).collect();
    person
}

fn skills() -> impl Strategy<Value = Vec<u128>> {
    proptest::collection::btree_set(0..SKILLS, 0..12).prop_map(|skills| skills.into_iter().collect())
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    let all: Vec<_> = Role::all().collect();
    proptest::sample::subsequence(all, 0..6).prop_shuffle()
}

fn work_day() -> impl Strategy<Value = Option<WorkDay>> {
    let zones = [Tz::Asia__Karachi, Tz::America__New_York, Tz::Europe__London, Tz::America__Los_Angeles];
    proptest::option::of((proptest::sample::select(zones.to_vec()), 0_u32..24, 1_u32..12).prop_map(
        |(zone, starts, hours)| WorkDay {
            zone,
            starts: NaiveTime::from_hms_opt(starts, 0, 0).unwrap(),
            ends: NaiveTime::from_hms_opt((starts + hours) % 24, 0, 0).unwrap(),
        },
    ))
}

prop_compose! {
    fn any_gig()(
        asked in skills(),
        needs in proptest::collection::vec(proptest::sample::select(vec![Need::Nice, Need::Useful, Need::Core, Need::Must]), 12),
        roles in roles(),
        seniority in proptest::option::of(proptest::sample::select(vec![Seniority::Junior, Seniority::Mid, Seniority::Senior])),
        text in proptest::collection::vec(any::<i8>(), 8),
        rates in proptest::option::of((500_i64..5_000, 0_i64..5_000, any::<bool>())),
        work_day in work_day(),
        record in (any::<bool>(), 0_u32..30, 0_u32..30),
        proposals in 0_u32..80,
    ) -> GigFeatures {
        let asked: Vec<_> = asked.into_iter().zip(needs).collect();
        GigFeatures {
            roles,
            seniority,
            text: Text(text),
            budget: rates.map_or(Budget::Open, |(low_minor, more, firm)| Budget::Hourly { low_minor, high_minor: low_minor + more, firm }),
            work_day,
            client_record: ClientRecord { verified: record.0, posted: record.1, hired: record.2 },
            proposals,
            ..gig_asking(&asked)
        }
    }
}

prop_compose! {
    fn any_person(number: u128)(
        held in skills(),
        wants in skills(),
        roles in roles(),
        months in proptest::option::of(0_u16..400),
        text in proptest::collection::vec(any::<i8>(), 8),
        rate in proptest::option::of(300_i64..12_000),
        work_day in work_day(),
        outcomes in (0_u32..20_000, 0_u32..5_000, 0_u32..20),
        answers in (0_u32..30, 0_u32..30),
        pending_milli in 0_u32..9_000,
        exposure in (0_u64..90_000, 0_u64..90_000, 0_u32..30),
        team in proptest::option::of(0_u64..3),
        known in 0_usize..3,
    ) -> PersonFeatures {
        PersonFeatures {
            known: [Known::Not, Known::ByMail, Known::ByAccount][known],
            roles,
            experience_months: months,
            text: Text(text),
            wants: wants.into_iter().map(skill).collect(),
            rate_minor: rate,
            work_day,
            outcomes: Outcomes { good_milli: outcomes.0, bad_milli: outcomes.1, finished: outcomes.2 },
            answers: Answers { asked: answers.0, in_time: answers.1 },
            load: Load { active_contracts: 0, capacity: 1, pending_milli },
            exposure: Exposure { attention_milli: exposure.0, merit_milli: exposure.1, unanswered: exposure.2 },
            team,
            ..person_holding(number, &held)
        }
    }
}

fn any_people(most: usize) -> impl Strategy<Value = Vec<PersonFeatures>> {
    (1..most).prop_flat_map(|count| (0..count as u128).map(any_person).collect::<Vec<_>>())
}

type TakeAway = (Taking, FactorKind);

fn kinds_that_differ(one: &[Factor], other: &[Factor]) -> BTreeSet<FactorKind> {
    one.iter().zip(other).filter(|(one, other)| one != other).map(|(one, _)| one.kind).collect()
}

/// Something known of a person is known no more.
type Taking = fn(&mut PersonFeatures);

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn contributions_add_up_to_the_score_exactly(gig in any_gig(), people in any_people(20)) {
        let ranking = matcher().people(&gig, &people, 20);
        for found in &ranking.matches {
            let sum: i64 = found.factors.iter().map(|f| i64::from(f.weight.as_milli()) * f.value.as_micro()).sum();
            prop_assert_eq!(found.score.as_nano(), sum);
            let person = people.iter().find(|person| person.id == found.of).unwrap();
            prop_assert_eq!(&matcher().explain(&gig, person).factors, &found.factors);
        }
        for person in &people {
            for found in matcher().gigs(person, [&gig], 1).matches {
                prop_assert_eq!(found.score, found.factors.iter().map(Factor::contribution).sum::<Score>());
            }
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_show(gig in any_gig(), people in any_people(24), seed in any::<u64>()) {
        let straight = matcher().people(&gig, &people, 10);
        let mut shuffled = people.clone();
        shuffled.sort_by_key(|person| (person.id.uuid().as_u128() as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for person in &mut shuffled {
            person.skills.reverse();
            person.roles.reverse();
            person.wants.reverse();
        }
        prop_assert_eq!(matcher().people(&gig, &shuffled, 10), straight);
    }

    #[test]
    fn everyone_who_brings_something_is_either_ranked_or_counted(gig in any_gig(), people in any_people(24)) {
        let ranking = matcher().people(&gig, &people, 100);
        let alone: u32 = ranking.left_out.values().map(|left_out| left_out.by_this_alone).sum();
        let all: u32 = ranking.left_out.values().map(|left_out| left_out.all).sum();
        let ask = Ask::new(&gig, Model::shipped(), &Row);
        let concerned = people.iter().filter(|person| ask.is_met_by(person, Model::shipped())).count() as u32;
        let stopped = concerned - ranking.eligible;
        prop_assert!(alone <= stopped && stopped <= all);
        prop_assert_eq!(ranking.matches.len() as u32, ranking.eligible);
    }

    #[test]
    fn taking_one_evidence_away_changes_only_its_factor(gig in any_gig(), person in any_person(7)) {
        let whole = matcher().explain(&gig, &person).factors;
        let without: [TakeAway; 8] = [
            (|person| person.text = Text::default(), FactorKind::Text),
            (|person| person.rate_minor = None, FactorKind::Rate),
            (|person| person.work_day = None, FactorKind::Overlap),
            (|person| person.outcomes = Outcomes::default(), FactorKind::Reputation),
            (|person| person.answers = Answers::default(), FactorKind::Answers),
            (|person| person.wants = Vec::new(), FactorKind::Interest),
            (|person| person.load.pending_milli = 0, FactorKind::Load),
            (|person| person.exposure = Exposure::default(), FactorKind::Load),
        ];
        for (take_away, kind) in without {
            let mut person = person.clone();
            take_away(&mut person);
            let differing = kinds_that_differ(&whole, &matcher().explain(&gig, &person).factors);
            prop_assert!(differing.is_subset(&BTreeSet::from([kind])), "{:?}: {:?}", kind, differing);
        }
        // One fact may be looked at in more ways than one, but in no other.
        let facts: [(Taking, &[FactorKind]); 3] = [
            (|person| person.experience_months = None, &[FactorKind::Seniority, FactorKind::Experience]),
            (|person| person.roles = Vec::new(), &[FactorKind::Role, FactorKind::Breadth]),
            (|person| person.skills = Vec::new(), &[FactorKind::Skills, FactorKind::MustHaves, FactorKind::Focus]),
        ];
        for (take_away, kinds) in facts {
            let mut person = person.clone();
            take_away(&mut person);
            let differing = kinds_that_differ(&whole, &matcher().explain(&gig, &person).factors);
            prop_assert!(differing.iter().all(|kind| kinds.contains(kind)), "{:?}: {:?}", kinds, differing);
        }
    }

    #[test]
    fn the_order_in_which_gigs_come_does_not_show(person in any_person(7), gigs in proptest::collection::vec(any_gig(), 1..12)) {
        let mut gigs = gigs;
        for (gig, number) in gigs.iter_mut().zip(1..) {
            gig.id = GigId::from_uuid(Uuid::from_u128(number));
        }
        let straight = matcher().gigs(&person, &gigs, 6);
        gigs.reverse();
        prop_assert_eq!(matcher().gigs(&person, &gigs, 6), straight);
    }

    #[test]
    fn one_more_asked_skill_never_lowers_a_score(gig in any_gig(), person in any_person(7), level in 0_usize..3) {
        let level = [Level::Beginner, Level::Claimed, Level::Verified][level];
        let before = matcher().explain(&gig, &person).score;
        for asked in &gig.skills {
            if person.skills.iter().all(|held| held.skill != asked.skill) {
                let mut person = person.clone();
                person.skills.push(HeldSkill { skill: asked.skill, level });
                prop_assert!(matcher().explain(&gig, &person).score >= before);
            }
        }
    }

    #[test]
    fn an_improvement_keeps_its_promise(gig in any_gig(), people in any_people(16)) {
        use domain::matching::improve::Change;
        let ranking = matcher().people(&gig, &people, 16);
        for (found, shown) in ranking.matches.iter().zip(1_u32..) {
            prop_assert!(found.improvements.is_sorted_by_key(|improvement| std::cmp::Reverse(improvement.gain)));
            for improvement in &found.improvements {
                let mut person = people.iter().find(|person| person.id == found.of).unwrap().clone();
                match improvement.change {
                    Change::Learn(skill) => person.skills.push(HeldSkill { skill, level: Level::Claimed }),
                    Change::AskAtMost(minor) => person.rate_minor = Some(minor),
                }
                let then = matcher().explain(&gig, &person).score;
                prop_assert_eq!(then, found.score.plus(improvement.gain));
                let above = |score| ranking.matches.iter().filter(|other| other.score > score).count() as u32 + 1;
                prop_assert_eq!(improvement.from_place, Some(shown), "where they are shown");
                prop_assert_eq!(improvement.to_place, Some(above(then).min(shown)));
            }
        }
    }

    #[test]
    fn what_fairness_may_cost_is_bounded(gig in any_gig(), people in any_people(40)) {
        let fairness = Model::shipped().fairness;
        let ranking = matcher().people(&gig, &people, 10);
        let mut by_score: Vec<_> = matcher().people(&gig, &people, 100).matches.iter().map(|found| found.score).collect();
        by_score.sort_unstable_by(|one, other| other.cmp(one));
        let placed: Vec<_> = ranking.matches.iter().filter(|found| found.placement == Placement::Newcomer).collect();
        prop_assert!(placed.len() <= 2);
        let known = |found: &&&Match<UserId>| people.iter().find(|person| person.id == found.of).unwrap().known;
        prop_assert!(placed.iter().filter(|found| known(found) < Known::ByAccount).count() <= 1);
        prop_assert!(placed.iter().all(|found| known(&found) > Known::Not));
        for newcomer in placed {
            prop_assert!(newcomer.score >= by_score[4].share(fairness.newcomer_share));
        }
    }

    #[test]
    fn the_profile_that_lists_everything_is_never_in_the_top_ten(gig in any_gig(), asked in skills()) {
        let mut gig = gig;
        gig.skills = asked.iter().take(8).map(|number| AskedSkill { skill: skill(*number), need: Need::Useful }).collect();
        gig.budget = Budget::Open;
        prop_assume!(gig.skills.len() >= 3);
        let mut stuffer = person_holding(0, &(0..SKILLS + 27).collect::<Vec<_>>());
        stuffer.roles = Role::all().take(12).collect();
        // Fifteen people who do this work, each missing one of the asked skills.
        let people: Vec<_> = (1..=15)
            .map(|number| {
                let asked = gig.skills.iter().map(|asked| asked.skill.uuid().as_u128());
                let held: Vec<_> = asked.enumerate().filter(|(at, _)| at % 15 != number as usize % 15 || *at == 0).map(|(_, n)| n).collect();
                PersonFeatures { roles: gig.roles.iter().copied().take(2).collect(), ..person_holding(number, &held) }
            })
            .chain([stuffer])
            .collect();
        let ranking = matcher().people(&gig, &people, 10);
        prop_assert!(ranking.matches.iter().all(|found| found.of != user(0)));
    }
}

#[test]
fn a_match_tells_its_reasons_and_what_would_raise_it() {
    let mut gig = gig_asking(&[(0, Need::Core), (1, Need::Useful), (3, Need::Must)]);
    gig.roles = vec!["front-end-developer".parse().unwrap()];
    gig.seniority = Some(Seniority::Senior);
    let mut ada = person_holding(1, &[0, 1, 4]);
    ada.roles = vec!["full-stack-developer".parse().unwrap()];
    ada.experience_months = Some(90);
    let mut lin = person_holding(2, &[0, 1, 3, 20]);
    lin.roles = ada.roles.clone();
    lin.experience_months = Some(80);
    let ranking = matcher().people(&gig, &[ada, lin], 10);
    assert_eq!(ranking.matches.iter().map(|found| found.of).collect::<Vec<_>>(), [user(2), user(1)]);
    let second = &ranking.matches[1];
    insta::assert_snapshot!(second.sentence, @"Has 2 of 3 skills (React and TypeScript), and Ansible where Terraform is asked; works as a full-stack developer; 7 years of experience, 6 years needed; new here.");
    insta::assert_snapshot!(second.improvements[0].sentence(&Row), @"+ Terraform → from 2nd to 1st");
}

#[test]
fn whoever_bid_is_scored_by_how_well_they_fit_whatever_keeps_them_apart() {
    let mut gig = gig_asking(&[(0, Need::Core), (1, Need::Must)]);
    gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 3_000, firm: false };
    let fits = person_holding(1, &[0, 1]);
    let away = PersonFeatures { standing: Standing::Away, ..fits.clone() };
    let dear = PersonFeatures { floor_minor: Some(3_001), ..fits.clone() };
    let stranger = person_holding(2, &[7]);
    let score = |person: &PersonFeatures| matcher().scores_of_people(&gig, [person, &stranger])[&user(1)];
    assert_eq!([score(&away), score(&dear)], [score(&fits); 2]);
    assert!(matcher().scores_of_people(&gig, [&stranger])[&user(2)] < score(&fits));
    let suspended = PersonFeatures { standing: Standing::Suspended, ..fits.clone() };
    assert!(matcher().scores_of_people(&gig, [&suspended]).is_empty(), "nobody can hire them");
    gig.open = false;
    assert_eq!(matcher().scores_of_people(&gig, [&fits]).len(), 1, "nor whether others may still bid");
}

#[test]
fn no_place_is_promised_that_is_not_in_the_list() {
    let gig = gig_asking(&[(0, Need::Core), (3, Need::Core)]);
    let people: Vec<PersonFeatures> = (1..=130).map(|number| person_holding(number, &[0, 3])).collect();
    let lacks = person_holding(200, &[0]);
    let everyone: Vec<PersonFeatures> = people.iter().cloned().chain([lacks.clone()]).collect();
    let places = |person: &PersonFeatures, among: &[PersonFeatures]| {
        let listed: Vec<_> =
            matcher().people(&gig, among, 100).matches.iter().map(|found| (found.of, found.score)).collect();
        let told = matcher().explain_among(&gig, person, &listed).improvements;
        (told[0].from_place, told[0].to_place)
    };
    // Of a list that goes on it is not known where behind its last somebody stands, and of one that is whole it is.
    assert_eq!(places(&lacks, &everyone), (None, Some(1)));
    assert_eq!(places(&lacks, &everyone[120..]), (Some(11), Some(1)));
    // Whom something keeps from the gig learning brings no place.
    let away = PersonFeatures { standing: Standing::Away, ..lacks.clone() };
    assert_eq!(places(&away, &everyone[120..]), (None, None));
    // Nor does the place of a gig among others tell of a place among people.
    let other = GigId::from_uuid(Uuid::from_u128(9));
    let gigs = [gig.clone(), GigFeatures { id: other, ..gig_asking(&[(0, Need::Core)]) }];
    let told: Vec<_> =
        matcher().gigs(&lacks, &gigs, 10).matches.into_iter().flat_map(|found| found.improvements).collect();
    assert!(!told.is_empty() && told.iter().all(|told| (told.from_place, told.to_place) == (None, None)));
    assert_eq!(told[0].sentence(&Row), "+ Terraform → a better match");
}

#[test]
fn those_left_out_are_counted_by_what_left_them_out() {
    let mut gig = gig_asking(&[(0, Need::Core)]);
    gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 3_000, firm: true };
    gig.weekly_hours = Some(20);
    let expensive = PersonFeatures { rate_minor: Some(4_000), ..person_holding(1, &[0]) };
    let busy = PersonFeatures { free_hours: Some(10), ..person_holding(2, &[0]) };
    let both = PersonFeatures { rate_minor: Some(4_000), free_hours: Some(10), ..person_holding(3, &[0]) };
    let away = PersonFeatures { standing: Standing::Away, ..person_holding(4, &[0]) };
    let fits = person_holding(5, &[1]);
    // One who brings nothing of what is asked is no match, and left out by nothing.
    let stranger = PersonFeatures { rate_minor: Some(4_000), ..person_holding(6, &[7]) };
    let ranking = matcher().people(&gig, &[expensive, busy, both, away, fits, stranger], 10);
    assert_eq!((ranking.eligible, ranking.matches[0].of), (1, user(5)));
    let expected = BTreeMap::from([
        (Barrier::NotActive, LeftOut { all: 1, by_this_alone: 1 }),
        (Barrier::WeeklyHours, LeftOut { all: 2, by_this_alone: 1 }),
        (Barrier::Budget, LeftOut { all: 2, by_this_alone: 1 }),
    ]);
    assert_eq!(ranking.left_out, expected);
}

#[test]
fn a_newcomer_near_the_top_is_given_a_waiting_place_and_gives_it_up_when_nobody_looks() {
    let gig = gig_asking(&[(0, Need::Core), (2, Need::Core)]);
    let known = Outcomes { good_milli: 9_000, bad_milli: 0, finished: 9 };
    let mut people: Vec<_> =
        (1..=20).map(|number| PersonFeatures { outcomes: known, ..person_holding(number, &[0, 2]) }).collect();
    people.push(PersonFeatures { known: Known::ByAccount, ..person_holding(99, &[0, 2]) });
    let shown = |people: &[PersonFeatures]| {
        let ranking = matcher().people(&gig, people, 10);
        ranking.matches.iter().position(|found| found.of == user(99)).map(|at| (at + 1, ranking.matches[at].placement))
    };
    assert_eq!(shown(&people), Some((5, Placement::Newcomer)));

    people[20].exposure.unanswered = Model::shipped().fairness.newcomer_patience;
    assert_eq!(shown(&people), None);

    // Who has finished so many contracts is new no more; one fewer, and they are.
    let until = Model::shipped().fairness.newcomer_until;
    for (finished, place) in [(until, None), (until - 1, Some((5, Placement::Newcomer)))] {
        people[20].exposure.unanswered = 0;
        people[20].outcomes.finished = finished;
        assert_eq!(shown(&people), place, "{finished} finished");
    }

    people[20] = PersonFeatures { known: Known::ByAccount, ..person_holding(99, &[]) };
    assert_eq!(shown(&people), None, "too far from the top");
}

#[test]
fn whoever_makes_accounts_gets_one_place_at_most_and_none_of_an_honest_newcomers() {
    let proven = Outcomes { good_milli: 9_000, bad_milli: 0, finished: 9 };
    let mut people: Vec<_> =
        (1..=20).map(|number| PersonFeatures { outcomes: proven, ..person_holding(number, &[0, 2]) }).collect();
    let account = |number, known| PersonFeatures { known, ..person_holding(number, &[0, 2]) };
    let placed = |people: &[PersonFeatures], gig: u128| -> Vec<(usize, UserId)> {
        let gig = GigFeatures {
            id: GigId::from_uuid(Uuid::from_u128(gig)),
            ..gig_asking(&[(0, Need::Core), (2, Need::Core)])
        };
        let found = matcher().people(&gig, people, 10).matches;
        let found = (1..).zip(found).filter(|(_, found)| found.placement == Placement::Newcomer);
        found.map(|(place, found)| (place, found.of)).collect()
    };
    people.extend((100..130).map(|number| account(number, Known::Not)));
    assert!(placed(&people, 1).is_empty(), "for who does not read mail no place waits");

    people.extend((200..230).map(|number| account(number, Known::ByMail)));
    for gig in 1..20 {
        let found = placed(&people, gig);
        assert_eq!(found.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [9], "{found:?}");
    }
    people.extend([account(300, Known::ByAccount), account(301, Known::ByAccount)]);
    for gig in 1..20 {
        let mut found: Vec<UserId> = placed(&people, gig).into_iter().map(|(_, person)| person).collect();
        found.sort_unstable();
        assert_eq!(found, [user(300), user(301)], "those who are known go first");
    }
}

#[test]
fn accounts_that_stand_high_by_what_they_say_of_themselves_take_no_place_from_an_honest_newcomer() {
    let gig = gig_asking(&[(0, Need::Core), (2, Need::Core)]);
    let proven = Outcomes { good_milli: 9_000, bad_milli: 0, finished: 9 };
    let mut people: Vec<_> =
        (1..=20).map(|number| PersonFeatures { outcomes: proven, ..person_holding(number, &[0]) }).collect();
    people.extend((100..103).map(|number| PersonFeatures { known: Known::ByMail, ..person_holding(number, &[0, 2]) }));
    people.push(PersonFeatures { known: Known::ByAccount, ..person_holding(300, &[0]) });
    let found = matcher().people(&gig, &people, 10).matches;
    assert!(found[..3].iter().all(|found| (user(100)..=user(102)).contains(&found.of)), "{found:#?}");
    assert_eq!((found[4].of, found[4].placement), (user(300), Placement::Newcomer));
}

#[test]
fn however_many_accounts_stand_above_an_honest_newcomer_their_place_is_theirs() {
    let gig = gig_asking(&[(0, Need::Core), (2, Need::Core)]);
    let proven = Outcomes { good_milli: 9_000, bad_milli: 0, finished: 9 };
    let placed = |crowd: u128, known: Known| {
        let mut people: Vec<_> =
            (1..=20).map(|number| PersonFeatures { outcomes: proven, ..person_holding(number, &[0]) }).collect();
        people.extend((100..100 + crowd).map(|number| PersonFeatures { known, ..person_holding(number, &[0, 2]) }));
        people.push(PersonFeatures { known: Known::ByAccount, ..person_holding(3_000, &[0]) });
        let found = matcher().people(&gig, &people, 10).matches;
        found.iter().any(|found| (found.of, found.placement) == (user(3_000), Placement::Newcomer))
    };
    for crowd in [3, 119, 120, 121, 1_000] {
        assert!(placed(crowd, Known::ByMail) && placed(crowd, Known::Not), "{crowd}");
    }
    // Each of them with a bank account of their own is no crowd that costs nothing.
    assert!(!placed(1_000, Known::ByAccount));
}

#[test]
fn newcomers_who_are_no_more_than_half_of_the_highest_are_no_crowd() {
    let gig = gig_asking(&[(0, Need::Core), (2, Need::Core)]);
    let proven = Outcomes { good_milli: 9_000, bad_milli: 0, finished: 9 };
    // Of the 120 highest so many are newcomers whom nobody knows; the honest one comes right after the 120.
    let placed = |unknown: u128| {
        let people =
            (1..=120 - unknown).map(|number| PersonFeatures { outcomes: proven, ..person_holding(number, &[0]) });
        let crowd = (1_000..1_000 + unknown).map(|number| person_holding(number, &[0, 2]));
        let honest = PersonFeatures { known: Known::ByAccount, ..person_holding(3_000, &[0]) };
        let people: Vec<_> = people.chain(crowd).chain([honest]).collect();
        let found = matcher().people(&gig, &people, 10).matches;
        found.iter().any(|found| (found.of, found.placement) == (user(3_000), Placement::Newcomer))
    };
    assert_eq!([1, 31, 60, 61, 100].map(placed), [false, false, false, true, true]);
}

#[test]
fn someone_shown_less_than_they_deserve_goes_first_among_equals() {
    let gig = gig_asking(&[(0, Need::Core)]);
    let mut people: Vec<_> = (1..=4).map(|number| person_holding(number, &[0])).collect();
    people[3].exposure = Exposure { attention_milli: 100, merit_milli: 900, unanswered: 0 };
    let ranking = matcher().people(&gig, &people, 4);
    assert_eq!(ranking.matches[0].of, user(4));
    assert_eq!(ranking.matches[0].placement, Placement::NearTie);
}

#[test]
fn a_gig_with_an_honest_client_and_few_bids_is_recommended_first() {
    let good = gig_asking(&[(0, Need::Core)]);
    let crowded = GigFeatures { id: GigId::from_uuid(Uuid::from_u128(8)), proposals: 60, ..good.clone() };
    let unpaid = GigFeatures {
        id: GigId::from_uuid(Uuid::from_u128(9)),
        client_record: ClientRecord { verified: false, posted: 30, hired: 0 },
        ..good.clone()
    };
    let good = GigFeatures { client_record: ClientRecord { verified: true, posted: 10, hired: 8 }, ..good };
    let ranking = matcher().gigs(&person_holding(1, &[0]), [&unpaid, &crowded, &good], 3);
    assert_eq!(ranking.matches[0].of, good.id);
    assert!(ranking.matches[0].sentence.contains("8 of 10 gigs hired"), "{}", ranking.matches[0].sentence);
}
