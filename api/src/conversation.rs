//! What clients and freelancers write to each other.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Timestamp;
use domain::id::{ConversationId, OrganizationId, UserId};
use futures_util::stream::{Stream, try_unfold};
use infra::conversation::Reading;
use serde::Serialize;

use crate::connection::{Counted, connect, counted, page};
use crate::context::RabtaContext;
use crate::dispute::Side;
use crate::key::Key;
use crate::loader::{ConversationMessages, LastMessageOf, ReachableIn, ReadingOf, list, load};
use crate::organization::Organization;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// What a client and a freelancer write to each other.
#[derive(Debug, Clone)]
pub struct Conversation(pub domain::conversation::Conversation);

/// What a client and a freelancer write to each other: there is one conversation for the two of them, whatever they
/// have together. The freelancer and the client's members read it, and nobody else.
#[Object]
impl Conversation {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The client.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// The freelancer.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.freelancer).await?.map(User))
    }

    /// What was said, the latest first. To hear of what comes next, subscribe to `messageReceived` after the cursor of
    /// the first edge.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Message>> {
        list(ctx, ConversationMessages(self.0.id), page(first, after, last, before), Message).await
    }

    /// What was said last.
    async fn last_message(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Message>> {
        Ok(load(ctx, LastMessageOf(self.0.id)).await?.map(Message))
    }

    /// How many messages of the other side you have not read. Counted up to 100: where it says 100 there may be more.
    async fn unread_count(&self, ctx: &Context<'_>) -> async_graphql::Result<i64> {
        Ok(self.reading(ctx).await?.unread)
    }

    /// The number of the last message that you have read; 0 if you have read none. Everybody has read for themselves.
    async fn read_up_to(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        Ok(self.reading(ctx).await?.up_to)
    }

    /// Can you write now? Not if your role in the company does not go so far, nor when no message gets to the other
    /// side.
    async fn viewer_can_write(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.0.writable_by(&ctx.actor()) && load(ctx, ReachableIn(self.0.id)).await?.unwrap_or_default())
    }

    /// When it began.
    async fn opened_at(&self) -> Timestamp {
        self.0.opened_at
    }
}

impl Conversation {
    /// How far the caller has read it.
    async fn reading(&self, ctx: &Context<'_>) -> async_graphql::Result<Reading> {
        Ok(load(ctx, ReadingOf(self.0.id)).await?.unwrap_or(Reading { up_to: 0, unread: 0 }))
    }
}

/// A message of a conversation.
#[derive(Debug, Clone)]
pub struct Message(pub domain::conversation::Message);

/// A message of a conversation. It stays as it was sent.
#[Object]
impl Message {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The conversation.
    async fn conversation(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Conversation>> {
        Ok(load(ctx, self.0.conversation).await?.map(Conversation))
    }

    /// Its place in the conversation: messages count up from 1, without gaps.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// Who wrote it.
    async fn sender(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.sender).await?.map(User))
    }

    /// For which side.
    async fn side(&self) -> Side {
        self.0.side.into()
    }

    /// What it says: plain text, in up to 5,000 characters.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// When it was sent.
    async fn sent_at(&self) -> Timestamp {
        self.0.sent_at
    }
}

/// What the signed-in person writes and reads.
#[derive(Debug)]
pub struct ConversationViewer;

#[Object]
impl ConversationViewer {
    /// The conversations you take part in, as a freelancer and for your companies, those with the latest messages
    /// first.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those with something to read? Cursors are the same either way.", default)]
        unread_only: bool,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Conversation>> {
        let page = counted(ctx, first, after, last, before);
        connect(ctx.market().conversations_of_viewer(&ctx.call(), unread_only, &page).await, Conversation)
    }

    /// How many of them have something to read. Counted up to 100: where it says 100 there may be more.
    async fn unread_conversation_count(&self, ctx: &Context<'_>) -> async_graphql::Result<i64> {
        ctx.market().conversations_unread(&ctx.call()).await.map_err(top_level)
    }
}

/// A message to send.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MessageSendInput {
    /// The client: your company, or whom you write to.
    pub client_id: Key<OrganizationId>,
    /// The freelancer: whom you write to, or yourself.
    pub freelancer_id: Key<UserId>,
    /// What it says: plain text, in 1 to 5,000 characters.
    pub body: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// How far you have read.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ConversationMarkReadInput {
    /// The conversation.
    pub conversation_id: Key<ConversationId>,
    /// The number of the last message you have read. Past the last one there is, it is that one.
    pub up_to: i32,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `messageSend`.
    MessageSendPayload {
        /// The message that was sent.
        message: Message
    }
}

payload! {
    /// The answer to `conversationMarkRead`.
    ConversationMarkReadPayload {
        /// The conversation, of which there is less to read now.
        conversation: Conversation
    } and viewer
}

/// What can be done in conversations.
#[derive(Debug, Default)]
pub struct ConversationMutation;

#[Object]
impl ConversationMutation {
    /// Write to the other side: the next message of your conversation, or the first. A client begins with freelancers
    /// who proposed to it, whom it invited or made an offer, or who worked for it; a freelancer with clients who
    /// invited them, made them an offer or hired them, and answers any who wrote. It takes a verified address.
    async fn message_send(&self, ctx: &Context<'_>, input: MessageSendInput) -> Answer<MessageSendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let MessageSendInput { client_id, freelancer_id, body, .. } = input;
            ctx.market().message_send(&call, client_id.0, freelancer_id.0, &body).await
        };
        answer(outcome.await.map(Message))
    }

    /// You have read a conversation up to a message. What you were told of it is read with its last one.
    async fn conversation_mark_read(
        &self,
        ctx: &Context<'_>,
        input: ConversationMarkReadInput,
    ) -> Answer<ConversationMarkReadPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().conversation_mark_read(&call, input.conversation_id.0, input.up_to).await
        };
        answer(outcome.await.map(Conversation))
    }
}

/// A message, as it is sent.
#[derive(Debug, SimpleObject)]
pub struct MessageReceived {
    /// Its place in the conversation: go on after it with `messageReceived(after: …)`.
    pub cursor: String,
    /// The message.
    pub message: Message,
}

/// Following conversations.
#[derive(Debug, Default)]
pub struct ConversationSubscription;

#[Subscription]
impl ConversationSubscription {
    /// What is said in a conversation, by both sides, as it is said. The stream ends with an error when you may not
    /// read the conversation any more. What begins elsewhere you hear of by `notificationReceived`.
    async fn message_received(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation.")] conversation_id: Key<ConversationId>,
        #[graphql(
            desc = "The cursor of the last message you know of, from here or from the conversation's `messages`, to be \
                          told first what came after it; left out, you are told what is said from now on."
        )]
        after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<MessageReceived>>> {
        let caller = ctx.caller().clone();
        let follower = ctx.market().messages_follow(&ctx.call(), conversation_id.0, after).await.map_err(top_level)?;
        Ok(try_unfold((follower, caller), |(mut follower, caller)| async {
            let (actor, cursor, message) = follower.next().await.map_err(top_level)?;
            caller.is_now(actor);
            Ok(Some((MessageReceived { cursor, message: Message(message) }, (follower, caller))))
        }))
    }
}
