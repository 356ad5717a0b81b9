//! What somebody earned in a year, for their tax return.

use chrono::{NaiveDate, TimeZone};

use super::sheet::Column;
use super::*;

/// A tax year of Pakistan: from July to June, named after the year it ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TaxYear(i32);

impl TaxYear {
    /// The tax year that ends in this one, from 2001 to 2100.
    pub fn ending_in(year: i32) -> Option<Self> {
        (2001..=2100).contains(&year).then_some(Self(year))
    }

    /// The year it ends in.
    pub fn year(self) -> i32 {
        self.0
    }

    /// Its first instant, and the first that is no more in it.
    pub fn bounds(self) -> Option<(Timestamp, Timestamp)> {
        let july = |year| {
            let midnight = NaiveDate::from_ymd_opt(year, 7, 1)?.and_hms_opt(0, 0, 0)?;
            Some(Karachi.from_local_datetime(&midnight).single()?.to_utc())
        };
        Some((july(self.0 - 1)?, july(self.0)?))
    }
}

/// A month of a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Month {
    /// Which, like `2026-06`.
    pub month: String,
    /// Released for work, before our fees.
    pub gross: Money,
    /// Our fees.
    pub fees: Money,
    /// After them.
    pub net: Money,
    /// Of what was earned, in whichever month, what was given back to clients in this one.
    pub given_back: Money,
    /// What reached banks and had not come back from them by the end of the year.
    pub paid_out: Money,
}

/// Money that moved on a balance and was neither earned nor given back to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Aside,
    /// What was taken from the balance.
    pub taken: Money,
    /// What was added to it.
    pub given: Money,
}

/// What somebody earned in a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The year.
    pub year: TaxYear,
    /// Who.
    pub person: Beneficiary,
    /// When this was made.
    pub made_at: Timestamp,
    /// Who says so.
    pub issuer: Operator,
    /// Month by month, those in which something happened.
    pub months: Vec<Month>,
    /// What moved beside that, oldest first.
    pub beside: Vec<Beside>,
    /// The payouts that reached banks and had not come back by the end of the year: which, when, how much, and the
    /// bank's certificate.
    pub payouts: Vec<(PayoutId, Timestamp, Money, Option<String>)>,
    /// Payouts of years before that came back in this one: which, when, and how much.
    pub came_back: Vec<(PayoutId, Timestamp, Money)>,
}

impl Certificate {
    /// The month an instant lies in, in Karachi.
    pub fn month_of(at: Timestamp) -> String {
        at.with_timezone(&Karachi).format("%Y-%m").to_string()
    }

    /// What it is called.
    pub fn reference(&self) -> String {
        format!("EC-{}-{}", self.year.0, self.person.user)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let lead = format!("Tax year {}: 1 July {} to 30 June {}", self.year.0, self.year.0 - 1, self.year.0);
        let row = |month: &Month| {
            let Month { month, gross, fees, net, given_back, paid_out } = month;
            let amounts = [gross, fees, net, given_back, paid_out].map(|amount| amount.amount());
            [month.clone()].into_iter().chain(amounts).collect::<Vec<_>>()
        };
        let sum = |of: fn(&Month) -> Money| {
            let currency = self.months.first().map(|month| month.net.currency());
            let all = currency.and_then(|currency| Money::sum(currency, self.months.iter().map(of)).ok());
            all.map(|all| all.to_string()).unwrap_or_default()
        };
        let sums = vec![
            "All".to_owned(),
            sum(|month| month.gross),
            sum(|month| month.fees),
            sum(|month| month.net),
            sum(|month| month.given_back),
            sum(|month| month.paid_out),
        ];
        let columns = vec![
            Column::words("Month", 14),
            Column::amounts("Gross", 18),
            Column::amounts("Fees", 16),
            Column::amounts("Net", 18),
            Column::amounts("Given back", 16),
            Column::amounts("Paid out", 18),
        ];
        let payouts = self.payouts.iter().map(|(payout, at, amount, e_prc)| {
            vec![payout.to_string(), day(*at), amount.to_string(), e_prc.clone().unwrap_or_default()]
        });
        let paid = vec![
            Column::words("Payout", 40),
            Column::words("With the bank", 20),
            Column::amounts("Amount", 18),
            Column::words("e-PRC", 22),
        ];
        let Beneficiary { user, name, latin_name, urdu_name, cnic_last4, ntn_last4, .. } = &self.person;
        let hidden = |last4: &Option<String>| last4.as_ref().map(|last4| format!("•••• {last4}"));
        let mut sheet =
            Sheet::new("Certificate of earnings", format!("{lead}, {}", whose(*user)), self.reference(), FOOT)
                .facts([
                    ("Name", Some(name.clone())),
                    ("Name in Latin letters", latin_name.clone().filter(|latin| latin != name)),
                    ("Name in Urdu", urdu_name.clone()),
                    ("CNIC", hidden(cnic_last4)),
                    ("NTN", hidden(ntn_last4)),
                    ("Issued by", Some(self.issuer.name.clone())),
                ])
                .heading("Earned for services to clients abroad");
        sheet = if self.months.is_empty() {
            sheet.text("Nothing was earned in this year.")
        } else {
            sheet.table(columns, self.months.iter().map(row).collect(), Some(sums))
        };
        if !self.beside.is_empty() {
            let moved = vec![
                Column::words("What", 46),
                Column::words("When", 22),
                Column::amounts("Taken", 16),
                Column::amounts("Added", 16),
            ];
            let rows = self.beside.iter().map(|Beside { at, why, taken, given }| {
                let amount = |amount: &Money| if amount.is_zero() { String::new() } else { amount.amount() };
                vec![why.in_words().to_owned(), day(*at), amount(taken), amount(given)]
            });
            sheet = sheet.heading("Neither earned nor given back").table(moved, rows.collect(), None);
        }
        if !self.payouts.is_empty() {
            sheet = sheet.heading("Payouts").table(paid, payouts.collect(), None);
        }
        if !self.came_back.is_empty() {
            let back = vec![
                Column::words("Payout", 40),
                Column::words("Back from the bank", 20),
                Column::amounts("Amount", 18),
            ];
            let rows = self.came_back.iter().map(|(id, at, amount)| vec![id.to_string(), day(*at), amount.to_string()]);
            sheet = sheet.heading("Payouts of years before that came back").table(back, rows.collect(), None);
        }
        if self.months.is_empty() && self.beside.is_empty() && self.came_back.is_empty() {
            return sheet;
        }
        sheet.text("Amounts are in US dollars. What they were in rupees is on the bank's certificate of each payout.")
    }
}
