//! Verbs that change nothing: no state can stand against them, and nothing of them is to be played. `tests/it/seen` asks for
//! every field as everybody.

use domain::access::Verb;

/// They read.
pub const READS: &[Verb] = &[
    Verb::AuditRead,
    Verb::BalancesRead,
    Verb::BooksRead,
    Verb::ContractComplianceRead,
    Verb::ContractRead,
    Verb::ContractStatement,
    Verb::ConversationRead,
    Verb::DisputeQueue,
    Verb::DisputeRead,
    Verb::ExposureRead,
    Verb::GigMatches,
    Verb::GigRead,
    Verb::InvitationRead,
    Verb::OfferRead,
    Verb::OrganizationRead,
    Verb::PasskeyRead,
    Verb::PayeeSearch,
    Verb::PaymentRead,
    Verb::PayoutQueueRead,
    Verb::PayoutRead,
    Verb::ProposalRead,
    Verb::SavedSearchRead,
    Verb::ScreeningRead,
    Verb::UserRead,
    Verb::UserSearch,
    Verb::WebhookEndpointRead,
    Verb::WireBatchRead,
];
