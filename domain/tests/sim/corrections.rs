//! Corrections of the books by two of our people: what they may touch, and what the books then say.

use std::collections::BTreeMap;

use domain::access::{self, Actor, Subject, Verb};
use domain::correction::{Cause, Correction, CorrectionDraft, CorrectionState, Source};
use domain::id::{CorrectionId, OrganizationId, PaymentId, UserId};
use domain::ledger::{LedgerAccount, Posting, Reason};
use domain::reconciliation::{BalanceTransaction, Class, Posted};

use super::act::absent;
use super::moves::{Answer, CorrectionAct, Move};
use super::world::{CLIENTS, FREELANCERS, World, Wrong, id, usd};

const CORRECTIONS: usize = 12;

impl World {
    pub(super) fn correction_moves(&mut self) -> Option<Move> {
        let by = if self.dice.percent(85) { self.admin() } else { self.somebody(id(1), id(1)) };
        let open = self.corrections.values().filter(|one| !one.clocks().is_empty());
        let open: Vec<CorrectionId> = open.map(|one| one.id).collect();
        let all: Vec<CorrectionId> = self.corrections.keys().copied().collect();
        let from = if open.is_empty() || self.dice.percent(10) { &all } else { &open };
        if let Some(of) = self.dice.pick(from).copied()
            && (self.corrections.len() >= CORRECTIONS || self.dice.percent(60))
        {
            let version = self.corrections.get(&of)?.version;
            let expected = self.expected(version);
            let act = if self.dice.percent(75) { CorrectionAct::Approve } else { CorrectionAct::Decline };
            return Some(Move::Correction { by, of, expected, act });
        }
        if self.corrections.len() >= CORRECTIONS {
            return None;
        }
        Some(Move::CorrectionPropose { by, correction: self.fresh(), draft: Box::new(self.correction_draft()) })
    }

    fn correction_draft(&mut self) -> CorrectionDraft {
        let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
        let user: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
        let ours = [
            LedgerAccount::Losses,
            LedgerAccount::FeeRevenue,
            LedgerAccount::PaidOut,
            LedgerAccount::ProcessorClearing,
            LedgerAccount::ProcessorFees,
        ];
        let ours = ours[self.dice.below(ours.len()).min(self.dice.below(ours.len()))];
        let theirs = match self.dice.below(8) {
            0..=3 => LedgerAccount::Available(user),
            4..=6 => LedgerAccount::ClientCredit(client),
            _ => LedgerAccount::Pending(user),
        };
        // What is somebody's and what is our own, mostly; and what reconciliation asks about has a cause.
        let (from, to) = match self.dice.below(10) {
            0..=3 => (ours, theirs),
            4..=7 => (theirs, ours),
            8 => (theirs, LedgerAccount::Available(user)),
            _ => (ours, LedgerAccount::Losses),
        };
        let there = if from.guarded() { self.books.balance(from).max(0) } else { 20_000 };
        let amount = self.amount_around(there.min(50_000));
        let paid: Vec<PaymentId> = self.outside.payments.keys().copied().collect();
        let payment = self.dice.pick(&paid).copied().filter(|_| self.dice.percent(50));
        let cause = match (payment, self.dice.below(4)) {
            (_, 0) => None,
            (Some(payment), 1 | 2) => Some(Cause { class: Class::Payment, about: payment.to_string() }),
            _ => Some(Cause {
                class: [Class::Fee, Class::Refund][self.dice.below(2)],
                about: self.fresh::<CorrectionId>().to_string(),
            }),
        };
        let named = matches!(&cause, Some(Cause { class: Class::Payment, .. }));
        let of_client = |payment: &PaymentId| self.bearer_of(*payment).is_some_and(|bearer| bearer.client() == client);
        let came_with = payment.filter(of_client).filter(|_| named && to == LedgerAccount::ClientCredit(client));
        let reason = "A letter of our bank's".into();
        CorrectionDraft { from, to, amount, reason, cause, settles: None, came_with, chargeback: None }
    }

    pub(super) fn correction_propose(
        &mut self,
        by: &Actor,
        correction: CorrectionId,
        draft: CorrectionDraft,
    ) -> Result<Answer, Wrong> {
        self.take(Correction::propose(by, self.now, correction, draft), Self::put_correction)
    }

