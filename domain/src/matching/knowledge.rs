//! What matching asks of the taxonomy: how skills are related, how rare they are, what they are called.

use serde::{Deserialize, Serialize};

use super::fixed::Value;
use crate::id::SkillId;

/// A skill that answers part of the ask for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// The other skill.
    pub skill: SkillId,
    /// How much of the ask it answers: below 1.
    pub likeness: Value,
}

/// The taxonomy, as far as scoring needs it.
pub trait Knowledge {
    /// The skills that answer part of an ask for this one, without itself.
    fn related(&self, asked: SkillId) -> Vec<Related>;
    /// How telling it is that someone holds this skill: `ln(1 + people / holders)`, in thousandths.
    fn rarity_milli(&self, skill: SkillId) -> u32;
    /// What a related skill is worth where this one is asked for, as a share of its likeness: less than 1 where
    /// people list the asked skill itself, so that one has to hold it.
    fn stand_in(&self, _asked: SkillId) -> Value {
        Value::ONE
    }
    /// What people call it.
    fn name(&self, skill: SkillId) -> &str;
}
