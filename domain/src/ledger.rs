//! The books: double-entry, append-only. A [`JournalEntry`] is made only by moving amounts from
//! one account to another, so it balances as it is written; the database holds the same rule from
//! the other side.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::credit::Part;
use crate::id::{ContractId, MilestoneId, OrganizationId, PaymentId, PayoutId, TimesheetId, UserId};
use crate::money::{Currency, Money, MoneyError};

/// An account of the ledger. Its balance is what was moved into it less what was moved out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What clients have paid at the processor, less what went back to them and what the processor kept of it (runs
    /// negative: money comes from here). The processor settles it by itself, a few days later; that moves nothing of
    /// anybody's, so the books have one account for both. What goes on from there to our own bank they don't have, and
    /// reconciliation tells of it.
    ProcessorClearing,
    /// What the processor charged us.
    ProcessorFees,
    /// An organization's unspent money with us.
    ClientCredit(OrganizationId),
    /// The money held for a milestone.
    Escrow(MilestoneId),
    /// The money held for a charged week of an hourly contract.
    TimesheetEscrow(TimesheetId),
    /// A freelancer's released money in its security hold.
    Pending(UserId),
    /// A freelancer's money that can be paid out.
    Available(UserId),
    /// Money of a payout under way.
    InTransit(PayoutId),
    /// Money that has left for a freelancer's bank.
    PaidOut,
    /// Our revenue from fees.
    FeeRevenue,
    /// What chargebacks and mistakes cost us (runs negative).
    Losses,
}

impl LedgerAccount {
    /// May this account never go below zero? Those are locked when money moves out of them; the
    /// platform's own accounts are only ever appended to, or all money would queue behind them.
    pub fn guarded(self) -> bool {
        match self {
            Self::ClientCredit(_)
            | Self::Escrow(_)
            | Self::TimesheetEscrow(_)
            | Self::Pending(_)
            | Self::Available(_)
            | Self::InTransit(_) => true,
            Self::ProcessorClearing | Self::ProcessorFees | Self::PaidOut | Self::FeeRevenue | Self::Losses => false,
        }
    }
}

impl fmt::Display for LedgerAccount {
    /// The name it is kept by: its kind, and whose it is, like `escrow:mil_01…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProcessorClearing => f.write_str("processor_clearing"),
            Self::ProcessorFees => f.write_str("processor_fees"),
            Self::ClientCredit(organization) => write!(f, "client_credit:{organization}"),
            Self::Escrow(milestone) => write!(f, "escrow:{milestone}"),
            Self::TimesheetEscrow(timesheet) => write!(f, "timesheet_escrow:{timesheet}"),
            Self::Pending(user) => write!(f, "pending:{user}"),
            Self::Available(user) => write!(f, "available:{user}"),
            Self::InTransit(payout) => write!(f, "in_transit:{payout}"),
            Self::PaidOut => f.write_str("paid_out"),
            Self::FeeRevenue => f.write_str("fee_revenue"),
            Self::Losses => f.write_str("losses"),
        }
    }
}

/// Text that names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a ledger account")]
pub struct BadAccount;

impl FromStr for LedgerAccount {
    type Err = BadAccount;
    fn from_str(text: &str) -> Result<Self, BadAccount> {
        let (kind, of) = text.split_once(':').unwrap_or((text, ""));
        let account = match kind {
            "processor_clearing" => Self::ProcessorClearing,
            "processor_fees" => Self::ProcessorFees,
            "client_credit" => Self::ClientCredit(of.parse().map_err(|_| BadAccount)?),
            "escrow" => Self::Escrow(of.parse().map_err(|_| BadAccount)?),
            "timesheet_escrow" => Self::TimesheetEscrow(of.parse().map_err(|_| BadAccount)?),
            "pending" => Self::Pending(of.parse().map_err(|_| BadAccount)?),
            "available" => Self::Available(of.parse().map_err(|_| BadAccount)?),
            "in_transit" => Self::InTransit(of.parse().map_err(|_| BadAccount)?),
            "paid_out" => Self::PaidOut,
            "fee_revenue" => Self::FeeRevenue,
            "losses" => Self::Losses,
            _ => return Err(BadAccount),
        };
        if account.to_string() == text { Ok(account) } else { Err(BadAccount) }
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A client's payment arrived in escrow.
    Fund,
    /// A payment came that no escrow waited for: it is the client's credit.
    Credit,
    /// Escrow went to the freelancer's pending balance, less the fee.
    Release,
    /// The security hold is over: pending money is available.
    HoldOver,
    /// A release still in its security hold was undone by a dispute.
    Reclaim,
    /// Escrow moved on to the next milestone.
    HandOver,
    /// Escrow went back to the client.
    Refund,
    /// A freelancer gave money back after it was released.
    RefundAfter,
    /// A dispute's outcome was carried out.
    Award,
    /// A client's bank took the payment back.
    Chargeback,
    /// A client's bank gave back what it had taken.
    ChargebackWon,
    /// A side of a dispute paid for arbitration.
    ArbitrationFee,
    /// A bonus or a tip.
    Bonus,
    /// A payout set out.
    PayoutSend,
    /// A payout arrived.
    PayoutArrive,
    /// A payout came back, or was cancelled.
    PayoutReturn,
    /// A client's credit went back to a card.
    CardRefund,
    /// It did not get there, and is credit again.
    CardRefundFailed,
    /// The processor charged us for what it did.
    ProcessorFee,
    /// An operator's correction, with its reason in the audit log.
    Correction,
}

impl Reason {
    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fund => "fund",
            Self::Credit => "credit",
            Self::Release => "release",
            Self::HoldOver => "hold_over",
            Self::Reclaim => "reclaim",
            Self::HandOver => "hand_over",
            Self::Refund => "refund",
            Self::RefundAfter => "refund_after",
            Self::Award => "award",
            Self::Chargeback => "chargeback",
            Self::ChargebackWon => "chargeback_won",
            Self::ArbitrationFee => "arbitration_fee",
            Self::Bonus => "bonus",
            Self::PayoutSend => "payout_send",
            Self::PayoutArrive => "payout_arrive",
            Self::PayoutReturn => "payout_return",
            Self::CardRefund => "card_refund",
            Self::CardRefundFailed => "card_refund_failed",
            Self::ProcessorFee => "processor_fee",
            Self::Correction => "correction",
        }
    }
}

