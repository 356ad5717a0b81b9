//! When the clock must not decide: a side can't speak, since all of its people are suspended; or our people look at
//! a contract, and no money of it moves until they are done.

use chrono::TimeDelta;
use domain::access::{Actor, MemberRole, Role, Verb};
use domain::contract::Contract;
use domain::dispute::Both;
use domain::id::{ContractId, Id, OrganizationId, UserId};
use domain::refusal::Refusal;
use domain::timer::Timer;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

/// Who may act again has so long to catch up before silence counts.
const CATCHING_UP: TimeDelta = TimeDelta::days(3);

#[derive(FromQueryResult)]
struct Barred {
    client: bool,
    freelancer: bool,
}

impl Market {
    /// The sides none of whose people may answer now, or could until lately: of the client, those who may accept work.
    pub(crate) async fn barred(&self, client: OrganizationId, freelancer: UserId) -> Result<Both<bool>, Failure> {
        let accept = |role: &MemberRole| Verb::MilestoneApprove.allowed_to().contains(&Role::Member(*role));
        let accept: Vec<String> =
            MemberRole::ALL.into_iter().filter(accept).map(|role| role.as_str().to_owned()).collect();
        let caught_up = self.clock().now() - CATCHING_UP;
        let found = sql(
            "with free as (
                 select id from users where suspended_at is null and coalesce(reinstated_at <= $4, true)
             )
             select not exists (
                 select 1 from members m join free u on u.id = m.user_id
                 where m.organization_id = $1 and m.role = any($3)
             ) as client,
             not exists (select 1 from free where id = $2) as freelancer",
            [client.uuid().into(), freelancer.uuid().into(), accept.into(), caught_up.into()],
        );
        let found = Barred::find_by_statement(found).one(self.db()).await?;
        let Barred { client, freelancer } = found.ok_or_else(|| Fault::bad_row("users", "one row of two answers"))?;
        Ok(Both { client, freelancer })
    }

    /// May money go back to the cards of a client now?
    pub(crate) async fn may_send_back(&self, client: OrganizationId) -> Result<bool, Failure> {
        let call = Call::system(format!("client:{client}"));
        match run!(self, &call, tx => { tx.must_send_back(client).await }) {
            Ok(()) => Ok(true),
            Err(Failure::Refused(_)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Our people look at the contract of what is due, and no money of it moves: it is put off to the next day.
    pub(crate) async fn put_off(&self, call: &Call, timer: Timer) -> Result<bool, Failure> {
        let contract = match timer {
            Timer::ReleaseMilestone(id) | Timer::ResolveRefundRequest(id) | Timer::DormancyMilestone(id) => {
                self.looked_at("milestones", id.uuid()).await?
            }
            Timer::ChargeTimesheet(id) | Timer::PayTimesheet(id) => self.looked_at("timesheets", id.uuid()).await?,
            Timer::AdvanceDispute(id) => self.looked_at("disputes", id.uuid()).await?,
            _ => return Ok(false),
        };
        let Some(contract) = contract else { return Ok(false) };
        let contract = self.contract_find(call, contract).await?;
        if contract.is_none_or(|contract| contract.moves_money().is_ok()) {
            return Ok(false);
        }
        let clocks = match timer {
            Timer::ChargeTimesheet(id) | Timer::PayTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.put_off(tx.actor(), tx.now())).await?.clocks()
            }
            Timer::AdvanceDispute(id) => self.dispute_put_off(call, id).await?.clocks(),
            Timer::ReleaseMilestone(id) | Timer::ResolveRefundRequest(id) | Timer::DormancyMilestone(id) => {
                self.milestone_tick(call, id, |m, scene| m.put_off(scene.actor(), scene.now())).await?.clocks()
            }
            _ => return Ok(false),
        };
        // What moves no money, like a reminder, is not put off.
        let now = self.clock().now();
        Ok(clocks.iter().any(|(running, at)| *running == timer && *at > now))
    }

    /// The contract of a row of `table`, if it is on hold for whatever reason.
    async fn looked_at(&self, table: &str, id: uuid::Uuid) -> Result<Option<ContractId>, Failure> {
        let found = sql(
            &format!(
                "select c.id from contracts c join {table} t on t.contract_id = c.id
                 where t.id = $1 and c.status = 'on_hold'"
            ),
            [id.into()],
        );
        let row = self.db().query_one_raw(found).await?;
        Ok(row.map(|row| row.try_get::<uuid::Uuid>("", "id")).transpose()?.map(ContractId::from_uuid))
    }
}

impl Tx {
    /// No money moves while our people look at who pays and who is paid. The clock asks for the contract alone: what
    /// stands against nothing but a client's name is not put off.
    pub(crate) async fn must_move_money(&self, contract: Option<ContractId>) -> Result<(), Failure> {
        let Some(contract) = contract else { return Ok(()) };
        let contract: Contract = self.contract_seen(contract).await?.ok_or(Refusal::HIDDEN)?;
        contract.moves_money()?;
        match self.actor() {
            Actor::System => Ok(()),
            Actor::Person(_) | Actor::Nobody => {
                self.must_not_be_reviewed(contract.client, Some(contract.freelancer)).await
            }
        }
    }

    /// Nothing is sent back to the cards of a client whom our people look at: it could leave for good what they may have
    /// to keep. What came in as credit stays there until they are done.
    pub(crate) async fn must_send_back(&self, client: OrganizationId) -> Result<(), Failure> {
        for contract in self.contracts_on_hold(client).await? {
            contract.moves_money()?;
        }
        self.must_not_be_reviewed(client, None).await
    }
}
