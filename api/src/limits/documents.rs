//! From a document's text to something that may run.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Variables;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection};
use async_graphql::parser::{self, parse_query};
use lru::LruCache;

use super::shape::Shape;
use super::survey::{survey, within};
use super::{Limits, cost, lexer, variables};
use crate::http::Problem;

/// Reads documents, and remembers the good ones.
pub struct Documents {
    shape: Shape,
    limits: Limits,
    introspection: bool,
    cache: Mutex<Cache>,
}

/// An operation that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What kind of operation.
    pub kind: OperationType,
    /// What it will cost.
    pub cost: u64,
    /// The field it starts from, or `several`: a name for statistics that a client can't make up.
    pub label: String,
}

/// Documents that passed, by their text, least used last.
struct Cache {
    documents: LruCache<String, Arc<ExecutableDocument>>,
    bytes: usize,
}

impl Documents {
    /// For a schema, given as its definition.
    pub fn new(sdl: &str, limits: Limits, introspection: bool) -> Result<Self, parser::Error> {
        let cache = Cache { documents: LruCache::unbounded(), bytes: 0 };
        Ok(Self { shape: Shape::read(sdl)?, limits, introspection, cache: Mutex::new(cache) })
    }

    /// The limits that hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The document of a text, if it is well-formed and within its limits.
    pub fn read(&self, text: &str) -> Result<Arc<ExecutableDocument>, Problem> {
        if let Some(document) = self.lock().documents.get(text) {
            return Ok(Arc::clone(document));
        }
        let tokens = lexer::count(text);
        within("TOO_MANY_TOKENS", "tokens in the document", self.limits.tokens, tokens.count)?;
        within("TOO_NESTED", "brackets within brackets", self.limits.nesting, tokens.nesting)?;
        let document = Arc::new(parse_query(text).map_err(syntax)?);
        survey(&document, &self.shape, &self.limits, self.introspection)?;
        self.lock().remember(text, &document, self.limits.cache_bytes);
        Ok(document)
    }

    /// What one of a document's operations is and costs, if its variables and its cost are fine.
    pub fn plan(&self, document: &ExecutableDocument, name: Option<&str>, values: &Variables) -> Result<Plan, Problem> {
        let operation = choose(document, name)?;
        variables::check(&self.shape, operation, values)?;
        let cost = cost::cost(document, operation, values, &self.shape, &self.limits);
        within("TOO_EXPENSIVE", "cost of the operation", self.limits.cost, cost)?;
        Ok(Plan { kind: operation.ty, cost, label: self.label(operation) })
    }

    /// Only names of the schema: a label that clients could make up would fill the memory of whoever counts.
    fn label(&self, operation: &OperationDefinition) -> String {
        match operation.selection_set.node.items.as_slice() {
            [one] => match &one.node {
                Selection::Field(field) => {
                    let known = self.shape.field(self.shape.root(operation.ty), &field.node.name.node);
                    known.map_or_else(|| "unknown".to_owned(), |_| field.node.name.node.to_string())
                }
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => "several".to_owned(),
            },
            _ => "several".to_owned(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn remember(&mut self, text: &str, document: &Arc<ExecutableDocument>, most: usize) {
        // One large document must not drive out all others.
        if weight(text) > most / 16 {
            return;
        }
        self.bytes += weight(text);
        if self.documents.push(text.to_owned(), Arc::clone(document)).is_some() {
            self.bytes -= weight(text);
        }
        while self.bytes > most
            && let Some((text, _)) = self.documents.pop_lru()
        {
            self.bytes -= weight(&text);
        }
    }
}

/// About what a parsed document takes in memory: a node for every few letters, and its map entries.
fn weight(text: &str) -> usize {
    1024 + 24 * text.len()
}

/// The operation that is meant.
fn choose<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition, Problem> {
    let mut operations = document.operations.iter();
    let operation = match name {
        None if operations.len() > 1 => {
            let message = "the document holds several operations: say which one as operationName";
            return Err(Problem::document("OPERATION_NAME_REQUIRED", message));
        }
        None => operations.next(),
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
    };
    let unknown = || Problem::document("UNKNOWN_OPERATION", "the document holds no operation of that name");
    operation.map(|(_, operation)| &operation.node).ok_or_else(unknown)
}

/// A syntax error in one line, with its place.
fn syntax(error: parser::Error) -> Problem {
    let message = error.to_string();
    // The parser draws the line with an arrow under it; the last line says what it wanted.
    let reason = message.rsplit("= ").next().unwrap_or_default().trim();
    let mut problem = Problem::document("GRAPHQL_PARSE_FAILED", format!("syntax error: {reason}"));
    problem.at = error.positions().collect();
    problem
}
