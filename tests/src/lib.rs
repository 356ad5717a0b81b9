//! The harness: a whole Rabta on a database of its own, with a clock that can be turned, reached
//! only through its public API.

pub mod app;
pub mod database;
pub mod fingerprint;
pub mod introspect;
pub mod reply;

pub use app::{TestApp, Visitor};
pub use reply::Reply;
