//! Corrections of the books: what no other verb can set right, two of our people do.
//!
//! One proposes to move an amount from one account to another, be it the entry that reconciliation proposes for a
//! [difference](crate::reconciliation::Difference) or one of their own; another one approves, and the entry is posted.
//!
//! Not every account can be named. One side is always an account of the platform's own, so that nobody's mistake moves
//! money from one person to another; the other may be a client's credit or what is available to a freelancer. Escrow and
//! what is in its hold belong to a milestone or a week whose parts must add up, and what is in transit to a payout: the
//! verbs of those move it, and no correction. Whose account is named neither proposes it nor approves.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::credit::Credit;
use crate::event::Event;
use crate::id::{CorrectionId, PaymentId, ReconciliationId, UserId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Currency, Money};
use crate::reconciliation::{Class, PROPOSED, correction_key};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

/// Who does not approve within so long is not going to: what was true then has to be looked at anew.
pub const OPEN_FOR: TimeDelta = TimeDelta::days(7);

/// What a correction is about, in the words of reconciliation, which finds both sides in agreement by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Which kind of movement.
    pub class: Class,
    /// Of what: a payment, a refund, a payout, or a name the processor gave.
    pub about: String,
}

/// What one of our people proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionDraft {
    /// Out of which account.
    pub from: LedgerAccount,
    /// Into which.
    pub to: LedgerAccount,
    /// How much.
    pub amount: Money,
    /// Why, for those who read the books later.
    pub reason: String,
    /// What it is about; has to be said where an account is named that reconciliation holds against the processor.
    pub cause: Option<Cause>,
    /// The difference it settles, if reconciliation found one.
    pub settles: Option<Settled>,
    /// The payment it came with, where a client gets it as credit and the payment is theirs.
    pub came_with: Option<PaymentId>,
    /// The chargeback it is about, where it is about what banks did with a payment: [`chargeback_meant`].
    pub chargeback: Option<String>,
}

/// A difference that a correction settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which comparison found it.
    pub reconciliation: ReconciliationId,
    /// When the newest of its lines is of: the correction counts as of then.
    pub newest: Timestamp,
    /// The key of the entry that reconciliation proposed, if it is that one.
    pub proposed: Option<String>,
}

/// An entry that one of our people proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its id.
    pub id: CorrectionId,
    /// Out of which account.
    pub from: LedgerAccount,
    /// Into which.
    pub to: LedgerAccount,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// What it is about.
    pub cause: Option<Cause>,
    /// The comparison whose difference it settles.
    pub reconciliation: Option<ReconciliationId>,
    /// The payment it came with, where a client gets it as credit.
    pub came_with: Option<PaymentId>,
    /// The chargeback it is about, by the processor's name for it; it counts for no other one of the same payment.
    pub chargeback: Option<String>,
    /// The key of the entry: a difference's own proposal is posted once, whoever proposes it.
    pub key: String,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// When.
    pub proposed_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
    /// Where it stands.
    pub state: CorrectionState,
}

/// Where a correction stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CorrectionState {
    /// It waits for another one of our people.
    Proposed {
        /// Until when.
        expires_at: Timestamp,
    },
    /// It was approved, and is in the books.
    Posted {
        /// When.
        at: Timestamp,
        /// Who approved it.
        by: UserId,
    },
    /// Another one of our people did not want it.
    Declined {
        /// When.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// Why.
        reason: String,
    },
    /// Who proposed it took it back.
    Withdrawn {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Nobody approved it in time.
    Expired {
        /// When.
        at: Timestamp,
    },
}

impl CorrectionState {
    /// The name of the state, for columns, filters and the schema.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "proposed",
            Self::Posted { .. } => "posted",
            Self::Declined { .. } => "declined",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
        }
    }
}

/// What there is to take from, when a correction is approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An account of our own, which may go below zero.
    Ours,
    /// What is available to a freelancer.
    Available(Money),
    /// A client's credit.
    Credit(Credit),
}

/// Which chargeback of a payment is meant by who corrects what banks did with that payment: the one they `named`, or else
/// the only one that is `known`, each by the processor's name for it. Money that moved is booked once, so a correction
/// counts for one of them; where several are known it has to be said for which. None while nobody has heard of any.
pub fn chargeback_meant(named: Option<String>, known: &[String]) -> Result<Option<String>, Refusal> {
    match (named, known) {
        (Some(named), _) => Ok(Some(named)),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only.clone())),
        (None, several) => {
            let message = format!(
                "banks took back of this payment more than once: name the chargeback instead, which is one of {}",
                several.join(", ")
            );
            Err(Refusal::field("about", "SEVERAL_CHARGEBACKS", message))
        }
    }
}

