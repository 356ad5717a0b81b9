//! A submission: work handed in on a milestone, as a message and links to it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::Actor;
use crate::id::{MilestoneId, SubmissionId, UserId};
use crate::refusal::{Invalid, Refusal};

/// The most links a submission holds.
pub const LINKS_MAX: usize = 20;

/// Work that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// The milestone it is for.
    pub milestone: MilestoneId,
    /// Who handed it in.
    pub author: UserId,
    /// What the author says about it.
    pub message: String,
    /// Where the work is; each starts with `https://`.
    pub links: Vec<String>,
    /// When it was handed in.
    pub created_at: Timestamp,
}

impl Submission {
    /// Check what was said: a message of 1 to 5,000 characters, up to 20 links that start with
    /// `https://`. Whether work may be handed in is the milestone's to say.
    pub fn parse(
        id: SubmissionId,
        milestone: MilestoneId,
        actor: &Actor,
        now: Timestamp,
        message: &str,
        links: &[String],
    ) -> Result<Self, Refusal> {
        let author = actor.person()?.user;
        let mut invalid = Invalid::default();
        let message = invalid.text("message", message, 1..=5_000);
        let links = self::links(&mut invalid, links);
        invalid.finish()?;
        Ok(Self { id, milestone, author, message, links, created_at: now })
    }
}

/// Check links that were given along: up to 20 that start with `https://`.
pub fn links(invalid: &mut Invalid, links: &[String]) -> Vec<String> {
    if links.len() > LINKS_MAX {
        invalid.add("links", "TOO_LONG", format!("at most {LINKS_MAX} links are taken"));
    }
    let mut checked = Vec::new();
    for (place, link) in links.iter().take(LINKS_MAX).enumerate() {
        let path = format!("links.{place}");
        let link = invalid.line(&path, link, 9..=500);
        if !link.starts_with("https://") {
            invalid.add(&path, "MALFORMED", "must be an address that starts with https://");
        }
        checked.push(link);
    }
    checked
}
