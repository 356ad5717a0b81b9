//! Typed ids. Every object has one, with a prefix that says what it names: `gig_01K…` can't be
//! handed to a function that wants a contract.
//!
//! Underneath is a UUID version 7, made by the shell: ids of one kind sort by the time they were
//! made, so a list "newest first" pages by id alone. In text an id is its prefix, an underscore
//! and the 128 bits in Crockford's base 32 (26 characters, sortable, no letters people confuse).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind: it should start with \"{prefix}_\" followed by 26 characters")]
pub struct BadId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

/// What all typed ids share: the way from and to the bare UUID that the database keeps.
pub trait Id: Copy + Eq + Ord + fmt::Display + FromStr<Err = BadId> {
    /// The prefix of the text form, without the underscore.
    const PREFIX: &'static str;
    /// Wrap a UUID that is known to name an object of this kind.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The UUID underneath.
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Uuid);

            impl Id for $name {
                const PREFIX: &'static str = $prefix;
                fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
                fn uuid(self) -> Uuid { self.0 }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write(f, $prefix, self.0) }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write(f, $prefix, self.0) }
            }

            impl FromStr for $name {
                type Err = BadId;
                fn from_str(text: &str) -> Result<Self, BadId> { read($prefix, text).map(Self) }
            }

            impl Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )*

        /// The prefixes of all kinds of ids, in alphabetical order of their kinds.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// A line of the audit log.
    AuditEntryId = "aud";
    /// A challenge that a passkey is asked to sign.
    CeremonyId = "pkc";
    /// A contract between a client and a freelancer.
    ContractId = "con";
    /// What a client and a freelancer write to each other.
    ConversationId = "cnv";
    /// An entry that one of our people proposes, to set the books right.
    CorrectionId = "cor";
    /// A dispute over a milestone or a timesheet.
    DisputeId = "dis";
    /// A journal entry of the ledger.
    EntryId = "ent";
    /// An event: the id is also the idempotency key of whatever the event causes outside.
    EventId = "evt";
    /// A piece of evidence in a dispute.
    EvidenceId = "evi";
    /// A freelancer's profile.
    FreelancerProfileId = "fre";
    /// A client's job post.
    GigId = "gig";
    /// An invitation of a freelancer to a gig.
    InvitationId = "inv";
    /// A code that goes to a mailbox.
    MailCodeId = "mco";
    /// A person's membership of an organization.
    MemberId = "mem";
    /// A message of a conversation.
    MessageId = "msg";
    /// A milestone of a contract.
    MilestoneId = "mil";
    /// An invitation by mail to join an organization.
    MemberInvitationId = "min";
    /// A notification of a user.
    NotificationId = "not";
    /// An offer of a client to a freelancer.
    OfferId = "off";
    /// A client company.
    OrganizationId = "org";
    /// An outage of power or network in a region.
    OutageId = "out";
    /// A passkey of somebody's.
    PasskeyId = "pky";
    /// A payment of a client into escrow.
    PaymentId = "pay";
    /// Money of a payment that goes back to its card.
    PaymentRefundId = "prf";
    /// A way to be paid out.
    PayoutMethodId = "pme";
    /// A payout to a freelancer's bank.
    PayoutId = "pyo";
    /// An item of a portfolio.
    PortfolioItemId = "por";
    /// A freelancer's proposal for a gig.
    ProposalId = "pro";
    /// A comparison of the books with what the processor moved.
    ReconciliationId = "rec";
    /// A review after a contract.
    ReviewId = "rev";
    /// A search that a freelancer keeps.
    SavedSearchId = "ssr";
    /// A client's name that was found on a list.
    ScreeningHitId = "hit";
    /// A screening question of a gig.
    ScreeningQuestionId = "scq";
    /// A signed-in session.
    SessionId = "ses";
    /// A skill of the taxonomy.
    SkillId = "ski";
    /// A submission of work on a milestone.
    SubmissionId = "sub";
    /// A time entry of a timesheet.
    TimeEntryId = "tim";
    /// A week of an hourly contract.
    TimesheetId = "tsh";
    /// A person.
    UserId = "usr";
    /// Something that is sent to a webhook endpoint.
    WebhookDeliveryId = "whd";
    /// Where the programs of an organization are told of what happens.
    WebhookEndpointId = "whe";
    /// A file of payouts for our bank.
    WireBatchId = "wir";
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

fn write(f: &mut fmt::Formatter<'_>, prefix: &str, uuid: Uuid) -> fmt::Result {
    let bits = uuid.as_u128();
    write!(f, "{prefix}_")?;
    (0..LENGTH).rev().try_for_each(|place| {
        let digit = (bits >> (place * 5)) & 31;
        write!(f, "{}", char::from(ALPHABET[digit as usize]))
    })
}

fn read(prefix: &'static str, text: &str) -> Result<Uuid, BadId> {
    let bad = BadId { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(bad)?;
    if digits.len() != LENGTH {
        return Err(bad);
    }
    let mut bits: u128 = 0;
    for (place, byte) in digits.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or(bad)? as u128;
        // 26 digits hold 130 bits: the first may not use its upper two.
        if place == 0 && digit > 7 {
            return Err(bad);
        }
        bits = (bits << 5) | digit;
    }
    Ok(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_round_trip_and_sorts_like_the_bits() {
        let ids = [0, 1, 31, 32, u128::MAX / 3, u128::MAX].map(|bits| GigId::from_uuid(Uuid::from_u128(bits)));
        for id in ids {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let texts = ids.map(|id| id.to_string());
        assert!(texts.is_sorted());
    }

    #[test]
    fn text_of_another_kind_or_shape_is_refused() {
        let gig = GigId::from_uuid(Uuid::from_u128(7)).to_string();
        assert!(gig.parse::<ContractId>().is_err());
        for text in
            ["", "gig", "gig_", "gig_7", &gig.to_uppercase(), &format!("{gig}0"), "gig_80000000000000000000000000"]
        {
            assert!(text.parse::<GigId>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        let mut prefixes = PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), PREFIXES.len());
    }
}
