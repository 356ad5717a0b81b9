//! References between objects, without a query for each: what one level of an answer asks for is
//! gathered and read in one statement. Each request has its own loader, so nobody is shown what
//! was loaded for somebody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use domain::access::Verb;
use domain::dispute::{CaseId, Dispute};
use domain::id::{
    ContractId, ConversationId, DisputeId, GigId, InvitationId, MilestoneId, OfferId, OrganizationId, OutageId,
    PaymentId, PayoutId, PayoutMethodId, ProposalId, ReviewId, TimesheetId, UserId,
};
use domain::payment::{Payment, Purpose};
use domain::profile::FreelancerProfile;
use infra::payment::SavedMethod;
use infra::payout::MethodShown;
use infra::review::{Rating, Reviewed};
use infra::statement::{ClientBalances, StatementHead};
use infra::{Failure, Market};
use secrecy::SecretString;

use crate::context::Caller;
use crate::user_error::top_level_shared;

mod lists;
mod primed;

pub use lists::*;
use primed::Primed;
pub use primed::{is_asked, items, may_prime, prime};

/// Loads what a request refers to.
pub struct Loading {
    market: Market,
    caller: Caller,
    primed: Primed,
}

/// Why something could not be loaded, for all who asked for it.
#[derive(Debug, Clone)]
pub struct LoadError(Arc<Failure>);

impl LoadError {
    fn of(failure: Failure) -> Self {
        Self(Arc::new(failure))
    }
}

/// The loader of one request.
pub fn loader(market: &Market, caller: Caller) -> DataLoader<Loading> {
    // No delay: what is asked for at the same time is gathered by being asked for at the same time.
    let loading = Loading { market: market.clone(), caller, primed: Primed::default() };
    DataLoader::new(loading, tokio::spawn).delay(Duration::ZERO)
}

/// The object with this id, if there is one that the caller may be shown.
pub async fn load<K>(ctx: &Context<'_>, id: K) -> async_graphql::Result<Option<<Loading as Loader<K>>::Value>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loading: Loader<K, Error = LoadError>,
{
    let loader = ctx.data_unchecked::<DataLoader<Loading>>();
    if let Some(known) = loader.loader().primed.get(&id) {
        return Ok(known);
    }
    let loaded = loader.load_one(id).await;
    loaded.map_err(|LoadError(failure)| top_level_shared(&failure))
}

macro_rules! loads {
    ($($id:ident => $value:ty: $method:ident;)*) => {
        $(
            impl Loader<$id> for Loading {
                type Value = $value;
                type Error = LoadError;

                async fn load(&self, keys: &[$id]) -> Result<HashMap<$id, $value>, LoadError> {
                    let found = self.market.$method(&self.caller.call(), keys).await;
                    let found = found.map_err(LoadError::of)?;
                    Ok(found.into_iter().map(|found| (found.id, found)).collect())
                }
            }
        )*
    };
}

/// The profile of a person, in place of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileOf(pub UserId);

impl Loader<ProfileOf> for Loading {
    type Value = FreelancerProfile;
    type Error = LoadError;

    async fn load(&self, keys: &[ProfileOf]) -> Result<HashMap<ProfileOf, FreelancerProfile>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|ProfileOf(user)| *user).collect();
        let found = self.market.profiles_of_users(&self.caller.call(), &users).await;
        let found = found.map_err(LoadError::of)?;
        Ok(found.into_iter().map(|profile| (ProfileOf(profile.user), profile)).collect())
    }
}

/// The last payment for a milestone or a week, in place of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentOf {
    /// For a milestone.
    Milestone(MilestoneId),
    /// For a week.
    Timesheet(TimesheetId),
}

impl Loader<PaymentOf> for Loading {
    type Value = Payment;
    type Error = LoadError;

