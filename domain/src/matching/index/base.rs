//! The base: people in columns, ordered by what no gig changes of their scores, and for each skill the
//! list of who holds it. Never changed once built.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::features::{Country, HeldSkill, Language, Level, PersonFeatures, Text, dot};
use super::super::model::Model;
use super::super::overlap::WorkDay;
use super::super::role::Role;
use super::lists::LEVEL_BITS;
use super::order::{Place, in_order};
use super::row::{Lists, Row};
use super::statics::{BLOCK, Experience, Reckoned, Statics, alone};
use super::texts::Texts;
use crate::id::{Id, OrganizationId, SkillId, UserId};

/// People in columns. Those stand together who are alike in what scores are bounded by (`order.rs`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Base {
    pub(super) ids: Vec<u128>,
    pub(super) rows: Vec<Row>,
    /// Held skills of all rows, one after the other: number times 4, plus the level.
    pub(super) held: Vec<u16>,
    /// Wanted skills of all rows.
    pub(super) wants: Vec<u16>,
    /// Texts of all rows, `text_width` numbers each.
    pub(super) texts: Texts,
    pub(super) text_width: usize,
    /// The squared lengths of all texts.
    pub(super) squares: Vec<u32>,
    pub(super) posting_ends: Vec<u32>,
    /// Rows, each with the level in the lowest bits.
    pub(super) postings: Vec<u32>,
    pub(super) role_postings: Vec<Vec<u32>>,
    /// Where the rows of each block start on the list of a skill, if it is long, and of a role.
    pub(super) starts: Vec<Vec<u32>>,
    pub(super) role_starts: Vec<Vec<u32>>,
    pub(super) side: Side,
    pub(super) skill_numbers: HashMap<SkillId, u16>,
    pub(super) by_id: Vec<u32>,
    pub(super) reckoned: Reckoned,
}

/// What few people have or many share.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Side {
    pub skills: Vec<SkillId>,
    pub work_days: Vec<WorkDay>,
    pub countries: Vec<Country>,
    pub languages: Vec<Vec<Language>>,
    pub teams: BTreeMap<u32, u64>,
    pub blocked: BTreeMap<u32, BTreeSet<OrganizationId>>,
}

/// Skills past this many are kept as one nameless other.
const MOST_SKILLS: usize = 16_383;

impl Base {
    /// How many people it holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it holds no one.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len_rows(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The row of a person.
    pub fn find(&self, person: UserId) -> Option<u32> {
        let id = person.uuid().as_u128();
        let at = self.by_id.binary_search_by_key(&id, |row| self.ids[*row as usize]).ok()?;
        Some(self.by_id[at])
    }

    /// The person of a row, as they were when the base was built.
    pub fn person(&self, row: u32) -> PersonFeatures {
        let at = row as usize;
        let mut person = PersonFeatures::new(UserId::from_uuid(uuid::Uuid::from_u128(self.ids[at])));
        let numbers = &self.rows[at];
        numbers.fill(&mut person);
        person.skills = self
            .held_of(at)
            .iter()
            .map(|packed| HeldSkill { skill: self.skill(packed / 4), level: unpacked_level(*packed) })
            .collect();
        person.wants = self.wants_of(at).iter().map(|number| self.skill(*number)).collect();
        let text = self.text_of(at);
        // Nothing but zeros points nowhere: it stands for a text that is not known.
        person.text = Text(if text.iter().all(|part| *part == 0) { Vec::new() } else { text.to_vec() });
        person.work_day = self.side.work_days.get(usize::from(numbers.work_day)).copied();
        person.country = self.side.countries.get(usize::from(numbers.country)).copied();
        person.languages = self.side.languages.get(usize::from(numbers.languages)).cloned().unwrap_or_default();
        person.team = self.side.teams.get(&row).copied();
        person.blocked = self.side.blocked.get(&row).cloned().unwrap_or_default();
        person
    }

    /// The skills of a row.
    pub(super) fn skills_of(&self, row: u32) -> impl Iterator<Item = SkillId> {
        self.held_of(row as usize).iter().map(|packed| self.skill(packed / 4))
    }

    pub(super) fn held_of(&self, at: usize) -> &[u16] {
        let start = if at == 0 { 0 } else { self.rows[at - 1].held_end };
        &self.held[start as usize..self.rows[at].held_end as usize]
    }

    pub(super) fn wants_of(&self, at: usize) -> &[u16] {
        let start = if at == 0 { 0 } else { self.rows[at - 1].wants_end };
        &self.wants[start as usize..self.rows[at].wants_end as usize]
    }

    pub(super) fn text_of(&self, at: usize) -> &[i8] {
        &self.texts[at * self.text_width..(at + 1) * self.text_width]
    }

    /// What no gig changes of everyone's scores, by this model: reckoned when first asked for.
    pub(super) fn statics(&self, model: &Model) -> Arc<Statics> {
        self.reckoned.of(self, model)
    }

