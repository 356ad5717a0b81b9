//! Is a value of its type?

use std::fmt;

use async_graphql::parser::types::{BaseType, Type};
use async_graphql_value::Value;
use chrono::{DateTime, FixedOffset, NaiveDate};

use super::shape::{Kind, Shape};

/// Where a value was written: enums are names in a document, and strings in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Into the document.
    InDocument,
    /// Into the variables beside it.
    InVariables,
}

/// Why a value is not of its type, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    path: String,
    why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, " {}", self.why)
        } else {
            write!(f, ", at {}, {}", &self.path[1..], self.why)
        }
    }
}

impl Fault {
    fn because(why: impl Into<String>) -> Self {
        Self { path: String::new(), why: why.into() }
    }

    fn within(mut self, step: impl fmt::Display) -> Self {
        self.path = format!(".{step}{}", self.path);
        self
    }
}

/// Refuse a value that is not of its type. Variables within it are the library's business.
pub fn check(shape: &Shape, value: &Value, ty: &Type, written: Written) -> Result<(), Fault> {
    match value {
        Value::Variable(_) => return Ok(()),
        Value::Null if ty.nullable => return Ok(()),
        Value::Null => return Err(Fault::because("can't be null")),
        _ => {}
    }
    match (&ty.base, value) {
        (BaseType::List(inner), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(shape, item, inner, written).map_err(|fault| fault.within(index))?;
            }
            Ok(())
        }
        // One that stands alone is a list of one.
        (BaseType::List(inner), alone) => check(shape, alone, inner, written),
        (BaseType::Named(name), value) => named(shape, value, name, written),
    }
}

fn named(shape: &Shape, value: &Value, name: &str, written: Written) -> Result<(), Fault> {
    let should = |what: &str| Err(Fault::because(format!("should be {what}")));
    match (name, value) {
        // One that is written with a fraction is none, be that zero; so says whoever reads it later, too.
        ("Int", Value::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => Ok(()),
        ("Int", _) => should("a whole number of 32 bits"),
        ("Float", Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(()),
        ("Float", _) => should("a number"),
        ("String", Value::String(_)) | ("ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => Ok(()),
        ("ID", Value::Number(number)) if number.is_i64() => Ok(()),
        ("DateTime", Value::String(text)) if text.parse::<DateTime<FixedOffset>>().is_ok() => Ok(()),
        ("DateTime", _) => should("an instant with its offset, such as 2026-03-02T09:00:00Z"),
        ("NaiveDate", Value::String(text)) if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() => Ok(()),
        ("NaiveDate", _) => should("a day of the calendar, such as 2026-03-02"),
        ("String", _) => should("a string"),
        ("ID", _) => should("an id"),
        ("Boolean", _) => should("true or false"),
        _ => match (shape.kind(name), value) {
            (Some(Kind::Enum(values)), Value::Enum(given)) if written == Written::InDocument => {
                if values.contains(given.as_str()) { Ok(()) } else { unknown_member(name, given) }
            }
            (Some(Kind::Enum(values)), Value::String(given)) if written == Written::InVariables => {
                if values.contains(given.as_str()) { Ok(()) } else { unknown_member(name, given) }
            }
            (Some(Kind::Enum(_)), _) => should(&format!("one of the values of {name}")),
            (Some(Kind::Input { .. }), _) => input(shape, value, name, written),
            (Some(Kind::Scalar | Kind::Fields(_) | Kind::Union) | None, _) => Ok(()),
        },
    }
}

fn unknown_member(name: &str, given: &str) -> Result<(), Fault> {
    let given: String = given.chars().take(60).collect();
    Err(Fault::because(format!("is \"{given}\", which is not a value of {name}")))
}

fn input(shape: &Shape, value: &Value, name: &str, written: Written) -> Result<(), Fault> {
    let (Some(Kind::Input { fields, one_of }), Value::Object(given)) = (shape.kind(name), value) else {
        return Err(Fault::because(format!("should be an object ({name})")));
    };
    for (field, value) in given {
        let Some(input) = fields.get(field) else {
            let field: String = field.chars().take(60).collect();
            return Err(Fault::because(format!("has \"{field}\", which is not a field of {name}")));
        };
        check(shape, value, &input.ty, written).map_err(|fault| fault.within(field))?;
    }
    let missing = fields
        .iter()
        .filter(|(field, input)| !input.ty.nullable && !input.has_default && !given.contains_key(field.as_str()))
        .map(|(field, _)| field.as_str())
        .min();
    if let Some(field) = missing {
        return Err(Fault::because("is missing").within(field));
    }
    let alone = given.len() == 1 && given.values().all(|value| *value != Value::Null);
    if *one_of && !alone {
        return Err(Fault::because(format!("should have just one of the fields of {name}")));
    }
    Ok(())
}
