//! What rails say of a transfer, and what follows from it.
//!
//! A transfer is handed over under a key of its attempt, and two rails are never at work on one payout:
//! only a rail that *knows* the hand-over and refuses it makes room for the next. That it was never
//! handed one is no refusal, because the hand-over may still be on its way there: the same rail is
//! handed it again, under the same key, and carries it once however often it comes. That too little of our own
//! money is there is no refusal either: nothing is wrong with the payout, and the same rail is tried again later. So it is
//! where a rail takes nothing from us now, or nothing for this person; but only for two days.

use super::*;
use crate::wire::WireOutcome;

/// What was handed over without an answer may get to its rail for so long, and no longer.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(1);

/// What nothing was heard of for so long is for our people to find out.
const STUCK_AFTER: TimeDelta = TimeDelta::days(1);

/// A rail that took a payout and did not bring it to its account is not the one to try first for so long.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// What a bank has of the processor's it may send back for some days, and the news of that may be lost: so its rail is
/// asked again after each day…
const LOOK_AFTER: TimeDelta = TimeDelta::days(1);

/// …or sooner, where it did not answer…
const LOOK_SOONER: TimeDelta = TimeDelta::hours(1);

/// …for so long after it was paid.
const LOOKED_AFTER: TimeDelta = TimeDelta::days(14);

/// A rail that lacks our money, or does not take a payout now, is tried again after so long.
const AGAIN: TimeDelta = TimeDelta::hours(1);

/// One that does not take a payout now is tried for so long. Nobody says whether that is about us, which an operator can
/// mend, or about the person, whose money must not wait for ever.
const PUT_OFF_FOR: TimeDelta = TimeDelta::days(2);

/// The ways out, in the order they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rail {
    /// The processor's global payouts.
    GlobalPayouts,
    /// A transfer to the freelancer's own recipient account at the processor.
    RecipientAccount,
    /// A line in a wire file for our bank.
    BankWire,
    /// By hand, with two approvals.
    Manual,
}

/// A way out that exists in name alone: it is no [`Rail`], so no payout can be queued, sent or settled by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// What it is called.
    pub name: &'static str,
    /// What it would take.
    pub licence: &'static str,
    /// The reference of that licence, where one is held: then it is time to build the rail.
    pub reference: Option<&'static str>,
}

/// Payouts in stablecoins. To arrange or to transfer them for people in Pakistan takes a licence of its virtual assets
/// regulator (Virtual Assets Act, 2026); an agreement or a pilot takes its authorisation beforehand.
pub const STABLECOIN: Disabled = Disabled {
    name: "stablecoin",
    licence: "a licence of the Pakistan Virtual Assets Regulatory Authority (PVARA), by the Virtual Assets Act, 2026",
    reference: None,
};

impl Rail {
    /// In the order they are tried.
    pub const ALL: [Self; 4] = [Self::GlobalPayouts, Self::RecipientAccount, Self::BankWire, Self::Manual];

    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GlobalPayouts => "global_payouts",
            Self::RecipientAccount => "recipient_account",
            Self::BankWire => "bank_wire",
            Self::Manual => "manual",
        }
    }

    /// Those of the processor's by which payouts came back lately, of all that went to one account. What our own bank
    /// gets back our people see, payout by payout.
    pub fn that_failed<'a>(earlier: impl IntoIterator<Item = &'a Payout>, now: Timestamp) -> Vec<Self> {
        let mut failed: Vec<Self> = earlier.into_iter().filter_map(|payout| payout.failed_by(now)).collect();
        failed.sort_unstable();
        failed.dedup();
        failed
    }

    /// Is it one of the processor's own, rather than our bank's?
    pub fn is_processors(self) -> bool {
        match self {
            Self::GlobalPayouts | Self::RecipientAccount => true,
            Self::BankWire | Self::Manual => false,
        }
    }

    /// How many of our people have to approve a payout on it.
    pub fn approvals(self) -> usize {
        match self {
            Self::GlobalPayouts | Self::RecipientAccount | Self::BankWire => 0,
            Self::Manual => 2,
        }
    }
}

