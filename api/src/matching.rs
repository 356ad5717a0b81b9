//! Matches, with their reasons: people for a gig, gigs for a person, and one pair explained.

mod act;

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, Enum, Object, OutputType, SimpleObject};
use domain::Timestamp;
use domain::gig::Gig as DomainGig;
use domain::id::{GigId, UserId};
use domain::matching::improve::{Change, Improvement};
use domain::matching::shipped::Holders;
use domain::matching::{Match, Model, Taxonomy, constraint};
use infra::matching::{Freshness, MatchPage};
use infra::page::PageRequest;

use crate::connection::page;
use crate::context::RabtaContext;
use crate::gig::Gig;
use crate::key::Key;
use crate::loader::{ProfileOf, load};
use crate::profile::FreelancerProfile;
use crate::user::User;
use crate::user_error::top_level;

/// One freelancer who matches a gig.
#[derive(Debug, Clone)]
pub struct FreelancerMatch(pub Match<UserId>);

/// One freelancer who matches a gig, with the reasons.
#[Object]
impl FreelancerMatch {
    /// The person.
    pub async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.of).await?.map(User))
    }

    /// What the person says of themselves.
    pub async fn profile(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FreelancerProfile>> {
        Ok(load(ctx, ProfileOf(self.0.of)).await?.map(FreelancerProfile))
    }

    /// The sum of the factors' contributions, exactly.
    pub async fn score(&self) -> f64 {
        nano(self.0.score.as_nano())
    }

    /// The score as a rough chance between 0 and 1, for a badge.
    pub async fn chance(&self) -> f64 {
        micro(self.0.chance().as_micro())
    }

    /// Why it stands where it stands.
    pub async fn placement(&self) -> MatchPlacement {
        self.0.placement.into()
    }

    /// What the score is made of.
    pub async fn factors(&self) -> Vec<MatchFactor> {
        factors(&self.0.factors)
    }

    /// The reasons, as a person would say them.
    pub async fn sentence(&self) -> &str {
        &self.0.sentence
    }

    /// What would raise the match, the best first.
    pub async fn improvements(&self) -> Vec<MatchImprovement> {
        self.0.improvements.iter().map(improvement).collect()
    }
}

/// One gig that matches a freelancer.
#[derive(Debug, Clone)]
pub struct GigMatch(pub Match<GigId>);

/// One gig that matches you, with the reasons.
#[Object]
impl GigMatch {
    /// The gig.
    pub async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        Ok(load(ctx, self.0.of).await?.map(Gig))
    }

    /// The sum of the factors' contributions, exactly.
    pub async fn score(&self) -> f64 {
        nano(self.0.score.as_nano())
    }

    /// The score as a rough chance between 0 and 1, for a badge.
    pub async fn chance(&self) -> f64 {
        micro(self.0.chance().as_micro())
    }

    /// What the score is made of.
    pub async fn factors(&self) -> Vec<MatchFactor> {
        factors(&self.0.factors)
    }

    /// The reasons, as a person would say them.
    pub async fn sentence(&self) -> &str {
        &self.0.sentence
    }

    /// What would raise the match, the best first.
    pub async fn improvements(&self) -> Vec<MatchImprovement> {
        self.0.improvements.iter().map(improvement).collect()
    }
}

/// One part of a score: `weight` times `value` is its `contribution`, and the contributions add up
/// to the score.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchFactor {
    /// What it looks at.
    kind: MatchFactorKind,
    /// How much it counts.
    weight: f64,
    /// How true it is, from 0 to 1.
    value: f64,
    /// Weight times value.
    contribution: f64,
    /// What the value rests on, as a person would say it; nothing when there is nothing to say.
    evidence: Option<String>,
}

/// Something that would raise a match.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchImprovement {
    /// In a few words, like `+ Terraform → from 31st to 12th`.
    sentence: String,
    /// The global id of the skill to learn, if it is one.
    skill: Option<String>,
    /// How much the score would rise.
    gain: f64,
    /// The place in the client's list now, from 1; null for a gig that is recommended, for whom something keeps from the
    /// gig, and for whom the best hundred are before.
    from_place: Option<u32>,
    /// The place then; null where there is none to be told.
    to_place: Option<u32>,
}

/// What a factor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::matching::FactorKind")]
pub enum MatchFactorKind {
    /// Asked skills that are held.
    Skills,
    /// Required skills that are missing.
    MustHaves,
    /// The same line of work.
    Role,
    /// The share of the profile that was asked for.
    Focus,
    /// Texts about the same things.
    Text,
    /// Enough experience for this gig.
    Seniority,
    /// Experience as such.
    Experience,
    /// Too many roles.
    Breadth,
    /// The rate against the budget.
    Rate,
    /// Hours at work at the same time.
    Overlap,
    /// Finished work that went well.
    Reputation,
    /// Answers within a day.
    Answers,
    /// The person's wish to do such work.
    Interest,
    /// A client who pays and hires.
    Client,
    /// Busy already.
    Load,
    /// Many proposals already.
    Crowd,
}

