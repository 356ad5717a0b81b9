//! A client's bank takes money back, and may give it back again.
//!
//! What is taken is the money of the payment in question, and no other: what is held of it first, here and wherever
//! it was handed on to or paid for by way of the client's credit; then what is left of it in that credit; then what of
//! it is still pending for a freelancer, if the terms have it so; and then our own.

use serde::{Deserialize, Serialize};

use super::{EarlyChargeback, Hold, Kind, Milestone, Source, State};
use crate::Timestamp;
use crate::access::{Actor, Verb};
use crate::bearer::make_up_itself;
use crate::change::Change;
use crate::escrow::{ChargedBack, Share};
use crate::event::Event;
use crate::id::PaymentId;
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Currency, Money, MoneyError};
use crate::outage::Span;
use crate::refusal::Refusal;

/// What a client's bank takes back.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// Of which payment.
    pub payment: PaymentId,
    /// The processor's name for it; it makes a repeat harmless.
    pub reference: &'a str,
    /// How much.
    pub amount: Money,
}

/// A chargeback that was acted on, and what it took here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chargeback {
    /// The processor's name for it.
    pub reference: String,
    /// The payment it takes back.
    pub payment: PaymentId,
    /// What it took, and from whom.
    pub bore: ChargedBack,
    /// What else it took, of other milestones that had some of this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Money>,
    /// Did the bank give it back?
    pub won: bool,
    /// What of it the freelancer should have had before; theirs, if the bank gives it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Money>,
    /// What the freelancer still owes of a fee for arbitration, out of what is theirs should a bank give it back. It is
    /// owed once: the same stands at each chargeback, and becomes less at all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// What it took of holds. It would have been the freelancer's for good when they were over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of_holds: Vec<OfHold>,
    /// What of it the bank gave back, though it keeps the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_part: Option<InPart>,
}

/// What a bank gave back of what it took, though it keeps the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPart {
    /// How much; it is in the books as what we lost less.
    pub amount: Money,
    /// What of that made up for what we bore.
    pub made_up: Money,
}

/// What a bank took out of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfHold {
    /// When it would have been available.
    pub releases_at: Timestamp,
    /// How much, after our fee.
    pub amount: Money,
    /// Our fee for it, which no bank took; it is ours unless what it is for is held again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// The client's fee for both, which is earned unless they are held again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_fee: Option<Money>,
}

/// What a chargeback may reach beside the thing its payment was for.
#[derive(Debug, Clone)]
pub struct Reach {
    /// What is left of the payment in the client's credit.
    pub credit: Money,
    /// The client's milestones that may hold money of the payment.
    pub milestones: Vec<Milestone>,
}

/// How a chargeback falls: on the thing itself, with the credit and what nothing covers, and on each of the others.
pub(crate) struct Spread {
    pub own: ChargedBack,
    pub others: Vec<ChargedBack>,
}

impl Reach {
    /// Nothing but the thing itself.
    pub fn nothing(currency: Currency) -> Self {
        Self { credit: Money::zero(currency), milestones: Vec::new() }
    }
}

impl Spread {
    /// Let a chargeback fall on what is held, `own` of it in the thing itself; on what is left of the payment in the
    /// `credit`; and on what is pending.
    pub(crate) fn over(own: Money, others: &[Milestone], credit: Money, taken: &Taken<'_>) -> Result<Self, MoneyError> {
        let (currency, mut left) = (taken.amount.currency(), taken.amount);
        let mut take = |there: Money| {
            let part = left.min(there)?;
            left = left.minus(part)?;
            Ok::<_, MoneyError>(part)
        };
        let nothing = ChargedBack::nothing(currency);
        let mut own = ChargedBack { from_escrow: take(own)?, ..nothing };
        let mut bear = Vec::new();
        for milestone in others {
            bear.push(ChargedBack {
                from_escrow: take(milestone.sources.held_of(taken.payment, currency))?,
                ..nothing
            });
        }
        own.from_credit = take(credit)?;
        for (milestone, bore) in others.iter().zip(&mut bear) {
            bore.from_pending = take(milestone.pending_of(taken.payment)?)?;
        }
        own.lost = left;
        Ok(Self { own, others: bear })
    }
}

