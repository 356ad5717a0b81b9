//! The whole journey, played over the API as two people and their companies would: posted, matched,
//! won, funded, delivered and paid. Every step says what it did and checks what came of it.

mod door;
mod player;
mod story;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

pub use door::Door;
pub use player::Player;
pub use story::play;

/// Why the journey did not get through.
#[derive(Debug, Clone)]
pub struct Stumble(String);

impl Stumble {
    /// A stumble, in words.
    pub fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl fmt::Display for Stumble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stumble {}

/// What the journey left behind.
#[derive(Debug)]
pub struct Journey {
    /// The client's owner.
    pub client: Player,
    /// The freelancer.
    pub freelancer: Player,
    /// The ids of everything that came to be, by what it is: `gig`, `proposal`, `milestone`.
    pub ids: BTreeMap<String, String>,
}

/// The text at a path like `gig.client.id` of an answer.
fn text(value: &Value, path: &str) -> Result<String, Stumble> {
    at(value, path).as_str().map(str::to_owned).ok_or_else(|| Stumble::new(format!("no text at {path} in {value}")))
}

/// The value at a path of an answer.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| match name.parse::<usize>() {
        Ok(place) => &value[place],
        Err(_) => &value[name],
    })
}

/// Check that the value at a path is what it should be.
fn expect(value: &Value, path: &str, wanted: impl Into<Value>) -> Result<(), Stumble> {
    let (found, wanted) = (at(value, path), wanted.into());
    if *found == wanted { Ok(()) } else { Err(Stumble::new(format!("{path} should be {wanted}, and is {found}"))) }
}
