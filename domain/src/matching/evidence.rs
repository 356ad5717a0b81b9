//! Evidence: what a factor's value rests on, as facts, and how those facts read in English.

use serde::{Deserialize, Serialize};

use super::bring::SAME_WORK;
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
        /// The gig needs, if it says so.
        needed_months: Option<u16>,
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
            Self::Skills { .. } => self.skills(knowledge, &[]),
            Self::MustHaves { missing, .. } if missing.is_empty() => None,
            Self::MustHaves { missing, .. } => Some(format!("lacks the required {}", names(missing))),
            Self::Role { asked, held } if held.stands_in_for(*asked) >= SAME_WORK => {
                Some(format!("works as {}", one(held.label())))
            }
            Self::Role { asked, held } => {
                Some(format!("works as {} rather than {}", one(held.label()), one(asked.label())))
            }
            // Of none of them skills tell already.
            Self::Focus { asked: 0, .. } => None,
            Self::Focus { asked, listed } if asked * 2 >= *listed => None,
            Self::Focus { asked, listed } => {
                let are = if *asked == 1 { "is" } else { "are" };
                Some(format!("{asked} of their {listed} listed skills {are} to the point"))
            }
            Self::Experience { months, needed_months } => Some(match needed_months {
                None => format!("{} of experience", years(*months)),
                Some(needed) if months >= needed || *months < 12 => {
                    format!("{} of experience, {} needed", years(*months), years(*needed))
                }
                Some(needed) => format!("only {} of experience, {} needed", years(*months), years(*needed)),
            }),
            Self::Breadth { roles: 0..=MANY_ROLES } => None,
            Self::Breadth { roles } => Some(format!("lists {roles} roles")),
            Self::Rate { rate_minor, low_minor, high_minor } => Some(if rate_minor > high_minor {
                format!("asks {} an hour, above the budget's {}", dollars(*rate_minor), dollars(*high_minor))
            } else if rate_minor < low_minor {
                format!("asks {} an hour, below the budget's {}", dollars(*rate_minor), dollars(*low_minor))
            } else {
                format!("asks {} an hour, within budget", dollars(*rate_minor))
            }),
            Self::Overlap { overlap, .. } if overlap.most_minutes == 0 => {
                Some("no overlap of working hours".to_owned())
            }
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
                "{finished} {} finished here, the next is {} % likely to go well",
                if *finished == 1 { "contract" } else { "contracts" },
                believed.percent()
            )),
            Self::Answers { asked: 0, .. } => None,
            Self::Answers { in_time, asked } => Some(format!("answered {in_time} of {asked} invitations within a day")),
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
            Self::Load { pending_milli: 1_000..2_000 } => Some("has about one other bid or invitation open".to_owned()),
            Self::Load { pending_milli } => {
                Some(format!("has about {} other bids and invitations open", pending_milli / 1_000))
            }
            Self::Crowd { proposals: 0 } => Some("no proposals yet".to_owned()),
            Self::Crowd { proposals: 1 } => Some("1 proposal so far".to_owned()),
            Self::Crowd { proposals } => Some(format!("{proposals} proposals so far")),
        }
    }

    /// The same, where these skills are named already.
    pub(super) fn phrase_beside<K: Knowledge + ?Sized>(&self, knowledge: &K, said: &[SkillId]) -> Option<String> {
        match self {
            Self::Skills { .. } => self.skills(knowledge, said),
            other => other.phrase(knowledge),
        }
    }

    /// The skills that are missing although they are required.
    pub(super) fn required_and_missing(&self) -> &[SkillId] {
        match self {
            Self::MustHaves { missing, .. } => missing,
            _ => &[],
        }
    }

    /// Whether it is what a client would not want to find out later: it is told before what weighs more.
    pub(super) fn is_warning(&self) -> bool {
        match self {
            Self::MustHaves { missing, .. } => !missing.is_empty(),
            Self::Rate { rate_minor, high_minor, .. } => rate_minor > high_minor,
            _ => false,
        }
    }

    fn skills<K: Knowledge + ?Sized>(&self, knowledge: &K, said: &[SkillId]) -> Option<String> {
        let Self::Skills { held, related, missing } = self else { return None };
        let names = |skills: &[SkillId]| listed(skills.iter().map(|skill| knowledge.name(*skill).to_owned()).collect());
        let asked = held.len() + related.len() + missing.len();
        let nothing_near = related.is_empty();
        let related = related.iter().filter(|instead| !said.contains(&instead.asked));
        let instead = related.max_by_key(|instead| instead.worth).map(|instead| {
            format!("{} where {} is asked", knowledge.name(instead.held), knowledge.name(instead.asked))
        });
        let missing: Vec<SkillId> = missing.iter().copied().filter(|skill| !said.contains(skill)).collect();
        let mut parts = Vec::new();
        match (held.len(), asked) {
            (0, 0) => return None,
            (0, 1) => parts.extend(instead.map(|instead| format!("has {instead}"))),
            (0, _) => {
                parts.push(match asked {
                    2 => "has neither skill".to_owned(),
                    many => format!("has none of the {many} skills"),
                });
                parts.extend(instead.map(|instead| format!("but {instead}")));
            }
            (1, 1) => parts.push(format!("has {}, the skill asked for", names(held))),
            (2, 2) => parts.push(format!("has both skills ({})", names(held))),
            (all, _) if all == asked => parts.push(format!("has all {asked} skills ({})", names(held))),
            (some, _) => {
                parts.push(format!("has {some} of {asked} skills ({})", names(held)));
                parts.extend(instead.map(|instead| format!("and {instead}")));
            }
        }
        // Who has nothing of many skills misses them all.
        let is_said = held.is_empty() && nothing_near && asked > 1;
        if !missing.is_empty() && !is_said {
            parts.push(format!("misses {}", names(&missing)));
        }
        Some(parts.join(", ")).filter(|said| !said.is_empty())
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
        FactorKind::Skills => "skills that count for less here",
        FactorKind::MustHaves => "a required skill that is missing",
        FactorKind::Role => "a line of work that is further off",
        FactorKind::Focus => "more listed skills that nobody asked for",
        FactorKind::Text => "a profile less about this work",
        FactorKind::Seniority | FactorKind::Experience => "less experience",
        FactorKind::Breadth => "more roles listed",
        FactorKind::Rate => "a rate further from the budget",
        FactorKind::Overlap => "fewer hours in common",
        FactorKind::Reputation => "a record that proves less",
        FactorKind::Answers => "slower answers",
        FactorKind::Interest => "less wish to do such work",
        FactorKind::Load => "more bids and invitations open",
        FactorKind::Client | FactorKind::Crowd => return None,
    };
    Some(format!("stands behind some with fewer of the skills because of {reason}"))
}

