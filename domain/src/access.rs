//! Who may do what: the whole permission table, in one place.
//!
//! A verb asks [`check`] before anything else, so no caller can forget to. The answer depends on
//! three things: who asks ([`Actor`]), whose the thing is ([`Subject`]), and the table at
//! [`Verb::allowed_to`]. What an actor may not see is [`Denied::Hidden`], and looks absent.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::{OrganizationId, UserId};
use crate::session::{DAY_OF_WORK, PROOF_LIFETIME};

#[cfg(test)]
mod tests;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A visitor who has not signed in.
    Nobody,
    /// A signed-in person.
    Person(Person),
    /// Rabta itself: a due timer, a processor's event, an operator's command.
    System,
}

/// A signed-in person, as far as access is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub user: UserId,
    /// Suspended people may do nothing, and see nothing that isn't public.
    pub suspended: bool,
    /// Does signing in take a second proof of them? Our people are ours only then.
    pub second_factor: bool,
    /// What this person does for the platform, if anything.
    pub staff: Option<Staff>,
    /// The organizations this person belongs to.
    pub memberships: Vec<(OrganizationId, MemberRole)>,
}

impl Person {
    /// What they do for the platform now: nothing while they are suspended, or their password alone signs them in.
    pub fn acts_for_us(&self) -> Option<Staff> {
        self.staff.filter(|_| self.second_factor && !self.suspended)
    }
}

/// What someone does for the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staff {
    /// Recommends and awards in disputes.
    Mediator,
    /// Moderates, and watches the books.
    Admin,
}

impl Staff {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mediator => "mediator",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Staff {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        [Self::Mediator, Self::Admin].into_iter().find(|staff| staff.as_str() == text).ok_or(BadRole)
    }
}

/// What a member may do for an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Everything, including giving the organization away.
    Owner,
    /// Everything but ownership.
    Admin,
    /// Money: funding, approving, invoices.
    Finance,
    /// Gigs, invitations and proposals.
    Recruiter,
    /// Gigs, proposals, offers, and accepting work.
    HiringManager,
    /// Looking.
    Viewer,
}

impl MemberRole {
    /// All of them, mightiest first.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Finance, Self::Recruiter, Self::HiringManager, Self::Viewer];

    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Finance => "finance",
            Self::Recruiter => "recruiter",
            Self::HiringManager => "hiring_manager",
            Self::Viewer => "viewer",
        }
    }

    /// May such a member invite others?
    pub fn invites(self) -> bool {
        Verb::MemberInvite.allowed_to().contains(&Role::Member(self))
    }
}

/// Text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a role")]
pub struct BadRole;

impl std::str::FromStr for MemberRole {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject {
    /// The organization on the client's side, if there is one.
    pub client: Option<OrganizationId>,
    /// The person on the freelancer's side (or the person a profile, a payout, a session belongs to).
    pub person: Option<UserId>,
    /// May anybody see it? An open public gig, say.
    pub public: bool,
    /// Is it before a mediator? Then mediators see it.
    pub disputed: bool,
}

impl Subject {
    /// Something that belongs to one person.
    pub fn of_person(person: UserId) -> Self {
        Self { person: Some(person), ..Self::default() }
    }

    /// Something that belongs to an organization.
    pub fn of_client(client: OrganizationId) -> Self {
        Self { client: Some(client), ..Self::default() }
    }

    /// Something between an organization and a person.
    pub fn between(client: OrganizationId, person: UserId) -> Self {
        Self { client: Some(client), person: Some(person), ..Self::default() }
    }

    /// Something of the platform's own, that only its people know of.
    pub const OURS: Self = Self { client: None, person: None, public: false, disputed: false };

    /// The same, seen by everybody if `public`.
    #[must_use]
    pub fn public_if(self, public: bool) -> Self {
        Self { public, ..self }
    }

