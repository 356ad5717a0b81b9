//! Clients on lists: each is screened before money of theirs comes in, and all of them once a day and whenever the list
//! is another one.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Actor, Subject, Verb};
use domain::change::Change;
use domain::contract::{HoldReason, Status};
use domain::id::{ContractId, Id, OrganizationId, ScreeningHitId};
use domain::refusal::Refusal;
use domain::screening::{Hit, HitState, under_review};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};
use uuid::Uuid;

use super::{Listed, normal};
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

/// For so long a client who was screened under the same names need not be before each payment; the sweep comes round in
/// the meantime.
const FRESH: TimeDelta = TimeDelta::days(1);
/// A sweep that has not ended after so long was broken off.
const SWEEPING: TimeDelta = TimeDelta::hours(1);
/// How many clients are read at a time.
const BATCH: i64 = 500;

/// What stands against money of a client's coming in, or makes it stay for longer.
#[derive(FromQueryResult)]
struct Standing {
    reviewed: bool,
    taken_back_at: Option<Timestamp>,
}

/// A client, and the names it is known by: its own, and its owners'.
#[derive(Debug, FromQueryResult)]
struct Known {
    id: Uuid,
    names: Vec<String>,
}

const NAMES: &str = "
    select o.id, array_prepend(o.name, coalesce(array_agg(u.name order by u.id) filter (where u.id is not null), '{}')) as names
    from organizations o
    left join members m on m.organization_id = o.id and m.role = 'owner'
    left join users u on u.id = m.user_id";

impl Market {
    /// What was found of clients, newest first, for our people.
    pub async fn screening_hits(&self, call: &Call, page: &PageRequest) -> Result<Slice<Hit>, Failure> {
        access::check(&call.actor, Verb::ScreeningRead, &Subject::OURS)?;
        let order = Keyset::<row::Entity> {
            list: "screening_hits",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        Ok(order.page(self.db(), select, page).await?.try_map(Hit::try_from)?)
    }

    /// The hit, if the caller may see it.
    pub async fn screening_hit_find(&self, call: &Call, id: ScreeningHitId) -> Result<Option<Hit>, Failure> {
        if !access::allows(&call.actor, Verb::ScreeningRead, &Subject::OURS) {
            return Ok(None);
        }
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Hit::try_from).transpose()?)
    }

    /// One of our people found that a hit is nothing. Once nothing else stands against the client, their money moves.
    pub async fn screening_hit_clear(
        &self,
        call: &Call,
        id: ScreeningHitId,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Hit, Failure> {
        run!(self, call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let hit = row.map(Hit::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            let change = hit.clear(tx.actor(), tx.now(), expected, reason)?;
            tx.must_be_proved(call).await?;
            let client = change.next.client;
            if change.changed {
                tx.audit("screening_hit_clear", id, serde_json::json!({ "reason": reason, "client": client })).await?;
            }
            let hit = tx.screening_hit_save(change).await?;
            if !tx.is_reviewed(client).await? {
                tx.contracts_let_go(client).await?;
            }
            Ok(hit)
        })
    }

    /// Screen a client before money of theirs comes in, unless that was done lately under the names they have.
    pub(crate) async fn client_screen(&self, client: OrganizationId) -> Result<(), Failure> {
        let select = format!(
            "{NAMES} where o.id = $1 group by o.id
             having not exists (
                 select from client_screenings s where s.organization_id = o.id and s.screened_at > $2
                     and s.names = array_prepend(o.name, coalesce(array_agg(u.name order by u.id) filter (where u.id is not null), '{{}}')))"
        );
        let since = self.clock().now() - FRESH;
        let known = Known::find_by_statement(sql(&select, [client.uuid().into(), since.into()])).one(self.db()).await?;
        let Some(known) = known else { return Ok(()) };
        let list = self.screening().list().await?;
        self.clients_screen(&list, &[known]).await.map(drop)
    }

    /// Screen all clients, if the list is another one than the last time, or that is a day ago; was it done now?
    pub async fn clients_screen_when_due(&self) -> Result<bool, Failure> {
        let list = self.screening().list().await?;
        let (print, now) = (list.fingerprint(), self.clock().now());
        let begin = sql(
            "insert into screening_sweeps (list, begun_at)
             select $1, $2 where not exists (
                 select from (select * from screening_sweeps order by id desc limit 1) last
                 where last.list = $1 and last.begun_at > case when last.ended_at is null then $3 else $4 end)
             returning id",
            [print.into(), now.into(), (now - SWEEPING).into(), (now - FRESH).into()],
        );
        let Some(begun) = self.db().query_one_raw(begin).await? else { return Ok(false) };
        let sweep: i64 = begun.try_get("", "id")?;
        let (mut after, mut clients, mut hits) = (Uuid::nil(), 0, 0);
        loop {
            let select = format!("{NAMES} where o.id > $1 group by o.id order by o.id limit $2");
            let heap = Known::find_by_statement(sql(&select, [after.into(), BATCH.into()])).all(self.db()).await?;
            let Some(last) = heap.last() else { break };
            after = last.id;
            clients += i64::try_from(heap.len()).unwrap_or(i64::MAX);
            hits += self.clients_screen(&list, &heap).await?;
        }
        let end = sql(
            "update screening_sweeps set ended_at = $2, clients = $3, hits = $4 where id = $1",
            [sweep.into(), self.clock().now().into(), clients.into(), hits.into()],
        );
        self.db().execute_raw(end).await?;
        tracing::info!(clients, hits, "all clients were screened");
        Ok(true)
    }

    /// Hold these clients' names against the list; how many hits are new.
    async fn clients_screen(&self, list: &Listed, clients: &[Known]) -> Result<i64, Failure> {
        let mut new = 0;
        for client in clients {
            for name in &client.names {
                if let Some(listed) = list.names.get(&normal(name)) {
                    new += i64::from(self.screening_hit_note(Id::from_uuid(client.id), name, listed).await?);
                }
            }
        }
        let names = |client: &Known| serde_json::json!({ "id": client.id, "names": client.names });
        let note = sql(
            "insert into client_screenings (organization_id, names, screened_at)
             select (one ->> 'id')::uuid, array(select jsonb_array_elements_text(one -> 'names')), $2
             from jsonb_array_elements($1) one
             on conflict (organization_id) do update set names = excluded.names, screened_at = excluded.screened_at",
            [clients.iter().map(names).collect::<serde_json::Value>().into(), self.clock().now().into()],
        );
        self.db().execute_raw(note).await?;
        Ok(new)
    }

    /// A name of a client is on the list: what they have under way stands still, unless our people looked at it before.
    async fn screening_hit_note(&self, client: OrganizationId, name: &str, listed: &str) -> Result<bool, Failure> {
        let call = Call::system("screening");
        let words = normal(name).join(" ");
        run!(self, &call, tx => {
            let found = sql(
                "select from screening_hits where organization_id = $1 and words = $2 and listed = $3",
                [client.uuid().into(), words.clone().into(), listed.into()],
            );
            if tx.conn().query_one_raw(found).await?.is_some() {
                return Ok(false);
            }
            let change = Hit::found(tx.actor(), tx.now(), tx.id(), client, name.to_owned(), listed.to_owned())?;
            let id = change.next.id;
            tx.audit("screening_hit", id, serde_json::json!({ "client": client, "listed": listed })).await?;
            tx.screening_hit_save(change).await?;
            tx.contracts_stand_still(client).await?;
            Ok(true)
        })
    }
}

