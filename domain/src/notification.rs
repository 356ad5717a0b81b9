//! Notifications: what people are told of. Who is told of an event is decided here; the worker
//! writes it down, once for each event and person.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::event::Event;
use crate::id::{ContractId, EventId, MilestoneId, NotificationId, UserId};
use crate::milestone::Side;

/// Something a person is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The id.
    pub id: NotificationId,
    /// Who is told.
    pub user: UserId,
    /// The event it tells of.
    pub event: EventId,
    /// The name of the event: `milestone_submitted`.
    pub kind: String,
    /// The contract it is about, if it is about one.
    pub contract: Option<ContractId>,
    /// The milestone it is about, if it is about one.
    pub milestone: Option<MilestoneId>,
    /// The global id of what it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When the person read it.
    pub read_at: Option<Timestamp>,
}

/// Which side of a contract is told of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Nobody: it is of no interest by itself, or another event tells of it.
    Nobody,
    /// The members of the client who act on it.
    Client,
    /// The freelancer.
    Freelancer,
    /// Both sides.
    Both,
    /// Those of our people who judge disputes, as far as they have no dealings with a side.
    Judges,
}

impl Audience {
    /// Who is told of this event. What one side did, the other is told.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::MilestoneSubmitted { .. }
            | Event::MilestoneReviewWaits { .. }
            | Event::MilestoneFundingFailed { .. }
            | Event::MilestoneRefundRefused { .. }
            | Event::TimesheetSubmitted { .. }
            | Event::TimesheetChargeFailed { .. } => Self::Client,
            Event::MilestoneFunded { .. }
            | Event::MilestoneChangesRequested { .. }
            | Event::MilestoneApproved { .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefundRequested { .. }
            | Event::TimesheetCharged { .. }
            | Event::TimesheetPaid { .. } => Self::Freelancer,
            Event::MilestoneRefunded { .. }
            | Event::MilestoneIdle { .. }
            | Event::MilestoneDormant { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::TimesheetDisputed { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::MilestoneExtended { .. }
            | Event::ContractPaused { .. }
            | Event::ContractResumed { .. }
            | Event::ContractPutOnHold { .. }
            | Event::ContractEnded { .. }
            | Event::ReviewsPublished { .. } => Self::Both,
            // The dispute tells of what becomes of the milestone, too.
            Event::DisputeOpened { told }
            | Event::DisputeAnswered { told }
            | Event::DisputeOfferMade { told }
            | Event::DisputeRecommended { told, .. }
            | Event::DisputeAccepted { told }
            | Event::DisputeEscalated { told }
            | Event::DisputeFeePaid { told }
            | Event::DisputeExecuted { told, .. }
            | Event::DisputeWithdrawn { told }
            | Event::DisputeClosed { told }
            | Event::EvidenceAdded { told, .. } => match told.by {
                Some(Side::Client) => Self::Freelancer,
                Some(Side::Freelancer) => Self::Client,
                None => Self::Both,
            },
            Event::DisputeWaits { .. } => Self::Judges,
            // Everything else is told by what it leads to, or is nobody's news.
            _ => Self::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    #[test]
    fn signing_in_is_nobodys_news() {
        let (session, user) = (Id::from_uuid(Uuid::nil()), UserId::from_uuid(Uuid::nil()));
        assert_eq!(Audience::of(&Event::SessionBegan { session, user }), Audience::Nobody);
    }
}
