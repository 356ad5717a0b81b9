//! Rabta's GraphQL API: it translates. Nothing here opens a transaction or decides who may do what.
//!
//! In reading order: the door, the schema and what every resolver uses, then a file a room.

// Every room's mutations are merged into one type, and the compiler looks through all of them at once.
#![recursion_limit = "512"]

pub mod http;
pub mod operations;
pub mod schema;
pub mod backend;
pub mod webhook;
pub mod context;
pub mod user_error;
pub mod act;
pub mod event_kind;
pub mod key;
pub mod node;
pub mod connection;
pub mod money;
pub mod loader;
pub mod user;
pub mod session;
pub mod account;
pub mod second_factor;
pub mod passkey;
pub mod demo;
pub mod organization;
pub mod gig;
pub mod skill;
pub mod profile;
pub mod matching;
pub mod offer;
pub mod contract;
pub mod history;
pub mod milestone;
pub mod dispute;
pub mod timesheet;
pub mod payment;
pub mod bonus;
pub mod policy;
pub mod outage;
pub mod statement;
pub mod payee;
pub mod payout;
pub mod wire;
pub mod papers;
pub mod compliance;
pub mod audit;
pub mod screening;
pub mod reconciliation;
pub mod correction;
pub mod review;
pub mod invitation;
pub mod conversation;
pub mod proposal;
pub mod saved_search;
pub mod webhook_endpoint;
pub mod block;
pub mod notification;
pub mod sandbox;
pub mod limits;
