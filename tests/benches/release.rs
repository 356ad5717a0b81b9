//! How fast money is released, against PostgreSQL's own `pgbench` (TPC-B-like) in turn on the same
//! cluster, which waits for its disk: fsync and synchronous_commit are on.
//!
//! A release is the whole use case: a client approves submitted work through [`Market`], with its
//! idempotency key, the milestone's row, the sealed entry, two balances, events, timers and the
//! line of the audit log, in one transaction. *Uniform*: 2,000 contracts, each with its own
//! freelancer, and no fee. *Hot*: the same, and the platform's fee account is in every entry.
//!
//! Trust the ratios: the three runs of a line stand beside each other in time, twice.

#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it can't go on"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::access::{Actor, MemberRole, Person};
use domain::id::MilestoneId;
use domain::milestone::Approval;
use infra::clock::Clock;
use infra::embedded::{Embedded, Purpose};
use infra::idempotency::Once;
use infra::market::{Equipment, connect};
use infra::migrate::{self, APP_ROLE};
use infra::{Call, Market};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::TestApp;

/// What the server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLIENTS: [u32; 3] = [1, 8, 32];
const ROUNDS: u32 = 2;
const SECONDS: u64 = 4;
const CONTRACTS: i32 = 2_000;
/// Waiting for approval, of each kind.
const MILESTONES: i32 = 30_000;
/// As many branches of TPC-B-like as clients, or it would wait for itself.
const SCALE: u32 = 32;

#[tokio::main]
async fn main() {
    let folder = std::env::temp_dir().join(format!("rabta-bench-{}", std::process::id()));
    let server = Embedded::start(&folder, Purpose::Data, None).await.expect("a private PostgreSQL");
    for database in ["rabta", "pgbench"] {
        server.ensure_database(database).await.expect("a database");
    }
    let bench = Bench { owner: server.url("rabta"), app: server.url_as(APP_ROLE, "rabta"), log: folder.join("log") };
    bench.run().await;
    server.stop().await.expect("the server ends");
    // What is left in a folder for temporary things does no harm.
    let _ = std::fs::remove_dir_all(&folder);
}

struct Bench {
    owner: String,
    app: String,
    log: PathBuf,
}

/// Milestones that wait for their approval, and the next of them to take.
struct Waiting {
    ids: Vec<MilestoneId>,
    next: AtomicUsize,
}

/// What a run came to.
#[derive(Default, Clone, Copy)]
struct Run {
    done: u64,
    seconds: f64,
    wal: i64,
    /// Seconds of processor time: this process's, and the whole machine's.
    own: f64,
    busy: f64,
}

impl Run {
    fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    fn per(&self, sum: f64) -> f64 {
        sum / self.done.max(1) as f64
    }

    fn and(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            seconds: self.seconds + other.seconds,
            wal: self.wal + other.wal,
            own: self.own + other.own,
            busy: self.busy + other.busy,
        }
    }
}

/// Processor time in seconds so far: this process's, and the whole machine's.
fn processor_time() -> (f64, f64) {
    // Ticks of a hundredth of a second.
    let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let own: f64 = (own.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2))
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    let all = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let all: Vec<f64> = (all.lines().next().unwrap_or_default().split_whitespace().skip(1))
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    // Everything but idle and waiting for the disk.
    let busy = all.iter().sum::<f64>() - all.get(3).unwrap_or(&0.0) - all.get(4).unwrap_or(&0.0);
    (own / 100.0, busy / 100.0)
}

impl Bench {
    async fn run(self) {
        migrate::up(&self.owner).await.expect("the migrations apply");
        migrate::grant(&self.owner, APP_ROLE).await.expect("the role is granted its rights");
        let mut db = PgConnection::connect(&self.owner).await.expect("the server answers");
        // No checkpoint falls into a run by chance.
        for sql in [
            "alter system set checkpoint_timeout = '1h'",
            "alter system set max_wal_size = '16GB'",
            "select pg_reload_conf()",
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut db).await.unwrap();
        }
        println!("filling two databases: {} milestones, TPC-B-like of scale {SCALE}", 2 * MILESTONES);
        let programs = programs();
        self.pgbench(&programs, &["-i", "-q", "-s", &SCALE.to_string()]);
        let pool = connect(&self.app, 34).await.expect("the server answers");
        let market = Market::new(pool, Clock::System, Equipment::throwaway().unwrap());
        let app = TestApp::on(market.clone());
        let deal = app.submitted().await;
        let client = Actor::Person(Person {
            user: deal.client.id.parse().unwrap(),
            suspended: false,
            second_factor: true,
            staff: None,
            memberships: vec![(deal.client.organization.parse().unwrap(), MemberRole::Owner)],
        });
        fill(&mut db).await;
        let uniform = waiting(&mut db, false).await;
        let hot = waiting(&mut db, true).await;
        sqlx::query("vacuum analyze").execute(&mut db).await.unwrap();
        sqlx::query("checkpoint").execute(&mut db).await.unwrap();

