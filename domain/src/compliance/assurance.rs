//! How well we know who somebody is: from what they showed or said, never from a document.

use serde::{Deserialize, Serialize};

/// What is known of somebody's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// They read the mail at their address.
    pub reads_mail: bool,
    /// Signing in takes a second proof, or a passkey.
    pub is_protected: bool,
    /// They have told their name, address, phone and number of identity to banks, as wires need them.
    pub is_declared: bool,
    /// Their names and country were held against the lists of sanctions.
    pub is_screened: bool,
}

/// A thing that was shown or said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// They read the mail at their address.
    EmailVerified,
    /// Signing in takes a second proof, or a passkey.
    SecondFactor,
    /// They have told banks who they are.
    IdentityDeclared,
    /// They were held against the lists of sanctions, whatever came of it.
    Screened,
}

/// How well we know who somebody is: each level takes what those below it take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Nothing is known.
    None,
    /// They read the mail at their address.
    Email,
    /// And nobody signs in as them with a password alone.
    Protected,
    /// And they have told banks who they are.
    Declared,
    /// And they were held against the lists of sanctions.
    Screened,
}

impl Known {
    /// What was shown or said.
    pub fn proofs(self) -> Vec<Proof> {
        self.steps().into_iter().filter_map(|(is_there, proof, _)| is_there.then_some(proof)).collect()
    }

    /// The highest level all of whose steps are taken.
    pub fn assurance(self) -> Assurance {
        let taken = self.steps().into_iter().take_while(|(is_there, _, _)| *is_there);
        taken.last().map_or(Assurance::None, |(_, _, level)| level)
    }

    /// The steps, from the lowest up.
    fn steps(self) -> [(bool, Proof, Assurance); 4] {
        [
            (self.reads_mail, Proof::EmailVerified, Assurance::Email),
            (self.is_protected, Proof::SecondFactor, Assurance::Protected),
            (self.is_declared, Proof::IdentityDeclared, Assurance::Declared),
            (self.is_screened, Proof::Screened, Assurance::Screened),
        ]
    }
}

impl Proof {
    /// In words, on paper.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::EmailVerified => "reads the mail at their address",
            Self::SecondFactor => "signs in with a second factor or a passkey",
            Self::IdentityDeclared => "has told name, address, phone and number of identity, as banks need them",
            Self::Screened => "was held against the lists of sanctions",
        }
    }
}

impl Assurance {
    /// In words, on paper.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::None => "0 of 4, nothing known",
            Self::Email => "1 of 4, reachable",
            Self::Protected => "2 of 4, reachable, and protected from others",
            Self::Declared => "3 of 4, protected, and identity declared",
            Self::Screened => "4 of 4, identity declared, and screened",
        }
    }
}
