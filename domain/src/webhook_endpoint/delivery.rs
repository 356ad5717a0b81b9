//! What is sent to an endpoint: once taken, or tried again ever more seldom for three days.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BadStatus, KEPT_FOR, PATIENCE, WebhookEndpoint, WebhookEvent};
use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::id::{EventId, Id, OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use crate::refusal::Refusal;

/// When it is tried again after it was not taken for the first time; each further time four times as late.
const FIRST_PAUSE_SECONDS: i64 = 30;
/// The longest pause, in seconds.
const LONGEST_PAUSE_SECONDS: i64 = 8 * 3_600;

/// What is sent to an endpoint of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// The id, the same each time that it is sent.
    pub id: WebhookDeliveryId,
    /// To which.
    pub endpoint: WebhookEndpointId,
    /// Whose that is.
    pub organization: OrganizationId,
    /// What happened.
    pub event: WebhookEvent,
    /// The id of what happened.
    pub event_id: EventId,
    /// The global id of what it happened to.
    pub subject: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was to be sent first.
    pub created_at: Timestamp,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was sent, since it was last asked for.
    pub attempts: i32,
    /// When it is sent next, at the earliest, as long as it waits.
    pub due_at: Timestamp,
    /// When it is given up; nothing before it was not taken for the first time.
    pub give_up_at: Option<Timestamp>,
    /// When it was last sent.
    pub last_tried_at: Option<Timestamp>,
    /// The status of the last answer, if there was one.
    pub last_status: Option<i32>,
    /// Why there was no answer the last time, if there was none.
    pub last_trouble: Option<Trouble>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is sent as soon as it is due.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was not taken for three days.
    GivenUp,
}

impl DeliveryStatus {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

impl std::str::FromStr for DeliveryStatus {
    type Err = BadStatus;
    fn from_str(text: &str) -> Result<Self, BadStatus> {
        let all = [Self::Waiting, Self::Delivered, Self::GivenUp];
        all.into_iter().find(|status| status.as_str() == text).ok_or(BadStatus)
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nobody is there, there is no such name, or the certificate is not good.
    Unreachable,
    /// The name stands for an address that is not of the public network.
    NotPublic,
    /// There was none in time.
    Timeout,
    /// The connection broke off.
    BrokenOff,
}

impl Trouble {
    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotPublic => "not_public",
            Self::Timeout => "timeout",
            Self::BrokenOff => "broken_off",
        }
    }
}

impl std::str::FromStr for Trouble {
    type Err = BadStatus;
    fn from_str(text: &str) -> Result<Self, BadStatus> {
        let all = [Self::Unreachable, Self::NotPublic, Self::Timeout, Self::BrokenOff];
        all.into_iter().find(|trouble| trouble.as_str() == text).ok_or(BadStatus)
    }
}

/// What came of sending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer of this status.
    Answered(u16),
    /// There was none.
    Unanswered(Trouble),
}

