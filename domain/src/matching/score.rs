//! Scoring: the factors of one person for one gig, each a weight times a value with its evidence.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::bring::{asks_nothing, least_need, stands_in};
use super::evidence::{Evidence, Instead};
use super::features::{
    Answers, Budget, GigFeatures, HeldSkill, Level, Load, Need, Outcomes, PersonFeatures, Seniority,
};
use super::fixed::{Score, Value, Weight, exp_minus, ln_micro};
use super::knowledge::{Knowledge, Related};
use super::model::{Model, SkillRules, Weights};
use super::overlap::Overlap;
use super::reputation;
use crate::id::SkillId;

/// What a factor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FactorKind {
    /// Asked skills that are held.
    Skills,
    /// Required skills that are missing.
    MustHaves,
    /// The same line of work.
    Role,
    /// The share of the profile that was asked for.
    Focus,
    /// Texts about the same things.
    Text,
    /// Enough experience for this gig.
    Seniority,
    /// Experience as such.
    Experience,
    /// Too many roles.
    Breadth,
    /// The rate against the budget.
    Rate,
    /// Hours at work at the same time.
    Overlap,
    /// Finished work that went well.
    Reputation,
    /// Answers within a day.
    Answers,
    /// The person's wish to do such work.
    Interest,
    /// A client who pays and hires.
    Client,
    /// Busy already.
    Load,
    /// Many proposals already.
    Crowd,
}

impl FactorKind {
    /// Its name in what is written for people who measure.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skills => "skills",
            Self::MustHaves => "must-haves",
            Self::Role => "role",
            Self::Focus => "focus",
            Self::Text => "text",
            Self::Seniority => "seniority",
            Self::Experience => "experience",
            Self::Breadth => "breadth",
            Self::Rate => "rate",
            Self::Overlap => "overlap",
            Self::Reputation => "reputation",
            Self::Answers => "answers",
            Self::Interest => "interest",
            Self::Client => "client",
            Self::Load => "load",
            Self::Crowd => "crowd",
        }
    }
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// What it looks at.
    pub kind: FactorKind,
    /// How much it counts.
    pub weight: Weight,
    /// How true it is.
    pub value: Value,
    /// What the value rests on.
    pub evidence: Evidence,
}

impl Factor {
    /// Weight times value, exactly.
    pub fn contribution(&self) -> Score {
        self.weight.of(self.value)
    }
}

/// What a gig asks for, made ready to be compared with many people.
pub struct Ask<'a> {
    /// The gig.
    pub gig: &'a GigFeatures,
    skills: Vec<Asked>,
    total_weight: i64,
    required: u32,
    answers: HashMap<SkillId, Vec<Answer>>,
}

/// What a skill answers of one that is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// The place of that one among those asked.
    pub asked: usize,
    /// How alike they are: 1 for the asked skill itself. It says who comes near at all.
    pub likeness: Value,
    /// How much of the ask it answers, held for sure: the likeness, or less where people list the asked skill
    /// itself. It makes the score.
    pub worth: Value,
}

struct Asked {
    skill: SkillId,
    weight: i64,
    required: bool,
    /// Whether holding it is enough to be concerned.
    concerns: bool,
}

/// How a person's skills answer an ask.
#[derive(Clone)]
struct Coverage {
    best: Vec<Option<(HeldSkill, Answer)>>,
    listed: u32,
    asked_listed: u32,
    asked_mass: i64,
}

