//! Wires: payouts that go by our own bank (`line`), the file that it takes (`batch`), and the day it can act on it.

use std::collections::BTreeSet;

use chrono::{Datelike, TimeZone};
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::America::New_York;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::change::Change;
use crate::money::{Currency, Money, MoneyError};
use crate::payee::Payee;
use crate::payout::{Iban, Payout};
use crate::refusal::{Invalid, Refusal};

mod batch;
mod fit;
mod line;

pub use batch::{Kept, WireBatch};
pub use fit::{Fit, NOT_BY_FILE};
use line::must_have_taken;
pub use line::{Means, Said, Wire, WireState, none_by_hand, none_to_settle, reference};

/// For how long after it had a payout a bank may send it back. So long an account is not erased, and what our bank was
/// told of a payout is kept.
pub const RETURN_WINDOW: TimeDelta = TimeDelta::days(30);

/// What our bank is told of a payout, as it was when the payout was handed to it: what a person changes afterwards
/// changes nothing of what is on its way. Kept sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSlip {
    /// The key of the payout's attempt, by which our bank tells us of it.
    pub reference: String,
    /// The legal name, as the person writes it.
    pub name: String,
    /// The name as wires carry it, if they can.
    pub latin_name: Option<String>,
    /// The address, in one line.
    pub address: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// The number of the identity card, or else the tax number, and which of them it is.
    pub identity: Option<String>,
    /// What goes to which account.
    pub parts: Vec<WirePart>,
    /// The code of the purpose.
    pub purpose_code: String,
    /// The purpose in words, in letters that banks send around.
    pub purpose: String,
}

/// What goes to one account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePart {
    /// What the account is kept in.
    pub account: WireAccount,
    /// The account.
    pub iban: Iban,
    /// The name the bank knows it by.
    pub title: String,
    /// How much.
    pub amount: Money,
}

impl std::fmt::Debug for WireSlip {
    /// Whole numbers stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WireSlip({})", self.reference)
    }
}

impl std::fmt::Debug for WirePart {
    /// Whole numbers stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WirePart({:?}, {})", self.iban, self.amount)
    }
}

impl WireSlip {
    /// What our bank is told of a payout under the key `reference`, to accounts of a person of this legal name.
    pub fn of(reference: &str, payout: &Payout, parts: Vec<WirePart>, name: &str, payee: &Payee) -> Self {
        let purposes = [&payout.written_purpose, &payout.purpose];
        Self {
            reference: reference.to_owned(),
            name: name.to_owned(),
            latin_name: payee.wire_name(name).map(str::to_owned),
            address: payee.address.clone(),
            phone: payee.phone.clone(),
            identity: match (&payee.cnic, &payee.ntn) {
                (Some(cnic), _) => Some(format!("CNIC {}", cnic.reveal())),
                (None, Some(ntn)) => Some(format!("NTN {}", ntn.reveal())),
                (None, None) => None,
            },
            parts,
            purpose_code: payout.purpose_code.clone(),
            purpose: purposes.iter().map(|text| plain(text)).find(|text| !text.is_empty()).unwrap_or_default(),
        }
    }

    /// Every name in it, for screening.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let titles = self.parts.iter().map(|part| part.title.as_str());
        std::iter::once(self.name.as_str()).chain(self.latin_name.as_deref()).chain(titles)
    }

    /// What it moves in all.
    pub fn total(&self) -> Result<Money, MoneyError> {
        total(self.parts.iter().map(|part| part.amount))
    }

    /// Its lines in a file, one an account; none if something that banks need is missing, or has no letter that they
    /// send around, or if the code of a bank (BIC) is not known, without which nobody wires abroad.
    pub fn lines(&self, value_date: NaiveDate) -> Option<Vec<WireLine>> {
        let line = |part: &WirePart| {
            let (bank, bic) = (Iban::bank_named(part.iban.bank())?, part.iban.bic()?);
            let fields = [
                self.reference.clone(),
                value_date.to_string(),
                part.account.as_str().to_owned(),
                part.amount.currency().code().to_owned(),
                part.amount.amount(),
                self.latin_name.as_deref()?.to_uppercase(),
                plain(self.address.as_deref()?),
                self.phone.clone()?,
                self.identity.clone()?,
                part.iban.reveal().to_owned(),
                plain(bank),
                bic,
                self.purpose_code.clone(),
                self.purpose.clone(),
            ];
            fields.iter().all(|field| !field.is_empty()).then_some(WireLine { fields })
        };
        self.parts.iter().map(line).collect()
    }
}

