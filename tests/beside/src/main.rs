//! Matching beside full-text search: Rabta's index, tantivy's BM25 and PostgreSQL's tsvector with GIN, on
//! the same people and the same gigs in the same run, one core each. Rabta scores in full and explains
//! its fifty; the others rank by the words of skills and roles alone.
//!
//!     cargo run --release --manifest-path tests/beside/Cargo.toml [-- PEOPLE ...]
//!
//! Times are of the processor, so that a busy machine shows less in them; PostgreSQL tells its own.

mod postgres;
mod text;
#[path = "../../../domain/benches/matching/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use chrono::TimeZone;
use cpu_time::ThreadTime;
use domain::matching::index::{Builder, Index, Limits};
use domain::matching::{GigFeatures, Matcher, Model, PersonFeatures, Taxonomy};

use world::World;

/// So many gigs of each sort are asked with.
const GIGS: u128 = 400;
/// So many of them PostgreSQL is asked with, which takes its time.
const GIGS_OF_POSTGRES: usize = 60;

/// Processor times of many answers.
pub struct Times(Vec<f64>);

impl Times {
    /// In milliseconds.
    pub fn new(mut millis: Vec<f64>) -> Self {
        millis.sort_by(f64::total_cmp);
        Self(millis)
    }

    fn of<T>(gigs: &[T], mut answer: impl FnMut(&T)) -> Self {
        let time = |gig: &T, answer: &mut dyn FnMut(&T)| {
            let before = ThreadTime::now();
            answer(gig);
            before.elapsed().as_secs_f64() * 1e3
        };
        // Once to be warm.
        gigs.iter().take(20).for_each(&mut answer);
        Self::new(gigs.iter().map(|gig| time(gig, &mut answer)).collect())
    }

