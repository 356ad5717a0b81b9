//! Disputes over entries of a week: what is disputed goes apart, the rest proceeds.

use domain::dispute::{self, Claim, Contested};
use domain::id::{TimeEntryId, TimesheetId};
use domain::refusal::Refusal;

use crate::market::Market;
use crate::{Call, Failure, run};

impl Market {
    /// The client disputes entries of a week. Answers the dispute, the rest of the week, which is
    /// approved, and the week of the disputed entries.
    pub async fn timesheet_dispute(
        &self,
        call: &Call,
        id: TimesheetId,
        expected: Option<i64>,
        listed: &[TimeEntryId],
        claim: Claim,
    ) -> Result<Contested, Failure> {
        run!(self, call, tx => {
            let week = tx.timesheet_shown_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let ids = (tx.id(), tx.id());
            let change = dispute::open_timesheet(week, tx.actor(), tx.now(), expected, listed, ids, claim.clone())?;
            let (opened, (rest, apart)) = &change.next;
            // First where the disputed entries go, so that they move there and are never gone.
            tx.timesheet_write(apart).await?;
            tx.timesheet_keep(rest).await?;
            tx.dispute_write(opened).await?;
            let detail = serde_json::json!({ "dispute": opened.id, "apart": apart.id, "entries": listed });
            tx.audit("timesheet_dispute", id, detail).await?;
            tx.settle(change).await
        })
    }
}
