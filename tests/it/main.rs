//! Rabta as its users meet it. A file a room, and a few that watch the house itself.

#![recursion_limit = "512"]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop")]

mod audit;
mod bad_input;
mod coverage;
mod journey;
mod embedded;
mod explorer;
mod leak;
mod licences;
mod gig;
mod matching;
mod invitation;
mod migrate;
mod node;
mod notification;
mod organization;
mod outage;
mod offer;
mod bonus;
mod policy;
mod contract;
mod history;
mod milestone;
mod dispute;
mod timesheet;
mod model;
mod paging;
mod papers;
mod payee;
mod payment;
mod payout;
mod review;
mod statement;
mod leaks;
mod ledger;
mod proposal;
mod race;
mod reconciliation;
mod repeat;
mod saved_search;
mod session;
mod account;
mod second_factor;
mod seen;
mod skill;
mod stripe;
mod profile;
mod schema;
mod tidy;
mod user;
mod wire;
mod worker;
