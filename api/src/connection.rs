//! Lists, as Relay connections.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::resolver_utils::EnumType;
use async_graphql::{Context, Object, ObjectType, OutputType};
use infra::Failure;
use infra::page::{PageRequest, Slice};

use crate::user_error::top_level;

/// A page of a list that says how long the list is.
pub type Counted<N> = Connection<String, N, Length, EmptyFields>;

/// How long a list is, if it was counted.
#[derive(Debug, Clone, Copy)]
pub struct Length(Option<u64>);

/// How long a list is.
#[Object]
impl Length {
    /// How many there are on all pages together, of those that you may see and asked for. Counted up to 1,000: where it
    /// says 1,000 there may be more. Null if it can't be told.
    async fn total_count(&self) -> Option<i32> {
        self.0.and_then(|total| i32::try_from(total).ok())
    }
}

/// What a connection says besides its edges.
pub trait Says: ObjectType {
    /// What it says of a list of this length.
    fn of(total: Option<u64>) -> Self;
}

impl Says for EmptyFields {
    fn of(_total: Option<u64>) -> Self {
        Self
    }
}

impl Says for Length {
    fn of(total: Option<u64>) -> Self {
        Self(total)
    }
}

/// The page arguments of a connection.
pub fn page(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> PageRequest {
    PageRequest { first, after, last, before, ..PageRequest::default() }
}

/// The page arguments of a connection that is counted if it is asked how long it is.
pub fn counted(
    ctx: &Context<'_>,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> PageRequest {
    let counted = ctx.look_ahead().field("totalCount").exists();
    PageRequest { first, after, last, before, counted, ..PageRequest::default() }
}

/// The names in rows of the states that a list is narrowed to: those of the schema, in small letters.
pub fn named<S: EnumType>(states: Option<Vec<S>>) -> Vec<String> {
    let name = |state: &S| S::items().iter().find(|item| item.value == *state).map(|item| item.name.to_lowercase());
    states.unwrap_or_default().iter().filter_map(name).collect()
}

/// A page of a list as a connection of `N`s.
pub fn connect<T, N: OutputType, F: Says>(
    slice: Result<Slice<T>, Failure>,
    node: impl Fn(T) -> N,
) -> async_graphql::Result<Connection<String, N, F, EmptyFields>> {
    let slice = slice.map_err(top_level)?;
    let mut connection = Connection::with_additional_fields(slice.has_previous, slice.has_next, F::of(slice.total));
    connection.edges.extend(slice.items.into_iter().map(|(cursor, item)| Edge::new(cursor, node(item))));
    Ok(connection)
}
