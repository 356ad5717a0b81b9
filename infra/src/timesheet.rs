//! Weeks of contracts by the hour. Every act locks the contract, so that two acts on its weeks queue
//! up, lets the domain decide, and saves the week with its entries and money, and what it means for
//! the contract, in one transaction.
//!
//! Locks are taken in the order of ARCHITECTURE.md.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use chrono::NaiveDate;
use domain::access::{self, Actor, Subject, Verb};
use domain::change::Change;
use domain::contract::Contract;
use domain::id::{ContractId, Id, OrganizationId, PaymentId, TimeEntryId, TimesheetId};
use domain::payment::{Payment, PaymentMethod};
use domain::refusal::Refusal;
use domain::timer::Timer;
use domain::timesheet::{TimeEntry, Timesheet, TimesheetState, week_of};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql, whole_of};
use crate::{Call, Failure, Fault, Tx, run};

mod card;
mod dispute;
mod row;

pub use card::ContractCard;

/// Some work, as the freelancer typed it.
#[derive(Debug, Clone)]
pub struct WorkInput {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// How long.
    pub minutes: u32,
    /// What was done.
    pub note: String,
    /// Written by hand afterwards, rather than tracked?
    pub manual: bool,
}

impl Market {
    /// The week, if the caller may see it.
    pub async fn timesheet_find(&self, call: &Call, id: TimesheetId) -> Result<Option<Timesheet>, Failure> {
        Ok(self.timesheets_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Weeks by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn timesheets_by_id(&self, call: &Call, wanted: &[TimesheetId]) -> Result<Vec<Timesheet>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        self.timesheets_seen(call, rows).await
    }

    /// Of the weeks in these rows, those that the caller may see.
    async fn timesheets_seen(&self, call: &Call, rows: Vec<row::Model>) -> Result<Vec<Timesheet>, Failure> {
        let found = row::with_entries(self.db(), rows).await?;
        let contracts: Vec<ContractId> = found.iter().map(|week| week.contract).collect();
        let open = self.in_dispute(&call.actor, &contracts).await?;
        let seen = |week: &Timesheet| {
            let subject = week.subject();
            let subject = subject.disputed_if(subject.disputed || open.contains(&week.contract));
            access::allows(&call.actor, Verb::ContractRead, &subject)
        };
        Ok(found.into_iter().filter(seen).collect())
    }

    /// The entry, if the caller may see its week.
    pub async fn time_entry_find(&self, call: &Call, id: TimeEntryId) -> Result<Option<TimeEntry>, Failure> {
        let (of, part) = (row::entry::Column::TimesheetId, (row::entry::Column::Id, id.uuid()));
        let rows = whole_of::<row::Entity, row::entry::Entity>(self.db(), row::Column::Id, of, part).await?;
        let weeks = self.timesheets_seen(call, rows).await?;
        Ok(weeks.into_iter().flat_map(|week| week.entries).find(|entry| entry.id == id))
    }

    /// The weeks of contracts the caller has loaded, newest first.
    pub async fn timesheets_of_contracts(
        &self,
        _call: &Call,
        contracts: &[ContractId],
        page: &PageRequest,
    ) -> Result<Pages<ContractId, Timesheet>, Failure> {
        let (order, column) = (newest_first("contract_timesheets"), row::Column::ContractId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        self.whole_weeks(order.pages(self.db(), select, column, contracts, page).await?).await
    }

    /// The weeks of the contracts that each of these organizations pays for, newest first; its members see them.
    pub async fn timesheets_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Timesheet>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::ContractRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let (order, column) = (newest_first("organization_timesheets"), row::Column::OrganizationId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        self.whole_weeks(order.pages(self.db(), select, column, &seen, page).await?).await
    }

    /// The weeks on these pages, with their entries.
    async fn whole_weeks<O: Eq + Hash>(&self, pages: Pages<O, row::Model>) -> Result<Pages<O, Timesheet>, Failure> {
        let rows = pages.values().flat_map(|slice| slice.items.iter().map(|(_, row)| row.clone())).collect();
        let weeks = row::with_entries(self.db(), rows).await?;
        let mut weeks: HashMap<TimesheetId, Timesheet> = weeks.into_iter().map(|week| (week.id, week)).collect();
        try_map_pages(pages, |row| {
            let week = weeks.remove(&TimesheetId::from_uuid(row.id));
            week.ok_or_else(|| Fault::bad_row("timesheets", "was read, and is not there").into())
        })
    }

    /// The weeks the caller has worked, newest first.
    pub async fn timesheets_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Timesheet>, Failure> {
        let user = call.actor.person()?.user;
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid()));
        let slice = newest_first("viewer_timesheets").page(self.db(), select, page).await?;
        let Slice { items, has_next, has_previous, total } = slice;
        let (cursors, rows): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let weeks = row::with_entries(self.db(), rows).await?;
        Ok(Slice { items: cursors.into_iter().zip(weeks).collect(), has_next, has_previous, total })
    }

