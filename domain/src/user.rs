//! People: who they are, where and in which language.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Staff, Subject, Verb};
use crate::account::{SafetyAct, Ties, code_refused};
use crate::change::Change;
use crate::event::Event;
use crate::id::{MailCodeId, UserId};
use crate::password::Password;
use crate::refusal::{Invalid, Refusal};

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// Where mail goes, and what the person signs in with. Nobody else's business.
    pub email: Email,
    /// The legal name, in one piece: single names are names.
    pub name: String,
    /// Where the person's clock is.
    pub time_zone: TimeZone,
    /// The language of what we write to the person.
    pub locale: Locale,
    /// When the person proved to read mail at the address.
    pub email_verified_at: Option<Timestamp>,
    /// What the person does for the platform, if anything.
    pub staff: Option<Staff>,
    /// Since when the person may do nothing.
    pub suspended_at: Option<Timestamp>,
    /// When the last suspension was lifted, if one was.
    pub reinstated_at: Option<Timestamp>,
    /// Since when nothing is left of the person but the id, which the books refer to.
    pub erased_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
    /// Since when there is an account.
    pub created_at: Timestamp,
}

/// An email address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// An IANA time zone, like `Asia/Karachi`. Never an offset: those change with the seasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(pub Tz);

/// A language, and perhaps a script and a country: `en`, `ur-PK`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// What somebody gives of themselves to sign up, checked.
#[derive(Debug, Clone)]
pub struct SignUp {
    email: Email,
    name: String,
    password: Password,
    time_zone: TimeZone,
    locale: Locale,
}

/// What somebody changes about themselves, checked. What is absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserEdit {
    name: Option<String>,
    time_zone: Option<TimeZone>,
    locale: Option<Locale>,
}

impl SignUp {
    /// Check what somebody typed, and tell all that is wrong with it at once.
    pub fn parse(
        email: &str,
        name: &str,
        password: &str,
        time_zone: Option<&str>,
        locale: Option<&str>,
    ) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let address = Email::parse(&mut invalid, "email", email);
        let name = invalid.line("name", name, 1..=120);
        let password = Password::parse(&mut invalid, "password", password, &[email, &name]);
        let time_zone = TimeZone::parse(&mut invalid, "timeZone", time_zone.unwrap_or("UTC"));
        let locale = Locale::parse(&mut invalid, "locale", locale.unwrap_or("en"));
        invalid.finish()?;
        Ok(Self { email: address, name, password, time_zone, locale })
    }

    /// The chosen password.
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// The account comes to be. Anybody may have one.
    pub fn create(self, id: UserId, now: Timestamp) -> Change<User> {
        let Self { email, name, password: _, time_zone, locale } = self;
        let user = User {
            id,
            email,
            name,
            time_zone,
            locale,
            email_verified_at: None,
            staff: None,
            suspended_at: None,
            reinstated_at: None,
            erased_at: None,
            version: 1,
            created_at: now,
        };
        Change::to(user).telling(Event::UserSignedUp { user: id })
    }
}

impl UserEdit {
    /// Check what somebody typed, and tell all that is wrong with it at once.
    pub fn parse(name: Option<&str>, time_zone: Option<&str>, locale: Option<&str>) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let name = name.map(|name| invalid.line("name", name, 1..=120));
        let time_zone = time_zone.map(|name| TimeZone::parse(&mut invalid, "timeZone", name));
        let locale = locale.map(|name| Locale::parse(&mut invalid, "locale", name));
        invalid.finish()?;
        Ok(Self { name, time_zone, locale })
    }
}

