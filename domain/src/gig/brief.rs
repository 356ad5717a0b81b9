//! What a gig says: the work, the pay, who is wanted. A [`GigBrief`] has been checked; a
//! [`BriefInput`] is what somebody typed.

use std::collections::BTreeSet;

use chrono::{NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::id::{ScreeningQuestionId, SkillId};
use crate::matching::features::{Country, Language, Need, Seniority};
use crate::matching::overlap::WorkDay;
use crate::matching::taxonomy::Taxonomy;
use crate::money::{Currency, Money};
use crate::refusal::{Invalid, Refusal};

/// What a gig says, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GigBrief {
    /// What it is about, in a line.
    pub title: String,
    /// The work, in the client's own words.
    pub description: String,
    /// How it is paid.
    pub kind: GigKind,
    /// What it pays: for the whole when fixed, for an hour when hourly.
    pub budget: BudgetRange,
    /// The skills it asks for, each once, the required ones first.
    pub skills: Vec<GigSkill>,
    /// What everyone who proposes is asked.
    pub questions: Vec<ScreeningQuestion>,
    /// How experienced a person it wants.
    pub experience: Option<Seniority>,
    /// When the client works.
    pub work_day: Option<WorkDay>,
    /// How long a freelancer's working day must overlap the client's, in minutes a day.
    pub overlap_minutes: Option<u16>,
    /// The languages it requires, each once.
    pub languages: Vec<Language>,
    /// The countries it may be worked on from; any, when none is named.
    #[serde(default)]
    pub countries: BTreeSet<Country>,
    /// The hours a week it needs.
    pub weekly_hours: Option<u16>,
    /// Who may see it.
    pub visibility: Visibility,
}

/// How a gig is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GigKind {
    /// An agreed price, by milestones.
    Fixed,
    /// By the hour.
    Hourly,
}

/// What a client thinks of paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRange {
    /// At least about this.
    pub low: Money,
    /// At most about this.
    pub high: Money,
}

/// A skill that a gig asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GigSkill {
    /// Which.
    pub skill: SkillId,
    /// Required, or just welcome?
    pub required: bool,
}

impl GigSkill {
    /// How much matching counts it.
    pub fn need(self) -> Need {
        if self.required { Need::Must } else { Need::Nice }
    }
}

/// What everyone who proposes is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreeningQuestion {
    /// Its id. Another wording is another question.
    pub id: ScreeningQuestionId,
    /// The question.
    pub text: String,
    /// Must it be answered?
    pub required: bool,
}

/// Who may see an open gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Those who were invited.
    InviteOnly,
}

impl GigKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Fixed, Self::Hourly];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Hourly => "hourly",
        }
    }

    /// What a budget may be, in US cents.
    fn budget_cents(self) -> std::ops::RangeInclusive<i64> {
        match self {
            Self::Fixed => 500..=100_000_000,
            Self::Hourly => 100..=100_000,
        }
    }
}

impl Visibility {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::InviteOnly];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::InviteOnly => "invite_only",
        }
    }
}

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BriefInput {
    /// What it is about, in a line.
    pub title: String,
    /// The work, in the client's own words.
    pub description: String,
    /// How it is paid.
    pub kind: GigKind,
    /// The low end of the budget.
    pub budget_low: Money,
    /// The high end of the budget.
    pub budget_high: Money,
    /// Skills one can't do without.
    pub required_skills: Vec<SkillId>,
    /// Skills that are welcome.
    pub nice_skills: Vec<SkillId>,
    /// What everyone who proposes is asked.
    pub questions: Vec<QuestionInput>,
    /// How experienced a person it wants.
    pub experience: Option<Seniority>,
    /// The IANA name of the client's time zone.
    pub time_zone: Option<String>,
    /// When the client's working day starts, on the wall clock; nine unless said.
    pub work_starts: Option<NaiveTime>,
    /// When it ends; seventeen unless said.
    pub work_ends: Option<NaiveTime>,
    /// How long a freelancer's working day must overlap the client's, in minutes a day.
    pub overlap_minutes: Option<i32>,
    /// The languages it requires.
    pub languages: Vec<Language>,
    /// The countries it may be worked on from, as two letters each; any, when none is named.
    pub countries: Vec<String>,
    /// The hours a week it needs.
    pub weekly_hours: Option<i32>,
    /// Who may see it.
    pub visibility: Visibility,
}

