//! The money of a milestone, by the payment it came with. What came first leaves first. It is what a
//! chargeback goes by: it takes the money of its own payment, wherever that was handed on to, and never
//! what another payment paid for.

use serde::{Deserialize, Serialize};

use crate::id::PaymentId;
use crate::money::{Currency, Money, MoneyError};

/// Money that came with one payment, or out of the client's credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Which payment; none for what had been the client's credit.
    pub payment: Option<PaymentId>,
    /// How much of it is held.
    pub held: Money,
    /// How much of it was released, and has not come back.
    pub released: Money,
    /// How much of it became the client's credit, with its part of the fee.
    pub refunded: Money,
}

/// All the money that came into a milestone, first come first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(Vec<Source>);

type Part = fn(&mut Source) -> &mut Money;

const HELD: Part = |source| &mut source.held;
const RELEASED: Part = |source| &mut source.released;
const REFUNDED: Part = |source| &mut source.refunded;

impl Sources {
    /// Each of them.
    pub fn all(&self) -> &[Source] {
        &self.0
    }

    /// What came with this payment, or out of credit.
    pub fn of(&self, payment: Option<PaymentId>) -> Option<&Source> {
        self.0.iter().find(|source| source.payment == payment)
    }

    /// How much of what came with this payment, or out of credit, is held.
    pub fn held_of(&self, payment: Option<PaymentId>, currency: Currency) -> Money {
        self.of(payment).map_or(Money::zero(currency), |source| source.held)
    }

    /// How much of what came with this payment became the client's credit.
    pub fn refunded_of(&self, payment: PaymentId, currency: Currency) -> Money {
        self.of(Some(payment)).map_or(Money::zero(currency), |source| source.refunded)
    }

    /// Money comes in.
    pub(super) fn come(&mut self, payment: Option<PaymentId>, amount: Money) -> Result<(), MoneyError> {
        if let Some(source) = self.0.iter_mut().find(|source| source.payment == payment) {
            source.held = source.held.plus(amount)?;
        } else if !amount.is_zero() {
            let zero = Money::zero(amount.currency());
            self.0.push(Source { payment, held: amount, released: zero, refunded: zero });
        }
        Ok(())
    }

    /// Held money is released; with which payments it had come.
    pub(super) fn release(&mut self, amount: Money) -> Result<Vec<(Option<PaymentId>, Money)>, MoneyError> {
        flow(self.0.iter_mut(), amount, HELD, Some(RELEASED))
    }

    /// Released money is held again; what was released last first.
    pub(super) fn reclaim(&mut self, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().rev(), amount, RELEASED, Some(HELD)).map(drop)
    }

    /// Held money becomes the client's credit, with `fee` beside it.
    pub(super) fn refund(&mut self, amount: Money, fee: Money) -> Result<(), MoneyError> {
        let moved = flow(self.0.iter_mut(), amount, HELD, Some(REFUNDED))?;
        let last = moved.last().map(|(payment, _)| *payment);
        if let Some(source) = self.0.iter_mut().find(|source| Some(source.payment) == last) {
            source.refunded = source.refunded.plus(fee)?;
        }
        Ok(())
    }

    /// Released money becomes the client's credit.
    pub(super) fn give_back(&mut self, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().rev(), amount, RELEASED, Some(REFUNDED)).map(drop)
    }

    /// Held money is handed on; with which payments it had come.
    pub(super) fn hand_on(&mut self, amount: Money) -> Result<Vec<(Option<PaymentId>, Money)>, MoneyError> {
        flow(self.0.iter_mut(), amount, HELD, None)
    }

    /// A bank takes held money that came with this payment, or out of credit.
    pub(super) fn lose_held(&mut self, payment: Option<PaymentId>, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().filter(|source| source.payment == payment), amount, HELD, None).map(drop)
    }

    /// A bank takes released money that came with this payment.
    pub(super) fn lose_released(&mut self, payment: PaymentId, amount: Money) -> Result<(), MoneyError> {
        flow(self.0.iter_mut().filter(|source| source.payment == Some(payment)), amount, RELEASED, None).map(drop)
    }

    /// A bank takes credit that this payment's money became: up to `amount`; how much of that it was.
    pub(super) fn lose_refunded(&mut self, payment: PaymentId, amount: Money) -> Result<Money, MoneyError> {
        let amount = amount.min(self.refunded_of(payment, amount.currency()))?;
        flow(self.0.iter_mut().filter(|source| source.payment == Some(payment)), amount, REFUNDED, None)?;
        Ok(amount)
    }

    /// A bank gives back what it took of this payment's money; or, where that never came as such, of credit.
    pub(super) fn regain(
        &mut self,
        payment: PaymentId,
        (held, released, refunded): (Money, Money, Money),
    ) -> Result<(), MoneyError> {
        let payment = self.of(Some(payment)).and_then(|source| source.payment);
        self.come(payment, held)?;
        if let Some(source) = self.0.iter_mut().find(|source| source.payment == payment) {
            source.released = source.released.plus(released)?;
            source.refunded = source.refunded.plus(refunded)?;
        }
        Ok(())
    }
}

/// Divide the net of a release as its gross came: the parts add up to it, to the cent.
pub(super) fn net_of_each(
    net: Money,
    gross: Vec<(Option<PaymentId>, Money)>,
) -> Result<Vec<(Option<PaymentId>, Money)>, MoneyError> {
    let mut whole = Money::sum(net.currency(), gross.iter().map(|(_, part)| *part))?;
    let mut left = net;
    let divide = |(payment, part): (Option<PaymentId>, Money)| {
        let mine = left.in_proportion(part, whole);
        (left, whole) = (left.minus(mine)?, whole.minus(part)?);
        Ok((payment, mine))
    };
    gross.into_iter().map(divide).collect()
}

/// Move `amount` from one part to another, in the order of the sources; how much it was of each.
fn flow<'a>(
    sources: impl Iterator<Item = &'a mut Source>,
    amount: Money,
    from: Part,
    to: Option<Part>,
) -> Result<Vec<(Option<PaymentId>, Money)>, MoneyError> {
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