impl User {
    /// Whose it is: the person's own.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.id)
    }

    /// May this actor see what is the person's own business (the email, say)?
    pub fn readable_by(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::UserRead, &self.subject())
    }

    /// The person changes something about themselves.
    pub fn update(self, actor: &Actor, edit: UserEdit) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::UserUpdate, &self.subject())?;

        let UserEdit { name, time_zone, locale } = edit;
        let next = Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            time_zone: time_zone.unwrap_or(self.time_zone),
            locale: locale.unwrap_or_else(|| self.locale.clone()),
            ..self.clone()
        };
        if next == self {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { version: self.version + 1, ..next }))
    }

    /// An operator makes the person one of our people, or no longer one. `second_factor` says whether signing in takes a
    /// second proof of them already: else whoever knew their password alone could set up the first one, and act for us.
    pub fn become_staff(
        self,
        actor: &Actor,
        staff: Option<Staff>,
        second_factor: bool,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::StaffGrant, &self.subject())?;
        if self.staff == staff {
            return Ok(Change::none(self));
        }
        if staff.is_some() {
            self.must_read_mail()?;
            if !second_factor {
                return Err(access::Denied::SecondFactor.into());
            }
        }
        Ok(Change::to(Self { staff, version: self.version + 1, ..self }))
    }

    /// One of our people suspends the person, for a `reason` that is kept in the audit log. Whose
    /// money is whose does not change by it.
    pub fn suspend(self, actor: &Actor, now: Timestamp, reason: &str) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::UserSuspend, &self.subject())?;
        given_reason(reason)?;
        if self.suspended_at.is_some() {
            return Ok(Change::none(self));
        }
        let event = Event::UserSuspended { user: self.id };
        Ok(Change::to(Self { suspended_at: Some(now), version: self.version + 1, ..self }).telling(event))
    }

    /// The person may do things again; they have to sign in anew.
    pub fn reinstate(self, actor: &Actor, now: Timestamp, reason: &str) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::UserReinstate, &self.subject())?;
        given_reason(reason)?;
        if self.suspended_at.is_none() {
            return Ok(Change::none(self));
        }
        let event = Event::UserReinstated { user: self.id };
        let version = self.version + 1;
        Ok(Change::to(Self { suspended_at: None, reinstated_at: Some(now), version, ..self }).telling(event))
    }

    /// One of our people does away with the second factor of somebody who has lost it, for a `reason` that is kept in the
    /// audit log: how they know who asked. `has_one` says whether signing in takes it. The password stays as it is, so
    /// whoever deceives us is not in yet; and who is one of our people is so by their second factor alone.
    pub fn reset_second_factor(self, actor: &Actor, has_one: bool, reason: &str) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::SecondFactorReset, &self.subject())?;
        given_reason(reason)?;
        self.must_be_nobody_of_ours()?;
        if !has_one {
            return Ok(Change::none(self));
        }
        let event = Event::AccountSecured { user: self.id, act: SafetyAct::SecondFactorReset };
        Ok(Change::to(self).telling(event))
    }

    /// One of our people gives the account the address back that it `had` before somebody else took it over, for a
    /// `reason` that is kept in the audit log: how they know whose it is. Whoever reads the mail there has it, and whoever
    /// reads it at the address that is left hears of that by the `note` of it: it may be they who were robbed.
    pub fn restore_email(
        self,
        actor: &Actor,
        email: Email,
        had: bool,
        note: MailCodeId,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::EmailRestore, &self.subject())?;
        given_reason(reason)?;
        self.must_be_nobody_of_ours()?;
        if self.email == email {
            return Ok(Change::none(self));
        }
        if !had {
            return Err(Refusal::field("email", "UNKNOWN", "is no address that the account had in the last 30 days"));
        }
        let restored = Event::AccountSecured { user: self.id, act: SafetyAct::EmailRestored };
        let left = Event::EmailChanged { user: self.id, code: note };
        Ok(Change::to(Self { email, version: self.version + 1, ..self }).telling(restored).telling(left))
    }

    /// What keeps our own people's accounts safe is not undone by one of them.
    fn must_be_nobody_of_ours(&self) -> Result<(), Refusal> {
        match self.staff {
            None => Ok(()),
            Some(_) => Err(Refusal::rule(
                "ACCOUNT_IS_STAFF",
                "This is one of our people. Have an operator end that first: rabta staff revoke.",
            )),
        }
    }

    /// The person has another password. What proved that it is them is said by `act`.
    pub fn password_set(self, act: SafetyAct) -> Change<Self> {
        let event = Event::AccountSecured { user: self.id, act };
        Change::to(self).telling(event)
    }

    /// The address of the account becomes `email`, at which a code was read.
    pub fn change_email(
        self,
        actor: &Actor,
        email: Email,
        code: MailCodeId,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::EmailChange, &self.subject())?;
        if self.email == email {
            return Ok(Change::none(self));
        }
        let event = Event::EmailChanged { user: self.id, code };
        let version = self.version + 1;
        Ok(Change::to(Self { email, email_verified_at: Some(now), version, ..self }).telling(event))
    }

    /// Nothing is left of the person but the id, which books and contracts go on referring to. What they
    /// are still bound by must have ended; `confirmation` is their address, typed once more.
    pub fn erase(self, actor: &Actor, ties: Ties, confirmation: &str, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::AccountErase, &self.subject())?;
        if confirmation.trim().to_lowercase() != self.email.as_str() {
            return Err(Refusal::field("confirmEmail", "WRONG", "is not the email of your account"));
        }
        ties.must_be_none()?;
        if self.staff.is_some() {
            return Err(Refusal::rule(
                "ACCOUNT_IS_STAFF",
                "You are one of our people. Ask an operator to end that first.",
            ));
        }
        let event = Event::UserErased { user: self.id };
        let erased = Self {
            email: Email(format!("{}@erased.invalid", self.id).to_lowercase()),
            name: "Erased account".to_owned(),
            time_zone: TimeZone(Tz::UTC),
            locale: Locale("en".to_owned()),
            email_verified_at: None,
            erased_at: Some(now),
            version: self.version + 1,
            ..self
        };
        Ok(Change::to(erased).telling(event))
    }

    /// What is given to an address, or hangs on it, is given only once its person has shown that they read
    /// mail there: anybody can sign up with anybody's address.
    pub fn must_read_mail(&self) -> Result<(), Refusal> {
        match self.email_verified_at {
            Some(_) => Ok(()),
            None => Err(Refusal::rule(
                "EMAIL_NOT_VERIFIED",
                "The address of this account is not verified: signed in, emailVerify takes the code of the letter \
                 that was sent to it, and emailVerifyRequest sends another.",
            )),
        }
    }

    /// The person proved to read mail at `email`. If the address was changed meanwhile, that
    /// proves nothing.
    pub fn verify_email(self, email: &Email, now: Timestamp) -> Result<Change<Self>, Refusal> {
        if self.email != *email {
            return Err(code_refused());
        }
        if self.email_verified_at.is_some() {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { email_verified_at: Some(now), version: self.version + 1, ..self }))
    }
}

