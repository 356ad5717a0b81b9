//! Payments into escrow: the client sets out, the processor is asked outside of the transaction,
//! and what it tells later comes in by one door, each event once.

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::bonus::lapse;
use domain::change::Change;
use domain::id::{Id, MilestoneId, OrganizationId, PaymentId, TimesheetId};
use domain::milestone::Milestone;
use domain::payment::{Payment, PaymentMethod, Purpose, State};
use domain::refusal::Refusal;
use domain::timesheet::Timesheet;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, try_map_pages};
use crate::payments::{ProcessorEvent, ProcessorFact};
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

mod ask;
mod chargeback;
mod mandate;
mod refund;
mod saved;

pub use saved::SavedMethod;

/// A payment that news came of, and when a bank last took something of its client's back.
type Heard = (Payment, Option<Timestamp>);

/// What a milestone is funded with.
#[derive(Debug, Clone)]
pub enum FundWith {
    /// A card, through the processor.
    Card(PaymentMethod),
    /// The organization's credit with us.
    Credit,
}

impl Market {
    /// The payment, if the caller may see it.
    pub async fn payment_find(&self, call: &Call, id: PaymentId) -> Result<Option<Payment>, Failure> {
        Ok(self.payments_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Payments by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn payments_by_id(&self, call: &Call, wanted: &[PaymentId]) -> Result<Vec<Payment>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Payment::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|payment| payment.visible_to(&call.actor)).collect())
    }

    /// The payments of organizations, newest first, for those who may see them.
    pub async fn payments_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Payment>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::PaymentRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let order = Keyset::<row::Entity> {
            list: "organization_payments",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, row::Column::OrganizationId, &seen, page).await?;
        Ok(try_map_pages(pages, Payment::try_from)?)
    }

    /// The last payment for each of these milestones, as far as the caller may see it.
    pub async fn payments_of_milestones(&self, call: &Call, wanted: &[MilestoneId]) -> Result<Vec<Payment>, Failure> {
        let select = sql(
            "select distinct on (milestone_id) * from payments where milestone_id = any($1) order by milestone_id, id desc",
            [ids(wanted)],
        );
        let rows = row::Entity::find().from_raw_sql(select).all(self.db()).await?;
        let payments = rows.into_iter().map(Payment::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(payments.into_iter().filter(|payment| payment.visible_to(&call.actor)).collect())
    }

    /// The last payment for each of these weeks, as far as the caller may see it.
    pub async fn payments_of_timesheets(&self, call: &Call, wanted: &[TimesheetId]) -> Result<Vec<Payment>, Failure> {
        let select = sql(
            "select distinct on (timesheet_id) * from payments where timesheet_id = any($1) order by timesheet_id, id desc",
            [ids(wanted)],
        );
        let rows = row::Entity::find().from_raw_sql(select).all(self.db()).await?;
        let payments = rows.into_iter().map(Payment::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(payments.into_iter().filter(|payment| payment.visible_to(&call.actor)).collect())
    }

    /// The client funds a milestone. Paid by card, the answer has the payment to watch; paid out of
    /// credit the money is there at once, and there is no payment.
    pub async fn milestone_fund(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        with: FundWith,
    ) -> Result<(Milestone, Option<Payment>), Failure> {
        if let Some(milestone) = self.milestone_find(call, id).await? {
            self.client_screen(milestone.client).await?;
        }
        let (milestone, payment): (Milestone, Option<Payment>) = run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::MilestoneFund, &milestone.subject())?;
            let taken_back_at = tx.may_bring_money(milestone.client, milestone.freelancer).await?;
            tx.offer_takes_money(&milestone).await?;
            tx.must_move_money(milestone.contract).await?;
            if let Some(contract) = milestone.contract {
                let contract = tx.contract_seen(contract).await?.ok_or(Refusal::HIDDEN)?;
                contract.takes_money_for(&milestone, tx.actor(), tx.now())?;
            }
            match &with {
                FundWith::Card(method) => {
                    let payment: PaymentId = tx.id();
                    let change = milestone.start_funding(tx.actor(), tx.now(), expected, payment)?;
                    if !change.changed {
                        let under_way = tx.payment_under_way(id).await?;
                        return Ok((change.next, under_way));
                    }
                    let milestone = tx.milestone_save(change).await?;
                    let domain::milestone::State::Funding { attempt, .. } = &milestone.state else {
                        return Err(Fault::bad_row("milestones", "set out to be funded, and is not funding").into());
                    };
                    let (client, purpose) = (milestone.client, Purpose::Milestone(id));
                    let started = Payment::start(payment, client, purpose, method.clone(), attempt.quote, tx.now());
                    let payment = tx.payment_save(started).await?;
                    tx.mandate_keep(payment.id, &call.device).await?;
                    let total = payment.quote.client_pays;
                    tx.audit("milestone_fund", id, serde_json::json!({ "payment": payment.id, "total": total })).await?;
                    Ok((milestone, Some(payment)))
                }
                FundWith::Credit => {
                    let credit = tx.credit_for_update(milestone.client, milestone.amount.currency()).await?;
                    let change = milestone.fund_from_credit(tx.actor(), tx.now(), expected, &credit, taken_back_at)?;
                    tx.audit("milestone_fund_from_credit", id, serde_json::json!({})).await?;
                    Ok((tx.milestone_save(change).await?, None))
                }
            }
        })?;
        Ok((milestone, self.payment_ask_now(payment).await))
    }

    /// The client gives a payment up.
    pub async fn milestone_stop_funding(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = milestone.stop_funding(tx.actor(), expected)?;
            if change.changed {
                tx.audit("milestone_stop_funding", id, serde_json::json!({ "version": change.next.version })).await?;
            }
            tx.milestone_save(change.then(|milestone| lapse(milestone, tx.now()))?).await
        })
    }

    /// The door by which a processor's events come in. An event's id is kept in the transaction
    /// that acts on it, so telling it again changes nothing.
    pub async fn processor_event(&self, event: &ProcessorEvent) -> Result<(), Failure> {
        let call = Call::system(format!("{}:{}", event.source, event.id));
        let row = row::Entity::find_by_id(event.payment.uuid()).one(self.db()).await?;
        let payment = row.map(Payment::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
        run!(self, &call, tx => {
            if !tx.processor_event_first(event).await? {
                return Ok(());
            }
            let cost = match event.fact {
                ProcessorFact::Cost { fee } => Some(payment.costs(tx.actor(), &event.id, fee)?),
                ProcessorFact::CostBack { fee } => Some(payment.costs_back(tx.actor(), &event.id, fee)?),
                ProcessorFact::Succeeded { .. }
                | ProcessorFact::Failed { .. }
                | ProcessorFact::ChargedBack { .. }
                | ProcessorFact::ChargebackWon { .. }
                | ProcessorFact::GivenBack { .. } => None,
            };
            if let Some(entry) = cost {
                return tx.settle(Change::to(()).posting(entry)).await;
            }
            if let ProcessorFact::GivenBack { reference, amount } = &event.fact {
                return tx.chargeback_given_back(&payment, &event.id, (reference, *amount)).await;
            }
            // What was taken back, or given back, says nothing of how the payment ended.
            if matches!(event.fact, ProcessorFact::Succeeded { .. } | ProcessorFact::Failed { .. }) {
                tx.intents_not_looked_at(payment.id).await?;
            }
            tx.chargeback_note(&payment, &event.fact).await?;
            if let ProcessorFact::ChargebackWon { reference } = &event.fact {
                tx.chargeback_must_be_unbooked(&payment, reference).await?;
            }
            match payment.purpose {
                Purpose::Milestone(milestone) => tx.milestone_hears(milestone, &payment, event).await?,
                Purpose::Timesheet(timesheet) => tx.timesheet_hears(timesheet, &payment, event).await?,
            }
            tx.audit("processor_event", payment.id, serde_json::json!({ "kind": event.fact.as_str() })).await?;
            Ok(())
        })
    }
}

