//! Blocks: a freelancer and a client who are not to be brought together. Either side sets its own, and sees and lifts
//! only that one; both do the same. Neither is told of the other's.

use serde::{Deserialize, Serialize};

use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::id::{OrganizationId, UserId};
use crate::refusal::Refusal;

/// One side sets at most so many.
pub const MOST: u32 = 200;

/// A block between a client and a freelancer, as one side set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The client.
    pub client: OrganizationId,
    /// The freelancer.
    pub freelancer: UserId,
    /// Who set it.
    pub by: Side,
}

/// Who sets a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The client.
    Client,
    /// The freelancer.
    Freelancer,
}

impl Side {
    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Freelancer => "freelancer",
        }
    }
}

impl Block {
    /// Set it, beside the `kept` others that the side has set. One that `stands` already is left as it is.
    pub fn set(self, actor: &Actor, stands: bool, kept: u32) -> Result<Change<Self>, Refusal> {
        let verb = match self.by {
            Side::Client => Verb::FreelancerBlock,
            Side::Freelancer => Verb::ClientBlock,
        };
        access::check(actor, verb, &self.owner())?;
        if stands {
            return Ok(Change::none(self));
        }
        if kept >= MOST {
            return Err(Refusal::Limit {
                code: "BLOCKS".to_owned(),
                limit: MOST.into(),
                value: i64::from(kept) + 1,
                message: format!("you can block {MOST} at once: lift one first"),
            });
        }
        Ok(Change::to(self))
    }

    /// Lift it. One that no longer `stands` may be lifted again.
    pub fn lift(self, actor: &Actor, stands: bool) -> Result<Change<Self>, Refusal> {
        let verb = match self.by {
            Side::Client => Verb::FreelancerUnblock,
            Side::Freelancer => Verb::ClientUnblock,
        };
        access::check(actor, verb, &self.owner())?;
        Ok(if stands { Change::to(self) } else { Change::none(self) })
    }

    /// Whose it is, for the access table: the other side has no part in it.
    fn owner(&self) -> Subject {
        match self.by {
            Side::Client => Subject::of_client(self.client),
            Side::Freelancer => Subject::of_person(self.freelancer),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person, Staff};
    use crate::id::Id;

    #[test]
    fn each_side_sets_and_lifts_its_own_and_nobody_elses() {
        let client = OrganizationId::from_uuid(Uuid::from_u128(1));
        let lin = UserId::from_uuid(Uuid::from_u128(2));
        let person = |user: u128, role: Option<MemberRole>, staff| {
            let memberships = role.map(|role| (client, role)).into_iter().collect();
            Actor::Person(Person {
                user: UserId::from_uuid(Uuid::from_u128(user)),
                suspended: false,
                second_factor: true,
                staff,
                memberships,
            })
        };
        let not_allowed = Err(Refusal::Denied { reason: Denied::NotAllowed });
        let hidden = Err(Refusal::HIDDEN);
        // Who, and what becomes of the client's block and of the freelancer's.
        let cases = [
            (person(2, None, None), hidden.clone(), Ok(())),
            (person(3, Some(MemberRole::Owner), None), Ok(()), hidden.clone()),
            (person(3, Some(MemberRole::Recruiter), None), Ok(()), hidden.clone()),
            (person(3, Some(MemberRole::Finance), None), not_allowed.clone(), hidden.clone()),
            (person(4, None, None), hidden.clone(), hidden.clone()),
            (person(5, None, Some(Staff::Admin)), not_allowed.clone(), not_allowed.clone()),
        ];
        for (actor, by_client, by_freelancer) in cases {
            for (by, outcome) in [(Side::Client, by_client), (Side::Freelancer, by_freelancer)] {
                let block = Block { client, freelancer: lin, by };
                let set = block.set(&actor, false, 0).map(|change| assert!(change.changed));
                let lifted = block.lift(&actor, true).map(|change| assert!(change.changed));
                assert_eq!((&set, &lifted), (&outcome, &outcome), "{actor:?} {by:?}");
            }
        }
    }

    #[test]
    fn repeats_change_nothing_and_there_is_an_end() {
        let block = Block {
            client: OrganizationId::from_uuid(Uuid::from_u128(1)),
            freelancer: UserId::from_uuid(Uuid::from_u128(2)),
            by: Side::Freelancer,
        };
        let owner =
            Person { second_factor: true, user: block.freelancer, suspended: false, staff: None, memberships: vec![] };
        let lin = Actor::Person(owner);
        assert!(!block.set(&lin, true, MOST).unwrap().changed);
        assert!(!block.lift(&lin, false).unwrap().changed);
        assert!(block.set(&lin, false, MOST - 1).unwrap().changed);
        let full = block.set(&lin, false, MOST);
        assert!(matches!(&full, Err(Refusal::Limit { limit: 200, value: 201, .. })), "{full:?}");
    }
}
