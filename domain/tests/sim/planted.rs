//! Bugs planted on purpose. Each spoils a change on its way into the world, as a slip in the domain
//! would; the checks have to notice, and say what.

#![expect(clippy::expect_used, reason = "a slip that cannot be made should stop")]

use domain::change::{Change, TimerChange};
use domain::ledger::{JournalEntry, LedgerAccount, Reason};
use domain::milestone::{Approval, Milestone, State};

use super::check::parties;
use super::world::{World, Wrong, usd};

/// A slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Our fee is taken twice out of a release.
    DoubleFee,
    /// An award forgets a cent of the freelancer's part.
    LostCent,
    /// Work in dispute is approved all the same.
    ReleaseWhileDisputed,
    /// Timers are not stopped when their time is over.
    TimerAfterTheEnd,
    /// More is refunded than is held.
    RefundAboveHeld,
    /// An entry is written twice under one key.
    EntryTwice,
    /// An entry is forgotten.
    EntryForgotten,
    /// A rail that was not handed a payout yet is taken to have refused it.
    AbsentIsRefused,
    /// Of what we bore of a payout that turned up after all a cent is forgotten.
    LossForgotten,
    /// A payout of somebody who was suspended meanwhile is handed over all the same.
    SuspendedIsPaid,
    /// The silence of a side that can't speak is taken for a yes.
    SilenceOfTheBarred,
}

impl Planted {
    /// Spoil what is about to be saved.
    pub fn spoil<T>(self, change: &mut Change<T>) {
        match self {
            Self::DoubleFee => each(change, Reason::Release, |from, to, cents| match (from, to) {
                (LedgerAccount::Escrow(_), LedgerAccount::FeeRevenue) => 2 * cents,
                _ => cents,
            }),
            Self::LostCent => each(change, Reason::Award, |_, to, cents| match to {
                LedgerAccount::Available(_) | LedgerAccount::Pending(_) => cents - 1,
                _ => cents,
            }),
            Self::RefundAboveHeld => each(change, Reason::Refund, |from, _, cents| match from {
                LedgerAccount::Escrow(_) => cents + 1,
                _ => cents,
            }),
            Self::TimerAfterTheEnd => change.timers.retain(|timer| matches!(timer, TimerChange::Set(..))),
            Self::EntryTwice => {
                let again = change.entries.clone();
                change.entries.extend(again);
            }
            Self::EntryForgotten => change.entries.retain(|entry| entry.reason != Reason::HoldOver),
            Self::LossForgotten => each(change, Reason::PayoutArrive, |from, _, cents| match from {
                LedgerAccount::Losses => cents - 1,
                _ => cents,
            }),
            Self::ReleaseWhileDisputed | Self::AbsentIsRefused | Self::SuspendedIsPaid | Self::SilenceOfTheBarred => (),
        }
    }
}

/// Write the entries of a reason anew, with other amounts.
fn each<T>(change: &mut Change<T>, reason: Reason, amount: impl Fn(LedgerAccount, LedgerAccount, i64) -> i64) {
    for entry in change.entries.iter_mut().filter(|entry| entry.reason == reason) {
        let mut other = JournalEntry::new(entry.reason, entry.key.clone()).of_contract(entry.contract);
        if let Some(milestone) = entry.milestone {
            other = other.of_milestone(milestone);
        }
        let mut credit = Vec::new();
        for posting in entry.postings() {
            let cents = usd(amount(posting.from, posting.to, posting.amount.minor()));
            other = other.moving(posting.from, posting.to, cents);
            if let LedgerAccount::ClientCredit(_) = posting.to {
                credit.push((posting.to, (posting.came_with, cents)));
            }
        }
        if let Some((account, _)) = credit.first() {
            let parts: Vec<_> = credit.iter().map(|(_, part)| *part).collect();
            other = other.came_with(*account, &parts).expect("all of it is told");
        }
        *entry = other;
    }
}

impl World {
    /// What a planted slip does by itself, now and then.
    pub fn slips(&mut self) -> Result<(), Wrong> {
        if self.planted != Some(Planted::ReleaseWhileDisputed) {
            return Ok(());
        }
        let disputed = self.milestones.values().find_map(|milestone| match &milestone.state {
            State::Disputed { resume, .. } if matches!(**resume, State::Submitted { .. }) => {
                Some(Milestone { state: (**resume).clone(), ..milestone.clone() })
            }
            _ => None,
        });
        let Some(milestone) = disputed else { return Ok(()) };
        let [client, _] = parties(milestone.client, milestone.freelancer);
        let outcome = milestone.approve(&client, self.now, None, Approval::Whole);
        self.take(outcome, Self::put_milestone).map(drop)
    }
}
