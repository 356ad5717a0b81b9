//! Skills as people hold them. What skills there are is the taxonomy's to say
//! ([`Taxonomy`]); here is how well somebody says they know one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::SkillId;
use crate::matching::features::{HeldSkill, Level};
use crate::matching::taxonomy::Taxonomy;
use crate::refusal::Invalid;

/// A person lists at most so many skills.
pub const SKILLS_MAX: usize = 50;
/// The most years of experience with one skill.
pub const YEARS_MAX: i32 = 60;

/// A skill somebody holds, by their own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSkill {
    /// Which.
    pub skill: SkillId,
    /// How well.
    pub level: SkillLevel,
    /// For how many years.
    pub years: u8,
}

/// How well somebody says they know a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkillLevel {
    /// Learning it.
    Beginner,
    /// Works with it.
    Intermediate,
    /// Others come with their questions.
    Expert,
}

impl SkillLevel {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Beginner, Self::Intermediate, Self::Expert];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Expert => "expert",
        }
    }
}

impl ProfileSkill {
    /// The same, as matching sees it: nobody is verified by their own account.
    pub fn held(self) -> HeldSkill {
        let level = match self.level {
            SkillLevel::Beginner => Level::Beginner,
            SkillLevel::Intermediate | SkillLevel::Expert => Level::Claimed,
        };
        HeldSkill { skill: self.skill, level }
    }

    /// Check a list of skills: each known, each once.
    pub fn parse_list(invalid: &mut Invalid, path: &str, list: &[(SkillId, SkillLevel, i32)]) -> Vec<Self> {
        if list.len() > SKILLS_MAX {
            invalid.add(path, "TOO_MANY", format!("at most {SKILLS_MAX} skills are taken"));
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let parse = |(place, &(skill, level, years)): (usize, &(SkillId, SkillLevel, i32))| {
            let path = format!("{path}.{place}");
            if Taxonomy::shipped().find(skill).is_none() {
                invalid.add(&format!("{path}.skillId"), "UNKNOWN", "is no skill of the taxonomy: see skills(…)");
            } else if !seen.insert(skill) {
                invalid.add(&format!("{path}.skillId"), "DUPLICATE", "is listed twice");
            }
            let years = invalid.range(&format!("{path}.years"), years, 0..=YEARS_MAX);
            Self { skill, level, years: u8::try_from(years).unwrap_or_default() }
        };
        list.iter().enumerate().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;
    use crate::refusal::Refusal;

    #[test]
    fn a_skill_is_known_listed_once_and_held_for_a_lifetime_at_most() {
        let rust = Taxonomy::shipped().find_slug("rust").map(|skill| skill.id).unwrap();
        let go = Taxonomy::shipped().find_slug("go").map(|skill| skill.id).unwrap();
        let none = SkillId::from_uuid(Uuid::nil());
        let expert = SkillLevel::Expert;
        let faults = |list: &[(SkillId, SkillLevel, i32)]| {
            let mut invalid = Invalid::default();
            ProfileSkill::parse_list(&mut invalid, "skills", list);
            match invalid.finish() {
                Ok(()) => vec![],
                Err(Refusal::Invalid { fields }) => {
                    fields.into_iter().map(|field| format!("{} {}", field.path, field.code)).collect()
                }
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(faults(&[(rust, expert, 0), (go, expert, 60)]), Vec::<String>::new());
        assert_eq!(
            faults(&[(rust, expert, 61), (none, expert, -1), (rust, expert, 1)]),
            [
                "skills.0.years OUT_OF_RANGE",
                "skills.1.skillId UNKNOWN",
                "skills.1.years OUT_OF_RANGE",
                "skills.2.skillId DUPLICATE"
            ]
        );
        assert_eq!(faults(&[(rust, expert, 1); 51]), ["skills TOO_MANY"]);
    }

    #[test]
    fn nobody_is_verified_by_their_own_account() {
        let skill = SkillId::from_uuid(Uuid::nil());
        for level in SkillLevel::ALL {
            assert!(ProfileSkill { skill, level, years: 20 }.held().level < Level::Verified);
        }
    }
}
