//! Intake: what matching takes from a gig and from a profile. What the shell alone knows, like how
//! many proposals a gig has, it adds afterwards.

use std::collections::BTreeSet;

use super::embedding::{Embedding, Table};
use super::features::{Budget, GigFeatures, Load, PersonFeatures, Standing, Text};
use super::reading;
use super::role::Role;
use super::taxonomy::Taxonomy;
use crate::gig::{Gig, GigKind};
use crate::id::OrganizationId;
use crate::matching::features::AskedSkill;
use crate::profile::{FreelancerProfile, Visibility};

/// A person is taken to work in at most so many roles.
const ROLES: usize = 3;
/// How many contracts a person is taken to work on at once.
pub const CAPACITY: u32 = 4;

/// What only the marketplace knows of a person, as far as hard constraints look at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commitments {
    /// Their contracts that run.
    pub contracts: u32,
    /// How long a week those of them may take that are paid by the hour, in minutes. What is paid by milestones
    /// names no hours, and only counts as a contract.
    pub weekly_minutes: u32,
    /// Whether a moderator suspended them.
    pub is_suspended: bool,
    /// Whether a screening hit holds money of theirs.
    pub is_screened: bool,
    /// The clients whom a block keeps them apart from, whoever set it.
    pub blocked: BTreeSet<OrganizationId>,
}

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
            countries: brief.countries.clone(),
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
            floor_minor: profile.least_rate.map(|rate| rate.minor()),
            fixed_floor_minor: profile.least_price.map(|price| price.minor()),
            country: profile.country,
            free_hours: profile.weekly_hours,
            work_day: profile.work_day(),
            languages: profile.languages.clone(),
            ..Self::new(profile.user)
        }
    }

    /// The same person, with what they have taken on: of the hours a week they give, those are free that no running
    /// contract may take.
    #[must_use]
    pub fn committed(self, commitments: Commitments) -> Self {
        let Commitments { contracts, weekly_minutes, is_suspended, is_screened, blocked } = commitments;
        let taken = u16::try_from(weekly_minutes.div_ceil(60)).unwrap_or(u16::MAX);
        Self {
            standing: match self.standing {
                _ if is_suspended => Standing::Suspended,
                Standing::Active if is_screened => Standing::Screened,
                other => other,
            },
            free_hours: self.free_hours.map(|hours| hours.saturating_sub(taken)),
            blocked,
            load: Load { active_contracts: contracts, capacity: CAPACITY, ..self.load },
            ..self
        }
    }
}

fn embed(text: &str) -> Text {
    let embedding: Embedding = Table::shipped().embed(text);
    if embedding.is_nothing() { Text::default() } else { Text(embedding.numbers().to_vec()) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::constraint::Barrier;
    use super::*;
    use crate::id::{GigId, Id, UserId};

    #[test]
    fn what_a_person_has_taken_on_leaves_them_fewer_hours_and_contracts() {
        let gig = |weekly_hours| GigFeatures {
            weekly_hours,
            ..GigFeatures::new(GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)))
        };
        let person = |free_hours, standing| PersonFeatures {
            free_hours,
            standing,
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(3)))
        };
        let taken = |contracts, weekly_minutes| Commitments { contracts, weekly_minutes, ..Commitments::default() };
        let blocked = || Commitments {
            blocked: [OrganizationId::from_uuid(Uuid::from_u128(2))].into(),
            ..Commitments::default()
        };
        let elsewhere = || Commitments {
            blocked: [OrganizationId::from_uuid(Uuid::from_u128(9))].into(),
            ..Commitments::default()
        };
        let screened = || Commitments { is_screened: true, ..Commitments::default() };
        let suspended = || Commitments { is_suspended: true, ..screened() };
        // The hours they give and their standing, what they have taken on, the hours a gig needs, what stands between.
        type Case = (Option<u16>, Standing, Commitments, Option<u16>, &'static [Barrier]);
        let cases: &[Case] = &[
            (Some(40), Standing::Active, taken(0, 0), Some(40), &[]),
            (Some(40), Standing::Active, taken(1, 20 * 60), Some(20), &[]),
            (Some(40), Standing::Active, taken(1, 20 * 60 + 1), Some(20), &[Barrier::WeeklyHours]),
            (Some(40), Standing::Active, taken(2, 50 * 60), Some(1), &[Barrier::WeeklyHours]),
            (Some(40), Standing::Active, taken(2, 50 * 60), None, &[]),
            (None, Standing::Active, taken(2, 50 * 60), Some(40), &[]),
            (Some(40), Standing::Active, taken(1, u32::MAX), Some(1), &[Barrier::WeeklyHours]),
            (Some(40), Standing::Active, taken(CAPACITY - 1, 0), Some(40), &[]),
            (Some(40), Standing::Active, taken(CAPACITY, 0), Some(40), &[Barrier::Capacity]),
            (Some(40), Standing::Active, screened(), None, &[Barrier::Screened]),
            (Some(40), Standing::Active, suspended(), None, &[Barrier::NotActive]),
            (Some(40), Standing::Active, blocked(), None, &[Barrier::Blocked]),
            (Some(40), Standing::Active, elsewhere(), None, &[]),
            (Some(40), Standing::Away, screened(), None, &[Barrier::NotActive]),
            (Some(40), Standing::Suspended, screened(), None, &[Barrier::NotActive]),
        ];
        for (hours, standing, commitments, asked, barriers) in cases {
            let person = person(*hours, *standing).committed(commitments.clone());
            assert_eq!(Barrier::between(&gig(*asked), &person, None), *barriers, "{hours:?} {commitments:?} {asked:?}");
        }
    }
}
