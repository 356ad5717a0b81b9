//! The history of a contract: what happened on it, as far as each side may see it.
//!
//! An event is put into the history of its contract as it is written, with the sides that see it;
//! so a side's history never has a hole that later fills.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::event::Event;
use crate::id::{ContractId, EventId, MilestoneId};
use crate::notification::sentence::{may_tell_of_gift, of_gift, sentence};

/// Something that happened on a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The id of the event.
    pub id: EventId,
    /// On which contract.
    pub contract: ContractId,
    /// What happened; `None` for what only a newer version has a name for.
    pub event: Option<Event>,
    /// When.
    pub at: Timestamp,
}

impl Happening {
    /// What happened, in a sentence that either side can read; of a bonus or a tip, if it is about one.
    pub fn sentence(&self, is_gift: bool) -> &'static str {
        let kind = self.event.as_ref().map_or("", Event::name);
        if is_gift { of_gift(kind) } else { sentence(kind) }
    }

    /// The milestone that has to be looked at to know whether this is about a gift, if that makes a difference.
    pub fn perhaps_gift(&self) -> Option<MilestoneId> {
        let event = self.event.as_ref().filter(|event| may_tell_of_gift(event.name()))?;
        event.about().milestone
    }
}

/// Which sides of a contract see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The members of the organization that pays.
    pub client: bool,
    /// The freelancer.
    pub freelancer: bool,
}

impl Sides {
    /// It is no part of any contract's history.
    pub const NEITHER: Self = Self { client: false, freelancer: false };
    /// Only the client's business: how it pays.
    pub const CLIENT: Self = Self { client: true, freelancer: false };
    /// Both may see it.
    pub const BOTH: Self = Self { client: true, freelancer: true };

