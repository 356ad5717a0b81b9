//! Reconciliation: what the processor says it moved, held against the books, line by line.
//!
//! Both sides are lists of [`Line`]s: an amount that came in or went out, and what it is about. Lines of
//! one kind about one thing belong together, however many there are on either side; what they add up to
//! must be the same. Where it is not, a [`Difference`] says how, and proposes the entry that would set
//! the books right. Nothing here posts one: a person looks first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::{PaymentId, PaymentRefundId, PayoutId};
use crate::ledger::{JournalEntry, LedgerAccount, Posting, Reason};
use crate::money::{Currency, Money};

mod compare;
mod cover;
mod span;
#[cfg(test)]
mod tests;

pub use compare::reconcile;
pub use cover::{Cover, swept};
pub use span::{Span, payouts_within};

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum About {
    /// A client's payment.
    Payment(PaymentId),
    /// What went back of one to its card.
    Refund(PaymentRefundId),
    /// A payout to a freelancer.
    Payout(PayoutId),
    /// Something that is none of ours, by the name the other side gave it.
    Other(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(id) => id.fmt(f),
            Self::Refund(id) => id.fmt(f),
            Self::Payout(id) => id.fmt(f),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl From<About> for String {
    fn from(about: About) -> Self {
        about.to_string()
    }
}

impl About {
    /// What a text names: a payment, a refund, a payout, or something else.
    pub fn read(text: &str) -> Self {
        let named = text.parse().map(Self::Payment);
        let named = named.or_else(|_| text.parse().map(Self::Refund));
        named.or_else(|_| text.parse().map(Self::Payout)).unwrap_or_else(|_| Self::Other(text.to_owned()))
    }
}

/// What kind of movement a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A client paid.
    Payment,
    /// The processor gave money back to a client.
    Refund,
    /// A client's bank took money back, or gave back what it had taken.
    Dispute,
    /// Money left for a freelancer's bank, or came back from there.
    Payout,
    /// What the processor charged us.
    Fee,
    /// From one account of ours to another: to our own bank, or from there. The books know one balance, so it is
    /// counted and not compared.
    Own,
}

impl Class {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Payment, Self::Refund, Self::Dispute, Self::Payout, Self::Fee, Self::Own];

    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::Fee => "fee",
            Self::Own => "own",
        }
    }

    /// The class of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// Which way money went, as seen from the processor's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Onto it.
    In,
    /// Off it.
    Out,
}

/// An amount that moved, on one of the two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name on its side: of an entry, or of a transaction of the processor.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// What kind of movement it is.
    pub class: Class,
    /// Which way.
    pub flow: Flow,
    /// How much; never zero.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// A line of the processor's own account of our balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceTransaction {
    /// The processor's name for it.
    pub id: String,
    /// What it is about, as we named it to the processor; or else as the processor names it.
    pub about: Option<String>,
    /// What kind of movement it is.
    pub class: Class,
    /// Which way.
    pub flow: Flow,
    /// How much, before the fee.
    pub amount: Money,
    /// What the processor kept for itself.
    pub fee: Money,
    /// When.
    pub at: Timestamp,
}

impl BalanceTransaction {
    /// Its lines: the movement, and the fee if there is one.
    pub fn lines(&self) -> impl Iterator<Item = Line> + use<'_> {
        let about = About::read(self.about.as_deref().unwrap_or(&self.id));
        let line = move |class, flow, amount| Line {
            id: self.id.clone(),
            about: about.clone(),
            class,
            flow,
            amount,
            at: self.at,
        };
        let lines = [line(self.class, self.flow, self.amount), line(Class::Fee, Flow::Out, self.fee)];
        lines.into_iter().filter(|line| !line.amount.is_zero())
    }
}

/// A movement of the processor's in a currency that the books don't know: nothing can be held against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The processor's name for it.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// What kind of movement it is.
    pub class: Class,
    /// How much, as the processor says it: in its currency's smallest unit, above zero onto our balance, below off it.
    pub minor: i64,
    /// In which currency: its ISO 4217 code.
    pub currency: String,
    /// When.
    pub at: Timestamp,
}

