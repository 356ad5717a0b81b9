//! The made-up market: people and gigs drawn from the taxonomy and the skill graph, as unevenly as
//! real ones are, and what is hidden from every policy: how good somebody is, and what a pair is
//! truly worth.
//!
//! What a pair is worth is told by rules of the world's own. No weight of the model is in it, so a
//! policy can't be right by agreeing with itself.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::dice::{Dice, Skewed};
use crate::Timestamp;
use crate::id::{GigId, Id, OrganizationId, SkillId, UserId};
use crate::matching::features::{AskedSkill, HeldSkill, Known, Level, Load, Need, Seniority};
use crate::matching::fixed::Value;
use crate::matching::graph::Graph;
use crate::matching::reputation::{self, Outcome};
use crate::matching::role::Role;
use crate::matching::{GigFeatures, Model, PersonFeatures, Taxonomy};

/// How many of a hundred come without having worked here before: as on two large marketplaces.
const NEW_PERCENT: u64 = 41;
/// What a finished contract pays, in US cents: each counts as one outcome.
const PAID_MINOR: i64 = 50_000;
/// Days before the first that past work is spread over.
const PAST_DAYS: u64 = 400;

/// Someone who works.
#[derive(Debug, Clone)]
pub struct Worker {
    /// What matching knows of them.
    pub features: PersonFeatures,
    /// How often their work goes well: nobody knows.
    pub quality: f64,
    /// How it went so far.
    pub outcomes: Vec<Outcome>,
    /// Whether they came without having worked here.
    pub came_new: bool,
}

/// A line of work: its role, and its skills with the commonest first.
struct Trade {
    role: Role,
    skills: Vec<SkillId>,
    common: Skewed,
}

/// What people and gigs are drawn from.
pub struct Trades {
    trades: Vec<Trade>,
    offered: Skewed,
    asked: Skewed,
    everywhere: Vec<SkillId>,
    hot: Skewed,
}

/// Skills that half of everybody lists, whatever they do.
const EVERYWHERE: [&str; 8] = ["javascript", "python", "sql", "git", "html", "css", "excel", "english"];

impl Trades {
    /// Those that the taxonomy and the skill graph know enough of.
    pub fn shipped() -> Self {
        let (taxonomy, graph) = (Taxonomy::shipped(), Graph::shipped());
        let mut signs: BTreeMap<Role, Vec<SkillId>> = BTreeMap::new();
        for skill in taxonomy.skills() {
            for (role, _) in Role::signed_by([skill.id]) {
                signs.entry(role).or_default().push(skill.id);
            }
        }
        let mut trades = Vec::new();
        for (role, mut skills) in signs {
            for sign in skills.clone().into_iter().take(8).filter_map(|skill| taxonomy.find(skill)) {
                let company = graph.company(&sign.name.to_lowercase(), 10).into_iter();
                for skill in company.filter_map(|name| taxonomy.named(name)).map(|skill| skill.id) {
                    if !skills.contains(&skill) {
                        skills.push(skill);
                    }
                }
            }
            if skills.len() >= 6 {
                trades.push(Trade { role, common: Skewed::new(skills.len(), 1), skills });
            }
        }
        let everywhere: Vec<SkillId> =
            EVERYWHERE.iter().filter_map(|slug| taxonomy.find_slug(slug)).map(|skill| skill.id).collect();
        // Demand crowds into fewer lines of work than people offer.
        let (offered, asked) = (Skewed::new(trades.len(), 4), Skewed::new(trades.len(), 0));
        Self { hot: Skewed::new(everywhere.len(), 1), trades, offered, asked, everywhere }
    }

