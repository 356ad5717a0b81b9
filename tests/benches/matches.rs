//! How fast a client sees the people for a gig: `gig.matches(first: 20)` through the whole of GraphQL,
//! with reasons and profiles, while fifty people a second change their profiles and the index
//! follows; and the same from the tables, which answer while there is no index.
//!
//! People are made up: seven skills each, drawn so that a few skills are held by very many. Set
//! `RABTA_BENCH_PEOPLE` to choose how many; a whole run of 100,000 takes some minutes.

#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it can't go on"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use infra::Market;
use infra::clock::Clock;
use infra::embedded::{Embedded, Purpose};
use infra::market::{Equipment, connect};
use infra::matching;
use infra::migrate::{self, APP_ROLE};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::TestApp;
use tokio::sync::watch;

/// How long each line is measured.
const SECONDS: u64 = 8;
/// How many ask at once.
const CLIENTS: [usize; 2] = [1, 8];
/// So many people change a second.
const CHANGES: u64 = 50;

const QUERY: &str = "query($id: ID!) { gig(id: $id) { matches(first: 20) { modelVersion eligible foundBy indexLag
    leftOut { reason count } edges { node { score sentence placement freelancer { id name } profile { headline }
        factors { kind weight value contribution evidence } improvements { sentence gain } } } } } }";

#[tokio::main]
async fn main() {
    let people: Vec<u32> = match std::env::var("RABTA_BENCH_PEOPLE") {
        Ok(text) => vec![text.parse().expect("a number of people")],
        Err(_) => vec![10_000, 100_000],
    };
    println!(
        "   people  asked by  source    answers/s   p50 ms   p99 ms  CPU ms an answer (ours)   changes/s  index behind, at most"
    );
    for people in people {
        let folder = std::env::temp_dir().join(format!("rabta-bench-{}-{people}", std::process::id()));
        let server = Embedded::start(&folder, Purpose::Data, None).await.expect("a private PostgreSQL");
        server.ensure_database("rabta").await.expect("a database");
        run(&server.url("rabta"), &server.url_as(APP_ROLE, "rabta"), people).await;
        server.stop().await.expect("the server ends");
        let _ = std::fs::remove_dir_all(&folder);
    }
}

async fn run(owner: &str, app_url: &str, people: u32) {
    migrate::up(owner).await.expect("the migrations apply");
    migrate::grant(owner, APP_ROLE).await.expect("the role is granted its rights");
    let mut db = PgConnection::connect(owner).await.unwrap();
    fill(&mut db, people).await;
    let market = Market::new(connect(app_url, 16).await.unwrap(), Clock::System, Equipment::throwaway().unwrap());
    let app = Arc::new(TestApp::on(market.clone()));
    let (token, gig) = {
        let ada = app.client("ada").await;
        let skills: Vec<String> = sqlx::query_scalar(
            "select public_id('ski', skill_id) from profile_skills group by 1 order by count(*) desc offset 2 limit 6",
        )
        .fetch_all(&mut db)
        .await
        .unwrap();
        let input = json!({ "clientId": ada.organization, "title": "Senior back-end engineer for a ledger",
            "description": "Double entry on PostgreSQL, tested, with a small team.", "kind": "HOURLY",
            "budget": { "low": { "amount": "30" }, "high": { "amount": "70" } }, "requiredSkills": skills });
        let id = ada.does_once("gigCreate", input, "gig { id }").await.text("gig.id");
        ada.does_once("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
        (ada.visitor().await.token.expect("signed in"), id)
    };

    for clients in CLIENTS {
        measure(&app, &token, &gig, people, clients, "DATABASE", None).await;
    }
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let following = tokio::spawn(matching::follow(market.clone(), None, stopped.clone()));
    let writing = tokio::spawn(matching::write_down(market.clone(), stopped.clone()));
    while market.index_vitals().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let vitals = market.index_vitals().unwrap();
    println!(
        "{people:>9}  the index of {} people was there after {:.1} s and takes {:.1} MB",
        vitals.people,
        began.elapsed().as_secs_f64(),
        vitals.bytes as f64 / 1e6
    );
    for clients in CLIENTS {
        measure(&app, &token, &gig, people, clients, "INDEX", None).await;
        measure(&app, &token, &gig, people, clients, "INDEX", Some(owner)).await;
    }
    stop.send_replace(true);
    following.await.unwrap();
    writing.await.unwrap();
    market.db().clone().close().await.unwrap();
}

async fn measure(
    app: &Arc<TestApp>,
    token: &str,
    gig: &str,
    people: u32,
    clients: usize,
    source: &str,
    changing: Option<&str>,
) {
    let over = Arc::new(AtomicBool::new(false));
    let changes = Arc::new(AtomicU64::new(0));
    let changer = match changing {
        None => None,
        Some(owner) => {
            let db = PgConnection::connect(owner).await.unwrap();
            Some(tokio::spawn(change(db, Arc::clone(&over), Arc::clone(&changes))))
        }
    };
    let watcher = tokio::spawn({
        let (app, over) = (Arc::clone(app), Arc::clone(&over));
        async move {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
                most = most.max(app.market.index_vitals().map_or(0, |vitals| vitals.lag.num_milliseconds()));
            }
            most
        }
    });
    // Once without counting, to be warm.
    ask(app, token, gig, source).await;
    let (cpu, began) = (own_time(), Instant::now());
    let until = began + Duration::from_secs(SECONDS);
    let asking = (0..clients).map(|_| {
        let (app, token, gig, source) = (Arc::clone(app), token.to_owned(), gig.to_owned(), source.to_owned());
        tokio::spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < until {
                let began = Instant::now();
                ask(&app, &token, &gig, &source).await;
                took.push(began.elapsed());
            }
            took
        })
    });
    let mut took = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        took.extend(asked.await.unwrap());
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), own_time() - cpu);
    over.store(true, Ordering::Relaxed);
    let behind = watcher.await.unwrap();
    if let Some(changer) = changer {
        changer.await.unwrap();
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{people:>9}{clients:>10}  {:<8}{:>11.0}{:>9.1}{:>9.1}{:>25.2}{:>12.0}{:>18} ms",
        source.to_lowercase(),
        took.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        cpu * 1e3 / took.len() as f64,
        changes.load(Ordering::Relaxed) as f64 / seconds,
        behind,
    );
}

