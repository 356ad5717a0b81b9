//! What people type about proposals.

use async_graphql::InputObject;
use chrono::NaiveDate;
use domain::id::{GigId, ProposalId, ScreeningQuestionId};
use domain::proposal::{BidInput, MilestoneInput, PriceInput};
use domain::refusal::{Invalid, Refusal};
use serde::Serialize;

use super::ProposalDeclineReason;
use crate::key::Key;
use crate::money::MoneyInput;

/// A part of the work with a price of its own.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ProposedMilestoneInput {
    /// What it delivers, in up to 120 characters.
    pub title: String,
    /// What it costs: at least USD 1.
    pub amount: MoneyInput,
    /// When it would be done.
    pub due_on: Option<NaiveDate>,
}

/// An answer to a screening question.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ScreeningAnswerInput {
    /// The question.
    pub question_id: Key<ScreeningQuestionId>,
    /// The answer, in up to 2,000 characters.
    pub text: String,
}

macro_rules! bids {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $ty,)*
                /// The letter to the client, 20 to 5,000 characters when submitted.
                #[graphql(default)]
                pub cover_letter: String,
                /// For a gig with a fixed price: the milestones in their order, up to 20.
                #[graphql(default)]
                pub milestones: Vec<ProposedMilestoneInput>,
                /// For a gig paid by the hour: the rate, USD 1 to 1,000.
                pub hourly_rate: Option<MoneyInput>,
                /// The answers to the screening questions; the required ones must be there to submit.
                #[graphql(default)]
                pub answers: Vec<ScreeningAnswerInput>,
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }

            impl $name {
                pub(super) fn read(self) -> Result<BidInput, Refusal> {
                    let answers = self.answers.into_iter().map(|answer| (answer.question_id.0, answer.text)).collect();
                    let price = price(self.milestones, self.hourly_rate)?;
                    Ok(BidInput { cover_letter: self.cover_letter, price, answers })
                }
            }
        )*
    };
}

bids! {
    /// A draft of a proposal to keep.
    ProposalDraftSaveInput {
        /// The gig.
        gig_id: Key<GigId>,
    }
    /// A proposal to put before the client.
    ProposalSubmitInput {
        /// The gig.
        gig_id: Key<GigId>,
    }
    /// A proposal as it should be from now on: all of it.
    ProposalReviseInput {
        /// The proposal.
        proposal_id: Key<ProposalId>,
        /// The version you saw, so that you don't answer what you did not see.
        expected_version: Option<i64>,
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $name {
                /// The proposal.
                pub proposal_id: Key<ProposalId>,
                $($(#[$field_doc])* pub $field: $ty,)*
                /// Makes repeating this request harmless: a fresh UUID for each intended act.
                pub idempotency_key: Option<String>,
            }
        )*
    };
}

acts! {
    /// A proposal that was opened.
    ProposalViewInput {}
    /// A proposal to keep in mind.
    ProposalShortlistInput {}
    /// A proposal whose freelancer you begin to talk with.
    ProposalInterviewInput {}
    /// A proposal to take back.
    ProposalWithdrawInput {}
    /// A proposal to decline.
    ProposalDeclineInput {
        /// Why.
        reason: ProposalDeclineReason,
        /// A word to the freelancer, in up to 2,000 characters.
        #[graphql(default)]
        note: String,
    }
    /// A proposal whose counter-offer you take.
    ProposalCounterAcceptInput {
        /// The version you saw, so that you take no price that you did not see.
        expected_version: Option<i64>,
    }
    /// Another price for a proposal.
    ProposalCounterInput {
        /// For a gig with a fixed price: the milestones in their order.
        #[graphql(default)]
        milestones: Vec<ProposedMilestoneInput>,
        /// For a gig paid by the hour: the rate.
        hourly_rate: Option<MoneyInput>,
        /// A word to the freelancer, in up to 2,000 characters.
        #[graphql(default)]
        message: String,
        /// The version you saw, so that you don't answer what you did not see.
        expected_version: Option<i64>,
    }
}

impl ProposalCounterInput {
    pub(super) fn read(self) -> Result<(PriceInput, String), Refusal> {
        Ok((price(self.milestones, self.hourly_rate)?, self.message))
    }
}

fn price(milestones: Vec<ProposedMilestoneInput>, rate: Option<MoneyInput>) -> Result<PriceInput, Refusal> {
    let mut invalid = Invalid::default();
    let mut parsed = Vec::new();
    for (index, milestone) in milestones.into_iter().enumerate() {
        match milestone.amount.parse(&format!("milestones.{index}.amount")) {
            Ok(amount) => parsed.push(MilestoneInput { title: milestone.title, amount, due_on: milestone.due_on }),
            Err(fault) => invalid.take(fault),
        }
    }
    let hourly_rate = rate.map(|rate| rate.parse("hourlyRate")).transpose();
    if let Err(fault) = &hourly_rate {
        invalid.take(fault.clone());
    }
    invalid.finish()?;
    Ok(PriceInput { milestones: parsed, hourly_rate: hourly_rate? })
}
