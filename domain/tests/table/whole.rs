//! Every verb there is stands in one of the tables, or here, with why not.

use std::collections::BTreeSet;

use domain::access::Verb;

use crate::reads::READS;
use crate::room::Command;
use crate::{
    contract, correction, dispute, gig, invitation, milestone, offer, outage, payment, payout, payout_method, proposal,
    review, screening, timesheet, user, wire,
};

/// What it is done to has one state: it is there. The table of access says all there is to say.
const OF_ONE_STATE: &[Verb] = &[
    Verb::OrganizationCreate,
    Verb::OrganizationUpdate,
    Verb::ProfileUpdate,
    Verb::PayeeUpdate,
    Verb::TaxFormCertify,
    Verb::TaxFormRemind,
    Verb::ContractPlaceAttest,
    Verb::GigCreate,
    Verb::SavedSearchCreate,
    Verb::SavedSearchDelete,
    Verb::FreelancerBlock,
    Verb::FreelancerUnblock,
    Verb::ClientBlock,
    Verb::ClientUnblock,
    Verb::MessageSend,
    Verb::ConversationMarkRead,
    Verb::PaymentMethodSetUp,
    Verb::PaymentMethodPrefer,
    Verb::PaymentMethodRemove,
    Verb::ContractDevelopmentShareSet,
    Verb::PolicyVersionAdd,
    Verb::BankHolidayAdd,
    Verb::BankHolidayRemove,
    Verb::BankCalendarExtend,
    Verb::ModelUse,
];

/// Whether it goes hangs on roles of two people or on codes and proofs, not on a state: `domain/src/organization/membership`,
/// `tests/it/{organization,account,session,second_factor,passkey}` try each of these.
const OF_PROOFS_AND_ROLES: &[Verb] = &[
    Verb::MemberInvite,
    Verb::MemberUpdate,
    Verb::MemberRemove,
    Verb::OrganizationTransfer,
    Verb::PasswordChange,
    Verb::EmailChange,
    Verb::EmailRestore,
    Verb::SecondFactorSet,
    Verb::SecondFactorReset,
    Verb::PasskeyAdd,
    Verb::PasskeyRename,
    Verb::PasskeyRemove,
    Verb::SessionRevoke,
    Verb::AccountExport,
    Verb::AccountErase,
];

/// What they are about is sent to programs of others, and stands as those take it: `domain/src/webhook_endpoint` and
/// `tests/it/webhook_endpoint` play that.
const OF_WEBHOOKS: &[Verb] = &[
    Verb::WebhookEndpointCreate,
    Verb::WebhookEndpointUpdate,
    Verb::WebhookEndpointRotateSecret,
    Verb::WebhookEndpointDelete,
    Verb::WebhookEndpointTest,
    Verb::WebhookDeliveryRetry,
];

/// A draft of a bid is begun before there is one; what becomes of it is in the table of the proposal.
const BEGUN: &[Verb] = &[Verb::ProposalDraftSave];

fn verbs<T>(commands: Vec<Command<T>>) -> impl Iterator<Item = Verb> {
    commands.into_iter().map(|command| command.verb)
}

#[test]
fn every_verb_is_tried_in_a_table_or_excused() {
    let tried: BTreeSet<Verb> = verbs(contract::commands())
        .chain(verbs(correction::commands()))
        .chain(verbs(dispute::commands()))
        .chain(verbs(gig::commands()))
        .chain(verbs(invitation::commands()))
        .chain(verbs(milestone::commands()))
        .chain(verbs(offer::commands()))
        .chain(verbs(outage::commands()))
        .chain(verbs(payment::commands()))
        .chain(verbs(payment::refund_commands()))
        .chain(verbs(payout::commands()))
        .chain(verbs(payout_method::commands()))
        .chain(verbs(proposal::commands()))
        .chain(verbs(review::pair_commands()))
        .chain(verbs(review::commands()))
        .chain(verbs(screening::commands()))
        .chain(verbs(timesheet::commands()))
        .chain(verbs(user::commands()))
        .chain(verbs(wire::commands()))
        .chain(verbs(wire::file_commands()))
        .collect();
    let excused = [READS, OF_ONE_STATE, OF_PROOFS_AND_ROLES, OF_WEBHOOKS, BEGUN].concat();
    for verb in Verb::ALL {
        let times = excused.iter().filter(|excused| *excused == verb).count();
        assert_eq!(times + usize::from(tried.contains(verb)), 1, "{verb:?} is in a table, or excused once");
    }
}
