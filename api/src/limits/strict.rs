//! Rules of the specification that the library checks less strictly, or not everywhere.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Directive, DirectiveLocation, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::shape::{InputShape, Shape, named};
use super::values;
use crate::http::Problem;

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

/// Directives must exist, stand where they may, stand there once, and have the right arguments.
pub fn directives(
    shape: &Shape,
    directives: &[Positioned<Directive>],
    location: DirectiveLocation,
) -> Result<(), Problem> {
    for (index, directive) in directives.iter().enumerate() {
        let name = &directive.node.name.node;
        let refuse =
            |why: &str| Err(Problem::document(INVALID, format!("the directive \"@{name}\" {why}")).at(directive.pos));
        let Some(known) = shape.directive(name) else { return refuse("is not known") };
        if !known.locations.contains(&location) {
            return refuse("can't stand here");
        }
        let before = &directives[..index];
        if before.iter().any(|other| other.node.name.node == *name) {
            return refuse("can stand here only once");
        }
        if let Some((argument, _)) =
            directive.node.arguments.iter().find(|(argument, _)| !known.arguments.contains_key(&argument.node))
        {
            return refuse(&format!("has no argument \"{}\"", argument.node));
        }
        let missing = known.arguments.iter().find(|(argument, input)| {
            !input.ty.nullable && !input.has_default && directive.node.get_argument(argument.as_str()).is_none()
        });
        if let Some((argument, _)) = missing {
            return refuse(&format!("needs the argument \"{argument}\""));
        }
        arguments(shape, &directive.node.arguments, &known.arguments)?;
    }
    Ok(())
}

/// A field has a selection if, and only if, there is something in it to select.
pub fn leaf(shape: &Shape, field: &Positioned<Field>, ty: &Type) -> Result<(), Problem> {
    let name = &field.node.name.node;
    let selects = !field.node.selection_set.node.items.is_empty();
    let why = match (shape.is_composite(named(ty)), selects) {
        (Some(false), true) => format!("\"{name}\" is a {ty} and has nothing to select"),
        (Some(true), false) => format!("\"{name}\" is a {ty}: say which of its fields you want"),
        _ => return Ok(()),
    };
    Err(Problem::document(INVALID, why).at(field.pos))
}

/// Values written into the document must be of their types, Int being a number of 32 bits.
pub fn arguments(
    shape: &Shape,
    given: &[(Positioned<Name>, Positioned<Value>)],
    known: &HashMap<Name, InputShape>,
) -> Result<(), Problem> {
    for (name, value) in given {
        if let Some(input) = known.get(&name.node)
            && let Err(fault) = values::check(shape, &value.node, &input.ty, values::Written::InDocument)
        {
            let message = format!("the argument \"{}\"{}", name.node, fault);
            return Err(Problem::document(INVALID, message).at(value.pos));
        }
    }
    Ok(())
}

/// Every variable that an operation uses, through whatever fragments, is one it defines.
pub fn variables_are_defined(document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Problem> {
    let defined = operation.variable_definitions.iter().map(|variable| variable.node.name.node.as_str()).collect();
    let mut search = Search { document, defined, seen: HashSet::new() };
    search.directives(&operation.directives)?;
    search.selections(&operation.selection_set.node)
}

struct Search<'a> {
    document: &'a ExecutableDocument,
    defined: HashSet<&'a str>,
    seen: HashSet<&'a str>,
}

impl<'a> Search<'a> {
    fn selections(&mut self, set: &'a SelectionSet) -> Result<(), Problem> {
        for selection in &set.items {
            self.directives(selection.node.directives())?;
            match &selection.node {
                Selection::Field(field) => {
                    field.node.arguments.iter().try_for_each(|(_, value)| self.value(&value.node, value))?;
                    self.selections(&field.node.selection_set.node)?;
                }
                Selection::InlineFragment(inline) => self.selections(&inline.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.seen.insert(name)
                    {
                        self.directives(&fragment.node.directives)?;
                        self.selections(&fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Problem> {
        let mut arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        arguments.try_for_each(|(_, value)| self.value(&value.node, value))
    }

    fn value(&self, value: &Value, whole: &Positioned<Value>) -> Result<(), Problem> {
        match value {
            Value::Variable(name) if !self.defined.contains(name.as_str()) => {
                let message = format!("the variable \"${name}\" is used but not defined");
                Err(Problem::document(INVALID, message).at(whole.pos))
            }
            Value::List(items) => items.iter().try_for_each(|item| self.value(item, whole)),
            Value::Object(fields) => fields.values().try_for_each(|field| self.value(field, whole)),
            Value::Variable(_)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => Ok(()),
        }
    }
}
