//! Every object by its global id.

use async_graphql::{Context, ID, Interface, Object};
use domain::id::Id;

use crate::audit::AuditEntry;
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::conversation::{Conversation, Message};
use crate::correction::Correction;
use crate::dispute::{Dispute, Evidence};
use crate::gig::Gig;
use crate::history::ContractEvent;
use crate::invitation::Invitation;
use crate::key::Key;
use crate::loader::{OrganizationHeld, UserKnown, load};
use crate::milestone::{Milestone, Submission};
use crate::notification::Notification;
use crate::offer::Offer;
use crate::organization::{Member, MemberInvitation, Organization};
use crate::outage::Outage;
use crate::passkey::Passkey;
use crate::payment::{Payment, PaymentRefund};
use crate::payout::{Payout, PayoutMethod};
use crate::profile::{FreelancerProfile, PortfolioItem};
use crate::proposal::Proposal;
use crate::reconciliation::Reconciliation;
use crate::review::Review;
use crate::saved_search::SavedSearch;
use crate::screening::ScreeningHit;
use crate::session::Session;
use crate::skill::Skill;
use crate::timesheet::{TimeEntry, Timesheet};
use crate::user::User;
use crate::user_error::top_level;
use crate::webhook_endpoint::{WebhookDelivery, WebhookEndpoint};
use crate::wire::WireBatch;

/// Something with a global id.
#[derive(Debug, Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id."))]
pub enum Node {
    /// A client's gig.
    Gig(Gig),
    /// An invitation to a gig.
    Invitation(Invitation),
    /// What a client and a freelancer write to each other.
    Conversation(Conversation),
    /// A message of a conversation.
    Message(Message),
    /// A freelancer's proposal.
    Proposal(Proposal),
    /// A client company.
    Organization(Organization),
    /// Something you are told of.
    Notification(Notification),
    /// A freelancer's profile.
    FreelancerProfile(FreelancerProfile),
    /// A skill of the taxonomy.
    Skill(Skill),
    /// A search that you keep.
    SavedSearch(SavedSearch),
    /// A session of yours.
    Session(Session),
    /// A passkey of yours.
    Passkey(Passkey),
    /// A person.
    User(User),
    /// An offer of a client to a freelancer.
    Offer(Offer),
    /// A contract.
    Contract(Contract),
    /// A milestone of a contract or an offer.
    Milestone(Milestone),
    /// A dispute over money that is held.
    Dispute(Dispute),
    /// A piece of evidence in a dispute.
    Evidence(Evidence),
    /// A week of a contract by the hour.
    Timesheet(Timesheet),
    /// Some work of a week.
    TimeEntry(TimeEntry),
    /// A payment of a client.
    Payment(Payment),
    /// A payout to a freelancer.
    Payout(Payout),
    /// A review after a contract.
    Review(Review),
    /// A line of the audit log.
    AuditEntry(AuditEntry),
    /// A comparison of the books with what the processor moved.
    Reconciliation(Reconciliation),
    /// A client's name on a list.
    ScreeningHit(ScreeningHit),
    /// A correction of the books.
    Correction(Correction),
    /// A file of payouts for our bank.
    WireBatch(WireBatch),
    /// Something that happened on a contract.
    ContractEvent(ContractEvent),
    /// An outage of power or network.
    Outage(Outage),
    /// A person's membership of an organization.
    Member(Member),
    /// An invitation by mail to join an organization.
    MemberInvitation(MemberInvitation),
    /// A bank account of a freelancer.
    PayoutMethod(PayoutMethod),
    /// Money of a payment that goes back to its card.
    PaymentRefund(PaymentRefund),
    /// Something a freelancer has made.
    PortfolioItem(PortfolioItem),
    /// Work that was handed in.
    Submission(Submission),
    /// Where your own programs are told of what happens.
    WebhookEndpoint(WebhookEndpoint),
    /// What such a program is sent of one event.
    WebhookDelivery(WebhookDelivery),
}

