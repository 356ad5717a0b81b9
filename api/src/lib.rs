//! Rabta's GraphQL API.

pub mod http;
