//! Notifications: what people are told of. Who is told of an event is decided here; the worker
//! writes it down, once for each event and person.

pub(crate) mod sentence;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::MemberRole;
use crate::event::Event;
use crate::id::{ContractId, EventId, MilestoneId, NotificationId, UserId};
use crate::milestone::Side;

/// Something a person is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The id.
    pub id: NotificationId,
    /// Who is told.
    pub user: UserId,
    /// The event it tells of.
    pub event: EventId,
    /// The name of the event: `milestone_submitted`.
    pub kind: String,
    /// The contract it is about, if it is about one.
    pub contract: Option<ContractId>,
    /// The milestone it is about, if it is about one.
    pub milestone: Option<MilestoneId>,
    /// The global id of what it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When the person read it.
    pub read_at: Option<Timestamp>,
}

impl Notification {
    /// What happened, in a sentence that a person can read; of a bonus or a tip, if it is about one.
    pub fn sentence(&self, is_gift: bool) -> &'static str {
        if is_gift { sentence::of_gift(&self.kind) } else { sentence::sentence(&self.kind) }
    }

    /// The milestone that has to be looked at to know whether this is about a gift, if that makes a difference.
    pub fn perhaps_gift(&self) -> Option<MilestoneId> {
        self.milestone.filter(|_| sentence::may_tell_of_gift(&self.kind))
    }
}

/// Who is told of an event: the members of the client's organization that act on such things, by
/// their roles, and the person on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// The members of the client in one of these roles.
    pub client: &'static [MemberRole],
    /// The freelancer, or whom else it is about.
    pub person: bool,
    /// Those of our people who judge disputes, as far as they have no dealings with a side.
    pub judges: bool,
    /// Those of our people who may decide what another of them proposed.
    pub admins: bool,
}

/// Those who look for people.
const HIRING: &[MemberRole] = &[MemberRole::Owner, MemberRole::Admin, MemberRole::Recruiter, MemberRole::HiringManager];
/// Those who take work and answer for it.
const WORK: &[MemberRole] = &[MemberRole::Owner, MemberRole::Admin, MemberRole::Finance, MemberRole::HiringManager];
/// Those who pay.
const MONEY: &[MemberRole] = &[MemberRole::Owner, MemberRole::Admin, MemberRole::Finance];
/// Those who run the organization.
const RUNNING: &[MemberRole] = &[MemberRole::Owner, MemberRole::Admin];

impl Audience {
    /// Nobody: it is nobody's news, or what follows from it is told.
    pub const NOBODY: Self = Self { client: &[], person: false, judges: false, admins: false };
    /// The person alone.
    pub const PERSON: Self = Self { person: true, ..Self::NOBODY };
    /// Our judges.
    pub const JUDGES: Self = Self { judges: true, ..Self::NOBODY };
    /// The others of our admins.
    pub const ADMINS: Self = Self { admins: true, ..Self::NOBODY };

    const fn client(client: &'static [MemberRole]) -> Self {
        Self { client, ..Self::NOBODY }
    }

    const fn both(client: &'static [MemberRole]) -> Self {
        Self { client, ..Self::PERSON }
    }

