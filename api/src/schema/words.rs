//! What the schema says where the library leaves no room for it: of scalars that are the library's own, and of
//! arguments that mean the same wherever they stand.

use std::borrow::Cow;
use std::convert::Infallible;

use async_graphql::registry::{MetaField, MetaType, Registry};
use async_graphql::{InputType, InputValueError, InputValueResult, Value};

/// Of scalars.
const SCALARS: &[(&str, &str)] = &[
    (
        "DateTime",
        "An instant, as RFC 3339 writes it: `\"2026-06-01T08:00:00Z\"`. Answers are in UTC; input may have another offset.",
    ),
    ("NaiveDate", "A day of the calendar, without a time zone, as ISO 8601 writes it: `\"2026-06-01\"`."),
    ("JSON", "Any JSON, for programs that know what it is about."),
];

/// Of arguments that mean the same everywhere.
const ARGUMENTS: &[(&str, &str)] = &[
    ("first", "How many, from the beginning or after `after`: 0 to 100, 20 unless said. Not together with `last`."),
    ("after", "Only what comes after this: a cursor that a page of this very list told."),
    ("last", "How many, from the end or before `before`: 0 to 100. Not together with `first`."),
    ("before", "Only what comes before this: a cursor that a page of this very list told."),
    ("input", "What it takes to do it."),
];

/// No value of anything: a place in the list of types, from which the registry of all of them is reached.
pub(super) enum Words {}

impl Words {
    fn describe(field: &mut MetaField) {
        for (name, argument) in &mut field.args {
            let said = ARGUMENTS.iter().find(|(known, _)| known == name);
            if let (None, Some((_, words))) = (&argument.description, said) {
                argument.description = Some((*words).to_owned());
            }
        }
    }
}

impl InputType for Words {
    type RawValueType = Infallible;

    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("String")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for (name, words) in SCALARS {
            registry.set_description(name, *words);
        }
        for ty in registry.types.values_mut() {
            if let MetaType::Object { fields, .. } | MetaType::Interface { fields, .. } = ty {
                fields.values_mut().for_each(Self::describe);
            }
        }
        Self::qualified_type_name()
    }

    fn parse(_value: Option<Value>) -> InputValueResult<Self> {
        Err(InputValueError::custom("there is no such value"))
    }

    fn to_value(&self) -> Value {
        match *self {}
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        match *self {}
    }
}
