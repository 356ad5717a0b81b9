//! What happened, as a notification and the history of a contract say it to a person, by the kind of the event. Either
//! side may read it, and whoever did it, so it names nobody "you", and nobody "the other side".

/// What happened, in a sentence. What nobody is told of, and what is in no history, has none of its own.
pub fn sentence(kind: &str) -> &'static str {
    match kind {
        "gig_expiring" => "A gig expires soon unless something happens with it.",
        "gig_expired" => "A gig expired. It can be opened again for a while.",
        "gig_removed" => "A gig was taken down by our people.",
        "invitation_sent" => "A client invites to propose for a gig.",
        "invitation_declined" => "A freelancer who was invited does not want to propose.",
        "saved_search_matched" => "A saved search found a new gig.",
        "tax_form_expiring" => "A tax form lapses soon: certify it anew before contracts are put on hold for it.",
        "tax_form_lapsed" => "A tax form lapsed: until it is certified anew, contracts are on hold and none is begun.",
        "proposal_submitted" => "A new proposal for a gig is there to be read.",
        "proposal_revised" => "A freelancer changed a proposal.",
        "proposal_withdrawn" => "A freelancer took a proposal back.",
        "proposal_shortlisted" => "The client put a proposal on the shortlist.",
        "proposal_interviewing" => "The client wants to talk about a proposal.",
        "proposal_declined" => "The client declined a proposal.",
        "proposal_countered" => "The client proposes another price: accept it, or answer with another.",
        "proposal_closed" => "A proposal ended, because its gig is over.",
        "message_sent" => "There is a new message to read.",
        "offer_sent" => "An offer is there to be accepted or declined.",
        "offer_accepted" => "The freelancer accepted an offer: there is a contract now.",
        "offer_declined" => "The freelancer declined an offer. What was paid for it is given back.",
        "offer_withdrawn" => "The client took an offer back.",
        "offer_expired" => "An offer expired without an answer. What was paid for it is given back.",
        "contract_paused" => "A contract is paused.",
        "contract_resumed" => "Work on a contract goes on.",
        "contract_put_on_hold" => "A contract is on hold: see on its page what stands against it.",
        "contract_ending" => "A contract is being ended: what is under way is carried through.",
        "contract_ended" => "A contract is over. Reviews can be written now.",
        "reviews_published" => "The reviews of a contract can be read.",
        "review_replied" => "A review was replied to.",
        "milestone_proposed" => "A new milestone was proposed: agree to it, or call it off.",
        "milestone_agreed" => "Both sides agree on a milestone. Work begins when it is funded.",
        "milestone_cancelled" => "A milestone was called off. No money was in it.",
        "milestone_funding_started" => "The client pays into a milestone: the processor was asked for the payment.",
        "milestone_funding_failed" => "A payment for a milestone failed: try again, or with another card.",
        "milestone_funded" => "A milestone is funded: its money is held, and work can begin.",
        "milestone_submitted" => "Work was handed in: approve it or ask for changes before silence approves it.",
        "milestone_review_waits" => "Work that was handed in still waits for an answer. Silence approves it.",
        "milestone_changes_requested" => "The client asks for changes to what was handed in.",
        "milestone_approved" => "Work was approved. Its money is available when the security hold is over.",
        "milestone_released" => "The money of a milestone is available.",
        "milestone_refund_requested" => "The client asks for the money of a milestone back: agree or refuse in time.",
        "milestone_refund_refused" => "The freelancer does not agree to give the money of a milestone back.",
        "milestone_refund_withdrawn" => "The client no longer asks for the money of a milestone back.",
        "milestone_refunded" => "The money of a milestone went back to the client.",
        "milestone_refunded_after" => "The freelancer gave money of a milestone back after it was released.",
        "milestone_idle" => "Nothing has happened on a funded milestone for long: say whether the work goes on.",
        "milestone_dormant" => {
            "A funded milestone sleeps: unless a side goes on with it, its money goes back to the client."
        }
        "milestone_kept" => "A side said that the work on a milestone goes on.",
        "milestone_extended" => "An outage moved a deadline of a milestone.",
        "milestone_disputed" => "There is a dispute about a milestone: its clocks stand still.",
        "milestone_resumed" => "There is no dispute about a milestone any more: its clocks go on.",
        "milestone_settled" => "What came of a dispute was carried out on a milestone.",
        "milestone_charged_back" => "The client's bank took money of a milestone back.",
        "milestone_chargeback_won" => "The client's bank gave back what it had taken of a milestone.",
        "payment_credited" => "A payment that nothing waited for any more is credit now.",
        "payment_refunded" => "Money went back to the card it came from.",
        "payment_refund_failed" => "Money could not go back to its card, and is credit again.",
        "timesheet_opened" => "A week of hours began.",
        "timesheet_submitted" => {
            "A week of hours was handed in: approve it or dispute entries before silence approves it."
        }
        "timesheet_approved" => "A week of hours was approved, and is charged next.",
        "timesheet_extended" => "An outage moved a deadline of a week of hours.",
        "timesheet_disputed" => "Entries of a week of hours are in dispute. The rest goes its way.",
        "timesheet_charge_started" => "A week of hours is charged: the processor was asked for the payment.",
        "timesheet_charge_failed" => "A week of hours could not be charged: the contract is on hold until it is paid.",
        "timesheet_charged" => "A week of hours was charged. See on its page until when its money is held.",
        "timesheet_unpaid" => "A week of hours that nobody could be charged for is written off soon.",
        "timesheet_written_off" => "A week of hours that nobody could be charged for is no longer waited for.",
        "timesheet_paid" => "The money of a week of hours is available.",
        "timesheet_charged_back" => "The client's bank took the money of a week of hours back.",
        "timesheet_chargeback_won" => "The client's bank gave back what it had taken of a week of hours.",
        "dispute_opened" => "A dispute was opened. Silence concedes what is claimed: answer in time.",
        "dispute_answered" => "One side answered in a dispute.",
        "dispute_offer_made" => "One side of a dispute made an offer.",
        "dispute_waits" => "A dispute has waited for a mediator for long.",
        "dispute_recommended" => {
            "A mediator recommended how to end a dispute: accept it in time, or go on to arbitration."
        }
        "dispute_accepted" => "One side of a dispute took the recommendation.",
        "dispute_escalated" => "A dispute goes to arbitration: see on its page what that takes, and until when.",
        "dispute_fee_paid" => "One side of a dispute paid for arbitration.",
        "dispute_executed" => "A dispute was decided, and its money has moved accordingly.",
        "dispute_withdrawn" => "A dispute was withdrawn: the clocks go on.",
        "dispute_closed" => "A dispute was closed: a bank left nothing to decide.",
        "evidence_added" => "One side of a dispute brought evidence forward.",
        "correction_proposed" => "One of our people proposed a correction of the books: another is to look at it.",
        "correction_posted" => "A correction of our books changed a balance.",
        "payout_method_added" => {
            "A bank account to be paid out to was added. If nobody you know did that, secure the account."
        }
        "payout_method_removed" => "A bank account to be paid out to was removed.",
        "payout_blocked" => "A payout waits for our people, who look at it.",
        "payout_in_transit" => "A payout is on its way to the bank.",
        "payout_paid" => "A payout arrived.",
        "payout_returned" => "A payout came back: its money is available again.",
        "payout_cancelled" => "A payout was called off: its money is available again.",
        "member_joined" => "Somebody joined an organization.",
        "member_left" => "Somebody no longer belongs to an organization.",
        "organization_transferred" => "An organization has another owner.",
        "webhook_endpoint_disabled" => "A webhook endpoint took nothing for three days, and was switched off.",
        _ => OF_NO_NAME,
    }
}

