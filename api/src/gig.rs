//! Clients' gigs.

mod input;

use async_graphql::{Context, Enum, ID, InputObject, Lookahead, Object, SimpleObject};
use domain::Timestamp;
use domain::access::{self, Verb};
use domain::id::{GigId, OrganizationId, ProposalId, SkillId};
use domain::matching::features::Country;
use domain::matching::taxonomy::Taxonomy;
use domain::proposal::Bid;
use domain::refusal::Refusal;
use infra::gig::{GigFilter, GigsWith};
use infra::page::Slice;
use infra::proposal::ProposalsWith;
use serde::Serialize;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named, page};
use crate::context::RabtaContext;
use crate::invitation::{Invitation, InvitationState};
use crate::key::Key;
use crate::loader::{
    AlikeOf, ExpiryOf, GigInvitations, GigProposals, ProposalCount, ViewerInvitation, ViewerProposals, is_asked, items,
    list, load, may_prime, prime,
};
use crate::matching::{FreelancerMatches, freelancer_matches};
use crate::money::{Money, MoneyInput};
use crate::organization::Organization;
use crate::profile::profiles_with;
use crate::proposal::{Proposal, ProposalState};
use crate::skill::Skill;
use crate::user_error::{Answer, answer, payload, top_level};

pub use self::input::{GigCreateInput, GigUpdateInput};

/// A client's gig.
#[derive(Debug, Clone)]
pub struct Gig(pub domain::gig::Gig);

