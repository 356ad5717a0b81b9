//! SQL by hand, always with parameters.

use domain::id::Id;
use sea_orm::sea_query::{Alias, Expr, Func, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, Iden, Iterable, QueryFilter, Statement,
    Value,
};
use uuid::Uuid;

/// A statement with its values in place of `$1`, `$2`…
pub(crate) fn sql<const N: usize>(text: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}

/// Ids as one array, for `= any($1)`: one statement text serves any number of them.
pub(crate) fn ids<I: Id>(ids: &[I]) -> Value {
    ids.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>().into()
}

/// The rows in which a column holds one of these ids, in no order.
pub(crate) async fn rows_with<E: EntityTrait, I: Id>(
    conn: &impl ConnectionTrait,
    column: E::Column,
    wanted: &[I],
) -> Result<Vec<E::Model>, DbErr> {
    E::find().filter(column.into_expr().eq(Func::cust("any").arg(ids(wanted)))).all(conn).await
}

/// Select all columns of `E`, of the rows called `rows`, under a prefix: for reading its rows along with others.
pub(crate) fn along<E: EntityTrait>(query: &mut SelectStatement, rows: &str, prefix: &str) {
    for column in E::Column::iter() {
        let name = format!("{prefix}{}", column.unquoted());
        query.expr_as(Expr::col((Alias::new(rows), column)), Alias::new(name));
    }
}
