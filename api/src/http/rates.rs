//! How often one address, and one account, may ask.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use domain::access::Actor;
use domain::id::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{ClientAddress, Problem, Settings};

/// Counts requests. A full allowance can be used at once; it comes back evenly over a minute.
pub struct Rates {
    by_address: Option<Rate<ClientAddress>>,
    by_account: Option<Rate<UserId>>,
    checks: AtomicU32,
}

struct Rate<K: std::hash::Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    per_minute: NonZeroU32,
}

impl<K: std::hash::Hash + Eq + Clone> Rate<K> {
    fn new(per_minute: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(per_minute)), per_minute }
    }

    fn check(&self, key: &K, whose: &'static str) -> Result<(), Problem> {
        let Err(early) = self.limiter.check_key(key) else { return Ok(()) };
        let wait = early.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
        let message = format!("too many requests of one {whose}: {} a minute are answered", self.per_minute);
        metrics::counter!("rabta_rate_limited_total", "whose" => whose).increment(1);
        let mut problem = Problem::http(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
            .with("limit", self.per_minute.get())
            .with("whose", whose);
        problem.retry_after = Some(wait);
        Err(problem)
    }
}

impl Rates {
    /// With the allowances of the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            by_address: settings.requests_per_minute_by_address.map(Rate::new),
            by_account: settings.requests_per_minute_by_account.map(Rate::new),
            checks: AtomicU32::new(0),
        }
    }

    /// Count a request of an address, before anything of it is looked at.
    pub fn check_address(&self, address: ClientAddress) -> Result<(), Problem> {
        // Addresses that have not been heard of for long are forgotten now and then.
        if self.checks.fetch_add(1, Ordering::Relaxed) % 4096 == 4095 {
            if let Some(rate) = &self.by_address {
                rate.limiter.retain_recent();
            }
            if let Some(rate) = &self.by_account {
                rate.limiter.retain_recent();
            }
        }
        self.by_address.as_ref().map_or(Ok(()), |rate| rate.check(&address.network(), "address"))
    }

    /// Count a request of an account.
    pub fn check_account(&self, actor: &Actor) -> Result<(), Problem> {
        match (&self.by_account, actor.user()) {
            (Some(rate), Some(user)) => rate.check(&user, "account"),
            (None, _) | (_, None) => Ok(()),
        }
    }

    /// Count a request of both.
    pub fn check(&self, address: ClientAddress, actor: &Actor) -> Result<(), Problem> {
        self.check_address(address)?;
        self.check_account(actor)
    }
}
