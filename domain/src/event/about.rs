//! What an event is about.

use super::Event;
use crate::id::{
    ContractId, ConversationId, CorrectionId, DisputeId, GigId, InvitationId, MilestoneId, OfferId, OrganizationId,
    PaymentId, PayoutId, PayoutMethodId, ProposalId, ReviewId, TimesheetId, UserId, WebhookEndpointId,
};

/// What an event is about, as far as it names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct About {
    /// The contract.
    pub contract: Option<ContractId>,
    /// The milestone.
    pub milestone: Option<MilestoneId>,
    /// The timesheet.
    pub timesheet: Option<TimesheetId>,
    /// The dispute.
    pub dispute: Option<DisputeId>,
    /// The review.
    pub review: Option<ReviewId>,
    /// The offer.
    pub offer: Option<OfferId>,
    /// The proposal.
    pub proposal: Option<ProposalId>,
    /// The invitation to a gig.
    pub invitation: Option<InvitationId>,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// The gig.
    pub gig: Option<GigId>,
    /// The payout.
    pub payout: Option<PayoutId>,
    /// The way to be paid out.
    pub method: Option<PayoutMethodId>,
    /// The payment.
    pub payment: Option<PaymentId>,
    /// The correction of the books.
    pub correction: Option<CorrectionId>,
    /// The webhook endpoint.
    pub endpoint: Option<WebhookEndpointId>,
    /// The organization.
    pub organization: Option<OrganizationId>,
    /// The organization on the client's side.
    pub client: Option<OrganizationId>,
    /// The person on the freelancer's side.
    pub freelancer: Option<UserId>,
    /// The person, where there is no other side.
    pub user: Option<UserId>,
}

impl About {
    /// The global id of what a reader of the event would want to look at.
    pub fn subject(&self) -> Option<String> {
        macro_rules! first_of {
            ($($field:ident)*) => { None$(.or_else(|| self.$field.map(|id| id.to_string())))* };
        }
        // The most telling first: a dispute says more than the milestone it is about. Whose balance a correction
        // changed sees what they have, and no correction.
        first_of!(review dispute timesheet milestone contract proposal invitation conversation gig offer payout method
            payment endpoint organization user client freelancer correction)
    }
}

impl Event {
    /// What it is about.
    pub fn about(&self) -> About {
        // The fields of an event are named by what they are, so its serialized form tells; and an id
        // says itself whether it is of the wanted kind.
        let fields = serde_json::to_value(self).unwrap_or_default();
        macro_rules! read {
            ($($field:ident)*) => {
                About { $($field: fields[stringify!($field)].as_str().and_then(|text| text.parse().ok())),* }
            };
        }
        read!(contract milestone timesheet dispute review offer proposal invitation conversation gig payout method
            payment correction endpoint organization client freelancer user)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{Id, MemberInvitationId};

    #[test]
    fn an_event_says_what_it_is_about() {
        let milestone = MilestoneId::from_uuid(Uuid::from_u128(7));
        let about = Event::MilestoneProposed { milestone }.about();
        assert_eq!(about, About { milestone: Some(milestone), ..About::default() });
        assert_eq!(about.subject(), Some(milestone.to_string()));
        let dispute = DisputeId::from_uuid(Uuid::from_u128(8));
        let about = Event::MilestoneDisputed { milestone, dispute }.about();
        assert_eq!((about.milestone, about.subject()), (Some(milestone), Some(dispute.to_string())));
        assert_eq!(About::default().subject(), None);
        let organization = OrganizationId::from_uuid(Uuid::from_u128(9));
        let letter = MemberInvitationId::from_uuid(Uuid::from_u128(9));
        let about = Event::MemberInvited { invitation: letter, organization }.about();
        assert_eq!(about, About { organization: Some(organization), ..About::default() }, "not an invitation to a gig");
    }
}