/// Was this chargeback acted on? One whose payment has not come is known once it waits for that.
pub(crate) fn is_known(reference: &str, came: bool, acted_on: &[Chargeback], early: &[EarlyChargeback]) -> bool {
    let waits = !came && early.iter().any(|known| known.reference == reference);
    waits || acted_on.iter().any(|known| known.reference == reference)
}

impl Milestone {
    /// The client's bank takes back `amount` of `payment`, and nothing else of the client's is reached.
    pub fn charge_back(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
        amount: Money,
    ) -> Result<Change<Self>, Refusal> {
        let taken = Taken { payment, reference, amount };
        let change = self.clone().charge_back_reaching(Reach::nothing(amount.currency()), actor, now, &taken)?;
        Ok(change.map(|mut milestones| if milestones.is_empty() { self } else { milestones.remove(0) }))
    }

    /// The client's bank takes money of a payment for this milestone back. Answers this milestone and then
    /// those that were in reach. A chargeback that comes before its payment waits for it.
    ///
    /// While some of its money is left the work goes on with that; a milestone that lost all of it ends. Nobody works for,
    /// or is asked to judge, what is gone: where parts that were approved before are still on their way, it counts as
    /// approved until they are there.
    pub fn charge_back_reaching(
        self,
        reach: Reach,
        actor: &Actor,
        now: Timestamp,
        taken: &Taken<'_>,
    ) -> Result<Change<Vec<Self>>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        let Reach { credit, mut milestones } = reach;
        let Taken { payment, reference, amount } = *taken;
        let came = self.payments.contains(&payment);
        let known = is_known(reference, came, &self.chargebacks, &self.early_chargebacks);
        milestones.insert(0, self);
        let Some(own) = milestones.first().filter(|_| !known) else { return Ok(Change::none(milestones)) };
        if !came {
            let mut next = own.clone();
            next.early_chargebacks.push(EarlyChargeback { payment, reference: reference.to_owned(), amount });
            let waits = own.becomes(next);
            return Ok(waits.map(|own| {
                milestones[0] = own;
                milestones
            }));
        }
        let Spread { own, mut others } = Spread::over(Money::zero(amount.currency()), &milestones, credit, taken)?;
        if let Some(first) = others.first_mut() {
            (first.from_credit, first.lost) = (own.from_credit, own.lost);
        }
        let mut all = Change::none(Vec::new());
        for (place, (milestone, bore)) in milestones.into_iter().zip(others).enumerate() {
            let told = if place == 0 { amount } else { bore.total()? };
            let change = milestone.loses(now, taken, bore, told)?;
            all = all.and(change).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        Ok(all)
    }

    /// Its part of a chargeback.
    pub(crate) fn loses(
        self,
        now: Timestamp,
        taken: &Taken<'_>,
        bore: ChargedBack,
        told: Money,
    ) -> Result<Change<Self>, Refusal> {
        if told.is_zero() {
            return Ok(Change::none(self));
        }
        let mut next = self.clone();
        next.sources.lose_held(taken.payment, bore.from_escrow)?;
        next.sources.lose_released(taken.payment, bore.from_pending)?;
        let accounts = (self.escrow_account(), self.pending_account(), self.credit_account());
        let (escrow, entry, bore) = self.escrow.charge_back(self.entry(Reason::Chargeback), accounts, bore)?;
        let entry = entry.all_came_with(self.credit_account(), taken.payment);
        next.early_chargebacks.retain(|early| early.reference != taken.reference);
        next.escrow = escrow;
        let of_holds;
        (next.holds, of_holds) = shrink(&self.holds, taken.payment, bore.from_pending)?;
        let reference = taken.reference.to_owned();
        let elsewhere = Some(told.minus(bore.total()?)?).filter(|elsewhere| !elsewhere.is_zero());
        next.chargebacks.push(Chargeback { of_holds, elsewhere, ..Chargeback::of(reference, taken.payment, bore) });
        let hit = !(bore.from_escrow.is_zero() && bore.from_pending.is_zero() && bore.lost.is_zero());
        // Money that was credit from the beginning was never this milestone's to lose.
        let its_own = next.sources.of(Some(taken.payment)).is_some();
        if hit && its_own {
            next.ends_without_money(now)?;
        }
        let event = Event::MilestoneChargedBack { milestone: self.id, amount: told, lost: bore.lost };
        Ok(self.becomes(next).posting(entry).telling(event))
    }

