//! The work of a milestone, and the verbs that lead it from a proposal to released money.
//!
//! The way of the money: funding puts it in escrow; approval moves it to the freelancer's
//! *pending* balance, less our fee, for the security hold; when the hold is over it is *available*
//! and the milestone is released. A dispute in the hold takes it back into escrow.
//!
//! What is true of it: every state owns the data it needs; [`Milestone::clocks`] names the timers
//! of a state, and a transition sets and stops exactly the difference; [`Milestone::allowed`] is
//! what buttons and refusals are made from, so they never disagree; every change counts the
//! version up. Verbs of the processor and of the clock find their work already done, or no longer
//! wanted, and answer [`Change::none`].

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::escrow::{Escrow, Share};
use crate::id::{ContractId, DisputeId, MilestoneId, OfferId, OrganizationId, PaymentId, SubmissionId, UserId};
use crate::ledger::{JournalEntry, LedgerAccount, Reason};
use crate::money::{Money, MoneyError, Rate};
use crate::outage::Span;
use crate::policy::{Quote, Terms, days};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

mod agree;
mod chargeback;
mod end;
mod fund;
mod idle;
mod refund;
mod source;
mod work;
#[cfg(test)]
mod tests;

pub use chargeback::{Chargeback, InPart, Reach, Taken};
pub(crate) use chargeback::{Spread, given_in_part, is_known, lost_by, made_up};
pub use end::Award;
pub use idle::Idle;
pub use source::{Source, Sources};
pub use work::Approval;

/// A piece of work with a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// Its id; also names its escrow account.
    pub id: MilestoneId,
    /// The contract it belongs to; none while its offer is not accepted.
    pub contract: Option<ContractId>,
    /// The offer it came with, if it came with one.
    pub offer: Option<OfferId>,
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// The terms it was made under.
    pub terms: Terms,
    /// Work, or a gift.
    pub kind: Kind,
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// When the parties want it done; a wish, not a deadline.
    pub due: Option<Timestamp>,
    /// What it is worth: what should be funded in all.
    pub amount: Money,
    /// Counts up with every change; what an expected version is compared with.
    pub version: i64,
    /// Where it stands.
    pub state: State,
    /// Where its money is.
    pub escrow: Escrow,
    /// For how many days what is approved is held. It is decided when its money comes, before work begins, and stays; none
    /// before that.
    #[serde(default)]
    pub hold_days: Option<u16>,
    /// Approved parts in their security hold.
    pub holds: Vec<Hold>,
    /// How often work was submitted.
    pub submissions: u16,
    /// How often changes were requested.
    pub rounds: u16,
    /// How many hours of outage grace its deadlines have been given.
    pub grace_hours: u16,
    /// Payments whose money has arrived, whatever became of it.
    pub payments: Vec<PaymentId>,
    /// With which payments its money came.
    pub sources: Sources,
    /// The chargebacks that were acted on.
    pub chargebacks: Vec<Chargeback>,
    /// Chargebacks that came before the payment they take back.
    pub early_chargebacks: Vec<EarlyChargeback>,
}

/// What a milestone pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work that is submitted and approved.
    Work,
    /// A bonus on top: approved as soon as it is funded.
    Bonus,
    /// A tip: the same, at the rate for tips.
    Tip,
}

impl Kind {
    /// Is it something given on top, rather than work?
    pub fn is_gift(self) -> bool {
        self != Self::Work
    }
}

/// One of the two sides of a milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The organization that pays.
    Client,
    /// The person who works.
    Freelancer,
}

impl Side {
    /// The side an actor of this role is on, if on any.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Oneself => Some(Self::Freelancer),
            Role::Member(_) => Some(Self::Client),
            Role::Nobody | Role::Suspended | Role::Stranger | Role::Mediator | Role::Admin | Role::System => None,
        }
    }

    /// The one across.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Freelancer,
            Self::Freelancer => Self::Client,
        }
    }
}

/// An attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The payment, as the processor's events name it.
    pub payment: PaymentId,
    /// What it was for; fixed before the processor was asked.
    pub quote: Quote,
}

/// An approved part in its security hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What was released, divided.
    pub share: Share,
    /// When it becomes available.
    pub releases_at: Timestamp,
    /// How much of the freelancer's part came with which payment; none for what had been credit.
    #[serde(default)]
    pub came_with: Vec<(Option<PaymentId>, Money)>,
}

/// A chargeback that came before its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyChargeback {
    /// The payment it takes back.
    pub payment: PaymentId,
    /// The processor's name for it.
    pub reference: String,
    /// How much.
    pub amount: Money,
}

