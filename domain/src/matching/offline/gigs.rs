//! Gigs as people write them against profiles as people fill them in: both a JSON object a line.

use std::borrow::Cow;

use serde::Deserialize;
use uuid::Uuid;

use super::{Ranked, TableError};
use crate::id::{GigId, Id, OrganizationId, UserId};
use crate::matching::embedding::Table;
use crate::matching::features::{HeldSkill, Level, Text};
use crate::matching::rank::total;
use crate::matching::reading;
use crate::matching::role::Role;
use crate::matching::score::Ask;
use crate::matching::shipped::Holders;
use crate::matching::taxonomy::{Taxonomy, id_of};
use crate::matching::{GigFeatures, Model, PersonFeatures};

/// A gig: one text, from which everything else is read.
#[derive(Debug, Deserialize)]
struct GigRow<'a> {
    #[serde(borrow)]
    id: Said<'a>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// A profile: what somebody ticked in a form.
#[derive(Debug, Deserialize)]
struct ProfileRow<'a> {
    #[serde(borrow)]
    id: Said<'a>,
    #[serde(borrow)]
    years: Option<Said<'a>>,
    roles: Option<Vec<String>>,
    skills: Option<Vec<String>>,
}

/// A text, or a number that stands for one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Said<'a> {
    Number(serde_json::Number),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl<'a> Said<'a> {
    fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => text.clone(),
        }
    }

    /// Years of experience, in months.
    fn months(&self) -> Option<u16> {
        match self {
            Self::Number(years) => years.as_f64().map(|years| (years.clamp(0.0, 100.0) * 12.0).round() as u16),
            Self::Text(said) => reading::experience_months(said),
        }
    }
}

/// Ranks everyone for each gig by the model's score, with its factors. Hard constraints, places for
/// newcomers and what people would rather do stay out of it: none is a matter of relevance.
pub fn run<'a>(
    gigs: &'a str,
    profiles: &'a str,
    model: &Model,
    limit: Option<usize>,
) -> Result<Vec<Ranked<'a>>, TableError> {
    let taxonomy = Taxonomy::shipped();
    let mut profiles: Vec<ProfileRow<'a>> = rows(profiles)?;
    // In the order of their ids: what is equal keeps it.
    profiles.sort_by_cached_key(|row| row.id.text());
    let people: Vec<PersonFeatures> = profiles.iter().zip(1..).map(|(row, number)| row.features(number)).collect();
    let mut knowledge = Holders::new(taxonomy, model);
    for person in &people {
        knowledge.count(person.skills.iter().map(|held| held.skill));
    }
    let mut ranked = Vec::new();
    for (row, number) in rows::<GigRow<'a>>(gigs)?.into_iter().zip(1..) {
        let gig = row.features(number, taxonomy);
        let ask = Ask::new(&gig, model, &knowledge);
        let scored = people.iter().map(|person| ask.factors(person, None, &model.people, model));
        let mut order: Vec<_> = scored.enumerate().map(|(at, factors)| (total(&factors), at, factors)).collect();
        order.sort_by_key(|(score, at, _)| (std::cmp::Reverse(*score), *at));
        ranked.extend(order.into_iter().take(limit.unwrap_or(usize::MAX)).map(|(score, at, factors)| Ranked {
            query: row.id.text(),
            document: profiles[at].id.text(),
            score,
            factors: factors.iter().map(|factor| (factor.kind.name(), factor.contribution())).collect(),
        }));
    }
    Ok(ranked)
}

fn rows<'a, T: Deserialize<'a>>(lines: &'a str) -> Result<Vec<T>, TableError> {
    let rows = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    rows.map(|(at, line)| serde_json::from_str(line).map_err(|_| TableError::NotAnObject(at + 1))).collect()
}

impl GigRow<'_> {
    fn features(&self, number: u128, taxonomy: &Taxonomy) -> GigFeatures {
        let read = reading::gig_text(&self.text, taxonomy);
        let ids = (GigId::from_uuid(Uuid::from_u128(number)), OrganizationId::from_uuid(Uuid::from_u128(number)));
        GigFeatures {
            skills: read.skills,
            roles: read.roles,
            seniority: read.seniority,
            text: meaning(&[&self.text, &*read.work].join("\n")),
            ..GigFeatures::new(ids.0, ids.1)
        }
    }
}

impl ProfileRow<'_> {
    fn features(&self, number: u128) -> PersonFeatures {
        let (skills, roles) = (self.skills.as_deref().unwrap_or_default(), self.roles.as_deref().unwrap_or_default());
        // A skill that the taxonomy does not know is still one of those listed.
        let resolve =
            |name: &String| Taxonomy::shipped().resolve(name).map_or_else(|| id_of(name), |resolved| resolved.skill);
        PersonFeatures {
            skills: skills.iter().map(resolve).map(|skill| HeldSkill { skill, level: Level::Claimed }).collect(),
            roles: roles.iter().flat_map(|role| Role::named_in(role)).collect(),
            experience_months: self.years.as_ref().and_then(Said::months),
            text: meaning(&format!("{}. {}", roles.join(". "), skills.join(", "))),
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(number)))
        }
    }
}

fn meaning(text: &str) -> Text {
    Text(Table::shipped().embed(text).numbers().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGS: &str = r#"{"id": "g", "text": "Senior React developer wanted. We use TypeScript."}"#;
    const PROFILES: &str = r#"{"id": "cook", "roles": ["Teacher"], "skills": []}
{"id": "junior", "years": "Less than a year", "roles": ["Front-end developer"], "skills": ["React"]}

{"id": "senior", "years": "8 to 9 years", "roles": ["Front-end developer"], "skills": ["TypeScript", "ReactJS"], "more": 1}
"#;

    #[test]
    fn those_who_can_do_it_come_first_and_the_factors_add_up() {
        let ranked = run(GIGS, PROFILES, Model::shipped(), None).unwrap();
        assert_eq!(ranked.iter().map(|one| &*one.document).collect::<Vec<_>>(), ["senior", "junior", "cook"]);
        for one in &ranked {
            assert_eq!(one.factors.iter().map(|(_, part)| *part).sum::<crate::matching::Score>(), one.score);
        }
        assert_eq!(run(GIGS, PROFILES, Model::shipped(), Some(1)).unwrap(), ranked[..1]);
    }

    #[test]
    fn numbers_may_stand_for_texts_and_nothing_for_what_is_not_known() {
        let loose = PROFILES
            .replace("\"8 to 9 years\"", "8.5")
            .replace("\"Less than a year\"", "null")
            .replace("\"skills\": []", "\"skills\": null")
            .replace("\"cook\"", "7");
        let gigs = GIGS.replace("\"g\"", "12");
        let ranked = run(&gigs, &loose, Model::shipped(), None).unwrap();
        assert_eq!(ranked.iter().map(|one| &*one.document).collect::<Vec<_>>(), ["senior", "junior", "7"]);
        assert_eq!(ranked[0].query, "12");
        let broken = PROFILES.replace("\"cook\"", "[7]");
        assert_eq!(run(GIGS, &broken, Model::shipped(), None), Err(TableError::NotAnObject(1)));
    }

    #[test]
    fn a_line_that_is_no_object_is_refused_with_its_number() {
        let broken = format!("{PROFILES}id\ttext");
        assert_eq!(run(GIGS, &broken, Model::shipped(), None), Err(TableError::NotAnObject(5)));
    }
}