/// A client's job post, paid a fixed price or by the hour. While it is open, freelancers propose
/// for it.
#[Object]
impl Gig {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The client.
    pub async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        Ok(load(ctx, self.0.client).await?.map(Organization))
    }

    /// What it is about, in a line.
    pub async fn title(&self) -> &str {
        &self.0.brief.title
    }

    /// The work, in the client's own words.
    pub async fn description(&self) -> &str {
        &self.0.brief.description
    }

    /// How it is paid.
    pub async fn kind(&self) -> GigKind {
        self.0.brief.kind.into()
    }

    /// What it pays: for the whole when fixed, for an hour when hourly.
    pub async fn budget(&self) -> BudgetRange {
        let domain::gig::BudgetRange { low, high } = self.0.brief.budget;
        BudgetRange { low: low.into(), high: high.into() }
    }

    /// The skills it asks for, the required ones first; at most 20.
    pub async fn skills(&self) -> Vec<GigSkill> {
        self.0.brief.skills.iter().copied().map(GigSkill).collect()
    }

    /// What everyone who proposes is asked; at most 10 questions.
    pub async fn questions(&self) -> Vec<ScreeningQuestion> {
        self.0.brief.questions.iter().cloned().map(ScreeningQuestion).collect()
    }

    /// How experienced a person it wants.
    pub async fn experience(&self) -> Option<ExperienceLevel> {
        self.0.brief.experience.map(Into::into)
    }

    /// The IANA name of the time zone the client works in.
    pub async fn time_zone(&self) -> Option<&'static str> {
        self.0.brief.work_day.map(|day| day.zone.name())
    }

    /// When the client's working day starts, on the wall clock: `"09:00"`.
    pub async fn work_day_starts(&self) -> Option<String> {
        self.0.brief.work_day.map(|day| day.starts.format("%H:%M").to_string())
    }

    /// When the client's working day ends, on the wall clock.
    pub async fn work_day_ends(&self) -> Option<String> {
        self.0.brief.work_day.map(|day| day.ends.format("%H:%M").to_string())
    }

    /// How long a freelancer's working day must overlap the client's, in minutes a day.
    pub async fn required_overlap_minutes(&self) -> Option<u16> {
        self.0.brief.overlap_minutes
    }

    /// The languages it requires; at most 5.
    pub async fn languages(&self) -> Vec<RequiredLanguage> {
        self.0.brief.languages.iter().cloned().map(RequiredLanguage).collect()
    }

    /// The countries it may be worked on from, by their ISO 3166 codes; any, when none is named. At most 50.
    pub async fn countries(&self) -> Vec<&str> {
        self.0.brief.countries.iter().map(Country::as_str).collect()
    }

    /// The hours a week it needs.
    pub async fn weekly_hours(&self) -> Option<u16> {
        self.0.brief.weekly_hours
    }

    /// Who may see it while it is open.
    pub async fn visibility(&self) -> GigVisibility {
        self.0.brief.visibility.into()
    }

    /// Where it stands.
    pub async fn state(&self) -> GigState {
        self.0.status().into()
    }

    /// Why a moderator took it down. Told to its client.
    pub async fn removed_reason(&self, ctx: &Context<'_>) -> Option<&str> {
        let told = access::allows(&ctx.actor(), Verb::GigRead, &self.0.subject());
        match &self.0.state {
            domain::gig::GigState::Removed { reason, .. } if told => Some(reason),
            _ => None,
        }
    }

    /// When it expires if nothing happens with it any more: what its client and those who bid on it do puts that off.
    /// Its client's members see it while it is open or paused; else it is null.
    pub async fn expires_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        if !self.is_readable(ctx) {
            return Ok(None);
        }
        load(ctx, ExpiryOf((&self.0).into())).await
    }

    /// Until when it can be opened again, if it is closed and can be.
    pub async fn reopen_until(&self) -> Option<Timestamp> {
        match self.0.state {
            domain::gig::GigState::Expired { reopen_until, .. }
            | domain::gig::GigState::Cancelled { reopen_until, .. } => Some(reopen_until),
            _ => None,
        }
    }

    /// Counts the changes: send it back with an update, so as not to overwrite what you did not see.
    pub async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it was last put before freelancers.
    pub async fn published_at(&self) -> Option<Timestamp> {
        self.0.published_at
    }

    /// When it was drafted.
    pub async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// What you can do to it now, by the names of the mutations.
    pub async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        let now = ctx.market().clock().now();
        let verbs = self.0.allowed(&ctx.actor(), now);
        acts(&verbs)
    }

    /// The freelancers who fit it, the best first, each with reasons; at most the first 100. Whoever was invited to it, bid
    /// on it or was hired for it is not among them, but among its invitations and proposals. Only its client's recruiters
    /// see them; for others it is nothing.
    pub async fn matches(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<FreelancerMatches>> {
        if !access::allows(&ctx.actor(), Verb::GigMatches, &self.0.subject()) {
            return Ok(None);
        }
        freelancer_matches(ctx, &self.0, &page(first, after, last, before)).await.map(Some)
    }

    /// Could you change what it says, as it stands now?
    pub async fn viewer_can_edit(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor(), ctx.market().clock().now()).contains(&Verb::GigUpdate)
    }

    /// The proposals for it. Its client's members see them; for others the list is empty.
    #[allow(clippy::too_many_arguments, reason = "paging alone takes four")]
    pub async fn proposals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which first. Cursors of one order are none of another.", default)] order_by: ProposalOrder,
        #[graphql(desc = "Of proposals that say nearly the same, show only the earliest?", default)]
        collapse_alike: bool,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<ProposalState>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Proposal>> {
        let (page, call) = (counted(ctx, first, after, last, before).of_states(named(states)), ctx.call());
        if !self.is_readable(ctx) {
            return connect(Ok(Slice::empty()), Proposal);
        }
        if order_by == ProposalOrder::Newest && !collapse_alike {
            let wants_people = may_prime(ctx) && items(ctx, "freelancer").iter().any(Lookahead::exists);
            let wants_profiles = items(ctx, "freelancer").iter().any(|freelancer| freelancer.field("profile").exists());
            let with = wants_people.then(|| ProposalsWith { profiles: wants_profiles.then(|| profiles_with(ctx)) });
            return list(ctx, GigProposals { gig: self.0.id, with }, page, Proposal).await;
        }
        let page = page.of_filter(&collapse_alike);
        let alike = if collapse_alike {
            ctx.market().proposals_alike(&call, &self.0).await.map_err(top_level)?
        } else {
            Vec::new()
        };
        let later: Vec<ProposalId> =
            alike.iter().flat_map(|group| group.iter().skip(1)).map(|proposal| proposal.id).collect();
        let found = match order_by {
            ProposalOrder::Newest => ctx.market().proposals_of_gig(&call, &self.0, &later, &page).await,
            ProposalOrder::Fit => ctx.market().proposals_of_gig_by_fit(&call, &self.0, &later, &page).await,
        };
        connect(found, Proposal)
    }

    /// Your own latest proposal for it, a draft among them.
    pub async fn viewer_proposal(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Proposal>> {
        let mine = load(ctx, ViewerProposals(self.0.id)).await?;
        Ok(mine.and_then(|mine| mine.into_iter().next()).map(Proposal))
    }

    /// Could you propose for it, as it stands now? Whoever has a live proposal revises that one: `viewerProposal`. How many
    /// you may send, and that a block keeps the two of you apart, is told only when you send one.
    pub async fn viewer_can_propose(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        let actor = ctx.actor();
        if actor.person().is_err() {
            return Ok(false);
        }
        let mine = load(ctx, ViewerProposals(self.0.id));
        let (mine, invitation) = tokio::try_join!(mine, load(ctx, ViewerInvitation(self.0.id)))?;
        let mine = mine.unwrap_or_default();
        let bid = Bid::after(&self.0, &mine, invitation.is_some());
        Ok(bid.can_be_made(&actor, ctx.market().clock().now()))
    }

    /// The invitation to it that you got, if you got one.
    pub async fn viewer_invitation(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Invitation>> {
        Ok(load(ctx, ViewerInvitation(self.0.id)).await?.map(Invitation))
    }

    /// How many proposals were sent for it, counted up to 1,000. Its client's members see it; for others it is null.
    pub async fn proposal_count(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<i64>> {
        if !self.is_readable(ctx) {
            return Ok(None);
        }
        Ok(Some(load(ctx, ProposalCount(self.0.id)).await?.unwrap_or_default()))
    }

    /// The live proposals for it that say nearly the same, in groups, of the first 500. Its client's members see them;
    /// for others there are none.
    pub async fn proposals_alike(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ProposalGroup>> {
        if !self.is_readable(ctx) {
            return Ok(Vec::new());
        }
        let groups = load(ctx, AlikeOf(self.0.id)).await?.unwrap_or_default();
        let group = |group: Vec<_>| ProposalGroup { proposals: group.into_iter().map(Proposal).collect() };
        Ok(groups.into_iter().map(group).collect())
    }

    /// The invitations to it, the newest first. Its client's members see them; for others the list
    /// is empty.
    pub async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<InvitationState>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Invitation>> {
        if !self.is_readable(ctx) {
            return connect(Ok(Slice::empty()), Invitation);
        }
        list(
            ctx,
            GigInvitations(self.0.id),
            counted(ctx, first, after, last, before).of_states(named(states)),
            Invitation,
        )
        .await
    }

    /// Could you invite freelancers to it, as it stands now?
    pub async fn viewer_can_invite(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor(), ctx.market().clock().now()).contains(&Verb::InvitationSend)
    }
}

impl Gig {
    /// Is the caller one of its client's members, or ours?
    fn is_readable(&self, ctx: &Context<'_>) -> bool {
        access::allows(&ctx.actor(), Verb::GigRead, &self.0.subject())
    }
}

/// Proposals that say nearly the same.
#[derive(Debug, SimpleObject)]
pub struct ProposalGroup {
    /// At least two, the earliest first.
    pub proposals: Vec<Proposal>,
}

/// What a client thinks of paying.
#[derive(Debug, Clone, SimpleObject)]
pub struct BudgetRange {
    /// At least about this.
    pub low: Money,
    /// At most about this.
    pub high: Money,
}

/// A skill that a gig asks for.
#[derive(Debug, Clone)]
pub struct GigSkill(pub domain::gig::GigSkill);

/// A skill that a gig asks for.
#[Object]
impl GigSkill {
    /// The global id of the skill.
    pub async fn skill_id(&self) -> ID {
        self.0.skill.to_string().into()
    }

    /// The skill.
    pub async fn skill(&self) -> Option<Skill> {
        Skill::find(self.0.skill)
    }

    /// What people call the skill.
    pub async fn name(&self) -> Option<&'static str> {
        Taxonomy::shipped().find(self.0.skill).map(|skill| skill.name)
    }

    /// Required, or just welcome?
    pub async fn required(&self) -> bool {
        self.0.required
    }
}

/// What everyone who proposes is asked.
#[derive(Debug, Clone)]
pub struct ScreeningQuestion(pub domain::gig::ScreeningQuestion);

/// A question that everyone who proposes is asked. Another wording is another question.
#[Object]
impl ScreeningQuestion {
    /// Its id, by which it is answered.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The question.
    pub async fn text(&self) -> &str {
        &self.0.text
    }

    /// Must it be answered?
    pub async fn required(&self) -> bool {
        self.0.required
    }
}

/// A language that a gig requires.
#[derive(Debug, Clone)]
pub struct RequiredLanguage(pub domain::matching::features::Language);

/// A language that a gig requires, and how well it must be spoken.
#[Object]
impl RequiredLanguage {
    /// The ISO 639 code: `"en"`.
    pub async fn code(&self) -> &str {
        &self.0.code
    }

    /// At least this well.
    pub async fn fluency(&self) -> Fluency {
        self.0.fluency.into()
    }
}

/// How a gig is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::gig::GigKind")]
pub enum GigKind {
    /// An agreed price, by milestones.
    Fixed,
    /// By the hour.
    Hourly,
}

/// Who may see an open gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::gig::Visibility")]
pub enum GigVisibility {
    /// Everybody.
    Public,
    /// Those who were invited.
    InviteOnly,
}

/// Where a gig stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::gig::GigStatus")]
pub enum GigState {
    /// Being written; only the client sees it.
    Draft,
    /// Takes proposals.
    Open,
    /// Takes none for now.
    Paused,
    /// Someone was hired.
    Filled,
    /// Nothing happened with it for too long.
    Expired,
    /// The client gave it up.
    Cancelled,
    /// A moderator took it down.
    Removed,
}

/// How experienced a person is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::matching::features::Seniority")]
pub enum ExperienceLevel {
    /// A year will do.
    Junior,
    /// Some years.
    Mid,
    /// Many.
    Senior,
}

/// How well a language is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::matching::features::Fluency")]
pub enum Fluency {
    /// Enough to get by.
    Basic,
    /// Enough to work in.
    Conversational,
    /// With ease.
    Fluent,
    /// From childhood.
    Native,
}

/// Which gigs are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default, InputObject)]
pub struct GigFilterInput {
    /// Those that ask for at least one of these skills; up to 20.
    #[graphql(validator(max_items = 20))]
    pub skills: Option<Vec<Key<SkillId>>>,
    /// Those paid this way.
    pub kind: Option<GigKind>,
    /// Those whose budget reaches at least this.
    pub budget_at_least: Option<MoneyInput>,
    /// Those whose budget starts at no more than this.
    pub budget_at_most: Option<MoneyInput>,
    /// Those whose title or description holds these words; the last may be the beginning of one.
    #[graphql(validator(max_length = 200))]
    pub text: Option<String>,
    /// Those of this client.
    pub client: Option<Key<OrganizationId>>,
    /// Those that want people of this experience, and those that don't say of which.
    pub experience: Option<ExperienceLevel>,
    /// Those that may be worked on from this country, by its ISO 3166 code, like `"PK"`.
    pub country: Option<String>,
    /// Those that need no more than so many hours a week, and those that don't say how many.
    pub weekly_hours_at_most: Option<i32>,
    /// Those that were last put before freelancers at this instant or later. Keep it from page to page: cursors of one
    /// instant are none of another.
    pub published_since: Option<Timestamp>,
    /// Those in one of these states; only open ones unless said.
    pub states: Option<Vec<GigState>>,
}

impl GigFilterInput {
    fn read(self) -> Result<GigFilter, infra::Failure> {
        let cents = |path, money: Option<MoneyInput>| money.map(|money| money.cents(path)).transpose();
        let country = |code: String| {
            code.parse::<Country>().map_err(|error| Refusal::field("filter.country", "MALFORMED", error.to_string()))
        };
        Ok(GigFilter {
            skills: self.skills.unwrap_or_default().into_iter().map(|key| key.0).collect(),
            kind: self.kind.map(Into::into),
            budget_at_least: cents("filter.budgetAtLeast", self.budget_at_least)?,
            budget_at_most: cents("filter.budgetAtMost", self.budget_at_most)?,
            text: self.text,
            client: self.client.map(|key| key.0),
            experience: self.experience.map(Into::into),
            country: self.country.map(country).transpose()?,
            weekly_hours_at_most: self.weekly_hours_at_most,
            published_since: self.published_since,
            states: match self.states {
                Some(states) => states.into_iter().map(Into::into).collect(),
                None => vec![domain::gig::GigStatus::Open],
            },
        })
    }
}

/// The order of a list of gigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum GigOrder {
    /// Those that were published last first.
    #[default]
    Newest,
    /// Those first that match you best; for signed-in people, by what their profile says. At most
    /// 2,000 are compared.
    BestMatch,
}

