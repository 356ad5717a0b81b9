//! Which work the money of a payout came from. A balance is one pot; by custom, what came first leaves first.

use std::collections::{BTreeMap, VecDeque};

use crate::id::{ContractId, PayoutId};
use crate::money::{Money, MoneyError};

/// Something that moved an available balance, in the order of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Money came from some work of a contract.
    Came {
        /// The contract, if the books name one.
        contract: Option<ContractId>,
        /// The milestone or the week, by its id.
        work: String,
        /// How much.
        amount: Money,
    },
    /// A payout took some.
    Left(PayoutId, Money),
    /// A payout brought back what it had taken.
    CameBack(PayoutId),
    /// Some was given back or taken, for the work with this id if there is such a thing.
    Undone {
        /// Which work.
        work: String,
        /// How much.
        amount: Money,
    },
}

/// A part of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    contract: Option<ContractId>,
    work: String,
    amount: Money,
}

/// Where the money of each payout came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    of_payouts: BTreeMap<PayoutId, Vec<Part>>,
}

impl Trail {
    /// Follow what moved a balance, from the beginning.
    ///
    /// # Errors
    /// Sums beyond what an amount can be.
    pub fn follow(flows: impl IntoIterator<Item = Flow>) -> Result<Self, MoneyError> {
        let mut there: VecDeque<Part> = VecDeque::new();
        let mut trail = Self::default();
        for flow in flows {
            match flow {
                Flow::Came { contract, work, amount } => there.push_back(Part { contract, work, amount }),
                Flow::Left(payout, amount) => {
                    let taken = take(&mut there, amount, |_| true)?;
                    trail.of_payouts.entry(payout).or_default().extend(taken);
                }
                Flow::CameBack(payout) => {
                    for part in trail.of_payouts.remove(&payout).into_iter().flatten().rev() {
                        there.push_front(part);
                    }
                }
                Flow::Undone { work, amount } => {
                    // Its own first, and then whatever there is.
                    let own = take(&mut there, amount, |part| part.work == work)?;
                    let taken =
                        own.iter().try_fold(Money::zero(amount.currency()), |sum, part| sum.plus(part.amount))?;
                    take(&mut there, amount.minus_or_zero(taken)?, |_| true)?;
                }
            }
        }
        Ok(trail)
    }

    /// The parts of a payout: contract, work, and how much of it, first come first.
    ///
    /// # Errors
    /// Sums beyond what an amount can be.
    pub fn of(&self, payout: PayoutId) -> Result<Vec<(Option<ContractId>, String, Money)>, MoneyError> {
        let mut parts: Vec<(Option<ContractId>, String, Money)> = Vec::new();
        for part in self.of_payouts.get(&payout).into_iter().flatten() {
            match parts.iter_mut().find(|(_, work, _)| *work == part.work) {
                Some((_, _, amount)) => *amount = amount.plus(part.amount)?,
                None => parts.push((part.contract, part.work.clone(), part.amount)),
            }
        }
        Ok(parts)
    }
}

fn take(there: &mut VecDeque<Part>, amount: Money, of: impl Fn(&Part) -> bool) -> Result<Vec<Part>, MoneyError> {
    let (mut left, mut taken, mut kept) = (amount, Vec::new(), VecDeque::new());
    while let Some(mut part) = there.pop_front() {
        if left.is_zero() || !of(&part) {
            kept.push_back(part);
            continue;
        }
        let some = part.amount.min(left)?;
        left = left.minus(some)?;
        taken.push(Part { amount: some, ..part.clone() });
        part.amount = part.amount.minus(some)?;
        if !part.amount.is_zero() {
            kept.push_back(part);
        }
    }
    *there = kept;
    Ok(taken)
}