/// A screening question as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionInput {
    /// The question that stands and is meant; none for a new one.
    pub id: Option<ScreeningQuestionId>,
    /// The question.
    pub text: String,
    /// Must it be answered?
    pub required: bool,
}

/// A change to what a gig says: what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of BriefInput")]
pub struct BriefPatch {
    pub title: Option<String>,
    pub description: Option<String>,
    pub kind: Option<GigKind>,
    pub budget_low: Option<Money>,
    pub budget_high: Option<Money>,
    pub required_skills: Option<Vec<SkillId>>,
    pub nice_skills: Option<Vec<SkillId>>,
    pub questions: Option<Vec<QuestionInput>>,
    pub experience: Option<Option<Seniority>>,
    pub time_zone: Option<Option<String>>,
    pub work_starts: Option<Option<NaiveTime>>,
    pub work_ends: Option<Option<NaiveTime>>,
    pub overlap_minutes: Option<Option<i32>>,
    pub languages: Option<Vec<Language>>,
    pub countries: Option<Vec<String>>,
    pub weekly_hours: Option<Option<i32>>,
    pub visibility: Option<Visibility>,
}

/// A gig asks for at most so many skills.
pub const SKILLS_MAX: usize = 20;
/// A gig asks at most so many screening questions.
pub const QUESTIONS_MAX: usize = 10;
/// A gig requires at most so many languages.
pub const LANGUAGES_MAX: usize = 5;
/// A gig names at most so many countries.
pub const COUNTRIES_MAX: usize = 50;

/// Ids for questions that are new.
pub type FreshQuestions = [ScreeningQuestionId; QUESTIONS_MAX];

impl GigBrief {
    /// Check what somebody typed, and tell all that is wrong with it at once. New questions get
    /// the ids in `fresh`. A draft may still lack what [`Self::complete`] asks for.
    pub fn parse(input: BriefInput, fresh: &FreshQuestions) -> Result<Self, Refusal> {
        Self::parse_with(input, fresh, &[])
    }

    /// What it would say with `patch` applied.
    pub fn patched(&self, patch: BriefPatch, fresh: &FreshQuestions) -> Result<Self, Refusal> {
        Self::parse_with(patch.onto(self.as_input()), fresh, &self.questions)
    }

    /// Does it say enough to be shown to freelancers?
    pub fn complete(&self) -> Result<(), Refusal> {
        let mut invalid = Invalid::default();
        if self.description.chars().count() < 30 {
            invalid.add("description", "TOO_SHORT", "describe the work in at least 30 characters before publishing");
        }
        if !self.skills.iter().any(|skill| skill.required) {
            invalid.add("requiredSkills", "REQUIRED", "name at least one required skill before publishing");
        }
        invalid.finish()
    }

    /// The question of this id, if it asks one.
    pub fn question(&self, id: ScreeningQuestionId) -> Option<&ScreeningQuestion> {
        self.questions.iter().find(|question| question.id == id)
    }

