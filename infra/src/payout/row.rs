//! Payouts and payout methods as rows. An account number is sealed for the id of its method.

use domain::fx::FxQuote;
use domain::id::Id;
use domain::money::Currency;
use domain::payout::{PayoutMethod, PayoutState, Rail, Word};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, TransactionTrait};

use crate::doc::{Doc, TermsDoc};
use crate::save::save_row;
use crate::vault::Vault;
use crate::{Failure, Fault};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "payouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub method_id: Uuid,
    pub currency: String,
    pub amount_minor: i64,
    pub purpose_code: String,
    pub purpose: String,
    pub written_purpose: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub quote: Option<Doc<FxQuote>>,
    pub e_prc: Option<String>,
    pub retention_method_id: Option<Uuid>,
    pub retention_minor: Option<i64>,
    #[sea_orm(column_type = "JsonBinary")]
    pub failed_rails: Doc<Vec<Rail>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub terms: TermsDoc,
    pub version: i64,
    pub attempt: i32,
    pub requested_at: DateTimeUtc,
    pub status: String,
    pub waits_for_staff: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub word: Option<Doc<Word>>,
    pub lacks: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Doc<PayoutState>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Bank accounts.
pub mod method {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payout_methods")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub iban_sealed: Vec<u8>,
        pub iban_lookup: Vec<u8>,
        pub iban_last4: String,
        pub bank: String,
        pub account_title: String,
        pub currency: String,
        pub added_at: DateTimeUtc,
        pub usable_from: DateTimeUtc,
        pub removed_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The row of a method, its account number sealed.
pub fn method_model(vault: &Vault, method: &PayoutMethod) -> Result<method::Model, Fault> {
    Ok(method::Model {
        id: method.id.uuid(),
        user_id: method.user.uuid(),
        iban_sealed: vault.seal(&method.id.to_string(), method.iban.reveal())?,
        iban_lookup: vault.lookup(method.iban.reveal()),
        iban_last4: method.iban.last4().to_owned(),
        bank: method.iban.bank().to_owned(),
        account_title: method.account_title.clone(),
        currency: method.currency.code().to_owned(),
        added_at: method.added_at,
        usable_from: method.usable_from,
        removed_at: method.removed_at,
    })
}

/// The method of a row, its account number opened.
pub fn open(vault: &Vault, row: method::Model) -> Result<PayoutMethod, Fault> {
    let id: domain::id::PayoutMethodId = Id::from_uuid(row.id);
    let text = vault.open(&id.to_string(), &row.iban_sealed)?;
    Ok(PayoutMethod {
        id,
        user: Id::from_uuid(row.user_id),
        iban: text.parse().map_err(|error: domain::payout::BadIban| Fault::bad_row("payout_methods", error))?,
        account_title: row.account_title,
        currency: Currency::from_code(&row.currency)
            .ok_or_else(|| Fault::bad_row("payout_methods", "unknown currency"))?,
        added_at: row.added_at,
        usable_from: row.usable_from,
        removed_at: row.removed_at,
    })
}

/// Seal anew what was not sealed with the first key; how many rows there were, and where to go on.
pub async fn reseal(
    db: &DatabaseConnection,
    vault: &Vault,
    after: Uuid,
    limit: u64,
) -> Result<(Option<Uuid>, u64), Failure> {
    let tx = db.begin().await?;
    let rows = method::Entity::find()
        .filter(method::Column::Id.gt(after))
        .order_by_asc(method::Column::Id)
        .limit(limit)
        .lock_exclusive()
        .all(&tx)
        .await?;
    let (last, mut count) = (rows.last().map(|row| row.id), 0);
    for row in rows {
        let id: domain::id::PayoutMethodId = Id::from_uuid(row.id);
        // Of an erased account the number is gone.
        if !row.iban_sealed.is_empty() && !vault.is_sealed_with_first(&id.to_string(), &row.iban_sealed) {
            save_row(&tx, method_model(vault, &open(vault, row)?)?).await?;
            count += 1;
        }
    }
    tx.commit().await?;
    Ok((last, count))
}