impl<'a> Ask<'a> {
    /// Make a gig's ask ready.
    pub fn new<K: Knowledge + ?Sized>(gig: &'a GigFeatures, model: &Model, knowledge: &K) -> Self {
        let mut ask = Self { gig, skills: Vec::new(), total_weight: 0, required: 0, answers: HashMap::new() };
        let least_need = least_need(gig);
        for asked in &gig.skills {
            if ask.skills.iter().any(|known| known.skill == asked.skill) {
                continue;
            }
            let index = ask.skills.len();
            let rarity = i64::from(knowledge.rarity_milli(asked.skill).max(1));
            let weight = rarity * i64::from(need_milli(asked.need, &model.skills));
            let required = asked.need == Need::Must;
            ask.total_weight += weight;
            ask.required += u32::from(required);
            let concerns = asked.need >= least_need;
            ask.skills.push(Asked { skill: asked.skill, weight, required, concerns });
            let itself = Answer { asked: index, likeness: Value::ONE, worth: Value::ONE };
            ask.answers.entry(asked.skill).or_default().push(itself);
            let stand_in = knowledge.stand_in(asked.skill);
            for Related { skill, likeness } in knowledge.related(asked.skill) {
                if likeness >= model.skills.least_likeness && skill != asked.skill {
                    let answer = Answer { asked: index, likeness, worth: likeness.and(stand_in) };
                    ask.answers.entry(skill).or_default().push(answer);
                }
            }
        }
        ask
    }

    /// The asked skills, each once, in the order asked.
    pub fn skills(&self) -> impl Iterator<Item = SkillId> {
        self.skills.iter().map(|asked| asked.skill)
    }