    pub(super) fn correction_act(
        &mut self,
        by: &Actor,
        of: CorrectionId,
        expected: Option<i64>,
        act: CorrectionAct,
    ) -> Result<Answer, Wrong> {
        let Some(correction) = self.corrections.get(&of).cloned() else { return Ok(absent()) };
        let outcome = match act {
            // Who does not read the books knows of no correction.
            CorrectionAct::Approve if !access::allows(by, Verb::BooksRead, &Subject::OURS) => return Ok(absent()),
            CorrectionAct::Approve => {
                let source = match correction.from {
                    LedgerAccount::ClientCredit(client) => Source::Credit(self.credit(client)),
                    account if account.guarded() => Source::Available(usd(self.books.balance(account))),
                    _ => Source::Ours,
                };
                correction.approve(by, self.now, expected, &source)
            }
            CorrectionAct::Decline => correction.decline(by, self.now, expected, "It is as it should be"),
        };
        self.take(outcome, Self::put_correction)
    }

    pub(super) fn correction_expires(&mut self, of: CorrectionId) -> Result<Answer, Wrong> {
        let Some(correction) = self.corrections.get(&of).cloned() else { return Ok(absent()) };
        self.take(correction.expire(&Actor::System, self.now), Self::put_correction)
    }

    fn put_correction(&mut self, correction: Correction) {
        self.corrections.insert(correction.id, correction);
    }

    fn posted_corrections(&self) -> impl Iterator<Item = &Correction> {
        self.corrections.values().filter(|one| matches!(one.state, CorrectionState::Posted { .. }))
    }

    /// By how much corrections changed an account.
    pub(super) fn corrected(&self, account: LedgerAccount) -> i64 {
        let by = |one: &Correction| {
            let cents = one.amount.minor();
            cents * (i64::from(one.to == account) - i64::from(one.from == account))
        };
        self.posted_corrections().map(by).sum()
    }

    /// Was credit of a payment ever given by hand? What that means for who bore what is for our people to know.
    pub(super) fn given_by_hand(&self, payment: PaymentId) -> bool {
        self.posted_corrections().any(|one| one.came_with == Some(payment))
    }

    /// Two of our people stand behind each entry that corrected something; and there are as many as were posted.
    pub(super) fn check_corrections(&self) -> Result<(), Wrong> {
        for one in self.posted_corrections() {
            if let CorrectionState::Posted { by, at } = one.state
                && (by == one.proposed_by || at >= one.proposed_at + domain::correction::OPEN_FOR)
            {
                return Err(format!("{} was posted by {by} at {at}", one.id));
            }
        }
        let (there, posted) = (self.books.corrections, self.posted_corrections().count() as u64);
        if there != posted {
            return Err(format!("{posted} corrections were posted, and there are {there} entries of them"));
        }
        // Credit that came with no payment is what corrections gave, wherever it is by now.
        for client in 1..=CLIENTS {
            let client: OrganizationId = id(client);
            let credit = LedgerAccount::ClientCredit(client);
            let given = self.posted_corrections().filter(|one| one.to == credit && one.came_with.is_none());
            let given: i64 = given.map(|one| one.amount.minor()).sum();
            let milestones = self.milestones.values().filter(|milestone| milestone.client == client);
            let sources = milestones.flat_map(|milestone| milestone.sources.all());
            let held: i64 = sources.filter(|source| source.payment.is_none()).map(|source| source.held.minor()).sum();
            let left = self.books.unnamed(credit);
            if held + left > given {
                return Err(format!("{client} was given {given} by hand, and has {left} and {held} in escrow of it"));
            }
        }
        Ok(())
    }

    /// What the processor moved that our people found and corrected: it was there, or they would not have.
    pub(super) fn corrected_movements(&self) -> Vec<BalanceTransaction> {
        let mut all: BTreeMap<CorrectionId, Vec<BalanceTransaction>> = BTreeMap::new();
        for one in self.posted_corrections() {
            let (Some(cause), CorrectionState::Posted { at, .. }) = (&one.cause, &one.state) else { continue };
            let at = *at;
            let posted = Posted {
                id: one.key.clone(),
                reason: Reason::Correction,
                key: one.key.clone(),
                payment: None,
                at,
                postings: vec![Posting { from: one.from, to: one.to, amount: one.amount, came_with: None }],
            };
            for line in posted.lines() {
                all.entry(one.id).or_default().push(BalanceTransaction {
                    id: format!("{} by hand", one.id),
                    about: Some(cause.about.clone()),
                    class: cause.class,
                    flow: line.flow,
                    amount: one.amount,
                    fee: usd(0),
                    at: line.at,
                });
            }
        }
        all.into_values().flatten().collect()
    }
}
