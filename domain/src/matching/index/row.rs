//! A row: the numbers of one person in 64 bytes, one line of a processor's cache.

use super::super::features::{Answers, Exposure, Known, Load, Outcomes, PersonFeatures, Standing};
use super::super::model::FairnessRules;
use super::super::role::Role;

/// The numbers of one person. The largest value of a field that may be unknown means unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub struct Row {
    pub rate: u32,
    pub floor: u32,
    pub fixed_floor: u32,
    pub good: u32,
    pub bad: u32,
    pub pending: u32,
    pub attention: u32,
    pub merit: u32,
    pub held_end: u32,
    pub wants_end: u32,
    pub finished: u16,
    pub asked: u16,
    pub in_time: u16,
    pub months: u16,
    pub work_day: u16,
    pub country: u16,
    pub languages: u16,
    pub free_hours: u8,
    pub active: u8,
    pub capacity: u8,
    /// Whether they may be matched in the lower half, by what they are known in the upper.
    pub standing: u8,
    pub unanswered: u8,
    pub roles: [u8; ROLES],
}

/// So many of a person's roles are kept, the first ones.
pub const ROLES: usize = 5;
/// No role.
pub const NO_ROLE: u8 = u8::MAX;

/// Half of a byte's bits.
const HALF: u32 = 4;

fn standing_number(standing: Standing) -> u8 {
    match standing {
        Standing::Active => 0,
        Standing::Away => 1,
        Standing::Suspended => 2,
        Standing::Screened => 3,
    }
}

fn known_number(known: Known) -> u8 {
    match known {
        Known::Not => 0,
        Known::ByMail => 1,
        Known::ByAccount => 2,
    }
}

impl Row {
    /// The bytes of a row in a snapshot.
    pub const BYTES: usize = 64;

    /// The numbers of a person; what is kept elsewhere is given.
    pub fn of(person: &PersonFeatures, lists: Lists) -> Self {
        let mut roles = [NO_ROLE; ROLES];
        for (kept, role) in roles.iter_mut().zip(&person.roles) {
            *kept = role.number();
        }
        Self {
            rate: known(person.rate_minor),
            floor: known(person.floor_minor),
            fixed_floor: known(person.fixed_floor_minor),
            good: person.outcomes.good_milli,
            bad: person.outcomes.bad_milli,
            pending: person.load.pending_milli,
            attention: narrow(person.exposure.attention_milli),
            merit: narrow(person.exposure.merit_milli),
            held_end: lists.held_end,
            wants_end: lists.wants_end,
            finished: narrow(person.outcomes.finished),
            asked: narrow(person.answers.asked),
            in_time: narrow(person.answers.in_time),
            months: person.experience_months.map_or(u16::MAX, |months| months.min(u16::MAX - 1)),
            work_day: lists.work_day,
            country: lists.country,
            languages: lists.languages,
            free_hours: person.free_hours.map_or(u8::MAX, |hours| u8::try_from(hours).unwrap_or(u8::MAX - 1)),
            active: narrow(person.load.active_contracts),
            capacity: narrow(person.load.capacity),
            standing: standing_number(person.standing) | known_number(person.known) << HALF,
            unanswered: narrow(person.exposure.unanswered),
            roles,
        }
    }

    /// Put the numbers back where they came from.
    pub fn fill(&self, person: &mut PersonFeatures) {
        person.rate_minor = unknown(self.rate);
        person.floor_minor = unknown(self.floor);
        person.fixed_floor_minor = unknown(self.fixed_floor);
        person.outcomes = Outcomes { good_milli: self.good, bad_milli: self.bad, finished: u32::from(self.finished) };
        person.load = Load {
            active_contracts: u32::from(self.active),
            capacity: u32::from(self.capacity),
            pending_milli: self.pending,
        };
        person.exposure = Exposure {
            attention_milli: u64::from(self.attention),
            merit_milli: u64::from(self.merit),
            unanswered: u32::from(self.unanswered),
        };
        person.answers = Answers { asked: u32::from(self.asked), in_time: u32::from(self.in_time) };
        person.experience_months = (self.months != u16::MAX).then_some(self.months);
        person.free_hours = (self.free_hours != u8::MAX).then_some(u16::from(self.free_hours));
        person.standing = self.standing();
        person.known = self.known();
        person.roles = self.roles().collect();
    }

