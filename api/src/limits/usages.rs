//! Variables: each is defined once, is of a type that can be given, is used, and where it is used its type fits.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::{ConstValue, Value};

use super::shape::{InputShape, Kind, Shape, named};
use crate::http::Problem;

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

/// Refuse an operation whose variables are not as the specification wants them, through whatever fragments.
pub fn check(shape: &Shape, document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Problem> {
    let mut defined = HashMap::new();
    for variable in &operation.variable_definitions {
        let VariableDefinition { name, var_type, .. } = &variable.node;
        let refuse = |why: String| Err(Problem::document(INVALID, why).at(variable.pos));
        if defined.insert(name.node.as_str(), &variable.node).is_some() {
            return refuse(format!("the variable \"${}\" is defined twice", name.node));
        }
        match shape.kind(named(&var_type.node)) {
            Some(Kind::Scalar | Kind::Enum(_) | Kind::Input { .. }) => {}
            Some(Kind::Fields(_) | Kind::Union) => {
                return refuse(format!("the variable \"${}\" can't be a {}", name.node, var_type.node));
            }
            None => return refuse(format!("there is no type \"{}\"", named(&var_type.node))),
        }
    }
    let mut usages = Usages { shape, document, defined, used: HashSet::new(), seen: HashSet::new() };
    usages.directives(&operation.directives)?;
    usages.selections(&operation.selection_set.node, Some(shape.root(operation.ty)))?;
    let unused = operation.variable_definitions.iter().find(|variable| {
        let name = &variable.node.name.node;
        !usages.used.contains(name.as_str())
    });
    match unused {
        Some(variable) => {
            let why = format!("the variable \"${}\" is defined and not used", variable.node.name.node);
            Err(Problem::document(INVALID, why).at(variable.pos))
        }
        None => Ok(()),
    }
}

/// What a place wants, where it is known.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    ty: &'a Type,
    has_default: bool,
}

struct Usages<'a> {
    shape: &'a Shape,
    document: &'a ExecutableDocument,
    defined: HashMap<&'a str, &'a VariableDefinition>,
    used: HashSet<&'a str>,
    seen: HashSet<&'a str>,
}

impl<'a> Usages<'a> {
    fn selections(&mut self, set: &'a SelectionSet, parent: Option<&'a str>) -> Result<(), Problem> {
        for selection in &set.items {
            self.directives(selection.node.directives())?;
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let shape = parent.and_then(|parent| self.shape.field(parent, &field.name.node));
                    self.arguments(&field.arguments, shape.map(|shape| &shape.arguments))?;
                    let within = shape.map(|shape| named(&shape.ty).as_str());
                    self.selections(&field.selection_set.node, within)?;
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    self.selections(&inline.node.selection_set.node, parent)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.seen.insert(name)
                    {
                        self.directives(&fragment.node.directives)?;
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.selections(&fragment.node.selection_set.node, Some(on))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> Result<(), Problem> {
        for directive in directives {
            let known = self.shape.directive(&directive.node.name.node);
            self.arguments(&directive.node.arguments, known.map(|known| &known.arguments))?;
        }
        Ok(())
    }

    fn arguments(
        &mut self,
        given: &'a [(Positioned<Name>, Positioned<Value>)],
        known: Option<&'a HashMap<Name, InputShape>>,
    ) -> Result<(), Problem> {
        for (name, value) in given {
            self.value(&value.node, known.and_then(|known| wanted(known, &name.node)), value.pos)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &'a Value, wanted_here: Option<Wanted<'a>>, at: Pos) -> Result<(), Problem> {
        match value {
            Value::Variable(name) => self.variable(name.as_str(), wanted_here, at),
            Value::List(items) => {
                let inner = wanted_here.map(|wanted| match &wanted.ty.base {
                    BaseType::List(inner) => Wanted { ty: inner, has_default: false },
                    BaseType::Named(_) => wanted,
                });
                items.iter().try_for_each(|item| self.value(item, inner, at))
            }
            Value::Object(given) => {
                // One that stands where a list should is a list of one.
                let fields = wanted_here.and_then(|wanted| match self.shape.kind(named(wanted.ty)) {
                    Some(Kind::Input { fields, .. }) => Some(fields),
                    Some(Kind::Scalar | Kind::Enum(_) | Kind::Fields(_) | Kind::Union) | None => None,
                });
                given
                    .iter()
                    .try_for_each(|(name, value)| self.value(value, fields.and_then(|fields| wanted(fields, name)), at))
            }
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => Ok(()),
        }
    }

    fn variable(&mut self, name: &'a str, wanted: Option<Wanted<'a>>, at: Pos) -> Result<(), Problem> {
        let Some(variable) = self.defined.get(name) else {
            let message = format!("the variable \"${name}\" is used but not defined");
            return Err(Problem::document(INVALID, message).at(at));
        };
        self.used.insert(name);
        let Some(wanted) = wanted else { return Ok(()) };
        let ty = &variable.var_type.node;
        if fits(variable, wanted) {
            return Ok(());
        }
        let message = format!("the variable \"${name}\" is a {ty}, and is used where a {} is wanted", wanted.ty);
        Err(Problem::document(INVALID, message).at(at))
    }
}

fn wanted<'a>(known: &'a HashMap<Name, InputShape>, name: &Name) -> Option<Wanted<'a>> {
    known.get(name).map(|input| Wanted { ty: &input.ty, has_default: input.has_default })
}

/// May a variable stand in a place? One that may be null fits where null may not stand only if somebody says what it is
/// when it is left out.
fn fits(variable: &VariableDefinition, wanted: Wanted<'_>) -> bool {
    let ty = &variable.var_type.node;
    if !wanted.ty.nullable && ty.nullable {
        let default = variable.default_value.as_ref().map(|value| &value.node);
        let is_given = default.is_some_and(|value| *value != ConstValue::Null);
        return (is_given || wanted.has_default) && base_fits(&ty.base, &wanted.ty.base);
    }
    type_fits(ty, wanted.ty)
}

fn type_fits(ty: &Type, wanted: &Type) -> bool {
    (wanted.nullable || !ty.nullable) && base_fits(&ty.base, &wanted.base)
}

fn base_fits(base: &BaseType, wanted: &BaseType) -> bool {
    match (base, wanted) {
        (BaseType::Named(name), BaseType::Named(wanted)) => name == wanted,
        (BaseType::List(inner), BaseType::List(wanted)) => type_fits(inner, wanted),
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    }
}
