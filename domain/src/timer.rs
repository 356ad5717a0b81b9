//! Deadlines. A timer is a row with a due time; when it is due the worker carries out the verb it
//! stands for, as [`Actor::System`](crate::access::Actor::System). A verb that finds its work
//! already done answers [`Change::none`](crate::change::Change::none), so a timer that fires twice
//! does no harm.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{
    ContractId, ConversationId, CorrectionId, DisputeId, GigId, Id, MilestoneId, OfferId, OutageId, PayoutId,
    TimesheetId, UserId,
};

macro_rules! timers {
    ($($(#[$doc:meta])* $name:ident($id:ident) = $kind:literal;)*) => {
        /// What is due, and for which object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Timer { $($(#[$doc])* $name($id)),* }

        impl Timer {
            /// The name of the kind, as it is kept.
            pub fn kind(self) -> &'static str {
                match self { $(Self::$name(_) => $kind),* }
            }

            /// The object it is for.
            pub fn subject(self) -> Uuid {
                match self { $(Self::$name(id) => id.uuid()),* }
            }

            /// The timer of a kind for an object, if there is such a kind.
            pub fn from_parts(kind: &str, subject: Uuid) -> Option<Self> {
                match kind {
                    $($kind => Some(Self::$name($id::from_uuid(subject))),)*
                    _ => None,
                }
            }
        }
    };
}

timers! {
    /// An open gig without activity expires.
    ExpireGig(GigId) = "expire_gig";
    /// The client is told that a gig is about to expire.
    WarnGigExpiry(GigId) = "warn_gig_expiry";
    /// An offer nobody answered expires.
    ExpireOffer(OfferId) = "expire_offer";
    /// A payment the processor says nothing about is given up.
    ExpireFunding(MilestoneId) = "expire_funding";
    /// Submitted work nobody answered is approved.
    AutoApproveMilestone(MilestoneId) = "auto_approve_milestone";
    /// The client is reminded that submitted work waits.
    RemindReview(MilestoneId) = "remind_review";
    /// The security hold after an approval is over.
    ReleaseMilestone(MilestoneId) = "release_milestone";
    /// A refund request nobody answered takes effect, or becomes a dispute.
    ResolveRefundRequest(MilestoneId) = "resolve_refund_request";
    /// A funded milestone without activity goes dormant, by steps.
    DormancyMilestone(MilestoneId) = "dormancy_milestone";
    /// A week is over, and its timesheet goes to the client.
    SubmitTimesheet(TimesheetId) = "submit_timesheet";
    /// A timesheet nobody answered is approved.
    AutoApproveTimesheet(TimesheetId) = "auto_approve_timesheet";
    /// The charge of a timesheet is tried, or tried again.
    ChargeTimesheet(TimesheetId) = "charge_timesheet";
    /// The hold on a charged timesheet is over.
    PayTimesheet(TimesheetId) = "pay_timesheet";
    /// A week that nobody could be charged for is written off.
    WriteOffTimesheet(TimesheetId) = "write_off_timesheet";
    /// The current step of a dispute is over.
    AdvanceDispute(DisputeId) = "advance_dispute";
    /// A payout is screened and sent, or asked about.
    AdvancePayout(PayoutId) = "advance_payout";
    /// A correction that nobody approved expires.
    ExpireCorrection(CorrectionId) = "expire_correction";
    /// An outage begins or is over, and gives grace.
    ApplyOutage(OutageId) = "apply_outage";
    /// Somebody is told that their tax form lapses; and when it has, their contracts are held.
    RemindTaxForm(UserId) = "remind_tax_form";
    /// Whoever was told of a message, and has not looked, gets a letter.
    MailMessages(ConversationId) = "mail_messages";
    /// The reviews of a contract are published, written or not.
    PublishReviews(ContractId) = "publish_reviews";
}

impl Timer {
    /// The kind of what gives hours for an outage.
    pub const OUTAGE: &'static str = "apply_outage";

    /// The kind of what writes to people: it waits for a mail server, and no deadline waits for it.
    pub const LETTERS: &'static str = "mail_messages";

    /// The kinds by which somebody's silence decides, and which an outage moves.
    pub const BY_SILENCE: [&'static str; 7] = [
        "expire_offer",
        "auto_approve_milestone",
        "resolve_refund_request",
        "dormancy_milestone",
        "submit_timesheet",
        "auto_approve_timesheet",
        "advance_dispute",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_are_named_by_hand_are_kinds() {
        for kind in Timer::BY_SILENCE.into_iter().chain([Timer::OUTAGE, Timer::LETTERS]) {
            let timer = Timer::from_parts(kind, Uuid::nil());
            assert_eq!(timer.map(Timer::kind), Some(kind));
        }
    }
}
