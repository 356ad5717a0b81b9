//! The simulated marketplace, a room a file. In reading order: the world and what can happen in it;
//! how the dice choose what happens next, and how it is carried out; the outside world; what must
//! be true after every step; and playing many worlds.
//!
//! Choosing is apart from carrying out, so that another marketplace, on a database, can be led
//! through the same moves.

pub mod dice;
pub mod books;
pub mod moves;
pub mod world;
pub mod choose;
pub mod haste;
pub mod trade;
pub mod act;
pub mod hours;
pub mod trading;
pub mod words;
pub mod payouts;
pub mod corrections;
pub mod people;
pub mod outages;
pub mod bank;
pub mod cards;
pub mod outside;
pub mod end;
pub mod reconcile;
pub mod owed;
pub mod ways;
pub mod check;
pub mod planted;
pub mod verbs;
pub mod run;
