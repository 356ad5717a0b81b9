//! Policy versions: fees and time limits by date. They are added, and never changed.

use domain::Timestamp;
use domain::id::ContractId;
use domain::milestone::Kind;
use domain::money::Money;
use domain::policy::{PolicyDraft, PolicyVersion, Preview, Terms};
use domain::refusal::Refusal;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder};
use serde_json::Value;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

/// What a preview of fees is asked for.
#[derive(Debug, Clone)]
pub struct PreviewAsk {
    /// How much.
    pub amount: Money,
    /// For what.
    pub kind: Kind,
    /// Under the policy in force then; now, if absent.
    pub at: Option<Timestamp>,
    /// Under the terms of this contract instead.
    pub contract: Option<ContractId>,
    /// In which proportions the amount is split, if it is.
    pub weights: Vec<u32>,
}

impl Market {
    /// The policy in force now: what a contract made now is made under.
    pub async fn policy_in_force(&self) -> Result<PolicyVersion, Failure> {
        version_at(self.db(), self.clock().now()).await?.ok_or_else(|| none().into())
    }

    /// The policy in force at a time, or now; none before the first.
    pub async fn policy_at(&self, at: Option<Timestamp>) -> Result<Option<PolicyVersion>, Failure> {
        version_at(self.db(), at.unwrap_or_else(|| self.clock().now())).await
    }

    /// Every version, the latest first. They are everybody's to read.
    pub async fn policies_page(&self, page: &PageRequest) -> Result<Slice<PolicyVersion>, Failure> {
        let order = Keyset::<row::Entity> {
            list: "policies",
            columns: vec![row::Column::EffectiveFrom, row::Column::Number],
            descending: true,
            key: |row| vec![Key::Time(row.effective_from), Key::Int(i64::from(row.number))],
        };
        Ok(order.page(self.db(), row::Entity::find(), page).await?.try_map(PolicyVersion::try_from)?)
    }

    /// One of our people introduces a version; `edit` makes its terms out of those that would else
    /// be in force then.
    pub async fn policy_version_add(
        &self,
        call: &Call,
        draft: PolicyDraft,
        edit: impl Fn(Terms) -> Result<Terms, Refusal> + Send + Sync,
    ) -> Result<PolicyVersion, Failure> {
        run!(self, call, tx => {
            // Numbers count up without a gap; whoever only reads or refers to a version does not wait.
            tx.conn().execute_raw(sql("select pg_advisory_xact_lock(hashtextextended('policy_versions', 0))", [])).await?;
            let rows = row::Entity::find().order_by_asc(row::Column::Number).all(tx.conn()).await?;
            let standing = rows.into_iter().map(PolicyVersion::try_from).collect::<Result<Vec<_>, Fault>>()?;
            let change = draft.clone().introduce(tx.actor(), tx.now(), &standing, &edit)?;
            let version = tx.settle(change).await?;
            row::Model::try_from(&version)?.into_active_model().insert(tx.conn()).await?;
            let detail = serde_json::json!({ "effective_from": version.effective_from, "note": version.note });
            tx.audit("policy_version_add", version.number, detail).await?;
            Ok(version)
        })
    }

    /// What each side would pay and get, and by which version of the policy.
    pub async fn fee_preview(&self, call: &Call, ask: PreviewAsk) -> Result<Preview, Failure> {
        let version = match ask.contract {
            Some(id) => {
                let contract = self.contract_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
                let (number, effective_from) = (contract.policy, contract.created_at);
                PolicyVersion { number, effective_from, note: String::new(), terms: contract.terms }
            }
            None => {
                let at = ask.at.unwrap_or_else(|| self.clock().now());
                let version = version_at(self.db(), at)
                    .await?
                    .ok_or_else(|| Refusal::field("at", "OUT_OF_RANGE", "there was no policy then"))?;
                PolicyVersion { effective_from: at, ..version }
            }
        };
        Ok(version.preview(ask.kind, ask.amount, &ask.weights)?)
    }
}

impl Tx {
    /// The policy in force at the time of this transaction.
    pub async fn policy_in_force(&self) -> Result<PolicyVersion, Failure> {
        version_at(self.conn(), self.now()).await?.ok_or_else(|| none().into())
    }
}

fn none() -> Fault {
    Fault::bad_row("policy_versions", "no policy is in force")
}

async fn version_at(conn: &impl ConnectionTrait, at: Timestamp) -> Result<Option<PolicyVersion>, Failure> {
    let latest = sql(
        "select * from policy_versions where effective_from <= $1 order by effective_from desc, number desc limit 1",
        [at.into()],
    );
    let row = row::Entity::find().from_raw_sql(latest).one(conn).await?;
    Ok(row.map(PolicyVersion::try_from).transpose()?)
}

/// The terms of the version in force at `$3`, to be joined as `policy`.
pub(crate) const IN_FORCE: &str = "left join lateral (
    select terms from policy_versions where effective_from <= $3 order by effective_from desc, number desc limit 1)
    policy on true";

/// The terms that a version says. What it leaves out, since there was no such figure yet, is what it is by default.
/// What was agreed on under it keeps to what its own copy says.
pub(crate) fn terms_said(terms: Value) -> Result<Terms, Fault> {
    let (Value::Object(mut all), Value::Object(said)) = (serde_json::to_value(Terms::default())?, terms) else {
        return Err(Fault::bad_row("policy_versions", "its terms are no object"));
    };
    all.extend(said);
    Ok(serde_json::from_value(Value::Object(all))?)
}

impl TryFrom<row::Model> for PolicyVersion {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let row::Model { number, effective_from, note, terms } = row;
        Ok(Self { number, effective_from, note, terms: terms_said(terms)? })
    }
}

impl TryFrom<&PolicyVersion> for row::Model {
    type Error = Fault;
    fn try_from(version: &PolicyVersion) -> Result<Self, Fault> {
        Ok(Self {
            number: version.number,
            effective_from: version.effective_from,
            note: version.note.clone(),
            terms: serde_json::to_value(&version.terms)?,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "policy_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub effective_from: DateTimeUtc,
        pub note: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub terms: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
