//! The audit log: who did what to which object, when, and why. It is written by infra in the
//! transaction of the act, can't be changed, and is read by our people only; what is decided here is
//! who may read it, and what can be asked of it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::id::AuditEntryId;
use crate::refusal::{Invalid, Refusal};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The id.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who: the id of a person, or `system`.
    pub actor: String,
    /// What: `payout_reject`.
    pub act: String,
    /// To what: an id.
    pub subject: String,
    /// Plain facts about it, no secrets.
    pub detail: serde_json::Value,
    /// The trace of the request it was done by.
    pub trace: String,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those about this object.
    pub subject: Option<String>,
    /// Only what this person (or `system`) did.
    pub actor: Option<String>,
}

impl AuditFilter {
    /// Our people ask for lines of the log.
    pub fn ask(actor: &Actor, subject: Option<&str>, by: Option<&str>) -> Result<Self, Refusal> {
        access::check(actor, Verb::AuditRead, &Subject::OURS)?;
        let mut invalid = Invalid::default();
        let subject = subject.map(|subject| invalid.text("subject", subject, 1..=100));
        let by = by.map(|by| invalid.text("actor", by, 1..=100));
        invalid.finish()?;
        Ok(Self { subject, actor: by })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person, Staff};
    use crate::id::{Id, OrganizationId, UserId};

    #[test]
    fn only_admins_read_it() {
        let person = |staff, memberships| {
            let user = UserId::from_uuid(Uuid::from_u128(1));
            Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships })
        };
        let owner = vec![(OrganizationId::from_uuid(Uuid::from_u128(1)), MemberRole::Owner)];
        let ask = |actor: &Actor| AuditFilter::ask(actor, Some("mil_1"), None);
        let filter = AuditFilter { subject: Some("mil_1".to_owned()), actor: None };
        assert_eq!(ask(&person(Some(Staff::Admin), vec![])), Ok(filter));
        assert_eq!(ask(&person(None, owner)), Err(Denied::Hidden.into()));
        assert_eq!(ask(&person(Some(Staff::Mediator), vec![])), Err(Denied::Hidden.into()));
        assert_eq!(ask(&Actor::Nobody), Err(Denied::SignIn.into()));
        let admin = person(Some(Staff::Admin), vec![]);
        assert!(
            matches!(AuditFilter::ask(&admin, Some(""), Some(&"x".repeat(101))), Err(Refusal::Invalid { fields }) if fields.len() == 2)
        );
    }
}