/// What a rail says of a transfer that was handed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// It takes it, and names it so.
    Accepted(String),
    /// It does not take it, and never will under this key.
    Refused(String),
    /// It made nothing of it, because too little of our own money is there: it says so in these words.
    WithoutFunds(String),
    /// It does not take it now, and made nothing of it: we may not ask for it, or not for this person.
    NotNow(String),
    /// The bank has it.
    Paid,
    /// The bank sent it back.
    Returned(String),
    /// It has it, and the bank has not: it was told not to pass it on, because of this.
    HeldBack(String),
    /// It does not say.
    Silent,
}

/// What a rail answers when it is asked about a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It was handed none under this key, yet.
    Absent,
    /// It was handed one that it has nothing of, and it is too late to hand it over again: by now the same key could
    /// make a second one. Only our people can find out.
    Forgotten,
    /// It was, or it does not say.
    Told(Carried),
}

impl Payout {
    /// A rail says something of attempt `attempt`, in answer or by itself: late, twice and out of order.
    /// News of an attempt that is over change nothing.
    pub fn heard(self, actor: &Actor, now: Timestamp, attempt: u32, said: &Carried) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        if attempt != self.attempt {
            return Ok(Change::none(self));
        }
        Ok(match said {
            Carried::Accepted(reference) => self.accepted(now, reference),
            Carried::Refused(reason) => self.refused(now, reason),
            Carried::WithoutFunds(_) => self.put_off(now, None),
            Carried::NotNow(reason) => self.not_now(now, reason),
            Carried::Paid => self.paid(now),
            Carried::Returned(reason) => self.returned(now, reason),
            Carried::HeldBack(why) => self.rests(now, why),
            Carried::Silent => self.lost_sight(now),
        })
    }

    /// The rail to begin with: only a bank divides what it gets between two accounts.
    pub(super) fn first_rail(&self) -> Rail {
        let divides = self.retention.is_some();
        self.first_that(|rail| !(divides && rail.is_processors()))
    }

    /// The one to try when `refused` does not take it.
    fn rail_after(&self, refused: Rail) -> Option<Rail> {
        (refused != Rail::Manual).then(|| self.first_that(|rail| rail > refused))
    }

    /// By hand it goes in any case.
    fn first_that(&self, fits: impl Fn(Rail) -> bool) -> Rail {
        let open = Rail::ALL.into_iter().find(|rail| fits(*rail) && !self.failed_rails.contains(rail));
        open.unwrap_or(Rail::Manual)
    }

    /// The processor's rail by which this payout came back, if that was lately. What two of our people said of it says
    /// nothing of the account.
    fn failed_by(&self, now: Timestamp) -> Option<Rail> {
        match &self.state {
            PayoutState::Returned { at, rail, .. } if self.word.is_none() && *at + REMEMBERED > now => {
                rail.filter(|rail| rail.is_processors())
            }
            _ => None,
        }
    }

    /// A rail answers what we asked about attempt `attempt`.
    pub fn asked(self, actor: &Actor, now: Timestamp, attempt: u32, known: &Known) -> Result<Change<Self>, Refusal> {
        match (known, self.may_be_on_its_way_to()) {
            (Known::Told(said), _) => self.heard(actor, now, attempt, said),
            (Known::Absent, Some(rail)) if attempt == self.attempt && !self.is_kept_from_our_bank() => {
                self.access(actor, Verb::PayoutAdvance)?;
                Ok(self.handed_over(now, rail))
            }
            (Known::Absent, _) => self.heard(actor, now, attempt, &Carried::Silent),
            (Known::Forgotten, Some(_)) if attempt == self.attempt => {
                self.access(actor, Verb::PayoutAdvance)?;
                Ok(self.out_of_sight(now, true, None))
            }
            (Known::Forgotten, _) => self.heard(actor, now, attempt, &Carried::Silent),
        }
    }

    /// The same, where something stands against the payout: it is not handed over again. What its rail was surely never
    /// asked for is stopped; handed over later it is another attempt, under another key. What it was asked for
    /// (`was_asked`) keeps its key, however little the rail knows of it now: it may still get there, so it is asked about
    /// until it is forgotten, and then two of our people find out.
    pub fn asked_and_held_back(
        self,
        actor: &Actor,
        now: Timestamp,
        attempt: u32,
        (known, was_asked): (&Known, bool),
        why: &str,
    ) -> Result<Change<Self>, Refusal> {
        let on_its_way = attempt == self.attempt && self.may_be_on_its_way_to().is_some();
        if !on_its_way || self.is_kept_from_our_bank() || matches!(known, Known::Told(_) | Known::Forgotten) {
            return self.asked(actor, now, attempt, known);
        }
        self.access(actor, Verb::PayoutAdvance)?;
        match &self.state {
            PayoutState::Unknown { since, .. } if !was_asked && *since + ON_ITS_WAY <= now => {
                self.hold_back(actor, now, attempt, why)
            }
            _ => Ok(self.lost_sight(now)),
        }
    }

    /// Two of our people had said that it never got there, and its rail says that the bank has it. What is available is
    /// taken once more, and what was paid out or spent since is our loss: `available` is what there is.
    pub fn turned_up(
        self,
        actor: &Actor,
        now: Timestamp,
        attempt: u32,
        available: Money,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        let Some(rail) = self.written_off_to(attempt) else { return Ok(Change::none(self)) };
        let again = available.min(self.amount)?;
        let lost = self.amount.minus(again)?;
        let entry = self
            .entry(Reason::PayoutArrive)
            .moving(LedgerAccount::Available(self.user), LedgerAccount::PaidOut, again)
            .moving(LedgerAccount::Losses, LedgerAccount::PaidOut, lost);
        let event = Event::PayoutPaid { payout: self.id };
        let word = self.word.map(|word| Word { lost: Some(lost), ..word });
        Ok(Self { word, ..self }.becomes(paid_by(rail, now)).posting(entry).telling(event))
    }

    /// The rail of which two of our people said that this attempt never got through it.
    pub fn written_off_to(&self, attempt: u32) -> Option<Rail> {
        match (&self.state, &self.word) {
            (PayoutState::Returned { rail, .. }, Some(word))
                if attempt == self.attempt && word.attempt == attempt && word.outcome == WireOutcome::Returned =>
            {
                *rail
            }
            _ => None,
        }
    }

    /// Something stands against handing it over, and its rail surely has nothing of this attempt: our people look at it
    /// first.
    pub fn hold_back(self, actor: &Actor, now: Timestamp, attempt: u32, why: &str) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        if attempt != self.attempt || self.may_be_on_its_way_to().is_none() {
            return Ok(Change::none(self));
        }
        let event = Event::PayoutBlocked { payout: self.id };
        let state = PayoutState::Blocked { since: now, reason: why.to_owned() };
        Ok(Self { attempt: self.attempt + 1, ..self }.becomes(state).telling(event))
    }

    /// Our bank was not told of it yet, and is not told: our people look at it first. Handed over again it is another
    /// attempt, under another key.
    pub fn recall(self, actor: &Actor, now: Timestamp, reason: &str) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        match &self.state {
            PayoutState::InTransit { rail: Rail::BankWire | Rail::Manual, .. } => {
                let event = Event::PayoutBlocked { payout: self.id };
                let state = PayoutState::Blocked { since: now, reason: reason.to_owned() };
                Ok(Self { attempt: self.attempt + 1, ..self }.becomes(state).telling(event))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// It is handed to a rail, for the first time or once more: the key is the same either way.
    pub(super) fn handed_over(self, now: Timestamp, rail: Rail) -> Change<Self> {
        let event = Event::PayoutSent { payout: self.id, attempt: self.attempt };
        let (poll_at, put_off_since) = (now + self.poll(), self.put_off_since());
        self.becomes(PayoutState::Sent { rail, at: now, poll_at, put_off_since }).telling(event)
    }

    /// The rail that may not have it yet. One that took it already and now denies it is not handed it
    /// again: it is asked until it knows.
    fn may_be_on_its_way_to(&self) -> Option<Rail> {
        match &self.state {
            PayoutState::Sent { rail, .. } | PayoutState::Unknown { rail, reference: None, .. } => Some(*rail),
            PayoutState::Unknown { reference: Some(_), .. }
            | PayoutState::Requested { .. }
            | PayoutState::Screening { .. }
            | PayoutState::Blocked { .. }
            | PayoutState::Queued { .. }
            | PayoutState::InTransit { .. }
            | PayoutState::Paid { .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => None,
        }
    }

    /// Was our bank not given it because the processor may have paid it already? Then it is not given it later either,
    /// where that is seen no more, as when we may not look there any longer: two of our people say what became of it.
    fn is_kept_from_our_bank(&self) -> bool {
        match &self.state {
            PayoutState::Unknown { rail, reference: None, stuck: true, unseen: false, .. } => !rail.is_processors(),
            _ => false,
        }
    }

    fn accepted(self, now: Timestamp, reference: &str) -> Change<Self> {
        match &self.state {
            PayoutState::Sent { rail, .. } | PayoutState::Unknown { rail, .. } => {
                let event = Event::PayoutInTransit { payout: self.id };
                let (rail, reference, poll_at) = (*rail, reference.to_owned(), now + self.poll_of(*rail));
                self.becomes(PayoutState::InTransit { rail, at: now, reference, poll_at }).telling(event)
            }
            // Asked about, and still on its way: it is asked about again. Nothing about it is new, so nobody's
            // version of it gets old.
            PayoutState::InTransit { rail, at, reference, poll_at } if *poll_at <= now => {
                let (rail, at, reference, poll_at) = (*rail, *at, reference.clone(), now + self.poll_of(*rail));
                let version = self.version;
                self.becomes(PayoutState::InTransit { rail, at, reference, poll_at })
                    .map(|payout| Self { version, ..payout })
            }
            _ => Change::none(self),
        }
    }

    /// The next rail is tried, or the money comes back.
    fn refused(self, now: Timestamp, reason: &str) -> Change<Self> {
        match &self.state {
            PayoutState::Sent { rail, .. } | PayoutState::Unknown { rail, reference: None, .. } => {
                match self.rail_after(*rail) {
                    Some(next) => {
                        let lacks = Lack::named(reason).or(self.lacks);
                        Self { attempt: self.attempt + 1, lacks, ..self }.queued(now, next)
                    }
                    None => self.came_back(now, reason.to_owned()),
                }
            }
            // Asked about, it refuses what it took: it is asked until it knows, or our people find out.
            PayoutState::InTransit { poll_at, .. } if *poll_at <= now => self.lost_sight(now),
            PayoutState::Unknown { reference: Some(_), .. } => self.lost_sight(now),
            _ => Change::none(self),
        }
    }

    /// Since when its rail has not taken it, each time that it was handed over.
    fn put_off_since(&self) -> Option<Timestamp> {
        match &self.state {
            PayoutState::Queued { put_off_since, .. }
            | PayoutState::Sent { put_off_since, .. }
            | PayoutState::Unknown { put_off_since, .. } => *put_off_since,
            PayoutState::Requested { .. }
            | PayoutState::Screening { .. }
            | PayoutState::Blocked { .. }
            | PayoutState::InTransit { .. }
            | PayoutState::Paid { .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => None,
        }
    }

    /// The rail takes it not now, and made nothing of it: it is tried again, and once that has gone on for too long it is
    /// as good as refused.
    fn not_now(self, now: Timestamp, reason: &str) -> Change<Self> {
        let since = self.put_off_since().unwrap_or(now);
        if since + PUT_OFF_FOR <= now { self.refused(now, reason) } else { self.put_off(now, Some(since)) }
    }

    /// The same rail is tried again, once there may be money, or the rail takes it (`since` when it has not). It made
    /// nothing, so that is another attempt: under the old key it might go on repeating what it said.
    fn put_off(self, now: Timestamp, since: Option<Timestamp>) -> Change<Self> {
        match &self.state {
            PayoutState::Sent { rail, .. } | PayoutState::Unknown { rail, reference: None, .. } => {
                let rail = *rail;
                Self { attempt: self.attempt + 1, ..self }.queued_until(now, rail, Some(now + AGAIN), since)
            }
            PayoutState::InTransit { poll_at, .. } if *poll_at <= now => self.lost_sight(now),
            PayoutState::Unknown { reference: Some(_), .. } => self.lost_sight(now),
            _ => Change::none(self),
        }
    }

    pub(super) fn paid(self, now: Timestamp) -> Change<Self> {
        match &self.state {
            PayoutState::Sent { rail, .. }
            | PayoutState::InTransit { rail, .. }
            | PayoutState::Unknown { rail, .. } => {
                let rail = *rail;
                let entry =
                    self.entry(Reason::PayoutArrive).moving(self.account(), LedgerAccount::PaidOut, self.amount);
                let event = Event::PayoutPaid { payout: self.id };
                self.becomes(paid_by(rail, now)).posting(entry).telling(event)
            }
            _ => Change::none(self),
        }
    }

    /// Its rail answers what became of what the bank has: nothing, mostly, which changes no more than when it is asked
    /// again. That it was sent back may be known from here alone.
    pub fn looked_after(
        self,
        actor: &Actor,
        now: Timestamp,
        attempt: u32,
        known: &Known,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::PayoutAdvance)?;
        let PayoutState::Paid { at, rail, look_at: Some(due) } = self.state else { return Ok(Change::none(self)) };
        if attempt != self.attempt || due > now {
            return Ok(Change::none(self));
        }
        if let Known::Told(Carried::Returned(reason)) = known {
            return Ok(self.returned(now, reason));
        }
        let answered = !matches!(known, Known::Told(Carried::Silent));
        let next = now + if answered { LOOK_AFTER } else { LOOK_SOONER };
        let look_at = (next <= at + LOOKED_AFTER).then_some(next);
        let version = self.version;
        let looked = self.becomes(PayoutState::Paid { at, rail, look_at });
        Ok(looked.map(|payout| Self { version, ..payout }))
    }

    /// Banks send it back even after they had it. It is available again. What its rail says itself stands over what two of
    /// our people said of it before; where they said the same, older news that the bank had it change nothing any more.
    fn returned(self, now: Timestamp, reason: &str) -> Change<Self> {
        match &self.state {
            PayoutState::Sent { .. }
            | PayoutState::InTransit { .. }
            | PayoutState::Unknown { .. }
            | PayoutState::Paid { .. } => {
                self.came_back(now, reason.to_owned()).map(|payout| Self { word: None, ..payout })
            }
            PayoutState::Returned { .. } if self.word.is_some() => {
                Change::to(Self { version: self.version + 1, word: None, ..self })
            }
            _ => Change::none(self),
        }
    }

    /// How long after one question the next is asked. What our people carry takes days, and they tell by themselves.
    fn poll_of(&self, rail: Rail) -> TimeDelta {
        match rail {
            Rail::GlobalPayouts | Rail::RecipientAccount => self.poll(),
            Rail::BankWire | Rail::Manual => self.poll().max(TimeDelta::days(1)),
        }
    }

    /// Nothing was heard for too long, or the rail's answer was lost.
    fn lost_sight(self, now: Timestamp) -> Change<Self> {
        self.out_of_sight(now, false, None)
    }

    /// Its rail has it and keeps it: it goes on once nothing stands against it, or our people settle it.
    fn rests(self, now: Timestamp, why: &str) -> Change<Self> {
        self.out_of_sight(now, false, Some(why.to_owned()))
    }

    /// It is out of sight; `forgotten` if only our people can find out what became of it. They have to, too, if it was so
    /// for a day.
    fn out_of_sight(self, now: Timestamp, forgotten: bool, rests: Option<String>) -> Change<Self> {
        let (poll_at, put_off_since) = (now + self.poll(), self.put_off_since());
        let (rail, since, reference, stuck, unseen) = match &self.state {
            PayoutState::Sent { rail, .. } => (*rail, now, None, false, false),
            PayoutState::InTransit { rail, reference, .. } => (*rail, now, Some(reference.clone()), false, false),
            PayoutState::Unknown { rail, since, reference, stuck, unseen, .. } => {
                // What our bank knows of is waited for; what it was not given waits for a look at who else may have paid.
                let not_given = !rail.is_processors() && reference.is_none();
                let for_long = *since + STUCK_AFTER <= now && (rail.is_processors() || not_given);
                let unseen = not_given && (*unseen || for_long && !*stuck);
                (*rail, *since, reference.clone(), *stuck || for_long, unseen)
            }
            _ => return Change::none(self),
        };
        let (event, stuck, unseen) =
            (Event::PayoutUnknown { payout: self.id }, stuck || forgotten, unseen && !forgotten);
        let state = PayoutState::Unknown { rail, since, reference, poll_at, stuck, unseen, rests, put_off_since };
        self.becomes(state).telling(event)
    }
}

/// The bank has it. What our own bank carries our people see come back; of the rest the rail is asked.
fn paid_by(rail: Rail, now: Timestamp) -> PayoutState {
    PayoutState::Paid { at: now, rail, look_at: rail.is_processors().then_some(now + LOOK_AFTER) }
}
