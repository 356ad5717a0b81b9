//! The numbers of matching: whole numbers that stand for fractions, so that sums are exact and
//! every machine agrees to the last digit.
//!
//! A [`Weight`] counts thousandths, a [`Value`] millionths. Their product is a [`Score`], which
//! counts billionths: no product is ever rounded, so factors add up to the score exactly.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// How much a factor counts, in thousandths. Negative for what speaks against a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(i32);

impl Weight {
    /// A weight of this many thousandths.
    pub const fn milli(milli: i32) -> Self {
        Self(milli)
    }

    /// In thousandths.
    pub const fn as_milli(self) -> i32 {
        self.0
    }

    /// The exact contribution of a value that counts this much.
    pub const fn of(self, value: Value) -> Score {
        Score(self.0 as i64 * value.0 as i64)
    }
}

/// How true something is, from 0 to 1, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(i32);

impl Value {
    /// Not at all.
    pub const ZERO: Self = Self(0);
    /// Wholly.
    pub const ONE: Self = Self(1_000_000);

    /// So many millionths, kept within 0 and 1.
    pub const fn micro(micro: i64) -> Self {
        match micro {
            i64::MIN..=0 => Self::ZERO,
            1..=999_999 => Self(micro as i32),
            _ => Self::ONE,
        }
    }

    /// So many thousandths, kept within 0 and 1.
    pub const fn milli(milli: i64) -> Self {
        Self::micro(milli.saturating_mul(1_000))
    }

    /// `part / whole`, rounded down and kept within 0 and 1. A whole of nothing gives 0.
    pub fn ratio(part: i64, whole: i64) -> Self {
        if whole <= 0 {
            return Self::ZERO;
        }
        // Most parts are small enough for the quick way.
        let micro = match part.checked_mul(1_000_000) {
            Some(scaled) => scaled / whole,
            None => {
                i64::try_from(i128::from(part) * 1_000_000 / i128::from(whole)).unwrap_or(part.signum() * 1_000_000)
            }
        };
        Self::micro(micro)
    }

    /// In millionths.
    pub const fn as_micro(self) -> i64 {
        self.0 as i64
    }

    /// In whole percent, rounded to the nearest.
    pub const fn percent(self) -> i64 {
        (self.as_micro() + 5_000) / 10_000
    }

    /// Both: the product, rounded down.
    pub const fn and(self, other: Self) -> Self {
        Self::micro(self.as_micro() * other.as_micro() / 1_000_000)
    }

