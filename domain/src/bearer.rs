//! What bears the chargebacks of a payment: the milestone or the week that it was for. What we lost by them is made up
//! for before money of the same payment becomes the client's credit again, since the client has had that from the bank.

use std::collections::BTreeSet;

use crate::access::Actor;
use crate::change::Change;
use crate::credit::Part;
use crate::id::{OrganizationId, PaymentId};
use crate::ledger::{JournalEntry, LedgerAccount, Posting, Reason};
use crate::milestone::{Chargeback, Milestone, Taken, made_up};
use crate::money::{Money, MoneyError};
use crate::payment::Payment;
use crate::refusal::Refusal;
use crate::timesheet::Timesheet;

/// What a payment was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// A milestone.
    Milestone(Milestone),
    /// A week of work by the hour.
    Week(Timesheet),
}

impl Bearer {
    /// The payments for it.
    pub fn payments(&self) -> &[PaymentId] {
        match self {
            Self::Milestone(milestone) => &milestone.payments,
            Self::Week(week) => &week.payments,
        }
    }

    /// Whose client it is.
    pub fn client(&self) -> OrganizationId {
        match self {
            Self::Milestone(milestone) => milestone.client,
            Self::Week(week) => week.client,
        }
    }

    /// What we bore by chargebacks of a payment for it.
    pub fn lost_by(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        match self {
            Self::Milestone(milestone) => milestone.lost_by(payment),
            Self::Week(week) => week.lost_by(payment),
        }
    }

    /// Counts up with every change.
    pub fn version(&self) -> i64 {
        match self {
            Self::Milestone(milestone) => milestone.version,
            Self::Week(week) => week.version,
        }
    }

    /// So much of that is made up for.
    pub fn made_up(self, actor: &Actor, payment: PaymentId, amount: Money) -> Result<Change<Self>, Refusal> {
        Ok(match self {
            Self::Milestone(milestone) => milestone.made_up(actor, payment, amount)?.map(Self::Milestone),
            Self::Week(week) => week.made_up(actor, payment, amount)?.map(Self::Week),
        })
    }

    /// A chargeback of a payment for it that was acted on, by the processor's name for it.
    pub fn chargeback(&self, reference: &str) -> Option<&Chargeback> {
        let known = match self {
            Self::Milestone(milestone) => &milestone.chargebacks,
            Self::Week(week) => &week.chargebacks,
        };
        known.iter().find(|known| known.reference == reference)
    }

    /// A bank keeps what it took of a payment, and gives as much as is `taken` of that back; `name` is the processor's
    /// for that. It makes up for what we bore. If all was given back meanwhile there is nothing to book, nor if our
    /// people did `by_hand` what there is to book.
    pub fn given_in_part(
        self,
        actor: &Actor,
        payment: &Payment,
        (name, taken): (&str, &Taken<'_>),
        by_hand: bool,
    ) -> Result<Change<Self>, Refusal> {
        let change = match self {
            Self::Milestone(milestone) => milestone.given_in_part(actor, taken, by_hand)?.map(Self::Milestone),
            Self::Week(week) => week.given_in_part(actor, taken, by_hand)?.map(Self::Week),
        };
        if !change.changed || by_hand {
            return Ok(change);
        }
        Ok(change.posting(payment.given_back(actor, name, taken.amount)?))
    }
}

/// The payments whose money became client credit by these entries. What our people correct by hand is theirs to know.
pub fn came_back<'a>(entries: impl IntoIterator<Item = &'a JournalEntry>) -> BTreeSet<PaymentId> {
    let of_others = entries.into_iter().filter(|entry| entry.reason != Reason::Correction);
    let to_credit = |posting: &&Posting| matches!(posting.to, LedgerAccount::ClientCredit(_));
    of_others.flat_map(JournalEntry::postings).filter(to_credit).filter_map(|posting| posting.came_with).collect()
}

