//! Lists, as Relay connections.

use async_graphql::OutputType;
use async_graphql::connection::{Connection, Edge};
use infra::Failure;
use infra::page::{PageRequest, Slice};

use crate::user_error::top_level;

/// The page arguments of a connection.
pub fn page(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> PageRequest {
    PageRequest { first, after, last, before }
}

/// A page of a list as a connection of `N`s.
pub fn connect<T, N: OutputType>(
    slice: Result<Slice<T>, Failure>,
    node: impl Fn(T) -> N,
) -> async_graphql::Result<Connection<String, N>> {
    let slice = slice.map_err(top_level)?;
    let mut connection = Connection::new(slice.has_previous, slice.has_next);
    connection.edges.extend(slice.items.into_iter().map(|(cursor, item)| Edge::new(cursor, node(item))));
    Ok(connection)
}
