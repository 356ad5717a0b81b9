//! Who money is paid out to, as a bank needs to know: the name as wires carry it, the address, the phone, and the
//! numbers of identity, which nobody is shown again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::id::UserId;
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::wire::plain;

/// The thirteen digits of a Pakistani identity card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cnic(String);

/// A Pakistani tax number: seven digits, perhaps with a check digit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ntn(String);

/// Text that is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// Not the number of an identity card.
    #[error("a CNIC has 13 digits, like 35202-1234567-1")]
    Cnic,
    /// Not a tax number.
    #[error("an NTN has 7 digits and perhaps a check digit, like 1234567-8")]
    Ntn,
}

/// The digits of a number that people write with dashes and spaces.
fn digits(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    (!bare.is_empty() && bare.len() <= 20 && bare.bytes().all(|byte| byte.is_ascii_digit())).then_some(bare)
}

impl FromStr for Cnic {
    type Err = BadNumber;
    fn from_str(text: &str) -> Result<Self, BadNumber> {
        // The first digit is a province, from 1 to 8.
        let possible = |digits: &String| digits.len() == 13 && !digits.starts_with(['0', '9']);
        digits(text).filter(possible).map(Self).ok_or(BadNumber::Cnic)
    }
}

impl FromStr for Ntn {
    type Err = BadNumber;
    fn from_str(text: &str) -> Result<Self, BadNumber> {
        digits(text).filter(|digits| matches!(digits.len(), 7 | 8)).map(Self).ok_or(BadNumber::Ntn)
    }
}

macro_rules! secret_number {
    ($name:ident) => {
        impl $name {
            /// The whole number. Keep it encrypted, and out of logs.
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// The last four digits, which may be shown.
            pub fn last4(&self) -> &str {
                self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(…{})"), self.last4())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadNumber;
            fn try_from(text: String) -> Result<Self, BadNumber> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(number: $name) -> Self {
                number.0
            }
        }
    };
}
secret_number!(Cnic);
secret_number!(Ntn);

/// Whom a bank pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Who.
    pub user: UserId,
    /// The legal name in Latin letters and without initials, as wires need it.
    pub latin_name: Option<String>,
    /// The name in Urdu.
    pub urdu_name: Option<String>,
    /// The address, in one line.
    pub address: Option<String>,
    /// The phone number: `+`, and 8 to 15 digits.
    pub phone: Option<String>,
    /// The identity card's number.
    pub cnic: Option<Cnic>,
    /// The tax number.
    pub ntn: Option<Ntn>,
    /// Counts the changes.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What somebody wants to change. What is absent stays.
#[derive(Debug, Clone, Default)]
pub struct PayeeEdit {
    /// The version they saw.
    pub expected_version: Option<i64>,
    /// See [`Payee`].
    pub latin_name: Option<String>,
    /// See [`Payee`].
    pub urdu_name: Option<String>,
    /// See [`Payee`].
    pub address: Option<String>,
    /// See [`Payee`].
    pub phone: Option<String>,
    /// See [`Payee`].
    pub cnic: Option<String>,
    /// See [`Payee`].
    pub ntn: Option<String>,
}

impl Payee {
    /// Nothing is known of the person yet.
    pub fn blank(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            latin_name: None,
            urdu_name: None,
            address: None,
            phone: None,
            cnic: None,
            ntn: None,
            version: 0,
            updated_at: now,
        }
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// The person says who they are to a bank.
    pub fn update(self, actor: &Actor, edit: PayeeEdit, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PayeeUpdate, &self.subject())?;
        expect_version(edit.expected_version, self.version)?;
        let mut invalid = Invalid::default();
        let mut next = self.clone();
        if let Some(name) = edit.latin_name {
            let name = invalid.line("latinName", &name, 1..=120);
            if !name.is_empty() && !is_for_wires(&name) {
                let how = "must be the whole name in Latin letters, without initials or titles cut short";
                invalid.add("latinName", "MALFORMED", how);
            }
            next.latin_name = Some(name);
        }
        if let Some(name) = edit.urdu_name {
            let name = invalid.line("urduName", &name, 1..=120);
            if !name.is_empty() && !name.chars().all(|c| is_urdu(c) || c == ' ') {
                invalid.add("urduName", "MALFORMED", "must be written in Urdu");
            }
            next.urdu_name = Some(name);
        }
        if let Some(address) = edit.address {
            next.address = Some(invalid.line("address", &address, 5..=200));
        }
        if let Some(phone) = edit.phone {
            let phone: String = phone.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            if !is_phone(&phone) {
                invalid.add("phone", "MALFORMED", "must be an international number like +923001234567");
            }
            next.phone = Some(phone);
        }
        if let Some(cnic) = edit.cnic {
            next.cnic =
                cnic.parse().map_err(|error: BadNumber| invalid.add("cnic", "MALFORMED", error.to_string())).ok();
        }
        if let Some(ntn) = edit.ntn {
            next.ntn = ntn.parse().map_err(|error: BadNumber| invalid.add("ntn", "MALFORMED", error.to_string())).ok();
        }
        invalid.finish()?;
        if next == self {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { version: self.version + 1, updated_at: now, ..next }))
    }

    /// What a wire still needs to know, by the names of the fields; `name` is the person's legal name.
    pub fn missing_for_wire(&self, name: &str) -> Vec<&'static str> {
        let has_name = self.latin_name.is_some() || is_for_wires(name);
        let needs = [
            (has_name, "latinName"),
            (self.address.as_deref().is_some_and(|address| !plain(address).is_empty()), "address"),
            (self.phone.is_some(), "phone"),
            (self.cnic.is_some() || self.ntn.is_some(), "cnic"),
        ];
        needs.into_iter().filter(|(there, _)| !there).map(|(_, name)| name).collect()
    }

    /// The name as a wire carries it.
    pub fn wire_name<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.latin_name.as_deref().or_else(|| is_for_wires(name).then_some(name))
    }
}

