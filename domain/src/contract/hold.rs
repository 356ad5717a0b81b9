//! What stands against a contract: something outside, or our people. It takes no new work until nothing does.

use serde::{Deserialize, Serialize};

use super::{Contract, State};
use crate::Timestamp;
use crate::access::{self, Actor, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::ContractId;
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::refusal::Refusal;

/// What puts a contract on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The client's payment failed.
    PaymentFailed,
    /// The freelancer's tax form lapsed, or our people found that a proof of identity did.
    IdentityLapsed,
    /// A name was found on a sanctions list.
    SanctionsHit,
    /// Hours are disputed.
    HourlyDispute,
}

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HoldReasons {
    payment_failed: bool,
    identity_lapsed: bool,
    sanctions_hit: bool,
    hourly_dispute: bool,
}

impl HoldReasons {
    /// Is this one of them?
    pub fn contains(mut self, reason: HoldReason) -> bool {
        *self.of(reason)
    }

    /// The gravest of them, if there is one.
    pub fn first(self) -> Option<HoldReason> {
        HoldReason::ALL.into_iter().find(|&reason| self.contains(reason))
    }

    #[must_use]
    fn with(mut self, reason: HoldReason, stands: bool) -> Self {
        *self.of(reason) = stands;
        self
    }

    fn of(&mut self, reason: HoldReason) -> &mut bool {
        match reason {
            HoldReason::PaymentFailed => &mut self.payment_failed,
            HoldReason::IdentityLapsed => &mut self.identity_lapsed,
            HoldReason::SanctionsHit => &mut self.sanctions_hit,
            HoldReason::HourlyDispute => &mut self.hourly_dispute,
        }
    }
}

impl HoldReason {
    /// All of them, the gravest first.
    pub const ALL: [Self; 4] = [Self::SanctionsHit, Self::IdentityLapsed, Self::PaymentFailed, Self::HourlyDispute];
}