/// Why one of our people does something: 1 to 500 characters, for the audit log.
pub fn given_reason(reason: &str) -> Result<String, Refusal> {
    let mut invalid = Invalid::default();
    let reason = invalid.text("reason", reason, 1..=500);
    invalid.finish()?;
    Ok(reason)
}

impl Email {
    /// Check an address as far as that can be done without writing to it.
    pub fn parse(invalid: &mut Invalid, path: &str, text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            invalid.add(path, "REQUIRED", "can't be empty");
        } else if text.len() > 254 {
            invalid.add(path, "TOO_LONG", "has more than the 254 characters an address may have");
        } else if !is_address(text) {
            invalid.add(path, "MALFORMED", "is not an email address like ada@example.com");
        }
        Self(text.to_lowercase())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let local_ok = (1..=64).contains(&local.len())
        && local.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let mut labels = host.split('.');
    let top_ok = host.rsplit('.').next().is_some_and(|top| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()));
    local_ok && host.contains('.') && top_ok && labels.all(label_ok)
}

impl TimeZone {
    /// Check the name of a zone.
    pub fn parse(invalid: &mut Invalid, path: &str, text: &str) -> Self {
        match text.parse() {
            Ok(zone) => zone,
            Err(BadName) => {
                invalid.add(path, "UNKNOWN", "is not an IANA time zone like Asia/Karachi");
                Self(Tz::UTC)
            }
        }
    }
}

impl Locale {
    /// Check a language tag.
    pub fn parse(invalid: &mut Invalid, path: &str, text: &str) -> Self {
        match text.parse() {
            Ok(locale) => locale,
            Err(BadName) => {
                invalid.add(path, "MALFORMED", "is not a language tag like en or ur-PK");
                Self("en".to_owned())
            }
        }
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that names no zone, no language, no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names nothing that is known")]
pub struct BadName;

impl FromStr for TimeZone {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        text.parse().map(Self).map_err(|_| BadName)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Locale {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let mut parts = text.split('-');
        let language = parts.next().filter(|part| matches!(part.len(), 2 | 3) && is(part, |c| c.is_ascii_lowercase()));
        let mut rest = parts.peekable();
        let script = |part: &&str| part.len() == 4 && is(part, |c| c.is_ascii_alphabetic());
        let country = |part: &&str| {
            (part.len() == 2 && is(part, |c| c.is_ascii_uppercase()))
                || (part.len() == 3 && is(part, |c| c.is_ascii_digit()))
        };
        rest.next_if(script);
        rest.next_if(country);
        match (language, rest.next()) {
            (Some(_), None) => Ok(Self(text.to_owned())),
            _ => Err(BadName),
        }
    }
}

fn is(part: &str, of: impl Fn(char) -> bool) -> bool {
    part.chars().all(of)
}

impl FromStr for Email {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let lower = text.to_lowercase();
        if text.len() <= 254 && is_address(&lower) { Ok(Self(lower)) } else { Err(BadName) }
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {
        $(
            impl TryFrom<String> for $name {
                type Error = BadName;
                fn try_from(text: String) -> Result<Self, BadName> { text.parse() }
            }
            impl From<$name> for String {
                fn from(value: $name) -> Self { value.to_string() }
            }
        )*
    };
}

as_text! { Email TimeZone Locale }

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person};
    use crate::id::Id;

