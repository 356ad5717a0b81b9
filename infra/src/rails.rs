//! The rails that carry payouts to banks, seen from here: a transfer is handed over outside of any
//! transaction under a key of its own, and asked about later under the same key.
//!
//! [`Rails::Sandbox`] behaves like a real one. The last four characters of the account decide:
//! `…0001` is refused by every rail, `…0004` by every one but the wire sent by hand, `…0002` is
//! returned by the bank, for `…0003` the answer to the handing over is lost, for `…0005` the first
//! handing over takes twenty minutes to get there, for `…0008` too little of our own money is there at first, and any
//! other is paid after ten minutes.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::{PayoutId, PayoutMethodId};
use domain::money::Money;
use domain::payout::{Carried, Iban, Known, Rail};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::Fault;
use crate::market::Market;
use crate::wire;

mod agreement;
mod closure;
mod global;
mod recipient;
pub mod stripe;

pub use closure::Closure;
pub(crate) use global::{sum as financial_sum, transactions as global_transactions};
pub use stripe::StripeRails;

/// Who carries money to banks.
#[derive(Debug, Clone, Default)]
pub enum Rails {
    /// The rail for trying things out.
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
        self.key.split(':').next()?.parse().ok()
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

/// How long a transfer takes.
const CARRYING: TimeDelta = TimeDelta::minutes(10);

#[derive(FromQueryResult)]
struct Kept {
    reference: String,
    iban_last4: String,
    accepted_at: Timestamp,
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
            Self::Sandbox => sandbox_send(market, transfer).await,
            Self::Bank => match transfer.rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => Ok(Carried::Refused("not_set_up".to_owned())),
                Rail::BankWire | Rail::Manual => wire::send(market, transfer).await,
            },
            Self::Stripe(rails) => match transfer.rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => rails.send(market, transfer).await,
                Rail::BankWire | Rail::Manual => wire::send(market, transfer).await,
            },
        }
    }

    /// Ask about a transfer that may have been handed over to this rail.
    pub async fn ask(&self, market: &Market, rail: Rail, key: &str) -> Result<Known, Fault> {
        self.must_not_be_at_stripe(market, rail, key).await?;
        match self {
            Self::Sandbox => sandbox_ask(market, key).await,
            Self::Bank => wire::ask(market, key).await,
            Self::Stripe(rails) => match rail {
                Rail::GlobalPayouts | Rail::RecipientAccount => rails.ask(market, key).await,
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

async fn sandbox_send(market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
    let last4 = transfer.iban.last4();
    if last4 == "0001" || (last4 == "0004" && transfer.rail != Rail::Manual) {
        return Ok(Carried::Refused("account_not_supported".to_owned()));
    }
    if last4 == "0008" && transfer.attempt == 0 {
        return Ok(Carried::WithoutFunds("balance_insufficient".to_owned()));
    }
    let reference = format!("tr_sandbox_{}", transfer.key.replace(':', "_"));
    let now = market.clock().now();
    let arrives_at = if last4 == "0005" { now + TimeDelta::minutes(20) } else { now };
    // Handed over again, it is there at the latest now; and it is one transfer all the same.
    let keep = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into sandbox_transfers as kept (key, reference, iban_last4, amount_minor, accepted_at)
         values ($1, $2, $3, $4, $5)
         on conflict (key) do update set accepted_at = least(kept.accepted_at, $6)
         returning reference, iban_last4, accepted_at",
        [
            transfer.key.clone().into(),
            reference.into(),
            last4.into(),
            transfer.amount.minor().into(),
            arrives_at.into(),
            now.into(),
        ],
    );
    let kept = Kept::find_by_statement(keep).one(market.db()).await?;
    if let Some(kept) = &kept {
        sandbox_moves(market, transfer, kept).await?;
    }
    Ok(match kept {
        Some(Kept { reference, accepted_at, .. }) if last4 != "0003" && accepted_at <= now => {
            Carried::Accepted(reference)
        }
        Some(_) | None => Carried::Silent,
    })
}

/// What the processor's own rails carry leaves our balance there, and comes back to it.
async fn sandbox_moves(market: &Market, transfer: &Transfer, kept: &Kept) -> Result<(), Fault> {
    match transfer.rail {
        Rail::GlobalPayouts | Rail::RecipientAccount => (),
        Rail::BankWire | Rail::Manual => return Ok(()),
    }
    let comes_back = kept.iban_last4 == "0002";
    for (id, flow, at) in [
        (format!("txn_{}", transfer.key), "out", Some(kept.accepted_at)),
        (format!("txn_{}:back", transfer.key), "in", comes_back.then(|| kept.accepted_at + CARRYING)),
    ] {
        let Some(at) = at else { continue };
        let about = transfer.key.split(':').next().unwrap_or(&transfer.key);
        let note = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into sandbox_balance as kept (id, about, class, flow, currency, amount_minor, at)
             values ($1, $2, 'payout', $3, $4, $5, $6)
             on conflict (id) do update set at = least(kept.at, excluded.at)",
            [
                id.into(),
                about.into(),
                flow.into(),
                transfer.amount.currency().code().into(),
                transfer.amount.minor().into(),
                at.into(),
            ],
        );
        market.db().execute_raw(note).await?;
    }
    Ok(())
}

async fn sandbox_ask(market: &Market, key: &str) -> Result<Known, Fault> {
    let kept = Kept::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select reference, iban_last4, accepted_at from sandbox_transfers where key = $1",
        [key.into()],
    ))
    .one(market.db())
    .await?;
    let now = market.clock().now();
    let Some(Kept { reference, iban_last4, accepted_at }) = kept.filter(|kept| kept.accepted_at <= now) else {
        return Ok(Known::Absent);
    };
    let over = accepted_at + CARRYING <= now;
    Ok(Known::Told(match (over, iban_last4.as_str()) {
        (false, _) => Carried::Accepted(reference),
        (true, "0002") => Carried::Returned("account_closed".to_owned()),
        (true, _) => Carried::Paid,
    }))
}