    /// Who is told of this event. What one side did, the other is told; what came by itself, both.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::GigExpiring { .. } | Event::GigExpired { .. } | Event::GigRemoved { .. } => Self::client(HIRING),
            Event::InvitationSent { .. }
            | Event::SavedSearchMatched { .. }
            | Event::TaxFormExpiring { .. }
            | Event::TaxFormLapsed { .. } => Self::PERSON,
            Event::InvitationDeclined { .. } => Self::client(HIRING),
            Event::MessageSent { told } => match told.by {
                Side::Client => Self::PERSON,
                Side::Freelancer => Self::client(HIRING),
            },
            Event::ProposalSubmitted { .. } | Event::ProposalRevised { .. } | Event::ProposalWithdrawn { .. } => {
                Self::client(HIRING)
            }
            Event::ProposalShortlisted { .. }
            | Event::ProposalInterviewing { .. }
            | Event::ProposalDeclined { .. }
            | Event::ProposalCountered { .. }
            | Event::ProposalClosed { .. } => Self::PERSON,
            Event::OfferSent { .. } | Event::OfferWithdrawn { .. } => Self::PERSON,
            Event::OfferAccepted { .. } | Event::OfferDeclined { .. } => Self::client(HIRING),
            Event::OfferExpired { .. } => Self::both(HIRING),
            Event::MilestoneSubmitted { .. } | Event::MilestoneReviewWaits { .. } => Self::client(WORK),
            Event::MilestoneFundingFailed { .. }
            | Event::MilestoneRefundRefused { .. }
            | Event::MilestoneRefundedAfter { .. }
            | Event::PaymentCredited { .. }
            | Event::PaymentRefunded { .. }
            | Event::PaymentRefundFailed { .. }
            | Event::TimesheetChargeFailed { retry_at: Some(_), .. } => Self::client(MONEY),
            // Nothing is tried any more by itself: whoever worked for it should know.
            Event::TimesheetChargeFailed { retry_at: None, .. } | Event::TimesheetUnpaid { .. } => Self::both(MONEY),
            // It comes by itself, be it days after the client set out to pay; and then an offer goes out, or work
            // begins.
            Event::MilestoneFunded { .. } => Self::both(WORK),
            // Silence said it, and not the client.
            Event::MilestoneApproved { automatic: true, .. } | Event::TimesheetApproved { automatic: true, .. } => {
                Self::both(WORK)
            }
            Event::MilestoneChangesRequested { .. }
            | Event::MilestoneApproved { automatic: false, .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefundRequested { .. }
            | Event::MilestoneRefundWithdrawn { .. }
            | Event::TimesheetApproved { automatic: false, .. }
            | Event::TimesheetCharged { .. }
            | Event::TimesheetPaid { .. } => Self::PERSON,
            Event::TimesheetSubmitted { .. } => Self::client(WORK),
            Event::MilestoneProposed { .. }
            | Event::MilestoneAgreed { .. }
            | Event::MilestoneCancelled { .. }
            | Event::MilestoneRefunded { .. }
            | Event::MilestoneIdle { .. }
            | Event::MilestoneDormant { .. }
            | Event::MilestoneKept { .. }
            | Event::MilestoneExtended { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::MilestoneChargebackWon { .. }
            | Event::TimesheetChargebackWon { .. }
            | Event::TimesheetExtended { .. }
            | Event::ContractPaused { .. }
            | Event::ContractResumed { .. }
            | Event::ContractPutOnHold { .. }
            | Event::ContractEnding { .. }
            | Event::ContractEnded { .. }
            | Event::ReviewsPublished { .. }
            | Event::ReviewReplied { .. }
            | Event::TimesheetWrittenOff { .. }
            | Event::TimesheetDisputed { .. } => Self::both(WORK),
            Event::DisputeOpened { told }
            | Event::DisputeAnswered { told }
            | Event::DisputeOfferMade { told }
            | Event::DisputeRecommended { told, .. }
            | Event::DisputeAccepted { told }
            | Event::DisputeEscalated { told }
            | Event::DisputeFeePaid { told }
            | Event::DisputeExecuted { told, .. }
            | Event::DisputeWithdrawn { told }
            | Event::DisputeClosed { told }
            | Event::EvidenceAdded { told, .. } => match told.by {
                Some(Side::Client) => Self::PERSON,
                Some(Side::Freelancer) => Self::client(WORK),
                None => Self::both(WORK),
            },
            Event::DisputeWaits { .. } => Self::JUDGES,
            Event::CorrectionProposed { .. } => Self::ADMINS,
            Event::PayoutMethodAdded { .. }
            | Event::PayoutMethodRemoved { .. }
            | Event::PayoutBlocked { .. }
            | Event::PayoutInTransit { .. }
            | Event::PayoutPaid { .. }
            | Event::PayoutReturned { .. }
            | Event::PayoutCancelled { .. } => Self::PERSON,
            Event::CorrectionPosted { .. } => Self::both(MONEY),
            Event::MemberJoined { .. } => Self::client(RUNNING),
            Event::MemberLeft { .. } => Self::both(RUNNING),
            Event::OrganizationTransferred { .. } => Self::client(RUNNING),
            Event::WebhookEndpointDisabled { .. } => Self::client(RUNNING),
            // What people do for themselves, what another event tells of, and our own affairs.
            Event::UserSignedUp { .. }
            | Event::MailCodeIssued { .. }
            | Event::AccountSecured { .. }
            | Event::EmailChanged { .. }
            | Event::UserErased { .. }
            | Event::UserSuspended { .. }
            | Event::UserReinstated { .. }
            | Event::SessionBegan { .. }
            | Event::SessionEnded { .. }
            | Event::MemberInvited { .. }
            | Event::ProfileUpdated { .. }
            | Event::OrganizationCreated { .. }
            | Event::GigDrafted { .. }
            | Event::GigPublished { .. }
            | Event::GigUpdated { .. }
            | Event::GigPaused { .. }
            | Event::GigResumed { .. }
            | Event::GigCancelled { .. }
            | Event::GigReopened { .. }
            | Event::GigFilled { .. }
            | Event::InvitationAccepted { .. }
            | Event::ProposalDrafted { .. }
            | Event::ProposalViewed { .. }
            | Event::ProposalOffered { .. }
            | Event::ProposalOfferEnded { .. }
            | Event::ProposalHired { .. }
            | Event::MilestoneFundingStarted { .. }
            | Event::PaymentRefundStarted { .. }
            | Event::MilestoneDisputed { .. }
            | Event::MilestoneResumed { .. }
            | Event::MilestoneSettled { .. }
            | Event::TimesheetOpened { .. }
            | Event::TimesheetChargeStarted { .. }
            | Event::ScreeningHitFound { .. }
            | Event::ScreeningHitCleared { .. }
            | Event::CorrectionEnded { .. }
            | Event::OutageDeclared { .. }
            | Event::OutageEnded { .. }
            | Event::PayoutRequested { .. }
            | Event::PayoutScreeningBegan { .. }
            | Event::PayoutQueued { .. }
            | Event::PayoutSent { .. }
            | Event::PayoutUnknown { .. } => Self::NOBODY,
        }
    }
}

