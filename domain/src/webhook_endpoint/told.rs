//! What endpoints can be told of.

use serde::{Deserialize, Serialize};

use crate::event::Event;

macro_rules! told {
    ($($(#[$doc:meta])* $event:ident = $name:literal,)*) => {
        /// What an endpoint can be told of: what happens to proposals, offers, contracts, milestones, weeks of hours,
        /// disputes and payments of an organization, and what each of its owners and admins may see of it. An event
        /// that is not in this list is told to nobody outside.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum WebhookEvent {
            $($(#[$doc])* $event,)*
            /// Nothing happened: somebody tries whether an endpoint hears.
            Ping,
        }

        impl WebhookEvent {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$event,)* Self::Ping];

            /// The name it is kept by: that of the event.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                    Self::Ping => "ping",
                }
            }

            /// What endpoints are told of an event; nothing, unless it is in the list.
            pub fn of(event: &Event) -> Option<Self> {
                match event {
                    $(Event::$event { .. } => Some(Self::$event),)*
                    _ => None,
                }
            }
        }
    };
}

told! {
    /// A freelancer put a proposal before the organization.
    ProposalSubmitted = "proposal_submitted",
    /// A freelancer proposed something else, or took what was proposed.
    ProposalRevised = "proposal_revised",
    /// A freelancer took a proposal back.
    ProposalWithdrawn = "proposal_withdrawn",
    /// A freelancer was hired by a proposal.
    ProposalHired = "proposal_hired",
    /// A freelancer has an offer to decide on.
    OfferSent = "offer_sent",
    /// A freelancer took an offer: there is a contract.
    OfferAccepted = "offer_accepted",
    /// A freelancer declined an offer.
    OfferDeclined = "offer_declined",
    /// Nobody answered an offer.
    OfferExpired = "offer_expired",
    /// A side asked for a break.
    ContractPaused = "contract_paused",
    /// Work goes on.
    ContractResumed = "contract_resumed",
    /// Something outside stands against a contract.
    ContractPutOnHold = "contract_put_on_hold",
    /// A side ended a contract; what is under way is carried through.
    ContractEnding = "contract_ending",
    /// A contract is over.
    ContractEnded = "contract_ended",
    /// Work was proposed on a contract.
    MilestoneProposed = "milestone_proposed",
    /// A milestone is paid for.
    MilestoneFunded = "milestone_funded",
    /// A payment for a milestone failed, or was given up.
    MilestoneFundingFailed = "milestone_funding_failed",
    /// Work was handed in.
    MilestoneSubmitted = "milestone_submitted",
    /// Work was approved, or silence approved it.
    MilestoneApproved = "milestone_approved",
    /// The money of a milestone is the freelancer's.
    MilestoneReleased = "milestone_released",
    /// The money of a milestone went back to the organization.
    MilestoneRefunded = "milestone_refunded",
    /// A milestone was called off.
    MilestoneCancelled = "milestone_cancelled",
    /// A bank took the money of a milestone back.
    MilestoneChargedBack = "milestone_charged_back",
    /// A week of hours was handed in.
    TimesheetSubmitted = "timesheet_submitted",
    /// A week was approved, or silence approved it.
    TimesheetApproved = "timesheet_approved",
    /// A week was charged.
    TimesheetCharged = "timesheet_charged",
    /// A week could not be charged.
    TimesheetChargeFailed = "timesheet_charge_failed",
    /// Nothing is tried any more by itself to charge a week.
    TimesheetUnpaid = "timesheet_unpaid",
    /// The money of a week is the freelancer's.
    TimesheetPaid = "timesheet_paid",
    /// A bank took the money of a week back.
    TimesheetChargedBack = "timesheet_charged_back",
    /// A dispute was opened.
    DisputeOpened = "dispute_opened",
    /// The other side of a dispute answered.
    DisputeAnswered = "dispute_answered",
    /// A side of a dispute made an offer.
    DisputeOfferMade = "dispute_offer_made",
    /// A mediator recommends how to end a dispute.
    DisputeRecommended = "dispute_recommended",
    /// A dispute is decided.
    DisputeExecuted = "dispute_executed",
    /// A dispute was withdrawn.
    DisputeWithdrawn = "dispute_withdrawn",
    /// A dispute was closed with nothing left to decide.
    DisputeClosed = "dispute_closed",
    /// Money came as credit.
    PaymentCredited = "payment_credited",
    /// Money of a payment went back to its card.
    PaymentRefunded = "payment_refunded",
    /// Money of a payment did not get back to its card.
    PaymentRefundFailed = "payment_refund_failed",
}

/// Text that names nothing endpoints are told of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event of webhooks")]
pub struct BadEvent;

impl std::str::FromStr for WebhookEvent {
    type Err = BadEvent;
    fn from_str(text: &str) -> Result<Self, BadEvent> {
        Self::ALL.iter().copied().find(|event| event.as_str() == text).ok_or(BadEvent)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    #[test]
    fn what_is_told_is_called_as_the_event_is() {
        for event in WebhookEvent::ALL {
            assert!(*event == WebhookEvent::Ping || Event::NAMES.contains(&event.as_str()), "{event:?}");
            assert_eq!(event.as_str().parse(), Ok(*event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        let of_a_person = Event::UserSignedUp { user: Id::from_uuid(Uuid::nil()) };
        assert_eq!(WebhookEvent::of(&of_a_person), None);
        let milestone = Event::MilestoneProposed { milestone: Id::from_uuid(Uuid::nil()) };
        assert_eq!(WebhookEvent::of(&milestone), Some(WebhookEvent::MilestoneProposed));
    }
}
