//! Bugs planted on purpose. Each spoils a change on its way into the world, as a slip in the domain
//! would; the checks have to notice, and say what.

#![expect(clippy::expect_used, reason = "a slip that cannot be made should stop")]

use chrono::TimeDelta;
use domain::change::{Change, TimerChange};
use domain::event::Event;
use domain::ledger::{JournalEntry, LedgerAccount, Posting, Reason};
use domain::milestone::{Approval, Milestone, State};

use super::check::parties;
use super::world::{FREELANCERS, World, Wrong, id, usd};

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
    /// What is available when its hold is over is another freelancer's.
    PaidToAnother,
    /// A refund keeps the client's fee.
    FeeKept,
    /// A release is on nobody's statement.
    OffTheStatement,
    /// The client is not told that work waits for it.
    ToldToNobody,
    /// What is accepted is held for a day less than was settled.
    HeldForLess,
    /// A gig goes on taking proposals when somebody was hired for it.
    GigStaysOpen,
    /// The client is told that a draft of a proposal is withdrawn.
    DraftIsTold,
    /// What a client says of a freelancer is shown before that one has said anything.
    ReviewShownEarly,
}

impl Planted {
    /// Spoil what is about to be saved.
    pub fn spoil<T>(self, change: &mut Change<T>) {
        match self {
            Self::DoubleFee => cents(change, Reason::Release, |from, to, cents| match (from, to) {
                (LedgerAccount::Escrow(_), LedgerAccount::FeeRevenue) => 2 * cents,
                _ => cents,
            }),
            Self::LostCent => cents(change, Reason::Award, |_, to, cents| match to {
                LedgerAccount::Available(_) | LedgerAccount::Pending(_) => cents - 1,
                _ => cents,
            }),
            Self::RefundAboveHeld => cents(change, Reason::Refund, |from, _, cents| match from {
                LedgerAccount::Escrow(_) => cents + 1,
                _ => cents,
            }),
            Self::TimerAfterTheEnd => change.timers.retain(|timer| matches!(timer, TimerChange::Set(..))),
            Self::EntryTwice => {
                let again = change.entries.clone();
                change.entries.extend(again);
            }
            Self::EntryForgotten => change.entries.retain(|entry| entry.reason != Reason::HoldOver),
            Self::LossForgotten => cents(change, Reason::PayoutArrive, |from, _, cents| match from {
                LedgerAccount::Losses => cents - 1,
                _ => cents,
            }),
            Self::PaidToAnother => each(change, Reason::HoldOver, |posting| match posting.to {
                LedgerAccount::Available(_) => (LedgerAccount::Available(id(FREELANCERS)), posting.amount.minor()),
                to => (to, posting.amount.minor()),
            }),
            Self::FeeKept => cents(change, Reason::Refund, |from, _, cents| match from {
                LedgerAccount::FeeRevenue => 0,
                _ => cents,
            }),
            Self::OffTheStatement => {
                for entry in change.entries.iter_mut().filter(|entry| entry.reason == Reason::Release) {
                    *entry = entry.clone().of_contract(None);
                }
            }
            Self::ToldToNobody => change.events.retain(|event| !matches!(event, Event::MilestoneSubmitted { .. })),
            Self::HeldForLess => {
                for event in &mut change.events {
                    if let Event::MilestoneApproved { releases_at, .. } = event {
                        *releases_at -= TimeDelta::days(1);
                    }
                }
            }
            Self::ReleaseWhileDisputed
            | Self::AbsentIsRefused
            | Self::SuspendedIsPaid
            | Self::SilenceOfTheBarred
            | Self::GigStaysOpen
            | Self::DraftIsTold
            | Self::ReviewShownEarly => (),
        }
    }
}

/// Write the entries of a reason anew, with other amounts.
fn cents<T>(change: &mut Change<T>, reason: Reason, amount: impl Fn(LedgerAccount, LedgerAccount, i64) -> i64) {
    each(change, reason, |posting| (posting.to, amount(posting.from, posting.to, posting.amount.minor())));
}

/// Write them anew, to other accounts and with other amounts.
fn each<T>(change: &mut Change<T>, reason: Reason, other_way: impl Fn(&Posting) -> (LedgerAccount, i64)) {
    for entry in change.entries.iter_mut().filter(|entry| entry.reason == reason) {
        let mut other = JournalEntry::new(entry.reason, entry.key.clone()).of_contract(entry.contract);
        if let Some(milestone) = entry.milestone {
            other = other.of_milestone(milestone);
        }
        let mut credit = Vec::new();
        for posting in entry.postings() {
            let (to, cents) = other_way(posting);
            let cents = usd(cents);
            other = other.moving(posting.from, to, cents);
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
