//! Client companies, and who belongs to them.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, MemberRole, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{MemberId, OrganizationId, UserId};
use crate::refusal::{Invalid, Refusal};

mod membership;

pub use membership::{
    Entry, INVITATION_LIFETIME, INVITATIONS_MAX, InvitationState, InvitationStatus, MemberInvitation, Succession,
};

/// A client company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// The name it goes by.
    pub name: String,
    /// Its website, starting with `https://`.
    pub website: Option<String>,
    /// What it does, in its own words.
    pub about: String,
    /// Counts the changes, for those who want to change what they saw.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A person's membership of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// What the person may do for it.
    pub role: MemberRole,
    /// Since when.
    pub created_at: Timestamp,
}

/// The most organizations that one person owns.
pub const OWNED_MAX: i64 = 10;

/// May somebody who owns so many organizations own another?
pub fn may_own(owned: i64) -> Result<(), Refusal> {
    if owned < OWNED_MAX {
        return Ok(());
    }
    Err(Refusal::Limit {
        code: "ORGANIZATIONS_OWNED".to_owned(),
        limit: OWNED_MAX,
        value: owned + 1,
        message: format!("one person owns at most {OWNED_MAX} organizations: pass one on first"),
    })
}

/// The most drafts of a kind that an organization keeps at once.
pub const DRAFTS_MAX: i64 = 200;

/// May an organization that keeps so many drafts of something make another?
pub fn may_draft(what: &str, waiting: i64) -> Result<(), Refusal> {
    if waiting < DRAFTS_MAX {
        return Ok(());
    }
    Err(Refusal::Limit {
        code: "TOO_MANY_DRAFTS".to_owned(),
        limit: DRAFTS_MAX,
        value: waiting + 1,
        message: format!("an organization keeps {DRAFTS_MAX} drafts of {what}, and there are {waiting}"),
    })
}

/// What an organization says of itself, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationDraft {
    name: String,
    website: Option<String>,
    about: String,
}

impl OrganizationDraft {
    /// Check what somebody typed, and tell all that is wrong with it at once.
    pub fn parse(name: &str, website: Option<&str>, about: Option<&str>) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let name = invalid.line("name", name, 2..=120);
        let about = invalid.text("about", about.unwrap_or_default(), 0..=5_000);
        let website = website.map(|website| invalid.line("website", website, 0..=300)).filter(|text| !text.is_empty());
        if website.as_ref().is_some_and(|website| !website.starts_with("https://")) {
            invalid.add("website", "MALFORMED", "must be an address that starts with https://");
        }
        invalid.finish()?;
        Ok(Self { name, website, about })
    }

    /// Create the organization; whoever does becomes its owner. `owned` is how many they own already.
    pub fn create(
        self,
        actor: &Actor,
        id: OrganizationId,
        member: MemberId,
        owned: i64,
        now: Timestamp,
    ) -> Result<Change<(Organization, Member)>, Refusal> {
        let user = actor.person()?.user;
        access::check(actor, Verb::OrganizationCreate, &Subject::of_person(user))?;
        may_own(owned)?;

        let Self { name, website, about } = self;
        let organization = Organization { id, name, website, about, version: 1, created_at: now };
        let owner = Member { id: member, organization: id, user, role: MemberRole::Owner, created_at: now };
        Ok(Change::to((organization, owner)).telling(Event::OrganizationCreated { organization: id }))
    }
}

impl Organization {
    /// Whose it is.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.id)
    }

    /// May this actor see its inside (members, settings)?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::OrganizationRead, &self.subject())
    }
}
