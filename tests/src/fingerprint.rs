//! What is in the database, as one number a table: to see that a refusal wrote nothing.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

/// Tables that change when somebody only asks.
const BOOKKEEPING: &[&str] = &["sessions", "throttles", "exposures", "exposure_sums", "seaql_migrations"];

/// A number for what is in each table.
pub async fn fingerprint(pool: &PgPool) -> BTreeMap<String, String> {
    let each = "select string_agg(format(
            'select %L, count(*) || '':'' || coalesce(sum(hashtext(t::text)::bigint), 0) from %I t', tablename, tablename
        ), ' union all ' order by tablename)
        from pg_tables where schemaname = 'public' and tablename <> all ($1)";
    let each: String =
        sqlx::query_scalar(each).bind(BOOKKEEPING).fetch_one(pool).await.expect("the tables can be listed");
    let found: Vec<(String, String)> =
        sqlx::query_as(AssertSqlSafe(each)).fetch_all(pool).await.expect("the tables can be read");
    found.into_iter().collect()
}
