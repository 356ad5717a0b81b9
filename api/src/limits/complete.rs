//! Answers as the specification wants them, where the library leaves something out: a field that failed is null in the
//! answer, or, where it can't be null, takes what is around it along; and an object of which nothing was selected is an
//! object without fields, and not null.
//!
//! Sets of selections that could come out empty, and those on interfaces and unions, are marked: they ask for the name of
//! the type under a name of ours, which is taken out of the answer again. Answers without errors to documents without
//! marks, nearly all of them, are not looked at.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Pos, Positioned, Response, ServerError, Value, Variables};
use async_graphql_value::{ConstValue, Value as AskedValue};

use super::shape::{Shape, named};

/// Under what name the type of an object is asked for.
pub(super) const MARK: &str = "__rabta";

/// Is a field a mark of ours? What a client writes stands somewhere in its document; a mark stands nowhere.
pub(super) fn is_mark(field: &Positioned<Field>) -> bool {
    field.pos == Pos::default() && field.node.alias.as_ref().is_some_and(|alias| alias.node == MARK)
}

/// A document that may run.
#[derive(Debug)]
pub struct Document {
    /// What the library is given.
    pub parsed: ExecutableDocument,
    marked: bool,
    valid: AtomicBool,
}

/// What an answer must look like: the operation, with what decides which of its fields there are.
#[derive(Debug, Clone)]
pub struct Form {
    document: Arc<Document>,
    operation: Option<String>,
    flags: HashMap<Name, bool>,
}

impl Document {
    /// Mark what has to be.
    pub fn new(mut parsed: ExecutableDocument, shape: &Shape) -> Self {
        let mut marked = false;
        let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut parsed.operations {
            DocumentOperations::Single(operation) => vec![operation],
            DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
        };
        for operation in operations {
            let root = shape.root(operation.node.ty).to_owned();
            marked |= mark(&mut operation.node.selection_set.node, &root, shape);
        }
        for fragment in parsed.fragments.values_mut() {
            let on = fragment.node.type_condition.node.on.node.to_string();
            marked |= mark(&mut fragment.node.selection_set.node, &on, shape);
        }
        Self { parsed, marked, valid: AtomicBool::new(false) }
    }
}

/// Mark a set and those within it; is there anything to look at in an answer? A root gets no mark: what is not there of
/// it is clear without, and a subscription may ask for one field only.
fn mark(set: &mut SelectionSet, parent: &str, shape: &Shape) -> bool {
    if set.items.is_empty() {
        return false;
    }
    let mut marked = false;
    let mut open = true;
    let roots = [OperationType::Query, OperationType::Mutation, OperationType::Subscription];
    let is_root = roots.into_iter().any(|root| shape.root(root) == parent);
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let field = &mut field.node;
                open &= !field.directives.is_empty();
                let ty = shape.field(parent, &field.name.node).map(|shape| named(&shape.ty).to_string());
                marked |= mark(&mut field.selection_set.node, &ty.unwrap_or_default(), shape);
            }
            Selection::InlineFragment(inline) => {
                open &= !is_root || !inline.node.directives.is_empty();
                let condition = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.to_string());
                marked |= mark(&mut inline.node.selection_set.node, condition.as_deref().unwrap_or(parent), shape);
            }
            Selection::FragmentSpread(spread) => open &= !is_root || !spread.node.directives.is_empty(),
        }
    }
    if is_root {
        return marked || open;
    }
    if open || shape.is_abstract(parent) {
        let name = |name: &str| Positioned::new(Name::new(name), Pos::default());
        let field = Field {
            alias: Some(name(MARK)),
            name: name("__typename"),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet::default(), Pos::default()),
        };
        let field = Selection::Field(Positioned::new(field, Pos::default()));
        set.items.push(Positioned::new(field, Pos::default()));
        marked = true;
    }
    marked
}

impl Form {
    /// Of an operation of a document, with these variables.
    pub fn new(
        document: &Arc<Document>,
        name: Option<&str>,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Self {
        let flag = |definition: &async_graphql::parser::types::VariableDefinition| {
            let default = || definition.default_value.as_ref().map(|value| &value.node);
            match variables.get(&definition.name.node).or_else(default) {
                Some(ConstValue::Boolean(flag)) => Some((definition.name.node.clone(), *flag)),
                _ => None,
            }
        };
        let flags = operation.variable_definitions.iter().filter_map(|definition| flag(&definition.node)).collect();
        Self { document: Arc::clone(document), operation: name.map(str::to_owned), flags }
    }

    /// Is it known that the document keeps the rules of the specification? These do not depend on the values beside it,
    /// which are looked at each time.
    pub fn is_known_valid(&self) -> bool {
        self.document.valid.load(Ordering::Relaxed)
    }

    /// Learn from the answer of whoever looked at all the rules whether the document keeps them. Of a document with several
    /// operations nothing is learned: one of them may be looked at less closely than the one that was meant.
    pub fn learn(&self, response: &Response) {
        if was_executed(response) && self.document.parsed.operations.iter().nth(1).is_none() {
            self.document.valid.store(true, Ordering::Relaxed);
        }
    }

    /// Bring an answer into its form.
    pub fn complete(&self, shape: &Shape, response: &mut Response) {
        let errors = &response.errors;
        if !was_executed(response) || (errors.is_empty() && !self.document.marked) {
            return;
        }
        let operations = self.document.parsed.operations.iter();
        let mut wanted = operations
            .filter(|(name, _)| self.operation.is_none() || name.map(Name::as_str) == self.operation.as_deref());
        let Some((_, operation)) = wanted.next() else { return };
        let found = match std::mem::take(&mut response.data) {
            Value::Object(found) => found,
            _ => IndexMap::new(),
        };
        let answer = Answer { form: self, shape, errors };
        let sets = [&operation.node.selection_set.node];
        let root = shape.root(operation.node.ty);
        response.data = answer.object(found, &sets, root, &mut Vec::new()).unwrap_or_default();
    }
}

/// Was the operation executed, or refused before?
fn was_executed(response: &Response) -> bool {
    response.errors.is_empty() || response.errors.iter().any(|error| !error.path.is_empty())
}

struct Answer<'a> {
    form: &'a Form,
    shape: &'a Shape,
    errors: &'a [ServerError],
}