    /// The rest up to 1.
    pub const fn complement(self) -> Self {
        Self(1_000_000 - self.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A sum of contributions, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(i64);

impl Score {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many billionths.
    pub const fn nano(nano: i64) -> Self {
        Self(nano)
    }

    /// In billionths.
    pub const fn as_nano(self) -> i64 {
        self.0
    }

    /// The sum of two contributions.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// How much larger this is than the other: negative when it is smaller.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }

    /// The score as a rough chance, for a badge: a view, not what is ranked by.
    pub fn chance(self) -> Value {
        // Half of the largest score is an even chance; the slope makes 0.9 of it about 97 %.
        sigmoid((self.0 - 500_000_000) * 8 / 1_000)
    }

    /// This share of the score, rounded down.
    pub fn share(self, share: Value) -> Self {
        let nano = i128::from(self.0) * i128::from(share.as_micro()) / 1_000_000;
        Self(i64::try_from(nano).unwrap_or(self.0))
    }
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(scores: I) -> Self {
        scores.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:09}", self.0.unsigned_abs() / 1_000_000_000, self.0.unsigned_abs() % 1_000_000_000)
    }
}

const LN_2_MICRO: i128 = 693_147;
const FRACTION_BITS: u32 = 32;

/// The natural logarithm of `micro` millionths, in millionths. Below one millionth, that of one.
pub fn ln_micro(micro: u64) -> i64 {
    let x = micro.max(1);
    let bits = 63 - x.leading_zeros();
    // The mantissa, in [1, 2), with 32 bits after the point: each squaring yields one binary digit.
    let mut mantissa = (u128::from(x) << FRACTION_BITS) >> bits;
    let mut log2: i128 = i128::from(bits) << FRACTION_BITS;
    for place in (0..FRACTION_BITS).rev() {
        mantissa = (mantissa * mantissa) >> FRACTION_BITS;
        if mantissa >= 2 << FRACTION_BITS {
            mantissa >>= 1;
            log2 += 1 << place;
        }
    }
    // log2(10^6) with 32 bits after the point.
    const LOG2_MILLION: i128 = 85_605_435_163;
    let ln = ((log2 - LOG2_MILLION) * LN_2_MICRO) >> FRACTION_BITS;
    i64::try_from(ln).unwrap_or(0)
}

/// `e` to the power of minus `micro` millionths: 1 at zero, falling to 0. Below zero, 1.
pub fn exp_minus(micro: i64) -> Value {
    if micro <= 0 {
        return Value::ONE;
    }
    if micro >= 16_000_000 {
        return Value::ZERO;
    }
    // e^-x = (e^-(x/32))^32; five squarings of a short series, in 40-bit fractions. Each product is cut
    // towards zero, so terms are kept by their size and added with their sign.
    const BITS: u32 = 40;
    const ONE: u128 = 1 << BITS;
    let x = u128::from(micro.unsigned_abs()) * ONE / 32_000_000;
    let (mut term, mut sum) = (ONE, ONE);
    for n in 1..=9_u64 {
        term = u128::from(u64::try_from((term * x) >> BITS).unwrap_or(u64::MAX) / n);
        sum = if n % 2 == 1 { sum - term } else { sum + term };
    }
    let power = (0..5).fold(sum, |power, _| (power * power) >> BITS);
    Value::micro(i64::try_from((power * 1_000_000) >> BITS).unwrap_or(0))
}

/// The logistic function of `micro` millionths: what a score looks like as a chance.
pub fn sigmoid(micro: i64) -> Value {
    let tail = exp_minus(micro.saturating_abs()).as_micro();
    let above = Value::ratio(1_000_000, 1_000_000 + tail);
    if micro >= 0 { above } else { above.complement() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_times_a_value_is_never_rounded() {
        assert_eq!(Weight::milli(333).of(Value::micro(333_333)).as_nano(), 110_999_889);
        assert_eq!(Weight::milli(-50).of(Value::ONE).to_string(), "-0.050000000");
    }

    #[test]
    fn values_stay_between_nothing_and_all() {
        assert_eq!(Value::ratio(3, 2), Value::ONE);
        assert_eq!(Value::ratio(-3, 2), Value::ZERO);
        assert_eq!(Value::ratio(1, 0), Value::ZERO);
        assert_eq!(Value::ratio(i64::MAX, 1), Value::ONE);
        assert_eq!(Value::ratio(1, 3).as_micro(), 333_333);
    }

    #[test]
    fn logarithms_and_exponentials_are_those_of_the_textbook() {
        for (x, ln) in [(1_000_000, 0), (2_718_282, 1_000_000), (7_000_000, 1_945_910), (500_000, -693_147)] {
            assert!((ln_micro(x) - ln).abs() <= 3, "ln {x}: {}", ln_micro(x));
        }
        for (x, exp) in [(0, 1_000_000), (1_000_000, 367_879), (350_000, 704_688), (5_000_000, 6_737)] {
            assert!((exp_minus(x).as_micro() - exp).abs() <= 3, "exp -{x}: {}", exp_minus(x));
        }
        assert_eq!(exp_minus(i64::MAX), Value::ZERO);
        assert_eq!(sigmoid(0).as_micro(), 500_000);
        assert!((sigmoid(-2_000_000).as_micro() - 119_203).abs() <= 3);
    }

    #[test]
    fn exponentials_are_those_that_were_always_computed() {
        // As it was first written, with signed terms: what was shown by a model can be recomputed by it.
        let first = |micro: i64| {
            const ONE: i128 = 1 << 40;
            let x = i128::from(micro) * ONE / 32_000_000;
            let (mut term, mut sum) = (ONE, ONE);
            for n in 1..=9 {
                term = -term * x / ONE / n;
                sum += term;
            }
            let power = (0..5).fold(sum, |power, _| power * power / ONE);
            i64::try_from(power * 1_000_000 / ONE).unwrap()
        };
        for micro in (0..16_000_000).step_by(977).chain([1, 15_999_999]) {
            assert_eq!(exp_minus(micro).as_micro(), first(micro), "{micro}");
        }
    }

    #[test]
    fn exponentials_only_fall() {
        let values: Vec<_> = (0..16_100).map(|milli| exp_minus(milli * 1_000)).collect();
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
