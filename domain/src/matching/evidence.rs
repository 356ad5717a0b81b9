//! Evidence: what a factor's value rests on, as facts, and how those facts read in English.

use serde::{Deserialize, Serialize};

use super::fixed::{Score, Value};
use super::knowledge::Knowledge;
use super::overlap::Overlap;
use super::role::Role;
use super::score::{Factor, FactorKind};
use crate::id::SkillId;

/// What a factor's value rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Nothing is known, so it counts as neither good nor bad.
    Unknown,
    /// Which of the asked skills are held.
    Skills {
        /// Held themselves, in the order asked.
        held: Vec<SkillId>,
        /// Answered in part by another.
        related: Vec<Instead>,
        /// Not answered at all.
        missing: Vec<SkillId>,
    },
    /// Required skills that nothing held comes near.
    MustHaves {
        /// Those missing.
        missing: Vec<SkillId>,
        /// How many are required.
        required: u32,
    },
    /// The closest two of the roles on both sides.
    Role {
        /// Asked.
        asked: Role,
        /// Worked in.
        held: Role,
    },
    /// How much of the profile was asked for.
    Focus {
        /// Listed skills that answer something asked.
        asked: u32,
        /// Listed skills.
        listed: u32,
    },
    /// How alike the two texts are.
    Text {
        /// The cosine of their angle.
        likeness: Value,
    },
    /// Experience beside what is needed, in months.
    Experience {
        /// They have.
        months: u16,
        /// The gig needs.
        needed_months: u16,
    },
    /// Roles beyond those one can be known for.
    Breadth {
        /// Roles listed.
        roles: u32,
    },
    /// The rate beside the budget, in US cents an hour.
    Rate {
        /// They ask.
        rate_minor: i64,
        /// The budget's lowest.
        low_minor: i64,
        /// The budget's highest.
        high_minor: i64,
    },
    /// The hours both work, on the worst and the best date.
    Overlap {
        /// In minutes a day.
        overlap: Overlap,
        /// What would be enough.
        enough_minutes: u16,
    },
    /// How finished work went.
    Reputation {
        /// Contracts finished.
        finished: u32,
        /// What is believed of the next one.
        believed: Value,
    },
    /// How invitations were answered.
    Answers {
        /// Within a day.
        in_time: u32,
        /// Of so many.
        asked: u32,
    },
    /// Asked skills that the person wants to work with.
    Interest {
        /// Wanted.
        wanted: Vec<SkillId>,
        /// Of so many asked.
        asked: u32,
    },
    /// How the client dealt with people.
    Client {
        /// Whether a payment method is verified.
        verified: bool,
        /// Gigs that hired someone.
        hired: u32,
        /// Gigs that came to their end.
        posted: u32,
    },
    /// Invitations and proposals that wait, in thousandths.
    Load {
        /// Each faded with age.
        pending_milli: u32,
    },
    /// Live proposals on the gig.
    Crowd {
        /// How many.
        proposals: u32,
    },
}

/// A skill that answers part of the ask for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instead {
    /// Asked.
    pub asked: SkillId,
    /// Held.
    pub held: SkillId,
    /// How alike the two are.
    pub likeness: Value,
    /// How much of the ask it answers: less than that where people list the asked skill itself.
    pub worth: Value,
}

/// So many roles go without saying.
const MANY_ROLES: u32 = 3;
/// A list in a sentence names at most so many.
const NAMED: usize = 3;

