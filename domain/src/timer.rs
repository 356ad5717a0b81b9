//! Deadlines. A timer is a row with a due time; when it is due the worker carries out the verb it
//! stands for, as [`Actor::System`](crate::access::Actor::System). A verb that finds its work
//! already done answers [`Change::none`](crate::change::Change::none), so a timer that fires twice
//! does no harm.

use serde::{Deserialize, Serialize};

use crate::id::{ContractId, DisputeId, GigId, MilestoneId, OfferId, PayoutId, TimesheetId};

/// What is due, and for which object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Timer {
    /// An open gig without activity expires.
    ExpireGig(GigId),
    /// The client is told that a gig is about to expire.
    WarnGigExpiry(GigId),
    /// An offer nobody answered expires.
    ExpireOffer(OfferId),
    /// Submitted work nobody answered is approved.
    AutoApproveMilestone(MilestoneId),
    /// The client is reminded that submitted work waits.
    RemindReview(MilestoneId),
    /// The security hold after an approval is over.
    ReleaseMilestone(MilestoneId),
    /// A refund request nobody answered takes effect, or becomes a dispute.
    ResolveRefundRequest(MilestoneId),
    /// A funded milestone without activity goes dormant, by steps.
    DormancyMilestone(MilestoneId),
    /// A week is over, and its timesheet goes to the client.
    SubmitTimesheet(TimesheetId),
    /// A timesheet nobody answered is approved.
    AutoApproveTimesheet(TimesheetId),
    /// The charge of a timesheet is tried, or tried again.
    ChargeTimesheet(TimesheetId),
    /// The hold on a charged timesheet is over.
    PayTimesheet(TimesheetId),
    /// The current step of a dispute is over.
    AdvanceDispute(DisputeId),
    /// A payout is screened and sent, or asked about.
    AdvancePayout(PayoutId),
    /// The reviews of a contract are published, written or not.
    PublishReviews(ContractId),
}