/// What a correction may do with an account.
enum Nameable {
    /// It is the platform's own.
    Ours,
    /// The same, and reconciliation holds it against the processor.
    Compared,
    /// It is somebody's.
    Theirs(Subject),
    /// Other verbs move it.
    No,
}

fn nameable(account: LedgerAccount) -> Nameable {
    match account {
        LedgerAccount::ProcessorClearing | LedgerAccount::ProcessorFees | LedgerAccount::PaidOut => Nameable::Compared,
        LedgerAccount::FeeRevenue | LedgerAccount::Losses => Nameable::Ours,
        LedgerAccount::ClientCredit(organization) => Nameable::Theirs(Subject::of_client(organization)),
        LedgerAccount::Available(user) => Nameable::Theirs(Subject::of_person(user)),
        LedgerAccount::Escrow(_)
        | LedgerAccount::TimesheetEscrow(_)
        | LedgerAccount::Pending(_)
        | LedgerAccount::InTransit(_) => Nameable::No,
    }
}

impl Correction {
    /// One of our people proposes a correction.
    pub fn propose(
        actor: &Actor,
        now: Timestamp,
        id: CorrectionId,
        draft: CorrectionDraft,
    ) -> Result<Change<Self>, Refusal> {
        let CorrectionDraft { from, to, amount, cause, settles, came_with, chargeback, reason } = draft;
        access::check(actor, Verb::CorrectionPropose, &subject(from, to))?;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", &reason, 1..=500);
        for (path, account) in [("from", from), ("to", to)] {
            if matches!(nameable(account), Nameable::No) {
                let message = "what is held, in its hold or on its way is moved by the verbs of what it is held for";
                invalid.add(path, "NOT_CORRECTED", message);
            }
        }
        let theirs = |account| matches!(nameable(account), Nameable::Theirs(_));
        if theirs(from) && theirs(to) {
            invalid.add("to", "NOT_CORRECTED", "one side is an account of the platform's own");
        }
        if from == to {
            invalid.add("to", "DUPLICATE", "it moves from one account to another");
        }
        if amount.is_zero() {
            invalid.add("amount", "OUT_OF_RANGE", "must be more than nothing");
        }
        if amount.currency() != Currency::Usd {
            invalid.add("amount", "CURRENCY", "the books are kept in US dollars");
        }
        let compared = |account| matches!(nameable(account), Nameable::Compared);
        match &cause {
            Some(cause) => {
                let about = invalid.line("about", &cause.about, 1..=200);
                if about.contains('@') {
                    invalid.add("about", "MALFORMED", "no name of a movement holds an @");
                }
            }
            None if compared(from) || compared(to) => {
                invalid.add("about", "REQUIRED", "say what moved at the processor, or at our bank, and as what");
            }
            None => (),
        }
        invalid.finish()?;
        let key = match (&settles, &cause) {
            (Some(Settled { proposed: Some(key), .. }), _) => key.clone(),
            (Some(Settled { newest, .. }), Some(Cause { class, about })) => {
                format!("{}~{id}", correction_key(*class, about, *newest))
            }
            (_, Some(Cause { class, about })) => format!("{PROPOSED}{}:{about}@{id}", class.as_str()),
            (_, None) => format!("correction:{id}"),
        };
        let by = actor.person()?.user;
        let correction = Self {
            id,
            from,
            to,
            amount,
            reason,
            cause,
            reconciliation: settles.map(|settled| settled.reconciliation),
            came_with: came_with.filter(|_| matches!(to, LedgerAccount::ClientCredit(_))),
            chargeback,
            key,
            proposed_by: by,
            proposed_at: now,
            version: 1,
            state: CorrectionState::Proposed { expires_at: now + OPEN_FOR },
        };
        let clocks = correction.clocks();
        Ok(Change::to(correction).telling(Event::CorrectionProposed { correction: id }).clocked(&[], &clocks))
    }

    /// Whose account is named, for the access table: whoever it is has no say in it.
    pub fn subject(&self) -> Subject {
        subject(self.from, self.to)
    }

