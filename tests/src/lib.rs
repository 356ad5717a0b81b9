//! The harness: a whole Rabta on a database of its own, with a clock that can be turned, reached
//! only through its public API.

#![recursion_limit = "256"]
#![expect(clippy::expect_used, reason = "a test that can't go on should stop")]

pub mod app;
pub mod authenticator;
pub mod books;
pub mod crowd;
pub mod database;
pub mod deals;
pub mod disputes;
pub mod fingerprint;
pub mod hours;
pub mod introspect;
pub mod leaks;
pub mod people;
pub mod receiver;
pub mod reply;
pub mod stripe;
pub mod twice;
pub mod wire;
pub mod world;

pub use app::{Frozen, Statements, TestApp, Visitor, get};
pub use authenticator::Authenticator;
pub use deals::Deal;
pub use disputes::{DISPUTE, Quarrel};
pub use hours::Hours;
pub use people::{PASSWORD, Person, TOKENS};
pub use reply::Reply;
pub use stripe::StripeDouble;
pub use wire::{Heard, Socket, Wire};
pub use world::World;

/// Let others go on before something is looked at again: who looks all the time keeps the machine from what is waited
/// for.
pub async fn moment() {
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
}
