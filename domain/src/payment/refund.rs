//! Refunds: the client's unspent credit goes back to the card it came with. What may go back is what the
//! payment brought and has not gone back yet, and no more than there is of credit.

use serde::{Deserialize, Serialize};

use super::{Payment, State};
use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{OrganizationId, PaymentId, PaymentRefundId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Money, MoneyError};
use crate::refusal::Refusal;

/// Money on its way back to a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id.
    pub id: PaymentRefundId,
    /// Of which payment.
    pub payment: PaymentId,
    /// Whose money it is.
    pub client: OrganizationId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: RefundState,
    /// When the client asked for it.
    pub created_at: Timestamp,
}

/// Where a refund stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum RefundState {
    /// The processor is being asked. The money is no longer credit.
    Started,
    /// The processor has it on its way.
    Pending {
        /// The processor's name for it.
        reference: String,
    },
    /// It has gone back.
    Succeeded {
        /// The processor's name for it.
        reference: String,
        /// When.
        succeeded_at: Timestamp,
    },
    /// It did not go back, or came back: the money is credit again.
    Failed {
        /// When.
        failed_at: Timestamp,
        /// The processor's code.
        code: String,
    },
}

impl RefundState {
    /// The name it is kept and shown by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Pending { .. } => "pending",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Payment {
    /// The client asks for some of it back on their card, out of their `credit`. `before` are its refunds so far.
    pub fn refund(
        &self,
        actor: &Actor,
        now: Timestamp,
        id: PaymentRefundId,
        amount: Money,
        credit: Money,
        before: &[Refund],
    ) -> Result<Change<Refund>, Refusal> {
        access::check(actor, Verb::PaymentRefund, &self.subject())?;
        let State::Succeeded { .. } = self.state else {
            return Err(Refusal::wrong_state("payment", self.state.as_str(), Vec::new()));
        };
        if amount.is_zero() {
            return Err(Refusal::field("amount", "OUT_OF_RANGE", "must be more than nothing"));
        }
        let available = self.refundable(before)?.min(credit)?;
        if !available.covers(amount)? {
            return Err(Refusal::Insufficient { available, asked: amount });
        }
        let (payment, client) = (self.id, self.client);
        let entry = JournalEntry::new(Reason::CardRefund, format!("refund:{id}")).moving(
            LedgerAccount::ClientCredit(client),
            LedgerAccount::ProcessorClearing,
            amount,
        );
        let refund = Refund { id, payment, client, amount, state: RefundState::Started, created_at: now };
        Ok(Change::to(refund).posting(entry).telling(Event::PaymentRefundStarted { payment, refund: id, amount }))
    }

    /// How much of it may still go back, were there enough of credit.
    pub fn refundable(&self, before: &[Refund]) -> Result<Money, MoneyError> {
        let total = self.quote.client_pays;
        let went = before.iter().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        total.minus_or_zero(Money::sum(total.currency(), went.map(|refund| refund.amount))?)
    }
}

impl Refund {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.client)
    }

    /// The processor has it on its way.
    pub fn taken_up(self, actor: &Actor, reference: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            RefundState::Started => Ok(Change::to(Self { state: RefundState::Pending { reference }, ..self })),
            RefundState::Pending { .. } | RefundState::Succeeded { .. } | RefundState::Failed { .. } => {
                Ok(Change::none(self))
            }
        }
    }

    /// It has gone back.
    pub fn succeeded(self, actor: &Actor, now: Timestamp, reference: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            RefundState::Started | RefundState::Pending { .. } => {
                let event = Event::PaymentRefunded { payment: self.payment, refund: self.id, amount: self.amount };
                let state = RefundState::Succeeded { reference, succeeded_at: now };
                Ok(Change::to(Self { state, ..self }).telling(event))
            }
            RefundState::Succeeded { .. } | RefundState::Failed { .. } => Ok(Change::none(self)),
        }
    }

    /// It did not go back. One that was thought to have can still come back: a card may be closed by then.
    pub fn failed(self, actor: &Actor, now: Timestamp, code: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            RefundState::Started | RefundState::Pending { .. } | RefundState::Succeeded { .. } => {
                let entry = JournalEntry::new(Reason::CardRefundFailed, format!("refund:{}:failed", self.id)).moving(
                    LedgerAccount::ProcessorClearing,
                    LedgerAccount::ClientCredit(self.client),
                    self.amount,
                );
                let event = Event::PaymentRefundFailed { payment: self.payment, refund: self.id, amount: self.amount };
                let state = RefundState::Failed { failed_at: now, code };
                Ok(Change::to(Self { state, ..self }).posting(entry).telling(event))
            }
            RefundState::Failed { .. } => Ok(Change::none(self)),
        }
    }
}
