//! The money of a milestone, or of a charged week. An [`Escrow`] says where every cent that was
//! funded is now:
//!
//! `funded = held + released (net + fee) + refunded + charged back`
//!
//! It holds by construction, because money only ever moves from one of the parts to another, and
//! `funded` is their sum. Each move writes the same amount into a journal entry, so `held` is the
//! balance of the escrow's ledger account. The client's fee is a line of its own: it follows the
//! money it was paid for, `paid = open (with what is held) + kept + returned`.

use serde::{Deserialize, Serialize};

use crate::ledger::{JournalEntry, LedgerAccount};
use crate::money::{Currency, Money, MoneyError, Rate};
use crate::refusal::Refusal;

/// Where the money funded for one piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EscrowParts", into = "EscrowParts")]
pub struct Escrow {
    parts: EscrowParts,
}

/// The amounts of an [`Escrow`], as they are kept in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscrowParts {
    /// In the escrow account.
    pub held: Money,
    /// Gone to the freelancer.
    pub released_net: Money,
    /// Gone to us, out of what was released.
    pub fee: Money,
    /// Gone back to the client.
    pub refunded: Money,
    /// Taken back by the client's bank.
    pub charged_back: Money,
    /// What has been released before fees, ever, less what was reclaimed: the fee is a share of this sum.
    pub fee_base: Money,
    /// The client's fee for what is still held.
    pub client_fee_open: Money,
    /// The client's fee we have earned.
    pub client_fee_kept: Money,
    /// The client's fee that went back to the client.
    pub client_fee_returned: Money,
}

impl TryFrom<EscrowParts> for Escrow {
    type Error = MoneyError;

    fn try_from(parts: EscrowParts) -> Result<Self, MoneyError> {
        let sum = [parts.held, parts.released_net, parts.fee, parts.refunded, parts.charged_back, parts.fee_base];
        let client_fee = [parts.client_fee_open, parts.client_fee_kept, parts.client_fee_returned];
        Money::sum(parts.held.currency(), sum)?.plus(Money::sum(parts.held.currency(), client_fee)?)?;
        Ok(Self { parts })
    }
}

impl From<Escrow> for EscrowParts {
    fn from(escrow: Escrow) -> Self {
        escrow.parts
    }
}

/// A release, divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// To the freelancer.
    pub net: Money,
    /// To us.
    pub fee: Money,
    /// The client's fee that we earned with it.
    pub client_fee: Money,
}

impl Share {
    /// Before the fee.
    pub fn gross(&self) -> Result<Money, MoneyError> {
        self.net.plus(self.fee)
    }

    /// Both together.
    pub(crate) fn plus(&self, other: &Self) -> Result<Self, MoneyError> {
        Ok(Self {
            net: self.net.plus(other.net)?,
            fee: self.fee.plus(other.fee)?,
            client_fee: self.client_fee.plus(other.client_fee)?,
        })
    }
}

/// A refund, with the client's fee that goes back with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// Out of escrow.
    pub amount: Money,
    /// Out of our revenue.
    pub client_fee: Money,
}

/// Who bore a chargeback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargedBack {
    /// Out of escrow.
    pub from_escrow: Money,
    /// Out of the client's unspent credit.
    pub from_credit: Money,
    /// Out of the freelancer's pending balance.
    pub from_pending: Money,
    /// Out of our own pocket.
    pub lost: Money,
    /// The client's fee for what came out of escrow. Nobody bore it: it was ours before, and is earned now.
    #[serde(default = "no_fee")]
    pub client_fee: Money,
}

/// What was kept of a chargeback before its fee was.
const fn no_fee() -> Money {
    Money::zero(Currency::Usd)
}

impl ChargedBack {
    /// Nobody bore anything.
    pub const fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { from_escrow: zero, from_credit: zero, from_pending: zero, lost: zero, client_fee: zero }
    }

    /// All of it together.
    pub fn total(&self) -> Result<Money, MoneyError> {
        let all = [self.from_escrow, self.from_credit, self.from_pending, self.lost];
        Money::sum(self.lost.currency(), all)
    }
}

/// An outcome of moving money: the escrow after it, the entry that says so, and what moved.
pub type Moved<T> = (Escrow, JournalEntry, T);

