//! Webhook endpoints: where an organization's own programs are told of what happens to its things.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::webhook_endpoint::{DeliveryStatus, EndpointUpdate};
use infra::webhook_endpoint::Issued;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::connection::page;
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::{WebhookDeliveries, list};
use crate::user_error::{Answer, answer, payload};

/// What an endpoint can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::webhook_endpoint::WebhookEvent")]
pub enum WebhookEvent {
    /// A freelancer put a proposal before you.
    ProposalSubmitted,
    /// A freelancer proposed something else, or took what you proposed.
    ProposalRevised,
    /// A freelancer took a proposal back.
    ProposalWithdrawn,
    /// A freelancer was hired by a proposal.
    ProposalHired,
    /// A freelancer has an offer of yours to decide on.
    OfferSent,
    /// A freelancer took an offer: there is a contract.
    OfferAccepted,
    /// A freelancer declined an offer.
    OfferDeclined,
    /// Nobody answered an offer.
    OfferExpired,
    /// A side asked for a break.
    ContractPaused,
    /// Work goes on.
    ContractResumed,
    /// Something outside stands against a contract.
    ContractPutOnHold,
    /// A side ended a contract; what is under way is carried through.
    ContractEnding,
    /// A contract is over.
    ContractEnded,
    /// Work was proposed on a contract.
    MilestoneProposed,
    /// A milestone is paid for.
    MilestoneFunded,
    /// A payment for a milestone failed, or was given up.
    MilestoneFundingFailed,
    /// Work was handed in.
    MilestoneSubmitted,
    /// Work was approved, or silence approved it.
    MilestoneApproved,
    /// The money of a milestone is the freelancer's.
    MilestoneReleased,
    /// The money of a milestone went back to you.
    MilestoneRefunded,
    /// A milestone was called off.
    MilestoneCancelled,
    /// A bank took the money of a milestone back.
    MilestoneChargedBack,
    /// A week of hours was handed in.
    TimesheetSubmitted,
    /// A week was approved, or silence approved it.
    TimesheetApproved,
    /// A week was charged.
    TimesheetCharged,
    /// A week could not be charged.
    TimesheetChargeFailed,
    /// Nothing is tried any more by itself to charge a week.
    TimesheetUnpaid,
    /// The money of a week is the freelancer's.
    TimesheetPaid,
    /// A bank took the money of a week back.
    TimesheetChargedBack,
    /// A dispute was opened.
    DisputeOpened,
    /// The other side of a dispute answered.
    DisputeAnswered,
    /// A side of a dispute made an offer.
    DisputeOfferMade,
    /// A mediator recommends how to end a dispute.
    DisputeRecommended,
    /// A dispute is decided.
    DisputeExecuted,
    /// A dispute was withdrawn.
    DisputeWithdrawn,
    /// A dispute was closed with nothing left to decide.
    DisputeClosed,
    /// Money came as credit.
    PaymentCredited,
    /// Money of a payment went back to its card.
    PaymentRefunded,
    /// Money of a payment did not get back to its card.
    PaymentRefundFailed,
    /// Nothing happened: `webhookEndpointTest` was sent. It is told of that in any case.
    Ping,
}

/// Whether an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::webhook_endpoint::EndpointStatus")]
pub enum WebhookEndpointStatus {
    /// It is.
    Enabled,
    /// You have switched it off: of what happens meanwhile it is not told later, either.
    Disabled,
    /// The same, because it took nothing for three days. Switch it on again with `webhookEndpointUpdate`.
    Failed,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DeliveryStatus")]
pub enum WebhookDeliveryStatus {
    /// It is sent as soon as it is due.
    Waiting,
    /// It was taken: the answer had a status from 200 to 299.
    Delivered,
    /// It was not taken for three days.
    GivenUp,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::webhook_endpoint::Trouble")]
pub enum WebhookTrouble {
    /// Nobody is there, there is no such name, or the certificate is not good.
    Unreachable,
    /// The name stands for an address that is not of the public network.
    NotPublic,
    /// There was none within eight seconds.
    Timeout,
    /// The connection broke off.
    BrokenOff,
}

/// Where an organization's own programs are told of what happens to its things.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint(pub domain::webhook_endpoint::WebhookEndpoint);

/// An address at which your own programs are told of what happens to your organization's things: that it happened, and
/// to what. Only owners and admins see it.
#[Object]
impl WebhookEndpoint {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The address.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// What it is told of.
    async fn events(&self) -> Vec<WebhookEvent> {
        self.0.events.iter().copied().map(Into::into).collect()
    }