impl Contract {
    /// Something outside stands against it. What stands against it already goes on doing so.
    pub fn put_on_hold(self, actor: &Actor, now: Timestamp, reason: HoldReason) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        Ok(self.held(now, reason, false))
    }

    fn held(self, now: Timestamp, reason: HoldReason, staff: bool) -> Change<Self> {
        let none = HoldReasons::default();
        let began = |paused, ending| {
            let by_staff = none.with(reason, staff);
            State::OnHold { since: now, reason, also: none, by_staff, paused, ending }
        };
        let state = match self.state {
            State::Active => began(None, None),
            State::Paused { since } => began(Some(since), None),
            // What is carried through while it ends stands still only for a look at who it is.
            State::Ending { since } if reason == HoldReason::SanctionsHit => began(None, Some(since)),
            // So does what was ending when it began: nothing else keeps it from going on with that.
            State::OnHold { ending: Some(_), .. } if reason != HoldReason::SanctionsHit && !staff => {
                return Change::none(self);
            }
            State::OnHold { since, reason: first, also, by_staff, paused, ending } => {
                let stands = first == reason || also.contains(reason);
                if stands && (by_staff.contains(reason) || !staff) {
                    return Change::none(self);
                }
                let also = if first == reason { also } else { also.with(reason, true) };
                let by_staff = by_staff.with(reason, staff);
                return self.becomes(State::OnHold { since, reason: first, also, by_staff, paused, ending });
            }
            State::Ending { .. } | State::Ended { .. } => return Change::none(self),
        };
        let contract = self.id;
        self.becomes(state).telling(Event::ContractPutOnHold { contract })
    }

    /// One thing that stood against it is settled. It goes on when nothing else stands against it, or is
    /// paused again if it was. What our people set is theirs to lift.
    pub fn lift_hold(self, actor: &Actor, settled: HoldReason) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        match self.state {
            State::OnHold { by_staff, .. } if by_staff.contains(settled) => Ok(Change::none(self)),
            _ => Ok(self.lifted(settled)),
        }
    }

    fn lifted(self, settled: HoldReason) -> Change<Self> {
        let State::OnHold { since, reason, also, by_staff, paused, ending } = self.state else {
            return Change::none(self);
        };
        let by_staff = by_staff.with(settled, false);
        let next = if reason == settled { also.first() } else { Some(reason) };
        let Some(reason) = next else {
            let contract = self.id;
            return match (paused, ending) {
                (_, Some(since)) => self.becomes(State::Ending { since }).telling(Event::ContractEnding { contract }),
                (Some(since), None) => {
                    self.becomes(State::Paused { since }).telling(Event::ContractPaused { contract })
                }
                (None, None) => self.becomes(State::Active).telling(Event::ContractResumed { contract }),
            };
        };
        let also = also.with(settled, false).with(reason, false);
        let left = State::OnHold { since, reason, also, by_staff, paused, ending };
        if left == self.state { Change::none(self) } else { self.becomes(left) }
    }

    /// One of our people puts it on hold. What is under way goes on; no new work is agreed on.
    pub fn hold(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: HoldReason,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractHold, &self.subject())?;
        if matches!(self.state, State::OnHold { by_staff, .. } if by_staff.contains(reason)) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractHold, expected)?;
        if matches!(self.state, State::Ending { .. }) && reason != HoldReason::SanctionsHit {
            return Err(Refusal::rule(
                "CONTRACT_IS_ENDING",
                "a contract that is ending takes no new work; only a compliance review holds what is under way",
            ));
        }
        Ok(self.held(now, reason, true))
    }

    /// One of our people finds that something no longer stands against it. It goes on when nothing
    /// else does.
    pub fn lift(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        settled: HoldReason,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractLiftHold, &self.subject())?;
        if !self.holds().contains(&settled) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, Verb::ContractLiftHold, expected)?;
        Ok(self.lifted(settled))
    }

    /// What stands against it, the gravest first.
    pub fn holds(&self) -> Vec<HoldReason> {
        match self.state {
            State::OnHold { reason, also, .. } => {
                HoldReason::ALL.into_iter().filter(|&one| one == reason || also.contains(one)).collect()
            }
            State::Active | State::Paused { .. } | State::Ending { .. } | State::Ended { .. } => Vec::new(),
        }
    }

    /// Money goes on moving, unless our people look at who is paying or paid.
    pub fn moves_money(&self) -> Result<(), Refusal> {
        if self.holds().contains(&HoldReason::SanctionsHit) {
            let message = "our people are looking at this contract, and no money of it moves until they are done";
            return Err(Refusal::rule("COMPLIANCE_REVIEW", message));
        }
        Ok(())
    }

    /// All that stands against it is for one side to mend, a payment that failed or a tax form that lapsed: nobody has
    /// to wait for that to end the contract.
    pub(super) fn can_end_held(&self) -> bool {
        match self.state {
            State::OnHold { by_staff, ending: None, .. } => self.holds().into_iter().all(|reason| {
                matches!(reason, HoldReason::PaymentFailed | HoldReason::IdentityLapsed) && !by_staff.contains(reason)
            }),
            State::OnHold { .. }
            | State::Active
            | State::Paused { .. }
            | State::Ending { .. }
            | State::Ended { .. } => false,
        }
    }
}

/// The contract whose money an entry brings to where it can be had: paid out, or spent on other work. While our people
/// look at that contract neither anybody's act nor the clock does that ([`Contract::moves_money`]). What banks and
/// processors did is only noted, and a correction of the books is our people's own.
pub fn brings_out(actor: &Actor, entry: &JournalEntry) -> Option<ContractId> {
    let decided = match actor {
        Actor::Person(_) => entry.reason != Reason::Correction,
        Actor::System => matches!(entry.reason, Reason::HoldOver | Reason::Release | Reason::Refund | Reason::Award),
        Actor::Nobody => false,
    };
    let can_be_had = |to| matches!(to, LedgerAccount::Available(_) | LedgerAccount::ClientCredit(_));
    let brings = entry.postings().iter().any(|posting| can_be_had(posting.to));
    entry.contract.filter(|_| decided && brings)
}
