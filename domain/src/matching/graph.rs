//! The skill graph: which skills go together in the work people are hired for.
//!
//! Learned from the skill lists of posts: for each skill, which others stood beside it and how
//! often. It lets a person whose list shares no word with the ask be found all the same: somebody
//! with "spring mvc, hibernate" answers part of an ask for "java, j2ee".

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fixed::{Value, ln_micro};
use super::text::fold;

static SHIPPED: LazyLock<Graph> = LazyLock::new(|| {
    Graph::read(include_str!("../../data/skill_graph_names.txt"), include_bytes!("../../data/skill_graph.bin"))
});

/// Of a thousand parts of what a listed skill says, so many are about the skill itself.
const SELF_MILLI: i64 = 50;

/// How often a skill that the graph never saw is taken to occur, in billionths.
const UNSEEN_NANO: i64 = 10_000;

/// One skill's neighbour in the file: its number, and the share of all its company in 1/65,535.
const NEIGHBOUR: usize = 4;

/// Skills and the company they keep.
#[derive(Debug)]
pub struct Graph {
    places: HashMap<&'static str, u32>,
    names: Vec<&'static str>,
    /// How often each occurs, in billionths of all mentions.
    shares: Vec<i64>,
    company: Vec<Vec<(u32, u16)>>,
}

impl Graph {
    /// The graph that ships with the product. Read once.
    pub fn shipped() -> &'static Graph {
        &SHIPPED
    }

    fn read(names: &'static str, bytes: &'static [u8]) -> Graph {
        let names: Vec<&'static str> = names.lines().collect();
        let mut at = 0;
        let mut take = |length: usize| {
            let taken = bytes.get(at..at + length).unwrap_or_default();
            at += length;
            taken
        };
        let whole = |taken: &[u8]| taken.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        let mut shares = Vec::with_capacity(names.len());
        let mut company = Vec::with_capacity(names.len());
        for _ in &names {
            shares.push(i64::from(whole(take(4))));
            let count = whole(take(1)) as usize;
            let list = take(count * NEIGHBOUR);
            company.push(list.chunks_exact(NEIGHBOUR).map(|one| (whole(&one[..2]), whole(&one[2..]) as u16)).collect());
        }
        Graph {
            places: names.iter().enumerate().map(|(at, name)| (*name, at as u32)).collect(),
            names,
            shares,
            company,
        }
    }

    /// How many skills it knows.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn place(&self, name: &str) -> Option<u32> {
        self.places.get(fold(name).as_str()).copied()
    }

    /// How much of the company of one skill the other is, against how common the other is: 0 for
    /// what meets by chance or less, near 1 for what hardly occurs apart.
    pub fn likeness(&self, one: &str, other: &str) -> Value {
        let (Some(one), Some(other)) = (self.place(one), self.place(other)) else { return Value::ZERO };
        if one == other {
            return Value::ONE;
        }
        let lift = |from: u32, to: u32| {
            let share = self.company[from as usize]
                .iter()
                .find(|(place, _)| *place == to)
                .map_or(0, |(_, share)| i64::from(*share));
            // How many times more often than by chance, on a logarithmic scale that ends at e^8.
            let times_micro = share * 1_000_000_000 / 65_535 * 1_000_000 / self.shares[to as usize].max(1);
            ln_micro(times_micro.max(1_000_000) as u64) / 8
        };
        Value::micro((lift(one, other) + lift(other, one)) / 2)
    }

    /// The skills most often met beside this one, most frequent first.
    pub fn company(&self, name: &str, limit: usize) -> Vec<&'static str> {
        let Some(place) = self.place(name) else { return Vec::new() };
        self.company[place as usize].iter().take(limit).map(|(other, _)| self.names[*other as usize]).collect()
    }
}

/// Lists of skills, ready to be searched by other lists.
#[derive(Debug)]
pub struct SkillLists<'g> {
    graph: &'g Graph,
    unseen: HashMap<String, u32>,
    /// For each skill: the lists that speak of it, and how surely, in millionths.
    postings: HashMap<u32, Vec<(u32, i32)>>,
    lists: usize,
}