/// An entry of the books, as far as it matters here.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its id.
    pub id: String,
    /// Why money moved.
    pub reason: Reason,
    /// Its key.
    pub key: String,
    /// The payment whose news it was posted for, if it was.
    pub payment: Option<PaymentId>,
    /// When.
    pub at: Timestamp,
    /// What moved.
    pub postings: Vec<Posting>,
}

impl Posted {
    /// Its lines: what went onto the processor's balance or off it, and its fees.
    pub fn lines(&self) -> impl Iterator<Item = Line> + use<'_> {
        self.postings.iter().filter_map(|posting| self.line(posting))
    }

    fn line(&self, posting: &Posting) -> Option<Line> {
        let (from, to) = (side(posting.from), side(posting.to));
        let (flow, by_account) = match (from, to) {
            // From one of our accounts at the processor to another.
            (Some(Side::Balance), Some(Side::Balance)) | (Some(Side::Fees), Some(Side::Fees)) | (None, None) => {
                return None;
            }
            (Some(Side::Fees), _) => (Flow::Out, Some(Class::Fee)),
            (_, Some(Side::Fees)) => (Flow::In, Some(Class::Fee)),
            (Some(Side::Gone), _) => (Flow::In, Some(Class::Payout)),
            (_, Some(Side::Gone)) => (Flow::Out, Some(Class::Payout)),
            (Some(Side::Balance), None) => (Flow::In, None),
            (None, Some(Side::Balance)) => (Flow::Out, None),
        };
        let (class, about, at) = self.corrects().unwrap_or_else(|| {
            let by_reason = match self.reason {
                Reason::Chargeback | Reason::ChargebackWon => Class::Dispute,
                Reason::Fund | Reason::Credit | Reason::Bonus => Class::Payment,
                _ => Class::Refund,
            };
            let named = self.payment.map(About::Payment);
            let key = self.key.strip_prefix("refund:").unwrap_or(&self.key);
            let about = named.unwrap_or_else(|| About::read(key.split(':').next().unwrap_or(key)));
            (by_account.unwrap_or(by_reason), about, self.at)
        });
        Some(Line { id: self.id.clone(), about, class, flow, amount: posting.amount, at })
    }

    /// What a correction is about, and since when it should have been in the books: a difference that is settled weeks
    /// later is none of the day on which it is settled.
    fn corrects(&self) -> Option<(Class, About, Timestamp)> {
        let (class, about) = self.key.strip_prefix(PROPOSED)?.split_once(':')?;
        let (about, stamp) = about.split_once('@').unwrap_or((about, ""));
        let stamp = stamp.split('~').next().and_then(|stamp| stamp.parse().ok());
        let at = stamp.and_then(Timestamp::from_timestamp_micros).unwrap_or(self.at);
        Some((Class::from_name(class)?, About::read(about), at))
    }
}

/// How the keys of corrections begin that say what they are about.
pub const PROPOSED: &str = "reconcile:";

/// The key of an entry that settles a difference whose newest line is of `newest`.
pub fn correction_key(class: Class, about: &str, newest: Timestamp) -> String {
    format!("{PROPOSED}{}:{about}@{}", class.as_str(), newest.timestamp_micros())
}

/// Accounts, as the processor would tell them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Balance,
    Fees,
    Gone,
}

