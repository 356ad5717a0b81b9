//! From the available balance to a bank in Pakistan.
//!
//! The money leaves the available balance when the payout is requested, and waits in an account of
//! its own until the bank has it or it comes back; so a balance can't be paid out twice. A rail
//! that refuses is an expected answer: the next rail is tried. One that does not answer leaves the
//! payout *unknown*: it is asked about again under the same key, and never sent under a new one. One
//! that has not got it yet is handed it again, under the same key too.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::fx::FxQuote;
use crate::id::{PayoutId, PayoutMethodId, UserId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Currency, Money, MoneyError};
use crate::policy::{Terms, days};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

mod banks;
mod elsewhere;
mod lack;
mod method;
mod rail;
mod settle;
mod state;
#[cfg(test)]
mod tests;

pub use elsewhere::{Attempt, Elsewhere, Sight};
pub use lack::Lack;
pub use method::{BadIban, Iban, PayoutMethod};
pub use rail::{Carried, Disabled, Known, Rail, STABLECOIN};
pub use settle::Word;
pub use state::PayoutState;

/// Money on its way to a bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its id; also names the account its money waits in.
    pub id: PayoutId,
    /// Whose money.
    pub user: UserId,
    /// Where to.
    pub method: PayoutMethodId,
    /// How much.
    pub amount: Money,
    /// The code the bank wants to know the purpose by, as it was in force when requested.
    pub purpose_code: String,
    /// What that code stands for, as it was then.
    #[serde(default)]
    pub purpose: String,
    /// What for, in the freelancer's words.
    #[serde(default)]
    pub written_purpose: String,
    /// What a dollar was in rupees, if somebody quoted it. The books know nothing of it.
    #[serde(default)]
    pub quote: Option<FxQuote>,
    /// The number of the bank's certificate of proceeds, once the freelancer has it.
    #[serde(default)]
    pub e_prc: Option<String>,
    /// What of it goes to an account in dollars.
    #[serde(default)]
    pub retention: Option<Retention>,
    /// Rails by which payouts to the account had come back lately: they are passed over.
    #[serde(default)]
    pub failed_rails: Vec<Rail>,
    /// The terms when it was requested.
    pub terms: Terms,
    /// Counts up with every change.
    pub version: i64,
    /// How often it was handed to a rail; part of the key, so that only a refusal makes a new one.
    pub attempt: u32,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// What one of our people said became of it, where its rail can't be asked.
    #[serde(default)]
    pub word: Option<Word>,
    /// What a rail wanted to know of who is paid, and was not told: it went on by the next.
    #[serde(default)]
    pub lacks: Option<Lack>,
    /// Where it stands.
    pub state: PayoutState,
}

/// The part of a payout that is kept in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The account.
    pub method: PayoutMethodId,
    /// How much.
    pub amount: Money,
}

/// What a person has paid out lately; what came back or was called off does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// How often within 24 hours.
    pub day_count: u16,
    /// How much within 24 hours.
    pub day: Money,
    /// How much in this month, in Karachi.
    pub month: Money,
    /// How much of that was kept in dollars.
    pub month_retained: Money,
}

impl Recent {
    /// Nothing.
    pub const NOTHING: Self = {
        let zero = Money::zero(Currency::Usd);
        Self { day_count: 0, day: zero, month: zero, month_retained: zero }
    };

    /// Is a payout of `amount` still within what one person may have in a day?
    fn within(&self, amount: Money, terms: &Terms) -> Result<(), Refusal> {
        let (most, count, so_far) = (terms.payout_day_max, terms.payout_day_count, self.day);
        let refused =
            |code: &str, limit, value, message| Err(Refusal::Limit { code: code.to_owned(), limit, value, message });
        if self.day_count >= count {
            let message = format!("within 24 hours a person has {count} payouts at most: try again later");
            return refused("PAYOUT_DAY_COUNT", count.into(), i64::from(self.day_count) + 1, message);
        }
        let together = so_far.plus(amount)?;
        if !most.covers(together)? {
            let message = format!(
                "within 24 hours {most} at most are paid out; {so_far} are by now, {amount} more were asked for"
            );
            return refused("PAYOUT_DAY_AMOUNT", most.minor(), together.minor(), message);
        }
        Ok(())
    }

