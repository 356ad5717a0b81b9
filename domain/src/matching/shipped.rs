//! What the shipped taxonomy knows, in the form that scoring asks for.

use std::collections::HashMap;

use super::fixed::{Value, ln_micro};
use super::knowledge::{Knowledge, Related};
use super::model::{LikenessRules, Model};
use super::taxonomy::Taxonomy;
use crate::id::SkillId;

/// The taxonomy, and how many people hold which skill.
pub struct Holders<'a> {
    taxonomy: &'a Taxonomy,
    rules: LikenessRules,
    people: u64,
    holders: HashMap<SkillId, u64>,
}

impl<'a> Holders<'a> {
    /// Nobody holds anything yet: all skills are equally rare.
    pub fn new(taxonomy: &'a Taxonomy, model: &Model) -> Self {
        Self { taxonomy, rules: model.likeness, people: 0, holders: HashMap::new() }
    }

    /// Count many people at once, by how many of them hold which skill.
    pub fn count_many(&mut self, people: u64, holders: impl IntoIterator<Item = (SkillId, u64)>) {
        self.people += people;
        for (skill, count) in holders {
            *self.holders.entry(skill).or_default() += count;
        }
    }

    fn anyone_answers(&self, skill: SkillId) -> bool {
        self.holders.contains_key(&skill)
            || self.related(skill).iter().any(|other| self.holders.contains_key(&other.skill))
    }

    /// Count one more person, who holds these skills.
    pub fn count(&mut self, skills: impl IntoIterator<Item = SkillId>) {
        self.people += 1;
        for skill in skills {
            *self.holders.entry(skill).or_default() += 1;
        }
    }
}

/// With so many people counted, a skill that none of them answers tells nobody from anybody.
const ENOUGH_PEOPLE: u64 = 100;
/// What such a skill is worth: enough to be named as missing, too little to drown the others.
const UNANSWERED_MILLI: u32 = 100;

/// Whether a skill names a whole field, like programming languages: asking for it asks for nothing.
pub fn is_too_general(taxonomy: &Taxonomy, skill: SkillId) -> bool {
    taxonomy.children(skill).len() >= WHOLE_FIELD && taxonomy.ancestors(skill).next().is_none()
}

const WHOLE_FIELD: usize = 5;

impl Knowledge for Holders<'_> {
    fn related(&self, asked: SkillId) -> Vec<Related> {
        let taxonomy = self.taxonomy;
        let Some(skill) = taxonomy.find(asked) else { return Vec::new() };
        let mut related = Vec::new();
        let mut add = |skill: SkillId, likeness: Value| {
            if likeness > Value::ZERO && skill != asked && related.iter().all(|known: &Related| known.skill != skill) {
                related.push(Related { skill, likeness });
            }
        };
        for child in taxonomy.children(asked) {
            add(*child, self.rules.part_for_whole);
            for grandchild in taxonomy.children(*child) {
                add(*grandchild, self.rules.part_for_whole.and(self.rules.part_for_whole));
            }
        }
        if let Some(parent) = skill.parent.filter(|parent| !is_too_general(taxonomy, *parent)) {
            add(parent, self.rules.whole_for_part);
            for sibling in taxonomy.children(parent) {
                add(*sibling, self.rules.siblings);
            }
        }
        related
    }

    fn rarity_milli(&self, skill: SkillId) -> u32 {
        if self.people >= ENOUGH_PEOPLE && !self.anyone_answers(skill) {
            return UNANSWERED_MILLI;
        }
        // A skill that next to nobody holds tells no more than one that a known share holds.
        let least = self.people * self.rules.rare_share.as_micro().unsigned_abs() / 1_000_000 + 1;
        let holders = self.holders.get(&skill).copied().unwrap_or(0) + least;
        let micro = ln_micro(1_000_000 + (self.people + 1).saturating_mul(1_000_000) / holders);
        u32::try_from(micro / 1_000).unwrap_or(0)
    }

    fn name(&self, skill: SkillId) -> &str {
        self.taxonomy.find(skill).map_or("another skill", |skill| skill.name)
    }
}
