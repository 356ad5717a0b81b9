//! A week of an hourly contract, Monday to Sunday in UTC: written by the freelancer, looked at by
//! the client, charged, held, and paid, each when the terms of the contract say.
//!
//! The client never edits an entry; what the client disputes goes to a timesheet of its own, and
//! the rest proceeds. The charge comes when the week is approved. One that fails is tried again on
//! the days the terms give, and then waits for the client.

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::contract::HoldReason;
use crate::escrow::Escrow;
use crate::event::Event;
use crate::id::{ContractId, DisputeId, OrganizationId, PaymentId, TimeEntryId, TimesheetId, UserId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::milestone::{
    Attempt, Chargeback, EarlyChargeback, Milestone, Reach, Spread, Taken, given_in_part, is_known, lost_by, made_up,
};
use crate::money::{Money, MoneyError};
use crate::policy::{Quote, Terms, days, hours};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

mod card;
mod charge;
#[cfg(test)]
mod tests;

/// Some minutes of work on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeEntry {
    /// Its id.
    pub id: TimeEntryId,
    /// The day, in UTC.
    pub date: NaiveDate,
    /// How long.
    pub minutes: u32,
    /// What was done.
    pub note: String,
    /// Written by hand afterwards, rather than tracked; shown to the client as such.
    pub manual: bool,
}

/// A week of an hourly contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timesheet {
    /// Its id; also names its escrow account.
    pub id: TimesheetId,
    /// The contract.
    pub contract: ContractId,
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// The terms of the contract.
    pub terms: Terms,
    /// The Monday it begins with.
    pub week: NaiveDate,
    /// The timesheet whose disputed entries it took over, if it did.
    pub split_from: Option<TimesheetId>,
    /// How many minutes of that timesheet were not disputed: the two are worth together what they were as one.
    pub rest_minutes: u32,
    /// What an hour is worth.
    pub hourly_rate: Money,
    /// The most that may be worked in the week.
    pub limit_minutes: u32,
    /// What was worked.
    pub entries: Vec<TimeEntry>,
    /// What a dispute found it to be worth, if it took one.
    pub awarded: Option<Money>,
    /// Was it approved by the client's silence?
    pub by_silence: bool,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: TimesheetState,
    /// How many hours of outage grace its deadlines have been given.
    pub grace_hours: u16,
    /// Where its money is.
    pub escrow: Escrow,
    /// Payments whose money has arrived, whatever became of it.
    pub payments: Vec<PaymentId>,
    /// Those of them that came when nothing waited for them, and are the client's credit.
    pub credited: Vec<PaymentId>,
    /// The chargebacks that were acted on.
    pub chargebacks: Vec<Chargeback>,
    /// Chargebacks that came before the payment they take back.
    pub early_chargebacks: Vec<EarlyChargeback>,
}

/// Where a timesheet stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TimesheetState {
    /// The freelancer writes it.
    Open,
    /// The client looks at it.
    Submitted {
        /// When it came.
        submitted_at: Timestamp,
        /// When silence approves it.
        approves_at: Timestamp,
    },
    /// These entries are in dispute.
    Disputed {
        /// Which dispute.
        dispute: DisputeId,
    },
    /// To be charged.
    Approved {
        /// When.
        charge_at: Timestamp,
        /// How many charges have failed.
        failures: u16,
        /// The last charge that came to nothing; its money may still arrive.
        last_attempt: Option<Attempt>,
    },
    /// The processor was asked for the money.
    Charging {
        /// For what.
        attempt: Attempt,
        /// How many charges have failed before.
        failures: u16,
        /// When we stop waiting for an answer.
        expires_at: Timestamp,
        /// The client has named another card meanwhile: should this come to nothing, that one is tried at once.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        another_card: bool,
    },
    /// Every charge failed: it waits for the client, and the contract is on hold.
    Unpaid {
        /// The last charge; its money may still arrive.
        last_attempt: Attempt,
        /// When it is written off, should nobody move.
        written_off_at: Timestamp,
        /// Were both sides told that this is near?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reminded: bool,
    },
    /// Charged, and held.
    Held {
        /// When it was charged.
        charged_at: Timestamp,
        /// When it is paid.
        pays_at: Timestamp,
    },
    /// The freelancer has the money.
    Paid {
        /// Since when.
        paid_at: Timestamp,
    },
    /// There is nothing to pay.
    Void,
    /// The client's bank took the money back.
    ChargedBack {
        /// When.
        charged_back_at: Timestamp,
    },
}

