//! Exposure: who got which attention, and what their scores deserved, from what was shown. A report
//! is a function of the log alone, so that anybody who has the log comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::fairness::attention_milli;
use super::fixed::{Score, Value};
use super::rank::Placement;
use crate::id::UserId;

/// A line of the log: somebody was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Those who were shown together have the same.
    pub page: u64,
    /// Who.
    pub person: UserId,
    /// At which place, from 1.
    pub place: u32,
    /// Why there.
    pub placement: Placement,
    /// With which score.
    pub score: Score,
    /// By which version of the model.
    pub model_version: u32,
    /// Whether they counted as new then.
    pub newcomer: bool,
}

/// Who got which attention.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExposureReport {
    /// How many times somebody was shown.
    pub impressions: u32,
    /// How many pages were shown.
    pub pages: u32,
    /// How many people were shown.
    pub people: u32,
    /// How unevenly attention fell on them: 0 when all got the same, near 1 when one got it all.
    pub gini: Value,
    /// The share of attention of the hundredth that got most.
    pub top_share: Value,
    /// How many newcomers were shown.
    pub newcomers: u32,
    /// The newcomers' share of impressions.
    pub newcomer_impressions: Value,
    /// Their share of attention.
    pub newcomer_attention: Value,
    /// The share of attention that their scores deserved.
    pub newcomer_merit: Value,
    /// How many times a newcomer was shown in a place that waits for newcomers.
    pub newcomer_places: u32,
    /// How many times somebody went before others of nearly the same score.
    pub near_ties: u32,
    /// How many impressions each version of the model made.
    pub versions: BTreeMap<u32, u32>,
}

/// The attention that each of those shown together got, and the attention they deserved, in
/// thousandths of a first place: all of it, shared out by their scores.
pub fn shares(page: &[(u32, Score)]) -> Vec<(u64, u64)> {
    let got: Vec<u64> = page.iter().map(|(place, _)| attention_milli(*place)).collect();
    let all: u64 = got.iter().sum();
    let worth = |score: &Score| u128::from(score.as_nano().max(0).unsigned_abs());
    let worths: u128 = page.iter().map(|(_, score)| worth(score)).sum();
    let deserved = |score: &Score| match worths {
        0 => all / u64::try_from(page.len().max(1)).unwrap_or(1),
        _ => u64::try_from(u128::from(all) * worth(score) / worths).unwrap_or(u64::MAX),
    };
    page.iter().zip(got).map(|((_, score), got)| (got, deserved(score))).collect()
}

/// The report of a log, in whatever order it comes.
pub fn report(log: &[Shown]) -> ExposureReport {
    let mut pages: BTreeMap<u64, Vec<&Shown>> = BTreeMap::new();
    for shown in log {
        pages.entry(shown.page).or_default().push(shown);
    }
    let mut attention: BTreeMap<UserId, u64> = BTreeMap::new();
    let (mut all, mut deserved, mut new_attention, mut new_merit) = (0_u64, 0_u64, 0_u64, 0_u64);
    for page in pages.values() {
        let page_of: Vec<(u32, Score)> = page.iter().map(|shown| (shown.place, shown.score)).collect();
        for (shown, (got, merit)) in page.iter().zip(shares(&page_of)) {
            *attention.entry(shown.person).or_default() += got;
            all += got;
            deserved += merit;
            if shown.newcomer {
                new_attention += got;
                new_merit += merit;
            }
        }
    }
    let new: BTreeSet<UserId> = log.iter().filter(|shown| shown.newcomer).map(|shown| shown.person).collect();
    let how_many = |which: fn(&Shown) -> bool| count(log.iter().filter(|shown| which(shown)).count());
    let mut versions = BTreeMap::new();
    for shown in log {
        *versions.entry(shown.model_version).or_default() += 1;
    }
    let mut amounts: Vec<u64> = attention.into_values().collect();
    amounts.sort_unstable();
    ExposureReport {
        impressions: count(log.len()),
        pages: count(pages.len()),
        people: count(amounts.len()),
        gini: gini(&amounts),
        top_share: {
            let top = amounts.len().div_ceil(100);
            share(amounts.iter().rev().take(top).sum(), all)
        },
        newcomers: count(new.len()),
        newcomer_impressions: share(u64::from(how_many(|shown| shown.newcomer)), log.len() as u64),
        newcomer_attention: share(new_attention, all),
        newcomer_merit: share(new_merit, deserved),
        newcomer_places: how_many(|shown| shown.placement == Placement::Newcomer),
        near_ties: how_many(|shown| shown.placement == Placement::NearTie),
        versions,
    }
}

/// The Gini coefficient of amounts, the smallest first.
pub(super) fn gini(amounts: &[u64]) -> Value {
    let (n, sum) = (amounts.len() as i128, amounts.iter().map(|amount| i128::from(*amount)).sum::<i128>());
    if n == 0 || sum == 0 {
        return Value::ZERO;
    }
    let weighted: i128 = amounts.iter().zip(1_i128..).map(|(amount, at)| at * i128::from(*amount)).sum();
    let micro = (2 * weighted - (n + 1) * sum) * 1_000_000 / (n * sum);
    Value::micro(i64::try_from(micro).unwrap_or(0))
}

fn share(part: u64, whole: u64) -> Value {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Value::ratio(signed(part), signed(whole))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use uuid::Uuid;

    fn shown(page: u64, person: u128, place: u32, nano: i64, newcomer: bool) -> Shown {
        let person = UserId::from_uuid(Uuid::from_u128(person));
        let placement = if newcomer { Placement::Newcomer } else { Placement::Merit };
        Shown { page, person, place, placement, score: Score::nano(nano), model_version: 1, newcomer }
    }

    #[test]
    fn attention_is_shared_out_by_scores_and_none_is_made_up() {
        let page = [(1, Score::nano(600)), (2, Score::nano(300)), (3, Score::nano(100))];
        let shares = shares(&page);
        let got: Vec<u64> = shares.iter().map(|(got, _)| *got).collect();
        assert_eq!(got, [1, 2, 3].map(attention_milli));
        let (all, deserved): (u64, u64) = (got.iter().sum(), shares.iter().map(|(_, deserved)| deserved).sum());
        assert!(deserved <= all && all - deserved < 3, "{shares:?}");
        assert_eq!(shares[0].1, all * 6 / 10);
    }

    #[test]
    fn a_report_counts_people_pages_and_newcomers_whatever_the_order() {
        let mut log = vec![
            shown(1, 1, 1, 500, false),
            shown(1, 2, 2, 500, true),
            shown(2, 1, 1, 500, false),
            shown(2, 3, 2, 500, false),
        ];
        let found = report(&log);
        assert_eq!((found.impressions, found.pages, found.people, found.newcomers), (4, 2, 3, 1));
        assert_eq!(found.newcomer_impressions, Value::milli(250));
        assert_eq!((found.newcomer_places, found.near_ties), (1, 0));
        assert_eq!(found.versions, BTreeMap::from([(1, 4)]));
        // Equal scores deserve equal attention; the second place got less.
        assert_eq!(found.newcomer_merit, Value::milli(250));
        assert!(found.newcomer_attention < found.newcomer_merit);
        assert!(found.gini > Value::ZERO);
        log.reverse();
        assert_eq!(report(&log), found);
        assert_eq!(report(&[]), ExposureReport::default());
    }

    #[test]
    fn attention_that_all_share_is_even_and_that_one_has_is_not() {
        assert_eq!(gini(&[5, 5, 5, 5]), Value::ZERO);
        assert_eq!(gini(&[0, 0, 0, 8]), Value::milli(750));
    }
}
