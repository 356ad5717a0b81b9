//! How well the shipped engine does on judged data, and what each part of it brings.
//!
//!     cargo run --release -p domain --example judge -- FOLDER [--parts] [--model FILE] [--only SUITE] [--runs FOLDER]
//!
//! `FOLDER` holds one folder a suite, as listed in [`SUITES`]: queries, documents, judgements
//! (query, document, gain), each with a first line that names the columns; `.gz` files are unpacked by
//! `gzip`. Printed is NDCG@10 with gain `2^rel - 1`, and its 95 % bootstrap interval over queries.
//! With `--parts`, the same with each part left out, and with each alone. With `--runs`, what was found
//! is written down too: query, document, score, and the parts of the score.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::matching::graph::{Graph, SkillLists};
use domain::matching::offline::{self, Mode, Ranked, Row};
use domain::matching::retrieval::{Catalogue, Entry};
use domain::matching::thesaurus::Thesaurus;
use domain::matching::{Model, Score};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A suite: its name, queries, documents, judgements, and the least gain that makes a query count.
type Suite = (&'static str, &'static str, &'static str, &'static str, u32);

const SUITES: [Suite; 8] = [
    ("titles", "titles/queries.dev.tsv", "titles/docs.tsv", "titles/qrels.dev.tsv", 1),
    ("skill phrases", "skillnorm/queries.span.dev.tsv", "skillnorm/docs.tsv", "skillnorm/qrels.span.dev.tsv", 1),
    ("sentences", "skillnorm/queries.sent.dev.tsv", "skillnorm/docs.tsv", "skillnorm/qrels.sent.dev.tsv", 1),
    ("occupations", "onet/queries.dev.tsv", "onet/docs.tsv", "onet/qrels.dev.tsv", 1),
    ("tags", "uptags/queries.dev.tsv", "uptags/docs.tsv", "uptags/qrels.dev.tsv", 1),
    (
        "skills, nothing shared",
        "complement/queries.disjoint.dev.tsv",
        "complement/docs.dev.tsv.gz",
        "complement/qrels.dev.tsv",
        1,
    ),
    (
        "skills, a quarter shared",
        "complement/queries.overlap25.dev.tsv",
        "complement/docs.dev.tsv.gz",
        "complement/qrels.dev.tsv",
        1,
    ),
    ("gigs", "gigdev/gigs.dev.jsonl", "gigdev/profiles.dev.jsonl.gz", "gigdev/qrels.dev.tsv", 2),
];

/// Places that count.
const DEPTH: usize = 10;
/// Draws of the bootstrap.
const DRAWS: usize = 2_000;

/// What was judged of each query.
type Judged = HashMap<String, HashMap<String, u32>>;

/// A document and the parts of its score.
type Scored<'a> = (&'a str, &'a [(&'static str, Score)]);