    /// What of a payout of `amount` may be kept in dollars: the larger of a sum and a share of the month.
    pub fn retainable(&self, amount: Money, terms: &Terms) -> Result<Money, MoneyError> {
        let share = self.month.plus(amount)?.share(terms.retention_share);
        let most = if share.covers(terms.retention_month_max)? { share } else { terms.retention_month_max };
        most.minus_or_zero(self.month_retained)?.min(amount)
    }
}

/// What screening said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screened {
    /// Nothing found.
    Clear,
    /// A name or a country is on a list.
    Hit(String),
}

/// What a freelancer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRequest {
    /// How much.
    pub amount: Money,
    /// The purpose code.
    pub purpose_code: String,
    /// What that stands for; none if no such code is in force.
    pub purpose: Option<String>,
    /// What for, in words; else what the code stands for.
    pub written_purpose: Option<String>,
    /// What a dollar is in rupees, if somebody quoted it.
    pub quote: Option<FxQuote>,
    /// What of it is kept in dollars, and where.
    pub retention: Option<(PayoutMethod, Money)>,
    /// What the freelancer has paid out lately.
    pub recent: Recent,
    /// The rails by which payouts to the account came back lately.
    pub failed_rails: Vec<Rail>,
    /// Did the freelancer just prove who they are again?
    pub reauthenticated: bool,
}

/// Why a suspended person's payout is stopped.
pub const SUSPENDED: &str = "the account is suspended";