impl Escrow {
    /// Nothing funded yet.
    pub const fn empty(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            parts: EscrowParts {
                held: zero,
                released_net: zero,
                fee: zero,
                refunded: zero,
                charged_back: zero,
                fee_base: zero,
                client_fee_open: zero,
                client_fee_kept: zero,
                client_fee_returned: zero,
            },
        }
    }

    /// All the amounts.
    pub const fn parts(&self) -> &EscrowParts {
        &self.parts
    }

    /// What is in the escrow account now.
    pub const fn held(&self) -> Money {
        self.parts.held
    }

    /// Everything that was put in: the sum of the parts.
    pub fn funded(&self) -> Result<Money, MoneyError> {
        let parts = &self.parts;
        let all = [parts.held, parts.released_net, parts.fee, parts.refunded, parts.charged_back];
        Money::sum(parts.held.currency(), all)
    }

    /// What has been released and not given back, net and fee together.
    pub fn released(&self) -> Result<Money, MoneyError> {
        self.parts.released_net.plus(self.parts.fee)
    }

    /// Money comes in from `source`, with the client's fee on top.
    pub fn fund(
        mut self,
        entry: JournalEntry,
        escrow: LedgerAccount,
        source: LedgerAccount,
        amount: Money,
        client_fee: Money,
    ) -> Result<(Self, JournalEntry), Refusal> {
        self.parts.held = self.parts.held.plus(amount)?;
        self.parts.client_fee_open = self.parts.client_fee_open.plus(client_fee)?;
        let entry = entry.moving(source, escrow, amount).moving(source, LedgerAccount::FeeRevenue, client_fee);
        Ok((self, entry))
    }

    /// `gross` goes to the freelancer's account, less our fee. The fees of several releases add up
    /// to the fee of their sum.
    pub fn release(
        mut self,
        entry: JournalEntry,
        escrow: LedgerAccount,
        to: LedgerAccount,
        gross: Money,
        rate: Rate,
    ) -> Result<Moved<Share>, Refusal> {
        let client_fee = self.leaves(gross)?;
        let fee_base = self.parts.fee_base.plus(gross)?;
        let fee = fee_base.share(rate).minus_or_zero(self.parts.fee)?.min(gross)?;
        let net = gross.minus(fee)?;
        self.parts.fee_base = fee_base;
        self.parts.fee = self.parts.fee.plus(fee)?;
        self.parts.released_net = self.parts.released_net.plus(net)?;
        self.parts.client_fee_kept = self.parts.client_fee_kept.plus(client_fee)?;
        let entry = entry.moving(escrow, to, net).moving(escrow, LedgerAccount::FeeRevenue, fee);
        Ok((self, entry, Share { net, fee, client_fee }))
    }

    /// What of releases is still pending, and at no bank, is undone: all of it is held again. Our fee for what stays
    /// released stays ours to the cent, whatever fee it is `told` with; answers what was undone.
    pub fn reclaim(
        mut self,
        entry: JournalEntry,
        escrow: LedgerAccount,
        pending: LedgerAccount,
        told: Share,
        rate: Rate,
    ) -> Result<Moved<Share>, Refusal> {
        let stays = self.parts.fee_base.minus_or_zero(self.parts.fee)?.minus_or_zero(told.net)?;
        let for_it = self.parts.fee.minus_or_zero(told.fee)?;
        let is_right = stays.plus(for_it)?.share(rate) == for_it;
        let for_it = if is_right { for_it } else { stays.share_beside(rate)? };
        let fee = self.parts.fee.minus_or_zero(for_it)?;
        let gross = told.net.plus(fee)?;
        let share = Share { fee, client_fee: told.client_fee.in_proportion(gross, told.gross()?), ..told };
        self.parts.released_net = self.parts.released_net.minus(share.net)?;
        self.parts.fee = self.parts.fee.minus(share.fee)?;
        self.parts.fee_base = self.parts.fee_base.minus_or_zero(gross)?;
        self.parts.client_fee_kept = self.parts.client_fee_kept.minus(share.client_fee)?;
        self.parts.client_fee_open = self.parts.client_fee_open.plus(share.client_fee)?;
        self.parts.held = self.parts.held.plus(gross)?;
        let entry = entry.moving(pending, escrow, share.net).moving(LedgerAccount::FeeRevenue, escrow, share.fee);
        Ok((self, entry, share))
    }

    /// What a bank took of a release is in dispute like the rest of it, before that is reclaimed: the fee is reckoned anew
    /// for what is released in the end.
    pub(crate) fn reckoned_anew(mut self, taken: Money) -> Result<Self, MoneyError> {
        self.parts.fee_base = self.parts.fee_base.minus_or_zero(taken)?;
        Ok(self)
    }

    /// `amount` goes back to the client, with its part of the client's fee if that is returned.
    pub fn refund(
        mut self,
        entry: JournalEntry,
        escrow: LedgerAccount,
        to: LedgerAccount,
        amount: Money,
        with_fee: bool,
    ) -> Result<Moved<Refunded>, Refusal> {
        let of_fee = self.leaves(amount)?;
        self.parts.refunded = self.parts.refunded.plus(amount)?;
        let client_fee = if with_fee { of_fee } else { Money::zero(of_fee.currency()) };
        self.parts.client_fee_returned = self.parts.client_fee_returned.plus(client_fee)?;
        self.parts.client_fee_kept = self.parts.client_fee_kept.plus(of_fee.minus(client_fee)?)?;
        let entry = entry.moving(escrow, to, amount).moving(LedgerAccount::FeeRevenue, to, client_fee);
        Ok((self, entry, Refunded { amount, client_fee }))
    }

    /// The freelancer gives released money back. Our fee stays ours.
    pub fn refund_after(
        mut self,
        entry: JournalEntry,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: Money,
    ) -> Result<(Self, JournalEntry), Refusal> {
        enough(self.parts.released_net, amount)?;
        self.parts.released_net = self.parts.released_net.minus(amount)?;
        self.parts.refunded = self.parts.refunded.plus(amount)?;
        Ok((self, entry.moving(from, to, amount)))
    }

    /// The client's bank takes money back, as `bore` has it. What comes out of credit or out of our own
    /// pocket was never in this escrow, so it is no part of the sum.
    pub fn charge_back(
        mut self,
        entry: JournalEntry,
        (escrow, pending, credit): (LedgerAccount, LedgerAccount, LedgerAccount),
        bore: ChargedBack,
    ) -> Result<Moved<ChargedBack>, Refusal> {
        let client_fee = self.leaves(bore.from_escrow)?;
        self.parts.client_fee_kept = self.parts.client_fee_kept.plus(client_fee)?;
        enough(self.parts.released_net, bore.from_pending)?;
        self.parts.released_net = self.parts.released_net.minus(bore.from_pending)?;
        self.parts.charged_back = self.parts.charged_back.plus(bore.from_escrow)?.plus(bore.from_pending)?;
        let entry = entry
            .moving(escrow, LedgerAccount::ProcessorClearing, bore.from_escrow)
            .moving(credit, LedgerAccount::ProcessorClearing, bore.from_credit)
            .moving(pending, LedgerAccount::ProcessorClearing, bore.from_pending)
            .moving(LedgerAccount::Losses, LedgerAccount::ProcessorClearing, bore.lost);
        Ok((self, entry, ChargedBack { client_fee, ..bore }))
    }

    /// The bank gives back what it took: what was held is held again, and the client's fee for it is open again; what was
    /// pending is released again.
    pub fn charge_back_won(
        mut self,
        entry: JournalEntry,
        (escrow, available, credit): (LedgerAccount, LedgerAccount, LedgerAccount),
        bore: ChargedBack,
    ) -> Result<(Self, JournalEntry), Refusal> {
        let clearing = LedgerAccount::ProcessorClearing;
        let back = bore.from_escrow.plus(bore.from_pending)?;
        self.parts.charged_back = self.parts.charged_back.minus(back)?;
        self.parts.released_net = self.parts.released_net.plus(bore.from_pending)?;
        self.parts.held = self.parts.held.plus(bore.from_escrow)?;
        self.parts.client_fee_open = self.parts.client_fee_open.plus(bore.client_fee)?;
        self.parts.client_fee_kept = self.parts.client_fee_kept.minus(bore.client_fee)?;
        let entry = entry
            .moving(clearing, escrow, bore.from_escrow)
            .moving(clearing, credit, bore.from_credit)
            .moving(clearing, available, bore.from_pending)
            .moving(clearing, LedgerAccount::Losses, bore.lost);
        Ok((self, entry))
    }

    /// `amount` and its part of the client's fee move on to another escrow: less was funded here,
    /// more there.
    pub fn hand_over(
        mut self,
        mut other: Self,
        entry: JournalEntry,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: Money,
    ) -> Result<(Self, Self, JournalEntry), Refusal> {
        let client_fee = self.leaves(amount)?;
        other.parts.held = other.parts.held.plus(amount)?;
        other.parts.client_fee_open = other.parts.client_fee_open.plus(client_fee)?;
        Ok((self, other, entry.moving(from, to, amount)))
    }

    /// Take `amount` out of what is held, and answer the client's fee that was paid for it. The
    /// last cent held takes along the last cent of the fee.
    fn leaves(&mut self, amount: Money) -> Result<Money, Refusal> {
        enough(self.parts.held, amount)?;
        let client_fee = self.parts.client_fee_open.in_proportion(amount, self.parts.held);
        self.parts.held = self.parts.held.minus(amount)?;
        self.parts.client_fee_open = self.parts.client_fee_open.minus(client_fee)?;
        Ok(client_fee)
    }
}

