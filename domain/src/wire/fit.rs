//! Whether a wire that our bank was not told of may go out as things are now, whatever they were when it was handed over.

use super::*;
use crate::payout::{SUSPENDED, Screened};

/// Why our people send a payout by hand whose payee, or whose bank, no file can name.
pub const NOT_BY_FILE: &str = "a wire has no letters for what is known of the payee, or no code for their bank";

/// Why nobody sends a payout of which it is not known any more what our bank has to be told.
const NOT_KEPT: &str = "what our bank has to be told of it was not kept";

/// What our bank is told of a wire, or why it may not go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// This.
    Goes(Box<WireSlip>),
    /// Something stands against it: our people look at it first.
    Stops(String),
}

impl Fit {
    /// What our bank is told, as it was kept, unless who is paid is suspended by now, or on a list by any name that the
    /// bank would be told.
    pub fn of(suspended: bool, slip: Option<WireSlip>, screened: impl FnOnce(&WireSlip) -> Screened) -> Self {
        if suspended {
            return Self::Stops(SUSPENDED.to_owned());
        }
        let Some(slip) = slip else { return Self::Stops(NOT_KEPT.to_owned()) };
        match screened(&slip) {
            Screened::Hit(why) => Self::Stops(why),
            Screened::Clear => Self::Goes(Box::new(slip)),
        }
    }

    /// The same of one that goes in a file of this day: what that has no line for does not.
    #[must_use]
    pub fn by_file(self, value_date: NaiveDate) -> Self {
        match self {
            Self::Goes(slip) if slip.lines(value_date).is_none() => Self::Stops(NOT_BY_FILE.to_owned()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(latin_name: Option<&str>) -> WireSlip {
        WireSlip {
            reference: "pyo_1:2".to_owned(),
            name: "Lin Khan".to_owned(),
            latin_name: latin_name.map(str::to_owned),
            address: Some("12 Mall Road, Lahore".to_owned()),
            phone: Some("+923001234567".to_owned()),
            identity: Some("CNIC 3520212345671".to_owned()),
            parts: vec![WirePart {
                account: WireAccount::Rupees,
                iban: "PK36SCBL0000001123456702".parse().unwrap(),
                title: "Lin Khan".to_owned(),
                amount: Money::usd(40_000).unwrap(),
            }],
            purpose_code: "9184".to_owned(),
            purpose: "Software".to_owned(),
        }
    }

    #[test]
    fn a_wire_goes_out_only_if_nothing_stands_against_it_by_then() {
        let (clear, hit) = (Screened::Clear, Screened::Hit("on the list as Khan, Lin".to_owned()));
        let day = "2026-06-01".parse().unwrap();
        let named = || Some(slip(Some("Lin Khan")));
        for (suspended, slip, screened, by_hand, by_file) in [
            (false, named(), &clear, None, None),
            (false, named(), &hit, Some("on the list as Khan, Lin"), Some("on the list as Khan, Lin")),
            (false, None, &clear, Some(NOT_KEPT), Some(NOT_KEPT)),
            (true, named(), &clear, Some(SUSPENDED), Some(SUSPENDED)),
            (true, None, &hit, Some(SUSPENDED), Some(SUSPENDED)),
            // By hand a person sees what there is.
            (false, Some(slip(None)), &clear, None, Some(NOT_BY_FILE)),
        ] {
            let why = |fit: Fit| match fit {
                Fit::Goes(_) => None,
                Fit::Stops(why) => Some(why),
            };
            let fit = Fit::of(suspended, slip, |_| screened.clone());
            assert_eq!((why(fit.clone()).as_deref(), why(fit.by_file(day)).as_deref()), (by_hand, by_file));
        }
    }
}
