//! What bears the chargebacks of payments: money of a payment that its bank took makes up for what we bore of it before
//! it is the client's credit again, whatever transaction brings it.

use std::collections::BTreeSet;

use domain::bearer::{self, Bearer};
use domain::id::{Id, MilestoneId, PaymentId, TimesheetId};
use domain::ledger::JournalEntry;
use domain::payment::Purpose;
use domain::refusal::Refusal;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::sql::{ids, sql};
use crate::{Failure, Tx};

/// What a payment was for.
#[derive(FromQueryResult)]
struct Purposed {
    milestone_id: Option<Uuid>,
    timesheet_id: Option<Uuid>,
}

impl Tx {
    /// What bears the chargebacks of a payment, locked.
    pub(crate) async fn bearer_for_update(&self, id: PaymentId) -> Result<Bearer, Failure> {
        let payment = self.payment_find(id).await?.ok_or(Refusal::HIDDEN)?;
        Ok(match payment.purpose {
            Purpose::Milestone(of) => Bearer::Milestone(self.milestone_for_update(of).await?.ok_or(Refusal::HIDDEN)?),
            Purpose::Timesheet(of) => Bearer::Week(self.timesheet_for_update(of).await?.ok_or(Refusal::HIDDEN)?),
        })
    }

    /// Let what these entries brought clients make up for what we bore.
    pub(crate) async fn made_up_by(&self, entries: &[JournalEntry]) -> Result<(), Failure> {
        let came_back: Vec<PaymentId> = bearer::came_back(entries).into_iter().collect();
        if came_back.is_empty() {
            return Ok(());
        }
        let bears = self.bearers_for_update(&came_back).await?;
        let change = bearer::make_up(entries, bears)?;
        for bearer in &change.next {
            self.bearer_write(bearer).await?;
        }
        self.settle(change).await.map(drop)
    }

    /// What bears chargebacks of these payments, if there were any; locked.
    async fn bearers_for_update(&self, of: &[PaymentId]) -> Result<Vec<Bearer>, Failure> {
        let select = "select p.milestone_id, p.timesheet_id from payments p
            left join milestones m on m.id = p.milestone_id
            left join timesheets t on t.id = p.timesheet_id
            where p.id = any($1) and coalesce(m.chargebacks, t.chargebacks) <> '[]'";
        let found = Purposed::find_by_statement(sql(select, [ids(of)])).all(self.conn()).await?;
        let milestones: BTreeSet<MilestoneId> =
            found.iter().filter_map(|row| row.milestone_id.map(Id::from_uuid)).collect();
        let weeks: BTreeSet<TimesheetId> = found.iter().filter_map(|row| row.timesheet_id.map(Id::from_uuid)).collect();
        let mut bearers = Vec::new();
        if !milestones.is_empty() {
            let milestones: Vec<MilestoneId> = milestones.into_iter().collect();
            bearers.extend(self.milestones_for_update(&milestones).await?.into_iter().map(Bearer::Milestone));
        }
        for week in weeks {
            bearers.extend(self.timesheet_for_update(week).await?.map(Bearer::Week));
        }
        Ok(bearers)
    }

    pub(crate) async fn bearer_write(&self, bearer: &Bearer) -> Result<(), Failure> {
        match bearer {
            Bearer::Milestone(milestone) => self.milestone_write(milestone).await,
            Bearer::Week(week) => self.timesheet_write(week).await,
        }
    }
}