    /// The rows of those who hold a skill, the best first, each with the level in its lowest bits.
    pub(super) fn posting(&self, skill: u16) -> &[u32] {
        let at = usize::from(skill);
        let start = if at == 0 { 0 } else { self.posting_ends[at - 1] };
        &self.postings[start as usize..self.posting_ends[at] as usize]
    }

    /// The rows of those who work in a role, the best first.
    pub(super) fn role_posting(&self, role: Role) -> &[u32] {
        self.role_postings.get(usize::from(role.number())).map_or(&[], Vec::as_slice)
    }

    /// Where on a skill's list the rows of each block start, and where the last ones end; nothing, if it is short.
    pub(super) fn skill_starts(&self, skill: u16) -> &[u32] {
        self.starts.get(usize::from(skill)).map_or(&[], Vec::as_slice)
    }

    /// The same, on the list of a role.
    pub(super) fn role_starts(&self, role: Role) -> &[u32] {
        self.role_starts.get(usize::from(role.number())).map_or(&[], Vec::as_slice)
    }

    fn skill(&self, number: u16) -> SkillId {
        self.side.skills.get(usize::from(number)).copied().unwrap_or_else(|| SkillId::from_uuid(uuid::Uuid::nil()))
    }

    /// How many hold which skill.
    pub fn holders(&self) -> impl Iterator<Item = (SkillId, u64)> {
        self.side.skills.iter().zip(0..).map(|(skill, number)| (*skill, self.posting(number).len() as u64))
    }

    /// The memory it takes, in bytes, without what few people have.
    pub fn bytes(&self) -> usize {
        self.ids.len() * (16 + 4)
            + self.reckoned.bytes()
            + self.rows.len() * size_of::<Row>()
            + (self.held.len() + self.wants.len()) * 2
            + self.texts.len()
            + [&self.role_postings, &self.starts, &self.role_starts]
                .into_iter()
                .flatten()
                .map(|list| list.len() * 4)
                .sum::<usize>()
            + (self.posting_ends.len() + self.postings.len() + self.by_id.len() + self.squares.len()) * 4
    }

    /// What follows from the columns: lengths of texts, posting lists and the ways to find a skill and a person.
    pub(super) fn complete(&mut self) {
        let square = |at| u32::try_from(dot(self.text_of(at), self.text_of(at))).unwrap_or(u32::MAX);
        self.squares = (0..self.rows.len()).map(square).collect();
        self.skill_numbers = self.side.skills.iter().copied().zip(0..).collect();
        let mut ends = vec![0_u32; self.side.skills.len()];
        for packed in &self.held {
            if let Some(count) = ends.get_mut(usize::from(packed / 4)) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            let count = *end;
            *end = sum;
            sum += count;
        }
        let mut postings = vec![0_u32; sum as usize];
        for row in 0..self.len_rows() {
            for packed in self.held_of(row as usize) {
                if let Some(next) = ends.get_mut(usize::from(packed / 4)) {
                    postings[*next as usize] = row << LEVEL_BITS | u32::from(packed % 4);
                    *next += 1;
                }
            }
        }
        self.posting_ends = ends;
        self.postings = postings;
        self.role_postings = vec![Vec::new(); Role::all().count()];
        for (row, numbers) in (0..).zip(&self.rows) {
            for role in numbers.roles() {
                self.role_postings[usize::from(role.number())].push(row);
            }
        }
        let blocks = self.rows.len().div_ceil(BLOCK);
        let lists = (0..self.side.skills.len()).map(|number| self.posting(u16::try_from(number).unwrap_or(u16::MAX)));
        self.starts = lists.map(|list| starts_of_blocks(list, LEVEL_BITS, blocks)).collect();
        self.role_starts = self.role_postings.iter().map(|list| starts_of_blocks(list, 0, blocks)).collect();
        self.by_id = (0..self.len_rows()).collect();
        self.by_id.sort_unstable_by_key(|row| self.ids[*row as usize]);
    }
}

/// Where the rows of each block start on a list that has no fewer rows than there are blocks, and where the last ones
/// end.
fn starts_of_blocks(list: &[u32], level_bits: u32, blocks: usize) -> Vec<u32> {
    if list.len() < blocks {
        return Vec::new();
    }
    let mut starts = Vec::with_capacity(blocks + 1);
    for (packed, at) in list.iter().zip(0..) {
        starts.resize(((packed >> level_bits) as usize / BLOCK + 1).max(starts.len()), at);
    }
    starts.resize(blocks + 1, u32::try_from(list.len()).unwrap_or(u32::MAX));
    starts
}

/// Builds a base, one person at a time.
#[derive(Debug, Default)]
pub struct Builder {
    base: Base,
    work_days: HashMap<WorkDay, u16>,
    countries: HashMap<Country, u16>,
    languages: HashMap<Vec<(String, u8)>, u16>,
}

