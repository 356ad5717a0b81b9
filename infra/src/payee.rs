//! Who is paid, as a bank needs to know. Numbers of identity go into the vault; what is shown is their last four.

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{Id, UserId};
use domain::payee::{Cnic, Ntn, Payee, PayeeEdit};
use domain::payout::Iban;
use domain::refusal::Refusal;
use sea_orm::{DatabaseConnection, EntityTrait, FromQueryResult, QuerySelect};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::Market;
use crate::save::save_row;
use crate::sql::sql;
use crate::vault::Vault;
use crate::{Call, Failure, Fault, run};

/// A payee, as far as it is shown: never the whole numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayeeShown {
    /// Who.
    pub user: UserId,
    /// See [`Payee`].
    pub latin_name: Option<String>,
    /// See [`Payee`].
    pub urdu_name: Option<String>,
    /// See [`Payee`].
    pub address: Option<String>,
    /// See [`Payee`].
    pub phone: Option<String>,
    /// The last four digits of the identity card's number.
    pub cnic_last4: Option<String>,
    /// The last four digits of the tax number.
    pub ntn_last4: Option<String>,
    /// What a wire to this person still needs, by the names of the fields.
    pub missing: Vec<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Owner {
    user_id: Uuid,
}

impl Market {
    /// What the caller has said of themselves to banks.
    pub async fn payee_of_viewer(&self, call: &Call) -> Result<Option<PayeeShown>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(None) };
        let Some(name) = self.name_of(user).await? else { return Ok(None) };
        let payee = self.payee_load(user).await?;
        let blank = || Payee::blank(user, self.clock().now());
        Ok(Some(shown(&payee.unwrap_or_else(blank), &name)))
    }

    /// The caller says who they are to a bank.
    pub async fn payee_update(&self, call: &Call, edit: PayeeEdit) -> Result<PayeeShown, Failure> {
        let user = call.actor.person()?.user;
        let payee = run!(self, call, tx => {
            // The person's row is what two first changes at once queue up at.
            let person = tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let row = row::Entity::find_by_id(user.uuid()).lock_exclusive().one(tx.conn()).await?;
            let payee = row.map(|row| open(self.vault(), row)).transpose()?;
            let payee = payee.unwrap_or_else(|| Payee::blank(user, tx.now()));
            let change = payee.update(tx.actor(), edit.clone(), tx.now())?;
            if change.changed {
                tx.must_be_proved(call).await?;
                save_row(tx.conn(), seal(self.vault(), &change.next)?).await?;
                let given = serde_json::json!({ "cnic": edit.cnic.is_some(), "ntn": edit.ntn.is_some() });
                tx.audit("payee_update", user, given).await?;
            }
            tx.recipient_agreement_accept(self, user, &call.device).await?;
            Ok(shown(&change.next, &person.name))
        })?;
        self.freelancer_changed(user).await;
        Ok(payee)
    }

    /// Who has given this number of identity or this account, for our people: by its keyed hash, since nobody can
    /// look through what is encrypted.
    pub async fn payees_by_number(&self, call: &Call, number: &str) -> Result<Vec<UserId>, Failure> {
        access::check(&call.actor, Verb::PayeeSearch, &Subject::OURS)?;
        let text = if let Ok(cnic) = number.parse::<Cnic>() {
            cnic.reveal().to_owned()
        } else if let Ok(ntn) = number.parse::<Ntn>() {
            ntn.reveal().to_owned()
        } else if let Ok(iban) = number.parse::<Iban>() {
            iban.reveal().to_owned()
        } else {
            return Err(Refusal::field("number", "MALFORMED", "is no CNIC, no NTN and no IBAN").into());
        };
        let hashes = self.vault().lookups(&text);
        let select = sql(
            "select user_id from payees where cnic_lookup = any($1) or ntn_lookup = any($1)
             union select user_id from payout_methods where iban_lookup = any($1) order by user_id limit 100",
            [hashes.into()],
        );
        let found = Owner::find_by_statement(select).all(self.db()).await?;
        let found: Vec<UserId> = found.into_iter().map(|row| Id::from_uuid(row.user_id)).collect();
        // Whom one of our people looked for is written down, and not by what.
        run!(self, call, tx => { tx.audit("payee_search", "payees", serde_json::json!({ "found": found })).await })?;
        Ok(found)
    }

    /// What is known of a payee, whoever asks.
    pub(crate) async fn payee_load(&self, user: UserId) -> Result<Option<Payee>, Failure> {
        let row = row::Entity::find_by_id(user.uuid()).one(self.db()).await?;
        Ok(row.map(|row| open(self.vault(), row)).transpose()?)
    }

    pub(crate) async fn name_of(&self, user: UserId) -> Result<Option<String>, Failure> {
        #[derive(FromQueryResult)]
        struct Name {
            name: String,
        }
        let select = sql("select name from users where id = $1", [user.uuid().into()]);
        Ok(Name::find_by_statement(select).one(self.db()).await?.map(|found| found.name))
    }
}