    /// Is it a fee that goes into the books as the processor kept it, or gave it back? Nobody's money is in that, so several
    /// are looked at together.
    pub fn is_of_a_fee(&self) -> bool {
        let between = |account| matches!(account, LedgerAccount::ProcessorFees | LedgerAccount::ProcessorClearing);
        let of_fee = self.cause.as_ref().is_some_and(|cause| cause.class == Class::Fee);
        of_fee && between(self.from) && between(self.to)
    }

    /// The timers that run in this state, and when they are due.
    pub fn clocks(&self) -> Vec<(Timer, Timestamp)> {
        match self.state {
            CorrectionState::Proposed { expires_at } => vec![(Timer::ExpireCorrection(self.id), expires_at)],
            CorrectionState::Posted { .. }
            | CorrectionState::Declined { .. }
            | CorrectionState::Withdrawn { .. }
            | CorrectionState::Expired { .. } => Vec::new(),
        }
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let role = Role::of(actor, &self.subject());
        let own = actor.user() == Some(self.proposed_by);
        let verbs: &[Verb] = match self.state {
            CorrectionState::Proposed { .. } => &[Verb::CorrectionApprove, Verb::CorrectionDecline],
            CorrectionState::Posted { .. }
            | CorrectionState::Declined { .. }
            | CorrectionState::Withdrawn { .. }
            | CorrectionState::Expired { .. } => &[],
        };
        let open = |verb: &Verb| !own || *verb != Verb::CorrectionApprove;
        verbs.iter().copied().filter(|verb| verb.allowed_to().contains(&role)).filter(open).collect()
    }

    /// Another one of our people approves: it is posted, as one entry. `source` is what there is where it is taken from.
    pub fn approve(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        source: &Source,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::CorrectionApprove, &self.subject())?;
        if matches!(self.state, CorrectionState::Posted { .. }) {
            return Ok(Change::none(self));
        }
        self.standing(actor, now, expected)?;
        let by = actor.person()?.user;
        if by == self.proposed_by {
            return Err(Refusal::rule("SAME_APPROVER", "another one of our people approves it"));
        }
        let entry = JournalEntry::new(Reason::Correction, &self.key).moving(self.from, self.to, self.amount);
        let entry = match (source, self.came_with) {
            (Source::Ours, Some(payment)) => entry.all_came_with(self.to, payment),
            (Source::Ours, None) => entry,
            (Source::Available(there), _) if !there.covers(self.amount)? => {
                return Err(Refusal::Insufficient { available: *there, asked: self.amount });
            }
            (Source::Available(_), _) => entry,
            (Source::Credit(credit), _) => entry.came_with(self.from, &credit.spend(self.amount)?)?,
        };
        let Subject { client, person, .. } = self.subject();
        let told = Event::CorrectionPosted { correction: self.id, client, freelancer: person, amount: self.amount };
        Ok(self.becomes(CorrectionState::Posted { at: now, by }).posting(entry).telling(told))
    }

    /// One of our people does not want it; who proposed it takes it back.
    pub fn decline(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::CorrectionDecline, &self.subject())?;
        let by = actor.person()?.user;
        match &self.state {
            CorrectionState::Declined { by: who, .. } if *who == by => return Ok(Change::none(self)),
            CorrectionState::Withdrawn { .. } if self.proposed_by == by => return Ok(Change::none(self)),
            _ => self.standing(actor, now, expected)?,
        }
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 1..=500);
        invalid.finish()?;
        let state = if by == self.proposed_by {
            CorrectionState::Withdrawn { at: now, reason }
        } else {
            CorrectionState::Declined { at: now, by, reason }
        };
        let told = Event::CorrectionEnded { correction: self.id };
        Ok(self.becomes(state).telling(told))
    }

    /// Nobody approved it in time.
    pub fn expire(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::CorrectionExpire, &self.subject())?;
        match self.state {
            CorrectionState::Proposed { expires_at } if expires_at <= now => (),
            CorrectionState::Proposed { .. }
            | CorrectionState::Posted { .. }
            | CorrectionState::Declined { .. }
            | CorrectionState::Withdrawn { .. }
            | CorrectionState::Expired { .. } => return Ok(Change::none(self)),
        }
        let told = Event::CorrectionEnded { correction: self.id };
        Ok(self.becomes(CorrectionState::Expired { at: now }).telling(told))
    }

    /// Does it still wait? One whose time is over does not, though the timer has not come round to it.
    fn standing(&self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<(), Refusal> {
        expect_version(expected, self.version)?;
        match self.state {
            CorrectionState::Proposed { expires_at } if now < expires_at => Ok(()),
            CorrectionState::Proposed { .. } => Err(Refusal::rule(
                "CORRECTION_EXPIRED",
                "nobody approved it within seven days: look at the books again, and propose what is still to be done",
            )),
            CorrectionState::Posted { .. }
            | CorrectionState::Declined { .. }
            | CorrectionState::Withdrawn { .. }
            | CorrectionState::Expired { .. } => {
                Err(Refusal::wrong_state("correction", self.state.as_str(), self.allowed(actor)))
            }
        }
    }

    fn becomes(self, state: CorrectionState) -> Change<Self> {
        let before = self.clocks();
        let next = Self { version: self.version + 1, state, ..self };
        let after = next.clocks();
        Change::to(next).clocked(&before, &after)
    }
}

