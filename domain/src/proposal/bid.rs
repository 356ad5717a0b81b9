//! What a freelancer proposes: a price, a letter, and answers to the client's questions.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::gig::{GigBrief, GigKind};
use crate::id::ScreeningQuestionId;
use crate::money::{Currency, Money};
use crate::policy::Terms;
use crate::refusal::{Invalid, Refusal};

/// What a freelancer proposes, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalTerms {
    /// The letter to the client.
    pub cover_letter: String,
    /// What the work would cost.
    pub price: Price,
    /// The answers to the screening questions.
    pub answers: Vec<Answer>,
}

/// What the work would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Price {
    /// An agreed price, by milestones.
    Fixed {
        /// The milestones in their order.
        milestones: Vec<ProposedMilestone>,
    },
    /// By the hour.
    Hourly {
        /// For an hour.
        rate: Money,
    },
}

/// A part of the work with a price of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedMilestone {
    /// What it delivers.
    pub title: String,
    /// What it costs.
    pub amount: Money,
    /// When it would be done.
    pub due_on: Option<NaiveDate>,
}

/// An answer to a screening question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question.
    pub question: ScreeningQuestionId,
    /// The question as it was asked.
    pub asked: String,
    /// The answer.
    pub text: String,
}

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidInput {
    /// The letter to the client.
    pub cover_letter: String,
    /// What the work would cost.
    pub price: PriceInput,
    /// The answers, each with the question's id.
    pub answers: Vec<(ScreeningQuestionId, String)>,
}

/// A price as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceInput {
    /// The milestones of a fixed price.
    pub milestones: Vec<MilestoneInput>,
    /// The rate for an hour.
    pub hourly_rate: Option<Money>,
}

/// A milestone as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneInput {
    /// What it delivers.
    pub title: String,
    /// What it costs.
    pub amount: Money,
    /// When it would be done.
    pub due_on: Option<NaiveDate>,
}

/// A proposal names at most so many milestones.
pub const MILESTONES_MAX: usize = 20;

impl Price {
    /// How it is paid.
    pub fn kind(&self) -> GigKind {
        match self {
            Self::Fixed { .. } => GigKind::Fixed,
            Self::Hourly { .. } => GigKind::Hourly,
        }
    }
}

impl ProposalTerms {
    /// Nothing proposed yet.
    pub(super) fn nothing(kind: GigKind) -> Self {
        let price = match kind {
            GigKind::Fixed => Price::Fixed { milestones: Vec::new() },
            GigKind::Hourly => Price::Hourly { rate: Money::zero(Currency::Usd) },
        };
        Self { cover_letter: String::new(), price, answers: Vec::new() }
    }

    /// Check what somebody typed for a gig that says `brief`; what it costs must be what can be paid by the `policy` in
    /// force. A draft may still lack what `complete` asks for.
    pub fn parse(input: BidInput, brief: &GigBrief, policy: &Terms) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let cover_letter = invalid.text("coverLetter", &input.cover_letter, 0..=5_000);
        let price = input.price.parse(&mut invalid, brief.kind, policy, false);
        if input.answers.len() > brief.questions.len() {
            invalid.add("answers", "TOO_MANY", format!("{} questions are asked", brief.questions.len()));
        }
        let mut answers: Vec<Answer> = Vec::new();
        for (index, (question, text)) in input.answers.iter().take(brief.questions.len()).enumerate() {
            let text = invalid.text(&format!("answers.{index}.text"), text, 0..=2_000);
            let path = format!("answers.{index}.questionId");
            match brief.question(*question) {
                None => invalid.add(&path, "UNKNOWN", "not a question of this gig"),
                Some(_) if answers.iter().any(|answer| answer.question == *question) => {
                    invalid.add(&path, "DUPLICATE", "is answered twice");
                }
                Some(asked) => answers.push(Answer { question: *question, asked: asked.text.clone(), text }),
            }
        }
        invalid.finish()?;
        Ok(Self { cover_letter, price, answers })
    }

    /// Is everything there that a client may expect?
    pub(super) fn complete(&self, brief: &GigBrief) -> Result<(), Refusal> {
        let mut invalid = Invalid::default();
        invalid.text("coverLetter", &self.cover_letter, 20..=5_000);
        match &self.price {
            Price::Fixed { milestones } if milestones.is_empty() => {
                invalid.add("milestones", "REQUIRED", "name at least one milestone with its price");
            }
            Price::Hourly { rate } if rate.is_zero() => {
                invalid.add("hourlyRate", "REQUIRED", "say what an hour costs");
            }
            Price::Fixed { .. } | Price::Hourly { .. } => {}
        }
        let answered = |id| self.answers.iter().any(|answer| answer.question == id && !answer.text.is_empty());
        for question in brief.questions.iter().filter(|question| question.required && !answered(question.id)) {
            invalid.add("answers", "REQUIRED", format!("answer the question: {}", question.text));
        }
        invalid.finish()
    }
}

impl PriceInput {
    /// Check a price for work paid as `kind`: nobody agrees on a milestone or an hour that could not be paid by the
    /// `policy` in force. A whole one names a milestone or a rate.
    pub(super) fn parse(self, invalid: &mut Invalid, kind: GigKind, policy: &Terms, whole: bool) -> Price {
        match kind {
            GigKind::Fixed => {
                if self.hourly_rate.is_some() {
                    invalid.add("hourlyRate", "OTHER_KIND", "this gig is paid a fixed price: name milestones");
                }
                if self.milestones.len() > MILESTONES_MAX {
                    invalid.add("milestones", "TOO_MANY", format!("at most {MILESTONES_MAX} milestones are taken"));
                }
                if whole && self.milestones.is_empty() {
                    invalid.add("milestones", "REQUIRED", "name at least one milestone with its price");
                }
                let parse = |(index, milestone): (usize, MilestoneInput)| {
                    let title = invalid.line(&format!("milestones.{index}.title"), &milestone.title, 1..=120);
                    policy.check_amount(invalid, &format!("milestones.{index}.amount"), milestone.amount);
                    ProposedMilestone { title, amount: milestone.amount, due_on: milestone.due_on }
                };
                Price::Fixed {
                    milestones: self.milestones.into_iter().take(MILESTONES_MAX).enumerate().map(parse).collect(),
                }
            }
            GigKind::Hourly => {
                if !self.milestones.is_empty() {
                    invalid.add("milestones", "OTHER_KIND", "this gig is paid by the hour: name a rate");
                }
                match self.hourly_rate {
                    Some(rate) => {
                        if is_rate(invalid, rate) {
                            policy.check_amount(invalid, "hourlyRate", rate);
                        }
                        Price::Hourly { rate }
                    }
                    None => {
                        if whole {
                            invalid.add("hourlyRate", "REQUIRED", "say what an hour costs");
                        }
                        Price::Hourly { rate: Money::zero(Currency::Usd) }
                    }
                }
            }
        }
    }
}

/// What an hour may cost, in cents.
const RATE: std::ops::RangeInclusive<i64> = 100..=100_000;

fn is_rate(invalid: &mut Invalid, rate: Money) -> bool {
    let fits = RATE.contains(&rate.minor());
    if rate.currency() != Currency::Usd {
        invalid.add("hourlyRate", "CURRENCY", "contracts are in US dollars");
    } else if !fits {
        let (least, most) = (RATE.start() / 100, RATE.end() / 100);
        invalid.add("hourlyRate", "OUT_OF_RANGE", format!("must be between {least}.00 USD and {most}.00 USD"));
    }
    rate.currency() == Currency::Usd && fits
}
