//! The way in: GraphQL over HTTP to the letter, and what a public server needs around it.
//!
//! Nothing in here knows the business. The schema is whatever [`Surface::new`] is given; who a
//! token stands for, what resolvers find in their context and whether the house is ready is
//! answered by a [`Backend`].
//!
//! A request passes these doors in order, and each may turn it away with a typed error: address
//! (rate), token, media types, size, JSON, document limits, variables, the rates of what is asked, and only then resolvers.

mod address;
mod answer;
mod backend;
mod body;
mod closing;
mod events;
mod execute;
mod explorer;
mod graphql;
mod held;
mod identity;
mod layers;
mod media;
mod open;
mod paced;
mod params;
mod persisted;
mod problem;
mod rates;
mod room;
mod serve;
mod settings;
mod slots;
mod socket;
mod stall;
mod surface;
mod trace;
mod untaken;

#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use address::ClientAddress;
pub use backend::{Backend, Identity, TokenError, Visitor};
pub use body::Bodies;
pub use closing::{CloseSwitch, Closing};
pub use identity::bearer;
pub use layers::{around, counted, for_every_origin};
pub use persisted::TrustedDocuments;
pub use problem::Problem;
pub use serve::serve;
pub use settings::{OPERATIONS_PER_MINUTE, ServerSettings, Settings, SocketSettings};
pub use surface::{Described, Surface};
pub use trace::TraceId;
pub use untaken::Untaken;

use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use axum::routing::any;

/// The code of an error of a field that too many wanted at once. An answer of nothing but such errors says so by its
/// status, too.
pub const BUSY: &str = "BUSY";

/// The path of the GraphQL endpoint.
pub const GRAPHQL_PATH: &str = "/graphql";

/// Everything that is answered over HTTP.
pub fn router<Q, M, S>(surface: Surface<Q, M, S>) -> Router
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let settings = surface.settings().clone();
    let routes = Router::new().route(GRAPHQL_PATH, any(graphql::handle)).fallback(graphql::no_such_page);
    let mut routes = routes.with_state(surface);
    if settings.explorer {
        routes = routes.merge(counted(explorer::routes(), &settings));
    }
    around(routes, &settings)
}
