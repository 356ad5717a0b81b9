//! Events whose delivery failed for good, for an operator to look at (`rabta events`).

use domain::Timestamp;
use domain::id::{EventId, Id};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, run};

/// An event that was tried too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event.
    pub id: EventId,
    /// What happened.
    pub name: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was tried for the last time.
    pub parked_at: Timestamp,
    /// Why it could not be delivered, that time.
    pub last_error: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    occurred_at: Timestamp,
    parked_at: Timestamp,
    last_error: Option<String>,
}

impl Market {
    /// What is parked, in the order in which it happened.
    ///
    /// # Errors
    /// [`crate::Fault::Database`].
    pub async fn events_parked(&self, limit: i64) -> Result<Vec<Parked>, Failure> {
        let select = "select id, name, occurred_at, parked_at, last_error from events
            where parked_at is not null and done_at is null order by sequence limit $1";
        let rows = Row::find_by_statement(sql(select, [limit.into()])).all(self.db()).await?;
        let parked = |Row { id, name, occurred_at, parked_at, last_error }| Parked {
            id: Id::from_uuid(id),
            name,
            occurred_at,
            parked_at,
            last_error,
        };
        Ok(rows.into_iter().map(parked).collect())
    }

    /// Have what is parked delivered again, all of it or the one that is named; how many. What follows from an event
    /// follows once, so it does no harm to whatever was reached before.
    ///
    /// # Errors
    /// [`crate::Fault::Database`].
    pub async fn events_replay(&self, which: Option<EventId>) -> Result<u64, Failure> {
        let again = "update events set parked_at = null, attempts = 0, due_at = $1
            where parked_at is not null and done_at is null and ($2::uuid is null or id = $2)";
        let again = sql(again, [self.clock().now().into(), which.map(Id::uuid).into()]);
        let what = which.map_or_else(|| "parked".to_owned(), |event| event.to_string());
        let call = Call::system("rabta events");
        run!(self, &call, tx => {
            let replayed = tx.conn().execute_raw(again.clone()).await?.rows_affected();
            if replayed > 0 {
                tx.audit("events_replay", &what, serde_json::json!({ "events": replayed })).await?;
            }
            Ok(replayed)
        })
    }
}
