//! Rabta as its users meet it.

mod embedded;
mod migrate;
