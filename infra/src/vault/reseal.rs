//! Sealing everything anew with the vault's first key, so that the others can go.

use domain::id::{Id, PaymentId, UserId};
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, TransactionTrait};
use uuid::Uuid;

use super::Vault;
use crate::market::Market;
use crate::sql::sql;
use crate::{Failure, payee, payout, second_factor, webhook_endpoint, wire};

/// How many rows are locked at once.
const HEAP: u64 = 200;

/// A table with a column that is sealed, and nothing that it is found by.
struct Sealed {
    select: &'static str,
    update: &'static str,
    owner: fn(Uuid) -> String,
}

const SEALED: &[Sealed] = &[
    Sealed {
        select: "select user_id as id, secret as sealed from second_factors where user_id > $1
                 order by user_id limit $2 for update",
        update: "update second_factors set secret = $2 where user_id = $1",
        owner: |id| second_factor::sealed_for(UserId::from_uuid(id)),
    },
    Sealed {
        select: "select payment_id as id, sealed from payment_secrets where payment_id > $1
                 order by payment_id limit $2 for update",
        update: "update payment_secrets set sealed = $2 where payment_id = $1",
        owner: |id| PaymentId::from_uuid(id).to_string(),
    },
    Sealed {
        select: "select id, sealed from webhook_secrets where id > $1 order by id limit $2 for update",
        update: "update webhook_secrets set sealed = $2 where id = $1",
        owner: webhook_endpoint::sealed_for,
    },
];

#[derive(FromQueryResult)]
struct Kept {
    id: Uuid,
    sealed: Vec<u8>,
}

impl Market {
    /// Seal with the vault's first key everything that is sealed with another, and note the hashes it is found by
    /// anew; how many rows there were. It can be stopped, and begun again, at any time.
    pub async fn vault_reseal(&self) -> Result<u64, Failure> {
        let (db, vault) = (self.db(), self.vault());
        let mut count = 0;
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            let (last, resealed) = payout::reseal(db, vault, from, HEAP).await?;
            (after, count) = (last, count + resealed);
        }
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            let (last, resealed) = payee::reseal(db, vault, from, HEAP).await?;
            (after, count) = (last, count + resealed);
        }
        let mut after = Some(String::new());
        while let Some(from) = after {
            let (last, resealed) = wire::reseal(db, vault, &from, i64::try_from(HEAP).unwrap_or(i64::MAX)).await?;
            (after, count) = (last, count + resealed);
        }
        for sealed in SEALED {
            let mut after = Some(Uuid::nil());
            while let Some(from) = after {
                let (last, resealed) = sealed.reseal(db, vault, from).await?;
                (after, count) = (last, count + resealed);
            }
        }
        Ok(count)
    }
}

impl Sealed {
    async fn reseal(
        &self,
        db: &DatabaseConnection,
        vault: &Vault,
        after: Uuid,
    ) -> Result<(Option<Uuid>, u64), Failure> {
        let tx = db.begin().await?;
        let limit = i64::try_from(HEAP).unwrap_or(i64::MAX);
        let rows = Kept::find_by_statement(sql(self.select, [after.into(), limit.into()])).all(&tx).await?;
        let (last, mut count) = (rows.last().map(|row| row.id), 0);
        for Kept { id, sealed } in rows {
            let owner = (self.owner)(id);
            if !vault.is_sealed_with_first(&owner, &sealed) {
                let anew = vault.seal(&owner, &vault.open(&owner, &sealed)?)?;
                tx.execute_raw(sql(self.update, [id.into(), anew.into()])).await?;
                count += 1;
            }
        }
        tx.commit().await?;
        Ok((last, count))
    }
}
