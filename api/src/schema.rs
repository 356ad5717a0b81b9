//! The schema: the rooms' queries and mutations, put together.

mod words;

use std::sync::LazyLock;

use async_graphql::connection::Connection;
use async_graphql::{ID, MergedObject, MergedSubscription, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType};

use self::words::Words;
use crate::account::AccountMutation;
use crate::audit::{AuditEntry, AuditQuery};
use crate::block::{BlockMutation, BlockQuery};
use crate::bonus::BonusMutation;
use crate::compliance::{ComplianceMutation, ComplianceQuery};
use crate::connection::Counted;
use crate::contract::{Contract, ContractMutation, ContractQuery};
use crate::conversation::{Conversation, ConversationMutation, ConversationSubscription, Message};
use crate::correction::{Correction, CorrectionMutation, CorrectionQuery};
use crate::dispute::{Dispute, DisputeMutation, DisputeQuery, Evidence, EvidenceMutation};
use crate::gig::{Gig, GigMutation, GigQuery};
use crate::history::{ContractEvent, HistorySubscription};
use crate::http::Described;
use crate::invitation::{Invitation, InvitationMutation};
use crate::matching::{ExposureQuery, FreelancerMatches, GigMatches, MatchMutation, MatchQuery};
use crate::milestone::{Milestone, MilestoneMutation, MilestoneQuery, Submission};
use crate::node::NodeQuery;
use crate::notification::{Notification, NotificationMutation, NotificationSubscription};
use crate::offer::{Offer, OfferMutation, OfferQuery};
use crate::organization::{Member, MemberInvitation, MemberMutation, Organization, OrganizationMutation};
use crate::outage::{Outage, OutageGrant, OutageMutation, OutageQuery};
use crate::papers::PaperMutation;
use crate::passkey::{Passkey, PasskeyMutation};
use crate::payee::{PayeeMutation, PayeeQuery};
use crate::payment::{Payment, PaymentMutation, PaymentQuery};
use crate::payout::{Payout, PayoutMethod, PayoutMutation, PayoutQuery};
use crate::policy::{PolicyMutation, PolicyQuery, PolicyVersion};
use crate::profile::{FreelancerProfile, ProfileMutation, ProfileQuery};
use crate::proposal::{Proposal, ProposalMutation, ProposalQuery, Revision};
use crate::reconciliation::{Reconciliation, ReconciliationQuery};
use crate::review::{Review, ReviewMutation};
use crate::sandbox::{SandboxMutation, SandboxQuery};
use crate::saved_search::{SavedSearch, SavedSearchMutation};
use crate::screening::{ScreeningHit, ScreeningMutation, ScreeningQuery};
use crate::second_factor::SecondFactorMutation;
use crate::session::{Session, SessionMutation};
use crate::skill::{Skill, SkillQuery};
use crate::statement::{BooksQuery, StatementEntry};
use crate::timesheet::{ContractPaymentMethod, TimeEntry, Timesheet, TimesheetMutation, TimesheetQuery};
use crate::user::{UserMutation, UserQuery};
use crate::webhook_endpoint::{WebhookDelivery, WebhookEndpointMutation};
use crate::wire::{WireBatch, WireMutation, WireQuery};

/// Everything that can be looked at.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    NodeQuery,
    UserQuery,
    ProfileQuery,
    SkillQuery,
    GigQuery,
    MatchQuery,
    ExposureQuery,
    OfferQuery,
    ContractQuery,
    MilestoneQuery,
    DisputeQuery,
    TimesheetQuery,
    PaymentQuery,
    PayoutQuery,
    PayeeQuery,
    WireQuery,
    ProposalQuery,
    BlockQuery,
    BooksQuery,
    AuditQuery,
    ReconciliationQuery,
    CorrectionQuery,
    ScreeningQuery,
    ComplianceQuery,
    PolicyQuery,
    OutageQuery,
    SandboxQuery,
);

/// Everything that can be done. Each mutation is one act, takes one `input`, and returns what
/// changed, or `errors` that say why nothing did.
// In groups, because a field is found by going down a chain of the members, a step of the stack for each.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(PeopleMutation, TradeMutation, WorkMutation, MoneyMutation, HouseMutation);

/// Accounts, profiles and companies.
#[derive(Debug, Default, MergedObject)]
pub struct PeopleMutation(
    UserMutation,
    SessionMutation,
    AccountMutation,
    SecondFactorMutation,
    PasskeyMutation,
    ProfileMutation,
    OrganizationMutation,
    MemberMutation,
);

/// How people find each other and agree.
#[derive(Debug, Default, MergedObject)]
pub struct TradeMutation(
    GigMutation,
    MatchMutation,
    SavedSearchMutation,
    BlockMutation,
    InvitationMutation,
    ConversationMutation,
    ProposalMutation,
    OfferMutation,
    ReviewMutation,
);

/// What is done under a contract.
#[derive(Debug, Default, MergedObject)]
pub struct WorkMutation(
    ContractMutation,
    MilestoneMutation,
    TimesheetMutation,
    BonusMutation,
    DisputeMutation,
    EvidenceMutation,
);

/// Payments, payouts and their papers.
#[derive(Debug, Default, MergedObject)]
pub struct MoneyMutation(
    PaymentMutation,
    PayoutMutation,
    PayeeMutation,
    WireMutation,
    PaperMutation,
    ComplianceMutation,
    CorrectionMutation,
    ScreeningMutation,
);