    fn codes(parsed: Result<SignUp, Refusal>) -> Vec<(String, String)> {
        match parsed {
            Ok(_) => vec![],
            Err(Refusal::Invalid { fields }) => fields.into_iter().map(|field| (field.path, field.code)).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn addresses_are_taken_as_people_have_them() {
        for good in ["ada@example.com", "ADA.L+gigs@Mail.Example.co.uk", "o'hara@example.org", "x@a-b.pk"] {
            assert_eq!(good.parse::<Email>().map(|email| email.to_string()), Ok(good.to_lowercase()));
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@@example.com",
            "a b@example.com",
            ".ada@example.com",
            "a..b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ada@127.0.0.1",
            "ada@example.c",
            "ada@exa\u{0}mple.com",
            &long,
        ] {
            assert_eq!(bad.parse::<Email>(), Err(BadName), "{bad}");
        }
    }

    #[test]
    fn single_names_and_names_in_any_script_are_names() {
        for name in ["Lin", "محمد علی", "Ada Lovelace"] {
            assert_eq!(codes(SignUp::parse("a@example.com", name, "tuba-gravel-ninety", None, None)), []);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let parsed = SignUp::parse("nobody", " ", "short", Some("+05:00"), Some("english"));
        let told: Vec<String> = codes(parsed).into_iter().map(|(path, code)| format!("{path} {code}")).collect();
        assert_eq!(
            told,
            ["email MALFORMED", "name REQUIRED", "password TOO_SHORT", "timeZone UNKNOWN", "locale MALFORMED"]
        );
    }

    #[test]
    fn a_name_without_end_is_refused_beside_the_rest() {
        let parsed = SignUp::parse("a@example.com", &"abc abd ".repeat(31_000), "tuba-gravel-ninety", None, None);
        assert_eq!(codes(parsed), [("name".to_owned(), "TOO_LONG".to_owned())]);
    }

    #[test]
    fn locales_are_language_tags() {
        for good in ["en", "ur-PK", "zh-Hant-TW", "es-419", "fil"] {
            assert!(good.parse::<Locale>().is_ok(), "{good}");
        }
        for bad in ["", "e", "EN", "en_US", "en-us", "en-US-x", "english", "en-"] {
            assert!(bad.parse::<Locale>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_oneself_updates_oneself() {
        let sign_up = SignUp::parse("a@example.com", "Ada", "tuba-gravel-ninety", None, None).unwrap();
        let id = UserId::from_uuid(Uuid::from_u128(1));
        let ada = sign_up.create(id, Timestamp::UNIX_EPOCH).next;
        let someone = |n| {
            let user = UserId::from_uuid(Uuid::from_u128(n));
            Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships: vec![] })
        };
        let edit = || UserEdit::parse(Some("Ada L"), None, None).unwrap();

        let changed = ada.clone().update(&someone(1), edit()).unwrap();
        assert_eq!((changed.next.name.as_str(), changed.next.version), ("Ada L", 2));
        assert!(!changed.next.clone().update(&someone(1), edit()).unwrap().changed, "a repeat");
        assert_eq!(ada.clone().update(&someone(2), edit()), Err(Denied::Hidden.into()));
        assert_eq!(ada.update(&Actor::Nobody, edit()), Err(Denied::SignIn.into()));
    }

    #[test]
    fn only_an_admin_suspends_and_reinstates_and_only_others() {
        let now = Timestamp::UNIX_EPOCH;
        let sign_up = SignUp::parse("a@example.com", "Ada", "tuba-gravel-ninety", None, None).unwrap();
        let ada = sign_up.create(UserId::from_uuid(Uuid::from_u128(1)), now).next;
        let someone = |n, staff| {
            let user = UserId::from_uuid(Uuid::from_u128(n));
            Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
        };
        let admin = someone(2, Some(Staff::Admin));
        for (actor, denied) in [
            (someone(1, Some(Staff::Admin)), Denied::NotAllowed),
            (someone(3, None), Denied::Hidden),
            (someone(3, Some(Staff::Mediator)), Denied::Hidden),
            (Actor::Nobody, Denied::SignIn),
        ] {
            assert_eq!(ada.clone().suspend(&actor, now, "spam"), Err(denied.into()));
            assert_eq!(ada.clone().reinstate(&actor, now, "a mistake"), Err(denied.into()));
            assert_eq!(ada.clone().become_staff(&actor, Some(Staff::Admin), true), Err(denied.into()));
        }
        assert_eq!(ada.clone().become_staff(&admin, Some(Staff::Admin), true), Err(Denied::NotAllowed.into()));
        assert!(matches!(ada.clone().suspend(&admin, now, " "), Err(Refusal::Invalid { .. })));

        let suspended = ada.clone().suspend(&admin, now, "spam").unwrap();
        assert_eq!((suspended.next.suspended_at, suspended.next.version), (Some(now), 2));
        assert_eq!(suspended.events, [Event::UserSuspended { user: ada.id }]);
        assert!(!suspended.next.clone().suspend(&admin, now, "again").unwrap().changed);
        let back = suspended.next.reinstate(&admin, now, "a mistake").unwrap();
        assert_eq!((back.next.suspended_at, back.next.reinstated_at, back.next.version), (None, Some(now), 3));
        assert!(!back.next.reinstate(&admin, now, "again").unwrap().changed);

        let unverified = ada.clone().become_staff(&Actor::System, Some(Staff::Mediator), true);
        assert!(matches!(unverified, Err(Refusal::Rule { code, .. }) if code == "EMAIL_NOT_VERIFIED"));
        let email = ada.email.clone();
        let verified = ada.clone().verify_email(&email, now).unwrap().next;
        let bare = verified.clone().become_staff(&Actor::System, Some(Staff::Mediator), false);
        assert_eq!(bare, Err(Denied::SecondFactor.into()), "whoever knows the password could set up the first one");
        let mediator = verified.become_staff(&Actor::System, Some(Staff::Mediator), true).unwrap();
        assert_eq!(mediator.next.staff, Some(Staff::Mediator));
        assert!(!ada.become_staff(&Actor::System, None, false).unwrap().changed);
    }

    #[test]
    fn an_account_is_given_back_by_an_admin_with_a_reason_and_by_nobody_to_themselves() {
        let now = Timestamp::UNIX_EPOCH;
        let sign_up = SignUp::parse("thief@example.com", "Ada", "tuba-gravel-ninety", None, None).unwrap();
        let ada = sign_up.create(UserId::from_uuid(Uuid::from_u128(1)), now).next;
        let hers: Email = "ada@example.com".parse().unwrap();
        let someone = |n, staff| {
            let user = UserId::from_uuid(Uuid::from_u128(n));
            Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
        };
        let admin = someone(2, Some(Staff::Admin));
        let note = MailCodeId::from_uuid(Uuid::from_u128(7));
        let restores = |user: &User, actor: &Actor, had, reason| {
            user.clone().restore_email(actor, hers.clone(), had, note, reason)
        };
        let resets = |user: &User, actor: &Actor, reason| user.clone().reset_second_factor(actor, true, reason);
        for (actor, denied) in [
            (someone(1, Some(Staff::Admin)), Denied::NotAllowed),
            (someone(3, Some(Staff::Mediator)), Denied::Hidden),
            (Actor::System, Denied::NotAllowed),
            (Actor::Nobody, Denied::SignIn),
        ] {
            assert_eq!(restores(&ada, &actor, true, "asked"), Err(denied.into()));
            assert_eq!(resets(&ada, &actor, "asked"), Err(denied.into()));
        }
        let one_of_ours = User { staff: Some(Staff::Mediator), ..ada.clone() };
        for refused in [restores(&one_of_ours, &admin, true, "asked"), resets(&one_of_ours, &admin, "asked")] {
            assert!(matches!(refused, Err(Refusal::Rule { code, .. }) if code == "ACCOUNT_IS_STAFF"));
        }
        for refused in
            [restores(&ada, &admin, true, " "), restores(&ada, &admin, false, "asked"), resets(&ada, &admin, "")]
        {
            assert!(matches!(refused, Err(Refusal::Invalid { .. })), "{refused:?}");
        }

        let restored = restores(&ada, &admin, true, "asked").unwrap();
        assert_eq!((&restored.next.email, restored.next.version), (&hers, 2));
        let left = Event::EmailChanged { user: ada.id, code: note };
        assert_eq!(restored.events, [Event::AccountSecured { user: ada.id, act: SafetyAct::EmailRestored }, left]);
        assert!(!restores(&restored.next, &admin, false, "again").unwrap().changed);
        let reset = resets(&ada, &admin, "asked").unwrap();
        assert_eq!(reset.events, [Event::AccountSecured { user: ada.id, act: SafetyAct::SecondFactorReset }]);
        assert!(!ada.reset_second_factor(&admin, false, "again").unwrap().changed, "there is none");
    }
}
