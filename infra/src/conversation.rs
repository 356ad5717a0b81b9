//! Conversations between clients and freelancers, and their messages.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::access::{self, Actor, Person, Subject, Verb};
use domain::conversation::{
    COUNTED, Conversation, Dealings, Message, WITHHELD_FOR, Writing, put_off, told_of, withheld,
};
use domain::id::{ConversationId, EventId, Id, MessageId, OrganizationId, UserId};
use domain::milestone::Side;
use domain::refusal::Refusal;
use sea_orm::sea_query::{Condition, Expr, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::follow::{Followed, Watch};
use crate::mail::Letter;
use crate::market::Market;
use crate::offer::SENT;
use crate::outbox::Occurrence;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, is_one_of, rows_with, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, Tx, run};

/// Conversations that one person begins.
const BEGUN: Allowance = Allowance { attempts: 50, within: TimeDelta::hours(24) };
/// Messages of one person.
const SENT_BY_ONE: Allowance = Allowance { attempts: 300, within: TimeDelta::hours(1) };

/// Is there something in a conversation that the other side wrote and `$1` has not read?
const UNREAD: &str = "exists (
    select 1 from messages m
    where m.conversation_id = conversations.id
        and m.side = case when conversations.freelancer_id = $1 then 'client' else 'freelancer' end
        and m.number > coalesce((select r.up_to from conversation_reads r
                                 where r.user_id = $1 and r.conversation_id = conversations.id), 0))";

/// Does a message get to the other side of the conversation `c`?
const REACHABLE: &str = "exists (select 1 from users f
             where f.id = c.freelancer_id and f.suspended_at is null and f.erased_at is null)
    and exists (select 1 from members m join users w on w.id = m.user_id
                where m.organization_id = c.client_id and w.suspended_at is null and w.erased_at is null)
    and not exists (select 1 from blocks b where b.client_id = c.client_id and b.freelancer_id = c.freelancer_id)";

/// How far somebody has read a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The number of the last message they read; 0 if they read none.
    pub up_to: i32,
    /// How many messages of the other side came after it, up to [`COUNTED`].
    pub unread: i64,
}

#[derive(FromQueryResult)]
struct Ground {
    proposed: bool,
    approached: bool,
    reachable: bool,
}

#[derive(FromQueryResult)]
struct Read {
    id: Uuid,
    up_to: i32,
    unread: i64,
}

