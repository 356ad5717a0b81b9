//! What a browser and a device say of the occasion, as it stands in what the device signs.

use super::Purpose;
use super::party::RelyingParty;
use crate::refusal::Refusal;

/// What was said. Nothing of it is to be believed before the signature over it is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What the browser says it was doing.
    pub client_type: String,
    /// What was signed for.
    pub challenge: Vec<u8>,
    /// The page that asked.
    pub origin: String,
    /// Was that page a frame within somebody else's?
    pub is_cross_origin: bool,
    /// The hash of the domain that the device made its key for.
    pub party_hash: [u8; 32],
    /// What the device says of itself and of its person.
    pub flags: Flags,
}

/// What a device says, in bits (§6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Somebody was there.
    pub fn is_present(self) -> bool {
        self.has(0)
    }

    /// They showed the device that it is them, by a finger, a face or a number.
    pub fn is_verified(self) -> bool {
        self.has(2)
    }

    /// The key can be copied to other devices of its person.
    pub fn is_backup_eligible(self) -> bool {
        self.has(3)
    }

    /// The key is copied now.
    pub fn is_backed_up(self) -> bool {
        self.has(4)
    }

    /// A new key follows.
    pub fn has_credential(self) -> bool {
        self.has(6)
    }

    /// Extensions follow.
    pub fn has_extensions(self) -> bool {
        self.has(7)
    }

    fn has(self, bit: u8) -> bool {
        (self.0 >> bit) & 1 == 1
    }
}

/// What is wrong with an answer, as far as whoever sent it can see it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is not what a browser answers.
    Malformed,
    /// It was made for another kind of occasion.
    Type,
    /// Another challenge was signed.
    Challenge,
    /// The page that asked is none of ours.
    Origin,
    /// The page that asked was a frame within somebody else's.
    CrossOrigin,
    /// The key was made for another domain.
    Party,
    /// Nobody was there.
    NotPresent,
    /// Nobody showed the device who they are.
    NotVerified,
    /// It says that it is copied and can't be, or is of another nature than it was.
    BackupState,
    /// The key is of a kind that was not offered.
    Algorithm,
    /// It comes with an attestation that was not asked for, or whose signature is wrong.
    Attestation,
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        let (code, message) = match flaw {
            Flaw::Malformed => return Self::field("credential", "MALFORMED", "is not what a browser answers"),
            Flaw::Type => ("PASSKEY_WRONG_TYPE", "This answer was made for something else."),
            Flaw::Challenge => ("PASSKEY_WRONG_CHALLENGE", "Another challenge was signed. Begin again."),
            Flaw::Origin => ("PASSKEY_WRONG_ORIGIN", "The page that asked for the passkey is none of ours."),
            Flaw::CrossOrigin => ("PASSKEY_CROSS_ORIGIN", "The page that asked stands within another site's."),
            Flaw::Party => ("PASSKEY_WRONG_DOMAIN", "This passkey was made for another site."),
            Flaw::NotPresent => ("PASSKEY_NOT_PRESENT", "The device says that nobody was there."),
            Flaw::NotVerified => (
                "PASSKEY_NOT_VERIFIED",
                "The device did not ask who you are. Set up its finger, face or number, and try again.",
            ),
            Flaw::BackupState => ("PASSKEY_BACKUP_STATE", "What the device says of copies can't be."),
            Flaw::Algorithm => ("PASSKEY_ALGORITHM", "The device made a key of a kind that was not offered."),
            Flaw::Attestation => {
                ("PASSKEY_ATTESTATION", "The device vouches for itself in a way that was not asked for.")
            }
        };
        Self::rule(code, message)
    }
}

impl Statement {
    /// Does it say what was asked, to us, by somebody who showed the device who they are? In the order of
    /// the specification (§7.1 steps 7 to 18, §7.2 steps 11 to 19).
    pub fn check(&self, purpose: Purpose, challenge: &[u8], party: &RelyingParty) -> Result<(), Flaw> {
        let rules = [
            (self.client_type == purpose.client_type(), Flaw::Type),
            (self.challenge == challenge, Flaw::Challenge),
            (party.origins().contains(&self.origin), Flaw::Origin),
            (!self.is_cross_origin, Flaw::CrossOrigin),
            (self.party_hash == party.hash(), Flaw::Party),
            (self.flags.is_present(), Flaw::NotPresent),
            (self.flags.is_verified(), Flaw::NotVerified),
            (self.flags.is_backup_eligible() || !self.flags.is_backed_up(), Flaw::BackupState),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, flaw)) => Err(flaw),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty::new("example.com", vec!["https://app.example.com".to_owned()]).unwrap()
    }

    fn said(purpose: Purpose) -> Statement {
        Statement {
            client_type: purpose.client_type().to_owned(),
            challenge: vec![7; 32],
            origin: "https://app.example.com".to_owned(),
            is_cross_origin: false,
            party_hash: party().hash(),
            flags: Flags(0b0000_0101),
        }
    }

    #[test]
    fn what_is_said_must_be_what_was_asked_of_us_by_its_person() {
        type Lie = fn(&mut Statement);
        let lies: [(Lie, Flaw); 19] = [
            (|said| said.client_type.clear(), Flaw::Type),
            (|said| said.client_type.push('s'), Flaw::Type),
            (|said| said.client_type = "payment.get".to_owned(), Flaw::Type),
            (|said| said.challenge[0] = 8, Flaw::Challenge),
            (|said| said.challenge.clear(), Flaw::Challenge),
            (|said| said.challenge.push(0), Flaw::Challenge),
            (|said| said.origin = "https://example.com".to_owned(), Flaw::Origin),
            (|said| said.origin = "http://app.example.com".to_owned(), Flaw::Origin),
            (|said| said.origin = "https://app.example.com:8443".to_owned(), Flaw::Origin),
            (|said| said.origin = "https://app.example.com.evil.net".to_owned(), Flaw::Origin),
            (|said| said.origin = "HTTPS://APP.EXAMPLE.COM".to_owned(), Flaw::Origin),
            (|said| said.origin.clear(), Flaw::Origin),
            (|said| said.is_cross_origin = true, Flaw::CrossOrigin),
            (|said| said.party_hash[31] ^= 1, Flaw::Party),
            (|said| said.party_hash = [0; 32], Flaw::Party),
            (|said| said.flags = Flags(0b0000_0100), Flaw::NotPresent),
            (|said| said.flags = Flags(0b0000_0001), Flaw::NotVerified),
            (|said| said.flags = Flags(0b0001_0101), Flaw::BackupState),
            (|said| said.flags = Flags(0), Flaw::NotPresent),
        ];
        for purpose in Purpose::ALL {
            for flags in [0b0000_0101, 0b0000_1101, 0b0001_1101, 0b1101_1101] {
                let truth = Statement { flags: Flags(flags), ..said(purpose) };
                assert_eq!(truth.check(purpose, &[7; 32], &party()), Ok(()), "{purpose:?} {flags:b}");
            }
            for (nth, (lie, flaw)) in lies.into_iter().enumerate() {
                let mut lied = said(purpose);
                lie(&mut lied);
                assert_eq!(lied.check(purpose, &[7; 32], &party()), Err(flaw), "{purpose:?}, lie {nth}");
            }
        }
        assert_eq!(said(Purpose::Add).check(Purpose::Prove, &[7; 32], &party()), Err(Flaw::Type));
        assert_eq!(said(Purpose::SignIn).check(Purpose::Add, &[7; 32], &party()), Err(Flaw::Type));
    }
}
