//! The model: one seed is played on the simulated marketplace in memory and on PostgreSQL, move by
//! move, and both end in the same balances, states and deadlines, and refuse the same things.
//!
//! A failure is a seed: `MODEL_SEED=7 MODEL_WORLDS=1 cargo test -p tests -- model` plays it again;
//! `MODEL_WORLDS` and `MODEL_STEPS` make a longer run.

use std::collections::BTreeSet;
use std::time::Instant;

use tests::TestApp;

mod compare;
mod names;
mod twin;

#[path = "../../domain/tests/sim/mod.rs"]
#[expect(dead_code, reason = "the simulation on its own, in the domain's tests, uses all of it")]
mod sim;

use sim::moves::{Answer, Move};
use sim::world::World;
use twin::Twin;

/// After so many steps everything is compared; what a move returns is compared at once.
const COMPARED_EVERY: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// All use cases in one function stand high on the stack of a build without optimization.
const STACK: usize = 256 << 20;

#[test]
fn the_same_seed_ends_in_the_same_balances_and_states_in_memory_and_on_postgres() {
    let playing = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play_many(setting("MODEL_SEED", 1), setting("MODEL_WORLDS", 3), setting("MODEL_STEPS", 300)));
    });
    if let Err(panic) = playing.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

#[expect(clippy::print_stdout, reason = "a longer run is a command")]
async fn play_many(seed: u64, worlds: u64, steps: u64) {
    let (began, mut moves, mut refused, mut entries) = (Instant::now(), 0, 0, 0);
    let mut seen = BTreeSet::new();
    for seed in seed..seed + worlds {
        let played = play(seed, steps).await.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        moves += played.moves;
        refused += played.refused;
        entries += played.entries;
        seen.extend(played.seen);
    }
    println!("{moves} moves, {refused} of them refused by both, {entries} entries, in {:.1?}", began.elapsed());
    println!("seen in both: {}", seen.iter().cloned().collect::<Vec<_>>().join(", "));
    // A model in which nothing happens would agree with anything.
    assert!(moves > worlds * steps / 2 && entries > worlds * steps / 40, "{moves} moves, {entries} entries");
}

struct Played {
    moves: u64,
    refused: u64,
    entries: u64,
    /// The states things were in, and the reasons money moved for.
    seen: BTreeSet<String>,
}

async fn play(seed: u64, steps: u64) -> Result<Played, String> {
    let app = TestApp::new().await;
    let mut world = World::new(seed);
    // The sandbox tells by itself what becomes of refunds, and in its own time.
    world.sends_to_cards = false;
    (world.as_in_sandbox, world.outside.forgets) = (true, false);
    let mut twin = Twin::new(&app, world.now).await;
    let mut played = Played { moves: 0, refused: 0, entries: 0, seen: BTreeSet::new() };
    for next in world.beginning() {
        both(&mut world, &mut twin, next, &mut played).await?;
    }
    twin.compare(&world).await?;
    for step in 0..steps {
        if let Some(next) = world.choose() {
            // A dispute that began by itself is met by what it is about.
            if let Move::Dispute { of, .. } = &next
                && !twin.names.knows(*of)
            {
                twin.compare(&world).await.map_err(|wrong| format!("before step {step}: {wrong}"))?;
            }
            both(&mut world, &mut twin, next, &mut played).await.map_err(|wrong| format!("step {step}: {wrong}"))?;
        }
        if step % COMPARED_EVERY == 0 || step + 1 == steps {
            twin.compare(&world).await.map_err(|wrong| format!("after step {step}: {wrong}\n{}", trail(&world)))?;
        }
        world.sights(&mut played.seen);
    }
    played.entries = world.books.entries;
    Ok(played)
}

/// A move is made in memory, and then on PostgreSQL.
async fn both(world: &mut World, twin: &mut Twin<'_>, next: Move, played: &mut Played) -> Result<(), String> {
    let answer = world.act(next.clone())?;
    played.moves += 1;
    played.refused += u64::from(matches!(answer, Answer::Refused(_)));
    twin.act(&next, &answer, world).await.map_err(|wrong| format!("{wrong}\nby {next:?}\n{}", trail(world)))
}

fn trail(world: &World) -> String {
    let line = |(now, next, answer): &(_, _, _)| format!("  {now} {next:?}: {answer:?}");
    world.trail.iter().map(line).collect::<Vec<_>>().join("\n")
}