    /// The entries of weeks the caller has loaded, in the order they were written.
    pub async fn time_entries_of_weeks(
        &self,
        _call: &Call,
        weeks: &[TimesheetId],
        page: &PageRequest,
    ) -> Result<Pages<TimesheetId, TimeEntry>, Failure> {
        let order = Keyset::<row::entry::Entity> {
            list: "time_entries",
            columns: vec![row::entry::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let (select, column) = (row::entry::Entity::find(), row::entry::Column::TimesheetId);
        let pages = order.pages(self.db(), select, column, weeks, page).await?;
        Ok(try_map_pages(pages, TimeEntry::try_from)?)
    }

    /// The freelancer writes down some work. The first of a week opens it.
    pub async fn time_entry_add(
        &self,
        call: &Call,
        contract: ContractId,
        expected: Option<i64>,
        work: WorkInput,
    ) -> Result<(Timesheet, TimeEntry), Failure> {
        run!(self, call, tx => {
            let contract = tx.shown(tx.contract_for_update(contract).await?, Contract::subject)?;
            let WorkInput { date, minutes, note, manual } = work.clone();
            let card = tx.contract_card(contract.id).await?.map(|card| card.method);
            let hourly = contract.hour_on(tx.actor(), tx.now(), date, card.as_ref())?;
            let week = match tx.week_of_contract_for_update(contract.id, date).await? {
                Some(week) => Change::none(week),
                None => Timesheet::open_on(tx.id(), hourly, date, tx.now())?,
            };
            let entry = TimeEntry { id: tx.id(), date, minutes, note, manual };
            let id = entry.id;
            let change = week.then(|week| week.add_entry(tx.actor(), tx.now(), expected, entry))?;
            let week = tx.timesheet_save(change).await?;
            let entry = week.entries.iter().find(|entry| entry.id == id).cloned().ok_or(Refusal::HIDDEN)?;
            Ok((week, entry))
        })
    }

    /// The freelancer takes an entry back, while the week is open.
    pub async fn time_entry_remove(
        &self,
        call: &Call,
        id: TimesheetId,
        entry: TimeEntryId,
        expected: Option<i64>,
    ) -> Result<Timesheet, Failure> {
        self.timesheet_act(call, id, "time_entry_remove", |week, tx| week.remove_entry(tx.actor(), expected, entry))
            .await
    }

    /// The freelancer hands the week in before the clock does.
    pub async fn timesheet_submit(
        &self,
        call: &Call,
        id: TimesheetId,
        expected: Option<i64>,
    ) -> Result<Timesheet, Failure> {
        self.timesheet_act(call, id, "timesheet_submit", |week, tx| week.submit(tx.actor(), tx.now(), expected)).await
    }

    /// The client accepts the week.
    pub async fn timesheet_approve(
        &self,
        call: &Call,
        id: TimesheetId,
        expected: Option<i64>,
    ) -> Result<Timesheet, Failure> {
        self.timesheet_act(call, id, "timesheet_approve", |week, tx| week.approve(tx.actor(), tx.now(), expected)).await
    }

    /// The client pays a week whose charge failed: with `card`, or with the contract's.
    pub async fn timesheet_pay(
        &self,
        call: &Call,
        id: TimesheetId,
        expected: Option<i64>,
        card: Option<PaymentMethod>,
    ) -> Result<(Timesheet, Payment), Failure> {
        if let Some(week) = self.timesheet_find(call, id).await? {
            self.client_screen(week.client).await?;
        }
        let (week, payment): (Timesheet, Payment) = run!(self, call, tx => {
            let week = tx.timesheet_shown_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::TimesheetPay, &week.subject())?;
            tx.must_move_money(Some(week.contract)).await?;
            let card = match &card {
                Some(card) => Some(card.clone()),
                None => tx.contract_card(week.contract).await?.map(|card| card.method),
            };
            let change = week.pay_by(tx.actor(), tx.now(), expected, tx.id(), card)?;
            let payment = change.next.1.clone();
            let week = tx.timesheet_save(change.map(|(week, _)| week)).await?;
            let payment = tx.payment_save(Change::to(payment)).await?;
            let total = payment.quote.client_pays;
            tx.audit("timesheet_pay", id, serde_json::json!({ "payment": payment.id, "total": total })).await?;
            Ok((week, payment))
        })?;
        let asked = self.payment_ask_now(Some(payment.clone())).await;
        Ok((week, asked.unwrap_or(payment)))
    }

    /// The freelancer no longer waits for the money of a week whose every charge failed.
    pub async fn timesheet_write_off(
        &self,
        call: &Call,
        id: TimesheetId,
        expected: Option<i64>,
    ) -> Result<Timesheet, Failure> {
        self.timesheet_act(call, id, "timesheet_write_off", |week, tx| week.write_off(tx.actor(), tx.now(), expected))
            .await
    }

    /// The charge of a week is due, or was not answered: the contract's card is to be charged.
    pub(crate) async fn timesheet_charge(&self, call: &Call, id: TimesheetId) -> Result<(), Failure> {
        if let Some(week) = self.timesheet_find(call, id).await? {
            self.client_screen(week.client).await?;
            if self.put_off(call, Timer::ChargeTimesheet(id)).await? {
                return Ok(());
            }
        }
        run!(self, call, tx => {
            let week = tx.timesheet_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if let TimesheetState::Charging { attempt, .. } = &week.state
                && let Some(payment) = tx.payment_find(attempt.payment).await?
                && self.payments().is_with_the_bank(tx.conn(), &payment).await?
            {
                return tx.timesheet_save(week.waits_for_bank(tx.actor(), tx.now())?).await.map(drop);
            }
            let card = tx.contract_card(week.contract).await?.map(|card| card.method);
            let change = week.charge_to(tx.actor(), tx.now(), tx.id::<PaymentId>(), card)?;
            let (changed, payment) = (change.changed, change.next.1.clone());
            tx.timesheet_save(change.map(|(week, _)| week)).await?;
            if let Some(payment) = payment {
                tx.payment_save(Change::to(payment)).await?;
            }
            if changed {
                tx.audit("timesheet_charge", id, serde_json::json!({})).await?;
            }
            Ok(())
        })
    }

    /// What the clock does to a week.
    pub(crate) async fn timesheet_tick(
        &self,
        call: &Call,
        id: TimesheetId,
        verb: impl Fn(Timesheet, &Tx) -> Result<Change<Timesheet>, Refusal> + Send + Sync,
    ) -> Result<Timesheet, Failure> {
        self.timesheet_act(call, id, "timesheet_tick", verb).await
    }

    /// Lock, decide, save, and note who did it.
    async fn timesheet_act(
        &self,
        call: &Call,
        id: TimesheetId,
        act: &str,
        verb: impl Fn(Timesheet, &Tx) -> Result<Change<Timesheet>, Refusal> + Send + Sync,
    ) -> Result<Timesheet, Failure> {
        run!(self, call, tx => {
            let week = tx.timesheet_shown_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = verb(week, tx)?;
            if change.changed {
                let to = change.next.state.as_str();
                tx.audit(act, id, serde_json::json!({ "to": to, "version": change.next.version })).await?;
            }
            tx.timesheet_save(change).await
        })
    }
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

impl Tx {
    /// The week, locked with its contract until this transaction ends.
    pub async fn timesheet_for_update(&self, id: TimesheetId) -> Result<Option<Timesheet>, Failure> {
        let Some(row) = row::Entity::find_by_id(id.uuid()).one(self.conn()).await? else { return Ok(None) };
        self.week_for_update(row).await
    }

    /// The same, if whoever acts may see it; else none, and nothing is locked.
    pub(crate) async fn timesheet_shown_for_update(&self, id: TimesheetId) -> Result<Option<Timesheet>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        let Some(row) = row.filter(|row| access::visible(self.actor(), &row::subject(row))) else {
            return self.is_nothing();
        };
        self.week_for_update(row).await
    }

    async fn week_for_update(&self, row: row::Model) -> Result<Option<Timesheet>, Failure> {
        self.contract_for_update(Id::from_uuid(row.contract_id)).await?;
        let rows = row::Entity::find_by_id(row.id).lock_exclusive().all(self.conn()).await?;
        Ok(row::with_entries(self.conn(), rows).await?.pop())
    }

    /// Lock the contract of a week, before what is locked between the two.
    pub(crate) async fn timesheet_contract_for_update(&self, id: TimesheetId) -> Result<(), Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?.ok_or(Refusal::HIDDEN)?;
        self.contract_for_update(Id::from_uuid(row.contract_id)).await.map(drop)
    }

