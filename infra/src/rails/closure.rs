//! Rails that are closed: the processor wants to approve them first, so nothing is handed to them until an operator
//! has sorted that out and opens them again.

use domain::Timestamp;
use domain::payout::Rail;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// A rail that is closed.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Closure {
    /// Which.
    pub rail: String,
    /// What the processor said.
    pub reason: String,
    /// Since when.
    pub closed_at: Timestamp,
}

impl Market {
    /// The rails that are closed.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn rails_closed(&self) -> Result<Vec<Closure>, Failure> {
        let select = sql("select rail, reason, closed_at from rail_closures order by rail", []);
        Ok(Closure::find_by_statement(select).all(self.db()).await?)
    }

    /// An operator opens a rail again; was it closed?
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn rail_open(&self, call: &Call, rail: Rail) -> Result<bool, Failure> {
        run!(self, call, tx => {
            let open = sql("delete from rail_closures where rail = $1", [rail.as_str().into()]);
            let opened = tx.conn().execute_raw(open).await?.rows_affected() == 1;
            if opened {
                tx.audit("rail_open", rail.as_str(), serde_json::json!({})).await?;
            }
            Ok(opened)
        })
    }

    pub(super) async fn rail_is_closed(&self, rail: Rail) -> Result<bool, Fault> {
        let select = sql("select rail, reason, closed_at from rail_closures where rail = $1", [rail.as_str().into()]);
        Ok(Closure::find_by_statement(select).one(self.db()).await?.is_some())
    }

    /// The processor wants to approve a rail first: nobody need hear that again.
    pub(super) async fn rail_close(&self, rail: Rail, reason: &str) -> Result<(), Fault> {
        let reason = if reason.is_empty() { "it wants to approve us first" } else { reason };
        tracing::error!(rail = rail.as_str(), reason, "a rail is closed until an operator opens it again");
        let close = sql(
            "insert into rail_closures (rail, reason, closed_at) values ($1, left($2, 500), $3) on conflict do nothing",
            [rail.as_str().into(), reason.into(), self.clock().now().into()],
        );
        self.db().execute_raw(close).await?;
        Ok(())
    }
}
