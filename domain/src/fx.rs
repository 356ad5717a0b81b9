//! What dollars are in rupees, as somebody quoted it at an instant and for a while. A quote belongs to a payout,
//! never to a contract: contracts and the books are in the currency that was paid.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::money::{Currency, Money, MoneyError};

/// Rupees for a dollar, in millionths: 278.45 is 278,450,000. Above zero, and below a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FxRate(i64);

/// Text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number above zero and below a million with at most six decimals, like 278.45")]
pub struct BadFxRate;

/// How many units a rate of one has.
const ONE: i64 = 1_000_000;

impl FromStr for FxRate {
    type Err = BadFxRate;
    fn from_str(text: &str) -> Result<Self, BadFxRate> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 6) || !digits(part, 6) {
            return Err(BadFxRate);
        }
        let whole: i64 = whole.parse().map_err(|_| BadFxRate)?;
        let part: i64 = format!("{part:0<6}").parse().map_err(|_| BadFxRate)?;
        let rate = whole * ONE + part;
        if rate > 0 { Ok(Self(rate)) } else { Err(BadFxRate) }
    }
}

impl fmt::Display for FxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % ONE);
        let part = part.trim_end_matches('0');
        write!(f, "{}.{part:0<2}", self.0 / ONE)
    }
}

impl TryFrom<String> for FxRate {
    type Error = BadFxRate;
    fn try_from(text: String) -> Result<Self, BadFxRate> {
        text.parse()
    }
}

impl From<FxRate> for String {
    fn from(rate: FxRate) -> Self {
        rate.to_string()
    }
}

/// What somebody quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FxQuote {
    /// Rupees for a dollar.
    pub rate: FxRate,
    /// Who quoted it.
    pub provider: String,
    /// When.
    pub quoted_at: Timestamp,
    /// Until when it stands.
    pub expires_at: Timestamp,
}

impl FxQuote {
    /// The longest a quote is held to stand.
    pub const LONGEST: TimeDelta = TimeDelta::days(1);

    /// Does it stand?
    pub fn stands(&self, now: Timestamp) -> bool {
        self.quoted_at <= now && now < self.expires_at
    }

    /// What dollars are in rupees, cut off below the paisa: nobody is promised more than there is.
    ///
    /// # Errors
    /// An amount in another currency, or beyond what an amount can be.
    pub fn rupees(&self, dollars: Money) -> Result<Money, MoneyError> {
        if dollars.currency() != Currency::Usd {
            return Err(MoneyError::OtherCurrency(dollars.currency(), Currency::Usd));
        }
        let exact = i128::from(dollars.minor()) * i128::from(self.rate.0);
        let minor = i64::try_from(exact / i128::from(ONE)).map_err(|_| MoneyError::TooLarge)?;
        Money::new(minor, Currency::Pkr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written_and_nothing_else_is_one() {
        for (text, shown) in
            [("278.45", "278.45"), ("278", "278.00"), ("0.000001", "0.000001"), ("281.5055", "281.5055")]
        {
            assert_eq!(text.parse::<FxRate>().unwrap().to_string(), shown);
        }
        for text in ["", "0", "0.0", "-1", "1e3", "1.2345678", "1000000", "1,5", " 1", "278.", ".5", "٣"] {
            assert!(text.parse::<FxRate>().is_err(), "{text}");
        }
    }

    #[test]
    fn dollars_become_rupees_to_the_paisa_and_never_more() {
        let at: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let quote = FxQuote {
            rate: "278.455".parse().unwrap(),
            provider: "table".into(),
            quoted_at: at,
            expires_at: at + TimeDelta::minutes(15),
        };
        for (cents, paisa) in [(0, 0), (1, 278), (100, 27_845), (95_000, 26_453_225), (33, 9_189)] {
            assert_eq!(quote.rupees(Money::usd(cents).unwrap()).unwrap().minor(), paisa, "{cents}");
        }
        assert!(quote.rupees(Money::new(1, Currency::Pkr).unwrap()).is_err());
        assert!(quote.rupees(Money::usd(Money::MAX_MINOR).unwrap()).is_err());
        assert!(quote.stands(at) && !quote.stands(quote.expires_at) && !quote.stands(at - TimeDelta::seconds(1)));
    }
}
