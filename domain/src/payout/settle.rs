//! What our people say became of a payout that its rail does not tell of. It takes two of them who say the same, and
//! is for what the processor's rails carry, or may have carried: what our bank carries is settled wire by wire.

use super::*;
use crate::wire::WireOutcome;

/// What is on its way without a word of its end is left to its rail for so long.
const LEFT_ALONE: TimeDelta = TimeDelta::days(7);

/// What one of our people says became of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Of which attempt.
    pub attempt: u32,
    /// What became of it.
    pub outcome: WireOutcome,
    /// What we bore of it, where that was wrong and the bank had it.
    #[serde(default)]
    pub lost: Option<Money>,
}

impl Payout {
    /// One of our people has found out that the bank has it, or that it never gets there. The first word is kept; the
    /// same word of another one settles it. Another word begins anew. What rests (`rests`) in the person's own account
    /// at the processor, because it was never asked for that it be sent on from there, no bank has: it is not paid.
    pub fn settle(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        outcome: WireOutcome,
        reason: &str,
        rests: bool,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutSettle)?;
        self.standing(actor, Verb::PayoutSettle, expected)?;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 1..=500);
        invalid.finish()?;
        let ripe = match &self.state {
            PayoutState::Unknown { stuck, .. } => *stuck,
            PayoutState::InTransit { at, .. } => *at + LEFT_ALONE <= now,
            _ => false,
        };
        if !ripe {
            let message =
                "its rail may still tell of it: our people settle what was unknown for a day, or on its way for a week";
            return Err(Refusal::rule("PAYOUT_UNDER_WAY", message));
        }
        if rests && outcome == WireOutcome::Paid {
            let message = "it rests in the person's own account at the processor, and nothing was sent on from there, so \
                           no bank has it: it goes on by itself once nothing stands against it, or say RETURNED, and it \
                           is fetched back";
            return Err(Refusal::rule("PAYOUT_RESTS", message));
        }
        let by = actor.person()?.user;
        match &self.word {
            Some(word) if word.attempt == self.attempt && word.outcome == outcome => {
                if word.by == by {
                    return Err(Refusal::rule("SAME_APPROVER", "the second word is another person's"));
                }
                Ok(match outcome {
                    WireOutcome::Paid => self.paid(now),
                    WireOutcome::Returned => self.came_back(now, reason),
                })
            }
            _ => {
                let word = Some(Word { by, at: now, attempt: self.attempt, outcome, lost: None });
                Ok(Change::to(Self { version: self.version + 1, word, ..self }))
            }
        }
    }
}
