//! Refunds: the client's unspent credit goes back to the card it came with. What may go back is what of this very
//! payment became credit and has not gone back yet, and no more than there is of credit: what came with one card never
//! goes to another.

use serde::{Deserialize, Serialize};

use super::{Payment, State};
use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{OrganizationId, PaymentId, PaymentRefundId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::milestone::Milestone;
use crate::money::{Money, MoneyError};
use crate::refusal::Refusal;
use crate::timesheet::Timesheet;

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
    /// The client asks for some of it back on their card, out of their `credit`. `became_credit` is what of this payment
    /// did, and `before` are its refunds so far.
    pub fn refund(
        &self,
        actor: &Actor,
        now: Timestamp,
        id: PaymentRefundId,
        amount: Money,
        (credit, became_credit): (Money, Money),
        before: &[Refund],
    ) -> Result<Change<Refund>, Refusal> {
        access::check(actor, Verb::PaymentRefund, &self.subject())?;
        let State::Succeeded { .. } = self.state else {
            return Err(Refusal::wrong_state("payment", self.state.as_str(), Vec::new()));
        };
        if amount.is_zero() {
            return Err(Refusal::field("amount", "OUT_OF_RANGE", "must be more than nothing"));
        }
        let available = self.refundable(became_credit, before)?.min(credit)?;
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
    fn refundable(&self, became_credit: Money, before: &[Refund]) -> Result<Money, MoneyError> {
        let total = self.quote.client_pays.min(became_credit)?;
        let went = before.iter().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        total.minus_or_zero(Money::sum(total.currency(), went.map(|refund| refund.amount))?)
    }

    /// How much of it became the client's credit and was not taken by a bank since, wherever its money went: to
    /// `milestones`, or into the `week` it was for. What nothing waited for when it came is credit from the beginning.
    pub fn became_credit(&self, milestones: &[Milestone], week: Option<&Timesheet>) -> Result<Money, MoneyError> {
        let currency = self.quote.client_pays.currency();
        let all_of_it = milestones.iter().map(|milestone| &milestone.credited).chain(week.map(|week| &week.credited));
        if !all_of_it.flatten().any(|credited| *credited == self.id) {
            let parts = milestones.iter().map(|milestone| milestone.sources.refunded_of(self.id, currency));
            return Money::sum(currency, parts);
        }
        let acted_on = milestones.iter().map(|milestone| &milestone.chargebacks);
        let acted_on = acted_on.chain(week.map(|week| &week.chargebacks)).flatten();
        let stand = acted_on.filter(|chargeback| chargeback.payment == self.id && !chargeback.won);
        let taken = stand.map(|chargeback| chargeback.bore.total()).collect::<Result<Vec<_>, _>>()?;
        self.quote.client_pays.minus_or_zero(Money::sum(currency, taken)?)
    }
}

impl Refund {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.client)
    }

    /// The processor has it on its way. One that was thought not to go back, because the processor was silent for too
    /// long, takes the `credit` it had become again, as far as there still is any; the rest is our loss.
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
        let event = Event::PaymentRefunded { payment: self.payment, refund: self.id, amount: self.amount };
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

    /// What had become credit again leaves once more, as far as it is there; what of it we lose.
    fn takes_again(&self, credit: Money) -> Result<(JournalEntry, Money), MoneyError> {
        let of_credit = self.amount.min(credit)?;
        let lost = self.amount.minus(of_credit)?;
        let clearing = LedgerAccount::ProcessorClearing;
        let entry = JournalEntry::new(Reason::CardRefund, format!("refund:{}:late", self.id))
            .moving(LedgerAccount::ClientCredit(self.client), clearing, of_credit)
            .moving(LedgerAccount::Losses, clearing, lost);
        Ok((entry, lost))
    }

    /// It did not go back. One that was thought to have can still come back: a card may be closed by then.
    pub fn failed(self, actor: &Actor, now: Timestamp, code: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let (lost, key) = match &self.state {
            RefundState::Started
            | RefundState::Pending { lost: None, .. }
            | RefundState::Succeeded { lost: None, .. } => {
                (Money::zero(self.amount.currency()), format!("refund:{}:failed", self.id))
            }
            RefundState::Pending { lost: Some(lost), .. } | RefundState::Succeeded { lost: Some(lost), .. } => {
                (*lost, format!("refund:{}:late:failed", self.id))
            }
            RefundState::Failed { .. } => return Ok(Change::none(self)),
        };
        let entry = JournalEntry::new(Reason::CardRefundFailed, key)
            .moving(
                LedgerAccount::ProcessorClearing,
                LedgerAccount::ClientCredit(self.client),
                self.amount.minus(lost)?,
            )
            .moving(LedgerAccount::ProcessorClearing, LedgerAccount::Losses, lost);
        let event = Event::PaymentRefundFailed { payment: self.payment, refund: self.id, amount: self.amount };
        let state = RefundState::Failed { failed_at: now, code };
        Ok(Change::to(Self { state, ..self }).posting(entry).telling(event))
    }
}
