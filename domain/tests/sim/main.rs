//! A seeded marketplace in memory. All actors do all verbs, rightly and wrongly; the clock jumps;
//! the processor and the rails talk late, twice and out of order; banks take payments back at the
//! worst time. After every step the books, the states and the timers are held against each other.
//!
//! A failure is a seed: `SIM_SEED=7 SIM_WORLDS=1 cargo test -p domain --test sim` plays it again.
//! A longer run: `cargo run -p domain --release --example sim -- --worlds 25000 --steps 400`.

mod books;
mod check;
mod dice;
mod moves;
mod run;
mod world;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn money_is_neither_made_nor_lost_whatever_happens() {
    let worlds = setting("SIM_WORLDS", 60);
    let played = run::play_many(setting("SIM_SEED", 1), worlds, setting("SIM_STEPS", run::STEPS_OF_A_WORLD));
    let played = played.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(played.worlds, worlds);
    // A simulation in which nothing happens would pass any check.
    assert!(played.taken > played.steps / 5 && played.entries > played.worlds * 20, "{played:?}");
}

#[test]
fn a_seed_plays_the_same_world_again() {
    let once = run::play(7, 300).map(|played| (played.taken, played.refused, played.entries));
    let again = run::play(7, 300).map(|played| (played.taken, played.refused, played.entries));
    assert_eq!(once, again);
}
