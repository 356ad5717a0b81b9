//! Variables must be those, and of the types, that the operation says, before anything of it runs.

use async_graphql::Variables;
use async_graphql::parser::types::OperationDefinition;

use super::shape::Shape;
use super::values::{self, Written};
use crate::http::Problem;

/// Let go of values that the operation defines no variable for: nothing reads them, and what is kept is kept for as long
/// as the operation runs.
pub fn keep_defined(operation: &OperationDefinition, variables: &mut Variables) {
    let mut given = std::mem::take(variables);
    for definition in &operation.variable_definitions {
        if let Some((name, value)) = given.remove_entry(&definition.node.name.node) {
            variables.insert(name, value);
        }
    }
}

/// Refuse values that are missing or not of their types.
pub fn check(shape: &Shape, operation: &OperationDefinition, variables: &Variables) -> Result<(), Problem> {
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let fault = match variables.get(name) {
            None if ty.nullable || definition.node.default_value.is_some() => continue,
            None => " is missing".to_owned(),
            Some(value) => match values::check(shape, &value.clone().into_value(), ty, Written::InVariables) {
                Ok(()) => continue,
                Err(fault) => fault.to_string(),
            },
        };
        let message = format!("the variable \"${name}\" ({ty}){fault}");
        return Err(Problem::document("BAD_USER_INPUT", message).at(definition.pos).with("variable", name.as_str()));
    }
    Ok(())
}
