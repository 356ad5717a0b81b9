//! Fields of an input object are given once. The parser keeps the last of each, so this is read from the text.

use std::collections::HashSet;

use async_graphql::Pos;

use super::lexer::tokens_of;
use crate::http::Problem;

/// A bracket that is open.
enum Open<'a> {
    /// An input object, and what was given of it so far.
    Object(HashSet<&'a [u8]>),
    /// Anything else; arguments, or what is within them?
    Other {
        /// In arguments braces are objects, elsewhere they are selections.
        arguments: bool,
    },
}

/// Refuse a well-formed document in which a field of an input object is given twice.
pub fn check(text: &str) -> Result<(), Problem> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut before = None;
    for token in tokens_of(text) {
        match token.bytes {
            b"(" => open.push(Open::Other { arguments: true }),
            b"{" | b"[" => {
                let within = matches!(open.last(), Some(Open::Object(_) | Open::Other { arguments: true }));
                open.push(match token.bytes {
                    b"{" if within => Open::Object(HashSet::new()),
                    _ => Open::Other { arguments: within },
                });
            }
            b")" | b"]" | b"}" => drop(open.pop()),
            b":" => {
                if let (Some(Open::Object(given)), Some(name)) = (open.last_mut(), before)
                    && !given.insert(name)
                {
                    let name = String::from_utf8_lossy(name);
                    let message = format!("the field \"{name}\" of an input object is given twice");
                    return Err(Problem::document("GRAPHQL_VALIDATION_FAILED", message).at(place(text, token.at)));
                }
            }
            _ => {}
        }
        before = Some(token.bytes);
    }
    Ok(())
}

/// The line and the column of what has so many bytes before it.
fn place(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Pos { line, column }
}
