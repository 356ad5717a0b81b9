//! Rules of the specification that the library checks less strictly, or not everywhere.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, DirectiveLocation, Field, Type};
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
        once(&directive.node.arguments)?;
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

/// Each argument is given once.
pub fn once(given: &[(Positioned<Name>, Positioned<Value>)]) -> Result<(), Problem> {
    for (index, (name, _)) in given.iter().enumerate() {
        if given[..index].iter().any(|(other, _)| other.node == name.node) {
            let message = format!("the argument \"{}\" is given twice", name.node);
            return Err(Problem::document(INVALID, message).at(name.pos));
        }
    }
    Ok(())
}

/// Fields that every type has have no arguments but their own, which the library does not look at.
pub fn meta(field: &Positioned<Field>, known: &HashMap<Name, InputShape>) -> Result<(), Problem> {
    let name = &field.node.name.node;
    let unknown = field.node.arguments.iter().find(|(argument, _)| !known.contains_key(&argument.node));
    match unknown {
        Some((argument, _)) if name.starts_with("__") => {
            let message = format!("\"{name}\" has no argument \"{}\"", argument.node);
            Err(Problem::document(INVALID, message).at(argument.pos))
        }
        Some(_) | None => Ok(()),
    }
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
