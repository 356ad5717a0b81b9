//! A marketplace in memory: what a database would keep, a clock, a processor and rails that talk
//! late, twice and out of order.

#![expect(clippy::expect_used, reason = "a world that can't be made should stop")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, MemberRole, Person, Staff};
use domain::change::{Change, TimerChange};
use domain::dispute::{Case, CaseId, Dispute};
use domain::event::Event;
use domain::id::{
    DisputeId, Id, MilestoneId, OrganizationId, PaymentId, PayoutId, PayoutMethodId, TimesheetId, UserId,
};
use domain::ledger::LedgerAccount;
use domain::milestone::Milestone;
use domain::money::Money;
use domain::payout::{Payout, PayoutMethod};
use domain::refusal::Refusal;
use domain::timer::Timer;
use domain::timesheet::Timesheet;
use uuid::Uuid;

use crate::books::Books;
use crate::dice::Dice;
use crate::planted::Planted;

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Milestone(MilestoneId),
    Timesheet(TimesheetId),
}

/// What the outside world says.
#[derive(Debug, Clone)]
pub enum Message {
    Succeeded(PaymentId),
    Failed(PaymentId),
    ChargedBack { payment: PaymentId, reference: String, amount: i64 },
    Rail(PayoutId, RailSays),
}

#[derive(Debug, Clone, Copy)]
pub enum RailSays {
    Accepted,
    Paid,
    Returned,
    Refused(u32),
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

pub struct World {
    pub dice: Dice,
    pub now: Timestamp,
    next_id: u128,
    bad_cards: bool,
    pub books: Books,
    pub timers: BTreeMap<Timer, Timestamp>,
    /// Timers that were set since one was last taken up.
    pub set_anew: BTreeSet<Timer>,
    pub milestones: BTreeMap<MilestoneId, Milestone>,
    pub disputes: BTreeMap<DisputeId, Dispute>,
    pub timesheets: BTreeMap<TimesheetId, Timesheet>,
    pub payouts: BTreeMap<PayoutId, Payout>,
    pub methods: BTreeMap<PayoutMethodId, PayoutMethod>,
    pub inbox: Vec<Message>,
    pub payments: BTreeMap<PaymentId, Payment>,
    /// Commands that did something, and commands that were refused.
    pub taken: u64,
    pub refused: u64,
    pub trail: VecDeque<String>,
    /// A bug on purpose.
    pub planted: Option<Planted>,
}

pub const FREELANCERS: u128 = 3;
pub const CLIENTS: u128 = 2;

pub fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

pub fn usd(cents: i64) -> Money {
    Money::usd(cents).expect("the dice stay in range")
}

fn person(user: u128, memberships: Vec<(OrganizationId, MemberRole)>, staff: Option<Staff>) -> Actor {
    Actor::Person(Person { user: id(user), suspended: false, staff, memberships })
}

/// What is wrong with the world.
pub type Wrong = String;

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Dice::new(seed),
            now: "2026-01-05T00:00:00Z".parse().expect("a date"),
            next_id: 1_000,
            bad_cards: false,
            books: Books::default(),
            timers: BTreeMap::new(),
            set_anew: BTreeSet::new(),
            milestones: BTreeMap::new(),
            disputes: BTreeMap::new(),
            timesheets: BTreeMap::new(),
            payouts: BTreeMap::new(),
            methods: BTreeMap::new(),
            inbox: Vec::new(),
            payments: BTreeMap::new(),
            taken: 0,
            refused: 0,
            trail: VecDeque::new(),
            planted: None,
        };
        let start = world.dice.between(0, 13);
        world.now += TimeDelta::days(start);
        world.bad_cards = world.dice.percent(15);
        world
    }

    pub fn fresh<I: Id>(&mut self) -> I {
        self.next_id += 1;
        id(self.next_id)
    }

    /// Somebody: mostly a party to the thing, sometimes anybody.
    pub fn somebody(&mut self, client: OrganizationId, freelancer: UserId) -> Actor {
        match self.dice.below(20) {
            0..=8 => self.client(client),
            9..=16 => Actor::Person(Person { user: freelancer, suspended: false, staff: None, memberships: vec![] }),
            17 => {
                let roles = MemberRole::ALL;
                let role = roles[self.dice.below(roles.len())];
                person(300, vec![(client, role)], None)
            }
            18 => [person(400, vec![], Some(Staff::Admin)), person(401, vec![], Some(Staff::Mediator))]
                [self.dice.below(2)]
            .clone(),
            _ => [
                Actor::Nobody,
                person(500, vec![], None),
                Actor::Person(Person { user: freelancer, suspended: true, staff: None, memberships: vec![] }),
                Actor::System,
            ][self.dice.below(4)]
            .clone(),
        }
    }

    pub fn client(&mut self, client: OrganizationId) -> Actor {
        let role = [MemberRole::Owner, MemberRole::Admin][self.dice.below(2)];
        person(200, vec![(client, role)], None)
    }

    pub fn mediator(&mut self) -> Actor {
        let n = self.dice.below(2) as u128;
        person(401 + n, vec![], Some(Staff::Mediator))
    }

    pub fn admin(&mut self) -> Actor {
        let n = self.dice.below(3) as u128;
        person(410 + n, vec![], Some(Staff::Admin))
    }

    /// None, the version that stands, or sometimes one that is stale.
    pub fn expected(&mut self, version: i64) -> Option<i64> {
        match self.dice.below(20) {
            0 => Some(version - 1),
            1..=6 => Some(version),
            _ => None,
        }
    }

    /// An amount around `of`: all of it, part of it, or too much.
    pub fn amount_around(&mut self, of: i64) -> Money {
        match self.dice.below(8) {
            0 => usd(of),
            1 => usd(of + self.dice.between(1, 500)),
            2 => usd(0),
            _ => usd(self.dice.between(0, of.max(0))),
        }
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if self.trail.len() >= 40 {
            self.trail.pop_front();
        }
        self.trail.push_back(what());
    }

    pub fn put_milestone(&mut self, milestone: Milestone) {
        self.milestones.insert(milestone.id, milestone);
    }

    pub fn put_case(&mut self, case: Case) {
        match case {
            Case::Milestone(milestone) => self.put_milestone(milestone),
            Case::Timesheet(timesheet) => {
                self.timesheets.insert(timesheet.id, timesheet);
            }
        }
    }

    pub fn case(&self, of: CaseId) -> Option<Case> {
        match of {
            CaseId::Milestone(id) => self.milestones.get(&id).cloned().map(Case::Milestone),
            CaseId::Timesheet(id) => self.timesheets.get(&id).cloned().map(Case::Timesheet),
        }
    }

    /// Take a verb's answer: post, set timers, tell, and keep the next state; or count the refusal.
    pub fn take<T>(
        &mut self,
        outcome: Result<Change<T>, Refusal>,
        keep: impl FnOnce(&mut Self, T),
    ) -> Result<bool, Wrong> {
        let mut change = match outcome {
            Ok(change) => change,
            Err(_) => {
                self.refused += 1;
                return Ok(false);
            }
        };
        if !change.changed {
            if !change.entries.is_empty() || !change.events.is_empty() || !change.timers.is_empty() {
                return Err("a repeat that comes with entries, events or timers".into());
            }
            return Ok(false);
        }
        self.taken += 1;
        if let Some(planted) = self.planted {
            planted.spoil(&mut change);
        }
        for entry in &change.entries {
            self.books.post(entry)?;
        }
        for timer in change.timers {
            match timer {
                TimerChange::Set(timer, due) => {
                    self.timers.insert(timer, due);
                    self.set_anew.insert(timer);
                }
                TimerChange::Stop(timer) => {
                    self.timers.remove(&timer);
                }
            }
        }
        keep(self, change.next);
        for event in &change.events {
            self.hear(event);
        }
        Ok(true)
    }

    /// What follows outside from an event.
    fn hear(&mut self, event: &Event) {
        match event {
            Event::MilestoneFundingStarted { milestone, payment, total } => {
                self.processor_is_asked(For::Milestone(*milestone), *payment, total.minor());
            }
            Event::TimesheetChargeStarted { timesheet, payment, total } => {
                self.processor_is_asked(For::Timesheet(*timesheet), *payment, total.minor());
            }
            Event::PayoutSent { payout, attempt } => {
                let says = match self.dice.below(10) {
                    0..=5 => vec![RailSays::Accepted, RailSays::Paid],
                    6 => vec![RailSays::Accepted, RailSays::Returned],
                    7 => vec![RailSays::Paid, RailSays::Returned],
                    8 => vec![RailSays::Refused(*attempt)],
                    _ => vec![],
                };
                self.inbox.extend(says.into_iter().map(|says| Message::Rail(*payout, says)));
            }
            _ => (),
        }
    }

    fn processor_is_asked(&mut self, of: For, payment: PaymentId, total: i64) {
        let takes = if self.dice.percent(3) { total - 1 } else { total };
        let payment_there = Payment { of, takes, charged_back: 0, told: false, told_back: BTreeMap::new() };
        self.payments.insert(payment, payment_there);
        // In some worlds hardly any card works.
        let luck = if self.bad_cards && self.dice.percent(70) { 6 } else { self.dice.below(10) };
        let says = match luck {
            0..=5 => vec![Message::Succeeded(payment)],
            6 => vec![Message::Failed(payment)],
            7 => vec![Message::Failed(payment), Message::Succeeded(payment)],
            8 => vec![Message::Succeeded(payment), Message::Failed(payment)],
            _ => vec![],
        };
        self.inbox.extend(says);
    }

    /// The states things are in, and the reasons money moved for.
    pub fn sights(&self, seen: &mut BTreeSet<String>) {
        let mut see = |what: &str, name: &str| {
            let sight = format!("{what} {name}");
            if !seen.contains(&sight) {
                seen.insert(sight);
            }
        };
        self.milestones.values().for_each(|m| see("milestone", m.status().as_str()));
        self.disputes.values().for_each(|d| see("dispute", d.state.as_str()));
        self.timesheets.values().for_each(|t| see("timesheet", t.state.as_str()));
        self.payouts.values().for_each(|p| see("payout", p.state.as_str()));
        self.books.reasons.iter().for_each(|reason| see("reason", reason));
    }

    pub fn available(&self, user: UserId) -> Money {
        usd(self.books.balance(LedgerAccount::Available(user)).max(0))
    }

    pub fn credit(&self, client: OrganizationId) -> Money {
        usd(self.books.balance(LedgerAccount::ClientCredit(client)).max(0))
    }
}
