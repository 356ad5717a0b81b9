//! The books, counted from outside: not by what the program says of them, but from their rows.

use infra::books::{Finding, audit};
use sqlx::Row;
use sqlx::postgres::PgPool;

use crate::TestApp;

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

impl TestApp {
    /// The program's own audit finds nothing wrong either.
    ///
    /// # Panics
    /// If it does.
    pub async fn assert_audited(&self) {
        let found = audit(self.market.db(), None).await.expect("the books can be audited");
        let broken: Vec<&Finding> = found.iter().filter(|finding| !finding.holds()).collect();
        assert!(broken.is_empty(), "an audit finds: {broken:#?}");
    }
}
