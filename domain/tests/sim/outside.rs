//! The outside world: a processor and rails that talk late, twice and out of order, and banks that
//! take payments back at the worst time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::event::Event;
use domain::id::{MilestoneId, PaymentId, PayoutId, TimesheetId};
use domain::money::Money;
use domain::payout::{Carried, Known};

use super::moves::{Message, Move};
use super::world::{World, usd};

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Those of which it was told that they were won.
    pub told_won: BTreeSet<String>,
}

/// A transfer that was handed to a rail, and when it gets there.
#[derive(Debug, Clone)]
pub struct Transfer {
    last4: String,
    accepted_at: Timestamp,
    /// Did the bank send it back, or will it?
    pub returned: bool,
}

#[derive(Debug)]
pub struct Outside {
    /// In some worlds hardly any card works.
    bad_cards: bool,
    /// What will be said, in any order.
    pub inbox: Vec<Message>,
    pub payments: BTreeMap<PaymentId, Payment>,
    /// By payout and attempt.
    pub transfers: BTreeMap<(PayoutId, u32), Transfer>,
}

impl Outside {
    pub fn new(bad_cards: bool) -> Self {
        Self { bad_cards, inbox: Vec::new(), payments: BTreeMap::new(), transfers: BTreeMap::new() }
    }

    /// A rail is handed a transfer. The account decides how it goes, as in the sandbox: `…0001` is
    /// refused, `…0002` is returned, for `…0003` the answer is lost, for `…0005` the first handing
    /// over takes twenty minutes to get there, for `…0008` too little of our money is there at first, and any other is paid.
    pub fn rail_takes(&mut self, payout: PayoutId, attempt: u32, last4: &str, now: Timestamp) -> Carried {
        if last4 == "0001" {
            return Carried::Refused("account_not_supported".into());
        }
        if last4 == "0008" && attempt == 0 {
            return Carried::WithoutFunds("balance_insufficient".into());
        }
        let arrives_at = if last4 == "0005" { now + TimeDelta::minutes(20) } else { now };
        let first = Transfer { last4: last4.to_owned(), accepted_at: arrives_at, returned: last4 == "0002" };
        let there = self.transfers.entry((payout, attempt));
        let there = there.and_modify(|kept| kept.accepted_at = kept.accepted_at.min(now)).or_insert(first);
        if last4 == "0003" || there.accepted_at > now {
            return Carried::Silent;
        }
        Carried::Accepted(reference(payout, attempt))
    }

    /// What a rail says when it is asked.
    pub fn rail_knows(&self, payout: PayoutId, attempt: u32, now: Timestamp) -> Known {
        let there = self.transfers.get(&(payout, attempt)).filter(|transfer| transfer.accepted_at <= now);
        let Some(transfer) = there else { return Known::Absent };
        let over = transfer.accepted_at + TimeDelta::minutes(10) <= now;
        Known::Told(match (over, transfer.last4.as_str()) {
            (false, _) => Carried::Accepted(reference(payout, attempt)),
            (true, "0002") => Carried::Returned("account_closed".into()),
            (true, _) => Carried::Paid,
        })
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
            Event::PaymentRefundStarted { .. } => self.refund_is_asked(&event),
            Event::MilestoneFunded { .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefunded { .. }
            | Event::MilestoneCancelled { .. }
            | Event::MilestoneSettled { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::TimesheetApproved { .. }
            | Event::TimesheetPaid { .. }
            | Event::TimesheetWrittenOff { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::PayoutScreeningBegan { .. }
            | Event::PayoutSent { .. } => self.outbox.push_back(event),
            _ => (),
        }
    }

    /// What a rail tells unasked of a transfer it was handed, beside what it answers.
    pub(super) fn rail_tells(&mut self, payout: PayoutId, attempt: u32, answer: &Carried) {
        let accepted = || Carried::Accepted("po".into());
        let returned = || Carried::Returned("closed".into());
        let luck = self.dice.below(10);
        let says = match (answer, self.outside.transfers.get_mut(&(payout, attempt))) {
            (Carried::Refused(_) | Carried::WithoutFunds(_), _) if luck < 3 => vec![answer.clone()],
            (Carried::Accepted(_), Some(transfer)) if transfer.returned => match luck {
                0..=3 => vec![accepted(), returned()],
                _ => vec![],
            },
            (Carried::Accepted(_), Some(transfer)) => {
                transfer.returned = matches!(luck, 4 | 5);
                match luck {
                    0..=3 => vec![accepted(), Carried::Paid],
                    4 => vec![accepted(), returned()],
                    5 => vec![Carried::Paid, returned()],
                    _ => vec![],
                }
            }
            _ => vec![],
        };
        self.outside.inbox.extend(says.into_iter().map(|says| Message::Rail { payout, attempt, says }));
    }

    fn processor_is_asked(&mut self, of: For, payment: PaymentId, total: Money) {
        let takes = if self.dice.percent(3) { total.minor() - 1 } else { total.minor() };
        let there =
            Payment { of, takes, charged_back: 0, told: false, told_back: BTreeMap::new(), told_won: BTreeSet::new() };
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
        if self.dice.percent(40) {
            self.outside.inbox.push(Message::ChargebackWon { payment, reference: reference.clone() });
        }
        let message = Message::ChargedBack { payment, reference, amount: usd(amount) };
        if self.dice.percent(50) {
            return Some(Move::Heard(message));
        }
        self.outside.inbox.push(message);
        None
    }
}
