//! Passkeys: a key in somebody's device or password manager that signs a challenge of ours, and only
//! for a page of ours, after the person showed the device that it is them. One alone proves both what
//! somebody has and what they know or are. What is checked here follows W3C's Web Authentication
//! Level 3, §7.1 (a passkey is added) and §7.2 (one is used).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::account::SafetyAct;
use crate::change::Change;
use crate::event::Event;
use crate::id::{CeremonyId, PasskeyId, SessionId, UserId};
use crate::refusal::{Invalid, Refusal};

pub mod party;
pub mod statement;

use statement::{Flags, Flaw};

/// So many passkeys one person has at most.
pub const MOST: u32 = 20;
/// How long somebody may take from being asked for a passkey to showing it.
pub const CEREMONY_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The ways a browser may reach a device, as the specification names them. Others are not kept.
pub const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// A passkey of somebody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// The id.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What they call it.
    pub name: String,
    /// What the device made, and how it last stood.
    pub credential: Credential,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last proved who its person is.
    pub last_used_at: Option<Timestamp>,
}

/// A key pair in a device, as far as we know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The name that the device gave it: 1 to 1,023 bytes that nobody else's has.
    pub handle: Vec<u8>,
    /// The public key, in COSE's form.
    pub public_key: Vec<u8>,
    /// How often the device says it has signed; zero for those that don't count.
    pub counter: u32,
    /// Can it be copied to other devices of the person? That never changes.
    pub is_backup_eligible: bool,
    /// Is it copied somewhere now?
    pub is_backed_up: bool,
    /// How a browser may reach the device: some of [`TRANSPORTS`].
    pub transports: Vec<String>,
}

/// What showing a passkey whose signature is right leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// It is the person.
    Taken(Passkey),
    /// The device counted backwards: there are two, and nobody can tell which is the person's.
    Copied(Passkey),
}

impl Passkey {
    /// What somebody calls a passkey: 1 to 80 characters.
    pub fn parse_name(name: &str) -> Result<String, Refusal> {
        let mut invalid = Invalid::default();
        let name = invalid.line("name", name, 1..=80);
        invalid.finish()?;
        Ok(name)
    }

    /// May the person have one more than the `kept` that they have?
    pub fn may_be_added(actor: &Actor, user: UserId, kept: u32) -> Result<(), Refusal> {
        access::check(actor, Verb::PasskeyAdd, &Subject::of_person(user))?;
        if kept >= MOST {
            let message = format!("You can have {MOST} passkeys: remove one first.");
            return Err(Refusal::Limit {
                code: "PASSKEYS".to_owned(),
                limit: MOST.into(),
                value: i64::from(kept) + 1,
                message,
            });
        }
        Ok(())
    }

    /// A passkey is added beside the `kept` that the person has. They are told.
    pub fn add(
        actor: &Actor,
        name: String,
        credential: Credential,
        kept: u32,
        id: PasskeyId,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        let user = actor.person()?.user;
        Self::may_be_added(actor, user, kept)?;
        let passkey = Self { id, user, name, credential, created_at: now, last_used_at: None };
        Ok(Change::to(passkey).telling(Event::AccountSecured { user, act: SafetyAct::PasskeyAdded }))
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// It is called something else.
    pub fn rename(self, actor: &Actor, name: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PasskeyRename, &self.subject())?;
        if self.name == name { Ok(Change::none(self)) } else { Ok(Change::to(Self { name, ..self })) }
    }

    /// It opens the account no more. The password always does, so there is no last one to keep.
    pub fn remove(self, actor: &Actor) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PasskeyRemove, &self.subject())?;
        let event = Event::AccountSecured { user: self.user, act: SafetyAct::PasskeyRemoved };
        Ok(Change::to(self).telling(event))
    }

    /// It was shown, with a signature that is right. A device that counts has to have counted on since
    /// (§7.2, step 22); whether it can be copied was said when it was added, and stays so.
    pub fn show(self, flags: Flags, counter: u32, now: Timestamp) -> Result<Change<Shown>, Refusal> {
        let known = self.credential.counter;
        if flags.is_backup_eligible() != self.credential.is_backup_eligible {
            return Err(Flaw::BackupState.into());
        }
        if (counter != 0 || known != 0) && counter <= known {
            let event = Event::AccountSecured { user: self.user, act: SafetyAct::PasskeyCopied };
            return Ok(Change::to(Shown::Copied(self)).telling(event));
        }
        let credential = Credential { counter, is_backed_up: flags.is_backed_up(), ..self.credential };
        Ok(Change::to(Shown::Taken(Self { credential, last_used_at: Some(now), ..self })))
    }
}

/// What a passkey is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be added to an account.
    Add,
    /// To sign in.
    SignIn,
    /// To prove once more who somebody is.
    Prove,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Add, Self::SignIn, Self::Prove];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::SignIn => "sign_in",
            Self::Prove => "prove",
        }
    }

    /// What a browser calls it in what the device signs.
    pub fn client_type(self) -> &'static str {
        match self {
            Self::Add => "webauthn.create",
            Self::SignIn | Self::Prove => "webauthn.get",
        }
    }
}

/// Who is signed in, and in which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
}

/// Somebody was asked for a passkey: a challenge that is signed once, soon, and by whom it was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// The id.
    pub id: CeremonyId,
    /// What for.
    pub purpose: Purpose,
    /// Who asked; nobody, to sign in.
    pub holder: Option<Holder>,
    /// What is to be signed: 32 random bytes.
    pub challenge: Vec<u8>,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Ceremony {
    /// Somebody is asked for a passkey.
    pub fn begin(id: CeremonyId, purpose: Purpose, holder: Option<Holder>, challenge: Vec<u8>, now: Timestamp) -> Self {
        Self { id, purpose, holder, challenge, expires_at: now + CEREMONY_LIFETIME }
    }

    /// The challenge that must have been signed, for whoever comes with an answer.
    pub fn finish(self, purpose: Purpose, holder: Option<Holder>, now: Timestamp) -> Result<Vec<u8>, Refusal> {
        if self.purpose == purpose && self.holder == holder && now < self.expires_at {
            Ok(self.challenge)
        } else {
            Err(ceremony_refused())
        }
    }
}