/// For how long nobody is told again of the same about the same thing, while they have not read what they were told:
/// what a side may do to a thing as often as it likes does not wake the other each time. The thing shows how it is now.
pub fn quiet_for(event: &Event) -> Option<TimeDelta> {
    matches!(event, Event::ProposalRevised { .. }).then(|| TimeDelta::days(1))
}

/// How many unread notices of a kind about one contract are enough for [`crowded_for`].
pub const CROWD: i64 = 5;

/// For how long nobody is told of more of the same on one contract, once they have not read [`CROWD`] notices of it: what
/// a side may make and call off as often as it likes does not wake the other each time. The contract shows all of it.
pub fn crowded_for(event: &Event) -> Option<TimeDelta> {
    matches!(event, Event::MilestoneProposed { .. } | Event::MilestoneCancelled { .. }).then(|| TimeDelta::days(1))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::{OfMessage, OfProposal};
    use crate::history::Sides;
    use crate::id::Id;
    use crate::money::{Currency, Money};

    #[test]
    fn each_event_is_told_to_whom_it_is_for() {
        fn id<I: Id>() -> I {
            I::from_uuid(Uuid::nil())
        }
        let told = OfProposal { proposal: id(), gig: id(), client: id(), freelancer: id() };
        let written = |by| {
            let told = OfMessage { message: id(), conversation: id(), client: id(), freelancer: id(), by };
            Event::MessageSent { told }
        };
        let amount = Money::zero(Currency::Usd);
        let approved = |automatic| {
            let releases_at = Timestamp::UNIX_EPOCH;
            Event::MilestoneApproved { milestone: id(), amount, releases_at, automatic }
        };
        let charge_failed = |retry_at| Event::TimesheetChargeFailed { timesheet: id(), payment: id(), retry_at };
        let table = [
            (Event::SessionBegan { session: id(), user: id() }, Audience::NOBODY),
            (Event::ProposalSubmitted { told }, Audience::client(HIRING)),
            (Event::ProposalDeclined { told }, Audience::PERSON),
            (written(Side::Client), Audience::PERSON),
            (written(Side::Freelancer), Audience::client(HIRING)),
            (Event::GigExpired { gig: id(), client: id() }, Audience::client(HIRING)),
            (Event::MilestoneFundingFailed { milestone: id(), payment: id() }, Audience::client(MONEY)),
            (Event::MilestoneFunded { milestone: id(), amount }, Audience::both(WORK)),
            (Event::PayoutPaid { payout: id() }, Audience::PERSON),
            // Each side was asked whether it goes on, and one has said so.
            (Event::MilestoneKept { milestone: id() }, Audience::both(WORK)),
            (approved(false), Audience::PERSON),
            (approved(true), Audience::both(WORK)),
            (Event::TimesheetApproved { timesheet: id(), amount, automatic: false }, Audience::PERSON),
            (Event::TimesheetApproved { timesheet: id(), amount, automatic: true }, Audience::both(WORK)),
            (Event::ReviewsPublished { contract: id() }, Audience::both(WORK)),
            (Event::ContractPaused { contract: id() }, Audience::both(WORK)),
            (charge_failed(Some(Timestamp::UNIX_EPOCH)), Audience::client(MONEY)),
            (charge_failed(None), Audience::both(MONEY)),
            (Event::CorrectionProposed { correction: id() }, Audience::ADMINS),
        ];
        for (event, audience) in table {
            assert_eq!(Audience::of(&event), audience, "{event:?}");
        }
        let revised = Event::ProposalRevised { told };
        assert_eq!(quiet_for(&revised), Some(TimeDelta::days(1)), "as often as its freelancer likes");
        for once in [Event::ProposalSubmitted { told }, Event::ProposalCountered { told }] {
            assert_eq!(quiet_for(&once), None, "{once:?}");
        }
        let (proposed, agreed) =
            (Event::MilestoneProposed { milestone: id() }, Event::MilestoneAgreed { milestone: id() });
        assert_eq!([proposed, agreed].map(|event| crowded_for(&event)), [Some(TimeDelta::days(1)), None]);
        let looking = HIRING.iter().chain(WORK).chain(MONEY).any(|role| *role == MemberRole::Viewer);
        assert!(!looking, "who only looks is not woken");
    }

    /// An event of each name, in all ways of which some people are told.
    fn one_of_each() -> Vec<Event> {
        use crate::id::*;
        fn id<I: Id>(n: u128) -> String {
            I::from_uuid(Uuid::from_u128(n)).to_string()
        }
        let (money, at) = (Money::zero(Currency::Usd), Timestamp::UNIX_EPOCH);
        let mut all = Vec::new();
        for name in Event::NAMES {
            // A letter to join an organization is an invitation of another kind, which nobody is told of here.
            let invitation = match *name {
                "member_invited" => id::<MemberInvitationId>(1),
                _ => id::<InvitationId>(1),
            };
            for automatic in [false, true] {
                let parties = serde_json::json!({
                    "type": name, "by": (*name == "message_sent").then_some("client"), "act": "password_changed", "party": { "freelancer": id::<UserId>(1) },
                    "rail": "manual", "user": id::<UserId>(1), "to": id::<UserId>(1), "freelancer": id::<UserId>(1),
                    "client": id::<OrganizationId>(1), "organization": id::<OrganizationId>(1),
                    "profile": id::<FreelancerProfileId>(1), "search": id::<SavedSearchId>(1),
                    "session": id::<SessionId>(1), "code": id::<MailCodeId>(1), "hit": id::<ScreeningHitId>(1),
                });
                let trade = serde_json::json!({
                    "invitation": invitation, "gig": id::<GigId>(1), "proposal": id::<ProposalId>(1),
                    "offer": id::<OfferId>(1), "contract": id::<ContractId>(1), "milestone": id::<MilestoneId>(1),
                    "submission": id::<SubmissionId>(1), "timesheet": id::<TimesheetId>(1),
                    "dispute": id::<DisputeId>(1), "evidence": id::<EvidenceId>(1), "review": id::<ReviewId>(1),
                    "outage": id::<OutageId>(1), "payment": id::<PaymentId>(1), "refund": id::<PaymentRefundId>(1),
                    "method": id::<PayoutMethodId>(1), "payout": id::<PayoutId>(1),
                    "correction": id::<CorrectionId>(1), "endpoint": id::<WebhookEndpointId>(1),
                    "message": id::<MessageId>(1), "conversation": id::<ConversationId>(1),
                });
                let figures = serde_json::json!({
                    "automatic": automatic, "attempt": 1, "hours": 1, "round": 1, "lapses_on": at.date_naive(),
                    "amount": money, "lost": money, "to_client": money, "to_freelancer": money, "total": money,
                });
                let mut fields = serde_json::Map::new();
                for part in [parties, trade, figures] {
                    fields.extend(part.as_object().unwrap().clone());
                }
                for instant in [
                    "approves_at",
                    "decide_by",
                    "dormant_at",
                    "expires_at",
                    "pays_at",
                    "refunds_at",
                    "releases_at",
                    "resolves_at",
                    "reviews_close_at",
                    "usable_from",
                    "writes_off_at",
                ] {
                    fields.insert(instant.to_owned(), serde_json::json!(at));
                }
                fields.insert("retry_at".to_owned(), serde_json::json!(automatic.then_some(at)));
                let fields = serde_json::Value::Object(fields);
                let event: Event = serde_json::from_value(fields).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(event.name(), *name);
                all.push(event);
            }
        }
        all
    }

    #[test]
    fn whatever_somebody_is_told_of_has_a_sentence_and_something_to_look_at() {
        let mut said = std::collections::BTreeMap::new();
        for event in one_of_each() {
            let (name, sentence) = (event.name(), sentence::sentence(event.name()));
            // Nothing is said that nobody hears, nor reads in the history of a contract.
            if Audience::of(&event) == Audience::NOBODY && Sides::seeing(&event) == Sides::NEITHER {
                assert_eq!(sentence, sentence::OF_NO_NAME, "{name}");
                continue;
            }
            assert_ne!(sentence, sentence::OF_NO_NAME, "{name}");
            assert!(sentence.ends_with('.') && sentence.len() <= 120, "{name}: {sentence}");
            assert_eq!(*said.entry(sentence).or_insert(name), name, "{name} says what another says");
            let of_gift = sentence::of_gift(name);
            assert!(of_gift.ends_with('.') && of_gift.len() <= 120, "{name}: {of_gift}");
            if sentence::may_tell_of_gift(name) {
                assert!(event.about().milestone.is_some(), "{name} names no milestone that may be a gift");
                assert_eq!(*said.entry(of_gift).or_insert(name), name, "{name} says of gifts what another says");
            }
            assert!(event.about().subject().is_some(), "{name} leads nowhere");
        }
        assert!(said.len() > 80, "{}", said.len());
    }
}