        let statements = self.statements(&client, &hot).await;
        println!(
            "\nclients  TPC-B-like/s  uniform/s  of TPC-B     hot/s  of TPC-B  hot/uniform   CPU µs a release (ours, PostgreSQL)  busy"
        );
        let mut sums = [Run::default(); 3];
        for clients in CLIENTS {
            let mut runs = [Run::default(); 3];
            for _ in 0..ROUNDS {
                runs[0] = runs[0].and(self.tpcb(&programs, &mut db, clients).await);
                runs[1] = runs[1].and(release(&market, &client, &uniform, &mut db, clients).await);
                runs[2] = runs[2].and(release(&market, &client, &hot, &mut db, clients).await);
            }
            let [tpcb, uniform, hot] = runs;
            let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
            println!(
                "{clients:>7}{:>14.0}{:>11.0}{:>10.2}{:>10.0}{:>10.2}{:>13.2}{:>29.0}{:>10.0}{:>7.0} %",
                tpcb.rate(),
                uniform.rate(),
                uniform.rate() / tpcb.rate(),
                hot.rate(),
                hot.rate() / tpcb.rate(),
                hot.rate() / uniform.rate(),
                hot.per(hot.own) * 1e6,
                hot.per(hot.busy - hot.own) * 1e6,
                hot.busy / hot.seconds / cores * 100.0,
            );
            for (sum, run) in sums.iter_mut().zip(runs) {
                *sum = sum.and(run);
            }
        }
        let wal = sums.map(|sum| sum.per(sum.wal as f64));
        println!("\nstatements a transaction: TPC-B-like 7, release {statements}");
        println!("WAL bytes a transaction:  TPC-B-like {:.0}, uniform {:.0}, hot {:.0}", wal[0], wal[1], wal[2]);
        println!(
            "busy: the part of all cores in use during the hot runs; near 100 % the processor is the bound, else the disk is"
        );
        market.db().clone().close().await.unwrap();
    }

    fn pgbench(&self, programs: &Path, arguments: &[&str]) -> String {
        let (_, rest) = self.owner.split_once("?host=").expect("a socket");
        let socket = rest.split('&').next().unwrap_or_default();
        let (_, port) = self.owner.split_once("localhost:").expect("a port");
        let port = port.split('/').next().unwrap_or_default();
        let (_, user) = self.owner.split_once("://").expect("a user");
        let user = user.split('@').next().unwrap_or_default();
        let output = Command::new(programs.join("pgbench"))
            .args(["-h", socket, "-p", port, "-U", user])
            .args(arguments)
            .arg("pgbench")
            .output()
            .expect("pgbench runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn tpcb(&self, programs: &Path, db: &mut PgConnection, clients: u32) -> Run {
        let (clients, threads) = (clients.to_string(), clients.min(2).to_string());
        let seconds = SECONDS.to_string();
        let before = position(db).await;
        let said = self.pgbench(programs, &["-n", "-c", &clients, "-j", &threads, "-T", &seconds]);
        let wal = position(db).await - before;
        let number = |label: &str| -> f64 {
            let line = said.lines().find(|line| line.starts_with(label)).expect("pgbench says it");
            line[label.len()..]
                .split_whitespace()
                .find_map(|word| word.split('/').next()?.parse().ok())
                .expect("a number")
        };
        let done = number("number of transactions actually processed:");
        Run { done: done as u64, seconds: done / number("tps ="), wal, ..Run::default() }
    }

    /// Statements a release takes, beginning and ending included: counted in the server's own log.
    async fn statements(&self, client: &Actor, waiting: &Waiting) -> u64 {
        let mut db = PgConnection::connect(&self.owner).await.unwrap();
        let role = |what: &str| AssertSqlSafe(format!("alter role {APP_ROLE} {what}"));
        sqlx::query(role("set log_min_duration_statement = 0")).execute(&mut db).await.unwrap();
        let market = Market::new(connect(&self.app, 1).await.unwrap(), Clock::System, Equipment::throwaway().unwrap());
        approve(&market, client, waiting).await;
        let counted = || {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            log.lines().filter(|line| line.contains("  execute ") || line.contains("  statement: ")).count() as u64
        };
        let before = counted();
        for _ in 0..10 {
            approve(&market, client, waiting).await;
        }
        let after = counted();
        sqlx::query(role("reset log_min_duration_statement")).execute(&mut db).await.unwrap();
        market.db().clone().close().await.unwrap();
        (after - before) / 10
    }
}

/// One client approves one milestone.
async fn approve(market: &Market, client: &Actor, waiting: &Waiting) -> bool {
    let Some(&id) = waiting.ids.get(waiting.next.fetch_add(1, Ordering::Relaxed)) else { return false };
    let key = id.to_string();
    let once = Once::new(market.vault(), &key, &key, "milestoneApprove", &key).unwrap();
    let call = Call { actor: client.clone(), once: Some(once), ..Call::system(key) };
    market.milestone_approve(&call, id, None, Approval::Whole).await.unwrap();
    true
}

