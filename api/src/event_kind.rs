//! What can happen, by its names.

use async_graphql::Enum;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What happened. Not all of it is told to everybody: people hear of what concerns them, and of a contract
        /// each side hears what it may know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
            /// Something that this server does not know yet, for a moment while it is being upgraded: ask again later, or
            /// show the sentence.
            SomethingElse,
        }

        impl EventKind {
            /// The kind of an event by its name in the event stream, like `milestone_submitted`.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// The same, of what a newer server may have written down.
            pub fn of(name: &str) -> Self {
                Self::named(name).unwrap_or(Self::SomethingElse)
            }
        }
    };
}

kinds! {
    /// Somebody signed up.
    UserSignedUp = "user_signed_up",
    /// A code is to go to a mailbox.
    MailCodeIssued = "mail_code_issued",
    /// Something about the safety of an account changed.
    AccountSecured = "account_secured",
    /// An account has another address.
    EmailChanged = "email_changed",
    /// Your tax form lapses soon, or you moved: certify anew with `taxFormCertify`, before your contracts are held for it.
    TaxFormExpiring = "tax_form_expiring",
    /// Your tax form lapsed, and your contracts are on hold: certify anew with `taxFormCertify`.
    TaxFormLapsed = "tax_form_lapsed",
    /// Nothing is left of somebody but the id.
    UserErased = "user_erased",
    /// Somebody was suspended: they may do nothing until they are reinstated.
    UserSuspended = "user_suspended",
    /// Somebody may do things again.
    UserReinstated = "user_reinstated",
    /// A search that somebody keeps found a new gig.
    SavedSearchMatched = "saved_search_matched",
    /// Somebody signed in.
    SessionBegan = "session_began",
    /// A session was ended; what is open in it must close.
    SessionEnded = "session_ended",
    /// Somebody was invited by mail to join an organization.
    MemberInvited = "member_invited",
    /// Somebody joined an organization.
    MemberJoined = "member_joined",
    /// Somebody no longer belongs to an organization.
    MemberLeft = "member_left",
    /// An organization has another owner.
    OrganizationTransferred = "organization_transferred",
    /// An endpoint of webhooks took nothing for three days, and was switched off.
    WebhookEndpointDisabled = "webhook_endpoint_disabled",
    /// A freelancer changed what they say of themselves.
    ProfileUpdated = "profile_updated",
    /// A client company came to be.
    OrganizationCreated = "organization_created",
    /// A client began to write a gig.
    GigDrafted = "gig_drafted",
    /// A gig was put before freelancers.
    GigPublished = "gig_published",
    /// What a gig says was changed.
    GigUpdated = "gig_updated",
    /// A gig takes no proposals for now.
    GigPaused = "gig_paused",
    /// A paused gig takes proposals again.
    GigResumed = "gig_resumed",
    /// A gig will expire soon, unless something happens with it.
    GigExpiring = "gig_expiring",
    /// A gig expired.
    GigExpired = "gig_expired",
    /// A client gave a gig up.
    GigCancelled = "gig_cancelled",
    /// A gig that was closed takes proposals again.
    GigReopened = "gig_reopened",
    /// Someone was hired for a gig.
    GigFilled = "gig_filled",
    /// A moderator took a gig down.
    GigRemoved = "gig_removed",
    /// A client invited a freelancer to a gig.
    InvitationSent = "invitation_sent",
    /// A freelancer does not want to propose.
    InvitationDeclined = "invitation_declined",
    /// A freelancer who was invited proposed.
    InvitationAccepted = "invitation_accepted",
    /// The other side of a conversation wrote: you are told again once you have read it.
    MessageSent = "message_sent",
    /// A freelancer began to write a proposal.
    ProposalDrafted = "proposal_drafted",
    /// A freelancer put a proposal before a client.
    ProposalSubmitted = "proposal_submitted",
    /// A client opened a proposal.
    ProposalViewed = "proposal_viewed",
    /// A client keeps a proposal in mind.
    ProposalShortlisted = "proposal_shortlisted",
    /// A client began to talk with a freelancer.
    ProposalInterviewing = "proposal_interviewing",
    /// A client does not want a proposal.
    ProposalDeclined = "proposal_declined",
    /// A client proposed another price.
    ProposalCountered = "proposal_countered",
    /// A freelancer proposed something else, or took what the client proposed.
    ProposalRevised = "proposal_revised",
    /// A freelancer took a proposal back.
    ProposalWithdrawn = "proposal_withdrawn",
    /// A client made an offer on a proposal.
    ProposalOffered = "proposal_offered",
    /// The offer on a proposal came to nothing.
    ProposalOfferEnded = "proposal_offer_ended",
    /// A freelancer was hired by a proposal.
    ProposalHired = "proposal_hired",
    /// A proposal ended with its gig.
    ProposalClosed = "proposal_closed",
    /// A freelancer has an offer to decide on.
    OfferSent = "offer_sent",
    /// A freelancer took an offer.
    OfferAccepted = "offer_accepted",
    /// A freelancer left an offer.
    OfferDeclined = "offer_declined",
    /// A client took an offer back.
    OfferWithdrawn = "offer_withdrawn",
    /// Nobody answered an offer.
    OfferExpired = "offer_expired",
    /// A side asked for a break.
    ContractPaused = "contract_paused",
    /// Work goes on.
    ContractResumed = "contract_resumed",
    /// Something outside stands against a contract.
    ContractPutOnHold = "contract_put_on_hold",
    /// A side ended a contract; what is under way is carried through.
    ContractEnding = "contract_ending",
    /// A contract is over: its reviews can be written.
    ContractEnded = "contract_ended",
    /// The reviews of a contract can be read.
    ReviewsPublished = "reviews_published",
    /// A review was replied to.
    ReviewReplied = "review_replied",
    /// Work was proposed on a contract.
    MilestoneProposed = "milestone_proposed",
    /// Both sides agree on a milestone.
    MilestoneAgreed = "milestone_agreed",
    /// A milestone without money was called off.
    MilestoneCancelled = "milestone_cancelled",
    /// A client set out to pay: the processor is to be asked for this payment.
    MilestoneFundingStarted = "milestone_funding_started",
    /// A payment failed, or was given up.
    MilestoneFundingFailed = "milestone_funding_failed",
    /// Money is in escrow.
    MilestoneFunded = "milestone_funded",
    /// A payment came that nothing waited for any more; it is the client's credit now.
    PaymentCredited = "payment_credited",
    /// A client has some of a payment go back to its card: the processor is to be asked.
    PaymentRefundStarted = "payment_refund_started",
    /// It has gone back.
    PaymentRefunded = "payment_refunded",
    /// It did not go back, and is the client's credit again.
    PaymentRefundFailed = "payment_refund_failed",
    /// Work was submitted.
    MilestoneSubmitted = "milestone_submitted",
    /// Submitted work still waits for the client.
    MilestoneReviewWaits = "milestone_review_waits",
    /// The client asked for changes.
    MilestoneChangesRequested = "milestone_changes_requested",
    /// Work was accepted, by the client or by silence.
    MilestoneApproved = "milestone_approved",
    /// Pending money is available to the freelancer.
    MilestoneReleased = "milestone_released",
    /// The client asks for money back.
    MilestoneRefundRequested = "milestone_refund_requested",
    /// The freelancer does not agree to a refund.
    MilestoneRefundRefused = "milestone_refund_refused",
    /// The client no longer asks for money back.
    MilestoneRefundWithdrawn = "milestone_refund_withdrawn",
    /// Held money went back to the client.
    MilestoneRefunded = "milestone_refunded",
    /// The freelancer gave released money back.
    MilestoneRefundedAfter = "milestone_refunded_after",
    /// Nothing has happened on a funded milestone for long.
    MilestoneIdle = "milestone_idle",
    /// A funded milestone went dormant: each side is asked whether it goes on.
    MilestoneDormant = "milestone_dormant",
    /// A side said that the work goes on.
    MilestoneKept = "milestone_kept",
    /// An outage extended a deadline.
    MilestoneExtended = "milestone_extended",
    /// A dispute was opened: all clocks stand still.
    MilestoneDisputed = "milestone_disputed",
    /// A dispute was withdrawn: the clocks go on.
    MilestoneResumed = "milestone_resumed",
    /// A dispute's outcome was carried out.
    MilestoneSettled = "milestone_settled",
    /// The client's bank took money back.
    MilestoneChargedBack = "milestone_charged_back",
    /// The client's bank gave back what it had taken.
    MilestoneChargebackWon = "milestone_chargeback_won",
    /// The client's bank gave back what it had taken of a week.
    TimesheetChargebackWon = "timesheet_chargeback_won",
    /// A week of an hourly contract began.
    TimesheetOpened = "timesheet_opened",
    /// A week went to the client.
    TimesheetSubmitted = "timesheet_submitted",
    /// A week was accepted, by the client or by silence.
    TimesheetApproved = "timesheet_approved",
    /// An outage extended a deadline of a week.
    TimesheetExtended = "timesheet_extended",
    /// Entries of a week are in dispute.
    TimesheetDisputed = "timesheet_disputed",
    /// A week is charged: the processor is to be asked for this payment.
    TimesheetChargeStarted = "timesheet_charge_started",
    /// A charge of a week failed: the contract is on hold.
    TimesheetChargeFailed = "timesheet_charge_failed",
    /// A week was charged, and its money is held.
    TimesheetCharged = "timesheet_charged",
    /// A week that nobody could be charged for is written off soon.
    TimesheetUnpaid = "timesheet_unpaid",
    /// A week that every charge of has failed is no longer waited for.
    TimesheetWrittenOff = "timesheet_written_off",
    /// The money of a week is available to the freelancer.
    TimesheetPaid = "timesheet_paid",
    /// The client's bank took the money of a week back.
    TimesheetChargedBack = "timesheet_charged_back",
    /// A name or the country of somebody was found on a list: our people are to look at it.
    ScreeningHitFound = "screening_hit_found",
    /// Our people found that what is on a list is nothing.
    ScreeningHitCleared = "screening_hit_cleared",
    /// One of our people proposed a correction of the books.
    CorrectionProposed = "correction_proposed",
    /// A correction of the books was posted: your credit, or what is available to you, has changed by it.
    CorrectionPosted = "correction_posted",
    /// A correction of the books was declined or taken back, or nobody approved it in time.
    CorrectionEnded = "correction_ended",
    /// An outage was declared.
    OutageDeclared = "outage_declared",
    /// An outage was ended early, or called off.
    OutageEnded = "outage_ended",
    /// A dispute was opened: the other side is to answer.
    DisputeOpened = "dispute_opened",
    /// The other side answered.
    DisputeAnswered = "dispute_answered",
    /// A side made an offer.
    DisputeOfferMade = "dispute_offer_made",
    /// A dispute has waited for a mediator for long.
    DisputeWaits = "dispute_waits",
    /// A mediator recommended an outcome.
    DisputeRecommended = "dispute_recommended",
    /// A side took the recommendation; the other has not yet.
    DisputeAccepted = "dispute_accepted",
    /// A side did not take the recommendation.
    DisputeEscalated = "dispute_escalated",
    /// A side paid for arbitration.
    DisputeFeePaid = "dispute_fee_paid",
    /// A dispute was decided, and the decision carried out.
    DisputeExecuted = "dispute_executed",
    /// The claimant withdrew a dispute.
    DisputeWithdrawn = "dispute_withdrawn",
    /// A chargeback left a dispute with nothing to decide.
    DisputeClosed = "dispute_closed",
    /// A side brought evidence forward.
    EvidenceAdded = "evidence_added",
    /// A way to be paid out was added.
    PayoutMethodAdded = "payout_method_added",
    /// A way to be paid out was removed.
    PayoutMethodRemoved = "payout_method_removed",
    /// A freelancer asked for a payout.
    PayoutRequested = "payout_requested",
    /// A payout is to be screened.
    PayoutScreeningBegan = "payout_screening_began",
    /// Screening of a payout had a hit.
    PayoutBlocked = "payout_blocked",
    /// A payout is to be handed to a rail.
    PayoutQueued = "payout_queued",
    /// A payout is handed to its rail.
    PayoutSent = "payout_sent",
    /// The rail took a payout.
    PayoutInTransit = "payout_in_transit",
    /// A payout arrived.
    PayoutPaid = "payout_paid",
    /// A payout came back; the money is available again.
    PayoutReturned = "payout_returned",
    /// Nobody knows what became of a payout: the rail is to be asked under the same key.
    PayoutUnknown = "payout_unknown",
    /// A payout was called off.
    PayoutCancelled = "payout_cancelled",
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType;
    use domain::event::Event;

    use super::*;

    #[test]
    fn every_event_has_its_kind() {
        for name in Event::NAMES {
            let kind = EventKind::named(name).unwrap_or_else(|| panic!("{name} is no kind"));
            let item = EventKind::items().iter().find(|item| item.value == kind).unwrap();
            assert_eq!(item.name.to_lowercase(), *name);
        }
        assert_eq!(EventKind::items().len(), Event::NAMES.len() + 1);
        assert_eq!(EventKind::of("milestone_painted_blue"), EventKind::SomethingElse);
    }
}
