//! Lists of disputes.

use std::collections::HashSet;

use domain::access::{self, Actor, Staff, Subject, Verb};
use domain::dispute::Dispute;
use domain::id::{ContractId, Id, MilestoneId};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use super::row;
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, sql};
use crate::{Call, Failure};

/// The statuses of a dispute that is over, for SQL by hand.
const OVER: &str = "('executed', 'withdrawn', 'closed')";

#[derive(FromQueryResult)]
struct Open {
    id: Uuid,
}

impl Market {
    /// The disputes over contracts the caller has loaded, newest first.
    pub async fn disputes_of_contracts(
        &self,
        _call: &Call,
        contracts: &[ContractId],
        page: &PageRequest,
    ) -> Result<Pages<ContractId, Dispute>, Failure> {
        let (order, column) = (newest_first("contract_disputes"), row::Column::ContractId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, column, contracts, page).await?;
        Ok(try_map_pages(pages, Dispute::try_from)?)
    }

    /// The disputes the caller is a side of, newest first.
    pub async fn disputes_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Dispute>, Failure> {
        let person = call.actor.person()?;
        let clients = person.memberships.iter().map(|(organization, _)| organization.uuid());
        let sides = Condition::any()
            .add(row::Column::FreelancerId.eq(person.user.uuid()))
            .add(row::Column::OrganizationId.is_in(clients));
        let select = page.narrow(row::Entity::find(), row::Column::Status).filter(sides);
        newest_first("viewer_disputes").page(self.db(), select, page).await?.try_map(|row| Ok(Dispute::try_from(row)?))
    }

    /// What waits for this mediator or admin, oldest first: disputes to recommend in or to decide,
    /// without those they can't judge. None for anybody else.
    pub async fn dispute_queue(&self, call: &Call, page: &PageRequest) -> Result<Option<Slice<Dispute>>, Failure> {
        let before_mediators = Subject::default().disputed_if(true);
        if !access::allows(&call.actor, Verb::DisputeQueue, &before_mediators) {
            return Ok(None);
        }
        let user = call.actor.person()?.user.uuid();
        let judgeable = Expr::cust_with_values(
            "not has_dealings($1, disputes.organization_id, disputes.freelancer_id)
             and (disputes.status <> 'hearing' or disputes.state -> 'recommendation' ->> 'by' <> $2)",
            [sea_orm::Value::from(user), call.actor.person()?.user.to_string().into()],
        );
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::Status.is_in(row::WAITING)).filter(judgeable);
        let order = Keyset::<row::Entity> {
            list: "dispute_queue",
            columns: vec![row::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(Some(order.page(self.db(), select, page).await?.try_map(Dispute::try_from)?))
    }

    /// Whose a thing of a contract is. While a dispute over any of it is on, all of the contract is
    /// before the mediators.
    pub(crate) async fn with_disputes(
        &self,
        actor: &Actor,
        subject: Subject,
        contract: Option<ContractId>,
    ) -> Result<Subject, Failure> {
        let Some(contract) = contract else { return Ok(subject) };
        let open = self.in_dispute(actor, &[contract]).await?;
        Ok(subject.disputed_if(subject.disputed || open.contains(&contract)))
    }

    /// Which of these contracts are before the mediators; for anybody else it makes no difference, and
    /// nothing is asked. Of none it is asked as well: what is not there takes a mediator as much as what they
    /// may not see.
    pub(crate) async fn in_dispute(
        &self,
        actor: &Actor,
        contracts: &[ContractId],
    ) -> Result<HashSet<ContractId>, Failure> {
        let is_mediator = matches!(actor, Actor::Person(person) if person.acts_for_us() == Some(Staff::Mediator));
        if !is_mediator {
            return Ok(HashSet::new());
        }
        let open = sql(
            &format!(
                "select distinct contract_id as id from disputes where contract_id = any($1) and status not in {OVER}"
            ),
            [ids(contracts)],
        );
        let open = Open::find_by_statement(open).all(self.db()).await?;
        Ok(open.into_iter().map(|open| ContractId::from_uuid(open.id)).collect())
    }

    /// The newest dispute over each of these milestones, as far as the caller may see it.
    pub async fn disputes_of_milestones(&self, call: &Call, wanted: &[MilestoneId]) -> Result<Vec<Dispute>, Failure> {
        let select = sql(
            "select distinct on (milestone_id) * from disputes where milestone_id = any($1) order by milestone_id, id desc",
            [ids(wanted)],
        );
        let rows = row::Entity::find().from_raw_sql(select).all(self.db()).await?;
        let disputes = rows.into_iter().map(Dispute::try_from).collect::<Result<Vec<_>, _>>()?;
        let seen = |dispute: &Dispute| access::allows(&call.actor, Verb::DisputeRead, &dispute.subject());
        Ok(disputes.into_iter().filter(seen).collect())
    }
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}
