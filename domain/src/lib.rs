//! What Rabta decides, without doing any of it.
//!
//! Verbs take what they need as arguments: the state, who acts, the time, fresh ids, the terms.
//! They answer with a [`change::Change`] or a [`refusal::Refusal`]. Nothing here reads a clock,
//! draws a random number, awaits, or knows of a database; that is what lets a seed replay a whole
//! marketplace.
//!
//! In reading order:

pub mod id;
pub mod money;
pub mod access;
pub mod refusal;
pub mod audit;
pub mod policy;
pub mod change;
pub mod event;
pub mod timer;
pub mod fx;
pub mod ledger;
pub mod credit;
pub mod escrow;
pub mod password;
pub mod account;
pub mod second_factor;
pub mod passkey;
pub mod user;
pub mod session;
pub mod organization;
pub mod skill;
pub mod profile;
pub mod notification;
pub mod milestone;
pub mod outage;
pub mod timesheet;
pub mod dispute;
pub mod payee;
pub mod payout;
pub mod wire;
pub mod submission;
pub mod payment;
pub mod screening;
pub mod reconciliation;
pub mod correction;
pub mod contract;
pub mod history;
pub mod bearer;
pub mod bonus;
pub mod offer;
pub mod review;
pub mod gig;
pub mod saved_search;
pub mod webhook_endpoint;
pub mod block;
pub mod invitation;
pub mod conversation;
pub mod proposal;
pub mod papers;
pub mod compliance;
pub mod matching;

/// An instant, in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