impl Outcome {
    /// Was it taken? Whoever sends us elsewhere has not taken it.
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

impl WebhookDelivery {
    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.organization)
    }

    /// When something is due that goes ahead of what waits by itself.
    pub(super) fn ahead(now: Timestamp) -> Timestamp {
        now - PATIENCE
    }

    /// What is sent: ids, a kind and times, and nothing that anybody wrote.
    pub fn body(&self) -> Value {
        json!({
            "id": self.event_id,
            "type": self.event.as_str().to_uppercase(),
            "occurredAt": self.occurred_at,
            "organizationId": self.organization,
            "subjectId": self.subject,
        })
    }

    /// It was sent.
    #[must_use]
    pub fn tried(self, outcome: Outcome, now: Timestamp) -> Self {
        let (last_status, last_trouble) = match outcome {
            Outcome::Answered(status) => (Some(i32::from(status)), None),
            Outcome::Unanswered(trouble) => (None, Some(trouble)),
        };
        let attempts = self.attempts.saturating_add(1);
        let next = Self { attempts, last_tried_at: Some(now), last_status, last_trouble, ..self };
        if outcome.is_taken() {
            return Self { status: DeliveryStatus::Delivered, ..next };
        }
        let give_up_at = next.give_up_at.unwrap_or(now + PATIENCE);
        if now >= give_up_at {
            return Self { status: DeliveryStatus::GivenUp, give_up_at: Some(give_up_at), ..next };
        }
        let due_at = (now + next.pause()).min(give_up_at);
        Self { due_at, give_up_at: Some(give_up_at), ..next }
    }

    /// The same, while nobody answered at all: that may be our own network. Its three days begin once others answer, as
    /// long as it is kept.
    #[must_use]
    pub fn tried_in_vain(self, outcome: Outcome, now: Timestamp) -> Self {
        let give_up_at = (now + PATIENCE).min(self.created_at + KEPT_FOR);
        Self { give_up_at: Some(give_up_at), ..self }.tried(outcome, now)
    }

    /// How long until it is sent again: those that failed together do not come again together.
    fn pause(&self) -> TimeDelta {
        let doublings = u32::try_from(self.attempts.clamp(1, 8) - 1).unwrap_or_default() * 2;
        let seconds = (FIRST_PAUSE_SECONDS << doublings).min(LONGEST_PAUSE_SECONDS);
        let dice = self.id.uuid().as_u128() ^ u128::from(doublings).wrapping_mul(0x9e37_79b9);
        let spread = i64::try_from(dice % 256).unwrap_or_default();
        TimeDelta::milliseconds(seconds * 1_000 * (1_024 + spread) / 1_024)
    }

    /// Have it sent again, whatever came of it. One that waits is sent next.
    pub fn retry(self, actor: &Actor, endpoint: &WebhookEndpoint, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WebhookDeliveryRetry, &self.subject())?;
        endpoint.must_be_told()?;
        let (status, due_at) = (DeliveryStatus::Waiting, Self::ahead(now));
        Ok(Change::to(Self { status, due_at, attempts: 0, give_up_at: None, ..self }))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::EndpointStatus;
    use super::*;

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn endpoint() -> WebhookEndpoint {
        WebhookEndpoint {
            id: id(2),
            organization: id(1),
            url: "https://hooks.example/".to_owned(),
            events: vec![WebhookEvent::OfferAccepted],
            status: EndpointStatus::Enabled,
            failing_since: None,
            nobody_answered_at: None,
            created_at: at(0),
        }
    }

    fn delivery(n: u128) -> WebhookDelivery {
        endpoint().delivery((id(n), id(4)), WebhookEvent::OfferAccepted, "off_1".to_owned(), at(0), at(1))
    }

    #[test]
    fn it_says_what_happened_and_to_what_and_nothing_else() {
        let body = delivery(3).body();
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["id", "occurredAt", "organizationId", "subjectId", "type"]);
        assert_eq!((&body["type"], &body["subjectId"]), (&json!("OFFER_ACCEPTED"), &json!("off_1")));
        assert_eq!(body["occurredAt"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_taken_is_over_and_what_is_not_is_given_up_after_three_days() {
        for status in [200, 204, 299] {
            assert_eq!(delivery(3).tried(Outcome::Answered(status), at(1)).status, DeliveryStatus::Delivered);
        }
        for status in [100, 199, 301, 302, 400, 410, 500] {
            assert_eq!(delivery(3).tried(Outcome::Answered(status), at(1)).status, DeliveryStatus::Waiting, "{status}");
        }
        let (mut waits, mut now, mut pauses) = (delivery(77), at(1), Vec::new());
        while waits.status == DeliveryStatus::Waiting {
            waits = waits.tried(Outcome::Unanswered(Trouble::Timeout), now);
            pauses.push((waits.due_at - now).num_seconds());
            now = waits.due_at;
        }
        assert_eq!(waits.status, DeliveryStatus::GivenUp);
        assert_eq!(now, at(1) + PATIENCE, "it is tried until the end");
        assert!((13..=16).contains(&waits.attempts), "{pauses:?}");
        assert!((30..38).contains(&pauses[0]) && pauses.iter().all(|pause| *pause <= 10 * 3_600), "{pauses:?}");
    }

    #[test]
    fn what_is_sent_while_nobody_answers_is_not_given_up_while_it_is_kept() {
        let silent = Outcome::Unanswered(Trouble::Unreachable);
        let waits = delivery(3).tried(silent, at(1));
        let (late, over) = (at(1) + PATIENCE, at(1) + KEPT_FOR);
        assert_eq!(waits.clone().tried(silent, late).status, DeliveryStatus::GivenUp);
        let spared = waits.tried_in_vain(silent, late);
        assert!(spared.status == DeliveryStatus::Waiting && spared.due_at > late, "{spared:?}");
        assert_eq!(spared.clone().tried_in_vain(silent, over).status, DeliveryStatus::GivenUp);
        let again = spared.tried(silent, late + TimeDelta::hours(1));
        assert_eq!(again.status, DeliveryStatus::Waiting, "others answer by now, and it has three days again");
        assert_eq!(again.tried(silent, late + PATIENCE).status, DeliveryStatus::GivenUp);
    }

    #[test]
    fn those_that_failed_together_come_again_at_times_of_their_own_which_are_always_the_same() {
        let due = |n: u128| delivery(n).tried(Outcome::Answered(500), at(1)).due_at;
        let times: std::collections::BTreeSet<Timestamp> = (0..200).map(due).collect();
        assert!(times.len() > 100, "{}", times.len());
        assert_eq!(due(5), due(5));
    }

    #[test]
    fn one_that_was_given_up_is_sent_again_before_the_others_when_it_is_asked_for() {
        let gone = WebhookDelivery { status: DeliveryStatus::GivenUp, attempts: 15, ..delivery(3) };
        let gone = WebhookDelivery { give_up_at: Some(at(9)), ..gone };
        let again = gone.clone().retry(&Actor::System, &endpoint(), at(500));
        assert!(again.is_err(), "people ask for it");
        let memberships = vec![(id(1), access::MemberRole::Admin)];
        let admin = access::Person { user: id(9), suspended: false, second_factor: false, staff: None, memberships };
        let admin = Actor::Person(admin);
        let again = gone.clone().retry(&admin, &endpoint(), at(500)).unwrap().next;
        assert_eq!((again.status, again.attempts, again.give_up_at), (DeliveryStatus::Waiting, 0, None));
        assert!(again.due_at < at(0) && again.id == gone.id);
        let off = WebhookEndpoint { status: EndpointStatus::Failed, ..endpoint() };
        assert!(matches!(gone.retry(&admin, &off, at(500)), Err(Refusal::WrongState { .. })));
    }
}