    /// Every skill that answers something, with what it answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = (SkillId, &[Answer])> {
        self.answers.iter().map(|(skill, answers)| (*skill, answers.as_slice()))
    }

    /// What each asked skill weighs, and whether it is required.
    pub(super) fn weights(&self) -> impl Iterator<Item = (i64, bool)> {
        self.skills.iter().map(|asked| (asked.weight, asked.required))
    }

    /// What all asked skills weigh.
    pub(super) fn total_weight(&self) -> i64 {
        self.total_weight
    }

    /// Whether a person brings something of what is asked: a skill that answers a good part of the ask for
    /// one that is more than nice to have, or the same line of work with anything of what is asked. Where nothing is
    /// asked, everybody does.
    pub fn is_met_by(&self, person: &PersonFeatures, model: &Model) -> bool {
        let near = model.skills.must_likeness;
        let answers =
            |held: &HeldSkill| self.answers.get(&held.skill).is_some_and(|own| self.concerns_holders(own, near));
        let something = || person.skills.iter().any(|held| self.answers.contains_key(&held.skill));
        asks_nothing(self.gig) || person.skills.iter().any(answers) || stands_in(self.gig, person, near, something)
    }

    /// Whether what a skill answers is enough to be concerned.
    pub(super) fn concerns_holders(&self, answers: &[Answer], near: Value) -> bool {
        answers.iter().any(|answer| answer.likeness >= near && self.skills[answer.asked].concerns)
    }

    fn coverage(&self, held: &[HeldSkill], rules: &SkillRules) -> Coverage {
        let mut coverage = Coverage { best: vec![None; self.skills.len()], listed: 0, asked_listed: 0, asked_mass: 0 };
        for skill in held {
            coverage.add(self, *skill, rules);
        }
        coverage
    }

    /// All factors of one person for this gig, and nothing about anyone else.
    pub fn factors(
        &self,
        person: &PersonFeatures,
        overlap: Option<Overlap>,
        weights: &Weights,
        model: &Model,
    ) -> Vec<Factor> {
        let coverage = self.coverage(&person.skills, &model.skills);
        self.factors_given(&coverage, person, overlap, weights, model)
    }

    /// How much the score would rise for each of these skills, if the person held it too by their
    /// own account: only what rests on skills changes.
    pub fn gains(
        &self,
        skills: impl IntoIterator<Item = SkillId>,
        person: &PersonFeatures,
        weights: &Weights,
        model: &Model,
    ) -> Vec<(SkillId, Score)> {
        let now = self.coverage(&person.skills, &model.skills);
        let score = |coverage: &Coverage| {
            let missing = Value::ratio(
                i64::try_from(self.missing(coverage, &model.skills).count()).unwrap_or(0),
                i64::from(self.required),
            );
            let skills = weights.skills.of(self.covered(coverage, model));
            skills.plus(weights.must_haves.of(missing)).plus(weights.focus.of(focus(
                coverage.listed,
                coverage.asked_mass,
                &model.skills,
            )))
        };
        let before = score(&now);
        let with = |skill| {
            let mut then = now.clone();
            then.add(self, HeldSkill { skill, level: Level::Claimed }, &model.skills);
            (skill, score(&then).minus(before))
        };
        skills.into_iter().map(with).collect()
    }

    fn factors_given(
        &self,
        coverage: &Coverage,
        person: &PersonFeatures,
        overlap: Option<Overlap>,
        weights: &Weights,
        model: &Model,
    ) -> Vec<Factor> {
        let gig = self.gig;
        let unknown = (model.unknown, Evidence::Unknown);
        let parts = [
            (FactorKind::Skills, weights.skills, self.skills_part(coverage, model)),
            (FactorKind::MustHaves, weights.must_haves, self.must_haves_part(coverage, &model.skills)),
            (FactorKind::Role, weights.role, role_part(gig, person).unwrap_or_else(|| unknown.clone())),
            (FactorKind::Focus, weights.focus, focus_part(coverage, &model.skills)),
            (FactorKind::Text, weights.text, text_part(gig, person).unwrap_or_else(|| unknown.clone())),
            (
                FactorKind::Seniority,
                weights.seniority,
                seniority_part(gig, person, model).unwrap_or_else(|| unknown.clone()),
            ),
            (
                FactorKind::Experience,
                weights.experience,
                experience_part(gig, person, model).unwrap_or_else(|| unknown.clone()),
            ),
            (FactorKind::Breadth, weights.breadth, breadth_part(person, &model.skills)),
            (FactorKind::Rate, weights.rate, rate_part(gig, person, model).unwrap_or_else(|| unknown.clone())),
            (
                FactorKind::Overlap,
                weights.overlap,
                overlap_part(overlap, gig, model).unwrap_or_else(|| unknown.clone()),
            ),
            (FactorKind::Reputation, weights.reputation, reputation_part(person, model)),
            (FactorKind::Answers, weights.answers, answers_part(person, model)),
            (
                FactorKind::Interest,
                weights.interest,
                self.interest_part(person).unwrap_or((model.unknown_interest, Evidence::Unknown)),
            ),
            (FactorKind::Client, weights.client, client_part(gig, model)),
            (FactorKind::Load, weights.load, load_part(person, model)),
            (FactorKind::Crowd, weights.crowd, crowd_part(gig, model)),
        ];
        parts
            .into_iter()
            .filter(|(_, weight, _)| *weight != Weight::default())
            .map(|(kind, weight, (value, evidence))| Factor { kind, weight, value, evidence })
            .collect()
    }

    fn skills_part(&self, coverage: &Coverage, model: &Model) -> Part {
        if self.skills.is_empty() {
            return (model.unknown, Evidence::Unknown);
        }
        let (mut held, mut related, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for (asked, best) in self.skills.iter().zip(&coverage.best) {
            match best {
                None => missing.push(asked.skill),
                Some((by, _)) if by.skill == asked.skill => held.push(asked.skill),
                Some((by, Answer { likeness, worth, .. })) => {
                    let (likeness, worth) = (*likeness, *worth);
                    related.push(Instead { asked: asked.skill, held: by.skill, likeness, worth });
                }
            }
        }
        (self.covered(coverage, model), Evidence::Skills { held, related, missing })
    }

    /// How much of the ask is answered.
    fn covered(&self, coverage: &Coverage, model: &Model) -> Value {
        if self.skills.is_empty() {
            return model.unknown;
        }
        let rules = &model.skills;
        let answered = self.skills.iter().zip(&coverage.best).filter_map(|(asked, best)| {
            let (by, answer) = (*best)?;
            Some(answered(asked.weight, answer.worth.and(level_value(by.level, rules))))
        });
        share_of(answered.sum(), self.total_weight).and(restraint(coverage.listed, coverage.asked_mass, rules))
    }

    /// The required skills that nothing held comes near.
    fn missing(&self, coverage: &Coverage, rules: &SkillRules) -> impl Iterator<Item = SkillId> {
        let near = rules.must_likeness;
        self.skills
            .iter()
            .zip(&coverage.best)
            .filter(move |(asked, best)| asked.required && best.is_none_or(|(_, answer)| answer.likeness < near))
            .map(|(asked, _)| asked.skill)
    }

    fn must_haves_part(&self, coverage: &Coverage, rules: &SkillRules) -> Part {
        let missing: Vec<_> = self.missing(coverage, rules).collect();
        let share = Value::ratio(i64::try_from(missing.len()).unwrap_or(0), i64::from(self.required));
        (share, Evidence::MustHaves { missing, required: self.required })
    }

    fn interest_part(&self, person: &PersonFeatures) -> Option<Part> {
        if person.wants.is_empty() || self.skills.is_empty() {
            return None;
        }
        let mut wanted = vec![Value::ZERO; self.skills.len()];
        for answer in person.wants.iter().filter_map(|want| self.answers.get(want)).flatten() {
            let wish = &mut wanted[answer.asked];
            *wish = (*wish).max(answer.likeness);
        }
        let sum: i64 = self.skills.iter().zip(&wanted).map(|(asked, wish)| answered(asked.weight, *wish)).sum();
        let exactly = self.skills.iter().zip(&wanted).filter(|(_, wish)| **wish == Value::ONE);
        let evidence = Evidence::Interest {
            wanted: exactly.map(|(asked, _)| asked.skill).collect(),
            asked: u32::try_from(self.skills.len()).unwrap_or(u32::MAX),
        };
        Some((share_of(sum, self.total_weight), evidence))
    }
}

