//! SQL by hand, always with parameters.

use domain::id::Id;
use sea_orm::sea_query::{Alias, Expr, Func, FunctionCall, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, Iden, Iterable, QueryFilter, QuerySelect,
    QueryTrait, Statement, Value,
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

/// Is it one of these ids? One alone has a text of its own: of an array that is a value the planner knows nothing before
/// it is given, takes it for a long one, and so plans anew for each; for one id it plans once for each connection.
/// Planning takes longer than what is planned where one page is read of many tables.
pub(crate) fn is_one_of<I: Id>(id: SimpleExpr, wanted: &[I]) -> SimpleExpr {
    match wanted {
        [one] => id.eq(one.uuid()),
        none_or_many => id.eq(Func::cust("any").arg(ids(none_or_many))),
    }
}

/// These ids as rows to select from; one alone, too, in a text that says so.
pub(crate) fn each_of<I: Id>(wanted: &[I]) -> FunctionCall {
    match wanted {
        [one] => Func::coalesce([Expr::val(one.uuid())]),
        none_or_many => Func::cust("unnest").arg(ids(none_or_many)),
    }
}

/// The rows in which a column holds one of these ids, in no order.
pub(crate) async fn rows_with<E: EntityTrait, I: Id>(
    conn: &impl ConnectionTrait,
    column: E::Column,
    wanted: &[I],
) -> Result<Vec<E::Model>, DbErr> {
    E::find().filter(is_one_of(column.into_expr(), wanted)).all(conn).await
}

/// What a part belongs to, by the part's id, in one statement: it takes as much to find that there is no such part as that
/// it belongs to what the caller may not see. `key` is the id of the whole, which the part's `of` holds.
pub(crate) async fn whole_of<E: EntityTrait, P: EntityTrait>(
    conn: &impl ConnectionTrait,
    key: E::Column,
    of: P::Column,
    part: (P::Column, Uuid),
) -> Result<Vec<E::Model>, DbErr> {
    let (column, id) = part;
    let of_part = P::find().select_only().column(of).filter(column.eq(id)).into_query();
    E::find().filter(key.in_subquery(of_part)).all(conn).await
}

/// Select all columns of `E`, of the rows called `rows`, under a prefix: for reading its rows along with others.
pub(crate) fn along<E: EntityTrait>(query: &mut SelectStatement, rows: &str, prefix: &str) {
    for column in E::Column::iter() {
        let name = format!("{prefix}{}", column.unquoted());
        query.expr_as(Expr::col((Alias::new(rows), column)), Alias::new(name));
    }
}
