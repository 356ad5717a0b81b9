//! Who may ever do what, written by hand from the product's words. It is not read from the access
//! table, so that a wrong line there is caught by what then happens.

use domain::access::Verb;

const FREELANCER: &[&str] = &["freelancer", "freelancer_on_staff"];
/// Those who hold the client's purse.
const PURSE: &[&str] = &["owner", "admin", "finance"];
/// Those who lead the work, and hire.
const LEADS: &[&str] = &["owner", "admin", "hiring_manager"];
/// Those who accept work: it is work and money.
const ACCEPTS: &[&str] = &["owner", "admin", "finance", "hiring_manager"];
/// Those who look for people.
const RECRUITS: &[&str] = &["owner", "admin", "recruiter", "hiring_manager"];
const MEDIATORS: &[&str] = &["mediator", "other_mediator"];
const STAFF: &[&str] = &["staff_admin"];
const SYSTEM: &[&str] = &["system"];
const MEMBERS: &[&str] = &["owner", "admin", "finance", "recruiter", "hiring_manager", "viewer", "viewer_on_staff"];
const STRANGERS: &[&str] = &["stranger", "other_client", "other_mediator", "mediator", "staff_admin"];

/// May someone of this name ever do this?
pub fn may(who: &str, verb: Verb) -> bool {
    allowed(verb).iter().any(|group| group.contains(&who))
}

/// Is it something that only the clock, a processor or a rail does?
pub fn is_the_systems(verb: Verb) -> bool {
    allowed(verb) == [SYSTEM]
}

fn allowed(verb: Verb) -> &'static [&'static [&'static str]] {
    use Verb::*;
    match verb {
        MilestoneSubmit
        | MilestoneAgreeRefund
        | MilestoneRefuseRefund
        | MilestoneRefundAfter
        | TimeEntryAdd
        | TimeEntryRemove
        | PayoutCancel
        | PayoutMethodAdd
        | PayoutMethodRemove
        | PayoutRequest
        | OfferAccept
        | OfferDecline
        | InvitationDecline
        | UserUpdate
        | ProposalRevise
        | ProposalWithdraw
        | ProposalCounterAccept => &[FREELANCER],
        MilestoneFund
        | MilestoneStopFunding
        | MilestoneRequestRefund
        | MilestoneWithdrawRefund
        | PaymentRefund
        | TimesheetPay
        | ContractPaymentMethodSet
        | BonusGive
        | TipGive => &[PURSE],
        MilestoneRequestChanges | OfferCreate | OfferSend | OfferWithdraw => &[LEADS],
        MilestoneApprove | TimesheetApprove | TimesheetDispute => &[ACCEPTS],
        MilestonePropose | MilestoneAgree | MilestoneCancel | ContractPause | ContractResume | ContractEnd
        | ReviewSubmit | ReviewReply => &[FREELANCER, LEADS],
        MilestoneKeep | MilestoneDispute | DisputeAnswer | DisputeWithdraw | EvidenceAdd => &[FREELANCER, ACCEPTS],
        DisputeConcede | DisputeOffer | DisputeAccept | DisputeRefuse | DisputePayFee => &[FREELANCER, PURSE],
        DisputeRecommend => &[MEDIATORS],
        DisputeAward => &[MEDIATORS, STAFF, SYSTEM],
        MilestoneExtend | ContractHold | ContractLiftHold => &[STAFF, SYSTEM],
        UserSuspend | UserReinstate => &[STAFF, SYSTEM],
        // A gig has no freelancer yet, and an outage none at all, so one who is on the staff is staff to it.
        OutageDeclare | OutageEnd | GigRemove => &[STAFF, &["freelancer_on_staff"], SYSTEM],
        ScreeningHitClear | WireFileTake => &[STAFF, &["freelancer_on_staff"]],
        CorrectionPropose | CorrectionApprove | CorrectionDecline | PayoutApprove | PayoutReject | PayoutSettle
        | PayoutUnblock | WireBatchMake | WireSlipTake | WireSettle => &[STAFF],
        PayoutEPrcAttach => &[FREELANCER, STAFF],
        TimesheetSubmit | TimesheetWriteOff => &[FREELANCER, SYSTEM],
        GigUpdate | GigPublish | GigPause | GigResume | GigCancel | GigReopen | InvitationSend | ProposalView
        | ProposalShortlist | ProposalInterview | ProposalDecline | ProposalCounter => &[RECRUITS],
        // Anybody who is signed in may try to bid on an open gig; members are told that it is their own.
        ProposalSubmit => &[FREELANCER, STRANGERS, MEMBERS],
        MilestoneConfirmFunding
        | MilestoneFailFunding
        | MilestoneUnwind
        | MilestoneRemind
        | MilestoneAutoApprove
        | MilestoneRelease
        | MilestoneResolveRefund
        | MilestoneAge
        | MilestoneChargeBack
        | MilestoneSettle
        | DisputeAdvance
        | TimesheetAdvance
        | PayoutAdvance
        | CorrectionExpire
        | ScreeningHitNote
        | PaymentAdvance
        | StaffGrant
        | OfferConfirmFunding
        | OfferExpire
        | ProposalClose
        | ContractFinish
        | ReviewPublish
        | GigExpire => &[SYSTEM],
        other => panic!("{other:?} is tried in these tables: say here who may do it"),
    }
}