impl TimesheetState {
    /// The name of the state, for columns, filters and the schema.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted { .. } => "submitted",
            Self::Disputed { .. } => "disputed",
            Self::Approved { .. } => "approved",
            Self::Charging { .. } => "charging",
            Self::Unpaid { .. } => "unpaid",
            Self::Held { .. } => "held",
            Self::Paid { .. } => "paid",
            Self::Void => "void",
            Self::ChargedBack { .. } => "charged_back",
        }
    }

    /// Is it settled, so that its contract can end?
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Paid { .. } | Self::Void | Self::ChargedBack { .. } => true,
            Self::Open
            | Self::Submitted { .. }
            | Self::Disputed { .. }
            | Self::Approved { .. }
            | Self::Charging { .. }
            | Self::Unpaid { .. }
            | Self::Held { .. } => false,
        }
    }
}

/// The hourly contract a timesheet belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hourly {
    /// The contract.
    pub contract: ContractId,
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// The terms of the contract.
    pub terms: Terms,
    /// What an hour is worth.
    pub hourly_rate: Money,
    /// The most that may be worked in a week, where the parties agreed on less than the terms allow.
    pub limit_minutes: Option<u32>,
}

/// The Monday of the week an instant lies in.
pub fn week_of(at: Timestamp) -> NaiveDate {
    let date = at.date_naive();
    date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday()))
}

impl Timesheet {
    /// The week that `now` lies in begins.
    pub fn open(id: TimesheetId, hourly: Hourly, now: Timestamp) -> Change<Self> {
        let limit = hourly.terms.weekly_limit_minutes;
        let timesheet = Self {
            id,
            contract: hourly.contract,
            client: hourly.client,
            freelancer: hourly.freelancer,
            limit_minutes: hourly.limit_minutes.map_or(limit, |agreed| agreed.min(limit)),
            terms: hourly.terms,
            week: week_of(now),
            split_from: None,
            rest_minutes: 0,
            escrow: Escrow::empty(hourly.hourly_rate.currency()),
            hourly_rate: hourly.hourly_rate,
            entries: Vec::new(),
            awarded: None,
            by_silence: false,
            version: 1,
            state: TimesheetState::Open,
            grace_hours: 0,
            payments: Vec::new(),
            credited: Vec::new(),
            chargebacks: Vec::new(),
            early_chargebacks: Vec::new(),
        };
        let clocks = timesheet.clocks();
        Change::to(timesheet).telling(Event::TimesheetOpened { timesheet: id }).clocked(&[], &clocks)
    }

    /// The week that a day lies in begins to be written: the one under way, or the one before as long
    /// as it would not have gone to the client. No `date` lies after `now`.
    pub fn open_on(id: TimesheetId, hourly: Hourly, date: NaiveDate, now: Timestamp) -> Result<Change<Self>, Refusal> {
        let opened = Self::open(id, hourly, date.and_time(NaiveTime::MIN).and_utc());
        let closes_at = opened.next.submits_at();
        if closes_at <= now {
            let message = format!("the week of {} could be written until {closes_at}", opened.next.week);
            return Err(Refusal::field("date", "OUT_OF_RANGE", message));
        }
        Ok(opened)
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        let disputed = matches!(self.state, TimesheetState::Disputed { .. });
        Subject::between(self.client, self.freelancer).disputed_if(disputed)
    }

    /// How long was worked.
    pub fn minutes(&self) -> u32 {
        self.entries.iter().map(|entry| entry.minutes).sum()
    }

    /// What the week is worth: the hours at the rate, rounded half up to the cent once for the
    /// whole week, be it that a dispute took some of it apart; or what that found it to be worth.
    pub fn amount(&self) -> Result<Money, MoneyError> {
        if let Some(awarded) = self.awarded {
            return Ok(awarded);
        }
        let (rest, minutes) = (u64::from(self.rest_minutes), u64::from(self.minutes()));
        self.worth(rest + minutes)?.minus(self.worth(rest)?)
    }

    /// So many minutes at the rate, rounded half up to the cent.
    fn worth(&self, minutes: u64) -> Result<Money, MoneyError> {
        let exact_twice = i128::from(self.hourly_rate.minor()) * i128::from(minutes) * 2;
        let minor = i64::try_from((exact_twice + 60) / 120).map_err(|_| MoneyError::TooLarge)?;
        Money::new(minor, self.hourly_rate.currency())
    }

