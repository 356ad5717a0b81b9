//! The cards of contracts by the hour: the last one named is charged, and all are remembered.

use std::collections::HashSet;

use domain::Timestamp;
use domain::access::{self, Actor, Subject, Verb};
use domain::contract::Contract;
use domain::id::{ContractId, Id, UserId};
use domain::payment::PaymentMethod;
use domain::refusal::Refusal;
use sea_orm::entity::prelude::*;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// A card that weeks of a contract were charged to, since it was named and until the next was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractCard {
    /// The processor's token.
    pub method: PaymentMethod,
    /// Who named it.
    pub set_by: UserId,
    /// When.
    pub set_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Named {
    contract_id: Uuid,
}

impl Market {
    /// The client names the card that weeks are charged to from now on.
    pub async fn contract_payment_method_set(
        &self,
        call: &Call,
        id: ContractId,
        token: &str,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.shown(tx.contract_for_update(id).await?, Contract::subject)?;
            let current = tx.contract_card(id).await?.map(|card| card.method);
            let change = contract.set_payment_method(tx.actor(), tx.now(), current.as_ref(), token)?;
            if change.changed {
                tx.method_must_not_be_removed(contract.client, token).await?;
                let insert = "insert into contract_payment_methods (contract_id, method, set_by, set_at) values ($1, $2, $3, $4)";
                let by = tx.actor().person().map_err(Refusal::from)?.user;
                let values = [id.uuid().into(), change.next.as_str().into(), by.uuid().into(), tx.now().into()];
                tx.conn().execute_raw(sql(insert, values)).await?;
                tx.audit("contract_payment_method_set", id, serde_json::json!({})).await?;
                // What could not be charged is charged to this one.
                for week in tx.weeks_unsettled_for_update(id).await? {
                    tx.timesheet_save(week.card_named(&Actor::System, tx.now())?).await?;
                }
            }
            Ok(contract)
        })
    }

    /// Those of these contracts, which the caller has loaded, whose client has named a card.
    pub async fn contracts_with_card(&self, contracts: &[ContractId]) -> Result<HashSet<ContractId>, Failure> {
        let named = sql(
            "select distinct contract_id from contract_payment_methods where contract_id = any($1)",
            [ids(contracts)],
        );
        let named = Named::find_by_statement(named).all(self.db()).await?;
        Ok(named.into_iter().map(|row| ContractId::from_uuid(row.contract_id)).collect())
    }

    /// The cards of a contract, newest first, if the caller may see the client's payments: the first
    /// is the one that is charged.
    pub async fn contract_cards(
        &self,
        call: &Call,
        contract: &Contract,
        page: &PageRequest,
    ) -> Result<Slice<ContractCard>, Failure> {
        let pages = self.cards_of_contracts(call, &[contract], page).await?;
        Ok(pages.into_values().next().unwrap_or_else(Slice::empty))
    }

    /// The same, of several contracts.
    pub async fn cards_of_contracts(
        &self,
        call: &Call,
        contracts: &[&Contract],
        page: &PageRequest,
    ) -> Result<Pages<ContractId, ContractCard>, Failure> {
        let seen = |contract: &&&Contract| {
            access::allows(&call.actor, Verb::PaymentRead, &Subject::of_client(contract.client))
        };
        let seen: Vec<ContractId> = contracts.iter().filter(seen).map(|contract| contract.id).collect();
        let order = Keyset::<Entity> {
            list: "contract_payment_methods",
            columns: vec![Column::Id],
            descending: true,
            key: |row| vec![Key::Int(row.id)],
        };
        let pages = order.pages(self.db(), Entity::find(), Column::ContractId, &seen, page).await?;
        Ok(try_map_pages(pages, ContractCard::try_from)?)
    }
}

impl Tx {
    /// The card of a contract, if its client has named one.
    pub(super) async fn contract_card(&self, id: ContractId) -> Result<Option<ContractCard>, Failure> {
        Ok(last(id).one(self.conn()).await?.map(ContractCard::try_from).transpose()?)
    }
}

fn last(id: ContractId) -> Select<Entity> {
    Entity::find().filter(Column::ContractId.eq(id.uuid())).order_by_desc(Column::Id)
}

impl TryFrom<Model> for ContractCard {
    type Error = Fault;
    fn try_from(row: Model) -> Result<Self, Fault> {
        let method =
            PaymentMethod::parse(&row.method).map_err(|error| Fault::bad_row("contract_payment_methods", error))?;
        Ok(Self { method, set_by: Id::from_uuid(row.set_by), set_at: row.set_at })
    }
}

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contract_payment_methods")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub contract_id: Uuid,
    pub method: String,
    pub set_by: Uuid,
    pub set_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
