//! A database for each test: cloned from a template that was migrated once, on a server that all
//! tests of a run share and that ends with the last of them.

use infra::embedded::{Embedded, Purpose, quoted, test_folder};
use infra::migrate;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::leaks;

/// "tests", as a number: only one process makes the template.
const LOCK: i64 = 0x74_65_73_74_73;

static SERVER: OnceCell<Embedded> = OnceCell::const_new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A fresh database with the schema in it, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: &'static Embedded,
    name: String,
}

impl TestDatabase {
    /// Clone the template.
    pub async fn new() -> Self {
        let server = server().await;
        let template = TEMPLATE.get_or_init(|| template(server)).await;
        let this = Self { server, name: unique_name() };
        this.admin(format!("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", this.name, quoted(template))).await;
        this
    }

    /// A copy of this one, to which nobody may be connected.
    pub async fn copy(&self) -> Self {
        let this = Self { server: self.server, name: unique_name() };
        this.admin(format!("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", this.name, self.name)).await;
        this
    }

    /// A fresh database without anything in it.
    pub async fn empty() -> Self {
        let this = Self { server: server().await, name: unique_name() };
        this.admin(format!("CREATE DATABASE {} STRATEGY FILE_COPY", this.name)).await;
        this
    }

    /// Where to connect as who may do anything.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Where the marketplace connects: as a role that may do only what it needs.
    pub fn app_url(&self) -> String {
        self.server.url_as(migrate::APP_ROLE, &self.name)
    }

    async fn admin(&self, sql: String) {
        let mut connection =
            PgConnection::connect(&self.server.url("postgres")).await.expect("the test server answers");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the test server does as it is told");
        connection.close().await.expect("the test server says goodbye");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let (url, told) = (self.url(), !std::thread::panicking());
        // A runtime of its own: the test's is the one we may be dropped in.
        let dropped = std::thread::scope(|scope| {
            let dropping = scope.spawn(|| -> Result<Vec<(String, String)>, sqlx::Error> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let leaked = if told { leaks::in_tables(&url).await? } else { Vec::new() };
                    let mut connection = PgConnection::connect(&self.server.url("postgres")).await?;
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
                    connection.close().await?;
                    Ok(leaked)
                })
            });
            dropping.join()
        });
        // The server goes away with everything on it, so a leftover is no reason to fail a test.
        match dropped {
            Ok(Ok(leaked)) if told => leaks::nothing_leaked(&leaked),
            Ok(Ok(_)) => (),
            Ok(Err(_)) | Err(_) => eprintln!("{} was left behind: {dropped:?}", self.name),
        }
    }
}

async fn server() -> &'static Embedded {
    SERVER
        .get_or_init(|| async {
            let programs = std::env::var_os("RABTA_PG_BIN").map(std::path::PathBuf::from);
            match Embedded::start(&test_folder(), Purpose::Test, programs.as_deref()).await {
                Ok(server) => server,
                Err(error) => panic!("no PostgreSQL for the tests: {error}\n{}", error.remedy()),
            }
        })
        .await
}

/// The template of exactly this schema, made by whoever comes first.
async fn template(server: &'static Embedded) -> String {
    let name = format!("tpl_{}", migrations::fingerprint());
    let mut admin = PgConnection::connect(&server.url("postgres")).await.expect("the test server answers");
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut admin).await.expect("the lock is given");
    let ready: Option<bool> = sqlx::query_scalar("SELECT datistemplate FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await
        .expect("the list of databases");
    if ready != Some(true) {
        // Half made by somebody who was killed.
        for sql in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.expect("the template can be made");
        }
        migrate::up(&server.url(&name)).await.expect("the migrations apply");
        migrate::grant(&server.url(&name), migrate::APP_ROLE).await.expect("the role is granted its rights");
        sqlx::query(AssertSqlSafe(format!("ALTER DATABASE {name} IS_TEMPLATE true")))
            .execute(&mut admin)
            .await
            .expect("the template can be marked");
    }
    admin.close().await.expect("the test server says goodbye");
    name
}

/// Never taken: by process, by count.
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