    async fn load(&self, keys: &[PaymentOf]) -> Result<HashMap<PaymentOf, Payment>, LoadError> {
        let (mut milestones, mut weeks) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                PaymentOf::Milestone(milestone) => milestones.push(*milestone),
                PaymentOf::Timesheet(week) => weeks.push(*week),
            }
        }
        let (call, mut found) = (self.caller.call(), Vec::new());
        if !milestones.is_empty() {
            found.extend(self.market.payments_of_milestones(&call, &milestones).await.map_err(LoadError::of)?);
        }
        if !weeks.is_empty() {
            found.extend(self.market.payments_of_timesheets(&call, &weeks).await.map_err(LoadError::of)?);
        }
        let of = |payment: Payment| match payment.purpose {
            Purpose::Milestone(milestone) => (PaymentOf::Milestone(milestone), payment),
            Purpose::Timesheet(week) => (PaymentOf::Timesheet(week), payment),
        };
        Ok(found.into_iter().map(of).collect())
    }
}

/// The newest dispute over a milestone, in place of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DisputeOf(pub MilestoneId);

impl Loader<DisputeOf> for Loading {
    type Value = Dispute;
    type Error = LoadError;

    async fn load(&self, keys: &[DisputeOf]) -> Result<HashMap<DisputeOf, Dispute>, LoadError> {
        let milestones: Vec<MilestoneId> = keys.iter().map(|DisputeOf(milestone)| *milestone).collect();
        let found = self.market.disputes_of_milestones(&self.caller.call(), &milestones).await;
        let found = found.map_err(LoadError::of)?;
        let of = |dispute: Dispute| match dispute.case {
            CaseId::Milestone(milestone) => Some((DisputeOf(milestone), dispute)),
            CaseId::Timesheet(_) => None,
        };
        Ok(found.into_iter().filter_map(of).collect())
    }
}

impl Loader<Reviewed> for Loading {
    type Value = Rating;
    type Error = LoadError;

    async fn load(&self, keys: &[Reviewed]) -> Result<HashMap<Reviewed, Rating>, LoadError> {
        self.market.ratings_of(keys).await.map_err(LoadError::of)
    }
}

/// How somebody was rated; of whom nobody wrote yet, by nobody.
pub async fn rating(ctx: &Context<'_>, about: Reviewed) -> async_graphql::Result<Rating> {
    Ok(load(ctx, about).await?.unwrap_or(Rating { count: 0, sum: 0 }))
}

/// What a fact is kept under by whoever finds it.
trait KnownBy {
    type Key;
    fn known_by(&self) -> &Self::Key;
}

macro_rules! known_by_itself {
    ($($id:ty)*) => { $(impl KnownBy for $id {
        type Key = $id;
        fn known_by(&self) -> &$id {
            self
        }
    })* };
}

known_by_itself! {
    (GigId, UserId) (OrganizationId, UserId) PaymentId OrganizationId ContractId ConversationId GigId ProposalId UserId
}

impl<I, T> KnownBy for Held<I, T> {
    type Key = I;
    fn known_by(&self) -> &I {
        self.id()
    }
}

