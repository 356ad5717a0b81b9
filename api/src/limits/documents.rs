//! From a document's text to something that may run.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Response, Variables};
use lru::LruCache;

use super::complete::{Document, Form};
use super::shape::Shape;
use super::survey::{survey, within};
use super::{Limits, cost, lexer, unique, variables};
use crate::http::Problem;

/// Reads documents, and remembers the good ones.
pub struct Documents {
    shape: Arc<Shape>,
    limits: Limits,
    introspection: bool,
    cache: Mutex<Cache>,
}

/// An operation that may run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What kind of operation.
    pub kind: OperationType,
    /// What it will cost.
    pub cost: u64,
    /// The field it starts from, or `several`: a name for statistics that a client can't make up.
    pub label: String,
    /// The fields it starts from, fragments written out, and how often each is there.
    pub fields: BTreeMap<String, NonZeroU32>,
    /// What its answer must look like.
    pub form: Form,
}

impl Plan {
    /// Does it read the schema itself?
    pub fn reads_schema(&self) -> bool {
        ["__schema", "__type"].iter().any(|field| self.fields.contains_key(*field))
    }
}

/// Documents that passed, by their text, least used last.
struct Cache {
    documents: LruCache<String, Arc<Document>>,
    bytes: usize,
}

impl Documents {
    /// For a schema of this shape.
    pub fn new(shape: Arc<Shape>, limits: Limits, introspection: bool) -> Self {
        let cache = Cache { documents: LruCache::unbounded(), bytes: 0 };
        Self { shape, limits, introspection, cache: Mutex::new(cache) }
    }

    /// The limits that hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The document of a text, if it is well-formed and within its limits.
    pub fn read(&self, text: &str) -> Result<Arc<Document>, Problem> {
        if let Some(document) = self.lock().documents.get(text) {
            return Ok(Arc::clone(document));
        }
        let tokens = lexer::count(text);
        within("TOO_MANY_TOKENS", "tokens in the document", self.limits.tokens, tokens.count)?;
        within("TOO_NESTED", "brackets within brackets", self.limits.nesting, tokens.nesting)?;
        let document = parse_query(text).map_err(syntax)?;
        unique::check(text)?;
        survey(&document, &self.shape, &self.limits, self.introspection)?;
        let document = Arc::new(Document::new(document, &self.shape));
        self.lock().remember(text, &document, self.limits.cache_bytes);
        Ok(document)
    }

    /// What one of a document's operations is and costs, if its variables and its cost are fine. Of the values only those
    /// are left that it defines variables for.
    pub fn plan(&self, document: &Arc<Document>, name: Option<&str>, values: &mut Variables) -> Result<Plan, Problem> {
        let operation = choose(&document.parsed, name)?;
        variables::keep_defined(operation, values);
        variables::check(&self.shape, operation, values)?;
        let cost = cost::cost(&document.parsed, operation, values, &self.shape, &self.limits);
        within("TOO_EXPENSIVE", "cost of the operation", self.limits.cost, cost)?;
        let mut fields = BTreeMap::new();
        roots(&document.parsed, &operation.selection_set.node, &mut fields);
        let form = Form::new(document, name, operation, values);
        Ok(Plan { kind: operation.ty, cost, label: self.label(operation), fields, form })
    }

    /// Bring an answer into the form that its operation asks for.
    pub fn complete(&self, form: &Form, response: &mut Response) {
        form.complete(&self.shape, response);
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
    fn remember(&mut self, text: &str, document: &Arc<Document>, most: usize) {
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

/// Count the fields of a selection set, those of its fragments among them. The document has been surveyed: its fragments
/// don't spread themselves, and written out they are few.
fn roots(document: &ExecutableDocument, set: &SelectionSet, fields: &mut BTreeMap<String, NonZeroU32>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let times = fields.get(field.node.name.node.as_str()).map_or(NonZeroU32::MIN, |n| n.saturating_add(1));
                fields.insert(field.node.name.node.to_string(), times);
            }
            Selection::InlineFragment(inline) => roots(document, &inline.node.selection_set.node, fields),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    roots(document, &fragment.node.selection_set.node, fields);
                }
            }
        }
    }
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
