//! Searches that people keep, to be told of new gigs.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, InputObject, Object};
use domain::Timestamp;
use domain::id::{SavedSearchId, SkillId};
use domain::matching::Taxonomy;
use domain::matching::features::Country;
use domain::refusal::Refusal;
use domain::saved_search::Criteria;
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::gig::{ExperienceLevel, GigKind};
use crate::key::Key;
use crate::money::{Money, MoneyInput};
use crate::skill::Skill;
use crate::user_error::{Answer, answer, payload};

/// A search that somebody keeps.
#[derive(Debug, Clone)]
pub struct SavedSearch(pub domain::saved_search::SavedSearch);

/// A search for gigs that you keep: you are told of each new gig that it finds and that nothing keeps
/// you from.
#[Object]
impl SavedSearch {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What you call it.
    pub async fn name(&self) -> &str {
        &self.0.name
    }

    /// Gigs that ask for at least one of these skills; any when empty.
    pub async fn skills(&self) -> Vec<Skill> {
        let taxonomy = Taxonomy::shipped();
        self.0.criteria.skills.iter().filter_map(|skill| taxonomy.find(*skill)).map(Skill).collect()
    }

    /// Gigs paid this way.
    pub async fn kind(&self) -> Option<GigKind> {
        self.0.criteria.kind.map(Into::into)
    }

    /// Gigs whose budget reaches at least this.
    pub async fn budget_at_least(&self) -> Option<Money> {
        self.0.criteria.budget_at_least.map(Into::into)
    }

    /// Gigs whose budget starts at no more than this.
    pub async fn budget_at_most(&self) -> Option<Money> {
        self.0.criteria.budget_at_most.map(Into::into)
    }

    /// Gigs that want people of this experience, and those that don't say of which.
    pub async fn experience(&self) -> Option<ExperienceLevel> {
        self.0.criteria.experience.map(Into::into)
    }

    /// Gigs that may be worked on from this country, by its ISO 3166 code.
    pub async fn country(&self) -> Option<&str> {
        self.0.criteria.country.as_ref().map(Country::as_str)
    }

    /// Gigs that need no more than so many hours a week, and those that don't say how many.
    pub async fn weekly_hours_at_most(&self) -> Option<i32> {
        self.0.criteria.weekly_hours_at_most
    }

    /// Gigs in which each of these words begins one.
    pub async fn text(&self) -> Option<&str> {
        self.0.criteria.text.as_deref()
    }

    /// Since when it is kept.
    pub async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
}

/// A search to keep. What is absent does not matter; something must be there.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SavedSearchCreateInput {
    /// What you call it, in 1 to 80 characters.
    pub name: String,
    /// Gigs that ask for at least one of these skills, at most 20.
    #[graphql(default)]
    pub skill_ids: Vec<Key<SkillId>>,
    /// Gigs paid this way.
    pub kind: Option<GigKind>,
    /// Gigs whose budget reaches at least this.
    pub budget_at_least: Option<MoneyInput>,
    /// Gigs whose budget starts at no more than this.
    pub budget_at_most: Option<MoneyInput>,
    /// Gigs that want people of this experience, and those that don't say of which.
    pub experience: Option<ExperienceLevel>,
    /// Gigs that may be worked on from this country, by its ISO 3166 code, like `"PK"`.
    pub country: Option<String>,
    /// Gigs that need no more than so many hours a week, 1 to 80, and those that don't say how many.
    pub weekly_hours_at_most: Option<i32>,
    /// Gigs in which each of these words begins one, in 2 to 200 characters.
    pub text: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A search to keep no longer.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SavedSearchDeleteInput {
    /// The search.
    pub saved_search_id: Key<SavedSearchId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `savedSearchCreate`.
    SavedSearchCreatePayload {
        /// The search that is kept.
        saved_search: SavedSearch
    }
}

payload! {
    /// The answer to `savedSearchDelete`.
    SavedSearchDeletePayload {
        /// The search as it was.
        saved_search: SavedSearch
    }
}

/// What the signed-in person looks for.
#[derive(Debug)]
pub struct SavedSearchViewer;

#[Object]
impl SavedSearchViewer {
    /// The searches you keep, the newest first.
    async fn saved_searches(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, SavedSearch>> {
        let page = page(first, after, last, before);
        connect(ctx.market().saved_searches_page(&ctx.call(), &page).await, SavedSearch)
    }
}

/// What can be done to saved searches.
#[derive(Debug, Default)]
pub struct SavedSearchMutation;

#[Object]
impl SavedSearchMutation {
    /// Keep a search: you are told of each new gig that it finds and that nothing keeps you from, once, as
    /// `SAVED_SEARCH_MATCHED`. You can keep 20.
    async fn saved_search_create(
        &self,
        ctx: &Context<'_>,
        input: SavedSearchCreateInput,
    ) -> Answer<SavedSearchCreatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let country = |code: String| {
                code.parse::<Country>().map_err(|error| Refusal::field("country", "MALFORMED", error.to_string()))
            };
            let bound = |path, bound: Option<MoneyInput>| bound.map(|bound| bound.parse(path)).transpose();
            let criteria = Criteria {
                skills: input.skill_ids.into_iter().map(|skill| skill.0).collect(),
                kind: input.kind.map(Into::into),
                budget_at_least: bound("budgetAtLeast", input.budget_at_least)?,
                budget_at_most: bound("budgetAtMost", input.budget_at_most)?,
                experience: input.experience.map(Into::into),
                country: input.country.map(country).transpose()?,
                weekly_hours_at_most: input.weekly_hours_at_most,
                text: input.text,
            };
            ctx.market().saved_search_create(&call, &input.name, criteria).await
        };
        answer(outcome.await.map(SavedSearch))
    }

    /// Keep a search no longer.
    async fn saved_search_delete(
        &self,
        ctx: &Context<'_>,
        input: SavedSearchDeleteInput,
    ) -> Answer<SavedSearchDeletePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().saved_search_delete(&call, input.saved_search_id.0).await
        };
        answer(outcome.await.map(SavedSearch))
    }
}
