//! Fairness: who stands where once everyone is scored.
//!
//! Scores are never changed. A newcomer whose score is close enough to the top may be given one of
//! two places that wait for newcomers, one of them only if they are known to be nobody's second
//! account: so whoever makes many accounts gets no more than the other. Among near ties, those who got less attention
//! than they deserved go first, and people unlike those above them. What this can cost is bounded by the model: two
//! places a page, each of a known share of the yardstick's score, and near ties.

use sha2::{Digest, Sha256};

use super::features::{Known, PersonFeatures};
use super::fixed::{Score, Value};
use super::model::{FairnessRules, Model};
use super::rank::Placement;
use super::reputation;
use crate::Timestamp;
use crate::id::{GigId, SkillId, UserId};

/// Someone to be placed, with what placing looks at.
pub struct Candidate<'a> {
    /// Who.
    pub person: &'a PersonFeatures,
    /// Their score.
    pub score: Score,
}

/// A newcomer may be placed who is among so many of the highest scores: as many as are found for the longest page, so that
/// every page of a list draws the same newcomers, whoever found its people.
pub(super) const POOL: usize = 120;

/// Where more than half of those are newcomers who gave no account of theirs, somebody may have made them to keep others
/// out: then so many more may be placed of the highest scores below, of newcomers who did give one. So many accounts cost
/// nothing, and a bank account of each of them does.
pub(super) const BEYOND_A_CROWD: usize = 24;

/// Which of those who come by score is the yardstick of newcomers.
pub(super) fn yardstick_at(rules: &FairnessRules) -> usize {
    usize::from(rules.yardstick_place.saturating_sub(1))
}

/// What a newcomer's score must come up to, by that of the yardstick.
pub(super) fn least_of_newcomers(yardstick: Score, rules: &FairnessRules) -> Score {
    yardstick.share(rules.newcomer_share).max(Score::nano(1))
}

/// Do newcomers whom nobody need know fill most of the pool, so that who stands below may be kept out by them? The people
/// come by score.
pub(super) fn is_crowded<'p>(people: impl Iterator<Item = &'p PersonFeatures>, rules: &FairnessRules) -> bool {
    let unknown = |person: &PersonFeatures| is_newcomer(person, rules) && person.known < Known::ByAccount;
    let (all, crowd) =
        people.take(POOL).fold((0, 0), |(all, crowd), person| (all + 1, crowd + usize::from(unknown(person))));
    all == POOL && crowd > POOL / 2
}

/// May someone be placed beyond a crowd, if their score is high enough?
pub(super) fn stands_out(person: &PersonFeatures, rules: &FairnessRules) -> bool {
    is_newcomer(person, rules)
        && person.known == Known::ByAccount
        && person.exposure.unanswered < rules.newcomer_patience
}

/// Attention that a place gets, in thousandths of a first place: falls as people read on.
pub fn attention_milli(place: u32) -> u64 {
    // 1 / log2(1 + place), by its reciprocal in thousandths.
    let log2_milli = u64::from(64 - (u64::from(place) + 1).leading_zeros() - 1).max(1) * 1_000;
    let floor = 1_u64 << (63 - (u64::from(place) + 1).leading_zeros());
    let between = (u64::from(place) + 1 - floor) * 1_000 / floor;
    1_000_000 / (log2_milli + between)
}