async fn release(market: &Market, client: &Actor, waiting: &Arc<Waiting>, db: &mut PgConnection, clients: u32) -> Run {
    let (wal, (own, busy), began) = (position(db).await, processor_time(), Instant::now());
    let until = began + Duration::from_secs(SECONDS);
    let tasks = (0..clients).map(|_| {
        let (market, client, waiting) = (market.clone(), client.clone(), Arc::clone(waiting));
        tokio::spawn(async move {
            let mut done = 0;
            while Instant::now() < until && approve(&market, &client, &waiting).await {
                done += 1;
            }
            done
        })
    });
    let mut done = 0;
    for task in tasks.collect::<Vec<_>>() {
        done += task.await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let (own_after, busy_after) = processor_time();
    Run { done, seconds, wal: position(db).await - wal, own: own_after - own, busy: busy_after - busy }
}

/// How many bytes of write-ahead log there have been.
async fn position(db: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        .fetch_one(db)
        .await
        .unwrap()
}

/// Copy the one submitted milestone there is, with its freelancer, offer and contract, and fund the
/// copies: so many with our fee, and so many without.
async fn fill(db: &mut PgConnection) {
    let copies = [
        format!("create temp table fresh as select n, gen_random_uuid() as person, gen_random_uuid() as offer, gen_random_uuid() as contract from generate_series(0, {}) n", CONTRACTS - 1),
        "create temp table template as select m.id as milestone, m.contract_id as contract from milestones m".to_owned(),
        "insert into users select copy.*
         from users u, fresh, lateral jsonb_populate_record(u, jsonb_build_object('id', person, 'email', 'f' || n || '@example.com')) copy where u.email like 'faisal@%'".to_owned(),
        "insert into offers select copy.*
         from offers o, fresh, lateral jsonb_populate_record(o, jsonb_build_object('id', offer, 'contract_id', contract, 'freelancer_id', person)) copy".to_owned(),
        "insert into contracts select copy.*
         from contracts c, fresh, lateral jsonb_populate_record(c, jsonb_build_object('id', contract, 'offer_id', offer, 'freelancer_id', person)) copy".to_owned(),
        format!("create temp table copies as select gen_random_uuid() as id, n % {CONTRACTS} as place, n >= {MILESTONES} as hot from generate_series(0, {}) n", 2 * MILESTONES - 1),
        "begin".to_owned(),
        "insert into milestones select copy.*
         from template, milestones m, copies join fresh on fresh.n = copies.place, lateral jsonb_populate_record(m, jsonb_build_object('id', copies.id, 'contract_id', fresh.contract,
             'offer_id', fresh.offer, 'freelancer_id', fresh.person, 'escrow_account', 'escrow:' || public_id('mil', copies.id),
             'terms', case when hot then m.terms::jsonb else jsonb_set(m.terms::jsonb, '{freelancer_fee}', '0') end)) copy where m.id = template.milestone order by copies.id".to_owned(),
        "select count(ledger_post(gen_random_uuid(), 'fund', 'bench:' || m.id, m.contract_id, m.id, 'system', 'bench', now(),
             jsonb_build_array(jsonb_build_object('from_account', 'processor_clearing', 'to_account', escrow_account,
                 'currency', 'USD', 'amount_minor', held_minor))))
         from milestones m join copies using (id)".to_owned(),
        "insert into timers (kind, subject, due_at) select kind, id, due_at from timers, template, copies where subject = milestone".to_owned(),
        "commit".to_owned(),
    ];
    for sql in copies {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *db).await.unwrap();
    }
}

/// The copies with or without a fee, in no order.
async fn waiting(db: &mut PgConnection, hot: bool) -> Arc<Waiting> {
    let ids: Vec<String> =
        sqlx::query_scalar("select public_id('mil', id) from copies where hot = $1 order by md5(id::text)")
            .bind(hot)
            .fetch_all(db)
            .await
            .unwrap();
    Arc::new(Waiting { ids: ids.iter().map(|id| id.parse().unwrap()).collect(), next: AtomicUsize::new(0) })
}

/// Where pgbench is: beside the server's own programs.
fn programs() -> PathBuf {
    let named = std::env::var_os("RABTA_PG_BIN").map(PathBuf::from);
    let mut found: Vec<PathBuf> = named.into_iter().collect();
    if found.is_empty() {
        let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        found.extend(installed.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
        found.sort();
        found.reverse();
        let path = std::env::var_os("PATH").unwrap_or_default();
        found.extend(std::env::split_paths(&path));
    }
    found
        .into_iter()
        .find(|folder| folder.join("pgbench").exists())
        .expect("pgbench (Debian: in the package postgresql)")
}
