//! Papers: what people take to their bank, their tax office and their accountant. Each is a value that says the
//! same in JSON and on a printed [`Sheet`]; how that is printed is another floor's.

use chrono::NaiveDate;
use chrono_tz::Asia::Karachi;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::fx::FxQuote;
use crate::id::{ContractId, PaymentId, PayoutId, UserId};
use crate::ledger::Reason;
use crate::money::{Money, MoneyError, Rate};

mod certificate;
mod compliance;
mod credit_note;
mod invoice;
mod pack;
pub mod sheet;
mod statement;
#[cfg(test)]
mod tests;
mod trail;

pub use certificate::{Beside, Certificate, Month, TaxYear};
pub use compliance::{CompliancePack, Passed, PassedState};
pub use credit_note::CreditNote;
pub use invoice::{Invoice, Split};
pub use pack::{Beneficiary, FromNoWork, PayoutPart, RemittancePack, Withheld};
pub use sheet::Sheet;
pub use statement::{Statement, StatementLine};
pub use trail::{Flow, Trail};

/// Who runs the marketplace, and is the remitter of payouts and the issuer of papers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The legal name.
    pub name: String,
    /// The address, in one line.
    pub address: String,
    /// The number of its registration or its tax number, if it is given.
    pub registration: Option<String>,
}

impl Default for Operator {
    fn default() -> Self {
        let (name, address) = ("Rabta (sandbox)", "no address: papers of a sandbox are no documents");
        Self { name: name.to_owned(), address: address.to_owned(), registration: None }
    }
}

/// What is said at the foot of every paper.
const FOOT: &str = "Rabta is a marketplace that keeps its users' money on its own books at its payment processor. It is \
                    neither a bank nor a licensed escrow agent, and this paper is no bank's certificate of proceeds.";

/// Work that money came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The contract.
    pub contract: ContractId,
    /// Its title.
    pub title: String,
    /// The milestone or the week, by its id.
    pub work: String,
    /// What that is called.
    pub work_title: String,
    /// The client.
    pub client: String,
    /// The invoices that the client had for it.
    pub invoices: Vec<String>,
}

/// A part of an amount that came from some work: what was released, what we took of it, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Earned {
    /// Where it came from.
    pub origin: Origin,
    /// Before our fee.
    pub gross: Money,
    /// Our fee.
    pub fee: Money,
    /// After it.
    pub net: Money,
}

impl Earned {
    /// `net` of what came from some work, of whose release `all_net` went to the freelancer and `all_fee` to us.
    ///
    /// # Errors
    /// Sums beyond what an amount can be.
    pub fn part(origin: Origin, net: Money, all_net: Money, all_fee: Money) -> Result<Self, MoneyError> {
        let fee = all_fee.in_proportion(net, all_net);
        Ok(Self { origin, gross: net.plus(fee)?, fee, net })
    }
}

/// Why money moved on a freelancer's balance that was neither earned nor given back to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// What a side of a dispute pays for arbitration, and is given back where nobody hears it.
    ArbitrationFee,
    /// Our people set the books right.
    Correction,
}

impl Aside {
    /// Which of them an entry was posted for, if it was for one.
    pub fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::ArbitrationFee => Some(Self::ArbitrationFee),
            Reason::Correction => Some(Self::Correction),
            Reason::Fund
            | Reason::Credit
            | Reason::Release
            | Reason::HoldOver
            | Reason::Reclaim
            | Reason::HandOver
            | Reason::Refund
            | Reason::RefundAfter
            | Reason::Award
            | Reason::Chargeback
            | Reason::ChargebackWon
            | Reason::Bonus
            | Reason::PayoutSend
            | Reason::PayoutArrive
            | Reason::PayoutReturn
            | Reason::CardRefund
            | Reason::CardRefundFailed
            | Reason::ProcessorFee => None,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::ArbitrationFee => "Fee for arbitration",
            Self::Correction => "Correction of the books",
        }
    }
}

/// The day of an instant in a zone by its IANA name; where that is none, in UTC.
fn day_in(zone: &str, at: Timestamp) -> NaiveDate {
    at.with_timezone(&zone.parse().unwrap_or(chrono_tz::Tz::UTC)).date_naive()
}

/// A day of a calendar.
fn on(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// A day as both sides read it.
fn day(at: Timestamp) -> String {
    on(at.with_timezone(&Karachi).date_naive())
}

/// A time as both sides read it, in Karachi.
fn time(at: Timestamp) -> String {
    at.with_timezone(&Karachi).format("%Y-%m-%d %H:%M PKT").to_string()
}

/// A rate of so many basis points, in percent.
fn percent(basis_points: u16) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

/// The references of some work, as a cell.
fn references(origin: &Origin) -> String {
    let Origin { contract, title, work_title, invoices, .. } = origin;
    let invoices = if invoices.is_empty() { String::new() } else { format!(", invoice {}", invoices.join(", ")) };
    format!("{}: {} ({contract}{invoices})", apart(title), apart(work_title))
}

/// Somebody's own words within a line of ours: whichever way they are read, what is around them stays where it is.
fn apart(words: &str) -> String {
    format!("\u{2068}{words}\u{2069}")
}

fn quote_line(quote: &FxQuote) -> String {
    let FxQuote { rate, provider, quoted_at, .. } = quote;
    format!("1 USD = {rate} PKR, {provider}, {}", time(*quoted_at))
}

/// The id of the person a paper is for, in a sentence.
fn whose(user: UserId) -> String {
    format!("for {user}")
}

/// The name of a paper about a payout, for its reference and its file.
fn of_payout(payout: PayoutId) -> String {
    format!("RP-{payout}")
}

/// The name of a paper about a payment.
fn of_payment(number: &str, payment: PaymentId) -> String {
    format!("{number} ({payment})")
}