impl<'g> SkillLists<'g> {
    /// Learn the lists, in order.
    pub fn of<'a>(graph: &'g Graph, lists: impl Iterator<Item = Vec<&'a str>>) -> Self {
        let mut learned = Self { graph, unseen: HashMap::new(), postings: HashMap::new(), lists: 0 };
        for (at, list) in lists.enumerate() {
            learned.lists += 1;
            let places = learned.learn(&list);
            // What a listed skill says is shared out: a part to itself, the rest to the company it keeps.
            let mut said: HashMap<u32, i64> = HashMap::new();
            for &place in &places {
                *said.entry(place).or_default() += SELF_MILLI * 1_000_000;
                for &(other, share) in graph.company.get(place as usize).map_or(&[][..], Vec::as_slice) {
                    *said.entry(other).or_default() += (1000 - SELF_MILLI) * 1_000_000 * i64::from(share) / 65_535;
                }
            }
            for (place, billionths) in said {
                let share = graph.shares.get(place as usize).copied().unwrap_or(UNSEEN_NANO).max(1);
                let times_milli = billionths / places.len() as i64 * 1000 / share;
                let sure = ln_micro(1_000_000 + 2 * times_milli.unsigned_abs() * 1000);
                learned.postings.entry(place).or_default().push((at as u32, sure as i32));
            }
        }
        learned
    }

    fn learn(&mut self, list: &[&str]) -> Vec<u32> {
        let mut places = Vec::with_capacity(list.len());
        for name in list {
            let folded = fold(name);
            if folded.is_empty() {
                continue;
            }
            let next = (self.graph.len() + self.unseen.len()) as u32;
            let place = match self.graph.places.get(folded.as_str()) {
                Some(&place) => place,
                None => *self.unseen.entry(folded).or_insert(next),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// Adds how well each list answers the ask, in millionths of a natural logarithm.
    pub fn score(&self, asked: &[&str], into: &mut [i64]) {
        let mut met: Vec<u32> = Vec::with_capacity(asked.len());
        for name in asked {
            let folded = fold(name);
            let place = self.graph.places.get(folded.as_str()).or_else(|| self.unseen.get(&folded));
            met.extend(place.filter(|place| !met.contains(place)));
        }
        for place in met {
            for &(list, sure) in self.postings.get(&place).map_or(&[][..], Vec::as_slice) {
                into[list as usize] += i64::from(sure);
            }
        }
    }

    /// How many lists were learned.
    pub fn len(&self) -> usize {
        self.lists
    }

    /// Whether no list was learned.
    pub fn is_empty(&self) -> bool {
        self.lists == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skills_of_one_trade_keep_company() {
        let graph = Graph::shipped();
        assert!(graph.len() > 3_000);
        for (one, near, far) in
            [("java", "spring mvc", "payroll"), ("seo", "sem", "embedded c"), ("android", "ios", "taxation")]
        {
            assert!(graph.likeness(one, near) > graph.likeness(one, far), "{one}: {near}, {far}");
        }
        assert_eq!(graph.likeness("java", "Java"), Value::ONE);
        assert_eq!(graph.likeness("java", "no such skill"), Value::ZERO);
        assert_eq!(graph.likeness("java", "html"), graph.likeness("html", "java"));
    }

    #[test]
    fn a_list_that_shares_no_skill_is_found_by_its_company() {
        let people = [vec!["payroll", "taxation"], vec!["hibernate", "spring mvc"], vec!["photoshop", "illustrator"]];
        let lists = SkillLists::of(Graph::shipped(), people.into_iter());
        let mut scores = vec![0; lists.len()];
        lists.score(&["java", "j2ee"], &mut scores);
        assert!(scores[1] > scores[0] && scores[1] > scores[2], "{scores:?}");
    }

    #[test]
    fn the_skill_itself_counts_more_than_its_company_even_when_unknown() {
        let people = [vec!["hibernate", "spring mvc"], vec!["java", "j2ee"], vec!["zorblang"]];
        let lists = SkillLists::of(Graph::shipped(), people.into_iter());
        let mut scores = vec![0; lists.len()];
        lists.score(&["java", "j2ee"], &mut scores);
        assert!(scores[1] > scores[0] && scores[0] > scores[2], "{scores:?}");
        let mut scores = vec![0; lists.len()];
        lists.score(&["Zorblang"], &mut scores);
        assert!(scores[2] > 0 && scores[0] == 0 && scores[1] == 0);
    }
}
