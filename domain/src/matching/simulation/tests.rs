//! A small market: what congestion and newcomers' places do shows in it, so that it fails when
//! either is lost.

use std::sync::LazyLock;

use super::*;

/// Half of the people are busy most of the time.
static TIGHT: LazyLock<Report> = LazyLock::new(|| {
    let scenario = Scenario { runs: 2, people: 160, days: 60, gigs_a_day: 5, bidding_days: 15, ..Scenario::default() };
    play(&scenario, &Policy::ALL, &Advice::ALL)
});
/// Most are free.
static SLACK: LazyLock<Report> = LazyLock::new(|| {
    let scenario = Scenario { runs: 2, people: 160, days: 60, gigs_a_day: 2, bidding_days: 0, ..Scenario::default() };
    play(
        &scenario,
        &[
            Policy::RawRating,
            Policy::LowerBound,
            Policy::Reciprocal,
            Policy::Slots,
            Policy::OursWithoutSlots,
            Policy::Ours,
        ],
        &[],
    )
});

fn mean(report: &Report, policy: Policy, part: fn(&Outcome) -> f64) -> f64 {
    report.mean(policy, part).0
}

#[test]
fn a_seed_gives_the_same_market_again_and_another_seed_another() {
    let scenario = Scenario { runs: 1, people: 60, days: 10, gigs_a_day: 2, bidding_days: 5, ..Scenario::default() };
    let once = play(&scenario, &[Policy::Ours, Policy::Random], &[Advice::Ours]);
    assert_eq!(once, play(&scenario, &[Policy::Ours, Policy::Random], &[Advice::Ours]));
    let other = Scenario { seed: 9, ..scenario };
    assert_ne!(once.policies, play(&other, &[Policy::Ours, Policy::Random], &[Advice::Ours]).policies);
}

#[test]
fn in_a_tight_market_ours_fills_more_and_asks_fewer_in_vain_than_what_does_not_see_load() {
    for simpler in [Policy::Random, Policy::RawRating, Policy::LowerBound, Policy::Reciprocal, Policy::OursWithoutLoad]
    {
        let (ours, theirs) = (|part| mean(&TIGHT, Policy::Ours, part), |part| mean(&TIGHT, simpler, part));
        assert!(ours(|of| of.utility) > theirs(|of| of.utility), "{simpler:?}\n{}", *TIGHT);
        assert!(ours(|of| of.fill) > theirs(|of| of.fill), "{simpler:?}\n{}", *TIGHT);
        assert!(ours(|of| of.declined) < theirs(|of| of.declined) - 0.05, "{simpler:?}\n{}", *TIGHT);
        assert!(ours(|of| of.gini) < theirs(|of| of.gini), "{simpler:?}\n{}", *TIGHT);
    }
}

#[test]
fn newcomers_have_places_of_their_own_and_are_hired() {
    for report in [&*TIGHT, &*SLACK] {
        assert!(mean(report, Policy::Ours, |of| of.new_places) > 0.0, "{report}");
        assert!(mean(report, Policy::OursWithoutSlots, |of| of.new_places) == 0.0, "{report}");
        let ever = |policy| mean(report, policy, |of| of.new_ever);
        assert!(ever(Policy::Ours) > ever(Policy::RawRating) + 0.1, "{report}");
        assert!(ever(Policy::Ours) > ever(Policy::LowerBound), "{report}");
        // What they cost is bounded.
        let utility = |policy| mean(report, policy, |of| of.utility);
        assert!(utility(Policy::Ours) > utility(Policy::OursWithoutSlots) * 0.97, "{report}");
    }
    let ever = |policy| mean(&SLACK, policy, |of| of.new_ever);
    // Few are in need of a place where load is seen; whoever gets one takes it from nobody new.
    assert!(ever(Policy::Ours) >= ever(Policy::OursWithoutSlots), "{}", *SLACK);
}

#[test]
fn the_table_tells_how_much_newcomers_are_shown_beside_how_many_are_relevant_and_what_the_top_gets() {
    for report in [&*TIGHT, &*SLACK] {
        let relevant = mean(report, Policy::Ours, |of| of.new_relevant);
        assert!(relevant > 0.0 && relevant < 1.0, "{report}");
        let shown = |policy| mean(report, policy, |of| of.new_shown);
        assert!(shown(Policy::RawRating) < relevant / 2.0, "{report}");
        assert!(shown(Policy::Ours) > relevant / 2.0, "{report}");
        let top = |policy| mean(report, policy, |of| of.top_share);
        assert!(top(Policy::Ours) > 0.0 && top(Policy::Ours) < top(Policy::RawRating), "{report}");
        for column in ["newcomers shown", "of those relevant", "top hundredth's attention"] {
            assert!(report.to_string().contains(column), "{column}");
        }
    }
}

#[test]
fn proposals_spread_when_those_that_came_are_seen() {
    let of = |advice: Advice, part: fn(&Spread) -> f64| {
        let found = TIGHT.advice.iter().find(|(other, _)| *other == advice).map(|(_, spreads)| spreads).unwrap();
        found.iter().map(part).sum::<f64>()
    };
    assert!(of(Advice::Ours, |of| of.gini) < of(Advice::OursWithoutCrowd, |of| of.gini), "{}", *TIGHT);
    assert!(of(Advice::Ours, |of| of.gini) < of(Advice::Newest, |of| of.gini), "{}", *TIGHT);
}
