//! Webhook endpoints: where the programs of an organization are told of what happens to its things. They are told that
//! it happened, and to what; what there is to know of it they ask for, as whoever may see it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{EventId, OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use crate::refusal::{Invalid, Refusal};

pub mod address;
mod delivery;
mod told;

pub use delivery::{DeliveryStatus, Outcome, Trouble, WebhookDelivery};
pub use told::WebhookEvent;

/// So many an organization has at most.
pub const MOST: u32 = 5;
/// So many secrets of one sign at once at most: the one in use, and those that are on their way out.
pub const SECRETS_MOST: u32 = 4;
/// For how long a secret signs beside the one that took its place.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// For how long a delivery is tried again, and for how long an endpoint may fail before it is switched off.
pub const PATIENCE: TimeDelta = TimeDelta::days(3);
/// For how long what was sent can be looked at.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(30);
/// For how long an endpoint that fails is left alone, at the least and at the most.
const SHORTEST_REST: TimeDelta = TimeDelta::seconds(30);
const LONGEST_REST: TimeDelta = TimeDelta::minutes(15);

/// Where the programs of an organization are told of what happens to its things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// The id.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The address that is told.
    pub url: String,
    /// What it is told of, each once and in their order.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told.
    pub status: EndpointStatus,
    /// Since when nothing that was sent was taken; nothing if the last was.
    pub failing_since: Option<Timestamp>,
    /// When it was last seen, while it fails, that nobody else answered, either: what was before is not counted against
    /// it.
    #[serde(default)]
    pub nobody_answered_at: Option<Timestamp>,
    /// Since when there is one.
    pub created_at: Timestamp,
}

/// Whether an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// Its people have switched it off.
    Disabled,
    /// It took nothing for so long that it was switched off.
    Failed,
}

impl EndpointStatus {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
        }
    }
}

/// Text that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a status")]
pub struct BadStatus;

impl std::str::FromStr for EndpointStatus {
    type Err = BadStatus;
    fn from_str(text: &str) -> Result<Self, BadStatus> {
        let all = [Self::Enabled, Self::Disabled, Self::Failed];
        all.into_iter().find(|status| status.as_str() == text).ok_or(BadStatus)
    }
}

/// What of an endpoint is to be another; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointUpdate {
    /// The address, checked.
    pub url: Option<String>,
    /// What it is told of.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is told.
    pub enabled: Option<bool>,
}

/// What an endpoint is to be told of, each once.
fn chosen(mut events: Vec<WebhookEvent>) -> Result<Vec<WebhookEvent>, Refusal> {
    events.sort_unstable();
    events.dedup();
    let mut invalid = Invalid::default();
    if events.is_empty() {
        invalid.add("events", "REQUIRED", "name at least one kind of event");
    }
    invalid.finish()?;
    Ok(events)
}