impl Coverage {
    fn add(&mut self, ask: &Ask<'_>, held: HeldSkill, rules: &SkillRules) {
        self.listed += 1;
        let Some(answers) = ask.answers.get(&held.skill) else { return };
        self.asked_listed += 1;
        self.asked_mass += answers.iter().map(|answer| answer.worth.as_micro()).max().unwrap_or(0);
        for answer in answers {
            // Equal worth goes to the likest, then to the smaller id, so the order of a profile's skills does not show.
            let rank = |(held, answer): (HeldSkill, Answer)| {
                let worth = answer.worth.and(level_value(held.level, rules));
                (worth, answer.likeness, std::cmp::Reverse(held.skill))
            };
            let best = &mut self.best[answer.asked];
            if best.is_none_or(|best| rank((held, *answer)) > rank(best)) {
                *best = Some((held, *answer));
            }
        }
    }
}

/// What an asked skill of this weight brings, answered this well: in thousandths of micro-units of weight.
pub(super) fn answered(weight: i64, worth: Value) -> i64 {
    weight * worth.as_micro() / 1_000
}

/// Such sums as a share of all there is to answer.
pub(super) fn share_of(sum: i64, total_weight: i64) -> Value {
    Value::ratio(sum, total_weight * 1_000)
}

/// How far a profile is believed that lists much which nobody asked for: 1 up to the limit,
/// then falling with each further skill, so that listing everything wins nothing.
pub(super) fn restraint(listed: u32, asked_mass: i64, rules: &SkillRules) -> Value {
    let unasked = i64::from(listed) * 1_000_000 - asked_mass;
    Value::ratio(i64::from(rules.unasked_limit) * 1_000_000, unasked.max(1))
}

/// The share of the listed skills that was asked for.
pub(super) fn focus(listed: u32, asked_mass: i64, rules: &SkillRules) -> Value {
    Value::ratio(asked_mass, i64::from(listed) * 1_000_000).and(restraint(listed, asked_mass, rules))
}

type Part = (Value, Evidence);

fn need_milli(need: Need, rules: &SkillRules) -> u32 {
    match need {
        Need::Nice => rules.nice_milli,
        Need::Useful => rules.useful_milli,
        Need::Core => rules.core_milli,
        Need::Must => rules.must_milli,
    }
}

pub(super) fn level_value(level: Level, rules: &SkillRules) -> Value {
    match level {
        Level::Beginner => rules.beginner,
        Level::Claimed => rules.claimed,
        Level::Verified => rules.verified,
    }
}

fn role_part(gig: &GigFeatures, person: &PersonFeatures) -> Option<Part> {
    let pairs = gig.roles.iter().flat_map(|asked| person.roles.iter().map(|held| (*asked, *held)));
    let best = pairs.max_by_key(|(asked, held)| (held.stands_in_for(*asked), std::cmp::Reverse((*asked, *held))));
    best.map(|(asked, held)| (held.stands_in_for(asked), Evidence::Role { asked, held }))
}

