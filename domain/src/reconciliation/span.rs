//! From when until when both sides are read, so that what moved within a period is held against all that belongs to it.

use super::*;

/// What is read to compare a period: of either side the same, to the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Everything from this instant on.
    pub from: Timestamp,
    /// Before this one.
    pub until: Timestamp,
    /// And of payouts what moved from this instant on.
    pub payouts_from: Timestamp,
    /// Before this one.
    pub payouts_until: Timestamp,
}

impl Span {
    /// Around a period, as far as the two sides usually lie apart.
    pub fn around(period: Period) -> Self {
        let (from, until) = (period.from - Period::SLACK, period.until + Period::SLACK);
        Self { from, until, payouts_from: from - Period::CARRYING, payouts_until: until + Period::CARRYING }
    }

    /// The same, with all that ever moved of some payouts. None of them was asked for before `asked_at`; the last that
    /// the books have of them is of `over_at`, if they have anything.
    ///
    /// A payout leaves the processor at another instant than the one at which the books have it, so wherever reading
    /// began between the two, one side would have what the other has not.
    #[must_use]
    pub fn with_payouts(self, asked_at: Timestamp, over_at: Option<Timestamp>) -> Self {
        let payouts_from = self.payouts_from.min(asked_at - Period::SLACK);
        let payouts_until = over_at.map_or(self.payouts_until, |at| self.payouts_until.max(at + Period::SLACK));
        Self { payouts_from, payouts_until, ..self }
    }

    /// Is this line to be read?
    pub fn holds(&self, line: &Line) -> bool {
        let of_payout = line.class == Class::Payout || matches!(line.about, About::Payout(_));
        let within = self.from <= line.at && line.at < self.until;
        within || of_payout && self.payouts_from <= line.at && line.at < self.payouts_until
    }
}

/// The payouts of which something moved within a period, on either side.
pub fn payouts_within<'a>(period: Period, lines: impl IntoIterator<Item = &'a Line>) -> BTreeSet<PayoutId> {
    let payout = |line: &Line| match line.about {
        About::Payout(id) => Some(id),
        About::Payment(_) | About::Refund(_) | About::Other(_) => None,
    };
    lines.into_iter().filter(|line| period.holds(line.at)).filter_map(payout).collect()
}
