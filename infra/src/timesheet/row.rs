//! Weeks and their entries as rows. What a state needs beyond its name is JSON; the amounts that the
//! database watches over are columns, and have to agree with it.

use std::collections::HashMap;

use domain::access::Subject;
use domain::escrow::Escrow;
use domain::id::{Id, PaymentId};
use domain::ledger::LedgerAccount;
use domain::milestone::{Chargeback, EarlyChargeback};
use domain::money::{Currency, Money};
use domain::timesheet::{TimeEntry, Timesheet, TimesheetState};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder};
use serde_json::json;

use crate::doc::{Doc, TermsDoc};
use crate::{Failure, Fault};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "timesheets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub contract_id: Uuid,
    pub organization_id: Uuid,
    pub freelancer_id: Uuid,
    #[sea_orm(column_type = "JsonBinary")]
    pub terms: TermsDoc,
    pub week: Date,
    pub split_from: Option<Uuid>,
    pub rest_minutes: i32,
    pub currency: String,
    pub hourly_rate_minor: i64,
    pub limit_minutes: i32,
    pub awarded_minor: Option<i64>,
    pub by_silence: bool,
    pub version: i64,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Doc<TimesheetState>,
    pub grace_hours: i32,
    pub escrow_account: String,
    pub held_minor: i64,
    pub released_net_minor: i64,
    pub fee_minor: i64,
    pub refunded_minor: i64,
    pub charged_back_minor: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub escrow: Doc<Escrow>,
    #[sea_orm(column_type = "JsonBinary")]
    pub payments: Doc<Vec<PaymentId>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub credited: Doc<Vec<PaymentId>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub chargebacks: Doc<Vec<Chargeback>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub early_chargebacks: Doc<Vec<EarlyChargeback>>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What was worked.
pub mod entry {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "time_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub timesheet_id: Uuid,
        pub date: Date,
        pub minutes: i32,
        pub note: String,
        pub manual: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The weeks of these rows, in their order, with what was worked in each: one more statement,
/// however many they are.
pub async fn with_entries(conn: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Timesheet>, Failure> {
    let entries = entry::Entity::find()
        .filter(entry::Column::TimesheetId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(entry::Column::Id)
        .all(conn)
        .await?;
    let mut of_week: HashMap<Uuid, Vec<TimeEntry>> = HashMap::new();
    for entry in entries {
        of_week.entry(entry.timesheet_id).or_default().push(TimeEntry::try_from(entry)?);
    }
    let weeks = rows.into_iter().map(|row| {
        let entries = of_week.remove(&row.id).unwrap_or_default();
        timesheet(row, entries)
    });
    Ok(weeks.collect::<Result<_, Fault>>()?)
}

/// Whose the week of a row is, as of [`Timesheet::subject`].
pub fn subject(row: &Model) -> Subject {
    let disputed = matches!(row.state.0, TimesheetState::Disputed { .. });
    Subject::between(Id::from_uuid(row.organization_id), Id::from_uuid(row.freelancer_id)).disputed_if(disputed)
}

fn timesheet(row: Model, entries: Vec<TimeEntry>) -> Result<Timesheet, Fault> {
    let bad = |why: &str| Fault::bad_row("timesheets", why);
    let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("unknown currency"))?;
    let money = |minor| Money::new(minor, currency).map_err(|error| Fault::bad_row("timesheets", error));
    let state: TimesheetState = row.state.0;
    if state.as_str() != row.status {
        return Err(bad("its state is not the one it is listed under"));
    }
    let escrow: Escrow = row.escrow.0;
    if amounts(&escrow)
        != [row.held_minor, row.released_net_minor, row.fee_minor, row.refunded_minor, row.charged_back_minor]
    {
        return Err(bad("its amounts are not those of its escrow"));
    }
    Ok(Timesheet {
        id: Id::from_uuid(row.id),
        contract: Id::from_uuid(row.contract_id),
        client: Id::from_uuid(row.organization_id),
        freelancer: Id::from_uuid(row.freelancer_id),
        terms: row.terms.0,
        week: row.week,
        split_from: row.split_from.map(Id::from_uuid),
        rest_minutes: u32::try_from(row.rest_minutes).map_err(|error| Fault::bad_row("timesheets", error))?,
        hourly_rate: money(row.hourly_rate_minor)?,
        limit_minutes: u32::try_from(row.limit_minutes).map_err(|error| Fault::bad_row("timesheets", error))?,
        entries,
        by_silence: row.by_silence,
        awarded: row.awarded_minor.map(money).transpose()?,
        version: row.version,
        state,
        grace_hours: u16::try_from(row.grace_hours).map_err(|error| Fault::bad_row("timesheets", error))?,
        escrow,
        payments: row.payments.0,
        credited: row.credited.0,
        chargebacks: row.chargebacks.0,
        early_chargebacks: row.early_chargebacks.0,
    })
}

impl TryFrom<&Timesheet> for Model {
    type Error = Fault;
    fn try_from(week: &Timesheet) -> Result<Self, Fault> {
        let [held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor] = amounts(&week.escrow);
        Ok(Self {
            id: week.id.uuid(),
            contract_id: week.contract.uuid(),
            organization_id: week.client.uuid(),
            freelancer_id: week.freelancer.uuid(),
            terms: week.terms.clone().into(),
            week: week.week,
            split_from: week.split_from.map(Id::uuid),
            rest_minutes: i32::try_from(week.rest_minutes).map_err(|error| Fault::bad_row("timesheets", error))?,
            currency: week.hourly_rate.currency().code().to_owned(),
            hourly_rate_minor: week.hourly_rate.minor(),
            limit_minutes: i32::try_from(week.limit_minutes).map_err(|error| Fault::bad_row("timesheets", error))?,
            by_silence: week.by_silence,
            awarded_minor: week.awarded.map(Money::minor),
            version: week.version,
            status: week.state.as_str().to_owned(),
            state: week.state.clone().into(),
            grace_hours: i32::from(week.grace_hours),
            escrow_account: LedgerAccount::TimesheetEscrow(week.id).to_string(),
            held_minor,
            released_net_minor,
            fee_minor,
            refunded_minor,
            charged_back_minor,
            escrow: week.escrow.into(),
            payments: week.payments.clone().into(),
            credited: week.credited.clone().into(),
            chargebacks: week.chargebacks.clone().into(),
            early_chargebacks: week.early_chargebacks.clone().into(),
        })
    }
}

impl TryFrom<entry::Model> for TimeEntry {
    type Error = Fault;
    fn try_from(row: entry::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            date: row.date,
            minutes: u32::try_from(row.minutes).map_err(|error| Fault::bad_row("time_entries", error))?,
            note: row.note,
            manual: row.manual,
        })
    }
}

/// The columns of an entry, by their names.
pub fn entry_json(entry: &TimeEntry) -> Json {
    let TimeEntry { id, date, minutes, note, manual } = entry;
    json!({ "id": id.uuid(), "date": date, "minutes": minutes, "note": note, "manual": manual })
}

fn amounts(escrow: &Escrow) -> [i64; 5] {
    let parts = escrow.parts();
    [parts.held, parts.released_net, parts.fee, parts.refunded, parts.charged_back].map(Money::minor)
}