    /// Whether it is told.
    async fn status(&self) -> WebhookEndpointStatus {
        self.0.status.into()
    }

    /// Since when it took nothing that was sent; null if it took the last.
    async fn failing_since(&self) -> Option<Timestamp> {
        self.0.failing_since
    }

    /// Since when there is one.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// What it was sent, or is to be, newest first. Kept for 30 days.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, WebhookDelivery>> {
        list(ctx, WebhookDeliveries(self.0.id), page(first, after, last, before), WebhookDelivery).await
    }
}

/// What is sent to an endpoint of one event.
#[derive(Debug, Clone)]
pub struct WebhookDelivery(pub domain::webhook_endpoint::WebhookDelivery);

/// What is sent to an endpoint of one event: again and again until it is taken, for three days.
#[Object]
impl WebhookDelivery {
    /// The global id, which is sent along: the same each time.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What happened.
    async fn event(&self) -> WebhookEvent {
        self.0.event.into()
    }

    /// The id of what happened.
    async fn event_id(&self) -> ID {
        self.0.event_id.to_string().into()
    }

    /// The global id of what it happened to.
    async fn subject_id(&self) -> ID {
        self.0.subject.as_str().into()
    }

    /// When it happened.
    async fn occurred_at(&self) -> Timestamp {
        self.0.occurred_at
    }

    /// How it stands.
    async fn status(&self) -> WebhookDeliveryStatus {
        self.0.status.into()
    }

    /// How often it was sent, since it was last asked for.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it is sent next, if it was sent and not taken; later, while the endpoint takes nothing else, either.
    async fn next_attempt_at(&self) -> Option<Timestamp> {
        Some(self.0.due_at).filter(|_| self.0.status == DeliveryStatus::Waiting && self.0.attempts > 0)
    }

    /// When it was last sent.
    async fn last_attempt_at(&self) -> Option<Timestamp> {
        self.0.last_tried_at
    }

    /// The status of the last answer, like 200; null if there was none.
    async fn last_status(&self) -> Option<i32> {
        self.0.last_status
    }

    /// Why there was no answer the last time; null if there was one, or if it was not sent yet.
    async fn last_trouble(&self) -> Option<WebhookTrouble> {
        self.0.last_trouble.map(Into::into)
    }
}

/// An endpoint with its secret, which is told this once.
#[derive(Debug, SimpleObject)]
pub struct IssuedWebhookSecret {
    /// The endpoint.
    webhook_endpoint: WebhookEndpoint,
    /// What signs for it from now on, `whsec_…`. Keep it where your program keeps its secrets: it is not shown again.
    secret: String,
}

impl From<Issued> for IssuedWebhookSecret {
    fn from(Issued { endpoint, secret }: Issued) -> Self {
        Self { webhook_endpoint: WebhookEndpoint(endpoint), secret: secret.expose_secret().to_owned() }
    }
}

/// A new endpoint.
#[derive(Debug, Clone, InputObject)]
pub struct WebhookEndpointCreateInput {
    /// Your organization.
    pub organization_id: Key<OrganizationId>,
    /// The address, at most 2,000 characters that start with `https://`: on the public network, at port 443 or one from
    /// 1024 on.
    pub url: String,
    /// What it is told of, at least one.
    pub events: Vec<WebhookEvent>,
}

/// What of an endpoint is to be another.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WebhookEndpointUpdateInput {
    /// The endpoint.
    pub webhook_endpoint_id: Key<WebhookEndpointId>,
    /// Another address; the same when absent.
    pub url: Option<String>,
    /// What it is told of, at least one; the same as before when absent.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is told; as before when absent. Switched on, it is sent what waits.
    pub enabled: Option<bool>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// An endpoint that gets another secret.
#[derive(Debug, Clone, InputObject)]
pub struct WebhookEndpointRotateSecretInput {
    /// The endpoint.
    pub webhook_endpoint_id: Key<WebhookEndpointId>,
}

/// An endpoint to do without.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WebhookEndpointDeleteInput {
    /// The endpoint.
    pub webhook_endpoint_id: Key<WebhookEndpointId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// An endpoint to try.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WebhookEndpointTestInput {
    /// The endpoint.
    pub webhook_endpoint_id: Key<WebhookEndpointId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Something to send again.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WebhookDeliveryRetryInput {
    /// What to send.
    pub webhook_delivery_id: Key<WebhookDeliveryId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `webhookEndpointCreate`.
    WebhookEndpointCreatePayload {
        /// The new endpoint, with its secret.
        issued: IssuedWebhookSecret
    }
}
payload! {
    /// The answer to `webhookEndpointUpdate`.
    WebhookEndpointUpdatePayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint
    }
}
payload! {
    /// The answer to `webhookEndpointRotateSecret`.
    WebhookEndpointRotateSecretPayload {
        /// The endpoint, with its new secret.
        issued: IssuedWebhookSecret
    }
}
payload! {
    /// The answer to `webhookEndpointDelete`.
    WebhookEndpointDeletePayload {
        /// The endpoint as it was.
        webhook_endpoint: WebhookEndpoint
    }
}
payload! {
    /// The answer to `webhookEndpointTest`.
    WebhookEndpointTestPayload {
        /// What is sent.
        webhook_delivery: WebhookDelivery
    }
}
payload! {
    /// The answer to `webhookDeliveryRetry`.
    WebhookDeliveryRetryPayload {
        /// What is sent.
        webhook_delivery: WebhookDelivery
    }
}

