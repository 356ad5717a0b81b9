//! Events: every fact that others may react to. An event is saved in the transaction that made it
//! true and told at least once: to the worker, to subscriptions, to notifications.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::account::SafetyAct;
use crate::id::{
    ContractId, CorrectionId, DisputeId, EvidenceId, FreelancerProfileId, GigId, MailCodeId, MemberInvitationId,
    MilestoneId, OfferId, OrganizationId, OutageId, PaymentId, PayoutId, PayoutMethodId, ProposalId, ReviewId,
    SavedSearchId, ScreeningHitId, SessionId, SubmissionId, TimesheetId, UserId, WebhookEndpointId,
};
use crate::money::Money;
use crate::payout::Rail;
use crate::screening::Party;

mod about;
mod name;
mod told;

pub use about::About;
pub use told::{OfDispute, OfInvitation, OfMessage, OfProposal, OfRefund};

/// What happened. Past tense; only ids and facts, never private text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Somebody signed up.
    UserSignedUp {
        /// Who.
        user: UserId,
    },
    /// A code is to go to a mailbox.
    MailCodeIssued {
        /// The code's id, which alone opens nothing.
        code: MailCodeId,
    },
    /// Something about the safety of an account changed.
    AccountSecured {
        /// Whose.
        user: UserId,
        /// What.
        act: SafetyAct,
    },
    /// An account has another address.
    EmailChanged {
        /// Whose.
        user: UserId,
        /// The code by which it came.
        code: MailCodeId,
    },
    /// Somebody's tax form lapses soon, perhaps because they moved, unless they certify anew.
    TaxFormExpiring {
        /// Whose.
        user: UserId,
        /// The last day before their contracts are held.
        lapses_on: NaiveDate,
    },
    /// Somebody's tax form lapsed: their contracts are on hold until they certify anew.
    TaxFormLapsed {
        /// Whose.
        user: UserId,
    },
    /// Nothing is left of somebody but the id.
    UserErased {
        /// Who.
        user: UserId,
    },
    /// Somebody was suspended: they may do nothing until they are reinstated.
    UserSuspended {
        /// Who.
        user: UserId,
    },
    /// Somebody may do things again.
    UserReinstated {
        /// Who.
        user: UserId,
    },
    /// A search that somebody keeps found a new gig.
    SavedSearchMatched {
        /// The search.
        search: SavedSearchId,
        /// What it found.
        gig: GigId,
        /// Whose search it is.
        user: UserId,
    },
    /// Somebody signed in.
    SessionBegan {
        /// The session.
        session: SessionId,
        /// Who.
        user: UserId,
    },
    /// A session was ended; what is open in it must close.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// Who was signed in.
        user: UserId,
    },
    /// Somebody was invited by mail to join an organization.
    MemberInvited {
        /// The invitation.
        invitation: MemberInvitationId,
        /// The organization.
        organization: OrganizationId,
    },
    /// Somebody joined an organization.
    MemberJoined {
        /// The organization.
        organization: OrganizationId,
        /// Who.
        user: UserId,
    },
    /// Somebody no longer belongs to an organization.
    MemberLeft {
        /// The organization.
        organization: OrganizationId,
        /// Who.
        user: UserId,
    },
    /// An organization has another owner.
    OrganizationTransferred {
        /// The organization.
        organization: OrganizationId,
        /// Who owns it now.
        to: UserId,
    },
    /// A webhook endpoint took nothing for so long that it was switched off.
    WebhookEndpointDisabled {
        /// Which.
        endpoint: WebhookEndpointId,
        /// Whose.
        organization: OrganizationId,
    },
    /// A freelancer changed what they say of themselves.
    ProfileUpdated {
        /// The profile.
        profile: FreelancerProfileId,
        /// Whose.
        user: UserId,
    },
    /// A client company came to be.
    OrganizationCreated {
        /// Which.
        organization: OrganizationId,
    },
    /// A client began to write a gig.
    GigDrafted {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A gig was put before freelancers.
    GigPublished {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// What a gig says was changed.
    GigUpdated {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A gig takes no proposals for now.
    GigPaused {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A paused gig takes proposals again.
    GigResumed {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A gig will expire soon, unless something happens with it.
    GigExpiring {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
        /// When it will.
        expires_at: Timestamp,
    },
    /// A gig expired.
    GigExpired {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A client gave a gig up.
    GigCancelled {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A gig that was closed takes proposals again.
    GigReopened {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// Someone was hired for a gig.
    GigFilled {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A moderator took a gig down.
    GigRemoved {
        /// Which.
        gig: GigId,
        /// Whose.
        client: OrganizationId,
    },
    /// A client invited a freelancer to a gig.
    InvitationSent {
        /// Which, to which gig, and whose that is.
        #[serde(flatten)]
        told: OfInvitation,
        /// Who is invited.
        freelancer: UserId,
    },
    /// A freelancer does not want to propose.
    InvitationDeclined {
        /// Which, to which gig, and whose that is.
        #[serde(flatten)]
        told: OfInvitation,
    },
    /// A freelancer who was invited proposed.
    InvitationAccepted {
        /// Which, to which gig, and whose that is.
        #[serde(flatten)]
        told: OfInvitation,
    },
    /// One side of a conversation wrote to the other.
    MessageSent {
        /// Which, between whom, and which side did.
        #[serde(flatten)]
        told: OfMessage,
    },
    /// A freelancer began to write a proposal.
    ProposalDrafted {
        /// Which.
        proposal: ProposalId,
        /// For which.
        gig: GigId,
    },
    /// A freelancer put a proposal before a client.
    ProposalSubmitted {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client opened a proposal.
    ProposalViewed {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client keeps a proposal in mind.
    ProposalShortlisted {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client began to talk with a freelancer.
    ProposalInterviewing {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client does not want a proposal.
    ProposalDeclined {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client proposed another price.
    ProposalCountered {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A freelancer proposed something else, or took what the client proposed.
    ProposalRevised {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A freelancer took a proposal back.
    ProposalWithdrawn {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A client made an offer on a proposal.
    ProposalOffered {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// The offer on a proposal came to nothing.
    ProposalOfferEnded {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A freelancer was hired by a proposal.
    ProposalHired {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },
    /// A proposal ended with its gig.
    ProposalClosed {
        /// Which, and whose.
        #[serde(flatten)]
        told: OfProposal,
    },

    /// A freelancer has an offer to decide on.
    OfferSent {
        /// Which.
        offer: OfferId,
    },
    /// A freelancer took an offer.
    OfferAccepted {
        /// Which.
        offer: OfferId,
        /// The contract it became.
        contract: ContractId,
    },
    /// A freelancer left an offer.
    OfferDeclined {
        /// Which.
        offer: OfferId,
    },
    /// A client took an offer back.
    OfferWithdrawn {
        /// Which.
        offer: OfferId,
    },
    /// Nobody answered an offer.
    OfferExpired {
        /// Which.
        offer: OfferId,
    },
    /// A side asked for a break.
    ContractPaused {
        /// Which.
        contract: ContractId,
    },
    /// Work goes on.
    ContractResumed {
        /// Which.
        contract: ContractId,
    },
    /// Something outside stands against a contract.
    ContractPutOnHold {
        /// Which.
        contract: ContractId,
    },
    /// A side ended a contract; what is under way is carried through.
    ContractEnding {
        /// Which.
        contract: ContractId,
    },
    /// A contract is over: its reviews can be written.
    ContractEnded {
        /// Which.
        contract: ContractId,
        /// Until when.
        reviews_close_at: Timestamp,
    },
    /// The reviews of a contract can be read.
    ReviewsPublished {
        /// Of which.
        contract: ContractId,
    },
    /// A review was replied to.
    ReviewReplied {
        /// Which.
        review: ReviewId,
    },

    /// Work was proposed on a contract.
    MilestoneProposed {
        /// Which.
        milestone: MilestoneId,
    },
    /// Both sides agree on a milestone.
    MilestoneAgreed {
        /// Which.
        milestone: MilestoneId,
    },
    /// A milestone without money was called off.
    MilestoneCancelled {
        /// Which.
        milestone: MilestoneId,
    },
    /// A client set out to pay: the processor is to be asked for this payment.
    MilestoneFundingStarted {
        /// Which.
        milestone: MilestoneId,
        /// The payment, and the idempotency key for the processor.
        payment: PaymentId,
        /// What the client is charged.
        total: Money,
    },
    /// A payment failed, or was given up.
    MilestoneFundingFailed {
        /// Which.
        milestone: MilestoneId,
        /// Which.
        payment: PaymentId,
    },
    /// Money is in escrow.
    MilestoneFunded {
        /// Which.
        milestone: MilestoneId,
        /// How much came in.
        amount: Money,
    },
    /// A payment came that nothing waited for any more; it is the client's credit now.
    PaymentCredited {
        /// Whose.
        organization: OrganizationId,
        /// Which.
        payment: PaymentId,
        /// How much.
        amount: Money,
    },
    /// A client has some of a payment go back to its card: the processor is to be asked.
    PaymentRefundStarted {
        /// Which, of which payment, and how much.
        #[serde(flatten)]
        told: OfRefund,
    },
    /// It has gone back.
    PaymentRefunded {
        /// Which, of which payment, and how much.
        #[serde(flatten)]
        told: OfRefund,
    },
    /// It did not go back, and is the client's credit again.
    PaymentRefundFailed {
        /// Which, of which payment, and how much.
        #[serde(flatten)]
        told: OfRefund,
    },
    /// Work was submitted.
    MilestoneSubmitted {
        /// Which.
        milestone: MilestoneId,
        /// Which.
        submission: SubmissionId,
        /// When silence approves it.
        approves_at: Timestamp,
    },
    /// Submitted work still waits for the client.
    MilestoneReviewWaits {
        /// Which.
        milestone: MilestoneId,
        /// When silence approves it.
        approves_at: Timestamp,
    },
    /// The client asked for changes.
    MilestoneChangesRequested {
        /// Which.
        milestone: MilestoneId,
        /// How many times by now.
        round: u16,
    },
    /// Work was accepted, by the client or by silence.
    MilestoneApproved {
        /// Which.
        milestone: MilestoneId,
        /// How much is pending for the freelancer now.
        amount: Money,
        /// When it is available.
        releases_at: Timestamp,
        /// By silence?
        automatic: bool,
    },
    /// Pending money is available to the freelancer.
    MilestoneReleased {
        /// Which.
        milestone: MilestoneId,
        /// How much.
        amount: Money,
    },
    /// The client asks for money back.
    MilestoneRefundRequested {
        /// Which.
        milestone: MilestoneId,
        /// How much.
        amount: Money,
        /// What silence does, it does then.
        resolves_at: Timestamp,
    },
    /// The freelancer does not agree to a refund.
    MilestoneRefundRefused {
        /// Which.
        milestone: MilestoneId,
    },
    /// The client no longer asks for money back.
    MilestoneRefundWithdrawn {
        /// Which.
        milestone: MilestoneId,
    },
    /// Held money went back to the client.
    MilestoneRefunded {
        /// Which.
        milestone: MilestoneId,
        /// How much, with the fee that went back along.
        amount: Money,
    },
    /// The freelancer gave released money back.
    MilestoneRefundedAfter {
        /// Which.
        milestone: MilestoneId,
        /// How much.
        amount: Money,
    },
    /// Nothing has happened on a funded milestone for long.
    MilestoneIdle {
        /// Which.
        milestone: MilestoneId,
        /// When it goes dormant.
        dormant_at: Timestamp,
    },
    /// A milestone that holds money went dormant: each side is asked whether it goes on.
    MilestoneDormant {
        /// Which.
        milestone: MilestoneId,
        /// When silence refunds it, or, where work was handed in, makes a dispute of it.
        refunds_at: Timestamp,
    },
    /// A side said that the work goes on.
    MilestoneKept {
        /// Which.
        milestone: MilestoneId,
    },
    /// An outage extended a deadline.
    MilestoneExtended {
        /// Which.
        milestone: MilestoneId,
        /// By so much.
        hours: u16,
    },
    /// A dispute was opened: all clocks stand still.
    MilestoneDisputed {
        /// Which.
        milestone: MilestoneId,
        /// Which.
        dispute: DisputeId,
    },
    /// A dispute was withdrawn: the clocks go on.
    MilestoneResumed {
        /// Which.
        milestone: MilestoneId,
    },
    /// A dispute's outcome was carried out.
    MilestoneSettled {
        /// Which.
        milestone: MilestoneId,
        /// What the freelancer gets, after the fee.
        to_freelancer: Money,
        /// What went back to the client.
        to_client: Money,
    },
    /// The client's bank took money back.
    MilestoneChargedBack {
        /// Which.
        milestone: MilestoneId,
        /// How much.
        amount: Money,
        /// How much of it we bore.
        lost: Money,
    },
    /// The client's bank gave back what it had taken.
    MilestoneChargebackWon {
        /// Which.
        milestone: MilestoneId,
        /// How much came back.
        amount: Money,
    },
    /// The client's bank gave back what it had taken of a week.
    TimesheetChargebackWon {
        /// Which.
        timesheet: TimesheetId,
        /// How much came back.
        amount: Money,
    },
    /// A week of an hourly contract began.
    TimesheetOpened {
        /// Which.
        timesheet: TimesheetId,
    },
    /// A week went to the client.
    TimesheetSubmitted {
        /// Which.
        timesheet: TimesheetId,
        /// When silence approves it.
        approves_at: Timestamp,
    },
    /// A week was accepted, by the client or by silence.
    TimesheetApproved {
        /// Which.
        timesheet: TimesheetId,
        /// What it is worth.
        amount: Money,
        /// By silence?
        automatic: bool,
    },
    /// An outage extended a deadline of a week.
    TimesheetExtended {
        /// Which.
        timesheet: TimesheetId,
        /// By so much.
        hours: u16,
    },
    /// Entries of a week are in dispute.
    TimesheetDisputed {
        /// Which.
        timesheet: TimesheetId,
        /// Which.
        dispute: DisputeId,
    },
    /// A week is charged: the processor is to be asked for this payment.
    TimesheetChargeStarted {
        /// Which.
        timesheet: TimesheetId,
        /// The payment, and the idempotency key for the processor.
        payment: PaymentId,
        /// What the client is charged.
        total: Money,
    },
    /// A charge of a week failed: the contract is on hold.
    TimesheetChargeFailed {
        /// Which.
        timesheet: TimesheetId,
        /// Which.
        payment: PaymentId,
        /// When it is tried again, if it is.
        retry_at: Option<Timestamp>,
    },
    /// A week was charged, and its money is held.
    TimesheetCharged {
        /// Which.
        timesheet: TimesheetId,
        /// How much.
        amount: Money,
        /// When it is paid.
        pays_at: Timestamp,
    },
    /// A week that nobody could be charged for is written off soon.
    TimesheetUnpaid {
        /// Which.
        timesheet: TimesheetId,
        /// When it is written off, should nobody move.
        writes_off_at: Timestamp,
    },
    /// A week that every charge of has failed is no longer waited for.
    TimesheetWrittenOff {
        /// Which.
        timesheet: TimesheetId,
        /// What it would have been worth.
        amount: Money,
        /// Did the clock do so?
        automatic: bool,
    },
    /// The money of a week is available to the freelancer.
    TimesheetPaid {
        /// Which.
        timesheet: TimesheetId,
        /// How much.
        amount: Money,
    },
    /// The client's bank took the money of a week back.
    TimesheetChargedBack {
        /// Which.
        timesheet: TimesheetId,
        /// How much.
        amount: Money,
        /// How much of it we bore.
        lost: Money,
    },
    /// A name or the country of somebody was found on a list: our people are to look at it.
    ScreeningHitFound {
        /// Which.
        hit: ScreeningHitId,
        /// Whose.
        #[serde(flatten)]
        party: Party,
    },
    /// Our people found that what is on a list is nothing.
    ScreeningHitCleared {
        /// Which.
        hit: ScreeningHitId,
        /// Whose.
        #[serde(flatten)]
        party: Party,
    },
    /// One of our people proposed a correction of the books.
    CorrectionProposed {
        /// Which.
        correction: CorrectionId,
    },
    /// A correction was approved, and is in the books.
    CorrectionPosted {
        /// Which.
        correction: CorrectionId,
        /// Whose credit it changed, if it was a client's.
        client: Option<OrganizationId>,
        /// Whose available balance it changed, if it was a freelancer's.
        freelancer: Option<UserId>,
        /// By how much.
        amount: Money,
    },
    /// A correction was declined or taken back, or nobody approved it in time.
    CorrectionEnded {
        /// Which.
        correction: CorrectionId,
    },
    /// An outage was declared.
    OutageDeclared {
        /// Which.
        outage: OutageId,
    },
    /// An outage was ended early, or called off.
    OutageEnded {
        /// Which.
        outage: OutageId,
    },
    /// A dispute was opened: the other side is to answer.
    DisputeOpened {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// The other side answered.
    DisputeAnswered {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A side made an offer.
    DisputeOfferMade {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A dispute has waited for a mediator for long.
    DisputeWaits {
        /// Which.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A mediator recommended an outcome.
    DisputeRecommended {
        /// Which.
        #[serde(flatten)]
        told: OfDispute,
        /// When silence lets it stand.
        decide_by: Timestamp,
    },
    /// A side took the recommendation; the other has not yet.
    DisputeAccepted {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A side did not take the recommendation; or it can't speak, and our people go on where silence would have decided.
    DisputeEscalated {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A side paid for arbitration.
    DisputeFeePaid {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A dispute was decided, and the decision carried out.
    DisputeExecuted {
        /// Which.
        #[serde(flatten)]
        told: OfDispute,
        /// What the freelancer got, before our fee.
        to_freelancer: Money,
    },
    /// The claimant withdrew a dispute.
    DisputeWithdrawn {
        /// Which, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A chargeback left a dispute with nothing to decide.
    DisputeClosed {
        /// Which.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A side brought evidence forward.
    EvidenceAdded {
        /// Which.
        evidence: EvidenceId,
        /// In which dispute, and who did.
        #[serde(flatten)]
        told: OfDispute,
    },
    /// A way to be paid out was added.
    PayoutMethodAdded {
        /// Which.
        method: PayoutMethodId,
        /// Whose.
        user: UserId,
        /// When it can be used.
        usable_from: Timestamp,
    },
    /// A way to be paid out was removed.
    PayoutMethodRemoved {
        /// Which.
        method: PayoutMethodId,
        /// Whose.
        user: UserId,
    },
    /// A freelancer asked for a payout.
    PayoutRequested {
        /// Which.
        payout: PayoutId,
        /// How much.
        amount: Money,
    },
    /// A payout is to be screened.
    PayoutScreeningBegan {
        /// Which.
        payout: PayoutId,
    },
    /// Screening of a payout had a hit.
    PayoutBlocked {
        /// Which.
        payout: PayoutId,
    },
    /// A payout is to be handed to a rail.
    PayoutQueued {
        /// Which.
        payout: PayoutId,
        /// Which.
        rail: Rail,
    },
    /// A payout is handed to its rail.
    PayoutSent {
        /// Which.
        payout: PayoutId,
        /// Which attempt: part of the key the rail is given.
        attempt: u32,
    },
    /// The rail took a payout.
    PayoutInTransit {
        /// Which.
        payout: PayoutId,
    },
    /// A payout arrived.
    PayoutPaid {
        /// Which.
        payout: PayoutId,
    },
    /// A payout came back; the money is available again.
    PayoutReturned {
        /// Which.
        payout: PayoutId,
    },
    /// Nobody knows what became of a payout: the rail is to be asked under the same key.
    PayoutUnknown {
        /// Which.
        payout: PayoutId,
    },
    /// A payout was called off.
    PayoutCancelled {
        /// Which.
        payout: PayoutId,
    },
}