/// The one answer to a ceremony that was made up, finished before, over, of another kind or for
/// somebody else.
pub fn ceremony_refused() -> Refusal {
    Refusal::rule("PASSKEY_CEREMONY_INVALID", "This took too long, or was finished before. Begin again.")
}

/// The one answer to a passkey that we don't know, one that was removed, and a signature that is not
/// its own, so that a guess learns nothing.
pub fn passkey_refused() -> Refusal {
    Refusal::rule("PASSKEY_REFUSED", "This passkey opens nothing here. Use another, or your password.")
}

/// There is a passkey already that the device calls so.
pub fn passkey_taken() -> Refusal {
    Refusal::rule("PASSKEY_TAKEN", "This passkey was added before.")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person};
    use crate::id::Id;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn person(n: u128) -> Actor {
        Actor::Person(Person { user: user(n), suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    fn passkey(counter: u32) -> Passkey {
        let credential = Credential {
            handle: vec![1; 16],
            public_key: vec![2],
            counter,
            is_backup_eligible: true,
            is_backed_up: false,
            transports: vec![],
        };
        let id = PasskeyId::from_uuid(Uuid::from_u128(9));
        Passkey::add(&person(1), "Phone".to_owned(), credential, 0, id, NOW).unwrap().next
    }

    #[test]
    fn a_name_is_one_line_for_it_stands_in_letters() {
        assert_eq!(Passkey::parse_name(" Ada's phone "), Ok("Ada's phone".to_owned()));
        for name in ["", "A phone\r\n\r\nAll is well", "A\u{200B}phone", &"x".repeat(81)] {
            assert!(matches!(Passkey::parse_name(name), Err(Refusal::Invalid { .. })), "{name:?}");
        }
    }

    #[test]
    fn a_device_that_counts_counts_on() {
        let flags = Flags(0b0001_1101);
        for (known, said, is_taken) in [
            (0, 0, true),
            (0, 1, true),
            (7, 8, true),
            (7, u32::MAX, true),
            (7, 7, false),
            (7, 6, false),
            (7, 0, false),
            (u32::MAX, 1, false),
        ] {
            let change = passkey(known).show(flags, said, NOW + TimeDelta::days(1)).unwrap();
            match change.next {
                Shown::Taken(passkey) => {
                    assert!(is_taken, "{known} {said}");
                    assert_eq!((passkey.credential.counter, passkey.credential.is_backed_up), (said, true));
                    assert_eq!(passkey.last_used_at, Some(NOW + TimeDelta::days(1)));
                }
                Shown::Copied(as_it_was) => {
                    assert!(!is_taken, "{known} {said}");
                    assert_eq!(as_it_was, passkey(known));
                    assert_eq!(change.events.len(), 1, "the person is told");
                }
            }
        }
        let another_nature = passkey(0).show(Flags(0b0000_0101), 0, NOW);
        assert_eq!(another_nature, Err(Flaw::BackupState.into()));
    }

    #[test]
    fn only_its_person_adds_renames_and_removes_one() {
        let other = person(2);
        assert_eq!(passkey(0).rename(&other, "Mine".to_owned()), Err(Denied::Hidden.into()));
        assert_eq!(passkey(0).remove(&other), Err(Denied::Hidden.into()));
        assert_eq!(passkey(0).remove(&Actor::Nobody), Err(Denied::SignIn.into()));
        assert_eq!(Passkey::may_be_added(&other, user(1), 0), Err(Denied::Hidden.into()));
        assert_eq!(passkey(0).rename(&person(1), "Key".to_owned()).unwrap().next.name, "Key");
        assert!(!passkey(0).rename(&person(1), "Phone".to_owned()).unwrap().changed);
        assert_eq!(passkey(0).remove(&person(1)).unwrap().events.len(), 1);
        assert_eq!(Passkey::may_be_added(&person(1), user(1), MOST - 1), Ok(()));
        assert!(matches!(Passkey::may_be_added(&person(1), user(1), MOST), Err(Refusal::Limit { .. })));
    }

    #[test]
    fn a_ceremony_is_finished_in_time_by_whom_and_for_what_it_was_begun() {
        let session = |n: u128| SessionId::from_uuid(Uuid::from_u128(n));
        let holder = |n: u128, of: u128| Some(Holder { user: user(n), session: session(of) });
        let id = CeremonyId::from_uuid(Uuid::from_u128(5));
        let over = NOW + CEREMONY_LIFETIME;
        let in_time = over - TimeDelta::seconds(1);
        for purpose in Purpose::ALL {
            for asked_by in [None, holder(1, 1)] {
                let ceremony = || Ceremony::begin(id, purpose, asked_by, vec![7; 32], NOW);
                assert_eq!(ceremony().finish(purpose, asked_by, in_time), Ok(vec![7; 32]));
                assert_eq!(ceremony().finish(purpose, asked_by, over), Err(ceremony_refused()), "over");
                for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                    assert_eq!(ceremony().finish(other, asked_by, NOW), Err(ceremony_refused()), "{other:?}");
                }
                let others = [None, holder(1, 1), holder(1, 2), holder(2, 1)];
                for other in others.into_iter().filter(|other| *other != asked_by) {
                    assert_eq!(ceremony().finish(purpose, other, NOW), Err(ceremony_refused()), "{other:?}");
                }
            }
        }
    }
}
