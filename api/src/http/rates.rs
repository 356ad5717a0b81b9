//! How often one address, and one account, may ask, how much of it, and which acts how often.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use domain::access::Actor;
use domain::id::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::address::SITE;
use super::{ClientAddress, Problem, Settings};

/// Counts requests. A full allowance can be used at once; it comes back evenly over a minute.
pub struct Rates<C: Clock = DefaultClock> {
    by_address: Option<Allowance<C>>,
    messages: Option<Allowance<C>>,
    by_account: Option<Allowance<C>>,
    cost: Option<Allowance<C>>,
    operations: HashMap<&'static str, Allowance<C>>,
    checks: AtomicU32,
}

/// Who is counted for what they ask: an account, wherever it is used, or whoever has none, by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Account(UserId),
    Address(ClientAddress),
}

/// What each account or network may, and so many networks' worth of it each site of networks.
struct Allowance<C: Clock> {
    each: Rate<Asker, C>,
    sites: Rate<ClientAddress, C>,
}

impl<C: Clock + Clone> Allowance<C> {
    fn new(per_minute: NonZeroU32, clock: &C) -> Self {
        let of_site = per_minute.saturating_mul(NonZeroU32::MIN.saturating_add(SITE - 1));
        Self { each: Rate::new(per_minute, clock), sites: Rate::new(of_site, clock) }
    }

    fn check(&self, asker: Asker, much: NonZeroU32, what: &str) -> Result<(), Problem> {
        let (asker, whose, site) = match asker {
            Asker::Account(_) => (asker, "account", None),
            Asker::Address(address) => (Asker::Address(address.network()), "address", address.site()),
        };
        self.each.check(&asker, much, whose, what)?;
        site.map_or(Ok(()), |site| self.sites.check(&site, much, whose, what))
    }

    fn forget(&self) {
        self.each.limiter.retain_recent();
        self.sites.limiter.retain_recent();
    }
}

struct Rate<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    per_minute: NonZeroU32,
    clock: C,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Rate<K, C> {
    fn new(per_minute: NonZeroU32, clock: &C) -> Self {
        let (store, clock) = (DefaultKeyedStateStore::default(), clock.clone());
        let limiter = RateLimiter::new(Quota::per_minute(per_minute), store, clock.clone());
        Self { limiter, per_minute, clock }
    }

    /// Count `much` of what is allowed; refused, it counts for nothing.
    fn check(&self, key: &K, much: NonZeroU32, whose: &'static str, what: &str) -> Result<(), Problem> {
        let wait = match self.limiter.check_key_n(key, much) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(early)) => early.wait_time_from(self.clock.now()).as_secs() + 1,
            // More at once than a minute's allowance: it never fits.
            Err(_) => 60,
        };
        let message = format!("too much of one {whose}: {} {what} a minute are answered", self.per_minute);
        metrics::counter!("rabta_rate_limited_total", "whose" => whose).increment(1);
        let mut problem = Problem::http(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
            .with("limit", self.per_minute.get())
            .with("value", much.get())
            .with("whose", whose)
            .with("what", what);
        problem.retry_after = Some(wait);
        Err(problem)
    }
}

impl Rates {
    /// With the allowances of the settings.
    pub fn new(settings: &Settings) -> Self {
        Self::by(&DefaultClock::default(), settings)
    }
}

impl<C: Clock + Clone> Rates<C> {
    /// The same, by a clock.
    pub fn by(clock: &C, settings: &Settings) -> Self {
        let operations = settings.operations_per_minute.iter();
        Self {
            by_address: settings.requests_per_minute_by_address.map(|most| Allowance::new(most, clock)),
            messages: settings.messages_per_minute_by_address.map(|most| Allowance::new(most, clock)),
            by_account: settings.requests_per_minute_by_account.map(|most| Allowance::new(most, clock)),
            cost: settings.cost_per_minute.map(|most| Allowance::new(most, clock)),
            operations: operations.map(|(name, most)| (*name, Allowance::new(*most, clock))).collect(),
            checks: AtomicU32::new(0),
        }
    }

