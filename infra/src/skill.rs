//! The taxonomy, as a list to look things up in. It is the same in every database and rests in
//! memory, so nothing here asks the database.

use std::collections::BTreeMap;

use domain::matching::taxonomy::{Skill, Suggestion, Taxonomy};
use domain::refusal::{Invalid, Refusal};

use crate::page::{Key, Page, PageRequest, Slice};
use crate::{Failure, Market};

/// The longest text that skills are looked for in, in characters.
const LONGEST_TEXT: usize = 20_000;
/// How many skills are found at most for the beginning of a name.
const FOUND_MAX: usize = 200;

impl Market {
    /// Skills by the beginning of any of their names, or all of them; of one category, or of all.
    pub fn skills_page(
        &self,
        query: Option<&str>,
        category: Option<&str>,
        page: &PageRequest,
    ) -> Result<Slice<&'static Skill>, Failure> {
        let mut invalid = Invalid::default();
        let query = query.map(|query| invalid.text("query", query, 0..=100)).filter(|query| !query.is_empty());
        let category = category.map(|category| invalid.text("category", category, 0..=60));
        invalid.finish()?;
        let page = Page::parse(&page.clone().of_filter(&(query.clone(), category.clone())), "skills", 2)?;
        let taxonomy = Taxonomy::shipped();
        let mut found: Vec<&Skill> = match query {
            Some(query) => taxonomy.search(&query, FOUND_MAX),
            None => taxonomy.skills().iter().collect(),
        };
        found.retain(|skill| category.as_ref().is_none_or(|category| skill.category == category));
        page.cut_ranked(found, |skill| Key::Text(skill.slug.to_owned())).try_map(|(_, skill)| Ok(skill))
    }

    /// The categories of the taxonomy by their names, and how many skills are in each.
    pub fn skill_categories(&self) -> BTreeMap<&'static str, u32> {
        let mut categories = BTreeMap::new();
        for skill in Taxonomy::shipped().skills() {
            *categories.entry(skill.category).or_default() += 1;
        }
        categories
    }

    /// The skills that a text speaks of, surest first.
    pub fn skills_suggest(&self, text: &str) -> Result<Vec<Suggestion>, Failure> {
        if text.chars().count() > LONGEST_TEXT {
            let message = format!("at most {LONGEST_TEXT} characters are read");
            return Err(Refusal::field("text", "TOO_LONG", message).into());
        }
        Ok(Taxonomy::shipped().extract(text))
    }
}
