//! What Rabta does: it loads, lets the domain decide, and saves, each in one transaction; and it
//! knows the outside world, which the domain doesn't.
//!
//! In reading order: the market, its transactions, then a file a room.

pub mod failure;
pub mod clock;
pub mod ids;
pub mod market;
pub mod tx;
mod facts;
pub mod idempotency;
pub mod page;
mod save;
pub mod sql;
pub mod outbox;
mod herald;
mod follow;
pub mod timer;
pub mod worker;
pub mod embedded;
pub mod migrate;
pub mod vitals;
pub mod audit;
pub mod ledger;
pub mod books;
pub mod password;
pub mod token;
pub mod mail;
pub mod throttle;
pub mod user;
pub mod session;
pub mod account;
pub mod second_factor;
pub mod organization;
pub mod skill;
pub mod profile;
pub mod matching;
pub mod notification;
pub mod sandbox;
pub mod demo;
pub mod policy;
pub mod offer;
pub mod contract;
pub mod history;
pub mod milestone;
pub mod dispute;
pub mod timesheet;
pub mod stripe;
pub mod payments;
pub mod outage;
pub mod payment;
pub mod webhook;
pub mod bonus;
pub mod review;
pub mod statement;
pub mod gig;
pub mod saved_search;
pub mod vault;
pub mod screening;
pub mod rails;
pub mod payout;
pub mod invitation;
pub mod proposal;

pub use facts::Scene;
pub use failure::{Failure, Fault};
pub use market::Market;
pub use tx::{Call, Tx};
