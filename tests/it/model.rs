//! The model: one seed is played on the simulated marketplace in memory and on PostgreSQL, move by
//! move, and both end in the same balances, states and deadlines, and refuse the same things.
//!
//! Played are the seeds in whose worlds most happens, which are found in memory first, and what must happen in them is
//! listed: a model in which nobody is paid would agree with anything.
//!
//! A failure is a seed: `MODEL_SEED=7 MODEL_WORLDS=1 cargo test -p tests -- model` plays it again, and those after it;
//! `MODEL_STEPS` makes a longer run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::gig::TradeTerms;
use domain::timer::Timer;
use tests::TestApp;

mod compare;
mod names;
mod twin;

#[path = "../../domain/tests/sim/mod.rs"]
#[expect(dead_code, reason = "the simulation on its own, in the domain's tests, uses all of it")]
mod sim;

use sim::moves::{Answer, Move};
use sim::words::WordAct;
use sim::world::World;
use twin::Twin;

/// After so many steps everything is compared; what a move returns is compared at once.
const COMPARED_EVERY: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Up to so many more worlds are played while something is missing.
const MORE: usize = 2;

/// Names of what is seen, by what it is.
type Sights = &'static [(&'static str, &'static str)];

/// Which worlds are played.
#[derive(Clone, Copy)]
struct Playing {
    /// The world of a seed.
    of: fn(u64) -> World,
    /// For so many steps each.
    steps: u64,
    /// So many seeds are looked at in memory, and so many of them played.
    looked_at: u64,
    worlds: usize,
    /// What has to be met in them, and how much more each of it weighs than anything else where worlds are chosen.
    must_see: Sights,
    weighs: usize,
}

/// What has to be met in the worlds that are played: states, reasons that money moves for, verbs that succeed. What a
/// step in memory can't come to, or not within a few hundred steps, is left out.
const MUST_SEE: Sights = &[
    ("contract", "active paused on_hold ending ended"),
    ("offer", "pending_funding sent accepted declined withdrawn expired"),
    (
        "milestone",
        "proposed agreed funding funded submitted changes_requested approved disputed refund_requested \
         released refunded refunded_after charged_back cancelled dormant split",
    ),
    ("dispute", "opened answered negotiating recommended arbitration hearing executed withdrawn closed"),
    ("outcome", "conceded silence settled recommended one_side_paid awarded"),
    ("timesheet", "open submitted disputed approved charging unpaid held paid void charged_back"),
    ("payout", "requested screening blocked queued sent in_transit unknown paid returned cancelled"),
    ("correction", "proposed posted declined expired"),
    ("outage", "planned ongoing over grant week_grant"),
    (
        "reason",
        "fund credit release hold_over reclaim hand_over refund refund_after award chargeback chargeback_won \
         arbitration_fee bonus correction payout_send payout_arrive payout_return",
    ),
    (
        "verb",
        "offer.accept offer.decline offer.withdraw milestone.fund milestone.fund_from_credit milestone.submit \
         milestone.request_changes milestone.dispute milestone.give_bonus milestone.give_tip \
         milestone.refund_after milestone.hand_over milestone.agree_refund milestone.refuse_refund \
         milestone.withdraw_refund milestone.approve milestone.approve_part auto_approve_milestone \
         dormancy_milestone resolve_refund_request release_milestone dispute.offer dispute.accept \
         dispute.refuse dispute.pay_fee dispute.award dispute.concede dispute.withdraw advance_dispute \
         timesheet.approve timesheet.dispute timesheet.pay submit_timesheet auto_approve_timesheet \
         charge_timesheet pay_timesheet payment.succeeded payment.failed payment.charged_back \
         payment.chargeback_won payout.request payout.request_and_retain payout.unblock payout.reject \
         payout.cancel user.suspend user.reinstate outage.declare correction.approve correction.decline \
         contract.pause contract.resume contract.hold contract.end",
    ),
];

/// All use cases in one function stand high on the stack of a build without optimization.
const STACK: usize = 256 << 20;

#[test]
fn the_same_seed_ends_in_the_same_balances_and_states_in_memory_and_on_postgres() {
    agree(Playing { of: world, steps: 300, looked_at: 600, worlds: 9, must_see: MUST_SEE, weighs: 4 });
}

/// Both come to the same in each of the worlds, or in those of one seed and the next.
fn agree(playing: Playing) {
    let playing = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let playing = Playing { steps: setting("MODEL_STEPS", playing.steps), ..playing };
        if std::env::var_os("MODEL_SEED").is_some() {
            let first = setting("MODEL_SEED", 1);
            let seeds = Vec::from_iter(first..first + setting("MODEL_WORLDS", 1));
            runtime.block_on(play_many(&seeds, playing));
            return;
        }
        let seen = runtime.block_on(play_many(&telling(playing), playing));
        let missed: Vec<String> = names_of(playing.must_see).filter(|sight| !seen.contains(sight)).collect();
        assert!(missed.is_empty(), "never met, so nothing is known of whether both agree about it: {missed:?}");
    });
    if let Err(panic) = playing.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

fn names_of(sights: Sights) -> impl Iterator<Item = String> {
    sights.iter().flat_map(|(what, names)| names.split_whitespace().map(move |name| format!("{what} {name}")))
}

/// What has to be met in worlds with a trade in them.
const TRADED: Sights = &[
    ("gig", "draft open paused filled cancelled expired removed"),
    ("invitation", "sent declined accepted"),
    (
        "proposal",
        "draft submitted viewed shortlisted interviewing countered offered hired withdrawn declined not_selected \
                  expired removed",
    ),
    (
        "verb",
        "gig.update gig.publish gig.resume gig.reopen warn_gig_expiry expire_gig invitation.send \
              proposal.submit proposal.revise proposal.decline proposal.counter proposal.counter_accept proposal.close \
              offer.create_on_proposal offer.draft_on_proposal offer.send offer.accept client.block freelancer.block",
    ),
];

