//! The scoring model: every number that matching weighs things by, as versioned data.
//!
//! A version never changes once it has been used: what was shown under it can be recomputed. A new
//! set of numbers is a new file with the next version.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::fixed::{Value, Weight};

/// A version of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Which version: logged with everything shown.
    pub version: u32,
    /// What each factor weighs when people are ranked for a gig.
    pub people: Weights,
    /// What each factor weighs when gigs are ranked for a person.
    pub gigs: Weights,
    /// How skills are compared.
    pub skills: SkillRules,
    /// How skills are related.
    pub likeness: LikenessRules,
    /// How experience is compared.
    pub seniority: SeniorityRules,
    /// How rates are compared.
    pub rate: RateRules,
    /// How overlapping hours are judged.
    pub overlap: OverlapRules,
    /// What is believed of finished work.
    pub reputation: ReputationRules,
    /// What is believed of answers.
    pub answering: AnsweringRules,
    /// What is believed of clients.
    pub client: ClientRules,
    /// How much being busy or crowded matters.
    pub load: LoadRules,
    /// How places are given out after scoring.
    pub fairness: FairnessRules,
    /// What a factor is worth when nothing is known.
    pub unknown: Value,
    /// What a person's interest is worth when they did not say what they want.
    pub unknown_interest: Value,
    /// How long a gig is taken to run when it does not say, in days.
    pub usual_days: u16,
    /// How many matches one ranking returns at most.
    pub longest_page: u16,
}

/// What each factor weighs, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Asked skills that are held.
    pub skills: Weight,
    /// Required skills that are missing: negative.
    pub must_haves: Weight,
    /// The same line of work.
    pub role: Weight,
    /// The share of the profile that was asked for.
    pub focus: Weight,
    /// Texts about the same things.
    pub text: Weight,
    /// Enough experience.
    pub seniority: Weight,
    /// Experience as such.
    pub experience: Weight,
    /// Too many roles to be known for one: negative.
    pub breadth: Weight,
    /// The rate against the budget.
    pub rate: Weight,
    /// Hours at work at the same time.
    pub overlap: Weight,
    /// Finished work that went well.
    pub reputation: Weight,
    /// Answers within a day.
    pub answers: Weight,
    /// The person's own wish to do such work.
    pub interest: Weight,
    /// A client who pays and hires.
    pub client: Weight,
    /// Busy already: negative.
    pub load: Weight,
    /// Many proposals already: negative.
    pub crowd: Weight,
}

/// How skills are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillRules {
    /// What a nice-to-have weighs beside the others, in thousandths.
    pub nice_milli: u32,
    /// What a skill of the description weighs.
    pub useful_milli: u32,
    /// What a skill of the title weighs.
    pub core_milli: u32,
    /// What a required skill weighs.
    pub must_milli: u32,
    /// What a beginner's skill is worth.
    pub beginner: Value,
    /// What a claimed skill is worth.
    pub claimed: Value,
    /// What a verified skill is worth.
    pub verified: Value,
    /// Below this, a related skill does not count.
    pub least_likeness: Value,
    /// A required skill is missing when nothing held is this like it.
    pub must_likeness: Value,
    /// Listing more skills than this that nobody asked for scales coverage and focus down.
    pub unasked_limit: u32,
    /// Breadth grows with the logarithm of the number of roles, and is whole at so many.
    pub roles_limit: u32,
}

/// How much one skill answers of the ask for another, by their places in the taxonomy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikenessRules {
    /// Holding a part or kind of what is asked.
    pub part_for_whole: Value,
    /// Holding what the asked is a part or kind of.
    pub whole_for_part: Value,
    /// Holding another part of the same.
    pub siblings: Value,
    /// The share of people below which a skill counts as no rarer.
    pub rare_share: Value,
    /// What a related skill is worth where that share of people, or more, list the asked one itself; in between by
    /// how many do. Models from before this was known count it in full.
    #[serde(default = "in_full")]
    pub listed: Value,
}

const fn in_full() -> Value {
    Value::ONE
}

/// How experience is compared, in months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeniorityRules {
    /// What a junior gig needs.
    pub junior_months: u16,
    /// What a gig for someone with some experience needs, and one that does not say.
    pub mid_months: u16,
    /// What a senior gig needs.
    pub senior_months: u16,
    /// Experience beyond this adds nothing.
    pub enough_months: u16,
}

/// How rates are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRules {
    /// The share of the budget's top over which a higher rate loses most of its value.
    pub slack: Value,
    /// The most that a rate below the budget loses: cheap is never rewarded.
    pub cheap: Value,
}

