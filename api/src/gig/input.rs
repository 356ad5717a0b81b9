//! What a client types about a gig.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::NaiveTime;
use domain::gig::{BriefInput, BriefPatch};
use domain::id::{GigId, OrganizationId, ScreeningQuestionId, SkillId};
use domain::refusal::{Invalid, Refusal};
use serde::Serialize;

use super::{ExperienceLevel, Fluency, GigKind, GigVisibility};
use crate::key::Key;
use crate::money::MoneyInput;

/// What a client thinks of paying.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct BudgetRangeInput {
    /// At least about this: USD 5 to 1,000,000 when fixed, USD 1 to 1,000 when hourly.
    pub low: MoneyInput,
    /// At most about this.
    pub high: MoneyInput,
}

/// A question that everyone who proposes is asked.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ScreeningQuestionInput {
    /// The question of this gig that is meant; none for a new one.
    pub id: Option<Key<ScreeningQuestionId>>,
    /// The question, 5 to 500 characters.
    pub text: String,
    /// Must it be answered?
    #[graphql(default = true)]
    pub required: bool,
}

/// A language that a gig requires.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct RequiredLanguageInput {
    /// The ISO 639 code: `"en"`.
    pub code: String,
    /// At least this well.
    pub fluency: Fluency,
}

/// A gig to draft.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct GigCreateInput {
    /// The client you draft it for.
    pub client_id: Key<OrganizationId>,
    /// What it is about, in a line of 5 to 120 characters.
    pub title: String,
    /// The work, in your own words; up to 10,000 characters, at least 30 to publish.
    #[graphql(default)]
    pub description: String,
    /// How it is paid.
    pub kind: GigKind,
    /// What it pays: for the whole when fixed, for an hour when hourly.
    pub budget: BudgetRangeInput,
    /// Skills one can't do without; at least one to publish, at most 20 in all.
    #[graphql(default)]
    pub required_skills: Vec<Key<SkillId>>,
    /// Skills that are welcome.
    #[graphql(default)]
    pub nice_skills: Vec<Key<SkillId>>,
    /// What everyone who proposes is asked; up to 10.
    #[graphql(default)]
    pub questions: Vec<ScreeningQuestionInput>,
    /// How experienced a person it wants.
    pub experience: Option<ExperienceLevel>,
    /// The IANA name of the time zone you work in: `"America/New_York"`.
    pub time_zone: Option<String>,
    /// When your working day starts, on the wall clock: `"09:00"`, which it is unless said.
    pub work_day_starts: Option<String>,
    /// When your working day ends, on the wall clock: `"17:00"`, which it is unless said.
    pub work_day_ends: Option<String>,
    /// How long a freelancer's working day must overlap yours, in minutes a day.
    pub required_overlap_minutes: Option<i32>,
    /// The languages it requires; up to 5.
    #[graphql(default)]
    pub languages: Vec<RequiredLanguageInput>,
    /// The countries it may be worked on from, by their ISO 3166 codes, like `"PK"`; up to 50. Any, when none is named.
    #[graphql(default)]
    pub countries: Vec<String>,
    /// The hours a week it needs, 1 to 80.
    pub weekly_hours: Option<i32>,
    /// Who may see it while it is open.
    #[graphql(default_with = "GigVisibility::Public")]
    pub visibility: GigVisibility,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// What is to change about a gig. What is absent stays as it is; null takes it away.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct GigUpdateInput {
    /// The gig.
    pub gig_id: Key<GigId>,
    /// The version you saw, so that you don't overwrite what you did not see.
    pub expected_version: Option<i64>,
    /// What it is about, in a line of 5 to 120 characters.
    pub title: Option<String>,
    /// The work, in your own words.
    pub description: Option<String>,
    /// How it is paid; only before it is published.
    pub kind: Option<GigKind>,
    /// What it pays.
    pub budget: Option<BudgetRangeInput>,
    /// Skills one can't do without: all of them.
    pub required_skills: Option<Vec<Key<SkillId>>>,
    /// Skills that are welcome: all of them.
    pub nice_skills: Option<Vec<Key<SkillId>>>,
    /// What everyone who proposes is asked: all of it. Name the ids of those to keep.
    pub questions: Option<Vec<ScreeningQuestionInput>>,
    /// How experienced a person it wants.
    pub experience: MaybeUndefined<ExperienceLevel>,
    /// The IANA name of the time zone you work in.
    pub time_zone: MaybeUndefined<String>,
    /// When your working day starts, on the wall clock.
    pub work_day_starts: MaybeUndefined<String>,
    /// When your working day ends, on the wall clock.
    pub work_day_ends: MaybeUndefined<String>,
    /// How long a freelancer's working day must overlap yours, in minutes a day.
    pub required_overlap_minutes: MaybeUndefined<i32>,
    /// The languages it requires: all of them.
    pub languages: Option<Vec<RequiredLanguageInput>>,
    /// The countries it may be worked on from: all of them.
    pub countries: Option<Vec<String>>,
    /// The hours a week it needs.
    pub weekly_hours: MaybeUndefined<i32>,
    /// Who may see it while it is open.
    pub visibility: Option<GigVisibility>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

