//! A wire, from its hand-over on: it waits for a file, or to be sent by hand; then it is out of our hands, and our
//! people say what became of it. As long as nobody has it, one of them takes it back; what may be at the bank comes back
//! by the word of two. It is the payout's own verbs that move its money.

use super::*;
use crate::access::{self, Actor, Subject, Verb};
use crate::id::{PayoutId, UserId, WireBatchId};
use crate::payout::{Carried, Rail};

/// A payout that goes by our bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The key of the payout's attempt.
    pub key: String,
    /// The payout.
    pub payout: PayoutId,
    /// Whose money it is.
    pub user: UserId,
    /// How it goes.
    pub means: Means,
    /// Where it stands.
    pub state: WireState,
}

/// How a wire gets to our bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// In a file.
    File,
    /// One of our people sends it.
    Hand,
}

impl Means {
    /// Those of a rail, if it is our bank's.
    pub fn of(rail: Rail) -> Option<Self> {
        match rail {
            Rail::BankWire => Some(Self::File),
            Rail::Manual => Some(Self::Hand),
            Rail::GlobalPayouts | Rail::RecipientAccount => None,
        }
    }
}

/// Where a wire stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireState {
    /// It waits for a file, or for one of our people to take it and send it by hand.
    Waiting,
    /// It is in a file that nobody has taken.
    Filed {
        /// Which.
        batch: WireBatchId,
    },
    /// One of our people has its file, or what it takes to send it by hand: our bank may have it.
    Out {
        /// Which file it is in.
        batch: Option<WireBatchId>,
        /// Who has it, as far as that was noted.
        taken_by: Option<UserId>,
        /// Who said that it came back, if one did.
        return_said_by: Option<UserId>,
    },
    /// Something came up against it before our bank was told.
    Recalled {
        /// When.
        at: Timestamp,
        /// Who stopped it; none where no person did.
        by: Option<UserId>,
        /// What.
        reason: String,
    },
    /// The bank there has it.
    Paid {
        /// When one of our people said so.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// Which file it was in.
        batch: Option<WireBatchId>,
    },
    /// It came back, or never went.
    Returned {
        /// When our people said so.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// What the person is told.
        reason: String,
        /// Which file it was in, if the bank may have had it.
        batch: Option<WireBatchId>,
    },
}

impl WireState {
    /// The name of the state.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Filed { .. } => "filed",
            Self::Out { .. } => "out",
            Self::Recalled { .. } => "recalled",
            Self::Paid { .. } => "paid",
            Self::Returned { .. } => "returned",
        }
    }
}

/// What one of our people says became of a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The bank there has it.
    Paid,
    /// It came back, and why.
    Returned(String),
}

impl Said {
    /// What they typed, or every field error: that something came back takes a reason.
    pub fn parse(outcome: WireOutcome, reason: Option<&str>) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let said = match outcome {
            WireOutcome::Paid => Self::Paid,
            WireOutcome::Returned => Self::Returned(invalid.text("reason", reason.unwrap_or_default(), 1..=500)),
        };
        invalid.finish()?;
        Ok(said)
    }

    /// The reason, where it takes one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Paid => None,
            Self::Returned(reason) => Some(reason),
        }
    }
}

impl Wire {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// The file it is in, or was in when it left our hands.
    pub fn batch(&self) -> Option<WireBatchId> {
        match &self.state {
            WireState::Filed { batch } => Some(*batch),
            WireState::Out { batch, .. } | WireState::Paid { batch, .. } | WireState::Returned { batch, .. } => *batch,
            WireState::Waiting | WireState::Recalled { .. } => None,
        }
    }

    /// Was it said what became of it?
    pub fn is_settled(&self) -> bool {
        match &self.state {
            WireState::Paid { .. } | WireState::Returned { .. } => true,
            WireState::Waiting | WireState::Filed { .. } | WireState::Out { .. } | WireState::Recalled { .. } => false,
        }
    }