/// How overlapping hours are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlapRules {
    /// The overlap that is enough when the gig does not say, in minutes.
    pub enough_minutes: u16,
}

/// What is believed of finished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReputationRules {
    /// The share of outcomes that go well, of all people.
    pub mean: Value,
    /// How many outcomes that mean weighs, in thousandths.
    pub prior_milli: u32,
    /// How many standard deviations below the mean is believed.
    pub caution: Value,
    /// After so many days an outcome counts half.
    pub half_life_days: u32,
    /// An outcome of this value counts in full and a half more, in US cents.
    pub full_value_minor: u32,
}

/// What is believed of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweringRules {
    /// The share of answers within a day, of all people.
    pub mean: Value,
    /// How many answers that mean weighs, in thousandths.
    pub prior_milli: u32,
}

/// What is believed of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRules {
    /// What a verified payment method is worth; the share of gigs that hire is worth the rest.
    pub verified: Value,
    /// The share of gigs that hire, of all clients.
    pub mean: Value,
    /// How many gigs that mean weighs, in thousandths.
    pub prior_milli: u32,
}

/// How much being busy or crowded matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadRules {
    /// How fast load fills up: the value is `1 - e^(-steepness * pending)`.
    pub steepness: Value,
    /// How fast a gig fills up with proposals.
    pub crowding: Value,
}

/// How places are given out after scoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FairnessRules {
    /// How many finished contracts end being new.
    pub newcomer_until: u32,
    /// The places (from 1) that wait for a newcomer when the score put none or too few there.
    pub newcomer_places: [u16; 2],
    /// The place whose score newcomers are measured by.
    pub yardstick_place: u16,
    /// The least share of that score a newcomer must have: the bound on what is lost.
    pub newcomer_share: Value,
    /// A newcomer shown so often without a look is not placed again.
    pub newcomer_patience: u32,
    /// Scores this close may change places, to even out attention.
    pub near_tie: Value,
    /// How much of a near tie is decided by the score; the rest by being unlike those above.
    pub relevance: Value,
    /// How many of one team may be on a page.
    pub team_limit: u16,
}

/// Text that is not a model.
#[derive(Debug, thiserror::Error)]
#[error("not a scoring model: {0}")]
pub struct BadModel(#[from] serde_json::Error);

impl Model {
    /// The model that ships with this version of Rabta.
    pub fn shipped() -> &'static Self {
        let [shipped, ..] = Self::all_shipped();
        shipped
    }

    /// The model that ships, and those that shipped before it and can rank again, the newest first.
    pub fn all_shipped() -> &'static [Self; 2] {
        #[expect(clippy::expect_used, reason = "the files are compiled in, and a test reads them")]
        static SHIPPED: LazyLock<[Model; 2]> = LazyLock::new(|| {
            [include_str!("../../data/model-4.json"), include_str!("../../data/model-3.json")]
                .map(|text| Model::parse(text).expect("a shipped model"))
        });
        &SHIPPED
    }

    /// The one of these that has this number.
    pub fn shipped_as(version: u32) -> Option<&'static Self> {
        Self::all_shipped().iter().find(|model| model.version == version)
    }

    /// Read a model from its file.
    pub fn parse(text: &str) -> Result<Self, BadModel> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_models_read_and_their_merits_add_up_to_one() {
        for weights in Model::all_shipped().iter().flat_map(|model| [model.people, model.gigs]) {
            let text = serde_json::to_value(weights).unwrap();
            let all: Vec<i64> = text.as_object().unwrap().values().map(|weight| weight.as_i64().unwrap()).collect();
            assert_eq!(all.iter().filter(|weight| **weight > 0).sum::<i64>(), 1_000);
        }
    }

    #[test]
    fn a_model_that_shipped_before_is_what_it_was() {
        assert_eq!(Model::all_shipped().each_ref().map(|model| model.version), [4, 3]);
        assert_eq!(Model::shipped_as(3).map(|model| model.likeness.listed), Some(Value::ONE));
        assert_eq!(Model::shipped_as(4), Some(Model::shipped()));
        assert_eq!(Model::shipped_as(1_001), None);
    }

    #[test]
    fn a_model_with_a_number_too_many_or_too_few_is_refused() {
        let text = include_str!("../../data/model-4.json");
        assert!(Model::parse(&text.replacen("\"version\"", "\"verison\"", 1)).is_err());
        assert!(Model::parse(&text.replacen('{', "{\"more\": 1,", 1)).is_err());
    }
}
