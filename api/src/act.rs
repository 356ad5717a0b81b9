//! What can be done to something, by the names of the mutations.

use async_graphql::Enum;
use domain::access::Verb;

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident,)*) => {
        /// What can be done to something. Each is a mutation: its name, in capitals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        pub enum Act {
            $($(#[$doc])* $act,)*
        }

        impl Act {
            /// The mutation that a verb is; none if nobody can send it.
            pub fn of(verb: Verb) -> Option<Self> {
                match verb {
                    $(Verb::$act => Some(Self::$act),)*
                    _ => None,
                }
            }
        }
    };
}

/// The mutations that these verbs are.
pub fn acts(verbs: &[Verb]) -> Vec<Act> {
    verbs.iter().copied().filter_map(Act::of).collect()
}

acts! {
    /// Send `userUpdate`. Change your name, time zone or language.
    UserUpdate,
    /// Send `passwordChange`. Set another password, knowing the old one.
    PasswordChange,
    /// Send `emailChange`. Make the address that the code went to the address of your account.
    EmailChange,
    /// Send `emailRestore`. For admins: give an account back whose address somebody changed who took it over.
    EmailRestore,
    /// Send `secondFactorReset`. For admins: somebody who lost their second factor signs in with the password alone.
    SecondFactorReset,
    /// Send `passkeyAdd`. Add the passkey that a device of yours made.
    PasskeyAdd,
    /// Send `passkeyRename`. Call a passkey something else.
    PasskeyRename,
    /// Send `passkeyRemove`. Do without a passkey: it signs you in no more.
    PasskeyRemove,
    /// Send `accountExport`. Get all that is kept of you as one document.
    AccountExport,
    /// Send `accountErase`. Erase your account for good: your name, address, profile, bank accounts and sign-ins.
    AccountErase,
    /// Send `userSuspend`. For admins: a person may do nothing any more.
    UserSuspend,
    /// Send `userReinstate`. For admins: a suspended person may sign in and do things again.
    UserReinstate,
    /// Send `policyVersionAdd`. For admins: introduce a version of the policy.
    PolicyVersionAdd,
    /// Send `outageDeclare`. For admins: declare an outage.
    OutageDeclare,
    /// Send `outageEnd`. For admins: an outage is over, or one that has not begun is called off.
    OutageEnd,
    /// Send `sessionRevoke`. End one of your sessions, on this device or another.
    SessionRevoke,
    /// Send `organizationCreate`. Create a client company.
    OrganizationCreate,
    /// Send `organizationUpdate`. Change what your organization says of itself.
    OrganizationUpdate,
    /// Send `organizationTransfer`. Pass your organization on to another member; for admins, one whose owner is suspended.
    OrganizationTransfer,
    /// Send `memberInvite`. Invite somebody by mail to join your organization.
    MemberInvite,
    /// Send `memberUpdate`. Give a member of your organization another role.
    MemberUpdate,
    /// Send `memberRemove`. Remove a member from your organization, or leave it yourself.
    MemberRemove,
    /// Send `webhookEndpointCreate`. Have your own programs told of what happens to your organization's things.
    WebhookEndpointCreate,
    /// Send `webhookEndpointUpdate`. Change an endpoint's address or what it is told of, or switch it off or on.
    WebhookEndpointUpdate,
    /// Send `webhookEndpointRotateSecret`. Get another secret for an endpoint.
    WebhookEndpointRotateSecret,
    /// Send `webhookEndpointDelete`. Have an endpoint told no more; what it was sent is forgotten.
    WebhookEndpointDelete,
    /// Send `webhookEndpointTest`. Send an endpoint a `PING`, before anything else that waits for it.
    WebhookEndpointTest,
    /// Send `webhookDeliveryRetry`. Send something again, whether it was taken or given up.
    WebhookDeliveryRetry,
    /// Send `profileUpdate`. Write your profile as a freelancer, or change it.
    ProfileUpdate,
    /// Send `gigCreate`. Draft a gig for a client you act for.
    GigCreate,
    /// Send `gigUpdate`. Change what a gig says; what is absent stays as it is.
    GigUpdate,
    /// Send `gigPublish`. Put a gig before freelancers.
    GigPublish,
    /// Send `gigPause`. Take no proposals for now.
    GigPause,
    /// Send `gigResume`. Take proposals again.
    GigResume,
    /// Send `gigCancel`. Give a gig up.
    GigCancel,
    /// Send `gigReopen`. Put an expired or cancelled gig before freelancers again, until `reopenUntil`.
    GigReopen,
    /// Send `gigRemove`. Take a gig down for good.
    GigRemove,
    /// Send `savedSearchCreate`. Keep a search: you are told of each new gig that it finds and that nothing keeps you
    /// from, once, as `SAVED_SEARCH_MATCHED`.
    SavedSearchCreate,
    /// Send `savedSearchDelete`. Keep a search no longer.
    SavedSearchDelete,
    /// Send `freelancerBlock`. Keep a freelancer apart from your company: neither is matched with the other, and neither
    /// can approach the other with bids, invitations, offers or messages.
    FreelancerBlock,
    /// Send `freelancerUnblock`. Lift your company's block.
    FreelancerUnblock,
    /// Send `clientBlock`. Keep a client apart from you: neither is matched with the other, and neither can approach the
    /// other with bids, invitations, offers or messages.
    ClientBlock,
    /// Send `clientUnblock`. Lift your block of a client.
    ClientUnblock,
    /// Send `invitationSend`. Invite a freelancer to an open gig.
    InvitationSend,
    /// Send `invitationDecline`. Decline an invitation.
    InvitationDecline,
    /// Send `messageSend`. Write to the other side.
    MessageSend,
    /// Send `conversationMarkRead`. Note how far you have read.
    ConversationMarkRead,
    /// Send `proposalDraftSave`. Keep a draft of a proposal.
    ProposalDraftSave,
    /// Send `proposalSubmit`. Put a proposal before the client.
    ProposalSubmit,
    /// Send `proposalRevise`. Propose something else.
    ProposalRevise,
    /// Send `proposalWithdraw`. Take a proposal back.
    ProposalWithdraw,
    /// Send `proposalView`. Note that the client opened a proposal.
    ProposalView,
    /// Send `proposalShortlist`. Keep a proposal in mind.
    ProposalShortlist,
    /// Send `proposalInterview`. Begin to talk with the freelancer.
    ProposalInterview,
    /// Send `proposalDecline`. Decline a proposal, and say why.
    ProposalDecline,
    /// Send `proposalCounter`. Propose another price.
    ProposalCounter,
    /// Send `proposalCounterAccept`. Take the price that the client proposed.
    ProposalCounterAccept,
    /// Send `offerCreate`. Make an offer to a freelancer.
    OfferCreate,
    /// Send `offerSend`. Send a draft.
    OfferSend,
    /// Send `offerWithdraw`. Take an offer back before it is answered.
    OfferWithdraw,
    /// Send `offerAccept`. Accept an offer.
    OfferAccept,
    /// Send `offerDecline`. Decline an offer.
    OfferDecline,
    /// Send `contractPause`. Take a break.
    ContractPause,
    /// Send `contractEnd`. End the contract.
    ContractEnd,
    /// Send `contractResume`. End the break.
    ContractResume,
    /// Send `contractHold`. For admins: put a contract on hold.
    ContractHold,
    /// Send `contractLiftHold`. For admins: something no longer stands against the contract.
    ContractLiftHold,
    /// Send `contractPaymentMethodSet`. Name the card that the weeks of a contract by the hour are charged to from
    /// now on.
    ContractPaymentMethodSet,
    /// Send `contractDevelopmentShareSet`. Say what share of the work on a contract is software development, as your
    /// accountant needs to know: its invoices divide by it from now on, and so do those from before that had no share
    /// yet.
    ContractDevelopmentShareSet,
    /// Send `contractPlaceAttest`. Attest where you do the work of a contract, outside of the United States.
    ContractPlaceAttest,
    /// Send `paymentMethodSetUp`. Begin to set up a card or a bank account that your organization can be charged with
    /// later, when nobody is there: hand `clientSecret` to the processor's page, and find it in
    /// `organization.paymentMethods` when that is done.
    PaymentMethodSetUp,
    /// Send `paymentMethodPrefer`. Name the card or bank account of your organization that is offered first.
    PaymentMethodPrefer,
    /// Send `paymentMethodRemove`. Remove a card or a bank account of your organization: it is charged no more.
    PaymentMethodRemove,
    /// Send `paymentRefund`. Have unspent credit of your organization go back to the card of a payment.
    PaymentRefund,
    /// Send `milestonePropose`. Propose more work on a contract.
    MilestonePropose,
    /// Send `milestoneAgree`. Agree to a milestone the other side proposed.
    MilestoneAgree,
    /// Send `milestoneFund`. Fund a milestone.
    MilestoneFund,
    /// Send `milestoneCancel`. Call a milestone off, while there is no money in it.
    MilestoneCancel,
    /// Send `bonusGive`. Give the freelancer a bonus while the contract goes on.
    BonusGive,
    /// Send `tipGive`. Give the freelancer a tip, while the contract goes on or within some days of its end.
    TipGive,
    /// Send `milestoneStopFunding`. Give up a payment that is under way.
    MilestoneStopFunding,
    /// Send `milestoneSubmit`. Hand in work.
    MilestoneSubmit,
    /// Send `milestoneRequestChanges`. Ask for changes to the submitted work.
    MilestoneRequestChanges,
    /// Send `milestoneApprove`. Accept the submitted work, whole or in part.
    MilestoneApprove,
    /// Send `milestoneRequestRefund`. Ask for held money back.
    MilestoneRequestRefund,
    /// Send `milestoneAgreeRefund`. Agree to a refund the client asks for.
    MilestoneAgreeRefund,
    /// Send `milestoneRefuseRefund`. Refuse a refund the client asks for.
    MilestoneRefuseRefund,
    /// Send `milestoneWithdrawRefund`. Take a refund request back.
    MilestoneWithdrawRefund,
    /// Send `milestoneKeep`. Say that the work on a quiet milestone goes on.
    MilestoneKeep,
    /// Send `milestoneRefundAfter`. Give released money back to the client, out of your available balance.
    MilestoneRefundAfter,
    /// Send `milestoneDispute`. Dispute a milestone: what is held for it, or approved and still pending.
    MilestoneDispute,
    /// Send `disputeAnswer`. Answer a claim, and disagree.
    DisputeAnswer,
    /// Send `disputeConcede`. Give in to the other side's claim: it is carried out at once.
    DisputeConcede,
    /// Send `disputeWithdraw`. Withdraw your own claim: the work goes on where it stood, its clocks as far as they
    /// were.
    DisputeWithdraw,
    /// Send `disputeOffer`. Offer what the freelancer should get.
    DisputeOffer,
    /// Send `disputeAccept`. Take the mediator's recommendation.
    DisputeAccept,
    /// Send `disputeRefuse`. Do not take the mediator's recommendation.
    DisputeRefuse,
    /// Send `disputePayFee`. Pay for arbitration, out of your available balance or your organization's credit.
    DisputePayFee,
    /// Send `disputeRecommend`. As a mediator without dealings with a side, recommend an outcome.
    DisputeRecommend,
    /// Send `disputeAward`. As an arbiter without dealings with a side, who did not recommend in it, decide a
    /// dispute.
    DisputeAward,
    /// Send `evidenceAdd`. Bring evidence forward in a dispute of yours, until it is over: up to 50 pieces for each
    /// side.
    EvidenceAdd,
    /// Send `timeEntryAdd`. Write down some work on a contract by the hour.
    TimeEntryAdd,
    /// Send `timeEntryRemove`. Take an entry back, while the week is not with the client.
    TimeEntryRemove,
    /// Send `timesheetSubmit`. Hand in a week that is over.
    TimesheetSubmit,
    /// Send `timesheetApprove`. Accept a week.
    TimesheetApprove,
    /// Send `timesheetDispute`. Dispute entries of a week.
    TimesheetDispute,
    /// Send `timesheetPay`. Pay a week whose charge failed.
    TimesheetPay,
    /// Send `timesheetWriteOff`. No longer wait for the money of a week whose every charge failed.
    TimesheetWriteOff,
    /// Send `payeeUpdate`. Say who you are to a bank: what is needed for wires, and for your papers.
    PayeeUpdate,
    /// Send `taxFormCertify`. Certify what IRS Form W-8BEN asks for: that you are no U.S. person, and the income is yours.
    TaxFormCertify,
    /// Send `payoutMethodAdd`. Add a bank account in Pakistan.
    PayoutMethodAdd,
    /// Send `payoutMethodRemove`. Remove a bank account.
    PayoutMethodRemove,
    /// Send `payoutRequest`. Pay out some of your available balance.
    PayoutRequest,
    /// Send `payoutCancel`. Call a payout off before it is sent.
    PayoutCancel,
    /// Send `payoutUnblock`. For admins: what stopped a payout is nothing, and it goes on its way.
    PayoutUnblock,
    /// Send `payoutReject`. For admins: a payout can't be made.
    PayoutReject,
    /// Send `payoutApprove`. For admins: approve a payout that is sent by hand.
    PayoutApprove,
    /// Send `payoutSettle`. For admins: say what became of a payout that Stripe has not told of for a day, or that is
    /// on its way for a week.
    PayoutSettle,
    /// Send `payoutEPrcAttach`. Note the number of the bank's certificate of proceeds (e-PRC) of a payout that
    /// reached it: it stands on the remittance pack and on your certificate of earnings from then on.
    PayoutEPrcAttach,
    /// Send `screeningHitClear`. For admins: a client's name on a list is nothing.
    ScreeningHitClear,
    /// Send `correctionPropose`. For admins: propose a correction of the books.
    CorrectionPropose,
    /// Send `correctionApprove`. For admins: approve a correction of the books that another admin proposed.
    CorrectionApprove,
    /// Send `correctionDecline`. For admins: decline a correction of the books, or withdraw your own.
    CorrectionDecline,
    /// Send `wireBatchMake`. For admins: put the payouts that wait for a wire into a file for the bank, 500 at most.
    WireBatchMake,
    /// Send `wireFileTake`. For admins: take a file, to give it to the bank.
    WireFileTake,
    /// Send `wireSlipTake`. For admins: take what it takes to send a payout by hand, and send it.
    WireSlipTake,
    /// Send `wireSettle`. For admins: say what became of a payout that went by our bank, in a file or by hand.
    WireSettle,
    /// Send `bankHolidayAdd`. For admins: note a day on which the banks of a country don't work, as those that hang
    /// on the moon are announced.
    BankHolidayAdd,
    /// Send `bankHolidayRemove`. For admins: a day to come is none on which the banks of a country don't work, after
    /// all.
    BankHolidayRemove,
    /// Send `bankCalendarExtend`. For admins: say until when the days on which the banks of a country don't work are
    /// all noted.
    BankCalendarExtend,
    /// Send `reviewSubmit`. Write your review of an ended contract, or write it anew while it is not published.
    ReviewSubmit,
    /// Send `reviewReply`. Reply to a published review of you, once.
    ReviewReply,
}