/// What can be done to webhook endpoints.
#[derive(Debug, Default)]
pub struct WebhookEndpointMutation;

#[Object]
impl WebhookEndpointMutation {
    /// Have your own programs told of what happens to your organization's things. Each event is sent by POST as a
    /// little JSON, signed with the secret that is answered here and never again. You can have five. For owners and
    /// admins; takes a fresh proof of who you are, and a verified address.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointCreateInput,
    ) -> Answer<WebhookEndpointCreatePayload> {
        let outcome = async {
            let call = ctx.call_to_act()?;
            let events = input.events.into_iter().map(Into::into).collect();
            ctx.market().webhook_endpoint_create(&call, input.organization_id.0, &input.url, events).await
        };
        answer(outcome.await.map(IssuedWebhookSecret::from))
    }

    /// Change an endpoint's address or what it is told of, or switch it off or on. Takes a fresh proof of who you are.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointUpdateInput,
    ) -> Answer<WebhookEndpointUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let events = input.events.map(|events| events.into_iter().map(Into::into).collect());
            let update = EndpointUpdate { url: input.url, events, enabled: input.enabled };
            ctx.market().webhook_endpoint_update(&call, input.webhook_endpoint_id.0, update).await
        };
        answer(outcome.await.map(WebhookEndpoint))
    }

    /// Get another secret for an endpoint. For a day the old one signs beside it, so that your program has time to
    /// learn the new one. Takes a fresh proof of who you are.
    async fn webhook_endpoint_rotate_secret(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointRotateSecretInput,
    ) -> Answer<WebhookEndpointRotateSecretPayload> {
        let outcome = async {
            let call = ctx.call_to_act()?;
            ctx.market().webhook_endpoint_rotate_secret(&call, input.webhook_endpoint_id.0).await
        };
        answer(outcome.await.map(IssuedWebhookSecret::from))
    }

    /// Have an endpoint told no more; what it was sent is forgotten. Takes a fresh proof of who you are.
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointDeleteInput,
    ) -> Answer<WebhookEndpointDeletePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().webhook_endpoint_delete(&call, input.webhook_endpoint_id.0).await
        };
        answer(outcome.await.map(WebhookEndpoint))
    }

    /// Send an endpoint a `PING`, before anything else that waits for it.
    async fn webhook_endpoint_test(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointTestInput,
    ) -> Answer<WebhookEndpointTestPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().webhook_endpoint_test(&call, input.webhook_endpoint_id.0).await
        };
        answer(outcome.await.map(WebhookDelivery))
    }

    /// Send something again, whether it was taken or given up, before anything else that waits for its endpoint.
    async fn webhook_delivery_retry(
        &self,
        ctx: &Context<'_>,
        input: WebhookDeliveryRetryInput,
    ) -> Answer<WebhookDeliveryRetryPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().webhook_delivery_retry(&call, input.webhook_delivery_id.0).await
        };
        answer(outcome.await.map(WebhookDelivery))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType;

    use super::*;

    #[test]
    fn what_is_sent_calls_events_as_the_schema_does() {
        let told: Vec<String> =
            domain::webhook_endpoint::WebhookEvent::ALL.iter().map(|event| event.as_str().to_uppercase()).collect();
        let shown: Vec<&str> = WebhookEvent::items().iter().map(|item| item.name).collect();
        assert_eq!(shown, told);
    }
}