    fn at(&self, share: f64) -> f64 {
        self.0.get(((self.0.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
    }
}

/// The words of somebody, or of a gig: a word for each skill, and for each role.
fn words(skills: impl Iterator<Item = domain::id::SkillId>, roles: &[domain::matching::role::Role]) -> String {
    let taxonomy = Taxonomy::shipped();
    let skills = skills.filter_map(|skill| taxonomy.position(skill)).map(|at| format!("s{at}"));
    skills.chain(roles.iter().map(|role| format!("r{}", role.number()))).collect::<Vec<_>>().join(" ")
}

fn of_person(person: &PersonFeatures) -> String {
    words(person.skills.iter().map(|held| held.skill), &person.roles)
}

fn of_gig(gig: &GigFeatures) -> String {
    words(gig.skills.iter().map(|asked| asked.skill), &gig.roles)
}

fn main() {
    let sizes: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    println!("load before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "\n| people | engine | ordinary p50 ms | p99 | hot p50 | p99 | of Rabta's, ordinary p50 | p99 | hot p50 | p99 | MB | built in s |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    let mut notes = Vec::new();
    for size in sizes {
        measure(size, &mut notes);
    }
    notes.iter().for_each(|note| println!("\n{note}"));
    println!("\nload after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
}

fn measure(size: u64, notes: &mut Vec<String>) {
    let model = Model::shipped();
    let Some(now) = chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).single() else { return };
    let mut world = World::new();
    let (mut builder, mut documents) = (Builder::default(), Vec::new());
    let mut adding = Duration::ZERO;
    for number in 0..size {
        let person = world.person(u128::from(number));
        documents.push(of_person(&person));
        let before = ThreadTime::now();
        builder.add(&person);
        adding += before.elapsed();
    }
    let before = ThreadTime::now();
    let index = Index::new(builder.build(model), 0);
    let built = (adding + before.elapsed()).as_secs_f64();
    let holders = index.holders(Taxonomy::shipped(), model);
    let matcher = Matcher { model, knowledge: &holders, now };
    let sorts = [false, true].map(|hot| (0..GIGS).map(|number| world.gig(number, hot)).collect::<Vec<_>>());
    let ours = sorts.each_ref().map(|gigs| {
        Times::of(gigs, |gig| {
            black_box(index.rank(&matcher, gig, 50, Limits::default()));
        })
    });
    row(size, "Rabta", &ours, &ours, index.base_bytes(), built);

    let asked = sorts.each_ref().map(|gigs| gigs.iter().map(of_gig).collect::<Vec<_>>());
    match text::Engine::build(&documents) {
        Ok(engine) => {
            let times = asked.each_ref().map(|asked| {
                Times::of(asked, |words| {
                    black_box(engine.top(words, 50));
                })
            });
            row(size, "tantivy BM25", &times, &ours, engine.bytes, engine.built);
        }
        Err(error) => notes.push(format!("tantivy was not measured: {error}")),
    }
    let asked = asked.each_ref().map(|asked| &asked[..GIGS_OF_POSTGRES]);
    match postgres::measure(&documents, &asked) {
        Ok(found) => row(size, "PostgreSQL tsvector", &found.times, &ours, found.bytes, found.built),
        Err(error) => notes.push(format!("PostgreSQL was not measured: {error}")),
    }
    notes.push(upkeep(size, &mut world, index, &matcher, &sorts[0]));
}

fn row(size: u64, engine: &str, times: &[Times; 2], ours: &[Times; 2], bytes: usize, built: f64) {
    let figures: Vec<f64> = times.iter().flat_map(|times| [times.at(0.5), times.at(0.99)]).collect();
    let base: Vec<f64> = ours.iter().flat_map(|times| [times.at(0.5), times.at(0.99)]).collect();
    let cells: String = figures.iter().map(|figure| format!(" {figure:.3} |")).collect();
    let ratios: String = figures.iter().zip(base).map(|(figure, base)| format!(" x{:.1} |", figure / base)).collect();
    println!("| {size} | {engine} |{cells}{ratios} {:.0} | {built:.2} |", bytes as f64 / 1e6);
}

/// What it takes to change somebody, to write a snapshot, to begin with one; and whether who reads
/// notices that somebody writes.
fn upkeep<K: domain::matching::Knowledge + Sync>(
    size: u64,
    world: &mut World,
    index: Index,
    matcher: &Matcher<'_, K>,
    gigs: &[GigFeatures],
) -> String {
    let people: Vec<PersonFeatures> = (0..2_000).map(|number| world.person(number)).collect();
    let (mut changing, mut times) = (index.clone(), Vec::new());
    for (person, position) in people.iter().zip(1..) {
        let before = ThreadTime::now();
        changing = changing.with(person.clone(), position);
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    let one = Times::new(times);
    let before = ThreadTime::now();
    let bytes = index.snapshot().unwrap_or_default();
    let written = before.elapsed().as_secs_f64();
    let before = ThreadTime::now();
    let read = Index::from_snapshot(&bytes).map_or(0, |index| index.len());
    let begun = before.elapsed().as_secs_f64();

    let shelf = RwLock::new(Arc::new(index));
    let look = |gig: &GigFeatures| {
        let index = shelf.read().map(|index| Arc::clone(&index));
        if let Ok(index) = index {
            black_box(index.rank(matcher, gig, 50, Limits::default()));
        }
    };
    let wall = |gigs: &[GigFeatures]| {
        let time = |gig: &GigFeatures| {
            let before = Instant::now();
            look(gig);
            before.elapsed().as_secs_f64() * 1e3
        };
        Times::new(gigs.iter().map(time).collect())
    };
    let alone = (Times::of(gigs, look), wall(gigs));
    let (over, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| {
            for person in people.iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(before) = shelf.read().map(|index| Arc::clone(&index)) else { break };
                // When so much changed, a new base is due; until it is there, nobody changes here.
                if !before.is_worn() {
                    let next = Arc::new(before.with(person.clone(), 0));
                    if let Ok(mut shelf) = shelf.write() {
                        *shelf = next;
                    }
                    changes.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let times = (Times::of(gigs, look), wall(gigs));
        over.store(true, Ordering::Relaxed);
        times
    });
    let both = |(cpu, wall): &(Times, Times)| {
        format!(
            "p50 {:.2} p99 {:.2} ms ({:.2}, {:.2} by the clock)",
            cpu.at(0.5),
            cpu.at(0.99),
            wall.at(0.5),
            wall.at(0.99)
        )
    };
    format!(
        "{size}: one change p50 {:.3} p99 {:.3} ms; snapshot of {:.0} MB written in {written:.2} s, {read} people begun with in {begun:.2} s; \
         answers alone {}, while {} people changed {}",
        one.at(0.5),
        one.at(0.99),
        bytes.len() as f64 / 1e6,
        both(&alone),
        changes.load(Ordering::Relaxed),
        both(&beside),
    )
}
