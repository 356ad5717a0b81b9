//! Rabta as its users meet it. A file a room, and a few that watch the house itself.

mod embedded;
mod licences;
mod migrate;
mod organization;
mod schema;
mod tidy;