    fn parse_with(input: BriefInput, fresh: &FreshQuestions, known: &[ScreeningQuestion]) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let title = invalid.line("title", &input.title, 5..=120);
        let description = invalid.text("description", &input.description, 0..=10_000);
        let budget = parse_budget(&mut invalid, &input);
        let skills = parse_skills(&mut invalid, &input.required_skills, &input.nice_skills);
        let questions = parse_questions(&mut invalid, &input.questions, fresh, known);
        let work_day = parse_work_day(&mut invalid, &input);
        let overlap_minutes = parse_overlap(&mut invalid, input.overlap_minutes, work_day);
        let languages = parse_languages(&mut invalid, input.languages);
        let countries = parse_countries(&mut invalid, &input.countries);
        let weekly_hours = input.weekly_hours.map(|hours| invalid.range("weeklyHours", hours, 1..=80));
        invalid.finish()?;
        Ok(Self {
            title,
            description,
            kind: input.kind,
            budget,
            skills,
            questions,
            experience: input.experience,
            work_day,
            overlap_minutes,
            languages,
            countries,
            weekly_hours: weekly_hours.and_then(|hours| u16::try_from(hours).ok()),
            visibility: input.visibility,
        })
    }

    fn as_input(&self) -> BriefInput {
        let of = |required| self.skills.iter().filter(move |s| s.required == required).map(|s| s.skill).collect();
        let question =
            |q: &ScreeningQuestion| QuestionInput { id: Some(q.id), text: q.text.clone(), required: q.required };
        BriefInput {
            title: self.title.clone(),
            description: self.description.clone(),
            kind: self.kind,
            budget_low: self.budget.low,
            budget_high: self.budget.high,
            required_skills: of(true),
            nice_skills: of(false),
            questions: self.questions.iter().map(question).collect(),
            experience: self.experience,
            time_zone: self.work_day.map(|day| day.zone.name().to_owned()),
            work_starts: self.work_day.map(|day| day.starts),
            work_ends: self.work_day.map(|day| day.ends),
            overlap_minutes: self.overlap_minutes.map(i32::from),
            languages: self.languages.clone(),
            countries: self.countries.iter().map(|country| country.as_str().to_owned()).collect(),
            weekly_hours: self.weekly_hours.map(i32::from),
            visibility: self.visibility,
        }
    }
}

impl BriefPatch {
    fn onto(self, input: BriefInput) -> BriefInput {
        BriefInput {
            title: self.title.unwrap_or(input.title),
            description: self.description.unwrap_or(input.description),
            kind: self.kind.unwrap_or(input.kind),
            budget_low: self.budget_low.unwrap_or(input.budget_low),
            budget_high: self.budget_high.unwrap_or(input.budget_high),
            required_skills: self.required_skills.unwrap_or(input.required_skills),
            nice_skills: self.nice_skills.unwrap_or(input.nice_skills),
            questions: self.questions.unwrap_or(input.questions),
            experience: self.experience.unwrap_or(input.experience),
            time_zone: self.time_zone.unwrap_or(input.time_zone),
            work_starts: self.work_starts.unwrap_or(input.work_starts),
            work_ends: self.work_ends.unwrap_or(input.work_ends),
            overlap_minutes: self.overlap_minutes.unwrap_or(input.overlap_minutes),
            languages: self.languages.unwrap_or(input.languages),
            countries: self.countries.unwrap_or(input.countries),
            weekly_hours: self.weekly_hours.unwrap_or(input.weekly_hours),
            visibility: self.visibility.unwrap_or(input.visibility),
        }
    }
}

fn parse_budget(invalid: &mut Invalid, input: &BriefInput) -> BudgetRange {
    let (low, high) = (input.budget_low, input.budget_high);
    for (path, money) in [("budget.low", low), ("budget.high", high)] {
        if money.currency() != Currency::Usd {
            invalid.add(path, "CURRENCY", "gigs are paid in US dollars");
        } else if !input.kind.budget_cents().contains(&money.minor()) {
            let cents = input.kind.budget_cents();
            let (least, most) = (cents.start() / 100, cents.end() / 100);
            invalid.add(path, "OUT_OF_RANGE", format!("must be between {least}.00 USD and {most}.00 USD"));
        }
    }
    if high.covers(low) == Ok(false) {
        invalid.add("budget.high", "OUT_OF_RANGE", "can't be below the low end");
    }
    BudgetRange { low, high }
}