    /// The same, seen by mediators if `disputed`.
    #[must_use]
    pub fn disputed_if(self, disputed: bool) -> Self {
        Self { disputed, ..self }
    }
}

/// What an actor is to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Not signed in.
    Nobody,
    /// Signed in, and suspended.
    Suspended,
    /// Signed in, and no party to it.
    Stranger,
    /// The person it belongs to; on a contract, the freelancer.
    Oneself,
    /// A member of the organization it belongs to.
    Member(MemberRole),
    /// A mediator, on a subject that is in dispute.
    Mediator,
    /// The platform's admin.
    Admin,
    /// Rabta itself.
    System,
}

impl Role {
    /// All of them, in the order of the printed table.
    pub const ALL: [Self; 13] = [
        Self::Nobody,
        Self::Suspended,
        Self::Stranger,
        Self::Oneself,
        Self::Member(MemberRole::Owner),
        Self::Member(MemberRole::Admin),
        Self::Member(MemberRole::Finance),
        Self::Member(MemberRole::Recruiter),
        Self::Member(MemberRole::HiringManager),
        Self::Member(MemberRole::Viewer),
        Self::Mediator,
        Self::Admin,
        Self::System,
    ];

    /// The name in the printed table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Suspended => "suspended",
            Self::Stranger => "stranger",
            Self::Oneself => "oneself",
            Self::Member(role) => role.as_str(),
            Self::Mediator => "mediator",
            Self::Admin => "staff_admin",
            Self::System => "system",
        }
    }

    /// What `actor` is to `subject`.
    pub fn of(actor: &Actor, subject: &Subject) -> Self {
        let person = match actor {
            Actor::Nobody => return Self::Nobody,
            Actor::System => return Self::System,
            Actor::Person(person) => person,
        };
        if person.suspended {
            return Self::Suspended;
        }
        if subject.person == Some(person.user) {
            return Self::Oneself;
        }
        let membership = person.memberships.iter().find(|(organization, _)| subject.client == Some(*organization));
        if let Some((_, role)) = membership {
            return Self::Member(*role);
        }
        Self::of_staff(person.acts_for_us(), subject)
    }

    /// What one of our people is to a subject in which they have no part.
    fn of_staff(staff: Option<Staff>, subject: &Subject) -> Self {
        match staff {
            Some(Staff::Admin) => Self::Admin,
            Some(Staff::Mediator) if subject.disputed => Self::Mediator,
            Some(Staff::Mediator) | None => Self::Stranger,
        }
    }

    /// May someone of this role know that the subject exists?
    pub fn sees(self, subject: &Subject) -> bool {
        match self {
            Self::Oneself | Self::Member(_) | Self::Mediator | Self::Admin | Self::System => true,
            Self::Nobody | Self::Suspended | Self::Stranger => subject.public,
        }
    }
}

/// Why something may not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Denied {
    /// It takes a signed-in person.
    #[error("sign in first")]
    SignIn,
    /// The account is suspended.
    #[error("this account is suspended")]
    Suspended,
    /// As far as this actor is concerned it does not exist.
    #[error("not found")]
    Hidden,
    /// One of our people, whose password alone signs them in: they are nobody of ours until that takes more.
    #[error("our people act with a second factor only: set one up with secondFactorEnroll and secondFactorConfirm")]
    SecondFactor,
    /// It exists, and this actor may see it, but not do this to it.
    #[error("this is for the other side to do, or for another role than yours")]
    NotAllowed,
}

const ONESELF: Role = Role::Oneself;
const OWNER: Role = Role::Member(MemberRole::Owner);
const ADMIN: Role = Role::Member(MemberRole::Admin);
const FINANCE: Role = Role::Member(MemberRole::Finance);
const RECRUITER: Role = Role::Member(MemberRole::Recruiter);
const HIRING: Role = Role::Member(MemberRole::HiringManager);
const VIEWER: Role = Role::Member(MemberRole::Viewer);
const MEDIATOR: Role = Role::Mediator;
const STAFF: Role = Role::Admin;
const SYSTEM: Role = Role::System;