/// A line of a wire file.
#[derive(Clone, PartialEq, Eq)]
pub struct WireLine {
    fields: [String; 14],
}

impl std::fmt::Debug for WireLine {
    /// Whole numbers stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WireLine({})", self.fields[0])
    }
}

/// The headings of a wire file.
pub const COLUMNS: [&str; 14] = [
    "reference",
    "value_date",
    "account_kind",
    "currency",
    "amount",
    "beneficiary_name",
    "beneficiary_address",
    "beneficiary_phone",
    "beneficiary_identity",
    "beneficiary_account",
    "beneficiary_bank",
    "beneficiary_bank_bic",
    "purpose_code",
    "purpose",
];

/// What an account is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireAccount {
    /// Changed into rupees.
    Rupees,
    /// Kept in dollars.
    Retention,
}

impl WireAccount {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rupees => "PKR",
            Self::Retention => "USD_RETENTION",
        }
    }
}

/// What went wrong with a wire, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireOutcome {
    /// The bank there has it.
    Paid,
    /// It came back.
    Returned,
}

impl WireOutcome {
    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Returned => "returned",
        }
    }
}

impl WireLine {
    /// The file of these lines: comma-separated, all in quotes, with headings.
    pub fn file(lines: &[Self]) -> String {
        let row = |fields: &mut dyn Iterator<Item = &str>| {
            let quoted: Vec<String> = fields.map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            quoted.join(",") + "\r\n"
        };
        let mut text = row(&mut COLUMNS.iter().copied());
        for line in lines {
            text.push_str(&row(&mut line.fields.iter().map(String::as_str)));
        }
        text
    }
}

/// Text in the letters that banks send around: others become spaces, and a table program has nothing to carry out.
pub(crate) fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || " /-?:().,'+".contains(c) { c } else { ' ' };
    let text: String = text.chars().map(kept).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_start_matches(['-', '+', '=', '@']).to_owned()
}

/// The sum of what lines carry.
pub fn total(amounts: impl IntoIterator<Item = Money>) -> Result<Money, MoneyError> {
    Money::sum(Currency::Usd, amounts)
}

/// A country whose banks take part in a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Country {
    /// The United States.
    #[serde(rename = "US")]
    UnitedStates,
    /// Pakistan.
    #[serde(rename = "PK")]
    Pakistan,
}

impl Country {
    /// Both.
    pub const ALL: [Self; 2] = [Self::UnitedStates, Self::Pakistan];

    /// The two letters it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnitedStates => "US",
            Self::Pakistan => "PK",
        }
    }
}

/// A day on which the banks of a country don't work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankHoliday {
    /// Where.
    pub country: Country,
    /// When.
    pub day: NaiveDate,
    /// What it is called.
    pub name: String,
}

impl BankHoliday {
    /// A day to come, at most three years ahead, or every field error.
    pub fn parse(country: Country, day: NaiveDate, name: &str, now: Timestamp) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let name = invalid.text("name", name, 1..=80);
        if !is_to_come(day, now) {
            invalid.add("day", "OUT_OF_RANGE", "must be a day to come, within three years");
        }
        invalid.finish()?;
        Ok(Self { country, day, name })
    }
}

/// Until when the days on which the banks of a country don't work are all known. One that is far ahead says nothing of
/// those before it, so our people say it on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankCalendar {
    /// Where.
    pub country: Country,
    /// The last day.
    pub known_until: NaiveDate,
}

impl BankCalendar {
    /// A day to come, at most three years ahead.
    pub fn parse(country: Country, known_until: NaiveDate, now: Timestamp) -> Result<Self, Refusal> {
        if !is_to_come(known_until, now) {
            return Err(Refusal::field("knownUntil", "OUT_OF_RANGE", "must be a day to come, within three years"));
        }
        Ok(Self { country, known_until })
    }
}

/// Is it a day to come, within three years?
pub fn is_to_come(day: NaiveDate, now: Timestamp) -> bool {
    let today = now.date_naive();
    (today..=today + Days::new(3 * 366)).contains(&day)
}

/// How many days ahead the holidays must be known.
const HOLIDAYS_AHEAD: Days = Days::new(60);

