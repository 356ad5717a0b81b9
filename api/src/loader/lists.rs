//! Lists that objects have: the same page of the list of each object of a level is read in one
//! statement, however many objects there are.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::dataloader::Loader;
use async_graphql::{Context, OutputType};
use domain::id::{
    ContractId, ConversationId, DisputeId, GigId, MilestoneId, OfferId, OrganizationId, PaymentId, ProposalId,
    TimesheetId, UserId, WebhookEndpointId,
};
use domain::proposal::Proposal;
use infra::Failure;
use infra::page::{PageRequest, Pages, Slice};
use infra::proposal::ProposalsWith;

use super::{LoadError, Loading, ProfileOf, load};
use crate::connection::{Says, connect};
use crate::user_error::top_level_shared;

/// A page of a list of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageOf<L> {
    list: L,
    page: PageRequest,
}

impl<L> PageOf<L> {
    /// A page of a list.
    pub fn new(list: L, page: PageRequest) -> Self {
        Self { list, page }
    }
}

/// A page, or why there is none: what is wrong with the arguments of one list is not wrong with others.
type Listed<T> = Result<Slice<T>, LoadError>;

/// A page of a list that an object has, as a connection of `N`s.
pub async fn list<L, T, N, F>(
    ctx: &Context<'_>,
    list: L,
    page: PageRequest,
    node: impl Fn(T) -> N,
) -> async_graphql::Result<Connection<String, N, F, EmptyFields>>
where
    L: Send + Sync + Hash + Eq + Clone + 'static,
    T: Send + Sync + Clone + 'static,
    N: OutputType,
    F: Says,
    Loading: Loader<PageOf<L>, Value = Listed<T>, Error = LoadError>,
{
    match load(ctx, PageOf { list, page }).await? {
        Some(Ok(slice)) => connect(Ok(slice), node),
        Some(Err(LoadError(failure))) => Err(top_level_shared(&failure)),
        None => connect(Ok(Slice::empty()), node),
    }
}

/// An object that is at hand, known by its id.
#[derive(Debug, Clone)]
pub struct Held<I, T> {
    id: I,
    value: Arc<T>,
}

/// A contract that is at hand.
pub type HeldContract = Held<ContractId, domain::contract::Contract>;
/// A gig that is at hand.
pub type HeldGig = Held<GigId, domain::gig::Gig>;
/// A payment that is at hand.
pub type HeldPayment = Held<PaymentId, domain::payment::Payment>;
/// A dispute that is at hand.
pub type HeldDispute = Held<DisputeId, domain::dispute::Dispute>;

impl From<&domain::contract::Contract> for HeldContract {
    fn from(contract: &domain::contract::Contract) -> Self {
        Self { id: contract.id, value: Arc::new(contract.clone()) }
    }
}

impl From<&domain::gig::Gig> for HeldGig {
    fn from(gig: &domain::gig::Gig) -> Self {
        Self { id: gig.id, value: Arc::new(gig.clone()) }
    }
}

impl From<&domain::payment::Payment> for HeldPayment {
    fn from(payment: &domain::payment::Payment) -> Self {
        Self { id: payment.id, value: Arc::new(payment.clone()) }
    }
}

impl From<&domain::dispute::Dispute> for HeldDispute {
    fn from(dispute: &domain::dispute::Dispute) -> Self {
        Self { id: dispute.id, value: Arc::new(dispute.clone()) }
    }
}

impl<I, T> Held<I, T> {
    /// Its id.
    pub fn id(&self) -> &I {
        &self.id
    }

