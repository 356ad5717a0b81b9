//! What holds money and waits for people, while nobody moves: they are reminded, then asked, and then
//! silence decides. So no money is held for good.

use serde::{Deserialize, Serialize};

use super::{Milestone, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::outage::Span;
use crate::policy::days;
use crate::refusal::Refusal;
use crate::timer::Timer;

/// How long nothing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// Since when.
    pub since: Timestamp,
    /// How many notices of dormancy were sent.
    pub notices: u16,
}

impl Idle {
    /// From now on.
    pub fn since(since: Timestamp) -> Self {
        Self { since, notices: 0 }
    }
}

impl State {
    /// How long nothing has happened, where that counts.
    pub(super) fn idle(&self) -> Option<Idle> {
        match self {
            Self::Funded { idle_since, notices } => Some(Idle { since: *idle_since, notices: *notices }),
            Self::Agreed { idle, .. } => *idle,
            Self::ChangesRequested { requested_at, idle, .. } => Some(idle.unwrap_or(Idle::since(*requested_at))),
            Self::Proposed { .. }
            | Self::Funding { .. }
            | Self::Submitted { .. }
            | Self::Approved { .. }
            | Self::Released { .. }
            | Self::RefundRequested { .. }
            | Self::Refunded { .. }
            | Self::Disputed { .. }
            | Self::Split { .. }
            | Self::Dormant { .. }
            | Self::RefundedAfter { .. }
            | Self::ChargedBack { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// The same state, with this said of how long nothing has happened.
    pub(super) fn idling(mut self, now: Idle) -> Self {
        match &mut self {
            Self::Funded { idle_since, notices } => (*idle_since, *notices) = (now.since, now.notices),
            Self::Agreed { idle, .. } | Self::ChangesRequested { idle, .. } => *idle = Some(now),
            Self::Proposed { .. }
            | Self::Funding { .. }
            | Self::Submitted { .. }
            | Self::Approved { .. }
            | Self::Released { .. }
            | Self::RefundRequested { .. }
            | Self::Refunded { .. }
            | Self::Disputed { .. }
            | Self::Split { .. }
            | Self::Dormant { .. }
            | Self::RefundedAfter { .. }
            | Self::ChargedBack { .. }
            | Self::Cancelled { .. } => (),
        }
        self
    }
}

impl Milestone {
    /// When the next step towards dormancy is due, if it holds money and waits for people. An offer has its own
    /// clock: a milestone can't go to sleep before it has a contract.
    pub(super) fn goes_dormant_by(&self) -> Option<Timestamp> {
        let Idle { since, notices } = self.waits_with_money()?;
        let next = self.terms.dormancy_notice_days.get(usize::from(notices));
        Some(since + days(next.copied().unwrap_or(self.terms.dormancy_days)))
    }

    /// When it goes dormant, if nothing happens on it until then.
    pub fn dormant_at(&self) -> Option<Timestamp> {
        self.waits_with_money().map(|idle| idle.since + days(self.terms.dormancy_days))
    }

    /// When its money goes back to the client, if neither side of a dormant one goes on with it until then.
    pub fn refunds_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Dormant { refunds_at, .. } => Some(*refunds_at),
            _ => None,
        }
    }

    fn waits_with_money(&self) -> Option<Idle> {
        let waits = self.contract.is_some() && !self.escrow.held().is_zero();
        self.state.idle().filter(|_| waits)
    }

    /// It waits for the rest of its money, with some of it held: the clock of idleness starts anew.
    pub(super) fn waits_anew(&mut self, since: Timestamp) {
        let holds = !self.escrow.held().is_zero();
        if let State::Agreed { idle, .. } = &mut self.state {
            *idle = holds.then_some(Idle::since(since));
        }
    }

    /// Either side says that the work goes on. The clock of idleness starts anew.
    pub fn keep(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneKeep)?;
        self.standing(actor, Verb::MilestoneKeep, expected)?;
        let event = Event::MilestoneKept { milestone: self.id };
        let state = match &self.state {
            State::Agreed { .. } | State::ChangesRequested { .. } => self.state.clone().idling(Idle::since(now)),
            _ => State::Funded { idle_since: now, notices: 0 },
        };
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// Time has passed without activity: a notice, then each side is asked, then silence decides. Of what is funded and
    /// was not begun it refunds; where money is missing, or changes are awaited, the client's request for a refund
    /// begins by itself, and silence decides that as it does any other. While a side that is asked is `barred` from an
    /// answer, silence refunds nothing: the deadline moves, for the `barred_days` of the terms at most.
    pub fn age(self, actor: &Actor, now: Timestamp, barred: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneAge)?;
        if !self.is_due(Timer::DormancyMilestone(self.id), now) {
            return Ok(Change::none(self));
        }
        let (milestone, held) = (self.id, self.escrow.held());
        if let State::Dormant { since, refunds_at, stood_still } = &self.state {
            let regular = *since + days(self.terms.dormancy_answer_days) + Span::together(stood_still);
            return match self.unheard(barred, now, *refunds_at, regular) {
                Some(refunds_at) => {
                    let state = State::Dormant { since: *since, refunds_at, stood_still: stood_still.clone() };
                    Ok(self.becomes(Self { state, ..self.clone() }))
                }
                None => self.refund(now, held),
            };
        }
        let Some(Idle { since, notices }) = self.state.idle() else { return Ok(Change::none(self)) };
        if usize::from(notices) < self.terms.dormancy_notice_days.len() {
            let dormant_at = since + days(self.terms.dormancy_days);
            let state = self.state.clone().idling(Idle { since, notices: notices.saturating_add(1) });
            let next = Self { state, ..self.clone() };
            return Ok(self.becomes(next).telling(Event::MilestoneIdle { milestone, dormant_at }));
        }
        let (state, refunds_at) = if matches!(self.state, State::Funded { .. }) {
            let refunds_at = now + days(self.terms.dormancy_answer_days);
            (State::Dormant { since: now, refunds_at, stood_still: Vec::new() }, refunds_at)
        } else {
            let resolves_at = now + days(self.terms.refund_request_days);
            // Should a side say no, all that time counts anew.
            let resume = Box::new(self.state.clone().idling(Idle::since(now)));
            let (amount, requested_at, stood_still) = (held, now, Vec::new());
            (State::RefundRequested { amount, requested_at, resolves_at, stood_still, resume }, resolves_at)
        };
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next).telling(Event::MilestoneDormant { milestone, refunds_at }))
    }
}
