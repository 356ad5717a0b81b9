//! Who belongs to an organization: invitations by mail, roles, leaving, and passing it on. There
//! is always exactly one owner.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Member, Organization, OrganizationDraft, may_own};
use crate::Timestamp;
use crate::access::{self, Actor, MemberRole, Role, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{MemberId, MemberInvitationId, OrganizationId, UserId};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::user::{Email, User, given_reason};

/// How long an invitation may be answered.
pub const INVITATION_LIFETIME: TimeDelta = TimeDelta::days(14);
/// An organization waits for at most so many answers.
pub const INVITATIONS_MAX: i64 = 50;

/// An invitation by mail to join an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInvitation {
    /// The id.
    pub id: MemberInvitationId,
    /// The organization.
    pub organization: OrganizationId,
    /// Whose mailbox it goes to. Whoever reads it there may answer.
    pub email: Email,
    /// What the person would do.
    pub role: MemberRole,
    /// Who invites.
    pub invited_by: UserId,
    /// Where it stands.
    pub state: InvitationState,
    /// Since when.
    pub created_at: Timestamp,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// It may be answered.
    Pending {
        /// Until then.
        expires_at: Timestamp,
    },
    /// Somebody joined.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// Nobody will.
    Declined {
        /// When.
        at: Timestamp,
    },
    /// It was taken back.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

impl InvitationState {
    /// The name it is kept and shown by.
    pub fn status(self) -> InvitationStatus {
        match self {
            Self::Pending { .. } => InvitationStatus::Pending,
            Self::Accepted { .. } => InvitationStatus::Accepted,
            Self::Declined { .. } => InvitationStatus::Declined,
            Self::Revoked { .. } => InvitationStatus::Revoked,
        }
    }
}

/// Where an invitation stands, flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are those of InvitationState")]
pub enum InvitationStatus {
    Pending,
    Accepted,
    Declined,
    Revoked,
}

impl InvitationStatus {
    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
        }
    }
}

impl Organization {
    /// A member changes what the organization says of itself.
    pub fn update(
        self,
        actor: &Actor,
        expected_version: Option<i64>,
        draft: OrganizationDraft,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OrganizationUpdate, &self.subject())?;
        expect_version(expected_version, self.version)?;

        let OrganizationDraft { name, website, about } = draft;
        if (&name, &website, &about) == (&self.name, &self.website, &self.about) {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { name, website, about, version: self.version + 1, ..self }))
    }

    /// Somebody is invited to join by `inviter`, who acts. `waiting` is how many answers are waited for already.
    pub fn invite(
        &self,
        actor: &Actor,
        inviter: &User,
        id: MemberInvitationId,
        (email, role): (&str, MemberRole),
        waiting: i64,
        now: Timestamp,
    ) -> Result<Change<MemberInvitation>, Refusal> {
        access::check(actor, Verb::MemberInvite, &self.subject())?;
        let invited_by = actor.person()?.user;
        // Letters go to strangers, and whoever joins stays: neither for somebody with another's address.
        inviter.must_read_mail()?;

        let mut invalid = Invalid::default();
        let email = Email::parse(&mut invalid, "email", email);
        not_owner(&mut invalid, role);
        invalid.finish()?;
        if waiting >= INVITATIONS_MAX {
            return Err(Refusal::Limit {
                code: "INVITATIONS_WAITING".to_owned(),
                limit: INVITATIONS_MAX,
                value: waiting + 1,
                message: format!("{INVITATIONS_MAX} invitations wait for an answer: revoke some first."),
            });
        }
        let state = InvitationState::Pending { expires_at: now + INVITATION_LIFETIME };
        let invitation =
            MemberInvitation { id, organization: self.id, email, role, invited_by, state, created_at: now };
        Ok(Change::to(invitation).telling(Event::MemberInvited { invitation: id, organization: self.id }))
    }

    /// The owner passes the organization on to another member, and stays as an admin. Both come
    /// back with their new roles, who was the owner first. While the owner is suspended one of our people does it, for a
    /// `reason` that is kept in the audit log: else nobody could.
    pub fn transfer(
        &self,
        actor: &Actor,
        owner: Member,
        heir: Member,
        succession: Succession,
        reason: Option<&str>,
    ) -> Result<Change<(Member, Member)>, Refusal> {
        let by_us = access::check(actor, Verb::OrganizationTransfer, &self.subject())? == Role::Admin;
        // The actor's role may be older than the transaction: the row of the owner decides.
        if !by_us && actor.user() != Some(owner.user) {
            return Err(access::Denied::NotAllowed.into());
        }
        if heir.organization != self.id {
            return Err(Refusal::HIDDEN);
        }
        if by_us || reason.is_some() {
            given_reason(reason.unwrap_or_default())?;
        }
        if heir.user == owner.user {
            return Ok(Change::none((owner, heir)));
        }
        let Succession { owner_is_gone, heir_is_gone, owned } = succession;
        if by_us && !owner_is_gone {
            return Err(Refusal::rule(
                "OWNER_IS_THERE",
                "The owner can pass this organization on. We do it only while they are suspended.",
            ));
        }
        if heir_is_gone {
            return Err(Refusal::rule("MEMBER_CANT_OWN", "This member can't own an organization now. Choose another."));
        }
        may_own(owned)?;
        let (organization, to) = (self.id, heir.user);
        let owner = Member { role: MemberRole::Admin, ..owner };
        let heir = Member { role: MemberRole::Owner, ..heir };
        Ok(Change::to((owner, heir)).telling(Event::OrganizationTransferred { organization, to }))
    }
}