fn focus_part(coverage: &Coverage, rules: &SkillRules) -> Part {
    let value = focus(coverage.listed, coverage.asked_mass, rules);
    (value, Evidence::Focus { asked: coverage.asked_listed, listed: coverage.listed })
}

fn text_part(gig: &GigFeatures, person: &PersonFeatures) -> Option<Part> {
    let likeness = gig.text.likeness(&person.text)?;
    Some((likeness, Evidence::Text { likeness }))
}

/// Experience counts by its logarithm: the second year teaches more than the tenth.
fn grown(months: u16) -> i64 {
    static GROWN: LazyLock<Vec<i64>> = LazyLock::new(|| (0..LONG_CAREER).map(logarithm_of_years).collect());
    GROWN.get(usize::from(months)).copied().unwrap_or_else(|| logarithm_of_years(months))
}

/// The logarithms of so many months are kept.
const LONG_CAREER: u16 = 600;

fn logarithm_of_years(months: u16) -> i64 {
    ln_micro(1_000_000 + u64::from(months) * 1_000_000 / 12)
}

/// What experience is worth where so much is needed or enough.
pub(super) fn experience(months: u16, whole: u16) -> Value {
    Value::ratio(grown(months), grown(whole))
}

/// The experience that a gig needs.
pub(super) fn needed_months(seniority: Option<Seniority>, model: &Model) -> u16 {
    match seniority {
        Some(Seniority::Junior) => model.seniority.junior_months,
        Some(Seniority::Mid) | None => model.seniority.mid_months,
        Some(Seniority::Senior) => model.seniority.senior_months,
    }
}

/// The experience beyond which more adds nothing: for a junior's gig, what one for someone with some
/// experience needs.
pub(super) fn enough_months(seniority: Option<Seniority>, model: &Model) -> u16 {
    match seniority {
        Some(Seniority::Junior) => model.seniority.mid_months,
        Some(Seniority::Mid | Seniority::Senior) | None => model.seniority.enough_months,
    }
}

fn seniority_part(gig: &GigFeatures, person: &PersonFeatures, model: &Model) -> Option<Part> {
    let (months, needed) = (person.experience_months?, needed_months(gig.seniority, model));
    Some((experience(months, needed), experience_evidence(gig, months, model)))
}

fn experience_part(gig: &GigFeatures, person: &PersonFeatures, model: &Model) -> Option<Part> {
    let (months, enough) = (person.experience_months?, enough_months(gig.seniority, model));
    Some((experience(months, enough), experience_evidence(gig, months, model)))
}

/// A gig that does not say how experienced a person it wants is not said to need anything.
fn experience_evidence(gig: &GigFeatures, months: u16, model: &Model) -> Evidence {
    Evidence::Experience { months, needed_months: gig.seniority.map(|said| needed_months(Some(said), model)) }
}

/// How far so many roles are from being known for one.
fn spread(roles: u32, rules: &SkillRules) -> Value {
    let ln = |roles: u32| ln_micro(u64::from(roles.max(1)) * 1_000_000);
    Value::ratio(ln(roles), ln(rules.roles_limit.max(2)))
}

fn breadth_part(person: &PersonFeatures, rules: &SkillRules) -> Part {
    let roles = u32::try_from(person.roles.len()).unwrap_or(u32::MAX);
    (spread(roles, rules), Evidence::Breadth { roles })
}

fn rate_part(gig: &GigFeatures, person: &PersonFeatures, model: &Model) -> Option<Part> {
    let Budget::Hourly { low_minor, high_minor, .. } = gig.budget else { return None };
    let rate_minor = person.rate_minor?;
    let value = rate_value(rate_minor, low_minor, high_minor, model);
    Some((value, Evidence::Rate { rate_minor, low_minor, high_minor }))
}