#[test]
fn the_same_seed_trades_the_same_in_memory_and_on_postgres() {
    agree(Playing { of: trading, steps: 400, looked_at: 600, worlds: 4, must_see: TRADED, weighs: 4 });
}

/// What has to be met in worlds where much is said.
const SPOKEN: Sights = &[
    ("message", "client freelancer"),
    ("conversation", "read read_on"),
    ("review", "written published replied both"),
    ("evidence", "client freelancer both"),
    ("hit", "open cleared"),
    (
        "verb",
        "message.send mail_messages conversation.mark_read review.submit review.reply publish_reviews evidence.add \
         screening.hit screening.stops screening.clear screening.lets_go block.keeps_apart payout.attach_e_prc",
    ),
    ("refusal", "COMPLIANCE_REVIEW NOT_REACHABLE REVIEW_CLOSED REVIEW_NOTHING_PAID REVIEW_REPLIED"),
];

#[test]
fn the_same_seed_says_the_same_in_memory_and_on_postgres() {
    agree(Playing { of: speaking, steps: 400, looked_at: 200, worlds: 3, must_see: SPOKEN, weighs: 40 });
}

/// A world that can be played on PostgreSQL, too. In every third more is met by the clock than by people, with bad cards
/// in half of those, and in every third disputes go to the end.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    (world.prompt, world.stubborn) = (seed % 3 == 1, seed % 3 == 2);
    world.outside.bad_cards |= seed % 6 == 1;
    // The sandbox tells by itself what becomes of refunds, and in its own time.
    world.sends_to_cards = false;
    (world.as_in_sandbox, world.outside.forgets) = (true, false);
    (world.trades, world.words) = (false, 0);
    world
}

/// The same with a trade in it.
fn trading(seed: u64) -> World {
    let mut world = world(seed);
    (world.trades, world.trade_terms) = (true, TradeTerms::default());
    world
}

/// The same where most of that is what people say of each other and to each other.
fn speaking(seed: u64) -> World {
    let mut world = trading(seed);
    world.words = 80;
    world
}

/// The seeds of the worlds in which most happens, above all of what must be seen, each chosen for what those before it
/// lack.
fn telling(playing: Playing) -> Vec<u64> {
    let Playing { of, steps, looked_at, worlds, must_see, weighs } = playing;
    let sights = |seed| {
        let (mut world, mut seen) = (of(seed), BTreeSet::new());
        let wrong = |wrong| panic!("seed {seed}: {wrong}");
        for next in world.beginning() {
            world.act(next).unwrap_or_else(wrong);
        }
        for _ in 0..steps {
            if let Some(next) = world.choose() {
                world.act(next).unwrap_or_else(wrong);
            }
            world.sights(&mut seen);
        }
        seen
    };
    let mut all: BTreeMap<u64, BTreeSet<String>> = (1..=looked_at).map(|seed| (seed, sights(seed))).collect();
    let (mut missing, mut chosen): (BTreeSet<String>, _) = (names_of(must_see).collect(), Vec::new());
    while chosen.len() < worlds || (chosen.len() < worlds + MORE && !missing.is_empty()) {
        let worth = |seen: &BTreeSet<String>| seen.len() + weighs * seen.intersection(&missing).count();
        let Some((&seed, _)) = all.iter().max_by_key(|(seed, seen)| (worth(seen), Reverse(**seed))) else { break };
        let seen = all.remove(&seed).unwrap_or_default();
        all.values_mut().for_each(|others| others.retain(|sight| !seen.contains(sight)));
        missing.retain(|sight| !seen.contains(sight));
        chosen.push(seed);
    }
    chosen
}

#[expect(clippy::print_stdout, reason = "a longer run is a command")]
async fn play_many(seeds: &[u64], playing: Playing) -> BTreeSet<String> {
    let Playing { of, steps, .. } = playing;
    let (began, mut moves, mut refused, mut entries) = (Instant::now(), 0, 0, 0);
    let mut seen = BTreeSet::new();
    let worlds = seeds.len() as u64;
    for &seed in seeds {
        let played = play(of(seed), steps).await.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        moves += played.moves;
        refused += played.refused;
        entries += played.entries;
        seen.extend(played.seen);
    }
    println!(
        "seeds {seeds:?}: {moves} moves, {refused} of them refused by both, {entries} entries, in {:.1?}",
        began.elapsed()
    );
    println!("seen in both: {}", seen.iter().cloned().collect::<Vec<_>>().join(", "));
    assert!(moves > worlds * steps / 2, "{moves} moves in {worlds} worlds of {steps} steps");
    seen
}

struct Played {
    moves: u64,
    refused: u64,
    entries: u64,
    /// The states things were in, and the reasons money moved for.
    seen: BTreeSet<String>,
}

async fn play(mut world: World, steps: u64) -> Result<Played, String> {
    let app = TestApp::new().await;
    let mut twin = Twin::new(&app, world.now).await;
    let mut played = Played { moves: 0, refused: 0, entries: 0, seen: BTreeSet::new() };
    for next in world.beginning() {
        both(&mut world, &mut twin, next, &mut played).await?;
    }
    twin.compare(&world).await?;
    for step in 0..steps {
        if let Some(next) = world.choose() {
            // A dispute that began by itself is met by what it is about.
            if let Move::Dispute { of, .. }
            | Move::TimerFires { timer: Timer::AdvanceDispute(of), .. }
            | Move::Word { act: WordAct::Evidence { of, .. }, .. } = &next
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
