//! What arbitration costs, and who bears it. Each side pays the fee of the terms, the client out of the
//! organization's credit, the freelancer out of what is available. Whose money is in dispute may have none left
//! for that very reason: what is lacking is owed out of the award, the freelancer's also out of what of it a bank has and
//! gives back, and forgone where that brings nothing. What is only owed gets a side heard, but wins nothing by the other
//! side's silence. Fees go back when nobody hears it.

use serde::{Deserialize, Serialize};

use super::*;
use crate::bearer::brought;
use crate::credit::{Credit, Part};

/// What the sides paid for arbitration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// The client, by the payments it came with.
    pub client: Vec<Part>,
    /// What the client owes of it.
    #[serde(default)]
    pub client_owes: Option<Money>,
    /// The freelancer, as far as there was something available.
    pub freelancer: Option<Money>,
    /// What the freelancer owes of it.
    pub owed: Option<Money>,
}

impl Fees {
    fn owed_by(&self, side: Side) -> Option<Money> {
        match side {
            Side::Client => self.client_owes,
            Side::Freelancer => self.owed,
        }
    }

    /// Of those who `paid`, who owes nothing of it.
    pub(super) fn in_full(&self, paid: Both<bool>) -> Both<bool> {
        let full = |side| paid.of(side) && self.owed_by(side).is_none();
        Both { client: full(Side::Client), freelancer: full(Side::Freelancer) }
    }
}

impl Dispute {
    /// A side pays for arbitration, out of `balance`: the organization's credit, or the freelancer's available money,
    /// which came with no payment. When both have, it is heard.
    pub fn pay_fee(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        balance: &Credit,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::DisputePayFee)?;
        let side = self.standing(actor, Verb::DisputePayFee, expected)?;
        let (DisputeState::Arbitration { recommendation, paid, fees, pay_by }, Some(side)) = (&self.state, side) else {
            return Err(Refusal::wrong_state("dispute", self.state.as_str(), self.allowed(actor)));
        };
        let (recommendation, paid, pay_by) = (*recommendation, paid.with(side, true), *pay_by);
        let fee = self.terms.arbitration_fee;
        let paying = fee.min(balance.total()?)?;
        let owes = Some(fee.minus(paying)?).filter(|owed| !owed.is_zero());
        let spent = balance.spend(paying)?;
        let fees = match side {
            Side::Client => Fees { client: spent.clone(), client_owes: owes, ..fees.clone() },
            Side::Freelancer => Fees { freelancer: Some(paying), owed: owes, ..fees.clone() },
        };
        let payer = self.fee_account(side);
        let entry = self.fee_entry("").moving(payer, LedgerAccount::FeeRevenue, paying).came_with(payer, &spent)?;
        let event = Event::DisputeFeePaid { told: self.told(Some(side)) };
        let change = if paid.client && paid.freelancer {
            self.heard(now, recommendation, false, fees, event)
        } else {
            self.becomes(DisputeState::Arbitration { recommendation, paid, fees, pay_by }).telling(event)
        };
        Ok(if paying.is_zero() { change } else { change.posting(entry) })
    }

    /// What a side owes of the fee, out of what the outcome's `entries` bring it; and what they don't cover of it.
    pub(super) fn owed_fee(&self, side: Side, entries: &[JournalEntry]) -> Result<(JournalEntry, Money), Refusal> {
        let owed = self.fees().and_then(|fees| fees.owed_by(side)).unwrap_or(Money::zero(self.total.currency()));
        let payer = self.fee_account(side);
        let brought = Credit::of_parts(owed.currency(), brought(entries, payer)?);
        let there = owed.min(brought.total()?)?;
        let of = match side {
            Side::Client => ":owed_by_client",
            Side::Freelancer => ":owed",
        };
        let entry = self.fee_entry(of).moving(payer, LedgerAccount::FeeRevenue, there);
        Ok((entry.came_with(payer, &brought.spend(there)?)?, owed.minus(there)?))
    }

    /// The fees go back to who paid them.
    pub(super) fn fees_back(&self) -> Result<Option<JournalEntry>, MoneyError> {
        let Some(fees) = self.fees() else { return Ok(None) };
        let currency = self.total.currency();
        let (credit, revenue) = (self.fee_account(Side::Client), LedgerAccount::FeeRevenue);
        let of_client = Money::sum(currency, fees.client.iter().map(|(_, part)| *part))?;
        let entry = self
            .fee_entry(":back")
            .moving(revenue, credit, of_client)
            .moving(revenue, self.fee_account(Side::Freelancer), fees.freelancer.unwrap_or(Money::zero(currency)))
            .came_with(credit, &fees.client)?;
        Ok(Some(entry).filter(|entry| !entry.postings().is_empty()))
    }

    /// Nobody owes a fee any more, and what was paid of it goes back.
    pub(super) fn without_fees(mut self) -> Result<(Self, Option<JournalEntry>), MoneyError> {
        let back = self.fees_back()?;
        if let DisputeState::Arbitration { fees, .. } | DisputeState::Hearing { fees, .. } = &mut self.state {
            *fees = Fees::default();
        }
        Ok((self, back))
    }

    fn fees(&self) -> Option<&Fees> {
        match &self.state {
            DisputeState::Arbitration { fees, .. } | DisputeState::Hearing { fees, .. } => Some(fees),
            DisputeState::Opened { .. }
            | DisputeState::Answered { .. }
            | DisputeState::Negotiating { .. }
            | DisputeState::Recommended { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. } => None,
        }
    }

    fn fee_account(&self, side: Side) -> LedgerAccount {
        match side {
            Side::Client => LedgerAccount::ClientCredit(self.client),
            Side::Freelancer => LedgerAccount::Available(self.freelancer),
        }
    }

    fn fee_entry(&self, of: &str) -> JournalEntry {
        let key = format!("{}:{}:{}{of}", self.id, self.version + 1, Reason::ArbitrationFee.as_str());
        JournalEntry::new(Reason::ArbitrationFee, key).of_contract(self.contract)
    }
}
