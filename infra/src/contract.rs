//! Contracts: what accepted offers became.

use std::collections::HashMap;

use domain::access::{self, Actor, Verb};
use domain::change::Change;
use domain::contract::{Contract, HoldReason, State, Status};
use domain::id::{ContractId, Id, MilestoneId, OrganizationId, PaymentId, TimesheetId};
use domain::money::{Currency, Money, MoneyError};
use domain::payment::Purpose;
use domain::refusal::Refusal;
use domain::user::given_reason;
use sea_orm::sea_query::{Expr, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::doc::Doc;
use crate::market::Market;
use crate::milestone::{Outline, outline};
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

impl Market {
    /// The contract, if the caller may see it.
    pub async fn contract_find(&self, call: &Call, id: ContractId) -> Result<Option<Contract>, Failure> {
        Ok(self.contracts_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Contracts by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn contracts_by_id(&self, call: &Call, wanted: &[ContractId]) -> Result<Vec<Contract>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        self.contracts_seen(call, rows, wanted).await
    }

    /// Of the contracts in these rows, which have some of these ids, those that the caller may see.
    pub(crate) async fn contracts_seen(
        &self,
        call: &Call,
        rows: Vec<row::Model>,
        ids: &[ContractId],
    ) -> Result<Vec<Contract>, Failure> {
        let contracts = rows.into_iter().map(Contract::try_from).collect::<Result<Vec<_>, _>>()?;
        let open = self.in_dispute(&call.actor, ids).await?;
        let seen = |contract: &Contract| {
            let subject = contract.subject();
            let subject = subject.disputed_if(subject.disputed || open.contains(&contract.id));
            access::allows(&call.actor, Verb::ContractRead, &subject)
        };
        Ok(contracts.into_iter().filter(seen).collect())
    }

    /// The contracts the caller works on, newest first.
    pub async fn contracts_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Contract>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(Slice::empty()) };
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid()));
        let mut slice =
            newest_first("viewer_contracts").page(self.db(), select, page).await?.try_map(Contract::try_from)?;
        slice.retain(|contract| contract.visible_to(&call.actor));
        Ok(slice)
    }

    /// The contracts that each of these organizations pays for, newest first; its members see them.
    pub async fn contracts_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Contract>, Failure> {
        let seen =
            |id: &OrganizationId| access::allows(&call.actor, Verb::ContractRead, &access::Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let (order, column) = (newest_first("organization_contracts"), row::Column::OrganizationId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, column, &seen, page).await?;
        let mut pages = try_map_pages(pages, Contract::try_from)?;
        for slice in pages.values_mut() {
            slice.retain(|contract| contract.visible_to(&call.actor));
        }
        Ok(pages)
    }

    /// The contracts the caller works on, newest first, and what a list shows of the first milestones of each: a row for
    /// each contract, with a list of JSON in it.
    pub async fn contracts_of_viewer_with_milestones(
        &self,
        call: &Call,
        page: &PageRequest,
        milestones: &PageRequest,
    ) -> Result<(Slice<Contract>, Pages<ContractId, Outline>), Failure> {
        let Some(user) = call.actor.user() else { return Ok((Slice::empty(), Pages::new())) };
        let (outer, inner) = (newest_first("viewer_contracts"), outline::oldest_first("contract_milestones"));
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid()));
        let (page, within) = (outer.parse(page)?, inner.parse(milestones)?);
        let total = outer.count(self.db(), &select, &page).await?;
        let theirs = outline::Entity::find().filter(Expr::cust("milestones.contract_id = contracts.id"));
        let mut parts = Query::select();
        parts.expr(outline::gathered("parts")).from_subquery(inner.cut(theirs, &within).into_query(), "parts");
        let mut query = outer.cut(select, &page).into_query();
        query.expr_as(SimpleExpr::SubQuery(None, Box::new(parts.into())), "parts");
        let (mut contracts, mut parts): (Vec<row::Model>, Vec<_>) = (Vec::new(), Vec::new());
        for found in self.db().query_all_raw(DbBackend::Postgres.build(&query)).await? {
            contracts.push(row::Model::from_query_result(&found, "")?);
            let list: Option<Doc<Vec<outline::Model>>> = found.try_get("", "parts")?;
            parts.extend(list.into_iter().flat_map(|list| list.0));
        }
        let ids: Vec<ContractId> = contracts.iter().map(|contract| ContractId::from_uuid(contract.id)).collect();
        let pages = inner.deal(parts, outline::Column::ContractId, &ids, &within, &HashMap::new());
        let slice = Slice { total, ..page.slice(contracts, outer.key) };
        let mut slice = slice.try_map(Contract::try_from)?;
        slice.retain(|contract| contract.visible_to(&call.actor));
        Ok((slice, try_map_pages(pages, Outline::try_from)?))
    }

    /// Where the money of contracts that the caller has loaded is.
    pub async fn money_of_contracts(
        &self,
        contracts: &[ContractId],
    ) -> Result<HashMap<ContractId, ContractMoney>, Failure> {
        let rows = MoneyRow::find_by_statement(sql(
            "select owner.id, coalesce(sum(held_minor), 0)::bigint as held,
                 coalesce(sum(released_net_minor), 0)::bigint as released, coalesce(sum(fee_minor), 0)::bigint as fee,
                 coalesce(sum(refunded_minor), 0)::bigint as refunded,
                 coalesce(sum(charged_back_minor), 0)::bigint as charged_back
             from unnest($1::uuid[]) owner (id) left join lateral (
                 select held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor
                 from milestones where contract_id = owner.id and currency = 'USD'
                 union all
                 select held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor
                 from timesheets where contract_id = owner.id and currency = 'USD') parts on true
             group by owner.id",
            [ids(contracts)],
        ));
        let rows = rows.all(self.db()).await?.into_iter();
        rows.map(|row| Ok((ContractId::from_uuid(row.id), ContractMoney::try_from(row)?))).collect()
    }

    /// Either side asks for a break.
    pub async fn contract_pause(
        &self,
        call: &Call,
        id: ContractId,
        expected: Option<i64>,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.contract_save(contract.pause(tx.actor(), tx.now(), expected)?).await
        })
    }

    /// Either side ends the break.
    pub async fn contract_resume(
        &self,
        call: &Call,
        id: ContractId,
        expected: Option<i64>,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.shown(tx.contract_for_update(id).await?, Contract::subject)?;
            let weeks = tx.weeks_unsettled_for_update(id).await?;
            // What puts it on hold may have come up during the break.
            let resumed = contract.resume(tx.actor(), tx.now(), expected)?;
            let resumed = resumed.then(|contract| contract.heed_weeks(&Actor::System, tx.now(), &weeks))?;
            tx.contract_save(resumed).await
        })
    }

    /// One of our people puts a contract on hold.
    pub async fn contract_hold(
        &self,
        call: &Call,
        id: ContractId,
        expected: Option<i64>,
        reason: HoldReason,
        note: &str,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = contract.hold(tx.actor(), tx.now(), expected, reason)?;
            let detail = serde_json::json!({ "reason": reason, "note": given_reason(note)? });
            if change.changed {
                tx.audit("contract_hold", id, detail).await?;
            }
            tx.contract_save(change).await
        })
    }

    /// One of our people finds that something no longer stands against a contract.
    pub async fn contract_lift_hold(
        &self,
        call: &Call,
        id: ContractId,
        expected: Option<i64>,
        settled: HoldReason,
        note: &str,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = contract.lift(tx.actor(), tx.now(), expected, settled)?;
            let detail = serde_json::json!({ "reason": settled, "note": given_reason(note)? });
            if change.changed {
                tx.audit("contract_lift_hold", id, detail).await?;
            }
            tx.contract_lifted(change).await
        })
    }

    /// Either side ends the contract. Milestones without money are called off, an open week goes to
    /// the client; what has money, or is owed, is carried through first.
    pub async fn contract_end(&self, call: &Call, id: ContractId, expected: Option<i64>) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let ending = contract.end(tx.actor(), tx.now(), expected)?;
            let mut settled = tx.contract_calls_off(id).await?;
            for week in tx.weeks_unsettled_for_update(id).await? {
                let change = week.wind_up(&Actor::System, tx.now())?;
                if change.changed {
                    tx.timesheet_write(&change.next).await?;
                }
                settled &= tx.settle(change).await?.state.is_terminal();
            }
            let ended = ending.then(|contract| contract.finish(&Actor::System, tx.now(), settled))?;
            let contract = tx.contract_save(ended).await?;
            tx.audit("contract_end", id, serde_json::json!({ "settled": settled })).await?;
            Ok(contract)
        })
    }

    /// A milestone is over: if that was the last of an ending contract, the contract has ended.
    pub(crate) async fn contract_finish_after(&self, call: &Call, milestone: MilestoneId) -> Result<(), Failure> {
        match self.milestone_find(call, milestone).await?.and_then(|milestone| milestone.contract) {
            Some(id) => self.contract_finish(call, id).await,
            None => Ok(()),
        }
    }

    /// A week is settled: if that was the last of an ending contract, the contract has ended.
    pub(crate) async fn contract_finish_after_week(&self, call: &Call, week: TimesheetId) -> Result<(), Failure> {
        match self.timesheet_find(call, week).await? {
            Some(week) => self.contract_finish(call, week.contract).await,
            None => Ok(()),
        }
    }

    /// A payment became the client's credit: what it was for, on an ending contract, gets no money any more.
    pub(crate) async fn contract_finish_after_payment(&self, call: &Call, payment: PaymentId) -> Result<(), Failure> {
        match self.payment_load(payment).await?.map(|payment| payment.purpose) {
            Some(Purpose::Milestone(milestone)) => self.contract_finish_after(call, milestone).await,
            Some(Purpose::Timesheet(_)) | None => Ok(()),
        }
    }

    /// An ending contract has ended when its milestones are over and its weeks are settled. What was being paid for when
    /// it was ended, and was not, is called off.
    async fn contract_finish(&self, call: &Call, id: ContractId) -> Result<(), Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if matches!(contract.state, State::Ending { .. }) {
                let settled = tx.contract_is_settled(id).await?;
                tx.contract_save(contract.finish(tx.actor(), tx.now(), settled)?).await?;
            }
            Ok(())
        })
    }
}

