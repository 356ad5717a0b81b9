//! How fast the pages are that are looked at most, beside a handler written by hand for each: one prepared
//! statement whose answer is the JSON that is sent ("the yardstick").
//!
//! Both are servers of their own, on one database with 100,000 freelancers, 50,000 gigs and 300,000
//! proposals, and are asked in turn by the same clients; what each spends of the processor is read from
//! `/proc`. Ours is the whole way: connection limits, the document's limits, the token with its session,
//! the schema. The yardstick knows no limits and nobody's rights.
//!
//! Trust the ratios, and the microseconds as far as the machine is idle. `RABTA_BENCH_PERCENT=10` fills a
//! tenth of the data. With `RABTA_BENCH_FLOOR=0.30` it ends with an error if a page that is read reaches less of the
//! yardstick's rate than that.

#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it can't go on"
)]

#[path = "pages/clients.rs"]
mod clients;
#[path = "pages/fill.rs"]
mod fill;
#[path = "pages/ours.rs"]
mod ours;
#[path = "pages/yardstick.rs"]
mod yardstick;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use infra::embedded::{Embedded, Purpose};
use infra::migrate::{self, APP_ROLE};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::clients::{Asked, Run, load};
use crate::fill::Filled;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
const SECONDS: f64 = 3.0;
const CLIENTS: usize = 16;

const GIG_PAGE: &str = "query Gig($gig: ID!) { gig(id: $gig) { id title description state budget { low { minorUnits } high { minorUnits } }
    client { id name } proposals(first: 10) { nodes { id state coverLetter submittedAt
        freelancer { id name profile { headline hourlyRate { minorUnits } skills { level years skill { name } } } } } } } }";
const BROWSE: &str = "query Browse($skill: ID!) { gigs(first: 20, filter: { skills: [$skill] }) {
    nodes { id title publishedAt budget { low { minorUnits } high { minorUnits } } client { id name } } pageInfo { endCursor hasNextPage } } }";
const MY_PAGE: &str = "query Mine { viewer { user { id name profile { headline overview hourlyRate { minorUnits } skills { level years skill { name } } } }
    contracts(first: 10) { nodes { id title status milestones(first: 10) { nodes { id title status amount { minorUnits } dueAt } } } } } }";
const SUBMIT: &str = "mutation Bid($input: ProposalSubmitInput!) { proposalSubmit(input: $input) { proposal { id state } errors { code message } } }";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("ours"), Some(url)) => runtime.block_on(ours::serve(&url)),
        (Some("yardstick"), Some(url)) => runtime.block_on(yardstick::serve(&url)),
        _ => return runtime.block_on(measure()),
    }
    ExitCode::SUCCESS
}

/// A server in a process of its own.
struct Server {
    child: Child,
    port: u16,
    tokens: Vec<String>,
}

impl Server {
    /// Start this program again as one of the two; it says its port, and the tokens it takes.
    fn start(what: &str, url: &str) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut child = Command::new(this)
            .args([what, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server of its own");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("what it says")).read_line(&mut line).expect("its first line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{what} said {line:?}"));
        let tokens = said["tokens"].as_array().cloned().unwrap_or_default();
        let tokens = tokens.iter().map(|token| token.as_str().unwrap_or_default().to_owned()).collect();
        Self { child, port: u16::try_from(said["port"].as_u64().expect("a port")).expect("a port"), tokens }
    }

    /// Processor time in microseconds so far.
    fn spent(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Ticks of a hundredth of a second.
        let own = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
        own.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10_000.0
    }

    /// The most memory it had, in MB.
    fn peak(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The least of the yardstick's rate that a page which is read may reach, if somebody says so.
fn floor() -> Option<f64> {
    let text = std::env::var("RABTA_BENCH_FLOOR").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("RABTA_BENCH_FLOOR is no number: {text:?}")))
}

async fn measure() -> ExitCode {
    let floor = floor();
    let folder = std::env::temp_dir().join(format!("rabta-pages-{}", std::process::id()));
    let server = Embedded::start(&folder, Purpose::Data, None).await.expect("a private PostgreSQL");
    server.ensure_database("rabta").await.expect("a database");
    let (owner, app) = (server.url("rabta"), server.url_as(APP_ROLE, "rabta"));
    migrate::up(&owner).await.expect("the migrations apply");
    migrate::grant(&owner, APP_ROLE).await.expect("the role is granted its rights");
    let mut db = PgConnection::connect(&owner).await.expect("the server answers");
    let percent = std::env::var("RABTA_BENCH_PERCENT").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let filled = fill::fill(&mut db, &app, percent).await;
    println!("{filled}");
    let reached = {
        let (ours, yardstick) = (Server::start("ours", &app), Server::start("yardstick", &owner));
        let reached = compare(&ours, &yardstick, &filled).await;
        println!("peak memory: ours {:.0} MB, yardstick {:.0} MB", ours.peak(), yardstick.peak());
        reached
    };
    server.stop().await.expect("the server ends");
    // What is left in a folder for temporary things does no harm.
    let _ = std::fs::remove_dir_all(&folder);
    let (lowest, ratio) = reached.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b)).expect("pages were read");
    match floor {
        Some(floor) if ratio < floor || ratio.is_nan() => {
            println!("{lowest} reaches {ratio:.2} of the yardstick, and {floor:.2} is the least");
            ExitCode::FAILURE
        }
        Some(_) | None => ExitCode::SUCCESS,
    }
}