/// What these entries together brought the clients of payments that their banks took back makes up first for what we bore
/// of them, by what `bears` their chargebacks. Answers those of them that change. What was made up for already is
/// among the entries, so asking again changes nothing.
pub fn make_up(entries: &[JournalEntry], bears: Vec<Bearer>) -> Result<Change<Vec<Bearer>>, Refusal> {
    let mut all = Change::none(Vec::new());
    for bearer in bears {
        let credit = LedgerAccount::ClientCredit(bearer.client());
        let mut change = Change::none(bearer.clone());
        for payment in bearer.payments() {
            let (lost, leads_to) = (change.next.lost_by(*payment)?, change.next.version() + 1);
            if let Some((amount, entry)) = makes_up(entries, credit, *payment, lost, leads_to)? {
                change = change.then(|bearer| bearer.made_up(&Actor::System, *payment, amount))?.posting(entry);
            }
        }
        if change.changed {
            all = all.and(change).map(|(mut all, bearer)| {
                all.push(bearer);
                all
            });
        }
    }
    Ok(all)
}

/// What these entries brought to an account, by the payments it came with; less what they took of it again.
pub(crate) fn brought(entries: &[JournalEntry], account: LedgerAccount) -> Result<Vec<Part>, MoneyError> {
    let mut parts: Vec<Part> = Vec::new();
    for posting in entries.iter().flat_map(JournalEntry::postings) {
        if posting.to == account {
            parts.push((posting.came_with, posting.amount));
        }
        if posting.from == account {
            let mut left = posting.amount;
            for (_, part) in parts.iter_mut().filter(|(with, _)| *with == posting.came_with) {
                let taken = left.min(*part)?;
                (left, *part) = (left.minus(taken)?, part.minus(taken)?);
            }
        }
    }
    Ok(parts)
}

/// What a change of a milestone brings the client of payments for that same milestone makes up first for what we bore.
pub(crate) fn make_up_itself(mut change: Change<Milestone>) -> Result<Change<Milestone>, Refusal> {
    let credit = LedgerAccount::ClientCredit(change.next.client);
    let brought = change.entries.clone();
    for payment in change.next.payments.clone() {
        let (lost, leads_to) = (change.next.lost_by(payment)?, change.next.version);
        if let Some((amount, entry)) = makes_up(&brought, credit, payment, lost, leads_to)? {
            change.next.chargebacks = made_up(&change.next.chargebacks, payment, amount)?;
            change = change.posting(entry);
        }
    }
    Ok(change)
}

/// Money of a payment becomes the client's `credit` by these `entries`, though its bank took the payment back and we bore
/// that: the client has had it from the bank already. How much of it makes up for what we `lost`, and the entry for that.
/// The version of the bearer that it `leads_to` is part of its key: one entry may bring money that makes up for some of
/// it at once, and for more along with what others of the same transaction bring.
pub(crate) fn makes_up(
    entries: &[JournalEntry],
    credit: LedgerAccount,
    payment: PaymentId,
    lost: Money,
    leads_to: i64,
) -> Result<Option<(Money, JournalEntry)>, MoneyError> {
    let brings = |posting: &Posting| posting.to == credit && posting.came_with == Some(payment);
    let of_payment = brought(entries, credit)?.into_iter().filter(|(with, _)| *with == Some(payment));
    let all = Money::sum(lost.currency(), of_payment.map(|(_, part)| part))?;
    let amount = all.min(lost)?;
    let Some(first) = entries.iter().find(|entry| entry.postings().iter().any(brings)) else {
        return Ok(None);
    };
    let entry = JournalEntry::new(Reason::Chargeback, format!("{}:made_up:{payment}:{leads_to}", first.key))
        .of_contract(first.contract)
        .moving(credit, LedgerAccount::Losses, amount)
        .all_came_with(credit, payment);
    Ok(Some((amount, entry)).filter(|_| !amount.is_zero()))
}
