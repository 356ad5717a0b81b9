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

    /// So many people are the share below which a skill counts as no rarer.
    fn known_share(&self) -> u64 {
        self.people * self.rules.rare_share.as_micro().unsigned_abs() / 1_000_000 + 1
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
        let least = self.known_share();
        let holders = self.holders.get(&skill).copied().unwrap_or(0) + least;
        let micro = ln_micro(1_000_000 + (self.people + 1).saturating_mul(1_000_000) / holders);
        u32::try_from(micro / 1_000).unwrap_or(0)
    }

    /// `1 - (1 - listed) * min(1, holders / least)`, where `least` is the known share that rarity begins at: who
    /// holds React where hardly anybody lists Next.js may well know it; where many list it, who does not probably
    /// does not. Chosen on the development split; see `data/DATA.md`.
    fn stand_in(&self, asked: SkillId) -> Value {
        let counted = |people: u64| i64::try_from(people).unwrap_or(i64::MAX);
        let holders = self.holders.get(&asked).copied().unwrap_or(0);
        let listed = Value::ratio(counted(holders), counted(self.known_share()));
        listed.and(self.rules.listed.complement()).complement()
    }

    fn name(&self, skill: SkillId) -> &str {
        self.taxonomy.find(skill).map_or("another skill", |skill| skill.name)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::evidence::{Evidence, Instead};
    use super::super::features::{AskedSkill, GigFeatures, HeldSkill, Level, Need, PersonFeatures};
    use super::super::rank::total;
    use super::super::score::{Ask, Factor, FactorKind};
    use super::super::taxonomy::id_of;
    use super::*;
    use crate::id::{GigId, Id, OrganizationId, UserId};

    /// A thousand people, so many of whom list CSS.
    fn thousand(css: u64, model: &Model) -> Holders<'static> {
        let mut holders = Holders::new(Taxonomy::shipped(), model);
        holders.count_many(1_000, [(id_of("css"), css), (id_of("sass"), 40)].into_iter().filter(|(_, many)| *many > 0));
        holders
    }

    /// The factors of someone who claims these skills, where CSS and Python are required.
    fn factors(held: &[&str], holders: &Holders<'_>, model: &Model) -> Vec<Factor> {
        factors_at(&held.iter().map(|slug| (*slug, Level::Claimed)).collect::<Vec<_>>(), holders, model)
    }

    fn factors_at(held: &[(&str, Level)], holders: &Holders<'_>, model: &Model) -> Vec<Factor> {
        let (gig, client) = (GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
        let asked = |slug| AskedSkill { skill: id_of(slug), need: Need::Must };
        let gig = GigFeatures { skills: ["css", "python"].map(asked).to_vec(), ..GigFeatures::new(gig, client) };
        let held = held.iter().map(|(slug, level)| HeldSkill { skill: id_of(slug), level: *level });
        let person =
            PersonFeatures { skills: held.collect(), ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(3))) };
        let ask = Ask::new(&gig, model, holders);
        assert!(ask.is_met_by(&person, model), "nobody is left out for standing in");
        ask.factors(&person, None, &model.people, model)
    }

    fn of(factors: &[Factor], kind: FactorKind) -> &Factor {
        factors.iter().find(|factor| factor.kind == kind).unwrap()
    }

    #[test]
    fn a_stand_in_counts_half_where_people_list_the_asked_skill_itself() {
        let (model, before) = (Model::shipped(), Model::shipped_as(3).unwrap());
        // Twenty of a thousand are the known share; with one more, all of it.
        for (css, worth) in [(0, 1_000_000), (7, 833_334), (21, 500_000), (900, 500_000)] {
            assert_eq!(thousand(css, model).stand_in(id_of("css")).as_micro(), worth, "{css} list it");
            assert_eq!(thousand(css, before).stand_in(id_of("css")), Value::ONE, "as it was");
        }
        let (holders, sass) = (thousand(900, model), ["sass", "python"]);
        let (now, then) = (factors(&sass, &holders, model), factors(&sass, &thousand(900, before), before));
        let focus = |factors: &[Factor]| of(factors, FactorKind::Focus).value;
        let (whole, half) = (focus(&then), focus(&now));
        let likeness = model.likeness.part_for_whole;
        assert_eq!(whole, Value::ratio(1_000_000 + likeness.as_micro(), 2_000_000));
        assert_eq!(half, Value::ratio(1_000_000 + likeness.as_micro() / 2, 2_000_000));
        assert!(of(&now, FactorKind::Skills).value < of(&then, FactorKind::Skills).value);
        // What is said of it is what was reckoned, and who comes near to a required skill does not lack it.
        let Evidence::Skills { related, .. } = &of(&now, FactorKind::Skills).evidence else { panic!("{now:?}") };
        let worth = likeness.and(Value::milli(500));
        assert_eq!(*related, [Instead { asked: id_of("css"), held: id_of("sass"), likeness, worth }]);
        assert_eq!(of(&now, FactorKind::MustHaves).value, Value::ZERO);
        // Who holds the skill itself has all of it.
        let itself = factors(&["css", "python"], &holders, model);
        assert_eq!(focus(&itself), Value::ONE);
        assert!(total(&itself) > total(&now));
        // Begun, it answers more of the ask than what is verified and stands in for it; where nobody lists it, less.
        let begun = [("css", Level::Beginner), ("sass", Level::Verified)];
        for (css, itself_and_related) in [(900, (1, 0)), (0, (0, 1))] {
            let factors = factors_at(&begun, &thousand(css, model), model);
            let Evidence::Skills { held, related, .. } = &of(&factors, FactorKind::Skills).evidence else { panic!() };
            assert_eq!((held.len(), related.len()), itself_and_related, "{css} list it");
        }
    }

    #[test]
    fn where_nobody_lists_the_asked_skill_a_stand_in_counts_as_ever() {
        let model = Model::shipped();
        let full = Model { likeness: LikenessRules { listed: Value::ONE, ..model.likeness }, ..model.clone() };
        for held in [&["sass", "python"][..], &["css"], &["sass"], &["css", "sass", "django", "react"]] {
            let (now, then) = (thousand(0, model), thousand(0, &full));
            assert_eq!(factors(held, &now, model), factors(held, &then, &full), "{held:?}");
            let (nobody, ever) = (Holders::new(Taxonomy::shipped(), model), Holders::new(Taxonomy::shipped(), &full));
            assert_eq!(factors(held, &nobody, model), factors(held, &ever, &full), "{held:?}");
        }
    }
}