    /// What it is.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<I: PartialEq, T> PartialEq for Held<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<I: Eq, T> Eq for Held<I, T> {}

impl<I: Hash, T> Hash for Held<I, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// The lists of which the same page is wanted, by page.
fn by_page<L>(keys: &[PageOf<L>]) -> HashMap<&PageRequest, Vec<&L>> {
    let mut pages: HashMap<&PageRequest, Vec<&L>> = HashMap::new();
    for PageOf { list, page } in keys {
        pages.entry(page).or_default().push(list);
    }
    pages
}

/// Give each list its page of what was found. One that is missing has nothing in it.
fn deal<L, O, T>(
    dealt: &mut HashMap<PageOf<L>, Listed<T>>,
    found: Result<Pages<O, T>, Failure>,
    page: &PageRequest,
    lists: Vec<&L>,
    owner: impl Fn(&L) -> O,
) where
    L: Hash + Eq + Clone,
    O: Hash + Eq,
{
    let mut found = found.map_err(|failure| LoadError(Arc::new(failure)));
    for list in lists {
        let slice = match &mut found {
            Ok(pages) => Ok(pages.remove(&owner(list)).unwrap_or_else(Slice::empty)),
            Err(error) => Err(error.clone()),
        };
        dealt.insert(PageOf { list: list.clone(), page: page.clone() }, slice);
    }
}

macro_rules! lists {
    ($($(#[$doc:meta])* $list:ident($owner:ty) => $item:ty: $method:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $list(pub $owner);

            impl Loader<PageOf<$list>> for Loading {
                type Value = Listed<$item>;
                type Error = LoadError;

                async fn load(&self, keys: &[PageOf<$list>]) -> Result<HashMap<PageOf<$list>, Self::Value>, LoadError> {
                    let mut dealt = HashMap::new();
                    for (page, lists) in by_page(keys) {
                        let owners: Vec<$owner> = lists.iter().map(|list| list.0).collect();
                        let found = self.market.$method(&self.caller.call(), &owners, page).await;
                        deal(&mut dealt, found, page, lists, |list| list.0);
                    }
                    Ok(dealt)
                }
            }
        )*
    };
}

lists! {
    /// The milestones of a contract.
    ContractMilestones(ContractId) => infra::milestone::Seen: milestones_of_contracts;
    /// The disputes over a contract.
    ContractDisputes(ContractId) => domain::dispute::Dispute: disputes_of_contracts;
    /// The weeks of a contract.
    ContractTimesheets(ContractId) => domain::timesheet::Timesheet: timesheets_of_contracts;
    /// The milestones of an offer.
    OfferMilestones(OfferId) => domain::milestone::Milestone: milestones_of_offers;
    /// The work handed in on a milestone.
    MilestoneSubmissions(MilestoneId) => domain::submission::Submission: submissions_of_milestones;
    /// What outages gave to a milestone.
    MilestoneGrants(MilestoneId) => domain::outage::Grant: outage_grants_of_milestones;
    /// What outages gave to a week.
    TimesheetGrants(TimesheetId) => domain::outage::Grant: outage_grants_of_timesheets;
    /// The entries of a week.
    TimesheetEntries(TimesheetId) => domain::timesheet::TimeEntry: time_entries_of_weeks;
    /// The evidence in a dispute.
    DisputeEvidence(DisputeId) => domain::dispute::Evidence: evidence_of_disputes;
    /// The invitations to a gig; for those who may see them.
    GigInvitations(GigId) => domain::invitation::Invitation: invitations_of_gigs;
    /// What was said in a conversation; for those who may read it.
    ConversationMessages(ConversationId) => domain::conversation::Message: messages_of_conversations;
    /// What a client and freelancers write to each other.
    OrganizationConversations(OrganizationId) => domain::conversation::Conversation:
        conversations_of_organizations;
    /// What each side of a proposal proposed.
    ProposalRevisions(ProposalId) => infra::proposal::Revision: revisions_of_proposals;
    /// The invitations to join an organization.
    OrganizationInvitations(OrganizationId) => domain::organization::MemberInvitation:
        member_invitations_of_organizations;
    /// The members of an organization.
    OrganizationMembers(OrganizationId) => domain::organization::Member: members_of_organizations;
    /// The gigs of a client.
    ClientGigs(OrganizationId) => domain::gig::Gig: gigs_of_clients;
    /// The contracts an organization pays for.
    OrganizationContracts(OrganizationId) => domain::contract::Contract: contracts_of_organizations;
    /// The offers an organization has made.
    OrganizationOffers(OrganizationId) => domain::offer::Offer: offers_of_organizations;
    /// The milestones of the contracts that an organization pays for.
    OrganizationMilestones(OrganizationId) => domain::milestone::Milestone: milestones_of_organizations;
    /// The weeks of the contracts that an organization pays for.
    OrganizationTimesheets(OrganizationId) => domain::timesheet::Timesheet: timesheets_of_organizations;
    /// The payments of an organization.
    OrganizationPayments(OrganizationId) => domain::payment::Payment: payments_of_organizations;
    /// What an endpoint of webhooks was sent.
    WebhookDeliveries(WebhookEndpointId) => domain::webhook_endpoint::WebhookDelivery: webhook_deliveries_of_endpoints;
    /// What was said of a client.
    ClientReviews(OrganizationId) => domain::review::Review: reviews_about_clients;
    /// What was said of a freelancer.
    FreelancerReviews(UserId) => domain::review::Review: reviews_about_freelancers;
}

macro_rules! lists_of_held {
    ($($(#[$doc:meta])* $list:ident($owner:ty) => $item:ty: $method:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash)]
            pub struct $list(pub $owner);

            impl Loader<PageOf<$list>> for Loading {
                type Value = Listed<$item>;
                type Error = LoadError;

                async fn load(&self, keys: &[PageOf<$list>]) -> Result<HashMap<PageOf<$list>, Self::Value>, LoadError> {
                    let mut dealt = HashMap::new();
                    for (page, lists) in by_page(keys) {
                        let owners: Vec<_> = lists.iter().map(|list| list.0.value()).collect();
                        let found = self.market.$method(&self.caller.call(), &owners, page).await;
                        deal(&mut dealt, found, page, lists, |list| list.0.id);
                    }
                    Ok(dealt)
                }
            }
        )*
    };
}

lists_of_held! {
    /// The statement of a contract.
    ContractStatement(HeldContract) => infra::statement::StatementEntry: statements;
    /// What happened on a contract.
    ContractHistory(HeldContract) => domain::history::Happening: histories;
    /// The cards of a contract.
    ContractCards(HeldContract) => infra::timesheet::ContractCard: cards_of_contracts;
}

/// The proposals for a gig, the newest first; for those who may see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GigProposals {
    /// The gig.
    pub gig: GigId,
    /// What is wanted along with them, if anything is.
    pub with: Option<ProposalsWith>,
}

impl Loader<PageOf<GigProposals>> for Loading {
    type Value = Listed<Proposal>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[PageOf<GigProposals>],
    ) -> Result<HashMap<PageOf<GigProposals>, Self::Value>, LoadError> {
        let (call, mut dealt) = (self.caller.call(), HashMap::new());
        for (page, lists) in by_page(keys) {
            let mut by_with: HashMap<Option<ProposalsWith>, Vec<&GigProposals>> = HashMap::new();
            for list in lists {
                by_with.entry(list.with).or_default().push(list);
            }
            for (with, lists) in by_with {
                let gigs: Vec<GigId> = lists.iter().map(|list| list.gig).collect();
                let found = match with {
                    None => self.market.proposals_of_gigs(&call, &gigs, page).await,
                    Some(with) => self.market.proposals_of_gigs_with(&call, &gigs, page, with).await.map(|found| {
                        self.prime(found.people.into_iter().map(|person| (person.id, Some(person))));
                        self.prime(found.profiles.into_iter().map(|(user, profile)| (ProfileOf(user), profile)));
                        found.pages
                    }),
                };
                deal(&mut dealt, found, page, lists, |list| list.gig);
            }
        }
        Ok(dealt)
    }
}
