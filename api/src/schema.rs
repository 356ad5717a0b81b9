//! The schema: the rooms' queries and mutations, put together.

use async_graphql::{EmptySubscription, MergedObject, Schema};
use infra::Market;

use crate::node::NodeQuery;
use crate::organization::OrganizationMutation;

/// Everything that can be looked at.
#[derive(Debug, Default, MergedObject)]
pub struct Query(NodeQuery);

/// Everything that can be done. Each mutation is one act, takes one `input`, and returns what
/// changed, or `errors` that say why nothing did.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(OrganizationMutation);

/// The schema of the API.
pub type RabtaSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema, with resolvers that act on `market`.
pub fn build(market: Market) -> RabtaSchema {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription).data(market).finish()
}

/// The schema as text, in the schema definition language.
pub fn sdl() -> String {
    let schema = Schema::build(Query::default(), Mutation::default(), EmptySubscription).finish();
    schema
        .sdl_with_options(async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items())
}
