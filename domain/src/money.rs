//! Money: a whole number of minor units in one currency. Never negative, never a float, and
//! without operators: amounts are moved by journal entries, and the little arithmetic there is
//! (a fee, a split, a sum) is checked and keeps every cent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The currencies Rabta knows. Contracts are in US dollars; Pakistani rupees appear only in the
/// quote of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Currency {
    /// US dollar.
    #[serde(rename = "USD")]
    Usd,
    /// Pakistani rupee.
    #[serde(rename = "PKR")]
    Pkr,
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Usd, Self::Pkr];

    /// The ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Pkr => "PKR",
        }
    }

    /// The currency of an ISO 4217 code, if Rabta knows it.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }

    /// How many minor units make one major unit: 100, per ISO 4217.
    pub fn minor_per_major(self) -> i64 {
        match self {
            Self::Usd | Self::Pkr => 100,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why an amount can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Below zero: direction is a matter of accounts, not of signs.
    #[error("an amount of money can't be negative")]
    Negative,
    /// Past what Rabta keeps books in.
    #[error("an amount of money can't be larger than {}", Money::MAX_MINOR)]
    TooLarge,
    /// Two currencies in one sum.
    #[error("{0} and {1} don't mix: give the amount in the currency of the other")]
    OtherCurrency(Currency, Currency),
    /// Text that is not an amount, like "12,5" or "1e3" or "1.234".
    #[error("an amount is digits with at most two decimals, like 1234.56")]
    Malformed,
}

/// An amount of money, zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    minor: i64,
    currency: Currency,
}

impl TryFrom<Wire> for Money {
    type Error = MoneyError;
    fn try_from(wire: Wire) -> Result<Self, MoneyError> {
        Self::new(wire.minor, wire.currency)
    }
}

impl From<Money> for Wire {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: money.currency }
    }
}

impl Money {
    /// The largest amount, in minor units: ten billion dollars. Far above any real amount, and so
    /// far below the end of `i64` that sums of millions of them can't overflow it.
    pub const MAX_MINOR: i64 = 1_000_000_000_000;