impl Tx {
    /// What the processor says of a payment for a milestone.
    async fn milestone_hears(&self, of: MilestoneId, payment: &Payment, event: &ProcessorEvent) -> Result<(), Failure> {
        match event.fact.clone() {
            ProcessorFact::Succeeded { intent, received } => {
                self.milestone_heard(of, payment.id, |milestone, (payment, taken_back_at), tx| {
                    let funded = milestone.funded(tx.actor(), tx.now(), payment.id, received, taken_back_at)?;
                    Ok((funded, payment.succeeded(tx.actor(), tx.now(), intent)?))
                })
                .await
            }
            ProcessorFact::Failed { code } => {
                self.milestone_heard(of, payment.id, |milestone, (payment, _), tx| {
                    let failed = milestone.funding_failed(tx.actor(), payment.id)?;
                    let lapsed = failed.then(|milestone| lapse(milestone, tx.now()))?;
                    Ok((lapsed, payment.failed(tx.actor(), tx.now(), code)?))
                })
                .await
            }
            ProcessorFact::ChargedBack { reference, amount } => {
                self.milestone_charged_back(of, payment, (&reference, amount)).await
            }
            ProcessorFact::ChargebackWon { reference } => self.milestone_chargeback_won(of, payment, &reference).await,
            // What a payment costs us is no matter of what it paid for.
            ProcessorFact::GivenBack { .. } | ProcessorFact::Cost { .. } | ProcessorFact::CostBack { .. } => Ok(()),
        }
    }

