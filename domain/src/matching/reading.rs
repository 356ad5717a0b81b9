//! Reading: what a gig's or a profile's own words say of skills, roles and experience.
//!
//! What is read is a suggestion to whoever wrote the text, and all there is to go by where nobody
//! filled in a form.

use super::features::{AskedSkill, Need, Seniority};
use super::role::Role;
use super::shipped::is_too_general;
use super::taxonomy::Taxonomy;

/// What a gig's words ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The skills, as they come.
    pub skills: Vec<AskedSkill>,
    /// The roles, the surest first.
    pub roles: Vec<Role>,
    /// How experienced a person.
    pub seniority: Option<Seniority>,
}

/// A title is no longer than this when it is cut from a text.
const LONGEST_TITLE: usize = 160;
/// A reading names at most so many roles.
const ROLES: usize = 4;
/// A skill read with less confidence than this, in thousandths, is not asked for.
const LEAST_CONFIDENCE: u16 = 600;

/// Read a gig.
pub fn gig(title: &str, description: &str, taxonomy: &Taxonomy) -> Reading {
    let skills = asked_skills(title, description, taxonomy);
    let roles = asked_roles(title, description, &skills);
    let seniority = seniority(title).or_else(|| seniority(description));
    Reading { skills, roles, seniority }
}

/// Read a gig that came as one text: its first line, or what stands before the last `|` near its
/// start, or its first sentence, is the title.
pub fn gig_text(text: &str, taxonomy: &Taxonomy) -> Reading {
    let (title, description) = cut_title(text);
    gig(title, description, taxonomy)
}

fn cut_title(text: &str) -> (&str, &str) {
    let start = match text.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    let end = start
        .find('\n')
        .or_else(|| start.rfind('|').map(|bar| bar + words_after(&text[bar..], 4)))
        .or_else(|| start.find(". ").map(|stop| stop + 1))
        .unwrap_or(start.len());
    text.split_at(end)
}

/// How many bytes the first words take.
fn words_after(text: &str, words: usize) -> usize {
    text.split_inclusive(' ').take(words).map(str::len).sum()
}

fn asked_skills(title: &str, description: &str, taxonomy: &Taxonomy) -> Vec<AskedSkill> {
    let mut asked: Vec<AskedSkill> = Vec::new();
    let parts = [(title, Some(Need::Core))].into_iter().chain(sentences(description).map(|sentence| (sentence, None)));
    for (part, known) in parts {
        let need = known.unwrap_or_else(|| need_of(part));
        for suggestion in taxonomy.extract(part) {
            if suggestion.confidence_milli < LEAST_CONFIDENCE || is_too_general(taxonomy, suggestion.skill) {
                continue;
            }
            match asked.iter_mut().find(|asked| asked.skill == suggestion.skill) {
                Some(earlier) => earlier.need = earlier.need.max(need),
                None => asked.push(AskedSkill { skill: suggestion.skill, need }),
            }
        }
    }
    asked
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', ';', '!', '?']).flat_map(|line| line.split(". ")).filter(|sentence| !sentence.trim().is_empty())
}

/// How much a sentence asks for the skills it names.
fn need_of(sentence: &str) -> Need {
    let said = sentence.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    if says(NICE) {
        Need::Nice
    } else if says(MUST) {
        Need::Must
    } else {
        Need::Useful
    }
}

const NICE: &[&str] = &[
    "nice to have", "nice-to-have", "a plus", "bonus", "helpful", "not required", "preferred", "appreciated", "ideally",
    "would be great", "it's great if", "familiarity with", "is a benefit", "desirable", "advantage", "if desired",
];
const MUST: &[&str] = &["must have", "must be", "must know", "required", "requirements:", "essential"];