/// Looking things up by their ids.
#[derive(Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this global id, if there is one and you may see it. A person who hides their profile, is
    /// suspended or was erased is there only for those who have dealings with them: a contract, an offer, a proposal, an
    /// invitation, or a company.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of the object.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        let (market, call) = (ctx.market(), ctx.call());
        let prefix = id.split('_').next().unwrap_or_default();
        let found = match prefix {
            domain::id::GigId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::GigId>::read(&id).0).await?.map(Gig).map(Node::from));
            }
            domain::id::InvitationId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::InvitationId>::read(&id).0)
                    .await?
                    .map(Invitation)
                    .map(Node::from));
            }
            domain::id::ConversationId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::ConversationId>::read(&id).0)
                    .await?
                    .map(Conversation)
                    .map(Node::from));
            }
            domain::id::MessageId::PREFIX => {
                market.message_find(&call, Key::read(&id).0).await.map(|it| it.map(Message).map(Node::from))
            }
            domain::id::ProposalId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::ProposalId>::read(&id).0).await?.map(Proposal).map(Node::from));
            }
            domain::id::OrganizationId::PREFIX => {
                return Ok(load(ctx, OrganizationHeld(Key::read(&id).0)).await?.map(Organization).map(Node::from));
            }
            domain::id::NotificationId::PREFIX => {
                market.notification_find(&call, Key::read(&id).0).await.map(|it| it.map(Notification).map(Node::from))
            }
            domain::id::FreelancerProfileId::PREFIX => {
                market.profile_find(&call, Key::read(&id).0).await.map(|it| it.map(FreelancerProfile).map(Node::from))
            }
            domain::id::SkillId::PREFIX => Ok(Skill::find(Key::read(&id).0).map(Node::from)),
            domain::id::SessionId::PREFIX => {
                market.session_find(&call, Key::read(&id).0).await.map(|it| it.map(Session).map(Node::from))
            }
            domain::id::PasskeyId::PREFIX => {
                market.passkey_find(&call, Key::read(&id).0).await.map(|it| it.map(Passkey).map(Node::from))
            }
            domain::id::UserId::PREFIX => {
                return Ok(load(ctx, UserKnown(Key::read(&id).0)).await?.map(User).map(Node::from));
            }
            domain::id::OfferId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::OfferId>::read(&id).0).await?.map(Offer).map(Node::from));
            }
            domain::id::ContractId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::ContractId>::read(&id).0).await?.map(Contract).map(Node::from));
            }
            domain::id::MilestoneId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::MilestoneId>::read(&id).0)
                    .await?
                    .map(Milestone::from)
                    .map(Node::from));
            }
            domain::id::DisputeId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::DisputeId>::read(&id).0).await?.map(Dispute).map(Node::from));
            }
            domain::id::EvidenceId::PREFIX => {
                market.evidence_find(&call, Key::read(&id).0).await.map(|it| it.map(Evidence).map(Node::from))
            }
            domain::id::TimesheetId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::TimesheetId>::read(&id).0)
                    .await?
                    .map(Timesheet)
                    .map(Node::from));
            }
            domain::id::TimeEntryId::PREFIX => {
                market.time_entry_find(&call, Key::read(&id).0).await.map(|it| it.map(TimeEntry).map(Node::from))
            }
            domain::id::PaymentId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::PaymentId>::read(&id).0).await?.map(Payment).map(Node::from));
            }
            domain::id::PaymentRefundId::PREFIX => {
                let found = market.payment_refund_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(PaymentRefund).map(Node::from))
            }
            domain::id::PayoutId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::PayoutId>::read(&id).0).await?.map(Payout).map(Node::from));
            }
            domain::id::ReviewId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::ReviewId>::read(&id).0).await?.map(Review).map(Node::from));
            }
            domain::id::AuditEntryId::PREFIX => {
                market.audit_entry_find(&call, Key::read(&id).0).await.map(|it| it.map(AuditEntry).map(Node::from))
            }
            domain::id::ReconciliationId::PREFIX => {
                let found = market.reconciliation_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(Reconciliation).map(Node::from))
            }
            domain::id::ScreeningHitId::PREFIX => {
                market.screening_hit_find(&call, Key::read(&id).0).await.map(|it| it.map(ScreeningHit).map(Node::from))
            }
            domain::id::CorrectionId::PREFIX => {
                market.correction_find(&call, Key::read(&id).0).await.map(|it| it.map(Correction).map(Node::from))
            }
            domain::id::WireBatchId::PREFIX => {
                market.wire_batch_find(&call, Key::read(&id).0).await.map(|it| it.map(WireBatch).map(Node::from))
            }
            domain::id::MemberId::PREFIX => {
                market.member_find(&call, Key::read(&id).0).await.map(|it| it.map(Member).map(Node::from))
            }
            domain::id::MemberInvitationId::PREFIX => {
                let found = market.member_invitation_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(MemberInvitation).map(Node::from))
            }
            domain::id::PayoutMethodId::PREFIX => {
                let found = load(ctx, Key::<domain::id::PayoutMethodId>::read(&id).0).await?;
                return Ok(found.map(PayoutMethod::from).map(Node::from));
            }
            domain::id::PortfolioItemId::PREFIX => market
                .portfolio_item_find(&call, Key::read(&id).0)
                .await
                .map(|it| it.map(PortfolioItem).map(Node::from)),
            domain::id::SubmissionId::PREFIX => {
                let found = market.submission_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(Submission::from).map(Node::from))
            }
            domain::id::EventId::PREFIX => {
                let found = market.happening_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(|(cursor, happening)| Node::from(ContractEvent { cursor, happening })))
            }
            domain::id::SavedSearchId::PREFIX => {
                market.saved_search_find(&call, Key::read(&id).0).await.map(|it| it.map(SavedSearch).map(Node::from))
            }
            domain::id::WebhookEndpointId::PREFIX => {
                let found = market.webhook_endpoint_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(WebhookEndpoint).map(Node::from))
            }
            domain::id::WebhookDeliveryId::PREFIX => {
                let found = market.webhook_delivery_find(&call, Key::read(&id).0).await;
                found.map(|it| it.map(WebhookDelivery).map(Node::from))
            }
            domain::id::OutageId::PREFIX => {
                return Ok(load(ctx, Key::<domain::id::OutageId>::read(&id).0).await?.map(Outage).map(Node::from));
            }
            _ => Ok(None),
        };
        found.map_err(top_level)
    }
}

/// The object with this global id, for what refers to objects of any kind.
pub async fn find(ctx: &Context<'_>, id: &str) -> async_graphql::Result<Option<Node>> {
    NodeQuery.node(ctx, id.into()).await
}
