//! How fast the index answers, how large it is and how long it takes to build, at 10 thousand, 100
//! thousand and 1 million freelancers whose skills are as unevenly spread as in a real market.
//!
//!     cargo bench --profile release -p domain --bench matching [-- PEOPLE ...]
//!
//! Times are of the processor, a query's the shortest of three runs, so that a busy machine shows less in them.

mod world;

use std::env;
use std::hint::black_box;
use std::time::Instant;

use chrono::TimeZone;
use cpu_time::ThreadTime;
use domain::id::UserId;
use domain::matching::index::{Builder, Index, Limits};
use domain::matching::{GigFeatures, Match, Matcher, Model, PersonFeatures, Taxonomy};
use world::World;

/// The shortest of three runs, in microseconds of this thread's processor time: a busy machine shows less in it.
fn quickest(run: impl Fn()) -> u64 {
    let time = || {
        let start = ThreadTime::now();
        run();
        start.elapsed().as_micros() as u64
    };
    (0..3).map(|_| time()).min().unwrap_or(0)
}

fn told(name: &str, mut micros: Vec<u64>) {
    micros.sort_unstable();
    let at = |share: usize| micros[(micros.len() * share / 100).min(micros.len() - 1)] as f64 / 1_000.0;
    eprintln!("  {name:<34} p50 {:>8.3} ms   p99 {:>8.3} ms   ({} times)", at(50), at(99), micros.len());
}

fn main() {
    let sizes: Vec<u64> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let model = Model::shipped();
    let Some(now) = chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).single() else { return };
    for size in sizes {
        let mut world = World::new();
        let start = Instant::now();
        let mut builder = Builder::default();
        for number in 0..size {
            let person = world.person(u128::from(number));
            builder.add(&person);
        }
        let generated = start.elapsed();
        let before = (Instant::now(), ThreadTime::now());
        let index = Index::new(builder.build(model), 0);
        let built = (before.0.elapsed(), before.1.elapsed());
        eprintln!(
            "{size} people: {} MB; build {:.2} s wall, {:.2} s CPU, after {:.1} s of making people up and adding them",
            index.base_bytes() / 1_000_000,
            built.0.as_secs_f64(),
            built.1.as_secs_f64(),
            generated.as_secs_f64(),
        );
        let holders = index.holders(Taxonomy::shipped(), model);
        let matcher = Matcher { model, knowledge: &holders, now };
        for (name, hot) in [("ordinary gigs, top 50 explained", false), ("three hot skills in every gig", true)] {
            let gigs: Vec<GigFeatures> = (0..400).map(|number| world.gig(number, hot)).collect();
            let mut times = Vec::new();
            for gig in &gigs {
                times.push(quickest(|| {
                    black_box(index.rank(&matcher, gig, 50, Limits::default()));
                }));
            }
            told(name, times);
            recall(&index, &matcher, &gigs[..gigs.len().min(if size > 200_000 { 3 } else { 12 })]);
        }
        let mut changing = index.clone();
        let mut times = Vec::new();
        for number in 0..2_000 {
            let person = world.person(u128::from(number));
            let before = ThreadTime::now();
            changing = changing.with(person, number + 1);
            times.push(before.elapsed().as_micros() as u64);
        }
        told("one change", times);
        let before = ThreadTime::now();
        let bytes = index.snapshot().unwrap_or_default();
        let written = before.elapsed();
        let before = ThreadTime::now();
        let read = Index::from_snapshot(&bytes).map(|index| index.len());
        eprintln!(
            "  snapshot of {} MB: written in {:.2} s, read in {:.2} s ({:?} people)",
            bytes.len() / 1_000_000,
            written.as_secs_f64(),
            before.elapsed().as_secs_f64(),
            read.unwrap_or(0)
        );
    }
}

/// How many of the ten best of everyone, scored one by one, are among the fifty that the index shows; how alike
/// texts are, and how many people hold the hottest skills.
fn recall<K: domain::matching::Knowledge>(index: &Index, matcher: &Matcher<'_, K>, gigs: &[GigFeatures]) {
    let everyone: Vec<PersonFeatures> = index.people().collect();
    let (mut found, mut of, mut lost) = (0, 0, 0.0);
    for gig in gigs {
        let best = by_score(matcher.people(gig, &everyone, 100).matches);
        let shown = by_score(index.rank(matcher, gig, 50, Limits::default()).matches);
        let sum =
            |matches: &[Match<UserId>]| matches.iter().take(10).map(|found| found.score.as_nano() as f64).sum::<f64>();
        lost += 1.0 - sum(&shown) / sum(&best);
        of += best.len().min(10);
        found += best.iter().take(10).filter(|best| shown.iter().any(|shown| shown.of == best.of)).count();
    }
    let lost = lost * 100.0 / gigs.len() as f64;
    let mut alike: Vec<i64> = everyone
        .iter()
        .take(20_000)
        .filter_map(|person| gigs.first()?.text.likeness(&person.text).map(|likeness| likeness.as_micro() / 1_000))
        .collect();
    alike.sort_unstable();
    let asked = gigs.first().map(|gig| gig.skills.iter().take(3).map(|asked| asked.skill).collect::<Vec<_>>());
    let held = |skill: &domain::id::SkillId| {
        everyone.iter().filter(|person| person.skills.iter().any(|held| held.skill == *skill)).count() * 1_000
            / everyone.len()
    };
    let held: Vec<usize> = asked.iter().flatten().map(held).collect();
    eprintln!(
        "  {:<34} likeness of texts, thousandths: half above {}, one in a hundred above {}; of a thousand, so many hold the first skills asked: {held:?}; {:.1} skills each",
        "",
        alike[alike.len() / 2],
        alike[alike.len() * 99 / 100],
        everyone.iter().map(|person| person.skills.len()).sum::<usize>() as f64 / everyone.len() as f64,
    );
    eprintln!("  {:<34} {found} of {of} of the exact ten best are in its fifty; its ten score {lost:.2} % less", "");
}

fn by_score(mut matches: Vec<Match<UserId>>) -> Vec<Match<UserId>> {
    matches.sort_by_key(|found| (std::cmp::Reverse(found.score), found.of));
    matches
}
