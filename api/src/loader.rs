//! References between objects, without a query for each: what one level of an answer asks for is
//! gathered and read in one statement. Each request has its own loader, so nobody is shown what
//! was loaded for somebody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use domain::id::{GigId, OrganizationId, UserId};
use domain::profile::FreelancerProfile;
use infra::{Failure, Market};

use crate::context::Caller;
use crate::user_error::top_level_shared;

/// Loads what a request refers to.
#[derive(Clone)]
pub struct Loading {
    market: Market,
    caller: Caller,
}

/// Why something could not be loaded, for all who asked for it.
#[derive(Debug, Clone)]
pub struct LoadError(Arc<Failure>);

/// The loader of one request.
pub fn loader(market: &Market, caller: Caller) -> DataLoader<Loading> {
    // No delay: what is asked for at the same time is gathered by being asked for at the same time.
    DataLoader::new(Loading { market: market.clone(), caller }, tokio::spawn).delay(Duration::ZERO)
}

/// The object with this id, if there is one that the caller may be shown.
pub async fn load<K>(ctx: &Context<'_>, id: K) -> async_graphql::Result<Option<<Loading as Loader<K>>::Value>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loading: Loader<K, Error = LoadError>,
{
    let loaded = ctx.data_unchecked::<DataLoader<Loading>>().load_one(id).await;
    loaded.map_err(|LoadError(failure)| top_level_shared(&failure))
}

macro_rules! loads {
    ($($id:ident => $value:ty: $method:ident;)*) => {
        $(
            impl Loader<$id> for Loading {
                type Value = $value;
                type Error = LoadError;

                async fn load(&self, keys: &[$id]) -> Result<HashMap<$id, $value>, LoadError> {
                    let found = self.market.$method(&self.caller.call(), keys).await;
                    let found = found.map_err(|failure| LoadError(Arc::new(failure)))?;
                    Ok(found.into_iter().map(|found| (found.id, found)).collect())
                }
            }
        )*
    };
}

/// The profile of a person, in place of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileOf(pub UserId);

impl Loader<ProfileOf> for Loading {
    type Value = FreelancerProfile;
    type Error = LoadError;

    async fn load(&self, keys: &[ProfileOf]) -> Result<HashMap<ProfileOf, FreelancerProfile>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|ProfileOf(user)| *user).collect();
        let found = self.market.profiles_of_users(&self.caller.call(), &users).await;
        let found = found.map_err(|failure| LoadError(Arc::new(failure)))?;
        Ok(found.into_iter().map(|profile| (ProfileOf(profile.user), profile)).collect())
    }
}

loads! {
    GigId => domain::gig::Gig: gigs_by_id;
    OrganizationId => domain::organization::Organization: organizations_by_id;
    UserId => domain::user::User: users_by_id;
}
