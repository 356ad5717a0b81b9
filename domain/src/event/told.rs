//! What the events of one kind of object have in common.

use serde::{Deserialize, Serialize};

use crate::id::{ContractId, DisputeId, GigId, MilestoneId, OrganizationId, ProposalId, UserId};
use crate::milestone::Side;

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
