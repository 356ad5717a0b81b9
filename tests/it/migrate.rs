//! Migrations: applied once whoever starts, and a schema of another age is refused.

use infra::market::connect;
use infra::migrate::{self, SchemaError};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tests::database::TestDatabase;

#[tokio::test]
async fn servers_that_start_together_migrate_once() {
    let database = TestDatabase::empty().await;
    let url = database.url();

    let (one, two, three) = tokio::join!(migrate::up(&url), migrate::up(&url), migrate::up(&url));

    let mut applied = [one.unwrap(), two.unwrap(), three.unwrap()].map(|names| names.len());
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, migrations::ALL.len()]);
    let db = connect(&url, 1).await.unwrap();
    migrate::check(&db).await.unwrap();
    assert!(migrate::status(&db).await.unwrap().iter().all(|step| step.applied));
}

#[tokio::test]
async fn an_older_schema_is_refused_by_name_and_migrating_mends_it() {
    let database = TestDatabase::empty().await;
    let db = connect(&database.url(), 1).await.unwrap();

    let error = migrate::check(&db).await.expect_err("nothing was applied");
    assert!(matches!(&error, SchemaError::Older { missing } if missing.len() == migrations::ALL.len()), "{error}");
    assert!(error.remedy().contains("rabta migrate up"), "{}", error.remedy());

    migrate::up(&database.url()).await.unwrap();
    migrate::check(&db).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_not_touched() {
    let database = TestDatabase::new().await;
    let db = connect(&database.url(), 1).await.unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('9999_tomorrow', 0)";
    db.execute_unprepared(newer).await.unwrap();

    let error = migrate::check(&db).await.expect_err("it is newer");
    assert!(matches!(&error, SchemaError::Newer { unknown } if unknown == &["9999_tomorrow"]), "{error}");
    let error = migrate::up(&database.url()).await.expect_err("it is newer");
    assert!(matches!(error, SchemaError::Newer { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_address_says_what_to_look_at() {
    let database = TestDatabase::new().await;
    let missing = database.url().replace("/t_", "/no_such_t_");

    let error = migrate::up(&missing).await.expect_err("there is no such database");
    assert!(matches!(&error, SchemaError::Unreachable { code: Some(code), .. } if code == "3D000"), "{error}");
    assert!(error.remedy().contains("create that database"), "{}", error.remedy());

    let error = migrate::up("postgres://nobody@127.0.0.1:1/nothing").await.expect_err("nobody listens");
    assert!(matches!(error, SchemaError::Unreachable { code: None, .. }), "{error}");
    assert!(error.remedy().contains("DATABASE_URL"), "{}", error.remedy());
}

#[tokio::test]
async fn tests_do_not_see_each_other() {
    let (one, two) = tokio::join!(TestDatabase::new(), TestDatabase::new());
    let db = connect(&one.url(), 1).await.unwrap();
    db.execute_unprepared("CREATE TABLE only_here ()").await.unwrap();

    let other = connect(&two.url(), 1).await.unwrap();
    assert!(other.execute_unprepared("SELECT FROM only_here").await.is_err());
}

/// One in SQL that can't be put in place of its call is planned with each statement that calls it.
#[tokio::test]
async fn functions_that_read_rows_are_planned_once() {
    let database = TestDatabase::new().await;
    let db = connect(&database.url(), 1).await.unwrap();
    let in_sql = "select proname::text as name from pg_proc
        where pronamespace = 'public'::regnamespace and prosrc ~* '\\mfrom\\M'
          and prolang = (select oid from pg_language where lanname = 'sql') order by 1";

    let found = db.query_all_raw(Statement::from_string(DbBackend::Postgres, in_sql)).await.unwrap();

    let names: Vec<String> = found.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    // Once for each payout that is looked at, and for each contract, when its first entry is posted.
    assert_eq!(names, ["cleared_of", "ledger_begin"]);
}
