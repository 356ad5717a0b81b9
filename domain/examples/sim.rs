//! The simulated marketplace, for as long as you like:
//! `cargo run -p domain --release --example sim -- --worlds 25000 --steps 400 --seed 1`.
//! Prints how much was played, how fast, and the first violation if there is one.

#[path = "../tests/sim/mod.rs"]
#[expect(dead_code, reason = "bugs are planted in the tests alone")]
mod sim;

use sim::run;

#[expect(clippy::print_stdout, reason = "it is a command")]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seed, worlds) = (number("--seed", 1), number("--worlds", 2_500));
    let steps = number("--steps", run::STEPS_OF_A_WORLD);
    let began = std::time::Instant::now();
    match run::play_many(seed, worlds, steps) {
        Ok(played) => {
            let seconds = began.elapsed().as_secs_f64();
            println!(
                "{} steps in {} worlds without a violation: {} commands taken, {} refused, {} entries posted; {:.1} s, {:.0} steps a second",
                played.steps,
                played.worlds,
                played.taken,
                played.refused,
                played.entries,
                seconds,
                played.steps as f64 / seconds
            );
            std::process::ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("{wrong}");
            std::process::ExitCode::FAILURE
        }
    }
}
