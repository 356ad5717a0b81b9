//! Screening of clients: a name of theirs is found on a list, and our people look at it. Meanwhile no money of theirs
//! moves ([`crate::contract::Contract::moves_money`]), and nothing is lost.
//!
//! What our people found to be nothing is not found again: the same name for the same entry of a list.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Denied, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{OrganizationId, ScreeningHitId, UserId};
use crate::refusal::{Invalid, Refusal, expect_version};

/// A client's name that was found on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its id.
    pub id: ScreeningHitId,
    /// Whose name.
    pub client: OrganizationId,
    /// The name, as the client writes it: the organization's, or an owner's.
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

/// No money of a client moves while our people look at it.
pub fn under_review() -> Refusal {
    let message = "our people are looking at this client, and no money of theirs moves until they are done";
    Refusal::rule("COMPLIANCE_REVIEW", message)
}

impl Hit {
    /// A name of a client is on a list.
    pub fn found(
        actor: &Actor,
        now: Timestamp,
        id: ScreeningHitId,
        client: OrganizationId,
        name: String,
        listed: String,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ScreeningHitNote, &Subject::OURS)?;
        let hit = Self { id, client, name, listed, found_at: now, version: 1, state: HitState::Open };
        Ok(Change::to(hit).telling(Event::ScreeningHitFound { hit: id, organization: client }))
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let may = access::allows(actor, Verb::ScreeningHitClear, &Subject::OURS) && !self.is_of(actor);
        match self.state {
            HitState::Open if may => vec![Verb::ScreeningHitClear],
            HitState::Open | HitState::Cleared { .. } => Vec::new(),
        }
    }

    /// One of our people, who has no part in the client, found that it is nothing.
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
        let event = Event::ScreeningHitCleared { hit: self.id, organization: self.client };
        let state = HitState::Cleared { at: now, by, reason };
        Ok(Change::to(Self { version: self.version + 1, state, ..self }).telling(event))
    }

    /// Is the client this actor's own?
    fn is_of(&self, actor: &Actor) -> bool {
        match actor {
            Actor::Person(person) => person.memberships.iter().any(|(client, _)| *client == self.client),
            Actor::Nobody | Actor::System => false,
        }
    }
}
