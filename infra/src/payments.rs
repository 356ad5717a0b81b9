//! The processor of payments, seen from here: it is asked for an intent, outside of any transaction and
//! under a key that stays the same, and it answers later, by events.
//!
//! Which one is decided when the server starts: [`Payments::Sandbox`], a processor of our own for trying
//! things out ([`sandbox`]), or [`Payments::Stripe`] ([`stripe`]).

use domain::Timestamp;
use domain::id::{OrganizationId, PaymentId, PaymentRefundId};
use domain::money::Money;
use domain::payment::{Payment, PaymentMethod, State};
use domain::reconciliation::{BalanceTransaction, Class, Foreign, Span};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::market::Market;
use crate::rails::{Rails, financial_sum};
use crate::reconciliation::{sandbox_balance, sandbox_sum};
use crate::stripe::Stripe;
use crate::{Failure, Fault};

mod balance;
pub mod sandbox;
pub mod stripe;

/// Who takes the clients' payments.
#[derive(Debug, Clone, Default)]
pub enum Payments {
    /// The processor for trying things out.
    #[default]
    Sandbox,
    /// Stripe.
    Stripe(Stripe),
}

/// What a processor is asked for.
#[derive(Debug, Clone)]
pub struct IntentRequest {
    /// Makes asking again harmless: the id of the event that asks for it.
    pub key: String,
    /// Our payment.
    pub payment: PaymentId,
    /// Whose it is.
    pub client: OrganizationId,
    /// What to charge.
    pub total: Money,
    /// Whom.
    pub method: PaymentMethod,
    /// Is the client not there to be asked anything?
    pub off_session: bool,
    /// When the client set out.
    pub since: Timestamp,
    /// Was it asked before, without an answer?
    pub unanswered: bool,
    /// Is it too late to ask for it, so that it can only be looked for?
    pub too_late: bool,
    /// The client's word that it may be taken, if they are there to give it.
    pub mandate: Option<Mandate>,
}

/// A client's word that what they pay with may be charged, as it was given. A card takes none; a bank account is
/// debited on nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// When it was given.
    pub given_at: Timestamp,
    /// From which address.
    pub address: String,
    /// What it was given with, as that calls itself.
    pub agent: String,
}

/// What a processor is asked to send back.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Makes asking again harmless: the id of the event that asks for it.
    pub key: String,
    /// Our refund.
    pub refund: PaymentRefundId,
    /// The processor's name for the payment.
    pub intent: String,
    /// The card it came with.
    pub method: Option<PaymentMethod>,
    /// How much.
    pub amount: Money,
    /// Is it too late to ask for it, so that it can only be looked for?
    pub too_late: bool,
}

/// What a processor says of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunded {
    /// It is on its way; the processor's name for it.
    Pending(String),
    /// It has gone back; the processor's name for it.
    Succeeded(String),
    /// It does not go back, or came back: the processor's code.
    Failed(String),
}

/// A card or a bank account that was set up at a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUp {
    /// Whose, by the processor's name for them.
    pub customer: String,
    /// The processor's token.
    pub method: String,
    /// `card`, `us_bank_account`…
    pub kind: String,
    /// The card's brand, or the bank's name.
    pub label: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// If it is a card: the last month it is good for, and its year.
    pub expires: Option<(i16, i16)>,
}

/// A payment, as the processor knows it.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its name.
    pub id: String,
    /// Lets the client's page go on with the processor.
    pub client_secret: Option<SecretString>,
}

/// What a processor answers when it is asked for an intent.
#[derive(Debug)]
pub enum Asked {
    /// It takes it up. Its events will tell.
    TakenUp(Intent),
    /// It takes it up, once the client was seen by their bank.
    SeeTheBank(Intent),
    /// It does not take it up.
    Failed {
        /// The intent it made of it all the same, if it did.
        intent: Option<Intent>,
        /// Why, by its code.
        code: String,
    },
    /// It may have taken it up, or not. To be asked about from an instant on.
    Unknown {
        /// From when on.
        until: Timestamp,
        /// For the log.
        why: String,
    },
}

/// What a processor tells us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorEvent {
    /// Which processor, as its events are kept.
    pub source: String,
    /// Its own id: the same for each time it is told.
    pub id: String,
    /// Our payment.
    pub payment: PaymentId,
    /// What it says.
    pub fact: ProcessorFact,
}

/// What happened at a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProcessorFact {
    /// The money came.
    Succeeded {
        /// The processor's name for the payment.
        intent: String,
        /// How much.
        received: Money,
    },
    /// The money does not come.
    Failed {
        /// Why, by the processor's code.
        code: String,
    },
    /// The client's bank takes money back.
    ChargedBack {
        /// The processor's name for the chargeback.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The client's bank gives back what it took.
    ChargebackWon {
        /// The processor's name for the chargeback.
        reference: String,
    },
    /// The client's bank keeps what it took, and gives a part of it back all the same.
    GivenBack {
        /// The processor's name for the chargeback.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The processor keeps something for itself.
    Cost {
        /// How much.
        fee: Money,
    },
    /// It gives back of what it had kept.
    CostBack {
        /// How much.
        fee: Money,
    },
}

impl ProcessorFact {
    /// The name it is kept by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::ChargedBack { .. } => "charged_back",
            Self::ChargebackWon { .. } => "chargeback_won",
            Self::GivenBack { .. } => "given_back",
            Self::Cost { .. } => "cost",
            Self::CostBack { .. } => "cost_back",
        }
    }
}

