//! What a rail wants of who is paid, and was not told: another carries the payout, and its owner is told what to do.

use serde::{Deserialize, Serialize};

/// What a rail wants to know of who is paid, and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lack {
    /// That they accept the processor's agreement for recipients.
    #[serde(rename = "agreement_missing")]
    Agreement,
    /// Their name in Latin letters, whole.
    #[serde(rename = "name_missing")]
    LatinName,
}

impl Lack {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Agreement, Self::LatinName];

    /// The name it is kept by, and for which a rail refuses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agreement => "agreement_missing",
            Self::LatinName => "name_missing",
        }
    }

    /// What a rail lacks that refuses for this reason, if it is that.
    pub fn named(reason: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lack| lack.as_str() == reason)
    }

    /// What its owner can do about it, in words for them.
    pub(super) fn explanation(self) -> &'static str {
        match self {
            Self::Agreement => {
                "It goes by a slower way, because a faster one takes your acceptance of Stripe's agreement for \
                 recipients, and there is none. Save what you say of yourself to banks once more, where that agreement \
                 is shown, and your next payout can go the faster way."
            }
            Self::LatinName => {
                "It goes by a slower way, because a faster one takes your whole name in Latin letters, and there is \
                 none. Say it to banks, and your next payout can go the faster way."
            }
        }
    }
}
