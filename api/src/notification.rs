//! What people are told of.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Timestamp;
use domain::id::NotificationId;
use futures_util::stream::{Stream, try_unfold};
use serde::Serialize;

use crate::connection::{Counted, connect, counted};
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::event_kind::EventKind;
use crate::key::Key;
use crate::loader::load;
use crate::milestone::Milestone;
use crate::node::{self, Node};
use crate::user_error::{Answer, answer, payload, top_level};

/// Something you are told of.
#[derive(Debug, Clone)]
pub struct Notification(pub domain::notification::Notification);

/// Something you are told of. It says what happened to what; look there for how it is now.
#[Object]
impl Notification {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What happened.
    async fn kind(&self) -> EventKind {
        EventKind::of(&self.0.kind)
    }

    /// What happened, in an English sentence to show as it is: of kinds that your app does not know yet, too.
    async fn sentence(&self, ctx: &Context<'_>) -> async_graphql::Result<&'static str> {
        let is_gift = match self.0.perhaps_gift() {
            Some(milestone) => load(ctx, milestone).await?.is_some_and(|milestone| milestone.kind.is_gift()),
            None => false,
        };
        Ok(self.0.sentence(is_gift))
    }

    /// The id of the contract it is about, if it is about one.
    async fn contract_id(&self) -> Option<ID> {
        self.0.contract.map(|id| id.to_string().into())
    }

    /// The id of the milestone it is about, if it is about one.
    async fn milestone_id(&self) -> Option<ID> {
        self.0.milestone.map(|id| id.to_string().into())
    }

    /// The contract it is about, if it is about one that you may still see.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        let Some(id) = self.0.contract else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Contract))
    }

    /// The milestone it is about, if it is about one that you may still see.
    async fn milestone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Milestone>> {
        let Some(id) = self.0.milestone else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Milestone::from))
    }

    /// What it is about, as it is now; null if you may not see it any more.
    async fn subject(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match &self.0.subject {
            Some(id) => node::find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// When it happened.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When you read it.
    async fn read_at(&self) -> Option<Timestamp> {
        self.0.read_at
    }
}

/// What the signed-in person is told of.
#[derive(Debug)]
pub struct NotificationViewer;

#[Object]
impl NotificationViewer {
    /// What you were told of, newest first. To hear of what comes next, subscribe to `notificationReceived`
    /// after the cursor of the first edge.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what you have not read? Cursors are the same either way.", default)] unread_only: bool,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Notification>> {
        let page = counted(ctx, first, after, last, before);
        connect(ctx.market().notifications_page(&ctx.call(), unread_only, &page).await, Notification)
    }

    /// How many of them you have not read.
    async fn unread_notification_count(&self, ctx: &Context<'_>) -> async_graphql::Result<i64> {
        ctx.market().notifications_unread(&ctx.call()).await.map_err(top_level)
    }
}

/// What you have read.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct NotificationsReadInput {
    /// These, at most 100; all of them if left out.
    pub ids: Option<Vec<Key<NotificationId>>>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `notificationsRead`.
    NotificationsReadPayload {
        /// How many were unread until now.
        read_count: i64
    } and viewer
}

/// What can be done to notifications.
#[derive(Debug, Default)]
pub struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Mark notifications as read.
    async fn notifications_read(
        &self,
        ctx: &Context<'_>,
        input: NotificationsReadInput,
    ) -> Answer<NotificationsReadPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let ids = input.ids.as_ref().map(|ids| ids.iter().map(|key| key.0).collect());
            ctx.market().notifications_read(&call, ids).await
        };
        answer(outcome.await)
    }
}

/// Something you are told of, as you are told.
#[derive(Debug, SimpleObject)]
pub struct NotificationReceived {
    /// Its place among what you were told: go on after it with `notificationReceived(after: …)`.
    pub cursor: String,
    /// What you are told of.
    pub notification: Notification,
}

/// Following what one is told.
#[derive(Debug, Default)]
pub struct NotificationSubscription;

#[Subscription]
impl NotificationSubscription {
    /// What you are told of, as you are told. The stream ends with an error when you are not signed
    /// in any more.
    async fn notification_received(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last one you know of, from here or from `viewer.notifications`, to be \
                          told first what came after it; left out, you are told what comes from now on.")]
        after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<NotificationReceived>>> {
        let caller = ctx.caller().clone();
        let follower = ctx.market().notifications_follow(&ctx.call(), after).await.map_err(top_level)?;
        Ok(try_unfold((follower, caller), |(mut follower, caller)| async {
            let (actor, cursor, notification) = follower.next().await.map_err(top_level)?;
            caller.is_now(actor);
            Ok(Some((NotificationReceived { cursor, notification: Notification(notification) }, (follower, caller))))
        }))
    }
}
