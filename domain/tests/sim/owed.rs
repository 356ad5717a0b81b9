//! What is whose. All that was paid in is followed to where it is now, person by person: from the states of what
//! somebody has part in, and held against the books. So money that went to somebody else is missed, though the books
//! balance and each escrow adds up.

use domain::escrow::{Escrow, EscrowParts};
use domain::id::{OrganizationId, PaymentId, UserId};
use domain::ledger::{LedgerAccount, Reason};
use domain::milestone::{Chargeback, Status};
use domain::money::Rate;
use domain::payment::{Refund, RefundState};
use domain::payout::Payout;

use super::outside::For;
use super::world::{CLIENTS, FREELANCERS, World, Wrong, id, usd};

/// Rounding takes half a cent at most each time that a part of it leaves.
const ROUNDED: i64 = 2;

/// Which pots to count: those of a client, of a freelancer, or all.
#[derive(Clone, Copy)]
enum Of {
    Client(OrganizationId),
    Freelancer(UserId),
    Anybody,
}

impl World {
    /// What everybody is owed is there, for each by themselves.
    pub(super) fn check_owed(&self) -> Result<(), Wrong> {
        (1..=FREELANCERS).try_for_each(|user| self.check_earned(id(user)))?;
        (1..=CLIENTS).try_for_each(|client| self.check_spent(id(client)))?;
        self.check_ours()?;
        self.check_fees()
    }

    /// What a freelancer has, or had paid out, is what their work released and they did not give back, less what they
    /// paid for arbitration.
    fn check_earned(&self, user: UserId) -> Result<(), Wrong> {
        let [pending, available] = [LedgerAccount::Pending(user), LedgerAccount::Available(user)];
        let theirs = self.payouts.values().filter(|payout| payout.user == user);
        let out: i64 = theirs.map(|payout| payout_of(payout) - lost_of(payout)).sum();
        let has = self.books.balance(pending) + self.books.balance(available) + out;
        let released: i64 = self.pots(Of::Freelancer(user)).map(|pot| pot.released_net.minor()).sum();
        let corrected = self.corrected(pending) + self.corrected(available);
        let earned = released + corrected + self.books.moved(Reason::ArbitrationFee, available);
        if has == earned { Ok(()) } else { Err(format!("{user} earned {earned}, and has {has}, {out} of it paid out")) }
    }

    /// What a client paid in, and neither its bank nor its cards have again, is its credit, is held for it, or went to
    /// freelancers and to us. What its banks took and we bore is not the client's to miss.
    fn check_spent(&self, client: OrganizationId) -> Result<(), Wrong> {
        let credit = LedgerAccount::ClientCredit(client);
        let mut paid = self.corrected(credit) + self.lost_by(Of::Client(client));
        for (of, payment) in self.outside.payments.iter().filter(|(_, payment)| payment.told) {
            let theirs = match payment.of {
                For::Milestone(of) => self.milestones.get(&of).is_some_and(|milestone| milestone.client == client),
                For::Timesheet(of) => self.timesheets.get(&of).is_some_and(|week| week.client == client),
            };
            if theirs {
                let stands = payment.told_back.iter().filter(|(reference, _)| !payment.told_won.contains(*reference));
                paid += payment.takes - stands.map(|(_, amount)| amount).sum::<i64>() - self.on_card_of(*of);
            }
        }
        let gone = |pot: EscrowParts| {
            let all = [pot.held, pot.released_net, pot.fee, pot.client_fee_open, pot.client_fee_kept];
            all.iter().map(|part| part.minor()).sum::<i64>()
        };
        let spent: i64 = self.pots(Of::Client(client)).map(gone).sum();
        let there = self.books.balance(credit) + spent - self.books.moved(Reason::ArbitrationFee, credit);
        if paid == there { Ok(()) } else { Err(format!("{client} paid {paid}, and {there} of it is to be found")) }
    }

    /// Our revenue is the fees of what was released, those of clients, and what arbitration cost; our losses are what
    /// we bore of chargebacks, of payouts that turned up, and of money that was thought not to have got back to a card.
    fn check_ours(&self) -> Result<(), Wrong> {
        let (revenue, losses) = (LedgerAccount::FeeRevenue, LedgerAccount::Losses);
        let fees = |pot: EscrowParts| pot.fee.minor() + pot.client_fee_open.minor() + pot.client_fee_kept.minor();
        let earned = self.pots(Of::Anybody).map(fees).sum::<i64>()
            + self.books.moved(Reason::ArbitrationFee, revenue)
            + self.corrected(revenue);
        let there = self.books.balance(revenue);
        if earned != there {
            return Err(format!("we earned {earned}, and the books say {there}"));
        }
        let of_payouts: i64 = self.payouts.values().map(lost_of).sum();
        let of_refunds: i64 = self.refunds.values().map(lost_of_refund).sum();
        let lost = self.lost_by(Of::Anybody) + of_payouts + of_refunds - self.corrected(losses);
        let there = -self.books.balance(losses);
        if lost == there { Ok(()) } else { Err(format!("we lost {lost}, and the books say {there}")) }
    }