/// The order of the proposals for a gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum ProposalOrder {
    /// The newest first.
    #[default]
    Newest,
    /// Those of the freelancers who match the gig best first.
    Fit,
}

/// Looking at gigs.
#[derive(Debug, Default)]
pub struct GigQuery;

#[Object]
impl GigQuery {
    /// The gig with this id, if there is one and you may see it.
    async fn gig(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of the gig.")] id: ID,
    ) -> async_graphql::Result<Option<Gig>> {
        let id = Key::<GigId>::read(&id).0;
        if !may_prime(ctx) || !ctx.look_ahead().field("client").exists() {
            return Ok(load(ctx, id).await?.map(Gig));
        }
        let with = GigsWith { clients: true, ..GigsWith::default() };
        let (mut found, clients) = ctx.market().gigs_by_id_with(&ctx.call(), &[id], with).await.map_err(top_level)?;
        prime(ctx, clients.into_iter().map(|client| (client.id, Some(client))));
        Ok(found.pop().map(Gig))
    }

    /// The published gigs you may see.
    #[expect(clippy::too_many_arguments, reason = "Relay's page arguments are four")]
    async fn gigs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which gigs; all open ones when absent.")] filter: Option<GigFilterInput>,
        #[graphql(desc = "Which first. Cursors of one order are none of another.", default)] order_by: GigOrder,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<Gig>>> {
        let filter = filter.unwrap_or_default().read().map_err(top_level)?;
        let (page, call) = (counted(ctx, first, after, last, before), ctx.call());
        let found = match order_by {
            GigOrder::Newest => {
                let clients = may_prime(ctx) && items(ctx, "client").iter().any(Lookahead::exists);
                // What nothing could want is not read: what ranks reads it, too.
                let unasked = |name| may_prime(ctx) && !is_asked(ctx, &[name, "matches", "proposals"]);
                let with = GigsWith { clients, brief: unasked("description"), skill_less: unasked("skills") };
                let found = ctx.market().gigs_page(&call, &filter, &page, with).await;
                found.map(|(gigs, clients)| {
                    prime(ctx, clients.into_iter().map(|client| (client.id, Some(client))));
                    gigs
                })
            }
            GigOrder::BestMatch => ctx.market().gigs_best_first(&call, &filter, &page).await,
        };
        connect(found, Gig).map(Some)
    }
}