fn shown(payee: &Payee, name: &str) -> PayeeShown {
    PayeeShown {
        user: payee.user,
        latin_name: payee.latin_name.clone(),
        urdu_name: payee.urdu_name.clone(),
        address: payee.address.clone(),
        phone: payee.phone.clone(),
        cnic_last4: payee.cnic.as_ref().map(|cnic| cnic.last4().to_owned()),
        ntn_last4: payee.ntn.as_ref().map(|ntn| ntn.last4().to_owned()),
        missing: payee.missing_for_wire(name).into_iter().map(str::to_owned).collect(),
        version: payee.version,
        updated_at: payee.updated_at,
    }
}

/// What a number is sealed for: it can't be opened as anything else, or as anybody else's.
fn purpose(user: UserId, what: &str) -> String {
    format!("{user}:{what}")
}

fn seal(vault: &Vault, payee: &Payee) -> Result<row::Model, Fault> {
    let user = payee.user;
    let (cnic, ntn) = (payee.cnic.as_ref().map(Cnic::reveal), payee.ntn.as_ref().map(Ntn::reveal));
    let sealed = |what, number: Option<&str>| number.map(|n| vault.seal(&purpose(user, what), n)).transpose();
    Ok(row::Model {
        user_id: user.uuid(),
        latin_name: payee.latin_name.clone(),
        urdu_name: payee.urdu_name.clone(),
        address: payee.address.clone(),
        phone: payee.phone.clone(),
        cnic_sealed: sealed("cnic", cnic)?,
        cnic_lookup: cnic.map(|number| vault.lookup(number)),
        cnic_last4: payee.cnic.as_ref().map(|cnic| cnic.last4().to_owned()),
        ntn_sealed: sealed("ntn", ntn)?,
        ntn_lookup: ntn.map(|number| vault.lookup(number)),
        ntn_last4: payee.ntn.as_ref().map(|ntn| ntn.last4().to_owned()),
        version: payee.version,
        updated_at: payee.updated_at,
    })
}

fn open(vault: &Vault, row: row::Model) -> Result<Payee, Fault> {
    let user: UserId = Id::from_uuid(row.user_id);
    let opened =
        |what, sealed: Option<Vec<u8>>| sealed.map(|sealed| vault.open(&purpose(user, what), &sealed)).transpose();
    let bad = |error: domain::payee::BadNumber| Fault::bad_row("payees", error);
    Ok(Payee {
        user,
        cnic: opened("cnic", row.cnic_sealed)?.map(|text| text.parse().map_err(bad)).transpose()?,
        ntn: opened("ntn", row.ntn_sealed)?.map(|text| text.parse().map_err(bad)).transpose()?,
        latin_name: row.latin_name,
        urdu_name: row.urdu_name,
        address: row.address,
        phone: row.phone,
        version: row.version,
        updated_at: row.updated_at,
    })
}

/// Seal anew what was not sealed with the first key; how many rows there were. `after` is where to go on.
pub(crate) async fn reseal(
    db: &DatabaseConnection,
    vault: &Vault,
    after: Uuid,
    limit: u64,
) -> Result<(Option<Uuid>, u64), Failure> {
    use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, TransactionTrait};
    let tx = db.begin().await?;
    let rows = row::Entity::find()
        .filter(row::Column::UserId.gt(after))
        .order_by_asc(row::Column::UserId)
        .limit(limit)
        .lock_exclusive()
        .all(&tx)
        .await?;
    let (last, mut count) = (rows.last().map(|row| row.user_id), 0);
    for row in rows {
        let user: UserId = Id::from_uuid(row.user_id);
        let is_current = |what, sealed: &Option<Vec<u8>>| {
            sealed.as_ref().is_none_or(|sealed| vault.is_sealed_with_first(&purpose(user, what), sealed))
        };
        if is_current("cnic", &row.cnic_sealed) && is_current("ntn", &row.ntn_sealed) {
            continue;
        }
        save_row(&tx, seal(vault, &open(vault, row)?)?).await?;
        count += 1;
    }
    tx.commit().await?;
    Ok((last, count))
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payees")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub latin_name: Option<String>,
        pub urdu_name: Option<String>,
        pub address: Option<String>,
        pub phone: Option<String>,
        pub cnic_sealed: Option<Vec<u8>>,
        pub cnic_lookup: Option<Vec<u8>>,
        pub cnic_last4: Option<String>,
        pub ntn_sealed: Option<Vec<u8>>,
        pub ntn_lookup: Option<Vec<u8>>,
        pub ntn_last4: Option<String>,
        pub version: i64,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
