//! Screening of clients and freelancers: a name of theirs, or the country somebody lives in, is found on a list, and
//! our people look at it. Meanwhile no money of theirs moves ([`crate::contract::Contract::moves_money`]), and nothing
//! is lost.
//!
//! What our people found to be nothing is not found again: the same name for the same entry of a list.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Denied, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{OrganizationId, ScreeningHitId, UserId};
use crate::refusal::{Invalid, Refusal, expect_version};

/// Who was found on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A client, by its own name or an owner's.
    #[serde(alias = "organization")]
    Client(OrganizationId),
    /// A freelancer, by a name of theirs or their country.
    Freelancer(UserId),
}

/// A name or a country that was found on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its id.
    pub id: ScreeningHitId,
    /// Whose.
    #[serde(flatten)]
    pub party: Party,
    /// The name, as they write it, or the country's two letters.
    pub name: String,
    /// What the list has it as.
    pub listed: String,
    /// When it was found.
    pub found_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: HitState,
}

/// Where a hit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum HitState {
    /// Our people are to look at it.
    Open,
    /// It was nothing.
    Cleared {
        /// When.
        at: Timestamp,
        /// Who found so.
        by: UserId,
        /// Why.
        reason: String,
    },
}

impl HitState {
    /// The name it is kept and shown by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Cleared { .. } => "cleared",
        }
    }
}

/// No money of a deal moves while our people look at who is part of it. Which side that is stays untold.
pub fn under_review() -> Refusal {
    let message = "our people are looking at who is part of this, and no money of theirs moves until they are done";
    Refusal::rule("COMPLIANCE_REVIEW", message)
}

impl Hit {
    /// A name or the country of somebody is on a list.
    pub fn found(
        actor: &Actor,
        now: Timestamp,
        id: ScreeningHitId,
        party: Party,
        name: String,
        listed: String,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ScreeningHitNote, &Subject::OURS)?;
        let hit = Self { id, party, name, listed, found_at: now, version: 1, state: HitState::Open };
        Ok(Change::to(hit).telling(Event::ScreeningHitFound { hit: id, party }))
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let may = access::allows(actor, Verb::ScreeningHitClear, &Subject::OURS) && !self.is_of(actor);
        match self.state {
            HitState::Open if may => vec![Verb::ScreeningHitClear],
            HitState::Open | HitState::Cleared { .. } => Vec::new(),
        }
    }

    /// One of our people, who has no part in it, found that it is nothing.
    pub fn clear(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ScreeningHitClear, &Subject::OURS)?;
        if self.is_of(actor) {
            return Err(Denied::NotAllowed.into());
        }
        if matches!(self.state, HitState::Cleared { .. }) {
            return Ok(Change::none(self));
        }
        expect_version(expected, self.version)?;
        let by = actor.person()?.user;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 1..=500);
        invalid.finish()?;
        let event = Event::ScreeningHitCleared { hit: self.id, party: self.party };
        let state = HitState::Cleared { at: now, by, reason };
        Ok(Change::to(Self { version: self.version + 1, state, ..self }).telling(event))
    }

    /// Is it about this actor, or a client of theirs?
    fn is_of(&self, actor: &Actor) -> bool {
        match (actor, self.party) {
            (Actor::Person(person), Party::Client(client)) => person.memberships.iter().any(|(of, _)| *of == client),
            (Actor::Person(person), Party::Freelancer(user)) => person.user == user,
            (Actor::Nobody | Actor::System, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn what_was_written_before_freelancers_were_screened_is_still_read() {
        let client = serde_json::to_value(id::<OrganizationId>(3)).unwrap();
        let hit = serde_json::json!({ "id": id::<ScreeningHitId>(1), "client": client, "name": "A", "listed": "a",
            "found_at": "2026-06-01T00:00:00Z", "version": 1, "state": { "status": "open" } });
        let read: Hit = serde_json::from_value(hit.clone()).unwrap();
        assert_eq!(read.party, Party::Client(id(3)));
        assert_eq!(serde_json::to_value(read).unwrap(), hit);
        let told = serde_json::json!({ "type": "screening_hit_found", "hit": id::<ScreeningHitId>(1), "organization": client });
        let event: Event = serde_json::from_value(told).unwrap();
        assert_eq!(event, Event::ScreeningHitFound { hit: id(1), party: Party::Client(id(3)) });
    }
}