/// Where a milestone stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// One side proposed it.
    Proposed {
        /// Which.
        by: Side,
    },
    /// Both sides agree; it waits for money.
    Agreed {
        /// The last attempt to pay that came to nothing; its money may still arrive.
        last_attempt: Option<Attempt>,
        /// Since when nothing has happened, if it was handed money and waits for the rest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle: Option<Idle>,
    },
    /// The processor was asked for the money.
    Funding {
        /// For what.
        attempt: Attempt,
        /// When we stop waiting for an answer.
        expires_at: Timestamp,
    },
    /// The money is held, and work can begin.
    Funded {
        /// Since when nothing has happened.
        idle_since: Timestamp,
        /// How many notices of dormancy were sent.
        notices: u16,
    },
    /// Work waits for the client.
    Submitted {
        /// Which.
        submission: SubmissionId,
        /// When it came.
        submitted_at: Timestamp,
        /// When silence approves it.
        approves_at: Timestamp,
        /// How many reminders were sent.
        notices: u16,
        /// While its clock stood still, since there was a dispute, or our people looked at its contract.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stood_still: Vec<Span>,
    },
    /// The client asked for changes.
    ChangesRequested {
        /// What should change.
        note: String,
        /// When it was asked.
        requested_at: Timestamp,
        /// Since when nothing has happened; since it was asked, if it does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle: Option<Idle>,
    },
    /// All that was held is approved, and in its security hold.
    Approved {
        /// When.
        approved_at: Timestamp,
        /// When the last of it becomes available.
        releases_at: Timestamp,
        /// By silence?
        automatic: bool,
        /// Did a dispute divide it? Then there is nothing to dispute any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        settled: bool,
        /// Where work on the rest stood, if banks took all that was held of that since `approved_at`: what was approved
        /// before goes its way, and work on the rest goes on there should a bank give it back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Box<State>>,
    },
    /// The freelancer has the money.
    Released {
        /// Since when.
        released_at: Timestamp,
    },
    /// The client asks for money back.
    RefundRequested {
        /// How much.
        amount: Money,
        /// When it was asked.
        requested_at: Timestamp,
        /// When silence decides.
        resolves_at: Timestamp,
        /// While its clock stood still, since there was a dispute, or our people looked at its contract.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stood_still: Vec<Span>,
        /// Where it stood, and stands again if nothing comes of it.
        resume: Box<State>,
    },
    /// The client has the money back.
    Refunded {
        /// Since when.
        refunded_at: Timestamp,
    },
    /// A dispute is on. Clocks stand still.
    Disputed {
        /// Which.
        dispute: DisputeId,
        /// Since when.
        since: Timestamp,
        /// Where it stood, and stands again if the dispute is withdrawn.
        resume: Box<State>,
    },
    /// A dispute divided the money.
    Split {
        /// When.
        settled_at: Timestamp,
    },
    /// Nothing happened for so long that each side is asked whether it goes on.
    Dormant {
        /// Since when.
        since: Timestamp,
        /// When silence refunds it.
        refunds_at: Timestamp,
        /// While its clock stood still, since there was a dispute, or our people looked at its contract.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stood_still: Vec<Span>,
    },
    /// The freelancer gave back money that had been released.
    RefundedAfter {
        /// When it had been released.
        released_at: Timestamp,
        /// When it was given back, last.
        refunded_at: Timestamp,
    },
    /// The client's bank took the money back.
    ChargedBack {
        /// When.
        charged_back_at: Timestamp,
        /// Where work on it stood, if there was some, or how it had ended: should the bank give the money back, it goes on
        /// or stands there again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Box<State>>,
    },
    /// Called off before there was money in it.
    Cancelled {
        /// When.
        cancelled_at: Timestamp,
        /// The last attempt to pay; its money may still arrive, and is then the client's credit.
        last_attempt: Option<Attempt>,
    },
}

macro_rules! statuses {
    ($($name:ident = $text:literal;)*) => {
        /// The flat view of a [`State`], for columns, filters and the schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Status {
            $(#[doc = concat!("See [`State::", stringify!($name), "`].")] $name),*
        }

        impl Status {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name it is kept and shown by.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl State {
            /// The flat view.
            pub fn status(&self) -> Status {
                match self { $(Self::$name { .. } => Status::$name),* }
            }
        }
    };
}

statuses! {
    Proposed = "proposed";
    Agreed = "agreed";
    Funding = "funding";
    Funded = "funded";
    Submitted = "submitted";
    ChangesRequested = "changes_requested";
    Approved = "approved";
    Released = "released";
    RefundRequested = "refund_requested";
    Refunded = "refunded";
    Disputed = "disputed";
    Split = "split";
    Dormant = "dormant";
    RefundedAfter = "refunded_after";
    ChargedBack = "charged_back";
    Cancelled = "cancelled";
}

impl Status {
    /// Is the work over, so that a contract with only such milestones can end?
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Released
            | Self::Refunded
            | Self::Split
            | Self::RefundedAfter
            | Self::ChargedBack
            | Self::Cancelled => true,
            Self::Proposed
            | Self::Agreed
            | Self::Funding
            | Self::Funded
            | Self::Submitted
            | Self::ChangesRequested
            | Self::Approved
            | Self::RefundRequested
            | Self::Disputed
            | Self::Dormant => false,
        }
    }
}