/// An amount moved from one account to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it comes from (the debited account).
    pub from: LedgerAccount,
    /// Where it goes (the credited account).
    pub to: LedgerAccount,
    /// How much; never zero.
    pub amount: Money,
    /// With which payment it came, where it is a client's credit that moves and that is known: what came with one
    /// card never goes back to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_with: Option<PaymentId>,
}

/// Movements that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Why.
    pub reason: Reason,
    /// Makes a repeat of the same fact harmless: no two entries share a key.
    pub key: String,
    /// The contract whose statement this belongs to.
    pub contract: Option<ContractId>,
    /// The milestone it concerns.
    pub milestone: Option<MilestoneId>,
    postings: Vec<Posting>,
}

impl JournalEntry {
    /// An entry without movements yet.
    pub fn new(reason: Reason, key: impl Into<String>) -> Self {
        Self { reason, key: key.into(), contract: None, milestone: None, postings: Vec::new() }
    }

    /// For the statement of this contract.
    #[must_use]
    pub fn of_contract(self, contract: Option<ContractId>) -> Self {
        Self { contract, ..self }
    }

    /// About this milestone.
    #[must_use]
    pub fn of_milestone(self, milestone: MilestoneId) -> Self {
        Self { milestone: Some(milestone), ..self }
    }

    /// With an amount moved. Moving nothing, or moving to where it already is, adds no posting.
    #[must_use]
    pub fn moving(mut self, from: LedgerAccount, to: LedgerAccount, amount: Money) -> Self {
        if !amount.is_zero() && from != to {
            self.postings.push(Posting { from, to, amount, came_with: None });
        }
        self
    }

    /// What it moves into or out of `account` came with these payments, in this order; together they are all of it.
    pub fn came_with(self, account: LedgerAccount, parts: &[Part]) -> Result<Self, MoneyError> {
        let mut parts = parts.iter().copied().filter(|(_, part)| !part.is_zero());
        let mut part = parts.next();
        let mut postings = Vec::new();
        for posting in self.postings {
            if posting.from != account && posting.to != account {
                postings.push(posting);
                continue;
            }
            let mut left = posting.amount;
            while !left.is_zero() {
                let (came_with, there) = part.ok_or(MoneyError::Negative)?;
                let amount = left.min(there)?;
                postings.push(Posting { amount, came_with, ..posting });
                left = left.minus(amount)?;
                let rest = there.minus(amount)?;
                part = if rest.is_zero() { parts.next() } else { Some((came_with, rest)) };
            }
        }
        match part {
            Some(_) => Err(MoneyError::Negative),
            None => Ok(Self { postings, ..self }),
        }
    }

    /// All that it moves into or out of `account` came with this payment.
    #[must_use]
    pub fn all_came_with(mut self, account: LedgerAccount, payment: PaymentId) -> Self {
        for posting in &mut self.postings {
            if posting.from == account || posting.to == account {
                posting.came_with = Some(payment);
            }
        }
        self
    }

    /// Does it move money into or out of a client's credit?
    pub fn touches_credit(&self) -> bool {
        let is_credit = |account| matches!(account, LedgerAccount::ClientCredit(_));
        self.postings.iter().any(|posting| is_credit(posting.from) || is_credit(posting.to))
    }

    /// The movements.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// How the entry changes an account, in minor units of a currency.
    pub fn effect_on(&self, account: LedgerAccount, currency: Currency) -> i64 {
        let of_currency = self.postings.iter().filter(|posting| posting.amount.currency() == currency);
        of_currency.fold(0, |effect, posting| {
            let into = if posting.to == account { posting.amount.minor() } else { 0 };
            let out = if posting.from == account { posting.amount.minor() } else { 0 };
            effect + into - out
        })
    }
}
