//! A payment: one attempt of a client to pay by card, and what the processor says of it.
//!
//! The money itself is the business of what it is for ([`crate::milestone`], [`crate::timesheet`]); a
//! payment is what the client's screen watches. The processor's events come late, twice and out of order: a success is
//! never undone by a failure told later, a failure may still turn into a success.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::id::{MilestoneId, OrganizationId, PaymentId, TimesheetId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::Money;
use crate::policy::Quote;
use crate::refusal::{Invalid, Refusal};

mod advice;
mod refund;

pub use refund::{PROCESSOR_SILENT, Refund, RefundState};

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id: also the idempotency key for the processor.
    pub id: PaymentId,
    /// Who pays.
    pub client: OrganizationId,
    /// What for.
    pub purpose: Purpose,
    /// The processor's token of the card, never a card number; none if the client had named no card,
    /// so that the payment failed before it began.
    pub method: Option<PaymentMethod>,
    /// What was fixed before the processor was asked.
    pub quote: Quote,
    /// Where it stands.
    pub state: State,
    /// When the client set out to pay.
    pub created_at: Timestamp,
}

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Purpose {
    /// A milestone, before its work begins.
    Milestone(MilestoneId),
    /// A week of an hourly contract, after it was worked.
    Timesheet(TimesheetId),
}

/// The processor's token of a card or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// May it be removed, while these contracts, by their titles, are charged to it?
    pub fn may_be_removed(needed_by: &[String]) -> Result<(), Refusal> {
        if needed_by.is_empty() {
            return Ok(());
        }
        let titles: Vec<String> = needed_by.iter().map(|title| format!("\u{201c}{title}\u{201d}")).collect();
        let message = format!(
            "Weeks are charged to it on {}: name another there with contractPaymentMethodSet, or end the contract, and \
             then remove it.",
            titles.join(", ")
        );
        Err(Refusal::rule("PAYMENT_METHOD_NEEDED", message))
    }

    /// Read a token: `pm_` and up to 60 letters, digits and underscores.
    pub fn parse(token: &str) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let fits = token.len() <= 63 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !token.starts_with("pm_") || !fits {
            invalid.add("paymentMethod", "MALFORMED", "must be a token of the processor, `pm_…`, never a card number");
        }
        invalid.finish()?;
        Ok(Self(token.to_owned()))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a payment stands. What lets the client's page go on with the processor is a secret, and kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// The processor is being asked.
    Starting,
    /// The processor was asked, and its answer never came: it may have taken it up, or not.
    Unknown {
        /// Since when.
        since: Timestamp,
    },
    /// The processor waits for the client, whose bank wants to see them first (3-D Secure).
    RequiresAction {
        /// The processor's name for it.
        intent: String,
    },
    /// The processor has taken it up.
    Processing {
        /// The processor's name for it.
        intent: String,
    },
    /// The money came.
    Succeeded {
        /// The processor's name for it.
        intent: String,
        /// When.
        succeeded_at: Timestamp,
    },
    /// The money did not come.
    Failed {
        /// When.
        failed_at: Timestamp,
        /// The processor's code, like `card_declined`.
        code: String,
    },
}

impl State {
    /// The name it is kept and shown by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Unknown { .. } => "unknown",
            Self::RequiresAction { .. } => "requires_action",
            Self::Processing { .. } => "processing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
        }
    }
}

/// How long a payment may be asked for. Processors forget idempotency keys after a day: asked for later
/// than that, it could be made twice.
pub const ASKED_FOR: TimeDelta = TimeDelta::hours(23);

impl Payment {
    /// The client set out to pay.
    pub fn start(
        id: PaymentId,
        client: OrganizationId,
        purpose: Purpose,
        method: PaymentMethod,
        quote: Quote,
        now: Timestamp,
    ) -> Change<Self> {
        let method = Some(method);
        Change::to(Self { id, client, purpose, method, quote, state: State::Starting, created_at: now })
    }

    /// The client was to be charged, and has named no card: it fails like a card that is declined.
    pub fn without_method(
        id: PaymentId,
        client: OrganizationId,
        purpose: Purpose,
        quote: Quote,
        now: Timestamp,
    ) -> Change<Self> {
        let state = State::Failed { failed_at: now, code: "no_payment_method".to_owned() };
        Change::to(Self { id, client, purpose, method: None, quote, state, created_at: now })
    }