    /// Nothing is held any more since banks took it: work stops at once, with its clocks. What was approved before goes its
    /// way; without any such part it is over.
    pub(super) fn ends_without_money(&mut self, now: Timestamp) -> Result<(), MoneyError> {
        if !self.escrow.held().is_zero() {
            return Ok(());
        }
        let whole = self.taken_whole()?;
        let (since, from) = match &self.state {
            // These wait for money anew.
            State::Proposed { .. } | State::Agreed { .. } | State::Funding { .. } | State::Cancelled { .. } => {
                return Ok(());
            }
            State::Approved { .. } if !self.holds.is_empty() => return Ok(()),
            // Where work stood when the first bank took its money is where it goes on.
            State::ChargedBack { .. } => return Ok(()),
            State::Funded { .. }
            | State::Submitted { .. }
            | State::ChangesRequested { .. }
            | State::RefundRequested { .. }
            | State::Dormant { .. } => (now, Some(Box::new(self.state.clone()))),
            State::Disputed { since, resume, .. } => {
                (now, Some(Box::new(resume.later(Span { from: *since, until: now }))))
            }
            State::Approved { approved_at, from: Some(from), .. } => (*approved_at, Some(from.clone())),
            // What a dispute divided stays divided.
            State::Approved { settled: true, .. } if !self.escrow.parts().refunded.is_zero() => {
                let split = State::Split { settled_at: now };
                if !whole {
                    self.state = split;
                    return Ok(());
                }
                (now, Some(Box::new(split)))
            }
            State::Approved { .. } if !whole && !self.escrow.parts().released_net.is_zero() => {
                self.state = State::Released { released_at: now };
                return Ok(());
            }
            State::Approved { .. } => (now, None),
            // What was decided about the rest of its money stands until banks have all of it.
            State::Released { .. } | State::Refunded { .. } | State::Split { .. } | State::RefundedAfter { .. } => {
                if !whole {
                    return Ok(());
                }
                (now, Some(Box::new(self.state.clone())))
            }
        };
        self.state = match self.last_hold_over() {
            Some(releases_at) => {
                State::Approved { approved_at: since, releases_at, automatic: false, settled: false, from }
            }
            None => State::ChargedBack { charged_back_at: since, from },
        };
        Ok(())
    }