macro_rules! table {
    ($($verb:ident: $($role:ident)*;)*) => {
        /// Everything that can be done, object first. Each is one mutation or one read of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "the name says it: object, then act")]
        pub enum Verb { $($verb),* }

        impl Verb {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$verb),*];

            /// The roles that may do it. This is the table.
            pub fn allowed_to(self) -> &'static [Role] {
                match self { $(Self::$verb => &[$($role),*]),* }
            }

            /// The name, as in `MilestoneApprove`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$verb => stringify!($verb)),* }
            }
        }
    };
}

table! {
    // Accounts. The subject of what a person does for themselves is that person.
    UserRead:                 ONESELF STAFF SYSTEM;
    UserSearch:               STAFF;
    UserUpdate:               ONESELF;
    PasswordChange:           ONESELF;
    EmailChange:              ONESELF;
    EmailRestore:             STAFF;
    SecondFactorSet:          ONESELF;
    SecondFactorReset:        STAFF;
    PasskeyAdd:               ONESELF;
    PasskeyRead:              ONESELF;
    PasskeyRename:            ONESELF;
    PasskeyRemove:            ONESELF;
    AccountExport:            ONESELF;
    AccountErase:             ONESELF;
    UserSuspend:              STAFF SYSTEM;
    UserReinstate:            STAFF SYSTEM;
    StaffGrant:               SYSTEM;
    AuditRead:                STAFF SYSTEM;
    PolicyVersionAdd:         STAFF SYSTEM;
    OutageDeclare:            STAFF SYSTEM;
    OutageEnd:                STAFF SYSTEM;
    SessionRevoke:            ONESELF STAFF SYSTEM;
    OrganizationCreate:       ONESELF;
    OrganizationRead:         OWNER ADMIN FINANCE RECRUITER HIRING VIEWER STAFF SYSTEM;
    OrganizationUpdate:       OWNER ADMIN;
    OrganizationTransfer:     OWNER STAFF;
    MemberInvite:             OWNER ADMIN;
    MemberUpdate:             OWNER ADMIN;
    MemberRemove:             OWNER ADMIN;
    ProfileUpdate:            ONESELF;
    WebhookEndpointRead:      OWNER ADMIN;
    WebhookEndpointCreate:    OWNER ADMIN;
    WebhookEndpointUpdate:    OWNER ADMIN;
    WebhookEndpointRotateSecret: OWNER ADMIN;
    WebhookEndpointDelete:    OWNER ADMIN;
    WebhookEndpointTest:      OWNER ADMIN;
    WebhookDeliveryRetry:     OWNER ADMIN;

    // The trade.
    GigRead:                  OWNER ADMIN FINANCE RECRUITER HIRING VIEWER STAFF SYSTEM;
    GigCreate:                OWNER ADMIN RECRUITER HIRING;
    GigUpdate:                OWNER ADMIN RECRUITER HIRING;
    GigPublish:               OWNER ADMIN RECRUITER HIRING;
    GigPause:                 OWNER ADMIN RECRUITER HIRING;
    GigResume:                OWNER ADMIN RECRUITER HIRING;
    GigCancel:                OWNER ADMIN RECRUITER HIRING;
    GigReopen:                OWNER ADMIN RECRUITER HIRING;
    GigExpire:                SYSTEM;
    GigRemove:                STAFF SYSTEM;
    GigMatches:               OWNER ADMIN RECRUITER HIRING VIEWER;
    ExposureRead:             STAFF SYSTEM;
    ModelUse:                 SYSTEM;
    SavedSearchRead:          ONESELF;
    SavedSearchCreate:        ONESELF;
    SavedSearchDelete:        ONESELF;
    FreelancerBlock:          OWNER ADMIN RECRUITER HIRING;
    FreelancerUnblock:        OWNER ADMIN RECRUITER HIRING;
    ClientBlock:              ONESELF;
    ClientUnblock:            ONESELF;
    InvitationSend:           OWNER ADMIN RECRUITER HIRING;
    InvitationRead:           ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER STAFF SYSTEM;
    InvitationDecline:        ONESELF;
    ConversationRead:         ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER;
    ConversationMarkRead:     ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER;
    MessageSend:              ONESELF OWNER ADMIN RECRUITER HIRING;
    ProposalDraftSave:        ONESELF;
    ProposalSubmit:           ONESELF;
    ProposalRead:             ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER STAFF SYSTEM;
    ProposalRevise:           ONESELF;
    ProposalWithdraw:         ONESELF;
    ProposalView:             OWNER ADMIN RECRUITER HIRING;
    ProposalShortlist:        OWNER ADMIN RECRUITER HIRING;
    ProposalInterview:        OWNER ADMIN RECRUITER HIRING;
    ProposalDecline:          OWNER ADMIN RECRUITER HIRING;
    ProposalCounter:          OWNER ADMIN RECRUITER HIRING;
    ProposalCounterAccept:    ONESELF;
    ProposalClose:            SYSTEM;
    OfferCreate:              OWNER ADMIN HIRING;
    OfferSend:                OWNER ADMIN HIRING;
    OfferWithdraw:            OWNER ADMIN HIRING;
    OfferRead:                ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER STAFF SYSTEM;
    OfferAccept:              ONESELF;
    OfferDecline:             ONESELF;
    OfferConfirmFunding:      SYSTEM;
    OfferExpire:              SYSTEM;

    // Contracts and money.
    ContractRead:             ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER MEDIATOR STAFF SYSTEM;
    ContractStatement:        ONESELF OWNER ADMIN FINANCE STAFF MEDIATOR SYSTEM;
    ContractComplianceRead:   ONESELF OWNER ADMIN FINANCE STAFF SYSTEM;
    ContractPlaceAttest:      ONESELF;
    ContractPause:            ONESELF OWNER ADMIN HIRING;
    ContractEnd:              ONESELF OWNER ADMIN HIRING;
    ContractResume:           ONESELF OWNER ADMIN HIRING;
    ContractHold:             STAFF SYSTEM;
    ContractLiftHold:         STAFF SYSTEM;
    ContractFinish:           SYSTEM;
    ContractPaymentMethodSet: OWNER ADMIN FINANCE;
    ContractDevelopmentShareSet: OWNER ADMIN FINANCE;
    PaymentRead:              OWNER ADMIN FINANCE STAFF SYSTEM;
    PaymentMethodSetUp:       OWNER ADMIN FINANCE;
    PaymentMethodPrefer:      OWNER ADMIN FINANCE;
    PaymentMethodRemove:      OWNER ADMIN FINANCE;
    PaymentRefund:            OWNER ADMIN FINANCE;
    PaymentAdvance:           SYSTEM;
    MilestonePropose:         ONESELF OWNER ADMIN HIRING;
    MilestoneAgree:           ONESELF OWNER ADMIN HIRING;
    MilestoneFund:            OWNER ADMIN FINANCE;
    MilestoneCancel:          ONESELF OWNER ADMIN HIRING;
    BonusGive:                OWNER ADMIN FINANCE;
    TipGive:                  OWNER ADMIN FINANCE;
    MilestoneStopFunding:     OWNER ADMIN FINANCE;
    MilestoneSubmit:          ONESELF;
    MilestoneRequestChanges:  OWNER ADMIN HIRING;
    MilestoneApprove:         OWNER ADMIN FINANCE HIRING;
    MilestoneRequestRefund:   OWNER ADMIN FINANCE;
    MilestoneAgreeRefund:     ONESELF;
    MilestoneRefuseRefund:    ONESELF;
    MilestoneWithdrawRefund:  OWNER ADMIN FINANCE;
    MilestoneKeep:            ONESELF OWNER ADMIN FINANCE HIRING;
    MilestoneRefundAfter:     ONESELF;
    MilestoneDispute:         ONESELF OWNER ADMIN FINANCE HIRING;
    // What the processor and the clock do to a milestone.
    MilestoneConfirmFunding:  SYSTEM;
    MilestoneFailFunding:     SYSTEM;
    MilestoneUnwind:          SYSTEM;
    MilestoneRemind:          SYSTEM;
    MilestoneAutoApprove:     SYSTEM;
    MilestoneRelease:         SYSTEM;
    MilestoneResolveRefund:   SYSTEM;
    MilestoneAge:             SYSTEM;
    MilestoneExtend:          STAFF SYSTEM;
    MilestoneChargeBack:      SYSTEM;
    MilestoneSettle:          SYSTEM;
    DisputeRead:              ONESELF OWNER ADMIN FINANCE RECRUITER HIRING VIEWER MEDIATOR STAFF SYSTEM;
    DisputeQueue:             MEDIATOR STAFF;
    DisputeAnswer:            ONESELF OWNER ADMIN FINANCE HIRING;
    DisputeConcede:           ONESELF OWNER ADMIN FINANCE;
    DisputeWithdraw:          ONESELF OWNER ADMIN FINANCE HIRING;
    DisputeOffer:             ONESELF OWNER ADMIN FINANCE;
    DisputeAccept:            ONESELF OWNER ADMIN FINANCE;
    DisputeRefuse:            ONESELF OWNER ADMIN FINANCE;
    DisputePayFee:            ONESELF OWNER ADMIN FINANCE;
    DisputeAdvance:           SYSTEM;
    DisputeRecommend:         MEDIATOR;
    DisputeAward:             MEDIATOR STAFF;
    EvidenceAdd:              ONESELF OWNER ADMIN FINANCE HIRING;
    TimeEntryAdd:             ONESELF;
    TimeEntryRemove:          ONESELF;
    TimesheetSubmit:          ONESELF SYSTEM;
    TimesheetApprove:         OWNER ADMIN FINANCE HIRING;
    TimesheetDispute:         OWNER ADMIN FINANCE HIRING;
    TimesheetPay:             OWNER ADMIN FINANCE;
    TimesheetWriteOff:        ONESELF SYSTEM;
    TimesheetAdvance:         SYSTEM;
    BooksRead:                STAFF SYSTEM;
    ScreeningRead:            STAFF SYSTEM;
    ScreeningHitNote:         SYSTEM;
    ScreeningHitClear:        STAFF;
    CorrectionPropose:        STAFF;
    CorrectionApprove:        STAFF;
    CorrectionDecline:        STAFF;
    CorrectionExpire:         SYSTEM;
    BalancesRead:             ONESELF OWNER ADMIN FINANCE STAFF SYSTEM;
    PayeeUpdate:              ONESELF;
    TaxFormCertify:           ONESELF;
    TaxFormRemind:            SYSTEM;
    PayeeSearch:              STAFF;
    PayoutMethodAdd:          ONESELF;
    PayoutMethodRemove:       ONESELF;
    PayoutRequest:            ONESELF;
    PayoutCancel:             ONESELF;
    PayoutAdvance:            SYSTEM;
    PayoutUnblock:            STAFF;
    PayoutReject:             STAFF;
    PayoutApprove:            STAFF;
    PayoutSettle:             STAFF;
    PayoutRead:               ONESELF STAFF SYSTEM;
    PayoutQueueRead:          STAFF;
    PayoutEPrcAttach:         ONESELF STAFF;
    WireBatchMake:            STAFF;
    WireBatchRead:            STAFF;
    WireFileTake:             STAFF;
    WireSettle:               STAFF;
    WireSlipTake:             STAFF;
    BankHolidayAdd:           STAFF;
    BankHolidayRemove:        STAFF;
    BankCalendarExtend:       STAFF;
    ReviewSubmit:             ONESELF OWNER ADMIN HIRING;
    ReviewReply:              ONESELF OWNER ADMIN HIRING;
    ReviewPublish:            SYSTEM;
}

