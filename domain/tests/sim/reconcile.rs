//! What the processor moved, held against the books, once all is over: they agree, whatever was told late,
//! twice and out of order.

use domain::ledger::JournalEntry;
use domain::payment::RefundState;
use domain::payout::PayoutState;
use domain::reconciliation::{Background, BalanceTransaction, Class, Flow, Period, Posted, reconcile};

use super::moves::Message;
use super::world::{World, Wrong, usd};
use chrono::TimeDelta;

impl World {
    /// An entry is posted, for the news of a payment or not.
    pub(super) fn note(&mut self, entry: &JournalEntry) {
        let posted = Posted {
            id: entry.key.clone(),
            reason: entry.reason,
            key: entry.key.clone(),
            payment: self.hearing,
            at: self.now,
            postings: entry.postings().to_vec(),
        };
        if posted.lines().next().is_some() {
            self.posted.push(posted);
        }
    }

    /// The processor tells something, perhaps for the first time.
    pub(super) fn listen(&mut self, message: &Message) {
        let (name, payment) = match message {
            Message::Succeeded { payment, .. } => (payment.to_string(), *payment),
            Message::ChargedBack { payment, reference, .. } => (reference.clone(), *payment),
            Message::ChargebackWon { payment, reference } => (format!("{reference} won"), *payment),
            Message::Failed { .. } | Message::Rail { .. } => return,
            Message::Refund { refund, .. } => {
                self.heard_at.insert(refund.to_string(), self.now);
                return;
            }
        };
        self.heard_at.entry(name).or_insert(self.now);
        self.hearing = Some(payment);
    }

    /// The processor's own account of all that it told of, and of what its rails carried.
    fn processor_moved(&self) -> Vec<BalanceTransaction> {
        let mut all = Vec::new();
        let mut moves = |id: String, about: String, class, flow, minor, at| {
            let (amount, fee) = (usd(minor), usd(0));
            all.push(BalanceTransaction { id, about: Some(about), class, flow, amount, fee, at });
        };
        let at = |name: &str| self.heard_at.get(name).copied().unwrap_or(self.now);
        for (id, payment) in self.outside.payments.iter().filter(|(_, payment)| payment.told) {
            let (id, came_at) = (id.to_string(), at(&id.to_string()));
            moves(id.clone(), id.clone(), Class::Payment, Flow::In, payment.takes, came_at);
            for (reference, amount) in &payment.told_back {
                let (back, won) = (reference.clone(), format!("{reference} won"));
                // One that was told before its payment is booked with that.
                moves(back, id.clone(), Class::Dispute, Flow::Out, *amount, at(reference).max(came_at));
                if payment.told_won.contains(reference) {
                    let won_at = at(&won).max(came_at);
                    moves(won, id.clone(), Class::Dispute, Flow::In, *amount, won_at);
                }
            }
        }
        for refund in self.refunds.values() {
            // What did not get there in the end went out and came back, or never left.
            if !matches!(refund.state, RefundState::Failed { .. }) {
                let name = refund.id.to_string();
                moves(name.clone(), name, Class::Refund, Flow::Out, refund.amount.minor(), refund.created_at);
            }
        }
        for ((id, attempt), transfer) in &self.outside.transfers {
            let Some(payout) = self.payouts.get(id) else { continue };
            let paid_at = match payout.state {
                PayoutState::Paid { at, .. } | PayoutState::Returned { at, .. } => at,
                _ => self.now,
            };
            let (name, amount) = (format!("{id}:{attempt}"), payout.amount.minor());
            moves(name.clone(), id.to_string(), Class::Payout, Flow::Out, amount, paid_at);
            if transfer.returned {
                moves(format!("{name} back"), id.to_string(), Class::Payout, Flow::In, amount, paid_at);
            }
        }
        all.extend(self.corrected_movements());
        all
    }

    /// Both sides agree line by line; answers about how many things they do.
    pub fn reconciles(&self) -> Result<u64, Wrong> {
        let until = self.now + TimeDelta::days(1);
        let period = Period { from: self.now - TimeDelta::days(36_500), until, asked_at: until };
        let ours = self.posted.iter().flat_map(Posted::lines);
        let theirs = self.processor_moved();
        let theirs = theirs.iter().flat_map(BalanceTransaction::lines);
        let found = reconcile(period, ours, theirs, &Background::default()).map_err(|error| error.to_string())?;
        match found.differences.first() {
            None => Ok(found.agree),
            Some(difference) => Err(format!("the processor and the books differ: {difference:?}")),
        }
    }
}