/// What of those whom it concerns decides whether an organization is passed on.
#[derive(Debug, Clone, Copy)]
pub struct Succession {
    /// Is whoever owns it suspended?
    pub owner_is_gone: bool,
    /// Is whoever is to own it?
    pub heir_is_gone: bool,
    /// How many organizations the latter owns already.
    pub owned: i64,
}

/// Who stands at the door with an invitation, and whether what it was given on still stands.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Whoever brings the link of the mail.
    pub reader: &'a User,
    /// Their membership, if they have joined.
    pub already: Option<&'a Member>,
    /// What whoever invited them may do by now, if they still belong and are not suspended.
    pub inviter: Option<MemberRole>,
    /// Is the owner of the organization still somebody?
    pub has_owner: bool,
}

impl Entry<'_> {
    /// Does what the invitation was given on still stand?
    fn stands(&self) -> bool {
        self.has_owner && self.inviter.is_some_and(MemberRole::invites)
    }
}

impl MemberInvitation {
    /// Whose it is: the organization's.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.organization)
    }

    /// Until when it may be answered, while nobody has.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.state {
            InvitationState::Pending { expires_at } => Some(expires_at),
            InvitationState::Accepted { .. } | InvitationState::Declined { .. } | InvitationState::Revoked { .. } => {
                None
            }
        }
    }

    /// May whoever brings the link of the mail see what it invites to? Those may it went to, while they can say yes.
    pub fn opens_to(&self, entry: Entry<'_>, now: Timestamp) -> bool {
        self.must_be_answerable(now).is_ok() && entry.reader.email == self.email && entry.stands()
    }

    /// Whoever was invited joins: who holds the link of the mail, and reads mail at the address it went to.
    pub fn accept(
        self,
        actor: &Actor,
        member: MemberId,
        entry: Entry<'_>,
        now: Timestamp,
    ) -> Result<Change<(Self, Member)>, Refusal> {
        let user = actor.person()?.user;
        if let (InvitationState::Accepted { .. }, Some(already)) = (&self.state, entry.already) {
            let already = already.clone();
            return Ok(Change::none((self, already)));
        }
        self.must_be_answerable(now)?;
        if entry.reader.email != self.email {
            return Err(Refusal::rule(
                "INVITATION_FOR_ANOTHER",
                "This invitation went to another address. Sign in to the account with that address, or ask for an \
                 invitation to yours.",
            ));
        }
        entry.reader.must_read_mail()?;
        // It is as good as revoked.
        if !entry.stands() {
            return Err(Refusal::wrong_state("member invitation", InvitationStatus::Revoked.as_str(), vec![]));
        }

        let (organization, role) = (self.organization, self.role);
        let member = Member { id: member, organization, user, role, created_at: now };
        let accepted = Self { state: InvitationState::Accepted { at: now }, ..self };
        Ok(Change::to((accepted, member)).telling(Event::MemberJoined { organization, user }))
    }

    /// Whoever holds the link of the mail says no.
    pub fn decline(self, now: Timestamp) -> Result<Change<Self>, Refusal> {
        if let InvitationState::Declined { .. } = self.state {
            return Ok(Change::none(self));
        }
        self.must_be_answerable(now)?;
        Ok(Change::to(Self { state: InvitationState::Declined { at: now }, ..self }))
    }

    /// A member takes it back.
    pub fn revoke(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::MemberInvite, &self.subject())?;
        match self.state {
            InvitationState::Revoked { .. } => Ok(Change::none(self)),
            InvitationState::Pending { .. } => {
                Ok(Change::to(Self { state: InvitationState::Revoked { at: now }, ..self }))
            }
            InvitationState::Accepted { .. } | InvitationState::Declined { .. } => Err(self.wrong_state()),
        }
    }

    fn must_be_answerable(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            InvitationState::Pending { expires_at } if now < expires_at => Ok(()),
            InvitationState::Pending { .. } => {
                Err(Refusal::rule("INVITATION_EXPIRED", "This invitation is over. Ask for another."))
            }
            InvitationState::Accepted { .. } | InvitationState::Declined { .. } | InvitationState::Revoked { .. } => {
                Err(self.wrong_state())
            }
        }
    }

    fn wrong_state(&self) -> Refusal {
        Refusal::wrong_state("member invitation", self.state.status().as_str(), vec![])
    }
}

