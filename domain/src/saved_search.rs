//! Saved searches: what a freelancer looks for, kept, so that they are told of each new gig that it
//! finds and that nothing keeps them from.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::gig::{Gig, GigKind};
use crate::id::{SavedSearchId, SkillId, UserId};
use crate::matching::features::{Country, Seniority};
use crate::money::{Currency, Money};
use crate::refusal::{Invalid, Refusal};

/// So many are kept for one person.
pub const MOST: u32 = 20;
/// So many skills a search names at most.
const SKILLS_MAX: usize = 20;

/// A search that somebody keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// The id.
    pub id: SavedSearchId,
    /// Whose it is.
    pub user: UserId,
    /// What they call it.
    pub name: String,
    /// What it looks for.
    pub criteria: Criteria,
    /// Since when it is kept.
    pub created_at: Timestamp,
}

/// What a search looks for. What is absent does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Criteria {
    /// Gigs that ask for at least one of these skills.
    pub skills: Vec<SkillId>,
    /// Gigs paid this way.
    pub kind: Option<GigKind>,
    /// Gigs whose budget reaches at least this.
    pub budget_at_least: Option<Money>,
    /// Gigs whose budget starts at no more than this.
    pub budget_at_most: Option<Money>,
    /// Gigs that want this experience, and those that don't say which.
    pub experience: Option<Seniority>,
    /// Gigs that may be worked on from this country.
    pub country: Option<Country>,
    /// Gigs that need no more than so many hours a week, and those that don't say how many.
    pub weekly_hours_at_most: Option<i32>,
    /// Gigs in which each of these words begins one.
    pub text: Option<String>,
}

/// A gig as searches are held against it: taken apart once, however many of them there are.
#[derive(Debug, Clone)]
pub struct Scanned<'a> {
    gig: &'a Gig,
    words: Words,
}

impl<'a> Scanned<'a> {
    /// Take a gig apart.
    pub fn of(gig: &'a Gig) -> Self {
        Self { gig, words: Words::of(&format!("{} {}", gig.brief.title, gig.brief.description)) }
    }

    /// The gig.
    pub fn gig(&self) -> &'a Gig {
        self.gig
    }
}

impl Criteria {
    /// Whether a gig is what is looked for.
    pub fn admit(&self, scanned: &Scanned<'_>) -> bool {
        let brief = &scanned.gig.brief;
        let asks = |skill: &SkillId| brief.skills.iter().any(|asked| asked.skill == *skill);
        (self.skills.is_empty() || self.skills.iter().any(asks))
            && self.kind.is_none_or(|kind| kind == brief.kind)
            && self.budget_at_least.is_none_or(|least| brief.budget.high.minor() >= least.minor())
            && self.budget_at_most.is_none_or(|most| brief.budget.low.minor() <= most.minor())
            && self.experience.is_none_or(|known| brief.experience.is_none_or(|wanted| wanted == known))
            && self.country.is_none_or(|from| brief.countries.is_empty() || brief.countries.contains(&from))
            && self
                .weekly_hours_at_most
                .is_none_or(|most| brief.weekly_hours.is_none_or(|need| i32::from(need) <= most))
            && self.text.as_deref().is_none_or(|text| words(text).all(|word| scanned.words.any_begins(&word)))
    }
}

/// The words of a text, each once and in order.
#[derive(Debug, Clone)]
struct Words(Vec<String>);

impl Words {
    fn of(text: &str) -> Self {
        let mut words: Vec<String> = words(text).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// Does one of them begin so?
    fn any_begins(&self, start: &str) -> bool {
        let at = self.0.partition_point(|word| word.as_str() < start);
        self.0.get(at).is_some_and(|word| word.starts_with(start))
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

impl SavedSearch {
    /// Keep a search, beside the `kept` that the person keeps already.
    pub fn create(
        actor: &Actor,
        name: &str,
        criteria: Criteria,
        kept: u32,
        id: SavedSearchId,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        let user = actor.person()?.user;
        access::check(actor, Verb::SavedSearchCreate, &Subject::of_person(user))?;
        if kept >= MOST {
            let message = format!("you can keep {MOST} searches: delete one first");
            return Err(Refusal::Limit {
                code: "SAVED_SEARCHES".to_owned(),
                limit: MOST.into(),
                value: i64::from(kept) + 1,
                message,
            });
        }
        let mut invalid = Invalid::default();
        let name = invalid.line("name", name, 1..=80);
        let text = criteria.text.map(|text| invalid.text("text", &text, 2..=200));
        if criteria.skills.len() > SKILLS_MAX {
            invalid.add("skillIds", "TOO_MANY", format!("name at most {SKILLS_MAX} skills"));
        }
        for (path, bound) in [("budgetAtLeast", criteria.budget_at_least), ("budgetAtMost", criteria.budget_at_most)] {
            if bound.is_some_and(|bound| bound.currency() != Currency::Usd) {
                invalid.add(&format!("{path}.currency"), "UNKNOWN", "budgets are in US dollars");
            }
        }
        if let Some(hours) = criteria.weekly_hours_at_most {
            invalid.range("weeklyHoursAtMost", hours, 1..=80);
        }
        let criteria = Criteria { text, ..criteria };
        if criteria == Criteria::default() {
            invalid.add("skillIds", "REQUIRED", "say what you look for, such as skills, a kind, a budget or words");
        }
        invalid.finish()?;
        Ok(Change::to(Self { id, user, name, criteria, created_at: now }))
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// Keep it no longer.
    pub fn delete(self, actor: &Actor) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::SavedSearchDelete, &self.subject())?;
        Ok(Change::to(self))
    }

    /// A new gig was found: its person is told.
    pub fn found(&self, gig: &Gig) -> Event {
        Event::SavedSearchMatched { search: self.id, gig: gig.id, user: self.user }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_text_are_kept_once_and_found_by_how_they_begin() {
        let text = "Rust developer, rust Rustacean; C++ & \u{645}\u{62d}\u{645}\u{62f} \u{d6}sterreich 2026";
        let said = Words::of(text);
        assert_eq!(said.0.len(), 7, "{said:?}");
        for start in ["rust", "rusta", "rustacean", "dev", "developer", "c", "20", "\u{645}\u{62d}", "\u{f6}ster"] {
            assert!(said.any_begins(start), "{start}");
        }
        for start in ["ust", "rustaceans", "b", "zig", "202a", "\u{62d}", "developer,"] {
            assert!(!said.any_begins(start), "{start}");
        }
        // Whatever is looked for is found as it would be by looking at each word.
        let letters = ["", "a", "b", "r", "ru", "d", "e", "1", "2", "\u{645}"];
        for start in letters.iter().flat_map(|one| letters.iter().map(move |two| format!("{one}{two}"))) {
            assert_eq!(said.any_begins(&start), words(text).any(|word| word.starts_with(&start)), "{start:?}");
        }
        assert!(!Words::of("...").any_begins("a"));
    }
}