    /// Someone new to us or not, as the dice say.
    pub fn worker(&self, number: usize, start: Timestamp, dice: &mut Dice) -> Worker {
        let trade = &self.trades[self.offered.draw(dice)];
        let other = &self.trades[self.offered.draw(dice)];
        let mut features = PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(number as u128 + 1)));
        features.known = Known::ByAccount;
        // Most list a few skills, some very many.
        for _ in 0..3 + dice.below(22).min(dice.below(22)).min(dice.below(22)) {
            let skill = match dice.below(10) {
                0 | 1 => self.everywhere[self.hot.draw(dice)],
                2 => other.skills[other.common.draw(dice)],
                _ => trade.skills[trade.common.draw(dice)],
            };
            if features.skills.iter().all(|held| held.skill != skill) {
                let level = [Level::Beginner, Level::Claimed, Level::Claimed, Level::Verified][dice.place(4)];
                features.skills.push(HeldSkill { skill, level });
            }
        }
        // Most want to go on with most of what they do, and a few things more.
        let held: Vec<SkillId> = features.skills.iter().map(|held| held.skill).collect();
        features.wants = held.into_iter().filter(|_| dice.below(100) < 65).collect();
        for _ in 0..1 + dice.below(3) {
            let skill = trade.skills[trade.common.draw(dice)];
            if !features.wants.contains(&skill) {
                features.wants.push(skill);
            }
        }
        features.roles = vec![trade.role];
        if dice.below(4) == 0 && other.role != trade.role {
            features.roles.push(other.role);
        }
        features.experience_months = u16::try_from(6 + dice.below(60) + dice.below(90)).ok();
        features.load = Load { active_contracts: 0, capacity: 1, pending_milli: 0 };
        let quality = dice.beta_8_3();
        let came_new = dice.below(100) < NEW_PERCENT;
        let mut worker = Worker { features, quality, outcomes: Vec::new(), came_new };
        if !came_new {
            for past in 0..2 + dice.below(24) {
                let ago = chrono::TimeDelta::days(i64::try_from(1 + dice.below(PAST_DAYS)).unwrap_or(1));
                let client = OrganizationId::from_uuid(Uuid::from_u128(u128::from(past) << 64 | number as u128));
                worker.finished(client, start - ago, dice);
            }
        }
        worker
    }

    /// A gig.
    pub fn gig(&self, number: u64, dice: &mut Dice) -> GigFeatures {
        let trade = &self.trades[self.asked.draw(dice)];
        let id = u128::from(number) + 1;
        let mut gig =
            GigFeatures::new(GigId::from_uuid(Uuid::from_u128(id)), OrganizationId::from_uuid(Uuid::from_u128(id)));
        for place in 0..3 + dice.below(4) {
            let skill = match dice.below(8) {
                0 => self.everywhere[self.hot.draw(dice)],
                _ => trade.skills[trade.common.draw(dice)],
            };
            let need = match place {
                0 if dice.below(3) == 0 => Need::Must,
                0 | 1 => Need::Core,
                _ => Need::Useful,
            };
            if gig.skills.iter().all(|asked| asked.skill != skill) {
                gig.skills.push(AskedSkill { skill, need });
            }
        }
        gig.roles = vec![trade.role];
        gig.seniority = Some([Seniority::Junior, Seniority::Mid, Seniority::Mid, Seniority::Senior][dice.place(4)]);
        gig
    }
}

impl Worker {
    /// A piece of their work ended: well or not, as they are and the dice fall.
    pub fn finished(&mut self, client: OrganizationId, at: Timestamp, dice: &mut Dice) {
        let good = if dice.chance() < self.quality { Value::ONE } else { Value::ZERO };
        self.outcomes.push(Outcome { client, at, paid_minor: PAID_MINOR, good });
        self.features.outcomes = reputation::weigh(&self.outcomes, Model::shipped(), at);
    }

    /// The mean of what clients said, as a star rating shows it: nothing for those who have none.
    pub fn raw_rating(&self) -> f64 {
        let sum: i64 = self.outcomes.iter().map(|outcome| outcome.good.as_micro()).sum();
        if self.outcomes.is_empty() { 0.0 } else { sum as f64 / 1e6 / self.outcomes.len() as f64 }
    }
}

/// How well somebody fits a gig, in truth, from 0 to 1: three fifths by what they can do of it, a
/// quarter by their line of work, the rest by their years.
pub fn fit(gig: &GigFeatures, person: &PersonFeatures) -> f64 {
    let taxonomy = Taxonomy::shipped();
    let can = |asked: SkillId| {
        let by = |held: &HeldSkill| {
            let level = match held.level {
                Level::Beginner => 0.6,
                Level::Claimed => 0.85,
                Level::Verified => 1.0,
            };
            if held.skill == asked {
                level
            } else if taxonomy.is_parent_and_child(held.skill, asked) {
                level * 0.6
            } else if taxonomy.are_siblings(held.skill, asked) {
                level * 0.3
            } else {
                0.0
            }
        };
        person.skills.iter().map(by).fold(0.0, f64::max)
    };
    let covered = gig.skills.iter().map(|asked| can(asked.skill)).sum::<f64>() / gig.skills.len().max(1) as f64;
    let role = gig.roles.iter().flat_map(|asked| person.roles.iter().map(|held| held.stands_in_for(*asked))).max();
    let needed = match gig.seniority {
        Some(Seniority::Junior) => 12.0,
        Some(Seniority::Mid) | None => 36.0,
        Some(Seniority::Senior) => 72.0,
    };
    let years = (f64::from(person.experience_months.unwrap_or(0)) / needed).min(1.0);
    0.6 * covered + 0.25 * role.map_or(0.0, |role| role.as_micro() as f64 / 1e6) + 0.15 * years
}

/// How likely somebody says yes when asked: more, the more of it they want to do.
pub fn willing(gig: &GigFeatures, person: &PersonFeatures) -> f64 {
    let wanted = gig.skills.iter().filter(|asked| person.wants.contains(&asked.skill)).count();
    0.15 + 0.75 * wanted as f64 / gig.skills.len().max(1) as f64
}