impl WebhookEndpoint {
    /// Have the programs of an organization told, beside the `kept` endpoints that it has already. The address was
    /// checked.
    pub fn create(
        actor: &Actor,
        organization: OrganizationId,
        (url, events): (&str, Vec<WebhookEvent>),
        kept: u32,
        id: WebhookEndpointId,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WebhookEndpointCreate, &Subject::of_client(organization))?;
        if kept >= MOST {
            return Err(Refusal::Limit {
                code: "WEBHOOK_ENDPOINTS".to_owned(),
                limit: MOST.into(),
                value: i64::from(kept) + 1,
                message: format!("an organization has {MOST} webhook endpoints: delete one first"),
            });
        }
        let (url, events, status) = (url.to_owned(), chosen(events)?, EndpointStatus::Enabled);
        let (failing_since, nobody_answered_at, created_at) = (None, None, now);
        Ok(Change::to(Self { id, organization, url, events, status, failing_since, nobody_answered_at, created_at }))
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_client(self.organization)
    }

    /// Change it. One that is told again, or elsewhere, has a fresh start.
    pub fn update(self, actor: &Actor, update: EndpointUpdate) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WebhookEndpointUpdate, &self.subject())?;
        let mut next = self.clone();
        if let Some(events) = update.events {
            next.events = chosen(events)?;
        }
        if let Some(url) = update.url.filter(|url| *url != self.url) {
            (next.url, next.failing_since, next.nobody_answered_at) = (url, None, None);
        }
        match update.enabled {
            Some(true) if self.status != EndpointStatus::Enabled => {
                next.status = EndpointStatus::Enabled;
                (next.failing_since, next.nobody_answered_at) = (None, None);
            }
            Some(false) => next.status = EndpointStatus::Disabled,
            Some(true) | None => {}
        }
        Ok(if next == self { Change::none(next) } else { Change::to(next) })
    }

    /// It gets another secret, beside the `signing` ones that it signs with now.
    pub fn rotate_secret(self, actor: &Actor, signing: u32) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WebhookEndpointRotateSecret, &self.subject())?;
        if signing >= SECRETS_MOST {
            return Err(Refusal::Limit {
                code: "WEBHOOK_SECRETS".to_owned(),
                limit: SECRETS_MOST.into(),
                value: i64::from(signing) + 1,
                message: format!("{SECRETS_MOST} secrets of it sign: an old one stops a day after it was replaced"),
            });
        }
        Ok(Change::to(self))
    }

    /// Have it told no more.
    pub fn delete(self, actor: &Actor) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WebhookEndpointDelete, &self.subject())?;
        Ok(Change::to(self))
    }

    /// Send it something that means nothing.
    pub fn test(
        &self,
        actor: &Actor,
        id: WebhookDeliveryId,
        event: EventId,
        now: Timestamp,
    ) -> Result<Change<WebhookDelivery>, Refusal> {
        access::check(actor, Verb::WebhookEndpointTest, &self.subject())?;
        self.must_be_told()?;
        let ping = self.delivery((id, event), WebhookEvent::Ping, self.id.to_string(), now, now);
        Ok(Change::to(WebhookDelivery { due_at: WebhookDelivery::ahead(now), ..ping }))
    }

    /// Refuse what makes no sense for one that is not told.
    pub(crate) fn must_be_told(&self) -> Result<(), Refusal> {
        if self.status == EndpointStatus::Enabled {
            return Ok(());
        }
        Err(Refusal::wrong_state("webhook endpoint", self.status.as_str(), vec![Verb::WebhookEndpointUpdate]))
    }

    /// What is to be sent of an event: `subject` is the global id of what it happened to.
    pub fn delivery(
        &self,
        (id, event_id): (WebhookDeliveryId, EventId),
        event: WebhookEvent,
        subject: String,
        occurred_at: Timestamp,
        now: Timestamp,
    ) -> WebhookDelivery {
        WebhookDelivery {
            id,
            endpoint: self.id,
            organization: self.organization,
            event,
            event_id,
            subject,
            occurred_at,
            created_at: now,
            status: DeliveryStatus::Waiting,
            attempts: 0,
            due_at: now,
            give_up_at: None,
            last_tried_at: None,
            last_status: None,
            last_trouble: None,
        }
    }

    /// Something was sent to it, and was taken or not. One that took nothing for three days is switched off, and its
    /// people are told. Days on which nobody answered at all are none of them: they begin once others do.
    pub fn heard(self, taken: bool, now: Timestamp) -> Change<Self> {
        if taken {
            let is_news = self.failing_since.is_some();
            let next = Self { failing_since: None, nobody_answered_at: None, ..self };
            return if is_news { Change::to(next) } else { Change::none(next) };
        }
        let since = self.failing_since.unwrap_or(now);
        let counted_from = self.nobody_answered_at.map_or(since, |at| at.max(since));
        let next = Self { failing_since: Some(since), ..self };
        if now < counted_from + PATIENCE { Change::to(next) } else { next.switched_off() }
    }

    fn switched_off(self) -> Change<Self> {
        if self.status != EndpointStatus::Enabled {
            return Change::to(self);
        }
        let event = Event::WebhookEndpointDisabled { endpoint: self.id, organization: self.organization };
        Change::to(Self { status: EndpointStatus::Failed, ..self }).telling(event)
    }

    /// Something was sent to it while nobody answered at all: that may be our own network, and is not held against it, for
    /// as long as what was sent is kept.
    pub fn heard_nothing_of_anybody(self, now: Timestamp) -> Change<Self> {
        let since = self.failing_since.unwrap_or(now);
        let next = Self { failing_since: Some(since), nobody_answered_at: Some(now), ..self };
        if now < since + KEPT_FOR { Change::to(next) } else { next.switched_off() }
    }

    /// Until when it is left alone: the longer it has failed, the longer.
    pub fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let since = self.failing_since?;
        Some(now + ((now - since) / 4).clamp(SHORTEST_REST, LONGEST_REST))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person};
    use crate::id::{Id, UserId};

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn actor(role: MemberRole) -> Actor {
        let memberships = vec![(id(1), role)];
        let user: UserId = id(9);
        Actor::Person(Person { user, suspended: false, second_factor: false, staff: None, memberships })
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn made(events: Vec<WebhookEvent>, kept: u32) -> Result<WebhookEndpoint, Refusal> {
        let what = ("https://hooks.example/", events);
        WebhookEndpoint::create(&actor(MemberRole::Owner), id(1), what, kept, id(2), at(0)).map(|change| change.next)
    }

    #[test]
    fn an_endpoint_is_told_of_each_kind_once_and_there_are_five() {
        let twice = vec![WebhookEvent::OfferAccepted, WebhookEvent::ProposalSubmitted, WebhookEvent::OfferAccepted];
        let endpoint = made(twice, 4).unwrap();
        assert_eq!(endpoint.events, [WebhookEvent::ProposalSubmitted, WebhookEvent::OfferAccepted]);
        assert!(matches!(made(vec![], 0), Err(Refusal::Invalid { .. })));
        let full = made(vec![WebhookEvent::OfferAccepted], MOST);
        assert!(matches!(full, Err(Refusal::Limit { limit: 5, value: 6, .. })), "{full:?}");
        let finance = WebhookEndpoint::create(
            &actor(MemberRole::Finance),
            id(1),
            ("https://hooks.example/", vec![WebhookEvent::OfferAccepted]),
            0,
            id(2),
            at(0),
        );
        assert_eq!(finance.map(|change| change.next), Err(Denied::NotAllowed.into()));
    }

    #[test]
    fn one_that_takes_nothing_for_three_days_is_switched_off_and_one_that_took_something_is_not() {
        let endpoint = made(vec![WebhookEvent::OfferAccepted], 0).unwrap();
        let failing = endpoint.clone().heard(false, at(0)).next;
        assert_eq!(failing.failing_since, Some(at(0)));
        let end = 3 * 24 * 60;
        let nearly = failing.clone().heard(false, at(end - 1));
        assert_eq!((nearly.next.status, nearly.events.len()), (EndpointStatus::Enabled, 0));
        let off = nearly.next.clone().heard(false, at(end));
        assert_eq!((off.next.status, off.events.len()), (EndpointStatus::Failed, 1));
        assert_eq!(off.next.clone().heard(false, at(end + 1)).events, [], "it is told once");
        let well = nearly.next.heard(true, at(end - 1)).next.heard(false, at(end)).next;
        assert_eq!((well.status, well.failing_since), (EndpointStatus::Enabled, Some(at(end))));
        assert!(!endpoint.heard(true, at(1)).changed);
        let update = EndpointUpdate { enabled: Some(true), ..EndpointUpdate::default() };
        let again = off.next.update(&actor(MemberRole::Admin), update.clone()).unwrap();
        assert_eq!((again.next.status, again.next.failing_since), (EndpointStatus::Enabled, None));
        assert!(!again.next.update(&actor(MemberRole::Admin), update).unwrap().changed);
    }

    #[test]
    fn what_may_be_our_own_network_is_not_held_against_one_while_what_was_sent_is_kept() {
        let failing = made(vec![WebhookEvent::OfferAccepted], 0).unwrap().heard(false, at(0)).next;
        let days = |days: i64| at(days * 24 * 60);
        let spared = failing.clone().heard_nothing_of_anybody(days(29));
        assert_eq!((spared.next.status, spared.next.failing_since), (EndpointStatus::Enabled, Some(at(0))));
        assert_eq!(failing.heard_nothing_of_anybody(days(30)).next.status, EndpointStatus::Failed);
        assert_eq!(spared.next.heard_nothing_of_anybody(days(30)).next.status, EndpointStatus::Failed);
    }

    #[test]
    fn days_on_which_nobody_answered_are_none_of_the_three_that_switch_one_off() {
        let days = |days: i64| at(days * 24 * 60);
        let failing = made(vec![WebhookEvent::OfferAccepted], 0).unwrap().heard(false, at(0)).next;
        let spared = failing.heard_nothing_of_anybody(days(4)).next;
        let once = spared.clone().heard(false, days(5)).next;
        assert_eq!((once.status, once.failing_since), (EndpointStatus::Enabled, Some(at(0))), "others answer by now");
        let off = once.heard(false, days(7));
        assert_eq!((off.next.status, off.events.len()), (EndpointStatus::Failed, 1));
        let well = spared.heard(true, days(5)).next;
        assert_eq!(well.nobody_answered_at, None);
        assert_eq!(well.heard(false, days(6)).next.heard(false, days(9)).next.status, EndpointStatus::Failed);
    }

    #[test]
    fn one_that_fails_rests_the_longer_the_longer_it_does() {
        let endpoint = made(vec![WebhookEvent::OfferAccepted], 0).unwrap();
        assert_eq!(endpoint.rests_until(at(0)), None);
        let failing = endpoint.heard(false, at(0)).next;
        assert_eq!(failing.rests_until(at(0)), Some(at(0) + SHORTEST_REST));
        assert_eq!(failing.rests_until(at(8)), Some(at(10)));
        assert_eq!(failing.rests_until(at(600)), Some(at(615)));
    }

    #[test]
    fn what_is_switched_off_is_sent_nothing() {
        let endpoint = made(vec![WebhookEvent::OfferAccepted], 0).unwrap();
        let off = EndpointUpdate { enabled: Some(false), ..EndpointUpdate::default() };
        let off = endpoint.clone().update(&actor(MemberRole::Owner), off).unwrap().next;
        let owner = actor(MemberRole::Owner);
        assert!(matches!(off.test(&owner, id(3), id(4), at(0)), Err(Refusal::WrongState { .. })));
        let ping = endpoint.test(&owner, id(3), id(4), at(0)).unwrap().next;
        assert_eq!((ping.event, ping.subject), (WebhookEvent::Ping, endpoint.id.to_string()));
        assert!(matches!(endpoint.clone().rotate_secret(&owner, SECRETS_MOST), Err(Refusal::Limit { .. })));
        assert!(endpoint.rotate_secret(&owner, SECRETS_MOST - 1).is_ok());
    }
}