/// What a rate is worth beside a budget.
pub(super) fn rate_value(rate_minor: i64, low_minor: i64, high_minor: i64, model: &Model) -> Value {
    if rate_minor > high_minor {
        // exp(-((rate - high) / (slack * high))^2)
        let slack = high_minor.max(1) * model.rate.slack.as_micro() / 1_000_000;
        let beyond = (rate_minor - high_minor).saturating_mul(1_000) / slack.max(1);
        static FALLING: LazyLock<Vec<Value>> =
            LazyLock::new(|| (0..FAR).map(|milli| exp_minus(milli * milli)).collect());
        usize::try_from(beyond).ok().and_then(|at| FALLING.get(at).copied()).unwrap_or(Value::ZERO)
    } else if rate_minor < low_minor {
        Value::ratio(low_minor - rate_minor, low_minor).and(model.rate.cheap).complement()
    } else {
        Value::ONE
    }
}

/// From so many thousandths of the slack beyond the budget on, nothing is left: `e^-16` rounds to it.
const FAR: i64 = 4_000;

fn overlap_part(overlap: Option<Overlap>, gig: &GigFeatures, model: &Model) -> Option<Part> {
    let overlap = overlap?;
    let value = overlap_value(overlap, gig, model);
    Some((value, Evidence::Overlap { overlap, enough_minutes: enough_minutes(gig, model) }))
}

fn enough_minutes(gig: &GigFeatures, model: &Model) -> u16 {
    gig.overlap_minutes.unwrap_or(0).max(model.overlap.enough_minutes)
}

/// What so much overlap is worth.
pub(super) fn overlap_value(overlap: Overlap, gig: &GigFeatures, model: &Model) -> Value {
    Value::ratio(i64::from(overlap.least_minutes), i64::from(enough_minutes(gig, model)))
}

fn reputation_part(person: &PersonFeatures, model: &Model) -> Part {
    let believed = reputation::believed(person.outcomes, model);
    (believed, Evidence::Reputation { finished: person.outcomes.finished, believed })
}

fn answers_part(person: &PersonFeatures, model: &Model) -> Part {
    let answers = person.answers;
    (reputation::answering(answers, model), Evidence::Answers { in_time: answers.in_time, asked: answers.asked })
}

fn client_part(gig: &GigFeatures, model: &Model) -> Part {
    let (record, rules) = (gig.client_record, &model.client);
    let hired = i64::from(record.hired) * 1_000 + i64::from(rules.prior_milli) * rules.mean.as_micro() / 1_000_000;
    let hires = Value::ratio(hired, i64::from(record.posted.max(record.hired)) * 1_000 + i64::from(rules.prior_milli));
    let verified = if record.verified { rules.verified } else { Value::ZERO };
    let value = Value::micro(verified.as_micro() + hires.and(rules.verified.complement()).as_micro());
    (value, Evidence::Client { verified: record.verified, hired: record.hired, posted: record.posted })
}

/// What every person's score for this gig holds alike.
pub(super) fn of_gig_alone(gig: &GigFeatures, weights: &Weights, model: &Model) -> Score {
    weights.client.of(client_part(gig, model).0).plus(weights.crowd.of(crowd_part(gig, model).0))
}

/// What a person's score holds for every gig alike: so many roles, this record, these answers, this load.
pub(super) fn of_person_alone(
    roles: u32,
    outcomes: Outcomes,
    answers: Answers,
    load: Load,
    weights: &Weights,
    model: &Model,
) -> Score {
    [
        weights.breadth.of(spread(roles, &model.skills)),
        weights.reputation.of(reputation::believed(outcomes, model)),
        weights.answers.of(reputation::answering(answers, model)),
        weights.load.of(weight_of_load(load.pending_milli, model)),
    ]
    .into_iter()
    .sum()
}

fn load_part(person: &PersonFeatures, model: &Model) -> Part {
    let pending_milli = person.load.pending_milli;
    (weight_of_load(pending_milli, model), Evidence::Load { pending_milli })
}

fn weight_of_load(pending_milli: u32, model: &Model) -> Value {
    exp_minus(i64::from(pending_milli) * model.load.steepness.as_micro() / 1_000).complement()
}

fn crowd_part(gig: &GigFeatures, model: &Model) -> Part {
    let filled = i64::from(gig.proposals).saturating_mul(model.load.crowding.as_micro());
    (exp_minus(filled).complement(), Evidence::Crowd { proposals: gig.proposals })
}