    /// Whether they may be matched at all.
    pub fn standing(&self) -> Standing {
        match self.standing & ((1 << HALF) - 1) {
            0 => Standing::Active,
            1 => Standing::Away,
            2 => Standing::Suspended,
            _ => Standing::Screened,
        }
    }

    /// May they be placed beyond a crowd of newcomers?
    pub fn stands_out(&self, rules: &FairnessRules) -> bool {
        u32::from(self.finished) < rules.newcomer_until
            && self.known() == Known::ByAccount
            && u32::from(self.unanswered) < rules.newcomer_patience
    }

    /// By what they are known.
    fn known(&self) -> Known {
        match self.standing >> HALF {
            0 => Known::Not,
            1 => Known::ByMail,
            _ => Known::ByAccount,
        }
    }

    /// Their roles.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.roles.into_iter().filter_map(Role::from_number)
    }

    /// As the bytes of a snapshot.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let wide = [
            self.rate,
            self.floor,
            self.fixed_floor,
            self.good,
            self.bad,
            self.pending,
            self.attention,
            self.merit,
            self.held_end,
            self.wants_end,
        ];
        let middle =
            [self.finished, self.asked, self.in_time, self.months, self.work_day, self.country, self.languages];
        let narrow = [self.free_hours, self.active, self.capacity, self.standing, self.unanswered];
        let all = wide
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .chain(middle.iter().flat_map(|number| number.to_le_bytes()))
            .chain(narrow)
            .chain(self.roles);
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        bytes
    }

    /// From the bytes of a snapshot.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let wide =
            |at: usize| u32::from_le_bytes([bytes[at * 4], bytes[at * 4 + 1], bytes[at * 4 + 2], bytes[at * 4 + 3]]);
        let middle = |at: usize| u16::from_le_bytes([bytes[40 + at * 2], bytes[41 + at * 2]]);
        Self {
            rate: wide(0),
            floor: wide(1),
            fixed_floor: wide(2),
            good: wide(3),
            bad: wide(4),
            pending: wide(5),
            attention: wide(6),
            merit: wide(7),
            held_end: wide(8),
            wants_end: wide(9),
            finished: middle(0),
            asked: middle(1),
            in_time: middle(2),
            months: middle(3),
            work_day: middle(4),
            country: middle(5),
            languages: middle(6),
            free_hours: bytes[54],
            active: bytes[55],
            capacity: bytes[56],
            standing: bytes[57],
            unanswered: bytes[58],
            roles: [bytes[59], bytes[60], bytes[61], bytes[62], bytes[63]],
        }
    }
}

/// What of a person is kept outside their row.
#[derive(Debug, Clone, Copy)]
pub struct Lists {
    pub held_end: u32,
    pub wants_end: u32,
    pub work_day: u16,
    pub country: u16,
    pub languages: u16,
}

fn known(minor: Option<i64>) -> u32 {
    minor.map_or(u32::MAX, |minor| u32::try_from(minor.max(0)).unwrap_or(u32::MAX - 1))
}

fn unknown(minor: u32) -> Option<i64> {
    (minor != u32::MAX).then_some(i64::from(minor))
}

/// The number, or the largest there is room for.
fn narrow<W, N: TryFrom<W> + Bounded>(number: W) -> N {
    N::try_from(number).unwrap_or(N::LARGEST)
}

trait Bounded {
    const LARGEST: Self;
}
impl Bounded for u8 {
    const LARGEST: Self = Self::MAX;
}
impl Bounded for u16 {
    const LARGEST: Self = Self::MAX;
}
impl Bounded for u32 {
    const LARGEST: Self = Self::MAX;
}