/// What the parties said about a milestone, found to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneDraft {
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// What it is worth.
    pub amount: Money,
    /// When it is wanted.
    pub due: Option<Timestamp>,
}

impl MilestoneDraft {
    /// Check what was said: a title of 1 to 120 characters, a description of up to 5,000, an
    /// amount within the limits of the terms.
    pub fn parse(
        title: &str,
        description: &str,
        amount: Money,
        due: Option<Timestamp>,
        terms: &Terms,
    ) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let title = invalid.line("title", title, 1..=120);
        let description = invalid.text("description", description, 0..=5_000);
        terms.check_amount(&mut invalid, "amount", amount);
        invalid.finish()?;
        Ok(Self { title, description, amount, due })
    }
}

/// Between whom, and under which terms, a milestone is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// Who pays.
    pub client: OrganizationId,
    /// Who works.
    pub freelancer: UserId,
    /// The contract, if there is one yet.
    pub contract: Option<ContractId>,
    /// The offer, if it comes with one.
    pub offer: Option<OfferId>,
    /// The terms in force between them.
    pub terms: Terms,
}

impl Milestone {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer).disputed_if(self.is_disputed())
    }

    /// The flat view of its state.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The side an actor is on, if on any.
    pub fn side(&self, actor: &Actor) -> Option<Side> {
        Side::of(Role::of(actor, &self.subject()))
    }

    /// Is a dispute on?
    pub fn is_disputed(&self) -> bool {
        matches!(self.state, State::Disputed { .. })
    }

    /// What each side pays and gets for what is still to be funded.
    pub fn quote(&self) -> Result<Quote, MoneyError> {
        let missing = self.amount.minus_or_zero(self.escrow.held())?;
        Quote::at(missing, self.terms.client_fee, self.fee_rate())
    }

    /// For how many days what is approved is held, as it is agreed on while no money has come.
    pub fn held_days(&self) -> u16 {
        self.hold_days.unwrap_or(self.terms.security_hold_days)
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let subject = self.subject();
        let role = Role::of(actor, &subject);
        let verbs = self.verbs(Side::of(role)).into_iter();
        verbs.filter(|verb| verb.allowed_to().contains(&role)).collect()
    }

    /// The timers that run in this state, and when they are due.
    pub fn clocks(&self) -> Vec<(Timer, Timestamp)> {
        let id = self.id;
        let mut clocks: Vec<(Timer, Timestamp)> = Vec::new();
        // Parts approved earlier go their way, whatever becomes of the rest.
        clocks.extend(self.holds.iter().map(|hold| hold.releases_at).min().map(|at| (Timer::ReleaseMilestone(id), at)));
        match &self.state {
            State::Funding { expires_at, .. } => clocks.push((Timer::ExpireFunding(id), *expires_at)),
            State::Funded { .. } | State::Agreed { .. } | State::ChangesRequested { .. } => {
                clocks.extend(self.goes_dormant_by().map(|at| (Timer::DormancyMilestone(id), at)));
            }
            State::Dormant { refunds_at, .. } => clocks.push((Timer::DormancyMilestone(id), *refunds_at)),
            State::Submitted { approves_at, notices, .. } => {
                clocks.push((Timer::AutoApproveMilestone(id), *approves_at));
                let next = self.terms.review_notice_days.get(usize::from(*notices));
                // Counted back from the deadline, so that an extension moves the reminders along.
                let at = next.map(|&day| *approves_at - days(self.terms.review_days.saturating_sub(day)));
                clocks.extend(at.map(|at| (Timer::RemindReview(id), at)));
            }
            State::RefundRequested { resolves_at, .. } => {
                clocks.push((Timer::ResolveRefundRequest(id), *resolves_at));
            }
            State::Proposed { .. }
            | State::Approved { .. }
            | State::Released { .. }
            | State::Refunded { .. }
            | State::Disputed { .. }
            | State::Split { .. }
            | State::RefundedAfter { .. }
            | State::ChargedBack { .. }
            | State::Cancelled { .. } => (),
        }
        clocks
    }

    /// What can be done in this state by this side, as far as the state is concerned.
    fn verbs(&self, side: Option<Side>) -> Vec<Verb> {
        let in_escrow = !self.escrow.held().is_zero();
        let has_contract = self.contract.is_some();
        let mut verbs = Vec::new();
        match &self.state {
            State::Proposed { by } => {
                if side != Some(*by) {
                    verbs.push(Verb::MilestoneAgree);
                }
                verbs.push(Verb::MilestoneCancel);
            }
            State::Agreed { .. } => {
                verbs.push(Verb::MilestoneFund);
                if in_escrow {
                    // It was handed money, so neither side is left to the other's goodwill.
                    verbs.extend([Verb::MilestoneKeep, Verb::MilestoneRequestRefund, Verb::MilestoneDispute]);
                } else if has_contract {
                    verbs.push(Verb::MilestoneCancel);
                }
                // Part of an offer stands and falls with it: what was offered is what is accepted.
            }
            State::Funding { .. } => verbs.push(Verb::MilestoneStopFunding),
            State::Funded { .. } if !has_contract => (),
            State::Funded { .. } | State::Dormant { .. } => verbs.extend([
                Verb::MilestoneSubmit,
                Verb::MilestoneKeep,
                Verb::MilestoneRequestRefund,
                Verb::MilestoneDispute,
            ]),
            State::Submitted { .. } => {
                verbs.extend([Verb::MilestoneRequestChanges, Verb::MilestoneApprove, Verb::MilestoneDispute]);
            }
            State::ChangesRequested { .. } => {
                verbs.extend([Verb::MilestoneSubmit, Verb::MilestoneKeep, Verb::MilestoneRequestRefund]);
                if self.rounds >= self.terms.dispute_from_round {
                    verbs.push(Verb::MilestoneDispute);
                }
            }
            State::RefundRequested { .. } => verbs.extend([
                Verb::MilestoneAgreeRefund,
                Verb::MilestoneRefuseRefund,
                Verb::MilestoneWithdrawRefund,
                Verb::MilestoneDispute,
            ]),
            State::Approved { settled, from, .. } => {
                // What was approved while work on the rest went on could not be disputed either.
                if self.kind == Kind::Work && !settled && from.is_none() {
                    verbs.push(Verb::MilestoneDispute);
                }
            }
            State::Released { .. } | State::RefundedAfter { .. } => {
                if !self.escrow.parts().released_net.is_zero() {
                    verbs.push(Verb::MilestoneRefundAfter);
                }
            }
            State::Disputed { .. } => verbs.push(Verb::MilestoneSettle),
            State::Refunded { .. } | State::Split { .. } | State::ChargedBack { .. } | State::Cancelled { .. } => (),
        }
        verbs
    }

    /// The checks all commands of people share, after access and repeats: the version they meant,
    /// and the state.
    fn standing(&self, actor: &Actor, verb: Verb, expected: Option<i64>) -> Result<(), Refusal> {
        expect_version(expected, self.version)?;
        if self.verbs(self.side(actor)).contains(&verb) { Ok(()) } else { Err(self.wrong_state(actor)) }
    }

    fn wrong_state(&self, actor: &Actor) -> Refusal {
        Refusal::wrong_state("milestone", self.status().as_str(), self.allowed(actor))
    }

    fn access(&self, actor: &Actor, verb: Verb) -> Result<Role, Refusal> {
        Ok(access::check(actor, verb, &self.subject())?)
    }

    /// The change from this milestone to `next`: the version counts up, and the timers follow.
    fn becomes(&self, next: Self) -> Change<Self> {
        let next = Self { version: self.version + 1, ..next };
        let after = next.clocks();
        Change::to(next).clocked(&self.clocks(), &after)
    }

    fn is_due(&self, timer: Timer, now: Timestamp) -> bool {
        self.clocks().iter().any(|(running, at)| *running == timer && *at <= now)
    }

    /// When the last part approved earlier is available, if one is still on its way. Until then a
    /// milestone with nothing held any more counts as approved.
    fn last_hold_over(&self) -> Option<Timestamp> {
        self.holds.iter().map(|hold| hold.releases_at).max()
    }

    /// An entry about this milestone. Its key is made of the version it leads to, which no other
    /// change of this milestone can have.
    fn entry(&self, reason: Reason) -> JournalEntry {
        let key = format!("{}:{}:{}", self.id, self.version + 1, reason.as_str());
        JournalEntry::new(reason, key).of_contract(self.contract).of_milestone(self.id)
    }

    fn escrow_account(&self) -> LedgerAccount {
        LedgerAccount::Escrow(self.id)
    }

    fn pending_account(&self) -> LedgerAccount {
        LedgerAccount::Pending(self.freelancer)
    }

    fn credit_account(&self) -> LedgerAccount {
        LedgerAccount::ClientCredit(self.client)
    }

    fn fee_rate(&self) -> Rate {
        self.terms.freelancer_fee_of(self.kind)
    }
}