    /// What each side pays and gets. A week that is worth less than a card can be charged is charged for the least that
    /// can be: nobody else could pay for it, and what that is more is the client's credit.
    pub fn quote(&self) -> Result<Quote, MoneyError> {
        self.terms.quote(self.amount()?)?.charged_at_least()
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let role = Role::of(actor, &self.subject());
        self.verbs().iter().copied().filter(|verb| verb.allowed_to().contains(&role)).collect()
    }

    /// What it puts its contract on hold for, if for anything.
    pub fn holds_up(&self) -> Option<HoldReason> {
        match &self.state {
            TimesheetState::Unpaid { .. } => Some(HoldReason::PaymentFailed),
            TimesheetState::Approved { failures, .. } | TimesheetState::Charging { failures, .. } => {
                (*failures > 0).then_some(HoldReason::PaymentFailed)
            }
            TimesheetState::Disputed { .. } => Some(HoldReason::HourlyDispute),
            TimesheetState::Open
            | TimesheetState::Submitted { .. }
            | TimesheetState::Held { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => None,
        }
    }

    /// The timers that run in this state, and when they are due.
    pub fn clocks(&self) -> Vec<(Timer, Timestamp)> {
        let id = self.id;
        match &self.state {
            TimesheetState::Open => vec![(Timer::SubmitTimesheet(id), self.submits_at())],
            TimesheetState::Submitted { approves_at, .. } => vec![(Timer::AutoApproveTimesheet(id), *approves_at)],
            TimesheetState::Approved { charge_at, .. } => vec![(Timer::ChargeTimesheet(id), *charge_at)],
            TimesheetState::Charging { expires_at, .. } => vec![(Timer::ChargeTimesheet(id), *expires_at)],
            TimesheetState::Held { pays_at, .. } => vec![(Timer::PayTimesheet(id), *pays_at)],
            TimesheetState::Unpaid { written_off_at, reminded, .. } => {
                let notice = if *reminded { TimeDelta::zero() } else { days(self.terms.write_off_notice_days) };
                vec![(Timer::WriteOffTimesheet(id), *written_off_at - notice)]
            }
            TimesheetState::Disputed { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => Vec::new(),
        }
    }

    /// The freelancer writes down some work.
    pub fn add_entry(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        entry: TimeEntry,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimeEntryAdd)?;
        if self.entries.contains(&entry) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::TimeEntryAdd, expected)?;
        let mut invalid = Invalid::default();
        let note = invalid.text("note", &entry.note, 1..=500);
        invalid.range("minutes", entry.minutes, 1..=24 * 60);
        if self.entries.iter().any(|other| other.id == entry.id) {
            invalid.add("id", "DUPLICATE", "another entry has this id");
        }
        if entry.date < self.week || entry.date >= self.week + TimeDelta::days(7) {
            invalid.add("date", "OUT_OF_RANGE", format!("must lie in the week of {}", self.week));
        } else if entry.date > now.date_naive() {
            invalid.add("date", "OUT_OF_RANGE", "can't lie in the future");
        }
        let that_day = self.entries.iter().filter(|other| other.date == entry.date);
        if that_day.map(|other| other.minutes).sum::<u32>().saturating_add(entry.minutes) > 24 * 60 {
            invalid.add("minutes", "OUT_OF_RANGE", "a day has 24 hours");
        }
        invalid.finish()?;
        let together = self.minutes().saturating_add(entry.minutes);
        if together > self.limit_minutes {
            return Err(Refusal::Limit {
                code: "WEEKLY_LIMIT".to_owned(),
                limit: i64::from(self.limit_minutes),
                value: i64::from(together),
                message: format!("the contract allows {} minutes a week", self.limit_minutes),
            });
        }
        let mut next = self.clone();
        next.entries.push(TimeEntry { note, ..entry });
        if !next.amount().is_ok_and(|amount| next.terms.can_be_charged(amount)) {
            let message = "no more than 999,999.99 can be charged for a week, the client's fee included";
            return Err(Refusal::field("minutes", "OUT_OF_RANGE", message));
        }
        Ok(self.becomes(next))
    }