/// How fresh a proof of who they are a person must have given to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// Being signed in is enough.
    Any,
    /// Money of every day, so that work is not interrupted: the proof is of the last twelve hours.
    Today,
    /// The safety of an account, who gets money, and what our people do to others: of the last fifteen minutes.
    Fresh,
}

impl Freshness {
    /// How old the proof may be; none if there need be none.
    pub fn within(self) -> Option<TimeDelta> {
        match self {
            Self::Any => None,
            Self::Today => Some(DAY_OF_WORK),
            Self::Fresh => Some(PROOF_LIFETIME),
        }
    }

    /// Is a proof that was given at `proved_at`, if any was, fresh enough at `now`?
    pub fn is_met(self, proved_at: Option<Timestamp>, now: Timestamp) -> bool {
        self.within().is_none_or(|within| proved_at.is_some_and(|proved_at| now < proved_at + within))
    }
}

impl Verb {
    /// How fresh a proof of who they are it takes of a person. Rabta itself gives none. What is asked for
    /// with the password, like another password, brings its own.
    pub fn needs_proof(self) -> Freshness {
        match self {
            Self::SecondFactorSet
            | Self::SecondFactorReset
            | Self::PasskeyAdd
            | Self::PasskeyRemove
            | Self::EmailChange
            | Self::EmailRestore
            | Self::AccountExport
            | Self::AccountErase
            | Self::UserSuspend
            | Self::UserReinstate
            | Self::PolicyVersionAdd
            | Self::OutageDeclare
            | Self::OutageEnd
            | Self::MilestoneExtend
            | Self::GigRemove
            | Self::OrganizationTransfer
            | Self::MemberInvite
            | Self::MemberUpdate
            | Self::MemberRemove
            | Self::WebhookEndpointCreate
            | Self::WebhookEndpointUpdate
            | Self::WebhookEndpointRotateSecret
            | Self::WebhookEndpointDelete
            | Self::ContractHold
            | Self::ContractLiftHold
            | Self::ContractPaymentMethodSet
            | Self::PaymentMethodSetUp
            | Self::PaymentMethodPrefer
            | Self::PaymentMethodRemove
            | Self::PaymentRefund
            | Self::PayeeUpdate
            | Self::TaxFormCertify
            | Self::PayoutMethodAdd
            | Self::PayoutMethodRemove
            | Self::PayoutRequest
            | Self::PayoutUnblock
            | Self::PayoutReject
            | Self::PayoutApprove
            | Self::PayoutSettle
            | Self::ScreeningHitClear
            | Self::CorrectionPropose
            | Self::CorrectionApprove
            | Self::CorrectionDecline
            | Self::WireBatchMake
            | Self::WireFileTake
            | Self::WireSlipTake
            | Self::WireSettle
            | Self::BankHolidayAdd
            | Self::BankHolidayRemove
            | Self::BankCalendarExtend
            | Self::DisputeRecommend
            | Self::DisputeAward => Freshness::Fresh,
            Self::MilestoneFund
            | Self::MilestoneApprove
            | Self::MilestoneAgreeRefund
            | Self::MilestoneRefundAfter
            | Self::BonusGive
            | Self::TipGive
            | Self::TimesheetPay
            | Self::TimesheetApprove
            | Self::DisputeOffer
            | Self::DisputeAccept
            | Self::DisputeConcede
            | Self::DisputeWithdraw
            | Self::DisputePayFee => Freshness::Today,
            Self::UserRead
            | Self::UserSearch
            | Self::UserUpdate
            | Self::PasswordChange
            | Self::StaffGrant
            | Self::AuditRead
            | Self::SessionRevoke
            | Self::PasskeyRead
            | Self::PasskeyRename
            | Self::OrganizationCreate
            | Self::OrganizationRead
            | Self::OrganizationUpdate
            | Self::ProfileUpdate
            | Self::WebhookEndpointRead
            | Self::WebhookEndpointTest
            | Self::WebhookDeliveryRetry
            | Self::GigRead
            | Self::GigCreate
            | Self::GigUpdate
            | Self::GigPublish
            | Self::GigPause
            | Self::GigResume
            | Self::GigCancel
            | Self::GigReopen
            | Self::GigExpire
            | Self::GigMatches
            | Self::ExposureRead
            | Self::ModelUse
            | Self::SavedSearchRead
            | Self::SavedSearchCreate
            | Self::SavedSearchDelete
            | Self::FreelancerBlock
            | Self::FreelancerUnblock
            | Self::ClientBlock
            | Self::ClientUnblock
            | Self::InvitationSend
            | Self::InvitationRead
            | Self::InvitationDecline
            | Self::ConversationRead
            | Self::ConversationMarkRead
            | Self::MessageSend
            | Self::ProposalDraftSave
            | Self::ProposalSubmit
            | Self::ProposalRead
            | Self::ProposalRevise
            | Self::ProposalWithdraw
            | Self::ProposalView
            | Self::ProposalShortlist
            | Self::ProposalInterview
            | Self::ProposalDecline
            | Self::ProposalCounter
            | Self::ProposalCounterAccept
            | Self::ProposalClose
            | Self::OfferCreate
            | Self::OfferSend
            | Self::OfferWithdraw
            | Self::OfferRead
            | Self::OfferAccept
            | Self::OfferDecline
            | Self::OfferConfirmFunding
            | Self::OfferExpire
            | Self::ContractRead
            | Self::ContractStatement
            | Self::ContractComplianceRead
            | Self::ContractPlaceAttest
            | Self::ContractPause
            | Self::ContractEnd
            | Self::ContractResume
            | Self::ContractFinish
            | Self::ContractDevelopmentShareSet
            | Self::PaymentRead
            | Self::PaymentAdvance
            | Self::MilestonePropose
            | Self::MilestoneAgree
            | Self::MilestoneCancel
            | Self::MilestoneStopFunding
            | Self::MilestoneSubmit
            | Self::MilestoneRequestChanges
            | Self::MilestoneRequestRefund
            | Self::MilestoneRefuseRefund
            | Self::MilestoneWithdrawRefund
            | Self::MilestoneKeep
            | Self::MilestoneDispute
            | Self::MilestoneConfirmFunding
            | Self::MilestoneFailFunding
            | Self::MilestoneUnwind
            | Self::MilestoneRemind
            | Self::MilestoneAutoApprove
            | Self::MilestoneRelease
            | Self::MilestoneResolveRefund
            | Self::MilestoneAge
            | Self::MilestoneChargeBack
            | Self::MilestoneSettle
            | Self::DisputeRead
            | Self::DisputeQueue
            | Self::DisputeAnswer
            | Self::DisputeRefuse
            | Self::DisputeAdvance
            | Self::EvidenceAdd
            | Self::TimeEntryAdd
            | Self::TimeEntryRemove
            | Self::TimesheetSubmit
            | Self::TimesheetWriteOff
            | Self::TimesheetDispute
            | Self::TimesheetAdvance
            | Self::BooksRead
            | Self::ScreeningRead
            | Self::ScreeningHitNote
            | Self::CorrectionExpire
            | Self::BalancesRead
            | Self::TaxFormRemind
            | Self::PayeeSearch
            | Self::PayoutCancel
            | Self::PayoutAdvance
            | Self::PayoutRead
            | Self::PayoutQueueRead
            | Self::PayoutEPrcAttach
            | Self::WireBatchRead
            | Self::ReviewSubmit
            | Self::ReviewReply
            | Self::ReviewPublish => Freshness::Any,
        }
    }
}

