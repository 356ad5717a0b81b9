//! Rank documents for queries from files, to measure matching on judged data.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use domain::matching::{Model, offline};
use flate2::read::GzDecoder;

use super::trouble::Trouble;

/// Which files, and what is in them.
#[derive(Debug, Args)]
pub struct Files {
    /// The queries: an id, a tab, the text or the skills, and a first line that names the columns; or gigs, a
    /// JSON object a line with id and text. May be gzipped.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// The documents: an id, a title, and in further columns what is said about it; or an id and skills; or
    /// profiles, a JSON object a line with id, years, roles and skills.
    #[arg(long, value_name = "FILE")]
    docs: PathBuf,
    /// Where the run goes: query, document, score; equal scores by the document's id.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What the two sides are; without it, the documents tell.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Documents for each query, at most; without it 100, and of profiles all.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// A model to rank gigs by, as JSON, in place of the one that ships: to measure what a weight brings.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Add what each score is made of, in further columns.
    #[arg(long)]
    explain: bool,
}

/// What the two sides are.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Mode {
    /// Free text against titles, skills, tags or profiles.
    Text,
    /// Skills against skills, split by `|`.
    Skills,
    /// Gigs in their own words against profiles.
    Gigs,
}

/// Rank, and write the run.
pub fn run(files: &Files) -> Result<(), Trouble> {
    let (queries, documents) = (read(&files.queries)?, read(&files.docs)?);
    let mode = match files.mode {
        Some(Mode::Text) => offline::Mode::Text,
        Some(Mode::Skills) => offline::Mode::Skills,
        Some(Mode::Gigs) => offline::Mode::Gigs,
        None => offline::Mode::of(&documents),
    };
    let model = match &files.model {
        None => Model::shipped().clone(),
        Some(path) => Model::parse(&read(path)?).map_err(|error| unreadable(path, &error))?,
    };
    let ranked =
        offline::run(mode, &queries, &documents, files.limit, &model).map_err(|error| unread(files, &error))?;
    let mut lines = String::new();
    for ranked in ranked {
        let _ = write!(lines, "{}\t{}\t{}", ranked.query, ranked.document, ranked.score.as_nano());
        for (name, part) in ranked.factors.iter().filter(|_| files.explain) {
            let _ = write!(lines, "\t{name}={}", part.as_nano());
        }
        lines.push('\n');
    }
    fs::write(&files.out, lines).map_err(|error| unreadable(&files.out, &error))
}

fn read(path: &Path) -> Result<String, Trouble> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)
    } else {
        bytes.as_slice().read_to_string(&mut text)
    };
    read.map(|_| text).map_err(|error| unreadable(path, &error))
}

fn unread(files: &Files, error: &offline::TableError) -> Trouble {
    let (queries, documents) = (files.queries.display(), files.docs.display());
    Trouble::fixable(format!("{queries} or {documents}: {error}"), "see rabta rank --help for what a line holds")
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Trouble {
    Trouble::fixable(format!("{}: {error}", path.display()), "name another file")
}