    /// Count a request of an address, before anything of it is looked at.
    pub fn check_address(&self, address: ClientAddress) -> Result<(), Problem> {
        // Those who have not been heard of for long are forgotten now and then.
        if self.checks.fetch_add(1, Ordering::Relaxed) % 4096 == 4095 {
            self.forget();
        }
        let rate = self.by_address.as_ref();
        rate.map_or(Ok(()), |rate| rate.check(Asker::Address(address), NonZeroU32::MIN, "requests"))
    }

    /// Count a message that came over a socket of an address, whatever it says.
    pub fn check_message(&self, address: ClientAddress) -> Result<(), Problem> {
        let rate = self.messages.as_ref();
        rate.map_or(Ok(()), |rate| rate.check(Asker::Address(address), NonZeroU32::MIN, "messages"))
    }

    fn forget(&self) {
        let all = [&self.by_address, &self.messages, &self.by_account, &self.cost];
        for allowance in all.into_iter().flatten().chain(self.operations.values()) {
            allowance.forget();
        }
    }

    /// Count a request of an account.
    pub fn check_account(&self, actor: &Actor) -> Result<(), Problem> {
        match (&self.by_account, actor.user()) {
            (Some(rate), Some(user)) => rate.check(Asker::Account(user), NonZeroU32::MIN, "requests"),
            (None, _) | (_, None) => Ok(()),
        }
    }

    /// Count what an operation asks for: each of its acts that is counted by itself, however often it stands there, and
    /// its cost.
    pub fn check_operation(
        &self,
        address: ClientAddress,
        actor: &Actor,
        fields: &BTreeMap<String, NonZeroU32>,
        cost: u64,
    ) -> Result<(), Problem> {
        let asker = actor.user().map_or(Asker::Address(address), Asker::Account);
        for (name, times) in fields {
            if let Some(rate) = self.operations.get(name.as_str()) {
                rate.check(asker, *times, name)?;
            }
        }
        self.check_cost(address, actor, cost)
    }

