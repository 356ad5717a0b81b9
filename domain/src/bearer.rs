//! What bears the chargebacks of a payment: the milestone or the week that it was for. What we lost by them is made up
//! for before money of the same payment becomes the client's credit again, since the client has had that from the bank.

use crate::access::Actor;
use crate::change::Change;
use crate::id::{OrganizationId, PaymentId};
use crate::ledger::{JournalEntry, LedgerAccount, Posting, Reason};
use crate::milestone::{Milestone, made_up};
use crate::money::{Money, MoneyError};
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

    /// So much of that is made up for.
    pub fn made_up(self, actor: &Actor, payment: PaymentId, amount: Money) -> Result<Change<Self>, Refusal> {
        Ok(match self {
            Self::Milestone(milestone) => milestone.made_up(actor, payment, amount)?.map(Self::Milestone),
            Self::Week(week) => week.made_up(actor, payment, amount)?.map(Self::Week),
        })
    }
}

/// What a change of a milestone brings the client of payments that their banks took back makes up first for what we
/// bore of them, by the milestone itself and by what else `bears` them. Answers the latter, as far as they change.
pub fn make_up(change: Change<Milestone>, bears: Vec<Bearer>) -> Result<Change<(Milestone, Vec<Bearer>)>, Refusal> {
    let credit = LedgerAccount::ClientCredit(change.next.client);
    let brought = change.entries.clone();
    let (mut change, mut changed) = (make_up_itself(change)?, Vec::new());
    for mut bearer in bears {
        let before = bearer.clone();
        for payment in before.payments() {
            if let Some((amount, entry)) = makes_up(&brought, credit, *payment, bearer.lost_by(*payment)?)? {
                bearer = bearer.made_up(&Actor::System, *payment, amount)?.next;
                change = change.posting(entry);
            }
        }
        if bearer != before {
            changed.push(bearer);
        }
    }
    Ok(change.map(|milestone| (milestone, changed)))
}

/// The same, of what the milestone bears itself.
pub(crate) fn make_up_itself(mut change: Change<Milestone>) -> Result<Change<Milestone>, Refusal> {
    let credit = LedgerAccount::ClientCredit(change.next.client);
    let brought = change.entries.clone();
    for payment in change.next.payments.clone() {
        if let Some((amount, entry)) = makes_up(&brought, credit, payment, change.next.lost_by(payment)?)? {
            change.next.chargebacks = made_up(&change.next.chargebacks, payment, amount)?;
            change = change.posting(entry);
        }
    }
    Ok(change)
}

/// Money of a payment becomes the client's `credit` by these `entries`, though its bank took the payment back and we bore
/// that: the client has had it from the bank already. How much of it makes up for what we `lost`, and the entry for that.
pub fn makes_up(
    entries: &[JournalEntry],
    credit: LedgerAccount,
    payment: PaymentId,
    lost: Money,
) -> Result<Option<(Money, JournalEntry)>, MoneyError> {
    let brings = |posting: &&Posting| posting.to == credit && posting.came_with == Some(payment);
    let brought = |entry: &JournalEntry| {
        Money::sum(lost.currency(), entry.postings().iter().filter(brings).map(|posting| posting.amount))
    };
    let all = Money::sum(lost.currency(), entries.iter().map(brought).collect::<Result<Vec<_>, _>>()?)?;
    let amount = all.min(lost)?;
    let Some(first) = entries.iter().find(|entry| entry.postings().iter().any(|posting| brings(&posting))) else {
        return Ok(None);
    };
    let entry = JournalEntry::new(Reason::Chargeback, format!("{}:made_up:{payment}", first.key))
        .of_contract(first.contract)
        .moving(credit, LedgerAccount::Losses, amount)
        .all_came_with(credit, payment);
    Ok(Some((amount, entry)).filter(|_| !amount.is_zero()))
}
