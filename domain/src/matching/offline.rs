//! The offline door: queries and documents as tables of text in, a ranked run out.
//!
//! For measuring the engine on judged data, with the engine itself: the modes say what the two
//! sides are, and nothing else differs between them.

mod gigs;

use std::borrow::Cow;

use super::fixed::Score;
use super::graph::{Graph, SkillLists};
use super::model::Model;
use super::retrieval::{Catalogue, Entry};
use super::thesaurus::Thesaurus;

/// What stands on the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Free text against entries: a title, and in further columns what is said about it.
    Text,
    /// Lists of skills against lists of skills, split by `|`.
    Skills,
    /// Gigs as one text each against profiles with roles, skills and years: a JSON object a line.
    Gigs,
}

impl Mode {
    /// What these documents must be: JSON objects are profiles, a second column "skills" is lists of them.
    pub fn of(documents: &str) -> Self {
        let first = unmarked(documents).lines().next().unwrap_or_default();
        match first.split('\t').nth(1) {
            None if first.starts_with('{') => Self::Gigs,
            Some("skills") => Self::Skills,
            _ => Self::Text,
        }
    }
}

/// Unless more or fewer are asked for, so many documents come for each query; of profiles, all.
const USUAL_LIMIT: usize = 100;

/// A row of a table: an id, then its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The first column.
    pub id: &'a str,
    /// The others.
    pub columns: Vec<&'a str>,
}

/// Why a table can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A line has an id and nothing else.
    #[error("line {0} has no second column")]
    NoColumn(usize),
    /// A line is no JSON object with an id and the fields of its kind.
    #[error("line {0} is no JSON object of the expected fields")]
    NotAnObject(usize),
}

/// A document's place for a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked<'a> {
    /// The query.
    pub query: Cow<'a, str>,
    /// The document.
    pub document: Cow<'a, str>,
    /// Higher is better; in billionths.
    pub score: Score,
    /// What the score is made of, where the mode can tell.
    pub factors: Vec<(&'static str, Score)>,
}

/// The rows of a table with tabs between columns; the first line names them.
pub fn rows(table: &str) -> Result<Vec<Row<'_>>, TableError> {
    table
        .lines()
        .enumerate()
        .skip(1)
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| {
            let (id, rest) = line.split_once('\t').ok_or(TableError::NoColumn(number + 1))?;
            Ok(Row { id, columns: rest.split('\t').collect() })
        })
        .collect()
}

/// A text without the mark that some programs begin a file with to say that it is Unicode.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Ranks the documents for each query, best first, `limit` of them; those of equal scores by their ids, in whatever order
/// they came. The model's weights are for gigs; text and lists of skills have none in it.
pub fn run<'a>(
    mode: Mode,
    queries: &'a str,
    documents: &'a str,
    limit: Option<usize>,
    model: &Model,
) -> Result<Vec<Ranked<'a>>, TableError> {
    let few = limit.unwrap_or(USUAL_LIMIT);
    let (queries, documents) = (unmarked(queries), unmarked(documents));
    match mode {
        Mode::Text => Ok(run_text(&rows(queries)?, &by_id(rows(documents)?), few)),
        Mode::Skills => Ok(run_skills(&rows(queries)?, &by_id(rows(documents)?), few)),
        Mode::Gigs => gigs::run(queries, documents, model, limit),
    }
}

/// In the order of their ids: what is equal keeps it.
fn by_id(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    rows.sort_by_key(|row| row.id);
    rows
}