/// Can a wire carry this name? Latin letters, and no word of one letter: banks send back what has initials. A
/// single name is a name.
pub fn is_for_wires(name: &str) -> bool {
    let words: Vec<&str> = name.split([' ', '-']).collect();
    let word = |word: &&str| word.chars().count() >= 2 && word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'');
    !words.is_empty() && words.iter().all(word)
}

fn is_urdu(c: char) -> bool {
    matches!(u32::from(c), 0x600..=0x6FF | 0x750..=0x77F | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC)
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::Person;
    use crate::id::Id;

    fn blank() -> Payee {
        Payee::blank(UserId::from_uuid(Uuid::from_u128(1)), Timestamp::UNIX_EPOCH)
    }

    fn person(n: u128) -> Actor {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    fn edited(edit: PayeeEdit) -> Result<Payee, Refusal> {
        blank().update(&person(1), edit, Timestamp::UNIX_EPOCH).map(|change| change.next)
    }

    #[test]
    fn numbers_are_read_as_people_write_them_and_never_shown_whole() {
        let cnic: Cnic = "35202-1234567-1".parse().unwrap();
        assert_eq!((cnic.reveal(), cnic.last4()), ("3520212345671", "5671"));
        assert_eq!(format!("{cnic:?}"), "Cnic(…5671)");
        assert_eq!("1234567-8".parse::<Ntn>().unwrap().reveal(), "12345678");
        for text in ["", "3520212345", "05202-1234567-1", "35202-1234567-12", "35202-123456a-1", "۳۵۲۰۲۱۲۳۴۵۶۷۱"]
        {
            assert!(text.parse::<Cnic>().is_err(), "{text}");
        }
        for text in ["", "123456", "123456789", "12345x7"] {
            assert!(text.parse::<Ntn>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_for_wires_have_no_initials_and_may_be_single() {
        for name in ["Faisal", "Muhammad Faisal Qureshi", "Ayesha Abdul-Rahman", "D'Souza"] {
            assert!(is_for_wires(name), "{name}");
        }
        for name in ["", "M. Faisal", "M Faisal", "Faisal K", "Dr. Faisal", "فیصل", "Faisal ", "Zoë"] {
            assert!(!is_for_wires(name), "{name}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_only_oneself_edits() {
        let bad = PayeeEdit {
            latin_name: Some("M. Faisal".into()),
            urdu_name: Some("Faisal".into()),
            address: Some("x".into()),
            phone: Some("0300 1234567".into()),
            cnic: Some("1".into()),
            ntn: Some("1".into()),
            ..PayeeEdit::default()
        };
        let Err(Refusal::Invalid { fields }) = edited(bad.clone()) else { panic!("it was taken") };
        assert_eq!(fields.len(), 6, "{fields:?}");
        assert!(blank().update(&person(2), PayeeEdit::default(), Timestamp::UNIX_EPOCH).is_err());
        let good = PayeeEdit {
            urdu_name: Some("فیصل محمود".into()),
            address: Some("12 Mall Road, Lahore".into()),
            phone: Some("+92 300 1234567".into()),
            cnic: Some("35202-1234567-1".into()),
            ..PayeeEdit::default()
        };
        let payee = edited(good).unwrap();
        assert_eq!(payee.phone.as_deref(), Some("+923001234567"));
        assert_eq!(payee.missing_for_wire("Faisal"), Vec::<&str>::new());
        assert_eq!(payee.missing_for_wire("M. Faisal"), ["latinName"]);
        let in_urdu = Payee { address: Some("مال روڈ، لاہور".into()), ..payee };
        assert_eq!(in_urdu.missing_for_wire("Faisal"), ["address"], "a wire would carry none of it");
        assert_eq!(blank().missing_for_wire("Faisal"), ["address", "phone", "cnic"]);
    }
}