/// The order in which candidates are shown, as indexes with reasons. `sorted` comes by score, the
/// highest first, ties by id; only the first `page` places are rearranged.
pub fn arrange(
    sorted: &[Candidate<'_>],
    gig: GigId,
    page: usize,
    model: &Model,
    now: Timestamp,
) -> Vec<(usize, Placement)> {
    let rules = &model.fairness;
    let mut order: Vec<(usize, Placement)> = even_out(sorted, page, rules);
    // The top that newcomers are owed places in ends after the last of these places, however long the
    // page is: who stands where does not depend on how much of the list is asked for.
    let top = rules.newcomer_places.iter().max().map_or(0, |place| usize::from(*place) + 1);
    for (nth, place) in (1..).zip(rules.newcomer_places) {
        let least = if nth < rules.newcomer_places.len() { Known::ByAccount } else { Known::ByMail };
        let at = usize::from(place.saturating_sub(1));
        let shown = &order[..order.len().min(page).min(top)];
        // Who is not known by as much stands in nobody's way, wherever their scores put them.
        let is_one = |person: &PersonFeatures| is_newcomer(person, rules) && person.known >= least;
        let newcomers = shown.iter().filter(|(index, _)| is_one(sorted[*index].person)).count();
        if at >= shown.len() || newcomers >= rules.newcomer_places.len() {
            continue;
        }
        if let Some(index) = drawn_newcomer(sorted, shown, least, gig, model, now) {
            order.retain(|(other, _)| *other != index);
            order.insert(at, (index, Placement::Newcomer));
        }
    }
    order
}

/// Whether someone still counts as new.
pub fn is_newcomer(person: &PersonFeatures, rules: &FairnessRules) -> bool {
    person.outcomes.finished < rules.newcomer_until
}

/// The newcomers who may be placed are those below the top, close enough in score, not yet shown in vain too often,
/// and known by so much at least; no crowd above them keeps out those who are known best. Of those known best one is
/// drawn by what may be hoped of them: Thompson sampling, with dice that fall the same way for the same gig, person,
/// model and day on every node.
fn drawn_newcomer(
    sorted: &[Candidate<'_>],
    shown: &[(usize, Placement)],
    known: Known,
    gig: GigId,
    model: &Model,
    now: Timestamp,
) -> Option<usize> {
    let rules = &model.fairness;
    let least = least_of_newcomers(sorted.get(yardstick_at(rules))?.score, rules);
    let is_crowded = is_crowded(sorted.iter().map(|candidate| candidate.person), rules);
    let beyond = sorted.iter().enumerate().skip(POOL).filter(|(_, candidate)| stands_out(candidate.person, rules));
    sorted
        .iter()
        .enumerate()
        .take(POOL)
        .chain(beyond.take(if is_crowded { BEYOND_A_CROWD } else { 0 }))
        .take_while(|(_, candidate)| candidate.score >= least)
        .filter(|(index, candidate)| {
            is_newcomer(candidate.person, rules)
                && candidate.person.known >= known
                && candidate.person.exposure.unanswered < rules.newcomer_patience
                && shown.iter().all(|(other, _)| other != index)
        })
        .max_by_key(|(_, candidate)| {
            (candidate.person.known, hope(candidate, gig, model, now), std::cmp::Reverse(candidate.person.id))
        })
        .map(|(index, _)| index)
}

/// A draw from what is believed of someone, times their score: wide for those of whom little is known.
fn hope(candidate: &Candidate<'_>, gig: GigId, model: &Model, now: Timestamp) -> Score {
    let believed = reputation::believed(candidate.person.outcomes, model);
    let dice = dice(gig, candidate.person.id, model.version, now);
    // Between the cautious belief and certainty, by a roll that favours the middle.
    let room = believed.complement().as_micro();
    let draw = Value::micro(believed.as_micro() + room * dice / 510);
    candidate.score.share(draw)
}

/// The sum of two bytes: 0 to 510.
fn dice(gig: GigId, person: UserId, model_version: u32, now: Timestamp) -> i64 {
    use crate::id::Id;
    let mut hash = Sha256::new();
    hash.update(gig.uuid().as_bytes());
    hash.update(person.uuid().as_bytes());
    hash.update(model_version.to_be_bytes());
    hash.update((now.timestamp().div_euclid(86_400)).to_be_bytes());
    let digest = hash.finalize();
    i64::from(digest[0]) + i64::from(digest[1])
}

/// Fill places one by one from those within a near tie of the best still waiting.
fn even_out(sorted: &[Candidate<'_>], page: usize, rules: &FairnessRules) -> Vec<(usize, Placement)> {
    let mut waiting: Vec<usize> = (0..sorted.len()).collect();
    let skills = Skills::of(sorted);
    let mut order = Vec::with_capacity(sorted.len());
    let mut put_back = Vec::new();
    while order.len() < page && !waiting.is_empty() {
        let best = sorted[waiting[0]].score;
        let near = Score::nano(rules.near_tie.as_micro() * 1_000);
        let pick = (0..waiting.len())
            .take_while(|at| best.minus(sorted[waiting[*at]].score) <= near)
            .take(LOOK_AHEAD)
            .max_by_key(|at| {
                (
                    appeal((waiting[*at], &sorted[waiting[*at]]), best, near, &order, &skills, rules),
                    std::cmp::Reverse(*at),
                )
            })
            .unwrap_or(0);
        let index = waiting.remove(pick);
        if team_is_full(&sorted[index], &order, sorted, rules) {
            put_back.push(index);
            continue;
        }
        let placement = if pick == 0 { Placement::Merit } else { Placement::NearTie };
        order.push((index, placement));
    }
    put_back.extend(waiting);
    put_back.sort_unstable();
    order.extend(put_back.into_iter().map(|index| (index, Placement::Merit)));
    order
}

const LOOK_AHEAD: usize = 8;

/// What speaks for someone among near ties, in billionths: the score, less what others above them
/// have in common with them, plus the attention they are owed.
fn appeal(
    (at, candidate): (usize, &Candidate<'_>),
    best: Score,
    near: Score,
    order: &[(usize, Placement)],
    skills: &Skills,
    rules: &FairnessRules,
) -> i64 {
    let behind = best.minus(candidate.score).as_nano();
    let alike = order
        .iter()
        .rev()
        .take(LOOK_AHEAD)
        .map(|(above, _)| skills.in_common(*above, at).as_micro())
        .max()
        .unwrap_or(0);
    let (relevance, rest) = (rules.relevance.as_micro(), rules.relevance.complement().as_micro());
    let variety = (1_000_000 - alike) * near.as_nano() / 1_000_000;
    let owed = owed(candidate.person).as_micro() * near.as_nano() / 1_000_000;
    (variety * rest - behind * relevance) / 1_000_000 + owed
}

/// The share of deserved attention that someone did not get.
fn owed(person: &PersonFeatures) -> Value {
    let exposure = person.exposure;
    let missing = exposure.merit_milli.saturating_sub(exposure.attention_milli);
    Value::ratio(i64::try_from(missing).unwrap_or(i64::MAX), i64::try_from(exposure.merit_milli).unwrap_or(i64::MAX))
}

/// The skills of those who are to be placed, by numbers that are told apart quickly.
struct Skills {
    held: Vec<Vec<usize>>,
    /// Of each, a bit for each number.
    bits: Vec<Vec<u64>>,
}

impl Skills {
    fn of(sorted: &[Candidate<'_>]) -> Self {
        let people = || sorted.iter().map(|candidate| candidate.person.skills.iter().map(|held| held.skill));
        let mut all: Vec<SkillId> = people().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let number = |skill: SkillId| all.binary_search(&skill).unwrap_or(all.len());
        let held: Vec<Vec<usize>> = people().map(|skills| skills.map(number).collect()).collect();
        let bits = |held: &Vec<usize>| {
            let mut bits = vec![0; all.len() / WORD + 1];
            held.iter().for_each(|number| bits[number / WORD] |= 1 << (number % WORD));
            bits
        };
        Self { bits: held.iter().map(bits).collect(), held }
    }

    /// The skills two people share, of those either has.
    fn in_common(&self, one: usize, other: usize) -> Value {
        let theirs = &self.bits[other];
        let shared = self.held[one].iter().filter(|number| theirs[*number / WORD] >> (*number % WORD) & 1 != 0).count();
        let either = self.held[one].len() + self.held[other].len() - shared;
        Value::ratio(i64::try_from(shared).unwrap_or(0), i64::try_from(either).unwrap_or(0))
    }
}

const WORD: usize = u64::BITS as usize;

fn team_is_full(
    candidate: &Candidate<'_>,
    order: &[(usize, Placement)],
    sorted: &[Candidate<'_>],
    rules: &FairnessRules,
) -> bool {
    candidate.person.team.is_some_and(|team| {
        let theirs = order.iter().filter(|(index, _)| sorted[*index].person.team == Some(team)).count();
        theirs >= usize::from(rules.team_limit)
    })
}