impl Tx {
    /// No money of a client moves while our people look at a name of theirs.
    pub(crate) async fn must_not_be_reviewed(&self, client: OrganizationId) -> Result<(), Failure> {
        if self.is_reviewed(client).await? { Err(under_review().into()) } else { Ok(()) }
    }

    /// The same, where money of theirs is to come in; and when a bank last took some back, of what it has not given back.
    pub(crate) async fn may_bring_money(&self, client: OrganizationId) -> Result<Option<Timestamp>, Failure> {
        let select =
            "select exists (select from screening_hits where organization_id = $1 and status = 'open') as reviewed,
            (select max(opened_at) from chargebacks where organization_id = $1 and won_at is null) as taken_back_at";
        let found = Standing::find_by_statement(sql(select, [client.uuid().into()])).one(self.conn()).await?;
        match found {
            Some(Standing { reviewed: false, taken_back_at }) => Ok(taken_back_at),
            Some(Standing { reviewed: true, .. }) | None => Err(under_review().into()),
        }
    }

    async fn is_reviewed(&self, client: OrganizationId) -> Result<bool, Failure> {
        let open = "select from screening_hits where organization_id = $1 and status = 'open' limit 1";
        Ok(self.conn().query_one_raw(sql(open, [client.uuid().into()])).await?.is_some())
    }

    async fn contracts_stand_still(&self, client: OrganizationId) -> Result<(), Failure> {
        for id in self.contracts_not_over(client).await? {
            let Some(contract) = self.contract_for_update(id).await? else { continue };
            self.contract_save(contract.put_on_hold(&Actor::System, self.now(), HoldReason::SanctionsHit)?).await?;
        }
        Ok(())
    }

    async fn contracts_let_go(&self, client: OrganizationId) -> Result<(), Failure> {
        for id in self.contracts_not_over(client).await? {
            let Some(contract) = self.contract_for_update(id).await? else { continue };
            let change = contract.lift_hold(&Actor::System, HoldReason::SanctionsHit)?;
            self.contract_lifted(change).await?;
        }
        Ok(())
    }

    /// A client's contracts that are not over, in the order in which they are locked.
    async fn contracts_not_over(&self, client: OrganizationId) -> Result<Vec<ContractId>, Failure> {
        let select = sql(
            "select id from contracts where organization_id = $1 and status <> $2 order by id",
            [client.uuid().into(), Status::Ended.as_str().into()],
        );
        let rows = self.conn().query_all_raw(select).await?;
        let id = |row: sea_orm::QueryResult| row.try_get::<Uuid>("", "id").map(ContractId::from_uuid);
        Ok(rows.into_iter().map(id).collect::<Result<_, _>>()?)
    }

    async fn screening_hit_save(&self, change: Change<Hit>) -> Result<Hit, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }
}

impl TryFrom<row::Model> for Hit {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: HitState = serde_json::from_value(row.state)?;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("screening_hits", "its status is not that of its state"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            client: Id::from_uuid(row.organization_id),
            name: row.name,
            listed: row.listed,
            found_at: row.found_at,
            version: row.version,
            state,
        })
    }
}

impl TryFrom<&Hit> for row::Model {
    type Error = Fault;
    fn try_from(hit: &Hit) -> Result<Self, Fault> {
        Ok(Self {
            id: hit.id.uuid(),
            organization_id: hit.client.uuid(),
            name: hit.name.clone(),
            words: normal(&hit.name).join(" "),
            listed: hit.listed.clone(),
            found_at: hit.found_at,
            status: hit.state.as_str().to_owned(),
            cleared_by: match hit.state {
                HitState::Open => None,
                HitState::Cleared { by, .. } => Some(by.uuid()),
            },
            state: serde_json::to_value(&hit.state)?,
            version: hit.version,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "screening_hits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Uuid,
        pub name: String,
        pub words: String,
        pub listed: String,
        pub found_at: DateTimeUtc,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Json,
        pub cleared_by: Option<Uuid>,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
