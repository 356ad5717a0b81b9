//! Every object by its global id.

use async_graphql::{Context, ID, Interface, Object};
use domain::id::Id;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::organization::Organization;
use crate::user_error::top_level;

/// Something with a global id.
#[derive(Debug, Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id."))]
pub enum Node {
    /// A client company.
    Organization(Organization),
}

/// Looking things up by their ids.
#[derive(Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this global id, if there is one and you may see it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of the object.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        let (market, call) = (ctx.market(), ctx.call());
        let prefix = id.split('_').next().unwrap_or_default();
        let found = match prefix {
            domain::id::OrganizationId::PREFIX => {
                market.organization_find(&call, Key::read(&id).0).await.map(|it| it.map(Organization).map(Node::from))
            }
            _ => Ok(None),
        };
        found.map_err(top_level)
    }
}