impl Member {
    /// Whose it is: the organization's.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.organization)
    }

    /// The member is given another role. Ownership is passed on, not given.
    pub fn update(self, actor: &Actor, role: MemberRole) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::MemberUpdate, &self.subject())?;
        if self.role == MemberRole::Owner {
            return Err(owner_stays());
        }
        let mut invalid = Invalid::default();
        not_owner(&mut invalid, role);
        invalid.finish()?;
        if self.role == role {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { role, ..self }))
    }

    /// The member is removed by another, or leaves.
    pub fn remove(self, actor: &Actor) -> Result<Change<Self>, Refusal> {
        if actor.person()?.user != self.user {
            access::check(actor, Verb::MemberRemove, &self.subject())?;
        }
        if self.role == MemberRole::Owner {
            return Err(owner_stays());
        }
        let (organization, user) = (self.organization, self.user);
        Ok(Change::to(self).telling(Event::MemberLeft { organization, user }))
    }
}

fn not_owner(invalid: &mut Invalid, role: MemberRole) {
    if role == MemberRole::Owner {
        invalid.add("role", "OUT_OF_RANGE", "there is one owner: pass the organization on instead");
    }
}

fn owner_stays() -> Refusal {
    Refusal::rule("OWNER_STAYS", "An organization has an owner: pass it on first.")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::id::Id;
    use crate::user::SignUp;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn acme() -> Organization {
        let id = OrganizationId::from_uuid(Uuid::from_u128(1));
        Organization { id, name: "Acme".into(), website: None, about: String::new(), version: 1, created_at: START }
    }

    fn person(n: u128, role: Option<MemberRole>) -> Actor {
        let memberships = role.map(|role| (acme().id, role)).into_iter().collect();
        Actor::Person(Person { user: user(n), suspended: false, second_factor: true, staff: None, memberships })
    }

    fn member(n: u128, role: MemberRole) -> Member {
        let id = MemberId::from_uuid(Uuid::from_u128(n));
        Member { id, organization: acme().id, user: user(n), role, created_at: START }
    }

    fn invited() -> MemberInvitation {
        let owner = person(1, Some(MemberRole::Owner));
        let id = MemberInvitationId::from_uuid(Uuid::nil());
        acme()
            .invite(&owner, &reader(1, "ada@example.com"), id, ("bo@example.com", MemberRole::Finance), 0, START)
            .unwrap()
            .next
    }

    #[test]
    fn invitations_come_from_owners_and_admins_and_make_no_owners() {
        let id = MemberInvitationId::from_uuid(Uuid::nil());
        let ada = reader(1, "ada@example.com");
        let unverified = User { email_verified_at: None, ..ada.clone() };
        let invites = |actor: &Actor, inviter, role, waiting| {
            acme().invite(actor, inviter, id, ("bo@example.com", role), waiting, START).map(|_| ())
        };
        let invite = |actor: &Actor, role| invites(actor, &ada, role, 0);
        for role in MemberRole::ALL {
            let may = matches!(role, MemberRole::Owner | MemberRole::Admin);
            let expected = if may { Ok(()) } else { Err(Denied::NotAllowed.into()) };
            assert_eq!(invite(&person(1, Some(role)), MemberRole::Viewer), expected, "{role:?}");
        }
        assert_eq!(invite(&person(1, None), MemberRole::Viewer), Err(Denied::Hidden.into()));
        assert!(matches!(invite(&person(1, Some(MemberRole::Owner)), MemberRole::Owner), Err(Refusal::Invalid { .. })));
        let owner = person(1, Some(MemberRole::Owner));
        let many = invites(&owner, &ada, MemberRole::Viewer, 50);
        assert!(matches!(many, Err(Refusal::Limit { limit: 50, .. })));
        let unread = invites(&owner, &unverified, MemberRole::Viewer, 0);
        assert!(matches!(unread, Err(Refusal::Rule { code, .. }) if code == "EMAIL_NOT_VERIFIED"));
        assert_eq!(invites(&person(1, None), &unverified, MemberRole::Viewer, 0), Err(Denied::Hidden.into()));
    }

    fn reader(n: u128, email: &str) -> User {
        let sign_up = SignUp::parse(email, "Bo", "tuba-gravel-ninety", None, None).unwrap();
        let reader = sign_up.create(user(n), START).next;
        let email = reader.email.clone();
        reader.verify_email(&email, START).unwrap().next
    }

    fn at_the_door(reader: &User) -> Entry<'_> {
        Entry { reader, already: None, inviter: Some(MemberRole::Owner), has_owner: true }
    }

    #[test]
    fn an_invitation_is_for_whom_it_went_to_and_as_good_as_whoever_gave_it() {
        let (id, bo) = (MemberId::from_uuid(Uuid::nil()), person(2, None));
        let refused = |entry: Entry<'_>| match invited().accept(&bo, id, entry, START) {
            Err(Refusal::Rule { code, .. }) => code,
            Err(Refusal::WrongState { state, .. }) => state,
            other => panic!("{other:?}"),
        };
        let right = reader(2, "bo@example.com");
        assert_eq!(refused(at_the_door(&reader(2, "eve@example.com"))), "INVITATION_FOR_ANOTHER");
        let unverified = User { email_verified_at: None, ..right.clone() };
        assert_eq!(refused(at_the_door(&unverified)), "EMAIL_NOT_VERIFIED");
        for inviter in [None, Some(MemberRole::Finance), Some(MemberRole::Viewer)] {
            assert_eq!(refused(Entry { inviter, ..at_the_door(&right) }), "revoked", "{inviter:?}");
        }
        assert_eq!(refused(Entry { has_owner: false, ..at_the_door(&right) }), "revoked");
        let by_admin = Entry { inviter: Some(MemberRole::Admin), ..at_the_door(&right) };
        assert!(invited().accept(&bo, id, by_admin, START).is_ok());
    }

    #[test]
    fn an_invitation_is_answered_once_and_in_time() {
        let id = MemberId::from_uuid(Uuid::nil());
        let bo = person(2, None);
        let reader = reader(2, "bo@example.com");
        let entry = at_the_door(&reader);
        let accepted = invited().accept(&bo, id, entry, START).unwrap().next;
        assert_eq!((accepted.1.role, accepted.1.user), (MemberRole::Finance, user(2)));
        assert!(matches!(accepted.0.clone().accept(&bo, id, entry, START), Err(Refusal::WrongState { .. })));
        let joined = Entry { already: Some(&accepted.1), ..entry };
        let again = accepted.0.clone().accept(&bo, id, joined, START).unwrap();
        assert!(!again.changed && again.next == accepted, "who joined has joined");
        assert!(matches!(accepted.0.decline(START), Err(Refusal::WrongState { .. })));
        let late = invited().accept(&bo, id, entry, START + INVITATION_LIFETIME);
        assert!(matches!(late, Err(Refusal::Rule { code, .. }) if code == "INVITATION_EXPIRED"));
        let revoked = invited().revoke(&person(1, Some(MemberRole::Admin)), START).unwrap().next;
        assert!(matches!(revoked.accept(&bo, id, entry, START), Err(Refusal::WrongState { .. })));
        assert_eq!(invited().accept(&Actor::Nobody, id, entry, START), Err(Denied::SignIn.into()));
        assert_eq!(invited().revoke(&person(3, None), START), Err(Denied::Hidden.into()));
    }

    #[test]
    fn the_owner_stays_until_the_organization_is_passed_on() {
        let (owner, bo) = (person(1, Some(MemberRole::Owner)), person(2, Some(MemberRole::Admin)));
        assert_eq!(member(1, MemberRole::Owner).remove(&owner), Err(owner_stays()));
        assert_eq!(member(1, MemberRole::Owner).remove(&bo), Err(owner_stays()));
        assert_eq!(member(1, MemberRole::Owner).update(&bo, MemberRole::Viewer), Err(owner_stays()));
        let passes_on = |actor: &Actor, owned| {
            let (owner, heir) = (member(1, MemberRole::Owner), member(2, MemberRole::Admin));
            let succession = Succession { owner_is_gone: false, heir_is_gone: false, owned };
            acme().transfer(actor, owner, heir, succession, None).map(|change| change.next)
        };
        let pass_on = |actor: &Actor| passes_on(actor, 0);
        let (before, after) = pass_on(&owner).unwrap();
        assert_eq!((before.role, after.role), (MemberRole::Admin, MemberRole::Owner));
        assert_eq!(pass_on(&bo), Err(Denied::NotAllowed.into()));
        assert!(matches!(passes_on(&owner, 10), Err(Refusal::Limit { limit: 10, .. })), "who owns enough");
        let outdated = person(3, Some(MemberRole::Owner));
        assert_eq!(pass_on(&outdated), Err(Denied::NotAllowed.into()), "who was the owner a moment ago");
    }

    #[test]
    fn our_people_pass_on_what_nobody_else_can_and_nobody_passes_on_to_who_is_gone() {
        let staff = Some(Staff::Admin);
        let noor = Person { user: user(9), suspended: false, second_factor: true, staff, memberships: vec![] };
        let (noor, owner) = (Actor::Person(noor), person(1, Some(MemberRole::Owner)));
        let pass_on = |actor: &Actor, owner_is_gone, heir_is_gone, reason| {
            let (owner, heir) = (member(1, MemberRole::Owner), member(2, MemberRole::Viewer));
            let succession = Succession { owner_is_gone, heir_is_gone, owned: 0 };
            acme().transfer(actor, owner, heir, succession, reason).map(|change| change.next.1.role)
        };
        let code = |refused: Result<MemberRole, Refusal>| match refused {
            Err(Refusal::Rule { code, .. }) => code,
            Err(Refusal::Invalid { fields }) => fields[0].path.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(pass_on(&noor, true, false, Some("The owner is gone")), Ok(MemberRole::Owner));
        assert_eq!(code(pass_on(&noor, true, false, None)), "reason", "it takes one");
        assert_eq!(code(pass_on(&noor, false, false, Some("They asked"))), "OWNER_IS_THERE");
        assert_eq!(code(pass_on(&noor, true, true, Some("The owner is gone"))), "MEMBER_CANT_OWN");
        assert_eq!(code(pass_on(&owner, false, true, None)), "MEMBER_CANT_OWN");
        assert_eq!(code(pass_on(&owner, false, false, Some(""))), "reason", "one that is given is one");
        let admin = person(2, Some(MemberRole::Admin));
        assert_eq!(pass_on(&admin, true, false, Some("Mine now")), Err(Denied::NotAllowed.into()));
    }

    #[test]
    fn members_leave_by_themselves_or_are_removed_by_those_who_may() {
        let viewer = person(2, Some(MemberRole::Viewer));
        assert!(member(2, MemberRole::Viewer).remove(&viewer).is_ok());
        assert_eq!(member(3, MemberRole::Viewer).remove(&viewer), Err(Denied::NotAllowed.into()));
        assert!(member(3, MemberRole::Viewer).remove(&person(1, Some(MemberRole::Admin))).is_ok());
        assert_eq!(member(3, MemberRole::Viewer).remove(&person(9, None)), Err(Denied::Hidden.into()));
        assert_eq!(member(2, MemberRole::Viewer).update(&viewer, MemberRole::Admin), Err(Denied::NotAllowed.into()));
    }
}
