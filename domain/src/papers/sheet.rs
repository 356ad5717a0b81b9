//! What is on a printed page, in words: titles, facts, tables. How it is set is another floor's.

use serde::Serialize;

/// A paper, from its title to its foot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// What it is.
    pub title: String,
    /// What it is about, under the title.
    pub lead: String,
    /// What it is referred to by, on every page.
    pub reference: String,
    /// What is on it, from top to bottom.
    pub blocks: Vec<Block>,
    /// What is said at the foot of every page.
    pub foot: String,
}

/// A part of a paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Names and what they are, a line each.
    Facts(Vec<(String, String)>),
    /// A table, over as many pages as it takes.
    Table(Table),
}

/// Rows under headings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a cell a column.
    pub rows: Vec<Vec<String>>,
    /// What stands under the line at the end.
    pub sum: Option<Vec<String>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// How much of the width is its, against the others.
    pub share: u16,
    /// Are its cells set to the right, as amounts are?
    pub right: bool,
}

impl Column {
    /// A column of words.
    pub fn words(title: &str, share: u16) -> Self {
        Self { title: title.to_owned(), share, right: false }
    }

    /// A column of amounts.
    pub fn amounts(title: &str, share: u16) -> Self {
        Self { title: title.to_owned(), share, right: true }
    }
}

impl Sheet {
    /// A paper without anything on it yet.
    pub fn new(title: &str, lead: String, reference: String, foot: &str) -> Self {
        Self { title: title.to_owned(), lead, reference, blocks: Vec::new(), foot: foot.to_owned() }
    }

    /// With a heading.
    #[must_use]
    pub fn heading(mut self, text: &str) -> Self {
        self.blocks.push(Block::Heading(text.to_owned()));
        self
    }

    /// With a paragraph.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// With names and what they are; those that are nothing are left out.
    #[must_use]
    pub fn facts<const N: usize>(mut self, facts: [(&str, Option<String>); N]) -> Self {
        let told = facts.into_iter().filter_map(|(name, what)| Some((name.to_owned(), what?)));
        self.blocks.push(Block::Facts(told.collect()));
        self
    }

    /// With a table.
    #[must_use]
    pub fn table(mut self, columns: Vec<Column>, rows: Vec<Vec<String>>, sum: Option<Vec<String>>) -> Self {
        self.blocks.push(Block::Table(Table { columns, rows, sum }));
        self
    }
}