    /// Several weeks, locked in the order of their ids, after their contracts in the order of theirs.
    pub(crate) async fn timesheets_for_update(&self, ids: &[TimesheetId]) -> Result<Vec<Timesheet>, Failure> {
        let of_them = row::Entity::find().filter(row::Column::Id.is_in(ids.iter().map(|id| id.uuid())));
        let rows = of_them.clone().all(self.conn()).await?;
        let contracts: BTreeSet<ContractId> = rows.iter().map(|row| Id::from_uuid(row.contract_id)).collect();
        for contract in contracts {
            self.contract_for_update(contract).await?;
        }
        let rows = of_them.order_by_asc(row::Column::Id).lock_exclusive().all(self.conn()).await?;
        row::with_entries(self.conn(), rows).await
    }

    /// The week of a contract that a day lies in, if it was begun; the contract is locked already.
    async fn week_of_contract_for_update(
        &self,
        contract: ContractId,
        date: NaiveDate,
    ) -> Result<Option<Timesheet>, Failure> {
        let monday = week_of(date.and_time(chrono::NaiveTime::MIN).and_utc());
        let rows = row::Entity::find()
            .filter(row::Column::ContractId.eq(contract.uuid()))
            .filter(row::Column::Week.eq(monday))
            .filter(row::Column::SplitFrom.is_null())
            .lock_exclusive()
            .all(self.conn())
            .await?;
        Ok(row::with_entries(self.conn(), rows).await?.pop())
    }