    /// What a client paid for money that is still held is in proportion to it, so it comes back in proportion; and who
    /// has all of it back has all of the fee back, if the terms have it so. Of what is released we have our share.
    fn check_fees(&self) -> Result<(), Wrong> {
        for milestone in self.milestones.values() {
            let (of, pot, terms) = (milestone.id, *milestone.escrow.parts(), &milestone.terms);
            in_proportion(&of, &milestone.escrow, terms.client_fee, terms.freelancer_fee_of(milestone.kind))?;
            let untouched = milestone.chargebacks.is_empty() && pot.fee_base.is_zero();
            if milestone.status() == Status::Refunded && untouched && terms.client_fee_returned {
                let kept = pot.client_fee_kept;
                if !kept.is_zero() {
                    return Err(format!("{of} is refunded whole, and we keep {kept} of the client's fee"));
                }
            }
        }
        for week in self.timesheets.values() {
            in_proportion(&week.id, &week.escrow, week.terms.client_fee, week.terms.freelancer_fee)?;
        }
        Ok(())
    }

    /// What of a payment went back to its card, or is on its way there, and was not borne by us.
    fn on_card_of(&self, payment: PaymentId) -> i64 {
        let of_it = self.refunds.values().filter(|refund| refund.payment == payment);
        let went = of_it.filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        went.map(|refund| refund.amount.minor() - lost_of_refund(refund)).sum()
    }

    fn pots(&self, of: Of) -> impl Iterator<Item = EscrowParts> {
        let counts = move |client: OrganizationId, freelancer: UserId| match of {
            Of::Client(only) => client == only,
            Of::Freelancer(only) => freelancer == only,
            Of::Anybody => true,
        };
        let milestones = self.milestones.values().filter(move |one| counts(one.client, one.freelancer));
        let weeks = self.timesheets.values().filter(move |week| counts(week.client, week.freelancer));
        milestones.map(|one| *one.escrow.parts()).chain(weeks.map(|week| *week.escrow.parts()))
    }

    /// What we bore of chargebacks that stand.
    fn lost_by(&self, of: Of) -> i64 {
        let counts =
            move |client: OrganizationId| matches!(of, Of::Anybody) || matches!(of, Of::Client(only) if only == client);
        let milestones = self.milestones.values().filter(|one| counts(one.client)).flat_map(|one| &one.chargebacks);
        let weeks = self.timesheets.values().filter(|week| counts(week.client)).flat_map(|week| &week.chargebacks);
        let stand = milestones.chain(weeks).filter(|known: &&Chargeback| !known.won);
        stand.map(|known| known.bore.lost.minor()).sum()
    }
}

/// What of a payout has left the balance of its owner, or us.
fn payout_of(payout: &Payout) -> i64 {
    match payout.state.as_str() {
        "returned" | "cancelled" => 0,
        _ => payout.amount.minor(),
    }
}

/// What of it we bore.
fn lost_of(payout: &Payout) -> i64 {
    let lost = payout.word.as_ref().and_then(|word| word.lost).map_or(0, |lost| lost.minor());
    if payout.state.as_str() == "paid" { lost } else { 0 }
}

/// What we bore of money that went back to a card, since its client had spent it by then.
fn lost_of_refund(refund: &Refund) -> i64 {
    match &refund.state {
        RefundState::Pending { lost, .. } | RefundState::Succeeded { lost, .. } => lost.map_or(0, |lost| lost.minor()),
        RefundState::Started | RefundState::Failed { .. } => 0,
    }
}

fn in_proportion(of: &dyn std::fmt::Display, escrow: &Escrow, client: Rate, freelancer: Rate) -> Result<(), Wrong> {
    let pot = escrow.parts();
    let (open, right) = (pot.client_fee_open.minor(), pot.held.share(client).minor());
    if (open - right).abs() > ROUNDED {
        return Err(format!("{of} holds {}, and {open} of the client's fee for it, not {right}", pot.held));
    }
    let (fee, right) = (pot.fee, usd(pot.fee_base.minor()).share(freelancer));
    if fee != right {
        return Err(format!("of {} that {of} released, {fee} is our fee, not {right}", pot.fee_base));
    }
    Ok(())
}
