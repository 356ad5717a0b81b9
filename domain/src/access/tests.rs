use uuid::Uuid;

use super::*;
use crate::id::Id;

fn user(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

fn organization(n: u128) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(n))
}

/// An actor who is `role` to a subject between organization 1 and user 1.
fn actor(role: Role) -> Actor {
    let person = |n, memberships, staff, suspended| {
        Actor::Person(Person { user: user(n), suspended, second_factor: true, staff, memberships })
    };
    match role {
        Role::Nobody => Actor::Nobody,
        Role::System => Actor::System,
        // Whoever is suspended would otherwise be the owner and the platform's admin too.
        Role::Suspended => person(1, vec![(organization(1), MemberRole::Owner)], Some(Staff::Admin), true),
        Role::Stranger => person(9, vec![(organization(2), MemberRole::Owner)], Some(Staff::Mediator), false),
        Role::Oneself => person(1, vec![], None, false),
        Role::Member(role) => {
            person(9, vec![(organization(2), MemberRole::Viewer), (organization(1), role)], None, false)
        }
        Role::Mediator => person(9, vec![], Some(Staff::Mediator), false),
        Role::Admin => person(9, vec![], Some(Staff::Admin), false),
    }
}

#[test]
fn every_verb_answers_every_role_by_the_table() {
    for &verb in Verb::ALL {
        for role in Role::ALL {
            for public in [false, true] {
                let subject =
                    Subject::between(organization(1), user(1)).public_if(public).disputed_if(role == Role::Mediator);
                let answer = check(&actor(role), verb, &subject);
                let expected = match role {
                    _ if verb.allowed_to().contains(&role) => Ok(role),
                    Role::Nobody => Err(Denied::SignIn),
                    Role::Suspended => Err(Denied::Suspended),
                    Role::Stranger if !public => Err(Denied::Hidden),
                    _ => Err(Denied::NotAllowed),
                };
                assert_eq!(answer, expected, "{verb:?} {role:?} public: {public}");
            }
        }
    }
}

#[test]
fn our_people_are_ours_only_with_a_second_factor() {
    let subject = Subject::between(organization(1), user(1)).disputed_if(true);
    for staff in [Staff::Mediator, Staff::Admin] {
        let person =
            Person { user: user(9), suspended: false, second_factor: true, staff: Some(staff), memberships: vec![] };
        let armed = Actor::Person(person.clone());
        let bare = Actor::Person(Person { second_factor: false, ..person.clone() });
        let member = Actor::Person(Person {
            second_factor: false,
            memberships: vec![(organization(1), MemberRole::Owner)],
            ..person
        });
        assert!(visible(&armed, &subject) && !visible(&bare, &subject), "{staff:?}");
        for &verb in Verb::ALL {
            // What they lack is named where it does not tell that there is something.
            assert_eq!(check(&bare, verb, &subject), Err(Denied::Hidden), "{verb:?} {staff:?}");
            for (shown, otherwise) in [(subject.public_if(true), Denied::NotAllowed), (Subject::OURS, Denied::Hidden)] {
                let lacks = if check(&armed, verb, &shown).is_ok() { Denied::SecondFactor } else { otherwise };
                assert_eq!(check(&bare, verb, &shown), Err(lacks), "{verb:?} {staff:?} {shown:?}");
            }
            assert_eq!(must_be_ours(&armed, verb), Ok(()));
            // What is somebody's own is theirs with the password alone, as it is anybody's.
            let own = verb.allowed_to().contains(&Role::Member(MemberRole::Owner));
            assert_eq!(check(&member, verb, &subject).is_ok(), own, "{verb:?} {staff:?}");
        }
    }
}

#[test]
fn what_is_done_for_us_alone_is_refused_without_a_second_factor_before_it_is_looked_for() {
    let bare = |staff| {
        Actor::Person(Person { user: user(9), suspended: false, second_factor: false, staff, memberships: vec![] })
    };
    let lacks = Err(Denied::SecondFactor);
    let cases = [
        (Some(Staff::Admin), Verb::UserSuspend, lacks),
        (Some(Staff::Admin), Verb::ContractHold, lacks),
        (Some(Staff::Mediator), Verb::DisputeAward, lacks),
        (Some(Staff::Mediator), Verb::UserSuspend, Ok(())),
        // What others do, too, they do as anybody.
        (Some(Staff::Admin), Verb::SessionRevoke, Ok(())),
        (Some(Staff::Admin), Verb::GigCreate, Ok(())),
        (None, Verb::UserSuspend, Ok(())),
    ];
    for (staff, verb, expected) in cases {
        assert_eq!(must_be_ours(&bare(staff), verb), expected, "{staff:?} {verb:?}");
    }
    for actor in [Actor::Nobody, Actor::System] {
        assert_eq!(must_be_ours(&actor, Verb::UserSuspend), Ok(()));
    }
}

#[test]
fn a_proof_is_fresh_enough_until_its_time_is_over() {
    let at = |minutes| Timestamp::UNIX_EPOCH + TimeDelta::minutes(minutes);
    for (freshness, never, minutes) in
        [(Freshness::Any, true, i64::from(u32::MAX)), (Freshness::Today, false, 720), (Freshness::Fresh, false, 15)]
    {
        assert_eq!(freshness.is_met(None, at(0)), never, "{freshness:?}");
        assert!(freshness.is_met(Some(at(0)), at(minutes - 1)), "{freshness:?}");
        assert_eq!(freshness.is_met(Some(at(0)), at(minutes)), never, "{freshness:?}");
    }
    for verb in Verb::ALL {
        let by_people = verb.allowed_to().iter().any(|role| !matches!(role, Role::System));
        assert!(by_people || verb.needs_proof() == Freshness::Any, "{verb:?}: nobody is there to prove anything");
    }
}

#[test]
fn our_people_prove_who_they_are_before_they_do_anything_but_look() {
    let looks = |verb: &Verb| {
        let name = verb.name();
        ["Read", "Queue", "Search", "Statement"].iter().any(|look| name.ends_with(look))
    };
    for verb in Verb::ALL.iter().filter(|verb| !looks(verb)) {
        let by_ours = verb.allowed_to().iter().any(|role| matches!(role, Role::Mediator | Role::Admin));
        let proved = verb.needs_proof() == Freshness::Fresh || verb.needs_proof_of_others();
        assert!(!by_ours || proved, "{verb:?}");
    }
}

#[test]
fn nobody_and_the_suspended_may_do_nothing() {
    for verb in Verb::ALL {
        assert!(!verb.allowed_to().contains(&Role::Nobody), "{verb:?}");
        assert!(!verb.allowed_to().contains(&Role::Suspended), "{verb:?}");
    }
}

#[test]
fn the_printed_table_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/access.matrix");
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(path, matrix()).unwrap();
    }
    let printed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(printed, matrix(), "run UPDATE_FILES=1 cargo test -p domain access, and read the diff");
}
