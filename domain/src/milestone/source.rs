//! The money of a milestone, by the payment it came with. What came first leaves first. It is what a
//! chargeback goes by: it takes the money of its own payment, wherever that was handed on to, and never
//! what another payment paid for.

use serde::{Deserialize, Serialize};

use crate::credit::{Part, divide};
use crate::id::PaymentId;
use crate::money::{Currency, Money, MoneyError};

/// Money that came with one payment, by card or by way of the client's credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Which payment; none for credit that is not known to have come with any.
    pub payment: Option<PaymentId>,
    /// How much of it is held.
    pub held: Money,
    /// How much of it was released, and has not come back.
    pub released: Money,
    /// How much of it was handed on to other milestones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_on: Option<Money>,
}

/// All the money that came into a milestone, first come first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(Vec<Source>);

type Place = fn(&mut Source) -> &mut Money;

const HELD: Place = |source| &mut source.held;
const RELEASED: Place = |source| &mut source.released;

impl Sources {
    /// Each of them.
    pub fn all(&self) -> &[Source] {
        &self.0
    }

    /// What came with this payment.
    pub fn of(&self, payment: Option<PaymentId>) -> Option<&Source> {
        self.0.iter().find(|source| source.payment == payment)
    }

    /// How much of what came with this payment is held.
    pub fn held_of(&self, payment: PaymentId, currency: Currency) -> Money {
        self.of(Some(payment)).map_or(Money::zero(currency), |source| source.held)
    }

    /// Money comes in.
    pub(super) fn come(&mut self, payment: Option<PaymentId>, amount: Money) -> Result<(), MoneyError> {
        if let Some(source) = self.0.iter_mut().find(|source| source.payment == payment) {
            source.held = source.held.plus(amount)?;
        } else if !amount.is_zero() {
            let zero = Money::zero(amount.currency());
            self.0.push(Source { payment, held: amount, released: zero, handed_on: None });
        }
        Ok(())
    }

    /// Held money is released; with which payments it had come.
    pub(super) fn release(&mut self, amount: Money) -> Result<Vec<Part>, MoneyError> {
        flow(self.0.iter_mut(), amount, HELD, Some(RELEASED))
    }

    /// Held money that came with this payment is released.
    pub(super) fn release_of(&mut self, payment: PaymentId, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().filter(|source| source.payment == Some(payment)), amount, HELD, Some(RELEASED)).map(drop)
    }

    /// Released money is held again; what was released last first.
    pub(super) fn reclaim(&mut self, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().rev(), amount, RELEASED, Some(HELD)).map(drop)
    }

    /// Held money becomes the client's credit, with `fee` beside it; with which payments it all had come.
    pub(super) fn refund(&mut self, amount: Money, fee: Money) -> Result<Vec<Part>, MoneyError> {
        let parts = flow(self.0.iter_mut(), amount, HELD, None)?;
        let fees = divide(fee, &parts)?;
        Ok([parts, fees].concat())
    }

    /// Released money becomes the client's credit; with which payments it had come.
    pub(super) fn give_back(&mut self, amount: Money) -> Result<Vec<Part>, MoneyError> {
        flow(self.0.iter_mut().rev(), amount, RELEASED, None)
    }

    /// Held money is handed on; with which payments it had come.
    pub(super) fn hand_on(&mut self, amount: Money) -> Result<Vec<Part>, MoneyError> {
        let parts = flow(self.0.iter_mut(), amount, HELD, None)?;
        for (payment, part) in &parts {
            for source in self.0.iter_mut().filter(|source| source.payment == *payment) {
                source.handed_on = Some(source.handed_on.map_or(Ok(*part), |before| before.plus(*part))?);
            }
        }
        Ok(parts)
    }

    /// A bank takes held money that came with this payment.
    pub(super) fn lose_held(&mut self, payment: PaymentId, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().filter(|source| source.payment == Some(payment)), amount, HELD, None).map(drop)
    }

    /// A bank takes released money that came with this payment.
    pub(super) fn lose_released(&mut self, payment: PaymentId, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().filter(|source| source.payment == Some(payment)), amount, RELEASED, None).map(drop)
    }

    /// A bank gives back what it took of this payment's money.
    pub(super) fn regain(&mut self, payment: PaymentId, held: Money, released: Money) -> Result<(), MoneyError> {
        self.come(Some(payment), held)?;
        if let Some(source) = self.0.iter_mut().find(|source| source.payment == Some(payment)) {
            source.released = source.released.plus(released)?;
        }
        Ok(())
    }
}

/// Move `amount` from one place to another, in the order of the sources; how much it was of each.
fn flow<'a>(
    sources: impl Iterator<Item = &'a mut Source>,
    amount: Money,
    from: Place,
    to: Option<Place>,
) -> Result<Vec<Part>, MoneyError> {
    let mut left = amount;
    let mut moved = Vec::new();
    for source in sources {
        let part = left.min(*from(source))?;
        if part.is_zero() {
            continue;
        }
        *from(source) = from(source).minus(part)?;
        if let Some(to) = to {
            *to(source) = to(source).plus(part)?;
        }
        left = left.minus(part)?;
        moved.push((source.payment, part));
    }
    if left.is_zero() { Ok(moved) } else { Err(MoneyError::Negative) }
}