    /// The freelancer takes an entry back.
    pub fn remove_entry(
        self,
        actor: &Actor,
        expected: Option<i64>,
        entry: TimeEntryId,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimeEntryRemove)?;
        self.standing(actor, Verb::TimeEntryRemove, expected)?;
        if !self.entries.iter().any(|other| other.id == entry) {
            return Ok(Change::none(self));
        }
        let mut next = self.clone();
        next.entries.retain(|other| other.id != entry);
        Ok(self.becomes(next))
    }

    /// The week is over, and goes to the client: by itself when its terms say (later after an outage), or before that
    /// by the freelancer. A week without work is void.
    pub fn submit(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        let role = self.access(actor, Verb::TimesheetSubmit)?;
        if role == Role::System && (self.state != TimesheetState::Open || now < self.submits_at()) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::TimesheetSubmit, expected)?;
        if now < self.over_at() {
            return Err(Refusal::rule("WEEK_NOT_OVER", "the week can be submitted when it is over"));
        }
        self.handed_in(now)
    }

    /// Its contract takes no new work: what was worked so far goes to the client, who has the time
    /// to look at it that the whole week would have had.
    pub fn wind_up(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        if self.state == TimesheetState::Open { self.handed_in(now) } else { Ok(Change::none(self)) }
    }

    fn handed_in(self, now: Timestamp) -> Result<Change<Self>, Refusal> {
        if self.amount()?.is_zero() {
            let next = Self { state: TimesheetState::Void, ..self.clone() };
            return Ok(self.becomes(next));
        }
        let approves_at = self.approval_due(now);
        let event = Event::TimesheetSubmitted { timesheet: self.id, approves_at };
        let next = Self { state: TimesheetState::Submitted { submitted_at: now, approves_at }, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// The client accepts the week.
    pub fn approve(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetApprove)?;
        if matches!(self.state, TimesheetState::Approved { .. }) && !self.by_silence {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::TimesheetApprove, expected)?;
        self.approved(now, false)
    }

    /// The client was silent. While none of its people can answer, since all of them are `barred`, silence is not
    /// taken for a yes: the deadline moves, for the `barred_days` of the terms at most.
    pub fn auto_approve(self, actor: &Actor, now: Timestamp, barred: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match &self.state {
            TimesheetState::Submitted { approves_at, submitted_at } if *approves_at <= now => {
                let regular = self.approval_due(*submitted_at) + hours(self.grace_hours);
                if barred && *approves_at < regular + days(self.terms.barred_days) {
                    let state = TimesheetState::Submitted { submitted_at: *submitted_at, approves_at: now + days(1) };
                    let next = Self { state, ..self.clone() };
                    return Ok(self.becomes(next));
                }
                self.approved(now, true)
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// The client disputes some of the entries. They go to a timesheet of their own, with the id
    /// `apart`, which waits for the dispute; the rest is approved. Answers both, the rest first.
    pub fn dispute(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        listed: &[TimeEntryId],
        apart: TimesheetId,
        dispute: DisputeId,
    ) -> Result<Change<(Self, Self)>, Refusal> {
        self.access(actor, Verb::TimesheetDispute)?;
        self.standing(actor, Verb::TimesheetDispute, expected)?;
        let known = |id: &TimeEntryId| self.entries.iter().any(|entry| entry.id == *id);
        if listed.is_empty() || !listed.iter().all(known) {
            return Err(Refusal::field("timeEntryIds", "UNKNOWN", "name one or more entries of this timesheet"));
        }
        let (disputed, rest): (Vec<_>, Vec<_>) =
            self.entries.clone().into_iter().partition(|entry| listed.contains(&entry.id));
        let apart = Self {
            id: apart,
            split_from: Some(self.id),
            rest_minutes: rest.iter().map(|entry| entry.minutes).sum(),
            entries: disputed,
            version: 1,
            state: TimesheetState::Disputed { dispute },
            grace_hours: 0,
            ..self.clone()
        };
        let event = Event::TimesheetDisputed { timesheet: apart.id, dispute };
        let kept = Self { entries: rest, ..self.clone() };
        let change = self.becomes(kept).then(|timesheet| timesheet.approved(now, false))?;
        Ok(change.and(Change::to(apart).telling(event)))
    }

    /// The dispute found what the listed entries are worth, which is charged like any other week.
    pub fn settle(
        self,
        actor: &Actor,
        now: Timestamp,
        dispute: DisputeId,
        to_freelancer: Money,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        if self.state != (TimesheetState::Disputed { dispute }) {
            return Ok(Change::none(self));
        }
        let awarded = to_freelancer.min(self.amount()?)?;
        let settled = Self { awarded: Some(awarded), ..self.clone() };
        self.becomes(settled).then(|timesheet| timesheet.approved(now, false))
    }

    /// The client withdrew the dispute: the listed entries are approved as they are.
    pub fn resume(self, actor: &Actor, now: Timestamp, dispute: DisputeId) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        if self.state != (TimesheetState::Disputed { dispute }) {
            return Ok(Change::none(self));
        }
        self.approved(now, false)
    }

    /// An outage took time away: the deadline that runs moves by so many hours, within the cap.
    /// Deadlines only ever move later.
    pub fn extend(self, actor: &Actor, by_hours: u16) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        let granted = self.grace_left().min(by_hours);
        let mut state = self.state.clone();
        match &mut state {
            // Written until so many hours later.
            TimesheetState::Open => (),
            TimesheetState::Submitted { approves_at, .. } => *approves_at += hours(granted),
            TimesheetState::Disputed { .. }
            | TimesheetState::Approved { .. }
            | TimesheetState::Charging { .. }
            | TimesheetState::Unpaid { .. }
            | TimesheetState::Held { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => return Ok(Change::none(self)),
        }
        let (_, extended) = Self { state, ..self }.granted(by_hours);
        Ok(extended)
    }

    /// Grace, counted here: so many hours of what was asked for.
    pub(crate) fn granted(self, by_hours: u16) -> (u16, Change<Self>) {
        let granted = self.grace_left().min(by_hours);
        if granted == 0 {
            return (0, Change::none(self));
        }
        let event = Event::TimesheetExtended { timesheet: self.id, hours: granted };
        let next = Self { grace_hours: self.grace_hours + granted, ..self.clone() };
        (granted, self.becomes(next).telling(event))
    }

    pub(crate) fn grace_left(&self) -> u16 {
        self.terms.grace_cap_hours.saturating_sub(self.grace_hours)
    }

    fn approved(self, now: Timestamp, automatic: bool) -> Result<Change<Self>, Refusal> {
        let amount = self.amount()?;
        let state = if amount.is_zero() {
            TimesheetState::Void
        } else {
            TimesheetState::Approved { charge_at: now, failures: 0, last_attempt: None }
        };
        let event = Event::TimesheetApproved { timesheet: self.id, amount, automatic };
        let next = Self { state, by_silence: automatic, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    fn verbs(&self) -> &'static [Verb] {
        match &self.state {
            TimesheetState::Open => &[Verb::TimeEntryAdd, Verb::TimeEntryRemove, Verb::TimesheetSubmit],
            TimesheetState::Submitted { .. } => &[Verb::TimesheetApprove, Verb::TimesheetDispute],
            // A client whose card works again need not wait for the next try.
            TimesheetState::Unpaid { .. } => &[Verb::TimesheetPay, Verb::TimesheetWriteOff],
            TimesheetState::Approved { failures, .. } if *failures > 0 => &[Verb::TimesheetPay],
            TimesheetState::Disputed { .. }
            | TimesheetState::Approved { .. }
            | TimesheetState::Charging { .. }
            | TimesheetState::Held { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => &[],
        }
    }

    fn access(&self, actor: &Actor, verb: Verb) -> Result<Role, Refusal> {
        Ok(access::check(actor, verb, &self.subject())?)
    }

    fn standing(&self, actor: &Actor, verb: Verb, expected: Option<i64>) -> Result<(), Refusal> {
        expect_version(expected, self.version)?;
        if self.verbs().contains(&verb) { Ok(()) } else { Err(self.wrong_state(actor)) }
    }

    fn wrong_state(&self, actor: &Actor) -> Refusal {
        Refusal::wrong_state("timesheet", self.state.as_str(), self.allowed(actor))
    }

    fn becomes(&self, next: Self) -> Change<Self> {
        let next = Self { version: self.version + 1, ..next };
        let after = next.clocks();
        Change::to(next).clocked(&self.clocks(), &after)
    }

    /// When silence approves what was submitted then: a late submission still gets the time that one by the clock has.
    fn approval_due(&self, submitted_at: Timestamp) -> Timestamp {
        let regular = self.over_at() + TimeDelta::minutes(i64::from(self.terms.timesheet_approve_minutes));
        regular + (submitted_at - self.due_at()).max(TimeDelta::zero())
    }

    /// When the Monday after it begins.
    fn over_at(&self) -> Timestamp {
        self.begins_at() + TimeDelta::days(7)
    }

    /// When its Monday begins.
    pub fn begins_at(&self) -> Timestamp {
        self.week.and_time(NaiveTime::MIN).and_utc()
    }

    /// When it goes to the client by itself, while it is open: so long after it is over as its terms say, or as many
    /// hours later as outages gave.
    pub fn submits_at(&self) -> Timestamp {
        self.due_at() + hours(self.grace_hours)
    }

    fn due_at(&self) -> Timestamp {
        self.over_at() + hours(self.terms.timesheet_submit_hours)
    }
}