    /// No money.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// An amount of minor units (cents).
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        match minor {
            i64::MIN..=-1 => Err(MoneyError::Negative),
            0..=Self::MAX_MINOR => Ok(Self { minor, currency }),
            _ => Err(MoneyError::TooLarge),
        }
    }

    /// US dollars, from cents.
    pub fn usd(cents: i64) -> Result<Self, MoneyError> {
        Self::new(cents, Currency::Usd)
    }

    /// Read a decimal text like "1234.56", "1234.5" or "1234": digits, and at most two decimals.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.starts_with('-') && digits(&whole[1..]) {
            return Err(MoneyError::Negative);
        }
        if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
            return Err(MoneyError::Malformed);
        }
        let whole: i64 = whole.parse().map_err(|_| MoneyError::TooLarge)?;
        let cents: i64 = format!("{decimals:0<2}").parse().map_err(|_| MoneyError::Malformed)?;
        let minor = whole
            .checked_mul(currency.minor_per_major())
            .and_then(|minor| minor.checked_add(cents))
            .ok_or(MoneyError::TooLarge)?;
        Self::new(minor, currency)
    }

    /// The amount in minor units (cents).
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Is there none of it?
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Both amounts together.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new(self.minor + other.minor, self.currency)
    }

    /// What is left of this after taking `other` away; refused when there is less than that.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new(self.minor - other.minor, self.currency)
    }

    /// What is left of this after taking `other` away, or nothing.
    pub fn minus_or_zero(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new((self.minor - other.minor).max(0), self.currency)
    }

    /// The smaller of the two.
    pub fn min(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(if self.minor <= other.minor { self } else { other })
    }

    /// Is this at least as much as `other`? Refused across currencies.
    pub fn covers(self, other: Self) -> Result<bool, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor >= other.minor)
    }

    /// The sum of many amounts of one currency.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    /// A share of the amount in basis points (hundredths of a percent), rounded half up to the cent.
    pub fn share(self, rate: Rate) -> Self {
        let exact = i128::from(self.minor) * i128::from(rate.basis_points());
        let rounded = (exact + 5_000) / 10_000;
        // A rate is at most 100 %, so the share is no larger than the amount it is taken from.
        Self { minor: rounded.min(i128::from(self.minor)) as i64, currency: self.currency }
    }

    /// The share, as [`Money::share`] has it, of an amount of which this is what the share leaves. Nothing at 100 %.
    pub fn share_beside(self, rate: Rate) -> Result<Self, MoneyError> {
        let (share, rest) = (i128::from(rate.basis_points()), i128::from(10_000 - rate.basis_points()));
        let exact_twice = i128::from(self.minor) * share * 2;
        let rounded = if rest == 0 { 0 } else { (exact_twice + rest) / (rest * 2) };
        Self::new(rounded as i64, self.currency)
    }

    /// The part of the amount that belongs to `part` of `whole`, rounded half up to the cent: all of
    /// it for the whole, nothing of it for nothing. A part above the whole counts as the whole.
    pub fn in_proportion(self, part: Self, whole: Self) -> Self {
        let (part, whole) = (i128::from(part.minor.min(whole.minor)), i128::from(whole.minor));
        let exact_twice = i128::from(self.minor) * part * 2;
        let rounded = if whole == 0 { 0 } else { (exact_twice + whole) / (whole * 2) };
        Self { minor: rounded as i64, currency: self.currency }
    }

    /// Split the amount in proportion to `weights` by the largest-remainder method: the parts add
    /// up to the amount to the cent, and equal remainders go to the earlier part. With no weight
    /// above zero the first part gets it all; with no parts at all there is nothing to give to.
    pub fn split(self, weights: &[u32]) -> Vec<Self> {
        let total: i128 = weights.iter().copied().map(i128::from).sum();
        if total == 0 {
            let whole = |place| if place == 0 { self } else { Self::zero(self.currency) };
            return (0..weights.len()).map(whole).collect();
        }
        let product = |weight: u32| i128::from(self.minor) * i128::from(weight);
        let mut minors: Vec<i64> = weights.iter().map(|&weight| (product(weight) / total) as i64).collect();
        let left = self.minor - minors.iter().sum::<i64>();
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|&place| std::cmp::Reverse(product(weights[place]) % total));
        for &place in by_remainder.iter().take(left as usize) {
            minors[place] += 1;
        }
        minors.into_iter().map(|minor| Self { minor, currency: self.currency }).collect()
    }

    /// The decimal text, without the currency: "1234.56".
    pub fn amount(self) -> String {
        let per = self.currency.minor_per_major();
        format!("{}.{:02}", self.minor / per, self.minor % per)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::OtherCurrency(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// A share of an amount, in basis points: 500 is 5 %. At most 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Rate(u16);

/// A share above the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is at most 10000 basis points, which is 100 %")]
pub struct BadRate;

impl Rate {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);

    /// A rate of so many basis points.
    pub const fn basis_points_of(bp: u16) -> Result<Self, BadRate> {
        if bp <= 10_000 { Ok(Self(bp)) } else { Err(BadRate) }
    }

    /// Hundredths of a percent.
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Rate {
    type Error = BadRate;
    fn try_from(bp: u16) -> Result<Self, BadRate> {
        Self::basis_points_of(bp)
    }
}

impl From<Rate> for u16 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(cents: i64) -> Money {
        Money::usd(cents).unwrap()
    }

    #[test]
    fn text_is_read_strictly() {
        for (text, cents) in [("0", 0), ("1", 100), ("1.5", 150), ("1234.56", 123_456), ("007.07", 707)] {
            assert_eq!(Money::parse(text, Currency::Usd), Ok(usd(cents)), "{text}");
        }
        for text in ["", ".", "1.", ".5", "1,5", "1e3", "+1", " 1", "1.234", "１", "--1", "-"] {
            assert_eq!(Money::parse(text, Currency::Usd), Err(MoneyError::Malformed), "{text}");
        }
        assert_eq!(Money::parse("-1", Currency::Usd), Err(MoneyError::Negative));
        for text in ["10000000000.01", "99999999999999999999", "92233720368547758.08"] {
            assert_eq!(Money::parse(text, Currency::Usd), Err(MoneyError::TooLarge), "{text}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let rupees = Money::new(1, Currency::Pkr).unwrap();
        assert_eq!(usd(1).plus(rupees), Err(MoneyError::OtherCurrency(Currency::Usd, Currency::Pkr)));
        assert_eq!(usd(1).minus(usd(2)), Err(MoneyError::Negative));
    }

    #[test]
    fn shares_round_half_up() {
        let rate = Rate::basis_points_of(500).unwrap();
        for (cents, fee) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (10_000, 500)] {
            assert_eq!(usd(cents).share(rate), usd(fee), "{cents}");
        }
    }

    #[test]
    fn a_split_gives_equal_remainders_to_the_earlier_part() {
        assert_eq!(usd(100).split(&[1, 1, 1]), [usd(34), usd(33), usd(33)]);
        assert_eq!(usd(5).split(&[0, 0]), [usd(5), usd(0)]);
        assert_eq!(usd(5).split(&[]), []);
    }

    proptest! {
        #[test]
        fn a_split_adds_up_and_no_part_is_off_by_a_cent(cents in 0..=Money::MAX_MINOR, weights in prop::collection::vec(0u32..5_000, 1..12)) {
            let parts = usd(cents).split(&weights);
            prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), cents);
            let total: i128 = weights.iter().copied().map(i128::from).sum();
            if total > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(cents) * i128::from(*weight);
                    prop_assert!((i128::from(part.minor()) * total - exact).abs() < total);
                }
            }
        }

        #[test]
        fn a_share_is_found_again_from_what_it_leaves(net in 0i64..10_000_000, bp in 0u16..10_000) {
            let rate = Rate::basis_points_of(bp).unwrap();
            let share = usd(net).share_beside(rate).unwrap();
            prop_assert_eq!(usd(net).plus(share).unwrap().share(rate), share);
        }

        #[test]
        fn text_survives_the_round_trip(cents in 0..=Money::MAX_MINOR) {
            prop_assert_eq!(Money::parse(&usd(cents).amount(), Currency::Usd), Ok(usd(cents)));
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in ".{0,30}") {
            let _ = Money::parse(&text, Currency::Usd);
        }
    }
}