    /// What our bank, as a rail, says of the payout. What was recalled is at another attempt by now.
    pub fn tells(&self) -> Carried {
        match &self.state {
            WireState::Waiting | WireState::Filed { .. } | WireState::Out { .. } => Carried::Accepted(self.reference()),
            WireState::Recalled { .. } => Carried::Silent,
            WireState::Paid { .. } => Carried::Paid,
            WireState::Returned { reason, .. } => Carried::Returned(reason.clone()),
        }
    }

    fn reference(&self) -> String {
        reference(&self.key)
    }

    /// One of our people puts it into a file; nobody their own.
    pub fn file(self, actor: &Actor, batch: WireBatchId) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WireBatchMake, &self.subject())?;
        match (&self.state, self.means) {
            (WireState::Waiting, Means::File) => Ok(self.becomes(WireState::Filed { batch })),
            _ => Ok(Change::none(self)),
        }
    }

    /// One of our people takes what it takes to send it by hand, and sends it: another one gets it only to `take_over`.
    pub fn take(self, actor: &Actor, take_over: bool) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WireSlipTake, &self.subject())?;
        let by = actor.person()?.user;
        let return_said_by = match (&self.state, self.means) {
            (WireState::Waiting, Means::Hand) => None,
            (WireState::Out { taken_by, .. }, Means::Hand) if *taken_by == Some(by) => return Ok(Change::none(self)),
            (WireState::Out { return_said_by, .. }, Means::Hand) if take_over => *return_said_by,
            (WireState::Out { .. }, Means::Hand) => {
                let message = "another of our people has taken it, and may have sent it: ask them, and take it over \
                               with takeOver if they have not";
                return Err(Refusal::rule("WIRE_SLIP_TAKEN", message));
            }
            _ => return Err(none_by_hand()),
        };
        Ok(self.becomes(WireState::Out { batch: None, taken_by: Some(by), return_said_by }))
    }

    /// What it takes to send it by hand is read by whoever has taken it, and by nobody else.
    pub fn must_be_had_by(&self, actor: &Actor) -> Result<(), Refusal> {
        access::check(actor, Verb::WireSlipTake, &self.subject())?;
        match (&self.state, self.means) {
            (WireState::Out { taken_by, .. }, Means::Hand) => must_have_taken(actor, *taken_by, "wireSlipTake"),
            (WireState::Waiting, Means::Hand) => must_have_taken(actor, None, "wireSlipTake"),
            _ => Err(none_by_hand()),
        }
    }

    /// Does it take a fresh proof to say this of it, however it is asked for? That what the bank may have came back
    /// makes money of it again.
    pub fn takes_proof(&self, said: &Said) -> bool {
        match (&self.state, said) {
            (WireState::Out { .. } | WireState::Paid { .. }, Said::Returned(_)) => true,
            (
                WireState::Waiting | WireState::Filed { .. } | WireState::Recalled { .. } | WireState::Returned { .. },
                _,
            )
            | (_, Said::Paid) => false,
        }
    }

    /// One of our people says what became of it. What nobody has yet is taken back by one. That it came back after the
    /// bank had it is said by another one than who said that, while a bank can still send it back. Where nobody said
    /// that, and what the bank takes is out of our hands, two say that it came back before its money moves.
    pub fn settle(self, actor: &Actor, now: Timestamp, said: &Said) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WireSettle, &self.subject())?;
        let by = actor.person()?.user;
        let batch = self.batch();
        match (&self.state, said) {
            // Our bank can't have what it was not told of.
            (WireState::Waiting, Said::Paid) if self.means == Means::File => Err(none_to_settle()),
            (WireState::Waiting | WireState::Filed { .. } | WireState::Out { .. }, Said::Paid) => {
                Ok(self.becomes(WireState::Paid { at: now, by, batch }))
            }
            (WireState::Waiting | WireState::Filed { .. }, Said::Returned(reason)) => {
                let reason = reason.clone();
                Ok(self.becomes(WireState::Returned { at: now, by, reason, batch: None }))
            }
            (WireState::Out { return_said_by: Some(other), .. }, Said::Returned(_)) if *other == by => {
                let message = "you said so already: once another of our people says it too, the money is theirs again";
                Err(Refusal::rule("SAME_APPROVER", message))
            }
            (WireState::Out { return_said_by: Some(_), .. }, Said::Returned(reason)) => {
                let reason = reason.clone();
                Ok(self.becomes(WireState::Returned { at: now, by, reason, batch }))
            }
            (WireState::Out { taken_by, return_said_by: None, .. }, Said::Returned(_)) => {
                let taken_by = *taken_by;
                Ok(self.becomes(WireState::Out { batch, taken_by, return_said_by: Some(by) }))
            }
            (WireState::Paid { by: other, .. }, Said::Returned(_)) if *other == by => {
                let message =
                    "who said that the bank has it is not who says that it came back: another of our people does";
                Err(Refusal::rule("SAME_APPROVER", message))
            }
            (WireState::Paid { at, .. }, Said::Returned(_)) if *at + RETURN_WINDOW <= now => {
                let message =
                    "no bank sends it back any more by now: what came back all the same is a correction of the books";
                Err(Refusal::rule("WIRE_RETURN_TOO_LATE", message))
            }
            (WireState::Paid { .. }, Said::Returned(reason)) => {
                let reason = reason.clone();
                Ok(self.becomes(WireState::Returned { at: now, by, reason, batch }))
            }
            (WireState::Paid { .. }, Said::Paid) | (WireState::Recalled { .. } | WireState::Returned { .. }, _) => {
                Err(none_to_settle())
            }
        }
    }

    /// Something came up against it: our bank is not told of it, if it was not yet. `by` is whose act that came of.
    pub fn recall(
        self,
        actor: &Actor,
        now: Timestamp,
        by: Option<UserId>,
        reason: &str,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PayoutAdvance, &self.subject())?;
        match &self.state {
            WireState::Waiting | WireState::Filed { .. } => {
                Ok(self.becomes(WireState::Recalled { at: now, by, reason: reason.to_owned() }))
            }
            WireState::Out { .. }
            | WireState::Recalled { .. }
            | WireState::Paid { .. }
            | WireState::Returned { .. } => Ok(Change::none(self)),
        }
    }

    fn becomes(self, state: WireState) -> Change<Self> {
        Change::to(Self { state, ..self })
    }
}

