//! The rail for trying things out. It behaves like a real one, on each way out that there is, and keeps its own account
//! of what it moved. The last four characters of the account decide how a payout to it ends:
//!
//! - `…0001`: every rail refuses it
//! - `…0002`: the bank returns it after ten minutes
//! - `…0003`: the answer to the handing over is lost
//! - `…0004`: every rail refuses it but the wire sent by hand
//! - `…0005`: the first handing over takes twenty minutes to get there
//! - `…0008`: too little of our own money is there at first
//! - `…0009`: paid, and the bank sends it back three days after it was sent
//! - `…0010`: Global Payouts refuse it, and the rail of people's own accounts wants to approve our platform first
//! - `…0011`: the answer is lost, and the processor's rails have nothing of it when they are asked
//! - `…0012`: the answer is lost, and nothing is said for two days; then it was paid
//! - `…0013`: the same; then it came back
//! - any other: paid after ten minutes

use chrono::TimeDelta;
use domain::Timestamp;
use domain::payout::{Carried, Known, Payout, Rail};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{RailEvent, Rails, Transfer, stripe};
use crate::market::Market;
use crate::sql::sql;
use crate::stripe::Refused;
use crate::{Failure, Fault};

/// How long a transfer takes.
const CARRYING: TimeDelta = TimeDelta::minutes(10);

/// How long one takes whose handing over is slow to get there.
const BELATED: TimeDelta = TimeDelta::minutes(20);

/// For how long the rail does not say what became of one that it is silent about.
const SILENCE: TimeDelta = TimeDelta::days(2);

/// After how long a bank sends back what it had.
const SENT_BACK_AFTER: TimeDelta = TimeDelta::days(3);

/// What becomes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Paid,
    PaidUnanswered,
    PaidBelated,
    PaidOnceFunded,
    PaidAfterSilence,
    Returned,
    ReturnedAfterSilence,
    ReturnedOncePaid,
    Refused,
    RefusedUnapproved,
    Forgotten,
}

impl Fate {
    /// Of one to an account that ends so, on this rail.
    fn of(last4: &str, rail: Rail) -> Self {
        match (last4, rail) {
            ("0001", _) => Self::Refused,
            ("0002", _) => Self::Returned,
            ("0003", _) => Self::PaidUnanswered,
            ("0004", Rail::GlobalPayouts | Rail::RecipientAccount | Rail::BankWire) => Self::Refused,
            ("0005", _) => Self::PaidBelated,
            ("0008", _) => Self::PaidOnceFunded,
            ("0009", _) => Self::ReturnedOncePaid,
            ("0010", Rail::GlobalPayouts) => Self::Refused,
            ("0010", Rail::RecipientAccount) => Self::RefusedUnapproved,
            // What our bank carries our people can't settle here, so it is never forgotten.
            ("0011", Rail::GlobalPayouts | Rail::RecipientAccount) => Self::Forgotten,
            ("0012", _) => Self::PaidAfterSilence,
            ("0013", _) => Self::ReturnedAfterSilence,
            _ => Self::Paid,
        }
    }

    /// Does the answer to the handing over get back to us?
    fn is_answered(self) -> bool {
        match self {
            Self::PaidUnanswered | Self::PaidAfterSilence | Self::ReturnedAfterSilence | Self::Forgotten => false,
            Self::Paid
            | Self::PaidBelated
            | Self::PaidOnceFunded
            | Self::Returned
            | Self::ReturnedOncePaid
            | Self::Refused
            | Self::RefusedUnapproved => true,
        }
    }

    /// Does its money leave the processor?
    fn moves(self) -> bool {
        !matches!(self, Self::Refused | Self::RefusedUnapproved | Self::Forgotten)
    }

