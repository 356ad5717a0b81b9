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
mod planted;
mod run;
mod world;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn money_is_neither_made_nor_lost_whatever_happens() {
    let worlds = setting("SIM_WORLDS", 150);
    let played = run::play_many(setting("SIM_SEED", 1), worlds, setting("SIM_STEPS", run::STEPS_OF_A_WORLD));
    let played = played.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(played.worlds, worlds);
    // A simulation in which nothing happens would pass any check.
    assert!(played.taken > played.steps / 5 && played.entries > played.worlds * 12, "{played:?}");
    // And it should get everywhere.
    let milestones = domain::milestone::Status::ALL.iter().map(|status| format!("milestone {}", status.as_str()));
    let disputes = "opened answered negotiating recommended arbitration hearing executed withdrawn closed";
    let timesheets = "open submitted disputed approved charging unpaid held paid void charged_back";
    let payouts = "requested screening blocked queued sent in_transit paid returned unknown cancelled";
    let reasons = "fund credit release hold_over reclaim hand_over refund refund_after award chargeback \
                   arbitration_fee payout_send payout_arrive payout_return";
    let named = [("dispute", disputes), ("timesheet", timesheets), ("payout", payouts), ("reason", reasons)];
    let named =
        named.into_iter().flat_map(|(what, names)| names.split_whitespace().map(move |name| format!("{what} {name}")));
    let missed: Vec<String> = milestones.chain(named).filter(|sight| !played.seen.contains(sight)).collect();
    assert!(worlds < 150 || missed.is_empty(), "never seen in {worlds} worlds: {missed:?}");
}

#[test]
fn a_seed_plays_the_same_world_again() {
    assert_eq!(run::play(7, 300), run::play(7, 300));
}
