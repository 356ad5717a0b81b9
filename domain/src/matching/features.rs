//! What matching knows of a gig and of a person: plain values, gathered by the shell.
//!
//! Whatever is unknown is `None` or empty and counts as neither good nor bad. No attribute that
//! the law protects is here, so none can be a factor.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fixed::Value;
use super::overlap::{Dates, WorkDay};
use super::role::Role;
use crate::Timestamp;
use crate::id::{GigId, OrganizationId, SkillId, UserId};

/// A gig, as matching sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GigFeatures {
    /// Which gig.
    pub id: GigId,
    /// Whose gig.
    pub client: OrganizationId,
    /// Whether it takes proposals now.
    pub open: bool,
    /// The skills it asks for.
    pub skills: Vec<AskedSkill>,
    /// The roles it is for, the likeliest first.
    pub roles: Vec<Role>,
    /// How experienced a person it wants.
    pub seniority: Option<Seniority>,
    /// What its title and description are about.
    pub text: Text,
    /// What it pays.
    pub budget: Budget,
    /// The hours a week it needs.
    pub weekly_hours: Option<u16>,
    /// When the client works.
    pub work_day: Option<WorkDay>,
    /// The overlap that is required, in minutes a day; shorter leaves a person out.
    pub overlap_minutes: Option<u16>,
    /// When it is expected to run; the model's usual length from now when unknown.
    pub dates: Option<Dates>,
    /// The languages it requires.
    pub languages: Vec<Language>,
    /// The countries a person may work from; empty when any.
    pub countries: BTreeSet<Country>,
    /// How the client has dealt with people so far.
    pub client_record: ClientRecord,
    /// Live proposals on it.
    pub proposals: u32,
}

/// A person, as matching sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonFeatures {
    /// Who.
    pub id: UserId,
    /// Whether they may be matched at all.
    pub standing: Standing,
    /// The skills they hold.
    pub skills: Vec<HeldSkill>,
    /// The roles they work in.
    pub roles: Vec<Role>,
    /// Professional experience, in months.
    pub experience_months: Option<u16>,
    /// What their headline and overview are about.
    pub text: Text,
    /// The skills they would like to work with.
    pub wants: Vec<SkillId>,
    /// What they ask, in US cents an hour.
    pub rate_minor: Option<i64>,
    /// The least they take, in US cents an hour.
    pub floor_minor: Option<i64>,
    /// The least fixed price they take, in US cents.
    pub fixed_floor_minor: Option<i64>,
    /// The hours a week they have free.
    pub free_hours: Option<u16>,
    /// When they work.
    pub work_day: Option<WorkDay>,
    /// The languages they speak.
    pub languages: Vec<Language>,
    /// Where they work from.
    pub country: Option<Country>,
    /// Clients whom a block keeps them apart from, whoever set it.
    pub blocked: BTreeSet<OrganizationId>,
    /// The team they are shown with, if they bid as part of one.
    pub team: Option<u64>,
    /// What became of their work.
    pub outcomes: Outcomes,
    /// How they answer.
    pub answers: Answers,
    /// What they have on their hands.
    pub load: Load,
    /// How often they were shown, and how often they deserved to be.
    pub exposure: Exposure,
    /// What tells them from one who is here already. Scores know nothing of it; places that wait for newcomers do.
    pub known: Known,
}

/// A skill that a gig asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedSkill {
    /// Which.
    pub skill: SkillId,
    /// How much it is asked for.
    pub need: Need,
}

/// How much a skill is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Need {
    /// Nice to have.
    Nice,
    /// Part of the work: in the description.
    Useful,
    /// What the gig is about: in its title.
    Core,
    /// Required: going without is named in the explanation and counts against a match.
    Must,
}

/// A skill that a person holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSkill {
    /// Which.
    pub skill: SkillId,
    /// How well, and how surely.
    pub level: Level,
}

/// How well a skill is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Beginning, by their own account.
    Beginner,
    /// Held, by their own account.
    Claimed,
    /// Verified by a credential, a test, or two finished contracts.
    Verified,
}

/// How experienced a person a gig wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Seniority {
    /// A year will do.
    Junior,
    /// Some years.
    Mid,
    /// Many.
    Senior,
}

/// The direction a text points in: components of a unit vector, in 127ths. Empty when unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<i8>);

impl Text {
    /// The cosine of the angle between two texts, with opposites counted as unrelated. `None` when
    /// either is unknown or they come from different tables.
    pub fn likeness(&self, other: &Self) -> Option<Value> {
        if self.0.is_empty() || self.0.len() != other.0.len() {
            return None;
        }
        Some(cosine(dot(&self.0, &other.0), dot(&self.0, &self.0), dot(&other.0, &other.0)))
    }
}