impl Verb {
    /// What people do to what is their own without a proof, and our people to what is another's only with a fresh one:
    /// the rooms ask for it.
    pub fn needs_proof_of_others(self) -> bool {
        matches!(self, Self::SessionRevoke | Self::PayoutEPrcAttach)
    }
}

/// May `actor` do `verb` to `subject`?
///
/// The order of the answers keeps secrets: a visitor learns only that one must sign in, whatever
/// is asked for; what the actor may not see is [`Denied::Hidden`] before any rule is named, that our people lack a second
/// factor among them.
pub fn check(actor: &Actor, verb: Verb, subject: &Subject) -> Result<Role, Denied> {
    let role = Role::of(actor, subject);
    if verb.allowed_to().contains(&role) {
        return Ok(role);
    }
    match role {
        Role::Nobody => Err(Denied::SignIn),
        Role::Suspended => Err(Denied::Suspended),
        Role::Stranger if tells_nothing(subject) && would_be_ours(actor, verb, subject) => Err(Denied::SecondFactor),
        _ if role.sees(subject) => Err(Denied::NotAllowed),
        _ => Err(Denied::Hidden),
    }
}

/// Refuse what `actor` may not see, before it is asked what they may do to it.
pub fn see(actor: &Actor, subject: &Subject) -> Result<(), Denied> {
    match Role::of(actor, subject) {
        Role::Nobody => Err(Denied::SignIn),
        Role::Suspended => Err(Denied::Suspended),
        role if role.sees(subject) => Ok(()),
        _ => Err(Denied::Hidden),
    }
}