impl Builder {
    /// Add a person. One who is added twice stays once, as they came last.
    pub fn add(&mut self, person: &PersonFeatures) {
        let base = &mut self.base;
        let row = base.len_rows();
        if base.text_width == 0 {
            // The first text that is known says how long they are; those before it were not.
            base.text_width = person.text.0.len();
            base.texts.resize(base.rows.len() * base.text_width);
        }
        for held in &person.skills {
            let number = number_of(&mut base.skill_numbers, &mut base.side.skills, held.skill);
            base.held.push(number * 4 + packed_level(held.level));
        }
        for want in &person.wants {
            base.wants.push(number_of(&mut base.skill_numbers, &mut base.side.skills, *want));
        }
        // A text of another table says nothing beside the others: it is kept as unknown.
        if person.text.0.len() == base.text_width {
            base.texts.extend(&person.text.0);
        } else {
            base.texts.resize(base.texts.len() + base.text_width);
        }
        let spoken = person.languages.iter().map(|language| (language.code.clone(), language.fluency as u8)).collect();
        let lists = Lists {
            held_end: u32::try_from(base.held.len()).unwrap_or(u32::MAX),
            wants_end: u32::try_from(base.wants.len()).unwrap_or(u32::MAX),
            work_day: person
                .work_day
                .map_or(u16::MAX, |day| shared(&mut self.work_days, &mut base.side.work_days, day, day)),
            country: person
                .country
                .map_or(u16::MAX, |country| shared(&mut self.countries, &mut base.side.countries, country, country)),
            languages: shared(&mut self.languages, &mut base.side.languages, spoken, person.languages.clone()),
        };
        base.ids.push(person.id.uuid().as_u128());
        base.rows.push(Row::of(person, lists));
        if let Some(team) = person.team {
            base.side.teams.insert(row, team);
        }
        if !person.blocked.is_empty() {
            base.side.blocked.insert(row, person.blocked.clone());
        }
    }

    /// The base, in the order of what people are worth to any gig that wants some experience.
    pub fn build(self, model: &Model) -> Base {
        let from = self.base;
        let mut last: HashMap<u128, u32> = HashMap::with_capacity(from.len());
        for (id, row) in from.ids.iter().zip(0..) {
            last.insert(*id, row);
        }
        let experience = Experience::of(None, model);
        let places = last.into_iter().map(|(id, row)| {
            let numbers = &from.rows[row as usize];
            let alone = alone(numbers, model);
            let worth = i64::from(alone) + experience.worth(numbers.months);
            Place::of(row, id, numbers, from.held_of(row as usize).len(), alone, worth)
        });
        let order = in_order(places.collect());
        let mut base = Base {
            ids: Vec::with_capacity(order.len()),
            rows: Vec::with_capacity(order.len()),
            held: Vec::with_capacity(from.held.len()),
            wants: Vec::with_capacity(from.wants.len()),
            texts: Texts::with_capacity(from.texts.len()),
            text_width: from.text_width,
            side: Side {
                skills: from.side.skills.clone(),
                work_days: from.side.work_days.clone(),
                countries: from.side.countries.clone(),
                languages: from.side.languages.clone(),
                ..Side::default()
            },
            ..Base::default()
        };
        for (&Place { id, row, .. }, to) in order.iter().zip(0_u32..) {
            let at = row as usize;
            base.held.extend(from.held_of(at));
            base.wants.extend(from.wants_of(at));
            base.texts.extend(from.text_of(at));
            base.ids.push(id);
            base.rows.push(Row {
                held_end: u32::try_from(base.held.len()).unwrap_or(u32::MAX),
                wants_end: u32::try_from(base.wants.len()).unwrap_or(u32::MAX),
                ..from.rows[at]
            });
            if let Some(team) = from.side.teams.get(&row) {
                base.side.teams.insert(to, *team);
            }
            if let Some(blocked) = from.side.blocked.get(&row) {
                base.side.blocked.insert(to, blocked.clone());
            }
        }
        base.complete();
        base.reckoned.keep(&base, model, order.into_iter().map(|place| place.alone).collect());
        base
    }
}

fn number_of(numbers: &mut HashMap<SkillId, u16>, skills: &mut Vec<SkillId>, skill: SkillId) -> u16 {
    if let Some(number) = numbers.get(&skill) {
        return *number;
    }
    let number = u16::try_from(skills.len().min(MOST_SKILLS)).unwrap_or(u16::MAX / 4);
    if skills.len() < MOST_SKILLS {
        skills.push(skill);
        numbers.insert(skill, number);
    }
    number
}

fn shared<K: std::hash::Hash + Eq, V>(numbers: &mut HashMap<K, u16>, all: &mut Vec<V>, key: K, value: V) -> u16 {
    *numbers.entry(key).or_insert_with(|| {
        let number = u16::try_from(all.len()).unwrap_or(u16::MAX);
        if number != u16::MAX {
            all.push(value);
        }
        number
    })
}

fn packed_level(level: Level) -> u16 {
    match level {
        Level::Beginner => 0,
        Level::Claimed => 1,
        Level::Verified => 2,
    }
}

pub(super) fn unpacked_level(packed: u16) -> Level {
    match packed % 4 {
        0 => Level::Beginner,
        1 => Level::Claimed,
        _ => Level::Verified,
    }
}
