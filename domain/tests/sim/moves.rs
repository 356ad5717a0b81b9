//! Everything that can happen next, as values: who does what, to which thing. Ids of what a move
//! brings about are in it, so that whoever carries it out knows what to call it.

use chrono::NaiveDate;
use domain::Timestamp;
use domain::access::Actor;
use domain::contract::HoldReason;
use domain::correction::CorrectionDraft;
use domain::id::{
    ContractId, CorrectionId, DisputeId, MilestoneId, OfferId, OrganizationId, OutageId, PaymentId, PaymentRefundId,
    PayoutId, PayoutMethodId, SubmissionId, TimeEntryId, TimesheetId, UserId,
};
use domain::milestone::{Approval, Kind};
use domain::money::Money;
use domain::outage::Span;
use domain::payout::Carried;
use domain::policy::Terms;
use domain::refusal::Refusal;
use domain::timer::Timer;
use domain::wire::WireOutcome;

use super::trade::TradeAct;
use super::words::WordAct;

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Move {
    /// It is this late now.
    TimePasses(Timestamp),
    /// A worker takes up a timer; `again` if a second one took up the same.
    TimerFires { timer: Timer, again: bool },
    /// The worker delivers what waits in the outbox.
    EventsAreTold,
    /// The processor or a rail says something.
    Heard(Message),
    /// From now on another policy is in force.
    PolicyChanges(Box<Terms>),
    /// A client makes an offer.
    OfferCreate { by: Actor, terms: OfferTerms },
    /// Somebody does something with an offer.
    Offer { by: Actor, of: OfferId, expected: Option<i64>, act: OfferAct },
    /// Somebody does something with a contract.
    Contract { by: Actor, of: ContractId, expected: Option<i64>, act: ContractAct },
    /// A side proposes more work.
    MilestonePropose { by: Actor, milestone: MilestoneId, contract: ContractId, amount: Money },
    /// A client gives a bonus or a tip, and pays for it.
    MilestoneGive { by: Actor, gift: Gift },
    /// Somebody does something with a milestone.
    Milestone { by: Actor, of: MilestoneId, expected: Option<i64>, act: MilestoneAct },
    /// Somebody does something with a dispute.
    Dispute { by: Actor, of: DisputeId, expected: Option<i64>, act: DisputeAct },
    /// A client names the card that a contract's weeks are charged to.
    CardSet { by: Actor, contract: ContractId, token: &'static str },
    /// Somebody writes down some work. The first of a week opens it, under the name `week`.
    TimeEntryAdd { by: Actor, contract: ContractId, week: TimesheetId, expected: Option<i64>, work: Work },
    /// Somebody does something with a timesheet.
    Timesheet { by: Actor, of: TimesheetId, expected: Option<i64>, act: TimesheetAct },
    /// Somebody declares an outage.
    OutageDeclare { by: Actor, outage: OutageId, zones: Vec<&'static str>, span: Span },
    /// Somebody ends an outage.
    OutageEnd { by: Actor, of: OutageId },
    /// A client has some of a payment go back to its card.
    CardRefund { by: Actor, refund: PaymentRefundId, payment: PaymentId, amount: Money },
    /// Somebody adds a bank account.
    PayoutMethodAdd { by: Actor, method: PayoutMethodId, account: Account },
    /// Somebody removes a bank account.
    PayoutMethodRemove { by: Actor, of: PayoutMethodId },
    /// Somebody asks for money.
    PayoutRequest { by: Actor, payout: PayoutId, ask: PayoutAsk },
    /// Somebody does something with a payout.
    Payout { by: Actor, of: PayoutId, expected: Option<i64>, act: PayoutAct },
    /// Somebody proposes a correction of the books.
    CorrectionPropose { by: Actor, correction: CorrectionId, draft: Box<CorrectionDraft> },
    /// Somebody does something with a correction.
    Correction { by: Actor, of: CorrectionId, expected: Option<i64>, act: CorrectionAct },
    /// Somebody suspends a person.
    UserSuspend { by: Actor, user: UserId },
    /// Somebody lets a suspended person go.
    UserReinstate { by: Actor, user: UserId },
    /// Somebody does something before there is a contract.
    Trade { by: Actor, act: Box<TradeAct> },
    /// Somebody says something.
    Word { by: Actor, act: WordAct },
}

/// What an offer says.
#[derive(Debug, Clone)]
pub struct OfferTerms {
    pub offer: OfferId,
    pub contract: ContractId,
    pub client: OrganizationId,
    pub freelancer: UserId,
    pub pay: Pay,
}

/// How the work of an offer is paid.
#[derive(Debug, Clone)]
pub enum Pay {
    Fixed(Vec<(MilestoneId, Money)>),
    Hourly { rate: Money, weekly_limit_minutes: u32 },
}

/// A bonus or a tip.
#[derive(Debug, Clone, Copy)]
pub struct Gift {
    pub milestone: MilestoneId,
    pub contract: ContractId,
    pub amount: Money,
    pub kind: Kind,
    /// By card, or else out of the client's credit.
    pub payment: Option<PaymentId>,
}

#[derive(Debug, Clone, Copy)]
pub enum OfferAct {
    Accept,
    Decline,
    Withdraw,
}

#[derive(Debug, Clone, Copy)]
pub enum ContractAct {
    Pause,
    Resume,
    End,
    Hold(HoldReason),
    Lift(HoldReason),
}

#[derive(Debug, Clone, Copy)]
pub enum MilestoneAct {
    Agree,
    Fund(PaymentId),
    FundFromCredit,
    StopFunding,
    Cancel,
    Submit(SubmissionId),
    RequestChanges,
    Approve(Approval),
    /// A part is approved, and the rest moves on to that one.
    HandOver(MilestoneId, Money),
    RequestRefund(Option<Money>),
    AgreeRefund,
    RefuseRefund,
    WithdrawRefund,
    RefundAfter(Money),
    Dispute(DisputeId, Option<Money>),
    Keep,
}

#[derive(Debug, Clone, Copy)]
pub enum DisputeAct {
    Answer,
    Concede,
    Withdraw,
    Offer(Money),
    Recommend(Money),
    Accept,
    Refuse,
    PayFee,
    Award(Money),
}

/// Some work on a day.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub entry: TimeEntryId,
    pub date: NaiveDate,
    pub minutes: u32,
    pub manual: bool,
}

#[derive(Debug, Clone)]
pub enum TimesheetAct {
    RemoveEntry(TimeEntryId),
    Submit,
    Approve,
    /// These entries are disputed, and go on apart.
    Dispute {
        listed: Vec<TimeEntryId>,
        dispute: DisputeId,
        apart: TimesheetId,
    },
    /// A week whose charge failed is paid: with this card, or with the contract's.
    Pay(PaymentId, Option<&'static str>),
    WriteOff,
}

/// A bank account.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub iban: &'static str,
    pub title: &'static str,
    pub in_dollars: bool,
}

/// What somebody asks for to be paid out.
#[derive(Debug, Clone, Copy)]
pub struct PayoutAsk {
    pub method: PayoutMethodId,
    pub amount: Money,
    /// What of it is kept in dollars, and where.
    pub retention: Option<(PayoutMethodId, Money)>,
    pub reauthenticated: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum PayoutAct {
    Cancel,
    Unblock,
    Reject,
    Approve,
    Settle(WireOutcome),
}

#[derive(Debug, Clone, Copy)]
pub enum CorrectionAct {
    Approve,
    Decline,
}

/// What the outside world says.
#[derive(Debug, Clone)]
pub enum Message {
    Succeeded { payment: PaymentId, received: Money },
    Failed { payment: PaymentId },
    ChargedBack { payment: PaymentId, reference: String, amount: Money },
    ChargebackWon { payment: PaymentId, reference: String },
    Refund { refund: PaymentRefundId, says: RefundSays },
    Rail { payout: PayoutId, attempt: u32, says: Carried },
}

/// What the processor says of money that goes back to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundSays {
    TakenUp,
    Succeeded,
    Failed,
    /// Nothing, for so long that it is thought not to have got there.
    Silent,
}

impl Move {
    /// Who makes it.
    pub fn by(&self) -> &Actor {
        match self {
            Self::TimePasses(_)
            | Self::TimerFires { .. }
            | Self::EventsAreTold
            | Self::Heard(_)
            | Self::PolicyChanges(_) => &Actor::System,
            Self::OfferCreate { by, .. }
            | Self::Offer { by, .. }
            | Self::Contract { by, .. }
            | Self::MilestonePropose { by, .. }
            | Self::MilestoneGive { by, .. }
            | Self::Milestone { by, .. }
            | Self::Dispute { by, .. }
            | Self::CardSet { by, .. }
            | Self::TimeEntryAdd { by, .. }
            | Self::Timesheet { by, .. }
            | Self::OutageDeclare { by, .. }
            | Self::OutageEnd { by, .. }
            | Self::CardRefund { by, .. }
            | Self::PayoutMethodAdd { by, .. }
            | Self::PayoutMethodRemove { by, .. }
            | Self::PayoutRequest { by, .. }
            | Self::Payout { by, .. }
            | Self::CorrectionPropose { by, .. }
            | Self::Correction { by, .. }
            | Self::UserSuspend { by, .. }
            | Self::UserReinstate { by, .. }
            | Self::Trade { by, .. }
            | Self::Word { by, .. } => by,
        }
    }

    /// The same, to be changed; none of what happens by itself.
    pub fn by_mut(&mut self) -> Option<&mut Actor> {
        match self {
            Self::TimePasses(_)
            | Self::TimerFires { .. }
            | Self::EventsAreTold
            | Self::Heard(_)
            | Self::PolicyChanges(_) => None,
            Self::OfferCreate { by, .. }
            | Self::Offer { by, .. }
            | Self::Contract { by, .. }
            | Self::MilestonePropose { by, .. }
            | Self::MilestoneGive { by, .. }
            | Self::Milestone { by, .. }
            | Self::Dispute { by, .. }
            | Self::CardSet { by, .. }
            | Self::TimeEntryAdd { by, .. }
            | Self::Timesheet { by, .. }
            | Self::OutageDeclare { by, .. }
            | Self::OutageEnd { by, .. }
            | Self::CardRefund { by, .. }
            | Self::PayoutMethodAdd { by, .. }
            | Self::PayoutMethodRemove { by, .. }
            | Self::PayoutRequest { by, .. }
            | Self::Payout { by, .. }
            | Self::CorrectionPropose { by, .. }
            | Self::Correction { by, .. }
            | Self::UserSuspend { by, .. }
            | Self::UserReinstate { by, .. }
            | Self::Trade { by, .. }
            | Self::Word { by, .. } => Some(by),
        }
    }

    /// What it is called where it is counted which of them succeed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TimePasses(_) | Self::EventsAreTold | Self::PolicyChanges(_) => "world",
            Self::TimerFires { timer, .. } => timer.kind(),
            Self::Heard(message) => match message {
                Message::Succeeded { .. } => "payment.succeeded",
                Message::Failed { .. } => "payment.failed",
                Message::ChargedBack { .. } => "payment.charged_back",
                Message::ChargebackWon { .. } => "payment.chargeback_won",
                Message::Refund { says: RefundSays::TakenUp, .. } => "refund.taken_up",
                Message::Refund { says: RefundSays::Succeeded, .. } => "refund.succeeded",
                Message::Refund { says: RefundSays::Failed, .. } => "refund.failed",
                Message::Refund { says: RefundSays::Silent, .. } => "refund.given_up",
                Message::Rail { .. } => "rail.says",
            },
            Self::OfferCreate { .. } => "offer.create",
            Self::Offer { act, .. } => match act {
                OfferAct::Accept => "offer.accept",
                OfferAct::Decline => "offer.decline",
                OfferAct::Withdraw => "offer.withdraw",
            },
            Self::Contract { act, .. } => match act {
                ContractAct::Pause => "contract.pause",
                ContractAct::Resume => "contract.resume",
                ContractAct::End => "contract.end",
                ContractAct::Hold(_) => "contract.hold",
                ContractAct::Lift(_) => "contract.lift",
            },
            Self::MilestonePropose { .. } => "milestone.propose",
            Self::MilestoneGive { gift, .. } => match gift.kind {
                Kind::Bonus => "milestone.give_bonus",
                Kind::Tip => "milestone.give_tip",
                Kind::Work => "milestone.give_work",
            },
            Self::Milestone { act, .. } => match act {
                MilestoneAct::Agree => "milestone.agree",
                MilestoneAct::Fund(_) => "milestone.fund",
                MilestoneAct::FundFromCredit => "milestone.fund_from_credit",
                MilestoneAct::StopFunding => "milestone.stop_funding",
                MilestoneAct::Cancel => "milestone.cancel",
                MilestoneAct::Submit(_) => "milestone.submit",
                MilestoneAct::RequestChanges => "milestone.request_changes",
                MilestoneAct::Approve(Approval::Whole) => "milestone.approve",
                MilestoneAct::Approve(Approval::Part(_)) => "milestone.approve_part",
                MilestoneAct::HandOver(..) => "milestone.hand_over",
                MilestoneAct::RequestRefund(_) => "milestone.request_refund",
                MilestoneAct::AgreeRefund => "milestone.agree_refund",
                MilestoneAct::RefuseRefund => "milestone.refuse_refund",
                MilestoneAct::WithdrawRefund => "milestone.withdraw_refund",
                MilestoneAct::RefundAfter(_) => "milestone.refund_after",
                MilestoneAct::Dispute(..) => "milestone.dispute",
                MilestoneAct::Keep => "milestone.keep",
            },
            Self::Dispute { act, .. } => match act {
                DisputeAct::Answer => "dispute.answer",
                DisputeAct::Concede => "dispute.concede",
                DisputeAct::Withdraw => "dispute.withdraw",
                DisputeAct::Offer(_) => "dispute.offer",
                DisputeAct::Recommend(_) => "dispute.recommend",
                DisputeAct::Accept => "dispute.accept",
                DisputeAct::Refuse => "dispute.refuse",
                DisputeAct::PayFee => "dispute.pay_fee",
                DisputeAct::Award(_) => "dispute.award",
            },
            Self::CardSet { .. } => "contract.card_set",
            Self::TimeEntryAdd { .. } => "timesheet.add_entry",
            Self::Timesheet { act, .. } => match act {
                TimesheetAct::RemoveEntry(_) => "timesheet.remove_entry",
                TimesheetAct::Submit => "timesheet.submit",
                TimesheetAct::Approve => "timesheet.approve",
                TimesheetAct::Dispute { .. } => "timesheet.dispute",
                TimesheetAct::Pay(..) => "timesheet.pay",
                TimesheetAct::WriteOff => "timesheet.write_off",
            },
            Self::OutageDeclare { .. } => "outage.declare",
            Self::OutageEnd { .. } => "outage.end",
            Self::CardRefund { .. } => "payment.refund",
            Self::PayoutMethodAdd { account: Account { in_dollars: true, .. }, .. } => "payout_method.add_in_dollars",
            Self::PayoutMethodAdd { .. } => "payout_method.add",
            Self::PayoutMethodRemove { .. } => "payout_method.remove",
            Self::PayoutRequest { ask: PayoutAsk { retention: Some(_), .. }, .. } => "payout.request_and_retain",
            Self::PayoutRequest { .. } => "payout.request",
            Self::Payout { act, .. } => match act {
                PayoutAct::Cancel => "payout.cancel",
                PayoutAct::Unblock => "payout.unblock",
                PayoutAct::Reject => "payout.reject",
                PayoutAct::Approve => "payout.approve",
                PayoutAct::Settle(WireOutcome::Paid) => "payout.settle_paid",
                PayoutAct::Settle(WireOutcome::Returned) => "payout.settle_returned",
            },
            Self::CorrectionPropose { .. } => "correction.propose",
            Self::Correction { act, .. } => match act {
                CorrectionAct::Approve => "correction.approve",
                CorrectionAct::Decline => "correction.decline",
            },
            Self::UserSuspend { .. } => "user.suspend",
            Self::UserReinstate { .. } => "user.reinstate",
            Self::Trade { act, .. } => act.name(),
            Self::Word { act, .. } => act.name(),
        }
    }
}

/// What came of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// It was so already.
    AsItWas,
    Refused(Refusal),
}
