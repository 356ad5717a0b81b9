//! Skill gaps: which skills would bring a person before more clients, counted over the gigs that are
//! open now. Few gigs are no basis: what rests on fewer than five is not told.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::constraint::Barrier;
use super::features::{GigFeatures, PersonFeatures};
use super::fixed::Score;
use super::knowledge::Knowledge;
use super::rank::{Matcher, Overlaps, total};
use super::score::Ask;
use crate::id::SkillId;

/// What learning one skill would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillGap {
    /// The skill.
    pub skill: SkillId,
    /// How many open gigs ask for it that nothing but the match keeps the person from: the sample.
    pub gigs: u32,
    /// How many of them the person would match who does not match them now.
    pub unlocked: u32,
    /// How much the scores of all of them would rise together.
    pub gain: Score,
}

/// The skills a person does not hold, ranked by the demand that each would unlock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SkillGapReport {
    /// The best first.
    pub gaps: Vec<SkillGap>,
    /// Over how many gigs it was counted.
    pub gigs: u32,
    /// How many of them the person matches now.
    pub matched: u32,
    /// How many skills were left out because too few gigs ask for them.
    pub suppressed: u32,
}

/// What rests on fewer gigs than this is not told.
pub const SMALLEST_SAMPLE: u32 = 5;
/// So many skills are told.
const TOLD: usize = 20;
/// From this score on, a person and a gig match: an even chance.
const MATCHED: Score = Score::nano(500_000_000);

impl<K: Knowledge + ?Sized> Matcher<'_, K> {
    /// What learning would bring a person, over these gigs. What keeps them from a gig besides the
    /// match, no skill would change: such gigs don't count.
    pub fn skill_gaps<'g>(
        &self,
        person: &PersonFeatures,
        gigs: impl IntoIterator<Item = &'g GigFeatures>,
    ) -> SkillGapReport {
        let weights = &self.model.people;
        let mut overlaps = Overlaps::default();
        let mut report = SkillGapReport::default();
        let mut gaps: BTreeMap<SkillId, SkillGap> = BTreeMap::new();
        for gig in gigs {
            let overlap = overlaps.between(gig, person, self.dates(gig));
            if !Barrier::between(gig, person, overlap).is_empty() {
                continue;
            }
            let ask = Ask::new(gig, self.model, self.knowledge);
            let now = total(&ask.factors(person, overlap, weights, self.model));
            report.gigs += 1;
            report.matched += u32::from(now >= MATCHED);
            let mut absent: Vec<SkillId> = gig
                .skills
                .iter()
                .map(|asked| asked.skill)
                .filter(|asked| person.skills.iter().all(|held| held.skill != *asked))
                .collect();
            absent.sort_unstable();
            absent.dedup();
            for (skill, gain) in ask.gains(absent, person, weights, self.model) {
                let gap = gaps.entry(skill).or_insert(SkillGap { skill, gigs: 0, unlocked: 0, gain: Score::ZERO });
                gap.gigs += 1;
                gap.unlocked += u32::from(now < MATCHED && now.plus(gain) >= MATCHED);
                gap.gain = gap.gain.plus(gain.max(Score::ZERO));
            }
        }
        let (mut told, few): (Vec<SkillGap>, Vec<SkillGap>) =
            gaps.into_values().partition(|gap| gap.gigs >= SMALLEST_SAMPLE);
        report.suppressed = u32::try_from(few.len()).unwrap_or(u32::MAX);
        told.retain(|gap| gap.gain > Score::ZERO);
        told.sort_by_key(|gap| (Reverse(gap.unlocked), Reverse(gap.gain), gap.skill));
        told.truncate(TOLD);
        report.gaps = told;
        report
    }
}
