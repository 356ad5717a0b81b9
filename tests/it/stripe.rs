//! Stripe: the adapter that is meant for the real one, against a double that speaks HTTP and takes
//! nothing but what the real one would.

mod debits;
mod faults;
mod once;
mod rails;
mod saved;
pub mod story;
mod webhook;
