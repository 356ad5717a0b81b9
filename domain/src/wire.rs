//! Wires: the file that our bank takes, and the day it can act on it.

use std::collections::BTreeSet;

use chrono::{Datelike, TimeZone};
use chrono::{Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::America::New_York;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::money::Money;
use crate::payee::Payee;
use crate::payout::{Iban, Payout};

/// A line of a wire file.
#[derive(Clone, PartialEq, Eq)]
pub struct WireLine {
    fields: [String; 12],
}

impl std::fmt::Debug for WireLine {
    /// Whole numbers stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WireLine({})", self.fields[0])
    }
}

/// The headings of a wire file.
pub const COLUMNS: [&str; 12] = [
    "reference",
    "value_date",
    "currency",
    "amount",
    "beneficiary_name",
    "beneficiary_address",
    "beneficiary_phone",
    "beneficiary_identity",
    "beneficiary_account",
    "beneficiary_bank",
    "purpose_code",
    "purpose",
];

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
    /// The line of a payout to a person of this legal name; none if something that banks need is missing.
    pub fn of(payout: &Payout, iban: &Iban, name: &str, payee: &Payee, value_date: NaiveDate) -> Option<Self> {
        if !payee.missing_for_wire(name).is_empty() {
            return None;
        }
        let identity = match (&payee.cnic, &payee.ntn) {
            (Some(cnic), _) => format!("CNIC {}", cnic.reveal()),
            (None, Some(ntn)) => format!("NTN {}", ntn.reveal()),
            (None, None) => return None,
        };
        let bank = Iban::bank_named(iban.bank()).unwrap_or_else(|| iban.bank());
        Some(Self {
            fields: [
                payout.rail_key(),
                value_date.to_string(),
                payout.amount.currency().code().to_owned(),
                payout.amount.amount(),
                payee.wire_name(name)?.to_uppercase(),
                plain(payee.address.as_deref()?),
                payee.phone.clone()?,
                identity,
                iban.reveal().to_owned(),
                plain(bank),
                payout.purpose_code.clone(),
                plain(&payout.written_purpose),
            ],
        })
    }

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
fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || " /-?:().,'+".contains(c) { c } else { ' ' };
    let text: String = text.chars().map(kept).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_start_matches(['-', '+', '=', '@']).to_owned()
}

/// The sum of what lines carry.
pub fn total(amounts: impl IntoIterator<Item = Money>) -> Result<Money, crate::money::MoneyError> {
    Money::sum(crate::money::Currency::Usd, amounts)
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
    fn text_is_in_the_letters_that_banks_send_around() {
        assert_eq!(plain("=cmd|'/c calc'!A1"), "cmd '/c calc' A1");
        assert_eq!(plain("12 Mall Road,\nLahore — فیصل"), "12 Mall Road, Lahore");
        assert_eq!(plain("-1+2"), "1+2");
        assert_eq!(plain("+92 \"x\""), "92 x");
    }
}
