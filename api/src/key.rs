//! Ids, as clients send them.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{ID, InputType, InputValueError, InputValueResult, Value};
use domain::id::Id;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The id of an object of one kind. Text that can't be read as one names nothing: it becomes an id
/// that no object has, so that a made-up id and an id of another kind are answered exactly like
/// one that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<I>(pub I);

impl<I: Id> Key<I> {
    /// The id in the text, or the id of nothing.
    pub fn read(text: &str) -> Self {
        Self(text.parse().unwrap_or_else(|_| I::from_uuid(Uuid::nil())))
    }
}

impl<I: Id + Send + Sync> InputType for Key<I> {
    type RawValueType = I;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let id = ID::parse(value).map_err(InputValueError::propagate)?;
        Ok(Self::read(&id))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }

    fn as_raw_value(&self) -> Option<&I> {
        Some(&self.0)
    }
}

impl<I: Id> Serialize for Key<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