/// Why a match stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::matching::Placement")]
pub enum MatchPlacement {
    /// By its score.
    Merit,
    /// Before others of nearly the same score: owed attention, or unlike those above.
    NearTie,
    /// In a place that waits for newcomers: there are two among the first ten. The fifth is for those who gave a bank
    /// account that nobody gave before them and that money could go to by now; the ninth is for them, too, and then for
    /// anybody who reads mail at their address.
    Newcomer,
}

/// What keeps a freelancer and a gig apart, however well they fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::matching::Barrier")]
pub enum MatchBarrier {
    /// The gig takes no proposals.
    GigClosed,
    /// The person can't act now, or not with this client. Why is not told. Those whose profile is hidden are not even counted.
    NotActive,
    /// Not told: whoever screening holds is `NOT_ACTIVE`.
    Screened,
    /// Not told: of a pair that a block keeps apart it is `NOT_ACTIVE`, and lists are as if the other were not there.
    Blocked,
    /// The client wants people from other countries.
    Country,
    /// A required language is missing or not fluent enough.
    Language,
    /// They have as many contracts as they take.
    Capacity,
    /// Running contracts by the hour leave them fewer hours a week than the gig needs.
    WeeklyHours,
    /// The pay is below the least they take, or their rate above a firm budget.
    Budget,
    /// Their day meets too little of the client's.
    OverlapHours,
}

/// How many a hard constraint left out.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchLeftOut {
    /// Which of them.
    reason: MatchBarrier,
    /// In a few words, like `too little overlap`.
    label: String,
    /// All whom it stops.
    count: u32,
    /// Of those, whom nothing else stops: how many more there would be without it.
    by_this_alone: u32,
}

/// How a list of matches came about.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchSummary {
    /// The version of the scoring model: the same input and version give the same list.
    model_version: u32,
    /// How many passed every hard constraint, of those who bring a skill or a line of work that is asked for.
    eligible: u32,
    /// Whom the hard constraints left out.
    left_out: Vec<MatchLeftOut>,
    /// Whether everyone who brings something of what is asked was counted. If not, `eligible` and the counts of
    /// `leftOut` are the least there can be: say "at least 41". Where the database found them, others may be missing
    /// from the list then, who would stand in it.
    counted_all: bool,
    /// What found the candidates.
    found_by: MatchSource,
    /// Everything that was committed before this instant was looked at. Whoever is shown was looked at once more, just
    /// now: nobody is shown who may no longer be.
    as_of: Timestamp,
    /// How long ago that was, in milliseconds.
    index_lag: i64,
}

/// What found the candidates of a list of matches. Reasons are the same either way, and in a market of less than two
/// thousand people so are lists and scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "infra::matching::FoundBy")]
pub enum MatchSource {
    /// The index in memory.
    Index,
    /// The database: the index is not there yet, or too far behind. It looks through a part of a large market only, and
    /// counts among ten thousand people how rare a skill is: say that better matches may come, and ask again soon.
    Database,
}

/// A pair, explained: also when something keeps it apart.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchExplanation {
    /// The version of the scoring model it is told by.
    model_version: u32,
    /// What keeps them apart; empty when nothing does.
    barriers: Vec<MatchBarrier>,
    /// The score they have, or would have.
    score: f64,
    /// What it is made of.
    factors: Vec<MatchFactor>,
    /// The reasons, as a person would say them.
    sentence: String,
    /// What would raise the match in the client's list, the best first. Places are those of its best hundred: whoever is
    /// not among them, or kept from the gig by something, is promised none.
    improvements: Vec<MatchImprovement>,
}

/// Lists of freelancers who match a gig.
pub type FreelancerMatches = Connection<String, FreelancerMatch, MatchSummary, EmptyFields>;
/// Lists of gigs that match a freelancer.
pub type GigMatches = Connection<String, GigMatch, MatchSummary, EmptyFields>;

/// The people for a gig, a page of them; what is shown is noted.
pub async fn freelancer_matches(
    ctx: &Context<'_>,
    gig: &DomainGig,
    request: &PageRequest,
) -> async_graphql::Result<FreelancerMatches> {
    let call = ctx.call();
    let found = ctx.market().gig_matches(&call, gig, request).await.map_err(top_level)?;
    if are_shown(ctx) {
        ctx.market().people_shown(&call, gig.id, found.model_version, &found.slice.items);
    }
    Ok(connection(found, FreelancerMatch))
}