/// Refuse to count on a calendar that is known until too soon.
pub fn holidays_must_reach(country: Country, known: Option<NaiveDate>, today: NaiveDate) -> Result<(), Refusal> {
    if known.is_some_and(|known| known >= today + HOLIDAYS_AHEAD) {
        return Ok(());
    }
    let known = known.map_or("no more".to_owned(), |known| format!("none after {known}"));
    let message = format!(
        "of the bank holidays of {} {known} are known: add those to come with bankHolidayAdd, and then say with \
         bankCalendarExtend until when they are all there",
        country.as_str()
    );
    Err(Refusal::rule("BANK_HOLIDAYS_END", message))
}

/// Until when on a day our bank takes a file for the same day, in New York.
const CUT_OFF: (u32, u32) = (15, 0);

/// The day a wire that is made now has for its value: a day on which banks work in both countries. A file that
/// comes after the cut-off is the next such day's.
pub fn value_date(now: Timestamp, holidays: &BTreeSet<NaiveDate>) -> NaiveDate {
    let there = New_York.from_utc_datetime(&now.naive_utc());
    let cut_off = NaiveTime::from_hms_opt(CUT_OFF.0, CUT_OFF.1, 0).unwrap_or(NaiveTime::MIN);
    let late = u64::from(there.time() >= cut_off);
    let mut day = there.date_naive() + Days::new(late);
    while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || holidays.contains(&day) {
        day = day + Days::new(1);
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_is_worth_the_next_day_on_which_both_countries_work() {
        let holidays: BTreeSet<NaiveDate> =
            ["2026-07-03", "2026-08-14"].iter().map(|day| day.parse().unwrap()).collect();
        for (now, day) in [
            // A Monday, before and after three in New York, summer and winter.
            ("2026-06-01T18:59:59Z", "2026-06-01"),
            ("2026-06-01T19:00:00Z", "2026-06-02"),
            ("2026-12-07T19:59:59Z", "2026-12-07"),
            ("2026-12-07T20:00:00Z", "2026-12-08"),
            // Friday evening, Saturday, and a Friday on which Pakistan celebrates.
            ("2026-06-05T21:00:00Z", "2026-06-08"),
            ("2026-06-06T08:00:00Z", "2026-06-08"),
            ("2026-08-13T20:00:00Z", "2026-08-17"),
            ("2026-07-03T08:00:00Z", "2026-07-06"),
            // In New York it is still Sunday.
            ("2026-06-08T02:00:00Z", "2026-06-08"),
        ] {
            assert_eq!(value_date(now.parse().unwrap(), &holidays).to_string(), day, "{now}");
        }
    }

    #[test]
    fn a_calendar_that_ends_soon_is_not_counted_on() {
        let today: NaiveDate = "2027-10-26".parse().unwrap();
        for (last, fits) in [(None, false), (Some("2027-12-24"), false), (Some("2027-12-25"), true)] {
            let last = last.map(|day| day.parse().unwrap());
            assert_eq!(holidays_must_reach(Country::Pakistan, last, today).is_ok(), fits, "{last:?}");
        }
        let now: Timestamp = "2027-10-26T08:00:00Z".parse().unwrap();
        let day = |day: &str| BankHoliday::parse(Country::Pakistan, day.parse().unwrap(), "Eid al-Fitr", now);
        assert!(day("2027-10-26").is_ok() && day("2028-02-27").is_ok());
        assert!(day("2027-10-25").is_err() && day("2031-01-01").is_err());
        assert!(BankHoliday::parse(Country::Pakistan, today, " ", now).is_err());
        let known = |day: &str| BankCalendar::parse(Country::Pakistan, day.parse().unwrap(), now);
        assert!(known("2027-10-26").is_ok() && known("2030-10-28").is_ok());
        assert!(known("2027-10-25").is_err() && known("2031-01-01").is_err());
    }

    #[test]
    fn text_is_in_the_letters_that_banks_send_around() {
        assert_eq!(plain("=cmd|'/c calc'!A1"), "cmd '/c calc' A1");
        assert_eq!(plain("12 Mall Road,\nLahore — فیصل"), "12 Mall Road, Lahore");
        assert_eq!(plain("-1+2"), "1+2");
        assert_eq!(plain("+92 \"x\""), "92 x");
    }
}