fn asked_roles(title: &str, description: &str, skills: &[AskedSkill]) -> Vec<Role> {
    let mut roles = Role::named_in(title);
    if roles.iter().all(|role| role.is_general()) {
        let wanted = sentences(description).filter(|sentence| asks_for_people(sentence));
        for role in wanted.flat_map(Role::people_named_in) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    if roles.iter().all(|role| role.is_general()) {
        let signed = Role::signed_by(skills.iter().filter(|asked| asked.need != Need::Nice).map(|asked| asked.skill));
        let most = signed.first().map_or(0, |(_, signs)| *signs);
        roles.extend(signed.into_iter().filter(|(_, signs)| *signs * 2 > most).map(|(role, _)| role));
    }
    // A line of work says more than the whole trade does.
    if roles.iter().any(|role| !role.is_general()) {
        roles.retain(|role| !role.is_general());
    }
    roles.truncate(ROLES);
    roles
}

fn asks_for_people(sentence: &str) -> bool {
    const ASKING: &[&str] = &[
        "looking for", "seeking", "hiring", "we need", "needed", "wanted", "want", "role", "position", "join", "require",
        "in need of", "opening", "contract",
    ];
    let said = sentence.to_lowercase();
    ASKING.iter().any(|phrase| said.contains(phrase))
}

/// How experienced a person a text wants, if it says.
pub fn seniority(text: &str) -> Option<Seniority> {
    let said = text.to_lowercase();
    let words: Vec<&str> = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let says = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let years = words
        .windows(2)
        .filter(|pair| matches!(pair[1], "year" | "years" | "yrs"))
        .filter_map(|pair| pair[0].parse::<u16>().ok())
        .filter(|years| *years <= 20)
        .max();
    let senior = says(&["senior", "sr", "lead", "principal", "staff", "architect", "expert", "experienced", "veteran"]);
    let junior = says(&["junior", "jr", "entry", "intern", "interns", "internship", "student", "students", "graduate"]);
    match (senior, junior, years) {
        (true, true, _) | (false, false, Some(3..=4)) => Some(Seniority::Mid),
        (true, false, _) | (false, false, Some(5..)) => Some(Seniority::Senior),
        (false, true, _) | (false, false, Some(0..=2)) => Some(Seniority::Junior),
        (false, false, None) => says(&["mid", "intermediate", "solid", "strong"]).then_some(Seniority::Mid),
    }
}

/// Months of experience, from words like "4 to 5 years", "Less than a year" or "20 or more years":
/// the middle of a range, or its one end.
pub fn experience_months(text: &str) -> Option<u16> {
    let said = text.to_lowercase();
    let numbers: Vec<u16> = said.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    match numbers[..] {
        [] if said.contains("less than a year") => Some(6),
        [] => None,
        [years] => years.checked_mul(12),
        [least, most, ..] => least.checked_add(most)?.checked_mul(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reading {
        gig_text(text, Taxonomy::shipped())
    }

    fn needs(reading: &Reading) -> Vec<(&'static str, Need)> {
        let slug = |asked: &AskedSkill| Taxonomy::shipped().find(asked.skill).map_or("", |skill| skill.slug);
        reading.skills.iter().map(|asked| (slug(asked), asked.need)).collect()
    }

    #[test]
    fn a_post_says_what_it_is_about_and_what_would_be_nice() {
        let reading = read(
            "Acme | Senior Front End Engineer | Remote | Contract We build a shop. You must have React. \
             We use PostgreSQL. Docker is a plus.",
        );
        assert_eq!(needs(&reading), [("react", Need::Must), ("postgresql", Need::Useful), ("docker", Need::Nice)]);
        assert_eq!(reading.roles, ["front-end-developer".parse().unwrap()]);
        assert_eq!(reading.seniority, Some(Seniority::Senior));
    }

    #[test]
    fn a_role_that_is_not_named_is_told_by_its_skills() {
        let reading = read("Contract work. Five hours a week on our app. Swift and Objective-C.");
        assert_eq!(reading.roles.first(), Some(&"mobile-developer".parse().unwrap()));
        assert_eq!(read("We like tacos").roles, []);
    }

    #[test]
    fn experience_is_read_from_words_and_years() {
        for (text, expected) in [
            ("Jr and Sr engineers", Some(Seniority::Mid)),
            ("6 or more years", None),
            ("at least 5 years of Python", Some(Seniority::Senior)),
            ("1+ years", Some(Seniority::Junior)),
            ("open to students", Some(Seniority::Junior)),
            ("an app", None),
        ] {
            assert_eq!(seniority(text), expected, "{text}");
        }
        for (text, months) in
            [("4 to 5 years", Some(54)), ("Less than a year", Some(6)), ("20 or more years", Some(240)), ("", None), ("99999", None)]
        {
            assert_eq!(experience_months(text), months, "{text}");
        }
    }
}