    /// Count what something costs.
    pub fn check_cost(&self, address: ClientAddress, actor: &Actor, cost: u64) -> Result<(), Problem> {
        let asker = actor.user().map_or(Asker::Address(address), Asker::Account);
        match (&self.cost, NonZeroU32::new(u32::try_from(cost).unwrap_or(u32::MAX))) {
            (Some(rate), Some(cost)) => rate.check(asker, cost, "of cost"),
            (None, _) | (_, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use domain::access::Person;
    use domain::id::Id;
    use governor::clock::FakeRelativeClock;
    use uuid::Uuid;

    use super::*;

    fn most(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    fn of_act(name: &str, times: u32) -> BTreeMap<String, NonZeroU32> {
        BTreeMap::from([(name.to_owned(), most(times))])
    }

    fn somebody(n: u128) -> Actor {
        let user = Id::from_uuid(Uuid::from_u128(n));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    /// What is refused, with the limit, the value and the seconds to wait.
    fn told(outcome: Result<(), Problem>) -> String {
        let Err(problem) = outcome else { return "answered".to_owned() };
        let fact = |name: &str| problem.facts.iter().find(|(fact, _)| *fact == name).unwrap().1.to_string();
        let wait = problem.retry_after.unwrap();
        format!("{} {} of {} {} {wait} s", problem.code, fact("value"), fact("limit"), fact("what"))
    }

    #[test]
    fn an_act_is_counted_by_account_wherever_it_is_used_and_without_one_by_address() {
        let clock = FakeRelativeClock::default();
        let settings = Settings { operations_per_minute: vec![("signIn", most(6))], ..Settings::default() };
        let rates = Rates::by(&clock, &settings);
        let (here, there) = (ClientAddress(IpAddr::from([192, 0, 2, 1])), ClientAddress(IpAddr::from([192, 0, 2, 2])));
        let once = of_act("signIn", 1);
        for _ in 0..6 {
            assert_eq!(told(rates.check_operation(here, &Actor::Nobody, &once, 1)), "answered");
        }
        let refused = "RATE_LIMITED 1 of 6 \"signIn\" 11 s";
        assert_eq!(told(rates.check_operation(here, &Actor::Nobody, &once, 1)), refused);
        assert_eq!(told(rates.check_operation(there, &Actor::Nobody, &once, 1)), "answered", "another address");
        assert_eq!(told(rates.check_operation(here, &somebody(1), &once, 1)), "answered", "an account");
        assert_eq!(told(rates.check_operation(here, &Actor::Nobody, &of_act("signUp", 9), 1)), "answered");
        clock.advance(Duration::from_secs(9));
        assert_eq!(told(rates.check_operation(here, &Actor::Nobody, &once, 1)), "RATE_LIMITED 1 of 6 \"signIn\" 2 s");
        clock.advance(Duration::from_secs(1));
        assert_eq!(told(rates.check_operation(here, &Actor::Nobody, &once, 1)), "answered", "it comes back evenly");
        // By alias it is no cheaper, and what can never fit is not waited for.
        assert_eq!(told(rates.check_operation(there, &Actor::Nobody, &of_act("signIn", 6), 1)), "answered");
        assert_eq!(
            told(rates.check_operation(there, &Actor::Nobody, &of_act("signIn", 6), 1)),
            "RATE_LIMITED 6 of 6 \"signIn\" 61 s"
        );
        assert_eq!(
            told(rates.check_operation(there, &Actor::Nobody, &of_act("signIn", 7), 1)),
            "RATE_LIMITED 7 of 6 \"signIn\" 60 s"
        );
    }

    #[test]
    fn a_site_may_as_much_as_eight_of_its_networks_however_many_it_takes() {
        let clock = FakeRelativeClock::default();
        let settings = Settings {
            requests_per_minute_by_address: NonZeroU32::new(2),
            operations_per_minute: vec![("signIn", most(2))],
            cost_per_minute: NonZeroU32::new(3),
            ..Settings::default()
        };
        let rates = Rates::by(&clock, &settings);
        let of =
            |site: u128, n: u128| ClientAddress(IpAddr::V6(((0x2001_0db8_0000 + site) << 80 | n << 64 | 1).into()));
        let answered = |ask: &dyn Fn(ClientAddress) -> Result<(), Problem>| {
            let outcomes = (0..40).flat_map(|n| [ask(of(1, n)), ask(of(1, n))]);
            let within = outcomes.filter(Result::is_ok).count();
            assert!(ask(of(2, 0)).is_ok(), "another site");
            within
        };
        assert_eq!(answered(&|address| rates.check_address(address)), 16);
        let once = of_act("signIn", 1);
        assert_eq!(answered(&|address| rates.check_operation(address, &Actor::Nobody, &once, 0)), 16);
        let nothing = BTreeMap::new();
        assert_eq!(answered(&|address| rates.check_operation(address, &Actor::Nobody, &nothing, 2)), 12);
        assert!(rates.check_operation(of(1, 99), &somebody(1), &once, 2).is_ok(), "an account is counted by itself");
        clock.advance(Duration::from_secs(60));
        assert!(rates.check_address(of(1, 50)).is_ok(), "it comes back");
    }

    #[test]
    fn what_operations_cost_adds_up_and_is_given_back_by_the_minute() {
        let clock = FakeRelativeClock::default();
        let settings = Settings { cost_per_minute: NonZeroU32::new(1_000), ..Settings::default() };
        let rates = Rates::by(&clock, &settings);
        let here = ClientAddress(IpAddr::from([192, 0, 2, 1]));
        let ask = |who: u128, cost| told(rates.check_operation(here, &somebody(who), &BTreeMap::new(), cost));
        assert_eq!(ask(1, 600), "answered");
        assert_eq!(ask(1, 600), "RATE_LIMITED 600 of 1000 \"of cost\" 13 s");
        assert_eq!(ask(1, 400), "answered", "what was refused cost nothing");
        assert_eq!(ask(2, 600), "answered", "another account, at the same address");
        clock.advance(Duration::from_secs(36));
        assert_eq!(ask(1, 600), "answered");
        assert_eq!(ask(1, 1), "RATE_LIMITED 1 of 1000 \"of cost\" 1 s");
    }
}
