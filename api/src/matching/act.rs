//! What is done with matches, what the log of them says, and what would bring a person more.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{GigId, UserId};
use domain::matching::gap::SkillGapReport as DomainGaps;
use serde::Serialize;

use super::micro;
use crate::context::RabtaContext;
use crate::key::Key;
use crate::skill::Skill;
use crate::user_error::{Answer, answer, payload, top_level};

/// A match that you opened.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MatchOpenInput {
    /// The gig.
    pub gig_id: Key<GigId>,
    /// The freelancer: one who was shown to you for the gig, or yourself, if the gig was recommended to you.
    pub freelancer_id: Key<UserId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `matchOpen`.
    MatchOpenPayload {
        /// Whether it was noted: not if you opened it before.
        noted: bool
    }
}

/// What can be done to matches.
#[derive(Debug, Default)]
pub struct MatchMutation;

#[Object]
impl MatchMutation {
    /// Say that you opened a match you were shown. It tells us which places are looked at, and that a newcomer was
    /// not shown in vain.
    async fn match_open(&self, ctx: &Context<'_>, input: MatchOpenInput) -> Answer<MatchOpenPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().match_open(&call, input.gig_id.0, input.freelancer_id.0).await
        };
        answer(outcome.await)
    }
}

/// Who got which attention among the people shown for gigs: recomputed from the log each time.
#[derive(Debug, Clone, SimpleObject)]
pub struct ExposureReport {
    /// How many times somebody was shown.
    impressions: u32,
    /// How many pages were shown.
    pages: u32,
    /// How many people were shown.
    people: u32,
    /// How unevenly attention fell on them: 0 when all got the same, near 1 when one got it all.
    gini: f64,
    /// The share of attention of the hundredth that got most.
    top_share: f64,
    /// How many newcomers were shown: people with fewer than two finished contracts then.
    newcomers: u32,
    /// The newcomers' share of impressions.
    newcomer_impressions: f64,
    /// Their share of attention: a place counts less the further down it is.
    newcomer_attention: f64,
    /// The share of attention that their scores deserved.
    newcomer_merit: f64,
    /// How many times a newcomer was shown in a place that waits for newcomers.
    newcomer_places: u32,
    /// How many times somebody went before others of nearly the same score.
    near_ties: u32,
    /// How many impressions each version of the model made.
    versions: Vec<ExposureOfVersion>,
}

/// What a version of the scoring model showed.
#[derive(Debug, Clone, SimpleObject)]
pub struct ExposureOfVersion {
    /// The version.
    model_version: u32,
    /// How many impressions.
    impressions: u32,
}

/// What the log of matches says.
#[derive(Debug, Default)]
pub struct ExposureQuery;

#[Object]
impl ExposureQuery {
    /// For admins: who got which attention, over at most 92 days and 200,000 impressions.
    async fn exposure_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From this instant.")] from: Timestamp,
        #[graphql(desc = "Until before this instant.")] until: Timestamp,
    ) -> async_graphql::Result<Option<ExposureReport>> {
        let report = ctx.market().exposure_report(&ctx.call(), from, until).await.map_err(top_level)?;
        let versions = report.versions.into_iter();
        Ok(Some(ExposureReport {
            impressions: report.impressions,
            pages: report.pages,
            people: report.people,
            gini: micro(report.gini.as_micro()),
            top_share: micro(report.top_share.as_micro()),
            newcomers: report.newcomers,
            newcomer_impressions: micro(report.newcomer_impressions.as_micro()),
            newcomer_attention: micro(report.newcomer_attention.as_micro()),
            newcomer_merit: micro(report.newcomer_merit.as_micro()),
            newcomer_places: report.newcomer_places,
            near_ties: report.near_ties,
            versions: versions
                .map(|(model_version, impressions)| ExposureOfVersion { model_version, impressions })
                .collect(),
        }))
    }
}

/// The skills you don't hold, ranked by the demand that each would unlock, over the gigs that are open now and that
/// nothing but the match keeps you from. What rests on fewer than five gigs is not told.
#[derive(Debug, Clone, SimpleObject)]
pub struct SkillGapReport {
    /// The best first, at most 20.
    gaps: Vec<SkillGap>,
    /// Over how many gigs it was counted.
    gigs: u32,
    /// How many of them you match now: with a chance of at least one half.
    matched: u32,
    /// How many skills were left out because fewer than five gigs ask for them.
    suppressed: u32,
}

/// What learning one skill would bring you.
#[derive(Debug, Clone, SimpleObject)]
pub struct SkillGap {
    /// The skill.
    skill: Option<Skill>,
    /// How many of the gigs ask for it: the sample.
    gigs: u32,
    /// How many of them you would match that you don't match now.
    unlocked: u32,
    /// How much your scores for all of them would rise together.
    gain: f64,
}

impl From<DomainGaps> for SkillGapReport {
    fn from(report: DomainGaps) -> Self {
        let gaps = report.gaps.into_iter().map(|gap| SkillGap {
            skill: Skill::find(gap.skill),
            gigs: gap.gigs,
            unlocked: gap.unlocked,
            gain: super::nano(gap.gain.as_nano()),
        });
        Self { gaps: gaps.collect(), gigs: report.gigs, matched: report.matched, suppressed: report.suppressed }
    }
}