/// Does it tell a stranger nothing that there is such a thing? It is seen by everybody, or no thing of anybody's.
fn tells_nothing(subject: &Subject) -> bool {
    Role::Stranger.sees(subject) || *subject == Subject::OURS
}

/// Refuse one of our people what they do for us alone as long as they lack a second factor, before anything is looked
/// for: a refusal that comes afterwards would tell what is there.
pub fn must_be_ours(actor: &Actor, verb: Verb) -> Result<(), Denied> {
    let Actor::Person(person) = actor else { return Ok(()) };
    let role = match person.staff {
        Some(Staff::Admin) => Role::Admin,
        Some(Staff::Mediator) => Role::Mediator,
        None => return Ok(()),
    };
    let for_us = |role: &Role| matches!(role, Role::Mediator | Role::Admin | Role::System);
    let for_us_alone = verb.allowed_to().contains(&role) && verb.allowed_to().iter().all(for_us);
    if for_us_alone && !person.second_factor { Err(Denied::SecondFactor) } else { Ok(()) }
}

/// Is it the second factor alone that one of our people lacks?
fn would_be_ours(actor: &Actor, verb: Verb, subject: &Subject) -> bool {
    match actor {
        Actor::Person(person) => verb.allowed_to().contains(&Role::of_staff(person.staff, subject)),
        Actor::Nobody | Actor::System => false,
    }
}