    /// Who sees this event.
    pub fn seeing(event: &Event) -> Self {
        match event {
            Event::MilestoneFundingStarted { .. }
            | Event::MilestoneFundingFailed { .. }
            | Event::TimesheetChargeStarted { .. }
            | Event::TimesheetChargeFailed { .. } => Self::CLIENT,
            Event::OfferAccepted { .. }
            | Event::ContractPaused { .. }
            | Event::ContractResumed { .. }
            | Event::ContractPutOnHold { .. }
            | Event::ContractEnding { .. }
            | Event::ContractEnded { .. }
            | Event::ReviewsPublished { .. }
            | Event::ReviewReplied { .. }
            | Event::MilestoneProposed { .. }
            | Event::MilestoneAgreed { .. }
            | Event::MilestoneCancelled { .. }
            | Event::MilestoneFunded { .. }
            | Event::MilestoneSubmitted { .. }
            | Event::MilestoneReviewWaits { .. }
            | Event::MilestoneChangesRequested { .. }
            | Event::MilestoneApproved { .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefundRequested { .. }
            | Event::MilestoneRefundRefused { .. }
            | Event::MilestoneRefundWithdrawn { .. }
            | Event::MilestoneRefunded { .. }
            | Event::MilestoneRefundedAfter { .. }
            | Event::MilestoneIdle { .. }
            | Event::MilestoneDormant { .. }
            | Event::MilestoneKept { .. }
            | Event::MilestoneExtended { .. }
            | Event::MilestoneDisputed { .. }
            | Event::MilestoneResumed { .. }
            | Event::MilestoneSettled { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::MilestoneChargebackWon { .. }
            | Event::TimesheetChargebackWon { .. }
            | Event::TimesheetOpened { .. }
            | Event::TimesheetSubmitted { .. }
            | Event::TimesheetApproved { .. }
            | Event::TimesheetExtended { .. }
            | Event::TimesheetUnpaid { .. }
            | Event::TimesheetDisputed { .. }
            | Event::TimesheetCharged { .. }
            | Event::TimesheetWrittenOff { .. }
            | Event::TimesheetPaid { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::DisputeOpened { .. }
            | Event::DisputeWaits { .. }
            | Event::DisputeAnswered { .. }
            | Event::DisputeOfferMade { .. }
            | Event::DisputeRecommended { .. }
            | Event::DisputeAccepted { .. }
            | Event::DisputeEscalated { .. }
            | Event::DisputeFeePaid { .. }
            | Event::DisputeExecuted { .. }
            | Event::DisputeWithdrawn { .. }
            | Event::DisputeClosed { .. }
            | Event::EvidenceAdded { .. } => Self::BOTH,
            Event::UserSignedUp { .. }
            | Event::MailCodeIssued { .. }
            | Event::AccountSecured { .. }
            | Event::EmailChanged { .. }
            | Event::TaxFormExpiring { .. }
            | Event::TaxFormLapsed { .. }
            | Event::UserErased { .. }
            | Event::UserSuspended { .. }
            | Event::UserReinstated { .. }
            | Event::SavedSearchMatched { .. }
            | Event::SessionBegan { .. }
            | Event::SessionEnded { .. }
            | Event::MemberInvited { .. }
            | Event::MemberJoined { .. }
            | Event::MemberLeft { .. }
            | Event::OrganizationTransferred { .. }
            | Event::WebhookEndpointDisabled { .. }
            | Event::ProfileUpdated { .. }
            | Event::OrganizationCreated { .. }
            | Event::GigDrafted { .. }
            | Event::GigPublished { .. }
            | Event::GigUpdated { .. }
            | Event::GigPaused { .. }
            | Event::GigResumed { .. }
            | Event::GigExpiring { .. }
            | Event::GigExpired { .. }
            | Event::GigCancelled { .. }
            | Event::GigReopened { .. }
            | Event::GigFilled { .. }
            | Event::GigRemoved { .. }
            | Event::InvitationSent { .. }
            | Event::InvitationDeclined { .. }
            | Event::InvitationAccepted { .. }
            | Event::MessageSent { .. }
            | Event::ProposalDrafted { .. }
            | Event::ProposalSubmitted { .. }
            | Event::ProposalViewed { .. }
            | Event::ProposalShortlisted { .. }
            | Event::ProposalInterviewing { .. }
            | Event::ProposalDeclined { .. }
            | Event::ProposalCountered { .. }
            | Event::ProposalRevised { .. }
            | Event::ProposalWithdrawn { .. }
            | Event::ProposalOffered { .. }
            | Event::ProposalOfferEnded { .. }
            | Event::ProposalHired { .. }
            | Event::ProposalClosed { .. }
            | Event::OfferSent { .. }
            | Event::OfferDeclined { .. }
            | Event::OfferWithdrawn { .. }
            | Event::OfferExpired { .. }
            | Event::ScreeningHitFound { .. }
            | Event::ScreeningHitCleared { .. }
            | Event::CorrectionProposed { .. }
            | Event::CorrectionPosted { .. }
            | Event::CorrectionEnded { .. }
            | Event::OutageDeclared { .. }
            | Event::OutageEnded { .. }
            | Event::PaymentCredited { .. }
            | Event::PaymentRefundStarted { .. }
            | Event::PaymentRefunded { .. }
            | Event::PaymentRefundFailed { .. }
            | Event::PayoutMethodAdded { .. }
            | Event::PayoutMethodRemoved { .. }
            | Event::PayoutRequested { .. }
            | Event::PayoutScreeningBegan { .. }
            | Event::PayoutBlocked { .. }
            | Event::PayoutQueued { .. }
            | Event::PayoutSent { .. }
            | Event::PayoutInTransit { .. }
            | Event::PayoutPaid { .. }
            | Event::PayoutReturned { .. }
            | Event::PayoutUnknown { .. }
            | Event::PayoutCancelled { .. } => Self::NEITHER,
        }
    }
}

/// From where somebody looks at a contract's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As its freelancer.
    Freelancer,
    /// As a member of its client.
    Client,
    /// As the platform, which sees both sides.
    Platform,
}

impl View {
    /// From where this actor looks at a contract, by whose it is; `None` for whoever may not see it.
    pub fn of(actor: &Actor, contract: &Subject) -> Option<Self> {
        match access::check(actor, Verb::ContractRead, contract).ok()? {
            Role::Oneself => Some(Self::Freelancer),
            Role::Member(_) => Some(Self::Client),
            Role::Mediator | Role::Admin | Role::System => Some(Self::Platform),
            Role::Nobody | Role::Suspended | Role::Stranger => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;
    use crate::money::Money;

    #[test]
    fn how_a_client_pays_is_not_the_freelancers_business() {
        let (milestone, payment) = (Id::from_uuid(Uuid::nil()), Id::from_uuid(Uuid::nil()));
        let usd = |cents| Money::usd(cents).unwrap();
        let table = [
            (Event::MilestoneFundingStarted { milestone, payment, total: usd(103) }, Sides::CLIENT),
            (Event::MilestoneFundingFailed { milestone, payment }, Sides::CLIENT),
            (Event::MilestoneFunded { milestone, amount: usd(100) }, Sides::BOTH),
            (Event::PayoutPaid { payout: Id::from_uuid(Uuid::nil()) }, Sides::NEITHER),
            (Event::UserSignedUp { user: Id::from_uuid(Uuid::nil()) }, Sides::NEITHER),
        ];
        for (event, sides) in table {
            assert_eq!(Sides::seeing(&event), sides, "{event:?}");
        }
    }
}