    async fn milestone_heard(
        &self,
        of: MilestoneId,
        payment: PaymentId,
        verb: impl FnOnce(Milestone, Heard, &Self) -> Result<(Change<Milestone>, Change<Payment>), Refusal>,
    ) -> Result<(), Failure> {
        let milestone = self.milestone_for_update(of).await?.ok_or(Refusal::HIDDEN)?;
        let payment = self.payment_heard_for_update(payment).await?.ok_or(Refusal::HIDDEN)?;
        let (milestone, payment) = verb(milestone, payment, self)?;
        self.payment_save(payment).await?;
        self.milestone_save(milestone).await.map(drop)
    }

    /// What the processor says of a payment for a week.
    async fn timesheet_hears(&self, of: TimesheetId, payment: &Payment, event: &ProcessorEvent) -> Result<(), Failure> {
        match event.fact.clone() {
            ProcessorFact::Succeeded { intent, received } => {
                self.timesheet_heard(of, payment.id, |timesheet, payment, tx| {
                    let charged = timesheet.charged(tx.actor(), tx.now(), payment.id, received)?;
                    Ok((charged, payment.succeeded(tx.actor(), tx.now(), intent)?))
                })
                .await
            }
            ProcessorFact::Failed { code } => {
                self.timesheet_heard(of, payment.id, |timesheet, payment, tx| {
                    let failed = timesheet.charge_failed(tx.actor(), tx.now(), payment.id)?;
                    Ok((failed, payment.failed(tx.actor(), tx.now(), code)?))
                })
                .await
            }
            ProcessorFact::ChargedBack { reference, amount } => {
                self.timesheet_charged_back(of, payment, (&reference, amount)).await
            }
            ProcessorFact::ChargebackWon { reference } => self.timesheet_chargeback_won(of, payment, &reference).await,
            ProcessorFact::GivenBack { .. } | ProcessorFact::Cost { .. } | ProcessorFact::CostBack { .. } => Ok(()),
        }
    }

    async fn timesheet_heard(
        &self,
        of: TimesheetId,
        payment: PaymentId,
        verb: impl FnOnce(Timesheet, Payment, &Self) -> Result<(Change<Timesheet>, Change<Payment>), Refusal>,
    ) -> Result<(), Failure> {
        let timesheet = self.timesheet_for_update(of).await?.ok_or(Refusal::HIDDEN)?;
        let payment = self.payment_for_update(payment).await?.ok_or(Refusal::HIDDEN)?;
        let (timesheet, payment) = verb(timesheet, payment, self)?;
        self.payment_save(payment).await?;
        self.timesheet_save(timesheet).await.map(drop)
    }

