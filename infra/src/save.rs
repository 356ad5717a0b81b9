//! Writing a row as the domain has decided it: all of it, whether it was there before or not.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable, PrimaryKeyToColumn,
};

use crate::Failure;

/// Write the row that `model` describes.
pub(crate) async fn save_row<M, A>(conn: &impl ConnectionTrait, model: M) -> Result<(), Failure>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait + Send,
{
    let keys: Vec<_> = <A::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &<A::Entity as EntityTrait>::Column| keys.iter().any(|key| key.as_str() == column.as_str());
    let rest: Vec<_> = <A::Entity as EntityTrait>::Column::iter().filter(|column| !is_key(column)).collect();
    let conflict = OnConflict::columns(keys).update_columns(rest).to_owned();
    A::Entity::insert(model.into_active_model().reset_all()).on_conflict(conflict).exec_without_returning(conn).await?;
    Ok(())
}