/// The name of a wire as its rail gives it, by the key of the payout's attempt.
pub fn reference(key: &str) -> String {
    format!("wire_{}", key.replace(':', "_"))
}

/// What our bank is told is read by whoever has taken it, and by nobody else; `how` is the verb that takes it.
pub(super) fn must_have_taken(actor: &Actor, taken_by: Option<UserId>, how: &str) -> Result<(), Refusal> {
    if taken_by.is_some() && taken_by == actor.user() {
        return Ok(());
    }
    let message = format!("you have not taken it, and one of our people gives it to the bank: send {how} first");
    Err(Refusal::rule("WIRE_NOT_TAKEN", message))
}

/// No wire of a payout waits for our people to say what became of it.
pub fn none_to_settle() -> Refusal {
    Refusal::rule("NO_WIRE", "no wire of this payout waits to be settled")
}

/// No wire of a payout waits to be sent by hand.
pub fn none_by_hand() -> Refusal {
    let message = "this payout does not wait to be sent by hand; before it does, two of our people have to approve it";
    Refusal::rule("NO_WIRE", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Person, Staff};
    use crate::id::Id;

    fn admin(n: u128) -> Actor {
        let (user, staff) = (Id::from_uuid(uuid::Uuid::from_u128(n)), Some(Staff::Admin));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: Vec::new() })
    }

    fn wire(means: Means) -> Wire {
        let (payout, user) = (Id::from_uuid(uuid::Uuid::from_u128(1)), Id::from_uuid(uuid::Uuid::from_u128(1)));
        Wire { key: "pyo_1:2".to_owned(), payout, user, means, state: WireState::Waiting }
    }

    fn at(day: i64) -> Timestamp {
        "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::days(day)
    }

    #[test]
    fn that_something_came_back_takes_a_reason_and_that_it_arrived_takes_none() {
        assert_eq!(Said::parse(WireOutcome::Paid, Some("whatever")), Ok(Said::Paid));
        let said = Said::parse(WireOutcome::Returned, Some(" Account closed ")).unwrap();
        assert_eq!(said.reason(), Some("Account closed"));
        let long = "x".repeat(501);
        for wrong in [None, Some(" "), Some(long.as_str())] {
            assert!(matches!(Said::parse(WireOutcome::Returned, wrong), Err(Refusal::Invalid { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn what_leaves_our_hands_keeps_its_file_and_what_is_taken_back_before_leaves_it() {
        let batch = Id::from_uuid(uuid::Uuid::from_u128(5));
        let filed = wire(Means::File).file(&admin(7), batch).unwrap().next;
        let back = Said::Returned("closed".to_owned());
        assert_eq!(filed.batch(), Some(batch));
        for gone in [
            filed.clone().settle(&admin(7), at(0), &back).unwrap().next,
            filed.clone().recall(&Actor::System, at(0), None, "on a list").unwrap().next,
        ] {
            assert_eq!(gone.batch(), None, "{:?}", gone.state);
        }
        let out = Wire { state: WireState::Out { batch: Some(batch), taken_by: None, return_said_by: None }, ..filed };
        let said = out.clone().settle(&admin(7), at(0), &back).unwrap().next;
        assert!(!said.is_settled() && said.tells() == Carried::Accepted("wire_pyo_1_2".to_owned()));
        let returned = said.settle(&admin(8), at(0), &back).unwrap().next;
        assert_eq!(returned.tells(), Carried::Returned("closed".to_owned()));
        let paid = out.settle(&admin(7), at(0), &Said::Paid).unwrap().next;
        assert_eq!(paid.tells(), Carried::Paid);
        for over in [returned, paid] {
            assert!(over.is_settled() && over.batch() == Some(batch), "it stays what the bank was given");
        }
    }

    #[test]
    fn it_takes_a_proof_to_say_that_what_the_bank_may_have_came_back() {
        let back = Said::Returned("closed".to_owned());
        let waiting = wire(Means::Hand);
        let out = waiting.clone().take(&admin(7), false).unwrap().next;
        let paid = out.clone().settle(&admin(7), at(0), &Said::Paid).unwrap().next;
        let returned = paid.clone().settle(&admin(8), at(29), &back).unwrap().next;
        for (wire, takes) in [(&waiting, false), (&out, true), (&paid, true), (&returned, false)] {
            assert_eq!((wire.takes_proof(&back), wire.takes_proof(&Said::Paid)), (takes, false), "{:?}", wire.state);
        }
        assert!(paid.settle(&admin(8), at(30), &back).is_err(), "no bank sends it back by then");
    }

    #[test]
    fn what_it_takes_to_send_by_hand_is_read_by_whoever_has_taken_it_alone() {
        let code = |outcome: Result<(), Refusal>| match outcome {
            Err(Refusal::Rule { code, .. }) => code,
            other => format!("{other:?}"),
        };
        let waiting = wire(Means::Hand);
        assert_eq!(code(waiting.must_be_had_by(&admin(7))), "WIRE_NOT_TAKEN");
        let out = waiting.take(&admin(7), false).unwrap().next;
        assert_eq!(out.must_be_had_by(&admin(7)), Ok(()));
        assert_eq!(code(out.must_be_had_by(&admin(8))), "WIRE_NOT_TAKEN");
        let over = out.take(&admin(8), true).unwrap().next;
        assert_eq!(code(over.must_be_had_by(&admin(7))), "WIRE_NOT_TAKEN");
        assert_eq!(code(wire(Means::File).must_be_had_by(&admin(7))), "NO_WIRE");
        let paid = over.settle(&admin(8), at(0), &Said::Paid).unwrap().next;
        assert_eq!(code(paid.must_be_had_by(&admin(8))), "NO_WIRE", "it was sent");
    }
}
