//! Whether anything brings a person and a gig together: a skill that answers a good part of the ask for
//! one that is more than nice to have, or the same line of work with anything that is asked. Where nothing does,
//! neither is a match for the other.

use std::collections::HashMap;

use super::features::{GigFeatures, Need, PersonFeatures};
use super::fixed::Value;
use super::knowledge::Knowledge;
use super::model::Model;
use crate::id::SkillId;

/// Lines of work this near are the same work by another name, or a part of it.
pub const SAME_WORK: Value = Value::milli(700);

/// What one person brings, to be held against many gigs.
pub struct Brings<'a, K: Knowledge + ?Sized> {
    person: &'a PersonFeatures,
    knowledge: &'a K,
    near: Value,
    least: Value,
    /// Whether they hold something that answers an ask for this skill.
    answered: HashMap<SkillId, bool>,
}

impl<'a, K: Knowledge + ?Sized> Brings<'a, K> {
    /// What a person brings.
    pub fn of(person: &'a PersonFeatures, model: &Model, knowledge: &'a K) -> Self {
        let (near, least) = (model.skills.must_likeness, model.skills.least_likeness);
        Self { person, knowledge, near, least, answered: HashMap::new() }
    }

    /// Whether it is something that a gig asks for. A gig that asks for nothing takes anybody.
    pub fn meets(&mut self, gig: &GigFeatures) -> bool {
        let (person, knowledge, near, least) = (self.person, self.knowledge, self.near, self.least);
        let held = |skill: SkillId| person.skills.iter().any(|held| held.skill == skill);
        let answers = |asked: SkillId, likeness: Value| {
            held(asked) || knowledge.related(asked).iter().any(|other| other.likeness >= likeness && held(other.skill))
        };
        let least_need = least_need(gig);
        let mut concerning = gig.skills.iter().filter(|asked| asked.need >= least_need);
        asks_nothing(gig)
            || concerning.any(|asked| *self.answered.entry(asked.skill).or_insert_with(|| answers(asked.skill, near)))
            || stands_in(gig, person, near, || gig.skills.iter().any(|asked| answers(asked.skill, least)))
    }
}

/// Whether a gig says of nothing whom it is for.
pub fn asks_nothing(gig: &GigFeatures) -> bool {
    gig.skills.is_empty() && gig.roles.is_empty()
}

/// How much a skill must be asked for, so that holding it brings somebody together with a gig: what is nice to have
/// does so only where nothing else is asked.
pub fn least_need(gig: &GigFeatures) -> Need {
    if gig.skills.iter().all(|asked| asked.need == Need::Nice) { Need::Nice } else { Need::Useful }
}

/// How near a line of work must come: where skills are asked, it must be the same.
pub fn near_work(gig: &GigFeatures, near: Value) -> Value {
    if gig.skills.is_empty() { near } else { near.max(SAME_WORK) }
}

/// Whether a person's line of work is near enough to one that a gig is for. Who lists skills, and none that answers
/// anything, does other work under the same name; who lists none may hold any.
pub fn stands_in(
    gig: &GigFeatures,
    person: &PersonFeatures,
    near: Value,
    answers_something: impl FnOnce() -> bool,
) -> bool {
    let near = near_work(gig, near);
    let by_skills = || gig.skills.is_empty() || person.skills.is_empty() || answers_something();
    by_skills() && gig.roles.iter().any(|asked| person.roles.iter().any(|held| held.stands_in_for(*asked) >= near))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::features::{AskedSkill, HeldSkill, Level, Need};
    use super::super::score::Ask;
    use super::super::shipped::Holders;
    use super::super::taxonomy::{Taxonomy, id_of};
    use super::*;
    use crate::id::{GigId, Id, OrganizationId, UserId};

    #[test]
    fn a_near_skill_or_the_same_line_of_work_brings_them_together() {
        let (model, taxonomy) = (Model::shipped(), Taxonomy::shipped());
        let knowledge = Holders::new(taxonomy, model);
        let person = |skills: &[&str], roles: &[&str]| PersonFeatures {
            skills: skills.iter().map(|slug| HeldSkill { skill: id_of(slug), level: Level::Claimed }).collect(),
            roles: roles.iter().map(|slug| slug.parse().unwrap()).collect(),
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(1)))
        };
        let asked = |slug: &str| match slug.strip_prefix('~') {
            Some(nice) => AskedSkill { skill: id_of(nice), need: Need::Nice },
            None => AskedSkill { skill: id_of(slug), need: Need::Useful },
        };
        let gig = |skills: &[&str], roles: &[&str]| GigFeatures {
            skills: skills.iter().map(|slug| asked(slug)).collect(),
            roles: roles.iter().map(|slug| slug.parse().unwrap()).collect(),
            ..GigFeatures::new(GigId::from_uuid(Uuid::from_u128(2)), OrganizationId::from_uuid(Uuid::from_u128(3)))
        };
        type Slugs = &'static [&'static str];
        // Held, worked in, asked (nice to have with ~), wanted.
        let cases: [(Slugs, Slugs, Slugs, Slugs, bool); 17] = [
            (&["react"], &[], &["react", "rust"], &["back-end-developer"], true),
            (&["next-js"], &[], &["react"], &[], true),
            (&["vue-js"], &[], &["react"], &[], false),
            (&["photoshop"], &["graphic-designer"], &["react"], &["front-end-developer"], false),
            (&[], &["full-stack-developer"], &["react"], &["front-end-developer"], true),
            // A tester does not want everybody who knows TypeScript, nor a logo whoever designs screens.
            (&["typescript"], &["mobile-developer"], &["playwright", "~typescript"], &[], false),
            (&["playwright"], &["mobile-developer"], &["playwright", "~typescript"], &[], true),
            (&["typescript"], &[], &["~typescript"], &[], true),
            (&["figma"], &["ui-designer"], &["logo-design"], &["graphic-designer"], false),
            (&["figma"], &["ui-designer"], &[], &["graphic-designer"], true),
            // Nor does who asks for Laravel want everybody who works on servers.
            (&["rust"], &["back-end-developer"], &["laravel"], &["back-end-developer"], false),
            (&["rust", "mysql"], &["back-end-developer"], &["laravel", "~mysql"], &["back-end-developer"], true),
            (&["rust", "mysql"], &["game-developer"], &["laravel", "~mysql"], &["back-end-developer"], false),
            (&["figma", "brand-identity"], &["ui-designer"], &["logo-design", "brand-identity"], &[], true),
            (&[], &["game-developer"], &["react"], &["front-end-developer"], false),
            (&[], &[], &["react"], &["front-end-developer"], false),
            (&[], &[], &[], &[], true),
        ];
        for (held, works, asked, wanted, together) in cases {
            let (person, gig) = (person(held, works), gig(asked, wanted));
            let said = format!("{held:?} {works:?} for {asked:?} {wanted:?}");
            assert_eq!(Brings::of(&person, model, &knowledge).meets(&gig), together, "{said}");
            assert_eq!(Ask::new(&gig, model, &knowledge).is_met_by(&person, model), together, "{said}");
        }
    }
}
