//! How many operations one account, or one address without an account, has running at once over sockets and as streams
//! of events. Each holds a listener and asks the database with every event, for as long as its client likes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use domain::access::Actor;
use domain::id::UserId;

use super::address::SITE;
use super::{ClientAddress, Problem};

/// After so many seconds it makes sense to try again.
const RETRY_AFTER: u64 = 30;

/// Counts operations that are running.
#[derive(Debug)]
pub struct Open {
    most: usize,
    running: Mutex<HashMap<Whose, usize>>,
}

/// Whose an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Account(UserId),
    Network(ClientAddress),
    Site(ClientAddress),
}

impl Whose {
    /// All that an operation counts for: an account, or without one a network and its site.
    fn all(actor: &Actor, address: ClientAddress) -> Vec<Self> {
        match actor.user() {
            Some(user) => vec![Self::Account(user)],
            None => std::iter::once(Self::Network(address.network())).chain(address.site().map(Self::Site)).collect(),
        }
    }

    /// How many networks' worth of operations it may run.
    fn worth(self) -> usize {
        match self {
            Self::Account(_) | Self::Network(_) => 1,
            Self::Site(_) => SITE as usize,
        }
    }
}

/// An operation that is running, for as long as this is held.
#[derive(Debug)]
pub struct Held {
    open: Arc<Open>,
    whose: Vec<Whose>,
}

impl Open {
    /// Nothing is running yet; of one account or address, so many may at once.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, running: Mutex::default() })
    }

    /// One more operation, unless there are enough of them.
    pub fn take(self: &Arc<Self>, actor: &Actor, address: ClientAddress) -> Result<Held, Problem> {
        let whose = Whose::all(actor, address);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let most = |whose: &Whose| self.most.saturating_mul(whose.worth());
        let full = |whose: &&Whose| running.get(*whose).is_some_and(|count| *count >= most(whose));
        if let Some(most) = whose.iter().find(full).map(most) {
            let most = most as u64;
            let what = "operations of one account running over sockets and streams";
            let mut problem = Problem::limit("TOO_MANY_SUBSCRIPTIONS", what, most, most + 1);
            problem.status = Some(StatusCode::TOO_MANY_REQUESTS);
            problem.retry_after = Some(RETRY_AFTER);
            metrics::counter!("rabta_operations_refused_total").increment(1);
            return Err(problem);
        }
        for whose in &whose {
            *running.entry(*whose).or_default() += 1;
        }
        Ok(Held { open: Arc::clone(self), whose })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.open.running.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in &self.whose {
            if let Some(count) = running.get_mut(whose) {
                *count -= 1;
                if *count == 0 {
                    running.remove(whose);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use domain::access::Person;
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;

    fn somebody(n: u128) -> Actor {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    #[test]
    fn an_account_runs_so_many_wherever_it_is_and_so_does_an_address_without_one() {
        let open = Open::new(2);
        let (here, there) = (ClientAddress([192, 0, 2, 1].into()), ClientAddress([192, 0, 2, 2].into()));
        let first = open.take(&somebody(1), here).unwrap();
        let _second = open.take(&somebody(1), there).unwrap();
        let refused = open.take(&somebody(1), there).unwrap_err();
        assert_eq!((refused.code, refused.status), ("TOO_MANY_SUBSCRIPTIONS", Some(StatusCode::TOO_MANY_REQUESTS)));
        let _others = [open.take(&somebody(2), here).unwrap(), open.take(&Actor::Nobody, here).unwrap()];
        let _more = open.take(&Actor::Nobody, here).unwrap();
        assert!(open.take(&Actor::Nobody, here).is_err());
        assert!(open.take(&Actor::Nobody, there).is_ok());
        drop(first);
        drop(open.take(&somebody(1), here).unwrap());
        assert!(open.take(&somebody(1), here).is_ok(), "what is over makes room");
    }

    #[test]
    fn a_site_runs_as_many_without_an_account_as_eight_of_its_networks_may() {
        let open = Open::new(2);
        let of =
            |site: u128, n: u128| ClientAddress(IpAddr::V6(((0x2001_0db8_0000 + site) << 80 | n << 64 | 1).into()));
        let held: Vec<Held> = (0..40)
            .flat_map(|n| [open.take(&Actor::Nobody, of(1, n)), open.take(&Actor::Nobody, of(1, n))])
            .flatten()
            .collect();
        assert_eq!(held.len(), 16);
        assert!(open.take(&somebody(1), of(1, 99)).is_ok(), "an account is counted by itself");
        assert!(open.take(&Actor::Nobody, of(2, 0)).is_ok(), "another site");
        drop(held);
        assert!(open.take(&Actor::Nobody, of(1, 7)).is_ok(), "what is over makes room");
        assert!(open.running.lock().unwrap().is_empty(), "and nothing is kept of who left");
    }
}
