//! Playing worlds.

use std::collections::BTreeSet;

use super::planted::Planted;
use super::world::World;

/// How many steps a world is played before it winds down and a new one begins.
pub const STEPS_OF_A_WORLD: u64 = 700;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Played {
    pub worlds: u64,
    pub steps: u64,
    pub taken: u64,
    pub refused: u64,
    pub entries: u64,
    /// Movements of the processor's that the books agree about.
    pub reconciled: u64,
    /// The states things were in, and the reasons money moved for.
    pub seen: BTreeSet<String>,
}

/// Play one world, check it after each step, wind it down. A failure tells what went before it.
pub fn play(seed: u64, steps: u64) -> Result<Played, String> {
    play_with(seed, steps, None)
}

/// The same, with a bug on purpose.
pub fn play_with(seed: u64, steps: u64, planted: Option<Planted>) -> Result<Played, String> {
    let mut world = World::new(seed);
    world.planted = planted;
    play_in(world, seed, steps)
}

/// The same in a world that is there, of this seed.
pub fn play_in(mut world: World, seed: u64, steps: u64) -> Result<Played, String> {
    let told = |world: &World, step: &dyn std::fmt::Display, wrong: String| {
        let line = |(now, next, answer): &(_, _, _)| format!("{now} {next:?}: {answer:?}");
        let trail: Vec<String> = world.trail.iter().map(line).collect();
        format!("seed {seed}, step {step}: {wrong}\nbefore that:\n  {}", trail.join("\n  "))
    };
    let mut seen = BTreeSet::new();
    for next in world.beginning() {
        world.act(next).map_err(|wrong| told(&world, &"of the beginning", wrong))?;
    }
    for step in 0..steps {
        if let Some(next) = world.choose() {
            let again = world.repeats(&next);
            let outcome = world.act(next).and_then(|_| world.slips()).and_then(|()| world.check());
            let outcome = outcome.and_then(|()| again.map_or(Ok(()), |again| world.act_again(again)));
            outcome.map_err(|wrong| told(&world, &step, wrong))?;
        }
        if step % 10 == 0 {
            world.sights(&mut seen);
        }
    }
    // What is on its way may take a while; what goes round in circles takes longer.
    for step in 0..20_000 {
        let Some(next) = world.choose_the_end() else {
            world.nothing_left_behind().map_err(|wrong| told(&world, &"of the end", wrong))?;
            let reconciled = world.reconciles().map_err(|wrong| told(&world, &"of the end", wrong))?;
            world.sights(&mut seen);
            return Ok(Played {
                worlds: 1,
                steps,
                taken: world.taken,
                refused: world.refused,
                entries: world.books.entries,
                reconciled,
                seen,
            });
        };
        let outcome = world.act(next).and_then(|_| world.check());
        outcome.map_err(|wrong| told(&world, &format_args!("{step} of winding down"), wrong))?;
    }
    Err(told(&world, &"of the end", format!("never over: {:?}", world.unfinished())))
}

/// Play worlds until so many steps are done, from `seed` on.
pub fn play_many(seed: u64, worlds: u64, steps_each: u64) -> Result<Played, String> {
    let mut all = Played::default();
    for n in 0..worlds {
        let played = play(seed + n, steps_each)?;
        all.worlds += played.worlds;
        all.steps += played.steps;
        all.taken += played.taken;
        all.refused += played.refused;
        all.entries += played.entries;
        all.reconciled += played.reconciled;
        all.seen.extend(played.seen);
    }
    Ok(all)
}
