//! The books, counted from outside: not by what the program says of them, but from their rows.

use sqlx::Row;
use sqlx::postgres::PgPool;

/// One query that finds whatever is wrong.
const BOOKS: &str = include_str!("books.sql");

/// Everything adds up: postings, balances, milestones, statements with their seals, and answers.
#[track_caller]
pub fn assert_books(found: &[(String, String)]) {
    assert!(found.is_empty(), "the books are wrong: {found:#?}");
}

/// What is wrong with the books.
pub async fn books(pool: &PgPool) -> Vec<(String, String)> {
    let rows = sqlx::query(BOOKS).fetch_all(pool).await.expect("the books can be read");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
