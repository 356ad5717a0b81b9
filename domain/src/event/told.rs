//! What the events of one kind of object have in common.

use serde::{Deserialize, Serialize};

use crate::id::{
    ContractId, ConversationId, DisputeId, GigId, InvitationId, MessageId, MilestoneId, OrganizationId, PaymentId,
    PaymentRefundId, ProposalId, UserId,
};
use crate::milestone::Side;
use crate::money::Money;

/// A proposal and its parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfProposal {
    /// Which.
    pub proposal: ProposalId,
    /// For which.
    pub gig: GigId,
    /// Whose gig.
    pub client: OrganizationId,
    /// Whose proposal.
    pub freelancer: UserId,
}

/// An invitation to a gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfInvitation {
    /// Which.
    pub invitation: InvitationId,
    /// To which.
    pub gig: GigId,
    /// Whose gig.
    pub client: OrganizationId,
}

/// A dispute, what it is about, and which side did what is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfDispute {
    /// Which.
    pub dispute: DisputeId,
    /// Of which contract.
    pub contract: Option<ContractId>,
    /// About which milestone, if it is about one.
    pub milestone: Option<MilestoneId>,
    /// Who did it; nobody, when a mediator, the clock or a bank did.
    pub by: Option<Side>,
}

/// A message and its parties. What it says is for them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfMessage {
    /// Which.
    pub message: MessageId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// With which client.
    pub client: OrganizationId,
    /// With which freelancer.
    pub freelancer: UserId,
    /// Which side wrote it.
    pub by: Side,
}

/// Money of a payment on its way back to its card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfRefund {
    /// The payment.
    pub payment: PaymentId,
    /// Which.
    pub refund: PaymentRefundId,
    /// How much.
    pub amount: Money,
}
