//! The outside world: a processor and rails that talk late, twice and out of order, and banks that
//! take payments back at the worst time.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::event::Event;
use domain::id::{MilestoneId, PaymentId, PayoutId, TimesheetId};
use domain::money::Money;

use super::moves::{Message, Move, RailSays};
use super::world::{World, usd};

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Milestone(MilestoneId),
    Timesheet(TimesheetId),
}

/// A payment, as the processor knows it.
#[derive(Debug, Clone)]
pub struct Payment {
    pub of: For,
    /// What the processor will say it took.
    pub takes: i64,
    /// How much of it has been charged back.
    pub charged_back: i64,
    /// Has its success been told?
    pub told: bool,
    /// Chargebacks that were told.
    pub told_back: BTreeMap<String, i64>,
}

/// A transfer that a rail took, and when.
#[derive(Debug, Clone)]
struct Transfer {
    last4: String,
    accepted_at: Timestamp,
}

#[derive(Debug)]
pub struct Outside {
    /// In some worlds hardly any card works.
    bad_cards: bool,
    /// What will be said, in any order.
    pub inbox: Vec<Message>,
    pub payments: BTreeMap<PaymentId, Payment>,
    /// By payout and attempt.
    transfers: BTreeMap<(PayoutId, u32), Transfer>,
}

impl Outside {
    pub fn new(bad_cards: bool) -> Self {
        Self { bad_cards, inbox: Vec::new(), payments: BTreeMap::new(), transfers: BTreeMap::new() }
    }

    /// A rail is handed a transfer. The account decides how it goes, as in the sandbox: `…0001` is
    /// refused, `…0002` is returned, for `…0003` the answer is lost, and any other is paid.
    pub fn rail_takes(&mut self, payout: PayoutId, attempt: u32, last4: &str, now: Timestamp) -> RailSays {
        if last4 == "0001" {
            return RailSays::Refused("account_not_supported");
        }
        let transfer = Transfer { last4: last4.to_owned(), accepted_at: now };
        self.transfers.entry((payout, attempt)).or_insert(transfer);
        if last4 == "0003" { RailSays::Silence } else { RailSays::Accepted(reference(payout, attempt)) }
    }

    /// What a rail says when it is asked.
    pub fn rail_knows(&self, payout: PayoutId, attempt: u32, now: Timestamp) -> RailSays {
        let Some(transfer) = self.transfers.get(&(payout, attempt)) else {
            return RailSays::Refused("never_handed_over");
        };
        let over = transfer.accepted_at + TimeDelta::minutes(10) <= now;
        match (over, transfer.last4.as_str()) {
            (false, _) => RailSays::Accepted(reference(payout, attempt)),
            (true, "0002") => RailSays::Returned("account_closed"),
            (true, _) => RailSays::Paid,
        }
    }
}

fn reference(payout: PayoutId, attempt: u32) -> String {
    format!("tr_sandbox_{payout}_{attempt}")
}

impl World {
    /// What follows from an event: outside at once, with us when the worker comes to it.
    pub fn hear(&mut self, event: Event) {
        match &event {
            Event::MilestoneFundingStarted { milestone, payment, total } => {
                self.processor_is_asked(For::Milestone(*milestone), *payment, *total);
            }
            Event::TimesheetChargeStarted { timesheet, payment, total } => {
                self.processor_is_asked(For::Timesheet(*timesheet), *payment, *total);
            }
            Event::PayoutSent { payout, attempt } => {
                // What a rail tells unasked, beside what it answers.
                let accepted = || RailSays::Accepted("po".into());
                let says = match self.dice.below(10) {
                    0..=3 => vec![accepted(), RailSays::Paid],
                    4 => vec![accepted(), RailSays::Returned("closed")],
                    5 => vec![RailSays::Paid, RailSays::Returned("closed")],
                    6 => vec![RailSays::Refused("no")],
                    _ => vec![],
                };
                let (payout, attempt) = (*payout, *attempt);
                let says = says.into_iter().map(|says| Message::Rail { payout, attempt, says });
                self.outside.inbox.extend(says);
                self.outbox.push_back(event);
            }
            Event::MilestoneFunded { .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefunded { .. }
            | Event::MilestoneCancelled { .. }
            | Event::MilestoneSettled { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::TimesheetApproved { .. }
            | Event::TimesheetPaid { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::PayoutScreeningBegan { .. } => self.outbox.push_back(event),
            _ => (),
        }
    }

    fn processor_is_asked(&mut self, of: For, payment: PaymentId, total: Money) {
        let takes = if self.dice.percent(3) { total.minor() - 1 } else { total.minor() };
        let there = Payment { of, takes, charged_back: 0, told: false, told_back: BTreeMap::new() };
        self.outside.payments.insert(payment, there);
        let succeeded = || Message::Succeeded { payment, received: usd(takes) };
        let failed = || Message::Failed { payment };
        let luck = if self.outside.bad_cards && self.dice.percent(70) { 6 } else { self.dice.below(10) };
        let says = match luck {
            0..=5 => vec![succeeded()],
            6 => vec![failed()],
            7 => vec![failed(), succeeded()],
            8 => vec![succeeded(), failed()],
            _ => vec![],
        };
        self.outside.inbox.extend(says);
    }

    /// One of the messages that are on their way arrives.
    pub(super) fn message(&mut self) -> Option<Move> {
        if self.outside.inbox.is_empty() {
            return None;
        }
        let place = self.dice.below(self.outside.inbox.len());
        let message = self.outside.inbox[place].clone();
        // Some come again.
        if !self.dice.percent(25) {
            self.outside.inbox.swap_remove(place);
        }
        Some(Move::Heard(message))
    }

    /// A bank takes money back: at any time, of any payment, even before we heard of it. It is told
    /// at once or later.
    pub(super) fn chargeback(&mut self) -> Option<Move> {
        let all: Vec<PaymentId> = self.outside.payments.keys().copied().collect();
        let payment = self.dice.pick(&all).copied()?;
        let whole = self.dice.percent(60);
        let share = self.dice.roll();
        let there = self.outside.payments.get_mut(&payment)?;
        let left = there.takes - there.charged_back;
        if left <= 0 || there.charged_back > 0 && !whole {
            return None;
        }
        let amount = if whole { left } else { 1 + (share % left as u64) as i64 };
        there.charged_back += amount;
        let reference = format!("{payment}-{}", there.charged_back);
        let message = Message::ChargedBack { payment, reference, amount: usd(amount) };
        if self.dice.percent(50) {
            return Some(Move::Heard(message));
        }
        self.outside.inbox.push(message);
        None
    }
}