/// Which parts count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Choice {
    All,
    Without(&'static str),
    Only(&'static str),
}

impl Choice {
    fn counts(&self, part: &str) -> bool {
        match self {
            Self::All => true,
            Self::Without(other) => *other != part,
            Self::Only(one) => *one == part,
        }
    }
}

/// NDCG@10 of each query, by what counted, and the lines of the run.
#[derive(Default)]
struct Table {
    figures: BTreeMap<(String, Choice), Vec<f64>>,
    parts: bool,
    run: Option<String>,
}

/// So many documents of a query are written down, where they are many.
const WRITTEN: usize = 2_500;

impl Table {
    /// Adds one query. Ties are broken by a mark of query and document that says nothing of either.
    fn add(&mut self, label: &str, query: &str, judged: &HashMap<String, u32>, scored: &[Scored<'_>]) {
        let names: Vec<&'static str> =
            scored.first().map(|(_, parts)| parts.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
        let mut choices = vec![Choice::All];
        if self.parts && names.len() > 1 {
            choices.extend(names.iter().map(|name| Choice::Without(name)));
            choices.extend(names.iter().map(|name| Choice::Only(name)));
        }
        for choice in choices {
            let sum = |parts: &[(&'static str, Score)]| -> Score {
                parts.iter().filter(|(name, _)| choice.counts(name)).map(|(_, part)| *part).sum()
            };
            let mut order: Vec<(Score, u64, usize)> =
                (0..).zip(scored).map(|(at, (document, parts))| (sum(parts), mark(query, document), at)).collect();
            order.sort_unstable_by_key(|(score, mark, at)| (std::cmp::Reverse(*score), *mark, *at));
            let gains = order.iter().map(|(.., at)| judged.get(scored[*at].0).copied().unwrap_or(0));
            self.figures.entry((label.to_owned(), choice)).or_default().push(ndcg(gains, judged));
        }
    }

    fn write(&mut self, query: &str, scored: &[Scored<'_>]) {
        let Some(run) = &mut self.run else { return };
        for (document, parts) in scored.iter().take(WRITTEN) {
            let score: Score = parts.iter().map(|(_, part)| *part).sum();
            let _ = write!(run, "{query}\t{document}\t{}", score.as_nano());
            for (name, part) in *parts {
                let _ = write!(run, "\t{name}={}", part.as_nano());
            }
            run.push('\n');
        }
    }

    fn print(&self, label: &str) {
        for ((_, choice), figures) in self.figures.iter().filter(|((of, _), _)| of == label) {
            let (low, high) = interval(figures);
            let name = match choice {
                Choice::All => format!("{label}, {} queries", figures.len()),
                Choice::Without(part) => format!("  without {part}"),
                Choice::Only(part) => format!("  {part} only"),
            };
            println!("{name:<44} {:.3} [{low:.3}, {high:.3}]", mean(figures));
        }
    }
}

/// FNV-1a of both.
fn mark(query: &str, document: &str) -> u64 {
    query
        .bytes()
        .chain(document.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn ndcg(gains: impl Iterator<Item = u32>, judged: &HashMap<String, u32>) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = u32>| -> f64 {
        gains.take(DEPTH).zip(2_u32..).map(|(gain, at)| f64::from((1_u32 << gain) - 1) / f64::from(at).log2()).sum()
    };
    let mut ideal: Vec<u32> = judged.values().copied().collect();
    ideal.sort_unstable_by_key(|gain| std::cmp::Reverse(*gain));
    let (reached, ideal) = (discounted(&mut { gains }), discounted(&mut ideal.into_iter()));
    if ideal > 0.0 { reached / ideal } else { 0.0 }
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

/// The 95 % percentile interval of the mean, over queries drawn with replacement; the same draws in every run.
fn interval(figures: &[f64]) -> (f64, f64) {
    let mut dice: u64 = 1;
    let mut draw = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        figures[(dice >> 33) as usize % figures.len()]
    };
    let mut means: Vec<f64> =
        (0..DRAWS).map(|_| (0..figures.len()).map(|_| draw()).sum::<f64>() / figures.len() as f64).collect();
    means.sort_by(f64::total_cmp);
    (means[DRAWS / 40], means[DRAWS - 1 - DRAWS / 40])
}

fn read(folder: &Path, name: &str) -> Outcome<String> {
    let path = folder.join(name);
    if !name.ends_with(".gz") {
        return Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output()?;
    if unpacked.status.success() { Ok(String::from_utf8(unpacked.stdout)?) } else { Err(name.into()) }
}

fn judgements(table: &str) -> Outcome<Judged> {
    let mut judged = Judged::new();
    for row in offline::rows(table)? {
        let (Some(document), Some(gain)) = (row.columns.first(), row.columns.get(1)) else { continue };
        judged.entry(row.id.to_owned()).or_default().insert((*document).to_owned(), gain.trim().parse()?);
    }
    Ok(judged)
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let folder = PathBuf::from(arguments.first().ok_or("name the folder of the suites")?);
    let parts = arguments.iter().any(|argument| argument == "--parts");
    let model = match after("--model") {
        None => Model::shipped().clone(),
        Some(path) => Model::parse(&std::fs::read_to_string(path)?)?,
    };
    for (name, queries, documents, qrels, least) in SUITES {
        if after("--only").is_some_and(|only| !name.starts_with(only.as_str())) {
            continue;
        }
        let (queries, documents) = (read(&folder, queries)?, read(&folder, documents)?);
        let mut judged = judgements(&read(&folder, qrels)?)?;
        judged.retain(|_, documents| documents.values().any(|gain| *gain >= least));
        let runs = after("--runs");
        let mut table = Table { parts, run: runs.map(|_| String::new()), ..Table::default() };
        match Mode::of(&documents) {
            Mode::Text => text(name, &queries, &documents, &judged, &mut table)?,
            Mode::Skills => skills(name, &queries, &documents, &judged, &mut table)?,
            Mode::Gigs => gigs(&queries, &documents, &judged, &model, &mut table)?,
        }
        if let (Some(folder), Some(run)) = (runs, &table.run) {
            std::fs::write(Path::new(folder).join(format!("{name}.tsv")), run)?;
        }
        let mut labels: Vec<&String> = table.figures.keys().map(|(label, _)| label).collect();
        labels.dedup();
        labels.into_iter().for_each(|label| table.print(label));
    }
    Ok(())
}

fn text(name: &str, queries: &str, documents: &str, judged: &Judged, table: &mut Table) -> Outcome<()> {
    let documents = offline::rows(documents)?;
    let bodies: Vec<String> = documents.iter().map(|row| row.columns[1..].join(" ")).collect();
    let entries: Vec<Entry<'_>> =
        documents.iter().zip(&bodies).map(|(row, body)| Entry { title: row.columns[0], body }).collect();
    let catalogue = Catalogue::of(&entries, Thesaurus::shipped());
    for query in offline::rows(queries)? {
        let Some(judged) = judged.get(query.id) else { continue };
        let hits = catalogue.rank(&query.columns.join(" "), usize::MAX);
        let scored: Vec<Scored<'_>> = hits.iter().map(|hit| (documents[hit.entry].id, &*hit.factors)).collect();
        table.add(name, query.id, judged, &scored);
        table.write(query.id, &scored);
    }
    Ok(())
}

fn skills(name: &str, queries: &str, documents: &str, judged: &Judged, table: &mut Table) -> Outcome<()> {
    let documents = offline::rows(documents)?;
    let learned = SkillLists::of(Graph::shipped(), documents.iter().map(list));
    for query in offline::rows(queries)? {
        let Some(judged) = judged.get(query.id) else { continue };
        let mut scores = vec![0; learned.len()];
        learned.score(&list(&query), &mut scores);
        let factors: Vec<[(&str, Score); 1]> = scores.iter().map(|score| [("company", Score::nano(*score))]).collect();
        let met = documents.iter().zip(&factors).filter(|(_, parts)| parts[0].1 > Score::ZERO);
        let scored: Vec<Scored<'_>> = met.map(|(row, parts)| (row.id, &parts[..])).collect();
        table.add(name, query.id, judged, &scored);
        table.write(query.id, &scored);
    }
    Ok(())
}

fn list<'a>(row: &Row<'a>) -> Vec<&'a str> {
    row.columns[0].split('|').collect()
}

fn gigs(queries: &str, documents: &str, judged: &Judged, model: &Model, table: &mut Table) -> Outcome<()> {
    let ranked = offline::run(Mode::Gigs, queries, documents, None, model)?;
    for of_one in ranked.chunk_by(|one: &Ranked<'_>, other| one.query == other.query) {
        let Some(judged) = judged.get(&*of_one[0].query) else { continue };
        let scored = |one: &'_ Ranked<'_>| judged.contains_key(&*one.document);
        let all: Vec<Scored<'_>> = of_one.iter().map(|one| (&*one.document, &*one.factors)).collect();
        let only: Vec<Scored<'_>> =
            of_one.iter().filter(|one| scored(one)).map(|one| (&*one.document, &*one.factors)).collect();
        table.add("gigs, judged people only", &of_one[0].query, judged, &only);
        table.add("gigs, everyone", &of_one[0].query, judged, &all);
        table.write(&of_one[0].query, &all);
    }
    Ok(())
}