impl GigCreateInput {
    pub(super) fn read(self) -> Result<BriefInput, Refusal> {
        let mut invalid = Invalid::default();
        let low = self.budget.low.parse("budget.low");
        let high = self.budget.high.parse("budget.high");
        for fault in [&low, &high].into_iter().filter_map(|money| money.as_ref().err()) {
            invalid.take(fault.clone());
        }
        let work_starts = self.work_day_starts.and_then(|text| wall_clock(&mut invalid, "workDayStarts", &text));
        let work_ends = self.work_day_ends.and_then(|text| wall_clock(&mut invalid, "workDayEnds", &text));
        invalid.finish()?;
        let (budget_low, budget_high) = (low?, high?);
        Ok(BriefInput {
            title: self.title,
            description: self.description,
            kind: self.kind.into(),
            budget_low,
            budget_high,
            required_skills: skills(self.required_skills),
            nice_skills: skills(self.nice_skills),
            questions: questions(self.questions),
            experience: self.experience.map(Into::into),
            time_zone: self.time_zone,
            work_starts,
            work_ends,
            overlap_minutes: self.required_overlap_minutes,
            languages: languages(self.languages),
            countries: self.countries,
            weekly_hours: self.weekly_hours,
            visibility: self.visibility.into(),
        })
    }
}

impl GigUpdateInput {
    pub(super) fn read(self) -> Result<BriefPatch, Refusal> {
        let mut invalid = Invalid::default();
        let (budget_low, budget_high) = match self.budget {
            None => (None, None),
            Some(BudgetRangeInput { low, high }) => (
                low.parse("budget.low").map_err(|fault| invalid.take(fault)).ok(),
                high.parse("budget.high").map_err(|fault| invalid.take(fault)).ok(),
            ),
        };
        let mut time = |path, text: MaybeUndefined<String>| match text {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(text) => Some(wall_clock(&mut invalid, path, &text)),
        };
        let work_starts = time("workDayStarts", self.work_day_starts);
        let work_ends = time("workDayEnds", self.work_day_ends);
        invalid.finish()?;
        Ok(BriefPatch {
            title: self.title,
            description: self.description,
            kind: self.kind.map(Into::into),
            budget_low,
            budget_high,
            required_skills: self.required_skills.map(skills),
            nice_skills: self.nice_skills.map(skills),
            questions: self.questions.map(questions),
            experience: said(self.experience).map(|level| level.map(Into::into)),
            time_zone: said(self.time_zone),
            work_starts,
            work_ends,
            overlap_minutes: said(self.required_overlap_minutes),
            languages: self.languages.map(languages),
            countries: self.countries,
            weekly_hours: said(self.weekly_hours),
            visibility: self.visibility.map(Into::into),
        })
    }
}

fn said<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

fn skills(keys: Vec<Key<SkillId>>) -> Vec<SkillId> {
    keys.into_iter().map(|key| key.0).collect()
}

fn questions(questions: Vec<ScreeningQuestionInput>) -> Vec<domain::gig::QuestionInput> {
    let read = |question: ScreeningQuestionInput| domain::gig::QuestionInput {
        id: question.id.map(|key| key.0),
        text: question.text,
        required: question.required,
    };
    questions.into_iter().map(read).collect()
}

fn languages(languages: Vec<RequiredLanguageInput>) -> Vec<domain::matching::features::Language> {
    let read = |language: RequiredLanguageInput| domain::matching::features::Language {
        code: language.code,
        fluency: language.fluency.into(),
    };
    languages.into_iter().map(read).collect()
}

fn wall_clock(invalid: &mut Invalid, path: &str, text: &str) -> Option<NaiveTime> {
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok();
    if time.is_none() {
        invalid.add(path, "MALFORMED", "must be a time of day like 09:00");
    }
    time
}