/// The same of a bonus or a tip, where that has words of its own: nobody agrees on a gift, works for it or hands it in.
pub fn of_gift(kind: &str) -> &'static str {
    match kind {
        "milestone_agreed" => "The client gives a bonus or a tip: it counts once it is paid.",
        "milestone_cancelled" => "A bonus or a tip was not given, for nothing was paid.",
        "milestone_funding_started" => "The client pays a bonus or a tip: the processor was asked for the payment.",
        "milestone_funding_failed" => "A payment for a bonus or a tip failed: give it again, with another card.",
        "milestone_funded" => "A bonus or a tip is paid.",
        "milestone_approved" => "A bonus or a tip was given. Its money is available when the security hold is over.",
        "milestone_released" => "The money of a bonus or a tip is available.",
        "milestone_refunded_after" => "The freelancer gave money of a bonus or a tip back after it was released.",
        "milestone_charged_back" => "The client's bank took money of a bonus or a tip back.",
        "milestone_chargeback_won" => "The client's bank gave back what it had taken of a bonus or a tip.",
        _ => sentence(kind),
    }
}

/// May it say something else of a gift?
pub fn may_tell_of_gift(kind: &str) -> bool {
    of_gift(kind) != sentence(kind)
}

/// Of a kind that had a sentence in another version.
pub(super) const OF_NO_NAME: &str = "Something happened that concerns you.";
