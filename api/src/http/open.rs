//! How many operations one account, or one address without an account, has running at once over sockets and as streams
//! of events. Each holds a listener and asks the database with every event, for as long as its client likes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use domain::access::Actor;
use domain::id::UserId;

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
    Address(ClientAddress),
}

/// An operation that is running, for as long as this is held.
#[derive(Debug)]
pub struct Held {
    open: Arc<Open>,
    whose: Whose,
}

impl Open {
    /// Nothing is running yet; of one account or address, so many may at once.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, running: Mutex::default() })
    }

    /// One more operation, unless there are enough of them.
    pub fn take(self: &Arc<Self>, actor: &Actor, address: ClientAddress) -> Result<Held, Problem> {
        let whose = actor.user().map_or_else(|| Whose::Address(address.network()), Whose::Account);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(whose).or_default();
        if *count >= self.most {
            let most = self.most as u64;
            let what = "operations of one account running over sockets and streams";
            let mut problem = Problem::limit("TOO_MANY_SUBSCRIPTIONS", what, most, most + 1);
            problem.status = Some(StatusCode::TOO_MANY_REQUESTS);
            problem.retry_after = Some(RETRY_AFTER);
            metrics::counter!("rabta_operations_refused_total").increment(1);
            return Err(problem);
        }
        *count += 1;
        Ok(Held { open: Arc::clone(self), whose })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.open.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