    /// When the money of one that was accepted then is with us again, if it comes back.
    fn back_at(self, accepted_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Returned => Some(accepted_at + CARRYING),
            Self::ReturnedAfterSilence => Some(accepted_at + SILENCE),
            Self::ReturnedOncePaid => Some(accepted_at + SENT_BACK_AFTER),
            Self::Paid
            | Self::PaidUnanswered
            | Self::PaidBelated
            | Self::PaidOnceFunded
            | Self::PaidAfterSilence
            | Self::Refused
            | Self::RefusedUnapproved
            | Self::Forgotten => None,
        }
    }

    /// What the rail tells of it without being asked, by the name that is kept, and when.
    fn tells(self, accepted_at: Timestamp) -> Option<(&'static str, Timestamp)> {
        match self {
            Self::PaidAfterSilence => Some((PAID, accepted_at + SILENCE)),
            Self::ReturnedAfterSilence | Self::ReturnedOncePaid => self.back_at(accepted_at).map(|at| (RETURNED, at)),
            Self::Paid
            | Self::PaidUnanswered
            | Self::PaidBelated
            | Self::PaidOnceFunded
            | Self::Returned
            | Self::Refused
            | Self::RefusedUnapproved
            | Self::Forgotten => None,
        }
    }

    /// What the rail knows of one that it accepted.
    fn knows(self, Kept { reference, accepted_at, .. }: Kept, now: Timestamp) -> Known {
        let silent = matches!(self, Self::PaidAfterSilence | Self::ReturnedAfterSilence);
        let back = self.back_at(accepted_at).is_some_and(|at| at <= now);
        Known::Told(match () {
            () if self == Self::Forgotten => return Known::Forgotten,
            () if silent && now < accepted_at + SILENCE => Carried::Silent,
            () if back => returned(),
            () if now < accepted_at + CARRYING => Carried::Accepted(reference),
            () => Carried::Paid,
        })
    }
}

/// What is kept of one that the rail will say was paid.
const PAID: &str = "paid";
/// And of one that it will say came back.
const RETURNED: &str = "returned";

fn returned() -> Carried {
    Carried::Returned("account_closed".to_owned())
}

#[derive(FromQueryResult)]
struct Kept {
    reference: String,
    iban_last4: String,
    accepted_at: Timestamp,
}

#[derive(FromQueryResult)]
struct News {
    key: String,
    tells: String,
}

impl TryFrom<&News> for RailEvent {
    type Error = Fault;
    fn try_from(news: &News) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("sandbox_transfers", why);
        let (payout, attempt) = Payout::named_by(&news.key).ok_or_else(|| bad("its key names no payout"))?;
        Ok(Self {
            payout,
            attempt,
            said: match news.tells.as_str() {
                PAID => Carried::Paid,
                RETURNED => returned(),
                _ => return Err(bad("unknown news")),
            },
        })
    }
}

/// Hand a transfer over.
pub(super) async fn send(market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
    let (last4, rail) = (transfer.iban.last4(), transfer.rail);
    let fate = Fate::of(last4, rail);
    // What was handed over before may be there, whatever stands against the rail by now.
    if find(market, &transfer.key).await?.is_none() && market.rail_is_closed(rail).await? {
        return Ok(Carried::Refused("rail_closed".to_owned()));
    }
    match fate {
        Fate::Refused => return Ok(Carried::Refused("account_not_supported".to_owned())),
        Fate::RefusedUnapproved => return stripe::refused(market, rail, &wants_to_approve()).await,
        Fate::PaidOnceFunded if transfer.attempt == 0 => {
            return Ok(Carried::WithoutFunds("balance_insufficient".to_owned()));
        }
        Fate::Paid
        | Fate::PaidUnanswered
        | Fate::PaidBelated
        | Fate::PaidOnceFunded
        | Fate::PaidAfterSilence
        | Fate::Returned
        | Fate::ReturnedAfterSilence
        | Fate::ReturnedOncePaid
        | Fate::Forgotten => (),
    }
    let reference = format!("tr_sandbox_{}", transfer.key.replace(':', "_"));
    let now = market.clock().now();
    let arrives_at = if fate == Fate::PaidBelated { now + BELATED } else { now };
    let (tells, tells_at) = fate.tells(arrives_at).unzip();
    // Handed over again, it is there at the latest now; and it is one transfer all the same.
    let keep = sql(
        "insert into sandbox_transfers as kept (key, reference, iban_last4, amount_minor, accepted_at, tells, tells_at)
         values ($1, $2, $3, $4, $5, $7, $8)
         on conflict (key) do update set accepted_at = least(kept.accepted_at, $6)
         returning reference, iban_last4, accepted_at",
        [
            transfer.key.clone().into(),
            reference.into(),
            last4.into(),
            transfer.amount.minor().into(),
            arrives_at.into(),
            now.into(),
            tells.into(),
            tells_at.into(),
        ],
    );
    let kept = Kept::find_by_statement(keep).one(market.db()).await?;
    let Some(kept) = kept else { return Ok(Carried::Silent) };
    if fate.moves() {
        moves(market, transfer, fate, kept.accepted_at).await?;
    }
    Ok(if fate.is_answered() && kept.accepted_at <= now { Carried::Accepted(kept.reference) } else { Carried::Silent })
}