/// Declares the inputs of mutations that only name a gig, and the payloads of mutations of gigs.
macro_rules! gig_acts {
    (inputs { $($(#[$doc:meta])* $input:ident;)* } payloads { $($(#[$payload_doc:meta])* $payload:ident;)* }) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $input {
                /// The gig.
                pub gig_id: Key<GigId>,
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }
        )*
        $(
            payload! {
                $(#[$payload_doc])*
                $payload {
                    /// The gig as it is now.
                    gig: Gig
                }
            }
        )*
    };
}

gig_acts! {
    inputs {
    /// A gig to pause.
    GigPauseInput;
    /// A gig to resume.
    GigResumeInput;
    /// A gig to give up.
    GigCancelInput;
    /// A gig to reopen.
    GigReopenInput;
    }
    payloads {
    /// The answer to `gigCreate`.
    GigCreatePayload;
    /// The answer to `gigUpdate`.
    GigUpdatePayload;
    /// The answer to `gigPublish`.
    GigPublishPayload;
    /// The answer to `gigPause`.
    GigPausePayload;
    /// The answer to `gigResume`.
    GigResumePayload;
    /// The answer to `gigCancel`.
    GigCancelPayload;
    /// The answer to `gigReopen`.
    GigReopenPayload;
    /// The answer to `gigRemove`.
    GigRemovePayload;
    }
}

/// A gig to publish.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct GigPublishInput {
    /// The gig.
    pub gig_id: Key<GigId>,
    /// The version you saw, so that nothing is published that you did not read.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A gig to take down.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct GigRemoveInput {
    /// The gig.
    pub gig_id: Key<GigId>,
    /// Why, for its client to read; 5 to 1,000 characters.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// What can be done to gigs.
#[derive(Debug, Default)]
pub struct GigMutation;

#[Object]
impl GigMutation {
    /// Draft a gig for a client you act for. Only its members see it until it is published.
    async fn gig_create(&self, ctx: &Context<'_>, input: GigCreateInput) -> Answer<GigCreatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_create(&call, input.client_id.0, input.read()?).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Change what a gig says; what is absent stays as it is. How it is paid can't change once it
    /// was published.
    async fn gig_update(&self, ctx: &Context<'_>, input: GigUpdateInput) -> Answer<GigUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected_version) = (input.gig_id.0, input.expected_version);
            ctx.market().gig_update(&call, id, input.read()?, expected_version).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Put a gig before freelancers. It needs a description and a required skill, and you a
    /// verified address.
    async fn gig_publish(&self, ctx: &Context<'_>, input: GigPublishInput) -> Answer<GigPublishPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_publish(&call, input.gig_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Take no proposals for now.
    async fn gig_pause(&self, ctx: &Context<'_>, input: GigPauseInput) -> Answer<GigPausePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_pause(&call, input.gig_id.0).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Take proposals again.
    async fn gig_resume(&self, ctx: &Context<'_>, input: GigResumeInput) -> Answer<GigResumePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_resume(&call, input.gig_id.0).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Give a gig up. It can be reopened for a while; offers that wait must be withdrawn first.
    async fn gig_cancel(&self, ctx: &Context<'_>, input: GigCancelInput) -> Answer<GigCancelPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_cancel(&call, input.gig_id.0).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Put an expired or cancelled gig before freelancers again, until `reopenUntil`.
    async fn gig_reopen(&self, ctx: &Context<'_>, input: GigReopenInput) -> Answer<GigReopenPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_reopen(&call, input.gig_id.0).await
        };
        answer(outcome.await.map(Gig))
    }

    /// Take a gig down for good. For moderators.
    async fn gig_remove(&self, ctx: &Context<'_>, input: GigRemoveInput) -> Answer<GigRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().gig_remove(&call, input.gig_id.0, &input.reason).await
        };
        answer(outcome.await.map(Gig))
    }
}
