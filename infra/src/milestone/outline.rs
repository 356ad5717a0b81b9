//! What a list shows of milestones at a glance: a few columns of their rows.

use domain::Timestamp;
use domain::id::{ContractId, Id, MilestoneId};
use domain::milestone::{Kind, Milestone, Status};
use domain::money::{Currency, Money};
use sea_orm::Iterable;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Func, FunctionCall};
use serde::Deserialize;

use crate::Fault;
use crate::page::{Key, Keyset};

/// What a milestone of a contract is called, what it is worth, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Which one.
    pub id: MilestoneId,
    /// The contract it belongs to.
    pub contract: ContractId,
    /// What it pays for.
    pub kind: Kind,
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// When it is wanted.
    pub due: Option<Timestamp>,
    /// What it is worth.
    pub amount: Money,
    /// Counts its changes.
    pub version: i64,
    /// Where it stands.
    pub status: Status,
}

/// A milestone, as far as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// What a list shows of it.
    Outline(Outline),
    /// All of it.
    Whole(Box<Milestone>),
}

impl From<Milestone> for Seen {
    fn from(milestone: Milestone) -> Self {
        Self::Whole(Box::new(milestone))
    }
}

/// Its columns, in the order in which [`contracts_of_viewer_with_milestones`] reads them as a list of JSON.
///
/// [`contracts_of_viewer_with_milestones`]: crate::market::Market::contracts_of_viewer_with_milestones
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "milestones")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub contract_id: Uuid,
    pub kind: String,
    pub title: String,
    pub description: String,
    pub due_at: Option<DateTimeUtc>,
    pub currency: String,
    pub amount_minor: i64,
    pub version: i64,
    pub status: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// All rows called `rows` as one list of JSON, each the list of its columns; null if there are none.
pub(crate) fn gathered(rows: &'static str) -> FunctionCall {
    let columns = Column::iter().map(|column| Expr::col((rows, column)));
    Func::cust("json_agg").arg(Func::cust("json_build_array").args(columns))
}

pub(crate) fn oldest_first(list: &'static str) -> Keyset<Entity> {
    Keyset { list, columns: vec![Column::Id], descending: false, key: |row| vec![Key::Uuid(row.id)] }
}

impl TryFrom<Model> for Outline {
    type Error = Fault;
    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("milestones", why);
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("unknown currency"))?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            contract: Id::from_uuid(row.contract_id),
            kind: super::row::kind(&row.kind)?,
            title: row.title,
            description: row.description,
            due: row.due_at,
            amount: Money::new(row.amount_minor, currency).map_err(|error| Fault::bad_row("milestones", error))?,
            version: row.version,
            status: Status::ALL
                .iter()
                .copied()
                .find(|status| status.as_str() == row.status)
                .ok_or_else(|| bad("unknown status"))?,
        })
    }
}