fn listed(mut names: Vec<String>) -> String {
    // To say that there is one more takes as long as to name it.
    let more = if names.len() <= NAMED + 1 { 0 } else { names.len() - NAMED };
    names.truncate(names.len() - more);
    let last = if more > 0 { Some(format!("{more} more")) } else { names.pop() };
    match last {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

/// A label with its article, as it is spoken.
fn one(label: &str) -> String {
    // Letters that are read one by one: "a UI designer", "an SEO specialist".
    let vowel = match label.split(' ').next().unwrap_or_default() {
        "UI" | "UX" => false,
        "SEO" => true,
        word => word.starts_with(['A', 'E', 'I', 'O', 'U']),
    };
    format!("{} {}", if vowel { "an" } else { "a" }, lowered(label))
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

pub(super) fn dollars(minor: i64) -> String {
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
    use uuid::Uuid;

    use super::super::features::{AskedSkill, Budget, GigFeatures, HeldSkill, Level, Need, PersonFeatures, Seniority};
    use super::super::model::Model;
    use super::super::rank::Matcher;
    use super::super::shipped::Holders;
    use super::super::taxonomy::{Taxonomy, id_of};
    use super::*;
    use crate::id::{GigId, Id, OrganizationId, UserId};

    /// What is said of somebody who holds and works, for a gig that asks (required with !, nice to have with ~) and
    /// wants.
    fn said(held: &[&str], works: &str, asked: &[&str], wanted: &str, also: fn(&mut GigFeatures)) -> String {
        let (model, taxonomy) = (Model::shipped(), Taxonomy::shipped());
        let knowledge = Holders::new(taxonomy, model);
        let asks = |slug: &&str| match slug.split_at(1) {
            ("!", slug) => AskedSkill { skill: id_of(slug), need: Need::Must },
            ("~", slug) => AskedSkill { skill: id_of(slug), need: Need::Nice },
            _ => AskedSkill { skill: id_of(slug), need: Need::Useful },
        };
        let ids = (GigId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
        let mut gig = GigFeatures {
            skills: asked.iter().map(asks).collect(),
            roles: vec![wanted.parse().unwrap()],
            ..GigFeatures::new(ids.0, ids.1)
        };
        also(&mut gig);
        let person = PersonFeatures {
            skills: held.iter().map(|slug| HeldSkill { skill: id_of(slug), level: Level::Claimed }).collect(),
            roles: vec![works.parse().unwrap()],
            rate_minor: Some(4_000),
            experience_months: Some(60),
            ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(3)))
        };
        let now = crate::Timestamp::UNIX_EPOCH;
        Matcher { model, knowledge: &knowledge, now }.explain(&gig, &person).sentence
    }

    #[test]
    fn sentences_say_what_a_client_would_want_to_know() {
        let nothing: fn(&mut GigFeatures) = |_| ();
        let senior: fn(&mut GigFeatures) = |gig| gig.seniority = Some(Seniority::Senior);
        let cheap: fn(&mut GigFeatures) =
            |gig| gig.budget = Budget::Hourly { low_minor: 1_000, high_minor: 3_250, firm: false };
        type Case =
            (&'static [&'static str], &'static str, &'static [&'static str], &'static str, fn(&mut GigFeatures));
        let cases: [(Case, &str); 8] = [
            (
                (
                    &["rust", "postgresql"],
                    "back-end-developer",
                    &["!rust", "!postgresql"],
                    "software-engineer",
                    nothing,
                ),
                "Has both skills (Rust and PostgreSQL); works as a back-end developer; 5 years of experience; \
                 new here.",
            ),
            (
                (
                    &["typescript", "css"],
                    "front-end-developer",
                    &["!react", "typescript", "~css"],
                    "front-end-developer",
                    senior,
                ),
                "Has 2 of 3 skills (TypeScript and CSS); lacks the required React; works as a front-end developer; \
                 only 5 years of experience, 6 years needed.",
            ),
            (
                (&["figma"], "ui-designer", &["!logo-design", "!brand-identity"], "graphic-designer", nothing),
                "Has neither skill; lacks the required Logo design and Brand identity; works as a UI designer rather \
                 than a graphic designer; 5 years of experience.",
            ),
            (
                (&["react"], "front-end-developer", &["react"], "front-end-developer", cheap),
                "Has React, the skill asked for; works as a front-end developer; 5 years of experience; \
                 asks $40 an hour, above the budget's $32.50.",
            ),
            (
                (&["css"], "seo-specialist", &["rust"], "accountant", nothing),
                "Misses Rust; works as an SEO specialist rather than an accountant; 5 years of experience; new here.",
            ),
            (
                (&["php"], "web-developer", &["laravel"], "back-end-developer", nothing),
                "Has PHP where Laravel is asked; works as a web developer; 5 years of experience; new here.",
            ),
            (
                (&["php"], "web-developer", &["laravel", "mysql"], "back-end-developer", nothing),
                "Has neither skill, but PHP where Laravel is asked, misses MySQL; works as a web developer; 5 years of \
                 experience; new here.",
            ),
            (
                (
                    &["aws", "docker", "linux", "terraform", "kubernetes"],
                    "devops-engineer",
                    &["aws", "docker", "linux", "terraform", "kubernetes"],
                    "devops-engineer",
                    nothing,
                ),
                "Has all 5 skills (AWS, Docker, Linux and 2 more); works as a DevOps engineer; 5 years of \
                 experience; new here.",
            ),
        ];
        for ((held, works, asked, wanted, also), sentence) in cases {
            assert_eq!(said(held, works, asked, wanted, also), sentence, "{held:?} {asked:?}");
        }
    }

    #[test]
    fn few_things_are_all_named() {
        let named = |count: usize| listed((1..=count).map(|nth| format!("{nth}")).collect());
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 9].map(named),
            ["", "1", "1 and 2", "1, 2 and 3", "1, 2, 3 and 4", "1, 2, 3 and 2 more", "1, 2, 3 and 6 more"]
        );
    }

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