/// The sum of products, so many at a time that a processor does several at once.
pub(super) fn dot(one: &[i8], other: &[i8]) -> i64 {
    let product = |(one, other): (&i8, &i8)| i32::from(*one) * i32::from(*other);
    let (ones, rest) = one.as_chunks::<DOT_CHUNK>();
    let (others, other_rest) = other.as_chunks::<DOT_CHUNK>();
    let chunk = |(one, other): (&[i8; DOT_CHUNK], &[i8; DOT_CHUNK])| -> i64 {
        i64::from(one.iter().zip(other).map(product).sum::<i32>())
    };
    let rest: i64 = rest.iter().zip(other_rest).map(|pair| i64::from(product(pair))).sum();
    ones.iter().zip(others).map(chunk).sum::<i64>() + rest
}

/// Texts are as long as this, or a multiple of it.
const DOT_CHUNK: usize = 128;

/// The cosine from the sum of products and the two squared lengths; opposites count as unrelated.
pub(super) fn cosine(product: i64, square: i64, other_square: i64) -> Value {
    let lengths = square.unsigned_abs() * other_square.unsigned_abs();
    // Squared lengths are below 2^21 each, so their product times 10^4 still fits.
    let scaled_length = i64::try_from((lengths * 10_000).isqrt()).unwrap_or(i64::MAX);
    Value::ratio(product.max(0) * 100, scaled_length)
}

/// What a gig pays, in US cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Budget {
    /// Not said.
    Open,
    /// By the hour, within a range.
    Hourly {
        /// The lowest rate expected.
        low_minor: i64,
        /// The highest.
        high_minor: i64,
        /// Whether a higher rate leaves a person out.
        firm: bool,
    },
    /// A price for the whole.
    Fixed {
        /// The price.
        total_minor: i64,
    },
}

/// An ISO 3166 country code of two capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// Text that is not a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country is two capital letters, like PK")]
pub struct BadCountry;

impl std::str::FromStr for Country {
    type Err = BadCountry;
    fn from_str(text: &str) -> Result<Self, BadCountry> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(BadCountry),
        }
    }
}

impl Country {
    /// Its two letters.
    pub fn as_str(&self) -> &str {
        // Only letters ever get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for Country {
    type Error = BadCountry;
    fn try_from(text: String) -> Result<Self, BadCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

/// A language and how well it is spoken or must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// The ISO 639 code, in lower case.
    pub code: String,
    /// How well.
    pub fluency: Fluency,
}

/// How well a language is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fluency {
    /// Enough to get by.
    Basic,
    /// Enough to work in.
    Conversational,
    /// With ease.
    Fluent,
    /// From childhood.
    Native,
}

/// Whether a person may be matched at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Yes.
    Active,
    /// They hid their profile, or have not been seen for long.
    Away,
    /// A moderator suspended them.
    Suspended,
    /// A screening hit holds them.
    Screened,
}

/// What tells somebody from another account of one who is here already. Accounts cost nothing, so each step is
/// something of which a person has few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Known {
    /// Nothing.
    Not,
    /// They read mail at their address.
    ByMail,
    /// They do, and have given a bank account that money could go to by now, and that is theirs as far as is known:
    /// money came to them there, and to nobody else who gave it sooner; or it came to nobody, and nobody gave it before
    /// them.
    ByAccount,
}

impl Known {
    /// By what somebody is known.
    pub fn of(reads_mail: bool, has_account_of_their_own: bool) -> Self {
        match (reads_mail, has_account_of_their_own) {
            (false, _) => Self::Not,
            (true, false) => Self::ByMail,
            (true, true) => Self::ByAccount,
        }
    }
}

/// What became of a person's finished work, each outcome weighed by age and value, in thousandths
/// of an outcome: see [`super::reputation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// That went well.
    pub good_milli: u32,
    /// That did not.
    pub bad_milli: u32,
    /// Contracts finished, unweighed.
    pub finished: u32,
}

/// How a person answers invitations and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    /// How many waited for an answer.
    pub asked: u32,
    /// How many had one within 24 hours.
    pub in_time: u32,
}

/// What a person has on their hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Contracts that run.
    pub active_contracts: u32,
    /// How many they take at once.
    pub capacity: u32,
    /// Invitations and live proposals of late, each fading by a fifth a day, in thousandths.
    pub pending_milli: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self { active_contracts: 0, capacity: 1, pending_milli: 0 }
    }
}

/// How a person has been shown so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exposure {
    /// The attention they got: impressions by position, in thousandths of a first place.
    pub attention_milli: u64,
    /// The attention their scores deserved.
    pub merit_milli: u64,
    /// Impressions in a newcomer's slot since anyone last looked at their profile from one.
    pub unanswered: u32,
}

/// How a client has dealt with people so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientRecord {
    /// Whether a payment method is verified.
    pub verified: bool,
    /// Gigs that came to their end: filled, expired or cancelled.
    pub posted: u32,
    /// Of those, gigs that hired someone.
    pub hired: u32,
}

impl GigFeatures {
    /// A gig of which nothing is known but that it is open.
    pub fn new(id: GigId, client: OrganizationId) -> Self {
        Self {
            id,
            client,
            open: true,
            skills: Vec::new(),
            roles: Vec::new(),
            seniority: None,
            text: Text::default(),
            budget: Budget::Open,
            weekly_hours: None,
            work_day: None,
            overlap_minutes: None,
            dates: None,
            languages: Vec::new(),
            countries: BTreeSet::new(),
            client_record: ClientRecord::default(),
            proposals: 0,
        }
    }