    /// What its client can do about it, if it failed.
    pub fn advice(&self) -> Option<&'static str> {
        match &self.state {
            State::Failed { code, .. } => Some(advice::advice(code)),
            State::Starting
            | State::Unknown { .. }
            | State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. } => None,
        }
    }

    /// The processor charged us for it, or for a chargeback of it; `name` is the processor's for that charge.
    pub fn costs(&self, actor: &Actor, name: &str, fee: Money) -> Result<JournalEntry, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let entry = JournalEntry::new(Reason::ProcessorFee, format!("{}:{name}", self.id));
        Ok(entry.moving(LedgerAccount::ProcessorFees, LedgerAccount::ProcessorClearing, fee))
    }

    /// The processor gives back what it had charged us, as it does for a chargeback that was won; `name` is the
    /// processor's for that.
    pub fn costs_back(&self, actor: &Actor, name: &str, fee: Money) -> Result<JournalEntry, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let entry = JournalEntry::new(Reason::ProcessorFee, format!("{}:{name}", self.id));
        Ok(entry.moving(LedgerAccount::ProcessorClearing, LedgerAccount::ProcessorFees, fee))
    }

    /// A bank that keeps what it took of it gives `amount` of that back: for what we bore of it, and until somebody finds
    /// out whose the rest is; `name` is the processor's for that.
    pub fn given_back(&self, actor: &Actor, name: &str, amount: Money) -> Result<JournalEntry, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        let entry = JournalEntry::new(Reason::ChargebackWon, format!("{}:{name}", self.id));
        Ok(entry.moving(LedgerAccount::ProcessorClearing, LedgerAccount::Losses, amount))
    }

    /// Whose it is, for the access table: the client's alone.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.client)
    }

    /// May this actor see it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::PaymentRead, &self.subject())
    }

    /// May the processor be asked for it, still or again?
    pub fn is_to_be_asked(&self, now: Timestamp) -> bool {
        match self.state {
            State::Starting | State::Unknown { .. } => now < self.created_at + ASKED_FOR,
            State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. }
            | State::Failed { .. } => false,
        }
    }

    /// The processor was asked, and its answer did not come.
    pub fn unanswered(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            State::Starting => Ok(Change::to(Self { state: State::Unknown { since: now }, ..self })),
            State::Unknown { .. }
            | State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. }
            | State::Failed { .. } => Ok(Change::none(self)),
        }
    }

    /// The processor waits for the client. Told late, when the client has done what was asked, it is stale.
    pub fn waits_for_client(self, actor: &Actor, intent: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            State::Starting | State::Unknown { .. } => {
                Ok(Change::to(Self { state: State::RequiresAction { intent }, ..self }))
            }
            State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. }
            | State::Failed { .. } => Ok(Change::none(self)),
        }
    }

    /// The processor has taken it up.
    pub fn taken_up(self, actor: &Actor, intent: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            State::Starting | State::Unknown { .. } | State::RequiresAction { .. } => {
                Ok(Change::to(Self { state: State::Processing { intent }, ..self }))
            }
            State::Processing { .. } | State::Succeeded { .. } | State::Failed { .. } => Ok(Change::none(self)),
        }
    }

    /// The processor says that the money came.
    pub fn succeeded(self, actor: &Actor, now: Timestamp, intent: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            State::Starting
            | State::Unknown { .. }
            | State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Failed { .. } => {
                Ok(Change::to(Self { state: State::Succeeded { intent, succeeded_at: now }, ..self }))
            }
            State::Succeeded { .. } => Ok(Change::none(self)),
        }
    }

    /// The processor says that the money does not come.
    pub fn failed(self, actor: &Actor, now: Timestamp, code: String) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PaymentAdvance, &self.subject())?;
        match self.state {
            State::Starting | State::Unknown { .. } | State::RequiresAction { .. } | State::Processing { .. } => {
                Ok(Change::to(Self { state: State::Failed { failed_at: now, code }, ..self }))
            }
            State::Succeeded { .. } | State::Failed { .. } => Ok(Change::none(self)),
        }
    }
}

#[cfg(test)]
mod tests;