async fn ask(app: &TestApp, token: &str, gig: &str, source: &str) {
    let reply = app.bearer(token).asks(QUERY, json!({ "id": gig })).await;
    let found = &reply.body["data"]["gig"]["matches"];
    assert_eq!(found["foundBy"], source, "{:#}", reply.body);
    assert_eq!(found["edges"].as_array().map(Vec::len), Some(20));
}

/// People change what they ask, one after the other.
async fn change(mut db: PgConnection, over: Arc<AtomicBool>, changes: Arc<AtomicU64>) {
    let mut pace = tokio::time::interval(Duration::from_millis(1_000 / CHANGES));
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        sqlx::query(
            "update freelancer_profiles set rate_minor = 2000 + (random() * 6000)::int
             where user_id = (select person from made_up where n = 1 + $1 % (select max(n) from made_up))",
        )
        // Far apart, and each again only after all the others.
        .bind(i32::try_from(changes.load(Ordering::Relaxed) * 7_919 % 1_000_003).unwrap())
        .execute(&mut db)
        .await
        .unwrap();
        changes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Processor time of this process so far, in seconds.
fn own_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// People with seven skills each, of which a few are held by very many.
async fn fill(db: &mut PgConnection, people: u32) {
    let statements = [
        format!(
            "create table made_up as
             select n, gen_random_uuid() as person, gen_random_uuid() as profile from generate_series(1, {people}) n"
        ),
        "create unique index made_up_n on made_up (n)".to_owned(),
        "insert into users (id, email, name, created_at)
         select person, 'made.up.' || n || '@example.com', 'Person ' || n, now() from made_up"
            .to_owned(),
        "insert into freelancer_profiles (id, user_id, headline, overview, rate_minor, time_zone, work_starts, work_ends,
             weekly_hours, languages, visibility, version, created_at, updated_at)
         select profile, person,
             (array['Back-end engineer', 'Front-end developer', 'Full-stack developer', 'Product designer', 'Data engineer',
                    'Mobile developer', 'DevOps engineer', 'Technical writer', 'QA engineer', 'Machine learning engineer'])[1 + n % 10],
             'Built and kept services for clients abroad: payments, reports, dashboards, and what they rest on.',
             2000 + (random() * 6000)::int, 'Asia/Karachi', '14:00', '23:00', 10 + n % 31,
             '[{\"code\": \"en\", \"fluency\": \"Fluent\"}]', 'public', 1, now(), now()
         from made_up"
            .to_owned(),
        "insert into profile_skills (profile_id, skill_id, level, years, position)
         select profile, ranked.id, (array['beginner', 'intermediate', 'expert'])[1 + (n + k) % 3], 1 + (n + k) % 9, k
         from made_up cross join generate_series(1, 7) k
         cross join lateral (select 1 + floor(power(random(), 3) * 400)::int as rank where n + k > 0) drawn
         join (select id, row_number() over (order by md5(id::text)) as rank from skill) ranked on ranked.rank = drawn.rank
         on conflict do nothing"
            .to_owned(),
        "grant select on made_up to public".to_owned(),
        "vacuum analyze".to_owned(),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *db).await.unwrap();
    }
}
