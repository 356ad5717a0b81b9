//! Is what we hold for people there? Lines that agree say nothing of what nobody ever noted, so once a day the sums are
//! held against each other, too.

use super::*;

/// What stands behind the money of others, in cents. Balances of the processor may be below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cover {
    /// What the books hold for people: credit, escrow, pending, available, and what waits to be paid out.
    pub held: i64,
    /// What of it a rail of the processor's was handed, which may have left by now or not.
    pub leaving: i64,
    /// What the processor has of ours, on all of our accounts there.
    pub balance: i64,
    /// What went from there to our own bank, less what came from there.
    pub swept: i64,
    /// What our own bank has paid out.
    pub by_bank: i64,
}

impl Cover {
    /// What of the money that we hold for people is neither at the processor, nor at the bank that pays wires.
    pub fn uncovered(self) -> i64 {
        let [held, leaving, balance, swept, by_bank] =
            [self.held, self.leaving, self.balance, self.swept, self.by_bank].map(i128::from);
        let at_bank = (swept - by_bank).max(0);
        let missing = (held - leaving - balance - at_bank).max(0);
        i64::try_from(missing).unwrap_or(i64::MAX)
    }
}

/// What of these lines went from the processor to our own bank from an instant on, less what came from there, in cents of
/// a dollar.
pub fn swept<'a>(lines: impl IntoIterator<Item = &'a Line>, from: Timestamp) -> i64 {
    let own = |line: &&Line| line.class == Class::Own && line.at >= from && line.amount.currency() == Currency::Usd;
    let cents = |line: &Line| if line.flow == Flow::Out { line.amount.minor() } else { -line.amount.minor() };
    lines.into_iter().filter(own).map(cents).fold(0, i64::saturating_add)
}