    /// The payment, locked until this transaction ends.
    pub(crate) async fn payment_for_update(&self, id: PaymentId) -> Result<Option<Payment>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Payment::try_from).transpose()?)
    }

    /// The same, and when a bank last took something of its client's back, of what it has not given back.
    async fn payment_heard_for_update(&self, id: PaymentId) -> Result<Option<Heard>, Failure> {
        let select = "select p.*, (select max(c.opened_at) from chargebacks c
                where c.organization_id = p.organization_id and c.won_at is null) as taken_back_at
            from payments p where p.id = $1 for update of p";
        let Some(found) = self.conn().query_one_raw(sql(select, [id.uuid().into()])).await? else { return Ok(None) };
        let payment = Payment::try_from(row::Model::from_query_result(&found, "")?)?;
        Ok(Some((payment, found.try_get("", "taken_back_at")?)))
    }

    /// The payment, as it is at the moment.
    pub(crate) async fn payment_find(&self, id: PaymentId) -> Result<Option<Payment>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(Payment::try_from).transpose()?)
    }

    async fn payment_under_way(&self, milestone: MilestoneId) -> Result<Option<Payment>, Failure> {
        let row = row::Entity::find()
            .filter(row::Column::MilestoneId.eq(milestone.uuid()))
            .order_by_desc(row::Column::Id)
            .one(self.conn())
            .await?;
        Ok(row.map(Payment::try_from).transpose()?)
    }

    /// Save what was decided about a payment.
    pub(crate) async fn payment_save(&self, change: Change<Payment>) -> Result<Payment, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
            if matches!(change.next.state, State::Succeeded { .. } | State::Failed { .. }) {
                self.payment_secret_forget(change.next.id).await?;
            }
        }
        self.settle(change).await
    }

    /// Keep the id of an outside event; false if it was acted on before.
    async fn processor_event_first(&self, event: &ProcessorEvent) -> Result<bool, Failure> {
        let kept = self
            .conn()
            .execute_raw(Statement::from_sql_and_values(
                DbBackend::Postgres,
                "insert into processor_events (source, id, kind, subject, received_at) values ($1, $2, $3, $4, $5)
                 on conflict (source, id) do nothing",
                [
                    event.source.clone().into(),
                    event.id.clone().into(),
                    event.fact.as_str().into(),
                    event.payment.to_string().into(),
                    self.now().into(),
                ],
            ))
            .await?;
        Ok(kept.rows_affected() == 1)
    }
}

impl TryFrom<row::Model> for Payment {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: State = row.state.0;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("payments", "its state is not the one it is listed under"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            client: Id::from_uuid(row.organization_id),
            purpose: match (row.milestone_id, row.timesheet_id) {
                (Some(milestone), None) => Purpose::Milestone(Id::from_uuid(milestone)),
                (None, Some(timesheet)) => Purpose::Timesheet(Id::from_uuid(timesheet)),
                (Some(_), Some(_)) | (None, None) => return Err(Fault::bad_row("payments", "it is not for one thing")),
            },
            method: row
                .method
                .map(|token| PaymentMethod::parse(&token))
                .transpose()
                .map_err(|error| Fault::bad_row("payments", error))?,
            quote: row.quote.0,
            state,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Payment> for row::Model {
    type Error = Fault;
    fn try_from(payment: &Payment) -> Result<Self, Fault> {
        Ok(Self {
            id: payment.id.uuid(),
            organization_id: payment.client.uuid(),
            milestone_id: match payment.purpose {
                Purpose::Milestone(milestone) => Some(milestone.uuid()),
                Purpose::Timesheet(_) => None,
            },
            timesheet_id: match payment.purpose {
                Purpose::Timesheet(timesheet) => Some(timesheet.uuid()),
                Purpose::Milestone(_) => None,
            },
            method: payment.method.as_ref().map(|method| method.as_str().to_owned()),
            quote: payment.quote.into(),
            total_minor: payment.quote.client_pays.minor(),
            status: payment.state.as_str().to_owned(),
            state: payment.state.clone().into(),
            created_at: payment.created_at,
        })
    }
}

mod row {
    use domain::payment::State;
    use domain::policy::Quote;
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Uuid,
        pub milestone_id: Option<Uuid>,
        pub timesheet_id: Option<Uuid>,
        pub method: Option<String>,
        #[sea_orm(column_type = "JsonBinary")]
        pub quote: Doc<Quote>,
        pub total_minor: i64,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<State>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
