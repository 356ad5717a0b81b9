//! The books, kept apart from the domain's own sums: everything here is counted from postings.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::credit::Credit;
use domain::id::{DisputeId, PaymentId};
use domain::ledger::{JournalEntry, LedgerAccount, Posting, Reason};
use domain::money::Currency;

use super::world::usd;

/// Where the money of one escrow account went, as the postings tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub funded: i64,
    pub released: i64,
    pub refunded: i64,
    pub charged_back: i64,
}

#[derive(Debug, Default)]
pub struct Books {
    pub balances: BTreeMap<LedgerAccount, i64>,
    pub tallies: BTreeMap<LedgerAccount, Tally>,
    /// What is in a client's credit, by the payment it came with, the oldest first.
    credits: BTreeMap<LedgerAccount, Vec<(Option<PaymentId>, i64)>>,
    keys: HashSet<String>,
    pub entries: u64,
    /// How many of them are corrections.
    pub corrections: u64,
    pub reasons: BTreeSet<&'static str>,
    /// What a dispute brought us for arbitration, by its name.
    arbitration: BTreeMap<String, i64>,
    /// By how much entries of a reason changed an account.
    moved: BTreeMap<(&'static str, LedgerAccount), i64>,
}

impl Books {
    pub fn balance(&self, account: LedgerAccount) -> i64 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    pub fn tally(&self, account: LedgerAccount) -> Tally {
        self.tallies.get(&account).copied().unwrap_or_default()
    }

    /// By how much entries of a reason changed an account.
    pub fn moved(&self, reason: Reason, account: LedgerAccount) -> i64 {
        self.moved.get(&(reason.as_str(), account)).copied().unwrap_or(0)
    }

    /// What a dispute brought us for arbitration.
    pub fn arbitration(&self, dispute: DisputeId) -> i64 {
        self.arbitration.get(&dispute.to_string()).copied().unwrap_or(0)
    }

    /// A client's credit.
    pub fn credit(&self, account: LedgerAccount) -> Credit {
        let parts = self.credits.get(&account).into_iter().flatten();
        let parts = parts.filter(|(_, cents)| *cents > 0).map(|(of, cents)| (*of, usd(*cents)));
        Credit::of_parts(Currency::Usd, parts.collect())
    }

    /// What of it came with no payment.
    pub fn unnamed(&self, account: LedgerAccount) -> i64 {
        let parts = self.credits.get(&account).into_iter().flatten();
        parts.filter(|(of, _)| of.is_none()).map(|(_, cents)| cents).sum()
    }

    /// Post an entry, or say what is wrong with it.
    pub fn post(&mut self, entry: &JournalEntry) -> Result<(), String> {
        self.entries += 1;
        self.reasons.insert(entry.reason.as_str());
        self.corrections += u64::from(entry.reason == Reason::Correction);
        if !self.keys.insert(entry.key.clone()) {
            return Err(format!("the key {} was used before", entry.key));
        }
        if entry.postings().is_empty() {
            return Err(format!("{} moves nothing", entry.key));
        }
        if let (Reason::ArbitrationFee, Some((of, _))) = (entry.reason, entry.key.split_once(':')) {
            *self.arbitration.entry(of.to_owned()).or_default() +=
                entry.effect_on(LedgerAccount::FeeRevenue, Currency::Usd);
        }
        let own = entry.milestone.map(LedgerAccount::Escrow);
        for posting in entry.postings() {
            let amount = posting.amount.minor();
            if amount <= 0 || posting.from == posting.to || posting.amount.currency() != Currency::Usd {
                return Err(format!("{}: a posting that is none: {posting:?}", entry.key));
            }
            for (account, delta) in [(posting.from, -amount), (posting.to, amount)] {
                *self.balances.entry(account).or_default() += delta;
                *self.moved.entry((entry.reason.as_str(), account)).or_default() += delta;
            }
            self.count(entry.reason, own, posting.from, posting.to, amount);
            for (account, delta) in [(posting.from, -amount), (posting.to, amount)] {
                match account {
                    LedgerAccount::ClientCredit(_) => self.credit_by(account, posting.came_with, delta)?,
                    _ if posting.came_with.is_some() && !touches_credit(posting) => {
                        return Err(format!("{}: what is no credit came with a payment: {posting:?}", entry.key));
                    }
                    _ => (),
                }
            }
        }
        for posting in entry.postings() {
            for account in [posting.from, posting.to] {
                let balance = self.balance(account);
                if account.guarded() && balance < 0 {
                    return Err(format!("{account} is at {balance} after {}", entry.key));
                }
            }
        }
        Ok(())
    }

    fn credit_by(&mut self, account: LedgerAccount, payment: Option<PaymentId>, delta: i64) -> Result<(), String> {
        let parts = self.credits.entry(account).or_default();
        let there = match parts.iter_mut().find(|(of, _)| *of == payment) {
            Some((_, there)) => there,
            None => {
                parts.push((payment, delta));
                return if delta < 0 { Err(format!("{account}: nothing is left of {payment:?}")) } else { Ok(()) };
            }
        };
        *there += delta;
        if *there < 0 { Err(format!("{account}: {there} is left of {payment:?}")) } else { Ok(()) }
    }

    fn count(
        &mut self,
        reason: Reason,
        own: Option<LedgerAccount>,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: i64,
    ) {
        let is_pot = |account| matches!(account, LedgerAccount::Escrow(_) | LedgerAccount::TimesheetEscrow(_));
        if is_pot(from) {
            let tally = self.tallies.entry(from).or_default();
            match to {
                LedgerAccount::Pending(_) | LedgerAccount::Available(_) | LedgerAccount::FeeRevenue => {
                    tally.released += amount;
                }
                LedgerAccount::ClientCredit(_) => tally.refunded += amount,
                LedgerAccount::ProcessorClearing => tally.charged_back += amount,
                _ => tally.funded -= amount,
            }
        }
        if is_pot(to) {
            let tally = self.tallies.entry(to).or_default();
            match reason {
                Reason::Reclaim => tally.released -= amount,
                Reason::ChargebackWon => tally.charged_back -= amount,
                _ => tally.funded += amount,
            }
        }
        if let (LedgerAccount::ProcessorClearing, LedgerAccount::Available(_), Some(own)) = (from, to, own) {
            let tally = self.tallies.entry(own).or_default();
            tally.released += amount;
            tally.charged_back -= amount;
        }
        if let (LedgerAccount::Pending(_) | LedgerAccount::Available(_), Some(own)) = (from, own) {
            let tally = self.tallies.entry(own).or_default();
            match to {
                LedgerAccount::ProcessorClearing => {
                    tally.released -= amount;
                    tally.charged_back += amount;
                }
                LedgerAccount::ClientCredit(_) => {
                    tally.released -= amount;
                    tally.refunded += amount;
                }
                _ => (),
            }
        }
    }
}

fn touches_credit(posting: &Posting) -> bool {
    [posting.from, posting.to].iter().any(|account| matches!(account, LedgerAccount::ClientCredit(_)))
}