/// The requests for a page: ours, and the yardstick's.
fn pages(ours: &Server, filled: &Filled) -> Vec<(&'static str, Vec<Asked>, Vec<Asked>)> {
    let graphql = |token: usize, query: &str, variables: Value| {
        Asked::new("/graphql", ours.tokens.get(token), &json!({ "query": query, "variables": variables }))
    };
    let (owners, people) = (filled.gigs.len(), filled.busy);
    let gig = |n: usize| graphql(n, GIG_PAGE, json!({ "gig": filled.gigs[n] }));
    let browse = |n: usize| graphql(n, BROWSE, json!({ "skill": filled.skills[n % filled.skills.len()] }));
    let mine = |n: usize| graphql(owners + n, MY_PAGE, json!({}));
    let bid = |n: usize| {
        let letter = format!("I have done this before, for bench {n}, and would do it again with care and in time.");
        let milestones = json!([{ "title": "All of it", "amount": { "amount": "500.00" } }]);
        let input = json!({ "gigId": filled.free_gigs[n % filled.free_gigs.len()], "coverLetter": letter, "milestones": milestones });
        graphql(owners + people + n, SUBMIT, json!({ "input": input }))
    };
    let plain = |path: &str, body: Value| Asked::new(path, None, &body);
    let bidders = ours.tokens.len() - owners - people;
    vec![
        (
            "Q1 gig page",
            (0..owners).map(gig).collect(),
            (0..owners).map(|n| plain("/gig", json!(filled.gig_uuids[n]))).collect(),
        ),
        (
            "Q2 browse",
            (0..owners).map(browse).collect(),
            (0..owners).map(|n| plain("/browse", json!(filled.skill_uuids[n % filled.skills.len()]))).collect(),
        ),
        (
            "Q3 my page",
            (0..people).map(mine).collect(),
            (0..people).map(|n| plain("/mine", json!(filled.busy_uuids[n]))).collect(),
        ),
        (
            "M1 submit",
            (0..bidders).map(bid).collect(),
            (0..bidders)
                .map(|n| {
                    let gig = &filled.free_gig_uuids[n % filled.free_gigs.len()];
                    plain(
                        "/bid",
                        json!([gig, filled.other_uuids[n], "I have done this before, and would do it again."]),
                    )
                })
                .collect(),
        ),
    ]
}

/// Measure each page, and print it; how much of the yardstick's rate those reach that are read.
async fn compare(ours: &Server, yardstick: &Server, filled: &Filled) -> Vec<(&'static str, f64)> {
    let mut reached = Vec::new();
    println!("{CLIENTS} connections, each line {ROUNDS} times {SECONDS} s each, in turn");
    println!(
        "{:<14}{:>12}{:>10}{:>10}{:>12}{:>12}{:>12}{:>12}",
        "", "yardstick/s", "ours/s", "ratio", "CPU µs", "ours", "p50 ms", "ours"
    );
    for (name, our_requests, their_requests) in pages(ours, filled) {
        let mut sums = [Run::default(), Run::default()];
        let is_act = name.starts_with('M');
        // Each act can be done once: the rounds share what there is.
        let share = |requests: &[Asked], round: usize| {
            let each = requests.len() / (ROUNDS + 1);
            if is_act { requests[round * each..(round + 1) * each].to_vec() } else { requests.to_vec() }
        };
        for round in 0..=ROUNDS {
            for (at, (server, requests)) in
                [(yardstick, &their_requests), (ours, &our_requests)].into_iter().enumerate()
            {
                let before = server.spent();
                let mut run = load(server.port, share(requests, round), CLIENTS, SECONDS, is_act).await;
                run.spent = server.spent() - before;
                // The first round warms up.
                if round > 0 {
                    sums[at].add(run);
                }
            }
        }
        let [theirs, own] = &mut sums;
        if !is_act {
            reached.push((name, own.rate() / theirs.rate()));
        }
        println!(
            "{name:<14}{:>12.0}{:>10.0}{:>10.2}{:>12.0}{:>12.0}{:>12.2}{:>12.2}",
            theirs.rate(),
            own.rate(),
            own.rate() / theirs.rate(),
            theirs.each(),
            own.each(),
            theirs.median(),
            own.median(),
        );
    }
    reached
}
