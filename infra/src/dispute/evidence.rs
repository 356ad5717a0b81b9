//! Evidence in disputes: rows that are only ever added.

use domain::dispute::Evidence;
use domain::id::{DisputeId, EvidenceId, Id};
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::row::side_text;
use super::row::{self as dispute, evidence as row};
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, try_map_pages};
use crate::save::save_row;
use crate::sql::whole_of;
use crate::{Call, Failure, Fault, run};

impl Market {
    /// The evidence, if the caller may see the dispute it is in.
    pub async fn evidence_find(&self, call: &Call, id: EvidenceId) -> Result<Option<Evidence>, Failure> {
        let (of, part) = (row::Column::DisputeId, (row::Column::Id, id.uuid()));
        let rows = whole_of::<dispute::Entity, row::Entity>(self.db(), dispute::Column::Id, of, part).await?;
        if Self::disputes_seen(call, rows)?.is_empty() {
            return Ok(None);
        }
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Evidence::try_from).transpose()?)
    }

    /// The evidence in disputes the caller has loaded, oldest first.
    pub async fn evidence_of_disputes(
        &self,
        _call: &Call,
        disputes: &[DisputeId],
        page: &PageRequest,
    ) -> Result<Pages<DisputeId, Evidence>, Failure> {
        let order = Keyset::<row::Entity> {
            list: "evidence",
            columns: vec![row::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let pages = order.pages(self.db(), row::Entity::find(), row::Column::DisputeId, disputes, page).await?;
        Ok(try_map_pages(pages, Evidence::try_from)?)
    }

    /// A side brings evidence forward.
    pub async fn evidence_add(
        &self,
        call: &Call,
        id: DisputeId,
        text: &str,
        links: &[String],
    ) -> Result<Evidence, Failure> {
        run!(self, call, tx => {
            // The dispute's row is what those who bring evidence forward queue up for.
            let (dispute, _) = tx.dispute_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let brought = match dispute.side(tx.actor()) {
                Some(side) => {
                    let own = row::Entity::find()
                        .filter(row::Column::DisputeId.eq(id.uuid()))
                        .filter(row::Column::Side.eq(side_text(side)));
                    own.count(tx.conn()).await?
                }
                None => 0,
            };
            let brought = u16::try_from(brought).map_err(|error| Fault::bad_row("evidence", error))?;
            let change = dispute.add_evidence(tx.actor(), tx.now(), tx.id(), brought, text, links)?;
            save_row(tx.conn(), row::Model::try_from(&change.next)?).await?;
            tx.audit("evidence_add", id, json!({ "evidence": change.next.id })).await?;
            tx.settle(change).await
        })
    }
}
