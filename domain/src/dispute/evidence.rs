//! Evidence: what a side brings forward, for the other side and the mediators to read. What was said
//! stays said: nothing is changed or taken back.

use serde::{Deserialize, Serialize};

use super::Dispute;
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{DisputeId, EvidenceId, UserId};
use crate::milestone::Side;
use crate::refusal::{Invalid, Refusal};
use crate::submission;

/// The most pieces of evidence each side brings forward in one dispute.
pub const EVIDENCE_MAX: u16 = 50;

/// Something a side wants to be considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its id.
    pub id: EvidenceId,
    /// In which dispute.
    pub dispute: DisputeId,
    /// Who brought it forward.
    pub author: UserId,
    /// For which side.
    pub side: Side,
    /// Counts the side's pieces from 1.
    pub number: u16,
    /// What it shows.
    pub text: String,
    /// Where it is; each starts with `https://`.
    pub links: Vec<String>,
    /// When it was brought forward.
    pub created_at: Timestamp,
}

impl Dispute {
    /// A side brings evidence forward, until the dispute is over: a text of 1 to 5,000 characters
    /// and up to 20 links. `brought` is how many pieces it has brought before.
    ///
    /// It leaves the version as it is: what one side shows does not stand in the way of what the
    /// other was about to do.
    pub fn add_evidence(
        &self,
        actor: &Actor,
        now: Timestamp,
        id: EvidenceId,
        brought: u16,
        text: &str,
        links: &[String],
    ) -> Result<Change<Evidence>, Refusal> {
        self.access(actor, Verb::EvidenceAdd)?;
        let side = self.standing(actor, Verb::EvidenceAdd, None)?.ok_or(Refusal::HIDDEN)?;
        let author = actor.person()?.user;
        if brought >= EVIDENCE_MAX {
            return Err(Refusal::Limit {
                code: "EVIDENCE_LIMIT".to_owned(),
                limit: i64::from(EVIDENCE_MAX),
                value: i64::from(brought) + 1,
                message: format!("each side brings forward at most {EVIDENCE_MAX} pieces of evidence"),
            });
        }
        let mut invalid = Invalid::default();
        let text = invalid.text("text", text, 1..=5_000);
        let links = submission::links(&mut invalid, links);
        invalid.finish()?;
        let dispute = self.id;
        let evidence = Evidence { id, dispute, author, side, number: brought + 1, text, links, created_at: now };
        Ok(Change::to(evidence).telling(Event::EvidenceAdded { evidence: id, told: self.told(Some(side)) }))
    }
}