    /// The bank gives a chargeback back. What it took is put where it is right: into escrow again if work on it goes on
    /// or can (`goes_on` if its contract does), or was handed in by then; to the freelancer, as far as it would be
    /// theirs already had the bank not taken it; and otherwise to the client's credit. What was pending is available to
    /// the freelancer, and what we bore is ours. One that is told before the chargeback itself makes that harmless.
    pub fn charge_back_won(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
        goes_on: bool,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        let Some(place) = self.chargebacks.iter().position(|known| known.reference == reference) else {
            let mut next = self.clone();
            next.early_chargebacks.retain(|early| early.reference != reference);
            next.chargebacks.push(Chargeback::undone(reference, payment, self.amount.currency()));
            return Ok(self.becomes(next));
        };
        let Chargeback { owed, fee, won, .. } = self.chargebacks[place];
        if won {
            return Ok(Change::none(self));
        }
        let (bore, in_part) = self.chargebacks[place].as_if_kept_whole()?;
        let mut next = self.clone();
        (next.chargebacks[place].won, next.chargebacks[place].bore) = (true, bore);
        let (account, available, credit) =
            (self.escrow_account(), LedgerAccount::Available(self.freelancer), self.credit_account());
        let entry = self.entry(Reason::ChargebackWon);
        let (mut escrow, entry) = self.escrow.charge_back_won(entry, (account, available, credit), bore)?;
        let mut entry = entry.all_came_with(credit, payment);
        next.sources.regain(payment, bore.from_escrow, bore.from_pending)?;
        let mut arbitration = self.entry(Reason::ArbitrationFee);
        let mut back = |amount: Money, with_fee: bool| {
            let refunded;
            (escrow, entry, refunded) = escrow.refund(entry.clone(), account, credit, amount, with_fee)?;
            next.sources.lose_held(payment, refunded.amount)?;
            entry = entry.clone().all_came_with(credit, payment);
            Ok::<_, Refusal>(())
        };
        if let Some(state) = self.takes_back(now, goes_on) {
            // It may have been paid for anew meanwhile.
            back(self.beyond_its_worth(&bore)?, true)?;
            // What ended without its money goes on with it alone.
            if !(escrow.held().is_zero() && self.is_without_money()) {
                next.state = state;
            }
        } else if !bore.from_escrow.is_zero() {
            let theirs = owed.unwrap_or(Money::zero(self.amount.currency())).min(bore.from_escrow)?;
            back(bore.from_escrow.minus(theirs)?, self.terms.client_fee_returned)?;
            let share;
            (escrow, entry, share) = escrow.release(entry, account, available, theirs, self.fee_rate())?;
            next.sources.release_of(payment, theirs)?;
            if let Some(fee) = fee {
                let paid = fee.min(share.net)?;
                arbitration = arbitration.moving(available, LedgerAccount::FeeRevenue, paid);
                next.owes_fee(fee.minus(paid)?);
            }
        }
        next.escrow = escrow;
        let whole = next.taken_whole()?;
        match &next.state {
            // It had ended otherwise before banks had all of its money, as they still have…
            State::ChargedBack { from: Some(from), .. } if whole && from.status().is_terminal() => (),
            // …or have no more.
            State::ChargedBack { from: Some(from), .. } if from.status().is_terminal() => {
                next.state = (**from).clone();
            }
            State::ChargedBack { from, .. }
                if !escrow.parts().released_net.is_zero() && (from.is_none() || next.at_banks()?.is_zero()) =>
            {
                next.state = State::Released { released_at: now };
            }
            _ => (),
        }
        let amount = bore.total()?;
        let event = Event::MilestoneChargebackWon { milestone: self.id, amount };
        let change = self.becomes(next).posting(entry).posting(in_part).posting(arbitration).telling(event);
        let change = make_up_itself(change)?;
        match change.next.state {
            // It had been approved, and was in dispute when the bank took it.
            State::Approved { releases_at, .. } if !escrow.held().is_zero() => {
                change.then(|milestone| milestone.release_until(now, escrow.held(), releases_at, false))
            }
            _ => Ok(change),
        }
    }

    /// So much that the freelancer should have had, be it that all was approved or that a dispute said so, was not there
    /// because banks had taken it: it is theirs should one give it back.
    pub(super) fn owes(&mut self, missing: Option<Money>) -> Result<(), MoneyError> {
        let mut left = missing;
        for Chargeback { bore, owed, .. } in self.chargebacks.iter_mut().filter(|known| !known.won) {
            let part = left.map_or(Ok(bore.from_escrow), |left| left.min(bore.from_escrow))?;
            left = left.map(|left| left.minus(part)).transpose()?;
            *owed = Some(part);
        }
        Ok(())
    }

    /// So much of a fee for arbitration the award did not bring the freelancer, since banks had taken it: it comes out of
    /// what is theirs should one give it back.
    pub(crate) fn owes_fee(&mut self, lacking: Money) {
        let at_banks = self.chargebacks.iter_mut().filter(|known| !known.won && known.owed.is_some());
        at_banks.for_each(|known| known.fee = Some(lacking).filter(|fee| !fee.is_zero()));
    }

    /// Have banks all of the money that came here, whoever bore it? A payment that was credit from the beginning did not.
    /// Of a payment for this what was handed on is reckoned with what banks took elsewhere: what we bore for that, too, is
    /// kept here.
    fn taken_whole(&self) -> Result<bool, MoneyError> {
        let came_here = |known: &&Chargeback| !known.won && self.sources.of(Some(known.payment)).is_some();
        let mut taken = Money::zero(self.amount.currency());
        for Chargeback { bore, elsewhere, .. } in self.chargebacks.iter().filter(came_here) {
            taken = taken.plus(bore.total()?)?.plus(elsewhere.unwrap_or(Money::zero(self.amount.currency())))?;
        }
        let own = |source: &&Source| source.payment.is_some_and(|payment| self.payments.contains(&payment));
        let handed_on = self.sources.all().iter().filter(own).filter_map(|source| source.handed_on);
        taken.covers(self.escrow.funded()?.plus(Money::sum(self.amount.currency(), handed_on)?)?)
    }