impl Payout {
    /// A freelancer asks for money, of which there is `available`. It leaves the balance at once.
    pub fn request(
        actor: &Actor,
        now: Timestamp,
        id: PayoutId,
        method: &PayoutMethod,
        request: PayoutRequest,
        available: Money,
        terms: Terms,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PayoutRequest, &method.subject())?;
        if !request.reauthenticated {
            return Err(Refusal::REAUTHENTICATE);
        }
        method.usable(now)?;
        if method.currency != Currency::Pkr {
            let message = "the first account is one in rupees; one in dollars can keep a part";
            return Err(Refusal::rule("RETENTION_ACCOUNT", message));
        }
        if let Some((kept_at, _)) = &request.retention {
            // Another's account is none.
            if kept_at.user != method.user {
                return Err(Refusal::HIDDEN);
            }
            kept_at.usable(now)?;
            if kept_at.currency != Currency::Usd {
                return Err(Refusal::rule(
                    "RETENTION_ACCOUNT",
                    "what is kept in dollars goes to an account in dollars",
                ));
            }
        }
        let mut invalid = Invalid::default();
        let purpose_code = invalid.line("purposeCode", &request.purpose_code, 1..=20);
        let purpose = request.purpose.unwrap_or_else(|| {
            invalid.add("purposeCode", "UNKNOWN", "is no purpose code that banks take now: see payoutPurposes");
            String::new()
        });
        let written_purpose = match &request.written_purpose {
            Some(text) => invalid.line("writtenPurpose", text, 1..=140),
            None => purpose.clone(),
        };
        if !request.amount.covers(terms.payout_min)? {
            invalid.add("amount", "OUT_OF_RANGE", format!("the smallest payout is {}", terms.payout_min));
        }
        let retention = request.retention.map(|(kept_at, amount)| Retention { method: kept_at.id, amount });
        if let Some(Retention { amount, .. }) = &retention {
            let most = request.recent.retainable(request.amount, &terms)?;
            if amount.is_zero() || !most.covers(*amount)? {
                let message =
                    format!("must be more than nothing, and {most} at most may be kept in dollars of this payout");
                invalid.add("retention", "OUT_OF_RANGE", message);
            }
        }
        invalid.finish()?;
        if !available.covers(request.amount)? {
            return Err(Refusal::Insufficient { available, asked: request.amount });
        }
        request.recent.within(request.amount, &terms)?;
        let payout = Self {
            id,
            user: method.user,
            method: method.id,
            amount: request.amount,
            purpose_code,
            purpose,
            written_purpose,
            quote: request.quote.filter(|quote| quote.stands(now)),
            e_prc: None,
            retention,
            failed_rails: request.failed_rails,
            terms,
            version: 1,
            attempt: 0,
            requested_at: now,
            word: None,
            lacks: None,
            state: PayoutState::Requested { at: now },
        };
        let entry = payout.entry(Reason::PayoutSend).moving(
            LedgerAccount::Available(payout.user),
            payout.account(),
            payout.amount,
        );
        let event = Event::PayoutRequested { payout: id, amount: payout.amount };
        let clocks = payout.clocks();
        Ok(Change::to(payout).posting(entry).telling(event).clocked(&[], &clocks))
    }

    /// What is changed into rupees: all that is not kept in dollars.
    pub fn changed(&self) -> Result<Money, MoneyError> {
        match self.retention {
            Some(Retention { amount, .. }) => self.amount.minus(amount),
            None => Ok(self.amount),
        }
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// The key that every rail is given for this attempt.
    pub fn rail_key(&self) -> String {
        format!("{}:{}", self.id, self.attempt)
    }

    /// Which payout, and which attempt at it, such a key names.
    pub fn named_by(rail_key: &str) -> Option<(PayoutId, u32)> {
        let (payout, attempt) = rail_key.split_once(':')?;
        Some((payout.parse().ok()?, attempt.parse().ok()?))
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let role = Role::of(actor, &self.subject());
        let approved = actor.user().is_some_and(|user| self.approvals().contains(&user));
        let open = |verb: &Verb| *verb != Verb::PayoutApprove || !approved;
        self.verbs().iter().copied().filter(|verb| verb.allowed_to().contains(&role)).filter(open).collect()
    }

    /// The timers that run in this state, and when they are due.
    pub fn clocks(&self) -> Vec<(Timer, Timestamp)> {
        let at = match &self.state {
            PayoutState::Requested { at } => *at,
            PayoutState::Screening { since } => *since + self.poll(),
            // Waiting for our people.
            PayoutState::Queued { rail, approvals, .. } if approvals.len() < rail.approvals() => return Vec::new(),
            PayoutState::Queued { since, funds_at, .. } => funds_at.unwrap_or(*since),
            PayoutState::Sent { poll_at, .. }
            | PayoutState::InTransit { poll_at, .. }
            | PayoutState::Unknown { poll_at, .. } => *poll_at,
            PayoutState::Paid { look_at: Some(look_at), .. } => *look_at,
            PayoutState::Blocked { .. }
            | PayoutState::Paid { look_at: None, .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => return Vec::new(),
        };
        vec![(Timer::AdvancePayout(self.id), at)]
    }

    /// The freelancer calls it off before it is handed to a rail.
    pub fn cancel(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutCancel)?;
        if matches!(self.state, PayoutState::Cancelled { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, Verb::PayoutCancel, expected)?;
        let entry = self.back(self.account());
        let event = Event::PayoutCancelled { payout: self.id };
        Ok(self.becomes(PayoutState::Cancelled { at: now }).posting(entry).telling(event))
    }

    /// Screening begins.
    pub fn screen(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        match &self.state {
            PayoutState::Requested { .. } => Ok(self.screening(now)),
            _ => Ok(Change::none(self)),
        }
    }

    fn screening(self, now: Timestamp) -> Change<Self> {
        let event = Event::PayoutScreeningBegan { payout: self.id };
        self.becomes(PayoutState::Screening { since: now }).telling(event)
    }

    /// Screening answered.
    pub fn screened(self, actor: &Actor, now: Timestamp, outcome: Screened) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        if !matches!(self.state, PayoutState::Screening { .. }) {
            return Ok(Change::none(self));
        }
        match outcome {
            Screened::Clear => {
                let first = self.first_rail();
                Ok(self.queued(now, first))
            }
            Screened::Hit(reason) => {
                let event = Event::PayoutBlocked { payout: self.id };
                Ok(self.becomes(PayoutState::Blocked { since: now, reason }).telling(event))
            }
        }
    }

    /// Its owner is suspended: it goes no further before our people have looked at it.
    pub fn withhold(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        match &self.state {
            PayoutState::Requested { .. } | PayoutState::Screening { .. } | PayoutState::Queued { .. } => {
                let event = Event::PayoutBlocked { payout: self.id };
                let reason = SUSPENDED.to_owned();
                Ok(self.becomes(PayoutState::Blocked { since: now, reason }).telling(event))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// Can it only go on when one of our people does something?
    pub fn waits_for_staff(&self) -> bool {
        match &self.state {
            PayoutState::Blocked { .. } => true,
            PayoutState::Queued { rail, approvals, .. } => approvals.len() < rail.approvals(),
            PayoutState::Unknown { stuck, .. } => *stuck,
            PayoutState::Requested { .. }
            | PayoutState::Screening { .. }
            | PayoutState::Sent { .. }
            | PayoutState::InTransit { .. }
            | PayoutState::Paid { .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => false,
        }
    }

    /// Who of our people has approved it to be sent.
    pub fn approvals(&self) -> &[UserId] {
        match &self.state {
            PayoutState::Queued { approvals, .. } => approvals,
            _ => &[],
        }
    }

    /// What its owner is told where the state alone would leave them wondering. What a screening
    /// found is not theirs to know.
    pub fn explanation(&self) -> Option<&'static str> {
        match &self.state {
            PayoutState::Blocked { .. } | PayoutState::Unknown { rests: Some(_), .. } => Some(
                "Our people are checking this payout, as the law asks us to. The money is safe, and there is \
                 nothing you need to do: it goes on, or comes back to your available balance.",
            ),
            PayoutState::Queued { rail, approvals, .. } if approvals.len() < rail.approvals() => Some(
                "No automatic way to your bank took this payout, so our people send it by hand once two of them \
                 have approved it. You can still call it off.",
            ),
            PayoutState::Queued { put_off_since: Some(_), .. } => Some(
                "Those who carry this payout do not take it right now. It is sent again by itself, and another way if that \
                 goes on for two days. You can still call it off.",
            ),
            PayoutState::Queued { funds_at: Some(_), .. } => Some(
                "This payout waits for our own money to get to those who carry it, and is sent again by itself. Nothing \
                 is wrong with your account. You can still call it off.",
            ),
            PayoutState::Unknown { .. } => {
                Some("The bank has not said yet what became of this payout. We keep asking, and nothing is sent twice.")
            }
            PayoutState::Returned { .. } => Some(
                "It came back, and is in your available balance again. If your account is the reason, ask your bank about \
                 it, or be paid out to another one.",
            ),
            PayoutState::Queued { .. } | PayoutState::Sent { .. } | PayoutState::InTransit { .. } => {
                self.lacks.map(Lack::explanation)
            }
            PayoutState::Requested { .. }
            | PayoutState::Screening { .. }
            | PayoutState::Paid { .. }
            | PayoutState::Cancelled { .. } => None,
        }
    }

    /// Our people found that a hit was none. What was stopped because of its owner may never have been screened: it
    /// is, or once more.
    pub fn unblock(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutUnblock)?;
        self.standing(actor, Verb::PayoutUnblock, expected)?;
        if matches!(&self.state, PayoutState::Blocked { reason, .. } if reason == SUSPENDED) {
            return Ok(self.screening(now));
        }
        let first = self.first_rail();
        Ok(self.queued(now, first))
    }

    /// Our people found that it can't be paid out: the money is available again, on the books.
    pub fn reject(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutReject)?;
        self.standing(actor, Verb::PayoutReject, expected)?;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 1..=500);
        invalid.finish()?;
        Ok(self.came_back(now, reason))
    }

    /// One of our people approves a payout by hand. It takes two, and neither may be its owner.
    pub fn approve(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutApprove)?;
        self.standing(actor, Verb::PayoutApprove, expected)?;
        let by = actor.person()?.user;
        let PayoutState::Queued { rail, approvals, .. } = &self.state else { return Err(self.wrong_state(actor)) };
        if approvals.contains(&by) {
            return Err(Refusal::rule("SAME_APPROVER", "the second approval is another person's"));
        }
        let mut approvals = approvals.clone();
        approvals.push(by);
        let rail = *rail;
        Ok(self.becomes(PayoutState::Queued { rail, since: now, approvals, funds_at: None, put_off_since: None }))
    }

    /// It is handed to its rail, under [`rail_key`](Self::rail_key).
    pub fn send(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        match &self.state {
            PayoutState::Queued { rail, approvals, .. } if approvals.len() >= rail.approvals() => {
                let rail = *rail;
                Ok(self.handed_over(now, rail))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// The quote is over before the money went, or there was none to be had: it goes with the one that stands now, or
    /// without one.
    pub fn requote(self, actor: &Actor, now: Timestamp, quote: Option<FxQuote>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        let is_waiting = matches!(self.state, PayoutState::Queued { .. });
        let quote = quote.filter(|quote| quote.stands(now));
        let stands = self.quote.as_ref().map_or(quote.is_none(), |quote| quote.stands(now));
        if !is_waiting || stands {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { version: self.version + 1, quote, ..self }))
    }

    /// The freelancer has the bank's certificate of proceeds, and notes its number.
    pub fn attach_e_prc(self, actor: &Actor, expected: Option<i64>, number: &str) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutEPrcAttach)?;
        self.standing(actor, Verb::PayoutEPrcAttach, expected)?;
        let number = number.trim().to_ascii_uppercase();
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'/';
        if !(4..=40).contains(&number.len()) || !number.bytes().all(fits) {
            let message = "must be 4 to 40 letters, digits, dashes and slashes, as the bank wrote it";
            return Err(Refusal::field("number", "MALFORMED", message));
        }
        if self.e_prc.as_deref() == Some(number.as_str()) {
            return Ok(Change::none(self));
        }
        Ok(Change::to(Self { version: self.version + 1, e_prc: Some(number), ..self }))
    }

    fn verbs(&self) -> &'static [Verb] {
        match &self.state {
            PayoutState::Requested { .. } | PayoutState::Screening { .. } => &[Verb::PayoutCancel, Verb::PayoutAdvance],
            PayoutState::Queued { rail, approvals, .. } if approvals.len() < rail.approvals() => {
                &[Verb::PayoutCancel, Verb::PayoutApprove, Verb::PayoutReject]
            }
            PayoutState::Queued { .. } => &[Verb::PayoutCancel, Verb::PayoutAdvance],
            PayoutState::Blocked { .. } => &[Verb::PayoutUnblock, Verb::PayoutReject],
            PayoutState::InTransit { rail, .. } | PayoutState::Unknown { rail, .. } if rail.is_processors() => {
                &[Verb::PayoutAdvance, Verb::PayoutSettle]
            }
            // Our bank was never given it, and the processor may have paid it, or can't be asked whether it has.
            PayoutState::Unknown { stuck: true, .. } => &[Verb::PayoutAdvance, Verb::PayoutSettle],
            PayoutState::Sent { .. } | PayoutState::InTransit { .. } | PayoutState::Unknown { .. } => {
                &[Verb::PayoutAdvance]
            }
            PayoutState::Paid { .. } => &[Verb::PayoutEPrcAttach],
            PayoutState::Returned { .. } | PayoutState::Cancelled { .. } => &[],
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
        Refusal::wrong_state("payout", self.state.as_str(), self.allowed(actor))
    }

    fn becomes(self, state: PayoutState) -> Change<Self> {
        let before = self.clocks();
        let next = Self { version: self.version + 1, state, ..self };
        let after = next.clocks();
        Change::to(next).clocked(&before, &after)
    }

    fn queued(self, now: Timestamp, rail: Rail) -> Change<Self> {
        self.queued_until(now, rail, None, None)
    }

    fn queued_until(
        self,
        now: Timestamp,
        rail: Rail,
        funds_at: Option<Timestamp>,
        put_off_since: Option<Timestamp>,
    ) -> Change<Self> {
        let event = Event::PayoutQueued { payout: self.id, rail };
        let state = PayoutState::Queued { rail, since: now, approvals: Vec::new(), funds_at, put_off_since };
        self.becomes(state).telling(event)
    }

    fn came_back(self, now: Timestamp, reason: String) -> Change<Self> {
        let entry = match &self.state {
            PayoutState::Paid { .. } => self.back_from_bank(),
            _ => self.back(self.account()),
        };
        let event = Event::PayoutReturned { payout: self.id };
        let rail = self.state.rail();
        self.becomes(PayoutState::Returned { at: now, reason, rail }).posting(entry).telling(event)
    }

    /// The bank sends back what it had: first what we bore of it, the rest is its owner's.
    fn back_from_bank(&self) -> JournalEntry {
        let lost = self.word.as_ref().and_then(|word| word.lost);
        let Some((lost, rest)) = lost.and_then(|lost| Some((lost, self.amount.minus(lost).ok()?))) else {
            return self.back(LedgerAccount::PaidOut);
        };
        self.entry(Reason::PayoutReturn).moving(LedgerAccount::PaidOut, LedgerAccount::Losses, lost).moving(
            LedgerAccount::PaidOut,
            LedgerAccount::Available(self.user),
            rest,
        )
    }

    fn back(&self, from: LedgerAccount) -> JournalEntry {
        self.entry(Reason::PayoutReturn).moving(from, LedgerAccount::Available(self.user), self.amount)
    }

    fn entry(&self, reason: Reason) -> JournalEntry {
        JournalEntry::new(reason, format!("{}:{}:{}", self.id, self.version + 1, reason.as_str()))
    }

    fn account(&self) -> LedgerAccount {
        LedgerAccount::InTransit(self.id)
    }

    fn poll(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.terms.payout_poll_minutes))
    }
}