type Fields<'a> = IndexMap<&'a Name, Vec<&'a Field>>;

impl<'a> Answer<'a> {
    /// An object; `None` if something in it is null that can't be.
    fn object(
        &self,
        mut found: IndexMap<Name, Value>,
        sets: &[&'a SelectionSet],
        declared: &str,
        path: &mut Vec<PathSegment>,
    ) -> Option<Value> {
        let ty = match found.swap_remove(MARK) {
            Some(Value::String(ty)) => ty,
            _ => declared.to_owned(),
        };
        let mut fields = Fields::new();
        for set in sets {
            self.collect(set, &ty, &mut fields);
        }
        let mut object = IndexMap::with_capacity(fields.len());
        for (key, group) in fields {
            let (Some(first), true) = (group.first(), key.as_str() != MARK) else { continue };
            let value = found.swap_remove(key).unwrap_or_default();
            let value = match self.shape.field(&ty, &first.name.node) {
                Some(field) => {
                    path.push(PathSegment::Field(key.to_string()));
                    let value = self.value(value, &field.ty, &group, path);
                    path.pop();
                    value?
                }
                None => value,
            };
            object.insert(key.clone(), value);
        }
        Some(Value::Object(object))
    }

    fn value(&self, value: Value, ty: &Type, group: &[&'a Field], path: &mut Vec<PathSegment>) -> Option<Value> {
        let sets = || group.iter().map(|field| &field.selection_set.node).collect::<Vec<_>>();
        let whole = match (&ty.base, value) {
            (BaseType::List(inner), Value::List(items)) => {
                let items = items.into_iter().enumerate().map(|(place, item)| {
                    path.push(PathSegment::Index(place));
                    let item = self.value(item, inner, group, path);
                    path.pop();
                    item
                });
                items.collect::<Option<Vec<_>>>().map(Value::List)
            }
            (BaseType::Named(name), Value::Object(found)) if self.shape.is_composite(name) == Some(true) => {
                self.object(found, &sets(), name, path)
            }
            // All that was selected of it failed: it was there.
            (BaseType::Named(name), Value::Null) if self.failed_within(path) => {
                self.object(IndexMap::new(), &sets(), name, path)
            }
            (_, Value::Null) => None,
            (_, other) => Some(other),
        };
        whole.or(ty.nullable.then_some(Value::Null))
    }

    /// Did something fail within what is at this path?
    fn failed_within(&self, path: &[PathSegment]) -> bool {
        self.errors.iter().any(|error| error.path.len() > path.len() && error.path.starts_with(path))
    }

    /// The fields of a set for an object of a type, in their order.
    fn collect(&self, set: &'a SelectionSet, ty: &str, fields: &mut Fields<'a>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if self.is_wanted(&field.node.directives) => {
                    fields.entry(&field.node.response_key().node).or_default().push(&field.node);
                }
                Selection::InlineFragment(inline) if self.is_wanted(&inline.node.directives) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    if condition.is_none_or(|condition| self.shape.is_one(ty, condition)) {
                        self.collect(&inline.node.selection_set.node, ty, fields);
                    }
                }
                Selection::FragmentSpread(spread) if self.is_wanted(&spread.node.directives) => {
                    let fragment = self.form.document.parsed.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && self.shape.is_one(ty, &fragment.node.type_condition.node.on.node)
                    {
                        self.collect(&fragment.node.selection_set.node, ty, fields);
                    }
                }
                Selection::Field(_) | Selection::InlineFragment(_) | Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn is_wanted(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let flag = match directive.node.get_argument("if").map(|value| &value.node) {
                Some(AskedValue::Boolean(flag)) => Some(*flag),
                Some(AskedValue::Variable(name)) => self.form.flags.get(name).copied(),
                _ => None,
            };
            match directive.node.name.node.as_str() {
                "skip" => flag != Some(true),
                "include" => flag != Some(false),
                _ => true,
            }
        })
    }
}