/// Whose money moves: at most one side of a correction is somebody's.
fn subject(from: LedgerAccount, to: LedgerAccount) -> Subject {
    let mut whose = Subject::OURS;
    for account in [from, to] {
        if let Nameable::Theirs(Subject { client, person, .. }) = nameable(account) {
            whose = Subject { client: client.or(whose.client), person: person.or(whose.person), ..whose };
        }
    }
    whose
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::id::{Id, OrganizationId};

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn admin(n: u128) -> Actor {
        Actor::Person(Person {
            user: id(n),
            suspended: false,
            second_factor: true,
            staff: Some(Staff::Admin),
            memberships: vec![],
        })
    }

    fn usd(cents: i64) -> Money {
        Money::usd(cents).unwrap()
    }

    fn at(days: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::days(days)
    }

    fn draft(from: LedgerAccount, to: LedgerAccount, cause: Option<Cause>) -> CorrectionDraft {
        let reason = "Counted twice".to_owned();
        CorrectionDraft { from, to, amount: usd(500), reason, cause, settles: None, came_with: None, chargeback: None }
    }

    fn proposed(from: LedgerAccount, to: LedgerAccount) -> Result<Change<Correction>, Refusal> {
        let cause = Cause { class: Class::Payment, about: "txn_1".to_owned() };
        Correction::propose(&admin(1), at(0), id(1), draft(from, to, Some(cause)))
    }

    #[test]
    fn only_what_no_other_verb_has_to_add_up_is_named() {
        use LedgerAccount::*;
        let ours = [ProcessorClearing, ProcessorFees, PaidOut, FeeRevenue, Losses];
        let theirs = [ClientCredit(id(7)), Available(id(8))];
        let never = [Escrow(id(1)), TimesheetEscrow(id(1)), Pending(id(8)), InTransit(id(1))];
        for from in ours.into_iter().chain(theirs).chain(never) {
            for to in ours.into_iter().chain(theirs).chain(never) {
                let named = |of: &[LedgerAccount]| (of.contains(&from), of.contains(&to));
                let (one, other) = named(&theirs);
                let (held, holds) = named(&never);
                let fine = !(from == to || held || holds || one && other);
                assert_eq!(proposed(from, to).is_ok(), fine, "{from} to {to}");
            }
        }
        for (from, to, needs) in [
            (Losses, FeeRevenue, false),
            (Losses, Available(id(8)), false),
            (ProcessorClearing, Losses, true),
            (Losses, ProcessorFees, true),
            (PaidOut, Available(id(8)), true),
        ] {
            let free = Correction::propose(&admin(1), at(0), id(1), draft(from, to, None));
            assert_eq!(free.is_err(), needs, "{from} to {to}: {free:?}");
        }
        let nothing = CorrectionDraft { amount: usd(0), ..draft(Losses, FeeRevenue, None) };
        assert!(Correction::propose(&admin(1), at(0), id(1), nothing).is_err());
    }

    #[test]
    fn what_books_a_fee_is_told_from_what_names_anything_else() {
        let (fees, clearing) = (LedgerAccount::ProcessorFees, LedgerAccount::ProcessorClearing);
        let of = |from, to, class| {
            let cause = Cause { class, about: "txn_1".to_owned() };
            Correction::propose(&admin(1), at(0), id(1), draft(from, to, Some(cause))).unwrap().next.is_of_a_fee()
        };
        assert!(of(fees, clearing, Class::Fee) && of(clearing, fees, Class::Fee), "kept, and given back");
        assert!(!of(fees, clearing, Class::Payment), "it is about something else");
        for (from, to) in [
            (fees, LedgerAccount::Losses),
            (LedgerAccount::FeeRevenue, clearing),
            (clearing, LedgerAccount::Available(id(7))),
        ] {
            assert!(!of(from, to, Class::Fee), "{from} {to}");
        }
        let plain =
            Correction::propose(&admin(1), at(0), id(1), draft(LedgerAccount::Losses, LedgerAccount::FeeRevenue, None));
        assert!(!plain.unwrap().next.is_of_a_fee());
    }

    #[test]
    fn what_a_bank_did_counts_for_one_chargeback_and_which_is_said_where_there_are_several() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let meant = |named: Option<&str>, known: &[&str]| chargeback_meant(named.map(str::to_owned), &names(known));
        assert_eq!(meant(None, &[]).unwrap(), None);
        assert_eq!(meant(None, &["dp_1"]).unwrap().as_deref(), Some("dp_1"));
        assert_eq!(meant(Some("dp_2"), &["dp_1", "dp_2"]).unwrap().as_deref(), Some("dp_2"));
        let refused = format!("{:?}", meant(None, &["dp_1", "re_2"]).unwrap_err());
        assert!(refused.contains("dp_1, re_2"), "{refused}");
    }

    #[test]
    fn who_gains_has_no_say() {
        let own = LedgerAccount::Available(id(1));
        let refused = Correction::propose(&admin(1), at(0), id(1), draft(LedgerAccount::Losses, own, None));
        assert_eq!(refused.unwrap_err(), Refusal::from(Denied::NotAllowed));
        let of_two = LedgerAccount::Available(id(2));
        let it = proposed(LedgerAccount::Losses, of_two).unwrap().next;
        let refused = it.clone().approve(&admin(2), at(1), None, &Source::Ours).unwrap_err();
        assert_eq!(refused, Refusal::from(Denied::NotAllowed));
        assert!(it.approve(&admin(3), at(1), None, &Source::Ours).is_ok());
    }

    #[test]
    fn what_is_not_there_is_not_taken() {
        let mut it = proposed(LedgerAccount::Available(id(8)), LedgerAccount::Losses).unwrap().next;
        let little = it.clone().approve(&admin(2), at(1), None, &Source::Available(usd(499)));
        assert_eq!(little.unwrap_err(), Refusal::Insufficient { available: usd(499), asked: usd(500) });
        let enough = it.clone().approve(&admin(2), at(1), None, &Source::Available(usd(500))).unwrap();
        assert_eq!(enough.entries.len(), 1);
        assert_eq!(enough.entries[0].reason, Reason::Correction);
        let client: OrganizationId = id(7);
        it.from = LedgerAccount::ClientCredit(client);
        let parts = vec![(Some(id(1)), usd(300)), (None, usd(150))];
        let credit = Credit::of_parts(usd(0).currency(), parts.clone());
        assert!(it.clone().approve(&admin(2), at(1), None, &Source::Credit(credit)).is_err());
        let parts = [parts, vec![(Some(id(2)), usd(90))]].concat();
        let credit = Source::Credit(Credit::of_parts(usd(0).currency(), parts));
        let told: Vec<_> = it.approve(&admin(2), at(1), None, &credit).unwrap().entries[0]
            .postings()
            .iter()
            .map(|posting| (posting.came_with, posting.amount.minor()))
            .collect();
        assert_eq!(told, [(Some(id(1)), 300), (None, 150), (Some(id(2)), 50)], "credit keeps its origin");
    }

    #[test]
    fn a_week_is_all_the_time_there_is() {
        let it = proposed(LedgerAccount::Losses, LedgerAccount::FeeRevenue).unwrap();
        assert_eq!(it.timers.len(), 1);
        let it = it.next;
        assert!(!it.clone().expire(&Actor::System, at(6)).unwrap().changed);
        let late = it.clone().approve(&admin(2), at(7), None, &Source::Ours).unwrap_err();
        assert!(matches!(late, Refusal::Rule { code, .. } if code == "CORRECTION_EXPIRED"));
        let expired = it.expire(&Actor::System, at(7)).unwrap();
        assert_eq!((expired.next.state.as_str(), expired.entries.len()), ("expired", 0));
        assert!(!expired.next.expire(&Actor::System, at(8)).unwrap().changed);
    }
}
