//! The history of contracts: read by pages, or followed as it grows.

use domain::access::Actor;
use domain::contract::Contract;
use domain::event::Event;
use domain::history::{Happening, View};
use domain::id::{ContractId, EventId, Id};
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::contract::row as contract;
use crate::follow::{Followed, Watch};
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::whole_of;
use crate::{Call, Failure, Fault};

impl Market {
    /// What happened on a contract, as far as the caller may see it, oldest first.
    pub async fn history_page(
        &self,
        call: &Call,
        contract: &Contract,
        page: &PageRequest,
    ) -> Result<Slice<Happening>, Failure> {
        let pages = self.histories(call, &[contract], page).await?;
        Ok(pages.into_values().next().unwrap_or_else(Slice::empty))
    }

    /// The same, of several contracts.
    pub async fn histories(
        &self,
        call: &Call,
        contracts: &[&Contract],
        page: &PageRequest,
    ) -> Result<Pages<ContractId, Happening>, Failure> {
        let ids: Vec<ContractId> = contracts.iter().map(|contract| contract.id).collect();
        let open = self.in_dispute(&call.actor, &ids).await?;
        let view = |contract: &Contract| {
            let subject = contract.subject();
            View::of(&call.actor, &subject.disputed_if(subject.disputed || open.contains(&contract.id)))
        };
        let mut pages = Pages::new();
        for from in [View::Freelancer, View::Client, View::Platform] {
            let theirs = contracts.iter().filter(|contract| view(contract) == Some(from));
            let theirs: Vec<ContractId> = theirs.map(|contract| contract.id).collect();
            let select = row::Entity::find().filter(row::seen_from(from));
            pages.extend(order().pages(self.db(), select, row::Column::ContractId, &theirs, page).await?);
        }
        Ok(try_map_pages(pages, Happening::try_from)?)
    }

    /// Something that happened on a contract, with its cursor in the contract's history, if the caller may see it.
    pub async fn happening_find(&self, call: &Call, id: EventId) -> Result<Option<(String, Happening)>, Failure> {
        let (of, part) = (row::Column::ContractId, (row::Column::Id, id.uuid()));
        let rows = whole_of::<contract::Entity, row::Entity>(self.db(), contract::Column::Id, of, part).await?;
        let ids: Vec<ContractId> = rows.iter().map(|row| ContractId::from_uuid(row.id)).collect();
        let Some(contract) = self.contracts_seen(call, rows, &ids).await?.pop() else { return Ok(None) };
        let found = row::Entity::find_by_id(id.uuid()).filter(row::Column::ContractId.is_not_null());
        let Some(row) = found.one(self.db()).await? else { return Ok(None) };
        let cursor = order().cursor(&row);
        let (for_client, for_freelancer) = (row.for_client, row.for_freelancer);
        let happening = Happening::try_from(row)?;
        let seen = match self.history_view(&call.actor, &contract).await? {
            Some(View::Freelancer) => for_freelancer,
            Some(View::Client) => for_client,
            Some(View::Platform) => for_client || for_freelancer,
            None => false,
        };
        Ok(seen.then_some((cursor, happening)))
    }

    /// From where somebody looks at a contract's history.
    async fn history_view(&self, actor: &Actor, contract: &Contract) -> Result<Option<View>, Failure> {
        let subject = self.with_disputes(actor, contract.subject(), Some(contract.id)).await?;
        Ok(View::of(actor, &subject))
    }

    /// Follow the history of a contract: what came after the cursor `after`, or else what comes
    /// from now on.
    pub async fn history_follow(
        &self,
        call: &Call,
        id: ContractId,
        after: Option<String>,
    ) -> Result<HistoryFollower, Failure> {
        let user = call.actor.person()?.user;
        // Listen first, and look then: nothing falls in between.
        let watch = Watch::new(self, Followed::Contract(id), user);
        let contract = self.contract_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        let place = match after {
            Some(cursor) => {
                let request = PageRequest { first: Some(0), after: Some(cursor.clone()), ..PageRequest::default() };
                self.history_page(call, &contract, &request).await?;
                Some(cursor)
            }
            None => {
                let request = PageRequest { last: Some(1), ..PageRequest::default() };
                let latest = self.history_page(call, &contract, &request).await?;
                latest.items.into_iter().next().map(|(cursor, _)| cursor)
            }
        };
        Ok(HistoryFollower { market: self.clone(), call: call.clone(), contract, place, watch })
    }
}

/// Somebody who follows the history of a contract.
#[derive(Debug)]
pub struct HistoryFollower {
    market: Market,
    call: Call,
    contract: Contract,
    place: Option<String>,
    watch: Watch,
}

impl HistoryFollower {
    /// The next thing that happened, with its cursor, and with the caller as they are by now.
    pub async fn next(&mut self) -> Result<(Actor, String, Happening), Failure> {
        loop {
            let request = PageRequest { first: Some(1), after: self.place.clone(), ..PageRequest::default() };
            let next = self.market.history_page(&self.call, &self.contract, &request).await?;
            // Who they are is asked anew for each event, and after it was read: what happens once they
            // may not see it any more is not told to who they were.
            let was = self.market.history_view(&self.call.actor, &self.contract).await?;
            self.call.actor = self.market.actor_now(&self.call).await?;
            self.contract = self.market.contract_find(&self.call, self.contract.id).await?.ok_or(Refusal::HIDDEN)?;
            if self.market.history_view(&self.call.actor, &self.contract).await? != was {
                continue;
            }
            if let Some((cursor, happening)) = next.items.into_iter().next() {
                self.place = Some(cursor.clone());
                return Ok((self.call.actor.clone(), cursor, happening));
            }
            self.watch.changed().await;
        }
    }
}

fn order() -> Keyset<row::Entity> {
    Keyset {
        list: "history",
        columns: vec![row::Column::Position],
        descending: false,
        key: |row| vec![Key::Int(row.position.unwrap_or_default())],
    }
}

impl TryFrom<row::Model> for Happening {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let contract = row.contract_id.ok_or_else(|| Fault::bad_row("events", "it is in no contract's history"))?;
        // While a newer version takes over, both write: what this one has no name for has its place all the same.
        let is_newer = row.body["type"].as_str().is_some_and(|name| !Event::NAMES.contains(&name));
        let event = if is_newer { None } else { Some(serde_json::from_value::<Event>(row.body)?) };
        Ok(Self { id: Id::from_uuid(row.id), contract: Id::from_uuid(contract), event, at: row.occurred_at })
    }
}

mod row {
    use domain::history::View;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
        pub occurred_at: DateTimeUtc,
        pub contract_id: Option<Uuid>,
        pub for_client: bool,
        pub for_freelancer: bool,
        pub position: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}

    /// What is seen from there.
    pub fn seen_from(view: View) -> super::Condition {
        let any = super::Condition::any();
        match view {
            View::Freelancer => any.add(Column::ForFreelancer.eq(true)),
            View::Client => any.add(Column::ForClient.eq(true)),
            View::Platform => any.add(Column::ForClient.eq(true)).add(Column::ForFreelancer.eq(true)),
        }
    }
}