/// What runs the house.
#[derive(Debug, Default, MergedObject)]
pub struct HouseMutation(
    NotificationMutation,
    WebhookEndpointMutation,
    PolicyMutation,
    OutageMutation,
    SandboxMutation,
);

/// Everything that can be followed as it happens. Whoever was cut off goes on after the cursor of the
/// last thing they were told, and misses nothing.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(HistorySubscription, NotificationSubscription, ConversationSubscription);

/// The schema of the API.
pub type RabtaSchema = Schema<Query, Mutation, Subscription>;

/// The schema, with what is known of it. It is the same for every market, and made once: which market resolvers act on
/// comes with each request.
pub(crate) fn described() -> Described<Query, Mutation, Subscription> {
    static DESCRIBED: LazyLock<Described<Query, Mutation, Subscription>> = LazyLock::new(|| Described::new(builder));
    DESCRIBED.clone()
}

/// The schema without a market behind it: it can be looked at, but not asked.
pub fn bare() -> RabtaSchema {
    builder().finish()
}

/// The schema as text, in the schema definition language.
pub fn sdl() -> String {
    let sorted = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    bare().sdl_with_options(sorted.include_specified_by())
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    let builder = Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .override_input_type_description::<ID>("A global id: opaque, and stable for as long as the object lives.");
    // Last, when all types are known.
    describe_lists(builder).register_input_type::<Words>()
}

/// The library gives connection types no description of their own; each list gets its line here.
fn describe_lists<S: SubscriptionType>(
    builder: SchemaBuilder<Query, Mutation, S>,
) -> SchemaBuilder<Query, Mutation, S> {
    builder
        .override_output_type_description::<Counted<Invitation>>("Invitations, a page of them.")
        .override_output_type_description::<Counted<Conversation>>("Conversations, a page of them.")
        .override_output_type_description::<Connection<String, Message>>("Messages of a conversation, a page of them.")
        .override_output_type_description::<Counted<Proposal>>("Proposals, a page of them.")
        .override_output_type_description::<Connection<String, Revision>>("Revisions of a proposal, a page of them.")
        .override_output_type_description::<Connection<String, Organization>>("Client companies, a page of them.")
        .override_output_type_description::<Counted<MemberInvitation>>(
            "Invitations to join an organization, a page of them.",
        )
        .override_output_type_description::<Connection<String, SavedSearch>>("Searches that you keep, a page of them.")
        .override_output_type_description::<Connection<String, WebhookDelivery>>(
            "What an endpoint was sent, a page of it.",
        )
        .override_output_type_description::<Counted<Notification>>("What you are told of, a page of it.")
        .override_output_type_description::<Counted<Gig>>("Gigs, a page of them.")
        .override_output_type_description::<FreelancerMatches>("Freelancers who match a gig, a page of them.")
        .override_output_type_description::<GigMatches>("Gigs that match a freelancer, a page of them.")
        .override_output_type_description::<Counted<FreelancerProfile>>("Profiles of freelancers, a page of them.")
        .override_output_type_description::<Connection<String, Skill>>("Skills of the taxonomy, a page of them.")
        .override_output_type_description::<Connection<String, Session>>("Sessions of a person, a page of them.")
        .override_output_type_description::<Connection<String, Passkey>>("Passkeys of a person, a page of them.")
        .override_output_type_description::<Counted<Offer>>("Offers, a page of them.")
        .override_output_type_description::<Counted<Contract>>("Contracts, a page of them.")
        .override_output_type_description::<Counted<Milestone>>("Milestones, a page of them.")
        .override_output_type_description::<Counted<Dispute>>("Disputes, a page of them.")
        .override_output_type_description::<Connection<String, Evidence>>("Evidence in a dispute, a page of it.")
        .override_output_type_description::<Connection<String, Submission>>("Submissions of work, a page of them.")
        .override_output_type_description::<Counted<Timesheet>>("Weeks of work, a page of them.")
        .override_output_type_description::<Connection<String, TimeEntry>>("Entries of a week, a page of them.")
        .override_output_type_description::<Connection<String, ContractPaymentMethod>>("Cards, a page of them.")
        .override_output_type_description::<Connection<String, StatementEntry>>("A statement, a page of it.")
        .override_output_type_description::<Counted<Payment>>("Payments, a page of them.")
        .override_output_type_description::<Counted<Payout>>("Payouts, a page of them.")
        .override_output_type_description::<Connection<String, PayoutMethod>>("Bank accounts, a page of them.")
        .override_output_type_description::<Connection<String, ContractEvent>>(
            "What happened on a contract, a page of it.",
        )
        .override_output_type_description::<Counted<Review>>("Reviews, a page of them.")
        .override_output_type_description::<Connection<String, AuditEntry>>("Lines of the audit log, a page of them.")
        .override_output_type_description::<Connection<String, Reconciliation>>(
            "Comparisons with the processor, a page of them.",
        )
        .override_output_type_description::<Counted<ScreeningHit>>("What was found on lists, a page of it.")
        .override_output_type_description::<Counted<Correction>>("Corrections of the books, a page of them.")
        .override_output_type_description::<Connection<String, WireBatch>>("Files for our bank, a page of them.")
        .override_output_type_description::<Connection<String, PolicyVersion>>(
            "Versions of the policy, a page of them.",
        )
        .override_output_type_description::<Connection<String, Outage>>("Outages, a page of them.")
        .override_output_type_description::<Connection<String, OutageGrant>>("Hours that outages gave, a page of them.")
        .override_output_type_description::<Counted<Member>>("Members of an organization, a page of them.")
}
