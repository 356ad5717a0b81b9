//! Intake: what matching takes from a gig and from a profile. What the shell alone knows, like how
//! many proposals a gig has, it adds afterwards.

use super::embedding::{Embedding, Table};
use super::features::{Budget, GigFeatures, PersonFeatures, Standing, Text};
use super::reading;
use super::role::Role;
use super::taxonomy::Taxonomy;
use crate::gig::{Gig, GigKind};
use crate::matching::features::AskedSkill;
use crate::profile::{FreelancerProfile, Visibility};

/// A person is taken to work in at most so many roles.
const ROLES: usize = 3;

impl GigFeatures {
    /// What a gig says of itself. Skills are those it lists; roles are read from its words and told by its
    /// skills, and experience is read where none is given.
    pub fn of(gig: &Gig) -> Self {
        let brief = &gig.brief;
        let listed = brief.skills.iter().map(|asked| AskedSkill { skill: asked.skill, need: asked.need() });
        let listed: Vec<AskedSkill> = listed.collect();
        let reading = reading::gig(&brief.title, &brief.description, &listed, Taxonomy::shipped());
        Self {
            skills: if listed.is_empty() { reading.skills } else { listed },
            roles: reading.roles,
            seniority: brief.experience.or(reading.seniority),
            text: embed(&format!("{}\n{}\n{}", brief.title, brief.description, reading.work)),
            ..Self::constraints_of(gig)
        }
    }

    /// No more of a gig than its hard constraints look at.
    pub fn constraints_of(gig: &Gig) -> Self {
        let brief = &gig.brief;
        let budget = match brief.kind {
            GigKind::Fixed => Budget::Fixed { total_minor: brief.budget.high.minor() },
            GigKind::Hourly => Budget::Hourly {
                low_minor: brief.budget.low.minor(),
                high_minor: brief.budget.high.minor(),
                firm: false,
            },
        };
        Self {
            open: gig.takes_proposals(),
            budget,
            weekly_hours: brief.weekly_hours,
            work_day: brief.work_day,
            overlap_minutes: brief.overlap_minutes,
            languages: brief.languages.clone(),
            ..Self::new(gig.id, gig.client)
        }
    }
}

impl PersonFeatures {
    /// What a freelancer says of themselves. Roles are read from the headline, and where it names
    /// none, told by the skills; experience is that with the skill they have known longest.
    pub fn of(profile: &FreelancerProfile) -> Self {
        let mut roles = Role::named_in(reading::before_audience(&profile.headline));
        if roles.is_empty() {
            let held = profile.skills.iter().map(|held| held.skill);
            roles = Role::told_by(held).into_iter().map(|(role, _)| role).take(1).collect();
        }
        roles.truncate(ROLES);
        let years = profile.skills.iter().map(|held| u16::from(held.years)).max();
        Self {
            skills: profile.skills.iter().map(|held| held.held()).collect(),
            roles,
            experience_months: years.map(|years| years * 12),
            text: embed(&format!("{}\n{}", profile.headline, profile.overview)),
            ..Self::constraints_of(profile)
        }
    }

    /// No more of a freelancer than hard constraints look at.
    pub fn constraints_of(profile: &FreelancerProfile) -> Self {
        Self {
            standing: match profile.visibility {
                Visibility::Public => Standing::Active,
                Visibility::Hidden => Standing::Away,
            },
            rate_minor: profile.hourly_rate.map(|rate| rate.minor()),
            free_hours: profile.weekly_hours,
            work_day: profile.work_day(),
            languages: profile.languages.clone(),
            ..Self::new(profile.user)
        }
    }
}

fn embed(text: &str) -> Text {
    let embedding: Embedding = Table::shipped().embed(text);
    if embedding.is_nothing() { Text::default() } else { Text(embedding.numbers().to_vec()) }
}