impl Evidence {
    /// A few words for a sentence. `None` when there is nothing worth saying.
    pub fn phrase<K: Knowledge + ?Sized>(&self, knowledge: &K) -> Option<String> {
        let names = |skills: &[SkillId]| listed(skills.iter().map(|skill| knowledge.name(*skill).to_owned()).collect());
        match self {
            Self::Unknown | Self::Text { .. } => None,
            Self::Skills { held, related, missing } => {
                let asked = held.len() + related.len() + missing.len();
                if asked == 0 {
                    return None;
                }
                let mut parts = vec![match held.len() {
                    0 => format!("has none of the {asked} skills themselves"),
                    all if all == asked => format!("has all {asked} skills ({})", names(held)),
                    some => format!("has {some} of {asked} skills ({})", names(held)),
                }];
                if let Some(best) = related.iter().max_by_key(|instead| instead.worth) {
                    parts.push(format!(
                        "has {} where {} is asked",
                        knowledge.name(best.held),
                        knowledge.name(best.asked)
                    ));
                }
                if !missing.is_empty() {
                    parts.push(format!("misses {}", names(missing)));
                }
                Some(parts.join(", "))
            }
            Self::MustHaves { missing, .. } if missing.is_empty() => None,
            Self::MustHaves { missing, .. } => Some(format!("lacks the required {}", names(missing))),
            Self::Role { asked, held } if asked == held => Some(format!("works as {}", lowered(held.label()))),
            Self::Role { asked, held } => {
                Some(format!("works as {} ({} asked)", lowered(held.label()), lowered(asked.label())))
            }
            Self::Focus { asked, listed } if asked * 2 >= *listed => None,
            Self::Focus { asked, listed } => Some(format!("{asked} of {listed} listed skills are to the point")),
            Self::Experience { months, needed_months } => Some(match (years(*months), years(*needed_months)) {
                (has, need) if months >= needed_months => format!("{has} of experience, {need} needed"),
                (has, need) => format!("only {has} of experience, {need} needed"),
            }),
            Self::Breadth { roles: 0..=MANY_ROLES } => None,
            Self::Breadth { roles } => Some(format!("lists {roles} roles")),
            Self::Rate { rate_minor, low_minor, high_minor } => Some(if rate_minor > high_minor {
                format!("asks {} an hour, above {}", dollars(*rate_minor), dollars(*high_minor))
            } else if rate_minor < low_minor {
                format!("asks {} an hour, below {}", dollars(*rate_minor), dollars(*low_minor))
            } else {
                format!("asks {} an hour, within budget", dollars(*rate_minor))
            }),
            Self::Overlap { overlap, .. } if overlap.least_minutes == overlap.most_minutes => {
                Some(format!("{} of overlap a day", hours(overlap.least_minutes)))
            }
            Self::Overlap { overlap, .. } => Some(format!(
                "{} to {} of overlap a day, by season",
                hours(overlap.least_minutes),
                hours(overlap.most_minutes)
            )),
            Self::Reputation { finished: 0, .. } => Some("new here".to_owned()),
            Self::Reputation { finished, believed } => Some(format!(
                "{finished} finished {}, {} % expected to go well",
                if *finished == 1 { "contract" } else { "contracts" },
                believed.percent()
            )),
            Self::Answers { asked: 0, .. } => None,
            Self::Answers { in_time, asked } => Some(format!("answered {in_time} of {asked} within a day")),
            Self::Interest { wanted, .. } if wanted.is_empty() => None,
            Self::Interest { wanted, .. } => Some(format!("wants to work with {}", names(wanted))),
            Self::Client { verified, hired, posted } => {
                let payment = if *verified { "verified" } else { "not verified" };
                let record = match posted {
                    0 => "no gig of theirs is over yet".to_owned(),
                    _ => format!("{hired} of {posted} gigs hired"),
                };
                Some(format!("the client's payment is {payment}, {record}"))
            }
            Self::Load { pending_milli: 0..1_000 } => None,
            Self::Load { pending_milli } => Some(format!("has about {} other offers to answer", pending_milli / 1_000)),
            Self::Crowd { proposals: 0 } => Some("no proposals yet".to_owned()),
            Self::Crowd { proposals: 1 } => Some("1 proposal so far".to_owned()),
            Self::Crowd { proposals } => Some(format!("{proposals} proposals so far")),
        }
    }
}

/// Why someone stands behind another who holds fewer of the asked skills: what costs them most beside
/// the other. `None` when nothing does.
pub fn behind(own: &[Factor], other: &[Factor]) -> Option<String> {
    let theirs = |kind: FactorKind| other.iter().find(|factor| factor.kind == kind);
    let cost = |factor: &&Factor| theirs(factor.kind).map(|there| there.contribution().minus(factor.contribution()));
    let most = own.iter().max_by_key(|factor| (cost(factor), std::cmp::Reverse(factor.kind)))?;
    if cost(&most).is_none_or(|cost| cost <= Score::ZERO) {
        return None;
    }
    let reason = match most.kind {
        FactorKind::Skills => "skills held less surely",
        FactorKind::MustHaves => "a required skill that is missing",
        FactorKind::Role => "a line of work less near",
        FactorKind::Focus => "more skills listed that nobody asked for",
        FactorKind::Text => "a profile less about this work",
        FactorKind::Seniority | FactorKind::Experience => "less experience",
        FactorKind::Breadth => "more roles listed",
        FactorKind::Rate => "a rate less within budget",
        FactorKind::Overlap => "fewer hours in common",
        FactorKind::Reputation => "a record that proves less",
        FactorKind::Answers => "slower answers",
        FactorKind::Interest => "less wish to do such work",
        FactorKind::Load => "more offers to answer",
        FactorKind::Client | FactorKind::Crowd => return None,
    };
    Some(format!("behind some with fewer of the skills for {reason}"))
}

fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// A label as it stands within a sentence: a first word with a capital inside it keeps them all.
fn lowered(label: &str) -> String {
    let mut letters = label.chars();
    let first_word = label.split(' ').next().unwrap_or_default();
    match letters.next() {
        Some(first) if !first_word.chars().skip(1).any(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => label.to_owned(),
    }
}

fn years(months: u16) -> String {
    match months {
        0..12 => "less than a year".to_owned(),
        12..24 => "1 year".to_owned(),
        _ => format!("{} years", months / 12),
    }
}

fn dollars(minor: i64) -> String {
    match minor % 100 {
        0 => format!("${}", minor / 100),
        cents => format!("${}.{cents:02}", minor / 100),
    }
}

fn hours(minutes: u16) -> String {
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("{hours} h"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_the_capitals_that_belong_to_a_name() {
        for (label, within) in [
            ("DevOps engineer", "DevOps engineer"),
            ("UI designer", "UI designer"),
            ("Front-end developer", "front-end developer"),
            ("Back-end developer", "back-end developer"),
        ] {
            assert_eq!(lowered(label), within);
        }
    }
}
