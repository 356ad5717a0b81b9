//! Refunds: the client's unspent credit goes back to the card it came with. What may go back is what is left of this
//! very payment in that credit: what came with one card never goes to another.

use serde::{Deserialize, Serialize};

use super::{Payment, State};
use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::{Event, OfRefund};
use crate::id::{OrganizationId, PaymentId, PaymentRefundId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Money, MoneyError};
use crate::refusal::Refusal;

/// The code of a refund that was asked for without an answer, and was not found until it was too late to ask again.
pub const PROCESSOR_SILENT: &str = "processor_silent";

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
        /// As of one that has gone back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<Money>,
    },
    /// It has gone back.
    Succeeded {
        /// The processor's name for it.
        reference: String,
        /// When.
        succeeded_at: Timestamp,
        /// What of it we bore: it was thought lost, and its money was spent by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<Money>,
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
    /// The client asks for some of it back on their card, out of their credit, of which `credit` came with this payment.
    /// `before` are its refunds so far.
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
        let available = self.refundable(credit, before)?;
        if !available.covers(amount)? {
            return Err(Refusal::Insufficient { available, asked: amount });
        }
        let (payment, client) = (self.id, self.client);
        let account = LedgerAccount::ClientCredit(client);
        let entry = JournalEntry::new(Reason::CardRefund, format!("refund:{id}"))
            .moving(account, LedgerAccount::ProcessorClearing, amount)
            .all_came_with(account, payment);
        let refund = Refund { id, payment, client, amount, state: RefundState::Started, created_at: now };
        let event = Event::PaymentRefundStarted { told: refund.told() };
        Ok(Change::to(refund).posting(entry).telling(event))
    }

    /// How much of it may go back: of the `credit` that came with it, and never more than it all was.
    pub fn refundable(&self, credit: Money, before: &[Refund]) -> Result<Money, MoneyError> {
        let went = before.iter().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        let went = Money::sum(credit.currency(), went.map(|refund| refund.amount))?;
        self.quote.client_pays.minus_or_zero(went)?.min(credit)
    }
}

impl Refund {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.client)
    }

    /// What is told of it.
    fn told(&self) -> OfRefund {
        OfRefund { payment: self.payment, refund: self.id, amount: self.amount }
    }

    /// The processor has it on its way. One that was thought not to go back, because the processor was silent for too
    /// long, takes the `credit` it had become again, what is left of that; the rest is our loss.
    pub fn taken_up(self, actor: &Actor, reference: String, credit: Money) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match &self.state {
            RefundState::Started => {
                Ok(Change::to(Self { state: RefundState::Pending { reference, lost: None }, ..self }))
            }
            RefundState::Failed { code, .. } if code == PROCESSOR_SILENT => {
                let (entry, lost) = self.takes_again(credit)?;
                let state = RefundState::Pending { reference, lost: Some(lost) };
                Ok(Change::to(Self { state, ..self }).posting(entry))
            }
            RefundState::Pending { .. } | RefundState::Succeeded { .. } | RefundState::Failed { .. } => {
                Ok(Change::none(self))
            }
        }
    }

    /// It has gone back. One that was thought not to takes the `credit` it had become again, as when it is taken up.
    pub fn succeeded(
        self,
        actor: &Actor,
        now: Timestamp,
        reference: String,
        credit: Money,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let event = Event::PaymentRefunded { told: self.told() };
        let went = |lost| RefundState::Succeeded { reference, succeeded_at: now, lost };
        match &self.state {
            RefundState::Started => Ok(Change::to(Self { state: went(None), ..self }).telling(event)),
            RefundState::Pending { lost, .. } => {
                let state = went(*lost);
                Ok(Change::to(Self { state, ..self }).telling(event))
            }
            RefundState::Failed { code, .. } if code == PROCESSOR_SILENT => {
                let (entry, lost) = self.takes_again(credit)?;
                Ok(Change::to(Self { state: went(Some(lost)), ..self }).posting(entry).telling(event))
            }
            RefundState::Succeeded { .. } | RefundState::Failed { .. } => Ok(Change::none(self)),
        }
    }

    fn account(&self) -> LedgerAccount {
        LedgerAccount::ClientCredit(self.client)
    }

    /// What had become credit again leaves once more, as far as it is there; what of it we lose.
    fn takes_again(&self, credit: Money) -> Result<(JournalEntry, Money), MoneyError> {
        let of_credit = self.amount.min(credit)?;
        let lost = self.amount.minus(of_credit)?;
        let clearing = LedgerAccount::ProcessorClearing;
        let entry = JournalEntry::new(Reason::CardRefund, format!("refund:{}:late", self.id))
            .moving(self.account(), clearing, of_credit)
            .moving(LedgerAccount::Losses, clearing, lost)
            .all_came_with(self.account(), self.payment);
        Ok((entry, lost))
    }

    /// How much of it, should it not go back, makes up for what we `lost` by chargebacks of its payment: a bank that
    /// took the payment back while some of it was on its way to the card took that twice.
    pub fn makes_up_for(&self, lost: Money) -> Result<Money, MoneyError> {
        match &self.state {
            RefundState::Failed { .. } => Ok(Money::zero(self.amount.currency())),
            RefundState::Started | RefundState::Pending { .. } | RefundState::Succeeded { .. } => {
                self.amount.minus(self.bore())?.min(lost)
            }
        }
    }

    /// What of it we bear already.
    fn bore(&self) -> Money {
        match &self.state {
            RefundState::Pending { lost, .. } | RefundState::Succeeded { lost, .. } => *lost,
            RefundState::Started | RefundState::Failed { .. } => None,
        }
        .unwrap_or(Money::zero(self.amount.currency()))
    }

    /// It did not go back. One that was thought to have can still come back: a card may be closed by then. What
    /// `makes_up` for losses of ours is no credit.
    pub fn failed(self, actor: &Actor, now: Timestamp, code: String, makes_up: Money) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let key = match &self.state {
            RefundState::Started
            | RefundState::Pending { lost: None, .. }
            | RefundState::Succeeded { lost: None, .. } => format!("refund:{}:failed", self.id),
            RefundState::Pending { lost: Some(_), .. } | RefundState::Succeeded { lost: Some(_), .. } => {
                format!("refund:{}:late:failed", self.id)
            }
            RefundState::Failed { .. } => return Ok(Change::none(self)),
        };
        let ours = self.bore().plus(makes_up)?;
        let entry = JournalEntry::new(Reason::CardRefundFailed, key)
            .moving(LedgerAccount::ProcessorClearing, self.account(), self.amount.minus(ours)?)
            .moving(LedgerAccount::ProcessorClearing, LedgerAccount::Losses, ours)
            .all_came_with(self.account(), self.payment);
        let event = Event::PaymentRefundFailed { told: self.told() };
        let state = RefundState::Failed { failed_at: now, code };
        Ok(Change::to(Self { state, ..self }).posting(entry).telling(event))
    }
}