/// Whether anybody sees the matches of a list, and not only what is said of all of them.
fn are_shown(ctx: &Context<'_>) -> bool {
    let asked = ctx.look_ahead();
    asked.field("nodes").exists() || asked.field("edges").field("node").exists()
}

/// A page of matches as a connection.
fn connection<I, N: OutputType>(
    found: MatchPage<I>,
    node: fn(Match<I>) -> N,
) -> Connection<String, N, MatchSummary, EmptyFields> {
    let summary = summary(&found);
    let MatchPage { slice, .. } = found;
    let mut connection = Connection::with_additional_fields(slice.has_previous, slice.has_next, summary);
    connection.edges.extend(slice.items.into_iter().map(|(cursor, (_, found))| Edge::new(cursor, node(found))));
    connection
}

use self::act::SkillGapReport;
pub use self::act::{ExposureQuery, MatchMutation};

/// What is recommended to the signed-in person.
#[derive(Debug)]
pub struct MatchViewer;

#[Object]
impl MatchViewer {
    /// The open gigs that fit you, the best first, each with reasons; at most the first 100. Those that you were invited
    /// to or bid on are not among them. Write your profile first: it is what they are compared with.
    async fn recommended_gigs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<GigMatches> {
        let call = ctx.call();
        let request = page(first, after, last, before);
        let found = ctx.market().gigs_recommended(&call, &request).await.map_err(top_level)?;
        if are_shown(ctx) {
            ctx.market().gigs_shown(&call, found.model_version, &found.slice.items);
        }
        Ok(connection(found, GigMatch))
    }

    /// The skills you don't hold that would bring you before more clients, over the gigs that are open now.
    async fn skill_gap_report(&self, ctx: &Context<'_>) -> async_graphql::Result<SkillGapReport> {
        Ok(ctx.market().skill_gaps(&ctx.call()).await.map_err(top_level)?.into())
    }
}

/// Explaining matches.
#[derive(Debug, Default)]
pub struct MatchQuery;

#[Object]
impl MatchQuery {
    /// Why a freelancer does or does not match a gig. For a freelancer, about themselves; for the gig's client, about
    /// those whose profile it may see. Who hides their profile is found by no client that they did not bid to and do not
    /// work for.
    async fn explain_match(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The gig.")] gig_id: Key<GigId>,
        #[graphql(desc = "The freelancer's user.")] freelancer_id: Key<UserId>,
    ) -> async_graphql::Result<Option<MatchExplanation>> {
        let explained = ctx.market().match_explain(&ctx.call(), gig_id.0, freelancer_id.0).await.map_err(top_level)?;
        Ok(Some(MatchExplanation {
            model_version: explained.model_version,
            barriers: explained.barriers.iter().map(|barrier| barrier.told().into()).collect(),
            score: nano(explained.score.as_nano()),
            factors: factors(&explained.factors),
            sentence: explained.sentence,
            improvements: explained.improvements.iter().map(improvement).collect(),
        }))
    }
}

fn summary<I>(found: &MatchPage<I>) -> MatchSummary {
    let left_out = constraint::told(&found.left_out).into_iter().map(|(barrier, left_out)| MatchLeftOut {
        reason: barrier.into(),
        label: barrier.label().to_owned(),
        count: left_out.all,
        by_this_alone: left_out.by_this_alone,
    });
    let Freshness { found_by, as_of, lag } = found.freshness;
    MatchSummary {
        model_version: found.model_version,
        eligible: found.eligible,
        left_out: left_out.collect(),
        counted_all: found.counted_all,
        found_by: found_by.into(),
        as_of,
        index_lag: lag.num_milliseconds(),
    }
}

fn factors(factors: &[domain::matching::Factor]) -> Vec<MatchFactor> {
    let names = names();
    let factor = |factor: &domain::matching::Factor| MatchFactor {
        kind: factor.kind.into(),
        weight: f64::from(factor.weight.as_milli()) / 1_000.0,
        value: micro(factor.value.as_micro()),
        contribution: nano(factor.contribution().as_nano()),
        evidence: factor.evidence.phrase(&names),
    };
    factors.iter().map(factor).collect()
}

fn improvement(improvement: &Improvement) -> MatchImprovement {
    let skill = match improvement.change {
        Change::Learn(skill) => Some(skill.to_string()),
        Change::AskAtMost(_) => None,
    };
    MatchImprovement {
        sentence: improvement.sentence(&names()),
        skill,
        gain: nano(improvement.gain.as_nano()),
        from_place: improvement.from_place,
        to_place: improvement.to_place,
    }
}

/// The taxonomy's names; how rare a skill is does not matter to a sentence.
fn names() -> Holders<'static> {
    Holders::new(Taxonomy::shipped(), Model::shipped())
}

fn nano(n: i64) -> f64 {
    n as f64 / 1e9
}

pub(crate) fn micro(n: i64) -> f64 {
    n as f64 / 1e6
}
