//! The way in: GraphQL over HTTP to the letter, and what a public server needs around it.
//!
//! Nothing in here knows the business. The schema is whatever [`Surface::new`] is given; who a
//! token stands for, what resolvers find in their context and whether the house is ready is
//! answered by a [`Backend`].
//!
//! A request passes these doors in order, and each may turn it away with a typed error: address
//! (rate), token, media types, size, JSON, document limits, variables, and only then resolvers.

mod address;
mod answer;
mod backend;
mod body;
mod closing;
mod events;
mod explorer;
mod graphql;
mod identity;
mod layers;
mod media;
mod params;
mod persisted;
mod problem;
mod rates;
mod serve;
mod settings;
mod slots;
mod socket;
mod stall;
mod surface;
mod trace;

#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use address::ClientAddress;
pub use backend::{Backend, Identity, TokenError, Visitor};
pub use closing::{CloseSwitch, Closing};
pub use identity::bearer;
pub use layers::around;
pub use persisted::TrustedDocuments;
pub use problem::Problem;
pub use serve::serve;
pub use settings::{ServerSettings, Settings, SocketSettings};
pub use surface::Surface;
pub use trace::TraceId;

use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use axum::routing::any;

/// The path of the GraphQL endpoint.
pub const GRAPHQL_PATH: &str = "/graphql";

/// Everything that is answered over HTTP.
pub fn router<Q, M, S>(surface: Surface<Q, M, S>) -> Router
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let mut routes = Router::new().route(GRAPHQL_PATH, any(graphql::handle)).fallback(graphql::no_such_page);
    if surface.settings().explorer {
        routes = routes.merge(explorer::routes());
    }
    around(routes.with_state(surface.clone()), surface.settings())
}
