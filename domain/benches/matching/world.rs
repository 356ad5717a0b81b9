//! Made-up people and gigs, whose skills are as unevenly spread as in a real market. The same ones in
//! every run.

use std::collections::HashMap;

use chrono::NaiveTime;
use chrono_tz::Tz;
use domain::id::{GigId, Id, OrganizationId, SkillId, UserId};
use domain::matching::embedding::{DIMENSIONS, Table};
use domain::matching::features::{
    Answers, AskedSkill, Budget, HeldSkill, Level, Load, Need, Outcomes, Seniority, Text,
};
use domain::matching::overlap::WorkDay;
use domain::matching::role::Role;
use domain::matching::{GigFeatures, PersonFeatures, Taxonomy};
use uuid::Uuid;

/// A small generator of numbers that look random: the same ones in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }
}

/// How many of a thousand people hold each of the commonest skills, as a survey of 19,000 developers found. Each
/// is held by that share here; of the other skills people hold some of their role's own and some of any, by one
/// over their rank.
const COMMON: [u64; 20] =
    [511, 419, 324, 290, 274, 269, 238, 225, 208, 207, 195, 189, 184, 179, 160, 146, 146, 132, 120, 110];

/// What people and gigs are drawn from.
pub struct World {
    skills: Vec<SkillId>,
    /// Running sums of how often each skill is held.
    sums: Vec<u64>,
    roles: Vec<Role>,
    meanings: HashMap<SkillId, [i8; DIMENSIONS]>,
    role_meanings: Vec<[i8; DIMENSIONS]>,
    dice: Dice,
}

/// What else a person's overview or a gig's description speaks of, beside skills and role: so much that texts
/// of gigs and people are as alike as those of judged gigs and developers are, by the model's own table
/// (the cosine of one in two is above .27, of one in a hundred above .54).
const OVERVIEW: f64 = 95.0;
const DESCRIPTION: f64 = 95.0;

impl World {
    /// The world as it is at the start of every run.
    pub fn new() -> Self {
        let mut skills: Vec<SkillId> = Taxonomy::shipped().skills().iter().map(|skill| skill.id).collect();
        skills.sort_unstable();
        let mut sum = 0;
        let sums = (0..skills.len())
            .map(|rank| {
                sum += COMMON.get(rank).copied().unwrap_or(2_000 / (rank as u64 + 1)).max(1) * 100;
                sum
            })
            .collect();
        let table = Table::shipped();
        let roles: Vec<Role> = Role::all().collect();
        Self {
            meanings: Taxonomy::shipped()
                .skills()
                .iter()
                .map(|skill| (skill.id, *table.embed(skill.name).numbers()))
                .collect(),
            role_meanings: roles.iter().map(|role| *table.embed(role.label()).numbers()).collect(),
            skills,
            sums,
            roles,
            dice: Dice(7),
        }
    }

    fn skill(&mut self) -> SkillId {
        let drawn = self.dice.below(self.sums[self.sums.len() - 1]);
        self.skills[self.sums.partition_point(|sum| *sum <= drawn)]
    }

    /// A skill beside the commonest of someone in this role: two in three are of the role's own thirty.
    fn skill_for(&mut self, role: usize) -> SkillId {
        if self.dice.below(3) == 0 {
            return self.skill();
        }
        let own = Dice((role as u64 * 31 + self.dice.below(30).min(self.dice.below(30))) * 7_919)
            .below(self.sums[self.sums.len() - 1]);
        self.skills[self.sums.partition_point(|sum| *sum <= own)]
    }

    fn role(&mut self) -> usize {
        // Some lines of work have many more people than others.
        self.dice.below(self.roles.len() as u64).min(self.dice.below(self.roles.len() as u64)) as usize
    }