fn side(account: LedgerAccount) -> Option<Side> {
    match account {
        LedgerAccount::ProcessorClearing => Some(Side::Balance),
        LedgerAccount::ProcessorFees => Some(Side::Fees),
        LedgerAccount::PaidOut => Some(Side::Gone),
        LedgerAccount::ClientCredit(_)
        | LedgerAccount::Escrow(_)
        | LedgerAccount::TimesheetEscrow(_)
        | LedgerAccount::Pending(_)
        | LedgerAccount::Available(_)
        | LedgerAccount::InTransit(_)
        | LedgerAccount::FeeRevenue
        | LedgerAccount::Losses => None,
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// From this instant on.
    pub from: Timestamp,
    /// Before this one.
    pub until: Timestamp,
    /// When the lists were made.
    pub asked_at: Timestamp,
}

impl Period {
    /// Lines so far outside of the period are there to be found from within it: the two sides do not
    /// note the same fact at the same instant.
    pub const SLACK: TimeDelta = TimeDelta::days(3);
    /// What only one side has is on its way to the other for so long.
    pub const SETTLING: TimeDelta = TimeDelta::hours(2);
    /// A payout is on its way to a bank for no longer, as a rule: one side notes that it leaves, the other that it
    /// arrives. And banks send back what they had. So lines of payouts that far beyond the slack are there to be found,
    /// too; and all lines of those of which something moved within the period ([`Span::with_payouts`]).
    pub const CARRYING: TimeDelta = TimeDelta::days(30);
    /// What the two sides note so far apart is told.
    pub const LATE: TimeDelta = TimeDelta::days(1);

    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// What is known besides the lines.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Payouts that are with their rail: that their money has left may be known there and not here yet.
    /// And refunds that are with the processor: they leave the books when they are asked for.
    pub under_way: BTreeSet<About>,
    /// Whose money a thing is, where it is somebody's.
    pub owners: BTreeMap<About, LedgerAccount>,
    /// What the processor moved in currencies that the books don't know.
    pub foreign: Vec<Foreign>,
}

/// How two sides differ about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The processor moved it, and the books don't know.
    NotInLedger,
    /// The books have it, and the processor did not move it.
    NotAtProcessor,
    /// The amounts differ.
    Amount,
    /// The currencies differ, or the processor's is none that the books know.
    Currency,
    /// One side has it coming in, the other going out.
    Direction,
    /// The books have it several times, the processor once.
    BookedTwice,
    /// The processor moved it several times, the books have it once.
    MovedTwice,
    /// The same amount is on both sides, as different kinds of movement.
    Class,
    /// A fee of the processor that is not in the books.
    FeeNotBooked,
    /// The processor moved something that names nothing of ours.
    Unknown,
    /// Both sides have it, more than a day apart.
    Late,
}

impl Kind {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotInLedger => "not_in_ledger",
            Self::NotAtProcessor => "not_at_processor",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Direction => "direction",
            Self::BookedTwice => "booked_twice",
            Self::MovedTwice => "moved_twice",
            Self::Class => "class",
            Self::FeeNotBooked => "fee_not_booked",
            Self::Unknown => "unknown",
            Self::Late => "late",
        }
    }

    /// What to do about it, for who reads the report.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotInLedger => {
                "look for the processor's event: replay it if it was never taken in, else post the entry"
            }
            Self::NotAtProcessor => "ask the processor about it; post the entry only if it never happened there",
            Self::Amount => "find out which side is right; if it is the processor, post the entry",
            Self::Currency => "the amounts can't be compared: look at both lines",
            Self::Direction => "one side has it the wrong way round: look at both lines",
            Self::BookedTwice => "the books have it more than once: post the entry that takes the others back",
            Self::MovedTwice => "the processor moved it more than once: have it given back, or post the entry",
            Self::Class => "the amount is right and its reason is not: look at both lines",
            Self::FeeNotBooked => "post the entry",
            Self::Unknown => "find out whose it is, at the processor",
            Self::Late => "nothing is missing: find out why one side was late",
        }
    }
}

/// How the two sides differ about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How.
    pub kind: Kind,
    /// What kind of movement.
    pub class: Class,
    /// About what.
    pub about: About,
    /// What the processor has more (`in`) or less (`out`) than the books; none where that can't be said.
    pub processor_has: Option<(Flow, Money)>,
    /// The lines of the books.
    pub ledger: Vec<Line>,
    /// The lines of the processor.
    pub processor: Vec<Line>,
    /// What it moved in currencies that the books don't know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<Foreign>,
    /// The entry that would make the books agree; none where a person has to find out first.
    pub proposal: Option<JournalEntry>,
    /// What to do.
    pub advice: &'static str,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was compared.
    pub period: Period,
    /// How many things agree.
    pub agree: u64,
    /// What one side has and the other may get any moment.
    pub settling: Vec<About>,
    /// The sums of each side within the period.
    pub totals: Vec<Total>,
    /// What does not agree, in the order of what it is about.
    pub differences: Vec<Difference>,
}

/// What one kind of movement adds up to within the period, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Of which kind.
    pub class: Class,
    /// In which currency.
    pub currency: Currency,
    /// Which way.
    pub flow: Flow,
    /// In the books.
    pub ledger: Money,
    /// At the processor.
    pub processor: Money,
}
