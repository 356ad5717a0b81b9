//! Worlds of their own kind, in which what is rare elsewhere comes about within a few hundred steps: those where
//! deadlines are met by the clock rather than by people, and those where disputes are taken to the end.

use domain::dispute::{Dispute, DisputeState, Outcome};
use domain::timer::Timer;

use super::check::parties;
use super::moves::{DisputeAct, Move};
use super::world::{World, usd};

impl World {
    /// The worker does what is due, the processor answers, and then time may pass until the next deadline.
    pub(super) fn goes_by_the_clock(&mut self) -> Option<Move> {
        if self.timers.values().any(|due| *due <= self.now) {
            return self.timer_fires();
        }
        if !self.outside.inbox.is_empty() {
            return self.message();
        }
        let next = self.timers.values().copied().min()?;
        self.dice.percent(25).then_some(Move::TimePasses(next))
    }

    /// Somebody takes a dispute a rung further, mostly the one that is farthest.
    pub(super) fn goes_to_the_end(&mut self) -> Option<Move> {
        let open = self.disputes.values().filter(|dispute| !dispute.state.is_terminal());
        let farthest = open.max_by_key(|dispute| (rung(dispute), dispute.id))?.clone();
        let (of, total) = (farthest.id, farthest.total.minor());
        let (side, amount) = (self.dice.below(2), self.amount_around(total).min(farthest.total).ok()?);
        let by = parties(farthest.client, farthest.freelancer)[side].clone();
        // Who paid alone has it when the other has had the time to.
        if matches!(farthest.state, DisputeState::Arbitration { paid, .. } if paid.client != paid.freelancer)
            && self.dice.percent(60)
        {
            let timer = Timer::AdvanceDispute(of);
            let due = self.timers.get(&timer).copied()?;
            let is_due = due <= self.now;
            return Some(if is_due { Move::TimerFires { timer, again: false } } else { Move::TimePasses(due) });
        }
        let (by, expected, act) = match farthest.state {
            DisputeState::Opened { .. } => (by, None, DisputeAct::Answer),
            DisputeState::Answered { .. } | DisputeState::Negotiating { .. } if self.dice.percent(30) => {
                (by, None, DisputeAct::Offer(usd(total / 2)))
            }
            DisputeState::Answered { .. } | DisputeState::Negotiating { .. } => {
                (self.mediator(), None, DisputeAct::Recommend(amount))
            }
            DisputeState::Recommended { .. } if self.dice.percent(20) => (by, None, DisputeAct::Accept),
            DisputeState::Recommended { .. } => (by, None, DisputeAct::Refuse),
            DisputeState::Arbitration { .. } => (by, Some(farthest.version), DisputeAct::PayFee),
            DisputeState::Hearing { .. } => (self.admin(), None, DisputeAct::Award(amount)),
            DisputeState::Executed { .. } | DisputeState::Withdrawn { .. } | DisputeState::Closed { .. } => {
                return None;
            }
        };
        Some(Move::Dispute { by, of, expected, act })
    }
}

/// How far a dispute has come.
fn rung(dispute: &Dispute) -> u8 {
    match dispute.state {
        DisputeState::Opened { .. } => 0,
        DisputeState::Answered { .. } | DisputeState::Negotiating { .. } => 1,
        DisputeState::Recommended { .. } => 2,
        DisputeState::Arbitration { .. } => 3,
        DisputeState::Hearing { .. } => 4,
        DisputeState::Executed { .. } | DisputeState::Withdrawn { .. } | DisputeState::Closed { .. } => 5,
    }
}

/// How a dispute was decided, if it was.
pub fn decided_by(dispute: &Dispute) -> Option<&'static str> {
    let DisputeState::Executed { outcome, .. } = dispute.state else { return None };
    Some(match outcome {
        Outcome::Conceded => "conceded",
        Outcome::Silence => "silence",
        Outcome::Settled => "settled",
        Outcome::Recommended => "recommended",
        Outcome::OneSidePaid => "one_side_paid",
        Outcome::Awarded => "awarded",
    })
}
