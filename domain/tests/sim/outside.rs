//! The outside world: a processor and rails that talk late, twice and out of order, and banks that
//! take payments back at the worst time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::contract::State as ContractState;
use domain::event::Event;
use domain::id::{MilestoneId, PaymentId, PayoutId, TimesheetId};
use domain::money::Money;
use domain::payout::{Carried, Known, Rail};

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
    accepted_at: Timestamp,
    /// Did the bank send it back, or will it?
    pub returned: bool,
    /// Until when its rail says nothing of it, whoever asks.
    silent_until: Timestamp,
    /// When our bank is told of it, if that is who carries it.
    out_at: Timestamp,
}

/// What goes wrong with a transfer beside what its account decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Its rail says nothing of it for so long.
    SilentFor(TimeDelta),
    /// It never gets there.
    Lost,
    /// It lies with us for so long before our bank is told.
    LiesFor(TimeDelta),
}

#[derive(Debug)]
pub struct Outside {
    /// In some worlds hardly any card works.
    pub bad_cards: bool,
    /// Does a rail say that it is too late to hand it something again?
    pub forgets: bool,
    /// What will be said, in any order.
    pub inbox: Vec<Message>,
    /// What is said from then on.
    pub later: Vec<(Timestamp, Message)>,
    pub payments: BTreeMap<PaymentId, Payment>,
    /// By payout and attempt.
    pub transfers: BTreeMap<(PayoutId, u32), Transfer>,
    /// When rails were first asked to carry a payout, whether that got there or not.
    pub asked: BTreeMap<(PayoutId, u32), Timestamp>,
}

/// A rail that was asked so long ago, and knows nothing of it, could make a second transfer of it.
const FORGETS_AFTER: TimeDelta = TimeDelta::hours(20);

impl Outside {
    pub fn new(bad_cards: bool) -> Self {
        Self {
            bad_cards,
            forgets: true,
            inbox: Vec::new(),
            later: Vec::new(),
            payments: BTreeMap::new(),
            transfers: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// A rail is handed a transfer. The account decides how it goes, as in the sandbox: `…0001` is
    /// refused, `…0004` by all but who sends it by hand, `…0002` is returned, for `…0003` the answer is lost, for `…0005` the first handing
    /// over takes twenty minutes to get there, for `…0008` too little of our money is there at first, and any other is
    /// paid. Outside of the sandbox there may be more `trouble`.
    pub fn rail_takes(
        &mut self,
        (payout, attempt): (PayoutId, u32),
        rail: Rail,
        last4: &str,
        now: Timestamp,
        trouble: Trouble,
    ) -> Carried {
        if last4 == "0001" || last4 == "0004" && rail != Rail::Manual {
            return Carried::Refused("account_not_supported".into());
        }
        if last4 == "0008" && attempt == 0 {
            return Carried::WithoutFunds("balance_insufficient".into());
        }
        self.asked.entry((payout, attempt)).or_insert(now);
        if trouble == Trouble::Lost {
            return Carried::Silent;
        }
        let arrives_at = if last4 == "0005" { now + TimeDelta::minutes(20) } else { now };
        let (silent_until, out_at) = match trouble {
            Trouble::SilentFor(so_long) => (now + so_long, now),
            Trouble::LiesFor(so_long) => (now, now + so_long),
            Trouble::None | Trouble::Lost => (now, now),
        };
        let first = Transfer { accepted_at: arrives_at, returned: last4 == "0002", silent_until, out_at };
        let there = self.transfers.entry((payout, attempt));
        let there = there.and_modify(|kept| kept.accepted_at = kept.accepted_at.min(now)).or_insert(first);
        if last4 == "0003" || there.accepted_at > now || there.silent_until > now {
            return Carried::Silent;
        }
        Carried::Accepted(reference(payout, attempt))
    }

    /// What a rail says when it is asked.
    pub fn rail_knows(&self, payout: PayoutId, attempt: u32, now: Timestamp) -> Known {
        let there = self.transfers.get(&(payout, attempt)).filter(|transfer| transfer.accepted_at <= now);
        let Some(transfer) = there else {
            let asked = self.asked.get(&(payout, attempt));
            let too_late = self.forgets && asked.is_some_and(|at| *at + FORGETS_AFTER <= now);
            return if too_late { Known::Forgotten } else { Known::Absent };
        };
        if transfer.silent_until > now {
            return Known::Told(Carried::Silent);
        }
        let over = transfer.accepted_at.max(transfer.out_at) + TimeDelta::minutes(10) <= now;
        Known::Told(match (over, transfer.returned) {
            (false, _) => Carried::Accepted(reference(payout, attempt)),
            (true, true) => Carried::Returned("account_closed".into()),
            (true, false) => Carried::Paid,
        })
    }

    /// Our bank was not told of this yet, and is not told any more; was it so?
    pub fn takes_back(&mut self, payout: PayoutId, attempt: u32, now: Timestamp) -> bool {
        let key = (payout, attempt);
        let lies = self.transfers.get(&key).is_some_and(|transfer| transfer.out_at > now);
        if lies {
            self.transfers.remove(&key);
        }
        lies
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
            Event::GigFilled { .. }
            | Event::GigExpired { .. }
            | Event::GigCancelled { .. }
            | Event::GigRemoved { .. } => self.hear_of_gig(event),
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
            // What waits for money again is called off where the contract is ending.
            Event::MilestoneFundingFailed { payment, .. } | Event::PaymentCredited { payment, .. }
                if self.is_for_what_is_ending(*payment) =>
            {
                self.outbox.push_back(event);
            }
            _ => (),
        }
    }

    /// Is a payment for a milestone of a contract that was ended?
    fn is_for_what_is_ending(&self, payment: PaymentId) -> bool {
        let Some(For::Milestone(of)) = self.outside.payments.get(&payment).map(|there| there.of) else { return false };
        let contract = self.milestones.get(&of).and_then(|milestone| milestone.contract);
        let contract = contract.and_then(|contract| self.contracts.get(&contract));
        contract.is_some_and(|contract| {
            matches!(contract.state, ContractState::Ending { .. } | ContractState::OnHold { ending: Some(_), .. })
        })
    }

    /// What goes wrong with a transfer by this rail. In the sandbox nothing does.
    pub(super) fn trouble_of(&mut self, rail: Rail) -> Trouble {
        if self.as_in_sandbox {
            return Trouble::None;
        }
        match (rail.is_processors(), self.dice.below(20)) {
            (true, 0..=3) => Trouble::SilentFor(TimeDelta::hours(self.dice.between(20, 900))),
            (true, 4) => Trouble::Lost,
            (false, 0..=9) => Trouble::LiesFor(TimeDelta::hours(self.dice.between(1, 400))),
            _ => Trouble::None,
        }
    }

    /// What a rail tells unasked of a transfer it was handed, beside what it answers.
    pub(super) fn rail_tells(&mut self, payout: PayoutId, attempt: u32, answer: &Carried) {
        let accepted = || Carried::Accepted("po".into());
        let returned = || Carried::Returned("closed".into());
        let (luck, now) = (self.dice.below(10), self.now);
        let says = match (answer, self.outside.transfers.get_mut(&(payout, attempt))) {
            (Carried::Refused(_) | Carried::WithoutFunds(_), _) if luck < 3 => vec![answer.clone()],
            // Nobody outside knows of it yet.
            (_, Some(transfer)) if transfer.out_at > now => vec![],
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
        let now = self.now;
        let due = self.outside.later.extract_if(.., |(at, _)| *at <= now);
        self.outside.inbox.extend(due.map(|(_, message)| message));
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
