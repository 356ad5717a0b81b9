//! What must be true of every match, with the skills and roles that ship.
use chrono::TimeZone;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::features::{AskedSkill, HeldSkill, Level, Need, Seniority};
use domain::matching::role::Role;
use domain::matching::shipped::Holders;
use domain::matching::{GigFeatures, Matcher, Model, PersonFeatures, Taxonomy};
use proptest::prelude::*;
use uuid::Uuid;

const EVERYTHING: u128 = 999;

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn category(name: &str) -> Vec<SkillId> {
    Taxonomy::shipped().skills().iter().filter(|skill| skill.category == name).map(|skill| skill.id).collect()
}

/// A gig of one trade, and people of that trade who hold most of what it asks and a few things more.
fn market() -> impl Strategy<Value = (GigFeatures, Vec<PersonFeatures>)> {
    let trades = ["software", "design", "writing", "marketing", "data", "infrastructure"];
    let needs = [Need::Nice, Need::Useful, Need::Core, Need::Must];
    proptest::sample::select(trades.to_vec()).prop_flat_map(move |trade| {
        let skills = category(trade);
        let roles: Vec<Role> = Role::all().collect();
        let asked = proptest::sample::subsequence(skills.clone(), 3..9);
        let needs = proptest::collection::vec(proptest::sample::select(needs.to_vec()), 9);
        let seniority = proptest::option::of(proptest::sample::select(vec![Seniority::Junior, Seniority::Senior]));
        let people = proptest::collection::vec(
            (proptest::sample::subsequence(skills, 0..6), any::<u16>(), proptest::option::of(0_u16..300)),
            15..30,
        );
        (asked, needs, proptest::sample::select(roles), seniority, people).prop_map(
            |(asked, needs, role, seniority, people)| {
                let ids = (GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
                let mut gig = GigFeatures::new(ids.0, ids.1);
                gig.skills = asked.iter().zip(needs).map(|(skill, need)| AskedSkill { skill: *skill, need }).collect();
                gig.roles = vec![role];
                gig.seniority = seniority;
                let people = people.into_iter().zip(1..).map(|((more, kept, months), number)| {
                    // All that is asked but one.
                    let without = usize::from(kept) % asked.len();
                    let kept = asked.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, skill)| *skill);
                    let mut person = PersonFeatures::new(user(number));
                    let mut held: Vec<SkillId> = kept.chain(more).collect();
                    held.sort_unstable();
                    held.dedup();
                    person.skills = held.into_iter().map(|skill| HeldSkill { skill, level: Level::Claimed }).collect();
                    person.roles = vec![role];
                    person.experience_months = months;
                    person
                });
                (gig, people.collect())
            },
        )
    })
}

fn holders(people: &[PersonFeatures]) -> Holders<'static> {
    let mut holders = Holders::new(Taxonomy::shipped(), Model::shipped());
    for person in people {
        holders.count(person.skills.iter().map(|held| held.skill));
    }
    holders
}

fn matcher<'a>(knowledge: &'a Holders<'static>) -> Matcher<'a, Holders<'static>> {
    let now = chrono::Utc.with_ymd_and_hms(2026, 11, 1, 12, 0, 0).unwrap();
    Matcher { model: Model::shipped(), knowledge, now }
}

fn who_lists_everything() -> PersonFeatures {
    let mut person = PersonFeatures::new(user(EVERYTHING));
    person.skills = Taxonomy::shipped()
        .skills()
        .iter()
        .map(|skill| HeldSkill { skill: skill.id, level: Level::Verified })
        .collect();
    person.roles = Role::all().collect();
    person.experience_months = Some(400);
    person
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn who_lists_every_skill_and_role_is_never_in_the_top_ten((gig, people) in market()) {
        let mut people = people;
        people.push(who_lists_everything());
        let holders = holders(&people);
        let ranking = matcher(&holders).people(&gig, &people, 10);
        prop_assert!(ranking.matches.iter().all(|found| found.of != user(EVERYTHING)));
    }

    #[test]
    fn one_more_asked_skill_never_lowers_a_score((gig, people) in market()) {
        let holders = holders(&people);
        for person in &people {
            let before = matcher(&holders).explain(&gig, person).score;
            for asked in gig.skills.iter().filter(|asked| person.skills.iter().all(|held| held.skill != asked.skill)) {
                let mut learned = person.clone();
                learned.skills.push(HeldSkill { skill: asked.skill, level: Level::Claimed });
                prop_assert!(matcher(&holders).explain(&gig, &learned).score >= before);
            }
        }
    }

    #[test]
    fn two_nodes_that_read_the_same_from_a_wire_answer_the_same((gig, people) in market()) {
        let sent = serde_json::to_string(&(&gig, &people)).unwrap();
        let (other_gig, mut others): (GigFeatures, Vec<PersonFeatures>) = serde_json::from_str(&sent).unwrap();
        others.reverse();
        let (here, there) = (holders(&people), holders(&others));
        let answer = matcher(&here).people(&gig, &people, 20);
        prop_assert_eq!(&matcher(&there).people(&other_gig, &others, 20), &answer);
        prop_assert_eq!(&matcher(&here).people(&gig, &people, 20), &answer);
    }

    #[test]
    fn who_holds_more_than_someone_above_is_told_why((gig, people) in market()) {
        let holders = holders(&people);
        let ranking = matcher(&holders).people(&gig, &people, 20);
        let asked: Vec<SkillId> = gig.skills.iter().map(|asked| asked.skill).collect();
        let held = |id: UserId| {
            let person = people.iter().find(|person| person.id == id).unwrap();
            person.skills.iter().filter(|held| asked.contains(&held.skill)).count()
        };
        for (at, found) in ranking.matches.iter().enumerate() {
            let told = found.sentence.contains("behind some with fewer of the skills because of ");
            let any = ranking.matches[..at].iter().any(|above| held(above.of) < held(found.of));
            prop_assert!(any || !told, "{}", found.sentence);
        }
    }
}

#[test]
fn someone_with_every_skill_who_comes_second_is_told_why() {
    let ids = (GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
    let mut gig = GigFeatures::new(ids.0, ids.1);
    let skill = |slug: &str| Taxonomy::shipped().find_slug(slug).unwrap().id;
    let asked = ["react", "typescript", "css", "html"].map(skill);
    gig.skills = asked.iter().map(|skill| AskedSkill { skill: *skill, need: Need::Useful }).collect();
    gig.roles = vec!["front-end-developer".parse().unwrap()];
    gig.seniority = Some(Seniority::Senior);
    let person = |number: u128, skills: &[SkillId], role: &str, months: u16| {
        let mut person = PersonFeatures::new(user(number));
        person.skills = skills.iter().map(|skill| HeldSkill { skill: *skill, level: Level::Claimed }).collect();
        person.roles = vec![role.parse().unwrap()];
        person.experience_months = Some(months);
        person
    };
    let people = [person(1, &asked, "front-end-developer", 3), person(2, &asked[..3], "front-end-developer", 120)];
    let holders = holders(&people);
    let ranking = matcher(&holders).people(&gig, &people, 10);
    assert_eq!(ranking.matches.iter().map(|found| found.of).collect::<Vec<_>>(), [user(2), user(1)]);
    assert!(!ranking.matches[0].sentence.contains("behind"), "{}", ranking.matches[0].sentence);
    let told = &ranking.matches[1].sentence;
    assert!(told.contains("a front-end developer; less than a year of experience, 6 years needed"), "{told}");
    assert!(told.contains("behind some with fewer of the skills because of less experience"), "{told}");
}