fn run_text<'a>(queries: &[Row<'a>], documents: &[Row<'a>], limit: usize) -> Vec<Ranked<'a>> {
    let bodies: Vec<String> = documents.iter().map(|row| row.columns[1..].join(" ")).collect();
    let entries: Vec<Entry<'_>> =
        documents.iter().zip(&bodies).map(|(row, body)| Entry { title: row.columns[0], body }).collect();
    let catalogue = Catalogue::of(&entries, Thesaurus::shipped());
    let mut ranked = Vec::new();
    for query in queries {
        ranked.extend(catalogue.rank(&query.columns.join(" "), limit).into_iter().map(|hit| Ranked {
            query: query.id.into(),
            document: documents[hit.entry].id.into(),
            score: hit.score,
            factors: hit.factors,
        }));
    }
    ranked
}

fn run_skills<'a>(queries: &[Row<'a>], documents: &[Row<'a>], limit: usize) -> Vec<Ranked<'a>> {
    let skills = |row: &Row<'a>| row.columns[0].split('|').collect::<Vec<_>>();
    let lists = SkillLists::of(Graph::shipped(), documents.iter().map(skills));
    let mut ranked = Vec::new();
    for query in queries {
        let mut scores = vec![0; lists.len()];
        lists.score(&skills(query), &mut scores);
        let mut order: Vec<usize> = (0..scores.len()).filter(|&at| scores[at] > 0).collect();
        order.sort_unstable_by_key(|&at| (std::cmp::Reverse(scores[at]), at));
        ranked.extend(order.into_iter().take(limit).map(|at| Ranked {
            query: query.id.into(),
            document: documents[at].id.into(),
            score: Score::nano(scores[at] * 1000),
            factors: vec![("company of skills", Score::nano(scores[at] * 1000))],
        }));
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_finds_titles_and_skills_find_lists() {
        let documents = "doc_id\ttext\n1\tgraphic designer\n2\tbookkeeper\n";
        let ranked =
            run(Mode::of(documents), "query_id\ttext\na\tlogo artist\n", documents, Some(1), Model::shipped()).unwrap();
        assert_eq!((&*ranked[0].query, &*ranked[0].document, ranked.len()), ("a", "1", 1));

        let documents = "doc_id\tskills\n1\tpayroll|taxation\n2\thibernate|spring mvc\n";
        let ranked =
            run(Mode::of(documents), "query_id\tskills\na\tjava|j2ee\n", documents, None, Model::shipped()).unwrap();
        assert_eq!(ranked[0].document, "2");

        let documents = r#"{"id": "1", "skills": ["Java"]}"#;
        let ranked =
            run(Mode::of(documents), r#"{"id": "a", "text": "Java developer"}"#, documents, None, Model::shipped())
                .unwrap();
        assert_eq!((&*ranked[0].query, &*ranked[0].document), ("a", "1"));
    }

    #[test]
    fn what_is_equal_comes_by_its_id_in_whatever_order_it_came() {
        type Case = (&'static str, &'static str, [&'static str; 3]);
        let cases: &[Case] = &[
            ("doc_id\ttext", "q\ttext\na\tlogo artist", ["2\tlogo artist", "1\tlogo artist", "3\tlogo artist"]),
            ("doc_id\tskills", "q\tskills\na\tjava", ["2\tjava", "1\tjava", "3\tjava"]),
            (
                "",
                r#"{"id": "a", "text": "Java developer"}"#,
                [
                    r#"{"id": "2", "skills": ["Java"]}"#,
                    r#"{"id": "1", "skills": ["Java"]}"#,
                    r#"{"id": "3", "skills": ["Java"]}"#,
                ],
            ),
        ];
        for (head, queries, lines) in cases {
            for turn in 0..3 {
                let turned: Vec<&str> = (0..3).map(|at| lines[(at + turn) % 3]).collect();
                let documents = format!("{head}\n{}", turned.join("\n"));
                let documents = documents.trim_start();
                let ranked = run(Mode::of(documents), queries, documents, None, Model::shipped()).unwrap();
                assert_eq!(ranked.iter().map(|one| &*one.document).collect::<Vec<_>>(), ["1", "2", "3"], "{head}");
            }
        }
    }

    #[test]
    fn a_mark_of_unicode_is_no_part_of_a_file() {
        let (queries, documents) = (r#"{"id": "a", "text": "Java developer"}"#, r#"{"id": "1", "skills": ["Java"]}"#);
        let marked = [queries, documents].map(|text| format!("\u{feff}{text}"));
        assert_eq!(Mode::of(&marked[1]), Mode::Gigs);
        assert_eq!(
            run(Mode::Gigs, &marked[0], &marked[1], None, Model::shipped()),
            run(Mode::Gigs, queries, documents, None, Model::shipped())
        );
    }

    #[test]
    fn a_table_without_columns_is_refused_with_its_line() {
        assert_eq!(rows("id\ttext\nlonely\n"), Err(TableError::NoColumn(2)));
        assert_eq!(rows("id\ttext\n\n").map(|rows| rows.len()), Ok(0));
    }
}