macro_rules! facts {
    ($($(#[$doc:meta])* $fact:ident($of:ty) => $value:ty: |$market:ident, $call:ident, $keys:ident| $found:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash)]
            pub struct $fact(pub $of);

            impl Loader<$fact> for Loading {
                type Value = $value;
                type Error = LoadError;

                async fn load(&self, keys: &[$fact]) -> Result<HashMap<$fact, $value>, LoadError> {
                    let ($market, $call) = (&self.market, self.caller.call());
                    let $keys: Vec<$of> = keys.iter().map(|$fact(of)| of.clone()).collect();
                    let found: HashMap<_, $value> = $found.map_err(LoadError::of)?;
                    let key = |key: &$fact| Some((key.clone(), found.get(key.0.known_by())?.clone()));
                    Ok(keys.iter().filter_map(key).collect())
                }
            }
        )*
    };
}

facts! {
    /// What of a payment went back to its card.
    RefundsOf(PaymentId) => Vec<domain::payment::Refund>: |market, _call, keys| market.refunds_of_payments(&keys).await;
    /// What is left of a payment in its client's credit.
    CreditOf(PaymentId) => domain::money::Money: |market, _call, keys| market.credit_of_payments(&keys).await;
    /// What lets a page go on with the processor about a payment; for those who may pay.
    ClientSecretOf(HeldPayment) => SecretString: |market, call, keys| {
        market.payment_client_secrets(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await
    };
    /// How a client has dealt with people so far.
    RecordOf(OrganizationId) => domain::matching::features::ClientRecord:
        |market, _call, keys| market.client_records(&keys).await;
    /// Has the caller blocked a client?
    ViewerBlocks(OrganizationId) => bool: |market, call, keys| market.blocks_by_viewer(&call, &keys).await;
    /// Has a client blocked a freelancer? For those who may block in its name.
    BlockedBy((OrganizationId, UserId)) => bool: |market, call, keys| market.blocks_by_clients(&call, &keys).await;
    /// What an organization has with us.
    BalancesOf(OrganizationId) => ClientBalances: |market, call, keys| market.balances_of_clients(&call, &keys).await;
    /// Where the clock of an organization is.
    ZoneOf(OrganizationId) => domain::user::TimeZone: |market, _call, keys| market.organization_zones(&keys).await;
    /// What an organization may be charged with.
    SavedMethodsOf(OrganizationId) => Vec<SavedMethod>: |market, call, keys| market.payment_methods_of(&call, &keys).await;
    /// The webhook endpoints of an organization; for those who look after them.
    WebhookEndpointsOf(OrganizationId) => Vec<domain::webhook_endpoint::WebhookEndpoint>:
        |market, call, keys| market.webhook_endpoints_of(&call, &keys).await;
    /// What the reviews of a contract are about.
    WorkReviewed(ContractId) => infra::review::ReviewedWork: |market, _call, keys| market.reviewed_works(&keys).await;
    /// The reviews of a contract.
    ReviewsOf(ContractId) => Vec<domain::review::Review>:
        |market, call, keys| market.reviews_of_contracts(&call, &keys).await;
    /// The live proposals for a gig that say nearly the same; for those who may see them.
    AlikeOf(GigId) => Vec<Vec<domain::proposal::Proposal>>: |market, _call, keys| market.proposals_alike_for(&keys).await;
    /// Has the caller's own tax form lapsed, so that they accept no offer?
    TaxFormLapsed(UserId) => bool: |market, call, keys| market.tax_forms_lapsed(&call, &keys).await;
    /// The latest offer on a proposal, as far as the caller may see one.
    OfferOn(ProposalId) => domain::offer::Offer: |market, call, keys| market.offers_on(&call, &keys).await;
    /// The caller's own proposals for a gig, the latest first.
    ViewerProposals(GigId) => Vec<domain::proposal::Proposal>:
        |market, call, keys| market.proposals_of_viewer_for(&call, &keys).await;
    /// How well somebody who bid on a gig fits it; for those who see its matches.
    FitOf((GigId, UserId)) => domain::matching::Value: |market, call, keys| market.bidders_chances(&call, &keys).await;
    /// The caller's own invitation to a gig.
    ViewerInvitation(GigId) => domain::invitation::Invitation:
        |market, call, keys| market.invitations_of_viewer_to(&call, &keys).await;
    /// What a client and a freelancer write to each other, for those who may read it.
    ConversationBetween((OrganizationId, UserId)) => domain::conversation::Conversation:
        |market, call, keys| market.conversations_between(&call, &keys).await;
    /// What was said last in a conversation.
    LastMessageOf(ConversationId) => domain::conversation::Message:
        |market, call, keys| market.messages_last_of(&call, &keys).await;
    /// How far the caller has read a conversation.
    ReadingOf(ConversationId) => infra::conversation::Reading:
        |market, call, keys| market.conversations_reading(&call, &keys).await;
    /// Does a message get to the other side?
    ReachableIn(ConversationId) => bool: |market, _call, keys| market.conversations_reachable(&keys).await;
    /// How many proposals were sent for a gig; for those who may see them.
    ProposalCount(GigId) => i64: |market, _call, keys| market.proposal_counts(&keys).await;
    /// When a gig expires, if nothing happens with it any more; for those who may know.
    ExpiryOf(HeldGig) => domain::Timestamp: |market, _call, keys| {
        market.gigs_expire_at(&keys.iter().map(Held::value).collect::<Vec<_>>()).await
    };
    /// Where the money of a contract is.
    MoneyOf(ContractId) => infra::contract::ContractMoney: |market, _call, keys| market.money_of_contracts(&keys).await;
    /// Has the client of a contract named a card?
    HasCard(ContractId) => bool: |market, _call, keys| {
        market.contracts_with_card(&keys).await.map(|found| found.into_iter().map(|id| (id, true)).collect())
    };
    /// How far the statement of a contract has come.
    HeadOf(HeldContract) => StatementHead: |market, call, keys| {
        market.statement_heads(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await
    };
    /// May the caller read the statement of a contract?
    SeesStatement(HeldContract) => bool: |market, call, keys| {
        let seen = market.statements_seen(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await;
        seen.map(|seen| seen.into_iter().map(|id| (id, true)).collect())
    };
    /// Can the caller write the review of their side of a contract now?
    Reviewable(HeldContract) => bool: |market, call, keys| {
        let can = market.contracts_reviewable(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await;
        can.map(|can| can.into_iter().map(|id| (id, true)).collect())
    };
    /// What is told of a contract to who may have its compliance pack.
    ComplianceOf(HeldContract) => domain::compliance::Compliance: |market, call, keys| {
        market.compliance_of(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await
    };
    /// What can be done to a dispute.
    VerbsOf(HeldDispute) => Vec<Verb>: |market, call, keys| {
        market.disputes_allowed(&call, &keys.iter().map(Held::value).collect::<Vec<_>>()).await
    };
}

/// An organization, for those who belong to it or look after it, in place of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrganizationHeld(pub OrganizationId);

impl Loader<OrganizationHeld> for Loading {
    type Value = domain::organization::Organization;
    type Error = LoadError;

    async fn load(&self, keys: &[OrganizationHeld]) -> Result<HashMap<OrganizationHeld, Self::Value>, LoadError> {
        let wanted: Vec<OrganizationId> = keys.iter().map(|OrganizationHeld(id)| *id).collect();
        let found = self.market.organizations_held(&self.caller.call(), &wanted).await.map_err(LoadError::of)?;
        Ok(found.into_iter().map(|found| (OrganizationHeld(found.id), found)).collect())
    }
}

/// A person, for those who may know of them by their id alone, in place of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserKnown(pub UserId);

impl Loader<UserKnown> for Loading {
    type Value = domain::user::User;
    type Error = LoadError;

    async fn load(&self, keys: &[UserKnown]) -> Result<HashMap<UserKnown, Self::Value>, LoadError> {
        let wanted: Vec<UserId> = keys.iter().map(|UserKnown(id)| *id).collect();
        let found = self.market.users_known(&self.caller.call(), &wanted).await.map_err(LoadError::of)?;
        Ok(found.into_iter().map(|found| (UserKnown(found.id), found)).collect())
    }
}

/// The policy in force now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyNow;

impl Loader<PolicyNow> for Loading {
    type Value = domain::policy::PolicyVersion;
    type Error = LoadError;

    async fn load(&self, keys: &[PolicyNow]) -> Result<HashMap<PolicyNow, Self::Value>, LoadError> {
        let now = self.market.policy_in_force().await.map_err(LoadError::of)?;
        Ok(keys.iter().map(|key| (*key, now.clone())).collect())
    }
}

loads! {
    DisputeId => Dispute: disputes_by_id;
    InvitationId => domain::invitation::Invitation: invitations_by_id;
    ConversationId => domain::conversation::Conversation: conversations_by_id;
    OfferId => domain::offer::Offer: offers_by_id;
    PaymentId => Payment: payments_by_id;
    PayoutId => domain::payout::Payout: payouts_by_id;
    ProposalId => domain::proposal::Proposal: proposals_by_id;
    ReviewId => domain::review::Review: reviews_by_id;
    OutageId => domain::outage::Outage: outages_by_id;
    ContractId => domain::contract::Contract: contracts_by_id;
    MilestoneId => domain::milestone::Milestone: milestones_by_id;
    TimesheetId => domain::timesheet::Timesheet: timesheets_by_id;
    PayoutMethodId => MethodShown: payout_methods_by_id;
    GigId => domain::gig::Gig: gigs_by_id;
    OrganizationId => domain::organization::Organization: organizations_by_id;
    UserId => domain::user::User: users_by_id;
}