impl Payments {
    /// Ask for an intent. Asking again with the same payment gets the same intent.
    pub async fn ask(&self, market: &Market, request: &IntentRequest) -> Result<Asked, Fault> {
        match self {
            Self::Sandbox => sandbox::ask(market.db(), market.clock().now(), request).await,
            Self::Stripe(stripe) => stripe::ask(stripe, market, request).await,
        }
    }

    /// Give an intent up, so that its money does not come later. One whose money came, or is on its way,
    /// stays as it is. The sandbox has none to give up: there it shows how money that comes late is met.
    pub async fn give_up(&self, market: &Market, intent: &str, key: &str) -> Result<(), Fault> {
        match self {
            Self::Sandbox => Ok(()),
            Self::Stripe(stripe) => stripe::give_up(stripe, market.clock().now(), intent, key).await,
        }
    }

    /// Has the processor taken a payment up, and will it tell what became of it? A debit takes a bank days.
    pub async fn is_with_the_bank(&self, db: &impl ConnectionTrait, payment: &Payment) -> Result<bool, Failure> {
        match (self, &payment.state) {
            (Self::Stripe(_), State::Processing { .. }) => Ok(true),
            (Self::Sandbox, State::Processing { .. }) => sandbox::will_tell(db, payment.id).await,
            (
                Self::Sandbox | Self::Stripe(_),
                State::Starting
                | State::Unknown { .. }
                | State::RequiresAction { .. }
                | State::Succeeded { .. }
                | State::Failed { .. },
            ) => Ok(false),
        }
    }

    /// Begin to set up a card or a bank account: what lets the processor's page go on.
    pub async fn set_up(&self, market: &Market, client: OrganizationId) -> Result<SecretString, Fault> {
        match self {
            Self::Sandbox => Ok(sandbox::set_up()),
            Self::Stripe(stripe) => stripe::set_up(stripe, market, client).await,
        }
    }

    /// Let go of a card or a bank account, so that it can't be charged again. Asking again does no harm.
    pub async fn detach(&self, now: Timestamp, method: &str) -> Result<(), Fault> {
        match self {
            Self::Sandbox => Ok(()),
            Self::Stripe(stripe) => stripe::detach(stripe, now, method).await,
        }
    }

    /// Ask for money to go back to a card. Asking again under the same key sends it once.
    pub async fn refund(&self, market: &Market, request: &RefundRequest) -> Result<Refunded, Fault> {
        match self {
            Self::Sandbox => sandbox::refund(market.db(), market.clock().now(), request).await,
            Self::Stripe(stripe) => stripe::refund(stripe, market.clock().now(), request).await,
        }
    }

    /// The name of the intent of a payment, if it has come to one.
    pub async fn intent_of(&self, market: &Market, request: &IntentRequest) -> Result<Option<String>, Fault> {
        match self {
            Self::Sandbox => Ok(None),
            Self::Stripe(stripe) => stripe::intent_of(stripe, market, request).await,
        }
    }

    /// What its events are kept under.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Stripe(_) => "stripe",
        }
    }

    /// What moved on our balance there within a span of time, oldest first. And, by itself, what moved in a currency that
    /// the books don't know.
    ///
    /// # Errors
    /// A fault if the processor does not answer, or has what can't be understood.
    pub async fn balance_transactions(
        &self,
        market: &Market,
        span: Span,
    ) -> Result<(Vec<BalanceTransaction>, Vec<Foreign>), Failure> {
        match self {
            Self::Sandbox => Ok((sandbox_balance(market, span).await?, Vec::new())),
            Self::Stripe(stripe) => {
                let (mut moved, foreign) = balance::transactions(stripe, market, span).await?;
                // Payouts for trying things out are on no balance but the sandbox's.
                if matches!(market.rails(), Rails::Sandbox) {
                    let tried_out = sandbox_balance(market, span).await?;
                    moved.extend(tried_out.into_iter().filter(|moved| moved.class == Class::Payout));
                }
                Ok((moved, foreign))
            }
        }
    }

    /// What it has of ours now, on all of our accounts there, in cents of a dollar: settled or not, and below zero where
    /// we owe it.
    ///
    /// # Errors
    /// A fault if the processor does not answer, or has what can't be understood.
    pub async fn balance(&self, market: &Market) -> Result<i64, Failure> {
        let stripe = match self {
            Self::Sandbox => return Ok(sandbox_sum(market, None).await?),
            Self::Stripe(stripe) => stripe,
        };
        let there = balance::sum(stripe, market).await?;
        match market.rails() {
            Rails::Sandbox => Ok(there.saturating_add(sandbox_sum(market, Some(Class::Payout)).await?)),
            Rails::Bank => Ok(there),
            Rails::Stripe(rails) => Ok(there.saturating_add(financial_sum(rails, market).await?)),
        }
    }

    /// Stripe, if that is who takes the payments.
    pub fn stripe(&self) -> Option<&Stripe> {
        match self {
            Self::Sandbox => None,
            Self::Stripe(stripe) => Some(stripe),
        }
    }
}
