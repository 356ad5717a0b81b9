//! What is in the database, as one number a table: to see that a refusal wrote nothing.

use std::collections::BTreeMap;

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row};

/// Tables that change when somebody only asks.
const BOOKKEEPING: &[&str] = &["sessions", "throttles", "exposures", "seaql_migrations"];

/// A number for what is in each table.
pub async fn fingerprint(pool: &PgPool) -> BTreeMap<String, String> {
    let tables = sqlx::query("select tablename from pg_tables where schemaname = 'public' order by 1")
        .fetch_all(pool)
        .await
        .expect("the tables can be listed");
    let mut found = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        if BOOKKEEPING.contains(&table.as_str()) {
            continue;
        }
        let sql = format!(
            "select count(*)::text || ':' || coalesce(sum(hashtext(t::text)::bigint), 0)::text from \"{table}\" t"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await.expect("a table can be read");
        found.insert(table, row.get(0));
    }
    found
}
