//! A made-up log whose truth is known: people choose by weights that the old model has wrong, and look
//! at a place much less, the further down it is.

use super::*;
use crate::matching::simulation::Dice;

/// What people truly choose by.
fn truth() -> [f64; KINDS] {
    let mut truth = [0.0; KINDS];
    for (kind, weight) in [
        (FactorKind::Skills, 0.15),
        (FactorKind::MustHaves, -0.10),
        (FactorKind::Role, 0.06),
        (FactorKind::Text, 0.40),
        (FactorKind::Seniority, 0.25),
        (FactorKind::Reputation, 0.20),
    ] {
        truth[ORDER.iter().position(|known| *known == kind).unwrap()] = weight;
    }
    truth
}

/// How much places are truly looked at.
fn looks(place: u32) -> f64 {
    f64::from(place).powf(-1.2)
}

fn worth(values: &[i32; KINDS], weights: &[f64; KINDS]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| f64::from(*value) / 1e6 * weight).sum()
}

fn candidates(dice: &mut Dice, many: usize) -> Vec<[i32; KINDS]> {
    (0..many).map(|_| std::array::from_fn(|_| i32::try_from(dice.below(1_000_001)).unwrap())).collect()
}

/// Pages as the old model shows them, with some places changed by what is not a matter of score.
fn log(seed: u64, gigs: u128) -> Vec<Page> {
    let mut dice = Dice::new(seed);
    let old = listed(&Model::shipped().people).map(|milli| f64::from(milli) / 1e3);
    let page = |about| {
        let mut found = candidates(&mut dice, 10);
        let noise: Vec<f64> = found.iter().map(|_| 0.06 * dice.normal()).collect();
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|one, other| {
            (worth(&found[*other], &old) + noise[*other]).total_cmp(&(worth(&found[*one], &old) + noise[*one]))
        });
        found = order.into_iter().map(|at| found[at]).collect();
        let shown = (1..).zip(found).map(|(place, values)| {
            let wanted = fit::logistic(10.0 * (worth(&values, &truth()) - 0.55));
            let chosen = dice.chance() < looks(place) * wanted;
            let choice = match (chosen, dice.below(4)) {
                (false, _) => Choice::None,
                (true, 0) => Choice::Asked,
                (true, _) => Choice::Opened,
            };
            Shown { place, values, choice }
        });
        let at = Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(i64::try_from(about).unwrap());
        Page { about, at, shown: shown.collect() }
    };
    (0..gigs).map(page).collect()
}

/// How often weights put the truly better of two first.
fn agreement(weights: &Weights) -> f64 {
    let mut dice = Dice::new(77);
    let weights = listed(weights).map(f64::from);
    let agreed = (0..4_000).filter(|_| {
        let pair = candidates(&mut dice, 2);
        let ahead = |by: &[f64; KINDS]| worth(&pair[0], by) > worth(&pair[1], by);
        ahead(&weights) == ahead(&truth())
    });
    agreed.count() as f64 / 4_000.0
}

#[test]
fn the_true_order_is_learned_through_the_bias_of_places() {
    let (log, model) = (log(1, 1_500), Model::shipped());
    let learned = learn(&log, model, Direction::People, 1).unwrap();
    for place in 1..=10_u32 {
        let (found, really) = (places::of(&learned.places, place), looks(place));
        assert!((found - really).abs() < 0.12, "place {place}: {found} for {really}");
    }
    // The same fit, told that all places are looked at alike.
    let pages: Vec<&Page> = log.iter().collect();
    let even = fit::fit(&split(&pages).0, &[1.0; 13], &model.people, Direction::People);
    let (old, blind, new) = (agreement(&model.people), agreement(&even), agreement(&learned.weights));
    assert!(new > old + 0.05 && new > blind + 0.01, "old {old}, without places {blind}, learned {new}");
    assert!(learned.judgement.is_better(), "{:?}", learned.judgement);
    assert_eq!(learned, learn(&log.iter().rev().cloned().collect::<Vec<_>>(), model, Direction::People, 1).unwrap());
}

#[test]
fn weights_keep_their_signs_their_leash_their_sum_and_what_is_policy() {
    let model = Model::shipped();
    // Choices that run against everything the model says.
    let mut against = log(2, 400);
    for shown in against.iter_mut().flat_map(|page| &mut page.shown) {
        let skilled = shown.values[0] > 300_000;
        shown.choice = if skilled { Choice::None } else { Choice::Hired };
    }
    for log in [log(3, 700), against] {
        let learned = learn(&log, model, Direction::People, 1).unwrap();
        for (kind, old, new) in compared(&model.people, &learned.weights) {
            assert!(old.signum() == new.signum(), "{kind:?} from {old} to {new}");
            assert!(new.abs() <= old.abs() * 4 + 1 && new.abs() >= old.abs() / 4, "{kind:?} from {old} to {new}");
            assert!(is_learned(kind, Direction::People) || old == new, "{kind:?} from {old} to {new}");
        }
        let merits = |weights| listed(weights).into_iter().filter(|weight| *weight > 0).sum::<i32>();
        assert_eq!(merits(&learned.weights), merits(&model.people));
    }
}

#[test]
fn too_little_is_refused_with_what_it_takes() {
    let refused = learn(&log(1, 40), Model::shipped(), Direction::People, 1).unwrap_err();
    assert!(refused.choices < CHOICES && refused.subjects <= 40);
    assert!(refused.to_string().contains("at least 400 about 100"), "{refused}");
    assert!(learn(&[], Model::shipped(), Direction::Gigs, 1).is_err());
    // Many choices about few gigs say too little as well.
    let few: Vec<Page> = log(1, 1_500).into_iter().map(|page| Page { about: page.about % 50, ..page }).collect();
    assert_eq!(learn(&few, Model::shipped(), Direction::People, 1).unwrap_err().subjects, 50);
}

#[test]
fn what_judges_was_not_learned_from() {
    let log = log(1, 200);
    let pages: Vec<&Page> = log.iter().collect();
    let (seen, unseen) = split(&pages);
    let last = seen.iter().map(|page| page.at).max().unwrap();
    assert!(unseen.iter().all(|page| page.at > last));
    assert_eq!((seen.len(), unseen.len()), (150, 50));
}

#[test]
fn the_logistic_function_is_that_of_the_textbook() {
    for (x, expected) in [(0.0, 0.5), (2.0, 0.880_797), (-4.0, 0.017_986), (40.0, 1.0)] {
        assert!((fit::logistic(x) - expected).abs() < 1e-5, "{x}");
    }
}