    /// The weeks of a contract that are not settled, locked in the order of their ids; the contract
    /// is locked already.
    pub(crate) async fn weeks_unsettled_for_update(&self, contract: ContractId) -> Result<Vec<Timesheet>, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::ContractId.eq(contract.uuid()))
            .filter(row::Column::Status.is_not_in(["paid", "void", "charged_back"]))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        row::with_entries(self.conn(), rows).await
    }

    /// Save what was decided about a week, with its entries, money, events and timers; and what it
    /// means for its contract, which is locked already.
    pub async fn timesheet_save(&self, change: Change<Timesheet>) -> Result<Timesheet, Failure> {
        if change.changed {
            self.timesheet_keep(&change.next).await?;
        }
        self.settle(change).await
    }

    /// Write a week, its entries, and what it means for its contract. What was decided along with it
    /// is the caller's to settle.
    pub(crate) async fn timesheet_keep(&self, week: &Timesheet) -> Result<(), Failure> {
        self.timesheet_write(week).await?;
        self.contract_heed(week.contract).await?;
        Ok(())
    }

    /// Write a week and its entries, and nothing of its contract.
    pub(crate) async fn timesheet_write(&self, week: &Timesheet) -> Result<(), Failure> {
        save_row(self.conn(), row::Model::try_from(week)?).await?;
        self.time_entries_keep(week).await
    }

    /// The contract goes on hold for its weeks, or off it.
    pub(crate) async fn contract_heed(&self, id: ContractId) -> Result<Contract, Failure> {
        let contract = self.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
        let weeks = self.weeks_unsettled_for_update(id).await?;
        self.contract_save(contract.heed_weeks(&Actor::System, self.now(), &weeks)?).await
    }

    /// Bring the rows of entries to those the week has: what it took over is moved, what it lost
    /// removed, what is new written. An entry that stands is not touched.
    async fn time_entries_keep(&self, week: &Timesheet) -> Result<(), Failure> {
        let kept: Vec<TimeEntryId> = week.entries.iter().map(|entry| entry.id).collect();
        let of = week.id.uuid();
        let moved = "update time_entries set timesheet_id = $1 where id = any($2) and timesheet_id <> $1";
        self.conn().execute_raw(sql(moved, [of.into(), ids(&kept)])).await?;
        let removed = "delete from time_entries where timesheet_id = $1 and id <> all($2)";
        self.conn().execute_raw(sql(removed, [of.into(), ids(&kept)])).await?;
        let written = "insert into time_entries (id, timesheet_id, date, minutes, note, manual)
             select entry.id, $1, entry.date, entry.minutes, entry.note, entry.manual
             from jsonb_to_recordset($2) as entry (id uuid, date date, minutes integer, note text, manual boolean)
             where not exists (select 1 from time_entries known where known.id = entry.id)";
        let entries = week.entries.iter().map(row::entry_json).collect();
        self.conn().execute_raw(sql(written, [of.into(), serde_json::Value::Array(entries).into()])).await?;
        Ok(())
    }
}
