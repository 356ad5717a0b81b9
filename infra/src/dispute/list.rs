//! Lists of disputes.

use domain::access::{self, Actor, Staff, Subject, Verb};
use domain::dispute::Dispute;
use domain::id::{ContractId, Id, MilestoneId};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Select};

use super::{Answer, row};
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::sql;
use crate::{Call, Failure};

/// The statuses of a dispute that is over, for SQL by hand.
const OVER: &str = "('executed', 'withdrawn', 'closed')";

impl Market {
    /// The newest dispute over a milestone, if the caller may see it.
    pub async fn dispute_of_milestone(&self, call: &Call, id: MilestoneId) -> Result<Option<Dispute>, Failure> {
        let newest = of_milestone(id).order_by_desc(row::Column::Id).one(self.db()).await?;
        let dispute = newest.map(Dispute::try_from).transpose()?;
        Ok(dispute.filter(|dispute| access::allows(&call.actor, Verb::DisputeRead, &dispute.subject())))
    }

    /// The disputes over a contract the caller has loaded, newest first.
    pub async fn disputes_of_contract(
        &self,
        contract: ContractId,
        page: &PageRequest,
    ) -> Result<Slice<Dispute>, Failure> {
        let select = row::Entity::find().filter(row::Column::ContractId.eq(contract.uuid()));
        newest_first("contract_disputes")
            .page(self.db(), select, page)
            .await?
            .try_map(|row| Ok(Dispute::try_from(row)?))
    }

    /// The disputes the caller is a side of, newest first.
    pub async fn disputes_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Dispute>, Failure> {
        let person = call.actor.person()?;
        let clients = person.memberships.iter().map(|(organization, _)| organization.uuid());
        let sides = Condition::any()
            .add(row::Column::FreelancerId.eq(person.user.uuid()))
            .add(row::Column::OrganizationId.is_in(clients));
        let select = row::Entity::find().filter(sides);
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
        let select = row::Entity::find().filter(row::Column::Status.is_in(row::WAITING)).filter(judgeable);
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
        let is_mediator = matches!(actor, Actor::Person(person) if person.staff == Some(Staff::Mediator));
        let (true, Some(contract)) = (is_mediator, contract) else { return Ok(subject) };
        let open = sql(
            &format!("select exists (select 1 from disputes where contract_id = $1 and status not in {OVER}) as yes"),
            [contract.uuid().into()],
        );
        let open = Answer::find_by_statement(open).one(self.db()).await?;
        Ok(subject.disputed_if(subject.disputed || open.is_some_and(|open| open.yes)))
    }
}

fn of_milestone(id: MilestoneId) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::MilestoneId.eq(id.uuid()))
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}
