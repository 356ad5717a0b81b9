//! The rails that carry payouts to banks, seen from here: a transfer is handed over outside of any
//! transaction under a key of its own, and asked about later under the same key.

use domain::id::{PayoutId, PayoutMethodId};
use domain::money::Money;
use domain::payout::{Carried, Iban, Known, Payout, Rail};
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::Fault;
use crate::market::Market;
use crate::wire;

mod agreement;
mod closure;
mod global;
mod recipient;
mod sandbox;
pub mod stripe;

pub use closure::Closure;
pub(crate) use global::{sum as financial_sum, transactions as global_transactions};
pub use stripe::StripeRails;

/// Who carries money to banks.
#[derive(Debug, Clone, Default)]
pub enum Rails {
    /// The rail for trying things out: the account decides how a payout to it ends.
    #[default]
    Sandbox,
    /// Our own bank alone: files, and what our people do by hand. The processor's rails refuse.
    Bank,
    /// Stripe's rails, as far as they are set up, and our own bank for what they refuse.
    Stripe(StripeRails),
}

/// A transfer to hand over.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Ours, and the idempotency key: the same transfer handed over twice goes out once.
    pub key: String,
    /// By which rail.
    pub rail: Rail,
    /// To which account.
    pub iban: Iban,
    /// How much.
    pub amount: Money,
    /// What a wire would still need to know of the payee.
    pub missing: Vec<&'static str>,
    /// Which attempt it is.
    pub attempt: u32,
    /// The account, by our name for it.
    pub method: PayoutMethodId,
    /// The name the bank knows the account by.
    pub account_title: String,
    /// The payee's name in Latin letters and without initials, where there is one.
    pub name: Option<String>,
}

impl Transfer {
    /// The payout it carries, as its key names it.
    pub fn payout(&self) -> Option<PayoutId> {
        Payout::named_by(&self.key).map(|(payout, _)| payout)
    }
}

/// What a rail tells of a transfer without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RailEvent {
    /// The payout it carries.
    pub payout: PayoutId,
    /// Which attempt, as in the transfer's key.
    pub attempt: u32,
    /// What it says.
    pub said: Carried,
}

#[derive(FromQueryResult)]
struct Handed {
    asked: bool,
}

impl Rails {
    /// Hand a transfer over.
    pub async fn send(&self, market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
        self.must_not_be_at_stripe(market, transfer.rail, &transfer.key).await?;
        match self {
            Self::Sandbox => sandbox::send(market, transfer).await,
            Self::Bank => match transfer.rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => Ok(Carried::Refused("not_set_up".to_owned())),
                Rail::BankWire | Rail::Manual => wire::send(market, transfer).await,
            },
            Self::Stripe(rails) => match transfer.rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => rails.send(market, transfer).await,
                Rail::BankWire | Rail::Manual if may_be_paid(rails, market, transfer.rail, &transfer.key).await? => {
                    Ok(Carried::Silent)
                }
                Rail::BankWire | Rail::Manual => wire::send(market, transfer).await,
            },
        }
    }

    /// Ask about a transfer that may have been handed over to this rail.
    pub async fn ask(&self, market: &Market, rail: Rail, key: &str) -> Result<Known, Fault> {
        self.must_not_be_at_stripe(market, rail, key).await?;
        match self {
            Self::Sandbox => sandbox::ask(market, rail, key).await,
            Self::Bank => wire::ask(market, key).await,
            Self::Stripe(rails) => match rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => rails.ask(market, key).await,
                Rail::BankWire | Rail::Manual if may_be_paid(rails, market, rail, key).await? => Ok(Known::Forgotten),
                Rail::BankWire | Rail::Manual => wire::ask(market, key).await,
            },
        }
    }

    /// Was a transfer ever handed over under this key, or about to be?
    pub(crate) async fn was_asked(&self, market: &Market, key: &str) -> Result<bool, Fault> {
        let select = "select exists (select from stripe_transfers where key = $1 and asks > 0)
            or exists (select from wire_lines where key = $1)
            or exists (select from sandbox_transfers where key = $1) as asked";
        let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [key.into()]);
        let found = Handed::find_by_statement(select).one(market.db()).await?;
        Ok(found.is_none_or(|found| found.asked))
    }

    /// Where Stripe's rails carry no payouts any more, what became of a transfer that they were asked for is not known
    /// here: that is no answer of theirs, and nobody else is asked for it.
    async fn must_not_be_at_stripe(&self, market: &Market, rail: Rail, key: &str) -> Result<(), Fault> {
        let ours = match (self, rail) {
            (Self::Stripe(_), _) | (_, Rail::BankWire | Rail::Manual) => return Ok(()),
            (Self::Sandbox | Self::Bank, Rail::GlobalPayouts | Rail::RecipientAccount) => {
                stripe::was_asked(market, key).await?
            }
        };
        if ours { Err(stripe::switched_off()) } else { Ok(()) }
    }

    /// Stripe's rails, if they carry payouts.
    pub fn stripe(&self) -> Option<&StripeRails> {
        match self {
            Self::Sandbox | Self::Bank => None,
            Self::Stripe(rails) => Some(rails),
        }
    }
}

/// May a payout that our bank has nothing of have gone by Stripe already, which the books forgot? Then our bank is not
/// given it: two of our people find out.
async fn may_be_paid(rails: &StripeRails, market: &Market, rail: Rail, key: &str) -> Result<bool, Fault> {
    Ok(wire::ask(market, key).await? == Known::Absent && rails.has_another_attempt(market, rail, key).await?)
}
