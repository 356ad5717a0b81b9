//! Matching: which people for a gig, which gigs for a person, and why.
//!
//! Hard constraints leave people out and count whom they left out; a scoring model ranks the rest;
//! a fairness step places qualified newcomers within a bound on lost relevance. Everything is a
//! function of its arguments, in whole numbers: the same input and the same [`model::Model`] give
//! the same answer on every node, in whatever order the input came.
//!
//! A [`Match`] explains itself: its factors are weights in thousandths times values in millionths,
//! and those products, in billionths, add up to the score exactly.
//!
//! In reading order:

pub mod text;
pub mod taxonomy;
pub mod thesaurus;
pub mod fixed;
pub mod embedding;
pub mod lexical;
pub mod graph;
pub mod occupation;
pub mod retrieval;
pub mod offline;
pub mod features;
pub mod role;
pub mod reading;
pub mod intake;
pub mod shipped;
pub mod overlap;
pub mod model;
pub mod knowledge;
pub mod constraint;
pub mod reputation;
pub mod evidence;
pub mod score;
pub mod bring;
pub mod improve;
pub mod fairness;
pub mod rank;
pub mod gap;
pub mod exposure;
pub mod index;
pub mod simulation;
pub mod learn;

pub use constraint::{Barrier, LeftOut};
pub use evidence::Evidence;
pub use features::{GigFeatures, PersonFeatures};
pub use fixed::{Score, Value, Weight};
pub use improve::Improvement;
pub use index::Index;
pub use knowledge::Knowledge;
pub use model::Model;
pub use rank::{Match, Matcher, Placement, Ranking};
pub use score::{Factor, FactorKind};
pub use taxonomy::{Skill, Taxonomy};
