//! Who tries. The things are between organization 1 and user 1.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, MemberRole, Person, Staff};
use domain::id::{Id, OrganizationId};
use domain::money::Money;
use uuid::Uuid;

pub fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

pub fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

/// Monday 5 January 2026 at nine, and so many days later.
pub fn day(n: i64) -> Timestamp {
    "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(n)
}

pub fn person(user: u128, memberships: &[(u128, MemberRole)], staff: Option<Staff>) -> Actor {
    let memberships = memberships.iter().map(|&(of, role)| (id::<OrganizationId>(of), role)).collect();
    Actor::Person(Person { user: id(user), suspended: false, second_factor: true, staff, memberships })
}

fn suspended(actor: Actor) -> Actor {
    match actor {
        Actor::Person(person) => Actor::Person(Person { suspended: true, ..person }),
        Actor::Nobody | Actor::System => actor,
    }
}

pub fn member(role: MemberRole) -> Actor {
    person(2, &[(1, role)], None)
}

/// The client's owner.
pub fn ada() -> Actor {
    member(MemberRole::Owner)
}

/// The freelancer.
pub fn lin() -> Actor {
    person(1, &[], None)
}

pub fn mediator(user: u128) -> Actor {
    person(user, &[], Some(Staff::Mediator))
}

pub fn admin(user: u128) -> Actor {
    person(user, &[], Some(Staff::Admin))
}

/// Everybody, and what they are called in the matrix.
pub fn everybody() -> Vec<(&'static str, Actor)> {
    let mut all = vec![
        ("nobody", Actor::Nobody),
        ("suspended_freelancer", suspended(lin())),
        ("suspended_owner", suspended(person(2, &[(1, MemberRole::Owner)], Some(Staff::Admin)))),
        ("stranger", person(9, &[], None)),
        ("other_client", person(9, &[(2, MemberRole::Owner)], None)),
        ("other_mediator", person(9, &[(2, MemberRole::Viewer)], Some(Staff::Mediator))),
        ("freelancer", lin()),
        // A part in the thing comes before what one does for the platform.
        ("freelancer_on_staff", person(1, &[], Some(Staff::Admin))),
        ("viewer_on_staff", person(2, &[(1, MemberRole::Viewer)], Some(Staff::Mediator))),
    ];
    all.extend(MemberRole::ALL.into_iter().map(|role| (role.as_str(), member(role))));
    all.extend([("mediator", mediator(8)), ("staff_admin", admin(20)), ("system", Actor::System)]);
    all
}
