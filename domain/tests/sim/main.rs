//! A seeded marketplace in memory. All actors do all verbs, rightly and wrongly; the clock jumps;
//! the processor and the rails talk late, twice and out of order; banks take payments back at the
//! worst time. After every step the books, the states and the timers are held against each other.
//!
//! A failure is a seed: `SIM_SEED=7 SIM_WORLDS=1 cargo test -p domain --test sim` plays it again.
//! A longer run: `cargo run -p domain --release --example sim -- --worlds 25000 --steps 400`.

#[path = "mod.rs"]
mod sim;

use sim::planted::Planted;
use sim::run;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn money_is_neither_made_nor_lost_whatever_happens() {
    let worlds = setting("SIM_WORLDS", 400);
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
    let offers = "pending_funding sent accepted declined withdrawn expired";
    let outages = "planned ongoing over withdrawn grant";
    let contracts = "active paused on_hold ending ended";
    let reasons = "fund credit release hold_over reclaim hand_over refund refund_after award chargeback \
                   arbitration_fee payout_send payout_arrive payout_return";
    let named = [
        ("offer", offers),
        ("contract", contracts),
        ("outage", outages),
        ("dispute", disputes),
        ("timesheet", timesheets),
        ("payout", payouts),
        ("reason", reasons),
    ];
    let named =
        named.into_iter().flat_map(|(what, names)| names.split_whitespace().map(move |name| format!("{what} {name}")));
    let missed: Vec<String> = milestones.chain(named).filter(|sight| !played.seen.contains(sight)).collect();
    assert!(worlds < 400 || missed.is_empty(), "never seen in {worlds} worlds: {missed:?}");
}

#[test]
fn a_seed_plays_the_same_world_again() {
    assert_eq!(run::play(7, 300), run::play(7, 300));
}

#[test]
fn planted_bugs_are_noticed() {
    let mut told = Vec::new();
    for (planted, notices) in [
        (Planted::DoubleFee, &["escrow:", " is at -"][..]),
        (Planted::LostCent, &["escrow:", "its escrow says"]),
        (Planted::ReleaseWhileDisputed, &["what it is about is not disputed"]),
        (Planted::TimerAfterTheEnd, &["has no owner"]),
        (Planted::RefundAboveHeld, &["escrow:", " is at -"]),
        (Planted::EntryTwice, &["was used before"]),
        (Planted::EntryForgotten, &["pending, and holds of"]),
        (Planted::AbsentIsRefused, &["a rail carries it as well"]),
    ] {
        let noticed = (1..=120).find_map(|seed| run::play_with(seed, 400, Some(planted)).err());
        let Some(wrong) = noticed else { panic!("{planted:?} was not noticed in 120 worlds") };
        let first = wrong.lines().next().unwrap_or_default().to_owned();
        assert!(notices.iter().all(|notice| first.contains(notice)), "{planted:?} was noticed otherwise: {first}");
        told.push(first);
    }
    assert_eq!(told.len(), 8);
}