/// May `actor` do `verb` to `subject`? For buttons and filters, where no reason is wanted.
pub fn allows(actor: &Actor, verb: Verb, subject: &Subject) -> bool {
    check(actor, verb, subject).is_ok()
}

/// May `actor` see `subject` at all?
pub fn visible(actor: &Actor, subject: &Subject) -> bool {
    Role::of(actor, subject).sees(subject)
}

impl Actor {
    /// The signed-in person, or the refusal that asks to sign in.
    pub fn person(&self) -> Result<&Person, Denied> {
        match self {
            Self::Person(person) if person.suspended => Err(Denied::Suspended),
            Self::Person(person) => Ok(person),
            Self::Nobody | Self::System => Err(Denied::SignIn),
        }
    }

    /// The id of the signed-in person, if there is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Person(person) => Some(person.user),
            Self::Nobody | Self::System => None,
        }
    }
}

/// The table as text: a row a verb, a column a role. Kept beside this file and reviewed like code.
pub fn matrix() -> String {
    let mut text = String::from("# Who may do what. Printed from access.rs by a test; read its diff like code.\n");
    for verb in Verb::ALL {
        let roles: Vec<&str> =
            Role::ALL.into_iter().filter(|role| verb.allowed_to().contains(role)).map(Role::as_str).collect();
        let proof = match verb.needs_proof() {
            Freshness::Any if verb.needs_proof_of_others() => " (fresh proof of all but oneself)",
            Freshness::Any => "",
            Freshness::Today => " (proof of today)",
            Freshness::Fresh => " (fresh proof)",
        };
        text.push_str(&format!("{:<26}{}{proof}\n", verb.name(), roles.join(" ")));
    }
    text
}