    /// What banks took of what was held here, and have not given back.
    pub(super) fn at_banks(&self) -> Result<Money, MoneyError> {
        let taken = self.chargebacks.iter().filter(|known| !known.won).map(|known| known.bore.from_escrow);
        Money::sum(self.amount.currency(), taken)
    }

    /// What was pending is in dispute and held again, and so is what banks took of it, should they give that back; but
    /// what would have been the freelancer's for good by now. Answers what no bank has of that, which is ours: the fees
    /// for it.
    pub(super) fn holds_again(&mut self, now: Timestamp) -> Result<Share, MoneyError> {
        let zero = Money::zero(self.amount.currency());
        let mut ours = Share { net: zero, fee: zero, client_fee: zero };
        for Chargeback { bore, of_holds, .. } in self.chargebacks.iter_mut().filter(|known| !known.won) {
            let still_held = of_holds.iter().filter(|part| part.releases_at > now).map(|part| part.amount);
            let of_pending = Money::sum(bore.from_pending.currency(), still_held)?.min(bore.from_pending)?;
            // With the client's fee for it, which would be open again like that of the rest.
            for part in of_holds.iter().filter(|part| part.releases_at > now) {
                let (fee, client_fee) = (part.fee.unwrap_or(zero), part.client_fee.unwrap_or(zero));
                let with_it = client_fee.in_proportion(part.amount, part.amount.plus(fee)?);
                bore.client_fee = bore.client_fee.plus(with_it)?;
                ours = ours.plus(&Share { net: zero, fee, client_fee: client_fee.minus(with_it)? })?;
            }
            of_holds.retain(|part| part.releases_at <= now);
            bore.from_pending = bore.from_pending.minus(of_pending)?;
            bore.from_escrow = bore.from_escrow.plus(of_pending)?;
            self.escrow = self.escrow.reckoned_anew(of_pending)?;
        }
        Ok(ours)
    }

    /// How much of what a bank gives back to escrow is more than the work is worth: the client paid for it anew.
    fn beyond_its_worth(&self, bore: &ChargedBack) -> Result<Money, MoneyError> {
        let parts = self.escrow.parts();
        let paid = [parts.held, parts.released_net, parts.fee, parts.charged_back];
        Money::sum(self.amount.currency(), paid)?.minus_or_zero(self.amount)?.min(bore.from_escrow)
    }

    /// What we bore by chargebacks of a payment for it.
    pub fn lost_by(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        lost_by(&self.chargebacks, payment, self.amount.currency())
    }

