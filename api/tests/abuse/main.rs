//! Attacks on the server, over real sockets: one row for each limit and each attack that is known of. A row says what is
//! sent, and what refuses it: the status, the code, and the limit that was gone over. In between and after all of it the
//! server answers everybody else, and it has never taken more than 300 MB; nor has one with the settings that are shipped,
//! when as many as it takes hold on to what they can.
//!
//! `cargo test -p api --test abuse -- --nocapture` prints the table: attack, answer, time, and what the server's memory
//! was after it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]
#![expect(clippy::print_stdout, reason = "the table is printed")]

mod defaults;
mod documents;
mod http;
mod inputs;
mod leak;
mod server;
mod slow;
mod sockets;
mod tokens;
mod untaken;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use self::server::{PATIENCE, Server};

/// The most memory that the server may ever take, in kilobytes.
const MOST_KB: u64 = 300 * 1024;

/// Held by whoever has a server of its own under attack: what one of them has to do is not to keep another one's clients
/// waiting.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The attacks, and how they were answered.
pub struct Suite {
    server: Server,
    rows: Mutex<Vec<Row>>,
}

struct Row {
    family: &'static str,
    attack: String,
    wanted: String,
    told: String,
    took: Duration,
    memory_kb: u64,
}

impl Row {
    /// Is the answer one of those that are right? What stands in brackets is not compared.
    fn is_right(&self) -> bool {
        let told = self.told.split(" (").next().unwrap_or_default();
        self.wanted.split(" or ").any(|wanted| wanted == told)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, attack, told, took, memory_kb, .. } = self;
        let (took, memory) = (took.as_secs_f64() * 1000.0, memory_kb / 1024);
        let but = if self.is_right() { "" } else { " **and not as it should be**" };
        write!(f, "| {family} | {attack} | {told}{but} | {took:.1} | {memory} |")
    }
}

impl Suite {
    /// Attack, and note what came. `wanted` is the answer that is right, or several, with "or" between them.
    pub async fn row(
        &self,
        family: &'static str,
        attack: impl Into<String>,
        wanted: &str,
        act: impl Future<Output = String>,
    ) {
        let began = Instant::now();
        let told = tokio::time::timeout(PATIENCE, act).await.unwrap_or_else(|_| "no answer".to_owned());
        let row = Row {
            family,
            attack: attack.into(),
            wanted: wanted.to_owned(),
            told,
            took: began.elapsed(),
            memory_kb: self.server.memory_kb("VmRSS"),
        };
        println!("{row}");
        self.rows.lock().unwrap().push(row);
    }

    /// Somebody else is answered as if nothing were.
    async fn answers_others(&self, after: &str) {
        let answer = self.server.ask("{ __typename }").await.told();
        assert_eq!(answer, "200 data", "after the {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_answered_as_it_should_be_and_in_bounded_memory() {
    let _alone = ALONE.lock().await;
    let suite = Suite { server: Server::start(), rows: Mutex::default() };
    println!("| family | attack | answer | ms | MB |\n|---|---|---|---|---|");
    documents::attack(&suite).await;
    suite.answers_others("documents").await;
    http::attack(&suite).await;
    suite.answers_others("requests").await;
    inputs::attack(&suite).await;
    suite.answers_others("inputs").await;
    tokens::attack(&suite).await;
    suite.answers_others("tokens").await;
    sockets::attack(&suite).await;
    suite.answers_others("sockets").await;
    slow::attack(&suite).await;
    suite.answers_others("slow ones").await;
    untaken::attack(&suite).await;
    suite.answers_others("answers that nobody took").await;

    let rows = suite.rows.into_inner().unwrap();
    let (now, most) = (suite.server.memory_kb("VmRSS"), suite.server.memory_kb("VmHWM"));
    print(&rows, now, most);
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| !row.is_right())
        .map(|row| format!("{}, {}: {} is right, {} came", row.family, row.attack, row.wanted, row.told))
        .collect();
    assert!(wrong.is_empty(), "{} of {} were answered otherwise: {wrong:#?}", wrong.len(), rows.len());
    assert!(rows.len() > 150, "only {} attacks were tried", rows.len());
    assert!(most < MOST_KB, "the server took {most} kB");
}

/// What the families come to.
fn print(rows: &[Row], now: u64, most: u64) {
    let mut families: BTreeMap<&str, (usize, Duration, u64)> = BTreeMap::new();
    for Row { family, took, memory_kb, .. } in rows {
        let sum = families.entry(family).or_default();
        *sum = (sum.0 + 1, sum.1.max(*took), sum.2.max(*memory_kb));
    }
    println!("\n| family | attacks | slowest, ms | MB at most |\n|---|---|---|---|");
    for (family, (attacks, slowest, memory)) in families {
        println!("| {family} | {attacks} | {:.0} | {} |", slowest.as_secs_f64() * 1000.0, memory / 1024);
    }
    println!("\n{} attacks; the server takes {} MB, and took {} MB at the most", rows.len(), now / 1024, most / 1024);
}