fn enough(available: Money, asked: Money) -> Result<(), Refusal> {
    if available.covers(asked)? { Ok(()) } else { Err(Refusal::Insufficient { available, asked }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::{Id, MilestoneId, OrganizationId, UserId};
    use crate::ledger::Reason;

    fn usd(cents: i64) -> Money {
        Money::usd(cents).unwrap()
    }

    fn accounts() -> (LedgerAccount, LedgerAccount, LedgerAccount) {
        let one = Uuid::from_u128(1);
        (
            LedgerAccount::Escrow(MilestoneId::from_uuid(one)),
            LedgerAccount::Pending(UserId::from_uuid(one)),
            LedgerAccount::ClientCredit(OrganizationId::from_uuid(one)),
        )
    }

    fn entry() -> JournalEntry {
        JournalEntry::new(Reason::Fund, "test")
    }

    fn funded(cents: i64, fee: i64) -> Escrow {
        let (account, ..) = accounts();
        let source = LedgerAccount::ProcessorClearing;
        Escrow::empty(Currency::Usd).fund(entry(), account, source, usd(cents), usd(fee)).unwrap().0
    }

    fn five_percent() -> Rate {
        Rate::basis_points_of(500).unwrap()
    }

    #[test]
    fn more_than_is_held_can_neither_be_released_nor_refunded() {
        let (account, pending, credit) = accounts();
        let escrow = funded(1_000, 30);
        let short = Refusal::Insufficient { available: usd(1_000), asked: usd(1_001) };
        let release = escrow.release(entry(), account, pending, usd(1_001), five_percent());
        assert_eq!(release.unwrap_err(), short);
        assert_eq!(escrow.refund(entry(), account, credit, usd(1_001), true).unwrap_err(), short);
        assert_eq!(
            escrow.refund_after(entry(), pending, credit, usd(1)).unwrap_err(),
            Refusal::Insufficient { available: usd(0), asked: usd(1) }
        );
    }

    #[test]
    fn what_a_chargeback_takes_and_gives_back_leaves_the_sum_as_it_was() {
        let (account, pending, credit) = accounts();
        let available = LedgerAccount::Available(UserId::from_uuid(Uuid::from_u128(1)));
        let (escrow, ..) = funded(1_000, 30).release(entry(), account, pending, usd(600), five_percent()).unwrap();
        let nothing = ChargedBack::nothing(Currency::Usd);
        let bore = ChargedBack {
            from_escrow: usd(400),
            from_credit: usd(5),
            from_pending: usd(570),
            lost: usd(55),
            ..nothing
        };
        assert_eq!(bore.total(), Ok(usd(1_030)));
        let (after, moved, bore) = escrow.charge_back(entry(), (account, pending, credit), bore).unwrap();
        assert_eq!(after.parts().charged_back, usd(970));
        assert_eq!(after.funded(), Ok(usd(1_000)));
        assert_eq!(moved.effect_on(LedgerAccount::ProcessorClearing, Currency::Usd), 1_030);
        assert_eq!(moved.effect_on(LedgerAccount::Losses, Currency::Usd), -55);
        assert_eq!(moved.effect_on(credit, Currency::Usd), -5);
        // Of the client's fee of 30 the release earned 18, and the chargeback the rest.
        assert_eq!((bore.client_fee, after.parts().client_fee_kept), (usd(12), usd(30)));
        let (won, back) = after.charge_back_won(entry(), (account, available, credit), bore).unwrap();
        let EscrowParts { client_fee_open, client_fee_kept, .. } = *won.parts();
        assert_eq!((client_fee_open, client_fee_kept), (usd(12), usd(18)));
        assert_eq!((won.parts().charged_back, won.parts().released_net), (usd(0), usd(570)));
        assert_eq!((won.held(), won.funded()), (usd(400), Ok(usd(1_000))));
        let effects = [account, credit, available, LedgerAccount::Losses].map(|of| back.effect_on(of, Currency::Usd));
        assert_eq!(effects, [400, 5, 570, 55]);
        let more = ChargedBack { from_escrow: usd(401), ..ChargedBack::nothing(Currency::Usd) };
        assert!(escrow.charge_back(entry(), (account, pending, credit), more).is_err());
    }

    #[test]
    fn a_whole_refund_gives_the_whole_client_fee_back_even_in_parts() {
        let (account, _, credit) = accounts();
        let mut escrow = funded(1_000, 31);
        let mut back = 0;
        for cents in [1, 332, 333, 334] {
            let (after, moved, refunded) = escrow.refund(entry(), account, credit, usd(cents), true).unwrap();
            assert_eq!(moved.effect_on(credit, Currency::Usd), cents + refunded.client_fee.minor());
            back += refunded.client_fee.minor();
            escrow = after;
        }
        assert_eq!((back, escrow.held()), (31, usd(0)));
    }

    #[test]
    fn parts_of_two_currencies_are_not_an_escrow() {
        let mut parts = *funded(10, 1).parts();
        parts.fee = Money::zero(Currency::Pkr);
        assert!(Escrow::try_from(parts).is_err());
    }

    /// Moves rolled by dice, each with an amount that may be too much.
    fn moves() -> impl Strategy<Value = Vec<(u8, i64)>> {
        prop::collection::vec((0u8..7, 0i64..3_000), 1..30)
    }

    proptest! {
        #[test]
        fn fees_of_parts_add_up_to_the_fee_of_the_whole(
            cents in prop::collection::vec(1i64..100_000, 1..12), bp in 0u16..=10_000,
        ) {
            let (account, pending, _) = accounts();
            let rate = Rate::basis_points_of(bp).unwrap();
            let total: i64 = cents.iter().sum();
            let mut escrow = funded(total, 0);
            for &part in &cents {
                let (after, moved, share) = escrow.release(entry(), account, pending, usd(part), rate).unwrap();
                prop_assert_eq!(share.gross(), Ok(usd(part)));
                prop_assert_eq!(moved.effect_on(account, Currency::Usd), -part);
                escrow = after;
            }
            prop_assert_eq!(escrow.parts().fee, usd(total).share(rate));
            prop_assert!(escrow.held().is_zero());
        }

        #[test]
        fn whatever_happens_no_cent_is_lost(start in 0i64..5_000, fee in 0i64..200, moves in moves(), bp in 0u16..=10_000) {
            let (account, pending, credit) = accounts();
            let rate = Rate::basis_points_of(bp).unwrap();
            let mut escrow = funded(start, fee);
            let (mut put_in, mut in_pending, mut fee_paid) = (start, 0, fee);
            let mut shares = Vec::new();
            for (kind, cents) in moves {
                let before = escrow;
                let amount = usd(cents);
                let outcome = match kind {
                    0 => escrow
                        .fund(entry(), account, LedgerAccount::ProcessorClearing, amount, usd(cents / 33))
                        .inspect(|_| { put_in += cents; fee_paid += cents / 33 }),
                    1 | 2 => escrow.release(entry(), account, pending, amount, rate).map(|(after, moved, share)| {
                        shares.push(share);
                        (after, moved)
                    }),
                    3 => match shares.pop() {
                        Some(share) if share.net.minor() <= in_pending && share.net.minor() <= escrow.parts().released_net.minor() =>
                            escrow.reclaim(entry(), account, pending, share, rate).map(|(after, moved, _)| (after, moved)),
                        _ => continue,
                    },
                    4 => escrow.refund(entry(), account, credit, amount, cents % 2 == 0).map(|(after, moved, _)| (after, moved)),
                    5 if cents <= in_pending => escrow.refund_after(entry(), pending, credit, amount),
                    5 => continue,
                    _ => {
                        let from_escrow = amount.min(escrow.held()).unwrap();
                        let from_pending = amount.minus(from_escrow).unwrap().min(usd(in_pending)).unwrap();
                        let bore = ChargedBack { from_escrow, from_pending, ..ChargedBack::nothing(Currency::Usd) };
                        escrow.charge_back(entry(), (account, pending, credit), bore).map(|(escrow, entry, _)| (escrow, entry))
                    }
                };
                let Ok((after, moved)) = outcome else { continue };
                // The entry says the same as the parts, and the equation holds.
                let held = after.held().minor() - before.held().minor();
                prop_assert_eq!(moved.effect_on(account, Currency::Usd), held);
                let net = after.parts().released_net.minor() - before.parts().released_net.minor();
                prop_assert_eq!(moved.effect_on(pending, Currency::Usd), net);
                in_pending += net;
                prop_assert_eq!(after.funded(), Ok(usd(put_in)));
                let parts = after.parts();
                let client_fee = [parts.client_fee_open, parts.client_fee_kept, parts.client_fee_returned];
                prop_assert_eq!(Money::sum(Currency::Usd, client_fee), Ok(usd(fee_paid)));
                if after.held().is_zero() && !before.held().is_zero() {
                    prop_assert!(parts.client_fee_open.is_zero());
                }
                escrow = after;
            }
        }
    }
}
