//! What screening found: who is on a list stands still until our people have looked.

use domain::Timestamp;
use domain::access::{self, Actor, Subject, Verb};
use domain::change::Change;
use domain::contract::{HoldReason, Status};
use domain::id::{ContractId, Id, OrganizationId, ScreeningHitId, UserId};
use domain::refusal::Refusal;
use domain::screening::{Hit, HitState, Party, under_review};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};
use uuid::Uuid;

use super::normal;
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

/// What stands against money of a client's coming in, or makes it stay for longer.
#[derive(FromQueryResult)]
struct Standing {
    reviewed: bool,
    taken_back_at: Option<Timestamp>,
}

impl Market {
    /// What was found of clients and freelancers, newest first, for our people.
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

    /// One of our people found that a hit is nothing. Once nothing else stands against either side of a contract, its
    /// money moves.
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
            let party = change.next.party;
            if change.changed {
                let detail = serde_json::json!({ "reason": reason, "party": party });
                tx.audit("screening_hit_clear", id, detail).await?;
            }
            let hit = tx.screening_hit_save(change).await?;
            tx.contracts_let_go(party).await?;
            Ok(hit)
        })
    }

    /// Somebody is on the list: what they have under way stands still, unless our people looked at it before. Is it new?
    pub(super) async fn screening_hit_note(&self, party: Party, name: &str, listed: &str) -> Result<bool, Failure> {
        let call = Call::system("screening");
        let words = normal(name).join(" ");
        let (client, freelancer) = columns(party);
        run!(self, &call, tx => {
            let found = sql(
                "select from screening_hits
                 where (organization_id = $1 or freelancer_id = $2) and words = $3 and listed = $4",
                [client.into(), freelancer.into(), words.clone().into(), listed.into()],
            );
            if tx.conn().query_one_raw(found).await?.is_some() {
                return Ok(false);
            }
            let change = Hit::found(tx.actor(), tx.now(), tx.id(), party, name.to_owned(), listed.to_owned())?;
            let id = change.next.id;
            tx.audit("screening_hit", id, serde_json::json!({ "party": party, "listed": listed })).await?;
            tx.screening_hit_save(change).await?;
            tx.contracts_stand_still(party).await?;
            Ok(true)
        })
    }
}

impl Tx {
    /// No money moves between two of whom our people look at one.
    pub(crate) async fn must_not_be_reviewed(
        &self,
        client: OrganizationId,
        freelancer: Option<UserId>,
    ) -> Result<(), Failure> {
        if self.is_reviewed(client, freelancer).await? { Err(under_review().into()) } else { Ok(()) }
    }

    /// The same, where money of the client is to come in; and when a bank last took some back, of what it has not given
    /// back.
    pub(crate) async fn may_bring_money(
        &self,
        client: OrganizationId,
        freelancer: UserId,
    ) -> Result<Option<Timestamp>, Failure> {
        let select = "select exists (select from screening_hits
                where (organization_id = $1 or freelancer_id = $2) and status = 'open') as reviewed,
            (select max(opened_at) from chargebacks where organization_id = $1 and won_at is null) as taken_back_at";
        let found = sql(select, [client.uuid().into(), freelancer.uuid().into()]);
        match Standing::find_by_statement(found).one(self.conn()).await? {
            Some(Standing { reviewed: false, taken_back_at }) => Ok(taken_back_at),
            Some(Standing { reviewed: true, .. }) | None => Err(under_review().into()),
        }
    }

    async fn is_reviewed(&self, client: OrganizationId, freelancer: Option<UserId>) -> Result<bool, Failure> {
        let open = "select from screening_hits
            where (organization_id = $1 or freelancer_id = $2) and status = 'open' limit 1";
        let open = sql(open, [client.uuid().into(), freelancer.map(UserId::uuid).into()]);
        Ok(self.conn().query_one_raw(open).await?.is_some())
    }

    async fn contracts_stand_still(&self, party: Party) -> Result<(), Failure> {
        for id in self.contracts_not_over(party).await? {
            let Some(contract) = self.contract_for_update(id).await? else { continue };
            self.contract_save(contract.put_on_hold(&Actor::System, self.now(), HoldReason::SanctionsHit)?).await?;
        }
        Ok(())
    }

    /// Whether something else stands against a side is asked under the contract's lock: of two hits that are cleared at
    /// once, the later one lets go.
    async fn contracts_let_go(&self, party: Party) -> Result<(), Failure> {
        for id in self.contracts_not_over(party).await? {
            let Some(contract) = self.contract_for_update(id).await? else { continue };
            if self.is_reviewed(contract.client, Some(contract.freelancer)).await? {
                continue;
            }
            let change = contract.lift_hold(&Actor::System, HoldReason::SanctionsHit)?;
            self.contract_lifted(change).await?;
        }
        Ok(())
    }

    /// Somebody's contracts that are not over, in the order in which they are locked.
    async fn contracts_not_over(&self, party: Party) -> Result<Vec<ContractId>, Failure> {
        let (client, freelancer) = columns(party);
        let select = sql(
            "select id from contracts
             where (organization_id = $1 or freelancer_id = $2) and status <> $3 order by id",
            [client.into(), freelancer.into(), Status::Ended.as_str().into()],
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

/// The columns that say whose a hit is: a client's id, or a freelancer's.
fn columns(party: Party) -> (Option<Uuid>, Option<Uuid>) {
    match party {
        Party::Client(client) => (Some(client.uuid()), None),
        Party::Freelancer(freelancer) => (None, Some(freelancer.uuid())),
    }
}

impl TryFrom<row::Model> for Hit {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: HitState = row.state.0;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("screening_hits", "its status is not that of its state"));
        }
        let party = match (row.organization_id, row.freelancer_id) {
            (Some(client), None) => Party::Client(Id::from_uuid(client)),
            (None, Some(freelancer)) => Party::Freelancer(Id::from_uuid(freelancer)),
            _ => return Err(Fault::bad_row("screening_hits", "it is of one side, and of one alone")),
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            party,
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
        let (organization_id, freelancer_id) = columns(hit.party);
        Ok(Self {
            id: hit.id.uuid(),
            organization_id,
            freelancer_id,
            name: hit.name.clone(),
            words: normal(&hit.name).join(" "),
            listed: hit.listed.clone(),
            found_at: hit.found_at,
            status: hit.state.as_str().to_owned(),
            cleared_by: match hit.state {
                HitState::Open => None,
                HitState::Cleared { by, .. } => Some(by.uuid()),
            },
            state: hit.state.clone().into(),
            version: hit.version,
        })
    }
}

mod row {
    use domain::screening::HitState;
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "screening_hits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Option<Uuid>,
        pub freelancer_id: Option<Uuid>,
        pub name: String,
        pub words: String,
        pub listed: String,
        pub found_at: DateTimeUtc,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<HitState>,
        pub cleared_by: Option<Uuid>,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