fn parse_skills(invalid: &mut Invalid, required: &[SkillId], nice: &[SkillId]) -> Vec<GigSkill> {
    if required.len() + nice.len() > SKILLS_MAX {
        invalid.add("requiredSkills", "TOO_MANY", format!("at most {SKILLS_MAX} skills in all are taken"));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut skills = Vec::new();
    for (path, list, required) in [("requiredSkills", required, true), ("niceSkills", nice, false)] {
        for (index, skill) in list.iter().enumerate() {
            let path = format!("{path}.{index}");
            if Taxonomy::shipped().find(*skill).is_none() {
                invalid.add(&path, "UNKNOWN", "not a skill of the taxonomy");
            } else if !seen.insert(*skill) {
                invalid.add(&path, "DUPLICATE", "is named twice");
            }
            skills.push(GigSkill { skill: *skill, required });
        }
    }
    skills
}

fn parse_questions(
    invalid: &mut Invalid,
    typed: &[QuestionInput],
    fresh: &FreshQuestions,
    known: &[ScreeningQuestion],
) -> Vec<ScreeningQuestion> {
    if typed.len() > QUESTIONS_MAX {
        invalid.add("questions", "TOO_MANY", format!("at most {QUESTIONS_MAX} questions are taken"));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut questions = Vec::new();
    for (index, (question, fresh)) in typed.iter().zip(fresh).enumerate() {
        let text = invalid.text(&format!("questions.{index}.text"), &question.text, 5..=500);
        let kept = question.id.map(|id| known.iter().find(|known| known.id == id));
        let id = match kept {
            Some(None) => {
                invalid.add(&format!("questions.{index}.id"), "UNKNOWN", "not a question of this gig");
                continue;
            }
            // People answered the old wording; the new one is asked anew.
            Some(Some(kept)) if kept.text == text => kept.id,
            Some(Some(_)) | None => *fresh,
        };
        if !seen.insert(id) {
            invalid.add(&format!("questions.{index}.id"), "DUPLICATE", "is named twice");
        }
        questions.push(ScreeningQuestion { id, text, required: question.required });
    }
    questions
}

fn parse_work_day(invalid: &mut Invalid, input: &BriefInput) -> Option<WorkDay> {
    let Some(name) = &input.time_zone else {
        if input.work_starts.is_some() || input.work_ends.is_some() {
            invalid.add("timeZone", "REQUIRED", "say in which time zone the working day is");
        }
        return None;
    };
    let Ok(zone) = name.parse() else {
        invalid.add("timeZone", "UNKNOWN", "must be the IANA name of a time zone, like America/New_York");
        return None;
    };
    let starts = input.work_starts.unwrap_or(NaiveTime::MIN + TimeDelta::hours(9));
    let ends = input.work_ends.unwrap_or(NaiveTime::MIN + TimeDelta::hours(17));
    if starts == ends {
        invalid.add("workDayEnds", "OUT_OF_RANGE", "a working day can't end when it starts");
    }
    Some(WorkDay { zone, starts, ends })
}

fn parse_overlap(invalid: &mut Invalid, minutes: Option<i32>, day: Option<WorkDay>) -> Option<u16> {
    let minutes = minutes.filter(|minutes| *minutes != 0)?;
    let Some(day) = day else {
        invalid.add("timeZone", "REQUIRED", "overlap needs the time zone of your working day");
        return None;
    };
    let length = (day.ends - day.starts).num_minutes().rem_euclid(24 * 60);
    let longest = i32::try_from(length).unwrap_or(0);
    u16::try_from(invalid.range("requiredOverlapMinutes", minutes, 15..=longest.max(15))).ok()
}

fn parse_languages(invalid: &mut Invalid, languages: Vec<Language>) -> Vec<Language> {
    if languages.len() > LANGUAGES_MAX {
        invalid.add("languages", "TOO_MANY", format!("at most {LANGUAGES_MAX} languages are taken"));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for (index, language) in languages.iter().enumerate() {
        let path = format!("languages.{index}.code");
        let letters = language.code.bytes().all(|byte| byte.is_ascii_lowercase());
        if !letters || !(2..=3).contains(&language.code.len()) {
            invalid.add(&path, "MALFORMED", "must be an ISO 639 code of two or three small letters, like en");
        } else if !seen.insert(&language.code) {
            invalid.add(&path, "DUPLICATE", "is named twice");
        }
    }
    languages
}

fn parse_countries(invalid: &mut Invalid, countries: &[String]) -> BTreeSet<Country> {
    if countries.len() > COUNTRIES_MAX {
        invalid.add("countries", "TOO_MANY", format!("at most {COUNTRIES_MAX} countries are taken"));
        return BTreeSet::new();
    }
    let mut named = BTreeSet::new();
    for (index, country) in countries.iter().enumerate() {
        match country.parse::<Country>() {
            Err(bad) => invalid.add(&format!("countries.{index}"), "MALFORMED", bad.to_string()),
            Ok(country) if !named.insert(country) => {
                invalid.add(&format!("countries.{index}"), "DUPLICATE", "is named twice");
            }
            Ok(_) => {}
        }
    }
    named
}