/// Where the money of a contract is: the parts of all its milestones and weeks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractMoney {
    /// All that was put in.
    pub funded: Money,
    /// In escrow.
    pub held: Money,
    /// Gone to the freelancer, after the fee.
    pub released: Money,
    /// Gone to us out of what was released.
    pub fee: Money,
    /// Gone back to the client.
    pub refunded: Money,
    /// Taken back by the client's bank.
    pub charged_back: Money,
}

#[derive(FromQueryResult)]
struct MoneyRow {
    id: Uuid,
    held: i64,
    released: i64,
    fee: i64,
    refunded: i64,
    charged_back: i64,
}

impl TryFrom<MoneyRow> for ContractMoney {
    type Error = MoneyError;
    fn try_from(row: MoneyRow) -> Result<Self, MoneyError> {
        let dollars = |minor| Money::new(minor, Currency::Usd);
        let (held, released, fee) = (dollars(row.held)?, dollars(row.released)?, dollars(row.fee)?);
        let (refunded, charged_back) = (dollars(row.refunded)?, dollars(row.charged_back)?);
        let funded = held.plus(released)?.plus(fee)?.plus(refunded)?.plus(charged_back)?;
        Ok(Self { funded, held, released, fee, refunded, charged_back })
    }
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

impl Tx {
    /// The contract, locked until this transaction ends.
    pub async fn contract_for_update(&self, id: ContractId) -> Result<Option<Contract>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Contract::try_from).transpose()?)
    }

    /// The contract as it is now; it may go on.
    pub(crate) async fn contract_seen(&self, id: ContractId) -> Result<Option<Contract>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(Contract::try_from).transpose()?)
    }

    /// A client's contracts that something stands against.
    pub(crate) async fn contracts_on_hold(&self, client: OrganizationId) -> Result<Vec<Contract>, Failure> {
        let theirs = row::Entity::find().filter(row::Column::OrganizationId.eq(client.uuid()));
        let on_hold = theirs.filter(row::Column::Status.eq(Status::OnHold.as_str()));
        let rows = on_hold.all(self.conn()).await?;
        Ok(rows.into_iter().map(Contract::try_from).collect::<Result<_, _>>()?)
    }

    /// Something no longer stands against a contract: what was ending when it was held may have nothing left to carry
    /// through.
    pub(crate) async fn contract_lifted(&self, change: Change<Contract>) -> Result<Contract, Failure> {
        let ending = change.changed && matches!(change.next.state, State::Ending { .. });
        let settled = ending && self.contract_is_settled(change.next.id).await?;
        let change = change.then(|contract| contract.finish(&Actor::System, self.now(), settled))?;
        self.contract_save(change).await
    }

    /// Is all work of a contract that is ending, and is locked already, over, so that it can have ended?
    async fn contract_is_settled(&self, id: ContractId) -> Result<bool, Failure> {
        Ok(self.contract_calls_off(id).await? && self.weeks_unsettled_for_update(id).await?.is_empty())
    }

    /// Call off what holds no money of a contract that is ending. Are all of its milestones over then?
    async fn contract_calls_off(&self, id: ContractId) -> Result<bool, Failure> {
        let mut over = true;
        for milestone in self.milestones_of_contract_for_update(id).await? {
            let milestone = self.milestone_save(milestone.called_off(self.now())).await?;
            over &= milestone.status().is_terminal();
        }
        Ok(over)
    }

    /// Save what was decided about a contract.
    pub async fn contract_save(&self, change: Change<Contract>) -> Result<Contract, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }
}