#[derive(FromQueryResult)]
struct UpTo {
    up_to: i32,
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Counted {
    count: i64,
}

#[derive(FromQueryResult)]
struct Waits {
    waits: bool,
}

#[derive(FromQueryResult)]
struct Addressee {
    id: Uuid,
    reachable: bool,
    email: String,
    writer: String,
}

impl Market {
    /// Write to the other side: the next message of their conversation, or the first.
    pub async fn message_send(
        &self,
        call: &Call,
        client: OrganizationId,
        freelancer: UserId,
        body: &str,
    ) -> Result<Message, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::MessageSend, &Subject::between(client, freelancer))?;
            let sender = tx.actor().person()?.user;
            // Counted first: so the messages of one person come one after the other, before a conversation is locked.
            tx.throttle_must_admit(&format!("messages:{sender}"), SENT_BY_ONE).await?;
            let stands = tx.conversation_for_update(client, freelancer).await?;
            let Ground { proposed, approached, reachable } = tx.conversation_ground(client, freelancer).await?;
            if !reachable {
                // It may be oneself who was suspended or erased while others were waited for.
                tx.must_read_mail().await?;
            }
            let dealings = Dealings { proposed, approached };
            let write = |stands: Option<&Conversation>| {
                let writing = Writing { client, freelancer, stands, dealings, is_reachable: reachable };
                writing.send(tx.actor(), body, tx.id(), tx.id(), tx.now())
            };
            let mut change = write(stands.as_ref())?;
            if stands.is_none() {
                tx.throttle_must_admit(&format!("conversations:{sender}"), BEGUN).await?;
                if !tx.conversation_open(&change.next.0).await? {
                    // Another first message was there a moment earlier: this is the next.
                    change = write(tx.conversation_for_update(client, freelancer).await?.as_ref())?;
                }
            }
            // Behind all that is waited for: whoever was suspended or erased meanwhile writes nothing.
            tx.must_read_mail().await?;
            tx.message_insert(&change.next.1).await?;
            let (_, message) = tx.settle(change).await?;
            Ok(message)
        })
    }

    /// The person has read a conversation up to the message of this number; what they were told of it is then read,
    /// too, if nothing came after.
    pub async fn conversation_mark_read(
        &self,
        call: &Call,
        id: ConversationId,
        up_to: i32,
    ) -> Result<Conversation, Failure> {
        run!(self, call, tx => {
            // Locked, so that no message comes in between and is taken for one that was told of.
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let conversation = tx.shown(row.map(Conversation::from), Conversation::subject)?;
            let user = tx.actor().person()?.user;
            let so_far = tx.conversation_read_up_to(id, user).await?;
            let change = conversation.read_up_to(tx.actor(), so_far, up_to)?;
            if change.changed {
                tx.conversation_read(&conversation, user, change.next).await?;
            }
            tx.settle(change).await?;
            Ok(conversation)
        })
    }

    /// The conversation, if the caller may read it.
    pub async fn conversation_find(&self, call: &Call, id: ConversationId) -> Result<Option<Conversation>, Failure> {
        Ok(self.conversations_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Conversations by their ids; those that don't exist, or that the caller may not read, are missing.
    pub async fn conversations_by_id(
        &self,
        call: &Call,
        wanted: &[ConversationId],
    ) -> Result<Vec<Conversation>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Conversation::from);
        Ok(found.filter(|conversation| conversation.visible_to(&call.actor)).collect())
    }

    /// The message, if the caller may read it.
    pub async fn message_find(&self, call: &Call, id: MessageId) -> Result<Option<Message>, Failure> {
        let rows = rows_with::<message::Entity, _>(self.db(), message::Column::Id, &[id]).await?;
        let found = rows.into_iter().next().map(Message::try_from).transpose()?;
        Ok(found.filter(|message| message.visible_to(&call.actor)))
    }

    /// The conversation of each of these pairs, if they have one that the caller may read.
    pub async fn conversations_between(
        &self,
        call: &Call,
        pairs: &[(OrganizationId, UserId)],
    ) -> Result<HashMap<(OrganizationId, UserId), Conversation>, Failure> {
        let may = |&&(client, freelancer): &&(OrganizationId, UserId)| {
            access::allows(&call.actor, Verb::ConversationRead, &Subject::between(client, freelancer))
        };
        let (clients, freelancers): (Vec<OrganizationId>, Vec<UserId>) = pairs.iter().filter(may).copied().unzip();
        if clients.is_empty() {
            return Ok(HashMap::new());
        }
        let theirs = row::Entity::find()
            .filter(is_one_of(row::Column::ClientId.into_expr(), &clients))
            .filter(is_one_of(row::Column::FreelancerId.into_expr(), &freelancers));
        let found = theirs.all(self.db()).await?.into_iter().map(Conversation::from);
        let found = found.filter(|conversation| conversation.visible_to(&call.actor));
        Ok(found.map(|conversation| ((conversation.client, conversation.freelancer), conversation)).collect())
    }

    /// The conversations that the caller takes part in, as a freelancer or for a client, those with the latest messages
    /// first; all of them, or those with something to read.
    pub async fn conversations_of_viewer(
        &self,
        call: &Call,
        unread_only: bool,
        page: &PageRequest,
    ) -> Result<Slice<Conversation>, Failure> {
        let person = call.actor.person()?;
        let clients = clients_of(person);
        let is_own = Condition::all().add(row::Column::FreelancerId.eq(person.user.uuid()));
        let is_theirs =
            Condition::any().add(is_own.clone()).add(is_one_of(row::Column::ClientId.into_expr(), &clients));
        let select = row::Entity::find();
        let select = if unread_only { select.filter(unread_by(person.user)) } else { select };
        // Of either side there is an index in this order, and of both together there can't be.
        let all = (select.clone().filter(is_theirs), select.clone().filter(is_own));
        let for_clients = (select, row::Column::ClientId, clients.as_slice());
        let slice = latest_first("viewer_conversations").page_of_own_and(self.db(), all, for_clients, page).await?;
        slice.try_map(|row| Ok(Conversation::from(row)))
    }

    /// How many of the conversations that the caller takes part in have something to read, up to [`COUNTED`].
    pub async fn conversations_unread(&self, call: &Call) -> Result<i64, Failure> {
        let person = call.actor.person()?;
        let count = format!(
            "select count(*) as count from (
                 select 1 from conversations
                 where (freelancer_id = $1 or client_id = any($2)) and {UNREAD} limit $3) theirs"
        );
        let count = sql(&count, [person.user.uuid().into(), ids(&clients_of(person)), i64::from(COUNTED).into()]);
        Ok(Counted::find_by_statement(count).one(self.db()).await?.map_or(0, |row| row.count))
    }

    /// The conversations of each of these clients, those with the latest messages first; its members read them.
    pub async fn conversations_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Conversation>, Failure> {
        let may = |id: &OrganizationId| access::allows(&call.actor, Verb::ConversationRead, &Subject::of_client(*id));
        let may: Vec<OrganizationId> = organizations.iter().copied().filter(may).collect();
        let (order, column) = (latest_first("organization_conversations"), row::Column::ClientId);
        let pages = order.pages(self.db(), row::Entity::find(), column, &may, page).await?;
        try_map_pages(pages, |row| Ok(Conversation::from(row)))
    }

    /// What was said in each of these conversations, the latest first.
    pub async fn messages_of_conversations(
        &self,
        call: &Call,
        conversations: &[ConversationId],
        page: &PageRequest,
    ) -> Result<Pages<ConversationId, Message>, Failure> {
        let (order, column) = (in_order(true), message::Column::ConversationId);
        let pages = order.pages(self.db(), message::Entity::find(), column, conversations, page).await?;
        let mut pages = try_map_pages(pages, Message::try_from)?;
        for slice in pages.values_mut() {
            slice.retain(|message| message.visible_to(&call.actor));
        }
        Ok(pages)
    }

    /// The last message of each of these conversations.
    pub async fn messages_last_of(
        &self,
        call: &Call,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Message>, Failure> {
        let last = "select m.* from conversations c
                    join messages m on m.conversation_id = c.id and m.number = c.last_number where c.id = any($1)";
        let rows = message::Entity::find().from_raw_sql(sql(last, [ids(conversations)])).all(self.db()).await?;
        let read = rows.into_iter().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
        let read = read.into_iter().filter(|message| message.visible_to(&call.actor));
        Ok(read.map(|message| (message.conversation, message)).collect())
    }

    /// How far the caller has read each of these conversations.
    pub async fn conversations_reading(
        &self,
        call: &Call,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Reading>, Failure> {
        let Ok(person) = call.actor.person() else { return Ok(HashMap::new()) };
        let read = Read::find_by_statement(sql(
            "select c.id, coalesce(r.up_to, 0) as up_to, (
                 select count(*) from (
                     select 1 from messages m
                     where m.conversation_id = c.id
                         and m.side = case when c.freelancer_id = $2 then 'client' else 'freelancer' end
                         and m.number > coalesce(r.up_to, 0) limit $3) theirs) as unread
             from conversations c
             left join conversation_reads r on r.user_id = $2 and r.conversation_id = c.id
             where c.id = any($1)",
            [ids(conversations), person.user.uuid().into(), i64::from(COUNTED).into()],
        ));
        let read = read.all(self.db()).await?.into_iter();
        let reading = |row: Read| (ConversationId::from_uuid(row.id), Reading { up_to: row.up_to, unread: row.unread });
        Ok(read.map(reading).collect())
    }

    /// In which of these conversations a message gets to the other side; the others are absent.
    pub async fn conversations_reachable(
        &self,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, bool>, Failure> {
        let find = format!("select c.id from conversations c where c.id = any($1) and {REACHABLE}");
        let found = Found::find_by_statement(sql(&find, [ids(conversations)]));
        let found = found.all(self.db()).await?.into_iter();
        Ok(found.map(|row| (ConversationId::from_uuid(row.id), true)).collect())
    }

    /// Follow a conversation: what was said after the cursor `after`, or else what is said from now on.
    pub async fn messages_follow(
        &self,
        call: &Call,
        id: ConversationId,
        after: Option<String>,
    ) -> Result<MessageFollower, Failure> {
        let user = call.actor.person()?.user;
        // Listen first, and look then: nothing falls in between.
        let watch = Watch::new(self, Followed::Conversation(id), user);
        self.conversation_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        let place = match after {
            Some(cursor) => {
                let request = PageRequest { first: Some(0), after: Some(cursor.clone()), ..PageRequest::default() };
                self.messages_said(call, id, &request).await?;
                Some(cursor)
            }
            None => {
                let request = PageRequest { last: Some(1), ..PageRequest::default() };
                let latest = self.messages_said(call, id, &request).await?;
                latest.items.into_iter().next().map(|(cursor, _)| cursor)
            }
        };
        Ok(MessageFollower { market: self.clone(), call: call.clone(), conversation: id, place, watch })
    }

    /// What was said in a conversation, in its order. Cursors are those of the list that has the latest first.
    async fn messages_said(
        &self,
        call: &Call,
        id: ConversationId,
        page: &PageRequest,
    ) -> Result<Slice<Message>, Failure> {
        let said = message::Entity::find().filter(message::Column::ConversationId.eq(id.uuid()));
        let mut said = in_order(false).page(self.db(), said, page).await?.try_map(Message::try_from)?;
        said.retain(|message| message.visible_to(&call.actor));
        Ok(said)
    }

    /// Somebody was told of a message, unless all have read what is there: if they don't look, they get a letter. So
    /// they do if what they were told of before is so old that the letter about it is withheld no more.
    pub(crate) async fn message_told(
        &self,
        call: &Call,
        occurrence: &Occurrence,
        conversation: ConversationId,
    ) -> Result<(), Failure> {
        let told = Waits::find_by_statement(sql(
            "select exists (select 1 from notifications where event_id = $1 and read_at is null)
                 or exists (select 1 from notifications where kind = 'message_sent' and subject = $2
                     and read_at is null and mailed_at is null and created_at <= $3
                     and user_id in (select freelancer_id from conversations where id = $4
                         union select m.user_id from conversations c join members m on m.organization_id = c.client_id
                             where c.id = $4)) as waits",
            [
                occurrence.id.uuid().into(),
                conversation.to_string().into(),
                (occurrence.at - WITHHELD_FOR).into(),
                conversation.uuid().into(),
            ],
        ));
        if !told.one(self.db()).await?.is_some_and(|row| row.waits) {
            return Ok(());
        }
        run!(self, call, tx => { tx.settle(told_of(conversation, occurrence.at)).await })
    }

    /// Write to those who were told of a message and have not looked yet, each once; to nobody where no message gets to
    /// the other side any more, because one of the two blocked the other or who wrote is suspended, nor to those who
    /// are suspended themselves. Then it is looked again for a while: the block may be lifted.
    pub(crate) async fn messages_mail(&self, call: &Call, conversation: ConversationId) -> Result<(), Failure> {
        let find = format!(
            "select n.id, u.email, case when u.id = c.freelancer_id then o.name else w.name end as writer,
                 {REACHABLE} and u.suspended_at is null as reachable
             from conversations c
             join organizations o on o.id = c.client_id
             join users w on w.id = c.freelancer_id
             cross join lateral (
                 select c.freelancer_id as user_id
                 union select m.user_id from members m where m.organization_id = c.client_id) party
             join users u on u.id = party.user_id
             join notifications n on n.user_id = u.id and n.read_at is null
             where c.id = $1 and n.kind = 'message_sent' and n.subject = $2 and n.mailed_at is null
                 and u.erased_at is null and u.email_verified_at is not null
                 and ({REACHABLE} and u.suspended_at is null or n.created_at > $3)
             order by n.id"
        );
        let now = self.clock().now();
        let find =
            sql(&find, [conversation.uuid().into(), conversation.to_string().into(), (now - WITHHELD_FOR).into()]);
        let mut is_withheld = false;
        for Addressee { id, reachable, email, writer } in Addressee::find_by_statement(find).all(self.db()).await? {
            if !reachable {
                is_withheld = true;
                continue;
            }
            let text = format!(
                "{writer} wrote to you on Rabta. Sign in to read it, and to answer.\r\n\r\nUntil you have looked you \
                 get no other letter about what {writer} writes."
            );
            // The letters of one conversation are several: each is named by what its reader was told.
            let (name, subject) = (EventId::from_uuid(id), "A message for you on Rabta".to_owned());
            match self.mail().send(Letter { id: name, to: email, subject, text }, self.clock().now()).await {
                Ok(()) => (),
                // The others wait with it.
                Err(Fault::Later { until, .. }) => {
                    return run!(self, call, tx => { tx.settle(put_off(conversation, until)).await });
                }
                // A letter that is not taken is tried no more: what it is about waits where it was told of.
                Err(fault) => tracing::warn!(error = %fault, conversation = %conversation, "a letter could not leave"),
            }
            let mailed = "update notifications set mailed_at = $2 where id = $1";
            self.db().execute_raw(sql(mailed, [id.into(), self.clock().now().into()])).await?;
        }
        if is_withheld {
            return run!(self, call, tx => { tx.settle(withheld(conversation, tx.now())).await });
        }
        Ok(())
    }
}

impl Tx {
    /// The conversation of the two, locked.
    async fn conversation_for_update(
        &self,
        client: OrganizationId,
        freelancer: UserId,
    ) -> Result<Option<Conversation>, Failure> {
        let between = row::Entity::find()
            .filter(row::Column::ClientId.eq(client.uuid()))
            .filter(row::Column::FreelancerId.eq(freelancer.uuid()));
        Ok(between.lock_exclusive().one(self.conn()).await?.map(Conversation::from))
    }

    /// What the two have together, and whether a message of one gets to the other.
    async fn conversation_ground(&self, client: OrganizationId, freelancer: UserId) -> Result<Ground, Failure> {
        let look = format!(
            "select exists (select 1 from proposals
                     where client_id = $1 and freelancer_id = $2 and submitted_at is not null) as proposed,
                 exists (select 1 from invitations where client_id = $1 and freelancer_id = $2)
                     or exists (select 1 from offers where organization_id = $1 and freelancer_id = $2 and ({SENT}))
                     or exists (select 1 from contracts where organization_id = $1 and freelancer_id = $2)
                     as approached,
                 exists (select 1 from users where id = $2 and suspended_at is null and erased_at is null)
                     and exists (select 1 from members m join users u on u.id = m.user_id
                                 where m.organization_id = $1 and u.suspended_at is null and u.erased_at is null)
                     and not exists (select 1 from blocks where client_id = $1 and freelancer_id = $2) as reachable"
        );
        let look = Ground::find_by_statement(sql(&look, [client.uuid().into(), freelancer.uuid().into()]));
        let nothing = Ground { proposed: false, approached: false, reachable: false };
        Ok(look.one(self.conn()).await?.unwrap_or(nothing))
    }

    /// Begin a conversation; false if the two have one by now.
    async fn conversation_open(&self, conversation: &Conversation) -> Result<bool, Failure> {
        let open = sql(
            "insert into conversations (id, client_id, freelancer_id, last_number, last_at, opened_at)
             values ($1, $2, $3, 0, $4, $4) on conflict on constraint conversations_between do nothing",
            [
                conversation.id.uuid().into(),
                conversation.client.uuid().into(),
                conversation.freelancer.uuid().into(),
                conversation.opened_at.into(),
            ],
        );
        Ok(self.conn().execute_raw(open).await?.rows_affected() == 1)
    }

    /// Write a message; its conversation moves with it.
    async fn message_insert(&self, message: &Message) -> Result<(), Failure> {
        let insert = sql(
            "insert into messages
                 (id, conversation_id, client_id, freelancer_id, number, sender_id, side, body, sent_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                message.id.uuid().into(),
                message.conversation.uuid().into(),
                message.client.uuid().into(),
                message.freelancer.uuid().into(),
                message.number.into(),
                message.sender.uuid().into(),
                side_name(message.side).into(),
                message.body.as_str().into(),
                message.sent_at.into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        Ok(())
    }

    /// Up to which message a person has read a conversation.
    async fn conversation_read_up_to(&self, id: ConversationId, user: UserId) -> Result<i32, Failure> {
        let read = UpTo::find_by_statement(sql(
            "select up_to from conversation_reads where user_id = $1 and conversation_id = $2",
            [user.uuid().into(), id.uuid().into()],
        ));
        Ok(read.one(self.conn()).await?.map_or(0, |row| row.up_to))
    }

    /// A person has read a conversation up to here.
    async fn conversation_read(&self, conversation: &Conversation, user: UserId, up_to: i32) -> Result<(), Failure> {
        let id = conversation.id;
        let mark = sql(
            "insert into conversation_reads (user_id, conversation_id, up_to, read_at) values ($1, $2, $3, $4)
             on conflict (user_id, conversation_id) do update set up_to = excluded.up_to, read_at = excluded.read_at
                 where conversation_reads.up_to < excluded.up_to",
            [user.uuid().into(), id.uuid().into(), up_to.into(), self.now().into()],
        );
        self.conn().execute_raw(mark).await?;
        if up_to == conversation.last_number {
            let told = sql(
                "update notifications set read_at = $2
                 where user_id = $1 and read_at is null and kind = 'message_sent' and subject = $3",
                [user.uuid().into(), self.now().into(), id.to_string().into()],
            );
            self.conn().execute_raw(told).await?;
        }
        Ok(())
    }
}

/// Somebody who follows a conversation.
#[derive(Debug)]
pub struct MessageFollower {
    market: Market,
    call: Call,
    conversation: ConversationId,
    place: Option<String>,
    watch: Watch,
}

impl MessageFollower {
    /// The next message, with its cursor, and with the caller as they are by now.
    pub async fn next(&mut self) -> Result<(Actor, String, Message), Failure> {
        loop {
            let request = PageRequest { first: Some(1), after: self.place.clone(), ..PageRequest::default() };
            let next = self.market.messages_said(&self.call, self.conversation, &request).await?;
            // Asked anew for each, and after it was read: nobody is told who may not read it any more.
            self.call.actor = self.market.actor_now(&self.call).await?;
            self.market.conversation_find(&self.call, self.conversation).await?.ok_or(Refusal::HIDDEN)?;
            if let Some((cursor, message)) = next.items.into_iter().next() {
                self.place = Some(cursor.clone());
                return Ok((self.call.actor.clone(), cursor, message));
            }
            self.watch.changed().await;
        }
    }
}

/// The clients whose conversations a person reads.
fn clients_of(person: &Person) -> Vec<OrganizationId> {
    let reads = |(_, role): &&(OrganizationId, access::MemberRole)| {
        Verb::ConversationRead.allowed_to().contains(&access::Role::Member(*role))
    };
    person.memberships.iter().filter(reads).map(|(client, _)| *client).collect()
}

/// Those that a person has something to read in.
fn unread_by(user: UserId) -> SimpleExpr {
    Expr::cust_with_values(UNREAD, [user.uuid()])
}

fn latest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset {
        list,
        columns: vec![row::Column::LastAt, row::Column::Id],
        descending: true,
        key: |row| vec![Key::Time(row.last_at), Key::Uuid(row.id)],
    }
}

/// The messages of a conversation as they were sent, or the other way round. Cursors are the same.
fn in_order(descending: bool) -> Keyset<message::Entity> {
    Keyset {
        list: "messages",
        columns: vec![message::Column::Number],
        descending,
        key: |row| vec![Key::Int(i64::from(row.number))],
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Freelancer => "freelancer",
    }
}

impl From<row::Model> for Conversation {
    fn from(row: row::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            client: Id::from_uuid(row.client_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            last_number: row.last_number,
            last_at: row.last_at,
            opened_at: row.opened_at,
        }
    }
}

impl TryFrom<message::Model> for Message {
    type Error = Fault;
    fn try_from(row: message::Model) -> Result<Self, Fault> {
        let side = [Side::Client, Side::Freelancer].into_iter().find(|side| side_name(*side) == row.side);
        Ok(Self {
            id: Id::from_uuid(row.id),
            conversation: Id::from_uuid(row.conversation_id),
            client: Id::from_uuid(row.client_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            number: row.number,
            sender: Id::from_uuid(row.sender_id),
            side: side.ok_or_else(|| Fault::bad_row("messages", format!("side {}", row.side)))?,
            body: row.body,
            sent_at: row.sent_at,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "conversations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub client_id: Uuid,
        pub freelancer_id: Uuid,
        pub last_number: i32,
        pub last_at: DateTimeUtc,
        pub opened_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod message {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "messages")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub conversation_id: Uuid,
        pub client_id: Uuid,
        pub freelancer_id: Uuid,
        pub number: i32,
        pub sender_id: Uuid,
        pub side: String,
        pub body: String,
        pub sent_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