    /// The dates it is expected to run.
    pub fn dates_from(&self, now: Timestamp, usual_days: u16) -> Dates {
        self.dates.unwrap_or_else(|| Dates::next(now, usual_days))
    }
}

/// Amounts that people are used to, by their first two digits.
const ROUND: [i64; 20] = [10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95];

/// The next round amount that is no less.
fn about(minor: i64) -> i64 {
    let digits = u32::try_from(minor).map_or(0, |minor| minor.checked_ilog10().unwrap_or_default());
    let unit = 10_i64.pow(digits.saturating_sub(1));
    let round = ROUND.into_iter().chain([100]).map(|first| first * unit);
    round.into_iter().find(|round| minor >= ROUND[0] && *round >= minor).unwrap_or(minor)
}

impl PersonFeatures {
    /// The same, as a client's ranking may know them. The least that somebody takes is theirs alone to see, and whoever
    /// moves a budget up and down sees when they come and go: with it rounded up, by a third at most, that tells no
    /// more than about what it is. Nobody is offered less than they take by that.
    #[must_use]
    pub fn seen_by_clients(self) -> Self {
        Self { floor_minor: self.floor_minor.map(about), fixed_floor_minor: self.fixed_floor_minor.map(about), ..self }
    }

    /// The same, as lists of their own know them: who is not shown to clients looks for work all the same.
    #[must_use]
    pub fn seen_by_themselves(self) -> Self {
        let standing = match self.standing {
            Standing::Active | Standing::Away => Standing::Active,
            kept @ (Standing::Suspended | Standing::Screened) => kept,
        };
        Self { standing, ..self }
    }

    /// A person of whom nothing is known but that they are active.
    pub fn new(id: UserId) -> Self {
        Self {
            id,
            standing: Standing::Active,
            skills: Vec::new(),
            roles: Vec::new(),
            experience_months: None,
            text: Text::default(),
            wants: Vec::new(),
            rate_minor: None,
            floor_minor: None,
            fixed_floor_minor: None,
            free_hours: None,
            work_day: None,
            languages: Vec::new(),
            country: None,
            blocked: BTreeSet::new(),
            team: None,
            outcomes: Outcomes::default(),
            answers: Answers::default(),
            load: Load::default(),
            exposure: Exposure::default(),
            known: Known::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    #[test]
    fn texts_are_alike_by_their_angle() {
        let text = |parts: &[i8]| Text(parts.to_vec());
        assert_eq!(text(&[100, 0]).likeness(&text(&[50, 0])), Some(Value::ONE));
        assert_eq!(text(&[100, 0]).likeness(&text(&[0, 90])), Some(Value::ZERO));
        assert_eq!(text(&[100, 0]).likeness(&text(&[-100, 0])), Some(Value::ZERO));
        let half = text(&[127, 0]).likeness(&text(&[50, 87])).unwrap();
        assert!((490_000..510_000).contains(&half.as_micro()), "{half}");
        assert_eq!(text(&[]).likeness(&text(&[1])), None);
        assert_eq!(text(&[0, 0]).likeness(&text(&[1, 1])), Some(Value::ZERO));
    }

    #[test]
    fn clients_know_about_what_somebody_takes_and_never_less() {
        for (minor, told) in [(0, 0), (7, 7), (10, 10), (11, 12), (6_000, 6_000), (6_001, 6_500), (3_730, 4_000)] {
            assert_eq!(about(minor), told, "{minor}");
        }
        for minor in (1..=100_000_000).step_by(997) {
            let told = about(minor);
            assert!((minor..=minor + minor / 3 + 1).contains(&told) && about(told) == told, "{minor}: {told}");
        }
        assert_eq!(about(i64::MAX), i64::MAX);
        let person = PersonFeatures {
            rate_minor: Some(6_123),
            floor_minor: Some(3_730),
            fixed_floor_minor: Some(123_456),
            ..PersonFeatures::new(UserId::from_uuid(uuid::Uuid::from_u128(1)))
        };
        let told = PersonFeatures { floor_minor: Some(4_000), fixed_floor_minor: Some(150_000), ..person.clone() };
        assert_eq!(person.seen_by_clients(), told, "of what they take, and of nothing else");
    }

    #[test]
    fn who_hides_is_there_for_themselves() {
        let person =
            |standing| PersonFeatures { standing, ..PersonFeatures::new(UserId::from_uuid(uuid::Uuid::from_u128(1))) };
        for (standing, seen) in [
            (Standing::Active, Standing::Active),
            (Standing::Away, Standing::Active),
            (Standing::Suspended, Standing::Suspended),
            (Standing::Screened, Standing::Screened),
        ] {
            assert_eq!(person(standing).seen_by_themselves(), person(seen), "{standing:?}");
        }
    }

    #[test]
    fn countries_are_two_capital_letters() {
        assert!("PK".parse::<Country>().is_ok());
        for text in ["pk", "PAK", "", "P1"] {
            assert_eq!(text.parse::<Country>(), Err(BadCountry), "{text}");
        }
    }
}
