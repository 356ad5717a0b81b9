//! Writing a row as the domain has decided it: all of it, whether it was there before or not.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    PrimaryKeyToColumn, QueryTrait, Statement,
};

use crate::Failure;

/// Write the row that `model` describes.
pub(crate) async fn save_row<M, A>(conn: &impl ConnectionTrait, model: M) -> Result<(), Failure>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait + Send,
{
    conn.execute_raw(saving(model)).await?;
    Ok(())
}

/// The statement that writes it, for what else is to be done in the same.
pub(crate) fn saving<M, A>(model: M) -> Statement
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait + Send,
{
    let keys: Vec<_> = <A::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &<A::Entity as EntityTrait>::Column| keys.iter().any(|key| key.as_str() == column.as_str());
    let rest: Vec<_> = <A::Entity as EntityTrait>::Column::iter().filter(|column| !is_key(column)).collect();
    let conflict = OnConflict::columns(keys).update_columns(rest).to_owned();
    let insert = A::Entity::insert(model.into_active_model().reset_all()).on_conflict(conflict);
    insert.build(DbBackend::Postgres)
}
