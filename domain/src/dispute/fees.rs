//! What arbitration costs, and who bears it. Each side pays the fee of the terms, the client out of the
//! organization's credit, the freelancer out of what is available. Whose work is in dispute may have nothing available
//! for that very reason: what is lacking is owed out of the award, and forgone where that brings nothing. Fees go back
//! when a bank closes the dispute and nobody hears it.

use serde::{Deserialize, Serialize};

use super::*;
use crate::credit::{Credit, Part};

/// What the sides paid for arbitration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// The client, by the payments it came with.
    pub client: Vec<Part>,
    /// The freelancer, as far as there was something available.
    pub freelancer: Option<Money>,
    /// What the freelancer owes of it.
    pub owed: Option<Money>,
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
        let (paying, spent, fees) = match side {
            Side::Client => {
                let spent = balance.spend(fee)?;
                (fee, spent.clone(), Fees { client: spent, ..fees.clone() })
            }
            Side::Freelancer => {
                let there = fee.min(balance.total()?)?;
                let owed = Some(fee.minus(there)?).filter(|owed| !owed.is_zero());
                (there, balance.spend(there)?, Fees { freelancer: Some(there), owed, ..fees.clone() })
            }
        };
        let payer = self.fee_account(side);
        let entry = self.fee_entry("").moving(payer, LedgerAccount::FeeRevenue, paying).came_with(payer, &spent)?;
        let event = Event::DisputeFeePaid { told: self.told(Some(side)) };
        let state = if paid.client && paid.freelancer {
            let remind_at = self.remind_at(now);
            DisputeState::Hearing { recommendation, small_claims: false, fees, since: now, remind_at }
        } else {
            DisputeState::Arbitration { recommendation, paid, fees, pay_by }
        };
        let change = self.becomes(state).telling(event);
        Ok(if paying.is_zero() { change } else { change.posting(entry) })
    }

    /// What is owed of the fee, out of the `brought` that the outcome makes available to the freelancer.
    pub(super) fn owed_fee(&self, brought: i64) -> Result<Option<JournalEntry>, MoneyError> {
        let Some(owed) = self.fees().and_then(|fees| fees.owed) else { return Ok(None) };
        let there = owed.min(Money::new(brought.max(0), owed.currency())?)?;
        let payer = self.fee_account(Side::Freelancer);
        let entry = self.fee_entry(":owed").moving(payer, LedgerAccount::FeeRevenue, there);
        Ok(Some(entry).filter(|_| !there.is_zero()))
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
