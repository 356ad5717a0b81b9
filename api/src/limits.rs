//! What a document may ask, found out before the library looks at it.
//!
//! Validation and execution expand fragments, so a document of 800 bytes can cost them seconds and
//! gigabytes. Here a document is counted first: its tokens before it is parsed, then its expanded
//! size from the bottom up, each fragment once, however often it is spread. What passes is small
//! for everybody after us. On the way, the few rules are checked in which the library is laxer than
//! the reference implementation.
//!
//! Each refusal says the limit and the value.

mod complete;
mod cost;
mod documents;
mod lexer;
mod merge;
mod shape;
mod strict;
mod survey;
mod unique;
mod usages;
mod values;
mod variables;

#[cfg(test)]
mod tests;

pub use complete::Form;
pub use documents::{Documents, Plan};
pub use shape::Shape;

/// How much one request may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Tokens of a document.
    pub tokens: u64,
    /// Brackets within brackets, of any kind.
    pub nesting: u64,
    /// Operations in a document.
    pub operations: u64,
    /// Variables of one operation.
    pub variables: u64,
    /// Values in the variables that come with a request: each list and object, and what is in them.
    pub values: u64,
    /// Fields within fields, fragments followed.
    pub depth: u64,
    /// Selections, with every fragment written out wherever it is spread.
    pub size: u64,
    /// Fields with another name, fragments written out.
    pub aliases: u64,
    /// Directives, fragments written out.
    pub directives: u64,
    /// The same field within one selection set, under whatever names.
    pub repeats: u64,
    /// Names for the same value within one selection set: of a field with nothing within and no arguments.
    pub leaf_names: u64,
    /// Fields of a mutation: acts in one request.
    pub mutations: u64,
    /// Lists within lists of the introspection schema: as many as graphql-js takes.
    pub introspection_lists: u64,
    /// Lists of the introspection schema, fragments written out: tools ask for some ten.
    pub introspection_reads: u64,
    /// The cost of an operation: a field costs one, times the sizes of the pages around it.
    pub cost: u64,
    /// The page size that is counted where an operation says none.
    pub page: u64,
    /// The length that is counted for a list without pages.
    pub list: u64,
    /// Memory for parsed documents, in bytes, about.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 4_000,
            nesting: 64,
            operations: 50,
            variables: 100,
            values: 2_000,
            depth: 16,
            size: 3_000,
            aliases: 60,
            directives: 60,
            repeats: 20,
            leaf_names: 2,
            mutations: 10,
            introspection_lists: 2,
            introspection_reads: 16,
            cost: 10_000,
            page: 20,
            list: 5,
            cache_bytes: 16 * 1024 * 1024,
        }
    }
}