    /// A text about these skills and this role, and so much else.
    fn text(&mut self, skills: &[SkillId], role: usize, else_much: f64) -> Text {
        let mut sum = [0.0; DIMENSIONS];
        let mut add = |meaning: &[i8; DIMENSIONS], times: f64| {
            sum.iter_mut().zip(meaning).for_each(|(sum, part)| *sum += f64::from(*part) * times);
        };
        let share = 1.0 / skills.len().max(1) as f64;
        skills.iter().for_each(|skill| add(&self.meanings[skill], share));
        add(&self.role_meanings[role], 0.5);
        for part in &mut sum {
            // Three rolls: near enough to a bell.
            let roll = (0..3).map(|_| self.dice.below(2_001) as f64 / 1_000.0 - 1.0).sum::<f64>();
            *part += roll * else_much / (DIMENSIONS as f64).sqrt();
        }
        let length = sum.iter().map(|part| part * part).sum::<f64>().sqrt().max(1.0);
        Text(sum.iter().map(|part| (part * 127.0 / length) as i8).collect())
    }

    /// Somebody.
    pub fn person(&mut self, number: u128) -> PersonFeatures {
        let id = u128::from(self.dice.roll()) << 64 | number;
        let mut person = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(id)));
        let role = self.role();
        let common: Vec<SkillId> = self.skills[..COMMON.len()].to_vec();
        let mut skills: Vec<SkillId> = common
            .into_iter()
            .zip(COMMON)
            .filter(|(_, held)| self.dice.below(1_000) < *held)
            .map(|(skill, _)| skill)
            .collect();
        skills.extend((0..1 + self.dice.below(6)).map(|_| self.skill_for(role)));
        for skill in skills {
            if person.skills.iter().all(|held| held.skill != skill) {
                let level =
                    [Level::Beginner, Level::Claimed, Level::Claimed, Level::Verified][self.dice.below(4) as usize];
                person.skills.push(HeldSkill { skill, level });
            }
        }
        person.wants = (0..self.dice.below(4)).map(|_| self.skill_for(role)).collect();
        person.roles = vec![self.roles[role]];
        if self.dice.below(2) == 0 {
            let other = self.role();
            person.roles.push(self.roles[other]);
        }
        person.experience_months = Some(self.dice.below(200) as u16);
        let held: Vec<SkillId> = person.skills.iter().map(|held| held.skill).collect();
        person.text = self.text(&held, role, OVERVIEW);
        person.rate_minor = Some(800 + self.dice.below(6_000) as i64);
        person.floor_minor = Some(500 + self.dice.below(2_000) as i64);
        person.free_hours = Some(10 + self.dice.below(35) as u16);
        let starts = self.dice.below(24) as u32;
        person.work_day = NaiveTime::from_hms_opt(starts, 0, 0)
            .zip(NaiveTime::from_hms_opt((starts + 9) % 24, 0, 0))
            .map(|(starts, ends)| WorkDay { zone: Tz::Asia__Karachi, starts, ends });
        let finished = if self.dice.below(100) < 41 { 0 } else { self.dice.below(30) as u32 };
        person.outcomes = Outcomes { good_milli: finished * 900, bad_milli: finished * 100, finished };
        person.answers = Answers { asked: 10, in_time: self.dice.below(11) as u32 };
        person.load = Load {
            active_contracts: self.dice.below(2) as u32,
            capacity: 2,
            pending_milli: self.dice.below(4_000) as u32,
        };
        person
    }

    /// A gig; one that is hot asks for the three commonest skills of all, too.
    pub fn gig(&mut self, number: u128, hot: bool) -> GigFeatures {
        let ids = (GigId::from_uuid(Uuid::from_u128(number)), OrganizationId::from_uuid(Uuid::from_u128(number)));
        let mut gig = GigFeatures::new(ids.0, ids.1);
        let hottest = if hot { 3 } else { 0 };
        let mut asked: Vec<SkillId> = self.skills[..hottest].to_vec();
        let role = self.role();
        asked.extend((0..2 + self.dice.below(9)).map(|_| self.skill_for(role)));
        gig.text = self.text(&asked, role, DESCRIPTION);
        gig.skills = asked.into_iter().map(|skill| AskedSkill { skill, need: Need::Useful }).collect();
        gig.roles = vec![self.roles[role]];
        gig.seniority = Some(Seniority::Mid);
        gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 4_000, firm: false };
        gig.weekly_hours = Some(20);
        gig.work_day = NaiveTime::from_hms_opt(9, 0, 0)
            .zip(NaiveTime::from_hms_opt(17, 0, 0))
            .map(|(starts, ends)| WorkDay { zone: Tz::America__New_York, starts, ends });
        gig.overlap_minutes = Some(60);
        gig
    }
}