impl TryFrom<row::Model> for Contract {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: State = row.state.0;
        if state.status().as_str() != row.status {
            return Err(Fault::bad_row("contracts", "its state is not the one it is listed under"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            offer: Id::from_uuid(row.offer_id),
            gig: row.gig_id.map(Id::from_uuid),
            proposal: row.proposal_id.map(Id::from_uuid),
            client: Id::from_uuid(row.organization_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            title: row.title,
            engagement: row.engagement.0,
            policy: row.policy,
            terms: row.terms.0,
            version: row.version,
            state,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Contract> for row::Model {
    type Error = Fault;
    fn try_from(contract: &Contract) -> Result<Self, Fault> {
        Ok(Self {
            id: contract.id.uuid(),
            offer_id: contract.offer.uuid(),
            gig_id: contract.gig.map(Id::uuid),
            proposal_id: contract.proposal.map(Id::uuid),
            organization_id: contract.client.uuid(),
            freelancer_id: contract.freelancer.uuid(),
            title: contract.title.clone(),
            engagement: contract.engagement.into(),
            policy: contract.policy,
            terms: contract.terms.clone().into(),
            version: contract.version,
            status: contract.status().as_str().to_owned(),
            state: contract.state.into(),
            created_at: contract.created_at,
        })
    }
}

pub(crate) mod row {
    use domain::contract::{Engagement, State};
    use sea_orm::entity::prelude::*;

    use crate::doc::{Doc, TermsDoc};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "contracts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub offer_id: Uuid,
        pub gig_id: Option<Uuid>,
        pub proposal_id: Option<Uuid>,
        pub organization_id: Uuid,
        pub freelancer_id: Uuid,
        pub title: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub engagement: Doc<Engagement>,
        pub policy: i32,
        #[sea_orm(column_type = "JsonBinary")]
        pub terms: TermsDoc,
        pub version: i64,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<State>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