/// What a processor says that carries nothing for a platform before it has approved it.
fn wants_to_approve() -> Refused {
    let message = "Your platform needs approval before accounts can have the `transfers` capability. (The sandbox says \
                   so, for accounts that end in 0010.)";
    Refused {
        status: 400,
        kind: "invalid_request_error".to_owned(),
        message: Some(message.to_owned()),
        ..Refused::default()
    }
}

/// What the processor's own rails carry leaves our balance there, and comes back to it.
async fn moves(market: &Market, transfer: &Transfer, fate: Fate, accepted_at: Timestamp) -> Result<(), Fault> {
    if !transfer.rail.is_processors() {
        return Ok(());
    }
    for (id, flow, at) in [
        (format!("txn_{}", transfer.key), "out", Some(accepted_at)),
        (format!("txn_{}:back", transfer.key), "in", fate.back_at(accepted_at)),
    ] {
        let Some(at) = at else { continue };
        let about = transfer.key.split(':').next().unwrap_or(&transfer.key);
        let note = sql(
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

/// What became of a transfer that may have been handed over.
pub(super) async fn ask(market: &Market, rail: Rail, key: &str) -> Result<Known, Fault> {
    let now = market.clock().now();
    Ok(match find(market, key).await?.filter(|kept| kept.accepted_at <= now) {
        Some(kept) => Fate::of(&kept.iban_last4, rail).knows(kept, now),
        None => Known::Absent,
    })
}

async fn find(market: &Market, key: &str) -> Result<Option<Kept>, Fault> {
    let select = "select reference, iban_last4, accepted_at from sandbox_transfers where key = $1";
    Ok(Kept::find_by_statement(sql(select, [key.into()])).one(market.db()).await?)
}

impl Market {
    /// Hear what the sandbox's rail has to tell by now; how much was heard. It tells again, a minute later, until it was
    /// taken in, as a real one does.
    pub(crate) async fn sandbox_rail_listen(&self, limit: i64) -> Result<usize, Failure> {
        if !matches!(self.rails(), Rails::Sandbox) {
            return Ok(0);
        }
        let now = self.clock().now();
        let news = News::find_by_statement(sql(
            "select key, tells from sandbox_transfers
             where told_at is null and tells_at is not null and tells_at <= $1 order by tells_at, key limit $2",
            [now.into(), limit.into()],
        ))
        .all(self.db())
        .await?;
        for told in &news {
            let heard = match RailEvent::try_from(told) {
                Ok(event) => self.rail_event(&event).await,
                Err(fault) => Err(fault.into()),
            };
            let key = told.key.clone();
            let said = match heard {
                Ok(()) => sql("update sandbox_transfers set told_at = $2 where key = $1", [key.into(), now.into()]),
                // What can't be taken in is no reason not to hear the rest.
                Err(failure) => {
                    tracing::error!(transfer = key, error = %failure, "a rail's news could not be taken in");
                    let again = now + TimeDelta::minutes(1);
                    sql("update sandbox_transfers set tells_at = $2 where key = $1", [key.into(), again.into()])
                }
            };
            self.db().execute_raw(said).await?;
        }
        Ok(news.len())
    }
}
