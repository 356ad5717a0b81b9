//! The seals of a statement, made a second time: the database makes them as it posts (see
//! `ledger_canonical` in SQL), and here they are made again from the rows, so that neither is
//! trusted alone. VERIFYING.md says the same to the parties.

use std::fmt::Write as _;

use domain::Timestamp;
use domain::id::{ContractId, MilestoneId};
use sha2::{Digest, Sha256};

/// What is sealed of an entry, as it stands in the rows.
#[derive(Debug, Clone)]
pub struct Sealed<'a> {
    /// Which canonical form: 2, or 1 for entries from before the milestone and the side were sealed.
    pub form: i16,
    /// Its place in the statement.
    pub number: i64,
    /// Why money moved.
    pub reason: &'a str,
    /// The key that keeps the same fact from being booked twice.
    pub key: &'a str,
    /// The milestone it concerns.
    pub milestone: Option<MilestoneId>,
    /// The side that acted.
    pub party: Option<&'a str>,
    /// When.
    pub posted_at: Timestamp,
    /// A line a posting: from, to, currency, minor units.
    pub postings: Vec<String>,
}

/// The seal before a contract's first entry.
pub fn genesis(contract: ContractId) -> Vec<u8> {
    Sha256::digest(format!("rabta statement of {contract}\n")).to_vec()
}

impl Sealed<'_> {
    /// The seal that follows from `previous`.
    pub fn seal(&self, previous: &[u8]) -> Vec<u8> {
        let mut text = hex(previous);
        let at = self.posted_at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        // Writing into a text does not fail.
        let _ = write!(text, "\n{}\n{}\n{}\n", self.number, self.reason, self.key);
        if self.form > 1 {
            let milestone = self.milestone.map(|id| id.to_string()).unwrap_or_default();
            let _ = write!(text, "{milestone}\n{}\n", self.party.unwrap_or_default());
        }
        let _ = writeln!(text, "{at}");
        for posting in &self.postings {
            let _ = writeln!(text, "{posting}");
        }
        Sha256::digest(text).to_vec()
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;

    fn sealed(form: i16) -> Sealed<'static> {
        Sealed {
            form,
            number: 2,
            reason: "release",
            key: "mil_1:7:release",
            milestone: Some(MilestoneId::from_uuid(Uuid::from_u128(1))),
            party: Some("client"),
            posted_at: Timestamp::from_timestamp_micros(1_780_300_800_000_001).unwrap(),
            postings: vec!["escrow:mil_1 pending:usr_1 USD 95000".to_owned()],
        }
    }

    #[test]
    fn the_canonical_form_is_what_it_was() {
        let by_hand = format!(
            "00ff\n2\nrelease\nmil_1:7:release\nmil_{}1\nclient\n2026-06-01T08:00:00.000001Z\nescrow:mil_1 pending:usr_1 USD 95000\n",
            "0".repeat(25)
        );
        assert_eq!(sealed(2).seal(&[0, 255]), Sha256::digest(by_hand).to_vec());
        let before =
            "\n2\nrelease\nmil_1:7:release\n2026-06-01T08:00:00.000001Z\nescrow:mil_1 pending:usr_1 USD 95000\n";
        assert_eq!(sealed(1).seal(&[]), Sha256::digest(before).to_vec());
    }
}