    /// So much of what we bore by chargebacks of a payment is made up for by a refund of it that did not get there.
    pub fn made_up(self, actor: &Actor, payment: PaymentId, amount: Money) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        if amount.is_zero() {
            return Ok(Change::none(self));
        }
        let next = Self { chargebacks: made_up(&self.chargebacks, payment, amount)?, ..self.clone() };
        Ok(self.becomes(next))
    }

    /// A bank that keeps what it took of a payment for it gives `amount` of that back all the same. It makes up for
    /// what we bore; what our people had booked `by_hand` before it was heard of does not once more.
    pub fn given_in_part(self, actor: &Actor, taken: &Taken<'_>, by_hand: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::MilestoneChargeBack)?;
        match given_in_part(&self.chargebacks, taken, by_hand)? {
            Some(chargebacks) => {
                let next = Self { chargebacks, ..self.clone() };
                Ok(self.becomes(next))
            }
            None => Ok(Change::none(self)),
        }
    }

    /// Did this chargeback take something here that was not given back?
    pub fn lost_to(&self, reference: &str) -> bool {
        self.chargebacks.iter().any(|known| known.reference == reference && !known.won)
    }

    /// The state in which money comes back into escrow now, if it can. What was handed in is judged, whatever became of
    /// the contract; other work goes on if that does.
    fn takes_back(&self, now: Timestamp, goes_on: bool) -> Option<State> {
        match &self.state {
            State::Funded { .. }
            | State::Submitted { .. }
            | State::ChangesRequested { .. }
            | State::RefundRequested { .. }
            | State::Disputed { .. }
            | State::Dormant { .. } => Some(self.state.clone()),
            State::ChargedBack { .. } if self.contract.is_none() || self.kind != Kind::Work => None,
            State::ChargedBack { charged_back_at: since, from: Some(from) }
            | State::Approved { approved_at: since, from: Some(from), .. }
                if !from.status().is_terminal() && (goes_on || self.submissions > 0) =>
            {
                Some(from.later(Span { from: *since, until: now }))
            }
            State::ChargedBack { .. }
            | State::Proposed { .. }
            | State::Agreed { .. }
            | State::Funding { .. }
            | State::Approved { .. }
            | State::Released { .. }
            | State::Refunded { .. }
            | State::Split { .. }
            | State::RefundedAfter { .. }
            | State::Cancelled { .. } => None,
        }
    }

    /// Did its work end, since banks took all that was held?
    fn is_without_money(&self) -> bool {
        matches!(self.state, State::ChargedBack { .. } | State::Approved { from: Some(_), .. })
    }

    /// How much of what came with this payment is pending, and may be taken.
    fn pending_of(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        let currency = self.amount.currency();
        if !self.terms.chargeback_takes_pending {
            return Ok(Money::zero(currency));
        }
        let released = self.sources.of(Some(payment)).map_or(Money::zero(currency), |source| source.released);
        let came_with = self.holds.iter().flat_map(|hold| &hold.came_with);
        let pending = came_with.filter(|(with, _)| *with == Some(payment)).map(|(_, part)| *part);
        Money::sum(currency, pending)?.min(released)?.min(self.escrow.parts().released_net)
    }
}

/// What we bore by chargebacks of a payment, as far as its bank has not given it back.
pub(crate) fn lost_by(chargebacks: &[Chargeback], payment: PaymentId, currency: Currency) -> Result<Money, MoneyError> {
    let stand = chargebacks.iter().filter(|known| known.payment == payment && !known.won);
    Money::sum(currency, stand.map(|known| known.bore.lost))
}

/// Money that a bank took, and that we bore, was still on its way to the card, and did not get there: it is the
/// client's credit that was taken, and not ours.
pub(crate) fn made_up(
    chargebacks: &[Chargeback],
    payment: PaymentId,
    amount: Money,
) -> Result<Vec<Chargeback>, MoneyError> {
    let mut left = amount;
    let mut known = chargebacks.to_vec();
    for Chargeback { bore, .. } in known.iter_mut().filter(|known| known.payment == payment && !known.won) {
        let part = left.min(bore.lost)?;
        left = left.minus(part)?;
        bore.lost = bore.lost.minus(part)?;
        bore.from_credit = bore.from_credit.plus(part)?;
    }
    if left.is_zero() { Ok(known) } else { Err(MoneyError::Negative) }
}

/// These chargebacks, when a bank gives back of one as much as is `taken`, and keeps the rest: it makes up for what we
/// bore of that one first. None if that is known, or if all of it was given back.
pub(crate) fn given_in_part(
    chargebacks: &[Chargeback],
    taken: &Taken<'_>,
    by_hand: bool,
) -> Result<Option<Vec<Chargeback>>, MoneyError> {
    let Taken { payment, reference, amount } = *taken;
    let is_it = |known: &Chargeback| known.payment == payment && known.reference == reference;
    let Some(place) = chargebacks.iter().position(is_it) else { return Ok(None) };
    if chargebacks[place].won || chargebacks[place].in_part.is_some() {
        return Ok(None);
    }
    let nothing = Money::zero(amount.currency());
    let made_up_for = if by_hand { nothing } else { lost_by(chargebacks, payment, amount.currency())?.min(amount)? };
    let mut known = chargebacks.to_vec();
    let bore = &mut known[place].bore;
    let own = made_up_for.min(bore.lost)?;
    (bore.lost, bore.from_credit) = (bore.lost.minus(own)?, bore.from_credit.plus(own)?);
    let mut known = made_up(&known, payment, made_up_for.minus(own)?)?;
    known[place].in_part = Some(InPart { amount, made_up: made_up_for });
    Ok(Some(known))
}

