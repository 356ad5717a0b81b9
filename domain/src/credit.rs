//! A client's unspent credit, told apart by the payment it came with: what came with one card goes back to that card
//! and to no other, a bank that takes a payment back takes what is left of that one, and work that is paid out of
//! credit is paid with the payments that were in it, the oldest first.

use crate::id::PaymentId;
use crate::money::{Currency, Money, MoneyError};
use crate::refusal::Refusal;

/// An amount, and the payment it came with; none where that is not known.
pub type Part = (Option<PaymentId>, Money);

/// The credit of an organization in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    currency: Currency,
    parts: Vec<Part>,
}

impl Credit {
    /// Credit of these parts, the oldest first.
    pub const fn of_parts(currency: Currency, parts: Vec<Part>) -> Self {
        Self { currency, parts }
    }

    /// Money that came with no payment.
    pub fn of_none(amount: Money) -> Self {
        Self { currency: amount.currency(), parts: vec![(None, amount)] }
    }

    /// All of it.
    pub fn total(&self) -> Result<Money, MoneyError> {
        Money::sum(self.currency, self.parts.iter().map(|(_, part)| *part))
    }

    /// What of it came with this payment.
    pub fn of(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        let parts = self.parts.iter().filter(|(came_with, _)| *came_with == Some(payment));
        Money::sum(self.currency, parts.map(|(_, part)| *part))
    }

    /// With which payments `amount` is paid out of it.
    pub fn spend(&self, amount: Money) -> Result<Vec<Part>, Refusal> {
        let mut left = amount;
        let mut spent = Vec::new();
        for (came_with, part) in &self.parts {
            let of_it = left.min(*part)?;
            if !of_it.is_zero() {
                left = left.minus(of_it)?;
                spent.push((*came_with, of_it));
            }
        }
        if left.is_zero() { Ok(spent) } else { Err(Refusal::Insufficient { available: self.total()?, asked: amount }) }
    }
}

/// Divide `amount` in proportion to these parts: what they get adds up to it, to the cent.
pub fn divide(amount: Money, parts: &[Part]) -> Result<Vec<Part>, MoneyError> {
    let mut left = amount;
    let mut whole = Money::sum(amount.currency(), parts.iter().map(|(_, part)| *part))?;
    let share = |&(payment, part): &Part| {
        let mine = left.in_proportion(part, whole);
        (left, whole) = (left.minus(mine)?, whole.minus(part)?);
        Ok((payment, mine))
    };
    parts.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::{Id, OrganizationId};
    use crate::ledger::{JournalEntry, LedgerAccount, Reason};

    fn usd(cents: i64) -> Money {
        Money::usd(cents).unwrap()
    }

    fn payment(n: u128) -> PaymentId {
        PaymentId::from_uuid(Uuid::from_u128(n))
    }

    fn credit(parts: &[i64]) -> Credit {
        let parts = parts.iter().zip(1..).map(|(cents, n)| (Some(payment(n)), usd(*cents)));
        Credit::of_parts(Currency::Usd, parts.collect())
    }

    #[test]
    fn the_oldest_is_spent_first_and_no_more_than_there_is() {
        let there = credit(&[500, 0, 300]);
        assert_eq!(there.spend(usd(500)).unwrap(), [(Some(payment(1)), usd(500))]);
        assert_eq!(there.spend(usd(501)).unwrap(), [(Some(payment(1)), usd(500)), (Some(payment(3)), usd(1))]);
        assert_eq!(there.spend(usd(801)).unwrap_err(), Refusal::Insufficient { available: usd(800), asked: usd(801) });
        assert_eq!((there.of(payment(3)).unwrap(), there.of(payment(9)).unwrap()), (usd(300), usd(0)));
    }

    proptest! {
        #[test]
        fn what_is_divided_adds_up_and_nobody_gets_more_than_they_gave(
            parts in proptest::collection::vec(0_i64..1_000_000, 1..8), share in 0_i64..=10_000,
        ) {
            let there = credit(&parts);
            let total = there.total().unwrap();
            let amount = usd(total.minor() * share / 10_000);
            let divided = divide(amount, &there.parts).unwrap();
            prop_assert_eq!(Money::sum(Currency::Usd, divided.iter().map(|(_, part)| *part)).unwrap(), amount);
            for ((_, mine), (_, gave)) in divided.iter().zip(&there.parts) {
                prop_assert!(mine.minor() <= gave.minor());
            }
        }

        #[test]
        fn an_entry_tells_of_each_cent_of_credit_what_it_came_with(
            parts in proptest::collection::vec(0_i64..1_000, 1..6), cut in 0_i64..6_000,
        ) {
            let there = credit(&parts);
            let total = there.total().unwrap();
            let first = usd(cut.min(total.minor()));
            let account = LedgerAccount::ClientCredit(OrganizationId::from_uuid(Uuid::from_u128(1)));
            let (escrow, fee) = (LedgerAccount::Escrow(Id::from_uuid(Uuid::from_u128(2))), LedgerAccount::FeeRevenue);
            let entry = JournalEntry::new(Reason::Fund, "key")
                .moving(account, escrow, first)
                .moving(account, fee, total.minus(first).unwrap())
                .moving(escrow, fee, usd(1));
            let told = entry.clone().came_with(account, &there.parts).unwrap();
            for of in [account, escrow, fee] {
                prop_assert_eq!(told.effect_on(of, Currency::Usd), entry.effect_on(of, Currency::Usd));
            }
            for (came_with, part) in &there.parts {
                let of_it = told.postings().iter().filter(|posting| posting.came_with == *came_with);
                prop_assert_eq!(of_it.map(|posting| posting.amount.minor()).sum::<i64>(), part.minor());
            }
            let more = [there.parts.as_slice(), &[(None, usd(1))]].concat();
            prop_assert!(entry.clone().came_with(account, &more).is_err(), "parts of nothing");
            prop_assert!(total.is_zero() || entry.came_with(account, &[]).is_err(), "what came with nothing");
        }
    }
}
