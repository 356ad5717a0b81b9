//! The skills of the trade, and how well somebody holds one.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::id::SkillId;
use domain::matching::taxonomy::Taxonomy;
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::user_error::top_level;

/// A skill of the taxonomy.
#[derive(Debug, Clone, Copy)]
pub struct Skill(pub &'static domain::matching::taxonomy::Skill);

impl Skill {
    /// The skill of this id, if there is one.
    pub fn find(id: SkillId) -> Option<Self> {
        Taxonomy::shipped().find(id).map(Self)
    }
}

/// A skill of the trade. Ids are the same everywhere, and for good.
#[Object]
impl Skill {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The stable short name: `react-native`.
    async fn slug(&self) -> &str {
        self.0.slug
    }

    /// What people call it: "React Native".
    async fn name(&self) -> &str {
        self.0.name
    }

    /// The category it belongs to, one of `skillCategories`: "software", "design", "writing".
    async fn category(&self) -> &str {
        self.0.category
    }

    /// What else people call it.
    async fn aliases(&self) -> &[&'static str] {
        &self.0.aliases
    }

    /// The skill it is a part or a kind of.
    async fn parent(&self) -> Option<Skill> {
        self.0.parent.and_then(Skill::find)
    }
}

/// A skill that somebody holds, by their own account.
#[derive(Debug, Clone)]
pub struct ProfileSkill(pub domain::skill::ProfileSkill);

/// A skill that somebody holds, by their own account.
#[Object]
impl ProfileSkill {
    /// Which.
    async fn skill(&self) -> Option<Skill> {
        Skill::find(self.0.skill)
    }

    /// How well.
    async fn level(&self) -> SkillLevel {
        self.0.level.into()
    }

    /// For how many years.
    async fn years(&self) -> i32 {
        self.0.years.into()
    }
}

/// How well somebody says they know a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::skill::SkillLevel")]
pub enum SkillLevel {
    /// Learning it.
    Beginner,
    /// Works with it.
    Intermediate,
    /// Others come with their questions.
    Expert,
}

/// A category of the taxonomy.
#[derive(Debug, Clone, SimpleObject)]
pub struct SkillCategory {
    /// Its name: "software", "design", "writing".
    pub name: String,
    /// How many skills are in it.
    pub skill_count: u32,
}

/// A skill that a text speaks of.
#[derive(Debug, Clone)]
pub struct SkillSuggestion(pub domain::matching::taxonomy::Suggestion);

/// A skill that a text speaks of, offered to whoever wrote it.
#[Object]
impl SkillSuggestion {
    /// Which.
    async fn skill(&self) -> Option<Skill> {
        Skill::find(self.0.skill)
    }

    /// How sure, from 0 to 1.
    async fn confidence(&self) -> f64 {
        f64::from(self.0.confidence_milli) / 1000.0
    }

    /// The words it was read from.
    async fn words(&self) -> &str {
        &self.0.words
    }
}

/// Looking up skills.
#[derive(Debug, Default)]
pub struct SkillQuery;

#[Object]
impl SkillQuery {
    /// The skills of the taxonomy: all of them, or those with a name that begins with `query`
    /// (aliases count: "k8s" finds Kubernetes), of all categories or of one.
    #[expect(clippy::too_many_arguments, reason = "Relay's page arguments are four")]
    async fn skills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The beginning of a name, at most 100 characters.")] query: Option<String>,
        #[graphql(desc = "Only those of this category, by its name among `skillCategories`.")] category: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, Skill>>> {
        let page = page(first, after, last, before);
        connect(ctx.market().skills_page(query.as_deref(), category.as_deref(), &page), Skill).map(Some)
    }

    /// The categories that skills are of, in the order of their names: to look around in the taxonomy.
    async fn skill_categories(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vec<SkillCategory>>> {
        let categories = ctx.market().skill_categories().into_iter();
        let category = |(name, skill_count): (&str, u32)| SkillCategory { name: name.to_owned(), skill_count };
        Ok(Some(categories.map(category).collect()))
    }

    /// The skills that a text speaks of, surest first: to offer to whoever wrote it.
    async fn skill_suggest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A gig's description, a profile's overview: at most 20,000 characters.")] text: String,
    ) -> async_graphql::Result<Option<Vec<SkillSuggestion>>> {
        let found = ctx.market().skills_suggest(&text).map_err(top_level)?;
        Ok(Some(found.into_iter().map(SkillSuggestion).collect()))
    }
}