impl Chargeback {
    /// What it took, and from whom, were nothing of it given back before the whole; and the entry that takes out of the
    /// books again what was. What made up for what we bore was the client's by then, so it is no credit of theirs now.
    pub(crate) fn as_if_kept_whole(&self) -> Result<(ChargedBack, JournalEntry), MoneyError> {
        let nothing = Money::zero(self.bore.lost.currency());
        let InPart { amount, made_up } = self.in_part.unwrap_or(InPart { amount: nothing, made_up: nothing });
        let part = made_up.min(self.bore.from_credit)?;
        let (from_credit, lost) = (self.bore.from_credit.minus(part)?, self.bore.lost.plus(part)?);
        let key = format!("{}:{}:given_back:won", self.payment, self.reference);
        let entry = JournalEntry::new(Reason::ChargebackWon, key).moving(
            LedgerAccount::Losses,
            LedgerAccount::ProcessorClearing,
            amount,
        );
        Ok((ChargedBack { from_credit, lost, ..self.bore }, entry))
    }

    /// Those that came before their payment, all of which became the client's credit: what they take of
    /// that together, and each.
    pub(crate) fn of_credit(
        payment: PaymentId,
        received: Money,
        early: &[EarlyChargeback],
    ) -> Result<(ChargedBack, Vec<Self>), MoneyError> {
        let mut all = ChargedBack::nothing(received.currency());
        let mut each = Vec::new();
        let mut left = received;
        for EarlyChargeback { reference, amount, .. } in early {
            let from_credit = left.min(*amount)?;
            let bore = ChargedBack {
                from_credit,
                lost: amount.minus(from_credit)?,
                ..ChargedBack::nothing(received.currency())
            };
            left = left.minus(from_credit)?;
            all.from_credit = all.from_credit.plus(bore.from_credit)?;
            all.lost = all.lost.plus(bore.lost)?;
            each.push(Self::of(reference.clone(), payment, bore));
        }
        Ok((all, each))
    }

    /// One that was given back before it was heard of.
    pub(crate) fn undone(reference: &str, payment: PaymentId, currency: Currency) -> Self {
        let bore = ChargedBack::nothing(currency);
        Self { won: true, ..Self::of(reference.to_owned(), payment, bore) }
    }

    /// One that was acted on just now.
    pub(crate) fn of(reference: String, payment: PaymentId, bore: ChargedBack) -> Self {
        let of_holds = Vec::new();
        Self { reference, payment, bore, elsewhere: None, won: false, owed: None, fee: None, of_holds, in_part: None }
    }
}

/// What is left of the holds when a bank takes `amount` out of what came with a payment, from the last of them; and
/// what it took, by when it would have been available. Our fee and the client's are divided alike.
fn shrink(holds: &[Hold], payment: PaymentId, amount: Money) -> Result<(Vec<Hold>, Vec<OfHold>), Refusal> {
    let (mut left, mut taken_of) = (amount, Vec::new());
    let mut kept = Vec::new();
    for hold in holds.iter().rev() {
        let mut hold = hold.clone();
        let before = hold.share;
        for (_, part) in hold.came_with.iter_mut().filter(|(with, _)| *with == Some(payment)) {
            let taken = left.min(*part)?;
            (left, *part) = (left.minus(taken)?, part.minus(taken)?);
            hold.share.net = hold.share.net.minus(taken)?;
        }
        let taken = before.net.minus(hold.share.net)?;
        if !taken.is_zero() {
            let fee = before.fee.in_proportion(taken, before.net);
            let client_fee = before.client_fee.in_proportion(taken.plus(fee)?, before.gross()?);
            hold.share.fee = before.fee.minus(fee)?;
            hold.share.client_fee = before.client_fee.minus(client_fee)?;
            let (releases_at, amount) = (hold.releases_at, taken);
            taken_of.push(OfHold { releases_at, amount, fee: Some(fee), client_fee: Some(client_fee) });
        }
        if taken.is_zero() || !hold.share.net.is_zero() {
            kept.push(hold);
        }
    }
    kept.reverse();
    Ok((kept, taken_of))
}
