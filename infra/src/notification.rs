//! Notifications, written by the worker as it hears of events.

use domain::access::Actor;
use domain::event::Event;
use domain::id::{ContractId, Id, MilestoneId, NotificationId, UserId};
use domain::notification::{Audience, CROWD, Notification, crowded_for, quiet_for};
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, Select};
use uuid::Uuid;

use crate::follow::{Followed, Watch};
use crate::market::Market;
use crate::offer::SENT;
use crate::outbox::Occurrence;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::{ids, sql};
use crate::{Call, Failure, ids as fresh_ids, run};

/// How many notifications are marked at once, at most.
const MARKED_MAX: usize = 100;

#[derive(FromQueryResult)]
struct Recipient {
    user_id: Uuid,
}

impl Market {
    /// Tell those whom an event is for. Told again, it tells nobody twice; nor does another of which one unread notice is
    /// enough for a while ([`quiet_for`]), nor more than a few of what can be made anew without end ([`crowded_for`]).
    pub(crate) async fn notify(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        let audience = Audience::of(&occurrence.event);
        if audience == Audience::NOBODY {
            return Ok(());
        }
        let about = occurrence.event.about();
        // The offer names the contract it may become before there is one.
        let contract = about.contract.or(occurrence.contract);
        let roles: Vec<String> = audience.client.iter().map(|role| role.as_str().to_owned()).collect();
        // What was never offered to a freelancer is no news for them.
        let find = format!(
            "with parties (organization_id, person_id) as (
                 select organization_id, freelancer_id from contracts where id = $1
                 union select m.organization_id, case when m.contract_id is not null or m.offer_id is null
                         or exists (select from offers where id = m.offer_id and ({SENT})) then m.freelancer_id end
                     from milestones m where m.id = $2
                 union select organization_id, case when {SENT} then freelancer_id end from offers where id = $3
                 union select organization_id, null from payments where id = $12
                 union select null, user_id from payouts where id = $4
                 union select $5::uuid, $6::uuid
             )
             select m.user_id from parties p join members m on m.organization_id = p.organization_id
             where m.role = any($7)
             union select p.person_id from parties p where p.person_id is not null and $8
             union select u.id from parties p join users u on u.staff is not null and u.suspended_at is null
             where $9 and p.organization_id is not null and p.person_id is not null
                 and not has_dealings(u.id, p.organization_id, p.person_id)
             union select u.id from users u where $10 and u.staff = 'admin' and u.suspended_at is null
                 and u.id is distinct from (select proposed_by from corrections where id = $11)"
        );
        let proposed = match &occurrence.event {
            Event::CorrectionProposed { correction } => Some(correction.uuid()),
            _ => None,
        };
        let recipients = Recipient::find_by_statement(sql(
            &find,
            [
                contract.map(Id::uuid).into(),
                about.milestone.map(Id::uuid).into(),
                about.offer.map(Id::uuid).into(),
                about.payout.map(Id::uuid).into(),
                about.client.or(about.organization).map(Id::uuid).into(),
                about.freelancer.or(about.user).map(Id::uuid).into(),
                roles.into(),
                audience.person.into(),
                audience.judges.into(),
                audience.admins.into(),
                proposed.into(),
                about.payment.map(Id::uuid).into(),
            ],
        ));
        let quiet_since = quiet_for(&occurrence.event).map(|quiet| occurrence.at - quiet);
        let crowded_since = crowded_for(&occurrence.event).map(|crowded| occurrence.at - crowded);
        // Whoever has read a message by now, or was told of one before it and has not looked, is not told of it: so a
        // lively conversation is one line until it is read.
        let said = match &occurrence.event {
            Event::MessageSent { told } => Some(told.message.uuid()),
            _ => None,
        };
        for Recipient { user_id } in recipients.all(self.db()).await? {
            let write = sql(
                "insert into notifications (id, user_id, event_id, kind, contract_id, milestone_id, subject, created_at)
                 select $1, $2, $3, $4, (select id from contracts where id = $5), $6, $7, $8
                 where ($9::timestamptz is null or not exists (
                     select from notifications told where told.user_id = $2 and told.kind = $4 and told.subject = $7
                         and told.read_at is null and told.created_at > $9))
                 and ($11::timestamptz is null or (select count(*) from (
                     select from notifications told where told.user_id = $2 and told.contract_id = $5 and told.kind = $4
                         and told.read_at is null and told.created_at > $11 limit $12) enough) < $12)
                 and ($10::uuid is null or not (
                     exists (select from notifications told
                             where told.user_id = $2 and told.kind = $4 and told.subject = $7 and told.read_at is null)
                     or exists (select from messages m
                                join conversation_reads r on r.user_id = $2 and r.conversation_id = m.conversation_id
                                where m.id = $10 and r.up_to >= m.number)))
                 on conflict on constraint notifications_once do nothing",
                [
                    fresh_ids::fresh::<NotificationId>(occurrence.at).uuid().into(),
                    user_id.into(),
                    occurrence.id.uuid().into(),
                    occurrence.event.name().into(),
                    contract.map(Id::uuid).into(),
                    about.milestone.map(Id::uuid).into(),
                    about.subject().into(),
                    occurrence.at.into(),
                    quiet_since.into(),
                    said.into(),
                    crowded_since.into(),
                    CROWD.into(),
                ],
            );
            self.db().execute_raw(write).await?;
        }
        Ok(())
    }

    /// What the person was told, newest first; all of it, or what is unread. Its cursors are those of
    /// [`Self::notifications_follow`].
    pub async fn notifications_page(
        &self,
        call: &Call,
        unread_only: bool,
        page: &PageRequest,
    ) -> Result<Slice<Notification>, Failure> {
        let told = told_to(call.actor.person()?.user);
        let told = if unread_only { told.filter(row::Column::ReadAt.is_null()) } else { told };
        self.notifications_told(told, page, true).await
    }

    /// A notification of the person's own.
    pub async fn notification_find(&self, call: &Call, id: NotificationId) -> Result<Option<Notification>, Failure> {
        let Ok(person) = call.actor.person() else { return Ok(None) };
        let own = row::Entity::find_by_id(id.uuid()).filter(row::Column::UserId.eq(person.user.uuid()));
        Ok(own.one(self.db()).await?.map(Notification::from))
    }

    /// Follow what the person is told: what came after the cursor `after`, or else what comes from
    /// now on.
    pub async fn notifications_follow(
        &self,
        call: &Call,
        after: Option<String>,
    ) -> Result<NotificationFollower, Failure> {
        let user = call.actor.person()?.user;
        // Listen first, and look then: nothing falls in between.
        let watch = Watch::new(self, Followed::Notifications, user);
        let place = match after {
            Some(cursor) => {
                let request = PageRequest { first: Some(0), after: Some(cursor.clone()), ..PageRequest::default() };
                self.notifications_told(told_to(user), &request, false).await?;
                Some(cursor)
            }
            None => {
                let request = PageRequest { last: Some(1), ..PageRequest::default() };
                let latest = self.notifications_told(told_to(user), &request, false).await?;
                latest.items.into_iter().next().map(|(cursor, _)| cursor)
            }
        };
        Ok(NotificationFollower { market: self.clone(), call: call.clone(), place, watch })
    }

    /// What of this a person was told, in the order in which it was told, or the other way round. Cursors are the same.
    async fn notifications_told(
        &self,
        told: Select<row::Entity>,
        page: &PageRequest,
        descending: bool,
    ) -> Result<Slice<Notification>, Failure> {
        let order = Keyset::<row::Entity> {
            list: "notifications_told",
            columns: vec![row::Column::Position],
            descending,
            key: |row| vec![Key::Int(row.position)],
        };
        order.page(self.db(), told, page).await?.try_map(|row| Ok(Notification::from(row)))
    }

    /// How many of them the person has not read.
    pub async fn notifications_unread(&self, call: &Call) -> Result<i64, Failure> {
        let user = call.actor.person()?.user;
        let unread = told_to(user).filter(row::Column::ReadAt.is_null()).count(self.db()).await?;
        Ok(i64::try_from(unread).unwrap_or(i64::MAX))
    }

    /// The person has read these, or all of them; how many that are news to us. What is not the
    /// person's own is passed over in silence: it does not exist for them.
    pub async fn notifications_read(&self, call: &Call, which: Option<Vec<NotificationId>>) -> Result<i64, Failure> {
        let user = call.actor.person()?.user;
        if which.as_ref().is_some_and(|which| which.len() > MARKED_MAX) {
            let message = format!("at most {MARKED_MAX} are marked at once");
            return Err(Refusal::field("ids", "TOO_MANY", message).into());
        }
        run!(self, call, tx => {
            let all = which.is_none();
            let marked = sql(
                "update notifications set read_at = $2 where user_id = $1 and read_at is null and ($3 or id = any($4))",
                [user.uuid().into(), tx.now().into(), all.into(), ids(which.as_deref().unwrap_or_default())],
            );
            let marked = tx.conn().execute_raw(marked).await?.rows_affected();
            Ok(i64::try_from(marked).unwrap_or(i64::MAX))
        })
    }
}

