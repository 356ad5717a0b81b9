//! The second proof of who somebody is, beside their password: a code of an authenticator app, or,
//! when the phone is gone, one of the recovery codes that were noted down.

use crate::refusal::Refusal;

/// How many recovery codes a person has.
pub const RECOVERY_CODES: usize = 10;
/// The digits of an app's code.
pub const DIGITS: usize = 6;

/// What somebody typed as their second proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A code of the app.
    App(String),
    /// A recovery code, as it is compared: lower case, without what is only there to be read better.
    Recovery(String),
}

impl Proof {
    /// Read what was typed. People put spaces and hyphens where they like.
    pub fn read(text: &str) -> Self {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64);
        let plain: String = letters.flat_map(char::to_lowercase).collect();
        let is_of_app = plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit());
        if is_of_app { Self::App(plain) } else { Self::Recovery(plain) }
    }
}

/// The password was right, and a second proof has to come with it.
pub fn second_factor_required() -> Refusal {
    Refusal::rule("SECOND_FACTOR_REQUIRED", "Send the code of your authenticator app, or a recovery code, as well.")
}

/// The one answer to a wrong code, one that was used before, and one that is over.
pub fn second_factor_refused() -> Refusal {
    Refusal::rule("SECOND_FACTOR_INVALID", "This code does not fit, or was used before. Wait for the next one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let app = |text: &str| Proof::App(text.to_owned());
        let recovery = |text: &str| Proof::Recovery(text.to_owned());
        for (typed, read) in [
            ("123456", app("123456")),
            (" 123 456 ", app("123456")),
            ("12345", recovery("12345")),
            ("1234567", recovery("1234567")),
            ("ABCD-efgh-2345-6723", recovery("abcdefgh23456723")),
            ("", recovery("")),
            ("١٢٣٤٥٦", recovery("١٢٣٤٥٦")),
        ] {
            assert_eq!(Proof::read(typed), read, "{typed}");
        }
        assert_eq!(Proof::read(&"x".repeat(100_000)), recovery(&"x".repeat(64)));
    }
}
