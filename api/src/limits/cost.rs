//! What an operation would cost: a field one, times the sizes of the pages and lists around it. A text that may be long
//! is some more, and what has to be ranked or compared before the first of it can be shown is dear however little of it is
//! asked for.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::{ConstValue, Value};

use super::Limits;
use super::complete::is_mark;
use super::shape::{FieldShape, Shape, is_list, named};

/// The cost of an operation with these variables. The document has been surveyed: fragments don't
/// spread themselves.
pub fn cost(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    shape: &Shape,
    limits: &Limits,
) -> u64 {
    let mut count = Count { document, operation, variables, shape, limits, fragments: HashMap::new() };
    count.selections(&operation.selection_set.node, Some(shape.root(operation.ty)))
}

/// When a field is dear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// With this argument of this value.
    Is(&'static str, &'static str),
    /// With this argument, an object that has this field.
    Has(&'static str, &'static str),
}

#[cfg(test)]
impl When {
    /// The argument that it hangs on, if it hangs on one.
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Self::Always => None,
            Self::Is(argument, _) | Self::Has(argument, _) => Some(argument),
        }
    }
}

/// A field that is dear by itself: of which type, its name, when it is, and by how much.
pub type Dear = (&'static str, &'static str, When, u64);

/// What is dear, and how.
pub const DEAR: &[Dear] = &[
    ("Query", "gigs", When::Is("orderBy", "BEST_MATCH"), 500),
    ("Query", "gigs", When::Has("filter", "text"), 100),
    ("Query", "freelancers", When::Has("filter", "text"), 100),
    ("Query", "explainMatch", When::Always, 300),
    ("Query", "exposureReport", When::Always, 300),
    ("Gig", "matches", When::Always, 300),
    ("Gig", "proposals", When::Is("orderBy", "FIT"), 300),
    ("Gig", "proposals", When::Is("collapseAlike", "true"), 300),
    ("Gig", "proposalsAlike", When::Always, 300),
    ("Proposal", "fit", When::Always, 20),
    ("Viewer", "recommendedGigs", When::Always, 300),
    ("Viewer", "skillGapReport", When::Always, 300),
];

/// Texts of people that may have some thousand characters.
const LONG: &[&str] = &["answer", "body", "coverLetter", "description", "evidence", "message", "overview", "text"];
/// What such a text costs beyond one.
const LENGTH: u64 = 9;

struct Count<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    shape: &'a Shape,
    limits: &'a Limits,
    fragments: HashMap<&'a str, u64>,
}

impl<'a> Count<'a> {
    fn selections(&mut self, set: &'a SelectionSet, parent: Option<&'a str>) -> u64 {
        let mut sum = 0_u64;
        for selection in &set.items {
            let cost = match &selection.node {
                // Ours, not the client's.
                Selection::Field(field) if is_mark(field) => 0,
                Selection::Field(field) => self.field(&field.node, parent),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    self.selections(&inline.node.selection_set.node, parent)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            sum = sum.saturating_add(cost);
        }
        sum
    }

    fn field(&mut self, field: &'a Field, parent: Option<&'a str>) -> u64 {
        let shape = parent.and_then(|parent| self.shape.field(parent, &field.name.node));
        let inner = self.selections(&field.selection_set.node, shape.map(|shape| named(&shape.ty).as_str()));
        let times = shape.map_or(1, |shape| self.times(field, shape, parent));
        let own = shape.map_or(1, |shape| 1 + self.extra(field, shape, parent));
        inner.saturating_mul(times).saturating_add(own)
    }

    /// What a field costs beyond one, whatever is within.
    fn extra(&self, field: &Field, shape: &FieldShape, parent: Option<&str>) -> u64 {
        let (parent, name) = (parent.unwrap_or_default(), field.name.node.as_str());
        let named_so = DEAR.iter().filter(|(of, dear, ..)| *of == parent && *dear == name);
        let dear = named_so.filter(|(.., when, _)| match when {
            When::Always => true,
            When::Is(argument, value) => self.says(field, argument, value),
            When::Has(argument, inner) => self.has(field, argument, inner),
        });
        let is_long = LONG.contains(&name) && named(&shape.ty) == "String" && !parent.ends_with("Error");
        dear.map(|(.., cost)| cost).sum::<u64>() + if is_long { LENGTH } else { 0 }
    }

    /// Is this the value of an argument?
    fn says(&self, field: &Field, argument: &str, value: &str) -> bool {
        let is_it = |given: &ConstValue| match given {
            ConstValue::Enum(name) => name.as_str() == value,
            ConstValue::String(name) => name.as_str() == value,
            ConstValue::Boolean(given) => *given == (value == "true"),
            _ => false,
        };
        match field.get_argument(argument).map(|given| &given.node) {
            Some(Value::Variable(name)) => self.variable(name).is_some_and(is_it),
            Some(Value::Enum(name)) => name.as_str() == value,
            Some(Value::Boolean(given)) => *given == (value == "true"),
            Some(_) | None => false,
        }
    }

    /// Is an argument an object with this field?
    fn has(&self, field: &Field, argument: &str, inner: &str) -> bool {
        let given = |value: &Value| match value {
            Value::Variable(name) => self.variable(name).is_some_and(|value| *value != ConstValue::Null),
            other => *other != Value::Null,
        };
        match field.get_argument(argument).map(|given| &given.node) {
            Some(Value::Object(object)) => object.get(inner).is_some_and(given),
            Some(Value::Variable(name)) => match self.variable(name) {
                Some(ConstValue::Object(object)) => object.get(inner).is_some_and(|value| *value != ConstValue::Null),
                Some(_) | None => false,
            },
            Some(_) | None => false,
        }
    }

    /// What a variable stands for, if anything was given or is said for want of it.
    fn variable(&self, name: &Name) -> Option<&ConstValue> {
        let default = || {
            let definitions = &self.operation.variable_definitions;
            let definition = definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        };
        self.variables.get(name).or_else(default)
    }

    /// How often what is within a field is likely to be there.
    fn times(&self, field: &Field, shape: &FieldShape, parent: Option<&str>) -> u64 {
        let pages = ["first", "last"].into_iter().filter(|name| shape.arguments.contains_key(*name));
        let pages: Vec<Option<u64>> = pages.map(|name| self.number(field.get_argument(name)?)).collect();
        match pages.iter().flatten().max() {
            Some(page) => *page,
            None if !pages.is_empty() => self.limits.page,
            // The list of a page is as long as the page, which was counted around it; the schema's
            // own lists have a limit of their own.
            None if parent.is_some_and(|parent| parent.ends_with("Connection") || parent.starts_with("__")) => 1,
            None if is_list(&shape.ty) => self.limits.list,
            None => 1,
        }
    }

    fn number(&self, value: &Positioned<Value>) -> Option<u64> {
        match &value.node {
            Value::Number(number) => number.as_u64(),
            Value::Variable(name) => match self.variable(name)? {
                ConstValue::Number(number) => number.as_u64(),
                _ => None,
            },
            _ => None,
        }
    }

    fn fragment(&mut self, name: &'a str) -> u64 {
        if let Some(cost) = self.fragments.get(name) {
            return *cost;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let parent = fragment.node.type_condition.node.on.node.as_str();
        let cost = self.selections(&fragment.node.selection_set.node, Some(parent));
        self.fragments.insert(name, cost);
        cost
    }
}