/// All that a person was told.
fn told_to(user: UserId) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::UserId.eq(user.uuid()))
}

/// Somebody who follows what they are told.
#[derive(Debug)]
pub struct NotificationFollower {
    market: Market,
    call: Call,
    place: Option<String>,
    watch: Watch,
}

impl NotificationFollower {
    /// The next thing the person is told, with its cursor, and with the caller as they are by now.
    pub async fn next(&mut self) -> Result<(Actor, String, Notification), Failure> {
        loop {
            let user = self.call.actor.person()?.user;
            let request = PageRequest { first: Some(1), after: self.place.clone(), ..PageRequest::default() };
            let next = self.market.notifications_told(told_to(user), &request, false).await?;
            // Asked anew for each, and after it was read: nobody is told who has signed out meanwhile.
            self.call.actor = self.market.actor_now(&self.call).await?;
            if let Some((cursor, notification)) = next.items.into_iter().next() {
                self.place = Some(cursor.clone());
                return Ok((self.call.actor.clone(), cursor, notification));
            }
            self.watch.changed().await;
        }
    }
}

impl From<row::Model> for Notification {
    fn from(row: row::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            user: UserId::from_uuid(row.user_id),
            event: Id::from_uuid(row.event_id),
            kind: row.kind,
            contract: row.contract_id.map(ContractId::from_uuid),
            milestone: row.milestone_id.map(MilestoneId::from_uuid),
            subject: row.subject,
            created_at: row.created_at,
            read_at: row.read_at,
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notifications")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub event_id: Uuid,
        pub kind: String,
        pub contract_id: Option<Uuid>,
        pub milestone_id: Option<Uuid>,
        pub subject: Option<String>,
        pub position: i64,
        pub created_at: DateTimeUtc,
        pub read_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
